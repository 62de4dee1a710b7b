"""Staff plan a series: they see every date before anything is booked."""

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import Page, expect

from booking import integrity, workflow
from booking.models import Appointment, Hours, Reservation, Resource, VisitType
from booking.policy import Status
from tests.chromium import HOST, assert_good_for_everybody, serve
from tests.factories import (
    CLINICIAN,
    MACHINE,
    NOW,
    ROOM,
    TUESDAY,
    WEDNESDAY,
    a_booked_visit,
    a_closure,
    a_machine,
    a_practice,
    a_request,
    a_visit_type,
    at,
    choice,
)
from tests.records import nothing_written
from tests.security.pages import Form, forms_on

from .desk import a_colleague, address, said, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

WEEK = timedelta(days=7)


def plan(desk: Client, visit: Appointment, **asked: Any) -> HttpResponse:
    """Look at the plan, as the button "Show these dates" does."""
    return desk.get(address("series", visit), asked)


def form_of(page: HttpResponse) -> Form:
    (form,) = [
        form
        for form in forms_on(page.content.decode(), page.request["PATH_INFO"])
        if form.address.endswith("/series/")
    ]
    return form


def press(desk: Client, page: HttpResponse, **changed: Any) -> HttpResponse:
    """Press "Book these visits" on a plan that was shown."""
    form = form_of(page)
    return desk.post(form.address, form.filled_in | changed)


def rows_of(page: HttpResponse) -> list[str]:
    """Return the words of each row of the plan, with an x at what is chosen."""
    rows = re.findall(r"(?s)<tr\b.*?</tr>", page.content.decode())[1:]
    marked = (re.sub(r"<input[^>]* checked>", "[x]", row) for row in rows)
    open_ = (re.sub(r"<input[^>]*>", "[ ]", row) for row in marked)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in open_]


def button_of(page: HttpResponse) -> str:
    content = page.text.partition('id="idle"')[0]
    [words] = re.findall(r"<button class=\"button\">(.*?)</button>", content)
    return words


def starts() -> list[datetime]:
    booked = Appointment.objects.booked()
    return list(booked.values_list("start", flat=True))


# --- The plan ----------------------------------------------------------------------


def test_the_plan_shows_every_date_before_anything_is_booked(desk: Client) -> None:
    visit = a_request(a_practice(), at("10:00"))
    clinician, room = visit.reservations.order_by("resource__kind")

    with nothing_written():
        page = plan(desk, visit, count=3, weeks=2, first=choice(visit).pk)

    what = f"{clinician.resource}, {room.resource}"
    assert rows_of(page) == [
        f"1 tomorrow 10:00 AM this request, accepted · {what}",
        f"2 Tue, Dec 1, 10:00 AM · free Visit 2 [x] Book it · {what}"
        " [ ] Leave this one out",
        f"3 Tue, Dec 15, 10:00 AM · free Visit 3 [x] Book it · {what}"
        " [ ] Leave this one out",
    ]
    # No number: one of them can be left out by a radio, without a script.
    assert button_of(page) == "Book these visits"


def test_the_page_opens_on_six_weeks_from_the_first_free_choice(desk: Client) -> None:
    visit_type = a_practice(holds_first_choice=False)
    visit = a_request(visit_type, at("10:00"), at("11:00"))
    a_booked_visit(visit_type, at("10:00"))

    page = plan(desk, visit)

    assert len(rows_of(page)) == 6
    assert rows_of(page)[0].startswith("1 tomorrow 11:00 AM")


def test_the_visit_leads_to_the_plan(desk: Client) -> None:
    visit_type = a_practice()
    for visit in (
        a_request(visit_type, at("10:00")),
        a_booked_visit(visit_type, at("11:00")),
    ):
        page = desk.get(address("change", visit)).text
        assert f'href="{address("series", visit)}"' in page


def test_a_clash_says_why_and_offers_what_is_nearest(desk: Client) -> None:
    visit_type = a_practice()
    visit = a_booked_visit(visit_type, at("10:00"))
    a_booked_visit(visit_type, at("10:00", TUESDAY + WEEK))

    page = plan(desk, visit, count=2, weeks=1)

    row = rows_of(page)[1]
    assert row.startswith("2 Tue, Nov 24, 10:00 AM · taken Visit 2 [x] ")
    assert re.findall(r"(\[.\]) (\w+, \w+ \d+, [\d:]+ .M)", row) == [
        ("[x]", "Tue, Nov 24, 9:30 AM"),
        ("[ ]", "Tue, Nov 24, 10:30 AM"),
        ("[ ]", "Tue, Nov 24, 9:00 AM"),
    ]
    assert row.endswith("[ ] Leave this one out")


