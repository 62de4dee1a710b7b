"""A visit with all that hangs on it, as its rows are: what `visits` compares."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.db.models.lookups import Exact

from booking.models import (
    Appointment,
    AppointmentEvent,
    Message,
    Proposal,
    Reservation,
    WaitingListEntry,
)

# What the events alone make of a visit, too.
COMPARED = (
    "status", "version", "start", "end", "cancellation_reason", "decline_reason",
    "series",
)  # fmt: skip
# What is said of who asked for another; the name is read as it is stored.
ASKED_BY = (
    "requested_by_relation", "requested_by_is_contact", "requested_by_may_arrange",
    "may_arrange_wording", "may_arrange_version", "may_arrange_at",
)  # fmt: skip
_NAME = Cast("requested_by_name", TextField())


class EventRow(NamedTuple):
    pk: int
    version: int
    act: str
    from_status: str
    to_status: str
    reason: str
    actor: str
    user_id: int | None
    data: dict[str, Any]


class ProposalRow(NamedTuple):
    pk: int
    by: str
    outcome: str
    start: datetime
    end: datetime
    expires_at: datetime | None

    @property
    def is_offer(self) -> bool:
        return self.by == Proposal.By.CLINIC and self.outcome == Proposal.Outcome.OPEN


class ReservationRow(NamedTuple):
    pk: int
    resource_id: int
    start: datetime
    end: datetime
    expires_at: datetime | None
    proposal_id: int | None

    def lasts(self, now: datetime) -> bool:
        return self.expires_at is None or self.expires_at > now


class MessageRow(NamedTuple):
    pk: int
    event_id: int | None
    occasion: datetime | None
    true_start: datetime | None
    kind: str
    channel: str
    sent_at: datetime | None
    failed_at: datetime | None
    overtaken_at: datetime | None

    @property
    def is_owed(self) -> bool:
        ended = self.sent_at or self.failed_at or self.overtaken_at
        return self.channel != Message.Channel.PHONE and not ended


@dataclass(slots=True)
class VisitRows:
    """A visit with what is compared, and nothing that is encrypted."""

    pk: int
    status: str
    version: int
    start: datetime | None
    end: datetime | None
    cancellation_reason: str
    decline_reason: str
    series: UUID | None
    reply_by: datetime | None
    is_for_another: bool
    relation: str
    is_contact: bool
    may_arrange: bool
    wording: str
    version_of_wording: str
    agreed_at: datetime | None
    events: list[EventRow] = field(default_factory=list)
    proposals: list[ProposalRow] = field(default_factory=list)
    reservations: list[ReservationRow] = field(default_factory=list)
    messages: list[MessageRow] = field(default_factory=list)
    waits: bool = False


# Where it is kept, as what, and what it is read from, in which order.
_HANGING: tuple[tuple[str, Any, QuerySet[Any]], ...] = (
    ("events", EventRow, AppointmentEvent.objects.order_by("version", "pk")),
    ("proposals", ProposalRow, Proposal.objects.order_by("pk")),
    ("reservations", ReservationRow, Reservation.objects.order_by("pk")),
    ("messages", MessageRow, Message.objects.order_by("pk")),
)


def read(pks: Collection[int]) -> Iterable[VisitRows]:
    """Return the visits by key with all that belongs to them, in six queries."""
    if not pks:
        return ()
    visits = {
        row[0]: VisitRows(*row)
        for row in Appointment.objects.filter(pk__in=pks)
        .order_by("pk")
        .annotate(is_for_another=~Q(Exact(_NAME, "")))
        .values_list("pk", *COMPARED, "reply_by", "is_for_another", *ASKED_BY)
    }
    of_these = {"appointment__in": pks}
    for name, row_of, found in _HANGING:
        columns = "appointment_id", *row_of._fields
        for pk, *row in found.filter(**of_these).values_list(*columns):
            getattr(visits[pk], name).append(row_of(*row))
    waiting = WaitingListEntry.objects.open().filter(**of_these)
    for pk in waiting.values_list("appointment_id", flat=True):
        visits[pk].waits = True
    return visits.values()
