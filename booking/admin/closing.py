"""The pages on which staff close a day at short notice, and follow what comes of it."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from booking import clock, closing, once, trail, workflow
from booking.errors import BookingError, DifferentForm
from booking.forms import parse_instant
from booking.front_desk import PAGES, may_answer, signed_in
from booking.messages import ClosingPreview
from booking.models import ClosingPlan, ClosingRow, Closure, Message, Resource
from booking.models.closing import REASONS
from booking.policy import MAX_CHOICES, ClosingReason
from booking.words import as_value, local
from booking.workflow import By

from .forms import Edge

Choice, Outcome = ClosingRow.Choice, ClosingRow.Outcome

LONGEST = timedelta(days=14)
# So many plans are listed beside the form.
RECENT = 5
VERSION = re.compile(r"version_(\d{1,18})", re.ASCII)

# What patients read on the website while the time is closed.
CLOSED: dict[str, str | Promise] = {
    ClosingReason.WEATHER: _("weather"),
    ClosingReason.AWAY: _("away"),
    ClosingReason.EQUIPMENT: _("out of use"),
    ClosingReason.OTHER: _("closed on short notice"),
}

# Why a visit was left alone, by the code of the refusal.
_WHY: dict[str, str | Promise] = {
    "changed_meanwhile": _("It changed before its turn came."),
    "time_taken": _("None of the times to offer was free any more."),
    "reopened": _("The time was opened again."),
}
_WHY_ELSE = _("It had begun, or no longer lies in the closed time.")


class _EdgeField(Edge, forms.DateTimeField):
    widget = forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M")


class ClosingForm(forms.Form):
    """Who or what is closed, from when to when by the clinic's clock, and why."""

    resource = forms.ModelChoiceField(
        Resource.objects.active(),
        label=_("What is closed?"),
        empty_label=_("The whole clinic"),
        required=False,
        error_messages={"invalid_choice": _("Choose from the list.")},
    )
    start = _EdgeField(
        min,
        label=_("From"),
        error_messages={
            "required": _("Say from when."),
            "invalid": _("Write the day and time like 2026-11-24 10:15."),
        },
    )
    end = _EdgeField(
        max,
        label=_("Until"),
        error_messages={
            "required": _("Say until when."),
            "invalid": _("Write the day and time like 2026-11-24 10:15."),
        },
    )
    reason = forms.ChoiceField(
        label=_("Why?"),
        help_text=_("Patients read a sentence about it, with nothing about a person."),
        choices=REASONS,
        error_messages={
            "required": _("Choose a reason."),
            "invalid_choice": _("Choose a reason."),
        },
    )

    def __init__(self, data: Any, now: datetime) -> None:
        super().__init__(data)
        self.now = now

    def clean(self) -> None:
        said = self.cleaned_data
        if not {"start", "end", "reason"} <= said.keys():
            return
        try:
            self.closure().clean()
        except ValidationError as error:
            self.add_error(None, error.messages)
            return
        if said["end"] <= self.now:
            self.add_error("end", _("That time has passed."))
        elif said["end"] - said["start"] > LONGEST:
            self.add_error(
                "end", _("Two weeks at most. For longer, close one part after another.")
            )

    def closure(self) -> Closure:
        """Return what would be closed, unsaved. Needs a valid form."""
        said = self.cleaned_data
        return Closure(
            resource=said.get("resource"),
            start=said["start"],
            end=said["end"],
            reason=str(CLOSED[said["reason"]]),
        )


def usual(now: datetime) -> dict[str, str]:
    """Return the rest of today, for the whole clinic: an emergency has no time."""
    wall = local(now)
    tomorrow = wall.date() + timedelta(days=1)
    return {
        "resource": "",
        "start": f"{wall:%Y-%m-%dT%H:%M}",
        "end": f"{tomorrow:%Y-%m-%d}T00:00",
        "reason": ClosingReason.WEATHER,
    }


@dataclass(frozen=True, slots=True)
class Line:
    """A visit that is hit, what is chosen for it so far, and what that would send."""

    hit: closing.Hit
    choice: str
    ticked: Sequence[datetime]
    preview: ClosingPreview


