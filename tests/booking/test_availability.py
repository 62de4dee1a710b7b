"""The engine as date tables: one clinic day or one clock change at a time."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from booking.availability import (
    Calendar,
    Closed,
    Interval,
    Need,
    Reason,
    Rules,
    Slot,
    WeeklyHours,
    Why,
    can_replace,
    check,
    check_resource,
    free_slots,
    opening_windows,
    taken,
)

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = dt.date(2027, 6, 7)
TUESDAY = dt.date(2027, 6, 8)
ADA, BEN = 1, 2
ROOM_1, ROOM_2, ROOM_3 = 11, 12, 13
EMG = 21


def at(wall, zone=NEW_YORK, fold=0):
    """Turn a wall time such as "2027-06-07 09:00" into an instant."""
    moment = dt.datetime.fromisoformat(wall).replace(tzinfo=zone, fold=fold)
    return int(moment.timestamp())


def busy(begins, ends):
    return at(begins), at(ends)


def closed(begins, ends, name, kind=""):
    return Closed(at(begins), at(ends), name, kind)


def hours(weekday, opens, closes, *pause, **validity):
    times = [dt.time.fromisoformat(wall) for wall in (opens, closes, *pause)]
    return WeeklyHours(weekday, *times, **validity)


def every_day(opens, closes, *pause):
    return tuple(hours(weekday, opens, closes, *pause) for weekday in range(7))


MORNINGS = every_day("09:00", "12:00")


def a_calendar(resource, kind, week, taken, **more):
    closures = tuple(time for time in taken if isinstance(time, Closed))
    visits = tuple(time for time in taken if time not in closures)
    return Calendar(resource, kind, week, visits, closures, **more)


def clinician(resource, *taken, week=MORNINGS):
    return a_calendar(resource, "clinician", week, taken)


def room(resource, *taken):
    return a_calendar(resource, "room", None, taken)


def machine(*taken):
    return a_calendar(EMG, "machine", None, taken)


def a_clinician(*suitable):
    return Need("clinician", suitable or (ADA,))


def visit(*needs, minutes=60, before=0, after=0, step=60, lead=0, horizon=365):
    needs = needs or (a_clinician(),)
    return Rules(minutes, before, after, step, lead, horizon, needs)


def one_day(rules, *calendars, date=MONDAY, zone=NEW_YORK, now="2027-06-01 08:00"):
    (day,) = free_slots(
        rules, calendars, first=date, last=date, zone=zone, now=at(now, zone)
    )
    assert day.date == date
    return day


def walls(day, zone=NEW_YORK):
    """Read a day's slots as clock times with the zone's abbreviation."""
    return [
        f"{dt.datetime.fromtimestamp(slot.start, zone):%H:%M %Z}" for slot in day.slots
    ]


def times(day):
    assert day.reason is None
    return [wall[:5] for wall in walls(day)]


def why(day):
    assert day.slots == ()
    return day.reason


# Opening hours


def test_patient_sees_every_start_whose_visit_ends_by_closing_time():
    assert times(one_day(visit(step=30), clinician(ADA))) == [
        "09:00",
        "09:30",
        "10:00",
        "10:30",
        "11:00",
    ]


def test_slot_says_when_the_visit_ends_and_what_it_takes():
    day = one_day(
        visit(a_clinician(), Need("room", (ROOM_1,)), minutes=150),
        clinician(ADA),
        room(ROOM_1),
    )
    assert day.slots == (
        Slot(at("2027-06-07 09:00"), at("2027-06-07 11:30"), (ADA, ROOM_1)),
    )
    assert day.reason is None


def test_visit_never_runs_into_the_break():
    week = every_day("09:00", "15:00", "12:00", "13:00")
    day = one_day(visit(step=30), clinician(ADA, week=week))
    assert times(day) == [
        *("09:00", "09:30", "10:00", "10:30", "11:00"),
        *("13:00", "13:30", "14:00"),
    ]


def test_hours_that_touch_are_one_window():
    week = (hours(0, "09:00", "10:00"), hours(0, "10:00", "11:00"))
    day = one_day(visit(minutes=120), clinician(ADA, week=week))
    assert times(day) == ["09:00"]


def test_second_row_of_hours_may_fill_the_break_of_the_first():
    week = (
        hours(0, "09:00", "15:00", "11:00", "13:00"),
        hours(0, "11:00", "13:00"),
    )
    assert times(one_day(visit(minutes=360), clinician(ADA, week=week))) == ["09:00"]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (dt.date(2027, 5, 31), ["09:00"]),
        (dt.date(2027, 6, 7), ["13:00"]),
        (dt.date(2027, 6, 14), ["13:00"]),
    ],
)
def test_new_hours_replace_old_ones_on_their_first_valid_date(date, expected):
    week = (
        hours(0, "09:00", "10:00", valid_until=dt.date(2027, 6, 6)),
        hours(0, "13:00", "14:00", valid_from=MONDAY, valid_until=dt.date(2027, 6, 14)),
    )
    day = one_day(visit(), clinician(ADA, week=week), date=date, now="2027-05-01 08:00")
    assert times(day) == expected


def test_hours_end_after_their_last_valid_date():
    week = (hours(0, "09:00", "10:00", valid_until=dt.date(2027, 6, 14)),)
    day = one_day(visit(), clinician(ADA, week=week), date=dt.date(2027, 6, 21))
    assert why(day) == Reason(Why.OUTSIDE_HOURS)


def test_starts_lie_on_the_clock_and_not_on_the_opening_time():
    week = every_day("09:10", "11:00")
    assert times(one_day(visit(minutes=30, step=20), clinician(ADA, week=week))) == [
        "09:20",
        "09:40",
        "10:00",
        "10:20",
    ]


def test_days_come_in_order_with_both_ends_included():
    week = (hours(0, "09:00", "10:00"),)
    days = free_slots(
        visit(),
        [clinician(ADA, week=week)],
        first=MONDAY,
        last=MONDAY + dt.timedelta(7),
        zone=NEW_YORK,
        now=at("2027-06-01 08:00"),
    )
    assert [(day.date, len(day.slots)) for day in days] == [
        (MONDAY + dt.timedelta(n), 1 if n in (0, 7) else 0) for n in range(8)
    ]


def test_no_days_are_listed_when_the_last_comes_before_the_first():
    days = free_slots(
        visit(),
        [clinician(ADA)],
        first=TUESDAY,
        last=MONDAY,
        zone=NEW_YORK,
        now=at("2027-06-01 08:00"),
    )
    assert days == ()


# Busy time and buffers


def test_visit_may_begin_the_moment_another_ends():
    ada = clinician(ADA, busy("2027-06-07 10:00", "2027-06-07 11:00"))
    assert times(one_day(visit(), ada)) == ["09:00", "11:00"]


def test_one_second_of_overlap_is_too_much():
    ten = at("2027-06-07 10:00")
    ada = clinician(ADA, (ten - 1, ten + 1))
    assert times(one_day(visit(), ada)) == ["11:00"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (0, 0, ["09:00", "11:00", "11:15"]),
        (15, 0, ["09:00", "11:15"]),
        (0, 15, ["11:00", "11:15"]),
        (15, 15, ["11:15"]),
    ],
)
def test_buffers_keep_their_distance_on_their_own_side(before, after, expected):
    ada = clinician(
        ADA,
        busy("2027-06-07 10:00", "2027-06-07 11:00"),
        week=every_day("09:00", "12:15"),
    )
    assert times(one_day(visit(before=before, after=after, step=15), ada)) == expected


def test_buffers_may_lie_outside_hours_and_in_the_break():
    week = every_day("09:00", "12:00", "10:00", "11:00")
    rules = visit(before=30, after=30)
    assert times(one_day(rules, clinician(ADA, week=week))) == ["09:00", "11:00"]


def test_buffer_before_opening_still_waits_for_a_meeting_that_ends_then():
    ada = clinician(ADA, busy("2027-06-07 08:00", "2027-06-07 08:45"))
    assert times(one_day(visit(before=15), ada))[0] == "09:00"
    assert times(one_day(visit(before=16), ada))[0] == "10:00"


def test_reservation_covers_the_visit_and_its_buffers():
    slot = Slot(at("2027-06-07 09:00"), at("2027-06-07 10:00"), (ADA,))
    assert taken(slot, visit(before=10, after=20), [clinician(ADA)]) == {
        ADA: Interval(at("2027-06-07 08:50"), at("2027-06-07 10:20"))
    }


def test_two_reservations_side_by_side_never_overlap():
    rules = visit(minutes=30, before=10, after=20, step=10)
    first, *_ = one_day(rules, clinician(ADA)).slots
    held = taken(first, rules, [clinician(ADA)])[ADA]
    ada = clinician(ADA, (held.start, held.end))
    second, *_ = one_day(rules, ada).slots
    assert second.start == at("2027-06-07 10:00")
    assert taken(second, rules, [ada])[ADA].start == held.end


@pytest.mark.parametrize(
    ("of_the_visit", "of_the_machine", "reserved"),
    [
        ((0, 0), (0, 30), ("09:00", "10:30")),
        ((0, 10), (0, 30), ("09:00", "10:30")),
        ((0, 40), (0, 30), ("09:00", "10:40")),
        ((15, 0), (5, 0), ("08:45", "10:00")),
        ((15, 10), (20, 30), ("08:40", "10:30")),
    ],
)
def test_the_longer_of_two_buffers_counts_on_the_machine_alone(
    of_the_visit, of_the_machine, reserved
):
    before, after = of_the_visit
    rules = visit(a_clinician(), Need("machine", (EMG,)), before=before, after=after)
    emg = Calendar(EMG, "machine", None, (), (), *of_the_machine)
    slot = Slot(at("2027-06-07 09:00"), at("2027-06-07 10:00"), (ADA, EMG))
    held = taken(slot, rules, [clinician(ADA), emg])
    assert held[ADA] == Interval(slot.start - before * 60, slot.end + after * 60)
    assert held[EMG] == Interval(*(at(f"2027-06-07 {wall}") for wall in reserved))


def test_a_machine_that_is_cleaned_is_not_free_for_the_next_visit():
    rules = visit(a_clinician(), Need("machine", (EMG,)), step=30, minutes=30)
    used = busy("2027-06-07 09:00", "2027-06-07 10:00")
    quick = Calendar(EMG, "machine", None, (used,))
    slow = Calendar(EMG, "machine", None, (used,), before=20, after=20)
    assert times(one_day(rules, clinician(ADA), quick))[0] == "10:00"
    assert times(one_day(rules, clinician(ADA), slow))[0] == "10:30"


def test_busy_time_may_come_in_any_order_and_overlap():
    ada = clinician(
        ADA,
        busy("2027-06-07 11:00", "2027-06-07 12:00"),
        busy("2027-06-07 09:00", "2027-06-07 09:30"),
        busy("2027-06-07 09:15", "2027-06-07 09:45"),
        busy("2027-06-06 09:00", "2027-06-07 08:00"),
    )
    assert times(one_day(visit(), ada)) == ["10:00"]


def test_one_long_absence_takes_days_that_begin_inside_it():
    ada = clinician(ADA, busy("2027-06-01 00:00", "2027-06-20 00:00"))
    assert why(one_day(visit(), ada)) == Reason(Why.IN_USE, "clinician", ADA)


# Choosing resources


def test_first_free_resource_in_order_of_preference_is_taken():
    rules = visit(a_clinician(BEN, ADA), Need("room", (ROOM_2, ROOM_1)))
    day = one_day(
        rules,
        clinician(ADA),
        clinician(BEN, busy("2027-06-07 10:00", "2027-06-07 11:00")),
        room(ROOM_1),
        room(ROOM_2, busy("2027-06-07 11:00", "2027-06-07 12:00")),
    )
    assert [slot.resources for slot in day.slots] == [
        (BEN, ROOM_2),
        (ADA, ROOM_2),
        (BEN, ROOM_1),
    ]


def test_visit_lies_in_the_hours_of_everything_it_takes():
    emg = Calendar(EMG, "machine", every_day("10:00", "18:00"), ())
    rules = visit(a_clinician(), Need("machine", (EMG,)))
    assert times(one_day(rules, clinician(ADA), emg)) == ["10:00", "11:00"]


def test_visit_stays_with_one_clinician_from_start_to_end():
    rules = visit(a_clinician(ADA, BEN), minutes=120)
    day = one_day(
        rules,
        clinician(ADA, week=every_day("09:00", "10:00")),
        clinician(BEN, week=every_day("10:00", "11:00")),
    )
    assert why(day) == Reason(Why.OUTSIDE_HOURS)


def test_two_needs_of_one_kind_take_two_resources():
    rules = visit(a_clinician(ADA, BEN), a_clinician(ADA))
    (slot, *_) = one_day(rules, clinician(ADA), clinician(BEN)).slots
    assert slot.resources == (BEN, ADA)


def test_two_needs_of_one_kind_are_not_served_by_one_resource():
    rules = visit(a_clinician(ADA, BEN), a_clinician(ADA, BEN))
    ben_away = clinician(BEN, busy("2027-06-07 00:00", "2027-06-08 00:00"))
    day = one_day(rules, clinician(ADA), ben_away)
    assert why(day) == Reason(Why.IN_USE, "clinician")


def test_three_needs_of_one_kind_are_not_served_by_two_resources():
    rules = visit(*[a_clinician(ADA, BEN)] * 3)
    day = one_day(rules, clinician(ADA), clinician(BEN))
    assert why(day) == Reason(Why.OUTSIDE_HOURS)


def test_a_count_takes_so_many_of_a_kind():
    rules = visit(a_clinician(), Need("room", (ROOM_3, ROOM_1, ROOM_2), count=2))
    nine, ten, eleven = one_day(
        rules,
        clinician(ADA),
        room(ROOM_1),
        room(ROOM_2, busy("2027-06-07 11:00", "2027-06-07 12:00")),
        room(ROOM_3, busy("2027-06-07 10:00", "2027-06-07 11:00")),
    ).slots
    assert nine.resources == (ADA, ROOM_3, ROOM_1)
    assert ten.resources == (ADA, ROOM_1, ROOM_2)
    assert eleven.resources == (ADA, ROOM_3, ROOM_1)


def test_a_count_is_not_served_by_one_resource_named_twice():
    rules = visit(a_clinician(), Need("room", (ROOM_1, ROOM_1), count=2))
    day = one_day(rules, clinician(ADA), room(ROOM_1))
    assert why(day) == Reason(Why.OUTSIDE_HOURS)


def test_a_count_of_more_than_there_are_is_never_offered():
    rules = visit(a_clinician(), Need("room", (ROOM_1, ROOM_2), count=3))
    day = one_day(rules, clinician(ADA), room(ROOM_1), room(ROOM_2))
    assert why(day) == Reason(Why.OUTSIDE_HOURS)


def test_two_named_sets_of_one_kind_leave_each_other_what_they_need():
    rules = visit(
        a_clinician(),
        Need("room", (ROOM_1, ROOM_2)),
        Need("room", (ROOM_1,)),
    )
    rooms = room(ROOM_1), room(ROOM_2)
    (slot, *_) = one_day(rules, clinician(ADA), *rooms).slots
    assert slot.resources == (ADA, ROOM_2, ROOM_1)


def test_kinds_may_take_turns_in_the_order_of_the_needs():
    rules = visit(
        Need("room", (ROOM_2,)),
        a_clinician(),
        Need("room", (ROOM_3,)),
        a_clinician(BEN),
    )
    calendars = [clinician(ADA), clinician(BEN), room(ROOM_2), room(ROOM_3)]
    (slot, *_) = one_day(rules, *calendars).slots
    assert slot.resources == (ROOM_2, ADA, ROOM_3, BEN)


def test_a_large_practice_is_answered_without_listing_every_way():
    """There are ten to the power of 26 ways to take 40 rooms of 80, and so on."""
    people, rooms = range(1, 41), range(101, 181)
    rules = visit(
        Need("clinician", tuple(people), count=8, spread=True),
        Need("room", tuple(rooms), count=40),
        Need("room", tuple(reversed(rooms)), count=30),
    )
    hour = busy("2027-06-07 10:00", "2027-06-07 11:00")
    calendars = [
        *(clinician(n) for n in people),
        *(room(n, *([hour] if n > 170 else [])) for n in rooms),
    ]
    nine, ten, eleven = one_day(rules, *calendars).slots
    assert nine.resources[8:48] == tuple(rooms[:40])
    assert nine.resources[48:] == tuple(reversed(rooms))[:30]
    assert sorted(ten.resources[8:]) == list(rooms[:70])
    assert eleven.resources == nine.resources
    calendars[-71] = room(rooms[9], hour)
    assert times(one_day(rules, *calendars)) == ["09:00", "11:00"]


def by_turns(*clinicians):
    return Need("clinician", clinicians, spread=True)


def who_sees(day):
    """Return whom the day's visits take first, without repeating them."""
    return list(dict.fromkeys(slot.resources[0] for slot in day.slots))


