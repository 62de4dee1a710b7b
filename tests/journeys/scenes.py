"""Make, in a running clinic, every state that a page can be looked at in.

`manage.py shell -c "from tests.journeys import scenes; scenes.make()"` prints what the
addresses and the visitors of `test_pages` need, as JSON. Everything goes through the
workflow, as it did when it really happened.
"""

import json
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client, override_settings

from booking import (
    clock,
    closing,
    confirming,
    draft,
    idle,
    limits,
    links,
    second_factor,
    signing_in,
    words,
    workflow,
)
from booking.draft import Draft, Sent
from booking.encryption import encrypt
from booking.models import (
    Appointment,
    Chore,
    Claim,
    ClosingPlan,
    ClosingRow,
    Closure,
    Hours,
    Message,
    Patient,
    Proposal,
    Resource,
    SecondFactor,
    VisitType,
    WaitingListRules,
)
from booking.policy import Act, ChangeRefusal, DeclineReason
from booking.steps import STEPS
from booking.workflow import PATIENT, SYSTEM, Answer, By
from services import versions
from services.models import Clinic, Page, SameWords, ScreeningQuestion, Translation
from tests.factories import (
    a_booked_visit,
    a_clinician,
    a_closed_day,
    a_new_request,
    a_new_wish,
    a_photo,
    a_visit_type,
    a_wish,
    patient_details,
)

from .steps import EMG, TRIGGER_POINTS

NEW = f"{TRIGGER_POINTS}-new"
SHORT = "Short visit"
OFTEN = "asks-often@example.com"
DAY = timedelta(days=1)


def make() -> None:
    # An offer that has lapsed is to be looked at before the worker ends it.
    Chore.objects.filter(name="lapse").update(every=Chore.Every.OFF)
    scenes = Scenes(clock.now())
    found = dict(scenes.visits()) | dict(scenes.drafts()) | dict(scenes.staff())
    workflow.refresh_closures(now=scenes.now)  # of the clinicians and rooms made here
    sys.stdout.write(json.dumps(found))


def guides() -> None:
    """Print the styleguides, which are there while developing alone, by address."""
    visitor = Client(headers={"host": "127.0.0.1"})
    paths = ("/styleguide/", "/styleguide/desk/", "/styleguide/desk/admin/")
    with override_settings(ROOT_URLCONF="tests.styleguide_urls"):
        sys.stdout.write(json.dumps({path: visitor.get(path).text for path in paths}))


def one_time_a_day() -> None:
    """Make a service with a visit to somebody who is here for half an hour a day.

    Print the service's slug, which is in the address where patients ask for it. No hour
    is quiet: nobody knows at what time of day the tests run.
    """
    WaitingListRules.objects.update(quiet_from="00:00", quiet_until="00:00")
    somebody = a_clinician()
    somebody.hours.update(opens="10:00", closes="10:30")
    takes = [Resource.Kind.CLINICIAN]
    made = a_visit_type(takes=takes, suitable=[somebody], name=SHORT)
    workflow.refresh_closures(now=clock.now())
    sys.stdout.write(made.service.slug)


def only_time_taken(service: str) -> None:
    """Book the only time of a day that who waits can still make; print what it is."""
    now = clock.now()
    visit_type = VisitType.objects.get(service__slug=service)
    day = words.local(now).date()
    days = visit_type.availability(day, day + 12 * DAY, now=now)
    earliest = (now + 2 * DAY).timestamp()
    first = next(s.start for d in days for s in d.slots if s.start > earliest)
    start = datetime.fromtimestamp(first, UTC)
    by = By.staff(User.objects.get(username="front-desk"))
    visit = a_booked_visit(visit_type, start, now=now, by=by)
    sys.stdout.write(
        json.dumps({"reference": visit.reference, "start": words.as_value(start)})
    )


