"""The calendar of the front desk: who and what is taken when, by day and by week."""

import html
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import Page

from booking import workflow
from booking.models import Appointment, Resource
from booking.policy import Act
from booking.words import as_value
from tests import factories
from tests.chromium import HOST, SCRIPT, assert_good_for_everybody, look
from tests.factories import (
    CLINICIAN,
    FRIDAY,
    NOW,
    ROOM,
    THURSDAY,
    TUESDAY,
    a_booked_visit,
    a_closure,
    a_machine,
    a_practice,
    a_request,
    an_offer,
    at,
    patient_details,
    somebody_waiting,
)
from tests.records import nothing_written

from .desk import a_colleague, address, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

CALENDAR = "/admin/booking/calendar/"
SHEET = f"{CALENDAR}sheet/"
DAY = f"{CALENDAR}?day={TUESDAY}"
WEEK = f"{DAY}&view=week"


def cells_of(page: HttpResponse) -> list[str]:
    """Return the words of each cell of the table, line by line."""
    table = page.text.partition("<tbody>")[2].partition("</tbody>")[0]
    cells = re.findall(r"(?s)<t[dh]\b[^>]*>(.*?)</t[dh]>", table)
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells]


def named(name: str) -> dict[str, str]:
    return patient_details(given_name=name, family_name="Demo")


def test_each_kind_of_taken_time_is_told_in_words_and_by_its_mark(desk, visit_type):
    a_booked_visit(visit_type, at("09:00"), patient=named("Vera"))
    a_request(visit_type, at("10:00"), at("12:30"), patient=named("Rosa"))
    an_offer(somebody_waiting(visit_type, patient=named("Otto")), at("11:00"))
    workflow.hold(visit_type, at("12:00"), key="mine", now=NOW)
    a_closure(at("14:00"), at("15:00"))
    page = desk.get(DAY)

    words = " | ".join(cells_of(page))
    for expected in (
        "9:00–9:30 AM Confirmed Vera Demo",
        "10:00–10:30 AM Asked for, kept until today 5:00 PM Rosa Demo",
        "11:00–11:30 AM Offered until today 11:00 AM Otto Demo",
        "12:00–12:30 PM Held for a form until today 9:15 AM",
        "Closed: Training day",
    ):
        assert words.count(expected) == 2  # the clinician and the room
    marks = set(re.findall(r'class="entry (\w+)', page.text.partition("<table")[2]))
    assert marks == {"visit", "request", "offer", "hold", "closure"}
    assert "12:30 PM Rosa Demo" in text_of(page)  # a choice that nothing is kept for


def test_times_are_rows_and_resources_columns(desk, visit_type):
    a_machine()
    page = desk.get(DAY)
    assert "<caption>" in page.text
    heads = re.findall(r'<th scope="col">([^<]+)', page.text)
    assert heads == ["Time", *(r.name for r in Resource.objects.all())]
    times = re.findall(r'<th scope="row">([^<]+)', page.text)
    assert (times[0], times[1], times[-1]) == ("9:00 AM", "9:30 AM", "4:30 PM")


def test_every_column_is_filled_from_the_first_row_to_the_last(desk, visit_type):
    a_booked_visit(visit_type, at("09:30"))
    visit_type.buffer_after, visit_type.step = 10, 5
    visit_type.save()
    a_booked_visit(visit_type, at("13:05"))
    a_closure(at("00:00"), at("12:00"))
    page = desk.get(DAY)
    rows = page.text.count('<th scope="row">')
    spans = map(int, re.findall(r'rowspan="(\d+)"', page.text))
    assert sum(spans) == rows * Resource.objects.count()


def test_each_visit_leads_to_its_page(desk, visit_type):
    visit = a_booked_visit(visit_type, at("10:00"))
    for page in (DAY, WEEK, f"{SHEET}?day={TUESDAY}"):
        assert address("change", visit) in desk.get(page).text


def test_an_empty_place_leads_to_closing_it_with_the_form_filled_in(desk, visit_type):
    a_booked_visit(visit_type, at("10:00"))
    room = Resource.objects.get(kind=ROOM)
    links = re.findall(r'href="(/admin/booking/closure/add/[^"]+)"', desk.get(DAY).text)
    there = next(
        link for link in links if f"resource={room.pk}&" in link.replace("&amp;", "&")
    )
    page = desk.get(there.replace("&amp;", "&"))
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    assert (fields["start_0"], fields["start_1"]) == ("2026-11-17", "09:00")
    assert (fields["end_0"], fields["end_1"]) == ("2026-11-17", "10:00")
    assert f'<option value="{room.pk}" selected>' in page.text


