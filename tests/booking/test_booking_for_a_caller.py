"""The front desk books for somebody on the phone, and reads it to them."""

import re
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from booking import integrity
from booking.models import Appointment, Patient, VisitType
from booking.words import as_value
from tests import factories
from tests.factories import NOW, a_booked_visit, a_practice, at
from tests.records import events_of, held_by, messages_of, nothing_written

from .desk import address, said, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

PHONE = "/admin/booking/appointment/phone/"
CALLER = {
    "given_name": "Robin",
    "family_name": "Caller",
    "phone": "212 555 0143",
    "email": "robin@example.com",
    "private_note": "Comes by wheelchair.",
}


def sent(kind: VisitType, wall: str = "10:00", **more: Any) -> dict[str, Any]:
    """Return what the page sends with this time of Tuesday chosen."""
    return {
        "form_key": str(uuid.uuid4()),
        "visit_type": kind.pk,
        "start": as_value(at(wall)),
        "book": "",
        **CALLER,
        **more,
    }


def the_visit() -> Appointment:
    return Appointment.objects.select_related("patient").get()


def typed(page: HttpResponse, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page.text)
    return found[1] if found else ""


def test_the_desk_leads_to_it(desk: Client, visit_type: VisitType) -> None:
    assert PHONE in desk.get("/admin/").text
    words = text_of(desk.get(PHONE))
    assert "Choose the kind of visit, then press" in words


def test_a_caller_is_booked_and_told(desk: Client, visit_type: VisitType) -> None:
    response = desk.post(PHONE, sent(visit_type))
    visit = the_visit()
    assert response["Location"] == address("script", visit)
    assert (visit.status, visit.start) == ("booked", at("10:00"))
    assert events_of(visit) == [(1, "book", "", "booked", "staff")]
    assert visit.events.get().private_note == "Comes by wheelchair."
    assert messages_of(visit) == [("confirmed", "email")]
    assert held_by(visit)
    assert visit.patient.phone == "+12125550143"
    assert visit.patient.birth_date is None
    assert integrity.faults(NOW) == []


def test_the_birth_date_is_kept_when_it_is_said(desk, visit_type):
    born = dict(zip(("month", "day", "year"), ("2", "29", "1980"), strict=True))
    more = {f"birth_date_{part}": number for part, number in born.items()}
    desk.post(PHONE, sent(visit_type, **more))
    assert str(the_visit().patient.birth_date) == "1980-02-29"


@pytest.mark.parametrize("press", ["show", "from"])
def test_looking_for_times_keeps_all_that_was_typed(desk, visit_type, press):
    with nothing_written():
        data = sent(visit_type) | {press: "2026-11-18", "birth_date_year": "1980"}
        del data["book"]
        page = desk.post(PHONE, data)
    for name, value in CALLER.items():
        assert value in page.text, name
    assert typed(page, "form_key") == data["form_key"]
    assert typed(page, "birth_date_year") == "1980"
    assert re.search(rf'value="{as_value(at("10:00"))}"[^>]*checked', page.text)
    assert "There is a problem" not in text_of(page)


def test_a_link_can_choose_the_time_but_no_person(desk, visit_type):
    chosen = {
        "visit_type": visit_type.pk,
        "start": as_value(at("14:00")),
        "given_name": "Mallory",
        "private_note": "in an address",
    }
    with nothing_written():
        page = desk.get(PHONE, chosen)
    assert re.search(rf'value="{as_value(at("14:00"))}"[^>]*checked', page.text)
    assert "Mallory" not in page.text
    assert "in an address" not in page.text


