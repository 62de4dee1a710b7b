"""Who on the waiting list is offered what, in which order, and why others are not."""

import uuid
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking import integrity, waiting_list, workflow
from booking.models import (
    Appointment,
    AppointmentEvent,
    Practice,
    Resource,
    VisitType,
    WaitingListEntry,
    WaitingListRules,
)
from booking.waiting_list import Telling, Why, offer_free_times
from booking.workflow import PATIENT
from tests import factories
from tests.factories import (
    FRIDAY,
    MONDAY,
    NOW,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    a_booked_visit,
    a_practice,
    a_request,
    a_wish,
    an_offer,
    at,
    somebody_waiting,
)
from tests.records import (
    events_of,
    held_by,
    messages_of,
    nothing_written,
    offers_of,
    places_of,
)

pytestmark = pytest.mark.django_db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def rules(**values: Any) -> None:
    WaitingListRules.objects.update_or_create(pk=1, defaults=values)


def a_full_week(**values: Any) -> VisitType:
    """Make a practice in which nothing is free until Monday, on the half hour.

    Bookings are in the way of the visits, not closures, as on most days.
    """
    visit_type = a_practice(horizon=5, **values)
    for resource in Resource.objects.all():
        for n in range(1, 5):
            day = MONDAY + timedelta(days=n)
            factories.a_closure(at("09:00", day), at("17:00", day), of=resource)
    return visit_type


def sets_free(*spans: tuple[datetime, datetime]) -> None:
    """Open these stretches again, and leave the rest of their days as it was."""
    for start, end in spans:
        for closure in list(factories.Closure.objects.overlapping(start, end)):
            workflow.reopen(closure, now=NOW)
            for a, b in ((closure.start, start), (end, closure.end)):
                if a < b:
                    factories.a_closure(a, b, of=closure.resource)


def half_an_hour(wall_time: str, day=TUESDAY) -> tuple[datetime, datetime]:
    return at(wall_time, day), at(wall_time, day) + 30 * MINUTE


def status_of(*visits: Appointment) -> list[str]:
    rows = dict(Appointment.objects.values_list("pk", "status"))
    return [rows[visit.pk] for visit in visits]


def faults() -> list[str]:
    """Return what is wrong with the rows, but for mail that no worker sent."""
    found = integrity.faults(NOW + 2 * HOUR)
    return [str(fault) for fault in found if fault.code != "stuck_message"]


def why(visit: Appointment, now: datetime = NOW) -> Why:
    """Return why somebody is not offered a time now."""
    return place(visit, now).why


def place(visit: Appointment, now: datetime = NOW) -> waiting_list.Place:
    [found] = [p for p in waiting_list.places(now) if p.visit == visit]
    return found


# --- In order --------------------------------------------------------------------


def test_a_time_that_begins_this_moment_keeps_nobody_from_the_next():
    visit_type = a_practice(lead_time=0)
    visit = somebody_waiting(visit_type, now=NOW - HOUR)
    begins = at("10:00")
    assert place(visit, begins).start == at("10:30")

    assert offer_free_times(begins) == "Offers made: 1."

    assert offers_of(visit) == [(at("10:30"), "open")]


def test_time_that_is_set_free_is_offered_to_who_waits_longest():
    visit_type = a_full_week()
    second = somebody_waiting(visit_type, now=NOW - HOUR)
    first = somebody_waiting(visit_type, now=NOW - 2 * HOUR)
    with nothing_written():
        offer_free_times(NOW)
    sets_free(half_an_hour("10:00"))

    assert offer_free_times(NOW) == "Offers made: 1."

    assert status_of(first, second) == ["proposed", "waitlist"]
    assert offers_of(first) == [(at("10:00"), "open")]
    assert len(held_by(first)) == 2
    event = first.events.get(version=2)
    assert (event.act, event.actor, event.at) == ("offer", "system", NOW)
    assert messages_of(first) == [("on_list", "email"), ("offered", "email")]
    assert faults() == []


def test_each_of_several_free_times_goes_to_somebody_at_once():
    visit_type = a_full_week()
    visits = [somebody_waiting(visit_type) for _ in range(3)]
    sets_free((at("10:00"), at("11:00")))

    offer_free_times(NOW)

    assert status_of(*visits) == ["proposed", "proposed", "waitlist"]
    assert [offers_of(visit)[0][0] for visit in visits[:2]] == [
        at("10:00"),
        at("10:30"),
    ]


