"""The next free times on a service's page, as links that choose them beforehand."""

import re

import pytest

from tests import factories
from tests.factories import THURSDAY, WEDNESDAY, at

pytestmark = pytest.mark.django_db


def links(client, service):
    page = client.get(service.get_absolute_url()).content.decode()
    return [
        (url.replace("&amp;", "&"), label.replace("\xa0", " "))
        for url, label in re.findall(
            r'<a href="(/book/\?[^"]*start=[^"]*)">([^<]+)', page
        )
    ]


def address(visit_type, start):
    return (
        f"/book/?service={visit_type.service.slug}&visit={visit_type.code}"
        f"&start={start}"
    )


def test_a_service_shows_the_first_free_time_of_the_next_days(patient, visit_type):
    factories.a_request(visit_type, at("09:00"))
    factories.a_closure(at("00:00", WEDNESDAY), at("00:00", THURSDAY))
    assert links(patient, visit_type.service) == [
        (address(visit_type, "2026-11-17T14%3A30Z"), "Tue, Nov 17, 9:30 AM"),
        (address(visit_type, "2026-11-19T14%3A00Z"), "Thu, Nov 19, 9:00 AM"),
        (address(visit_type, "2026-11-20T14%3A00Z"), "Fri, Nov 20, 9:00 AM"),
    ]


def test_the_first_kind_of_visit_is_the_one_shown(patient, visit_type):
    service = visit_type.service
    first = factories.a_visit_type(service=service, code="new", order=0)
    visit_type.order = 1
    visit_type.save()
    assert links(patient, service)[0][0] == address(first, "2026-11-17T14%3A00Z")


def test_the_length_of_that_visit_is_said_on_the_page_of_its_service(
    patient, visit_type
):
    visit_type.duration = 75
    visit_type.save()
    page = patient.get(visit_type.service.get_absolute_url()).content.decode()
    assert (
        f"{visit_type.name}, 75 minutes. We show the first free time of each day."
        in page
    )


def test_each_link_leads_to_its_time(patient, visit_type):
    url = links(patient, visit_type.service)[2][0]
    page = patient.get(url).content.decode()
    wanted = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page))
    del wanted["csrfmiddlewaretoken"]
    patient.begin(**wanted)
    patient.answer("visit", visit=visit_type.code)
    response = patient.get("/book/times/")
    tiles = [t for row in response.context["page"].rows for t in row.slots]
    assert [t.full_text for t in tiles if t.checked] == [
        "Thursday, November\xa019, 9:00 AM, 30 minutes"
    ]


def test_without_a_free_time_the_page_says_to_call(patient, visit_type):
    visit_type.horizon = 0
    visit_type.save()
    page = patient.get(visit_type.service.get_absolute_url()).content.decode()
    assert "No time is free online right now." in page
    assert page.count(f'?service={visit_type.service.slug}"') == 4
    assert "Choose a time" in page
    assert "Or call" in page
    assert links(patient, visit_type.service) == []


def test_a_service_that_cannot_be_asked_for_online_says_to_call(patient, visit_type):
    visit_type.is_active = False
    visit_type.save()
    page = patient.get(visit_type.service.get_absolute_url()).content.decode()
    assert "Call us to find a time." in page
    assert "Choose a time" not in page  # which would lead to other visits alone
    assert "Or call" not in page
