"""A visit is given a time, its first or another: what `take` and `move` both do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from booking import messages
from booking.models import Appointment, Message, Proposal, Reservation, Resource
from booking.policy import Act, Status

from .road import By, as_text, free_time, held_data, record, time_data
from .waiting import Outcome


def agree(
    visit: Appointment,
    proposal: Proposal,
    rows: Sequence[Reservation],
    move: Act,
    *,
    by: By,
    now: datetime,
    others: Proposal.Outcome,
) -> Appointment:
    """Give the locked visit the time of the proposal, and tell the patient.

    `rows` were taken for it. What the visit had is freed, with what was offered beside
    it: those proposals end as `others`. A calendar entry that the patient has is
    replaced. Whether they still wait for another time is the caller's to say.
    """
    moved = visit.status == Status.BOOKED
    data: dict[str, Any] = {}
    if moved:
        # What the message names. The time before is that of an earlier event.
        data["moved_from"] = as_text(messages.known_start(visit, now))
    before = _clinicians(visit) if moved else set()
    free_time(visit, now)
    visit.proposals.open().exclude(pk=proposal.pk).update(outcome=others)
    visit.proposals.filter(outcome=Outcome.ACCEPTED).update(outcome=Outcome.MOVED)
    proposal.outcome = Outcome.ACCEPTED
    proposal.save()
    for row in rows:
        row.appointment, row.proposal = visit, proposal
    Reservation.objects.bulk_create(rows)
    visit.start, visit.end = proposal.start, proposal.end
    visit.reply_by = None
    visit.calendar_sequence += moved
    data |= time_data(visit) | held_data(rows)
    if moved and before != _clinicians(visit):
        data["other_clinician"] = True
    event = record(visit, move, by=by, now=now, data=data)
    kind = Message.Kind.MOVED if moved else Message.Kind.CONFIRMED
    messages.owe(kind, event, now=now)
    return visit


def _clinicians(visit: Appointment) -> set[int]:
    """Return who sees the patient, by key; whom an offer holds is apart."""
    rows = visit.reservations.filter(
        expires_at=None, resource__kind=Resource.Kind.CLINICIAN
    )
    return set(rows.values_list("resource_id", flat=True))
