"""What waits for the front desk, and which of the times asked for can be had now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property

from django.utils import timezone
from django.utils.functional import Promise

from . import paperwork, reasons, workflow
from .availability import Reason, Why
from .models import (
    Appointment,
    ClosingRow,
    Ignoring,
    Message,
    Proposal,
    Reservation,
    Resource,
    Schedule,
    clinic_zone,
)
from .models.appointment import AppointmentQuerySet
from .paperwork import Item
from .policy import Act, Status

# The desk shows this many requests; the list of visits has all of them.
SHOWN = 50
# And so many papers: there are several for each visit of the next days.
PAPERS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """A time that a patient asked for, as it stands now.

    `resources` is what accepting it would take; empty when it cannot be had. `rivals`
    are the keys of other requests that want the time of the same clinician or machine.
    """

    proposal: Proposal
    why_not: str | Promise
    resources: Sequence[Resource] = ()
    rivals: frozenset[int] = frozenset()
    is_past: bool = False

    @property
    def is_free(self) -> bool:
        return not self.why_not

    @property
    def shape(self) -> str:
        """Name the mark that goes with the words: free, rival, past or taken."""
        if self.is_free:
            return "rival" if self.rivals else "free"
        return "past" if self.is_past else "taken"


@dataclass(frozen=True, slots=True)
class Request:
    """A line of the desk: a request and its choices by rank."""

    visit: Appointment
    choices: Sequence[Choice]
    is_late: bool = False
    is_due: bool = False

    @property
    def free(self) -> list[Choice]:
        return [choice for choice in self.choices if choice.is_free]

    @property
    def needs_another_time(self) -> bool:
        """Tell whether nothing that was asked for can be had, such as after a rival."""
        return bool(self.choices) and not self.free

    @property
    def rivals(self) -> frozenset[int]:
        """Return the keys of all requests that want any of these times."""
        return frozenset().union(*(choice.rivals for choice in self.choices))


@dataclass(frozen=True, slots=True)
class Arrival:
    """A line of the day: a visit, and what can be recorded of it now."""

    visit: Appointment
    acts: Sequence[Act]

    @property
    def resources(self) -> list[Resource]:
        """Return what the visit holds; nothing when it is over."""
        rows = sorted(self.visit.reservations.all(), key=lambda row: row.resource.kind)
        return [row.resource for row in rows]


@dataclass(frozen=True)
class Desk:
    """Everything the front desk sees first."""

    now: datetime

    @cached_property
    def requests(self) -> list[Request]:
        """Return what needs an answer, soonest promise first."""
        visits = Appointment.objects.awaiting_review().with_queue_details()[:SHOWN]
        return judge(list(visits), self.now)

    @cached_property
    def waiting(self) -> int:
        return Appointment.objects.awaiting_review().count()

    @cached_property
    def overdue(self) -> int:
        return Appointment.objects.overdue(self.now).count()

    @cached_property
    def due_today(self) -> int:
        end = end_of_day(self.now)
        return Appointment.objects.due_before(self.now, end).count()

    @cached_property
    def calls(self) -> list[Message]:
        """Return whom to phone, and about what."""
        messages = Message.objects.phone_these_people().still_true(self.now)
        return list(messages.select_related("appointment__patient"))

    @cached_property
    def in_closed_time(self) -> list[ClosingRow]:
        """Return visits that are booked in a closed day, and were told nothing."""
        rows = ClosingRow.objects.in_closed_time(self.now)
        return list(rows.select_related("appointment__patient")[:SHOWN])

    @property
    def to_phone(self) -> int:
        return len(self.calls) + len(self.in_closed_time)

    @cached_property
    def papers(self) -> list[Item]:
        """Return what visits to come still need on paper, what is due first on top."""
        return paperwork.open_items(self.now)

    @property
    def papers_shown(self) -> list[Item]:
        return self.papers[:PAPERS_SHOWN]

    @property
    def more_papers(self) -> int:
        return len(self.papers[PAPERS_SHOWN:])

    @property
    def papers_late(self) -> int:
        return sum(item.late for item in self.papers)

    @cached_property
    def today(self) -> list[Arrival]:
        """Return the visits of the day, in order."""
        begin, end = begin_of_day(self.now), end_of_day(self.now)
        return arrivals(Appointment.objects.on_day(begin, end), self.now)

    @cached_property
    def to_come(self) -> int:
        """Count the visits of the day whose patients are not here yet."""
        return sum(line.visit.status == Status.BOOKED for line in self.today)

    @cached_property
    def _without_outcome(self) -> list[Arrival]:
        # One too many, to know whether there are more. They are not counted: a practice
        # that never records outcomes has thousands.
        visits = Appointment.objects.without_outcome(begin_of_day(self.now))
        return arrivals(visits[: SHOWN + 1], self.now)

    @property
    def without_outcome(self) -> list[Arrival]:
        """Return visits of earlier days of which nobody recorded what became."""
        return self._without_outcome[:SHOWN]

    @property
    def more_without_outcome(self) -> bool:
        return len(self._without_outcome) > SHOWN

    @property
    def not_shown(self) -> int:
        return self.waiting - len(self.requests)


@dataclass(frozen=True)
class OwnDay:
    """What a clinician sees: their own visits of a day, and outcomes not recorded."""

    resource: Resource
    day: date
    now: datetime

    @cached_property
    def visits(self) -> list[Arrival]:
        """Return the clinician's visits of the day, in order."""
        begin = datetime.combine(self.day, time(), clinic_zone())
        all_of_day = Appointment.objects.on_day(begin, end_of_day(begin))
        lines = arrivals(all_of_day.prefetch_related("events"), self.now)
        return [line for line in lines if line.visit.is_with(self.resource)]

    @cached_property
    def without_outcome(self) -> list[Arrival]:
        """Return the latest of earlier days of which nobody recorded what became."""
        visits = Appointment.objects.without_outcome(begin_of_day(self.now))
        own = Reservation.objects.filter(resource=self.resource, expires_at=None)
        return arrivals(visits.filter(reservations__in=own)[:SHOWN], self.now)

    @property
    def day_before(self) -> date:
        return self.day - timedelta(days=1)

    @property
    def day_after(self) -> date:
        return self.day + timedelta(days=1)


