"""How it is going, in numbers: each report with its picture, its table and its words.

Reads, and no more. Each asks the database once or twice, however many visits there are;
what cannot be counted there is gone through once, as plain values. Days and weeks are
the clinic's; a week begins on Monday.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import chain
from math import ceil
from statistics import median
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.fields.json import KT
from django.db.models.lookups import GreaterThan
from django.db.models.sql.compiler import SQLCompiler
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from . import charts
from .availability import WeeklyHours, opening_windows
from .models import (
    Appointment,
    AppointmentEvent,
    ClosingRow,
    Closure,
    Reservation,
    Resource,
    WaitingListEntry,
    clinic_zone,
)
from .models.appointment import awaits_answer
from .policy import AGREED, LONGEST, Act, Actor, CancellationReason, Status, without

# Below this many, a share or a percentile says more about chance than about the clinic.
ENOUGH = 10
# A visit that is called off later than this before it begins was called off late.
LATE = timedelta(hours=24)
# What is told week by week of the visits that did not take place.
WEEKLY = ("noshow", "late_patient", "late_clinic", "closed")
# How staff answer a request, and somebody who has a time and asked for another.
ANSWERS = (Act.ACCEPT, Act.DECLINE, Act.OFFER)
ANSWERS_TO_MOVE = (Act.CHANGE, Act.REFUSE_CHANGE, Act.OFFER, Act.MOVE)
# After these, what staff do is no answer to somebody who asked for another time before.
ENDS_A_WISH = (
    Act.ASK_CHANGE, Act.STOP_CHANGE, Act.TAKE, Act.CANCEL, Act.CALL_OFF, Act.ARRIVE,
    Act.COMPLETE, Act.MISS,
)  # fmt: skip
# After these, a visit holds no time any more, and its events say what it held.
OVER = (Status.FULFILLED, Status.NOSHOW, Status.CANCELLED)
HOUR = 3600

Words = str | Promise
Stretch = tuple[int, int]


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


@dataclass(frozen=True, slots=True)
class Range:
    """The days that a report is about, both included, in the clinic's zone."""

    first: date
    last: date

    @property
    def begin(self) -> datetime:
        return datetime.combine(self.first, time(), clinic_zone()).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """Return the midnight after the last day."""
        after = self.last + timedelta(days=1)
        return datetime.combine(after, time(), clinic_zone()).astimezone(UTC)

    @property
    def mondays(self) -> list[date]:
        """Return the first day of each week that the range touches."""
        first = self.first - timedelta(days=self.first.weekday())
        weeks = (self.last - first).days // 7 + 1
        return [first + timedelta(weeks=n) for n in range(weeks)]

    def within(self, field: str) -> Q:
        """Match the rows whose `field`, an instant, lies in the range."""
        return Q(**{f"{field}__gte": self.begin, f"{field}__lt": self.end})


