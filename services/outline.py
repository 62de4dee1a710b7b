"""The order in which a service's page answers a patient's questions."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .models import Page, Section, Service
from .plain_text import PART, parts
from .versions import Said

# What to tell us and how to get ready are read before the visit itself, and when to
# get help after the risks. A page without these anchors has them at its end.
THE_VISIT = "what-happens"
THE_RISKS = "risks"
# Its first list has what a test can find, or what a treatment is for.
THE_REASONS = "why-it-is-done"


@dataclass(frozen=True, slots=True)
class Part:
    """A heading of the page, the end of the link to it, and what stands under it."""

    anchor: str
    heading: str | Promise
    template: str
    section: Section | None = None


TELL_US = Part(
    "tell-us-before", _("Tell us before you come"), "services/part_tell_us.html"
)
GET_READY = Part(
    "get-ready", _("How do I get ready?"), "services/part_preparation.html"
)
GET_HELP = Part("get-help", _("When should I get help?"), "services/part_help.html")


def outline(service: Service) -> list[Part]:
    """Return the parts of a service's page, in reading order, empty ones left out."""
    before = [TELL_US] if service.screening_questions.all() else []
    before += [GET_READY] if service.preparation else []
    after = [GET_HELP] if service.call_911 or service.call_us else []
    parts: list[Part] = []
    for section in service.sections.all():
        this = Part(
            section.anchor, section.question, "services/part_section.html", section
        )
        if section.anchor == THE_VISIT:
            parts, before = parts + before, []
        parts.append(this)
        if section.anchor == THE_RISKS:
            parts, after = parts + after, []
    return parts + before + after


def anchors(kind: str, content: Said) -> list[str] | None:
    """Return the ends of the links to parts of a page that is to say that.

    They are those of `outline`; None for a page whose parts are not its own.
    """
    if kind == Page.content_kind():
        return [PART.format(n) for n in range(1, len(parts(content["body"])))]
    if kind != Service.content_kind():
        return None
    found = [section["anchor"] for section in content["sections"]]
    found += [TELL_US.anchor] if content.get("screening_questions") else []
    found += [GET_READY.anchor] if content["preparation"] else []
    found += [GET_HELP.anchor] if content["call_911"] or content["call_us"] else []
    return found
