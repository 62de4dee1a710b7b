"""What the tests of security share."""

from collections.abc import Iterator

import pytest
from time_machine import travel

from tests.factories import NOW

from .routes import World, a_world


@pytest.fixture
def world(db: None) -> Iterator[World]:
    """Give a small clinic on its Monday morning; see `World`."""
    with travel(NOW, tick=False):
        yield a_world()
