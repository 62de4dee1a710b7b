"""An offer ends without a visit: nobody wants it, it is taken back, or it lapses."""

from datetime import datetime

from booking.errors import OfferEnded
from booking.models import Appointment
from booking.policy import TRANSITIONS, Act

from .road import SYSTEM, By, act, check_move, check_right, is_repeat, lock_visit
from .take import GONE
from .waiting import Outcome, can_take, end_offers


@act
def pass_(
    appointment_id: int, *, by: By, now: datetime, seen_version: int | None = None
) -> Appointment:
    """Say for the patient that none of the offered times suits.

    Who waits stays on the list, in the same place; who has a time keeps it; a request
    is again for the clinic to answer. Said again, nothing is sent.

    Raises OfferEnded, NotPossibleNow, ChangedMeanwhile or NotAllowed.
    """
    return _end(appointment_id, Act.PASS, Outcome.DECLINED, by, now, seen_version)


@act
def retract(
    appointment_id: int, *, by: By, now: datetime, seen_version: int | None = None
) -> Appointment:
    """Take an offer back for the clinic; the patient is told. Twice is as once.

    Raises OfferEnded, NotPossibleNow, ChangedMeanwhile or NotAllowed.
    """
    return _end(appointment_id, Act.RETRACT, Outcome.WITHDRAWN, by, now, seen_version)


def _end(
    appointment_id: int,
    move: Act,
    outcome: Outcome,
    by: By,
    now: datetime,
    seen_version: int | None,
) -> Appointment:
    check_right(move, by)
    visit = lock_visit(appointment_id, now)
    if not visit.proposals.offers().exists():
        if is_repeat(visit, move, by):
            return visit
        raise OfferEnded
    check_move(visit, move, seen_version)
    return end_offers(visit, move, outcome, by=by, now=now)


@act
def lapse(appointment_id: int, *, now: datetime) -> Appointment:
    """End the offers of a visit when none of them can be taken any more.

    They have expired, or their times went: to somebody who was faster, to a closure.
    Otherwise, nothing changes.
    """
    visit = lock_visit(appointment_id, now)
    if visit.status not in TRANSITIONS[Act.LAPSE].sources:
        return visit
    offers = list(visit.proposals.offers())
    live = [o for o in offers if o.expires_at and o.expires_at > now]
    if not offers or any(can_take(visit, offer, now) for offer in live):
        return visit
    reason = GONE if live else ""
    return end_offers(
        visit, Act.LAPSE, Outcome.LAPSED, by=SYSTEM, now=now, reason=reason
    )
