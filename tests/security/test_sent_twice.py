"""A double click, the back button, a page sent again: what was done is done once.

`repeats.txt` says for each route that takes a POST what makes that so. A new route
fails until it has a line there and, unless it only reads, until WRITES knows what its
button sends.
"""

import html
import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client

from booking import once, second_factor, workflow
from booking.models import Appointment, FormKey, Hit, Resource, SecondFactor
from services import drafts, versions
from services.models import Clinician, Page, SameWords
from tests import factories
from tests.booking.desk import code_of
from tests.factories import NOW

from .pages import Form, forms_on
from .routes import World, every_row, taken_back
from .test_get_is_safe import patient_with_a_link
from .test_rights import REFUSED, acts, expected

REPEATS = Path(__file__).with_name("repeats.txt")
WHY = {
    "reads": "nothing is written",
    "state": "the act finds that it is done, and gives the same answer",
    "key": "the form carries a key, or its session does",
    "draft": "the session keeps the answers, and the same take their place",
    "same": "the same is written in place of what is there",
    "gone": "what was deleted is not there any more",
}
PASSWORD = "a long walk by the river"  # noqa: S105 -- made up
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 -- of RFC 6238
NEW = PASSWORD[::-1]
TYPED = {"password1": PASSWORD, "password2": PASSWORD}

# Somebody's browser, and what its button sends.
Sent = tuple[Client, dict[str, Any]]


@pytest.fixture
def world(shared_world: World) -> World:
    return shared_world


def repeats() -> dict[str, str]:
    """Read the table: a line is a route and a word of WHY."""
    lines = REPEATS.read_text().splitlines()[1:]
    return {route[1:]: why for route, why in map(str.split, lines)}


def takes_a_post(route: str, statuses: list[int]) -> bool:
    """Tell whether anybody can post there who is not only asked to sign in."""
    for_staff = route.startswith("admin/") and route != "admin/login/"
    return not set(statuses[2:] if for_staff else statuses) <= REFUSED


def rows() -> dict[str, Any]:
    """Return all rows, but for counts of hits and the keys of reservations."""
    found: dict[str, Any] = every_row() | {Hit._meta.label: []}
    held = found["booking.Reservation"]
    return found | {"booking.Reservation": sorted(str(row[1:]) for row in held)}


# --- What each button sends -------------------------------------------------------


def form_at(page: HttpResponse, address: str) -> Form:
    """Return the form of the page that is sent to its own address."""
    (form,) = [f for f in forms_on(page.text, address) if f.address == address]
    return form


def saving(route: str, **typed: Any) -> Callable[[World], Sent]:
    """Fill in a form of the admin. A value may be a function of the world."""

    def sent(world: World) -> Sent:
        client, address = world.client("superuser"), world.address(route)
        data = form_at(client.get(address), address).filled_in
        for name, value in typed.items():
            data[name] = value(world) if callable(value) else value
        return client, data

    return sent


def deleting(model: str, make: Callable[[], Any]) -> Callable[[World], Sent]:
    """Delete a row that nothing needs, on its page or in its list."""

    def sent(world: World) -> Sent:
        world.rows[model] = make().pk
        act = {"action": "delete_selected", "_selected_action": world.rows[model]}
        return world.client("superuser"), {"post": "yes"} | act

    return sent


def answering(**more: Any) -> Callable[[World], Sent]:
    return lambda world: (world.client("superuser"), acts(world) | more)


def answers_to(slug: str) -> Callable[[World], Sent]:
    """Answer one page of a request of which all others are answered."""
    return lambda world: (world.patient(without=slug), world.answers[slug])


def the_last_button(world: World) -> Sent:
    client, address = world.patient(), world.address("book/check/")
    return client, form_at(client.get(address), address).filled_in


def offered_to(world: World) -> int:
    world.offered.refresh_from_db()
    return world.offered.proposals.get().pk


def taking(world: World) -> Sent:
    data = {"answer": offered_to(world), "version": world.offered.version}
    return world.holder(world.offered), data


def leaving_the_list(world: World) -> Sent:
    world.offered.refresh_from_db()
    return world.holder(world.offered), {"version": world.offered.version}