def test_looking_again_offers_nothing_new():
    visit_type = a_full_week()
    somebody_waiting(visit_type)
    somebody_waiting(visit_type)
    sets_free(half_an_hour("10:00"))
    offer_free_times(NOW)

    with nothing_written():
        assert offer_free_times(NOW + MINUTE) == ""


def test_the_next_is_offered_what_the_first_let_go():
    visit_type = a_full_week()
    first, second = (somebody_waiting(visit_type) for _ in range(2))
    sets_free(half_an_hour("10:00", WEDNESDAY))
    offer_free_times(NOW)
    after = NOW + 3 * HOUR

    assert waiting_list.lapse_and_expire(after - MINUTE) == ""
    assert waiting_list.lapse_and_expire(after) == "Offers and wishes ended: 1."
    offer_free_times(after)

    assert status_of(first, second) == ["waitlist", "proposed"]
    assert offers_of(second) == [(at("10:00", WEDNESDAY), "open")]
    assert place(first, after).number == 1


def test_nobody_is_offered_the_same_time_twice():
    visit_type = a_full_week()
    visit = somebody_waiting(visit_type)
    sets_free(half_an_hour("10:00"))
    offer_free_times(NOW)
    workflow.pass_(visit.pk, by=PATIENT, now=NOW)

    with nothing_written():
        offer_free_times(NOW)

    assert why(visit) == Why.OFFERED_BEFORE
    sets_free(half_an_hour("11:00"))
    offer_free_times(NOW)
    assert offers_of(visit)[1:] == [(at("11:00"), "open")]


def test_who_did_not_want_a_time_leaves_the_rest_of_its_gap_to_the_next():
    visit_type = a_full_week(step=15)
    first, second = somebody_waiting(visit_type), somebody_waiting(visit_type)
    sets_free((at("10:00"), at("10:45")))
    offer_free_times(NOW)
    workflow.pass_(first.pk, by=PATIENT, now=NOW)
    assert why(first) == Why.OFFERED_BEFORE

    assert offer_free_times(NOW) == "Offers made: 1."
    assert offers_of(second) == [(at("10:00"), "open")]


def test_who_has_had_enough_offers_has_no_more():
    rules(most_offers=2)
    visit_type = a_full_week()
    visit = somebody_waiting(visit_type)
    sets_free((at("10:00"), at("12:00")))
    for _ in range(2):
        offer_free_times(NOW)
        workflow.pass_(visit.pk, by=PATIENT, now=NOW)

    with nothing_written():
        offer_free_times(NOW)

    assert why(visit) == Why.MOST_OFFERS
    assert places_of(visit) == [("", 2)]


# --- Whom it suits ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (a_wish(earliest=WEDNESDAY), Why.NOT_IN_RANGE),
        (a_wish(earliest=MONDAY, latest=MONDAY), Why.NOT_IN_RANGE),
        (a_wish(weekdays=(0, 2, 3, 4)), Why.NOT_ON_DAYS),
        (a_wish(part="afternoon"), Why.NOT_IN_PART),
        (a_wish(notice=25 * 60 + 1), Why.NOT_IN_TIME),
        (a_wish(), Why.NEXT),
        (a_wish(earliest=TUESDAY, latest=TUESDAY, weekdays=(1,)), Why.NEXT),
        (a_wish(part="morning", notice=25 * 60), Why.NEXT),
    ],
)
def test_only_what_fits_the_wish_is_offered(wish, reason):
    visit_type = a_full_week()
    visit = somebody_waiting(visit_type, wish)
    sets_free(half_an_hour("10:00"))

    assert why(visit) == reason
    offer_free_times(NOW)

    assert bool(offers_of(visit)) == (reason == Why.NEXT)


@pytest.mark.parametrize(
    ("wall_time", "part", "fits"),
    [
        ("11:30", "morning", True),
        ("12:00", "morning", False),
        ("11:30", "afternoon", False),
        ("12:00", "afternoon", True),
    ],
)
def test_the_afternoon_begins_at_noon(wall_time, part, fits):
    visit_type = a_full_week()
    visit = somebody_waiting(visit_type, a_wish(part=part))
    sets_free(half_an_hour(wall_time))

    offer_free_times(NOW)

    assert bool(offers_of(visit)) is fits


