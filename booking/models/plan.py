"""A plan: what the engine has to know of some dates, made of what the database gave."""

from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from struct import iter_unpack
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection

from booking import availability
from booking.availability import (
    Calendar,
    Closed,
    Day,
    Instant,
    Interval,
    Need,
    Reason,
    Rules,
    Slot,
    WeeklyHours,
)
from services import rows
from services.functions import Function
from services.rows import Rows

from .office import Span, clinic_zone
from .reservation import Reservation
from .resource import Closure, Resource

# What is taken of each resource, by its key.
Taken = Mapping[int, Sequence[Interval]]


@dataclass(frozen=True, slots=True)
class Ignoring:
    """Reservations that count as free for whoever asks, since they are their own."""

    hold_key: str = ""
    appointment_id: int | None = None

    def covers(self, row: Reservation) -> bool:
        return bool(
            (self.hold_key and row.hold_key == self.hold_key)
            or (self.appointment_id and row.appointment_id == self.appointment_id)
        )


class Bookable(NamedTuple):
    """What the engine has to know of a resource that can be booked. Minutes."""

    pk: int
    kind: str
    before: int
    after: int


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What the engine has to know of a practice: the same object while it is the same.

    `needs` has what each visit type needs, by its key.
    """

    bookable: tuple[Bookable, ...]
    hours: Mapping[int, tuple[WeeklyHours, ...]]
    needs: Mapping[int, tuple[Need, ...]]

    def weekly(self, resource: Resource | Bookable) -> tuple[WeeklyHours, ...] | None:
        """Return a resource's hours; None for what is there whenever others are."""
        hours = self.hours.get(resource.pk, ())
        return hours if hours or resource.kind == Resource.Kind.CLINICIAN else None


class Known(NamedTuple):
    """What was read of a practice, and of what takes its time, as it was read.

    `busy` is the text of what visits and holds take, by resource; `own` are those among
    them that somebody may count as free.
    """

    setup: Setup
    busy: str
    own: Rows
    closures: Rows


