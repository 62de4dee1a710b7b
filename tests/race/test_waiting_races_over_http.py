"""Offers and places on the list, through pages and links, wanted at the same moment."""

import re
import time
from collections.abc import Callable, Iterable
from functools import partial

import pytest

from tests.servers import Site

from . import scenes
from .crew import Crew, codes
from .visitors import Colleague, Page, Patient, Visitor, together

pytestmark = pytest.mark.usefixtures("site_is_sound_afterwards")

ROUNDS = 5
CONFIRMED = "Your appointment is confirmed"
NOT_OFFERED = "This time is no longer offered to you. Please look again."
JUST_GONE = "This time has just gone. We are sorry."
FASTER = "Somebody was faster."
CHANGED = "This has changed since you opened the page."


@pytest.fixture
def open_link(site: Site, insider: Crew) -> Callable[[int], Patient]:
    """Return what opens the private link of a visit on a phone."""
    return lambda visit: Patient(site.url, insider.do(scenes.private_path, visit))


def with_words(pages: Iterable[Page], *words: str) -> int:
    """Count the pages that say any of these."""
    return sum(any(said in page.words for said in words) for page in pages)


# --- What is offered -------------------------------------------------------------


def test_a_patient_takes_what_a_colleague_takes_back(
    insider: Crew, desk: list[Colleague], open_link: Callable[[int], Patient]
):
    code, starts = insider.do(scenes.open_practice, ROUNDS)
    for start in starts:
        visit = insider.do(scenes.join_now, code)
        offer = insider.do(scenes.offer_now, visit, start)
        patient, page = open_link(visit), desk[0].looks_at(visit)

        took, retracted = together(
            [
                partial(patient.says, offer),
                partial(desk[0].press, page, "/offer/", retract="1"),
            ]
        )

        assert (took.status, retracted.status) == (200, 200)
        status, acts, said = insider.do(scenes.story, visit)
        if status == "booked":
            assert acts == ["join", "offer", "take"]
            assert said == ["on_list", "offered", "confirmed"]
            assert (CONFIRMED in took.words, FASTER in retracted.words) == (True, True)
        else:
            assert (status, acts) == ("waitlist", ["join", "offer", "retract"])
            assert said == ["on_list", "offered", "offer_ended"]
            assert NOT_OFFERED in took.words
            assert "the offer is taken back." in retracted.words


def test_a_patient_takes_an_offer_in_the_moment_in_which_it_ends(
    insider: Crew, open_link: Callable[[int], Patient]
):
    code, starts = insider.do(scenes.open_practice, 8)
    for number, start in enumerate(starts):
        visit = insider.do(scenes.join_now, code)
        offer = insider.do(scenes.offer_now, visit, start)
        patient = open_link(visit)
        # From before the answer arrives to long after it.
        insider.do(scenes.let_the_offer_end, visit, 0.03 * number)

        took, lapsed = together(
            [
                partial(patient.says, offer),
                partial(insider.race, [(scenes.lapse_now, (visit,))] * 2),
            ]
        )

        assert took.status == 200
        assert codes(lapsed) == {"done": 2}
        insider.do(scenes.lapse_in_a_minute, visit)
        status, acts, said = insider.do(scenes.story, visit)
        if CONFIRMED in took.words:
            assert (status, acts) == ("booked", ["join", "offer", "take"])
        else:
            assert NOT_OFFERED in took.words
            assert (status, acts) == ("waitlist", ["join", "offer", "lapse"])
        assert len(said) == 3


def test_of_six_who_were_offered_one_time_one_gets_it(
    insider: Crew, open_link: Callable[[int], Patient]
):
    code, starts = insider.do(scenes.open_practice, 3)
    for start in starts:
        visits = [insider.do(scenes.join_now, code) for _ in range(6)]
        offers = [insider.do(scenes.offer_now, v, start, False) for v in visits]
        patients = [open_link(visit) for visit in visits]

        ends = together(
            [partial(p.says, o) for p, o in zip(patients, offers, strict=True)]
        )

        assert with_words(ends, CONFIRMED) == 1
        assert with_words(ends, NOT_OFFERED, JUST_GONE) == 5
        assert {page.status for page in ends} <= {200, 409}
        stories = [insider.do(scenes.story, visit) for visit in visits]
        statuses = sorted(status for status, _, _ in stories)
        assert statuses == ["booked"] + ["waitlist"] * 5
        # Each of the others is told once that it went.
        lost = [said for status, _, said in stories if status == "waitlist"]
        assert lost == [["on_list", "offered", "offer_ended"]] * 5


