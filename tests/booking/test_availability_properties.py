"""The engine against a model that looks at every minute, on random calendars.

The model below shares no code with the engine and knows no trick: it reads the clock
on the wall at each minute and tries every way to take resources. `HYPOTHESIS_EXAMPLES`
says how many clinics to invent; the same ones each time, or others for each seed.
"""

import datetime as dt
import os
from collections import Counter
from dataclasses import replace
from functools import cache, lru_cache
from itertools import combinations, pairwise, permutations, product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booking.availability import (
    Calendar,
    Closed,
    Day,
    Interval,
    Need,
    Reason,
    Rules,
    Slot,
    Sweep,
    WeeklyHours,
    Why,
    can_replace,
    check,
    check_resource,
    free_slots,
    opening_windows,
    taken,
)
from tests import plugin

pytestmark = pytest.mark.either_database

EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "10000"))


def clinics_to_invent(count):
    return settings(
        max_examples=max(count, 1),
        derandomize=not plugin.SEEDED,
        database=None,
        deadline=None,  # a busy machine is no fault of the engine
        suppress_health_check=[HealthCheck.too_slow],
    )


# An ordinary day and days around clock changes: by an hour, by half an hour, at
# midnight, into yesterday.
PLACES = [
    ("America/New_York", dt.date(2027, 6, 7)),
    ("America/New_York", dt.date(2027, 3, 14)),
    ("America/New_York", dt.date(2027, 11, 7)),
    ("Europe/Lisbon", dt.date(2027, 10, 31)),
    ("Australia/Lord_Howe", dt.date(2027, 4, 4)),
    ("Australia/Lord_Howe", dt.date(2027, 10, 3)),
    ("America/Sao_Paulo", dt.date(2018, 11, 4)),
    ("America/Sao_Paulo", dt.date(2019, 2, 17)),
    ("America/Sao_Paulo", dt.date(2027, 2, 21)),
    ("America/St_Johns", dt.date(2010, 11, 7)),
]
KINDS = {"clinician": (1, 2, 3), "room": (11, 12, 13), "machine": (21, 22)}
CLOSURES = ["Founders' Day", "Repairs"]


# --- The model ----------------------------------------------------------------------


@lru_cache(maxsize=500)
def minutes_of(zone, date):
    """List the minutes of a local date, each with what the clock then shows.

    In minutes after midnight, read off the clock at each of them.
    """
    noon = int(dt.datetime.combine(date, dt.time(12), zone).timestamp())
    around = range(noon - 30 * 3600, noon + 30 * 3600, 60)
    walls = ((minute, dt.datetime.fromtimestamp(minute, zone)) for minute in around)
    return [(m, minutes(wall.time())) for m, wall in walls if wall.date() == date]


