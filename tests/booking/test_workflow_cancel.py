"""A request is withdrawn; a booked visit is cancelled."""

from datetime import timedelta

import pytest

from booking import workflow
from booking.errors import ChangedMeanwhile, TooLate
from booking.models import Resource
from booking.policy import DeclineReason, Status
from booking.workflow import PATIENT
from tests import factories
from tests.factories import NOW, a_booked_visit, a_practice, a_request, at
from tests.records import (
    choices_of,
    events_of,
    held_by,
    messages_of,
    nothing_written,
)

pytestmark = pytest.mark.django_db


def test_a_patient_withdraws_a_request():
    visit = a_request(a_practice(), at("10:00"), at("11:00"))

    gone = workflow.cancel(visit.pk, by=PATIENT, now=NOW)

    gone.refresh_from_db()
    assert (gone.status, gone.version, gone.reply_by) == (Status.CANCELLED, 2, None)
    assert (gone.cancellation_reason, gone.calendar_sequence) == ("patient", 0)
    assert choices_of(gone) == [(at("10:00"), "withdrawn"), (at("11:00"), "withdrawn")]
    assert events_of(gone)[1:] == [(2, "withdraw", "pending", "cancelled", "patient")]
    assert held_by(gone) == []
    assert messages_of(gone) == [("received", "email"), ("withdrawn", "email")]


def test_a_patient_cancels_a_booked_visit():
    visit = a_booked_visit(a_practice(), at("10:00"), at("11:00"))
    resources = [resource for resource, *_ in held_by(visit)]

    gone = workflow.cancel(visit.pk, by=PATIENT, now=NOW)

    gone.refresh_from_db()
    assert (gone.status, gone.version) == (Status.CANCELLED, 3)
    assert (gone.cancellation_reason, gone.calendar_sequence) == ("patient", 1)
    # The calendar entry that goes out still needs to say which time was cancelled.
    assert (gone.start, gone.end) == (at("10:00"), at("10:30"))
    assert choices_of(gone) == [(at("10:00"), "accepted"), (at("11:00"), "declined")]
    assert events_of(gone)[2:] == [(3, "cancel", "booked", "cancelled", "patient")]
    assert gone.events.get(version=3).data["freed"] == resources
    assert held_by(gone) == []
    assert messages_of(gone)[2:] == [("cancelled", "email")]


def test_staff_cancel_for_the_clinic_with_a_note():
    desk = factories.a_front_desk_person()
    visit = a_booked_visit(by=desk)

    gone = workflow.cancel(
        visit.pk, by=desk, now=NOW, note="We are sorry.", private_note="machine broken"
    )

    event = gone.events.get(version=3)
    assert (gone.cancellation_reason, gone.note_to_patient) == (
        "clinic",
        "We are sorry.",
    )
    assert (event.user, event.reason) == (desk.user, "clinic")
    assert event.private_note == "machine broken"


def test_the_time_can_be_asked_for_at_once():
    visit_type = a_practice()
    workflow.cancel(a_booked_visit(visit_type, at("10:00")).pk, by=PATIENT, now=NOW)

    visit = a_request(visit_type, at("10:00"))

    assert len(held_by(visit)) == 2


def test_the_time_can_be_accepted_for_a_rival():
    visit_type = a_practice(holds_first_choice=False)
    rival = a_request(visit_type, at("10:00"))
    workflow.cancel(a_booked_visit(visit_type, at("10:00")).pk, by=PATIENT, now=NOW)

    booked = workflow.accept(
        rival.pk,
        factories.choice(rival).pk,
        by=factories.a_front_desk_person(),
        now=NOW,
    )

    assert booked.status == Status.BOOKED


@pytest.mark.parametrize("make", [a_request, a_booked_visit])
def test_cancelling_twice_is_cancelling_once(make):
    visit = make()
    first = workflow.cancel(visit.pk, by=PATIENT, now=NOW, seen_version=visit.version)

    with nothing_written():
        second = workflow.cancel(
            visit.pk, by=PATIENT, now=NOW, seen_version=visit.version
        )

    assert (second, second.version) == (first, first.version)


def test_a_patient_who_cancels_what_was_declined_changes_nothing():
    desk = factories.a_front_desk_person()
    visit = a_request()
    workflow.decline(visit.pk, reason=DeclineReason.NO_TIME, by=desk, now=NOW)

    with nothing_written():
        gone = workflow.cancel(visit.pk, by=PATIENT, now=NOW)

    assert gone.cancellation_reason == "declined"


def test_a_patient_who_withdraws_from_an_old_page_does_not_cancel_what_was_booked():
    visit = a_booked_visit()

    with nothing_written(), pytest.raises(ChangedMeanwhile):
        workflow.cancel(visit.pk, by=PATIENT, now=NOW, seen_version=1)


def test_cancelling_gives_back_a_resource_that_can_no_longer_be_booked():
    visit = a_booked_visit()
    Resource.objects.filter(kind=factories.ROOM).update(is_active=False)

    gone = workflow.cancel(visit.pk, by=PATIENT, now=NOW)

    assert held_by(gone) == []


def test_shortly_before_a_visit_only_staff_cancel_it():
    visit = a_booked_visit(a_practice(cutoff=4))
    until = at("06:00")
    before = until - timedelta(minutes=1)
    assert not visit.is_too_late(before)
    with pytest.raises(TooLate), nothing_written():
        workflow.cancel(visit.pk, by=PATIENT, now=until)
    desk = factories.a_front_desk_person()
    assert workflow.cancel(visit.pk, by=desk, now=until).status == "cancelled"
    other = a_booked_visit(visit.visit_type, at("12:00"))
    gone = workflow.cancel(other.pk, by=PATIENT, now=at("08:00") - timedelta(minutes=1))
    assert gone.status == "cancelled"


def test_a_request_is_withdrawn_however_soon_its_times_are():
    visit = a_request(a_practice(cutoff=48))
    assert workflow.cancel(visit.pk, by=PATIENT, now=NOW).status == "cancelled"
