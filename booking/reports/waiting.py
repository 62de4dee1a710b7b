"""What becomes of places on the waiting list."""

from collections import Counter

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking.models import WaitingListEntry

from .parts import Range, Report, Table, bars, count, percent, shares, typically


def waiting_list(days: Range) -> Report:
    """Tell what became of those who joined the waiting list on these days."""
    rows = (
        WaitingListEntry.objects.filter(days.within("joined_at"))
        .order_by()
        .values_list("why_ended", "joined_at", "ended_at", "offers_made")
    )
    found: Counter[str] = Counter()
    waits: list[float] = []
    offers = 0
    for why, joined, ended, made in rows.iterator(chunk_size=2000):
        found[why] += 1
        offers += made
        if why == WaitingListEntry.WhyEnded.TOOK and ended:
            waits.append((ended - joined).total_seconds())
    names = {
        "took": _("Took a time"),
        "left": _("Left the list"),
        "cancelled": _("Visit was cancelled"),
        "expired": _("Days have passed"),
        "": _("Still waiting"),
    }
    total = found.total()
    over = total - found[""]
    return Report(
        "waiting",
        _("Waiting list"),
        [
            (_("Took a time"), percent(found["took"], over)),
            (_("Half of them waited at most"), typically(waits)),
            (_("Offers made"), count(offers)),
        ],
        bars(names, found),
        _("How many places on the list ended in which way."),
        [
            Table(
                _("Places on the list by how they ended"),
                [_("Ended"), _("Places"), _("Share")],
                shares(names, found),
            )
        ],
        [
            ngettext(
                "Counted is the place that somebody took on these days, also of those"
                " who had a time and wanted an earlier one.",
                "Counted are the places that somebody took on these days, also of those"
                " who had a time and wanted an earlier one.",
                total,
            )
            + " "
            + _(
                "“Took a time” at the top is a share of the places that have ended."
                " “Days have passed” includes visits that took place before an earlier"
                " time was found."
            )
        ],
    )
