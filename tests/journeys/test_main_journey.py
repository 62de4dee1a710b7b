"""A patient reads, asks, and is answered; with JavaScript and without."""

from datetime import datetime
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.factories import NEW_YORK

from .steps import (
    CHECK,
    DEMO_CLINICIANS,
    TRIGGER_POINTS,
    FrontDesk,
    entry_of,
    link_in,
    text_of,
)


@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_patient_reads_asks_is_accepted_and_cancels(
    clinic, patient, visitor, javascript, width
):
    front_desk = FrontDesk(clinic, visitor(javascript=javascript, width=width))
    front_desk.signs_in()
    pat = patient(f"pat{width}{javascript}@example.com".lower(),
                  javascript=javascript, width=width)  # fmt: skip

    # She reads, and follows a free time to the form.
    start = pat.chooses_a_free_time_beside(TRIGGER_POINTS)
    pat.has_no_sign_of_an_emergency()
    pat.sees("Which visit would you like?")
    pat.goes_on()
    pat.sees("When would you like to come?")
    assert pat.chosen_time == start
    pat.wants_to_see(DEMO_CLINICIANS[0])
    first, second, third = pat.free_times[3:6]
    pat.chooses(first)
    pat.also_could_come(second, third)
    pat.says_who_comes()
    pat.answers_the_questions(blood_thinner="yes")
    pat.says_how_to_answer()
    pat.needs_no_help()
    pat.pays_by_insurance()

    # She corrects an answer, and comes straight back.
    pat.sees(CHECK)
    pat.reads("This sends a request. It is not an appointment until we confirm it.")
    pat.follows("Change Patient")
    pat.writes("Last name", "Corrected")
    pat.goes_on()
    pat.sees(CHECK)
    pat.reads("Pat Corrected")
    reference = pat.sends_it()
    pat.reads("We answer by ")

    received = pat.receives_that_it_came(reference)
    assert "We will answer by " in text_of(received)

    # While it waits, the time is hers.
    other = patient(javascript=javascript)
    other.asks_for_the_visit(TRIGGER_POINTS)
    assert first not in free_with_the_clinician(other)

    # The front desk sees it with its promise, and accepts.
    asked = front_desk.request(reference)
    front_desk.opens_the_desk()
    expect(asked).to_contain_text("Pat Corrected · ")
    expect(asked).to_contain_text("answer by")
    expect(asked.locator(".free, .rival")).to_have_count(3)
    front_desk.accepts(reference)

    when = datetime.fromisoformat(first)
    confirmed = pat.receives(f"Confirmed: {spoken(when)}")
    method, event = entry_of(confirmed)
    assert (method, event["STATUS"], event["DTSTART"].dt) == (
        "REQUEST", "CONFIRMED", when
    )  # fmt: skip

    # She opens the link, and cancels.
    pat.opens_the_link_in(confirmed)
    pat.sees("Your appointment is confirmed")
    pat.follows("Cancel this appointment")
    pat.sees("Cancel your appointment?")
    pat.presses("Cancel my appointment")
    pat.sees("You cancelled this appointment")
    cancelled = pat.receives(
        f"Cancelled: your appointment on {spoken(when).rpartition(', ')[0]}"
    )
    method, gone = entry_of(cancelled)
    assert (method, gone["STATUS"], gone["UID"]) == (
        "CANCEL", "CANCELLED", event["UID"]
    )  # fmt: skip
    assert gone["SEQUENCE"] > event["SEQUENCE"]

    # An older link shows the same; the time is free to others again.
    pat.opens_the_link_in(received)
    pat.sees("You cancelled this appointment")
    assert first in free_with_the_clinician(other)
    pat.receives_nothing_more()
    assert urlsplit(link_in(received)).path not in clinic.site.log


def free_with_the_clinician(patient):
    patient.goes_to("/book/times/?part=")
    patient.wants_to_see(DEMO_CLINICIANS[0])
    return patient.free_times


def spoken(at):
    """Return the instant as messages say it."""
    local = at.astimezone(NEW_YORK)
    return f"{local:%A, %B} {local.day}, {local.hour % 12 or 12}:{local:%M %p}"
