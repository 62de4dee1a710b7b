"""Staff make a visit that is booked from the start, for somebody on the phone."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from booking import messages
from booking.models import (
    WAS_SENT,
    Appointment,
    Ignoring,
    Message,
    Proposal,
    Reservation,
    locking,
)
from booking.policy import Act

from .request import NewRequest, keep_answers, new_visit, sent_before
from .road import (
    By,
    act,
    check_right,
    clear,
    held_data,
    plan_for,
    record,
    series_data,
    take_from,
    time_data,
)


@act
def book(asked: NewRequest, *, key: uuid.UUID, by: By, now: datetime) -> Appointment:
    """Book a visit at the one time in `asked.choices`, and tell the patient.

    `key` makes it safe to send twice: the second answer is the first one's visit.
    Notice and horizon are waived, which are rules for the public.

    Raises TimeTaken or TimeNotOffered, DifferentRequest when the key was used for other
    content, or NotAllowed.
    """
    check_right(Act.BOOK, by)
    [start] = asked.choices
    with locking(asked.visit_type, "", WAS_SENT(key=key.hex)) as locked:
        plan = plan_for(
            asked.visit_type, start, now=now, clinician=asked.clinician,
            ignoring=Ignoring(), by_staff=True, locked=locked,
        )  # fmt: skip
    if before := sent_before(asked, *locked.also):
        return before
    taken = take_from(plan, start, now=now)
    clear(locked.keys, now)
    visit = new_visit(asked, key, now)
    book_at(visit, start, taken, by=by, now=now, private_note=asked.private_note)
    keep_answers(visit, asked.answers)
    return visit


def book_at(
    visit: Appointment,
    start: datetime,
    taken: Sequence[Reservation],
    *,
    by: By,
    now: datetime,
    private_note: str = "",
) -> None:
    """Write the new visit with the time that was taken for it: a proposal of ours."""
    visit.start, visit.end = start, start + visit.duration
    data = time_data(visit) | held_data(taken) | series_data(visit)
    event = record(
        visit, Act.BOOK, by=by, now=now, data=data, private_note=private_note
    )
    proposal = Proposal.objects.create(
        appointment=visit,
        by=Proposal.By.CLINIC,
        start=visit.start,
        end=visit.end,
        rank=1,
        outcome=Proposal.Outcome.ACCEPTED,
    )
    for row in taken:
        row.appointment, row.proposal = visit, proposal
    Reservation.objects.bulk_create(taken)
    messages.owe(Message.Kind.CONFIRMED, event, now=now)
