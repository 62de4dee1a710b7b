"""Times, closures, resources and visits, changed through pages at the same moment."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.factories import NEW_YORK
from tests.servers import Site

from . import scenes
from .crew import Crew
from .visitors import Colleague, Page, Patient, Person, Visitor, send_together, together

pytestmark = pytest.mark.usefixtures("site_is_sound_afterwards")

VISITS = "/admin/booking/appointment"
CLOSURES = "/admin/booking/closure/"
RESOURCES = "/admin/booking/resource"
SENT, LOST = (200, "/book/sent/"), (409, "/book/check/")


def choose(insider: Crew, visitors: list[Visitor], starts: list[str]) -> None:
    """Bring each to the last page with a time that nobody holds any more."""
    for visitor, start in zip(visitors, starts, strict=True):
        visitor.choose(start)
        insider.do(scenes.let_holds_lapse)


def told(pages: list[Page], words: str) -> int:
    return sum(words in page.words for page in pages)


def all_day(start: str) -> dict[str, Any]:
    """Return what the form of a closure sends for the whole day of a time."""
    day = datetime.fromisoformat(start).astimezone(NEW_YORK).date()
    return {
        "reason": "Training day",
        "start_0": str(day),
        "start_1": "00:00",
        "end_0": str(day + timedelta(days=1)),
        "end_1": "00:00",
    }


# --- Patients --------------------------------------------------------------------


def test_of_eight_patients_who_want_four_times_four_get_one(site: Site, insider: Crew):
    code, starts = insider.do(scenes.open_practice, 4)
    visitors = [Visitor(site.url, code) for _ in range(8)]
    choose(insider, visitors, starts * 2)

    pages = send_together(visitors)

    assert Counter((p.status, p.path) for p in pages) == {SENT: 4, LOST: 4}
    assert told(pages, "No longer free: ") == 4
    for start in starts:
        assert insider.do(scenes.at_that_time, code, start) == ["pending"]


def test_with_any_of_two_clinicians_two_of_six_get_the_time(site: Site, insider: Crew):
    code, starts = insider.do(scenes.open_practice, 2, True, 2, 2)
    visitors = [Visitor(site.url, code) for _ in range(6)]
    for start in starts:
        choose(insider, visitors, [start] * 6)

        pages = send_together(visitors)

        assert Counter((p.status, p.path) for p in pages) == {SENT: 2, LOST: 4}
        assert told(pages, "No longer free: ") == 4


def test_taking_the_same_two_things_in_opposite_orders_blocks_nobody(
    site: Site, insider: Crew
):
    code, starts = insider.do(scenes.open_practice, 2)
    other = insider.do(scenes.holding_the_same, code)
    visitors = [Visitor(site.url, one) for one in (code, other) * 3]
    for start in starts:
        choose(insider, visitors, [start] * 6)

        pages = send_together(visitors)

        assert Counter((p.status, p.path) for p in pages) == {SENT: 1, LOST: 5}


def test_one_patient_with_two_forms_gets_the_time_once(site: Site, insider: Crew):
    """Two forms have two keys: nothing but the time itself tells that they clash."""
    code, starts = insider.do(scenes.open_practice, 3)
    for start in starts:
        forms = [Visitor(site.url, code) for _ in range(2)]
        choose(insider, forms, [start] * 2)

        pages = send_together(forms)

        assert sorted((p.status, p.path) for p in pages) == [SENT, LOST]
        assert insider.do(scenes.at_that_time, code, start) == ["pending"]


def test_of_six_patients_who_choose_one_time_one_holds_it(site: Site, insider: Crew):
    code, starts = insider.do(scenes.open_practice, 4)
    visitors = [Visitor(site.url, code) for _ in range(6)]
    for visitor in visitors:
        visitor.come_to("/book/times/")
    for start in starts:
        pages = together(
            [partial(v.post, v.get("/book/times/"), {"start": start}) for v in visitors]
        )

        assert Counter(page.status for page in pages) == {200: 1, 409: 5}
        assert told(pages, "No longer free: ") == 5
        insider.do(scenes.let_holds_lapse)


# --- Sent twice ------------------------------------------------------------------


def test_a_double_click_on_accept_is_one_acceptance(
    insider: Crew, desk: list[Colleague]
):
    code, starts = insider.do(scenes.open_practice, 4)
    for start in starts:
        visit = insider.do(scenes.ask_now, code, start)
        page = desk[0].looks_at(visit)

        ends = together([partial(desk[0].accepts, page)] * 2)

        assert [end.status for end in ends] == [200, 200]
        assert insider.do(scenes.story, visit)[1] == ["request", "accept"]


def test_a_double_click_on_cancel_is_one_cancellation(site: Site, insider: Crew):
    code, starts = insider.do(scenes.open_practice, 4)
    for start in starts:
        visit = insider.do(scenes.book_now, code, start)
        patient = Patient(site.url, insider.do(scenes.private_path, visit))
        page = patient.get("/appointment/cancellation/")

        ends = together([partial(patient.press, page, "/cancellation/")] * 2)

        assert {(p.status, p.path) for p in ends} == {(200, "/appointment/")}
        assert insider.do(scenes.story, visit) == (
            "cancelled",
            ["request", "accept", "cancel"],
            ["received", "confirmed", "cancelled"],
        )


def test_a_closure_sent_eight_times_at_once_is_made_once(
    insider: Crew, manager: Person
):
    _, starts = insider.do(scenes.open_practice, 1)
    before = insider.do(scenes.count_of_closures)
    page = manager.get(f"{CLOSURES}add/")

    ends = together(
        [partial(manager.press, page, f"{CLOSURES}add/", **all_day(starts[0]))] * 8
    )

    assert {(p.status, p.path) for p in ends} == {(200, CLOSURES)}
    assert insider.do(scenes.count_of_closures) == before + 1
    insider.do(scenes.reopen_all)


def test_a_series_sent_eight_times_at_once_is_booked_once(
    insider: Crew, desk: list[Colleague]
):
    code, starts = insider.do(scenes.open_practice, 2)
    for start in starts:
        visit = insider.do(scenes.book_now, code, start)
        before = insider.do(scenes.count_of_visits)
        page = desk[0].get(f"{VISITS}/{visit}/series/?count=3&weeks=1")

        ends = together([partial(desk[0].press, page, "/series/")] * 8)

        assert {page.status for page in ends} == {200}
        assert insider.do(scenes.count_of_visits) == before + 2
        assert insider.do(scenes.story, visit)[1] == ["request", "accept", "extend"]


def test_a_request_sent_eight_times_at_once_is_one_request(site: Site, insider: Crew):
    code, starts = insider.do(scenes.open_practice, 2)
    for start in starts:
        before = insider.do(scenes.count_of_visits)
        visitor = Visitor(site.url, code)
        visitor.choose(start)
        visitor.read_it_through()

        sent = visitor.what_the_page_showed()
        ends = together([partial(visitor.post, visitor.last, sent)] * 8)

        assert {(p.status, p.path) for p in ends} == {SENT}
        assert insider.do(scenes.count_of_visits) == before + 1


# --- The desk --------------------------------------------------------------------


@pytest.mark.parametrize("wants", ["each other's time", "the same third"])
def test_two_colleagues_move_two_visits(
    insider: Crew, desk: list[Colleague], wants: str
):
    code, starts = insider.do(scenes.open_practice, 9)
    for first, second, third in zip(*[iter(starts)] * 3, strict=True):
        visits = [insider.do(scenes.book_now, code, s) for s in (first, second)]
        there = [third, third] if wants == "the same third" else [second, first]
        pages = [
            c.get(f"{VISITS}/{v}/move/") for c, v in zip(desk, visits, strict=True)
        ]

        ends = together(
            [
                partial(c.press, page, "/move/", send="1", start=start)
                for c, page, start in zip(desk, pages, there, strict=True)
            ]
        )

        assert {page.status for page in ends} <= {200, 422}
        moved = [insider.do(scenes.story, visit)[1][-1] == "move" for visit in visits]
        assert sum(moved) == (1 if wants == "the same third" else 0)
        assert told(ends, "No longer free: ") == 2 - sum(moved)
        # Nobody is ever without a time.
        held = [
            insider.do(scenes.at_that_time, code, s) for s in (first, second, third)
        ]
        assert [status for one in held for status in one] == ["booked", "booked"]


def test_a_series_is_booked_whole_or_not_at_all_while_patients_send(
    site: Site, insider: Crew, desk: list[Colleague]
):
    code, starts = insider.do(scenes.open_practice, 3)
    for start in starts:
        visit = insider.do(scenes.book_now, code, start)
        page = desk[0].get(f"{VISITS}/{visit}/series/?count=3&weeks=1")
        later = datetime.fromisoformat(start).astimezone(NEW_YORK) + timedelta(weeks=1)
        patient = Visitor(site.url, code)
        choose(insider, [patient], [f"{later.astimezone(UTC):%Y-%m-%dT%H:%MZ}"])
        patient.read_it_through()
        before = insider.do(scenes.count_of_visits)

        series, sent = together(
            [partial(desk[0].press, page, "/series/"), patient.send]
        )

        got_it = (sent.status, sent.path) == SENT
        whole = "3 visits are booked." in series.words
        assert (got_it, whole) in [(True, False), (False, True)]
        assert insider.do(scenes.count_of_visits) == before + (1 if got_it else 2)


def test_two_colleagues_make_a_series_of_one_visit_and_the_slower_is_told(
    insider: Crew, desk: list[Colleague]
):
    code, starts = insider.do(scenes.open_practice, 3, True, 2, 2)
    for start in starts:
        visit = insider.do(scenes.book_now, code, start)
        pages = [c.get(f"{VISITS}/{visit}/series/?count=3&weeks=1") for c in desk]

        ends = together(
            [
                partial(c.press, page, "/series/")
                for c, page in zip(desk, pages, strict=True)
            ]
        )

        assert [page.status for page in ends] == [200, 200]
        assert told(ends, "3 visits are booked.") == 1
        assert told(ends, "has changed since you opened the page") == 1
        assert insider.do(scenes.story, visit)[1] == ["request", "accept", "extend"]


@pytest.mark.parametrize("clinicians", [2, 3], ids=["crosswise", "the same third"])
def test_two_colleagues_exchange_clinicians_of_two_visits(
    insider: Crew, desk: list[Colleague], clinicians: int
):
    code, starts = insider.do(scenes.open_practice, 3, True, 3, 3)
    _, able = insider.do(scenes.keys_of_practice, code)
    for start in starts:
        visits = [insider.do(scenes.book_now, code, start) for _ in range(2)]
        has = [insider.do(scenes.clinician_at, visit) for visit in visits]
        [third] = set(able) - set(has)
        pages = [
            c.get(f"{VISITS}/{v}/swap/") for c, v in zip(desk, visits, strict=True)
        ]
        wants = has[::-1] if clinicians == 2 else [third, third]

        ends = together(
            [
                partial(c.press, page, "/swap/", swap=f"{gives}-{takes}")
                for c, page, gives, takes in zip(desk, pages, has, wants, strict=True)
            ]
        )

        assert [page.status for page in ends] == [200, 200]
        now = [insider.do(scenes.clinician_at, visit) for visit in visits]
        done = [after != before for after, before in zip(now, has, strict=True)]
        assert sum(done) == (0 if clinicians == 2 else 1)
        assert told(ends, "That one has just been taken.") == 2 - sum(done)


def test_a_patient_cancels_on_one_phone_and_moves_the_visit_on_another(
    site: Site, insider: Crew
):
    code, starts = insider.do(scenes.open_practice, 8)
    for start, other in zip(starts[::2], starts[1::2], strict=True):
        visit = insider.do(scenes.book_now, code, start)
        offer = insider.do(scenes.offer_now, visit, other)
        link = insider.do(scenes.private_path, visit)
        phones = [Patient(site.url, link) for _ in range(2)]
        page = phones[1].get("/appointment/cancellation/")

        moved, cancelled = together(
            [
                partial(phones[0].says, offer),
                partial(phones[1].press, page, "/cancellation/"),
            ]
        )

        status, acts, _ = insider.do(scenes.story, visit)
        # Nobody cancels a time that they have not seen.
        assert moved.status == 200
        assert (status, acts[2:], cancelled.status) in [
            ("booked", ["offer", "take"], 409),
            ("cancelled", ["offer", "cancel"], 200),
        ]
        holding = insider.do(scenes.at_that_time, code, other)
        assert holding == (["booked"] if status == "booked" else [])
        assert insider.do(scenes.at_that_time, code, start) == []


# --- What can be booked ----------------------------------------------------------


def test_patients_send_and_a_colleague_accepts_while_the_day_is_closed(
    site: Site, insider: Crew, desk: list[Colleague], manager: Person
):
    code, starts = insider.do(scenes.open_practice, 4, False)
    holding = insider.do(scenes.holding_the_same, code)
    visit = insider.do(scenes.ask_now, code, starts[0])
    visitors = [Visitor(site.url, holding) for _ in starts[1:]]
    choose(insider, visitors, starts[1:])
    asked, form = desk[0].looks_at(visit), manager.get(f"{CLOSURES}add/")
    for visitor in visitors:
        visitor.read_it_through()

    closed, accepted, *sent = together(
        [
            partial(manager.press, form, f"{CLOSURES}add/", **all_day(starts[0])),
            partial(desk[0].accepts, asked),
            *[visitor.send for visitor in visitors],
        ]
    )

    assert (closed.status, closed.path, accepted.status) == (200, CLOSURES, 200)
    booked = insider.do(scenes.story, visit)[0] == "booked"
    assert ("accepted for" in accepted.words) == booked
    assert {(p.status, p.path) for p in sent} <= {SENT, LOST}
    assert told(sent, "No longer free: ") == sum(p.status == 409 for p in sent)
    assert not any(insider.do(scenes.is_offered, holding, s) for s in starts)
    insider.do(scenes.reopen_all)


@pytest.mark.parametrize("change", ["hours", "turned off", "deleted"])
def test_patients_send_while_a_resource_is_changed(
    site: Site, insider: Crew, manager: Person, change: str
):
    for _ in range(2):
        code, starts = insider.do(scenes.open_practice, 3)
        room, [clinician] = insider.do(scenes.keys_of_practice, code)
        visitors = [Visitor(site.url, code) for _ in starts]
        choose(insider, visitors, starts)
        if change == "deleted":
            there = f"{RESOURCES}/{room}/delete/"
            changed: dict[str, Any] = {}
        else:
            there = f"{RESOURCES}/{clinician}/change/"
            days = {f"hours-{n}-valid_until": "2020-01-01" for n in range(5)}
            changed = days if change == "hours" else {"is_active": None}
        form = manager.get(there)
        for visitor in visitors:
            visitor.read_it_through()

        saved, *sent = together(
            [
                partial(manager.press, form, there, **changed),
                *[visitor.send for visitor in visitors],
            ]
        )

        # Who asked in time has it; to all others it is not offered any more.
        assert {(p.status, p.path) for p in sent} <= {SENT, LOST}
        assert told(sent, "No longer free: ") == sum(p.status == 409 for p in sent)
        assert saved.status == 200
        if change != "deleted":
            assert saved.path == f"{RESOURCES}/"
            assert not any(insider.do(scenes.is_offered, code, s) for s in starts)
