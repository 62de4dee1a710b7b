"""Staff take on what waits for a person, hand it over, or let it go."""

from datetime import datetime

from django.contrib.auth.models import User

from booking.errors import CannotTakeOn, DoneMeanwhile, NotPossibleNow, TakenOn
from booking.models import Appointment, Claim, ClosingRow, Message
from booking.models.claim import colleagues, name_of
from booking.policy import Act, Status

from .road import By, act, check_right, has_begun


@act
def entrust(
    appointment_id: int,
    task: Claim.Task,
    *,
    to: User | None,
    by: By,
    now: datetime,
    seen: int = 0,
) -> bool:
    """Let a task of a visit be somebody's, or nobody's; return whether that is new.

    `seen` is the key of the claim that the actor knows of: whoever takes on, hands over
    or lets go what a colleague took meanwhile is refused. A claim is courtesy and locks
    nothing, so there is no event of the visit, whose version other pages have seen.

    Raises TakenOn, CannotTakeOn, DoneMeanwhile, NotPossibleNow or NotAllowed.
    """
    check_right(Act.ACCEPT, by)
    visit = Appointment.objects.lock(appointment_id)
    mine = Claim.objects.filter(appointment=visit, task=task)
    claim = mine.standing().select_related("user").first()
    if to == (claim.user if claim else None):
        return False
    if claim and claim.pk != seen:
        raise TakenOn(who=claim.owner, when=claim.since)
    if to:
        _check_waits(visit, task, now)
        if not colleagues().filter(pk=to.pk).exists():
            raise CannotTakeOn(who=name_of(to))
    mine.filter(until=None).update(until=now)
    assert by.user  # noqa: S101 -- only staff have the right
    if to:
        Claim.objects.create(
            appointment=visit, task=task, user=to, by=by.user, since=now
        )
    return True


def _check_waits(visit: Appointment, task: Claim.Task, now: datetime) -> None:
    """Raise unless the task of the locked visit waits for somebody, or may soon."""
    agreed = visit.status in (Status.BOOKED, Status.ARRIVED)
    if task == Claim.Task.CALL:
        calls = Message.objects.phone_these_people().still_true(now)
        if not calls.filter(appointment=visit).exists():
            raise DoneMeanwhile
    elif task == Claim.Task.CLOSED:
        closed = ClosingRow.objects.in_closed_time(now)
        if not closed.filter(appointment=visit).exists():
            raise DoneMeanwhile
    elif not {
        Claim.Task.ANSWER: visit.status == Status.PENDING
        or (visit.wants_change and not has_begun(visit, now)),
        Claim.Task.PAPER: agreed,
        Claim.Task.OUTCOME: agreed and has_begun(visit, now),
    }[task]:
        raise NotPossibleNow
