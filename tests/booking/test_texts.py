"""Texts: to whom agreed, of reminders alone, never in quiet hours, none after STOP."""

import hmac
import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings
from time_machine import Traveller

from booking import delivery, integrity, reminders, texting, workflow
from booking.models import (
    Appointment,
    Message,
    Patient,
    TextConsent,
    TextStop,
    VisitType,
    WaitingListRules,
    may_text,
)
from booking.views import suppliers
from booking.workflow import PATIENT
from clinic_site.urls import urlpatterns as others
from tests import factories
from tests.factories import FRIDAY, NOW, THURSDAY, at

from .road import PLAIN, Browser

pytestmark = pytest.mark.django_db

SECRET = "t" * 24
NUMBER = "+12125550199"
WORDS = "You may send reminders of my visit"
urlpatterns = [path("texts/received/", suppliers.text_received), *others]


@pytest.fixture(autouse=True)
def with_texts(settings: Settings, tmp_path: Path) -> None:
    settings.ROOT_URLCONF = __name__
    settings.TEXT_BACKEND = "booking.texting.to_file"
    settings.TEXT_FOLDER = tmp_path
    settings.TEXT_SECRET = SECRET


def a_visit(*, texts: str = WORDS, **patient: str) -> Appointment:
    return factories.a_booked_visit(
        None, at("10:00", FRIDAY), texts=texts, address="192.0.2.7",
        patient=factories.patient_details(**patient),
    )  # fmt: skip


def remind(clock: Traveller, wall: str = "10:00") -> None:
    now = at(wall, THURSDAY)
    clock.move_to(now)
    reminders.owe_due(now)
    while delivery.deliver_next():
        pass


def carried(folder: Path) -> list[dict[str, str]]:
    return [json.loads(file.read_text()) for file in sorted(folder.iterdir())]


def receive(words: str, number: str = NUMBER, secret: str = SECRET) -> HttpResponse:
    body = json.dumps({"from": number, "text": words})
    proof = hmac.new(secret.encode(), body.encode(), sha256).hexdigest()
    return Client(enforce_csrf_checks=True).post(
        "/texts/received/", body, content_type="application/json",
        headers={"X-Signature": proof},
    )  # fmt: skip


# --- To whom ------------------------------------------------------------------------


def test_who_ticks_the_box_agrees_to_the_words_beside_it(
    clock: Traveller, visit_type: VisitType
):
    patient = Browser(clock, visit_type)
    page = patient.fill_in(until="contact").content.decode()
    assert 'name="texts"' in page
    assert "checked" not in page.partition('name="texts"')[2].partition(">")[0]
    patient.answer("contact", **PLAIN["contact"], texts="on")
    for step in ("help", "payment", "payment-details"):
        patient.answer(step, **PLAIN[step])
    assert "Reminders as text messages" in patient.get("/book/check/").text
    assert patient.send().status_code == 302
    consent = TextConsent.objects.get()
    assert consent.wording.startswith(WORDS)
    assert "I do not have to agree to get care." in consent.wording
    assert (consent.address, len(consent.version)) == ("192.0.2.1", 16)
    assert may_text(Patient.objects.get())


def test_who_leaves_the_box_alone_has_agreed_to_nothing(
    clock: Traveller, visit_type: VisitType
):
    patient = Browser(clock, visit_type)
    patient.fill_in()
    patient.send()
    assert not TextConsent.objects.exists()
    assert not may_text(Patient.objects.get())


def test_without_a_backend_nobody_is_asked(
    clock: Traveller, visit_type: VisitType, settings: Settings
):
    settings.TEXT_BACKEND = ""
    page = Browser(clock, visit_type).fill_in(until="contact").content.decode()
    assert 'name="texts"' not in page


# --- What goes out --------------------------------------------------------------------


def test_a_reminder_goes_by_mail_and_as_a_bare_text(clock: Traveller, tmp_path: Path):
    visit = a_visit()
    remind(clock)
    [text] = carried(tmp_path)
    assert (text["to"], text["words"]) == (
        NUMBER,
        "Demo Clinic: your appointment is Fri, Nov 20, 10:00 AM."
        " Reply STOP to end texts.",
    )
    kinds = Message.objects.filter(kind="reminder_soon", sent_at__isnull=False)
    assert sorted(m.channel for m in kinds) == ["email", "text"]
    assert visit.messages.filter(channel="text").count() == 1
    assert integrity.faults(at("10:01", THURSDAY)) == []


