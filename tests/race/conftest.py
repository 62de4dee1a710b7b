"""What the races share."""

from collections.abc import Iterator

import pytest

from .crew import PROCESSES, Crew, new_database, running_crew


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """Give clients on a database that the races of one file share."""
    with new_database() as url, running_crew(PROCESSES, url) as crew:
        yield crew
