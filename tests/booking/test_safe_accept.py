"""What staff see of a request before they accept it, and of its rivals afterwards."""

import re

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booking import workflow
from booking.models import Appointment, Resource
from booking.workflow import By
from tests.chromium import SCRIPT, assert_good_for_everybody
from tests.factories import (
    NOW,
    a_booked_visit,
    a_practice,
    a_request,
    at,
    choice,
    patient_details,
)

from .desk import a_colleague, address, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DESK = "/admin/"


def named(name: str) -> dict[str, object]:
    """Return somebody who shares nothing with the others."""
    return patient_details(
        family_name=name,
        birth_date_text="",
        phone="",
        email=f"{name.lower()}@example.com",
    )


def page_of(client: Client, visit: Appointment) -> HttpResponse:
    return client.get(address("change", visit))


def around(page: HttpResponse) -> list[str]:
    """Return the words of each line about a resource around a choice, in order."""
    lists = re.findall(r'(?s)<dl class="around">(.*?)</dl>', page.text)
    lines = re.findall(r"(?s)<div>(.*?)</div>", " ".join(lists))
    return [" ".join(re.sub(r"<[^>]+>", " ", line).split()) for line in lines]


def test_each_choice_has_what_is_before_and_after_it_that_day(desk: Client) -> None:
    visit_type = a_practice()
    clinician, room = Resource.objects.order_by("kind", "pk")
    before = a_booked_visit(visit_type, at("09:00"), patient=named("Early"))
    a_booked_visit(visit_type, at("15:00"), patient=named("Later"))
    a_booked_visit(visit_type, at("13:00"), patient=named("After"))
    visit = a_request(visit_type, at("10:00"))

    page = page_of(desk, visit)

    assert "Around tomorrow 10:00 AM" in text_of(page)
    assert f'href="{address("change", before)}"' in page.text
    lines = around(page)
    assert [line.partition(" Before:")[0] for line in lines] == [
        str(clinician),
        str(room),
    ]
    for line in lines:
        assert "9:00–9:30 AM Confirmed Pat Early" in line
        assert "1:00–1:30 PM Confirmed Pat After" in line
        assert "Later" not in line


def test_an_empty_day_says_so(desk: Client) -> None:
    visit = a_request(a_practice(), at("10:00"))
    for line in around(page_of(desk, visit)):
        assert line.endswith("Nothing before Nothing after")


def test_rivals_are_beside_the_request_with_all_that_they_asked_for(
    desk: Client,
) -> None:
    visit_type = a_practice(holds_first_choice=False)
    visit = a_request(visit_type, at("10:00"))
    rival = a_request(
        visit_type, at("14:00"), at("10:00"), patient=named("Rival"), now=NOW
    )
    a_request(visit_type, at("16:00"), patient=named("Elsewhere"))

    page = page_of(desk, visit)
    _, _, beside = page.text.partition('id="rivals"')

    assert f'<a href="{address("change", rival)}">Pat Rival</a>' in beside
    assert "2:00\xa0PM" in beside
    assert "Elsewhere" not in page.text
    assert "Others who want one of these times" not in text_of(
        page_of(desk, Appointment.objects.latest("pk"))
    )


def test_whoever_is_too_late_needs_another_time_which_is_chosen_already(
    desk: Client,
) -> None:
    visit_type = a_practice(holds_first_choice=False)
    visit = a_request(visit_type, at("10:00"))
    rival = a_request(visit_type, at("10:00"), patient=named("Rival"))
    assert "needs another time" not in text_of(desk.get(DESK))

    by = By.staff(a_colleague(username="ben"))
    workflow.accept(visit.pk, choice(visit).pk, by=by, now=NOW)

    assert text_of(desk.get(DESK)).count("needs another time") == 1
    page = page_of(desk, rival)
    assert "needs another time" in text_of(page)
    link = address("propose", rival)
    assert re.search(rf'<a class="button" href="{link}[^"]*">Offer another', page.text)
    chosen = re.findall(r"<input[^>]* checked[^>]*>", desk.get(link).text)
    assert sum('name="starts"' in field for field in chosen) == 3


def test_three_rivals_cost_as_many_queries_as_one(desk: Client) -> None:
    visit_type = a_practice(holds_first_choice=False)
    visit = a_request(visit_type, at("10:00"), at("11:00"))
    a_request(visit_type, at("10:00"), patient=named("First"))
    page_of(desk, visit)
    with CaptureQueriesContext(connection) as one:
        page_of(desk, visit)
    a_request(visit_type, at("11:00"), at("15:00"), patient=named("Second"))
    a_request(visit_type, at("10:00"), patient=named("Third"))
    with CaptureQueriesContext(connection) as three:
        page = page_of(desk, visit)
    assert len(three) == len(one)
    assert text_of(page).count("Pat Third") == 1


@pytest.mark.either_database
def test_the_page_can_be_used_by_everybody(desk: Client) -> None:
    visit_type = a_practice(holds_first_choice=False)
    a_booked_visit(visit_type, at("09:00"))
    visit = a_request(visit_type, at("10:00"))
    a_request(visit_type, at("14:00"), at("10:00"), patient=named("Rival"))
    there = address("change", visit)
    pages = {there: page_of(desk, visit).text}
    assert "Others who want" in pages[there]
    pages[SCRIPT] = desk.get(SCRIPT).text

    assert_good_for_everybody(pages)
