"""What a patient sees and does behind the private link.

The link's token is exchanged for a session on the first visit, so that no address that
stays in the browser opens anything. GET changes nothing: mail scanners follow links.
"""

from datetime import datetime

from django.contrib import messages as notices
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from booking import (
    calendars,
    clock,
    limits,
    links,
    messages,
    preparing,
    spoken,
    words,
    workflow,
)
from booking.errors import ChangedMeanwhile, NotPossibleNow, TooLate, TryAgain
from booking.forms import OfferForm
from booking.models import Appointment, Resource, WaitingListEntry
from booking.policy import Act, DeclineReason, Status
from clinic_site.client import client_address
from services.models import Clinic

from .link import (
    Ending,
    ask_to_end,
    is_coming,
    reload,
    remember,
    said,
    seen_version,
    through_link,
)
from .waiting import Standing, standing

# No time is agreed yet.
UNDECIDED = {Status.PENDING, Status.PROPOSED, Status.WAITLIST}

# What came of an offer, where the state alone does not say it.
NEWS: dict[str, str | Promise] = {
    Act.PASS: gettext_lazy("You told us that what we offered does not suit you."),
    Act.RETRACT: gettext_lazy("We had to take our offer back. We are sorry."),
    Act.LAPSE: gettext_lazy("We had no answer to our offer in time, so it has ended."),
}

# After the other reasons to decline, another request would end the same way.
MAY_ASK_AGAIN = {"", DeclineReason.NO_TIME, DeclineReason.NEEDS_REFERRAL}


@require_safe
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """Exchange a link's token for a session, and go on to an address without it.

    Unknown, expired and revoked tokens get one answer. Only those are counted: at 256
    bits nobody guesses, so patients who share an address with a scanner still get in.
    """
    now = clock.now()
    link = links.find_link(token, now=now)
    if link is None:
        caps = limits.BAD_LINKS_BY_ADDRESS
        within = limits.allows(caps, client_address(request), now=now)
        page = "booking/appointment_link_closed.html"
        response = render(request, page, status=404 if within else 429)
    else:
        request.session.cycle_key()
        remember(request, link.pk, now)
        response = redirect("booking:appointment")
    # This address is the secret: no page learns that it was here.
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@through_link
def status(request: HttpRequest, visit: Appointment, now: datetime) -> HttpResponse:
    """Show where the visit stands, what happens next, and what can be done.

    A POST is the way to another language: it changes nothing, and what is chosen of an
    offer stays so.
    """
    coming = is_coming(visit, now)
    open_request = visit.status == Status.PENDING
    stands = standing(visit, now)
    called_off = _called_off(visit)
    # What was called off passes, too, and no answer to that was late.
    passed = (
        open_request
        and not called_off
        and not visit.proposals.asked().filter(start__gt=now).exists()
    )
    has_begun = visit.status == Status.BOOKED and not coming
    wish = list(visit.proposals.wanted()) if coming and visit.wants_change else []
    expected = coming or visit.status in UNDECIDED
    form = OfferForm(offers=stands.offers)
    form.show_again(request.POST)
    context = {
        "called_off": called_off,
        "visit": visit,
        "kind": _kind(visit, stands, now),
        "heading": _heading(visit, stands, called_off, now, passed=passed),
        "sentence": _sentence(visit, stands, called_off, now),
        "facts": _facts(visit, None if coming else stands.entry, called_off),
        "wished": _as_facts(stands.entry.wish.rows() if stands.entry else []),
        "stands": stands,
        "form": form,
        "keeps_typed": bool(stands.offers),
        "coming": coming,
        "wish": wish,
        "news": _news(visit) if expected and not stands.offers else [],
        "has_begun": has_begun and not _is_over(visit, now),
        "too_late": coming and visit.is_too_late(now),
        # Called by the page, and only where patients have to call.
        "phone_hours": lambda: words.phone_hours(now),
        "open_request": open_request,
        "late": visit.is_overdue(now),
        "passed": passed,
        "may_ask_again": visit.decline_reason in MAY_ASK_AGAIN,
        "decline_words": messages.DECLINE_WORDS.get(visit.decline_reason, ""),
        "advice": spoken.advice(visit) if expected else [],
        "ready": preparing.ready(visit) if expected else None,
        "undecided": visit.status in UNDECIDED,
        "here": visit.status == Status.ARRIVED and not _is_over(visit, now),
        "aftercare_url": _aftercare_url(visit, now),
        "calendars": calendars.links(visit, Clinic.objects.first()) if coming else [],
    }
    return render(request, "booking/appointment.html", context)


