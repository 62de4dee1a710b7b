"""What reports are made of, and how they say numbers."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from statistics import median

from django.db.models import Q
from django.utils.translation import gettext as _

from booking import charts
from booking.models import span_of

# Below this many, a share or a percentile says more about chance than about the clinic.
ENOUGH = 10
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Range:
    """The days that a report is about, both included, in the clinic's zone."""

    first: date
    last: date

    @property
    def begin(self) -> datetime:
        return span_of(self.first)[0]

    @property
    def end(self) -> datetime:
        """Return the midnight after the last day."""
        return span_of(self.last)[1]

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

    def with_heads(self) -> Iterator[Iterator[tuple[str, str]]]:
        """Yield each row, as its cells with the head of each."""
        return (zip(self.heads, row, strict=True) for row in self.rows)


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


def percent(part: float, whole: float) -> str:
    """Return a share, or that there is too little of what it is a share of."""
    if whole < ENOUGH:
        return _("not enough visits")
    return _("%(n)d%%") % {"n": round(100 * part / whole)}


def percentile(numbers: Sequence[float], share: int) -> float:
    """Return the smallest number that `share` percent do not exceed: nearest rank."""
    return sorted(numbers)[max(ceil(len(numbers) * share / 100) - 1, 0)]


def typically(
    waits: Sequence[float], of: Callable[[Sequence[float]], float] = median
) -> str:
    """Return the middle of some lengths of time, or that there are too few."""
    return how_long(of(waits)) if len(waits) >= ENOUGH else _("not enough visits")


def count(number: int) -> str:
    return f"{number:,}"


def bars(names: Mapping[str, str], found: Counter[str]) -> charts.Bars | None:
    """Return a bar for how often each was found; nothing if nothing was."""
    if not found.total():
        return None
    rows = [(words, found[code]) for code, words in names.items()]
    return charts.bars((words, n, count(n)) for words, n in rows)


def shares(names: Mapping[str, str], found: Counter[str]) -> list[list[str]]:
    """Return a row for each: its name, how often it was found, its share of all."""
    total = found.total()
    rows = [(words, found[code]) for code, words in names.items()]
    return [[words, count(n), percent(n, total)] for words, n in rows]
