"""A patient asks for a time, or staff ask on the phone for them."""

import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings

from booking import limits, messages, once, policy
from booking.errors import DifferentRequest, TimeTaken
from booking.models import (
    WAS_SENT,
    Appointment,
    AppointmentEvent,
    Ignoring,
    Message,
    Patient,
    Plan,
    PreparationText,
    Proposal,
    Reservation,
    Resource,
    ScreeningAnswer,
    TextConsent,
    VisitType,
    Wish,
    Wording,
    locking,
    open_windows,
)
from booking.models.texting import version_of
from booking.policy import Act, Actor
from services import rows

from .road import (
    By,
    act,
    as_text,
    check_right,
    clear,
    plan_for,
    record,
    take_from,
    time_data,
)

# No letter that looks or sounds like a digit or another letter.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered question, worded as the patient saw it."""

    code: str
    question: str
    answer: str
    flag: str
    advice: str = ""


@dataclass(frozen=True)
class NewRequest:
    """All that a patient told us. `choices` are one to three starts, ranked.

    Who joins the waiting list has no choices, but a `wish`. Patients never read the
    `private_note` of whoever books for them.
    """

    visit_type: VisitType
    choices: Sequence[datetime]
    patient: Mapping[str, Any]
    payer: str
    clinician: Resource | None = None
    has_referral: bool = False
    answers: Sequence[Answer] = ()
    payer_details: Mapping[str, str] = field(default_factory=dict)
    requested_by_name: str = ""
    requested_by_relation: str = ""
    requested_by_is_contact: bool = False
    # The words beside the box that they may arrange care, if it was ticked.
    may_arrange: str = ""
    wish: Wish | None = None
    private_note: str = ""
    # For which purposes texts may be sent, each with the words beside its box; and from
    # where the ticks came.
    texts: Mapping[str, str] = field(default_factory=dict)
    address: str = ""

    @property
    def preparation(self) -> Wording:
        """Return how to get ready, as this patient reads it."""
        language = self.patient.get("message_language", settings.LANGUAGE_CODE)
        return Wording.of(self.visit_type.service, language)

    @cached_property
    def digest(self) -> str:
        """Return a keyed digest of the content, to tell a repeat from a new one."""
        # Nobody asks for something else by reading the page in another language.
        told = {k: v for k, v in self.patient.items() if k != "message_language"}
        content = [
            self.visit_type.code,
            [choice.timestamp() for choice in self.choices],
            told,
            self.payer,
            self.clinician and self.clinician.pk,
            self.has_referral,
            [[a.code, a.answer] for a in self.answers],
            dict(self.payer_details),
            self.requested_by_name,
            self.requested_by_relation,
        ]
        if self.requested_by_name:
            content.append(self.requested_by_is_contact)
            content.append(bool(self.may_arrange))
        if self.wish:
            content.append(asdict(self.wish))
        if self.private_note:
            content.append(self.private_note)
        if self.texts:
            content.append(dict(self.texts))
        return once.digest(content)


@act
def request(
    asked: NewRequest,
    *,
    key: uuid.UUID,
    by: By,
    now: datetime,
    hold_key: str = "",
    held_since: datetime | None = None,
    counted: Sequence[limits.Counted] = (),
    also: Callable[[Appointment], None] = lambda visit: None,
) -> Appointment:
    """Record a request for one to three times, hold the first, and promise an answer.

    `key` makes it safe to send twice: the second answer is the first one's visit. All
    choices must be free; only the first is held, until the answer is due, and only if
    the visit type says so. A hold under `hold_key` does not stand in its own way, and
    what it has kept since `held_since` does not become too soon meanwhile. For staff,
    who ask for a caller, the rules for the public do not hold. What is recorded is
    `counted`. `also` is done with the visit in the same transaction, each time, as the
    last that is written.

    Raises TimeTaken or TimeNotOffered, whose params name the choice by rank, TooMany,
    and DifferentRequest when the key was used for other content.
    """
    check_right(Act.REQUEST, by)
    named = {
        Patient: 1, Appointment: 1, AppointmentEvent: 1, Proposal: len(asked.choices)
    }  # fmt: skip
    wording = asked.preparation
    with locking(
        asked.visit_type, hold_key,
        WAS_SENT(key=key.hex), wording.known, *rows.new_keys(named),
    ) as locked:  # fmt: skip
        plans = plans_for(
            asked.visit_type, asked.choices, now=now, clinician=asked.clinician,
            ignoring=Ignoring(hold_key), by_staff=by.actor == Actor.STAFF,
            has_referral=asked.has_referral, locked=locked, held_since=held_since,
        )  # fmt: skip
    sent, known, *keys = locked.also
    if before := sent_before(asked, sent):
        also(before)
        return before

    limits.count(counted, now=now)
    taken = first_of_free(plans, now)
    plan = plans[asked.choices[0]]
    preparation = wording.row(known)
    with rows.together(named, keys):
        clear(locked.keys, now, hold_key)
        visit = new_visit(asked, key, now, preparation)
        visit.reply_by = promise_for(asked, now, held_since, plan)
        promise = {"reply_by": as_text(visit.reply_by)}
        data = time_data(visit) | promise
        if asked.visit_type.holds_first_choice:
            data["holds"] = len(taken)
        event = record(visit, Act.REQUEST, by=by, now=now, data=data)
        choices = propose(visit, asked.choices)
        if asked.visit_type.holds_first_choice:
            hold_first(visit, choices[0], taken)
        keep_answers(visit, asked.answers)
        messages.owe(Message.Kind.RECEIVED, event, now=now, choices=choices)
        also(visit)
    return visit


