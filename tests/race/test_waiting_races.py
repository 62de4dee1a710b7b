"""Offers and places on the waiting list, wanted by several at the same moment.

Each race ends with the integrity check of all that happened in this file so far.
"""

from collections import Counter
from datetime import timedelta

import pytest

from tests.factories import NOW, at

from . import scenes
from .crew import Crew, codes
from .scenes import starts, weekdays

pytestmark = pytest.mark.usefixtures("no_faults_afterwards")

ROUNDS = 15
# When an offer of `scenes.offer` ends.
EXPIRES = NOW + timedelta(hours=2)


def test_a_patient_takes_what_a_colleague_takes_back(crew: Crew):
    visit_type = crew.do(scenes.practice)
    user = crew.do(scenes.colleague)

    for day in weekdays(ROUNDS):
        visit = crew.do(scenes.join, visit_type, day)
        offer = crew.do(scenes.offer, visit, at("10:00", day))
        took, retracted = crew.race(
            [(scenes.take, (visit, offer)), (scenes.retract, (visit, user))]
        )

        codes([took, retracted])
        status, acts, said = crew.do(scenes.story, visit)
        assert (took.code, retracted.code, status, acts, said) in [
            (
                "done", "offer_ended", "booked", ["join", "offer", "take"],
                ["on_list", "offered", "confirmed"],
            ),
            (
                "offer_ended", "done", "waitlist", ["join", "offer", "retract"],
                ["on_list", "offered", "offer_ended"],
            ),
        ]  # fmt: skip


def test_a_patient_takes_an_offer_in_the_moment_in_which_it_ends(crew: Crew):
    visit_type = crew.do(scenes.practice)

    for day in weekdays(ROUNDS):
        visit = crew.do(scenes.join, visit_type, day)
        offer = crew.do(scenes.offer, visit, at("10:00", day))
        just_in_time = EXPIRES - timedelta(seconds=1)
        took, *lapsed = crew.race(
            [
                (scenes.take, (visit, offer, just_in_time)),
                (scenes.lapse, (visit, EXPIRES)),
                (scenes.lapse, (visit, EXPIRES)),
            ]
        )

        codes([took, *lapsed])
        assert [outcome.code for outcome in lapsed] == ["done", "done"]
        status, acts, _ = crew.do(scenes.story, visit)
        assert (took.code, status, acts) in [
            ("done", "booked", ["join", "offer", "take"]),
            ("offer_ended", "waitlist", ["join", "offer", "lapse"]),
        ]


def test_of_eight_who_were_offered_one_time_one_gets_it(crew: Crew):
    visit_type = crew.do(scenes.practice)

    for day in weekdays(10):
        start = at("10:00", day)
        visits = [crew.do(scenes.join, visit_type, day) for _ in range(8)]
        offers = [crew.do(scenes.offer, visit, start, False) for visit in visits]
        outcomes = crew.race(
            [(scenes.take, pair) for pair in zip(visits, offers, strict=True)]
        )

        found = codes(outcomes)
        assert found["done"] == 1
        assert set(found) <= {"done", "offer_ended", "time_taken"}
        ends = [crew.do(scenes.story, visit) for visit in visits]
        assert sorted(status for status, _, _ in ends) == ["booked"] + ["waitlist"] * 7
        # Each of the others is told once that it went.
        assert all(
            said[-1] == "offer_ended" and said.count("offer_ended") == 1
            for status, _, said in ends
            if status == "waitlist"
        )


def test_four_workers_offer_a_free_time_once(crew: Crew):
    for day in weekdays(5):
        visit_type = crew.do(scenes.practice)
        visits = [crew.do(scenes.join, visit_type, day) for _ in range(3)]

        outcomes = crew.race([(scenes.offer_what_is_free, ())] * 4)

        # They have the whole list to look through, and nobody waits for them.
        assert [outcome.code for outcome in outcomes] == ["done"] * 4
        for visit in visits:
            status, acts, said = crew.do(scenes.story, visit)
            assert (status, acts) == ("proposed", ["join", "offer"])
            assert said == ["on_list", "offered"]


def test_two_workers_offer_and_two_send_and_each_mail_goes_once(crew: Crew):
    crew.do(scenes.send_what_is_owed)  # to those of the races before
    for day in weekdays(5):
        visit_type = crew.do(scenes.practice)
        visits = [crew.do(scenes.join, visit_type, day) for _ in range(3)]

        outcomes = crew.race(
            [(scenes.offer_what_is_free, ()), (scenes.send_what_is_owed, ())] * 2
        )

        assert codes(outcomes) == {"done": 4}
        sent = outcomes[1].value + outcomes[3].value + crew.do(scenes.send_what_is_owed)
        assert len(sent) == len(set(sent))
        fates = [fate for visit in visits for fate in crew.do(scenes.mail_of, visit)]
        assert {message for message, _, fate in fates if fate == "sent"} == set(sent)
        ends = Counter((kind, fate) for _, kind, fate in fates)
        assert ends["offered", "sent"] == ends.total() - len(visits) == len(visits)
        # Who is offered a time first is not told afterwards of a place on the list.
        assert ends["on_list", "sent"] + ends["on_list", "overtaken"] == len(visits)


def test_two_colleagues_exchange_two_clinicians_crosswise(crew: Crew):
    visit_type = crew.do(scenes.practice, 2, 2)
    desk = [crew.do(scenes.colleague) for _ in range(2)]

    for start in starts(ROUNDS):
        visits = [crew.do(scenes.ask, visit_type, start) for _ in range(2)]
        for visit in visits:
            crew.do(scenes.accept, visit, desk[0])
        one, other = [crew.do(scenes.clinician_at, visit) for visit in visits]
        outcomes = crew.race(
            [
                (scenes.swap, (visits[0], one, other, desk[0])),
                (scenes.swap, (visits[1], other, one, desk[1])),
            ]
        )

        # Each wants what the other has, and neither gives it up first.
        assert sum(codes(outcomes).values()) == 2
        assert all(outcome.code == "resource_taken" for outcome in outcomes)
        held = [crew.do(scenes.clinician_at, visit) for visit in visits]
        assert held == [one, other]


def test_two_colleagues_want_the_same_clinician_for_two_visits(crew: Crew):
    visit_type = crew.do(scenes.practice, 3, 3)
    desk = [crew.do(scenes.colleague) for _ in range(2)]

    for start in starts(ROUNDS):
        visits = [crew.do(scenes.ask, visit_type, start) for _ in range(2)]
        for visit in visits:
            crew.do(scenes.accept, visit, desk[0])
        has = [crew.do(scenes.clinician_at, visit) for visit in visits]
        [third] = set(crew.do(scenes.clinicians_of, visit_type)) - set(has)
        outcomes = crew.race(
            [
                (scenes.swap, (visit, gives, third, user))
                for visit, gives, user in zip(visits, has, desk, strict=True)
            ]
        )

        assert codes(outcomes) == {"done": 1, "resource_taken": 1}
