"""What an act left behind, in plain values to compare whole."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Model

from booking.models import (
    Appointment,
    AuditEvent,
    AuditSubject,
    Proposal,
    Reservation,
)

Span = tuple[int, datetime, datetime]
TRAIL = (AuditEvent, AuditSubject)


def events_of(visit: Appointment) -> list[tuple[int, str, str, str, str]]:
    """Return version, act, from, to and actor of each event, oldest first."""
    return list(
        visit.events.order_by("version").values_list(
            "version", "act", "from_status", "to_status", "actor"
        )
    )


def messages_of(visit: Appointment) -> list[tuple[str, str]]:
    """Return kind and channel of each message owed, oldest first."""
    return list(visit.messages.order_by("pk").values_list("kind", "channel"))


def choices_of(visit: Appointment) -> list[tuple[datetime, str]]:
    """Return start and outcome of each time that the patient asked for, by rank."""
    mine = visit.proposals.filter(by=Proposal.By.PATIENT).order_by("rank")
    return list(mine.values_list("start", "outcome"))


def offers_of(visit: Appointment) -> list[tuple[datetime, str]]:
    """Return start and outcome of each time that the clinic offered, oldest first."""
    ours = visit.proposals.filter(by=Proposal.By.CLINIC).order_by("pk")
    return list(ours.values_list("start", "outcome"))


def places_of(visit: Appointment) -> list[tuple[str, int]]:
    """Return why each place on the waiting list ended, "" for now, and its offers."""
    places = visit.waiting_list_entries.order_by("pk")
    return list(places.values_list("why_ended", "offers_made"))


def held_by(visit: Appointment) -> list[Span]:
    """Return resource, start and end of each reservation of the visit."""
    return spans(visit.reservations.all())


def spans(rows: Any) -> list[Span]:
    return sorted(rows.values_list("resource_id", "start", "end"))


def closed_on(resource_id: int) -> list[tuple[datetime, datetime]]:
    """Return the stretches that closures hold on the resource, in order."""
    rows = Reservation.objects.filter(resource_id=resource_id, closure__isnull=False)
    return sorted(rows.values_list("start", "end"))


def all_rows(*, trail: bool = False) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table of booking, as the database has it.

    But for the trail, unless asked for: that somebody looked is written down, and
    changes nothing else.
    """
    models = apps.get_app_config("booking").get_models()
    rows = raw_rows(m for m in models if trail or m not in TRAIL)
    return {model.__name__: found for model, found in rows.items()}


def raw_rows(
    models: Iterable[type[Model]],
) -> dict[type[Model], list[tuple[Any, ...]]]:
    """Return every row of the tables by primary key, as the database has it.

    Its columns are in the order of the model's fields. Without Django, which takes far
    longer to ask than the database to answer.
    """
    with connection.cursor() as cursor:
        rows = {}
        for model in models:
            cursor.execute(_all_of(model))
            rows[model] = cursor.fetchall()
        return rows


@cache
def _all_of(model: type[Model]) -> str:
    columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
    table, pk = model._meta.db_table, model._meta.pk.column
    return f'SELECT {columns} FROM "{table}" ORDER BY "{pk}"'  # noqa: S608


@contextmanager
def nothing_written() -> Iterator[None]:
    """Fail if the block leaves any row of booking other than it was."""
    before = all_rows()
    yield
    assert all_rows() == before
