"""What people at the front desk see first, and what their buttons do."""

import html
import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Group, User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import localdate
from playwright.sync_api import Page, expect
from time_machine import Traveller

from booking import closing, workflow
from booking.links import without_tokens
from booking.messages import DECLINE_WORDS
from booking.models import Appointment, Heartbeat, Message, Proposal, Resource
from booking.policy import DeclineReason, Status
from booking.workflow import PATIENT, By
from tests import factories
from tests.chromium import SCRIPT, assert_good_for_everybody, look
from tests.factories import (
    CLINICIAN,
    MACHINE,
    NOW,
    ROOM,
    WEDNESDAY,
    a_booked_visit,
    a_clinic,
    a_clinician,
    a_closure,
    a_machine,
    a_practice,
    a_request,
    a_visit_type,
    at,
    choice,
    patient_details,
    somebody_waiting,
    told_last,
)
from tests.records import events_of, messages_of, nothing_written

from .desk import a_colleague, address, named, said, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DESK = "/admin/"
LIST = "/admin/booking/appointment/"
FIND = f"{LIST}find/"


def press_accept(
    client: Client, visit: Appointment, proposal: Proposal, **values: Any
) -> HttpResponse:
    """Send what the button beside a choice sends."""
    sent = {"proposal": proposal.pk, "seen_version": visit.version, "back": DESK}
    return client.post(address("accept", visit), sent | values)


def lines_of(response: HttpResponse) -> list[str]:
    """Return who and what of each request on the desk, in order."""
    found = re.findall(r'<h3 id="visit-\d+">(.*?)</h3>', response.content.decode())
    return [html.unescape(line) for line in found]


def choices_of(response: HttpResponse) -> list[str]:
    """Return the words of each choice of time on a page, in order."""
    chips = re.findall(
        r'(?s)<li class="(?:free|rival|taken|past)">(.*?)</li>',
        response.content.decode(),
    )
    return [" ".join(re.sub(r"<[^>]+>", " ", chip).split()) for chip in chips]


# --- The desk ----------------------------------------------------------------------


def test_the_desk_opens_on_what_needs_an_answer_soonest_promise_first(
    desk: Client,
) -> None:
    visit_type = a_practice(reply_promise=8 * 60)
    a_request(visit_type, at("10:00"), patient=named("Later"))
    hurry = a_visit_type(service=visit_type.service, reply_promise=60, name="Follow-up")
    a_request(hurry, at("11:00"), patient=named("Sooner"))
    friday = NOW - timedelta(days=3)
    a_request(visit_type, at("12:00"), patient=named("Overdue"), now=friday)
    a_booked_visit(visit_type, at("14:00"), patient=named("Booked"))

    page = desk.get(DESK)
    assert lines_of(page) == [
        f"Pat Overdue · {visit_type}",
        f"Pat Sooner · {hurry}",
        f"Pat Later · {visit_type}",
    ]
    words = text_of(page)
    assert "Monday, November 16" in words
    assert "1 overdue 2 answer today 3 waiting in all" in words
    assert "Asked Fri, Nov 13, 9:00 AM · promised by Fri, Nov 13, 5:00 PM" in words
    assert "2 d late" in words
    assert "answer by today 10:00 AM" in words


def test_counts_lead_to_the_requests_that_they_count(desk: Client) -> None:
    visit_type = a_practice(reply_promise=8 * 60)
    late = a_request(visit_type, at("12:00"), now=NOW - timedelta(days=3))
    today = a_request(visit_type, at("10:00"))
    a_booked_visit(visit_type, at("14:00"))
    moving = a_booked_visit(visit_type, at("14:00", WEDNESDAY))
    wish = [at("15:00", WEDNESDAY)]
    workflow.ask_change(moving.pk, wish, by=PATIENT, now=NOW)
    page = desk.get(DESK).content.decode()
    assert "1 overdue 2 answer today 3 waiting in all" in text_of(desk.get(DESK))
    for query, expected in (
        ("?due=overdue", [late]),
        ("?due=today", [today, moving]),
        ("?status=booked&due=today", [moving]),
        ("", [late, today, moving]),
    ):
        assert "status" in query or f'href="{LIST}{query}"' in page
        listed = desk.get(f"{LIST}{query}").context["cl"].result_list
        assert list(listed) == expected
    assert "asks to move, has Wed, Nov 18, 2:00 PM" in text_of(desk.get(LIST))


def test_the_list_says_yes_to_who_asks_to_move_and_asks_to_open_them_for_a_no(
    desk: Client,
) -> None:
    visit = a_booked_visit()
    workflow.ask_change(visit.pk, [at("15:00")], by=PATIENT, now=NOW)
    act = {"action": "decline_selected", "_selected_action": visit.pk}
    assert said(desk.post(LIST, act)) == [
        f"{visit.reference} is booked and asks to move: answer it on its page."
    ]
    desk.post(LIST, act | {"action": "accept_first_choices"})
    visit.refresh_from_db()
    assert (visit.start, visit.reply_by) == (at("15:00"), None)


def test_with_nothing_to_answer_the_desk_says_so(desk: Client) -> None:
    assert "Nothing waits for an answer." in text_of(desk.get(DESK))


def test_each_choice_says_whether_it_can_be_had_now(desk: Client) -> None:
    visit_type = a_practice(clinicians=2, rooms=2)
    ours, other = Resource.objects.filter(kind=CLINICIAN).order_by("pk")
    room_1, room_2 = Resource.objects.filter(kind=ROOM).order_by("pk")
    a_request(visit_type, at("10:00"), at("11:00"), at("12:00"), clinician=ours)
    a_booked_visit(visit_type, at("11:00"), clinician=ours)
    a_request(visit_type, at("14:00"), at("10:00"), clinician=None)

    assert choices_of(desk.get(DESK)) == [
        f"tomorrow 10:00 AM · free · {ours}, {room_1} · also wanted by 1",
        "tomorrow 11:00 AM · taken now",
        f"tomorrow 12:00 PM · free · {ours}, {room_1}",
        # Any clinician will do, so the one with less to do that day.
        f"tomorrow 2:00 PM · free · {other}, {room_1}",
        # The first request holds its first choice, so this would be the other room.
        f"tomorrow 10:00 AM · free · {other}, {room_2}",
    ]
    with time_machine.travel(at("10:30"), tick=False):
        desk.force_login(User.objects.get(username="ana"))
        assert choices_of(desk.get(DESK))[0] == "today 10:00 AM · past"


