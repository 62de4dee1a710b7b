"""Each message as a mail program on a small phone shows it, by day and by night."""

import re

import pytest
from django.template.loader import render_to_string

from tests.browser import NewPage, axe
from tests.plugin import ROOT

pytestmark = pytest.mark.either_database

WRITTEN = re.compile(r"```text\nSubject: ([^\n]*)\n\n(.*?)```", re.DOTALL)


def a_mail(subject: str, text: str) -> str:
    """Return the HTML part of a message on the page of all messages."""
    context = {"heading": subject, "text": text.strip()}
    return render_to_string("emails/message.html", context)


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_a_message_fits_a_small_phone_and_can_be_read(
    new_page: NewPage, color_scheme: str
):
    page = new_page(width=320, color_scheme=color_scheme)
    found = WRITTEN.findall((ROOT / "docs" / "messages.md").read_text())
    assert len(found) >= 25
    too_wide = []
    for subject, text in found:
        page.set_content(a_mail(subject, text))
        if page.evaluate("document.documentElement.scrollWidth") > 320:
            too_wide.append(subject)
    assert too_wide == []
    axe(page)