def test_on_a_closed_day_the_days_around_it_are_offered(desk: Client) -> None:
    visit = a_booked_visit(a_practice(), at("10:00"))
    closed = TUESDAY + WEEK
    a_closure(at("00:00", closed), at("00:00", closed + timedelta(days=1)))

    row = rows_of(plan(desk, visit, count=2, weeks=1))[1]

    assert "10:00 AM · closed: Training day" in row
    assert re.findall(r"(\[.\]) (\w+, \w+ \d+, [\d:]+ .M)", row) == [
        ("[x]", "Mon, Nov 23, 10:00 AM"),
        ("[ ]", "Wed, Nov 25, 10:00 AM"),
        ("[ ]", "Mon, Nov 23, 9:30 AM"),
    ]


def test_the_machine_in_use_is_named(desk: Client) -> None:
    a_practice(clinicians=2, rooms=2)
    a_machine()
    test = a_visit_type(takes=(CLINICIAN, ROOM, MACHINE))
    visit = a_booked_visit(test, at("10:00"))
    a_booked_visit(test, at("10:00", TUESDAY + WEEK))

    page = plan(desk, visit, count=2, weeks=1)

    assert "10:00 AM · the machine is in use" in rows_of(page)[1]


def test_a_date_with_nothing_near_is_left_out(desk: Client) -> None:
    visit = a_booked_visit(a_practice(), at("10:00"))
    away = TUESDAY + timedelta(days=3)
    a_closure(at("00:00", away), at("00:00", away + timedelta(days=9)))

    page = plan(desk, visit, count=3, weeks=1)

    assert rows_of(page)[1].endswith("Visit 2 [x] Leave this one out")
    press(desk, page)
    assert starts() == [at("10:00"), at("10:00", TUESDAY + 2 * WEEK)]


def test_ten_stays_ten_when_the_clocks_change(desk: Client) -> None:
    for before in (date(2027, 3, 9), date(2027, 11, 2)):
        visit = a_booked_visit(
            a_practice(horizon=400, lead_time=0), at("10:00", before)
        )
        page = plan(desk, visit, count=3, weeks=1)
        assert all(", 10:00 AM · free" in row for row in rows_of(page)[1:])
        press(desk, page)
        series = Appointment.objects.exclude(series=None).order_by("start")
        assert [v.start for v in series][-3:] == [
            at("10:00", before + n * WEEK) for n in range(3)
        ]


def test_an_hour_that_the_clocks_leave_out_is_outside_the_hours(desk: Client) -> None:
    visit_type = a_practice(horizon=400)
    Hours.objects.update(weekday=6, opens="01:00", closes="05:00")
    first = date(2027, 3, 7)
    visit = a_booked_visit(visit_type, at("02:30", first))

    rows = rows_of(plan(desk, visit, count=3, weeks=1))

    assert "AM · outside the hours" in rows[1]
    assert ", 2:30 AM · free" in rows[2]


def test_a_plan_of_twenty_six_costs_as_many_queries_as_one_of_two(desk: Client) -> None:
    visit_type = a_practice(clinicians=2, rooms=2)
    visit = a_request(visit_type, at("10:00"), at("11:00"))
    a_booked_visit(visit_type, at("10:00", TUESDAY + WEEK))
    plan(desk, visit)
    with CaptureQueriesContext(connection) as two:
        plan(desk, visit, count=2, weeks=1, first=choice(visit).pk)
    with CaptureQueriesContext(connection) as many:
        page = plan(desk, visit, count=26, weeks=12, first=choice(visit).pk)
    assert len(rows_of(page)) == 26
    assert len(many) == len(two)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"count": 1, "weeks": 1}, "greater than or equal to 2"),
        ({"count": 27, "weeks": 1}, "less than or equal to 26"),
        ({"count": 6, "weeks": 0}, "greater than or equal to 1"),
        ({"count": 6, "weeks": 13}, "less than or equal to 12"),
        ({"count": "", "weeks": "x"}, "Enter a whole number."),
    ],
)
def test_a_plan_that_is_too_long_or_none_is_refused_in_words(
    desk: Client, asked: dict[str, Any], error: str
) -> None:
    visit = a_booked_visit(a_practice())
    page = plan(desk, visit, **asked)
    assert error in text_of(page)
    assert "Book these" not in text_of(page)
    with nothing_written():
        assert error in text_of(desk.post(address("series", visit), asked))


