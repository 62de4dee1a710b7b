"""Every address of the site as the URL resolver knows it, each with an example.

A route that is new appears here by itself, and fails the tests until their tables say
what is expected of it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.urls import URLResolver, get_resolver

from booking import chores, draft, links
from booking.draft import Draft
from booking.management.commands.load_groups import (
    AUDITOR,
    CLINICIAN,
    CONTENT_EDITOR,
    FRONT_DESK,
    MANAGER,
)
from booking.models import (
    Appointment,
    Message,
    Resource,
    VisitType,
    WaitingListRules,
)
from services import versions
from services.models import Page, SameWords, ScreeningQuestion, Service, Translation
from tests import factories
from tests.factories import NOW, at
from tests.records import TRAIL, raw_rows

GROUPS = {
    "desk": FRONT_DESK, "manager": MANAGER, "clinician": CLINICIAN,
    "editor": CONTENT_EDITOR, "auditor": AUDITOR,
}  # fmt: skip
ROLES = ("anonymous", "link", *GROUPS, "nobody", "superuser")


def all_routes() -> list[str]:
    """Return the pattern of each address, such as "book/times/", once and in order."""
    return list(dict.fromkeys(walk(get_resolver().url_patterns)))


def walk(patterns: Any, before: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, route)
        else:
            yield route


@dataclass
class World:
    """A small clinic with one of everything that an address can name.

    `mine` is a request whose link is open in the link holder's browser; `other` is
    somebody else's booked visit, `offered` one that waits and is offered a time.
    """

    visit_type: VisitType
    mine: Appointment
    other: Appointment
    offered: Appointment
    message: Message
    token: str
    rows: dict[str, int | str]
    users: dict[str, User]
    answers: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def address(self, route: str) -> str:
        """Return an address that fits the route and names something that is there."""
        return "/" + re.sub(r"<[^>]+>", lambda found: self.part(route, found[0]), (
            EXAMPLES.get(route, route)
        ))  # fmt: skip

    def part(self, route: str, placeholder: str) -> str:
        if placeholder == "<path:content_type_id>":
            return str(ContentType.objects.get_for_model(Service).pk)
        if placeholder == "<str:token>":
            return self.token
        if route.startswith("cards/"):
            this = {"<slug:name>": "service", "<slug:slug>": "no-service"}
            return this.get(placeholder, "0")
        if route.startswith("photos/"):
            return "0"
        if placeholder == "<slug:slug>":
            is_service = route.startswith("treatments-and-tests/")
            return self.visit_type.service.slug if is_service else "a-page"
        if route.startswith("admin/r/"):
            return str(self.visit_type.service_id)
        if route.startswith("admin/calls/"):
            return str(self.message.pk)
        of_patient = ("admin/booking/patient/", "admin/booking/trail/patient/")
        if route.startswith(of_patient):
            return str(self.mine.patient_id)
        _admin, app, model, *_rest = route.split("/")
        return str(self.rows[f"{app}.{model}"])

    def client(self, role: str, **options: Any) -> Client:
        """Return the browser of somebody in this role."""
        client = Client(raise_request_exception=False, **options)
        if role == "link":
            client.get(self.address("appointments/<str:token>/"))
        elif role != "anonymous":
            client.force_login(self.users[role])
        return client

    def holder(self, visit: Appointment, **options: Any) -> Client:
        """Return the browser of somebody who has opened the link to a visit."""
        client = Client(raise_request_exception=False, **options)
        client.get(f"/appointments/{links.issue(visit, now=NOW)}/")
        return client

    def patient(self, *, without: str = "", **options: Any) -> Client:
        """Return the browser of a patient who has answered all pages but one."""
        client = Client(raise_request_exception=False, **options)
        session = client.session
        kept = {slug: typed for slug, typed in self.answers.items() if slug != without}
        began = NOW - timedelta(minutes=10)
        draft.save(session, Draft(began=began, used=NOW, answers=kept), NOW)
        session.save()
        client.cookies["session"] = session.session_key
        return client


def every_row() -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table but the sessions."""
    models = [m for m in apps.get_models() if m not in (Session, *TRAIL)]
    return {model._meta.label: found for model, found in raw_rows(models).items()}


@contextmanager
def taken_back(client: Client) -> Iterator[None]:
    """Undo what the block does to the database and to the browser's cookies."""
    cookies = client.cookies.output(header="", sep=";")
    before = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(before)
        client.cookies.clear()
        client.cookies.load(cookies)


# Where a route is a regular expression.
EXAMPLES = {
    "admin/^(?P<app_label>booking|auth|services)/$": "admin/booking/",
    "admin/(?P<url>.*)$": "admin/nothing-is-here/",
}


