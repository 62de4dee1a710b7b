"""The road to a request, page by page."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.datastructures import MultiValueDict

from booking import draft, forms, words, workflow
from booking.draft import Sent
from booking.models import Appointment, Reservation, ScreeningAnswer, VisitType
from booking.steps import STEPS, Journey
from booking.workflow import PATIENT
from tests import factories
from tests.chromium import HOST, serve
from tests.factories import FRIDAY, NOW, WEDNESDAY, a_booked_visit, at
from tests.records import choices_of, events_of, messages_of, spans
from tests.security.pages import forms_on

from .road import PLAIN, Browser, a_question, busy_database, text_of

pytestmark = pytest.mark.django_db

CHECKED = re.compile(r'value="([^"]+)"[^>]* checked')


def held():
    return spans(Reservation.objects.filter(appointment=None))


# --- The whole road --------------------------------------------------------------


def test_the_first_page_says_that_it_is_a_request_and_when_we_answer(
    patient, visit_type
):
    page = text_of(patient.get("/book/"))
    assert "It is not an appointment until we confirm it." in page
    assert "If you send it now, we answer by Monday, November 16, 5:00 PM." in page


def test_the_first_page_says_when_no_visit_can_be_asked_for(patient, visit_type):
    VisitType.objects.update(is_active=False)
    page = text_of(patient.get("/book/"))
    assert "We take no requests here at the moment. Please call us." in page


def test_a_patient_asks_for_a_time(patient, visit_type):
    question = a_question(visit_type)
    assert patient.begin().url == "/book/visit/"
    assert patient.answer("visit", visit=visit_type.code).url == "/book/times/"
    assert patient.choose(at("10:00")).url == "/book/other-times/"
    others = ["2026-11-17T16:00Z", "2026-11-18T14:00Z"]
    assert patient.answer("other-times", starts=others).url == "/book/about/"
    about = PLAIN["about"] | {"for_whom": "somebody_else"}
    assert patient.answer("about", **about).url == "/book/asked-by/"
    asked_by = {"name": "Ann Example", "relation": "child", "contact_of": "asker"}
    page = text_of(patient.answer("asked-by", **asked_by))
    assert "If you are not sure, call us." in page
    asked_by |= {"may_arrange": "on"}
    assert patient.answer("asked-by", **asked_by).url == "/book/questions/"
    assert "Answer for the person who comes" in text_of(patient.get("/book/questions/"))
    assert patient.answer("questions", thinner="not_sure").url == "/book/contact/"
    assert patient.answer("contact", **PLAIN["contact"]).url == "/book/help/"
    help_ = {"language": "other", "other_language": "Twi", "interpreter": "yes"}
    assert (
        patient.answer("help", **help_, other_help="No steps").url == "/book/payment/"
    )
    paying = patient.answer("payment", payer="no_fault")
    assert paying.url == "/book/payment-details/"
    details = patient.answer("payment-details", insurer="Example Insurer", adjuster="")
    assert details.url == "/book/check/"

    page = text_of(patient.get("/book/check/"))
    for said in (
        "Step 9 of 9",
        "Tuesday, November 17, 10:00 AM",
        "Tuesday, November 17, 11:00 AM Wednesday, November 18, 9:00 AM",
        "Pat Example",
        "2/29/1980",
        "Ann Example",
        "(212) 555-0199",
        "Twi",
        "No-fault (car accident)",
        "Example Insurer",
        "Keep taking it. We call you.",
        "This sends a request. It is not an appointment until we confirm it.",
        "We answer by Monday, November 16, 5:00 PM.",
    ):
        assert said in page
    assert patient.send().url == "/book/sent/"

    visit = Appointment.objects.get()
    person = visit.patient
    assert (person.full_name, person.birth_date) == ("Pat Example", date(1980, 2, 29))
    assert (person.email, person.phone) == ("pat@example.com", "+12125550199")
    assert (person.contact_by, person.voicemail_ok) == ("email", True)
    assert (person.language, person.needs_interpreter) == ("Twi", True)
    assert person.other_help == "No steps"
    assert (visit.requested_by_name, visit.requested_by_relation) == (
        "Ann Example",
        "child",
    )
    assert (visit.requested_by_is_contact, visit.requested_by_may_arrange) == (
        True,
        True,
    )
    assert visit.may_arrange_wording == "I may arrange care for this person"
    assert len(visit.may_arrange_version) == 16
    assert visit.may_arrange_at == visit.requested_at
    assert (visit.payer, visit.payer_details) == (
        "no_fault",
        {"insurer": "Example Insurer"},
    )
    assert choices_of(visit) == [
        (at("10:00"), "open"),
        (at("11:00"), "open"),
        (at("09:00", WEDNESDAY), "open"),
    ]
    answer = ScreeningAnswer.objects.get()
    assert (answer.question, answer.answer) == (question.question, "not_sure")
    assert (answer.flag, answer.advice) == (question.flag, question.advice)
    assert events_of(visit) == [(1, "request", "", "pending", "patient")]
    assert messages_of(visit) == [("received", "email")]
    assert held() == []

    page = text_of(patient.get("/book/sent/"))
    for said in (
        "Request received, not booked yet",
        visit.reference,
        "Tuesday, November 17, 10:00 AM",
        "We answer by Tuesday, November 17, 9:00 AM",
        "Keep taking it. We call you.",
    ):
        assert said in page


def test_only_several_times_that_were_asked_for_are_numbered(patient):
    patient.fill_in()
    patient.send()
    page = patient.get("/book/sent/").content.decode()
    time = "Tuesday, November\xa017, 10:00\xa0AM"
    assert f"<p>{time}</p>" in page
    assert f"<li>{time}" not in page


def test_the_first_page_says_what_a_request_is_and_keeps_nothing(patient):
    page = text_of(patient.get("/book/"))
    assert "It is not an appointment until we confirm it." in page
    assert Session.objects.count() == 0
    assert "session" not in patient.cookies


def test_an_emergency_leads_to_911_and_nothing_is_kept(patient):
    response = patient.post("/book/", {"emergency": "some"})
    page = text_of(response)
    assert response.status_code == 200
    assert "Call 911 now" in page
    assert "a leg is newly weak or gets weaker" in page
    assert Session.objects.count() == 0
    assert patient.get("/book/visit/").url == "/book/expired/"


def test_without_questions_the_road_is_a_step_shorter(patient, visit_type):
    patient.begin()
    assert "Step 2 of 9" in text_of(patient.get("/book/visit/"))
    patient.answer("visit", visit=visit_type.code)
    assert "Step 3 of 8" in text_of(patient.get("/book/times/"))


def test_nobody_gets_ahead_of_the_questions(patient):
    patient.fill_in(until="about")
    for later in ("contact", "payment-details", "check", "questions", "asked-by"):
        assert patient.get(f"/book/{later}/").url == "/book/about/"


def test_an_answer_is_shown_again_on_the_way_back(patient):
    patient.fill_in(until="help")
    page = patient.get("/book/about/").content.decode()
    assert 'value="Example"' in page
    assert re.search(r'name="birth_date_day"[^>]*value="29"', page)
    assert re.search(r'value="me"[^>]*checked', page)
    assert "There is a problem" not in page


# --- What has to be mended ---------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "answers", "errors"),
    [
        ("visit", {}, ["Choose a visit."]),
        ("times", {}, ["Choose a time."]),
        (
            "about",
            {},
            [
                "Choose who you are asking for.",
                "Write the first name.",
                "Write the last name.",
                "Write the month, day and year of birth, like 4\u00a027\u00a01980.",
            ],
        ),
        ("contact", {}, ["Choose how we should reach you."]),
        (
            "contact",
            {"contact_by": "phone", "email": "pat@example.com"},
            ["Write a phone number, or choose email."],
        ),
        (
            "contact",
            {"contact_by": "email", "phone": "2125550199"},
            ["Write an email address, or choose a phone call."],
        ),
        ("help", {"language": "English"}, ["Choose yes or no."]),
        (
            "help",
            {"language": "other", "interpreter": "no"},
            ["Write which language."],
        ),
        (
            "payment",
            {},
            ["Choose how the visit will be paid, or “I’m not sure”."],
        ),
    ],
)
def test_each_page_says_how_to_mend_what_is_wrong(patient, step, answers, errors):
    patient.fill_in(until=step)
    response = patient.answer(step, **answers)
    assert response.status_code == 422
    page = response.content.decode()
    assert re.search(r"<title>\s*Error:", page)
    summary = page[page.index('role="alert"') :]
    summary = summary[: summary.index("</ul>")]
    assert re.findall(r">([^<]+)</a>", summary) == errors
    for target in re.findall(r'href="#([^"]+)"', summary):
        assert f'id="{target}"' in page


def test_what_was_typed_stays_beside_the_error(patient):
    patient.fill_in(until="about")
    typed = PLAIN["about"] | {"family_name": "", "given_name": "Zoë"}
    assert 'value="Zoë"' in patient.answer("about", **typed).content.decode()


def test_an_email_is_enough_and_so_is_a_phone(patient):
    patient.fill_in(until="contact")
    only = {"contact_by": "email", "email": "pat@Example.COM", "phone": ""}
    assert patient.answer("contact", **only).status_code == 302
    only = {"contact_by": "phone", "email": "", "phone": "212-555-0199"}
    assert patient.answer("contact", **only).status_code == 302


# --- Changing an answer ------------------------------------------------------------


def test_a_change_leads_back_to_all_answers(patient):
    page = patient.fill_in().content.decode()
    assert 'href="/book/contact/"' in page
    changed = PLAIN["contact"] | {"email": "new@example.com"}
    assert patient.answer("contact", **changed).url == "/book/check/"
    assert "new@example.com" in text_of(patient.get("/book/check/"))


def test_another_visit_needs_another_time_and_keeps_the_rest(patient, visit_type):
    longer = factories.a_visit_type(service=visit_type.service, duration=60)
    patient.fill_in()
    assert len(held()) == 2
    assert patient.answer("visit", visit=longer.code).url == "/book/times/"
    assert held() == []
    patient.choose(at("11:00"))
    assert patient.answer("other-times").url == "/book/check/"
    assert "Pat Example" in text_of(patient.get("/book/check/"))


def test_another_payer_asks_for_its_own_details(patient):
    patient.fill_in()
    paying = patient.answer("payment", payer="workers_comp")
    assert paying.url == "/book/payment-details/"
    assert "Your employer then" in text_of(patient.get(paying.url))
    assert patient.answer("payment", payer="self_pay").url == "/book/check/"
    assert "good faith estimate" in text_of(patient.get("/book/check/"))


# --- The times ---------------------------------------------------------------------


def offered(response):
    """Return heading and labels of each row, or heading and reason with what to do."""
    return [
        (in_line(row.heading), [in_line(tile.label) for tile in row.slots])
        if row.slots
        else (in_line(row.heading), in_line(f"{row.why} {row.step}"))
        for row in response.context["page"].rows
    ]


def in_line(said: str) -> str:
    """Return the words with common spaces between them."""
    return " ".join(said.split())


def test_the_first_days_with_times_are_shown(patient, visit_type):
    visit_type.step = 120
    visit_type.save()
    patient.begin()
    patient.answer("visit", visit=visit_type.code)
    four = ["10:00 AM", "12:00 PM", "2:00 PM", "4:00 PM"]
    page = patient.get("/book/times/")
    assert offered(page) == [
        ("Tuesday, November 17", four),
        ("Wednesday, November 18", four),
        ("Thursday, November 19", four),
        ("Friday, November 20", four),
        (
            "Saturday, November 21 to Sunday, November 22",
            "We do not see patients for this visit then. The next free day is Monday,"
            " November 23.",
        ),
        ("Monday, November 23", four),
    ]
    name = 'aria-label="Tuesday, November 17, 10:00 AM, 30 minutes"'
    assert name in page.text.replace("\N{NO-BREAK SPACE}", " ")
    later = patient.get(page.context["later"])
    assert offered(later)[0] == ("Tuesday, November 24", four)
    earlier = patient.get(later.context["earlier"])
    assert offered(earlier) == offered(page)


def test_days_can_be_narrowed_to_a_part_and_a_clinician(patient, visit_type):
    visit_type.step = 120
    visit_type.save()
    second = factories.a_clinician("Demo Clinician Two")
    patient.begin()
    patient.answer("visit", visit=visit_type.code)
    slug = second.clinician.slug
    page = patient.get("/book/times/", {"part": "morning", "with": slug})
    assert offered(page)[0] == ("Tuesday, November 17", ["10:00 AM"])
    assert '30 minutes, with Demo Clinician Two, physician"' in page.text
    patient.choose(at("10:00"), clinician=slug)
    for step, answers in {"other-times": {}, **PLAIN}.items():
        patient.answer(step, **answers)
    patient.send()
    assert Appointment.objects.get().wanted_clinician == second


def test_looking_at_other_times_does_not_say_that_the_chosen_one_went(
    patient, visit_type
):
    second = factories.a_clinician("Demo Clinician Two", hours=False)
    patient.fill_in(at("14:00"), until="about")
    for query in ({"part": "morning"}, {"with": second.clinician.slug}):
        page = text_of(patient.get("/book/times/", query))
        assert "no longer free" not in page
        assert "Nearest free times" not in page


def test_a_closed_day_says_why(patient, visit_type):
    factories.a_closure(at("00:00"), at("23:59"))
    patient.begin()
    patient.answer("visit", visit=visit_type.code)
    page = patient.get("/book/times/?from=2026-11-17")
    assert offered(page)[0] == (
        "Tuesday, November 17",
        "Closed: Training day. The next free day is Wednesday, November 18.",
    )


def test_no_time_at_all_is_no_dead_end(patient, visit_type):
    visit_type.horizon = 7
    visit_type.save()
    factories.a_closure(at("00:00"), at("00:00", date(2026, 12, 1)))
    patient.begin()
    patient.answer("visit", visit=visit_type.code)
    response = patient.get("/book/times/")
    none = "There are no free times until Monday, November 23. Closed: Training day."
    assert f"{none} Later days cannot be booked yet." in text_of(response)
    assert "(212) 555-0143" in text_of(response)
    assert 'href="/book/visit/"' in response.content.decode()


@pytest.mark.parametrize("page", ["times", "other-times"])
def test_the_days_cost_the_same_queries_whatever_is_booked(patient, visit_type, page):
    patient.fill_in(until="about")
    counts = []
    for hours in ([], ["11:00"], ["12:00", "13:00", "14:00"]):
        for hour in hours:
            factories.a_request(visit_type, at(hour))
        with CaptureQueriesContext(connection) as captured:
            patient.get(f"/book/{page}/")
        counts.append(len(captured))
    assert counts[0] == counts[1] == counts[2]


def test_turning_the_page_keeps_the_other_times_ticked(patient):
    patient.fill_in(until="other-times")
    turned = patient.answer(
        "other-times", starts=["2026-11-17T16:00Z"], **{"from": "2026-11-20"}
    )
    assert turned.url == "/book/other-times/?from=2026-11-20"
    assert offered(patient.get(turned.url))[0] == (
        "Chosen so far",
        ["Tue, Nov 17, 11:00 AM"],
    )


@pytest.mark.either_database  # it is about the browser
def test_no_other_time_is_ticked_for_who_comes_back(patient, visit_type, page):
    """Browsers put ticks back by their place, whatever stands there by now."""
    patient.fill_in(until="other-times")
    serve(page, patient)
    page.goto(f"{HOST}/book/other-times/")
    page.locator("label.time").nth(4).click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Who is the visit for?").wait_for()
    a_booked_visit(visit_type, at("09:00"))

    page.go_back()

    page.get_by_role("heading", name="Are there other times").wait_for()
    (ticked,) = page.locator("[name=starts]:checked").all()
    assert [ticked.get_attribute("value")] == patient.draft.answers["other-times"][
        "starts"
    ]


def test_two_other_times_are_enough(patient):
    patient.fill_in(until="other-times")
    three = [f"2026-11-17T{hour}:00Z" for hour in (16, 17, 18)]
    response = patient.answer("other-times", starts=three)
    assert response.status_code == 422
    assert "Choose two other times at most." in text_of(response)


# --- Holding -----------------------------------------------------------------------


def test_a_chosen_time_is_held_and_another_takes_its_place(patient):
    patient.fill_in(until="other-times")
    assert {span[1] for span in held()} == {at("10:00")}
    patient.choose(at("11:00"))
    assert {span[1] for span in held()} == {at("11:00")}


def test_every_answered_page_holds_the_time_anew(patient, clock):
    patient.fill_in(until="about")
    clock.shift(timedelta(minutes=14))
    patient.answer("about", **PLAIN["about"])
    row = Reservation.objects.first()
    assert row.expires_at - datetime.now(UTC) == timedelta(minutes=15)


def test_what_is_held_does_not_become_too_soon_while_somebody_types(patient, clock):
    """The soonest times move on with each minute that the clinic is open."""
    patient.fill_in(at("09:30"), until="about")
    clock.shift(timedelta(minutes=14))
    patient.answer("about", **PLAIN["about"])
    clock.shift(timedelta(minutes=14))
    for step in ("contact", "help", "payment", "payment-details"):
        patient.answer(step, **PLAIN[step])
    clock.shift(timedelta(minutes=14))
    assert patient.send().url == "/book/sent/"
    visit = Appointment.objects.get()
    assert choices_of(visit) == [(at("09:30"), "open")]
    assert visit.reply_by < at("09:30")


def test_what_is_held_stays_among_the_times_and_can_be_chosen_again(
    patient, visit_type, clock
):
    patient.fill_in(at("09:30"))
    since = patient.draft.held
    clock.shift(timedelta(minutes=42))
    other = Browser(clock, visit_type, "192.0.2.2")
    other.begin()
    other.answer("visit", visit=visit_type.code)

    page = patient.get("/book/times/")

    assert offered(page)[0][1][:2] == ["9:30 AM", "10:00 AM"]
    assert CHECKED.findall(page.text) == ["2026-11-17T14:30Z"]
    assert "no longer free" not in page.text
    assert offered(other.get("/book/times/"))[0][1][0] == "10:00 AM"
    assert patient.choose(at("09:30")).url == "/book/check/"
    # That did not begin another hour.
    assert patient.draft.held == since
    assert patient.send().url == "/book/sent/"


def test_what_was_held_for_an_hour_is_not_among_the_times(patient, clock):
    patient.fill_in(at("09:30"))
    clock.shift(timedelta(hours=1))

    page = patient.get("/book/times/")

    said = in_line(text_of(page))
    assert "9:30 AM, is no longer free. Choose another time." in said
    assert "for 15 more with each page that you send within an hour." in said
    assert patient.choose(at("09:30")).status_code == 409


def test_what_is_held_by_one_clinician_is_no_time_of_another(patient, clock):
    second = factories.a_clinician("Demo Clinician Two")
    slug = second.clinician.slug
    factories.a_room()
    patient.fill_in(at("09:30"))
    clock.shift(timedelta(minutes=42))

    page = patient.get("/book/times/", {"with": slug})

    assert offered(page)[0][1][0] == "10:00 AM"
    assert patient.choose(at("09:30"), clinician=slug).status_code == 409


def test_another_time_that_was_ticked_does_not_become_too_soon_either(patient, clock):
    patient.fill_in(at("14:00"), until="other-times")
    ticked = {"starts": ["2026-11-17T14:30Z"]}
    patient.answer("other-times", **ticked)
    for step in PLAIN:
        patient.answer(step, **PLAIN[step])
    clock.shift(timedelta(minutes=42))

    page = patient.get("/book/other-times/")

    assert offered(page)[0] == ("Chosen so far", ["Tue, Nov 17, 9:30 AM"])
    assert patient.answer("other-times", **ticked).url == "/book/check/"
    assert patient.send().url == "/book/sent/"


@pytest.mark.parametrize(
    ("minutes", "promised"),
    [
        (5, "Tuesday, November 17, 9:05 AM"),
        (42, "Monday, November 16, 5:00 PM"),
    ],
)
def test_the_last_page_promises_what_will_be_recorded(
    patient, clock, minutes, promised
):
    """What was held before it became too soon is answered before it, too."""
    patient.fill_in(at("09:30"))
    clock.shift(timedelta(minutes=minutes))

    page = text_of(patient.get("/book/check/"))
    patient.send()

    assert f"We answer by {promised}." in page
    recorded = Appointment.objects.get().reply_by
    assert in_line(words.moment(recorded)) == promised


def test_no_form_keeps_a_time_from_becoming_too_soon_for_ever(patient, clock):
    patient.fill_in(at("09:30"))
    clock.shift(timedelta(hours=1))
    response = patient.send()
    assert response.status_code == 409
    assert "No longer free: Tuesday, November 17, 9:30 AM. That time is too soon" in (
        text_of(response)
    )


def test_an_abandoned_form_holds_nothing_after_a_quarter_of_an_hour(
    patient, visit_type, clock
):
    patient.fill_in(until="contact")
    other = Browser(clock, visit_type, "192.0.2.2")
    clock.shift(timedelta(minutes=14, seconds=59))
    other.begin()
    other.answer("visit", visit=visit_type.code)
    assert other.choose(at("10:00")).status_code == 409
    clock.shift(timedelta(seconds=2))
    assert other.choose(at("10:00")).status_code == 302


def test_no_form_holds_a_time_for_more_than_an_hour_and_a_quarter(
    patient, visit_type, clock
):
    patient.fill_in(at("14:00"), until="about")
    for _answer in range(7):
        clock.shift(timedelta(minutes=10))
        patient.answer("about", **PLAIN["about"])
    other = Browser(clock, visit_type, "192.0.2.2")
    other.begin()
    other.answer("visit", visit=visit_type.code)
    assert other.choose(at("14:00")).status_code == 302
    # Nothing else is lost, and choosing again holds again.
    assert patient.choose(at("15:00")).url == "/book/contact/"
    assert {span[1] for span in held()} == {at("14:00"), at("15:00")}


@pytest.mark.parametrize("birth_year", ["1980", "next year"], ids=["fit", "unfit"])
def test_a_lapsed_hold_is_taken_anew_with_the_next_page(
    patient, visit_type, clock, birth_year
):
    """The phone rang. So also with a page that has to be mended."""
    patient.fill_in(until="about")
    since = patient.draft.held
    clock.shift(timedelta(minutes=16))

    patient.answer("about", **PLAIN["about"] | {"birth_date_year": birth_year})

    row = Reservation.objects.first()
    assert {span[1] for span in held()} == {at("10:00")}
    assert row.expires_at - datetime.now(UTC) == timedelta(minutes=15)
    assert patient.draft.held == since
    other = Browser(clock, visit_type, "192.0.2.2")
    other.begin()
    other.answer("visit", visit=visit_type.code)
    assert other.choose(at("10:00")).status_code == 409


def test_a_lapsed_hold_has_not_become_too_soon_by_the_next_page(patient, clock):
    patient.fill_in(at("09:30"), until="about")
    clock.shift(timedelta(minutes=42))
    assert patient.answer("about", **PLAIN["about"]).status_code == 302
    assert {span[1] for span in held()} == {at("09:30")}


def test_a_lapsed_hold_loses_nothing_while_the_time_is_free(patient, clock):
    patient.fill_in(until="payment-details")
    clock.shift(timedelta(minutes=20))
    patient.answer("payment-details")
    assert patient.send().url == "/book/sent/"
    assert choices_of(Appointment.objects.get()) == [(at("10:00"), "open")]


# --- Leaving ------------------------------------------------------------------------


def test_leaving_the_form_deletes_the_answers_and_gives_the_time_back(patient):
    patient.fill_in(until="payment")
    page = patient.get("/book/payment/").content.decode()
    assert 'href="/book/leaving/"' in page
    asked = text_of(patient.get("/book/leaving/"))
    assert "We have not received anything yet." in asked
    assert len(held()) == 2
    assert patient.post("/book/leaving/").url == "/book/leaving/"
    assert held() == []
    assert Session.objects.count() == 0
    assert "Nothing is kept in this browser" in text_of(patient.get("/book/leaving/"))
    assert patient.get("/book/payment/").url == "/book/expired/"


def test_a_sent_request_can_be_closed_on_a_shared_device(patient, clock):
    patient.fill_in()
    patient.send()
    assert 'href="/book/leaving/"' in patient.get("/book/sent/").content.decode()
    assert "Your request stays with us" in text_of(patient.get("/book/leaving/"))
    patient.post("/book/leaving/")
    assert patient.get("/book/sent/").url == "/book/expired/"
    assert Appointment.objects.get().status == "pending"


def test_the_last_page_closes_by_itself_after_two_hours(patient, clock):
    patient.fill_in()
    patient.send()
    clock.shift(timedelta(hours=2))
    assert patient.get("/book/sent/").url == "/book/expired/"


# --- The time went -----------------------------------------------------------------


def test_a_time_that_went_before_it_was_chosen(patient, visit_type):
    patient.fill_in(until="times")
    factories.a_request(visit_type, at("10:00"))
    response = patient.choose(at("10:00"))
    assert response.status_code == 409
    page = response.content.decode()
    assert (
        "No longer free: Tuesday, November 17, 10:00 AM. Choose another time."
        " Everything else that you typed is still here."
    ) in text_of(response)
    assert 'href="#id_start_0"' in page
    assert offered(response)[0] == (
        "Nearest free times",
        ["Tue, Nov 17, 9:00 AM", "Tue, Nov 17, 9:30 AM", "Tue, Nov 17, 10:30 AM"],
    )
    assert re.search(r'value="2026-11-17T14:00Z" id="id_start_0"', page)


@pytest.mark.parametrize("step", ["other-times", "contact"])
def test_a_time_that_went_is_told_with_the_next_page(patient, visit_type, clock, step):
    patient.fill_in(until=step)
    clock.shift(timedelta(minutes=16))
    factories.a_request(visit_type, at("10:00"), now=datetime.now(UTC))

    response = patient.answer(step, **PLAIN.get(step, {}))

    assert response.status_code == 409
    assert "No longer free: Tuesday, November 17, 10:00 AM." in text_of(response)
    assert offered(response)[0][0] == "Nearest free times"
    # What was typed on that page stays, too.
    following = {"other-times": "about", "contact": "help"}
    assert patient.choose(at("10:30")).url == f"/book/{following[step]}/"
    assert {span[1] for span in held()} == {at("10:30")}


def test_what_has_to_be_mended_comes_before_a_time_that_went(
    patient, visit_type, clock
):
    patient.fill_in(until="contact")
    clock.shift(timedelta(minutes=16))
    factories.a_request(visit_type, at("10:00"), now=datetime.now(UTC))

    response = patient.answer("contact", **PLAIN["contact"] | {"email": "pat@"})

    assert response.status_code == 422
    assert 'value="pat@"' in response.text
    assert patient.answer("contact", **PLAIN["contact"]).status_code == 409


def test_a_time_that_went_before_sending(patient, visit_type, clock):
    patient.fill_in()
    clock.shift(timedelta(minutes=16))
    factories.a_request(visit_type, at("10:00"), now=datetime.now(UTC))
    response = patient.send()
    assert response.status_code == 409
    assert "No longer free: Tuesday, November 17, 10:00 AM." in text_of(response)
    assert Appointment.objects.count() == 1
    assert patient.get("/book/check/").url == "/book/times/"
    assert patient.choose(at("10:30")).url == "/book/check/"
    assert patient.send().url == "/book/sent/"
    mine = Appointment.objects.latest("pk")
    assert choices_of(mine) == [(at("10:30"), "open")]
    assert mine.patient.full_name == "Pat Example"


def test_one_of_the_other_times_went_before_sending(patient, visit_type):
    patient.fill_in()
    others = ["2026-11-17T16:00Z", "2026-11-17T17:00Z"]
    patient.answer("other-times", starts=others)
    factories.a_request(visit_type, at("11:00"))
    response = patient.send()
    assert response.status_code == 409
    assert offered(response)[0] == ("Chosen so far", ["Tue, Nov 17, 12:00 PM"])
    # The page that shows them is the one that sends the request.
    [form] = [
        f for f in forms_on(response.text, "/book/check/") if "starts" in f.choices
    ]
    assert form.address == "/book/other-times/"
    kept = {"starts": ["2026-11-17T17:00Z"]}
    assert patient.answer("other-times", **kept).url == "/book/check/"
    assert patient.send().url == "/book/sent/"
    mine = Appointment.objects.latest("pk")
    assert choices_of(mine) == [(at("10:00"), "open"), (at("12:00"), "open")]


def test_an_other_time_that_went_before_it_was_ticked(patient, visit_type):
    patient.fill_in(until="other-times")
    factories.a_request(visit_type, at("11:00"))
    both = ["2026-11-17T16:00Z", "2026-11-17T17:00Z"]
    response = patient.answer("other-times", starts=both)
    assert response.status_code == 409
    assert "No longer free: Tuesday, November 17, 11:00 AM. " in text_of(response)
    assert offered(response)[0] == ("Chosen so far", ["Tue, Nov 17, 12:00 PM"])


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_busy_database_loses_nothing(patient):
    patient.fill_in()
    with busy_database():
        response = patient.send()
    assert response.status_code == 503
    assert "Nothing is lost: try again in a minute" in text_of(response)
    assert patient.send().url == "/book/sent/"


# --- One request -------------------------------------------------------------------


def test_sending_twice_makes_one_request(patient):
    patient.fill_in()
    assert patient.send().url == "/book/sent/"
    assert patient.send().url == "/book/sent/"
    assert Appointment.objects.count() == 1


def test_two_windows_that_send_at_once_make_one_request(patient):
    patient.fill_in()
    before = patient.window()
    patient.send()
    patient.turn_to(before)
    assert patient.send().url == "/book/sent/"
    visit = Appointment.objects.get()
    kept = draft.load(patient.session, datetime.now(UTC))
    assert kept == Sent(visit.pk, visit.reference)
    assert messages_of(visit) == [("received", "email")]


def test_a_request_is_recorded_though_another_window_leaves_the_form(patient):
    patient.fill_in()
    seen = patient.seen

    def leave(execute, sql, *rest):
        if "booking_hit" in sql:  # with which the transaction has begun
            Session.objects.all().delete()
        return execute(sql, *rest)

    with connection.execute_wrapper(leave):
        response = patient.send(seen=seen)

    assert response.status_code == 400
    assert messages_of(Appointment.objects.get()) == [("received", "email")]
    assert not Session.objects.exists()


def test_the_last_click_writes_the_session_along_with_the_request(patient):
    patient.fill_in()
    seen = patient.seen

    with CaptureQueriesContext(connection) as made:
        patient.send(seen=seen)

    *_before, written, ended = [query["sql"] for query in made]
    assert "UPDATE django_session" in written
    assert ended.startswith("RELEASE SAVEPOINT")


def test_what_another_window_changed_is_shown_before_it_is_sent(patient, clock):
    patient.fill_in()
    seen = patient.seen
    other = PLAIN["contact"] | {"email": "other@example.com"}
    assert patient.answer("contact", **other).url == "/book/check/"
    response = patient.send(seen=seen)
    assert response.status_code == 422
    assert "changed since you opened this page" in text_of(response)
    assert "other@example.com" in text_of(response)
    assert Appointment.objects.count() == 0
    assert patient.send().url == "/book/sent/"
    assert Appointment.objects.get().patient.email == "other@example.com"


@pytest.mark.parametrize("seen", ["x", "\x00", "\ufffd", "x" * 5000, "0" * 64])
def test_a_forged_sign_of_what_was_seen_sends_nothing(patient, seen):
    patient.fill_in()
    response = patient.send(seen=seen)
    assert response.status_code == 422
    assert "Nothing was sent." in text_of(response)
    assert Appointment.objects.count() == 0


def test_a_second_window_with_other_answers_is_told_what_was_received(patient):
    patient.fill_in()
    before = patient.window()
    patient.send()
    patient.turn_to(before)
    patient.answer("contact", **PLAIN["contact"] | {"email": "other@example.com"})
    response = patient.send()
    visit = Appointment.objects.get()
    assert response.status_code == 409
    assert "This request was already sent" in text_of(response)
    assert visit.reference in text_of(response)
    assert visit.patient.email == "pat@example.com"
    assert patient.get("/book/sent/").status_code == 200


@pytest.mark.parametrize("step", ["visit", "times", "other-times", "about", "check"])
def test_the_back_button_after_sending_leads_to_what_was_sent(patient, step):
    patient.fill_in()
    patient.send()
    assert patient.get(f"/book/{step}/").url == "/book/sent/"
    assert patient.post(f"/book/{step}/", {}).url == "/book/sent/"


def test_another_request_starts_with_an_empty_form(patient):
    patient.fill_in()
    patient.send()
    patient.begin()
    assert patient.draft.answers == {}
    patient.fill_in(at("11:00"))
    patient.send()
    assert Appointment.objects.count() == 2


def test_the_last_page_never_shows_a_state_that_has_passed(patient):
    patient.fill_in()
    patient.send()
    visit = Appointment.objects.get()
    workflow.cancel(visit.pk, by=PATIENT, now=factories.NOW)
    page = text_of(patient.get("/book/sent/"))
    assert "You withdrew this request" in page
    assert "not booked yet" not in page


# --- Coming back -------------------------------------------------------------------


def test_without_a_session_the_page_says_how_to_start_again(patient):
    for method in (patient.get, patient.post):
        assert method("/book/contact/").url == "/book/expired/"
    page = patient.get("/book/expired/")
    assert page.status_code == 200
    assert "(212) 555-0143" in text_of(page)
    assert 'href="/book/"' in page.content.decode()


def test_answers_go_after_two_hours(patient, clock):
    patient.fill_in()
    clock.shift(timedelta(hours=2))
    assert patient.get("/book/check/").url == "/book/expired/"


def test_who_comes_back_in_time_goes_on_or_starts_again(patient):
    patient.fill_in(until="contact")
    assert "You began a request" in text_of(patient.get("/book/"))
    assert patient.begin().url == "/book/contact/"
    assert patient.begin(again="1").url == "/book/visit/"
    assert held() == []


# --- Links that ask for a time -----------------------------------------------------


def link_to(visit_type, start="2026-11-20T16:00Z", **changed):
    wanted = {"service": visit_type.service.slug, "visit": visit_type.code}
    return wanted | {"start": start} | changed


def test_a_link_chooses_visit_and_time_beforehand(patient, visit_type):
    page = patient.get("/book/", link_to(visit_type)).content.decode()
    assert 'name="start" value="2026-11-20T16:00Z"' in page
    assert Session.objects.count() == 0
    patient.begin(**link_to(visit_type))
    page = patient.get("/book/visit/").content.decode()
    assert re.search(rf'value="{visit_type.code}"[^>]*checked', page)
    patient.answer("visit", visit=visit_type.code)
    response = patient.get("/book/times/")
    assert offered(response)[0][0] == "Friday, November 20"
    assert re.search(
        r'value="2026-11-20T16:00Z"[^>]*checked', response.content.decode()
    )


def test_a_link_to_another_time_gives_back_the_one_that_was_held(patient, visit_type):
    patient.fill_in(until="about")
    assert len(held()) == 2
    patient.begin(**link_to(visit_type))
    assert held() == []


def test_a_link_to_a_time_that_went_offers_the_nearest(patient, visit_type):
    factories.a_request(visit_type, at("11:00", FRIDAY))
    patient.begin(**link_to(visit_type))
    patient.answer("visit", visit=visit_type.code)
    response = patient.get("/book/times/")
    assert response.status_code == 200
    assert "Friday, November 20, 11:00 AM, is no longer free" in text_of(response)
    assert offered(response)[0][0] == "Nearest free times"


@pytest.mark.parametrize(
    "wrong", [{"service": "no-such"}, {"visit": "no-such"}, {"visit": "\x00"}]
)
def test_a_link_to_a_visit_that_is_not_offered_says_so(patient, visit_type, wrong):
    patient.begin(**link_to(visit_type, **wrong))
    response = patient.get("/book/visit/")
    assert response.status_code == 200
    assert "names a visit that cannot be asked for here" in text_of(response)


@pytest.mark.parametrize("start", ["soon", "2026-11-20T16:00", "9" * 90, "0001-01-01"])
def test_a_link_to_no_time_says_so(patient, visit_type, start):
    patient.begin(**link_to(visit_type, start=start))
    patient.answer("visit", visit=visit_type.code)
    assert "names no time that we know" in text_of(patient.get("/book/times/"))


# --- Hostile input -----------------------------------------------------------------


@pytest.mark.parametrize(
    "start",
    [
        "2026-11-15T15:00Z",
        "2026-11-16T15:00Z",
        "2026-11-17T05:00Z",
        "2026-11-17T15:07Z",
        "2026-11-17T15:00:30Z",
        "2026-11-17T15:00:00.5Z",
        "2027-11-17T15:00Z",
        "2026-11-17T15:00",
        "0001-01-01T00:00+23:59",
        "9999-12-31T23:59-23:59",
        "2026-02-30T10:00Z",
        "-1",
        "1e9",
        "\x00",
        "x" * 100_000,
        "' OR 1=1 --",
    ],
)
def test_a_time_that_was_never_offered_is_refused_in_words(patient, start):
    patient.fill_in(until="times")
    response = patient.answer("times", start=start)
    assert response.status_code in (409, 422)
    assert "There is a problem" in text_of(response)
    assert "times" not in patient.draft.answers
    assert held() == []
    response = patient.answer("other-times", starts=[start])
    assert response.status_code == 302
    assert response.url == "/book/times/"


@pytest.mark.parametrize(
    ("step", "answers"),
    [
        ("visit", {"visit": "99999"}),
        ("visit", {"visit": "\x00"}),
        ("visit", {"visit": "x" * 100_000}),
        ("times", {"start": "2026-11-17T15:00Z", "clinician": "nobody"}),
        ("times", {"start": "2026-11-17T15:00Z", "clinician": "\x00"}),
        ("about", PLAIN["about"] | {"given_name": "Pat\r\nBcc: x@example.com"}),
        ("about", PLAIN["about"] | {"given_name": "Pat\x00"}),
        ("about", PLAIN["about"] | {"given_name": "x" * 100_000}),
        ("about", PLAIN["about"] | {"birth_date_year": "-1"}),
        ("about", PLAIN["about"] | {"birth_date_day": "9" * 5000}),
        ("contact", PLAIN["contact"] | {"email": "a@example.com\nBcc: b@example.com"}),
        ("contact", PLAIN["contact"] | {"phone": "9" * 100_000}),
        ("help", PLAIN["help"] | {"language": "tlh"}),
        ("help", PLAIN["help"] | {"other_help": "x" * 100_000}),
        ("payment", {"payer": "crypto"}),
        ("payment-details", {"plan": "x" * 100_000}),
        ("payment-details", {"plan": "\x00"}),
    ],
)
def test_hostile_answers_are_refused_in_words(patient, step, answers):
    patient.fill_in(until=step)
    response = patient.answer(step, **answers)
    assert response.status_code == 422
    assert "There is a problem" in text_of(response)
    assert step not in patient.draft.answers


def test_a_megabyte_is_refused(patient):
    patient.fill_in(until="help")
    response = patient.answer("help", **PLAIN["help"], other_help="x" * 1_000_000)
    assert response.status_code == 400


@pytest.mark.parametrize(
    "query", ["from=%00", "from=9999-99-99", "part=%ff", "with=%00", "with=nobody"]
)
def test_a_hostile_address_shows_the_plain_page(patient, query):
    patient.fill_in(until="times")
    response = patient.get(f"/book/times/?{query}")
    assert response.status_code == 200
    assert offered(response)[0][0] == "Tuesday, November 17"


@pytest.mark.parametrize(
    ("first", "shown"),
    [("0001-01-01", "Monday, November 16"), ("9999-12-31", "Friday, January 15")],
)
def test_days_outside_the_calendar_lead_back_into_it(patient, first, shown):
    patient.fill_in(until="times")
    response = patient.get(f"/book/times/?from={first}")
    assert offered(response)[0][0] == shown


def test_bytes_that_are_no_text_are_refused_in_words(patient):
    patient.fill_in(until="about")
    response = patient.post(
        "/book/about/",
        b"given_name=%ff%fe&family_name=%80",
        content_type="application/x-www-form-urlencoded",
    )
    assert response.status_code == 422


def test_what_nobody_asked_for_is_not_kept(patient):
    patient.fill_in(until="payment")
    patient.answer("payment", payer="lien", extra="x" * 1000)
    assert patient.draft.answers["payment"] == {"payer": ["lien"]}


def test_a_field_sent_many_times_is_kept_once(patient):
    patient.fill_in(until="contact")
    thrice = ["x" * 1000, "y" * 1000, "pat@example.com"]
    patient.answer("contact", **PLAIN["contact"] | {"email": thrice})
    assert patient.draft.answers["contact"]["email"] == ["pat@example.com"]


def test_of_a_tick_only_that_it_is_there_is_kept(patient):
    patient.fill_in(until="contact")
    patient.answer("contact", **PLAIN["contact"] | {"voicemail_ok": "x" * 10_000})
    assert patient.draft.answers["contact"]["voicemail_ok"] == ["on"]


def test_the_same_time_ticked_very_often_is_refused(patient):
    patient.fill_in(until="other-times")
    starts = ["2026-11-17T16:00Z"] * 6 + ["x" * 1000]
    response = patient.answer("other-times", starts=starts)
    assert response.status_code == 422
    assert "other-times" not in patient.draft.answers


def test_a_get_changes_nothing_of_the_clinic(patient):
    patient.fill_in()
    rows = list(Reservation.objects.values_list())
    for page in ("", "visit/", "times/", "other-times/", "about/", "check/"):
        assert patient.get(f"/book/{page}").status_code == 200
    assert list(Reservation.objects.values_list()) == rows


# --- How the answers are read ----------------------------------------------------


def test_who_reads_their_answers_changes_no_form_for_others(patient, visit_type):
    a_question(visit_type)
    factories.a_clinician()
    answers = {
        "visit": {"visit": [visit_type.code]},
        "payment": {"payer": ["no_fault"]},
    }
    kept = draft.Draft(began=NOW, used=NOW, answers=answers)
    before = [shared(step) for step in STEPS]

    journey = Journey(kept)
    for step in STEPS:
        journey.read(step.slug).is_valid()

    assert [shared(step) for step in STEPS] == before


@pytest.mark.parametrize("sign", ["", "x", "9", "\x00", "x" * 2000, None])
def test_answers_are_understood_as_on_their_own_page(patient, visit_type, sign):
    """`sign` is in every field; without one each has the answer of somebody plain."""
    a_question(visit_type)
    factories.a_clinician()
    typed = {"visit": {"visit": visit_type.code}} | PLAIN
    answers = {step: {k: [v] for k, v in some.items()} for step, some in typed.items()}
    journey = Journey(draft.Draft(began=NOW, used=NOW, answers=answers))
    for step in STEPS:
        shown = step.form(**step.needs(journey))
        everywhere = {name: [sign] for name in names_in(shown)}
        data = answers.get(step.slug, {}) if sign is None else everywhere
        both = [
            form(MultiValueDict(data), **step.needs(journey))
            for form in (step.form, forms.only_read(step.form))
        ]
        page, reader = ((f.errors.get_json_data(), f.cleaned_data) for f in both)
        assert page == reader, step.slug
        # Neither reads what these would say.
        names = [name for name, field in shown.fields.items() if field.disabled]
        names += [name for name in shown.fields if hasattr(shown, f"clean_{name}")]
        assert names == []


@pytest.mark.parametrize(
    "typed", [None, [], [""], ["x"], ["hidden"], ["x", "fit"], ["fit", "x"], ["fit"]]
)
def test_the_visit_is_the_one_that_its_form_takes(visit_type, typed):
    VisitType.objects.update(code="fit")
    factories.a_visit_type(code="hidden", is_active=False)
    answers = {} if typed is None else {"visit": {"visit": typed}}
    journey = Journey(draft.Draft(began=NOW, used=NOW, answers=answers))

    taken = journey.answer("visit", "visit")

    assert taken == (journey.visit_type and journey.visit_type.code)
    assert bool(taken) == (typed in (["x", "fit"], ["fit"]))


def names_in(form):
    """Return the names under which the answers to a form arrive."""
    return [
        name + part
        for name, field in form.fields.items()
        for part in getattr(field.widget, "widgets_names", [""])
    ]


def shared(step):
    """Return all that the forms of a step have in common when they are only read."""
    return {
        name: [str(field.label), field.initial, field.required, field.widget.attrs]
        + [list(getattr(of, "choices", [])) for of in (field, field.widget)]
        for name, field in forms.only_read(step.form).base_fields.items()
    }