def _news(visit: Appointment) -> list[str]:
    """Return what came of an offer or a wish, if that is what happened last.

    With the note that the clinic wrote to go with it.
    """
    last = visit.events.order_by("version").last()
    if last is None:
        return []
    if last.act == Act.REFUSE_CHANGE:
        refused = str(messages.REFUSAL_WORDS[last.reason])
        return [refused, visit.note_to_patient] if visit.note_to_patient else [refused]
    if last.act == Act.LAPSE and last.reason:
        return [_("The time that we offered you is no longer free. We are sorry.")]
    return [str(NEWS[last.act])] if last.act in NEWS else []


def _is_over(visit: Appointment, now: datetime) -> bool:
    return visit.end is not None and visit.end <= now


def _called_off(visit: Appointment) -> datetime | None:
    """Return when the visit was to be that we called off, until it has another time."""
    if visit.status not in (Status.PENDING, Status.PROPOSED):
        return None
    event = visit.events.filter(act=Act.CALL_OFF).order_by("-version").first()
    return datetime.fromisoformat(event.data["moved_from"]) if event else None


@require_safe
@through_link
def calendar(request: HttpRequest, visit: Appointment, now: datetime) -> HttpResponse:
    """Give the booked visit as a file for the patient's calendar."""
    if visit.status != Status.BOOKED:
        return redirect("booking:appointment")
    return HttpResponse(
        calendars.entry(visit, Clinic.objects.first(), now=now),
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="appointment.ics"'},
    )


