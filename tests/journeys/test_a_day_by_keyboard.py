"""Whole days of staff without a mouse: the desk's, and an editor's up to what is read.

Every control that is used is reached with Tab, and seen to have the focus: at a desk,
on a tablet, and where no script runs.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.booking.desk import code_of
from tests.browser import NewPage, axe

from .steps import TRIGGER_POINTS, Clinic
from .test_keyboard import Keyboard

# What a browser does with keys, clocks and scripts is the same on both databases.
pytestmark = pytest.mark.either_database

# What the desk is full of lies before what is looked for.
MOST_TABS = 80
DESK, TABLET = 1280, 768
LIST = "/admin/booking/appointment/"


class Hands(Keyboard):
    """Hands at the desk. With `asks_axe`, axe looks at each page where they stop."""

    def __init__(self, clinic: Clinic, page: Page, asks_axe: bool) -> None:
        super().__init__(page)
        self.asks_axe = asks_axe
        self.url = clinic.site.url
        self.tabs: dict[str, int] = {}

    def go_to(self, selector: str, at_most: int = MOST_TABS) -> None:
        """Tab to what fits the selector."""
        for count in range(1, at_most + 1):
            self.tab()
            fits = "selector => document.activeElement.matches(selector)"
            if self.page.evaluate(fits, selector):
                self.tabs[selector] = count
                return
        raise AssertionError(f"Tab does not lead to {selector} on {self.page.url}")

    def use(self, selector: str, key: str = "Enter") -> None:
        self.go_to(selector)
        self.press(key)

    def fill_in(self, selector: str, text: str) -> None:
        self.go_to(selector)
        self.page.keyboard.type(text)

    def opens(self, heading: str | re.Pattern[str]) -> None:
        """See that this is the page."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)
        self.check()

    def check(self) -> None:
        if self.asks_axe:
            axe(self.page)

    def is_told(self, words: str) -> None:
        expect(self.page.get_by_role("status")).to_contain_text(words)

    def preview(self) -> None:
        """Ask what the patient will read, and wait until it is there."""
        self.use("button[name=preview]")
        expect(self.page.locator("button[name=send]")).to_be_visible()

    def choose_a_time(self) -> None:
        """Choose one that has not begun by the time the last button is pressed."""
        self.use("[name=start]", "Space")
        for _ in range(4):
            self.press("ArrowDown")

    def skip_the_times(self) -> None:
        """Leave out the many times that could be chosen."""
        self.use(".days > p > a")

    def open_today(self) -> None:
        """Load Today, as its link at the top of each page does."""
        self.use(".bar a")
        expect(self.page.get_by_role("heading", name="Needs an answer")).to_be_visible()


def say_who_it_is(hands: Hands, clinic: Clinic, name: str) -> None:
    hands.page.goto(f"{hands.url}/admin/")
    hands.opens("Sign in")
    # The browser puts the focus there.
    expect(hands.page.get_by_label("Username")).to_be_focused()
    hands.page.keyboard.type(name)
    hands.fill_in("#id_password", clinic.passwords[name])
    hands.press("Enter")


def sign_in(hands: Hands, clinic: Clinic, secret: str) -> None:
    say_who_it_is(hands, clinic, "front-desk")
    expect(hands.page.locator("[name=code]")).to_be_visible()
    hands.check()
    hands.fill_in("[name=code]", code_of(secret, datetime.now(UTC)))
    hands.press("Enter")
    expect(hands.page.get_by_role("heading", name="Needs an answer")).to_be_visible()
    hands.check()


def answer_requests(hands: Hands, day: dict[str, Any]) -> None:
    hands.open_today()
    hands.use(f'[href$="{LIST}{day["first"]}/change/"]')
    hands.opens(re.compile("^Visit "))
    expect(hands.page.get_by_text("also wanted by 1").first).to_be_visible()
    hands.use("button[name=proposal]")
    hands.is_told("accepted for")

    hands.open_today()
    rival = hands.page.locator(f"[aria-labelledby~=visit-{day['rival']}]")
    expect(rival).to_contain_text("needs another time")
    hands.use(f'[href*="{LIST}{day["rival"]}/propose/"]')
    hands.opens(re.compile("^Offer times to "))
    hands.skip_the_times()
    hands.preview()
    hands.skip_the_times()
    hands.use("button[name=send]")
    hands.is_told("offered, and kept until")

    hands.use(f'[href*="{LIST}{day["third"]}/decline/"]')
    hands.opens(re.compile("^Decline "))
    hands.use("[name=reason]", "Space")
    hands.preview()
    hands.check()
    hands.use("button[name=send]")
    hands.is_told("declined.")


