"""Chromium, watched: it fails the test for what a patient's browser must not see."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from .valid_html import PACKAGES

HEIGHT = 900
WIDE, MIDDLE, NARROW = 1280, 768, 320
# Milliseconds to wait for a page. Speed is the bench's to measure: on a busy machine a
# write on SQLite may wait up to 20 s for its turn.
PATIENCE = 30_000
# The first draws pages as the others do, but has no windows: a new page takes it a
# quarter of the processor's time, and to go to another a third.
PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
OWN_HOSTS = ("127.0.0.1", "localhost")
ARGUMENTS = (
    "--no-sandbox",  # the tests may run as root
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    # Each page has axe anew: to compile it well takes longer than to run it as it is.
    "--js-flags=--no-opt --no-maglev",
    "--no-first-run",
)
ABOUT_COLOUR = ("color-contrast", "link-in-text-block")
# Where scripts are off, timers are too; axe lets each rule end by one of no time.
TIMERS_OF_AXE = """() => {
  window.setTimeout = (work, wait) => {
    if (!wait && typeof work === "function") Promise.resolve().then(work);
    return 0;
  };
}"""
# A second engine, since each finds what the other does not: IBM's Equal Access.
# Left out: it takes each form for a landmark; and wants one group where each day is
# one, and all times one choice.
EQUAL_ACCESS = """async () => {
  const report = await new ace.Checker().check(document, ["WCAG_2_2"]);
  const left_out = ["aria_form_label_unique", "input_checkboxes_grouped"];
  const by_place = {
    // A time's words are in its field's aria-label; its label holds the tile.
    label_content_exists: "label.time",
    // Of Django's: a group of fields without a heading, since the page's own says what
    // they are about.
    fieldset_label_valid: "fieldset.module:not([aria-labelledby])",
    // Of Django's: its label is a picture, whose words the engine does not read.
    input_label_exists: "#changelist-search #searchbar",
  };
  return report.results
    .filter(found => found.value.join() === "VIOLATION,FAIL")
    .filter(found => !left_out.includes(found.ruleId))
    .filter(found => !found.node?.matches?.(by_place[found.ruleId] ?? ":not(*)"))
    .map(found => `${found.ruleId}: ${found.message}\n    ${found.snippet}`);
}"""
# What readers may do to the text. Source: WCAG 2.2, 1.4.12 and 1.4.4.
WIDER_SPACED = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* {
    line-height: 1.5 !important;
    letter-spacing: 0.12em !important;
    word-spacing: 0.16em !important;
  }
  p { margin-block-end: 2em !important; }`);
  document.adoptedStyleSheets = [sheet];
}"""
TWICE_AS_LARGE = """() => {
  const root = document.documentElement;
  root.style.fontSize = `${2 * parseFloat(getComputedStyle(root).fontSize)}px`;
}"""
# How readers set the text, and at which width it still has to fit: twice as large on a
# phone as well, since the front desk carries one about.
AS_READERS_SET_IT = (
    (MIDDLE, TWICE_AS_LARGE), (NARROW, TWICE_AS_LARGE), (NARROW, WIDER_SPACED),
)  # fmt: skip
AS_IT_WAS = """() => {
  document.adoptedStyleSheets = [];
  document.documentElement.style.fontSize = "";
}"""
# What makes the page wider than the screen, and what cuts off its own words.
LOST = """() => {
  const cut = [...document.querySelectorAll("body *")].filter(e =>
    ["hidden", "clip"].includes(getComputedStyle(e).overflowX)
    && e.clientWidth > 1 && !e.closest("svg, input, select, textarea")
    && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1));
  const root = document.documentElement;
  return [...cut, ...(root.scrollWidth > innerWidth ? [root] : [])]
    .map(e => e.outerHTML.slice(0, 120));
}"""
# A page that did not come has no storage that may be asked for.
FORGET = """() => {
  if (origin === "null") return;
  sessionStorage.clear();
  localStorage.clear();
}"""
AXE_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")

NewPage = Callable[..., Page]
Window = Callable[..., AbstractContextManager[Page]]


def chromium() -> str:
    """Return the path of the program."""
    if found := next(filter(None, map(shutil.which, PROGRAMS)), None):
        return found
    raise RuntimeError(f"Chromium is missing. Install the package `{PROGRAMS[0]}`.")


@contextmanager
def running_browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    # Playwright keeps an event loop in this thread, and Django then takes every
    # later test for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=list(ARGUMENTS)
        )
        yield browser
        browser.close()


@contextmanager
def one_window(browser: Browser) -> Iterator[Window]:
    """Give a function that gives one window again and again, each time as if new.

    That is: without cookies, without anything stored or cached; it sends the `headers`
    and fails in the end for what the page ran into. To open another takes half a second
    of processor.
    """
    faults: list[str] = []
    with browser.new_context(color_scheme="light") as context:
        watch(context, faults)
        page = context.new_page()
        tools = context.new_cdp_session(page)
        tools.send("Network.setCacheDisabled", {"cacheDisabled": True})

        @contextmanager
        def as_new(**headers: str) -> Iterator[Page]:
            page.set_viewport_size({"width": WIDE, "height": HEIGHT})
            page.emulate_media(color_scheme="light", reduced_motion="no-preference")
            context.set_extra_http_headers(headers)
            try:
                yield page
            finally:
                page.evaluate(FORGET)
                page.goto("about:blank")  # which asks for nothing more
                page.mouse.move(0, 0)
                context.clear_cookies()
                found = "\n".join(faults)
                faults.clear()
            assert not found, found

        yield as_new


