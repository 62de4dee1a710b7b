"""Who took a time, for staff who were too slow for it."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from booking.availability import Why
from booking.errors import TimeTaken
from booking.models import Appointment, Reservation, VisitType

from .words import moment, what, who


def by_whom(
    error: TimeTaken,
    visit_type: VisitType,
    now: datetime,
    visit: Appointment | None = None,
) -> str:
    """Return what last took a time, in a sentence; "" if it is not known.

    `visit` is the one that was to have it, whose own time does not count.
    """
    reason, start = error.params.get("reason"), error.params.get("start")
    if (
        reason is None
        or start is None
        or reason.why not in (Why.FULLY_BOOKED, Why.IN_USE)
    ):
        return ""
    of = Q(resource__in=visit_type.may_take())
    if reason.resource is not None:
        of = Q(resource=reason.resource)
    elif reason.detail:
        of &= Q(resource__kind=reason.detail)
    before = timedelta(minutes=visit_type.buffer_before)
    after = timedelta(minutes=visit_type.duration + visit_type.buffer_after)
    taken = Reservation.objects.live(now).overlapping(start - before, start + after)
    others = taken.filter(of, closure=None)
    if visit:
        others = others.exclude(appointment=visit)
    row = others.select_related("appointment").order_by("pk").last()
    return _sentence(row, now) if row else ""


def _sentence(row: Reservation, now: datetime) -> str:
    if row.appointment is None:
        return _("It is held for a patient who is filling in the form.")
    event = row.appointment.events.select_related("user").latest("version")
    return _("%(reference)s has it: %(what)s by %(who)s, %(when)s.") % {
        "reference": row.appointment.reference,
        "what": what(event),
        "who": who(event),
        "when": moment(event.at, now),
    }