def test_two_clinicians_with_nothing_to_do_take_turns_by_the_day():
    rules = visit(by_turns(ADA, BEN))
    days = free_slots(
        rules,
        [clinician(ADA), clinician(BEN)],
        first=MONDAY,
        last=MONDAY + dt.timedelta(3),
        zone=NEW_YORK,
        now=at("2027-06-01 08:00"),
    )
    seen = [who_sees(day) for day in days]
    assert seen in ([[ADA], [BEN]] * 2, [[BEN], [ADA]] * 2)


@pytest.mark.parametrize("date", [MONDAY, TUESDAY])
def test_who_has_fewer_minutes_of_visits_that_day_goes_first(date):
    ada = clinician(
        ADA,
        busy(f"{date} 09:00", f"{date} 09:40"),
        busy("2027-06-06 09:00", "2027-06-06 20:00"),
    )
    ben = clinician(BEN, busy(f"{date} 09:00", f"{date} 09:45"))
    rules = visit(by_turns(BEN, ADA))
    assert who_sees(one_day(rules, ada, ben, date=date)) == [ADA]


def test_two_visits_in_one_hour_are_no_less_work_than_one_of_an_hour():
    ada = clinician(
        ADA,
        busy("2027-06-07 09:00", "2027-06-07 09:30"),
        busy("2027-06-07 09:15", "2027-06-07 09:45"),
    )
    ben = clinician(BEN, busy("2027-06-07 09:00", "2027-06-07 09:50"))
    assert who_sees(one_day(visit(by_turns(BEN, ADA)), ada, ben)) == [ADA]


