"""docs/messages.md shows each message as patients get it. `make messages` writes it."""

import os
import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.db import transaction
from django.test import override_settings
from django.utils.translation import override

from booking import closing, messages, workflow
from booking.models import Appointment, Message, Patient, Resource, VisitType
from booking.models.texting import REMINDING
from booking.policy import Act, ChangeRefusal, DeclineReason
from booking.views import suppliers
from booking.workflow import PATIENT, By
from tests import factories
from tests.factories import FRIDAY, NOW, WEDNESDAY, at
from tests.plugin import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]

PAGE = ROOT / "docs" / "messages.md"
INTRODUCTION = """\
# Every message

As patients get them, written by `make messages` from `templates/emails`; a test
compares them. How they go out is in `delivery.md`. The clinic, the people and the times
are made up: it is Monday, November 16, 2026, 9:00 AM. What is said on the phone is for
who has no email address, or asked to be called; staff read it in English. Text messages
go to who agreed, beside the rest.
"""

LINK = re.compile(r"http://127\.0\.0\.1:8000(\S*/appointments/)[\w-]{43}/")


class Told(NamedTuple):
    """What was said last, and how."""

    kind: str
    channel: str
    said: str


Story = Callable[["Stories"], Appointment]


class Stories:
    """What happens to visits of one patient, each in time of its own."""

    def __init__(
        self, visit_type: VisitType, desk: By, *, texts: bool = False, **patient: str
    ) -> None:
        self.visit_type, self.desk = visit_type, desk
        self.texts = dict.fromkeys(["reminders", "changes"] if texts else [], "Yes.")
        self.patient = factories.patient_details(**patient)

    def asked(self, *starts: Any) -> Appointment:
        return factories.a_request(
            self.visit_type, *starts, patient=self.patient, texts=self.texts
        )

    def booked(self, start: Any = None) -> Appointment:
        return factories.a_booked_visit(
            self.visit_type, start or at("15:00", FRIDAY), by=self.desk,
            patient=self.patient, texts=self.texts,
        )  # fmt: skip

    def in_series(self) -> Appointment:
        visit = self.booked()
        starts = [at("15:00", FRIDAY), at("15:00", FRIDAY + timedelta(days=7))]
        key = uuid.uuid4()
        workflow.book_series(visit.pk, starts, by=self.desk, now=NOW, key=key)
        return visit

    def waiting(self) -> Appointment:
        return factories.somebody_waiting(
            self.visit_type, patient=self.patient, texts=self.texts
        )

    def wants_earlier(self) -> Appointment:
        return workflow.want_earlier(
            self.booked().pk, factories.a_wish(), by=PATIENT, now=NOW
        )

    def declined(self, reason: DeclineReason) -> Appointment:
        return workflow.decline(self.asked().pk, reason=reason, by=self.desk, now=NOW)

    def cancelled(self, visit: Appointment, by: By) -> Appointment:
        return workflow.cancel(visit.pk, by=by, now=NOW)

    def offered(
        self, visit: Appointment, *starts: Any, by: By = workflow.SYSTEM
    ) -> Appointment:
        by = self.desk if visit.status == "pending" else by
        return factories.an_offer(visit, *starts or (at("10:00"),), by=by)

    def taken(self, visit: Appointment) -> Appointment:
        offer = factories.offered(visit)
        return workflow.take(visit.pk, offer.pk, by=PATIENT, now=NOW)

    def moved_back(self) -> Appointment:
        visit = self.booked()
        for start in (at("10:00", WEDNESDAY), at("15:00", FRIDAY)):
            workflow.move(visit.pk, start, by=self.desk, now=NOW)
        return visit

    def called_off(self) -> Appointment:
        visit = self.booked(at("10:00"))
        plan = factories.a_closed_day(at("09:30"), at("11:00"), by=self.desk)
        closing.tell(plan.due_at)
        return visit

    def seen_by_another(self) -> Appointment:
        visit = self.booked()
        (gives,) = visit.reservations.filter(resource__kind="clinician")
        other = Resource.objects.filter(kind="clinician").exclude(pk=gives.resource_id)
        workflow.swap(
            visit.pk, gives.resource_id, other.get().pk, by=self.desk, now=NOW
        )
        return visit

    def link_again(self) -> Appointment:
        visit = self.booked()
        workflow.reset_links(visit.pk, by=self.desk, now=NOW)
        return visit

    def wants_to_move(self) -> Appointment:
        times = [at("10:00", WEDNESDAY), at("14:30", WEDNESDAY)]
        return workflow.ask_change(self.booked().pk, times, by=PATIENT, now=NOW)

    def not_moved(self, reason: ChangeRefusal) -> Appointment:
        return workflow.refuse_change(
            self.wants_to_move().pk, reason=reason, by=self.desk, now=NOW
        )

    def reminded(self) -> Appointment:
        visit = self.booked()
        workflow.remind(visit.pk, now=at("15:00", WEDNESDAY + timedelta(days=1)))
        return visit

    def seen(self) -> Appointment:
        visit, end = self.booked(), at("15:30", FRIDAY)
        workflow.attend(visit.pk, Act.COMPLETE, by=self.desk, now=end)
        workflow.follow_up(visit.pk, now=end + timedelta(days=1))
        return visit

    def waits_for_us(self) -> Appointment:
        visit = self.asked()
        assert visit.reply_by
        workflow.own_up(visit.pk, now=visit.reply_by)
        return visit

    def waits_to_move(self) -> Appointment:
        visit = self.wants_to_move()
        assert visit.reply_by
        workflow.own_up(visit.pk, now=visit.reply_by)
        return visit


