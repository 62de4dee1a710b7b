"""Who gets what: every route, both methods, everybody who can ask."""

from pathlib import Path

import pytest
from django.contrib.auth.models import Group, Permission, User

from booking.models import Appointment
from tests.records import nothing_written

from .routes import ROLES, World, all_routes, every_row, taken_back
from .test_get_is_safe import writes

RIGHTS = Path(__file__).with_name("rights.txt")
# Who may not: sign in first, forbidden, no such page, no such method.
REFUSED = {403, 404, 405}

SIGNING_IN_AND_OUT = {"admin/login/", "admin/logout/"}

Answers = dict[tuple[str, str], list[int]]


@pytest.fixture
def world(shared_world: World) -> World:
    return shared_world


def expected() -> Answers:
    """Read the table: a line is a route, a method and a status for each of ROLES."""
    lines = RIGHTS.read_text().splitlines()[1:]
    words = [line.split() for line in lines]
    return {(w[0][1:], w[1]): [int(status) for status in w[2:]] for w in words}


def acts(world: World) -> dict[str, object]:
    """Return fields with which every button of staff and patients really acts."""
    return {
        "proposal": world.mine.proposals.get().pk,
        "seen_version": world.mine.version,
        "version": world.mine.version,
        "reason": "no_time",
        "act": "withdraw",
        "send": "1",
        "post": "yes",
        "action": "decline_selected",
        "_selected_action": world.mine.pk,
    }


def test_every_route_has_its_line_for_get_and_for_post():
    assert list(expected()) == [(r, m) for r in all_routes() for m in ("GET", "POST")]


@pytest.mark.either_database
@pytest.mark.parametrize("role", ROLES)
def test_each_person_gets_what_the_table_says(world: World, role: str):
    client = world.client(role)
    data = acts(world)
    column = ROLES.index(role)
    found: dict[tuple[str, str], int] = {}
    before = every_row()
    for route, method in expected():
        address = world.address(route)
        with taken_back(client), writes() as written:
            if method == "GET":
                found[route, method] = client.get(address).status_code
                continue
            response = client.post(address, data)
            found[route, method] = response.status_code
            to_sign_in = response.headers.get("Location", "").startswith("/admin/login")
            is_refused = response.status_code in REFUSED or to_sign_in
            if is_refused and written:
                assert every_row() == before, route
    assert found == {key: statuses[column] for key, statuses in expected().items()}


def test_staff_pages_lead_to_sign_in_who_is_not_signed_in(world: World):
    """The table's 302 says only that they lead away."""
    for role in ("anonymous", "link"):
        client = world.client(role)
        for route in all_routes():
            if route.startswith("admin/") and route not in SIGNING_IN_AND_OUT:
                with taken_back(client):
                    address = world.address(route)
                    there = client.get(address)["Location"]
                assert there.startswith("/admin/login/?next="), (role, route)


# --- Somebody with a link to one visit --------------------------------------------


NAMES = ["appointment", "visit", "pk", "id", "appointment_id", "token", "link"]


def test_a_link_shows_its_own_visit_whatever_the_address_adds(world: World):
    client = world.client("link")
    plain = client.get("/appointment/").content
    assert world.mine.reference in plain.decode()
    assert world.other.reference not in plain.decode()
    for name in NAMES:
        for value in (world.other.pk, world.other.reference):
            assert client.get("/appointment/", {name: value}).content == plain


def test_a_link_cancels_its_own_visit_whatever_the_form_adds(world: World):
    client = world.client("link")
    extra = dict.fromkeys(NAMES, world.other.pk) | {"version": world.mine.version}
    client.post("/appointment/cancellation/", extra)
    now = dict(Appointment.objects.values_list("pk", "status"))
    assert (now[world.mine.pk], now[world.other.pk]) == ("cancelled", "booked")
    assert list(now.values()).count("cancelled") == 1


def test_a_version_of_another_visit_cancels_nothing(world: World):
    client = world.client("link")
    assert world.other.version != world.mine.version
    data = {"version": world.other.version}
    with nothing_written():
        response = client.post("/appointment/cancellation/", data)
    assert response.status_code == 409


def test_a_link_opens_no_page_of_a_request_that_somebody_else_sent(world: World):
    response = world.client("link").get("/book/sent/")
    assert (response.status_code, response["Location"]) == (302, "/book/expired/")


def test_a_choice_of_another_visit_cannot_be_accepted_for_this_one(world: World):
    client = world.client("desk")
    foreign = world.other.proposals.get().pk
    data = {"proposal": foreign, "seen_version": world.mine.version}
    with nothing_written():
        client.post(f"/admin/booking/appointment/{world.mine.pk}/accept/", data)


# --- Staff who would like more than they have -------------------------------------


def account(user: User, **values: object) -> dict[str, object]:
    """Return the form of an account as it stands, with changes."""
    return {
        "username": user.username, "is_active": "on", "is_staff": "on",
        "groups": list(user.groups.values_list("pk", flat=True)),
    } | values  # fmt: skip


def rights(user: User) -> set[str]:
    return User.objects.get(pk=user.pk).get_all_permissions()


def test_a_manager_gives_no_right_that_no_form_offers(world: World):
    colleague = User.objects.get(username="colleague")
    right = Permission.objects.get(codename="change_group")
    response = world.client("manager").post(
        f"/admin/auth/user/{colleague.pk}/change/",
        account(colleague, is_superuser="on", user_permissions=[right.pk]),
    )
    colleague.refresh_from_db()
    assert (response.status_code, colleague.is_superuser) == (302, False)
    assert rights(colleague) == set()


def test_a_manager_gives_no_group_that_may_do_more(world: World):
    bigger = Group.objects.create(name="Bigger")
    bigger.permissions.add(Permission.objects.get(codename="change_group"))
    colleague = User.objects.get(username="colleague")
    response = world.client("manager").post(
        f"/admin/auth/user/{colleague.pk}/change/",
        account(colleague, groups=[bigger.pk]),
    )
    assert (response.status_code, rights(colleague)) == (200, set())


@pytest.mark.parametrize("page", ["change", "password", "history"])
def test_a_manager_reaches_no_account_that_may_do_more(world: World, page: str):
    bigger = User.objects.create_user("bigger", is_staff=True)
    bigger.user_permissions.add(Permission.objects.get(codename="change_group"))
    for user in (bigger, world.users["superuser"]):
        address = f"/admin/auth/user/{user.pk}/{page}/"
        response = world.client("manager").get(address)
        assert response.status_code in (302, 404)  # "perhaps it was deleted?"
        assert world.client("superuser").get(address).status_code == 200


def test_nobody_changes_their_own_rights(world: World):
    manager = world.users["manager"]
    before = rights(manager)
    everything = list(Group.objects.values_list("pk", flat=True))
    world.client("manager").post(
        f"/admin/auth/user/{manager.pk}/change/", account(manager, groups=everything)
    )
    assert rights(manager) == before


def test_an_account_made_inactive_is_out_at_once(world: World):
    client = world.client("desk")
    assert client.get("/admin/").status_code == 200
    User.objects.filter(username="desk").update(is_active=False)
    assert client.get("/admin/").status_code == 302