def book_a_caller(hands: Hands) -> None:
    hands.use('[href$="/phone/"]')
    hands.opens("Book for a caller")
    hands.go_to("[name=visit_type]")
    hands.press("ArrowDown")
    hands.use("button[name=show]")
    expect(hands.page.locator("[name=start]").first).to_be_visible()
    hands.choose_a_time()
    hands.fill_in("[name=given_name]", "Cal")
    hands.fill_in("[name=family_name]", "Keys")
    hands.fill_in("[name=phone]", "212 555 0143")
    hands.use("button[name=book]")
    hands.opens(re.compile("^Read to the caller: "))


def use_the_calendar(hands: Hands, day: dict[str, Any]) -> None:
    hands.use('.bar [href$="/calendar/"]')
    hands.opens(re.compile("^Calendar: "))
    # Late in the evening nothing of today is left to block.
    hands.use('[aria-label="Days"] li:last-child a')
    hands.opens(re.compile("^Calendar: "))
    hands.use('[href*="/closure/add/"]')
    hands.opens("Add closure")
    hands.fill_in("[name=reason]", "Training")
    hands.use("[name=_save]")
    hands.is_told("Training")

    hands.page.goto(f"{hands.url}{LIST}{day['first']}/change/")
    hands.use('[href*="/move/"]')
    hands.opens(re.compile("^Move "))
    hands.choose_a_time()
    hands.preview()
    hands.skip_the_times()
    hands.use("button[name=send]")
    hands.is_told("moved to")

    hands.use('.bar [href$="/calendar/"]')
    hands.opens(re.compile("^Calendar: "))
    hands.use('[href*="/calendar/sheet/"]')
    hands.opens(re.compile("^Day sheet: "))


def see_patients(hands: Hands, day: dict[str, Any]) -> None:
    hands.open_today()
    for visit, acts in {
        "comes": {"arrive": "arrived.", "complete": "completed."},
        "stays_away": {"miss": "did not come."},
    }.items():
        for act, words in acts.items():
            form = f'[action$="{LIST}{day[visit]}/attend/"]'
            hands.use(f'{form} [value="{act}"]')
            hands.is_told(words)
    hands.check()
    hands.use('.counts [href="#changed"]')
    hands.use('[action$="/admin/seen/"] button')
    hands.is_told("Noted what you have seen.")
    expect(hands.page.locator("#changed")).to_be_focused()


def write(hands: Hands, service: str) -> None:
    """Write a warning that is seen beside the form, and save it at the second try."""
    page = hands.page
    hands.use('.bar [href$="#manage"]')
    hands.use('.apps [href$="/admin/services/service/"]')
    hands.opens("Services")
    hands.use(f'[href*="{service}"]')
    hands.opens(re.compile("injections"))
    hands.use('[data-width="phone"]')
    shown = page.frame_locator(".live iframe")
    expect(shown.get_by_role("heading", level=1)).to_be_visible()

    hands.use('.parts [href="#sections-group"]')
    hands.go_to("#sections-0 .editor button")
    for _ in range(5):
        hands.press("ArrowRight")
        hands.look()
    hands.press("Enter")
    expect(page.locator("[name=sections-0-answer]")).to_be_focused()
    page.keyboard.type("It always works.")
    expect(shown.locator(".note").filter(has_text="It always works")).to_be_visible()

    go_back_to(hands, "[name=sections-0-question]")
    hands.press("ControlOrMeta+A")
    hands.press("Delete")
    hands.press("Enter")
    expect(page.locator(".problem")).to_be_focused()
    hands.check()
    hands.use(".problem a")
    expect(page.locator("[name=sections-0-question]")).to_be_focused()
    page.keyboard.type("What are they?")
    hands.press("Enter")
    hands.is_told("This is kept as a draft.")
    hands.is_told("“always works”.")
    expect(page.get_by_role("status")).to_be_focused()
    hands.check()


