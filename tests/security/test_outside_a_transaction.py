"""Every address answers as in production, where no transaction is around a page.

A test's own would hide what PostgreSQL refuses outside of one, such as a lock.
"""

from collections.abc import Iterator
from http import HTTPStatus

import pytest
from django.db import connection
from time_machine import travel

from booking import guards
from services import drafts
from services.models import Page, Service
from services.versions import Who, content_of
from tests.factories import NOW

from .routes import World, a_world, all_routes
from .test_rights import acts

pytestmark = pytest.mark.postgresql


@pytest.fixture(autouse=True)
def emptied_after(transactional_db: None) -> Iterator[None]:
    yield
    guards.remove(connection)  # or Django could not empty the tables


def a_world_with_drafts() -> World:
    world = a_world()
    for model in (Service, Page):
        for row in model._default_manager.all():
            drafts.keep_draft(row, content_of(row), by=Who("Ana"), now=NOW)
    return world


@pytest.mark.parametrize("role", ["link", "superuser"])
def test_no_address_fails_for_want_of_a_transaction(role: str):
    with travel(NOW, tick=False):
        world = a_world_with_drafts()
        data = acts(world)
        failed = []
        for method in ("GET", "POST"):
            for route in all_routes():
                client = world.client(role)
                sent = data if method == "POST" else {}
                answer = getattr(client, method.lower())(world.address(route), sent)
                if answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
                    failed.append((method, route))
        assert failed == []
