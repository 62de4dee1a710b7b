"""Pages of staff that are written down at the same moment, by many processes."""

from . import scenes
from .crew import CLIENTS, Crew, codes

ROUNDS = 10


def test_the_chain_has_no_gap_and_is_whole(crew: Crew):
    for number in range(ROUNDS):
        patients = range(number * CLIENTS, (number + 1) * CLIENTS)
        outcomes = crew.race([(scenes.write_down, (patient,)) for patient in patients])
        assert codes(outcomes) == {"done": CLIENTS}

    written = ROUNDS * CLIENTS
    everything = list(range(1, written + 1)), [], list(range(written))
    assert crew.do(scenes.the_trail) == everything


def test_without_the_lock_pages_get_the_same_number(crew: Crew):
    """The control. The key lets one through: no chain forks, but pages fail."""
    failed = 0
    for number in range(ROUNDS):
        task = (scenes.write_down_without_the_lock, (number,))
        outcomes = crew.race([task] * CLIENTS)
        failed += sum("IntegrityError" in outcome.code for outcome in outcomes)

    assert failed > 0, "the race shows nothing, so it proves nothing"
