"""Behind the private link: another time for what is booked, and the wish taken back."""

from datetime import datetime
from typing import Any

from django.contrib import messages as notices
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from booking import words, workflow
from booking.errors import (
    BookingError,
    ChangedMeanwhile,
    TimeNotOffered,
    TimeTaken,
    TooLate,
    TryAgain,
)
from booking.forms import ChangeForm
from booking.models import Appointment, Resource
from booking.picker import Filters, Times
from booking.policy import MAX_CHOICES

from .link import is_coming, reload, seen_version, through_link
from .road import AWAY, UNFIT, WENT, brought_along
from .times import date_in, instant_in, not_offered, went


@require_http_methods(["GET", "HEAD", "POST"])
@through_link
def change(request: HttpRequest, visit: Appointment, now: datetime) -> HttpResponse:
    """Show the free times; a POST asks for those that are ticked.

    Turning to other days, or to another language, is a POST, too, that changes nothing:
    so the ticks stay.
    """
    if not is_coming(visit, now):
        return redirect("booking:appointment")
    if request.method != "POST" or brought_along(request):
        if visit.wants_change:
            return redirect("booking:appointment")
        if visit.is_too_late(now):
            notices.info(request, str(TooLate()))
            return redirect("booking:appointment")
        return _show(request, visit, _form(visit), now)
    form, turns = _form(visit, request.POST), "from" in request.POST
    if turns or not form.is_valid():
        return _show(request, visit, form, now, status=200 if turns else UNFIT)
    starts = sorted(form.cleaned_data["starts"])
    try:
        after = workflow.ask_change(
            visit.pk, starts, by=workflow.PATIENT, now=now,
            seen_version=seen_version(request),
        )  # fmt: skip
    except (TimeTaken, TryAgain, ChangedMeanwhile) as error:
        why_not = _why_not(error, starts, visit.wanted_clinician, now)
        form.add_error("starts", why_not)
        status = AWAY if isinstance(error, TryAgain) else WENT
        return _show(request, reload(visit), form, now, status=status)
    except BookingError as error:
        notices.info(request, str(error))
        return redirect("booking:appointment")
    if not after.wants_change:
        notices.success(request, _("Your appointment has moved to the new time."))
    return redirect("booking:appointment")


@require_http_methods(["GET", "HEAD", "POST"])
@through_link
def stop_change(
    request: HttpRequest, visit: Appointment, now: datetime
) -> HttpResponse:
    """Take the wish for another time back; the visit stays as it is.

    Looked at, as by a link to another language, this address leads to the visit.
    """
    if request.method != "POST":
        return redirect("booking:appointment")
    try:
        seen = seen_version(request)
        workflow.stop_change(visit.pk, by=workflow.PATIENT, now=now, seen_version=seen)
    except ChangedMeanwhile:
        changed = _("This has changed since you opened the page. Please look again.")
        notices.info(request, changed)
    except BookingError as error:
        notices.info(request, str(error))
    return redirect("booking:appointment")


def _form(visit: Appointment, *data: Any) -> ChangeForm:
    at_once = visit.visit_type.changes_at_once
    return ChangeForm(*data, most=1 if at_once else MAX_CHOICES)


def _why_not(
    error: BookingError,
    starts: list[datetime],
    clinician: Resource | None,
    now: datetime,
) -> str:
    if isinstance(error, TimeNotOffered):
        return not_offered(error, clinician, now)
    if isinstance(error, TimeTaken):
        start = starts[error.params.get("rank", 1) - 1]
        return went(start, error=error, clinician=clinician, now=now)
    if isinstance(error, ChangedMeanwhile):
        return _("This has changed since you opened the page. Please look again.")
    return str(error)


def _show(
    request: HttpRequest,
    visit: Appointment,
    form: ChangeForm,
    now: datetime,
    *,
    status: int = 200,
) -> HttpResponse:
    """Show some days of free times, what is ticked on top."""
    free = Times(
        visit.visit_type,
        Filters(clinician=visit.wanted_clinician),
        now=now,
        has_referral=visit.has_referral,
    )
    typed = request.POST.getlist("starts")
    ticked = [s for s in map(instant_in, typed) if s and free.offers(s)]
    shown = date_in(request.POST.get("from") or request.POST.get("shown", ""))
    page = free.page(
        shown,
        checked=ticked,
        before=(_("Chosen so far"), ticked),
        field="starts",
    )
    context = {
        # Turned to other days, nothing is wrong yet.
        "form": form if status != 200 else _form(visit),
        "visit": visit,
        "free": free,
        "page": page,
        "shown": shown,
        "keeps_typed": free.any,
        "phone_hours": lambda: words.phone_hours(now),
    }
    return render(request, "booking/appointment_change.html", context, status=status)
