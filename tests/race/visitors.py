"""Patients and staff over HTTP, each with cookies and an address of their own."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar
from itertools import count
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener

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
    """The page that a visitor ends on, and how long it took to come."""

    status: int
    path: str
    text: str
    seconds: float


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

    def open(self, request: Request) -> Page:
        # Each time from elsewhere: how much one address may send is tested elsewhere.
        number = next(_addresses)
        request.add_header(
            "X-Forwarded-For", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        )
        began = time.monotonic()
        try:
            response = self.browser.open(request, timeout=60)
        except HTTPError as error:
            response = error
        with response:
            text = response.read().decode()
            path = urlsplit(response.url).path
            return Page(response.status, path, text, time.monotonic() - began)


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
            self.phone = next(_phones)
            page = self.post(self.get("/book/"), self.answers(start))
            self.began = time.monotonic()
        else:
            page = self.post(self.last, {"start": start}, "/book/times/")
        answers = self.answers(start)
        while page.path != "/book/check/":
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
        self.tries = (self.tries + 1) % TRIES if lost else 0
        return page