def test_being_away_is_not_having_much_to_do():
    away = closed("2027-06-07 09:00", "2027-06-07 11:00", "Ada is away")
    ada = clinician(ADA, away)
    ben = clinician(BEN, busy("2027-06-07 09:00", "2027-06-07 09:05"))
    assert [
        s.resources for s in one_day(visit(by_turns(BEN, ADA)), ada, ben).slots
    ] == [
        (BEN,),
        (ADA,),
    ]


def test_rooms_are_taken_in_their_order_whatever_they_had_that_day():
    rules = visit(a_clinician(), Need("room", (ROOM_2, ROOM_1)))
    used = room(ROOM_2, busy("2027-06-07 09:00", "2027-06-07 10:00"))
    day = one_day(rules, clinician(ADA), used, room(ROOM_1))
    assert [slot.resources[1] for slot in day.slots] == [ROOM_1, ROOM_2, ROOM_2]


def own(resource, begins, ends, *taken):
    """Return a clinician of whom whoever asks holds some time already."""
    mine = Interval(at(begins), at(ends))
    return a_calendar(resource, "clinician", MORNINGS, taken, own=(mine,))


@pytest.mark.parametrize("asked", [by_turns(ADA, BEN), a_clinician(ADA, BEN)])
def test_who_holds_a_time_keeps_the_clinician_there_and_only_there(asked):
    ben = own(BEN, "2027-06-07 10:00", "2027-06-07 11:00")
    busier = clinician(ADA, busy("2027-06-07 11:30", "2027-06-07 12:00"))
    for ada in (clinician(ADA), busier):
        day = one_day(visit(asked, minutes=30), ada, ben)
        assert [slot.resources[0] for slot in day.slots][1] == BEN
    ada, later = clinician(ADA), busy("2027-06-07 11:30", "2027-06-07 12:00")
    ben = own(BEN, "2027-06-07 10:00", "2027-06-07 11:00", later)
    assert [s.resources[0] for s in one_day(visit(asked), ada, ben).slots] == [
        *(ADA, BEN, ADA)
    ]


