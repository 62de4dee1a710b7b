"""What a script adds to the form of a page; the form works without it."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from services.drafts import keep_draft
from services.models import Service
from services.versions import Who, content_of
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


def test_a_new_page_gets_its_address_from_its_name(
    admin_client: Client, page: Page
) -> None:
    serve(page, admin_client)
    page.goto(f"{HOST}{reverse('admin:services_service_add')}")
    first = page.locator("#service_form fieldset input").first
    expect(first).to_have_attribute("name", "name")
    first.press_sequentially("Nerve test (EMG)")
    expect(page.locator("#id_slug")).to_have_value("nerve-test-emg")
    page.get_by_text("Add another Section").click()
    page.locator("[name=sections-0-question]").press_sequentially("Is it safe?")
    expect(page.locator("[name=sections-0-anchor]")).to_have_value("is-it-safe")
    page.locator("#id_slug").fill("two words")
    page.locator("[name=_save]").first.click()
    told = page.get_by_role("link", name="End of the address: Use letters, numbers")
    expect(told).to_be_visible()


def test_the_address_of_a_page_stays_while_its_name_changes(
    admin_client: Client, page: Page
) -> None:
    service = Service.objects.create(slug="a", kind="test", name="A", summary="What.")
    serve(page, admin_client)
    page.goto(f"{HOST}{reverse('admin:services_service_change', args=[service.pk])}")
    page.locator("#id_name").press_sequentially(" and more")
    expect(page.locator("#id_slug")).to_have_value("a")


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
    expect(told).to_have_text("It cannot be shown yet. Name: Fill this in.")
    expect(shown.locator("#why .note")).to_be_visible()  # what was shown last
    assert service.sections.get().answer == "So."


def test_what_was_typed_into_an_older_page_is_sent_as_such(
    admin_client: Client, page: Page
) -> None:
    service = Service.objects.create(slug="a", kind="test", name="A", summary="What.")
    serve(page, admin_client)
    change = f"{HOST}{reverse('admin:services_service_change', args=[service.pk])}"
    page.goto(change)
    page.locator("#id_summary").fill("Mine.")
    page.goto(f"{HOST}/admin/")
    content = content_of(service) | {"name": "Theirs"}
    keep_draft(service, content, by=Who("Mia"), now=timezone.now())

    page.go_back()

    expect(page.locator("#id_name")).to_have_value("Theirs")
    expect(page.locator("#id_summary")).to_have_value("Mine.")
    page.locator("[name=_save]").first.click()
    expect(page.get_by_text("This page was changed by Mia").first).to_be_visible()
    expect(page.locator("#id_summary")).to_have_value("Mine.")


WORD = """<html><head><style><!-- @list l0:level1 --></style></head><body>
<h1><span style='font-size:16.0pt'>Get ready<o:p></o:p></span></h1>
<p class=MsoNormal>Do <b>keep taking </b>your&nbsp;medicines.<o:p></o:p></p>
<p class=MsoListParagraph style='mso-list:l0 level1 lfo1'>
<span style='mso-list:Ignore'>·&nbsp;</span>A list</p>
<p class=MsoListParagraph style='mso-list:l0 level2 lfo1'>
<span><span style='mso-list:Ignore'>o&nbsp;</span></span>of <i>them</i></p>
<p class=MsoNormal><o:p>&nbsp;</o:p></p>
<p class=MsoListParagraph style='mso-list:l1 level1 lfo2'>
<span style='mso-list:Ignore'>1.&nbsp;</span>Step<span
class=MsoCommentReference>[A1]</span></p>
<table><tr><td><p>Aspirin</p></td><td><p>Go | on</p></td></tr></table>
<p>Take <del>two</del><span class=msoDel>some</span><ins>one</ins>, 10
cm<sup>2</sup><a href="#_ftn1"><sup>1</sup></a>.</p>
<p class=MsoListParagraph style='mso-list:l0 level1 lfo1'><span
style='mso-list:Ignore'>·&nbsp;</span><del>Gone</del></p>
<p><img src="file:///c:/a.png"></p>
<div style='mso-element:comment-list'><div style='mso-element:comment'><p>Right?</p>
</div></div></body></html>"""
DOCS = """<b style="font-weight:normal"><p><span style="font-weight:700">Two</span> <a
href="https://www.google.com/url?q=https://www.hhs.gov/ocr/&amp;sa=D">links</a> and
<a href="http://localhost/visit-us/">this</a></p><ul><li><p>One</p></li>
<ul><li><p>in it</p></li></ul></ul><p>A <s>b</s><sup><a href="#cmnt1">[a]</a></sup></p>
<p><a href="#cmnt_ref1">[a]</a>Why?</p></b>"""


def test_what_is_pasted_from_other_programs_keeps_what_the_design_has(
    page: Page,
) -> None:
    page.route("**/*", lambda route: route.fulfill(body="", content_type="text/html"))
    page.goto(HOST)
    page.set_content('<label>Answer <textarea name="answer"></textarea></label>')
    page.add_script_tag(path=ROOT / "static" / "js" / "editor.js")
    field = page.locator("textarea")

    def pasted(html: str) -> str:
        field.fill("")
        field.evaluate(
            """(field, html) => {
              const clipboardData = new DataTransfer();
              clipboardData.setData("text/html", html);
              const options = { clipboardData, bubbles: true, cancelable: true };
              field.dispatchEvent(new ClipboardEvent("paste", options));
            }""",
            html,
        )
        return field.input_value()

    assert pasted(WORD) == (
        "### Get ready\n\nDo **keep taking** your medicines.\n\n"
        "- A list\n   - of them\n1. Step\n\n| Aspirin | Go \\| on |\n| - | - |\n\n"
        "Take one, 10 cm²¹."
    )
    told = page.get_by_role("status")
    left_out = "Left out: pictures, comments, words that were deleted in it."
    expect(told).to_contain_text(left_out)
    assert pasted("<img src=a.png>") == ""
    expect(told).to_have_text("Left out: pictures.")
    docs = pasted(DOCS)
    assert docs == (
        "**Two** [links](https://www.hhs.gov/ocr/) and [this](/visit-us/)\n\n"
        "- One\n   - in it\n\nA b"
    )
    expect(told).to_contain_text("Left out: comments. Words that are crossed out in it")
    field.press("Control+z")
    expect(field).not_to_have_value(docs)
