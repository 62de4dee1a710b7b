"""A visit takes clinicians, rooms and machines together, and keeps them."""

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from booking import integrity, workflow
from booking.errors import TimeNotOffered, TimeTaken
from booking.models import Appointment, Resource, VisitType, could_take
from booking.policy import LONGEST_BUFFER, LONGEST_VISIT
from tests import factories
from tests.factories import (
    CLINICIAN,
    FRIDAY,
    MACHINE,
    NOW,
    ROOM,
    THURSDAY,
    WEDNESDAY,
    a_booked_visit,
    a_machine,
    a_practice,
    a_request,
    a_room,
    a_visit_type,
    an_offer,
    at,
    choice,
)
from tests.records import held_by, nothing_written

pytestmark = pytest.mark.django_db


def of_kind(kind: Resource.Kind) -> list[Resource]:
    return list(Resource.objects.filter(kind=kind))


def taken_by(visit: Appointment, kind: Resource.Kind) -> list[Resource]:
    """Return what the visit holds of one kind, in the order of the setup."""
    return list(Resource.objects.filter(kind=kind, reservations__appointment=visit))


def shown_with(visit_type: VisitType, **who) -> list[Resource]:
    """Return whose time each of Tuesday's times would take."""
    [day] = visit_type.availability(
        factories.TUESDAY, factories.TUESDAY, now=NOW, **who
    )
    clinicians = {r.pk: r for r in of_kind(CLINICIAN)}
    return [clinicians[slot.resources[0]] for slot in day.slots]


# --- How many ----------------------------------------------------------------------


def test_a_visit_that_takes_two_rooms_holds_both():
    visit_type = a_practice(rooms=2, takes=(CLINICIAN, ROOM, ROOM))

    visit = a_request(visit_type, at("10:00"))

    assert taken_by(visit, ROOM) == of_kind(ROOM)
    assert integrity.faults(NOW) == []


def test_a_visit_that_takes_two_rooms_needs_both_free():
    visit_type = a_practice(clinicians=2, rooms=2, takes=(CLINICIAN, ROOM, ROOM))
    a_request(a_visit_type(), at("10:00"))

    with nothing_written(), pytest.raises(TimeTaken) as refusal:
        a_request(visit_type, at("10:00"))

    reason = refusal.value.params["reason"]
    assert (reason.why, reason.detail, reason.resource) == ("in_use", "room", None)


def test_a_visit_that_takes_a_certain_room_and_any_other_leaves_the_certain_one():
    certain = a_room(order=0)
    visit_type = a_practice(rooms=1)
    visit_type.requirements.create(kind=ROOM).suitable.set([certain])

    visit = a_request(visit_type, at("10:00"))

    assert len(taken_by(visit, ROOM)) == 2
    assert certain in taken_by(visit, ROOM)


def test_the_database_is_asked_for_what_the_engine_may_take():
    """The rule stands in SQL for what is read and locked, in Python for what is taken.

    What the first would leave out, the second would think to be free.
    """
    first = a_practice(clinicians=3, rooms=3)
    a_machine()
    a_room(is_active=False)
    clinician, other, _third = of_kind(CLINICIAN)
    Resource.objects.filter(pk=other.pk).update(is_active=False)
    rooms = of_kind(ROOM)
    a_named_room_too = a_visit_type(takes=[ROOM], suitable=rooms[:2])
    a_named_room_too.requirements.create(kind=ROOM).suitable.set([rooms[2]])
    certain = a_visit_type(takes=[CLINICIAN], suitable=[clinician])
    certain.requirements.create(kind=CLINICIAN)
    for visit_type in (
        first,
        a_visit_type(takes=[CLINICIAN, CLINICIAN, MACHINE]),
        a_visit_type(suitable=[clinician, other, rooms[0], rooms[-1]]),
        a_visit_type(takes=[]),
        a_named_room_too,
        certain,
    ):
        for who in (None, *of_kind(CLINICIAN)):
            with connection.cursor() as cursor:
                cursor.execute(*could_take(visit_type, who))
                found = {pk for (pk,) in cursor.fetchall()}
            assert found >= visit_type.may_take(clinician=who), (visit_type, who)
            assert who or found == visit_type.may_take(), visit_type


# --- Cleaning ----------------------------------------------------------------------