def arrivals(visits: AppointmentQuerySet, now: datetime) -> list[Arrival]:
    """Return the visits with what can be recorded of each now, likeliest first."""
    return [
        Arrival(visit, workflow.recordable(visit, now))
        for visit in visits.select_related(
            "patient", "visit_type__service"
        ).prefetch_related("reservations__resource", "answers")
    ]


def begin_of_day(now: datetime) -> datetime:
    """Return the midnight, clinic time, that begins the day."""
    return datetime.combine(timezone.localdate(now), time(), clinic_zone())


def end_of_day(now: datetime) -> datetime:
    """Return the midnight, clinic time, that ends the day."""
    tomorrow = timezone.localdate(now) + timedelta(days=1)
    return datetime.combine(tomorrow, time(), clinic_zone())


def judge(visits: Sequence[Appointment], now: datetime) -> list[Request]:
    """Return the visits with their open choices as they could be accepted now.

    The engine answers, as it will under the lock. A constant number of queries.
    """
    choices = _choices(visits, now)
    end = end_of_day(now)
    return [
        Request(
            visit,
            choices[visit.pk],
            is_late=visit.is_overdue(now),
            is_due=visit.reply_by is not None and now < visit.reply_by < end,
        )
        for visit in visits
    ]


def _choices(visits: Sequence[Appointment], now: datetime) -> dict[int, list[Choice]]:
    asked = {visit.pk: _open(visit) for visit in visits}
    starts = [proposal.start for some in asked.values() for proposal in some]
    if not starts:
        return {pk: [] for pk in asked}
    days = [start.astimezone(clinic_zone()).date() for start in starts]
    own = [Ignoring(appointment_id=visit.pk) for visit in visits]
    schedule = Schedule.read(min(days), max(days), now=now, own=own)
    judged = _Judge(schedule, _rivals(min(starts), max(starts)), now)
    return {
        visit.pk: [judged.choice(visit, proposal) for proposal in asked[visit.pk]]
        for visit in visits
    }


def _open(visit: Appointment) -> list[Proposal]:
    return [p for p in visit.proposals.all() if p.outcome == Proposal.Outcome.OPEN]


def _rivals(first: datetime, last: datetime) -> list[Proposal]:
    """Return the times that all waiting requests want around these starts."""
    day = timedelta(days=1)
    rivals = Proposal.objects.open().filter(
        appointment__status=Status.PENDING,
        start__gt=first - day,
        start__lt=last + day,
    )
    return list(rivals.select_related("appointment__wanted_clinician"))


class _Judge:
    """Hold what one reading of the database says, and judge choice by choice."""

    def __init__(
        self, schedule: Schedule, rivals: Iterable[Proposal], now: datetime
    ) -> None:
        self.schedule = schedule
        self.now = now
        self.rivals = list(rivals)
        self.practice = schedule.practice
        self.resources = {r.pk: r for r in self.practice.resources}
        self.visit_types = {v.pk: v for v in self.practice.visit_types}

    def choice(self, visit: Appointment, proposal: Proposal) -> Choice:
        day = proposal.start.astimezone(clinic_zone()).date()
        plan = self.visit_types[visit.visit_type_id].plan(
            day,
            day,
            now=self.now,
            clinician=visit.wanted_clinician,
            ignoring=Ignoring(appointment_id=visit.pk),
            by_staff=True,
            schedule=self.schedule,
        )
        slot = plan.check(proposal.start, now=self.now)
        if isinstance(slot, Reason):
            why_not = reasons.for_staff_now(slot)
            return Choice(proposal, why_not, is_past=slot.why == Why.PAST)
        takes = [self.resources[pk] for pk in slot.resources]
        return Choice(proposal, "", takes, self._rivals_for(proposal, takes))

    def _rivals_for(
        self, proposal: Proposal, takes: Sequence[Resource]
    ) -> frozenset[int]:
        """Return the other requests that want this time of these people and machines.

        Rooms stand in for each other, so wanting one is no rivalry.
        """
        wanted = {r.pk for r in takes if r.kind != Resource.Kind.ROOM}
        return frozenset(
            rival.appointment_id
            for rival in self.rivals
            if rival.appointment_id != proposal.appointment_id
            and rival.start < proposal.end
            and rival.end > proposal.start
            and wanted & self._could_take(rival.appointment)
        )

    def _could_take(self, visit: Appointment) -> set[int]:
        return self.visit_types[visit.visit_type_id].may_take(
            self.practice, visit.wanted_clinician
        )
