"""What is in use is not deleted, and the page says so in words."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import model_ngettext
from django.db.models import PROTECT, Model, Q
from django.http import HttpRequest
from django.utils.functional import Promise


class KeptWhileInUse(admin.ModelAdmin):  # type: ignore[type-arg]  # not when it runs
    """Say what needs a row, and what to do instead of deleting it.

    Django would list each row that needs it, by names that only programs know.
    """

    instead: str | Promise

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[Any, Any, Any, Any]:
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