def test_a_machine_is_cleaned_while_clinician_and_room_go_on():
    machine = a_machine(buffer_after=25)
    visit_type = a_practice(takes=(CLINICIAN, ROOM, MACHINE), buffer_after=10, step=5)

    visit = a_request(visit_type, at("10:00"))

    assert held_by(visit) == sorted(
        (
            r.pk,
            at("10:00"),
            at("10:55") if r == machine else at("10:40"),
        )
        for r in Resource.objects.all()
    )
    with nothing_written(), pytest.raises(TimeTaken) as refusal:
        a_request(visit_type, at("10:50"))
    reason = refusal.value.params["reason"]
    assert (reason.why, reason.detail) == ("in_use", "machine")
    assert reason.resource == machine.pk
    assert held_by(a_request(visit_type, at("10:55")))
    assert integrity.faults(NOW) == []


@pytest.mark.parametrize(
    "change",
    [
        {"duration": LONGEST_VISIT + 1},
        {"buffer_before": LONGEST_BUFFER + 1},
        {"buffer_after": LONGEST_BUFFER + 1},
    ],
)
def test_the_database_refuses_a_visit_that_no_reservation_holds(change):
    visit_type = a_visit_type()

    with pytest.raises(IntegrityError), transaction.atomic():
        VisitType.objects.filter(pk=visit_type.pk).update(**change)


@pytest.mark.parametrize("name", ["buffer_before", "buffer_after"])
def test_the_database_refuses_a_resource_that_no_reservation_holds(name):
    room = a_room()

    with pytest.raises(IntegrityError), transaction.atomic():
        Resource.objects.filter(pk=room.pk).update(**{name: LONGEST_BUFFER + 1})


def test_the_longest_visit_on_the_slowest_machine_can_be_booked():
    a_machine(buffer_before=LONGEST_BUFFER, buffer_after=LONGEST_BUFFER)
    visit_type = a_practice(takes=(CLINICIAN, MACHINE), duration=LONGEST_VISIT)
    hours = of_kind(CLINICIAN)[0].hours
    hours.update(opens="06:00", closes="20:00")

    visit = a_booked_visit(visit_type, at("07:00", WEDNESDAY))

    machine = visit.reservations.get(resource__kind=MACHINE)
    assert machine.end - machine.start == timedelta(hours=24)


# --- Any clinician -----------------------------------------------------------------


def test_two_clinicians_with_one_visit_a_day_alternate():
    visit_type = a_practice(clinicians=2)

    days = (factories.TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)
    visits = [a_request(visit_type, at("10:00", day)) for day in days]

    first, second, *others = [taken_by(visit, CLINICIAN) for visit in visits]
    assert first != second
    assert others == [first, second]


def test_visits_of_one_day_are_spread_over_the_clinicians():
    visit_type = a_practice(clinicians=3, rooms=3)

    for wall_time in ("10:00", "11:00", "12:00", "13:00", "14:00", "15:00"):
        a_request(visit_type, at(wall_time))

    counts = [person.reservations.count() for person in of_kind(CLINICIAN)]
    assert counts == [2, 2, 2]


def test_who_asks_for_a_clinician_gets_that_one_however_busy():
    visit_type = a_practice(clinicians=2, rooms=2)
    wanted = of_kind(CLINICIAN)[0]

    for wall_time in ("10:00", "11:00", "12:00"):
        visit = a_request(visit_type, at(wall_time), clinician=wanted)
        assert taken_by(visit, CLINICIAN) == [wanted]

    assert set(shown_with(visit_type, clinician=wanted)) == {wanted}


def test_who_asked_for_a_clinician_is_offered_no_time_of_another():
    visit_type = a_practice(clinicians=2, rooms=2)
    wanted = of_kind(CLINICIAN)[0]
    a_request(visit_type, at("14:00"), clinician=wanted)  # the other has less to do
    visit = a_request(visit_type, at("10:00"), clinician=wanted)

    an_offer(visit, at("11:00"), by=factories.a_front_desk_person())

    assert taken_by(visit, CLINICIAN) == [wanted]


@pytest.mark.parametrize("at_once", [True, False])
def test_who_asked_for_a_clinician_keeps_that_one_in_a_change(at_once):
    visit_type = a_practice(clinicians=2, rooms=2, changes_at_once=at_once)
    wanted = of_kind(CLINICIAN)[0]
    a_request(visit_type, at("14:00"), clinician=wanted)  # the other has less to do
    visit = a_booked_visit(visit_type, at("10:00", FRIDAY), clinician=wanted)

    workflow.ask_change(visit.pk, [at("11:00")], by=workflow.PATIENT, now=NOW)

    assert set(taken_by(visit, CLINICIAN)) == {wanted}


