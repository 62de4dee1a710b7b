"""The steps that the acts around the waiting list and its offers share."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from booking import messages
from booking.errors import TimeTaken
from booking.models import (
    Appointment,
    Message,
    Proposal,
    WaitingListEntry,
    Wish,
)
from booking.policy import Act, Status

from .request import reply_promise
from .road import By, free_offers, has_begun, record, take_proposed

Outcome = Proposal.Outcome
WhyEnded = WaitingListEntry.WhyEnded


def open_entry(visit: Appointment) -> WaitingListEntry | None:
    """Return the visit's place on the waiting list, if it has one now."""
    return visit.waiting_list_entries.open().first()


def start_waiting(visit: Appointment, wish: Wish, now: datetime) -> WaitingListEntry:
    """Put the visit at the end of the list."""
    return WaitingListEntry.objects.create(
        appointment=visit,
        earliest=wish.earliest,
        latest=wish.latest,
        weekdays="".join(map(str, sorted(set(wish.weekdays)))),
        part=wish.part,
        notice=wish.notice,
        joined_at=now,
    )


def stop_waiting(visit: Appointment, why: WhyEnded, now: datetime) -> None:
    """Take the visit off the list, if it is on it."""
    visit.waiting_list_entries.open().update(ended_at=now, why_ended=why)


def stop_waiting_at(visit: Appointment, start: datetime, now: datetime) -> None:
    """Take who gets a time off the list: their first, or one before theirs."""
    if visit.start is None or start < visit.start:
        stop_waiting(visit, WhyEnded.TOOK, now)


def wish_data(wish: Wish) -> dict[str, Any]:
    """Return the wish as an event keeps it."""
    return {
        "earliest": wish.earliest.isoformat(),
        "latest": wish.latest.isoformat(),
        "weekdays": sorted(set(wish.weekdays)),
        "part": wish.part,
        "notice": wish.notice,
    }


def end_offers(
    visit: Appointment,
    move: Act,
    outcome: Proposal.Outcome,
    *,
    by: By,
    now: datetime,
    reason: str = "",
) -> Appointment:
    """Close all offers to the locked visit, and say where it stands without them.

    Who waits goes on waiting, who has a time keeps it, and a request is again for the
    clinic to answer, by a new promise. So is the wish for another time that the offers
    were to answer, unless the patient is the one who ends them.
    """
    offers = visit.proposals.offers()
    ended = sorted(offers.values_list("pk", flat=True))
    offers.update(outcome=outcome)
    free_offers(visit)
    entry, wish = open_entry(visit), list[Proposal]()
    if visit.status == Status.BOOKED:
        to = Status.BOOKED
        if move != Act.PASS:
            wish = wish_again(visit, now)
    elif entry:
        to = Status.WAITLIST
    else:
        to = Status.PENDING
        visit.reply_by = reply_promise(visit.visit_type, now)
    data: dict[str, Any] = {"offers": ended}
    last = visit.events.latest("version")
    if last.act == Act.CALL_OFF:
        # Who was never reached has to hear of it from this message.
        data["moved_from"] = last.data["moved_from"]
    event = record(visit, move, by=by, now=now, to=to, reason=reason, data=data)
    kind = Message.Kind.OFFER_ENDED
    messages.owe(kind, event, now=now, entry=entry, choices=wish)
    return visit


def answered_by_offers(visit: Appointment) -> QuerySet[Proposal]:
    """Return what the patient of a booked visit asked for, and was offered others for.

    Nothing, if the offers came from the waiting list, or they have asked anew since.
    """
    acts = visit.events.filter(act__in=(Act.OFFER, Act.ASK_CHANGE))
    last = acts.order_by("version").last()
    return visit.proposals.filter(pk__in=last.data.get("answers", ()) if last else ())


def wish_again(visit: Appointment, now: datetime) -> list[Proposal]:
    """Open again what the offers were to answer; return it as ranked.

    Its time is not held any more. The caller saves the visit.
    """
    wish = answered_by_offers(visit)
    if not visit.start or has_begun(visit, now) or not wish.exists():
        return []
    wish.update(outcome=Outcome.OPEN)
    visit.reply_by = min(reply_promise(visit.visit_type, now), visit.start)
    return list(wish.order_by("rank"))


def can_take(visit: Appointment, offer: Proposal, now: datetime) -> bool:
    """Tell whether the locked visit could still have the time that it was offered."""
    try:
        take_proposed(visit, offer, now)
    except TimeTaken:
        return False
    return True
