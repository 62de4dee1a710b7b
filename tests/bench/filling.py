# ruff: noqa: S608 -- SQL is built here from the names of our own tables
"""A practice of ten, and a diary of any size for it, written by SQL in bulk.

One visit of each clinician goes through the workflow; all others are its rows again, at
another time and with keys of their own. So they are as real as that one is, and the
check of all records finds no fault in them.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.core.management.color import no_style
from django.db import connection, models
from django.utils import timezone

from booking import guards
from booking.encryption import EncryptedTextField
from booking.models import (
    Appointment,
    AppointmentEvent,
    Hours,
    Message,
    Patient,
    Proposal,
    Reservation,
    Resource,
    VisitType,
    clinic_zone,
)
from tests import factories
from tests.factories import CLINICIAN, MACHINE, ROOM

CLINICIANS, ROOMS, MACHINES = 10, 10, 2
# What belongs to a visit, and what of that holds its time.
HISTORY = (Patient, Appointment, AppointmentEvent, Proposal, Message, Reservation)
TIME_ALONE = (Patient, Appointment, Reservation)
# The keys of copies begin here, so many apart from one visit to the next.
FIRST_KEY, STRIDE = 1000, 4

# Half hours in pairs, 9:00 and 9:30, 11:15 and 11:45 …, eight a day and Monday to
# Friday. The n-th copy is alternately after and before the first visit. Counted from a
# Monday long ago, since division rounds toward zero and not down. (%% is one %.)
_PLACE = "(CASE n %% 2 WHEN 1 THEN (n + 1) / 2 ELSE -n / 2 END + 4000000)"
_DAY = f"({_PLACE} / 40 * 7 + {_PLACE} %% 40 / 8 - 700000)"
_SECOND = f"({_PLACE} %% 8 / 2 * 8100 + {_PLACE} %% 2 * 1800)"
LATER = f"({_DAY} * 86400 + {_SECOND})"

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")


@dataclass(frozen=True, slots=True)
class Practice:
    """Ten clinicians, ten rooms, two machines; a visit that takes one of each.

    `first` is the clinician who is asked for where one is.
    """

    visit_type: VisitType
    first: Resource


def a_big_practice() -> Practice:
    factories.a_clinic()
    clinicians = [factories.a_clinician(hours=False) for _ in range(CLINICIANS)]
    Hours.objects.bulk_create(
        Hours(
            resource=clinician, weekday=day, opens=time(9), closes=time(17, 30),
            break_starts=time(12, 30), break_ends=time(13, 15),
        )
        for clinician in clinicians
        for day in range(5)
    )  # fmt: skip
    for _ in range(ROOMS):
        factories.a_room()
    for _ in range(MACHINES):
        factories.a_machine()
    visit_type = factories.a_visit_type(
        takes=(CLINICIAN, ROOM, MACHINE), duration=45, step=15, buffer_after=15,
        lead_time=60,
    )  # fmt: skip
    return Practice(visit_type, clinicians[0])


def far_ahead(practice: Practice) -> VisitType:
    """Return a visit that takes the same and may be asked for two years ahead."""
    return factories.a_visit_type(
        service=practice.visit_type.service, takes=(CLINICIAN, ROOM, MACHINE),
        duration=45, step=15, buffer_after=15, lead_time=60, horizon=730,
    )  # fmt: skip


class Diary:
    """Visits in the past and to come, half of each; it only grows.

    From `with_history` visits on, only what holds time is written, without the events
    and messages.
    """

    def __init__(self, now: datetime, with_history: int) -> None:
        self.now = now
        self.with_history = with_history // CLINICIANS
        self.patterns: list[Appointment] = []
        self.copies = 0

    def grow(self, visits: int) -> None:
        """Write visits until there are so many, a multiple of ten."""
        wanted = visits // CLINICIANS - 1
        if wanted < 0:
            return
        if not self.patterns:
            self.patterns = _patterns(self.now)
        with in_bulk():
            for last, tables in (
                (min(wanted, self.with_history - 1), HISTORY),
                (wanted, TIME_ALONE),
            ):
                if last > self.copies:
                    for number, visit in enumerate(self.patterns):
                        copy(visit, number, self.copies + 1, last, tables)
                    self.copies = last


def _patterns(now: datetime) -> list[Appointment]:
    """Book a visit for each clinician at 9 AM on the Monday to come."""
    consultation = factories.a_visit_type(step=30)
    test = factories.a_visit_type(takes=(CLINICIAN, ROOM, MACHINE), step=30)
    today = timezone.localdate(now)
    monday = today + timedelta(days=14 - today.weekday())
    start = datetime.combine(monday, time(9), clinic_zone()).astimezone(UTC)
    desk = factories.a_front_desk_person()
    visits = [
        factories.a_booked_visit(
            test if n < MACHINES else consultation, start,
            now=now, by=desk, clinician=clinician,
        )
        for n, clinician in enumerate(Resource.objects.filter(kind=CLINICIAN))
    ]  # fmt: skip
    Message.objects.update(sent_at=now)
    return visits


@contextmanager
def in_bulk() -> Iterator[None]:
    """Write without what makes each row safe and found; put that back afterwards."""
    guards.remove(connection)
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        if sqlite:
            cursor.execute("PRAGMA foreign_keys = OFF")
            cursor.execute("PRAGMA synchronous = OFF")
        else:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SET session_replication_role = replica")
        indexes = _indexes()
        for name in indexes:
            cursor.execute(f"DROP INDEX {name}")
        yield
        for definition in indexes.values():
            cursor.execute(definition)
        if sqlite:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            for sql in connection.ops.sequence_reset_sql(no_style(), HISTORY):
                cursor.execute(sql)
        guards.install(connection)
        if not sqlite:
            cursor.execute("VACUUM ANALYZE")  # as autovacuum would in the night
    connection.close()  # and with it go the settings


def _indexes() -> dict[str, str]:
    """Return the indexes that are no constraints: name and definition."""
    tables = [model._meta.db_table for model in HISTORY]
    marks = ", ".join(["%s"] * len(tables))
    query = (
        "SELECT name, sql FROM sqlite_master"
        f" WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({marks})"
        if connection.vendor == "sqlite"
        else "SELECT indexname, indexdef FROM pg_indexes LEFT JOIN pg_constraint"
        " ON conindid = indexname::regclass"
        f" WHERE conindid IS NULL AND tablename IN ({marks})"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, tables)
        return dict(cursor.fetchall())


def copy(
    visit: Appointment,
    number: int,
    first: int,
    last: int,
    tables: tuple[type[models.Model], ...],
    step: int = 1,
) -> None:
    """Write the rows of a visit again, once for each n from `first` to `last`.

    `number` tells the visit from the other patterns; a `step` of 2 writes only those
    after it, or only those before it.
    """
    if first > last:
        return
    rows: dict[type[models.Model], list[models.Model]] = {
        model: [visit]
        if model is Appointment
        else [visit.patient]
        if model is Patient
        else list(model._default_manager.filter(appointment=visit.pk).order_by("pk"))
        for model in tables
    }
    keys = {
        (model, row.pk): index
        for model, some in rows.items()
        for index, row in enumerate(some)
    }
    for model, some in rows.items():
        for row in some:
            columns, values, params = [], [], []
            for field in model._meta.concrete_fields:
                value, param = _value(field, row, keys, number)
                columns.append(connection.ops.quote_name(field.column))
                values.append(value)
                params += param
            table = connection.ops.quote_name(model._meta.db_table)
            with connection.cursor() as cursor:
                cursor.execute(
                    "WITH RECURSIVE series (n) AS (SELECT %s UNION ALL"
                    f" SELECT n + {step} FROM series WHERE n + {step} <= %s)"
                    f" INSERT INTO {table} ({', '.join(columns)})"
                    f" SELECT {', '.join(values)} FROM series CROSS JOIN {table} AS t"
                    f" WHERE t.id = %s",
                    [first, last, *params, row.pk],
                )


def _value(
    field: "models.Field[object, object]",
    row: models.Model,
    keys: dict[tuple[type[models.Model], int], int],
    number: int,
) -> tuple[str, list[str]]:
    """Return an expression for the column of the n-th copy, with its parameters."""
    sqlite = connection.vendor == "sqlite"
    visit = f"({number} + {CLINICIANS} * n)"
    base = f"{FIRST_KEY} + {STRIDE} * {visit}"
    own = keys[type(row), row.pk]
    present = getattr(row, field.attname)
    if isinstance(field, EncryptedTextField) and field.name in ("html", "calendar"):
        return "''", []
    column = f"t.{connection.ops.quote_name(field.column)}"
    if field.primary_key:
        return f"{base} + {own}", []
    if isinstance(field, models.ForeignKey):
        if (field.related_model, present) in keys:
            return f"{base} + {keys[field.related_model, present]}", []
        # What was left out cannot be pointed to.
        return ("NULL" if field.related_model is Proposal else column), []
    if isinstance(field, models.DateTimeField):
        return _later(column), []
    if isinstance(field, models.UUIDField) and field.unique:
        if sqlite:
            return f"printf('%%032x', {visit})", []
        return f"lpad(to_hex({visit}), 32, '0')::uuid", []
    if isinstance(field, models.JSONField) and present:
        return _moved(present)
    if field.name in ("family_name", "folded_name"):
        return f"{column} || ' ' || {_letters(visit)}", []
    if field.name == "reference":
        pattern = f"printf('B%%08d', {visit})"
        return pattern if sqlite else f"'B' || lpad(({visit})::text, 8, '0')", []
    if field.name == "message_id":
        return f"'<' || {visit} || '-{own}@bench>'", []
    return column, []


def _letters(number: str) -> str:
    """Return an expression for a number with a letter for each digit, as in a name."""
    sql = f"CAST({number} AS text)"
    for digit, letter in enumerate("abcdefghij"):
        sql = f"replace({sql}, '{digit}', '{letter}')"
    return sql


def _later(column: str) -> str:
    if connection.vendor == "sqlite":
        return f"datetime({column}, {LATER} || ' seconds')"
    return f"{column} + {LATER} * interval '1 second'"


def _moved(data: object) -> tuple[str, list[str]]:
    """Return JSON with all its times moved. They are marked first: a time that was
    moved may be one that is still to be.
    """
    text = json.dumps(data)
    times = sorted(set(ISO.findall(text)))
    for index, at in enumerate(times):
        text = text.replace(at, f"@{index}@")
    sql, params = "%s", [text]
    for index, at in enumerate(times):
        if connection.vendor == "sqlite":
            moved = (
                f"strftime('%%Y-%%m-%%dT%%H:%%M:%%S+00:00', %s, {LATER} || ' seconds')"
            )
        else:
            moved = (
                f"to_char((%s::timestamptz + {LATER} * interval '1 second')"
                " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"+00:00\"')"
            )
        sql = f"replace({sql}, '@{index}@', {moved})"
        params.append(at)
    return (sql if connection.vendor == "sqlite" else f"({sql})::jsonb"), params
