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
from collections.abc import Collection, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache, reduce
from itertools import pairwise
from operator import and_, or_
from zoneinfo import ZoneInfo

# Whole seconds since 1970-01-01T00:00:00Z. Integers, because Python compares two aware
# datetimes of one zone by wall time, which is wrong in a repeated hour.
Instant = int

MINUTE = 60
DAY = 24 * 60 * MINUTE

# [low, high) pairs, sorted, neither overlapping nor touching.
_Ranges = list[tuple[int, int]]
# The same, kept for whoever asks again.
_Windows = tuple[tuple[Instant, Instant], ...]
# A stretch of one offset from UTC: from and until (instants), offset (seconds).
_Spell = tuple[Instant, Instant, int]
# For each resource, the starts of one day as bits.
_Masks = dict[int, int]
# For each place that a visit has for a resource, those that would do, best first. A
# need for two of a kind is two places.
_Places = Sequence[Sequence[int]]


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
class Closed(Interval):
    """Hold time at which nobody is there at all; `name` is the public reason.

    `kind` is that of a resource that is closed by itself, "" if the whole clinic is.
    """

    name: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Hold what is known of one resource.

    `hours` None: open whenever any other resource that the visit could take is open;
    (): never open. `busy` is what visits take, [start, end) pairs as they come from the
    database, thousands of them; they and `closed` come in any order and may overlap.
    `before` and `after` are the minutes that the resource itself takes around each
    visit, such as for cleaning. `own` is what whoever asks holds of it already: no busy
    time to them.
    """

    resource: int
    kind: str
    hours: tuple[WeeklyHours, ...] | None
    busy: Sequence[tuple[Instant, Instant]] = ()
    closed: Sequence[Closed] = ()
    before: int = 0
    after: int = 0
    own: tuple[Interval, ...] = ()

    def __post_init__(self) -> None:
        if min(self.before, self.after) < 0:
            raise ValueError("before and after must not be negative")


@dataclass(frozen=True, slots=True)
class Need:
    """Ask for exactly `count` of the `suitable` resources, preferred first.

    With `spread` they take turns instead: on each date, who has least to do goes first.
    Raises ValueError for a count below one.
    """

    kind: str
    suitable: tuple[int, ...]
    count: int = 1
    spread: bool = False

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError("count must be at least 1")


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold what a visit type asks for: all in minutes, except `horizon` in days.

    `barred` is a reason that holds for every time there is. Raises ValueError for a
    length or step below one, a negative number, no needs, or one resource in needs of
    two kinds.
    """

    minutes: int
    before: int
    after: int
    step: int
    lead: int
    horizon: int
    needs: tuple[Need, ...]
    barred: "Why | None" = None

    def __post_init__(self) -> None:
        if min(self.minutes, self.step) < 1:
            raise ValueError("minutes and step must be at least 1")
        if min(self.before, self.after, self.lead, self.horizon) < 0:
            raise ValueError("before, after, lead and horizon must not be negative")
        if not self.needs:
            raise ValueError("a visit takes at least one resource")
        kinds = {(need.kind, r) for need in self.needs for r in need.suitable}
        if len(kinds) > len({resource for _, resource in kinds}):
            raise ValueError("a resource must be of one kind")


class Why(StrEnum):
    PAST = "past"
    TOO_SOON = "too_soon"
    BEYOND_HORIZON = "beyond_horizon"
    CLOSED = "closed"
    OUTSIDE_HOURS = "outside_hours"
    FULLY_BOOKED = "fully_booked"
    IN_USE = "in_use"
    NEEDS_REFERRAL = "needs_referral"
    CALL_US = "call_us"


