"""How the practice is going, and visits taken out as a file."""

from contextlib import ExitStack
from datetime import date, datetime, timedelta
from tempfile import TemporaryFile
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from booking import clock, export, trail
from booking.confirming import ask_first
from booking.front_desk import PAGES
from booking.models.resource import YEARS
from booking.reports import ENOUGH, Range, all_reports

from .words import date_in

# Twice around the year, both of its ends included.
LONGEST = timedelta(days=2 * 366)
WEEKS = 12

TOO_LONG = gettext_lazy("Choose two years at most.")
BACKWARDS = gettext_lazy("The last day is before the first.")


def usual(now: datetime) -> Range:
    """Return the last twelve weeks, the present one included, up to today."""
    today = timezone.localdate(now)
    monday = today - timedelta(days=today.weekday())
    return Range(monday - timedelta(weeks=WEEKS - 1), today)


def why_not(first: date, last: date) -> str | Promise:
    """Return why these days cannot be reported on; nothing if they can."""
    if not (first.year in YEARS and last.year in YEARS):
        return gettext_lazy("Check the year.")
    if last < first:
        return BACKWARDS
    return TOO_LONG if last - first > LONGEST else ""


def asked(request: HttpRequest, now: datetime) -> tuple[Range, str | Promise]:
    """Return the days that an address names, else the usual ones, and why."""
    said = [request.GET.get(name, "") for name in ("first", "last")]
    if not any(said):
        return usual(now), ""
    first, last = (date_in(text) for text in said)
    if first is None or last is None:
        return usual(now), _("Type both days, such as 11/24/2026.")
    problem = why_not(first, last)
    return (usual(now), problem) if problem else (Range(first, last), "")


@require_safe
def reports(request: HttpRequest) -> HttpResponse:
    """Show managers how some days went. Writes nothing, and names no patient."""
    if not request.user.has_perm("booking.view_reports"):
        raise PermissionDenied
    now = clock.now()
    days, problem = asked(request, now)
    context = {
        **admin.site.each_context(request),
        "title": _("Reports"),
        "days": days,
        "problem": problem,
        "reports": all_reports(days, now),
        "enough": ENOUGH,
        "zone": settings.TIME_ZONE.rpartition("/")[2].replace("_", " "),
    }
    return TemplateResponse(request, "admin/reports/reports.html", context)


class ExportForm(forms.Form):
    """Which visits, which of their columns, as which kind of file."""

    first = forms.DateField(
        label=gettext_lazy("First day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    last = forms.DateField(
        label=gettext_lazy("Last day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    by = forms.ChoiceField(
        label=gettext_lazy("Which visits?"),
        choices=[
            ("start", gettext_lazy("Those whose time is on these days")),
            ("requested_at", gettext_lazy("Those asked for on these days")),
        ],
        widget=forms.RadioSelect,
        initial="start",
    )
    columns = forms.MultipleChoiceField(
        label=gettext_lazy("What of each visit?"),
        help_text=gettext_lazy("Leave ticked only what is needed."),
        widget=forms.CheckboxSelectMultiple,
        choices=[
            (code, column.words)
            for code, column in export.COLUMNS.items()
            if code not in export.PERSONAL
        ],
        initial=export.USUAL,
        error_messages={"required": gettext_lazy("Choose at least one.")},
    )
    personal = forms.MultipleChoiceField(
        label=gettext_lazy("What of each person?"),
        help_text=gettext_lazy("Only if the file cannot do without."),
        widget=forms.CheckboxSelectMultiple,
        choices=[(code, export.COLUMNS[code].words) for code in export.PERSONAL],
        required=False,
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Which kind of file?"),
        choices=[
            ("xlsx", gettext_lazy("Excel (.xlsx)")),
            ("csv", gettext_lazy("Text with commas (.csv)")),
        ],
        widget=forms.RadioSelect,
        initial="xlsx",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and (problem := why_not(first, last)):
            self.add_error("last", str(problem))
        return cleaned

    @property
    def days(self) -> Range:
        return Range(self.cleaned_data["first"], self.cleaned_data["last"])

    @property
    def all_columns(self) -> list[str]:
        """Return what was chosen, in the order in which it stands in the file."""
        chosen = {*self.cleaned_data["columns"], *self.cleaned_data["personal"]}
        return [code for code in export.COLUMNS if code in chosen]


@require_http_methods(["GET", "HEAD", "POST"])
def export_visits(request: HttpRequest) -> HttpResponseBase:
    """Ask what to take out, then send it to who has just shown who they are."""
    if not request.user.has_perm("booking.export_visits"):
        raise PermissionDenied
    if request.method == "POST" and (question := ask_first(request)):
        return question
    days, _problem = asked(request, clock.now())
    form = ExportForm(
        request.POST if request.method == "POST" else None,
        initial={"first": days.first, "last": days.last},
    )
    if form.is_bound and form.is_valid():
        visits = export.visits(form.days, form.cleaned_data["by"])
        if len(visits) <= export.MOST:
            return _file(request, form, visits)
        form.add_error("last", _("These are too many visits. Choose fewer days."))
    context = {
        **admin.site.each_context(request),
        "title": _("Take visits out as a file"),
        "form": form,
    }
    return TemplateResponse(request, "admin/reports/export.html", context)


def _file(
    request: HttpRequest, form: ExportForm, visits: dict[int, int]
) -> HttpResponseBase:
    """Write the file whole before any of it is sent, to disk and without a name.

    What is recorded is what is in it.
    """
    kind, columns, days = form.cleaned_data["kind"], form.all_columns, form.days
    content_type, write = export.FORMATS[kind]
    with ExitStack() as unless_sent:
        file = unless_sent.enter_context(TemporaryFile())
        write(file, export.rows(list(visits), columns))
        file.seek(0)
        trail.exported(
            request, set(visits.values()),
            visits=len(visits), first=days.first.isoformat(),
            last=days.last.isoformat(), by=form.cleaned_data["by"], kind=kind,
            columns=columns,
        )  # fmt: skip
        unless_sent.pop_all()  # the response closes it
    return FileResponse(
        file,
        as_attachment=True,
        filename=f"visits-{days.first}-to-{days.last}.{kind}",
        content_type=content_type,
    )


PAGES += [
    ("booking/reports/", reports, "reports"),
    ("booking/reports/visits/", export_visits, "export_visits"),
]
