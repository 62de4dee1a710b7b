"""The desk records on the day who is here, who was seen, and who did not come."""

from datetime import timedelta

import pytest

from booking import integrity, workflow
from booking.errors import ChangedMeanwhile, NotAllowed, NotItsTime, NotPossibleNow
from booking.models import Appointment
from booking.policy import Act, Status
from booking.workflow import PATIENT, By
from tests import factories
from tests.factories import (
    MONDAY,
    NOW,
    WEDNESDAY,
    a_booked_visit,
    a_practice,
    a_wish,
    an_offer,
    at,
)
from tests.records import (
    events_of,
    held_by,
    messages_of,
    nothing_written,
    places_of,
)

pytestmark = pytest.mark.django_db

# On the day of the visit, which is at 10:00.
EARLY, BEGUN = at("08:50"), at("10:00")


@pytest.fixture
def visit() -> Appointment:
    return a_booked_visit(a_practice(), at("10:00"))


@pytest.fixture
def desk() -> By:
    return factories.a_front_desk_person()


def record(visit, *moves, by, now=BEGUN):
    for move in moves:
        visit = workflow.attend(visit.pk, move, by=by, now=now)
    return visit


def test_a_patient_arrives_and_is_seen(visit, desk):
    held = held_by(visit)
    after = record(visit, Act.ARRIVE, by=desk, now=EARLY)
    assert (after.status, held_by(visit)) == (Status.ARRIVED, held)
    assert integrity.faults(NOW) == []

    after = record(visit, Act.COMPLETE, by=desk)
    assert (after.status, held_by(visit)) == (Status.FULFILLED, [])
    assert after.start == at("10:00")
    assert [event[1:] for event in events_of(visit)[-2:]] == [
        ("arrive", "booked", "arrived", "staff"),
        ("complete", "arrived", "fulfilled", "staff"),
    ]
    assert integrity.faults(NOW) == []


def test_nobody_is_written_to_about_it(visit, desk):
    before = messages_of(visit)
    record(visit, Act.ARRIVE, Act.COMPLETE, Act.MISS, by=desk)
    assert messages_of(visit) == before


def test_somebody_who_does_not_come_leaves_the_rest_of_the_time_to_others(visit, desk):
    record(visit, Act.MISS, by=desk)
    taken = [at("10:00")]
    again = factories.a_request(visit.visit_type, *taken, now=NOW)
    assert workflow.accept(
        again.pk, factories.choice(again).pk, by=desk, now=NOW
    ).start == at("10:00")
    assert integrity.faults(NOW) == []


def test_an_arrival_is_taken_back(visit, desk):
    held = held_by(visit)
    after = record(visit, Act.ARRIVE, Act.NOT_YET, by=desk)
    assert (after.status, held_by(visit)) == (Status.BOOKED, held)
    assert record(visit, Act.ARRIVE, by=desk).status == Status.ARRIVED
    assert integrity.faults(NOW) == []


@pytest.mark.parametrize(
    ("moves", "status"),
    [
        ([Act.MISS, Act.COMPLETE], Status.FULFILLED),
        ([Act.ARRIVE, Act.COMPLETE, Act.MISS], Status.NOSHOW),
        ([Act.MISS, Act.COMPLETE, Act.MISS], Status.NOSHOW),
    ],
)
def test_what_was_recorded_is_put_right(visit, desk, moves, status):
    assert record(visit, *moves, by=desk).status == status
    assert integrity.faults(NOW) == []


@pytest.mark.parametrize(
    ("move", "now"),
    [
        (Act.ARRIVE, at("23:59", MONDAY)),
        (Act.COMPLETE, at("09:59")),
        (Act.MISS, at("09:59")),
    ],
)
def test_nothing_is_recorded_before_it_can_have_happened(visit, desk, move, now):
    assert move not in workflow.recordable(visit, now)
    with nothing_written(), pytest.raises(NotItsTime):
        record(visit, move, by=desk, now=now)
    later = now + timedelta(minutes=1)
    assert move in workflow.recordable(visit, later)
    record(visit, move, by=desk, now=later)


def test_an_outcome_can_be_recorded_days_later(visit, desk):
    days_later = at("09:00", WEDNESDAY) + timedelta(days=30)
    assert workflow.recordable(visit, days_later) == ["complete", "miss"]
    with nothing_written(), pytest.raises(NotItsTime):
        record(visit, Act.ARRIVE, by=desk, now=days_later)
    assert record(visit, Act.COMPLETE, by=desk, now=days_later).status == "fulfilled"


def test_who_is_here_waits_for_no_earlier_time(desk):
    visit_type = a_practice(clinicians=2, rooms=2)
    visit = a_booked_visit(visit_type, at("10:00", WEDNESDAY))
    workflow.want_earlier(visit.pk, a_wish(), by=PATIENT, now=NOW)
    an_offer(visit, at("11:00"), kept=True)
    held = [row for row in held_by(visit) if row[1] == at("10:00", WEDNESDAY)]

    record(visit, Act.ARRIVE, by=desk, now=at("09:00", WEDNESDAY))

    assert [why for why, _ in places_of(visit)] == ["expired"]
    assert not visit.proposals.open().exists()
    assert held_by(visit) == held
    assert integrity.faults(NOW) == []


@pytest.mark.parametrize("move", [Act.ARRIVE, Act.COMPLETE, Act.MISS])
def test_the_same_said_twice_is_written_once(visit, desk, move):
    first = record(visit, move, by=desk)
    with nothing_written():
        assert record(visit, move, by=desk) == first


def test_a_slower_colleague_is_told(visit, desk):
    record(visit, Act.ARRIVE, by=desk)
    with nothing_written(), pytest.raises(NotPossibleNow):
        record(visit, Act.ARRIVE, by=factories.a_front_desk_person())


def test_an_old_page_records_nothing(visit, desk):
    seen = visit.version
    record(visit, Act.ARRIVE, by=desk)
    with nothing_written(), pytest.raises(ChangedMeanwhile):
        workflow.attend(visit.pk, Act.COMPLETE, by=desk, now=BEGUN, seen_version=seen)


def test_patients_record_nothing(visit):
    with nothing_written(), pytest.raises(NotAllowed):
        record(visit, Act.ARRIVE, by=PATIENT)


@pytest.mark.parametrize(
    ("moves", "now", "expected"),
    [
        ([], at("12:00", MONDAY), []),
        ([], EARLY, ["arrive"]),
        ([], BEGUN, ["arrive", "complete", "miss"]),
        ([Act.ARRIVE], EARLY, ["not_yet"]),
        ([Act.ARRIVE], BEGUN, ["complete", "miss", "not_yet"]),
        ([Act.COMPLETE], BEGUN, ["miss"]),
        ([Act.MISS], BEGUN, ["complete"]),
    ],
)
def test_the_likeliest_comes_first(visit, desk, moves, now, expected):
    for move in moves:
        visit = record(visit, move, by=desk, now=now)
    assert workflow.recordable(visit, now) == expected