def test_without_any_free_time_that_is_the_reason():
    visit = somebody_waiting(a_full_week())

    assert why(visit) == Why.NO_TIME


def test_what_is_too_soon_for_the_clinic_is_not_offered():
    visit_type = a_full_week(lead_time=30 * 60)
    visit = somebody_waiting(visit_type)
    sets_free(half_an_hour("10:00"))

    assert why(visit) == Why.NO_TIME


def test_a_visit_that_can_no_longer_be_booked_is_not_offered():
    visit = somebody_waiting(a_practice())
    assert why(visit) == Why.NEXT
    VisitType.objects.update(is_active=False)
    assert why(visit) == Why.NO_TIME
    with nothing_written():
        offer_free_times(NOW)


def test_who_wants_one_clinician_is_offered_no_other():
    visit_type = a_full_week(clinicians=2, rooms=2)
    here, away = Resource.objects.filter(kind=factories.CLINICIAN)
    rooms = Resource.objects.filter(kind=factories.ROOM)
    picky = somebody_waiting(visit_type, clinician=away)
    other = somebody_waiting(visit_type)
    for resource in (here, *rooms):
        for closure in resource.closures.overlapping(at("09:00"), at("17:00")):
            workflow.reopen(closure, now=NOW)

    offer_free_times(NOW)

    assert status_of(picky, other) == ["waitlist", "proposed"]
    assert why(picky) == Why.NO_TIME


def test_a_visit_that_takes_the_machine_waits_for_the_machine():
    a_full_week(rooms=2)
    machine = factories.a_machine()
    test = factories.a_visit_type(takes=tuple(Resource.Kind), horizon=5)
    factories.a_closure(at("09:00"), at("12:00"), of=machine)
    sets_free(half_an_hour("12:00"))
    visit = somebody_waiting(test)

    offer_free_times(NOW)

    assert offers_of(visit) == [(at("12:00"), "open")]
    assert len(held_by(visit)) == 3


# --- Records of one person -------------------------------------------------------


def one_person_waiting_twice(
    visit_type: VisitType, *wishes: Any
) -> tuple[Appointment, Appointment]:
    first, second = (
        somebody_waiting(visit_type, a_wish(**wish) if wish else None)
        for wish in wishes or ({}, {})
    )
    desk = factories.a_front_desk_person()
    workflow.merge(first.patient_id, second.patient_id, by=desk, now=NOW)
    return first, second


def test_one_person_on_two_records_is_offered_one_time():
    visit_type = a_full_week()
    first, second = one_person_waiting_twice(visit_type)
    somebody_else = somebody_waiting(visit_type)
    sets_free((at("10:00"), at("11:00")))
    assert [p.why for p in waiting_list.places(NOW)] == [
        Why.NEXT, Why.ONE_PERSON, Why.NEXT,
    ]  # fmt: skip

    assert offer_free_times(NOW) == "Offers made: 2."
    assert status_of(first, second, somebody_else) == [
        "proposed", "waitlist", "proposed",
    ]  # fmt: skip
    with nothing_written():
        assert offer_free_times(NOW + MINUTE) == ""
    assert why(second) == Why.ONE_PERSON


def test_what_they_asked_for_at_either_place_counts():
    visit_type = a_full_week()
    mornings, afternoons = {"part": "morning"}, {"part": "afternoon"}
    first, second = one_person_waiting_twice(visit_type, mornings, afternoons)
    sets_free(half_an_hour("14:00"))
    offer_free_times(NOW)
    assert status_of(first, second) == ["waitlist", "proposed"]

    sets_free(half_an_hour("10:00"))
    assert offer_free_times(NOW) == ""
    assert why(first) == Why.ONE_PERSON


def test_who_took_a_time_is_offered_no_other_for_the_same():
    visit_type = a_full_week()
    first, second = one_person_waiting_twice(visit_type)
    sets_free((at("10:00"), at("11:00")))
    offer_free_times(NOW)
    workflow.take(first.pk, first.proposals.get().pk, by=PATIENT, now=NOW)
    assert offer_free_times(NOW) == ""
    assert why(second) == Why.ONE_PERSON

    workflow.cancel(first.pk, by=PATIENT, now=NOW)
    assert offer_free_times(NOW) == "Offers made: 1."
    assert status_of(second) == ["proposed"]


