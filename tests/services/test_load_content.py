"""Loading again and again follows the files, and never loses what staff wrote."""

from datetime import time
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from services.models import (
    Clinic,
    Clinician,
    Fact,
    OpeningHours,
    Page,
    ScreeningQuestion,
    Section,
    Service,
    Weekday,
)

pytestmark = pytest.mark.django_db

CLINIC = """\
+++
name = "Test Clinic"
phone = "(212) 555-0100"
opening_hours = [{ weekday = "Monday", opens = 08:30:00, closes = 18:00:00 }]
+++
"""

SERVICE = """\
+++
kind = "test"
name = "Nerve test"
summary = "A test."
call_us = ["it swells", "it bleeds"]

[[facts]]
label = "Length"
value = "Ask us"

[[screening_questions]]
code = "faints"
tell_us = "faint"
question = "Do you faint?"
flag = "Faints"
+++

## What is it? {#what}

A *test*.

## Does it hurt? {#hurt}

### A little

It can.
"""

PAGE = """\
+++
title = "Privacy"
is_published = true
+++
Ask us.
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for folder in ("clinicians", "services", "pages"):
        (tmp_path / folder).mkdir()
    (tmp_path / "clinic.md").write_text(CLINIC)
    (tmp_path / "services" / "nerve-test.md").write_text(SERVICE)
    (tmp_path / "pages" / "privacy.md").write_text(PAGE)
    return tmp_path


def load(files: Path) -> str:
    """Return what the command says."""
    out = StringIO()
    call_command("load_content", directory=files, stdout=out, no_color=True)
    return out.getvalue()


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_first_load_fills_an_empty_database(files: Path) -> None:
    assert load(files) == "Content: 8 added.\n"

    clinic = Clinic.objects.get()
    assert (clinic.pk, clinic.name) == (1, "Test Clinic")
    assert list(
        OpeningHours.objects.values_list("clinic", "weekday", "opens", "closes")
    ) == [(1, Weekday.MONDAY, time(8, 30), time(18))]
    service = Service.objects.get()
    assert (service.slug, service.kind) == ("nerve-test", "test")
    assert service.call_us == "it swells\nit bleeds"
    assert not service.is_published
    assert list(Section.objects.values_list("anchor", "question", "answer")) == [
        ("what", "What is it?", "A *test*."),
        ("hurt", "Does it hurt?", "### A little\n\nIt can."),
    ]
    assert list(Fact.objects.values_list("label", "value")) == [("Length", "Ask us")]
    assert [q.code for q in ScreeningQuestion.objects.all()] == ["faints"]
    assert [(p.slug, p.body) for p in Page.objects.all()] == [("privacy", "Ask us.")]
    assert not any(row.edited_by_staff for row in [clinic, service])


def test_second_load_changes_nothing(files: Path) -> None:
    load(files)
    before = Service.objects.values().get()

    assert load(files) == "Content: 7 unchanged.\n"

    assert Service.objects.values().get() == before


def test_row_nobody_edited_follows_its_file(files: Path) -> None:
    load(files)
    rewrite(files / "services" / "nerve-test.md", "It can.", "Hardly.")

    assert load(files) == "Content: 6 unchanged, 1 updated.\n"

    assert Section.objects.get(anchor="hurt").answer.endswith("Hardly.")


def test_review_ends_when_a_file_changes_what_was_read(files: Path) -> None:
    load(files)
    review = {"reviewed_by": "A. Demo, MD", "reviewed_on": "2026-03-04"}
    Service.objects.update(**review)
    Page.objects.update(**review)
    load(files)
    assert Service.objects.get().reviewed_by == "A. Demo, MD"

    rewrite(files / "services" / "nerve-test.md", "It can.", "It may.")
    load(files)

    service = Service.objects.get()
    assert (service.reviewed_by, service.reviewed_on) == ("", None)
    assert Page.objects.get().reviewed_by == "A. Demo, MD"


def test_row_that_staff_edited_stays_and_is_named(files: Path) -> None:
    load(files)
    section = Section.objects.get(anchor="hurt")
    section.answer = "Ask me."
    section.save()
    rewrite(files / "services" / "nerve-test.md", "It can.", "Hardly.")

    assert load(files) == (
        "Left alone: section “Does it hurt?” (edited by staff)\n"
        "Content: 1 left alone, 6 unchanged.\n"
    )

    section.refresh_from_db()
    assert section.answer == "Ask me."


def test_row_that_left_its_file_is_removed(files: Path) -> None:
    load(files)
    path = files / "services" / "nerve-test.md"
    path.write_text(path.read_text().partition("## Does it hurt?")[0])

    assert load(files) == "Content: 1 removed, 6 unchanged.\n"

    assert [section.anchor for section in Section.objects.all()] == ["what"]


def test_edited_row_that_left_its_file_stays_and_is_named(files: Path) -> None:
    load(files)
    Fact.objects.update(value="One hour")
    rewrite(
        files / "services" / "nerve-test.md", "[[facts]]", "[[screening_questions]]"
    )
    rewrite(
        files / "services" / "nerve-test.md",
        'label = "Length"\nvalue = "Ask us"',
        'code = "a"\ntell_us = "a"\nquestion = "A?"\nflag = "A"',
    )

    assert load(files).splitlines()[0] == (
        "Left alone: fact “Length: One hour” (gone from the file, edited by staff)"
    )

    assert Fact.objects.get().value == "One hour"


def test_row_that_staff_deleted_stays_away_and_is_named(files: Path) -> None:
    load(files)
    Fact.objects.first().delete()
    Page.objects.first().delete()
    facts, pages = Fact.objects.count(), Page.objects.count()

    said = load(files)

    assert (Fact.objects.count(), Page.objects.count()) == (facts, pages)
    assert said.count("deleted by staff") == 2


def test_row_whose_label_staff_changed_does_not_appear_twice(files: Path) -> None:
    load(files)
    fact = Fact.objects.first()
    fact.label = "In other words"
    fact.save()
    count = Fact.objects.count()

    assert "In other words" in load(files)

    assert Fact.objects.count() == count


def test_rows_that_staff_added_stay(files: Path) -> None:
    load(files)
    own = Section.objects.create(
        service=Service.objects.get(), anchor="own", question="Ours?", answer="Yes."
    )
    page = Page.objects.create(slug="own", title="Ours", body="Yes.")

    assert load(files) == "Content: 7 unchanged.\n"

    assert Section.objects.filter(pk=own.pk).exists()
    assert Page.objects.filter(pk=page.pk).exists()


def test_file_does_not_take_over_a_page_that_staff_wrote(files: Path) -> None:
    Page.objects.create(slug="privacy", title="Our own", body="Ours.")

    assert "Left alone: page “Our own” (edited by staff)" in load(files)

    assert Page.objects.get().body == "Ours."


def test_service_that_lost_its_file_stays_and_is_named(files: Path) -> None:
    load(files)
    (files / "services" / "nerve-test.md").unlink()

    assert load(files) == (
        "Left alone: service “Nerve test” (it has no file; unpublish it in the admin)\n"
        "Content: 2 unchanged.\n"
    )

    assert Service.objects.get().sections.count() == 2


def test_hours_that_staff_set_stay_and_are_named(files: Path) -> None:
    load(files)
    OpeningHours.objects.update(closes=time(20))

    assert load(files) == (
        "Left alone: opening hours (staff keep them in the admin)\n"
        "Content: 1 left alone, 7 unchanged.\n"
    )

    assert OpeningHours.objects.get().closes == time(20)


def test_hours_that_staff_deleted_stay_away(files: Path) -> None:
    load(files)
    OpeningHours.objects.all().delete()

    assert "Left alone: opening hours" in load(files)
    assert "Left alone: opening hours" in load(files)

    assert not OpeningHours.objects.exists()


@pytest.mark.parametrize(
    ("name", "old", "new", "sentence"),
    [
        ("services/nerve-test.md", "+++\nkind", "kind", ", line 1: expected +++."),
        (
            "pages/privacy.md",
            "true\n+++\n",
            "true\n",
            ": no second +++ ends the front matter.",
        ),
        (
            "services/nerve-test.md",
            'name = "Nerve test"',
            "name = Nerve test",
            ": Invalid value (at line 3, column 8).",
        ),
        (
            "services/nerve-test.md",
            "## Does it hurt? {#hurt}",
            "## Does it hurt?",
            ", line 22: expected “## Question? {#anchor}”.",
        ),
        (
            "services/nerve-test.md",
            "\n## What is it?",
            "Hello.\n## What is it?",
            ", line 17: text before any heading.",
        ),
        (
            "services/nerve-test.md",
            "{#hurt}",
            "{#what}",
            ": sections: each needs a anchor of its own.",
        ),
        (
            "services/nerve-test.md",
            'call_us = ["it swells", "it bleeds"]',
            'call_us = "it swells"',
            ": call_us must be a list of sentences.",
        ),
        (
            "services/nerve-test.md",
            "[[facts]]",
            "[facts]",
            ": facts must be [[facts]] tables.",
        ),
        (
            "services/nerve-test.md",
            "summary =",
            "sumary =",
            ": a service has no sumary.",
        ),
        (
            "services/nerve-test.md",
            'kind = "test"',
            'kind = "spa"',
            ": service “Nerve test”: kind: Value 'spa' is not a valid choice.",
        ),
        (
            "services/nerve-test.md",
            'value = "Ask us"',
            "",
            ": fact “Length: ”: value: This field cannot be blank.",
        ),
        ("clinic.md", "Monday", "Mon", ": opening_hours: 'MON'"),
    ],
)
def test_wrong_file_is_named_with_its_fault(
    files: Path, name: str, old: str, new: str, sentence: str
) -> None:
    path = files / name
    rewrite(path, old, new)

    with pytest.raises(CommandError) as raised:
        load(files)

    assert str(raised.value) == f"{path}{sentence}"
    assert not Clinic.objects.exists()
    assert not Service.objects.exists()
    assert not Page.objects.exists()


def test_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as raised:
        load(tmp_path / "nowhere")

    path = tmp_path / "nowhere" / "clinic.md"
    assert str(raised.value) == f"{path}: No such file or directory."
    assert not Clinician.objects.exists()
