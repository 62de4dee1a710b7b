"""The one road that every change of state, time or resource takes.

Lock the resources, then the visit; check the move, the right and the version; ask the
engine again under the lock; write row, reservations, event and owed messages; commit.
"""

import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.contrib.auth.models import User
from django.db import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)

from booking import availability, guards
from booking.availability import Reason, Why
from booking.errors import (
    AlreadyAnswered,
    ChangedMeanwhile,
    NotAllowed,
    NotPossibleNow,
    TimeNotOffered,
    TimeTaken,
    TooLate,
    TryAgain,
)
from booking.models import (
    Appointment,
    AppointmentEvent,
    Claim,
    Ignoring,
    Locked,
    Plan,
    Proposal,
    Reservation,
    Resource,
    VisitType,
)
from booking.policy import ENDED, TRANSITIONS, Act, Actor, Status
from services import rows
from services.functions import NOTHING, Function

from .closures import hold_closures

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 4
# Deadlock, serialization failure, lock not available. Source: PostgreSQL, appendix A.
_PASSING = {"40P01", "40001", "55P03"}
_OVERLAP = "23P01"

CLEAR = Function(
    "booking_clear",
    {"resources": "bigint[]", "now": "timestamptz", "hold_key": "text"},
    lambda _vendor: (
        """
        DELETE FROM booking_reservation
        WHERE expires_at <= {now} AND resource_id {resources}
        OR hold_key = {hold_key} AND hold_key > ''"""
    ),
    gives=NOTHING,
    acts=True,
)


@dataclass(frozen=True, slots=True)
class By:
    """Who does something: a patient, a member of staff, or the system itself."""

    actor: Actor
    user: User | None = None

    @classmethod
    def staff(cls, user: User) -> "By":
        return cls(Actor.STAFF, user)


PATIENT = By(Actor.PATIENT)
SYSTEM = By(Actor.SYSTEM)