@pytest.mark.parametrize("answer", ["the time", "none"])
def test_an_answer_sent_twice_is_one_answer(
    insider: Crew, open_link: Callable[[int], Patient], answer: str
):
    code, starts = insider.do(scenes.open_practice, 3)
    for start in starts:
        visit = insider.do(scenes.join_now, code)
        offer = insider.do(scenes.offer_now, visit, start)
        patient = open_link(visit)
        chosen = offer if answer == "the time" else answer

        ends = together([partial(patient.says, chosen)] * 2)

        assert {(p.status, p.path) for p in ends} == {(200, "/appointment/")}
        acts = {
            "the time": ["join", "offer", "take"],
            "none": ["join", "offer", "pass"],
        }
        assert insider.do(scenes.story, visit)[1] == acts[answer]
        assert with_words(ends, NOT_OFFERED, JUST_GONE) == 0


def test_a_patient_says_yes_on_one_phone_and_no_on_another(
    insider: Crew, open_link: Callable[[int], Patient]
):
    code, starts = insider.do(scenes.open_practice, ROUNDS)
    for start in starts:
        visit = insider.do(scenes.join_now, code)
        offer = insider.do(scenes.offer_now, visit, start)
        phones = [open_link(visit) for _ in range(2)]

        yes, no = together(
            [partial(phones[0].says, offer), partial(phones[1].says, "none")]
        )

        assert (yes.status, no.status) == (200, 200)
        status, acts, _ = insider.do(scenes.story, visit)
        late = no if status == "booked" else yes
        assert NOT_OFFERED in late.words
        assert (status, acts) in [
            ("booked", ["join", "offer", "take"]),
            ("waitlist", ["join", "offer", "pass"]),
        ]


# --- Who offers ------------------------------------------------------------------


def offering(colleague: Colleague, visit: int, start: str) -> Callable[[], Page]:
    """Open the page on which times are offered; return what sends it with one."""
    page = colleague.get(f"/admin/booking/appointment/{visit}/propose/")
    return partial(
        colleague.press, page, "/propose/", starts=[start], hours="24", send=""
    )


def test_two_colleagues_offer_times_for_one_request_and_the_slower_is_told(
    insider: Crew, desk: list[Colleague]
):
    code, starts = insider.do(scenes.open_practice, 3 * ROUNDS)
    for asked, *others in zip(*[iter(starts)] * 3, strict=True):
        visit = insider.do(scenes.ask_now, code, asked)

        ends = together(
            [offering(c, visit, o) for c, o in zip(desk, others, strict=True)]
        )

        assert [page.status for page in ends] == [200, 200]
        assert with_words(ends, "offered, and kept until") == 1
        assert with_words(ends, FASTER) == 1
        assert insider.do(scenes.story, visit) == (
            "proposed",
            ["request", "offer"],
            ["received", "offered"],
        )
        held = [insider.do(scenes.at_that_time, code, start) for start in others]
        assert sorted(held) == [[], ["proposed"]]


def test_a_colleague_offers_the_time_for_which_a_patient_sends(
    site: Site, insider: Crew, desk: list[Colleague]
):
    code, starts = insider.do(scenes.open_practice, 6)
    visitor = Visitor(site.url, code)
    for asked, start in zip(starts[::2], starts[1::2], strict=True):
        visit = insider.do(scenes.ask_now, code, asked)
        visitor.choose(start)
        insider.do(scenes.let_holds_lapse)
        offers = offering(desk[0], visit, start)
        visitor.read_it_through()

        sent, offered = together([visitor.send, offers])

        assert offered.status == 200
        if sent.status == 200:
            holder = "pending"
            assert "No longer free: " in offered.words
        else:
            holder = "proposed"
            assert (sent.status, "No longer free: " in sent.words) == (409, True)
            assert "offered, and kept until" in offered.words
        assert insider.do(scenes.at_that_time, code, start) == [holder]


