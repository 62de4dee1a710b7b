"""How fast booking is on this machine, as ratios that another machine can repeat."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from itertools import islice
from statistics import median
from time import perf_counter
from typing import Any

from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection

from booking import availability, guards, workflow
from booking.management import demo
from booking.models import (
    Appointment,
    AppointmentEvent,
    AppointmentLink,
    Message,
    Patient,
    Proposal,
    Reservation,
    Resource,
    ScreeningAnswer,
    VisitType,
    clinic_zone,
)
from booking.policy import Status

VISITS = 10_000
REQUESTS = 100
REPEATS = 15
MONTH = timedelta(days=31)

# What a request writes, children first.
WRITTEN = (
    Message, AppointmentLink, ScreeningAnswer, Reservation, Proposal, AppointmentEvent,
    Appointment, Patient,
)  # fmt: skip

Statement = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Timed:
    """The median duration of one call, and the queries that it makes."""

    milliseconds: float
    queries: int

    def __str__(self) -> str:
        return f"{self.milliseconds:.2f} ms, {self.queries} queries"


def practice() -> VisitType:
    """Load the clinic's content and the demo schedule; return a visit to measure."""
    call_command("load_content", stdout=StringIO())
    demo.load_resources()
    demo.load_visit_types()
    return VisitType.objects.bookable().select_related("service")[0]


# --- The month -------------------------------------------------------------------


def fill_diary(visit_type: VisitType, visits: int, until: datetime) -> None:
    """Write booked visits, two an hour, day and night, from `until` backwards.

    On one resource of each kind that the visit type takes. From the last to the first,
    since SQLite's guard reads all that begins before the row it looks at.
    """
    resources = [
        Resource.objects.active().filter(kind=need.kind)[0]
        for need in visit_type.requirements.all()
    ]
    patient = Patient.objects.create(birth_date_text="1980-01-01")
    spans = [
        (start, start + timedelta(minutes=20))
        for start in (until - timedelta(minutes=30 * n) for n in range(1, visits + 1))
    ]
    booked = Appointment.objects.bulk_create(
        Appointment(
            reference=f"B{n:08}",
            patient=patient,
            visit_type=visit_type,
            status=Status.BOOKED,
            start=start,
            end=end,
            requested_at=start,
            payer=Appointment.Payer.NOT_SURE,
        )
        for n, (start, end) in enumerate(spans)
    )
    Reservation.objects.bulk_create(
        (
            Reservation(resource=resource, start=start, end=end, appointment=visit)
            for visit, (start, end) in zip(booked, spans, strict=True)
            for resource in resources
        ),
        batch_size=1000,
    )


def month(visit_type: VisitType, now: datetime) -> Timed:
    """Time a month of free times for one clinician, as the picker asks for it."""
    first = now.astimezone(clinic_zone()).date()
    return timed(lambda: visit_type.availability(first, first + MONTH, now=now))


def engine(visit_type: VisitType, now: datetime) -> Timed:
    """Time the same month from what is already in memory."""
    first = now.astimezone(clinic_zone()).date()
    last = first + MONTH
    plan = visit_type.plan(first, last, now=now)
    return timed(
        lambda: availability.free_slots(
            plan.rules,
            plan.calendars,
            first=first,
            last=last,
            zone=clinic_zone(),
            now=int(now.timestamp()),
        )
    )


def timed(call: Callable[[], object]) -> Timed:
    with statements() as made:
        call()
    return Timed(median(seconds(call) for _ in range(REPEATS)) * 1000, len(made))


def seconds(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began


# --- The request -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Speed:
    """Requests a second, the same rows a second by the driver alone, and queries."""

    by_workflow: float
    by_driver: float
    queries: int

    def __str__(self) -> str:
        return (
            f"{self.by_workflow:.0f} a second, {self.queries} queries each; the same"
            f" rows by the driver alone: {self.by_driver:.0f}; ratio"
            f" {self.by_workflow / self.by_driver:.2f}"
        )


def requests(visit_type: VisitType, now: datetime) -> Speed:
    """Make requests through the workflow, and send their INSERTs again past Django.

    One transaction for each, either way.
    """
    starts = list(islice(_free(visit_type, now), REQUESTS))
    recorded = []
    for start in starts:
        with statements() as written:
            _ask(visit_type, start, now)
        recorded.append([s for s in written if s[0].startswith("INSERT")])
    empty_diary()
    by_driver = sum(seconds(partial(_send, inserts)) for inserts in recorded)
    empty_diary()
    by_workflow = sum(
        seconds(partial(_ask, visit_type, start, now)) for start in starts
    )
    empty_diary()
    return Speed(REQUESTS / by_workflow, REQUESTS / by_driver, len(written))


def _free(visit_type: VisitType, now: datetime) -> Iterator[datetime]:
    """Yield starts that do not stand in each other's way, soonest first."""
    first = now.astimezone(clinic_zone()).date()
    taken = timedelta(
        minutes=visit_type.buffer_before + visit_type.duration + visit_type.buffer_after
    )
    after = now
    last = first + timedelta(days=visit_type.horizon)
    for day in visit_type.availability(first, last, now=now):
        for slot in day.slots:
            start = datetime.fromtimestamp(slot.start, UTC)
            if start >= after:
                after = start + taken
                yield start


def _ask(visit_type: VisitType, start: datetime, now: datetime) -> None:
    asked = workflow.NewRequest(
        visit_type,
        [start],
        {
            "given_name": "Demo",
            "family_name": "Patient",
            "birth_date_text": "1980-01-01",
            "phone": "+12125550199",
            "email": "demo@example.com",
        },
        payer=Appointment.Payer.NOT_SURE,
    )
    workflow.request(asked, key=uuid.uuid4(), by=workflow.PATIENT, now=now)


def _send(inserts: Sequence[Statement]) -> None:
    """Send the statements in one transaction through the driver's own cursor."""
    driver = connection.connection.cursor()
    sqlite = connection.vendor == "sqlite"
    driver.execute("BEGIN IMMEDIATE" if sqlite else "BEGIN")
    for sql, params in inserts:
        driver.execute(sql.replace("%s", "?") if sqlite else sql, params)
    driver.execute("COMMIT")
    driver.close()


def empty_diary() -> None:
    """Remove all that was asked and booked, and let the keys begin at 1 again."""
    guards.remove(connection)
    tables = [model._meta.db_table for model in WRITTEN]
    with connection.constraint_checks_disabled():
        connection.ops.execute_sql_flush(
            connection.ops.sql_flush(no_style(), tables, reset_sequences=True)
        )
    guards.install(connection)


# --- What was sent to the database ------------------------------------------------


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """Collect the statements of the block, with their parameters."""
    sent: list[Statement] = []

    def collect(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        sent.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(collect):
        yield sent
