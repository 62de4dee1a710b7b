"""The last click of a request, over HTTP: everything is typed, and is now sent."""

import re
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPResponse
from importlib import import_module
from itertools import product
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from booking import clock, draft
from booking.draft import Draft
from booking.models import VisitType

from .timing import Timed, timed

CSRF = "x" * 32
SEEN = re.compile(r'name="seen" value="([^"]+)"')
# The headers and the body that a browser sends.
Click = tuple[dict[str, str], str]
# Reserved for fiction, in the area codes of New York. None may ask very often.
PHONES = [
    f"{area} 555 {number:04}"
    for number, area in product(
        range(100, 200), (212, 347, 646, 718, 917, 929, 332, 516, 914)
    )
]


def last_clicks(url: str, visit_type: VisitType, starts: Sequence[datetime]) -> Timed:
    """Time the last click of a patient for each of the starts, one after the other."""
    clicks = [_a_click(visit_type, start, n) for n, start in enumerate(starts)]
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=60)) as browser:

        def ask(method: str, headers: dict[str, str], body: str = "") -> HTTPResponse:
            browser.request(method, "/book/check/", body, headers)
            return browser.getresponse()

        def look(headers: dict[str, str]) -> Click:
            text = ask("GET", headers).read().decode()
            seen = SEEN.search(text)
            assert seen, text
            body = {"csrfmiddlewaretoken": CSRF, "seen": seen[1]}
            return headers, urlencode(body)

        def press(headers: dict[str, str], body: str) -> None:
            response = ask("POST", headers, body)
            text = response.read().decode()
            there = response.headers["Location"]
            assert (response.status, there) == (302, "/book/sent/"), text

        left = iter([look(headers) for headers in clicks])
        return timed(lambda: press(*next(left)), len(clicks) - 1)


def _a_click(visit_type: VisitType, start: datetime, number: int) -> dict[str, str]:
    """Fill in all pages for a patient; return the headers that their browser sends."""
    typed = {
        "visit": {"visit": visit_type.code},
        "times": {"start": start.isoformat(), "clinician": ""},
        "other-times": {},
        "about": {
            "for_whom": "me", "given_name": "Pat", "family_name": "Example",
            "birth_date_month": "2", "birth_date_day": "29", "birth_date_year": "1980",
        },
        "contact": {
            "contact_by": "email", "email": f"pat{number}@example.com",
            "phone": PHONES[number % len(PHONES)],
        },
        "help": {"language": "English", "interpreter": "no"},
        "payment": {"payer": "not_sure"},
    }  # fmt: skip
    answers = {
        step: {name: [value] for name, value in fields.items()}
        for step, fields in typed.items()
    }
    now = clock.now()
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    began = now - timedelta(minutes=5)
    draft.save(store, Draft(began=began, used=now, answers=answers), now)
    store.save()
    cookies = {
        settings.SESSION_COOKIE_NAME: store.session_key,
        settings.CSRF_COOKIE_NAME: CSRF,
    }
    return {
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "Content-Type": "application/x-www-form-urlencoded",
        # Each from elsewhere: one address may not ask so often.
        "X-Forwarded-For": f"10.9.{number >> 8 & 255}.{number & 255}",
    }
