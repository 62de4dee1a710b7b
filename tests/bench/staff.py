"""The pages of the staff with ever more visits: what they ask, and how long they take.

Each size is a database of its own, and a process that has nothing else to do. Both take
turns, page by page and look by look. Measured is the time of processors.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from statistics import median
from unittest.mock import patch
from urllib.parse import urlsplit

import psycopg2
from django.contrib.auth.models import User
from django.db import connection
from django.db.utils import DatabaseError
from django.test import Client
from django.utils import timezone

from booking import clock
from booking.admin.long_lists import LISTED
from booking.confirming import CONFIRMED_AT
from booking.models import Appointment, Message, Resource
from tests import factories
from tests.race.crew import Crew, running_crew

from . import years
from .reading import queries
from .timing import processor, seconds

VISITS = "/admin/booking/appointment/"
# What a page costs with the trail is measured against these without.
TRAILED = ("Today", "visits to answer", "all visits", "a visit", "calendar, day")


@dataclass(frozen=True, slots=True)
class Page:
    """What a page asks, and takes in milliseconds, with few visits and with many.

    `many` is empty where the database broke off, as PostgreSQL does after five seconds.
    """

    name: str
    queries: tuple[int, int]
    few: Sequence[float]
    many: Sequence[float]

    def __str__(self) -> str:
        said = f"{self.name:>28} {self.queries[0]:>6} / {self.queries[1]:<4}"
        said += f" {median(self.few):>9.1f}"
        if not self.many:
            return f"{said} broke off"
        ratio = median(self.many) / median(self.few)
        return f"{said} {median(self.many):>9.1f} {ratio:>9.2f}"


def fill(crew: Crew, visits: int) -> float:
    """Fill the database of a crew; return the seconds that it took."""
    return seconds(lambda: crew.do(years.fill, visits))


def pages(few: Crew, many: Crew, repeats: int) -> Iterator[Page]:
    """Yield each page of the staff as it is found in both databases."""
    for name in few.do(names):
        asked = few.do(first_look, name), many.do(first_look, name)
        looks: tuple[list[float], list[float]] = ([], [])
        for _ in range(repeats):
            for crew, found, broken in zip((few, many), looks, asked, strict=True):
                if broken:
                    found.append(crew.do(look, name))
        yield Page(name, asked, *looks)


def trailed(crew: Crew, repeats: int) -> Iterator[tuple[str, float]]:
    """Yield for some pages how much longer they take with the trail than without."""
    for name in TRAILED:
        kept, not_kept = [], []
        for _ in range(repeats):
            kept.append(crew.do(look, name))
            not_kept.append(crew.do(look_without_trail, name))
        yield name, median(kept) / median(not_kept)


def databases(url: str, sizes: Sequence[int], stack: ExitStack) -> list[Crew]:
    """Copy the migrated and empty database for each size, and give each a crew."""
    crews = []
    for number, _size in enumerate(sizes):
        copy = f"{url}_{number}"
        if url.startswith("sqlite"):
            shutil.copy(urlsplit(url).path[1:], urlsplit(copy).path[1:])
        else:
            _copy_on_server(url, copy)
        crews.append(stack.enter_context(running_crew(1, copy)))
    return crews


def _copy_on_server(url: str, copy: str) -> None:
    server_url, _, name = url.rpartition("/")
    names = name, copy.rpartition("/")[2]
    with closing(psycopg2.connect(f"{server_url}/postgres")) as server:
        server.autocommit = True
        with server.cursor() as cursor:
            cursor.execute('CREATE DATABASE "{1}" TEMPLATE "{0}"'.format(*names))


# --- In each process -------------------------------------------------------------


def names() -> list[str]:
    return list(_pages())


def first_look(name: str) -> int:
    """Look; return the queries of the next look, or 0 if the database broke off.

    Of two looks, since now and then one keeps the session, too.
    """
    see = _pages()[name]
    try:
        see()
        return min(queries(see), queries(see))
    except DatabaseError:
        return 0


def look(name: str) -> float:
    see = _pages()[name]
    connection.ensure_connection()
    began = processor(connection.connection)
    see()
    return (processor(connection.connection) - began) * 1000


def look_without_trail(name: str) -> float:
    with patch("booking.trail._keep"):
        return look(name)


@cache
def _pages() -> dict[str, Callable[[], object]]:
    manager, clinician = _browser("Manager"), _browser("Clinician")
    today = timezone.localdate(clock.now())
    soon = clock.now() + timedelta(days=3)
    to_come = Appointment.objects.booked().filter(start__gt=soon)
    visit = to_come.select_related("patient", "visit_type")[0]
    asked = Appointment.objects.awaiting_review(clock.now())[0]
    message = Message.objects.order_by("-pk")[0]
    room = Resource.objects.filter(kind=factories.ROOM)[0]
    here, request = f"{VISITS}{visit.pk}/", f"{VISITS}{asked.pk}/"
    assert visit.start
    day = f"day={timezone.localdate(visit.start)}"
    before = timezone.localdate(visit.start) - timedelta(days=7)
    days = {
        name: f"first={today - timedelta(days=long)}&last={today}"
        for name, long in (("a week", 6), ("a year", 364), ("two years", 729))
    }
    lengths = Appointment.objects.count(), Message.objects.count()
    last = [min(n, LISTED) // a for n, a in zip(lengths, (50, 100), strict=True)]
    setup, resource = "/admin/booking/", f"/admin/booking/resource/{room.pk}/"

    def get(path: str, browser: Client = manager) -> Callable[[], object]:
        return lambda: _whole(browser.get(path))

    def post(path: str, **data: object) -> Callable[[], object]:
        return lambda: _whole(manager.post(path, data, follow=True))

    def export(kind: str) -> Callable[[], object]:
        return post(
            "/admin/booking/reports/visits/", kind=kind, by="start", last=today,
            first=today - timedelta(days=6), columns=["reference", "start"],
        )  # fmt: skip

    return {
        "Today": get("/admin/"),
        "tasks": get("/admin/tasks/"),
        "visits to answer": get(VISITS),
        "all visits": get(f"{VISITS}?status=all"),
        "all visits, last page": get(f"{VISITS}?status=all&p={last[0]}"),
        "visits, confirmed": get(f"{VISITS}?status=booked"),
        "visits, completed": get(f"{VISITS}?status=fulfilled"),
        "visits, next 7 days": get(f"{VISITS}?status=booked&day=week"),
        "visits, past": get(f"{VISITS}?status=all&day=past"),
        "visits, of a service": get(
            f"{VISITS}?status=all"
            f"&visit_type__service__id__exact={visit.visit_type.service_id}"
        ),
        "visits, by name": get(f"{VISITS}?status=all&o=2"),
        "visits, by reference": get(f"{VISITS}?status=all&o=1"),
        "visits, by start": get(f"{VISITS}?status=all&o=5"),
        "a visit": get(f"{here}change/"),
        "a request": get(f"{request}change/"),
        "decline": get(f"{request}decline/"),
        "cancel": get(f"{here}cancel/"),
        "script": get(f"{here}script/"),
        "move": get(f"{here}move/"),
        "swap": get(f"{here}swap/"),
        "series": get(f"{here}series/"),
        "other times": get(f"{request}propose/"),
        "calendar, day": get(f"/admin/booking/calendar/?{day}"),
        "calendar, week": get(f"/admin/booking/calendar/?{day}&view=week"),
        "day sheet": get(f"/admin/booking/calendar/sheet/?{day}"),
        "find, reference": post(f"{VISITS}find/", wanted=visit.reference),
        "find, name of all": post(f"{VISITS}find/", wanted=visit.patient.family_name),
        "find, name of one": post(f"{VISITS}find/", wanted="ought"),
        "find, birth date": post(f"{VISITS}find/", wanted="01/31/1970"),
        "find, phone": post(f"{VISITS}find/", wanted="212 555 0142"),
        "find, end of a phone": post(f"{VISITS}find/", wanted="0142"),
        "find, email": post(f"{VISITS}find/", wanted="sought@example.com"),
        "a caller": get(f"{VISITS}phone/"),
        "waiting list": get(f"{setup}waitinglistentry/"),
        "messages": get(f"{setup}message/"),
        "messages, last page": get(f"{setup}message/?p={last[1]}"),
        "messages, by kind": get(f"{setup}message/?kind__exact=confirmed"),
        "messages, by phone": get(f"{setup}message/?channel__exact=phone"),
        "messages, by visit": get(f"{setup}message/?o=2"),
        "a message": get(f"{setup}message/{message.pk}/change/"),
        "my day": get("/admin/my-day/", clinician),
        "reports, a week": get(f"{setup}reports/?{days['a week']}"),
        "reports, 12 weeks": get(f"{setup}reports/"),
        "reports, a year": get(f"{setup}reports/?{days['a year']}"),
        "reports, two years": get(f"{setup}reports/?{days['two years']}"),
        "export, the form": get(f"{setup}reports/visits/"),
        "export, a week, CSV": export("csv"),
        "trail": get(f"{setup}trail/"),
        "trail, of somebody": get(f"{setup}trail/?who=1"),
        "trail, what was changed": get(f"{setup}trail/?did=change"),
        "trail, what was exported": get(f"{setup}trail/?did=export"),
        "trail, of a day": get(f"{setup}trail/?day={before}"),
        "trail, of a patient": get(f"{setup}trail/patient/{visit.patient_id}/"),
        "check of the clinic": get(f"{setup}clinic-check/"),
        "chores": get(f"{setup}chore/"),
        "resources": get(f"{setup}resource/"),
        "a room": get(f"{resource}change/"),
        "delete a room": get(f"{resource}delete/"),
        "closures": get(f"{setup}closure/"),
        "close a room": get(f"{setup}closure/add/"),
        "visit types": get(f"{setup}visittype/"),
        "a visit type": get(f"{setup}visittype/{visit.visit_type_id}/change/"),
        "delete a visit type": get(f"{setup}visittype/{visit.visit_type_id}/delete/"),
        "delete a service": get(
            f"/admin/services/service/{visit.visit_type.service_id}/delete/"
        ),
        "staff": get("/admin/auth/user/"),
        "an account": get("/admin/auth/user/1/change/"),
    }


def _browser(name: str) -> Client:
    browser = Client(headers={"host": "127.0.0.1"})
    browser.force_login(User.objects.get(username=name))
    session = browser.session
    # As if the password had just been asked for again, all day long.
    session[CONFIRMED_AT] = int(clock.now().timestamp()) + 24 * 3600
    session.save()
    return browser


def _whole(response: object) -> None:
    status = response.status_code  # type: ignore[attr-defined]
    assert status == 200, (status, response)
    if response.streaming:
        list(response)