def test_a_clinician_who_was_held_and_is_booked_meanwhile_is_not_kept():
    taken = busy("2027-06-07 10:30", "2027-06-07 11:00")
    ben = own(BEN, "2027-06-07 10:00", "2027-06-07 11:00", taken)
    day = one_day(visit(a_clinician(ADA, BEN)), clinician(ADA), ben)
    assert who_sees(day) == [ADA]


def test_all_that_is_held_is_kept_though_another_way_would_come_first():
    """With Ada for the first place, the second would fall to somebody new."""
    cleo = 3
    rules = visit(a_clinician(ADA, BEN), a_clinician(ADA, cleo))
    mine = ("2027-06-07 09:00", "2027-06-07 10:00")
    day = one_day(rules, own(ADA, *mine), own(BEN, *mine), clinician(cleo))
    assert [slot.resources for slot in day.slots] == [
        *((BEN, ADA), (ADA, cleo), (ADA, cleo))
    ]


def test_resource_without_a_calendar_is_never_offered():
    day = one_day(visit(a_clinician(BEN, ADA)), clinician(ADA))
    assert {slot.resources for slot in day.slots} == {(ADA,)}
    assert why(one_day(visit(a_clinician(BEN)), clinician(ADA))) == Reason(
        Why.OUTSIDE_HOURS
    )


def test_rooms_alone_open_nothing():
    day = one_day(visit(Need("room", (ROOM_1,))), room(ROOM_1))
    assert why(day) == Reason(Why.OUTSIDE_HOURS)


def test_rooms_keep_the_hours_of_the_clinicians_who_could_come():
    rules = visit(Need("room", (ROOM_1,)), a_clinician())
    ben = clinician(BEN, week=every_day("07:00", "20:00"))
    assert times(one_day(rules, room(ROOM_1), clinician(ADA), ben)) == [
        "09:00",
        "10:00",
        "11:00",
    ]


def test_rooms_keep_no_hours_of_clinicians_who_could_not_come():
    rules = visit(Need("room", (ROOM_1,)))
    day = one_day(rules, room(ROOM_1), clinician(ADA))
    assert why(day) == Reason(Why.OUTSIDE_HOURS)


# Why there is none


def test_yesterday_is_past():
    day = one_day(visit(), clinician(ADA), now="2027-06-08 00:00")
    assert why(day) == Reason(Why.PAST)


def test_today_is_past_once_everything_open_has_begun():
    assert times(one_day(visit(), clinician(ADA), now="2027-06-07 11:00")) == ["11:00"]
    day = one_day(visit(), clinician(ADA), now="2027-06-07 11:00:01")
    assert why(day) == Reason(Why.PAST)


def test_horizon_counts_local_dates():
    rules = visit(horizon=6)
    late, early = "2027-06-01 23:59", "2027-06-01 00:01"
    for now in (late, early):
        assert len(one_day(rules, clinician(ADA), now=now).slots) == 3
        day = one_day(rules, clinician(ADA), date=TUESDAY, now=now)
        assert why(day) == Reason(Why.BEYOND_HORIZON)