def test_two_people_again_have_an_offer_each():
    visit_type = a_full_week()
    first, second = one_person_waiting_twice(visit_type)
    desk = factories.a_front_desk_person()
    workflow.unmerge(first.patient_id, second.patient_id, by=desk, now=NOW)
    sets_free((at("10:00"), at("11:00")))
    assert offer_free_times(NOW) == "Offers made: 2."


def test_one_person_with_two_places_is_one_before_others_and_none_before_themselves():
    visit_type = a_full_week()
    somebody_waiting(visit_type)
    first, second = one_person_waiting_twice(visit_type)
    last = somebody_waiting(visit_type)
    assert [before(visit) for visit in (first, second, last)] == [1, 1, 2]

    desk = factories.a_front_desk_person()
    workflow.unmerge(first.patient_id, second.patient_id, by=desk, now=NOW)
    assert [before(visit) for visit in (first, second, last)] == [1, 2, 3]


def before(visit: Appointment) -> int:
    return waiting_list.people_before(visit.waiting_list_entries.get())


def test_a_day_on_another_record_of_theirs_is_no_day_for_a_second_visit():
    visit_type = a_full_week()
    sets_free(half_an_hour("10:00"), half_an_hour("15:00"))
    booked = a_booked_visit(visit_type, at("10:00"))
    visit = somebody_waiting(visit_type)
    desk = factories.a_front_desk_person()
    workflow.merge(booked.patient_id, visit.patient_id, by=desk, now=NOW)
    assert why(visit) == Why.COMES_THEN


# --- Who has a time already ------------------------------------------------------


def booked_on_thursday(visit_type: VisitType) -> Appointment:
    sets_free(half_an_hour("10:00", THURSDAY))
    visit = a_booked_visit(visit_type, at("10:00", THURSDAY))
    return workflow.want_earlier(visit.pk, a_wish(), by=PATIENT, now=NOW)


def test_who_has_a_time_is_offered_an_earlier_one_and_no_later():
    visit_type = a_full_week()
    visit = booked_on_thursday(visit_type)
    sets_free(half_an_hour("10:00", FRIDAY))
    with nothing_written():
        offer_free_times(NOW)
    assert why(visit) == Why.NOT_EARLIER
    sets_free(half_an_hour("10:00", WEDNESDAY))

    offer_free_times(NOW)

    assert offers_of(visit) == [(at("10:00", WEDNESDAY), "open")]
    assert status_of(visit) == ["booked"]


def test_nobody_is_offered_a_day_on_which_they_come_for_the_same():
    """As with one of a series: the rest of it is on days of its own."""
    desk = factories.a_front_desk_person()
    visit_type = a_full_week(clinicians=2, rooms=2)
    sets_free(half_an_hour("10:00", WEDNESDAY), half_an_hour("10:00", THURSDAY))
    first = a_booked_visit(visit_type, at("10:00", WEDNESDAY), by=desk)
    days = [first.start, at("10:00", THURSDAY)]
    _first, visit = workflow.book_series(
        first.pk, days, by=desk, now=NOW, key=uuid.uuid4()
    )
    workflow.want_earlier(visit.pk, a_wish(), by=PATIENT, now=NOW)
    sets_free(half_an_hour("14:00", WEDNESDAY))
    with nothing_written():
        offer_free_times(NOW)
    assert why(visit) == Why.COMES_THEN

    workflow.cancel(first.pk, by=PATIENT, now=NOW)
    offer_free_times(NOW)

    assert offers_of(visit)[1:] == [(at("10:00", WEDNESDAY), "open")]


def test_nobody_is_offered_a_time_while_they_are_here_for_something_else():
    desk = factories.a_front_desk_person()
    visit_type = a_full_week(clinicians=2, rooms=2)
    kinds = [Resource.Kind.CLINICIAN, Resource.Kind.ROOM]
    other = factories.a_visit_type(takes=kinds, name="Another kind")
    sets_free(half_an_hour("10:00", WEDNESDAY), half_an_hour("14:00", WEDNESDAY))
    visit = somebody_waiting(visit_type)
    here = a_booked_visit(other, at("10:00", WEDNESDAY), by=desk)
    Appointment.objects.filter(pk=here.pk).update(patient=visit.patient)

    offer_free_times(NOW)

    assert offers_of(visit) == [(at("14:00", WEDNESDAY), "open")]


