"""A visit as a letter in large print, for who has no email: a PDF to print and post.

Typeset by Typst, which writes tagged PDF: headings, lists and the language are there
for who has it read aloud, too.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from markdown_it.token import Token

from services import languages, translation
from services.models import Clinic
from services.plain_text import COMMONMARK, without_blocks

from . import calendars, messages, preparing, spoken, words
from .models import Appointment, Resource
from .policy import Status

TEMPLATE = settings.BASE_DIR / "templates" / "letters" / "visit.typ"

# A letter about what will not be has nothing to get ready for.
TO_COME = {Status.PENDING, Status.PROPOSED, Status.WAITLIST, Status.BOOKED}


@dataclass(frozen=True, slots=True)
class Run:
    """Words in one style."""

    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph ("text") or a line of a list ("item").

    `is_english` is said of English in a letter in another language.
    """

    kind: str
    runs: list[Run]
    is_english: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A heading and what stands under it."""

    heading: str
    blocks: list[Block]


def make(visit: Appointment, now: datetime, **options: Any) -> bytes:
    """Return the letter as a PDF, in the language in use. `options` are Typst's."""
    import typst  # noqa: PLC0415 -- 80 MB, for the few who print a letter

    text = json.dumps(content(visit, now))
    made = typst.compile(TEMPLATE, sys_inputs={"letter": text}, **options)
    assert isinstance(made, bytes)  # noqa: S101 -- for the type checker
    return made


def content(visit: Appointment, now: datetime) -> dict[str, Any]:
    """Return what the letter says, as JSON can hold it."""
    clinic = Clinic.objects.first()
    if clinic:
        translation.say([clinic], note=False)
    parts = _parts(visit, clinic, now) if visit.status in TO_COME else []
    return {
        "language": translation.language_at_hand(),
        # Readers show it as the title of the window.
        "title": _("Letter about your visit"),
        "date": languages.said(words.local(now), "F j, Y"),
        "to": _addressee(visit),
        "heading": messages.heading(visit, now),
        "lines": [*_lines(visit, now), *_notes(parts)],
        "facts": _facts(visit, clinic),
        "parts": [asdict(part) for part in [*parts, _questions(clinic)]],
    }


def _addressee(visit: Appointment) -> list[str]:
    """Return who opens the letter, a line each: the patient, with whom we speak."""
    name = visit.patient.full_name
    if not visit.requested_by_is_contact or not visit.requested_by_name:
        return [name]
    return [name, _("c/o %(name)s") % {"name": visit.requested_by_name}]


def _lines(visit: Appointment, now: datetime) -> list[str]:
    """Return what the state means for the patient, one paragraph each."""
    if visit.status == Status.PENDING:
        lines = [_("It is not an appointment until we confirm it.")]
        if visit.reply_by and visit.reply_by > now:
            by = words.moment(visit.reply_by)
            lines.append(_("We answer by %(when)s.") % {"when": by})
        return lines
    if visit.status == Status.PROPOSED:
        return [_("Call us to take one of these times. Until then none is booked.")]
    if visit.status == Status.WAITLIST:
        return [_("When a time becomes free that suits you, we offer it to you.")]
    if visit.status == Status.CANCELLED:
        return [_("Please do not come.")]
    return []


def _notes(parts: list[Part]) -> list[str]:
    """Return what to know of the translation, a paragraph each."""
    notes = []
    if translation.book(translation.language_at_hand()).by_draft:
        notes.append(
            _("Demo: this translation has not been reviewed by a qualified person.")
        )
    if any(block.is_english for part in parts for block in part.blocks):
        notes.append(
            _(
                "Parts of this letter are in English, because nobody qualified has"
                " reviewed their translation yet. Do you need an interpreter? It is"
                " free."
            )
        )
    return notes


def _facts(visit: Appointment, clinic: Clinic | None) -> list[dict[str, str]]:
    facts = [
        (_("When"), _times(visit)),
        (_("How long"), words.length(visit.minutes)),
        (_("With"), _clinicians(visit)),
        (_("Where"), calendars.address(clinic, after_name="\n") if clinic else ""),
        (_("Your reference"), visit.reference),
    ]
    return [{"label": label, "value": value} for label, value in facts if value]


def _times(visit: Appointment) -> str:
    if visit.start:
        return words.moment(visit.start)
    open_times = visit.proposals.open()
    if visit.status == Status.PROPOSED:
        open_times = visit.proposals.offers()
    return "\n".join(words.moment(proposal.start) for proposal in open_times)


