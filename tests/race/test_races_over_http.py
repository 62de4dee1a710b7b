"""The same race through the real thing: gunicorn, its pages, cookies and forms."""

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.servers import Site, running_site

from . import scenes
from .crew import CLIENTS, Crew, running_crew
from .test_races import WORST_WAIT
from .visitors import Page, Visitor

ROUNDS = 30


@pytest.fixture
def site() -> Iterator[Site]:
    # Patients have addresses of their own here, as behind a proxy.
    with running_site(TRUSTED_PROXIES="1") as site:
        yield site


@pytest.fixture
def crew(site: Site) -> Iterator[Crew]:
    """Give a client who works on the site's own database."""
    with running_crew(1, site.environment["DATABASE_URL"]) as crew:
        yield crew


def test_of_32_patients_who_send_for_one_time_one_gets_it(site: Site, crew: Crew):
    visit, starts = crew.do(scenes.open_practice, ROUNDS)
    visitors = [Visitor(site.url, visit) for _ in range(CLIENTS)]
    for start in starts:
        for visitor in visitors:
            visitor.choose(start)
            crew.do(scenes.let_holds_lapse)
        pages = send_together(visitors)

        assert Counter((page.status, page.path) for page in pages) == {
            (200, "/book/sent/"): 1,
            (409, "/book/check/"): CLIENTS - 1,
        }
        assert sum("has just been taken" in page.text for page in pages) == CLIENTS - 1
        assert max(page.seconds for page in pages) < WORST_WAIT

    assert crew.do(scenes.count_of_visits) == ROUNDS
    assert "No faults." in site.manage("integrity_check")


def test_a_form_of_the_admin_sent_eight_times_at_once_is_saved_once(
    site: Site, crew: Crew
):
    password = "a long walk by the river"  # noqa: S105 -- made up
    name = crew.do(scenes.superuser, password)
    staff = Visitor(site.url, "")
    staff.post(staff.get("/admin/login/"), {"username": name, "password": password})
    add = "/admin/booking/resource/add/"
    for number in range(5):
        page = staff.get(add)
        [key] = re.findall(r'name="form_key" value="([^"]+)"', page.text)
        room = {"kind": "room", "name": f"Room {number}", "order": "0"}
        inline = {"hours-TOTAL_FORMS": "0", "hours-INITIAL_FORMS": "0"}
        data = room | inline | {"form_key": key, "is_active": "on"}

        ready = Barrier(8)

        def send(
            page: Page = page, data: dict[str, str] = data, ready: Barrier = ready
        ) -> Page:
            ready.wait()
            return staff.post(page, data)

        with ThreadPoolExecutor(8) as hands:
            pages = [hand.result() for hand in [hands.submit(send) for _ in range(8)]]

        assert {(page.status, page.path) for page in pages} == {
            (200, "/admin/booking/resource/")
        }
        assert crew.do(scenes.count_of_rooms, f"Room {number}") == 1
    assert "Traceback" not in site.log


def send_together(visitors: list[Visitor]) -> list[Page]:
    """Let all press the last button at the same moment."""
    ready = Barrier(len(visitors))

    def send(visitor: Visitor) -> Page:
        visitor.read_it_through()
        ready.wait()
        return visitor.send()

    with ThreadPoolExecutor(len(visitors)) as hands:
        return list(hands.map(send, visitors))