def test_a_request_of_which_no_time_can_be_had_is_no_dead_end(desk: Client) -> None:
    visit_type = a_practice(holds_first_choice=False)
    visit = a_request(visit_type, at("10:00"))
    a_booked_visit(visit_type, at("10:00"))

    page = plan(desk, visit)

    assert "offer another, or phone the patient" in text_of(page)
    assert f'href="{address("change", visit)}"' in page.text


def test_a_day_on_which_the_patient_comes_already_is_left_out(desk: Client) -> None:
    visit = a_booked_visit(a_practice(clinicians=2, rooms=2), at("10:00"))
    press(desk, plan(desk, visit, count=3, weeks=1))

    visit.refresh_from_db()
    rows = rows_of(plan(desk, visit, count=4, weeks=1))

    for row in rows[1:3]:
        assert "this patient has a visit on that day" in row
        assert row.endswith("[x] Leave this one out")
    assert "[x] Book it" in rows[3]


# --- Who sees the patient ----------------------------------------------------------


def two_clinicians() -> tuple[VisitType, Resource, Resource]:
    visit_type = a_practice(clinicians=2, rooms=3)
    one, other = Resource.objects.filter(kind=CLINICIAN).order_by("pk")
    return visit_type, one, other


def whom(page: HttpResponse) -> list[str]:
    """Return who is chosen for each visit after the first."""
    chosen = (row.partition("[x] ")[2] for row in rows_of(page)[1:])
    return [words.partition(" · ")[2].partition(",")[0] for words in chosen]


def clinicians() -> list[Resource]:
    taken = Reservation.objects.filter(
        appointment__series__isnull=False, resource__kind=CLINICIAN
    ).order_by("start")
    return [row.resource for row in taken.select_related("resource")]


def wanted() -> list[Resource | None]:
    """Return whom the patient asks for, as each visit has it on record."""
    series = Appointment.objects.filter(series__isnull=False).order_by("start")
    return [v.wanted_clinician for v in series.select_related("wanted_clinician")]


def test_one_sees_the_patient_each_time_if_one_can(desk: Client) -> None:
    """Whose turn it is on each date would be another from week to week."""
    visit_type, one, other = two_clinicians()
    a_booked_visit(visit_type, at("14:00"), clinician=other)
    for n in range(1, 6):
        busy = one if n % 2 else other
        a_booked_visit(visit_type, at("14:00", TUESDAY + n * WEEK), clinician=busy)
    a_booked_visit(visit_type, at("10:00", TUESDAY + 3 * WEEK), clinician=one)
    visit = a_request(visit_type, at("10:00"))

    page = plan(desk, visit)

    assert whom(page) == [other.name] * 5
    assert f"As planned here, all are with {other}." in text_of(page)
    press(desk, page)
    assert clinicians() == [other] * 6
    assert wanted() == [None] * 6  # which was the page's own choice
    assert integrity.faults(NOW) == []


def test_where_none_can_the_page_says_at_which_visits_others_do(desk: Client) -> None:
    visit_type, one, other = two_clinicians()
    a_booked_visit(visit_type, at("10:00", TUESDAY + 2 * WEEK), clinician=one)
    for n in (3, 4):
        a_booked_visit(visit_type, at("10:00", TUESDAY + n * WEEK), clinician=other)
    visit = a_booked_visit(visit_type, at("10:00"), clinician=one)
    Appointment.objects.filter(pk=visit.pk).update(wanted_clinician=None)

    page = plan(desk, visit)

    assert whom(page) == [one.name, other.name, one.name, one.name, one.name]
    words = text_of(page)
    assert (
        f"As planned here, all are with {one}, but for visit 3 with {other}." in words
    )
    changed = rows_of(page)[2]
    assert f"10:00 AM · not with {one} Visit 3 [x] Book it · {other}, " in changed
    assert f"[ ] Tue, Dec 1, 9:30 AM · {one}, " in changed
    assert f"{one}, can do 5 of the times planned" in words
    assert f"{other}, can do 3 of the times planned" in words
    press(desk, page)
    assert clinicians() == [one, one, other, one, one, one]


