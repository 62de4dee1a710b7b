"""Everything that waits for a person, whose it is, and since when.

What waits is worked out from the present state, so that nothing can be forgotten; only
who has it is stored (`models.Claim`). What others changed since somebody looked waits
for each of the staff by themselves; see `booking.changes`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import (
    Exists,
    OuterRef,
    Q,
    QuerySet,
    TextChoices,
    prefetch_related_objects,
)
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from . import paperwork
from .models import Appointment, Claim, ClosingRow, Message, span_of
from .paperwork import Item
from .queue import COUNTED, Desk, begin_of_day

Kind = Claim.Task
Key = tuple[int, str]
Claims = Mapping[Key, Claim]

# The page of tasks shows this many, those that are due first.
SHOWN = 50


class Whose(TextChoices):
    """Whose tasks are looked at, in the words of a link to them."""

    MINE = "mine", _("yours")
    NOBODYS = "nobodys", _("nobody’s")
    OTHERS = "others", _("others’")
    ALL = "all", _("all")


@dataclass(frozen=True, slots=True)
class Task:
    """A line of what waits. `about` says which call or paper it is; `call` has words.

    Only what was promised, or is due by law, is ever late.
    """

    kind: Claim.Task
    visit: Appointment
    since: datetime
    due: datetime
    late: bool = False
    about: str | Promise = ""
    call: Message | None = None

    @property
    def key(self) -> Key:
        """Return what may be claimed: the papers of a visit are one person's, say."""
        return self.visit.pk, self.kind


# What in the rows of a kind of task is the key of their visit. Papers have no rows.
VISIT = {
    Kind.ANSWER: "pk", Kind.OUTCOME: "pk",
    Kind.CALL: "appointment", Kind.CLOSED: "appointment",
}  # fmt: skip


def _rows(now: datetime) -> "dict[Kind, QuerySet[Any]]":
    """Return the rows that wait for a person, by kind of task."""
    return {
        Kind.ANSWER: Appointment.objects.awaiting_review(now),
        Kind.OUTCOME: Appointment.objects.without_outcome(begin_of_day(now)),
        Kind.CALL: Message.objects.phone_these_people().still_true(now),
        Kind.CLOSED: ClosingRow.objects.in_closed_time(now),
    }


def of_desk(desk: Desk) -> list[Key]:
    """Return what waits for a person at the desk, shown or not, once for each task."""
    return [
        *(
            (pk, kind)
            for kind, rows in _rows(desk.now).items()
            for pk in rows.values_list(VISIT[kind], flat=True)[:COUNTED]
        ),
        *((item.visit.pk, Kind.PAPER) for item in desk.papers),
    ]


def waiting(now: datetime, whose: Whose, user: User) -> list[Task]:
    """Return what waits, due first: at most SHOWN and one more, to know of others.

    A constant number of queries, whatever waits.
    """
    rows = _rows(now)
    items = paperwork.open_items(now)
    if whose != Whose.ALL:
        rows = {kind: r.filter(_is(whose, user, kind)) for kind, r in rows.items()}
        claims = owners(item.visit for item in items)
        items = [
            item
            for item in items
            if whose_is(claims.get((item.visit.pk, Kind.PAPER)), user) == whose
        ]
    of_visits = ("patient", "visit_type__service")
    of_calls = [f"appointment__{name}" for name in of_visits]  # and of closed days
    oldest = rows[Kind.OUTCOME].order_by("start", "pk")
    found = [
        *answers(
            rows[Kind.ANSWER]
            .select_related(*of_visits)
            .prefetch_related("events")[: SHOWN + 1],
            now,
        ),
        *without_outcome(oldest.select_related(*of_visits)[: SHOWN + 1]),
        *to_phone(rows[Kind.CALL].select_related(*of_calls)[: SHOWN + 1]),
        *in_closed_time(rows[Kind.CLOSED].select_related(*of_calls)[: SHOWN + 1]),
        *papers(items),
    ]
    shown = in_due_order(found)[: SHOWN + 1]
    prefetch_related_objects([task.visit for task in shown], "patient")
    return shown


