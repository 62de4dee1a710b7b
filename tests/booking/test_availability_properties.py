"""The engine against a model that looks at every minute, on random calendars.

The model below shares no code with the engine and knows no trick: it reads the clock
on the wall at each minute and tries every resource. `HYPOTHESIS_EXAMPLES` says how many
clinics to invent.
"""

import datetime as dt
import os
from itertools import pairwise, product
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booking.availability import (
    Busy,
    Calendar,
    Day,
    Need,
    Reason,
    Rules,
    Slot,
    WeeklyHours,
    Why,
    check,
    free_slots,
    opening_windows,
    taken,
)

EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "400"))
thorough = settings(
    max_examples=EXAMPLES,
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
KINDS = {"clinician": (1, 2), "room": (11, 12), "machine": (21,)}


class Clinic:
    """Answer every question by looking at each minute of the days in question."""

    def __init__(self, rules, calendars, zone, now):
        self.rules = rules
        self.calendars = {calendar.resource: calendar for calendar in calendars}
        self.zone = zone
        self.now = now
        self.walls = {}

    def wall(self, instant):
        if instant not in self.walls:
            self.walls[instant] = dt.datetime.fromtimestamp(instant, self.zone)
        return self.walls[instant]

    def suitable(self):
        return {r for need in self.rules.needs for r in need.suitable}

    def is_open(self, resource, minute):
        calendar = self.calendars[resource]
        if calendar.hours is None:
            return any(
                within(row, self.wall(minute))
                for other in self.suitable()
                for row in self.calendars[other].hours or ()
            )
        return any(within(row, self.wall(minute)) for row in calendar.hours)

    def open_for(self, resource, start):
        visit = range(start, start + self.rules.minutes * 60, 60)
        return all(self.is_open(resource, minute) for minute in visit)

    def in_the_way(self, resource, start):
        begins = start - self.rules.before * 60
        ends = start + (self.rules.minutes + self.rules.after) * 60
        minutes = set(range(begins, ends, 60))
        return [
            busy
            for busy in self.calendars[resource].busy
            if minutes & set(range(busy.start, busy.end, 60))
        ]

    def ways(self, needs):
        for way in product(*(need.suitable for need in needs)):
            if len(set(way)) == len(way):
                yield way

    def answer(self, start):
        """Give the slot, or the reason of this one start."""
        rules, today = self.rules, self.wall(self.now).date()
        if start < self.now or self.wall(start).date() < today:
            return Reason(Why.PAST)
        if (self.wall(start).date() - today).days > rules.horizon:
            return Reason(Why.BEYOND_HORIZON)
        wall = self.wall(start)
        if (wall.hour * 60 + wall.minute) % rules.step:
            return Reason(Why.OUTSIDE_HOURS)
        ways = [
            way
            for way in self.ways(rules.needs)
            if all(self.open_for(resource, start) for resource in way)
        ]
        if not ways:
            return Reason(Why.OUTSIDE_HOURS)
        for way in ways:
            if not any(self.in_the_way(resource, start) for resource in way):
                if start < self.now + rules.lead * 60:
                    return Reason(Why.TOO_SOON)
                return Slot(start, start + rules.minutes * 60, way)
        if all(self.closures(way, start) for way in ways):
            return Reason(Why.CLOSED, self.closure_to_blame(ways, [start]))
        scarce = self.scarce_kinds(start)
        if len(scarce) == 1:
            return Reason(Why.IN_USE, *scarce)
        return Reason(Why.FULLY_BOOKED)

    def closures(self, way, start):
        found = [busy for r in way for busy in self.in_the_way(r, start)]
        return {busy.closure for busy in found if busy.closure}

    def closure_to_blame(self, ways, starts):
        # The invented clinics know one closure; the tables cover the choice of several.
        (name,) = {
            name for way in ways for s in starts for name in self.closures(way, s)
        }
        return name

    def scarce_kinds(self, start):
        scarce = set()
        for kind in {need.kind for need in self.rules.needs}:
            needs = [need for need in self.rules.needs if need.kind == kind]
            if not any(
                all(
                    self.open_for(r, start) and not self.in_the_way(r, start)
                    for r in way
                )
                for way in self.ways(needs)
            ):
                scarce.add(kind)
        return scarce

    def minutes_of(self, date):
        noon = int(dt.datetime.combine(date, dt.time(12), self.zone).timestamp())
        around = range(noon - 30 * 3600, noon + 30 * 3600, 60)
        return [minute for minute in around if self.wall(minute).date() == date]

    def grid_of(self, date):
        return [
            minute
            for minute in self.minutes_of(date)
            if (self.wall(minute).hour * 60 + self.wall(minute).minute)
            % self.rules.step
            == 0
        ]

    def day(self, date):
        today = self.wall(self.now).date()
        if date < today:
            return Day(date, (), Reason(Why.PAST))
        if (date - today).days > self.rules.horizon:
            return Day(date, (), Reason(Why.BEYOND_HORIZON))
        answers = {start: self.answer(start) for start in self.grid_of(date)}
        slots = tuple(a for a in answers.values() if isinstance(a, Slot))
        return Day(date, slots, None if slots else self.reason(answers))

    def reason(self, answers):
        """Sum up a day without slots from the reasons of its starts."""
        by_why = {}
        for start, answer in answers.items():
            by_why.setdefault(answer.why, []).append((start, answer))
        booked = by_why.get(Why.IN_USE, []) + by_why.get(Why.FULLY_BOOKED, [])
        if Why.TOO_SOON in by_why:
            return Reason(Why.TOO_SOON)
        if booked:
            scarce = [self.scarce_kinds(start) for start, _ in booked]
            everywhere = set.intersection(*scarce)
            if len(everywhere) == 1:
                return Reason(Why.IN_USE, *everywhere)
            return Reason(Why.FULLY_BOOKED)
        if Why.CLOSED in by_why:
            return by_why[Why.CLOSED][0][1]
        was_open = any(
            all(self.open_for(r, start) for r in way)
            for start, _ in by_why.get(Why.PAST, [])
            for way in self.ways(self.rules.needs)
        )
        return Reason(Why.PAST if was_open else Why.OUTSIDE_HOURS)


def within(row, wall):
    if row.weekday != wall.weekday():
        return False
    if row.valid_from and wall.date() < row.valid_from:
        return False
    if row.valid_until and wall.date() > row.valid_until:
        return False
    if row.break_starts and row.break_starts <= wall.time() < row.break_ends:
        return False
    return row.opens <= wall.time() < row.closes


def clock(minutes):
    return dt.time(minutes // 60, minutes % 60)


@st.composite
def weekly_hours(draw, dates):
    pause = draw(st.booleans())
    edges = draw(
        st.lists(
            st.integers(0, 287).map(lambda n: clock(n * 5)),
            min_size=4 if pause else 2,
            max_size=4 if pause else 2,
            unique=True,
        ).map(sorted)
    )
    dates_or_none = st.none() | st.sampled_from(dates)
    valid = [draw(dates_or_none), draw(dates_or_none)]
    if None not in valid:
        valid.sort()
    return WeeklyHours(
        draw(st.sampled_from(dates)).weekday(),
        edges[0],
        edges[-1],
        *(edges[1:3] if pause else (None, None)),
        valid_from=valid[0],
        valid_until=valid[1],
    )


@st.composite
def busies(draw, noon):
    start = noon + 60 * draw(st.integers(-45 * 12, 45 * 12)) * 5
    minutes = draw(st.sampled_from([5, 10, 45, 90, 300, 600, 2000]))
    closure = draw(st.sampled_from(["", "", "", "Founders' Day"]))
    return Busy(start, start + minutes * 60, closure)


@st.composite
def clinics(draw):
    name, date = draw(st.sampled_from(PLACES))
    zone = ZoneInfo(name)
    dates = [date + dt.timedelta(n) for n in (-1, 0, 1)]
    noon = int(dt.datetime.combine(date, dt.time(12), zone).timestamp())
    rows = st.lists(weekly_hours(dates), max_size=4).map(tuple)
    all_day = Busy(noon - 12 * 3600, noon + 12 * 3600, "Founders' Day")
    holiday = draw(st.sampled_from([(), (), (), (all_day,)]))
    day_long = tuple(WeeklyHours(d.weekday(), clock(0), clock(1439)) for d in dates)
    calendars = [
        Calendar(
            resource,
            kind,
            draw(
                st.just(day_long) | (rows if kind == "clinician" else st.none() | rows)
            ),
            (*draw(st.lists(busies(noon), max_size=9)), *holiday),
        )
        for kind, resources in KINDS.items()
        for resource in resources
    ]
    kinds = draw(
        st.sampled_from(
            [
                ("clinician",),
                ("clinician", "room"),
                ("clinician", "room", "machine"),
                ("clinician", "room", "clinician"),
            ]
        )
    )
    needs = tuple(
        Need(kind, draw(st.permutations(KINDS[kind]).flatmap(some_of)))
        for kind in kinds
    )
    rules = Rules(
        minutes=draw(st.sampled_from([10, 30, 45, 120])),
        before=draw(st.sampled_from([0, 0, 5, 20])),
        after=draw(st.sampled_from([0, 0, 10, 35])),
        step=draw(st.sampled_from([15, 20, 30, 50, 60])),
        lead=draw(st.sampled_from([0, 0, 60, 24 * 60, 48 * 60])),
        horizon=draw(st.sampled_from([60, 60, 60, 1, 0])),
        needs=needs,
    )
    now = noon + draw(st.integers(-48 * 3600, 0) | st.integers(0, 30 * 3600))
    return Clinic(rules, calendars, zone, now), dates


def some_of(resources):
    return st.integers(1, len(resources)).map(lambda n: tuple(resources[:n]))


@thorough
@given(clinics())
def test_what_is_offered_is_what_looking_at_every_minute_finds(drawn):
    clinic, dates = drawn
    days = free_slots(
        clinic.rules,
        clinic.calendars.values(),
        first=dates[0],
        last=dates[-1],
        zone=clinic.zone,
        now=clinic.now,
    )
    assert days == tuple(clinic.day(date) for date in dates)


@thorough
@given(clinics(), st.data())
def test_what_is_offered_is_what_may_be_booked(drawn, data):
    clinic, dates = drawn
    calendars = list(clinic.calendars.values())
    zone, now = clinic.zone, clinic.now

    def answer(start):
        return check(clinic.rules, calendars, start, zone=zone, now=now)

    days = free_slots(
        clinic.rules, calendars, first=dates[0], last=dates[-1], zone=zone, now=now
    )
    offered = {slot.start: slot for day in days for slot in day.slots}
    answers = {s: answer(s) for date in dates for s in clinic.grid_of(date)}
    assert {s: a for s, a in answers.items() if isinstance(a, Slot)} == offered
    first, last = clinic.minutes_of(dates[0])[0], clinic.minutes_of(dates[-1])[-1]
    for start in data.draw(st.lists(st.integers(first, last), max_size=5)):
        if start % 60:
            assert not isinstance(answer(start), Slot)
    for start in data.draw(st.lists(st.sampled_from(range(first, last, 60)))):
        assert answer(start) == clinic.answer(start)


@thorough
@given(clinics())
def test_every_offer_can_be_reserved(drawn):
    clinic, dates = drawn
    days = free_slots(
        clinic.rules,
        clinic.calendars.values(),
        first=dates[0],
        last=dates[-1],
        zone=clinic.zone,
        now=clinic.now,
    )
    for slot in (slot for day in days for slot in day.slots):
        held = taken(slot, clinic.rules)
        assert [
            busy
            for resource in slot.resources
            for busy in clinic.calendars[resource].busy
            if held.overlaps(busy)
        ] == []


@thorough
@given(clinics())
def test_opening_windows_are_the_open_minutes_and_never_touch(drawn):
    clinic, dates = drawn
    rows = [row for c in clinic.calendars.values() for row in c.hours or ()]
    windows = opening_windows(rows, first=dates[0], last=dates[-1], zone=clinic.zone)
    open_minutes = {
        minute
        for date in dates
        for minute in clinic.minutes_of(date)
        if any(within(row, clinic.wall(minute)) for row in rows)
    }
    assert {
        minute for w in windows for minute in range(w.start, w.end, 60)
    } == open_minutes
    gaps = [b.start - a.end for a, b in pairwise(windows)]
    assert [gap for gap in gaps if gap <= 0] == []
