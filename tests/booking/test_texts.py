"""Texts: to who agreed, for that purpose, never in quiet hours, none after STOP."""

import hmac
import json
import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from smtplib import SMTPResponseException
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings
from time_machine import Traveller

from booking import closing, delivery, integrity, reminders, texting, workflow
from booking.models import (
    Appointment,
    Message,
    Patient,
    TextConsent,
    TextPurpose,
    TextStop,
    VisitType,
    WaitingListRules,
)
from booking.models.texting import number_index
from booking.views import suppliers
from booking.workflow import PATIENT, By
from clinic_site.urls import urlpatterns as others
from tests import factories
from tests.factories import FRIDAY, MONDAY, NOW, THURSDAY, TUESDAY, at

from .road import PLAIN, Browser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

SECRET = "t" * 24
NUMBER = "+12125550199"
QUESTION = "May we also send text messages to this number?"
REMINDERS, CHANGES, ALL = TextPurpose
ASKED = dict.fromkeys([REMINDERS, CHANGES], f"{QUESTION} Yes.")
urlpatterns = [path("texts/received/", suppliers.text_received), *others]


@pytest.fixture(autouse=True)
def with_texts(settings: Settings, tmp_path: Path) -> None:
    settings.ROOT_URLCONF = __name__
    settings.TEXT_BACKEND = "booking.texting.to_file"
    settings.TEXT_FOLDER = tmp_path
    settings.TEXT_SECRET = SECRET


def a_visit(*purposes: TextPurpose, **patient: str) -> Appointment:
    """Give a booked visit of who ticked the boxes; without any, that for reminders."""
    return factories.a_booked_visit(
        None, at("10:00", FRIDAY), address="192.0.2.7",
        texts={purpose: ASKED[purpose] for purpose in purposes or [REMINDERS]},
        patient=factories.patient_details(**patient),
    )  # fmt: skip


def deliver() -> None:
    while delivery.deliver_next():
        pass


def remind(clock: Traveller, wall: str = "10:00") -> None:
    now = at(wall, THURSDAY)
    clock.move_to(now)
    reminders.owe_due(now)
    deliver()


def carried(folder: Path) -> list[dict[str, str]]:
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
    return [json.loads(file.read_text()) for file in files]


def said(folder: Path) -> list[str]:
    """Return what the texts say, the first first, without how to end them."""
    texts = [text["words"] for text in carried(folder)]
    assert all(text.endswith("Reply STOP to end texts.") for text in texts)
    return [text.removesuffix(" Reply STOP to end texts.") for text in texts]


def receive(words: str, number: str = NUMBER, secret: str = SECRET) -> HttpResponse:
    body = json.dumps({"from": number, "text": words})
    proof = hmac.new(secret.encode(), body.encode(), sha256).hexdigest()
    return Client(enforce_csrf_checks=True).post(
        "/texts/received/", body, content_type="application/json",
        headers={"X-Signature": proof},
    )  # fmt: skip


# --- To whom ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ticked", "shown"),
    [
        ([REMINDERS], "You may send me reminders of my visit"),
        ([REMINDERS, CHANGES], "reminders of my visit; You may tell me when"),
    ],
)
def test_who_ticks_a_box_agrees_to_the_words_beside_it(
    clock: Traveller, visit_type: VisitType, ticked: list[str], shown: str
):
    patient = Browser(clock, visit_type)
    page = patient.fill_in(until="contact").content.decode()
    boxes = re.findall(r'<input[^>]*name="texts"[^>]*>', page)
    assert len(boxes) == 2
    assert not any("checked" in box for box in boxes)
    patient.answer("contact", **PLAIN["contact"], texts=ticked)
    for step in ("help", "payment", "payment-details"):
        patient.answer(step, **PLAIN[step])
    assert shown in patient.get("/book/check/").text
    assert patient.send().status_code == 302
    consents = TextConsent.objects.order_by("-purpose")
    assert [consent.purpose for consent in consents] == ticked
    for consent in consents:
        assert consent.wording.startswith(f"{QUESTION} You may ")
        assert "You do not have to agree to get care." in consent.wording
        assert (consent.address, len(consent.version)) == ("192.0.2.1", 16)
    assert texting.gets(Patient.objects.get()) == ticked


def test_who_leaves_the_box_alone_has_agreed_to_nothing(
    clock: Traveller, visit_type: VisitType
):
    patient = Browser(clock, visit_type)
    patient.fill_in()
    patient.send()
    assert not TextConsent.objects.exists()
    assert texting.gets(Patient.objects.get()) == []


