"""The clinic answers a request: yes to one of its times, or no with a reason."""

from datetime import datetime

from booking import messages
from booking.errors import NotPossibleNow
from booking.models import Appointment, Message, Proposal, Reservation
from booking.policy import Act, CancellationReason, DeclineReason

from .road import (
    By,
    act,
    check_move,
    check_right,
    free_time,
    held_data,
    is_repeat,
    lock_visit,
    record,
    series_data,
    take_proposed,
    time_data,
)
from .waiting import WhyEnded, stop_waiting


@act
def accept(
    appointment_id: int,
    proposal_id: int,
    *,
    by: By,
    now: datetime,
    seen_version: int | None = None,
) -> Appointment:
    """Book the visit at one of the times that the patient asked for.

    Who accepts the same time again gets the visit, and nothing is sent; a colleague
    is told who was faster.

    Raises TimeTaken when the time went to somebody else meanwhile, AlreadyAnswered,
    NotPossibleNow, ChangedMeanwhile or NotAllowed.
    """
    check_right(Act.ACCEPT, by)
    visit = lock_visit(appointment_id, now)
    proposal = visit.proposals.filter(pk=proposal_id).first()
    taken = proposal is not None and proposal.outcome == Proposal.Outcome.ACCEPTED
    if taken and is_repeat(visit, Act.ACCEPT, by):
        return visit
    check_move(visit, Act.ACCEPT, seen_version)
    if proposal is None or proposal.outcome != Proposal.Outcome.OPEN:
        raise NotPossibleNow
    rows = take_proposed(visit, proposal, now)
    return accept_at(visit, proposal, rows, by=by, now=now)


def accept_at(
    visit: Appointment,
    proposal: Proposal,
    rows: list[Reservation],
    *,
    by: By,
    now: datetime,
) -> Appointment:
    """Give the locked visit the time that was taken for its proposal."""
    free_time(visit, now)
    for row in rows:
        row.appointment, row.proposal = visit, proposal
    Reservation.objects.bulk_create(rows)
    visit.proposals.open().exclude(pk=proposal.pk).update(
        outcome=Proposal.Outcome.DECLINED
    )
    proposal.outcome = Proposal.Outcome.ACCEPTED
    proposal.save(update_fields=["outcome"])
    visit.start, visit.end = proposal.start, proposal.end
    visit.reply_by = None
    event = record(
        visit,
        Act.ACCEPT,
        by=by,
        now=now,
        data=time_data(visit) | held_data(rows) | series_data(visit),
    )
    messages.owe(Message.Kind.CONFIRMED, event, now=now)
    return visit


@act
def decline(
    appointment_id: int,
    *,
    reason: DeclineReason,
    by: By,
    now: datetime,
    note: str = "",
    private_note: str = "",
    seen_version: int | None = None,
) -> Appointment:
    """Say no to a request, with a coded reason and what the patient can do instead.

    `note` is read by the patient, `private_note` by staff only. Who declines again
    for the same reason gets the visit, and nothing is sent.

    Raises AlreadyAnswered, NotPossibleNow, ChangedMeanwhile or NotAllowed.
    """
    check_right(Act.DECLINE, by)
    visit = lock_visit(appointment_id, now)
    if visit.decline_reason == reason and is_repeat(visit, Act.DECLINE, by):
        return visit
    check_move(visit, Act.DECLINE, seen_version)
    free_time(visit, now)
    visit.proposals.open().update(outcome=Proposal.Outcome.DECLINED)
    stop_waiting(visit, WhyEnded.CANCELLED, now)
    visit.cancellation_reason = CancellationReason.DECLINED
    visit.decline_reason = reason
    visit.note_to_patient = note
    visit.reply_by = None
    event = record(
        visit, Act.DECLINE, by=by, now=now, reason=reason, private_note=private_note
    )
    messages.owe(Message.Kind.DECLINED, event, now=now)
    return visit
