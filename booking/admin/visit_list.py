"""The list of visits, and what can be done to some of them at once."""

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking import clock, policy, workflow
from booking.errors import BookingError, NotPossibleNow, TimeTaken
from booking.front_desk import may_answer, say_whose, signed_in
from booking.models import Appointment, Claim
from booking.models.appointment import STATUS_CHOICES, AppointmentQuerySet
from booking.policy import Status
from booking.queue import judge
from services.list_filters import OnlyRead
from services.numbers import whole_number

from . import words
from .acts import Act, by_signed_in, declining, previewed, typed_in
from .filters import PAST, DayFilter, DueFilter, StatusFilter
from .forms import DeclineForm
from .long_lists import LongList, OneOrder
from .taken import by_whom


class Results(OneOrder):
    """A page of the list. What waits is judged as on the desk: all of it at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        waits = (Status.PENDING, Status.BOOKED)
        waiting = [v for v in self.result_list if v.status in waits and v.reply_by]
        for line in judge(waiting, clock.now()):
            line.visit.line = line  # type: ignore[attr-defined]


class VisitList(OnlyRead, LongList):
    """Visits, of which nothing is changed but by acts, each said in a message."""

    list_display = ["reference", "who", "visit_type", "status", "when", "answer_by"]
    list_filter = [StatusFilter, DueFilter, "visit_type__service", DayFilter]
    list_select_related = ["patient", "visit_type__service"]
    list_per_page = 50
    actions = ["accept_first_choices", "decline_selected"]

    # --- What may be done at all --------------------------------------------------

    def has_answer_permission(self, request: HttpRequest) -> bool:
        """Back `permissions=["answer"]` of the bulk actions."""
        return may_answer(request)

    def history_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Lead to the timeline: what Django logs of its own forms has no visits."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        there = reverse("admin:booking_appointment_change", args=[object_id])
        return HttpResponseRedirect(f"{there}#timeline")

    # --- The list -----------------------------------------------------------------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        status = request.GET.get(StatusFilter.parameter_name) or Status.PENDING.value
        shown = dict(STATUS_CHOICES).get(status)
        title = _("Visits: %(shown)s") % {"shown": shown} if shown else _("Visits")
        context = {"title": title} | (extra_context or {})
        return super().changelist_view(request, context)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return Results

    def get_list_display(self, request: HttpRequest) -> Any:
        """Show with what waits all that it takes to answer it."""
        if request.GET.get(StatusFilter.parameter_name):
            return self.list_display
        return ["reference", "who_and_what", "answer_by", "times", "asked"]

    def get_queryset(self, request: HttpRequest) -> AppointmentQuerySet:
        visits = Appointment.objects.with_queue_details().prefetch_related("events")
        return visits.order_by(*self.get_ordering(request))

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """Return an order that an index has, once the list is narrowed down.

        What is to come begins with the next, what is over with the last.
        """
        status = request.GET.get(StatusFilter.parameter_name)
        day = request.GET.get(DayFilter.parameter_name)
        if not status:
            return ["reply_by", "pk"]
        if day != PAST and (day or status == Status.BOOKED):
            return ["start", "pk"]
        if day or status in policy.AGREED:
            return ["-start", "-pk"]
        return ["-requested_at", "-pk"]

    @admin.display(
        description=gettext_lazy("patient"),
        ordering="patient__family_name",
    )
    def who(self, visit: Appointment) -> str:
        return visit.patient.full_name

    @admin.display(
        description=gettext_lazy("patient and visit"),
        ordering="patient__family_name",
    )
    def who_and_what(self, visit: Appointment) -> SafeString:
        tags = render_to_string("admin/front_desk/tags.html", {"visit": visit})
        name, moves = visit.patient.full_name, ""
        if visit.wants_change and visit.start:
            has = words.moment(visit.start, clock.now())
            moves = _("asks to move, has %(time)s") % {"time": has}
        return format_html(
            "<b>{}</b><br>{}{}{}",
            name,
            visit.visit_type,
            format_html('<p><b class="tag">{}</b></p>', moves) if moves else "",
            tags,
        )

    @admin.display(description=gettext_lazy("asked"), ordering="requested_at")
    def asked(self, visit: Appointment) -> str:
        return words.moment(visit.asked_at, clock.now())

    @admin.display(description=gettext_lazy("times asked for"))
    def times(self, visit: Appointment) -> SafeString:
        line = visit.line  # type: ignore[attr-defined]  # which the page sets
        context = {"line": line, "now": clock.now()}
        return render_to_string("admin/front_desk/choices.html", context)

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
        nobody has seen. It also fails over what is no key at all.
        """
        sent = request.POST.copy()
        sent["select_across"] = "0"
        ticked = sent.getlist(ACTION_CHECKBOX_NAME)
        sent.setlist(ACTION_CHECKBOX_NAME, [pk for pk in ticked if whole_number(pk)])
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
            asked = visit.proposals.asked().order_by("rank")
            # One that was answered answers a second click.
            if first := asked.open().first() or asked.first():
                moves = visit.wants_change
                say_yes = workflow.grant_change if moves else workflow.accept
                self.attempt(request, visit, partial(say_yes, visit.pk, first.pk))

    @admin.action(description=gettext_lazy("Decline…"), permissions=["answer"])
    def decline_selected(
        self, request: HttpRequest, visits: AppointmentQuerySet
    ) -> HttpResponse | None:
        """Ask once for reason and notes, show each message, then decline row by row."""
        moving = {"status": Status.BOOKED, "reply_by__isnull": False}
        for visit in visits.filter(**moving):
            said = _("%(reference)s is booked and asks to move: answer it on its page.")
            messages.warning(request, said % {"reference": visit.reference})
        visits = visits.exclude(**moving)
        if not visits:
            return None
        sent = "send" in request.POST
        form = DeclineForm(request.POST if sent or "preview" in request.POST else None)
        is_ready = form.is_valid()
        left, is_over = list(visits), False
        if is_ready and sent:
            left = [
                visit
                for visit in visits
                if not self.attempt(request, visit, declining(visit.pk, form))
            ]
            if not left or not typed_in(form):
                return None
            # What was typed is kept: for those that can be tried again, or to copy.
            can = Appointment.objects.filter(
                pk__in=[visit.pk for visit in left],
                status__in=policy.TRANSITIONS[policy.Act.DECLINE].sources,
            ).values_list("pk", flat=True)
            is_over = not can
            left = left if is_over else [visit for visit in left if visit.pk in can]
        now, is_shown = clock.now(), is_ready and not is_over
        return self.page(
            request,
            "decline_selected",
            title=_("Decline these requests"),
            previews=[(v, previewed(v, form, now) if is_shown else None) for v in left],
            is_ready=is_ready,
            is_over=is_over,
            form=form,
        )

    # --- What all pages of visits share -------------------------------------------

    def page(self, request: HttpRequest, name: str, **context: Any) -> TemplateResponse:
        return TemplateResponse(
            request,
            f"admin/booking/appointment/{name}.html",
            {**self.admin_site.each_context(request), "opts": self.opts, **context},
        )

    def attempt(self, request: HttpRequest, visit: Appointment, act: Act) -> bool:
        """Do it and say what came of it, in a message that names the visit.

        Return whether it was done.
        """
        try:
            after = act(by=by_signed_in(request), now=clock.now())
        except BookingError as error:
            self.refuse(request, visit, error)
            return False
        if after.events.latest("version").user == request.user:
            self.done(request, visit, after)
        else:
            # To cancel what is cancelled is no error, but somebody else did it.
            self.refuse(request, visit, NotPossibleNow())
            return False
        return True

    def done(
        self, request: HttpRequest, before: Appointment, after: Appointment
    ) -> None:
        """Say what came of it, and whose task it was, going by what the visit was."""
        messages.success(request, f"{after.reference}: {words.outcome(after)}")
        if before.reply_by and not after.reply_by:
            say_whose(request, after, Claim.Task.ANSWER)
        elif after.status in (Status.FULFILLED, Status.NOSHOW):
            say_whose(request, after, Claim.Task.OUTCOME)
        elif before.status == Status.BOOKED and (
            after.status != Status.BOOKED or after.start != before.start
        ):
            say_whose(request, after, Claim.Task.CLOSED)

    def refuse(
        self, request: HttpRequest, visit: Appointment, error: BookingError
    ) -> None:
        now = clock.now()
        said = words.refusal(error, visit, now, signed_in(request))
        if isinstance(error, TimeTaken):
            said = f"{said} {by_whom(error, visit.visit_type, now, visit)}".strip()
        messages.warning(request, f"{visit.reference}: {said}")
