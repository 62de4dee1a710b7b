"""Times in words, and the next free ones for a service's page."""

import re
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlencode

from django import template
from django.template.defaultfilters import urlize
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from booking import clock, words
from booking.models import VisitType
from booking.picker import Filters, Times
from services import translation
from services.languages import unbroken
from services.models import Service

register = template.Library()
register.filter("moment", words.moment)
register.filter("zoned", words.zoned)
register.filter("length_words", words.length)
register.filter("who", words.who)

NEXT_DAYS = 3
TILE = (
    '<label class="time"><input type="{}" name="{}" value="{}" id="{}" aria-label="{}"'
    '{}{}><span aria-hidden="true">{}</span></label>'
)


# What `urlize` makes a link of has one of these.
LIKE_A_LINK = re.compile(r"://|@|www\.|\w\.\w")
# A phone number of this country, or a reference: of no use in pieces.
UNBROKEN = re.compile(
    r"(\(?\b\d{3}\)?[ .-]\d{3}[.-]\d{4}\b|\b[0-9A-Z]{4}-[0-9A-Z]{4}\b)"
)
# The number to call in an emergency, and no piece of another number.
EMERGENCY = re.compile(r"(?<![\w-])911(?![\w-])")
LABEL = re.compile(r"([^.:]{1,40}:)(?=\s|$)")


@register.filter
def linked(line: str) -> SafeString:
    """Make links of addresses and phone numbers; break no day, time or reference.

    `urlize` looks hard at each word: it is asked only where an address can be.
    """
    if LIKE_A_LINK.search(line):
        return urlize(line, autoescape=True)
    # Every other one is what it found.
    pieces = enumerate(UNBROKEN.split(unbroken(line)))
    return format_html_join("", "{}", ((_whole(p) if n % 2 else p,) for n, p in pieces))


def _whole(found: str) -> SafeString:
    digits = re.sub(r"\D", "", found)
    if len(digits) == 10:
        return format_html('<a class="whole" href="tel:+1{}">{}</a>', digits, found)
    return format_html('<span class="whole">{}</span>', found)


@register.filter
def labelled(line: str) -> SafeString:
    """Do the same, with what stands before a colon, such as “When:”, in bold."""
    _, label, rest = LABEL.split(line, 1) if LABEL.match(line) else ("", "", line)
    return format_html("<b>{}</b>{}", label, linked(rest)) if label else linked(rest)


@register.filter
def parts(text: str) -> list[tuple[str, list[str]]]:
    """Return the paragraphs of a mail's text as lines, each with what it is.

    That is a "link", after the line that says where it leads; "facts", one a line;
    "urgent", what to do in an emergency; or "".
    """
    paragraphs = [part.splitlines() for part in text.strip().split("\n\n")]
    return [(_kind(lines), lines) for lines in paragraphs]


def _kind(lines: list[str]) -> str:
    if len(lines) == 2 and lines[1].startswith(("https://", "http://")):
        return "link"
    if len(lines) > 1:
        return "facts"
    return "urgent" if EMERGENCY.search(lines[0]) else ""


class Slot(Protocol):
    """What a tile shows; `picker.Tile` is one."""

    id: str
    value: str
    label: str
    full_text: str
    checked: bool
    disabled: bool


@register.simple_tag
def tiles(slots: Iterable[Slot], kind: str, name: str) -> SafeString:
    """Write a day's times to choose from, in one go: there are up to a hundred."""
    return format_html_join(
        "\n",
        "{}",
        (
            (
                _tile(
                    kind, name, slot.value, slot.id, slot.full_text,
                    " checked" if slot.checked else "",
                    " disabled" if slot.disabled else "", slot.label,
                ),
            )
            for slot in slots
        ),
    )  # fmt: skip


@lru_cache(maxsize=5000)
def _tile(*parts: str) -> SafeString:
    """Write one of them; the same ones are on page after page."""
    return format_html(TILE, *parts)


@register.inclusion_tag("booking/next_free_times.html", takes_context=True)
def next_free_times(context: dict[str, Any], service: Service) -> dict[str, Any]:
    """List the first free time of each of the next days, as links that preselect it.

    Takes the service's first kind of visit. Without one, or without times, says so.
    """
    bookable = VisitType.objects.bookable().select_related("service")
    visit_type = bookable.filter(service=service).order_by("order", "pk").first()
    found: list[dict[str, str]] = []
    if visit_type:
        # Who follows one of the links is asked for the referral on the way.
        translation.say([visit_type])
        times = Times(visit_type, Filters(), now=clock.now(), has_referral=True)
        found = [_offer(visit_type, start) for start in times.next_times(NEXT_DAYS)]
    return {
        "visit_type": visit_type,
        "times": found,
        "clinic": context.get("clinic"),
        "opening_hours_summary": context.get("opening_hours_summary"),
    }


def _offer(visit_type: VisitType, start: datetime) -> dict[str, str]:
    query = urlencode(
        {
            "service": visit_type.service.slug,
            "visit": visit_type.code,
            "start": words.as_value(start),
        }
    )
    return {
        "url": f"{reverse('booking:start')}?{query}",
        "label": words.brief(start),
    }
