"""What else becomes of a request, and who else asks."""

import re
from datetime import datetime

import pytest
from playwright.sync_api import expect

from tests.browser import axe

from .steps import DEMO_CLINICIANS, EMG, TRIGGER_POINTS, Patient, subject_of, text_of
from .test_in_spanish import SpanishPatient
from .test_main_journey import spoken

# What the workflow does on each database is tested below the pages; the main journey,
# the waiting list and what is sent twice are walked on both.
pytestmark = pytest.mark.either_database


def test_a_patient_reads_in_the_mail_what_the_front_desk_saw_before_declining(
    patient, front_desk
):
    pat = patient("declined@example.com")
    reference = pat.asks_for(TRIGGER_POINTS)
    pat.receives_that_it_came(reference)

    front_desk.opens_the_desk()
    subject, words = front_desk.declines(
        reference, "No time that fits", "Mornings are easier."
    )

    declined = pat.receives("Not booked: choose another time")
    assert subject == subject_of(declined)
    # Only the mail may hold the private link.
    sent = re.sub(r"(/appointments)/\S+/", r"\1/-/", text_of(declined))
    assert words.split() == sent.split()

    pat.opens_the_link_in(declined)
    pat.sees("Not booked: we could not say yes")
    pat.reads("Mornings are easier.")
    pat.page.locator("main").get_by_role("link", name="Request a visit").click()
    pat.sees("Request a visit")
    pat.receives_nothing_more()


def test_the_front_desk_phones_a_patient_without_email(patient, front_desk):
    pat = patient(family_name="Phone-Only")
    reference = pat.asks_for(TRIGGER_POINTS)
    pat.reads("We call you with our answer.")

    front_desk.opens_the_desk()
    front_desk.accepts(reference)
    task = front_desk.call(reference)
    expect(task).to_have_count(1)  # what was to be said before is no longer true
    expect(task).to_contain_text("Pat Phone-Only")
    expect(task).to_contain_text("(212) 555-0199")
    task.get_by_text("What to say").click()
    expect(task).to_contain_text("Your appointment is confirmed for")
    task.get_by_role("button", name="I called").click()
    expect(front_desk.page.get_by_role("status")).to_contain_text(
        f"{reference}: noted that you called."
    )
    expect(task).to_have_count(0)


@pytest.mark.parametrize("who", [Patient, SpanishPatient], ids=["English", "Spanish"])
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_daughter_asks_for_her_mother(clinic, visitor, front_desk, who, javascript):
    email = f"daughter-{who.__name__}-{javascript}@example.com".lower()
    page = visitor(javascript=javascript, width=320)
    ann = who(clinic, page, email, given_name="Mother")
    ann.asks_for_the_visit(TRIGGER_POINTS)
    start = ann.a_free_time
    when = datetime.fromisoformat(start)
    ann.chooses(start)
    ann.also_could_come()
    ann.says_who_comes("Somebody else")
    ann.sees("Who are you?")
    ann.writes("Your name", "Ann Example")
    ann.answers("You are the patient’s…", "Son or daughter")
    ann.answers("Whose phone number and email address will you give us?", "Mine")
    axe(page)
    page.get_by_label(
        ann.in_their_words("I may arrange care for this person"), exact=True
    ).check()
    ann.goes_on()
    ann.answers_the_questions()
    ann.says_how_to_answer()
    ann.needs_no_help()
    ann.pays_by_insurance()
    reference = ann.sends_it()
    ann.receives_that_it_came(reference)

    front_desk.opens_the_desk()
    front_desk.request(reference).get_by_role("link", name="Open").click()
    patient_card = front_desk.page.get_by_role("region", name="Patient", exact=True)
    expect(patient_card).to_contain_text("Mother Example")
    expect(patient_card).to_contain_text(
        "Ann Example (Son or daughter) · phone and email are theirs"
    )

    # She is who hears of it, and reads how her mother gets ready.
    front_desk.opens_the_desk()
    front_desk.accepts(reference)
    ann.opens_the_link_in(ann.receives(f"Confirmed: {spoken(when)}"))
    ann.sees("Your appointment is confirmed")
    ann.follows(
        "What to bring, how to get here, and who comes with you:"
        " all on one page, to print"
    )
    ann.sees("Getting ready for your visit")
    axe(page)


def test_a_nerve_test_takes_a_clinician_a_room_and_the_machine(
    clinic, patient, front_desk
):
    pat, other = patient("emg@example.com"), patient()
    other.asks_for_the_visit(TRIGGER_POINTS)
    both_free = set(other.free_times)
    for clinician in DEMO_CLINICIANS:
        other.wants_to_see(clinician)
        both_free &= set(other.free_times)
    pat.asks_for_the_visit(EMG)
    # An hour after the soonest at least, which can become too soon for the other.
    start = [start for start in pat.free_times if start in both_free][4]
    pat.chooses(start)
    pat.fills_in_the_rest()
    reference = pat.sends_it()

    front_desk.opens_the_desk()
    expect(front_desk.request(reference).locator(".choice")).to_have_text(
        re.compile(r"free · Demo Clinician [AB], Room \d, EMG machine")
    )
    front_desk.accepts(reference)

    # The second clinician and two rooms are left, but there is one machine.
    other.asks_for_the_visit(EMG)
    assert start not in other.free_times
    other.asks_for_the_visit(TRIGGER_POINTS)
    assert start in other.free_times


def test_a_patient_with_a_sign_of_an_emergency_is_told_to_call(patient):
    pat = patient()
    pat.goes_to("/book/")
    pat.answers("Do you have any of these signs now?", "One or more of these")
    pat.goes_on()
    pat.sees("Call 911 now")
    assert cookies(pat.page) == {"csrf": (True, "Lax")}  # nothing was kept
    pat.goes_to("/book/visit/")
    pat.sees("Your answers are no longer here")


def test_cookies_are_few_that_no_script_and_no_other_site_gets(patient, front_desk):
    pat = patient()
    pat.asks_for_the_visit(TRIGGER_POINTS)
    two = {"csrf": (True, "Lax"), "session": (True, "Lax")}
    assert cookies(pat.page) == two
    # A browser that the desk signs in from is known by one more.
    assert cookies(front_desk.page) == two | {"known": (True, "Lax")}


def cookies(page):
    """Return whether each is kept from scripts, and when it goes along from outside."""
    return {c["name"]: (c["httpOnly"], c["sameSite"]) for c in page.context.cookies()}
