"""What takes the time of people, rooms and machines, day by day. Reads, and no more."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import reduce
from itertools import pairwise
from operator import or_

from django.db.models import Prefetch, Q

from .availability import opening_windows
from .models import (
    Appointment,
    AppointmentEvent,
    Closure,
    Proposal,
    Reservation,
    Resource,
    clinic_zone,
    span_of,
)
from .policy import LONGEST, Status, without

# [start, end)
Span = tuple[datetime, datetime]

# A day's table has a row at least this often.
STEP = timedelta(minutes=30)
# After these, a visit holds no time any more, but took place, or was to.
OVER = (Status.FULFILLED, Status.NOSHOW)


class What(StrEnum):
    """Why time is taken."""

    VISIT = "visit"
    REQUEST = "request"
    OFFER = "offer"
    HOLD = "hold"
    CLOSURE = "closure"


@dataclass(frozen=True, slots=True)
class Entry:
    """What takes `[start, end)` of one resource, buffers inside.

    `begins` and `ends` are what the patient reads of it. `until` is when a request, an
    offer or a hold lets go of it.
    """

    resource_id: int
    start: datetime
    end: datetime
    what: What
    begins: datetime
    ends: datetime
    until: datetime | None = None
    visit: Appointment | None = None
    proposal_id: int | None = None
    closure: Closure | None = None

    @property
    def times(self) -> Span:
        """Return when the patient is there, or what else is shown of it."""
        return self.begins, self.ends

    @property
    def taken(self) -> Span:
        return self.start, self.end

    @property
    def has_buffers(self) -> bool:
        return self.taken != self.times


@dataclass(frozen=True, slots=True)
class Lane:
    """The day of one resource: what takes it, in order, and when it is open."""

    resource: Resource
    day: date
    entries: Sequence[Entry]
    open: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Cell:
    """A stretch of a lane over some rows: taken, free, or outside the hours.

    More than one entry only where a missed visit's time went to another one. `free`
    is what can still be had of it: a part of it may be past.
    """

    lane: Lane
    start: datetime
    end: datetime
    entries: Sequence[Entry] = ()
    is_open: bool = True
    free: Span | None = None
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a day's table: the cells that begin then."""

    start: datetime
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Around:
    """The day of one resource around a time: what ends before it, what begins after.

    None where nothing else does on that day.
    """

    resource: Resource
    before: Entry | None
    after: Entry | None


