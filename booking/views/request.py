"""The pages of a request that ask something, from the emergency check on."""

from contextlib import suppress
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from booking import clock, draft, workflow
from booking.draft import Draft, Sent
from booking.errors import TimeTaken
from booking.forms import RED_FLAGS, EmergencyForm
from booking.models import VisitType
from booking.steps import STEP, Journey

from .link import SESSION_KEY as LINK_KEY
from .road import (
    UNFIT,
    another_language,
    hold_on,
    keep,
    let_go,
    onward,
    page_methods,
    put_by,
    show,
    with_draft,
)
from .times import ask_for_another

# What a link may ask for: a service, a visit type and a start.
WANTED = ("service", "visit", "start")


@page_methods
def start(request: HttpRequest) -> HttpResponse:
    """Say what a request is, and ask for signs of an emergency. Keeps nothing of it."""
    now = clock.now()
    form = EmergencyForm(request.POST if request.method == "POST" else None)
    context = {"form": form, "signs": RED_FLAGS, "wanted": _wanted(request)}
    if form.is_valid():
        if form.cleaned_data["emergency"] == "some":
            return render(request, "booking/emergency.html", context)
        return onward(_begin(request, now))
    slowest = VisitType.objects.bookable().order_by("-reply_promise").first()
    context["answer_by"] = slowest and workflow.reply_promise(slowest, now)
    kept = draft.load(request.session, now)
    context["resumes"] = isinstance(kept, Draft) and bool(kept.answers)
    status = UNFIT if form.errors else 200
    return render(request, "booking/start.html", context, status=status)


def _wanted(request: HttpRequest) -> dict[str, str]:
    """Return what the link asked for; the form carries it past the check."""
    said = request.POST if request.method == "POST" else request.GET
    return {name: said[name][:64] for name in WANTED if said.get(name)}


def _begin(request: HttpRequest, now: datetime) -> Journey:
    """Return the draft that is under way, or a new one, with what the link asks for."""
    kept = draft.load(request.session, now)
    again = "again" in request.POST
    if isinstance(kept, Draft) and again:
        let_go(kept)
    if again or not isinstance(kept, Draft):
        kept = Draft(began=now, used=now)
    if wanted := _wanted(request):
        kept.wanted = wanted
        kept.forget("visit", "referral", "times", "other-times")
        let_go(kept)
    draft.save(request.session, kept, now)
    return Journey(kept)


@with_draft
def step(
    request: HttpRequest, journey: Journey, now: datetime, slug: str
) -> HttpResponse:
    """Show one page of the request; keep its answers and go on."""
    here = STEP[slug]
    if not journey.may_see(here):
        return onward(journey)
    if request.method == "POST":
        form = here.form(request.POST, **here.needs(journey))
        if path := another_language(request):
            return put_by(request, journey, here, form, path, now)
        if form.is_valid():
            try:
                return onward(keep(request, journey, here, form, now))
            except TimeTaken as error:
                return ask_for_another(request, Journey(journey.draft), error, now)
        # What has to be mended comes first.
        with suppress(TimeTaken):
            hold_on(journey, now)
    else:
        form = here.form(**here.needs(journey))
        form.show_again(journey.shown(slug))
    return show(request, journey, here, form)


@page_methods
def leaving(request: HttpRequest) -> HttpResponse:
    """Say what leaving the form means; a POST forgets it and gives its time back."""
    kept = draft.load(request.session, clock.now())
    if request.method == "POST":
        if isinstance(kept, Draft):
            let_go(kept)
        request.session.pop(LINK_KEY, None)
        draft.drop(request.session)
        return redirect("booking:leaving")
    context = {"kept": kept is not None, "sent": isinstance(kept, Sent)}
    return render(request, "booking/leaving.html", context)


@require_safe
def expired(request: HttpRequest) -> HttpResponse:
    """Say that the answers are gone, and how to go on."""
    return render(request, "booking/expired.html")