def test_closed_day_names_the_holiday():
    holiday = closed("2027-06-07 00:00", "2027-06-08 00:00", "Founders' Day")
    assert why(one_day(visit(), clinician(ADA, holiday))) == Reason(
        Why.CLOSED, "Founders' Day"
    )


def test_closed_half_day_is_named_only_when_nothing_else_was_open():
    morning = closed("2027-06-07 00:00", "2027-06-07 11:00", "Staff meeting")
    rest = busy("2027-06-07 11:00", "2027-06-07 12:00")
    assert times(one_day(visit(), clinician(ADA, morning))) == ["11:00"]
    assert why(one_day(visit(), clinician(ADA, morning, rest))) == Reason(
        Why.IN_USE, "clinician", ADA
    )


def test_closure_on_a_day_that_was_never_open_is_not_to_blame():
    holiday = closed("2027-06-07 00:00", "2027-06-08 00:00", "Founders' Day")
    tuesdays = (hours(1, "09:00", "12:00"),)
    assert why(one_day(visit(), clinician(ADA, holiday, week=tuesdays))) == Reason(
        Why.OUTSIDE_HOURS
    )


def test_closure_of_the_whole_clinic_is_named_before_one_person_s_leave():
    rules = visit(a_clinician(), Need("room", (ROOM_1, ROOM_2, ROOM_3)))
    leave = closed("2027-06-01 00:00", "2027-06-20 00:00", "Ada is away", "clinician")
    holiday = closed("2027-06-07 00:00", "2027-06-08 00:00", "Founders' Day")
    repair = closed("2027-06-01 00:00", "2027-06-20 00:00", "Repairs", "room")
    calendars = [
        clinician(ADA, leave, holiday),
        room(ROOM_1, holiday, repair),
        room(ROOM_2, holiday, repair),
        room(ROOM_3, holiday),
    ]
    assert why(one_day(rules, *calendars)) == Reason(Why.CLOSED, "Founders' Day")
    assert why(one_day(rules, *calendars, date=TUESDAY)) == Reason(
        Why.CLOSED, "Ada is away", kind="clinician"
    )


def test_of_two_closures_that_take_as_much_the_whole_clinic_s_is_named():
    leave = closed("2027-06-07 00:00", "2027-06-08 00:00", "Away", "clinician")
    holiday = closed("2027-06-07 00:00", "2027-06-08 00:00", "Founders' Day")
    assert why(one_day(visit(), clinician(ADA, leave, holiday))) == Reason(
        Why.CLOSED, "Founders' Day"
    )


def test_closure_of_one_clinician_is_not_why_when_the_other_is_booked():
    leave = closed("2027-06-07 00:00", "2027-06-08 00:00", "Ada is away")
    booked = busy("2027-06-07 09:00", "2027-06-07 12:00")
    day = one_day(
        visit(a_clinician(ADA, BEN)), clinician(ADA, leave), clinician(BEN, booked)
    )
    assert why(day) == Reason(Why.IN_USE, "clinician", BEN)


def test_nobody_is_named_when_either_of_two_would_have_done():
    booked = busy("2027-06-07 09:00", "2027-06-07 12:00")
    rules = visit(a_clinician(ADA, BEN))
    day = one_day(rules, clinician(ADA, booked), clinician(BEN, booked))
    assert why(day) == Reason(Why.IN_USE, "clinician")


def test_clinicians_who_never_meet_the_machine_are_outside_hours():
    emg = Calendar(EMG, "machine", every_day("13:00", "18:00"), ())
    rules = visit(a_clinician(), Need("machine", (EMG,)))
    assert why(one_day(rules, clinician(ADA), emg)) == Reason(Why.OUTSIDE_HOURS)


def test_notice_is_counted_to_the_second():
    rules = visit(lead=120)
    exactly = one_day(rules, clinician(ADA), now="2027-06-07 08:00")
    assert times(exactly) == ["10:00", "11:00"]
    later = one_day(rules, clinician(ADA), now="2027-06-07 08:00:01")
    assert times(later) == ["11:00"]


def test_free_time_without_enough_notice_is_too_soon():
    day = one_day(visit(lead=24 * 60), clinician(ADA), now="2027-06-07 08:00")
    assert why(day) == Reason(Why.TOO_SOON)


def test_booked_time_without_enough_notice_is_not_called_too_soon():
    ada = clinician(ADA, busy("2027-06-07 09:00", "2027-06-07 12:00"))
    day = one_day(visit(lead=24 * 60), ada, now="2027-06-07 08:00")
    assert why(day) == Reason(Why.IN_USE, "clinician", ADA)


def test_machine_that_blocks_every_start_is_named():
    rules = visit(a_clinician(), Need("machine", (EMG,)))
    ada = clinician(ADA, busy("2027-06-07 09:00", "2027-06-07 10:00"))
    emg = machine(busy("2027-06-07 09:00", "2027-06-07 12:00"))
    assert why(one_day(rules, ada, emg)) == Reason(Why.IN_USE, "machine", EMG)


def test_day_is_fully_booked_when_no_single_kind_is_to_blame():
    rules = visit(a_clinician(), Need("machine", (EMG,)))
    ada = clinician(ADA, busy("2027-06-07 09:00", "2027-06-07 11:00"))
    emg = machine(busy("2027-06-07 11:00", "2027-06-07 12:00"))
    assert why(one_day(rules, ada, emg)) == Reason(Why.FULLY_BOOKED)


def test_day_is_fully_booked_when_two_kinds_block_everything():
    rules = visit(a_clinician(), Need("machine", (EMG,)))
    all_day = busy("2027-06-07 09:00", "2027-06-07 12:00")
    day = one_day(rules, clinician(ADA, all_day), machine(all_day))
    assert why(day) == Reason(Why.FULLY_BOOKED)


