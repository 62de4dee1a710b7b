"""What the worker does by itself: how often is for managers, the rest is to read."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.formats import time_format
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from booking import clock
from booking.chores import FAULTS_KEPT, TASKS
from booking.models import Chore
from services.list_filters import FixedRows
from services.widgets import PLAIN

from .words import moment


@admin.register(Chore)
class ChoreAdmin(FixedRows):
    list_display = ["what", "how_often", "done", "outcome"]
    fields = ["what", "every", "at", "done", "outcome", "found"]
    readonly_fields = ["what", "done", "outcome", "found"]
    formfield_overrides = PLAIN

    def get_queryset(self, request: HttpRequest) -> QuerySet[Chore]:
        """Return what this version knows how to do."""
        return super().get_queryset(request).filter(name__in=TASKS)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["subtitle"] = self.what(context["original"])
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=gettext_lazy("what is done"))
    def what(self, chore: Chore) -> str | Promise:
        return TASKS[chore.name].words

    @admin.display(description=gettext_lazy("how often"))
    def how_often(self, chore: Chore) -> str:
        if chore.every != Chore.Every.DAY:
            return chore.get_every_display()
        return _("Once a day, at %(time)s") % {"time": time_format(chore.at, "g:i A")}

    @admin.display(description=gettext_lazy("last done"))
    def done(self, chore: Chore) -> str:
        if chore.finished_at is None:
            return _("Not yet")
        return moment(chore.finished_at, clock.now())

    @admin.display(description=gettext_lazy("how it went"))
    def outcome(self, chore: Chore) -> str:
        parts = []
        if chore.error:
            parts.append(
                _("The last run broke off: %(error)s.") % {"error": chore.error}
            )
        if chore.is_overdue(clock.now()):
            parts.append(_("Overdue."))
        if chore.faults:
            words = ngettext("%(n)d fault.", "%(n)d faults.", chore.faults)
            parts.append(words % {"n": chore.faults})
        elif chore.finished_at:
            parts.append(_("No faults."))
        return " ".join(parts)

    @admin.display(description=gettext_lazy("what was found"))
    def found(self, chore: Chore) -> str:
        """Show what is wrong, a line each; rows by their keys, for an administrator."""
        lines = chore.result.splitlines()
        if chore.faults > len(lines) == FAULTS_KEPT:
            more = chore.faults - len(lines)
            lines.append(_("… and %(n)d more") % {"n": more})
        return format_html_join("", "<div>{}</div>", ((line,) for line in lines))
