"""The front desk moves a booked visit, and sees the message beforehand."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booking import integrity
from booking.models import Appointment, Resource
from booking.words import as_value
from tests.chromium import SCRIPT, assert_good_for_everybody
from tests.factories import (
    CLINICIAN,
    NOW,
    ROOM,
    WEDNESDAY,
    a_booked_visit,
    a_closure,
    a_practice,
    a_request,
    a_visit_type,
    at,
    patient_details,
)
from tests.records import messages_of, nothing_written

from .desk import a_colleague, address, said, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DESK = "/admin/"
ELEVEN = at("11:00", WEDNESDAY)


@pytest.fixture
def visit() -> Appointment:
    return a_booked_visit(a_practice(clinicians=2, rooms=2), at("10:00"))


def clinician_of(visit: Appointment) -> Resource:
    return Resource.objects.get(kind=CLINICIAN, reservations__appointment=visit)


def send(
    desk: Client, visit: Appointment, start: Any = ELEVEN, /, button: str = "send",
    **more: Any,
) -> HttpResponse:  # fmt: skip
    """Press a button of the page with this time chosen."""
    data = {
        "start": as_value(start) if start else "",
        "clinician": "",
        "seen_version": visit.version,
        "back": DESK,
        button: "",
    }
    return desk.post(address("move", visit), data | more)


def offered_on(page: HttpResponse) -> list[str]:
    return re.findall(r'name="start" value="([^"]+)"', page.text)


def test_the_visit_has_a_way_to_the_page_until_it_begins(desk, visit):
    there = address("move", visit)
    assert there in desk.get(address("change", visit)).text
    Appointment.objects.filter(pk=visit.pk).update(start=NOW)
    assert there not in desk.get(address("change", visit)).text
    assert desk.get(there)["Location"] == address("change", visit)


def test_an_address_can_name_the_new_time(desk, visit):
    there = address("move", visit)
    with nothing_written():
        page = desk.get(there, {"start": as_value(ELEVEN), "send": "", "preview": ""})
        page = desk.get(there, {"start": as_value(ELEVEN)})
        past = desk.get(there, {"start": as_value(at("03:00", WEDNESDAY))})
    chosen = rf'name="start" value="{as_value(ELEVEN)}"[^>]*checked'
    assert re.search(chosen, page.text)
    assert "cannot be moved to" not in page.text
    assert "cannot be moved to Wed, Nov 18, 3:00 AM." in text_of(past)
    assert "checked" not in "".join(re.findall(r'<[^>]*name="start"[^>]*>', past.text))
    assert offered_on(past)[0] == as_value(at("09:00", WEDNESDAY))


def test_free_times_are_shown_from_the_old_day_on_and_not_its_own(desk, visit):
    page = desk.get(address("move", visit))
    times = offered_on(page)
    assert times[0] == as_value(at("09:00"))
    assert as_value(at("10:00")) not in times
    assert as_value(ELEVEN) in times
    name = clinician_of(visit).name
    assert f"selected>{name}" in page.text


def test_only_times_of_who_is_chosen_are_shown(desk, visit):
    a_closure(at("09:00"), at("17:00"), of=clinician_of(visit))
    assert as_value(at("11:00")) not in offered_on(desk.get(address("move", visit)))
    page = send(desk, visit, None, "show", clinician="")
    assert as_value(at("11:00")) in offered_on(page)
    assert "There is a problem" not in text_of(page)


def test_looking_and_previewing_write_nothing(desk, visit):
    with nothing_written():
        desk.get(address("move", visit))
        page = send(desk, visit, button="preview", clinician=clinician_of(visit).pk)
    words = text_of(page)
    assert f"The visit will take: {clinician_of(visit).name}, Room" in words
    assert "Moved: your appointment is now Wed, Nov 18, 11:00 AM" in words
    assert "It was on Tuesday, November 17, 10:00 AM EST." in words
    assert "Another clinician" not in words


def test_the_visit_moves_and_the_message_is_the_one_that_was_shown(desk, visit):
    other = Resource.objects.filter(kind=CLINICIAN).exclude(pk=clinician_of(visit).pk)
    more = {"clinician": other.get().pk}
    shown = text_of(send(desk, visit, button="preview", **more))
    assert "Another clinician will see you then." in shown

    response = send(desk, visit, **more)

    assert response["Location"] == DESK
    assert said(response) == [
        f"{visit.reference}: moved to Wednesday, November 18, 11:00 AM."
    ]
    visit.refresh_from_db()
    assert (visit.status, visit.start) == ("booked", ELEVEN)
    assert clinician_of(visit) == other.get()
    sent = visit.messages.get(kind="moved")
    assert sent.subject in shown
    for line in sent.text.split("\n"):
        if "/appointment" not in line:
            assert " ".join(line.split()) in shown
    change = text_of(desk.get(address("change", visit)))
    assert "Moved: Wednesday, November 18, 11:00 AM · Ana Demo" in change
    assert integrity.faults(NOW) == []


def test_who_has_no_email_is_phoned(desk):
    patient = patient_details(email="", contact_by="phone")
    visit = a_booked_visit(a_practice(), at("10:00"), patient=patient)
    page = text_of(send(desk, visit, button="preview"))
    assert "Somebody will have to say by phone" in page
    assert "Move, then phone the patient" in page
    assert said(send(desk, visit))[0].endswith("Phone the patient to say so.")


def test_pressed_twice_it_moves_once(desk, visit):
    first = send(desk, visit)
    with nothing_written():
        second = send(desk, visit)
    assert said(second)[-1] == said(first)[0]
    assert messages_of(visit).count(("moved", "email")) == 1


def test_a_slower_colleague_is_told(desk, visit):
    other = Client()
    other.force_login(a_colleague(username="ben", first_name="Ben"))
    send(other, visit)
    with nothing_written():
        response = send(desk, visit, at("12:00"))
    [told] = said(response)
    assert "Moved: Wednesday, November 18, 11:00 AM by Ben Demo" in told


@pytest.mark.parametrize("button", ["send", "preview"])
def test_a_time_that_went_meanwhile_is_named(desk, visit, button):
    for _ in range(2):
        last = a_booked_visit(visit.visit_type, ELEVEN)
    with nothing_written():
        page = send(desk, visit, button=button)
    assert (
        "No longer free: Wed, Nov 18, 11:00 AM. Choose another time. "
        f"{last.reference} has it: Accepted: "
    ) in text_of(page)
    assert "<title>Error:" in page.text


@pytest.mark.parametrize(
    ("start", "more", "error"),
    [
        (None, {}, "Choose a time."),
        (None, {"start": "soon"}, "Choose one of the times shown."),
        (at("10:00"), {}, "The visit has that time already."),
        (at("20:00"), {}, "No longer free: tomorrow 8:00 PM (outside the hours)."),
        (ELEVEN, {"clinician": "99999"}, "Select a valid choice."),
    ],
)
def test_what_is_missing_is_said_and_nothing_moves(desk, visit, start, more, error):
    for button in ("send", "preview"):
        with nothing_written():
            page = send(desk, visit, start, button, **more)
        assert error in text_of(page)


def test_turning_the_page_keeps_what_is_chosen(desk, visit):
    page = send(desk, visit, button="from", **{"from": "2026-11-25"})
    assert "Chosen" in text_of(page)
    ticked = rf'value="{as_value(ELEVEN)}" id="id_start_0" aria-label="[^"]*" checked'
    assert re.search(ticked, page.text)
    assert "Wednesday, November 25" in text_of(page)


def test_a_day_without_times_leads_to_the_next_that_has_some(desk, visit):
    a_closure(at("00:00"), at("23:00"))
    page = desk.get(address("move", visit)).text
    then = "The next free day is Wednesday, November\xa018."
    assert f'name="from" value="2026-11-18">{then}</button>' in page


def test_without_any_time_the_page_says_why_and_what_to_do(desk, visit):
    a_closure(NOW, NOW + timedelta(days=90), of=clinician_of(visit))
    page = desk.get(address("move", visit))
    assert "No time is free until Friday, January 15." in text_of(page)
    assert '<a href="#id_clinician">Choose somebody else' in page.text
    Resource.objects.filter(kind=CLINICIAN).update(is_active=False)
    words = text_of(send(desk, visit, None, "show"))
    assert "Let the visit stay as it is, or phone the patient" in words


def test_a_visit_that_takes_no_clinician_is_asked_for_none(desk):
    a_practice()
    for room in Resource.objects.filter(kind=ROOM):
        for day in range(5):
            room.hours.create(weekday=day, opens="09:00", closes="17:00")
    visit = a_booked_visit(a_visit_type(takes=[ROOM]), at("10:00"))
    assert "With whom?" not in text_of(desk.get(address("move", visit)))
    send(desk, visit)
    visit.refresh_from_db()
    assert visit.start == ELEVEN


def test_a_request_leads_back(desk):
    visit = a_request(a_practice())
    with nothing_written():
        response = desk.get(address("move", visit))
    assert response["Location"] == address("change", visit)


def test_the_page_costs_as_many_queries_for_three_visits_as_for_one(desk, visit):
    there = address("move", visit)
    desk.get(there)
    with CaptureQueriesContext(connection) as one:
        desk.get(there)
    for wall in ("12:00", "13:00"):
        a_booked_visit(visit.visit_type, at(wall))
    with CaptureQueriesContext(connection) as three:
        desk.get(there)
    assert len(one) == len(three)


@pytest.mark.either_database
def test_the_pages_can_be_used_by_everybody(desk, visit):
    there = address("move", visit)
    pages = {
        there: desk.get(there),
        f"{there}preview/": send(desk, visit, button="preview"),
        f"{there}wrong/": send(desk, visit, None),
        SCRIPT: desk.get(SCRIPT),
    }
    html = {path: page.content.decode() for path, page in pages.items()}
    assert_good_for_everybody(html)
