"""The plan of a series: each date with its time, or why not and what is free near."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from . import availability, reasons, words
from .availability import Reason, Slot, Why
from .models import (
    Appointment,
    Ignoring,
    Plan,
    Practice,
    Proposal,
    Resource,
    Schedule,
    VisitType,
    clinic_zone,
)
from .policy import SAME_DAY

# How many other times are offered for one that cannot be had, and how far from it.
NEAREST = 3
NEAR = timedelta(days=3)

# A time and the key of the clinician who sees the patient then, None for anyone.
Pick = tuple[datetime, int | None]
# What was chosen for a visit of the plan, by its number; None leaves it out.
Chosen = Mapping[int, Pick | None]


@dataclass(frozen=True, slots=True)
class Option:
    """A time that can be had, what it would take, and which clinician was asked for."""

    start: datetime
    resources: Sequence[Resource]
    clinician: Resource | None = None

    @property
    def pick(self) -> Pick:
        return self.start, self.clinician.pk if self.clinician else None

    @property
    def value(self) -> str:
        """Return it as the form sends it back."""
        start, key = self.pick
        return f"{words.as_value(start)}/{key or ''}"


@dataclass(frozen=True, slots=True)
class Line:
    """One visit of the plan: `wanted` is the wall time of the first, on its date.

    `options` has the time itself when it is free, else the nearest that are; when it is
    so only with somebody else than the clinician of the series, both. `chosen` is one
    of them, or None to leave the visit out, as for a patient who is booked on that day
    already. `lost` is a time that was chosen and has gone.
    """

    number: int
    wanted: datetime
    why_not: str
    options: Sequence[Option]
    chosen: Option | None
    lost: datetime | None = None

    @property
    def is_free(self) -> bool:
        return not self.why_not

    @property
    def name(self) -> str:
        """Name the field of the form that says what is chosen."""
        return f"visit_{self.number}"


@dataclass(frozen=True, slots=True)
class Series:
    """A plan: who sees the patient at the first visit, and a line for each other.

    `clinician` is the one of the series; `fits` says of how many of the visits each
    could be, at the time planned, who could be it at all. `first` is what the first
    visit takes, with who sees the patient there; None for nobody, or if it cannot be.
    """

    clinician: Resource | None
    fits: Mapping[Resource, int]
    first: Option | None
    lines: Sequence[Line]


def plan(
    visit: Appointment,
    first: datetime | Proposal,
    count: int,
    weeks: int,
    *,
    now: datetime,
    clinician: int | None = None,
    chosen: Chosen | None = None,
) -> Series:
    """Return the plan of `count` visits, `weeks` apart, of which the first is there.

    `first` is when the booked visit is, or what a request is to be accepted at. Staff
    may say which `clinician` it is, else whom the patient asked for, else who can do
    most. A patient who asked for somebody is planned for nobody else. For others, who
    does most of what the clinician of the series cannot do has that, and so on: so one
    has all if one can, and else as few visits as can be are with somebody else.

    What was `chosen` before stays so where it still can be had; without it, each is the
    time itself or the nearest. A constant number of queries.
    """
    return _Planner(visit, first, count, weeks, clinician, now).series(chosen)


def clinicians_for(visit_type: VisitType, practice: Practice) -> list[Resource]:
    """Return who could see the patient at a visit of the type."""
    could = visit_type.may_take(practice)
    return [r for r in practice.resources if r.pk in could and _sees_patients(r)]


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

    def __init__(
        self,
        visit: Appointment,
        first: datetime | Proposal,
        count: int,
        weeks: int,
        clinician: int | None,
        now: datetime,
    ) -> None:
        self.visit = visit
        self.now = now
        self.asked = first if isinstance(first, Proposal) else None
        self.starts_at = first.start if isinstance(first, Proposal) else first
        wall = words.local(self.starts_at)
        days = [wall.date() + n * timedelta(weeks=weeks) for n in range(count)]
        self.walls = {
            number: datetime.combine(day, wall.time(), wall.tzinfo)
            for number, day in enumerate(days[1:], 2)
        }
        # Accepting a request frees what it holds.
        self.ignoring = Ignoring(appointment_id=visit.pk if self.asked else None)
        self.schedule = Schedule.read(
            days[0] - NEAR, days[-1] + NEAR, now=now, own=[self.ignoring]
        )
        practice = self.schedule.practice
        self.resources = {r.pk: r for r in practice.resources}
        self.visit_type = VisitType.objects.get(pk=visit.visit_type_id)
        self.theirs = Appointment.objects.days_of(visit.patient)
        self.clinicians = clinicians_for(self.visit_type, practice)
        # A test may need a machine alone.
        self.who: Sequence[Resource | None] = self.clinicians or [None]
        wanted = visit.wanted_clinician
        self.wanted = wanted if wanted in self.clinicians else None
        self.free = {number: self._free(number) for number in self.walls}
        self.first = self._first()
        self.fits = {
            one: (one in self.first) + sum(one in free for free in self.free.values())
            for one in self.clinicians
        }
        self.clinician = self._clinician(clinician)

    def _first(self) -> dict[Resource | None, Option]:
        """Return who can see the patient at the first visit, whom it has first."""
        if self.asked is None:
            agreed = self.visit.reservations.filter(expires_at=None)
            held = [row.resource for row in agreed.select_related("resource")]
            theirs = filter(_sees_patients, held)
            return {one: Option(self.starts_at, held, one) for one in theirs}
        wanted = self.visit.wanted_clinician
        found: dict[Resource | None, Option] = {}
        for one in [wanted] if wanted else [None, *self.clinicians]:
            plan = self.plan(words.local(self.starts_at).date(), one)
            slot = plan.check(self.starts_at, now=self.now, end=self.asked.end)
            if isinstance(slot, Slot):
                option = self.option(slot, one)
                found.setdefault(option.clinician, option)
        return found

    def _free(self, number: int) -> dict[Resource | None, Option]:
        """Return who can see the patient at the time that is planned for a visit."""
        wall = self.walls[number]
        if isinstance(self.check(wall, None), Reason):
            return {}
        free: dict[Resource | None, Option] = {}
        for one in self.who:
            slot = self.check(wall, one)
            if isinstance(slot, Slot):
                free[one] = self.option(slot, one)
        return free

    def _clinician(self, asked: int | None) -> Resource | None:
        said = next((one for one in self.clinicians if one.pk == asked), self.wanted)
        # Among equals who has the first visit, whose turn it is then.
        order = {one: -n for n, one in enumerate(self.first)}
        return said or max(
            self.clinicians,
            key=lambda one: (self.fits[one], order.get(one, -len(order))),
            default=None,
        )

    def series(self, chosen: Chosen | None) -> Series:
        planned = self._shared({1: self.first, **self.free})
        lines = [self.line(n, planned.get(n), chosen) for n in self.walls]
        return Series(self.clinician, self.fits, planned.get(1), lines)

    def _shared(
        self, free: Mapping[int, Mapping[Resource | None, Option]]
    ) -> dict[int, Option]:
        """Return what is planned for each visit, by its number, where anything is."""
        planned: dict[int, Option] = {}
        one = self.clinician
        while True:
            left = {n: free[n] for n in free.keys() - planned.keys()}
            planned |= {n: able[one] for n, able in left.items() if one in able}
            # Who asked for somebody is seen by nobody else.
            left = {n: free[n] for n in free.keys() - planned.keys()}
            able = [some for n, some in left.items() if n == 1 or not self.wanted]
            if not any(able):
                return planned
            one = max(self.who, key=lambda who: sum(who in some for some in able))

    def line(self, number: int, planned: Option | None, chosen: Chosen | None) -> Line:
        """Return the line for a visit after the first."""
        wall, one = self.walls[number], self.clinician
        wanted = wall.astimezone(UTC)
        found = self.check(wall, one if self.wanted else None)
        options, why_not = [planned] if planned else [], ""
        if planned and planned.clinician != one:
            why_not = _("not with %(who)s") % {"who": one}
        elif isinstance(found, Reason):
            why_not = reasons.for_staff(found)
        if why_not:
            options += self.nearest(wall, one)
        if not options and not self.wanted:
            options = self.nearest(wall, None)
        best = options[0] if options and found != SAME_DAY else None
        if chosen is None:
            return Line(number, wanted, why_not, options, best)
        wish = chosen.get(number)
        if wish is None:
            return Line(number, wanted, why_not, options, None)
        for option in options:
            if option.pick == wish:
                return Line(number, wanted, why_not, options, option)
        start, key = wish
        who = next((one for one in self.clinicians if one.pk == key), None)
        if abs(timezone.localdate(start) - wall.date()) <= NEAR:
            slot = self.check(words.local(start), who)
            if isinstance(slot, Slot):
                option = self.option(slot, who)
                return Line(number, wanted, why_not, [option, *options], option)
            if slot == SAME_DAY:
                return Line(number, wanted, why_not, options, None)
        return Line(number, wanted, why_not, options, best, lost=start)

    def plan(
        self, day: date, clinician: Resource | None, around: timedelta = timedelta(0)
    ) -> Plan:
        return self.visit_type.plan(
            day - around,
            day + around,
            now=self.now,
            clinician=clinician,
            ignoring=self.ignoring,
            by_staff=True,
            schedule=self.schedule,
        )

    def check(self, wall: datetime, clinician: Resource | None) -> Slot | Reason:
        """Return what a visit would take at a wall time of the clinic, or why not."""
        start = wall.astimezone(UTC)
        if wall.date() in self.theirs:
            return SAME_DAY
        # Clocks that go forward leave out the hour that was meant.
        if words.local(start).time() != wall.time():
            return Reason(Why.OUTSIDE_HOURS)
        return self.plan(wall.date(), clinician).check(start, now=self.now)

    def nearest(self, wall: datetime, clinician: Resource | None) -> list[Option]:
        """Return the nearest free times, those of the day itself first."""
        plan = self.plan(wall.date(), clinician, NEAR)
        days = availability.free_slots(
            plan.rules,
            plan.calendars,
            first=wall.date() - NEAR,
            last=wall.date() + NEAR,
            zone=clinic_zone(),
            now=int(self.now.timestamp()),
        )
        found = [
            self.option(slot, clinician)
            for day in days
            if day.date not in self.theirs
            for slot in day.slots
        ]

        return sorted(found, key=lambda option: distance(wall, option.start))[:NEAREST]

    def option(self, slot: Slot, clinician: Resource | None) -> Option:
        takes = [self.resources[pk] for pk in slot.resources]
        start = datetime.fromtimestamp(slot.start, UTC)
        return Option(
            start, takes, clinician or next(filter(_sees_patients, takes), None)
        )


def _sees_patients(resource: Resource) -> bool:
    return resource.kind == Resource.Kind.CLINICIAN
