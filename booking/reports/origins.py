"""How visits reach the clinic, and for what."""

from collections import Counter

from django.db.models import BooleanField, Count, ExpressionWrapper, Q
from django.utils.translation import gettext as _

from booking.models import Appointment, AppointmentEvent
from booking.policy import AGREED, Act, Actor

from .parts import Range, Report, Table, bars, count, percent, shares


def origins(days: Range) -> Report:
    """Tell how what was asked for on these days reached the clinic, and for what."""
    first = (
        AppointmentEvent.objects.filter(
            days.within("appointment__requested_at"), version=1
        )
        .order_by()
        .annotate(
            in_series=ExpressionWrapper(Q(data__has_key="series"), BooleanField())
        )
        .values_list("act", "actor", "in_series")
        .annotate(n=Count("pk"))
    )
    found: Counter[str] = Counter()
    for act, actor, in_series, n in first:
        found[_origin(act, actor, bool(in_series))] += n
    names = {
        "web_request": _("Website, request"),
        "web_list": _("Website, waiting list"),
        "desk_booked": _("Desk, booked at once"),
        "desk_request": _("Desk, request"),
        "desk_list": _("Desk, waiting list"),
        "series": _("Next of a series"),
    }
    total = found.total()
    by_service = (
        Appointment.objects.filter(days.within("requested_at"))
        .order_by()
        .values_list("visit_type__service__name")
        .annotate(n=Count("pk"), agreed=Count("pk", filter=Q(status__in=AGREED)))
    )
    services = sorted(by_service, key=lambda row: (-row[1], row[0]))
    online = found["web_request"] + found["web_list"]
    return Report(
        "origins",
        _("Where visits come from"),
        [
            (_("Through the website"), percent(online, total)),
            (_("Through the desk"), percent(total - online, total)),
        ],
        bars(names, found),
        _("How many visits were asked for in which way."),
        [
            Table(
                _("By the way in which they were asked for"),
                [_("Way"), _("Asked for"), _("Share")],
                shares(names, found),
            ),
            Table(
                _("By service"),
                [_("Service"), _("Asked for"), _("Have a time now")],
                [[name, count(n), count(agreed)] for name, n, agreed in services],
            ),
        ],
        [
            _(
                "Counted is what was asked for on these days, by its first event. The"
                " desk is staff who booked for somebody, mostly on the phone. What the"
                " website page, an advertisement or another doctor had to do with it is"
                " recorded nowhere, so no report can tell."
            )
        ],
    )


def _origin(act: str, actor: str, in_series: bool) -> str:
    if in_series:
        return "series"
    who = "web" if actor == Actor.PATIENT else "desk"
    how = {Act.REQUEST: "request", Act.JOIN: "list"}.get(Act(act), "booked")
    return f"{who}_{how}"
