"""Time in which nothing can be booked: holidays, leave, a machine away for repair."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from booking.models import Closure, Reservation, Resource
from booking.policy import without

Stretch = tuple[datetime, datetime]


def hold_closures(resource_ids: Iterable[int], now: datetime) -> list[Reservation]:
    """Write anew the reservations of all closures to come, around what is booked there.

    The caller holds the locks. A visit that was booked before the closure keeps its
    time until staff move it; when it goes, this is called again and closes the gap.
    What would lapse by itself, a soft hold or a first choice, gives way at once, since
    nobody would be called to close the gap that it leaves: all that is held with it,
    too, around which no closure lies. Return what gave way.
    """
    ids = set(resource_ids)
    closures = list(
        Closure.objects.filter(end__gt=now).filter(
            Q(resource__isnull=True) | Q(resource_id__in=ids)
        )
    )
    rows = Reservation.objects.filter(resource_id__in=ids)
    rows.filter(closure__isnull=False, end__gt=now).delete()
    gone: list[Reservation] = []
    for closure in closures:
        closed = {closure.resource_id} if closure.resource_id else ids
        there = rows.filter(resource_id__in=closed).overlapping(
            closure.start, closure.end
        )
        gone += _give_way(there.filter(expires_at__isnull=False))
        taken: dict[int, list[Stretch]] = {pk: [] for pk in closed}
        for pk, start, end in there.values_list("resource_id", "start", "end"):
            taken[pk].append((start, end))
        Reservation.objects.bulk_create(
            Reservation(resource_id=pk, start=start, end=end, closure=closure)
            for pk in sorted(closed)
            for stretch in without((closure.start, closure.end), taken[pk])
            for start, end in _by_day(stretch)
        )
    return gone


def _give_way(rows: QuerySet[Reservation]) -> list[Reservation]:
    """Delete these and all that is held with them, and return it."""
    some = list(rows)
    together = Q(proposal__in={row.proposal_id for row in some} - {None}) | Q(
        hold_key__in={row.hold_key for row in some} - {""}
    )
    whole = Reservation.objects.filter(together, expires_at__isnull=False)
    gone = list(whole) if some else []
    Reservation.objects.filter(pk__in=[row.pk for row in gone]).delete()
    return gone


def _by_day(stretch: Stretch) -> Iterator[Stretch]:
    """Yield the stretch in parts of a day at most: no reservation is much longer."""
    start, end = stretch
    while start < end:
        until = min(start + timedelta(days=1), end)
        yield start, until
        start = until


def every_resource() -> list[int]:
    """Return the keys of all resources: a closure of the clinic touches them all."""
    return list(Resource.objects.order_by("pk").values_list("pk", flat=True))