@dataclass(frozen=True, slots=True)
class Reason:
    """Say why not; `detail` is the public reason of CLOSED and the kind of IN_USE.

    `resource` is the one of that kind that it comes down to, if it is just one; `kind`
    is that of what is CLOSED, "" for the whole clinic.
    """

    why: Why
    detail: str = ""
    resource: int | None = None
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Slot(Interval):
    """Offer [start, end) without buffers, with the resources of each need, in order."""

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
    sweep = Sweep(rules, calendars, max(first, today), min(last, end), zone)
    return sweep.days(rules, first, last, now)


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
    if reason := _refused(rules, date, *_bookable_dates(rules, zone, now)):
        return reason
    sweep = Sweep(rules, calendars, date, date, zone)
    if start not in sweep.starts(date):
        return Reason(Why.OUTSIDE_HOURS)
    soon = start < now + rules.lead * MINUTE
    answer = sweep.answer(date, [start], 0, int(soon))
    return answer if isinstance(answer, Reason) else answer[0]


def check_resource(
    rules: Rules, calendar: Calendar, visit: Interval, *, zone: ZoneInfo
) -> Reason | None:
    """Say why a resource cannot be had for a visit whose time is agreed already.

    For replacing one that it holds. Grid, notice and horizon are not asked again.
    """
    reserved = _reserved(visit, rules, calendar)
    if calendar.hours is not None:
        # A day on either side: the clock may fall back over midnight.
        first = _local_date(visit.start, zone) - dt.timedelta(1)
        last = _local_date(visit.end, zone) + dt.timedelta(1)
        windows = opening_windows(calendar.hours, first=first, last=last, zone=zone)
        if not any(window.contains(visit) for window in windows):
            return Reason(Why.OUTSIDE_HOURS)
    if closures := [(c.kind, c.name) for c in calendar.closed if c.overlaps(reserved)]:
        kind, name = min(closures)
        return Reason(Why.CLOSED, name, kind=kind)
    if any(Interval(*busy).overlaps(reserved) for busy in calendar.busy):
        return Reason(Why.IN_USE, calendar.kind, calendar.resource)
    return None


def can_replace(
    rules: Rules, kind: str, resource: int, others: Collection[int]
) -> bool:
    """Tell whether a resource fills a place of this kind that the others leave open.

    Those that suit no more fill none, so several can be replaced one after the other.
    """
    places = [n.suitable for n in rules.needs if n.kind == kind for _ in range(n.count)]
    return _filled(places, {*others, resource}) > _filled(places, set(others))


def opening_windows(
    hours: Iterable[WeeklyHours], *, first: dt.date, last: dt.date, zone: ZoneInfo
) -> tuple[Interval, ...]:
    """Give the open time of these local dates, both included, sorted and merged."""
    spells = _spells(first, last, zone)
    return tuple(Interval(*w) for w in _windows(tuple(hours), first, last, spells))


def taken(
    slot: Slot, rules: Rules, calendars: Iterable[Calendar]
) -> dict[int, Interval]:
    """Give what this slot takes of each resource: the visit and its buffers.

    The visit's buffers and the resource's run at the same time: the longer counts.
    """
    known = {calendar.resource: calendar for calendar in calendars}
    return {r: _reserved(slot, rules, known[r]) for r in slot.resources}


def _reserved(visit: Interval, rules: Rules, calendar: Calendar) -> Interval:
    before, after = _buffers(rules, calendar)
    return Interval(visit.start - before, visit.end + after)


def _buffers(rules: Rules, calendar: Calendar) -> tuple[int, int]:
    """Give what a visit takes of a resource before and after it, in seconds."""
    return (
        max(rules.before, calendar.before) * MINUTE,
        max(rules.after, calendar.after) * MINUTE,
    )


@dataclass(frozen=True, slots=True)
class _Kind:
    """Hold the places of one kind: no other kind competes for its resources.

    `places` number the visit's places that these are; `needs` says what each asks for.
    """

    name: str
    places: list[int]
    needs: list[Need]
    resources: list[int]


