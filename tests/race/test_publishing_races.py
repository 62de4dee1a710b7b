"""A draft whose time has come is published by one of the workers that find it."""

import pytest

from . import scenes
from .crew import Crew, codes

WORKERS = 8


def test_of_eight_workers_one_publishes_a_draft(crew: Crew):
    for _ in range(3):
        service = crew.do(scenes.draft_that_is_due)

        outcomes = crew.race([(scenes.publish_due, ())] * WORKERS)

        assert codes(outcomes) == {"done": WORKERS}
        assert sorted(outcome.value for outcome in outcomes) == [0] * 7 + [1]
        assert crew.do(scenes.published, service) == (["Before", "After"], ["New"], 0)


def test_without_the_guard_several_publish_it(crew: Crew):
    """The control: the same workers do collide."""
    service = crew.do(scenes.draft_that_is_due)
    task = (scenes.publish_without_the_guard, (service,))

    outcomes = crew.race([task] * WORKERS)

    assert len([o for o in outcomes if o.code != "done" or o.value]) > 1


@pytest.mark.parametrize("other", ["discard", "unschedule"])
def test_who_takes_a_draft_back_as_its_time_comes_has_it_or_comes_too_late(
    crew: Crew, other: str
):
    for _ in range(3):
        service = crew.do(scenes.draft_that_is_due)
        take_back = (scenes.take_back, (service, other))

        *workers, back = crew.race([*[(scenes.publish_due, ())] * 3, take_back])

        came = sum(worker.value for worker in workers)
        assert (came, back.value) in [(1, False), (0, True)]
        texts, _facts, _left = crew.do(scenes.published, service)
        assert texts[-1] == ("After" if came else "Before")
