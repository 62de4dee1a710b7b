"""What becomes of visits."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime

from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    OuterRef,
    Q,
    Value,
    When,
)
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from booking.models import Appointment, ClosingRow
from booking.policy import AGREED, CancellationReason, Status

from .counting import by_week, called_off_for_closing, cancelled_at, is_late, week_of
from .parts import Range, Report, Table, bars, count, percent, shares

# What is told week by week of the visits that did not take place.
WEEKLY = ("noshow", "late_patient", "late_clinic", "closed")


def outcomes(days: Range, now: datetime) -> Report:
    """Tell what became of the visits that were to take place on these days."""
    found, weekly = _found(days, now)
    names = {
        "completed": _("Completed"),
        "noshow": _("Did not come"),
        "late_patient": _("Late, by patient"),
        "late_clinic": _("Late, by clinic"),
        "closed": _("Clinic closed"),
        "early": _("Called off in time"),
        "unrecorded": _("Not recorded"),
        "to_come": _("To come"),
    }
    ended = found["completed"] + found["noshow"]
    called_off_late = found["late_patient"] + found["late_clinic"]
    total = found.total()
    return Report(
        "outcomes",
        _("No-shows and late cancellations"),
        [
            (_("Did not come"), percent(found["noshow"], ended)),
            (_("Called off late"), percent(called_off_late, ended + called_off_late)),
            (_("Outcome not recorded"), count(found["unrecorded"])),
        ],
        bars(names, found),
        _("How many visits had which outcome."),
        [
            Table(
                _("Visits by what became of them"),
                [_("Outcome"), _("Visits"), _("Share")],
                [
                    *shares(names, found),
                    [_("All visits"), count(total), percent(total, total)],
                ],
            ),
            Table(
                _("What was lost, by week from Monday on"),
                [_("Week of"), *(str(names[code]) for code in WEEKLY)],
                [
                    [
                        date_format(monday, "M j, Y"),
                        *(count(weekly[code][monday]) for code in WEEKLY),
                    ]
                    for monday in days.mondays
                ],
            ),
        ],
        [
            _(
                "Counted are visits that had an agreed time on these days. Late means"
                " less than 24 hours before that time. “By patient” counts also what"
                " staff cancelled for a patient who phoned."
            ),
            _(
                "“Did not come” at the top is a share of completed and missed visits,"
                " “called off late” of those and the late cancellations. A visit that"
                " moved counts once, at its last time."
            ),
            _(
                "“Clinic closed” are visits that were called off because a day was"
                " closed, late or not. They are nobody’s late cancellation. Who was"
                " offered other times, and took one, counts also at that time."
            ),
        ],
    )


def _found(
    days: Range, now: datetime
) -> tuple[Counter[str], Mapping[str, Counter[date]]]:
    """Return how many visits had which outcome; and of those lost, by their week."""
    cancelled = Q(status=Status.CANCELLED)
    closed = called_off_for_closing().filter(
        appointment=OuterRef("pk"), was_at=OuterRef("start")
    )
    visits = (
        Appointment.objects.filter(
            days.within("start"), status__in=[*AGREED, Status.CANCELLED]
        )
        .order_by()
        .annotate(
            # The events of none but those are looked for.
            is_late=Case(
                When(cancelled, then=is_late("start", cancelled_at(OuterRef("pk")))),
                default=Value(False),
            ),
            is_past=ExpressionWrapper(Q(start__lt=now), BooleanField()),
            is_closed=Case(When(cancelled, then=Exists(closed)), default=Value(False)),
        )
    )
    kinds = ("status", "cancellation_reason", "is_late", "is_past", "is_closed")
    found: Counter[str] = Counter()
    for *kind, n in visits.values_list(*kinds).annotate(n=Count("pk")):
        found[_outcome(*kind)] += n
    lost = visits.filter(status__in=(Status.NOSHOW, Status.CANCELLED))
    weekly: dict[str, Counter[date]] = defaultdict(Counter)
    by_weeks = lost.annotate(week=week_of("start", days)).values_list("week", *kinds)
    for week, *kind, n in by_weeks.annotate(n=Count("pk")):
        weekly[_outcome(*kind)][days.mondays[week]] += n
    # Who was offered other times has no time any more, or another.
    offered = called_off_for_closing().filter(
        days.within("was_at"), choice=ClosingRow.Choice.OFFER
    )
    weekly["closed"] += by_week(offered, "was_at", days)
    found["closed"] = weekly["closed"].total()
    return found, weekly


def _outcome(
    status: str, reason: str, is_late: bool, is_past: bool, is_closed: bool
) -> str:
    if status == Status.CANCELLED:
        if is_closed:
            return "closed"
        if not is_late:
            return "early"
        by_patient = reason == CancellationReason.PATIENT
        return "late_patient" if by_patient else "late_clinic"
    if status in (Status.FULFILLED, Status.NOSHOW):
        return "completed" if status == Status.FULFILLED else "noshow"
    return "unrecorded" if is_past else "to_come"
