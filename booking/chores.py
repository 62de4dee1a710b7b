"""What the worker does by itself beside sending messages, each on its own schedule.

To add a chore, add a line to `TASKS`: the next `migrate` makes its row, in which the
clinic chooses how often it is done. A chore is claimed by one UPDATE that says what
the row looked like before, so that of several workers one does it.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from services import drafts, photos

from . import (
    clock,
    closing,
    delivery,
    finding,
    integrity,
    reminders,
    retention,
    trail,
    waiting_list,
)  # fmt: skip
from .integrity import Fault
from .models import Chore

logger = logging.getLogger(__name__)

Every, MINUTE = Chore.Every, Chore.Every.MINUTE

INTEGRITY = "integrity"
# The faults that are kept for people to read; all are counted.
FAULTS_KEPT = 100


@dataclass(frozen=True, slots=True)
class Done:
    """What a run found: how much is wrong, and lines to read that name no patient."""

    faults: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """A chore: what staff call it, what does it, and how often unless they choose.

    `run` is called with `now`. What it returns is shown as its result, so it names
    no patient. `limit` is how long a run may take before another worker thinks that
    it died.
    """

    name: str
    words: str | Promise
    run: Callable[..., object]
    every: Chore.Every
    at: time = time(2, 10)
    limit: timedelta = timedelta(minutes=10)


def check_everything(now: datetime) -> Done:
    """Look whether the rows keep the promises."""
    return summed_up(integrity.find(now))


def summed_up(faults: Iterable[Fault]) -> Done:
    """Count the faults, and keep the first of them."""
    count, lines = 0, []
    for count, fault in enumerate(faults, 1):
        if count <= FAULTS_KEPT:
            lines.append(str(fault))
    return Done(count, tuple(lines))


def make_photos(now: datetime) -> int:
    """Make what is missing of the photos; return of how many."""
    return photos.make_missing()


_ALL = (
    Task(
        INTEGRITY, _("Check that all records are right"), check_everything, Every.DAY,
        limit=timedelta(hours=3),
    ),
    Task("purge", _("Delete what is of no more use"), delivery.purge, Every.HOUR),
    Task("trail", _("Log the end of the trail"), trail.log_head, Every.DAY),
    Task(
        "forget", _("Make old records anonymous"), retention.forget_due, Every.DAY,
        limit=timedelta(hours=3),
    ),
    Task("lapse", _("End offers and wishes"), waiting_list.lapse_and_expire, MINUTE),
    Task("closing", _("Tell patients of closed days"), closing.tell, MINUTE),
    Task("publish", _("Publish what is to be read by now"), drafts.publish_due, MINUTE),
    Task("photos", _("Make photos small for patients"), make_photos, MINUTE),
    Task("links", _("Send links that were asked for"), finding.send_links, MINUTE),
    Task("offer", _("Offer free times"), waiting_list.offer_free_times, MINUTE),
    Task("remind", _("Remind patients"), reminders.owe_due, MINUTE),
)  # fmt: skip
TASKS = {task.name: task for task in _ALL}


def do_due() -> bool:
    """Do each chore whose turn it is, one after the other; tell if there was one."""
    done = False
    for chore in Chore.objects.filter(name__in=TASKS):
        now = clock.now()
        if chore.is_due(now) and claim(chore, now):
            try:
                _run(chore.name, TASKS[chore.name].run, now)
            except Exception:  # what is wrong with one chore must not stop the others
                logger.exception("The chore %s broke off.", chore.name)
            done = True
    return done


def claim(chore: Chore, now: datetime) -> bool:
    """Take the chore unless its row has changed since it was read; tell whether we did.

    Whoever loses, to another worker or to a change of how often, looks again later.
    """
    as_read = Chore.objects.filter(
        pk=chore.pk,
        every=chore.every,
        at=chore.at,
        started_at=chore.started_at,
        running_until=chore.running_until,
    )
    return _begin(as_read, TASKS[chore.name], now)


def do(name: str, run: Callable[..., object]) -> None:
    """Do a chore in a way of one's own, whoever is at it, and record what comes out."""
    now = clock.now()
    _begin(Chore.objects.filter(pk=name), TASKS[name], now)
    _run(name, run, now)


def _begin(rows: QuerySet[Chore], task: Task, now: datetime) -> bool:
    return rows.update(started_at=now, running_until=now + task.limit) == 1


def _run(name: str, run: Callable[..., object], began: datetime) -> None:
    """Run, and write down what came out, or with what kind of error it broke off."""
    try:
        result = run(now=began)
    except BaseException as error:
        _end(name, began, error=type(error).__name__[:80])
        raise
    if not isinstance(result, Done):
        result = Done(0, () if result is None else (str(result),))
    _end(
        name,
        began,
        finished_at=clock.now(),
        faults=result.faults,
        result="\n".join(result.lines),
        error="",
    )


def _end(name: str, began: datetime, **what: object) -> None:
    """Write how a run ended, unless another has taken over meanwhile."""
    ours = Chore.objects.filter(pk=name, started_at=began)
    delivery.insist(ours.update, running_until=None, **what)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the chores stand, for the desk.

    `check` is the check of all records, late when it is overdue or broke off, as are
    the other chores that are `neglected`.
    """

    check: Chore
    check_is_late: bool
    neglected: Sequence[Task]


def standing(now: datetime) -> Standing | None:
    """Return how the chores stand, in one query; None before the first migrate."""
    rows = {chore.name: chore for chore in Chore.objects.filter(name__in=TASKS)}
    check = rows.pop(INTEGRITY, None)
    if check is None:
        return None
    neglected = [
        TASKS[name] for name, c in rows.items() if c.error or c.is_overdue(now)
    ]
    return Standing(check, bool(check.error) or check.is_overdue(now), neglected)
