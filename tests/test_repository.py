"""Rules about the code itself, read from the files."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from .plugin import ROOT

# Inside `booking`, a module may import its own layer and those above it.
LAYERS = (
    {
        "errors",
        "clock",
        "availability",
        "policy",
        "encryption",
        "guards",
        "names",
        "noticing",
        "business_days",
    },
    {"models", "links", "calendars", "once", "limits"},
    {"messages"},
    {"workflow"},
    {"forms", "reports"},  # and whatever else helps the faces
    {"views", "admin", "management", "templatetags", "urls", "checks", "apps"},
)
HELPERS = 4

# The one place that may call text safe, after an allow-list has cleaned it.
SAFE = {"services/templatetags/content.py"}

# Names of formats, which nothing is fetched from.
NAMES = ("http://www.w3.org/2000/svg", "https://schema.org")

TEMPLATES = sorted((ROOT / "templates").rglob("*.*"))
PAGES = [p for p in TEMPLATES if p.suffix == ".html" and p.parent.name != "emails"]
STATIC = sorted(p for p in (ROOT / "static").rglob("*.*"))
CODE = sorted(
    path
    for package in ("booking", "services", "clinic_site")
    for path in (ROOT / package).rglob("*.py")
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Yield the full dotted name of each module or object that a file imports."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def layer(module: str) -> int:
    """Return the layer of a module of `booking`, by its name below the package."""
    return next((i for i, names in enumerate(LAYERS) if module in names), HELPERS)


def test_booking_imports_go_one_way():
    wrong = []
    for path in (ROOT / "booking").rglob("*.py"):
        own = path.relative_to(ROOT / "booking").parts[0].removesuffix(".py")
        if own in ("__init__", "migrations"):
            continue
        for imported in imports(path):
            package, _, rest = imported.partition(".")
            other = rest.partition(".")[0]
            if package == "booking" and layer(other) > layer(own):
                wrong.append(f"{name_of(path)} imports {imported}")
    assert wrong == []


def test_services_knows_nothing_of_booking():
    wrong = [
        f"{name_of(path)} imports {imported}"
        for path in (ROOT / "services").rglob("*.py")
        for imported in imports(path)
        if imported.partition(".")[0] in ("booking", "clinic_site")
    ]
    assert wrong == []


def test_the_engine_needs_only_the_standard_library():
    wrong = [
        imported
        for imported in imports(ROOT / "booking" / "availability.py")
        if imported.partition(".")[0] in ("django", "booking", "services")
    ]
    assert wrong == []


@pytest.mark.parametrize("path", TEMPLATES + STATIC, ids=name_of)
def test_a_page_names_no_other_host(path):
    text = path.read_text()
    found = re.findall(r"""(?:https?:)?//[\w.-]+\.\w+[^\s"'<>)]*""", text)
    assert [url for url in found if not url.startswith(NAMES)] == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_page_has_no_script_or_style_of_its_own(path):
    """The content security policy would stop it, and the page would look broken."""
    text = path.read_text()
    scripts = re.findall(
        r"<script\b(?![^>]*\b(?:src=|type=\"application/ld\+json\"))", text
    )
    others = re.findall(r"<style\b|\sstyle=|\son\w+=|javascript:", text)
    assert scripts + others == []


def test_no_browser_puts_back_by_its_place_what_was_chosen():
    """Who goes back would find another time or person ticked, if one before it went.

    But for the page for a caller, on which much is typed that is to come back, and the
    choice of two versions to be compared.
    """
    of_rows = (
        r"""components/day\.html|<input type="(?:radio|checkbox)"[^>]*value="\{\{"""
    )
    chosen = re.compile(rf"<form[^>]*>(?:(?!</form>).)*?(?:{of_rows})", re.S)
    restored = [
        name_of(path)
        for path in PAGES
        for form in chosen.findall(path.read_text())
        if 'autocomplete="off"' not in form.partition(">")[0]
    ]
    assert sorted(restored) == [
        "templates/admin/booking/appointment/phone.html",
        "templates/admin/content/versions.html",
        "templates/styleguide.html",
    ]


def test_times_on_a_patients_page_have_one_home():
    """It is booking/words.py, which lets no line end within one."""
    of_patients = [path for path in PAGES if "admin" not in path.parts]
    elsewhere = [
        name_of(p) for p in of_patients if re.search(r'date:".*A', p.read_text())
    ]
    assert elsewhere == []


@pytest.mark.parametrize("path", PAGES + CODE, ids=name_of)
def test_only_cleaned_text_is_called_safe(path):
    text = path.read_text()
    found = re.findall(
        r"mark_safe|SafeString\(|\|\s*safe(?:seq)?\b|autoescape off", text
    )
    assert (found == []) is (name_of(path) not in SAFE)


def test_every_direct_dependency_is_locked_with_its_hash():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for wanted, path in (
        (project["project"]["dependencies"], "requirements.txt"),
        (project["dependency-groups"]["test"], "tests/requirements.txt"),
    ):
        locked = dict(
            re.findall(
                r"^([a-z0-9-]+)==(\S+) \\\n    --hash=sha256:",
                (ROOT / path).read_text(),
                re.MULTILINE,
            )
        )
        names = {re.split(r"[\[~=<> ]", line)[0].lower() for line in wanted}
        assert names - set(locked) == set()


def test_every_migration_is_named_by_what_it_does():
    names = [path.stem for path in CODE if path.parent.name == "migrations"]
    assert [name for name in names if "_auto_" in name] == []


def test_what_is_about_postgresql_alone_runs_on_postgresql():
    """`make test` gives that database a list of its own, and SQLite leaves it out."""
    makefile = (ROOT / "Makefile").read_text()
    listed = re.search(r"^DATABASE_TESTS := ((?:.*\\\n)*.*)", makefile, re.MULTILINE)
    assert listed
    runs = {
        path
        for name in listed[1].replace("\\", "").split()
        for path in [ROOT / name, *(ROOT / name).rglob("*.py")]
    }
    marked = {
        path
        for path in (ROOT / "tests").rglob("test_*.py")
        if re.search(
            r"^(?:@|pytestmark = )pytest\.mark\.postgresql",
            path.read_text(),
            re.MULTILINE,
        )
    }
    assert marked - runs == set()
    assert marked
