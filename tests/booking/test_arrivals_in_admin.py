"""The front desk sees the day's visits, and records who is here and who was seen."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from booking import workflow
from booking.models import Appointment, VisitType
from booking.policy import Act
from tests import factories
from tests.chromium import SCRIPT, assert_good_for_everybody
from tests.factories import MONDAY, NOW, a_booked_visit, a_practice, at, patient_details
from tests.records import nothing_written

from .desk import a_colleague, address, said, text_of
from .road import text_of as read
from .test_status_page import open_link

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DESK = "/admin/"
FRIDAY_BEFORE = NOW - timedelta(days=3)


@pytest.fixture
def visit_type() -> VisitType:
    return a_practice(clinicians=2, rooms=2)


def booked(visit_type: VisitType, wall: str, **values: Any) -> Appointment:
    """Book a visit for today, some days ago."""
    return a_booked_visit(
        visit_type, at(wall, MONDAY), now=FRIDAY_BEFORE,
        patient=patient_details(**values),
    )  # fmt: skip


def press(
    desk: Client, visit: Appointment, move: str, *, seen: int | None = None
) -> HttpResponse:
    visit.refresh_from_db()
    version = visit.version if seen is None else seen
    data = {"move": move, "seen_version": version, "back": DESK}
    return desk.post(address("attend", visit), data)


def part_of(page: HttpResponse, name: str) -> str:
    """Return the HTML of the section of that name."""
    found = re.search(
        rf'(?s)<section aria-labelledby="{name}">.*?</section>', page.content.decode()
    )
    return found[0] if found else ""


def buttons(page: HttpResponse, name: str) -> list[str]:
    return re.findall(r'name="move" value="(\w+)"', part_of(page, name))


def names(page: HttpResponse, name: str) -> list[str]:
    return re.findall(r"<b>(Pat \w+)</b>", part_of(page, name))


def test_the_day_is_shown_in_order_with_one_button_a_row(desk, visit_type):
    booked(visit_type, "13:00", family_name="Later")
    booked(visit_type, "09:30", family_name="Sooner")
    a_booked_visit(visit_type, at("10:00"), now=FRIDAY_BEFORE)  # tomorrow
    page = desk.get(DESK)
    assert names(page, "today") == ["Pat Sooner", "Pat Later"]
    assert buttons(page, "today") == ["arrive", "arrive"]
    words = text_of(page)
    assert "2 to come today" in words
    assert re.search(
        r"9:30 AM Pat Sooner · .* Confirmed · Demo Clinician \d+, R", words
    )


def test_a_patient_arrives_and_is_seen(desk, visit_type, clock: Traveller):
    visit = booked(visit_type, "09:30")
    response = press(desk, visit, "arrive")
    assert response["Location"] == DESK
    assert said(response) == [f"{visit.reference}: arrived."]
    page = desk.get(DESK)
    assert "0 to come today" in text_of(page)
    assert buttons(page, "today") == ["not_yet"]

    clock.move_to(at("09:30", MONDAY))
    assert buttons(desk.get(DESK), "today") == ["complete", "miss", "not_yet"]
    assert said(press(desk, visit, "complete")) == [f"{visit.reference}: completed."]
    page = desk.get(DESK)
    assert "Completed" in part_of(page, "today")
    assert buttons(page, "today") == ["miss"]


def test_the_first_button_alone_is_prominent(desk, visit_type, clock: Traveller):
    visit = booked(visit_type, "09:30")
    clock.move_to(at("09:40", MONDAY))
    kinds = re.findall(r'class="(button[^"]*)"', part_of(desk.get(DESK), "today"))
    assert kinds == ["button", "button quiet", "button quiet"]
    press(desk, visit, "miss")
    kinds = re.findall(r'class="(button[^"]*)"', part_of(desk.get(DESK), "today"))
    assert kinds == ["button quiet"]


def test_who_did_not_come_and_then_came_is_put_right(desk, visit_type, clock):
    visit = booked(visit_type, "09:30")
    clock.move_to(at("09:45", MONDAY))
    assert said(press(desk, visit, "miss")) == [
        f"{visit.reference}: noted that the patient did not come."
    ]
    press(desk, visit, "complete")
    visit.refresh_from_db()
    assert visit.status == "fulfilled"


def test_a_visit_of_an_earlier_day_waits_for_its_outcome(desk, visit_type):
    visit = a_booked_visit(
        visit_type, at("10:00", FRIDAY_BEFORE.date()), now=NOW - timedelta(days=6)
    )
    page = desk.get(DESK)
    assert "1 outcome missing" in text_of(page)
    assert names(page, "outcomes") == ["Pat Example"]
    assert "Fri, Nov\xa013, 10:00\xa0AM" in part_of(page, "outcomes")
    assert buttons(page, "outcomes") == ["complete", "miss"]
    press(desk, visit, "complete")
    assert part_of(desk.get(DESK), "outcomes") == ""


def test_without_a_visit_the_day_says_so(desk):
    assert "No visit is booked for today." in text_of(desk.get(DESK))


def test_what_cannot_have_happened_yet_is_refused_in_words(desk, visit_type):
    visit = booked(visit_type, "09:30")
    with nothing_written():
        response = press(desk, visit, "miss")
    assert said(response) == [
        f"{visit.reference}: That cannot be recorded now. Record an arrival on the day"
        " of the visit, and the outcome once the visit has begun."
    ]


def test_a_slower_colleague_is_told_who_was_faster(desk, visit_type):
    visit = booked(visit_type, "09:30")
    seen = visit.version
    other = Client()
    other.force_login(a_colleague(username="ben", first_name="Ben"))
    press(other, visit, "arrive")
    with nothing_written():
        response = press(desk, visit, "arrive", seen=seen)
    [told] = said(response)
    assert "Arrived by Ben Demo, today 9:00 AM." in told


@pytest.mark.parametrize("move", ["", "accept", "cancel", "\0"])
def test_nothing_else_can_be_recorded(desk, visit_type, move):
    visit = booked(visit_type, "09:30")
    with nothing_written():
        assert said(press(desk, visit, move)) == ["Choose what to record."]


def test_a_visit_has_the_buttons_on_its_own_page(desk, visit_type):
    visit = booked(visit_type, "09:30")
    page = desk.get(f"/admin/booking/appointment/{visit.pk}/change/").content.decode()
    assert re.findall(r'name="move" value="(\w+)"', page) == ["arrive"]
    later = a_booked_visit(visit_type, at("10:00"), now=FRIDAY_BEFORE)
    page = desk.get(f"/admin/booking/appointment/{later.pk}/change/").content.decode()
    assert 'name="move"' not in page


def test_who_may_only_look_has_no_button(client: Client, visit_type):
    looker = a_colleague("", username="lou")
    looker.user_permissions.add(Permission.objects.get(codename="view_appointment"))
    client.force_login(looker)
    visit = booked(visit_type, "09:30")
    assert names(client.get(DESK), "today") == ["Pat Example"]
    assert buttons(client.get(DESK), "today") == []
    assert press(client, visit, "arrive").status_code == 403


def test_one_visit_costs_as_many_queries_as_three(desk, visit_type):
    booked(visit_type, "09:30")
    desk.get(DESK)
    with CaptureQueriesContext(connection) as one:
        desk.get(DESK)
    booked(visit_type, "10:30")
    booked(visit_type, "11:30")
    with CaptureQueriesContext(connection) as three:
        desk.get(DESK)
    assert len(one) == len(three)


# --- What the patient reads -------------------------------------------------------


@pytest.mark.parametrize(
    ("moves", "heading"),
    [
        ([Act.ARRIVE], "You are checked in"),
        ([Act.COMPLETE], "This visit is over"),
        ([Act.MISS], "We missed you at this appointment"),
    ],
)
def test_the_private_link_says_where_the_visit_stands(
    client: Client, visit_type, clock: Traveller, moves, heading
):
    visit = booked(visit_type, "09:30")
    clock.move_to(at("09:40", MONDAY))
    by = factories.a_front_desk_person()
    for move in moves:
        workflow.attend(visit.pk, move, by=by, now=at("09:40", MONDAY))
    open_link(client, visit)
    page = client.get("/appointment/")
    assert f"<h1>{heading}" in page.content.decode()
    words = read(page)
    assert "Cancel this appointment" not in words
    assert "Add to my calendar" not in words
    assert "(212) 555-0143" in words


# --- In a browser -----------------------------------------------------------------


@pytest.mark.either_database
def test_the_day_can_be_used_by_everybody(
    desk: Client, visit_type, clock: Traveller
) -> None:
    here = booked(visit_type, "09:00", family_name="Here")
    gone = booked(visit_type, "09:30", family_name="Gone")
    booked(visit_type, "13:00")
    a_booked_visit(
        visit_type, at("10:00", FRIDAY_BEFORE.date()), now=NOW - timedelta(days=6)
    )
    clock.move_to(at("10:00", MONDAY))
    press(desk, here, "arrive")
    press(desk, gone, "miss")
    pages = {DESK: desk.get(DESK).content.decode()}
    pages[SCRIPT] = desk.get(SCRIPT).text
    assert_good_for_everybody(pages)
