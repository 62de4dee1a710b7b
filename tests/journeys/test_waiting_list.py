"""Time set free goes to who waits: in order, one at a time, answered from the mail.

Who takes the time speaks Spanish where there is a script.
"""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from booking import clock
from tests.factories import NEW_YORK

from .steps import Clinic, FrontDesk, Patient, entry_of, link_in, text_of
from .test_in_spanish import SpanishPatient
from .test_main_journey import spoken


@pytest.fixture(scope="module")
def service(clinic: Clinic) -> str:
    """Give the slug of a service that has one time a day, and let no hour be quiet.

    A manager says so, since nobody knows at what time of day this test runs.
    """
    one_time = "from tests.journeys import scenes; scenes.one_time_a_day()"
    return clinic.site.manage("shell", "-v0", "-c", one_time)


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_time_set_free_is_offered_to_the_next_until_somebody_takes_it(
    clinic: Clinic, service: str, visitor, front_desk: FrontDesk, javascript: bool,
):  # fmt: skip
    no_hour_is_quiet(clinic, visitor())

    def somebody(name: str, who: type[Patient] = Patient) -> Patient:
        email = f"{name}-{javascript}@example.com".lower()
        page = visitor(javascript=javascript, width=320)
        return who(clinic, page, email, given_name=name)

    first, second = map(somebody, ("First", "Second"))
    third = somebody("Third", SpanishPatient if javascript else Patient)
    start = asks_for_the_day_after_next(first, service)
    when = datetime.fromisoformat(start)
    day = f"{when.astimezone(NEW_YORK).date()}"
    reference = first.reference
    first.receives_that_it_came(reference)
    front_desk.opens_the_desk()
    front_desk.accepts(reference)
    first.receives(f"Confirmed: {spoken(when)}")

    # Two others need that very day, on which there is no time left.
    seconds = second.joins_the_list_for(service, day)
    thirds = third.joins_the_list_for(service, day)
    clinic.lets_a_minute_pass()
    expect(front_desk.waiting(seconds)).to_contain_text("1. ")
    expect(front_desk.waiting(thirds)).to_contain_text("2. ")
    assert second.read == third.read == 1
    second.receives_nothing_more()

    # The front desk sets it free. One alone is offered it, and the other sees none.
    front_desk.cancels(reference)
    clinic.lets_a_minute_pass()
    offered = second.receives(
        f"A time is free – not booked yet, answer by * ({seconds})"
    )
    assert "Until then we keep it for you." in text_of(offered)
    expect(front_desk.waiting(seconds)).to_contain_text("1 offer so far")
    expect(front_desk.waiting(thirds)).to_contain_text("0 offers so far")
    first.goes_to(f"/book/?service={service}")
    first.has_no_sign_of_an_emergency()
    first.goes_on()
    assert start not in first.free_times

    # A scanner that follows the link answers nothing.
    clinic.site.get(link_in(offered).removeprefix(clinic.site.url))
    second.opens_the_link_in(offered)
    second.sees("We offer you a time, not booked yet")
    second.reads("It is yours only when you take it.")
    second.presses("Send my answer")
    second.reads("Choose a time, or say that none suits you.")
    second.answers("Which time would you like?", "It does not suit me")
    second.presses("Send my answer")
    second.sees("On the waiting list, not booked")
    second.receives(f"Still on the waiting list – not booked ({seconds})")

    # So the next one is asked, and takes it.
    clinic.lets_a_minute_pass()
    offered = third.receives(f"A time is free – not booked yet, answer by * ({thirds})")
    third.opens_the_link_in(offered)
    third.page.locator("main label.option").first.click()
    third.presses("Send my answer")
    third.sees("Your appointment is confirmed")
    expect(third.page.locator("main")).to_contain_text(thirds)
    method, event = entry_of(third.receives(f"Confirmed: {spoken(when)}"))
    assert (method, event["STATUS"], event["DTSTART"].dt) == (
        "REQUEST", "CONFIRMED", when
    )  # fmt: skip
    expect(front_desk.waiting(thirds)).to_have_count(0)

    # Who passed was told of it once, and leaves.
    clinic.lets_a_minute_pass()
    second.goes_to("/appointment/")
    second.follows("Leave the waiting list")
    second.sees("Leave the waiting list?")
    second.presses("Leave the list")
    second.sees("You left the waiting list")
    second.receives(f"Off the waiting list – not booked ({seconds})")
    expect(front_desk.waiting(seconds)).to_have_count(0)
    third.receives_nothing_more()


def no_hour_is_quiet(clinic: Clinic, page) -> None:
    """Let a manager say so: nobody knows at what time of day this test runs."""
    page.goto(f"{clinic.site.url}/admin/booking/waitinglistrules/1/change/")
    page.get_by_label("Username").fill("manager")
    page.get_by_label("Password").fill(clinic.passwords["manager"])
    page.get_by_role("button", name="Log in").click()
    page.locator("[name=quiet_from]").fill("00:00")
    page.locator("[name=quiet_until]").fill("00:00")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()


def asks_for_the_day_after_next(patient: Patient, service: str) -> str:
    """Ask for the only time of a day that who waits can still make; return it."""
    patient.asks_for_the_visit(service)
    earliest = clock.now() + timedelta(days=2)
    start = next(
        start
        for start in patient.free_times
        if datetime.fromisoformat(start) > earliest
    )
    patient.chooses(start)
    patient.also_could_come()
    patient.says_who_comes()
    patient.says_how_to_answer()
    patient.needs_no_help()
    patient.pays_by_insurance()
    patient.sends_it()
    return start
