"""The clinic says no, with a reason."""

import pytest

from booking import workflow
from booking.errors import AlreadyAnswered, ChangedMeanwhile
from booking.models import Appointment
from booking.policy import DeclineReason, Status
from tests import factories
from tests.factories import NOW, a_practice, a_request, at
from tests.records import (
    choices_of,
    events_of,
    held_by,
    messages_of,
    nothing_written,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk():
    return factories.a_front_desk_person()


def decline(visit: Appointment, by, reason=DeclineReason.NO_TIME, **values):
    return workflow.decline(visit.pk, reason=reason, by=by, now=NOW, **values)


def test_declining_frees_the_time_and_tells_the_patient(desk):
    visit = a_request(a_practice(), at("10:00"), at("11:00"))

    declined = decline(visit, desk, note="Try us in January.", private_note="asked Ana")

    declined.refresh_from_db()
    assert (declined.status, declined.version) == (Status.CANCELLED, 2)
    assert (declined.cancellation_reason, declined.decline_reason) == (
        "declined",
        "no_time",
    )
    assert (declined.note_to_patient, declined.reply_by) == ("Try us in January.", None)
    assert choices_of(declined) == [
        (at("10:00"), "declined"),
        (at("11:00"), "declined"),
    ]
    assert events_of(declined)[1:] == [
        (2, "decline", "pending", "cancelled", "staff"),
    ]
    assert held_by(declined) == []
    assert messages_of(declined) == [("received", "email"), ("declined", "email")]


def test_the_private_note_is_on_the_event_alone(desk):
    visit = a_request()

    decline(visit, desk, private_note="asked Ana")

    event = visit.events.get(version=2)
    assert (event.reason, event.private_note) == ("no_time", "asked Ana")
    assert visit.messages.filter(kind="declined").get().text.count("Ana") == 0


def test_the_declined_time_can_be_asked_for_at_once_by_the_same_patient(desk):
    visit_type = a_practice()
    decline(a_request(visit_type, at("10:00")), desk)

    visit = a_request(visit_type, at("10:00"))

    assert len(held_by(visit)) == 2


def test_declining_twice_is_declining_once(desk):
    visit = a_request()
    decline(visit, desk, seen_version=1)

    with nothing_written():
        again = decline(visit, desk, seen_version=1)

    assert again.version == 2


def test_a_second_reason_after_the_first_was_sent_is_refused(desk):
    visit = a_request()
    decline(visit, desk)

    with nothing_written(), pytest.raises(AlreadyAnswered):
        decline(visit, desk, reason=DeclineReason.NEEDS_CALL)


def test_a_colleague_who_was_slower_is_told(desk):
    visit = a_request()
    decline(visit, desk)

    with nothing_written(), pytest.raises(AlreadyAnswered) as refusal:
        decline(visit, factories.a_front_desk_person())

    assert refusal.value.params["who"] == desk.user.get_username()


def test_what_was_booked_is_not_declined(desk):
    visit = factories.a_booked_visit(by=desk)

    with nothing_written(), pytest.raises(AlreadyAnswered):
        decline(visit, desk)


def test_what_the_screen_showed_is_no_longer_so(desk):
    visit = a_request()

    with nothing_written(), pytest.raises(ChangedMeanwhile):
        decline(visit, desk, seen_version=2)
