"""From a draft to what patients read: kept, approved, published, or thrown away.

Staff never change a page that patients read; they keep a draft of it. A page about care
is published only after somebody qualified has approved these very words and said when
they are to be read again.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from .models import Draft, Page, Service, Version
from .translation import make_room
from .versions import (
    CHILDREN,
    SUBJECTS,
    NotYet,
    Said,
    Subject,
    Who,
    children_of,
    content_of,
    digest_of,
    in_english,
    insist,
    keep,
    locked,
    note_review,
    put,
)

# What a draft says that nobody wants to be published at a time.
NO_TIME: dict[str, Any] = {
    "publish_at": None, "publish_user_id": None, "publish_by": "", "publish_seen": "",
    "stopped": "",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who approves a draft, as patients read it: Jane Doe, MD, physician (PM&R)."""

    name: str
    credentials: str = ""
    profession: str = ""


def draft_of(row: Subject) -> Draft | None:
    return Draft.objects.filter(kind=row.content_kind(), row=row.pk).first()


def words_of(row: Subject) -> Said:
    """Return what the page says now, without its photos: those need no draft."""
    content = content_of(row)
    content.pop("photos", None)
    return content


def seen(row: Subject, draft: Draft | None) -> str:
    """Return what tells whether a page and its draft still are as they were shown."""
    return digest_of({"now": words_of(row), "then": draft.content if draft else ""})


def if_saved(row: Subject, save: Callable[[], None]) -> Said:
    """Return what the page would say after a save, which is taken back.

    Inside a transaction. Rows that would be new have no key.
    """
    known = {
        name: set(getattr(row, name).values_list("pk", flat=True))
        for name in children_of(row)
    }
    with taken_back():
        row.save()
        save()
        content = in_english_with_keys(row)
    for name, keys in known.items():
        for part in content[name]:
            part["id"] = part["id"] if part["id"] in keys else None
    return content


def in_english_with_keys(row: Subject) -> Said:
    content = words_of(row)
    content.pop("reviewed", None)
    return content


@contextmanager
def taken_back() -> Iterator[None]:
    """Undo what the block does to the database. Inside a transaction."""
    before = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(before)


@contextmanager
def as_if_published(row: Subject, content: Said) -> Iterator[None]:
    """Let the block read the page as if it said that; nothing stays of it."""
    with transaction.atomic(), taken_back():
        put(row, content | {"is_published": True})
        yield


@transaction.atomic
def keep_draft(row: Subject, content: Said, *, by: Who, now: datetime) -> Draft:
    """Keep what the page is to say, in place of an older draft and its approval."""
    list(locked(type(row), [row.pk]))  # or who publishes would delete what is new
    draft, _new = Draft.objects.update_or_create(
        kind=row.content_kind(),
        row=row.pk,
        defaults={
            "content": content, "at": now, "user_id": by.user_id, "by": by.name,
            "approved_at": None, "approved_by": "", "approved_credentials": "",
            "approved_profession": "", "next_review": None, **NO_TIME,
        },
    )  # fmt: skip
    return draft


@transaction.atomic
def approve(
    row: Subject, as_seen: str, next_review: date, *, by: Reviewer, now: datetime
) -> bool:
    """Say that the words of a draft are right. Return whether that was new.

    Raises NotYet if the draft is not what was seen.
    """
    row, draft = _found(row, as_seen)
    before = review_of(draft)
    draft.approved_by, draft.approved_credentials = by.name, by.credentials
    draft.approved_profession, draft.next_review = by.profession, next_review
    if before and review_of(draft) == before:
        return False
    draft.approved_at = now
    draft.save()
    return True


@transaction.atomic
def publish(row: Subject, as_seen: str, *, by: Who, now: datetime) -> None:
    """Let patients read the draft from now on.

    Raises NotYet if it is not what was seen or has to be approved first, and
    ValidationError if it does not fit what is there now.
    """
    row, draft = _found(row, as_seen)
    insist(row, review_of(draft), localdate(now))
    keep(type(row), [row.pk], by=by, now=now)  # what is replaced, if nobody kept it
    put(row, draft.content | {"is_published": True})
    note_review(row, review_of(draft))
    draft.delete()
    make_room()
    keep(type(row), [row.pk], by=by, now=now)


def review_of(draft: Draft) -> Said:
    """Return who has approved the draft and when, as a version keeps it; or nothing."""
    if draft.approved_at is None:
        return {}
    return {
        "reviewed_by": draft.approved_by,
        "reviewer_credentials": draft.approved_credentials,
        "reviewer_profession": draft.approved_profession,
        "reviewed_on": localdate(draft.approved_at).isoformat(),
        "next_review": draft.next_review and draft.next_review.isoformat(),
    }


@transaction.atomic
def draft_again(row: Subject, version: Version, *, by: Who, now: datetime) -> None:
    """Keep what a version said as the draft. Raises NotYet if there is one already."""
    row = locked(type(row), [row.pk]).get()
    if draft_of(row):
        raise NotYet(
            _("There is a draft of this page. Publish it or throw it away first.")
        )
    content = in_english(version.content, keys=True) | {"slug": row.slug}
    for name in children_of(row):
        if name not in content:  # a kind of row may be younger than a version
            continue
        model, key = CHILDREN[name]
        there = model._default_manager.filter(service_id=row.pk)
        keys = dict(there.values_list(key, "pk"))
        taken = {keys.get(part[key]) for part in content[name]}
        for part in content[name]:  # the row that `put` would take
            own = None if part["id"] in taken else part["id"]
            part["id"] = keys.get(part[key], own)
    keep_draft(row, in_english_with_keys(row) | content, by=by, now=now)


