"""What PostgreSQL keeps as functions: there, up to date, and the same as on SQLite."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from booking.models import Reservation, Resource
from booking.models.plan import BUSY, by_resource
from booking.models.visit_type import ALL_ACTIVE
from clinic_site import health
from services import functions, rows
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def busy(resources: Any) -> list[int]:
    """Return the resources of which somebody holds an hour."""
    [found] = rows.texts(
        BUSY(
            resources=resources, now=NOW, earliest=NOW - timedelta(hours=25),
            until=NOW + timedelta(days=1), since=NOW,
        )
    )  # fmt: skip
    return sorted(by_resource(found))


def test_some_are_given_as_a_list_or_by_what_gives_them():
    factories.a_practice(clinicians=2, rooms=1)
    keys = list(Resource.objects.values_list("pk", flat=True))
    for key in keys:
        Reservation.objects.create(
            resource_id=key, hold_key=f"h{key}", start=NOW,
            end=NOW + timedelta(hours=1), expires_at=NOW + timedelta(minutes=5),
        )  # fmt: skip

    assert busy(keys) == busy(ALL_ACTIVE) == sorted(keys)
    assert busy(keys[:1]) == keys[:1]
    assert busy([]) == []


@pytest.mark.postgresql
def test_one_that_is_gone_is_missed_and_made():
    with connection.cursor() as cursor:
        cursor.execute(f"DROP FUNCTION {BUSY.name}")
    assert functions.missing(connection) == {BUSY.name}
    with pytest.raises(health.NotReadyError, match="migrate"):
        health.require_migrations.__wrapped__()

    functions.install(connection)

    assert functions.missing(connection) == set()
    assert busy([]) == []


@pytest.mark.postgresql
def test_one_that_says_something_else_is_made_anew():
    takes = ", ".join(BUSY.takes.values())
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE OR REPLACE FUNCTION {BUSY.name} ({takes}) RETURNS text"
            " LANGUAGE plpgsql AS $$BEGIN RETURN 'of before'; END$$"
        )
    assert functions.missing(connection) == {BUSY.name}

    functions.install(connection)

    assert busy([]) == []


def test_all_are_there_after_migrating():
    assert functions.missing(connection) == set()