def test_a_machine_in_use_makes_a_choice_taken(desk: Client) -> None:
    a_practice(clinicians=2, rooms=2)
    a_machine()
    test = a_visit_type(takes=(CLINICIAN, ROOM, MACHINE))
    a_request(test, at("11:00"), at("10:00"))
    a_booked_visit(test, at("10:00"))
    first, second = choices_of(desk.get(DESK))
    assert first.startswith("tomorrow 11:00 AM · free · ")
    assert second == "tomorrow 10:00 AM · taken now"


def test_a_day_that_was_closed_meanwhile_is_said_to_be_closed(desk: Client) -> None:
    visit_type = a_practice(holds_first_choice=False)
    a_request(visit_type, at("10:00"))
    a_closure(at("00:00"), at("00:00", WEDNESDAY))
    assert choices_of(desk.get(DESK)) == ["tomorrow 10:00 AM · closed now"]


def test_flags_language_and_payer_stand_beside_the_name(desk: Client) -> None:
    answers = [
        workflow.Answer("thinner", "Do you take one?", "yes", "Takes a blood thinner"),
        workflow.Answer("fever", "Do you have a fever?", "no", "Fever"),
        workflow.Answer("faint", "Do you faint?", "not_sure", "Faints with needles"),
    ]
    a_request(
        patient=patient_details(language="Spanish", needs_interpreter=True),
        answers=answers,
        payer="no_fault",
    )
    page = desk.get(DESK)
    flags = re.findall(r'<span class="flag">(.*?)</span>', page.content.decode())
    assert flags == ["Takes a blood thinner", "Faints with needles"]
    assert "interpreter: Spanish" in text_of(page)
    assert "No-fault (car accident)" in text_of(page)


@pytest.mark.parametrize(("language", "shown"), [("English", 0), ("Korean", 1)])
def test_a_language_is_a_tag_when_it_is_another_than_english(
    desk: Client, language: str, shown: int
) -> None:
    a_request(patient=patient_details(language=language))
    assert text_of(desk.get(DESK)).count(language) == shown


@pytest.mark.parametrize("path", [DESK, LIST])
def test_three_requests_cost_as_many_queries_as_one(desk: Client, path: str) -> None:
    visit_type = a_practice()
    a_request(visit_type, at("10:00"), at("10:30"), at("11:00"))
    desk.get(path)
    with CaptureQueriesContext(connection) as one:
        desk.get(path)
    a_machine()
    a_clinician()
    test = a_visit_type(takes=(CLINICIAN, ROOM, MACHINE))
    a_request(test, at("12:00"), at("13:30"))
    a_request(
        a_visit_type(),
        at("14:00"),
        at("14:30"),
        at("15:00"),
        patient=patient_details(email=""),
    )
    with CaptureQueriesContext(connection) as three:
        page = desk.get(path)
    assert len(three) == len(one)
    assert text_of(page).count("Pat Example") >= 3


# --- Accept ------------------------------------------------------------------------


def test_what_somebody_manages_is_looked_for_only_where_it_is_shown(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Any] = []

    def look_for(*asked: Any) -> list[Any]:
        looked.append(asked)
        return []

    monkeypatch.setattr(AdminSite, "get_app_list", look_for)
    assert desk.get(LIST).status_code == 200
    assert looked == []
    assert desk.get(DESK).status_code == 200
    assert len(looked) == 1


def test_one_click_accepts_and_tells_the_patient(desk: Client) -> None:
    visit = a_request(None, at("10:00"), at("11:00"))
    second = choice(visit, 2)
    response = press_accept(desk, visit, second)
    assert (response.status_code, response["Location"]) == (302, DESK)
    assert said(response) == [
        f"{visit.reference}: accepted for Tuesday, November 17, 11:00 AM."
    ]
    visit.refresh_from_db()
    assert (visit.status, visit.start) == (Status.BOOKED, second.start)
    assert events_of(visit)[-1] == (2, "accept", "pending", "booked", "staff")
    assert messages_of(visit)[-1] == ("confirmed", "email")
    assert visit.events.get(version=2).user == User.objects.get(username="ana")


def test_the_button_for_the_first_free_choice_is_the_primary_one(desk: Client) -> None:
    visit_type = a_practice()
    visit = a_request(visit_type, at("10:00"), at("11:00"), at("12:00"))
    a_booked_visit(visit_type, at("11:00"))
    page = desk.get(DESK).content.decode()
    buttons = re.findall(r'<button class="([^"]+)" name="proposal" value="(\d+)"', page)
    assert buttons == [
        ("button", str(choice(visit, 1).pk)),
        ("button quiet", str(choice(visit, 3).pk)),
    ]


def test_a_colleague_who_was_faster_is_named(desk: Client) -> None:
    visit = a_request()
    colleague = a_colleague(username="ben", first_name="Ben", last_name="Demo")
    workflow.accept(visit.pk, choice(visit).pk, by=By.staff(colleague), now=NOW)
    with nothing_written():
        response = desk.post(
            address("decline", visit),
            {"reason": "no_time", "seen_version": 1, "back": DESK, "send": ""},
        )
    assert response["Location"] == DESK
    assert said(response) == [
        f"{visit.reference}: Somebody was faster. Accepted: Tuesday, November 17,"
        " 10:00 AM by Ben Demo, today 9:00 AM."
    ]


@pytest.mark.parametrize("act", ["decline", "cancel", "propose", "series"])
def test_nobody_else_is_named_for_what_one_did_oneself(desk: Client, act: str) -> None:
    """The back button leads to the page from which somebody declined already."""
    visit = a_request()
    ana = By.staff(User.objects.get(username="ana"))
    workflow.decline(visit.pk, reason=DeclineReason.NO_TIME, by=ana, now=NOW)
    with nothing_written():
        response = desk.get(address(act, visit))
    assert said(response) == [
        f"{visit.reference}: You have dealt with this already. Declined: No time that"
        " fits by you, today 9:00 AM."
    ]


