"""A patient takes a time that was offered: a first one, or one instead of theirs."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Max

from booking.errors import NotPossibleNow, OfferEnded
from booking.models import Appointment, Proposal, Resource
from booking.policy import Act

from .agree import agree
from .road import (
    SYSTEM,
    By,
    act,
    check_move,
    check_right,
    has_begun,
    lock_visits,
    take_proposed,
)
from .waiting import Outcome, can_take, end_offers, stop_waiting_at

# What the reason of an offer that lapsed says, when it did not end by itself.
GONE = "gone"


@act
def take(
    appointment_id: int,
    proposal_id: int,
    *,
    by: By,
    now: datetime,
    seen_version: int | None = None,
) -> Appointment:
    """Book the visit at a time that was offered, instead of the time that it has.

    Others who were offered the same time, and can no longer have it, are told at once.
    Taking again what was taken gets the visit, and nothing is sent.

    Raises OfferEnded, TimeTaken when the time went to somebody else, NotPossibleNow,
    ChangedMeanwhile or NotAllowed.
    """
    check_right(Act.TAKE, by)
    visits = lock_visits({appointment_id, *_rivals(proposal_id, now)}, now)
    visit = visits.pop(appointment_id)
    offer = visit.proposals.filter(by=Proposal.By.CLINIC, pk=proposal_id).first()
    if offer is None:
        raise NotPossibleNow
    if offer.outcome == Outcome.ACCEPTED and visit.start == offer.start:
        check_move(visit, Act.TAKE, None)
        return visit
    if offer.outcome != Outcome.OPEN or not offer.expires_at or offer.expires_at <= now:
        raise OfferEnded
    check_move(visit, Act.TAKE, seen_version)
    if has_begun(visit, now):
        raise NotPossibleNow
    _book(visit, offer, by=by, now=now)
    for rival in visits.values():
        _tell_if_it_went(rival, now)
    return visit


def _book(visit: Appointment, offer: Proposal, *, by: By, now: datetime) -> None:
    """Give the visit the offered time, under the locks."""
    rows = take_proposed(visit, offer, now)
    stop_waiting_at(visit, offer.start, now)
    agree(visit, offer, rows, Act.TAKE, by=by, now=now, others=Outcome.DECLINED)


def _tell_if_it_went(rival: Appointment, now: datetime) -> None:
    offers = list(rival.proposals.live(now))
    if offers and not any(can_take(rival, offer, now) for offer in offers):
        end_offers(rival, Act.LAPSE, Outcome.LAPSED, by=SYSTEM, now=now, reason=GONE)


def _rivals(proposal_id: int, now: datetime) -> Iterator[int]:
    """Yield the visits that were offered a time beside this one, and hold nothing.

    Read before the locks: one that is offered it meanwhile is told by the worker.
    """
    mine = Proposal.objects.filter(pk=proposal_id).first()
    if mine is None:
        return
    near = timedelta(days=1)
    offers = (
        Proposal.objects.live(now)
        .filter(
            reservations=None,
            start__gt=mine.start - near,
            start__lt=mine.start + near,
        )
        .exclude(appointment=mine.appointment_id)
        .select_related("appointment__visit_type")
    )
    longest = Resource.objects.aggregate(
        before=Max("buffer_before", default=0), after=Max("buffer_after", default=0)
    )
    taken = _span(mine, **longest)
    for offer in offers:
        start, end = _span(offer, **longest)
        if start < taken[1] and taken[0] < end:
            yield offer.appointment_id


def _span(offer: Proposal, *, before: int, after: int) -> tuple[datetime, datetime]:
    """Return the most that a visit there would take of a resource, buffers inside.

    `before` and `after` are the longest buffers that any resource has of its own.
    """
    kind = offer.appointment.visit_type
    return (
        offer.start - timedelta(minutes=max(kind.buffer_before, before)),
        offer.end + timedelta(minutes=max(kind.buffer_after, after)),
    )