@contextmanager
def watched_pages(browser: Browser) -> Iterator[NewPage]:
    """Give a function that opens pages; afterwards fail for what they ran into."""
    faults: list[str] = []
    contexts = []

    def new_page(
        *,
        width: int = 1280,
        color_scheme: str = "light",
        javascript: bool = True,
        **options: Any,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": HEIGHT},
            color_scheme=color_scheme,  # type: ignore[arg-type]
            java_script_enabled=javascript,
            **options,
        )
        contexts.append(context)
        watch(context, faults)
        return context.new_page()

    try:
        yield new_page
    finally:
        for context in contexts:
            context.close()
    assert not faults, "\n".join(faults)


def watch(context: BrowserContext, faults: list[str]) -> None:
    """Add to `faults` what pages of the context run into.

    That is: errors on the console (violations of the content security policy are
    some), exceptions, files that are missing, requests to another host.
    """

    def console(message: ConsoleMessage) -> None:
        # A page may rightly be a 404; `response` tells that from a missing file.
        if message.type == "error" and "Failed to load resource" not in message.text:
            faults.append(f"console: {message.text}")

    def request(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme != "data" and parts.hostname not in OWN_HOSTS:
            faults.append(f"request to another host: {request.url}")

    def response(response: Response) -> None:
        if response.status >= 400 and response.request.resource_type != "document":
            faults.append(f"{response.status}: {response.url}")

    context.set_default_timeout(PATIENCE)
    context.on("console", console)
    context.on("weberror", lambda error: faults.append(f"script: {error.error}"))
    context.on("request", request)
    context.on("response", response)


# Whether an element is there to be seen: no dot either, nor in one, as words are that
# are for screen readers alone.
SEEN = """e => {
    if (!e.checkVisibility({visibilityProperty: true})) return false;
    for (; e; e = e.parentElement) {
        const box = e.getBoundingClientRect();
        if (box.width <= 1 || box.height <= 1) return false;
    }
    return true;
}"""


def look_at(page: Page) -> None:
    """Fail for what axe finds, and for anything wider than the screen.

    On a wide screen in light colours, and on a narrow one in dark ones. What only the
    wide one shows is looked at in dark colours by itself: contrast is what takes axe
    long, and our colours do not depend on the width.
    """
    # Colours change at once, not over some frames.
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size({"width": WIDE, "height": HEIGHT})
    axe(page)
    page.evaluate(f"onWide = [...document.body.querySelectorAll('*')].filter({SEEN})")
    page.emulate_media(color_scheme="dark")
    for width in (MIDDLE, NARROW):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    axe(page)
    if page.evaluate(f"(onWide = onWide.filter(e => !({SEEN})(e))).length"):
        page.set_viewport_size({"width": WIDE, "height": HEIGHT})
        axe(page, *ABOUT_COLOUR, within="onWide")
        page.set_viewport_size({"width": NARROW, "height": HEIGHT})


def look_closer_at(page: Page) -> None:
    """Fail for what a second engine finds, and for words lost as readers set the text.

    That is: twice as large, and spaced wider. Scripts must run.
    """
    page.evaluate(ace())
    found = page.evaluate(EQUAL_ACCESS)
    assert found == [], "\n".join([page.url, *found])
    for width, change in AS_READERS_SET_IT:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.evaluate(change)
        lost = page.evaluate(LOST)
        assert lost == [], (width, change, lost)
        page.evaluate(AS_IT_WAS)


@cache
def ace() -> str:
    return (PACKAGES / "accessibility-checker-engine/ace.js").read_text()


def axe(page: Page, *rules: str, within: str = "document") -> None:
    """Fail if axe finds anything against WCAG 2.2 AA or its best practices.

    With `rules`, only those are asked for; `within` is a script that says of what.

    The script comes in through the developer tools, so the page's content security
    policy stays as it is, and scripts of the page may be off.
    """
    if page.evaluate("typeof axe") == "undefined":
        if not page.evaluate("matchMedia('(scripting: enabled)').matches"):
            page.evaluate(TIMERS_OF_AXE)
        page.evaluate(AXE_SCRIPT)
    options = {
        "runOnly": {"type": "rule", "values": rules}
        if rules
        else {"type": "tag", "values": AXE_TAGS},
        "rules": {"target-size": {"enabled": True}},  # off unless asked for by name
        "resultTypes": ["violations"],
        # Only an experimental rule reads the stylesheets, and a strict policy forbids
        # how axe does it.
        "preload": False,
    }
    result = page.evaluate(f"axe.run({within}, {json.dumps(options)})")
    assert not result["violations"], "\n".join(
        f"{page.url}: {violation['id']}: {violation['help']}\n"
        + "\n".join(
            f"    {node['target']} {node['html']}\n        {node['failureSummary']}"
            for node in violation["nodes"]
        )
        for violation in result["violations"]
    )