@pytest.mark.parametrize("start", ["", "nonsense", "2026-11-17", "99999-01-01T00:00Z"])
def test_a_form_is_filled_in_only_with_what_is_a_time(desk, visit_type, start):
    page = desk.get("/admin/booking/closure/add/", {"start": start, "resource": "x"})
    assert page.status_code == 200


def test_who_may_not_close_is_not_led_there(visit_type):
    client = Client()
    user = a_colleague(group="")
    user.user_permissions.add(
        factories.Permission.objects.get(codename="view_appointment")
    )
    client.force_login(user)
    assert "closure/add" not in client.get(DAY).text


def test_an_empty_place_leads_to_the_page_that_books_it(desk, visit_type):
    room = Resource.objects.get(kind=ROOM)
    addresses = re.findall(r'href="([^"]*/phone/[^"]*)"', desk.get(DAY).text)
    assert (
        f"/admin/booking/appointment/phone/?resource={room.pk}"
        "&amp;day=2026-11-17&amp;start=2026-11-17T14%3A00Z"
    ) in addresses
    page = desk.get(html.unescape(addresses[0]))
    assert page.status_code == 200
    assert "Book for a caller" in text_of(page)


def test_nothing_past_can_be_closed_or_booked(desk, visit_type, clock):
    clock.move_to(NOW + timedelta(hours=2, minutes=10))
    page = desk.get(CALENDAR)
    starts = re.findall(r"start=([^&]+)&amp;end", page.text)
    assert set(starts) == {"2026-11-16T16%3A30Z"}
    clock.move_to(NOW)
    assert "closure/add" not in desk.get(f"{CALENDAR}?day=2026-11-13").text


def test_the_week_has_the_days_as_columns(desk, visit_type):
    a_booked_visit(visit_type, at("10:00", THURSDAY), patient=named("Vera"))
    page = desk.get(WEEK)
    words = text_of(page)
    assert "Calendar: Week of November 16" in words
    assert "Mon, Nov 16 Tue, Nov 17 Wed, Nov 18 Thu, Nov 19 Fri, Nov 20" in words
    assert "Sat" not in words
    assert cells_of(page)[4].startswith("10:00–10:30 AM Confirmed Vera Demo")


@pytest.mark.parametrize("view", [DAY, WEEK])
def test_one_kind_can_be_shown_alone(desk, visit_type, view):
    clinician, room = (Resource.objects.get(kind=kind) for kind in (CLINICIAN, ROOM))
    table = desk.get(f"{view}&kind=room").text.partition("<table")[2]
    assert room.name in table
    assert clinician.name not in table


def test_a_visit_that_is_over_stays_in_the_calendar(desk, visit_type):
    by = factories.a_front_desk_person()
    missed = a_booked_visit(visit_type, at("10:00"), patient=named("Nora"))
    seen = a_booked_visit(visit_type, at("11:00"), patient=named("Vera"))
    for visit, move in ((missed, Act.MISS), (seen, Act.COMPLETE)):
        workflow.attend(visit.pk, move, by=by, now=at("11:00"))
    assert not missed.reservations.exists()
    words = " ".join(cells_of(desk.get(DAY)))
    assert words.count("10:00–10:30 AM Did not come Nora Demo") == 2
    assert words.count("11:00–11:30 AM Completed Vera Demo") == 2


def test_another_visit_in_the_time_of_a_missed_one_stands_beside_it(desk, visit_type):
    by = factories.a_front_desk_person()
    missed = a_booked_visit(visit_type, at("10:00"), patient=named("Nora"))
    workflow.attend(missed.pk, Act.MISS, by=by, now=at("10:00"))
    asked = factories.a_new_request(visit_type, at("10:00"), patient=named("Vera"))
    workflow.book(asked, key=missed.uid, by=by, now=at("10:00"))
    [cell, _] = [c for c in cells_of(desk.get(DAY)) if "Nora" in c]
    assert "Did not come Nora Demo" in cell
    assert "Confirmed Vera Demo" in cell