class Clinic:
    """Answer every question by looking at each minute of the days in question."""

    def __init__(self, rules, calendars, zone, now):
        self.rules = rules
        self.calendars = {calendar.resource: calendar for calendar in calendars}
        self.zone = zone
        self.now = now
        suitable = {r for need in rules.needs for r in need.suitable}
        self.known = sorted(suitable & set(self.calendars))
        self.today = self.date_of(now)
        # What was looked at once is not looked at again.
        for name in (
            "date_of", "open_minutes", "open_around", "busy_minutes", "own_minutes",
            "closed_minutes", "visit_minutes", "work", "grid_of", "open_at", "free_at",
            "unclosed_at", "own_at", "ways", "enough",
        ):  # fmt: skip
            setattr(self, name, cache(getattr(self, name)))

    def date_of(self, instant):
        return dt.datetime.fromtimestamp(instant, self.zone).date()

    def kind_of(self, resource):
        return self.calendars[resource].kind

    # What each minute is like

    def open_minutes(self, resource, date):
        hours = self.calendars[resource].hours
        if hours is None:
            others = [r for r in self.known if self.calendars[r].hours is not None]
            return set().union(*(self.open_minutes(r, date) for r in others))
        rows = [row for row in hours if is_valid(row, date)]
        return showing(minutes_of(self.zone, date), rows) if rows else set()

    def open_around(self, resource, date):
        """Return the open minutes of a date and its neighbors: visits may cross."""
        days = [date + dt.timedelta(n) for n in (-1, 0, 1)]
        return set().union(*(self.open_minutes(resource, day) for day in days))

    def busy_minutes(self, resource):
        return self.visit_minutes(resource) | self.closed_minutes(resource, None)

    def own_minutes(self, resource):
        return minutes_in(self.calendars[resource].own)

    def closed_minutes(self, resource, which):
        closures = self.calendars[resource].closed
        return minutes_in(c for c in closures if which in (None, (c.kind, c.name)))

    # What each start is like

    def reserved(self, resource, start):
        """Return the minutes that a visit takes of a resource."""
        calendar = self.calendars[resource]
        begins = start - max(self.rules.before, calendar.before) * 60
        ends = start + self.rules.minutes * 60
        return range(begins, ends + max(self.rules.after, calendar.after) * 60, 60)

    def is_closed(self, resource, start, which=None):
        closed = self.closed_minutes(resource, which)
        return not closed.isdisjoint(self.reserved(resource, start))

    def open_at(self, start):
        visit = range(start, start + self.rules.minutes * 60, 60)
        date = self.date_of(start)
        return {r for r in self.known if self.open_around(r, date).issuperset(visit)}

    def free_at(self, start):
        return {
            r
            for r in self.open_at(start)
            if self.busy_minutes(r).isdisjoint(self.reserved(r, start))
        }

    def unclosed_at(self, start, which=None):
        return {r for r in self.open_at(start) if not self.is_closed(r, start, which)}

    def own_at(self, start):
        """Return what whoever asks already holds then."""
        return frozenset(
            r
            for r in self.known
            if self.calendars[r].own
            and not self.own_minutes(r).isdisjoint(self.reserved(r, start))
        )

    def grid_of(self, date):
        step = self.rules.step
        return [m for m, wall in minutes_of(self.zone, date) if wall % step == 0]

    # Who takes part

    def visit_minutes(self, resource):
        return minutes_in(Interval(*busy) for busy in self.calendars[resource].busy)

    def work(self, resource, date):
        """Count the minutes of the date that visits take."""
        day = {minute for minute, _ in minutes_of(self.zone, date)}
        return len(day & self.visit_minutes(resource))

    def in_turn(self, need, date, own):
        """List who would do for a need, whom to take first on this date first."""
        known = [r for r in need.suitable if r in self.calendars]
        if need.spread and known:
            for _ in range(date.toordinal() % len(known)):
                known.append(known.pop(0))
            known.sort(key=lambda r: self.work(r, date))
        return [r for r in known if r in own] + [r for r in known if r not in own]

    def ways(self, date, own=frozenset()):
        """List every way to serve the needs, preferred first, nobody twice."""
        parts = [
            combinations(self.in_turn(need, date, own), need.count)
            for need in self.rules.needs
        ]
        ways = (sum(way, ()) for way in product(*parts))
        return [way for way in ways if len(set(way)) == len(way)]

    def kinds(self):
        return sorted({need.kind for need in self.rules.needs})

    def suffice(self, able, date, kind=""):
        """Tell whether these can serve the needs, or those of one kind."""
        if kind:
            able = able | {r for r in self.known if self.kind_of(r) != kind}
        return self.enough(frozenset(able), date)

    def enough(self, able, date):
        return any(able.issuperset(way) for way in self.ways(date))

    def chosen(self, start):
        """Return what is taken: what is one's own, kind by kind, then whose turn it is.

        None if nothing can be.
        """
        date, free, own = self.date_of(start), self.free_at(start), self.own_at(start)
        ways = [way for way in self.ways(date, own) if free.issuperset(way)]
        if not own:
            return ways[0] if ways else None

        def other_kinds(way):
            others = {self.kind_of(r) for r in way if r not in own}
            return [kind in others for kind in self.kinds()]

        return min(ways, key=other_kinds, default=None)

    # The answers

    def answer(self, start):
        """Give the slot, or the reason of this one start."""
        date = self.date_of(start)
        if start < self.now:
            return Reason(Why.PAST)
        if reason := self.refused(date):
            return reason
        if start not in self.grid_of(date):
            return Reason(Why.OUTSIDE_HOURS)
        if not self.suffice(self.open_at(start), date):
            return Reason(Why.OUTSIDE_HOURS)
        return self.found(start) or self.why_none(date, [start], [start])

    def refused(self, date):
        if date < self.today:
            return Reason(Why.PAST)
        if (date - self.today).days > self.rules.horizon:
            return Reason(Why.BEYOND_HORIZON)
        return Reason(self.rules.barred) if self.rules.barred else None

    def found(self, start):
        way = self.chosen(start)
        if way and start < self.now + self.rules.lead * 60:
            return Reason(Why.TOO_SOON)
        return Slot(start, start + self.rules.minutes * 60, way) if way else None

    def day(self, date):
        if reason := self.refused(date):
            return Day(date, (), reason)
        grid = self.grid_of(date)
        open_ = [s for s in grid if self.suffice(self.open_at(s), date)]
        ahead = [s for s in open_ if s >= self.now]
        found = list(filter(None, map(self.found, ahead)))
        slots = tuple(slot for slot in found if isinstance(slot, Slot))
        if slots:
            return Day(date, slots, None)
        if not ahead:
            return Day(date, (), Reason(Why.PAST if open_ else Why.OUTSIDE_HOURS))
        return Day(date, (), found[0] if found else self.why_none(date, ahead, grid))

    def why_none(self, date, ahead, grid):
        """Sum up why nothing can be had at any of the starts ahead, of all those."""
        booked = [s for s in ahead if self.suffice(self.unclosed_at(s), date)]
        if not booked:
            kind, name = self.closure_to_blame(date, ahead, grid)
            return Reason(Why.CLOSED, name, kind=kind)
        scarce = [
            kind
            for kind in self.kinds()
            if not any(self.suffice(self.free_at(s), date, kind) for s in booked)
        ]
        if len(scarce) != 1:
            return Reason(Why.FULLY_BOOKED)
        there = {r for s in booked for r in self.unclosed_at(s)}
        there = {r for r in there if self.kind_of(r) == scarce[0]}
        return Reason(Why.IN_USE, scarce[0], there.pop() if len(there) == 1 else None)

    def closure_to_blame(self, date, ahead, grid):
        def explains(which):
            alone = [
                s for s in ahead if not self.suffice(self.unclosed_at(s, which), date)
            ]
            hit = [
                (r, s)
                for s in grid
                for r in self.open_at(s) - self.unclosed_at(s, which)
            ]
            return len(alone), len(hit)

        found = {(c.kind, c.name) for r in self.known for c in self.calendars[r].closed}
        return max(sorted(found), key=explains)


