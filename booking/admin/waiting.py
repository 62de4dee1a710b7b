"""Who waits, in order, and why nothing is offered to them now; and the rules."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from booking import clock, waiting_list
from booking.front_desk import may_answer
from booking.models import WaitingListEntry, WaitingListRules
from services.list_filters import FixedRows, OnlyRead
from services.widgets import PLAIN


@admin.register(WaitingListEntry)
class WaitingListAdmin(OnlyRead):
    """The list to read; what is done from it is done to the visit."""

    list_display = ["appointment"]
    list_display_links = None
    list_per_page = 50
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[WaitingListEntry]:
        return super().get_queryset(request).filter(ended_at=None)

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        return ["joined_at", "pk"]

    def get_sortable_by(self, request: HttpRequest) -> list[Any]:
        """Keep to the one order in which time is offered."""
        return []

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        now = clock.now()
        context = {
            "title": _("Waiting list"),
            "places": {place.entry.pk: place for place in waiting_list.places(now)},
            "may_answer": may_answer(request),
            "now": now,
        }
        return super().changelist_view(request, context | (extra_context or {}))


@admin.register(WaitingListRules)
class WaitingListRulesAdmin(FixedRows):
    list_display = [
        "__str__", "batch", "minutes_to_answer", "quiet_from", "quiet_until",
        "most_offers",
    ]  # fmt: skip
    formfield_overrides = PLAIN