def test_staff_choose_who_sees_the_patient(desk: Client) -> None:
    visit_type, _one, other = two_clinicians()
    visit = a_request(visit_type, at("10:00"))
    for who in Resource.objects.filter(kind=CLINICIAN):
        page = plan(desk, visit, count=3, weeks=1, clinician=who.pk)
        assert whom(page) == [who.name] * 2
        assert f"this request, accepted · {who}" in rows_of(page)[0]

    press(desk, plan(desk, visit, count=3, weeks=1, clinician=other.pk))

    assert clinicians() == [other] * 3
    assert wanted() == [other] * 3


def test_who_asked_for_somebody_is_seen_by_nobody_else(desk: Client) -> None:
    visit_type, one, other = two_clinicians()
    a_booked_visit(visit_type, at("10:00", TUESDAY + WEEK), clinician=other)
    visit = a_request(visit_type, at("10:00"), clinician=other)

    page = plan(desk, visit, count=3, weeks=1)

    assert whom(page) == [other.name] * 2
    assert "[x] Tue, Nov 24, 9:30 AM" in rows_of(page)[1]
    assert f"{other}, whom the patient asked for" in text_of(page)
    # Staff may still agree on somebody else with them.
    page = plan(desk, visit, count=3, weeks=1, clinician=one.pk)
    assert whom(page) == [one.name] * 2
    said = f"As planned here, all are with {one}, but for visit 1 with {other}."
    assert said in text_of(page)
    press(desk, page)
    assert clinicians() == [other, one, one]
    assert wanted() == [other, one, one]
    assert integrity.faults(NOW) == []


def test_nobody_else_takes_over_after_the_page_was_shown(desk: Client) -> None:
    visit_type, one, other = two_clinicians()
    visit = a_request(visit_type, at("10:00"))
    page = plan(desk, visit, count=3, weeks=1, clinician=one.pk)
    a_booked_visit(visit_type, at("10:00", TUESDAY + WEEK), clinician=one)

    with nothing_written():
        again = press(desk, page)

    assert whom(again) == [other.name, one.name]
    assert "Not all of these times can be had now" in text_of(again)
    press(desk, again)
    assert clinicians() == [one, other, one]


def test_somebody_who_could_not_see_them_is_not_chosen(desk: Client) -> None:
    visit_type, one, _other = two_clinicians()
    visit = a_booked_visit(visit_type, at("10:00"))
    page = plan(desk, visit, count=2, weeks=1, clinician=one.pk)
    room = Resource.objects.filter(kind=ROOM)[0]
    value = form_of(page).filled_in["visit_2"][0].partition("/")[0]
    with nothing_written():
        for wrong in (room.pk, "x", 10**9):
            again = press(desk, page, visit_2=f"{value}/{wrong}")
            assert "Choose from the times shown." in text_of(again)


# --- Booking it --------------------------------------------------------------------


def test_pressing_the_button_books_what_is_chosen(desk: Client) -> None:
    visit_type = a_practice()
    visit = a_request(visit_type, at("10:00"), at("14:00"))
    a_booked_visit(visit_type, at("14:00", TUESDAY + WEEK))
    page = plan(desk, visit, count=4, weeks=1, first=choice(visit, 2).pk)

    response = press(desk, page, visit_4="")

    assert response["Location"] == address("change", visit)
    assert said(response) == [
        "3 visits are booked. The last is on Tuesday, December 1, 2:00 PM."
        " 1 was left out."
    ]
    series = Appointment.objects.exclude(series=None).order_by("start")
    assert [v.start for v in series] == [
        at("14:00"),
        at("13:30", TUESDAY + WEEK),
        at("14:00", TUESDAY + 2 * WEEK),
    ]
    assert {v.status for v in series} == {Status.BOOKED}
    assert integrity.faults(NOW) == []


def test_another_time_is_chosen_by_its_radio(desk: Client) -> None:
    visit_type = a_practice()
    visit = a_booked_visit(visit_type, at("10:00"))
    a_booked_visit(visit_type, at("10:00", TUESDAY + WEEK))
    page = plan(desk, visit, count=2, weeks=1)
    values = re.findall(r'name="visit_2" value="([^"]*)"', page.text)

    press(desk, page, visit_2=values[1])

    assert starts()[-1] == at("10:30", TUESDAY + WEEK)


