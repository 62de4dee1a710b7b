"""What the pages behind the private link share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from booking import clock, links, spoken, words
from booking.models import Appointment
from booking.policy import Status
from services.numbers import whole_number

SESSION_KEY = "appointment_link"
IDLE = timedelta(minutes=30)

View = Callable[[HttpRequest, Appointment, datetime], HttpResponse]


def through_link(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """Hand the view the visit whose link was opened in this browser, and `now`.

    Asks for the link again after half an hour without a page.
    """

    @wraps(view)
    def with_visit(request: HttpRequest) -> HttpResponse:
        now = clock.now()
        pk, seen = request.session.get(SESSION_KEY, (0, 0))
        fresh = now - datetime.fromtimestamp(seen, UTC) < IDLE
        link = links.still_open(pk, now=now) if fresh else None
        if link is None:
            return render(request, "booking/appointment_open_again.html", status=403)
        remember(request, link.pk, now)
        spoken.say(link.appointment)
        return view(request, link.appointment, now)

    return with_visit


def remember(request: HttpRequest, link_pk: int, now: datetime) -> None:
    request.session[SESSION_KEY] = (link_pk, int(now.timestamp()))


@dataclass(frozen=True, slots=True)
class Ending:
    """What a page says that asks before something ends: what it means, and two ways."""

    question: str
    means: str
    do: str
    keep: str


def ask_to_end(
    request: HttpRequest,
    visit: Appointment,
    ending: Ending,
    facts: list[dict[str, str]],
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """Show what would end; the button sends the version of the visit that was seen."""
    context = {"visit": visit, "ending": ending, "facts": facts, "problem": problem}
    page = "booking/appointment_ending.html"
    return render(request, page, context, status=status)


def seen_version(request: HttpRequest) -> int:
    """Return the version of the visit that the form was about; 0 for what is none."""
    return whole_number(request.POST.get("version", "")) or 0


def reload(visit: Appointment) -> Appointment:
    """Return the visit as it is now."""
    now = Appointment.objects.select_related(
        "visit_type__service", "wanted_clinician__clinician"
    ).get(pk=visit.pk)
    spoken.say(now)
    return now


def is_coming(visit: Appointment, now: datetime) -> bool:
    return (
        visit.status == Status.BOOKED
        and visit.start is not None
        and (now < visit.start)
    )


def said(at: datetime | None) -> str:
    """Return an instant in the clinic's time: Tuesday, December 8, 9:30 AM EST."""
    return words.zoned(at) if at else ""