def test_another_number_on_the_record_is_not_the_one_that_was_meant(
    clock: Traveller, tmp_path: Path
):
    visit = a_visit()
    workflow.remind(visit.pk, now=at("10:00", THURSDAY))
    visit.patient.phone = "+12125550188"
    visit.patient.save()
    clock.move_to(at("10:01", THURSDAY))
    deliver()
    assert texting.gets(visit.patient) == []
    assert carried(tmp_path) == []
    assert integrity.faults(at("10:02", THURSDAY)) == []


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
        "Reminder: your appointment at Demo Clinic is Fri, Nov 20, 10:00 AM."
        " Cannot come? Call (212) 555-0143. Reply STOP to end texts.",
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


def move(visit: Appointment, desk: By, wall: str) -> None:
    workflow.move(visit.pk, at(wall, FRIDAY), by=desk, now=NOW)
    deliver()


def offer(visit: Appointment, desk: By) -> None:
    workflow.want_earlier(visit.pk, factories.a_wish(), by=PATIENT, now=NOW)
    deliver()
    factories.an_offer(visit, at("10:00"), by=desk)


def cancel(visit: Appointment, by: By) -> None:
    workflow.cancel(visit.pk, by=by, now=NOW)


def close(visit: Appointment, desk: By) -> None:
    start, end = at("09:00", FRIDAY), at("12:00", FRIDAY)
    closing.tell(factories.a_closed_day(start, end, by=desk).due_at)


CONFIRMED = "Confirmed: your appointment at Demo Clinic is Fri, Nov 20, 10:00 AM."
CALL = " Cannot come? Call (212) 555-0143."


@pytest.mark.parametrize(
    ("act", "last"),
    [
        (lambda visit, desk: None, CONFIRMED + CALL),
        (
            lambda visit, desk: move(visit, desk, "15:00"),
            "Moved: your appointment at Demo Clinic is now Fri, Nov 20, 3:00 PM, no"
            " longer Fri, Nov 20, 10:00 AM." + CALL,
        ),
        (
            lambda visit, desk: [move(visit, desk, w) for w in ("15:00", "10:00")],
            "Moved: your appointment at Demo Clinic is now Fri, Nov 20, 10:00 AM, no"
            " longer Fri, Nov 20, 3:00 PM." + CALL,
        ),
        (
            cancel,
            "Cancelled: your appointment at Demo Clinic on Fri, Nov 20, 10:00 AM."
            " Please do not come. For another time, call (212) 555-0143.",
        ),
        (
            offer,
            "Still booked: your appointment at Demo Clinic on Fri, Nov 20, 10:00 AM. We"
            " can offer you another time. Open the link in our email, or call (212)"
            " 555-0143, by Mon, Nov 16, 11:00 AM.",
        ),
        (
            close,
            "Cancelled: your appointment at Demo Clinic on Fri, Nov 20, 10:00 AM."
            " Please do not come. We suggest another time. Open the link in our email,"
            " or call (212) 555-0143, by Wed, Nov 18, 9:10 AM.",
        ),
        (lambda visit, desk: cancel(visit, PATIENT), CONFIRMED + CALL),
    ],
    ids=["confirmed", "moved", "back", "cancelled", "offered", "closed", "by patient"],
)  # fmt: skip
def test_who_agreed_hears_of_changes_by_text_as_well(
    tmp_path: Path, clock: Traveller, act: Callable[[Appointment, By], Any], last: str
):
    desk = factories.a_front_desk_person()
    visit = a_visit(CHANGES)
    deliver()
    act(visit, desk)
    clock.shift(timedelta(minutes=30))  # what a closed day says waits some minutes
    deliver()
    texts = said(tmp_path)
    assert texts[0] == CONFIRMED + CALL
    assert texts[-1] == last
    mail = Message.objects.filter(channel="email", sent_at__isnull=False)
    assert mail.filter(kind=Message.objects.filter(channel="text").last().kind).exists()
    assert integrity.faults(at("10:00", MONDAY)) == []


def test_a_time_that_is_not_booked_yet_is_offered_as_that(tmp_path: Path):
    visit = factories.a_request(None, texts=ASKED)
    deliver()
    factories.an_offer(visit, at("16:00"), by=factories.a_front_desk_person())
    deliver()
    [text] = said(tmp_path)
    assert text.startswith("Not booked yet: Demo Clinic can offer you a time. Open the")


def test_each_purpose_is_agreed_to_by_itself(clock: Traveller, tmp_path: Path):
    a_visit(CHANGES)
    deliver()
    remind(clock)
    assert said(tmp_path) == [CONFIRMED + CALL]


def test_who_agreed_to_reminders_hears_of_nothing_else(tmp_path: Path):
    visit = a_visit(REMINDERS)
    workflow.cancel(visit.pk, by=factories.a_front_desk_person(), now=NOW)
    deliver()
    assert carried(tmp_path) == []


