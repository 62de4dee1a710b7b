"""Read the clinic's content from files: Markdown, with TOML front matter between `+++`.

    clinic.md  clinicians/<slug>.md  services/<slug>.md  pages/<slug>.md
    words/<language>.md

The name of a file is the slug of its row, or its language. This module knows the
format and nothing of the database: it answers with the values of rows, and says where
a file is wrong.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = dict[str, Any]

FENCE = "+++"
SECTION = re.compile(r"## (?P<question>\S.*?) \{#(?P<anchor>[a-z0-9-]+)\}")


class ContentFileError(Exception):
    """A content file is wrong; the message names the file and the line or field."""


@dataclass(frozen=True, slots=True)
class ContentFile:
    """One file: the values of its row, and those of the rows that hang from it."""

    path: Path
    row: Row
    children: dict[str, list[Row]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TranslatedFile:
    """A file of another language: the texts of each row, by the row's entry.

    `of` is the digest of the English file `beside` it, as it was when it was
    translated; `review` has who has read it and when, if anybody has.
    """

    path: Path
    beside: Path
    language: str
    of: str
    review: Row
    texts: dict[str, Row]


@dataclass(frozen=True, slots=True)
class ContentFiles:
    """All the files of a directory."""

    clinic: ContentFile
    clinicians: list[ContentFile]
    services: list[ContentFile]
    pages: list[ContentFile]
    translated: list[TranslatedFile] = field(default_factory=list)
    words: list[ContentFile] = field(default_factory=list)


def read(directory: Path) -> ContentFiles:
    """Return all the content in a directory.

    Raises ContentFileError when there is none, or a file does not keep to the format.
    """
    return ContentFiles(
        clinic=_clinic(directory / "clinic.md"),
        clinicians=[_with_body(p, "biography") for p in _in(directory / "clinicians")],
        services=[_service(p) for p in _in(directory / "services")],
        pages=[_with_body(p, "body") for p in _in(directory / "pages")],
        translated=list(_translated(directory)),
        words=[_words(p) for p in _in(directory / WORDS)],
    )


def digest_of(path: Path) -> str:
    """Return what a translation of the file names, to be known as one of this file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


# The folder of each kind of file, and the text that stands below its front matter.
FOLDERS = {"clinicians": "biography", "services": "", "pages": "body"}
# Not a language, either.
WORDS = "words"


def _translated(directory: Path) -> Iterator[TranslatedFile]:
    """Yield the files in folders that are named for a language, such as es/pages."""
    for folder in sorted(p for p in directory.iterdir() if p.is_dir()):
        if folder.name in (*FOLDERS, WORDS):
            continue
        for path in sorted(folder.rglob("*.md")):
            beside = directory / path.relative_to(folder)
            if not beside.exists():
                raise ContentFileError(f"{path}: there is no {beside}.")
            yield _one_translated(path, beside, folder.name)


def _one_translated(path: Path, beside: Path, language: str) -> TranslatedFile:
    kind = path.parent.name.removesuffix("s")
    if path.stem == "clinic":
        file, kind, entry = _clinic(path), "clinic", "clinic"
    else:
        entry = f"{kind}/{path.stem}"
        body = FOLDERS[path.parent.name]
        file = _with_body(path, body) if body else _service(path)
    row = {name: text for name, text in file.row.items() if name != "slug"}
    of = str(row.pop("of", ""))
    review: Row = {n: row.pop(n) for n in ("reviewed_by", "reviewed_on") if n in row}
    texts = {entry: row}
    keys = {"facts": "english", "sections": "anchor", "screening_questions": "code"}
    for name, rows in file.children.items():
        for part in rows:
            part.pop("order", None)
            key = part.pop(keys[name], "") if name in keys else ""
            if not key:
                raise ContentFileError(f"{path}: {name}: each needs its key.")
            texts[f"{entry}#{name}/{key}"] = part
    return TranslatedFile(path, beside, language, of, review, texts)


