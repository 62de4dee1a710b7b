"""Each fault that is planted is named, by key, and without a patient."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib import import_module
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking import delivery, guards, integrity, workflow
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


def take_away(index: str) -> None:
    """Drop a unique index, as somebody with a console could."""
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {index}")


def a_leak(room: Resource, start: datetime, end: datetime) -> Reservation:
    """Close a room by hand; return what holds its time."""
    closure = Closure.objects.create(resource=room, start=start, end=end, reason="Leak")
    return Reservation.objects.create(
        resource=room, start=start, end=end, closure=closure
    )


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
    moved = a_booked_visit(visit_type, at("13:00"))
    workflow.move(moved.pk, at("15:00"), by=desk, now=NOW)
    an_eventful_waiting_list(visit_type, desk)
    factories.a_closure(at("00:00"), at("00:00", factories.WEDNESDAY))

    assert integrity.faults(NOW) == []


def an_eventful_waiting_list(visit_type, desk) -> None:
    """Let everything happen that can around offers, on the days after Tuesday."""
    friday, next_week = at("15:00", factories.FRIDAY), timedelta(days=7)
    for hour in ("09:00", "10:00", "11:00", "12:00"):
        start = at(hour, factories.WEDNESDAY)
        waiting = factories.somebody_waiting(visit_type)
        asked = a_request(visit_type, at(hour, factories.THURSDAY))
        for visit, time in ((waiting, start), (asked, start + next_week)):
            factories.an_offer(visit, time, by=desk, kept=hour != "12:00")
            end_somehow(visit, hour, desk)
    visit = a_booked_visit(visit_type, friday)
    for hour in ("12:00", "11:00", "10:00", "09:00"):
        if not visit.waiting_list_entries.open().exists():
            workflow.want_earlier(visit.pk, factories.a_wish(), by=PATIENT, now=NOW)
        start = at(hour, factories.FRIDAY)
        factories.an_offer(visit, start)
        end_somehow(visit, hour, desk)
    workflow.want_earlier(visit.pk, factories.a_wish(), by=PATIENT, now=NOW)
    workflow.stop_wanting(visit.pk, by=PATIENT, now=NOW)
    workflow.leave(factories.somebody_waiting(visit_type).pk, by=PATIENT, now=NOW)
    forgotten = factories.somebody_waiting(visit_type)
    workflow.expire(forgotten.pk, now=NOW + timedelta(days=30))


def end_somehow(visit: Appointment, hour: str, desk) -> None:
    if hour == "09:00":
        return
    if hour == "10:00":
        workflow.pass_(visit.pk, by=PATIENT, now=NOW)
    elif hour == "11:00":
        workflow.retract(visit.pk, by=desk, now=NOW)
    else:
        workflow.take(visit.pk, factories.offered(visit).pk, by=PATIENT, now=NOW)


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


def test_the_database_without_one_of_its_constraints(visit_type):
    take_away("proposal_one_accepted")

    [fault] = integrity.faults(NOW)

    assert fault.code == "constraint_missing"
    assert "proposal_one_accepted" in fault.sentence


# --- Time ------------------------------------------------------------------------


def test_two_things_in_one_room_at_once(unguarded_booked):
    room = Resource.objects.get(kind=factories.ROOM)
    row = a_leak(room, at("10:35"), at("11:00"))

    found = [f for f in integrity.faults(NOW) if f.code != "guard_missing"]

    assert [str(fault) for fault in found] == [
        f"overlap: Reservation {row.pk} begins before an earlier one of resource"
        f" {room.pk} ends."
    ]


def test_a_short_visit_inside_a_long_one_and_another_after_it(unguarded_booked):
    room = Resource.objects.get(kind=factories.ROOM)
    for start, end in [("09:00", "12:00"), ("11:00", "11:30"), ("11:45", "12:15")]:
        a_leak(room, at(start), at(end))

    assert faults() == ["overlap"] * 3


def test_an_overlap_a_year_later_where_another_reading_begins(unguarded_booked):
    room = Resource.objects.get(kind=factories.ROOM)
    year_later = room.reservations.get().start + integrity.time.SPAN
    minutes = timedelta(minutes=1)
    a_leak(room, year_later - 30 * minutes, year_later + 10 * minutes)
    row = a_leak(room, year_later + 5 * minutes, year_later + 20 * minutes)
    a_leak(room, year_later + 20 * minutes, year_later + 25 * minutes)

    found = [f for f in integrity.faults(NOW) if f.code == "overlap"]

    assert [fault.sentence.split()[1] for fault in found] == [str(row.pk)]


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


def test_a_request_that_holds_less_than_the_visit(visit_type):
    visit = a_request(visit_type, at("10:00"))
    visit.reservations.update(end=at("10:20"))

    assert faults() == ["held_another_time"] * 2


def test_time_held_for_the_choice_of_somebody_else(visit_type):
    visit, other = (
        a_request(visit_type, at("10:00")),
        a_request(visit_type, at("11:00")),
    )
    visit.reservations.update(proposal=other.proposals.get())

    assert faults() == ["held_for_another"] * 2


def test_time_held_for_a_choice_that_was_given_up(visit_type):
    visit = a_request(visit_type, at("10:00"), at("15:00"))
    visit.proposals.filter(rank=1).update(outcome="lapsed")

    assert faults() == ["held_for_no_choice"] * 2


def test_time_held_for_no_choice_at_all(visit_type):
    visit = a_request(visit_type)
    visit.reservations.update(proposal=None)

    assert faults() == ["held_for_no_choice"] * 2


@pytest.mark.parametrize("wrong", [timedelta(minutes=-1), timedelta(days=1)])
def test_time_held_longer_or_shorter_than_the_patient_was_told(
    visit_type, booked, wrong
):
    asked = a_request(visit_type, at("13:00"))
    offered = factories.an_offer(factories.somebody_waiting(visit_type), at("14:00"))
    workflow.ask_change(booked.pk, [at("15:00")], by=PATIENT, now=NOW)
    assert faults() == []

    for visit in (asked, offered, booked):
        held = visit.reservations.filter(expires_at__isnull=False)
        held.update(expires_at=held[0].expires_at + wrong)

    assert faults() == ["held_not_as_said"] * 6


@pytest.mark.parametrize("kind", [factories.CLINICIAN, factories.ROOM])
def test_what_waits_for_an_answer_and_lost_one_of_the_things_it_holds(
    visit_type, booked, kind
):
    asked = a_request(visit_type, at("13:00"))
    offered = factories.an_offer(factories.somebody_waiting(visit_type), at("14:00"))
    workflow.ask_change(booked.pk, [at("15:00")], by=PATIENT, now=NOW)
    visits = (asked, offered, booked)
    lapses = [v.reservations.exclude(expires_at=None)[0].expires_at for v in visits]
    for visit in visits:
        held = visit.reservations.exclude(expires_at=None)
        held.filter(resource__kind=kind).delete()

    found = integrity.faults(NOW)

    assert [fault.code for fault in found] == ["held_in_part"] * 3
    assert {
        int(fault.sentence.split(" of visit ")[1].split()[0]) for fault in found
    } == {visit.pk for visit in visits}
    assert "is held on 1 of the 2 resources that it takes. Answer" in found[0].sentence
    # Once it has lapsed, it may be cleared from one resource before the other.
    assert "held_in_part" not in faults(max(lapses))


def test_a_request_that_holds_nothing_waits_all_the_same(visit_type):
    a_request(visit_type).reservations.all().delete()

    assert faults() == []


def test_a_reservation_longer_than_a_day(visit_type):
    take_the_guards_away()
    visit = a_request(visit_type, at("10:00"))
    visit.reservations.update(end=at("12:00", factories.THURSDAY))

    assert faults() == ["too_long"] * 2


def test_a_soft_hold_that_nobody_deletes(visit_type):
    lapses = workflow.hold(visit_type, at("11:00"), key="mine", now=NOW)
    kept = delivery.HOLDS_KEPT + timedelta(days=1)

    assert faults(lapses + kept - timedelta(seconds=1)) == []
    assert faults(lapses + kept) == ["old_holds"]

    delivery.purge(lapses + kept)
    assert faults(lapses + kept) == []


# --- Closures --------------------------------------------------------------------


def test_a_closure_around_a_booked_visit_and_a_later_one_over_it(visit_type, booked):
    factories.a_closure(at("09:00"), at("12:00"))
    factories.a_closure(at("11:00"), at("13:00"))

    assert faults() == []


def test_a_closure_that_lost_some_of_its_time(visit_type):
    factories.a_closure(at("09:00"), at("12:00"))
    Reservation.objects.filter(resource__kind=factories.ROOM).delete()

    assert faults() == ["closed_but_free"]
    assert faults(at("12:00")) == []


def test_a_closure_that_does_not_hold_a_new_room(visit_type):
    factories.a_closure(at("09:00"), at("12:00"))
    factories.a_room()
    assert faults() == ["closed_but_free"]

    workflow.refresh_closures(now=NOW)
    assert faults() == []


def test_a_closure_that_holds_more_than_it_closes(visit_type):
    factories.a_closure(at("09:00"), at("12:00"))
    Reservation.objects.update(end=at("12:15"))

    assert faults() == ["held_beside_closure"] * 2


def test_a_closure_of_one_clinician_that_holds_a_room(visit_type):
    clinician = Resource.objects.get(kind=factories.CLINICIAN)
    closure = factories.a_closure(at("09:00"), at("12:00"), of=clinician)
    Reservation.objects.update(resource=Resource.objects.get(kind=factories.ROOM))

    assert faults() == ["held_beside_closure", "closed_but_free"]
    workflow.close(closure, now=NOW)
    assert faults() == []


# --- Choices ---------------------------------------------------------------------


def test_a_booked_visit_at_another_time_than_was_accepted(booked):
    booked.proposals.update(start=at("10:05"))

    assert faults() == ["accepted_another_time"]


def test_a_booked_visit_without_an_accepted_time(booked):
    booked.proposals.update(outcome="declined")

    assert faults() == ["accepted_another_time"] + ["held_for_no_choice"] * 2


def test_a_request_with_an_accepted_time(visit_type):
    visit = a_request(visit_type, at("10:00"), at("15:00"))
    visit.proposals.filter(rank=2).update(outcome="accepted")

    assert faults() == ["accepted_another_time"]


def test_a_visit_with_two_accepted_times(visit_type):
    visit = a_booked_visit(visit_type, at("10:00"), at("15:00"))
    take_away("proposal_one_accepted")
    visit.proposals.update(outcome="accepted")

    assert faults() == ["constraint_missing", "accepted_twice"]


def test_a_declined_request_whose_times_are_still_open(visit_type):
    visit = a_request(visit_type)
    desk = factories.a_front_desk_person()
    workflow.decline(visit.pk, reason=DeclineReason.NO_TIME, by=desk, now=NOW)
    visit.proposals.update(outcome="open")

    assert faults() == ["open_for_nothing"]


def test_a_request_with_no_time_that_could_be_accepted(visit_type):
    visit = a_request(visit_type)
    visit.reservations.all().delete()
    visit.proposals.update(outcome="lapsed")

    assert faults() == ["nothing_to_answer"]


def test_an_offer_that_holds_time_for_ever(visit_type):
    visit = factories.an_offer(factories.somebody_waiting(visit_type))
    visit.reservations.update(expires_at=None)

    assert faults() == ["held_without_end"] * 2


def test_a_booked_visit_holds_what_it_was_offered_beside_its_own(visit_type, booked):
    desk = factories.a_front_desk_person()
    factories.an_offer(booked, at("12:00"), by=desk)
    assert faults() == []

    booked.proposals.offers().update(outcome="lapsed")

    assert faults() == ["held_for_no_choice"] * 2 + ["wrong_time_held"]


# --- Offers and the waiting list -------------------------------------------------


def test_an_offer_to_somebody_who_cannot_take_it(booked):
    desk = factories.a_front_desk_person()
    factories.an_offer(booked, at("12:00"), by=desk)
    offers = booked.proposals.offers()
    pk = offers.get().pk
    workflow.cancel(booked.pk, by=PATIENT, now=NOW)
    booked.proposals.filter(pk=pk).update(outcome="open")

    assert faults() == ["open_for_nothing"]


def test_nothing_to_choose_for_who_was_offered_a_time(visit_type):
    visit = factories.an_offer(factories.somebody_waiting(visit_type))
    visit.reservations.all().delete()
    visit.proposals.update(outcome="lapsed")

    assert faults() == ["nothing_offered"]


@pytest.mark.parametrize("expires_at", [None, at("10:01")])
def test_an_offer_that_does_not_end_before_its_time(visit_type, expires_at):
    visit = factories.an_offer(factories.somebody_waiting(visit_type))
    visit.proposals.update(expires_at=expires_at)

    assert faults() == ["offer_without_end"] + ["held_not_as_said"] * 2


def test_a_place_on_the_list_of_somebody_who_has_gone(visit_type):
    visit = factories.somebody_waiting(visit_type)
    workflow.leave(visit.pk, by=PATIENT, now=NOW)
    visit.waiting_list_entries.update(ended_at=None, why_ended="")

    assert faults() == ["place_left_open"]


def test_somebody_who_waits_without_a_place(visit_type):
    visit = factories.somebody_waiting(visit_type)
    visit.waiting_list_entries.update(ended_at=NOW, why_ended="left")

    assert faults() == ["no_place"]


def test_a_move_that_was_told_as_a_confirmation(visit_type, booked):
    desk = factories.a_front_desk_person()
    factories.an_offer(booked, at("12:00"), by=desk)
    offer = factories.offered(booked)
    workflow.take(booked.pk, offer.pk, by=PATIENT, now=NOW)
    assert faults() == []
    booked.messages.filter(kind="moved").update(kind="confirmed")

    assert faults() == ["wrong_messages"]


# --- History ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": 3}, ["replay_version"]),
        ({"start": at("09:45")}, ["replay_start", "accepted_another_time"]),
        ({"end": at("10:45")}, ["replay_end", "accepted_another_time"]),
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


@pytest.mark.parametrize(
    "who", [{"actor": "patient"}, {"actor": "system", "user": None}, {"user": None}]
)
def test_an_event_by_somebody_who_may_not(unguarded_booked, who):
    unguarded_booked.events.filter(version=2).update(**who)

    assert faults() == ["illegal_actor"]


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


def a_reminder(visit: Appointment) -> Message:
    assert visit.start
    workflow.remind(visit.pk, now=visit.start - timedelta(hours=2))
    return visit.messages.get(kind="reminder_soon")


def test_a_reminder_of_a_time_that_never_was(visit_type):
    visit = a_booked_visit(visit_type, at("10:00", factories.FRIDAY))
    a_reminder(visit)
    assert faults() == []
    visit.messages.filter(kind="reminder_soon").update(occasion=at("10:30"))
    assert faults() == ["reminded_of_another_time"]


def test_a_reminder_that_was_written_twice(visit_type):
    message = a_reminder(a_booked_visit(visit_type, at("10:00", factories.FRIDAY)))
    take_away("message_one_an_occasion")
    message.pk, message.message_id = None, "<again@test>"
    message.save(force_insert=True)

    assert faults() == ["constraint_missing", "reminded_twice"]


def test_a_message_that_was_sent_and_failed(visit_type):
    a_request(visit_type)
    Message.objects.update(sent_at=NOW, failed_at=NOW)

    assert faults() == ["sent_and_failed"]


def test_a_message_that_was_sent_before_an_earlier_one(booked):
    booked.messages.filter(kind="confirmed").update(sent_at=NOW)
    assert faults() == ["sent_out_of_order"]

    booked.messages.filter(kind="received").update(overtaken_at=NOW)
    assert faults() == []


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


# --- Any number of rows ----------------------------------------------------------


def test_all_pages_are_read_and_each_in_as_many_queries(visit_type, monkeypatch):
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            list(integrity.visits._visits(NOW))
        return len(made)

    monkeypatch.setattr(integrity.fault, "PAGE", 4)
    visits = [a_request(visit_type, at("09:00"))]
    one = queries()
    visits += [a_request(visit_type, at(start)) for start in ("10:00", "11:00")]
    assert queries() == one
    visits += [
        a_request(visit_type, at(start)) for start in ("12:00", "13:00", "14:00")
    ]
    # Both end with a look that finds no more.
    assert queries() == 2 * one - 1

    for visit in (visits[0], visits[-1]):
        Appointment.objects.filter(pk=visit.pk).update(version=3)
    found = [fault.sentence.split()[1] for fault in integrity.faults(NOW)]
    assert found == [str(visits[0].pk), str(visits[-1].pk)]


@contextmanager
def just_before(table: str, act: Callable[[], object]) -> Iterator[None]:
    """Let somebody act, once, when the table is about to be read."""
    waiting = [act]

    def listen(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        if waiting and f'FROM "{table}"' in sql and "SELECT" in sql:
            waiting.pop()()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        yield


def test_what_is_done_while_a_page_is_read_is_no_fault(visit_type):
    visit = a_request(visit_type)
    desk = factories.a_front_desk_person()

    def accept() -> None:
        workflow.accept(visit.pk, factories.choice(visit).pk, by=desk, now=NOW)

    with just_before("booking_message", accept):
        [torn] = integrity.reading.read([visit.pk])
    assert {fault.code for fault in integrity.visits._wrong(torn, NOW)} >= {
        "stray_message"
    }

    visit = a_request(visit_type, at("14:00"))
    with just_before("booking_message", accept):
        assert faults() == []
    assert Appointment.objects.get(pk=visit.pk).status == Status.BOOKED


def test_nothing_is_read_in_a_transaction_or_kept_locked(visit_type):
    a_request(visit_type)
    factories.a_closure(at("15:00"), at("16:00"))
    with CaptureQueriesContext(connection) as made:
        integrity.faults(NOW)
    words = ("BEGIN", "SAVEPOINT", "FOR UPDATE", "CURSOR")
    assert [q["sql"] for q in made if any(w in q["sql"] for w in words)] == []


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


# --- Days closed at short notice ---------------------------------------------------


def test_a_patient_whom_nobody_tells_of_a_closed_day(booked):
    plan = factories.a_closed_day(at("09:00"), at("12:00"))
    late = plan.due_at + integrity.fault.PATIENCE

    assert "closing_waits" not in faults(late - timedelta(seconds=1))
    assert "closing_waits" in faults(late)


@pytest.mark.parametrize("choice", ["offer", "cancel"])
def test_a_row_of_a_closed_day_that_is_done_and_was_not(booked, choice):
    plan = factories.a_closed_day(at("09:00"), at("12:00"), {booked.pk: choice})
    plan.rows.update(outcome="done")

    assert faults() == ["closing_not_done"]


def test_a_closed_day_that_is_half_undone(booked):
    plan = factories.a_closed_day(at("09:00"), at("12:00"))
    by = factories.a_front_desk_person()
    workflow.undo_closing(plan.pk, by=by, now=NOW)
    plan.rows.update(outcome="waiting")

    assert faults() == ["closing_half_undone"]


@pytest.mark.parametrize(
    ("wrong", "codes"),
    [
        ({"requested_by_name": ""}, ["asked_by_nobody"]),
        ({"may_arrange_wording": "I may not"}, ["consent_not_as_given"]),
        ({"may_arrange_at": None}, ["consent_not_as_given"]),
        ({"requested_by_may_arrange": False}, ["consent_not_as_given"]),
    ],
)
def test_what_is_said_of_who_asked_is_as_it_was_said(visit_type, wrong, codes):
    visit = a_request(
        visit_type, requested_by_name="Ann Example", requested_by_relation="child",
        requested_by_is_contact=True, may_arrange="I may arrange care",
    )  # fmt: skip
    assert faults() == []
    Appointment.objects.filter(pk=visit.pk).update(**wrong)
    assert faults() == codes


def test_a_task_of_a_visit_that_is_over_is_nobodys(visit_type):
    visit = a_request(visit_type)
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    user = factories.a_front_desk_person().user
    for task in ("answer", "call"):
        visit.claims.create(task=task, user=user, by=user, since=NOW)
    assert faults() == ["owned_after_the_end"]
    end = import_module("booking.migrations.0036_claims_end_with_their_visits")
    end.end_claims(apps, None)
    assert faults() == []
    assert visit.claims.get(until=None).task == "call"


def test_a_task_that_is_two_peoples_is_named(visit_type):
    visit = a_request(visit_type)
    take_away("claim_one_owner_a_task")
    for _ in range(2):
        user = factories.a_front_desk_person().user
        visit.claims.create(task="answer", user=user, by=user, since=NOW)
    assert faults() == ["constraint_missing", "owned_twice"]