@dataclass(frozen=True)
class Diary:
    """What is known of some days, in clinic time. A constant number of queries."""

    days: Sequence[date]
    now: datetime
    resources: Sequence[Resource]
    _entries: dict[int, list[Entry]] = field(repr=False)

    @classmethod
    def read(cls, days: Iterable[date], now: datetime) -> "Diary":
        """Return what takes time on these days, and when everything is open."""
        days = sorted(set(days))
        entries = sorted(
            [*_held(days, now), *_over(days)],
            key=lambda entry: (entry.start, entry.end),
        )
        by_resource: dict[int, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_resource[entry.resource_id].append(entry)
        wanted = Q(is_active=True) | Q(pk__in=list(by_resource))
        resources = Resource.objects.filter(wanted).prefetch_related("hours")
        return cls(days, now, list(resources), by_resource)

    def lane(self, resource: Resource, day: date) -> Lane:
        begin, end = span_of(day)
        mine = self._entries.get(resource.pk, [])
        entries = [e for e in mine if e.start < end and e.end > begin]
        return Lane(resource, day, entries, self._open(resource, day))

    def lanes(self, day: date, kind: str = "") -> list[Lane]:
        """Return the day of each resource, or of those of one kind."""
        wanted = (r for r in self.resources if kind in ("", r.kind))
        return [self.lane(resource, day) for resource in wanted]

    def around(self, resource: Resource, choice: Proposal) -> Around:
        """Return what is nearest to a time that can be had, on its day."""
        day = choice.start.astimezone(clinic_zone()).date()
        others = [
            entry
            for entry in self.lane(resource, day).entries
            if entry.visit != choice.appointment
        ]
        before = [entry for entry in others if entry.begins < choice.start]
        after = [entry for entry in others if entry.begins >= choice.end]
        return Around(
            resource, before[-1] if before else None, after[0] if after else None
        )

    def asked_for(self, day: date) -> list[Proposal]:
        """Return the times that wait for an answer and hold nothing, in order.

        One query.
        """
        begin, end = span_of(day)
        held = {e.proposal_id for entries in self._entries.values() for e in entries}
        asked = (
            Proposal.objects.open()
            .asked()
            .filter(appointment__status=Status.PENDING, start__gte=begin, start__lt=end)
        )
        found = asked.select_related(
            "appointment__patient", "appointment__visit_type__service"
        )
        return [p for p in found.order_by("start", "pk") if p.pk not in held]

    def _open(self, resource: Resource, day: date) -> list[Span]:
        """Return when it is open, as the engine understands its weekly hours.

        What is no person and has no hours is there whenever anybody is.
        """
        hours = [hours.as_weekly() for hours in resource.hours.all()]
        if not hours and resource.kind != Resource.Kind.CLINICIAN:
            hours = [h.as_weekly() for r in self.resources for h in r.hours.all()]
        windows = opening_windows(hours, first=day, last=day, zone=clinic_zone())
        return [(_instant(w.start), _instant(w.end)) for w in windows]


def table(lanes: Sequence[Lane], now: datetime) -> list[Row]:
    """Return the rows of a day: every half hour, and wherever something changes.

    From the first to the last that is open or taken; closures alone make no row. Empty
    when nothing is.
    """
    spans = [span for lane in lanes for span in lane.open]
    spans += [
        (entry.start, entry.end)
        for lane in lanes
        for entry in lane.entries
        if entry.what != What.CLOSURE
    ]
    if not spans:
        return []
    midnights = span_of(lanes[0].day)
    begin = max(_on_the_step(min(start for start, _ in spans)), midnights[0])
    end = min(max(end for _, end in spans), midnights[1])
    cells = [cell for lane in lanes for cell in _cells(lane, begin, end, now)]
    edges = {begin, end, *(cell.start for cell in cells)}
    edges |= {begin + n * STEP for n in range((end - begin) // STEP + 1)}
    starts = sorted(edges)
    number = {start: n for n, start in enumerate(starts)}
    rows: dict[datetime, list[Cell]] = {start: [] for start in starts[:-1]}
    for cell in cells:
        over = number[cell.end] - number[cell.start]
        rows[cell.start].append(
            Cell(
                cell.lane, cell.start, cell.end, cell.entries, cell.is_open, cell.free,
                over,
            )
        )  # fmt: skip
    return [Row(start, found) for start, found in rows.items()]


def _cells(lane: Lane, begin: datetime, end: datetime, now: datetime) -> Iterator[Cell]:
    """Yield the lane from one time to the other without a gap, in order."""
    taken = list(_clusters(lane.entries, begin, end))
    edges = {begin, end, *(edge for span, _ in taken for edge in span)}
    edges |= {min(max(edge, begin), end) for span in lane.open for edge in span}
    entries = {span[0]: (span[1], found) for span, found in taken}
    at = begin
    for start, until in pairwise(sorted(edges)):
        if start < at:
            continue
        if start in entries:
            at, found = entries[start]
            yield Cell(lane, start, at, found)
            continue
        at = until
        is_open = any(opens <= start < closes for opens, closes in lane.open)
        first = max(start, _on_the_step(now + STEP - timedelta.resolution))
        free = (first, until) if is_open and first < until else None
        yield Cell(lane, start, until, (), is_open, free)


def _clusters(
    entries: Sequence[Entry], begin: datetime, end: datetime
) -> Iterator[tuple[Span, list[Entry]]]:
    """Yield the entries that overlap together, with what they take of the span."""
    found: list[Entry] = []
    until = begin
    for entry in [*entries, None]:
        if found and (entry is None or entry.start >= until):
            start = max(min(e.start for e in found), begin)
            if start < min(until, end):
                yield (start, min(until, end)), found
            found = []
        if entry is not None:
            until = max(until, entry.end) if found else entry.end
            found = [*found, entry]


def free(lane: Lane) -> list[Span]:
    """Return what is open and not taken of a day, in order."""
    taken = [(entry.start, entry.end) for entry in lane.entries]
    return [gap for span in lane.open for gap in without(span, taken)]


def with_whole_closures(entries: Iterable[Entry]) -> list[Entry]:
    """Return the same with each closure once, as long as it is.

    Its time is held in stretches of a day, and around visits that were booked before.
    """
    found: list[Entry] = []
    seen: set[int] = set()
    for entry in entries:
        if entry.closure is None:
            found.append(entry)
        elif entry.closure.pk not in seen:
            seen.add(entry.closure.pk)
            begins, ends = entry.closure.start, entry.closure.end
            found.append(replace(entry, begins=begins, ends=ends))
    return found


@dataclass(frozen=True, slots=True)
class Stretch:
    """A cell of a week: a day of a resource, or the days that a closure alone takes."""

    lane: Lane
    entries: Sequence[Entry]
    days: int = 1


def stretches(lanes: Iterable[Lane]) -> list[Stretch]:
    """Return the days of one resource, in order, those of one closure as one."""
    found: list[Stretch] = []
    for lane in lanes:
        entries = with_whole_closures(lane.entries)
        last = found[-1] if found else None
        if last and _alone(entries, lane) == _alone(last.entries, last.lane) != 0:
            found[-1] = replace(last, days=last.days + 1)
        else:
            found.append(Stretch(lane, entries))
    return found


def _alone(entries: Sequence[Entry], lane: Lane) -> int:
    """Return the key of the closure that takes the whole lane by itself, else 0."""
    closures = [entry.closure for entry in entries]
    return (
        closures[0].pk if len(closures) == 1 and closures[0] and not free(lane) else 0
    )


def _on(days: Collection[date], start: str, end: str) -> Q:
    """Match what touches one of the days."""
    spans = map(span_of, days)
    touching = (Q(**{f"{start}__lt": b, f"{end}__gt": a}) for a, b in spans)
    return reduce(or_, touching, Q(pk=None))


def _held(days: Collection[date], now: datetime) -> Iterator[Entry]:
    """Yield what holds time on these days, in four queries.

    Were they joined, PostgreSQL might go through all visits that there ever were.
    """
    if not days:
        return
    rows = (
        Reservation.objects.live(now)
        .overlapping(span_of(min(days))[0], span_of(max(days))[1])
        .filter(_on(days, "start", "end"))
        .prefetch_related(
            Prefetch(
                "appointment",
                Appointment.objects.select_related("patient", "visit_type__service"),
            ),
            "proposal",
            "closure",
        )
    )
    for row in rows:
        times = row.proposal or row
        yield Entry(
            row.resource_id,
            row.start,
            row.end,
            _what(row),
            times.start,
            times.end,
            row.expires_at,
            row.appointment,
            row.proposal_id,
            row.closure,
        )


def _what(row: Reservation) -> What:
    if row.closure_id:
        return What.CLOSURE
    if row.hold_key:
        return What.HOLD
    if row.expires_at is None:
        return What.VISIT
    by_clinic = row.proposal and row.proposal.by == Proposal.By.CLINIC
    return What.OFFER if by_clinic else What.REQUEST


def _over(days: Collection[date]) -> Iterator[Entry]:
    """Yield what visits took that are over, as their events keep it, in two queries."""
    if not days:
        return
    holding = AppointmentEvent.objects.filter(data__has_key="held")
    visits = (
        Appointment.objects.filter(_on(days, "start", "end"), status__in=OVER)
        .filter(start__gt=span_of(min(days))[0] - LONGEST)
        .select_related("patient", "visit_type__service")
        .prefetch_related(Prefetch("events", holding.order_by("version"), "holding"))
    )
    for visit in visits:
        if not (visit.start and visit.end):
            continue
        for event in visit.holding[-1:]:  # type: ignore[attr-defined]
            for resource_id, start, end in event.data["held"]:
                yield Entry(
                    resource_id,
                    datetime.fromisoformat(start),
                    datetime.fromisoformat(end),
                    What.VISIT,
                    visit.start,
                    visit.end,
                    visit=visit,
                )


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _on_the_step(at: datetime) -> datetime:
    """Return the last half hour that is not after `at`."""
    step = int(STEP.total_seconds())
    return _instant(int(at.timestamp()) // step * step)
