"""Whoever leaves the desk is warned, signed out, and finds what they typed again."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import AS_IT_WAS, TWICE_AS_LARGE, NewPage, axe

from .conftest import running_clinic
from .steps import Clinic, FrontDesk

# What a browser does with keys, clocks and scripts is the same on both databases.
pytestmark = pytest.mark.either_database

MINUTE = 60_000
NOTE = "Asked for a ramp."
LOOKS = "it => [getComputedStyle(it).font, getComputedStyle(it).padding]"


@pytest.fixture(scope="module")
def clinic() -> Iterator[Clinic]:
    """Give a clinic where nobody stays signed in for long."""
    with running_clinic(STAFF_IDLE_MINUTES="30") as clinic:
        yield clinic


@pytest.fixture
def desk(clinic: Clinic, visitor: NewPage) -> FrontDesk:
    """Give somebody at the desk whose clock the test moves."""
    page = visitor()
    page.clock.install()
    desk = FrontDesk(clinic, page)
    desk.signs_in()
    return desk


def begin_to_decline(page: Page) -> None:
    page.get_by_role("link", name="Decline…").first.click()
    page.get_by_label("No time that fits").check()
    note(page).focus()
    page.keyboard.type(NOTE)


def note(page: Page) -> Locator:
    return page.locator("[name=private_note]")


def warning(page: Page) -> Locator:
    return page.get_by_role("alert").filter(has_text="Nobody has been here")


def let_the_session_end(desk: FrontDesk) -> None:
    """Let it be long ago, for the server, that somebody was here."""
    leave = "from tests.journeys import scenes; scenes.nobody_is_here()"
    desk.clinic.site.manage("shell", "-v0", "-c", leave)


def sign_in(desk: FrontDesk, name: str = "front-desk") -> None:
    page = desk.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(desk.clinic.passwords[name])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Decline")


def kept(page: Page) -> str:
    """Return all that this tab keeps."""
    return str(page.evaluate("JSON.stringify(sessionStorage)"))


def test_who_types_is_warned_and_stays_by_any_key(desk: FrontDesk) -> None:
    page = desk.page
    begin_to_decline(page)
    page.clock.fast_forward(27 * MINUTE)
    expect(warning(page)).to_be_hidden()
    page.clock.fast_forward(MINUTE + 6_000)
    expect(warning(page)).to_be_visible()
    expect(note(page)).to_be_focused()
    above = note(page).bounding_box()
    assert above["y"] + above["height"] <= warning(page).bounding_box()["y"]
    stays = page.get_by_role("button", name="Stay signed in")
    others = page.get_by_role("button", name="Preview the message")
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 900})
        axe(page)
        assert stays.evaluate(LOOKS) == others.evaluate(LOOKS)
    # Where the words have no room, the button still has.
    page.set_viewport_size({"width": 320, "height": 640})
    page.evaluate(TWICE_AS_LARGE)
    assert page.locator("#idle").evaluate("it => it.scrollHeight > it.clientHeight")
    expect(stays).to_be_in_viewport(ratio=1)
    page.evaluate(AS_IT_WAS)
    with page.expect_response("**/admin/stay/") as answer:
        page.keyboard.type("!")
    assert answer.value.status == 204
    expect(warning(page)).to_be_hidden()
    expect(page.get_by_text("You are still signed in.")).to_be_attached()
    expect(note(page)).to_have_value(f"{NOTE}!")
    page.clock.fast_forward(27 * MINUTE)
    expect(warning(page)).to_be_hidden()


def test_the_button_leads_back_to_where_somebody_was(desk: FrontDesk) -> None:
    page = desk.page
    begin_to_decline(page)
    page.clock.fast_forward(28 * MINUTE + 6_000)
    page.get_by_role("button", name="Stay signed in").click()
    expect(warning(page)).to_be_hidden()
    expect(note(page)).to_be_focused()


def test_what_was_typed_waits_for_whoever_typed_it(desk: FrontDesk) -> None:
    page = desk.page
    begin_to_decline(page)
    let_the_session_end(desk)
    page.clock.fast_forward(31 * MINUTE)
    expect(page.get_by_text("You were signed out")).to_be_visible()
    assert NOTE not in page.content()
    sign_in(desk)
    expect(note(page)).to_have_value(NOTE)
    expect(page.get_by_label("No time that fits")).to_be_checked()

    # Before anything else is typed, too; and when a button was pressed too late.
    let_the_session_end(desk)
    page.get_by_role("button", name="Preview the message").click()
    sign_in(desk)
    expect(note(page)).to_have_value(NOTE)

    # Also while somebody reads what would be sent.
    page.get_by_role("button", name="Preview the message").click()
    let_the_session_end(desk)
    page.get_by_role("button", name="Decline and send").click()
    sign_in(desk)
    expect(note(page)).to_have_value(NOTE)
    expect(page.get_by_label("No time that fits")).to_be_checked()

    let_the_session_end(desk)
    page.reload()
    sign_in(desk, "manager")
    expect(note(page)).to_have_value("")
    expect(page.get_by_label("No time that fits")).not_to_be_checked()
    assert kept(page) == "{}"


def test_a_button_after_the_session_has_ended_leads_to_sign_in(desk: FrontDesk) -> None:
    page = desk.page
    page.clock.fast_forward(28 * MINUTE + 6_000)
    expect(warning(page)).to_be_visible()
    let_the_session_end(desk)
    page.get_by_role("button", name="Stay signed in").click()
    expect(page.get_by_text("You were signed out")).to_be_visible()


def test_a_page_that_refreshes_itself_does_not_count_as_somebody(
    desk: FrontDesk,
) -> None:
    page = desk.page
    seen = page.evaluate("localStorage['desk-seen']")
    for _ in range(2):
        with page.expect_response("**/admin/") as answer:
            page.clock.fast_forward(14 * MINUTE)
        assert answer.value.request.headers["x-refresh"] == "1"
        assert page.evaluate("localStorage['desk-seen']") == seen
    page.clock.fast_forward(6_000)
    expect(warning(page)).to_be_visible()
