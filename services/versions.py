"""Each version of a page that patients could read, kept for good; and put back.

A version is added when what patients may read has changed, by whatever road: a draft
that is published, what is saved of a person or of the clinic, the content files, or an
older version that was put back.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils.formats import date_format
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from . import photos
from .models import (
    Clinic,
    Clinician,
    Content,
    Fact,
    KeptPicture,
    OpeningHours,
    Page,
    Photo,
    Reviewed,
    ScreeningQuestion,
    Section,
    Service,
    Translated,
    Version,
)
from .translation import Book, make_room

# All that a page says: its own fields by name, and the rows that hang from it. Of a
# photo it has the digest of the picture.
Said = dict[str, Any]
Subject = Service | Page
Kept = Subject | Clinician | Clinic

# The rows of each kind that hang from a service, and by what those are told apart.
CHILDREN: dict[str, tuple[type[Fact | Section | ScreeningQuestion], str]] = {
    "facts": (Fact, "label"),
    "sections": (Section, "anchor"),
    "screening_questions": (ScreeningQuestion, "code"),
}
# Who somebody qualified is, and when they have read a page.
OF_REVIEWER = ("reviewed_by", "reviewer_credentials", "reviewer_profession")
OF_REVIEW = (*OF_REVIEWER, "reviewed_on", "next_review")
OF_HOURS = ("weekday", "opens", "closes")
# The page that says when to call 911.
EMERGENCY = "call-911"
SUBJECTS: dict[str, type[Kept]] = {
    "service": Service, "page": Page, "clinician": Clinician, "clinic": Clinic,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Who:
    """Who changed what patients read: the name, and the account if there is one."""

    name: str
    user_id: int | None = None


FILES = Who("content files")


class NotYet(Exception):
    """Patients may not read what somebody wants them to; the message says the way."""


def is_clinical(row: Subject) -> bool:
    """Tell whether somebody qualified has to approve what a page says."""
    return isinstance(row, Service) or row.slug == EMERGENCY


def why_not(row: Subject, review: Said, day: date) -> str:
    """Return why words with that review may not be read on a day; "" if they may."""
    until = review.get("next_review")
    if until and (until := date.fromisoformat(until)) < day:
        words = _("It has to be read again by %(day)s: approve it anew to publish it.")
        return words % {"day": date_format(until, "F j, Y")}
    if is_clinical(row) and not all(review.get(name) for name in OF_REVIEWER):
        return _("Somebody who may approve it has to read it first.")
    return ""


def insist(row: Subject, review: Said, day: date) -> None:
    """Raise NotYet if words with that review may not be read on a day."""
    if why := why_not(row, review, day):
        raise NotYet(why)


def content_of(
    row: Kept, books: Sequence[Book] = (), shown: Sequence[Photo] | None = None
) -> Said:
    """Return what the page says now, and in the language of each of the books.

    `shown` are its photos, which are read unless they are given.
    """
    content = _values(row, books)
    if not isinstance(row, Page):
        content["photos"] = [
            {"id": one.pk, "picture": photos.digest_of(one), **_values(one, books)}
            for one in (photos.of(row) if shown is None else shown)
        ]
    if isinstance(row, Reviewed) and row.reviewed_by:
        content["reviewed"] = {
            name: str(value) for name in OF_REVIEW if (value := getattr(row, name))
        }
    if isinstance(row, Clinic):
        content["opening_hours"] = [
            {"weekday": one.weekday, "opens": f"{one.opens:%H:%M}",
             "closes": f"{one.closes:%H:%M}"}
            for one in row.opening_hours.all()
        ]  # fmt: skip
    for name in children_of(row):
        parts = getattr(row, name).order_by("order", "pk")
        content[name] = [{"id": part.pk, **_values(part, books)} for part in parts]
    return content


def children_of(row: Kept) -> list[str]:
    return list(CHILDREN) if isinstance(row, Service) else []


def _values(row: Content | Photo, books: Sequence[Book]) -> Said:
    said = {book.language: texts for book in books if (texts := book.texts(row))}
    values = {name: getattr(row, name) for name in row.content_fields}
    return values | ({"said": said} if said else {})


def digest_of(content: Said) -> str:
    """Return the SHA-256, in hexadecimal, of all but the keys of the rows."""
    text = json.dumps(without(content, "id"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def in_english(content: Said, *, keys: bool = False) -> Said:
    """Return the content that `put` can put back: without other languages."""
    english: Said = without(content, "said", "reviewed", *([] if keys else ["id"]))
    return english


def without(found: Any, *names: str) -> Any:
    """Return the same without those names, however deep they are."""
    if isinstance(found, dict):
        return {k: without(v, *names) for k, v in found.items() if k not in names}
    return [without(v, *names) for v in found] if isinstance(found, list) else found


def locked(model: type[Kept], keys: Iterable[int]) -> "models.QuerySet[Any]":
    """Return the rows as they are, held until the transaction ends."""
    rows = model._default_manager.filter(pk__in=keys).order_by("pk")
    return rows.select_for_update(of=("self",), no_key=True)


@transaction.atomic
def keep(
    model: type[Kept], keys: Iterable[int], *, by: Who, now: datetime
) -> list[Version]:
    """Add a version of each of the rows that says something else than its last one.

    What was never published has no versions.
    """
    kind = model.content_kind()
    known = Version.objects.filter(kind=kind).order_by("number")
    rows = list(locked(model, keys))
    last = {row: (n, d) for row, n, d in known.values_list("row", "number", "digest")}
    books = _books()
    added: list[Version] = []
    pictures: dict[str, bytes | memoryview] = {}
    for row in rows:
        shown = [] if isinstance(row, Page) else list(photos.of(row))
        content = content_of(row, books, shown)
        number, digest = last.get(row.pk, (0, ""))
        new = digest_of(content)
        if new == digest or not (number or content.get("is_published", True)):
            continue
        pictures |= {photos.digest_of(one): one.master for one in shown}
        added.append(
            Version(
                kind=kind, row=row.pk, number=number + 1, content=content, digest=new,
                at=now, user_id=by.user_id, by=by.name,
            )
        )  # fmt: skip
    _keep_pictures(pictures)
    return Version.objects.bulk_create(added)


def _keep_pictures(pictures: dict[str, bytes | memoryview]) -> None:
    known = KeptPicture.objects.filter(digest__in=pictures)
    new = pictures.keys() - set(known.values_list("digest", flat=True))
    KeptPicture.objects.bulk_create(
        [KeptPicture(digest=digest, data=pictures[digest]) for digest in sorted(new)],
        ignore_conflicts=True,  # another page may show the same picture just now
    )


def keep_all(*, by: Who, now: datetime) -> None:
    """Add a version of each page that says something else than its last one."""
    for model in SUBJECTS.values():
        keys = model._default_manager.values_list("pk", flat=True)
        keep(model, keys, by=by, now=now)


def subject_of(row: Translated) -> Kept | None:
    """Return the page on which a row stands; None for what has no versions."""
    if isinstance(row, Fact | Section | ScreeningQuestion):
        return row.service
    if isinstance(row, Photo):
        return row.clinician or row.service or Clinic.objects.first()
    return row if isinstance(row, Kept) else None


def parts_of(row: Kept) -> list[Translated]:
    """Return all rows whose texts stand on a page, itself first."""
    shown = [] if isinstance(row, Page) else photos.of(row).defer("master")
    lists = (getattr(row, name).all() for name in children_of(row))
    return [row, *chain.from_iterable(lists), *shown]


def _books() -> list[Book]:
    """Return what may be shown in other languages, read anew."""
    return [
        Book(code)
        for code, _name in settings.LANGUAGES
        if code != settings.LANGUAGE_CODE
    ]


@transaction.atomic
def restore(row: Kept, version: Version, *, by: Who, now: datetime) -> bool:
    """Let the page say what it said in a version. The address stays as it is.

    Texts in other languages are shown again where they translate these words. Return
    whether there was anything to do. Raises NotYet for words about care that nobody
    qualified has approved, or not for so long, and ValidationError for what does not
    fit any more.
    """
    model = type(row)
    row = locked(model, [row.pk]).get()
    address = {} if isinstance(row, Clinic) else {"slug": row.slug}
    now_said = in_english(content_of(row))
    if now_said == now_said | in_english(version.content) | address:
        return False
    review = version.content.get("reviewed", {})
    if isinstance(row, Reviewed) and version.is_public:
        insist(row, review, localdate(now))
    keep(model, [row.pk], by=by, now=now)  # what is replaced, if nobody kept it
    put(row, version.content | address)
    if isinstance(row, Reviewed):
        note_review(row, review)
    make_room()
    keep(model, [row.pk], by=by, now=now)
    return True


def put(row: Kept, content: Said) -> None:
    """Write what a page is to say. Raises ValidationError for what does not fit.

    A row that hangs from it stays the same row while it keeps its label, anchor or
    code, or else its key; so what is booked or translated still finds it.
    """
    _fill(row, content)
    if isinstance(row, Clinic) and "opening_hours" in content:
        _put_hours(row, content["opening_hours"])
    if not isinstance(row, Page) and "photos" in content:
        _put_photos(row, content["photos"])
    for name in children_of(row):
        if name not in content:  # a kind of row may be younger than a version
            continue
        model, key = CHILDREN[name]
        there = list(model._default_manager.filter(service_id=row.pk))
        by_key = {getattr(child, key): child for child in there}
        named = {child[key] for child in content[name]}
        by_pk = {c.pk: c for c in there if getattr(c, key) not in named}
        found = [
            by_key.get(part[key]) or by_pk.pop(part.get("id"), None)
            for part in content[name]
        ]
        for gone in by_pk.values():
            gone.delete()
        for part, child in zip(content[name], found, strict=True):
            _fill(child or model(service_id=row.pk), part)


def _put_hours(clinic: Clinic, hours: list[Said]) -> None:
    """Write them anew: nothing hangs from one of them."""
    clinic.opening_hours.all().delete()
    for one in hours:
        row = OpeningHours(clinic=clinic, **one)
        row.full_clean()
        row.save()


def _put_photos(row: Clinic | Clinician | Service, wanted: list[Said]) -> None:
    """Show these photos and no others. One that is there stays the same row."""
    there = {photo.pk: photo for photo in photos.of(row)}
    found = [there.pop(one["id"], None) for one in wanted]
    for gone in there.values():
        gone.delete()
    place = {} if isinstance(row, Clinic) else {row.content_kind(): row}
    for one, known in zip(wanted, found, strict=True):
        photo = known or Photo(**place)
        if known is None or photos.digest_of(known) != one["picture"]:
            kept = KeptPicture.objects.defer(None).get(digest=one["picture"])
            photo.master = kept.data
        elif _values(photo, ()).items() <= one.items():
            continue
        for name in Photo.content_fields:
            setattr(photo, name, one[name])
        photo.full_clean()
        photos.keep(photo)


def note_review(row: Subject, review: Said) -> None:
    """Write who has read what the page says; nobody, if there is no review."""
    for name in OF_REVIEWER:
        setattr(row, name, review.get(name, ""))
    row.reviewed_on = review.get("reviewed_on") or None
    row.next_review = review.get("next_review") or None
    row.save()


def _fill(row: Content, content: Said) -> None:
    for name in row.content_fields:
        if name in content:  # a field may be younger than a version
            setattr(row, name, content[name])
    row.full_clean()
    row.save()
