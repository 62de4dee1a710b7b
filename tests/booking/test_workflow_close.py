"""Staff close the clinic, or one resource, for a while."""

import uuid
from datetime import timedelta
from itertools import pairwise

import pytest

from booking import integrity, workflow
from booking.availability import Reason, Why
from booking.errors import DifferentForm, NotPossibleNow, TimeNotOffered
from booking.models import (
    Appointment,
    Closure,
    Reservation,
    Resource,
    VisitType,
)
from booking.workflow import PATIENT
from tests import factories
from tests.factories import (
    CLINICIAN,
    MACHINE,
    NOW,
    ROOM,
    TUESDAY,
    WEDNESDAY,
    a_booked_visit,
    a_closure,
    a_machine,
    a_practice,
    a_request,
    a_visit_type,
    at,
)
from tests.records import closed_on, held_by, nothing_written

pytestmark = pytest.mark.django_db

TUESDAY_BEGINS, TUESDAY_ENDS = at("00:00", TUESDAY), at("00:00", WEDNESDAY)


def the(kind: Resource.Kind) -> Resource:
    return Resource.objects.get(kind=kind)


def why_none(visit_type: VisitType, now=NOW) -> Reason | None:
    [day] = visit_type.availability(TUESDAY, TUESDAY, now=now)
    return day.reason


def test_a_closed_day_offers_nothing_and_says_why():
    visit_type = a_practice()

    a_closure(TUESDAY_BEGINS, TUESDAY_ENDS)

    assert why_none(visit_type) == Reason(Why.CLOSED, "Training day")
    with nothing_written(), pytest.raises(TimeNotOffered):
        a_request(visit_type, at("10:00"))


def test_closing_the_clinic_closes_every_resource():
    a_practice(clinicians=2, rooms=2)

    a_closure(TUESDAY_BEGINS, TUESDAY_ENDS)

    for resource in Resource.objects.all():
        assert closed_on(resource.pk) == [(TUESDAY_BEGINS, TUESDAY_ENDS)]


def test_weeks_of_leave_are_held_without_a_gap():
    a_practice(rooms=0)
    clinician = the(factories.CLINICIAN)

    a_closure(TUESDAY_BEGINS, TUESDAY_BEGINS + timedelta(days=20, hours=5))

    spans = closed_on(clinician.pk)
    assert len(spans) == 21
    assert (spans[0][0], spans[-1][1]) == (
        TUESDAY_BEGINS,
        TUESDAY_BEGINS + timedelta(days=20, hours=5),
    )
    assert all(end == start for (_, end), (start, _) in pairwise(spans))


def test_leave_of_one_clinician_leaves_the_others():
    visit_type = a_practice(clinicians=2)
    away, there = Resource.objects.filter(kind=factories.CLINICIAN)

    a_closure(TUESDAY_BEGINS, TUESDAY_ENDS, of=away)
    visit = a_request(visit_type, at("10:00"))

    assert closed_on(there.pk) == []
    assert there.pk in {resource for resource, *_ in held_by(visit)}


def test_a_visit_that_was_booked_before_stays():
    visit_type = a_practice(buffer_after=10)
    visit = a_booked_visit(visit_type, at("10:00"))
    held = held_by(visit)

    a_closure(TUESDAY_BEGINS, TUESDAY_ENDS)

    visit.refresh_from_db()
    assert (visit.status, held_by(visit)) == ("booked", held)
    assert closed_on(the(factories.ROOM).pk) == [
        (TUESDAY_BEGINS, at("10:00")),
        (at("10:40"), TUESDAY_ENDS),
    ]


def test_patients_read_that_the_day_is_closed_though_a_visit_is_still_there():
    visit_type = a_practice(buffer_after=10)
    a_booked_visit(visit_type, at("10:00"))

    a_closure(TUESDAY_BEGINS, TUESDAY_ENDS)

    assert why_none(visit_type) == Reason(Why.CLOSED, "Training day")