def _in(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.md"))


def _clinic(path: Path) -> ContentFile:
    front, body, first_line = _parts(path)
    if body.strip():
        raise ContentFileError(f"{path}, line {first_line}: it has front matter only.")
    hours = _tables(path, front, "opening_hours")
    return ContentFile(path, front, {"opening_hours": hours})


def _with_body(path: Path, name: str) -> ContentFile:
    front, body, _ = _parts(path)
    return ContentFile(path, {**front, "slug": path.stem, name: body.strip()})


def _service(path: Path) -> ContentFile:
    front, body, first_line = _parts(path)
    children = {
        name: _tables(path, front, name) for name in ("facts", "screening_questions")
    }
    children["sections"] = list(_sections(path, body, first_line))
    for name in ("call_911", "call_us"):
        front[name] = "\n".join(_reasons(path, front, name))
    for rows in children.values():
        for place, row in enumerate(rows, start=1):
            row["order"] = place
    return ContentFile(path, {**front, "slug": path.stem}, children)


def _words(path: Path) -> ContentFile:
    """Return a file of words that mean the same: a row for each line of `same`."""
    front, body, first_line = _parts(path)
    groups = front.pop("same", [])
    if front or body.strip() or not isinstance(groups, list):
        raise ContentFileError(f"{path}, line {first_line}: it has “same” only.")
    if not all(
        isinstance(g, list) and all(isinstance(w, str) for w in g) for g in groups
    ):
        raise ContentFileError(f"{path}: same must be lists of words.")
    rows = [{"language": path.stem, "words": "\n".join(group)} for group in groups]
    return ContentFile(path, {"language": path.stem}, {"same": rows})


def _parts(path: Path) -> tuple[Row, str, int]:
    """Return the front matter, the text after it, and the line where that begins."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ContentFileError(f"{path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ContentFileError(f"{path}: it is not UTF-8.") from error
    if lines[:1] != [FENCE]:
        raise ContentFileError(f"{path}, line 1: expected {FENCE}.")
    if FENCE not in lines[1:]:
        raise ContentFileError(f"{path}: no second {FENCE} ends the front matter.")
    end = lines.index(FENCE, 1)
    try:
        # The empty first line stands for the fence, so that line numbers are true.
        front = tomllib.loads("\n".join(["", *lines[1:end]]))
    except tomllib.TOMLDecodeError as error:
        raise ContentFileError(f"{path}: {error}.") from error
    return front, "\n".join(lines[end + 1 :]), end + 2


def _sections(path: Path, body: str, first_line: int) -> Iterator[Row]:
    """Yield the question, anchor and answer of each `## Question? {#anchor}`."""
    section: Row = {}
    for number, line in enumerate(body.splitlines(), start=first_line):
        if line.startswith("## "):
            heading = SECTION.fullmatch(line)
            if not heading:
                raise ContentFileError(
                    f"{path}, line {number}: expected “## Question? {{#anchor}}”."
                )
            if section:
                yield section | {"answer": section["answer"].strip()}
            section = {**heading.groupdict(), "answer": ""}
        elif section:
            section["answer"] += f"{line}\n"
        elif line.strip():
            raise ContentFileError(f"{path}, line {number}: text before any heading.")
    if section:
        yield section | {"answer": section["answer"].strip()}


def _tables(path: Path, front: Row, name: str) -> list[Row]:
    value = front.pop(name, [])
    if not (isinstance(value, list) and all(isinstance(row, dict) for row in value)):
        raise ContentFileError(f"{path}: {name} must be [[{name}]] tables.")
    return value


def _reasons(path: Path, front: Row, name: str) -> list[str]:
    value = front.get(name, [])
    if not (isinstance(value, list) and all(isinstance(line, str) for line in value)):
        raise ContentFileError(f"{path}: {name} must be a list of sentences.")
    return value
