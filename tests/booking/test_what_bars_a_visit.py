"""Visits that nobody gets online without a referral, or at all: by phone only."""

import uuid
from typing import Any

import pytest

from booking import integrity, reasons, workflow
from booking.availability import Reason, Why
from booking.errors import DifferentRequest, TimeNotOffered
from booking.models import Appointment, Reservation, VisitType
from booking.workflow import PATIENT, By
from tests import factories
from tests.factories import (
    NOW,
    TUESDAY,
    a_front_desk_person,
    a_new_request,
    a_practice,
    a_request,
    at,
    choice,
)
from tests.records import nothing_written

from .road import PLAIN, Browser, text_of

pytestmark = pytest.mark.django_db


def tuesday(visit_type: VisitType, **who: Any) -> Why | None:
    [day] = visit_type.availability(TUESDAY, TUESDAY, now=NOW, **who)
    return day.reason and day.reason.why


def ask(visit_type: VisitType, by: By = PATIENT, **values: Any) -> Appointment:
    asked = a_new_request(visit_type, **values)
    return workflow.request(asked, key=uuid.uuid4(), by=by, now=NOW)


def test_without_the_referral_that_it_needs_a_visit_has_no_times():
    visit_type = a_practice(needs_referral=True)

    assert tuesday(visit_type) == Why.NEEDS_REFERRAL
    assert tuesday(visit_type, has_referral=True) is None
    assert tuesday(visit_type, by_staff=True) is None


def test_a_visit_by_phone_has_no_times_for_anybody_but_staff():
    visit_type = a_practice(needs_referral=True, by_phone_only=True)

    assert tuesday(visit_type, has_referral=True) == Why.CALL_US
    assert tuesday(visit_type, by_staff=True) is None


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"needs_referral": True}, Why.NEEDS_REFERRAL),
        ({"by_phone_only": True}, Why.CALL_US),
    ],
)
def test_a_patient_neither_holds_nor_asks_for_what_is_barred(values, why):
    visit_type = a_practice(**values)

    for act in (
        lambda: workflow.hold(visit_type, at("10:00"), key="mine", now=NOW),
        lambda: ask(visit_type),
    ):
        with nothing_written(), pytest.raises(TimeNotOffered) as refusal:
            act()
        assert refusal.value.params["reason"] == Reason(why)


def test_a_patient_with_a_referral_holds_asks_and_is_booked():
    visit_type = a_practice(needs_referral=True)
    workflow.hold(visit_type, at("10:00"), key="mine", now=NOW, has_referral=True)
    asked = a_new_request(visit_type, has_referral=True)

    visit = workflow.request(
        asked, key=uuid.uuid4(), by=PATIENT, now=NOW, hold_key="mine"
    )
    workflow.accept(visit.pk, choice(visit).pk, by=a_front_desk_person(), now=NOW)

    assert Appointment.objects.get().has_referral
    assert integrity.faults(NOW) == []


def test_who_was_not_asked_has_not_said_that_there_is_a_referral():
    assert not a_request().has_referral


@pytest.mark.parametrize("bars", ["needs_referral", "by_phone_only"])
def test_staff_ask_for_a_caller_and_accept_what_is_barred_online(bars):
    visit_type = a_practice(**{bars: True})
    desk = a_front_desk_person()

    visit = ask(visit_type, desk)
    workflow.accept(visit.pk, choice(visit).pk, by=desk, now=NOW)

    assert visit.reservations.count() == 2


def test_staff_ask_for_a_caller_sooner_than_is_offered_online():
    visit_type = a_practice(lead_time=3 * 24 * 60)

    with nothing_written(), pytest.raises(TimeNotOffered):
        ask(visit_type)
    assert ask(visit_type, a_front_desk_person()).reservations.count() == 2


def test_the_same_form_with_another_word_on_the_referral_is_another_request():
    visit_type, key = a_practice(), uuid.uuid4()
    workflow.request(a_new_request(visit_type), key=key, by=PATIENT, now=NOW)
    changed = a_new_request(visit_type, has_referral=True)

    with nothing_written(), pytest.raises(DifferentRequest):
        workflow.request(changed, key=key, by=PATIENT, now=NOW)


# --- What patients read ------------------------------------------------------------


@pytest.mark.parametrize("why", Why)
def test_every_reason_has_words(why):
    detail = {Why.CLOSED: "Training day", Why.IN_USE: factories.MACHINE}.get(why, "")

    reason = Reason(why, detail)
    assert reasons.of_day(reason).endswith(".")
    assert reasons.of_time(reason).endswith(".")
    assert reasons.for_staff(reason)
    assert reasons.for_staff_now(reason)


def test_a_visit_by_phone_says_so_and_when_somebody_answers(
    patient: Browser, visit_type: VisitType
):
    VisitType.objects.filter(pk=visit_type.pk).update(by_phone_only=True)

    page = text_of(patient.fill_in(until="times"))

    assert "This visit is booked by phone. Call us" in page
    assert "(212) 555-0143 Open today, 9:00 AM to 5:00 PM" in page
    assert "waiting list" not in page
    assert patient.get("/book/referral/").url == "/book/times/"
    refused = patient.choose(at("10:00"))
    assert refused.status_code == 409
    assert "This visit is booked by phone." in text_of(refused)


# --- The question that only such a visit brings ------------------------------------


@pytest.fixture
def needs_one(visit_type: VisitType) -> None:
    VisitType.objects.filter(pk=visit_type.pk).update(needs_referral=True)


def choose_the_visit(patient: Browser) -> str:
    patient.begin()
    return patient.answer("visit", visit=patient.visit_type.code).url


def test_nobody_is_asked_for_a_referral_that_is_not_needed(patient: Browser):
    assert choose_the_visit(patient) == "/book/times/"
    assert patient.get("/book/referral/").url == "/book/times/"


@pytest.mark.usefixtures("needs_one")
def test_with_a_referral_the_road_goes_on_and_staff_read_of_it(patient: Browser):
    assert choose_the_visit(patient) == "/book/referral/"
    assert patient.get("/book/times/").url == "/book/referral/"
    wrong = patient.answer("referral")
    assert wrong.status_code == 422
    assert "Choose whether you have a referral." in text_of(wrong)

    assert patient.answer("referral", referral="yes").url == "/book/times/"
    patient.choose(at("10:00"))
    patient.answer("other-times")
    for step, answers in PLAIN.items():
        patient.answer(step, **answers)
    assert "Referral Yes" in text_of(patient.get("/book/check/"))
    assert patient.send().url == "/book/sent/"
    assert Appointment.objects.get().has_referral


@pytest.mark.usefixtures("needs_one")
def test_without_one_the_page_says_what_to_do(patient: Browser):
    choose_the_visit(patient)
    assert patient.answer("referral", referral="no").url == "/book/times/"

    page = patient.get("/book/times/")

    assert "This visit needs a referral. Ask the doctor" in text_of(page)
    assert "Open today, 9:00 AM to 5:00 PM" in text_of(page)
    assert 'href="/book/referral/"' in page.text
    assert "waiting list" not in text_of(page)
    assert patient.get("/book/waiting-list/").url == "/book/times/"
    assert "This visit needs a referral." in text_of(patient.choose(at("10:00")))


@pytest.mark.usefixtures("needs_one")
def test_who_takes_the_yes_back_gives_the_time_back(patient: Browser):
    choose_the_visit(patient)
    patient.answer("referral", referral="yes")
    patient.choose(at("10:00"))
    assert Reservation.objects.exists()

    assert patient.answer("referral", referral="no").url == "/book/times/"

    assert not Reservation.objects.exists()