def test_cancelling_the_visit_closes_the_gap_that_it_leaves():
    visit_type = a_practice()
    visit = a_booked_visit(visit_type, at("10:00"))
    a_closure(TUESDAY_BEGINS, TUESDAY_ENDS)

    workflow.cancel(visit.pk, by=PATIENT, now=NOW)

    assert why_none(visit_type) == Reason(Why.CLOSED, "Training day")
    assert closed_on(the(factories.ROOM).pk) == [(TUESDAY_BEGINS, TUESDAY_ENDS)]


def test_cancelling_does_not_open_what_else_is_closed_just_then():
    visit_type = a_practice()
    early = a_booked_visit(visit_type, at("10:00"))
    late = a_booked_visit(visit_type, at("14:00"))
    a_closure(TUESDAY_BEGINS, TUESDAY_ENDS)

    workflow.cancel(late.pk, by=PATIENT, now=at("12:00"))

    assert len(held_by(early)) == 2
    assert closed_on(the(factories.ROOM).pk) == [
        (TUESDAY_BEGINS, at("10:00")),
        (at("10:30"), TUESDAY_ENDS),
    ]


def test_a_first_choice_gives_way_and_nothing_is_bookable_when_it_lapses():
    visit_type = a_practice()
    visit = a_request(visit_type, at("10:00"))

    a_closure(TUESDAY_BEGINS, TUESDAY_ENDS)

    assert held_by(visit) == []
    assert why_none(visit_type, visit.reply_by).why == Why.CLOSED


def test_a_soft_hold_gives_way_and_nothing_is_bookable_when_it_lapses():
    visit_type = a_practice()
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)

    a_closure(TUESDAY_BEGINS, TUESDAY_ENDS)

    assert Reservation.objects.filter(hold_key="mine").count() == 0
    assert why_none(visit_type, NOW + timedelta(minutes=15)).why == Why.CLOSED


def close_a_room_of(visit: Appointment) -> Resource:
    """Close the room that is held for the visit; return it."""
    [room] = Resource.objects.filter(
        kind=ROOM, reservations__appointment=visit
    ).distinct()
    a_closure(TUESDAY_BEGINS, TUESDAY_ENDS, of=room)
    return room


@pytest.mark.parametrize("is_offered", [False, True])
def test_a_time_that_is_held_gets_another_room_when_its_own_is_closed(is_offered):
    visit_type = a_practice(rooms=2)
    if is_offered:
        visit = factories.somebody_waiting(visit_type)
        factories.an_offer(visit, at("10:00"))
    else:
        visit = a_request(visit_type, at("10:00"))
    [lapses] = set(visit.reservations.values_list("expires_at", flat=True))
    before = held_by(visit)

    closed = close_a_room_of(visit)

    other = Resource.objects.filter(kind=ROOM).exclude(pk=closed.pk).get()
    expected = [(other.pk if r == closed.pk else r, *span) for r, *span in before]
    assert held_by(visit) == sorted(expected)
    rows = visit.reservations.all()
    assert {(row.expires_at, row.proposal.start) for row in rows} == {
        (lapses, at("10:00"))
    }
    assert integrity.faults(NOW) == []


def test_without_another_room_the_whole_time_gives_way():
    visit_type = a_practice()
    visit = a_request(visit_type, at("10:00"))

    close_a_room_of(visit)

    assert held_by(visit) == []
    assert integrity.faults(NOW) == []
    on_foot = a_visit_type(takes=[CLINICIAN])
    assert a_request(on_foot, at("10:00")).reservations.count() == 1


def test_a_time_is_not_held_anew_for_a_kind_of_visit_that_takes_more_by_now():
    visit_type = a_practice(rooms=2)
    visit = a_request(visit_type, at("10:00"))
    a_machine()
    visit_type.requirements.create(kind=MACHINE)

    close_a_room_of(visit)

    assert held_by(visit) == []


def test_another_time_is_not_held_anew_over_the_one_that_the_patient_has():
    visit_type = a_practice(clinicians=2, rooms=2, step=15)
    visit = a_booked_visit(visit_type, at("10:00"))
    own = held_by(visit)
    workflow.ask_change(visit.pk, [at("10:15")], by=PATIENT, now=NOW)
    wish = visit.reservations.exclude(expires_at=None)
    other = Resource.objects.get(kind=CLINICIAN, reservations__in=wish)

    a_closure(TUESDAY_BEGINS, TUESDAY_ENDS, of=other)

    assert held_by(visit) == own
    assert integrity.faults(NOW) == []


