"""What makes a form safe to send twice: a key that it carries, new on each page.

The key is written in the transaction of the act, with a digest of what was sent and,
once it is done, the answer. Sent again, a form gets that answer and nothing is done;
with other content it is refused. Who sends it at the same moment waits for the first.
A key is no lock on anything else, and is forgotten after two days.
"""

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from .errors import DifferentForm
from .models import FormKey

# The hidden field that carries the key.
FIELD = "form_key"
KEPT = timedelta(days=2)


def key_in(sent: Mapping[str, Any]) -> uuid.UUID | None:
    """Return the key that a form carries; None for one without, or with no such key."""
    try:
        return uuid.UUID(str(sent.get(FIELD, "")))
    except ValueError:
        return None


def begin(key: uuid.UUID, content: Any, *, now: datetime) -> Any:
    """Return None for a form that is new, else the answer that it got before.

    Call it first in the transaction that does what the form asks for, and `end` last.
    Raises DifferentForm when the key came with other content before.
    """
    mine = FormKey(key=key, digest=digest(content), at=now)
    # Waits while another transaction has written the same key and has not ended.
    FormKey.objects.bulk_create([mine], ignore_conflicts=True)
    found = FormKey.objects.get(pk=key)
    if found.attempt == mine.attempt:
        return None
    if found.digest != mine.digest:
        raise DifferentForm(answer=found.answer)
    return found.answer


def end(key: uuid.UUID, answer: Any) -> None:
    """Keep the answer, which is not None and names rows by key, never a patient."""
    FormKey.objects.filter(pk=key).update(answer=answer)


def take_back(key: uuid.UUID) -> None:
    """Forget a key, in its own transaction, because nothing came of the form."""
    FormKey.objects.filter(pk=key).delete()


def purge(now: datetime) -> None:
    """Delete the keys of forms that nobody sends again."""
    FormKey.objects.filter(at__lt=now - KEPT).delete()


def digest(content: Any) -> str:
    """Return a keyed digest of plain values, to tell a repeat from something new."""
    text = json.dumps(content, sort_keys=True, default=str).encode()
    return hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()
