"""A month of free times costs as many queries in a full diary as in an empty one, and
none that has to look at all rows. `make bench` measures how long they take.
"""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from booking import workflow
from booking.availability import Why
from booking.models import (
    Hours,
    Ignoring,
    Locked,
    Practice,
    Reservation,
    Resource,
    VisitType,
    could_take,
)
from tests.factories import (
    CLINICIAN,
    MONDAY,
    NOW,
    ROOM,
    TUESDAY,
    a_booked_visit,
    a_clinician,
    a_closure,
    a_practice,
    a_room,
    at,
)

pytestmark = pytest.mark.django_db

MONTH = timedelta(days=31)


def queries_of_a_month(visit_type: VisitType, practice: Practice | None = None) -> int:
    """Count them for a process that has read what is set up, as any soon has."""
    Practice.read()
    with CaptureQueriesContext(connection) as made:
        visit_type.availability(MONDAY, MONDAY + MONTH, now=NOW, practice=practice)
    return len(made)


def as_read_anew(visit_type: VisitType) -> VisitType:
    return VisitType.objects.get(pk=visit_type.pk)


def test_a_month_costs_as_many_queries_for_no_visit_one_and_three():
    visit_type = a_practice(buffer_after=10)

    found = [queries_of_a_month(as_read_anew(visit_type))]
    for hour in ("10:00", "12:00", "14:00"):
        a_booked_visit(visit_type, at(hour))
        found.append(queries_of_a_month(as_read_anew(visit_type)))

    assert found == [1] * 4


def test_a_month_costs_as_many_queries_for_three_clinicians_as_for_one():
    visit_type = a_practice()
    one = queries_of_a_month(as_read_anew(visit_type))
    for _ in range(2):
        a_clinician()
        a_room()

    assert queries_of_a_month(as_read_anew(visit_type)) == one


def test_whoever_has_read_the_practice_asks_as_often():
    visit_type = as_read_anew(a_practice())

    assert queries_of_a_month(visit_type, Practice.read()) == 1


def test_what_changes_in_the_practice_is_seen_at_the_next_look():
    visit_type = a_practice()
    [day] = visit_type.availability(TUESDAY, TUESDAY, now=NOW)
    assert day.slots

    Hours.objects.update(opens=time(16))
    [later] = visit_type.availability(TUESDAY, TUESDAY, now=NOW)
    assert later.slots
    assert later.slots[0].start == at("16:00").timestamp()

    Resource.objects.update(is_active=False)
    [never] = visit_type.availability(TUESDAY, TUESDAY, now=NOW)
    assert never.slots == ()


def test_what_is_booked_is_not_offered():
    visit_type = a_practice()
    [before] = visit_type.availability(TUESDAY, TUESDAY, now=NOW)
    a_booked_visit(visit_type, at("10:00"))

    [after] = visit_type.availability(TUESDAY, TUESDAY, now=NOW)

    gone = {slot.start for slot in before.slots} - {slot.start for slot in after.slots}
    assert gone == {int(at("10:00").timestamp())}


def test_a_hold_is_over_when_it_lapses_though_nothing_was_written():
    visit_type = a_practice()
    workflow.hold(visit_type, at("10:00"), key="somebody's", now=NOW)
    lapses = Reservation.objects.latest("expires_at").expires_at
    assert lapses

    def is_free(now: datetime, mine: Ignoring | None = None) -> bool:
        [day] = visit_type.availability(TUESDAY, TUESDAY, now=now, ignoring=mine)
        return at("10:00").timestamp() in [slot.start for slot in day.slots]

    just_before = lapses - timedelta(seconds=1)
    whose = Ignoring("somebody's")
    assert [is_free(NOW), is_free(NOW, whose)] == [False, True]
    assert [is_free(just_before), is_free(lapses)] == [False, True]
    assert not is_free(NOW, Ignoring("another's"))


def test_the_plan_has_the_very_seconds_that_are_held():
    visit_type = a_practice(buffer_after=10)
    a_booked_visit(visit_type, at("10:00"))
    a_closure(at("15:00"), at("16:00"))

    plan = visit_type.plan(TUESDAY, TUESDAY, now=NOW)

    clinician = Resource.objects.get(kind=CLINICIAN)
    [calendar] = [c for c in plan.calendars if c.resource == clinician.pk]
    [busy], [closed] = calendar.busy, calendar.closed
    assert busy == (at("10:00").timestamp(), at("10:40").timestamp())
    assert (closed.start, closed.end) == (
        at("15:00").timestamp(),
        at("16:00").timestamp(),
    )
    assert closed.name == "Training day"


def test_what_came_to_be_suitable_after_the_locks_is_not_taken():
    visit_type = a_practice(clinicians=2)
    first, second = Resource.objects.filter(kind=CLINICIAN).order_by("pk")
    room = Resource.objects.get(kind=ROOM)

    def taken(*keys: int) -> Any:
        locked = Locked(could_take(visit_type), [",".join(map(str, keys))])
        plan = visit_type.plan(TUESDAY, TUESDAY, now=NOW, locked=locked)
        return plan.check(at("10:00"), now=NOW)

    for clinician in (first, second):
        assert taken(clinician.pk, room.pk).resources == (clinician.pk, room.pk)
    assert taken(room.pk).why == Why.OUTSIDE_HOURS


# --- What is looked for is found by an index -----------------------------------------


def is_found_by(index: str, rows: QuerySet[Any]) -> bool:
    """Tell whether the database would use the index.

    PostgreSQL chooses by how many rows there are, here none, so of that only that it
    can do without reading them all.
    """
    if connection.vendor == "sqlite":
        return f"USING INDEX {index}" in rows.order_by().explain()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    return "Seq Scan" not in rows.order_by().explain()


def test_the_time_held_in_a_month_is_found_by_an_index():
    held = Reservation.objects.live(NOW).overlapping(NOW, NOW + MONTH)
    of_visits = held.filter(closure=None)
    for few_or_many in ([1, 2], list(range(1, 31))):
        mine = of_visits.filter(resource_id__in=few_or_many)
        assert is_found_by("reservation_busy", mine)


def test_what_a_closure_holds_is_found_by_an_index():
    held = Reservation.objects.filter(closure_id=1)
    assert is_found_by("reservation_of_closure", held)


def test_what_has_lapsed_is_found_by_an_index():
    lapsed = Reservation.objects.lapsed(NOW).filter(resource_id__in=[1, 2, 3])
    assert is_found_by("reservation_lapses", lapsed)


def test_old_holds_are_found_by_an_index():
    lapsed = Reservation.objects.soft_holds().lapsed(NOW)
    assert is_found_by("reservation_held", lapsed)
    mine = Reservation.objects.held_under("mine")
    assert is_found_by("reservation_held", mine)
