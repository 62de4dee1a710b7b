"""A month of free times costs as many queries in a full diary as in an empty one."""

from datetime import timedelta

import pytest
from django.db import connection

from booking.management import benching
from booking.models import Reservation
from tests.factories import MONDAY, NOW, TUESDAY, a_booked_visit, a_practice, at

pytestmark = pytest.mark.django_db

MONTH = timedelta(days=31)


@pytest.fixture(autouse=True)
def patience(db):
    """Let the check of ten thousand keys, as the test ends, take its time."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")


def queries_of_a_month(visit_type) -> int:
    with benching.statements() as made:
        visit_type.availability(MONDAY, MONDAY + MONTH, now=NOW)
    return len(made)


def test_the_queries_are_as_many_for_no_visit_one_and_ten_thousand():
    visit_type = a_practice(buffer_after=10)

    none = queries_of_a_month(visit_type)
    a_booked_visit(visit_type, at("10:00"))
    one = queries_of_a_month(visit_type)
    benching.fill_diary(visit_type, 10_000, until=at("09:00", TUESDAY))
    ten_thousand = queries_of_a_month(visit_type)

    assert Reservation.objects.count() == 20_002
    assert (none, one, ten_thousand) == (6, 6, 6)


def test_what_is_booked_is_not_offered():
    visit_type = a_practice()
    [before] = visit_type.availability(TUESDAY, TUESDAY, now=NOW)
    a_booked_visit(visit_type, at("10:00"))

    [after] = visit_type.availability(TUESDAY, TUESDAY, now=NOW)

    gone = {slot.start for slot in before.slots} - {slot.start for slot in after.slots}
    assert gone == {int(at("10:00").timestamp())}
