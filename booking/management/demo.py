"""A made-up clinic to try things on: people, rooms, hours, and visits of every kind.

Visits go through `workflow` like everybody's. Telephone numbers are the 555-01xx that
are reserved for fiction, addresses are at example.com.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from string import ascii_uppercase

from django.contrib.auth.models import User
from django.utils import timezone

from booking import workflow
from booking.models import (
    Appointment,
    Closure,
    Hours,
    Message,
    Patient,
    Requirement,
    Resource,
    VisitType,
    span_of,
)
from booking.workflow import Answer, By, NewRequest
from services.models import (
    Clinician,
    ScreeningQuestion,
    Service,
    Translation,
    Weekday,
)

Kind = Resource.Kind

WEEKDAYS = (
    Weekday.MONDAY, Weekday.TUESDAY, Weekday.WEDNESDAY, Weekday.THURSDAY, Weekday.FRIDAY
)  # fmt: skip
# Opens, closes, break starts, break ends: one clinician early, the next late.
SHIFTS = [
    (time(9), time(17), time(12, 30), time(13, 15)),
    (time(10), time(18), time(13), time(13, 45)),
]
MACHINE = "EMG machine"
CLEANING = 20
ROOMS = ["Room 1", "Room 2", "Room 3"]

# How many of each there should be to look at.
WAITING = 4
BOOKED = 3
# How many free times it takes to make them.
ENOUGH = 24


class FewFreeTimes(Exception):
    """Somebody who tried things closed the demo clinic for most of the next weeks."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What a visit to a demo service takes; lengths in minutes."""

    service: str
    lengths: dict[str, int]
    before: int
    after: int
    machine: bool = False


KITS = [
    Kit("trigger-point-injections", {"new": 45, "follow-up": 30}, 0, 15),
    Kit("emg-and-nerve-testing", {"new": 60, "follow-up": 45}, 15, 15, machine=True),
]
NAMES = {"new": "New patient", "follow-up": "Follow-up"}
HINTS = {
    "new": "Your first visit with us for this.",
    "follow-up": "You have been here for this before.",
}
# Drafts, as all that is not English in a demonstration.
SPANISH = {
    "new": {
        "name": "Paciente nuevo",
        "hint": "Su primera visita con nosotros por esto.",
    },
    "follow-up": {
        "name": "Visita de seguimiento",
        "hint": "Ya ha venido aquí por esto.",
    },
}


def load_resources(clinicians_wanted: int = 1) -> int:
    """Create the demo's clinicians, rooms and machine, with hours; say how many.

    There are as many clinicians as are in the content and marked as demo, and so many
    at least.
    """
    made = 0
    clinicians = list(Clinician.objects.filter(is_demo=True))
    for letter in ascii_uppercase[len(clinicians) : clinicians_wanted]:
        clinicians.append(
            Clinician.objects.create(
                slug=f"demo-clinician-{letter.lower()}",
                name=f"Demo Clinician {letter}",
                credentials="MD",
                profession="physician (PM&R)",
                order=len(clinicians) + 1,
                is_demo=True,
            )
        )
    for n, clinician in enumerate(clinicians):
        resource, created = Resource.objects.get_or_create(
            clinician=clinician,
            defaults={"kind": Kind.CLINICIAN, "name": clinician.name, "order": n},
        )
        made += created
        if created:
            _open(resource, *SHIFTS[n % len(SHIFTS)])
    for kind, names in ((Kind.ROOM, ROOMS), (Kind.MACHINE, [MACHINE])):
        for n, name in enumerate(names):
            own = {"buffer_after": CLEANING} if kind == Kind.MACHINE else {}
            made += Resource.objects.get_or_create(
                kind=kind, name=name, defaults={"order": n} | own
            )[1]
    return made


def give_a_clinician(user: User) -> None:
    """Let the account see the day of a clinician who has none yet, if there is one."""
    free = Resource.objects.active().filter(kind=Kind.CLINICIAN, user=None).first()
    if free:
        free.user = user
        free.save(update_fields=["user"])


def _open(
    resource: Resource, opens: time, closes: time, break_starts: time, break_ends: time
) -> None:
    Hours.objects.bulk_create(
        Hours(
            resource=resource,
            weekday=day,
            opens=opens,
            closes=closes,
            break_starts=break_starts,
            break_ends=break_ends,
        )
        for day in WEEKDAYS
    )


def load_visit_types() -> int:
    """Create the demo's kinds of visit where they are missing; say how many."""
    made = 0
    services = Service.objects.in_bulk([k.service for k in KITS], field_name="slug")
    for kit in KITS:
        for order, (code, minutes) in enumerate(kit.lengths.items()):
            visit_type, created = VisitType.objects.get_or_create(
                code=f"{kit.service}-{code}",
                defaults={
                    "service": services[kit.service],
                    "name": NAMES[code],
                    "hint": HINTS[code],
                    "duration": minutes,
                    "buffer_before": kit.before,
                    "buffer_after": kit.after,
                    "order": order,
                },
            )
            made += created
            if created:
                kinds = [Kind.CLINICIAN, Kind.ROOM] + [Kind.MACHINE] * kit.machine
                for kind in kinds:
                    Requirement.objects.create(visit_type=visit_type, kind=kind)
                Translation.objects.create(
                    model=visit_type.content_kind(),
                    row=visit_type.pk,
                    language="es",
                    texts=SPANISH[code],
                    of_digest=visit_type.english_digest(),
                )
    return made


