"""What is read along with the locks is as it is under them."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from booking.models import Hours, Resource, locking
from services import rows
from tests import factories


@pytest.mark.django_db
def test_all_that_the_visit_may_take_is_locked_with_the_first_query_alone():
    visit_type = factories.a_practice(clinicians=2, rooms=1)
    factories.a_machine()  # which it does not take
    wanted = sorted(visit_type.may_take())

    with (
        CaptureQueriesContext(connection) as made,
        transaction.atomic(),
        locking(visit_type, "", ("'told'", ())) as locked,
    ):
        first = rows.texts(("'asked'", ()))
        second = rows.texts(("'again'", ()))

    assert (first, second, locked.also) == (["asked"], ["again"], ["told"])
    assert locked.keys == wanted
    assert sum("booking_resource" in q["sql"] or "_lock" in q["sql"] for q in made) == 1


@pytest.mark.django_db
def test_a_visit_that_can_take_nothing_locks_nothing():
    visit_type = factories.a_practice()
    Resource.objects.update(is_active=False)

    with transaction.atomic(), locking(visit_type) as locked:
        rows.texts(("'asked'", ()))

    assert locked.keys == []


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("together", [True, False], ids=["after", "control"])
def test_who_waited_for_a_lock_reads_what_was_committed_meanwhile(together: bool):
    visit_type = factories.a_practice()
    asked: list[str] = []

    def ask() -> None:
        with closing(connection), transaction.atomic():
            lock = (
                "(SELECT max(id) FROM (SELECT id FROM booking_resource FOR UPDATE) r)"
            )
            if together:
                with locking(visit_type):
                    asked.extend(rows.texts(rows.select(Hours)))
            else:  # as one query, which sees what was there when it began
                asked.extend(rows.texts((lock, ()), rows.select(Hours))[1:])

    with somebody_else() as cursor:
        cursor.execute("SELECT id FROM booking_resource FOR UPDATE")
        cursor.execute("UPDATE booking_hours SET valid_until = '2020-02-02'")
        patient = threading.Thread(target=ask)
        patient.start()
        wait_until_somebody_waits()
        assert not asked
    patient.join(timeout=20)

    assert ("2020-02-02" in asked[0]) == together


@contextmanager
def somebody_else() -> Iterator["psycopg2.extensions.cursor"]:
    """Give a transaction of another connection, which is committed at the end."""
    settings = connection.get_connection_params()
    with (
        closing(psycopg2.connect(**settings)) as other,
        other,
        other.cursor() as cursor,
    ):
        yield cursor


def wait_until_somebody_waits() -> None:
    deadline = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.02)
    raise AssertionError("nobody waits")
