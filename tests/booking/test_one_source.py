"""What a service says stands in one place, and is read in each place."""

import pytest
from django.test import Client

from booking import letter
from booking.models import Appointment, VisitType
from services.models import Fact, ScreeningQuestion, Service
from tests import factories
from tests.factories import at

from .road import PLAIN, Browser, a_question, text_of
from .test_status_page import open_link

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def test_what_is_changed_on_the_service_is_read_on_every_page_and_in_the_letter(
    patient: Browser, visit_type: VisitType, desk: Client, client: Client
) -> None:
    question = a_question(visit_type)
    service = visit_type.service
    service.facts.create(label="Come again", value="After a month")
    Service.objects.update(preparation="Wear loose clothes.", is_published=True)
    booked = factories.a_booked_visit(visit_type, at("15:00"))
    patient.fill_in(until="contact")

    # All of it changes while somebody is on the way to a visit.
    Fact.objects.update(value="After six weeks")
    Service.objects.update(preparation="Bring your card.")
    ScreeningQuestion.objects.update(tell_us="take thinners", question="Any thinners?")
    VisitType.objects.update(duration=50)

    page = text_of(client.get(service.get_absolute_url()))
    asked = text_of(patient.get("/book/questions/"))
    patient.answer("questions", **{question.code: "yes"})
    for step in ("contact", "help", "payment", "payment-details"):
        patient.answer(step, **PLAIN[step])
    check = text_of(patient.get("/book/check/"))
    patient.send()
    sent = text_of(patient.get("/book/sent/"))
    open_link(client, booked)
    confirmed = text_of(client.get("/appointment/preparing/"))
    script = text_of(desk.get(f"/admin/booking/appointment/{booked.pk}/script/"))
    posted = str(letter.content(Appointment.objects.get(pk=booked.pk), factories.NOW))
    visit = Appointment.objects.exclude(pk=booked.pk).get()
    request = text_of(desk.get(f"/admin/booking/appointment/{visit.pk}/change/"))

    for where in (page, check, sent, confirmed, script, request):
        assert "Come again After six weeks" in where
    assert "After six weeks" in posted
    for where in (page, sent, confirmed, script, request, posted):
        assert "Bring your card." in where
    assert "loose clothes" not in page + sent + script + posted
    assert "take thinners" in page
    for where in (asked, check, request):
        assert "Any thinners?" in where
    assert "50 minutes" in sent
    # What was agreed stays as long as it was.
    for where in (confirmed, script, posted):
        assert "30 minutes" in where
        assert "50 minutes" not in where


def test_staff_read_the_facts_of_a_service_that_needs_no_preparation(
    visit_type: VisitType, desk: Client
) -> None:
    visit_type.service.facts.create(label="Come again", value="After a month")
    visit = factories.a_booked_visit(visit_type, at("15:00"))
    shown = text_of(desk.get(f"/admin/booking/appointment/{visit.pk}/change/"))
    assert "There is nothing special to do before this visit." in shown
    assert "Come again After a month" in shown
