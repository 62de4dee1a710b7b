"""Staff move a booked visit to another time that is free for it."""

from datetime import datetime

from booking.errors import NotPossibleNow, SameTime
from booking.models import Appointment, Ignoring, Proposal, Reservation, Resource
from booking.policy import TRANSITIONS, Act

from .agree import agree
from .road import (
    By,
    act,
    check_move,
    check_right,
    has_begun,
    is_repeat,
    lock_visit,
    take_time,
)
from .waiting import Outcome, stop_waiting_at


@act
def move(
    appointment_id: int,
    start: datetime,
    *,
    by: By,
    now: datetime,
    clinician: Resource | None = None,
    seen_version: int | None = None,
) -> Appointment:
    """Book the visit at `start` instead of its own time, which others can have then.

    With `clinician`, or whoever is free; the engine chooses the rest. What was offered
    to the patient is taken back with the same message. Whoever waits for an earlier
    time, and gets one, is off the list. Moved there again by the same person, it stays,
    and nothing is sent.

    Raises TimeTaken or TimeNotOffered, SameTime, NotPossibleNow, ChangedMeanwhile or
    NotAllowed.
    """
    check_right(Act.MOVE, by)
    visit = lock_visit(appointment_id, now)
    if visit.start == start and is_repeat(visit, Act.MOVE, by):
        return visit
    check_move(visit, Act.MOVE, seen_version)
    if has_begun(visit, now):
        raise NotPossibleNow
    if visit.start == start:
        raise SameTime
    rows = _take(visit, start, clinician, now)
    stop_waiting_at(visit, start, now)
    proposal = Proposal(
        appointment=visit,
        by=Proposal.By.CLINIC,
        start=start,
        end=start + visit.duration,
        rank=1,
    )
    return agree(
        visit, proposal, rows, Act.MOVE, by=by, now=now, others=Outcome.WITHDRAWN
    )


def can_move(visit: Appointment, now: datetime) -> bool:
    """Tell whether staff can move the visit as it is now."""
    return visit.status in TRANSITIONS[Act.MOVE].sources and not has_begun(visit, now)


def moved_to(
    visit: Appointment, start: datetime, *, clinician: Resource | None, now: datetime
) -> list[Resource]:
    """Return what the visit would take at another time, in the order of their kinds.

    The engine answers, as it will under the lock. Raises TimeTaken, TimeNotOffered or
    SameTime.
    """
    if visit.start == start:
        raise SameTime
    rows = _take(visit, start, clinician, now)
    return list(Resource.objects.filter(pk__in=[row.resource_id for row in rows]))


def _take(
    visit: Appointment, start: datetime, clinician: Resource | None, now: datetime
) -> list[Reservation]:
    return take_time(
        visit.visit_type,
        start,
        now=now,
        clinician=clinician,
        ignoring=Ignoring(appointment_id=visit.pk),
        by_staff=True,
    )
