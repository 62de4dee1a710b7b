"""Words for the front desk's templates."""

import re
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from booking.admin import calendar, closing, words
from booking.diary import Cell, Span, free
from booking.messages import in_words
from booking.models import Appointment, Claim, Resource, WaitingListEntry
from booking.waiting_list import Place
from booking.words import as_value, local, phone
from booking.words import clock as clock_time

register = template.Library()

REFERENCE = re.compile(r"\b([0-9A-Z]{4}-[0-9A-Z]{4})\b")

# The section of a visit's page at which a task is done.
PLACES: dict[str, str] = {
    Claim.Task.ANSWER: "choices",
    Claim.Task.CALL: "tasks",
    Claim.Task.PAPER: "papers",
    Claim.Task.OUTCOME: "attend",
}

register.filter("moment", words.moment)
register.filter("full_time", words.full_time)
register.filter("who", words.who)
register.filter("what", words.what)
register.filter("phone", phone)
register.filter("message_state", words.state)
register.filter("why_waiting", words.why_waiting)
register.filter("as_value", as_value)
register.filter("in_words", in_words)
register.filter("message_text", words.text)
register.filter("entry_words", words.entry)
register.filter("free", free)
register.filter("why_dropped", closing.why_dropped)


@register.filter
def whole_references(title: str) -> SafeString:
    """Mark the references in a title: no line of it is to end within one."""
    pieces = enumerate(REFERENCE.split(str(title)))
    marked = ((format_html("<bdi>{}</bdi>", p) if n % 2 else p,) for n, p in pieces)
    return format_html_join("", "{}", marked)


@register.inclusion_tag("admin/front_desk/owner.html", takes_context=True)
def owner(
    context: dict[str, Any],
    visit: Appointment,
    task: str,
    since: datetime,
    leads: bool = False,
) -> dict[str, Any]:
    """Show how long a task of the visit waits, who has it, and how to take it on.

    It `leads` to where the task is done, where no button beside it does that.
    """
    kept = ("csrf_token", "may_answer", "now", "user")
    back = context.get("back") or context["request"].path
    return {name: context.get(name) for name in kept} | {
        "visit": visit,
        "task": task,
        "words": Claim.Task(task).label,
        "since": since,
        "claim": context["owners"].get((visit.pk, task)),
        "back": back,
        "do": words.DO[task],
        "there": where_to_do(visit, task, back) if leads else "",
    }


def where_to_do(visit: Appointment, task: str, back: str) -> str:
    """Return the address at which a task of the visit is done."""
    if task == Claim.Task.CLOSED:
        there = reverse("admin:booking_appointment_move", args=[visit.pk])
        return f"{there}?{urlencode({'back': back})}"
    there = reverse("admin:booking_appointment_change", args=[visit.pk])
    return f"{there}#{PLACES[task]}"


@register.filter(is_safe=True)
def from_the_front_desk(crumbs: str) -> str:
    """Return the way to a page, which in Django's templates begins at "Home"."""
    home, ours = (f">{word}</a>" for word in (gettext("Home"), gettext("Front desk")))
    return crumbs.replace(home, ours, 1)


@register.filter
def next_step(visit: Appointment, now: datetime) -> str:
    """Return what comes next for a visit that was found."""
    return words.next_step(visit, now, to_phone=getattr(visit, "to_phone", False))


@register.filter
def act(move: str) -> str:
    """Return an act in words: Arrived."""
    return str(words.ACTS[move])


@register.filter
def clock(at: datetime) -> str:
    """Return the time of day in clinic time: 10:15 AM."""
    return clock_time(at)


@register.filter
def span(times: Span) -> str:
    """Return a stretch of time in clinic time: 10:15–11:00 AM, 11:30 AM–12:15 PM.

    Of a whole day, that it is all day; of several, which days they are.
    """
    begins, ends = map(local, times)
    last = ends - timedelta.resolution
    is_whole = begins.time() == ends.time() == time.min
    if begins.date() != last.date():
        shown, far = ("D, M j", last) if is_whole else ("D, M j, g:i A", ends)
        said = {"start": date_format(begins, shown), "end": date_format(far, shown)}
        return gettext("%(start)s until %(end)s") % said
    if is_whole:
        return gettext("all day")
    start, end = map(clock_time, times)
    half = end[-3:]
    return f"{start.removesuffix(half)}–{end}"


@register.filter
def block_link(cell: Cell) -> str:
    return calendar.block_link(cell.lane.resource, cell.free) if cell.free else ""


@register.filter
def booking_link(cell: Cell) -> str:
    return calendar.booking_link(cell.lane.resource, cell.free[0]) if cell.free else ""


@register.filter
def names(resources: Iterable[Resource]) -> str:
    """Return the resources by name: Dr. Demo, Room 2."""
    return ", ".join(resource.name for resource in resources)


@register.filter
def of_entry(places: dict[int, Place], entry: WaitingListEntry) -> Place | None:
    """Return the place of an entry; None if it ended while the list was read."""
    return places.get(entry.pk)


@register.filter
def ago(age: timedelta) -> str:
    """Return a stretch of time in its largest unit: 3 h, 2 d."""
    minutes = int(age.total_seconds()) // 60
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


@register.filter
def since(at: datetime, now: datetime) -> timedelta:
    return now - at


@register.filter
def why_cancelled(visit: Appointment) -> str:
    """Return why a visit will not happen, with the reason that staff gave."""
    reasons = (visit.cancellation_reason, visit.decline_reason)
    return ", ".join(str(words.REASONS.get(r, r)) for r in reasons if r)


@register.filter
def label(name: str) -> str:
    """Return the name of a stored field as a label: claim_number, Claim number."""
    return name.replace("_", " ").capitalize()
