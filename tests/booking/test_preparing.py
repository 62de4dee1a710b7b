"""Getting ready: what patients were shown, what is true now, and what to bring."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

from booking import integrity, preparing, workflow
from booking.models import Appointment, PreparationText
from booking.workflow import PATIENT, Answer
from services.models import Clinic, Service, Translation
from tests import factories
from tests.booking.test_status_page import open_link, words
from tests.factories import NOW, at
from tests.records import nothing_written

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

PAGE = "/appointment/preparing/"
OLD = "- **Eat** as usual.\n- Wear loose clothes."
NEW = "- **Eat** as usual.\n- Bring the card of your device."


@pytest.fixture
def visit_type():
    visit_type = factories.a_practice()
    say(OLD)
    visit_type.service.refresh_from_db()
    return visit_type


def say(text: str) -> None:
    Service.objects.update(preparation=text)


def translate(service: Service, text: str) -> None:
    Translation.objects.create(
        model="service", row=service.pk, language="es", texts={"preparation": text},
        of_digest=service.english_digest(),
        reviewed_by="Ana Example", reviewed_on=NOW.date(),
    )  # fmt: skip


def read(visit: Appointment) -> Appointment:
    return Appointment.objects.get(pk=visit.pk)


def page_of(client: Client, visit: Appointment, path: str = PAGE) -> str:
    open_link(client, visit)
    return words(client.get(path))


# --- The wording that was shown ---


def test_every_road_to_a_visit_keeps_the_wording_and_each_wording_once(visit_type):
    desk = factories.a_front_desk_person()
    asked = factories.a_request(visit_type)
    booked = factories.a_booked_visit(visit_type, at("11:00"))
    starts, key = [at("11:00"), at("11:00", factories.WEDNESDAY)], uuid.uuid4()
    series = workflow.book_series(booked.pk, starts, by=desk, now=NOW, key=key)
    shown = PreparationText.objects.get()
    assert (shown.text, shown.language) == (OLD, "en")
    assert {v.preparation for v in (asked, booked, *series)} == {shown}
    say(NEW)
    visit_type.service.refresh_from_db()
    later = factories.a_request(visit_type, at("15:00"))
    assert later.preparation != shown


def test_a_text_that_stays_as_it_was_needs_no_note(visit_type):
    visit = factories.a_request(visit_type)
    assert preparing.ready(read(visit)) == preparing.Ready(OLD)


def test_a_text_that_changed_is_shown_as_it_is_now_and_says_what_is_new(visit_type):
    visit = factories.a_request(visit_type)
    say(NEW)
    ready = preparing.ready(read(visit))
    assert (ready.changed, ready.text, ready.before) == (True, NEW, OLD)
    assert ready.new == "- Bring the card of your device."
    assert ready.gone == "- Wear loose clothes."


def test_a_line_of_a_block_is_not_taken_out_of_it(visit_type):
    visit = factories.a_request(visit_type)
    say(f"{OLD}\n\n::: dont\n- Eat.\n:::")
    ready = preparing.ready(read(visit))
    assert (ready.changed, ready.new, ready.gone) == (True, "", "")


def test_a_first_text_is_new_and_one_taken_back_is_gone(visit_type):
    visit = factories.a_request(visit_type)
    say("")
    assert preparing.ready(read(visit)).gone == OLD
    late = factories.a_request(
        Appointment.objects.get(pk=visit.pk).visit_type, at("15:00")
    )
    say(NEW)
    assert preparing.ready(read(late)).new == NEW


def test_a_caller_is_kept_the_words_of_their_language_and_not_of_the_desk(visit_type):
    translate(visit_type.service, "- **Coma** como siempre.")
    spanish = factories.patient_details(message_language="es")
    visit = factories.a_booked_visit(visit_type, patient=spanish)
    starts = [at("10:00"), at("11:00", factories.WEDNESDAY)]
    desk = factories.a_front_desk_person()
    visits = workflow.book_series(visit.pk, starts, by=desk, now=NOW, key=uuid.uuid4())
    for kept in (each.preparation for each in visits):
        assert (kept.language, kept.text) == ("es", "- **Coma** como siempre.")
    with override("es"):
        assert not preparing.ready(read(visit)).changed


def test_of_words_in_another_language_only_that_they_changed_is_said(visit_type):
    translate(visit_type.service, "- **Coma** como siempre.")
    spanish = factories.patient_details(message_language="es")
    visit = factories.a_request(visit_type, patient=spanish)
    assert not preparing.ready(read(visit)).changed
    say(NEW)
    ready = preparing.ready(read(visit))
    assert (ready.changed, ready.new, ready.gone) == (True, "", "")


def test_a_visit_of_the_time_before_wordings_were_kept_has_the_text(visit_type):
    visit = factories.a_request(visit_type)
    Appointment.objects.filter(pk=visit.pk).update(preparation=None)
    say(NEW)
    assert preparing.ready(read(visit)) == preparing.Ready(NEW)


def test_a_wording_that_was_tampered_with_is_a_fault(visit_type):
    factories.a_request(visit_type)
    assert integrity.faults(NOW) == []
    PreparationText.objects.update(text="Stop all medicines.")
    assert [fault.code for fault in integrity.faults(NOW)] == ["shown_text_changed"]


# --- The page -------------------------------------------------------------------------


def test_all_there_is_to_know_is_on_one_page(client: Client, visit_type):
    Clinic.objects.update(getting_here="By *subway*.", step_free_access="A ramp.")
    answers = [
        Answer("thinner", "Do you take a blood thinner?", "yes", "Xyflag", "Keep on."),
        Answer("fever", "Xyquestion", "no", "Xyflag", "Xyadvice"),
    ]
    patient = factories.patient_details(needs_interpreter=True, language="Spanish")
    visit = factories.a_booked_visit(
        visit_type, answers=answers, payer="insurance", patient=patient
    )
    open_link(client, visit)
    with nothing_written():
        page = words(client.get(PAGE))
    for said in (
        "Getting ready for your visit",
        "How long 30 minutes",
        "Because of your answers Do you take a blood thinner? Yes Keep on.",
        "Eat as usual.",
        "Your insurance card.",
        "You do not have to bring anybody to interpret.",
        "By subway.",
        "A ramp.",
        "(212) 555-0143",
    ):
        assert said in page
    for hidden in (
        "Xyquestion",
        "Xyflag",
        "Xyadvice",
        "Spanish",
        "Pat",
        "not booked",
        "under 18",
    ):
        assert hidden not in page


def test_a_request_is_said_not_to_be_booked_and_the_status_page_leads_there(
    client: Client, visit_type
):
    visit = factories.a_request(visit_type)
    assert "It is not booked yet." in page_of(client, visit)
    assert f'href="{PAGE}"' in client.get("/appointment/").content.decode()


def test_who_is_under_age_is_told_to_ask_who_comes_along(client: Client, visit_type):
    patient = factories.patient_details(birth_date_text="2008-11-18")
    visit = factories.a_booked_visit(visit_type, patient=patient)
    assert "The patient is under 18." in page_of(client, visit)
    assert not preparing.is_under_age(
        factories.a_booked_visit(
            visit_type, at("10:00", factories.WEDNESDAY), patient=patient
        ),
        NOW,
    )


def test_patient_and_staff_read_what_changed(desk: Client, client: Client, visit_type):
    visit = factories.a_booked_visit(visit_type)
    say(NEW)
    for path in (PAGE, "/appointment/"):
        page = page_of(client, visit, path)
        assert "This text has changed since you asked for the visit." in page
        assert "New: Bring the card of your device. We no longer say: Wear" in page
    page = words(desk.get(f"/admin/booking/appointment/{visit.pk}/change/"))
    assert "What it said when the patient asked Eat as usual. Wear loose" in page


def test_no_text_is_said_in_words(client: Client, visit_type):
    say("")
    visit_type.service.refresh_from_db()
    assert "There is nothing special to do" in page_of(
        client, factories.a_booked_visit(visit_type)
    )


def test_a_visit_that_will_not_be_has_nothing_to_get_ready(client: Client, visit_type):
    visit = factories.a_request(visit_type)
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    open_link(client, visit)
    response: Any = client.get(PAGE)
    assert (response.status_code, response["Location"]) == (302, "/appointment/")