def minutes_in(intervals):
    """Return the minutes that any of them touches, be it for a second."""
    return {m for i in intervals for m in range(i.start // 60 * 60, i.end, 60)}


def minutes(wall):
    return wall.hour * 60 + wall.minute


def is_valid(row, date):
    if row.weekday != date.weekday():
        return False
    if row.valid_from and date < row.valid_from:
        return False
    return not (row.valid_until and date > row.valid_until)


def clock_times(row):
    """Return the clock times within hours, each in minutes after midnight."""
    times = set(range(minutes(row.opens), minutes(row.closes)))
    if row.break_starts:
        times -= set(range(minutes(row.break_starts), minutes(row.break_ends)))
    return times


def showing(day, rows):
    """Return the minutes of a day at which the clock shows a time within the hours."""
    times = set().union(*map(clock_times, rows))
    return {minute for minute, wall in day if wall in times}


# --- Clinics to try it on -------------------------------------------------------------


def clock(minutes):
    return dt.time(minutes // 60, minutes % 60)


class Dice:
    """Read one choice after another off bytes that Hypothesis drew in one go.

    Hundreds of draws would take most of the time. Smaller bytes are simpler choices.
    """

    def __init__(self, drawn):
        self.bytes = iter(drawn)

    def number(self, below):
        """Return one of the numbers from 0 up to, not including, `below`."""
        high, low = next(self.bytes, 0), next(self.bytes, 0)
        return (high * 256 + low) * below // 65536

    def of(self, *options):
        return options[self.number(len(options))]


def a_row(dice, dates):
    """Return hours on one of the dates, sometimes with a break, or not always valid."""
    weekday = dice.of(*dates).weekday()
    edges = {dice.number(288) for _ in range(dice.of(2, 2, 4))}
    if len(edges) not in (2, 4):
        edges = {dice.number(100), 100 + dice.number(188)}
    opens, *pause, closes = (clock(edge * 5) for edge in sorted(edges))
    valid = [dice.of(*[None] * 6, *dates) for _ in range(2)]
    if None not in valid:
        valid.sort()
    return WeeklyHours(weekday, opens, closes, *(pause or (None, None)), *valid)


def a_week(dice, kind, dates):
    match dice.of(
        "usual",
        "usual",
        "all day",
        "all day",
        "rows",
        "rows" if kind == "clinician" else "any",
    ):
        case "usual":
            lunch = clock(720), clock(765)
            return tuple(
                WeeklyHours(day.weekday(), clock(540), clock(1020), *lunch)
                for day in dates
            )
        case "all day":
            return tuple(
                WeeklyHours(day.weekday(), clock(0), clock(1439)) for day in dates
            )
        case "rows":
            return tuple(a_row(dice, dates) for _ in range(dice.number(6)))
    return None


def time_taken(dice, kind, noon):
    """Return what visits, first choices, offers and holds take, and the closures."""
    taken = []
    for _ in range(dice.number(7)):
        start = noon + (dice.number(45 * 24) - 45 * 12) * 300
        length = dice.of(5, 10, 45, 90, 300, 600, 2000)
        name = dice.of("", "", "", "", "", *CLOSURES)
        taken.append((start, start + length * 60, name))
    if dice.of(False, False, True):
        start = noon - dice.of(12, 12, 12, 4) * 3600
        taken.append((start, noon + 12 * 3600, dice.of("", "", *CLOSURES)))
    return (
        tuple((start, end) for start, end, name in taken if not name),
        tuple(
            Closed(start, end, name, dice.of("", kind))
            for start, end, name in taken
            if name
        ),
    )


def a_calendar(dice, resource, kind, dates, noon):
    own = dice.of(0, 0, 0, 40, 600)
    mine = noon + (dice.number(120) - 60) * 300
    return Calendar(
        resource,
        kind,
        a_week(dice, kind, dates),
        *time_taken(dice, kind, noon),
        before=dice.of(0, 0, 10),
        after=dice.of(0, 0, 25),
        own=(Interval(mine, mine + own * 60),) if own else (),
    )


def some_needs(dice):
    """Return what a visit takes: kinds, some of which twice, or two of one."""
    kinds = dice.of(
        ("clinician",),
        ("clinician", "room"),
        ("clinician", "room", "machine"),
        ("clinician", "room", "clinician"),
        ("room", "clinician", "room"),
    )
    asked = []
    for kind in kinds:
        size = dice.of(*range(1, len(KINDS[kind]) + 1), len(KINDS[kind]))
        some = dice.of(*permutations(KINDS[kind], size))
        count = dice.of(1, 1, 2) if size > 1 else dice.of(*[1] * 9, 2)
        spread = kind == "clinician" and dice.of(False, True, True)
        asked.append(Need(kind, some, count, spread))
    return tuple(asked)


def some_rules(dice):
    return Rules(
        minutes=dice.of(10, 30, 45, 120),
        before=dice.of(0, 0, 5, 20),
        after=dice.of(0, 0, 10, 35),
        step=dice.of(15, 20, 30, 50, 60),
        lead=dice.of(0, 0, 60, 24 * 60, 48 * 60),
        horizon=dice.of(*[60] * 10, 1, 0),
        needs=some_needs(dice),
        barred=dice.of(*[None] * 40, Why.CALL_US, Why.NEEDS_REFERRAL),
    )


def a_small_clinic(drawn):
    """Return a clinic at a present moment, and three dates around a place's noon."""
    dice = Dice(drawn)
    name, date = dice.of(*PLACES)
    zone = ZoneInfo(name)
    dates = [date + dt.timedelta(n) for n in (-1, 0, 1)]
    noon = int(dt.datetime.combine(date, dt.time(12), zone).timestamp())
    rules = some_rules(dice)
    suitable = {r: need.kind for need in rules.needs for r in need.suitable}
    # One who is not asked for changes nothing; one who is may be away for good.
    there = [*(suitable | {4: "clinician"}).items()][
        dice.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 1) :
    ]
    known = [a_calendar(dice, r, kind, dates, noon) for r, kind in there]
    now = noon - 48 * 3600 + dice.of(dice.number(86400), dice.number(60 * 3600))
    return Clinic(rules, known, zone, now), dates


BYTES = 600  # about as many as the largest clinic takes
clinics = st.binary(min_size=BYTES, max_size=BYTES).map(a_small_clinic)
needs = st.binary(min_size=40, max_size=40).map(lambda drawn: some_needs(Dice(drawn)))


def listed(clinic, dates):
    return free_slots(
        clinic.rules,
        clinic.calendars.values(),
        first=dates[0],
        last=dates[-1],
        zone=clinic.zone,
        now=clinic.now,
    )


def checked(clinic, start):
    return check(
        clinic.rules,
        clinic.calendars.values(),
        start,
        zone=clinic.zone,
        now=clinic.now,
    )


# --- What must hold -------------------------------------------------------------------


def test_what_is_offered_is_what_looking_at_every_minute_finds():
    seen = Counter()

    @clinics_to_invent(EXAMPLES)
    @given(clinics)
    def agrees(drawn):
        clinic, dates = drawn
        days = listed(clinic, dates)
        assert days == tuple(map(clinic.day, dates))
        for why in (day.reason for day in days):
            seen[why and (why.why, why.resource is not None)] += 1

    agrees()
    assert seen.keys() >= {None, (Why.IN_USE, True), *((why, False) for why in Why)}


@clinics_to_invent(EXAMPLES // 10)
@given(clinics, st.data())
def test_what_is_offered_is_what_may_be_booked(drawn, data):
    clinic, dates = drawn
    day = listed(clinic, dates)[1]
    answers = {start: checked(clinic, start) for start in clinic.grid_of(day.date)}
    assert tuple(a for a in answers.values() if isinstance(a, Slot)) == day.slots
    (first, _), *_, (last, _) = minutes_of(clinic.zone, day.date)
    for start in data.draw(st.lists(st.integers(first, last), max_size=5)):
        if start % 60:
            assert not isinstance(checked(clinic, start), Slot)
    for start in data.draw(st.lists(st.sampled_from(range(first, last, 60)))):
        assert checked(clinic, start) == clinic.answer(start)


@clinics_to_invent(EXAMPLES // 10)
@given(clinics, st.lists(st.integers(-3 * 24 * 60, 24 * 60), max_size=3))
def test_what_is_kept_answers_at_any_moment_as_if_asked_anew(drawn, minutes):
    clinic, dates = drawn
    rules, kept = clinic.rules, clinic.calendars.values()
    sweep = Sweep(rules, kept, dates[0], dates[-1], clinic.zone)
    # There and back: what was kept of a day is no answer once another part is over.
    moments = [clinic.now + 60 * n + n % 2 for n in minutes]
    for now in [clinic.now, *moments, clinic.now]:
        for asked in (rules, replace(rules, lead=0), replace(rules, horizon=3650)):
            anew = free_slots(
                asked, kept, first=dates[0], last=dates[-1], zone=clinic.zone, now=now
            )
            assert sweep.days(asked, dates[0], dates[-1], now) == anew


def test_what_is_kept_is_the_same_after_a_change_as_if_worked_out_anew():
    seen = Counter()

    @clinics_to_invent(EXAMPLES // 10)
    @given(clinics, st.binary(min_size=BYTES, max_size=BYTES))
    def agrees(drawn, changes):
        clinic, dates = drawn
        dice, zone = Dice(changes), clinic.zone
        sweep = Sweep(clinic.rules, clinic.calendars.values(), *dates[::2], zone)
        noon = int(dt.datetime.combine(dates[1], dt.time(12), zone).timestamp())
        for now in (clinic.now - 3 * 24 * 3600, clinic.now):
            sweep.days(clinic.rules, *dates[::2], now)
            kept = changed_by(dice, clinic, dates, noon)
            after = sweep.after(kept)
            anew = Sweep(clinic.rules, kept, *dates[::2], zone)
            # Hours and closures are another matter; then nothing is kept.
            assert (after is None) == (
                [*map(all_but_what_is_taken, anew.calendars.values())]
                != [*map(all_but_what_is_taken, sweep.calendars.values())]
            )
            seen[after and (len(after.answered), len(sweep.answered))] += 1
            sweep = after or anew
            assert sweep.days(clinic.rules, *dates[::2], now) == anew.days(
                clinic.rules, *dates[::2], now
            )

    agrees()
    assert seen.keys() >= {None, (0, 1), (1, 2), (2, 3), (3, 3)}


def changed_by(dice, clinic, dates, noon):
    """Return the calendars after somebody took a time, let one go, or changed hours."""
    kept = []
    for calendar in clinic.calendars.values():
        what = dice.of("", "", "busy", "own", "hours" if dice.of(*[0] * 9, 1) else "")
        drawn = a_calendar(dice, calendar.resource, calendar.kind, dates, noon)
        match what:
            case "busy":
                busy = [b for b in calendar.busy if dice.of(True, True, False)]
                calendar = replace(calendar, busy=(*busy, *drawn.busy[:1]))
            case "own":
                calendar = replace(calendar, own=drawn.own)
            case "hours":
                calendar = replace(calendar, hours=(), closed=drawn.closed)
        kept.append(calendar)
    return kept


def all_but_what_is_taken(calendar):
    return replace(calendar, busy=(), own=())


@clinics_to_invent(EXAMPLES // 10)
@given(clinics)
def test_every_offer_can_be_reserved(drawn):
    clinic, dates = drawn
    known = clinic.calendars
    for slot in (slot for day in listed(clinic, dates) for slot in day.slots):
        held = taken(slot, clinic.rules, known.values())
        for r in slot.resources:
            left = {*slot.resources} - {r}
            assert can_replace(clinic.rules, clinic.kind_of(r), r, left)
        assert list(held) == list(slot.resources)
        for r, interval in held.items():
            reserved = clinic.reserved(r, slot.start)
            assert interval == Interval(reserved.start, reserved.stop)
            taken_before = [Interval(*b) for b in known[r].busy] + [*known[r].closed]
            assert [busy for busy in taken_before if busy.overlaps(interval)] == []


@clinics_to_invent(EXAMPLES // 10)
@given(clinics, st.data())
def test_what_is_free_for_a_visit_can_take_the_place_of_what_it_has(drawn, data):
    clinic, dates = drawn
    start = data.draw(st.sampled_from([s for d in dates for s in clinic.grid_of(d)]))
    visit = Interval(start, start + clinic.rules.minutes * 60)
    for r in clinic.known:
        calendar = clinic.calendars[r]
        found = check_resource(clinic.rules, calendar, visit, zone=clinic.zone)
        if calendar.hours is not None and r not in clinic.open_at(start):
            assert found == Reason(Why.OUTSIDE_HOURS)
        elif clinic.is_closed(r, start):
            all_ = product(("", calendar.kind), CLOSURES)
            hit = [which for which in all_ if clinic.is_closed(r, start, which)]
            assert (found.why, found.kind, found.detail) == (Why.CLOSED, *hit[0])
        elif clinic.busy_minutes(r).isdisjoint(clinic.reserved(r, start)):
            assert found is None
        else:
            assert found == Reason(Why.IN_USE, calendar.kind, r)


@clinics_to_invent(EXAMPLES // 10)
@given(needs, st.sampled_from(sorted(KINDS)), st.data())
def test_what_replaces_another_is_told_by_all_the_ways(asked, kind, data):
    rules = Rules(30, 0, 0, 15, 0, 60, asked)
    anybody = sum(KINDS.values(), (99,))
    others = data.draw(st.sets(st.sampled_from(anybody)))
    for r in anybody:
        more = most_served(asked, kind, others | {r}) > most_served(asked, kind, others)
        assert can_replace(rules, kind, r, others) == more


def most_served(asked, kind, resources):
    """Count the places of a kind that these fill at best, by trying all the ways."""
    places = [need for need in asked if need.kind == kind for _ in range(need.count)]
    ways = product(*([None, *resources.intersection(p.suitable)] for p in places))
    filled = ([r for r in way if r is not None] for way in ways)
    return max(len(way) for way in filled if len(set(way)) == len(way))


@clinics_to_invent(EXAMPLES // 10)
@given(clinics)
def test_opening_windows_are_the_open_minutes_and_never_touch(drawn):
    clinic, dates = drawn
    rows = [row for c in clinic.calendars.values() for row in c.hours or ()]
    windows = opening_windows(rows, first=dates[0], last=dates[-1], zone=clinic.zone)
    assert minutes_in(windows) == set().union(
        *(
            showing(
                minutes_of(clinic.zone, date), [r for r in rows if is_valid(r, date)]
            )
            for date in dates
        )
    )
    gaps = [b.start - a.end for a, b in pairwise(windows)]
    assert [gap for gap in gaps if gap <= 0] == []


# --- Four hundred days ----------------------------------------------------------------


WEEK = (
    *(
        WeeklyHours(d, clock(540), clock(1020), clock(720), clock(765))
        for d in range(5)
    ),
    *(WeeklyHours(d, clock(15), clock(270)) for d in (5, 6)),
    *(WeeklyHours(d, clock(22 * 60), clock(1439)) for d in range(7)),
)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        pytest.param("America/New_York", dt.date(2027, 1, 1), id="both changes"),
        pytest.param("Australia/Lord_Howe", dt.date(2027, 1, 1), id="half an hour"),
        pytest.param("America/Sao_Paulo", dt.date(2018, 8, 1), id="dropped after"),
        pytest.param("Asia/Tehran", dt.date(2022, 1, 1), id="dropped, at midnight"),
        pytest.param("Europe/Lisbon", dt.date(2027, 1, 1), id="across midnight"),
    ],
)
def test_four_hundred_days_agree_with_the_clock_on_the_wall(name, first):
    zone = ZoneInfo(name)
    dates = [first + dt.timedelta(n) for n in range(400)]
    begins = int(dt.datetime.combine(first, dt.time(), zone).timestamp())
    busy = [
        tuple(
            (begins + n * hours * 3600, begins + n * hours * 3600 + 50 * 60)
            for n in range(1, 400 * 24 // hours)
        )
        for hours in (5, 7, 11)
    ]
    clinic = Clinic(
        Rules(
            45, 5, 10, 15, 0, 400,
            (Need("clinician", (1, 2), spread=True), Need("room", (11,))),
        ),
        [
            Calendar(1, "clinician", WEEK, busy[0]),
            Calendar(2, "clinician", WEEK, busy[1]),
            Calendar(11, "room", None, busy[2], after=20),
        ],
        zone,
        begins,
    )  # fmt: skip
    days = listed(clinic, dates)
    assert days == tuple(map(clinic.day, dates))
    for day in days:
        assert day.slots or day.reason
        for slot in day.slots:
            opens, closes = (
                dt.datetime.fromtimestamp(at, zone) for at in (slot.start, slot.end - 1)
            )
            assert opens.date() == closes.date() == day.date
            assert slot.end - slot.start == 45 * 60
            assert any(
                {minutes(opens.time()), minutes(closes.time())} <= clock_times(row)
                for row in WEEK
                if is_valid(row, day.date)
            )
