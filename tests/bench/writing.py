"""The whole transaction of a request, against its rows written by the driver alone.

Both in processes of their own, each with its connection, and as durably as in
production.
"""

import secrets
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, reduce
from itertools import islice
from operator import add
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from django.db import connection, models
from django.utils import timezone

from booking import clock, workflow
from booking.models import (
    Appointment,
    AppointmentEvent,
    AppointmentLink,
    Message,
    Patient,
    Proposal,
    Reservation,
    VisitType,
)
from tests import factories
from tests.race.crew import Crew, running_crew

from .timing import processor

# What a request writes, parents first.
WRITTEN = (
    Patient, Appointment, AppointmentEvent, Proposal, Reservation, AppointmentLink,
    Message,
)  # fmt: skip
# Where the copies are out of the way of all else.
FAR = timedelta(days=365 * 200)
FAR_KEY = 1_000_000_000

# Of a measurement, between which the other one has its turn.
TURNS = 5

Statement = tuple[str, list[Any]]
# When a process began and ended, and the seconds of processor between.
Took = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Effort:
    """So many transactions: the seconds that they took, and those of the processor.

    Those are of all processes together, and of the server's that answered them.
    """

    transactions: int
    seconds: float
    processor: float

    def __add__(self, other: "Effort") -> "Effort":
        return Effort(
            self.transactions + other.transactions,
            self.seconds + other.seconds,
            self.processor + other.processor,
        )

    @property
    def rate(self) -> float:
        """Transactions a second."""
        return self.transactions / self.seconds

    @property
    def cost(self) -> float:
        """Milliseconds of processor for each."""
        return self.processor / self.transactions * 1000


@dataclass(frozen=True, slots=True)
class Speed:
    """How many connections, and what either did over them."""

    connections: int
    by_workflow: Effort
    by_driver: Effort

    def __str__(self) -> str:
        plural = "s" if self.connections > 1 else ""
        ours, bare = self.by_workflow, self.by_driver
        return (
            f"{self.connections} connection{plural}: {ours.rate:.0f} a second, the same"
            f" rows by the driver alone {bare.rate:.0f}; ratio"
            f" {ours.rate / bare.rate:.2f}; ms of processor for each {ours.cost:.1f},"
            f" {bare.cost:.1f}; ratio {bare.cost / ours.cost:.2f}"
        )