def asking_for_a_change(world: World) -> Sent:
    start = factories.at("11:00", factories.WEDNESDAY)
    data = {"starts": [start.strftime("%Y-%m-%dT%H:%MZ")]}
    return world.holder(world.other), data | {"version": world.other.version}


def taking_the_wish_back(world: World) -> Sent:
    starts = [factories.at("11:00", factories.WEDNESDAY)]
    visit = workflow.ask_change(world.other.pk, starts, by=workflow.PATIENT, now=NOW)
    return world.holder(visit), {"version": visit.version}


def ending_the_links(world: World) -> Sent:
    world.rows["booking.appointment"] = world.other.pk
    return world.client("superuser"), {"newest": 0}


def finding_the_link(world: World) -> Sent:
    born = {"birth_date_month": "2", "birth_date_day": "29", "birth_date_year": "1980"}
    return world.client("anonymous"), {"email": "pat@example.com"} | born


def taking_for_a_caller(world: World) -> Sent:
    proposal, visit = offered_to(world), world.offered
    world.rows["booking.appointment"] = visit.pk
    data = {"proposal": proposal, "seen_version": visit.version}
    return world.client("superuser"), data


def seeing(world: World) -> Sent:
    client, address = world.client("superuser"), world.address("admin/seen/")
    (form,) = [
        form
        for form in forms_on(client.get("/admin/").text, "/admin/")
        if form.address == address
    ]
    return client, form.filled_in


def exchanging(world: World) -> Sent:
    gives = world.other.reservations.get(resource__kind="room").resource
    takes = Resource.objects.filter(kind="room").exclude(pk=gives.pk).get()
    world.rows["booking.appointment"] = world.other.pk
    swap = {"swap": f"{gives.pk}-{takes.pk}", "seen_version": world.other.version}
    return world.client("superuser"), swap


def moving(world: World) -> Sent:
    world.rows["booking.appointment"] = world.other.pk
    start = factories.at("11:00", factories.WEDNESDAY)
    data = {"start": start.strftime("%Y-%m-%dT%H:%MZ"), "clinician": "", "send": ""}
    return world.client("superuser"), data | {"seen_version": world.other.version}


def recording_an_arrival(world: World) -> Sent:
    Appointment.objects.filter(pk=world.other.pk).update(
        start=NOW, end=NOW + timedelta(minutes=30)
    )
    world.rows["booking.appointment"] = world.other.pk
    arrived = {"move": "arrive", "seen_version": world.other.version}
    return world.client("superuser"), arrived


def filing_a_paper(world: World) -> Sent:
    world.rows["booking.appointment"] = world.other.pk
    return world.client("superuser"), {"kind": "card", "state": "done"}


def joining_two_records(world: World) -> Sent:
    data = {"other": str(world.other.patient_id), "sure": "1"}
    return world.client("superuser"), data


def putting_a_contact_right(world: World) -> Sent:
    client = world.client("superuser")
    address = world.address("admin/booking/patient/<int:pk>/contact/")
    data = form_at(client.get(address), address).filled_in
    return client, data | {"email": "new@example.com", "sure": "on"}


def stopping_texts_to_a_number(world: World) -> Sent:
    data = {"phone": "646 555 0123", "purpose": "all", "heard_by": "phone"}
    return world.client("desk"), data


def keeping_a_record(world: World) -> Sent:
    world.rows["booking.appointment"] = world.other.pk
    return world.client("superuser"), {"because": "A lawsuit"}


def taking_a_task_on(world: World) -> Sent:
    world.rows["booking.appointment"] = world.other.pk
    data = {"task": "paper", "to": world.users["superuser"].pk, "seen": "0"}
    return world.client("superuser"), data


def offering_a_time(world: World) -> Sent:
    start = NOW + timedelta(days=2, hours=2)
    data = {"starts": [start.strftime("%Y-%m-%dT%H:%MZ")], "hours": "24", "send": ""}
    data |= {"seen_version": world.mine.version}
    world.rows["booking.appointment"] = world.mine.pk
    return world.client("superuser"), data


