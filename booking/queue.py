"""What waits for the front desk, and which of the times asked for can be had now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from django.db.models import Count, Min, TextChoices, prefetch_related_objects
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

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
    span_of,
)
from .models.appointment import AppointmentQuerySet
from .models.message import MessageQuerySet
from .paperwork import Item
from .policy import Act, Status

# The desk shows so many requests and visits, the most urgent, and so many rows of each
# other section. What more there is, it counts, and leads to.
FIRST = 10
FEW = 5
# The page of a whole section shows so many at once.
SHOWN = 50
# Nobody needs to know how many more there are.
COUNTED = 1000


class Section(TextChoices):
    """A section of the desk that has a page of its own, by its word in the address."""

    VISITS = "visits", _("Today’s visits")
    PAPERS = "papers", _("Papers before the visit")
    OUTCOMES = "outcomes", _("Outcomes not recorded")
    CALLS = "calls", _("Phone these people")
    CHANGES = "changes", _("Changed since you looked")


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

    @property
    def is_over(self) -> bool:
        return self.visit.status in (Status.FULFILLED, Status.NOSHOW)


@dataclass(frozen=True)
class Desk:
    """Everything the front desk sees first; of the section `whole`, a page of all."""

    now: datetime
    whole: Section | None = None
    page: int = 1

    def span(self, section: Section) -> slice:
        """Return which rows of a section are shown, but for requests and visits."""
        if section != self.whole:
            return slice(0, FEW)
        return slice((self.page - 1) * SHOWN, self.page * SHOWN)

    @cached_property
    def _requests(self) -> list[Appointment]:
        # One too many: it is the next to be answered.
        waiting = Appointment.objects.awaiting_review(self.now)
        visits = waiting.with_queue_details().prefetch_related("events")
        return list(visits[: FIRST + 1])

    @cached_property
    def requests(self) -> list[Request]:
        """Return what needs an answer, soonest promise first."""
        return judge(self._requests[:FIRST], self.now)

    @cached_property
    def waiting(self) -> int:
        return Appointment.objects.awaiting_review(self.now).count()

    @property
    def more_requests(self) -> int:
        return self.waiting - len(self.requests)

    @property
    def next_promise(self) -> datetime | None:
        """Return until when the first request that is not shown is to be answered."""
        return next((visit.reply_by for visit in self._requests[FIRST:]), None)

    @cached_property
    def overdue(self) -> int:
        return Appointment.objects.overdue(self.now).count()

    @cached_property
    def due_today(self) -> int:
        end = end_of_day(self.now)
        return Appointment.objects.due_before(self.now, end).count()

    @property
    def _all_calls(self) -> MessageQuerySet:
        return Message.objects.phone_these_people().still_true(self.now)

    @cached_property
    def _calls(self) -> list[Message]:
        rows = self.span(Section.CALLS)
        # Who is booked in closed time comes before. One too many, as with requests.
        before = self._in_closed_time
        first, end = max(rows.start - before, 0), max(rows.stop - before, 0)
        found = self._all_calls.select_related("appointment__patient")
        return list(found[first : end + 1])

    @property
    def calls(self) -> list[Message]:
        """Return whom to phone, and about what, who waits longest first."""
        rows = self.span(Section.CALLS)
        return self._calls[: rows.stop - rows.start - len(self.in_closed_time)]

    @property
    def next_call(self) -> Message | None:
        """Return the first call that is not shown."""
        return next(iter(self._calls[len(self.calls) :]), None)

    @cached_property
    def _in_closed_time(self) -> int:
        return ClosingRow.objects.in_closed_time(self.now).count()

    @cached_property
    def in_closed_time(self) -> list[ClosingRow]:
        """Return visits that are booked in a closed day, and were told nothing."""
        rows = ClosingRow.objects.in_closed_time(self.now)
        found = rows.select_related("appointment__patient")
        return list(found[self.span(Section.CALLS)])

    @cached_property
    def to_phone(self) -> int:
        return self._all_calls.count() + self._in_closed_time

    @property
    def more_calls(self) -> int:
        return self.to_phone - len(self.calls) - len(self.in_closed_time)

    @cached_property
    def papers(self) -> list[Item]:
        """Return what visits to come still need on paper, what is due first on top.

        Without whose they are: so much is read of those that are shown.
        """
        return paperwork.open_items(self.now)

    @cached_property
    def papers_shown(self) -> list[Item]:
        shown = self.papers[self.span(Section.PAPERS)]
        prefetch_related_objects([item.visit for item in shown], "patient")
        return shown

    @property
    def more_papers(self) -> int:
        return len(self.papers) - len(self.papers_shown)

    @property
    def next_paper(self) -> Item | None:
        """Return the first paper that is not shown."""
        return next(iter(self.papers[self.span(Section.PAPERS).stop :]), None)

    @property
    def papers_late(self) -> int:
        return sum(item.late for item in self.papers)

    @cached_property
    def visits_of_today(self) -> list[Arrival]:
        """Return all visits of the day, in order."""
        today = span_of(timezone.localdate(self.now))
        return arrivals(Appointment.objects.on_day(*today), self.now)

    @property
    def today(self) -> list[Arrival]:
        """Return the visits of the day; of many, the first that are not over."""
        lines = self.visits_of_today
        if self.whole == Section.VISITS or len(lines) <= FIRST:
            return lines
        return [line for line in lines if not line.is_over][:FIRST]

    @cached_property
    def to_come(self) -> int:
        """Count the visits of the day whose patients are not here yet."""
        return sum(line.visit.status == Status.BOOKED for line in self.visits_of_today)

    @property
    def more_today(self) -> int:
        return len(self.visits_of_today) - len(self.today)

    @property
    def over_today(self) -> int:
        """Count the visits of the day that are over."""
        return sum(line.is_over for line in self.visits_of_today)

    @property
    def _all_without_outcome(self) -> AppointmentQuerySet:
        return Appointment.objects.without_outcome(begin_of_day(self.now))

    @cached_property
    def outcomes(self) -> tuple[int, datetime | None]:
        """Return of how many visits of earlier days nobody recorded what became.

        And when the first of them was. A practice that never records outcomes has
        thousands, so no more than COUNTED are looked at, the latest.
        """
        found = self._all_without_outcome.values("pk", "start")[:COUNTED]
        counted = found.aggregate(n=Count("pk"), oldest=Min("start"))
        return counted["n"], counted["oldest"]

    @cached_property
    def without_outcome(self) -> list[Arrival]:
        """Return such visits, the latest first: somebody may still know."""
        if not self.outcomes[0]:
            return []
        return arrivals(
            self._all_without_outcome[self.span(Section.OUTCOMES)], self.now
        )

    @property
    def more_without_outcome(self) -> int:
        return self.outcomes[0] - len(self.without_outcome)

    @property
    def total(self) -> int:
        """Count the rows of the whole section."""
        counted = {
            Section.PAPERS: lambda: len(self.papers),
            Section.OUTCOMES: lambda: self.outcomes[0],
            Section.CALLS: lambda: self.to_phone,
        }
        return counted[self.whole]() if self.whole in counted else 0

    @property
    def page_before(self) -> int:
        return self.page - 1

    @property
    def page_after(self) -> int:
        """Return the number of the page that follows, 0 for none."""
        return self.page + 1 if self.page * SHOWN < self.total else 0

    @property
    def has_owners(self) -> list[Appointment]:
        """Return the visits of the whole section, if somebody may have them."""
        if self.whole == Section.PAPERS:
            return [item.visit for item in self.papers_shown]
        if self.whole == Section.OUTCOMES:
            return [line.visit for line in self.without_outcome]
        if self.whole == Section.CALLS:
            return [
                *(row.appointment for row in self.in_closed_time),
                *(message.appointment for message in self.calls),
            ]
        return []


@dataclass(frozen=True)
class OwnDay:
    """What a clinician sees: their own visits of a day, and outcomes not recorded."""

    resource: Resource
    day: date
    now: datetime

    @cached_property
    def visits(self) -> list[Arrival]:
        """Return the clinician's visits of the day, in order."""
        all_of_day = Appointment.objects.on_day(*span_of(self.day))
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
    return span_of(timezone.localdate(now))[0]


def end_of_day(now: datetime) -> datetime:
    """Return the midnight, clinic time, that ends the day."""
    return span_of(timezone.localdate(now))[1]


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
    """Return what the patient asks for, as it was read with the visit."""
    wanted = (Proposal.Outcome.OPEN, Proposal.By.PATIENT)
    return [p for p in visit.proposals.all() if (p.outcome, p.by) == wanted]


def _rivals(first: datetime, last: datetime) -> list[Proposal]:
    """Return the times that all waiting requests want around these starts."""
    day = timedelta(days=1)
    rivals = Proposal.objects.wanted().filter(
        appointment__status__in=(Status.PENDING, Status.BOOKED),
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
        slot = plan.check(proposal.start, now=self.now, end=proposal.end)
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
