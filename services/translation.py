"""What the clinic says about itself, in the language at hand.

A text is shown in another language only while it translates the English that stands
there now, and a person who is qualified has said that it does. Where not, the English
stands, marked as English, with a note that leads to an interpreter. A clinic that is a
demonstration shows drafts too, and says that they are.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum

from django.conf import settings
from django.db.models import Exists
from django.utils.functional import cached_property
from django.utils.translation import get_language

from .models import (
    Clinic,
    Clinician,
    Fact,
    Page,
    Photo,
    ScreeningQuestion,
    Section,
    Service,
    Translated,
    Translation,
)

Key = tuple[str, int]

# What has texts in several languages; other apps add theirs.
KINDS: list[type[Translated]] = [
    Clinic, Clinician, Service, Fact, Section, ScreeningQuestion, Page,
    Photo,
]  # fmt: skip


class Standing(StrEnum):
    """Whether a text may stand for the English one."""

    MISSING = "missing"
    STALE = "stale"
    DRAFT = "draft"
    REVIEWED = "reviewed"


def standing(row: Translated, translation: Translation | None) -> Standing:
    """Return how a translation stands to the row that it is of, as that is now."""
    if translation is None or not any(translation.texts.values()):
        return Standing.MISSING
    if translation.of_digest != row.english_digest():
        return Standing.STALE
    reviewed = translation.reviewed_by and translation.reviewed_on
    return Standing.REVIEWED if reviewed else Standing.DRAFT


@dataclass
class Book:
    """All translations into one language, read when the first of them is needed.

    It notes what a page could not say in its language, or says by a draft.
    """

    language: str
    in_english: bool = False
    by_draft: bool = False
    _used: set[Key] = field(default_factory=set)

    @cached_property
    def _rows(self) -> dict[Key, Translation]:
        demo = Exists(Clinic.objects.filter(is_demo=True))
        found = Translation.objects.filter(language=self.language)
        return {(t.model, t.row): t for t in found.annotate(for_demo=demo)}

    def texts(self, row: Translated) -> dict[str, str]:
        """Return what may be shown in place of the row's own texts, by field."""
        translation = self._rows.get((row.content_kind(), row.pk))
        stands = standing(row, translation)
        if translation is None or stands in (Standing.MISSING, Standing.STALE):
            return {}
        if stands == Standing.DRAFT:
            if not translation.for_demo:  # type: ignore[attr-defined]  # annotated
                return {}
            self.by_draft = True
        return {name: text for name, text in translation.texts.items() if text}


def language_at_hand() -> str:
    return get_language() or settings.LANGUAGE_CODE


def is_english() -> bool:
    return language_at_hand() == settings.LANGUAGE_CODE


@dataclass
class _Page:
    """What was read for the page that is being made."""

    books: dict[str, Book] = field(default_factory=dict)
    rows: dict[Key, Translated] | None = None


_open: ContextVar[_Page | None] = ContextVar("page", default=None)


@contextmanager
def reading() -> Iterator[None]:
    """Read each language's translations once at most, for one page."""
    token = _open.set(_Page())
    try:
        yield
    finally:
        _open.reset(token)


def book(language: str) -> Book:
    """Return the translations into a language."""
    opened = _open.get()
    if opened is None:
        return Book(language)
    return opened.books.setdefault(language, Book(language))


def say(rows: Iterable[Translated], *, note: bool = True) -> None:
    """Let the rows speak the language at hand from now on; they cannot be saved then.

    Where a text may not be shown in it, the English stays, and `left_english` of the
    row names the field; the page says so at its top, unless `note` is off. One query a
    page, and none in English.
    """
    if is_english():
        return
    translations = book(language_at_hand())
    for row in rows:
        if row.english is not None:
            continue
        english = row.in_english()
        texts = translations.texts(row)
        for name in english.keys() & texts.keys():
            setattr(row, name, texts[name])
        row.english = english
        row.left_english = frozenset(english.keys() - texts.keys())
        translations.in_english |= note and bool(row.left_english)


def text_of(row: Translated, name: str, language: str) -> str:
    """Return a text of the row in a language, in English where that has none."""
    english = row.in_english().get(name, "")
    if language == settings.LANGUAGE_CODE:
        return english
    return book(language).texts(row).get(name, english) if english else ""


def profession(name: str, english: str) -> str:
    """Return the licensed profession of somebody, in the language at hand.

    Clinicians have theirs in it: what fits one may not fit another, as médica and
    médico do. "" for who is none of them, and where it may not be shown.
    """
    if is_english() or not english:
        return english
    translations = book(language_at_hand())
    found = Clinician.objects.filter(name=name, profession=english)
    texts = (translations.texts(one).get("profession", "") for one in found)
    return next(filter(None, texts), "")


def rows_to_translate() -> dict[Key, Translated]:
    """Return all rows that have a text, in a query for each kind."""
    return {
        (model.content_kind(), row.pk): row
        for model in KINDS
        for row in model._default_manager.all()
        if row.in_english()
    }


def make_room() -> None:
    """Keep one row for each text and language, empty ones for what is new."""
    wanted = rows_to_translate()
    there = Translation.objects.all()
    gone = [t.pk for t in there if (t.model, t.row) not in wanted]
    Translation.objects.filter(pk__in=gone).delete()
    known = {(t.language, t.model, t.row) for t in there}
    for language, _name in settings.LANGUAGES:
        if language == settings.LANGUAGE_CODE:
            continue
        for model, pk in wanted:
            if (language, model, pk) not in known:
                new = Translation(model=model, row=pk, language=language)
                new.loaded_digest = new.digest()
                new.save()


def stands(translation: Translation) -> tuple[Translated | None, Standing]:
    """Return what it is of, None if that has gone, and how it stands to it.

    For a list: all that can be translated is read once a page.
    """
    page = _open.get() or _Page()
    if page.rows is None:
        page.rows = rows_to_translate()
    row = page.rows.get((translation.model, translation.row))
    return row, standing(row, translation) if row else Standing.STALE
