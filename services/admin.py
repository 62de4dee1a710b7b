from django.contrib import admin
from django.utils.translation import gettext_lazy

from .in_use import KeptWhileInUse
from .list_filters import FixedRows, OfferedFilters
from .models import (
    Clinic,
    Clinician,
    Content,
    Fact,
    OpeningHours,
    Page,
    ScreeningQuestion,
    Section,
    Service,
)
from .widgets import PLAIN


class ContentMarker:
    """Show whether staff have edited a row, so that its file no longer changes it."""

    @admin.display(boolean=True, description="edited by staff")
    def edited(self, row: Content) -> bool:
        return row.edited_by_staff


class OpeningHoursInline(admin.StackedInline):
    """Not a table, nor the facts: Django gives the inputs of those no labels."""

    model = OpeningHours
    extra = 0
    formfield_overrides = PLAIN


class FactInline(ContentMarker, admin.StackedInline):
    model = Fact
    extra = 0
    readonly_fields = ["edited"]


class SectionInline(ContentMarker, admin.StackedInline):
    model = Section
    extra = 0
    readonly_fields = ["edited"]


class ScreeningQuestionInline(ContentMarker, admin.StackedInline):
    model = ScreeningQuestion
    extra = 0
    readonly_fields = ["edited"]


@admin.register(Clinic)
class ClinicAdmin(ContentMarker, FixedRows):
    list_display = ["name", "phone", "edited"]
    readonly_fields = ["edited", "updated_at"]
    inlines = [OpeningHoursInline]


@admin.register(Clinician)
class ClinicianAdmin(ContentMarker, KeptWhileInUse, OfferedFilters):
    instead = gettext_lazy(
        "First look at the resource, which is this person’s time: what is booked needs"
        " both."
    )
    list_display = ["name", "profession", "is_demo", "order", "edited"]
    readonly_fields = ["edited", "updated_at"]


@admin.register(Service)
class ServiceAdmin(ContentMarker, KeptWhileInUse, OfferedFilters):
    instead = gettext_lazy(
        "Turn off “is published” instead. Then nobody reads about it or asks for it,"
        " and what is booked stays."
    )
    list_display = ["name", "kind", "is_published", "order", "edited"]
    readonly_fields = ["edited", "updated_at"]
    inlines = [FactInline, SectionInline, ScreeningQuestionInline]


@admin.register(Page)
class PageAdmin(ContentMarker, OfferedFilters):
    list_display = ["title", "is_published", "order", "edited"]
    readonly_fields = ["edited", "updated_at"]