def go_back_to(hands: Hands, selector: str) -> None:
    for _ in range(MOST_TABS):
        hands.press("Shift+Tab")
        hands.look()
        if hands.page.locator(f"{selector}:focus").count():
            return
    raise AssertionError(f"Shift+Tab does not lead to {selector}")


def let_patients_read_it(hands: Hands) -> None:
    hands.use('[value="approve"]')
    expect(hands.page.locator(".problem")).to_be_focused()
    hands.use(".problem a")
    hands.page.keyboard.type("MD")
    hands.fill_in("[name=profession]", "physician (PM&R)")
    hands.press("Enter")
    hands.is_told("The draft is approved.")
    day = datetime.now(UTC) + timedelta(days=2)
    hands.fill_in("[name=publish_at_0]", f"{day:%m%d%Y}")
    hands.fill_in("[name=publish_at_1]", "0930AM")
    hands.press("Enter")
    hands.is_told("Patients read it from the time that you chose.")
    said = f"Patients read it from {day:%b} {day.day}, {day.year}, 9:30 AM on"
    expect(hands.page.locator("#draft ~ p").filter(has_text=said)).to_be_visible()


def let_its_hour_come(hands: Hands, clinic: Clinic) -> None:
    """Let the worker's chore find that it has come, and read what patients read."""
    versions = hands.page.url
    for step, times in {"pass": 0, HOUR_COMES: 1}.items():
        clinic.site.manage("shell", "-v0", "-c", step)
        hands.page.goto(f"{hands.url}/treatments-and-tests/{TRIGGER_POINTS}/")
        heading = hands.page.get_by_role("heading", name="What are they?")
        expect(heading).to_have_count(times)
    hands.page.goto(versions)


def put_back_what_was_read(hands: Hands) -> None:
    hands.use("[name=old]", "ArrowUp")
    hands.press("Enter")
    expect(
        hands.page.get_by_role("heading", name="What version 2 says")
    ).to_be_visible()
    hands.go_to("#version")
    hands.use('[action="../restore/"] button')
    hands.is_told("is the draft now, and patients do not read it yet.")


@pytest.mark.parametrize(("width", "javascript"), [(DESK, True), (TABLET, False)])
def test_the_whole_day_without_a_mouse(
    clinic: Clinic, visitor: NewPage, width: int, javascript: bool
) -> None:
    make = "from tests.journeys import scenes; scenes.a_day()"
    day = json.loads(clinic.site.manage("shell", "-v0", "-c", make))
    page = visitor(width=width, javascript=javascript)
    # It cannot do without a script; `test_pages` asks it at other widths, too.
    hands = Hands(clinic, page, asks_axe=javascript)
    sign_in(hands, clinic, day["secret"])
    # First, as after a midnight they would be those of yesterday.
    see_patients(hands, day)
    answer_requests(hands, day)
    book_a_caller(hands)
    use_the_calendar(hands, day)
    print(hands.tabs)  # noqa: T201 -- how far it is to each, with `pytest -s`


KEY = f"""
from services.models import Service
print(Service.objects.get(slug="{TRIGGER_POINTS}").pk)
"""
HOUR_COMES = """
from booking import chores, clock
from services.models import Draft
now = clock.now()
Draft.objects.exclude(publish_at=None).update(publish_at=now)
chores.TASKS["publish"].run(now=now)
"""


def test_a_text_is_written_and_published_in_its_hour_without_a_mouse(
    clinic: Clinic, visitor: NewPage
) -> None:
    key = clinic.site.manage("shell", "-v0", "-c", KEY).strip()
    page = visitor(width=DESK)
    hands = Hands(clinic, page, asks_axe=True)
    say_who_it_is(hands, clinic, "manager")
    expect(page.get_by_role("heading", name="Needs an answer")).to_be_visible()
    write(hands, f"/admin/services/service/{key}/")
    page.emulate_media(color_scheme="dark", forced_colors="active")
    let_patients_read_it(hands)
    let_its_hour_come(hands, clinic)
    put_back_what_was_read(hands)
