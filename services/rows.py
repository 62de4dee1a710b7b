"""Small tables read whole, as many as wanted in one query.

What a clinic sets up are a few dozen rows in many tables, and nearly every page needs
most of them. The database gives each table as one text; what a text says is worked out
once in each process. So a change is seen on the next request everywhere, with nothing
to expire, and nothing is shared that could be changed: instances are made anew.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)

# The values of each row, of fields that are stored, in their order.
Rows = tuple[tuple[Any, ...], ...]


def read(*tables: type[models.Model]) -> list[Rows]:
    """Return all rows of each of the tables, sorted as the model says."""
    with connection.cursor() as cursor:
        cursor.execute(_query(connection.vendor, tables))
        texts = cursor.fetchone()
    return [_values(model, text) for model, text in zip(tables, texts, strict=True)]


def instances(model: type[M], rows: Rows) -> list[M]:
    """Return new instances of the model, as if each had just been read."""
    names = [field.attname for field in model._meta.concrete_fields]
    return [model.from_db(connection.alias, names, row) for row in rows]


@lru_cache(maxsize=32)
def _query(vendor: str, tables: Sequence[type[models.Model]]) -> str:
    whole = {
        "sqlite": "json_group_array(json_array({}))",
        "postgresql": "coalesce(json_agg(json_build_array({})), '[]')::text",
    }[vendor]
    quote = connection.ops.quote_name

    def select(model: type[models.Model]) -> str:
        names = {f.name: quote(str(f.column)) for f in model._meta.concrete_fields}
        columns = ", ".join(names.values())
        # What to sort by over a relation is left to whoever asks.
        own = [names[str(n)] for n in model._meta.ordering or () if n in names]
        order = ", ".join([*own, names[model._meta.pk.name]])
        table = quote(model._meta.db_table)
        rows = f"SELECT * FROM {table} ORDER BY {order}"  # noqa: S608 -- our own names
        return f"(SELECT {whole.format(columns)} FROM ({rows}) AS whole)"  # noqa: S608

    return f"SELECT {', '.join(map(select, tables))}"


@lru_cache(maxsize=64)
def _values(model: type[models.Model], text: str) -> Rows:
    columns = [_Column(field) for field in model._meta.concrete_fields]
    return tuple(
        tuple(column.value(found) for column, found in zip(columns, row, strict=True))
        for row in json.loads(text)
    )


class _Column:
    """What makes a value of Python of what JSON has of a field."""

    def __init__(self, field: "models.Field[Any, Any]") -> None:
        self.field = field
        self.itself = field.get_col(field.model._meta.db_table)
        of_database = connection.ops.get_db_converters(self.itself)
        self.converters = of_database + field.get_db_converters(connection)

    def value(self, found: Any) -> Any:
        for convert in self.converters:
            found = convert(found, self.itself, connection)
        return self.field.to_python(found)
