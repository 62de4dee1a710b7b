"""Clients that want the same thing at the same moment. Nothing is double-booked.

Each race ends with the integrity check of all that happened in this file so far.
"""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import cycle, islice

import pytest

from tests.factories import TUESDAY, at

from . import scenes
from .crew import CLIENTS, Crew, codes
from .scenes import starts, weekdays

pytestmark = pytest.mark.usefixtures("no_faults_afterwards")


# --- One time, many patients -----------------------------------------------------


def test_of_32_patients_who_want_one_time_one_gets_it(crew: Crew):
    visit_type = crew.do(scenes.practice)

    for start in starts(30):
        outcomes = crew.race([(scenes.ask, (visit_type, start))] * CLIENTS)

        assert codes(outcomes) == {"done": 1, "time_taken": CLIENTS - 1}


def test_of_32_patients_who_want_eight_times_eight_get_one(crew: Crew):
    visit_type = crew.do(scenes.practice)

    for day in weekdays(10):
        times = [at(f"{hour:02}:00", day) for hour in range(9, 17)]
        wanted = [(scenes.ask, (visit_type, start)) for start in times * 4]
        outcomes = crew.race(wanted)

        assert codes(outcomes) == {"done": 8, "time_taken": 24}
        got = [n % 8 for n, outcome in enumerate(outcomes) if outcome.code == "done"]
        assert sorted(got) == list(range(8))


@pytest.mark.parametrize("how", [scenes.hold, scenes.go_on])
def test_of_32_patients_who_choose_one_time_one_holds_it(
    crew: Crew, how: Callable[[int, datetime], None]
):
    visit_type = crew.do(scenes.practice)

    for start in starts(5):
        outcomes = crew.race([(how, (visit_type, start))] * CLIENTS)

        assert codes(outcomes) == {"done": 1, "time_taken": CLIENTS - 1}


def test_with_any_of_three_clinicians_three_of_eight_patients_get_the_time(crew: Crew):
    visit_type = crew.do(scenes.practice, 3, 3)

    for start in starts(10):
        outcomes = crew.race([(scenes.ask, (visit_type, start))] * 8)

        assert codes(outcomes) == {"done": 3, "time_taken": 5}


def test_taking_the_same_two_things_in_opposite_orders_blocks_nobody(crew: Crew):
    visit_type = crew.do(scenes.practice)
    either = [visit_type, crew.do(scenes.taking_the_same, visit_type)]

    for start in starts(10):
        tasks = [(scenes.ask, (one, start)) for one in islice(cycle(either), 16)]

        assert codes(crew.race(tasks)) == {"done": 1, "time_taken": 15}


# --- Asked twice -----------------------------------------------------------------


def test_a_form_sent_eight_times_at_once_is_one_request(crew: Crew):
    visit_type = crew.do(scenes.practice)
    before = crew.do(scenes.count_of_visits)

    for number, start in enumerate(starts(10), start=1):
        outcomes = crew.race([(scenes.ask, (visit_type, start, uuid.uuid4()))] * 8)

        assert codes(outcomes) == {"done": 8}
        assert len({outcome.value for outcome in outcomes}) == 1
        assert crew.do(scenes.count_of_visits) == before + number


def test_one_patient_with_two_tabs_gets_the_time_once(crew: Crew):
    """Two forms have two keys: nothing but the time itself tells that they clash."""
    visit_type = crew.do(scenes.practice)

    for start in starts(15):
        outcomes = crew.race([(scenes.ask, (visit_type, start))] * 2)

        assert codes(outcomes) == {"done": 1, "time_taken": 1}


def test_a_form_sent_at_once_for_two_kinds_of_visit_is_one_request(crew: Crew):
    either = [crew.do(scenes.practice) for _ in range(2)]

    for start in starts(10):
        key = uuid.uuid4()
        tasks = [(scenes.ask, (one, start, key)) for one in either]

        assert codes(crew.race(tasks)) == {"done": 1, "different_request": 1}


def test_a_closure_sent_eight_times_at_once_is_made_once(crew: Crew):
    crew.do(scenes.practice)
    before = crew.do(scenes.count_of_closures)

    for day in weekdays(5):
        outcomes = crew.race([(scenes.close_day, (day, uuid.uuid4()))] * 8)

        assert codes(outcomes) == {"done": 8}
        assert len({outcome.value for outcome in outcomes}) == 1
        assert crew.do(scenes.count_of_closures) == before + 1
        crew.do(scenes.reopen, outcomes[0].value)


def test_two_colleagues_accept_one_request_and_the_slower_is_told(crew: Crew):
    visit_type = crew.do(scenes.practice)
    desk = [crew.do(scenes.colleague) for _ in range(2)]

    for start in starts(15):
        visit = crew.do(scenes.ask, visit_type, start)
        outcomes = crew.race([(scenes.accept, (visit, user)) for user in desk])

        assert codes(outcomes) == {"done": 1, "already_answered": 1}
        assert crew.do(scenes.story, visit) == (
            "booked",
            ["request", "accept"],
            ["received", "confirmed"],
        )


