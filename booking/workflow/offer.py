"""The clinic offers times: to who waits, to who asked, to who would like an earlier."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import F

from booking import messages
from booking.errors import NotAllowed, NotPossibleNow, TimeNotOffered, TimeTaken
from booking.models import Appointment, Ignoring, Message, Proposal, Reservation
from booking.policy import MAX_CHOICES, Act, Actor, Status

from .road import (
    By,
    act,
    as_text,
    check_move,
    check_right,
    end_wish,
    free_time,
    has_begun,
    is_repeat,
    lock_visit,
    record,
    take_time,
)
from .waiting import open_entry


@act
def offer(
    appointment_id: int,
    starts: Sequence[datetime],
    *,
    expires_at: datetime,
    by: By,
    now: datetime,
    kept: bool = True,
    seen_version: int | None = None,
) -> Appointment:
    """Offer one to three times, to be answered before `expires_at`.

    None of them outlives the first time offered. `kept` holds them for this patient;
    else the first to take one has it. A booked visit keeps its time beside them, so
    they must not overlap it. Staff are free of notice and horizon; the same times
    offered again by the same person are the offer that there is.

    Raises TimeTaken or TimeNotOffered, whose params name the time by rank,
    NotPossibleNow, also while there is an offer already, AlreadyAnswered,
    ChangedMeanwhile or NotAllowed; ValueError for fewer or more times.

    Of who asked for a clinician that has left, that wish ends, and the message says so.
    """
    if not 1 <= len(set(starts)) == len(starts) <= MAX_CHOICES:
        raise ValueError("an offer is of one to three different times")
    check_right(Act.OFFER, by)
    visit = lock_visit(appointment_id, now)
    if (
        by.user
        and is_repeat(visit, Act.OFFER, by)
        and _offered(visit, now) == list(starts)
    ):
        return visit
    check_move(visit, Act.OFFER, seen_version)
    if visit.status == Status.PENDING and by.actor != Actor.STAFF:
        raise NotAllowed
    if visit.proposals.offers().exists() or has_begun(visit, now):
        raise NotPossibleNow
    expires_at = min(expires_at, *starts)
    if expires_at <= now:
        raise TimeNotOffered(rank=1)
    if visit.status == Status.PENDING:
        # What the patient asked for first is what the clinic cannot give.
        free_time(visit, now)
        visit.reply_by = None
    # Nobody could grant it: there would be no time at all.
    other_clinician = visit.wants_who_left
    if other_clinician:
        visit.wanted_clinician = None
    offers = [
        offer_one(visit, start, rank, expires_at, by, now, kept)
        for rank, start in enumerate(starts, 1)
    ]
    data = offer_data(offers, expires_at, kept)
    if other_clinician:
        data["other_clinician"] = True
    if visit.wants_change and by.actor == Actor.STAFF:
        # This answers whoever has a time and asked for another.
        wish = visit.proposals.wanted().order_by("rank")
        data["answers"] = list(wish.values_list("pk", flat=True))
        end_wish(visit, Proposal.Outcome.DECLINED)
    entry = open_entry(visit)
    if entry:
        visit.waiting_list_entries.open().update(offers_made=F("offers_made") + 1)
    event = record(visit, Act.OFFER, by=by, now=now, data=data)
    messages.owe(Message.Kind.OFFERED, event, now=now, offers=offers)
    return visit


def _offered(visit: Appointment, now: datetime) -> list[datetime]:
    """Return the times that are offered now, as they were said."""
    return [offer.start for offer in visit.proposals.live(now).order_by("rank")]


def offer_data(
    offers: Sequence[Proposal], expires_at: datetime, kept: bool
) -> dict[str, Any]:
    """Return the times that are offered as an event keeps them."""
    holds = {"holds": offers[0].reservations.count()} if kept else {}
    return {
        "offers": [[offer.pk, as_text(offer.start)] for offer in offers],
        "until": as_text(expires_at),
        "kept": kept,
    } | holds


def offer_one(
    visit: Appointment,
    start: datetime,
    rank: int,
    expires_at: datetime,
    by: By,
    now: datetime,
    kept: bool,
) -> Proposal:
    """Offer the locked visit one time, and hold it if it is `kept`.

    Raises TimeTaken or TimeNotOffered, with its rank.
    """
    try:
        rows = take_time(
            visit.visit_type,
            start,
            now=now,
            clinician=visit.wanted_clinician,
            ignoring=Ignoring(),
            by_staff=by.actor == Actor.STAFF,
            is_agreed=True,
            has_referral=visit.has_referral,
        )
    except TimeTaken as error:
        raise type(error)(rank=rank, **error.params) from None
    proposal = Proposal.objects.create(
        appointment=visit,
        by=Proposal.By.CLINIC,
        start=start,
        end=start + visit.duration,
        rank=rank,
        expires_at=expires_at,
    )
    if kept:
        for row in rows:
            row.appointment, row.proposal = visit, proposal
            row.expires_at = expires_at
        Reservation.objects.bulk_create(rows)
    return proposal
