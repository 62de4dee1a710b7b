"""Staff sign in with a password and a code; nobody can keep them out."""

import re
from datetime import timedelta
from html import unescape
from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings
from time_machine import Traveller

from booking import second_factor
from booking.models import Hit, SecondFactor
from tests.factories import NOW

from .desk import a_colleague, code_of, said, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LOGIN, CODE, DESK = "/admin/login/", "/admin/login/code/", "/admin/"
SETUP, CODES = "/admin/second-factor/setup/", "/admin/second-factor/codes/"
OVERVIEW = "/admin/second-factor/"
PASSWORD = "a long walk by the river"  # noqa: S105 -- made up
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 -- of the standard
MINUTE = timedelta(minutes=1)
ELSEWHERE = {"REMOTE_ADDR": "198.51.100.7"}


@pytest.fixture
def ana() -> User:
    user = a_colleague()
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def with_phone(ana: User) -> User:
    """Give Ana, who set up her phone an hour ago."""
    before = NOW - timedelta(hours=1)
    assert second_factor.enrol(ana, SECRET, code_of(SECRET, before), now=before)
    return ana


@pytest.fixture
def required(settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = "required"


def give_password(
    client: Client, password: str = PASSWORD, name: str = "ana", **extra: Any
) -> HttpResponse:
    data = {"username": name, "password": password, "next": DESK}
    return client.post(LOGIN, data, **extra)


def give_code(client: Client, code: str, **extra: Any) -> HttpResponse:
    return client.post(f"{CODE}?next={DESK}", {"code": code}, **extra)


def is_in(client: Client) -> bool:
    return client.get("/admin/password_change/").status_code == 200


# --- Two steps --------------------------------------------------------------------


def test_the_password_alone_is_enough_where_nothing_is_set_up(ana: User):
    client = Client()
    assert give_password(client)["Location"] == DESK
    assert is_in(client)


def test_what_is_wrong_has_the_focus_and_the_title_says_so(with_phone: User):
    """Also of one's own password, and of a colleague's."""
    half, manager = Client(), Client()
    give_password(half)
    manager.force_login(User.objects.create_superuser("eve"))
    own, anas = "/admin/password_change/", f"/admin/auth/user/{with_phone.pk}/password/"
    for client, path, wrong, says in (
        (Client(), LOGIN, {"username": "ana", "password": "x"}, "do not fit"),
        (Client(), LOGIN, {"username": "ana"}, "Type your password."),
        (half, CODE, {"code": "1"}, "That code is not right"),
        (manager, own, {"old_password": "x"}, "Your old password"),
        (manager, anas, {"password1": "x"}, "Fill this in."),
    ):
        page = client.get(path).text
        assert "<title>Error: " not in page
        assert page.count("autofocus") == 1
        page = client.post(path, wrong).text
        assert "<title>Error: " in page
        summary = page.partition('role="alert" tabindex="-1" autofocus>')[2]
        assert says in summary.partition("</ul>")[0], path
        assert page.count("autofocus") == 1


def test_with_a_phone_the_password_alone_opens_nothing(with_phone: User):
    client = Client()
    assert give_password(client)["Location"] == f"{CODE}?next=%2Fadmin%2F"
    assert not is_in(client)
    assert "Code from your phone" in text_of(client.get(CODE))
    response = give_code(client, code_of(SECRET, NOW))
    assert response["Location"] == DESK
    assert is_in(client)
    assert client.get(CODE)["Location"] == DESK


def test_a_wrong_code_says_so_and_can_be_tried_again(with_phone: User):
    client = Client()
    give_password(client)
    page = give_code(client, "")
    assert "Type the code." in text_of(page)
    page = give_code(client, "000 000 0")
    assert "That code is not right" in text_of(page)
    assert not is_in(client)
    give_code(client, code_of(SECRET, NOW))
    assert is_in(client)


def test_a_code_that_somebody_looked_at_is_of_no_use_again(with_phone: User):
    first, second = Client(), Client()
    for client in (first, second):
        give_password(client)
    give_code(first, code_of(SECRET, NOW))
    give_code(second, code_of(SECRET, NOW))
    assert is_in(first)
    assert not is_in(second)


def test_the_code_has_to_follow_within_ten_minutes(with_phone: User, clock: Traveller):
    client = Client()
    give_password(client)
    clock.shift(timedelta(minutes=11))
    response = give_code(client, code_of(SECRET, NOW + timedelta(minutes=11)))
    assert response["Location"] == f"{LOGIN}?next={DESK}"
    assert not is_in(client)


def test_without_a_password_there_is_no_page_for_a_code(with_phone: User):
    assert Client().get(CODE)["Location"] == f"{LOGIN}?next={DESK}"
    assert give_code(Client(), code_of(SECRET, NOW)).status_code == 302


def test_an_account_made_inactive_meanwhile_stays_out(with_phone: User):
    client = Client()
    give_password(client)
    User.objects.update(is_active=False)
    give_code(client, code_of(SECRET, NOW))
    assert not is_in(client)


def test_a_recovery_code_signs_in_once_and_is_written_down(ana: User):
    before = NOW - timedelta(hours=1)
    codes = second_factor.enrol(ana, SECRET, code_of(SECRET, before), now=before) or []
    client = Client()
    give_password(client)
    response = give_code(client, second_factor.in_fours(codes[0]))
    assert said(response) == ["You used a recovery code. 9 are left."]
    assert is_in(client)
    assert "recovery code" in LogEntry.objects.get().change_message
    other = Client()
    give_password(other)
    give_code(other, codes[0])
    assert not is_in(other)


def test_after_signing_in_one_is_where_one_wanted_to_be(with_phone: User):
    client = Client()
    asked = client.get("/admin/booking/closure/")["Location"]
    data = {"username": "ana", "password": PASSWORD, "next": "/admin/booking/closure/"}
    there = client.post(asked, data)["Location"]
    response = client.post(there, {"code": code_of(SECRET, NOW)})
    assert response["Location"] == "/admin/booking/closure/"


def test_who_may_not_see_a_page_goes_on_there_with_another_account(ana: User):
    client, wanted = Client(), "/admin/booking/resource/?kind=room&o=1"
    client.force_login(a_colleague("", username="eve", first_name="Eve"))
    refused = client.get(wanted)
    assert "You are signed in as Eve Demo" in text_of(refused)
    [sign_in] = re.findall(r'name="next" value="([^"]+)"', refused.text)
    there = client.post("/admin/logout/", {"next": unescape(sign_in)})["Location"]
    assert not is_in(client)
    data = {"username": "ana", "password": PASSWORD}
    assert client.post(there, data)["Location"] == wanted
    # A button that was refused is no page to come back to.
    client.force_login(User.objects.get(username="eve"))
    assert 'name="next"' not in client.post("/admin/booking/texts/").text


@pytest.mark.parametrize(
    "evil", ["//evil.example/", "https://evil.example/", "9", "x/y"]
)
def test_nobody_is_led_to_another_site(with_phone: User, evil: str):
    client = Client()
    data = {"username": "ana", "password": PASSWORD, "next": evil}
    assert client.post(LOGIN, data)["Location"] == f"{CODE}?next=%2Fadmin%2F"
    data = {"code": code_of(SECRET, NOW), "next": evil}
    assert client.post(f"{CODE}?next={evil}", data)["Location"] == DESK


def test_the_session_is_a_new_one_after_each_step(with_phone: User):
    client = Client()
    client.get("/book/")
    keys = []
    give_password(client)
    keys.append(client.cookies["session"].value)
    give_code(client, code_of(SECRET, NOW))
    keys.append(client.cookies["session"].value)
    assert len(set(keys)) == 2


# --- Setting up -------------------------------------------------------------------


@pytest.mark.usefixtures("required")
def test_who_has_to_set_up_is_led_there_first(ana: User):
    client = Client()
    give_password(client)
    for address in (DESK, "/admin/booking/appointment/", "/admin/password_change/"):
        assert client.get(address)["Location"] == SETUP
    page = client.get(SETUP)
    assert "sign-in here needs a code" in text_of(page)
    link = second_factor.link(secret_on(page), "ana", str(admin.site.site_header))
    assert second_factor.qr_code(link).path in page.text
    assert client.post("/admin/logout/").status_code == 200


def secret_on(page: HttpResponse) -> str:
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", page.text)
    assert found
    return found[1].replace(" ", "")


@pytest.mark.usefixtures("required")
def test_somebody_sets_up_a_phone_and_writes_down_the_codes(
    ana: User, clock: Traveller
):
    client = Client()
    give_password(client)
    secret = secret_on(client.get(SETUP))
    assert secret_on(client.get(SETUP)) == secret  # also when loaded again
    assert "does not fit" in text_of(client.post(SETUP, {"code": "12"}))
    code = code_of(secret, NOW)
    assert client.post(SETUP, {"code": code})["Location"] == CODES
    assert client.post(SETUP, {"code": code})["Location"] == CODES  # a double click
    assert SecondFactor.objects.get().secret == secret
    page = client.get(CODES)
    codes = re.findall(r"<li><code>([A-Z2-7 ]{19})</code>", page.text)
    assert len(codes) == 10
    assert page["Cache-Control"].count("no-store") == 1
    assert client.post(CODES)["Location"] == DESK
    assert client.get(CODES)["Location"] == OVERVIEW
    assert client.get(DESK).status_code == 200
    clock.shift(MINUTE)
    other = Client()
    give_password(other)
    give_code(other, codes[0])
    assert is_in(other)


def test_setting_up_ends_sessions_without(ana: User):
    old, new = Client(), Client()
    for client in (old, new):
        give_password(client)
    secret = secret_on(new.get(SETUP))
    new.post(SETUP, {"code": code_of(secret, NOW)})
    assert is_in(new)
    assert not is_in(old)


def test_the_session_keeps_no_secret_in_the_clear(ana: User):
    client = Client()
    give_password(client)
    secret = secret_on(client.get(SETUP))
    assert secret not in str(dict(client.session))
    client.post(SETUP, {"code": code_of(secret, NOW)})
    shown = re.findall(r"<li><code>(.{19})</code>", client.get(CODES).text)
    assert shown[0].replace(" ", "") not in str(dict(client.session))


def test_a_new_phone_and_new_codes(with_phone: User, clock: Traveller):
    client = Client()
    give_password(client)
    give_code(client, code_of(SECRET, NOW))
    page = client.get(OVERVIEW)
    assert "10 recovery codes are left." in text_of(page)
    newest = re.search(r'name="newest" value="(\d+)"', page.text)[1]
    assert client.post(OVERVIEW, {"newest": newest})["Location"] == CODES
    before = client.get(CODES).text
    client.post(OVERVIEW, {"newest": newest})
    assert re.findall("<li>.*", client.get(CODES).text) == re.findall("<li>.*", before)
    secret = secret_on(client.get(SETUP))
    clock.shift(MINUTE)
    client.post(SETUP, {"code": code_of(secret, NOW + MINUTE)})
    assert is_in(client)
    assert SecondFactor.objects.get().secret == secret != SECRET


# --- When a phone is lost ---------------------------------------------------------


def test_a_manager_resets_a_colleague_who_is_out_at_once(
    with_phone: User, manager: Client
):
    client = Client()
    give_password(client)
    give_code(client, code_of(SECRET, NOW))
    account = f"/admin/auth/user/{with_phone.pk}/change/"
    reset = f"/admin/auth/user/{with_phone.pk}/second-factor/"
    assert f'href="{reset}"' in manager.get(account).text
    assert "Be sure that it is really them" in text_of(manager.get(reset))
    assert SecondFactor.objects.exists()
    response = manager.post(reset)
    assert response["Location"] == account
    assert said(response) == ["ana signs in with the password alone, once."]
    assert not SecondFactor.objects.exists()
    assert not is_in(client)
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("mia", str(with_phone.pk))
    assert entry.change_message == "Reset two-step sign-in."
    manager.post(reset)
    assert LogEntry.objects.count() == 1
    assert give_password(client)["Location"] == DESK


def test_nobody_else_resets_anything(with_phone: User, desk_of_ben: Client):
    reset = f"/admin/auth/user/{with_phone.pk}/second-factor/"
    assert desk_of_ben.post(reset).status_code == 403
    superuser = User.objects.create_superuser("root")
    assert second_factor.enrol(superuser, SECRET, code_of(SECRET, NOW), now=NOW)
    mia = Client()
    mia.force_login(a_colleague("Manager", username="mia"))
    for user in (superuser, User.objects.get(username="mia")):
        found = mia.post(f"/admin/auth/user/{user.pk}/second-factor/")
        assert found.status_code == 404
    assert SecondFactor.objects.count() == 2


@pytest.fixture
def desk_of_ben() -> Client:
    client = Client()
    client.force_login(a_colleague(username="ben"))
    return client


def test_the_last_manager_is_let_in_from_the_server(with_phone: User):
    out = StringIO()
    call_command("reset_second_factor", "ana", stdout=out)
    call_command("reset_second_factor", "ana", stdout=out)
    assert "is reset." in out.getvalue()
    assert "had no two-step sign-in." in out.getvalue()
    with pytest.raises(CommandError, match="no account"):
        call_command("reset_second_factor", "nobody")


# --- Too often --------------------------------------------------------------------


def statuses(times: int, name: str = "ana", **extra: Any) -> list[int]:
    return [
        give_password(Client(), "wrong", name, **extra).status_code
        for _ in range(times)
    ]


def test_who_guesses_waits_longer_and_longer(ana: User, clock: Traveller):
    assert statuses(7) == [200] * 5 + [429] * 2
    page = give_password(Client())  # even with the right one
    assert (page.status_code, page["Retry-After"]) == (429, "61")
    words = text_of(page)
    assert "Too many tries from here. Wait 1 minute, then try again." in words
    assert "(212) 555-0143" in words
    assert 'value="ana"' in page.text
    clock.shift(MINUTE)
    assert statuses(6) == [200] * 5 + [429]
    clock.shift(MINUTE)
    page = give_password(Client())
    assert "Wait 13 minutes, then try again." in text_of(page)
    clock.shift(timedelta(minutes=13))
    assert give_password(Client()).status_code == 302


def test_right_passwords_do_not_count(ana: User):
    assert [give_password(Client()).status_code for _ in range(30)] == [302] * 30
    assert list(Hit.objects.filter(count__gt=0)) == []


def test_guessing_elsewhere_keeps_nobody_out(ana: User):
    assert statuses(8, **ELSEWHERE)[-1] == 429
    assert give_password(Client()).status_code == 302


def test_one_address_cannot_go_through_all_accounts(ana: User):
    found = [statuses(1, f"name{n}")[0] for n in range(25)]
    assert found == [200] * 20 + [429] * 5


def test_strangers_at_our_own_address_keep_no_colleague_out(
    ana: User, clock: Traveller
):
    """A guest in the waiting room has the same address as the front desk."""
    known = Client()
    assert give_password(known).status_code == 302
    known.post("/admin/logout/")
    assert statuses(8)[-1] == 429
    for n in range(20):
        statuses(1, f"name{n}")
    assert give_password(Client()).status_code == 429
    assert give_password(known).status_code == 302
    # It is counted by itself, and for the accounts that it knows alone.
    assert [give_password(known, "x").status_code for _ in range(6)][-1] == 429
    assert give_password(known, "x", "other").status_code == 429


def test_a_cookie_that_somebody_made_up_is_no_known_browser(ana: User):
    client = Client()
    for value in ("x", "e30:1x:y", ""):
        client.cookies["known"] = value
        assert give_password(client, "wrong").status_code == 200
    known = Client()
    give_password(known)
    cookie = known.cookies["known"]
    assert "ana" not in cookie.value
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_codes_cannot_be_guessed_for_long(with_phone: User, clock: Traveller):
    client = Client()
    give_password(client)
    found = [give_code(client, f"{n:06}").status_code for n in range(7)]
    assert found == [200] * 5 + [429] * 2
    page = give_code(client, code_of(SECRET, NOW))
    assert page.status_code == 429
    assert "Too many tries from here." in text_of(page)
    assert not is_in(client)
    clock.shift(MINUTE)
    assert give_code(client, code_of(SECRET, NOW + MINUTE)).status_code == 302


class Counting(MD5PasswordHasher):
    """A hasher that counts how often it does its work."""

    algorithm = "counting"
    done = 0

    def encode(self, password: str, salt: str) -> str:
        Counting.done += 1
        return super().encode(password, salt)


def test_an_unknown_account_looks_and_costs_like_a_wrong_password(
    ana: User, settings: Settings
):
    settings.PASSWORD_HASHERS = [f"{__name__}.Counting"]
    ana.set_password(PASSWORD)
    ana.save()
    ben = a_colleague(username="ben", is_active=False)
    ben.set_password(PASSWORD)
    ben.save()
    User.objects.create_user("not-staff", password=PASSWORD)
    seen = set()
    for name, password in (
        ("ana", "wrong"), ("unknown", "wrong"), ("ben", PASSWORD),
        ("not-staff", PASSWORD),
    ):  # fmt: skip
        Counting.done = 0
        page = give_password(Client(), password, name)
        seen.add((page.status_code, text_of(page), Counting.done))
    assert len(seen) == 1


# --- What a password must be --------------------------------------------------------


def test_each_rule_of_passwords_says_how_to_go_on(ana: User):
    client = Client()
    client.force_login(ana)
    page = text_of(client.get("/admin/password_change/"))
    assert "At least 8 characters. A few words in a row are easy to keep." in page
    assert "Your password" not in page
    data = {"old_password": PASSWORD, "new_password1": "123", "new_password2": "123"}
    said_of_it = text_of(client.post("/admin/password_change/", data))
    assert "Make it longer: at least 8 characters." in said_of_it
    assert "Many people use that password" in said_of_it
    assert "Use letters, too" in said_of_it
