"""What the list of visits can be narrowed down to."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy

from booking import clock
from booking.models import Appointment, span_of
from booking.models.appointment import STATUS_CHOICES, awaits_answer
from booking.policy import TRANSITIONS, Status
from booking.queue import end_of_day

ALL = "all"
PAST = "past"


class StatusFilter(admin.SimpleListFilter):
    """Open the list on what needs an answer."""

    title = gettext_lazy("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        reached = {to for edge in TRANSITIONS.values() for to in edge.targets}
        others = [c for c in STATUS_CHOICES if c[0] in reached - {Status.PENDING}]
        return [*others, (ALL, gettext_lazy("All"))]

    def choices(self, changelist: Any) -> Any:
        default, *rest = super().choices(changelist)
        yield {**default, "display": dict(STATUS_CHOICES)[Status.PENDING]}
        yield from rest

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Appointment]
    ) -> QuerySet[Appointment]:
        if self.value() == ALL:
            return queryset
        if status := self.value():
            return queryset.filter(status=status)
        return queryset.filter(awaits_answer(clock.now()))


class DueFilter(admin.SimpleListFilter):
    """Keep to what was promised an answer that is late, or due today."""

    title = gettext_lazy("answer")
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("overdue", gettext_lazy("Overdue")),
            ("today", gettext_lazy("Due today")),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Appointment]
    ) -> QuerySet[Appointment]:
        now = clock.now()
        if self.value() == "overdue":
            return queryset.filter(awaits_answer(now), reply_by__lte=now)
        if self.value() == "today":
            return queryset.filter(
                awaits_answer(now), reply_by__gt=now, reply_by__lt=end_of_day(now)
            )
        return queryset


class DayFilter(admin.SimpleListFilter):
    """Keep to visits on some days, in clinic time."""

    title = gettext_lazy("day of the visit")
    parameter_name = "day"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("today", gettext_lazy("Today")),
            ("tomorrow", gettext_lazy("Tomorrow")),
            ("week", gettext_lazy("The next 7 days")),
            (PAST, gettext_lazy("Past")),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Appointment]
    ) -> QuerySet[Appointment]:
        now = clock.now()
        # Counted on the calendar: a day of the wall's clock may have 23 hours, or 25.
        today = timezone.localdate(now)
        days = {"today": (0, 0), "tomorrow": (1, 1), "week": (0, 6)}
        if ends := days.get(self.value() or ""):
            begin, end = span_of(*(today + timedelta(days=n) for n in ends))
            return queryset.filter(start__gte=begin, start__lt=end)
        return queryset.filter(start__lt=now) if self.value() == PAST else queryset
