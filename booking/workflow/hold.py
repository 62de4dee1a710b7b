"""A soft hold: the time stays free for somebody who is filling in the form."""

from datetime import datetime, timedelta

from booking.models import Ignoring, Reservation, Resource, VisitType, locking
from booking.policy import HOLD_MINUTES

from .road import act, clear, take_time


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
    with locking(visit_type, key) as locked:
        rows = take_time(
            visit_type, start, now=now, clinician=clinician, has_referral=has_referral,
            ignoring=Ignoring(key), locked=locked, held_since=held_since,
        )  # fmt: skip
    clear(locked.keys, now, key)
    expires_at = _lapses(now)
    for row in rows:
        row.hold_key, row.expires_at = key, expires_at
    Reservation.objects.bulk_create(rows)
    return expires_at


@act
def renew(key: str, *, now: datetime) -> bool:
    """Let what is held last its full time from now on; tell whether anything is.

    What lapsed, or gave way to a closure, is to be held anew.
    """
    # It needs no lock: nobody else may take what holds still, or clears it.
    held = Reservation.objects.live(now).held_under(key)
    return bool(held.update(expires_at=_lapses(now)))


@act
def release(key: str) -> None:
    """Give a held time back, as somebody leaves the form or goes back."""
    Reservation.objects.held_under(key).delete()


def _lapses(now: datetime) -> datetime:
    return now + timedelta(minutes=HOLD_MINUTES)
