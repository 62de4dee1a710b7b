"""Say which times are free for a visit and, where there is none, why.

One answer for everybody: the picker, the check under the lock, the staff view and the
feeds all ask here. Plain values in, plain values out; `now` and the zone are arguments.
docs/engine.md explains the model.

Inside, every condition is turned into the set of *starts* it allows or forbids. The
starts of one day are a sorted list; a mask is an integer whose bit i stands for the
i-th of them. "Open together", "free" and every reason are then `&` and `|` of masks.
"""

import datetime as dt
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from itertools import pairwise, product
from operator import and_
from zoneinfo import ZoneInfo

# Whole seconds since 1970-01-01T00:00:00Z. Integers, because Python compares two aware
# datetimes of one zone by wall time, which is wrong in a repeated hour.
Instant = int

MINUTE = 60
DAY = 24 * 60 * MINUTE

# [low, high) pairs, sorted, neither overlapping nor touching.
_Ranges = list[tuple[int, int]]
# A stretch of one offset from UTC: from and until (instants), offset (seconds).
_Spell = tuple[Instant, Instant, int]
# One resource for each need, in the order of the needs.
_Choice = tuple[int, ...]
# For each resource, the starts of one day as bits.
_Masks = dict[int, int]


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Hold time from `start` up to, not including, `end`.

    Raises ValueError when `end` is not after `start`.
    """

    start: Instant
    end: Instant

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"must end after it starts: [{self.start}, {self.end})")

    def overlaps(self, other: "Interval") -> bool:
        return self.start < other.end and other.start < self.end

    def contains(self, other: "Interval") -> bool:
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """Hold the wall times at which a resource is open on one day of the week.

    Monday is 0; both validity dates are included. Hours end on the day they start: a
    `closes` of midnight is refused, since it is far more often noon mistyped.
    Raises ValueError for hours that contradict themselves.
    """

    weekday: int
    opens: dt.time
    closes: dt.time
    break_starts: dt.time | None = None
    break_ends: dt.time | None = None
    valid_from: dt.date | None = None
    valid_until: dt.date | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.weekday <= 6:
            raise ValueError("weekday must be 0 (Monday) to 6 (Sunday)")
        if (self.break_starts is None) != (self.break_ends is None):
            raise ValueError("a break needs both its start and its end")
        if not all(opens < closes for opens, closes in self.parts()):
            raise ValueError("must open, break, resume and close in this order")
        if (
            self.break_starts
            and self.break_ends
            and self.break_ends <= self.break_starts
        ):
            raise ValueError("the break must end after it starts")
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValueError("valid_until must not be before valid_from")

    def parts(self) -> tuple[tuple[dt.time, dt.time], ...]:
        """Give the open stretches of the day: one, or two around the break."""
        if self.break_starts is None or self.break_ends is None:
            return ((self.opens, self.closes),)
        return (self.opens, self.break_starts), (self.break_ends, self.closes)


@dataclass(frozen=True, slots=True)
class Busy(Interval):
    """Hold time taken; `closure` is the public reason when nobody is there at all."""

    closure: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Hold what is known of one resource.

    `hours` None: open whenever any other resource that the visit could take is open;
    (): never open. `busy` comes in any order and may overlap.
    """

    resource: int
    kind: str
    hours: tuple[WeeklyHours, ...] | None
    busy: tuple[Busy, ...]


