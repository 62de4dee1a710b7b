"""What an editor writes is a draft until a manager lets patients read it."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from time_machine import travel

from booking import guards
from services import drafts
from services.drafts_in_admin import ScheduleForm
from services.models import (
    Clinic,
    Draft,
    Page,
    Section,
    Service,
    Translation,
    Version,
)
from services.translation import make_room
from services.versions import Who, content_of, parts_of, restore

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ANA, BEN = Who("Ana"), Who("Ben")
DR_ANA = drafts.Reviewer("Ana", "MD", "physician (PM&R)")
SIGNED = {"name": "Ana", "credentials": "MD", "profession": "physician (PM&R)"}
NEXT = date(2027, 6, 1)
BY_A_MANAGER = "A manager lets patients read it."


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    """Let it be that day: approvals run out."""
    with travel(NOW):
        yield


@pytest.fixture
def service() -> Service:
    row = Service.objects.create(
        slug="a", kind="test", name="A test", summary="What.", is_published=True
    )
    row.facts.create(label="Length", value="An hour", order=1)
    row.sections.create(anchor="why", question="Why?", answer="Because.", order=1)
    return row


@pytest.fixture
def page() -> Page:
    return Page.objects.create(slug="b", title="B", body="Text.", is_published=True)


def somebody(group: str) -> Client:
    call_command("load_groups", verbosity=0)
    user = User.objects.create_user(group.split()[0].lower(), is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def a_draft(row: Service | Page, **values: object) -> str:
    """Keep a draft with other values; return what whoever opens its page has seen."""
    draft = drafts.keep_draft(row, content_of(row) | values, by=ANA, now=NOW)
    return drafts.seen(row, draft)


def there(row: Service | Page, act: str) -> str:
    return reverse(f"admin:services_{row.content_kind()}_{act}", args=[row.pk])


def form_of(client: Client, row: Service | Page) -> dict[str, Any]:
    """Return what the form of a page would send as it stands."""
    context = client.get(there(row, "change")).context
    sent = {}
    for form in [
        context["adminform"].form,
        *(f for s in context["inline_admin_formsets"] for f in s.formset.forms),
        *(s.formset.management_form for s in context["inline_admin_formsets"]),
    ]:
        for field in form:
            value = field.value()
            sent[field.html_name] = "" if value is None else value
    return {k: v for k, v in sent.items() if v is not False}


@pytest.mark.django_db(transaction=True)
def test_a_draft_is_opened_outside_a_transaction(service: Service) -> None:
    """As a page that is only read is; PostgreSQL locks no row then."""
    with transaction.atomic():
        a_draft(service, summary="More.")
    page = somebody("Content editor").get(there(service, "change"))
    assert page.context["adminform"].form["summary"].value() == "More."
    guards.remove(connection)  # or Django could not empty the tables


def test_what_an_editor_saves_is_read_by_nobody_yet(service: Service) -> None:
    client = somebody("Content editor")
    sent = form_of(client, service) | {
        "summary": "More.",
        "sections-0-DELETE": "on",
        "facts-TOTAL_FORMS": "2",
        "facts-1-label": "Pain",
        "facts-1-value": "Some",
        "facts-1-order": "2",
    }

    response = client.post(there(service, "change"), sent)

    assert response["Location"] == there(service, "versions")
    assert Service.objects.get().summary == "What."
    assert Section.objects.count() == 1
    draft = Draft.objects.get()
    assert (draft.by, draft.content["summary"]) == ("content", "More.")
    assert [fact["label"] for fact in draft.content["facts"]] == ["Length", "Pain"]
    # Opened again, the form goes on where it was left, and says the same when saved.
    again = form_of(client, service)
    assert (again["summary"], again["facts-1-label"]) == ("More.", "Pain")
    assert again["sections-0-DELETE"]
    client.post(there(service, "change"), again)
    assert Draft.objects.get().content == draft.content


def test_what_an_editor_does_not_see_of_a_draft_stays_in_it(service: Service) -> None:
    ask = {"code": "a", "tell_us": "a", "question": "A?", "flag": "A", "order": 1}
    service.screening_questions.create(**ask)
    manager, editor = somebody("Manager"), somebody("Content editor")
    sent = form_of(manager, service) | {"screening_questions-0-question": "B?"}
    manager.post(there(service, "change"), sent)
    sent = form_of(editor, service) | {"summary": "More."}
    assert "screening_questions-0-question" not in sent

    editor.post(there(service, "change"), sent)

    content = Draft.objects.get().content
    [question] = content["screening_questions"]
    assert (content["summary"], question["question"]) == ("More.", "B?")


def test_lines_that_a_browser_ends_in_its_own_way_are_not_changed(
    service: Service,
) -> None:
    Service.objects.update(preparation="- One\n- Two", call_us="one\ntwo")
    service.sections.update(answer="One.\n\nTwo.")
    client = somebody("Content editor")
    sent = form_of(client, service) | {"summary": "More."}
    typed = {name: str(value).replace("\n", "\r\n") for name, value in sent.items()}
    client.post(there(service, "change"), typed)
    changes = client.get(there(service, "versions")).context["changes"]
    assert [one.where for one in changes] == ["Summary"]


def test_a_new_page_is_a_draft_and_not_on_the_site(client: Client) -> None:
    client = somebody("Content editor")
    sent = {"slug": "c", "title": "C", "body": "Text.", "order": 0}
    client.post("/admin/services/page/add/", sent | {"is_published": "on"})
    assert not Page.objects.get(slug="c").is_published
    assert Draft.objects.get().content["body"] == "Text."
    assert client.get("/c/").status_code == 404


def test_who_approves_a_page_that_nobody_reads_is_shown_all_of_it(
    service: Service,
) -> None:
    """Also what the draft leaves as it was written when the page was made."""
    clinician = somebody("Clinician")
    a_draft(service, summary="More.")
    assert "Because." not in clinician.get(there(service, "versions")).text
    Service.objects.update(is_published=False)
    shown = clinician.get(there(service, "versions")).text
    assert "<td>More.</td>" in shown
    assert "<td>Because.</td>" in shown
    assert "Is published" not in shown  # patients do not read it now


def test_each_flag_of_a_draft_is_read_where_it_is_approved(service: Service) -> None:
    clinician = somebody("Clinician")
    words = ["the best", "painless", "guarantee", "miracle", "testimonial", "<img>"]
    a_draft(service, call_us=f"{', '.join(words[:-1])}<img src=a>")
    flagged = clinician.get(there(service, "versions")).context["flagged"]
    assert {flag.words for _where, flag in flagged} == set(words)


def test_no_link_leads_from_a_form_to_a_page_that_is_not_there(page: Page) -> None:
    editor = somebody("Content editor")
    assert "View on site" in editor.get(there(page, "change")).text
    Page.objects.update(is_published=False)
    assert "View on site" not in editor.get(there(page, "change")).text


def test_a_page_about_care_is_published_only_when_it_is_approved(
    service: Service,
) -> None:
    seen = a_draft(service, summary="More.")
    with pytest.raises(drafts.NotYet):
        drafts.publish(service, seen, by=BEN, now=NOW)

    assert drafts.approve(service, seen, NEXT, by=DR_ANA, now=NOW)
    assert not drafts.approve(service, seen, NEXT, by=DR_ANA, now=NOW)
    drafts.publish(service, seen, by=BEN, now=NOW)

    row = Service.objects.get()
    assert (row.summary, row.reviewed_by, row.next_review) == ("More.", "Ana", NEXT)
    assert not Draft.objects.exists()
    newest = Version.objects.order_by("-number")[0]
    assert (newest.number, newest.by) == (2, "Ben")
    assert newest.content["reviewed"]["reviewed_by"] == "Ana"


def test_other_words_want_another_approval(service: Service) -> None:
    seen = a_draft(service, summary="More.")
    drafts.approve(service, seen, NEXT, by=DR_ANA, now=NOW)
    a_draft(service, summary="Even more.")
    assert Draft.objects.get().approved_at is None


@pytest.mark.parametrize("act", ["approve", "publish", "discard"])
def test_what_is_not_what_was_seen_is_not_decided(page: Page, act: str) -> None:
    seen = a_draft(page, body="Other.")
    Page.objects.update(title="Changed by a file")
    does = {
        "approve": lambda: drafts.approve(page, seen, NEXT, by=DR_ANA, now=NOW),
        "publish": lambda: drafts.publish(page, seen, by=ANA, now=NOW),
        "discard": lambda: drafts.discard(page, seen),
    }
    with pytest.raises(drafts.NotYet, match="has changed"):
        does[act]()
    assert Page.objects.get().body == "Text."


def published(row: Service | Page, **values: object) -> None:
    """Publish other words, which are approved until June."""
    row.refresh_from_db()
    seen = a_draft(row, **values)
    drafts.approve(row, seen, NEXT, by=DR_ANA, now=NOW)
    drafts.publish(row, seen, by=BEN, now=NOW)


def test_a_page_that_is_to_be_read_again_is_saved_as_it_is(service: Service) -> None:
    published(service)
    editor, way = somebody("Content editor"), "save it, even with no change"
    assert way in editor.get(there(service, "versions")).text
    editor.post(there(service, "change"), form_of(editor, service))
    assert way not in editor.get(there(service, "versions")).text
    service, next_year = Service.objects.get(), date(2028, 6, 1)
    seen = drafts.seen(service, Draft.objects.get())
    drafts.approve(service, seen, next_year, by=DR_ANA, now=NOW)
    drafts.publish(service, seen, by=BEN, now=NOW)
    assert Service.objects.get().next_review == next_year


def test_a_version_is_put_back_with_its_review(service: Service) -> None:
    published(service, summary="More.")
    published(service, summary="Even more.")
    Service.objects.update(reviewed_by="")
    assert restore(service, Version.objects.get(number=2), by=BEN, now=NOW)
    row = Service.objects.get()
    assert (row.summary, row.reviewer) == ("More.", "Ana, MD, physician (PM&R)")
    assert row.next_review == NEXT


@pytest.mark.parametrize("number", [1, 2])
def test_a_version_that_nobody_stands_for_becomes_a_draft_instead(
    service: Service, number: int
) -> None:
    published(service, summary="More.")  # its first version was approved by nobody
    published(service, summary="Even more.")
    version, late = Version.objects.get(number=number), NOW.replace(year=2028)
    with pytest.raises(drafts.NotYet):
        restore(service, version, by=BEN, now=late)
    assert Service.objects.get().summary == "Even more."
    assert Version.objects.count() == 3

    drafts.draft_again(service, version, by=BEN, now=late)

    draft = Draft.objects.get()
    assert draft.content["summary"] == version.content["summary"]
    assert (draft.approved_at, draft.by) == (None, "Ben")
    with pytest.raises(drafts.NotYet, match="throw it away first"):
        drafts.draft_again(service, version, by=ANA, now=late)


def test_a_manager_is_told_what_became_of_an_unreviewed_version(
    service: Service,
) -> None:
    manager = somebody("Manager")
    published(service, summary="More.")
    first = {"version": "1"}
    words = manager.post(there(service, "restore"), first, follow=True).text
    assert "Version 1 is the draft now, and patients do not read it yet." in words
    words = manager.post(there(service, "restore"), first, follow=True).text
    assert "There is a draft of this page." in words
    assert Service.objects.get().summary == "More."
    assert Draft.objects.get().content["summary"] == "What."


@pytest.mark.parametrize("missing", ["credentials", "profession"])
def test_who_approves_a_page_about_care_says_by_what_license(
    service: Service, page: Page, missing: str
) -> None:
    clinician = somebody("Clinician")
    User.objects.update(first_name="Ana", last_name="Example")
    for row in (service, page):
        seen = a_draft(row, slug="x")
        typed = SIGNED | {"name": "Eve", missing: "", "next_review": "2027-06-01"}
        sent = typed | {"act": "approve", "seen": seen}
        answer = clinician.post(there(row, "draft"), sent)
        if row == service:
            assert 'class="note alert problem"' in answer.text
            assert f'<a href="#id_{missing}">Write your ' in answer.text
            assert 'value="2027-06-01"' in answer.text
    [draft] = Draft.objects.exclude(approved_at=None)
    assert (draft.kind, draft.approved_by) == (
        "page",
        "Ana Example",
    )  # not who is typed


def test_an_old_approval_without_a_license_is_not_enough(service: Service) -> None:
    seen = a_draft(service, summary="More.")
    drafts.approve(service, seen, NEXT, by=DR_ANA, now=NOW)
    Draft.objects.update(approved_credentials="")
    with pytest.raises(drafts.NotYet, match="read it first"):
        drafts.publish(service, seen, by=BEN, now=NOW)


def test_from_the_editor_over_the_clinician_to_the_patient(service: Service) -> None:
    editor, clinician = somebody("Content editor"), somebody("Clinician")
    manager = somebody("Manager")
    sent = form_of(editor, service) | {"summary": "Painless."}
    editor.post(there(service, "change"), sent)

    def act(client: Client, name: str) -> int:
        seen = client.get(there(service, "versions")).context["seen"]
        data = {"act": name, "seen": seen, "next_review": "2027-06-01", **SIGNED}
        return client.post(there(service, "draft"), data).status_code

    assert "Nobody can promise that." in clinician.get(there(service, "versions")).text
    assert [act(editor, name) for name in ("approve", "publish")] == [403, 403]
    assert act(clinician, "publish") == 403
    assert act(manager, "publish") == 302  # and is told why not
    assert Service.objects.get().summary == "What."
    preview = clinician.post(there(service, "preview")).text
    assert "Painless." in preview
    assert Service.objects.get().summary == "What."
    assert BY_A_MANAGER not in editor.get(there(service, "versions")).text
    assert act(clinician, "approve") == 302
    assert BY_A_MANAGER in editor.get(there(service, "versions")).text
    assert BY_A_MANAGER not in manager.get(there(service, "versions")).text
    assert act(manager, "publish") == 302
    assert "Painless." in Client().get(service.get_absolute_url()).text
    assert act(manager, "withdraw") == 302
    assert Client().get(service.get_absolute_url()).status_code == 404


def test_who_publishes_is_told_what_is_left_in_english(service: Service) -> None:
    manager = somebody("Manager")
    make_room()
    why = Translation.objects.get(
        model="section", row=service.sections.get().pk, language="es"
    )
    why.texts, why.reviewed_by, why.reviewed_on = {"answer": "Sí."}, "Eva", NEXT
    why.of_digest = service.sections.get().english_digest()
    why.save()
    seen = a_draft(service, summary="More.")
    drafts.approve(service, seen, NEXT, by=DR_ANA, now=NOW)
    sent = {"act": "publish", "seen": seen}

    told = manager.post(there(service, "draft"), sent, follow=True).text

    assert (
        "In Spanish, patients read this in English: A test; Length: An hour. " in told
    )
    [there_are] = re.findall(r'href="([^"]+)">Translations of this page', told)
    listed = manager.get(there_are).context["cl"].result_list
    assert {(one.model, one.row) for one in listed} == {
        (one.content_kind(), one.pk) for one in parts_of(service)
    }


def test_a_draft_that_is_thrown_away_changes_nothing(page: Page) -> None:
    drafts.discard(page, a_draft(page, body="Other."))
    assert (Page.objects.get().body, Draft.objects.count()) == ("Text.", 0)


def test_no_first_press_throws_a_draft_away(page: Page) -> None:
    a_draft(page, body="Other.")
    shown = somebody("Content editor").get(there(page, "versions")).text
    _before, _summary, after = shown.partition(
        "<summary>Throw the draft away</summary>"
    )
    inside, _end, _rest = after.partition("</details>")
    assert 'value="discard"' in inside
    assert shown.count('value="discard"') == 1


def test_a_page_that_is_deleted_takes_its_draft_along(page: Page) -> None:
    manager = somebody("Manager")
    other = Page.objects.create(slug="c", title="C", body="Text.")
    a_draft(page, body="Other.")
    a_draft(other, body="Other.")
    manager.post(there(page, "delete"), {"post": "yes"})
    assert [draft.row for draft in Draft.objects.all()] == [other.pk]
    marked = {"action": "delete_selected", "_selected_action": other.pk, "post": "yes"}
    manager.post("/admin/services/page/", marked)
    assert not Draft.objects.exists()


def test_patients_read_who_approved_a_page(service: Service) -> None:
    clinic = Clinic.objects.create(pk=1, name="A clinic", phone="212-555-0143")
    assert "last reviewed" not in Client().get("/treatments-and-tests/a/").text
    seen = a_draft(service, summary="More.")
    drafts.approve(service, seen, NEXT, by=DR_ANA, now=NOW)
    drafts.publish(service, seen, by=BEN, now=NOW)
    words = Client().get("/treatments-and-tests/a/").text.replace("\xa0", " ")
    signed = "by Ana, MD, physician (PM&amp;R)."
    assert f"Page last reviewed: November 28, 2026, {signed}" in words
    assert "Next review due: June 1, 2027." in words
    assert "nobody qualified" not in words
    Clinic.objects.filter(pk=clinic.pk).update(is_demo=True)
    words = Client().get("/treatments-and-tests/a/").text
    assert "Demo: nobody qualified has read it." in words


# --- At a time ---------------------------------------------------------------------

SOON = NOW + timedelta(days=1)


def waiting(row: Service | Page, **values: object) -> Draft:
    """Keep a draft that is approved until June and is to be published tomorrow."""
    seen = a_draft(row, **values)
    drafts.approve(row, seen, NEXT, by=DR_ANA, now=NOW)
    assert drafts.schedule(row, seen, SOON, by=BEN)
    return Draft.objects.get(kind=row.content_kind())


def test_a_draft_is_published_once_when_its_time_has_come(service: Service) -> None:
    draft = waiting(service, summary="More.")
    assert drafts.publish_due(SOON - timedelta(seconds=1)) == 0
    assert Service.objects.get().summary == "What."

    late = SOON + timedelta(days=2)  # the worker was down
    assert drafts.publish_due(late) == 1

    assert (Service.objects.get().summary, Draft.objects.count()) == ("More.", 0)
    newest = Version.objects.order_by("-number")[0]
    assert (newest.by, newest.at) == ("Ben", late)
    assert drafts.publish_due(late) == 0
    assert not drafts._publish_one(draft, late)  # as another worker had read it
    assert Version.objects.count() == 2


def test_a_time_that_was_put_off_meanwhile_has_not_come(service: Service) -> None:
    as_read = waiting(service, summary="More.")
    seen = drafts.seen(service, as_read)
    drafts.schedule(service, seen, SOON + timedelta(days=1), by=ANA)
    assert not drafts._publish_one(as_read, SOON)
    assert Draft.objects.get().stopped == ""
    assert drafts.unschedule(service, seen)
    assert not drafts.unschedule(service, seen)
    assert drafts.publish_due(SOON + timedelta(days=3)) == 0


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (lambda: Service.objects.update(summary="By a file."), "has changed since"),
        (
            lambda: Draft.objects.update(next_review=SOON.date() - timedelta(days=1)),
            "read again by November 28, 2026",
        ),
        (lambda: Draft.objects.update(approved_at=None), "has to read it first"),
    ],
)
def test_what_may_not_be_published_at_its_time_stays_and_says_why(
    service: Service, meanwhile: Any, why: str
) -> None:
    waiting(service, name="Other")
    meanwhile()
    assert drafts.publish_due(SOON) == 0
    assert why in Draft.objects.get().stopped
    assert Service.objects.get().name == "A test"
    # Nor later by itself, once that is mended.
    Service.objects.update(summary="What.")
    Draft.objects.update(next_review=NEXT, approved_at=NOW)
    assert drafts.publish_due(SOON) == 0


def test_one_draft_that_does_not_fit_keeps_no_other_back(
    service: Service, page: Page
) -> None:
    waiting(page, slug="")
    waiting(service, summary="More.")
    assert drafts.publish_due(SOON) == 1
    assert Draft.objects.get().stopped == "This field cannot be blank."


def test_other_words_want_another_time(service: Service) -> None:
    client = somebody("Content editor")
    waiting(service, summary="More.")
    sent = form_of(client, service) | {"summary": "Even more."}
    words = client.post(there(service, "change"), sent, follow=True).text
    assert "It was to be published on Nov 29, 2026, 7:00 AM." in words
    assert drafts.publish_due(SOON) == 0
    assert Draft.objects.get().publish_at is None


def test_a_time_is_chosen_by_who_may_publish(page: Page) -> None:
    editor, manager = somebody("Content editor"), somebody("Manager")
    a_draft(page, body="Other.")
    day = date.today() + timedelta(days=9)  # noqa: DTZ011 -- far enough

    def act(client: Client, name: str, **typed: object) -> Any:
        seen = manager.get(there(page, "versions")).context["seen"]
        data = {"act": name, "seen": seen, **typed}
        return client.post(there(page, "draft"), data, follow=True)

    when = {"publish_at_0": day.isoformat(), "publish_at_1": "09:30"}
    assert act(editor, "schedule", **when).status_code == 403
    over = act(manager, "schedule", publish_at_0="2020-05-01", publish_at_1="09:30")
    assert "Choose a time within the next year." in over.text
    assert 'value="2020-05-01"' in over.text
    assert Draft.objects.get().publish_at is None
    assert (
        f"{day:%b} {day.day}, {day.year}, 9:30 AM on: manager"
        in act(manager, "schedule", **when).text
    )
    assert "chosen already" in act(manager, "schedule", **when).text
    assert Draft.objects.get().publish_by == "manager"
    assert "stays a draft" in act(manager, "unschedule").text
    assert Draft.objects.get().publish_at is None


@pytest.mark.parametrize(("day", "at"), [("03-14", "02:30"), ("11-07", "01:30")])
def test_a_time_that_the_clocks_show_twice_or_never_is_refused_in_words(
    day: str, at: str
) -> None:
    form = ScheduleForm({"publish_at_0": f"2027-{day}", "publish_at_1": at})
    assert "they show this time twice or not at all" in str(form.errors)


def test_nothing_is_to_be_read_after_its_approval_has_run_out(
    service: Service,
) -> None:
    seen = a_draft(service, summary="More.")
    drafts.approve(service, seen, NEXT, by=DR_ANA, now=NOW)
    after = NOW.replace(year=2027, month=6, day=3)
    with pytest.raises(drafts.NotYet, match="June 1, 2027"):
        drafts.schedule(service, seen, after, by=BEN)
    with pytest.raises(drafts.NotYet, match="June 1, 2027"):
        drafts.publish(service, seen, by=BEN, now=after)
    assert drafts.approve(service, seen, date(2028, 1, 1), by=DR_ANA, now=after)
    drafts.publish(service, seen, by=BEN, now=after)


# --- As patients will read it ------------------------------------------------------


def test_what_is_typed_is_shown_as_patients_will_read_it_and_not_kept(
    service: Service,
) -> None:
    editor = somebody("Content editor")
    sent = form_of(editor, service) | {
        "typed": "1",
        "summary": "Typed <just> now.",
        "is_published": "",
        "facts-0-value": "Two hours",
        "sections-0-answer": "See [a page](/team/).<script>alert(1)</script>",
    }
    response = editor.post(there(service, "preview"), sent)

    phone, desk, spanish = re.findall(r'<iframe[^>]* srcdoc="([^"]*)"', response.text)
    assert phone == desk
    assert '<html lang="es"' in unescape(spanish)
    assert '<p><span lang="en" dir="ltr">Typed &lt;just' in unescape(spanish)
    html = unescape(phone)
    assert "Typed &lt;just&gt; now." in html
    assert "<dd>Two hours</dd>" in html
    assert '<a inert href="/team/"' in html
    assert "<script" not in html
    assert response["X-Robots-Tag"] == "noindex"
    assert Service.objects.get().summary == "What."
    assert service.facts.get().value == "An hour"
    assert not Draft.objects.exists()
    assert not Version.objects.exists()


def test_what_does_not_fit_yet_is_named_instead_of_shown(page: Page) -> None:
    manager = somebody("Manager")
    sent = form_of(manager, page) | {"typed": "1", "title": ""}
    response = manager.post(there(page, "preview"), sent)
    assert "<li>Title: Fill this in.</li>" in response.text
    assert "<iframe" not in response.text


def test_who_may_only_approve_looks_at_the_draft_alone(service: Service) -> None:
    clinician = somebody("Clinician")
    a_draft(service, summary="In the draft.")
    assert "In the draft." in clinician.post(there(service, "preview")).text
    typed = {"typed": "1", "summary": "Typed."}
    assert clinician.post(there(service, "preview"), typed).status_code == 403


def test_two_editors_take_no_words_from_each_other_unseen(service: Service) -> None:
    ed, mia = somebody("Content editor"), somebody("Manager")
    by_ed = form_of(ed, service) | {"summary": "Ed’s."}
    by_mia = form_of(mia, service) | {"summary": "Mia’s."}
    for _twice in range(2):
        assert ed.post(there(service, "change"), by_ed).status_code == 302

    told = mia.post(there(service, "change"), by_mia)

    assert "changed by content since you opened it" in told.text
    assert Draft.objects.get().content["summary"] == "Ed’s."
    form = told.context["adminform"].form
    assert form["summary"].value() == "Mia’s."
    again = by_mia | {"seen": form["seen"].value()}
    assert mia.post(there(service, "change"), again).status_code == 302
    assert Draft.objects.get().content["summary"] == "Mia’s."
    # So Ed’s, which he finds with "Back" after he has built on Mia’s.
    on_mias = form_of(ed, service) | {"summary": "Both."}
    assert ed.post(there(service, "change"), on_mias).status_code == 302
    told = ed.post(there(service, "change"), by_ed)
    assert "since you opened it" in told.text
    assert Draft.objects.get().content["summary"] == "Both."
    # Ed’s form is older still, but shows as it would be read.
    shown = ed.post(there(service, "preview"), by_ed | {"typed": "1"})
    assert "Ed’s." in shown.text


def test_who_was_overtaken_reads_what_would_be_lost(service: Service) -> None:
    ed, mia = somebody("Content editor"), somebody("Manager")
    by_ed = form_of(ed, service) | {"call_us": "it burns", "facts-0-value": "Short"}
    by_mia = form_of(mia, service) | {"summary": "Mia’s."}
    ed.post(there(service, "change"), by_ed)

    # Something else is wrong, too: that is to be mended first.
    told = mia.post(there(service, "change"), by_mia | {"name": ""})
    assert "overtaken" not in told.context
    form = told.context["adminform"].form
    by_mia |= {"seen": form["seen"].value()}

    told = mia.post(there(service, "change"), by_mia)
    differs = {one.where: (one.old, one.new) for one in told.context["overtaken"]}
    assert differs == {
        "Summary": ("<del>What.</del>", "<ins>Mia’s.</ins>"),
        "Call us the same day if": ("<del>it burns</del>", ""),
        "Fact “Length”, value": ("<del>Short</del>", "<ins>An hour</ins>"),
    }
    assert told.text.index("There is a problem") < told.text.index("it burns</del>")
    assert Draft.objects.get().content["call_us"] == "it burns"
    assert Service.objects.get().facts.get().value == "An hour"
    again = by_mia | {"seen": told.context["adminform"].form["seen"].value()}
    assert mia.post(there(service, "change"), again).status_code == 302


def test_a_draft_that_was_published_meanwhile_is_not_gone_back_from_unseen(
    page: Page,
) -> None:
    editor = somebody("Content editor")
    sent = form_of(editor, page) | {"body": "Mine."}
    published(page, body="Theirs.")
    told = editor.post(there(page, "change"), sent)
    assert "published or ended the draft since you opened it" in told.text
    assert not Draft.objects.exists()
