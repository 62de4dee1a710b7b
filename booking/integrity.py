"""Whether the rows say what the rules promise.

Independent of what keeps the promises: overlaps are looked for by a query of its own,
and each visit is compared with what its events, read one by one, make of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch, QuerySet

from . import guards
from .delivery import IN_HAND
from .models import Appointment, AppointmentEvent, Message, Reservation
from .policy import TRANSITIONS, Act, CancellationReason, Edge, Status

Kind = Message.Kind

# How long the worker may take for what is due before a person has to look at it.
PATIENCE = timedelta(hours=1)
# A lease that ran out is taken over at the next look, seconds later.
LEASE_PATIENCE = timedelta(minutes=5)

MOVES: dict[str, Edge] = {str(move): edge for move, edge in TRANSITIONS.items()}
OWED: dict[str, Kind] = {
    Act.REQUEST: Kind.RECEIVED,
    Act.BOOK: Kind.CONFIRMED,
    Act.ACCEPT: Kind.CONFIRMED,
    Act.DECLINE: Kind.DECLINED,
    Act.WITHDRAW: Kind.WITHDRAWN,
    Act.CANCEL: Kind.CANCELLED,
}
# Source: the table of states in booking/README.md.
HOLDS = {Status.BOOKED, Status.ARRIVED}
HOLDS_FOR_A_WHILE = {Status.PENDING, Status.PROPOSED}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: a code for programs, a sentence for a person.

    The sentence names rows by key, never a patient.
    """

    code: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


def faults(now: datetime) -> list[Fault]:
    """Return all that is wrong, in a number of queries that grows with the rows."""
    return [
        *_missing_guards(),
        *_overlaps(),
        *_visits(),
        *_silent_messages(now),
    ]


def _missing_guards() -> Iterator[Fault]:
    for name in sorted(guards.missing(connection)):
        yield Fault(
            "guard_missing",
            f"The database has no {name}. Run manage.py migrate --skip-checks.",
        )


_OVERLAPS = """
    SELECT resource_id, id FROM (
        SELECT resource_id, id, start,
               MAX("end") OVER (
                   PARTITION BY resource_id ORDER BY start, id
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
               ) AS taken_until
        FROM booking_reservation
    ) AS in_order
    WHERE start < taken_until ORDER BY resource_id, start, id
"""


def _overlaps() -> Iterator[Fault]:
    with connection.cursor() as cursor:
        cursor.execute(_OVERLAPS)
        for resource, reservation in cursor.fetchall():
            yield Fault(
                "overlap",
                f"Reservation {reservation} begins before an earlier one of"
                f" resource {resource} ends.",
            )


# --- Each visit ------------------------------------------------------------------


@dataclass(slots=True)
class _Replayed:
    """What the events alone make of a visit."""

    status: str = ""
    version: int = 0
    start: str | None = None
    end: str | None = None
    cancellation_reason: str = ""
    decline_reason: str = ""
    series: str | None = None


def _visits() -> Iterator[Fault]:
    for visit in _with_history().iterator(chunk_size=500):
        yield from _history(visit)
        yield from _time(visit)
        yield from _messages(visit)


def _with_history() -> QuerySet[Appointment]:
    """Return all visits with what is compared, and nothing that is encrypted."""
    events = AppointmentEvent.objects.order_by("version").defer("private_note")
    messages = Message.objects.only("appointment_id", "event_id", "kind")
    return (
        Appointment.objects.order_by("pk")
        .only(
            "status", "version", "start", "end", "cancellation_reason",
            "decline_reason", "series",
        )
        .prefetch_related(
            Prefetch("events", events), Prefetch("messages", messages), "reservations"
        )
    )  # fmt: skip


def _history(visit: Appointment) -> Iterator[Fault]:
    """Compare the visit with its replayed events."""
    replayed = _Replayed()
    for event in visit.events.all():
        if not _is_a_move(event):
            yield Fault(
                "illegal_move",
                f"Event {event.pk} of visit {visit.pk} goes from"
                f" {event.from_status or 'nothing'} to {event.to_status} by"
                f" {event.act}, which is no move that there is.",
            )
        if (event.version, event.from_status) != (
            replayed.version + 1,
            replayed.status,
        ):
            yield Fault(
                "broken_history",
                f"Event {event.pk} of visit {visit.pk} does not follow from the one"
                " before it.",
            )
        _replay(replayed, event)
    for name in (
        "status", "version", "start", "end", "cancellation_reason", "decline_reason",
        "series",
    ):  # fmt: skip
        present = _plain(getattr(visit, name))
        if present != getattr(replayed, name):
            yield Fault(
                f"replay_{name}",
                f"Visit {visit.pk} has {name} {present!r}, but its events make it"
                f" {getattr(replayed, name)!r}.",
            )


