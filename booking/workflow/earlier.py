"""Somebody who has a time would like an earlier one, and keeps theirs meanwhile."""

from datetime import datetime

from booking import messages
from booking.errors import AlreadyOnList, NotPossibleNow
from booking.models import Appointment, Message, Wish
from booking.policy import Act

from .road import (
    By,
    act,
    check_edge,
    check_move,
    check_right,
    free_offers,
    has_begun,
    is_repeat,
    lock_visit,
    record,
)
from .waiting import (
    Outcome,
    WhyEnded,
    answered_by_offers,
    open_entry,
    start_waiting,
    stop_waiting,
    wish_data,
)


@act
def want_earlier(
    appointment_id: int,
    wish: Wish,
    *,
    by: By,
    now: datetime,
    seen_version: int | None = None,
) -> Appointment:
    """Put a booked visit at the end of the list for an earlier time.

    The same wish sent again gets the visit, and nothing is sent.

    Raises AlreadyOnList, NotPossibleNow, ChangedMeanwhile or NotAllowed.
    """
    check_right(Act.WANT_EARLIER, by)
    visit = lock_visit(appointment_id, now)
    check_edge(visit, Act.WANT_EARLIER)
    if entry := open_entry(visit):
        if wish_data(entry.wish) == wish_data(wish):
            return visit
        raise AlreadyOnList
    check_move(visit, Act.WANT_EARLIER, seen_version)
    if has_begun(visit, now):
        raise NotPossibleNow
    entry = start_waiting(visit, wish, now)
    event = record(visit, Act.WANT_EARLIER, by=by, now=now, data=wish_data(wish))
    messages.owe(Message.Kind.ON_LIST, event, now=now, entry=entry)
    return visit


@act
def stop_wanting(
    appointment_id: int, *, by: By, now: datetime, seen_version: int | None = None
) -> Appointment:
    """Take a booked visit off the list, with what it was offered; its time stays.

    What it is offered because the patient asked for another time stays, too.
    Who does it again gets the visit, and nothing is sent.

    Raises NotPossibleNow, ChangedMeanwhile or NotAllowed.
    """
    check_right(Act.STOP_WANTING, by)
    visit = lock_visit(appointment_id, now)
    if open_entry(visit) is None:
        if is_repeat(visit, Act.STOP_WANTING, by):
            return visit
        raise NotPossibleNow
    check_move(visit, Act.STOP_WANTING, seen_version)
    stop_waiting(visit, WhyEnded.LEFT, now)
    if not answered_by_offers(visit).exists():
        visit.proposals.offers().update(outcome=Outcome.DECLINED)
        free_offers(visit)
    event = record(visit, Act.STOP_WANTING, by=by, now=now)
    messages.owe(Message.Kind.LEFT, event, now=now)
    return visit
