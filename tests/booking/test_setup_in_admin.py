"""A manager sets up in the admin what can be booked, and who works at the desk."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, time
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client

from booking import integrity
from booking.models import Closure, Resource, VisitType
from tests.factories import (
    CLINICIAN,
    NOW,
    ROOM,
    WEDNESDAY,
    a_booked_visit,
    a_clinic,
    a_clinician,
    a_closure,
    a_machine,
    a_practice,
    a_request,
    a_room,
    a_service,
    at,
)
from tests.records import closed_on, nothing_written

from .desk import said

# The acts commit on their own, inside the admin's views, too: nothing may wrap them.
pytestmark = pytest.mark.django_db(transaction=True)

RESOURCES = "/admin/booking/resource/"
TYPES = "/admin/booking/visittype/"
CLOSURES = "/admin/booking/closure/"
USERS = "/admin/auth/user/"


@pytest.fixture(autouse=True)
def monday_morning() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def sign_in(client: Client, group: str) -> User:
    call_command("load_groups", stdout=StringIO())
    user = User.objects.create_user(group.lower().replace(" ", "-"), is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)
    return user


@pytest.fixture
def manager(client: Client) -> Client:
    sign_in(client, "Manager")
    return client


def inline(prefix: str, *rows: dict[str, Any], initial: int = 0) -> dict[str, Any]:
    """Return what a form sends for its rows of an inline."""
    sent: dict[str, Any] = {
        f"{prefix}-TOTAL_FORMS": len(rows),
        f"{prefix}-INITIAL_FORMS": initial,
    }
    for n, row in enumerate(rows):
        sent |= {f"{prefix}-{n}-{name}": value for name, value in row.items()}
    return sent


def a_room_form(*hours: dict[str, Any], **values: Any) -> dict[str, Any]:
    defaults = {
        "kind": "room", "name": "Room 9", "is_active": "on", "order": 0,
        "buffer_before": 0, "buffer_after": 0,
    }  # fmt: skip
    return defaults | values | inline("hours", *hours)


MORNING = {"weekday": 0, "opens": "09:00", "closes": "13:00"}


def a_type_form(*requirements: dict[str, Any], **values: Any) -> dict[str, Any]:
    defaults = {
        "name": "New patient", "code": "new", "duration": 30, "buffer_before": 0,
        "buffer_after": 10, "step": 15, "lead_time": 60, "horizon": 30,
        "reply_promise": 480, "cutoff": 24, "is_active": "on", "order": 0,
    }  # fmt: skip
    rows = ({"count": 1} | requirement for requirement in requirements)
    return defaults | values | inline("requirements", *rows)


def a_closure_form(start: str, end: str, **values: Any) -> dict[str, Any]:
    """Return what the form of a closure sends; times as typed, in clinic time."""
    sent = {"reason": "Training day", "resource": ""}
    for name, typed in (("start", start), ("end", end)):
        sent[f"{name}_0"], _, sent[f"{name}_1"] = typed.partition(" ")
    return sent | values


TUESDAY_MORNING = ("2026-11-17 09:00", "2026-11-17 12:00")


def errors_of(response: HttpResponse) -> list[str]:
    found = re.findall(
        r'(?s)<ul class="errorlist[^"]*"[^>]*>(.*?)</ul>', response.content.decode()
    )
    return [html.unescape(re.sub(r"<[^>]+>", "", some)).strip() for some in found]


# --- Resources ---------------------------------------------------------------------


def test_a_manager_adds_a_room_with_its_hours(manager: Client) -> None:
    response = manager.post(f"{RESOURCES}add/", a_room_form(MORNING))
    assert response["Location"] == RESOURCES
    room = Resource.objects.get(name="Room 9")
    hours = room.hours.get()
    assert (room.kind, hours.weekday) == (ROOM, 0)
    assert (hours.opens, hours.closes) == (time(9), time(13))


def test_weekly_hours_are_told_by_the_clock_that_staff_read(manager: Client) -> None:
    manager.post(f"{RESOURCES}add/", a_room_form(MORNING))
    room = Resource.objects.get(name="Room 9")
    page = manager.get(f"{RESOURCES}{room.pk}/change/")
    assert "Monday 9:00 AM–1:00 PM" in words_of(page)


def test_a_manager_says_how_long_a_machine_is_cleaned(manager: Client) -> None:
    machine = {"kind": "machine", "name": "EMG", "buffer_before": 5}
    manager.post(f"{RESOURCES}add/", a_room_form(**machine, buffer_after=30))
    emg = Resource.objects.get(name="EMG")
    assert (emg.buffer_before, emg.buffer_after) == (5, 30)


@pytest.mark.parametrize("name", ["buffer_before", "buffer_after"])
def test_a_resource_that_needs_more_than_six_hours_is_refused_in_words(
    manager: Client, name: str
) -> None:
    with nothing_written():
        page = manager.post(f"{RESOURCES}add/", a_room_form(**{name: 361}))
    assert errors_of(page) == [
        "The minutes before and after a visit are at most 360 (6 hours)."
    ]
    assert manager.post(f"{RESOURCES}add/", a_room_form(**{name: 360}))["Location"]


def test_a_new_room_is_closed_with_the_clinic(manager: Client) -> None:
    a_closure(at("00:00"), at("00:00", WEDNESDAY))
    manager.post(f"{RESOURCES}add/", a_room_form())
    room = Resource.objects.get(name="Room 9")
    assert closed_on(room.pk) == [(at("00:00"), at("00:00", WEDNESDAY))]


@pytest.mark.parametrize(
    ("hours", "error"),
    [
        ({"closes": "08:00"}, "The end must be after the start."),
        (
            {"break_starts": "12:00"},
            "A break has a start and an end, both inside the hours.",
        ),
        (
            {"break_starts": "08:00", "break_ends": "10:00"},
            "A break has a start and an end, both inside the hours.",
        ),
        (
            {"valid_from": "2026-12-01", "valid_until": "2026-11-01"},
            "The last day must not be before the first.",
        ),
    ],
)
def test_hours_that_contradict_themselves_are_refused_in_words(
    manager: Client, hours: dict[str, str], error: str
) -> None:
    with nothing_written():
        page = manager.post(f"{RESOURCES}add/", a_room_form(MORNING | hours))
    assert page.status_code == 200
    assert error in errors_of(page)


def test_a_clinician_without_a_person_is_refused_in_words(manager: Client) -> None:
    person = a_clinician().clinician
    with nothing_written():
        for values in (
            {"kind": "clinician", "clinician": ""},
            {"kind": "room", "clinician": person and person.pk},
        ):
            page = manager.post(f"{RESOURCES}add/", a_room_form(**values))
            assert page.status_code == 200
            assert errors_of(page)


# --- Kinds of visit ----------------------------------------------------------------


def test_a_manager_adds_a_kind_of_visit_with_what_it_takes(manager: Client) -> None:
    service, machine = a_service(), a_machine()
    needs = [
        {"kind": "clinician"},
        {"kind": "room"},
        {"kind": "machine", "suitable": [machine.pk]},
    ]
    response = manager.post(f"{TYPES}add/", a_type_form(*needs, service=service.pk))
    assert response["Location"] == TYPES
    visit_type = VisitType.objects.get(code="new")
    assert [r.kind for r in visit_type.requirements.all()] == [
        "clinician", "room", "machine"
    ]  # fmt: skip
    named = visit_type.requirements.get(kind="machine").suitable.all()
    assert list(named) == [machine]


def test_a_manager_is_told_what_no_kind_of_visit_may_be_called(manager: Client) -> None:
    sent = a_type_form(service=a_service().pk, hint="The best care.")
    told = " ".join(said(manager.post(f"{TYPES}add/", sent, follow=True)))
    assert "Hint: “The best”. It says that we are better than others" in told


def test_a_manager_says_which_visits_need_a_referral_or_a_call(manager: Client) -> None:
    form = a_type_form({"kind": "room"}, service=a_service().pk)
    manager.post(f"{TYPES}add/", form)
    visit_type = VisitType.objects.get()
    assert not visit_type.needs_referral
    assert not visit_type.by_phone_only
    page = manager.get(f"{TYPES}{visit_type.pk}/change/").content.decode()
    assert "Online only for patients who say that they have a referral." in page
    assert "Shown online, but no times: patients are told to call." in page
    again = form | inline("requirements", {"kind": "room", "count": 1})
    manager.post(
        f"{TYPES}{visit_type.pk}/change/",
        again | {"needs_referral": "on", "by_phone_only": "on"},
    )
    visit_type.refresh_from_db()
    assert visit_type.needs_referral
    assert visit_type.by_phone_only


@pytest.mark.parametrize("name", ["duration", "step"])
def test_a_visit_of_no_length_or_step_is_refused_in_words(
    manager: Client, name: str
) -> None:
    form = a_type_form({"kind": "room"}, service=a_service().pk, **{name: 0})
    with nothing_written():
        page = manager.post(f"{TYPES}add/", form)
    assert "Length and step must be at least 1 minute." in errors_of(page)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"duration": 721}, "A visit is at most 720 minutes (12 hours) long."),
        (
            {"buffer_before": 361},
            "Set-up and clean-up are at most 360 minutes (6 hours) each.",
        ),
        (
            {"buffer_after": 361},
            "Set-up and clean-up are at most 360 minutes (6 hours) each.",
        ),
    ],
)
def test_lengths_that_no_reservation_holds_are_refused_in_words(
    manager: Client, values: dict[str, int], error: str
) -> None:
    form = a_type_form({"kind": "room"}, service=a_service().pk, **values)
    with nothing_written():
        page = manager.post(f"{TYPES}add/", form)
    assert errors_of(page) == [error]


def test_a_visit_may_take_a_certain_room_and_two_others(manager: Client) -> None:
    certain = a_room()
    needs = [
        {"kind": "room", "suitable": [certain.pk]},
        {"kind": "room", "count": 2},
    ]
    form = a_type_form(*needs, service=a_service().pk)
    assert manager.post(f"{TYPES}add/", form)["Location"] == TYPES
    first, second = VisitType.objects.get().requirements.all()
    assert (first.count, list(first.suitable.all())) == (1, [certain])
    assert (second.count, list(second.suitable.all())) == (2, [])
    assert [str(first), str(second)] == ["Room", "2 × Room"]


def test_a_requirement_of_nothing_is_refused_in_words(manager: Client) -> None:
    form = a_type_form({"kind": "room", "count": 0}, service=a_service().pk)
    with nothing_written():
        page = manager.post(f"{TYPES}add/", form)
    assert "A visit takes at least one of a kind." in errors_of(page)


# --- Closures ----------------------------------------------------------------------


def test_staff_close_the_clinic_in_clinic_time(client: Client) -> None:
    sign_in(client, "Front desk")
    a_practice()
    response = client.post(f"{CLOSURES}add/", a_closure_form(*TUESDAY_MORNING))
    assert response["Location"] == CLOSURES
    closure = Closure.objects.get()
    assert (closure.start, closure.end) == (at("09:00"), at("12:00"))
    for resource in Resource.objects.all():
        assert closed_on(resource.pk) == [(at("09:00"), at("12:00"))]
    page = client.get(f"{CLOSURES}{closure.pk}/change/").content.decode()
    assert 'value="2026-11-17"' in page
    assert 'value="09:00"' in page


def test_staff_are_told_which_booked_visits_lie_inside(manager: Client) -> None:
    visit_type = a_practice()
    inside = a_booked_visit(visit_type, at("10:00"))
    a_booked_visit(visit_type, at("14:00"))
    response = manager.post(f"{CLOSURES}add/", a_closure_form(*TUESDAY_MORNING))
    warning = said(response)[0]
    assert "One booked visit lies in this time and stays booked." in warning
    link = (
        f'<a href="/admin/booking/appointment/{inside.pk}/change/">'
        f"{inside.reference} (Tuesday, November 17, 10:00 AM)</a>"
    )
    assert warning.count("<a ") == 1
    assert link in warning


def test_a_closure_of_one_room_names_only_the_visits_in_it(manager: Client) -> None:
    visit_type = a_practice()
    a_booked_visit(visit_type, at("10:00"))
    other = a_room()
    form = a_closure_form(*TUESDAY_MORNING, resource=other.pk)
    response = manager.post(f"{CLOSURES}add/", form)
    assert [words for words in said(response) if "booked" in words] == []
    assert closed_on(other.pk) == [(at("09:00"), at("12:00"))]


def test_moving_a_closure_moves_the_time_that_it_holds(manager: Client) -> None:
    a_practice()
    closure = a_closure(at("09:00"), at("12:00"))
    form = a_closure_form("2026-11-18 09:00", "2026-11-18 12:00")
    manager.post(f"{CLOSURES}{closure.pk}/change/", form)
    room = Resource.objects.get(kind=ROOM)
    assert closed_on(room.pk) == [(at("09:00", WEDNESDAY), at("12:00", WEDNESDAY))]


def test_deleting_a_closure_opens_its_time(client: Client) -> None:
    sign_in(client, "Front desk")
    a_practice()
    closure = a_closure(at("09:00"), at("12:00"))
    path = f"{CLOSURES}{closure.pk}/delete/"
    with nothing_written():
        assert client.get(path).status_code == 200
    assert client.post(path, {"post": "yes"})["Location"] == CLOSURES
    assert not Closure.objects.exists()
    assert closed_on(Resource.objects.get(kind=CLINICIAN).pk) == []


def test_a_closure_that_ends_before_it_starts_is_refused_in_words(
    manager: Client,
) -> None:
    with nothing_written():
        page = manager.post(
            f"{CLOSURES}add/", a_closure_form(*reversed(TUESDAY_MORNING))
        )
    assert "The end must be after the start." in errors_of(page)


def test_a_closure_of_unreadable_times_is_refused_in_words(manager: Client) -> None:
    with nothing_written():
        page = manager.post(f"{CLOSURES}add/", a_closure_form("soon late", "x 25:00"))
    said = " ".join(errors_of(page))
    assert said.count("Enter a valid date.") == said.count("Enter a valid time.") == 2


# Clocks in New York went back on November 1, 2026, and go forward on March 14, 2027.
@pytest.mark.parametrize(
    ("start", "end", "closed"),
    [
        ("2026-11-01 01:30", "2026-11-01 12:00", ("05:30", "17:00")),
        ("2026-11-01 00:00", "2026-11-01 01:30", ("04:00", "06:30")),
        ("2027-03-14 02:30", "2027-03-14 12:00", ("06:30", "16:00")),
    ],
)
def test_a_time_that_the_clock_shows_twice_or_never_closes_what_it_may_mean(
    manager: Client, start: str, end: str, closed: tuple[str, str]
) -> None:
    a_practice()

    response = manager.post(f"{CLOSURES}add/", a_closure_form(start, end))

    assert response["Location"] == CLOSURES
    closure = Closure.objects.get()
    edges = [edge.astimezone(UTC) for edge in (closure.start, closure.end)]
    assert tuple(f"{edge:%H:%M}" for edge in edges) == closed


# --- What is in use ----------------------------------------------------------------


def words_of(response: HttpResponse) -> str:
    main = response.content.decode().partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def in_use() -> dict[str, tuple[Any, str]]:
    """Book a visit; return what it needs, and what says so, by address."""
    visit_type = a_practice()
    a_booked_visit(visit_type, at("10:00"))
    a_request(visit_type, at("11:00"))
    clinician = Resource.objects.get(kind=CLINICIAN)
    room = Resource.objects.get(kind=ROOM)
    return {
        RESOURCES: (clinician, "2 reservations"),
        f"{RESOURCES}?kind=room": (room, "2 reservations"),
        TYPES: (visit_type, "2 appointments"),
        "/admin/services/service/": (visit_type.service, "1 visit type"),
        "/admin/services/clinician/": (clinician.clinician, "1 resource"),
    }


def test_what_visits_need_is_kept_and_the_page_says_by_what_it_is_used(
    manager: Client,
) -> None:
    for path, (row, use) in in_use().items():
        one = f"{path.partition('?')[0]}{row.pk}/delete/"
        for ask in (manager.get, manager.post):
            for address in (one, f"{one}?_popup=1"):
                with nothing_written():
                    page = ask(address, {"post": "yes"})
                words = words_of(page)
                assert page.status_code == 200
                assert f"“{row}” is in use, so it stays: {use}" in words
                assert "instead" in words or "First look at the resource" in words
                assert "Yes, I’m sure" not in words


def test_many_of_which_one_is_in_use_are_all_kept(manager: Client) -> None:
    for path, (row, use) in in_use().items():
        chosen = {"action": "delete_selected", "_selected_action": row.pk}
        for confirmed in ({}, {"post": "yes"}):
            with nothing_written():
                page = manager.post(path.partition("?")[0], chosen | confirmed)
            assert page.status_code == 200
            words = words_of(page)
            assert f"Some of these are in use, so nothing was deleted: {use}" in words


def test_what_is_not_in_use_can_be_deleted(manager: Client) -> None:
    room = a_room()
    path = f"{RESOURCES}{room.pk}/delete/"
    assert "Are you sure" in words_of(manager.get(path))
    assert manager.post(path, {"post": "yes"})["Location"] == RESOURCES
    assert not Resource.objects.exists()


def test_a_closed_day_alone_keeps_nothing(manager: Client) -> None:
    a_clinic()
    rooms = [a_room(), a_room()]
    closure = a_closure(at("00:00"), at("23:59"))
    assert closure.reservations.count() == 2
    one = f"{RESOURCES}{rooms[0].pk}/delete/"
    assert "Are you sure" in words_of(manager.get(one))
    manager.post(one, {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": rooms[1].pk}
    manager.post(RESOURCES, chosen | {"post": "yes"})
    assert not Resource.objects.exists()
    assert closure.reservations.count() == 0
    assert integrity.faults(NOW) == []


# --- People ------------------------------------------------------------------------


def test_a_manager_gives_a_new_colleague_an_account(manager: Client) -> None:
    password = "a long walk by the river"  # noqa: S105 -- made up
    response = manager.post(
        f"{USERS}add/",
        {
            "username": "ana",
            "password1": password,
            "password2": password,
        },
    )
    ana = User.objects.get(username="ana")
    assert ana.is_staff
    path = f"{USERS}{ana.pk}/change/"
    assert response["Location"] == path
    front_desk = Group.objects.get(name="Front desk")
    manager.post(
        path,
        {
            "username": "ana",
            "is_active": "on",
            "is_staff": "on",
            "groups": [front_desk.pk],
            "is_superuser": "on",
            "user_permissions": [1],
        },
    )
    ana = User.objects.get(username="ana")
    assert (ana.is_staff, ana.is_superuser) == (True, False)
    assert not ana.user_permissions.exists()
    assert ana.has_perm("booking.answer_appointment")


def test_no_colleague_is_left_without_a_password(manager: Client) -> None:
    password = "a long walk by the river"  # noqa: S105 -- made up
    ana = User.objects.create_user("ana", is_staff=True, password=password)
    path = f"{USERS}{ana.pk}/password/"
    page = manager.get(path)
    assert "Choose a new password for ana" in page.text
    assert "authentication" not in page.text
    response = manager.post(path, {"usable_password": "false", "unset-password": "x"})
    assert response.status_code == 200
    assert "Fill this in." in response.text
    ana.refresh_from_db()
    assert ana.check_password(password)
    # Who has none gets one.
    ana.set_unusable_password()
    ana.save()
    manager.post(path, {"password1": password, "password2": password})
    ana.refresh_from_db()
    assert ana.check_password(password)


def test_nobody_edits_their_own_rights(client: Client) -> None:
    mia = sign_in(client, "Manager")
    front_desk = Group.objects.get(name="Front desk")
    client.post(
        f"{USERS}{mia.pk}/change/",
        {"username": mia.username, "first_name": "Mia", "groups": [front_desk.pk]},
    )
    mia.refresh_from_db()
    assert (mia.first_name, mia.is_active, mia.is_staff) == ("Mia", True, True)
    assert [group.name for group in mia.groups.all()] == ["Manager"]


def test_a_manager_neither_sees_nor_changes_a_superuser(manager: Client) -> None:
    root = User.objects.create_superuser("root")
    page = manager.get(USERS)
    assert ">Staff accounts</a>" in page.text
    listed = page.context["cl"].result_list
    assert [user.username for user in listed] == ["manager"]
    for path in (f"{USERS}{root.pk}/change/", f"{USERS}{root.pk}/password/"):
        response = manager.post(path, {"username": "mine", "password1": "x"})
        assert response.status_code in (302, 404)
    root.refresh_from_db()
    assert root.username == "root"


def test_accounts_and_groups_are_not_deleted_and_groups_not_edited(
    manager: Client,
) -> None:
    user = User.objects.get(username="manager")
    group = Group.objects.get(name="Front desk")
    for path in (
        f"{USERS}{user.pk}/delete/",
        f"/admin/auth/group/{group.pk}/delete/",
        f"/admin/auth/group/{group.pk}/change/",
        "/admin/auth/group/add/",
    ):
        assert manager.post(path, {"post": "yes", "name": "x"}).status_code == 403


def test_the_front_desk_neither_sets_up_nor_keeps_accounts(client: Client) -> None:
    sign_in(client, "Front desk")
    a_clinic()
    for path in (RESOURCES, TYPES, USERS, "/admin/services/service/"):
        assert client.get(path).status_code == 403
        assert client.get(f"{path}add/").status_code == 403
