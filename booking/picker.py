"""What the page of times shows: some days of the engine's answer, in words."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache, partial
from itertools import groupby, islice
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import get_language
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from . import reasons, words
from .availability import Day, Reason, Slot, Why
from .models import Ignoring, Practice, Resource, VisitType, clinic_zone

# So many days are read at first: mostly what a page shows is among them.
DAYS_READ = 12
# A page ends after so many days, or with the day that brings it this many times.
DAYS_SHOWN = 7
TIMES_SHOWN = 60
NEAREST = 3
# So many days, or rows of days, are named of those that have none for one reason.
NAMED = 3
DAY = timedelta(days=1)
# What needs no word: such a day is passed over, as in every week.
UNSAID = (Why.PAST, Why.TOO_SOON, Why.OUTSIDE_HOURS)
PARTS = {"morning": _("Morning"), "afternoon": _("Afternoon")}


@dataclass(frozen=True, slots=True)
class Filters:
    """What somebody wants to see: a part of the day, or "", and a clinician."""

    part: str = ""
    clinician: Resource | None = None

    def wants(self, start: datetime) -> bool:
        if not self.part:
            return True
        return (words.local(start).hour < 12) == (self.part == "morning")


@dataclass(frozen=True, slots=True)
class Tile:
    """A time to choose: short for the eye, a whole sentence for the ear."""

    id: str
    value: str
    label: str
    full_text: str
    checked: bool
    disabled: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A day with its times, or days without any: why, and what to do instead.

    `then` is the next day with times, where that is what to do. A row is itself and no
    other, so that what is kept of it is found at once: `_row` gives the same again.
    """

    heading: str
    slots: tuple[Tile, ...] = ()
    why: str = ""
    step: str = ""
    then: date | None = None
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one page; `earlier` and `later` start the pages around it."""

    rows: Sequence[Row]
    earlier: date | None
    later: date | None


class Times:
    """The free times of a visit type, on all days that can be booked.

    The days are read as far as they are asked for, in two parts at most, each with a
    constant number of queries. `ignoring` is what whoever asks holds themselves; what
    they have `chosen` before does not become too soon, since `held_since`, which takes
    a query where it has. Staff are free of notice and bars, and look as far ahead as
    patients.
    """

    def __init__(
        self,
        visit_type: VisitType,
        filters: Filters,
        *,
        now: datetime,
        ignoring: Ignoring | None = None,
        chosen: Collection[datetime] = (),
        held_since: datetime | None = None,
        by_staff: bool = False,
        without: Collection[datetime] = (),
        has_referral: bool = False,
        practice: Practice | None = None,
    ) -> None:
        self.visit_type = visit_type
        self.filters = filters
        self.first = timezone.localdate(now)
        self.last = self.first + timedelta(visit_type.horizon)
        self._without = without
        self._by_staff = by_staff
        self._now = now
        self._chosen = chosen
        self._held_since = held_since
        self._plan = partial(
            visit_type.plan,
            now=now,
            clinician=filters.clinician,
            ignoring=ignoring,
            by_staff=by_staff,
            has_referral=has_referral,
            practice=practice,
        )
        self._read: list[tuple[Day, list[datetime]]] = []

    def _on(self, day: date) -> tuple[Day, list[datetime]]:
        """Return what is free on a day that can be booked, and what of it is wanted."""
        number = (day - self.first).days
        if number >= len(self._read):
            begin, end = self.first + len(self._read) * DAY, self.last
            if not self._read and number < DAYS_READ:
                end = min(end, self.first + (DAYS_READ - 1) * DAY)
            found = self._plan(begin, end).days(begin, end, now=self._now)
            days = map(self._with_chosen, found)
            self._read += [(free, self._wanted(free)) for free in days]
        return self._read[number]

    def _with_chosen(self, free: Day) -> Day:
        """Return the day with what was chosen on it, if it only became too soon."""
        starts = {slot.start for slot in free.slots}
        chosen = (s for s in self._chosen if words.local(s).date() == free.date)
        missing = [s for s in chosen if s.timestamp() not in starts]
        if not (missing and self._held_since):
            return free
        plan = self._plan(free.date, free.date, held_since=self._held_since)
        found = [plan.check(start, now=self._now) for start in missing]
        kept = [slot for slot in found if isinstance(slot, Slot)]
        slots = tuple(sorted((*free.slots, *kept)))
        return replace(free, slots=slots, reason=None if slots else free.reason)

    def _wanted(self, free: Day) -> list[datetime]:
        starts = (datetime.fromtimestamp(slot.start, UTC) for slot in free.slots)
        return [s for s in starts if s not in self._without and self.filters.wants(s)]

    def dates(self, first: date, last: date) -> Iterator[date]:
        """Yield the dates from one to the other, as far as they can be booked."""
        first = max(first, self.first)
        for n in range((min(last, self.last) - first).days + 1):
            yield first + timedelta(n)

    def on(self, day: date) -> list[datetime]:
        """Return the times of a day, sorted; none for one that cannot be booked."""
        return self._on(day)[1] if self.first <= day <= self.last else []

    def starts(self) -> list[datetime]:
        """Return the times of all days, sorted."""
        return [s for day in self.dates(self.first, self.last) for s in self.on(day)]

    @cached_property
    def any(self) -> bool:
        return self.next_day(self.first) is not None

    def offers(self, start: datetime) -> bool:
        """Tell whether the time is one of those to choose from."""
        return start in self.on(words.local(start).date())

    def has(self, start: datetime) -> bool:
        """Tell whether the time is free, whatever part of the day is shown."""
        day = words.local(start).date()
        free = (s for d in self.dates(day, day) for s in self._on(d)[0].slots)
        return any(slot.start == start.timestamp() for slot in free)

    def why_not(self, start: datetime) -> Reason | None:
        """Return why a time cannot be had; None if the engine has it."""
        day = words.local(start).date()
        found = self._plan(day, day).check(start, now=self._now)
        return found if isinstance(found, Reason) else None

    def next_day(self, after: date) -> date | None:
        """Return the first day with times on or after `after`."""
        return next((d for d in self.dates(after, self.last) if self.on(d)), None)

    def next_times(self, days: int) -> list[datetime]:
        """Return the first time of each of the next days that have one."""
        with_times = (d for d in self.dates(self.first, self.last) if self.on(d))
        return [self.on(day)[0] for day in islice(with_times, days)]

    def page(
        self,
        first: date | None = None,
        *,
        checked: Collection[datetime] = (),
        before: tuple[str, Sequence[datetime]] = ("", ()),
        field: str = "start",
    ) -> Page:
        """Return the days from `first`, or from the first with times, in words.

        Those passed over on the way to the first with times stand on top, with why. The
        heading and times of `before` come before them, and not again in their day.
        Fields are numbered over all rows, so that an error leads to the first.
        """
        looks_ahead = first is None
        first = self._first(first)
        last = self._run(first, 1)
        heading, ahead = before
        length = words.length(self.visit_type.duration)
        rows = _Rows(length, self.filters.clinician, checked, field)
        if ahead:
            rows.add(heading, ahead, with_day=True)
        if looks_ahead and (passed := self._passed_over(first)):
            why_none = self._why_none_of(passed)
            rows.add_none(passed[0], passed[-1], why_none, first)
        for why_none, group in groupby(self.dates(first, last), key=self._why_none):
            days = list(group)
            if why_none:
                then = self.next_day(days[-1])
                call = self._call(days[0], then)
                rows.add_none(days[0], days[-1], why_none, then, call)
                continue
            for day in days:
                left = [start for start in self.on(day) if start not in ahead]
                if left:
                    rows.add(words.day(day), left)
        earlier = [d for d in self.dates(self.first, first - DAY) if self.on(d)]
        return Page(
            rows.rows,
            self._run(earlier[-1], -1) if earlier else None,
            self.next_day(last + DAY),
        )

    def _run(self, day: date, step: int) -> date:
        """Return the other end of a page that goes from `day` on, or back from it."""
        shown = 0
        for _n in range(DAYS_SHOWN - 1):
            shown += len(self.on(day))
            following = day + step * DAY
            if shown >= TIMES_SHOWN or not self.first <= following <= self.last:
                break
            day = following
        return day

    def _first(self, wanted: date | None) -> date:
        """Return the day to begin with, inside what can be booked."""
        if wanted is None:
            wanted = self.next_day(self.first) or self.first
        return min(max(self.first, wanted), self.last)

    def _passed_over(self, first: date) -> list[date]:
        """Return the days before `first`, the next with times, that could have some."""
        return [
            day
            for day in self.dates(self.first, first - DAY)
            if not self._has_none_by(day, UNSAID)
        ]

    def _has_none_by(self, day: date, whys: Collection[Why]) -> bool:
        reason = self._on(day)[0].reason
        return reason is not None and reason.why in whys

    def _why_none_of(self, days: Iterable[date]) -> str:
        """Return why they have no times: each reason once, with its days if not all."""
        runs: dict[str, list[str]] = {}
        for why, group in groupby(days, key=self._why_none):
            run = list(group)
            runs.setdefault(why, []).append(words.brief_days(run[0], run[-1]))
        if len(runs) == 1:
            return next(iter(runs))
        lines = ((_some(found), why) for why, found in runs.items())
        return format_html_join("", "{} – {}<br>", lines)

    def _call(self, day: date, then: date | None) -> str:
        """Return that a patient can call about a day without times, or ""."""
        if call := reasons.call(self._on(day)[0].reason, self._now):
            return call
        if then or self._by_staff:
            return ""
        return words.call(_g("Call us to find a time."), self._now)

    def nearest(self, near: datetime) -> list[datetime]:
        """Return the few free times around another, earliest first."""
        nearest = sorted(self.starts(), key=lambda start: abs(start - near))
        return sorted(nearest[:NEAREST])

    def _why_none(self, day: date) -> str:
        """Return why a day that can be booked has no times; "" for one that has."""
        free, wanted = self._on(day)
        if wanted:
            return ""
        if free.reason:
            return reasons.of_day(free.reason, self.filters.clinician)
        if self.filters.part == "morning":
            return _g("There are no free times in the morning.")
        if self.filters.part == "afternoon":
            return _g("There are no free times in the afternoon.")
        return _g("All times are taken.")

    @property
    def last_day(self) -> str:
        """Return the last day that can be booked, in words."""
        return words.day(self.last)

    def why_none(self) -> str:
        """Return the reason that most days have, when no day has a time.

        Of those that could have some, if there are any.
        """
        days = list(self.dates(self.first, self.last))
        outside = (Why.OUTSIDE_HOURS,)
        open_days = [day for day in days if not self._has_none_by(day, outside)]
        whys = [self._why_none(day) for day in open_days or days]
        return max(whys, key=whys.count)


def _some(days: Sequence[str]) -> str:
    """Return the first few, and that there are more."""
    said = ", ".join(days[:NAMED])
    more = len(days) > NAMED
    return _g("%(days)s and other days") % {"days": said} if more else said


@lru_cache(maxsize=5000)
def _in_words(
    start: datetime,
    heading: str,
    length: str,
    who: str,
    with_day: bool,
    _zone: ZoneInfo,
    _language: str | None,
) -> tuple[str, str, str]:
    """Return a time as a form sends it, for the eye and for the ear.

    The same ones are on page after page. In the zone and language at hand.
    """
    label = words.brief(start) if with_day else words.clock(start)
    when = words.moment(start) if with_day else words.on_day(heading, label)
    return words.as_value(start), label, words.slot(when, length, who)


@lru_cache(maxsize=500)
def _row(
    heading: str,
    starts: tuple[datetime, ...],
    checked: frozenset[datetime],
    field: str,
    count: int,
    *said: Any,
) -> Row:
    """Return the times under their heading; their fields are numbered from `count`.

    `said` is what `_in_words` has to know of all of them.
    """
    tiles = []
    for number, start in enumerate(starts, count):
        value, label, full_text = _in_words(start, heading, *said)
        id_ = f"id_{field}_{number}"
        tiles.append(Tile(id_, value, label, full_text, start in checked))
    return Row(heading, tuple(tiles), wide=said[2])


@lru_cache(maxsize=500)
def _row_of_none(heading: str, why: str, step: str, then: date | None) -> Row:
    return Row(heading, why=why, step=step, then=then)


class _Rows:
    """The rows in the making; counts the fields."""

    def __init__(
        self,
        length: str,
        clinician: Resource | None,
        checked: Collection[datetime],
        field: str,
    ) -> None:
        self.rows: list[Row] = []
        self.length = length
        self.who = words.who(clinician) if clinician else ""
        self.place = clinic_zone(), get_language()
        self.checked = checked
        self.field = field
        self.count = 0

    def add(
        self, heading: str, starts: Iterable[datetime], *, with_day: bool = False
    ) -> None:
        times = tuple(starts)
        checked = frozenset(self.checked).intersection(times)
        said = self.length, self.who, with_day, *self.place
        self.rows.append(_row(heading, times, checked, self.field, self.count, *said))
        self.count += len(times)

    def add_none(
        self, first: date, last: date, why: str, then: date | None, call: str = ""
    ) -> None:
        heading = words.day(first)
        if last > first:
            heading = words.span(heading, words.day(last))
        step = call
        if then:
            why = f"{why} {call}" if call else why
            step = _g("The next free day is %(day)s.") % {"day": words.day(then)}
        self.rows.append(_row_of_none(heading, why, step, then))
