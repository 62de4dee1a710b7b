"""A patient asks for another time, and keeps theirs until the clinic says yes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from booking import messages
from booking.errors import AlreadyAsked, NotAllowed, NotPossibleNow
from booking.models import Appointment, Ignoring, Message, Proposal
from booking.policy import MAX_CHOICES, Act, Actor, ChangeRefusal

from .agree import agree
from .request import first_of_free, hold_first, plans_for, propose, reply_promise
from .road import (
    By,
    act,
    as_text,
    check_cutoff,
    check_move,
    check_right,
    end_wish,
    has_begun,
    is_repeat,
    lock_visit,
    record,
    take_proposed,
)
from .waiting import Outcome, stop_waiting_at


@act
def ask_change(
    appointment_id: int,
    starts: Sequence[datetime],
    *,
    by: By,
    now: datetime,
    seen_version: int | None = None,
) -> Appointment:
    """Ask for one to three other times for a booked visit, ranked.

    All must be free for the public, beside the visit's own time. That stays booked;
    the first choice is held, too, as that of a request is, until the answer is due.
    Where the visit type lets patients change at once, the visit moves there. The same
    asked again gets the visit, and nothing is sent.

    Raises AlreadyAsked while others wait for an answer, TooLate, TimeTaken or
    TimeNotOffered, whose params name the choice by rank, NotPossibleNow,
    ChangedMeanwhile or NotAllowed; ValueError for fewer or more times.
    """
    if not 1 <= len(set(starts)) == len(starts) <= MAX_CHOICES:
        raise ValueError("a change is to one to three different times")
    check_right(Act.ASK_CHANGE, by)
    visit = lock_visit(appointment_id, now)
    if _is_asked(visit, starts, by):
        return visit
    if visit.wants_change:
        raise AlreadyAsked
    check_move(visit, Act.ASK_CHANGE, seen_version)
    check_cutoff(visit, by, now)
    if has_begun(visit, now):
        raise NotPossibleNow
    kind = visit.visit_type
    plans = plans_for(
        kind, starts, now=now, clinician=visit.wanted_clinician, ignoring=Ignoring(),
        is_agreed=kind.changes_at_once, has_referral=visit.has_referral,
    )  # fmt: skip
    taken = first_of_free(plans, now)
    if kind.changes_at_once:
        [choice] = propose(visit, starts[:1])
        stop_waiting_at(visit, choice.start, now)
        return agree(
            visit, choice, taken, Act.CHANGE, by=by, now=now, others=Outcome.WITHDRAWN
        )
    # Who is not answered in time comes when they were to come.
    visit.reply_by = min(reply_promise(kind, now, plans[starts[0]]), visit.start or now)
    choices = propose(visit, starts)
    asked = [[choice.pk, as_text(choice.start)] for choice in choices]
    data: dict[str, Any] = {"choices": asked, "reply_by": as_text(visit.reply_by)}
    if kind.holds_first_choice:
        hold_first(visit, choices[0], taken)
        data["holds"] = len(taken)
    event = record(visit, Act.ASK_CHANGE, by=by, now=now, data=data)
    messages.owe(Message.Kind.CHANGE_ASKED, event, now=now, choices=choices)
    return visit


def _is_asked(visit: Appointment, starts: Sequence[datetime], by: By) -> bool:
    """Tell whether the last that was done is that these times were asked for."""
    if is_repeat(visit, Act.CHANGE, by):
        return visit.start == starts[0]
    wanted = visit.proposals.wanted().order_by("rank")
    return is_repeat(visit, Act.ASK_CHANGE, by) and list(starts) == [
        choice.start for choice in wanted
    ]


@act
def stop_change(
    appointment_id: int, *, by: By, now: datetime, seen_version: int | None = None
) -> Appointment:
    """Take the wish for another time back; the visit stays as it is. Twice is as once.

    Raises NotPossibleNow, ChangedMeanwhile or NotAllowed.
    """
    check_right(Act.STOP_CHANGE, by)
    visit = lock_visit(appointment_id, now)
    if is_repeat(visit, Act.STOP_CHANGE, by):
        return visit
    _check_wish(visit, Act.STOP_CHANGE, seen_version)
    end_wish(visit, Outcome.WITHDRAWN)
    event = record(visit, Act.STOP_CHANGE, by=by, now=now)
    messages.owe(Message.Kind.CHANGE_STOPPED, event, now=now)
    return visit


@act
def grant_change(
    appointment_id: int,
    proposal_id: int,
    *,
    by: By,
    now: datetime,
    seen_version: int | None = None,
) -> Appointment:
    """Move the visit to one of the times that the patient asked for instead.

    Its own time is free for others then. Who accepts the same time again gets the
    visit, and nothing is sent.

    Raises TimeTaken when the time went to somebody else, NotPossibleNow,
    ChangedMeanwhile or NotAllowed.
    """
    check_right(Act.CHANGE, by)
    if by.actor != Actor.STAFF:  # patients change by asking, where they may at once
        raise NotAllowed
    visit = lock_visit(appointment_id, now)
    choice = visit.proposals.filter(by=Proposal.By.PATIENT, pk=proposal_id).first()
    taken = choice is not None and choice.outcome == Outcome.ACCEPTED
    if taken and is_repeat(visit, Act.CHANGE, by):
        return visit
    _check_wish(visit, Act.CHANGE, seen_version)
    if choice is None or choice.outcome != Outcome.OPEN or has_begun(visit, now):
        raise NotPossibleNow
    rows = take_proposed(visit, choice, now)
    stop_waiting_at(visit, choice.start, now)
    return agree(
        visit, choice, rows, Act.CHANGE, by=by, now=now, others=Outcome.DECLINED
    )


@act
def refuse_change(
    appointment_id: int,
    *,
    reason: ChangeRefusal,
    by: By,
    now: datetime,
    note: str = "",
    private_note: str = "",
    seen_version: int | None = None,
) -> Appointment:
    """Say that the other times cannot be had; the visit stays as it is.

    `note` is read by the patient, `private_note` by staff only. Who says so again for
    the same reason gets the visit, and nothing is sent.

    Raises NotPossibleNow, ChangedMeanwhile or NotAllowed.
    """
    check_right(Act.REFUSE_CHANGE, by)
    visit = lock_visit(appointment_id, now)
    if is_repeat(visit, Act.REFUSE_CHANGE, by):
        if visit.events.latest("version").reason == reason:
            return visit
        raise NotPossibleNow
    _check_wish(visit, Act.REFUSE_CHANGE, seen_version)
    end_wish(visit, Outcome.DECLINED)
    visit.note_to_patient = note
    event = record(
        visit, Act.REFUSE_CHANGE, by=by, now=now, reason=reason,
        private_note=private_note,
    )  # fmt: skip
    messages.owe(Message.Kind.CHANGE_REFUSED, event, now=now)
    return visit


def _check_wish(visit: Appointment, move: Act, seen_version: int | None) -> None:
    """Raise unless the locked visit is booked, with an open wish for another time."""
    check_move(visit, move, None)
    if not visit.wants_change:
        raise NotPossibleNow
    check_move(visit, move, seen_version)