def test_a_patient_who_was_faster_is_named(desk: Client) -> None:
    visit = a_request()
    workflow.cancel(visit.pk, by=workflow.PATIENT, now=NOW)
    with nothing_written():
        response = press_accept(desk, visit, choice(visit))
    assert said(response) == [
        f"{visit.reference}: Somebody was faster. Request withdrawn by the patient,"
        " today 9:00 AM."
    ]


@pytest.mark.parametrize("seen", ["0", "", "x", "99999999999999999999999"])
def test_a_screen_that_is_not_of_now_decides_nothing(desk: Client, seen: str) -> None:
    visit = a_request()
    with nothing_written():
        response = press_accept(desk, visit, choice(visit), seen_version=seen)
    assert said(response) == [
        f"{visit.reference}: This visit has changed since you opened the page. Look at"
        " it as it is now, then decide again. Request received by the patient,"
        " today 9:00 AM."
    ]


def test_a_time_that_went_meanwhile_is_not_given_twice(desk: Client) -> None:
    visit_type = a_practice(holds_first_choice=False)
    mine, theirs = a_request(visit_type), a_request(visit_type)
    press_accept(desk, theirs, choice(theirs))
    with nothing_written():
        response = press_accept(desk, mine, choice(mine))
    assert said(response)[-1] == (
        f"{mine.reference}: No longer free: tomorrow 10:00 AM. Choose another time."
        f" {theirs.reference} has it: Accepted: Tuesday, November"
        " 17, 10:00 AM by Ana Demo, today 9:00 AM."
    )


def test_a_time_that_was_closed_meanwhile_is_refused_with_the_reason(
    desk: Client,
) -> None:
    visit = a_request(a_practice(holds_first_choice=False))
    a_closure(at("00:00"), at("00:00", WEDNESDAY), reason="Training day")
    with nothing_written():
        response = press_accept(desk, visit, choice(visit))
    assert said(response) == [
        f"{visit.reference}: No longer free: tomorrow 10:00 AM (closed: Training day)."
        " Choose another time."
    ]


@pytest.mark.parametrize("proposal", ["", "x", "0", "99999999999999999999999"])
def test_a_choice_that_does_not_exist_is_refused_in_words(
    desk: Client, proposal: str
) -> None:
    visit = a_request()
    with nothing_written():
        sent = {"proposal": proposal, "seen_version": visit.version, "back": DESK}
        response = desk.post(address("accept", visit), sent)
    assert response["Location"] == DESK
    assert len(said(response)) == 1


@pytest.mark.parametrize("back", ["", "//evil.example/", "https://evil.example/", "x:"])
def test_nobody_is_led_away_from_the_site(desk: Client, back: str) -> None:
    visit = a_request()
    response = press_accept(desk, visit, choice(visit), back=back)
    assert response["Location"] == address("change", visit)


def test_opening_an_address_accepts_nothing(desk: Client) -> None:
    visit = a_request()
    with nothing_written():
        assert desk.get(address("accept", visit)).status_code == 405
        assert desk.head(address("accept", visit)).status_code == 405


def test_who_has_to_be_phoned_is_said_as_the_visit_is_accepted(desk: Client) -> None:
    visit = a_request(patient=patient_details(email=""))
    response = press_accept(desk, visit, choice(visit))
    assert said(response) == [
        f"{visit.reference}: accepted for Tuesday, November 17, 10:00 AM. Phone the"
        " patient to say so."
    ]


# --- Decline and cancel ------------------------------------------------------------


def test_the_decline_page_shows_what_the_patient_reads_for_each_reason(
    desk: Client,
) -> None:
    words = text_of(desk.get(address("decline", a_request())))
    for reason in DeclineReason:
        assert str(DECLINE_WORDS[reason]) in words


def test_staff_preview_the_exact_mail_then_send_it(desk: Client) -> None:
    visit = a_request()
    sent = {
        "reason": "needs_referral",
        "note": "Ask Dr. Example's office.",
        "private_note": "Called twice.",
        "seen_version": visit.version,
        "back": DESK,
    }
    with nothing_written():
        preview = desk.post(address("decline", visit), sent | {"preview": ""})
    response = desk.post(address("decline", visit), sent | {"send": ""})
    assert (response.status_code, response["Location"]) == (302, DESK)
    assert said(response) == [f"{visit.reference}: declined."]

    visit.refresh_from_db()
    assert (visit.status, visit.decline_reason) == ("cancelled", "needs_referral")
    event = visit.events.get(version=2)
    assert (event.act, event.private_note) == ("decline", "Called twice.")
    mail = visit.messages.get(kind="declined")
    subject, text = preview.context["preview"]
    private_link = re.compile(r"/appointments/[^/\s]+/")
    assert subject == mail.subject
    assert text == private_link.sub("/appointments/-/", mail.text)
    assert "Ask Dr. Example's office." in text_of(preview)
    assert "Called twice." not in mail.text


def test_a_decline_without_a_reason_says_what_is_missing(desk: Client) -> None:
    visit = a_request()
    with nothing_written():
        page = desk.post(
            address("decline", visit), {"note": "Sorry", "seen_version": 1, "send": ""}
        )
    assert page.status_code == 200
    assert "There is a problem Choose a reason." in text_of(page)
    assert page.content.decode().count(">\nSorry</textarea>") == 1
    assert "<title>Error:" in page.content.decode()


def test_declining_leads_back_to_where_it_began(desk: Client) -> None:
    visit = a_request()
    link = f"{address('decline', visit)}?back=/admin/"
    assert link in desk.get(DESK).content.decode()
    page = desk.get(link).content.decode()
    assert '<input type="hidden" name="back" value="/admin/">' in page
    evil = desk.get(f"{address('decline', visit)}?back=//evil.example/")
    assert "evil" not in evil.content.decode().partition("<main")[2]


@pytest.mark.parametrize(
    ("act", "title", "last_button"),
    [
        ("decline", "Decline", "Decline, then phone the patient"),
        ("cancel", "Withdraw", "Withdraw, then phone the patient"),
    ],
)
def test_nothing_is_said_to_be_sent_to_a_patient_who_is_phoned(
    desk: Client, act: str, title: str, last_button: str
) -> None:
    visit = a_request(patient=patient_details(email=""))
    sent = {"reason": "no_time", "seen_version": visit.version}
    words = text_of(desk.post(address(act, visit), sent | {"preview": ""}))
    assert f"{title} {visit.reference}" in words
    assert "Somebody will have to say by phone" in words
    assert last_button in words
    assert "send" not in words.partition("Somebody will have")[2]


