"""Why a day or a time cannot be had, and what a patient can do instead."""

import re
from datetime import datetime, time, timedelta

import pytest
from django.http import HttpResponse
from django.utils.translation import override
from time_machine import Traveller

from booking import reasons
from booking.availability import Reason, Why
from booking.models import Hours, Resource, VisitType
from booking.words import as_value
from tests import factories
from tests.factories import (
    FRIDAY,
    NOW,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    a_closure,
    at,
)

from .road import Browser, text_of

pytestmark = pytest.mark.django_db


def chosen(patient: Browser, start: datetime) -> HttpResponse:
    patient.fill_in(until="times")
    return patient.choose(start)


def problem(page: HttpResponse) -> str:
    """Return the sentence beside the times."""
    [said] = re.findall(r'id="id_start_error"[^>]*>(.*?)</div>', page.text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", said).split())


# --- A time that is refused ----------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (NOW - timedelta(days=1), "That time has passed."),
        (
            at("10:00", NOW.date()),
            "That time is too soon for us to answer and get ready.",
        ),
        (NOW + timedelta(days=90), "That time cannot be booked yet."),
        (at("20:00"), "That time is not offered."),
        (at("10:00", WEDNESDAY), "Closed: Training day."),
    ],
)
def test_each_refused_time_has_its_own_sentence(
    patient: Browser, start: datetime, why: str
):
    a_closure(at("00:00", WEDNESDAY), at("23:59", WEDNESDAY))

    page = chosen(patient, start)

    assert page.status_code == 409
    assert problem(page).startswith(f"Error: {why}")
    assert problem(page).endswith("Choose one of the times shown.")


def test_a_time_that_only_lacks_a_room_says_so(patient: Browser):
    someone = factories.a_clinician()
    other = factories.a_visit_type(suitable=[someone])
    patient.fill_in(until="times")
    factories.a_request(other, at("10:00"))

    page = patient.choose(at("10:00"))

    assert "No longer free: Tuesday, November 17, 10:00 AM. No room is free then." in (
        text_of(page)
    )


def test_a_time_of_somebody_asked_for_is_refused_by_name(patient: Browser):
    mine = Resource.objects.get(kind=Resource.Kind.CLINICIAN)
    factories.a_clinician("Demo Other")
    factories.a_room()
    a_closure(at("00:00", WEDNESDAY), at("23:59", WEDNESDAY), reason="away", of=mine)
    patient.fill_in(until="times")
    factories.a_request(patient.visit_type, at("10:00"), clinician=mine)
    assert mine.clinician

    taken, away = (
        patient.choose(at("10:00", day), clinician=mine.clinician.slug)
        for day in (TUESDAY, WEDNESDAY)
    )

    assert f"{mine} is not free then. Choose another time." in problem(taken)
    assert f"{mine} is not here then: away. Choose one of the" in problem(away)
    assert patient.choose(at("10:00")).status_code == 302


def test_a_time_of_somebody_asked_for_that_went_is_told_by_name(patient: Browser):
    mine = Resource.objects.get(kind=Resource.Kind.CLINICIAN)
    factories.a_clinician("Demo Other")
    assert mine.clinician
    patient.fill_in()
    patient.choose(at("10:00"), clinician=mine.clinician.slug)
    patient.get("/book/check/")
    a_closure(at("00:00", TUESDAY), at("23:59", TUESDAY), reason="away", of=mine)

    gone = patient.send()

    assert f"{mine} is not here then: away. Choose another time." in problem(gone)


def test_who_loses_the_last_time_there_is_is_led_to_what_is_left(patient: Browser):
    patient.fill_in(until="times")
    a_closure(NOW, NOW + timedelta(days=90))

    page = patient.choose(at("10:00"))

    assert page.status_code == 409
    assert 'href="#id_start_0">Closed: Training day.' in page.text
    assert 'class="note" id="id_start_0"' in page.text
    assert "Join the waiting list, and we offer you a time" in text_of(page)


def test_leave_of_all_clinicians_is_no_closed_clinic(patient: Browser):
    for mine in Resource.objects.filter(kind=Resource.Kind.CLINICIAN):
        a_closure(at("00:00"), at("00:00", THURSDAY), reason="away", of=mine)
    patient.fill_in(until="visit")
    patient.answer("visit", visit=patient.visit_type.code)

    text = text_of(patient.get("/book/times/"))

    away = "No clinician for this visit is here."
    assert f"{away} The next free day is Thursday, November 19." in text
    then = f"Error: {away.replace('.', ' then.')} Choose one of the times shown."
    assert problem(patient.choose(at("10:00"))) == then
    assert "away" not in text_of(patient.get("/book/times/?from=2026-11-17"))


