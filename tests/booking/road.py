"""A patient at the pages of a request: answers step by step, as a browser would."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg2
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from time_machine import Traveller

from booking import clock as booking_clock
from booking import draft, words
from booking.draft import Draft
from booking.models import VisitType
from services.models import ScreeningQuestion
from tests import factories

SEEN = re.compile(r'name="seen" value="([^"]+)"')

# One fit answer for each page that does not depend on the clinic, in their order.
PLAIN: dict[str, dict[str, Any]] = {
    "about": {
        "for_whom": "me",
        "given_name": "Pat",
        "family_name": "Example",
        "birth_date_month": "2",
        "birth_date_day": "29",
        "birth_date_year": "1980",
    },
    "contact": {
        "contact_by": "email",
        "email": "pat@example.com",
        "phone": "(212) 555-0199",
        "voicemail_ok": "on",
    },
    "help": {"language": "English", "interpreter": "no"},
    "payment": {"payer": "insurance"},
    "payment-details": {"plan": "Example Plan", "member_id": ""},
}


def a_question(visit_type: VisitType, code: str = "thinner") -> ScreeningQuestion:
    return ScreeningQuestion.objects.create(
        service=visit_type.service,
        code=code,
        tell_us="take a blood thinner",
        question="Do you take a blood thinner?",
        advice="Keep taking it. We call you.",
        flag="Blood thinner",
    )


def text_of(response: HttpResponse) -> str:
    """Return what a reader gets: no tags, white space run together."""
    body = re.sub(
        r"<(script|style)\b.*?</\1>", " ", response.content.decode(), flags=re.S
    )
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


@contextmanager
def busy_database() -> Iterator[None]:
    """Let somebody else lock all resources longer than we wait. PostgreSQL alone."""
    other = psycopg2.connect(**connection.get_connection_params())
    try:
        with other.cursor() as cursor:
            # However long the test takes on a busy machine.
            cursor.execute("SET idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT 1 FROM booking_resource FOR UPDATE")
            with connection.cursor() as mine:
                mine.execute("SET lock_timeout = '20ms'")
            yield
    finally:
        other.close()
        connection.close()


class Browser(Client):
    """A patient's browser. `path` and so on are what the last page was."""

    def __init__(
        self,
        clock: Traveller,
        visit_type: VisitType,
        address: str = "192.0.2.1",
    ) -> None:
        super().__init__(REMOTE_ADDR=address)
        self.clock = clock
        self.visit_type = visit_type

    def window(self) -> dict[str, Any]:
        """Return what a window that is open now knows."""
        return dict(self.session.items())

    def turn_to(self, window: dict[str, Any]) -> None:
        """Go on in a window that was opened before."""
        session = self.session
        session.update(window)
        session.save()

    def begin(self, **link: str) -> HttpResponse:
        """Pass the emergency check."""
        return self.post("/book/", {"emergency": "none"} | link)

    def choose(self, start: datetime, **more: str) -> HttpResponse:
        return self.answer("times", start=words.as_value(start), **more)

    def answer(self, step: str, **answers: Any) -> HttpResponse:
        return self.post(f"/book/{step}/", answers)

    def fill_in(
        self, start: datetime | None = None, *, until: str = "check", **changed: Any
    ) -> HttpResponse:
        """Answer the pages before `until`; `changed` replaces plain answers."""
        start = start or factories.at("10:00")
        first = {
            "visit": {"visit": self.visit_type.code},
            "times": {"start": words.as_value(start)},
            "other-times": {},
        }
        self.begin()
        for step, answers in (first | PLAIN).items():
            if step == until:
                break
            known = {k: v for k, v in changed.items() if k in answers}
            response = self.answer(step, **answers | known)
            assert response.status_code == 302, (step, response.context["form"].errors)
        return self.get(f"/book/{until}/")

    def send(self, seen: str | None = None, **more: str) -> HttpResponse:
        """Press the last button, not faster than a person.

        `seen` is what the page said that it showed, if that is not this moment's page.
        """
        self.clock.shift(timedelta(seconds=5))
        return self.post("/book/check/", {"seen": seen or self.seen} | more)

    @property
    def seen(self) -> str:
        """Return the sign of the answers that the last page shows."""
        found = SEEN.search(self.get("/book/check/").content.decode())
        return found[1] if found else ""

    @property
    def draft(self) -> Draft:
        kept = draft.load(self.session, booking_clock.now())
        assert isinstance(kept, Draft)
        return kept