def test_the_table_stays_inside_the_day(desk, visit_type):
    a_closure(at("00:00"), at("00:00", THURSDAY))
    times = re.findall(r'<th scope="row">([^<]+)', desk.get(DAY).text)
    assert (times[0], times[-1]) == ("9:00 AM", "4:30 PM")
    words = text_of(desk.get(WEEK))
    assert "Tue, Nov 17 until Wed, Nov 18 Closed: Training day" in words


def test_a_closure_of_parts_of_days_says_which(desk):
    a_practice()
    a_closure(at("16:00"), at("10:00", THURSDAY))
    # A long one is kept in stretches of a day.
    whole = "Tue, Nov 17, 4:00 PM until Thu, Nov 19, 10:00 AM"
    rooms = [cell for cell in cells_of(desk.get(WEEK)) if "Closed" in cell]
    assert rooms == [f"{whole} Closed: Training day"] * len(rooms)
    sheet = text_of(desk.get(f"{SHEET}?day={TUESDAY}"))
    assert whole in sheet
    assert "all day" not in sheet


def test_a_closure_of_several_days_is_one_cell_of_the_week(desk):
    visit = a_booked_visit(a_practice(), at("10:00", THURSDAY))
    a_closure(at("00:00"), at("00:00", FRIDAY + timedelta(days=1)))
    page = desk.get(WEEK)
    whole = "Tue, Nov 17 until Fri, Nov 20 Closed: Training day"
    # Each has Monday, two days as one, a day with a visit in it, and the last.
    cells = [cell for cell in cells_of(page) if "Closed" in cell]
    assert [c for c in cells if visit.patient.full_name not in c] == [whole] * 4
    assert sum("Confirmed" in cell and whole in cell for cell in cells) == 2
    assert page.text.count('colspan="2"') == 2


def test_a_day_without_anybody_says_so(desk, visit_type):
    page = text_of(desk.get(f"{CALENDAR}?day=2026-11-15"))
    assert "Nobody is there on this day, and nothing is booked. Choose" in page


@pytest.mark.parametrize(
    "asked",
    ["day=nonsense", "day=0001-01-01", "day=9999-12-31", "view=x", "kind=x", "day="],
)
@pytest.mark.parametrize("page", [CALENDAR, SHEET])
def test_what_cannot_be_read_is_today(desk, visit_type, page, asked):
    response = desk.get(f"{page}?{asked}")
    assert response.status_code == 200
    assert "Monday, November 16" in text_of(response)


@pytest.mark.parametrize("day", ["2026-03-08", "2026-11-01"])
def test_a_day_on_which_the_clocks_change_is_whole(desk, visit_type, day):
    clinician = Resource.objects.get(kind=CLINICIAN)
    clinician.hours.create(weekday=6, opens="00:00", closes="23:30")
    page = desk.get(f"{CALENDAR}?day={day}")
    rows = page.text.count('<th scope="row">')
    assert rows == 47 + (2 if day == "2026-11-01" else -2)


def test_no_name_stands_in_an_address(desk, visit_type):
    a_booked_visit(visit_type, at("10:00"), patient=named("Vera"))
    for page in (DAY, WEEK, f"{SHEET}?day={TUESDAY}"):
        for link in re.findall(r'href="([^"]+)"', desk.get(page).text):
            assert "Vera" not in link
        assert "Vera" not in re.findall("<title>(.*)</title>", desk.get(page).text)[0]


def test_the_bar_leads_to_the_calendar(desk, visit_type):
    assert f'<a href="{CALENDAR}"' in desk.get("/admin/").text


def test_looking_writes_nothing(desk, visit_type):
    a_request(visit_type)
    with nothing_written():
        for page in (DAY, WEEK, SHEET):
            desk.get(page)


def test_the_sheet_has_the_days_visits_in_order_and_what_is_closed(desk, visit_type):
    a_booked_visit(visit_type, at("11:00"), patient=named("Vera"))
    a_booked_visit(visit_type, at("10:00"), patient=named("Nora"))
    a_request(visit_type, at("15:00"), patient=named("Rosa"))
    a_closure(at("14:00"), at("15:00"), of=Resource.objects.get(kind=ROOM))
    page = desk.get(f"{SHEET}?day={TUESDAY}")
    words = text_of(page)
    assert words.index("10:00 AM Nora Demo") < words.index("11:00 AM Vera Demo")
    assert "(212) 555-0199" in words
    assert "Rosa" not in words
    assert ": 2:00–3:00 PM, Training day" in words