@dataclass(frozen=True, slots=True)
class Need:
    """Ask for exactly one of the `suitable` resources: the first free in this order."""

    kind: str
    suitable: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold what a visit type asks for: all in minutes, except `horizon` in days.

    Raises ValueError for a length or step below one, a negative number, or no needs.
    """

    minutes: int
    before: int
    after: int
    step: int
    lead: int
    horizon: int
    needs: tuple[Need, ...]

    def __post_init__(self) -> None:
        if min(self.minutes, self.step) < 1:
            raise ValueError("minutes and step must be at least 1")
        if min(self.before, self.after, self.lead, self.horizon) < 0:
            raise ValueError("before, after, lead and horizon must not be negative")
        if not self.needs:
            raise ValueError("a visit takes at least one resource")


class Why(StrEnum):
    PAST = "past"
    TOO_SOON = "too_soon"
    BEYOND_HORIZON = "beyond_horizon"
    CLOSED = "closed"
    OUTSIDE_HOURS = "outside_hours"
    FULLY_BOOKED = "fully_booked"
    IN_USE = "in_use"


@dataclass(frozen=True, slots=True)
class Reason:
    """Say why not; `detail` is the public reason of CLOSED and the kind of IN_USE."""

    why: Why
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Slot(Interval):
    """Offer [start, end) without buffers, with one resource for each need, in order."""

    resources: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """Give the slots of a local date by start; `reason` is None when there are any."""

    date: dt.date
    slots: tuple[Slot, ...]
    reason: Reason | None


def free_slots(
    rules: Rules,
    calendars: Iterable[Calendar],
    *,
    first: dt.date,
    last: dt.date,
    zone: ZoneInfo,
    now: Instant,
) -> tuple[Day, ...]:
    """List every local date from `first` to `last`, both included, in order."""
    today, end = _bookable_dates(rules, zone, now)
    sweep = _Sweep(rules, calendars, max(first, today), min(last, end), zone, now)
    days = []
    for n in range((last - first).days + 1):
        date = first + dt.timedelta(n)
        answer = _outside(date, today, end) or sweep.answer(sweep.starts(date))
        if isinstance(answer, Reason):
            days.append(Day(date, (), answer))
        else:
            days.append(Day(date, answer, None))
    return tuple(days)


def check(
    rules: Rules,
    calendars: Iterable[Calendar],
    start: Instant,
    *,
    zone: ZoneInfo,
    now: Instant,
) -> Slot | Reason:
    """Give the slot that starts then, exactly when `free_slots` offers it, or why not.

    Any integer is welcome: a form may send one that no calendar can express.
    """
    if start < now:
        return Reason(Why.PAST)
    if start > now + (rules.horizon + 2) * DAY:
        return Reason(Why.BEYOND_HORIZON)
    date = _local_date(start, zone)
    if reason := _outside(date, *_bookable_dates(rules, zone, now)):
        return reason
    sweep = _Sweep(rules, calendars, date, date, zone, now)
    if start not in sweep.starts(date):
        return Reason(Why.OUTSIDE_HOURS)
    answer = sweep.answer([start])
    return answer if isinstance(answer, Reason) else answer[0]


def opening_windows(
    hours: Iterable[WeeklyHours], *, first: dt.date, last: dt.date, zone: ZoneInfo
) -> tuple[Interval, ...]:
    """Give the open time of these local dates, both included, sorted and merged."""
    spells = _spells(first, last, zone)
    return tuple(Interval(*w) for w in _windows(hours, first, last, spells))


def taken(slot: Slot, rules: Rules) -> Interval:
    """Give what a reservation of this slot covers: the visit and its buffers."""
    return Interval(slot.start - rules.before * MINUTE, slot.end + rules.after * MINUTE)


class _Sweep:
    """Hold rules and calendars of a few dates as sorted ranges of starts."""

    def __init__(
        self,
        rules: Rules,
        calendars: Iterable[Calendar],
        first: dt.date,
        last: dt.date,
        zone: ZoneInfo,
        now: Instant,
    ) -> None:
        self.rules = rules
        self.now = now
        self.length = rules.minutes * MINUTE
        self.spells = _spells(first, last, zone)
        suitable = {resource for need in rules.needs for resource in need.suitable}
        self.calendars = {c.resource: c for c in calendars if c.resource in suitable}
        self.choices = self._choices()
        windows = {
            resource: _windows(calendar.hours, first, last, self.spells)
            for resource, calendar in self.calendars.items()
            if calendar.hours is not None
        }
        anybody = _merged(window for open_ in windows.values() for window in open_)
        self.open = {r: self._inside(windows.get(r, anybody)) for r in self.calendars}
        self.busy = {r: self._blocked(c.busy) for r, c in self.calendars.items()}
        self.closures: dict[str, dict[int, _Ranges]] = {}
        for r, calendar in self.calendars.items():
            closures = [busy for busy in calendar.busy if busy.closure]
            for name in {closure.closure for closure in closures}:
                self.closures.setdefault(name, {})[r] = self._blocked(
                    closure for closure in closures if closure.closure == name
                )

    def starts(self, date: dt.date) -> list[Instant]:
        """List the instants of this date whose wall time lies on the grid, sorted."""
        midnight, step = _midnight(date.toordinal()), self.rules.step * MINUTE
        starts: list[Instant] = []
        for begin, end, offset in self.spells:
            grid = range(midnight - offset, midnight - offset + DAY, step)
            starts += grid[bisect_left(grid, begin) : bisect_left(grid, end)]
        return starts

    def answer(self, starts: Sequence[Instant]) -> tuple[Slot, ...] | Reason:
        """Give the slots among these sorted starts, or why there are none."""
        if not starts:
            # A zone may skip even a whole date, as Samoa did with 2011-12-30.
            return Reason(Why.OUTSIDE_HOURS)
        open_ = {r: _mask(ranges, starts) for r, ranges in self.open.items()}
        together = _any_choice(self.choices, open_)
        if not together:
            return Reason(Why.OUTSIDE_HOURS)
        ahead = together & (-1 << bisect_left(starts, self.now))
        if not ahead:
            return Reason(Why.PAST)
        free = {r: m & ~_mask(self.busy[r], starts) for r, m in open_.items()}
        chosen: dict[int, _Choice] = {}
        left = ahead
        for choice in self.choices:
            here = left & _all_of(choice, free)
            left ^= here
            chosen.update((i, choice) for i in _bits(here))
        if not chosen:
            return self._why_none(starts, ahead, open_, free)
        earliest = bisect_left(starts, self.now + self.rules.lead * MINUTE)
        return tuple(
            Slot(starts[i], starts[i] + self.length, chosen[i])
            for i in sorted(chosen)
            if i >= earliest
        ) or Reason(Why.TOO_SOON)

    def _closed(
        self, starts: Sequence[Instant], ahead: int, open_: _Masks
    ) -> tuple[int, str]:
        """Mark the starts that no closure explains, and name the closure to blame.

        Of several it is the one that alone explains most, then the one that takes most.
        """
        lost = {
            name: {r: open_[r] & _mask(ranges, starts) for r, ranges in closed.items()}
            for name, closed in self.closures.items()
        }

        def explains(name: str) -> tuple[int, int]:
            closed = ahead & ~_any_choice(self.choices, _without(open_, lost[name]))
            return closed.bit_count(), sum(m.bit_count() for m in lost[name].values())

        unclosed = reduce(_without, lost.values(), open_)
        name = max(sorted(lost), key=explains, default="")
        return ahead & _any_choice(self.choices, unclosed), name

    def _why_none(
        self, starts: Sequence[Instant], ahead: int, open_: _Masks, free: _Masks
    ) -> Reason:
        """Say what blocks every one of the starts `ahead`: open and still to come."""
        blocked, name = self._closed(starts, ahead, open_)
        if not blocked:
            return Reason(Why.CLOSED, name)
        scarce = [
            kind
            for kind in {need.kind for need in self.rules.needs}
            if not blocked & _any_choice(self._choices(kind), free)
        ]
        if len(scarce) == 1:
            return Reason(Why.IN_USE, scarce[0])
        return Reason(Why.FULLY_BOOKED)

    def _choices(self, kind: str | None = None) -> list[_Choice]:
        """List the ways to serve the needs, preferred first, no resource twice."""
        needs = [n for n in self.rules.needs if kind in (None, n.kind)]
        known = ([r for r in need.suitable if r in self.calendars] for need in needs)
        return [c for c in product(*known) if len(set(c)) == len(c)]

    def _inside(self, windows: _Ranges) -> _Ranges:
        """Turn open windows into the starts of visits that fit inside one of them."""
        return [(a, b - self.length + 1) for a, b in windows if b - a >= self.length]

    def _blocked(self, busy: Iterable[Busy]) -> _Ranges:
        """Turn busy time into the starts whose reservation would overlap it."""
        before = self.rules.before * MINUTE
        after = self.length + self.rules.after * MINUTE
        return _merged((b.start - after + 1, b.end + before) for b in busy)


def _bookable_dates(
    rules: Rules, zone: ZoneInfo, now: Instant
) -> tuple[dt.date, dt.date]:
    today = _local_date(now, zone)
    return today, today + dt.timedelta(rules.horizon)


def _outside(date: dt.date, today: dt.date, end: dt.date) -> Reason | None:
    if date < today:
        return Reason(Why.PAST)
    return Reason(Why.BEYOND_HORIZON) if date > end else None


def _local_date(instant: Instant, zone: ZoneInfo) -> dt.date:
    return dt.datetime.fromtimestamp(instant, zone).date()


def _midnight(ordinal: int) -> int:
    """Give a date's midnight on a clock at UTC; take an offset off for the instant."""
    return (ordinal - dt.date(1970, 1, 1).toordinal()) * DAY


