"""A request is withdrawn, or a booked visit cancelled: two words for two things."""

from datetime import datetime

from booking import messages
from booking.models import Appointment, Message, Proposal
from booking.policy import Act, Actor, CancellationReason, Status

from .road import (
    By,
    act,
    check_move,
    check_right,
    free_time,
    lock_visit,
    record,
    time_data,
)


@act
def cancel(
    appointment_id: int,
    *,
    by: By,
    now: datetime,
    note: str = "",
    private_note: str = "",
    seen_version: int | None = None,
) -> Appointment:
    """Withdraw a pending request or cancel a booked visit, and free its time at once.

    Cancelling what is cancelled returns the visit and sends nothing.

    Raises NotPossibleNow, ChangedMeanwhile or NotAllowed.
    """
    visit = lock_visit(appointment_id, now)
    move = Act.WITHDRAW if visit.status == Status.PENDING else Act.CANCEL
    check_right(move, by)
    if visit.status == Status.CANCELLED:
        return visit
    check_move(visit, move, seen_version)
    resources = free_time(visit, now)
    visit.proposals.open().update(outcome=Proposal.Outcome.WITHDRAWN)
    visit.cancellation_reason = (
        CancellationReason.PATIENT
        if by.actor == Actor.PATIENT
        else CancellationReason.CLINIC
    )
    visit.note_to_patient = note
    visit.reply_by = None
    if move == Act.CANCEL:
        visit.calendar_sequence += 1
    event = record(
        visit,
        move,
        by=by,
        now=now,
        reason=visit.cancellation_reason,
        private_note=private_note,
        data=time_data(visit) | {"freed": resources},
    )
    kind = Message.Kind.WITHDRAWN if move == Act.WITHDRAW else Message.Kind.CANCELLED
    messages.owe(kind, event, now=now)
    return visit
