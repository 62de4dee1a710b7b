"""Visits: seen whole, changed only by buttons that call the workflow."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Max, QuerySet
from django.forms import Form
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from django.views.decorators.http import require_POST, require_safe

from booking import (
    clock,
    letter,
    paperwork,
    policy,
    preparing,
    spoken,
    tasks,
    trail,
    waiting_list,
    workflow,
)
from booking.encryption import Unreadable, decrypt, encrypt
from booking.errors import (
    BookingError,
    ChangedMeanwhile,
    DifferentForm,
    NotPossibleNow,
    TimeTaken,
    TryAgain,
)
from booking.front_desk import key_in, may_answer, say_whose, signed_in
from booking.messages import (
    preview_cancellation,
    preview_decline,
    preview_refusal,
)
from booking.models import (
    Appointment,
    Claim,
    LegalHold,
    Message,
    Paper,
    RetentionRules,
)
from booking.models.appointment import STATUS_CHOICES, AppointmentQuerySet
from booking.policy import CancellationReason, ChangeRefusal, DeclineReason, Status
from booking.queue import judge
from booking.same_person import suggest
from booking.waiting_list import Place
from booking.workflow import By
from services.languages import offered

from . import words
from .back import back_to
from .beside import days_around, rivals_of
from .filters import PAST, DayFilter, DueFilter, StatusFilter
from .find import LIMIT, find_visits, with_next_step
from .forms import (
    NOTE_LENGTH,
    AnswerForm,
    CancelForm,
    DeclineForm,
    FindForm,
    RefuseForm,
)
from .long_lists import LongList, OneOrder
from .moving import MovePage
from .offering import OfferPage, can_offer
from .owning import OwnerPage
from .phone import PhonePage, read_aloud
from .series import SeriesPlan
from .taken import by_whom

# Wants only who does it, and when: `by` and `now`.
Act = Callable[..., Appointment]

# Where the session keeps, encrypted, what was looked for.
WANTED = "wanted"

NOTES = ("note", "private_note")

# What a visit gives, and takes instead: keys of resources.
SWAP = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")


class VisitList(OneOrder):
    """A page of the list. What waits is judged as on the desk: all of it at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        waits = (Status.PENDING, Status.BOOKED)
        waiting = [v for v in self.result_list if v.status in waits and v.reply_by]
        for line in judge(waiting, clock.now()):
            line.visit.line = line  # type: ignore[attr-defined]