def _is(whose: Whose, user: User, kind: Kind) -> Q:
    """Return what holds of the rows of the kind whose task is so."""
    visit = OuterRef(VISIT[kind])
    claims = Claim.objects.standing().filter(task=kind, appointment=visit)
    if whose == Whose.NOBODYS:
        return Q(~Exists(claims))
    mine = Q(user=user)
    return Q(Exists(claims.filter(mine if whose == Whose.MINE else ~mine)))


def of_visit(visit: Appointment, now: datetime) -> list[Task]:
    """Return what waits for a person of one visit."""
    rows = {k: r.filter(**{VISIT[k]: visit.pk}) for k, r in _rows(now).items()}
    is_to_come = visit.start is not None and visit.start > now
    items = paperwork.of_visit(visit, now) if is_to_come else []
    return in_due_order(
        [
            *answers(rows[Kind.ANSWER], now),
            *without_outcome(rows[Kind.OUTCOME]),
            *to_phone(rows[Kind.CALL].select_related("appointment")),
            *in_closed_time(rows[Kind.CLOSED].select_related("appointment")),
            *papers(item for item in items if item.is_open),
        ]
    )


def claimed(visit: Appointment, now: datetime) -> list[tuple[Task, Claim]]:
    """Return what waits of one visit and somebody has, one line for each claim."""
    claims = owners([visit])
    waiting = {task.key: task for task in of_visit(visit, now)} if claims else {}
    return [(task, claims[key]) for key, task in waiting.items() if key in claims]


def in_due_order(tasks: Iterable[Task]) -> list[Task]:
    return sorted(tasks, key=lambda task: (task.due, task.since, *task.key))


# --- What waits, from the rows ----------------------------------------------------


def answers(visits: Iterable[Appointment], now: datetime) -> Iterator[Task]:
    for visit in visits:
        asked, promised = visit.asked_at, visit.reply_by or visit.asked_at
        about = _("another time") if visit.wants_change else ""
        yield Task(Kind.ANSWER, visit, asked, promised, visit.is_overdue(now), about)


def to_phone(messages: Iterable[Message]) -> Iterator[Task]:
    for message in messages:
        since, about = message.waits_since, message.get_kind_display()
        visit = message.appointment
        yield Task(Kind.CALL, visit, since, since, about=about, call=message)


def without_outcome(visits: Iterable[Appointment]) -> Iterator[Task]:
    for visit in visits:
        if visit.end:  # which a booked visit has
            yield Task(Kind.OUTCOME, visit, visit.end, visit.end)


def in_closed_time(rows: Iterable[ClosingRow]) -> Iterator[Task]:
    for row in rows:
        since, due = row.at or row.was_at, row.was_at
        yield Task(Kind.CLOSED, row.appointment, since, due)


def papers(items: Iterable[Item]) -> Iterator[Task]:
    for item in items:
        _, end = span_of(item.wanted_by)
        due = end if item.due else item.visit.start or end
        about = item.kind.label
        yield Task(Kind.PAPER, item.visit, item.since, due, item.late, about)


def end_call(visit: Appointment, now: datetime) -> None:
    """End the claim on phoning the patient, unless there is more to tell."""
    calls = Message.objects.phone_these_people().still_true(now)
    if not calls.filter(appointment=visit).exists():
        visit.claims.filter(task=Kind.CALL).end(now)


# --- Whose it is ------------------------------------------------------------------


def owners(visits: Iterable[Appointment]) -> Claims:
    """Return the claims that stand on tasks of these visits, in one query."""
    return owners_of(visit.pk for visit in visits)


def owners_of(visits: Iterable[int]) -> Claims:
    """Return the claims that stand on tasks of the visits with these keys."""
    claims = Claim.objects.standing().filter(appointment__in=set(visits))
    return {(c.appointment_id, c.task): c for c in claims.select_related("user")}


def share(tasks: Iterable[Key], claims: Claims, user: User) -> dict[Whose, int]:
    """Count the tasks that are the user's, nobody's and others'."""
    counts = dict.fromkeys((Whose.MINE, Whose.NOBODYS, Whose.OTHERS), 0)
    for key in tasks:
        counts[whose_is(claims.get(key), user)] += 1
    return counts


def whose_is(claim: Claim | None, user: User) -> Whose:
    if claim is None:
        return Whose.NOBODYS
    return Whose.MINE if claim.user_id == user.pk else Whose.OTHERS