class Sweep:
    """Hold rules and calendars of a few dates as sorted ranges of starts.

    Nothing here hangs on `now`, so one that is kept answers at any moment. A day is
    worked out again once another of its starts is over, or too soon.
    """

    def __init__(
        self,
        rules: Rules,
        calendars: Iterable[Calendar],
        first: dt.date,
        last: dt.date,
        zone: ZoneInfo,
    ) -> None:
        self.rules = rules
        self.zone = zone
        self.length = rules.minutes * MINUTE
        self.calendars = self._suitable(calendars)
        self.kinds = self._kinds()
        # Where the clock falls back over midnight, a visit ends on an earlier date.
        before, after = first - dt.timedelta(1), last + dt.timedelta(1)
        self.spells = _spells(before, after, zone)
        # Many have the same hours, so their starts are looked up once for all of them:
        # the very same, since to compare them would take as long.
        alike: dict[int, list[Calendar]] = {}
        for calendar in self.calendars.values():
            alike.setdefault(id(calendar.hours), []).append(calendar)
        windows: dict[int, _Windows] = {
            which: _windows(same[0].hours, before, after, self.spells)
            for which, same in alike.items()
            if same[0].hours is not None
        }
        anybody = tuple(
            _merged(window for open_ in windows.values() for window in open_)
        )
        self.open = [
            ([c.resource for c in same], self._inside(windows.get(which, anybody)))
            for which, same in alike.items()
        ]
        # No start of these dates is taken by what ends before, or begins after this. To
        # look is worth it for one date, around which most of what is known lies.
        self.is_one = first == last
        longest = [_buffers(rules, calendar) for calendar in self.calendars.values()]
        self.since, self.until = _midnights(first, last, self.spells)
        self.since -= max((b for b, _a in longest), default=0)
        self.until += max((a for _b, a in longest), default=0) + self.length
        self.taking_turns = {r for n in rules.needs if n.spread for r in n.suitable}
        self.visits: dict[int, _Ranges] = {}
        self.busy: dict[int, _Ranges] = {}
        self.own: dict[int, _Ranges] = {}
        for calendar in self.calendars.values():
            self._learn(calendar)
        self.closures: dict[tuple[str, str], dict[int, _Ranges]] = {}
        for r, calendar in self.calendars.items():
            closed: dict[tuple[str, str], list[tuple[Instant, Instant]]] = {}
            for c in calendar.closed:
                closed.setdefault((c.kind, c.name), []).append(_pair(c))
            for which, spans in closed.items():
                blocked = self._blocked(calendar, spans)
                self.closures.setdefault(which, {})[r] = blocked

        # The days that were asked for: their starts, how many of these were over, and
        # over or too soon, and what was free.
        self.answered: dict[dt.date, tuple[list[Instant], tuple[int, int], Day]] = {}

    def _suitable(self, calendars: Iterable[Calendar]) -> dict[int, Calendar]:
        suitable = {resource for need in self.rules.needs for resource in need.suitable}
        return {c.resource: c for c in calendars if c.resource in suitable}

    def _learn(self, calendar: Calendar) -> None:
        """Work out what takes the resource, and what of that whoever asks holds."""
        r, visits = calendar.resource, calendar.busy
        if self.is_one:
            since, until = self.since, self.until
            visits = [span for span in visits if span[1] > since and span[0] < until]
        if r in self.taking_turns:
            self.visits[r] = visits = _merged(visits)
        closed = map(_pair, calendar.closed)
        self.busy[r] = self._blocked(calendar, [*visits, *closed])
        self.own.pop(r, None)
        if calendar.own:
            self.own[r] = self._blocked(calendar, map(_pair, calendar.own))

    def after(self, calendars: Iterable[Calendar]) -> "Sweep | None":
        """Give the same for these calendars, if only what is taken differs in them.

        No more is worked out than what was taken or came free, and the days that it
        touches. None if anything else differs.
        """
        known = self._suitable(calendars)
        if known.keys() != self.calendars.keys():
            return None
        pairs = ((calendar, self.calendars[r]) for r, calendar in known.items())
        changes = [(c, was) for c, was in pairs if c is not was and c != was]
        if any(replace(c, busy=was.busy, own=was.own) != was for c, was in changes):
            return None
        sweep = copy(self)
        sweep.calendars = known
        sweep.visits, sweep.busy, sweep.own = (
            ranges.copy() for ranges in (self.visits, self.busy, self.own)
        )
        touched: _Ranges = []
        for calendar, was in changes:
            sweep._learn(calendar)
            taken = {*calendar.busy} ^ {*was.busy}
            kept = {*calendar.own} ^ {*was.own}
            touched += self._blocked(calendar, taken | {*map(_pair, kept)})
        touched = _merged(touched)
        # A copy first, since another thread may add a day meanwhile.
        sweep.answered = {
            date: answer
            for date, answer in self.answered.copy().items()
            if not any(_overlap(touched, *part[:2]) for part in self._parts(date))
        }
        return sweep

    def days(
        self, rules: Rules, first: dt.date, last: dt.date, now: Instant
    ) -> tuple[Day, ...]:
        """List the dates from `first` to `last` as `free_slots` does.

        The rules may have another notice, horizon and bar than those known here. Dates
        that could be booked by them must be among those known here.
        """
        today, end = _bookable_dates(rules, self.zone, now)
        earliest = now + rules.lead * MINUTE
        days = []
        for n in range((last - first).days + 1):
            date = first + dt.timedelta(n)
            refused = _refused(rules, date, today, end)
            days.append(
                Day(date, (), refused) if refused else self._day(date, now, earliest)
            )
        return tuple(days)

    def _day(self, date: dt.date, now: Instant, earliest: Instant) -> Day:
        """Give a date that can be booked."""
        if known := self.answered.get(date):
            starts, gone, day = known
        else:
            starts, gone, day = self.starts(date), None, None
        # All that either moment means for the starts of a date.
        cut = bisect_left(starts, now), bisect_left(starts, earliest)
        if day is None or cut != gone:
            answer = self.answer(date, starts, *cut)
            if isinstance(answer, Reason):
                day = Day(date, (), answer)
            else:
                day = Day(date, answer, None)
            self.answered[date] = starts, cut, day
        return day

    def starts(self, date: dt.date) -> list[Instant]:
        """List the instants of this date whose wall time lies on the grid, sorted."""
        step = self.rules.step * MINUTE
        starts: list[Instant] = []
        for begin, end, midnight in self._parts(date):
            grid = range(midnight, midnight + DAY, step)
            starts += grid[bisect_left(grid, begin) : bisect_left(grid, end)]
        return starts

    def answer(
        self,
        date: dt.date,
        starts: Sequence[Instant],
        over: int,
        soon: int,
    ) -> tuple[Slot, ...] | Reason:
        """Give the slots among these sorted starts of a date, or why there are none.

        So many of them are over by now, and so many over or too soon.
        """
        if not starts:
            # A zone may skip even a whole date, as Samoa did with 2011-12-30.
            return Reason(Why.OUTSIDE_HOURS)
        open_: _Masks = {}
        for alike, ranges in self.open:
            open_ |= dict.fromkeys(alike, _mask(ranges, starts))
        together = self._servable(open_)
        if not together:
            return Reason(Why.OUTSIDE_HOURS)
        ahead = together & (-1 << over)
        if not ahead:
            return Reason(Why.PAST)
        free = {r: m & ~_mask(self.busy[r], starts) for r, m in open_.items()}
        found = ahead & self._servable(free)
        if not found:
            return self._why_none(starts, ahead, open_, free)
        found &= -1 << soon
        if not found:
            return Reason(Why.TOO_SOON)
        own = dict.fromkeys(self.calendars, 0)
        own |= {r: _mask(ranges, starts) for r, ranges in self.own.items()}
        chosen: dict[int, tuple[int, ...]] = {}
        for resources, here in self._choices(date, found, free, own):
            chosen.update((i, resources) for i in _bits(here))
        return tuple(
            Slot(starts[i], starts[i] + self.length, chosen[i]) for i in sorted(chosen)
        )

    def _choices(
        self, date: dt.date, where: int, free: _Masks, own: _Masks
    ) -> Iterator[tuple[tuple[int, ...], int]]:
        """Give what is taken, place by place, and at which of these starts."""
        order = {need: self._order(need, date) for need in self.rules.needs}
        chosen: list[tuple[dict[int, int], int]] = [({}, where)]
        for kind in self.kinds:
            lists = [order[need] for need in kind.needs]
            ways = list(_ways(lists, kind.resources, where, free, own))
            chosen = [
                (taken | dict(zip(kind.places, way, strict=True)), here & there)
                for taken, here in chosen
                for way, there in ways
                if here & there
            ]
        for taken, here in chosen:
            yield tuple(taken[place] for place in sorted(taken)), here

    def _order(self, need: Need, date: dt.date) -> list[int]:
        """List what serves the need, in the order in which it is taken on this date.

        Those who take turns and have as much to do as each other begin with another
        each day.
        """
        known = [r for r in need.suitable if r in self.calendars]
        if not (need.spread and known):
            return known
        turn = date.toordinal() % len(known)
        parts = self._parts(date)
        return sorted(
            known[turn:] + known[:turn],
            key=lambda r: sum(_overlap(self.visits[r], *part[:2]) for part in parts),
        )

    def _servable(self, masks: _Masks) -> int:
        """Mark the starts at which marked resources can fill every place."""
        return reduce(and_, (self._fillable(kind, masks) for kind in self.kinds))

    def _fillable(self, kind: _Kind, masks: _Masks) -> int:
        """Mark the starts at which marked resources can fill the places of a kind."""
        anyone = reduce(or_, (masks[r] for r in kind.resources), 0)
        if len(kind.places) == 1:
            return anyone
        lists = [need.suitable for need in kind.needs]
        found = 0
        for marked, here in _groups(kind.resources, masks, anyone):
            if _can_fill(lists, marked):
                found |= here
        return found

    def _closed(
        self, starts: Sequence[Instant], ahead: int, open_: _Masks
    ) -> tuple[_Masks, tuple[str, str]]:
        """Mark where each resource is open and not closed, and name whom to blame.

        Of several closures it is the one that alone explains most, then the one that
        takes most, then the one of the whole clinic. Kind and name.
        """
        lost = {
            which: {r: open_[r] & _mask(ranges, starts) for r, ranges in closed.items()}
            for which, closed in self.closures.items()
        }

        def explains(which: tuple[str, str]) -> tuple[int, int]:
            closed = ahead & ~self._servable(_without(open_, lost[which]))
            return closed.bit_count(), sum(m.bit_count() for m in lost[which].values())

        unclosed = reduce(_without, lost.values(), open_)
        return unclosed, max(sorted(lost), key=explains, default=("", ""))

    def _why_none(
        self, starts: Sequence[Instant], ahead: int, open_: _Masks, free: _Masks
    ) -> Reason:
        """Say what blocks every one of the starts `ahead`: open and still to come."""
        unclosed, (kind, name) = self._closed(starts, ahead, open_)
        blocked = ahead & self._servable(unclosed)
        if not blocked:
            return Reason(Why.CLOSED, name, kind=kind)
        scarce = [k for k in self.kinds if not blocked & self._fillable(k, free)]
        if len(scarce) > 1 or not scarce:
            return Reason(Why.FULLY_BOOKED)
        there = [r for r in scarce[0].resources if blocked & unclosed[r]]
        alone = there[0] if len(there) == 1 else None
        return Reason(Why.IN_USE, scarce[0].name, alone)

    def _kinds(self) -> list[_Kind]:
        """Sort the places that the visit has for resources by kind."""
        asking = [need for need in self.rules.needs for _ in range(need.count)]
        kinds = []
        for name in dict.fromkeys(need.kind for need in asking):
            places = [n for n, need in enumerate(asking) if need.kind == name]
            needs = [asking[n] for n in places]
            suitable = dict.fromkeys(r for need in needs for r in need.suitable)
            known = [r for r in suitable if r in self.calendars]
            kinds.append(_Kind(name, places, needs, known))
        return kinds

    def _parts(self, date: dt.date) -> list[tuple[Instant, Instant, Instant]]:
        """List the stretches of a date: mostly one. Begin, end, and midnight by it."""
        parts = []
        for begin, end, offset in self.spells:
            midnight = _midnight(date.toordinal()) - offset
            low, high = max(begin, midnight), min(end, midnight + DAY)
            if low < high:
                parts.append((low, high, midnight))
        return parts

    def _inside(self, windows: Iterable[tuple[Instant, Instant]]) -> _Ranges:
        """Turn open windows into the starts of visits that fit inside one of them."""
        return [(a, b - self.length + 1) for a, b in windows if b - a >= self.length]

    def _blocked(
        self, calendar: Calendar, held: Iterable[tuple[Instant, Instant]]
    ) -> _Ranges:
        """Turn time of a resource into the starts that would reserve some of it."""
        before, after = _buffers(self.rules, calendar)
        after += self.length - 1
        return _merged([(start - after, end + before) for start, end in held])