def test_who_has_no_mail_gets_the_text_alone(clock: Traveller, tmp_path: Path):
    visit = a_visit(email="")
    remind(clock)
    assert len(carried(tmp_path)) == 1
    reminded = visit.messages.filter(kind="reminder_soon")
    assert [m.channel for m in reminded] == ["text"]


def test_nothing_else_goes_as_a_text(clock: Traveller, tmp_path: Path):
    visit = a_visit()
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    while delivery.deliver_next():
        pass
    assert carried(tmp_path) == []


def test_a_text_waits_for_the_quiet_hours_to_end(clock: Traveller, tmp_path: Path):
    visit = a_visit()
    workflow.remind(visit.pk, now=at("10:00", THURSDAY))
    clock.move_to(at("20:00", THURSDAY))
    while delivery.deliver_next():
        pass
    assert carried(tmp_path) == []
    assert WaitingListRules.current().is_quiet(at("20:00", THURSDAY))
    clock.move_to(at("08:00", FRIDAY))
    assert delivery.deliver_next()
    assert len(carried(tmp_path)) == 1


def test_a_text_that_is_no_longer_true_is_not_sent(clock: Traveller, tmp_path: Path):
    visit = a_visit()
    workflow.remind(visit.pk, now=at("10:00", THURSDAY))
    workflow.cancel(visit.pk, by=PATIENT, now=at("10:01", THURSDAY))
    clock.move_to(at("10:02", THURSDAY))
    while delivery.deliver_next():
        pass
    assert carried(tmp_path) == []


# --- Stop -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "means"),
    [
        *[(word, True) for word in (
            "STOP", "stop.", "Quit", "END", "Revoke", "OPT OUT", "opt-out", "Cancel",
            "UNSUBSCRIBE", "ALTO", "¡Alto!", "Parar", "please stop", "stop texting me",
        )],
        *[(word, False) for word in (
            "", "yes", "Can I cancel my visit?", "the end of the week", "Stopped by",
        )],
    ],
)  # fmt: skip
def test_what_means_stop(words: str, means: bool):
    assert texting.means_stop(words) is means


def test_who_says_stop_gets_one_answer_and_no_more_texts(
    clock: Traveller, tmp_path: Path
):
    visit = a_visit()
    workflow.remind(visit.pk, now=at("10:00", THURSDAY))  # and it still waits
    clock.move_to(at("10:01", THURSDAY))
    assert receive("STOP").json() == {
        "reply": "Demo Clinic: you get no more texts from us. Your appointment stays as"
        " it is. To cancel it, call (212) 555-0143."
    }
    assert receive("STOP").json() == {}
    while delivery.deliver_next():
        pass
    assert carried(tmp_path) == []
    assert visit.messages.get(kind="reminder_soon", channel="email").sent_at
    assert not may_text(visit.patient)
    stop = TextStop.objects.get()
    assert (stop.purpose, stop.user) == ("all", None)
    assert NUMBER not in stop.number_index


def test_who_ticks_the_box_again_is_sent_texts_again(clock: Traveller):
    receive("STOP")
    clock.shift(timedelta(minutes=1))
    visit = factories.a_request(None, texts=WORDS, now=NOW + timedelta(minutes=1))
    assert may_text(visit.patient)
    assert receive("ALTO").json()
    assert not may_text(visit.patient)


def test_staff_who_are_told_so_stop_the_texts_too(desk: Client):
    visit = a_visit()
    record = f"/admin/booking/patient/{visit.patient_id}/"
    wanted = "They want no more text messages"
    assert wanted in desk.get(record).text
    for _ in range(2):
        page = desk.post(f"{record}texts/", follow=True).text
        assert "No more text messages go to this number." in page
    assert wanted not in page
    assert TextStop.objects.get().user_id == int(desk.session["_auth_user_id"])
    assert not may_text(visit.patient)


@pytest.mark.parametrize(
    ("given", "status"),
    [({"secret": "wrong"}, 403), ({"words": "hello"}, 200), ({"number": ""}, 200)],
)
def test_what_is_not_signed_or_no_stop_changes_nothing(
    given: dict[str, Any], status: int
):
    answer = receive(**{"words": "STOP"} | given)
    assert answer.status_code == status
    assert not TextStop.objects.exists()


def test_without_a_backend_there_is_no_such_address(settings: Settings):
    settings.ROOT_URLCONF = "clinic_site.urls"
    assert receive("STOP").status_code == 404