def speeds(
    visit_type: VisitType, database_url: str, connections: Sequence[int], requests: int
) -> Iterator[Speed]:
    """Ask so many times over each number of connections, and write the rows again.

    By turns, since the machine's speed changes. Each process does one of both first:
    what it has to set up is not of a request.
    """
    starts = free_starts(visit_type)
    with running_crew(max(connections), database_url) as crew:
        for count in connections:
            _both(crew, visit_type, database_url, [1] * count, starts)
            each = [max(1, requests // count // TURNS)] * count
            turns = [
                _both(crew, visit_type, database_url, each, starts)
                for _ in range(TURNS)
            ]
            ours, bare = (reduce(add, efforts) for efforts in zip(*turns, strict=True))
            yield Speed(count, ours, bare)


def _both(
    crew: Crew,
    visit_type: VisitType,
    database_url: str,
    sizes: Sequence[int],
    starts: Iterator[datetime],
) -> tuple[Effort, Effort]:
    """Let each of the crew make so many requests, then write their rows.

    Return what either took.
    """
    asked = [list(islice(starts, size)) for size in sizes]
    assert all(asked), "not enough free times"
    began = clock.now()
    by_workflow = _done(crew, ask, [(visit_type.pk, mine) for mine in asked])
    now = began, clock.now()
    made = Appointment.objects.filter(requested_at__range=now).order_by("pk")
    copies = [_copy(visit) for visit in made]
    assert len(copies) == sum(map(len, asked))
    hands = [copies[n :: len(sizes)] for n in range(len(sizes))]
    return by_workflow, _done(crew, write, [(database_url, hand) for hand in hands])


def _done(crew: Crew, task: Callable[..., Took], hands: Sequence[Any]) -> Effort:
    """Let the crew do it, each its part; return what that took in all."""
    outcomes = crew.race([(task, hand) for hand in hands])
    assert all(outcome.code == "done" for outcome in outcomes), outcomes
    began, ended, used = zip(*(outcome.value for outcome in outcomes), strict=True)
    transactions = sum(len(hand[1]) for hand in hands)
    return Effort(transactions, max(ended) - min(began), sum(used))


def free_starts(visit_type: VisitType) -> Iterator[datetime]:
    """Yield starts that do not stand in each other's way."""
    # None becomes too soon to ask for while they are asked for.
    now = clock.now() + timedelta(hours=1)
    first = timezone.localdate(now)
    apart = timedelta(minutes=visit_type.duration + visit_type.buffer_after)
    after = now
    for day in visit_type.availability(
        first, first + timedelta(days=visit_type.horizon), now=now
    ):
        for slot in day.slots:
            start = datetime.fromtimestamp(slot.start, UTC)
            if start >= after:
                after = start + apart
                yield start


# --- In each process -------------------------------------------------------------


def ask(visit_type: int, starts: Sequence[datetime]) -> Took:
    """Make a request for each of the starts."""
    kinds = VisitType.objects.select_related("service")
    # Read anew for each, as its page has done before the transaction.
    asked = [
        factories.a_new_request(kinds.get(pk=visit_type), start) for start in starts
    ]
    driver = connection.connection
    began, used = time.monotonic(), processor(driver)
    for new in asked:
        workflow.request(new, key=uuid.uuid4(), by=workflow.PATIENT, now=clock.now())
    return began, time.monotonic(), processor(driver) - used


def write(database_url: str, copies: Sequence[Sequence[Statement]]) -> Took:
    """Write each copy in a transaction, without Django."""
    is_sqlite = database_url.startswith("sqlite")
    bare = _bare(database_url)
    cursor = bare.cursor()
    began, used = time.monotonic(), processor(bare)
    for statements in copies:
        cursor.execute("BEGIN IMMEDIATE" if is_sqlite else "BEGIN")
        for sql, params in statements:
            cursor.execute(sql, params)
        cursor.execute("COMMIT")
    return began, time.monotonic(), processor(bare) - used


@cache
def _bare(database_url: str) -> Any:
    """Return the driver's own connection of this process; whichever thread asks."""
    if database_url.startswith("sqlite"):
        path = urlsplit(database_url).path
        bare = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("busy_timeout=20000", "synchronous=FULL", "foreign_keys=ON"):
            bare.execute(f"PRAGMA {pragma}")
        return bare
    bare = psycopg2.connect(database_url)
    bare.autocommit = True
    return bare


# --- The same rows again ----------------------------------------------------------


def _copy(visit: Appointment) -> list[Statement]:
    """Return an INSERT for each table in which the request wrote rows, with those."""
    statements = []
    mark = "?" if connection.vendor == "sqlite" else "%s"
    for model in WRITTEN:
        which = {
            Patient: {"pk": visit.patient_id},
            Appointment: {"pk": visit.pk},
        }.get(model, {"appointment": visit.pk})
        rows = [
            [_value(field, value) for field, value in _stored(row)]
            for row in model._default_manager.filter(**which)
        ]
        if not rows:
            continue
        columns = [connection.ops.quote_name(f.column) for f in _fields(model)]
        one = f"({', '.join([mark] * len(columns))})"
        sql = (  # built from the names of our own tables
            f"INSERT INTO {model._meta.db_table} ({', '.join(columns)})"  # noqa: S608
            f" VALUES {', '.join([one] * len(rows))}"
        )
        statements.append((sql, [value for row in rows for value in row]))
    return statements


def _fields(model: type[models.Model]) -> "Sequence[models.Field[Any, Any]]":
    return model._meta.concrete_fields


def _stored(row: models.Model) -> "Iterator[tuple[models.Field[Any, Any], Any]]":
    """Yield each field of the row with what the database was given for it."""
    for field in _fields(type(row)):
        yield field, field.get_db_prep_save(getattr(row, field.attname), connection)


def _value(field: "models.Field[Any, Any]", value: Any) -> Any:
    """Return the value for the copy: the same, but for keys and what has to differ."""
    own_key = field.primary_key or field.related_model in WRITTEN
    if own_key:
        return value and value + FAR_KEY
    if field.name in ("start", "end"):
        return value and _later(value)
    if isinstance(field, models.UUIDField):
        return uuid.uuid4().hex
    if field.unique:
        return secrets.token_hex(16)[: field.max_length]
    return value


def _later(value: Any) -> Any:
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return (at + FAR) if isinstance(value, datetime) else str(at + FAR)