@pytest.mark.parametrize("barred", [Why.CALL_US, Why.NEEDS_REFERRAL])
def test_what_bars_a_visit_holds_for_every_time_that_could_be_booked(barred):
    rules = Rules(60, 0, 0, 60, 120, 6, (a_clinician(),), barred=barred)
    holiday = closed("2027-06-09 00:00", "2027-06-10 00:00", "Founders' Day")
    ada = clinician(ADA, holiday, busy("2027-06-10 09:00", "2027-06-10 12:00"))
    days = free_slots(
        rules,
        [ada],
        first=dt.date(2027, 6, 6),
        last=dt.date(2027, 6, 14),
        zone=NEW_YORK,
        now=at("2027-06-07 18:00"),
    )
    assert [why(day).why for day in days] == [
        *(Why.PAST, *[barred] * 7, Why.BEYOND_HORIZON)
    ]

    def asked(start):
        now = at("2027-06-07 09:30")
        return check(rules, [ada], at(start), zone=NEW_YORK, now=now)

    assert asked("2027-06-07 09:00") == Reason(Why.PAST)
    assert asked("2027-06-07 10:00") == Reason(barred)
    assert asked("2027-06-08 03:07") == Reason(barred)
    assert asked("2027-06-14 09:00") == Reason(Why.BEYOND_HORIZON)


# One start


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2027-06-07 08:59", Reason(Why.PAST)),
        ("2027-06-07 10:00", Reason(Why.TOO_SOON)),
        ("2027-06-07 11:30", Reason(Why.OUTSIDE_HOURS)),
        ("2027-06-07 12:00", Reason(Why.OUTSIDE_HOURS)),
        ("2027-06-08 09:00", Reason(Why.CLOSED, "Founders' Day")),
        ("2027-06-09 09:00", Reason(Why.IN_USE, "clinician", ADA)),
        ("2027-06-10 09:00", Reason(Why.FULLY_BOOKED)),
        ("2027-06-11 09:00", Reason(Why.IN_USE, "room", ROOM_1)),
        (
            "2027-06-12 09:00",
            Slot(at("2027-06-12 09:00"), at("2027-06-12 10:00"), (ADA, ROOM_1)),
        ),
        ("2027-06-14 09:00", Reason(Why.BEYOND_HORIZON)),
    ],
)
def test_one_start_is_answered_with_its_own_reason(start, expected):
    rules = visit(a_clinician(), Need("room", (ROOM_1,)), lead=120, horizon=6)
    calendars = [
        clinician(
            ADA,
            closed("2027-06-08 00:00", "2027-06-09 00:00", "Founders' Day"),
            busy("2027-06-09 09:00", "2027-06-09 10:00"),
            busy("2027-06-10 09:00", "2027-06-10 10:00"),
        ),
        room(
            ROOM_1,
            busy("2027-06-10 09:00", "2027-06-10 10:00"),
            busy("2027-06-11 09:00", "2027-06-11 10:00"),
        ),
    ]
    now = at("2027-06-07 09:00")
    assert check(rules, calendars, at(start), zone=NEW_YORK, now=now) == expected


def test_start_at_this_very_second_is_not_past():
    nine = at("2027-06-07 09:00")
    answer = check(visit(), [clinician(ADA)], nine, zone=NEW_YORK, now=nine)
    assert answer == Slot(nine, nine + 3600, (ADA,))


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (-(10**30), Reason(Why.PAST)),
        (0, Reason(Why.PAST)),
        (10**30, Reason(Why.BEYOND_HORIZON)),
        (at("2027-06-07 09:00") + 1, Reason(Why.OUTSIDE_HOURS)),
    ],
)
def test_hand_made_start_is_refused_with_a_reason(start, expected):
    now = at("2027-06-01 08:00")
    answer = check(visit(), [clinician(ADA)], start, zone=NEW_YORK, now=now)
    assert answer == expected


def test_dates_no_calendar_can_express_are_refused_with_a_reason():
    for date, expected in [(dt.date.min, Why.PAST), (dt.date.max, Why.BEYOND_HORIZON)]:
        assert why(one_day(visit(), clinician(ADA), date=date)) == Reason(expected)


# One resource instead of another


NINE_TO_TEN = Interval(at("2027-06-07 09:00"), at("2027-06-07 10:00"))


@pytest.mark.parametrize(
    ("calendar", "expected"),
    [
        (clinician(BEN), None),
        (room(ROOM_1), None),
        (clinician(BEN, week=()), Reason(Why.OUTSIDE_HOURS)),
        (clinician(BEN, week=every_day("09:01", "12:00")), Reason(Why.OUTSIDE_HOURS)),
        (clinician(BEN, week=every_day("08:00", "09:59")), Reason(Why.OUTSIDE_HOURS)),
        (room(ROOM_1, busy("2027-06-07 08:00", "2027-06-07 08:50")), None),
        (
            room(ROOM_1, busy("2027-06-07 08:00", "2027-06-07 08:51")),
            Reason(Why.IN_USE, "room", ROOM_1),
        ),
        (
            room(
                ROOM_1,
                busy("2027-06-07 09:00", "2027-06-07 09:30"),
                closed("2027-06-07 10:19", "2027-06-07 12:00", "Painting"),
            ),
            Reason(Why.CLOSED, "Painting"),
        ),
        (
            Calendar(
                EMG, "machine", None, (busy("2027-06-07 10:25", "2027-06-07 11:00"),),
                after=30,
            ),
            Reason(Why.IN_USE, "machine", EMG),
        ),
    ],
)  # fmt: skip
def test_what_may_take_part_in_a_visit_whose_time_is_agreed(calendar, expected):
    rules = visit(a_clinician(), before=10, after=20, step=50, lead=9999, horizon=0)
    found = check_resource(rules, calendar, NINE_TO_TEN, zone=NEW_YORK)
    assert found == expected


RETIRED = 99


