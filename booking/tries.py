"""Who has tried too often to sign in, without ever locking an account.

Tries are counted for an address and an account together, and for an address. Never for
an account alone: then anybody who knows its name could keep its owner out. A browser
from which an account has signed in before carries a signed cookie and is counted by
itself, so that strangers at the clinic's own address cannot shut the clinic out either.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from clinic_site.client import client_address

from . import limits

COOKIE = "__Host-known" if settings.HTTPS else "known"
KEPT = timedelta(days=90)
# Of one browser that several people share, the latest.
MOST_ACCOUNTS = 20
_SALT = "booking.known-browser"


class Tries:
    """How often an account was tried from where this request comes from."""

    def __init__(self, request: HttpRequest, account: str, what: str) -> None:
        """Count tries of `what`, "password" or "code"."""
        browser = known_browser(request, account)
        place = browser or client_address(request)
        self.counted = [(limits.SIGN_INS_TO_ACCOUNT, f"{what}\n{place}\n{account}")]
        if not browser:
            self.counted.append((limits.SIGN_INS_BY_ADDRESS, place))

    def begin(self, now: datetime) -> timedelta:
        """Count one more and return zero; or return how long to wait first."""
        longest = self._wait(now)
        if longest:
            return longest
        within = [limits.allows(caps, key, now=now) for caps, key in self.counted]
        # Several at the same moment: the last of them are over the limit.
        return timedelta() if all(within) else self._wait(now)

    def _wait(self, now: datetime) -> timedelta:
        return max(limits.wait(caps, key, now=now) for caps, key in self.counted)

    def take_back(self, now: datetime) -> None:
        """Undo the count of `begin`, made at the same `now`: it was right."""
        for caps, key in self.counted:
            limits.take_back(caps, key, now=now)


def remember_browser(
    request: HttpRequest, response: HttpResponse, account: str
) -> None:
    """Let the browser show next time that this account has signed in from it."""
    known = _read(request)
    accounts = [a for a in known.get("accounts", []) if a != _mark(account)]
    value = {
        "browser": known.get("browser") or secrets.token_urlsafe(16),
        "accounts": [_mark(account), *accounts][:MOST_ACCOUNTS],
    }
    response.set_cookie(
        COOKIE,
        signing.dumps(value, salt=_SALT),
        max_age=int(KEPT.total_seconds()),
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


def known_browser(request: HttpRequest, account: str) -> str:
    """Return the name of a browser from which the account has signed in, or ""."""
    known = _read(request)
    if _mark(account) not in known.get("accounts", []):
        return ""
    return str(known["browser"])


def _read(request: HttpRequest) -> dict[str, Any]:
    try:
        found = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=KEPT)
    except signing.BadSignature:
        return {}
    return found if isinstance(found, dict) else {}


def _mark(account: str) -> str:
    """Return what stands for an account in the cookie, which names nobody."""
    digest = salted_hmac(_SALT, account.casefold(), algorithm="sha256")
    return digest.hexdigest()[:16]
