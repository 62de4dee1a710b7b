"""Months of free times: from the engine, from the database, and as a page over HTTP."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, time, timedelta
from http.client import HTTPConnection
from importlib import import_module
from itertools import cycle
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from booking import availability, clock, draft
from booking.availability import Day
from booking.draft import Draft
from booking.models import Reservation, Resource, clinic_zone

from .clicking import CSRF
from .filling import Practice
from .timing import Timed, timed

MONTH, SIXTY_DAYS = timedelta(days=31), timedelta(days=60)


def free_times(
    practice: Practice, days: timedelta, clinician: Resource | None = None
) -> Callable[[], tuple[Day, ...]]:
    """Return what reads the free times of so many days, as a page begins to."""

    def read() -> tuple[Day, ...]:
        # Fresh, as each request has it: what was read before is not known.
        visit_type = type(practice.visit_type).objects.get(pk=practice.visit_type.pk)
        now = clock.now()
        today = timezone.localdate(now)
        return visit_type.availability(
            today, today + days, now=now, clinician=clinician
        )

    return read


def somebody_else(practice: Practice) -> Callable[[], object]:
    """Return what holds another minute before office hours each time.

    So that what is free has to be worked out anew, as after each change. There are
    enough of these minutes that what was worked out with the same is not kept by then.
    """
    midnight = datetime.combine(timezone.localdate(), time(), clinic_zone())
    first = int(midnight.timestamp()) + 2 * 24 * 60 * 60
    starts = cycle(range(first, first + 6 * 60 * 60, 60))

    def change() -> None:
        start = datetime.fromtimestamp(next(starts), UTC)
        Reservation.objects.filter(hold_key="bench").delete()
        Reservation.objects.create(
            resource=practice.first, hold_key="bench", start=start,
            end=start + timedelta(minutes=1),
            expires_at=clock.now() + timedelta(minutes=15),
        )  # fmt: skip

    return change


def engine_alone(practice: Practice, days: timedelta) -> Callable[[], object]:
    """Return the same work from what is already in memory."""
    now = clock.now()
    first = timezone.localdate(now)
    plan = practice.visit_type.plan(first, first + days, now=now)
    return lambda: availability.free_slots(
        plan.rules,
        plan.calendars,
        first=first,
        last=first + days,
        zone=clinic_zone(),
        now=int(now.timestamp()),
    )


def queries(call: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as made:
        call()
    return len(made)


class Picker:
    """The page of times, for a patient who has said what kind of visit it is."""

    def __init__(self, practice: Practice, now: datetime) -> None:
        store = import_module(settings.SESSION_ENGINE).SessionStore()
        answers = {"visit": {"visit": [practice.visit_type.code]}}
        draft.save(store, Draft(began=now, used=now, answers=answers), now)
        store.save()
        # As from the pages before, which have forms.
        self.cookie = (
            f"{settings.SESSION_COOKIE_NAME}={store.session_key};"
            f" {settings.CSRF_COOKIE_NAME}={CSRF}"
        )
        person = practice.first.clinician
        assert person
        self.of_one, self.of_any = f"/book/times/?with={person.slug}", "/book/times/"

    def over_http(
        self,
        url: str,
        repeats: int,
        before: Callable[[], object] = lambda: None,
        path: str = "",
    ) -> Timed:
        """Time the page from a running web server, over one connection.

        Without another path it is the page of one clinician.
        """
        headers = {"Cookie": self.cookie, "Accept-Encoding": "gzip"}
        with closing(HTTPConnection(urlsplit(url).netloc, timeout=60)) as browser:

            def get() -> None:
                browser.request("GET", path or self.of_one, headers=headers)
                response = browser.getresponse()
                assert (response.status, bool(response.read())) == (200, True)

            return timed(get, repeats, before)

    def queries(self) -> int:
        browser = Client(headers={"host": "127.0.0.1", "cookie": self.cookie})
        browser.get(self.of_one)  # with which the templates are read
        return queries(lambda: browser.get(self.of_one))
