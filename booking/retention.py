"""Making anonymous, each night, what the clinic has kept for long enough."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from . import workflow
from .models import Appointment, AppointmentEvent, Message, RetentionRules
from .policy import OVER, Status

# So many messages are emptied in one statement, which keeps writers waiting.
CHUNK = 1000
# More than this a page does not count.
COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Due:
    """How many visits and messages the next run looks at, by why; COUNTED + 1 at most.

    Of visits that took place those of patients under 22 stay.
    """

    requests: int
    visits: int
    messages: int


def due(rules: RetentionRules, now: datetime) -> Due:
    """Return what the next run would remove, in three queries."""
    found = (_requests(rules, now), _visits(rules, now), _messages(rules, now))
    return Due(*(rows[: COUNTED + 1].count() for rows in found))


def forget_due(now: datetime) -> str:
    """Make anonymous all whose time has come, each visit in a transaction of its own.

    Return how many it were, in words for the result of the chore.
    """
    rules = RetentionRules.current()
    visits = sum(workflow.forget(pk, now=now) for pk in _candidates(rules, now))
    messages = 0
    while chunk := list(_messages(rules, now).values_list("pk", flat=True)[:CHUNK]):
        rows = Message.objects.filter(pk__in=chunk)
        messages += workflow.empty_messages(rows, now)
    if not visits and not messages:
        return ""
    return f"Visits made anonymous: {visits}. Texts of messages removed: {messages}."


def _candidates(rules: RetentionRules, now: datetime) -> Iterator[int]:
    for rows in (_requests(rules, now), _visits(rules, now)):
        yield from list(rows.values_list("pk", flat=True))


def _kept(rows: QuerySet[Appointment]) -> QuerySet[Appointment]:
    return rows.filter(forgotten_at=None, legal_hold=None).order_by("pk")


def _requests(rules: RetentionRules, now: datetime) -> QuerySet[Appointment]:
    if rules.requests_days is None:
        return Appointment.objects.none()
    since = now - timedelta(days=rules.requests_days)
    lately = AppointmentEvent.objects.filter(appointment=OuterRef("pk"), at__gt=since)
    rows = Appointment.objects.filter(status=Status.CANCELLED, requested_at__lte=since)
    return _kept(rows.exclude(Exists(lately)))


def _visits(rules: RetentionRules, now: datetime) -> QuerySet[Appointment]:
    if rules.visits_years is None:
        return Appointment.objects.none()
    # Leap days make it a little longer, which is asked again for each visit.
    since = now - timedelta(days=365 * rules.visits_years)
    return _kept(Appointment.objects.filter(status__in=OVER, end__lte=since))


def _messages(rules: RetentionRules, now: datetime) -> QuerySet[Message]:
    """Return what was said, or need not be said any more, and is still to be read."""
    if rules.messages_days is None:
        return Message.objects.none()
    since = now - timedelta(days=rules.messages_days)
    done = Q(sent_at__isnull=False) | Q(called_at__isnull=False)
    done |= Q(overtaken_at__isnull=False)
    rows = Message.objects.filter(done, created_at__lte=since, emptied_at=None)
    return rows.filter(appointment__legal_hold=None).order_by("pk")