@transaction.atomic
def schedule(row: Subject, as_seen: str, at: datetime, *, by: Who) -> bool:
    """Have the draft published at an instant to come. Return whether that was new.

    Raises NotYet if it is not what was seen, or may not be read on that day.
    """
    row, draft = _found(row, as_seen)
    insist(row, review_of(draft), localdate(at))
    if draft.publish_at == at and not draft.stopped:
        return False
    draft.publish_at, draft.publish_seen, draft.stopped = at, as_seen, ""
    draft.publish_by, draft.publish_user_id = by.name, by.user_id
    draft.save()
    return True


@transaction.atomic
def unschedule(row: Subject, as_seen: str) -> bool:
    """Leave the draft a draft. Return whether it was to be published at some time."""
    _row, draft = _found(row, as_seen)
    if draft.publish_at is None:
        return False
    Draft.objects.filter(pk=draft.pk).update(**NO_TIME)
    return True


def publish_due(now: datetime) -> int:
    """Publish each draft whose time has come, as its button does; return how many.

    What may not be published stays a draft that says why, until somebody chooses a time
    again. Whoever else is at it, or decides otherwise, each is published once.
    """
    return sum(_publish_one(draft, now) for draft in Draft.objects.due(now))


def _publish_one(found: Draft, now: datetime) -> bool:
    try:
        with transaction.atomic():
            row = locked(SUBJECTS[found.kind], [found.row]).first()
            draft = Draft.objects.due(now).filter(pk=found.pk).first()
            if row is None or draft is None:  # another worker, or somebody by hand
                return False
            if seen(row, draft) != draft.publish_seen:
                raise NotYet(
                    _("The page has changed since. Read the draft, and choose again.")
                )
            by = Who(draft.publish_by, draft.publish_user_id)
            publish(row, draft.publish_seen, by=by, now=now)
    except (NotYet, ValidationError) as error:
        why = " ".join(getattr(error, "messages", [str(error)]))
        chosen = Draft.objects.due(now).filter(pk=found.pk)
        chosen.filter(publish_seen=found.publish_seen).update(stopped=why)
        return False
    return True


@transaction.atomic
def discard(row: Subject, as_seen: str) -> None:
    """Throw the draft away. Raises NotYet if it is not what was seen."""
    _row, draft = _found(row, as_seen)
    draft.delete()


def forget(rows: Iterable[Subject]) -> None:
    """Delete the drafts of pages that are to be deleted; their versions are kept."""
    for row in rows:
        Draft.objects.filter(kind=row.content_kind(), row=row.pk).delete()


@transaction.atomic
def withdraw(row: Subject, *, by: Who, now: datetime) -> bool:
    """Take a page off the site. Return whether it was there."""
    model = type(row)
    row = locked(model, [row.pk]).get()
    if not row.is_published:
        return False
    keep(model, [row.pk], by=by, now=now)
    row.is_published = False
    row.save()
    keep(model, [row.pk], by=by, now=now)
    return True


def _found(row: Subject, as_seen: str) -> tuple[Any, Draft]:
    """Return both, held until the transaction ends."""
    found: Service | Page = locked(type(row), [row.pk]).get()
    draft = draft_of(found)
    if draft is None:
        raise NotYet(_("There is no draft of this page any more."))
    if seen(found, draft) != as_seen:
        raise NotYet(_("The draft has changed since you opened this page. Read it."))
    return found, draft


def as_form(row: Subject, draft: Draft) -> dict[str, Any]:
    """Return what somebody would send who changed the page into the draft by its form.

    What is left out of the draft is marked to be deleted.
    """
    data = _fields(draft.content)
    for name in children_of(row):
        model, _key = CHILDREN[name]
        there = list(model._default_manager.filter(service_id=row.pk))
        parts = draft.content[name]
        kept = {part["id"]: part for part in parts if part["id"]}
        fresh = [p for p in parts if p["id"] not in {child.pk for child in there}]
        forms = [
            {"id": child.pk, **_fields(kept[child.pk])}
            if child.pk in kept
            else {"id": child.pk, "DELETE": "on", **_own(child)}
            for child in there
        ] + [_fields(part) for part in fresh]
        data |= {
            f"{name}-TOTAL_FORMS": len(forms),
            f"{name}-INITIAL_FORMS": len(there),
        }
        for number, form in enumerate(forms):
            data |= {f"{name}-{number}-{k}": value for k, value in form.items()}
            data[f"{name}-{number}-service"] = row.pk
    return data


def _own(child: Any) -> dict[str, Any]:
    return {name: getattr(child, name) for name in child.content_fields}


def _fields(content: Said) -> dict[str, Any]:
    return {k: v for k, v in content.items() if k != "id" and not isinstance(v, list)}
