"""Staff close a day at short notice: the time at once, its visits a little later."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from booking import messages, once
from booking.errors import (
    BookingError,
    ChangedMeanwhile,
    NotPossibleNow,
    Reopened,
    ToldAlready,
    TryAgain,
)
from booking.models import Appointment, ClosingPlan, ClosingRow, Closure, hit_by
from booking.models.office import hours_to_answer
from booking.policy import Act, ClosingReason

from .call_off import call_off
from .cancel import end
from .close import close_all
from .closures import every_resource
from .road import By, act, check_right, lock_resources, lock_visit

Choice, Outcome = ClosingRow.Choice, ClosingRow.Outcome

# Who has to be phoned may be reached only the next day.
HOURS_TO_ANSWER = 48

_OTHERS = _(
    "Who is hit has changed since you opened the page. Nothing was closed. Look at the"
    " list as it is now, then press the button again."
)


def answered_by(now: datetime) -> datetime:
    """Return until when whoever is called off now can take another time."""
    return now + timedelta(hours=hours_to_answer(HOURS_TO_ANSWER, now))


def in_hand(visits: Sequence[int] | None = None) -> dict[int, ClosingRow]:
    """Return the visits that a plan is still to tell, by key, with its row."""
    rows = ClosingRow.objects.filter(outcome=Outcome.WAITING).select_related("plan")
    rows = rows if visits is None else rows.filter(appointment__in=visits)
    return {row.appointment_id: row for row in rows}


@act
def plan_closing(
    plan: ClosingPlan,
    closure: Closure,
    rows: Sequence[ClosingRow],
    *,
    key: uuid.UUID,
    by: By,
    now: datetime,
) -> ClosingPlan:
    """Close the time now, and store what its visits are to be told from `due_at` on.

    `rows` are all the visits that the closure hits, each at the version that was seen,
    without those that another plan has in hand. Sent again under the same `key`, the
    answer is the first plan.

    Raises ChangedMeanwhile when others are hit by now, DifferentForm or NotAllowed.
    """
    check_right(Act.CALL_OFF, by)
    if before := once.begin(key, _content(closure, rows), now=now):
        return ClosingPlan.objects.get(pk=before)
    ids = every_resource()
    lock_resources(ids, now)
    seen = {row.appointment_id: row.version for row in rows}
    hit = dict(hit_by(closure, now).values_list("pk", "version"))
    for pk in in_hand(list(hit)):
        del hit[pk]
    if hit != seen:
        raise ChangedMeanwhile(_OTHERS)
    closure.save()
    close_all(ids, now)
    assert by.user  # noqa: S101 -- only staff have the right
    plan.closure, plan.user, plan.made_at = closure, by.user, now
    plan.save()
    for row in rows:
        row.plan = plan
        if row.choice == Choice.KEEP:
            row.outcome, row.at = Outcome.KEPT, now
    ClosingRow.objects.bulk_create(rows)
    once.end(key, plan.pk)
    return plan


def _content(closure: Closure, rows: Sequence[ClosingRow]) -> list[Any]:
    moments = [closure.start.timestamp(), closure.end.timestamp()]
    told = [[r.appointment_id, r.version, r.choice, r.starts] for r in rows]
    return ["closing", closure.resource_id, closure.reason, moments, sorted(told)]


@act
def undo_closing(plan_id: int, *, by: By, now: datetime) -> bool:
    """Open the time again and tell nobody; return whether it was not yet undone.

    What gave way to the closure, such as first choices of requests, does not come back.

    Raises ToldAlready once a visit was called off or cancelled, or NotAllowed.
    """
    check_right(Act.CALL_OFF, by)
    ids = every_resource()
    lock_resources(ids, now)
    plan = _lock(plan_id)
    if plan.undone_at:
        return False
    if plan.rows.filter(outcome=Outcome.DONE).exists():
        raise ToldAlready
    plan.rows.update(outcome=Outcome.UNDONE, at=now)
    Closure.objects.filter(plan=plan).delete()
    close_all(ids, now)
    plan.closure, plan.undone_at, plan.undone_by = None, now, by.user
    plan.save()
    return True


def _lock(plan_id: int) -> ClosingPlan:
    """Return the plan, locked after resources and visit: whoever tells, tells first."""
    plans = ClosingPlan.objects.select_for_update(of=("self",), no_key=True)
    return plans.get(pk=plan_id)


def carry_out(row_id: int, *, now: datetime) -> ClosingRow:
    """Call off, or cancel, the visit of one row, on behalf of who made the plan.

    A row that is done stays as it is. One that cannot be done, as its visit has changed
    meanwhile or the times went, is dropped, and says why. Raises TryAgain.
    """
    try:
        return _carry_out(row_id, now=now)
    except TryAgain:
        raise
    except BookingError as error:
        return _drop(row_id, error.code, now=now)


@act
def _carry_out(row_id: int, *, now: datetime) -> ClosingRow:
    row = ClosingRow.objects.get(pk=row_id)
    visit = lock_visit(row.appointment_id, now)
    plan = _lock(row.plan_id)
    row.refresh_from_db()
    if row.outcome == Outcome.WAITING and plan.due_at <= now:
        _tell(visit, plan, row, now)
        row.outcome, row.at = Outcome.DONE, now
        row.save()
    return row


def _tell(
    visit: Appointment, plan: ClosingPlan, row: ClosingRow, now: datetime
) -> None:
    if plan.closure is None:
        raise Reopened
    if visit.version != row.version:
        raise ChangedMeanwhile
    if not hit_by(plan.closure, now).filter(pk=visit.pk).exists():
        raise NotPossibleNow
    by = By.staff(plan.user)
    if row.choice == Choice.OFFER:
        call_off(
            visit,
            [datetime.fromisoformat(start) for start in row.starts],
            ClosingReason(plan.reason),
            expires_at=answered_by(now),
            by=by,
            now=now,
            seen_version=row.version,
        )
    else:
        end(
            visit,
            Act.CANCEL,
            by=by,
            now=now,
            note=messages.closing_note(visit, plan.reason),
            private_note="",
            seen_version=row.version,
        )


@act
def _drop(row_id: int, why: str, *, now: datetime) -> ClosingRow:
    row = ClosingRow.objects.get(pk=row_id)
    _lock(row.plan_id)
    row.refresh_from_db()
    if row.outcome == Outcome.WAITING:
        row.outcome, row.why, row.at = Outcome.DROPPED, why, now
        row.save()
    return row
