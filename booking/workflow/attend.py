"""What becomes of a visit on its day: the patient is here, was seen, did not come."""

from datetime import datetime

from django.utils import timezone

from booking import messages
from booking.errors import NotItsTime
from booking.models import Appointment, Resource
from booking.policy import ATTENDING, TRANSITIONS, Act, Status

from .road import (
    By,
    act,
    check_move,
    check_right,
    end_wish,
    free_offers,
    free_time,
    has_begun,
    is_repeat,
    lock_visit,
    record,
)
from .waiting import Outcome, WhyEnded, stop_waiting

# After these, the visit is over.
ENDS = (Act.COMPLETE, Act.MISS)


@act
def attend(
    appointment_id: int,
    move: Act,
    *,
    by: By,
    now: datetime,
    seen_version: int | None = None,
) -> Appointment:
    """Record what staff see of the patient. No message is owed for it.

    ARRIVE is for the day of the visit, and so is NOT_YET, which takes it back; COMPLETE
    and MISS are for when the visit has begun, and for ever after. What was recorded can
    be put right: somebody missed was seen after all, or the other way round. Completed
    or missed, the visit holds no time any more; with the first of all these, offers of
    an earlier time end. The same said again by the same person returns the visit.

    A clinician records it of their own visits, the front desk of all.

    Raises NotItsTime, NotPossibleNow, ChangedMeanwhile or NotAllowed.
    """
    visit = lock_visit(appointment_id, now)
    if not is_own(visit, by):
        check_right(move, by)
    if is_repeat(visit, move, by):
        return visit
    check_move(visit, move, seen_version)
    if not _is_its_time(visit, move, now):
        raise NotItsTime
    if visit.status == Status.BOOKED:
        end_wish(visit, Outcome.WITHDRAWN)
        free_offers(visit)
        visit.proposals.open().update(outcome=Outcome.WITHDRAWN)
        stop_waiting(visit, WhyEnded.EXPIRED, now)
    freed = {"freed": free_time(visit, now)} if move in ENDS else {}
    record(visit, move, by=by, now=now, data=freed)
    messages.overtake_calls(visit, now)
    return visit


def is_own(visit: Appointment, by: By) -> bool:
    """Tell whether it is the visit of the clinician whose account acts."""
    if not by.user or not by.user.has_perm("booking.see_own_day"):
        return False
    resource = Resource.objects.filter(user=by.user).first()
    return resource is not None and visit.is_with(resource)


def recordable(visit: Appointment, now: datetime) -> list[Act]:
    """Return what can be recorded of a visit now, likeliest first."""
    return [
        move
        for move in ATTENDING
        if visit.status in TRANSITIONS[move].sources and _is_its_time(visit, move, now)
    ]


def _is_its_time(visit: Appointment, move: Act, now: datetime) -> bool:
    """Tell whether that can have happened to a visit that has a time."""
    if move in ENDS:
        return has_begun(visit, now)
    assert visit.start  # noqa: S101 -- the database refuses a booked visit without
    return timezone.localdate(visit.start) == timezone.localdate(now)