def a_world() -> World:
    call_command("load_groups", stdout=StringIO())
    visit_type = factories.a_practice(clinicians=2, rooms=2)
    ScreeningQuestion.objects.create(
        service=visit_type.service, code="thinners", question="Do you take thinners?",
        tell_us="take thinners", flag="thinners", advice="Tell us which.",
    )  # fmt: skip
    page = Page.objects.create(
        slug="a-page", title="A page", body="Text", is_published=True
    )
    same = SameWords.objects.create(language="en", words="one\ntwo")
    photo = factories.a_photo()
    translated = Translation.objects.create(
        model="page", row=page.pk, language="es", of_digest=page.english_digest()
    )
    versions.keep_all(by=versions.FILES, now=NOW)
    mine = factories.a_request(visit_type)
    reached_by_phone = factories.patient_details(
        given_name="Robin", family_name="Unrelated", contact_by="phone", email=""
    )
    other = factories.a_booked_visit(visit_type, at("14:00"), patient=reached_by_phone)
    closure = factories.a_closure(
        at("09:00", factories.FRIDAY), at("17:00", factories.FRIDAY)
    )
    saturday = factories.FRIDAY + timedelta(days=1)
    plan = factories.a_closed_day(at("09:00", saturday), at("17:00", saturday))
    waiting = factories.somebody_waiting(
        visit_type, factories.a_wish(part="morning"), patient=reached_by_phone
    )
    factories.an_offer(waiting, at("15:00"))
    entry = waiting.waiting_list_entries.get()
    rules = WaitingListRules.objects.get_or_create(pk=1)[0]
    users = {
        role: User.objects.create_user(role, is_staff=True)
        for role in (*GROUPS, "nobody")
    }
    for role, group in GROUPS.items():
        users[role].groups.add(Group.objects.get(name=group))
    Resource.objects.filter(reservations__appointment=other, kind="clinician").update(
        user=users["clinician"]
    )
    users["superuser"] = User.objects.create_superuser("superuser")
    colleague = User.objects.create_user("colleague", is_staff=True)
    world = World(
        visit_type=visit_type,
        mine=mine,
        other=other,
        offered=waiting,
        token=links.issue(mine, now=NOW),
        message=other.messages.get(kind=Message.Kind.CONFIRMED),
        rows={
            "booking.appointment": mine.pk,
            "booking.chore": chores.INTEGRITY,
            "booking.message": mine.messages.get().pk,
            "booking.resource": Resource.objects.earliest("pk").pk,
            "booking.retentionrules": 1,
            "booking.visittype": visit_type.pk,
            "booking.closure": closure.pk,
            "booking.closing": plan.pk,
            "booking.waitinglistentry": entry.pk,
            "booking.waitinglistrules": rules.pk,
            "auth.group": Group.objects.create(name="A group").pk,
            "auth.user": colleague.pk,
            "services.clinic": 1,
            "services.clinician": Resource.objects.earliest("pk").clinician_id,
            "services.service": visit_type.service_id,
            "services.page": page.pk,
            "services.samewords": same.pk,
            "services.photo": photo.pk,
            "services.translation": translated.pk,
        },
        users=users,
    )
    world.answers = valid_answers(visit_type)
    return world


def valid_answers(visit_type: VisitType) -> dict[str, dict[str, list[str]]]:
    """Return what a patient types on each page who meets every page there is."""
    typed = {
        "visit": {"visit": visit_type.code},
        "referral": {"referral": "yes"},
        "times": {"start": at("11:00").isoformat(), "clinician": ""},
        "other-times": {"starts": at("12:00").isoformat()},
        "about": {
            "for_whom": "somebody_else", "given_name": "Pat", "family_name": "Example",
            "birth_date_month": "2", "birth_date_day": "29", "birth_date_year": "1980",
        },
        "asked-by": {
            "name": "Alex Example", "relation": "partner", "contact_of": "asker",
            "may_arrange": "on",
        },
        "questions": {"thinners": "yes"},
        "contact": {
            "contact_by": "email", "email": "pat@example.com",
            "phone": "212 555 0199", "voicemail_ok": "on",
        },
        "help": {
            "language": "Spanish", "other_language": "", "interpreter": "yes",
            "other_help": "",
        },
        "payment": {"payer": "workers_comp"},
        "payment-details": {
            "injury_date": "4/27/2026", "employer": "Somebody", "carrier": "",
            "case_number": "", "body_part": "back",
        },
    }  # fmt: skip
    return {
        slug: {name: [value] for name, value in fields.items()}
        for slug, fields in typed.items()
    }