class Dates(NamedTuple):
    """Dates, both included, of what is known, for whoever counts something as free."""

    known: Known
    first: date
    last: date
    ignoring: Ignoring | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules of a visit type with the calendars of all that it could take.

    `answer_due` is when the clinic will have to have answered, if it has to. Closures
    are known as far as the dates, so it is sure once a time on them can be had.
    """

    rules: Rules
    dates: Dates
    answer_due: Instant | None = None

    @property
    def calendars(self) -> tuple[Calendar, ...]:
        return _calendars(self.dates, self.rules.needs)

    @property
    def resource_ids(self) -> set[int]:
        return {calendar.resource for calendar in self.calendars}

    def days(self, first: date, last: date, *, now: datetime) -> tuple[Day, ...]:
        """Return one Day for each date; the plan has to cover them."""
        # What changes from minute to minute, or from one person to the next.
        lasting = replace(self.rules, lead=0, horizon=0, barred=None)
        sweep = _sweep(lasting, self.dates, clinic_zone())
        return sweep.days(self.rules, first, last, instant(now))

    def check(
        self, start: datetime, *, now: datetime, end: datetime | None = None
    ) -> Slot | Reason:
        """Return the slot that starts at `start`, or why there is none.

        With `end` it is a time that was asked for or offered before: it lasts as long
        as was said then, and the grid, which may have changed, is not asked again.
        """
        return availability.check(
            self._rules_of(start, end),
            self.calendars,
            instant(start),
            zone=clinic_zone(),
            now=instant(now),
        )

    def _rules_of(self, start: datetime, end: datetime | None) -> Rules:
        if end is None:
            return self.rules
        length = instant(end) - instant(start)
        return replace(self.rules, minutes=length // availability.MINUTE, step=1)

    def with_taken(
        self,
        start: datetime,
        besides: Taken,
        *,
        now: datetime,
        end: datetime | None = None,
    ) -> Taken:
        """Return what a visit would take of each resource if `besides` was taken, too.

        Nothing if it could not be had then. With `end` it is a time that was offered
        before, see `check`, of which neither notice nor bars are asked again.
        """
        rules = self._rules_of(start, end)
        if end is not None:
            rules = replace(rules, lead=0, barred=None)
        calendars = [
            replace(c, busy=(*c.busy, *map(_pair, besides.get(c.resource, ()))))
            for c in self.calendars
        ]
        slot = availability.check(
            rules, calendars, instant(start), zone=clinic_zone(), now=instant(now)
        )
        if isinstance(slot, Reason):
            return {}
        taken = availability.taken(slot, rules, calendars)
        return {resource: [span] for resource, span in taken.items()}

    def is_near(self, start: datetime, end: datetime, taken: Taken) -> bool:
        """Tell whether what is taken could be in the way, which spares most checks."""
        rules, calendars = self.rules, self.calendars
        buffers = [(of.before, of.after) for of in calendars]
        margin = max(rules.before, rules.after, *sum(buffers, ())) * availability.MINUTE
        visit = Interval(instant(start) - margin, instant(end) + margin)
        return any(
            span.overlaps(visit)
            for c in calendars
            for span in taken.get(c.resource, ())
        )

    def check_resource(self, resource: int, visit: Interval) -> Reason | None:
        """Return why a resource that is known here cannot be had for an agreed time."""
        [calendar] = [c for c in self.calendars if c.resource == resource]
        return availability.check_resource(
            self.rules, calendar, visit, zone=clinic_zone()
        )


# Kept by all that was read, word by word: so nothing is ever out of date, and what is
# the same from one request to the next is worked out once. A month of ten takes some
# hundred kilobytes in each of them.


@lru_cache(maxsize=16)
def _sweep(rules: Rules, dates: Dates, zone: ZoneInfo) -> availability.Sweep:
    """Begin with what was last worked out for these dates, mostly for somebody else."""
    calendars = _calendars(dates, rules.needs)
    first, last = dates.first, dates.last
    latest = _latest(rules, first, last, zone)
    sweep = latest[0].after(calendars) if latest else None
    sweep = sweep or availability.Sweep(rules, calendars, first, last, zone)
    latest[:] = [sweep]  # and not read back: another thread's may be there by then
    return sweep


@lru_cache(maxsize=32)
def _latest(
    _rules: Rules, _first: date, _last: date, _zone: ZoneInfo
) -> list[availability.Sweep]:
    """Return the place of the sweep that was last made for them, empty at first."""
    return []


@lru_cache(maxsize=16)
def _calendars(dates: Dates, needs: tuple[Need, ...]) -> tuple[Calendar, ...]:
    """Return the calendars of all that could serve one of the needs."""
    known, around_them = dates.known, around(dates.first, dates.last)
    wanted = {pk for need in needs for pk in need.suitable}
    busy, own = by_resource(known.busy), _own(dates)
    return tuple(
        _calendar(
            known.setup, r, busy.get(r.pk, ""), own.get(r.pk, ()), known.closures,
            *around_them,
        )
        for r in known.setup.bookable
        if r.pk in wanted
    )  # fmt: skip


def _own(dates: Dates) -> dict[int, tuple[Span, ...]]:
    """Return what whoever is ignored holds, by resource."""
    own: dict[int, tuple[Span, ...]] = {}
    for row in rows.instances(Reservation, dates.known.own):
        if dates.ignoring and dates.ignoring.covers(row):
            span = instant(row.start), instant(row.end)
            own[row.resource_id] = *own.get(row.resource_id, ()), span
    return own


@lru_cache(maxsize=500)
def _calendar(
    setup: Setup,
    of: Bookable,
    taken: str,
    own: tuple[Span, ...],
    closures: Rows,
    since: datetime,
    until: datetime,
) -> Calendar:
    """Return one of them; of many resources few have another than a moment ago.

    `taken` is the text of the resource, of which it has what touches [since, until).
    """
    begin, end = instant(since), instant(until)
    busy = [span for span in _pairs(taken) if span[0] < end and span[1] > begin]
    # No two overlap on a resource, so one that is the same is the very one.
    mine = [span for span in own if span in busy]
    closed = rows.instances(Closure, closures)
    return Calendar(
        resource=of.pk,
        kind=of.kind,
        hours=setup.weekly(of),
        busy=tuple(span for span in busy if span not in mine),
        closed=tuple(_closed(c, of) for c in closed if c.resource_id in (None, of.pk)),
        before=of.before,
        after=of.after,
        own=tuple(Interval(*span) for span in mine),
    )


def _closed(closure: Closure, of: Bookable) -> Closed:
    kind = "" if closure.resource_id is None else of.kind
    span = instant(closure.start), instant(closure.end)
    return Closed(*span, closure.reason, kind)


def by_resource(busy: str) -> dict[int, str]:
    """Return the text of each resource in what BUSY gives."""
    parts = (part.partition(":") for part in busy.split(";") if part)
    return {int(resource): taken for resource, _colon, taken in parts}


def _pairs(taken: str) -> Iterable[Span]:
    """Return start and end of each reservation.

    SQLite lists all starts and then all ends, as they are written there; PostgreSQL
    sends numbers two by two, which it would take longer to write out: of 8 bytes,
    microseconds since 2000.
    """
    if not taken:
        return ()
    if connection.vendor == "sqlite":
        times = [_written(text) for text in taken.split(",")]
        half = len(times) // 2
        return zip(times[:half], times[half:], strict=True)
    return (
        (start // 1_000_000 + _YEAR_2000, end // 1_000_000 + _YEAR_2000)
        for start, end in iter_unpack(">qq", b64decode(taken))
    )


@lru_cache(maxsize=10_000)
def _written(text: str) -> Instant:
    """Return a time as SQLite has it, in UTC."""
    at = datetime.fromisoformat(text[: len("2026-11-24 15:15:00")])
    return instant(at.replace(tzinfo=UTC))


# Visits and holds, and the little more than a day by which they may begin earlier: with
# that, an index is read no further back.
_LIVE = """closure_id IS NULL AND (expires_at IS NULL OR expires_at > {now})
    AND start > {earliest} AND start < {until} AND "end" > {since}"""
_WHEN = dict.fromkeys(("now", "earliest", "until", "since"), "timestamptz")


def _busy_text(vendor: str) -> str:
    taken, join = {
        "sqlite": (
            """group_concat(start) || ',' || group_concat("end")""",
            "group_concat",
        ),
        "postgresql": (
            """encode(
                string_agg(timestamptz_send(start) || timestamptz_send("end"), ''),
                'base64'
            )""",
            "string_agg",
        ),
    }[vendor]
    spans = f"""
        SELECT resource_id || ':' || {taken} AS taken FROM booking_reservation
        WHERE resource_id {{resources}} AND {_LIVE} GROUP BY resource_id"""  # noqa: S608 -- written above
    return f"(SELECT coalesce({join}(taken, ';'), '') FROM ({spans}) AS t)"  # noqa: S608 -- likewise


# Gives the reservations of each resource as one text, see `_pairs`, and these as one:
# it is made and read several times faster than a row for each of thousands, or JSON.
BUSY = Function("booking_taken", {"resources": "bigint[]", **_WHEN}, _busy_text)
# Gives those of them that somebody may count as free.
OWN = Function(
    "booking_own",
    {"keys": "text[]", "visits": "bigint[]", **_WHEN},
    # Greater than nothing, for the sake of the index.
    lambda vendor: rows.text_of(
        vendor,
        Reservation,
        "(hold_key {keys} AND hold_key > '' OR appointment_id {visits})"
        f" AND {_LIVE}",
    ),
)


def select_own(own: Sequence[Ignoring], when: Mapping[str, datetime]) -> rows.Select:
    """Return what gives those reservations that somebody may count as free."""
    keys = sorted({ignoring.hold_key for ignoring in own} - {""})
    visits = sorted({i.appointment_id for i in own if i.appointment_id})
    if not keys and not visits:
        return "'[]'", ()
    return OWN(keys=keys, visits=visits, **when)


def around(first: date, last: date) -> tuple[datetime, datetime]:
    """Return the dates with a day on either side: visits may cross midnight."""
    return (
        datetime.combine(first, time(), UTC) - timedelta(days=1),
        datetime.combine(last, time(), UTC) + timedelta(days=2),
    )


def _pair(span: Interval) -> Span:
    return span.start, span.end


def instant(at: datetime) -> Instant:
    return int(at.timestamp())


_YEAR_2000 = instant(datetime(2000, 1, 1, tzinfo=UTC))