def act(function: Callable[P, R]) -> Callable[P, R]:
    """Run an act in one durable transaction, and say in words what went wrong.

    A lost race is a TimeTaken; a deadlock or a busy database is tried again a few times
    with a pause; what is left of those, and a lost connection, is a TryAgain.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with transaction.atomic(durable=True):
                    return function(*args, **kwargs)
            except IntegrityError as error:
                if _is_overlap(error):
                    raise TimeTaken from error
                if attempt == ATTEMPTS or not _is_repeated_key(error):
                    raise
            except (OperationalError, InterfaceError) as error:
                if attempt == ATTEMPTS or not _is_passing(error):
                    logger.exception("%s could not be written", function.__name__)
                    connection.close_if_unusable_or_obsolete()
                    raise TryAgain from error
            time.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311 -- jitter
        raise AssertionError("The last attempt returns or raises.")

    return run


def _code(error: Exception) -> str:
    return str(getattr(error.__cause__, "pgcode", "") or "")


def _is_overlap(error: IntegrityError) -> bool:
    return _code(error) == _OVERLAP or guards.OVERLAP in str(error)


def _is_repeated_key(error: IntegrityError) -> bool:
    """Tell whether the same request, or the same random reference, was just written."""
    return any(name in str(error) for name in ("request_key", "reference"))


def _is_passing(error: Exception) -> bool:
    return _code(error) in _PASSING or "database is locked" in str(error)


def lock_resources(ids: Iterable[int], now: datetime) -> None:
    """Lock what may be touched, in the one order, and clear what has lapsed on it."""
    clear(Resource.objects.lock(set(ids)), now)


def clear(locked: Iterable[int], now: datetime, hold_key: str = "") -> None:
    """Give back what has lapsed on the locked resources, and what the key holds."""
    CLEAR.do(resources=list(locked), now=now, hold_key=hold_key)


def lock_visit(pk: int, now: datetime) -> Appointment:
    """Lock the visit, after every resource that it holds or may come to hold.

    An act that runs at the same time can move the visit before the lock is ours; it
    moves it to one of the latter, so those are locked even to give time back.
    """
    return lock_visits({pk}, now)[pk]


def lock_visits(pks: set[int], now: datetime) -> dict[int, Appointment]:
    """Lock some visits by primary key, after all that any of them may hold.

    No deadlock: whoever has locked one of them alone holds its resources, too, and we
    wait for those before we have locked any visit.
    """
    ids: set[int] = set()
    for pk in pks:
        visit = Appointment.objects.select_related("visit_type").get(pk=pk)
        held = visit.reservations.values_list("resource_id", flat=True)
        ids |= visit.visit_type.may_take() | set(held)
    lock_resources(ids, now)
    return {pk: Appointment.objects.lock(pk) for pk in sorted(pks)}


def has_begun(visit: Appointment, now: datetime) -> bool:
    """Tell whether the time of the visit, if it has one, has come."""
    return visit.start is not None and visit.start <= now


def check_move(visit: Appointment, move: Act, seen_version: int | None) -> None:
    """Raise unless the locked visit can make the `move`, and is as the actor saw it.

    Raises AlreadyAnswered, NotPossibleNow or ChangedMeanwhile.
    """
    check_edge(visit, move)
    if seen_version is not None and seen_version != visit.version:
        raise ChangedMeanwhile


def check_cutoff(visit: Appointment, by: By, now: datetime) -> None:
    """Raise TooLate for a patient who may no longer change what is booked.

    What is not booked, patients may end at any time; staff are bound by nothing.
    """
    booked = visit.status == Status.BOOKED
    if booked and by.actor == Actor.PATIENT and visit.is_too_late(now):
        raise TooLate


def is_repeat(visit: Appointment, move: Act, by: By) -> bool:
    """Tell whether the last thing done to the visit is this, by the same person."""
    last = visit.events.order_by("version").last()
    return last is not None and (last.act, last.actor, last.user_id) == (
        move,
        by.actor,
        by.user.pk if by.user else None,
    )


def check_right(move: Act, by: By) -> None:
    """Raise NotAllowed unless `by` may make the `move` at all."""
    if by.actor not in TRANSITIONS[move].actors:
        raise NotAllowed
    if by.actor == Actor.STAFF and not (
        by.user and by.user.has_perm("booking.answer_appointment")
    ):
        raise NotAllowed


def check_edge(visit: Appointment, move: Act) -> None:
    """Raise AlreadyAnswered or NotPossibleNow unless the visit's state allows it."""
    if visit.status in TRANSITIONS[move].sources:
        return
    last = visit.events.select_related("user").order_by("-version").first()
    if last and last.user and Status.PENDING in TRANSITIONS[move].sources:
        raise AlreadyAnswered(
            who=last.user.get_full_name() or last.user.get_username(),
            when=last.at,
            outcome=visit.get_status_display(),
        )
    raise NotPossibleNow


def take_time(
    visit_type: VisitType,
    start: datetime,
    *,
    now: datetime,
    clinician: Resource | None,
    ignoring: Ignoring,
    by_staff: bool = False,
    is_agreed: bool = False,
    has_referral: bool = False,
    locked: Locked | None = None,
    held_since: datetime | None = None,
) -> list[Reservation]:
    """Return unsaved reservations for the visit at `start`, on resources that are free.

    The caller holds the locks: with `locked`, of that alone. Raises TimeTaken or
    TimeNotOffered, with the reason.
    """
    plan = plan_for(
        visit_type, start, now=now, clinician=clinician, ignoring=ignoring,
        by_staff=by_staff, is_agreed=is_agreed, has_referral=has_referral,
        locked=locked, held_since=held_since,
    )  # fmt: skip
    return take_from(plan, start, now=now)


def plan_for(visit_type: VisitType, start: datetime, **asked: Any) -> Plan:
    """Return the plan of the day of `start`; `asked` is as `VisitType.plan` has it."""
    day = start.astimezone(UTC).date()
    return visit_type.plan(day, day, **asked)


def take_proposed(
    visit: Appointment, proposal: Proposal, now: datetime
) -> list[Reservation]:
    """Do the same for a time that the locked visit asked for, or that it was offered.

    It is as long as was said then, whatever has become of the visit type since.
    """
    plan = plan_for(
        visit.visit_type, proposal.start, now=now, clinician=visit.wanted_clinician,
        ignoring=Ignoring(appointment_id=visit.pk), by_staff=True,
    )  # fmt: skip
    return take_from(plan, proposal.start, now=now, end=proposal.end)


