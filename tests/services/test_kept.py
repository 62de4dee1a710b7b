"""What is the same on page after page: rendered once, and anew when it changes."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.template import Context, Template, engines
from django.utils.functional import SimpleLazyObject
from django.utils.translation import override

from services.models import Clinic, Page


def template(uses: str, inside: str) -> Template:
    engine: Any = engines["django"]
    found: Template = engine.engine.from_string(
        f"{{% load i18n kept %}}{{% kept {uses} %}}{inside}{{% endkept %}}"
    )
    return found


def test_what_is_kept_is_rendered_once_for_each_value():
    asked = []

    def answer() -> str:
        asked.append(1)
        return "text"

    page = template("of", "{{ of }} {{ answer }}")

    said = [page.render(Context({"of": n, "answer": answer})) for n in (1, 2, 1, 2)]

    assert said == ["1 text", "2 text", "1 text", "2 text"]
    assert len(asked) == 2


@pytest.mark.parametrize("field", ["name", "phone", "is_demo"])
def test_a_change_of_any_field_is_seen_at_once(field):
    page = template("clinic", f"{{{{ clinic.{field} }}}}")
    clinic = Clinic(name="Before", phone="(212) 555-0100", is_demo=False)
    before = page.render(Context({"clinic": clinic}))
    setattr(clinic, field, "after")

    after = page.render(Context({"clinic": clinic}))

    assert after == "after" != before


def test_a_text_that_is_no_longer_left_in_english_is_marked_no_longer():
    page = template("clinic", "{{ clinic|said:'name' }}")
    clinic = Clinic(name="Demo")
    clinic.left_english = frozenset(["name"])
    assert page.render(Context({"clinic": clinic})) != "Demo"

    clinic.left_english = frozenset()

    assert page.render(Context({"clinic": clinic})) == "Demo"


def test_a_change_in_a_list_is_seen_at_once():
    page = template("pages", "{% for page in pages %}{{ page.title }} {% endfor %}")
    pages = [Page(slug="a", title="A"), Page(slug="b", title="B")]

    assert page.render(Context({"pages": pages})) == "A B "
    assert page.render(Context({"pages": pages[:1]})) == "A "
    pages[0].title = "Other"
    assert page.render(Context({"pages": pages})) == "Other B "
    assert page.render(Context({})) == ""


@dataclass(frozen=True)
class Tile:
    label: str
    checked: bool = False


def test_a_change_in_a_frozen_value_is_seen_at_once():
    page = template("of", "{% for t in of %}{{ t.label }}{{ t.checked }} {% endfor %}")
    said = [
        page.render(Context({"of": of}))
        for of in ([Tile("a")], (Tile("a"), Tile("b")), [Tile("a", checked=True)])
    ]

    assert said == ["aFalse ", "aFalse bFalse ", "aTrue "]


def test_a_lazy_row_is_the_row_that_it_stands_for():
    page = template("clinic", "{{ clinic.name }}")
    for name in ("Before", "After"):
        lazy = SimpleLazyObject(lambda name=name: Clinic(name=name))
        assert page.render(Context({"clinic": lazy})) == name


@pytest.mark.parametrize("said", ["Monday to Friday", "", None, [Page(title="A")]])
def test_a_lazy_value_is_kept_as_what_it_stands_for(said):
    page = template("said", "{{ said|default:'nothing' }}")

    texts = [page.render(Context({"said": value})) for value in (said, "Closed")]
    assert len(set(texts)) == 2
    for value, text in zip((said, "Closed"), texts, strict=True):
        lazy = SimpleLazyObject(lambda value=value: value)
        assert page.render(Context({"said": lazy})) == text
    assert len(page.nodelist[-1].texts) == 2


def test_each_language_has_its_own():
    page = template("", "{% get_current_language as code %}{{ code }}")
    said = []
    for code in ("en", "es", "en"):
        with override(code):
            said.append(page.render(Context()))

    assert said == ["en", "es", "en"]


def test_no_more_is_kept_than_some():
    page = template("of", "{{ of }}")

    said = [page.render(Context({"of": n})) for n in range(250)]

    assert said == [str(n) for n in range(250)]
    assert len(page.nodelist[-1].texts) <= 100