def sent_before(asked: NewRequest, sent: str | None) -> Appointment | None:
    """Return the visit that WAS_SENT found, if any. Raises DifferentRequest."""
    if sent is None:
        return None
    before = Appointment.objects.get(pk=sent)
    if before.request_digest != asked.digest:
        raise DifferentRequest(reference=before.reference)
    return before


def new_visit(
    asked: NewRequest,
    key: uuid.UUID,
    now: datetime,
    preparation: PreparationText | None = None,
) -> Appointment:
    """Return the unsaved visit of a patient who is now on record."""
    patient = rows.add(rows.new(Patient, **asked.patient))
    if asked.texts:
        TextConsent.give(patient, asked.texts, asked.address, now)
    return rows.new(
        Appointment,
        reference=new_reference(),
        patient=patient,
        visit_type=asked.visit_type,
        wanted_clinician=asked.clinician,
        has_referral=asked.has_referral,
        preparation=preparation or asked.preparation.read(),
        requested_at=now,
        payer=asked.payer,
        payer_details=dict(asked.payer_details),
        requested_by_name=asked.requested_by_name,
        requested_by_relation=asked.requested_by_relation,
        requested_by_is_contact=asked.requested_by_is_contact,
        requested_by_may_arrange=bool(asked.may_arrange),
        may_arrange_wording=asked.may_arrange,
        may_arrange_version=version_of(asked.may_arrange),
        may_arrange_at=now if asked.may_arrange else None,
        request_key=key,
        request_digest=asked.digest,
    )


def keep_answers(
    visit: Appointment, answers: Iterable[Answer | ScreeningAnswer]
) -> None:
    kept = [
        rows.new(
            ScreeningAnswer,
            appointment=visit,
            order=order,
            code=a.code,
            question=a.question,
            answer=a.answer,
            flag=a.flag,
            advice=a.advice,
        )
        for order, a in enumerate(answers)
    ]
    if kept:
        rows.add_all(kept)


def plans_for(
    visit_type: VisitType, starts: Sequence[datetime], **asked: Any
) -> dict[datetime, Plan]:
    """Return the plan of each start, in order; `asked` is as in `plan_for`."""
    return {start: plan_for(visit_type, start, **asked) for start in starts}


def first_of_free(plans: Mapping[datetime, Plan], now: datetime) -> list[Reservation]:
    """Return the unsaved reservations of the first choice, all choices being free."""
    found = []
    for rank, (start, plan) in enumerate(plans.items(), 1):
        try:
            found.append(take_from(plan, start, now=now))
        except TimeTaken as error:
            raise type(error)(rank=rank, **error.params) from None
    return found[0]


def hold_first(visit: Appointment, choice: Proposal, taken: list[Reservation]) -> None:
    """Hold what was taken for the first choice until the answer is due."""
    for row in taken:
        row.appointment, row.proposal = visit, choice
        row.expires_at = visit.reply_by
    rows.add_all(taken)


def propose(visit: Appointment, choices: Sequence[datetime]) -> list[Proposal]:
    """Write the patient's choices as ranked proposals."""
    proposals = [
        rows.new(
            Proposal,
            appointment=visit,
            by=Proposal.By.PATIENT,
            start=start,
            end=start + visit.duration,
            rank=rank,
        )
        for rank, start in enumerate(choices, 1)
    ]
    return rows.add_all(proposals)


def new_reference() -> str:
    """Return a random reference such as K7MP-3QXD, to be read out on the phone."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def promise_for(
    asked: NewRequest,
    now: datetime,
    held_since: datetime | None = None,
    plan: Plan | None = None,
) -> datetime:
    """Return when the clinic owes an answer to a request for times made `now`.

    Before all of them: for those that were held, counted from when that began.
    """
    due = reply_promise(asked.visit_type, now, plan)
    if held_since and due >= min(asked.choices):
        return reply_promise(asked.visit_type, held_since)
    return due


def reply_promise(
    visit_type: VisitType, now: datetime, plan: Plan | None = None
) -> datetime:
    """Return when the clinic owes an answer to a request made `now`.

    Counted in the clinic's opening hours, without its closures. The plan by which one
    of its times was free, if it was made for the public, knows that already.
    """
    due = plan.answer_due if plan else None
    if due is None:
        at = int(now.timestamp())
        due = policy.reply_by(at, visit_type.reply_promise, open_windows(now))
    return datetime.fromtimestamp(due, now.tzinfo)
