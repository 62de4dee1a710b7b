"""Visits: seen whole, changed only by buttons that call the workflow."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from booking import clock, workflow
from booking.errors import (
    BookingError,
    DifferentForm,
    NotPossibleNow,
    TimeTaken,
    TryAgain,
)
from booking.front_desk import may_answer
from booking.messages import preview_cancellation, preview_decline
from booking.models import Appointment
from booking.models.appointment import AppointmentQuerySet
from booking.policy import DeclineReason, Status
from booking.queue import judge
from booking.workflow import By
from services.list_filters import OfferedFilters

from . import words
from .filters import DayFilter, DueFilter, StatusFilter
from .find import LIMIT, find_visits
from .forms import AnswerForm, DeclineForm, FindForm
from .series import SeriesPlan

Act = Callable[[By, datetime], Appointment]

# Fits in 64 bits whatever its digits are.
LONGEST_NUMBER = 18


@admin.register(Appointment)
class AppointmentAdmin(OfferedFilters):
    list_display = ["reference", "who", "visit_type", "status", "when", "answer_by"]
    list_filter = [StatusFilter, DueFilter, "visit_type__service", DayFilter]
    list_select_related = ["patient", "visit_type__service"]
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    actions = ["accept_first_choices", "decline_selected"]

    # --- What may be done at all --------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Appointment | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Appointment | None = None
    ) -> bool:
        return False

    def has_answer_permission(self, request: HttpRequest) -> bool:
        """Back `permissions=["answer"]` of the bulk actions."""
        return may_answer(request)

    def get_urls(self) -> list[URLPattern]:
        def page(
            route: str, view: Callable[..., HttpResponse], name: str
        ) -> URLPattern:
            return path(
                route,
                self.admin_site.admin_view(view),
                name=f"booking_appointment_{name}",
            )

        return [
            page("find/", self.find_view, "find"),
            page("<int:pk>/change/", require_safe(self.visit_view), "change"),
            page("<int:pk>/accept/", require_POST(self.accept_view), "accept"),
            page("<int:pk>/decline/", self.decline_view, "decline"),
            page("<int:pk>/cancel/", self.cancel_view, "cancel"),
            page("<int:pk>/series/", self.series_view, "series"),
            *super().get_urls(),
        ]

    # --- The list -----------------------------------------------------------------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": _("Visits")} | (extra_context or {})
        return super().changelist_view(request, context)

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        return [
            F("reply_by").asc(nulls_last=True),
            F("start").desc(nulls_last=True),
            "pk",
        ]

    @admin.display(
        description=gettext_lazy("patient"),
        ordering="patient__family_name",
    )
    def who(self, visit: Appointment) -> str:
        return visit.patient.full_name

    @admin.display(description=gettext_lazy("visit at"), ordering="start")
    def when(self, visit: Appointment) -> str:
        return words.moment(visit.start, clock.now()) if visit.start else ""

    @admin.display(description=gettext_lazy("answer by"), ordering="reply_by")
    def answer_by(self, visit: Appointment) -> str:
        now = clock.now()
        if not visit.reply_by:
            return ""
        by = words.moment(visit.reply_by, now)
        return _("%(by)s: late") % {"by": by} if visit.is_overdue(now) else by

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Appointment], *where: Any
    ) -> HttpResponse | None:
        """Act on the rows that were ticked, and on no others.

        Django leaves out those that the list no longer shows, so that a second click
        would find nothing and say nothing; and told to take all, it acts on rows that
        nobody has seen.
        """
        sent = request.POST.copy()
        sent["select_across"] = "0"
        request.POST = sent  # type: ignore[assignment]
        return super().response_action(request, self.get_queryset(request), *where)

    @admin.action(
        description=gettext_lazy("Accept the first choice if it is free"),
        permissions=["answer"],
    )
    def accept_first_choices(
        self, request: HttpRequest, visits: AppointmentQuerySet
    ) -> None:
        for visit in visits.select_related("visit_type"):
            first = visit.proposals.order_by("rank").first()
            if first:
                self.attempt(request, visit, accepting(visit.pk, first.pk, None))

    @admin.action(description=gettext_lazy("Decline…"), permissions=["answer"])
    def decline_selected(
        self, request: HttpRequest, visits: AppointmentQuerySet
    ) -> HttpResponse | None:
        """Ask once for reason and notes, then decline row by row."""
        form = DeclineForm(request.POST if "send" in request.POST else None)
        if not form.is_valid():
            return self.page(
                request,
                "decline_selected",
                title=_("Decline these requests"),
                visits=visits.select_related("patient", "visit_type__service"),
                form=form,
            )
        for visit in visits:
            self.attempt(request, visit, declining(visit.pk, form, None))
        return None

    # --- One visit ----------------------------------------------------------------

    def visit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show all of a visit, and the buttons for what can be done to it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        visit = get_object_or_404(Appointment.objects.with_queue_details(), pk=pk)
        now = clock.now()
        events = visit.events.select_related("user").order_by("version")
        series = Appointment.objects.in_series(visit.series) if visit.series else ()
        return self.page(
            request,
            "visit",
            title=_("Visit %(reference)s") % {"reference": visit.reference},
            visit=visit,
            line=judge([visit], now)[0],
            messages_owed=visit.messages.select_related("called_by"),
            events=events,
            series=list(series),
            may_answer=may_answer(request),
            now=now,
        )

    def accept_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        visit = self.visit_to_answer(request, pk)
        proposal = number(request, "proposal")
        if proposal is None:
            messages.error(request, _("Choose one of the times."))
        else:
            act = accepting(visit.pk, proposal, seen_version(request))
            self.attempt(request, visit, act)
        return HttpResponseRedirect(came_from(request, visit))

    def decline_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        visit = self.visit_to_answer(request, pk)
        form = DeclineForm(request.POST or None)
        preview = None
        if form.is_valid():
            if "send" in request.POST:
                act = declining(visit.pk, form, seen_version(request))
                self.attempt(request, visit, act)
                return HttpResponseRedirect(came_from(request, visit))
            preview = preview_decline(
                visit,
                DeclineReason(form.cleaned_data["reason"]),
                form.cleaned_data["note"],
                clock.now(),
            )
        return self.answer_page(
            request,
            visit,
            form,
            preview,
            title=_("Decline %(reference)s"),
            send=_("Decline and send"),
        )

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        visit = self.visit_to_answer(request, pk)
        form = AnswerForm(request.POST or None)
        preview = None
        if form.is_valid():
            if "send" in request.POST:
                act = cancelling(visit.pk, form, seen_version(request))
                self.attempt(request, visit, act)
                return HttpResponseRedirect(came_from(request, visit))
            preview = preview_cancellation(
                visit, form.cleaned_data["note"], clock.now()
            )
        return self.answer_page(
            request,
            visit,
            form,
            preview,
            title=_("Cancel %(reference)s"),
            send=_("Cancel and send"),
        )

    def answer_page(
        self,
        request: HttpRequest,
        visit: Appointment,
        form: AnswerForm,
        preview: tuple[str, str] | None,
        *,
        title: str,
        send: str,
    ) -> HttpResponse:
        """Ask what to tell the patient, and show the exact message before it goes."""
        return self.page(
            request,
            "answer",
            title=title % {"reference": visit.reference},
            visit=visit,
            form=form,
            preview=preview,
            send=send,
            version=request.POST.get("seen_version", visit.version),
            back=came_from(request, visit),
            now=clock.now(),
        )

    def series_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show a plan of more visits like this one; its button books them all."""
        visit, now = self.visit_to_answer(request, pk), clock.now()
        there = reverse("admin:booking_appointment_change", args=[visit.pk])
        if visit.status not in (Status.PENDING, Status.BOOKED):
            said = words.refusal(NotPossibleNow(), visit, now)
            messages.warning(request, said)
            return HttpResponseRedirect(there)
        plan = SeriesPlan(visit, request.POST or request.GET, now)
        if request.method == "POST" and plan.is_fit():
            try:
                visits = plan.book(by_signed_in(request))
            except (DifferentForm, TimeTaken, TryAgain) as error:
                plan.refused(error)
            except BookingError as error:
                messages.warning(request, words.refusal(error, visit, now))
                return HttpResponseRedirect(there)
            else:
                messages.success(request, plan.outcome(visits))
                return HttpResponseRedirect(there)
        title = _("Make a series of %(reference)s") % {"reference": visit.reference}
        return self.page(request, "series", title=title, **plan.context())

    def find_view(self, request: HttpRequest) -> HttpResponse:
        """Answer a search from the POST itself: no name ever stands in an address."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = FindForm(request.POST or None)
        found = None
        if form.is_valid():
            found = find_visits(form.cleaned_data["wanted"]).select_related(
                "patient", "visit_type__service"
            )[: LIMIT + 1]
        return self.page(
            request,
            "find",
            title=_("Find a visit"),
            form=form,
            found=found and found[:LIMIT],
            more=found is not None and len(found) > LIMIT,
            searched=found is not None,
            limit=LIMIT,
            now=clock.now(),
        )

    # --- What they share ----------------------------------------------------------

    def page(self, request: HttpRequest, name: str, **context: Any) -> TemplateResponse:
        return TemplateResponse(
            request,
            f"admin/booking/appointment/{name}.html",
            {**self.admin_site.each_context(request), "opts": self.opts, **context},
        )

    def visit_to_answer(self, request: HttpRequest, pk: int) -> Appointment:
        """Return the visit, or raise PermissionDenied or Http404."""
        if not may_answer(request):
            raise PermissionDenied
        return get_object_or_404(
            Appointment.objects.select_related("patient", "visit_type__service"), pk=pk
        )

    def attempt(self, request: HttpRequest, visit: Appointment, act: Act) -> None:
        """Do it and say what came of it, in a message that names the visit."""
        now = clock.now()
        try:
            after = act(by_signed_in(request), now)
        except BookingError as error:
            said = words.refusal(error, visit, now)
            messages.warning(request, f"{visit.reference}: {said}")
        else:
            messages.success(request, f"{visit.reference}: {words.outcome(after)}")


def accepting(pk: int, proposal_id: int, seen: int | None) -> Act:
    return lambda by, now: workflow.accept(
        pk, proposal_id, by=by, now=now, seen_version=seen
    )


def declining(pk: int, form: DeclineForm, seen: int | None) -> Act:
    return lambda by, now: workflow.decline(
        pk,
        reason=DeclineReason(form.cleaned_data["reason"]),
        note=form.cleaned_data["note"],
        private_note=form.cleaned_data["private_note"],
        by=by,
        now=now,
        seen_version=seen,
    )


def cancelling(pk: int, form: AnswerForm, seen: int | None) -> Act:
    return lambda by, now: workflow.cancel(
        pk,
        note=form.cleaned_data["note"],
        private_note=form.cleaned_data["private_note"],
        by=by,
        now=now,
        seen_version=seen,
    )


def by_signed_in(request: HttpRequest) -> By:
    assert isinstance(request.user, User)  # noqa: S101 -- admin_view saw to it
    return By.staff(request.user)


def seen_version(request: HttpRequest) -> int:
    """Return the version of the visit on the screen that the act came from.

    What cannot be read counts as never seen, so that it is refused as stale.
    """
    seen = number(request, "seen_version")
    return -1 if seen is None else seen


def number(request: HttpRequest, name: str) -> int | None:
    """Return the whole number in a field; None if it is none, or longer than any."""
    text = request.POST.get(name, "")
    return int(text) if text.isdecimal() and len(text) <= LONGEST_NUMBER else None


def came_from(request: HttpRequest, visit: Appointment) -> str:
    """Return the address on this site that the act came from, else the visit's."""
    there = request.POST.get("back") or request.GET.get("back", "")
    is_here = url_has_allowed_host_and_scheme(there, allowed_hosts=None)
    if is_here and there.startswith("/"):
        return there
    return reverse("admin:booking_appointment_change", args=[visit.pk])