def test_who_has_a_time_is_not_offered_that_time_of_somebody_else():
    visit_type = a_full_week(clinicians=2, rooms=2)
    visit = booked_on_thursday(visit_type)

    with nothing_written():
        offer_free_times(NOW)

    assert why(visit) == Why.NOT_EARLIER


def test_the_time_that_a_move_sets_free_is_offered_to_the_next():
    visit_type = a_full_week()
    mover = booked_on_thursday(visit_type)
    waiting = somebody_waiting(visit_type)
    sets_free(half_an_hour("10:00", WEDNESDAY))
    offer_free_times(NOW)
    offer = factories.offered(mover)

    workflow.take(mover.pk, offer.pk, by=PATIENT, now=NOW)
    offer_free_times(NOW)

    assert offers_of(waiting) == [(at("10:00", THURSDAY), "open")]
    assert faults() == []


# --- When they can be told -------------------------------------------------------


def test_nothing_is_offered_in_the_quiet_hours():
    visit_type = a_full_week()
    visit = somebody_waiting(visit_type)
    sets_free((at("10:00", FRIDAY), at("17:00", FRIDAY)))
    late, early = at("20:00", MONDAY), at("08:00", TUESDAY)

    for now in (late, early - MINUTE):
        with nothing_written():
            offer_free_times(now)
        found = place(visit, now)
        assert (found.why, found.until) == (Why.QUIET, early)
    for now in (late - MINUTE, early):
        assert why(visit, now) == Why.NEXT

    offer_free_times(early)
    assert status_of(visit) == ["proposed"]


def test_quiet_hours_do_not_count_for_the_answer():
    visit_type = a_full_week()
    visit = somebody_waiting(visit_type)
    sets_free((at("10:00", FRIDAY), at("17:00", FRIDAY)))

    offer_free_times(at("19:00", MONDAY))

    assert factories.offered(visit).expires_at == at("10:00", TUESDAY)


def test_no_answer_is_waited_for_longer_than_until_the_visit():
    rules(minutes_to_answer=60 * 24 * 14)
    visit_type = a_full_week()
    visit = somebody_waiting(visit_type)
    sets_free(half_an_hour("10:00"))

    offer_free_times(NOW)

    assert factories.offered(visit).expires_at == at("10:00")


def test_who_has_to_be_phoned_is_offered_a_time_while_somebody_can_phone():
    visit_type = a_full_week()
    by_phone = factories.patient_details(email="")
    visit = somebody_waiting(visit_type, patient=by_phone)
    sets_free((at("10:00", FRIDAY), at("17:00", FRIDAY)))
    evening = at("17:30", MONDAY)

    found = place(visit, evening)
    assert (found.why, found.until) == (Why.DESK_CLOSED, at("09:00", TUESDAY))
    with nothing_written():
        offer_free_times(evening)
    offer_free_times(at("16:00", MONDAY))

    assert factories.offered(visit).expires_at == at("11:00", TUESDAY)
    assert messages_of(visit)[-1] == ("offered", "phone")


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        ((time(20), time(8)), at("23:00"), at("08:00", WEDNESDAY)),
        ((time(20), time(8)), at("03:00"), at("08:00")),
        ((time(20), time(8)), at("12:00"), None),
        ((time(12), time(14)), at("13:00"), at("14:00")),
        ((time(12), time(14)), at("14:00"), None),
        ((time(12), time(14)), at("11:59"), None),
        ((time(9), time(9)), at("09:00"), None),
        ((time(0), time(8)), at("00:00"), at("08:00")),
    ],
)
def test_quiet_hours_are_by_the_clock_on_the_wall(quiet, now, until):
    rules(quiet_from=quiet[0], quiet_until=quiet[1])
    patient = somebody_waiting().patient

    assert Telling(now).why_not(patient) == (until and (Why.QUIET, until))