def _bookable_dates(
    rules: Rules, zone: ZoneInfo, now: Instant
) -> tuple[dt.date, dt.date]:
    today = _local_date(now, zone)
    return today, today + dt.timedelta(rules.horizon)


def _refused(
    rules: Rules, date: dt.date, today: dt.date, end: dt.date
) -> Reason | None:
    """Say why no time of this date is offered, whatever is free on it."""
    if date < today:
        return Reason(Why.PAST)
    if date > end:
        return Reason(Why.BEYOND_HORIZON)
    return Reason(rules.barred) if rules.barred else None


def _local_date(instant: Instant, zone: ZoneInfo) -> dt.date:
    return dt.datetime.fromtimestamp(instant, zone).date()


def _midnight(ordinal: int) -> int:
    """Give a date's midnight on a clock at UTC; take an offset off for the instant."""
    return (ordinal - dt.date(1970, 1, 1).toordinal()) * DAY


@lru_cache(maxsize=100)
def _spells(first: dt.date, last: dt.date, zone: ZoneInfo) -> tuple[_Spell, ...]:
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
    return tuple((a, b, offset(a)) for a, b in pairwise([*edges, end]))


def _midnights(
    first: dt.date, last: dt.date, spells: Iterable[_Spell]
) -> tuple[Instant, Instant]:
    """Give instants between which all of these dates lies, whatever the offset."""
    offsets = [offset for _since, _until, offset in spells]
    begin, end = _midnight(first.toordinal()), _midnight(last.toordinal()) + DAY
    return begin - max(offsets), end - min(offsets)


