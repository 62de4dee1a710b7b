"""Somebody who waits for a time no longer does."""

from datetime import datetime

from booking.errors import NotPossibleNow
from booking.models import Appointment
from booking.policy import Act, Status

from .cancel import end
from .road import By, act, check_right, lock_visit
from .waiting import open_entry


@act
def leave(
    appointment_id: int,
    *,
    by: By,
    now: datetime,
    note: str = "",
    private_note: str = "",
    seen_version: int | None = None,
) -> Appointment:
    """Take a visit without a time off the list, which ends it.

    Leaving what was left returns the visit and sends nothing.

    Raises NotPossibleNow, ChangedMeanwhile or NotAllowed.
    """
    check_right(Act.LEAVE, by)
    visit = lock_visit(appointment_id, now)
    if visit.status == Status.CANCELLED:
        return visit
    if open_entry(visit) is None:
        raise NotPossibleNow
    return end(
        visit,
        Act.LEAVE,
        by=by,
        now=now,
        note=note,
        private_note=private_note,
        seen_version=seen_version,
    )
