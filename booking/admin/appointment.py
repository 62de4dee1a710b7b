"""A visit: seen whole, changed only by buttons that call the workflow."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.forms import Form
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
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
from booking.front_desk import may_answer, say_whose, signed_in
from booking.models import (
    Appointment,
    Claim,
    LegalHold,
    Message,
    Paper,
    RetentionRules,
)
from booking.policy import Status
from booking.queue import judge
from booking.same_person import suggest
from booking.waiting_list import Place
from services.languages import offered

from . import words
from .acts import (
    SWAP,
    Act,
    by_signed_in,
    cancelling,
    declines,
    declining,
    ends,
    number,
    previewed,
    refusing,
    seen_version,
    swapping,
    typed_in,
)
from .back import back_to
from .beside import days_around, rivals_of
from .find import LIMIT, find_visits, with_next_step
from .forms import (
    NOTE_LENGTH,
    AnswerForm,
    CancelForm,
    DeclineForm,
    FindForm,
    RefuseForm,
)
from .moving import MovePage
from .offering import OfferPage, can_offer
from .owning import OwnerPage
from .phone import PhonePage, read_aloud
from .series import SeriesPlan
from .visit_list import VisitList

# Where the session keeps, encrypted, what was looked for.
WANTED = "wanted"


@admin.register(Appointment)
class AppointmentAdmin(VisitList):
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
            messages.error(request, words.refusal(error, visit, now, by.user))
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
            messages.error(request, words.refusal(error, visit, clock.now(), by.user))
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
            self.refuse(request, visit, NotPossibleNow())
            return HttpResponseRedirect(there)
        plan = SeriesPlan(visit, request.POST or request.GET, now)
        if request.method == "POST" and plan.is_fit():
            try:
                visits = plan.book(by_signed_in(request))
            except (DifferentForm, TimeTaken, TryAgain) as error:
                plan.refused(error)
            except BookingError as error:
                self.refuse(request, visit, error)
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


def newest_link(visit: Appointment) -> int:
    """Return the key of the last message that brought a link alone; 0 for none."""
    brought = visit.messages.filter(kind=Message.Kind.LINK)
    newest: int | None = brought.aggregate(newest=Max("pk"))["newest"]
    return newest or 0


def looked_for(request: HttpRequest) -> str:
    """Return what was looked for last in this session; nothing if no key opens it."""
    try:
        return decrypt(request.session.get(WANTED, ""))
    except Unreadable:
        return ""


def came_from(request: HttpRequest, visit: Appointment) -> str:
    """Return the address on this site that the act came from, else the visit's."""
    there = reverse("admin:booking_appointment_change", args=[visit.pk])
    return back_to(request, there)
