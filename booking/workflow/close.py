"""Staff close the clinic or a resource for a while, and open it again."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from booking import once
from booking.errors import NotPossibleNow, TimeTaken
from booking.models import Closure, Proposal, Reservation

from .closures import every_resource, hold_closures
from .road import act, lock_resources, plan_for, take_from

_GONE = _(
    "This was saved, and has been deleted since. To save it anew, press the button"
    " again."
)


@act
def close(closure: Closure, *, now: datetime, key: uuid.UUID | None = None) -> Closure:
    """Save a closure, new or changed, and hold its time on what it closes.

    `key` makes it safe to send twice: the second answer is the closure that was saved
    the first time. Raises DifferentForm; NotPossibleNow when that is deleted by now.
    """
    if key and (before := once.begin(key, _content(closure), now=now)):
        saved = Closure.objects.filter(pk=before).first()
        if saved is None:
            raise NotPossibleNow(_GONE)
        return saved
    ids = every_resource()
    lock_resources(ids, now)
    closure.save()
    close_all(ids, now)
    if key:
        once.end(key, closure.pk)
    return closure


def _content(closure: Closure) -> list[Any]:
    moments = [closure.start.timestamp(), closure.end.timestamp()]
    return ["close", closure.pk, closure.resource_id, closure.reason, moments]


@act
def reopen(closure: Closure, *, now: datetime) -> None:
    """Delete a closure; its time can be booked again at once. Twice is as once."""
    ids = every_resource()
    lock_resources(ids, now)
    Closure.objects.filter(pk=closure.pk).delete()
    close_all(ids, now)


@act
def refresh_closures(*, now: datetime) -> None:
    """Hold the closures to come on every resource, such as one that was just added."""
    ids = every_resource()
    lock_resources(ids, now)
    close_all(ids, now)


def close_all(every: Sequence[int], now: datetime) -> None:
    """Hold the closures to come on every resource; the caller has locked them all.

    A first choice or an offer that gives way is held with others, if any are free then.
    """
    gone: dict[int, list[Reservation]] = defaultdict(list)
    for row in hold_closures(every, now):
        if row.proposal_id:
            gone[row.proposal_id].append(row)
    proposals = Proposal.objects.filter(pk__in=gone).select_related(
        "appointment__visit_type", "appointment__wanted_clinician"
    )
    for proposal in proposals.order_by("pk"):
        _hold_anew(proposal, gone[proposal.pk], now)


def _hold_anew(
    proposal: Proposal, before: Sequence[Reservation], now: datetime
) -> None:
    """Hold the time until the same moment, if there is as much for it as before.

    Beside the time that a booked visit has, which is nothing of its own here.
    """
    visit = proposal.appointment
    plan = plan_for(
        visit.visit_type, proposal.start, now=now, clinician=visit.wanted_clinician,
        by_staff=True,
    )  # fmt: skip
    try:
        rows = take_from(plan, proposal.start, now=now, end=proposal.end)
    except TimeTaken:
        return
    if len(rows) == len(before):  # else the kind of visit takes something else by now
        for row, former in zip(rows, before, strict=True):
            row.appointment, row.proposal = visit, proposal
            row.expires_at = former.expires_at
        Reservation.objects.bulk_create(rows)
