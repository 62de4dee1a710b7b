"""Staff book for somebody who is on the phone, or at the desk."""

import uuid

import pytest

from booking import integrity, workflow
from booking.errors import DifferentRequest, NotAllowed, TimeNotOffered, TimeTaken
from booking.models import Appointment, Patient
from booking.policy import Status
from booking.workflow import PATIENT, Answer, By
from tests import factories
from tests.factories import NOW, a_new_request, a_practice, a_request, at
from tests.records import events_of, held_by, messages_of, nothing_written

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> By:
    return factories.a_front_desk_person("robin")


def book(visit_type, *starts, by: By, now=NOW, key=None, **values) -> Appointment:
    asked = a_new_request(visit_type, *starts, **values)
    return workflow.book(asked, key=key or uuid.uuid4(), by=by, now=now)


def test_a_visit_is_booked_at_once_and_the_patient_told(desk):
    visit = book(a_practice(buffer_after=10), at("10:00"), by=desk)

    visit.refresh_from_db()
    assert (visit.status, visit.version) == (Status.BOOKED, 1)
    assert (visit.start, visit.end) == (at("10:00"), at("10:30"))
    assert visit.reply_by is None
    assert events_of(visit) == [(1, "book", "", "booked", "staff")]
    assert {(start, end) for _, start, end in held_by(visit)} == {
        (at("10:00"), at("10:40"))
    }
    assert messages_of(visit) == [("confirmed", "email")]
    proposal = visit.proposals.get()
    assert (proposal.by, proposal.rank, proposal.outcome) == ("clinic", 1, "accepted")
    assert set(visit.reservations.values_list("proposal", "expires_at")) == {
        (proposal.pk, None)
    }
    assert integrity.faults(NOW) == []


def test_the_event_says_who_when_and_what_was_taken(desk):
    visit = book(a_practice(), at("10:00"), by=desk)

    event = visit.events.get()
    assert (event.user, event.at) == (desk.user, NOW)
    assert event.data == {
        "start": "2026-11-17T15:00:00+00:00",
        "end": "2026-11-17T15:30:00+00:00",
        "held": [
            [resource, "2026-11-17T15:00:00+00:00", "2026-11-17T15:30:00+00:00"]
            for resource, *_ in held_by(visit)
        ],
    }


def test_what_the_patient_said_is_kept(desk):
    answers = [Answer("thinner", "Do you take one?", "yes", "Blood thinner")]
    visit = book(
        a_practice(),
        by=desk,
        answers=answers,
        payer="workers_comp",
        payer_details={"claim_number": "W-123"},
        requested_by_name="Sam Example",
        requested_by_relation="parent",
    )

    visit.refresh_from_db()
    assert visit.flags == ["Blood thinner"]
    assert visit.payer_details == {"claim_number": "W-123"}
    assert (visit.requested_by_name, visit.requested_by_relation) == (
        "Sam Example",
        "parent",
    )


def test_staff_book_sooner_and_further_ahead_than_the_public_may(desk):
    visit_type = a_practice(lead_time=7 * 24 * 60, horizon=10)

    soon = book(visit_type, at("10:00", factories.MONDAY), by=desk)
    far = book(visit_type, at("10:00", factories.MONDAY.replace(year=2028)), by=desk)

    assert {soon.status, far.status} == {Status.BOOKED}


def test_booking_twice_is_booking_once(desk):
    visit_type, key = a_practice(), uuid.uuid4()
    first = book(visit_type, at("10:00"), by=desk, key=key)

    with nothing_written():
        second = book(visit_type, at("10:00"), by=desk, key=key)

    assert second == first


def test_other_content_under_the_same_key_is_refused(desk):
    visit_type, key = a_practice(), uuid.uuid4()
    book(visit_type, at("10:00"), by=desk, key=key)

    with nothing_written(), pytest.raises(DifferentRequest):
        book(visit_type, at("11:00"), by=desk, key=key)


@pytest.mark.parametrize("start", ["10:00", "10:10", "03:00"])
def test_a_time_that_cannot_be_had_books_nothing(desk, start):
    visit_type = a_practice()
    a_request(visit_type, at("10:00"))

    refusal = TimeTaken if start == "10:00" else TimeNotOffered
    with nothing_written(), pytest.raises(refusal):
        book(visit_type, at(start), by=desk)
    assert Patient.objects.count() == 1


def test_only_staff_with_the_right_may_book():
    visit_type = a_practice()
    intern = factories.a_front_desk_person().user
    intern.user_permissions.clear()
    intern = type(intern).objects.get(pk=intern.pk)

    for by in (PATIENT, By.staff(intern)):
        with nothing_written(), pytest.raises(NotAllowed):
            book(visit_type, by=by)