def test_a_closed_room_is_no_leave_of_somebody_asked_for(patient: Browser):
    mine = Resource.objects.get(kind=Resource.Kind.CLINICIAN)
    factories.a_clinician("Demo Other")
    assert mine.clinician
    for room in Resource.objects.filter(kind=Resource.Kind.ROOM):
        a_closure(at("00:00"), at("00:00", WEDNESDAY), reason="paint", of=room)
    patient.fill_in(until="times")

    page = patient.choose(at("10:00"), clinician=mine.clinician.slug)

    assert "No room for this visit is open then." in problem(page)


THERE = "Our number is (212) 555-0143. We are there now, until 5:00 PM."


def test_a_time_that_is_too_soon_leads_to_the_phone_with_today_s_hours(
    patient: Browser,
):
    said = problem(chosen(patient, at("10:00", NOW.date())))

    assert f"get ready. If it cannot wait, call us. {THERE} Choose one of" in said


def test_a_day_that_is_too_soon_leads_to_the_phone_with_today_s_hours(patient: Browser):
    patient.fill_in(until="times")

    text = text_of(patient.get("/book/times/?from=2026-11-16"))

    assert (
        "Monday, November 16 This is too soon for us to answer and get ready. If it"
        f" cannot wait, call us. {THERE} The next free day is Tuesday, November 17."
    ) in text


def test_days_after_the_last_with_times_lead_to_the_phone(
    patient: Browser, clock: Traveller
):
    clock.move_to(at("18:00", NOW.date()))
    VisitType.objects.update(horizon=5)
    patient.fill_in(at("10:00", WEDNESDAY), until="times")

    text = text_of(patient.get("/book/times/?from=2026-11-18"))

    assert (
        "Saturday, November 21 We do not see patients for this visit then. Call us to"
        " find a time. Our number is (212) 555-0143. We are there again on Tuesday,"
        " November 17, 9:00 AM."
    ) in text


# --- What to do instead --------------------------------------------------------------


def test_a_day_without_times_leads_to_the_next_that_has_some(patient: Browser):
    a_closure(at("00:00", WEDNESDAY), at("23:59", WEDNESDAY))

    page = patient.fill_in(until="times")

    link = (
        '<a href="/book/times/?part=&amp;with=&amp;from=2026-11-19">'
        "The next free day is Thursday, November\xa019.</a>"
    )
    assert f"Closed: Training day. {link}" in page.text
    there = patient.get("/book/times/?part=&with=&from=2026-11-19")
    assert "<legend>Thursday, November\xa019</legend>" in there.text


def test_a_first_week_that_is_all_closed_says_so_and_not_each_weekend(
    patient: Browser,
):
    """Nor that on the Monday after it nobody could have answered."""
    a_closure(NOW, at("23:59", FRIDAY))

    text = text_of(patient.fill_in(until="times"))

    assert (
        "Monday, November 16 to Friday, November 20 Closed: Training day. The next free"
        " day is Tuesday, November 24. Tuesday, November 24 9:00 AM"
    ) in text
    assert "We do not see patients" not in text


def test_days_passed_over_give_each_reason_once(patient: Browser):
    for day in (TUESDAY, WEDNESDAY):
        for hour in range(9, 17):
            start = at(f"{hour:02}:00", day)
            factories.a_request(factories.a_visit_type(duration=60), start)
    a_closure(at("00:00", THURSDAY), at("23:59", THURSDAY))

    text = text_of(patient.fill_in(until="times"))

    said = (
        "Nov 17 to Nov 18 – All times are taken. Nov 19 – Closed: Training day."
        " The next free day is Friday"
    )
    assert f"Tuesday, November 17 to Thursday, November 19 {said}" in text


def test_few_of_the_days_passed_over_are_named(patient: Browser):
    for n in range(0, 12, 2):
        day = TUESDAY + timedelta(n)
        a_closure(at("00:00", day), at("23:59", day))
        taken = day + timedelta(1)
        if taken.weekday() < 5:
            visit_type = factories.a_visit_type(duration=480)
            factories.a_request(visit_type, at("09:00", taken))

    text = text_of(patient.fill_in(until="times"))

    said = "Nov 17, Nov 19, Nov 23 and other days – Closed: Training day. Nov 18,"
    assert said in text


def test_that_today_is_too_soon_needs_no_word(patient: Browser):
    text = text_of(patient.fill_in(until="times"))
    assert "Monday, November 16" not in text
    assert "too soon" not in text


