"""Caps on what one address, email or phone may ask for, counted in the database.

A count is exact over any number of processes and machines, and no cache that is away
can open the door or shut everybody out.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from .errors import TooMany
from .models import Hit

MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
KEPT = 2 * DAY


class Cap(NamedTuple):
    """At most `limit` in each `period`, for what `kind` names."""

    kind: str
    limit: int
    period: timedelta


# Caps, and whom they hold for.
Counted = tuple[tuple[Cap, ...], str]

REQUESTS_BY_ADDRESS = (
    Cap("request-address", 5, HOUR),
    Cap("request-address", 20, DAY),
)
REQUESTS_BY_EMAIL = (Cap("request-email", 3, DAY),)
REQUESTS_BY_PHONE = (Cap("request-phone", 10, DAY),)
FINDS_BY_ADDRESS = (Cap("find-address", 10, HOUR), Cap("find-address", 30, DAY))
SEARCHES_BY_ADDRESS = (
    Cap("search-address", 60, QUARTER),
    Cap("search-address", 600, DAY),
)
FINDS_BY_EMAIL = (Cap("find-email", 3, DAY),)
BAD_LINKS_BY_ADDRESS = (Cap("bad-link-address", 30, HOUR),)

# Of wrong passwords and codes: the more of them, the longer the wait.
SIGN_INS_TO_ACCOUNT = (
    Cap("sign-in", 5, MINUTE),
    Cap("sign-in", 10, QUARTER),
    Cap("sign-in", 40, DAY),
)
SIGN_INS_BY_ADDRESS = (
    Cap("sign-in-address", 20, MINUTE),
    Cap("sign-in-address", 60, QUARTER),
    Cap("sign-in-address", 300, DAY),
)


def allows(caps: tuple[Cap, ...], value: str, *, now: datetime) -> bool:
    """Count once against each of the caps; tell whether `value` is within them all.

    Call it before any transaction: a count that is rolled back with a refusal counts
    nothing. Raises RuntimeError inside one. Windows are fixed stretches of a `period`
    since 1970, so at most twice the limit gets through around the change of one.
    """
    with transaction.atomic(durable=True):
        return _add([(caps, value)], now)


def count(counted: Sequence[Counted], *, now: datetime) -> None:
    """Count once for each value, in the transaction that does what is counted.

    So what came to nothing has counted nothing, nor has what is refused here: whoever
    is over a limit uses up nobody else's. Raises TooMany.
    """
    if counted and not _add(counted, now):
        raise TooMany


def _add(counted: Sequence[Counted], now: datetime) -> bool:
    """Count once more in each place; tell whether all are within their limits."""
    limits = {
        _place(cap.kind, value, cap.period, now): cap.limit
        for caps, value in counted
        for cap in caps
    }
    # Sorted, as two that count the same places wait for each other in that order.
    places = sorted(limits)
    marks = ", ".join(["(%s, %s, 1)"] * len(places))
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO booking_hit (key, "window", count) VALUES {marks}'  # noqa: S608 -- only marks
            ' ON CONFLICT (key, "window") DO UPDATE SET count = booking_hit.count + 1'
            ' RETURNING key, "window", count',
            [part for place in places for part in place],
        )
        return all(n <= limits[key, window] for key, window, n in cursor.fetchall())


def wait(caps: tuple[Cap, ...], value: str, *, now: datetime) -> timedelta:
    """Return how long it takes until `value` is within all caps; zero when it is.

    Counts nothing, so that whoever is told to wait does not wait longer for asking.
    """
    longest = timedelta()
    for cap in caps:
        key, window = _place(cap.kind, value, cap.period, now)
        full = Hit.objects.filter(key=key, window=window, count__gte=cap.limit)
        if full.exists():
            ends = datetime.fromtimestamp(window, UTC) + cap.period
            longest = max(longest, ends - now)
    return longest


def take_back(caps: tuple[Cap, ...], value: str, *, now: datetime) -> None:
    """Undo one count of `allows`, made at the same `now`, for what came to nothing."""
    for cap in caps:
        key, window = _place(cap.kind, value, cap.period, now)
        Hit.objects.filter(key=key, window=window).update(count=F("count") - 1)


def purge(now: datetime) -> None:
    """Delete counts whose window is long over."""
    Hit.objects.filter(window__lt=int((now - KEPT).timestamp())).delete()


def _place(kind: str, value: str, period: timedelta, now: datetime) -> tuple[str, int]:
    """Return the key and the window of a count.

    The key is a keyed digest: the table holds no address, email or phone.
    """
    seconds = int(period.total_seconds())
    window = int(now.timestamp()) // seconds * seconds
    text = "\n".join([kind, str(seconds), value.strip().casefold()])
    key = settings.SECRET_KEY.encode()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), window
