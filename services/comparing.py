"""Two versions of a page beside each other, in words for people."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from difflib import SequenceMatcher
from typing import Any

from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from .astray import Site
from .house_style import Flag, flags
from .markup import unseen
from .models import Clinician, Content, KeptPicture, OpeningHours, Photo
from .models.clinic import weekly
from .outline import anchors
from .photos import PORTRAIT, SCENE, Shape, glance_cut
from .versions import CHILDREN, SUBJECTS, Said, without

EDGES = ("opens", "closes")

# A word, or the space between two.
TOKEN = re.compile(r"\s+|\S+")


@dataclass(frozen=True, slots=True)
class Difference:
    """A text that is not the same: where it stands, and both with marks, as HTML."""

    where: str
    old: str
    new: str


def differences(kind: str, old: Said, new: Said) -> list[Difference]:
    """Return what is not the same in two contents, in the order of the newer page."""
    before, after = texts_of(kind, old), texts_of(kind, new)
    places = dict.fromkeys([*after, *before])
    texts = [
        Difference(where, *marked(before.get(where, ""), after.get(where, "")))
        for where in places
        if before.get(where, "") != after.get(where, "")
    ]
    # What is older than versions with photos says nothing of them.
    if "photos" not in old or "photos" not in new:
        return texts
    return [*texts, *_photos(kind, old["photos"], new["photos"])]


def whole(kind: str, content: Said) -> list[tuple[str, str]]:
    """Return all that a content says, with the name of each place."""
    texts = [(where, text) for where, text in texts_of(kind, content).items() if text]
    photos = _photos(kind, [], content.get("photos", []))
    return [*texts, *((one.where, one.new) for one in photos)]


def _photos(kind: str, old: list[Said], new: list[Said]) -> Iterator[Difference]:
    """Yield all photos of both, as patients saw them, unless they are the same."""
    if without(old, "id") == without(new, "id"):
        return
    before, after = ({one["id"]: _caption(one) for one in said} for said in (old, new))
    named = {one["picture"] for one in (*old, *new)}
    kept = KeptPicture.objects.filter(digest__in=named).defer(None)
    pictures = dict(kept.values_list("digest", "data"))
    shape = PORTRAIT if kind == Clinician.content_kind() else SCENE

    def shown(said: list[Said], side: int) -> str:
        return format_html_join("", "<figure>{}<figcaption>{}</figcaption></figure>", (
            (_drawn(pictures.get(one["picture"]), shape, one),
             marked(before.get(one["id"], ""), after.get(one["id"], ""))[side])
            for one in said
        ))  # fmt: skip

    label = capfirst(str(Photo._meta.verbose_name_plural))
    yield Difference(label, shown(old, 0), shown(new, 1))


def _drawn(picture: bytes | None, shape: Shape, said: Said) -> str:
    if picture is None:  # one that no version has shown yet
        return ""
    seen = glance_cut(picture, shape, (said["focus_x"], said["focus_y"]))
    html = '<img src="{}" width="{}" height="{}" alt="">'
    return format_html(html, seen.src, seen.width, seen.height)


def _caption(said: Said) -> str:
    """Return the words of a photo in each language, and where its main point is."""
    languages = dict(settings.LANGUAGES)
    point = _("Main point: %(x)s from the left, %(y)s from the top")
    lines = [
        said["alt"],
        *(f"{languages[c]}: {t['alt']}" for c, t in said.get("said", {}).items()),
        point % {"x": said["focus_x"], "y": said["focus_y"]},
    ]
    return "\n".join(filter(None, lines))


def texts_of(kind: str, content: Said) -> dict[str, str]:
    """Return each text of a page by the name of its place, in reading order."""
    return dict(_texts(kind, content))


def _texts(kind: str, content: Said) -> Iterator[tuple[str, str]]:
    yield from _own(SUBJECTS[kind], content, "")
    if hours := content.get("opening_hours"):
        days = [
            weekly(one["weekday"], *(time.fromisoformat(one[at]) for at in EDGES))
            for one in hours
        ]
        yield capfirst(str(OpeningHours._meta.verbose_name_plural)), "\n".join(days)
    for name, (model, key) in CHILDREN.items():
        parts = content.get(name, [])
        plural = capfirst(str(model._meta.verbose_name_plural))
        if parts:
            yield (
                _("%(rows)s, in this order") % {"rows": plural},
                "\n".join(str(part[key]) for part in parts),
            )
        for part in parts:
            row = f"{capfirst(str(model._meta.verbose_name))} “{part[key]}”, "
            yield from _own(model, part, row)


def _own(model: type[Content], values: Said, row: str) -> Iterator[tuple[str, str]]:
    for name in model.content_fields:
        if row and name == "order":  # told by the order itself
            continue
        label = str(_label(model, name))
        place = f"{row}{label}" if row else capfirst(label)
        yield place, _said(values.get(name, ""))
        for language, texts in values.get("said", {}).items():
            if name in texts:
                yield f"{place}, {dict(settings.LANGUAGES)[language]}", texts[name]


def _label(model: type[Content], name: str) -> Any:
    field: Any = model._meta.get_field(name)
    return field.verbose_name


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)


def flagged(kind: str, content: Said) -> Iterator[tuple[str, Flag]]:
    """Yield what is flagged in a page, with the name of its place."""
    return flagged_in(texts_of(kind, content), anchors(kind, content))


def flagged_in(
    texts: dict[str, str], own: list[str] | None = None
) -> Iterator[tuple[str, Flag]]:
    """Yield the same of texts by the name of their place; `own` are links' ends."""
    site = Site()
    for where, text in texts.items():
        found = [*flags(text), *unseen(text), *site.astray(text, own)]
        yield from ((where, flag) for flag in found)


def marked(old: str, new: str) -> tuple[str, str]:
    """Return both texts as HTML, with what is only in one of them marked, by words."""
    before, after = TOKEN.findall(old), TOKEN.findall(new)
    left, right = [], []
    for same, a, b, c, d in SequenceMatcher(None, before, after, False).get_opcodes():
        gone, come = "".join(before[a:b]), "".join(after[c:d])
        left.append(gone if same == "equal" else _mark("del", gone))
        right.append(come if same == "equal" else _mark("ins", come))
    return tuple(format_html_join("", "{}", ((p,) for p in s)) for s in (left, right))  # type: ignore[return-value]


def _mark(tag: str, text: str) -> str:
    html = "<del>{}</del>" if tag == "del" else "<ins>{}</ins>"
    return format_html(html, text) if text else ""