@pytest.mark.parametrize(
    ("kind", "resource", "others", "expected"),
    [
        ("room", ROOM_2, (ADA, ROOM_1), True),
        ("room", ROOM_1, (ADA, ROOM_3), True),
        ("room", ROOM_2, (ADA, ROOM_3), False),
        ("room", ROOM_3, (ADA, ROOM_1, ROOM_2), False),
        ("room", ROOM_1, (ADA, ROOM_1), False),
        ("room", BEN, (ADA, ROOM_1), False),
        ("machine", EMG, (ADA, ROOM_1), False),
        ("clinician", BEN, (ROOM_1, ROOM_2), True),
        ("clinician", BEN, (RETIRED, RETIRED + 1), True),
        ("clinician", BEN, (ADA, ROOM_1), False),
        ("room", ROOM_3, (RETIRED, RETIRED + 1), True),
        ("room", ROOM_1, (RETIRED, ROOM_3), True),
        ("room", ROOM_2, (RETIRED, ROOM_3), False),
        ("room", BEN, (RETIRED, RETIRED + 1), False),
    ],
)
def test_what_replaces_another_fills_a_place_that_is_left(
    kind, resource, others, expected
):
    rules = visit(
        a_clinician(ADA, BEN),
        Need("room", (ROOM_1, ROOM_2, ROOM_3)),
        Need("room", (ROOM_1,)),
    )
    assert can_replace(rules, kind, resource, others) is expected


# The clocks change


LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
LISBON = ZoneInfo("Europe/Lisbon")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
ST_JOHNS = ZoneInfo("America/St_Johns")


@pytest.mark.parametrize(
    ("zone", "date", "week", "step", "expected"),
    [
        pytest.param(
            NEW_YORK,
            dt.date(2027, 3, 14),
            ("01:00", "05:00"),
            30,
            [
                *("01:00 EST", "01:30 EST"),
                *("03:00 EDT", "03:30 EDT", "04:00 EDT", "04:30 EDT"),
            ],
            id="new york, spring",
        ),
        pytest.param(
            NEW_YORK,
            dt.date(2027, 11, 7),
            ("00:30", "02:30"),
            30,
            [
                *("00:30 EDT", "01:00 EDT", "01:30 EDT"),
                *("01:00 EST", "01:30 EST", "02:00 EST"),
            ],
            id="new york, autumn",
        ),
        pytest.param(
            LORD_HOWE,
            dt.date(2027, 10, 3),
            ("01:00", "03:30"),
            30,
            ["01:00 +1030", "01:30 +1030", "02:30 +11", "03:00 +11"],
            id="lord howe, spring, half an hour",
        ),
        pytest.param(
            LORD_HOWE,
            dt.date(2027, 4, 4),
            ("01:00", "02:30"),
            30,
            ["01:00 +11", "01:30 +11", "01:30 +1030", "02:00 +1030"],
            id="lord howe, autumn, half an hour",
        ),
        pytest.param(
            LORD_HOWE,
            dt.date(2027, 4, 4),
            ("01:00", "02:30"),
            20,
            ["01:00 +11", "01:20 +11", "01:40 +11", "01:40 +1030", "02:00 +1030"],
            id="lord howe, autumn, grid stays on the wall",
        ),
        pytest.param(
            LISBON,
            dt.date(2027, 3, 28),
            ("00:00", "03:00"),
            30,
            ["00:00 WET", "00:30 WET", "02:00 WEST", "02:30 WEST"],
            id="lisbon, spring",
        ),
        pytest.param(
            LISBON,
            dt.date(2027, 10, 31),
            ("00:30", "02:30"),
            30,
            [
                *("00:30 WEST", "01:00 WEST", "01:30 WEST"),
                *("01:00 WET", "01:30 WET", "02:00 WET"),
            ],
            id="lisbon, autumn",
        ),
        pytest.param(
            SAO_PAULO,
            dt.date(2018, 11, 4),
            ("00:00", "02:00"),
            30,
            ["01:00 -02", "01:30 -02"],
            id="sao paulo, midnight does not exist",
        ),
        pytest.param(
            SAO_PAULO,
            dt.date(2019, 2, 16),
            ("22:30", "23:59"),
            30,
            ["22:30 -02", "23:00 -02", "23:00 -03"],
            id="sao paulo, the last hour comes twice",
        ),
        pytest.param(
            SAO_PAULO,
            dt.date(2027, 2, 21),
            ("23:00", "23:59"),
            15,
            ["23:00 -03", "23:15 -03"],
            id="sao paulo, no more clock changes",
        ),
        pytest.param(
            ST_JOHNS,
            dt.date(2010, 11, 6),
            ("23:00", "23:59"),
            15,
            ["23:00 NDT", "23:15 NDT", "23:15 NST"],
            id="st john's, the clock falls back into yesterday",
        ),
        pytest.param(
            ZoneInfo("Pacific/Apia"),
            dt.date(2011, 12, 30),
            ("00:00", "23:59"),
            15,
            [],
            id="samoa, the date does not exist",
        ),
    ],
)
def test_clinic_keeps_its_wall_times_when_the_clocks_change(
    zone, date, week, step, expected
):
    day = one_day(
        visit(minutes=30, step=step, horizon=10_000),
        clinician(ADA, week=every_day(*week)),
        date=date,
        zone=zone,
        now="2010-01-01 00:00",
    )
    assert walls(day, zone) == expected


@pytest.mark.parametrize(
    ("date", "hours_open"), [((2027, 3, 14), 22), ((2027, 11, 7), 24)]
)
def test_open_day_of_the_clock_change_is_an_hour_shorter_or_longer(date, hours_open):
    (window,) = opening_windows(
        every_day("00:00", "23:00"),
        first=dt.date(*date),
        last=dt.date(*date),
        zone=NEW_YORK,
    )
    assert window.end - window.start == hours_open * 3600


