"""Closing a day: who is hit, which times to offer them, and telling them in turn."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from django.conf import settings

from . import messages, words, workflow
from .errors import TryAgain
from .models import (
    Appointment,
    ClosingRow,
    Closure,
    Message,
    Practice,
    Proposal,
    hit_by,
)
from .planner import distance
from .policy import MAX_CHOICES, ClosingReason, Status

# No time is suggested so soon that the patient could hardly answer before it.
SOONEST = timedelta(hours=24)
# Nor one so far from the closed time that the patient had better be asked.
AHEAD = timedelta(days=21)
# A plan is read and decided row by row: more belong in parts of their own.
MOST = 100


def hold() -> timedelta:
    """Return for how long a plan can be undone before anybody is told."""
    return timedelta(minutes=settings.CLOSING_HOLD_MINUTES)


def previews(
    starts: Mapping[Appointment, Sequence[datetime]],
    reason: ClosingReason,
    now: datetime,
) -> list[messages.ClosingPreview]:
    """Return what is sent about each visit if the button is pressed now."""
    until = workflow.answered_by(now + hold())
    return messages.preview_closing(starts, reason, until, now)


@dataclass(frozen=True, slots=True)
class Hit:
    """A booked visit that cannot take place: other times for it, nearest first.

    `by_phone` says that no mail reaches the patient, `begins_soon` that it begins
    before anybody is told, `plan` whose plan has it in hand.
    """

    visit: Appointment
    starts: Sequence[datetime]
    by_phone: bool
    begins_soon: bool
    plan: ClosingRow | None


class Preview:
    """Who is hit by a closure that is not made yet. Changes nothing."""

    def __init__(self, closure: Closure, now: datetime) -> None:
        self.closure = closure
        self.now = now
        self.practice = Practice.read()
        visits = hit_by(closure, now).select_related(
            "patient", "visit_type__service", "wanted_clinician"
        )
        found = list(visits[: MOST + 1])
        self.too_many = len(found) > MOST
        in_hand = workflow.in_hand([visit.pk for visit in found])
        free = [visit for visit in found[:MOST] if visit.pk not in in_hand]
        starts = self._suggested(free)
        self.hits = [
            Hit(
                visit,
                starts.get(visit.pk, ()),
                messages.reached_by(visit.patient) == Message.Channel.PHONE,
                bool(visit.start and visit.start <= now + hold()),
                in_hand.get(visit.pk),
            )
            for visit in found[:MOST]
        ]
        self.pending, self.offered = self._asked_for()

    @property
    def to_decide(self) -> list[Hit]:
        return [hit for hit in self.hits if hit.plan is None]

    @property
    def elsewhere(self) -> list[Hit]:
        """Return the visits that a colleague's plan has in hand."""
        return [hit for hit in self.hits if hit.plan]

    def _suggested(self, visits: Iterable[Appointment]) -> dict[int, list[datetime]]:
        """Return times for each visit, of a day but one; none is suggested to two.

        The closure is not made yet, so what lies in it is left out here.
        """
        read: dict[tuple[int, int | None], list[datetime]] = {}
        given: list[tuple[datetime, datetime]] = []
        found: dict[int, list[datetime]] = {}
        for visit in visits:
            key = (visit.visit_type_id, visit.wanted_clinician_id)
            if key not in read:
                read[key] = self._free(visit)
            assert visit.start  # noqa: S101 -- it is booked
            mine: dict[object, datetime] = {}
            for start in sorted(read[key], key=partial(distance, visit.start)):
                span = (start, start + visit.duration)
                day = words.local(start).date()
                if day in mine or any(s < span[1] and span[0] < e for s, e in given):
                    continue
                mine[day] = start
                given.append(span)
                if len(mine) == MAX_CHOICES:
                    break
            found[visit.pk] = sorted(mine.values())
        return found

    def _free(self, visit: Appointment) -> list[datetime]:
        soonest = self.now + hold() + SOONEST
        days = visit.visit_type.availability(
            words.local(max(soonest, self.closure.start - AHEAD)).date(),
            words.local(max(soonest, self.closure.end) + AHEAD).date(),
            now=self.now,
            clinician=visit.wanted_clinician,
            by_staff=True,
            practice=self.practice,
        )
        starts = (
            datetime.fromtimestamp(slot.start, UTC)
            for day in days
            for slot in day.slots
        )
        before = timedelta(minutes=visit.visit_type.buffer_before)
        after = visit.duration + timedelta(minutes=visit.visit_type.buffer_after)
        return [
            start
            for start in starts
            if start >= soonest
            and (
                start + after <= self.closure.start
                or start - before >= self.closure.end
            )
        ]

    def _asked_for(self) -> tuple[list[Appointment], list[Appointment]]:
        """Return the requests, and whom we offered times, that want the time."""
        wanted = (
            Proposal.objects.open()
            .filter(start__lt=self.closure.end, end__gt=self.closure.start)
            .filter(start__gt=self.now)
            .select_related(
                "appointment__patient",
                "appointment__visit_type__service",
                "appointment__wanted_clinician",
            )
            .order_by("start", "pk")
        )
        pending: dict[int, Appointment] = {}
        offered: dict[int, Appointment] = {}
        for proposal in wanted:
            visit = proposal.appointment
            if not self._could_take(visit):
                continue
            if proposal.by == Proposal.By.CLINIC:
                offered[visit.pk] = visit
            elif visit.status == Status.PENDING:
                pending[visit.pk] = visit
        return list(pending.values()), list(offered.values())

    def _could_take(self, visit: Appointment) -> bool:
        if self.closure.resource_id is None:
            return True
        types = {kind.pk: kind for kind in self.practice.visit_types}
        kind = types.get(visit.visit_type_id, visit.visit_type)
        could = kind.may_take(self.practice, visit.wanted_clinician)
        return self.closure.resource_id in could


def tell(now: datetime) -> str:
    """Carry out what is due of all plans, the soonest visit first, each by itself."""
    due = ClosingRow.objects.filter(
        outcome=ClosingRow.Outcome.WAITING, plan__due_at__lte=now
    ).order_by("appointment__start", "pk")
    told = 0
    for pk in list(due.values_list("pk", flat=True)):
        try:
            row = workflow.carry_out(pk, now=now)
        except TryAgain:
            continue  # the next look tries again
        told += row.outcome == ClosingRow.Outcome.DONE
    return f"Visits called off or cancelled: {told}." if told else ""
