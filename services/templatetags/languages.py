"""What every template knows of languages, without loading it."""

from datetime import date
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.template import defaultfilters
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.translation import get_language

from services import languages, translation
from services.models import Reviewed, Translated

register = template.Library()
register.simple_tag(languages.home_path, name="home_path")
register.filter("ltr", languages.left_to_right)
register.filter("unbroken", languages.unbroken)


@register.filter("date", expects_localtime=True, is_safe=False)
def in_words(at: date | str | None, style: str | None = None) -> str:
    """Format a date as Django's filter does, in the way of the language at hand."""
    return str(defaultfilters.date(at, style and languages.date_style(style)))


@register.filter
def said(row: Translated, name: str) -> str:
    """Return a text of the row, marked as English where it could not be translated."""
    text = str(getattr(row, name))
    return marked(text) if name in row.left_english else text


def marked(text: str) -> str:
    """Return an English text in a page of another language."""
    return format_html('<span lang="en" dir="ltr">{}</span>', text)


@register.filter
def reviewer(row: Reviewed) -> str:
    """Return who has read the row and found it right, with credentials and profession.

    The profession is in the language at hand, or marked as English.
    """
    english = row.reviewer_profession
    said = translation.profession(row.reviewed_by, english)
    profession = said or (marked(english) if english else "")
    signed = (row.reviewed_by, row.reviewer_credentials, profession)
    return format_html_join(", ", "{}", ((part,) for part in signed if part))


@register.simple_tag(takes_context=True)
def translation_note(context: dict[str, Any]) -> str:
    """Say at the top of a page what of it is not in its language, or only a draft."""
    if translation.is_english():
        return ""
    book = translation.book(translation.language_at_hand())
    found = {"book": book, "clinic": context.get("clinic")}
    return render_to_string("components/translation_note.html", found)


@register.simple_tag(takes_context=True)
def language_links(context: dict[str, Any]) -> str:
    """Lead to the same page in the other languages."""
    request: HttpRequest | None = context.get("request")
    if request is None:
        return ""
    found, here = languages.versions(request), get_language()
    others = tuple(version for version in found if version.code != here)
    keeps_typed = bool(context.get("keeps_typed"))
    return _links(others, languages.kept_query(request), keeps_typed, here)


@lru_cache(maxsize=200)
def _links(
    versions: tuple[languages.Version, ...],
    query: str,
    keeps_typed: bool,
    _language: str | None,
) -> str:
    said = {"versions": versions, "query": query, "keeps_typed": keeps_typed}
    return render_to_string("components/languages.html", said)


@register.simple_tag(takes_context=True)
def language_alternates(context: dict[str, Any]) -> str:
    """Tell search engines which pages are one page in several languages."""
    request: HttpRequest | None = context.get("request")
    if request is None or not languages.is_public(request):
        return ""
    found = {
        "site": settings.SITE_URL,
        "path": request.path,
        "versions": languages.versions(request),
        "fallback": settings.LANGUAGE_CODE,
    }
    return render_to_string("components/alternates.html", found)
