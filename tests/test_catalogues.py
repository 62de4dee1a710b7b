"""Each language says all that patients read, and says it whole."""

import ast
import gettext
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest
from django.conf import settings
from django.utils.translation.template import templatize

from services.languages import DATE_FORMATS
from services.management.commands.makemessages import STAFF_ONLY

from .plugin import ROOT

CATALOGUES = sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po"))
CALLED = ("gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy")
# What stands for a value: %(name)s, {{ name }}, and tags such as <strong>.
FILLED_IN = re.compile(r"%\(\w+\)[sd]|</?\w+[^>]*>")
LITERAL = r"u?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
IN_TEMPLATE = re.compile(
    rf"\b(?:_|gettext|ngettext)\(\s*({LITERAL})(?:\s*,\s*({LITERAL}))?"
)


class Entry(NamedTuple):
    """A text of a catalogue, what it translates, and whether that was a guess."""

    said: str
    plural: str
    translations: list[str]
    is_fuzzy: bool


def read(catalogue: Path) -> list[Entry]:
    """Return the entries of a catalogue as `make catalogues` writes it, no header."""
    found = []
    for block in catalogue.read_text().split("\n\n"):
        parts: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            keyword, quoted = re.fullmatch(r'(\S*?) ?(".*")', line).groups()
            name = keyword or name
            parts[name] = parts.get(name, "") + ast.literal_eval(quoted)
        translations = [text for key, text in parts.items() if "msgstr" in key]
        is_fuzzy = bool(re.search(r"^#,.*fuzzy", block, re.MULTILINE))
        said, plural = parts.get("msgid", ""), parts.get("msgid_plural", "")
        found.append(Entry(said, plural, translations, is_fuzzy))
    return found[1:]


def is_for_patients(path: Path) -> bool:
    name = path.relative_to(ROOT).as_posix()
    return not any(fnmatch(name, glob) for glob in STAFF_ONLY.read_text().split())


def marked() -> Iterator[tuple[str, str]]:
    """Yield what patients read, and in which file, without any tool."""
    for package in ("booking", "services", "clinic_site"):
        for path in (ROOT / package).rglob("*.py"):
            if is_for_patients(path):
                yield from ((path.name, said) for said in in_code(path))
    for path in (ROOT / "templates").rglob("*.*"):
        if is_for_patients(path):
            yield from ((path.name, said) for said in in_template(path))


def in_code(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    names = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module == "django.utils.translation"
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            first = node.args[0] if node.args else None
            is_said = names.get(node.func.id) in CALLED
            if is_said and isinstance(first, ast.Constant):
                yield first.value


def in_template(path: Path) -> Iterator[str]:
    for said, _plural in IN_TEMPLATE.findall(templatize(path.read_text())):
        yield ast.literal_eval(said)


def test_each_language_has_a_catalogue():
    others = [code for code, _name in settings.LANGUAGES if code != "en"]
    assert [path.parts[-3] for path in CATALOGUES] == others


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parts[-3])
def test_nothing_that_patients_read_is_left_untranslated(catalogue):
    """`make catalogues` finds what is new; a fuzzy entry is a guess nobody has read."""
    ready = {
        entry.said
        for entry in read(catalogue)
        if all(entry.translations) and not entry.is_fuzzy
    }
    wanted = set(marked())
    assert len(wanted) > 700
    assert sorted((name, said) for name, said in wanted if said not in ready) == []


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parts[-3])
def test_nothing_is_kept_that_nobody_says(catalogue):
    said = {said for _name, said in marked()}
    assert [e.said for e in read(catalogue) if e.said not in said] == []


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parts[-3])
def test_a_translation_has_the_same_values_to_fill_in(catalogue):
    wrong = []
    for entry in read(catalogue):
        if entry.said in DATE_FORMATS:
            continue
        wanted = sorted(FILLED_IN.findall(entry.said))
        for text in entry.translations:
            if sorted(FILLED_IN.findall(text)) != wanted:
                wrong.append((entry.said, text))
            if text.startswith(" ") != entry.said.startswith(" "):
                wrong.append((entry.said, text))
    assert wrong == []


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parts[-3])
def test_what_programs_read_is_what_people_wrote(catalogue):
    """The compiled catalogue is kept, too: a new machine has no tools to make it."""
    with catalogue.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    written: dict[object, str] = {}
    for entry in read(catalogue):
        if entry.plural:
            forms = enumerate(entry.translations)
            written |= {(entry.said, form): text for form, text in forms}
        else:
            written[entry.said] = entry.translations[0]
    del compiled[""]
    assert compiled == written


def test_a_request_is_never_called_an_appointment():
    """What was only asked for must not read as if it were agreed, in Spanish: cita."""
    [spanish] = [path for path in CATALOGUES if path.parts[-3] == "es"]
    subjects = [e for e in read(spanish) if e.said.startswith("Request received")]
    for entry in subjects:
        start = "Solicitud recibida: todavía no es una cita"
        assert entry.translations[0].startswith(start)
    assert len(subjects) == 2


def test_a_date_in_a_patients_page_has_a_format_of_its_own():
    """One that no catalogue has would stay as English writes it."""
    wrong = []
    for path in (ROOT / "templates").rglob("*.*"):
        for style in re.findall(r"\|date:\"([^\"]+)\"", path.read_text()):
            by_machines = style in ("Y-m-d", "c", "Y")
            if is_for_patients(path) and style not in DATE_FORMATS and not by_machines:
                wrong.append((path.name, style))
    assert wrong == []
