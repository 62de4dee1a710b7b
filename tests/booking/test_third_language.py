"""A third language, from right to left: a setting and rows alone, and no code."""

import re
from collections.abc import Iterator
from io import BytesIO

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.utils.translation import override
from pypdf import PdfReader

from booking import letter, links, spoken, workflow
from booking.models import Appointment, VisitType
from services import languages, translation
from services.models import Clinic, Clinician, Translation
from tests import factories
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "arabic")]

NAME, READY, GETTING_HERE = "حقن نقاط الزناد", "ارتدِ ملابس فضفاضة.", "بالمترو."
TUESDAY = "الثلاثاء"
NOTE = "Parts of this page are in English"


@pytest.fixture
def arabic() -> Iterator[None]:
    with override_settings(LANGUAGES=[*settings.LANGUAGES, ("ar", "العربيّة")]):
        yield


@pytest.fixture
def visit_type() -> VisitType:
    factories.a_clinic(is_demo=False, getting_here="By subway.", step_free_access="Yes")
    visit_type = factories.a_practice()
    service = visit_type.service
    service.preparation = "Wear loose clothes."
    service.save()
    translation.make_room()
    translate("service", service.pk, name=NAME, preparation=READY)
    translate("clinic", Clinic.objects.get().pk, getting_here=GETTING_HERE)
    return visit_type


def translate(kind: str, pk: int, **texts: str) -> None:
    """Fill in the row that was made for it, as a person who has reviewed it does."""
    row = Translation.objects.get(language="ar", model=kind, row=pk)
    english, _standing = translation.stands(row)
    row.texts, row.of_digest = texts, english.english_digest()
    row.reviewed_by, row.reviewed_on = "Ana Example", NOW.date()
    row.save()


def page_of(client: Client, path: str) -> str:
    """Return a page after what it is in every case: Arabic, and two others offered."""
    html = client.get(path).content.decode()
    assert '<html lang="ar" dir="rtl">' in html
    assert re.findall(r'lang="(\w+)"(?: hreflang="\w+")?><bdi>', html) == ["en", "es"]
    return " ".join(html.split())


def a_visit(visit_type: VisitType) -> Appointment:
    patient = factories.patient_details(message_language="ar")
    return factories.a_booked_visit(visit_type, patient=patient)


def test_a_page_shows_its_rows_and_marks_what_is_english(client: Client, visit_type):
    page = page_of(client, f"/ar{visit_type.service.get_absolute_url()}")
    for said in (NAME, READY, NOTE):
        assert said in page
    summary = visit_type.service.summary
    assert f'<span lang="en" dir="ltr">{summary}</span>' in page
    page = page_of(client, "/ar/visit-us/")
    assert GETTING_HERE in page
    assert '<div lang="en" dir="ltr"><p>Yes</p>' in page


def test_times_are_offered_by_their_days(client: Client, visit_type):
    client.post("/ar/book/", {"emergency": "none"})
    client.post("/ar/book/visit/", {"visit": visit_type.code})
    page = page_of(client, "/ar/book/times/")
    assert TUESDAY in page
    assert "10:00 ص" in page
    assert f'{NAME}, <span lang="en" dir="ltr">new patient</span>' in page


def test_whom_an_offer_is_with_is_said_in_it(client: Client, visit_type):
    asked = factories.a_request(visit_type)
    desk, times = factories.a_front_desk_person(), [factories.at("15:00")]
    visit = workflow.offer(
        asked.pk, times, by=desk, now=NOW, expires_at=factories.at("17:00")
    )
    clinician = Clinician.objects.get()
    translate("clinician", clinician.pk, profession="طبيبة")
    token = links.issue(visit, now=NOW)
    page = client.get(f"/ar/appointments/{token}/", follow=True).content.decode()
    assert f"{clinician.name}, طبيبة" in page


def test_a_visit_speaks_it_to_its_patient(client: Client, visit_type):
    visit = a_visit(visit_type)
    assert (visit.preparation.language, visit.preparation.text) == ("ar", READY)
    message = visit.messages.get(kind="confirmed")
    assert '<html lang="ar" dir="rtl">' in message.html
    assert f"{TUESDAY}, نوفمبر 17, 10:00 ص" in message.text
    assert "/ar/appointments/" in message.text
    # Without the marks, "0143-555 (212)" is what is read between Arabic words.
    assert "\u2066(212) 555-0143\u2069" in message.text
    assert "\u2066" not in message.subject

    page = client.get(f"/ar/appointments/{links.issue(visit, now=NOW)}/", follow=True)
    assert page.request["PATH_INFO"] == "/ar/appointment/"
    assert TUESDAY in page.content.decode()
    page = page_of(client, "/ar/appointment/preparing/")
    assert f"<p>{READY}</p>" in page
    assert "This text has changed" not in page


def test_its_letter_is_tagged_as_it(visit_type):
    visit = a_visit(visit_type)
    with override("ar"):
        spoken.say(visit)
        made = letter.make(visit, NOW, pdf_standards="ua-1")
    assert PdfReader(BytesIO(made)).root_object["/Lang"] == "ar"


def test_a_number_is_marked_only_where_it_would_be_turned_around(visit_type):
    for code, _name in settings.LANGUAGES:
        with override(code):
            said = languages.left_to_right("(212) 555-0143")
        assert said.startswith("\u2066") == (code == "ar")
