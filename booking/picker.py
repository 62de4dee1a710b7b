"""What the page of times shows: some days of the engine's answer, in words."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from django.utils import timezone
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from . import reasons, words
from .availability import Day
from .models import Ignoring, Resource, VisitType

# A page ends after so many days, or with the day that brings it this many times.
DAYS_SHOWN = 7
TIMES_SHOWN = 60
NEAREST = 3
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


@dataclass(frozen=True, slots=True)
class Row:
    """A day with its times, or days without any: why, and what to do instead.

    `then` is the next day with times, where that is what to do.
    """

    heading: str
    slots: Sequence[Tile] = ()
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
    """The free times of a visit type, all days that can be booked, in a constant number
    of queries. What `hold_key` holds is free to its holder."""

    def __init__(
        self,
        visit_type: VisitType,
        filters: Filters,
        *,
        now: datetime,
        hold_key: str = "",
        without: Collection[datetime] = (),
        has_referral: bool = False,
    ) -> None:
        self.visit_type = visit_type
        self.filters = filters
        today = timezone.localdate(now)
        self.days = visit_type.availability(
            today,
            today + timedelta(visit_type.horizon),
            now=now,
            clinician=filters.clinician,
            ignoring=Ignoring(hold_key),
            has_referral=has_referral,
        )
        self.free = {day.date: self._wanted(day, without) for day in self.days}

    def _wanted(self, day: Day, without: Collection[datetime]) -> list[datetime]:
        starts = (datetime.fromtimestamp(slot.start, UTC) for slot in day.slots)
        return [s for s in starts if s not in without and self.filters.wants(s)]

    def starts(self) -> list[datetime]:
        return [start for starts in self.free.values() for start in starts]

    def has(self, start: datetime) -> bool:
        """Tell whether the time is free, whatever part of the day is shown."""
        at = start.timestamp()
        return any(slot.start == at for day in self.days for slot in day.slots)

    def next_day(self, after: date) -> date | None:
        """Return the first day with times on or after `after`."""
        return next(
            (d for d, starts in self.free.items() if starts and d >= after), None
        )

    def page(
        self,
        first: date | None = None,
        *,
        checked: Collection[datetime] = (),
        before: tuple[str, Sequence[datetime]] = ("", ()),
        field: str = "start",
    ) -> Page:
        """Return the days from `first`, or from the first with times, in words.

        The heading and times of `before` come before them, and not again in their
        day. Fields are numbered over all rows, so that an error leads to the first.
        """
        first = self._first(first)
        last = self._run(first, 1)
        heading, ahead = before
        rows = _Rows(self.visit_type, self.filters.clinician, checked, field)
        if ahead:
            rows.add(heading, ahead, with_day=True)
        shown = (day for day in self.days if first <= day.date <= last)
        for starts_free, days in groupby(shown, key=self._kind):
            group = list(days)
            if starts_free is not True:
                rows.add_none(group, str(starts_free), self.next_day(group[-1].date))
                continue
            for day in group:
                left = [s for s in self.free[day.date] if s not in ahead]
                if left:
                    rows.add(words.day(day.date), left)
        earlier = [d for d, starts in self.free.items() if starts and d < first]
        return Page(
            rows.rows,
            self._run(earlier[-1], -1) if earlier else None,
            self.next_day(last + timedelta(1)),
        )

    def _run(self, day: date, step: int) -> date:
        """Return the other end of a page that goes from `day` on, or back from it."""
        shown = 0
        for _n in range(DAYS_SHOWN - 1):
            shown += len(self.free[day])
            following = day + timedelta(step)
            if shown >= TIMES_SHOWN or following not in self.free:
                break
            day = following
        return day

    def _first(self, wanted: date | None) -> date:
        """Return the day to begin with, inside what can be booked."""
        first, last = self.days[0].date, self.days[-1].date
        if wanted is None:
            wanted = self.next_day(first) or first
        return min(max(first, wanted), last)

    def nearest(self, near: datetime) -> list[datetime]:
        """Return the few free times around another, earliest first."""
        nearest = sorted(self.starts(), key=lambda start: abs(start - near))
        return sorted(nearest[:NEAREST])

    def _kind(self, day: Day) -> bool | str:
        """Return True for a day with times, else why it has none."""
        if self.free[day.date]:
            return True
        if day.reason:
            return reasons.of_day(day.reason)
        if self.filters.part == "morning":
            return _g("No times in the morning.")
        if self.filters.part == "afternoon":
            return _g("No times in the afternoon.")
        return _g("All times are taken.")

    @property
    def last_day(self) -> str:
        """Return the last day that can be booked, in words."""
        return words.day(self.days[-1].date)

    def why_none(self) -> str:
        """Return the reason that most days have, when no day has a time."""
        kinds = [str(self._kind(day)) for day in self.days]
        return max(kinds, key=kinds.count)


class _Rows:
    """The rows in the making; counts the fields."""

    def __init__(
        self,
        visit_type: VisitType,
        clinician: Resource | None,
        checked: Collection[datetime],
        field: str,
    ) -> None:
        self.rows: list[Row] = []
        self.visit_type = visit_type
        self.who = words.who(clinician) if clinician else ""
        self.checked = checked
        self.field = field
        self.count = 0

    def add(
        self, heading: str, starts: Iterable[datetime], *, with_day: bool = False
    ) -> None:
        tiles = []
        for start in starts:
            tiles.append(
                Tile(
                    id=f"id_{self.field}_{self.count}",
                    value=words.as_value(start),
                    label=words.brief(start) if with_day else words.clock(start),
                    full_text=words.slot(start, self.visit_type, self.who),
                    checked=start in self.checked,
                )
            )
            self.count += 1
        self.rows.append(Row(heading, tiles, wide=with_day))

    def add_none(self, days: Sequence[Day], reason: str, then: date | None) -> None:
        first, last = words.day(days[0].date), words.day(days[-1].date)
        heading = first
        if len(days) > 1:
            heading = _g("%(first)s to %(last)s") % {"first": first, "last": last}
        step = _g("Call us to find a time.")
        if then:
            step = _g("The next free day is %(day)s.") % {"day": words.day(then)}
        self.rows.append(Row(heading, why=reason, step=step, then=then))
