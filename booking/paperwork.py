"""What has to be on paper before a visit, until when, and what of it is open.

Which papers a visit needs follows from who pays and from its kind; only what staff say
of them is stored. The clock of the good faith estimate is that of 45 CFR 149.610: for a
visit scheduled at least 10 business days ahead, within 3 business days of scheduling;
3 to 9 ahead, within 1. Moving a visit schedules it anew.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Prefetch, Q
from django.utils import timezone

from . import business_days
from .models import Appointment, AppointmentEvent, Paper, span_of
from .models.appointment import AppointmentQuerySet
from .models.office import closed_days
from .policy import Act, Status

Kind, State, Payer = Paper.Kind, Paper.State, Appointment.Payer

# The acts that give a visit its time.
SCHEDULES = (Act.ACCEPT, Act.BOOK, Act.TAKE, Act.MOVE)
OPEN = (State.NEEDED, State.ASKED)
# Papers other than the estimate come up so many business days before the visit.
LOOK_AHEAD = 3
# At most so many visits are looked at for the desk, the soonest first.
AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the checklist. `due` is a day that still counts; None: at the visit.

    `since` is when the visit got its time.
    """

    visit: Appointment
    kind: Paper.Kind
    state: Paper.State
    due: date | None
    late: bool
    since: datetime
    paper: Paper | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def choices(self) -> list[Paper.State]:
        """Return what can be said of it now, likeliest first."""
        likely = (State.DONE, State.ASKED, State.NOT_NEEDED, State.NEEDED)
        return [state for state in likely if state != self.state]

    @property
    def wanted_by(self) -> date:
        """Return the day to sort by: when it is due, else the day of the visit."""
        assert self.visit.start  # noqa: S101 -- a booked visit has a time
        return self.due or timezone.localdate(self.visit.start)


def checklist(visit: Appointment, closed: Collection[date], today: date) -> list[Item]:
    """Return what a visit with a time needs on paper, done or not, in a fixed order.

    `closed` are the days on which the whole clinic is; see `closed_days`.
    """
    if visit.start is None:
        return []
    said = {paper.kind: paper for paper in visit.papers.all()}
    since = _scheduled_at(visit.events.all()) or visit.requested_at
    items = []
    for kind in _needed(visit, closed):
        paper = said.get(kind)
        state = Paper.State(paper.state) if paper else State.NEEDED
        due = _estimate_due(visit, closed) if kind == Kind.ESTIMATE else None
        late = due is not None and due < today and state in OPEN
        items.append(Item(visit, kind, state, due, late, since, paper))
    return items


def _needed(visit: Appointment, closed: Collection[date]) -> list[Paper.Kind]:
    insured = visit.payer == Payer.INSURANCE
    by_case = visit.payer in (Payer.WORKERS_COMP, Payer.NO_FAULT)
    needed = {
        Kind.ESTIMATE: visit.payer == Payer.SELF_PAY
        and _estimate_due(visit, closed) is not None,
        Kind.REFERRAL: visit.visit_type.needs_referral or visit.has_referral,
        Kind.AUTHORIZATION: insured or by_case,
        Kind.CARD: insured,
    }
    return [kind for kind, wanted in needed.items() if wanted]


def _estimate_due(visit: Appointment, closed: Collection[date]) -> date | None:
    """Return until which day the estimate has to be given; None when none has to be."""
    scheduled = _scheduled_at(visit.events.all())
    if scheduled is None or visit.start is None:
        return None
    day = timezone.localdate(scheduled)
    ahead = business_days.between(day, timezone.localdate(visit.start), closed)
    if ahead < 3:
        return None
    return business_days.after(day, 3 if ahead >= 10 else 1, closed)


def _scheduled_at(events: Iterable[AppointmentEvent]) -> datetime | None:
    times = [event.at for event in events if event.act in SCHEDULES]
    return max(times, default=None)


def of_visit(visit: Appointment, now: datetime) -> list[Item]:
    """Return the checklist of one visit."""
    if visit.start is None or visit.status not in (Status.BOOKED, Status.ARRIVED):
        return []
    first = min(timezone.localdate(visit.requested_at), timezone.localdate(now))
    closed = closed_days(first, timezone.localdate(visit.start))
    return checklist(visit, closed, timezone.localdate(now))


def open_items(now: datetime) -> list[Item]:
    """Return the open papers of booked visits to come, what is due first on top.

    Estimates of all of them; other papers once the visit is near. A constant number of
    queries; whose visits they are is not read.
    """
    today = timezone.localdate(now)
    soon = business_days.after(today, LOOK_AHEAD)
    _, near = span_of(soon)
    visits = _to_come(now).filter(Q(payer=Payer.SELF_PAY) | Q(start__lt=near))
    found = list(visits[:AT_MOST])
    if not found:
        return []
    last = max(timezone.localdate(v.start) for v in found if v.start)
    first = min(timezone.localdate(v.requested_at) for v in found)
    closed = closed_days(first, last)
    items = [
        item
        for visit in found
        for item in checklist(visit, closed, today)
        if item.is_open
        and (item.kind == Kind.ESTIMATE or (visit.start and visit.start < near))
    ]
    return sorted(items, key=lambda item: (item.wanted_by, item.visit.pk, item.kind))


def _to_come(now: datetime) -> AppointmentQuerySet:
    events = AppointmentEvent.objects.filter(act__in=SCHEDULES)
    scheduling = Prefetch("events", events.only("appointment", "act", "at"))
    return (
        Appointment.objects.booked()
        .filter(start__gt=now)
        .prefetch_related("visit_type__service", "papers__user", scheduling)
        .order_by("start", "pk")
    )
