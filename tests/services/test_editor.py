"""What a script adds to the form of a page; the form works without it."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from services.models import Service
from tests.chromium import HOST, serve
from tests.plugin import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]


def places(page: Page) -> list[tuple[str, str]]:
    """Return the facts from top to bottom, each with the number that would be sent."""
    rows = page.locator("#facts-group .inline-related:not(.empty-form)").all()
    return [
        (
            row.locator("[name$=label]").input_value(),
            row.locator("[name$=order]").input_value(),
        )
        for row in rows
    ]


def test_facts_are_ordered_by_dragging_and_by_buttons(
    admin_client: Client, page: Page
) -> None:
    service = Service.objects.create(slug="a", kind="test", name="A", summary="What.")
    for number, label in enumerate(["Pain", "Length", "Rest"]):
        service.facts.create(label=label, value="Some", order=number)
    form = admin_client.get(reverse("admin:services_service_change", args=[service.pk]))
    _head, main, _rest = re.split("<main|</main>", form.text)
    page.set_content(f"<main{main}</main>")
    page.add_script_tag(path=ROOT / "static" / "js" / "editor.js")

    rest = page.locator("#facts-2")
    rest.get_by_role("button", name="Move up").click()
    assert places(page) == [("Pain", "1"), ("Rest", "2"), ("Length", "3")]
    expect(page.get_by_text("Now in place 2 of 3.")).to_be_visible()

    handle = page.locator("#facts-1 [draggable]")
    handle.drag_to(page.locator("#facts-0"), target_position={"x": 20, "y": 2})
    assert places(page) == [("Length", "1"), ("Pain", "2"), ("Rest", "3")]


def test_the_page_is_shown_while_somebody_writes(
    admin_client: Client, page: Page
) -> None:
    service = Service.objects.create(slug="a", kind="test", name="A", summary="What.")
    service.sections.create(anchor="why", question="Why?", answer="So.", order=1)

    serve(page, admin_client)
    change = reverse("admin:services_service_change", args=[service.pk])
    page.goto(f"{HOST}{change}")
    page.get_by_role("button", name="On a phone").press("Enter")
    shown = page.frame_locator(".live iframe")
    expect(shown.get_by_text("So.")).to_be_visible()

    page.locator("[name=sections-0-answer]").fill("::: warning Mind\nthe step.\n:::")
    expect(shown.locator("#why .note")).to_contain_text("the step.")

    page.locator("#id_name").fill("")
    told = page.locator(".live [role=status]")
    expect(told).to_have_text("It cannot be shown yet. Name: This field is required.")
    expect(shown.locator("#why .note")).to_be_visible()  # what was shown last
    assert service.sections.get().answer == "So."
