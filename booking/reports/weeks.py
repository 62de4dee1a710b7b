"""How many ask, and how many visits there are."""

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from booking import charts
from booking.models import Appointment
from booking.policy import AGREED

from .counting import by_week
from .parts import Range, Report, Table, count


def weeks(days: Range) -> Report:
    """Tell how many asked, and how many visits there are, week by week."""
    asked = by_week(
        Appointment.objects.filter(days.within("requested_at")), "requested_at", days
    )
    took = by_week(
        Appointment.objects.filter(days.within("start"), status__in=AGREED),
        "start",
        days,
    )
    mondays = days.mondays
    names = {monday: date_format(monday, "M j, Y") for monday in mondays}
    legend = [("one", _("Asked for")), ("two", _("Visits"))]
    total = sum(asked.values()), sum(took.values())
    return Report(
        "weeks",
        _("Requests and visits by week"),
        [(_("Asked for"), count(total[0])), (_("Visits"), count(total[1]))],
        charts.columns(
            [(date_format(m, "M j"), (asked[m], took[m])) for m in mondays], legend
        )
        if any(total)
        else None,
        _("Two columns for each week: what was asked for, and the visits in it."),
        [
            Table(
                _("By week, from Monday on"),
                [_("Week of"), _("Asked for"), _("Visits")],
                [[names[m], count(asked[m]), count(took[m])] for m in mondays],
            )
        ],
        [
            _(
                "“Asked for” counts requests, bookings by phone and places on the"
                " waiting list in the week in which they were made. “Visits” counts"
                " visits in the week in which they take place: to come, completed or"
                " missed. Cancelled ones are not counted."
            ),
            _(
                "Days outside the range are not counted, so a week at its edge may be"
                " cut."
            ),
        ],
    )