def test_a_request_is_withdrawn_and_not_cancelled(desk: Client) -> None:
    visit = a_request()
    words = text_of(desk.post(address("cancel", visit), {"preview": ""}))
    assert f"Withdraw {visit.reference}" in words
    assert "Withdraw and send" in words
    sent = {"seen_version": visit.version, "send": ""}
    response = desk.post(address("cancel", visit), sent)
    assert said(response) == [f"{visit.reference}: withdrawn."]
    assert messages_of(visit)[-1] == ("withdrawn", "email")


def test_who_waits_is_taken_off_the_list_and_not_cancelled(desk: Client) -> None:
    visit = somebody_waiting()
    words = text_of(desk.post(address("cancel", visit), {"preview": ""}))
    assert f"Take {visit.reference} off the waiting list" in words
    assert "Take off and send" in words
    sent = {"seen_version": visit.version, "send": ""}
    response = desk.post(address("cancel", visit), sent)
    assert said(response) == [f"{visit.reference}: taken off the waiting list."]


@pytest.mark.parametrize("act", ["decline", "cancel"])
def test_nobody_writes_an_answer_that_can_no_longer_be_given(
    desk: Client, act: str
) -> None:
    visit = a_request()
    workflow.cancel(visit.pk, by=workflow.PATIENT, now=NOW)
    for response in (
        desk.get(f"{address(act, visit)}?back={DESK}"),
        desk.post(address(act, visit), {"reason": "no_time", "back": DESK}),
    ):
        assert response["Location"] == DESK
        assert said(response)[-1] == (
            f"{visit.reference}: Somebody was faster. Request withdrawn by the patient,"
            " today 9:00 AM."
        )


def test_who_cancels_what_somebody_else_has_cancelled_is_told(desk: Client) -> None:
    visit = a_booked_visit()
    workflow.cancel(visit.pk, by=workflow.PATIENT, now=NOW)
    with nothing_written():
        response = desk.post(
            address("cancel", visit), {"seen_version": visit.version, "send": ""}
        )
    assert said(response) == [
        f"{visit.reference}: Somebody was faster. Cancelled by the patient, today"
        " 9:00 AM."
    ]


def test_cancelling_twice_is_no_error(desk: Client) -> None:
    visit = a_booked_visit()
    sent = {"seen_version": visit.version, "reason": "clinic", "send": ""}
    for _press in range(2):
        response = desk.post(address("cancel", visit), sent)
    assert said(response) == [f"{visit.reference}: cancelled."] * 2


def test_staff_cancel_a_booked_visit_with_a_note(desk: Client) -> None:
    visit = a_booked_visit()
    page = desk.get(address("cancel", visit))
    assert "Preview the message" in text_of(page)
    sent = {"note": "We are moving.", "seen_version": visit.version}
    with nothing_written():
        silent = desk.post(address("cancel", visit), sent | {"send": ""})
        sent["reason"] = "equipment"
        preview = desk.post(address("cancel", visit), sent | {"preview": ""})
    assert "Choose a reason." in text_of(silent)
    response = desk.post(address("cancel", visit), sent | {"send": ""})
    assert said(response) == [f"{visit.reference}: cancelled."]
    visit.refresh_from_db()
    assert (visit.status, visit.cancellation_reason) == ("cancelled", "clinic")
    assert not visit.reservations.exists()
    assert visit.note_to_patient == (
        "Something that we need for your visit is out of use. We are moving."
    )
    assert preview.context["preview"][0] == visit.messages.get(kind="cancelled").subject


def test_who_phoned_to_cancel_is_not_told_that_we_did(desk: Client) -> None:
    visit = a_booked_visit()
    sent = {"reason": "patient", "seen_version": visit.version}
    preview = desk.post(address("cancel", visit), sent | {"preview": ""})
    desk.post(address("cancel", visit), sent | {"send": ""})
    visit.refresh_from_db()
    assert (visit.cancellation_reason, visit.note_to_patient) == ("patient", "")
    message = visit.messages.get(kind="cancelled")
    for text in (preview.context["preview"][1], message.text):
        assert "You cancelled this appointment. Please do not come." in text


# --- One visit ---------------------------------------------------------------------


def test_a_visit_shows_everything_and_offers_no_field(desk: Client) -> None:
    visit = a_request(
        patient=patient_details(other_help="A ramp, please", voicemail_ok=True),
        payer="workers_comp",
        payer_details={"claim_number": "W-123"},
        requested_by_name="Sam Example",
        requested_by_relation="parent",
        answers=[
            workflow.Answer("thinner", "Do you take one?", "yes", "Blood thinner")
        ],
    )
    page = desk.get(address("change", visit))
    words = text_of(page)
    for part in (
        f"Visit {visit.reference}",
        "Needs an answer · Pat Example · ",
        "asked today 9:00 AM",
        "February 29, 1980",
        "(212) 555-0199 (voicemail is fine)",
        "pat@example.com",
        "A ramp, please",
        "Sam Example (Parent) · phone and email are the patient’s",
        "Claim number W-123",
        "Blood thinner Do you take one? Yes",
        "Request received · Email · Waiting to be sent",
        "today 9:00 AM · Request received · the patient",
    ):
        assert part in words
    fields = re.findall(
        r'<(?:input|select|textarea)[^>]*name="(\w+)"', str(page.content)
    )
    hidden = {"back", "csrfmiddlewaretoken", "newest", "seen", "seen_version", "task"}
    assert set(fields) == hidden


def test_the_timeline_tells_who_did_what_and_staff_read_private_notes(
    desk: Client,
) -> None:
    visit = a_request()
    ana = User.objects.get(username="ana")
    workflow.decline(
        visit.pk,
        reason=DeclineReason.NEEDS_CALL,
        by=By.staff(ana),
        now=NOW + timedelta(minutes=30),
        private_note="Ask about the knee",
    )
    words = text_of(desk.get(address("change", visit)))
    assert "today 9:30 AM · Declined: We need to talk first · Ana Demo" in words
    assert "Private note: Ask about the knee" in words
    assert "Cancelled : Declined, We need to talk first" in words


