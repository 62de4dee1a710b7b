"""The front desk sees who waits and why, and acts for callers; a manager sets rules."""

import re
from datetime import time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booking import waiting_list, workflow
from booking.models import Appointment, Resource, WaitingListRules
from booking.workflow import PATIENT
from tests import factories
from tests.chromium import assert_good_for_everybody
from tests.factories import (
    FRIDAY,
    NOW,
    a_booked_visit,
    a_practice,
    a_request,
    a_wish,
    an_offer,
    at,
    offered,
    somebody_waiting,
)
from tests.records import events_of, messages_of, nothing_written, places_of

from .desk import a_colleague, address, named, said, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LIST = "/admin/booking/waitinglistentry/"
RULES = "/admin/booking/waitinglistrules/"


def press(
    desk: Client, visit: Appointment, act: str = "offer", **values: Any
) -> HttpResponse:
    """Send what a button beside somebody who waits sends."""
    visit.refresh_from_db()
    sent = {"seen_version": visit.version, "back": LIST}
    return desk.post(address(act, visit), sent | values)


def with_a_time(**values: Any) -> Appointment:
    visit = a_booked_visit(a_practice(), at("15:00", FRIDAY), **values)
    return workflow.want_earlier(visit.pk, a_wish(), by=PATIENT, now=NOW)


def articles(response: HttpResponse) -> list[str]:
    """Return the words about each who waits, in order, without the buttons."""
    found = re.findall(r"(?s)<article.*?</article>", response.content.decode())
    plain = [re.sub(r"(?s)<form.*?</form>|<[^>]+>", " ", one) for one in found]
    return [" ".join(one.split()) for one in plain]


# --- The list --------------------------------------------------------------------


def test_who_waits_is_seen_in_order_with_wish_and_reason(desk: Client) -> None:
    visit_type = a_practice()
    offered_one = somebody_waiting(visit_type, patient=named("First"))
    wish = a_wish(weekdays=(0, 2), part="afternoon", notice=24 * 60)
    somebody_waiting(visit_type, wish, patient=named("Second"))
    booked = a_booked_visit(visit_type, at("09:00"), patient=named("Third"))
    workflow.want_earlier(booked.pk, a_wish(), by=PATIENT, now=NOW)
    an_offer(offered_one, at("10:00"))

    page = desk.get(LIST)

    first, second, third = articles(page)
    assert first.startswith(f"1. Pat First · {visit_type} Has no time")
    assert "Now: offered tomorrow 10:00 AM, until today 11:00 AM" in first
    assert "waits since today 9:00 AM · 1 offer so far" in first
    assert second.startswith("2. Pat Second")
    assert "Now: next: Wed, Nov 18, 12:00 PM" in second
    assert (
        "Between: Tuesday, November 17 and Tuesday, December 15 · Days: Monday,"
        " Wednesday · Time of day: Afternoon · Notice: At least 1 day before" in second
    )
    assert third.startswith("3. Pat Third")
    assert "Has tomorrow 9:00 AM, wants earlier" in third
    assert "Now: nothing is free before their own time" in third
    assert 'href="/admin/booking/waitinglistentry/"' in desk.get("/admin/").text


def test_who_calls_is_offered_a_time_from_the_list(desk: Client) -> None:
    """Whoever has an offer already answers that first."""
    visit_type = a_practice()
    somebody, other = somebody_waiting(visit_type), somebody_waiting(visit_type)
    an_offer(other, at("10:00"))
    shown = desk.get(LIST).text
    assert f'{address("propose", somebody)}?back={LIST}"' in shown
    assert address("propose", other) not in shown
    assert desk.get(address("change", somebody)).text.count("Offer a time…") == 1


