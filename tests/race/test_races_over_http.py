"""The same race through the real thing: gunicorn, its pages, cookies and forms."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest

from tests.servers import Site, running_site

from . import scenes
from .crew import CLIENTS, WORST_WAIT, Crew, running_crew
from .visitors import Colleague, Page, Person, Visitor

ROUNDS = 30
ROUNDS_AT_THE_DESK = 10
VERSION_SEEN = re.compile(r'name="version" value="(\d+)"')


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
        assert sum("No longer free: " in page.text for page in pages) == CLIENTS - 1
        assert max(page.seconds for page in pages) < WORST_WAIT

    assert crew.do(scenes.count_of_visits) == ROUNDS
    assert "No faults." in site.manage("integrity_check")


def test_two_colleagues_accept_two_requests_for_one_time(site: Site, crew: Crew):
    code, starts = crew.do(scenes.open_practice, ROUNDS_AT_THE_DESK, False)
    desk = [Colleague(site.url, crew.do(scenes.desk_account)) for _ in range(2)]
    for start in starts:
        visits = [crew.do(scenes.ask_now, code, start) for _ in desk]
        pages = [c.looks_at(v) for c, v in zip(desk, visits, strict=True)]

        ends = together(
            [partial(c.accepts, p) for c, p in zip(desk, pages, strict=True)]
        )

        assert [page.status for page in ends] == [200, 200]
        statuses = sorted(crew.do(scenes.story, visit)[0] for visit in visits)
        assert statuses == ["booked", "pending"]
        assert sum("accepted for" in page.text for page in ends) == 1
        assert sum("has just been taken" in page.text for page in ends) == 1
    assert "No faults." in site.manage("integrity_check")


def test_two_colleagues_accept_one_request_and_the_slower_is_told(
    site: Site, crew: Crew
):
    code, starts = crew.do(scenes.open_practice, ROUNDS_AT_THE_DESK)
    desk = [Colleague(site.url, crew.do(scenes.desk_account)) for _ in range(2)]
    for start in starts:
        visit = crew.do(scenes.ask_now, code, start)
        pages = [colleague.looks_at(visit) for colleague in desk]

        ends = together(
            [partial(c.accepts, p) for c, p in zip(desk, pages, strict=True)]
        )

        assert [page.status for page in ends] == [200, 200]
        assert crew.do(scenes.story, visit)[1] == ["request", "accept"]
        assert sum("Somebody was faster." in page.text for page in ends) == 1


def test_the_last_button_pressed_twice_sends_one_request(site: Site, crew: Crew):
    code, starts = crew.do(scenes.open_practice, ROUNDS_AT_THE_DESK)
    for number, start in enumerate(starts, start=1):
        visitor = Visitor(site.url, code)
        visitor.choose(start)
        visitor.read_it_through()

        sent = visitor.what_the_page_showed()
        ends = together([partial(visitor.post, visitor.last, sent)] * 2)

        assert [(p.status, p.path) for p in ends] == [(200, "/book/sent/")] * 2
        assert crew.do(scenes.count_of_visits) == number


def test_a_patient_withdraws_while_a_colleague_accepts(site: Site, crew: Crew):
    code, starts = crew.do(scenes.open_practice, ROUNDS_AT_THE_DESK)
    colleague = Colleague(site.url, crew.do(scenes.desk_account))
    for start in starts:
        visit = crew.do(scenes.ask_now, code, start)
        patient, page = Person(site.url), colleague.looks_at(visit)
        patient.get(crew.do(scenes.private_path, visit))
        asked = patient.get("/appointment/cancellation/")
        version = VERSION_SEEN.search(asked.text)
        assert version

        accepted, withdrawn = together(
            [
                partial(colleague.accepts, page),
                partial(patient.post, asked, {"version": version[1]}),
            ]
        )

        # What the patient saw was a request: an appointment is not cancelled unseen.
        status, acts, _ = crew.do(scenes.story, visit)
        assert accepted.status == 200
        assert (status, acts, withdrawn.status) in [
            ("cancelled", ["request", "withdraw"], 200),
            ("booked", ["request", "accept"], 409),
        ]


def test_a_colleague_accepts_many_while_patients_send_for_the_same_times(
    site: Site, crew: Crew
):
    code, starts = crew.do(scenes.open_practice, 8, False)
    colleague = Colleague(site.url, crew.do(scenes.desk_account))
    visits = [crew.do(scenes.ask_now, code, start) for start in starts]
    holding = crew.do(scenes.holding_the_same, code)
    visitors = [Visitor(site.url, holding) for _ in starts]
    for visitor, start in zip(visitors, starts, strict=True):
        visitor.choose(start)
    crew.do(scenes.let_holds_lapse)
    for visitor in visitors:
        visitor.read_it_through()

    bulk, *sent = together(
        [partial(colleague.accepts_all, visits), *[v.send for v in visitors]]
    )

    assert bulk.status == 200
    for start, page, visit in zip(starts, sent, visits, strict=True):
        accepted = crew.do(scenes.story, visit)[0] == "booked"
        assert page.status == (409 if accepted else 200)
        assert crew.do(scenes.at_that_time, start) == [
            "booked" if accepted else "pending"
        ]
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
        room |= {"buffer_before": "0", "buffer_after": "0"}
        inline = {"hours-TOTAL_FORMS": "0", "hours-INITIAL_FORMS": "0"}
        data = room | inline | {"form_key": key, "is_active": "on"}

        pages = together([partial(staff.post, page, data)] * 8)

        assert {(page.status, page.path) for page in pages} == {
            (200, "/admin/booking/resource/")
        }
        assert crew.do(scenes.count_of_rooms, f"Room {number}") == 1
    assert "Traceback" not in site.log


def send_together(visitors: list[Visitor]) -> list[Page]:
    """Let all press the last button at the same moment."""
    for visitor in visitors:
        visitor.read_it_through()
    return together([visitor.send for visitor in visitors])


def together(acts: Sequence[Callable[[], Page]]) -> list[Page]:
    """Let all do what they do at the same moment; return what they see, in order."""
    ready = Barrier(len(acts))

    def do(act: Callable[[], Page]) -> Page:
        ready.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as hands:
        return list(hands.map(do, acts))
