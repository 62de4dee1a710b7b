"""The clinic says yes."""

from datetime import timedelta

import pytest

from booking import workflow
from booking.errors import (
    AlreadyAnswered,
    ChangedMeanwhile,
    NotPossibleNow,
    TimeNotOffered,
    TimeTaken,
)
from booking.models import Appointment, Resource
from booking.policy import DeclineReason, Status
from booking.workflow import PATIENT
from tests import factories
from tests.factories import NOW, a_practice, a_request, at, choice
from tests.records import (
    choices_of,
    events_of,
    held_by,
    messages_of,
    nothing_written,
)

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def desk():
    return factories.a_front_desk_person("robin")


def accept(visit: Appointment, by, rank: int = 1, now=LATER, **values) -> Appointment:
    return workflow.accept(visit.pk, choice(visit, rank).pk, by=by, now=now, **values)


def test_accepting_books_the_time_and_tells_the_patient(desk):
    visit = a_request(a_practice(buffer_after=10), at("10:00"))
    held = held_by(visit)

    booked = accept(visit, desk)

    booked.refresh_from_db()
    assert (booked.status, booked.version) == (Status.BOOKED, 2)
    assert (booked.start, booked.end) == (at("10:00"), at("10:30"))
    assert booked.reply_by is None
    assert choices_of(booked) == [(at("10:00"), "accepted")]
    assert events_of(booked) == [
        (1, "request", "", "pending", "patient"),
        (2, "accept", "pending", "booked", "staff"),
    ]
    assert held_by(booked) == held
    assert messages_of(booked) == [("received", "email"), ("confirmed", "email")]


def test_the_event_says_who_when_and_what_was_taken(desk):
    visit = a_request(a_practice(buffer_after=10), at("10:00"))

    accept(visit, desk)

    event = visit.events.get(version=2)
    assert (event.user, event.at) == (desk.user, LATER)
    assert event.data == {
        "start": "2026-11-17T15:00:00+00:00",
        "end": "2026-11-17T15:30:00+00:00",
        "held": [
            [resource, "2026-11-17T15:00:00+00:00", "2026-11-17T15:40:00+00:00"]
            for resource, *_ in held_by(visit)
        ],
    }


def test_booked_time_does_not_lapse(desk):
    visit = a_request()

    accept(visit, desk)

    lapses = visit.reservations.values_list("expires_at", "proposal__rank")
    assert list(lapses) == [(None, 1), (None, 1)]


def test_accepting_the_second_choice_frees_the_first(desk):
    visit_type = a_practice()
    visit = a_request(visit_type, at("10:00"), at("14:00"))

    booked = accept(visit, desk, rank=2)
    another = a_request(visit_type, at("10:00"))

    assert choices_of(booked) == [(at("10:00"), "declined"), (at("14:00"), "accepted")]
    assert {start for _, start, _ in held_by(booked)} == {at("14:00")}
    assert {start for _, start, _ in held_by(another)} == {at("10:00")}


def test_a_late_answer_still_books_a_time_that_is_free(desk):
    visit_type = a_practice()
    visit = a_request(visit_type, at("10:00", factories.FRIDAY))
    late = visit.reply_by + timedelta(hours=1)

    booked = accept(visit, desk, now=late)

    assert booked.status == Status.BOOKED
    assert len(held_by(booked)) == 2


def test_staff_may_accept_what_has_become_too_soon_for_the_public(desk):
    visit = a_request(a_practice(), at("10:00"))

    booked = accept(visit, desk, now=at("09:30"))

    assert booked.status == Status.BOOKED


# --- Asked twice -----------------------------------------------------------------


def test_accepting_twice_is_accepting_once(desk):
    visit = a_request()
    first = accept(visit, desk, seen_version=1)

    with nothing_written():
        second = accept(visit, desk, seen_version=1)

    assert (second, second.version) == (first, 2)


def test_a_colleague_who_was_slower_is_told_who_was_faster(desk):
    visit = a_request()
    accept(visit, desk)
    slower = factories.a_front_desk_person()

    with nothing_written(), pytest.raises(AlreadyAnswered) as refusal:
        accept(visit, slower)

    assert refusal.value.params == {
        "who": "robin",
        "when": LATER,
        "outcome": "Confirmed",
    }