class ClosingPage:
    """What was said and chosen so far, and who is hit by it."""

    def __init__(self, said: QueryDict, now: datetime) -> None:
        self.said = said
        self.now = now
        self.problem = ""
        self.made: int | None = None
        self.is_new = False
        # An empty address is the emergency; an empty form closes nothing.
        data = said.dict() if said else usual(now)
        self.form = ClosingForm(data, now)
        self.preview = self._read()

    def _read(self) -> closing.Preview | None:
        if not self.form.is_valid():
            return None
        return closing.Preview(self.form.closure(), self.now)

    def lines(self) -> list[Line]:
        if not self.preview:
            return []
        hits = self.preview.to_decide
        ticked = {hit.visit: self._ticked(hit) for hit in hits}
        reason = ClosingReason(self.form.cleaned_data["reason"])
        previews = closing.previews(ticked, reason, self.now)
        return [
            Line(hit, self._choice(hit), ticked[hit.visit], preview)
            for hit, preview in zip(hits, previews, strict=True)
        ]

    def _ticked(self, hit: closing.Hit) -> Sequence[datetime]:
        """Return the times to offer that are chosen: at first, all of them."""
        if self.said.get(f"choice_{hit.visit.pk}", "") not in Choice:
            return hit.starts
        sent = self.said.getlist(f"starts_{hit.visit.pk}")
        return [start for start in hit.starts if as_value(start) in sent]

    def _choice(self, hit: closing.Hit) -> str:
        choice = self.said.get(f"choice_{hit.visit.pk}", "")
        if choice in Choice:
            return choice
        if hit.begins_soon:
            return Choice.KEEP
        return Choice.OFFER if hit.starts else Choice.CANCEL

    def _rows(self) -> list[ClosingRow]:
        """Return what was decided for each visit that the page showed.

        Raises ValidationError for a visit that is to be offered times, and has none.
        """
        shown = {hit.visit.pk: hit for hit in self.preview.hits} if self.preview else {}
        rows = []
        for name in self.said:
            if not (found := VERSION.fullmatch(name)):
                continue
            pk, version = int(found[1]), self.said.get(name, "")
            choice = self.said.get(f"choice_{pk}", "")
            starts = self._starts(pk) if choice == Choice.OFFER else []
            hit = shown.get(pk)
            if choice not in Choice or (choice == Choice.OFFER and not starts):
                who = hit.visit.reference if hit else ""
                raise ValidationError(
                    _g("%(who)s: tick one to three times, or cancel or keep it.")
                    % {"who": who}
                )
            rows.append(
                ClosingRow(
                    appointment_id=pk,
                    version=int(version) if re.fullmatch(r"[0-9]{1,9}", version) else 0,
                    was_at=(hit and hit.visit.start) or self.now,
                    choice=choice,
                    starts=[start.isoformat() for start in starts],
                )
            )
        return rows

    def _starts(self, pk: int) -> list[datetime]:
        sent = self.said.getlist(f"starts_{pk}")[: MAX_CHOICES + 1]
        try:
            starts = sorted({parse_instant(text) for text in sent})
        except ValidationError:
            return []
        return starts if len(starts) <= MAX_CHOICES else []

    def make(self, by: By) -> ClosingPlan | None:
        """Close and plan what was chosen; None when it is refused, with the reason."""
        if not self.preview or self.preview.too_many:
            return None
        closure = self.preview.closure
        plan = ClosingPlan(
            closes=str(closure.resource or "")[:80],
            start=closure.start,
            end=closure.end,
            reason=self.form.cleaned_data["reason"],
            due_at=self.now + closing.hold(),
        )
        try:
            made = workflow.plan_closing(
                plan,
                closure,
                self._rows(),
                key=once.key_in(self.said) or uuid.uuid4(),
                by=by,
                now=self.now,
            )
        except ValidationError as error:
            self.problem = error.messages[0]
        except BookingError as error:
            self.problem = str(error)
            if isinstance(error, DifferentForm):
                self.made = error.params["answer"]
        else:
            self.is_new = made is plan
            return made
        self.preview = self._read()
        return None

    def closed_already(self) -> Closure | None:
        """Return what closes all of this time, if nobody is left to be decided on.

        Closed once more, it would stay so when somebody undoes what was closed first.
        """
        if not self.preview or self.preview.to_decide:
            return None
        new = self.preview.closure
        same = Closure.objects.filter(
            resource=new.resource, start__lte=new.start, end__gte=new.end
        )
        return same.select_related("plan").first()

    def context(self) -> dict[str, Any]:
        """Return all that the page shows, with a key of its own for the next time."""
        return {
            "form": self.form,
            "preview": self.preview,
            "already": self.closed_already(),
            "lines": self.lines(),
            "choices": Choice.choices,
            "problem": self.problem,
            "made": self.made,
            "most": closing.MOST,
            "minutes": int(closing.hold().total_seconds() // 60),
            "form_key": uuid.uuid4(),
            "recent": ClosingPlan.objects.select_related("user")[:RECENT],
            "now": self.now,
        }


@require_http_methods(["GET", "HEAD", "POST"])
def closing_view(request: HttpRequest) -> HttpResponse:
    """Show who is hit; the button closes the time, and plans what they are told.

    Another one shows what they would be told, as it is chosen so far.
    """
    _check(request)
    posted = request.method == "POST"
    said = request.POST if posted else request.GET
    page = ClosingPage(said, clock.now())
    if posted and "preview" not in said:
        plan = page.make(By.staff(signed_in(request)))
        if plan:
            if page.is_new:
                trail.changed(request, closing=plan.pk)
            messages.success(request, _g("Closed. Nobody can book into it any more."))
            there = reverse("admin:closing_plan", args=[plan.pk])
            return HttpResponseRedirect(there)
    return _page(request, "closing", title=_g("Close a day"), **page.context())


@require_safe
def plan_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what became of each visit, and who is still to be phoned, to print."""
    _check(request)
    now = clock.now()
    plan = get_object_or_404(ClosingPlan.objects.select_related("user"), pk=pk)
    rows = list(
        plan.rows.select_related(
            "appointment__patient", "appointment__visit_type__service"
        )
    )
    waiting = [row for row in rows if row.outcome == Outcome.WAITING]
    own = {row.appointment_id for row in rows if row.outcome == Outcome.DONE}
    by_phone = Q(channel=Message.Channel.PHONE) | Q(failed_at__isnull=False)
    calls = (
        Message.objects.filter(by_phone, appointment__in=own, overtaken_at=None)
        .filter(created_at__gte=plan.made_at)
        .select_related("appointment__patient", "called_by")
        .order_by(F("called_at").asc(nulls_first=True), "created_at", "pk")
    )
    return _page(
        request,
        "plan",
        title=_g("Closed: %(what)s") % {"what": plan.closes or _g("the whole clinic")},
        plan=plan,
        rows=rows,
        waiting=len(waiting),
        may_undo=not plan.undone_at and not own and plan.closure_id is not None,
        in_time=now < plan.due_at,
        calls=calls,
        # Nobody told these for us, and their time is closed.
        ours=[row for row in rows if row.outcome in (Outcome.KEPT, Outcome.DROPPED)],
        now=now,
    )


@require_POST
def undo_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Open the time again, if nobody was told yet; twice is as once."""
    _check(request)
    plan = get_object_or_404(ClosingPlan, pk=pk)
    try:
        by = By.staff(signed_in(request))
        is_new = workflow.undo_closing(plan.pk, by=by, now=clock.now())
    except BookingError as error:
        messages.error(request, str(error))
    else:
        if is_new:
            trail.changed(request, undone=plan.pk)
        messages.success(request, _g("Undone. The time is open, and nobody was told."))
    return HttpResponseRedirect(reverse("admin:closing_plan", args=[plan.pk]))


def why_dropped(row: ClosingRow) -> str:
    """Return why a visit was left alone, in words; nothing for one that was kept."""
    if row.outcome != Outcome.DROPPED:
        return ""
    return str(_WHY.get(row.why, _WHY_ELSE))


def _check(request: HttpRequest) -> None:
    if not (may_answer(request) and request.user.has_perm("booking.add_closure")):
        raise PermissionDenied


def _page(request: HttpRequest, name: str, **context: Any) -> HttpResponse:
    return TemplateResponse(
        request,
        f"admin/booking/closing/{name}.html",
        {**admin.site.each_context(request), **context},
    )


PAGES += [
    ("booking/closing/", closing_view, "closing"),
    ("booking/closing/<int:pk>/", plan_view, "closing_plan"),
    ("booking/closing/<int:pk>/undo/", undo_view, "closing_undo"),
]
