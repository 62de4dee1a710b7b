"""What to look at before a request is accepted: the days, and who else wants them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from booking.diary import Around, Diary
from booking.models import Appointment
from booking.queue import Choice, Request, judge
from booking.words import local


@dataclass(frozen=True, slots=True)
class Beside:
    """A choice that can be had, and the day of each resource that it would take."""

    choice: Choice
    days: Sequence[Around]


def days_around(line: Request, now: datetime) -> list[Beside]:
    """Return what is before and after each choice. A constant number of queries."""
    if not line.free:
        return []
    days = [local(choice.proposal.start).date() for choice in line.free]
    diary = Diary.read(days, now)
    return [
        Beside(choice, [diary.around(r, choice.proposal) for r in choice.resources])
        for choice in line.free
    ]


def rivals_of(line: Request, now: datetime) -> list[Request]:
    """Return the other requests for the same times, soonest promise first."""
    if not line.rivals:
        return []
    visits = Appointment.objects.filter(pk__in=line.rivals).with_queue_details()
    visits = visits.prefetch_related("events")
    return judge(list(visits.order_by("reply_by", "pk")), now)