@lru_cache(maxsize=500)
def _windows(
    hours: tuple[WeeklyHours, ...],
    first: dt.date,
    last: dt.date,
    spells: tuple[_Spell, ...],
) -> _Windows:
    """Give the instants whose wall time lies within these hours, sorted and merged."""
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
    return tuple(_merged(found))


def _seconds(wall: dt.time) -> int:
    return (wall.hour * 60 + wall.minute) * MINUTE + wall.second


def _pair(interval: Interval) -> tuple[Instant, Instant]:
    return interval.start, interval.end


def _merged(ranges: Iterable[tuple[int, int]]) -> _Ranges:
    ordered = sorted(ranges)
    if not ordered:
        return ordered
    merged: _Ranges = []
    begin, end = ordered[0]
    for low, high in ordered:
        if low > end:
            merged.append((begin, end))
            begin, end = low, high
        elif high > end:
            end = high
    merged.append((begin, end))
    return merged


def _within(ranges: _Ranges, low: int, high: int) -> _Ranges:
    """Give the ranges that may reach into [low, high)."""
    # Of those that begin before `low`, only the last one can.
    begin = max(bisect_left(ranges, (low,)) - 1, 0)
    return ranges[begin : bisect_left(ranges, (high,))]


def _overlap(ranges: _Ranges, low: int, high: int) -> int:
    """Give how much of [low, high) the ranges cover."""
    covered = 0
    for begin, end in _within(ranges, low, high):
        begin, end = max(begin, low), min(end, high)
        if begin < end:
            covered += end - begin
    return covered