def at_all_hours(now: datetime, name: str = SHORT) -> VisitType:
    """Make a visit to somebody who is here day and night, whenever the tests run."""
    somebody = a_clinician()
    somebody.hours.all().delete()
    for weekday in range(7):
        somebody.hours.create(weekday=weekday, opens="00:00", closes="23:30")
    short = a_visit_type(
        takes=[Resource.Kind.CLINICIAN], suitable=[somebody], name=name,
        holds_first_choice=False,
    )  # fmt: skip
    workflow.refresh_closures(now=now)
    return short


def booked(email: str) -> None:
    """Book a visit three weeks on for who has that address; print what it is."""
    scenes = Scenes(clock.now())
    start = scenes.free(scenes.now + 20 * DAY, scenes.now)[0]
    language = "es" if "spanish" in email else "en"
    person = patient_details(email=email, message_language=language)
    visit = a_booked_visit(
        scenes.visit_type, start, now=scenes.now, by=scenes.by, patient=person
    )
    known = {"pk": visit.pk, "reference": visit.reference, "token": scenes.link(visit)}
    sys.stdout.write(json.dumps(known))


def offer_to(pk: int) -> None:
    """Offer two other times for a visit, as the front desk does."""
    scenes = Scenes(clock.now())
    scenes.offer(Appointment.objects.get(pk=pk), by=scenes.by)


def a_day() -> None:
    """Make what somebody at the desk does in a day; print keys of visits, and a secret.

    Two visits of today, two requests for the same time and one more; and a phone for
    the codes of whoever is at the desk. Made again, it is another day of the same desk.
    """
    now = clock.now()
    short, other = (
        VisitType.objects.filter(name=name).first() or at_all_hours(now, name)
        for name in (SHORT, "Another short visit")
    )
    desk = User.objects.get(username="front-desk")

    def ask(kind: VisitType, start: datetime, asked: datetime = now) -> Appointment:
        new = a_new_request(kind, start, patient=patient_details(email=""))
        return workflow.request(new, key=uuid.uuid4(), by=PATIENT, now=asked)

    def free(kind: VisitType, start: datetime, asked: datetime) -> list[datetime]:
        day = words.local(start).date()
        days = kind.availability(day, day, now=asked)
        return [datetime.fromtimestamp(s.start, UTC) for d in days for s in d.slots]

    last_week = now - 7 * DAY
    keys: dict[str, Any] = {}
    # Both at midnight, to two people, so that both have begun whenever the tests run.
    for name, kind in {"comes": short, "stays_away": other}.items():
        visit = ask(kind, free(kind, now, last_week)[0], asked=last_week)
        first = visit.proposals.get()
        workflow.accept(visit.pk, first.pk, by=By.staff(desk), now=last_week)
        keys[name] = visit.pk
    wanted, later = free(short, now + 5 * DAY, now)[:20:10]
    for name, start in {"first": wanted, "rival": wanted, "third": later}.items():
        keys[name] = ask(short, start).pk
    keys["secret"] = second_factor.new_secret()
    SecondFactor.objects.update_or_create(
        user=desk,
        defaults={"secret": keys["secret"], "since": now, "last_step": 0},
    )
    sys.stdout.write(json.dumps(keys))


