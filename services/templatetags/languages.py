"""What every template knows of languages, without loading it."""

from datetime import date
from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.template import defaultfilters
from django.utils.translation import get_language

from services import languages

register = template.Library()
register.simple_tag(languages.home_path, name="home_path")


@register.filter("date", expects_localtime=True, is_safe=False)
def in_words(at: date | str | None, style: str | None = None) -> str:
    """Format a date as Django's filter does, in the way of the language at hand."""
    return str(defaultfilters.date(at, style and languages.date_style(style)))


@register.inclusion_tag("components/languages.html", takes_context=True)
def language_links(context: dict[str, Any]) -> dict[str, Any]:
    """Lead to the same page in the other languages."""
    request: HttpRequest | None = context.get("request")
    if request is None:
        return {}
    found, here = languages.versions(request), get_language()
    return {
        "versions": [version for version in found if version.code != here],
        "query": languages.kept_query(request),
    }


@register.inclusion_tag("components/alternates.html", takes_context=True)
def language_alternates(context: dict[str, Any]) -> dict[str, Any]:
    """Tell search engines which pages are one page in several languages."""
    request: HttpRequest | None = context.get("request")
    if request is None or not languages.is_public(request):
        return {}
    return {
        "site": settings.SITE_URL,
        "path": request.path,
        "versions": languages.versions(request),
        "fallback": settings.LANGUAGE_CODE,
    }
