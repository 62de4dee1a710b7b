"""What others changed is on the desk until somebody says that they have seen it."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from booking import front_desk, workflow
from booking.models import Resource, SeenChanges
from booking.policy import Act
from booking.workflow import PATIENT, By
from tests.factories import (
    NOW,
    ROOM,
    a_booked_visit,
    a_practice,
    a_request,
    an_offer,
    at,
    choice,
    somebody_waiting,
)
from tests.records import nothing_written

from .conftest import signed_in
from .desk import a_colleague, named, said, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DESK, SEEN = "/admin/", "/admin/seen/"
EMPTY = "Nothing that you have not seen."


@pytest.fixture
def ben(db: None) -> Client:
    """Give the browser of Ben, who works beside Ana."""
    return signed_in(a_colleague(username="ben", first_name="Ben"))


def shown(page: HttpResponse) -> list[str]:
    """Return what the page says was changed, visit by visit: who, and what was done."""
    return [
        f"{line.visit.patient.family_name}: " + ", ".join(e.act for e in line.events)
        for line in page.context["changes"].visits
    ]


def seen(client: Client, page: HttpResponse) -> HttpResponse:
    """Press the button of a page, which may have been opened a while ago."""
    return client.post(SEEN, {"events": page.context["changes"].keys})


def _min(minutes: int) -> timedelta:
    return timedelta(minutes=minutes)


def by(name: str) -> By:
    return By.staff(User.objects.get(username=name))


def test_the_desk_says_what_was_changed_by_whom_and_when(
    desk: Client, ben: Client, clock: Traveller
) -> None:
    visit_type = a_practice(clinicians=2, rooms=2)
    first = a_request(visit_type, at("10:00"), patient=named("First"))
    second = a_request(visit_type, at("11:00"), patient=named("Second"))
    clock.shift(timedelta(minutes=5))
    workflow.accept(first.pk, choice(first).pk, by=by("ben"), now=NOW + _min(5))
    clock.shift(timedelta(minutes=5))
    workflow.cancel(second.pk, by=PATIENT, now=NOW + _min(10))

    page = desk.get(DESK)
    assert shown(page) == ["Second: request, withdraw", "First: request, accept"]
    words = text_of(page)
    assert "4 changes by others" in words
    assert "Request withdrawn by the patient, today 9:10 AM" in words
    accepted = "Accepted: Tuesday, November 17, 10:00 AM by Ben Demo, today 9:05 AM"
    assert accepted in words
    assert f'href="/admin/booking/appointment/{first.pk}/change/"' in page.text
    # What he did himself is no news to Ben.
    assert shown(ben.get(DESK)) == ["Second: request, withdraw", "First: request"]


def test_what_is_seen_is_seen_by_one_person_alone(desk: Client, ben: Client) -> None:
    a_request()
    response = seen(desk, desk.get(DESK))
    assert response["Location"] == "/admin/#changed"
    assert said(response) == ["Noted what you have seen."]
    page = desk.get(DESK)
    assert shown(page) == []
    assert EMPTY in text_of(page)
    assert SEEN not in page.text
    assert shown(ben.get(DESK)) == ["Example: request"]


def test_looking_is_no_pressing(desk: Client) -> None:
    """The page refreshes itself, and is open on screens that nobody looks at."""
    a_request()
    for headers in ({}, {"X-Refresh": "1"}):
        with nothing_written():
            desk.get(DESK, headers=headers)
    assert shown(desk.get(DESK)) == ["Example: request"]


def test_what_came_after_the_page_was_opened_stays_unseen(
    desk: Client, clock: Traveller
) -> None:
    visit_type = a_practice(rooms=2, clinicians=2)
    a_request(visit_type, patient=named("Before"))
    opened = desk.get(DESK)
    clock.shift(_min(1))
    a_request(visit_type, at("11:00"), patient=named("After"), now=NOW + _min(1))
    clock.shift(timedelta(hours=3))
    seen(desk, opened)
    assert shown(desk.get(DESK)) == ["After: request"]


def test_an_older_tab_brings_nothing_back(desk: Client, clock: Traveller) -> None:
    visit_type = a_practice(rooms=2, clinicians=2)
    a_request(visit_type, patient=named("Before"))
    one_tab = desk.get(DESK)
    for minutes in (1, 60):
        later = NOW + _min(minutes)
        a_request(visit_type, at("11:00"), patient=named("After"), now=later)
    clock.shift(_min(61))
    other_tab = desk.get(DESK)
    seen(desk, other_tab)
    seen(desk, one_tab)
    seen(desk, other_tab)
    assert shown(desk.get(DESK)) == []


def test_an_act_that_ended_late_is_not_missed(desk: Client, clock: Traveller) -> None:
    """It has the time at which it began, which is before that of what was seen."""
    visit_type = a_practice(rooms=2, clinicians=2)
    later = NOW + timedelta(seconds=30)
    clock.shift(timedelta(seconds=30))
    a_request(visit_type, patient=named("Quick"), now=later)
    seen(desk, desk.get(DESK))
    a_request(visit_type, at("11:00"), patient=named("Slow"), now=NOW)
    assert shown(desk.get(DESK)) == ["Slow: request"]


def test_more_than_fit_follow_when_the_oldest_are_seen(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_desk, "FEW", 2)
    visit_type = a_practice(clinicians=3, rooms=3)
    for name in "ABC":
        a_request(visit_type, patient=named(name))  # all at the same moment
    page = desk.get(DESK)
    assert sorted(shown(page)) == ["A: request", "B: request"]
    assert "3 changes by others" in text_of(page)
    assert "when you have seen them, more follow" in text_of(page)
    assert "and 1 more" in text_of(page)
    assert len(shown(desk.get(f"{DESK}?all=changes"))) == 3
    seen(desk, page)
    assert shown(desk.get(DESK)) == ["C: request"]


def test_nobody_reads_what_is_older_than_a_week(desk: Client) -> None:
    a_request(now=NOW - timedelta(days=6, hours=23))
    assert shown(desk.get(DESK)) == ["Example: request"]
    with time_machine.travel(NOW + timedelta(hours=2), tick=False):
        desk.force_login(User.objects.get(username="ana"))
        assert shown(desk.get(DESK)) == []


def test_an_offer_that_nobody_took_is_told(desk: Client, clock: Traveller) -> None:
    visit = an_offer(somebody_waiting())
    clock.shift(_min(121))
    workflow.lapse(visit.pk, now=NOW + _min(121))
    page = desk.get(DESK)
    assert shown(page) == ["Example: join, offer, lapse"]
    ended = "Offer ended: no answer in time by the system, today 11:01 AM"
    assert ended in text_of(page)


def test_what_is_recorded_on_the_day_stands_among_the_arrivals(
    desk: Client, ben: Client
) -> None:
    visit = a_booked_visit(a_practice(), at("10:00"))
    with time_machine.travel(at("10:05"), tick=False):
        workflow.attend(visit.pk, Act.ARRIVE, by=by("ben"), now=at("10:05"))
        desk.force_login(User.objects.get(username="ana"))
        assert "arrive" not in "".join(shown(desk.get(DESK)))


@pytest.mark.parametrize("events", ["", "x", ",", "-7777", "7" * 30, "7777"])
def test_what_is_no_event_marks_nothing(desk: Client, events: str) -> None:
    a_request(patient=named("New"))
    desk.post(SEEN, {"events": events})
    assert not SeenChanges.objects.exists()
    assert shown(desk.get(DESK)) == ["New: request"]


def test_what_is_seen_twice_is_seen_once(desk: Client) -> None:
    a_request()
    page = desk.get(DESK)
    seen(desk, page)
    before = SeenChanges.objects.values().get()
    seen(desk, page)
    assert SeenChanges.objects.values().get() == before


def test_many_changes_cost_as_many_queries_as_few(desk: Client, ben: Client) -> None:
    visit_type = a_practice(rooms=3, clinicians=3)

    def exchange(start: str) -> None:
        visit = a_booked_visit(visit_type, at(start))
        room = visit.reservations.get(resource__kind=ROOM).resource
        other = Resource.objects.filter(kind=ROOM).exclude(pk=room.pk)[0]
        workflow.swap(visit.pk, room.pk, other.pk, by=by("ben"), now=NOW)

    exchange("10:00")
    with CaptureQueriesContext(connection) as one:
        page = desk.get(DESK)
    assert "Exchanged: " in text_of(page)
    for start in ("11:00", "12:00", "13:00"):
        exchange(start)
    with CaptureQueriesContext(connection) as four:
        desk.get(DESK)
    assert len(four) == len(one)