@pytest.mark.parametrize("query", [
    {"visit_type": "x", "resource": "9" * 30, "day": "x", "part": "x", "start": "x"},
    {"visit_type": "0", "start": "0001-01-01T00:00Z", "from": "9999-99-99"},
])  # fmt: skip
def test_a_link_that_names_nothing_shows_the_page(desk, visit_type, query):
    assert desk.get(PHONE, query).status_code == 200
    assert desk.get(PHONE, query | {"visit_type": visit_type.pk}).status_code == 200


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ({"visit_type": ""}, "Choose the kind of visit."),
        ({"start": ""}, "Choose a time."),
        ({"given_name": ""}, "Write the first name."),
        ({"phone": "", "email": ""}, "Write a phone number or an email address."),
        ({"phone": "12"}, "Check the phone number."),
    ],
)
def test_what_is_missing_is_said(desk, visit_type, missing, says):
    with nothing_written():
        page = desk.post(PHONE, sent(visit_type, **missing))
    assert f"There is a problem {says}" in text_of(page)
    assert "<title>Error:" in page.text


def test_a_time_taken_meanwhile_is_said_and_others_shown(desk, visit_type):
    theirs = a_booked_visit(visit_type, at("10:00"))
    with nothing_written():
        page = desk.post(PHONE, sent(visit_type))
    words = text_of(page)
    assert "tomorrow 10:00 AM cannot be had any more" in words
    assert f"{theirs.reference} has it: Accepted: " in words
    assert "Nearest free times" in words
    assert typed(page, "given_name") == "Robin"


def test_the_caller_keeps_to_one_clinician(desk):
    visit_type = a_practice(clinicians=2, rooms=2)
    wanted = factories.Resource.objects.filter(kind="clinician").latest("pk")
    desk.post(PHONE, sent(visit_type, resource=wanted.pk))
    visit = the_visit()
    assert visit.wanted_clinician == wanted
    assert wanted.pk in {resource for resource, *_ in held_by(visit)}


def test_a_double_click_books_once(desk, visit_type):
    data = sent(visit_type)
    first, second = desk.post(PHONE, data), desk.post(PHONE, data)
    assert first["Location"] == second["Location"]
    assert Appointment.objects.count() == Patient.objects.count() == 1


@pytest.mark.parametrize("changed", [{"family_name": "Other"}, {"private_note": "x"}])
def test_other_content_is_refused_then_booked_as_one_more(desk, visit_type, changed):
    data = sent(visit_type)
    desk.post(PHONE, data)
    first = the_visit()
    other = data | {"start": as_value(at("11:00"))} | changed
    with nothing_written():
        page = desk.post(PHONE, other)
    assert "This form was already sent, with other content" in text_of(page)
    assert f"Look at what was booked: {first.reference}" in text_of(page)
    desk.post(PHONE, other | {"form_key": typed(page, "form_key")})
    assert Appointment.objects.count() == 2


def test_a_bar_for_the_public_is_told_and_bars_nobody(desk):
    visit_type = a_practice(needs_referral=True)
    page = desk.get(PHONE, {"visit_type": visit_type.pk})
    assert "This visit needs a referral. Ask the caller for it" in text_of(page)
    desk.post(PHONE, sent(visit_type))
    assert the_visit().status == "booked"


def test_the_script_says_what_was_booked_from_what_is_known(desk, visit_type):
    visit_type.service.preparation = "Bring a list of your **medicines**."
    visit_type.service.save()
    desk.post(PHONE, sent(visit_type))
    visit = the_visit()
    with nothing_written():
        page = desk.get(address("script", visit))
    words = text_of(page)
    assert "Tuesday, November 17, 10:00 AM · 30 minutes" in words
    assert visit.reference in words
    assert " ".join(visit.reference.replace("-", "")) in words
    assert "Bring a list of your medicines ." in words
    assert visit.messages.get().subject in words
    assert set(re.findall("/appointments/([^/]*)/", page.text)) == {"-"}
    assert "Robin" not in re.search("<title>(.*?)</title>", page.text, re.S)[1]


