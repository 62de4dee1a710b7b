"""The page of a patient: who they are, their visits, and who may be the same person."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from booking import clock, trail, workflow
from booking.errors import BookingError
from booking.front_desk import PAGES, may_answer, signed_in
from booking.models import Appointment, Patient
from booking.same_person import FIELDS, Alike, joined, suggest
from booking.workflow import By
from services.numbers import whole_number

from .find import with_next_step
from .texts import texts_to

# So many visits of all who are on the page are shown, the newest.
VISITS = 100


@dataclass(frozen=True, slots=True)
class Record:
    """A patient who may be the same person, beside the one that the page is about.

    `verdicts` say of name, birth_date, phone and email whether they are the same;
    `visits` are the newest first.
    """

    patient: Patient
    verdicts: dict[str, str]
    visits: list[Appointment]


@require_safe
def patient_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one record of a person, and beside it those that may be of the same."""
    if not request.user.has_perm("booking.view_appointment"):
        raise PermissionDenied
    patient = get_object_or_404(Patient, pk=pk)
    found, now = suggest(patient), clock.now()
    second_of, seconds = joined(patient)
    others = [merge.duplicate for merge in seconds]
    others += [other.patient for other in found.shown]
    visits = visits_of([patient, *others], now)
    context = {
        "title": _("A patient"),
        "patient": patient,
        "visits": visits.get(patient.pk, []),
        "second_of": second_of,
        "seconds": [(merge, visits.get(merge.duplicate_id, [])) for merge in seconds],
        "likely": [record(other, visits) for other in found.likely],
        "sharing": [record(other, visits) for other in found.sharing],
        "more": found.more,
        "limit": VISITS if sum(map(len, visits.values())) == VISITS else 0,
        "may_answer": may_answer(request),
        "texts": texts_to(patient),
        "form_key": uuid.uuid4(),
        "now": now,
    }
    return TemplateResponse(
        request,
        "admin/booking/patient.html",
        {**admin.site.each_context(request), **context},
    )


def record(alike: Alike, visits: dict[int, list[Appointment]]) -> Record:
    verdicts = {
        what.replace(" ", "_"): compared(alike, what) for what in FIELDS.values()
    }
    return Record(alike.patient, verdicts, visits.get(alike.patient.pk, []))


def compared(alike: Alike, what: str) -> str:
    """Return in words how something of two records compares."""
    if what in alike.same:
        return _("same")
    return _("differs") if what in alike.differs else _("not known")


def visits_of(
    patients: Iterable[Patient], now: datetime, **only: Any
) -> dict[int, list[Appointment]]:
    """Return the newest visits of some patients, by patient, in one query."""
    rows = Appointment.objects.filter(patient__in=[p.pk for p in patients], **only)
    found: dict[int, list[Appointment]] = {}
    for visit in with_next_step(rows, now).order_by("-pk")[:VISITS]:
        found.setdefault(visit.patient_id, []).append(visit)
    return found


@require_POST
def merge_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Join another record to this one, or take that back."""
    if not may_answer(request):
        raise PermissionDenied
    patient = get_object_or_404(Patient, pk=pk)
    there = HttpResponseRedirect(reverse("admin:patient", args=[pk]))
    key = whole_number(request.POST.get("other", ""))
    other = Patient.objects.filter(pk=key or 0).first()
    undo = "undo" in request.POST
    if other is None or other == patient:
        messages.error(request, _("Choose another record."))
        return there
    if not undo and not request.POST.get("sure"):
        messages.error(request, _("Ask the person first, then tick that you did."))
        return there
    act, said = workflow.merge, _("Joined: two records of one person.")
    if undo:
        act, said = workflow.unmerge, _("Undone: two people again.")
    try:
        is_new = act(pk, other.pk, by=By.staff(signed_in(request)), now=clock.now())
    except BookingError as error:
        messages.error(request, str(error))
        return there
    if is_new:
        trail.changed(request, pk, merge="undone" if undo else "made")
    messages.success(request, said)
    return there


PAGES += [
    ("booking/patient/<int:pk>/", patient_page, "patient"),
    ("booking/patient/<int:pk>/merge/", merge_view, "merge"),
]
