"""Two colleagues who join two records crosswise at the same moment."""

import pytest

from . import scenes
from .crew import Crew, codes

ROUNDS = 10


@pytest.fixture
def users(crew: Crew) -> list[int]:
    return [crew.do(scenes.colleague) for _ in range(2)]


@pytest.mark.usefixtures("no_faults_afterwards")
def test_one_of_two_records_is_the_first(crew: Crew, users: list[int]):
    for _ in range(ROUNDS):
        one, other = crew.do(scenes.a_patient), crew.do(scenes.a_patient)

        outcomes = crew.race(
            [
                (scenes.merge, (one, other, users[0])),
                (scenes.merge, (other, one, users[1])),
            ]
        )

        assert codes(outcomes) == {"done": 1, "merged_already": 1}
        assert crew.do(scenes.merges_of, one, other) == 1


def test_without_the_lock_each_becomes_the_second(crew: Crew, users: list[int]):
    """The control: the same two do collide."""
    one, other = crew.do(scenes.a_patient), crew.do(scenes.a_patient)

    crew.race(
        [
            (scenes.merge_without_the_lock, (one, other, users[0])),
            (scenes.merge_without_the_lock, (other, one, users[1])),
        ]
    )

    assert crew.do(scenes.merges_of, one, other) == 2
