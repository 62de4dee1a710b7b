"""Links that lead patients astray are flagged on saving, and never refused."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from services import comparing, versions
from services.astray import Site
from services.models import Clinic, Clinician, Draft, Page, Service
from services.outline import anchors, outline
from services.versions import FILES, content_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def pages() -> None:
    """Publish a page and rename it; have a draft, and one that patients never read."""
    page = Page.objects.create(slug="old", title="A", body="## B", is_published=True)
    versions.keep(Page, [page.pk], by=FILES, now=timezone.now())
    Page.objects.filter(pk=page.pk).update(slug="new")
    Page.objects.create(slug="draft", title="A", body="B")
    Service.objects.create(
        slug="a-test",
        kind="test",
        name="A",
        summary="B",
        is_published=True,
        preparation="C",
    )
    Clinician.objects.create(slug="ana", name="A", profession="nurse")
    Clinic.objects.create(pk=1, name="A", phone="212-555-0143")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("/nothing/", "no such page"),
        ("/es/nothing/", "no such page"),
        ("/a/b/c/", "no such page"),
        ("/treatments-and-tests/nothing/", "no such page"),
        (f"{settings.SITE_URL}/nothing/", "no such page"),
        ("https://[/", "no such page"),
        ("/draft/", "it is a draft"),
        ("/old/", "Let the link end in /new/."),
        ("/es/old/", "Let the link end in /new/."),
        ("/admin/", "Patients cannot open"),
        ("http://www.example.com/", "comes over http"),
        ("HTTP://www.example.com/", "comes over http"),
        ("www.example.com", "Begin its address with /"),
        ("//www.example.com/a", "Begin its address with /"),
        ("visit-us/", "Begin its address with /"),
        ("/new/#part-2", "no such part"),
        ("/es/new/#part-2", "no such part"),
        ("/treatments-and-tests/a-test/#afterwards", "no such part"),
        ("/visit-us#nothing", "no such part"),
        ("#part-2", "no such part"),
    ],
)
def test_a_link_that_leads_astray_is_named_with_the_way_on(
    address: str, why: str
) -> None:
    text = f'See [this]({address}), and <a href="{address}">that</a>.'
    [flag] = Site().astray(text, ["part-1"])
    assert flag.words == address
    assert why in flag.why


@pytest.mark.parametrize(
    "address",
    [
        "/", "/es/", "/new/", "/new#part-1", "/es/new/#part-1", "/new/#main",
        "/treatments-and-tests/a-test/#get-ready", "/book/?service=a-test",
        "/visit-us/#contact", "/our-team/#ana", "#part-1", "#main",
        "tel:+12125550143", "mailto:a@example.com",
        "https://www.example.com/a?b=http://c", f"{settings.SITE_URL}/new/",
    ],
)  # fmt: skip
def test_a_link_that_leads_somewhere_is_let_be(address: str) -> None:
    text = f"::: do\n[This]({address})\n:::"
    assert list(Site().astray(text, ["part-1"])) == []


def test_whoever_saves_it_is_told_and_it_is_kept(admin_client: Client) -> None:
    page = Page.objects.get(slug="new")
    body = "Read [how to find us](/old/)."
    path = reverse("admin:services_page_change", args=[page.pk])
    sent = {"slug": "new", "title": "A", "body": body, "order": 0}

    told = admin_client.post(path, sent, follow=True).text

    assert "Body: “/old/”. That page has another address now." in told
    assert Draft.objects.get().content["body"] == body


def test_a_draft_may_lead_to_the_parts_that_it_will_have() -> None:
    row = Service.objects.get()
    row.sections.create(anchor="old", question="B", answer="C", order=1)
    assert anchors("service", content_of(row)) == [p.anchor for p in outline(row)]
    content = {"body": "## A\n\n[a](#part-1) [b](#part-2)"}
    [(_where, flag)] = comparing.flagged("page", content)
    assert flag.words == "#part-2"


def test_many_links_cost_as_many_queries_as_one(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for text in ("[a](/old/)", "[a](/old/) [b](/nothing/) [c](/draft/) [d](/new/)"):
        with django_assert_num_queries(3):
            list(Site().astray(text))
