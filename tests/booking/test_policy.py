"""The rules as data, without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking import policy
from booking.policy import reply_by, without

MINUTE, HOUR = 60, 3600


def test_a_promise_counts_only_while_the_desk_is_open():
    monday, tuesday = (0, 8 * HOUR), (24 * HOUR, 32 * HOUR)

    assert reply_by(6 * HOUR, 4 * 60, [monday, tuesday]) == 26 * HOUR


def test_a_promise_that_fits_the_day_to_the_minute_ends_with_it():
    monday, tuesday = (0, 8 * HOUR), (24 * HOUR, 32 * HOUR)

    assert reply_by(6 * HOUR, 2 * 60, [monday, tuesday]) == 8 * HOUR


def test_who_asks_at_night_waits_from_the_next_opening():
    assert reply_by(10 * HOUR, 60, [(0, 8 * HOUR), (24 * HOUR, 32 * HOUR)]) == 25 * HOUR


def test_a_promise_longer_than_all_openings_ends_with_the_last():
    assert reply_by(0, 20 * 60, [(0, 8 * HOUR), (24 * HOUR, 32 * HOUR)]) == 32 * HOUR


def test_a_promise_without_any_opening_counts_by_the_clock():
    assert reply_by(5 * HOUR, 60, []) == 6 * HOUR


spans = st.tuples(st.integers(0, 60), st.integers(1, 20)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)


@given(asked=st.integers(0, 60), promise=st.integers(1, 90), windows=st.lists(spans))
def test_a_promise_is_as_many_open_minutes_away_as_it_says(asked, promise, windows):
    open_minutes = sorted({m for a, b in windows for m in range(a, b) if m >= asked})
    merged = [(m * MINUTE, (m + 1) * MINUTE) for m in open_minutes]

    due = reply_by(asked * MINUTE, promise, merged)

    if not open_minutes:
        assert due == (asked + promise) * MINUTE
    else:
        last = open_minutes[min(promise, len(open_minutes)) - 1]
        assert due == (last + 1) * MINUTE


@given(whole=spans, taken=st.lists(spans))
def test_what_is_left_is_every_minute_that_nothing_covers(whole, taken):
    covered = {minute for a, b in taken for minute in range(a, b)}

    left = list(without(whole, taken))

    assert [m for a, b in left for m in range(a, b)] == [
        m for m in range(*whole) if m not in covered
    ]
    assert all(a < b for a, b in left)


def test_every_move_ends_where_the_product_says():
    moves = {act: set(edge.moves) for act, edge in policy.TRANSITIONS.items()}

    assert moves == {
        "request": {(None, "pending")},
        "book": {(None, "booked")},
        "extend": {("booked", "booked")},
        "swap": {("booked", "booked")},
        "move": {("booked", "booked")},
        "call_off": {("booked", "proposed")},
        "accept": {("pending", "booked")},
        "decline": {("pending", "cancelled"), ("proposed", "cancelled")},
        "withdraw": {("pending", "cancelled"), ("proposed", "cancelled")},
        "cancel": {("booked", "cancelled")},
        "join": {(None, "waitlist")},
        "want_earlier": {("booked", "booked")},
        "stop_wanting": {("booked", "booked")},
        "leave": {("waitlist", "cancelled"), ("proposed", "cancelled")},
        "offer": {
            ("waitlist", "proposed"),
            ("pending", "proposed"),
            ("booked", "booked"),
        },
        "take": {("proposed", "booked"), ("booked", "booked")},
        "pass": NOTHING_CAME_OF_IT,
        "retract": NOTHING_CAME_OF_IT,
        "lapse": NOTHING_CAME_OF_IT,
        "expire": {("waitlist", "cancelled"), ("booked", "booked")},
        "ask_change": {("booked", "booked")},
        "stop_change": {("booked", "booked")},
        "change": {("booked", "booked")},
        "refuse_change": {("booked", "booked")},
        "arrive": {("booked", "arrived")},
        "not_yet": {("arrived", "booked")},
        "complete": {
            ("booked", "fulfilled"),
            ("arrived", "fulfilled"),
            ("noshow", "fulfilled"),
        },
        "miss": {
            ("booked", "noshow"),
            ("arrived", "noshow"),
            ("fulfilled", "noshow"),
        },
        "correct": {
            ("pending", "pending"),
            ("proposed", "proposed"),
            ("booked", "booked"),
            ("arrived", "arrived"),
            ("waitlist", "waitlist"),
        },
    }


# Back to the list, back to the desk, or as it was.
NOTHING_CAME_OF_IT = {
    ("proposed", "waitlist"),
    ("proposed", "pending"),
    ("booked", "booked"),
}


@pytest.mark.parametrize(
    ("status", "on_list", "act"),
    [
        ("pending", False, "withdraw"),
        ("proposed", False, "withdraw"),
        ("proposed", True, "leave"),
        ("waitlist", True, "leave"),
        ("booked", False, "cancel"),
        ("booked", True, "cancel"),
    ],
)
def test_each_way_to_end_a_visit_has_a_word_of_its_own(status, on_list, act):
    assert policy.ending(status, on_list=on_list) == act


def test_who_makes_a_move_is_listed():
    by = {act: set(edge.actors) for act, edge in policy.TRANSITIONS.items()}

    both = {"patient", "staff"}
    assert [act for act, who in by.items() if who == both] == [
        "request", "withdraw", "cancel", "stop_change", "change", "join",
        "want_earlier", "stop_wanting", "leave", "take", "pass",
    ]  # fmt: skip
    assert {act: who for act, who in by.items() if who != both} == {
        "book": {"staff"},
        "extend": {"staff"},
        "swap": {"staff"},
        "move": {"staff"},
        "call_off": {"staff"},
        "accept": {"staff"},
        "decline": {"staff"},
        "ask_change": {"patient"},
        "refuse_change": {"staff"},
        "offer": {"staff", "system"},
        "retract": {"staff"},
        "lapse": {"system"},
        "expire": {"system"},
        "arrive": {"staff"},
        "not_yet": {"staff"},
        "complete": {"staff"},
        "miss": {"staff"},
        "correct": {"staff"},
    }
