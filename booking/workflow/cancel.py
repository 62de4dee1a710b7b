"""A request is withdrawn, or a booked visit cancelled: two words for two things.

Leaving the waiting list is a third.
"""

from datetime import datetime

from booking import messages
from booking.models import Appointment, Proposal
from booking.policy import Act, Actor, CancellationReason, Status, ending

from .road import (
    By,
    act,
    check_cutoff,
    check_move,
    check_right,
    free_time,
    lock_visit,
    record,
    time_data,
)
from .waiting import WhyEnded, open_entry, stop_waiting


@act
def cancel(
    appointment_id: int,
    *,
    by: By,
    now: datetime,
    note: str = "",
    private_note: str = "",
    for_patient: bool = False,
    seen_version: int | None = None,
) -> Appointment:
    """End a visit before it takes place, and free its time at once.

    A request is withdrawn, a booked visit cancelled; who waits leaves the list.
    `for_patient`: staff do it because the patient asked them to.
    Cancelling what is cancelled returns the visit and sends nothing.

    Raises TooLate for a patient shortly before a booked visit, NotPossibleNow,
    ChangedMeanwhile or NotAllowed.
    """
    visit = lock_visit(appointment_id, now)
    move = ending(visit.status, on_list=open_entry(visit) is not None)
    check_right(move, by)
    if visit.status == Status.CANCELLED:
        return visit
    return end(
        visit,
        move,
        by=by,
        now=now,
        note=note,
        private_note=private_note,
        for_patient=for_patient,
        seen_version=seen_version,
    )


def end(
    visit: Appointment,
    move: Act,
    *,
    by: By,
    now: datetime,
    note: str,
    private_note: str,
    for_patient: bool = False,
    seen_version: int | None,
) -> Appointment:
    """End the locked visit by the `move`, with its offers and its place on the list."""
    check_move(visit, move, seen_version)
    check_cutoff(visit, by, now)
    known = messages.known_otherwise(visit, now) if move == Act.CANCEL else {}
    resources = free_time(visit, now)
    visit.proposals.open().update(outcome=Proposal.Outcome.WITHDRAWN)
    stop_waiting(visit, WhyEnded.LEFT if move == Act.LEAVE else WhyEnded.CANCELLED, now)
    visit.cancellation_reason = (
        CancellationReason.PATIENT
        if by.actor == Actor.PATIENT or for_patient
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
        data=time_data(visit) | {"freed": resources} | known,
    )
    messages.owe(messages.ENDINGS[move], event, now=now)
    return visit
