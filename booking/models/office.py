"""When somebody is at the front desk, who answers requests and the phone."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils import timezone

from booking import business_days, policy
from booking.availability import Instant, WeeklyHours, opening_windows
from services import rows
from services.functions import Function
from services.models import OpeningHours
from services.rows import Rows

from .resource import Closure

DAYS = 61

Span = tuple[Instant, Instant]


# Gives the closures that touch [since, until).
CLOSED = Function(
    "booking_closed",
    {"since": "timestamptz", "until": "timestamptz"},
    lambda vendor: rows.text_of(vendor, Closure, 'start < {until} AND "end" > {since}'),
)


def clinic_zone() -> ZoneInfo:
    """Return the clinic's time zone; its wall time is the only one patients see."""
    return ZoneInfo(timezone.get_default_timezone_name())


def span_of(first: date, last: date | None = None) -> tuple[datetime, datetime]:
    """Return the midnights around a day of the clinic, or around several, in UTC."""
    zone, after = clinic_zone(), (last or first) + timedelta(days=1)
    begin, end = (datetime.combine(day, time(), zone) for day in (first, after))
    return begin.astimezone(UTC), end.astimezone(UTC)


def open_windows(now: datetime) -> Iterator[Span]:
    """Yield when the front desk is there from today on, for two months: instants."""
    week, closed = rows.texts(
        rows.select(OpeningHours),
        CLOSED(since=now, until=now + timedelta(days=DAYS)),
    )
    yield from windows(
        office_hours(rows.values(OpeningHours, week)),
        rows.instances(Closure, rows.values(Closure, closed)),
        now,
    )


@lru_cache(maxsize=2)
def office_hours(week: Rows) -> tuple[WeeklyHours, ...]:
    return tuple(
        WeeklyHours(row.weekday, row.opens, row.closes)
        for row in rows.instances(OpeningHours, week)
    )


def windows(
    hours: Iterable[WeeklyHours], closures: Iterable[Closure], now: datetime
) -> Iterator[Span]:
    """Do the same with what was read already; only clinic-wide closures count.

    Day by day, as who asks seldom looks further than tomorrow.
    """
    gaps = [
        (int(closure.start.timestamp()), int(closure.end.timestamp()))
        for closure in closures
        if closure.resource_id is None
    ]
    zone = clinic_zone()
    today = now.astimezone(zone).date()
    for day in (today + timedelta(n) for n in range(DAYS)):
        for window in opening_windows(hours, first=day, last=day, zone=zone):
            yield from policy.without((window.start, window.end), gaps)


def closed_days(first: date, last: date) -> set[date]:
    """Return the days on which closures of the clinic cover all its opening hours."""
    closures = Closure.objects.filter(resource=None).overlapping(*span_of(first, last))
    gaps = [(int(c.start.timestamp()), int(c.end.timestamp())) for c in closures]
    if not gaps:
        return set()
    hours = [
        WeeklyHours(h.weekday, h.opens, h.closes) for h in OpeningHours.objects.all()
    ]
    days = (first + timedelta(n) for n in range((last - first).days + 1))
    return {day for day in days if _is_closed(day, hours, gaps)}


def _is_closed(day: date, hours: Sequence[WeeklyHours], gaps: Sequence[Span]) -> bool:
    return bool(left_open(day, hours, ())) and not left_open(day, hours, gaps)


def left_open(
    day: date, hours: Sequence[WeeklyHours], gaps: Sequence[Span]
) -> tuple[Span, ...]:
    """Return what stretches of closed time leave of the opening hours of a day."""
    windows = opening_windows(hours, first=day, last=day, zone=clinic_zone())
    return tuple(p for w in windows for p in policy.without((w.start, w.end), gaps))


def hours_to_answer(hours: int, now: datetime) -> int:
    """Return the hours after which an offer made now ends that has `hours` usually.

    None ends on a day on which the office is closed.
    """
    first = now.astimezone(clinic_zone()).date()
    closed = closed_days(first, first + timedelta(days=DAYS))
    return business_days.usual_end(hours, now, closed, clinic_zone())
