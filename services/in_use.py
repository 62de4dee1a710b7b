"""What is in use is not deleted, and the page says so in words."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import model_ngettext
from django.db import transaction
from django.db.models import PROTECT, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise


class KeptWhileInUse(admin.ModelAdmin):  # type: ignore[type-arg]  # not when it runs
    """Say what needs a row, and what to do instead of deleting it.

    Django would list each row that needs it, by names that only programs know. Whoever
    begins to need it in the same moment either comes first and keeps it, or waits and
    finds it gone.
    """

    instead: str | Promise

    def response_action(
        self, request: HttpRequest, queryset: "QuerySet[Any]", *more: Any
    ) -> HttpResponse | None:
        """Act in one transaction, as Django does on the page of one row."""
        with transaction.atomic():
            return super().response_action(request, queryset, *more)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[Any, Any, Any, Any]:
        if request.method == "POST":
            rows = self.model._default_manager.filter(pk__in=[obj.pk for obj in objs])
            list(rows.order_by("pk").select_for_update(of=("self",)))
        if lines := list(uses(objs)):
            return [], {}, set(), [*lines, str(self.instead)]
        return super().get_deleted_objects(objs, request)


def uses(objs: Iterable[Model]) -> Iterator[str]:
    """Yield how many rows of which kind protect any of these, which are of one kind.

    An `on_delete` of one's own says by `kept`, a Q, which rows it protects.
    """
    rows = list(objs)
    relations = rows[0]._meta.get_fields(include_hidden=True) if rows else []
    for relation in relations:
        on_delete = getattr(relation, "on_delete", None)
        kept = Q() if on_delete is PROTECT else getattr(on_delete, "kept", None)
        if kept is not None and relation.auto_created:
            wanted = {f"{relation.field.name}__in": rows}  # type: ignore[union-attr]
            model: Any = relation.related_model
            if count := model._default_manager.filter(kept, **wanted).count():
                yield f"{count} {model_ngettext(model, count)}"
