"""The languages of the site: one page in each, and how each writes dates.

A language is its address, its catalogue and its texts; no code names one.
"""

import re
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.conf.locale import LANG_INFO
from django.http import HttpRequest
from django.urls import ResolverMatch, reverse
from django.utils.formats import date_format
from django.utils.translation import (
    get_language,
    get_language_bidi,
    gettext,
    gettext_noop,
    override,
)

# Where patients are; the rest of the site is English.
NAMESPACES = ("services", "booking")
PUBLIC = "services"
# Pages of a request that choose and page through times by their address.
FILTERED = ("start", "times", "other_times")

# Formats of Django's `date` filter. A catalogue has each as its language writes it.
DATE_FORMATS = frozenset(
    (
        gettext_noop("l, F j, g:i A T"),
        gettext_noop("l, F j, g:i A"),
        gettext_noop("l, F j"),
        gettext_noop("l, g:i A"),
        gettext_noop("D, M j, g:i A"),
        gettext_noop("D, M j"),
        gettext_noop("F j, Y"),
        gettext_noop("M j, Y"),
        gettext_noop("F j"),
        gettext_noop("M j"),
        gettext_noop("g:i A"),
        gettext_noop("g A"),
    )
)


# Between the numbers of a time and its AM or PM, between that and the zone, and within
# "November 24" and "24 de noviembre", whose month may go on the next line.
WITHIN_A_TIME = re.compile(
    r" (?=[AP]M\b)|(?<= [AP]M) (?=[A-Z]{3,4}\b)"
    r"|(?<=[a-z]) (?=\d{1,2}(?:, |$))|(?<=\d) (?=de [a-z])"
)


@dataclass(frozen=True, slots=True)
class Version:
    """The page at hand in a language: its code, its own name, and where it is."""

    code: str
    name: str
    path: str


def english_name(code: str) -> str:
    """Return what staff call a language; patients read its own name."""
    own = dict(settings.LANGUAGES).get(code, code)
    return str(LANG_INFO.get(code, {}).get("name", own))


def said(at: date | time, style: str) -> str:
    """Return a date or a time in words; `style` is one of DATE_FORMATS."""
    return date_format(at, date_style(style))  # type: ignore[arg-type]  # a time will do


def unbroken(said: str) -> str:
    """Return words for a page so that no line ends within a day or a time.

    Such as “November 24”, “6 PM” or “2:00 PM EST”.
    """
    return WITHIN_A_TIME.sub("\N{NO-BREAK SPACE}", said)


def date_style(style: str) -> str:
    """Return a format of dates as the language at hand writes it."""
    return gettext(style) if style in DATE_FORMATS else style


def left_to_right(text: str) -> str:
    """Return a number or a code that a sentence from right to left leaves in order.

    Else "(212) 555-0143" would be read as another number. Marks that nobody sees are
    around it then, LEFT-TO-RIGHT ISOLATE and POP DIRECTIONAL ISOLATE.
    """
    return f"\u2066{text}\u2069" if get_language_bidi() else text


def offered(language: str) -> str:
    """Return the language, or English where the site has it no longer."""
    known = language in dict(settings.LANGUAGES)
    return language if known else settings.LANGUAGE_CODE


def versions(request: HttpRequest) -> list[Version]:
    """Return this page in each language, in the order of the settings.

    Of an address that is none, or has a secret in it, the home page; of a page for
    staff, nothing.
    """
    match = request.resolver_match
    if match is not None and match.namespace not in NAMESPACES:
        return []
    if match is None or not (is_public(request) or not _captured(match)):
        return list(_versions("services:home", (), tuple(settings.LANGUAGES)))
    parts = tuple(_captured(match).items())
    return list(_versions(match.view_name, parts, tuple(settings.LANGUAGES)))


@lru_cache(maxsize=200)
def _versions(
    view: str, parts: tuple[tuple[str, Any], ...], known: tuple[tuple[str, str], ...]
) -> tuple[Version, ...]:
    """Return the page in each of the languages; no address changes while we run."""
    found = []
    for code, name in known:
        with override(code):
            found.append(Version(code, name, reverse(view, kwargs=dict(parts))))
    return tuple(found)


def kept_query(request: HttpRequest) -> str:
    """Return what the address asks for, where the page goes by that.

    Behind a patient's link a page is the same whatever the address adds.
    """
    match = request.resolver_match
    known = match is not None and (is_public(request) or match.url_name in FILTERED)
    return str(request.META.get("QUERY_STRING", "")) if known else ""


def _captured(match: ResolverMatch) -> dict[str, Any]:
    """Return the parts of the address that differ from one to the next."""
    return match.captured_kwargs or {}  # type: ignore[attr-defined]  # not in the stubs


def is_public(request: HttpRequest) -> bool:
    """Tell whether search engines may have the page that is being made."""
    match = request.resolver_match
    return match is not None and match.namespace == PUBLIC


def home_path() -> str:
    """Return the home page's address without asking anything, for error pages."""
    code = get_language() or settings.LANGUAGE_CODE
    return "/" if code == settings.LANGUAGE_CODE else f"/{code}/"
