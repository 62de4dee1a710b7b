"""A small clinic for the mix of acts: who is there, what is free, what may go wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any, ClassVar, Self

from django.contrib.auth.models import Permission, User
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import DatabaseError

from booking.availability import (
    Calendar,
    Closed,
    Interval,
    Need,
    Rules,
    WeeklyHours,
    Why,
)
from booking.models import (
    Closure,
    Hours,
    Ignoring,
    Reservation,
    Resource,
    VisitType,
)
from booking.workflow import By
from tests import factories
from tests.factories import CLINICIAN, MACHINE, NEW_YORK, ROOM

from .test_availability_properties import Clinic

# Of which resource, and [start, end).
Taken = tuple[int, tuple[int, int]]

NOBODY = Ignoring()
SUNDAY = 6

# The weeks that a clinician may have, as the admin would write them.
WEEKS: dict[str, list[dict[str, Any]]] = {
    "usual": [
        {"weekday": day, "opens": time(9), "closes": time(17)} for day in range(5)
    ],
    "with a break": [
        {"weekday": day, "opens": time(8, 20), "closes": time(15, 40)}
        | {"break_starts": time(11, 50), "break_ends": time(12, 30)}
        for day in range(4)
    ],
    # When the clocks change.
    "sunday night": [{"weekday": SUNDAY, "opens": time(0), "closes": time(5)}],
    "none": [],
}


@dataclass(frozen=True)
class SmallClinic:
    """Two clinicians, three rooms, a machine; three kinds of visit, two at the desk.

    And a manager, who may keep records, and an intern, who may do nothing. The machine
    has to be cleaned; a visit of both clinicians takes two rooms, one of which is a
    certain one.
    """

    resources: list[Resource]
    visit_types: list[VisitType]
    desk: list[By]
    intern: By
    manager: By

    @classmethod
    def founded(cls) -> Self:
        factories.a_clinic()
        clinicians = [factories.a_clinician(), factories.a_clinician()]
        rooms = [factories.a_room(), factories.a_room(), factories.a_room()]
        machine = factories.a_machine(buffer_before=10, buffer_after=25)
        consultation = factories.a_visit_type(
            buffer_after=10,
            lead_time=120,
            reply_promise=45,
            horizon=60,
            cutoff=4,
        )
        nerve_test = factories.a_visit_type(
            takes=(CLINICIAN, ROOM, MACHINE), suitable=(rooms[1],), duration=60,
            buffer_before=15, buffer_after=5, step=20, horizon=30,
            holds_first_choice=False, needs_referral=True, cutoff=24,
        )  # fmt: skip
        both = factories.a_visit_type(
            takes=(CLINICIAN, CLINICIAN, ROOM), suitable=(rooms[0],), duration=45,
            buffer_after=15, lead_time=0,
        )  # fmt: skip
        both.requirements.create(kind=ROOM)
        consultation.service.sections.create(
            anchor="afterwards", question="And then?", answer="You rest."
        )
        intern = factories.a_front_desk_person()
        intern.user.user_permissions.clear()
        manager = factories.a_front_desk_person()
        right = Permission.objects.get(codename="change_retentionrules")
        manager.user.user_permissions.set([right])
        return cls(
            [*clinicians, *rooms, machine],
            [consultation, nerve_test, both],
            [factories.a_front_desk_person(), factories.a_front_desk_person()],
            *(By.staff(User.objects.get(pk=by.user.pk)) for by in (intern, manager)),
        )

    @property
    def clinicians(self) -> list[Resource]:
        return [r for r in self.resources if r.kind == CLINICIAN]


# --- What is free, read from the rows without the engine --------------------------


def minute_by_minute(
    visit_type: VisitType,
    now: datetime,
    *,
    clinician: Resource | None = None,
    ignoring: Ignoring = NOBODY,
    by_staff: bool = False,
    is_agreed: bool = False,
    has_referral: bool = False,
    held_since: datetime | None = None,
) -> Clinic:
    """Return the model of availability that looks at every minute.

    It takes closures as staff wrote them, not the reservations that hold their time.
    """
    resources = list(
        Resource.objects.filter(is_active=True).order_by("kind", "order", "name")
    )
    needs: list[Need] = []
    for requirement in visit_type.requirements.order_by("pk"):
        named = set(requirement.suitable.values_list("pk", flat=True))
        suitable = tuple(
            r.pk
            for r in resources
            if r.kind == requirement.kind and (not named or r.pk in named)
        )
        count, spread = requirement.count, requirement.kind == CLINICIAN
        if spread and clinician:
            # In this clinic any clinician will do, so one asked for has a place.
            asked_for = tuple(pk for pk in suitable if pk == clinician.pk)
            needs.append(Need(CLINICIAN, asked_for))
            count -= 1
        if count:
            needs.append(Need(requirement.kind, suitable, count, spread))
    wanted = {pk for need in needs for pk in need.suitable}
    busy, own = _busy(now, ignoring)
    hours: dict[int, list[WeeklyHours]] = {}
    for row in Hours.objects.order_by("pk"):
        hours.setdefault(row.resource_id, []).append(
            WeeklyHours(
                row.weekday, row.opens, row.closes, row.break_starts, row.break_ends,
                row.valid_from, row.valid_until,
            )
        )  # fmt: skip
    calendars = [
        Calendar(
            r.pk,
            r.kind,
            tuple(hours.get(r.pk, ()))
            if r.pk in hours or r.kind == CLINICIAN
            else None,
            tuple(pair for pk, pair in busy if pk == r.pk),
            tuple(
                Closed(*_stretch(row), row.reason, r.kind if row.resource_id else "")
                for row in Closure.objects.all()
                if row.resource_id in (None, r.pk)
            ),
            r.buffer_before,
            r.buffer_after,
            tuple(Interval(*pair) for pk, pair in own if pk == r.pk),
        )
        for r in resources
        if r.pk in wanted
    ]
    rules = Rules(
        minutes=visit_type.duration,
        before=visit_type.buffer_before,
        after=visit_type.buffer_after,
        step=visit_type.step,
        lead=0 if by_staff else _notice(visit_type, now, is_agreed, held_since or now),
        horizon=3650 if by_staff else visit_type.horizon,
        needs=tuple(needs),
        barred=None if by_staff else _barred(visit_type, has_referral),
    )
    return Clinic(rules, calendars, NEW_YORK, int(now.timestamp()))


def _notice(
    visit_type: VisitType, now: datetime, is_agreed: bool, since: datetime
) -> int:
    if is_agreed:
        return visit_type.lead_time
    at, from_ = int(now.timestamp()), int(since.timestamp())
    rows = Closure.objects.filter(resource=None).order_by("pk")
    closed = tuple(map(_stretch, rows))
    answered = _answered(from_, visit_type.reply_promise, closed)
    if answered <= at:
        answered = _answered(at, visit_type.reply_promise, closed)
    passed = -((from_ - at) // 60)
    return max(visit_type.lead_time - passed, (answered - at) // 60 + 1)


@cache
def _answered(at: int, minutes: int, closed: tuple[tuple[int, int], ...]) -> int:
    """Return when the front desk, there from 9 to 5, has been so for the minutes."""
    while minutes:
        wall = datetime.fromtimestamp(at, NEW_YORK)
        if wall.weekday() > 4 or not 9 <= wall.hour < 17:
            at += 3600 - at % 3600
            continue
        minutes -= not any(start <= at < end for start, end in closed)
        at += 60
    return at


def _barred(visit_type: VisitType, has_referral: bool) -> Why | None:
    if visit_type.by_phone_only:
        return Why.CALL_US
    unmet = visit_type.needs_referral and not has_referral
    return Why.NEEDS_REFERRAL if unmet else None


def _busy(now: datetime, ignoring: Ignoring) -> tuple[list[Taken], list[Taken]]:
    """Return what takes time, and what whoever asks holds themselves."""
    busy, own = [], []
    for row in Reservation.objects.filter(closure=None):
        if row.expires_at is None or row.expires_at > now:
            mine = (ignoring.hold_key and row.hold_key == ignoring.hold_key) or (
                row.appointment_id and row.appointment_id == ignoring.appointment_id
            )
            (own if mine else busy).append((row.resource_id, _stretch(row)))
    return busy, own


def _stretch(row: Reservation | Closure) -> tuple[int, int]:
    return int(row.start.timestamp()), int(row.end.timestamp())


def next_clock_change(now: datetime) -> date:
    """Return the next date on which New York changes its clocks."""
    day = now.astimezone(NEW_YORK).date() + timedelta(1)
    while _offset(day) == _offset(day + timedelta(1)):
        day += timedelta(1)
    return day


def _offset(day: date) -> timedelta | None:
    return datetime.combine(day, time(), NEW_YORK).utcoffset()


# --- What may go wrong -----------------------------------------------------------


class PostOffice(BaseEmailBackend):
    """Take mail, or answer as servers do when they do not."""

    mood: ClassVar[str] = "ok"
    taken: ClassVar[list[str]] = []

    MOODS: ClassVar[dict[str, Callable[[str], Exception]]] = {
        "later": lambda to: SMTPDataError(451, b"Greylisted"),
        "never": lambda to: SMTPRecipientsRefused({to: (550, b"No such user")}),
        "gone": lambda to: SMTPServerDisconnected("Connection unexpectedly closed"),
        "hangs": lambda to: TimeoutError("timed out"),
    }

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for mail in email_messages:
            if refuse := self.MOODS.get(self.mood):
                raise refuse(mail.to[0])
            self.taken.append(mail.extra_headers["Message-ID"])
        return len(email_messages)


class Crash(DatabaseError):
    """End an act in the middle.

    An error of the database's, since Django takes back what it was about to commit
    for no other; of a kind that no act knows and tries again.
    """


class CrashAfter:
    """Crash after so many statements, and at the latest when it is to be committed.

    Inside the transaction of an example, that is the release of a savepoint. An act
    that takes itself back is let do so.
    """

    def __init__(self, statements: int) -> None:
        self.left = statements
        self.over = False

    def __call__(
        self, execute: Any, sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        self.left -= 1
        self.over = self.over or sql.startswith("ROLLBACK")
        if not self.over and (self.left < 0 or sql.startswith("RELEASE")):
            self.over = True
            raise Crash
        return execute(sql, params, many, context)
