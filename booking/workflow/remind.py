"""What is said because its time has come: reminders, the day after, a late answer.

Nothing is planned ahead. The worker asks, at the moment of sending, what is true of a
visit; so nobody is reminded of a time that was given up. No resource is locked, as no
time changes.
"""

from datetime import UTC, datetime, timedelta

from booking import messages
from booking.messages import Occasion
from booking.models import (
    Appointment,
    ClosingRow,
    Message,
    TextPurpose,
    clinic_zone,
    may_text,
)
from booking.policy import Status

from .road import act

Kind = Message.Kind
EMAIL = Message.Channel.EMAIL

# Who was told of the time so shortly before a reminder, or since, needs none.
JUST_TOLD = timedelta(hours=12)
# Who comes is on the way.
TOO_LATE = timedelta(hours=1)
# From how long after a visit, or a promise, on it would be odd to write about it.
FOLLOWED_UP_WITHIN = timedelta(days=4)
OWNED_UP_WITHIN = timedelta(days=7)


def reminders(visit: Appointment) -> dict[Message.Kind, datetime]:
    """Return when the reminders of a visit with a time are due, first to last.

    Days are counted on the clinic's wall, so that a change of the clocks moves none to
    another time of day; hours are hours.
    """
    assert visit.start  # noqa: S101 -- the database refuses a booked visit without
    rules, due = visit.visit_type, {}
    if rules.remind_days_before:
        due[Kind.REMINDER] = _days_later(visit.start, -rules.remind_days_before)
    if rules.remind_hours_before:
        hours = timedelta(hours=rules.remind_hours_before)
        due[Kind.REMINDER_SOON] = visit.start - hours
    return dict(sorted(due.items(), key=lambda item: item[1]))


@act
def remind(appointment_id: int, *, now: datetime) -> bool:
    """Owe the reminder of a booked visit whose turn it is; tell whether there is one.

    Of several that are due, after a worker was away, the last alone. None for who heard
    of the time just then, for who has had it, or while a closed day says otherwise.
    """
    visit = Appointment.objects.lock(appointment_id)
    if visit.status != Status.BOOKED or not visit.start:
        return False
    until = visit.start - TOO_LATE
    due = [(kind, at) for kind, at in reminders(visit).items() if at <= now < until]
    by_text = may_text(visit.patient, TextPurpose.REMINDERS)
    if not due or not (by_text or _can_be_reminded(visit)):
        return False
    kind, at = due[-1]
    said = visit.messages.filter(overtaken_at=None, true_start=visit.start)
    if (
        said.filter(created_at__gt=at - JUST_TOLD).exists()
        or visit.messages.filter(kind=kind, occasion=visit.start).exists()
        or _is_closed(visit, now)
    ):
        return False
    occasion = Occasion(visit, visit.start, until)
    if _can_be_reminded(visit):
        messages.owe(kind, occasion, now=now)
    if by_text:
        messages.owe(kind, occasion, now=now, by_text=True)
    return True


@act
def follow_up(appointment_id: int, *, now: datetime) -> bool:
    """Ask by mail after a visit that took place, the day after; tell whether owed.

    It leads to what the service's page says of the time afterwards, so there is none
    for a service that says nothing.
    """
    visit = Appointment.objects.lock(appointment_id)
    if visit.status != Status.FULFILLED or not visit.start or not visit.end:
        return False
    until = visit.end + FOLLOWED_UP_WITHIN
    if (
        not _days_later(visit.end, 1) <= now < until
        or visit.forgotten_at
        or not visit.visit_type.follows_up
        or not visit.visit_type.service.aftercare_url
        or messages.reached_by(visit.patient) != EMAIL
        or visit.messages.filter(kind=Kind.FOLLOW_UP).exists()
    ):
        return False
    messages.owe(Kind.FOLLOW_UP, Occasion(visit, visit.start, until), now=now)
    return True


@act
def own_up(appointment_id: int, *, now: datetime) -> bool:
    """Say by mail that we have not answered as promised, once; tell whether owed.

    To a request, or to the wish for another time for what is booked, until that begins.
    Whom no mail reaches is on the desk's list already, as a request that is late.
    """
    visit = Appointment.objects.lock(appointment_id)
    if not visit.reply_by or not visit.is_overdue(now):
        return False
    if (
        now >= visit.reply_by + OWNED_UP_WITHIN
        or (visit.start and visit.start <= now)
        or messages.reached_by(visit.patient) != EMAIL
        or visit.messages.filter(
            kind=Kind.LATE_ANSWER, occasion=visit.reply_by
        ).exists()
    ):
        return False
    occasion = Occasion(visit, visit.reply_by, visit.start)
    messages.owe(Kind.LATE_ANSWER, occasion, now=now)
    return True


def _can_be_reminded(visit: Appointment) -> bool:
    by_mail = messages.reached_by(visit.patient) == EMAIL
    return by_mail or visit.visit_type.remind_by_phone


def _is_closed(visit: Appointment, now: datetime) -> bool:
    """Tell whether the clinic is about to call the visit off, or has to phone."""
    rows = ClosingRow.objects.filter(appointment=visit)
    waiting = rows.filter(outcome=ClosingRow.Outcome.WAITING)
    return waiting.exists() or rows.in_closed_time(now).exists()


def _days_later(at: datetime, days: int) -> datetime:
    """Return the same time of day, on the clinic's wall, so many days later."""
    wall = at.astimezone(clinic_zone())
    day = wall.date() + timedelta(days=days)
    return datetime.combine(day, wall.time(), clinic_zone()).astimezone(UTC)
