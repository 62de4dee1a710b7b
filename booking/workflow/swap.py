"""Staff exchange what a booked visit takes: a clinician, a room or a machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from booking import availability, messages
from booking.availability import Interval, Slot, can_replace
from booking.errors import CannotServe, NotPossibleNow, ResourceTaken
from booking.models import Appointment, Message, Plan, Reservation, Resource
from booking.policy import TRANSITIONS, Act

from .closures import hold_closures
from .road import (
    By,
    act,
    check_move,
    check_right,
    has_begun,
    held_data,
    is_repeat,
    lock_visit,
    record,
)


@act
def swap(
    appointment_id: int,
    gives: int,
    takes: int,
    *,
    by: By,
    now: datetime,
    seen_version: int | None = None,
) -> Appointment:
    """Let resource `takes` serve the booked visit instead of `gives`, at its own time.

    The patient is told if it is the clinician. Who does the same again gets the visit,
    and nothing is sent.

    Raises ResourceTaken when the other one is not free, CannotServe when it is not one
    that the visit could take, NotPossibleNow, ChangedMeanwhile or NotAllowed.
    """
    check_right(Act.SWAP, by)
    visit = lock_visit(appointment_id, now)
    if _is_done(visit, gives, takes, by):
        return visit
    check_move(visit, Act.SWAP, seen_version)
    held = agreed(visit)
    given = next((row for row in held if row.resource_id == gives), None)
    if given is None or has_begun(visit, now):
        raise NotPossibleNow
    taken = _Exchange(visit, held, now).take(given, takes)
    given.delete()
    hold_closures([gives], now)
    taken.save(force_insert=True)
    kind = given.resource.kind
    data = held_data([taken, *(row for row in held if row.resource_id != gives)])
    data |= {"swapped": [gives, takes], "kind": kind}
    event = record(visit, Act.SWAP, by=by, now=now, data=data)
    if kind == Resource.Kind.CLINICIAN:
        messages.owe(Message.Kind.CLINICIAN_CHANGED, event, now=now)
    return visit


def _is_done(visit: Appointment, gives: int, takes: int, by: By) -> bool:
    if not is_repeat(visit, Act.SWAP, by):
        return False
    done: list[int] = visit.events.latest("version").data["swapped"]
    return done == [gives, takes]


@dataclass(frozen=True, slots=True)
class Swappable:
    """A resource that a visit takes, and those that could take its place now."""

    resource: Resource
    instead: Sequence[Resource]


def swappable(visit: Appointment, now: datetime) -> list[Swappable]:
    """Return what the visit takes, each with what can serve in its place and is free.

    The engine answers, as it will under the lock. A constant number of queries.
    """
    if visit.status not in TRANSITIONS[Act.SWAP].sources or has_begun(visit, now):
        return []
    held = agreed(visit)
    exchange = _Exchange(visit, held, now)
    could = {pk for row in held for pk in exchange.free_for(row)}
    known = Resource.objects.in_bulk(could)
    return [
        Swappable(row.resource, [known[pk] for pk in exchange.free_for(row)])
        for row in held
    ]


def agreed(visit: Appointment) -> list[Reservation]:
    """Return what the visit holds for good; what an offer holds is apart."""
    mine = visit.reservations.filter(expires_at=None).select_related("resource")
    return list(mine.order_by("resource__kind", "resource__order", "resource"))


class _Exchange:
    """What the engine knows of a visit's own time.

    What the visit itself holds counts as busy: it cannot take any of that twice.
    """

    def __init__(
        self, visit: Appointment, held: Sequence[Reservation], now: datetime
    ) -> None:
        assert visit.start  # noqa: S101 -- it is booked
        assert visit.end  # noqa: S101
        day = visit.start.astimezone(UTC).date()
        self.plan: Plan = visit.visit_type.plan(day, day, now=now, by_staff=True)
        self.time = Interval(int(visit.start.timestamp()), int(visit.end.timestamp()))
        self.held = held

    def free_for(self, given: Reservation) -> list[int]:
        """Return the keys of what can take the place of one reservation, in order."""
        return [
            calendar.resource
            for calendar in self.plan.calendars
            if self._can_serve(given, calendar.resource)
            and self.plan.check_resource(calendar.resource, self.time) is None
        ]

    def take(self, given: Reservation, takes: int) -> Reservation:
        """Return an unsaved reservation of the other one, for the same proposal.

        Raises CannotServe or ResourceTaken.
        """
        if not self._can_serve(given, takes):
            raise CannotServe
        if reason := self.plan.check_resource(takes, self.time):
            start = datetime.fromtimestamp(self.time.start, UTC)
            raise ResourceTaken(reason=reason, start=start)
        slot = Slot(self.time.start, self.time.end, (takes,))
        span = availability.taken(slot, self.plan.rules, self.plan.calendars)[takes]
        return Reservation(
            resource_id=takes,
            start=datetime.fromtimestamp(span.start, UTC),
            end=datetime.fromtimestamp(span.end, UTC),
            appointment=given.appointment,
            proposal=given.proposal,
        )

    def _can_serve(self, given: Reservation, takes: int) -> bool:
        held = {row.resource_id for row in self.held}
        left, kind = held - {given.resource_id}, given.resource.kind
        return takes not in held and can_replace(self.plan.rules, kind, takes, left)
