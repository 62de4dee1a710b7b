"""All answers on one page, the button that sends them, and what comes back."""

from datetime import datetime
from itertools import groupby
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from booking import clock, draft, limits, messages, spoken, words, workflow
from booking.draft import Draft, Sent
from booking.errors import DifferentRequest, TimeTaken, TooMany, TryAgain
from booking.forms import OtherTimesForm, SendForm
from booking.models import Appointment
from booking.policy import Status
from booking.steps import Journey, as_request
from clinic_site.client import client_address
from clinic_site.sessions import SessionStore

from .road import AWAY, UNFIT, WENT, go_to, held_since, onward, with_draft
from .times import ask_for_another, show_other_times, went

TOO_MANY = 429

TOPICS: dict[str, str | Promise] = {
    "visit": _("Your visit"),
    "times": _("When"),
    "questions": _("Questions before your visit"),
    "about": _("The patient"),
    "contact": _("How we answer you"),
    "help": _("Help at your visit"),
    "payment": _("Payment"),
}


@with_draft
def check(request: HttpRequest, journey: Journey, now: datetime) -> HttpResponse:
    """Show all answers and what sending means; a POST sends the request."""
    if journey.next_open():
        return onward(journey)
    data = request.POST if request.method == "POST" else None
    asked = as_request(journey, client_address(request))
    form = SendForm(data, digest=asked.digest, began=journey.draft.began, now=now)
    if not form.is_valid():
        return show_check(request, journey, form, now, UNFIT if form.is_bound else 200)
    try:
        _send(request, asked, journey.draft, now)
    except TimeTaken as error:
        return _time_went(request, journey, error, now)
    except DifferentRequest:
        return _already_sent(request, journey, now)
    except (TooMany, TryAgain) as error:
        form.add_error(None, str(error))
        status = TOO_MANY if isinstance(error, TooMany) else AWAY
        return show_check(request, journey, form, now, status)
    return go_to("sent")


def _send(
    request: HttpRequest, asked: workflow.NewRequest, kept: Draft, now: datetime
) -> None:
    """Record the request, once, and keep no answers. Raises as `workflow.request`."""

    def keep_no_answers(visit: Appointment) -> None:
        """Write the session along with the visit: so the disk is waited for once."""
        draft.save(request.session, Sent(visit.pk, visit.reference), now)
        cast(SessionStore, request.session).save_along()

    key = kept.request_key
    counted = [
        (caps, value)
        for caps, value in (
            (limits.REQUESTS_BY_ADDRESS, asked.address),
            (limits.REQUESTS_BY_EMAIL, asked.patient["email"]),
            (limits.REQUESTS_BY_PHONE, asked.patient["phone"]),
        )
        if value
    ]
    if asked.wish:
        workflow.join(
            asked, key=key, by=workflow.PATIENT, now=now, counted=counted,
            also=keep_no_answers,
        )  # fmt: skip
        return
    workflow.request(
        asked,
        key=key,
        by=workflow.PATIENT,
        now=now,
        hold_key=kept.hold_key,
        held_since=held_since(kept, now),
        counted=counted,
        also=keep_no_answers,
    )


def show_check(
    request: HttpRequest, journey: Journey, form: SendForm, now: datetime, status: int
) -> HttpResponse:
    number, count = journey.place("check")
    asked = as_request(journey)
    since = held_since(journey.draft, now)
    context = {
        "form": form,
        "service": asked.visit_type.service,
        "step": number,
        "steps": count,
        "back": journey.back(None),
        "topics": _topics(journey),
        "advice": journey.advice(),
        "payer": journey.payer,
        "joins": journey.waits,
        "reply_by": None if asked.wish else workflow.promise_for(asked, now, since),
    }
    return render(request, "booking/check.html", context, status=status)


def _topics(journey: Journey) -> list[tuple[str, list[dict[str, str]]]]:
    """Return each topic's heading with its answers, as the summary list takes them."""
    return [
        (
            str(TOPICS[topic]),
            [
                {"label": label, "value": value, "change_url": step.url}
                for step in steps
                for label, value in journey.read(step.slug).rows()
            ],
        )
        for topic, steps in groupby(journey.steps(), key=lambda step: step.topic)
    ]


def _time_went(
    request: HttpRequest, journey: Journey, error: TimeTaken, now: datetime
) -> HttpResponse:
    """Ask for another time in place of the one that went; all else stays."""
    rank = error.params.get("rank", 1)
    if rank == 1:
        return ask_for_another(request, journey, error, now)
    gone = as_request(journey).choices[rank - 1]
    why = went(gone, error=error, clinician=journey.clinician, now=now)
    kept = journey.draft
    others = OtherTimesForm(journey.typed("other-times"))
    others.add_error("starts", why)
    typed = kept.answers["other-times"]["starts"]
    left = [start for start in typed if start != words.as_value(gone)]
    kept.keep("other-times", {"starts": left})
    draft.save(request.session, kept, now)
    return show_other_times(request, journey, others, now, status=WENT)


def _already_sent(
    request: HttpRequest, journey: Journey, now: datetime
) -> HttpResponse:
    """Show what was received; the answers that came too late are not kept."""
    visit = Appointment.objects.get(request_key=journey.draft.request_key)
    draft.save(request.session, Sent(visit.pk, visit.reference), now)
    page = "booking/already_sent.html"
    return render(request, page, {"visit": visit}, status=WENT)


@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    """Say what was received, that it is not booked, and what happens next."""
    now = clock.now()
    kept = draft.load(request.session, now)
    if not isinstance(kept, Sent):
        return go_to("start" if kept else "expired")
    visit = get_object_or_404(
        Appointment.objects.select_related(
            "visit_type__service", "wanted_clinician__clinician"
        ),
        pk=kept.appointment_id,
    )
    spoken.say(visit)
    choices = [words.moment(choice.start) for choice in visit.proposals.asked()]
    context = {
        "visit": visit,
        "heading": messages.heading(visit, now),
        "waits": visit.status == Status.PENDING,
        "entry": visit.waiting_list_entries.open().first(),
        "on_list": visit.status == Status.WAITLIST,
        "choices": choices,
        "advice": spoken.advice(visit),
    }
    return render(request, "booking/sent.html", context)
