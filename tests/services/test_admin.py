"""Staff edit what the site says, and see which rows the files no longer change."""

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from services.drafts import draft_of, publish, seen
from services.models import Clinic, Clinician, Page, Service
from services.versions import FILES

pytestmark = pytest.mark.usefixtures("content")


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