# Of these nobody is told by phone.
BY_MAIL = {
    "The day after", "Our answer is late", "Our answer about another time is late",
}  # fmt: skip

# Of these who agreed is told by text as well.
BY_TEXT = messages.ALSO_BY_TEXT | REMINDING

# What was told so far.
KINDS: set[str] = set()

STORIES: dict[str, Story] = {
    "Request received": lambda s: s.asked(at("10:00"), at("14:30")),
    "Confirmed": lambda s: s.booked(),
    **{
        f"Not booked, {reason}": lambda s, r=reason: s.declined(r)
        for reason in DeclineReason
    },
    "The link, sent again": lambda s: s.link_again(),
    "Request withdrawn": lambda s: s.cancelled(s.asked(), PATIENT),
    "Cancelled by the patient": lambda s: s.cancelled(s.booked(), PATIENT),
    "One of a series cancelled by the patient": lambda s: s.cancelled(
        s.in_series(), PATIENT
    ),
    "Cancelled by the clinic": lambda s: s.cancelled(s.booked(), s.desk),
    "Reminder": lambda s: s.reminded(),
    "The day after": lambda s: s.seen(),
    "Our answer is late": lambda s: s.waits_for_us(),
    "Another time asked for": lambda s: s.wants_to_move(),
    "Our answer about another time is late": lambda s: s.waits_to_move(),
    **{
        f"No other time, {reason}": lambda s, r=reason: s.not_moved(r)
        for reason in ChangeRefusal
    },
    "No other time wanted any more": lambda s: workflow.stop_change(
        s.wants_to_move().pk, by=PATIENT, now=NOW
    ),
    "Moved to another time": lambda s: s.taken(s.offered(s.wants_earlier())),
    "Moved, and back": lambda s: s.moved_back(),
    "Called off, other times offered": lambda s: s.called_off(),
    "Another clinician": lambda s: s.seen_by_another(),
    "Other times suggested": lambda s: s.offered(s.asked(at("16:00"))),
    "The suggestion does not suit": lambda s: workflow.pass_(
        s.offered(s.asked(at("16:00"))).pk, by=PATIENT, now=NOW
    ),
    "On the waiting list": lambda s: s.waiting(),
    "A time is offered": lambda s: s.offered(s.waiting(), at("10:00"), at("14:30")),
    "The offer does not suit": lambda s: workflow.pass_(
        s.offered(s.waiting()).pk, by=PATIENT, now=NOW
    ),
    "The offer is taken back": lambda s: workflow.retract(
        s.offered(s.waiting()).pk, by=s.desk, now=NOW
    ),
    "The offer of another time is taken back": lambda s: workflow.retract(
        s.offered(s.wants_to_move(), by=s.desk).pk, by=s.desk, now=NOW
    ),
    "The offer was not answered": lambda s: workflow.lapse(
        s.offered(s.waiting()).pk, now=NOW + timedelta(hours=2)
    ),
    "Off the waiting list": lambda s: workflow.leave(
        s.waiting().pk, by=PATIENT, now=NOW
    ),
    "The waiting list ended": lambda s: workflow.expire(
        s.waiting().pk, now=NOW + timedelta(days=30)
    ),
    "On the list for an earlier time": lambda s: s.wants_earlier(),
    "An earlier time is offered": lambda s: s.offered(s.wants_earlier()),
    "The earlier time does not suit": lambda s: workflow.pass_(
        s.offered(s.wants_earlier()).pk, by=PATIENT, now=NOW
    ),
    "Off the list for an earlier time": lambda s: workflow.stop_wanting(
        s.wants_earlier().pk, by=PATIENT, now=NOW
    ),
}


