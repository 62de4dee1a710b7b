"""Staff close the clinic or a resource for a while, and open it again."""

from datetime import datetime

from booking.models import Closure

from .closures import every_resource, hold_closures
from .road import act, lock_resources


@act
def close(closure: Closure, *, now: datetime) -> Closure:
    """Save a closure, new or changed, and hold its time on what it closes."""
    ids = every_resource()
    lock_resources(ids, now)
    closure.save()
    hold_closures(ids, now)
    return closure


@act
def reopen(closure: Closure, *, now: datetime) -> None:
    """Delete a closure; its time can be booked again at once. Twice is as once."""
    ids = every_resource()
    lock_resources(ids, now)
    Closure.objects.filter(pk=closure.pk).delete()
    hold_closures(ids, now)


@act
def refresh_closures(*, now: datetime) -> None:
    """Hold the closures to come on every resource, such as one that was just added."""
    ids = every_resource()
    lock_resources(ids, now)
    hold_closures(ids, now)
