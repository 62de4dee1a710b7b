"""What the clients of a race do, each in a process of its own.

They take and return keys, since rows do not travel between processes.
"""

import time
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

from django.contrib.auth.models import Permission, User
from django.core import mail
from django.db import connection, transaction
from django.test import RequestFactory
from django.utils.timezone import localdate
from time_machine import travel

from booking import (
    clock,
    closing,
    delivery,
    guards,
    integrity,
    links,
    trail,
    waiting_list,
    workflow,
)
from booking.errors import ToldAlready
from booking.models import (
    Appointment,
    AuditEvent,
    AuditSubject,
    Chore,
    Claim,
    ClosingPlan,
    ClosingRow,
    Closure,
    Ignoring,
    Merge,
    Message,
    Patient,
    Proposal,
    Reservation,
    Resource,
    VisitType,
    WaitingListRules,
)
from booking.policy import HOLD_MINUTES
from booking.workflow import PATIENT, By
from booking.workflow.road import act, lock_resources, take_time
from clinic_site.sqlite.base import Cursor
from services import drafts, versions
from services.models import Draft, Service, Version
from tests import factories
from tests.factories import NOW, TUESDAY, at

PATIENCE = Cursor.patience

# --- Before a race ---------------------------------------------------------------


def weekdays(count: int) -> list[date]:
    days = (TUESDAY + timedelta(days=n) for n in range(2 * count + 2))
    return [day for day in days if day.weekday() < 5][:count]


