"""The control: without lock and guard, these same clients do double-book.

A race that cannot fail proves nothing.
"""

from datetime import timedelta

from tests.factories import TUESDAY, at

from . import scenes
from .crew import CLIENTS, Crew

ROUNDS = 10


def test_the_guard_alone_lets_one_through(crew: Crew):
    visit_type = crew.do(scenes.practice)

    for week in range(3):
        start = at("10:00", TUESDAY + timedelta(weeks=week))
        task = (scenes.ask_without_the_lock, (visit_type, start))
        codes = sorted(outcome.code for outcome in crew.race([task] * 8))
        assert codes[0] == "done"
        assert set(codes[1:]) <= {"time_taken", "try_again"}

    assert crew.do(scenes.faults) == []


def test_without_lock_and_guard_there_are_double_bookings(crew: Crew):
    visit_type = crew.do(scenes.practice)
    crew.do(scenes.remove_guards)

    for number in range(ROUNDS):
        start = at("10:00", TUESDAY + timedelta(weeks=number % 8))
        start += timedelta(hours=number // 8)
        task = (scenes.ask_without_the_lock, (visit_type, start))
        outcomes = crew.race([task] * CLIENTS)
        assert not [o for o in outcomes if o.code.startswith("crash")]
        if found := crew.do(scenes.overlaps):
            break

    assert found > 0, "the race shows nothing, so it proves nothing"
