"""What several reports ask the database."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    Case,
    Count,
    F,
    FloatField,
    Func,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.lookups import GreaterThan
from django.db.models.sql.compiler import SQLCompiler

from booking.models import AppointmentEvent, ClosingRow
from booking.policy import Act

from .parts import Range

# A visit that is called off later than this before it begins was called off late.
LATE = timedelta(hours=24)


class Seconds(Func):
    """An instant as seconds since 1970, to the millisecond, which cost less to read.

    Of a column of instants, or of a text in which an event keeps one.
    """

    output_field = FloatField()
    # SQLite counts days from a noon 4,713 years before our era.
    template = "ROUND((julianday(%(expressions)s) - 2440587.5) * 86400.0, 3)"

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any
    ) -> tuple[str, Any]:
        instant = "ROUND(EXTRACT(EPOCH FROM (%(expressions)s)::timestamptz), 3)"
        return self.as_sql(
            compiler, connection, template=f"{instant}::double precision", **more
        )


def by_week(visits: "QuerySet[Any]", field: str, days: Range) -> Counter[date]:
    """Return how many there are by the Monday before the instant in `field`."""
    grouped = (
        visits.order_by()
        .annotate(week=week_of(field, days))
        .values_list("week")
        .annotate(n=Count("pk"))
    )
    return Counter({days.mondays[week]: n for week, n in grouped})


def week_of(field: str, days: Range) -> Case:
    """Number the week of the range in which an instant lies, from 0.

    Compared with each Monday: on SQLite, Django's own functions of dates are in Python
    and called for each row.
    """
    following = enumerate(days.mondays[1:])
    return Case(
        *(
            When(**{f"{field}__lt": Range(monday, monday).begin}, then=Value(number))
            for number, monday in following
        ),
        default=Value(len(days.mondays) - 1),
    )


def called_off_for_closing() -> "QuerySet[ClosingRow]":
    """Return the visits that were called off, or cancelled, as a day was closed."""
    return ClosingRow.objects.filter(outcome=ClosingRow.Outcome.DONE).order_by()


def is_late(start: str, called_off: Subquery | F) -> GreaterThan:
    """Tell whether what begins then was called off less than LATE before."""
    return GreaterThan(Seconds(called_off), Seconds(start) - LATE.total_seconds())


def cancelled_at(visit: OuterRef) -> Subquery:
    """Return when a booked visit was cancelled; null for one that was not."""
    events = AppointmentEvent.objects.filter(appointment=visit, act=Act.CANCEL)
    return Subquery(events.order_by("-version").values("at")[:1])
