"""A booked visit cannot take place at its time, and others are offered instead."""

from collections.abc import Sequence
from datetime import datetime

from booking import messages
from booking.errors import TimeTaken
from booking.models import Appointment, Message, Proposal
from booking.policy import Act, ClosingReason

from .offer import offer_data, offer_one
from .road import By, as_text, check_move, free_time, record
from .waiting import Outcome, WhyEnded, stop_waiting, wish_again


def call_off(
    visit: Appointment,
    starts: Sequence[datetime],
    reason: ClosingReason,
    *,
    expires_at: datetime,
    by: By,
    now: datetime,
    seen_version: int | None,
) -> Appointment:
    """Take the time from the locked visit, and keep others for the patient instead.

    Of `starts`, one to three, those are offered that are still free; none outlives the
    first of them. The old time stays as what the patient asked for, or the others that
    they asked for instead: if nothing comes of the offers, the visit is a request
    again, which the desk has to answer.

    Raises TimeTaken when none is free any more, NotPossibleNow or ChangedMeanwhile.
    """
    check_move(visit, Act.CALL_OFF, seen_version)
    before = messages.known_start(visit, now)
    free_time(visit, now)
    if visit.proposals.offers().update(outcome=Outcome.WITHDRAWN):
        wish_again(visit, now)
    _ask_again(visit.proposals.get(outcome=Outcome.ACCEPTED), visit.wants_change)
    visit.reply_by = None
    stop_waiting(visit, WhyEnded.CANCELLED, now)
    starts = [start for start in starts if start > now]
    expires_at = min(expires_at, *starts) if starts else expires_at
    offers: list[Proposal] = []
    for start in starts:
        rank = len(offers) + 1
        try:
            offers.append(offer_one(visit, start, rank, expires_at, by, now, True))
        except TimeTaken:
            continue
    if not offers:
        raise TimeTaken
    visit.start = visit.end = None
    visit.calendar_sequence += 1
    event = record(
        visit,
        Act.CALL_OFF,
        by=by,
        now=now,
        reason=reason,
        data={"moved_from": as_text(before), "start": None, "end": None}
        | offer_data(offers, expires_at, kept=True),
    )
    messages.owe(Message.Kind.CALLED_OFF, event, now=now, offers=offers)
    # The confirmation of another time has to rise above this cancellation.
    visit.calendar_sequence += 1
    visit.save(update_fields=["calendar_sequence"])
    return visit


def _ask_again(agreed: Proposal, wants_another: bool) -> None:
    """Let the time that was agreed stand as the patient's wish, if they have none."""
    if not wants_another and agreed.by == Proposal.By.PATIENT:
        agreed.outcome = Outcome.OPEN
        agreed.save(update_fields=["outcome"])
        return
    agreed.outcome = Outcome.MOVED
    agreed.save(update_fields=["outcome"])
    if wants_another:
        return
    Proposal.objects.create(
        appointment=agreed.appointment,
        by=Proposal.By.PATIENT,
        start=agreed.start,
        end=agreed.end,
        rank=1,
    )
