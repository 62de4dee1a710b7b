"""What others changed since somebody of the staff last said that they had seen it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from .models import Appointment, AppointmentEvent, Resource, SeenChanges
from .policy import ATTENDING, Act

# The desk shows this many at once, the oldest first; seen, they make room for more.
SHOWN = 50
# Nobody needs to know how many more there are.
COUNTED = 1000
# Nobody who was away for longer reads more than that.
AT_MOST = timedelta(days=7)
# An event has the moment at which its act began, and is there for others when that has
# ended. What took longer than this would be missed by whoever looked in between.
SETTLED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Changed:
    """A visit, and what others did to it, in order."""

    visit: Appointment
    events: Sequence[AppointmentEvent]


@dataclass(frozen=True)
class Changes:
    """What others did that this one has not seen: patients, colleagues, the system.

    What is recorded on the day of a visit is left out: it is seen among the arrivals.
    """

    user: User
    now: datetime
    at_most: int = SHOWN

    @cached_property
    def _new(self) -> QuerySet[AppointmentEvent]:
        mark = SeenChanges.objects.filter(user=self.user).first()
        week = self.now - AT_MOST
        new = _by_others(self.user).filter(
            at__gte=max(mark.until, week) if mark else week
        )
        if mark:
            new = new.exclude(pk__in=mark.also)
        return new

    @cached_property
    def _found(self) -> list[AppointmentEvent]:
        # One too many: it is the first of those that are not shown.
        found = self._new.select_related("appointment__patient", "user")
        return list(found[: self.at_most + 1])

    @property
    def events(self) -> list[AppointmentEvent]:
        return self._found[: self.at_most]

    @cached_property
    def count(self) -> int:
        """Count all of them, up to COUNTED."""
        return self._new.order_by().values("pk")[:COUNTED].count()

    @property
    def more(self) -> int:
        return self.count - len(self.events)

    @property
    def next(self) -> AppointmentEvent | None:
        """Return the first that is not shown."""
        return next(iter(self._found[self.at_most :]), None)

    @property
    def visits(self) -> list[Changed]:
        """Return the visits, the one that changed last first."""
        found: dict[int, list[AppointmentEvent]] = {}
        for event in self.events:
            found.setdefault(event.appointment_id, []).append(event)
        latest = sorted(found.values(), key=lambda of_one: of_one[-1].at, reverse=True)
        return [Changed(events[-1].appointment, events) for events in latest]

    @property
    def keys(self) -> str:
        """Return the events that are shown, as the button sends them."""
        return ",".join(str(event.pk) for event in self.events)

    @cached_property
    def resources(self) -> dict[int, Resource]:
        """Return all resources, if any was exchanged."""
        swaps = any(event.act == Act.SWAP for event in self.events)
        return Resource.objects.in_bulk() if swaps else {}


def note_seen(user: User, keys: Sequence[int]) -> None:
    """Note that somebody has seen these events, and so all others before them.

    The mark never goes back, so that a page which was opened earlier undoes nothing;
    and what has come since that page was opened stays unseen, whoever sends it when.
    """
    if not (seen := list(_by_others(user).filter(pk__in=keys))):
        return
    until = seen[-1].at - SETTLED
    with transaction.atomic():
        mark, _new = SeenChanges.objects.select_for_update().get_or_create(
            user=user, defaults={"until": until}
        )
        mark.until = max(mark.until, until)
        also = _by_others(user).filter(
            pk__in={*mark.also, *(event.pk for event in seen)}, at__gte=mark.until
        )
        mark.also = [event.pk for event in also]
        mark.save()


def _by_others(user: User) -> QuerySet[AppointmentEvent]:
    events = AppointmentEvent.objects.exclude(act__in=ATTENDING).exclude(user=user)
    return events.order_by("at", "pk")