def test_the_visit_shows_its_place_and_leads_to_the_others(desk: Client) -> None:
    visit = a_request(a_practice(), at("10:00"))
    press(desk, plan(desk, visit, count=3, weeks=1, first=choice(visit).pk))
    first, second, third = Appointment.objects.order_by("start")
    workflow.cancel(third.pk, by=workflow.PATIENT, now=NOW)

    page = desk.get(address("change", second))

    words = text_of(page)
    assert "Visit 2 of 3" in words
    assert "Tue, Dec 1, 10:00 AM" in words
    assert "Booked by staff: Tuesday, November 24, 10:00 AM · Ana Demo" in words
    links = re.findall(r'<li><a href="([^"]+)"', page.text)
    assert links == [address("change", first), address("change", third)]


def test_a_time_that_went_meanwhile_is_marked_and_all_else_is_kept(
    desk: Client,
) -> None:
    visit_type = a_practice()
    visit = a_booked_visit(visit_type, at("10:00"))
    a_booked_visit(visit_type, at("10:00", TUESDAY + WEEK))
    page = plan(desk, visit, count=5, weeks=1)
    later = re.findall(r'name="visit_2" value="([^"]*)"', page.text)[2]
    a_request(visit_type, at("10:00", TUESDAY + 3 * WEEK))

    with nothing_written():
        again = press(desk, page, visit_2=later, visit_3="")

    words = text_of(again)
    assert "Not all of these times can be had now. Nothing was booked" in words
    assert words.startswith("Error: ")
    assert 'role="alert" tabindex="-1" autofocus' in again.text
    rows = rows_of(again)
    assert "[x] Tue, Nov 24, 9:00 AM" in rows[1]
    assert rows[2].endswith("[x] Leave this one out")
    assert "Tue, Dec 8, 10:00 AM went meanwhile." in rows[3]
    assert "[x] Tue, Dec 8, 9:30 AM" in rows[3]
    assert "[x] Book it" in rows[4]
    assert again.text.count(" went meanwhile.") == 1

    press(desk, again)
    assert at("09:30", TUESDAY + 3 * WEEK) in starts()
    assert len(starts()) == 5


def test_a_first_time_that_went_meanwhile_gives_way_to_the_next(desk: Client) -> None:
    visit_type = a_practice(holds_first_choice=False)
    visit = a_request(visit_type, at("10:00"), at("10:30"))
    page = plan(desk, visit, count=3, weeks=1, first=choice(visit).pk)
    a_booked_visit(visit_type, at("10:00"))

    with nothing_written():
        again = press(desk, page, visit_3="")

    assert "The first time can no longer be had." in text_of(again)
    rows = rows_of(again)
    assert rows[0].startswith("1 tomorrow 10:30 AM")
    assert "[x] Tue, Nov 24, 10:00 AM" in rows[1]
    assert rows[2].endswith("[x] Leave this one out")


def test_a_double_click_books_once_and_answers_the_same(desk: Client) -> None:
    for visit in (
        a_request(a_practice(), at("10:00")),
        a_booked_visit(a_practice(), at("10:00")),
    ):
        page = plan(desk, visit, count=3, weeks=1)
        first = press(desk, page)
        with nothing_written():
            second = press(desk, page)
        assert second["Location"] == first["Location"]
        assert said(second)[-1] == said(first)[-1]
        assert "3 visits are booked." in said(second)[-1]


@pytest.mark.either_database  # it is about the browser
def test_who_goes_back_finds_nothing_chosen_but_what_the_page_says(
    desk: Client, page: Page
) -> None:
    """Browsers put radios back by their place, whatever stands there by now."""
    visit = a_booked_visit(a_practice(), at("10:00"))
    serve(page, desk)
    page.goto(f"{HOST}{address('series', visit)}?count=3&weeks=1")
    page.get_by_role("button", name="Book these visits").click()
    expect(page.get_by_role("status")).to_contain_text("3 visits are booked.")

    page.go_back()

    expect(page.get_by_text("this patient has a visit on that day")).to_have_count(2)
    left_out = page.get_by_role("radio", name="Leave this one out")
    assert [radio.is_checked() for radio in left_out.all()] == [True, True]