def booking_for_a_caller(world: World) -> Sent:
    start = NOW + timedelta(days=2, hours=2)
    data = {
        "form_key": str(uuid.uuid4()),
        "visit_type": world.visit_type.pk,
        "start": start.strftime("%Y-%m-%dT%H:%MZ"),
        "given_name": "Robin",
        "family_name": "Caller",
        "phone": "212 555 0143",
        "book": "",
    }
    return world.client("superuser"), data


def stopping_for_a_caller(world: World) -> Sent:
    visit = workflow.want_earlier(
        world.other.pk, factories.a_wish(), by=workflow.PATIENT, now=NOW
    )
    world.rows["booking.appointment"] = visit.pk
    return world.client("superuser"), {"seen_version": visit.version}


def joining(world: World) -> Sent:
    return world.patient(without="times"), A_WISH


def putting_back(kind: str, field: str = "summary") -> Callable[[World], Sent]:
    """Let patients read the first version of a page again."""

    def sent(world: World) -> Sent:
        model = versions.SUBJECTS[kind]
        row = model._default_manager.get(pk=world.rows[f"services.{kind}"])
        setattr(row, field, "Another.")
        row.save()
        return world.client("superuser"), {"version": "1"}

    return sent


def deciding(kind: str, act: str) -> Callable[[World], Sent]:
    """Press a button beside the draft of a page."""

    def sent(world: World) -> Sent:
        row = versions.SUBJECTS[kind]._default_manager.get(
            pk=world.rows[f"services.{kind}"]
        )
        content = versions.content_of(row) | {"summary": "Another."}
        draft = drafts.keep_draft(row, content, by=versions.FILES, now=NOW)
        data = {"act": act, "seen": drafts.seen(row, draft)}
        signed = {"name": "Ana", "credentials": "MD", "profession": "physician"}
        return (
            world.client("superuser"),
            data | signed | {"next_review": "2027-06-01"},
        )

    return sent


def leaving(world: World) -> Sent:
    """Leave the form while it holds a time."""
    client, data = answers_to("times")(world)
    client.post(world.address("book/times/"), data)
    return client, {}


def with_password(world: World, role: str) -> Client:
    user = world.users["superuser"]
    user.set_password(PASSWORD)
    user.save()
    return world.client(role)


def signing_in(world: World) -> Sent:
    data = {"username": "superuser", "password": PASSWORD, "next": "/admin/"}
    return with_password(world, "anonymous"), data


def with_phone(world: World, role: str) -> User:
    """Let the account of this role have set up a phone an hour ago."""
    user, before = world.users[role], NOW - timedelta(hours=1)
    assert second_factor.enrol(user, SECRET, code_of(SECRET, before), now=before)
    return user


def signing_in_with_a_code(world: World) -> Sent:
    client, password = signing_in(world)
    with_phone(world, "superuser")
    client.post(world.address("admin/login/"), password)
    return client, {"code": code_of(SECRET, NOW)}


def making_new_recovery_codes(world: World) -> Sent:
    factor = SecondFactor.objects.get(user=with_phone(world, "superuser"))
    client = world.client("superuser")
    session = client.session
    session["second_factor"] = factor.pk
    session.save()
    return client, {"newest": second_factor.newest_code(factor)}


def setting_up_a_phone(world: World) -> Sent:
    client = world.client("superuser")
    page = client.get(world.address("admin/second-factor/setup/"))
    secret = re.findall("<code>(.*)</code>", page.text)[0].replace(" ", "")
    return client, {"code": code_of(secret, NOW)}


def resetting_a_colleague(world: World) -> Sent:
    world.rows["auth.user"] = with_phone(world, "desk").pk
    return world.client("superuser"), {}


def new_password(**more: Any) -> Callable[[World], Sent]:
    return lambda world: (with_password(world, "superuser"), more)


def first_choice(world: World) -> int:
    return world.mine.proposals.get().pk


