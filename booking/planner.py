"""The plan of a series: each date with its time, or why not and what is free near."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.utils import timezone

from . import availability, reasons, words
from .availability import Reason, Slot, Why
from .models import (
    Appointment,
    Ignoring,
    Plan,
    Resource,
    Schedule,
    VisitType,
    clinic_zone,
)
from .policy import SAME_DAY, Status

# How many other times are offered for one that cannot be had, and how far from it.
NEAREST = 3
NEAR = timedelta(days=3)

# What was chosen for a visit of the plan, by its number; None leaves it out.
Chosen = Mapping[int, datetime | None]


@dataclass(frozen=True, slots=True)
class Option:
    """A time that can be had, and what it would take."""

    start: datetime
    resources: Sequence[Resource]


@dataclass(frozen=True, slots=True)
class Line:
    """One visit of the plan: `wanted` is the wall time of the first, on its date.

    `options` has the time itself when it is free, else the nearest that are. `chosen`
    is one of them, or None to leave the visit out, as for a patient who is booked on
    that day already. `lost` is a time that was chosen and has gone.
    """

    number: int
    wanted: datetime
    why_not: str
    options: Sequence[Option]
    chosen: datetime | None
    lost: datetime | None = None

    @property
    def is_free(self) -> bool:
        return not self.why_not

    @property
    def name(self) -> str:
        """Name the field of the form that says what is chosen."""
        return f"visit_{self.number}"


def plan(
    visit: Appointment,
    first: datetime,
    count: int,
    weeks: int,
    *,
    now: datetime,
    chosen: Chosen | None = None,
) -> list[Line]:
    """Return a line for each visit after the first, `weeks` apart, in order.

    What was `chosen` before stays so where it still can be had; without it, each is the
    time itself or the nearest. A constant number of queries.
    """
    wall = words.local(first)
    days = [wall.date() + n * timedelta(weeks=weeks) for n in range(1, count)]
    planner = _Planner(visit, days, now)
    return [
        planner.line(number, datetime.combine(day, wall.time(), wall.tzinfo), chosen)
        for number, day in enumerate(days, 2)
    ]


def distance(wanted: datetime, start: datetime) -> tuple[timedelta, timedelta]:
    """Return how many days a time is from the wanted one, then how far on the clock.

    The clock is the one on the clinic's wall, whose changes do not count.
    """
    there, here = words.local(wanted), words.local(start)
    # Subtracting within a zone goes by the wall.
    same_day = datetime.combine(there.date(), here.time(), there.tzinfo)
    return abs(here.date() - there.date()), abs(same_day - there)


class _Planner:
    """Hold what one reading of the database says, and judge date by date."""

    def __init__(self, visit: Appointment, days: Sequence[date], now: datetime) -> None:
        self.visit = visit
        self.now = now
        # Accepting a request frees what it holds.
        asked = visit.status == Status.PENDING
        self.ignoring = Ignoring(appointment_id=visit.pk if asked else None)
        self.schedule = Schedule.read(
            days[0] - NEAR, days[-1] + NEAR, now=now, own=[self.ignoring]
        )
        self.resources = {r.pk: r for r in self.schedule.practice.resources}
        self.visit_type = VisitType.objects.get(pk=visit.visit_type_id)
        self.theirs = Appointment.objects.days_of(visit.patient)

    def line(self, number: int, wall: datetime, chosen: Chosen | None) -> Line:
        """Return the line for a wall time of the clinic."""
        wanted, plan = wall.astimezone(UTC), self.plan(wall.date())
        found = self.check(plan, wanted)
        # Clocks that go forward leave out the hour that was meant.
        if words.local(wanted).time() != wall.time():
            found = Reason(Why.OUTSIDE_HOURS)
        if isinstance(found, Slot):
            options, why_not = [self.option(found)], ""
        else:
            options, why_not = self.nearest(plan, wall), reasons.for_staff(found)
        nearest = options[0].start if options and found != SAME_DAY else None
        if chosen is None:
            return Line(number, wanted, why_not, options, nearest)
        wish = chosen.get(number)
        if wish is None or wish in [option.start for option in options]:
            return Line(number, wanted, why_not, options, wish)
        if abs(timezone.localdate(wish) - wall.date()) <= NEAR:
            slot = self.check(plan, wish)
            if isinstance(slot, Slot):
                options = [self.option(slot), *options]
                return Line(number, wanted, why_not, options, wish)
            if slot == SAME_DAY:
                return Line(number, wanted, why_not, options, None)
        return Line(number, wanted, why_not, options, nearest, lost=wish)

    def plan(self, day: date) -> Plan:
        return self.visit_type.plan(
            day - NEAR,
            day + NEAR,
            now=self.now,
            clinician=self.visit.wanted_clinician,
            ignoring=self.ignoring,
            by_staff=True,
            schedule=self.schedule,
        )

    def check(self, plan: Plan, start: datetime) -> Slot | Reason:
        if timezone.localdate(start) in self.theirs:
            return SAME_DAY
        return plan.check(start, now=self.now)

    def nearest(self, plan: Plan, wall: datetime) -> list[Option]:
        """Return the nearest free times, those of the day itself first."""
        days = availability.free_slots(
            plan.rules,
            plan.calendars,
            first=wall.date() - NEAR,
            last=wall.date() + NEAR,
            zone=clinic_zone(),
            now=int(self.now.timestamp()),
        )
        found = [
            self.option(slot)
            for day in days
            if day.date not in self.theirs
            for slot in day.slots
        ]

        return sorted(found, key=lambda option: distance(wall, option.start))[:NEAREST]

    def option(self, slot: Slot) -> Option:
        takes = [self.resources[pk] for pk in slot.resources]
        return Option(datetime.fromtimestamp(slot.start, UTC), takes)
