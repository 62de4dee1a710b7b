"""Rows that all tests of one file begin with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import connection, transaction
from pytest_django import DjangoDbBlocker

Made = TypeVar("Made")


@contextmanager
def made_for_a_file(
    blocker: DjangoDbBlocker, make: Callable[[], Made]
) -> Iterator[Made]:
    """Make rows in a transaction around those of the tests, which roll back to it.

    None of these tests may really commit. Who changes an object that `make` returns
    changes a copy of it.
    """
    whole = transaction.atomic()
    # Marked as Django's tests mark theirs, since acts refuse to run inside any other
    # transaction.
    whole._from_testcase = True
    with blocker.unblock():
        whole.__enter__()
    try:
        with blocker.unblock():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    # However long a test takes on a busy machine.
                    cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            made = make()
        yield made
    finally:
        with blocker.unblock():
            transaction.set_rollback(True)
            whole.__exit__(None, None, None)
