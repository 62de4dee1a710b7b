"""What can be booked: people, rooms, machines, their hours, and kinds of visit."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import Field, ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from booking import clock, once, workflow
from booking.errors import BookingError
from booking.forms import parse_instant
from booking.models import (
    Appointment,
    Closure,
    Hours,
    Requirement,
    Resource,
    VisitType,
)
from booking.saving import (
    SavedBefore,
    list_of,
    refuse,
    saved_already,
    with_key,
)
from services.comparing import flagged_in
from services.in_use import KeptWhileInUse
from services.list_filters import OfferedFilters
from services.versions_in_admin import tell_flags
from services.widgets import PLAIN

from .forms import SplitEdgeField
from .words import full_time


class HoursInline(admin.StackedInline):
    """Not a table: Django gives the inputs of those no labels."""

    model = Hours
    extra = 0
    formfield_overrides = PLAIN
    fields = [
        (
            "weekday", "opens", "closes", "break_starts", "break_ends",
            "valid_from", "valid_until",
        )
    ]  # fmt: skip


@admin.register(Resource)
class ResourceAdmin(KeptWhileInUse, OfferedFilters):
    instead = gettext_lazy(
        "Turn off “can be booked” instead. Then no new visit takes it, and what is"
        " booked stays."
    )
    list_display = ["name", "kind", "is_active", "order"]
    list_filter = ["kind", "is_active"]
    fields = [
        "kind", "name", "clinician", "user", "buffer_before", "buffer_after",
        "is_active", "order",
    ]  # fmt: skip
    inlines = [HoursInline]

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "user":
            kwargs["queryset"] = User.objects.filter(is_staff=True)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: Resource, form: "ModelForm[Any]", change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        # A resource that is new has to be held by the closures of the whole clinic.
        transaction.on_commit(lambda: workflow.refresh_closures(now=clock.now()))


class RequirementInline(admin.StackedInline):
    model = Requirement
    extra = 0
    min_num = 1


@admin.register(VisitType)
class VisitTypeAdmin(KeptWhileInUse, OfferedFilters):
    instead = gettext_lazy(
        "Turn off “can be booked” instead. Then nobody can ask for it, and what is"
        " booked stays."
    )
    list_display = ["name", "service", "duration", "is_active"]
    list_filter = ["service", "is_active"]
    list_select_related = ["service"]
    inlines = [RequirementInline]
    fieldsets = [
        (None, {"fields": ["service", "name", "hint", "code", "is_active", "order"]}),
        (
            gettext_lazy("Length, in minutes"),
            {"fields": ["duration", "buffer_before", "buffer_after", "step"]},
        ),
        (
            gettext_lazy("Asking for a time"),
            {
                "fields": [
                    "lead_time",
                    "horizon",
                    "reply_promise",
                    "holds_first_choice",
                    "needs_referral",
                    "by_phone_only",
                ]
            },
        ),
        (
            gettext_lazy("Changing and cancelling"),
            {"fields": ["cutoff", "changes_at_once"]},
        ),
        (
            gettext_lazy("Reminders, and the day after"),
            {
                "fields": [
                    "remind_days_before",
                    "remind_hours_before",
                    "remind_by_phone",
                    "follows_up",
                ]
            },
        ),
    ]

    def save_model(
        self, request: HttpRequest, obj: VisitType, form: "ModelForm[Any]", change: bool
    ) -> None:
        """Warn of what patients should not read."""
        super().save_model(request, obj, form, change)
        found = obj.in_english().items()
        texts = {str(form.fields[name].label): text for name, text in found}
        tell_flags(request, flagged_in(texts))


@admin.register(Closure)
class ClosureAdmin(OfferedFilters):
    """Closures, saved and deleted by the workflow, which holds and frees their time.

    Its acts are transactions of their own, and refuse to run inside another. So the two
    views below are Django's without the transaction that it puts around them, and the
    key of the form is the act's to keep.
    """

    list_display = ["reason", "closes", "start", "end"]
    list_select_related = ["resource"]
    fields = ["resource", "start", "end", "reason"]
    formfield_overrides = PLAIN
    actions = None

    def formfield_for_dbfield(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Field | None:
        if widest := {"start": min, "end": max}.get(db_field.name):
            kwargs |= {"form_class": SplitEdgeField, "widest": widest}
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Read the times that a link fills in; Django would fail over their text."""
        said: dict[str, Any] = super().get_changeform_initial_data(request)
        for name in ("start", "end"):
            try:
                said[name] = parse_instant(said.get(name, ""))
            except ValidationError:
                said.pop(name, None)
        return said

    @admin.display(description=gettext_lazy("closes"), ordering="resource")
    def closes(self, closure: Closure) -> str:
        return str(closure.resource or _("The whole clinic"))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        view = self._changeform_view  # type: ignore[attr-defined]
        page, context = (request, object_id, form_url), with_key(extra_context)
        try:
            return view(*page, context)  # type: ignore[no-any-return]
        except SavedBefore as before:
            messages.info(request, saved_already(before.row))
            return HttpResponseRedirect(list_of(Closure))
        except BookingError as error:
            context |= refuse(request, error, object_id)
            return view(*page, context)  # type: ignore[no-any-return]

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return self._delete_view(request, object_id, extra_context)  # type: ignore[attr-defined,no-any-return]

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[Any, Any, Any, Any]:
        """List the closure alone: the time it holds is not staff's to delete."""
        return [str(closure) for closure in objs], {}, set(), []

    def save_model(
        self, request: HttpRequest, obj: Closure, form: "ModelForm[Any]", change: bool
    ) -> None:
        saved = workflow.close(obj, now=clock.now(), key=once.key_in(request.POST))
        if saved is not obj:
            raise SavedBefore(saved)
        self.warn_of_visits(request, obj)

    def delete_model(self, request: HttpRequest, obj: Closure) -> None:
        workflow.reopen(obj, now=clock.now())

    def warn_of_visits(self, request: HttpRequest, closure: Closure) -> None:
        """Name the booked visits that lie in the closure: they stay until moved."""
        inside = (
            Appointment.objects.booked()
            .filter(
                reservations__start__lt=closure.end,
                reservations__end__gt=closure.start,
            )
            .distinct()
        )
        if closure.resource_id:
            inside = inside.filter(reservations__resource=closure.resource_id)
        visits = list(inside)
        if not visits:
            return
        links = format_html_join(
            ", ",
            '<a href="{}">{} ({})</a>',
            (
                (
                    reverse("admin:booking_appointment_change", args=[visit.pk]),
                    visit.reference,
                    full_time(visit.start),
                )
                for visit in visits
                if visit.start
            ),
        )
        words = ngettext(
            "One booked visit lies in this time and stays booked."
            " Call the patient, then cancel it:",
            "%(count)d booked visits lie in this time and stay booked."
            " Call the patients, then cancel them:",
            len(visits),
        ) % {"count": len(visits)}
        messages.warning(request, format_html("{} {}", words, links))
