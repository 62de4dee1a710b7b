"""The waiting list, as patients meet it: on the way to a request, and by their link."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages as notices
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from booking import spoken, waiting_list, words, workflow
from booking.errors import BookingError, TimeTaken, TryAgain
from booking.forms import OfferForm, WishForm
from booking.models import (
    Appointment,
    Proposal,
    Reservation,
    Resource,
    WaitingListEntry,
)
from booking.policy import Status
from booking.steps import STEP, WAITING, Journey, open_weekdays

from .link import (
    Ending,
    ask_to_end,
    is_coming,
    reload,
    said,
    seen_version,
    through_link,
)
from .road import (
    AWAY,
    UNFIT,
    WENT,
    another_language,
    brought_along,
    keep,
    onward,
    put_by,
    show,
    with_draft,
)

page_methods = require_http_methods(["GET", "HEAD", "POST"])


# --- Instead of a time ------------------------------------------------------------


@with_draft
def join(request: HttpRequest, journey: Journey, now: datetime) -> HttpResponse:
    """Ask when somebody could come who found no time; the answer replaces the times."""
    here = STEP[WAITING]
    if not journey.can_choose_times:
        return onward(journey)
    if journey.barred:  # no time is ever offered, so waiting for one is in vain
        return redirect("booking:times")
    if request.method != "POST":
        form = here.form(**here.needs(journey))
        form.show_again(journey.shown(WAITING))
        return show(request, journey, here, form)
    form = here.form(request.POST, **here.needs(journey))
    if path := another_language(request):
        return put_by(request, journey, here, form, path, now)
    if form.is_valid():
        return onward(keep(request, journey, here, form, now))
    return show(request, journey, here, form)


# --- What somebody who waits sees -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a visit stands with the waiting list and with offers.

    `offers` are those that can be taken now, each with its whole text, and `kept` tells
    whether nobody else can take them; `ended` tells that there were some, and `went`
    that their time went to somebody else.
    """

    entry: WaitingListEntry | None
    offers: list[tuple[Proposal, str]]
    kept: bool
    ended: bool
    went: bool

    @property
    def answer_by(self) -> datetime | None:
        return self.offers[0][0].expires_at if self.offers else None

    @property
    def before(self) -> str:
        """Return the place on the list in words; it names nobody."""
        people = waiting_list.people_before(self.entry) if self.entry else 0
        if not people:
            return _("Nobody is before you for this kind of visit.")
        return ngettext(
            "%(n)s person is before you for this kind of visit.",
            "%(n)s people are before you for this kind of visit.",
            people,
        ) % {"n": people}


def standing(visit: Appointment, now: datetime) -> Standing:
    """Return how the visit stands now, whether or not a worker has looked at it."""
    rows = Reservation.objects.select_related("resource__clinician")
    offers = list(
        visit.proposals.offers().prefetch_related(Prefetch("reservations", rows))
    )
    live = [o for o in offers if o.expires_at and o.expires_at > now]
    gone = waiting_list.went(live, now)
    left = [(o, _in_full(o)) for o in live if o.pk not in gone]
    return Standing(
        entry=visit.waiting_list_entries.open().first(),
        offers=left,
        kept=all(offer.reservations.all() for offer, _said in left),
        ended=bool(offers) and not left,
        went=bool(live) and not left,
    )


