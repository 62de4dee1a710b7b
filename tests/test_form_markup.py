"""What our crispy template pack makes of each kind of field."""

from typing import Any

import pytest
from crispy_forms.helper import FormHelper
from crispy_forms.layout import Layout
from crispy_forms.utils import render_crispy_form
from django import forms
from django.template.loader import render_to_string
from django.test.html import Element, parse_html

from clinic_site.styleguide import SampleForm

TYPED = {
    "name": "Ada",
    "email": "ada@example.com",
    "birth_date_month": "4",
    "birth_date_day": "27",
    "birth_date_year": "1980",
    "reach": "phone",
    "days": ["0", "2"],
    "language": "en",
    "note": "",
    "agree": "on",
}


def elements(node: Any, *names: str) -> list[Element]:
    """Return the elements called one of `names`, or all, in the order of the page."""
    found = []
    for child in getattr(node, "children", []):
        if isinstance(child, Element):
            if not names or child.name in names:
                found.append(child)
            found += elements(child, *names)
    return found


def attribute(element: Element, name: str) -> str:
    return str(dict(element.attributes).get(name, ""))


def text(node: Any) -> str:
    """Return the words in an element, with single spaces."""
    if not isinstance(node, Element):
        return " ".join(str(node).split())
    return " ".join(filter(None, map(text, node.children)))


def render(form: forms.Form) -> Element:
    page = parse_html(f"<main>{render_crispy_form(form, form.helper)}</main>")
    assert isinstance(page, Element)
    return page


def by_id(page: Element) -> dict[str, Element]:
    return {attribute(e, "id"): e for e in elements(page) if attribute(e, "id")}


@pytest.fixture(params=[{}, TYPED, None], ids=["wrong", "right", "empty"])
def page(request: pytest.FixtureRequest) -> Element:
    return render(SampleForm(request.param))


def test_every_reference_leads_to_an_element_of_the_page(page: Element) -> None:
    ids = [attribute(e, "id") for e in elements(page) if attribute(e, "id")]
    references = {
        reference
        for e in elements(page)
        for name in ("for", "aria-describedby")
        for reference in attribute(e, name).split()
    }
    assert sorted(ids) == sorted(set(ids))
    assert references - set(ids) == set()
    assert len(references) > 10


def test_every_control_has_one_label(page: Element) -> None:
    controls = [
        attribute(e, "id")
        for e in elements(page, "input", "select", "textarea")
        if attribute(e, "type") != "hidden"
    ]
    labels = [attribute(e, "for") for e in elements(page, "label")]
    assert sorted(labels) == sorted(controls)


def test_help_text_and_choices_are_escaped() -> None:
    form = SampleForm()
    form.fields["reach"].choices = [("<b>", "<b>Fax</b>")]
    form.fields["name"].label = "<i>Name</i>"
    html = render_crispy_form(form, form.helper)
    assert "if you have &lt;one&gt;." in html
    assert "&lt;b&gt;Fax&lt;/b&gt;" in html
    assert "&lt;i&gt;Name&lt;/i&gt;" in html


def test_a_field_reads_label_hint_error_control() -> None:
    page = render(SampleForm({}))
    first = next(e for e in elements(page, "div") if "field" in attribute(e, "class"))
    assert [(e.name, text(e)) for e in elements(first)] == [
        ("label", "Your name"),
        ("p", "As it stands on your insurance card, if you have <one>."),
        ("div", "Error: Write your name."),
        ("p", "Error: Write your name."),
        ("span", "Error:"),
        ("input", ""),
    ]


def test_an_error_is_heard_with_its_control() -> None:
    form = SampleForm({"email": "ada@"})
    page = render(form)
    ids = by_id(page)
    heard = {}
    for described in elements(page, "input", "select", "textarea", "fieldset"):
        for reference in attribute(described, "aria-describedby").split():
            if reference.endswith("_error"):
                heard[reference] = text(ids[reference])
    assert heard == {
        f"id_{name}_error": f"Error: {errors[0]}"
        for name, errors in form.errors.items()
    }
    assert set(form.errors) == {*form.fields} - {"note", "step"}


def test_groups_are_fieldsets_with_the_question_as_legend(page: Element) -> None:
    assert [text(legend) for legend in elements(page, "legend")] == [
        "Date of birth",
        "How should we reach you?",
        "Which days suit you?",
    ]


def test_only_fields_one_may_skip_are_marked(page: Element) -> None:
    marked = [text(e) for e in elements(page, "label", "legend") if "(" in text(e)]
    assert marked == ["Email address (optional)", "What should we know? (optional)"]


def test_the_browser_fills_in_what_it_knows_and_leaves_checking_to_us() -> None:
    page = render(SampleForm())
    (form,) = elements(page, "form")
    assert "novalidate" in dict(form.attributes)
    assert [
        attribute(e, "autocomplete")
        for e in elements(page, "input")
        if attribute(e, "autocomplete")
    ] == ["name", "email", "bday-month", "bday-day", "bday-year"]


def test_nothing_typed_is_lost_after_an_error() -> None:
    page = render(SampleForm({**TYPED, "name": "", "note": "<b> & more"}))
    ids = by_id(page)
    assert attribute(ids["id_email"], "value") == "ada@example.com"
    assert [attribute(ids[f"id_birth_date_{n}"], "value") for n in range(3)] == [
        "4",
        "27",
        "1980",
    ]
    assert "checked" in dict(ids["id_reach_0"].attributes)
    assert text(ids["id_note"]) == "<b> & more"


def test_the_summary_leads_to_the_first_control_of_each_wrong_field() -> None:
    form = SampleForm({"email": "ada@"})
    form.add_error(None, "We could not save that.")
    page = parse_html(render_to_string("components/error_summary.html", {"form": form}))
    links = [(attribute(e, "href"), text(e)) for e in elements(page, "a")]
    assert links == [
        ("#id_name", "We could not save that."),
        ("#id_name", "Write your name."),
        ("#id_email", "Write the email address like name@example.com."),
        ("#id_birth_date_0", "Write your date of birth, like 4 27 1980."),
        ("#id_reach_0", "Choose how we should reach you."),
        ("#id_days_0", "Choose at least one day."),
        ("#id_language", "Choose a language."),
        ("#id_agree", "Tick the box to go on."),
    ]
    targets = by_id(render(SampleForm({"email": "ada@"})))
    assert {href for href, _ in links} <= {f"#{name}" for name in targets}


@pytest.mark.parametrize(("name", "around"), [("reach", "legend"), ("name", "label")])
def test_the_one_question_of_a_page_can_be_its_heading(name: str, around: str) -> None:
    form = SampleForm()
    form.helper = FormHelper()
    form.helper.question_is_heading = True
    form.helper.layout = Layout(name)
    (question,) = elements(render(form), around)[:1]
    assert [text(e) for e in elements(question, "h1")] == [form[name].label]
