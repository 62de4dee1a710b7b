"""Before rights change, staff show once more who they are; nothing typed is lost."""

import html
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client
from time_machine import Traveller

from booking import second_factor
from tests.factories import NOW
from tests.security.pages import Form, forms_on

from .conftest import signed_in
from .desk import a_colleague, code_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

PASSWORD = "a long walk by the river"  # noqa: S105 -- made up
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 -- of the standard
USERS, GROUPS = "/admin/auth/user/", "/admin/auth/group/"
LATER = timedelta(minutes=11)
TITLE = "Confirm that it is you"


@pytest.fixture
def mia() -> User:
    user = a_colleague("Manager", username="mia")
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def client(mia: User) -> Client:
    return signed_in(mia)


@pytest.fixture
def ben() -> User:
    return a_colleague(username="ben", first_name="Ben")


def form_on(page: HttpResponse, address: str) -> Form:
    (form,) = [f for f in forms_on(page.text, address) if f.address == address]
    return form


def confirm(
    client: Client, page: HttpResponse, address: str, password: str = PASSWORD, code=""
) -> HttpResponse:
    assert TITLE in page.text
    data = form_on(page, address).filled_in
    data |= {"confirm_password": [password], "confirm_code": [code]}
    return client.post(address, data)


def test_right_after_signing_in_nothing_is_asked(client: Client, ben: User):
    for address in (f"{USERS}{ben.pk}/change/", f"{USERS}add/"):
        assert TITLE not in client.get(address).text


def test_later_the_form_comes_after_the_password(
    client: Client, ben: User, clock: Traveller
):
    clock.shift(LATER)
    address = f"{USERS}{ben.pk}/change/?_changelist_filters=o%3D1"
    page = client.get(address)
    assert TITLE in page.text
    assert "What you typed is kept." not in page.text
    data = form_on(page, f"{USERS}{ben.pk}/change/").filled_in
    response = client.post(address, data | {"confirm_password": PASSWORD})
    assert response["Location"] == address
    assert "Ben" in client.get(address).text
    clock.shift(timedelta(minutes=9))
    assert TITLE not in client.get(address).text


def test_what_was_typed_survives_the_question(
    client: Client, ben: User, clock: Traveller
):
    address = f"{USERS}{ben.pk}/change/"
    typed = form_on(client.get(address), address).filled_in
    typed |= {"first_name": ["Bénédict & <sons>"], "last_name": ["Ñ" * 40]}
    clock.shift(LATER)
    page = client.post(address, typed)
    assert "What you typed is kept." in text_of(page)
    assert "sons" not in page.text
    ben.refresh_from_db()
    assert ben.first_name == "Ben"
    response = confirm(client, page, address)
    assert response["Location"] == USERS
    ben.refresh_from_db()
    assert (ben.first_name, ben.last_name) == ("Bénédict & <sons>", "Ñ" * 40)
    # A double click on "Go on" saves once, and answers the same.
    data = form_on(page, address).filled_in | {"confirm_password": [PASSWORD]}
    again = client.post(address, data, follow=True)
    assert "is saved already" in text_of(again)


def test_a_wrong_password_is_told_and_what_was_typed_stays(
    client: Client, ben: User, clock: Traveller
):
    address = f"{USERS}{ben.pk}/change/"
    typed = form_on(client.get(address), address).filled_in
    typed |= {"first_name": ["Benno"]}
    clock.shift(LATER)
    page = client.post(address, typed)
    for wrong, words in (("", "Type your password."), ("x", "not your password")):
        page = confirm(client, page, address, wrong)
        assert words in text_of(page)
    ben.refresh_from_db()
    assert ben.first_name == "Ben"
    confirm(client, page, address)
    ben.refresh_from_db()
    assert ben.first_name == "Benno"


def test_who_guesses_has_to_wait(client: Client, ben: User, clock: Traveller):
    address = f"{USERS}{ben.pk}/change/"
    clock.shift(LATER)
    page = client.get(address)
    found = [confirm(client, page, address, "x").status_code for _ in range(6)]
    assert found == [200] * 5 + [429]
    page = confirm(client, page, address)
    assert "Too many tries from here." in text_of(page)
    clock.shift(timedelta(minutes=1))
    assert confirm(client, page, address).status_code == 302