def starts(count: int) -> list[datetime]:
    """Return so many different starts, three a day, within what can be booked."""
    hours = ("10:00", "13:00", "16:00")
    return [at(h, day) for day in weekdays(count // 3 + 1) for h in hours][:count]


def practice(clinicians: int = 1, rooms: int = 1, holds: bool = True) -> int:
    """Make a practice that shares nothing with those of other races.

    Return the key of its visit type.
    """
    factories.a_clinic()
    own = [factories.a_clinician() for _ in range(clinicians)]
    own += [factories.a_room() for _ in range(rooms)]
    return factories.a_visit_type(suitable=own, holds_first_choice=holds).pk


def taking_the_same(visit_type: int) -> int:
    """Add a visit type that takes the same things, named in the opposite order."""
    needs = VisitType.objects.get(pk=visit_type).requirements.order_by("-pk")
    return factories.a_visit_type(
        takes=[need.kind for need in needs],
        suitable=[resource for need in needs for resource in need.suitable.all()],
    ).pk


def superuser() -> tuple[str, str]:
    """Make an account that may do everything; return name and password."""
    password = uuid.uuid4().hex
    return User.objects.create_superuser("root", password=password).username, password


def colleague() -> int:
    user = factories.a_front_desk_person().user
    assert user
    return user.pk


def remove_guards() -> None:
    guards.remove(connection)


def open_practice(
    count: int, holds: bool = True, clinicians: int = 1, rooms: int = 1
) -> tuple[str, list[str]]:
    """Make a practice that is open today, by the real clock.

    Return the visit type's code and so many of its free starts, as the form sends them.
    """
    visit_type = VisitType.objects.get(pk=practice(clinicians, rooms, holds))
    # None becomes too soon to ask for while the races run.
    now = clock.now() + timedelta(hours=1)
    days = visit_type.availability(
        now.date(), now.date() + timedelta(days=visit_type.horizon), now=now
    )
    starts = [
        datetime.fromtimestamp(slot.start, UTC) for day in days for slot in day.slots
    ]
    return visit_type.code, [f"{start:%Y-%m-%dT%H:%MZ}" for start in starts[:count]]


def holding_the_same(code: str) -> str:
    """Add a visit type that takes the same things, and holds a first choice."""
    taking = taking_the_same(VisitType.objects.get(code=code).pk)
    return VisitType.objects.get(pk=taking).code


def ask_now(code: str, start: str) -> int:
    """Ask by the real clock, as a patient of `Visitor` does over HTTP."""
    asked = factories.a_new_request(
        VisitType.objects.get(code=code), datetime.fromisoformat(start)
    )
    return workflow.request(asked, key=uuid.uuid4(), by=PATIENT, now=clock.now()).pk


def book_now(code: str, start: str) -> int:
    """Let a patient ask by the real clock, and the front desk accept."""
    visit_type, at = VisitType.objects.get(code=code), datetime.fromisoformat(start)
    return factories.a_booked_visit(visit_type, at, now=clock.now()).pk


def join_now(code: str) -> int:
    """Let somebody wait, by the real clock, for any weekday of four weeks."""
    today = localdate(clock.now(), factories.NEW_YORK)
    wish = factories.a_wish(earliest=today, latest=today + timedelta(weeks=4))
    visit_type = VisitType.objects.get(code=code)
    return factories.somebody_waiting(visit_type, wish, now=clock.now()).pk


def offer_now(visit: int, start: str, kept: bool = True) -> int:
    """Offer a time for two hours by the real clock; return the key of the offer."""
    row, at = Appointment.objects.get(pk=visit), datetime.fromisoformat(start)
    offer = factories.an_offer(row, at, now=clock.now(), kept=kept)
    return factories.offered(offer).pk


def let_the_offer_end(visit: int, seconds: float) -> None:
    """Let what is offered to a visit end so soon."""
    end = clock.now() + timedelta(seconds=seconds)
    Proposal.objects.offers().filter(appointment=visit).update(expires_at=end)
    held = Reservation.objects.filter(appointment=visit, expires_at__isnull=False)
    held.update(expires_at=end)


def lapse_now(visit: int) -> None:
    lapse(visit, clock.now())


def lapse_in_a_minute(visit: int) -> None:
    lapse(visit, clock.now() + timedelta(minutes=1))


def let_there_be_no_quiet_hours() -> None:
    rules = WaitingListRules.current()
    rules.quiet_until = rules.quiet_from
    rules.save()


def let_all_workers_look() -> None:
    """Make offers and lapses due, also for who would leave them to another worker."""
    chores = Chore.objects.filter(name__in=["lapse", "offer"])
    chores.update(started_at=None, running_until=None)


def offers_to(visit: int) -> list[int]:
    """Return the keys of what is offered to a visit."""
    offers = Appointment.objects.get(pk=visit).proposals.offers()
    return list(offers.values_list("pk", flat=True))


def count_of_mail_owed() -> int:
    return Message.objects.owed().count()


def desk_account() -> tuple[str, str]:
    """Make somebody at the front desk; return name and password."""
    user = User.objects.get(pk=colleague())
    password = uuid.uuid4().hex
    user.set_password(password)
    user.user_permissions.add(Permission.objects.get(codename="view_appointment"))
    user.save()
    return user.username, password


def private_path(visit: int) -> str:
    """Return the path of the patient's private link."""
    token = links.issue(Appointment.objects.get(pk=visit), now=clock.now())
    return urlsplit(links.url(token)).path


def at_that_time(code: str, start: str) -> list[str]:
    """Return the statuses of the visits that hold the time in a practice."""
    held = Reservation.objects.filter(
        resource__in=VisitType.objects.get(code=code).may_take(),
        start=datetime.fromisoformat(start),
    )
    rows = held.filter(appointment__isnull=False).values_list(
        "appointment", "appointment__status"
    )
    return [status for _, status in sorted(set(rows))]


def let_holds_lapse() -> None:
    """Do what a quarter of an hour does."""
    Reservation.objects.exclude(hold_key="").delete()


# --- What races ------------------------------------------------------------------


def ask(visit_type: int, start: datetime, key: uuid.UUID | None = None) -> int:
    asked = factories.a_new_request(VisitType.objects.get(pk=visit_type), start)
    return workflow.request(asked, key=key or uuid.uuid4(), by=PATIENT, now=NOW).pk


def hold(visit_type: int, start: datetime) -> None:
    workflow.hold(
        VisitType.objects.get(pk=visit_type), start, key=uuid.uuid4().hex, now=NOW
    )


def go_on(visit_type: int, start: datetime) -> None:
    """Send a page of a form whose hold has lapsed."""
    key = uuid.uuid4().hex
    if not workflow.renew(key, now=NOW):
        workflow.hold(VisitType.objects.get(pk=visit_type), start, key=key, now=NOW)


def ask_without_the_lock(visit_type: int, start: datetime) -> None:
    """Check, then write, as the workflow does, but hold no lock between: the control.

    On SQLite the lock is the IMMEDIATE transaction, so the check stays outside of it.
    """
    rows = take_time(
        VisitType.objects.get(pk=visit_type),
        start,
        now=NOW,
        clinician=None,
        ignoring=Ignoring(),
    )
    key = uuid.uuid4().hex
    for row in rows:
        row.hold_key, row.expires_at = key, NOW + timedelta(minutes=HOLD_MINUTES)
    act(Reservation.objects.bulk_create)(rows)


def accept(visit: int, user: int) -> int:
    row = Appointment.objects.get(pk=visit)
    by = By.staff(User.objects.get(pk=user))
    return workflow.accept(visit, factories.choice(row).pk, by=by, now=NOW).pk


def book_series(
    visit: int, starts: Sequence[datetime], user: int, seen: int, key: uuid.UUID
) -> list[int]:
    by = By.staff(User.objects.get(pk=user))
    visits = workflow.book_series(
        visit, starts, by=by, now=NOW, key=key, seen_version=seen
    )
    return [visit.pk for visit in visits]


def cancel(visit: int) -> int:
    return workflow.cancel(visit, by=PATIENT, now=NOW).pk


def join(visit_type: int, day: date) -> int:
    """Let somebody wait for any time of one day."""
    wish = factories.a_wish(earliest=day, latest=day)
    asked = factories.a_new_wish(VisitType.objects.get(pk=visit_type), wish)
    return workflow.join(asked, key=uuid.uuid4(), by=PATIENT, now=NOW).pk


def offer(visit: int, start: datetime, kept: bool = True) -> int:
    """Offer a time for two hours; return the key of the offer."""
    row = factories.an_offer(Appointment.objects.get(pk=visit), start, kept=kept)
    return factories.offered(row).pk


def take(visit: int, proposal: int, now: datetime = NOW) -> int:
    return workflow.take(visit, proposal, by=PATIENT, now=now).pk


def retract(visit: int, user: int) -> int:
    by = By.staff(User.objects.get(pk=user))
    return workflow.retract(visit, by=by, now=NOW).pk


def lapse(visit: int, now: datetime) -> str:
    """Do what the worker does when it finds the offer ended; return the status."""
    return workflow.lapse(visit, now=now).status


def offer_what_is_free() -> None:
    """Do what each worker does every minute."""
    waiting_list.offer_free_times(NOW)


def send_what_is_owed() -> list[str]:
    """Do what each worker does with mail; return the Message-ID of each that it sent.

    Nothing else runs in this process meanwhile, whose clock and mail these are.
    """
    mail.outbox = []
    with travel(NOW, tick=False):
        while delivery.deliver_next():
            pass
    return [message.extra_headers["Message-ID"] for message in mail.outbox]


def book(visit_type: int, start: datetime) -> int:
    return factories.a_booked_visit(VisitType.objects.get(pk=visit_type), start).pk


def move(visit: int, start: datetime, user: int) -> int:
    by = By.staff(User.objects.get(pk=user))
    return workflow.move(visit, start, by=by, now=NOW).pk


def wish_for(visit: int, start: datetime) -> int:
    """Let the patient of a booked visit ask for another time."""
    return workflow.ask_change(visit, [start], by=PATIENT, now=NOW).pk


def grant(visit: int, user: int) -> int:
    by = By.staff(User.objects.get(pk=user))
    wanted = Proposal.objects.filter(appointment=visit, by=Proposal.By.PATIENT)
    choice = wanted.latest("pk")
    return workflow.grant_change(visit, choice.pk, by=by, now=NOW).pk


def take_on(visit: int, user: int) -> bool:
    """Take on a request that nobody has; return whether it is this one's now."""
    colleague = User.objects.get(pk=user)
    return workflow.entrust(
        visit, Claim.Task.ANSWER, to=colleague, by=By.staff(colleague), now=NOW
    )


def a_patient() -> int:
    return Patient.objects.create(**factories.patient_details()).pk


def merge(patient: int, duplicate: int, user: int) -> bool:
    by = By.staff(User.objects.get(pk=user))
    return workflow.merge(patient, duplicate, by=by, now=NOW)


def merge_without_the_lock(patient: int, duplicate: int, user: int) -> None:
    """Look, then write, with no lock between: the control."""
    if not Merge.objects.filter(duplicate=patient).exists():
        time.sleep(0.05)
        Merge(patient_id=patient, duplicate_id=duplicate, at=NOW, user_id=user).save()


def merges_of(*patients: int) -> int:
    return Merge.objects.standing().filter(duplicate__in=patients).count()


def take_on_without_the_lock(visit: int, user: int) -> None:
    """Look, then write, with no lock between: the control."""
    mine = Claim.objects.filter(appointment=visit, until=None)
    if not mine.exists():
        time.sleep(0.05)
        Claim(
            appointment_id=visit, task="answer", user_id=user, by_id=user, since=NOW
        ).save()


def owners_of(visit: int) -> list[int]:
    claims = Claim.objects.filter(appointment=visit, until=None)
    return list(claims.values_list("user", flat=True))


def start_of(visit: int) -> datetime | None:
    return Appointment.objects.get(pk=visit).start


def swap(visit: int, gives: int, takes: int, user: int) -> int:
    by = By.staff(User.objects.get(pk=user))
    return workflow.swap(visit, gives, takes, by=by, now=NOW).pk


def clinicians_of(visit_type: int) -> list[int]:
    able = VisitType.objects.get(pk=visit_type).may_take()
    rows = Resource.objects.filter(pk__in=able, kind=Resource.Kind.CLINICIAN)
    return list(rows.values_list("pk", flat=True))


def clinician_at(visit: int) -> int:
    """Return the clinician whom a booked visit takes."""
    held = Reservation.objects.filter(
        appointment=visit, resource__kind=Resource.Kind.CLINICIAN
    )
    return held.get().resource_id


def close_day(day: date, key: uuid.UUID | None = None) -> int:
    start, end = whole(day)
    closure = Closure(start=start, end=end, reason="Training day")
    return workflow.close(closure, now=NOW, key=key).pk


def reopen(closure: int) -> None:
    workflow.reopen(Closure.objects.get(pk=closure), now=NOW)


def send_the_clinician_home(visit_type: int, day: date) -> None:
    """Let the clinician's hours end the day before."""
    clinician = clinician_of(visit_type)
    clinician.hours.update(valid_until=day - timedelta(days=1))


def bring_the_clinician_back(visit_type: int) -> None:
    clinician_of(visit_type).hours.update(valid_until=None)


def take_the_clinician_away(visit_type: int) -> None:
    """Save as the admin does: the row first, then its closures."""
    set_active(visit_type, False)


def give_the_clinician_back(visit_type: int) -> None:
    set_active(visit_type, True)


def set_active(visit_type: int, is_active: bool) -> None:
    clinician = clinician_of(visit_type)
    clinician.is_active = is_active
    clinician.save()
    workflow.refresh_closures(now=NOW)


def clinician_of(visit_type: int) -> Resource:
    ids = VisitType.objects.get(pk=visit_type).requirements.values("suitable")
    return Resource.objects.get(pk__in=ids, kind=Resource.Kind.CLINICIAN)


def whole(day: date) -> tuple[datetime, datetime]:
    return factories.at("00:00", day), factories.at("00:00", day + timedelta(days=1))


def keep_locked(seconds: float) -> None:
    """Keep every resource locked for a while, as a slow neighbour would."""
    with transaction.atomic():
        lock_resources(Resource.objects.values_list("pk", flat=True), NOW)
        time.sleep(seconds)


def ask_with_little_patience(visit_type: int, start: datetime, after: float) -> int:
    """Ask while the database waits for a lock for a tenth of a second only."""
    time.sleep(after)
    try:
        if connection.vendor == "sqlite":
            Cursor.patience = 0.1
        else:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '100ms'")
        return ask(visit_type, start)
    finally:
        Cursor.patience = PATIENCE
        connection.close()


@act
def lock_one_by_one(resources: Sequence[int]) -> None:
    """Lock in the order given, as no code of ours does: the trap of a deadlock."""
    for pk in resources:
        Resource.objects.lock([pk])
        time.sleep(0.2)


def resources_of(visit_type: int) -> list[int]:
    return sorted(VisitType.objects.get(pk=visit_type).may_take())


def write_down(patient: int) -> int:
    """Add an event to the trail."""
    page = RequestFactory().get("/admin/")
    return trail.record(page, None, AuditEvent.Action.VIEW, [patient]).pk


def write_down_without_the_lock(patient: int) -> int:
    """Read the last number, then write the next, with no lock between: the control."""
    newest = AuditEvent.objects.values_list("pk", flat=True).first() or 0
    event = AuditEvent(pk=newest + 1, at=NOW, action=AuditEvent.Action.VIEW)
    event.save(force_insert=True)
    return event.pk


# --- After a race ----------------------------------------------------------------


def the_trail() -> tuple[list[int], list[int], list[int]]:
    """Return the numbers of the trail's events, its broken ones, and its patients."""
    numbers = AuditEvent.objects.order_by("pk").values_list("pk", flat=True)
    patients = AuditSubject.objects.values_list("patient_id", flat=True)
    return list(numbers), list(trail.broken()), sorted(patients)


def faults() -> list[str]:
    return [str(fault) for fault in integrity.faults(NOW)]


def overlaps() -> int:
    return [fault.code for fault in integrity.faults(NOW)].count("overlap")


def count_of_visits() -> int:
    return Appointment.objects.count()


def count_of_closures() -> int:
    return Closure.objects.count()


def count_of_rooms(name: str) -> int:
    return Resource.objects.filter(name=name).count()


def story(visit: int) -> tuple[str, list[str], list[str]]:
    """Return a visit's status, its acts and its messages."""
    row = Appointment.objects.get(pk=visit)
    return (
        row.status,
        list(row.events.order_by("version").values_list("act", flat=True)),
        list(row.messages.order_by("pk").values_list("kind", flat=True)),
    )


def mail_of(visit: int) -> list[tuple[str, str, str]]:
    """Return the Message-ID, the kind and the fate of each message of a visit."""
    return [
        (
            row.message_id,
            row.kind,
            "sent" if row.sent_at else "overtaken" if row.overtaken_at else "owed",
        )
        for row in Message.objects.filter(appointment=visit).order_by("pk")
    ]


def bookable_on(visit_type: int, day: date) -> int:
    """Return how many times of the day a patient is shown."""
    [answer] = VisitType.objects.get(pk=visit_type).availability(day, day, now=NOW)
    return len(answer.slots)


def holds_on(day: date) -> int:
    """Return how many reservations of the day may still lapse."""
    rows = Reservation.objects.overlapping(*whole(day))
    return rows.filter(expires_at__isnull=False).count()


def keys_of_practice(code: str) -> tuple[int, list[int]]:
    """Return a practice's room, and its clinicians."""
    visit_type = VisitType.objects.get(code=code)
    able = Resource.objects.filter(pk__in=visit_type.may_take())
    room = able.filter(kind=Resource.Kind.ROOM).order_by("pk")[0]
    return room.pk, clinicians_of(visit_type.pk)


def reopen_all() -> None:
    for closure in Closure.objects.all():
        workflow.reopen(closure, now=clock.now())


def is_offered(code: str, start: str) -> bool:
    """Tell whether a patient is shown the time now."""
    day = localdate(datetime.fromisoformat(start), factories.NEW_YORK)
    visit_type = VisitType.objects.get(code=code)
    [answer] = visit_type.availability(day, day, now=clock.now())
    at = int(datetime.fromisoformat(start).timestamp())
    return any(slot.start == at for slot in answer.slots)


# --- A day is closed at short notice -----------------------------------------------


def close_a_day(visit: int, user: int) -> int:
    """Close the time of one visit, which is offered what is suggested."""
    row = Appointment.objects.get(pk=visit)
    assert row.start
    assert row.end
    by = By.staff(User.objects.get(pk=user))
    plan = factories.a_closed_day(
        row.start, row.end, of=row.reservations.earliest("pk").resource, by=by
    )
    return plan.pk


def tell(now: datetime) -> str:
    """Do what each worker does every minute."""
    return closing.tell(now)


def undo(plan: int, user: int) -> None:
    by = By.staff(User.objects.get(pk=user))
    workflow.undo_closing(plan, by=by, now=NOW)


def undo_without_the_lock(plan: int) -> None:
    """Look, then undo, as the workflow does, but hold no lock between: the control."""
    rows = ClosingRow.objects.filter(plan=plan)
    if rows.filter(outcome=ClosingRow.Outcome.DONE).exists():
        raise ToldAlready
    time.sleep(0.1)
    act(_write_undone)(plan)


def _write_undone(plan: int) -> None:
    lock_resources(list(Resource.objects.values_list("pk", flat=True)), NOW)
    rows = ClosingRow.objects.filter(plan=plan)
    rows.update(outcome=ClosingRow.Outcome.UNDONE)


def came_of(plan: int) -> tuple[list[str], list[str], bool]:
    """Return the outcomes of a plan, where its visits stand, and whether it closes."""
    rows = ClosingRow.objects.filter(plan=plan).order_by("pk")
    return (
        list(rows.values_list("outcome", flat=True)),
        list(rows.values_list("appointment__status", flat=True)),
        ClosingPlan.objects.filter(pk=plan, closure__isnull=False).exists(),
    )


# --- Drafts ----------------------------------------------------------------------


def draft_that_is_due() -> int:
    """Publish a service, and keep a draft of it whose time has come."""
    slug = uuid.uuid4().hex
    row = Service.objects.create(
        slug=slug, kind="test", name="A", summary="Before", is_published=True
    )
    versions.keep(Service, [row.pk], by=versions.FILES, now=NOW)
    content = versions.content_of(row) | {"summary": "After"}
    content["facts"] = [{"id": None, "label": "New", "value": "Yes", "order": 1}]
    draft = drafts.keep_draft(row, content, by=versions.FILES, now=NOW)
    seen = drafts.seen(row, draft)
    doctor = drafts.Reviewer("Ana Example", "MD", "physician (PM&R)")
    until = NOW.date() + timedelta(days=365)
    drafts.approve(row, seen, until, by=doctor, now=NOW)
    drafts.schedule(row, seen, NOW, by=versions.FILES)
    return row.pk


def publish_due() -> int:
    return drafts.publish_due(NOW)


def publish_without_the_guard(service: int) -> bool:
    """Look, then publish, as a worker does, but hold no lock between: the control."""
    found = Draft.objects.due(NOW).filter(kind="service", row=service).first()
    if found is None:
        return False
    time.sleep(0.1)
    with transaction.atomic():
        row = Service.objects.get(pk=service)
        versions.put(row, found.content | {"is_published": True})
        found.delete()
    return True


def take_back(service: int, act: str) -> bool:
    """Throw a draft away, or leave it a draft; return whether it was one still."""
    row = Service.objects.get(pk=service)
    draft = drafts.draft_of(row)
    does = {"discard": drafts.discard, "unschedule": drafts.unschedule}[act]
    try:
        does(row, drafts.seen(row, draft))
    except drafts.NotYet:
        return False
    return True


def published(service: int) -> tuple[list[str], list[str], int]:
    """Return what its versions said, the facts it has, and how many drafts it has."""
    kept = Version.objects.filter(kind="service", row=service).order_by("number")
    row = Service.objects.get(pk=service)
    return (
        [version.content["summary"] for version in kept],
        [fact.label for fact in row.facts.all()],
        Draft.objects.filter(kind="service", row=service).count(),
    )
