"""A task that several take on at the same moment becomes one person's."""

import pytest

from tests.factories import at

from . import scenes
from .crew import Crew, codes
from .scenes import weekdays

pytestmark = pytest.mark.usefixtures("no_faults_afterwards")

ROUNDS = 5


@pytest.fixture
def users(crew: Crew) -> list[int]:
    return [crew.do(scenes.colleague) for _ in range(8)]


def test_of_eight_who_take_a_request_on_one_has_it(crew: Crew, users: list[int]):
    visit_type = crew.do(scenes.practice)
    for day in weekdays(ROUNDS):
        visit = crew.do(scenes.ask, visit_type, at("10:00", day))

        outcomes = crew.race([(scenes.take_on, (visit, user)) for user in users])

        assert codes(outcomes) == {"done": 1, "taken_on": 7}
        [winner] = [n for n, outcome in enumerate(outcomes) if outcome.code == "done"]
        assert crew.do(scenes.owners_of, visit) == [users[winner]]


def test_without_the_lock_the_database_still_refuses_a_second(
    crew: Crew, users: list[int]
):
    """The control: the same clients do collide."""
    visit_type = crew.do(scenes.practice)
    visit = crew.do(scenes.ask, visit_type, at("13:00", weekdays(1)[0]))

    outcomes = crew.race(
        [(scenes.take_on_without_the_lock, (visit, user)) for user in users]
    )

    assert any("IntegrityError" in outcome.code for outcome in outcomes)
    assert len(crew.do(scenes.owners_of, visit)) == 1
