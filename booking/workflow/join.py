"""Somebody who found no time joins the waiting list, or staff do it for a caller."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

from booking import limits, messages
from booking.models import WAS_SENT, Appointment, Message
from booking.policy import Act
from services import rows

from .request import NewRequest, keep_answers, new_visit, sent_before
from .road import By, act, check_right, record
from .waiting import start_waiting, wish_data


@act
def join(
    asked: NewRequest,
    *,
    key: uuid.UUID,
    by: By,
    now: datetime,
    counted: Sequence[limits.Counted] = (),
    also: Callable[[Appointment], None] = lambda visit: None,
) -> Appointment:
    """Put a new visit without a time at the end of the waiting list.

    `asked` has a wish and no choices. `key` makes it safe to send twice, as it does for
    a request. No time is held and no answer promised: the next word is an offer. What
    is recorded is `counted`. `also` is done as it is for a request.

    Raises DifferentRequest when the key was used for other content, TooMany, or
    NotAllowed; ValueError for a request without a wish, or with choices.
    """
    check_right(Act.JOIN, by)
    if asked.wish is None or asked.choices:
        raise ValueError("who joins the list has a wish, and no choices of time")
    if before := sent_before(asked, *rows.texts(WAS_SENT(key=key.hex))):
        also(before)
        return before
    limits.count(counted, now=now)
    visit = new_visit(asked, key, now)
    event = record(visit, Act.JOIN, by=by, now=now, data=wish_data(asked.wish))
    entry = start_waiting(visit, asked.wish, now)
    keep_answers(visit, asked.answers)
    messages.owe(Message.Kind.ON_LIST, event, now=now, entry=entry)
    also(visit)
    return visit
