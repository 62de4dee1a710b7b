"""What the public pages say, in passages that each have a link of their own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import hours, translation
from .models import Clinic, Clinician, OpeningHours, Page, Passage, Service, Translated
from .outline import GET_HELP, GET_READY, Part, outline
from .plain_text import PART, parts, plain_text
from .street_map import map_of
from .words import composed, words_of

PAGE = gettext_lazy("Page")
PERSON = gettext_lazy("Our team")
CLINIC = gettext_lazy("Visit us")


@dataclass(frozen=True, slots=True)
class _Said:
    """A part of a page: the end of its link, its heading, and its words.

    `row` is whose words they are, and `names` its fields that hold them.
    """

    anchor: str
    heading: str
    texts: list[str]
    row: Translated
    names: tuple[str, ...]


def passages(language: str) -> list[Passage]:
    """Return all of them in a language, which is the one at hand, in reading order."""
    made = [*_of_services(), *_of_clinicians(), *_of_pages(), *_of_the_clinic()]
    for place, passage in enumerate(made):
        passage.language, passage.place = language, place
        finish(passage)
    return made


def finish(passage: Passage) -> Passage:
    """Fill in by which words a passage is found."""
    for name in ("title", "heading", "text"):
        setattr(passage, name, composed(getattr(passage, name)))
    said = f"{passage.title} {passage.heading} {passage.text}"
    passage.words = " ".join(words_of(said))
    return passage


def _of_services() -> Iterator[Passage]:
    for service in Service.objects.published().with_parts():
        translation.say([service])
        for rows in (service.facts, service.sections, service.screening_questions):
            translation.say(rows.all())
        facts = [f"{fact.label}: {fact.value}." for fact in service.facts.all()]
        called = service.other_names and f"{service.other_names}."
        top = _Said(
            "", "", [service.summary, called, *facts],
            service, ("summary", "other_names"),
        )  # fmt: skip
        for said in (top, *(_of_part(service, part) for part in outline(service))):
            yield _passage(
                service.get_kind_display(), service, service.name, "name",
                service.get_absolute_url(), said,
            )  # fmt: skip


def _of_part(service: Service, part: Part) -> _Said:
    if part.section:
        section = part.section
        texts, names = [plain_text(section.answer)], ("question", "answer")
        return _Said(part.anchor, section.question, texts, section, names)
    heading = str(part.heading)
    if part.anchor == GET_READY.anchor:
        texts = [plain_text(service.preparation)]
        return _Said(part.anchor, heading, texts, service, ("preparation",))
    if part.anchor == GET_HELP.anchor:
        texts = [
            _("Call 911 now if:"), _list(service.call_911.splitlines()),
            _("Call us the same day if:"), _list(service.call_us.splitlines()),
        ]  # fmt: skip
        names = ("call_911", "call_us")
        return _Said(part.anchor, heading, texts, service, names)
    questions = list(service.screening_questions.all())
    texts = [
        _("Call us, or tell us when you ask for an appointment, if you:"),
        _list([question.tell_us for question in questions]),
    ]
    return _Said(part.anchor, heading, texts, questions[0], ("tell_us",))


def _list(items: Iterable[str]) -> str:
    """Return what stands on lines of their own as the rest of one sentence."""
    return "; ".join(item for item in items if item.strip()) + "."


def _of_clinicians() -> Iterator[Passage]:
    clinicians = list(Clinician.objects.all())
    translation.say(clinicians)
    for one in clinicians:
        spoken = one.languages and f"{one.languages}."
        texts = [f"{one.profession}.", spoken, plain_text(one.biography)]
        said = _Said(one.slug, "", texts, one, ("profession", "biography"))
        yield _passage(str(PERSON), one, str(one), "", reverse("services:team"), said)


def _of_pages() -> Iterator[Passage]:
    pages = list(Page.objects.published())
    translation.say(pages)
    for page in pages:
        (_none, opening), *rest = parts(page.body)
        top = [page.summary, plain_text(opening)]
        told = [_Said("", "", top, page, ("summary", "body"))]
        told += [
            _Said(PART.format(number), heading, [plain_text(text)], page, ("body",))
            for number, (heading, text) in enumerate(rest, 1)
        ]
        for said in told:
            yield _passage(
                str(PAGE), page, page.title, "title", page.get_absolute_url(), said
            )


def _of_the_clinic() -> Iterator[Passage]:
    clinic = Clinic.objects.first()
    if clinic is None:
        return
    translation.say([clinic])
    city = f"{clinic.city}, {clinic.region} {clinic.postal_code}"
    address = f"{clinic.name}, {clinic.street}, {city}".strip()
    closed, week = _("Closed"), hours.by_weekday(OpeningHours.objects.all())
    days = [f"{capfirst(day)}: {times or closed}." for day, times in week]
    days = days if any(times for _day, times in week) else []
    reached = [str(clinic.phone), clinic.email]
    steps = plain_text(clinic.step_free_access) or str(clinic.steps_unknown)
    told = [
        _Said("", "", [clinic.summary], clinic, ("summary",)),
        _Said("address", _("Address"), [clinic.street and address], clinic, ()),
        _Said("opening-hours", _("Opening hours"), days, clinic, ()),
        _Said("getting-here", _("Getting here"), _subway(clinic), clinic, ()),
        _Said(
            "getting-here", _("Getting here"), [plain_text(clinic.getting_here)],
            clinic, ("getting_here",),
        ),
        _Said(
            "step-free-access", _("Step-free access"), [steps],
            clinic, ("step_free_access",),
        ),
        _Said("contact", _("Contact us"), reached, clinic, ()),
    ]  # fmt: skip
    where = reverse("services:visit_us")
    for said in told:
        if any(said.texts):
            yield _passage(str(CLINIC), clinic, _("Visit us"), "", where, said)
    asking = [
        _("You choose a time and send us a request."),
        _("It is not an appointment until we confirm it."),
        _("You do not need an account."),
        _("You can ask for somebody else, and join the waiting list."),
    ]
    finding = _(
        "We send the private link to your visit to your email address. There you see"
        " how things stand, and can change or cancel it."
    )
    for title, page, texts in (
        (_("Request a visit"), "booking:start", asking),
        (_("Find my appointment"), "booking:find", [finding]),
    ):
        said = _Said("", "", texts, clinic, ())
        yield _passage(str(PAGE), clinic, title, "", reverse(page), said)


def _subway(clinic: Clinic) -> list[str]:
    found = map_of(clinic)
    if found is None:
        return []
    return [
        f"{found.subway}.",
        *(f"{at.avenue}: {at.name} ({at.lines})." for at in found.stations),
        str(found.elevators).partition(".")[0] + ".",
    ]


def _passage(
    kind: str, of: Translated, title: str, name: str, path: str, said: _Said
) -> Passage:
    """Return the passage; `of` is whose field `name` is the title of the page."""
    here, english = translation.language_at_hand(), settings.LANGUAGE_CODE
    in_english = said.row.left_english & set(said.names)
    return Passage(
        kind=kind,
        title=title,
        title_language=english if name in of.left_english else here,
        heading=said.heading,
        text=" ".join(filter(None, said.texts)),
        text_language=english if in_english else here,
        path=f"{path}#{said.anchor}" if said.anchor else path,
    )
