"""One page in each language, by its address alone."""

import re

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.urls import resolve
from django.utils.translation import override

from clinic_site.outage import page
from services import languages
from tests import factories
from tests.security.routes import all_routes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clinic():
    return factories.a_clinic()


def html_of(client: Client, path: str, **headers: str) -> str:
    response = client.get(path, headers=headers)
    return re.sub(r"\s+", " ", response.content.decode())


def opening_tag(html: str) -> str:
    return re.search(r"<html[^>]*>", html)[0]


def test_the_address_alone_says_which_language(client: Client):
    spoken = {"accept-language": "es"}
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "es"
    response = client.get("/", headers=spoken)
    assert opening_tag(response.content.decode()) == '<html lang="en">'
    assert response["Content-Language"] == "en"
    assert "Accept-Language" not in response.get("Vary", "")
    response = client.get("/es/", headers={"accept-language": "en"})
    assert opening_tag(response.content.decode()) == '<html lang="es">'
    assert response["Content-Language"] == "es"


def test_what_was_asked_for_in_spanish_does_not_linger(client: Client):
    client.get("/es/visit-us/")
    assert opening_tag(html_of(client, "/visit-us/")) == '<html lang="en">'


def test_each_page_leads_to_itself_in_the_other_language(client: Client):
    here = html_of(client, "/book/?service=x&visit=y")
    there = '<a href="/es/book/?service=x&amp;visit=y" lang="es" hreflang="es">'
    assert f"{there}<bdi>Español</bdi></a>" in here
    back = html_of(client, "/es/book/?service=x")
    assert '<a href="/book/?service=x" lang="en" hreflang="en"' in back


def test_a_page_that_is_not_there_leads_home_in_each_language(client: Client):
    response = client.get("/es/no/such/page/")
    assert response.status_code == 404
    html = response.content.decode()
    assert opening_tag(html) == '<html lang="es">'
    assert '<a href="/" lang="en"' in html
    assert 'rel="canonical"' not in html


def test_a_secret_address_is_not_written_into_its_page(client: Client):
    assert "y" * 43 not in html_of(client, f"/es/appointments/{'y' * 43}/")


def test_search_engines_are_told_of_each_version_of_a_public_page(client: Client):
    html = html_of(client, "/es/visit-us/?from=2026-11-24")
    site = settings.SITE_URL
    assert f'<link rel="canonical" href="{site}/es/visit-us/">' in html
    found = re.findall(r'rel="alternate" hreflang="([\w-]+)" href="([^"]+)"', html)
    assert found == [
        ("en", f"{site}/visit-us/"),
        ("x-default", f"{site}/visit-us/"),
        ("es", f"{site}/es/visit-us/"),
    ]
    assert "alternate" not in html_of(client, "/es/book/")


def test_staff_pages_have_one_language(client: Client):
    assert client.get("/es/admin/").status_code == 404
    login = client.get("/admin/login/", headers={"accept-language": "es"})
    assert 'lang="en"' in login.content.decode()
    assert "/es/" not in login.content.decode()


def test_both_addresses_of_a_page_are_of_one_view():
    """So the table of rights, which lists English addresses, holds for all."""
    checked = 0
    for route in all_routes():
        if route.startswith("admin/") or "." in route:  # a file has one language
            continue
        path = "/" + re.sub(r"<[^>]+>", "x", route)
        english = resolve(path)
        for code, _name in settings.LANGUAGES[1:]:
            with override(code):
                other = resolve(f"/{code}{path}")
            assert other.func == english.func, route
            assert other.view_name == english.view_name
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("template", ["400.html", "500.html", "503.html"])
def test_what_says_that_we_are_in_trouble_says_so_in_the_language(template):
    with override("es"):
        html = page(template, 500).content.decode()
    assert opening_tag(html) == '<html lang="es">'
    assert 'href="/es/"' in html


@pytest.fixture
def arabic():
    """A third language, from right to left: settings alone, and no code."""
    with override_settings(LANGUAGES=[*settings.LANGUAGES, ("ar", "العربيّة")]):
        yield


def test_a_third_language_needs_no_code(client: Client, arabic):
    visit_type = factories.a_visit_type()
    for path in ("/", visit_type.service.get_absolute_url(), "/visit-us/", "/book/"):
        html = html_of(client, f"/ar{path}")
        assert opening_tag(html) == '<html lang="ar" dir="rtl">'
        assert f'<a href="{path}" lang="en"' in html
        assert f'<a href="/es{path}" lang="es"' in html


def test_a_date_is_written_even_where_a_catalogue_lacks_its_format(arabic):
    with override("ar"):
        said = languages.said(factories.NOW, "l, F j, g:i A")
    assert str(factories.NOW.day) in said


def test_a_message_in_a_language_that_went_is_english():
    assert languages.offered("tlh") == "en"
    assert languages.offered("es") == "es"