def test_a_double_click_on_accept_is_one_acceptance(crew: Crew):
    visit_type = crew.do(scenes.practice)
    user = crew.do(scenes.colleague)

    for start in starts(10):
        visit = crew.do(scenes.ask, visit_type, start)
        outcomes = crew.race([(scenes.accept, (visit, user))] * 2)

        assert codes(outcomes) == {"done": 2}
        assert crew.do(scenes.story, visit)[1] == ["request", "accept"]


def test_a_double_click_on_cancel_is_one_cancellation(crew: Crew):
    visit_type = crew.do(scenes.practice)
    user = crew.do(scenes.colleague)

    for start in starts(10):
        visit = crew.do(scenes.ask, visit_type, start)
        crew.do(scenes.accept, visit, user)
        outcomes = crew.race([(scenes.cancel, (visit,))] * 2)

        assert codes(outcomes) == {"done": 2}
        assert crew.do(scenes.story, visit) == (
            "cancelled",
            ["request", "accept", "cancel"],
            ["received", "confirmed", "cancelled"],
        )


def weekly(hour: int, count: int = 4) -> list[datetime]:
    return [at(f"{hour:02}:00", TUESDAY + timedelta(weeks=n)) for n in range(count)]


def test_a_series_sent_eight_times_at_once_is_booked_once(crew: Crew):
    visit_type = crew.do(scenes.practice)
    user = crew.do(scenes.colleague)
    before = crew.do(scenes.count_of_visits)

    for number, hour in enumerate(range(9, 17), start=1):
        visit = crew.do(scenes.ask, visit_type, weekly(hour)[0])
        task = (scenes.book_series, (visit, weekly(hour), user, 1, uuid.uuid4()))
        outcomes = crew.race([task] * 8)

        assert codes(outcomes) == {"done": 8}
        assert len({tuple(outcome.value) for outcome in outcomes}) == 1
        assert crew.do(scenes.count_of_visits) == before + 4 * number


# --- The front desk against patients and itself ----------------------------------


def test_two_colleagues_accept_two_requests_for_one_time_and_one_is_refused(crew: Crew):
    visit_type = crew.do(scenes.practice, 1, 1, False)
    desk = [crew.do(scenes.colleague) for _ in range(2)]

    for start in starts(15):
        visits = [crew.do(scenes.ask, visit_type, start) for _ in desk]
        outcomes = crew.race(
            [(scenes.accept, pair) for pair in zip(visits, desk, strict=True)]
        )

        assert codes(outcomes) == {"done": 1, "time_taken": 1}
        stories = sorted(crew.do(scenes.story, visit)[0] for visit in visits)
        assert stories == ["booked", "pending"]


def test_two_colleagues_make_a_series_of_one_visit_and_the_slower_is_told(crew: Crew):
    visit_type = crew.do(scenes.practice, 2, 2)
    desk = [crew.do(scenes.colleague) for _ in range(2)]

    for hour in range(9, 17):
        visit = crew.do(scenes.ask, visit_type, weekly(hour)[0])
        crew.do(scenes.accept, visit, desk[0])
        outcomes = crew.race(
            [
                (scenes.book_series, (visit, weekly(hour), user, 2, uuid.uuid4()))
                for user in desk
            ]
        )

        assert codes(outcomes) == {"done": 1, "changed_meanwhile": 1}
        assert crew.do(scenes.story, visit)[1] == ["request", "accept", "extend"]


def test_a_series_is_booked_whole_or_not_at_all_while_patients_ask(crew: Crew):
    """Each week of the series has a patient who wants that time at the same moment."""
    visit_type = crew.do(scenes.practice)
    user = crew.do(scenes.colleague)

    for hour in range(9, 17):
        first, *others = weekly(hour)
        visit = crew.do(scenes.ask, visit_type, first)
        before = crew.do(scenes.count_of_visits)
        task = (scenes.book_series, (visit, weekly(hour), user, 1, uuid.uuid4()))
        series, *asked = crew.race(
            [task, *((scenes.ask, (visit_type, start)) for start in others)]
        )

        codes([series, *asked])
        got_it = [outcome.code for outcome in asked].count("done")
        if series.code == "done":
            assert got_it == 0
        else:
            assert series.code == "series_clash"
            assert got_it > 0
        new = 3 if series.code == "done" else got_it
        assert crew.do(scenes.count_of_visits) == before + new


def test_of_eight_visits_moved_to_one_time_one_gets_it_and_none_loses_its_own(
    crew: Crew,
):
    visit_type = crew.do(scenes.practice)
    user = crew.do(scenes.colleague)

    for day in weekdays(5):
        own = [at(f"{hour:02}:00", day) for hour in range(9, 17)]
        visits = [crew.do(scenes.book, visit_type, start) for start in own]
        wanted = at("16:30", day)

        outcomes = crew.race([(scenes.move, (visit, wanted, user)) for visit in visits])

        assert codes(outcomes) == {"done": 1, "time_taken": 7}
        moved = [outcome.code == "done" for outcome in outcomes]
        now = [crew.do(scenes.start_of, visit) for visit in visits]
        assert now == [
            wanted if went else before for went, before in zip(moved, own, strict=True)
        ]