def test_with_nobody_waiting_the_list_says_how_people_get_on_it(desk: Client) -> None:
    workflow.leave(somebody_waiting().pk, by=PATIENT, now=NOW)

    page = desk.get(LIST)

    assert articles(page) == []
    assert "Nobody waits." in text_of(page)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda visit: None, "next: tomorrow 9:00 AM"),
        (
            lambda visit: visit.waiting_list_entries.update(offers_made=5),
            "has had 5 offers: talk with them",
        ),
        (
            lambda visit: visit.waiting_list_entries.update(earliest="2026-12-14"),
            "no free time between these days",
        ),
        (
            lambda visit: visit.waiting_list_entries.update(weekdays="6"),
            "no free time on these weekdays",
        ),
        (
            lambda visit: visit.waiting_list_entries.update(notice=90 * 24 * 60),
            "what is free comes too soon for them",
        ),
        (
            lambda visit: WaitingListRules.objects.update_or_create(
                pk=1, defaults={"quiet_from": time(8), "quiet_until": time(10)}
            ),
            "quiet hours until today 10:00 AM",
        ),
        (
            lambda visit: Resource.objects.update(is_active=False),
            "no free time for this visit",
        ),
    ],
)
def test_everybody_who_is_passed_over_has_a_reason(
    desk: Client, prepare: Any, words: str
) -> None:
    # Four weeks of wishes, and two weeks of times.
    visit = somebody_waiting(a_practice(horizon=14))
    prepare(visit)

    [article] = articles(desk.get(LIST))

    assert f"Now: {words}" in article


def test_every_reason_has_words(desk: Client) -> None:
    from booking.admin.words import _WHY  # noqa: PLC0415

    assert set(_WHY) == set(waiting_list.Why)


def test_reading_the_list_costs_the_same_for_one_and_for_ten(desk: Client) -> None:
    visit_type = a_practice()
    somebody_waiting(visit_type)
    desk.get(LIST)
    with CaptureQueriesContext(connection) as one:
        desk.get(LIST)
    for n in range(9):
        visit = somebody_waiting(visit_type)
        if n % 2:
            an_offer(visit, at(f"1{n // 2}:00"))
    with CaptureQueriesContext(connection) as ten:
        assert len(articles(desk.get(LIST))) == 10
    assert len(ten) == len(one)


# --- For a caller ----------------------------------------------------------------


def test_an_offer_is_taken_for_a_caller(desk: Client) -> None:
    visit = an_offer(somebody_waiting(), at("10:00"))

    response = press(desk, visit, proposal=offered(visit).pk)

    assert response["Location"] == LIST
    assert said(response) == [
        f"{visit.reference}: booked for Tuesday, November 17, 10:00 AM."
    ]
    visit.refresh_from_db()
    assert (visit.status, visit.start) == ("booked", at("10:00"))
    assert events_of(visit)[-1][1:] == ("take", "proposed", "booked", "staff")
    assert visit.events.last().user == User.objects.get(username="ana")
    assert messages_of(visit)[-1] == ("confirmed", "email")


@pytest.mark.parametrize(
    ("button", "act", "words"),
    [
        ("pass", "pass", "noted that none of the times suits."),
        ("retract", "retract", "the offer is taken back."),
    ],
)
def test_an_offer_is_ended_for_a_caller_or_by_the_clinic(
    desk: Client, button: str, act: str, words: str
) -> None:
    visit = an_offer(somebody_waiting(), at("10:00"))

    response = press(desk, visit, **{button: "1"})

    assert said(response) == [f"{visit.reference}: {words}"]
    visit.refresh_from_db()
    assert visit.status == "waitlist"
    assert events_of(visit)[-1][1:] == (act, "proposed", "waitlist", "staff")


def test_who_takes_back_what_answered_a_wish_reads_that_it_waits_again(
    desk: Client,
) -> None:
    visit = a_booked_visit(a_practice())
    workflow.ask_change(visit.pk, [at("14:00")], by=PATIENT, now=NOW)
    an_offer(visit, at("15:00"), by=factories.a_front_desk_person())

    response = press(desk, visit, retract="1")

    assert said(response) == [
        f"{visit.reference}: the offer is taken back. It waits for our answer."
    ]
    assert visit.reference in desk.get("/admin/").text