def test_a_soft_hold_gives_way_whole():
    visit_type = a_practice()
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)

    a_closure(TUESDAY_BEGINS, TUESDAY_ENDS, of=the(ROOM))

    assert not Reservation.objects.filter(hold_key="mine").exists()


def test_a_hold_outside_the_closure_stays():
    visit_type = a_practice()
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW)

    a_closure(at("10:30"), TUESDAY_ENDS)

    assert Reservation.objects.filter(hold_key="mine").count() == 2


def test_closures_that_overlap_hold_each_moment_once():
    a_practice()
    room = the(factories.ROOM)

    a_closure(at("12:00"), at("14:00"), of=room)
    a_closure(at("13:00"), at("15:00"))

    assert closed_on(room.pk) == [
        (at("12:00"), at("14:00")),
        (at("14:00"), at("15:00")),
    ]


def test_reopening_lets_the_time_be_booked_at_once():
    visit_type = a_practice()
    closure = a_closure(TUESDAY_BEGINS, TUESDAY_ENDS)

    workflow.reopen(closure, now=NOW)

    assert why_none(visit_type) is None
    assert (Closure.objects.count(), Reservation.objects.count()) == (0, 0)


def test_reopening_one_of_two_closures_leaves_the_other_whole():
    a_practice()
    room = the(factories.ROOM)
    first = a_closure(at("12:00"), at("14:00"))
    a_closure(at("13:00"), at("15:00"))

    workflow.reopen(first, now=NOW)

    assert closed_on(room.pk) == [(at("13:00"), at("15:00"))]


def test_reopening_twice_is_reopening_once():
    a_practice()
    closure = a_closure(TUESDAY_BEGINS, TUESDAY_ENDS)
    workflow.reopen(closure, now=NOW)

    with nothing_written():
        workflow.reopen(closure, now=NOW)


def test_moving_a_closure_moves_the_time_it_holds():
    a_practice()
    closure = a_closure(at("09:00"), at("12:00"))
    closure.start, closure.end = at("13:00"), at("15:00")

    workflow.close(closure, now=NOW)

    assert closed_on(the(factories.ROOM).pk) == [(at("13:00"), at("15:00"))]


def test_a_room_added_later_is_closed_as_well():
    a_practice()
    a_closure(TUESDAY_BEGINS, TUESDAY_ENDS)
    room = factories.a_room()

    workflow.refresh_closures(now=NOW)

    assert closed_on(room.pk) == [(TUESDAY_BEGINS, TUESDAY_ENDS)]


def test_saving_a_closure_again_changes_no_time():
    visit_type = a_practice()
    a_booked_visit(visit_type, at("10:00"))
    closure = a_closure(TUESDAY_BEGINS, TUESDAY_ENDS)
    before = closed_on(the(factories.ROOM).pk)

    workflow.close(closure, now=NOW)

    assert closed_on(the(factories.ROOM).pk) == before


# --- Sent twice ------------------------------------------------------------------


def close_tuesday(key, **values) -> Closure:
    defaults = {"start": TUESDAY_BEGINS, "end": TUESDAY_ENDS, "reason": "Training day"}
    return workflow.close(Closure(**defaults | values), now=NOW, key=key)


def test_a_closure_that_is_sent_twice_is_made_once():
    a_practice()
    key = uuid.uuid4()
    first = close_tuesday(key)

    with nothing_written():
        second = close_tuesday(key)

    assert second == first


def test_another_closure_under_the_same_key_is_refused():
    a_practice()
    key = uuid.uuid4()
    close_tuesday(key)

    for values in ({"reason": "Holiday"}, {"end": at("12:00")}):
        with nothing_written(), pytest.raises(DifferentForm):
            close_tuesday(key, **values)


def test_a_closure_that_was_reopened_stays_so():
    a_practice()
    key = uuid.uuid4()
    workflow.reopen(close_tuesday(key), now=NOW)

    with nothing_written(), pytest.raises(NotPossibleNow, match="deleted since"):
        close_tuesday(key)
