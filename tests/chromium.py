"""Show rendered pages to Chromium without a server, with the project's static files."""

import mimetypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any, TypeVar

from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Page, Route

from tests.browser import look_at, running_browser, watched_pages

HOST = "http://localhost"
# The words of Django's own scripts, which its forms ask for.
SCRIPT = "/admin/jsi18n/"
Answer = TypeVar("Answer")


def look(
    pages: dict[str, str], task: Callable[[Page], Answer], **options: Any
) -> Answer:
    """Return what `task` says of a browser page that can open `pages`, path to HTML.

    Runs in a thread of its own, because a thread has room for one Playwright, and
    this one may hold the journeys' browser.
    """

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(HOST).partition("?")[0]
        if path in pages:
            route.fulfill(body=pages[path], content_type="text/html; charset=utf-8")
        elif path.startswith("/static/") and (
            file := finders.find(path.removeprefix("/static/"))
        ):
            kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
            route.fulfill(body=Path(file).read_bytes(), content_type=kind)
        else:
            route.abort()

    def run() -> Answer:
        with running_browser() as browser, watched_pages(browser) as new_page:
            page = new_page(**options)
            page.route("**/*", answer)
            return task(page)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()


def serve(page: Page, client: Client) -> None:
    """Let the page have what the site answers to the client, but for the styles."""
    here = copy_context()  # of the test's own connection to the database

    def answer(route: Route) -> None:
        asked = route.request
        path = asked.url.removeprefix(HOST)
        if path.startswith("/static/"):
            route.fulfill(path=finders.find(path.removeprefix("/static/")))
            return
        kind = asked.headers.get("content-type", "")
        sent = (asked.post_data_buffer or b"", kind) if asked.method == "POST" else ()
        found = here.run(client.generic, asked.method, path, *sent)
        route.fulfill(
            status=found.status_code, headers=dict(found.items()), body=found.content
        )

    page.route(f"{HOST}/**", answer)


def assert_good_for_everybody(pages: dict[str, str]) -> None:
    """Look at each of the pages, as `tests.browser.look_at` does.

    SCRIPT may be among them, for the others to have.
    """

    def check(page: Page) -> None:
        for path in pages.keys() - {SCRIPT}:
            page.goto(f"{HOST}{path}")
            look_at(page)

    look(pages, check)