def test_with_a_phone_the_code_is_asked_too(mia: User, ben: User, clock: Traveller):
    assert second_factor.enrol(mia, SECRET, code_of(SECRET, NOW), now=NOW)
    client = signed_in(mia)
    session = client.session
    session["second_factor"] = mia.second_factor.pk
    session.save()
    clock.shift(LATER)
    address, now = f"{USERS}{ben.pk}/change/", NOW + LATER
    page = client.get(address)
    page = confirm(client, page, address, code="123456")
    assert "That code is not right" in text_of(page)
    code = code_of(SECRET, now)
    page = confirm(client, page, address, "x", code)  # which leaves the code good
    assert confirm(client, page, address, code=code).status_code == 302


@pytest.mark.parametrize("carried", ["", "x", "enc1:x", None])
def test_what_cannot_be_read_is_dropped_for_the_page_itself(
    client: Client, ben: User, clock: Traveller, carried: str | None
):
    """Also what another page, or somebody else, was to carry."""
    address = f"{USERS}{ben.pk}/change/"
    if carried is None:
        clock.shift(LATER)
        other = client.post(f"{USERS}add/", {"username": "eve"})
        carried = re.search('name="confirm_carried" value="([^"]+)"', other.text)[1]
    clock.shift(LATER)
    data = {"confirm_carried": html.unescape(carried), "confirm_password": PASSWORD}
    assert client.post(address, data)["Location"] == address
    assert not User.objects.filter(username="eve").exists()


def test_what_was_typed_is_carried_for_an_hour(
    client: Client, ben: User, clock: Traveller
):
    address = f"{USERS}{ben.pk}/password/"
    clock.shift(LATER)
    page = client.post(
        address,
        {"password1": "not this", "password2": "not this"},
    )
    assert "not this" not in page.text
    clock.shift(timedelta(minutes=61))
    assert confirm(client, page, address)["Location"] == address
    assert not User.objects.get(username="ben").check_password("not this")


def test_every_change_of_accounts_and_groups_asks(
    mia: User, ben: User, clock: Traveller
):
    group = Group.objects.create(name="Spare")
    root = User.objects.create_superuser("root", password=PASSWORD)
    client = signed_in(root)
    clock.shift(LATER)
    pages = [
        f"{USERS}add/", f"{USERS}{ben.pk}/change/", f"{USERS}{ben.pk}/password/",
        f"{USERS}{ben.pk}/second-factor/", f"{GROUPS}add/",
        f"{GROUPS}{group.pk}/change/", f"{GROUPS}{group.pk}/delete/",
    ]  # fmt: skip
    for address in pages:
        assert TITLE in client.get(address).text, address
        assert TITLE in client.post(address, {"post": "yes"}).text, address
    many = {"action": "delete_selected", "_selected_action": group.pk, "post": "yes"}
    page = client.post(GROUPS, many)
    assert TITLE in page.text
    assert Group.objects.filter(name="Spare").exists()
    assert confirm(client, page, GROUPS).status_code == 302
    assert not Group.objects.filter(name="Spare").exists()


def test_reading_asks_nothing(client: Client, ben: User, clock: Traveller):
    clock.shift(LATER)
    group = Group.objects.earliest("pk")
    for address in (USERS, GROUPS, f"{GROUPS}{group.pk}/change/", "/admin/"):
        page = client.get(address)
        assert (page.status_code, TITLE in page.text) == (200, False), address


def test_who_may_not_is_refused_and_not_asked(ben: User, clock: Traveller):
    client = signed_in(ben)
    clock.shift(LATER)
    for address in (f"{USERS}add/", f"{GROUPS}add/", f"{USERS}{ben.pk}/password/"):
        assert client.get(address).status_code == 403
        assert client.post(address, {"username": "x"}).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_tries_are_counted_outside_of_any_transaction(
    client: Client, ben: User, clock: Traveller
):
    clock.shift(LATER)
    for address in (
        f"{USERS}add/", f"{USERS}{ben.pk}/change/", f"{USERS}{ben.pk}/password/",
        f"{USERS}{ben.pk}/second-factor/",
    ):  # fmt: skip
        page = confirm(client, client.get(address), address, "x")
        assert "not your password" in text_of(page), address
