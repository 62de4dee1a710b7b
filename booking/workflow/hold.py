"""A soft hold: the time stays free for somebody who is filling in the form."""

from datetime import datetime, timedelta
from typing import Any

from booking.models import Ignoring, Reservation, Resource, VisitType
from booking.policy import HOLD_MINUTES

from .road import act, clear, lock_for, take_time


@act
def hold(
    visit_type: VisitType,
    start: datetime,
    *,
    key: str,
    now: datetime,
    clinician: Resource | None = None,
    has_referral: bool = False,
    held_since: datetime | None = None,
) -> datetime:
    """Hold the time for the holder of `key`, instead of any they held before.

    The same, held since then, has not become too soon meanwhile.
    Return when the hold lapses. Raises TimeTaken or TimeNotOffered; then an earlier
    hold of theirs stays as it was.
    """
    return _take(
        visit_type, start, key, now, clinician=clinician, has_referral=has_referral,
        held_since=held_since,
    )  # fmt: skip


@act
def renew(
    visit_type: VisitType,
    start: datetime,
    *,
    key: str,
    now: datetime,
    clinician: Resource | None = None,
    has_referral: bool = False,
    held_since: datetime | None = None,
) -> datetime:
    """Let the hold of a time last its full time from now on.

    One that is no more, since it lapsed or gave way to a closure, is taken anew where
    the time is free. Return when it lapses. Raises as `hold`.
    """
    expires_at = _lapses(now)
    # What holds still needs no lock: nobody else may take it, or clears it.
    if Reservation.objects.live(now).held_under(key).update(expires_at=expires_at):
        return expires_at
    return _take(
        visit_type, start, key, now, clinician=clinician, has_referral=has_referral,
        held_since=held_since,
    )  # fmt: skip


@act
def release(key: str) -> None:
    """Give a held time back, as somebody leaves the form or goes back."""
    Reservation.objects.held_under(key).delete()


def _take(
    visit_type: VisitType, start: datetime, key: str, now: datetime, **asked: Any
) -> datetime:
    """Hold the time under the locks; `asked` is what `take_time` takes besides."""
    locked = lock_for(visit_type, key)
    rows = take_time(
        visit_type, start, now=now, ignoring=Ignoring(key), locked=locked, **asked
    )
    clear(locked, now, key)
    expires_at = _lapses(now)
    for row in rows:
        row.hold_key, row.expires_at = key, expires_at
    Reservation.objects.bulk_create(rows)
    return expires_at


def _lapses(now: datetime) -> datetime:
    return now + timedelta(minutes=HOLD_MINUTES)
