"""Behind the private link: the present state, and what it allows."""

import os
import re
import uuid
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils.html import strip_tags
from icalendar import Calendar
from pytest_django import Settings
from time_machine import Traveller

from booking import links, messages, workflow
from booking.models import Appointment, Hit, Message
from booking.policy import Act, ChangeRefusal, DeclineReason
from booking.workflow import PATIENT, Answer
from tests import factories
from tests.factories import FRIDAY, NOW, TUESDAY, at
from tests.records import all_rows, events_of, messages_of, nothing_written

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

STATUS = "/appointment/"
CANCELLATION = "/appointment/cancellation/"
ASK_AGAIN = '<a class="button" href="/book/">Request a visit</a>'
CHANGE = "/appointment/change/"
STOP = "/appointment/change/stop/"
CALENDAR = "/appointment/calendar.ics"


def open_link(client: Client, visit: Appointment) -> HttpResponse:
    return client.get(address_of(visit))


def address_of(visit: Appointment) -> str:
    return f"/appointments/{links.issue(visit, now=NOW)}/"


def words(response: HttpResponse) -> str:
    main = response.content.decode().partition("<main")[2].partition("</main>")[0]
    return " ".join(strip_tags("<main" + main).split())


class Headings(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.inside = tag == "h1"

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found.append(data.strip())


def heading(response: HttpResponse) -> str:
    """Return the one h1."""
    parser = Headings()
    parser.feed(response.content.decode())
    (found,) = parser.found
    return found


# --- The link -------------------------------------------------------------------------


def test_the_link_leads_to_an_address_that_opens_nothing_by_itself(client: Client):
    visit = factories.a_request()
    response = open_link(client, visit)
    assert (response.status_code, response["Location"]) == (302, STATUS)
    assert client.get(STATUS).status_code == 200
    stranger = Client().get(STATUS)
    assert stranger.status_code == 403
    assert heading(stranger) == "Open the link in our message again"
    assert visit.reference not in stranger.content.decode()


@pytest.mark.parametrize("path", [STATUS, CANCELLATION, CALENDAR])
def test_nothing_is_kept_or_indexed(client: Client, path: str):
    visit = factories.a_booked_visit()
    for response in (open_link(client, visit), client.get(path)):
        assert response["Cache-Control"] == "no-store"
        assert response["X-Robots-Tag"] == "noindex"


def test_no_other_page_hears_of_the_link(client: Client):
    visit = factories.a_request()
    for path in (address_of(visit), "/appointments/unknown/"):
        assert client.get(path)["Referrer-Policy"] == "no-referrer"


def test_unknown_expired_and_revoked_links_get_one_page(
    client: Client, clock: Traveller
):
    visit = factories.a_request()
    revoked, expired = address_of(visit), address_of(visit)
    links.revoke_all(visit, NOW)
    expired = address_of(visit)
    answers = [client.get(f"/appointments/{'x' * 43}/"), client.get(revoked)]
    clock.shift(timedelta(days=31))
    answers.append(client.get(expired))
    assert [a.status_code for a in answers] == [404, 404, 404]
    assert len({a.content for a in answers}) == 1
    assert heading(answers[0]) == "This link does not open a visit"
    assert "(212) 555-0143" in words(answers[0])


def test_guessing_is_stopped_and_told_how_to_go_on(client: Client):
    visit = factories.a_request()
    answers = [client.get(f"/appointments/guess-{n}/") for n in range(31)]
    assert [a.status_code for a in answers] == [404] * 30 + [429]
    assert "(212) 555-0143" in words(answers[30])
    other = client.get("/appointments/guess/", REMOTE_ADDR="192.0.2.7")
    assert other.status_code == 404
    # Whoever has a good link still gets in.
    assert open_link(client, visit).status_code == 302


def test_the_page_closes_after_half_an_hour_without_use(
    client: Client, clock: Traveller
):
    open_link(client, factories.a_request())
    for _ in range(3):
        clock.shift(timedelta(minutes=29))
        assert client.get(STATUS).status_code == 200
    clock.shift(timedelta(minutes=30))
    assert client.get(STATUS).status_code == 403


def test_a_link_that_staff_end_closes_the_page_that_it_opened(client: Client):
    visit = factories.a_request()
    open_link(client, visit)
    links.revoke_all(visit, NOW)
    assert client.get(STATUS).status_code == 403


def test_a_session_that_somebody_planted_is_exchanged(
    client: Client, settings: Settings
):
    first, second = factories.a_request(), factories.a_request(None, at("11:00"))
    open_link(client, first)
    planted = client.cookies[settings.SESSION_COOKIE_NAME].value
    open_link(client, second)
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != planted


def test_a_link_opens_its_own_visit_and_then_only_the_last_one(client: Client):
    first = factories.a_request()
    second = factories.a_request(first.visit_type, at("11:00"))
    open_link(client, first)
    open_link(client, second)
    page = client.get(STATUS).content.decode()
    assert second.reference in page
    assert first.reference not in page


SCANNED = [
    STATUS, CANCELLATION, CALENDAR, CHANGE, STOP, "/appointment/preparing/",
    "/appointment/earlier/", "/appointment/offer/", "/appointment/leaving/",
]  # fmt: skip


def _scan(client: Client, visits: int) -> None:
    """Let a scanner of mail follow links so often, and see that nothing changes."""
    booked = factories.a_booked_visit(factories.a_practice(rooms=2))
    wishing = factories.a_booked_visit(booked.visit_type, at("11:00"))
    workflow.ask_change(wishing.pk, [at("14:00")], by=PATIENT, now=NOW)
    offered = factories.an_offer(
        factories.somebody_waiting(booked.visit_type), at("12:00")
    )
    targets = [
        address_of(visit) if target is None else target
        for visit in (booked, wishing, offered)
        for target in (None, *SCANNED)
    ]
    before = {k: v for k, v in all_rows().items() if k != "Hit"}
    methods = (client.get, client.head, client.options)
    for n in range(visits):
        methods[n % 3](targets[n // 3 % len(targets)])
    assert {k: v for k, v in all_rows().items() if k != "Hit"} == before
    assert not Hit.objects.exists()


def test_scanners_that_follow_links_change_nothing(client: Client):
    """SCANS says how often; 10,000 take two minutes."""
    _scan(client, int(os.environ.get("SCANS", "210")))


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_link_takes_nothing_but_reading(client: Client, method: str):
    visit = factories.a_booked_visit()
    path = address_of(visit)
    with nothing_written():
        assert getattr(client, method)(path).status_code == 405


# --- Each state ---------------------------------------------------------------------


def test_a_request_says_that_it_is_not_booked_and_when_we_answer(client: Client):
    visit = factories.a_request(None, at("10:00"), at("14:30"))
    open_link(client, visit)
    response = client.get(STATUS)
    assert heading(response) == "Request received, not booked yet"
    text = words(response)
    assert "It is not an appointment until we confirm it." in text
    assert "We will answer by Monday, November 16, 5:00 PM EST." in text
    assert (
        "You asked for 1. Tuesday, November 17, 10:00 AM EST"
        " 2. Tuesday, November 17, 2:30 PM EST"
    ) in text
    assert visit.reference in text
    assert "Withdraw this request" in text
    assert "Add to my calendar" not in text


def test_a_late_answer_is_owned_up_to(client: Client, clock: Traveller):
    visit = factories.a_request(None, at("10:00", factories.FRIDAY))
    open_link(client, visit)
    clock.shift(timedelta(hours=9))
    open_link(client, visit)
    assert "and we have not. We are sorry." in words(client.get(STATUS))


def test_times_that_passed_without_an_answer_are_no_dead_end(
    client: Client, clock: Traveller
):
    visit = factories.a_request()
    clock.shift(timedelta(days=1, hours=2))
    open_link(client, visit)
    assert "The times that you asked for have passed." in words(client.get(STATUS))


def test_a_confirmed_visit_says_when_where_and_with_whom(client: Client):
    visit = factories.a_booked_visit()
    open_link(client, visit)
    response = client.get(STATUS)
    assert heading(response) == "Your appointment is confirmed"
    text = words(response)
    (clinician,) = visit.reservations.filter(resource__kind="clinician")
    assert "We expect you on Tuesday, November 17, 10:00 AM EST." in text
    assert "10:00\xa0AM\xa0EST" in response.content.decode()  # on one line
    assert f"With {clinician.resource}, physician" in text
    assert "How long 30 minutes" in text
    assert "Where Demo Clinic" in text
    assert "Add to my calendar" in text
    assert "Cancel this appointment" in text


@pytest.mark.parametrize(
    ("minutes", "moves", "expected", "next_step"),
    [
        (5, [], "Your visit has begun", "can you not come? Call us."),
        (30, [], "This appointment is over", "ask for a time here"),
        (5, [Act.ARRIVE], "You are checked in", "ask at the front desk"),
        (30, [Act.ARRIVE], "You are checked in", "ask for a time here"),
        (30, [Act.COMPLETE], "This visit is over", "ask for a time here"),
        (30, [Act.MISS], "We missed you at this appointment", "If you were here"),
    ],
)
def test_each_state_of_the_day_has_its_own_heading_and_next_step(
    client: Client, clock: Traveller, minutes: int, moves: Any, expected: str,
    next_step: str,
):  # fmt: skip
    visit = factories.a_booked_visit()
    reading = {"anchor": "afterwards", "question": "And then?", "answer": "Rest."}
    visit.visit_type.service.sections.create(**reading)
    later = at("10:00") + timedelta(minutes=minutes)
    for move in moves:
        desk = factories.a_front_desk_person()
        workflow.attend(visit.pk, move, by=desk, now=later)
    clock.move_to(later)
    open_link(client, visit)
    page = client.get(STATUS)
    assert heading(page) == expected
    assert next_step in words(page)
    took_place = minutes == 30 and Act.MISS not in moves
    assert ("After your visit" in words(page)) is took_place
    assert CANCELLATION not in page.content.decode()


def test_no_two_states_have_one_heading_and_none_has_two_next_steps(
    client: Client, clock: Traveller
):
    """One button stands out at most; what else can be done is less."""
    desk = factories.a_front_desk_person()
    practice = factories.a_practice(clinicians=15, rooms=15)
    practice.service.sections.create(anchor="afterwards", question="?", answer="Rest.")
    seen: list[str] = []

    def see(*visits: Appointment) -> None:
        for visit in visits:
            open_link(client, visit)
            page = client.get(STATUS)
            main = page.text.partition("<main")[2].partition("</main>")[0]
            assert main.count('class="button"') <= 1, heading(page)
            seen.append(heading(page))

    def request(*starts: datetime) -> Appointment:
        return factories.a_request(practice, *starts)

    def booked(hour: str = "10:00") -> Appointment:
        return factories.a_booked_visit(practice, at(hour), by=desk)

    def waiting() -> Appointment:
        return factories.somebody_waiting(practice)

    wishing, wanting = booked(), booked()
    workflow.ask_change(wishing.pk, [at("14:00")], by=PATIENT, now=NOW)
    workflow.want_earlier(wanting.pk, factories.a_wish(), by=PATIENT, now=NOW)
    see(request(), booked(), waiting(), wishing, wanting)
    see(factories.an_offer(waiting()), factories.an_offer(booked(), at("11:00")))
    for by in (PATIENT, desk):
        for visit in (request(), booked(), waiting()):
            see(workflow.cancel(visit.pk, by=by, now=NOW))
    no_time = DeclineReason.NO_TIME
    see(
        workflow.decline(
            request().pk, reason=no_time, note="", private_note="", by=desk, now=NOW
        )
    )
    lapsing = factories.an_offer(waiting())
    late, passed = request(at("10:00", FRIDAY)), request()
    over, *days = [booked() for _ in range(4)]
    for move, visit in zip((Act.ARRIVE, Act.COMPLETE, Act.MISS), days, strict=True):
        workflow.attend(visit.pk, move, by=desk, now=at("10:05"))
    begun = booked("11:30")
    clock.move_to(at("11:35"))
    see(begun, over, *days, lapsing, late, passed)
    assert sorted(seen) == sorted(set(seen))
    assert len(seen) == 22


def test_how_to_get_ready_and_advice_are_shown_but_no_answer(client: Client):
    visit_type = factories.a_practice()
    visit_type.service.preparation = "Wear **loose** clothes."
    visit_type.service.name = "Xylotherapy"
    visit_type.service.save()
    answers = [
        Answer("thinner", "Xyquestion", "yes", "Xyflag", "We will call about this."),
        Answer("pump", "Xyquestion", "not_sure", "Xyflag", "We will call about this."),
        Answer("fever", "Xyquestion", "no", "Xyflag", "Xyadvice"),
    ]
    visit = factories.a_booked_visit(visit_type, answers=answers)
    open_link(client, visit)
    page = client.get(STATUS).content.decode()
    assert "Wear <strong>loose</strong> clothes." in page
    assert page.count("We will call about this.") == 1
    hidden = [
        "Xyquestion", "Xyflag", "Xyadvice", "Xylotherapy", "pat@example.com",
        "+12125550199", "1980", "Pat", "insurance",
    ]  # fmt: skip
    main = page.partition("<main")[2].partition("</main>")[0]
    assert [word for word in hidden if word in main] == []


def test_a_visit_that_is_over_can_no_longer_be_cancelled_here(
    client: Client, clock: Traveller
):
    visit = factories.a_booked_visit()
    clock.shift(timedelta(days=1, hours=2))
    open_link(client, visit)
    response = client.get(STATUS)
    assert heading(response) == "This appointment is over"
    assert CANCELLATION not in response.content.decode()
    with nothing_written():
        answer = client.post(CANCELLATION, {"version": visit.version}, follow=True)
    assert "This can no longer be cancelled here. Please call us." in words(answer)


@pytest.mark.parametrize("reason", DeclineReason)
def test_a_refusal_says_what_to_do_next(client: Client, reason: DeclineReason):
    visit = factories.a_request()
    desk = factories.a_front_desk_person()
    workflow.decline(visit.pk, reason=reason, by=desk, note="Ask <b>us</b>.", now=NOW)
    open_link(client, visit)
    response = client.get(STATUS)
    assert heading(response) == "Not booked: we could not say yes"
    text = words(response)
    assert str(messages.DECLINE_WORDS[reason]) in text
    assert "Ask &lt;b&gt;us&lt;/b&gt;." in text
    again = reason in (DeclineReason.NO_TIME, DeclineReason.NEEDS_REFERRAL)
    assert (ASK_AGAIN in response.text) is again
    by_phone = f"{messages.DECLINE_WORDS[reason]} (212) 555-0143"
    assert (by_phone in text) is not again  # who can only call reads there how
    assert "Your appointment" not in text
    assert CANCELLATION not in response.content.decode()


@pytest.mark.parametrize(
    ("was_booked", "by_patient", "expected"),
    [
        (False, True, "You withdrew this request"),
        (False, False, "This request was withdrawn"),
        (True, True, "You cancelled this appointment"),
        (True, False, "We cancelled this appointment"),
    ],
)
def test_each_way_to_end_has_its_own_heading(
    client: Client, was_booked: bool, by_patient: bool, expected: str
):
    visit = factories.a_booked_visit() if was_booked else factories.a_request()
    by = PATIENT if by_patient else factories.a_front_desk_person()
    workflow.cancel(visit.pk, by=by, now=NOW)
    open_link(client, visit)
    response = client.get(STATUS)
    assert heading(response) == expected
    assert ("Please do not come." in words(response)) is was_booked


def test_the_page_costs_the_same_for_one_and_for_three(
    client: Client, django_assert_max_num_queries: Any
):
    counts = []
    visit_type = factories.a_practice()
    for number, starts in enumerate(([at("10:00")], [at("11:00"), at("12:00")])):
        answers = [
            Answer(f"q{n}", "?", "yes", "flag", f"Advice {n}.")
            for n in range(1 + 2 * number)
        ]
        visit = factories.a_request(visit_type, *starts, answers=answers)
        open_link(client, visit)
        client.get(STATUS)  # and so it is known what is set up
        with django_assert_max_num_queries(20) as captured:
            client.get(STATUS)
        counts.append(len(captured))
    assert counts[0] == counts[1]


# --- Calendar -----------------------------------------------------------------------


def test_a_confirmed_visit_can_be_added_to_a_calendar(client: Client):
    visit = factories.a_booked_visit()
    open_link(client, visit)
    response = client.get(CALENDAR)
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="appointment.ics"'
    (event,) = Calendar.from_ical(response.content).walk("VEVENT")
    assert str(event["UID"]) == str(visit.uid)


def test_what_is_not_booked_has_no_calendar_entry(client: Client):
    open_link(client, factories.a_request())
    response = client.get(CALENDAR)
    assert (response.status_code, response["Location"]) == (302, STATUS)


# --- Withdraw and cancel --------------------------------------------------------------


@pytest.mark.parametrize("booked", [False, True], ids=["withdraw", "cancel"])
def test_a_patient_ends_it_with_one_button(client: Client, booked: bool):
    visit = factories.a_booked_visit() if booked else factories.a_request()
    open_link(client, visit)
    page = client.get(CANCELLATION)
    assert heading(page) == (
        "Cancel your appointment?" if booked else "Withdraw your request?"
    )
    response = client.post(CANCELLATION, {"version": visit.version})
    assert (response.status_code, response["Location"]) == (302, STATUS)
    visit.refresh_from_db()
    assert (visit.status, visit.cancellation_reason) == ("cancelled", "patient")
    act = "cancel" if booked else "withdraw"
    assert events_of(visit)[-1][1:] == (
        act, "booked" if booked else "pending", "cancelled", "patient",
    )  # fmt: skip
    kind = "cancelled" if booked else "withdrawn"
    assert messages_of(visit)[-1] == (kind, "email")
    assert not visit.reservations.exists()


def test_a_second_press_says_that_it_is_done_already(client: Client):
    visit = factories.a_booked_visit()
    open_link(client, visit)
    client.post(CANCELLATION, {"version": visit.version})
    with nothing_written():
        again = client.post(CANCELLATION, {"version": visit.version}, follow=True)
    assert "This was already cancelled. Nothing has changed." in words(again)
    assert heading(again) == "You cancelled this appointment"


def test_who_withdraws_a_request_does_not_cancel_what_was_confirmed_meanwhile(
    client: Client,
):
    visit = factories.a_request()
    open_link(client, visit)
    client.get(CANCELLATION)
    seen = visit.version
    desk = factories.a_front_desk_person()
    workflow.accept(visit.pk, factories.choice(visit).pk, by=desk, now=NOW)
    with nothing_written():
        response = client.post(CANCELLATION, {"version": seen})
    assert response.status_code == 409
    assert heading(response) == "Cancel your appointment?"
    assert "This has changed since you opened the page." in words(response)
    assert f'value="{seen + 1}"' in response.content.decode()


def test_who_cancels_one_of_a_series_reads_that_the_rest_stays(client: Client):
    desk = factories.a_front_desk_person()
    visit = factories.a_booked_visit(by=desk)
    weeks = [at("10:00", TUESDAY + timedelta(days=7 * n)) for n in range(3)]
    visits = workflow.book_series(visit.pk, weeks, by=desk, now=NOW, key=uuid.uuid4())
    rest = "Your other appointments with us stay as they are."

    for visit in visits[:2]:
        open_link(client, visit)
        assert rest in words(client.get(CANCELLATION))
        client.post(CANCELLATION, {"version": visit.version})
        assert rest in words(client.get(STATUS))
        assert rest in " ".join(factories.told_last(visit).text.split())

    # Nothing is left of it but the one.
    open_link(client, visits[2])
    assert rest not in words(client.get(CANCELLATION))


def test_who_is_cancelled_by_the_clinic_is_not_told_that_the_rest_stays(
    client: Client,
):
    """The mail may be followed by the next; the page knows how it is now."""
    desk = factories.a_front_desk_person()
    visit = factories.a_booked_visit(by=desk)
    weeks = [visit.start, visit.start + timedelta(days=7)]
    workflow.book_series(visit.pk, weeks, by=desk, now=NOW, key=uuid.uuid4())

    workflow.cancel(visit.pk, by=desk, now=NOW)

    assert "stay as" not in factories.told_last(visit).text
    open_link(client, visit)
    assert "stay as they are" in words(client.get(STATUS))


@pytest.mark.parametrize("version", ["", "-1", "x", "9" * 5000, "1\x00", "٣"])
def test_a_version_that_is_none_changes_nothing(client: Client, version: str):
    visit = factories.a_booked_visit()
    open_link(client, visit)
    with nothing_written():
        assert client.post(CANCELLATION, {"version": version}).status_code == 409


def test_another_site_cannot_press_the_button():
    visit = factories.a_booked_visit()
    client = Client(enforce_csrf_checks=True)
    open_link(client, visit)
    with nothing_written():
        response = client.post(CANCELLATION, {"version": visit.version})
    assert response.status_code == 403


def test_without_the_link_nothing_can_be_cancelled(client: Client):
    visit = factories.a_booked_visit()
    with nothing_written():
        response = client.post(CANCELLATION, {"version": visit.version})
    assert response.status_code == 403
    assert Message.objects.filter(kind="cancelled").count() == 0


def test_shortly_before_the_visit_the_page_gives_the_phone_instead(
    client: Client, clock: Traveller
):
    visit = factories.a_booked_visit(factories.a_practice(cutoff=4))
    open_link(client, visit)
    assert "Cancel this appointment" in words(client.get(STATUS))
    clock.move_to(at("06:30"))
    open_link(client, visit)
    page = client.get(STATUS)
    assert CANCELLATION not in page.content.decode()
    said = words(page)
    assert "Your appointment begins in less than 4 hours" in said
    assert "Please call us: (212) 555-0143 We are there today from 9:00 AM." in said
    for method in (client.get, client.post):
        with nothing_written():
            answer = method(CANCELLATION, {"version": visit.version}, follow=True)
        assert "too soon to change or cancel it here. Please call us" in words(answer)


# --- Another time ---------------------------------------------------------------------

THERE, ELSEWHERE = "2026-11-18T15:00Z", "2026-11-18T19:00Z"


def test_a_patient_asks_for_another_time_sees_both_and_takes_it_back(client: Client):
    visit = factories.a_booked_visit()
    open_link(client, visit)
    assert CHANGE in client.get(STATUS).content.decode()
    page = client.get(CHANGE)
    assert heading(page) == "Choose another time"
    assert "You have: Tuesday, November 17, 10:00 AM" in words(page)
    asked = {"starts": [ELSEWHERE, THERE], "version": visit.version}
    assert client.post(CHANGE, asked)["Location"] == STATUS
    status = client.get(STATUS)
    assert heading(status) == (
        "Your appointment is confirmed, and you asked for another time"
    )
    text = words(status)
    assert "We expect you on Tuesday, November 17, 10:00 AM EST." in text
    assert "You have: Tuesday, November 17, 10:00 AM EST." in text
    assert (
        "You asked for: Wednesday, November 18, 10:00 AM EST"
        " Wednesday, November 18, 2:00 PM EST" in text
    )
    assert "We will answer by Monday, November 16, 5:00 PM EST." in text
    assert client.get(CHANGE)["Location"] == STATUS
    visit.refresh_from_db()
    with nothing_written():
        assert client.get(STOP)["Location"] == STATUS
    with nothing_written():
        client.post(STOP, {"version": visit.version - 1})
    assert client.post(STOP, {"version": visit.version})["Location"] == STATUS
    assert heading(client.get(STATUS)) == "Your appointment is confirmed"


def test_turning_to_other_days_keeps_the_ticks_and_changes_nothing(client: Client):
    open_link(client, factories.a_booked_visit())
    with nothing_written():
        page = client.post(CHANGE, {"starts": [THERE], "from": "2026-11-23"})
    assert page.status_code == 200
    assert "Chosen so far" in words(page)
    assert re.search(rf'value="{THERE}"[^>]* checked', page.content.decode())
    assert "Monday, November 23" in words(page)


@pytest.mark.parametrize(
    ("starts", "status", "expected"),
    [
        ([], 422, "Choose a time."),
        (["x"], 422, "Choose"),
        ([THERE, ELSEWHERE, "2026-11-18T20:00Z", "2026-11-18T20:30Z"], 422, "at most"),
        (["2026-11-17T15:00Z"], 409, "No longer free"),  # its own
        (["2026-11-18T08:00Z"], 409, "Choose one of the times shown."),
    ],
)
def test_what_cannot_be_asked_for_is_said_at_the_times(
    client: Client, starts: list[str], status: int, expected: str
):
    visit = factories.a_booked_visit()
    open_link(client, visit)
    with nothing_written():
        answer = client.post(CHANGE, {"starts": starts, "version": visit.version})
    assert answer.status_code == status
    assert expected in words(answer)
    assert "There is a problem" in answer.content.decode()


def test_an_older_page_asks_for_nothing(client: Client):
    visit = factories.a_booked_visit()
    open_link(client, visit)
    with nothing_written():
        answer = client.post(CHANGE, {"starts": [THERE], "version": 1})
    assert answer.status_code == 409
    assert "This has changed since you opened the page." in words(answer)
    assert f'name="version" value="{visit.version}"' in answer.content.decode()


def test_where_it_may_a_visit_moves_at_once(client: Client):
    visit = factories.a_booked_visit(factories.a_practice(changes_at_once=True))
    open_link(client, visit)
    assert "Move my appointment" in words(client.get(CHANGE))
    asked = {"starts": [THERE], "version": visit.version}
    done = words(client.post(CHANGE, asked, follow=True))
    assert "We expect you on Wednesday, November 18, 10:00 AM EST." in done


def test_the_page_says_why_a_visit_stays_where_it_is(client: Client):
    visit = factories.a_booked_visit()
    workflow.ask_change(visit.pk, [at("14:00")], by=PATIENT, now=NOW)
    workflow.refuse_change(
        visit.pk, reason=ChangeRefusal.NEEDS_CALL, note="Ask for Ana.",
        by=factories.a_front_desk_person(), now=NOW,
    )  # fmt: skip
    open_link(client, visit)
    text = words(client.get(STATUS))
    assert str(messages.REFUSAL_WORDS[ChangeRefusal.NEEDS_CALL]) in text
    assert "Ask for Ana." in text
    assert "Ask for another time" in text


def test_who_asked_for_another_time_reads_that_the_offer_is_taken_back(client: Client):
    visit = factories.a_booked_visit(factories.a_practice())
    desk = factories.a_front_desk_person()
    no = {"reason": ChangeRefusal.NO_TIME, "note": "Ana is away.", "by": desk}
    for refuse in (True, False):
        workflow.ask_change(visit.pk, [at("14:00")], by=PATIENT, now=NOW)
        if refuse:
            workflow.refuse_change(visit.pk, now=NOW, **no)
    factories.an_offer(visit, at("15:00"), by=desk)
    workflow.retract(visit.pk, by=desk, now=NOW)

    open_link(client, visit)
    page = words(client.get(STATUS))

    assert "We had to take our offer back. We are sorry." in page
    assert "You asked for: Tuesday, November 17, 2:00 PM EST" in page
    assert "We will answer by Monday, November 16, 5:00 PM EST." in page
    assert "Ana is away." not in page


def test_without_a_free_time_the_page_says_why_and_gives_the_phone(client: Client):
    visit = factories.a_booked_visit()
    visit.visit_type.by_phone_only = True
    visit.visit_type.save()
    open_link(client, visit)
    page = client.get(CHANGE)
    text = words(page)
    assert "Your appointment stays as it is. Call us" in text
    assert "(212) 555-0143" in text
    # And no button of a form that is not there.
    assert f'<a href="/es{CHANGE}" lang="es"' in page.content.decode()
    assert 'form="step"' not in page.content.decode()
