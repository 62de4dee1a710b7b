"""What is said of a clinic that is not ready for patients."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booking.fitness import gaps
from booking.models import Hours, Message, VisitType
from services.models import Clinic, Clinician, Draft, Page, Service, Translation
from services.translation import make_room
from tests.factories import (
    CLINICIAN,
    NOW,
    a_booked_visit,
    a_clinic,
    a_closure,
    a_practice,
    a_visit_type,
    at,
)

from .desk import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

PAGE = "/admin/booking/clinic-check/"
BY_SOMEBODY = {
    "reviewed_by": "Demo Clinician", "reviewer_credentials": "MD",
    "reviewer_profession": "physician (PM&R)",
}  # fmt: skip
DAY = timedelta(days=1)


@pytest.fixture
def visit_type() -> VisitType:
    """Set up a clinic that is ready for patients."""
    clinic = a_clinic()
    Clinic.objects.filter(pk=clinic.pk).update(
        phone="212-555-0143",
        is_demo=False,
        getting_here="By *subway*.",
        step_free_access="A ramp.",
    )
    visit_type = a_practice()
    Clinician.objects.update(is_demo=False)
    Service.objects.update(
        preparation="Eat as usual.", is_published=True, **BY_SOMEBODY
    )
    a_booked_visit(visit_type, at("10:00"))
    Message.objects.update(sent_at=NOW, channel="email")
    Page.objects.create(slug="a-page", title="A page", body="Text", is_published=True)
    return visit_type


def codes() -> list[str]:
    return [gap.code for gap in gaps(NOW)]


def changed(model: type, **values: object) -> Callable[[], object]:
    return lambda: model.objects.update(**values)  # type: ignore[attr-defined]


def a_draft(
    publish_at: datetime | None = None, *, at: datetime = NOW, **values: object
) -> Draft:
    """Keep a draft that is to be published at an instant, or when somebody says so."""
    content = {"title": "A page"}
    return Draft.objects.create(
        kind="page", row=1, content=content, at=at, publish_at=publish_at, **values
    )


def a_translated_page(body: str) -> None:
    """Let the page say that in Spanish, read by somebody who may."""
    make_room()
    page = Page.objects.get()
    Translation.objects.filter(model="page", row=page.pk).update(
        texts={"body": body}, of_digest=page.english_digest(),
        reviewed_by="Demo Translator", reviewed_on=NOW.date(),
    )  # fmt: skip
    Translation.objects.filter(texts={}).delete()


def test_nothing_is_said_of_a_clinic_that_is_ready(visit_type: VisitType) -> None:
    assert codes() == []
    said = StringIO()
    call_command("check_clinic", stdout=said)
    assert said.getvalue() == "The clinic is ready for patients.\n"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda: Clinic.objects.all().delete(), "no_clinic"),
        (changed(Clinic, phone=""), "no_phone"),
        (lambda: Clinic.objects.get().opening_hours.all().delete(), "no_opening_hours"),
        (changed(Clinic, is_demo=True), "demo"),
        (
            lambda: Clinician.objects.create(slug="d", name="D", is_demo=True),
            "demo",
        ),
        (lambda: a_closure(NOW, NOW + 40 * DAY), "no_times"),
        (changed(VisitType, is_active=False), "not_bookable"),
        (changed(Clinic, getting_here=""), "no_way"),
        (changed(Clinic, step_free_access=""), "no_step_free_access"),
        (changed(Service, preparation=""), "no_preparation"),
        (changed(Page, body="The list is not on this website yet."), "text_to_come"),
        (changed(Service, reviewed_by=""), "not_reviewed"),
        (changed(Service, reviewer_credentials=""), "not_reviewed"),
        (changed(Page, slug="call-911"), "not_reviewed"),
        (changed(Service, next_review=(NOW - DAY).date()), "review_due"),
        (lambda: a_draft(NOW - DAY), "not_published"),
        (lambda: a_draft(at=NOW - 4 * DAY), "draft_waits"),
        (changed(Page, body="[Costs](/gone/)"), "link_astray"),
        (changed(Page, body="[Costs](#gone)"), "link_astray"),
        (changed(Service, call_us="[Help](/a-page/#gone)"), "link_astray"),
        (lambda: a_translated_page("[Costos](/es/gone/)"), "link_astray"),
        (make_room, "translation_missing"),
        (changed(Message, sent_at=None), "mail_untested"),
        (changed(Message, channel="phone"), "mail_untested"),
        (changed(Page, updated_at=NOW - 366 * DAY), "stale"),
        (changed(Service, updated_at=NOW - 366 * DAY), "stale"),
    ],
)
def test_what_is_missing_is_named(
    visit_type: VisitType, spoil: Callable[[], object], code: str
) -> None:
    spoil()
    assert codes() == [code]


def test_the_texts_that_only_the_clinic_has_are_asked_for(db: None) -> None:
    call_command("load_content")
    found = [gap.sentence for gap in gaps(NOW) if gap.code == "text_to_come"]
    assert [sentence.partition(":")[0] for sentence in found] == [
        "Privacy practices", "Nondiscrimination", "Insurance and hospitals",
    ]  # fmt: skip


def test_a_draft_that_is_not_published_in_time_is_named(visit_type: VisitType) -> None:
    a_draft(NOW - DAY, stopped="Somebody has to read it.")
    assert [gap.sentence for gap in gaps(NOW)] == [
        "A page: the draft was not published on Sunday, November\xa015, 9:00\xa0AM."
        " Somebody has to read it."
    ]


def test_a_draft_that_nobody_published_for_days_is_named(visit_type: VisitType) -> None:
    a_draft(by="Manager", at=NOW - 3 * DAY)
    assert codes() == []
    Draft.objects.update(at=NOW - 4 * DAY)
    assert [gap.sentence for gap in gaps(NOW)] == [
        "A page: a draft that Manager wrote on Thursday, November\xa012, 9:00\xa0AM"
        " waits to be approved or published. Open the draft to see what is left to do."
    ]
    # Its time is known: then the worker is the one who has to do something.
    Draft.objects.update(publish_at=NOW + DAY)
    assert codes() == []


def test_a_link_that_led_somewhere_once_is_named(visit_type: VisitType) -> None:
    Page.objects.create(slug="other", title="B", body="[That](/a-page/) is it.")
    assert codes() == []
    Page.objects.filter(slug="other").update(is_published=True)
    assert codes() == []
    Page.objects.filter(slug="a-page").update(is_published=False)
    [gap] = gaps(NOW)
    assert gap.sentence.startswith("B: the link “/a-page/” leads astray. Patients do")


def test_a_clinician_whose_hours_are_over_is_named(visit_type: VisitType) -> None:
    Hours.objects.filter(resource__kind=CLINICIAN).update(
        valid_until=(NOW - DAY).date()
    )
    assert codes() == ["no_hours", "no_times"]


def test_the_last_days_of_the_thirty_count(visit_type: VisitType) -> None:
    a_closure(NOW, NOW + 29 * DAY)
    assert codes() == []


def test_what_is_booked_by_phone_alone_needs_no_free_time(
    visit_type: VisitType,
) -> None:
    VisitType.objects.update(by_phone_only=True)
    a_closure(NOW, NOW + 40 * DAY)
    assert codes() == []


def test_the_command_names_each_and_fails(visit_type: VisitType) -> None:
    Clinic.objects.update(phone="")
    said = StringIO()
    with pytest.raises(CommandError, match="To do: 1"):
        call_command("check_clinic", stdout=said)
    assert said.getvalue().startswith("no_phone: The clinic has no phone number")


def test_managers_read_it_on_a_page(visit_type: VisitType, manager: Client) -> None:
    assert "Nothing is missing." in text_of(manager.get(PAGE))
    Clinic.objects.update(phone="")
    words = text_of(manager.get(PAGE))
    assert "One thing to do:" in words
    assert "patients cannot call" in words
    assert f'href="{PAGE}"' in manager.get("/admin/").text


@pytest.mark.parametrize("late", ["service", "draft"])
def test_a_page_to_be_read_leads_to_where_that_is_done(
    visit_type: VisitType, manager: Client, late: str
) -> None:
    service = visit_type.service
    if late == "service":
        Service.objects.update(next_review=(NOW - DAY).date())
    else:
        a_draft(at=NOW - 4 * DAY)
        Draft.objects.update(kind="service", row=service.pk, content={"name": "A"})
    [there] = re.findall(r'<li><a href="([^"]+)">', manager.get(PAGE).text)
    assert there == f"/admin/services/service/{service.pk}/versions/"


@pytest.mark.parametrize(
    ("missing", "there"),
    [
        (changed(Clinic, phone=""), "/admin/services/clinic/"),
        (make_room, "/admin/services/translation/?stands="),
    ],
)
def test_what_else_is_missing_leads_to_its_form(
    visit_type: VisitType, manager: Client, missing: Callable[[], object], there: str
) -> None:
    missing()
    [found] = re.findall(r'<li><a href="([^"]+)">', manager.get(PAGE).text)
    assert found.startswith(there)
    assert manager.get(found).status_code == 200


def test_the_desk_does_not_see_it(visit_type: VisitType, desk: Client) -> None:
    assert desk.get(PAGE).status_code == 403
    assert PAGE not in desk.get("/admin/").text


def test_three_clinicians_cost_as_many_queries_as_one(visit_type: VisitType) -> None:
    with CaptureQueriesContext(connection) as one:
        gaps(NOW)
    a_practice(clinicians=2, rooms=2)
    Clinician.objects.update(is_demo=False)
    Service.objects.update(
        preparation="Eat as usual.", is_published=True, **BY_SOMEBODY
    )
    VisitType.objects.exclude(pk=visit_type.pk).update(is_active=False)
    with CaptureQueriesContext(connection) as three:
        gaps(NOW)
    assert len(three) == len(one)
    a_visit_type(service=visit_type.service)
    assert codes() == ["not_bookable"]