def test_a_visit_says_in_words_that_its_answer_is_late(desk: Client) -> None:
    late = a_request(now=NOW - timedelta(days=3))
    words = text_of(desk.get(address("change", late)))
    assert "Needs an answer 2 d late · Pat Example" in words


def test_the_history_of_a_visit_is_its_timeline(desk: Client) -> None:
    visit = a_request()
    response = desk.get(f"{LIST}{visit.pk}/history/")
    assert response["Location"] == f"{address('change', visit)}#timeline"
    assert '<h2 id="timeline">' in desk.get(response["Location"]).content.decode()


@pytest.mark.parametrize("act", ["change", "decline", "cancel"])
def test_a_visit_that_does_not_exist_is_not_found(desk: Client, act: str) -> None:
    page = desk.get(f"{LIST}{10**18}/{act}/")
    assert page.status_code == 404
    assert f'<a href="{DESK}">Back to the front desk</a>' in page.content.decode()


def test_nothing_can_be_typed_into_added_to_or_deleted_from_the_visits(
    desk: Client,
) -> None:
    visit = a_request()
    desk.force_login(a_colleague("Manager", username="mia"))
    with nothing_written():
        change = desk.post(address("change", visit), {"status": "booked"})
        assert change.status_code == 405
        assert desk.post(f"{LIST}add/", {}).status_code == 403
        assert (
            desk.post(f"{LIST}{visit.pk}/delete/", {"post": "yes"}).status_code == 403
        )
        gone = {"action": "delete_selected", "_selected_action": visit.pk}
        desk.post(LIST, gone | {"post": "yes"})


def test_the_list_opens_on_what_needs_an_answer_and_filters(desk: Client) -> None:
    visit_type = a_practice()
    waiting = a_request(visit_type, at("10:00"))
    booked = a_booked_visit(visit_type, at("11:00"))
    later = a_booked_visit(visit_type, at("11:00", WEDNESDAY))
    for query, expected in (
        ("", [waiting]),
        ("?status=booked", [booked, later]),
        ("?status=cancelled", []),
        ("?status=all", [later, booked, waiting]),
        ("?status=all&day=tomorrow", [booked]),
        ("?status=all&day=today", []),
        ("?status=all&day=week", [booked, later]),
        ("?status=all&day=past", []),
    ):
        page = desk.get(LIST + query)
        assert list(page.context["cl"].result_list) == expected, query


@pytest.mark.parametrize(
    "now",
    [
        at("23:30", date(2027, 3, 13)),  # 24 hours on, it is Monday
        at("00:30", date(2027, 3, 15)),  # 24 hours ago, it was Saturday
        at("00:30", date(2027, 11, 7)),  # 24 hours on, it is still Sunday
    ],
)
def test_the_list_counts_days_by_the_calendar_when_the_clocks_change(
    desk: Client, clock: Traveller, now: datetime
) -> None:
    clinician = a_clinician(hours=False)
    for weekday in range(7):
        clinician.hours.create(weekday=weekday, opens="09:00", closes="17:00")
    visit_type = a_visit_type(takes=[CLINICIAN])
    days = [localdate(now) + timedelta(days=n) for n in (-1, 0, 1, 2, 7)]
    before = now - timedelta(days=7)
    _yesterday, today, tomorrow, after, _next_week = (
        a_booked_visit(visit_type, at("10:00", day), now=before) for day in days
    )
    clock.move_to(now)
    desk.force_login(User.objects.get(username="ana"))
    for query, expected in (
        ("today", [today]),
        ("tomorrow", [tomorrow]),
        ("week", [today, tomorrow, after]),
    ):
        page = desk.get(f"{LIST}?status=all&day={query}")
        assert list(page.context["cl"].result_list) == expected, query