def test_visit_over_the_clock_change_lasts_its_real_minutes():
    day = one_day(
        visit(minutes=60, step=30),
        clinician(ADA, week=every_day("01:00", "04:00")),
        date=dt.date(2027, 3, 14),
        now="2027-03-01 08:00",
    )
    assert walls(day) == ["01:00 EST", "01:30 EST", "03:00 EDT"]
    assert {slot.end - slot.start for slot in day.slots} == {3600}


def test_hours_that_begin_in_the_gap_open_when_the_clock_has_jumped():
    (window,) = opening_windows(
        [hours(6, "02:30", "04:00")],
        first=dt.date(2027, 3, 14),
        last=dt.date(2027, 3, 14),
        zone=NEW_YORK,
    )
    assert window == Interval(at("2027-03-14 03:00"), at("2027-03-14 04:00"))


def test_hours_that_begin_in_the_repeated_hour_open_twice():
    windows = opening_windows(
        [hours(6, "01:30", "03:00")],
        first=dt.date(2027, 11, 7),
        last=dt.date(2027, 11, 7),
        zone=NEW_YORK,
    )
    assert windows == (
        Interval(at("2027-11-07 01:30"), at("2027-11-07 01:00", fold=1)),
        Interval(at("2027-11-07 01:30", fold=1), at("2027-11-07 03:00")),
    )


def test_visit_over_a_midnight_that_comes_twice_is_listed_and_checked_alike():
    """In St. John's the clock fell from 12:01 AM back into the evening before."""
    week, date = every_day("00:00", "23:59"), dt.date(2010, 11, 7)
    rules = visit(minutes=10, step=15)
    midnight = at("2010-11-07 00:00", ST_JOHNS)
    now = midnight - 86400
    (day,) = free_slots(
        rules,
        [clinician(ADA, week=week)],
        first=date,
        last=date,
        zone=ST_JOHNS,
        now=now,
    )
    slot = Slot(midnight, midnight + 600, (ADA,))
    assert day.slots[0] == slot
    ada = clinician(ADA, week=week)
    assert check(rules, [ada], midnight, zone=ST_JOHNS, now=now) == slot
    assert check_resource(rules, ada, slot, zone=ST_JOHNS) is None


def test_visit_in_the_first_of_two_hours_leaves_the_second_free():
    first = at("2027-11-07 01:00")
    ada = clinician(ADA, (first, first + 3600), week=every_day("01:00", "02:00"))
    day = one_day(visit(), ada, date=dt.date(2027, 11, 7))
    assert walls(day) == ["01:00 EST"]


def test_nine_o_clock_is_nine_o_clock_all_year():
    days = free_slots(
        visit(horizon=400),
        [clinician(ADA, week=every_day("09:00", "10:00"))],
        first=dt.date(2027, 1, 1),
        last=dt.date(2027, 12, 31),
        zone=NEW_YORK,
        now=at("2026-12-31 12:00"),
    )
    assert [[wall[:5] for wall in walls(day)] for day in days] == [["09:00"]] * 365


# Opening windows


def test_opening_windows_are_sorted_and_merged():
    windows = opening_windows(
        [
            hours(1, "09:00", "10:00"),
            hours(0, "13:00", "15:00"),
            hours(0, "09:00", "13:00", "11:00", "12:00"),
        ],
        first=MONDAY,
        last=TUESDAY,
        zone=NEW_YORK,
    )
    assert windows == (
        Interval(at("2027-06-07 09:00"), at("2027-06-07 11:00")),
        Interval(at("2027-06-07 12:00"), at("2027-06-07 15:00")),
        Interval(at("2027-06-08 09:00"), at("2027-06-08 10:00")),
    )


# Values refuse to be wrong


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Interval(10, 10),
        lambda: Closed(10, 9, "Holiday"),
        lambda: hours(7, "09:00", "10:00"),
        lambda: hours(-1, "09:00", "10:00"),
        lambda: hours(0, "10:00", "09:00"),
        lambda: hours(0, "09:00", "00:00"),
        lambda: hours(0, "09:00", "17:00", "12:00"),
        lambda: hours(0, "09:00", "17:00", "13:00", "12:00"),
        lambda: hours(0, "09:00", "17:00", "12:00", "12:00"),
        lambda: hours(0, "09:00", "17:00", "00:00", "00:00"),
        lambda: hours(0, "09:00", "17:00", "08:00", "10:00"),
        lambda: hours(0, "09:00", "17:00", "16:00", "17:00"),
        lambda: hours(0, "09:00", "17:00", valid_from=TUESDAY, valid_until=MONDAY),
        lambda: visit(minutes=0),
        lambda: visit(step=0),
        lambda: visit(before=-1),
        lambda: visit(after=-1),
        lambda: visit(lead=-1),
        lambda: visit(horizon=-1),
        lambda: Rules(30, 0, 0, 15, 0, 60, ()),
        lambda: Need("room", (ROOM_1,), count=0),
        lambda: visit(Need("room", (ROOM_1,)), Need("machine", (ROOM_1,))),
        lambda: Calendar(ROOM_1, "room", None, (), before=-1),
        lambda: Calendar(ROOM_1, "room", None, (), after=-1),
    ],
)
def test_contradiction_is_refused_when_it_is_made(wrong):
    with pytest.raises(ValueError, match=r"must|needs|at least"):
        wrong()


def test_hours_of_one_date_are_no_contradiction():
    assert hours(
        0, "09:00", "10:00", valid_from=MONDAY, valid_until=MONDAY
    ).parts() == ((dt.time(9), dt.time(10)),)


@pytest.mark.parametrize(
    ("other", "overlaps", "contains"),
    [
        (Interval(0, 10), False, False),
        (Interval(0, 11), True, False),
        (Interval(10, 20), True, True),
        (Interval(12, 18), True, True),
        (Interval(5, 25), True, False),
        (Interval(19, 30), True, False),
        (Interval(20, 30), False, False),
    ],
)
def test_intervals_are_half_open(other, overlaps, contains):
    interval = Interval(10, 20)
    assert interval.overlaps(other) is overlaps
    assert interval.contains(other) is contains
