"""The pages on which the trail is read: all of it, and that of one patient."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Min
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from booking import clock
from booking.front_desk import PAGES
from booking.models import (
    Appointment,
    AppointmentEvent,
    AuditEvent,
    AuditSubject,
    Patient,
    span_of,
)
from booking.models.merge import records_of
from booking.models.resource import YEARS
from booking.trail import searched
from services.numbers import whole_number

from .find import reference_in
from .words import date_in, what, who

SHOWN = 100
# The references that a line names; the rest are counted.
NAMED = 3

# What staff call a page, by its route; others are called by what is kept there.
PLACES: dict[str, str | Promise] = {
    "index": gettext_lazy("Today"),
    "my_day": gettext_lazy("My day"),
    "tasks": gettext_lazy("Tasks"),
    "calendar": gettext_lazy("Calendar"),
    "booking_appointment_changelist": gettext_lazy("Visits"),
    "booking_appointment_change": gettext_lazy("A visit"),
    "booking_appointment_find": gettext_lazy("Find a visit"),
    "booking_appointment_phone": gettext_lazy("A caller"),
    "patient": gettext_lazy("A patient"),
    "booking_appointment_script": gettext_lazy("Read to the caller"),
    "booking_appointment_cancel": gettext_lazy("Cancel a visit"),
    "booking_appointment_decline": gettext_lazy("Decline a request"),
    "booking_appointment_propose": gettext_lazy("Offer times"),
    "booking_appointment_move": gettext_lazy("Move a visit"),
    "booking_appointment_swap": gettext_lazy("Exchange"),
    "booking_appointment_series": gettext_lazy("Make a series"),
    "calendar_sheet": gettext_lazy("Day sheet"),
    "login": gettext_lazy("Sign in"),
    "logout": gettext_lazy("Sign out"),
    "export_visits": gettext_lazy("Take visits out"),
    "closing": gettext_lazy("Close a day"),
    "closing_plan": gettext_lazy("A closed day"),
    "booking_waitinglistentry_changelist": gettext_lazy("Waiting list"),
    "booking_message_changelist": gettext_lazy("Messages"),
    "booking_message_change": gettext_lazy("A message"),
    "trail": gettext_lazy("The trail"),
    "trail_of_patient": gettext_lazy("The trail of a patient"),
}
# By what somebody searched, and which step of a sign-in it was.
FIELDS: dict[str, str | Promise] = {
    "reference": gettext_lazy("reference"),
    "name": gettext_lazy("name"),
    "birth date": gettext_lazy("birth date"),
    "phone": gettext_lazy("phone"),
    "email": gettext_lazy("email"),
}
STEPS: dict[str, str | Promise] = {
    "again": gettext_lazy("when asked again"),
    "code": gettext_lazy("at the code"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened: when, who, what, where, and to whose visits.

    `record` says which record, on the page of a person who has others than its own.
    """

    at: datetime
    who: str
    what: str
    place: str
    address: str = ""
    about: Sequence[tuple[str, str]] = field(default_factory=tuple)
    more: int = 0
    record: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the list is narrowed down to; what cannot be read narrows nothing."""

    user: int | None = None
    action: str = ""
    day: date | None = None
    before: int | None = None

    @classmethod
    def of(cls, request: HttpRequest) -> "Asked":
        said = request.GET
        day = date_in(said.get("day", ""))
        action = said.get("did", "")
        return cls(
            user=whole_number(said.get("who", "")),
            action=action if action in AuditEvent.Action else "",
            day=day if day and day.year in YEARS else None,
            before=whole_number(said.get("before", "")),
        )

    def events(self) -> "Iterable[AuditEvent]":
        """Return the newest of the events asked for, one more than is shown."""
        events = AuditEvent.objects.order_by("-pk")
        if self.user is not None:
            events = events.filter(user_id=self.user)
        if self.action:
            events = events.filter(action=self.action)
        if self.day:
            start, end = span_of(self.day)
            day = AuditEvent.objects.filter(at__gte=start, at__lt=end).order_by()
            # By number, or all that came later would be gone through.
            found = day.aggregate(first=Min("pk"), last=Max("pk"))
            numbers = found["first"] or 0, found["last"] or 0
            events = events.filter(pk__range=numbers, at__gte=start, at__lt=end)
        if self.before is not None:
            events = events.filter(pk__lt=self.before)
        return events[: SHOWN + 1]

    def older(self, than: int) -> str:
        """Return the link to what comes after the event with that number."""
        said = {
            "who": self.user, "did": self.action, "day": self.day, "before": than,
        }  # fmt: skip
        return "?" + urlencode({name: value for name, value in said.items() if value})


@require_http_methods(["GET", "HEAD", "POST"])
def trail(request: HttpRequest) -> HttpResponse:
    """Show who did what, newest first; a POST with a reference leads to the patient."""
    check_right(request)
    now = clock.now()
    typed = request.POST.get("reference", "").strip()
    if request.method == "POST":
        searched(request, fields=["reference"])
        visit = Appointment.objects.filter(reference=reference_in(typed)).first()
        if visit:
            page = reverse("admin:trail_of_patient", args=[visit.patient_id])
            return HttpResponseRedirect(page)
        problem = _("No visit has that reference. It looks like K7MP-3QXD.")
        messages.error(request, problem)
    asked = Asked.of(request)
    events = list(asked.events())
    shown = events[:SHOWN]
    context = {
        "title": _("Who saw and did what"),
        "lines": lines_of(shown),
        "asked": asked,
        "people": User.objects.filter(is_staff=True).order_by("username"),
        "actions": AuditEvent.Action.choices,
        "older": asked.older(shown[-1].pk) if len(events) > SHOWN else "",
        "typed": typed,
        "now": now,
    }
    return _page(request, "admin/trail/trail.html", context)


@require_safe
def trail_of_patient(request: HttpRequest, pk: int) -> HttpResponse:
    """Show all that happened to the visits of one person, and who looked at them.

    Records that staff have joined are one person's: each line of another one says so.
    """
    check_right(request)
    patient = get_object_or_404(Patient, pk=pk)
    sees_names = request.user.has_perm("booking.view_appointment")
    records = records_of(patient)
    joined = list(Patient.objects.filter(pk__in=records - {pk}).order_by("pk"))
    on_record = {
        other.pk: _("on the record of %(name)s") % {"name": other.full_name}
        if sees_names
        else _("on another record")
        for other in joined
    }
    events = AppointmentEvent.objects.filter(appointment__patient__in=records)
    changes = events.select_related("user", "appointment").order_by("-at", "-pk")
    lines = [
        Line(
            event.at, who(event), what(event), _("visit"),
            about=[(event.appointment.reference, "")],
            record=on_record.get(event.appointment.patient_id, ""),
        )
        for event in changes[:SHOWN]
    ]  # fmt: skip
    references: dict[int, list[str]] = {}
    visits = Appointment.objects.filter(patient__in=records).order_by("pk")
    for record, reference in visits.values_list("patient", "reference"):
        references.setdefault(record, []).append(reference)
    context = {
        "title": _("The trail of a patient"),
        "patient": patient if sees_names else None,
        "references": references.get(pk, []),
        "joined": [
            (other.pk, sees_names and other.full_name, references.get(other.pk, []))
            for other in joined
        ],
        "lines": sorted(
            lines + audited(pk, on_record), key=lambda line: line.at, reverse=True
        ),
        "shown": SHOWN,
        "now": clock.now(),
    }
    return _page(request, "admin/trail/patient.html", context)


def audited(pk: int, others: Mapping[int, str]) -> list[Line]:
    """Return who looked at the patient, or at another record, with words for it."""
    subjects = AuditSubject.objects.filter(patient_id__in=[pk, *others])
    newest = subjects.order_by("-event_id").values_list("event_id", flat=True)
    found = list(newest.distinct()[:SHOWN])
    events = list(AuditEvent.objects.filter(pk__in=found).order_by("-pk"))
    # Where both were on a page, it is the patient's own.
    whose: dict[int, int] = {}
    for event, record in subjects.filter(event__in=found).values_list(
        "event_id", "patient_id"
    ):
        whose[event] = pk if record == pk else whose.get(event, record)
    return [
        replace(line, record=others.get(whose[event.pk], ""))
        for event, line in zip(events, lines_of(events, alone=True), strict=True)
    ]


def lines_of(events: Iterable[AuditEvent], *, alone: bool = False) -> list[Line]:
    """Return a line for each event; `alone` leaves out whom it is about."""
    events = list(events)
    found: dict[int, list[int]] = {event.pk: [] for event in events}
    if not alone:
        pairs = AuditSubject.objects.filter(event__in=found)
        for event, patient in pairs.values_list("event", "patient_id"):
            found[event].append(patient)
    named = {pk for patients in found.values() for pk in patients[:NAMED]}
    visits = Appointment.objects.filter(patient__in=named).order_by("pk")
    # As rows, so that the trail names those whom it has shown.
    rows = visits.only("patient", "reference")
    references = {visit.patient_id: visit.reference for visit in rows}
    return [
        Line(
            event.at,
            event.username or _("somebody unknown"),
            deed(event),
            place(event),
            event.address,
            [
                (references[pk], reverse("admin:trail_of_patient", args=[pk]))
                for pk in found[event.pk][:NAMED]
                if pk in references
            ],
            len(found[event.pk][NAMED:]),
        )
        for event in events
    ]


def deed(event: AuditEvent) -> str:
    """Return what it was, and by which field or on which step."""
    said, fields = event.get_action_display(), event.data.get("fields")
    if fields:
        by = ", ".join(str(FIELDS.get(field, field)) for field in fields)
        return _("%(what)s by %(fields)s") % {"what": said, "fields": by}
    step = STEPS.get(event.data.get("step", ""))
    return f"{said}, {step}" if step else said


def place(event: AuditEvent) -> str:
    """Return which page it was, or what was changed on it."""
    if objects := event.data.get("objects"):
        return ", ".join(f"{_kind(label)} {pk}" for label, pk in objects)
    if event.route in PLACES:
        return str(PLACES[event.route])
    if event.route.startswith("booking_appointment_"):  # one of its acts
        return str(PLACES["booking_appointment_change"])
    return _list_of(event.route) or event.route.replace("_", " ")


def _list_of(route: str) -> str:
    """Return whose list, form or history it is: "resources", "message, history"."""
    label, _joint, act = route.rpartition("_")
    try:
        kept = apps.get_model(label.replace("_", ".", 1))._meta
    except (LookupError, ValueError):
        return ""
    if act == "changelist":
        return capfirst(str(kept.verbose_name_plural))
    return f"{capfirst(str(kept.verbose_name))}, {act}"


def _kind(label: str) -> str:
    """Return what staff call a table: "booking.visittype" is a visit type."""
    try:
        return str(apps.get_model(label)._meta.verbose_name)
    except LookupError:  # of an earlier version
        return label


def check_right(request: HttpRequest) -> None:
    if not request.user.has_perm("booking.view_trail"):
        raise PermissionDenied


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return TemplateResponse(
        request, template, {**admin.site.each_context(request), **context}
    )


PAGES += [
    ("booking/trail/", trail, "trail"),
    ("booking/trail/patient/<int:pk>/", trail_of_patient, "trail_of_patient"),
]
