"""What a patient does behind the private link, with a script and without."""

import json
import time

import pytest
from playwright.sync_api import expect

from tests.browser import axe

from .steps import MAIL_SECONDS, Patient, link_in, subject_of
from .test_in_spanish import SpanishPatient

BOOKED = "from tests.journeys import scenes; scenes.booked('{email}')"
OFFER = "from tests.journeys import scenes; scenes.offer_to({pk})"


@pytest.mark.parametrize("who", [Patient, SpanishPatient], ids=["English", "Spanish"])
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_patient_changes_answers_finds_and_cancels(clinic, visitor, who, javascript):
    email = f"after-{who.__name__}-{javascript}@example.com".lower()
    visit = json.loads(
        clinic.site.manage("shell", "-v0", "-c", BOOKED.format(email=email))
    )
    page = visitor(javascript=javascript, width=320)
    pat = who(clinic, page, email)
    pat.goes_to(f"/appointments/{visit['token']}/")
    pat.sees("Your appointment is confirmed")
    axe(page)

    def asks_for_another_time() -> None:
        pat.follows("Ask for another time")
        # The soonest could become too soon before the button is pressed.
        page.locator("label.time").nth(4).click()
        pat.presses("Ask for this")
        pat.sees("Your appointment is confirmed, and you asked for another time")

    def is_offered() -> None:
        clinic.site.manage("shell", "-v0", "-c", OFFER.format(pk=visit["pk"]))
        pat.goes_to("/appointment/")
        pat.sees("We can offer you another time")

    pat.follows("Ask for another time")
    pat.sees("Choose another time")
    axe(page)
    pat.follows("Back without changing anything")
    asks_for_another_time()
    axe(page)
    pat.presses("I no longer want another time")
    pat.sees("Your appointment is confirmed")
    asks_for_another_time()
    is_offered()
    axe(page)
    page.locator("main label.option").last.click()
    pat.presses("Send my answer")
    pat.reads("You told us that what we offered does not suit you.")
    axe(page)
    is_offered()
    page.locator("main label.option").first.click()
    pat.presses("Send my answer")
    pat.sees("Your appointment is confirmed")

    # The link is lost, and comes again by mail.
    pat.goes_to("/appointment/find/")
    axe(page)
    pat.writes("Email address", email)
    for label, number in (("Month", "2"), ("Day", "29"), ("Year", "1980")):
        pat.writes(label, number)
    pat.presses("Send me the link")
    pat.sees("Look at your email")
    axe(page)
    clinic.lets_a_minute_pass()
    found = the_link_in_the_mail_of(pat)
    page.context.clear_cookies()
    page.goto(found)
    pat.sees("Your appointment is confirmed")
    pat.follows("Cancel this appointment")
    axe(page)
    pat.presses("Cancel my appointment")
    pat.sees("You cancelled this appointment")
    axe(page)
    expect(page.locator("main")).to_contain_text(visit["reference"])


def the_link_in_the_mail_of(patient: Patient) -> str:
    """Wait for the message that has nothing but the link, and return that."""
    deadline = time.monotonic() + MAIL_SECONDS
    while time.monotonic() < deadline:
        for message in patient.mail:
            if any(word in subject_of(message).lower() for word in ("link", "enlace")):
                return link_in(message)
        time.sleep(0.05)
    raise AssertionError([subject_of(message) for message in patient.mail])