def _mask(ranges: _Ranges, starts: Sequence[Instant]) -> int:
    """Mark the starts that lie in one of the ranges."""
    mask = 0
    for low, high in _within(ranges, starts[0], starts[-1] + 1):
        mask |= (1 << bisect_left(starts, high)) - (1 << bisect_left(starts, low))
    return mask


def _without(masks: _Masks, lost: _Masks) -> _Masks:
    return {r: mask & ~lost.get(r, 0) for r, mask in masks.items()}


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _groups(
    resources: Iterable[int], masks: _Masks, where: int
) -> list[tuple[set[int], int]]:
    """Group these starts by which of the resources are marked there.

    There are no more groups than starts, however many ways to combine the resources.
    """
    groups: list[tuple[set[int], int]] = [(set(), where)]
    for r in resources:
        mask = masks[r]
        groups = [
            part
            for marked, here in groups
            for part in ((marked | {r}, here & mask), (marked, here & ~mask))
            if part[1]
        ]
    return groups


def _ways(
    lists: _Places, resources: Sequence[int], where: int, free: _Masks, own: _Masks
) -> Iterator[tuple[list[int], int]]:
    """Give what the places of a kind take, and at which of these starts.

    Who asks keeps what they have, as far as it is free: all of it, or else some.
    """
    if len(lists) == 1:  # mostly, and then it takes no search
        mine_first = [(r, free[r] & own[r]) for r in lists[0] if own[r]]
        for r, mask in [*mine_first, *((r, free[r]) for r in lists[0])]:
            if here := where & mask:
                where ^= here
                yield [r], here
        return
    for mine, here in _groups(resources, own, where):
        own_first = [sorted(choice, key=lambda r: r not in mine) for choice in lists]
        for able, there in _groups(resources, free, here):
            way = _fill(own_first, able & mine) or _fill(own_first, able)
            yield way, there


def _fill(places: _Places, free: set[int]) -> list[int]:
    """Give each place, in order, the first that leaves enough for the others.

    Of all the ways to fill the places it is the first in the order of their lists;
    empty when there is none.
    """
    way: list[int] = []
    for n, choice in enumerate(places, 1):
        for r in choice:
            if r in free and _can_fill(places[n:], free - {r}):
                way.append(r)
                free = free - {r}
                break
        else:
            return []
    return way


def _can_fill(places: _Places, free: set[int]) -> bool:
    """Tell whether each place can have one of these resources to itself."""
    return len(places) <= len(free) and _filled(places, free) == len(places)


def _filled(places: _Places, free: set[int]) -> int:
    """Count the places that can have one of these resources to themselves.

    Whoever came first moves on if they can. Source: Kuhn's algorithm for matchings.
    """
    holder: dict[int, int] = {}

    def settle(place: int, asked: set[int]) -> bool:
        for r in places[place]:
            if r in free and r not in asked:
                asked.add(r)
                if r not in holder or settle(holder[r], asked):
                    holder[r] = place
                    return True
        return False

    return sum(settle(place, set()) for place in range(len(places)))