def test_a_long_list_is_not_counted_to_its_end_nor_sorted_anew(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("booking.admin.long_lists.LISTED", 2)
    visit_type = a_practice()
    first, second, third = (
        a_request(visit_type, at(time)) for time in ("10:00", "11:00", "14:00")
    )
    page = desk.get(LIST + "?status=all&o=1")
    assert list(page.context["cl"].result_list) == [third, second, first]
    assert "2 or more in this list. Filter it" in text_of(page)
    Appointment.objects.filter(pk=first.pk).update(reply_by=NOW)
    assert desk.get(LIST).context["cl"].result_list[0] == first


def test_what_waits_stands_in_the_list_with_all_that_it_takes_to_answer(
    desk: Client,
) -> None:
    visit_type = a_practice()
    answers = [workflow.Answer("t", "Do you take one?", "yes", "Takes a blood thinner")]
    a_request(visit_type, at("10:00"), at("11:00"), answers=answers)
    a_booked_visit(visit_type, at("11:00"))
    page = desk.get(LIST)
    clinician, room = Resource.objects.order_by("kind")
    assert choices_of(page) == [
        f"tomorrow 10:00 AM · free · {clinician}, {room}",
        "tomorrow 11:00 AM · taken now",
    ]
    assert page.context["title"] == "Visits: Needs an answer"
    words = text_of(page)
    assert f"Pat Example {visit_type} Takes a blood thinner" in words
    assert "today 9:00 AM" in words  # when it was asked
    assert choices_of(desk.get(f"{LIST}?status=all")) == []


# --- Many at once ------------------------------------------------------------------


def test_of_what_was_called_off_the_time_that_is_still_asked_for_is_accepted(
    desk: Client,
) -> None:
    visit = a_request(a_practice(), at("10:00"), at("14:00"))
    by = factories.a_front_desk_person()
    workflow.accept(visit.pk, choice(visit, 2).pk, by=by, now=NOW)
    plan = factories.a_closed_day(at("13:00"), at("17:00"), by=by)
    closing.tell(plan.due_at)
    workflow.reopen(plan.closure, now=NOW)
    workflow.pass_(visit.pk, by=PATIENT, now=NOW)
    shown = desk.get(address("propose", visit)).text
    assert "The patient asked for: Tuesday, November 17, 2:00 PM<" in shown
    chosen = {"action": "accept_first_choices", "_selected_action": visit.pk}
    assert said(desk.post(LIST, chosen)) == [
        f"{visit.reference}: accepted for Tuesday, November 17, 2:00 PM."
    ]


def test_many_are_accepted_row_by_row_and_each_says_what_became_of_it(
    desk: Client,
) -> None:
    visit_type = a_practice(holds_first_choice=False)
    free = a_request(visit_type, at("10:00"))
    rival = a_request(visit_type, at("10:00"))
    other = a_request(visit_type, at("11:00"))
    chosen = {"action": "accept_first_choices"}
    chosen["_selected_action"] = [free.pk, rival.pk, other.pk]  # type: ignore[assignment]
    response = desk.post(LIST, chosen)
    assert sorted(said(response)) == sorted(
        [
            f"{free.reference}: accepted for Tuesday, November 17, 10:00 AM.",
            f"{rival.reference}: No longer free: tomorrow 10:00 AM. Choose another"
            f" time. {free.reference} has it: Accepted: Tuesday,"
            " November 17, 10:00 AM by Ana Demo, today 9:00 AM.",
            f"{other.reference}: accepted for Tuesday, November 17, 11:00 AM.",
        ]
    )
    statuses = {v.pk: v.status for v in Appointment.objects.all()}
    assert statuses == {free.pk: "booked", rival.pk: "pending", other.pk: "booked"}


def test_what_was_typed_for_many_is_kept_for_the_one_that_was_refused(
    desk: Client,
) -> None:
    visit_type = a_practice()
    ours, gone = a_request(visit_type, at("10:00")), a_request(visit_type, at("11:00"))
    workflow.cancel(gone.pk, by=workflow.PATIENT, now=NOW)
    sent = {
        "action": "decline_selected", "_selected_action": [ours.pk, gone.pk],
        "reason": "no_time", "note": "Call on Friday.", "private_note": "Twice.",
        "send": "",
    }  # fmt: skip

    page = desk.post(LIST, sent)

    assert page.status_code == 200
    assert "Call on Friday." in page.text
    assert "Twice." in page.text
    words = text_of(page)
    assert "What you typed is still here, to copy." in words
    assert f"{gone.reference} · " in words
    assert f"{ours.reference} · " not in words
    assert 'name="send"' not in page.text
    assert len(said(page)) == 2


def test_many_are_declined_with_one_reason_asked_once(desk: Client) -> None:
    visit_type = a_practice()
    visits = [a_request(visit_type, at("10:00")), a_request(visit_type, at("11:00"))]
    gone = a_request(visit_type, at("12:00"))
    workflow.cancel(gone.pk, by=workflow.PATIENT, now=NOW)
    chosen: dict[str, Any] = {
        "action": "decline_selected",
        "_selected_action": [v.pk for v in (*visits, gone)],
    }
    path = f"{LIST}?status=all"
    with nothing_written():
        page = desk.post(path, chosen)
        assert "Decline these requests" in text_of(page)
        for button in ("preview", "send"):
            error = desk.post(path, chosen | {button: ""})
            assert "There is a problem Choose a reason." in text_of(error)
        preview = desk.post(path, chosen | {"preview": "", "reason": "no_time"})
    response = desk.post(path, chosen | {"send": "", "reason": "no_time"})
    assert sorted(said(response)) == sorted(
        [
            *(f"{visit.reference}: declined." for visit in visits),
            f"{gone.reference}: Somebody was faster. Request withdrawn by the patient,"
            " today 9:00 AM.",
        ]
    )
    assert [messages_of(visit)[-1] for visit in visits] == [("declined", "email")] * 2
    read = text_of(preview)
    for visit in visits:
        mail = visit.messages.get(kind="declined")
        assert mail.subject in read
        assert " ".join(without_tokens(mail.text).split()) in read


# --- Find --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("alvarez", ["Rosa Alvarez"]),
        ("  Rosa  ALVAREZ ", ["Rosa Alvarez"]),
        ("05/06/1971", ["Rosa Alvarez"]),
        ("1971-05-06", ["Rosa Alvarez"]),
        ("555-0143", ["Rosa Alvarez"]),
        ("(212) 555-0143", ["Rosa Alvarez"]),
        ("ex", ["Pat Example"]),
        ("143", []),
        ("1 143", []),
        ("ALVÁREZ, rosa", ["Rosa Alvarez"]),
        ("lvar", ["Rosa Alvarez"]),
        ("rosa example", []),
        ("zevra", []),
        ("5/6/71", ["Rosa Alvarez"]),
        ("5 6 1971", ["Rosa Alvarez"]),
        ("05061971", ["Rosa Alvarez"]),
        ("May 6th, 1971", ["Rosa Alvarez"]),
        ("6/5/1971", []),
        ("13/45/1971", []),
        ("0143", ["Rosa Alvarez"]),
        ("9143", []),
        ("555.0143", ["Rosa Alvarez"]),
        ("556 0143", []),
        ("+1 212 555 0143", ["Rosa Alvarez"]),
        ("12125550143", ["Rosa Alvarez"]),
        ("２１２５５５０１４３", ["Rosa Alvarez"]),
        ("646-555-0143", []),
        ("Rosa@Example.com", ["Rosa Alvarez"]),
        ("rosa@example", []),
        ("alv 0143 5/6/71", ["Rosa Alvarez"]),
        ("alv 0199", []),
        ("Nobody", []),
        ("%", []),
        ("' OR 1=1", []),
    ],
)
def test_a_visit_is_found_by_what_somebody_says_on_the_phone(
    desk: Client, wanted: str, found: list[str]
) -> None:
    visit_type = a_practice()
    a_request(visit_type, at("10:00"))
    rosa = patient_details(
        given_name="Rosa",
        family_name="Alvarez",
        birth_date_text="1971-05-06",
        phone="+12125550143",
        email="rosa@example.com",
    )
    a_request(visit_type, at("11:00"), patient=rosa)
    page = desk.post(FIND, {"wanted": wanted}, follow=True)
    names = [visit.patient.full_name for visit in page.context["found"] or ()]
    assert sorted(names) == found
    assert ("No visit fits." in text_of(page)) == (not found)


@pytest.mark.parametrize(
    ("wanted", "asks"),
    [("a", True), (" É.", True), ("r a", True), ("al", False), ("王", False),
     ("r 5/6/71", False)],
)  # fmt: skip
def test_one_letter_is_too_little_to_find_somebody_by(
    desk: Client, wanted: str, asks: bool
) -> None:
    page = desk.post(FIND, {"wanted": wanted}, follow=True)
    assert ("Type two letters of a name or more" in text_of(page)) == asks
    assert ("No visit fits." in text_of(page)) != asks


