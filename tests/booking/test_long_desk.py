"""Of much that waits, the desk shows the most urgent, and counts and links the rest."""

import re
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from time_machine import Traveller

from booking import queue, workflow
from booking.models import Message
from booking.policy import Act
from booking.workflow import By
from tests.factories import (
    MONDAY,
    NOW,
    a_booked_visit,
    a_practice,
    a_request,
    at,
    patient_details,
)

from .desk import a_colleague, said, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DESK = "/admin/"


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two rows be many."""
    monkeypatch.setattr(queue, "FIRST", 1)
    monkeypatch.setattr(queue, "FEW", 1)


def link(page: HttpResponse, address: str) -> str:
    """Return the words of the link that leads to the rest."""
    found = re.search(
        rf'(?s)<p class="more"><a href="{re.escape(address)}">(.*?)</a>',
        page.content.decode(),
    )
    return " ".join(re.sub(r"<[^>]+>", "", found[1]).split()) if found else ""


def test_requests_and_calls_beyond_the_first_are_counted_and_worked_at_elsewhere(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "SHOWN", 2)
    visit_type = a_practice(clinicians=3, rooms=3, reply_promise=60)
    for n in range(3):
        a_request(visit_type, patient=patient_details(email="", family_name=f"N{n}"))
    page = desk.get(DESK)
    words = "and 2 more, the next to be answered by today 10:00 AM"
    assert link(page, "/admin/booking/appointment/") == words
    assert link(page, f"{DESK}?all=calls") == "and 2 more, the oldest waits 0 min"
    assert "0 yours 6 nobody’s 0 others’" in text_of(page)

    first = desk.get(f"{DESK}?all=calls")
    assert re.findall(r"Pat (N\d)<br>", first.content.decode()) == ["N0", "N1"]
    second = desk.get(f"{DESK}?all=calls&page=2")
    assert re.findall(r"Pat (N\d)<br>", second.content.decode()) == ["N2"]
    assert [("Next page" in text_of(p), "Page before" in text_of(p))
            for p in (first, second)] == [(True, False), (False, True)]  # fmt: skip

    call = Message.objects.earliest("pk")
    response = desk.post(f"/admin/calls/{call.pk}/", {"all": "calls"})
    assert response["Location"] == f"{DESK}?all=calls"
    assert said(response) == [
        f"Thank you. {call.appointment.reference}: noted that you called."
    ]
    assert desk.post(f"/admin/calls/{call.pk}/", {"all": "x"})["Location"] == DESK


def test_of_many_visits_of_today_those_that_are_not_over_are_shown(
    desk: Client, clock: Traveller
) -> None:
    visit_type = a_practice()
    visits = [
        a_booked_visit(visit_type, at(wall, MONDAY), now=NOW - timedelta(days=3))
        for wall in ("09:30", "10:30", "11:30")
    ]
    clock.move_to(at("10:20", MONDAY))
    workflow.attend(
        visits[0].pk, Act.COMPLETE, by=By.staff(a_colleague(username="ben")),
        now=at("10:15", MONDAY),
    )  # fmt: skip
    page = desk.get(DESK)
    assert [line.visit for line in page.context["desk"].today] == [visits[1]]
    words = "and 2 more of today’s visits, 1 of them over"
    assert link(page, f"{DESK}?all=visits") == words
    whole = desk.get(f"{DESK}?all=visits")
    assert [line.visit for line in whole.context["desk"].today] == visits


def test_the_oldest_outcome_that_is_missing_is_named(desk: Client) -> None:
    visit_type = a_practice()
    for days in (3, 6):
        start = NOW - timedelta(days=days) + timedelta(hours=1)
        a_booked_visit(visit_type, start, now=NOW - timedelta(days=10))
    page = desk.get(DESK)
    assert "2 outcomes missing" in text_of(page)
    words = "and 1 more, the oldest of Tue, Nov 10, 10:00 AM"
    assert link(page, f"{DESK}?all=outcomes") == words
    whole = desk.get(f"{DESK}?all=outcomes")
    assert len(whole.context["desk"].without_outcome) == 2


@pytest.mark.parametrize("section", queue.Section)
def test_a_whole_section_with_nothing_in_it_says_so(desk: Client, section: str) -> None:
    words = text_of(desk.get(f"{DESK}?all={section}&page=9"))
    assert str(queue.Section(section).label) in words
    assert re.search(r"No |Nobody |Nothing |Every ", words)
