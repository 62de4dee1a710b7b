"""What a patient does, brings and knows before a visit, from what is recorded of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _

from services.translation import language_at_hand

from . import paperwork
from .models import Appointment, Paper

# From this age on, people agree to a treatment by themselves. We have no source for it:
# the clinic has to check it with its lawyer. Younger patients are only asked to call.
OF_AGE = 18

# What a paper that is still open asks of the patient. An estimate asks nothing.
BRING: dict[str, str | Promise] = {
    Paper.Kind.REFERRAL: _(
        "Your referral or order. You can also ask your doctor to send it to us before."
    ),
    Paper.Kind.AUTHORIZATION: _(
        "What your insurer has written to you about this visit, such as a claim number"
        " or a permission (authorization)."
    ),
    Paper.Kind.CARD: _("Your insurance card."),
}
COMES_FROM_US: dict[str, str | Promise] = {
    Paper.Kind.ESTIMATE: _(
        "We owe you an estimate of the cost in writing (good faith estimate). Call us"
        " if you do not have it yet."
    ),
}


@dataclass(frozen=True, slots=True)
class Ready:
    """How to get ready, in Markdown: as it is now, and how that differs from before.

    `before` is what the patient was shown when they asked. `new` and `gone` are the
    lines that were added and left out since; both are empty where the two are in
    different languages, or have blocks, of which a line alone could say the opposite
    ("Do not"). `is_english` says that the text could not be translated.
    """

    text: str
    changed: bool = False
    before: str = ""
    new: str = ""
    gone: str = ""
    is_english: bool = False


def ready(visit: Appointment) -> Ready:
    """Return how to get ready for a visit.

    What is true now comes first, whatever was shown: it may be about safety.
    """
    service, shown = visit.visit_type.service, visit.preparation
    text, is_english = service.preparation, "preparation" in service.left_english
    if shown is None or shown.still_says(service):
        return Ready(text, is_english=is_english)
    before: dict[str, Any] = {
        "changed": True,
        "before": shown.text,
        "is_english": is_english,
    }
    in_blocks = ":::" in text + shown.text
    if is_english or shown.language != language_at_hand() or in_blocks:
        return Ready(text, **before)
    new, gone = _lines_not_in(text, shown.text), _lines_not_in(shown.text, text)
    return Ready(text, **before, new=new, gone=gone)


def _lines_not_in(text: str, other: str) -> str:
    known = {line.strip() for line in other.splitlines()}
    return "\n".join(line for line in text.splitlines() if line.strip() not in known)


def papers(visit: Appointment, now: datetime) -> tuple[list[str], list[str]]:
    """Return what to bring, and what the patient should have had from us."""
    kinds = [i.kind for i in paperwork.of_visit(visit, now) if i.is_open]
    bring = [str(BRING[kind]) for kind in kinds if kind in BRING]
    return bring, [str(COMES_FROM_US[kind]) for kind in kinds if kind in COMES_FROM_US]


def company(visit: Appointment, now: datetime) -> list[str]:
    """Return who comes with the patient, a paragraph each."""
    said = []
    if is_under_age(visit, now):
        said.append(
            _(
                "The patient is under 18. Call us before the visit, and ask if a parent"
                " or guardian has to come along."
            )
        )
    if visit.patient.needs_interpreter:
        said.append(
            _(
                "You asked for an interpreter. It is free. You do not have to bring"
                " anybody to interpret."
            )
        )
    said.append(
        _(
            "Would you like to bring somebody, or do you need help to get here or home?"
            " Call us before the visit."
        )
    )
    return [str(line) for line in said]


def is_under_age(visit: Appointment, now: datetime) -> bool:
    """Tell whether the patient is a minor on the day of the visit. Not known: no."""
    born = visit.patient.birth_date
    day = localdate(visit.start or now)
    if born is None:
        return False
    return (
        day.year - born.year - ((day.month, day.day) < (born.month, born.day)) < OF_AGE
    )
