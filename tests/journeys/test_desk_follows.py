"""The desk shows what others did, and leaves people where they are."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import NewPage

from .steps import Clinic, FrontDesk

# What a browser does with keys, clocks and scripts is the same on both databases.
pytestmark = pytest.mark.either_database


@pytest.fixture
def desk(clinic: Clinic, visitor: NewPage) -> FrontDesk:
    """Give somebody at the desk whose clock the test moves."""
    page = visitor()
    page.clock.install()
    desk = FrontDesk(clinic, page)
    desk.signs_in()
    return desk


def test_the_desk_follows_without_losing_place_or_focus(
    desk: FrontDesk, front_desk: FrontDesk
) -> None:
    page = desk.page
    first, second = page.locator("article .reference").all_inner_texts()[:2]
    link = desk.request(second).get_by_role("link", name="Offer another time…")
    link.focus()
    link.evaluate("one => one.scrollIntoView()")
    details = page.locator("details").first
    details.evaluate("one => one.open = true")
    before = link.bounding_box()

    front_desk.declines(first, "No time that fits", "")
    expect(desk.request(first)).to_be_visible()
    page.clock.fast_forward(70_000)

    expect(desk.request(first)).to_have_count(0)
    expect(link).to_be_focused()
    expect(page.locator("details").first).to_have_attribute("open", "")
    expect(page.get_by_text("The desk has changed.")).to_be_attached()
    after = link.bounding_box()
    assert before
    assert after
    assert after["y"] == pytest.approx(before["y"], abs=2)
    # What is on the page now can be pressed: its tokens are those of this session.
    desk.accepts(second)


def test_nothing_moves_under_a_hand(desk: FrontDesk, front_desk: FrontDesk) -> None:
    page = desk.page
    [first] = page.locator("article .reference").all_inner_texts()[:1]
    front_desk.declines(first, "No time that fits", "")
    page.clock.fast_forward(58_000)
    page.mouse.move(200, 200)
    page.clock.fast_forward(3_000)
    expect(desk.request(first)).to_be_visible()
    page.clock.fast_forward(10_000)
    expect(desk.request(first)).to_have_count(0)


def test_that_all_wait_a_little_longer_is_shown_and_not_announced(
    desk: FrontDesk,
) -> None:
    page = desk.page
    aged = re.sub(r'(class="age">)Waits [^<]*', r"\1Waits 9 d", page.content())
    answer = {"body": aged, "content_type": "text/html"}
    page.route("**/admin/", lambda route: route.fulfill(**answer))
    page.clock.fast_forward(70_000)
    expect(page.locator(".owner .age").first).to_have_text("Waits 9 d")
    expect(page.locator("[data-changed]")).to_be_empty()