def load_closure(now: datetime) -> bool:
    """Close the clinic for a day in the weeks to come, unless it does so already."""
    if Closure.objects.filter(end__gt=now).exists():
        return False
    day = timezone.localdate(now) + timedelta(days=12)
    while day.weekday() not in WEEKDAYS:
        day += timedelta(days=1)
    start, end = span_of(day)
    training = Closure(start=start, end=end, reason="Training day (demo)")
    workflow.close(training, now=now)
    return True


def load_visits(staff: User, now: datetime) -> int:
    """Ask, and have `staff` accept, until there is something to see; say how many.

    One request at least is overdue, since it was made some days ago; one has a choice
    of time that somebody else got, and one a choice that somebody else wants, too.

    Raises FewFreeTimes.
    """
    waiting = Appointment.objects.awaiting_review(now).count()
    booked = Appointment.objects.booked().filter(start__gt=now).count()
    desk = _Desk(staff, now)
    before = desk.asked
    if waiting < WAITING - 1:
        desk.ask_four()
    for _ in range(BOOKED - booked):
        desk.book(desk.follow_up, desk.free(desk.follow_up, days_ago=1)[4])
    # They were asked for days ago, but no worker has been late: none was there.
    Message.objects.owed().filter(due_at__lt=now).update(due_at=now)
    return desk.asked - before


class _Desk:
    """Patients who ask, and somebody who accepts."""

    def __init__(self, staff: User, now: datetime) -> None:
        self.staff = staff
        self.now = now
        self.asked = Patient.objects.count()
        types = VisitType.objects.select_related("service").in_bulk(field_name="code")
        tpi, emg = (kit.service for kit in KITS)
        self.new, self.follow_up = types[f"{tpi}-new"], types[f"{tpi}-follow-up"]
        self.emg = types[f"{emg}-new"]

    def ask_four(self) -> None:
        clinician = Resource.objects.active().filter(kind=Kind.CLINICIAN).first()
        free = self.free(self.new, days_ago=4, clinician=clinician)
        meanwhile = free[9]
        self.ask(
            self.new,
            [free[0], meanwhile],
            days_ago=4,
            clinician=clinician,
            yes=["blood-thinner"],
        )
        self.book(self.follow_up, meanwhile, clinician=clinician)
        wanted, first = self.free(self.follow_up, days_ago=1)[12:21:8]
        self.ask(self.follow_up, [first, wanted], days_ago=1)
        self.ask(
            self.follow_up,
            [wanted],
            days_ago=0.5,
            language="Spanish",
            needs_interpreter=True,
            payer=Appointment.Payer.NO_FAULT,
        )
        self.ask(
            self.emg,
            self.free(self.emg, days_ago=0.1)[6:20:6],
            days_ago=0.1,
            yes=["referral"],
            by_phone=True,
            payer=Appointment.Payer.WORKERS_COMP,
        )

    def free(
        self,
        visit_type: VisitType,
        *,
        days_ago: float,
        clinician: Resource | None = None,
    ) -> list[datetime]:
        """Return the starts in the next four weeks that are free, soonest first.

        They also were free some days ago, when a time that is free now may have been
        held by a request whose answer has come due since.

        Raises FewFreeTimes when there is too little to choose from.
        """
        today = timezone.localdate(self.now)
        asked_at = self.now - timedelta(days=days_ago)
        then, now = (
            {
                slot.start
                for day in visit_type.availability(
                    today, today + timedelta(days=28), now=moment, clinician=clinician
                )
                for slot in day.slots
            }
            for moment in (asked_at, self.now)
        )
        if len(then & now) < ENOUGH:
            raise FewFreeTimes
        return [datetime.fromtimestamp(start, UTC) for start in sorted(then & now)]

    def book(
        self,
        visit_type: VisitType,
        start: datetime,
        clinician: Resource | None = None,
    ) -> None:
        visit = self.ask(visit_type, [start], days_ago=1, clinician=clinician)
        workflow.accept(
            visit.pk, visit.proposals.get().pk, by=By.staff(self.staff), now=self.now
        )

    def ask(
        self,
        visit_type: VisitType,
        choices: Sequence[datetime],
        *,
        days_ago: float,
        clinician: Resource | None = None,
        yes: Sequence[str] = (),
        by_phone: bool = False,
        language: str = "",
        needs_interpreter: bool = False,
        payer: str = Appointment.Payer.INSURANCE,
    ) -> Appointment:
        """Send the request of one more demo patient, some days ago."""
        letter = ascii_uppercase[self.asked % len(ascii_uppercase)]
        n = self.asked % 100
        self.asked += 1
        patient = {
            "given_name": "Demo",
            "family_name": f"Patient {letter}",
            "birth_date_text": f"{1950 + n % 50}-0{1 + n % 9}-1{n % 10}",
            "phone": f"+1212555{100 + n:04}",
            "email": "" if by_phone else f"patient-{letter.lower()}@example.com",
            "contact_by": "phone" if by_phone else "email",
            "language": language,
            "needs_interpreter": needs_interpreter,
        }
        return workflow.request(
            NewRequest(
                visit_type=visit_type,
                choices=choices,
                patient=patient,
                payer=payer,
                clinician=clinician,
                answers=answers(visit_type, yes),
            ),
            key=uuid.uuid4(),
            by=workflow.PATIENT,
            now=self.now - timedelta(days=days_ago),
        )


def answers(visit_type: VisitType, yes: Sequence[str]) -> list[Answer]:
    """Answer each question: "no" to all but those whose code is in `yes`."""
    questions = ScreeningQuestion.objects.filter(service=visit_type.service_id)
    return [
        Answer(
            code=q.code,
            question=q.question,
            answer="yes" if q.code in yes else "no",
            flag=q.flag,
            advice=q.advice,
        )
        for q in questions
    ]
