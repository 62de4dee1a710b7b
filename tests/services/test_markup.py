"""Staff are told what patients would not see of a text, and nothing of it is lost."""

import pytest
from django.test import Client
from django.urls import reverse

from services import comparing
from services.markup import WAYS, unseen
from services.models import Draft, Page, Service
from services.templatetags.content import markdown
from services.versions import content_of


@pytest.mark.parametrize(
    ("typed", "words", "why"),
    [
        ("<div>a</div>", "<div>", "nothing like this"),
        ("a<!-- b -->", "<!-- -->", "nothing like this"),
        ("`a`", "<code>", "nothing like this"),
        ("<script>alert(1)</script>", "<script>", "nothing like this"),
        ("![a](/b.png)", "<img>", "no pictures"),
        ("# Big", "<h1>", "Begin it with ###"),
        ('<span style="color: red">a</span>', "style=", "how its pages look"),
        ("[a](javascript:x)", "[a](javascript:x)", "no link"),
        ('<a href="data:text/html,x">a</a>', "data:text/html,x", "no link"),
        ("::: warning\na", "::: warning", "end it with :::"),
        ("::: other\na\n:::", "::: other", "name of a block"),
        ("::: do\n::: more b\na\n:::\n:::", "::: more b", "none into another"),
        ("::: more\na\n:::", "::: more", "no heading to open it"),
        ("::: do\n<b>a</b>\n:::", "<b>", "nothing like this"),
        ("Bring:\n•\tyour list", "•\tyour list", "each line of a list with -"),
        ("·       your list", "·       your list", "each line of a list with -"),
        ("Bring:\r\no\tyour list", "o\tyour list", "each line of a list with -"),
        ("– your list", "– your list", "each line of a list with -"),
        ("Aspirin\tStop", "Aspirin\tStop", "would run together"),
    ],
)
def test_what_patients_would_not_see_is_named(typed: str, words: str, why: str) -> None:
    [flag] = [flag for flag in unseen(typed) if flag.words != ":::"]
    assert flag.words == words
    assert why in flag.why


@pytest.mark.parametrize(
    "typed",
    [
        "5 < 6 & 7, at 9:00 - or 10:00",
        '<span lang="ar" dir="rtl">العربية</span>',
        "[a](/b/), [c](tel:+12125550143), [d](#afterwards), [e](/f/?g=h:i)",
        "1.\tstep\n2.\tstep\n\n-\tone\n\t- two",
        "**O** negative, o bien – as people say – so.",
        "### A\n\n|a|\n|-|\n|b|",
        "::: more A\r\n- b\r\n:::\r\n\r\n::: call-911\r\n- c\r\n:::",
        *(str(typed) for _name, typed in WAYS),
    ],
)
@pytest.mark.django_db
def test_what_patients_see_is_let_be(typed: str) -> None:
    assert unseen(typed) == []
    assert ":::" not in markdown(typed)


@pytest.mark.usefixtures("content")
def test_the_content_files_say_nothing_that_is_not_seen() -> None:
    for row in [*Service.objects.all(), *Page.objects.all()]:
        texts = comparing.texts_of(row.content_kind(), content_of(row))
        assert [
            (where, unseen(text)) for where, text in texts.items() if unseen(text)
        ] == []


@pytest.mark.django_db
def test_whoever_saves_it_is_told_and_it_is_kept(admin_client: Client) -> None:
    page = Page.objects.create(slug="a", title="A", body="Text")
    path = reverse("admin:services_page_change", args=[page.pk])
    body = "<div>Come in.</div>\n\n::: warning\nMind the step."
    sent = {"slug": "a", "title": "A", "body": body, "order": 0}

    told = admin_client.post(path, sent, follow=True).text

    assert "Body: “&lt;div&gt;”. A page has nothing like this" in told
    assert "Body: “::: warning”. Patients would read these signs." in told
    assert Draft.objects.get().content["body"] == body
