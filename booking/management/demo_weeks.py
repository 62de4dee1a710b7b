"""Weeks of a made-up clinic: what patients ask, and what becomes of each visit.

Everything goes through `workflow`, in the order of time, each act at a moment of its
own. So the rows are as real as those of a clinic that works, with events, messages,
holds and offers. Names end in "(demo)". No message is sent: as soon as it is owed, it
is marked as sent, or as one that failed, with a word that it was for show.
"""

import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from heapq import heappop, heappush
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from booking import paperwork, waiting_list, workflow
from booking.errors import BookingError
from booking.models import (
    Appointment,
    Claim,
    Closure,
    Message,
    Paper,
    Patient,
    Proposal,
    Resource,
    VisitType,
    Wish,
    clinic_zone,
)
from booking.models.claim import colleagues
from booking.policy import Act, DeclineReason, Status
from booking.workflow import PATIENT, By, NewRequest
from services.models import Weekday

from .demo import KITS, WEEKDAYS, answers

CLINICIANS = 4
# In the name of everybody who is made up here.
MARK = "(demo)"
NOT_SENT = "demo: was not sent"
FAILED = "550 demo: was not sent"
# So many want a visit on each day that the clinic is open: a little too many.
A_DAY = 38
# Requests come this long before the day that they are for.
AHEAD = timedelta(days=28)

GIVEN = (
    "Ana", "Bartholomew", "Chen", "Dolores", "Efraín", "Fatima", "Grace", "Hiroshi",
    "Ifeoma", "José Luis", "Khadija", "Li", "Mary Elizabeth", "Nguyen", "Olga",
    "Priyanka", "Quincy", "Rosalinda", "Siobhán", "Tariq", "Uma", "Viktor", "Wei",
    "Xiomara", "Yusuf", "Zoë",
)  # fmt: skip
FAMILY = (
    "Adeyemi", "Brown", "Castellanos-Villanueva", "Díaz", "Evans", "Fitzgerald",
    "Gupta", "Hernández", "Ivanova", "Jones", "Kowalczyk", "Lee", "McAllister",
    "Nakamura", "O’Connor", "Papadopoulos", "Quispe", "Rivera", "Santos",
    "Thorbjørnsen", "Usman", "van der Westhuizen", "Wu", "Xu", "Young", "Zimmermann",
)  # fmt: skip
# 555-0100 to 555-0199 are reserved for fiction in each of these.
AREAS = ("212", "347", "646", "718", "917", "929", "332", "516", "914")
LANGUAGES = ("English",) * 7 + ("Spanish", "Spanish", "Mandarin Chinese")
PAYERS = (Appointment.Payer.INSURANCE,) * 6 + tuple(Appointment.Payer)

Do = Callable[..., None]


