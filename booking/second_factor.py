"""A code from the phone beside the password, and codes on paper for when it is lost.

Source: RFC 6238, with SHA-1, six digits and 30 seconds, as every such app has them.
"""

import hashlib
import re
import secrets
from base64 import b32decode, b32encode
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import segno
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.contrib.auth.models import User
from django.db import transaction

from .models import RecoveryCode, SecondFactor

DIGITS = 6
STEP_SECONDS = 30
# How many steps the clock of a phone may be off.
DRIFT = 1
RECOVERY_CODES = 10
# In modules; a scanner needs four around the code (ISO/IEC 18004).
QUIET_ZONE = 4
# 80 bits, so that a plain digest of it tells nothing.
_RECOVERY_BYTES = 10


def new_secret() -> str:
    """Return a secret of 160 bits in base32, as people type it into an app."""
    return b32encode(secrets.token_bytes(20)).decode()


def in_fours(text: str) -> str:
    """Return a text in groups of four: ABCD EFGH."""
    return " ".join(re.findall("....", text))


def link(secret: str, account: str, issuer: str) -> str:
    """Return the address with which an app on this very device takes the secret."""
    found = _totp(secret).get_provisioning_uri(account, issuer)
    return found.replace("+", "%20")  # which some apps show as it stands


@dataclass(frozen=True, slots=True)
class QrCode:
    """A QR code for a template to draw: a square with its quiet zone, in modules.

    `path` is the `d` of an SVG path over all that is dark.
    """

    size: int
    path: str


def qr_code(text: str) -> QrCode:
    """Return the code that a camera reads as this text."""
    code = segno.make_qr(text, error="m")
    path = ""
    for y, row in enumerate(code.matrix, start=QUIET_ZONE):
        x = QUIET_ZONE
        for dark, run in groupby(row):
            width = len(list(run))
            if dark:
                path += f"M{x} {y}h{width}v1h-{width}z"
            x += width
    return QrCode(len(code.matrix) + 2 * QUIET_ZONE, path)


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the step whose code this is, at most `DRIFT` from the present one."""
    present = int(now.timestamp()) // STEP_SECONDS
    totp = _totp(secret)
    for step in range(present - DRIFT, present + DRIFT + 1):
        try:
            totp.verify(code.encode(), step * STEP_SECONDS)
        except InvalidToken:
            continue
        return step
    return None


def enrol(user: User, secret: str, code: str, *, now: datetime) -> list[str] | None:
    """Let the account sign in with this secret from now on, and with no other.

    Return new recovery codes, which are nowhere else; none when that was done before;
    None, with nothing written, for a code that is not the secret's.
    """
    step = step_of(secret, tidy(code), now)
    if step is None:
        return None
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        before = SecondFactor.objects.filter(user=user).first()
        if before and before.secret == secret:
            return []
        SecondFactor.objects.filter(user=user).delete()
        factor = SecondFactor.objects.create(
            user=user, secret=secret, since=now, last_step=step
        )
        return _new_codes(factor)


def renew_codes(user: User, newest: int | None) -> list[str]:
    """Return ten new recovery codes in place of those that there are.

    `newest` is the highest key of those on the page that asks: if there are others by
    now, it was sent twice, and the answer is empty.
    """
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().get(user=user)
        if newest_code(factor) != newest:
            return []
        factor.recovery_codes.all().delete()
        return _new_codes(factor)


def newest_code(factor: SecondFactor) -> int:
    """Return the highest key of the recovery codes."""
    return max(factor.recovery_codes.values_list("pk", flat=True), default=0)


def accept(user: User, typed: str, *, now: datetime) -> str:
    """Take a code; return what it was, "phone" or "paper", or "" for a wrong one.

    None is taken twice, whoever is at it at the same time.
    """
    factor = SecondFactor.objects.filter(user=user).first()
    if factor is None:
        return ""
    code = tidy(typed)
    step = step_of(factor.secret, code, now)
    if step is not None:
        newer = SecondFactor.objects.filter(pk=factor.pk, last_step__lt=step)
        return "phone" if newer.update(last_step=step) else ""
    unused = factor.recovery_codes.filter(digest=_digest(code), used_at=None)
    return "paper" if unused.update(used_at=now) else ""


def remove(user: User) -> bool:
    """Let the account sign in without; tell whether there was a second factor."""
    return bool(SecondFactor.objects.filter(user=user).delete()[0])


def tidy(typed: str) -> str:
    """Return a code without the blanks and dashes that make it easier to read."""
    return re.sub(r"[\s-]", "", typed).upper()


def _new_codes(factor: SecondFactor) -> list[str]:
    codes = [
        b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode()
        for _ in range(RECOVERY_CODES)
    ]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(factor=factor, digest=_digest(code)) for code in codes
    )
    return codes


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _totp(secret: str) -> TOTP:
    return TOTP(b32decode(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 -- the RFC's