def _clinicians(visit: Appointment) -> str:
    if visit.status != Status.BOOKED:
        return ""
    rows = visit.reservations.filter(
        expires_at=None, resource__kind=Resource.Kind.CLINICIAN
    ).select_related("resource__clinician")
    for row in rows:
        spoken.say_who(row.resource)
    return "; ".join(words.who(row.resource) for row in rows)


def _parts(visit: Appointment, clinic: Clinic | None, now: datetime) -> list[Part]:
    bring, from_us = preparing.papers(visit, now)
    found = [
        Part(_("Because of your answers"), _advice(visit)),
        Part(_("How to get ready"), _ready(visit)),
        Part(_("At a glance"), _at_a_glance(visit)),
        Part(_("Papers to bring"), [_text(paper, "item") for paper in bring]),
        Part(_("From us"), [_text(paper) for paper in from_us]),
        Part(
            _("Who comes with you"),
            [_text(line) for line in preparing.company(visit, now)],
        ),
        Part(_("Getting here"), _of_clinic(clinic, "getting_here")),
        Part(_("Step-free access"), _of_clinic(clinic, "step_free_access")),
    ]
    return [part for part in found if part.blocks]


def _advice(visit: Appointment) -> list[Block]:
    kept = visit.answers.values_list("question", "advice")
    english = set() if translation.is_english() else set(chain.from_iterable(kept))
    blocks = []
    for found in spoken.because(visit, mark=False):
        for question, answer in found.answers:
            runs = [Run(f"{question} "), Run(answer, strong=True)]
            blocks.append(Block("text", runs, is_english=question in english))
        blocks.append(
            Block("text", [Run(found.advice)], is_english=found.advice in english)
        )
    return blocks


def _ready(visit: Appointment) -> list[Block]:
    ready = preparing.ready(visit)
    blocks = read(ready.text, is_english=ready.is_english)
    if ready.changed:
        changed = _(
            "This text has changed since you asked for the visit. Please follow it as"
            " it is now."
        )
        blocks.insert(0, Block("text", [Run(changed, strong=True)]))
    return blocks


def _at_a_glance(visit: Appointment) -> list[Block]:
    found = list(visit.visit_type.service.facts.all())
    translation.say(found)
    return [
        Block(
            "item",
            [Run(f"{fact.label}: ", strong=True), Run(fact.value)],
            is_english=not {"label", "value"}.isdisjoint(fact.left_english),
        )
        for fact in found
    ]


def _of_clinic(clinic: Clinic | None, name: str) -> list[Block]:
    if clinic is None:
        return []
    return read(getattr(clinic, name), is_english=name in clinic.left_english)


def _questions(clinic: Clinic | None) -> Part:
    help_is = _(
        "If your symptoms suddenly get worse, or it is an emergency, call 911. Do not"
        " wait for an appointment."
    )
    blocks = [_text(help_is)]
    if clinic and clinic.phone:
        call = _("Call us at %(phone)s, and say your reference.")
        phone = languages.left_to_right(clinic.phone)
        blocks.insert(0, _text(call % {"phone": phone}))
    return Part(_("Questions, or cannot come?"), blocks)


def _text(text: str, kind: str = "text") -> Block:
    return Block(kind, [Run(text)])


def read(markdown: str, *, is_english: bool = False) -> list[Block]:
    """Return the paragraphs and lists of a text; HTML in it is left out.

    A table becomes a paragraph for each of its cells, and a list in a list one list.
    """
    found: list[Block] = []
    depth = 0
    for token in COMMONMARK.parse(without_blocks(markdown)):
        depth += {"list_item_open": 1, "list_item_close": -1}.get(token.type, 0)
        if token.type == "inline":
            runs = _runs(token.children or [])
            kind = "item" if depth else "text"
            found.append(Block(kind, runs, is_english=is_english))
    return found


def _runs(tokens: list[Token]) -> list[Run]:
    found, strong = [], 0
    for token in tokens:
        strong += {"strong_open": 1, "strong_close": -1}.get(token.type, 0)
        if token.type in ("text", "code_inline") and token.content:
            found.append(Run(token.content, bool(strong)))
        elif token.type in ("softbreak", "hardbreak"):
            found.append(Run(" "))
    return found
