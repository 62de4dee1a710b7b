"""What is kept between the pages of a request: one encrypted blob in the session.

Nothing is kept before the emergency check is passed. Once the request is sent, the
answers go and only what the last page needs stays: a page sent again, the back button
or a second tab then all lead there. Two hours after the last page that goes, too: the
next person at a shared computer must not find it.
"""

import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from django.contrib.sessions.backends.base import SessionBase

from .encryption import Unreadable, decrypt, encrypt

SESSION_KEY = "request"
LIFETIME = timedelta(hours=2)

# The fields of one step as they were typed, by name.
Typed = Mapping[str, Sequence[str]]


@dataclass
class Draft:
    """The answers so far, by step. `began` and `used` are instants.

    `request_key` makes one request of it however often it is sent; `hold_key` holds
    the chosen time, since `held`, if it could be held; `wanted` is what the link that
    led here asked for. `unsent` is what stood on pages that were left for another
    language, no answer yet.
    """

    began: datetime
    used: datetime
    request_key: uuid.UUID = field(default_factory=uuid.uuid4)
    hold_key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    held: datetime | None = None
    wanted: dict[str, str] = field(default_factory=dict)
    answers: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    unsent: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def keep(self, step: str, typed: Typed, forgets: Sequence[str] = ()) -> None:
        """Keep the answers of a step; if they are new, drop those of `forgets`."""
        if self.answers.get(step) != typed:
            self.forget(*forgets)
        self.answers[step] = _as_lists(typed)
        self.unsent.pop(step, None)

    def put_by(self, step: str, typed: Typed) -> None:
        """Keep what stands on a page as it is, without taking it for an answer."""
        self.unsent[step] = _as_lists(typed)

    def forget(self, *steps: str) -> None:
        for step in steps:
            self.answers.pop(step, None)
            self.unsent.pop(step, None)


@dataclass(frozen=True, slots=True)
class Sent:
    """What is left once the request is on its way."""

    appointment_id: int
    reference: str


def load(session: SessionBase, now: datetime) -> Draft | Sent | None:
    """Return what the session keeps; None when nothing, or too long untouched."""
    try:
        kept = json.loads(decrypt(session[SESSION_KEY]))
    except (KeyError, Unreadable):
        return None
    used = datetime.fromisoformat(kept.pop("used"))
    if now >= used + LIFETIME:
        return None
    if "reference" in kept:
        return Sent(**kept)
    return Draft(
        began=datetime.fromisoformat(kept["began"]),
        used=used,
        request_key=uuid.UUID(kept["request_key"]),
        hold_key=kept["hold_key"],
        held=datetime.fromisoformat(kept["held"]) if kept.get("held") else None,
        wanted=kept["wanted"],
        answers=kept["answers"],
        unsent=kept.get("unsent", {}),
    )


def save(session: SessionBase, what: Draft | Sent, now: datetime) -> None:
    """Keep it in the session, as of `now`."""
    if isinstance(what, Draft):
        what.used = now
    kept = asdict(what) | {"used": now}
    session[SESSION_KEY] = encrypt(json.dumps(kept, default=_as_text))


def drop(session: SessionBase) -> None:
    """Keep nothing more, nor the session itself if that was all it was for."""
    session.pop(SESSION_KEY, None)
    if not session.keys():
        session.flush()


def _as_lists(typed: Typed) -> dict[str, list[str]]:
    return {name: list(values) for name, values in typed.items()}


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
