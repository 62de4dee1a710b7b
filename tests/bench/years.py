# ruff: noqa: S608 -- SQL is built here from the names of our own tables
"""A practice whose present is always the same, and whose past is as long as one likes.

For the pages of the staff: what is to come fills eight weeks at most, and all else has
taken place, was missed or was called off. Copies of visits that went through the
workflow, as in `filling`; then what the staff and the waiting list leave behind of
them, so many rows for each visit.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from io import StringIO
from itertools import islice

from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from booking import clock, workflow
from booking.models import (
    Appointment,
    AuditEvent,
    AuditSubject,
    Message,
    Patient,
    Resource,
    WaitingListEntry,
    clinic_zone,
)
from booking.policy import Act
from booking.workflow import By
from tests import factories
from tests.factories import CLINICIAN

from .filling import (
    CLINICIANS,
    HISTORY,
    Practice,
    a_big_practice,
    copy,
    far_ahead,
    in_bulk,
)
from .writing import free_starts

# Eight a day, five days a week.
WEEK, WEEKS = 40, 8
# What waits for an answer, and who waits for a time, whatever the past.
REQUESTS = WAITING = 20
# Whom the staff look for among all others.
SOUGHT = {
    "family_name": "Sought",
    "birth_date_text": "1970-01-31",
    "phone": "+12125550142",
    "email": "sought@example.com",
}
# One of so many visits began on the waiting list.
WAITED = 20


def fill(visits: int) -> None:
    """Write the practice, its staff, and so many visits, a multiple of ten."""
    practice, now = a_big_practice(), clock.now()
    desk = factories.a_front_desk_person("desk")
    over, booked = _over(now, desk), _booked(now, desk)
    Message.objects.update(sent_at=now)
    each = visits // CLINICIANS
    to_come = min(each * 4 // 5, WEEK * WEEKS)
    with in_bulk():
        for number, (past, present) in enumerate(zip(over, booked, strict=True)):
            copy(past, number, 2, 2 * (each - to_come - 1), HISTORY, 2)
            copy(present, number, 1, 2 * (to_come - 1) - 1, HISTORY, 2)
        _leave_behind(now)
        _tell_apart()
    _staff(practice)
    _waiting(practice, now)


def _monday(now: datetime) -> datetime:
    """Return 9 AM on the last Monday that has begun before today."""
    yesterday = timezone.localdate(now) - timedelta(days=1)
    monday = yesterday - timedelta(days=yesterday.weekday())
    return datetime.combine(monday, time(9), clinic_zone()).astimezone(UTC)


def _clinicians() -> Sequence[Resource]:
    return Resource.objects.filter(kind=CLINICIAN).order_by("pk")


def _booked(now: datetime, desk: By) -> list[Appointment]:
    """Book a visit for each clinician, from which those to come are copied."""
    visit_type = factories.a_visit_type(step=30)
    asked = _monday(now) - timedelta(days=12)
    return [
        factories.a_booked_visit(
            visit_type, _monday(now), now=asked, by=desk, clinician=clinician
        )
        for clinician in _clinicians()
    ]


def _over(now: datetime, desk: By) -> list[Appointment]:
    """Book one for each, and record what became: eight of ten were seen."""
    visits, begin = _booked(now, desk), _monday(now)
    cancelled, missed, *seen = visits
    end = begin + timedelta(hours=1)
    workflow.cancel(cancelled.pk, by=desk, now=begin - timedelta(hours=3))
    workflow.attend(missed.pk, Act.MISS, by=desk, now=end)
    for visit in seen:
        workflow.attend(visit.pk, Act.COMPLETE, by=desk, now=end)
    return list(
        Appointment.objects.filter(pk__in=[v.pk for v in visits]).order_by("pk")
    )


def _leave_behind(now: datetime) -> None:
    """Write who looked at each visit, and what was waited for before some of them."""
    visits = connection.ops.quote_name(Appointment._meta.db_table)
    sqlite = connection.vendor == "sqlite"
    weeks = "'-28 days'" if sqlite else "interval '28 days'"
    day = f"date(start, {weeks})" if sqlite else f"(start - {weeks})::date"
    said = {
        AuditEvent: (
            "id, at, user_id, username, action, route, object_id, address, data,"
            " digest",
            "row_number() OVER (ORDER BY start, id), start, 1, 'desk', 'view',"
            " 'booking_appointment_change', '', '', '{}', ''",
            "",
        ),
        AuditSubject: (
            "event_id, patient_id",
            "row_number() OVER (ORDER BY start, id), patient_id",
            "",
        ),
        WaitingListEntry: (
            "appointment_id, earliest, latest, weekdays, part, notice, joined_at,"
            " offers_made, ended_at, why_ended",
            f"id, {day}, date(start), '01234', '', 0, requested_at, 1, start, 'took'",
            f"AND id %% {WAITED} = 0",
        ),
    }
    with connection.cursor() as cursor:
        for model, (columns, values, which) in said.items():
            cursor.execute(
                f"INSERT INTO {model._meta.db_table} ({columns}) SELECT {values}"
                f" FROM {visits} WHERE start < %s {which}",
                [now],
            )


def _tell_apart() -> None:
    """Give each patient an own phone and address, as far as an index knows of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {Patient._meta.db_table} SET phone_index = 'phone ' || id,"
            " email_index = 'email ' || id, phone_end_index = 'end ' || (id % 10000),"
            " birth_date_index = 'born ' || (id % 20000)"
        )


def _staff(practice: Practice) -> None:
    call_command("load_groups", stdout=StringIO())
    for name in ("Manager", "Clinician"):
        user = User.objects.create_user(name, is_staff=True, password=name)
        user.groups.add(Group.objects.get(name=name))
    practice.first.user = User.objects.get(username="Clinician")
    practice.first.save(update_fields=["user"])


def _waiting(practice: Practice, now: datetime) -> None:
    """Let some ask for a time, and some wait for one."""
    sought = factories.patient_details(**SOUGHT)
    for start in islice(free_starts(far_ahead(practice)), REQUESTS):
        factories.a_request(practice.visit_type, start, patient=sought, now=now)
        sought = factories.patient_details()
    today = timezone.localdate(now)
    wish = factories.a_wish(earliest=today, latest=today + timedelta(days=28))
    for _ in range(WAITING):
        factories.somebody_waiting(practice.visit_type, wish, now=now)