def test_who_has_no_email_is_told_on_this_very_call(desk, visit_type):
    desk.post(PHONE, sent(visit_type, email=""))
    visit = the_visit()
    assert messages_of(visit) == [("confirmed", "phone")]
    page = desk.get(address("script", visit))
    assert "I told the caller" in text_of(page)
    call = visit.messages.get()
    desk.post(f"/admin/calls/{call.pk}/")
    call.refresh_from_db()
    assert call.called_at == NOW
    told = text_of(desk.get(address("script", visit)))
    assert "Said by phone" in told
    assert "I told the caller" not in told
    assert "We have no birth date." in call.text


def test_a_visit_without_a_birth_date_can_be_looked_at_and_found(desk, visit_type):
    desk.post(PHONE, sent(visit_type))
    visit = the_visit()
    assert "Birth date –" in text_of(desk.get(address("change", visit)))
    address_of_search = "/admin/booking/appointment/find/"
    found = desk.post(address_of_search, {"wanted": "Caller"}, follow=True)
    assert visit.reference in text_of(found)


def test_there_is_nothing_to_read_of_a_visit_that_is_not_booked(desk, visit_type):
    visit = factories.a_request(visit_type)
    response = desk.get(address("script", visit))
    assert response["Location"] == address("change", visit)
    assert len(said(response)) == 1


# --- Somebody calls for the patient -----------------------------------------------


MOTHER = {
    "caller": "Ann Caller", "relation": "parent", "is_contact": "on",
    "may_arrange": "on",
}  # fmt: skip


def test_who_calls_for_the_patient_is_kept_and_spoken_with(desk, visit_type):
    page = desk.post(PHONE, sent(visit_type, **MOTHER, email=""), follow=True)
    visit = the_visit()
    assert (visit.requested_by_name, visit.requested_by_relation) == (
        "Ann Caller",
        "parent",
    )
    assert visit.requested_by_is_contact
    assert visit.requested_by_may_arrange
    assert visit.may_arrange_wording.startswith("The caller says that they may")
    spoken = "Speak with Ann Caller (Parent)"
    assert spoken in text_of(page)  # what is read to the caller
    assert spoken in text_of(desk.get("/admin/"))  # the call that is owed
    assert "ask if they may arrange" not in text_of(desk.get("/admin/"))
    words = text_of(desk.get(address("change", visit)))
    assert "Ann Caller (Parent) · phone and email are theirs · says that they" in words


def test_who_is_spoken_with_is_named_wherever_staff_call_or_greet(
    desk, visit_type, clock
):
    desk.post(PHONE, sent(visit_type, **MOTHER, email=""))
    visit = the_visit()
    [call] = visit.messages.all()
    assert "May I speak with Ann Caller?" in call.text
    spoken = "Speak with Ann Caller (Parent)"
    for page in ("tasks/", f"booking/calendar/sheet/?day={factories.TUESDAY}"):
        assert spoken in text_of(desk.get(f"/admin/{page}")), page
    clock.move_to(at("09:30"))
    desk.force_login(User.objects.get())
    assert text_of(desk.get("/admin/")).count(spoken) == 2  # to come, and to phone


def test_who_was_not_asked_if_they_may_arrange_care_is_asked(desk, visit_type):
    desk.post(PHONE, sent(visit_type, **MOTHER | {"may_arrange": ""}, email=""))
    assert "ask if they may arrange care for the patient" in text_of(
        desk.get("/admin/")
    )


@pytest.mark.parametrize(
    ("typed_in", "problem"),
    [
        ({"caller": "Ann Caller"}, "Choose what the caller is to the patient."),
        ({"relation": "parent"}, "Write the name of the caller."),
        ({"may_arrange": "on"}, "Write the name of the caller."),
    ],
)
def test_half_of_who_calls_is_asked_again(desk, visit_type, typed_in, problem):
    with nothing_written():
        page = desk.post(PHONE, sent(visit_type, **typed_in))
    assert problem in text_of(page)
    assert typed(page, "given_name") == "Robin"
