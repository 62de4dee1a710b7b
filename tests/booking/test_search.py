"""The page on which patients search the site, and what it keeps to itself."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booking import limits
from booking.models import Hit
from services.models import Clinic, Page
from tests import factories
from tests.factories import NOW, THURSDAY, WEDNESDAY, a_service, at

from .desk import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

SEARCH = "/search/"


@pytest.fixture(autouse=True)
def clinic() -> None:
    Clinic.objects.create(pk=1, name="C", phone="(212) 555-0143")
    a_page(1)


def a_page(number: int) -> None:
    Page.objects.create(
        slug=f"p{number}", title=f"Horse <{number}>", body="Neck", is_published=True
    )


def test_who_searches_is_led_to_what_they_meant(client: Client):
    page = client.post(SEARCH, {"q": "hrose"})
    assert page.status_code == 200
    assert '<a href="/p1/">Horse &lt;1&gt;</a>' in page.text
    assert 'value="hrose"' in page.text
    assert "These have: horse" in text_of(page)
    assert "(212) 555-0143" in text_of(page).partition("Not what you were")[2]


def test_who_finds_nothing_is_told_what_there_is_and_whom_to_call(client: Client):
    a_service()
    page = client.post(SEARCH, {"q": "zzzz"})
    said = text_of(page).partition("We found nothing for that")[2]
    assert "(212) 555-0143" in said
    links = set(re.findall(r'href="(/[^"#]*)"', page.text.partition("<main")[2]))
    assert {"/visit-us/", "/our-team/", "/book/", "/appointment/find/"} <= links
    assert any(link.startswith("/treatments-and-tests/") for link in links)


@pytest.mark.parametrize(("typed", "says"), [("  ", "Write what"), ("x" * 101, "few")])
def test_what_cannot_be_looked_for_is_said_and_kept(
    client: Client, typed: str, says: str
):
    page = client.post(SEARCH, {"q": typed})
    assert page.status_code == 422
    assert says in text_of(page).partition("There is a problem")[2]
    assert typed.strip() in page.text


def test_the_words_are_in_no_address_and_no_log(
    client: Client, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("DEBUG")
    for data in ({"q": "horse"}, {"q": "zzhorse"}, {"q": "horse" * 30}):
        page = client.post(SEARCH, data)
        assert page.headers["X-Robots-Tag"] == "noindex"
        assert page.headers["Cache-Control"] == "private, no-cache"
    assert '<form id="step" role="search" method="post"' in page.text
    assert "horse" not in "".join(
        r.getMessage() for r in caplog.records if r.name != "django.db.backends"
    )
    # An address that has them is not answered by them.
    page = client.get(SEARCH, {"q": "horse"})
    assert "/p1/" not in page.text.partition("<main")[2].partition("</main>")[0]


def test_who_searches_very_often_has_to_wait(client: Client):
    most = limits.SEARCHES_BY_ADDRESS[0].limit
    for _ in range(most):
        assert limits.allows(limits.SEARCHES_BY_ADDRESS, "127.0.0.1", now=NOW)
    page = client.post(SEARCH, {"q": "horse"})
    assert page.status_code == 429
    assert "Wait some minutes, or call us" in text_of(page)
    assert 'value="horse"' in page.text


def test_a_search_is_in_the_language_of_its_address(client: Client):
    page = client.post(f"/es{SEARCH}", {"q": "horse"})
    assert "Lo que encontramos" in text_of(page)
    assert '<span lang="en" dir="ltr">Horse &lt;1&gt;</span>' in page.text
    assert (
        '<span lang="en" dir="ltr"><mark>Neck</mark></span>'
        in client.post(f"/es{SEARCH}", {"q": "neck"}).text
    )
    assert 'href="/es/p1/"' in page.text


def test_who_changes_the_language_takes_the_words_along(client: Client):
    page = client.post(SEARCH, {"q": "horse"})
    assert f'formaction="/es{SEARCH}" name="lang" value="es"' in page.text
    page = client.post(f"/es{SEARCH}", {"q": "horse", "lang": "es"})
    assert 'value="horse"' in page.text
    assert 'href="/es/p1/"' in page.text
    page = client.post(f"/es{SEARCH}", {"q": "", "lang": "es"})
    assert page.status_code == 200
    assert "Hay un problema" not in text_of(page)


@pytest.mark.parametrize("path", ["/", "/treatments-and-tests/", "/none/", SEARCH])
def test_the_box_stands_on_pages_that_set_no_cookie(client: Client, path: str):
    page = client.get(path)
    assert 'role="search" method="post"' in page.text
    assert page.cookies == {}
    strict = Client(enforce_csrf_checks=True)
    page = strict.post(
        SEARCH, {"q": "horse"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert 'href="/p1/"' in page.text
    assert page.cookies == {}


@pytest.mark.parametrize(
    ("headers", "looks"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://testserver"}, False),
        ({"Origin": "https://elsewhere.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://testserver"}, True),
        ({}, True),
    ],
)
def test_what_another_site_sends_waits_for_the_reader(
    client: Client, headers: dict[str, str], looks: bool
):
    page = client.post(SEARCH, {"q": "horse"}, headers=headers)
    assert page.status_code == 200
    assert 'value="horse"' in page.text
    assert ("What we found" in page.text) is looks
    assert Hit.objects.exists() is looks


def test_more_that_is_found_costs_no_more_queries(client: Client):
    counts = []
    for number in (2, 3):
        client.post(SEARCH, {"q": "horse"})  # makes the index
        with CaptureQueriesContext(connection) as queries:
            client.post(SEARCH, {"q": "horse"})
        counts.append(len(queries))
        for more in range(number * 10, number * 10 + 2):
            a_page(more)
    assert counts[0] == counts[1]


@pytest.mark.usefixtures("visit_type")
def test_why_the_clinic_is_closed_is_found_as_long_as_it_is_to_come(client: Client):
    day = at("00:00", WEDNESDAY), at("00:00", THURSDAY)
    closure = factories.a_closure(*day, reason="Diwali")
    page = client.post(SEARCH, {"q": "dwiali"})
    said = text_of(page).replace("\xa0", " ")
    assert "We are also closed: Wednesday, November 18 Diwali" in said
    assert 'href="/visit-us/#opening-hours"' in page.text
    page = client.post(f"/es{SEARCH}", {"q": "diwali"})
    assert '<span lang="en" dir="ltr"><mark>Diwali</mark>' in page.text
    closure.delete()
    assert "We found nothing" in client.post(SEARCH, {"q": "diwali"}).text