def _in_full(offer: Proposal) -> str:
    """Return the time as a sentence, with the clinician where one is kept for it."""
    kept = (row.resource for row in offer.reservations.all())
    clinician = next((r for r in kept if r.kind == Resource.Kind.CLINICIAN), None)
    if clinician:
        spoken.say_who(clinician)
    who = words.who(clinician) if clinician else ""
    length = words.length((offer.end - offer.start) // timedelta(minutes=1))
    return words.slot(words.moment(offer.start), length, who)


# --- Behind the private link ------------------------------------------------------


@page_methods
@through_link
def earlier(request: HttpRequest, visit: Appointment, now: datetime) -> HttpResponse:
    """Ask a booked patient when they could come earlier; a POST joins the list."""
    waits = visit.waiting_list_entries.open().exists()
    if waits or not is_coming(visit, now) or visit.start is None:
        return redirect("booking:appointment")
    clinicians = Resource.objects.active().filter(
        kind=Resource.Kind.CLINICIAN, pk__in=visit.visit_type.may_take()
    )
    again = brought_along(request)
    form = WishForm(
        request.POST if request.method == "POST" and not again else None,
        today=words.local(now).date(),
        last=words.local(visit.start).date(),
        weekdays=open_weekdays(clinicians.values_list("pk", flat=True)),
        clinicians={},
    )
    form.button = _("Join the list for an earlier time")
    if again:
        form.show_again(request.POST)
    status = UNFIT if form.errors else 200
    if form.is_valid():
        try:
            workflow.want_earlier(visit.pk, form.wish, by=workflow.PATIENT, now=now)
            return redirect("booking:appointment")
        except TryAgain as error:
            form.add_error(None, str(error))
            status = AWAY
        except BookingError as error:
            notices.info(request, str(error))
            return redirect("booking:appointment")
    context = {
        "form": form,
        "visit": visit,
        "start": visit.start,
        "keeps_typed": True,
    }
    return render(request, "booking/appointment_earlier.html", context, status=status)


@page_methods
@through_link
def offer(request: HttpRequest, visit: Appointment, now: datetime) -> HttpResponse:
    """Show what is offered; a POST takes one of the times, or says that none suits."""
    stands = standing(visit, now)
    if request.method != "POST" or brought_along(request):
        if not stands.offers:
            return redirect("booking:appointment")
        form = OfferForm(offers=stands.offers)
        form.show_again(request.POST)
        return _show_offer(request, visit, form, stands)
    # Also what has ended, so that who is late is told so.
    ever = [(o, "") for o in visit.proposals.filter(by=Proposal.By.CLINIC)]
    form = OfferForm(request.POST, offers=ever)
    if form.is_valid():
        return _answer(request, visit, form, now)
    if not stands.offers:
        return redirect("booking:appointment")
    form = OfferForm(request.POST, offers=stands.offers)
    return _show_offer(request, visit, form, stands, status=UNFIT)


def _answer(
    request: HttpRequest, visit: Appointment, form: OfferForm, now: datetime
) -> HttpResponse:
    """Do what the patient chose; if it cannot be done, show what can."""
    by, seen = workflow.PATIENT, seen_version(request)
    status, problem = WENT, ""
    try:
        if form.taken is None:
            workflow.pass_(visit.pk, by=by, now=now, seen_version=seen)
        else:
            workflow.take(visit.pk, form.taken, by=by, now=now, seen_version=seen)
        return redirect("booking:appointment")
    except TryAgain as error:
        status, problem = AWAY, str(error)
    except TimeTaken:
        problem = _("This time has just gone. We are sorry.")
    except BookingError as error:
        problem = str(error)
    visit = reload(visit)
    stands = standing(visit, now)
    if not stands.offers:
        notices.info(request, problem)
        return redirect("booking:appointment")
    form = OfferForm(offers=stands.offers)
    return _show_offer(request, visit, form, stands, problem=problem, status=status)


def _show_offer(
    request: HttpRequest,
    visit: Appointment,
    form: OfferForm,
    stands: Standing,
    *,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "visit": visit,
        "stands": stands,
        "problem": problem,
        "keeps_typed": True,
    }
    return render(request, "booking/appointment_offer.html", context, status=status)


@page_methods
@through_link
def leaving(request: HttpRequest, visit: Appointment, now: datetime) -> HttpResponse:
    """Say what leaving the waiting list means; a POST does it."""
    entry = visit.waiting_list_entries.open().first()
    if entry is None:
        if request.method == "POST":
            notices.info(request, _("You are not on the waiting list any more."))
        return redirect("booking:appointment")
    if request.method != "POST":
        return _ask_to_leave(request, visit, entry)
    leave = workflow.stop_wanting if visit.status == Status.BOOKED else workflow.leave
    problem, status = "", WENT
    try:
        leave(
            visit.pk,
            by=workflow.PATIENT,
            now=now,
            seen_version=seen_version(request),
        )
        return redirect("booking:appointment")
    except TryAgain as error:
        problem, status = str(error), AWAY
    except BookingError:
        problem = _("This has changed since you opened the page. Please look again.")
    return _ask_to_leave(request, reload(visit), entry, problem, status)


def _ask_to_leave(
    request: HttpRequest,
    visit: Appointment,
    entry: WaitingListEntry,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    rows = [{"label": label, "value": value} for label, value in entry.wish.rows()]
    if visit.status == Status.BOOKED:
        question = _("No earlier time any more?")
        means = _(
            "If you leave the list, we offer you no earlier times. Your appointment on"
            " %(start)s stays as it is."
        ) % {"start": said(visit.start)}
    else:
        question = _("Leave the waiting list?")
        means = _(
            "If you leave the list, we offer you no more times, and you lose your"
            " place. To get a time later, you would have to ask again."
        )
    ending = Ending(question, means, _("Leave the list"), _("Stay on the list"))
    facts = [{"label": _("Reference"), "value": visit.reference}, *rows]
    return ask_to_end(request, visit, ending, facts, problem, status)
