"""What the pages of the request share: the draft, the way on, the answers' fate."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import lru_cache, wraps
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods

from booking import clock, draft, workflow
from booking.draft import Draft
from booking.errors import TimeTaken, TryAgain
from booking.forms import StepForm
from booking.models import Appointment
from booking.policy import LONGEST_HOLD
from booking.steps import WAITING, Journey, Step
from services import languages, rows

# A form that has to be mended, and a time that went meanwhile.
UNFIT, WENT, AWAY = 422, 409, 503

page_methods = require_http_methods(["GET", "HEAD", "POST"])
View = Callable[..., HttpResponse]


def with_draft(view: View) -> View:
    """Hand the view the journey so far, and `now`; without a draft say why not.

    A form that is sent changes nothing of what is set up either: the session was read
    along with its mark, and what takes time asks again under the locks.
    """

    @wraps(view)
    @rows.one_look()
    def with_journey(request: HttpRequest, **kwargs: str) -> HttpResponse:
        now = clock.now()
        kept = draft.load(request.session, now)
        if isinstance(kept, draft.Sent):
            return go_to("sent")
        if kept is None:
            return go_to("expired")
        return view(request, Journey(kept), now, **kwargs)

    return page_methods(with_journey)


def onward(journey: Journey) -> HttpResponse:
    """Go to the first step without an answer, or to all of them.

    So a changed answer leads straight back to the page "Check your answers".
    """
    step = journey.next_open()
    return go_to(step.url_name if step else "check")


def go_to(page: str) -> HttpResponse:
    """Lead to a page of the request, by the name of its address."""
    return HttpResponseRedirect(address(page, get_language()))


@lru_cache(maxsize=500)
def address(page: str, _language: str | None, **query: str) -> str:
    """Return an address in the language at hand, mostly one asked for before."""
    asked = f"?{urlencode(query)}" if query else ""
    return reverse(f"booking:{page}") + asked


def keep(
    request: HttpRequest, journey: Journey, step: Step, form: StepForm, now: datetime
) -> Journey:
    """Keep the answers, and the chosen time for some more minutes.

    Raises TimeTaken when that cannot be had any more; the answers are kept by then.
    """
    kept = journey.draft
    kept.keep(step.slug, form.typed(), step.forgets)
    draft.save(request.session, kept, now)
    journey = Journey(kept)
    if "times" not in kept.answers:
        let_go(kept)
    else:
        hold_on(journey, now)
    return journey


def hold_on(journey: Journey, now: datetime) -> None:
    """Hold the chosen time anew, if it was held and has not been for too long.

    Not counted: it takes no more than a hold that never lapsed. Raises TimeTaken.
    """
    kept, chosen = journey.draft, journey.first_choice
    since = held_since(kept, now)
    if since and chosen and journey.visit_type:
        # What could not be held loses nothing; sending checks the time anyway.
        try:
            if not workflow.renew(kept.hold_key, now=now):
                workflow.hold(
                    journey.visit_type, chosen, key=kept.hold_key, now=now,
                    clinician=journey.clinician, has_referral=journey.has_referral,
                    held_since=since,
                )  # fmt: skip
        except TryAgain:
            pass
        except TimeTaken:
            # The request itself has it, if another window has sent it by now.
            if not Appointment.objects.filter(request_key=kept.request_key).exists():
                raise


def held_since(kept: Draft, now: datetime) -> datetime | None:
    """Return since when the form holds its time; None once that was long enough."""
    return kept.held if kept.held and now < kept.held + LONGEST_HOLD else None


def another_language(request: HttpRequest) -> str:
    """Return where this page is in the language whose button was pressed, or ""."""
    paths = {v.code: v.path for v in languages.versions(request)}
    return paths.get(request.POST.get("lang", ""), "")


def brought_along(request: HttpRequest) -> bool:
    """Tell whether the form came here by a language's button: it is shown, no more.

    So on pages outside of a request, where what was typed is nowhere kept.
    """
    return request.method == "POST" and "lang" in request.POST


def put_by(
    request: HttpRequest,
    journey: Journey,
    step: Step,
    form: StepForm,
    path: str,
    now: datetime,
) -> HttpResponse:
    """Keep what was typed as it is, fit or not, and show the page at `path`."""
    journey.draft.put_by(step.slug, form.typed())
    draft.save(request.session, journey.draft, now)
    return redirect(path)


def let_go(kept: Draft) -> None:
    """Give back the time that the form holds; what cannot be now lapses by itself."""
    with suppress(TryAgain):
        workflow.release(kept.hold_key)


def show(
    request: HttpRequest,
    journey: Journey,
    step: Step,
    form: StepForm,
    *,
    status: int = 0,
    **more: object,
) -> HttpResponse:
    """Show the page of a step; by itself it knows if there is something to mend."""
    number, count = journey.place(step.topic)
    context = {
        "form": form,
        "journey": journey,
        "step": number,
        "steps": count,
        "back": journey.back(step),
        # Where nothing is typed, a link to the other language loses a tick at most.
        "keeps_typed": step.topic not in ("visit", "times") or step.slug == WAITING,
    }
    status = status or (UNFIT if form.errors else 200)
    return render(request, step.template, context | more, status=status)
