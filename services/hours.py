"""Opening hours in words, from rows of weekday and wall time."""

from collections.abc import Iterable
from datetime import time
from functools import lru_cache
from itertools import groupby

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from . import rows
from .languages import said
from .models import OpeningHours, Weekday
from .rows import Rows


def clock(at: time) -> str:
    """Return a time as it is said: 8:30 AM, 6 PM."""
    return said(at, "g:i A" if at.minute else "g A")


def by_weekday(hours: Iterable[OpeningHours]) -> list[tuple[str, str]]:
    """Return seven pairs, Monday first: the day, and its hours; empty when closed."""
    by_day: dict[int, list[str]] = {day: [] for day in Weekday.values}
    for row in sorted(hours, key=lambda row: (row.weekday, row.opens)):
        times = {"opens": clock(row.opens), "closes": clock(row.closes)}
        by_day[row.weekday].append(_("%(opens)s to %(closes)s") % times)
    return [
        (str(Weekday(day).label), _(" and ").join(times))
        for day, times in by_day.items()
    ]


def summary(hours: Iterable[OpeningHours]) -> str:
    """Return the open days in one line, neighbours that are alike together.

    “Monday to Friday, 8:30 AM to 6 PM; Saturday, 9 AM to 12 PM”. Empty without hours.
    """
    return "; ".join(
        f"{_span([day for day, _times in days])}, {times}"
        for times, days in groupby(by_weekday(hours), key=lambda pair: pair[1])
        if times
    )


def summary_of(week: Rows) -> str:
    """Return the same of rows that were read whole, worked out once a language."""
    return _summary_of(week, get_language())


@lru_cache(maxsize=8)
def _summary_of(week: Rows, language: str | None) -> str:
    return summary(rows.instances(OpeningHours, week))


def _span(days: list[str]) -> str:
    if len(days) == 1:
        return days[0]
    ends = {"first": days[0], "last": days[-1]}
    if len(days) == 2:
        return _("%(first)s and %(last)s") % ends
    return _("%(first)s to %(last)s") % ends