def _is_a_move(event: AppointmentEvent) -> bool:
    edge = MOVES.get(event.act)
    move = (event.from_status or None, event.to_status)
    return edge is not None and move in edge.moves


def _replay(replayed: _Replayed, event: AppointmentEvent) -> None:
    replayed.status, replayed.version = event.to_status, event.version
    if "start" in event.data:
        replayed.start, replayed.end = event.data["start"], event.data["end"]
    if "series" in event.data:
        replayed.series = event.data["series"]
    if event.act == Act.DECLINE:
        replayed.cancellation_reason = CancellationReason.DECLINED
        replayed.decline_reason = event.reason
    elif event.to_status == Status.CANCELLED:
        replayed.cancellation_reason = event.reason


def _plain(value: Any) -> Any:
    """Return a time or a key as an event keeps it, anything else as it is."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, UUID) else value


def _time(visit: Appointment) -> Iterator[Fault]:
    """Compare what the visit holds with what its state lets it hold."""
    rows = list(visit.reservations.all())
    if visit.status in HOLDS:
        agreed = [e.data["held"] for e in visit.events.all() if "held" in e.data][-1:]
        expected = [(*span, None) for held in agreed for span in held]
        if sorted(map(_held, rows), key=str) != sorted(expected, key=str):
            yield Fault(
                "wrong_time_held",
                f"Visit {visit.pk} is {visit.status} but does not hold exactly what"
                " was accepted: these resources, from when to when.",
            )
    elif visit.status in HOLDS_FOR_A_WHILE:
        for row in rows:
            if row.expires_at is None:
                yield Fault(
                    "held_without_end",
                    f"Reservation {row.pk} never lapses, though visit {visit.pk} is"
                    f" only {visit.status}.",
                )
    elif rows:
        yield Fault(
            "held_for_nothing",
            f"Visit {visit.pk} is {visit.status} and still holds time on"
            f" {len(rows)} resources.",
        )


def _held(row: Reservation) -> tuple[int, str, str, str | None]:
    return (
        row.resource_id,
        _plain(row.start),
        _plain(row.end),
        _plain(row.expires_at),
    )


def _messages(visit: Appointment) -> Iterator[Fault]:
    """See that each event has exactly the one message that it owes."""
    messages = list(visit.messages.all())
    events = {event.pk: event for event in visit.events.all()}
    for event in events.values():
        owed = [str(OWED[event.act])] if event.act in OWED else []
        found = [m.kind for m in messages if m.event_id == event.pk]
        if found != owed:
            yield Fault(
                "wrong_messages",
                f"Event {event.pk} of visit {visit.pk} owes the messages {owed}"
                f" and has {found}.",
            )
    for message in messages:
        if message.event_id not in events:
            yield Fault(
                "stray_message",
                f"Message {message.pk} of visit {visit.pk} belongs to an event of"
                " another visit.",
            )


# --- Messages that nobody sends --------------------------------------------------


def _silent_messages(now: datetime) -> Iterator[Fault]:
    earlier = Message.objects.owed().filter(
        appointment=OuterRef("appointment"), pk__lt=OuterRef("pk")
    )
    # Behind an earlier one of the same visit, waiting is right.
    next_in_line = Message.objects.due(now).exclude(Exists(earlier))
    for pk, due_at, last_error in next_in_line.values_list(
        "pk", "due_at", "last_error"
    ):
        if last_error == IN_HAND and due_at <= now - LEASE_PATIENCE:
            yield Fault(
                "dead_lease",
                f"Message {pk} was taken by a worker that never said what became of"
                " it, and none has taken it over. Is a worker running?",
            )
        elif due_at <= now - PATIENCE:
            yield Fault(
                "stuck_message",
                f"Message {pk} is due since {due_at:%Y-%m-%d %H:%M} UTC and not sent."
                " Is a worker running?",
            )
