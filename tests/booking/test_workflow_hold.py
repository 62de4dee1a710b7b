"""A time stays free for somebody who is filling in the form."""

import uuid
from datetime import datetime, timedelta
from functools import partial

import pytest

from booking import workflow
from booking.errors import TimeNotOffered, TimeTaken
from booking.models import Ignoring, Reservation, VisitType
from booking.workflow import PATIENT
from tests import factories
from tests.factories import NOW, a_new_request, a_practice, a_request, at
from tests.records import held_by, nothing_written

pytestmark = pytest.mark.django_db

A_QUARTER = timedelta(minutes=15)


def starts_held(key: str) -> list[datetime]:
    rows = Reservation.objects.filter(hold_key=key)
    return sorted(set(rows.values_list("start", flat=True)))


def starts_shown(visit_type: VisitType, now: datetime = NOW) -> set[int]:
    [day] = visit_type.availability(factories.TUESDAY, factories.TUESDAY, now=now)
    return {slot.start for slot in day.slots}


def test_a_hold_takes_the_time_for_a_quarter_of_an_hour():
    visit_type = a_practice()

    lapses = workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)

    held = Reservation.objects.values_list("hold_key", "start", "expires_at")
    assert lapses == NOW + A_QUARTER
    assert list(held) == [("mine", at("10:00"), lapses)] * 2


def test_nobody_else_gets_a_held_time():
    visit_type = a_practice()
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)

    with nothing_written(), pytest.raises(TimeTaken):
        workflow.hold(visit_type, at("10:00"), key="theirs", now=NOW)
    with nothing_written(), pytest.raises(TimeTaken):
        a_request(visit_type, at("10:00"))


def test_a_hold_does_not_stand_in_its_holders_way():
    visit_type = a_practice()
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)

    visit = workflow.request(
        a_new_request(visit_type, at("10:00")),
        key=uuid.uuid4(),
        by=PATIENT,
        now=NOW,
        hold_key="mine",
    )

    assert starts_held("mine") == []
    assert len(held_by(visit)) == 2


def test_the_holder_may_ask_for_another_time_than_the_held_one():
    visit_type = a_practice()
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)

    workflow.request(
        a_new_request(visit_type, at("14:00")),
        key=uuid.uuid4(),
        by=PATIENT,
        now=NOW,
        hold_key="mine",
    )

    assert starts_held("mine") == []
    assert len(held_by(a_request(visit_type, at("10:00")))) == 2


def test_a_refused_request_keeps_the_hold():
    visit_type = a_practice()
    a_request(visit_type, at("14:00"))
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)

    with nothing_written(), pytest.raises(TimeTaken):
        workflow.request(
            a_new_request(visit_type, at("10:00"), at("14:00")),
            key=uuid.uuid4(),
            by=PATIENT,
            now=NOW,
            hold_key="mine",
        )

    assert starts_held("mine") == [at("10:00")]


def test_holding_another_time_gives_the_first_one_back():
    visit_type = a_practice()
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)

    workflow.hold(visit_type, at("10:30"), key="mine", now=NOW)

    assert starts_held("mine") == [at("10:30")]


def test_a_hold_can_be_moved_to_a_time_that_overlaps_it():
    visit_type = a_practice(duration=60)
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)

    workflow.hold(visit_type, at("10:30"), key="mine", now=NOW)

    assert starts_held("mine") == [at("10:30")]


def test_a_hold_can_be_moved_to_another_kind_of_visit():
    first = a_practice()
    second = factories.a_visit_type(takes=[factories.CLINICIAN], duration=60)
    workflow.hold(first, at("10:00"), key="mine", now=NOW)

    workflow.hold(second, at("10:00"), key="mine", now=NOW)

    held = Reservation.objects.values_list("resource__kind", "end")
    assert list(held) == [("clinician", at("11:00"))]


@pytest.mark.parametrize(
    ("start", "refusal"), [("14:00", TimeTaken), ("08:00", TimeNotOffered)]
)
def test_a_hold_that_is_refused_leaves_the_earlier_one(start, refusal):
    visit_type = a_practice()
    a_request(visit_type, at("14:00"))
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)

    with nothing_written(), pytest.raises(refusal):
        workflow.hold(visit_type, at(start), key="mine", now=NOW)


def test_a_hold_lapses_without_anybody_sweeping():
    visit_type = a_practice()
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)
    just_before = NOW + A_QUARTER - timedelta(microseconds=1)

    assert int(at("10:00").timestamp()) not in starts_shown(visit_type, just_before)
    assert int(at("10:00").timestamp()) in starts_shown(visit_type, NOW + A_QUARTER)
    visit = a_request(visit_type, at("10:00"), now=NOW + A_QUARTER)

    assert starts_held("mine") == []
    assert len(held_by(visit)) == 2


def test_the_holder_sees_the_held_time_as_free():
    visit_type = a_practice()
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)
    [day] = visit_type.availability(
        factories.TUESDAY,
        factories.TUESDAY,
        now=NOW,
        ignoring=Ignoring(hold_key="mine"),
    )

    assert int(at("10:00").timestamp()) in {slot.start for slot in day.slots}


def test_a_hold_is_renewed_while_it_lasts():
    visit_type = a_practice()
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)
    later = NOW + timedelta(minutes=10)

    assert workflow.renew("mine", now=later)

    held = Reservation.objects.values_list("expires_at", flat=True)
    assert list(held) == [later + A_QUARTER] * 2


def test_a_hold_that_has_lapsed_is_taken_anew_while_the_time_is_free():
    visit_type = a_practice()
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)
    later = NOW + A_QUARTER

    with nothing_written():
        assert not workflow.renew("mine", now=later)
    workflow.hold(visit_type, at("10:00"), key="mine", now=later)

    held = Reservation.objects.values_list("hold_key", "start", "expires_at")
    assert list(held) == [("mine", at("10:00"), later + A_QUARTER)] * 2


def test_a_hold_that_has_lapsed_takes_nothing_that_somebody_else_has():
    visit_type = a_practice()
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)
    workflow.hold(visit_type, at("10:00"), key="theirs", now=NOW + A_QUARTER)

    assert not workflow.renew("mine", now=NOW + A_QUARTER)
    with nothing_written(), pytest.raises(TimeTaken):
        workflow.hold(visit_type, at("10:00"), key="mine", now=NOW + A_QUARTER)


def test_a_hold_that_gave_way_is_not_taken_anew():
    visit_type = a_practice()
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)
    factories.a_closure(at("08:00"), at("18:00"))
    assert starts_held("mine") == []

    assert not workflow.renew("mine", now=NOW)
    with nothing_written(), pytest.raises(TimeNotOffered):
        workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)


def test_a_hold_that_has_lapsed_has_not_become_too_soon_since_it_was_chosen():
    # Tuesday 10:00 can be had until 9:55 on Monday.
    visit_type = a_practice(lead_time=24 * 60 + 5)
    chosen = at("09:40", factories.MONDAY)
    workflow.hold(visit_type, at("10:00"), key="mine", now=chosen)
    later = chosen + 2 * A_QUARTER
    hold = partial(workflow.hold, visit_type, at("10:00"), key="mine", now=later)

    with nothing_written(), pytest.raises(TimeNotOffered):
        hold()
    hold(held_since=chosen)

    assert starts_held("mine") == [at("10:00")]


def test_leaving_the_form_gives_the_time_back():
    visit_type = a_practice()
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)
    workflow.hold(visit_type, at("11:00"), key="theirs", now=NOW)

    workflow.release("mine")

    assert (starts_held("mine"), starts_held("theirs")) == ([], [at("11:00")])