class DemoWeeks:
    """A clinic's patients, desk and clock, from some weeks ago until now.

    Who comes when, and what becomes of it, follows from `seed`, `now` and what is free;
    references and links are random, as always.
    """

    def __init__(self, staff: User, now: datetime, *, weeks: int, seed: int) -> None:
        self.now = now
        self.desk = By.staff(staff)
        self.random = random.Random(seed)  # noqa: S311 -- nothing is secret here
        today = timezone.localdate(now)
        self.first = today - timedelta(days=weeks * 7 // 2)
        self.last = self.first + timedelta(days=weeks * 7 - 1)
        self.types = list(
            VisitType.objects.select_related("service").filter(
                service__slug__in=[kit.service for kit in KITS]
            )
        )
        self.clinicians = list(Resource.objects.active().filter(kind="clinician"))
        self.people: list[dict[str, Any]] = []
        self.refused = 0
        self._to_do: list[tuple[datetime, int, Do, tuple[Any, ...]]] = []
        self._number = 0

    def run(self, said: Callable[[date], None] = lambda monday: None) -> None:
        """Do everything that happens until now; say when a week is over."""
        for n in range((self.last - self.first).days + 1):
            self._wanted(self.first + timedelta(days=n))
        day = self.first - AHEAD
        while day <= timezone.localdate(self.now):
            if day.weekday() in WEEKDAYS:
                for hour in (time(10, 30), time(15)):
                    self.then(_at(day, hour), self._daily)
            elif day.weekday() == Weekday.SUNDAY:
                self.then(_at(day, time(23)), lambda at: said(at.date()))
            day += timedelta(days=1)
        while self._to_do and self._to_do[0][0] <= self.now:
            at, _, do, details = heappop(self._to_do)
            try:
                do(at, *details)
            except BookingError:  # as it goes: somebody was faster, or it is too late
                self.refused += 1
            self._deliver(at)
        self._close_an_afternoon()
        self._take_on()

    def then(self, at: datetime, do: Do, *details: Any) -> None:
        self._number += 1
        heappush(self._to_do, (at, self._number, do, details))

    def chance(self, percent: float) -> bool:
        return self.random.random() * 100 < percent

    def after(self, at: datetime, *, hours: float) -> datetime:
        """Return a moment about so much later at which the desk works."""
        then = at + timedelta(hours=hours * self.random.uniform(0.3, 1.7))
        wall = then.astimezone(clinic_zone())
        day = wall.date()
        if wall.time() < time(9) or wall.time() >= time(17):
            day += timedelta(days=wall.time() >= time(17))
            then = _at(day, time(9)) + timedelta(minutes=self.random.randrange(90))
        while day.weekday() not in WEEKDAYS:
            day += timedelta(days=1)
            then += timedelta(days=1)
        return then

    # --- Who asks for what --------------------------------------------------------

    def _wanted(self, day: date) -> None:
        """Let people want a visit on a day: a month before it, or the day before."""
        if day.weekday() not in WEEKDAYS:
            return
        for _ in range(A_DAY):
            before = AHEAD * self.random.random() ** 2 + timedelta(hours=12)
            at = _at(day, time(self.random.randrange(7, 22), self.random.randrange(60)))
            self.then(at - before, self._ask, day)

    def _ask(self, at: datetime, day: date) -> None:
        visit_type = self.random.choices(self.types, weights=self._weights())[0]
        clinician = self.random.choice(self.clinicians) if self.chance(30) else None
        asked = self._asked(visit_type, clinician)
        by_phone = self.chance(15) and _is_open(at)
        free = self._free(visit_type, day, at, clinician, by_staff=by_phone)
        if not free and self.chance(70):  # a week later will do, too
            later = min(day + timedelta(days=7), self.last)
            free = self._free(visit_type, later, at, clinician, by_staff=by_phone)
        if self.chance(2) or (not free and self.chance(20)):
            self._join(at, asked, day)
        elif not free:
            return  # they look for another clinic
        elif by_phone:
            note = "Demo: called us" if self.chance(20) else ""
            visit = workflow.book(
                replace(asked, choices=free[:1], private_note=note),
                key=self._key(), by=self.desk, now=at,
            )  # fmt: skip
            self._booked(at, visit)
        else:
            wanted = self.random.choice((1, 1, 2, 3))
            starts = self.random.sample(free, min(wanted, len(free)))
            visit = workflow.request(
                replace(asked, choices=starts), key=self._key(), by=PATIENT, now=at
            )
            late = 70 if self.chance(4) else 3
            if self.chance(4):
                self.then(self.after(at, hours=2), self._cancel, visit.pk, PATIENT)
            self.then(self.after(at, hours=late), self._answer, visit.pk)

    def _weights(self) -> list[int]:
        return [1 if visit_type.duration > 45 else 3 for visit_type in self.types]

    def _join(self, at: datetime, asked: NewRequest, day: date) -> None:
        visit = workflow.join(
            replace(asked, wish=self._wish(day)), key=self._key(), by=PATIENT, now=at
        )
        if self.chance(30):
            self.then(self.after(at, hours=60), self._cancel, visit.pk, PATIENT)

    def _wish(self, day: date) -> Wish:
        return Wish(
            earliest=day,
            latest=day + timedelta(days=self.random.choice((3, 7, 14))),
            weekdays=WEEKDAYS if self.chance(60) else (0, 2, 4),
            part=self.random.choice(("", "", "morning", "afternoon")),
            notice=self.random.choice((0, 120, 24 * 60)),
        )

    def _free(
        self,
        visit_type: VisitType,
        day: date,
        at: datetime,
        clinician: Resource | None = None,
        *,
        by_staff: bool = False,
    ) -> list[datetime]:
        """Return what is free on the day and the two after it, in a random order.

        Nothing is after the last day.
        """
        days = visit_type.availability(
            day, min(day + timedelta(days=2), self.last),
            now=at, clinician=clinician, by_staff=by_staff,
        )  # fmt: skip
        first, *rest = [[slot.start for slot in found.slots] for found in days] or [[]]
        for starts in (first, later := [start for some in rest for start in some]):
            self.random.shuffle(starts)
        return [datetime.fromtimestamp(start, UTC) for start in (first or later)]

    def _asked(self, visit_type: VisitType, clinician: Resource | None) -> NewRequest:
        patient = self._patient()
        for_other = self.chance(6)
        yes = [code for code in ("blood-thinner", "referral") if self.chance(12)]
        return NewRequest(
            visit_type=visit_type,
            choices=(),
            patient=patient,
            payer=self.random.choice(PAYERS),
            clinician=clinician,
            has_referral=self.chance(40),
            answers=answers(visit_type, yes),
            requested_by_name=f"{self._given()} {MARK}" if for_other else "",
            requested_by_relation="parent" if for_other else "",
        )

    def _patient(self) -> dict[str, Any]:
        """Return somebody new, or one who was here before: one in six."""
        if self.people and self.chance(16):
            return dict(self.random.choice(self.people))
        by_phone = self.chance(14)
        n = len(self.people)
        language = self.random.choice(LANGUAGES)
        born = date(1934, 1, 1) + timedelta(days=self.random.randrange(27_000))
        self.people.append(
            {
                "given_name": self._given(),
                "family_name": f"{self.random.choice(FAMILY)} {MARK}",
                "birth_date_text": born.isoformat(),
                "phone": f"+1{AREAS[n % 9]}5550{100 + n // 9 % 100}",
                "email": "" if by_phone else f"patient-{n}@example.com",
                "contact_by": "phone" if by_phone else "email",
                "voicemail_ok": self.chance(40),
                "language": language,
                "needs_interpreter": language != "English" and self.chance(50),
                "other_help": "Demo: needs a room without steps"
                if self.chance(5)
                else "",
            }
        )
        return dict(self.people[-1])

    def _given(self) -> str:
        return self.random.choice(GIVEN)

    def _key(self) -> uuid.UUID:
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    # --- What the desk does -------------------------------------------------------

    def _answer(self, at: datetime, pk: int) -> None:
        visit = _visit(pk)
        if visit.status != Status.PENDING:
            return
        if self.chance(5):
            workflow.decline(
                pk, reason=self.random.choice(list(DeclineReason)),
                note="Demo: a word from us" if self.chance(50) else "",
                private_note="Demo: a word among us" if self.chance(30) else "",
                by=self.desk, now=at,
            )  # fmt: skip
        elif self.chance(8):
            self._offer_others(at, visit)
        else:
            proposals = list(visit.proposals.asked().open().order_by("rank"))
            chosen = self.random.choice(proposals[:2])
            try:
                visit = workflow.accept(pk, chosen.pk, by=self.desk, now=at)
            except BookingError:  # the time went meanwhile
                self._offer_others(at, visit)
            else:
                self._booked(at, visit)

    def _offer_others(self, at: datetime, visit: Appointment) -> None:
        first = visit.proposals.asked().order_by("rank")[0]
        day = max(timezone.localdate(first.start), timezone.localdate(at))
        free = self._free(
            visit.visit_type, day + timedelta(days=1), at, visit.wanted_clinician,
            by_staff=True,
        )  # fmt: skip
        starts = sorted(free[:2])
        if not starts:
            return
        workflow.offer(
            visit.pk, starts, expires_at=at + timedelta(days=2), by=self.desk, now=at
        )
        self._offered(at, visit.pk)

    def _booked(self, at: datetime, visit: Appointment) -> None:
        """Plan what becomes of a visit that has a time now."""
        start = visit.start
        assert start  # noqa: S101 -- it was just booked
        left = (start - at) / timedelta(hours=1)
        soon = self.after(at, hours=left / 4)
        if self.chance(8):
            self.then(soon, self._cancel, visit.pk, PATIENT)
        elif self.chance(2):
            self.then(soon, self._cancel, visit.pk, self.desk)
        elif self.chance(4):
            self.then(soon, self._move, visit.pk)
        elif self.chance(4):
            self.then(soon, self._want_earlier, visit.pk)
        elif self.chance(3):
            self.then(soon, self._swap, visit.pk)
        elif self.chance(4) and not visit.series:
            self.then(self.after(at, hours=1), self._series, visit.pk)
        self._on_its_day(visit.pk, start, visit.duration)

    def _on_its_day(self, pk: int, start: datetime, long: timedelta) -> None:
        if self.chance(2):
            return  # nobody records what became of it
        minutes = self.random.randrange(-15, 10)
        end = start + long + timedelta(minutes=self.random.randrange(10))
        if self.chance(7):
            late = start + timedelta(minutes=self.random.randrange(20, 60))
            self.then(late, self._attend, pk, start, Act.MISS)
            if self.chance(10):  # by mistake
                self.then(end, self._attend, pk, start, Act.COMPLETE)
            return
        if self.chance(90):
            here = start + timedelta(minutes=minutes)
            self.then(here, self._attend, pk, start, Act.ARRIVE)
        self.then(end, self._attend, pk, start, Act.COMPLETE)

    def _attend(self, at: datetime, pk: int, start: datetime, act: Act) -> None:
        if _visit(pk).start == start:
            workflow.attend(pk, act, by=self.desk, now=at)

    def _cancel(self, at: datetime, pk: int, by: By) -> None:
        visit = _visit(pk)
        if visit.start and visit.start <= at:
            return
        note = "Demo: a word from us" if by == self.desk else ""
        workflow.cancel(pk, by=by, now=at, note=note)

    def _move(self, at: datetime, pk: int) -> None:
        visit = _visit(pk)
        if not visit.start:
            return
        day = timezone.localdate(visit.start) + timedelta(days=self.random.randrange(4))
        free = self._free(visit.visit_type, min(day, self.last), at, by_staff=True)
        if free:
            moved = workflow.move(pk, free[0], by=self.desk, now=at)
            self._on_its_day(pk, free[0], moved.duration)

    def _want_earlier(self, at: datetime, pk: int) -> None:
        visit = _visit(pk)
        tomorrow = timezone.localdate(at) + timedelta(days=1)
        if visit.start and timezone.localdate(visit.start) > tomorrow:
            wish = Wish(tomorrow, timezone.localdate(visit.start), WEEKDAYS)
            workflow.want_earlier(pk, wish, by=PATIENT, now=at)

    def _swap(self, at: datetime, pk: int) -> None:
        visit = _visit(pk)
        for row in visit.reservations.select_related("resource").order_by("pk"):
            others = Resource.objects.active().filter(kind=row.resource.kind)
            for other in others.exclude(pk=row.resource_id):
                try:
                    workflow.swap(pk, row.resource_id, other.pk, by=self.desk, now=at)
                except BookingError:
                    continue
                return

    def _series(self, at: datetime, pk: int) -> None:
        """Book the same time in the weeks to come, as many as can be had."""
        visit = _visit(pk)
        if not visit.start:
            return
        wall = visit.start.astimezone(clinic_zone())
        starts = [
            _at(wall.date() + timedelta(weeks=n), wall.time())
            for n in range(self.random.randrange(3, 7))
        ]
        visits = workflow.book_series(pk, starts, by=self.desk, now=at, key=self._key())
        for another in visits[1:]:
            self._booked(at, another)

    # --- The waiting list, and people to phone ------------------------------------

    def _daily(self, at: datetime) -> None:
        """Do what the worker and the desk do twice a day."""
        waiting_list.lapse_and_expire(at)
        before = set(_with_offers())
        waiting_list.offer_free_times(at)
        for pk in sorted(set(_with_offers()) - before):
            self._offered(at, pk)
        for visit in Appointment.objects.overdue(at):
            if self.chance(50):
                self.then(self.after(at, hours=1), self._answer, visit.pk)
        calls = Message.objects.phone_these_people().still_true(at)
        for pk in calls.values_list("pk", flat=True):
            if self.chance(75):
                calls.filter(pk=pk).update(called_at=at, called_by=self.desk.user)
        for item in paperwork.open_items(at):
            if self.chance(45):
                state = Paper.State.DONE
            elif item.state == Paper.State.NEEDED and self.chance(30):
                state = Paper.State.ASKED
            else:
                continue
            workflow.file_paper(item.visit.pk, item.kind, state, by=self.desk, now=at)

    def _offered(self, at: datetime, pk: int) -> None:
        """Let the patient take a time, say that none suits, or never answer."""
        soon = self.after(at, hours=1)
        if self.chance(55):
            self.then(soon, self._take, pk)
        elif self.chance(40):
            self.then(soon, self._pass, pk)

    def _take(self, at: datetime, pk: int) -> None:
        offer = Proposal.objects.live(at).filter(appointment=pk).order_by("rank")[:1]
        for proposal in offer:
            visit = workflow.take(pk, proposal.pk, by=PATIENT, now=at)
            self._on_its_day(pk, proposal.start, visit.duration)

    def _pass(self, at: datetime, pk: int) -> None:
        if _visit(pk).proposals.live(at).exists():
            workflow.pass_(pk, by=PATIENT, now=at)

    def _deliver(self, at: datetime) -> None:
        """Say of what is owed that it was sent or failed. Nothing leaves the house."""
        for message in Message.objects.owed().order_by("pk"):
            message.attempts = 1
            if self.chance(1.5):
                message.failed_at, message.last_error = at, FAILED
            else:
                message.sent_at, message.last_error = at, NOT_SENT
            message.save(
                update_fields=["attempts", "sent_at", "failed_at", "last_error"]
            )

    def _close_an_afternoon(self) -> None:
        """Let somebody be away on a day on which they have visits."""
        day = timezone.localdate(self.now) + timedelta(days=2)
        while day.weekday() not in WEEKDAYS:
            day += timedelta(days=1)
        start, end = _at(day, time(13)), _at(day, time(18))
        away = Closure(resource=self.clinicians[0], start=start, end=end, reason="away")
        workflow.close(away, now=self.now)

    def _take_on(self) -> None:
        """Let each colleague have one of the requests that wait, and leave the rest."""
        waiting = Appointment.objects.awaiting_review(self.now)
        for visit, user in zip(waiting, colleagues(), strict=False):
            by = By.staff(user)
            workflow.entrust(visit.pk, Claim.Task.ANSWER, to=user, by=by, now=self.now)


def has_real_patients() -> bool:
    """Tell whether somebody is on record who is not marked as made up."""
    made_up = Patient.objects.filter(family_name__endswith=MARK)
    return Patient.objects.exclude(given_name="Demo").exclude(pk__in=made_up).exists()


def is_there() -> bool:
    """Tell whether the weeks were begun before."""
    return Patient.objects.filter(family_name__endswith=MARK).exists()


def _visit(pk: int) -> Appointment:
    return Appointment.objects.select_related(
        "visit_type", "wanted_clinician", "patient"
    ).get(pk=pk)


def _with_offers() -> Sequence[int]:
    offers = Proposal.objects.offers().order_by("appointment")
    return list(offers.values_list("appointment_id", flat=True))


def _at(day: date, wall: time) -> datetime:
    return datetime.combine(day, wall, clinic_zone()).astimezone(UTC)


def _is_open(at: datetime) -> bool:
    wall = at.astimezone(clinic_zone())
    return wall.weekday() in WEEKDAYS and time(9) <= wall.time() < time(17)