A_ROOM = {"kind": "room", "name": "Room 9", "order": "0"}
AN_HOUR = {"weekday": "5", "opens": "09:00", "closes": "10:00"}
A_VISIT = {"name": "Another", "code": "another", "duration": "30"}
A_FACT = {"label": "How long", "value": "An hour", "order": "0"}
A_WISH = {
    "earliest": "2026-11-18", "latest": "2026-11-20", "weekdays": ["2"],
    "part": "any", "notice": "1440",
}  # fmt: skip
A_CLOSURE = {
    "reason": "Training day", "start_0": "2026-12-01", "start_1": "09:00",
    "end_0": "2026-12-01", "end_1": "12:00",
}  # fmt: skip


def row_of(prefix: str, number: int, **values: str) -> dict[str, str]:
    """Return a new row of an inline."""
    row = {f"{prefix}-{number}-{name}": value for name, value in values.items()}
    return {f"{prefix}-TOTAL_FORMS": str(number + 1)} | row


def a_spare_page() -> Page:
    return Page.objects.create(slug="spare", title="Spare")


def spare_words() -> SameWords:
    return SameWords.objects.create(language="en", words="spare\nleft over")


class Upload(BytesIO):
    """A file that is chosen once and sent with each click."""

    name = "door.png"

    def read(self, size: int | None = -1) -> bytes:
        return self.getvalue()


def a_spare_person() -> Clinician:
    return Clinician.objects.create(slug="spare", name="Spare", profession="nurse")


def a_spare_group() -> Group:
    return Group.objects.create(name="Spare")


def service_of(world: World) -> int:
    return world.visit_type.service_id


APPOINTMENT = "admin/booking/appointment/"
CHORE, RULES = "admin/booking/chore/", "admin/booking/waitinglistrules/"
RETENTION = "admin/booking/retentionrules/"
RESOURCE, TYPE = "admin/booking/resource/", "admin/booking/visittype/"
CLOSING = "admin/booking/closing/"
CLOSURE, PAGE = "admin/booking/closure/", "admin/services/page/"
SERVICE, PERSON = "admin/services/service/", "admin/services/clinician/"
TRANSLATION = "admin/services/translation/"
SAME, PHOTO = "admin/services/samewords/", "admin/services/photo/"
CLINIC, GROUP, USER = "admin/services/clinic/", "admin/auth/group/", "admin/auth/user/"
CHANGE, DELETE = "<path:object_id>/change/", "<path:object_id>/delete/"

