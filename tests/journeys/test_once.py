"""However it is sent, it is one request; whatever fails, one message."""

from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from .steps import CHECK, TRIGGER_POINTS, FrontDesk, Patient, link_in


def ready_to_send(patient, name):
    pat = patient(f"{name.lower()}@example.com", family_name=name)
    pat.asks_for_the_visit(TRIGGER_POINTS)
    pat.chooses(pat.a_free_time)
    pat.fills_in_the_rest()
    return pat


def assert_one_request(pat, front_desk, reference):
    """The desk has one from this patient, who hears of it once."""
    pat.receives_that_it_came(reference)
    front_desk.opens_the_desk()
    expect(front_desk.request(pat.family_name)).to_have_count(1)
    expect(front_desk.request(reference)).to_contain_text(pat.family_name)
    pat.receives_nothing_more()


@pytest.mark.either_database  # it is about the browser
def test_going_back_after_sending_leads_to_what_was_sent(patient, front_desk):
    pat = ready_to_send(patient, "Back-Button")
    reference = pat.sends_it()
    pat.page.go_back()
    pat.page.wait_for_load_state()
    if pat.path == "/book/check/":  # the browser kept the page
        pat.presses("Send appointment request")
    pat.sees("Request received, not booked yet")
    assert pat.reference == reference
    for path in ("/book/payment/", "/book/times/", "/book/check/"):
        pat.goes_to(path)
        assert (pat.path, pat.reference) == ("/book/sent/", reference)
    assert_one_request(pat, front_desk, reference)


@pytest.mark.either_database  # it is about the browser
def test_going_back_to_a_page_that_was_mended_shows_what_was_answered(patient):
    """A browser cannot show again what was the answer to a form."""
    pat = patient()
    pat.goes_to(f"/book/?service={TRIGGER_POINTS}")
    pat.has_no_sign_of_an_emergency()
    pat.goes_on()
    pat.reads("There is a problem")
    pat.page.locator("label.option").first.click()
    pat.goes_on()
    pat.sees("When would you like to come?")
    pat.page.go_back()
    pat.sees("Which visit would you like?")
    expect(pat.page.locator("input[name=visit]").first).to_be_checked()


@pytest.mark.either_database  # it is about the browser
def test_going_back_after_declining_tells_that_it_was_done(patient, front_desk):
    reference = patient("back-at-the-desk@example.com").asks_for(TRIGGER_POINTS)
    front_desk.opens_the_desk()
    front_desk.declines(reference, "No time that fits", "Mornings are easier.")
    front_desk.page.go_back()
    expect(front_desk.page.get_by_role("main")).to_contain_text(
        f"{reference}: You have dealt with this already."
        " Declined: No time that fits by you"
    )


@pytest.mark.either_database  # it is about the browser
def test_a_double_click_sends_once(patient, front_desk):
    pat = ready_to_send(patient, "Double-Click")
    pat.page.get_by_role("button", name="Send appointment request").dblclick()
    pat.sees("Request received, not booked yet")
    assert_one_request(pat, front_desk, pat.reference)


def test_a_double_click_without_a_script_sends_once(clinic, visitor, front_desk):
    """The second press sends the form again before the first is answered."""
    page = visitor(javascript=False)

    def without_script(email: str, **person: str) -> Patient:
        return Patient(clinic, page, email, **person)

    pat = ready_to_send(without_script, "No-Script")
    pat.page.get_by_role("button", name="Send appointment request").dblclick()
    pat.sees("Request received, not booked yet")
    assert_one_request(pat, front_desk, pat.reference)


