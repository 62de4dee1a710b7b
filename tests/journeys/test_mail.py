"""Each message as a mail program on a small phone shows it, by day and by night."""

import re

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import override

from tests.browser import NewPage, axe
from tests.plugin import ROOT
from tests.valid_html import assert_valid_html

pytestmark = pytest.mark.either_database

WRITTEN = re.compile(r"### (\w+)\n\n```text\nSubject: ([^\n]*)\n\n(.*?)```", re.DOTALL)


def messages_in(name: str) -> list[tuple[str, str]]:
    """Return subject and text of each on the page of all messages, in a language."""
    page = (ROOT / "docs" / "messages.md").read_text()
    return [(subject, text) for lang, subject, text in WRITTEN.findall(page)
            if lang == name]  # fmt: skip


def a_mail(subject: str, text: str) -> str:
    # A real link is as long as its token.
    text = text.strip().replace("/…/", f"/{43 * 'x'}/")
    context = {"heading": subject, "text": text}
    return render_to_string("emails/message.html", context)


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_a_message_fits_a_small_phone_and_can_be_read(
    new_page: NewPage, color_scheme: str
):
    page = new_page(width=320, color_scheme=color_scheme)
    too_wide, counts = [], []
    for code, name in settings.LANGUAGES:
        found = messages_in(name)
        with override(code):
            for subject, text in found:
                page.set_content(a_mail(subject, text))
                if page.evaluate("document.documentElement.scrollWidth") > 320:
                    too_wide.append(subject)
        axe(page)
        counts.append(len(found))
    assert too_wide == []
    assert min(counts) >= 25
    assert len(set(counts)) == 1


def test_every_message_is_valid_html():
    sent = {}
    for code, name in settings.LANGUAGES:
        with override(code):
            sent |= {f"{code}, {s}": a_mail(s, text) for s, text in messages_in(name)}
    assert_valid_html(sent)
