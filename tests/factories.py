"""A small clinic in phrases: `a_visit_type()`, `a_request()`, `a_booked_visit()`.

What is not said takes a sensible default. Visits are made through the workflow, so
whatever the tests start from could really have happened.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import Permission, User
from PIL import Image

from booking import closing, messages, workflow
from booking.models import (
    Appointment,
    ClosingPlan,
    ClosingRow,
    Closure,
    Hours,
    Message,
    Proposal,
    Resource,
    VisitType,
    Wish,
)
from booking.workflow import PATIENT, SYSTEM, By, NewRequest
from services import photos
from services.models import Clinic, Clinician, OpeningHours, Photo, Service

NEW_YORK = ZoneInfo("America/New_York")
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (
    date(2026, 11, day) for day in range(16, 21)
)
CLINICIAN, ROOM, MACHINE = Resource.Kind

_number = count(1)


def at(wall_time: str, day: date = TUESDAY) -> datetime:
    """Return the instant, in UTC, of a wall time in New York such as "10:15"."""
    wall = datetime.combine(day, time.fromisoformat(wall_time), NEW_YORK)
    return wall.astimezone(UTC)


NOW = at("09:00", MONDAY)


# --- What there is ---------------------------------------------------------------


def a_clinic(**values: Any) -> Clinic:
    """Make the one clinic, open from 9 to 5 on weekdays; asked again, return it."""
    defaults = {"name": "Demo Clinic", "phone": "(212) 555-0143", "is_demo": True}
    clinic, is_new = Clinic.objects.get_or_create(pk=1, defaults=defaults | values)
    if is_new:
        OpeningHours.objects.bulk_create(
            OpeningHours(clinic=clinic, weekday=day, opens=time(9), closes=time(17))
            for day in range(5)
        )
    return clinic


def a_clinician(name: str = "", *, hours: bool = True) -> Resource:
    """Make a clinician who sees patients from 9 to 5 on weekdays, without a break."""
    number = next(_number)
    name = name or f"Demo Clinician {number}"
    person = Clinician.objects.create(
        slug=f"clinician-{number}", name=name, profession="physician", is_demo=True
    )
    resource = Resource.objects.create(
        kind=CLINICIAN, name=name, clinician=person, order=number
    )
    if hours:
        Hours.objects.bulk_create(
            Hours(resource=resource, weekday=day, opens=time(9), closes=time(17))
            for day in range(5)
        )
    return resource


def a_room(**values: Any) -> Resource:
    number = next(_number)
    defaults = {"kind": ROOM, "name": f"Room {number}", "order": number}
    return Resource.objects.create(**defaults | values)


def a_machine(**values: Any) -> Resource:
    number = next(_number)
    defaults = {"kind": MACHINE, "name": f"EMG {number}", "order": number}
    return Resource.objects.create(**defaults | values)


def a_service(**values: Any) -> Service:
    number = next(_number)
    defaults = {
        "slug": f"treatment-{number}",
        "kind": Service.Kind.THERAPY,
        "name": f"Demo treatment {number}",
        "summary": "A treatment for tests.",
        "is_published": True,
    }
    return Service.objects.create(**defaults | values)


def a_picture() -> bytes:
    """Return a file as a camera makes it, though of nothing."""
    file = BytesIO()
    Image.new("RGB", (640, 480), "teal").save(file, "JPEG")
    return file.getvalue()


def a_photo(**values: Any) -> Photo:
    """Show patients a photo of the clinic."""
    master = photos.master(BytesIO(a_picture()))
    photo = Photo(**{"alt": "The door (demo)", "master": master} | values)
    photos.keep(photo)
    return photo


def a_visit_type(
    *,
    takes: Sequence[Resource.Kind] = (CLINICIAN, ROOM),
    suitable: Sequence[Resource] = (),
    **values: Any,
) -> VisitType:
    """Make a visit of half an hour, on the half hour, from tomorrow on.

    It takes one of each kind, of one that is said twice two. `suitable` restricts a
    kind to those of it that are named. Patients change and cancel it until it begins.
    """
    number = next(_number)
    defaults = {
        "code": f"visit-{number}", "name": "New patient", "step": 30, "cutoff": 0,
    }  # fmt: skip
    visit_type = VisitType.objects.create(
        **{"service": values.pop("service", None) or a_service(), "duration": 30}
        | defaults
        | values
    )
    for kind, wanted in Counter(takes).items():
        requirement = visit_type.requirements.create(kind=kind, count=wanted)
        requirement.suitable.set(r for r in suitable if r.kind == kind)
    return visit_type


def a_practice(*, clinicians: int = 1, rooms: int = 1, **values: Any) -> VisitType:
    """Make the clinic with its people and rooms; return a visit type that takes them.

    `values` are the visit type's.
    """
    a_clinic()
    for _ in range(clinicians):
        a_clinician()
    for _ in range(rooms):
        a_room()
    return a_visit_type(**values)


# --- Who is there ----------------------------------------------------------------


def a_front_desk_person(name: str = "") -> By:
    """Return somebody at the front desk, with the right to answer requests."""
    user = User.objects.create_user(name or f"desk{next(_number)}", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="answer_appointment"))
    return By.staff(user)


def patient_details(**values: Any) -> dict[str, Any]:
    """Return what a patient who can be reached by email says about herself."""
    return {
        "given_name": "Pat",
        "family_name": "Example",
        "birth_date_text": "1980-02-29",
        "phone": "+12125550199",
        "email": "pat@example.com",
        "contact_by": "email",
    } | values


# --- What happens ----------------------------------------------------------------


def a_new_request(
    visit_type: VisitType, *starts: datetime, **values: Any
) -> NewRequest:
    """Return what the form hands over; "10:00" on Tuesday unless said."""
    defaults: dict[str, Any] = {"patient": patient_details(), "payer": "insurance"}
    return NewRequest(
        visit_type=visit_type, choices=starts or (at("10:00"),), **defaults | values
    )


def a_request(
    visit_type: VisitType | None = None,
    *starts: datetime,
    now: datetime = NOW,
    **values: Any,
) -> Appointment:
    """Let a patient ask for one to three times."""
    asked = a_new_request(visit_type or a_practice(), *starts, **values)
    return workflow.request(asked, key=uuid.uuid4(), by=PATIENT, now=now)


def told_last(visit: Appointment) -> Message:
    """Return the last message about the visit, in words as the worker would put it."""
    message = visit.messages.latest("pk")
    if messages.lacks_words(message):
        messages.write_words(message, NOW)
    return message


def a_booked_visit(
    visit_type: VisitType | None = None,
    *starts: datetime,
    now: datetime = NOW,
    by: By | None = None,
    **values: Any,
) -> Appointment:
    """Let a patient ask, and the front desk accept the first choice."""
    visit = a_request(visit_type, *starts, now=now, **values)
    return workflow.accept(
        visit.pk, choice(visit).pk, by=by or a_front_desk_person(), now=now
    )


def a_wish(**values: Any) -> Wish:
    """Return a wish for any weekday of the four weeks from Tuesday on."""
    defaults: dict[str, Any] = {
        "earliest": TUESDAY,
        "latest": TUESDAY + timedelta(days=28),
        "weekdays": (0, 1, 2, 3, 4),
    }
    return Wish(**defaults | values)


def a_new_wish(visit_type: VisitType, wish: Wish | None = None, **values: Any) -> Any:
    """Return what the form hands over for who joins the waiting list."""
    defaults: dict[str, Any] = {"patient": patient_details(), "payer": "insurance"}
    return NewRequest(
        visit_type=visit_type, choices=(), wish=wish or a_wish(), **defaults | values
    )


def somebody_waiting(
    visit_type: VisitType | None = None,
    wish: Wish | None = None,
    *,
    now: datetime = NOW,
    **values: Any,
) -> Appointment:
    """Let a patient who found no time join the waiting list."""
    asked = a_new_wish(visit_type or a_practice(), wish, **values)
    return workflow.join(asked, key=uuid.uuid4(), by=PATIENT, now=now)


def an_offer(
    visit: Appointment,
    *starts: datetime,
    now: datetime = NOW,
    by: By = SYSTEM,
    expires_at: datetime | None = None,
    kept: bool = True,
) -> Appointment:
    """Let the system offer a time, "10:00" on Tuesday unless said, for two hours."""
    return workflow.offer(
        visit.pk,
        starts or (at("10:00"),),
        expires_at=expires_at or now + timedelta(hours=2),
        by=by,
        now=now,
        kept=kept,
    )


def offered(visit: Appointment, rank: int = 1) -> Proposal:
    """Return one of the times that are offered to the visit now."""
    return visit.proposals.offers().get(rank=rank)


def choice(visit: Appointment, rank: int = 1) -> Proposal:
    """Return one of the times that the patient asked for."""
    return visit.proposals.get(by=Proposal.By.PATIENT, rank=rank)


def a_closure(
    start: datetime,
    end: datetime,
    *,
    of: Resource | None = None,
    reason: str = "Training day",
    now: datetime = NOW,
) -> Closure:
    """Let staff close the clinic, or one resource."""
    closure = Closure(resource=of, start=start, end=end, reason=reason)
    return workflow.close(closure, now=now)


def a_closed_day(
    start: datetime,
    end: datetime,
    choices: dict[int, str] | None = None,
    *,
    of: Resource | None = None,
    now: datetime = NOW,
    by: By | None = None,
    key: uuid.UUID | None = None,
    preview: closing.Preview | None = None,
) -> ClosingPlan:
    """Let staff close at short notice; nobody is told in the next ten minutes.

    Visits are offered what is suggested, or cancelled where nothing is, unless
    `choices`, by the key of the visit, say otherwise.
    """
    closure = Closure(resource=of, start=start, end=end, reason="weather")
    preview = preview or closing.Preview(closure, now)
    closure = preview.closure
    rows = [
        ClosingRow(
            appointment=hit.visit,
            version=hit.visit.version,
            was_at=hit.visit.start,
            choice=(choices or {}).get(
                hit.visit.pk, "offer" if hit.starts else "cancel"
            ),
            starts=[start.isoformat() for start in hit.starts],
        )
        for hit in preview.to_decide
    ]
    plan = ClosingPlan(
        start=closure.start,
        end=closure.end,
        reason="weather",
        due_at=now + closing.hold(),
    )
    return workflow.plan_closing(
        plan,
        closure,
        rows,
        key=key or uuid.uuid4(),
        by=by or a_front_desk_person(),
        now=now,
    )
