"""What is asked and done most often, which PostgreSQL keeps as functions.

To read and plan a long statement takes that server longer than to answer it, and it
does so each time. What a function says it plans once in each connection, also behind a
pooler, where prepared statements are not to be had. SQLite gets the same text itself.

They are put in place after every migration, and one that said something else is made
anew. The version of the site that still runs then calls it, too: so what takes or gives
something else needs another name.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from . import rows

PLACE = re.compile(r"{(\w+)}")
NOTHING = "void"

_known: "dict[str, Function]" = {}


class Array(NamedTuple):
    """SQL that is an array, which is planned quicker than what gives its values."""

    sql: str


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """An expression in SQL that gives one text; or, if it gives nothing, a statement.

    `text` returns it for a database vendor. `takes` has the names and PostgreSQL's
    types of values: {name} stands for one, and if it is an array, for what a column is
    compared with, as in `id {wanted}`. What `acts`, locking or changing rows, sees all
    that was committed by then; what only reads, what its whole query sees.
    """

    name: str
    takes: Mapping[str, str]
    text: Callable[[str], str]
    gives: str = "text"
    acts: bool = False

    def __post_init__(self) -> None:
        _known[self.name] = self

    def __call__(self, **given: Any) -> rows.Select:
        """Return what to ask.

        For an array, give a list, or SQL that gives its values; to PostgreSQL, `Array`.

        Instants are as the database has them.
        """
        vendor = connections[DEFAULT_DB_ALIAS].vendor
        ask = _of_postgresql if vendor == "postgresql" else _of_sqlite
        sql, params = ask(self, given)
        return sql, rows.adapted(params)

    def do(self, **given: Any) -> None:
        """Execute it; see `rows.together`."""
        sql, params = self(**given)
        called = connections[DEFAULT_DB_ALIAS].vendor == "postgresql"
        rows.execute(f"SELECT {sql}" if called else sql, params)

    def body(self) -> str:
        numbers = {name: n for n, name in enumerate(self.takes, 1)}

        def number(place: re.Match[str]) -> str:
            mark = f"${numbers[place[1]]}"
            return f"= ANY ({mark})" if self.takes[place[1]].endswith("[]") else mark

        text = PLACE.sub(number, self.text("postgresql"))
        return f"BEGIN {text if self.gives == NOTHING else f'RETURN {text}'}; END"


def _of_postgresql(function: Function, given: Mapping[str, Any]) -> rows.Select:
    marks, params = [], []
    for name, kind in function.takes.items():
        match given[name]:
            case Array(sql):
                marks.append(sql)
            case (str(sql), values):
                marks.append(f"ARRAY({sql})")
                params += values
            case value:
                marks.append(f"%s::{kind}")
                params.append(value)
    return f"{function.name}({', '.join(marks)})", params


def _of_sqlite(function: Function, given: Mapping[str, Any]) -> rows.Select:
    said, params = "", []
    for n, part in enumerate(_parts(function)):
        if n % 2 == 0:
            said += part
            continue
        match given[part]:
            case (str(sql), values):
                said += f"IN ({sql})"
                params += values
            case list(values):
                said += f"IN ({rows.listed(values)[0]})"
                params += values
            case value:
                said += "%s"
                params.append(value)
    return said, params


@cache
def _parts(function: Function) -> list[str]:
    """Return the text for SQLite, every second part of which names a value."""
    return PLACE.split(function.text("sqlite"))


def install(connection: BaseDatabaseWrapper) -> None:
    """Put in place, or make anew, what PostgreSQL lacks; harmless when repeated."""
    with connection.cursor() as cursor:
        for name in missing(connection):
            function = _known[name]
            # Planned for any values: else it plans for each, where it thinks that pays.
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {name}"
                f" ({', '.join(function.takes.values())})"
                f" RETURNS {function.gives} LANGUAGE plpgsql"
                f" {'VOLATILE' if function.acts else 'STABLE'}"
                f" SET plan_cache_mode = force_generic_plan AS $_${function.body()}$_$"
            )


def missing(connection: BaseDatabaseWrapper) -> set[str]:
    """Return the names of those that are not there, or say something else."""
    if connection.vendor != "postgresql":
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, prosrc FROM pg_proc WHERE proname = ANY (%s)"
            " AND pg_function_is_visible(oid)",
            [list(_known)],
        )
        there = set(cursor.fetchall())
    return {name for name, f in _known.items() if (name, f.body()) not in there}
