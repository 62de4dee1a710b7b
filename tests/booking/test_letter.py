"""A letter in large print: what stands in it, what it says to a reader, who made it."""

from io import BytesIO

import pytest
from django.test import Client
from django.utils.translation import override
from pypdf import PdfReader

from booking import letter, spoken, workflow
from booking.letter import Block, Run
from booking.models import Appointment, AuditEvent
from booking.workflow import PATIENT, Answer
from services.models import Clinic, Service, Translation
from services.templatetags.content import markdown
from tests import factories
from tests.booking.desk import text_of
from tests.factories import NOW, at
from tests.records import nothing_written

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

UNREACHED = {"email": "", "contact_by": "phone"}


def a_letter(visit: Appointment) -> str:
    """Return the words of the letter; PDF/UA-1 refuses what could not be read aloud."""
    made = letter.make(visit, NOW, pdf_standards="ua-1")
    pages = (page.extract_text() for page in PdfReader(BytesIO(made)).pages)
    return " ".join(" ".join(pages).split())


def test_a_letter_says_all_that_the_page_says():
    visit_type = factories.a_practice()
    Service.objects.update(preparation="- **Eat** as usual.\n- Come *rested*.")
    visit_type.service.refresh_from_db()
    visit_type.service.facts.create(label="Come again", value="After a month")
    visit = factories.a_booked_visit(
        visit_type,
        patient=factories.patient_details(
            given_name="Íñigo", family_name="Peña #1", **UNREACHED
        ),
        answers=[Answer("thinner", "Thinner?", "yes", "Xyflag", "Do not stop it.")],
        payer="insurance",
    )
    Clinic.objects.update(getting_here="By *subway*.", step_free_access="A ramp.")
    words = a_letter(visit)
    for said in (
        "Íñigo Peña #1",
        "Your appointment is confirmed",
        "When: Tuesday, November 17, 10:00 AM",
        "How long: 30 minutes",
        "Where: Demo Clinic",
        f"Your reference: {visit.reference}",
        "Because of your answers Thinner? Yes Do not stop it.",
        "How to get ready • Eat as usual. • Come rested.",
        "At a glance • Come again: After a month",
        "Papers to bring",
        "Your insurance card.",
        "Who comes with you Would you like to bring somebody",
        "Getting here By subway. Step-free access A ramp.",
        "November 16, 2026 1 / 2",
        "Call us at (212) 555-0143",
        "call 911",
    ):
        assert said in words
    assert "Xy" not in words


def test_a_letter_in_spanish_says_what_is_left_in_english():
    visit_type = factories.a_practice()
    Service.objects.update(preparation="Eat as usual.")
    visit_type.service.facts.create(label="Come again", value="After a month")
    visit = factories.a_booked_visit(visit_type)
    resource = visit.reservations.get(resource__kind=factories.CLINICIAN).resource
    Translation.objects.create(
        model="clinician", row=resource.clinician.pk, language="es",
        texts={"profession": "médica"}, reviewed_by="Ana Example",
        reviewed_on=NOW.date(), of_digest=resource.clinician.english_digest(),
    )  # fmt: skip
    Service.objects.update(preparation="Eat well.")
    with override("es"):
        visit = Appointment.objects.get(pk=visit.pk)
        spoken.say(visit)
        said = letter.content(visit, NOW)
        made = letter.make(visit, NOW, pdf_standards="ua-1")
    ready = said["parts"][0]["blocks"]
    assert [block["is_english"] for block in ready] == [False, True]
    assert said["parts"][1]["heading"] == "De un vistazo"
    assert said["parts"][1]["blocks"][0]["is_english"]
    assert said["lines"][-1].startswith("Partes de esta carta están en inglés")
    assert {"label": "Con", "value": f"{resource.name}, médica"} in said["facts"]
    assert said["date"] == "16 de noviembre de 2026"
    assert (said["language"], made[:4]) == ("es", b"%PDF")


def test_what_shows_through_the_window_is_a_name_alone():
    visit = factories.a_booked_visit(
        patient=factories.patient_details(given_name="María", **UNREACHED)
    )
    assert a_letter(visit).startswith("María Example Your appointment is confirmed")


def test_who_is_spoken_with_for_the_patient_is_named_below_the_name():
    visit = factories.a_booked_visit(
        requested_by_name="Ann Example",
        requested_by_relation="parent",
        requested_by_is_contact=True,
    )
    assert a_letter(visit).startswith("Pat Example c/o Ann Example Your appointment")


def test_it_is_tagged_in_its_language_and_large():
    made = letter.make(factories.a_booked_visit(), NOW)
    reader = PdfReader(BytesIO(made))
    root = reader.root_object
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"]) == ("en", True)
    assert reader.metadata is not None
    assert reader.metadata.title == "Letter about your visit"
    sizes: set[float] = set()

    def note(text: str, _cm: object, matrix: list[float], _font: object, size: float):
        if text.strip():
            sizes.add(round(size * abs(matrix[3])))

    reader.pages[0].extract_text(visitor_text=note)
    assert min(sizes) >= 18


def test_a_name_in_any_script_makes_a_letter():
    details = factories.patient_details(given_name="小明", family_name="王")
    visit = factories.a_booked_visit(patient=details)
    assert letter.make(visit, NOW).startswith(b"%PDF")


def test_a_request_is_said_not_to_be_booked():
    words = a_letter(factories.a_request(None, at("10:00"), at("11:00")))
    assert "Request received, not booked yet" in words
    assert "It is not an appointment until we confirm it. We answer by" in words
    assert "10:00 AM Tuesday, November 17, 11:00 AM" in words


def test_of_a_visit_that_will_not_be_there_is_nothing_to_get_ready():
    visit_type = factories.a_practice()
    Service.objects.update(preparation="Eat as usual.")
    visit = factories.a_booked_visit(visit_type)
    visit = workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    words = a_letter(visit)
    assert "You cancelled this appointment Please do not come." in words
    assert "How to get ready" not in words


def test_markdown_becomes_paragraphs_and_lists_without_html():
    text = "## Ready\n\nEat <b>as</b>\nusual.\n\n- One\n  - **Two**"
    assert letter.read(text) == [
        Block("text", [Run("Ready")]),
        Block("text", [Run("Eat "), Run("as"), Run(" "), Run("usual.")]),
        Block("item", [Run("One")]),
        Block("item", [Run("Two", strong=True)]),
    ]


def test_what_not_to_do_is_told_from_what_to_do_without_colour():
    text = "::: dont\n- Stop it.\n:::\n\n::: do Please\n- Go on.\n:::"
    assert letter.read(text) == [
        Block("text", [Run("Do not")]),
        Block("item", [Run("Stop it.")]),
        Block("text", [Run("Please")]),
        Block("item", [Run("Go on.")]),
    ]
    assert "<h3>Do not</h3>" in markdown(text)


def test_staff_take_it_from_the_call_and_the_trail_has_it(desk: Client):
    details = factories.patient_details(**UNREACHED)
    visit = factories.a_booked_visit(patient=details)
    there = f"/admin/booking/appointment/{visit.pk}/letter/"
    assert f'href="{there}"' in desk.get("/admin/").content.decode()
    assert "Letter in large print" in text_of(
        desk.get(there.replace("letter", "change"))
    )
    with nothing_written():
        response = desk.get(there)
    assert response["Content-Type"] == "application/pdf"
    assert visit.reference in response["Content-Disposition"]
    event = AuditEvent.objects.filter(action=AuditEvent.Action.EXPORT).get()
    assert list(event.subjects.values_list("patient_id", flat=True)) == [
        visit.patient_id
    ]
