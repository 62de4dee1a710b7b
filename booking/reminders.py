"""Whom the worker may have to write to because the time has come; asked each minute.

The rows say who is worth a look; `workflow` decides, under the lock of the visit.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from django.db.models import Exists, OuterRef, Q, QuerySet

from . import workflow
from .errors import BookingError
from .models import Appointment, Message, VisitType, WaitingListRules
from .policy import Status
from .workflow.remind import FOLLOWED_UP_WITHIN, OWNED_UP_WITHIN, TOO_LATE

Kind = Message.Kind

# A day of the wall's clock may be an hour shorter or longer than 24.
CLOCK_CHANGE = timedelta(hours=1)


def owe_due(now: datetime) -> str:
    """Owe what is due now, each in a transaction of its own; none in quiet hours.

    Return how many, in words for the result of the chore.
    """
    if WaitingListRules.current().is_quiet(now):
        return ""
    made = 0
    for owe in _worth_a_look(now):
        try:
            made += owe()
        except BookingError:  # a busy database: the next look is in a minute
            continue
    return f"Reminders and the like: {made}." if made else ""


def _worth_a_look(now: datetime) -> "Iterator[partial[bool]]":
    looks = (
        (workflow.remind, _to_remind(now)),
        (workflow.follow_up, _to_follow_up(now)),
        (workflow.own_up, _to_own_up(now)),
    )
    for act, visits in looks:
        for pk in visits.order_by("pk").values_list("pk", flat=True):
            yield partial(act, pk, now=now)


def _to_remind(now: datetime) -> QuerySet[Appointment]:
    """Return booked visits of whose reminders one may be due and was not written."""
    wanted, longest = Q(pk=None), timedelta()
    for rules in VisitType.objects.all():
        hours = timedelta(hours=rules.remind_hours_before or 0)
        days = timedelta(days=rules.remind_days_before or 0)
        for kind, ahead in (
            (Kind.REMINDER, days + CLOCK_CHANGE if days else days),
            (Kind.REMINDER_SOON, hours),
        ):
            longest = max(longest, ahead)
            unwritten = Q(~Exists(_written(kind, "start")))
            wanted |= unwritten & Q(visit_type=rules.pk, start__lte=now + ahead)
    # The whole stretch once more, for the sake of the index.
    return Appointment.objects.filter(
        wanted,
        status=Status.BOOKED,
        start__gt=now + TOO_LATE,
        start__lte=now + longest,
    )


def _to_follow_up(now: datetime) -> QuerySet[Appointment]:
    a_day_ago = now - timedelta(days=1) + CLOCK_CHANGE
    return Appointment.objects.filter(
        ~Exists(_written(Kind.FOLLOW_UP, "start")),
        status=Status.FULFILLED,
        visit_type__follows_up=True,
        # By the start, for the sake of the index; no visit lasts a day.
        start__gt=now - FOLLOWED_UP_WITHIN - timedelta(days=1),
        start__lte=a_day_ago,
        end__lte=a_day_ago,
    )


def _to_own_up(now: datetime) -> QuerySet[Appointment]:
    return Appointment.objects.overdue(now).filter(
        ~Exists(_written(Kind.LATE_ANSWER, "reply_by")),
        reply_by__gt=now - OWNED_UP_WITHIN,
    )


def _written(kind: Message.Kind, occasion: str) -> QuerySet[Message]:
    return Message.objects.filter(
        appointment=OuterRef("pk"), kind=kind, occasion=OuterRef(occasion)
    )
