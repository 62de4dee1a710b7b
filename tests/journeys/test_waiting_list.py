"""Time set free goes to who waits: in order, one at a time, answered from the mail.

In both languages, with a script and without.
"""

import json
from datetime import datetime

import pytest
from playwright.sync_api import expect

from tests.factories import NEW_YORK

from .steps import Clinic, FrontDesk, Patient, entry_of, link_in, text_of
from .test_in_spanish import SpanishPatient
from .test_main_journey import spoken

ONE_TIME = "from tests.journeys import scenes; scenes.one_time_a_day()"
TAKEN = "from tests.journeys import scenes; scenes.only_time_taken('{service}')"


@pytest.fixture(scope="module")
def service(clinic: Clinic) -> str:
    """Give the slug of a service that has one time a day, and let no hour be quiet."""
    return clinic.site.manage("shell", "-v0", "-c", ONE_TIME)


@pytest.mark.parametrize("who", [Patient, SpanishPatient], ids=["English", "Spanish"])
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_time_set_free_is_offered_to_the_next_until_somebody_takes_it(
    clinic: Clinic, service: str, visitor, front_desk: FrontDesk, who: type[Patient],
    javascript: bool,
):  # fmt: skip
    def somebody(name: str) -> Patient:
        email = f"{name}-{who.__name__}-{javascript}@example.com".lower()
        page = visitor(javascript=javascript, width=320)
        return who(clinic, page, email, given_name=name)

    first, second, looker = map(somebody, ("First", "Second", "Looker"))
    taken = TAKEN.format(service=service)
    booked = json.loads(clinic.site.manage("shell", "-v0", "-c", taken))
    when = datetime.fromisoformat(booked["start"])
    day = f"{when.astimezone(NEW_YORK).date()}"

    # Two people need that very day, on which there is no time left.
    firsts = first.joins_the_list_for(service, day)
    seconds = second.joins_the_list_for(service, day)
    clinic.lets_a_minute_pass()
    expect(front_desk.waiting(firsts)).to_contain_text("1. ")
    expect(front_desk.waiting(seconds)).to_contain_text("2. ")
    assert first.read == second.read == 1
    first.receives_nothing_more()

    # The front desk sets it free. One alone is offered it, and the others see none.
    front_desk.cancels(booked["reference"])
    clinic.lets_a_minute_pass()
    offered = first.receives("A free time, not booked – answer by *")
    assert first.in_their_words(
        "Until then we keep it for you. After that, the offer ends.",
        "Until then we keep these times for you. After that, the offer ends.",
    ) in text_of(offered)
    expect(front_desk.waiting(firsts)).to_contain_text("1 offer so far")
    expect(front_desk.waiting(seconds)).to_contain_text("0 offers so far")
    looker.asks_for_the_visit(service)
    assert booked["start"] not in looker.free_times

    # A scanner that follows the link answers nothing.
    clinic.site.get(link_in(offered).removeprefix(clinic.site.url))
    first.opens_the_link_in(offered)
    first.sees("We offer you a time, not booked yet")
    first.reads("It is yours only when you take it. Please do not come before then.")
    first.presses("Send my answer")
    first.reads("Choose a time, or say that none suits you.")
    first.answers("Which time would you like?", "It does not suit me")
    first.presses("Send my answer")
    first.sees("On the waiting list, not booked")
    first.receives(f"Still on the waiting list – not booked ({firsts})")

    # So the next one is asked, and takes it.
    clinic.lets_a_minute_pass()
    offered = second.receives("A free time, not booked – answer by *")
    second.opens_the_link_in(offered)
    second.page.locator("main label.option").first.click()
    second.presses("Send my answer")
    second.sees("Your appointment is confirmed")
    expect(second.page.locator("main")).to_contain_text(seconds)
    method, event = entry_of(second.receives(f"Confirmed: {spoken(when)}"))
    assert (method, event["STATUS"], event["DTSTART"].dt) == (
        "REQUEST", "CONFIRMED", when
    )  # fmt: skip
    expect(front_desk.waiting(seconds)).to_have_count(0)

    # Who passed was told of it once, and leaves.
    clinic.lets_a_minute_pass()
    first.goes_to("/appointment/")
    first.follows("Leave the waiting list")
    first.sees("Leave the waiting list?")
    first.presses("Leave the list")
    first.sees("You left the waiting list")
    first.receives(f"Off the waiting list – not booked ({firsts})")
    expect(front_desk.waiting(firsts)).to_have_count(0)
    second.receives_nothing_more()
