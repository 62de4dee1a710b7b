"""The waiting list as patients meet it: instead of a time, and by their link."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from time_machine import Traveller

from booking import integrity, workflow
from booking.models import Appointment, Hit, Reservation, Resource, VisitType
from booking.workflow import PATIENT
from tests import factories
from tests.factories import (
    FRIDAY,
    NOW,
    TUESDAY,
    a_booked_visit,
    a_practice,
    a_request,
    a_wish,
    an_offer,
    at,
    offered,
    somebody_waiting,
)
from tests.records import (
    all_rows,
    events_of,
    held_by,
    messages_of,
    nothing_written,
    places_of,
)

from .road import PLAIN, Browser, text_of
from .test_status_page import ASK_AGAIN, heading, open_link, words

pytestmark = pytest.mark.django_db

STATUS, OFFER = "/appointment/", "/appointment/offer/"
EARLIER, LEAVING = "/appointment/earlier/", "/appointment/leaving/"
CANCELLATION = "/appointment/cancellation/"

WISH: dict[str, Any] = {
    "earliest": "2026-11-18", "latest": "2026-12-18", "weekdays": ["0", "2"],
    "part": "morning", "notice": "2880",
}  # fmt: skip


link = pytest.mark.usefixtures("clock")


# --- Instead of a time ------------------------------------------------------------


def waits(patient: Browser, visit_type: VisitType, **changed: Any) -> HttpResponse:
    """Go the road with the waiting list in place of a time, up to all answers."""
    patient.begin()
    patient.answer("visit", visit=visit_type.code)
    response = patient.answer("waiting-list", **WISH | changed)
    assert (response.status_code, response.url) == (302, "/book/about/")
    for step, answers in PLAIN.items():
        patient.answer(step, **answers)
    return patient.get("/book/check/")


def test_who_finds_no_time_joins_the_list(patient: Browser, visit_type: VisitType):
    page = text_of(waits(patient, visit_type))
    for said in (
        "Check your answers, then join the waiting list",
        "Booked Not yet: on the waiting list",
        "Between Wednesday, November 18 and Friday, December 18",
        "Days Monday, Wednesday",
        "Time of day Morning",
        "Notice At least 2 days before",
        "This puts you on the waiting list. You do not have an appointment.",
        "You can leave the list, or call us.",
    ):
        assert said in page
    assert "Send appointment request" not in page
    assert "We answer by" not in page

    assert patient.send().url == "/book/sent/"

    visit = Appointment.objects.get()
    assert events_of(visit) == [(1, "join", "", "waitlist", "patient")]
    assert visit.waiting_list_entries.get().wish == a_wish(
        earliest=date(2026, 11, 18), latest=date(2026, 12, 18), weekdays=(0, 2),
        part="morning", notice=2880,
    )  # fmt: skip
    assert messages_of(visit) == [("on_list", "email")]
    assert visit.messages.get().subject.startswith("On the waiting list – not booked")
    page = text_of(patient.get("/book/sent/"))
    assert "On the waiting list, not booked" in page
    assert "We send our offer by email." in page
    assert visit.reference in page
    assert "not booked yet" not in page


def test_sending_twice_makes_one_place(patient: Browser, visit_type: VisitType):
    waits(patient, visit_type)
    before = patient.window()
    patient.send()
    patient.turn_to(before)
    assert patient.send().url == "/book/sent/"
    visit = Appointment.objects.get()
    assert places_of(visit) == [("", 0)]
    assert messages_of(visit) == [("on_list", "email")]


def test_every_page_of_times_leads_to_the_list(patient: Browser, visit_type: VisitType):
    there = 'href="/book/waiting-list/"'
    patient.fill_in(until="times")
    assert there in patient.get("/book/times/").text
    Resource.objects.filter(kind="clinician").get().hours.update(closes="11:00")
    assert there in patient.get("/book/times/?part=afternoon").text
    factories.a_closure(at("00:00"), at("00:00", TUESDAY + timedelta(days=100)))
    page = patient.get("/book/times/")
    assert there in page.text
    assert "Join the waiting list, and we offer you a time" in text_of(page)


def test_the_wish_is_filled_in_to_begin_with(patient: Browser, visit_type: VisitType):
    patient.fill_in(until="times")
    page = patient.get("/book/waiting-list/").text
    assert 'value="2026-11-17"' in page  # tomorrow
    assert 'value="2027-01-15"' in page  # sixty days on
    shown = re.findall(r'name="weekdays" value="(\d)"[^>]*?(checked)?>', page)
    assert [day for day, _ in shown] == ["0", "1", "2", "3", "4"]
    assert len(re.findall(r'name="weekdays"[^>]*checked', page)) == 5
    assert re.search(r'value="any"[^>]*checked', page)
    assert '<option value="1440" selected>1 day</option>' in page
    assert 'name="clinician"' not in page


def test_who_may_be_seen_by_several_can_wait_for_one(clock: Any):
    visit_type = a_practice(clinicians=2, rooms=2)
    wanted = Resource.objects.filter(kind="clinician").last()
    patient = Browser(clock, visit_type)
    waits(patient, visit_type, clinician=wanted.clinician.slug)
    patient.send()
    assert Appointment.objects.get().wanted_clinician == wanted


def test_a_time_takes_the_place_of_the_list_and_the_list_of_a_time(
    patient: Browser, visit_type: VisitType
):
    patient.fill_in()
    assert held_by_forms() == 2
    assert patient.answer("waiting-list", **WISH).url == "/book/check/"
    assert held_by_forms() == 0
    assert "First choice of time" not in text_of(patient.get("/book/check/"))
    assert patient.get("/book/times/").status_code == 200
    assert patient.choose(at("11:00")).url == "/book/other-times/"
    patient.answer("other-times")
    page = text_of(patient.get("/book/check/"))
    assert "First choice of time Tuesday, November 17, 11:00 AM" in page
    assert "waiting list" not in page


def held_by_forms() -> int:
    return Reservation.objects.exclude(hold_key="").count()


def test_another_visit_asks_for_the_wish_anew(patient: Browser, visit_type: VisitType):
    other = factories.a_visit_type(service=visit_type.service)
    waits(patient, visit_type)
    assert patient.answer("visit", visit=other.code).url == "/book/times/"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"earliest": ""}, "Write the first day on which you could come."),
        ({"latest": ""}, "Write the last day on which you could come."),
        ({"latest": "soon"}, "Write the day in numbers, like 11/24/2026."),
        ({"latest": "2026-02-30"}, "Write the day in numbers, like 11/24/2026."),
        ({"earliest": "2026-11-15"}, "Choose a first day from today on."),
        ({"earliest": "0001-01-01"}, "Choose a first day from today on."),
        ({"latest": "9999-12-31"}, "Choose a last day within a year."),
        ({"latest": "2026-11-17"}, "The last day has to be after the first."),
        ({"weekdays": []}, "Choose at least one day of the week."),
        (
            {"latest": "2026-11-22", "weekdays": ["0", "1"]},
            "Choose a day of the week between the first day and the last.",
        ),
        ({"weekdays": ["6"]}, "Choose from the days shown."),
        ({"weekdays": ["\x00"]}, "Choose from the days shown."),
        ({"part": ""}, "Choose the time of day."),
        ({"part": "midnight"}, "Choose the time of day."),
        ({"notice": "1"}, "Choose how long before you need to know."),
        ({"notice": "9" * 5000}, "Choose how long before you need to know."),
    ],
)
def test_a_wish_that_makes_no_sense_says_how_to_mend_it(
    patient: Browser, changed: dict[str, Any], error: str
):
    patient.fill_in(until="times")
    response = patient.answer("waiting-list", **WISH | changed)
    assert response.status_code == 422
    assert f"There is a problem {error}" in text_of(response)
    assert "waiting-list" not in patient.draft.answers


def test_an_american_date_is_read(patient: Browser, visit_type: VisitType):
    patient.fill_in(until="times")
    response = patient.answer("waiting-list", **WISH | {"earliest": "11/18/2026"})
    assert response.status_code == 302


def test_without_a_visit_in_mind_there_is_nothing_to_wait_for(patient: Browser):
    patient.begin()
    for method in (patient.get, patient.post):
        assert method("/book/waiting-list/").url == "/book/visit/"


# --- By the link: where one stands ------------------------------------------------


@link
def test_who_waits_reads_so_and_how_many_are_before(client: Client):
    visit_type = a_practice()
    for _ in range(2):
        somebody_waiting(visit_type)
    visit = somebody_waiting(visit_type, a_wish(part="morning"))
    open_link(client, visit)
    response = client.get(STATUS)
    assert heading(response) == "On the waiting list, not booked"
    text = words(response)
    assert "You do not have an appointment yet." in text
    assert "2 people are before you for this kind of visit." in text
    assert "Between Tuesday, November 17 and Tuesday, December 15" in text
    assert "Time of day Morning" in text
    assert "Leave the waiting list" in text
    assert "Add to my calendar" not in text
    assert "You asked for" not in text


def test_a_wish_for_one_day_names_it_once():
    only = a_wish(earliest=TUESDAY, latest=TUESDAY, weekdays=(1,))
    assert only.rows()[:2] == [
        ("Day", "Tuesday, November 17"), ("Time of day", "Any time"),
    ]  # fmt: skip


@link
@pytest.mark.parametrize(
    ("people", "said"),
    [
        (0, "Nobody is before you for this kind of visit."),
        (1, "1 person is before you for this kind of visit."),
    ],
)
def test_the_place_is_said_in_words(client: Client, people: int, said: str):
    visit_type = a_practice()
    for _ in range(people):
        somebody_waiting(visit_type)
    open_link(client, somebody_waiting(visit_type))
    assert said in words(client.get(STATUS))


@link
def test_who_is_booked_sees_the_wish_beside_the_appointment(client: Client):
    visit = with_a_time()
    open_link(client, visit)
    response = client.get(STATUS)
    assert heading(response) == (
        "Your appointment is confirmed, and you wait for an earlier time"
    )
    text = words(response)
    assert "We expect you on Friday, November 20, 3:00 PM EST." in text
    appointment, _, wish = text.partition("Your wish for an earlier time")
    assert "Between" not in appointment
    assert "Between Tuesday, November 17" in wish
    assert "Leave the list for an earlier time" in wish
    assert "Join the list for an earlier time" not in text


@link
@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (
            lambda visit: workflow.leave(visit.pk, by=PATIENT, now=NOW),
            "You left the waiting list",
        ),
        (
            lambda visit: workflow.leave(
                visit.pk, by=factories.a_front_desk_person(), now=NOW
            ),
            "You are no longer on the waiting list",
        ),
        (
            lambda visit: workflow.expire(visit.pk, now=NOW + timedelta(days=30)),
            "Your time on the waiting list is over",
        ),
    ],
)
def test_each_way_off_the_list_has_its_own_heading(
    client: Client, end: Any, expected: str
):
    visit = somebody_waiting()
    end(visit)
    open_link(client, visit)
    response = client.get(STATUS)
    assert heading(response) == expected
    assert ASK_AGAIN in response.text
    assert "(212) 555-0143" in response.text


# --- By the link: an offer --------------------------------------------------------


def with_a_time() -> Appointment:
    visit = a_booked_visit(a_practice(), at("15:00", FRIDAY))
    return workflow.want_earlier(visit.pk, a_wish(), by=PATIENT, now=NOW)


def answer(client: Client, visit: Appointment, what: Any, **more: Any) -> HttpResponse:
    visit.refresh_from_db()
    sent = {"version": visit.version, "answer": str(what)} | more
    return client.post(OFFER, sent)


@link
def test_an_offer_is_shown_whole_with_until_when(client: Client):
    visit = an_offer(somebody_waiting(), at("10:00"), at("14:30"))
    clinician = Resource.objects.get(kind="clinician")
    open_link(client, visit)
    for path in (STATUS, OFFER):
        response = client.get(path)
        assert heading(response) == "We offer you a time, not booked yet"
        text = words(response)
        who = f"30 minutes, with {clinician}, physician"
        assert f"Tuesday, November 17, 10:00 AM, {who}" in text
        assert f"Tuesday, November 17, 2:30 PM, {who}" in text
        assert "None of these suits me" in text
        assert "Answer by Monday, November 16, 11:00 AM EST" in text
        assert "whoever takes it first" not in text


@link
def test_one_post_takes_a_time(client: Client):
    visit = an_offer(somebody_waiting(), at("10:00"), at("14:30"))
    second = offered(visit, 2)
    open_link(client, visit)
    response = answer(client, visit, second.pk)
    assert (response.status_code, response["Location"]) == (302, STATUS)
    visit.refresh_from_db()
    assert (visit.status, visit.start) == ("booked", at("14:30"))
    assert events_of(visit)[-1][1:] == ("take", "proposed", "booked", "patient")
    assert messages_of(visit)[-1] == ("confirmed", "email")
    assert heading(client.get(STATUS)) == "Your appointment is confirmed"


@link
def test_one_post_moves_an_appointment(client: Client):
    visit = an_offer(with_a_time(), at("10:00"))
    open_link(client, visit)
    response = client.get(STATUS)
    assert heading(response) == "We can offer you another time"
    assert (
        "Your appointment on Friday, November 20, 3:00 PM EST stays as it is until you"
        " choose." in words(response)
    )
    answer(client, visit, offered(visit).pk)
    visit.refresh_from_db()
    assert (visit.start, visit.calendar_sequence) == (at("10:00"), 1)
    assert messages_of(visit)[-1] == ("moved", "email")


@link
@pytest.mark.parametrize(
    ("make", "status", "expected"),
    [
        (somebody_waiting, "waitlist", "On the waiting list, not booked"),
        (
            with_a_time,
            "booked",
            "Your appointment is confirmed, and you wait for an earlier time",
        ),
        (a_request, "pending", "Request received, not booked yet"),
    ],
)
def test_none_of_them_suits(client: Client, make: Any, status: str, expected: str):
    desk = factories.a_front_desk_person()
    visit = an_offer(make(), at("12:00"), at("13:00"), by=desk)
    open_link(client, visit)
    assert answer(client, visit, "none").status_code == 302
    visit.refresh_from_db()
    assert visit.status == status
    assert events_of(visit)[-1][1] == "pass"
    page = client.get(STATUS)
    assert heading(page) == expected
    assert "You told us that what we offered does not suit you." in words(page)


@link
@pytest.mark.parametrize("what", ["take", "none"])
def test_a_second_press_answers_the_same(client: Client, what: str):
    visit = an_offer(somebody_waiting(), at("10:00"))
    chosen = offered(visit).pk if what == "take" else "none"
    open_link(client, visit)
    seen = visit.version
    client.post(OFFER, {"version": seen, "answer": chosen})
    with nothing_written():
        again = client.post(OFFER, {"version": seen, "answer": chosen})
    assert (again.status_code, again["Location"]) == (302, STATUS)


@link
def test_nothing_chosen_says_what_to_do(client: Client):
    visit = an_offer(somebody_waiting(), at("10:00"))
    open_link(client, visit)
    with nothing_written():
        response = client.post(OFFER, {"version": visit.version})
    assert response.status_code == 422
    assert "Choose a time, or say that none suits you." in words(response)


@link
def test_an_older_page_decides_nothing(client: Client):
    visit = an_offer(somebody_waiting(), at("10:00"))
    pk = offered(visit).pk
    open_link(client, visit)
    with nothing_written():
        response = client.post(OFFER, {"version": visit.version - 1, "answer": pk})
    assert response.status_code == 409
    assert "This visit has changed since you opened the page." in words(response)
    assert f'value="{visit.version}"' in response.text


def test_an_offer_that_lapsed_says_so_before_anybody_swept_it(
    client: Client, clock: Traveller
):
    visit = an_offer(somebody_waiting(), at("10:00"))
    pk = offered(visit).pk
    open_link(client, visit)
    clock.shift(timedelta(hours=2))
    open_link(client, visit)
    response = client.get(STATUS)
    assert heading(response) == "The time that we offered has lapsed"
    text = words(response)
    assert "We had no answer to our offer in time, so it has ended." in text
    assert "You are still on the waiting list, in the same place." in text
    assert "(212) 555-0143" in text
    assert client.get(OFFER)["Location"] == STATUS
    with nothing_written():
        late = client.post(OFFER, {"version": visit.version, "answer": pk}, follow=True)
    assert "This time is no longer offered to you. Please look again." in words(late)


@link
def test_a_time_that_went_to_somebody_quicker_says_so_at_once(client: Client):
    visit_type = a_practice()
    slow, quick = (somebody_waiting(visit_type) for _ in range(2))
    for visit in (slow, quick):
        an_offer(visit, at("10:00"), kept=False)
    pk = offered(slow).pk
    open_link(client, slow)
    workflow.take(quick.pk, offered(quick).pk, by=PATIENT, now=NOW)
    late = client.post(OFFER, {"version": 2, "answer": pk}, follow=True)
    assert "This time is no longer offered to you." in words(late)
    assert heading(late) == "On the waiting list, not booked"


@link
def test_a_time_that_somebody_else_asked_for_says_that_it_has_gone(client: Client):
    visit_type = a_practice()
    visit = an_offer(somebody_waiting(visit_type), at("10:00"), kept=False)
    pk = offered(visit).pk
    open_link(client, visit)
    assert "It goes to whoever takes it first." in words(client.get(STATUS))
    a_request(visit_type, at("10:00"))
    response = client.get(STATUS)
    assert heading(response) == "The time that we offered has gone"
    assert "is no longer free. We are sorry." in words(response)
    with nothing_written():
        late = answer(client, visit, pk)
    assert late["Location"] == STATUS
    assert "This time has just gone. We are sorry." in words(client.get(STATUS))


@link
def test_of_two_times_one_that_went_is_no_longer_shown(client: Client):
    visit_type = a_practice()
    visit = an_offer(somebody_waiting(visit_type), at("10:00"), at("12:00"), kept=False)
    open_link(client, visit)
    a_request(visit_type, at("10:00"))
    text = words(client.get(STATUS))
    assert "12:00 PM" in text
    assert "10:00 AM" not in text
    assert "It does not suit me" in text


@link
@pytest.mark.parametrize("what", ["", "x", "0", "9" * 5000, "\x00", "٣", "-1"])
def test_an_answer_that_is_none_changes_nothing(client: Client, what: str):
    visit = an_offer(somebody_waiting(), at("10:00"))
    open_link(client, visit)
    with nothing_written():
        assert answer(client, visit, what).status_code == 422


@link
def test_an_offer_of_somebody_else_cannot_be_taken(client: Client):
    visit_type = a_practice()
    mine = an_offer(somebody_waiting(visit_type), at("10:00"))
    theirs = an_offer(somebody_waiting(visit_type), at("11:00"))
    open_link(client, mine)
    with nothing_written():
        assert answer(client, mine, offered(theirs).pk).status_code == 422


@link
def test_a_clinician_of_an_offer_is_not_whom_the_appointment_is_with(client: Client):
    visit_type = a_practice(clinicians=2, rooms=2)
    ours, other = Resource.objects.filter(kind="clinician")
    a_booked_visit(visit_type, at("10:00"), clinician=other)
    visit = a_booked_visit(visit_type, at("15:00", FRIDAY), clinician=other)
    Appointment.objects.update(wanted_clinician=None)
    an_offer(visit, at("10:00"), by=factories.a_front_desk_person())
    assert ours.pk in {pk for pk, *_ in held_by(visit)}
    open_link(client, visit)
    assert f"With {other}, physician" in words(client.get(STATUS))


# --- By the link: an earlier time, and off the list -------------------------------


@link
def test_a_booked_patient_joins_for_an_earlier_time(client: Client):
    visit = a_booked_visit(a_practice(), at("15:00", FRIDAY))
    open_link(client, visit)
    assert "Join the list for an earlier time" in words(client.get(STATUS))
    page = client.get(EARLIER)
    assert heading(page) == "Would you like an earlier time?"
    assert 'value="2026-11-20"' in page.text  # no later than the visit
    wish = WISH | {"latest": "2026-11-20"}
    response = client.post(EARLIER, wish)
    assert (response.status_code, response["Location"]) == (302, STATUS)
    visit.refresh_from_db()
    assert visit.status == "booked"
    assert events_of(visit)[-1][1:] == ("want_earlier", "booked", "booked", "patient")
    assert messages_of(visit)[-1] == ("on_list", "email")
    with nothing_written():
        assert client.post(EARLIER, wish)["Location"] == STATUS


@link
def test_a_wish_for_an_earlier_time_is_checked(client: Client):
    open_link(client, a_booked_visit())
    with nothing_written():
        response = client.post(EARLIER, {})
    assert response.status_code == 422
    assert "Choose at least one day of the week." in words(response)


@link
@pytest.mark.parametrize("make", [a_request, somebody_waiting])
def test_without_an_appointment_there_is_no_earlier_one(client: Client, make: Any):
    open_link(client, make())
    with nothing_written():
        for method in (client.get, client.post):
            assert method(EARLIER)["Location"] == STATUS


@link
@pytest.mark.parametrize(
    ("make", "asks", "status"),
    [
        (somebody_waiting, "Leave the waiting list?", "cancelled"),
        (lambda: an_offer(somebody_waiting()), "Leave the waiting list?", "cancelled"),
        (with_a_time, "No earlier time any more?", "booked"),
    ],
    ids=["waits", "was offered a time", "is booked"],
)
def test_a_patient_leaves_the_list_with_one_button(
    client: Client, make: Any, asks: str, status: str
):
    visit = make()
    open_link(client, visit)
    assert heading(client.get(LEAVING)) == asks
    response = client.post(LEAVING, {"version": visit.version})
    assert (response.status_code, response["Location"]) == (302, STATUS)
    visit.refresh_from_db()
    assert visit.status == status
    assert places_of(visit)[-1][0] == "left"
    assert messages_of(visit)[-1] == ("left", "email")
    with nothing_written():
        again = client.post(LEAVING, {"version": visit.version}, follow=True)
    assert "You are not on the waiting list any more." in words(again)


@link
def test_leaving_from_an_older_page_decides_nothing(client: Client):
    visit = somebody_waiting()
    open_link(client, visit)
    an_offer(visit)
    with nothing_written():
        response = client.post(LEAVING, {"version": 1})
    assert response.status_code == 409
    assert "This has changed since you opened the page." in words(response)


@link
def test_cancelling_leads_who_waits_to_leaving(client: Client):
    visit = somebody_waiting()
    open_link(client, visit)
    for method in (client.get, client.post):
        with nothing_written():
            assert method(CANCELLATION)["Location"] == LEAVING


@link
def test_a_request_that_was_answered_with_an_offer_can_be_withdrawn(client: Client):
    visit = an_offer(a_request(None, at("15:00")), by=factories.a_front_desk_person())
    open_link(client, visit)
    assert heading(client.get(CANCELLATION)) == "Withdraw your request?"
    client.post(CANCELLATION, {"version": visit.version})
    visit.refresh_from_db()
    assert (visit.status, messages_of(visit)[-1][0]) == ("cancelled", "withdrawn")


# --- Looking changes nothing ------------------------------------------------------


@link
@pytest.mark.parametrize("make", [somebody_waiting, with_a_time])
def test_scanners_that_follow_links_change_nothing(client: Client, make: Any):
    visit = an_offer(make(), at("10:00"))
    open_link(client, visit)
    before = {k: v for k, v in all_rows().items() if k != "Hit"}
    for target in (STATUS, OFFER, EARLIER, LEAVING, CANCELLATION):
        for method in (client.get, client.head, client.options):
            method(target)
    assert {k: v for k, v in all_rows().items() if k != "Hit"} == before
    assert not Hit.objects.exists()


@link
@pytest.mark.parametrize("path", [OFFER, EARLIER, LEAVING])
def test_without_the_link_nothing_is_done(client: Client, path: str):
    visit = an_offer(with_a_time(), at("10:00"))
    sent = WISH | {"version": visit.version, "answer": offered(visit).pk}
    with nothing_written():
        assert client.post(path, sent).status_code == 403


@link
@pytest.mark.parametrize("path", [OFFER, EARLIER, LEAVING])
def test_another_site_cannot_press_the_button(path: str):
    visit = an_offer(with_a_time(), at("10:00"))
    client = Client(enforce_csrf_checks=True)
    open_link(client, visit)
    sent = WISH | {"version": visit.version, "answer": offered(visit).pk}
    with nothing_written():
        assert client.post(path, sent).status_code == 403


@link
def test_the_page_costs_the_same_for_one_offer_and_for_three(
    client: Client, django_assert_max_num_queries: Any
):
    visit_type, counts = a_practice(), []
    for starts in ([at("09:00")], [at("10:00"), at("11:00"), at("12:00")]):
        visit = an_offer(somebody_waiting(visit_type), *starts)
        open_link(client, visit)
        client.get(STATUS)  # and so it is known what is set up
        with django_assert_max_num_queries(40) as captured:
            client.get(STATUS)
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert [f.code for f in integrity.faults(NOW)] == []
