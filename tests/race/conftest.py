"""What the races share."""

from collections.abc import Iterator

import pytest

from . import scenes
from .crew import PROCESSES, Crew, new_database, running_crew


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """Give clients on a database that the races of one file share."""
    with new_database() as url, running_crew(PROCESSES, url) as crew:
        yield crew


@pytest.fixture
def no_faults_afterwards(crew: Crew) -> Iterator[None]:
    """Check all that the races of one file have written so far."""
    yield
    assert crew.do(scenes.faults) == []
