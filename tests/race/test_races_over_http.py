"""The same race through the real thing: gunicorn, its pages, cookies and forms."""

from collections import Counter
from functools import partial

import pytest

from tests.servers import Site

from . import scenes
from .crew import CLIENTS, Crew
from .visitors import Colleague, Person, Visitor, send_together, together

ROUNDS = 30
ROUNDS_AT_THE_DESK = 6

pytestmark = pytest.mark.usefixtures("site_is_sound_afterwards")


def test_of_32_patients_who_send_for_one_time_one_gets_it(site: Site, insider: Crew):
    visit, starts = insider.do(scenes.open_practice, ROUNDS)
    before = insider.do(scenes.count_of_visits)
    visitors = [Visitor(site.url, visit) for _ in range(CLIENTS)]
    for start in starts:
        for visitor in visitors:
            visitor.choose(start)
            insider.do(scenes.let_holds_lapse)
        pages = send_together(visitors)

        assert Counter((page.status, page.path) for page in pages) == {
            (200, "/book/sent/"): 1,
            (409, "/book/check/"): CLIENTS - 1,
        }
        assert sum("No longer free: " in page.text for page in pages) == CLIENTS - 1

    assert insider.do(scenes.count_of_visits) == before + ROUNDS


def test_two_colleagues_accept_two_requests_for_one_time(
    insider: Crew, desk: list[Colleague]
):
    code, starts = insider.do(scenes.open_practice, ROUNDS_AT_THE_DESK, False)
    for start in starts:
        visits = [insider.do(scenes.ask_now, code, start) for _ in desk]
        pages = [c.looks_at(v) for c, v in zip(desk, visits, strict=True)]

        ends = together(
            [partial(c.accepts, p) for c, p in zip(desk, pages, strict=True)]
        )

        assert [page.status for page in ends] == [200, 200]
        statuses = sorted(insider.do(scenes.story, visit)[0] for visit in visits)
        assert statuses == ["booked", "pending"]
        assert sum("accepted for" in page.text for page in ends) == 1
        assert sum("No longer free:" in page.text for page in ends) == 1


def test_two_colleagues_accept_one_request_and_the_slower_is_told(
    insider: Crew, desk: list[Colleague]
):
    code, starts = insider.do(scenes.open_practice, ROUNDS_AT_THE_DESK)
    for start in starts:
        visit = insider.do(scenes.ask_now, code, start)
        pages = [colleague.looks_at(visit) for colleague in desk]

        ends = together(
            [partial(c.accepts, p) for c, p in zip(desk, pages, strict=True)]
        )

        assert [page.status for page in ends] == [200, 200]
        assert insider.do(scenes.story, visit)[1] == ["request", "accept"]
        assert sum("Somebody was faster." in page.text for page in ends) == 1


def test_the_last_button_pressed_twice_sends_one_request(site: Site, insider: Crew):
    code, starts = insider.do(scenes.open_practice, ROUNDS_AT_THE_DESK)
    before = insider.do(scenes.count_of_visits)
    for number, start in enumerate(starts, start=1):
        visitor = Visitor(site.url, code)
        visitor.choose(start)
        visitor.read_it_through()

        sent = visitor.what_the_page_showed()
        ends = together([partial(visitor.post, visitor.last, sent)] * 2)

        assert [(p.status, p.path) for p in ends] == [(200, "/book/sent/")] * 2
        assert insider.do(scenes.count_of_visits) == before + number


def test_a_patient_withdraws_while_a_colleague_accepts(
    site: Site, insider: Crew, desk: list[Colleague]
):
    code, starts = insider.do(scenes.open_practice, ROUNDS_AT_THE_DESK)
    colleague = desk[0]
    for start in starts:
        visit = insider.do(scenes.ask_now, code, start)
        patient, page = Person(site.url), colleague.looks_at(visit)
        patient.get(insider.do(scenes.private_path, visit))
        asked = patient.get("/appointment/cancellation/")

        accepted, withdrawn = together(
            [
                partial(colleague.accepts, page),
                partial(patient.press, asked, "/cancellation/"),
            ]
        )

        # What the patient saw was a request: an appointment is not cancelled unseen.
        status, acts, _ = insider.do(scenes.story, visit)
        assert accepted.status == 200
        assert (status, acts, withdrawn.status) in [
            ("cancelled", ["request", "withdraw"], 200),
            ("booked", ["request", "accept"], 409),
        ]


def test_a_colleague_accepts_many_while_patients_send_for_the_same_times(
    site: Site, insider: Crew, desk: list[Colleague]
):
    code, starts = insider.do(scenes.open_practice, 8, False)
    colleague = desk[0]
    visits = [insider.do(scenes.ask_now, code, start) for start in starts]
    holding = insider.do(scenes.holding_the_same, code)
    visitors = [Visitor(site.url, holding) for _ in starts]
    for visitor, start in zip(visitors, starts, strict=True):
        visitor.choose(start)
    insider.do(scenes.let_holds_lapse)
    for visitor in visitors:
        visitor.read_it_through()

    bulk, *sent = together(
        [partial(colleague.accepts_all, visits), *[v.send for v in visitors]]
    )

    assert bulk.status == 200
    for start, page, visit in zip(starts, sent, visits, strict=True):
        accepted = insider.do(scenes.story, visit)[0] == "booked"
        assert page.status == (409 if accepted else 200)
        assert insider.do(scenes.at_that_time, code, start) == [
            "booked" if accepted else "pending"
        ]


def test_a_form_of_the_admin_sent_eight_times_at_once_is_saved_once(
    insider: Crew, manager: Person
):
    add = "/admin/booking/resource/add/"
    for number in range(5):
        page = manager.get(add)
        room = {"kind": "room", "name": f"Quiet room {number}"}

        pages = together([partial(manager.press, page, add, **room)] * 8)

        assert {(page.status, page.path) for page in pages} == {
            (200, "/admin/booking/resource/")
        }
        assert insider.do(scenes.count_of_rooms, f"Quiet room {number}") == 1
