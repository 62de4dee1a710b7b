"""Lists of what never stops growing: neither counted to the end nor sorted anew."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from services.list_filters import OfferedFilters

# Nobody turns more pages; what lies further is found by a filter, or by its patient.
LISTED = 5000


class FirstPages(Paginator):
    """The pages of the first rows. However many follow, they are not counted."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by().values("pk")[:LISTED].count()

    @property
    def stops(self) -> bool:
        return self.count == LISTED


class OneOrder(ChangeList):
    """A list in its own order, whatever the address asks for."""

    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[Any]:
        return list(self.model_admin.get_ordering(request))


class LongList(OfferedFilters):
    """A list in an order that has an index, of which the first pages can be turned."""

    paginator = FirstPages
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OneOrder
