"""Why a day or a time cannot be had, and what a patient can do instead."""

import re
from datetime import datetime, time, timedelta

import pytest
from django.http import HttpResponse
from django.utils.translation import override

from booking import reasons
from booking.availability import Reason, Why
from booking.models import Hours, Resource
from tests import factories
from tests.factories import NOW, WEDNESDAY, a_closure, at

from .road import Browser, text_of

pytestmark = pytest.mark.django_db


def chosen(patient: Browser, start: datetime) -> HttpResponse:
    patient.fill_in(until="times")
    return patient.choose(start)


def problem(page: HttpResponse) -> str:
    """Return the sentence beside the times."""
    [said] = re.findall(r'id="id_start_error">(.*?)</div>', page.text, re.DOTALL)
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
        ("with={slug}", "Closed: Training day."),
        ("part=afternoon", "No times in the afternoon."),
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

EACH = [Reason(why, "Training day") for why in Why if why != Why.IN_USE] + [
    Reason(Why.IN_USE, kind) for kind in Resource.Kind
]


@pytest.mark.parametrize("reason", EACH, ids=lambda r: f"{r.why}-{r.detail}")
def test_every_reason_has_its_own_words_in_each_language(reason: Reason):
    patients = (reasons.of_day, reasons.of_time)
    for say in (*patients, reasons.for_staff):
        said = {other: say(other) for other in EACH}
        assert list(said.values()).count(say(reason)) == 1
    for say in patients:
        with override("es"):
            spanish = say(reason)
        assert spanish != say(reason)
        assert spanish.endswith(".")
