"""A patient asks for a time."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking import workflow
from booking.errors import (
    DifferentRequest,
    NotAllowed,
    TimeNotOffered,
    TimeTaken,
    TooMany,
)
from booking.models import (
    Appointment,
    Practice,
    PreparationText,
    Reservation,
    Resource,
    VisitType,
)
from booking.policy import Status
from booking.workflow import PATIENT, SYSTEM, Answer, By, NewRequest
from tests import factories
from tests.factories import NOW, a_new_request, a_practice, a_request, at
from tests.records import (
    choices_of,
    events_of,
    held_by,
    messages_of,
    nothing_written,
    spans,
)

pytestmark = pytest.mark.django_db


def ask(asked: NewRequest, *, by: By = PATIENT, hold_key: str = "") -> Appointment:
    return workflow.request(asked, key=uuid.uuid4(), by=by, now=NOW, hold_key=hold_key)


def clinician_and_room() -> list[int]:
    kinds = [factories.CLINICIAN, factories.ROOM]
    return [Resource.objects.get(kind=kind).pk for kind in kinds]


def test_a_request_is_a_row_an_event_a_held_time_and_a_message():
    visit_type = a_practice(buffer_before=5, buffer_after=10)

    visit = a_request(visit_type, at("10:00"))

    visit.refresh_from_db()
    assert (visit.status, visit.version, visit.start) == (Status.PENDING, 1, None)
    assert (visit.requested_at, visit.reply_by) == (NOW, at("17:00", factories.MONDAY))
    assert events_of(visit) == [(1, "request", "", "pending", "patient")]
    assert held_by(visit) == [
        (resource, at("09:55"), at("10:40")) for resource in clinician_and_room()
    ]
    assert messages_of(visit) == [("received", "email")]


def test_the_first_choice_is_held_until_the_answer_is_due():
    visit = a_request()

    held = visit.reservations.values_list("expires_at", "proposal__rank")
    assert list(held) == [(visit.reply_by, 1)] * 2


def test_a_visit_type_may_hold_nothing_for_a_request():
    visit = a_request(a_practice(holds_first_choice=False))

    assert choices_of(visit) == [(at("10:00"), "open")]
    assert held_by(visit) == []


def test_three_choices_are_kept_in_order_and_the_first_is_held():
    wanted = [at("14:00"), at("10:00"), at("11:30", factories.FRIDAY)]

    visit = a_request(a_practice(), *wanted)

    assert choices_of(visit) == [(start, "open") for start in wanted]
    assert {start for _, start, _ in held_by(visit)} == {at("14:00")}


def test_what_was_answered_is_kept_as_it_was_worded():
    answers = [
        Answer("thinner", "Do you take blood thinners?", "yes", "blood thinner"),
        Answer("allergy", "Are you allergic to lidocaine?", "no", "allergy"),
        Answer("pregnant", "Could you be pregnant?", "not_sure", "pregnancy"),
    ]

    visit = a_request(answers=answers)

    kept = visit.answers.values_list("code", "question", "answer", "flag")
    assert list(kept) == [(a.code, a.question, a.answer, a.flag) for a in answers]
    assert visit.flags == ["blood thinner", "pregnancy"]


def test_staff_ask_for_a_caller_and_the_event_names_them():
    desk = factories.a_front_desk_person()

    visit = ask(a_new_request(a_practice()), by=desk)

    event = visit.events.get()
    assert (event.actor, event.user) == ("staff", desk.user)


def test_somebody_without_an_address_is_to_be_called():
    patient = factories.patient_details(email="", contact_by="phone")

    visit = a_request(patient=patient)

    assert messages_of(visit) == [("received", "phone")]


# --- Asked twice -----------------------------------------------------------------


def test_sending_the_form_twice_makes_one_request():
    asked, key = a_new_request(a_practice()), uuid.uuid4()
    first = workflow.request(asked, key=key, by=PATIENT, now=NOW)

    with nothing_written():
        later = NOW + timedelta(minutes=5)
        second = workflow.request(asked, key=key, by=PATIENT, now=later)

    assert second == first


def test_sending_the_form_again_after_the_answer_shows_the_answer():
    asked, key = a_new_request(a_practice()), uuid.uuid4()
    visit = workflow.request(asked, key=key, by=PATIENT, now=NOW)
    desk = factories.a_front_desk_person()
    workflow.accept(visit.pk, factories.choice(visit).pk, by=desk, now=NOW)

    again = workflow.request(asked, key=key, by=PATIENT, now=NOW)

    assert (again, again.status) == (visit, Status.BOOKED)


@pytest.mark.parametrize(
    "changed",
    [
        {"choices": (at("11:00"),)},
        {"payer": "self_pay"},
        {"patient": factories.patient_details(given_name="Sam")},
        {"answers": [Answer("thinner", "Blood thinners?", "yes", "blood thinner")]},
        {"requested_by_name": "Robin Example"},
        {"has_referral": True},
        {"texts": {"appointment": "You may text me."}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_the_same_form_with_other_answers_is_refused(changed):
    visit_type, key = a_practice(), uuid.uuid4()
    first = workflow.request(a_new_request(visit_type), key=key, by=PATIENT, now=NOW)
    asked = a_new_request(visit_type, *changed.pop("choices", ()), **changed)

    with nothing_written(), pytest.raises(DifferentRequest) as refusal:
        workflow.request(asked, key=key, by=PATIENT, now=NOW)

    assert refusal.value.params == {"reference": first.reference}


def test_the_same_form_for_another_clinician_is_refused():
    visit_type, key = a_practice(clinicians=2), uuid.uuid4()
    for_one, for_another = (
        a_new_request(visit_type, clinician=person)
        for person in Resource.objects.filter(kind=Resource.Kind.CLINICIAN)
    )
    workflow.request(for_one, key=key, by=PATIENT, now=NOW)

    with nothing_written(), pytest.raises(DifferentRequest):
        workflow.request(for_another, key=key, by=PATIENT, now=NOW)


# --- Refused ---------------------------------------------------------------------


def test_a_time_that_somebody_else_asked_for_is_taken():
    visit_type = a_practice()
    a_request(visit_type, at("10:00"))

    with nothing_written(), pytest.raises(TimeTaken) as refusal:
        a_request(visit_type, at("10:00"))

    assert (refusal.value.code, refusal.value.params["rank"]) == ("time_taken", 1)


def test_the_refusal_names_the_choice_that_cannot_be_had():
    visit_type = a_practice()
    a_request(visit_type, at("10:00"))

    with nothing_written(), pytest.raises(TimeTaken) as refusal:
        a_request(visit_type, at("14:00"), at("10:00"))

    assert refusal.value.params["rank"] == 2


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (at("08:30", factories.MONDAY), "past"),
        (at("10:00", factories.MONDAY), "too_soon"),
        (at("10:10"), "outside_hours"),
        (at("08:30"), "outside_hours"),
        (at("17:00"), "outside_hours"),
        (at("10:00") + timedelta(days=100), "beyond_horizon"),
    ],
    ids=["past", "too soon", "off the grid", "before", "after", "too far"],
)
def test_a_time_that_was_never_shown_is_not_offered(start, why):
    visit_type = a_practice()

    with nothing_written(), pytest.raises(TimeNotOffered) as refusal:
        a_request(visit_type, start)

    assert refusal.value.params["reason"].why == why


def test_the_buffers_keep_neighbours_apart_and_no_further():
    visit_type = a_practice(buffer_before=15, buffer_after=15)
    a_request(visit_type, at("10:00"))

    with pytest.raises(TimeTaken):
        a_request(visit_type, at("10:30"))
    visit = a_request(visit_type, at("11:00"))

    assert held_by(visit)[0][1:] == (at("10:45"), at("11:45"))


def test_the_system_itself_asks_for_nothing():
    visit_type = a_practice()

    with nothing_written(), pytest.raises(NotAllowed):
        ask(a_new_request(visit_type), by=SYSTEM)


# --- Who and what ----------------------------------------------------------------


def test_with_two_clinicians_two_patients_get_the_same_time():
    visit_type = a_practice(clinicians=2, rooms=2)
    first, second = (a_request(visit_type, at("10:00")) for _ in range(2))

    with pytest.raises(TimeTaken):
        a_request(visit_type, at("10:00"))

    resources = [{resource for resource, *_ in held_by(v)} for v in (first, second)]
    assert resources[0] & resources[1] == set()
    assert resources[0] | resources[1] == set(
        Resource.objects.values_list("pk", flat=True)
    )


def test_one_room_for_two_clinicians_is_one_visit_at_a_time():
    visit_type = a_practice(clinicians=2, rooms=1)
    a_request(visit_type, at("10:00"))

    with pytest.raises(TimeTaken) as refusal:
        a_request(visit_type, at("10:00"))

    reason = refusal.value.params["reason"]
    assert (reason.why, reason.detail) == ("in_use", "room")


def test_asking_for_a_clinician_gets_that_clinician_or_nobody():
    visit_type = a_practice(clinicians=2, rooms=2)
    wanted = Resource.objects.filter(kind=factories.CLINICIAN).last()

    visit = a_request(visit_type, at("10:00"), clinician=wanted)
    with nothing_written(), pytest.raises(TimeTaken):
        a_request(visit_type, at("10:00"), clinician=wanted)

    assert visit.wanted_clinician == wanted
    assert wanted.pk in {resource for resource, *_ in held_by(visit)}


def test_a_test_takes_a_clinician_a_room_and_the_machine():
    visit_type = a_practice(clinicians=2, rooms=2, takes=tuple(Resource.Kind))
    machine = factories.a_machine()
    visit = a_request(visit_type, at("10:00"))

    with pytest.raises(TimeTaken) as refusal:
        a_request(visit_type, at("10:00"))

    assert len(held_by(visit)) == 3
    assert refusal.value.params["reason"].detail == "machine"
    assert spans(machine.reservations.all()) == [(machine.pk, at("10:00"), at("10:30"))]


def test_a_first_choice_that_nobody_answered_in_time_can_be_asked_for():
    visit_type = a_practice()
    late = a_request(visit_type, at("10:00", factories.THURSDAY))

    now = late.reply_by
    visit = a_request(visit_type, at("10:00", factories.THURSDAY), now=now)

    assert held_by(late) == []
    assert choices_of(late) == [(at("10:00", factories.THURSDAY), "open")]
    assert len(held_by(visit)) == 2


# --- The reply promise -----------------------------------------------------------


def test_a_request_on_friday_evening_is_answered_on_monday():
    visit_type = a_practice(reply_promise=4 * 60)

    due = workflow.reply_promise(visit_type, at("18:30", factories.FRIDAY))

    assert due == at("13:00", factories.FRIDAY + timedelta(days=3))


def test_a_promise_goes_on_where_the_day_before_left_it():
    visit_type = a_practice(reply_promise=4 * 60)

    due = workflow.reply_promise(visit_type, at("15:00", factories.FRIDAY))

    assert due == at("11:00", factories.FRIDAY + timedelta(days=3))


def test_a_closed_day_does_not_count_for_the_promise():
    visit_type = a_practice(reply_promise=4 * 60)
    factories.a_closure(
        at("00:00", factories.TUESDAY), at("00:00", factories.WEDNESDAY)
    )

    due = workflow.reply_promise(visit_type, at("15:00", factories.MONDAY))

    assert due == at("11:00", factories.WEDNESDAY)


def test_the_leave_of_one_clinician_does_not_delay_the_answer():
    visit_type = a_practice(reply_promise=4 * 60)
    factories.a_closure(
        at("00:00", factories.TUESDAY),
        at("00:00", factories.WEDNESDAY),
        of=Resource.objects.get(kind=factories.CLINICIAN),
    )

    due = workflow.reply_promise(visit_type, at("15:00", factories.MONDAY))

    assert due == at("11:00", factories.TUESDAY)


def test_without_opening_hours_there_is_still_a_date_to_tell():
    factories.a_clinician()
    visit_type = factories.a_visit_type(takes=[factories.CLINICIAN], reply_promise=60)

    assert workflow.reply_promise(visit_type, NOW) == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("by_staff", "closed", "day"),
    [
        (False, factories.TUESDAY, factories.MONDAY + timedelta(days=7)),
        # Before the answer is due, and long before the closure that puts it off.
        (True, factories.THURSDAY, factories.TUESDAY),
    ],
)
def test_what_is_promised_is_what_was_shown_before(by_staff, closed, day):
    visit_type = a_practice(reply_promise=28 * 60)
    factories.a_closure(at("00:00", closed), at("00:00", closed + timedelta(days=1)))
    by = factories.a_front_desk_person() if by_staff else PATIENT
    shown = workflow.reply_promise(visit_type, NOW)

    visit = ask(a_new_request(visit_type, at("10:00", day)), by=by)

    assert visit.reply_by == shown == at("13:00", factories.FRIDAY)


def test_what_is_done_along_with_a_request_is_done_for_a_repeat_too():
    asked, done, key = a_new_request(a_practice()), [], uuid.uuid4()

    for _ in range(2):
        visit = workflow.request(asked, key=key, by=PATIENT, now=NOW, also=done.append)

    assert done == [visit, visit]


def test_what_cannot_be_done_along_with_a_request_takes_it_back():
    asked = a_new_request(a_practice())

    def fail(visit: Appointment) -> None:
        raise TooMany

    with nothing_written(), pytest.raises(TooMany):
        workflow.request(asked, key=uuid.uuid4(), by=PATIENT, now=NOW, also=fail)


# --- Cost ------------------------------------------------------------------------


def test_a_request_costs_as_much_in_a_full_diary_as_in_an_empty_one():
    visit_type = a_practice()
    PreparationText.of(visit_type.service, "en")  # which the first request writes down
    Practice.read()  # and what is set up is read by the first

    def queries(wall_time: str) -> int:
        fresh = VisitType.objects.get(pk=visit_type.pk)
        with CaptureQueriesContext(connection) as captured:
            a_request(fresh, at(wall_time))
        return len(captured)

    empty = queries("10:00")
    for hour in range(11, 16):
        a_request(visit_type, at(f"{hour}:00"))
    full = queries("16:00")

    assert Reservation.objects.count() == 14
    assert full == empty