WRITES: dict[str, Callable[[World], Sent]] = {
    "admin/calls/<int:pk>/": answering(),
    "admin/seen/": seeing,
    "admin/login/": signing_in,
    "admin/login/code/": signing_in_with_a_code,
    "admin/second-factor/": making_new_recovery_codes,
    "admin/second-factor/setup/": setting_up_a_phone,
    "admin/password_change/": new_password(
        old_password=PASSWORD, **dict.fromkeys(("new_password1", "new_password2"), NEW)
    ),
    f"{APPOINTMENT}phone/": booking_for_a_caller,
    f"{APPOINTMENT}<int:pk>/accept/": answering(),
    f"{APPOINTMENT}<int:pk>/decline/": answering(),
    f"{APPOINTMENT}<int:pk>/cancel/": answering(),
    f"{APPOINTMENT}<int:pk>/series/": saving(f"{APPOINTMENT}<int:pk>/series/"),
    f"{APPOINTMENT}<int:pk>/swap/": exchanging,
    f"{APPOINTMENT}<int:pk>/move/": moving,
    f"{APPOINTMENT}<int:pk>/offer/": taking_for_a_caller,
    f"{APPOINTMENT}<int:pk>/propose/": offering_a_time,
    f"{APPOINTMENT}<int:pk>/attend/": recording_an_arrival,
    f"{APPOINTMENT}<int:pk>/paper/": filing_a_paper,
    f"{APPOINTMENT}<int:pk>/legal-hold/": keeping_a_record,
    "admin/booking/patient/<int:pk>/merge/": joining_two_records,
    "admin/booking/patient/<int:pk>/contact/": putting_a_contact_right,
    "admin/booking/texts/": stopping_texts_to_a_number,
    "admin/booking/patient/<int:pk>/texts/": lambda world: (world.client("desk"), {}),
    f"{APPOINTMENT}<int:pk>/owner/": taking_a_task_on,
    f"{APPOINTMENT}<int:pk>/waiting/": stopping_for_a_caller,
    APPOINTMENT: answering(action="accept_first_choices"),
    CLOSING: saving(CLOSING),
    f"{CLOSING}<int:pk>/undo/": answering(),
    f"{CHORE}{CHANGE}": saving(f"{CHORE}{CHANGE}", every="hour"),
    f"{GROUP}add/": saving(f"{GROUP}add/", name="Nurses"),
    f"{GROUP}{CHANGE}": saving(f"{GROUP}{CHANGE}", name="Nurses"),
    f"{GROUP}{DELETE}": deleting("auth.group", a_spare_group),
    GROUP: deleting("auth.group", a_spare_group),
    f"{USER}add/": saving(f"{USER}add/", username="ana", **TYPED),
    f"{USER}{CHANGE}": saving(f"{USER}{CHANGE}", first_name="Ana"),
    f"{USER}<id>/password/": new_password(**TYPED),
    f"{USER}<id>/second-factor/": resetting_a_colleague,
    f"{RESOURCE}add/": saving(
        f"{RESOURCE}add/", **A_ROOM, **row_of("hours", 0, **AN_HOUR)
    ),
    f"{RESOURCE}{CHANGE}": saving(
        f"{RESOURCE}{CHANGE}", **row_of("hours", 5, **AN_HOUR)
    ),
    f"{RESOURCE}{DELETE}": deleting("booking.resource", factories.a_room),
    RESOURCE: deleting("booking.resource", factories.a_room),
    f"{TYPE}add/": saving(
        f"{TYPE}add/", service=service_of, **A_VISIT,
        **row_of("requirements", 0, kind="room"),
    ),
    f"{TYPE}{CHANGE}": saving(
        f"{TYPE}{CHANGE}", **row_of("requirements", 2, kind="machine", count="1")
    ),
    f"{TYPE}{DELETE}": deleting("booking.visittype", factories.a_visit_type),
    TYPE: deleting("booking.visittype", factories.a_visit_type),
    f"{CLOSURE}add/": saving(f"{CLOSURE}add/", **A_CLOSURE),
    f"{CLOSURE}{CHANGE}": saving(f"{CLOSURE}{CHANGE}", **A_CLOSURE),
    f"{CLOSURE}{DELETE}": answering(),
    f"{RULES}{CHANGE}": saving(f"{RULES}{CHANGE}", most_offers="3"),
    f"{RETENTION}{CHANGE}": saving(f"{RETENTION}{CHANGE}", requests_days="60"),
    f"{CLINIC}{CHANGE}": saving(
        f"{CLINIC}{CHANGE}", **row_of("opening_hours", 5, **AN_HOUR)
    ),
    f"{PERSON}add/": saving(
        f"{PERSON}add/", slug="ana", name="Ana Demo", profession="nurse"
    ),
    f"{PERSON}{CHANGE}": saving(f"{PERSON}{CHANGE}", credentials="MD"),
    f"{PERSON}{DELETE}": deleting("services.clinician", a_spare_person),
    PERSON: deleting("services.clinician", a_spare_person),
    f"{SERVICE}add/": saving(
        f"{SERVICE}add/", slug="new", kind="test", name="New", summary="New."
    ),
    f"{SERVICE}{CHANGE}": saving(
        f"{SERVICE}{CHANGE}", **row_of("facts", 0, **A_FACT),
        **{"screening_questions-0-tell_us": "take thinners"},
    ),
    f"{SERVICE}{DELETE}": deleting("services.service", factories.a_service),
    SERVICE: deleting("services.service", factories.a_service),
    f"{SERVICE}<int:pk>/draft/": deciding("service", "approve"),
    f"{PAGE}<int:pk>/draft/": deciding("page", "publish"),
    f"{SERVICE}<int:pk>/restore/": putting_back("service"),
    f"{PAGE}<int:pk>/restore/": putting_back("page"),
    f"{PERSON}<int:pk>/restore/": putting_back("clinician", "biography"),
    f"{CLINIC}<int:pk>/restore/": putting_back("clinic"),
    f"{PAGE}add/": saving(f"{PAGE}add/", slug="new", title="New", body="New."),
    f"{PAGE}{CHANGE}": saving(f"{PAGE}{CHANGE}", title="Changed", body="New."),
    f"{PAGE}{DELETE}": deleting("services.page", a_spare_page),
    PAGE: deleting("services.page", a_spare_page),
    f"{SAME}add/": saving(f"{SAME}add/", language="es", words="uno\ndos"),
    f"{SAME}{CHANGE}": saving(f"{SAME}{CHANGE}", words="one\ntwo\nthree"),
    f"{SAME}{DELETE}": deleting("services.samewords", spare_words),
    SAME: deleting("services.samewords", spare_words),
    f"{PHOTO}add/": saving(
        f"{PHOTO}add/", upload=lambda world: Upload(factories.a_picture()), alt="A door"
    ),
    f"{PHOTO}{CHANGE}": saving(f"{PHOTO}{CHANGE}", alt="A door"),
    f"{PHOTO}{DELETE}": deleting("services.photo", factories.a_photo),
    PHOTO: deleting("services.photo", factories.a_photo),
    f"{TRANSLATION}{CHANGE}": saving(
        f"{TRANSLATION}{CHANGE}", text_title="Una página"
    ),
    "book/": lambda world: (world.client("anonymous"), {"emergency": "none"}),
    **{
        f"book/{slug}/": answers_to(slug)
        for slug in (
            "times", "other-times", "visit", "referral", "questions", "about",
            "asked-by", "contact", "help", "payment", "payment-details",
        )
    },
    "book/check/": the_last_button,
    "book/leaving/": leaving,
    "book/waiting-list/": joining,
    "appointment/find/": finding_the_link,
    "admin/booking/appointment/<int:pk>/link/": ending_the_links,
    "appointment/change/": asking_for_a_change,
    "appointment/change/stop/": taking_the_wish_back,
    "appointment/earlier/": lambda world: (world.holder(world.other), A_WISH),
    "appointment/offer/": taking,
    "appointment/leaving/": leaving_the_list,
    "appointment/cancellation/": lambda world: (
        world.client("link"), {"version": world.mine.version},
    ),
}  # fmt: skip