def _spells(first: dt.date, last: dt.date, zone: ZoneInfo) -> list[_Spell]:
    """List the stretches of one UTC offset that cover these dates; mostly just one."""

    def offset(at: Instant) -> int:
        wall = dt.datetime.fromtimestamp(at, zone).replace(tzinfo=dt.UTC)
        return int(wall.timestamp()) - at

    # Offsets are below 24 hours, so a day on either side is enough.
    begin, end = _midnight(first.toordinal() - 1), _midnight(last.toordinal() + 2)
    edges = [begin]
    for day in range(begin, end, DAY):
        low, high = day, day + DAY
        if offset(low) == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            if offset(middle) == offset(low):
                low = middle
            else:
                high = middle
        edges.append(high)
    return [(a, b, offset(a)) for a, b in pairwise([*edges, end])]


def _windows(
    hours: Iterable[WeeklyHours], first: dt.date, last: dt.date, spells: list[_Spell]
) -> _Ranges:
    """Give the instants whose wall time lies within these hours."""
    found = []
    for row in hours:
        begin = max(first, row.valid_from or first).toordinal()
        end = min(last, row.valid_until or last).toordinal()
        begin += (row.weekday + 1 - begin) % 7  # day 1 of year 1 was a Monday
        parts = [(_seconds(a), _seconds(b)) for a, b in row.parts()]
        for midnight in range(_midnight(begin), _midnight(end + 1), 7 * DAY):
            for opens, closes in parts:
                for since, until, offset in spells:
                    low = max(midnight + opens - offset, since)
                    high = min(midnight + closes - offset, until)
                    if low < high:
                        found.append((low, high))
    return _merged(found)


def _seconds(wall: dt.time) -> int:
    return (wall.hour * 60 + wall.minute) * MINUTE + wall.second


def _merged(ranges: Iterable[tuple[int, int]]) -> _Ranges:
    merged: _Ranges = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return merged


def _mask(ranges: _Ranges, starts: Sequence[Instant]) -> int:
    """Mark the starts that lie in one of the ranges."""
    mask = 0
    # Only the last range that begins before the first start can still reach it.
    for low, high in ranges[max(bisect_left(ranges, (starts[0],)) - 1, 0) :]:
        if low > starts[-1]:
            break
        mask |= (1 << bisect_left(starts, high)) - (1 << bisect_left(starts, low))
    return mask


def _all_of(choice: _Choice, masks: _Masks) -> int:
    return reduce(and_, [masks[resource] for resource in choice])


def _any_choice(choices: Iterable[_Choice], masks: _Masks) -> int:
    """Mark the starts at which some choice has all its resources marked."""
    found = 0
    for choice in choices:
        found |= _all_of(choice, masks)
    return found


def _without(masks: _Masks, lost: _Masks) -> _Masks:
    return {r: mask & ~lost.get(r, 0) for r, mask in masks.items()}


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