@dataclass(frozen=True, slots=True)
class Table:
    """What a picture shows, in numbers; the first cell of a row is its name."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def is_long(self) -> bool:
        return len(self.rows) > 16


@dataclass(frozen=True, slots=True)
class Report:
    """One picture with its figures, its tables, and what they mean in words."""

    code: str
    title: str
    figures: Sequence[tuple[str, str]]
    chart: charts.Bars | charts.Columns | None
    says: str
    tables: Sequence[Table]
    meaning: Sequence[str]


def all_reports(days: Range, now: datetime) -> list[Report]:
    """Return every report on some days. A constant number of queries."""
    return [
        answers(days, now),
        weeks(days),
        use(days),
        outcomes(days, now),
        origins(days),
        waiting_list(days),
    ]


# --- Words ---------------------------------------------------------------------------


def how_long(seconds: float) -> str:
    """Return a length of time in its two largest units: 5 h 10 min, 3 days 4 h."""
    minutes = round(seconds / 60)
    if minutes < 60:
        return _("%(n)d min") % {"n": minutes}
    if minutes < 48 * 60:
        said = {"h": minutes // 60, "min": minutes % 60}
        return _("%(h)d h %(min)d min") % said
    hours = round(minutes / 60)
    said = {"d": hours // 24, "h": hours % 24}
    return _("%(d)d days %(h)d h") % said


def hours(seconds: float) -> str:
    return _("%(n)s h") % {"n": f"{seconds / HOUR:,.1f}"}


def percent(part: float, whole: float, *, of: int | None = None) -> str:
    """Return a share, or that there is too little of what it is a share of."""
    if (whole if of is None else of) < ENOUGH:
        return _("not enough visits")
    return _("%(n)d%%") % {"n": round(100 * part / whole)}


def percentile(numbers: Sequence[float], share: int) -> float:
    """Return the smallest number that `share` percent do not exceed: nearest rank."""
    return sorted(numbers)[max(ceil(len(numbers) * share / 100) - 1, 0)]


def _count(number: int) -> str:
    return f"{number:,}"


# --- Time to answer ------------------------------------------------------------------


def _steps() -> list[tuple[str, float]]:
    return [
        (_("Within an hour"), HOUR),
        (_("1 to 4 hours"), 4 * HOUR),
        (_("4 to 24 hours"), 24 * HOUR),
        (_("1 to 2 days"), 48 * HOUR),
        (_("2 to 7 days"), 7 * 24 * HOUR),
        (_("Longer"), float("inf")),
    ]


def answers(days: Range, now: datetime) -> Report:
    """Tell how long what was asked for on these days waited for the first answer."""
    waits: list[float] = []
    found: Counter[str] = Counter()
    for at, answer, promised, waiting in chain(_requests(days), _moves(days, now)):
        found["asked"] += 1
        if answer is None and not waiting:
            found["ended"] += 1
            continue
        if answer is not None:
            waits.append(answer - at)
        if promised is None:
            found["unknown"] += 1
        elif (answer or now.timestamp()) <= promised:
            found["kept" if answer else "open"] += 1
        else:
            found["late"] += 1
            found["late_open"] += answer is None
    judged = found["kept"] + found["late"]
    steps = _steps()
    lengths = Counter(next(w for w, most in steps if wait <= most) for wait in waits)
    few = _("not enough visits")
    enough = len(waits) >= ENOUGH
    rows = [
        [w, _count(lengths[w]), percent(lengths[w], len(waits))] for w, _most in steps
    ]
    return Report(
        "answers",
        _("Time to answer"),
        [
            (
                _("Half were answered within"),
                how_long(median(waits)) if enough else few,
            ),
            (
                _("95% were answered within"),
                how_long(percentile(waits, 95)) if enough else few,
            ),
            (_("Promise kept"), percent(found["kept"], judged)),
        ],
        charts.bars((w, lengths[w], _count(lengths[w])) for w, _most in steps)
        if waits
        else None,
        _("How many requests were answered within which time."),
        [
            Table(_("Requests by the time until the answer"),
                  [_("Answered"), _("Requests"), _("Share")], rows),
            Table(
                _("Requests by what became of the promise"),
                [_("Promise"), _("Requests")],
                [
                    [_("Kept"), _count(found["kept"])],
                    [_("Answered late"), _count(found["late"] - found["late_open"])],
                    [_("Late, and not answered yet"), _count(found["late_open"])],
                    [_("Not answered yet, in time still"), _count(found["open"])],
                    [_("Ended before an answer"), _count(found["ended"])],
                    [_("Promise not recorded"), _count(found["unknown"])],
                    [_("All requests"), _count(found["asked"])],
                ],
            ),
        ],
        [
            _(
                "Counted are requests made on these days, online or by phone, and"
                " booked visits whose patients asked for another time. The answer is"
                " the first time that staff accepted, declined, moved or offered times."
                " Visits"
                " that staff booked at once, and places on the waiting"
                " list, are no requests."
            ),
            _(
                "The time runs by the clock, at night and on weekends, too. The promise"
                " is the one given with the request, in business hours. A request that"
                " is late and waits still counts as not kept; one that the patient"
                " withdrew before an answer does not count."
            ),
        ],
    )  # fmt: skip


# When it was asked, first answered and promised; and whether it still waits.
Asked = tuple[float, float | None, float | None, bool]


def _requests(days: Range) -> Iterator[Asked]:
    """Yield the requests of these days."""
    answered = AppointmentEvent.objects.filter(
        appointment=OuterRef("appointment"), act__in=ANSWERS, actor=Actor.STAFF
    ).order_by("version")
    asked = (
        AppointmentEvent.objects.filter(
            days.within("appointment__requested_at"), version=1, act=Act.REQUEST
        )
        .order_by()
        .values_list(
            Seconds("at"),
            Seconds(Subquery(answered.values("at")[:1])),
            Seconds(KT("data__reply_by")),
            "appointment__status",
        )
    )
    for at, answer, promised, status in asked:
        yield at, answer, promised, status == Status.PENDING


def _moves(days: Range, now: datetime) -> Iterator[Asked]:
    """Yield the booked visits whose patients asked for another time on these days.

    One answers each before the next can be asked; who asked last may still wait.
    """
    later = AppointmentEvent.objects.filter(
        appointment=OuterRef("appointment"), version__gt=OuterRef("version")
    ).order_by("version")
    answered = later.filter(act__in=ANSWERS_TO_MOVE, actor=Actor.STAFF)
    over = later.filter(act__in=ENDS_A_WISH)
    asked = AppointmentEvent.objects.filter(days.within("at"), act=Act.ASK_CHANGE)
    rows = asked.order_by().values_list(
        Seconds("at"),
        Seconds(Subquery(answered.values("at")[:1])),
        Seconds(Subquery(over.values("at")[:1])),
        Seconds(KT("data__reply_by")),
        ExpressionWrapper(
            Q(appointment__in=Appointment.objects.filter(awaits_answer(now))),
            BooleanField(),
        ),
    )
    for at, answer, ended, promised, waits in rows:
        if ended is not None and (answer is None or ended < answer):
            answer = None
        yield at, answer, promised, waits and ended is None


# --- Requests and visits by week -----------------------------------------------------


def weeks(days: Range) -> Report:
    """Tell how many asked, and how many visits there are, week by week."""
    asked = _by_week(
        Appointment.objects.filter(days.within("requested_at")), "requested_at", days
    )
    took = _by_week(
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
        [(_("Asked for"), _count(total[0])), (_("Visits"), _count(total[1]))],
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
                [[names[m], _count(asked[m]), _count(took[m])] for m in mondays],
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


def _by_week(visits: "QuerySet[Any]", field: str, days: Range) -> Counter[date]:
    grouped = (
        visits.order_by()
        .annotate(week=_week(field, days))
        .values_list("week")
        .annotate(n=Count("pk"))
    )
    return Counter({days.mondays[week]: n for week, n in grouped})


def _week(field: str, days: Range) -> Case:
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


# --- Use of people, rooms and machines -----------------------------------------------


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


def use(days: Range) -> Report:
    """Tell how the time of people, rooms and machines was used."""
    found = [u for u in usage(days) if u.bookable or u.booked or u.lost]
    legend = [
        ("one", _("Booked")),
        ("lost", _("Lost")),
        ("two", _("Lost to a closed day")),
        ("free", _("Free")),
        ("blocked", _("Blocked")),
    ]
    kinds = Resource.Kind
    totals = {kind: [u for u in found if u.resource.kind == kind] for kind in kinds}
    labels = {
        kinds.CLINICIAN: _("Clinicians, booked"),
        kinds.ROOM: _("Rooms, booked"),
        kinds.MACHINE: _("Machines, booked"),
    }
    return Report(
        "use",
        _("Use of clinicians, rooms and machines"),
        [
            (labels[kind], _share_booked(used)) for kind, used in totals.items() if used
        ],
        charts.stacks(
            (
                (
                    used.resource.name,
                    (used.booked, used.lost, used.closed, used.free, used.blocked),
                    _("%(share)s booked") % {"share": _share_booked([used])},
                )
                for used in found
            ),
            legend,
        )
        if found
        else None,
        _(
            "For each, the shares of its time that were booked, lost, lost to a closed"
            " day, free and blocked."
        ),
        [
            Table(
                _("Hours"),
                [
                    _("Name"), _("Bookable"), _("Booked"), _("Lost"),
                    _("Lost to a closed day"), _("Free"), _("Blocked"),
                    _("Booked of bookable"),
                ],
                [
                    [
                        used.resource.name, hours(used.bookable), hours(used.booked),
                        hours(used.lost), hours(used.closed), hours(used.free),
                        hours(used.blocked),
                        _share_booked([used]),
                    ]
                    for used in found
                ],
            )
        ],
        [
            _(
                "Bookable is what the weekly hours give on these days, less what"
                " closures block. Booked is what visits take, set-up and clean-up"
                " included, whether they are to come, completed or going on. Lost is"
                " what was booked for somebody who did not come, or called off less"
                " than 24 hours before, and that nobody else got. Outside the weekly"
                " hours, visits can make more than 100%."
            ),
            _(
                "Lost to a closed day is what visits had that were called off less than"
                " 24 hours before because a day was closed, such as a room’s time when"
                " a clinician is sick. What the closure itself closes is blocked."
            ),
            _(
                "What cannot be known: hours and closures are as they are written"
                " today. Those that were deleted, or changed without a “from” or"
                " “until” day, leave no trace. Times that requests and offers keep are"
                " not booked yet, and count as free."
            ),
        ],
    )  # fmt: skip


def _share_booked(used: Iterable[Used]) -> str:
    used = list(used)
    bookable = sum(u.bookable for u in used)
    if bookable == 0:
        return _("no hours")
    return _("%(n)d%%") % {"n": round(100 * sum(u.booked for u in used) / bookable)}


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


def called_off_for_closing() -> "QuerySet[ClosingRow]":
    """Return the visits that were called off, or cancelled, as a day was closed."""
    return ClosingRow.objects.filter(outcome=ClosingRow.Outcome.DONE).order_by()


def _held_in_closed_time(days: Range) -> Iterable[Held]:
    """Return what visits held that were called off late as a day was closed."""
    around = Q(was_at__gt=days.begin - LONGEST, was_at__lt=days.end + LONGEST)
    held = AppointmentEvent.objects.filter(
        appointment=OuterRef("appointment"),
        version__lte=OuterRef("version"),
        data__has_key="held",
    ).order_by("-version")
    rows = called_off_for_closing().filter(around, _is_late("was_at", F("at")))
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
    is_late = _is_late("appointment__start", _called_off(OuterRef("appointment")))
    closed = called_off_for_closing().filter(
        appointment=OuterRef("appointment"), was_at=OuterRef("appointment__start")
    )
    rows = (
        events.filter(
            ~Q(appointment__status=Status.CANCELLED) | (Q(is_late) & ~Exists(closed))
        )
        .order_by("version")
        .values_list("appointment_id", "appointment__status", KT("data__held"))
    )
    last = {pk: (status, text) for pk, status, text in rows}
    # Read at once: a call for each takes longer than all of them.
    held = json.loads(f"[{','.join(text for _, text in last.values())}]")
    return zip((status for status, _ in last.values()), held, strict=True)


def _is_late(start: str, called_off: Subquery | F) -> GreaterThan:
    """Tell whether what begins then was called off less than LATE before."""
    return GreaterThan(Seconds(called_off), Seconds(start) - LATE.total_seconds())


def _called_off(visit: OuterRef) -> Subquery:
    """Return when a booked visit was cancelled; null for one that was not."""
    events = AppointmentEvent.objects.filter(appointment=visit, act=Act.CANCEL)
    return Subquery(events.order_by("-version").values("at")[:1])


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


DAY = 24 * HOUR


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


# --- No-shows and late cancellations -------------------------------------------------


def outcomes(days: Range, now: datetime) -> Report:
    """Tell what became of the visits that were to take place on these days."""
    called_off = Q(status=Status.CANCELLED)
    past = Q(start__lt=now)
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
                When(called_off, then=_is_late("start", _called_off(OuterRef("pk")))),
                default=Value(False),
            ),
            is_past=ExpressionWrapper(past, BooleanField()),
            is_closed=Case(When(called_off, then=Exists(closed)), default=Value(False)),
        )
    )
    kinds = ("status", "cancellation_reason", "is_late", "is_past", "is_closed")
    found: Counter[str] = Counter()
    for *kind, n in visits.values_list(*kinds).annotate(n=Count("pk")):
        found[_outcome(*kind)] += n
    gone = visits.filter(status__in=(Status.NOSHOW, Status.CANCELLED))
    by_week: dict[str, Counter[date]] = defaultdict(Counter)
    weekly = gone.annotate(week=_week("start", days))
    for week, *kind, n in weekly.values_list("week", *kinds).annotate(n=Count("pk")):
        by_week[_outcome(*kind)][days.mondays[week]] += n
    # Who was offered other times has no time any more, or another.
    offered = called_off_for_closing().filter(
        days.within("was_at"), choice=ClosingRow.Choice.OFFER
    )
    by_week["closed"] += _by_week(offered, "was_at", days)
    found["closed"] = by_week["closed"].total()
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
    total = sum(found.values())
    return Report(
        "outcomes",
        _("No-shows and late cancellations"),
        [
            (_("Did not come"), percent(found["noshow"], ended)),
            (_("Called off late"), percent(called_off_late, ended + called_off_late)),
            (_("Outcome not recorded"), _count(found["unrecorded"])),
        ],
        charts.bars((names[c], found[c], _count(found[c])) for c in names)
        if total
        else None,
        _("How many visits had which outcome."),
        [
            Table(
                _("Visits by what became of them"),
                [_("Outcome"), _("Visits"), _("Share")],
                [
                    [words, _count(found[code]), percent(found[code], total)]
                    for code, words in names.items()
                ]
                + [[_("All visits"), _count(total), percent(total, total)]],
            ),
            Table(
                _("What was lost, by week from Monday on"),
                [_("Week of"), *(str(names[code]) for code in WEEKLY)],
                [
                    [
                        date_format(monday, "M j, Y"),
                        *(_count(by_week[code][monday]) for code in WEEKLY),
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


# --- Where visits come from ----------------------------------------------------------


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
    total = sum(found.values())
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
        charts.bars((names[c], found[c], _count(found[c])) for c in names)
        if total
        else None,
        _("How many visits were asked for in which way."),
        [
            Table(
                _("By the way in which they were asked for"),
                [_("Way"), _("Asked for"), _("Share")],
                [
                    [words, _count(found[code]), percent(found[code], total)]
                    for code, words in names.items()
                ],
            ),
            Table(
                _("By service"),
                [_("Service"), _("Asked for"), _("Have a time now")],
                [[name, _count(n), _count(agreed)] for name, n, agreed in services],
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


# --- The waiting list ----------------------------------------------------------------


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
    total = sum(found.values())
    over = total - found[""]
    few = _("not enough visits")
    return Report(
        "waiting",
        _("Waiting list"),
        [
            (_("Took a time"), percent(found["took"], over)),
            (
                _("Half of them waited at most"),
                how_long(median(waits)) if len(waits) >= ENOUGH else few,
            ),
            (_("Offers made"), _count(offers)),
        ],
        charts.bars((names[c], found[c], _count(found[c])) for c in names)
        if total
        else None,
        _("How many places on the list ended in which way."),
        [
            Table(
                _("Places on the list by how they ended"),
                [_("Ended"), _("Places"), _("Share")],
                [
                    [words, _count(found[code]), percent(found[code], total)]
                    for code, words in names.items()
                ],
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
