"""Staff edit what the site says, and see which rows the files no longer change."""

import re
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from services.drafts import draft_of, publish, seen
from services.models import Clinic, Clinician, Page, Service, Translation
from services.versions import FILES

pytestmark = pytest.mark.usefixtures("shared_content")


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("clinic", Clinic),
        ("clinician", Clinician),
        ("service", Service),
        ("page", Page),
    ],
)
def test_staff_open_each_list_and_form(
    admin_client: Client,
    name: str,
    model: type[Clinic | Clinician | Service | Page],
) -> None:
    row = model._default_manager.first()
    assert row is not None
    listing = admin_client.get(reverse(f"admin:services_{name}_changelist"))
    form = admin_client.get(reverse(f"admin:services_{name}_change", args=[row.pk]))
    assert (listing.status_code, form.status_code) == (200, 200)


@pytest.mark.parametrize("model", [Service, Page])
def test_each_list_of_pages_says_when_they_are_to_be_read_again(
    admin_client: Client, model: type[Service | Page]
) -> None:
    model._default_manager.update(next_review=date(2027, 6, 1))
    listing = admin_client.get(
        reverse(f"admin:services_{model.content_kind()}_changelist")
    )
    assert ">Jun 1, 2027<" in listing.text


def test_lists_say_yes_and_no_in_words(admin_client: Client) -> None:
    """Django's red cross would make a fault of what nobody has edited."""
    Page.objects.filter(slug="accessibility").update(is_published=False)
    pages = admin_client.get(reverse("admin:services_page_changelist")).text
    assert '<td class="field-is_published">No</td>' in pages
    assert '<td class="field-is_published">Yes</td>' in pages
    assert '<td class="field-edited">No</td>' in pages
    assert "icon-yes" not in pages
    assert "icon-no" not in pages
    assert 'class="sortable column-is_published"' in pages
    form = admin_client.get(reverse("admin:services_clinic_change", args=[1])).text
    assert '<div class="readonly">No</div>' in form


def test_staff_read_the_name_of_a_language(admin_client: Client) -> None:
    texts = admin_client.get(reverse("admin:services_translation_changelist")).text
    assert '<td class="field-language_name">Spanish</td>' in texts
    assert ">Clinic: " in texts
    one = Translation.objects.filter(language="es", model="fact").first()
    assert one is not None
    path = reverse("admin:services_translation_change", args=[one.pk])
    page = admin_client.get(path).text
    assert '<div class="readonly">Spanish</div>' in page
    assert re.search("<h1>Fact: .+, Spanish</h1>", page)
    words = reverse("admin:services_samewords_changelist")
    spanish = admin_client.get(words, {"language": "es"}).text
    assert '<td class="field-language_name">Spanish</td>' in spanish
    assert '<td class="field-language_name">English</td>' not in spanish


def test_what_was_deleted_is_translated_no_more(admin_client: Client) -> None:
    row = Page.objects.create(slug="gone", title="Gone")
    one = Translation.objects.create(model="page", row=row.pk, language="es")
    path = reverse("admin:services_translation_change", args=[one.pk])
    row.delete()
    page = admin_client.get(path)
    assert (page.status_code, 'name="_save"' in page.text) == (200, False)
    sent = {"text_title": "Ido", "seen": ""}
    assert admin_client.post(path, sent).status_code == 403


@pytest.mark.parametrize("name", ["clinic", "clinician", "service", "page", "photo"])
def test_each_label_begins_with_a_capital(admin_client: Client, name: str) -> None:
    there = "add" if name == "photo" else "changelist"
    page = admin_client.get(reverse(f"admin:services_{name}_{there}"))
    if name != "photo":
        row = page.context["cl"].result_list[0]
        page = admin_client.get(reverse(f"admin:services_{name}_change", args=[row.pk]))
    labels = re.findall(r"<label[^>]*>\s*([^<]+)", page.text)
    assert labels
    assert [label for label in labels if label[0].islower()] == []


def test_the_one_clinic_can_be_neither_added_nor_deleted(admin_client: Client) -> None:
    add = admin_client.get(reverse("admin:services_clinic_add"))
    delete = admin_client.get(reverse("admin:services_clinic_delete", args=[1]))
    assert (add.status_code, delete.status_code) == (403, 403)


def test_page_that_staff_change_counts_as_edited(admin_client: Client) -> None:
    page = Page.objects.get(slug="accessibility")
    assert not page.edited_by_staff

    response = admin_client.post(
        reverse("admin:services_page_change", args=[page.pk]),
        {
            "slug": page.slug,
            "title": page.title,
            "summary": page.summary,
            "body": "Ours.",
            "order": page.order,
            "is_published": "on",
        },
    )

    assert response.status_code == 302
    publish(page, seen(page, draft_of(page)), by=FILES, now=timezone.now())
    page.refresh_from_db()
    assert (page.body, page.edited_by_staff) == ("Ours.", True)


def test_hours_that_end_before_they_begin_are_refused_in_words(
    admin_client: Client,
) -> None:
    path = reverse("admin:services_clinic_change", args=[1])
    form = admin_client.get(path).context["adminform"].form
    sent = {name: form[name].value() for name in form.fields} | {
        "opening_hours-TOTAL_FORMS": 1,
        "opening_hours-INITIAL_FORMS": 0,
        "opening_hours-0-weekday": 6,
        "opening_hours-0-opens": "12:00",
        "opening_hours-0-closes": "11:00",
    }

    page = admin_client.post(path, sent)

    assert page.status_code == 200
    words = page.content.decode()
    assert "The end must be after the start." in words
    assert "opening_hours_close_after_they_open" not in words
    assert 'type="time"' in words
