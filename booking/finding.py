"""Somebody without their private link is sent it, if they say who they are.

The page does the same for everybody: it writes a row. Whether there is such a patient,
the worker alone finds out, so that neither words nor time tell who comes to the clinic.
"""

from datetime import date, datetime

from django.db.models import Q

from . import once, workflow
from .models import Appointment, LinkRequest, Patient
from .models.patient import PatientQuerySet
from .policy import Status

# One person has no more visits to come that anybody would look for.
MOST = 20


def ask(email: str, born: date, *, now: datetime) -> None:
    """Write down that somebody asks; the same again is written once."""
    said = [email.lower(), born.isoformat()]
    row = LinkRequest(
        digest=once.digest(["find", *said]),
        email=said[0],
        birth_date_text=said[1],
        asked_at=now,
    )
    LinkRequest.objects.bulk_create([row], ignore_conflicts=True)


def send_links(now: datetime) -> None:
    """Send who asked the links of all their visits that are not over, by mail."""
    for asked in LinkRequest.objects.order_by("pk"):
        born = date.fromisoformat(asked.birth_date_text)
        patients = Patient.objects.with_email(asked.email).born_on(born)
        for visit in _open_visits(patients, now):
            workflow.send_link(visit, now=now)
        asked.delete()


def _open_visits(patients: PatientQuerySet, now: datetime) -> list[int]:
    open_states = (Status.PENDING, Status.PROPOSED, Status.WAITLIST)
    visits = Appointment.objects.filter(
        Q(status__in=open_states) | Q(status=Status.BOOKED, end__gt=now),
        patient__in=patients,
    )
    return list(visits.order_by("pk").values_list("pk", flat=True)[:MOST])
