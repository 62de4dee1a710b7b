"""The database is busy, or two acts wait for each other."""

from tests.factories import at

from . import scenes
from .crew import Crew


def test_a_short_wait_is_waited_out(crew: Crew):
    visit_type = crew.do(scenes.practice)

    _, asked = crew.race(
        [
            (scenes.keep_locked, (0.3,)),
            (scenes.ask_with_little_patience, (visit_type, at("10:00"), 0.1)),
        ]
    )

    assert asked.code == "done"
    assert crew.do(scenes.story, asked.value)[0] == "pending"


def test_who_cannot_wait_longer_is_told_to_try_again_and_then_can(crew: Crew):
    visit_type = crew.do(scenes.practice)
    before = crew.do(scenes.count_of_visits)

    _, asked = crew.race(
        [
            (scenes.keep_locked, (2.0,)),
            (scenes.ask_with_little_patience, (visit_type, at("10:00"), 0.1)),
        ]
    )
    after = crew.do(scenes.count_of_visits)
    again = crew.do(scenes.ask, visit_type, at("10:00"))

    assert (asked.code, after) == ("try_again", before)
    assert crew.do(scenes.story, again)[0] == "pending"


def test_two_acts_that_wait_for_each_other_both_get_through(crew: Crew):
    order = crew.do(scenes.resources_of, crew.do(scenes.practice))

    outcomes = crew.race(
        [
            (scenes.lock_one_by_one, (order,)),
            (scenes.lock_one_by_one, (order[::-1],)),
        ]
    )

    assert [outcome.code for outcome in outcomes] == ["done", "done"]