def test_of_two_clinicians_the_one_asked_for_is_one():
    visit_type = a_practice(clinicians=3, takes=(CLINICIAN, CLINICIAN, ROOM))
    *_, wanted = of_kind(CLINICIAN)

    for wall_time in ("10:00", "11:00", "12:00"):
        visit = a_request(visit_type, at(wall_time), clinician=wanted)
        assert len(taken_by(visit, CLINICIAN)) == 2
        assert wanted in taken_by(visit, CLINICIAN)


def test_the_clinician_asked_for_takes_the_place_that_few_could_take():
    visit_type = a_practice(clinicians=2)
    first, wanted = of_kind(CLINICIAN)
    visit_type.requirements.create(kind=CLINICIAN).suitable.set([wanted])

    visit = a_request(visit_type, at("10:00"), clinician=wanted)

    assert taken_by(visit, CLINICIAN) == [first, wanted]


def test_a_clinician_who_does_not_see_such_visits_cannot_be_asked_for():
    visit_type = a_practice()
    visit_type.requirements.get(kind=CLINICIAN).suitable.set(of_kind(CLINICIAN))
    stranger = factories.a_clinician()

    with nothing_written(), pytest.raises(TimeNotOffered):
        a_request(visit_type, at("10:00"), clinician=stranger)


# --- Keeping what was shown --------------------------------------------------------


def clinician_of_hold(key: str) -> Resource:
    return Resource.objects.get(kind=CLINICIAN, reservations__hold_key=key)


def test_the_clinician_who_was_held_is_asked_for_and_booked():
    """However much that clinician is given to do in between."""
    visit_type = a_practice(clinicians=2, rooms=5)
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)
    shown = clinician_of_hold("mine")
    for wall_time in ("13:00", "14:00"):
        a_request(visit_type, at(wall_time), clinician=shown)

    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)
    assert clinician_of_hold("mine") == shown

    asked = factories.a_new_request(visit_type, at("10:00"))
    visit = workflow.request(
        asked,
        key=uuid.uuid4(),
        by=workflow.PATIENT,
        now=NOW,
        hold_key="mine",
    )
    assert taken_by(visit, CLINICIAN) == [shown]
    rooms = taken_by(visit, ROOM)
    desk = factories.a_front_desk_person()
    workflow.accept(visit.pk, choice(visit).pk, by=desk, now=NOW)
    assert (taken_by(visit, CLINICIAN), taken_by(visit, ROOM)) == ([shown], rooms)


def test_at_another_time_nothing_is_kept():
    visit_type = a_practice(clinicians=2, rooms=2)
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)
    shown = clinician_of_hold("mine")
    a_request(visit_type, at("14:00"), clinician=shown)

    workflow.hold(visit_type, at("11:00"), key="mine", now=NOW)

    assert clinician_of_hold("mine") != shown


# --- Out of use --------------------------------------------------------------------


def test_accepting_takes_another_room_for_one_that_is_out_of_use():
    visit = a_request(a_practice(rooms=2), at("10:00"))
    [held] = taken_by(visit, ROOM)
    Resource.objects.filter(pk=held.pk).update(is_active=False)
    [other] = [room for room in of_kind(ROOM) if room != held]

    desk = factories.a_front_desk_person()
    workflow.accept(visit.pk, choice(visit).pk, by=desk, now=NOW)

    assert taken_by(visit, ROOM) == [other]


@pytest.mark.parametrize("kind", [CLINICIAN, ROOM])
def test_nothing_is_accepted_onto_what_is_out_of_use(kind):
    visit = a_request(a_practice(), at("10:00"))
    Resource.objects.filter(kind=kind).update(is_active=False)
    desk = factories.a_front_desk_person()

    with nothing_written(), pytest.raises(TimeNotOffered):
        workflow.accept(visit.pk, choice(visit).pk, by=desk, now=NOW)


def test_a_clinician_who_was_asked_for_and_left_is_not_replaced():
    visit_type = a_practice(clinicians=2)
    wanted = of_kind(CLINICIAN)[0]
    visit = a_request(visit_type, at("10:00"), clinician=wanted)
    Resource.objects.filter(pk=wanted.pk).update(is_active=False)
    desk = factories.a_front_desk_person()

    with nothing_written(), pytest.raises(TimeNotOffered):
        workflow.accept(visit.pk, choice(visit).pk, by=desk, now=NOW)