def test_the_sheet_is_cards_on_a_phone_and_a_table_on_paper(desk, visit_type):
    a_booked_visit(visit_type, at("10:00"))
    html = {SHEET: desk.get(f"{SHEET}?day={TUESDAY}").text}

    def hold(page: Page) -> tuple[bool, str, str]:
        page.goto(f"{HOST}{SHEET}")
        row = page.locator(".sheet tbody tr")
        scrolls = page.locator(".wide").evaluate("e => e.scrollWidth > e.clientWidth")
        shown = row.evaluate("e => getComputedStyle(e).display")
        page.emulate_media(media="print")
        return scrolls, shown, row.evaluate("e => getComputedStyle(e).display")

    assert look(html, hold, width=320) == (False, "block", "table-row")


@pytest.mark.parametrize("page", [DAY, WEEK, f"{SHEET}?day={TUESDAY}"])
def test_a_page_costs_as_many_queries_for_three_visits_as_for_one(
    desk, visit_type, page
):
    def fill(wall: str) -> Appointment:
        over = a_booked_visit(visit_type, at(wall))
        by = factories.a_front_desk_person()
        workflow.attend(over.pk, Act.COMPLETE, by=by, now=at("17:00"))
        a_request(visit_type, at(wall), at("16:00"))
        return a_booked_visit(visit_type, at(wall.replace(":00", ":30")))

    fill("09:00")
    desk.get(page)
    with CaptureQueriesContext(connection) as one:
        desk.get(page)
    fill("11:00"), fill("13:00")
    with CaptureQueriesContext(connection) as three:
        desk.get(page)
    assert len(one) == len(three)


@pytest.mark.either_database
def test_the_pages_can_be_used_by_everybody(desk, visit_type):
    for _ in range(3):
        a_practice()
    a_booked_visit(visit_type, at("09:00"))
    a_request(visit_type, at("10:00"))
    an_offer(somebody_waiting(visit_type), at("11:00"))
    a_closure(at("14:00"), at("15:00"))
    html = {
        CALENDAR: desk.get(DAY).text,
        f"{CALENDAR}week/": desk.get(WEEK).text,
        SHEET: desk.get(f"{SHEET}?day={TUESDAY}").text,
        SCRIPT: desk.get(SCRIPT).text,
    }
    assert_good_for_everybody(html)


def test_a_visit_is_dragged_to_a_free_place_and_opens_the_page_that_moves_it(
    desk, visit_type
):
    visit = a_booked_visit(visit_type, at("10:00"), patient=named("Vera"))
    a_request(visit_type, at("12:00"), patient=named("Rosa"))
    html = {CALENDAR: desk.get(DAY).text, address("move", visit): "Move"}

    def drag(page: Page) -> str:
        page.goto(f"{HOST}{CALENDAR}")
        before = page.url
        movable = page.locator("[draggable=true]")
        # Onto a visit: nothing.
        movable.first.drag_to(page.get_by_text("Rosa Demo").first)
        assert page.url == before
        # Onto the row of half past two, in the high free place of the clinician.
        place = page.locator("td[data-clinician]").last
        row = page.locator(f'tr[data-start="{as_value(at("14:30"))}"]')
        y = row.bounding_box()["y"] - place.bounding_box()["y"] + 5
        movable.first.drag_to(place, target_position={"x": 20, "y": y})
        page.wait_for_url("**/move/**")
        return page.url

    [clinician] = Resource.objects.filter(kind=CLINICIAN)
    url = look(html, drag)
    assert parse_qs(urlsplit(url).query) == {
        "start": [as_value(at("14:30"))],
        "clinician": [str(clinician.pk)],
        "back": [CALENDAR],
    }


def test_only_what_can_be_moved_is_dragged(desk, visit_type):
    visit = a_booked_visit(visit_type, at("10:00"))
    a_request(visit_type, at("12:00"))
    page = desk.get(DAY).text
    assert page.count("data-move=") == 2  # the clinician's and the room's
    Appointment.objects.filter(pk=visit.pk).update(status="arrived")
    assert "data-move=" not in desk.get(DAY).text
    assert "data-move=" not in desk.get(WEEK).text