# What setting the same password again does write.
REWRITTEN: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    f"{USER}<id>/password/": lambda found: (
        found
        | {"admin.LogEntry": [], "auth.User": [row[2:] for row in found["auth.User"]]}
    ),
}


# --- Twice ------------------------------------------------------------------------


def test_the_table_has_every_route_that_takes_a_post():
    routes = [
        route
        for (route, method), statuses in expected().items()
        if method == "POST" and takes_a_post(route, statuses)
    ]
    assert list(repeats()) == routes
    assert set(repeats().values()) == set(WHY)


def test_every_route_that_writes_is_tried():
    assert {r for r, why in repeats().items() if why != "reads"} == set(WRITES)


@pytest.mark.parametrize("route", WRITES)
def test_a_double_click_is_one_click(world: World, route: str):
    client, data = WRITES[route](world)
    address = world.address(route)
    seen = REWRITTEN.get(route, lambda found: found)
    before = rows()

    first = client.post(address, data)
    assert first.status_code == 302, first.text
    after = seen(rows())
    assert (after != before) or repeats()[route] == "draft"

    second = client.post(address, data)
    assert second.status_code == 302, second.text
    assert seen(rows()) == after
    if repeats()[route] != "gone":
        assert second["Location"] == first["Location"]


WHO: dict[str, Callable[[World], Client]] = {
    "staff": lambda world: world.client("superuser"),
    "patient": patient_with_a_link,
}


@pytest.mark.parametrize("who", WHO)
def test_what_only_reads_writes_nothing(world: World, who: str):
    client, before = WHO[who](world), rows()
    for route, why in repeats().items():
        if why == "reads":
            with taken_back(client):
                client.post(world.address(route), acts(world))
                assert rows() == before, route


# --- Other content under the same key ---------------------------------------------