def test_a_patient_leaves_the_list_while_a_worker_offers(
    insider: Crew, open_link: Callable[[int], Patient]
):
    code, starts = insider.do(scenes.open_practice, ROUNDS)
    for start in starts:
        visit = insider.do(scenes.join_now, code)
        patient = open_link(visit)
        page = patient.get("/appointment/leaving/")

        left, [offered] = together(
            [
                partial(patient.press, page, "/leaving/"),
                partial(insider.race, [(scenes.offer_now, (visit, start))]),
            ]
        )

        # Nobody gives up a time that they have not seen.
        status, acts, _ = insider.do(scenes.story, visit)
        assert (left.status, CHANGED in left.words, offered.code, status, acts) in [
            (200, False, "not_possible_now", "cancelled", ["join", "leave"]),
            (409, True, "done", "proposed", ["join", "offer"]),
        ]


# --- Joining ---------------------------------------------------------------------


def test_joining_sent_eight_times_at_once_is_one_place(site: Site, insider: Crew):
    code, _ = insider.do(scenes.open_practice, 1)
    for _ in range(2):
        before = insider.do(scenes.count_of_visits)
        visitor = Visitor(site.url, code)
        visitor.come_to("/book/times/")
        page = visitor.get("/book/waiting-list/")
        visitor.go_on(visitor.press(page, "/waiting-list/"), "")
        visitor.read_it_through()

        sent = visitor.what_the_page_showed()
        ends = together([partial(visitor.post, visitor.last, sent)] * 8)

        assert {(p.status, p.path) for p in ends} == {(200, "/book/sent/")}
        assert insider.do(scenes.count_of_visits) == before + 1


def test_wanting_an_earlier_time_sent_twice_is_one_wish(
    insider: Crew, open_link: Callable[[int], Patient]
):
    code, starts = insider.do(scenes.open_practice, 3)
    for start in starts:
        visit = insider.do(scenes.book_now, code, start)
        patient = open_link(visit)
        page = patient.get("/appointment/earlier/")

        ends = together([partial(patient.press, page, "/earlier/")] * 2)

        assert {(p.status, p.path) for p in ends} == {(200, "/appointment/")}
        assert insider.do(scenes.story, visit)[1] == [
            "request",
            "accept",
            "want_earlier",
        ]


# --- Several workers -------------------------------------------------------------


def until(is_so: Callable[[], bool]) -> None:
    """Wait for the workers, who look for work each second or two."""
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_two_workers_offer_and_send_once_while_patients_take_what_they_offer(
    site: Site, insider: Crew, open_link: Callable[[int], Patient]
):
    insider.do(scenes.let_there_be_no_quiet_hours)
    code, _ = insider.do(scenes.open_practice, 1)
    visits = [insider.do(scenes.join_now, code) for _ in range(4)]

    def are_offered() -> bool:
        insider.do(scenes.let_all_workers_look)
        return all(insider.do(scenes.offers_to, visit) for visit in visits)

    def is_all_sent() -> bool:
        insider.do(scenes.let_all_workers_look)
        return insider.do(scenes.count_of_mail_owed) == 0

    with site.worker(), site.worker():
        until(are_offered)
        offers = [insider.do(scenes.offers_to, visit) for visit in visits]
        patients = [open_link(visit) for visit in visits]
        insider.do(scenes.let_all_workers_look)
        ends = together(
            [partial(p.says, o) for p, [o] in zip(patients, offers, strict=True)]
        )
        until(is_all_sent)

    assert with_words(ends, CONFIRMED) == 4
    for visit in visits:
        assert insider.do(scenes.story, visit) == (
            "booked",
            ["join", "offer", "take"],
            ["on_list", "offered", "confirmed"],
        )
    mail = "".join(file.read_text() for file in (site.folder / "mail").iterdir())
    sent = re.findall(r"(?m)^Message-ID: (.+)$", mail)
    assert len(sent) == len(set(sent)) >= 3 * len(visits)