def told(story: Story, visit_type: VisitType, desk: By, **patient: Any) -> Told:
    """Let it happen, return what the patient is told last, and let it not have been."""
    example = transaction.atomic()
    example._from_testcase = True  # acts refuse to run inside any other transaction
    with example:
        visit = story(Stories(visit_type, desk, **patient))
        message = factories.told_last(visit)
        transaction.set_rollback(True)
    KINDS.add(message.kind)
    subject = f"Subject: {message.subject}\n\n" if message.subject else ""
    text = (subject + message.text).replace(visit.reference, "ABCD-2345")
    said = LINK.sub(r"https://clinic.example\1…/", text)
    return Told(message.kind, message.channel, said.rstrip("\n") + "\n")


def written() -> str:
    clinic = factories.a_clinic(
        name="Demo Clinic", street="1 Demo Street", city="New York", region="NY"
    )
    assert clinic
    visit_type = factories.a_practice(clinicians=2, rooms=2, remind_by_phone=True)
    visit_type.service.sections.create(
        anchor="afterwards", question="What happens afterwards?", answer="You rest."
    )
    desk = factories.a_front_desk_person()
    parts = [INTRODUCTION]
    for title, story in STORIES.items():
        parts.append(f"## {title}\n")
        for code, name in settings.LANGUAGES:
            kind, _, text = told(story, visit_type, desk, **in_language(code))
            parts.append(f"### {name}\n\n```text\n{text}```\n")
        if title not in BY_MAIL:
            text = told(story, visit_type, desk, email="").said
            parts.append(f"### On the phone\n\n```text\n{text}```\n")
        for code, name in settings.LANGUAGES if kind in BY_TEXT else ():
            agreed = in_language(code) | {"texts": True}
            _, channel, text = told(story, visit_type, desk, **agreed)
            if channel == Message.Channel.TEXT:
                parts.append(f"### As a text message, {name}\n\n```text\n{text}```\n")
    return "\n".join([*parts, *answers()])


def answers() -> list[str]:
    """Return what is answered to what patients write, by text."""
    found = ["## What we answer to a text\n"]
    clinic = {"clinic": "Demo Clinic", "phone": "(212) 555-0143"}
    for word, answer in {
        "STOP": suppliers.STOPPED["all"],
        "STOP, while it ends one purpose": suppliers.STOPPED["reminders"],
        "STOP, likewise": suppliers.STOPPED["changes"],
        "START": suppliers.STARTED,
        "HELP": suppliers.HELP,
    }.items():
        for code, name in settings.LANGUAGES:
            with override(code):
                said = str(answer) % clinic
            found.append(f"### {word}, {name}\n\n```text\n{said}\n```\n")
    return found


def in_language(code: str) -> dict[str, str]:
    has_one = any(f.name == "message_language" for f in Patient._meta.fields)
    return {"message_language": code} if has_one else {}


@pytest.mark.usefixtures("clock")
@override_settings(TEXT_BACKEND="booking.texting.to_file")
def test_the_page_of_messages_shows_what_patients_get():
    found = written()
    if os.environ.get("WRITE"):
        PAGE.write_text(found)
    assert KINDS | {"reminder"} == set(Message.Kind)  # in the words of reminder_soon
    assert PAGE.read_text() == found, "Run make messages, and read the difference."


@pytest.mark.parametrize(("language", "most"), [("English", 60), ("Español", 70)])
def test_a_subject_is_short_enough_for_a_phone(language: str, most: int):
    subject = rf"### {language}\n\n```text\nSubject: (.+)\n"
    subjects = re.findall(subject, PAGE.read_text())
    assert len(subjects) > 20
    assert [s for s in subjects if len(s) > most] == []
