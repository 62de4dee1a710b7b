"""The calendar: what is taken when, by day and by week, and a sheet to print."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from booking import clock, diary
from booking.diary import Diary, Span, Stretch
from booking.front_desk import PAGES, may_answer
from booking.models import Appointment, Resource, span_of
from booking.models.resource import YEARS
from booking.words import as_value

from .words import date_in

DAY = timedelta(days=1)
DAY_VIEW, WEEK_VIEW = "day", "week"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the address asks for: a day, its week or not, one kind of resource or all.

    What cannot be read is today, by day, all kinds.
    """

    day: date
    view: str = DAY_VIEW
    kind: str = ""

    @classmethod
    def asked(cls, request: HttpRequest, now: datetime) -> "Shown":
        said = request.GET
        day = date_in(said.get("day", ""))
        if day is None or day.year not in YEARS:
            day = timezone.localdate(now)
        view = WEEK_VIEW if said.get("view") == WEEK_VIEW else DAY_VIEW
        kind = said.get("kind", "")
        return cls(day, view, kind if kind in Resource.Kind else "")

    @property
    def link(self) -> str:
        said = {"day": self.day.isoformat(), "view": self.view, "kind": self.kind}
        return "?" + urlencode({name: value for name, value in said.items() if value})

    @property
    def days(self) -> list[date]:
        if self.view == DAY_VIEW:
            return [self.day]
        monday = self.day - self.day.weekday() * DAY
        return [monday + n * DAY for n in range(7)]

    def step(self, steps: int) -> "Shown":
        length = 7 * DAY if self.view == WEEK_VIEW else DAY
        return replace(self, day=self.day + steps * length)

    def choices(self, now: datetime) -> dict[str, list[tuple[str, str, bool]]]:
        """Return the links of each bar: words, address, whether it is shown now."""
        kinds = [("", _("All")), *((k.value, str(k.label)) for k in Resource.Kind)]
        views = [(DAY_VIEW, _("Day")), (WEEK_VIEW, _("Week"))]
        today = replace(self, day=timezone.localdate(now))
        before, this, after = (
            (_("Week before"), _("This week"), _("Week after"))
            if self.view == WEEK_VIEW
            else (_("Day before"), _("Today"), _("Day after"))
        )
        return {
            _("Days"): [
                (before, self.step(-1).link, False),
                (this, today.link, today.day in self.days),
                (after, self.step(1).link, False),
            ],
            _("How much"): [
                (words, replace(self, view=v).link, v == self.view)
                for v, words in views
            ],
            _("Of what"): [
                (words, replace(self, kind=k).link, k == self.kind)
                for k, words in kinds
            ],
        }


@dataclass(frozen=True, slots=True)
class Week:
    """A line of the week: one resource, and its days."""

    resource: Resource
    stretches: Sequence[Stretch]


@require_safe
def calendar_view(request: HttpRequest) -> HttpResponse:
    """Show a day as times by resources, or a week as resources by days."""
    _check(request)
    now = clock.now()
    shown = Shown.asked(request, now)
    found = Diary.read(shown.days, now)
    lanes = found.lanes(shown.day, shown.kind)
    if shown.view == WEEK_VIEW:
        days = [day for day in shown.days if _has_anything(found, day)]
        table: dict[str, Any] = {
            "days": days,
            "weeks": list(_weeks(found, days, shown.kind)),
        }
        title = _("Week of %(day)s") % {"day": date_format(shown.days[0], "F j")}
    else:
        table = {"lanes": lanes, "rows": diary.table(lanes, now)}
        table["asked"] = found.asked_for(shown.day)
        title = date_format(shown.day, "l, F j")
    return _page(
        request,
        "calendar",
        title=_("Calendar: %(day)s") % {"day": title},
        shown=shown,
        bars=shown.choices(now),
        now=now,
        may_block=request.user.has_perm("booking.add_closure"),
        may_book=may_answer(request),
        **table,
    )


@require_safe
def sheet_view(request: HttpRequest) -> HttpResponse:
    """Show a day's visits in one table, to print."""
    _check(request)
    now = clock.now()
    shown = Shown.asked(request, now)
    begin, end = span_of(shown.day)
    visits = (
        Appointment.objects.on_day(begin, end)
        .select_related("patient", "visit_type__service")
        .prefetch_related("reservations__resource")
    )
    found = Diary.read([shown.day], now)
    return _page(
        request,
        "sheet",
        title=_("Day sheet: %(day)s") % {"day": date_format(shown.day, "l, F j, Y")},
        shown=shown,
        visits=visits,
        closed=[
            (lane.resource, entry)
            for lane in found.lanes(shown.day)
            for entry in diary.with_whole_closures(lane.entries)
            if entry.what == diary.What.CLOSURE
        ],
        now=now,
    )


def _has_anything(found: Diary, day: date) -> bool:
    """Tell whether a day of a week is worth a column: Monday to Friday always are."""
    return day.weekday() < 5 or any(
        lane.open or lane.entries for lane in found.lanes(day)
    )


def _weeks(found: Diary, days: Sequence[date], kind: str) -> Iterator[Week]:
    for resource in found.resources:
        if kind in ("", resource.kind):
            lanes = (found.lane(resource, day) for day in days)
            yield Week(resource, diary.stretches(lanes))


def block_link(resource: Resource, span: Span) -> str:
    """Return the address of the form that closes this time of the resource."""
    said = {
        "resource": resource.pk,
        "start": as_value(span[0]),
        "end": as_value(span[1]),
    }
    return f"{reverse('admin:booking_closure_add')}?{urlencode(said)}"


def booking_link(resource: Resource, start: datetime) -> str:
    """Return the address of the page that books this time for a caller."""
    said = {
        "resource": resource.pk,
        "day": timezone.localdate(start).isoformat(),
        "start": as_value(start),
    }
    return f"{reverse('admin:booking_appointment_phone')}?{urlencode(said)}"


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm("booking.view_appointment"):
        raise PermissionDenied


def _page(request: HttpRequest, name: str, **context: Any) -> HttpResponse:
    return TemplateResponse(
        request,
        f"admin/booking/calendar/{name}.html",
        {**admin.site.each_context(request), **context},
    )


PAGES += [
    ("booking/calendar/", calendar_view, "calendar"),
    ("booking/calendar/sheet/", sheet_view, "calendar_sheet"),
]
