"""The patient is sent the private link again: as they asked, or a new one alone."""

from datetime import datetime

from booking import links, messages
from booking.errors import NotPossibleNow
from booking.messages import Occasion
from booking.models import Appointment, AppointmentLink, Message
from booking.policy import ENDED, Act, Status

from .road import By, act, check_right

OVER = (*ENDED, Status.ENTERED_IN_ERROR)


@act
def send_link(appointment_id: int, *, now: datetime) -> bool:
    """Owe a mail with a link to a visit; those that there are stay good.

    For who says whose visit it is, and proves it by reading that mail. Nothing for
    whom no mail reaches; tell whether it is owed.
    """
    visit = Appointment.objects.lock(appointment_id)
    by_mail = messages.reached_by(visit.patient) == Message.Channel.EMAIL
    if not by_mail or visit.forgotten_at:
        return False
    messages.owe(Message.Kind.LINK, Occasion(visit, now), now=now)
    return True


@act
def reset_links(
    appointment_id: int, *, by: By, now: datetime, newest: int | None = None
) -> bool:
    """End all links of a visit, with the pages that they opened, and send a new one.

    So does mail that waits have new ones. Locked, as a worker may be about to take it.
    `newest` is the key of the last such message that the screen knew of: if it was done
    meanwhile, there is a later one and nothing is done. Tell whether it was.

    Raises NotAllowed, or NotPossibleNow for a visit that was made anonymous.
    """
    check_right(Act.ACCEPT, by)
    visit = Appointment.objects.lock(appointment_id)
    if visit.forgotten_at:
        raise NotPossibleNow
    if newest is not None and _is_done_since(visit, newest):
        return False
    _end_links(visit, now)
    messages.owe(Message.Kind.LINK, Occasion(visit, now), now=now)
    return True


def reset_every_link(now: datetime) -> int:
    """End all links of all visits; send new ones for those that are not over.

    For a database that came back from a backup, which does not know the links that
    ended since. Visit by visit; return how many are sent a link.
    """
    AppointmentLink.objects.filter(revoked_at=None).update(revoked_at=now)
    mail = Message.objects.owed().filter(channel=Message.Channel.EMAIL)
    waiting = Appointment.objects.filter(pk__in=mail.values("appointment"))
    visits = waiting | Appointment.objects.exclude(status__in=OVER)
    keys = list(visits.order_by("pk").values_list("pk", flat=True))
    return sum(_reset(key, now=now) for key in keys)


@act
def _reset(appointment_id: int, *, now: datetime) -> bool:
    visit = Appointment.objects.lock(appointment_id)
    _end_links(visit, now)
    by_mail = messages.reached_by(visit.patient) == Message.Channel.EMAIL
    if not by_mail or visit.status in OVER:
        return False
    messages.owe(Message.Kind.LINK, Occasion(visit, now), now=now)
    return True


def _end_links(visit: Appointment, now: datetime) -> None:
    links.revoke_all(visit, now)
    mail = visit.messages.owed().filter(channel=Message.Channel.EMAIL)
    for waiting in mail.select_for_update(of=("self",), no_key=True):
        messages.relink(waiting, now)


def _is_done_since(visit: Appointment, newest: int) -> bool:
    """Tell whether a later message went with the end of all links before it."""
    told = visit.messages.filter(kind=Message.Kind.LINK, pk__gt=newest).last()
    before = visit.links.filter(revoked_at=None)
    return told is not None and not before.filter(created_at__lt=told.occasion).exists()