# What somebody changes after the back button, before pressing Save again.
CHANGED = {
    f"{GROUP}add/": ("name", "Doctors"),
    f"{GROUP}{CHANGE}": ("name", "Doctors"),
    f"{USER}add/": ("username", "ben"),
    f"{USER}{CHANGE}": ("first_name", "Ben"),
    f"{RESOURCE}add/": ("name", "Room 10"),
    f"{RESOURCE}{CHANGE}": ("name", "Another name"),
    f"{TYPE}add/": ("code", "one-more"),
    f"{TYPE}{CHANGE}": ("hint", "Another hint"),
    f"{CHORE}{CHANGE}": ("every", "day"),
    f"{CLOSURE}add/": ("reason", "Holiday"),
    f"{CLOSURE}{CHANGE}": ("reason", "Holiday"),
    f"{RULES}{CHANGE}": ("most_offers", "4"),
    f"{RETENTION}{CHANGE}": ("requests_days", "70"),
    f"{CLINIC}{CHANGE}": ("city", "Elsewhere"),
    f"{PERSON}add/": ("slug", "ben"),
    f"{PERSON}{CHANGE}": ("credentials", "DO"),
    f"{SERVICE}add/": ("slug", "newer"),
    f"{SERVICE}{CHANGE}": ("summary", "Another summary."),
    f"{PAGE}add/": ("slug", "newer"),
    f"{PAGE}{CHANGE}": ("title", "Another title"),
    f"{SAME}add/": ("language", "en"),
    f"{SAME}{CHANGE}": ("language", "es"),
    f"{PHOTO}add/": ("alt", "Another door"),
    f"{PHOTO}{CHANGE}": ("alt", "Another door"),
    f"{TRANSLATION}{CHANGE}": ("reviewed_by", "Ana Example"),
}
BY_THEMSELVES = {  # tested elsewhere
    f"{APPOINTMENT}phone/",
    f"{APPOINTMENT}<int:pk>/series/",
    CLOSING,
    "book/check/",
}


def test_every_form_with_a_key_is_tried_with_other_content():
    with_key = {route for route, why in repeats().items() if why == "key"}
    assert with_key - BY_THEMSELVES == set(CHANGED)


@pytest.mark.parametrize("route", CHANGED)
def test_other_content_is_refused_in_words_and_kept(world: World, route: str):
    client, data = WRITES[route](world)
    name, value = CHANGED[route]
    address = world.address(route)
    client.post(address, data)
    before = rows()

    again = client.post(address, data | {name: value})

    assert again.status_code == 200
    assert rows() == before
    assert "already sent, with other content" in html.unescape(again.text)
    form = form_at(again, address)
    assert form.filled_in[name] == [value]

    # What a browser does not fill in again.
    anew = {n: v for n, v in data.items() if "password" in n or n == "upload"}
    typed = form.filled_in | anew
    pressed = client.post(address, typed)
    if address.endswith("/add/"):  # it is meant, as a row of its own
        assert pressed.status_code == 302
        assert rows() != before
    else:  # its page shows what was there before
        assert f'<a href="{address}">Open it as it is now.</a>' in pressed.text
        assert rows() == before


def test_another_password_under_the_same_key_is_refused(world: World):
    client, data = WRITES[f"{USER}add/"](world)
    address = world.address(f"{USER}add/")
    client.post(address, data)
    other = dict.fromkeys(("password1", "password2"), NEW)

    again = client.post(address, data | other)

    assert "already sent, with other content" in html.unescape(again.text)
    assert User.objects.get(username="ana").check_password(PASSWORD)


def test_another_picture_under_the_same_key_is_refused(world: World):
    client, data = WRITES[f"{PHOTO}add/"](world)
    address = world.address(f"{PHOTO}add/")
    client.post(address, data)
    before = rows()

    other = Upload(factories.a_picture() + b" ")
    again = client.post(address, data | {"upload": other})

    assert "already sent, with other content" in html.unescape(again.text)
    assert rows() == before


