"""What a list of the admin takes from its address."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, Field, Model
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _


def yes_or_no(value: bool) -> str:
    """Return the word; Django's red cross would make a fault of each no."""
    return _("Yes") if value else _("No")


@cache  # Django asks twice, and compares
def in_words(field: "Field[Any, Any]") -> Callable[[Model], str]:
    """Return a column that says yes or no, and sorts as the field does."""

    @admin.display(description=field.verbose_name, ordering=field.name)
    def column(row: Model) -> str:
        return yes_or_no(getattr(row, field.name))

    column.__name__ = field.name  # names the cells
    return column


class OfferedFilters(admin.ModelAdmin):  # type: ignore[type-arg]  # not when it runs
    """A list that is filtered only as it offers, and forms that survive their address.

    Django lets an address ask for any field of the rows, by any comparison: that tells
    what a list does not show, and some comparisons fail or take as long as one likes.
    """

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        ticks = {f.name: f for f in self.opts.fields if isinstance(f, BooleanField)}
        return [
            in_words(ticks[name]) if name in ticks else name
            for name in super().get_list_display(request)
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Name the list for what is in it, not for what to do with it."""
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, title | (extra_context or {}))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup in self.offered(request)

    def offered(self, request: HttpRequest) -> set[str]:
        """Return the parameters that the filters at the side of the list write."""
        names = set()
        for offer in self.get_list_filter(request):
            if isinstance(offer, str):
                ends = ("exact", "id__exact", "isnull")
                names |= {f"{offer}__{end}" for end in ends}
            elif isinstance(offer, type) and issubclass(offer, admin.SimpleListFilter):
                names.add(offer.parameter_name or "")
        return names

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: Any = None
    ) -> Model | None:
        """Return the row; Django fails on an address that ends in `?_to_field=`."""
        return super().get_object(request, object_id, from_field or None)


class FixedRows(OfferedFilters):
    """Rows that are there for good: each can be changed, none added or deleted."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False


class OnlyRead(FixedRows):
    """Rows that are there for good, and are changed elsewhere than in their form.

    So their page leads to no history of what was changed there.
    """

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        extra = {"only_read": True} | (extra_context or {})
        return super().change_view(request, object_id, form_url, extra)

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False
