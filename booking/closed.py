"""When the whole clinic is closed soon, for the page that has its opening hours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from services import rows, translation
from services.languages import unbroken
from services.models import OpeningHours, Passage
from services.passages import CLINIC, finish

from . import clock, words
from .availability import Instant, WeeklyHours
from .models import Closure, clinic_zone
from .models.office import CLOSED, Span, left_open, office_hours, span_of

# So many are shown, of so many days to come: of those a weekday and a date name one.
SHOWN, AHEAD = 5, timedelta(days=90)


@dataclass(frozen=True, slots=True)
class OtherHours:
    """Days on which the clinic has other hours than usual; none, if it is closed."""

    first: date
    last: date
    opens: str = ""
    closes: str = ""


@dataclass(frozen=True, slots=True)
class ClosedTime:
    """When, and why in the words of the staff, who write English."""

    when: str
    why: str
    left_english: frozenset[str]
    hours: tuple[OtherHours, ...]


def closed_soon(request: HttpRequest) -> dict[str, object]:
    """Give templates the next closures of the whole clinic, read when they are used."""
    return {"closed_soon": SimpleLazyObject(lambda: _closed_soon(clock.now()))}


def passages(now: datetime) -> list[Passage]:
    """Return the same for the search of the site, a passage for each closure."""
    here = translation.language_at_hand()
    return [
        finish(
            Passage(
                kind=str(CLINIC),
                title=_("We are also closed") + f": {one.when}",
                title_language=here,
                text=f"{one.why}.",
                text_language=settings.LANGUAGE_CODE if one.left_english else here,
                path=reverse("services:visit_us") + "#opening-hours",
            )
        )
        for one in _closed_soon(now)
    ]


def _closed_soon(now: datetime) -> list[ClosedTime]:
    week, closed = rows.texts(
        rows.select(OpeningHours), CLOSED(since=now, until=now + AHEAD)
    )
    hours = office_hours(rows.values(OpeningHours, week))
    found = rows.instances(Closure, rows.values(Closure, closed))
    closures = [one for one in found if one.resource_id is None][:SHOWN]
    gaps = [(int(c.start.timestamp()), int(c.end.timestamp())) for c in closures]
    english = frozenset[str]() if translation.is_english() else frozenset({"why"})
    today, told = words.local(now).date(), set[date]()
    made = []
    for closure, gap in zip(closures, gaps, strict=True):
        days = [day for day in _days(closure) if day >= today and day not in told]
        told.update(days)
        made.append(
            ClosedTime(
                when=unbroken(_when(closure, gap, hours)),
                why=closure.reason.rstrip("."),
                left_english=english,
                hours=tuple(_other_hours(days, hours, gaps)) if hours else (),
            )
        )
    return made


def _days(closure: Closure) -> list[date]:
    first = words.local(closure.start).date()
    last = words.local(closure.end - timedelta(seconds=1)).date()
    return [first + timedelta(n) for n in range((last - first).days + 1)]


def _when(closure: Closure, gap: Span, hours: Sequence[WeeklyHours]) -> str:
    """Return the days, where nothing of their hours is left, or else the times."""
    days = _days(closure)
    first, last = days[0], days[-1]
    usual = any(left_open(day, hours, ()) for day in days)
    if (closure.start, closure.end) == span_of(first, last) or (
        usual and not any(left_open(day, hours, [gap]) for day in days)
    ):
        ends = {"first": words.day(first), "last": words.day(last)}
        return _("%(first)s to %(last)s") % ends if first != last else ends["first"]
    if first == last:
        ends = {"opens": words.clock(closure.start), "closes": words.clock(closure.end)}
        return words.on_day(words.day(first), _("%(opens)s to %(closes)s") % ends)
    ends = {"first": words.moment(closure.start), "last": words.moment(closure.end)}
    return _("%(first)s to %(last)s") % ends


def _other_hours(
    days: Sequence[date], hours: Sequence[WeeklyHours], gaps: Sequence[Span]
) -> Iterator[OtherHours]:
    """Yield what is left of the hours of each day; days without any go together."""
    for left, group in groupby(days, key=lambda day: left_open(day, hours, gaps)):
        first, *_more = span = list(group)
        if not left:
            yield OtherHours(first, span[-1])
        for opens, closes in left:
            yield OtherHours(first, first, _on_the_wall(opens), _on_the_wall(closes))


def _on_the_wall(at: Instant) -> str:
    return f"{datetime.fromtimestamp(at, clinic_zone()):%H:%M}"
