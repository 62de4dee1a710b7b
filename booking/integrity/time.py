"""Time that is taken: by one at once, as staff closed it, and no longer than held."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Max, Min

from booking.delivery import HOLDS_KEPT
from booking.models import Closure, Reservation, Resource
from booking.policy import LONGEST, without

from .fault import Fault

# The worker deletes soft holds when they are `HOLDS_KEPT` old, if it is let.
PURGE_PATIENCE = timedelta(days=1)
# Of a resource, so long a time is read at once.
SPAN = timedelta(days=366)


def find(now: datetime) -> Iterator[Fault]:
    yield from _overlaps()
    yield from _closures(now)
    yield from _old_holds(now)


# What begins in a stretch of time, inside an earlier reservation of its resource. None
# is longer than LONGEST (that is a fault by itself), so reading begins so long before.
_OVERLAPPING = """
    SELECT id FROM (
        SELECT id, start,
               MAX("end") OVER (
                   ORDER BY start, id
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
               ) AS taken_until
        FROM booking_reservation
        WHERE resource_id = %s AND start > %s AND start < %s
    ) AS in_order
    WHERE start >= %s AND start < taken_until ORDER BY start, id
"""


def _overlaps() -> Iterator[Fault]:
    """Compare each reservation with all that begin before it on its resource."""
    spans = (
        Reservation.objects.order_by("resource")
        .values("resource")
        .annotate(first=Min("start"), last=Max("start"))
        .values_list("resource", "first", "last")
    )
    for resource, since, last in list(spans):
        while since <= last:
            for reservation in _overlapping(resource, since, since + SPAN):
                yield Fault(
                    "overlap",
                    f"Reservation {reservation} begins before an earlier one of"
                    f" resource {resource} ends.",
                )
            since += SPAN


def _overlapping(resource: int, since: datetime, until: datetime) -> list[int]:
    times = [
        connection.ops.adapt_datetimefield_value(at)
        for at in (since - LONGEST, until, since)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_OVERLAPPING, [resource, *times])
        return [pk for (pk,) in cursor.fetchall()]


def _old_holds(now: datetime) -> Iterator[Fault]:
    lapsed = Reservation.objects.soft_holds().lapsed(now - HOLDS_KEPT - PURGE_PATIENCE)
    if old := lapsed.count():
        yield Fault(
            "old_holds",
            f"{old} soft holds have lapsed days ago and were not deleted. Is a worker"
            " running, and does it purge?",
        )


def _closures(now: datetime) -> Iterator[Fault]:
    """Look whether each closure to come holds its time, and no other."""
    for closure in Closure.objects.filter(end__gt=now):
        if any(_closure(closure, now)):
            for still in Closure.objects.filter(pk=closure.pk):
                yield from _closure(still, now)


def _closure(closure: Closure, now: datetime) -> Iterator[Fault]:
    closed = [closure.resource_id] if closure.resource_id else _resources()
    own = Reservation.objects.filter(closure=closure, end__gt=now).order_by("pk")
    for row in own:
        inside = closure.start <= row.start and row.end <= closure.end
        if not inside or row.resource_id not in closed:
            yield Fault(
                "held_beside_closure",
                f"Reservation {row.pk} holds time that closure {closure.pk} does not"
                " close.",
            )
    taken: dict[int, list[tuple[datetime, datetime]]] = {pk: [] for pk in closed}
    there = Reservation.objects.overlapping(closure.start, closure.end)
    rows = there.filter(resource__in=closed)
    for resource, start, end in rows.values_list("resource_id", "start", "end"):
        taken[resource].append((start, end))
    left = max(closure.start, now), closure.end
    for resource in closed:
        if any(without(left, taken[resource])):
            yield Fault(
                "closed_but_free",
                f"Closure {closure.pk} leaves time free on resource {resource}.",
            )


def _resources() -> list[int]:
    return list(Resource.objects.order_by("pk").values_list("pk", flat=True))
