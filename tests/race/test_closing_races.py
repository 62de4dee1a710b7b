"""A closed day is undone at the moment at which its patients are told."""

from datetime import timedelta

import pytest

from tests.factories import NOW, TUESDAY, at

from . import scenes
from .crew import Crew, codes

ROUNDS = 8
DUE = NOW + timedelta(minutes=10)


def a_plan(crew: Crew) -> int:
    """Let each round close one visit of a practice of its own."""
    visit_type = crew.do(scenes.practice)
    visit = crew.do(scenes.book, visit_type, at("10:00", TUESDAY))
    return crew.do(scenes.close_a_day, visit, crew.do(scenes.colleague))


@pytest.mark.usefixtures("no_faults_afterwards")
def test_it_is_undone_or_told_and_never_both(crew: Crew):
    user = crew.do(scenes.colleague)
    for _ in range(ROUNDS):
        plan = a_plan(crew)

        *told, undone = crew.race(
            [(scenes.tell, (DUE,))] * 2 + [(scenes.undo, (plan, user))]
        )

        codes([*told, undone])
        assert [outcome.code for outcome in told] == ["done", "done"]
        assert (undone.code, *crew.do(scenes.came_of, plan)) in [
            ("done", ["undone"], ["booked"], False),
            ("told_already", ["done"], ["proposed"], True),
        ]


@pytest.mark.usefixtures("no_faults_afterwards")
def test_two_colleagues_close_the_same_time_and_one_plan_has_the_visit(crew: Crew):
    visit_type = crew.do(scenes.practice)
    visit = crew.do(scenes.book, visit_type, at("10:00", TUESDAY))
    users = [crew.do(scenes.colleague) for _ in range(4)]

    outcomes = crew.race([(scenes.close_a_day, (visit, user)) for user in users])

    found = codes(outcomes)
    assert set(found) <= {"done", "changed_meanwhile"}
    rows = [crew.do(scenes.came_of, o.value)[0] for o in outcomes if o.code == "done"]
    assert sorted(rows).count(["waiting"]) == 1


def test_without_the_lock_patients_are_told_of_what_was_undone(crew: Crew):
    """The control: the same at the same moment, with nothing held in between."""
    both = 0
    for _ in range(ROUNDS):
        plan = a_plan(crew)
        crew.race([(scenes.tell, (DUE,)), (scenes.undo_without_the_lock, (plan,))])
        both += crew.do(scenes.came_of, plan)[:2] == (["undone"], ["proposed"])

    assert both > 0, "the race shows nothing, so it proves nothing"
