"""Bring content files into the database without losing what staff have edited."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction

from . import translation, versions
from .content_files import (
    ContentFile,
    ContentFileError,
    ContentFiles,
    Row,
    TranslatedFile,
    digest_of,
)
from .models import (
    Clinic,
    Clinician,
    Content,
    LoadedEntry,
    OpeningHours,
    Page,
    SameWords,
    Service,
    Translation,
    Weekday,
)
from .versions import CHILDREN

C = TypeVar("C", bound=Content)
T = TypeVar("T", Clinician, Service, Page)

HOURS = "opening_hours"


@dataclass
class Report:
    """What a load did: how many rows of each outcome, and which rows were left.

    `known` are the entries of the files that have filled a row at any time before.
    """

    known: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)

    def leave(self, what: str, why: str) -> None:
        self.counts["left alone"] += 1
        self.left.append(f"{what} ({why})")


@transaction.atomic
def load(files: ContentFiles) -> Report:
    """Make the database say what the files say, row by row.

    A row that nobody edited since a file filled it follows the file, also when the
    file drops it. A row that staff edited, added or deleted stays as they left it. A
    clinician, service or page that lost its file stays too, because visits may refer
    to it. A review of a page ends when a file changes what the page says.

    Raises ContentFileError, naming file and field, and then changes nothing.
    """
    report = Report(set(LoadedEntry.objects.values_list("entry", flat=True)))
    before = set(report.known)
    reviewed = {row: _words(row) for row in _reviewed_rows()}
    clinic = Clinic.objects.first()
    clinic = _put(report, "clinic", files.clinic, Clinic(pk=1), clinic)
    if clinic:
        _put_opening_hours(report, files.clinic, clinic)
    _put_each(report, Clinician, files.clinicians)
    _put_each(report, Page, files.pages)
    services = _put_each(report, Service, files.services)
    for service, file in zip(services, files.services, strict=True):
        if service is None:
            continue
        for name, rows in file.children.items():
            _put_children(report, file, service, name, rows)
    for row in _reviewed_rows():
        if _words(row) != reviewed[row]:
            versions.note_review(row, {})
    _put_translations(report, files)
    _put_words(report, files.words)
    LoadedEntry.objects.filter(entry__in=before - report.known).delete()
    LoadedEntry.objects.bulk_create(
        LoadedEntry(entry=entry) for entry in sorted(report.known - before)
    )
    return report


def _reviewed_rows() -> list[versions.Subject]:
    models: tuple[type[versions.Subject], ...] = (Service, Page)
    return [row for m in models for row in m._default_manager.exclude(reviewed_by="")]


def _words(row: versions.Subject) -> versions.Said:
    return versions.in_english(versions.content_of(row))


def _put_translations(report: Report, files: ContentFiles) -> None:
    """Bring the texts in other languages up to date, and make room for each.

    A file that translates an older English file than the one beside it is left out.
    """
    rows = {
        row.entry: row
        for model in translation.KINDS
        if issubclass(model, Content)
        for row in model._default_manager.all()
    }
    kept = {(t.language, t.model, t.row): t for t in Translation.objects.all()}
    for file in files.translated:
        if file.of != digest_of(file.beside):
            report.leave(str(file.path), f"{file.beside.name} has changed since")
            continue
        for entry, texts in file.texts.items():
            row = rows.get(entry)
            if row is None or row.edited_by_staff:
                report.leave(
                    f"{file.language}/{entry}", "the English is not the file’s"
                )
                continue
            found = kept.get((file.language, row.content_kind(), row.pk))
            _put_translation(report, file, entry, texts, row, found)
    translation.make_room()


def _put_translation(
    report: Report,
    file: TranslatedFile,
    entry: str,
    texts: Row,
    row: Content,
    found: Translation | None,
) -> None:
    if unknown := sorted(texts.keys() - set(row.translated_fields)):
        raise ContentFileError(
            f"{file.path}: {entry} has no {', '.join(unknown)} to translate."
        )
    # As `Content.clean_fields` has the English.
    texts = {n: t.strip() if isinstance(t, str) else t for n, t in texts.items()}
    said = {"texts": texts, "of_digest": row.english_digest(), **file.review}
    part = ContentFile(file.path, said)
    new = Translation(model=row.content_kind(), row=row.pk, language=file.language)
    _put(report, f"{file.language}/{entry}", part, new, found)


def _put_each(
    report: Report, model: type[T], files: list[ContentFile]
) -> list[T | None]:
    """Bring the rows that have a file of their own up to date, and return them."""
    folder = model._meta.model_name
    entries = [f"{folder}/{file.row['slug']}" for file in files]
    rows = list(model._default_manager.all())
    by_entry = {row.entry: row for row in rows if row.entry}
    by_slug = {row.slug: row for row in rows if not row.entry}
    for row in rows:
        if row.entry and row.entry not in entries:
            report.left.append(
                f"{_title(row)} (it has no file; unpublish it in the admin)"
            )
    return [
        _put(
            report,
            entry,
            file,
            model(),
            by_entry.get(entry) or by_slug.get(file.row["slug"]),
        )
        for entry, file in zip(entries, files, strict=True)
    ]


def _put_children(
    report: Report, file: ContentFile, service: Service, name: str, rows: list[Row]
) -> None:
    """Bring the rows of one kind that hang from a service up to date."""
    model, key = CHILDREN[name]
    keys = [row.get(key) for row in rows]
    if len(set(keys)) < len(keys) or None in keys:
        raise ContentFileError(f"{file.path}: {name}: each needs a {key} of its own.")
    prefix = f"service/{file.row['slug']}#{name}/"
    mine = list(model._default_manager.filter(service=service))
    by_entry = {row.entry: row for row in mine if row.entry}
    by_key = {getattr(row, key): row for row in mine if not row.entry}
    for row in rows:
        entry = f"{prefix}{row[key]}"
        found = by_entry.pop(entry, None) or by_key.get(row[key])
        part = ContentFile(file.path, row)
        _put(report, entry, part, model(service=service), found)
    kept = {f"{prefix}{key}" for key in keys}
    _drop(report, prefix, kept, by_entry.values())


def _put_words(report: Report, files: list[ContentFile]) -> None:
    """Bring the words that mean the same up to date; a group goes by its first word."""
    prefix = "words/"
    there = {row.entry: row for row in SameWords.objects.exclude(entry="")}
    kept = set()
    for file in files:
        for row in file.children["same"]:
            entry = f"{prefix}{row['language']}/{row['words'].partition(chr(10))[0]}"
            kept.add(entry)
            part = ContentFile(file.path, row)
            _put(report, entry, part, SameWords(), there.pop(entry, None))
    _drop(report, prefix, kept, there.values())


def _drop(
    report: Report, prefix: str, kept: set[str], left: Collection[Content]
) -> None:
    """Remove rows that the files below a prefix have no more, if nobody edited them.

    What neither the files nor the database has any more may come back one day.
    """
    kept = kept | {row.entry for row in left}
    for gone in left:
        if gone.edited_by_staff:
            report.leave(_title(gone), "gone from the file, edited by staff")
            continue
        gone.delete()
        report.counts["removed"] += 1
    report.known -= {e for e in report.known if e.startswith(prefix) and e not in kept}


def _put(
    report: Report, entry: str, file: ContentFile, new: C, existing: C | None
) -> C | None:
    """Bring one row up to date with its file, unless staff edited or deleted it.

    Return the row, or None when staff deleted it.
    """
    if existing is None and entry in report.known:
        report.leave(f"{new._meta.verbose_name} “{entry}”", "deleted by staff")
        return None
    if existing is not None and existing.edited_by_staff:
        report.leave(_title(existing), "edited by staff")
        return existing
    target = new if existing is None else existing
    _fill(file.path, file.row, target)
    report.known.add(entry)
    digest = target.digest()
    if digest == target.loaded_digest:
        report.counts["unchanged"] += 1
        return target
    target.entry, target.loaded_digest = entry, digest
    target.save()
    report.counts["added" if existing is None else "updated"] += 1
    return target


def _fill(path: Path, row: Row, target: Content) -> None:
    """Set every field that a file may fill, absent ones to their default.

    Raises ContentFileError when the file has another field, or a value does not fit.
    """
    if unknown := sorted(row.keys() - set(target.content_fields)):
        raise ContentFileError(
            f"{path}: a {target._meta.verbose_name} has no {', '.join(unknown)}."
        )
    blank = type(target)()
    for name in target.content_fields:
        setattr(target, name, row.get(name, getattr(blank, name)))
    try:
        target.full_clean()
    except ValidationError as error:
        faults = "; ".join(
            f"{name}: {' '.join(messages)}"
            for name, messages in error.message_dict.items()
        )
        raise ContentFileError(f"{path}: {_title(target)}: {faults}") from error


def _put_opening_hours(report: Report, file: ContentFile, clinic: Clinic) -> None:
    """Fill the hours once; staff own them from then on, also when they delete all."""
    entry = "clinic#opening_hours"
    wanted = [_opening_hours(file, row, clinic) for row in file.children[HOURS]]
    kept = list(clinic.opening_hours.all())
    if not kept and entry not in report.known:
        OpeningHours.objects.bulk_create(wanted)
        report.counts["added"] += len(wanted)
    elif set(map(str, kept)) != set(map(str, wanted)):
        report.leave("opening hours", "staff keep them in the admin")
    if kept or wanted:
        report.known.add(entry)


def _opening_hours(file: ContentFile, row: Row, clinic: Clinic) -> OpeningHours:
    try:
        hours = OpeningHours(
            clinic=clinic,
            weekday=Weekday[str(row["weekday"]).upper()],
            opens=row["opens"],
            closes=row["closes"],
        )
        hours.full_clean()
    except (KeyError, ValidationError) as error:
        raise ContentFileError(f"{file.path}: {HOURS}: {error}") from error
    return hours


def _title(row: Content) -> str:
    return f"{row._meta.verbose_name} “{row}”"