def test_a_double_click_books_a_series_once_without_a_script(
    clinic, visitor, patient, front_desk
):
    """The whole way to a series, on plain pages: each visit is booked and told once."""
    pat = ready_to_send(patient, "Series")
    reference = pat.sends_it()
    pat.receives_that_it_came(reference)
    desk = FrontDesk(clinic, visitor(javascript=False))
    desk.signs_in()
    desk.request(reference).get_by_role("link", name="Open").click()
    desk.page.get_by_role("link", name="Accept it as the first of a series").click()
    desk.page.get_by_label("How many visits in all?").fill("3")
    desk.page.get_by_role("button", name="Show these dates").click()
    expect(desk.page.get_by_role("group")).to_have_count(2)
    desk.page.get_by_role("button", name="Book these visits").dblclick()
    expect(desk.page.get_by_role("status")).to_contain_text("3 visits are booked.")
    expect(desk.page.get_by_role("heading", name="Visit 1 of 3")).to_be_visible()
    confirmed = pat.receives_all("Confirmed: *", 3)
    assert len({link_in(message) for message in confirmed}) == 3
    pat.receives_nothing_more()


@pytest.mark.either_database  # it is about the browser
def test_a_double_click_closes_the_clinic_once(front_desk):
    page = front_desk.page
    page.get_by_role("navigation").get_by_role("link", name="Closures").click()
    page.get_by_role("link", name="Add closure").click()
    day = date.today() + timedelta(days=40)  # noqa: DTZ011 -- any day will do
    for field in ("start", "end"):
        page.locator(f"[name={field}_0]").fill(day.isoformat())
    page.locator("[name=start_1]").fill("09:00")
    page.locator("[name=end_1]").fill("12:00")
    page.get_by_label("What patients read").fill("Double click")
    page.get_by_role("button", name="Save", exact=True).dblclick()
    expect(page.get_by_role("status")).to_contain_text("Double click")
    closures = page.locator("#result_list tbody tr")
    expect(closures.filter(has_text="Double click")).to_have_count(1)


def test_two_tabs_send_once(patient, front_desk):
    pat = ready_to_send(patient, "Two-Tabs")
    other = pat.page.context.new_page()
    other.goto(pat.page.url)
    reference = pat.sends_it()
    other.get_by_role("button", name="Send appointment request").click()
    expect(other.locator(".reference")).to_have_text(reference)
    assert_one_request(pat, front_desk, reference)


@pytest.mark.either_database  # it is about the browser
def test_reloading_the_last_page_sends_nothing(patient, front_desk):
    pat = ready_to_send(patient, "Reload")
    reference = pat.sends_it()
    pat.page.reload()
    pat.sees("Request received, not booked yet")
    assert pat.reference == reference
    assert_one_request(pat, front_desk, reference)


@pytest.mark.either_database  # it is about the browser
def test_an_answer_changed_in_another_tab_is_seen_before_it_is_sent(
    patient, front_desk
):
    pat = ready_to_send(patient, "Changed")
    other = pat.page.context.new_page()
    other.goto(pat.page.url.replace("check", "about"))
    other.get_by_label("First name").fill("Patricia")
    other.get_by_role("button", name="Continue").click()
    expect(other.get_by_role("heading", level=1)).to_have_text(CHECK)
    pat.presses("Send appointment request")
    pat.reads("Your answers have changed since you opened this page")
    pat.reads("Patricia Changed")
    reference = pat.sends_it()
    front_desk.opens_the_desk()
    expect(front_desk.request(reference)).to_contain_text("Patricia Changed")


def test_mail_waits_while_its_server_is_off_and_goes_out_once(
    clinic, patient, front_desk
):
    pat = ready_to_send(patient, "Mail-Off")
    systems = front_desk.page.get_by_role("region", name="Systems")
    clinic.smtp.stop()
    reference = pat.sends_it()
    front_desk.finds(reference)
    expect(front_desk.page.get_by_role("main")).to_contain_text("Mail-Off")
    front_desk.opens_the_desk()
    expect(systems).to_contain_text("1 message waits")

    clinic.smtp.start()
    clinic.waits_until_mail_is_tried_again()
    pat.receives_that_it_came(reference)
    front_desk.opens_the_desk()
    expect(systems).to_contain_text("All messages have been sent.")
    pat.receives_nothing_more()
