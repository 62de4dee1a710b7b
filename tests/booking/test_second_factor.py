"""Codes from a phone and on paper: each is taken once, and only near its time."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import segno
from django.contrib.auth.models import User
from django.db import connection

from booking import second_factor
from booking.models import RecoveryCode, SecondFactor
from booking.second_factor import accept, enrol, renew_codes, step_of
from tests.factories import NOW

from .desk import code_of

# Source: RFC 6238, appendix B, the last six of the eight digits.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 -- of the RFC
RFC_CODES = {
    59: "287082", 1111111109: "081804", 1111111111: "050471",
    1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
}  # fmt: skip
STEP = timedelta(seconds=30)


@pytest.mark.parametrize(("seconds", "code"), RFC_CODES.items())
def test_codes_are_those_of_the_standard(seconds: int, code: str):
    at = datetime.fromtimestamp(seconds, UTC)
    assert step_of(RFC_SECRET, code, at) == seconds // 30


def test_the_picture_is_that_of_the_link_with_its_quiet_zone():
    link = second_factor.link(RFC_SECRET, "ana", "Demo Clinic")
    assert "issuer=Demo%20Clinic" in link
    drawn = second_factor.qr_code(link)
    dark = {
        (x, int(y))
        for left, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", drawn.path)
        for x in range(int(left), int(left) + int(width))
    }
    rows = list(segno.make_qr(link, error="m").matrix_iter(border=4))
    assert drawn.size == len(rows)
    assert dark == {
        (x, y) for y, row in enumerate(rows) for x, on in enumerate(row) if on
    }


@pytest.mark.parametrize("steps", range(-3, 4))
def test_the_clock_of_a_phone_may_be_one_step_off(steps: int):
    code = code_of(RFC_SECRET, NOW + steps * STEP)
    assert (step_of(RFC_SECRET, code, NOW) is not None) is (abs(steps) <= 1)


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "abcdef", "²³¹²³¹", "١٢٣٤٥٦", "\0", "x" * 9999]
)
def test_what_is_no_code_is_none(typed: str):
    assert step_of(RFC_SECRET, typed, NOW) is None


@pytest.fixture
def ana(db: None) -> User:
    return User.objects.create_user("ana", is_staff=True)


@pytest.fixture
def secret() -> str:
    return second_factor.new_secret()


def test_a_secret_is_as_long_as_the_standard_wants(secret: str):
    assert len(secret) == 32
    assert second_factor.new_secret() != secret
    assert second_factor.in_fours(secret).count(" ") == 7
    there = second_factor.link(secret, "ana", "43rd St.")
    assert there.startswith("otpauth://totp/43rd%20St.:ana?")
    assert f"secret={secret}" in there


def test_a_wrong_code_sets_nothing_up(ana: User, secret: str):
    wrong = f"{(int(code_of(secret, NOW)) + 1) % 10**6:06}"
    if step_of(secret, wrong, NOW) is None:
        assert enrol(ana, secret, wrong, now=NOW) is None
    assert enrol(ana, secret, "", now=NOW) is None
    assert not SecondFactor.objects.exists()


def test_a_code_is_taken_once(ana: User, secret: str):
    enrol(ana, secret, code_of(secret, NOW), now=NOW)
    assert accept(ana, code_of(secret, NOW), now=NOW) == ""  # it set things up
    later = NOW + 4 * STEP
    code = code_of(secret, later)
    assert accept(ana, f"{code[:3]} {code[3:]}", now=later) == "phone"
    assert accept(ana, code, now=later) == ""
    assert accept(ana, code_of(secret, later - STEP), now=later) == ""
    assert accept(ana, code_of(secret, later + STEP), now=later) == "phone"


def test_a_recovery_code_is_taken_once(ana: User, secret: str):
    codes = enrol(ana, secret, code_of(secret, NOW), now=NOW)
    assert codes
    assert len(set(codes)) == 10
    typed = second_factor.in_fours(codes[3]).lower().replace(" ", "-")
    assert accept(ana, typed, now=NOW) == "paper"
    assert accept(ana, typed, now=NOW) == ""
    assert accept(ana, codes[4], now=NOW) == "paper"
    assert RecoveryCode.objects.filter(used_at=None).count() == 8


def test_the_tables_hold_neither_secret_nor_codes(ana: User, secret: str):
    codes = enrol(ana, secret, code_of(secret, NOW), now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM booking_secondfactor")
        stored = str(cursor.fetchall())
        cursor.execute("SELECT digest FROM booking_recoverycode")
        stored += str(cursor.fetchall())
    for hidden in (secret, *(codes or ["-"])):
        assert hidden not in stored


def test_a_new_phone_takes_the_place_of_the_old(ana: User, secret: str):
    old = enrol(ana, secret, code_of(secret, NOW), now=NOW) or []
    before = SecondFactor.objects.get()
    other = second_factor.new_secret()
    later = NOW + 10 * STEP
    enrol(ana, other, code_of(other, later), now=later)
    assert SecondFactor.objects.get().pk != before.pk
    at = later + 10 * STEP
    assert accept(ana, code_of(secret, at), now=at) == ""
    assert accept(ana, old[0], now=at) == ""
    assert accept(ana, code_of(other, at), now=at) == "phone"


def test_setting_up_twice_is_setting_up_once(ana: User, secret: str):
    code = code_of(secret, NOW)
    assert enrol(ana, secret, code, now=NOW)
    before = list(RecoveryCode.objects.values())
    assert enrol(ana, secret, code, now=NOW) == []
    assert list(RecoveryCode.objects.values()) == before


def test_new_recovery_codes_end_the_old_ones(ana: User, secret: str):
    old = enrol(ana, secret, code_of(secret, NOW), now=NOW) or []
    newest = second_factor.newest_code(SecondFactor.objects.get())
    new = renew_codes(ana, newest)
    assert len(new) == 10
    assert renew_codes(ana, newest) == []  # a double click
    assert accept(ana, old[0], now=NOW) == ""
    assert accept(ana, new[0], now=NOW) == "paper"


def test_somebody_elses_codes_are_of_no_use(ana: User, secret: str):
    ben = User.objects.create_user("ben", is_staff=True)
    codes = enrol(ana, secret, code_of(secret, NOW), now=NOW) or []
    other = second_factor.new_secret()
    enrol(ben, other, code_of(other, NOW), now=NOW)
    later = NOW + 10 * STEP
    assert accept(ben, codes[0], now=later) == ""
    assert accept(ben, code_of(secret, later), now=later) == ""


def test_an_account_without_takes_no_code(ana: User):
    assert accept(ana, "123456", now=NOW) == ""
    assert second_factor.remove(ana) is False