@admin.register(Appointment)
class AppointmentAdmin(LongList):
    list_display = ["reference", "who", "visit_type", "status", "when", "answer_by"]
    list_filter = [StatusFilter, DueFilter, "visit_type__service", DayFilter]
    list_select_related = ["patient", "visit_type__service"]
    list_per_page = 50
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
            page("phone/", self.phone_view, "phone"),
            page("<int:pk>/script/", require_safe(self.script_view), "script"),
            page("<int:pk>/letter/", require_safe(self.letter_view), "letter"),
            page("<int:pk>/change/", require_safe(self.visit_view), "change"),
            page("<int:pk>/accept/", require_POST(self.accept_view), "accept"),
            page("<int:pk>/decline/", self.decline_view, "decline"),
            page("<int:pk>/cancel/", self.cancel_view, "cancel"),
            page("<int:pk>/series/", self.series_view, "series"),
            page("<int:pk>/swap/", self.swap_view, "swap"),
            page("<int:pk>/move/", self.move_view, "move"),
            page("<int:pk>/offer/", require_POST(self.offer_view), "offer"),
            page("<int:pk>/propose/", self.propose_view, "propose"),
            page("<int:pk>/attend/", require_POST(self.attend_view), "attend"),
            page("<int:pk>/paper/", require_POST(self.paper_view), "paper"),
            page("<int:pk>/legal-hold/", require_POST(self.legal_hold_view), "hold"),
            page("<int:pk>/owner/", self.owner_view, "owner"),
            page("<int:pk>/waiting/", require_POST(self.waiting_view), "waiting"),
            page("<int:pk>/link/", require_POST(self.link_view), "link"),
            *super().get_urls(),
        ]

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
        return VisitList

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
        sent.setlist(ACTION_CHECKBOX_NAME, [pk for pk in ticked if pk.isdecimal()])
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
            moves = visit.wants_change
            times = visit.proposals.wanted() if moves else visit.proposals.asked()
            if first := times.order_by("rank").first():
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

    # --- One visit ----------------------------------------------------------------

    def visit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show all of a visit, and the buttons for what can be done to it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        visit = get_object_or_404(Appointment.objects.with_queue_details(), pk=pk)
        now = clock.now()
        events = visit.events.select_related("user").order_by("version")
        series = Appointment.objects.in_series(visit.series) if visit.series else ()
        line = judge([visit], now)[0]
        rivals = rivals_of(line, now)
        return self.page(
            request,
            "visit",
            title=_("Visit %(reference)s") % {"reference": visit.reference},
            visit=visit,
            line=line,
            days=days_around(line, now),
            rivals=rivals,
            newest_link=newest_link(visit),
            messages_owed=visit.messages.select_related("called_by"),
            events=events,
            series=list(series),
            place=next((p for p in self.places(visit, now)), None),
            offers=visit.proposals.live(now),
            ended=visit.proposals.offers().filter(expires_at__lte=now).first(),
            acts=workflow.recordable(visit, now),
            papers=paperwork.of_visit(visit, now),
            ready=preparing.ready(visit),
            tasks=tasks.of_visit(visit, now),
            owners=tasks.owners([visit, *(rival.visit for rival in rivals)]),
            claims=visit.claims.select_related("user", "by"),
            suggested=suggest(visit.patient),
            can_offer=can_offer(visit, now),
            can_move=workflow.can_move(visit, now),
            may_answer=may_answer(request),
            now=now,
            **self.kept(request, visit),
        )

    def kept(self, request: HttpRequest, visit: Appointment) -> dict[str, Any]:
        """Return for how long the record is kept, for those who decide it."""
        if not request.user.has_perm("booking.change_retentionrules"):
            return {}
        return {
            "legal_hold": LegalHold.objects.filter(appointment=visit).first(),
            "forgets_at": workflow.when_to_forget(visit, RetentionRules.current()),
        }

    def places(self, visit: Appointment, now: datetime) -> list[Place]:
        """Return the visit's place on the waiting list, if it has one."""
        if not visit.waiting_list_entries.open().exists():
            return []
        return [p for p in waiting_list.places(now) if p.visit == visit]

    def paper_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Note how it stands with a paper of the visit."""
        visit = self.visit_to_answer(request, pk)
        kind, state = request.POST.get("kind", ""), request.POST.get("state", "")
        if kind not in Paper.Kind or state not in Paper.State:
            messages.error(request, _("Choose how it stands with the paper."))
        else:
            self.file_paper(request, visit, Paper.Kind(kind), Paper.State(state))
        return HttpResponseRedirect(came_from(request, visit))

    def file_paper(
        self,
        request: HttpRequest,
        visit: Appointment,
        kind: Paper.Kind,
        state: Paper.State,
    ) -> None:
        now, by = clock.now(), by_signed_in(request)
        try:
            is_new = workflow.file_paper(visit.pk, kind, state, by=by, now=now)
        except BookingError as error:
            messages.error(request, words.refusal(error, visit, now))
            return
        if is_new:
            trail.changed(request, visit.patient_id, paper=kind, state=state)
            say_whose(request, visit, Claim.Task.PAPER)
        said = _("%(reference)s: %(paper)s, %(state)s.") % {
            "reference": visit.reference,
            "paper": kind.label,
            "state": str(state.label).lower(),
        }
        messages.success(request, said)

    def legal_hold_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Keep the record until further notice, or lift that again."""
        if not request.user.has_perm("booking.change_retentionrules"):
            raise PermissionDenied
        visit = get_object_or_404(Appointment, pk=pk)
        by, because = by_signed_in(request), request.POST.get("because", "").strip()
        try:
            if "lift" in request.POST:
                is_new = workflow.stop_keeping(pk, by=by)
                said = _("%(reference)s: the rules say how long it is kept.")
            elif not because:
                messages.error(request, _("Say why the record has to be kept."))
                return HttpResponseRedirect(came_from(request, visit))
            else:
                kept = because[:NOTE_LENGTH]
                is_new = workflow.keep_record(pk, kept, by=by, now=clock.now())
                said = _("%(reference)s is kept until somebody lifts that.")
        except BookingError as error:
            messages.error(request, words.refusal(error, visit, clock.now()))
        else:
            if is_new:
                hold = "lifted" if "lift" in request.POST else "kept"
                trail.changed(request, visit.patient_id, legal_hold=hold)
            messages.success(request, said % {"reference": visit.reference})
        return HttpResponseRedirect(came_from(request, visit))

    def owner_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take on a task of the visit, let it go, or choose whom to hand it to."""
        visit, now = self.visit_to_answer(request, pk), clock.now()
        said = request.POST if request.method == "POST" else request.GET
        page, back = OwnerPage(visit, said, now), came_from(request, visit)
        if page.task is None:
            messages.error(request, _("Choose what somebody is to have."))
            return HttpResponseRedirect(back)
        if request.method == "POST" and page.is_fit():
            self.entrust(request, page)
            return HttpResponseRedirect(back)
        title = _("Hand over %(reference)s") % {"reference": visit.reference}
        return self.page(request, "owner", title=title, back=back, **page.context())

    def entrust(self, request: HttpRequest, page: OwnerPage) -> None:
        try:
            is_new = page.entrust(by_signed_in(request))
        except BookingError as error:
            self.refuse(request, page.visit, error)
            return
        if is_new:
            to = page.to.pk if page.to else None
            trail.changed(request, page.visit.patient_id, task=page.task, to=to)
        messages.success(request, page.outcome(signed_in(request)))

    def accept_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        visit = self.visit_to_answer(request, pk)
        proposal = number(request, "proposal")
        if proposal is None:
            messages.error(request, _("Choose one of the times."))
        else:
            moves = visit.status == Status.BOOKED
            say_yes = workflow.grant_change if moves else workflow.accept
            seen = seen_version(request)
            act = partial(say_yes, visit.pk, proposal, seen_version=seen)
            self.attempt(request, visit, act)
        return HttpResponseRedirect(came_from(request, visit))

    def decline_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        visit = self.visit_to_answer(request, pk)
        booked = visit.status == Status.BOOKED
        form = (RefuseForm if booked else DeclineForm)(request.POST or None)
        say_no = refusing if booked else declining
        return self.answer_view(request, visit, form, declines, say_no)

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        visit = self.visit_to_answer(request, pk)
        with_reason = visit.status == Status.BOOKED
        if visit.status == Status.CANCELLED:  # sent again: the form that it was
            with_reason = "reason" in request.POST
        data = request.POST or None
        form = CancelForm(data, visit) if with_reason else AnswerForm(data)
        return self.answer_view(request, visit, form, ends, cancelling)

    def answer_view(
        self,
        request: HttpRequest,
        visit: Appointment,
        form: Form,
        moves: Callable[[Appointment], policy.Act],
        acting: Callable[[int, Form], Act],
    ) -> HttpResponse:
        """Ask what to tell the patient, and show the exact message before it goes.

        Whoever was too slow finds here what they typed: to decide again or, when that
        can no longer be done, to copy it.
        """
        now = clock.now()
        is_ready, is_late = form.is_valid(), False
        if is_ready and "send" in request.POST:
            act = partial(acting(visit.pk, form), seen_version=seen_version(request))
            if self.attempt(request, visit, act):
                return HttpResponseRedirect(came_from(request, visit))
            visit.refresh_from_db()
            is_late = True
        elif "send" in request.POST and seen_version(request) != visit.version:
            # What it has become wants an answer of another kind.
            self.refuse(request, visit, ChangedMeanwhile())
            is_late = True
        move = moves(visit)
        can = visit.status in policy.TRANSITIONS[move].sources
        if move == policy.Act.REFUSE_CHANGE:
            can = visit.wants_change
        if not can and not is_late:
            self.refuse(request, visit, NotPossibleNow())
        if not can and not typed_in(form):
            return HttpResponseRedirect(came_from(request, visit))
        seen = visit.version if is_late else request.POST.get("seen_version")
        is_shown = is_ready and can and not is_late
        return self.page(
            request,
            "answer",
            title=words.ASK[move] % {"reference": visit.reference},
            send=words.SEND[move],
            visit=visit,
            form=form,
            preview=previewed(visit, form, now) if is_shown else None,
            version=visit.version if seen is None else seen,
            is_over=not can,
            claimed=tasks.claimed(visit, now),
            back=came_from(request, visit),
            now=now,
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
                visit.refresh_from_db()
                if visit.status not in (Status.PENDING, Status.BOOKED):
                    return HttpResponseRedirect(there)
                plan = SeriesPlan(visit, request.POST, now)
            else:
                messages.success(request, plan.outcome(visits))
                return HttpResponseRedirect(there)
        title = _("Make a series of %(reference)s") % {"reference": visit.reference}
        claimed = tasks.claimed(visit, now)
        context = plan.context() | {"claimed": claimed}
        return self.page(request, "series", title=title, **context)

    def swap_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what could serve instead of what the visit takes, and exchange it."""
        visit = self.visit_to_answer(request, pk)
        there = reverse("admin:booking_appointment_change", args=[visit.pk])
        if request.method == "POST":
            chosen = SWAP.fullmatch(request.POST.get("swap", ""))
            if chosen is None:
                messages.error(request, _("Choose what to take instead."))
            elif self.attempt(request, visit, swapping(request, pk, chosen)):
                return HttpResponseRedirect(there)
            visit.refresh_from_db()
        now = clock.now()
        found = workflow.swappable(visit, now)
        if not found:
            if request.method != "POST":
                self.refuse(request, visit, NotPossibleNow())
            return HttpResponseRedirect(there)
        title = _("Exchange what %(reference)s takes") % {"reference": visit.reference}
        return self.page(
            request,
            "swap",
            title=title,
            visit=visit,
            swappable=found,
            can_swap=any(taken.instead for taken in found),
            claimed=tasks.claimed(visit, now),
            now=now,
        )

    def propose_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Choose times, see the message that offers them, and send it."""
        visit = self.visit_to_answer(request, pk)
        title = _("Offer times to %(reference)s") % {"reference": visit.reference}
        act = policy.Act.OFFER
        return self.times_view(request, visit, OfferPage, "propose", title, act)

    def move_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Choose another time, see the message that says so, and move the visit."""
        visit = self.visit_to_answer(request, pk)
        title = _("Move %(reference)s") % {"reference": visit.reference}
        return self.times_view(request, visit, MovePage, "move", title, policy.Act.MOVE)

    def times_view(
        self,
        request: HttpRequest,
        visit: Appointment,
        kind: type[OfferPage] | type[MovePage],
        name: str,
        title: str,
        act: policy.Act,
    ) -> HttpResponse:
        """Show free times and, when some are chosen, the message; then do it.

        Whoever was too slow finds here what they chose, to decide again. An address may
        name a time to begin with.
        """
        said = request.POST if request.method == "POST" else request.GET
        page, preview = kind(visit, said, clock.now()), None
        version = request.POST.get("seen_version", visit.version)
        if "send" in request.POST and page.form.is_valid():
            try:
                after = page.make(by_signed_in(request), seen_version(request))
            except TimeTaken as error:
                page.refused(error)
            except BookingError as error:
                self.refuse(request, visit, error)
                visit.refresh_from_db()
                page, version = kind(visit, request.POST, page.now), visit.version
                if not page.is_possible():
                    return HttpResponseRedirect(came_from(request, visit))
            else:
                self.done(request, visit, after)
                return HttpResponseRedirect(came_from(request, visit))
        elif not page.is_possible():
            self.refuse(request, visit, NotPossibleNow())
            return HttpResponseRedirect(came_from(request, visit))
        elif "preview" in request.POST and page.is_fit():
            preview = page.preview()
        return self.page(
            request,
            name,
            title=title,
            send=words.SEND[act],
            preview=preview,
            version=version,
            claimed=tasks.claimed(visit, page.now),
            back=came_from(request, visit),
            **page.context(),
        )

    def offer_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take an offer for a caller, say that none suits them, or take it back."""
        visit = self.visit_to_answer(request, pk)
        proposal, seen = number(request, "proposal"), seen_version(request)
        if "pass" in request.POST or "retract" in request.POST:
            end = workflow.retract if "retract" in request.POST else workflow.pass_
            self.attempt(request, visit, partial(end, visit.pk, seen_version=seen))
        elif proposal is None:
            messages.error(request, _("Choose one of the times."))
        else:
            act = partial(workflow.take, visit.pk, proposal, seen_version=seen)
            self.attempt(request, visit, act)
        return HttpResponseRedirect(came_from(request, visit))

    def attend_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Record what became of a visit on its day."""
        visit, seen = self.visit_to_record(request, pk), seen_version(request)
        move = request.POST.get("move", "")
        if move in policy.ATTENDING:
            recorded = policy.Act(move)
            act = partial(workflow.attend, visit.pk, recorded, seen_version=seen)
            self.attempt(request, visit, act)
        else:
            messages.error(request, _("Choose what to record."))
        return HttpResponseRedirect(came_from(request, visit))

    def waiting_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a booked visit off the list for an earlier time."""
        visit, seen = self.visit_to_answer(request, pk), seen_version(request)
        act = partial(workflow.stop_wanting, visit.pk, seen_version=seen)
        self.attempt(request, visit, act)
        return HttpResponseRedirect(came_from(request, visit))

    def link_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End the private links of a visit, and send the patient a new one."""
        visit, now = self.visit_to_answer(request, pk), clock.now()
        newest = number(request, "newest")
        try:
            is_new = workflow.reset_links(
                visit.pk, by=by_signed_in(request), now=now, newest=newest or 0
            )
        except BookingError as error:
            self.refuse(request, visit, error)
            return HttpResponseRedirect(came_from(request, visit))
        if is_new:
            trail.changed(request, visit.patient_id, links="reset")
        said = _("%(reference)s: a new link is owed; the old ones open nothing.")
        messages.success(request, said % {"reference": visit.reference})
        return HttpResponseRedirect(came_from(request, visit))

    def find_view(self, request: HttpRequest) -> HttpResponse:
        """Keep what is looked for in the session, and show there whom it fits.

        No name ever stands in an address; and as the answer is no answer to a form,
        the browser's back button leads to it again.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            form = FindForm(request.POST)
            if form.is_valid():
                request.session[WANTED] = encrypt(form.cleaned_data["wanted"])
                return HttpResponseRedirect(f"{request.path}?found")
        else:
            kept = "found" in request.GET and looked_for(request)
            form = FindForm({"wanted": kept} if kept else None)
        found, more, now = None, False, clock.now()
        if form.is_valid():
            by, visits = find_visits(form.cleaned_data["wanted"], now)
            trail.searched(request, fields=by)
            keys = list(visits.values_list("pk", flat=True)[: LIMIT + 1])
            more = len(keys) > LIMIT
            found = with_next_step(visits.filter(pk__in=keys[:LIMIT]), now)
        return self.page(
            request,
            "find",
            title=_("Find a visit"),
            form=form,
            found=found,
            more=more,
            searched=found is not None,
            limit=LIMIT,
            now=now,
        )

    def phone_view(self, request: HttpRequest) -> HttpResponse:
        """Choose a time and say who calls; the last button books it."""
        if not may_answer(request):
            raise PermissionDenied
        said = request.POST if request.method == "POST" else request.GET
        page = PhonePage(said, clock.now(), book="book" in request.POST)
        if page.form.is_valid():
            try:
                visit = page.book(by_signed_in(request))
            except BookingError as error:
                page.refused(error)
            else:
                there = reverse("admin:booking_appointment_script", args=[visit.pk])
                return HttpResponseRedirect(there)
        title = _("Book for a caller")
        return self.page(request, "phone", title=title, **page.context())

    def script_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what to read to the caller, and what goes out by itself."""
        visit, now = self.visit_to_answer(request, pk), clock.now()
        if visit.status != Status.BOOKED:
            self.refuse(request, visit, NotPossibleNow())
            there = reverse("admin:booking_appointment_change", args=[visit.pk])
            return HttpResponseRedirect(there)
        title = _("Read to the caller: %(reference)s") % {"reference": visit.reference}
        context = read_aloud(visit) | {"suggested": suggest(visit.patient)}
        return self.page(request, "script", title=title, now=now, **context)

    def letter_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give the visit as a letter in large print, for who has no email.

        In the language in which we write to them.
        """
        visit, now = self.visit_to_answer(request, pk), clock.now()
        with override(offered(visit.patient.message_language)):
            spoken.say(visit)
            made = letter.make(visit, now)
        trail.exported(request, [visit.patient_id], format="letter")
        name = f"letter-{visit.reference}.pdf"
        return HttpResponse(
            made,
            content_type="application/pdf",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
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

    def visit_to_record(self, request: HttpRequest, pk: int) -> Appointment:
        """Return the visit, to staff who answer or to the clinician whose visit it is.

        Raises PermissionDenied or Http404.
        """
        if request.user.has_perm("booking.see_own_day"):
            visit = get_object_or_404(Appointment, pk=pk)
            if workflow.is_own(visit, by_signed_in(request)):
                return visit
        return self.visit_to_answer(request, pk)

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
        said = words.refusal(error, visit, now)
        if isinstance(error, TimeTaken):
            said = f"{said} {by_whom(error, visit.visit_type, now, visit)}".strip()
        messages.warning(request, f"{visit.reference}: {said}")


def newest_link(visit: Appointment) -> int:
    """Return the key of the last message that brought a link alone; 0 for none."""
    brought = visit.messages.filter(kind=Message.Kind.LINK)
    newest: int | None = brought.aggregate(newest=Max("pk"))["newest"]
    return newest or 0


def swapping(request: HttpRequest, pk: int, chosen: "re.Match[str]") -> Act:
    seen = seen_version(request)
    return partial(workflow.swap, pk, *map(int, chosen.groups()), seen_version=seen)


def declines(visit: Appointment) -> policy.Act:
    """Return which act it is to say no to what the patient asks for now."""
    booked = visit.status == Status.BOOKED
    return policy.Act.REFUSE_CHANGE if booked else policy.Act.DECLINE


def ends(visit: Appointment) -> policy.Act:
    """Return which act it is to cancel the visit as it stands now."""
    on_list = visit.waiting_list_entries.open().exists()
    return policy.ending(visit.status, on_list=on_list)


def typed_in(form: Form) -> bool:
    """Tell whether anything was typed that somebody would have to type again."""
    return any(form.data.get(name) for name in NOTES)


def previewed(visit: Appointment, form: Form, now: datetime) -> tuple[str, str]:
    """Return subject and text of what the valid form would send, and write nothing."""
    note = form.cleaned_data["note"]
    if isinstance(form, DeclineForm):
        reason = DeclineReason(form.cleaned_data["reason"])
        return preview_decline(visit, reason, note, now)
    if isinstance(form, RefuseForm):
        refusal = ChangeRefusal(form.cleaned_data["reason"])
        return preview_refusal(visit, refusal, note, now)
    return preview_cancellation(visit, by_whom_cancelled(form), note, now)


def by_whom_cancelled(form: Form) -> CancellationReason:
    """Return who it is that does not want the visit, the patient or the clinic."""
    is_patient = form.cleaned_data.get("reason") == CancellationReason.PATIENT
    return CancellationReason.PATIENT if is_patient else CancellationReason.CLINIC


def declining(pk: int, form: Form) -> Act:
    said = notes(form) | {"reason": DeclineReason(form.cleaned_data["reason"])}
    return partial(workflow.decline, pk, **said)


def refusing(pk: int, form: Form) -> Act:
    said = notes(form) | {"reason": ChangeRefusal(form.cleaned_data["reason"])}
    return partial(workflow.refuse_change, pk, **said)


def cancelling(pk: int, form: Form) -> Act:
    for_patient = by_whom_cancelled(form) == CancellationReason.PATIENT
    return partial(workflow.cancel, pk, for_patient=for_patient, **notes(form))


def notes(form: Form) -> dict[str, Any]:
    """Return what was typed for the patient, and for colleagues alone."""
    return {name: form.cleaned_data[name] for name in NOTES}


def looked_for(request: HttpRequest) -> str:
    """Return what was looked for last in this session; nothing if no key opens it."""
    try:
        return decrypt(request.session.get(WANTED, ""))
    except Unreadable:
        return ""


def by_signed_in(request: HttpRequest) -> By:
    return By.staff(signed_in(request))


def seen_version(request: HttpRequest) -> int:
    """Return the version of the visit on the screen that the act came from.

    What cannot be read counts as never seen, so that it is refused as stale.
    """
    seen = number(request, "seen_version")
    return -1 if seen is None else seen


def number(request: HttpRequest, name: str) -> int | None:
    """Return the whole number in a field; None if it is none, or longer than any."""
    return key_in(request.POST.get(name, ""))


def came_from(request: HttpRequest, visit: Appointment) -> str:
    """Return the address on this site that the act came from, else the visit's."""
    there = reverse("admin:booking_appointment_change", args=[visit.pk])
    return back_to(request, there)
