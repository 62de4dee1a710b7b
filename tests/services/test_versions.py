"""What patients could read is kept, compared and put back."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from PIL import Image
from time_machine import travel

from services import drafts
from services.comparing import differences, marked
from services.models import (
    Clinic,
    Clinician,
    Fact,
    KeptPicture,
    Page,
    Photo,
    Section,
    Service,
    Translation,
    Version,
)
from services.translation import Book, make_room
from services.versions import Kept, Who, content_of, keep, note_review, restore

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ANA = Who("Ana", 7)
SERVICE = "trigger-point-injections"


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    """Let it be that day: approvals run out."""
    with travel(NOW):
        yield


@pytest.fixture
def service() -> Service:
    """A page of a service, of which one version is kept."""
    row = Service.objects.create(
        slug="a", kind="test", name="A test", summary="What.", is_published=True,
        reviewed_by="Ana", reviewer_credentials="MD", reviewer_profession="physician",
        reviewed_on=NOW.date(), next_review=NOW.date() + timedelta(days=365),
    )  # fmt: skip
    row.facts.create(label="Length", value="An hour", order=1)
    row.sections.create(anchor="why", question="Why?", answer="Because.", order=1)
    row.sections.create(anchor="risks", question="Risks?", answer="Few.", order=2)
    keep(Service, [row.pk], by=ANA, now=NOW)
    return row


def save(row: Any, **values: object) -> None:
    type(row).objects.filter(pk=row.pk).update(**values)


def kept_of(row: Kept) -> list[Version]:
    """Return the versions, the first one first."""
    kept = Version.objects.filter(kind=row.content_kind(), row=row.pk)
    return list(kept.order_by("number"))


def test_a_version_says_what_who_and_when(service: Service) -> None:
    [first] = kept_of(service)
    assert (first.number, first.by, first.user_id, first.at) == (1, "Ana", 7, NOW)
    assert first.content["summary"] == "What."
    assert [s["answer"] for s in first.content["sections"]] == ["Because.", "Few."]


def test_what_says_the_same_is_no_new_version(service: Service) -> None:
    assert keep(Service, [service.pk], by=ANA, now=NOW) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda row: save(row, summary="More."),
        lambda row: save(row.sections.get(anchor="why"), answer="So."),
        lambda row: row.facts.get().delete(),
        lambda row: save(row, is_published=False),
    ],
)
def test_what_says_something_else_is_the_next_version(
    service: Service, change: Callable[[Service], None]
) -> None:
    change(service)
    keep(Service, [service.pk], by=ANA, now=NOW + timedelta(days=1))
    assert [version.number for version in kept_of(service)] == [1, 2]


def test_what_nobody_could_read_has_no_version() -> None:
    page = Page.objects.create(slug="a", title="A", body="Text")
    assert keep(Page, [page.pk], by=ANA, now=NOW) == []


def test_what_patients_read_in_another_language_is_kept_with_it(
    service: Service,
) -> None:
    make_room()
    section = service.sections.get(anchor="why")
    row = Translation.objects.get(model="section", row=section.pk)
    row.texts, row.of_digest = {"answer": "Porque."}, section.english_digest()
    row.save()
    assert keep(Service, [service.pk], by=ANA, now=NOW) == []  # nobody reviewed it

    row.reviewed_by, row.reviewed_on = "Ana Example", NOW.date()
    row.save()
    [second] = keep(Service, [service.pk], by=ANA, now=NOW)

    assert second.content["sections"][0]["said"] == {"es": {"answer": "Porque."}}
    [one] = differences("service", kept_of(service)[0].content, second.content)
    assert (one.where, one.old) == ("Section “why”, answer, Español", "")


@pytest.mark.parametrize("act", ["update", "delete"])
def test_the_database_refuses_to_change_or_delete_a_version(
    service: Service, act: str
) -> None:
    found = Version.objects.all()
    does = (lambda: found.update(by="Eve")) if act == "update" else found.delete
    with (
        pytest.raises(DatabaseError, match="version_is_fixed"),
        transaction.atomic(),
    ):
        does()
    assert [version.by for version in kept_of(service)] == ["Ana"]


# --- Put back ----------------------------------------------------------------------


def test_a_version_is_put_back_whole(service: Service) -> None:
    [first] = kept_of(service)
    why = service.sections.get(anchor="why")
    save(why, answer="So.")
    service.sections.get(anchor="risks").delete()
    service.facts.create(label="Pain", value="Some", order=2)
    save(service, summary="More.", slug="b")

    assert restore(service, first, by=Who("Ben", 8), now=NOW)

    service = Service.objects.get()
    assert (service.slug, service.summary) == ("b", "What.")
    assert [s.answer for s in service.sections.all()] == ["Because.", "Few."]
    assert service.sections.get(anchor="why").pk == why.pk
    assert [str(fact) for fact in service.facts.all()] == ["Length: An hour"]
    # What was replaced had been kept by nobody; now it is.
    assert [(v.number, v.by, v.content["summary"]) for v in kept_of(service)] == [
        (1, "Ana", "What."),
        (2, "Ben", "More."),
        (3, "Ben", "What."),
    ]
    assert not restore(service, first, by=ANA, now=NOW)
    assert len(kept_of(service)) == 3


def test_labels_that_changed_places_are_put_back(service: Service) -> None:
    service.facts.create(label="Pain", value="Some", order=2)
    [second] = keep(Service, [service.pk], by=ANA, now=NOW)
    length, pain = service.facts.all()
    save(length, label="x")
    save(pain, label="Length")
    save(length, label="Pain")

    restore(service, second, by=ANA, now=NOW)

    assert [str(fact) for fact in Fact.objects.all()] == [
        "Length: An hour",
        "Pain: Some",
    ]


def test_a_row_with_another_anchor_stays_the_same_row(service: Service) -> None:
    [first] = kept_of(service)
    save(service.sections.get(anchor="why"), anchor="reasons")
    before = set(Section.objects.values_list("pk", flat=True))
    restore(service, first, by=ANA, now=NOW)
    assert set(Section.objects.values_list("pk", flat=True)) == before


def test_what_is_younger_than_a_version_is_left_alone(service: Service) -> None:
    [old] = kept_of(service)
    content = {k: v for k, v in old.content.items() if k != "facts"}
    Version.objects.create(
        kind="service", row=service.pk, number=2, content=content | {"summary": "Old."},
        digest="", at=NOW, by="Ana",
    )  # fmt: skip
    old = Version.objects.get(number=2)
    drafts.draft_again(service, old, by=ANA, now=NOW)
    assert restore(service, old, by=ANA, now=NOW)
    service.refresh_from_db()
    assert (service.summary, service.facts.count()) == ("Old.", 1)


def test_a_version_that_does_not_fit_any_more_changes_nothing(
    service: Service,
) -> None:
    [first] = kept_of(service)
    first.content["summary"] = ""  # as if it had to be filled in only since
    save(service, name="Another")
    with pytest.raises(ValidationError):
        restore(service, first, by=ANA, now=NOW)
    assert Service.objects.get().name == "Another"
    assert len(kept_of(service)) == 1


def test_content_files_make_versions_under_their_name() -> None:
    call_command("load_content")
    call_command("load_content")
    service = Service.objects.get(slug=SERVICE)
    [version] = kept_of(service)
    assert (version.by, version.user_id) == ("content files", None)
    assert {"es"} == version.content["said"].keys()  # the demo shows drafts
    page = Page.objects.filter(is_published=True).count()
    assert Version.objects.filter(kind="page").count() == page


# --- Compared ----------------------------------------------------------------------


def test_words_are_marked_where_they_differ() -> None:
    assert marked("Eat <well> now", "Eat <well> and drink now") == (
        "Eat &lt;well&gt; now",
        "Eat &lt;well&gt; <ins>and drink </ins>now",
    )


def test_only_what_differs_is_named(service: Service) -> None:
    old = content_of(service)
    save(service.sections.get(anchor="why"), answer="Because we can.")
    service.sections.create(anchor="cost", question="Cost?", answer="Ask.", order=0)
    found = differences("service", old, content_of(service))
    assert [one.where for one in found] == [
        "Sections, in this order",
        "Section “cost”, anchor",
        "Section “cost”, question",
        "Section “cost”, answer",
        "Section “why”, answer",
    ]
    assert found[-1].new == "<ins>Because we can.</ins>"


# --- In the admin ------------------------------------------------------------------


def there(row: Service, act: str = "versions") -> str:
    return reverse(f"admin:services_service_{act}", args=[row.pk])


def test_staff_compare_versions_and_put_one_back(
    admin_client: Client, service: Service
) -> None:
    save(service, summary="More.")
    keep(Service, [service.pk], by=ANA, now=NOW)
    page = admin_client.get(there(service))
    assert "<del>What.</del>" in page.text
    assert "<ins>More.</ins>" in page.text
    whole = admin_client.get(there(service), {"old": 1, "new": 1}).text
    assert "<td>What.</td>" in whole
    assert "<td>More.</td>" not in whole

    response = admin_client.post(there(service, "restore"), {"version": 1})

    assert response["Location"] == there(service)
    assert Service.objects.get().summary == "What."
    assert kept_of(service)[-1].by == "admin"


def test_staff_are_told_what_is_wrong_with_a_version_by_now(
    admin_client: Client, service: Service
) -> None:
    service.sections.filter(anchor="why").update(answer="[So](/gone/).")
    save(service, is_published=False)
    keep(Service, [service.pk], by=ANA, now=NOW)
    save(service, is_published=True)
    service.sections.filter(anchor="why").update(answer="So.")
    said = admin_client.post(there(service, "restore"), {"version": 2}, follow=True)
    assert "The page is off the site, as it was in version 2." in said.text
    assert "answer: “/gone/”. The site has no such page." in said.text


@pytest.mark.parametrize("query", ["?old=9", "?old=x&new=1", "?old=1&new=99"])
def test_versions_that_are_not_there_are_no_page(
    admin_client: Client, service: Service, query: str
) -> None:
    assert admin_client.get(there(service) + query).status_code == 404


def test_who_may_change_a_page_may_not_put_a_version_back(
    client: Client, service: Service
) -> None:
    ed = User.objects.create_user("ed", is_staff=True)
    rights = Permission.objects.filter(codename__in=["view_service", "change_service"])
    ed.user_permissions.set(rights)
    client.force_login(ed)
    assert "Let patients read it again" not in client.get(there(service)).text
    assert client.post(there(service, "restore"), {"version": 1}).status_code == 403


# --- People, and the clinic --------------------------------------------------------


def test_what_is_saved_of_a_person_is_kept_compared_and_put_back(
    admin_client: Client,
) -> None:
    ana = Clinician.objects.create(slug="ana", name="Ana Demo", profession="nurse")
    path = reverse("admin:services_clinician_change", args=[ana.pk])
    form = admin_client.get(path).context["adminform"].form
    sent = {name: form[name].value() for name in form.fields}
    sent |= {"biography": "She is the best.", "is_demo": ""}
    sent |= {"photo-TOTAL_FORMS": 0, "photo-INITIAL_FORMS": 0}

    words = admin_client.post(path, sent, follow=True).text

    assert "It says that we are better than others" in words
    assert [v.content["biography"] for v in kept_of(ana)] == ["", "She is the best."]
    assert {v.by for v in kept_of(ana)} == {"admin"}
    versions = reverse("admin:services_clinician_versions", args=[ana.pk])
    assert "<ins>She is the best.</ins>" in admin_client.get(versions).text
    back = reverse("admin:services_clinician_restore", args=[ana.pk])
    admin_client.post(back, {"version": 1})
    assert Clinician.objects.get().biography == ""
    assert [v.number for v in kept_of(ana)] == [1, 2, 3]


def test_what_is_deleted_can_still_be_read(
    admin_client: Client, client: Client
) -> None:
    ana = Clinician.objects.create(slug="ana", name="Ana Demo", biography="Kind.")
    listing = reverse("admin:services_clinician_changelist")
    versions = reverse("admin:services_clinician_versions", args=[ana.pk])
    back = reverse("admin:services_clinician_restore", args=[ana.pk])
    nobody = reverse("admin:services_clinician_versions", args=[ana.pk + 1])
    keep(Clinician, [ana.pk], by=ANA, now=NOW)
    assert "Kind." in admin_client.get(versions).text
    assert 'id="gone"' not in admin_client.get(listing).text

    ana.delete()

    assert versions.removeprefix(listing) in admin_client.get(listing).text
    page = admin_client.get(versions).text
    assert "Versions of “Ana Demo”" in page
    assert "<td>Kind.</td>" in page
    assert f'<td data-label="By">{ANA.name}</td>' in page
    assert "<form class" not in page
    assert admin_client.post(back, {"version": 1}).status_code == 404
    assert admin_client.get(nobody).status_code == 404


def test_what_the_clinic_says_of_itself_is_kept_and_put_back() -> None:
    clinic = Clinic.objects.create(
        pk=1, name="A", phone="212-555-0143", summary="What."
    )
    keep(Clinic, [clinic.pk], by=ANA, now=NOW)
    save(clinic, summary="More.")
    assert restore(clinic, kept_of(clinic)[0], by=ANA, now=NOW)
    assert Clinic.objects.get().summary == "What."
    found = [v.content["summary"] for v in kept_of(clinic)]
    assert found == ["What.", "More.", "What."]


def test_opening_hours_are_kept_compared_and_put_back() -> None:
    clinic = Clinic.objects.create(pk=1, name="A", phone="212-555-0143")
    clinic.opening_hours.create(weekday=0, opens=time(9), closes=time(17))
    [first] = keep(Clinic, [clinic.pk], by=ANA, now=NOW)
    clinic.opening_hours.update(closes=time(18, 30))
    clinic.opening_hours.create(weekday=1, opens=time(9), closes=time(12))
    [second] = keep(Clinic, [clinic.pk], by=ANA, now=NOW)
    [one] = differences("clinic", first.content, second.content)
    assert one.where == "Opening hours"
    assert one.old == "Monday 9:00 <del>AM–5:00</del> PM"
    assert "Tuesday 9:00 AM–12:00 PM" in one.new

    assert restore(clinic, first, by=ANA, now=NOW)

    assert str(clinic.opening_hours.get()) == "Monday 9:00 AM–5:00 PM"
    assert not restore(clinic, first, by=ANA, now=NOW)
    # A version from before they were kept leaves them as they are.
    del first.content["opening_hours"]
    assert not restore(clinic, first, by=ANA, now=NOW)


# --- Photos ------------------------------------------------------------------------


def a_file(colour: str) -> SimpleUploadedFile:
    file = BytesIO()
    Image.new("RGB", (400, 400), colour).save(file, "PNG")
    return SimpleUploadedFile(f"{colour}.png", file.getvalue())


def send(client: Client, photo: Photo | None = None, **values: Any) -> None:
    """Save the form of a photo, which is one of the clinic unless it says otherwise."""
    act, keys = ("change", [photo.pk]) if photo else ("add", [])
    form = {"alt": "A", "order": 0, "focus_x": 50, "focus_y": 50} | values
    path = reverse(f"admin:services_photo_{act}", args=keys)
    assert client.post(path, form).status_code == 302


def take_away(client: Client, photo: Photo) -> None:
    path = reverse("admin:services_photo_delete", args=[photo.pk])
    client.post(path, {"post": "yes"})


def test_the_photo_of_a_service_is_kept_compared_and_put_back(
    admin_client: Client, client: Client, service: Service
) -> None:
    send(admin_client, service=service.pk, upload=a_file("red"), alt="A needle")
    photo = Photo.objects.defer(None).get()
    red, drawn = bytes(photo.master), {f.digest for f in photo.files.all()}
    send(
        admin_client, photo, service=service.pk, upload=a_file("blue"), alt="A hand",
        focus_x=9,
    )  # fmt: skip

    page = admin_client.get(there(service)).text
    assert page.count('<img src="data:image/jpeg;base64,') == 2
    assert "<del>needle</del>" in page
    assert "<ins>hand</ins>" in page
    assert "Main point: <ins>9</ins> from the left" in page

    take_away(admin_client, photo)
    shown = [[p["alt"] for p in v.content["photos"]] for v in kept_of(service)]
    assert shown == [[], ["A needle"], ["A hand"], []]
    assert kept_of(service)[-1].by == "admin"
    admin_client.post(there(service, "restore"), {"version": 2})
    photo = Photo.objects.defer(None).get()
    assert (bytes(photo.master), photo.focus) == (red, (50, 50))
    assert {file.digest for file in photo.files.all()} == drawn
    assert 'alt="A needle"' in client.get(service.get_absolute_url()).text
    admin_client.post(there(service, "restore"), {"version": 1})
    assert not Photo.objects.exists()


def test_photos_of_the_clinic_are_put_back_as_the_rows_that_are_there(
    admin_client: Client,
) -> None:
    clinic = Clinic.objects.create(pk=1, name="A", phone="212-555-0143")
    for order, colour in enumerate(["red", "blue"]):
        send(admin_client, upload=a_file(colour), alt=colour, order=order)
    red, blue = Photo.objects.all()
    Translation.objects.filter(row=blue.pk, model="photo", language="es").update(
        texts={"alt": "azul"}, of_digest=blue.english_digest(), reviewed_by="Ana",
        reviewed_on=NOW.date(),
    )  # fmt: skip
    [both] = keep(Clinic, [1], by=ANA, now=NOW)
    assert both.content["photos"][1]["said"] == {"es": {"alt": "azul"}}
    take_away(admin_client, red)
    save(blue, order=7)

    assert restore(clinic, both, by=ANA, now=NOW)

    assert [str(photo) for photo in Photo.objects.all()] == ["red", "blue"]
    assert blue in Photo.objects.filter(order=1)
    assert (
        content_of(clinic, [Book("es")]).items()
        >= {
            "photos": [
                photo | {"id": row.pk}
                for photo, row in zip(
                    both.content["photos"], Photo.objects.all(), strict=True
                )
            ]
        }.items()
    )
    assert not restore(clinic, both, by=ANA, now=NOW)
    # A version from before they were kept leaves them as they are.
    del both.content["photos"]
    assert not restore(clinic, both, by=ANA, now=NOW)
    assert Photo.objects.count() == 2


def test_a_photo_that_moves_to_another_page_is_kept_with_both(
    admin_client: Client, service: Service
) -> None:
    clinic = Clinic.objects.create(pk=1, name="A", phone="212-555-0143")
    send(admin_client, service=service.pk, upload=a_file("red"))
    send(admin_client, Photo.objects.get(), service="")
    for row, counts in ((service, [0, 1, 0]), (clinic, [0, 1])):
        assert [len(v.content["photos"]) for v in kept_of(row)] == counts
    assert KeptPicture.objects.count() == 1


@pytest.mark.parametrize("act", ["update", "delete"])
def test_the_database_keeps_the_pictures_of_versions(
    admin_client: Client, service: Service, act: str
) -> None:
    send(admin_client, service=service.pk, upload=a_file("red"))
    found = KeptPicture.objects.all()
    does = (lambda: found.update(data=b"")) if act == "update" else found.delete
    with (
        pytest.raises(DatabaseError, match="kept_picture_is_fixed"),
        transaction.atomic(),
    ):
        does()


def test_a_draft_is_of_words_and_leaves_the_photo_alone(
    admin_client: Client, service: Service
) -> None:
    content = drafts.in_english_with_keys(service) | {"summary": "More."}
    draft = drafts.keep_draft(service, content, by=ANA, now=NOW)
    before = drafts.seen(service, draft)
    send(admin_client, service=service.pk, upload=a_file("red"))
    assert drafts.seen(service, draft) == before
    by = drafts.Reviewer("Ana", "MD", "physician")
    drafts.approve(service, before, NOW.date() + timedelta(days=99), by=by, now=NOW)
    draft.refresh_from_db()
    drafts.publish(service, drafts.seen(service, draft), by=ANA, now=NOW)
    assert Photo.objects.filter(service=service).exists()


def test_a_version_that_waits_as_a_draft_brings_its_photo_back(
    admin_client: Client, service: Service
) -> None:
    note_review(service, {})
    send(admin_client, service=service.pk, upload=a_file("red"), alt="A needle")
    send(admin_client, Photo.objects.get(), service=service.pk, upload=a_file("blue"))
    blue = bytes(Photo.objects.defer(None).get().master)
    admin_client.post(there(service, "restore"), {"version": 3})
    assert bytes(Photo.objects.defer(None).get().master) == blue
    page = admin_client.get(there(service)).text
    assert page.count('<img src="data:image/jpeg;base64,') == 4  # and the last two

    form = admin_client.get(there(service, "change")).context["adminform"].form
    sent = {name: form[name].value() for name in form.fields} | {"summary": "More."}
    for name in ("facts", "sections", "screening_questions"):
        sent |= {f"{name}-TOTAL_FORMS": 0, f"{name}-INITIAL_FORMS": 0}
    admin_client.post(there(service, "change"), sent)
    draft = drafts.draft_of(service)
    assert draft
    assert (draft.content["summary"], len(draft.content["photos"])) == ("More.", 1)
    by = drafts.Reviewer("Ana", "MD", "physician")
    later = NOW.date() + timedelta(days=99)
    drafts.approve(service, drafts.seen(service, draft), later, by=by, now=NOW)
    draft.refresh_from_db()
    drafts.publish(service, drafts.seen(service, draft), by=ANA, now=NOW)
    photo = Photo.objects.defer(None).get()
    assert photo.alt == "A needle"
    assert bytes(photo.master) != blue
