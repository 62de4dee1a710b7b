"""Each fault that is planted is named, by key, and without a patient."""

import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from booking import guards, integrity, workflow
from booking.models import (
    Appointment,
    Closure,
    Message,
    Reservation,
    Resource,
)
from booking.policy import DeclineReason, Status
from booking.workflow import PATIENT
from tests import factories
from tests.factories import NOW, a_booked_visit, a_practice, a_request, at

pytestmark = pytest.mark.django_db


def faults(now=NOW) -> list[str]:
    """Return the codes of the faults, but for the guards that a test took away."""
    found = [fault.code for fault in integrity.faults(now)]
    return [code for code in found if code != "guard_missing"]


def take_the_guards_away() -> None:
    connection.check_constraints()  # PostgreSQL alters no table with checks pending
    guards.remove(connection)


@pytest.fixture
def visit_type():
    return a_practice(buffer_before=5, buffer_after=10)


@pytest.fixture
def booked(visit_type) -> Appointment:
    return a_booked_visit(visit_type, at("10:00"))


@pytest.fixture
def unguarded_booked(booked) -> Appointment:
    take_the_guards_away()
    return booked


def test_an_eventful_day_has_no_faults(visit_type):
    desk = factories.a_front_desk_person()
    a_request(visit_type, at("09:30"), at("15:00"))
    declined = a_request(visit_type, at("11:00"))
    workflow.decline(declined.pk, reason=DeclineReason.NO_TIME, by=desk, now=NOW)
    workflow.cancel(a_request(visit_type, at("12:00")).pk, by=PATIENT, now=NOW)
    workflow.cancel(a_booked_visit(visit_type, at("13:00")).pk, by=desk, now=NOW)
    a_booked_visit(visit_type, at("14:00"), at("16:00"))
    workflow.hold(visit_type, at("11:00"), key="mine", now=NOW)
    factories.a_closure(at("00:00"), at("00:00", factories.WEDNESDAY))

    assert integrity.faults(NOW) == []


def test_a_visit_type_that_changed_later_makes_no_fault(visit_type, booked):
    visit_type.duration, visit_type.buffer_after = 45, 0
    visit_type.save()
    visit_type.requirements.filter(kind=factories.ROOM).delete()

    assert integrity.faults(NOW) == []


def test_the_database_without_its_guards(booked):
    take_the_guards_away()

    found = integrity.faults(NOW)

    assert {fault.code for fault in found} == {"guard_missing"}
    assert len(found) == len(guards.missing(connection))


# --- Time ------------------------------------------------------------------------


def test_two_things_in_one_room_at_once(unguarded_booked):
    room = Resource.objects.get(kind=factories.ROOM)
    closure = Closure.objects.create(start=at("10:35"), end=at("11:00"), reason="Leak")
    row = Reservation.objects.create(
        resource=room, start=closure.start, end=closure.end, closure=closure
    )

    found = [f for f in integrity.faults(NOW) if f.code != "guard_missing"]

    assert [str(fault) for fault in found] == [
        f"overlap: Reservation {row.pk} begins before an earlier one of resource"
        f" {room.pk} ends."
    ]


def test_a_short_visit_inside_a_long_one_and_another_after_it(unguarded_booked):
    room = Resource.objects.get(kind=factories.ROOM)
    for start, end in [("09:00", "12:00"), ("11:00", "11:30"), ("11:45", "12:15")]:
        closure = Closure.objects.create(start=at(start), end=at(end), reason="Leak")
        Reservation.objects.create(
            resource=room, start=closure.start, end=closure.end, closure=closure
        )

    assert faults() == ["overlap"] * 3


def test_neighbours_do_not_overlap(visit_type, booked):
    factories.a_closure(at("10:40"), at("11:00"))

    assert faults() == []


def test_a_booked_visit_without_its_room(booked):
    booked.reservations.filter(resource__kind=factories.ROOM).delete()

    assert faults() == ["wrong_time_held"]


def test_a_booked_visit_with_a_room_too_many(booked):
    row = booked.reservations.first()
    row.pk, row.resource = None, factories.a_room()
    row.save(force_insert=True)

    assert faults() == ["wrong_time_held"]


def test_a_booked_visit_in_another_room(booked):
    held = booked.reservations.filter(resource__kind=factories.ROOM)
    held.update(resource=factories.a_room())

    assert faults() == ["wrong_time_held"]


def test_a_booked_visit_without_its_buffer(booked):
    booked.reservations.update(end=at("10:30"))

    assert faults() == ["wrong_time_held"]


def test_a_booked_visit_whose_time_would_lapse(booked):
    booked.reservations.update(expires_at=NOW)

    assert faults() == ["wrong_time_held"]


def test_a_request_that_holds_time_for_ever(visit_type):
    visit = a_request(visit_type)
    visit.reservations.update(expires_at=None)

    assert faults() == ["held_without_end"] * 2