def test_an_offer_that_ended_meanwhile_is_told(desk: Client) -> None:
    visit = an_offer(somebody_waiting(), at("10:00"))
    pk = offered(visit).pk
    workflow.pass_(visit.pk, by=PATIENT, now=NOW)

    with nothing_written():
        response = press(desk, visit, proposal=pk)

    assert said(response) == [
        f"{visit.reference}: Somebody was faster. None of the offers suits by the"
        " patient, today 9:00 AM."
    ]


@pytest.mark.parametrize("proposal", ["", "x", "9" * 40])
def test_what_is_no_offer_is_refused_in_words(desk: Client, proposal: str) -> None:
    visit = an_offer(somebody_waiting(), at("10:00"))

    with nothing_written():
        response = press(desk, visit, proposal=proposal)

    assert said(response) == ["Choose one of the times."]


@pytest.mark.parametrize("act", ["offer", "waiting"])
def test_opening_an_address_does_nothing(desk: Client, act: str) -> None:
    visit = an_offer(somebody_waiting(), at("10:00"))

    with nothing_written():
        assert desk.get(address(act, visit)).status_code == 405


def test_a_caller_who_is_booked_is_taken_off_the_list(desk: Client) -> None:
    visit = with_a_time()

    response = press(desk, visit, "waiting")

    assert said(response) == [
        f"{visit.reference}: off the waiting list; stays booked for Friday, November"
        " 20, 3:00 PM."
    ]
    assert places_of(visit) == [("left", 0)]
    visit.refresh_from_db()
    assert visit.status == "booked"


def test_a_caller_without_a_time_is_taken_off_the_list_with_a_note(
    desk: Client,
) -> None:
    visit = somebody_waiting()
    page = desk.get(f"{address('cancel', visit)}?back={LIST}")
    assert f"Take {visit.reference} off the waiting list" in text_of(page)
    sent = {"note": "As you asked.", "seen_version": visit.version, "back": LIST}
    with nothing_written():
        preview = desk.post(address("cancel", visit), sent | {"preview": ""})

    response = desk.post(address("cancel", visit), sent | {"send": ""})

    assert said(response) == [f"{visit.reference}: taken off the waiting list."]
    assert response["Location"] == LIST
    visit.refresh_from_db()
    assert (visit.status, visit.cancellation_reason) == ("cancelled", "clinic")
    assert preview.context["preview"][0] == visit.messages.get(kind="left").subject


# --- On the page of the visit ----------------------------------------------------


def test_the_page_of_a_visit_shows_its_place_and_its_offer(desk: Client) -> None:
    somebody = with_a_time()
    an_offer(somebody, at("10:00"))

    words = text_of(desk.get(address("change", somebody)))

    for part in (
        "Number 1 on the waiting list",
        "Now: offered tomorrow 10:00 AM, until today 11:00 AM",
        "Take tomorrow 10:00 AM for the caller",
        "Take the offer back",
        "Take off the list",
        "Would like an earlier time · the patient",
        "Offered: Tuesday, November 17, 10:00 AM · the system",
        "A time is offered · Email · Waiting to be sent",
    ):
        assert part in words


def test_the_page_of_a_request_that_was_answered_with_an_offer(desk: Client) -> None:
    visit = a_request(a_practice(), at("15:00"))
    an_offer(visit, at("10:00"), by=factories.a_front_desk_person())

    words = text_of(desk.get(address("change", visit)))

    for part in (
        "Waiting for the patient",
        "Times offered tomorrow 10:00 AM, until today 11:00 AM",
        "None suits the caller",
        "Decline…",
        "withdraw the request…",
    ):
        assert part in words
    assert "Take off the list" not in words
    gone = desk.post(
        address("decline", visit),
        {"reason": "no_time", "seen_version": 2, "send": "", "back": LIST},
    )
    assert said(gone) == [f"{visit.reference}: declined."]


