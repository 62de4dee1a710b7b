"""What the list of visits can be narrowed down to."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from booking import clock
from booking.models import Appointment
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
        today, tomorrow, after, week = (
            end_of_day(now + timedelta(days=days)) for days in (-1, 0, 1, 6)
        )
        spans = {
            "today": (today, tomorrow),
            "tomorrow": (tomorrow, after),
            "week": (today, week),
        }
        if span := spans.get(self.value() or ""):
            return queryset.filter(start__gte=span[0], start__lt=span[1])
        return queryset.filter(start__lt=now) if self.value() == PAST else queryset
