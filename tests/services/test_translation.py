"""The clinic's own texts: shown in a language only where they can be trusted."""

from datetime import date
from io import StringIO
from pathlib import Path
from shutil import copytree

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils.translation import override

from services import content_files, loading, translation
from services.management.commands.load_content import CONTENT
from services.models import Clinic, Clinician, Page, Service, Translation
from services.translation import Standing

pytestmark = pytest.mark.django_db

PATH = "/es/a-page/"
NOTE = "Partes de esta página están en inglés"
DEMO = "Demostración: ninguna persona calificada ha revisado esta traducción."


@pytest.fixture(autouse=True)
def clinic():
    return Clinic.objects.create(pk=1, name="Clinic", phone="(212) 555-0143")


@pytest.fixture
def page():
    return Page.objects.create(
        slug="a-page", title="Title", summary="Summary", body="Body.", is_published=True
    )


@pytest.fixture
def spanish(page):
    """A translation of all that the page says, which somebody has reviewed."""
    return Translation.objects.create(
        model="page", row=page.pk, language="es",
        texts={"title": "Título", "summary": "Resumen", "body": "Texto."},
        of_digest=page.english_digest(),
        reviewed_by="Ana Example", reviewed_on=date(2026, 11, 1),
    )  # fmt: skip


def html() -> str:
    return Client().get(PATH).content.decode()


def test_a_reviewed_translation_is_shown_without_a_note(spanish):
    assert "<h1>Título</h1>" in html()
    assert "<p>Texto.</p>" in html()
    assert NOTE not in html()
    assert "Title" not in html()
    assert "<h1>Title</h1>" in Client().get("/a-page/").content.decode()


def test_what_was_never_translated_stays_english_and_says_so(page):
    said = html()
    assert '<h1><span lang="en" dir="ltr">Title</span></h1>' in said
    assert '<div lang="en" dir="ltr"><p>Body.</p>' in said
    assert NOTE in said
    assert "¿Necesita un intérprete? Es gratis." in said
    assert "(212) 555-0143" in said


def test_one_text_that_is_missing_stays_english_by_itself(spanish):
    spanish.texts = {"title": "Título", "body": "Texto."}
    spanish.save()
    assert "<h1>Título</h1>" in html()
    assert '<span lang="en" dir="ltr">Summary</span>' in html()
    assert NOTE in html()


def test_english_that_was_changed_afterwards_takes_its_place(page, spanish):
    page.body = "Call 911."
    page.save()
    assert "Call 911." in html()
    assert "Texto." not in html()
    assert NOTE in html()
    assert translation.standing(page, spanish) == Standing.STALE


def test_a_draft_is_shown_only_by_a_demonstration_that_says_so(clinic, spanish):
    spanish.reviewed_by = ""
    spanish.save()
    assert "Título" not in html()
    clinic.is_demo = True
    clinic.save()
    assert "<h1>Título</h1>" in html()
    assert DEMO in html()
    assert NOTE not in html()


def test_a_page_in_another_language_costs_one_query_more(
    page, spanish, django_assert_num_queries
):
    client = Client()
    with django_assert_num_queries(2):
        client.get("/a-page/")
    with django_assert_num_queries(3):
        client.get(PATH)
    Page.objects.create(slug="b", title="B", body="B", is_published=True)
    with django_assert_num_queries(3):
        client.get(PATH)


def test_who_has_reviewed_a_page_has_a_profession_in_the_language(page, spanish):
    """It is that of the person's own entry: no other may lend a gender."""
    ana, other = (
        Clinician.objects.create(slug=name, name=name, profession="physician (PM&R)")
        for name in ("Ana", "Other")
    )
    for one, said in ((ana, "médica (PM&R)"), (other, "médico (PM&R)")):
        Translation.objects.create(
            model="clinician", row=one.pk, language="es", texts={"profession": said},
            of_digest=one.english_digest(),
            reviewed_by="Ana Example", reviewed_on=date(2026, 11, 1),
        )  # fmt: skip
    signed = {
        "reviewer_credentials": "MD", "reviewer_profession": "physician (PM&R)",
        "reviewed_on": date(2026, 2, 3), "next_review": date(2027, 2, 1),
    }  # fmt: skip

    Page.objects.update(reviewed_by="Ana", **signed)
    assert "por Ana, MD, médica (PM&amp;R)." in html()
    english = Client().get("/a-page/").content.decode()
    assert "by Ana, MD, physician (PM&amp;R)." in english

    Page.objects.update(reviewed_by="Somebody Else")
    marked = '<span lang="en" dir="ltr">physician (PM&amp;R)</span>.'
    assert f"por Somebody Else, MD, {marked}" in html()


def test_what_speaks_another_language_cannot_be_saved(page, spanish):
    with override("es"):
        translation.say([page])
    assert page.title == "Título"
    assert page.in_english()["title"] == "Title"
    assert translation.text_of(page, "title", "en") == "Title"
    with pytest.raises(TypeError, match="not in English"):
        page.save()


def test_the_files_bring_a_draft_of_every_english_text():
    """And each says which English file it translates: that has not changed since."""
    Clinic.objects.all().delete()
    report = loading.load(content_files.read(CONTENT))
    assert report.left == []
    rows = translation.rows_to_translate()
    found = Translation.objects.filter(language="es")
    stands = {str(t): translation.standing(rows[t.model, t.row], t) for t in found}
    assert set(stands.values()) == {Standing.DRAFT}
    assert len(stands) == len(rows)
    for one in found:
        english = rows[one.model, one.row].in_english()
        assert sorted(one.texts) == sorted(english), one.entry


def test_the_same_lists_and_links_are_in_both_languages():
    Clinic.objects.all().delete()
    loading.load(content_files.read(CONTENT))
    rows = translation.rows_to_translate()
    for one in Translation.objects.filter(language="es"):
        for name, english in rows[one.model, one.row].in_english().items():
            text = one.texts[name]
            for sign in ("\n", "911", "](/", "https://", "**", "<span"):
                assert text.count(sign) == english.count(sign), (one.entry, sign)
            assert text.count("](/es/") == english.count("](/")


def test_a_file_for_older_english_is_left_out(tmp_path: Path):
    copytree(CONTENT, tmp_path, dirs_exist_ok=True)
    english = tmp_path / "pages/call-911.md"
    english.write_text(english.read_text() + "\nOne more sign.\n")
    report = loading.load(content_files.read(tmp_path))
    assert any("call-911.md" in left for left in report.left)
    page = Page.objects.get(slug="call-911")
    assert Translation.objects.get(model="page", row=page.pk).texts == {}


def test_loading_again_changes_nothing_and_keeps_a_review():
    loading.load(content_files.read(CONTENT))
    service = Service.objects.first()
    mine = Translation.objects.get(model="service", row=service.pk)
    mine.reviewed_by, mine.reviewed_on = "Ana Example", date(2026, 11, 1)
    mine.save()
    call_command("load_content", stdout=StringIO())
    mine.refresh_from_db()
    assert mine.reviewed_by == "Ana Example"
    assert translation.standing(service, mine) == Standing.REVIEWED


def test_there_is_room_for_what_is_new_and_none_for_what_is_gone(page):
    translation.make_room()
    assert Translation.objects.filter(model="page", row=page.pk).count() == 1
    page.delete()
    translation.make_room()
    assert not Translation.objects.filter(model="page").exists()