@require_safe
@through_link
def getting_ready(
    request: HttpRequest, visit: Appointment, now: datetime
) -> HttpResponse:
    """Show on one page, to be printed, all that there is to know before the visit."""
    coming = is_coming(visit, now)
    if not coming and visit.status not in UNDECIDED:
        return redirect("booking:appointment")
    bring, from_us = preparing.papers(visit, now)
    context = {
        "visit": visit,
        "coming": coming,
        "facts": _facts(visit),
        "because": spoken.because(visit),
        "ready": preparing.ready(visit),
        "bring": bring,
        "from_us": from_us,
        "company": preparing.company(visit, now),
    }
    return render(request, "booking/appointment_preparing.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@through_link
def cancellation(
    request: HttpRequest, visit: Appointment, now: datetime
) -> HttpResponse:
    """Say what withdrawing or cancelling means; a POST does it."""
    if visit.status == Status.CANCELLED:
        if request.method == "POST":
            notices.info(request, _("This was already cancelled. Nothing has changed."))
        return redirect("booking:appointment")
    if visit.status in UNDECIDED and visit.waiting_list_entries.open().exists():
        return redirect("booking:leave_list")
    if visit.status not in UNDECIDED and not is_coming(visit, now):
        notices.info(
            request, _("This can no longer be cancelled here. Please call us.")
        )
        return redirect("booking:appointment")
    if request.method != "POST":
        if visit.status == Status.BOOKED and visit.is_too_late(now):
            notices.info(request, str(TooLate()))
            return redirect("booking:appointment")
        return _ask_to_cancel(request, visit, now)
    return _cancel(request, visit, now)


def _cancel(request: HttpRequest, visit: Appointment, now: datetime) -> HttpResponse:
    """Cancel what the patient saw: not an appointment in place of a request."""
    seen = seen_version(request)
    try:
        workflow.cancel(visit.pk, by=workflow.PATIENT, now=now, seen_version=seen)
    except TryAgain as error:
        return _ask_to_cancel(request, visit, now, str(error), status=503)
    except ChangedMeanwhile:
        visit = reload(visit)
        changed = _("This has changed since you opened the page. Please look again.")
        return _ask_to_cancel(request, visit, now, changed, status=409)
    except NotPossibleNow as error:
        notices.info(request, str(error))
    return redirect("booking:appointment")


def _ask_to_cancel(
    request: HttpRequest,
    visit: Appointment,
    now: datetime,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    if visit.status in UNDECIDED:
        ending = Ending(
            _("Withdraw your request?"),
            _(
                "It is not booked yet. If you withdraw it, we will not answer it, and"
                " other patients can have the time at once. To get a time later, you"
                " would have to ask again."
            ),
            _("Withdraw my request"),
            _("Keep my request"),
        )
    else:
        means = _(
            "It is confirmed. If you cancel it, other patients can have the time at"
            " once, and we cannot give it back to you. To get another time, you would"
            " have to ask again."
        )
        ending = Ending(
            _("Cancel your appointment?"),
            f"{means} {messages.of_the_others(visit, now)}".rstrip(),
            _("Cancel my appointment"),
            _("Keep my appointment"),
        )
    return ask_to_end(request, visit, ending, _facts(visit), problem, status)


def _aftercare_url(visit: Appointment, now: datetime) -> str:
    """Return where to read what follows a visit that took place.

    Once it is over it did, unless the desk says otherwise: it may say so a day later.
    """
    expected = visit.status in (Status.BOOKED, Status.ARRIVED) and _is_over(visit, now)
    seen = expected or visit.status == Status.FULFILLED
    return visit.visit_type.service.aftercare_url if seen else ""


# --- Words ------------------------------------------------------------------------


def _kind(visit: Appointment, stands: Standing, now: datetime) -> str:
    """Return which of the status panel's looks fits."""
    if visit.status == Status.BOOKED and not is_coming(visit, now):
        return "past"
    if stands.offers:
        return "proposed"
    if visit.status in UNDECIDED:
        return "pending"
    if visit.status in (Status.BOOKED, Status.ARRIVED):
        return "booked"
    return "cancelled" if visit.status == Status.CANCELLED else "past"


def _heading(
    visit: Appointment,
    stands: Standing,
    called_off: datetime | None,
    now: datetime,
    *,
    passed: bool,
) -> str:
    if visit.status == Status.BOOKED and not is_coming(visit, now):
        over = _is_over(visit, now)
        return _("This appointment is over") if over else _("Your visit has begun")
    if called_off and stands.offers:
        return _("Your appointment cannot take place. Choose another time")
    if called_off:
        return _("Your appointment cannot take place. We look for another time")
    if passed:
        return _("Not booked: the times that you asked for have passed")
    if visit.status == Status.PENDING and visit.is_overdue(now):
        return _("Not booked yet: our answer is late")
    if visit.status == Status.PROPOSED and stands.went:
        return _("The time that we offered has gone")
    if is_coming(visit, now) and visit.wants_change and not stands.offers:
        return _("Your appointment is confirmed, and you asked for another time")
    if visit.status == Status.BOOKED and stands.entry and not stands.offers:
        return _("Your appointment is confirmed, and you wait for an earlier time")
    if visit.status == Status.BOOKED and not stands.offers:
        return _("Your appointment is confirmed")
    return messages.heading(visit, now)


def _sentence(
    visit: Appointment, stands: Standing, called_off: datetime | None, now: datetime
) -> str:
    if called_off:
        return _(
            "Your appointment on %(start)s cannot take place. Please do not come then."
        ) % {"start": said(called_off)}
    if visit.status == Status.PENDING:
        return _(
            "It is not an appointment until we confirm it."
            " Please do not come before then."
        )
    if visit.status == Status.PROPOSED and stands.offers:
        return _("It is yours only when you take it. Please do not come before then.")
    if visit.status in UNDECIDED:
        return _(
            "You do not have an appointment yet."
            " Please do not come before we confirm one."
        )
    if is_coming(visit, now) and stands.offers:
        return _("Your appointment on %(start)s stays as it is until you choose.") % {
            "start": said(visit.start)
        }
    if is_coming(visit, now):
        return _("We expect you on %(start)s.") % {"start": said(visit.start)}
    if visit.status == Status.BOOKED and not _is_over(visit, now):
        return _("It was to begin on %(start)s.") % {"start": said(visit.start)}
    if visit.status == Status.CANCELLED and visit.start:
        others = messages.of_the_others(visit, now)
        return f"{_('Please do not come.')} {others}".rstrip()
    if visit.status == Status.CANCELLED:
        return _("You do not have an appointment from this request.")
    return ""


def _facts(
    visit: Appointment,
    entry: WaitingListEntry | None = None,
    called_off: datetime | None = None,
) -> list[dict[str, str]]:
    """Return what patients keep, as label and value; no answer, no contact detail."""
    clinic = Clinic.objects.first()
    if visit.start:
        label, when = _("When"), said(visit.start)
    elif called_off:
        label, when = "", ""
    else:
        label = _("You asked for")
        starts = [said(choice.start) for choice in visit.proposals.asked()]
        ranked = [f"{n}. {start}" for n, start in enumerate(starts, 1)]
        when = "\n".join(ranked if len(starts) > 1 else starts)
    facts = [
        (_("Reference"), visit.reference),
        (label, when),
        (_("How long"), _("%(n)s minutes") % {"n": visit.minutes}),
        (_("With"), _clinician(visit)),
        (_("Where"), calendars.address(clinic, after_name="\n") if clinic else ""),
        *(entry.wish.rows() if entry else ()),
    ]
    return _as_facts(facts)


def _as_facts(rows: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"label": name, "value": value} for name, value in rows if value]


def _clinician(visit: Appointment) -> str:
    """Return name and profession of whom the patient will see, or asked to see."""
    resource = visit.wanted_clinician
    if visit.status in (Status.BOOKED, Status.ARRIVED):
        mine = Resource.objects.filter(
            kind=Resource.Kind.CLINICIAN,
            reservations__appointment=visit,
            reservations__expires_at=None,  # what an offer holds is apart
        )
        resource = mine.select_related("clinician").first()
    if resource is None or resource.clinician is None:
        return ""
    spoken.say_who(resource)
    return f"{resource.clinician}, {resource.clinician.profession}"
