"""The two pages of times: the first choice, and others that would do."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html_join
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from booking import draft, limits, reasons, words, workflow
from booking.availability import Reason, Why
from booking.errors import TimeNotOffered, TimeTaken, TryAgain
from booking.forms import OtherTimesForm, TimeForm, only_read, parse_instant
from booking.models import Ignoring, Resource, VisitType
from booking.picker import PARTS, Filters, Times
from booking.steps import STEP, Journey
from clinic_site.client import client_address

from .road import AWAY, WENT, address, held_since, keep, onward, show, with_draft

TIMES, OTHER_TIMES = STEP["times"], STEP["other-times"]
# The page shows times and no field, so that its form may share them with all others.
_TimeForm = cast("type[TimeForm]", only_read(TimeForm))
# Holding is a favor to whoever fills in the form; a program must not hold all times.
HOLDS_BY_ADDRESS = (limits.Cap("hold-address", 30, limits.HOUR),)


@with_draft
def times(request: HttpRequest, journey: Journey, now: datetime) -> HttpResponse:
    """Show the free times, and hold the one that is chosen."""
    if not journey.can_choose_times:
        return onward(journey)
    if request.method != "POST":
        form = _TimeForm(clinicians=journey.clinicians)
        form.show_again(journey.typed("times"))
        return show_times(request, journey, form, now)
    form = _TimeForm(request.POST, clinicians=journey.clinicians)
    status = 0
    if form.is_valid():
        try:
            _hold(request, journey, form, now)
            return onward(keep(request, journey, TIMES, form, now))
        except TimeNotOffered as error:
            form.add_error("start", not_offered(error, form.wanted_clinician, now))
            status = WENT
        except TimeTaken as error:
            start, who = form.cleaned_data["start"], form.wanted_clinician
            form.add_error("start", went(start, error=error, clinician=who, now=now))
            status = WENT
        except TryAgain as error:
            form.add_error(None, str(error))
            status = AWAY
    return show_times(request, journey, form, now, status=status)


def not_offered(
    error: TimeNotOffered, clinician: Resource | None, now: datetime
) -> str:
    """Return why a time was never there to choose, and what to do."""
    reason: Reason = error.params["reason"]
    why = reasons.of_time(reason, clinician)
    if reason.why in reasons.BARRED:
        return why
    then = _("Choose one of the times shown.")
    return _sentences(why, reasons.call(reason, now), then)


def went(
    *starts: datetime,
    now: datetime,
    error: TimeTaken | None = None,
    clinician: Resource | None = None,
) -> str:
    """Return what to say of times that could be chosen, and cannot be had any more.

    With the reason, if it is another than that somebody took them.
    """
    when = "; ".join(words.moment(start) for start in starts)
    said = [_("No longer free: %(when)s.") % {"when": when}]
    reason: Reason | None = error.params.get("reason") if error else None
    if reason and reason.why != Why.FULLY_BOOKED:
        said += reasons.of_time(reason, clinician), reasons.call(reason, now)
    said.append(_("Choose another time. Everything else that you typed is still here."))
    return _sentences(*said)


def _sentences(*said: str) -> str:
    return format_html_join(" ", "{}", ((sentence,) for sentence in said if sentence))


def _hold(
    request: HttpRequest, journey: Journey, form: TimeForm, now: datetime
) -> None:
    """Hold the time; for who holds very many, only look whether it is free.

    Chosen again, it is held since it was chosen first.
    """
    start, who = form.cleaned_data["start"], form.wanted_clinician
    kept = journey.draft
    again = start in _chosen_with(journey, who)
    since = held_since(kept, now) if again else None
    if limits.allows(HOLDS_BY_ADDRESS, client_address(request), now=now):
        workflow.hold(
            _visit_type(journey), start, key=kept.hold_key, now=now, clinician=who,
            has_referral=journey.has_referral, held_since=since,
        )  # fmt: skip
        kept.held = since or now
    elif not _first_times(journey, Filters(clinician=who), now).has(start):
        raise TimeTaken
    elif not since:
        # What they hold besides is another time, which pages do not hold anew.
        kept.held = None


def show_times(
    request: HttpRequest,
    journey: Journey,
    form: TimeForm,
    now: datetime,
    *,
    status: int = 0,
) -> HttpResponse:
    """Show some days of free times; if the chosen one went, first those around it."""
    filters = _filters(request, journey, form)
    free = _first_times(journey, filters, now)
    chosen = _chosen(journey, form)
    gone = chosen if chosen and _has_gone(chosen, free, form) else None
    first = date_in(request.GET.get("from", ""))
    if first is None and chosen:
        first = words.local(chosen).date()
    page = free.page(
        first,
        checked=[chosen] if chosen else [],
        before=(_("Nearest free times"), free.nearest(gone) if gone else []),
    )
    query = {"part": filters.part, "with": _slug(filters)}
    return show(
        request,
        journey,
        TIMES,
        form,
        status=status,
        page=page,
        free=free,
        filters=filters,
        parts=PARTS,
        people=[(slug, words.who(r)) for slug, r in journey.clinicians.items()],
        wanted=_slug(filters),
        went=words.moment(gone) if gone and not form.is_bound else "",
        # Called by the page, and only where there are no times.
        phone_hours=lambda: words.phone_hours(now),
        unreadable=bool(journey.draft.wanted.get("start")) and not chosen,
        earlier=_link("times", page.earlier, **query),
        later=_link("times", page.later, **query),
        # The day to begin with is added to it.
        day_link=address("times", get_language(), **query | {"from": ""}),
        with_anyone=address("times", get_language(), **query | {"with": ""}),
        action=_link("times", first, **query),
    )


def ask_for_another(
    request: HttpRequest, journey: Journey, error: TimeTaken, now: datetime
) -> HttpResponse:
    """Ask for another time in place of the first choice, which went; all else stays."""
    kept = journey.draft
    form = TimeForm(journey.typed("times"), clinicians=journey.clinicians)
    start, who = journey.first_choice, journey.clinician
    if start is None:
        raise AssertionError("Only what was chosen can go.")
    form.add_error("start", went(start, error=error, clinician=who, now=now))
    kept.forget("times")
    draft.save(request.session, kept, now)
    return show_times(request, journey, form, now, status=WENT)


@with_draft
def other_times(request: HttpRequest, journey: Journey, now: datetime) -> HttpResponse:
    """Let up to two more free times be ticked; turning the page keeps the ticks."""
    if not journey.can_choose_times or not journey.has("times"):
        return onward(journey)
    if request.method != "POST":
        form = OtherTimesForm()
        form.show_again(journey.typed("other-times"))
        return show_other_times(request, journey, form, now)
    form = OtherTimesForm(request.POST)
    status = 0
    if form.is_valid():
        free = _other_times(journey, now)
        gone = [s for s in form.cleaned_data["starts"] if not free.has(s)]
        if not gone:
            try:
                journey = keep(request, journey, OTHER_TIMES, form, now)
            except TimeTaken as error:
                return ask_for_another(request, journey, error, now)
            turned_to = date_in(request.POST.get("from", ""))
            if turned_to:
                return redirect(_link("other_times", turned_to))
            return onward(journey)
        form.add_error("starts", went(*gone, now=now))
        status = WENT
    return show_other_times(request, journey, form, now, status=status)


def show_other_times(
    request: HttpRequest,
    journey: Journey,
    form: OtherTimesForm,
    now: datetime,
    *,
    status: int = 0,
) -> HttpResponse:
    """Show days of free times without the first choice, what is ticked on top."""
    first_choice = journey.answer("times", "start")
    free = _other_times(journey, now, without=[first_choice])
    typed: Any = form.data if form.is_bound else journey.typed("other-times")
    ticked = [
        s for s in map(instant_in, typed.getlist("starts")) if s and free.offers(s)
    ]
    first = date_in(request.GET.get("from", "")) or words.local(first_choice).date()
    page = free.page(
        first,
        checked=ticked,
        before=(_("Chosen so far"), ticked),
        field="starts",
    )
    return show(
        request,
        journey,
        OTHER_TIMES,
        form,
        status=status,
        page=page,
        first_choice=first_choice,
        # The page that sends the request shows this one, too.
        action=_link("other_times", first),
    )


# --- What the address and the answers ask for -------------------------------------


def _visit_type(journey: Journey) -> VisitType:
    if journey.visit_type is None:
        raise AssertionError("The views ask for the visit first.")
    return journey.visit_type


def _first_times(journey: Journey, filters: Filters, now: datetime) -> Times:
    chosen = _chosen_with(journey, filters.clinician)
    return _times(journey, filters, now, chosen)


def _chosen_with(journey: Journey, clinician: Resource | None) -> list[datetime]:
    """Return the first choice, if it is one of the clinician, or of anyone."""
    start = journey.first_choice
    return [start] if start and journey.clinician == clinician else []


def _other_times(
    journey: Journey, now: datetime, without: Collection[datetime] = ()
) -> Times:
    ticked = journey.answer("other-times", "starts") or ()
    return _times(journey, _asked_for(journey), now, ticked, without)


def _times(
    journey: Journey,
    filters: Filters,
    now: datetime,
    chosen: Collection[datetime],
    without: Collection[datetime] = (),
) -> Times:
    kept = journey.draft
    # Who holds very many may hold another time than the one that they chose.
    may_hold = kept.held or "times" in kept.answers
    return Times(
        _visit_type(journey),
        filters,
        now=now,
        ignoring=Ignoring(kept.hold_key) if may_hold else None,
        chosen=chosen,
        held_since=held_since(kept, now),
        without=without,
        has_referral=journey.has_referral,
        practice=journey.practice,
    )


def _filters(request: HttpRequest, journey: Journey, form: TimeForm) -> Filters:
    """Return what the address asks to see, else what was chosen before."""
    said: Any = form.data if form.is_bound else form.initial
    slug = request.GET.get("with", said.get("clinician") or "")
    part = request.GET.get("part", "")
    return Filters(part if part in PARTS else "", journey.clinicians.get(slug))


def _asked_for(journey: Journey) -> Filters:
    return Filters(clinician=journey.clinician)


def _slug(filters: Filters) -> str:
    person = filters.clinician and filters.clinician.clinician
    return person.slug if person else ""


def _has_gone(chosen: datetime, free: Times, form: TimeForm) -> bool:
    """Tell whether the chosen time cannot be had; looking at others is no answer."""
    said: Any = form.data if form.is_bound else form.initial
    same_clinician = _slug(free.filters) == (said.get("clinician") or "")
    return same_clinician and not free.has(chosen)


def _chosen(journey: Journey, form: TimeForm) -> datetime | None:
    """Return the time that was sent, was chosen before, or stood in the link."""
    said: Any = form.data if form.is_bound else form.initial
    text = said.get("start") or ""
    if not form.is_bound:
        text = text or journey.draft.wanted.get("start", "")
    return instant_in(text)


def instant_in(text: str) -> datetime | None:
    try:
        return parse_instant(text)
    except ValidationError:
        return None


def date_in(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _link(name: str, first: date | None, **query: str) -> str:
    """Return the address of a page of times; "" when there is no day to begin with."""
    if first is None:
        return ""
    said = {k: v for k, v in query.items() if v}
    return address(name, get_language(), **said, **{"from": first.isoformat()})
