"""The days that a page of times is made of are read as far as they are asked for."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.models import Practice
from booking.models.plan import BUSY
from booking.picker import DAYS_READ, Filters, Times
from tests.factories import MONDAY, NOW, a_closure, a_practice, at

pytestmark = pytest.mark.django_db

SOON = MONDAY + timedelta(days=DAYS_READ - 1)
LATER = SOON + timedelta(days=1)


@pytest.fixture
def visit_type():
    visit_type = a_practice()
    Practice.read()  # and so it is known what is set up
    return visit_type


def the_times(visit_type):
    return Times(visit_type, Filters(), now=NOW)


def reads_of(look):
    """Return how often it is read what is held."""
    with CaptureQueriesContext(connection) as made:
        look()
    asked = ("FROM booking_reservation", BUSY.name)  # as text, or by the function
    return sum(any(a in query["sql"] for a in asked) for query in made)


def test_read_in_parts_the_days_are_the_same(visit_type):
    last = MONDAY + timedelta(days=visit_type.horizon)
    days = visit_type.availability(MONDAY, last, now=NOW)

    free = the_times(visit_type)

    assert free.starts() == [
        datetime.fromtimestamp(slot.start, UTC) for day in days for slot in day.slots
    ]
    assert free.last == last


def test_a_page_with_times_soon_reads_no_further(visit_type):
    free = the_times(visit_type)
    assert reads_of(free.page) == 1
    assert reads_of(lambda: free.on(SOON)) == 0


@pytest.mark.parametrize(
    "look",
    [
        lambda free: free.page(LATER),
        lambda free: free.has(at("10:00", LATER)),
        Times.starts,
        Times.why_none,
    ],
)
def test_looking_further_reads_the_rest_once(visit_type, look):
    free = the_times(visit_type)
    free.page()
    assert [reads_of(lambda: look(free)) for _ in range(2)] == [1, 0]


def test_what_begins_far_ahead_is_read_in_one_part(visit_type):
    free = the_times(visit_type)
    assert reads_of(lambda: free.on(LATER)) == 1
    assert reads_of(free.starts) == 0


def test_the_first_time_is_found_beyond_what_is_read_first(visit_type):
    a_closure(at("00:00", MONDAY), at("00:00", LATER))
    free = the_times(visit_type)
    [passed_over, row, *_] = free.page().rows
    assert free.next_day(MONDAY) == free.next_day(LATER) is not None
    assert row.slots
    assert "Closed: Training day." in passed_over.why


@pytest.mark.parametrize("days", [-1, 61])
def test_no_day_that_cannot_be_booked_has_times(visit_type, days):
    free = the_times(visit_type)
    day = MONDAY + timedelta(days=days)
    assert reads_of(lambda: free.on(day)) == 0
    assert free.on(day) == []
    assert not free.has(at("10:00", day))