def test_a_cancelled_visit_that_still_holds_time(booked):
    held = list(booked.reservations.all())
    workflow.cancel(booked.pk, by=PATIENT, now=NOW)
    Reservation.objects.bulk_create(held)

    assert faults() == ["held_for_nothing"]


# --- History ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": 3}, ["replay_version"]),
        ({"start": at("09:45")}, ["replay_start"]),
        ({"end": at("10:45")}, ["replay_end"]),
        ({"status": Status.ARRIVED}, ["replay_status"]),
        ({"decline_reason": "no_time"}, ["replay_decline_reason"]),
        ({"series": uuid.UUID(int=7)}, ["replay_series"]),
        (
            {"status": Status.FULFILLED},
            ["replay_status", "held_for_nothing"],
        ),
        (
            {"status": Status.CANCELLED, "cancellation_reason": "clinic"},
            ["replay_status", "replay_cancellation_reason", "held_for_nothing"],
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_visit_that_was_changed_by_another_road(booked, changes, code):
    Appointment.objects.filter(pk=booked.pk).update(**changes)

    assert faults() == code


def test_the_fault_names_the_visit_and_no_person(booked):
    Appointment.objects.filter(pk=booked.pk).update(version=3)

    [fault] = integrity.faults(NOW)

    assert str(fault) == (
        f"replay_version: Visit {booked.pk} has version 3, but its events make it 2."
    )


def test_an_event_that_was_changed(unguarded_booked):
    unguarded_booked.events.filter(version=2).update(from_status="waitlist")

    assert faults() == ["illegal_move", "broken_history"]


def test_an_event_that_is_no_move(unguarded_booked):
    unguarded_booked.events.filter(version=2).update(act="expire")

    assert faults() == ["illegal_move", "wrong_messages"]


def test_an_event_that_was_left_out(unguarded_booked):
    unguarded_booked.events.filter(version=2).update(version=3)

    assert faults() == ["broken_history", "replay_version"]


def test_an_event_that_is_gone(unguarded_booked):
    unguarded_booked.messages.filter(kind="confirmed").delete()
    unguarded_booked.events.filter(version=2).delete()

    assert faults() == [
        "replay_status",
        "replay_version",
        "replay_start",
        "replay_end",
        "wrong_time_held",
    ]


# --- Messages --------------------------------------------------------------------


def test_a_change_that_nobody_was_told(booked):
    booked.messages.filter(kind="confirmed").delete()

    assert faults() == ["wrong_messages"]


def test_a_change_that_was_told_twice(booked):
    message = booked.messages.get(kind="confirmed")
    message.pk, message.message_id, message.channel = None, "<again@test>", "phone"
    message.save(force_insert=True)

    assert faults() == ["wrong_messages"]


def test_a_change_that_was_told_as_another(booked):
    booked.messages.filter(kind="confirmed").update(kind="declined")

    assert faults() == ["wrong_messages"]


def test_a_message_about_the_event_of_somebody_else(visit_type, booked):
    other = a_request(visit_type, at("14:00"))
    Message.objects.filter(appointment=other).update(appointment=booked)

    assert faults() == ["stray_message", "wrong_messages"]


def test_a_message_that_is_due_for_an_hour(visit_type):
    visit = a_request(visit_type)
    almost = visit.requested_at + timedelta(minutes=59)

    assert faults(almost) == []
    assert faults(almost + timedelta(minutes=1)) == ["stuck_message"]


def test_a_message_that_waits_its_turn_is_not_stuck(booked):
    first = booked.messages.get(kind="received")
    later = NOW + timedelta(hours=3)
    Message.objects.filter(pk=first.pk).update(due_at=later)

    assert faults(NOW + timedelta(hours=2)) == []


def test_a_message_for_the_phone_waits_for_a_person_and_not_for_the_worker(visit_type):
    a_request(visit_type, patient=factories.patient_details(email=""))

    assert faults(NOW + timedelta(hours=5)) == []


def test_a_lease_whose_worker_died(visit_type):
    a_request(visit_type)
    Message.objects.update(last_error="sending", attempts=1)

    assert faults(NOW + timedelta(minutes=4)) == []
    assert faults(NOW + timedelta(minutes=5)) == ["dead_lease"]


# --- The command -----------------------------------------------------------------


def test_the_command_says_that_all_is_well(time_machine):
    time_machine.move_to(NOW)
    a_booked_visit()
    out = StringIO()

    call_command("integrity_check", stdout=out)

    assert out.getvalue() == "No faults.\n"


def test_the_command_names_the_faults_and_fails(booked, time_machine):
    time_machine.move_to(NOW)
    Appointment.objects.filter(pk=booked.pk).update(version=3)
    out = StringIO()

    with pytest.raises(CommandError, match="Faults: 1") as failure:
        call_command("integrity_check", stdout=out)

    assert failure.value.returncode == 1
    assert out.getvalue().startswith(f"replay_version: Visit {booked.pk} ")
