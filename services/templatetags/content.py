"""Filters for text that staff or content files hold."""

import json
import re
from itertools import count
from typing import Any

import nh3
from django import template
from django.conf import settings
from django.template import Context
from django.template.loader import render_to_string, select_template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from services import cards, markup, translation
from services.languages import is_public
from services.models import Clinic, Photo, Service, Translated
from services.photos import QUALITY, shape_of
from services.plain_text import COMMONMARK, HEADINGS, PART
from services.spoken_languages import as_list
from services.street_map import map_of
from services.structured_data import graph

from .languages import marked

register = template.Library()
register.filter("street_map", map_of)

CLEANER = nh3.Cleaner(
    tags=markup.TAGS,
    attributes=markup.ATTRIBUTES,
    url_schemes=markup.SCHEMES,
    link_rel="noopener noreferrer",
)


# What stands around the heading and the rest of each.
NOTE = '<div class="note">{}{}</div>\n'
AROUND = {
    "warning": NOTE,
    "do": NOTE,
    "dont": '<div class="note alert">{}{}</div>\n',
    "call-911": '<div class="care">{}{}</div>\n',
}
MORE = "<details><summary>{}</summary>{}</details>\n"

# What could end the element, or begin a comment in it, as JSON may write it.
IN_A_SCRIPT = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


@register.simple_tag(takes_context=True)
def structured_data(context: Context, name: str) -> str:
    """Say what a public page says to machines, too: data, which no browser runs.

    `name` is that of the page's URL.
    """
    if not context["clinic"] or not is_public(context["request"]):
        return ""
    shown = {str(key): value for key, value in context.flatten().items()}
    found = graph(settings.SITE_URL, context["request"].path, name, shown)
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    html = f'<script type="application/ld+json">{text.translate(IN_A_SCRIPT)}</script>'
    return mark_safe(html)  # noqa: S308 -- nothing in it is HTML


@register.inclusion_tag("services/facts.html")
def facts_of(service: Service, heading: str = "") -> dict[str, Any]:
    """Show at a glance what a service is like; nothing if it has no facts."""
    facts = list(service.facts.all())
    translation.say(facts)
    return {"facts": facts, "heading": heading}


@register.simple_tag
def script() -> str:
    """Put our script into a page; the content policy knows it by its digest."""
    ours = mark_safe(settings.SCRIPT)  # noqa: S308 -- a file of the project
    return format_html("<script>{}</script>", ours)


@register.simple_tag(takes_context=True)
def card(context: Context) -> str:
    """Say what to show where somebody shares a link to a public page."""
    request, clinic = context.get("request"), context.get("clinic")
    if request is None or not is_public(request) or not clinic:
        return ""
    name = request.resolver_match.url_name
    this = context.get(name) if name in ("service", "page") else None
    found = cards.of(name, this, clinic)
    said = {
        "card": found,
        "clinic": clinic,
        "size": cards.SIZE,
        "summary": (this or clinic).summary,
        "url": settings.SITE_URL + request.path,
        "site": settings.SITE_URL,
    }
    return render_to_string("components/card.html", said)


@register.inclusion_tag("components/photo.html")
def photo(of: Photo, *, first: bool = False) -> dict[str, Any]:
    """Show a photo in the best format that the browser takes, as sharp as its screen.

    `first` is for what stands in the first view: it is fetched at once.
    """
    shape = shape_of(of)
    by_kind = {kind: of.of_kind(kind) for kind in QUALITY}
    sources = [
        (kind, ", ".join(f"{f.get_absolute_url()} {f.width}w" for f in files))
        for kind, files in by_kind.items()
        if files
    ]
    # For browsers without <source>; while its widths change it may be another one.
    own = [f.get_absolute_url() for f in by_kind["jpeg"] if f.width >= shape.shown]
    return {
        "sources": sources,
        "sizes": shape.sizes,
        "src": own[0] if own else "",
        "width": shape.shown,
        "height": shape.height(shape.shown),
        "alt": of.alt,
        "in_english": "alt" in of.left_english,
        "name": of.clinician.name if of.clinician else "",
        "first": first,
    }


@register.filter
def markdown(text: str) -> SafeString:
    """Return staff's Markdown as HTML that holds only what the allow-list names.

    Blocks of the design have `:::` around them, see `markup`; none stands in
    another.
    """
    text = text.replace("\r\n", "\n")
    parts, end = [], 0
    for block in markup.BLOCK.finditer(text):
        parts += [_cleaned(text[end : block.start()]), _block(*block.groups(""))]
        end = block.end()
    return format_html_join(
        "", "{}", ((part,) for part in [*parts, _cleaned(text[end:])])
    )


def _block(kind: str, heading: str, inside: str) -> SafeString:
    if kind == "languages":
        clinic = {"clinic": Clinic.objects.first()}
        link = render_to_string("components/phone.html", clinic).strip()
        lines = {line.strip() for line in inside.splitlines()}
        return as_list(mark_safe(link), without=lines)  # noqa: S308 -- of a template
    html = _cleaned(inside)
    if kind == "more":
        return format_html(MORE, heading, html) if heading else html
    heading = heading or str(HEADINGS.get(kind, ""))
    shown = format_html("<h3>{}</h3>", heading) if heading else ""
    return format_html(AROUND[kind], shown, html)


def _cleaned(text: str) -> SafeString:
    return mark_safe(CLEANER.clean(COMMONMARK.render(text)))  # noqa: S308 -- cleaned


@register.simple_tag
def ways_to_write() -> list[tuple[str, str]]:
    """Return what the design has for a text: the name of each, and how it is typed."""
    return [(str(name), str(typed)) for name, typed in markup.WAYS]


@register.filter
def markdown_of(row: Translated, name: str) -> str:
    """Return the same of a text of a row, marked as English where that is English."""
    html = markdown(getattr(row, name))
    if name in row.left_english:
        return format_html('<div lang="en" dir="ltr">{}</div>', html)
    return html


@register.filter
def with_anchors(html: str) -> SafeString:
    """Let a link lead to each heading of a page's text, as `parts` counts them."""
    numbers = count(1)
    return mark_safe(  # noqa: S308 -- HTML before
        re.sub("<h2>", lambda _: f'<h2 id="{PART.format(next(numbers))}">', html)
    )


@register.simple_tag
def drawing(service: Service, *, described: bool = False) -> str:
    """Draw a service: what has been drawn for it, or for all of its kind.

    A drawing is known by the service's place in the files, which stays when staff
    change its slug. `described` says in words what it shows, once a page.
    """
    own = service.entry.rpartition("/")[2]
    names = [f"services/drawings/{name}.html" for name in (own, service.kind)]
    html: str = select_template(names).render({"described": described})
    return html


@register.filter
def lines_of(row: Translated, name: str) -> list[str]:
    """Return the lines of a text of a row, each marked likewise."""
    is_english = name in row.left_english
    found = lines(getattr(row, name))
    return [marked(line) if is_english else line for line in found]


@register.filter
def lines(text: str) -> list[str]:
    """Return what a field of one item a line holds, without blank lines."""
    return [line.strip() for line in text.splitlines() if line.strip()]