def test_a_text_goes_in_one_piece_in_spanish_too(tmp_path: Path):
    a_visit(CHANGES, message_language="es")
    deliver()
    [text] = carried(tmp_path)
    assert text["words"] == (
        "Confirmada: su cita en Demo Clinic es el vie 20 nov, 10:00 AM. ¿No puede"
        " venir? Llame al (212) 555-0143. Responda STOP o ALTO para dejar de recibir"
        " mensajes."
    )


def test_a_text_that_waits_keeps_no_mail_waiting(clock: Traveller, tmp_path: Path):
    visit = a_visit(CHANGES)
    clock.move_to(at("20:30", MONDAY))
    deliver()
    workflow.reset_links(
        visit.pk, by=factories.a_front_desk_person(), now=at("20:30", MONDAY)
    )
    deliver()
    assert visit.messages.get(kind="link").sent_at
    assert carried(tmp_path) == []
    assert delivery.staff_status(at("23:00", MONDAY)).waiting == 0
    assert integrity.faults(at("23:00", MONDAY)) == []
    clock.move_to(at("08:00", TUESDAY))
    deliver()
    assert said(tmp_path) == [CONFIRMED + CALL]


def test_the_desk_sees_that_a_text_waits_for_quiet_hours_to_end(desk: Client):
    rules = WaitingListRules.current()
    rules.quiet_from, rules.quiet_until = time(8), time(20)
    rules.save()
    a_visit(CHANGES)
    deliver()
    status = delivery.staff_status(NOW)
    assert (status.waiting, status.texts) == (0, 1)
    page = " ".join(desk.get("/admin/").text.split())
    assert "All mail has been sent. 1 text message waits. None goes out in" in page
    rules.quiet_from = time(20)
    rules.save()
    deliver()
    page = desk.get("/admin/").text
    assert "All messages have been sent." in page
    assert "text message" not in page


def test_a_text_that_fails_is_a_call_only_if_nothing_else_says_it(
    clock: Traveller, settings: Settings
):
    settings.TEXT_BACKEND = f"{__name__}.refuse"
    a_visit(CHANGES)
    deliver()
    assert not Message.objects.phone_these_people().exists()
    alone = a_visit(REMINDERS, email="")
    remind(clock)
    calls = Message.objects.phone_these_people().filter(channel="text")
    assert [call.appointment for call in calls] == [alone]


def refuse(to: str, words: str, key: str) -> None:
    raise SMTPResponseException(550, b"no such number")


def test_a_text_waits_for_the_quiet_hours_to_end(clock: Traveller, tmp_path: Path):
    visit = a_visit()
    workflow.remind(visit.pk, now=at("10:00", THURSDAY))
    clock.move_to(at("20:00", THURSDAY))
    deliver()
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
    deliver()
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
    deliver()
    assert carried(tmp_path) == []
    assert visit.messages.get(kind="reminder_soon", channel="email").sent_at
    assert texting.gets(visit.patient) == []
    stop = TextStop.objects.get()
    assert (stop.purpose, stop.user) == ("all", None)
    assert NUMBER not in stop.number_index


def test_nothing_is_sent_that_was_written_as_the_stop_came(
    clock: Traveller, tmp_path: Path
):
    visit = a_visit(REMINDERS, CHANGES)
    TextStop.objects.create(
        number_index=number_index(NUMBER), purpose=ALL, at=NOW + timedelta(seconds=1)
    )
    deliver()
    assert carried(tmp_path) == []
    text = visit.messages.get(channel="text")
    assert (text.overtaken_at, text.failed_at) == (NOW, None)


def test_where_stop_ends_one_purpose_stopall_ends_the_rest(
    clock: Traveller, settings: Settings
):
    settings.TEXT_STOP_BY_PURPOSE = True
    visit = a_visit(REMINDERS, CHANGES)
    deliver()
    assert "no more texts about changes" in receive("STOP").json()["reply"]
    assert texting.gets(visit.patient) == [REMINDERS]
    assert "no more texts from us" in receive("StopAll").json()["reply"]
    assert texting.gets(visit.patient) == []


def test_who_says_start_is_sent_texts_again(clock: Traveller):
    visit = a_visit(REMINDERS)
    assert receive("START").json() == {}
    receive("STOP")
    assert receive("START").json()["reply"].startswith("Demo Clinic: you get texts")
    assert texting.gets(visit.patient) == [REMINDERS]
    assert receive("start").json() == {}
    assert receive("START", "+12125550188").json() == {}


@pytest.mark.parametrize(
    ("word", "answer"),
    [("HELP", "For help, call (212) 555-0143."), ("Ayuda", "Si necesita ayuda")],
)
def test_who_asks_for_help_is_told_who_we_are(word: str, answer: str):
    factories.a_practice()
    assert answer in receive(word, "+12125550188").json()["reply"]
    assert not TextStop.objects.exists()