def test_the_timeline_tells_how_offers_ended(desk: Client) -> None:
    visit = somebody_waiting()
    an_offer(visit, at("10:00"))
    workflow.lapse(visit.pk, now=NOW + timedelta(hours=2))
    an_offer(visit, at("11:00"), kept=False)
    factories.a_closure(at("09:00"), at("17:00"))
    workflow.lapse(visit.pk, now=NOW)

    words = text_of(desk.get(address("change", visit)))

    assert "Joined the waiting list · the patient" in words
    assert "Offer ended: no answer in time · the system" in words
    assert "Offer ended: the time went · the system" in words


# --- Rules and rights ------------------------------------------------------------


def rules(**values: Any) -> dict[str, Any]:
    return {
        "batch": 3, "minutes_to_answer": 60, "quiet_from": "21:00",
        "quiet_until": "07:30", "most_offers": 2,
    } | values  # fmt: skip


def test_a_manager_sets_how_time_is_offered(manager: Client) -> None:
    WaitingListRules.objects.get_or_create(pk=1)
    assert f"{RULES}1/change/" in manager.get(RULES).text

    response = manager.post(f"{RULES}1/change/", rules())

    assert response["Location"] == RULES
    found = WaitingListRules.current()
    assert (found.batch, found.minutes_to_answer, found.most_offers) == (3, 60, 2)
    assert (found.quiet_from, found.quiet_until) == (time(21), time(7, 30))


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"minutes_to_answer": 0}])
def test_rules_that_offer_nothing_are_refused_in_words(
    manager: Client, wrong: dict[str, int]
) -> None:
    WaitingListRules.objects.get_or_create(pk=1)
    with nothing_written():
        page = manager.post(f"{RULES}1/change/", rules(**wrong))

    assert page.status_code == 200
    assert "greater than or equal to 1" in page.text


def test_the_rules_are_one_row_that_the_front_desk_does_not_set(desk: Client) -> None:
    WaitingListRules.objects.get_or_create(pk=1)
    with nothing_written():
        assert desk.get(f"{RULES}1/change/").status_code == 403
        desk.force_login(a_colleague("Manager", username="mia"))
        assert desk.post(f"{RULES}add/", rules()).status_code == 403
        assert desk.post(f"{RULES}1/delete/", {"post": "yes"}).status_code == 403


def test_somebody_who_may_only_look_sees_the_list_and_no_button(desk: Client) -> None:
    visit = an_offer(somebody_waiting(), at("10:00"))
    looker = a_colleague("", username="lou")
    looker.user_permissions.set(
        Permission.objects.filter(codename="view_waitinglistentry")
    )
    desk.force_login(looker)

    page = desk.get(LIST)

    assert "Pat Example" in text_of(page)
    assert "Take" not in text_of(page).partition("Free times")[2]
    with nothing_written():
        for act in ("offer", "waiting"):
            assert press(desk, visit, act, proposal=1).status_code == 403


def test_nothing_can_be_added_to_or_deleted_from_the_list(manager: Client) -> None:
    entry = somebody_waiting().waiting_list_entries.get()
    with nothing_written():
        assert manager.post(f"{LIST}add/", {}).status_code == 403
        gone = manager.post(f"{LIST}{entry.pk}/delete/", {"post": "yes"})
        assert gone.status_code == 403
        manager.post(
            LIST,
            {"action": "delete_selected", "_selected_action": entry.pk, "post": "yes"},
        )


# --- How it looks ----------------------------------------------------------------


@pytest.mark.either_database
def test_the_pages_can_be_used_by_everybody(manager: Client) -> None:
    WaitingListRules.objects.get_or_create(pk=1)
    empty = manager.get(LIST).text
    visit_type = a_practice()
    visit = an_offer(somebody_waiting(visit_type), at("10:00"))
    somebody_waiting(visit_type, a_wish(part="afternoon"))
    booked = a_booked_visit(visit_type, at("15:00", FRIDAY))
    workflow.want_earlier(booked.pk, a_wish(), by=PATIENT, now=NOW)
    pages = {path: manager.get(path).text for path in (
        LIST, RULES, f"{RULES}1/change/", address("change", visit),
        address("cancel", visit),
    )} | {"/empty/": empty}  # fmt: skip
    assert_good_for_everybody(pages)