def test_quiet_hours_over_a_clock_change_are_still_until_eight():
    patient = somebody_waiting().patient
    saturday = date(2026, 10, 31)
    sunday = saturday + timedelta(days=1)

    telling = Telling(at("19:00", saturday))

    assert Telling(at("22:00", saturday)).why_not(patient) == (
        Why.QUIET,
        at("08:00", sunday),
    )
    # An hour before, two from eight on; the night is an hour longer. Then the next day
    # on which somebody answers the phone.
    assert telling.answer_by(patient) == at("10:00", sunday + timedelta(days=1))


def test_an_offer_ends_on_a_day_on_which_somebody_answers_the_phone():
    patient = somebody_waiting().patient
    friday = date(2026, 11, 20)
    monday, tuesday = (friday + timedelta(days=n) for n in (3, 4))

    assert Telling(at("19:00", friday)).answer_by(patient) == at("10:00", monday)
    # The day on which the clinic is closed is none, nor is Thanksgiving.
    factories.a_closure(start=at("00:00", monday), end=at("00:00", tuesday))
    assert Telling(at("19:00", friday)).answer_by(patient) == at("10:00", tuesday)
    thursday = Telling(at("19:00", friday + timedelta(days=5)))
    assert thursday.answer_by(patient) == at("10:00", friday + timedelta(days=7))


def test_a_clinic_without_opening_hours_offers_to_all_alike():
    patient = factories.patient_details(email="")
    factories.a_clinician()
    visit_type = factories.a_visit_type(takes=[factories.CLINICIAN])
    visit = somebody_waiting(visit_type, patient=patient)

    assert Telling(NOW).why_not(visit.patient) is None
    assert Telling(NOW).answer_by(visit.patient) == NOW + 3 * HOUR


# --- Several at once -------------------------------------------------------------


def test_in_batches_the_same_time_is_offered_to_several_and_held_for_none():
    rules(batch=2)
    visit_type = a_full_week()
    visits = [somebody_waiting(visit_type) for _ in range(3)]
    sets_free(half_an_hour("10:00"))

    assert [why(visit) for visit in visits] == [Why.NEXT, Why.NEXT, Why.OTHERS_FIRST]
    assert offer_free_times(NOW) == "Offers made: 2."

    assert status_of(*visits) == ["proposed", "proposed", "waitlist"]
    assert [held_by(visit) for visit in visits] == [[], [], []]
    assert why(visits[2]) == Why.OTHERS_FIRST
    with nothing_written():
        offer_free_times(NOW + MINUTE)
    assert faults() == []


def test_in_batches_the_first_has_it_and_the_third_is_not_told_of_it():
    rules(batch=2)
    visit_type = a_full_week()
    slow, quick, third = (somebody_waiting(visit_type) for _ in range(3))
    sets_free(half_an_hour("10:00"))
    offer_free_times(NOW)
    offer = factories.offered(quick)

    workflow.take(quick.pk, offer.pk, by=PATIENT, now=NOW + HOUR)
    offer_free_times(NOW + HOUR)

    assert status_of(slow, quick, third) == ["waitlist", "booked", "waitlist"]
    assert messages_of(slow)[-1] == ("offer_ended", "email")
    assert messages_of(third) == [("on_list", "email")]
    assert faults() == []


def test_in_batches_the_next_are_told_when_the_first_did_not_want_it():
    rules(batch=2)
    visit_type = a_full_week()
    visits = [somebody_waiting(visit_type) for _ in range(3)]
    sets_free(half_an_hour("10:00"))
    offer_free_times(NOW)

    workflow.pass_(visits[0].pk, by=PATIENT, now=NOW)
    offer_free_times(NOW)

    assert status_of(*visits) == ["waitlist", "proposed", "proposed"]


def test_in_batches_two_kinds_that_take_the_same_people_are_one_time():
    rules(batch=2)
    visit_type = a_full_week()
    other = factories.a_visit_type(horizon=5)
    visits = [somebody_waiting(kind) for kind in (visit_type, other, visit_type, other)]
    sets_free(half_an_hour("10:00"))

    said = [Why.NEXT, Why.NEXT, Why.OTHERS_FIRST, Why.OTHERS_FIRST]
    assert [why(visit) for visit in visits] == said
    assert offer_free_times(NOW) == "Offers made: 2."

    assert status_of(*visits) == ["proposed", "proposed", "waitlist", "waitlist"]
    with nothing_written():
        offer_free_times(NOW + MINUTE)
    assert [why(visit) for visit in visits[2:]] == [Why.OTHERS_FIRST] * 2


