"""A clinic for each file of journeys, and the people who use it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import NewPage, Window, one_window
from tests.servers import MailServer, demo, running_site

from .steps import Clinic, FrontDesk, Patient

_visitors = count(1)

OWED = "from booking.models import Message; print(Message.objects.owed().count())"


@contextmanager
def running_clinic(**environment: str) -> Iterator[Clinic]:
    """Run a site with the demo's content, schedule, visits and staff.

    `environment` overrides the tests' settings. Fails if what is left in the database
    does not fit together, or a message is owed.
    """
    smtp = MailServer()
    template, passwords = demo()
    with running_site(
        template=template, EMAIL_URL=smtp.url, TRUSTED_PROXIES="1", **environment
    ) as site:
        yield Clinic(site, smtp, passwords)
        site.manage("run_worker", "--once")
        site.manage("integrity_check")
        assert site.manage("shell", "-v0", "-c", OWED).split() == ["0"]
    smtp.stop()


@pytest.fixture(scope="module")
def clinic() -> Iterator[Clinic]:
    """Give a clinic whose messages are sent."""
    with running_clinic() as clinic, clinic.site.worker():
        yield clinic


@pytest.fixture
def visitor(new_page: NewPage) -> NewPage:
    """Give pages as `new_page` does, each from an address of its own.

    Else they would all count as one who asks for very many visits.
    """

    def visit(**options: Any) -> Page:
        return new_page(extra_http_headers=from_somewhere(), **options)

    return visit


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Window]:
    with one_window(browser) as window:
        yield window


@pytest.fixture
def looking(window: Window) -> Iterator[Page]:
    """Give a page as `visitor` does, wide and with scripts; all in one window."""
    with window(**from_somewhere()) as page:
        yield page


def from_somewhere() -> dict[str, str]:
    """Return the headers of a request from the next address."""
    return {"X-Forwarded-For": f"198.51.100.{next(_visitors) % 250}"}


@pytest.fixture
def patient(clinic: Clinic, visitor: NewPage) -> Callable[..., Patient]:
    """Give `patient(email="", javascript=True, width=1280, family_name=...)`."""

    def somebody(
        email: str = "", javascript: bool = True, width: int = 1280, **person: str
    ) -> Patient:
        page = visitor(javascript=javascript, width=width)
        return Patient(clinic, page, email, **person)

    return somebody


@pytest.fixture
def front_desk(clinic: Clinic, visitor: NewPage) -> FrontDesk:
    """Give somebody who has signed in and sees what needs an answer."""
    desk = FrontDesk(clinic, visitor())
    desk.signs_in()
    return desk
