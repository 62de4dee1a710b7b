"""Visits that nobody gets online without a referral, or at all: by phone only."""

import uuid
from typing import Any

import pytest

from booking import integrity, picker, workflow
from booking.availability import Reason, Why
from booking.errors import DifferentRequest, TimeNotOffered
from booking.models import Appointment, VisitType
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

from .road import Browser, text_of

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

    assert picker.why(Reason(why, detail)).endswith(".")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"needs_referral": True}, "This visit needs a referral."),
        ({"by_phone_only": True}, "This visit is booked by phone."),
    ],
)
def test_the_page_of_times_says_why_there_are_none(
    patient: Browser, visit_type: VisitType, values: dict[str, bool], words: str
):
    VisitType.objects.filter(pk=visit_type.pk).update(**values)

    page = patient.fill_in(until="times")

    assert page.status_code == 200
    assert words in text_of(page)