def test_in_batches_what_two_can_have_at_once_is_told_to_twice_as_many():
    rules(batch=2)
    visit_type = a_full_week(clinicians=2, rooms=2)
    visits = [somebody_waiting(visit_type) for _ in range(5)]
    sets_free(half_an_hour("10:00"))

    assert offer_free_times(NOW) == "Offers made: 4."

    assert status_of(*visits) == ["proposed"] * 4 + ["waitlist"]
    with nothing_written():
        offer_free_times(NOW + MINUTE)
    assert why(visits[4]) == Why.OTHERS_FIRST


def test_a_time_that_somebody_else_asked_for_is_told_to_be_gone():
    rules(batch=3)
    visit_type = a_full_week()
    visits = [somebody_waiting(visit_type) for _ in range(2)]
    sets_free(half_an_hour("10:00"))
    offer_free_times(NOW)
    a_request(visit_type, at("10:00"))

    assert waiting_list.lapse_and_expire(NOW + MINUTE) == "Offers and wishes ended: 2."

    for visit in visits:
        assert visit.events.get(version=3).reason == "gone"


# --- Lapsing and expiring --------------------------------------------------------


def test_what_is_over_ends_and_what_is_not_stays():
    visit_type = a_full_week()
    gone = somebody_waiting(visit_type, a_wish(latest=TUESDAY))
    stays = somebody_waiting(visit_type, a_wish(latest=WEDNESDAY))
    booked = booked_on_thursday(visit_type)
    morning = at("08:00", WEDNESDAY)

    waiting_list.lapse_and_expire(morning)

    assert status_of(gone, stays, booked) == ["cancelled", "waitlist", "booked"]
    assert places_of(booked) == [("", 0)]
    waiting_list.lapse_and_expire(at("10:00", THURSDAY))
    assert places_of(booked) == [("expired", 0)]
    assert status_of(booked) == ["booked"]


def test_who_is_offered_a_time_until_the_last_day_first_has_the_offer_ended():
    visit_type = a_full_week()
    visit = somebody_waiting(visit_type, a_wish(latest=TUESDAY))
    sets_free(half_an_hour("10:00"))
    offer_free_times(NOW)

    waiting_list.lapse_and_expire(at("08:00", WEDNESDAY))

    acts = [act for _, act, *_ in events_of(visit)]
    assert acts == ["join", "offer", "lapse", "expire"]
    assert status_of(visit) == ["cancelled"]


def test_an_offer_whose_time_was_closed_is_told_to_be_gone():
    visit = an_offer(somebody_waiting(a_practice()), at("10:00"))
    factories.a_closure(at("09:00"), at("12:00"))

    waiting_list.lapse_and_expire(NOW)

    assert visit.events.get(version=3).reason == "gone"


def test_two_workers_that_look_at_once_do_it_once(monkeypatch: pytest.MonkeyPatch):
    visit_type = a_full_week()
    visit = somebody_waiting(visit_type)
    sets_free(half_an_hour("10:00"))
    slow = waiting_list._List(NOW)
    offer_free_times(NOW)

    monkeypatch.setattr(waiting_list, "_List", lambda now: slow)
    with nothing_written():
        assert offer_free_times(NOW) == ""

    assert places_of(visit) == [("", 1)]


def test_who_took_an_offer_since_the_list_was_read_is_offered_nothing(
    monkeypatch: pytest.MonkeyPatch,
):
    visit = somebody_waiting(a_practice())
    offered = workflow.offer

    def slower(pk: int, starts: list[datetime], **more: Any) -> Appointment:
        monkeypatch.setattr(workflow, "offer", offered)
        offer_free_times(NOW)
        workflow.take(visit.pk, visit.proposals.get().pk, by=PATIENT, now=NOW)
        # What this worker had read to be next, as others had an offer, too.
        return offered(pk, [at("15:00")], **more)

    monkeypatch.setattr(workflow, "offer", slower)
    assert offer_free_times(NOW) == ""

    assert [event[1] for event in events_of(visit)] == ["join", "offer", "take"]
    assert faults() == []


