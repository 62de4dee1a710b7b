"""The front desk offers one to three other times, and sees the message beforehand."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse, QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from booking import integrity
from booking.admin.offering import OfferPage
from booking.errors import TimeTaken
from booking.models import Appointment, Resource, VisitType
from booking.words import as_value
from tests import factories
from tests.chromium import SCRIPT, assert_good_for_everybody
from tests.factories import (
    MONDAY,
    NOW,
    WEDNESDAY,
    a_booked_visit,
    a_closure,
    a_practice,
    a_request,
    at,
    patient_details,
    somebody_waiting,
)
from tests.records import events_of, held_by, messages_of, nothing_written

from .desk import a_colleague, address, said, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DESK = "/admin/"
WAITING = "/admin/booking/waitinglistentry/"
TWO = ("11:00", "14:30")


@pytest.fixture
def visit(visit_type: VisitType) -> Appointment:
    return a_request(visit_type, at("10:00"))


def send(
    desk: Client, visit: Appointment, *walls: str, button: str = "send", **more: Any
) -> HttpResponse:
    """Press a button of the page with these times of Tuesday ticked."""
    data = {
        "starts": [as_value(at(wall)) for wall in walls],
        "hours": "24",
        "seen_version": visit.version,
        "back": DESK,
        button: "",
    }
    return desk.post(address("propose", visit), data | more)


def ticked(page: HttpResponse) -> list[str]:
    """Return what is ticked, as a reader hears it."""
    html = page.content.decode().replace("\xa0", " ")
    return re.findall(r'aria-label="([^"]*)" checked>', html)


def offers_of(visit: Appointment) -> list[Any]:
    offers = visit.proposals.offers().order_by("rank")
    return list(offers.values_list("start", "expires_at"))


def test_the_heading_keeps_the_reference_whole(
    desk: Client, visit: Appointment
) -> None:
    page = desk.get(address("propose", visit)).content.decode()
    assert f"<h1>Offer times to <bdi>{visit.reference}</bdi></h1>" in page


def test_an_offer_ends_on_a_day_on_which_somebody_answers_the_phone(
    visit: Appointment,
) -> None:
    def shown(now: datetime) -> tuple[str, int]:
        form = OfferPage(visit, QueryDict(), now).form
        hours = " ".join(n for n, _words in form.fields["hours"].choices)
        return hours, form.initial["hours"]

    friday = at("15:00", factories.FRIDAY)
    assert shown(NOW) == ("4 24 48 72", 24)
    assert shown(friday) == ("4 24 48 72", 72)
    monday = factories.FRIDAY + timedelta(days=3)
    a_closure(at("00:00", monday), at("23:59", monday), now=NOW)
    assert shown(friday) == ("4 24 48 72 96", 96)


def test_what_has_ended_has_no_button_before_it_is_swept(
    desk: Client, visit: Appointment, clock: Traveller
) -> None:
    send(desk, visit, *TWO)
    waiting = somebody_waiting(visit.visit_type)
    factories.an_offer(waiting, at("16:00"))
    pages = (address("change", visit), address("change", waiting), WAITING)
    assert all("for the caller" in desk.get(page).text for page in pages)
    clock.move_to(NOW + timedelta(hours=24))
    desk.force_login(User.objects.get())
    for page in pages:
        shown = text_of(desk.get(page))
        assert "with no answer, and is about to be taken off" in shown
        for button in ("for the caller", "None suits", "Take the offer back"):
            assert button not in shown


def test_for_a_request_the_nearest_free_times_are_ticked(desk, visit_type):
    visit = a_request(visit_type, at("10:00"))
    page = desk.get(address("propose", visit))
    assert ticked(page) == [
        "Tuesday, November 17, 9:30 AM, 30 minutes",
        "Wednesday, November 18, 10:00 AM, 30 minutes",
        "Thursday, November 19, 10:00 AM, 30 minutes",
    ]
    starts = re.findall(r'name="starts" value="([^"]+)"[^>]*checked', page.text)
    assert said(send(desk, visit, starts=starts))[0].startswith(
        f"{visit.reference}: offered, and kept until Tuesday, November 17, 9:00 AM."
    )
    assert "The patient asked for: Tuesday, November 17, 10:00 AM" in text_of(page)


def test_who_asked_for_somebody_who_left_can_be_offered_another(desk, visit_type):
    factories.a_clinician()
    gone = Resource.objects.filter(kind="clinician").first()
    visit = a_request(visit_type, at("10:00"), clinician=gone)
    Resource.objects.filter(pk=gone.pk).update(is_active=False)

    page = text_of(desk.get(address("propose", visit)))
    assert f"{gone}, whom the patient asked for, sees nobody here any more." in page
    page = text_of(send(desk, visit, *TWO, button="preview"))
    assert "It will be with another clinician than you asked for." in page
    send(desk, visit, *TWO)
    visit.refresh_from_db()
    assert (visit.status, visit.wanted_clinician) == ("proposed", None)


def test_looking_and_previewing_write_nothing(desk, visit):
    with nothing_written():
        desk.get(address("propose", visit))
        page = send(desk, visit, *TWO, button="preview")
    words = text_of(page)
    assert "The patient will read" in words
    assert "Not booked yet – choose a time by Tue, Nov 17, 9:00 AM" in words
    assert "We suggest another time than you asked for. It is not booked yet" in words
    assert "Until then we keep these times for you." in words
    assert "1. Tuesday, November 17, 11:00 AM" in words
    assert "2. Tuesday, November 17, 2:30 PM" in words
    assert len(ticked(page)) == 2


def test_the_patient_is_offered_what_was_chosen(desk, visit):
    response = send(desk, visit, *TWO)
    assert response["Location"] == DESK
    assert said(response) == [
        f"{visit.reference}: offered, and kept until Tuesday, November 17, 9:00 AM."
    ]
    visit.refresh_from_db()
    until = NOW + timedelta(hours=24)
    assert visit.status == "proposed"
    assert offers_of(visit) == [(at("11:00"), until), (at("14:30"), until)]
    assert {start for _, start, _ in held_by(visit)} == {at("11:00"), at("14:30")}
    assert messages_of(visit)[-1] == ("offered", "email")
    assert integrity.faults(NOW) == []


def test_the_message_is_the_one_that_was_shown(desk, visit):
    shown = text_of(send(desk, visit, *TWO, button="preview"))
    send(desk, visit, *TWO)
    sent = visit.messages.get(kind="offered")
    assert sent.subject in shown
    for line in sent.text.split("\n"):
        if "http" not in line and "/appointment/" not in line:
            assert " ".join(line.split()) in shown


def test_a_patient_without_email_is_phoned(desk, visit_type):
    visit = a_request(visit_type, at("10:00"), patient=patient_details(email=""))
    assert "Somebody will have to say by phone" in text_of(
        send(desk, visit, *TWO, button="preview")
    )
    [told] = said(send(desk, visit, *TWO))
    assert told.endswith("Phone the patient to say so.")


def test_no_offer_outlives_the_first_time(desk, visit):
    send(desk, visit, "09:00", hours="72")
    assert offers_of(visit) == [(at("09:00"), at("09:00"))]


def test_turning_the_page_keeps_what_is_ticked(desk, visit):
    with nothing_written():
        page = send(desk, visit, *TWO, button="from", **{"from": "2026-11-25"})
    assert ticked(page) == [
        "Tuesday, November 17, 11:00 AM, 30 minutes",
        "Tuesday, November 17, 2:30 PM, 30 minutes",
    ]
    assert "Wednesday, November 25" in text_of(page)
    assert "Chosen so far" in text_of(page)


@pytest.mark.parametrize(
    ("walls", "more", "error"),
    [
        ([], {}, "Choose at least one time."),
        (
            ["11:00", "11:30", "12:00", "12:30"], {},
            "Choose three times at most. Take the tick off the rest.",
        ),
        (["11:00"], {"hours": ""}, "Choose until when the patient can answer."),
        (["11:00"], {"hours": "99"}, "Choose until when the patient can answer."),
        ([], {"starts": ["nonsense"]}, "Choose from the times shown."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("button", ["send", "preview"])
def test_what_is_missing_is_said_and_nothing_is_offered(
    desk, visit, walls, more, error, button
):
    with nothing_written():
        page = send(desk, visit, *walls, button=button, **more)
    assert error in text_of(page)
    assert "<title>Error:" in page.text
    ids = re.findall(r' id="([^"]+)"', page.text)
    assert len(ids) == len(set(ids))


def test_a_time_that_went_meanwhile_is_named_and_the_rest_stays(desk, visit):
    a_booked_visit(visit.visit_type, at("11:00"))
    with nothing_written():
        page = send(desk, visit, *TWO)
    assert "No longer free: tomorrow 11:00 AM. Choose another time." in text_of(page)
    assert ticked(page) == ["Tuesday, November 17, 2:30 PM, 30 minutes"]


def test_a_time_that_was_closed_meanwhile_is_named_with_the_reason(desk, visit):
    factories.a_closure(at("11:00"), at("12:00"), reason="Training day")
    with nothing_written():
        page = send(desk, visit, *TWO)
    assert (
        "No longer free: tomorrow 11:00 AM (closed: Training day). Choose another time."
    ) in text_of(page)


def test_a_time_that_goes_in_the_last_moment_is_said_to_be_gone(desk, visit):
    said = QueryDict(f"hours=24&starts={as_value(at('11:00'))}")
    page = OfferPage(visit, said, NOW)
    assert page.is_fit()
    theirs = a_booked_visit(visit.visit_type, at("11:00"))
    with nothing_written(), pytest.raises(TimeTaken) as refusal:
        page.make(factories.a_front_desk_person(), visit.version)
    page.refused(refusal.value)
    gone, taken = page.form.errors["starts"]
    assert gone == "No longer free: tomorrow 11:00\xa0AM. Choose another time."
    assert taken.startswith(f"{theirs.reference} has it: Accepted: ")
    assert page.ticked() == []


def test_pressed_twice_it_is_offered_once(desk, visit):
    first = send(desk, visit, *TWO)
    with nothing_written():
        second = send(desk, visit, *TWO)
    assert said(second)[-1] == said(first)[0]
    assert messages_of(visit).count(("offered", "email")) == 1


def test_a_slower_colleague_is_told(desk, visit):
    other = Client()
    other.force_login(a_colleague(username="ben", first_name="Ben"))
    send(other, visit, *TWO)
    with nothing_written():
        response = send(desk, visit, "15:00")
    assert "by Ben Demo, today 9:00 AM." in said(response)[-1]


def test_what_was_offered_already_leads_back(desk, visit):
    send(desk, visit, *TWO)
    visit.refresh_from_db()
    response = desk.get(address("propose", visit))
    assert response.status_code == 302
    page = desk.get(f"/admin/booking/appointment/{visit.pk}/change/")
    assert "Offer another time…" not in text_of(page)


def test_who_has_a_time_keeps_it_until_they_choose(desk, visit_type):
    visit = a_booked_visit(visit_type, at("10:00"))
    held = held_by(visit)
    assert ticked(desk.get(address("propose", visit))) == []
    words = text_of(send(desk, visit, "14:00", button="preview"))
    assert "Your appointment on Tuesday, November 17, 10:00 AM EST stays as it" in words
    send(desk, visit, "14:00")
    visit.refresh_from_db()
    assert (visit.status, visit.start) == ("booked", at("10:00"))
    assert set(held) < set(held_by(visit))


def test_who_waits_is_offered_a_time_by_hand(desk):
    visit = somebody_waiting(a_practice())
    page = desk.get(f"/admin/booking/appointment/{visit.pk}/change/")
    assert "Offer a time…" in text_of(page)
    send(desk, visit, "14:00")
    assert [act for _, act, *_ in events_of(visit)] == ["join", "offer"]


def test_with_no_time_that_was_asked_for_an_offer_is_the_first_thing(desk, visit_type):
    a_booked_visit(visit_type, at("10:00"))
    visit = a_request(a_practice(), at("10:00"))
    factories.a_closure(at("00:00"), at("00:00", WEDNESDAY))
    page = desk.get(DESK)
    link = re.search(r'<a class="(button[^"]*)"[^>]*>Offer another', page.text)
    assert link
    assert link[1] == "button"
    assert visit.reference in text_of(page)


def test_with_nothing_free_the_page_says_why_and_what_to_do(desk, visit):
    factories.a_closure(NOW, NOW + timedelta(days=90))
    words = text_of(desk.get(address("propose", visit)))
    assert "No time is free until Friday, January 15. Phone the patient" in words
    assert "Closed: Training day." in words
    assert "Call us" not in words


def test_times_that_overlap_cannot_all_be_kept(desk):
    visit = a_request(a_practice(step=15), at("10:00"))
    with nothing_written():
        page = send(desk, visit, "10:00", "10:15", "11:00")
    said_so = "tomorrow 10:15 AM cannot be kept beside the others: they overlap."
    assert said_so in text_of(page)
    assert len(ticked(page)) == 3


def test_a_time_that_begins_this_moment_cannot_be_offered(desk, visit, clock):
    clock.move_to(at("10:30", MONDAY))
    page = send(desk, visit, button="from", **{"from": "2026-11-16"})
    assert 'value="2026-11-16T15:30Z"' not in page.text
    assert 'value="2026-11-16T16:00Z"' in page.text


def test_the_page_costs_as_many_queries_for_three_visits_as_for_one(desk, visit):
    there = address("propose", visit)
    desk.get(there)
    with CaptureQueriesContext(connection) as one:
        desk.get(there)
    for wall in TWO:
        a_booked_visit(visit.visit_type, at(wall))
    with CaptureQueriesContext(connection) as three:
        desk.get(there)
    assert len(one) == len(three)


@pytest.mark.either_database
def test_the_pages_can_be_used_by_everybody(desk, visit):
    there = address("propose", visit)
    pages = {
        there: desk.get(there),
        f"{there}preview/": send(desk, visit, *TWO, button="preview"),
        f"{there}wrong/": send(desk, visit),
        SCRIPT: desk.get(SCRIPT),
    }
    html = {path: page.content.decode() for path, page in pages.items()}
    assert_good_for_everybody(html)
