"""The whole way without a mouse: what has the focus is always seen, and reached."""

import re

import pytest
from playwright.sync_api import Page, expect

from .steps import CHECK, TRIGGER_POINTS, Patient

# What a browser does with keys, clocks and scripts is the same on both databases.
pytestmark = pytest.mark.either_database

MOST_TABS = 120
# What has the focus: its name, whether it differs from how it looks without, and
# whether something else lies on it. Radio buttons of tiles show it on their label.
FOCUS = """() => {
    const it = document.activeElement;
    if (!it || it === document.body) return null;
    const seen = it.closest("label.time, label.option") ?? it;
    const box = seen.getBoundingClientRect();
    const outlined = [it, seen, ...seen.querySelectorAll("span")].some((e) => {
        const style = getComputedStyle(e);
        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    });
    const over = [0.1, 0.5, 0.9].some((part) => {
        const top = document.elementFromPoint(
            box.left + box.width / 2, box.top + box.height * part);
        return top && (seen.contains(top) || top.contains(seen));
    });
    // Of a field of many lines, the browser brings the line into view that is typed in.
    const foot = it.matches("textarea") ? box.top + box.height / 2 : box.bottom;
    const inside = box.top >= 0 && foot <= innerHeight + 1;
    return {
        html: it.outerHTML.slice(0, 120), outlined,
        uncovered: over && (inside || box.height > innerHeight / 2),
    };
}"""


class Keyboard:
    """Hands that know Tab, arrows, Space and Enter, and eyes on the focus."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def tab(self) -> None:
        self.page.keyboard.press("Tab")
        self.look()

    def look(self) -> None:
        self.page.wait_for_load_state()
        focus = self.page.evaluate(FOCUS)
        assert focus is None or (focus["outlined"], focus["uncovered"]) == (
            True,
            True,
        ), (self.page.url, focus)

    def tab_to(self, selector: str) -> None:
        """Go on with Tab until the focus is on what fits the selector."""
        for _ in range(MOST_TABS):
            self.tab()
            if self.page.evaluate(
                "selector => document.activeElement.matches(selector)", selector
            ):
                return
        raise AssertionError(f"Tab does not lead to {selector} on {self.page.url}")

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def write(self, selector: str, text: str) -> None:
        self.tab_to(selector)
        self.page.keyboard.type(text)

    def go_on(self) -> None:
        self.tab_to("main .acts button, main input[type=submit]")
        self.press("Enter")


def choose(keys: Keyboard, name: str, value: str) -> None:
    """Tab to a group of radio buttons and go down to one of them."""
    keys.tab_to(f"[name={name}]")
    keys.press("Space")
    for _ in range(20):
        keys.look()
        if keys.page.locator(f"[name={name}][value={value}]").is_checked():
            return
        keys.press("ArrowDown")
    raise AssertionError(f"no {value} in {name}")


@pytest.mark.parametrize("width", [320, 1280])
def test_a_patient_books_with_the_keyboard_alone(clinic, visitor, width):
    page = visitor(width=width)
    pat, keys = Patient(clinic, page), Keyboard(page)

    pat.goes_to(f"/treatments-and-tests/{TRIGGER_POINTS}/")
    keys.tab()
    expect(page.get_by_role("link", name="Skip to the main content")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    keys.tab_to(".free a")
    keys.press("Enter")

    pat.sees("Request a visit")
    keys.go_on()
    expect(page.locator(".problem")).to_be_focused()  # nothing was answered
    keys.tab()
    keys.press("Enter")  # the link in the summary leads to the answer
    keys.look()
    assert page.evaluate("document.activeElement.name") == "emergency"
    keys.press("Space")
    expect(page.get_by_label("None of these")).to_be_checked()
    keys.go_on()

    pat.sees("Which visit would you like?")
    choose(keys, "visit", f"{TRIGGER_POINTS}-follow-up")
    keys.go_on()
    pat.sees("When would you like to come?")
    keys.tab_to("[name=start]")
    keys.press("Space")
    keys.press("ArrowDown")
    keys.look()
    keys.go_on()
    pat.sees("Are there other times that would suit you?")
    keys.tab_to("[name=starts]")
    keys.press("Space")
    keys.go_on()
    pat.sees("Who is the visit for?")
    choose(keys, "for_whom", "me")
    keys.write("[name=given_name]", "Pat")
    keys.write("[name=family_name]", "Keys")
    for part, number in {"month": "2", "day": "29", "year": "1980"}.items():
        keys.write(f"[name=birth_date_{part}]", number)
    keys.press("Enter")
    pat.sees("Questions before your visit")
    names = page.locator("main input[type=radio]").evaluate_all(
        "radios => [...new Set(radios.map(radio => radio.name))]"
    )
    for name in names:
        choose(keys, name, "no")
    keys.go_on()
    pat.sees("How should we answer you?")
    choose(keys, "contact_by", "phone")
    keys.write("[name=phone]", "212 555 0199")
    keys.go_on()
    pat.sees("Do you need any help at your visit?")
    choose(keys, "interpreter", "no")
    keys.go_on()
    pat.sees("How will the visit be paid?")
    choose(keys, "payer", "self_pay")
    keys.go_on()
    pat.sees(CHECK)
    keys.go_on()
    pat.sees("Request received, not booked yet")


READ = ["/", "/treatments-and-tests/", f"/treatments-and-tests/{TRIGGER_POINTS}/",
        "/our-team/", "/visit-us/", "/insurance-and-hospitals/"]  # fmt: skip


@pytest.mark.parametrize("path", READ)
def test_nothing_covers_the_focus_on_a_phone(clinic, visitor, path):
    page = visitor(width=320)
    page.set_viewport_size({"width": 320, "height": 568})
    keys = Keyboard(page)
    page.goto(clinic.site.url + path)
    last = page.locator("a, button, input, summary").count()
    for _ in range(last):
        keys.tab()
    for _ in range(last):
        keys.press("Shift+Tab")
        keys.look()


def test_the_front_desk_accepts_with_the_keyboard_alone(clinic, front_desk):
    keys = Keyboard(front_desk.page)
    front_desk.opens_the_desk()
    keys.tab_to("form.acts button")
    keys.press("Enter")
    expect(front_desk.page.get_by_role("status")).to_have_text(
        re.compile(r"\w{4}-\w{4}: accepted for")
    )