def take_from(
    plan: Plan, start: datetime, *, now: datetime, end: datetime | None = None
) -> list[Reservation]:
    """Do the same from a plan that was made under the locks; `end` as there."""
    slot = plan.check(start, now=now, end=end)
    if isinstance(slot, Reason):
        raise refusal(slot, start)
    taken = availability.taken(slot, plan.rules, plan.calendars)
    return [
        rows.new(
            Reservation,
            resource_id=resource,
            start=datetime.fromtimestamp(span.start, UTC),
            end=datetime.fromtimestamp(span.end, UTC),
        )
        for resource, span in taken.items()
    ]


def refusal(reason: Reason, start: datetime) -> TimeTaken:
    """Return the error that says why a time cannot be had."""
    lost = reason.why in (Why.FULLY_BOOKED, Why.IN_USE)
    return (TimeTaken if lost else TimeNotOffered)(reason=reason, start=start)


def free_time(visit: Appointment, now: datetime) -> list[int]:
    """Give back what the visit holds; return the resources, by primary key.

    A closure that was written around the visit takes the time at once.
    """
    rows = visit.reservations.all()
    ids = sorted(set(rows.values_list("resource_id", flat=True)))
    rows.delete()
    hold_closures(ids, now)
    return ids


def free_offers(visit: Appointment) -> None:
    """Give back what offers to the visit hold, and nothing else of it.

    No closure lies around them: they gave way when it was made.
    """
    offered = visit.reservations.filter(proposal__by=Proposal.By.CLINIC)
    offered.filter(expires_at__isnull=False).delete()


def end_wish(visit: Appointment, outcome: Proposal.Outcome) -> None:
    """Close what the patient of a booked visit asked for instead, and free its hold.

    No closure lies around that either. The caller saves the visit.
    """
    held = visit.reservations.filter(proposal__by=Proposal.By.PATIENT)
    held.filter(expires_at__isnull=False).delete()
    visit.proposals.wanted().update(outcome=outcome)
    visit.reply_by = None


def record(
    visit: Appointment,
    move: Act,
    *,
    by: By,
    now: datetime,
    to: Status | None = None,
    reason: str = "",
    private_note: str = "",
    data: dict[str, Any] | None = None,
) -> AppointmentEvent:
    """Move the visit along the edge, and add the event that says so.

    The caller has set the other fields; this writes the row and the event together.
    `to` chooses, for an act that leads to more than one state.
    """
    before = visit.status
    visit.status = to or TRANSITIONS[move].target(Status(before) if before else None)
    visit.version += 1
    if visit.pk is None:
        rows.add(visit)
    else:
        visit.save()
    if visit.status in ENDED:
        # That it will not be may still have to be told by phone.
        visit.claims.exclude(task=Claim.Task.CALL).end(now)
    return rows.add(
        rows.new(
            AppointmentEvent,
            appointment=visit,
            version=visit.version,
            act=move,
            from_status=before,
            to_status=visit.status,
            reason=reason,
            actor=by.actor,
            user=by.user,
            at=now,
            data=data or {},
            private_note=private_note,
        )
    )


def time_data(visit: Appointment) -> dict[str, Any]:
    """Return the visit's time as an event keeps it."""
    return {"start": as_text(visit.start), "end": as_text(visit.end)}


def series_data(visit: Appointment) -> dict[str, Any]:
    """Return the series that the visit joins, if it does, as an event keeps it."""
    return {"series": str(visit.series)} if visit.series else {}


def held_data(rows: Iterable[Reservation]) -> dict[str, Any]:
    """Return what the visit holds from an event on: resource, start and end of each."""
    held = ([row.resource_id, as_text(row.start), as_text(row.end)] for row in rows)
    return {"held": sorted(held)}


def as_text(at: datetime | None) -> str | None:
    """Return an instant as an event keeps it."""
    return at.astimezone(UTC).isoformat() if at else None