def test_the_last_page_says_that_later_days_cannot_be_booked_yet(patient: Browser):
    patient.fill_in(until="times")
    said = "We looked at all days until Friday, January 15. Later days cannot be booked"
    assert said not in text_of(patient.get("/book/times/"))
    assert said in text_of(patient.get("/book/times/?from=2027-01-15"))


def test_a_weekend_is_not_why_there_is_no_time_at_all(
    patient: Browser, clock: Traveller
):
    """On a Sunday, with one day ahead: the Monday comes before our answer."""
    VisitType.objects.update(horizon=1)
    clock.move_to(at("12:00", FRIDAY + timedelta(days=2)))

    text = text_of(patient.fill_in(until="times"))

    said = (
        "There are no free times until Monday, November 23."
        " This is too soon for us to answer and get ready."
    )
    assert said in text


def test_a_machine_that_is_in_use_on_all_days_is_told_in_short_sentences(
    patient: Browser,
):
    factories.a_clinician()
    factories.a_machine()
    takes = [Resource.Kind.CLINICIAN, Resource.Kind.MACHINE]
    visit_type = factories.a_visit_type(takes=takes, horizon=2, duration=480)
    for day in (TUESDAY, WEDNESDAY):
        factories.a_request(visit_type, at("09:00", day))
    patient.begin()
    patient.answer("visit", visit=visit_type.code)

    text = text_of(patient.get("/book/times/"))

    assert (
        "There are no free times until Wednesday, November 18. The machine for this"
        " test is in use. Later days cannot be booked yet. Join the waiting list"
    ) in text


def test_the_name_of_a_closure_is_marked_as_english(patient: Browser):
    a_closure(NOW, at("23:59", FRIDAY), reason="Training & <rest>")
    marked = '<span lang="en" dir="ltr">Training &amp; &lt;rest&gt;</span>'
    patient.fill_in(until="times")

    assert "Closed: Training &amp; &lt;rest&gt;." in patient.get("/book/times/").text
    assert f"Cerrado: {marked}." in patient.get("/es/book/times/").text
    page = patient.post("/es/book/times/", {"start": as_value(at("10:00"))})
    assert f"Cerrado: {marked}. Elija una de las horas" in page.text


def test_who_looks_at_one_clinician_is_led_to_the_others(patient: Browser):
    other = factories.a_clinician("Demo Other").clinician
    assert other
    patient.fill_in(until="times")
    page = patient.get(f"/book/times/?with={other.slug}")
    assert "These are the times of Demo Other" in text_of(page)
    assert 'href="/book/times/?part=&amp;with="' in page.text
    assert "These are the times of" not in text_of(patient.get("/book/times/?with="))


@pytest.mark.parametrize(
    ("narrowed", "why"),
    [
        ("with={slug}", "Demo Away is not here: Training day."),
        ("part=afternoon", "There are no free times in the afternoon."),
    ],
)
def test_where_no_time_fits_the_page_says_why_and_leads_on(
    patient: Browser, narrowed: str, why: str
):
    away = factories.a_clinician("Demo Away")
    a_closure(NOW, NOW + timedelta(days=90), of=away)
    Hours.objects.update(closes=time(12))
    patient.fill_in(until="times")

    assert away.clinician
    page = patient.get(f"/book/times/?{narrowed.format(slug=away.clinician.slug)}")

    assert (
        f"No time fits what you chose. {why} Show all times or join the waiting list"
        " Call (212) 555-0143 We are there now, until 5:00 PM."
    ) in text_of(page)


# --- Words for all of them -----------------------------------------------------------

EACH = [Reason(why, "Training day") for why in Why if why != Why.IN_USE]
EACH += [Reason(Why.IN_USE, kind) for kind in Resource.Kind]
AWAY = [Reason(Why.CLOSED, "away", kind=kind) for kind in Resource.Kind]


@pytest.mark.parametrize(
    "reason", EACH + AWAY, ids=lambda r: f"{r.why}-{r.detail}-{r.kind}"
)
def test_every_reason_has_its_own_words_in_each_language(reason: Reason):
    patients = (reasons.of_day, reasons.of_time)
    for say in patients:
        said = [say(other) for other in EACH + AWAY]
        assert said.count(say(reason)) == 1
    # Staff read the name of a closure, whatever it closes.
    said = [reasons.for_staff(other) for other in EACH + AWAY[:1]]
    assert said.count(reasons.for_staff(reason)) == 1
    for say in patients:
        with override("es"):
            spanish = say(reason)
        assert spanish != say(reason)
        assert spanish.endswith(".")
