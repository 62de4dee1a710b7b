"""The last day has passed on which somebody who waits could come."""

from datetime import datetime

from booking import messages
from booking.models import Appointment, Message, WaitingListEntry
from booking.policy import TRANSITIONS, Act, CancellationReason, Status

from .road import SYSTEM, act, has_begun, lock_visit, record
from .waiting import WhyEnded, open_entry, stop_waiting


@act
def expire(appointment_id: int, *, now: datetime) -> Appointment:
    """End a wish whose last day has passed; without a booked time, the visit with it.

    While there is an offer, or the wish is not over, nothing changes. A visit that is
    booked stays as it is, and nobody is told: there is nothing to do.
    """
    visit = lock_visit(appointment_id, now)
    entry = open_entry(visit)
    if entry is None or not is_over(entry, visit, now):
        return visit
    possible = visit.status in TRANSITIONS[Act.EXPIRE].sources
    if not possible or visit.proposals.offers().exists():
        return visit
    stop_waiting(visit, WhyEnded.EXPIRED, now)
    if visit.status == Status.BOOKED:
        record(visit, Act.EXPIRE, by=SYSTEM, now=now)
        messages.overtake_calls(visit, now)
        return visit
    visit.cancellation_reason = CancellationReason.EXPIRED
    event = record(
        visit, Act.EXPIRE, by=SYSTEM, now=now, reason=visit.cancellation_reason
    )
    messages.owe(Message.Kind.LIST_ENDED, event, now=now)
    return visit


def is_over(entry: WaitingListEntry, visit: Appointment, now: datetime) -> bool:
    """Tell whether no time can be found any more: too late, or the visit has begun."""
    return has_begun(visit, now) or entry.wish.is_over(now)
