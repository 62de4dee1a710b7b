"""How long records are kept: the rules, with what the next night would remove."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from booking import clock, retention
from booking.models import RetentionRules
from services.list_filters import FixedRows
from services.widgets import PLAIN


@admin.register(RetentionRules)
class RetentionRulesAdmin(FixedRows):
    list_display = ["__str__", "requests_days", "visits_years", "messages_days"]
    formfield_overrides = PLAIN

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        due = retention.due(RetentionRules.current(), clock.now())
        context = {"due": due, "most": retention.COUNTED}
        return super().changeform_view(
            request, object_id, form_url, context | (extra_context or {})
        )