def test_a_visit_is_found_by_its_reference_however_it_is_typed(desk: Client) -> None:
    visit = a_request()
    plain = visit.reference.replace("-", " ").lower()
    for wanted in (visit.reference, plain, plain.replace(" ", ""), f"–{plain}."):
        page = desk.post(FIND, {"wanted": wanted}, follow=True)
        assert list(page.context["found"]) == [visit]


def test_no_search_puts_a_name_into_an_address(desk: Client) -> None:
    a_request()
    assert desk.get(FIND, {"wanted": "Example"}).context["found"] is None
    assert 'method="get"' not in desk.get(LIST).content.decode()
    listed = desk.get(LIST, {"q": "nobody of this name"})
    assert [v.patient.full_name for v in listed.context["cl"].result_list] == [
        "Pat Example"
    ]


def test_what_was_found_is_there_again_on_the_way_back(desk: Client) -> None:
    visit = a_request()
    sent = desk.post(FIND, {"wanted": "Pat example"})
    assert sent["Location"] == f"{FIND}?found"
    for _ in range(2):
        page = desk.get(sent["Location"])
        assert list(page.context["found"]) == [visit]
        assert 'value="Pat example"' in page.content.decode()
    assert desk.get(FIND).context["found"] is None
    assert "example" not in str(dict(desk.session)).lower()
    desk.logout()
    desk.force_login(User.objects.get(username="ana"))
    assert desk.get(sent["Location"]).context["found"] is None


def test_an_empty_search_says_what_to_type(desk: Client) -> None:
    assert "Type what you are looking for." in text_of(
        desk.post(FIND, {"wanted": " "}, follow=True)
    )


def test_no_page_shows_staff_the_link_that_makes_them_the_patient(
    desk: Client,
) -> None:
    visit = a_request()
    visit.messages.update(failed_at=NOW)
    mail = told_last(visit)
    [link] = re.findall(r"http\S+/appointments/\S+/", mail.text)
    for path in (
        DESK,
        address("change", visit),
        f"/admin/booking/message/{mail.pk}/change/",
    ):
        page = desk.get(path).content.decode()
        assert "/appointments/-/" in page, path
        assert link not in page


def test_the_page_of_a_message_says_numbers_as_others_do_and_has_no_history(
    desk: Client,
) -> None:
    by_phone = a_request(patient=patient_details(email=""))
    by_mail = a_request(a_practice())
    found = {
        "(212) 555-0199": by_phone.messages.get(),
        by_mail.patient.email: told_last(by_mail),
    }
    for recipient, message in found.items():
        path = f"/admin/booking/message/{message.pk}/"
        page = desk.get(f"{path}change/")
        assert f"Recipient {recipient} " in text_of(page).replace(":", "")
        assert "+1212" not in text_of(page)
        assert f"{path}history/" not in page.text


# --- Calls and systems -------------------------------------------------------------


def test_who_has_to_be_phoned_is_on_the_desk_until_somebody_called(
    desk: Client,
) -> None:
    visit = a_request(patient=patient_details(email=""))
    call = visit.messages.get()
    page = text_of(desk.get(DESK))
    assert f"Request received · {visit.reference} Pat Example (212) 555-0199" in page
    path = reverse("admin:called", args=[call.pk])

    response = desk.post(path)
    assert response["Location"] == DESK
    assert said(response) == [f"Thank you. {visit.reference}: noted that you called."]
    call.refresh_from_db()
    assert (call.called_at, call.called_by) == (NOW, User.objects.get(username="ana"))
    assert "Nobody has to be phoned." in text_of(desk.get(DESK))

    with nothing_written():
        response = desk.post(path)
    assert said(response)[-1] == (
        f"Thank you. {visit.reference}: noted that you called."
    )
    desk.force_login(a_colleague(username="ben"))
    with nothing_written():
        response = desk.post(path)
    assert said(response)[-1] == (
        f"{visit.reference}: Ana Demo called already, at Monday, 9:00 AM."
    )


def test_mail_that_failed_becomes_a_call(desk: Client) -> None:
    visit = a_request()
    visit.messages.update(failed_at=NOW)
    page = text_of(desk.get(DESK))
    assert "The email could not be delivered." in page
    assert "(212) 555-0199" in page


def test_a_call_is_noted_only_by_a_button(desk: Client) -> None:
    call = a_request(patient=patient_details(email="")).messages.get()
    with nothing_written():
        assert desk.get(reverse("admin:called", args=[call.pk])).status_code == 405


def test_the_desk_says_when_messages_wait_or_their_program_is_silent(
    desk: Client,
) -> None:
    a_request(now=NOW - timedelta(hours=2))
    words = text_of(desk.get(DESK))
    assert "1 message waits, for 2 h." in words
    assert "silent for more than 5 minutes" in words
    Heartbeat.objects.create(name="worker", at=NOW)
    Message.objects.update(sent_at=NOW)
    words = text_of(desk.get(DESK))
    assert "All messages have been sent." in words
    assert "silent" not in words


# --- Rights ------------------------------------------------------------------------


def test_somebody_who_may_only_look_sees_no_buttons_and_changes_nothing(
    desk: Client,
) -> None:
    visit = a_request(patient=patient_details(email=""))
    looker = a_colleague("", username="lou")
    looker.user_permissions.set(
        Group.objects.get(name="Front desk").permissions.filter(
            codename="view_appointment"
        )
    )
    desk.force_login(looker)
    for path in (DESK, address("change", visit)):
        page = desk.get(path)
        assert "Pat Example" in text_of(page)
        assert 'name="proposal"' not in page.content.decode()
        assert "Decline" not in text_of(page)
        assert "I called" not in text_of(page)
    with nothing_written():
        sent = {"reason": "no_time", "send": "", "seen_version": 1, "proposal": 1}
        for path in (
            *(address(act, visit) for act in ("accept", "decline", "cancel")),
            reverse("admin:called", args=[visit.messages.get().pk]),
        ):
            refused = desk.post(path, sent)
            assert refused.status_code == 403
            assert "ask a manager to give your account the right" in text_of(refused)
        bulk = {"action": "accept_first_choices", "_selected_action": visit.pk}
        assert desk.post(LIST, bulk).status_code in (302, 200)