def test_a_patient_withdraws_while_a_colleague_accepts(crew: Crew):
    visit_type = crew.do(scenes.practice)
    user = crew.do(scenes.colleague)

    for start in starts(15):
        visit = crew.do(scenes.ask, visit_type, start)
        accepted, cancelled = crew.race(
            [(scenes.accept, (visit, user)), (scenes.cancel, (visit,))]
        )

        assert cancelled.code == "done"
        acts = {
            "done": ["request", "accept", "cancel"],
            "not_possible_now": ["request", "withdraw"],
        }
        status, story, _ = crew.do(scenes.story, visit)
        assert (status, story) == ("cancelled", acts[accepted.code])


def test_patients_ask_and_a_colleague_accepts_while_another_closes_the_day(crew: Crew):
    visit_type = crew.do(scenes.practice, 1, 1, False)
    holding = crew.do(scenes.taking_the_same, visit_type)
    user = crew.do(scenes.colleague)
    hours = [f"{hour}:00" for hour in range(11, 15)]

    for day in weekdays(10):
        wanted = [at(hour, day) for hour in hours]
        visits = [crew.do(scenes.ask, visit_type, start) for start in wanted]
        answers = crew.race(
            [(scenes.close_day, (day,))]
            + [(scenes.accept, (visit, user)) for visit in visits]
            + [
                (scenes.ask, (holding, start + timedelta(minutes=30)))
                for start in wanted
            ]
        )

        assert set(codes(answers)) <= {"done", "time_not_offered"}
        assert answers[0].code == "done"
        accepted = [answer.code == "done" for answer in answers[1:5]]
        booked = [crew.do(scenes.story, visit)[0] == "booked" for visit in visits]
        assert booked == accepted
        assert crew.do(scenes.bookable_on, holding, day) == 0
        assert crew.do(scenes.holds_on, day) == 0
        crew.do(scenes.reopen, answers[0].value)


@pytest.mark.parametrize(
    ("takes_away", "brings_back"),
    [
        (scenes.send_the_clinician_home, scenes.bring_the_clinician_back),
        (scenes.take_the_clinician_away, scenes.give_the_clinician_back),
    ],
    ids=["hours", "resource"],
)
def test_patients_ask_while_staff_change_who_is_there(
    crew: Crew, takes_away: Callable[..., None], brings_back: Callable[..., None]
):
    visit_type = crew.do(scenes.practice)
    hours = [f"{hour}:00" for hour in range(10, 16)]

    for day in weekdays(10):
        more = (day,) if takes_away is scenes.send_the_clinician_home else ()
        staff, *patients = crew.race(
            [(takes_away, (visit_type, *more))]
            + [(scenes.ask, (visit_type, at(hour, day))) for hour in hours]
        )

        # Who asked in time has it; to all others it is not offered any more.
        assert codes([staff]) == {"done": 1}
        assert set(codes(patients)) <= {"done", "time_not_offered"}
        assert crew.do(scenes.bookable_on, visit_type, day) == 0
        crew.do(brings_back, visit_type)


# --- Another time ----------------------------------------------------------------


def test_a_change_is_granted_or_its_time_is_somebody_elses(crew: Crew):
    visit_type = crew.do(scenes.practice, 1, 1, False)
    user = crew.do(scenes.colleague)
    times = starts(20)

    for own, wanted in zip(times[::2], times[1::2], strict=True):
        visit = crew.do(scenes.book, visit_type, own)
        crew.do(scenes.wish_for, visit, wanted)
        outcomes = crew.race(
            [(scenes.grant, (visit, user)), (scenes.book, (visit_type, wanted))]
        )

        assert codes(outcomes) == {"done": 1, "time_taken": 1}
        moved = outcomes[0].code == "done"
        assert crew.do(scenes.start_of, visit) == (wanted if moved else own)


def test_a_change_is_granted_before_the_patient_cancels_or_not_at_all(crew: Crew):
    visit_type = crew.do(scenes.practice)
    user = crew.do(scenes.colleague)
    times = starts(20)

    for own, wanted in zip(times[::2], times[1::2], strict=True):
        visit = crew.do(scenes.book, visit_type, own)
        crew.do(scenes.wish_for, visit, wanted)
        granted, cancelled = crew.race(
            [(scenes.grant, (visit, user)), (scenes.cancel, (visit,))]
        )

        assert cancelled.code == "done"
        assert granted.code in ("done", "not_possible_now", "already_answered")
        status, acts, _told = crew.do(scenes.story, visit)
        assert status == "cancelled"
        assert ("change" in acts) == (granted.code == "done")