def test_no_digest_is_made_of_a_password(world: World):
    digests = []
    before = list(FormKey.objects.values_list("pk", flat=True))
    for password in (PASSWORD, NEW):
        client, data = WRITES[f"{USER}add/"](world)
        data |= dict.fromkeys(("password1", "password2"), password)
        with taken_back(client):
            client.post(world.address(f"{USER}add/"), data)
            digests.append(FormKey.objects.exclude(pk__in=before).get().digest)
    assert digests[0] == digests[1]


def test_a_key_is_of_use_to_one_person_on_one_page(world: World):
    """Somebody who learns a key can neither read nor spoil what it stands for."""
    client, data = WRITES[f"{RESOURCE}add/"](world)
    client.post(world.address(f"{RESOURCE}add/"), data)
    stranger = world.client("manager")
    before = rows()
    again = stranger.post(world.address(f"{RESOURCE}add/"), data)
    assert "already sent, with other content" in html.unescape(again.text)
    assert rows() == before


def test_what_was_deleted_meanwhile_is_not_saved_again(world: World):
    for route in (f"{PAGE}add/", f"{CLOSURE}add/"):
        client, data = WRITES[route](world)
        client.post(world.address(route), data)
        model = "services.page" if route == f"{PAGE}add/" else "booking.closure"
        app, name = model.split(".")
        newest = max(row[0] for row in every_row()[f"{app}.{name.title()}"])
        client.post(f"/admin/{app}/{name}/{newest}/delete/", {"post": "yes"})
        before = rows()
        again = client.post(world.address(route), data, follow=True)
        assert "has been deleted since" in again.text
        assert rows() == before


def test_a_form_that_was_not_fit_may_be_mended_and_sent(world: World):
    client, data = WRITES[f"{RESOURCE}add/"](world)
    address = world.address(f"{RESOURCE}add/")
    before = rows()
    assert client.post(address, data | {"name": ""}).status_code == 200
    assert rows() == before
    assert client.post(address, data).status_code == 302


def test_a_form_without_a_key_is_saved_as_it_is(world: World):
    """Programs, and pages from before there were keys."""
    client, data = WRITES[f"{PAGE}add/"](world)
    for key in ({}, {once.FIELD: "x"}):
        sent = {n: v for n, v in data.items() if n != once.FIELD} | key
        with taken_back(client):
            assert client.post(world.address(f"{PAGE}add/"), sent).status_code == 302


def test_staff_are_told_kindly_that_it_is_saved_already(world: World):
    said = {
        f"{RESOURCE}add/": "“Room 9” is saved already. Nothing was saved twice.",
        f"{CLOSURE}add/": "“Training day” is saved already. Nothing was saved twice.",
    }
    for route, words in said.items():
        client, data = WRITES[route](world)
        client.post(world.address(route), data)
        assert words in client.post(world.address(route), data, follow=True).text


def test_a_window_of_its_own_closes_with_the_same_answer(world: World):
    for route, name in ((f"{RESOURCE}add/", "name"), (f"{RESOURCE}{CHANGE}", "name")):
        client, data = WRITES[route](world)
        window = data | {"_popup": "1", name: "Room 11" + route[-5:-1]}
        first = client.post(world.address(route), window)
        second = client.post(world.address(route), window)
        assert "data-popup-response" in first.text
        assert second.text == first.text


def test_a_second_click_on_a_bulk_act_answers_as_the_first(world: World):
    """The list shows what waits, so by then it no longer shows what was answered."""
    client, data = WRITES[APPOINTMENT](world)
    first = client.post(world.address(APPOINTMENT), data, follow=True)
    second = client.post(world.address(APPOINTMENT), data, follow=True)
    words = f"{world.mine.reference}: accepted for Tuesday, November 17, 10:00 AM."
    assert words in first.text
    assert words in second.text


def test_a_bulk_act_takes_only_what_was_ticked(world: World):
    unseen = factories.a_request(world.visit_type, factories.at("16:00"), now=NOW)
    client, data = WRITES[APPOINTMENT](world)
    client.post(world.address(APPOINTMENT), data | {"select_across": "1"})
    unseen.refresh_from_db()
    assert unseen.status == "pending"
