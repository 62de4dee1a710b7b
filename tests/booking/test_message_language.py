"""Each patient is written to in the language in which they asked."""

import pytest
from django.utils.translation import get_language

from booking import messages, workflow
from booking.admin.forms import CancelForm
from booking.models import Message
from booking.policy import CancellationReason, ClosingReason
from tests import factories
from tests.factories import NOW, a_booked_visit, a_request, patient_details

pytestmark = pytest.mark.django_db


def in_spanish(**values: object) -> dict[str, object]:
    return patient_details(message_language="es", **values)


def test_the_link_in_a_spanish_message_leads_to_a_spanish_page():
    visit = a_request(patient=in_spanish())
    message = factories.told_last(visit)
    assert "/es/appointments/" in message.text
    assert '<html lang="es">' in message.html
    assert get_language() == "en"


def test_an_english_message_is_as_it_was():
    message = factories.told_last(a_request())
    assert "8000/appointments/" in message.text
    assert '<html lang="en">' in message.html


def test_what_staff_read_on_the_phone_is_english():
    visit = a_request(patient=in_spanish(email="", contact_by="phone"))
    assert "We have your appointment request." in visit.messages.get().text


def test_a_preview_is_in_the_language_of_what_goes_out():
    visit = a_booked_visit(patient=in_spanish())
    _subject, shown = messages.preview_cancellation(
        visit, CancellationReason.CLINIC, "", NOW
    )
    by = factories.a_front_desk_person()
    workflow.cancel(visit.pk, by=by, now=NOW)
    sent = visit.messages.order_by("pk").last()
    assert shown.split("/es/")[0] == sent.text.split("/es/")[0]
    with messages.spoken_to(visit.patient, Message.Channel.EMAIL):
        why = str(messages.CLOSING_WORDS[ClosingReason.WEATHER])
    assert messages.closing_note(visit, ClosingReason.WEATHER) == why


def test_a_request_made_again_in_another_language_is_the_same(patient, visit_type):
    first = factories.a_new_request(visit_type, patient=patient_details())
    second = factories.a_new_request(visit_type, patient=in_spanish())
    assert first.digest == second.digest


def test_why_we_cancel_is_said_in_the_patients_language():
    visit = a_booked_visit(patient=in_spanish())
    form = CancelForm({"reason": ClosingReason.AWAY, "note": "Sorry."}, visit)
    assert form.is_valid()
    said = "La persona que le iba a atender no puede estar aquí a esa hora. Sorry."
    assert form.cleaned_data["note"] == said