def nobody_is_here() -> None:
    """Let it be a day since anybody of the staff was here."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    for key in Session.objects.values_list("pk", flat=True):
        session = store(key)
        if idle.SEEN_AT in session:
            session[idle.SEEN_AT] -= DAY.total_seconds()
            session.save()


@dataclass
class Scenes:
    """Each method yields names with what stands for them in an address or a cookie."""

    now: datetime

    def __post_init__(self) -> None:
        self.visit_type = VisitType.objects.get(code=NEW)
        self.clinician = Resource.objects.get(name="Demo Clinician A")
        self.by = By.staff(User.objects.get(username="front-desk"))

    # --- Behind the private link --------------------------------------------------

    def visits(self) -> Iterator[tuple[str, str]]:
        """Yield tokens of links, by what the visit has become, and some keys."""
        pending = self.request()
        booked = self.accept(self.request(answers=True))
        yield "pending", self.link(pending)
        yield "pending_pk", str(pending.pk)
        yield "patient_pk", str(pending.patient_id)
        second = Patient.objects.create(**patient_details())
        workflow.merge(pending.patient_id, second.pk, by=self.by, now=self.now)
        late = self.request(asked=self.now - 6 * DAY)
        yield "late", self.link(late)
        self.takes_on(late)
        yield "owned_pk", str(late.pk)
        yield (
            "passed",
            self.link(
                self.request(asked=self.now - 20 * DAY, first=self.now - 10 * DAY)
            ),
        )
        yield "booked", self.link(booked)
        yield "booked_pk", str(booked.pk)
        yield "withdrawn", self.link(self.cancel(self.request(), PATIENT))
        by_patient = self.cancel(self.accept(self.request()), PATIENT)
        yield "cancelled_by_patient", self.link(by_patient)
        yield "cancelled_pk", str(by_patient.pk)
        by_clinic = self.cancel(self.accept(self.request()), self.by, "We are sorry.")
        yield "cancelled_by_clinic", self.link(by_clinic)
        for reason in DeclineReason:
            declined = workflow.decline(
                self.request().pk, reason=reason, note="Mornings are easier.",
                private_note="", by=self.by, now=self.now,
            )  # fmt: skip
            yield f"declined_{reason}", self.link(declined)
        yield "declined_pk", str(declined.pk)
        yield "to_accept_pk", str(self.request(answers=True).pk)
        yield "by_phone_pk", str(self.request(by_phone=True).pk)
        yield "answered_pk", str(self.accept(self.request()).pk)
        yield from self.waiting()
        yield from self.on_the_day()
        undelivered = self.request()
        Message.objects.filter(appointment=undelivered).update(failed_at=self.now)

    def on_the_day(self) -> Iterator[tuple[str, str]]:
        """Yield tokens of links of visits that begin soon, are over, or were missed."""
        short = at_all_hours(self.now)
        short.cutoff = 24
        short.save()

        def became(hours: int, *moves: Act) -> str:
            """Book the first visit that begins later than so many hours from now."""
            asked, after = self.now - 10 * DAY, self.now + timedelta(hours=hours)
            day = words.local(after).date()
            days = short.availability(day, day + DAY, now=asked)
            slots = [slot.start for day in days for slot in day.slots]
            first = next(at for at in slots if at > after.timestamp())
            start = datetime.fromtimestamp(first, UTC)
            visit = a_booked_visit(short, start, now=asked, by=self.by)
            for move in moves:
                workflow.attend(visit.pk, move, by=self.by, now=start)
            return self.link(visit)

        yield "over", became(-2)
        yield "too_late", became(3)
        yield "noshow", became(-7, Act.MISS)
        yield "arrived", became(-4, Act.ARRIVE)
        reading = {"anchor": "afterwards", "question": "And then?", "answer": "Rest."}
        short.service.sections.create(**reading)
        yield "fulfilled", became(-9, Act.COMPLETE)
        # Nobody else is to be offered times at night.
        Hours.objects.filter(resource__in=short.may_take()).delete()

    def waiting(self) -> Iterator[tuple[str, str]]:
        """Yield tokens of links of who waits, or was offered something."""
        yield "waiting", self.link(self.joins())
        offered = self.offer(self.joins())
        yield "offered", self.link(offered)
        yield "offered_pk", str(offered.pk)
        yield "offer_lapsed", self.link(self.offer(self.joins(), ended=True))
        left = workflow.leave(self.joins().pk, by=PATIENT, now=self.now)
        yield "left", self.link(left)
        taken_off = workflow.leave(
            self.joins().pk, note="As you asked.", by=self.by, now=self.now
        )
        yield "taken_off", self.link(taken_off)
        over = workflow.expire(self.joins(over=True).pk, now=self.now)
        yield "list_ended", self.link(over)
        change = self.wants_change()
        yield "wants_change", self.link(change)
        yield "wants_change_pk", str(change.pk)
        refused = workflow.refuse_change(
            self.wants_change().pk, reason=ChangeRefusal.NO_TIME, note="Call us.",
            by=self.by, now=self.now,
        )  # fmt: skip
        yield "change_refused", self.link(refused)
        earlier = self.wants_earlier()
        yield "wants_earlier", self.link(earlier)
        yield "wants_earlier_pk", str(earlier.pk)
        yield "offered_earlier", self.link(self.offer(self.wants_earlier()))
        asked = self.offer(self.request(), by=self.by)
        yield "offered_instead", self.link(asked)
        yield "offer_gone", self.link(self.offered_what_went())

    def takes_on(self, visit: Appointment) -> None:
        to, task = self.by.user, Claim.Task.ANSWER
        workflow.entrust(visit.pk, task, to=to, by=self.by, now=self.now)

    def offered_what_went(self) -> Appointment:
        """Offer somebody a time that is not kept, and let another patient have it."""
        visit = self.joins(clinician=self.clinician)
        start = self.free_in_four_days()
        self.offer(visit, start, kept=False)
        assert self.taken_time() == start
        return visit

    def joins(self, *, over: bool = False, **wanted: Any) -> Appointment:
        """Let somebody wait for a day on which nobody is here: none is offered."""
        today = self.now.date()
        wish = a_wish(
            earliest=today - 9 * DAY,
            latest=today - 2 * DAY if over else today + 90 * DAY,
            weekdays=(6,),
        )
        asked = a_new_wish(self.visit_type, wish, **wanted)
        return workflow.join(asked, key=uuid.uuid4(), by=PATIENT, now=self.now)

    def wants_change(self) -> Appointment:
        visit = self.accept(self.request(first=self.now + 20 * DAY))
        starts = self.free(self.now + 8 * DAY, self.now)[:8:4]
        return workflow.ask_change(visit.pk, starts, by=PATIENT, now=self.now)

    def wants_earlier(self) -> Appointment:
        visit = self.accept(self.request(first=self.now + 20 * DAY))
        wish = a_wish(latest=self.now.date() + 90 * DAY, weekdays=(6,))
        return workflow.want_earlier(visit.pk, wish, by=PATIENT, now=self.now)

    def offer(
        self,
        visit: Appointment,
        *starts: datetime,
        by: By = SYSTEM,
        ended: bool = False,
        kept: bool = True,
    ) -> Appointment:
        return workflow.offer(
            visit.pk,
            starts or self.free(self.now + 5 * DAY, self.now)[:8:4],
            expires_at=self.now + (timedelta(seconds=1) if ended else 2 * DAY),
            by=by,
            now=self.now,
            kept=kept,
        )

    def request(
        self,
        *,
        asked: datetime | None = None,
        first: datetime | None = None,
        answers: bool = False,
        by_phone: bool = False,
    ) -> Appointment:
        asked = asked or self.now
        # The day after tomorrow: what was booked for tomorrow can become too late to
        # change while the tests run.
        choices = self.free((first or self.now + DAY) + DAY, asked)[:6:2]
        new = a_new_request(
            self.visit_type, *choices,
            answers=self.alarming_answers() if answers else [],
            patient=patient_details(**{"email": ""} if by_phone else {}),
        )  # fmt: skip
        return workflow.request(new, key=uuid.uuid4(), by=PATIENT, now=asked)

    def alarming_answers(self) -> list[Answer]:
        questions = ScreeningQuestion.objects.filter(service=self.visit_type.service)
        return [
            Answer(q.code, q.question, "yes", flag=q.flag, advice=q.advice)
            for q in questions
        ]

    def accept(self, visit: Appointment, now: datetime | None = None) -> Appointment:
        first = visit.proposals.get(by=Proposal.By.PATIENT, rank=1)
        return workflow.accept(visit.pk, first.pk, by=self.by, now=now or self.now)

    def cancel(self, visit: Appointment, by: By, note: str = "") -> Appointment:
        return workflow.cancel(visit.pk, note=note, by=by, now=self.now)

    def link(self, visit: Appointment) -> str:
        return links.issue(visit, now=self.now)

    def free(
        self,
        start: datetime,
        now: datetime,
        clinician: Resource | None = None,
    ) -> list[datetime]:
        """Return what is free, as of `now`, on the days from that of `start` on."""
        days = self.visit_type.availability(
            start.date(), (start + 12 * DAY).date(), now=now, clinician=clinician
        )
        slots = [slot for day in days for slot in day.slots]
        return [datetime.fromtimestamp(slot.start, UTC) for slot in slots]

    # --- On the road to a request -------------------------------------------------

    def drafts(self) -> Iterator[tuple[str, str]]:
        """Yield sessions: before each step, before sending, and of what goes wrong."""
        whole = self.answers()
        for step in STEPS:
            yield f"before_{step.url_name}", self.session(up_to(step.slug, whole))
        yield "all_answered", self.session(whole)
        often = whole["contact"] | {"email": [OFTEN]}
        for _ in range(limits.REQUESTS_BY_EMAIL[0].limit):
            # Of tomorrow too, which can come before the look: days are those of UTC.
            for day in (self.now, self.now + DAY):
                limits.allows(limits.REQUESTS_BY_EMAIL, OFTEN, now=day)
        yield "asks_often", self.session(whole | {"contact": often})

        taken = self.taken_time()
        times = {"start": [words.as_value(taken)], "clinician": ["demo-clinician-a"]}
        yield "time_taken", self.session(whole | {"times": times})
        gone = {"starts": [words.as_value(taken)]}
        of_a = whole["times"] | {"clinician": ["demo-clinician-a"]}
        yield (
            "other_time_taken",
            self.session(whole | {"times": of_a, "other-times": gone}),
        )
        yield (
            "unreadable_link",
            self.session(up_to("times", whole), {"start": "nonsense"}),
        )
        yield "wrong_link", self.session({}, {"service": "nonsense"})
        today = self.now.date()
        wish = {
            "earliest": [str(today + DAY)], "latest": [str(today + 30 * DAY)],
            "weekdays": ["0", "1", "2", "3", "4"], "part": ["any"], "notice": ["1440"],
        }  # fmt: skip
        waits = {k: v for k, v in whole.items() if k not in ("times", "other-times")}
        yield "joins", self.session(waits | {"waiting-list": wish})
        joined = self.joins()
        yield "joined", self.session_with(Sent(joined.pk, joined.reference))
        yield "no_times", self.session({"visit": {"visit": [self.visit_without()]}})
        needs = {"visit": {"visit": [self.visit_that(needs_referral=True)]}}
        yield "before_referral", self.session(needs)
        yield "no_referral", self.session(needs | {"referral": {"referral": ["no"]}})
        by_phone = self.visit_that(by_phone_only=True)
        yield "by_phone", self.session({"visit": {"visit": [by_phone]}})
        mornings = self.visit_on_mornings()
        yield "only_mornings", self.session({"visit": {"visit": [mornings]}})
        for payer in Appointment.Payer:
            typed = whole | {"payment": {"payer": [payer.value]}, "payment-details": {}}
            yield f"pays_{payer}", self.session(typed)
        yield "very_quick", self.session(whole, began=self.now + DAY)

        visit = self.request()
        yield "sent", self.session_with(Sent(visit.pk, visit.reference))
        booked = self.accept(self.request())
        yield "sent_and_answered", self.session_with(Sent(booked.pk, booked.reference))
        yield "sent_elsewhere", self.session(whole, key=visit.request_key)

    def answers(self) -> dict[str, Any]:
        """Return what somebody typed who has answered everything there is to ask."""
        first, *others = self.free(self.now + 3 * DAY, self.now)[:5:2]
        codes = [q.code for q in ScreeningQuestion.objects.filter(
            service=self.visit_type.service)]  # fmt: skip
        return {
            "visit": {"visit": [NEW]},
            "times": {"start": [words.as_value(first)], "clinician": [""]},
            "other-times": {"starts": [words.as_value(other) for other in others]},
            "about": {
                "for_whom": ["somebody_else"],
                "given_name": ["Pat"],
                "family_name": ["Example"],
                "birth_date_month": ["2"],
                "birth_date_day": ["29"],
                "birth_date_year": ["1980"],
            },
            "asked-by": {
                "name": ["Ann Example"],
                "relation": ["child"],
                "contact_of": ["asker"],
                "may_arrange": ["on"],
            },
            "questions": {code: ["yes"] for code in codes},
            "contact": {
                "contact_by": ["email"],
                "email": [patient_details()["email"]],
                "phone": ["212 555 0199"],
            },
            "help": {"language": ["Spanish"], "interpreter": ["yes"]},
            "payment": {"payer": ["workers_comp"]},
            "payment-details": {"employer": ["Demo Employer"]},
        }

    def taken_time(self) -> datetime:
        """Book the clinician, and return when."""
        start = self.free_in_four_days()
        new = a_new_request(self.visit_type, start, clinician=self.clinician)
        self.accept(workflow.request(new, key=uuid.uuid4(), by=PATIENT, now=self.now))
        return start

    def free_in_four_days(self) -> datetime:
        """Return the first time then that the clinician has."""
        return self.free(self.now + 4 * DAY, self.now, self.clinician)[0]

    def visit_without(self) -> str:
        """Return a visit to somebody who has no hours."""
        somebody = a_clinician("Demo Clinician C", hours=False)
        return self.visit_to(somebody, "Telephone visit")

    def visit_that(self, **bars: bool) -> str:
        """Return a visit that not everybody can ask for online."""
        code = self.visit_to(self.clinician, f"A visit that {next(iter(bars))}")
        VisitType.objects.filter(code=code).update(**bars)
        return code

    def visit_on_mornings(self) -> str:
        somebody = a_clinician("Demo Clinician D")
        somebody.hours.update(closes="11:00")
        return self.visit_to(somebody, "Morning visit")

    def visit_to(self, clinician: Resource, name: str) -> str:
        service = VisitType.objects.get(code=f"{EMG}-new").service
        takes = [Resource.Kind.CLINICIAN]
        made = a_visit_type(
            takes=takes, suitable=[clinician], service=service, name=name
        )
        return str(made.code)

    def session(
        self,
        answers: dict[str, Any],
        wanted: dict[str, str] | None = None,
        key: uuid.UUID | None = None,
        began: datetime | None = None,
    ) -> str:
        began = began or self.now - timedelta(minutes=5)
        typed = Draft(began, self.now, answers=answers, wanted=wanted or {})
        typed.request_key = key or typed.request_key
        return self.session_with(typed)

    def session_with(self, what: Draft | Sent) -> str:
        session = import_module(settings.SESSION_ENGINE).SessionStore()
        draft.save(session, what, self.now)
        session.save()
        return str(session.session_key)

    # --- Staff --------------------------------------------------------------------

    def staff(self) -> Iterator[tuple[str, str]]:
        """Yield sessions of who has signed in, by user name, and keys of what is there.

        `leaving` is one more session of the front desk, for who signs out.
        """
        front_desk, manager = (
            User.objects.get(username=name) for name in ("front-desk", "manager")
        )
        sessions = {
            "front-desk": front_desk,
            "leaving": front_desk,
            "manager": manager,
            "clinician": User.objects.get(username="clinician"),
            "superuser": User.objects.create_superuser("superuser"),
            "with-phone": User.objects.create_superuser("with-phone"),
            "shows-codes": User.objects.create_superuser("shows-codes"),
            "half-signed-in": User.objects.create_superuser("half-signed-in"),
            "long-ago": User.objects.create_superuser("long-ago"),
        }
        for name, user in sessions.items():
            client = Client()
            client.force_login(user)
            session = client.session
            session.update(self.signed_in_so(name, user))
            session.save()
            yield name, client.cookies[settings.SESSION_COOKIE_NAME].value
        keys = {
            "clinician": self.clinician,
            "unused": Resource.objects.create(kind=Resource.Kind.ROOM, name="Room 9"),
            "person": self.clinician.clinician,
            "visit_type": self.visit_type,
            "service": self.visit_type.service,
            "closure": Closure.objects.get(),
            "chore": Chore.objects.first(),
            "page": Page.objects.first(),
            "same_words": SameWords.objects.first(),
            "photo": a_photo(),
            "translation": Translation.objects.first(),
            "front_desk": front_desk,
            "with_phone": sessions["with-phone"],
            "manager": manager,
            "group": Group.objects.first(),
            "mail": Message.objects.filter(channel=Message.Channel.EMAIL).first(),
            "call": Message.objects.filter(channel=Message.Channel.PHONE).first(),
        }
        versions.keep(Clinic, [1], by=versions.Who("manager"), now=self.now)
        keys["closing"] = self.closed_day()
        called_off, refused = keys["closing"].rows.filter(
            outcome=ClosingRow.Outcome.DONE
        )
        yield "called_off", self.link(called_off.appointment)
        due = keys["closing"].due_at
        workflow.pass_(refused.appointment_id, by=PATIENT, now=due)
        yield "called_off_refused", self.link(refused.appointment)
        # By the clock on the wall, at an hour that each day has once.
        day = words.local(self.now).date()
        yield "two_weeks", f"start={day}T23:00&end={day + 14 * DAY}T23:00"
        self.someone_changed(Resource.objects.filter(pk=self.clinician.pk), manager)
        for name, row in keys.items():
            yield f"{name}_pk", str(row and row.pk)

    def closed_day(self) -> ClosingPlan:
        """Close a day of somebody with three visits: two to be phoned, and one kept."""
        somebody = a_clinician()
        short = a_visit_type(
            takes=[Resource.Kind.CLINICIAN], suitable=[somebody], name="Short visit"
        )
        workflow.refresh_closures(now=self.now)
        days = short.availability(
            (self.now + 2 * DAY).date(), (self.now + 9 * DAY).date(), now=self.now
        )
        first = next(day for day in days if len(day.slots) > 2)
        starts = [datetime.fromtimestamp(s.start, UTC) for s in first.slots[:3]]
        visits = [
            a_booked_visit(
                short, start, now=self.now, by=self.by,
                patient=patient_details(email=""),
            )
            for start in starts
        ]  # fmt: skip
        plan = a_closed_day(
            starts[0], starts[0] + DAY / 3, {visits[-1].pk: "keep"}, of=somebody,
            now=self.now, by=self.by,
        )  # fmt: skip
        closing.tell(plan.due_at)
        return plan

    def signed_in_so(self, name: str, user: User) -> dict[str, Any]:
        """Return what the session of somebody says about how they signed in.

        The looks take longer than it lasts that somebody has shown who they are.
        """
        later = int((self.now + DAY).timestamp())
        fresh = {confirming.CONFIRMED_AT: later}
        if name == "long-ago":
            return {confirming.CONFIRMED_AT: 0}
        if name not in ("with-phone", "shows-codes", "half-signed-in"):
            return fresh
        secret = second_factor.new_secret()
        factor = SecondFactor.objects.create(
            user=user, secret=secret, since=self.now, last_step=0
        )
        if name == "half-signed-in":
            backend = "django.contrib.auth.backends.ModelBackend"
            return {signing_in.HALF: [user.pk, backend, later]}
        codes = encrypt(json.dumps(["ABCDEFGHIJKLMNOP"] * 10))
        return fresh | {signing_in.FACTOR: factor.pk, signing_in.SHOWN: codes}

    def someone_changed(self, rows: Any, user: User) -> None:
        """Write what the admin logs when somebody saves a form."""
        said = [{"changed": {"fields": ["Order"]}}]
        LogEntry.objects.log_actions(user.pk, rows, CHANGE, said, single_object=True)


def up_to(slug: str, answers: dict[str, Any]) -> dict[str, Any]:
    """Return the answers of the steps before that one."""
    slugs: Sequence[str] = [step.slug for step in STEPS]
    return {s: answers[s] for s in slugs[: slugs.index(slug)] if s in answers}
