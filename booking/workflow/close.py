"""Staff close the clinic or a resource for a while, and open it again."""

import uuid
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from booking import once
from booking.errors import NotPossibleNow
from booking.models import Closure

from .closures import every_resource, hold_closures
from .road import act, lock_resources

_GONE = _(
    "This was saved, and has been deleted since. To save it anew, press the button"
    " again."
)


@act
def close(closure: Closure, *, now: datetime, key: uuid.UUID | None = None) -> Closure:
    """Save a closure, new or changed, and hold its time on what it closes.

    `key` makes it safe to send twice: the second answer is the closure that was saved
    the first time. Raises DifferentForm; NotPossibleNow when that is deleted by now.
    """
    if key and (before := once.begin(key, _content(closure), now=now)):
        saved = Closure.objects.filter(pk=before).first()
        if saved is None:
            raise NotPossibleNow(_GONE)
        return saved
    ids = every_resource()
    lock_resources(ids, now)
    closure.save()
    hold_closures(ids, now)
    if key:
        once.end(key, closure.pk)
    return closure


def _content(closure: Closure) -> list[Any]:
    moments = [closure.start.timestamp(), closure.end.timestamp()]
    return ["close", closure.pk, closure.resource_id, closure.reason, moments]


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
