"""Visits that nobody gets online without a referral, or at all: by phone only."""

import uuid
from typing import Any

import pytest

from booking import integrity, reasons, words, workflow
from booking.availability import Reason, Why
from booking.errors import DifferentRequest, TimeNotOffered
from booking.models import Appointment, Reservation, VisitType
from booking.templatetags.booking_tags import next_free_times
from booking.workflow import PATIENT, By
from tests import factories
from tests.factories import (
    FRIDAY,
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

from .road import PLAIN, Browser, a_question, text_of

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


def needing_a_referral(visit_type: VisitType) -> None:
    VisitType.objects.filter(pk=visit_type.pk).update(needs_referral=True)


def chosen(patient: Browser) -> Any:
    """Choose the visit; return where that leads."""
    patient.begin()
    return patient.answer("visit", visit=patient.visit_type.code)


def test_only_who_needs_a_referral_is_asked_for_one(
    patient: Browser, visit_type: VisitType
):
    assert chosen(patient).url == "/book/times/"
    assert patient.get("/book/referral/").status_code == 302
    needing_a_referral(visit_type)

    assert chosen(patient).url == "/book/referral/"
    page = patient.get("/book/referral/")
    assert "Do you have a referral for this visit?" in text_of(page)
    for later in ("times", "other-times", "waiting-list"):
        assert patient.get(f"/book/{later}/").url == "/book/referral/"


def test_nothing_chosen_is_asked_again(patient: Browser, visit_type: VisitType):
    needing_a_referral(visit_type)
    chosen(patient)

    page = patient.answer("referral")

    assert page.status_code == 422
    assert "Choose yes or no." in text_of(page)


def test_who_has_a_referral_chooses_a_time_and_sends(
    patient: Browser, visit_type: VisitType
):
    needing_a_referral(visit_type)
    chosen(patient)
    assert patient.answer("referral", referral="yes").url == "/book/times/"
    assert patient.choose(at("10:00")).url == "/book/other-times/"
    patient.answer("other-times")
    for step, answers in PLAIN.items():
        patient.answer(step, **answers)

    assert "Referral for this visit Yes" in text_of(patient.get("/book/check/"))
    assert patient.send().url == "/book/sent/"
    assert Appointment.objects.get().has_referral


def test_who_is_asked_for_a_referral_before_the_times_is_not_asked_again(
    patient: Browser, visit_type: VisitType
):
    for code in ("referral", "thinner"):
        a_question(visit_type, code)
    assert asks_before_the_visit(patient) == ["referral", "thinner"]
    needing_a_referral(visit_type)
    assert asks_before_the_visit(patient) == ["thinner"]


def asks_before_the_visit(patient: Browser) -> list[str]:
    """Return what the page of questions asks of who has a referral."""
    chosen(patient)
    patient.answer("referral", referral="yes")
    patient.choose(at("10:00"))
    patient.answer("other-times")
    patient.answer("about", **PLAIN["about"])
    return [q.code for q in patient.get("/book/questions/").context["form"].questions]


def test_who_has_none_reads_why_and_what_to_do(patient: Browser, visit_type: VisitType):
    needing_a_referral(visit_type)
    chosen(patient)
    assert patient.answer("referral", referral="no").url == "/book/times/"

    page = patient.get("/book/times/")

    text = text_of(page)
    assert page.status_code == 200
    assert "This visit needs a referral. Ask the doctor or clinic that sends" in text
    assert "Call (212) 555-0143 We are there now, until 5:00 PM." in text
    assert 'href="/book/referral/"' in page.content.decode()
    assert 'href="/book/waiting-list/"' not in page.content.decode()
    assert patient.get("/book/waiting-list/").url == "/book/times/"
    assert patient.choose(at("10:00")).status_code == 409


def test_another_word_on_the_referral_gives_the_time_back(
    patient: Browser, visit_type: VisitType
):
    needing_a_referral(visit_type)
    chosen(patient)
    patient.answer("referral", referral="yes")
    patient.choose(at("10:00"))

    patient.answer("referral", referral="no")

    assert not Reservation.objects.exists()
    assert not patient.draft.answers.get("times")


def test_what_is_booked_by_phone_says_so_with_the_number_and_hours(
    patient: Browser, visit_type: VisitType
):
    VisitType.objects.filter(pk=visit_type.pk).update(
        by_phone_only=True, needs_referral=True
    )
    assert chosen(patient).url == "/book/times/"

    page = patient.get("/book/times/")

    text = text_of(page)
    assert "This visit is booked by phone. Call us, and we look for a time" in text
    assert "Call (212) 555-0143 We are there now, until 5:00 PM." in text
    assert "I do have a referral" not in text


def test_links_to_free_times_are_shown_though_a_referral_is_asked_for_on_the_way(
    visit_type: VisitType, clock: Any
):
    needing_a_referral(visit_type)

    assert len(next_free_times({}, visit_type.service)["times"]) == 3


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (at("16:59"), "We are there now, until 5:00 PM."),
        (at("08:00"), "We are there today from 9:00 AM."),
        (at("17:00"), "We are there again on Wednesday, November 18, 9:00 AM."),
        (at("17:00", FRIDAY), "We are there again on Monday, November 23, 9:00 AM."),
    ],
)
def test_who_has_to_call_reads_when_somebody_answers(now, said):
    factories.a_clinic()

    assert words.phone_hours(now).split() == said.split()


def test_a_closed_day_is_no_day_to_call():
    a_practice()
    factories.a_closure(at("00:00"), at("00:00", factories.WEDNESDAY))

    assert words.phone_hours(at("10:00")) == (
        "We are there again on Wednesday, November\xa018, 9:00\xa0AM."
    )


def test_without_opening_hours_nothing_is_said_of_them():
    assert words.phone_hours(NOW) == ""
