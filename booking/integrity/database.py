"""What the database refuses by itself, and what nobody may have changed."""

from collections.abc import Iterator
from datetime import datetime

from django.apps import apps
from django.db import connection

from booking import guards, trail
from booking.models import PreparationText

from .fault import Fault


def find(now: datetime) -> Iterator[Fault]:
    yield from _missing_guards()
    yield from _missing_constraints()
    yield from _texts()
    yield from _trail()


def _missing_guards() -> Iterator[Fault]:
    for name in sorted(guards.missing(connection)):
        yield Fault(
            "guard_missing",
            f"The database has no {name}. Run manage.py migrate --skip-checks.",
        )


def _missing_constraints() -> Iterator[Fault]:
    """Name the constraints and indexes of our models that are not in the database."""
    wanted = {
        rule.name
        for model in apps.get_app_config("booking").get_models()
        for rule in (*model._meta.constraints, *model._meta.indexes)
    }
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            # A check has no row of its own there, only a place in its table's text.
            cursor.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
            text = "".join(sql for (sql,) in cursor.fetchall())
            there = {name for name in wanted if f'"{name}"' in text}
        else:
            cursor.execute(
                "SELECT conname FROM pg_constraint WHERE convalidated"
                " UNION SELECT relname FROM pg_index"
                " JOIN pg_class ON pg_class.oid = indexrelid WHERE indisvalid"
            )
            there = {name for (name,) in cursor.fetchall()}
    for name in sorted(wanted - there):
        yield Fault(
            "constraint_missing",
            f"The database has no {name}. It was taken away by hand, or a restore was"
            " not complete.",
        )


def _texts() -> Iterator[Fault]:
    """See that what patients were shown is as it was written down. Few rows."""
    for shown in PreparationText.objects.order_by("pk"):
        if not shown.is_as_written:
            yield Fault(
                "shown_text_changed",
                f"Text {shown.pk} on how to get ready is not as it was shown.",
            )


def _trail() -> Iterator[Fault]:
    for number in trail.broken():
        yield Fault(
            "trail_broken",
            f"Event {number} of the trail is not as it was written, or not there.",
        )