def test_somebody_who_keeps_only_the_pages_sees_no_patient(desk: Client) -> None:
    visit = a_request()
    editor = a_colleague("", username="eve")
    desk.force_login(editor)
    page = desk.get(DESK)
    assert page.status_code == 200
    assert "Pat Example" not in text_of(page)
    assert "Needs an answer" not in text_of(page)
    for path in (LIST, FIND, address("change", visit)):
        assert desk.get(path).status_code == 403
    assert desk.post(FIND, {"wanted": "Pat"}, follow=True).status_code == 403


def test_a_stranger_is_asked_to_sign_in(client: Client) -> None:
    visit = a_request()
    with nothing_written():
        for path in (
            DESK,
            LIST,
            FIND,
            *(address(a, visit) for a in ("change", "accept", "decline", "cancel")),
        ):
            for response in (client.get(path), client.post(path)):
                assert response["Location"] == f"/admin/login/?next={path}"


# --- How it looks ------------------------------------------------------------------


@pytest.fixture
def pages(desk: Client) -> dict[str, str]:
    """Give the pages of a desk on which everything happens, path to HTML."""
    a_clinic()
    visit_type = a_practice(clinicians=2, rooms=2)
    answers = [workflow.Answer("t", "Do you take one?", "yes", "Takes a blood thinner")]
    late = a_request(
        visit_type,
        at("12:00"),
        at("11:00"),
        now=NOW - timedelta(days=3),
        answers=answers,
    )
    a_request(visit_type, at("12:00"), patient=patient_details(email=""))
    a_booked_visit(visit_type, at("11:00"))
    booked = a_booked_visit(visit_type, at("11:00"))
    sent = {"reason": "no_time", "seen_version": 1, "preview": ""}
    answers_given = {
        DESK: desk.get(DESK),
        LIST: desk.get(LIST),
        address("change", late): desk.get(address("change", late)),
        address("change", booked): desk.get(address("change", booked)),
        "/error/": desk.post(address("decline", late), {"preview": ""}),
        "/preview/": desk.post(address("decline", late), sent),
        FIND: desk.post(FIND, {"wanted": "Pat"}, follow=True),
        "/many/": desk.post(
            LIST, {"action": "decline_selected", "_selected_action": late.pk}
        ),
        "/messages/": desk.get("/admin/booking/message/"),
        "/closure/": desk.get("/admin/booking/closure/add/"),
        SCRIPT: desk.get(SCRIPT),
    }
    desk.force_login(a_colleague("Manager", username="mia"))
    clinician = Resource.objects.filter(kind=CLINICIAN)[0]
    for path in (
        f"/admin/booking/resource/{clinician.pk}/change/",
        f"/admin/booking/visittype/{visit_type.pk}/change/",
        "/admin/auth/user/",
        "/admin/auth/user/add/",
    ):
        answers_given[path] = desk.get(path)
    return {path: page.content.decode() for path, page in answers_given.items()}


@pytest.mark.either_database
def test_the_pages_can_be_used_by_everybody(pages: dict[str, str]) -> None:
    assert_good_for_everybody(pages)


def test_no_page_carries_a_style_or_script_of_its_own(pages: dict[str, str]) -> None:
    for path in pages.keys() - {SCRIPT}:
        page = pages[path]
        found = re.findall(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)", page)
        assert found == [], path


def test_a_double_click_does_not_answer_the_request_that_moved_up(
    pages: dict[str, str],
) -> None:
    """The next request stands where the answered one was, for a moment out of reach."""

    def look_twice(page: Page) -> list[str]:
        page.goto(f"http://localhost{DESK}")
        seen = []
        for html_, time in (
            ("", "3600s"),
            ("<ul class=messagelist></ul>", "3600s"),
            ("", "0s"),
        ):
            page.evaluate(
                "([html, time]) => {"
                " document.querySelector('[role=status]').innerHTML += html;"
                " document.documentElement.style.setProperty('--settling', time) }",
                [html_, time],
            )
            for form in (".req .acts", ".call form"):
                now = "form => getComputedStyle(form).pointerEvents"
                seen.append(page.locator(form).first.evaluate(now))
        return seen

    assert look(pages, look_twice) == ["auto"] * 2 + ["none"] * 2 + ["auto"] * 2


def test_the_queue_is_answered_with_the_keyboard_alone(pages: dict[str, str]) -> None:
    def tab(page: Page) -> list[str]:
        page.goto(f"http://localhost{DESK}")
        page.locator("main").focus()
        reached = []
        for _ in range(13):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.innerText"))
        return [" ".join(words.split()) for words in reached]

    late = Appointment.objects.overdue(NOW).get().reference
    assert look(pages, tab) == [
        "Book for a caller",
        "Close a day",
        "1 overdue",
        "1 answer today",
        "2 waiting in all",
        "0 to come today",
        "6 changes by others",
        "4 papers",
        "1 to phone",
        f"Accept tomorrow 12:00 PM {late}",
        f"Offer another time… {late}",
        f"Decline… {late}",
        f"Open {late}",
    ]


def test_a_phone_shows_the_menu_when_asked_and_a_list_as_cards(
    pages: dict[str, str],
) -> None:
    def hold(page: Page) -> None:
        page.goto(f"http://localhost{LIST}")
        menu = page.get_by_role("button", name="Menu")
        today = page.locator(".bar a").first
        expect(today).to_be_hidden()
        menu.click()
        expect(today).to_be_in_viewport()
        assert today.bounding_box()["y"] > menu.bounding_box()["y"]
        page.keyboard.press("Escape")
        expect(today).to_be_hidden()
        expect(page.get_by_role("row").last).to_contain_text("Pat Example")
        assert (
            page.locator("td.field-asked").first.get_attribute("data-label") == "Asked"
        )
        scrolls = "e => e.scrollWidth > e.clientWidth"
        assert not page.locator(".changelist-form-container").evaluate(scrolls)
        page.set_viewport_size({"width": 1280, "height": 900})
        expect(menu).to_be_hidden()
        expect(today).to_be_visible()

    look(pages, hold, width=320)
