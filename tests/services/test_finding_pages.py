"""What search engines are told, and old addresses."""

import re
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from time_machine import Traveller

from services import drafts, versions
from services.models import Clinic, Clinician, Page, Section, Service, Translation
from services.versions import FILES, Kept

from .test_pages import EVERY_PATH, a_service

pytestmark = pytest.mark.django_db
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
SITE = settings.SITE_URL


def mapped(client: Client) -> dict[str, ElementTree.Element]:
    tree = ElementTree.fromstring(client.get("/sitemap.xml").content)  # noqa: S314 -- ours
    return {url.findtext(f"{MAP}loc", ""): url for url in tree}


@pytest.mark.usefixtures("content")
def test_the_sitemap_has_each_public_page_in_each_language(client: Client) -> None:
    a_service("hidden", is_published=False)
    Page.objects.create(slug="hidden", title="H", body="x")
    pages = mapped(client)
    english = [f"{SITE}{path}" for path in EVERY_PATH]
    assert {*pages} == {*english, *(f"{SITE}/es{path}" for path in EVERY_PATH)}
    for url in pages:
        answer = client.get(url.removeprefix(SITE))
        assert answer.status_code == 200
        html = answer.content.decode()
        assert f'<link rel="canonical" href="{url}">' in html
        told = re.findall(r'rel="alternate" hreflang="([\w-]+)" href="([^"]+)"', html)
        links = [(x.get("hreflang"), x.get("href")) for x in pages[url][-3:]]
        assert sorted(links) == sorted(told)


def test_the_sitemap_says_when_a_page_changed_or_was_read_again(
    client, time_machine
) -> None:
    time_machine.move_to("2026-01-02T12:00Z")
    service = a_service()
    # In the evening, when it is the next day in UTC.
    time_machine.move_to("2026-03-04T22:00-05:00")
    Section.objects.create(service=service, anchor="a", question="Q?", answer="A.")
    where = f"{SITE}{service.get_absolute_url()}"
    assert mapped(client)[where].findtext(f"{MAP}lastmod") == "2026-03-04"
    Service.objects.update(reviewed_on="2026-05-06")
    assert mapped(client)[where].findtext(f"{MAP}lastmod") == "2026-05-06"


def days(client: Client) -> list[str | None]:
    """Return when home, treatments and tests, team, and visit us changed, if told."""
    pages, paths = (
        mapped(client),
        ("/", "/treatments-and-tests/", "/our-team/", "/visit-us/"),
    )
    told = [
        [pages[f"{SITE}{before}{path}"].findtext(f"{MAP}lastmod") for path in paths]
        for before in ("", "/es")
    ]
    assert told[0] == told[1]
    return told[0]


def test_the_sitemap_says_when_what_a_fixed_page_shows_changed(
    client: Client, time_machine: Traveller, django_assert_num_queries
) -> None:
    assert days(client) == [None, None, None, None]

    def changes(row: Kept, day: str, **values: str) -> None:
        time_machine.move_to(f"{day}T22:00-05:00")
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
        versions.keep(type(row), [row.pk], by=FILES, now=timezone.now())

    service = a_service()
    changes(service, "2026-01-02")
    changes(clinic := Clinic(pk=1, name="C", phone="1", is_demo=True), "2026-01-03")
    changes(ana := Clinician(slug="a", name="A", profession="physician"), "2026-01-04")
    first = ["2026-01-03", "2026-01-02", "2026-01-04", "2026-01-03"]
    assert days(client) == first
    with django_assert_num_queries(6):
        mapped(client)

    changes(ana, "2026-02-01")  # saved, and says the same
    assert days(client) == first
    clinic.opening_hours.create(weekday=0, opens="09:00", closes="17:00")
    changes(clinic, "2026-03-01")
    assert days(client) == ["2026-03-01", "2026-01-02", "2026-01-04", "2026-03-01"]
    texts = {"name": "Masaje"}
    Translation.objects.create(
        model="service", row=service.pk, language="es", texts=texts,
        of_digest=service.english_digest(),
    )  # fmt: skip
    changes(service, "2026-04-01")
    assert days(client) == ["2026-04-01", "2026-04-01", "2026-01-04", "2026-03-01"]
    changes(ana, "2026-05-01", languages="Spanish")
    for slug in ("b", "c"):
        changes(a_service(slug), "2026-06-01")
    assert days(client) == ["2026-06-01", "2026-06-01", "2026-05-01", "2026-03-01"]
    with django_assert_num_queries(6):
        answer = client.get("/sitemap.xml")
    assert "Last-Modified" not in answer.headers


def test_robots_may_read_that_a_private_page_is_private(client: Client) -> None:
    text = client.get("/robots.txt").content.decode()
    assert text == f"User-agent: *\nDisallow:\n\nSitemap: {SITE}/sitemap.xml\n"


@pytest.mark.parametrize("path", ["/none/", "/treatments-and-tests/none/"])
def test_an_address_that_is_none_is_told_to_no_search_engine(
    client: Client, path: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert 'rel="canonical"' not in answer.text
    assert 'rel="alternate"' not in answer.text
    assert '<a href="/es/" lang="es"' in answer.text


def published_at(slug: str, row: Service | Page) -> None:
    """Give the page another address, by the road that keeps versions."""
    row.slug = slug
    row.save()
    versions.keep(type(row), [row.pk], by=FILES, now=timezone.now())


@pytest.mark.parametrize("before", ["", "/es"])
def test_an_old_address_leads_to_the_page(client: Client, before: str) -> None:
    service, page = a_service("a"), Page(title="P", body="x", is_published=True)
    for slug in ("a", "b", "c"):
        published_at(slug, service)
        published_at(slug, page)
    for kind in ("/treatments-and-tests", ""):
        for old in ("a", "b"):
            answer = client.get(f"{before}{kind}/{old}/")
            assert (answer.status_code, answer.headers["Location"]) == (
                301, f"{before}{kind}/c/",
            )  # fmt: skip
            # Else who was led on could open neither, once the page moves back.
            assert answer.headers["Cache-Control"] == "no-cache"


def test_an_address_that_is_used_again_leads_nowhere_else(client: Client) -> None:
    first, second = a_service("a"), a_service("b")
    for slug in ("a", "c", "a"):
        published_at(slug, first)
    published_at("c", second)
    for slug in ("a", "c"):
        assert client.get(f"/treatments-and-tests/{slug}/").status_code == 200
    answer = client.get("/treatments-and-tests/b/")
    assert answer.status_code == 404


def test_an_old_address_of_what_is_hidden_or_gone_is_not_found(client: Client) -> None:
    page = Page(title="P", body="x", is_published=True)
    published_at("a", page)
    published_at("b", page)
    Page.objects.update(is_published=False)
    assert client.get("/a/").status_code == 404
    page.delete()
    assert client.get("/a/").status_code == 404


def test_a_page_that_is_published_with_a_new_address_keeps_the_old_one(
    client: Client,
) -> None:
    page = Page.objects.create(slug="a", title="P", body="x", is_published=True)
    content = versions.content_of(page) | {"slug": "b"}
    draft = drafts.keep_draft(page, content, by=FILES, now=timezone.now())
    drafts.publish(page, drafts.seen(page, draft), by=FILES, now=timezone.now())
    assert client.get("/a/").headers["Location"] == "/b/"