def test_who_ticks_the_box_again_is_sent_texts_again(clock: Traveller):
    receive("STOP")
    clock.shift(timedelta(minutes=1))
    visit = factories.a_request(None, texts=ASKED, now=NOW + timedelta(minutes=1))
    assert texting.gets(visit.patient) == [REMINDERS, CHANGES]
    assert receive("ALTO").json()
    assert texting.gets(visit.patient) == []


def test_staff_who_are_told_so_stop_the_texts_too(desk: Client):
    visit = a_visit(REMINDERS, CHANGES)
    record = f"/admin/booking/patient/{visit.patient_id}/"
    agreed, button = "as agreed: reminders of visits", "They told us that they want"
    assert agreed in (page := desk.get(record).text)
    assert button in page
    desk.post(f"{record}texts/", {"purpose": "reminders"})
    assert texting.gets(visit.patient) == [CHANGES]
    for _ in range(2):
        page = desk.post(f"{record}texts/", {"purpose": "all"}, follow=True).text
        assert "No more text messages go to this number." in page
    assert button not in page
    users = TextStop.objects.values_list("purpose", "user")
    me = int(desk.session["_auth_user_id"])
    assert list(users) == [("reminders", me), ("all", me)]
    assert texting.gets(visit.patient) == []


def test_staff_note_a_no_where_nobody_agreed_to_any(desk: Client):
    visit = factories.a_request()
    record = f"/admin/booking/patient/{visit.patient_id}/"
    assert "They told us that they want none" in desk.get(record).text
    desk.post(f"{record}texts/", {"purpose": "all"})
    assert TextStop.objects.of(NUMBER).get().purpose == "all"
    page = desk.post(f"{record}texts/", {"purpose": "odd"}, follow=True).text
    assert "Choose which texts" in page


def test_staff_note_a_no_of_a_number_that_is_on_no_record(
    desk: Client, clock: Traveller
):
    page = "/admin/booking/texts/"
    nobody = desk.post("/admin/booking/appointment/find/", {"wanted": "646 555 0123"})
    assert f'href="{page}"' in desk.get(nobody["Location"]).text
    said = {"phone": "646 555 0123", "purpose": "all"}
    assert "Choose how we know." in (again := desk.post(page, said).text)
    assert 'value="646 555 0123"' in again
    for _ in range(2):
        answer = desk.post(page, said | {"heard_by": "stranger"}, follow=True)
        assert "No more text messages go to this number." in answer.text
        assert "0123" not in answer.text
    stop = TextStop.objects.get()
    me = int(desk.session["_auth_user_id"])
    assert (stop.purpose, stop.user_id, stop.heard_by) == ("all", me, "stranger")

    # A box that is ticked later counts again, until the next no.
    clock.shift(timedelta(minutes=1))
    asked = factories.a_request(
        texts=ASKED, now=NOW + timedelta(minutes=1),
        patient=factories.patient_details(phone="+16465550123"),
    )  # fmt: skip
    assert texting.gets(asked.patient) == [REMINDERS, CHANGES]
    desk.post(page, said | {"purpose": "changes", "heard_by": "phone"})
    assert texting.gets(asked.patient) == [REMINDERS]


# --- What the check finds -----------------------------------------------------------


def codes(now: datetime = NOW) -> list[str]:
    return [fault.code for fault in integrity.faults(now)]


def test_a_text_without_consent_is_a_fault():
    a_visit(CHANGES)
    deliver()
    TextConsent.objects.update(purpose=REMINDERS)
    assert codes() == ["text_without_consent"]
    Message.objects.update(emptied_at=NOW)
    assert codes() == []


@pytest.mark.parametrize(
    ("purpose", "before", "ended", "found"),
    [
        (ALL, 200, None, True), (CHANGES, 200, None, True), (ALL, 60, None, False),
        (REMINDERS, 200, None, False), (ALL, 200, NOW, False),
    ],
)  # fmt: skip
def test_a_text_after_a_stop_is_a_fault(
    purpose: TextPurpose, before: int, ended: datetime | None, found: bool
):
    a_visit(CHANGES)
    TextConsent.objects.update(at=NOW - timedelta(hours=1))
    deliver()
    TextStop.objects.create(
        number_index=number_index(NUMBER), purpose=purpose, ended_at=ended,
        at=NOW - timedelta(seconds=before),
    )  # fmt: skip
    assert codes() == ["text_after_stop"] * found


def test_a_text_that_nobody_gives_up_is_a_fault():
    visit = a_visit(CHANGES)
    while delivery.deliver_next():
        pass
    Message.objects.filter(channel="text").update(sent_at=None, attempts=0)
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    later = at("11:00", MONDAY)
    assert "text_for_nothing" in codes(later)
    assert "text_for_nothing" not in codes(at("23:00", MONDAY))


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
