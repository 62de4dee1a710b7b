"""What the tests of security share."""

from collections.abc import Iterator
from copy import deepcopy

import pytest
from pytest_django import DjangoDbBlocker
from time_machine import travel

from tests.factories import NOW
from tests.shared import made_for_a_file

from .routes import World, a_world


@pytest.fixture
def world(db: None) -> Iterator[World]:
    """Give a small clinic on its Monday morning; see `World`."""
    with travel(NOW, tick=False):
        yield a_world()


@pytest.fixture(scope="module")
def first_world(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[World]:
    def make() -> World:
        with travel(NOW, tick=False):
            return a_world()

    with made_for_a_file(django_db_blocker, make) as world:
        yield world


@pytest.fixture
def shared_world(first_world: World, db: None) -> Iterator[World]:
    """Give the same, made once for a file that says so: most tests take less long."""
    with travel(NOW, tick=False):
        yield deepcopy(first_world)