def test_the_same_page_with_other_choices_is_refused_in_words(desk: Client) -> None:
    visit = a_request(a_practice(), at("10:00"))
    page = plan(desk, visit, count=3, weeks=1, first=choice(visit).pk)
    press(desk, page)

    with nothing_written():
        again = press(desk, page, visit_3="")

    words = text_of(again)
    assert "already sent, with other content" in words
    assert "Look at what was booked" in words
    assert f'href="{address("change", visit)}"' in again.text
    rows = rows_of(again)
    assert "this patient has a visit on that day" in rows[1]
    assert all(row.endswith("[x] Leave this one out") for row in rows[1:])
    assert "went meanwhile" not in words


def test_a_plan_with_nothing_chosen_says_what_is_missing(desk: Client) -> None:
    visit = a_booked_visit(a_practice(), at("10:00"))
    page = plan(desk, visit, count=3, weeks=1)

    with nothing_written():
        again = press(desk, page, visit_2="", visit_3="")

    assert "There is a problem Choose at least one visit more." in text_of(again)
    assert rows_of(again)[1].endswith("[x] Leave this one out")


@pytest.mark.parametrize("text", ["x", "2026-11-24", "2026-11-24T15:00:01Z", "\0"])
def test_a_time_that_cannot_be_read_books_nothing(desk: Client, text: str) -> None:
    visit = a_booked_visit(a_practice(), at("10:00"))
    page = plan(desk, visit, count=2, weeks=1)
    with nothing_written():
        again = press(desk, page, visit_2=text)
    assert "Choose from the times shown." in text_of(again)


def test_a_time_far_from_the_date_is_not_taken_for_free(desk: Client) -> None:
    visit = a_booked_visit(a_practice(), at("10:00"))
    page = plan(desk, visit, count=2, weeks=1)
    away = "2027-01-01T03:00Z"
    with nothing_written():
        again = press(desk, page, visit_2=away)
    assert "went meanwhile" in text_of(again)
    assert away not in again.text


def test_a_visit_that_changed_meanwhile_leads_back_to_it(desk: Client) -> None:
    visit = a_request(a_practice(), at("10:00"))
    page = plan(desk, visit, count=3, weeks=1, first=choice(visit).pk)
    workflow.cancel(visit.pk, by=workflow.PATIENT, now=NOW)

    with nothing_written():
        response = press(desk, page)

    assert response["Location"] == address("change", visit)
    assert said(response)[-1] == (
        f"{visit.reference}: Somebody was faster. Request withdrawn by the patient,"
        " today 9:00 AM."
    )
    assert plan(desk, visit)["Location"] == address("change", visit)


def test_an_old_page_books_nothing(desk: Client) -> None:
    visit = a_booked_visit(a_practice(), at("10:00"))
    page = plan(desk, visit, count=2, weeks=1)
    for seen in ("1", "", "x", "9" * 40):
        with nothing_written():
            response = press(desk, page, seen_version=seen)
        assert "This visit has changed since you opened" in said(response)[-1]


def test_somebody_without_the_right_sees_no_plan(client: Client) -> None:
    visit = a_request()
    client.force_login(a_colleague("", username="lou"))
    with nothing_written():
        assert client.get(address("series", visit)).status_code == 403
        assert client.post(address("series", visit)).status_code == 403


# --- How it looks ------------------------------------------------------------------


@pytest.mark.either_database
def test_the_pages_can_be_used_by_everybody(desk: Client) -> None:
    visit_type = a_practice(clinicians=2, rooms=2)
    visit = a_request(visit_type, at("10:00"), at("14:00"))
    a_closure(at("00:00", WEDNESDAY), at("00:00", WEDNESDAY + WEEK))
    page = plan(desk, visit)
    a_closure(at("00:00", TUESDAY + 2 * WEEK), at("12:00", TUESDAY + 2 * WEEK))
    answers = {
        "/plan/": page,
        "/went/": press(desk, page),
        "/error/": plan(desk, visit, count=99, weeks=1, first=choice(visit).pk),
    }
    assert "went meanwhile" in answers["/went/"].text
    page = plan(desk, visit)
    press(desk, page)
    answers["/visit/"] = desk.get(address("change", visit))
    answers["/twice/"] = press(desk, page, visit_3="")
    pages = {path: answer.text for path, answer in answers.items()}
    assert_good_for_everybody(pages)