def test_a_lost_race_passes_one_over_and_not_the_others(
    monkeypatch: pytest.MonkeyPatch,
):
    visit_type = a_full_week()
    first, second = (somebody_waiting(visit_type) for _ in range(2))
    sets_free((at("10:00"), at("11:00")))
    slow = waiting_list._List(NOW)
    assert slow.free(first)
    workflow.leave(first.pk, by=PATIENT, now=NOW)

    monkeypatch.setattr(waiting_list, "_List", lambda now: slow)
    offer_free_times(NOW)

    assert status_of(first, second) == ["cancelled", "proposed"]


# --- What people see -------------------------------------------------------------


def test_everybody_has_a_number_and_a_reason():
    visit_type = a_full_week()
    offered, nxt, late, never = (somebody_waiting(visit_type) for _ in range(4))
    WaitingListEntry.objects.filter(appointment=never).update(offers_made=5)
    sets_free(half_an_hour("10:00"))
    offer_free_times(NOW)
    sets_free(half_an_hour("11:00"))

    found = waiting_list.places(NOW)

    assert [(p.visit, p.number, p.why) for p in found] == [
        (offered, 1, Why.HAS_OFFER),
        (nxt, 2, Why.NEXT),
        (late, 3, Why.OTHERS_FIRST),
        (never, 4, Why.MOST_OFFERS),
    ]
    assert (found[0].until, found[0].offers) == (
        NOW + 3 * HOUR,
        [factories.offered(offered)],
    )
    assert found[1].start == at("11:00")


def test_a_time_is_next_for_one_of_two_kinds_that_take_the_same_people():
    visit_type = a_full_week()
    first = somebody_waiting(visit_type, now=NOW - 2 * HOUR)
    other = factories.a_visit_type(horizon=5)
    second = somebody_waiting(other, now=NOW - HOUR)
    sets_free(half_an_hour("10:00"))

    assert [(p.visit, p.why, p.start) for p in waiting_list.places(NOW)] == [
        (first, Why.NEXT, at("10:00")),
        (second, Why.OTHERS_FIRST, None),
    ]
    assert offer_free_times(NOW) == "Offers made: 1."
    assert status_of(first, second) == ["proposed", "waitlist"]


def test_what_two_can_have_at_once_is_next_for_both_as_it_is_offered():
    visit_type = a_full_week(clinicians=2, rooms=2)
    visits = [somebody_waiting(visit_type) for _ in range(3)]
    sets_free(half_an_hour("10:00"))

    assert [why(visit) for visit in visits] == [Why.NEXT, Why.NEXT, Why.OTHERS_FIRST]
    assert offer_free_times(NOW) == "Offers made: 2."
    assert status_of(*visits) == ["proposed", "proposed", "waitlist"]


def test_people_before_are_those_who_wait_longer_for_the_same():
    visit_type = a_full_week()
    other_type = factories.a_visit_type()
    for _ in range(2):
        somebody_waiting(visit_type)
    somebody_waiting(other_type)
    workflow.leave(somebody_waiting(visit_type).pk, by=PATIENT, now=NOW)
    visit = somebody_waiting(visit_type)
    somebody_waiting(visit_type)

    assert before(visit) == 2


# --- Cost ------------------------------------------------------------------------


def queries(look: Callable[[], object]) -> int:
    """Count them for a process that has read what is set up."""
    Practice.read()
    with CaptureQueriesContext(connection) as captured:
        look()
    return len(captured)


def test_reading_the_list_costs_the_same_for_one_and_for_twenty():
    visit_type = a_full_week()
    somebody_waiting(visit_type)
    sets_free(half_an_hour("10:00"))
    one = queries(lambda: waiting_list.places(NOW))
    for n in range(19):
        visit = somebody_waiting(visit_type)
        if n % 2:
            an_offer(visit, at("10:00"), kept=False)

    assert queries(lambda: waiting_list.places(NOW)) == one
    idle = queries(lambda: waiting_list.lapse_and_expire(NOW))
    offered = Appointment.objects.filter(status="proposed").first()
    workflow.pass_(offered.pk, by=PATIENT, now=NOW)
    assert queries(lambda: waiting_list.lapse_and_expire(NOW)) == idle


def test_an_empty_list_costs_a_query_or_two():
    a_practice()

    assert queries(lambda: offer_free_times(NOW)) == 1
    assert queries(lambda: waiting_list.lapse_and_expire(NOW)) == 2
    assert not AppointmentEvent.objects.exists()
