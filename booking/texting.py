"""Text messages: how one is handed over, and what is done when somebody says stop.

Which supplier carries them is a setting, the name of a function such as those below.
"""

import json
import logging
import re
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.utils.module_loading import import_string

from .models import Message, Patient
from .models.texting import TextStop, number_index

logger = logging.getLogger(__name__)

# Each of them alone ends all texts. Source: 47 CFR 64.1200(a)(10); Spanish beside it.
STOP_WORDS = {
    "stop", "stopall", "quit", "end", "revoke", "opt out", "optout", "cancel",
    "unsubscribe", "alto", "parar",
}  # fmt: skip
# These mean it in a sentence, too.
PLAIN_WORDS = re.compile(r"\b(stop|unsubscribe|revoke|opt out|alto|parar)\b")


def send(to: str, words: str, key: str) -> None:
    """Hand a text to whoever carries it; `key` tells a repeat from a second one.

    Raises what the backend does.
    """
    import_string(settings.TEXT_BACKEND)(to, words, key)


def to_console(to: str, words: str, key: str) -> None:
    """Carry it to the log of the worker, without the number."""
    logger.info("A text of %d characters, %s.", len(words), key)


def to_file(to: str, words: str, key: str) -> None:
    """Carry it to a file of its own, such as while developing."""
    folder = Path(settings.TEXT_FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w-]", "", key)
    said = json.dumps({"to": to, "words": words, "key": key}, ensure_ascii=False)
    (folder / f"{name}.json").write_text(said + "\n")


def means_stop(words: str) -> bool:
    """Tell whether somebody wants no more texts, in English or Spanish."""
    said = " ".join(re.findall(r"[^\W_]+", words.lower()))
    return said in STOP_WORDS or bool(PLAIN_WORDS.search(said))


def stop(number: str, now: datetime, *, user: User | None = None) -> bool:
    """Send no more texts to the number; tell whether that is new.

    What waits to be sent is not. Mail and calls go on.
    """
    waiting = Message.objects.owed().filter(
        channel=Message.Channel.TEXT,
        appointment__patient__in=Patient.objects.with_phone(number),
    )
    waiting.update(overtaken_at=now)
    known = TextStop.objects.of(number)
    agreed = Patient.objects.with_phone(number).filter(text_consent__isnull=False)
    last = agreed.order_by("-text_consent__at").values_list("text_consent__at").first()
    if known.filter(at__gte=last[0]).exists() if last else known.exists():
        return False
    TextStop.objects.create(
        number_index=number_index(number),
        purpose=TextStop.Purpose.ALL,
        at=now,
        user=user,
    )
    return True
