"""What the time of each resource went to: booked, lost, free or blocked."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache

from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.fields.json import KT

from booking.availability import WeeklyHours, opening_windows
from booking.models import (
    AppointmentEvent,
    Closure,
    Reservation,
    Resource,
    clinic_zone,
)
from booking.policy import LONGEST, Status, without

from .counting import Seconds, called_off_for_closing, cancelled_at, is_late
from .parts import HOUR, Range

# After these, a visit holds no time any more, and its events say what it held.
OVER = (Status.FULFILLED, Status.NOSHOW, Status.CANCELLED)
DAY = 24 * HOUR

Stretch = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Used:
    """How one resource's time was used, in seconds. `bookable` is open, not blocked.

    `lost` is what patients left, or staff called off for them; `closed`, what visits
    left that were called off because a day was closed.
    """

    resource: Resource
    bookable: int
    booked: int
    blocked: int
    lost: int
    closed: int

    @property
    def free(self) -> int:
        return max(self.bookable - self.booked - self.lost - self.closed, 0)


def usage(days: Range) -> list[Used]:
    """Return how each resource's time was used, in their order. Six queries."""
    booked, lost, called_off = _taken(days)
    wanted = Q(is_active=True) | Q(pk__in=[*booked, *lost, *called_off])
    resources = list(Resource.objects.filter(wanted).prefetch_related("hours"))
    closures = list(
        Closure.objects.overlapping(days.begin, days.end)
        .order_by()
        .values_list("resource_id", "start", "end")
    )
    hours = {r.pk: frozenset(h.as_weekly() for h in r.hours.all()) for r in resources}
    anybody: frozenset[WeeklyHours] = frozenset().union(*hours.values())
    whole = _span(days.begin, days.end)

    @cache
    def open_spans(weekly: frozenset[WeeklyHours]) -> list[Stretch]:
        windows = opening_windows(
            weekly, first=days.first, last=days.last, zone=clinic_zone()
        )
        return [(w.start, w.end) for w in windows]

    found = []
    for resource in resources:
        weekly = hours[resource.pk]
        if not weekly and resource.kind != Resource.Kind.CLINICIAN:
            weekly = anybody
        spans = open_spans(weekly)
        closed = _merged(
            _span(start, end)
            for pk, start, end in closures
            if pk in (None, resource.pk)
        )
        shut = _by_day(closed)
        bookable = sum(_left(span, _near(shut, span)) for span in spans)
        mine = _merged(_cut(booked[resource.pk], whole))
        # Closed time is nobody's loss, nor is what somebody else got after all.
        taken = [*mine, *closed]
        gone = _by_day(_merged(taken))
        missed = _merged(_cut(lost[resource.pk], whole))
        # Nor is anything lost twice.
        left = _by_day(_merged([*taken, *missed]))
        shut_out = _merged(_cut(called_off[resource.pk], whole))
        found.append(
            Used(
                resource,
                bookable,
                sum(end - start for start, end in mine),
                sum(end - start for start, end in spans) - bookable,
                sum(_left(span, _near(gone, span)) for span in missed),
                sum(_left(span, _near(left, span)) for span in shut_out),
            )
        )
    return found


Taken = Mapping[int, list[Stretch]]


def _taken(days: Range) -> tuple[Taken, Taken, Taken]:
    """Return by resource what visits take, what was lost, and what to closed days.

    Spans, in three queries.
    """
    booked: dict[int, list[Stretch]] = defaultdict(list)
    lost: dict[int, list[Stretch]] = defaultdict(list)
    rows = (
        Reservation.objects.filter(appointment__isnull=False, expires_at=None)
        .overlapping(days.begin, days.end)
        .order_by()
        .values_list("resource_id", Seconds("start"), Seconds("end"))
    )
    for pk, *span in rows:
        booked[pk].append((int(span[0]), int(span[1])))
    for status, held in _held_once(days):
        _add(held, booked if status == Status.FULFILLED else lost)
    called_off: dict[int, list[Stretch]] = defaultdict(list)
    for held in _held_in_closed_time(days):
        _add(held, called_off)
    return booked, lost, called_off


Held = list[tuple[int, str, str]]


def _add(held: Held, to: dict[int, list[Stretch]]) -> None:
    for pk, begins, ends in held:
        to[pk].append((_instant(begins), _instant(ends)))


@lru_cache(maxsize=10_000)
def _instant(text: str) -> int:
    """Return an instant as an event keeps it; the same few are in many."""
    return int(datetime.fromisoformat(text).timestamp())


def _held_in_closed_time(days: Range) -> Iterable[Held]:
    """Return what visits held that were called off late as a day was closed."""
    around = Q(was_at__gt=days.begin - LONGEST, was_at__lt=days.end + LONGEST)
    held = AppointmentEvent.objects.filter(
        appointment=OuterRef("appointment"),
        version__lte=OuterRef("version"),
        data__has_key="held",
    ).order_by("-version")
    rows = called_off_for_closing().filter(around, is_late("was_at", F("at")))
    found = rows.annotate(event=Subquery(held.values("pk")[:1])).values("event")
    return AppointmentEvent.objects.filter(pk__in=found).values_list(
        "data__held", flat=True
    )


def _held_once(days: Range) -> Iterable[tuple[str, Held]]:
    """Return the state of each visit that is over, and what it held last."""
    around = Q(
        appointment__start__gt=days.begin - LONGEST,
        appointment__start__lt=days.end + LONGEST,
    )
    events = AppointmentEvent.objects.filter(
        around, data__has_key="held", appointment__status__in=OVER
    )
    late = is_late("appointment__start", cancelled_at(OuterRef("appointment")))
    closed = called_off_for_closing().filter(
        appointment=OuterRef("appointment"), was_at=OuterRef("appointment__start")
    )
    rows = (
        events.filter(
            ~Q(appointment__status=Status.CANCELLED) | (Q(late) & ~Exists(closed))
        )
        .order_by("version")
        .values_list("appointment_id", "appointment__status", KT("data__held"))
    )
    last = {pk: (status, text) for pk, status, text in rows}
    # Read at once: a call for each takes longer than all of them.
    held = json.loads(f"[{','.join(text for _, text in last.values())}]")
    return zip((status for status, _ in last.values()), held, strict=True)


def _span(start: datetime, end: datetime) -> Stretch:
    return int(start.timestamp()), int(end.timestamp())


def _cut(spans: Iterable[Stretch], whole: Stretch) -> list[Stretch]:
    """Return the parts of the spans that lie in the whole."""
    cut = ((max(start, whole[0]), min(end, whole[1])) for start, end in spans)
    return [(start, end) for start, end in cut if start < end]


def _merged(spans: Iterable[Stretch]) -> list[Stretch]:
    """Return the same time in order, nothing of it twice."""
    found: list[Stretch] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _left(span: Stretch, taken: Iterable[Stretch]) -> int:
    return sum(end - start for start, end in without(span, taken))


def _by_day(spans: Iterable[Stretch]) -> Mapping[int, list[Stretch]]:
    """Return the spans by each day, in UTC, that they touch."""
    found: dict[int, list[Stretch]] = defaultdict(list)
    for span in spans:
        for day in range(span[0] // DAY, (span[1] - 1) // DAY + 1):
            found[day].append(span)
    return found


def _near(by_day: Mapping[int, list[Stretch]], span: Stretch) -> list[Stretch]:
    days = range(span[0] // DAY, (span[1] - 1) // DAY + 1)
    return [near for day in days for near in by_day.get(day, ())]
