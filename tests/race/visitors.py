"""Patients and staff over HTTP, each with cookies and an address of their own."""

import html
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.cookiejar import CookieJar
from itertools import count
from threading import Barrier
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener

from tests.security.pages import Fields, Form, forms_on

T = TypeVar("T")

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
BUTTON = re.compile(r'name="proposal" value="(\d+)"')
SEEN = re.compile(r'name="seen" value="([^"]+)"')
VERSION = re.compile(r'name="seen_version" value="(\d+)"')

# After so many tries the same phone number would be asked to call instead.
TRIES = 9
# Who sends sooner after the first page is taken for a program.
FASTEST = 2.1  # seconds

_addresses = count(1)
# Reserved for fiction, in the area codes of New York.
_phones = (
    f"{area}55501{number:02}"
    for area in (212, 347, 646, 718, 917, 929)
    for number in range(100)
)


@dataclass(frozen=True, slots=True)
class Page:
    """The page that a visitor ends on."""

    status: int
    path: str
    text: str

    @property
    def words(self) -> str:
        """Return the words of the page, as one line."""
        body = re.sub(r"(?s)<(script|style).*?</\1>", "", self.text)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())

    def form(self, act: str) -> Form:
        """Return the form whose address ends with `act`, as it is filled in."""
        found = forms_on(self.text, self.path)
        [form] = [form for form in found if form.address.endswith(act)]
        return form


def together(acts: Sequence[Callable[[], T]]) -> list[T]:
    """Let all do what they do at the same moment; return what comes of it, in order."""
    ready = Barrier(len(acts))

    def do(act: Callable[[], T]) -> T:
        ready.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as hands:
        return list(hands.map(do, acts))


class Person:
    """Somebody with a browser that runs no JavaScript."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.browser = build_opener(HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> Page:
        return self.open(Request(self.url + path))

    def post(
        self, page: Page, answers: Mapping[str, str | list[str]], path: str = ""
    ) -> Page:
        """Send the form of the page, as its button does."""
        found = TOKEN.search(page.text)
        assert found, page.text
        fields = {**answers, "csrfmiddlewaretoken": found[1]}
        data = urlencode(fields, doseq=True).encode()
        return self.open(Request(self.url + (path or page.path), data))

    def press(self, page: Page, act: str, **changed: Any) -> Page:
        """Send a form of the page as it is filled in, but for what is changed.

        None takes a field away, as taking off a tick does.
        """
        form = page.form(act)
        fields: Fields = {**form.filled_in, **changed}
        left = {name: value for name, value in fields.items() if value is not None}
        return self.post(page, left, form.address)

    def open(self, request: Request) -> Page:
        # Each time from elsewhere: how much one address may send is tested elsewhere.
        number = next(_addresses)
        request.add_header(
            "X-Forwarded-For", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        )
        try:
            response = self.browser.open(request, timeout=60)
        except HTTPError as error:
            response = error
        with response:
            text = response.read().decode()
            path = urlsplit(response.url).path
            return Page(response.status, path, text)


class Colleague(Person):
    """Somebody at the front desk, signed in."""

    def __init__(self, url: str, account: tuple[str, str]) -> None:
        super().__init__(url)
        name, password = account
        page = self.post(
            self.get("/admin/login/?next=/admin/"),
            {"username": name, "password": password, "next": "/admin/"},
        )
        assert (page.status, page.path) == (200, "/admin/"), page.text

    def looks_at(self, visit: int) -> Page:
        return self.get(f"/admin/booking/appointment/{visit}/change/")

    def accepts(self, page: Page) -> Page:
        """Press the first button of a visit's page that accepts a time."""
        proposal = BUTTON.search(page.text)
        version = VERSION.search(page.text)
        assert proposal, page.text
        assert version, page.text
        return self.post(
            page,
            {"proposal": proposal[1], "seen_version": version[1]},
            page.path.replace("/change/", "/accept/"),
        )

    def accepts_all(self, visits: Sequence[int]) -> Page:
        """Choose visits in the list, and accept the first choice of each."""
        path = "/admin/booking/appointment/"
        chosen = {
            "action": "accept_first_choices",
            "_selected_action": [str(visit) for visit in visits],
        }
        return self.post(self.get(path), chosen)


class Patient(Person):
    """Somebody with a private link, who has opened it on a phone of their own."""

    def __init__(self, url: str, link: str) -> None:
        super().__init__(url)
        self.page = self.get(link)

    def says(self, answer: int | str) -> Page:
        """Answer what is offered: with the key of one of the times, or "none"."""
        return self.press(self.page, "/offer/", answer=str(answer))


class Visitor(Person):
    """Fills in the pages of a request, one after the other."""

    def __init__(self, url: str, visit: str) -> None:
        super().__init__(url)
        self.visit = visit
        self.tries = 0

    def answers(self, start: str) -> dict[str, str]:
        """Return what to answer on any of the pages; each takes what it asks for."""
        return {
            "emergency": "none",
            "again": "yes",
            "visit": self.visit,
            "start": start,
            "for_whom": "me",
            "given_name": "Pat",
            "family_name": "Example",
            "birth_date_month": "2",
            "birth_date_day": "29",
            "birth_date_year": "1980",
            "contact_by": "phone",
            "phone": self.phone,
            "language": "English",
            "interpreter": "no",
            "payer": "not_sure",
        }

    def choose(self, start: str) -> None:
        """Take the time and come to the last page, where all is checked.

        After a lost race only the time is asked for; all else is still there.
        """
        if self.tries == 0:
            self.come_to("/book/check/", start)
            return
        if self.tries % TRIES == 0:
            self.phone = next(_phones)
            self.post(self.last, self.answers(start), "/book/contact/")
        page = self.post(self.last, {"start": start}, "/book/times/")
        self.go_on(page, start)

    def come_to(self, path: str, start: str = "") -> None:
        """Begin, and answer all that comes before a page."""
        self.phone = next(_phones)
        page = self.post(self.get("/book/"), self.answers(start))
        self.began = time.monotonic()
        self.go_on(page, start, path)

    def go_on(self, page: Page, start: str, until: str = "/book/check/") -> None:
        """Answer page after page."""
        answers = self.answers(start)
        while page.path != until:
            before = page.path
            page = self.post(page, answers)
            assert page.path != before, page.text
        self.last = page

    def read_it_through(self) -> None:
        time.sleep(max(0, self.began + FASTEST - time.monotonic()))

    def what_the_page_showed(self) -> dict[str, str]:
        """Return what the last button sends."""
        seen = SEEN.search(self.last.text)
        assert seen, self.last.text
        return {"seen": seen[1]}

    def send(self) -> Page:
        """Press the last button."""
        page = self.post(self.last, self.what_the_page_showed())
        lost = page.status != 200
        self.tries = self.tries + 1 if lost else 0
        return page


def send_together(visitors: Sequence[Visitor]) -> list[Page]:
    """Let all press the last button at the same moment."""
    for visitor in visitors:
        visitor.read_it_through()
    return together([visitor.send for visitor in visitors])
