"""When patients think that their visit is, going by what reached them."""

from collections.abc import Collection
from datetime import datetime

from booking.models import Appointment, AppointmentEvent, Message
from booking.policy import Actor, Status


def known_start(visit: Appointment, now: datetime) -> datetime:
    """Return when the patient thinks that the booked visit is, see `known_starts`."""
    return known_starts([visit], now)[visit.pk]


def known_starts(visits: Collection[Appointment], now: datetime) -> dict[int, datetime]:
    """Return when the patients think that these booked visits are, in two queries.

    That is the time that they chose themselves last, or were told of by what went out;
    of a visit that was moved before anything did, the one that was agreed at first; and
    where no event tells of any, the present one.
    """
    of_these = {"appointment__in": [visit.pk for visit in visits]}
    told = Message.objects.told(now).filter(true_start__isnull=False, **of_these)
    starts = dict(told.values_list("event", "true_start"))
    known = {visit.pk: visit.start for visit in visits if visit.start}
    found: set[int] = set()
    events = AppointmentEvent.objects.filter(**of_these).order_by("-version")
    for event in events.only("appointment", "actor", "from_status", "data"):
        pk, agreed = event.appointment_id, event.data.get("start")
        if pk in found:
            continue
        if start := starts.get(event.pk):
            known[pk] = start
            found.add(pk)
        elif agreed:
            known[pk] = datetime.fromisoformat(agreed)
            if event.actor == Actor.PATIENT or event.from_status != Status.BOOKED:
                found.add(pk)
    return known


def known_otherwise(visit: Appointment, now: datetime) -> dict[str, str]:
    """Return what the event that cancels the booked visit keeps for its message.

    The time that the patient knows, if that is another.
    """
    return otherwise(visit, known_start(visit, now))


def otherwise(visit: Appointment, known: datetime) -> dict[str, str]:
    return {} if known == visit.start else {"moved_from": known.isoformat()}