def test_a_colleague_declined_meanwhile(desk):
    visit = a_request()
    workflow.decline(visit.pk, reason=DeclineReason.NO_TIME, by=desk, now=NOW)

    with nothing_written(), pytest.raises(AlreadyAnswered):
        accept(visit, factories.a_front_desk_person())


def test_the_patient_withdrew_meanwhile(desk):
    visit = a_request()
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)

    with nothing_written(), pytest.raises(NotPossibleNow) as refusal:
        accept(visit, desk)

    assert refusal.value.code == "not_possible_now"


def test_accepting_another_of_the_choices_afterwards_is_refused(desk):
    visit = a_request(a_practice(), at("10:00"), at("11:00"))
    accept(visit, desk)

    with nothing_written(), pytest.raises(AlreadyAnswered):
        accept(visit, desk, rank=2)


# --- Refused ---------------------------------------------------------------------


def test_two_requests_for_one_time_cannot_both_be_accepted(desk):
    visit_type = a_practice(holds_first_choice=False)
    first, second = (a_request(visit_type, at("10:00")) for _ in range(2))
    accept(first, desk)

    with nothing_written(), pytest.raises(TimeTaken) as refusal:
        accept(second, desk)

    assert refusal.value.code == "time_taken"


def test_a_second_choice_that_went_to_somebody_else_is_taken(desk):
    visit_type = a_practice()
    visit = a_request(visit_type, at("10:00"), at("14:00"))
    a_request(visit_type, at("14:00"))

    with nothing_written(), pytest.raises(TimeTaken):
        accept(visit, desk, rank=2)


def test_a_first_choice_that_lapsed_and_went_to_somebody_else_is_taken(desk):
    visit_type = a_practice()
    visit = a_request(visit_type, at("10:00", factories.FRIDAY))
    late = visit.reply_by
    a_request(visit_type, at("10:00", factories.FRIDAY), now=late)

    with nothing_written(), pytest.raises(TimeTaken):
        accept(visit, desk, now=late)


def test_the_wanted_clinician_is_the_one_who_is_booked(desk):
    visit_type = a_practice(clinicians=2, rooms=2, holds_first_choice=False)
    wanted = Resource.objects.filter(kind=factories.CLINICIAN).first()
    rivals = [a_request(visit_type, at("10:00"), clinician=wanted) for _ in range(2)]
    accept(rivals[0], desk)

    with nothing_written(), pytest.raises(TimeTaken):
        accept(rivals[1], desk)

    assert wanted.pk in {resource for resource, *_ in held_by(rivals[0])}


def test_a_time_that_has_passed_cannot_be_booked(desk):
    visit = a_request(a_practice(), at("10:00"))

    with nothing_written(), pytest.raises(TimeNotOffered) as refusal:
        accept(visit, desk, now=at("10:01"))

    assert refusal.value.params["reason"].why == "past"


def test_a_time_in_a_closure_cannot_be_booked(desk):
    visit = a_request(a_practice(), at("10:00"))
    factories.a_closure(at("00:00"), at("00:00", factories.WEDNESDAY))

    with nothing_written(), pytest.raises(TimeNotOffered) as refusal:
        accept(visit, desk)

    reason = refusal.value.params["reason"]
    assert (reason.why, reason.detail) == ("closed", "Training day")


def test_a_choice_of_another_request_is_no_choice_of_this_one(desk):
    visit_type = a_practice()
    mine, theirs = a_request(visit_type), a_request(visit_type, at("11:00"))

    with nothing_written(), pytest.raises(NotPossibleNow):
        workflow.accept(mine.pk, choice(theirs).pk, by=desk, now=LATER)


def test_what_the_screen_showed_is_no_longer_so(desk):
    visit = a_request()

    with nothing_written(), pytest.raises(ChangedMeanwhile):
        accept(visit, desk, seen_version=0)


def test_what_the_screen_showed_is_still_so(desk):
    visit = a_request()

    assert accept(visit, desk, seen_version=1).status == Status.BOOKED
