"""Small tables read whole, as many as wanted in one query.

What a clinic sets up are a few dozen rows in many tables, and nearly every page needs
most of them. The database gives each table as one text; what a text says is worked out
once in each process. So a change is seen on the next request everywhere, with nothing
to expire, and nothing is shared that could be changed: instances are made anew.

Of what the clinic sets up, the texts are not read either while the database says that
all is as it was (`set_up`).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.models.base import ModelState

M = TypeVar("M", bound=models.Model)

# The values of each row, of fields that are stored, in their order.
Rows = tuple[tuple[Any, ...], ...]


# Fields that give the database a value of this type, and none, as it stands. Instants
# are not the same in each database.
_PLAIN: dict[type, type] = {
    models.BigAutoField: int,
    models.BooleanField: bool,
    models.CharField: str,
    models.DateTimeField: type(None),
    models.ForeignKey: int,
    models.PositiveIntegerField: int,
    models.PositiveSmallIntegerField: int,
    models.TextField: str,
}

# A field that is written, its attribute, and the type of `_PLAIN`, if it has one.
_Written = tuple["models.Field[Any, Any]", str, type | None]

# An expression in SQL that gives one text, and its parameters.
Select = tuple[str, Sequence[Any]]


# Gives the mark of what is set up as it is now; NULL where the database cannot tell.
MARK: Select = ("(SELECT mark FROM services_edition)", ())

# Of some tables, the last edition that this process has read, and its rows.
_read: dict[tuple[type[models.Model], ...], tuple[str, list[Rows]]] = {}

# The marks that were read for the page that is being made, the last one last.
_marks: ContextVar[list[str | None] | None] = ContextVar("marks", default=None)


@contextmanager
def one_look() -> Iterator[None]:
    """Ask once for the mark, for a page that changes nothing itself."""
    if _marks.get() is not None:
        yield
        return
    token = _marks.set([])
    try:
        yield
    finally:
        _marks.reset(token)


def set_up(*tables: type[models.Model]) -> list[Rows]:
    """Return all rows of each of the tables, sorted as the model says.

    Of tables of which `booking.guards` tells changes: one short query while none has
    changed, a second one for what has; none if a page asks again.
    """
    marks, known = _marks.get(), _read.get(tables)
    if marks and known and marks[-1] == known[0]:
        return known[1]
    return set_up_and(tables)[0]


def set_up_and(
    tables: tuple[type[models.Model], ...], *others: Select
) -> tuple[list[Rows], list[str]]:
    """Return the same, and the texts of the others, all as of one moment."""
    known = _read.get(tables)
    if known:
        mark, *texts_of_others = texts(MARK, *others)
        if mark == known[0]:
            note(mark)
            return known[1], texts_of_others
    # In one query, for only so are these the rows of this edition.
    mark, *found = texts(MARK, *map(select, tables), *others)
    whole = list(map(values, tables, found))
    if mark:
        _read[tables] = mark, whole
    note(mark)
    return whole, found[len(tables) :]


def forget() -> None:
    """Know nothing of what is set up, as a new process does."""
    _read.clear()


def note(mark: str | None) -> None:
    """Let the page that is being made know the mark, if it asks but once."""
    marks = _marks.get()
    if marks is not None:
        marks.append(mark)


def texts(*selects: Select) -> list[str]:
    """Return the text of each, all from one query; see `along`."""
    first, others, answers = _along.get() or ((), (), [])
    _along.set(None)
    asked = *selects, *others
    database = connections[DEFAULT_DB_ALIAS]
    query = (
        f"SELECT {', '.join(sql for sql, _params in asked)}",
        [param for _sql, params in asked for param in params],
    )
    statements = [*first, query]
    if database.vendor != "sqlite":
        statements = [_in_one_go(statements)]
    with database.cursor() as cursor:
        for sql, params in statements:
            cursor.execute(sql, params)
        found = list(cursor.fetchone())
    answers += found[len(selects) :]
    return found[: len(selects)]


def _in_one_go(statements: Sequence[Select]) -> Select:
    """Return some statements as one: the server answers the last of them."""
    return (
        "; ".join(sql for sql, _params in statements),
        [param for _sql, params in statements for param in params],
    )


class _Along(NamedTuple):
    """What is done before the next query, what is asked in it, and its texts then."""

    first: Sequence[Select]
    others: Sequence[Select]
    answers: list[str]


_along: ContextVar[_Along | None] = ContextVar("along", default=None)


@contextmanager
def along(*selects: Select, first: Sequence[Select] = ()) -> Iterator[list[str]]:
    """Ask for these, too, with the first query of `texts` inside, and give their texts.

    So who needs them is spared a query, and whoever makes that one knows nothing of it.
    They are asked after all else in it. `first` are statements to execute before it, in
    the same go: what it reads is as it is after those.
    """
    answers: list[str] = []
    token = _along.set(_Along(first, selects, answers))
    try:
        yield answers
    finally:
        _along.reset(token)


def select(
    model: type[models.Model], where: str = "", params: Sequence[Any] = ()
) -> Select:
    """Return what gives the rows of a table, or those for which a condition holds."""
    database = connections[DEFAULT_DB_ALIAS]
    return text_of(database.vendor, model, where), adapted(params)


def listed(keys: Sequence[int]) -> Select:
    """Return the marks for some primary keys, as IN takes them; none finds nothing."""
    return ", ".join(["%s"] * len(keys)) or "NULL", keys


def adapted(params: Sequence[Any]) -> list[Any]:
    """Return the parameters with instants as the database has them."""
    if not params:
        return []
    adapt = connections[DEFAULT_DB_ALIAS].ops.adapt_datetimefield_value
    return [adapt(p) if isinstance(p, datetime) else p for p in params]


def instances(model: type[M], rows: Rows) -> list[M]:
    """Return new instances of the model, as if each had just been read.

    But nobody is told: no signal is sent, and a `from_db` of its own is not called.
    """
    names = _names(model)
    found = []
    for row in rows:
        made = model.__new__(model)
        state = ModelState()
        state.db, state.adding = DEFAULT_DB_ALIAS, False
        made.__dict__.update(zip(names, row, strict=True), _state=state)
        found.append(made)
    return found


def new(model: type[M], **given: Any) -> M:
    """Return what calling the model with these values does, several times quicker.

    But nobody is told: no signal is sent, and an `__init__` of its own is not called.
    """
    blank = _blank(model)
    made = model.__new__(model)
    state = made._state = ModelState()
    values = made.__dict__
    values.update(blank.lasting)
    for name, value in given.items():
        attname, key = blank.names[name]
        if key:
            state.fields_cache[name] = value
            value = value and getattr(value, key)
        values[attname] = value
    for name, default in blank.anew.items():
        if name not in values:
            values[name] = default()
    return made


class _Blank(NamedTuple):
    """What `new` has to know of a model.

    By each name that can be given the attribute for its value and, if that is a row,
    for what the attribute has of it; the defaults; what makes those that are made for
    each instance.
    """

    names: dict[str, tuple[str, str]]
    lasting: dict[str, Any]
    anew: dict[str, Callable[[], Any]]


@cache
def _blank(model: type[models.Model]) -> _Blank:
    names: dict[str, tuple[str, str]] = {}
    lasting, anew = {}, {}
    for column in model._meta.concrete_fields:
        attname = column.attname
        names[attname] = attname, ""
        if isinstance(column, models.ForeignKey):
            names[column.name] = attname, column.target_field.attname
        if column.has_default() and callable(column.default):
            anew[attname] = column.default
        else:
            lasting[attname] = column.get_default()
    return _Blank(names, lasting, anew)


@cache
def _names(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields)


@dataclass(slots=True)
class _Held:
    """What is to be written in one go, and the primary keys that new rows can have."""

    keys: dict[type[models.Model], list[int]]
    statements: list[str] = field(default_factory=list)
    params: list[Any] = field(default_factory=list)
    then: Callable[[int], None] | None = None


_held: ContextVar[_Held | None] = ContextVar("held", default=None)


# How many rows of each model need their primary keys before they are written.
Counts = Mapping[type[models.Model], int]


def new_keys(counts: Counts) -> list[Select]:
    """Return what takes so many primary keys from their sequences; see `together`."""
    if connections[DEFAULT_DB_ALIAS].vendor == "sqlite":
        return []
    return [
        (
            "nextval(pg_get_serial_sequence(%s, %s))",
            (model._meta.db_table, model._meta.pk.column),
        )
        for model, count in counts.items()
        for _ in range(count)
    ]


@contextmanager
def together(counts: Counts, new: Sequence[str]) -> Iterator[None]:
    """Write all that is added or executed inside in one go, as it ends.

    So many rows of each model have primary keys at once, which are `new`: the texts of
    `new_keys`. All others get theirs as they are written, and nobody learns them. No
    row is to be read inside. Only where each statement goes to a server and back:
    SQLite writes each by itself.
    """
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor == "sqlite":
        yield
        return
    left = map(int, new)
    keys = {model: [next(left) for _ in range(n)] for model, n in counts.items()}
    held = _Held(keys)
    token = _held.set(held)
    try:
        yield
    finally:
        _held.reset(token)
    with database.cursor() as cursor:
        cursor.execute("; ".join(held.statements), held.params)
        if held.then:
            held.then(cursor.rowcount)


def execute(
    statement: str,
    params: Sequence[Any],
    then: Callable[[int], None] | None = None,
) -> None:
    """Execute a statement that gives nothing back; see `together`.

    `then` is told how many rows it changed. Nothing may follow that one there: the
    server tells it of the last statement.
    """
    if held := _held.get():
        if held.then:
            raise ValueError("how many rows it changed is known of the last one alone")
        held.statements.append(statement)
        held.params += params
        held.then = then
        return
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(statement, params)
        if then:
            then(cursor.rowcount)


def add(row: M) -> M:
    """Write a new row in one plain statement, and return it with its primary key.

    It has what `save` writes. No signal is sent, and no `save` of its own is called.
    """
    return add_all([row])[0]


def add_all(added: list[M]) -> list[M]:
    """Do the same for some rows of one model, one at least."""
    # The connection itself: Django looks up which one `connection` is at every use.
    database = connections[DEFAULT_DB_ALIAS]
    model, held = type(added[0]), _held.get()
    keys = held.keys.get(model) if held else None
    if keys is not None:
        for row in added:
            row.pk = keys.pop(0)
    fields, statement, marks, key = _insert(database.vendor, model, keys is not None)
    values: list[Any] = []
    for row in added:
        # Not by getattr, which looks at each for a field that was deferred.
        has = row.__dict__
        for column, attname, plain in fields:
            value = has[attname]
            if plain and (value is None or isinstance(value, plain)):
                values.append(value)
            else:
                values.append(_stored(row, column, value, database))
    statement = f"{statement} {', '.join([marks] * len(added))}"
    if held:
        execute(statement, values)
    else:
        with database.cursor() as cursor:
            cursor.execute(f"{statement} RETURNING {key}", values)
            # In their order, on which Django's `bulk_create` relies, too.
            for row, (made,) in zip(added, cursor.fetchall(), strict=True):
                row.pk = made
    for row in added:
        row._state.db, row._state.adding = database.alias, False
    return added


def _stored(
    row: models.Model,
    field: "models.Field[Any, Any]",
    value: Any,
    database: Any,
) -> Any:
    """Return what the database is given for a value that it does not take as such."""
    if isinstance(value, datetime) and value.tzinfo:
        return database.ops.adapt_datetimefield_value(value)
    return field.get_db_prep_save(field.pre_save(row, add=True), database)


def as_text(vendor: str, columns: str) -> str:
    """Return an aggregate: all rows as one text, a list of lists in JSON."""
    if vendor == "sqlite":
        return f"json_group_array(json_array({columns}))"
    return f"coalesce(json_agg(json_build_array({columns})), '[]')::text"


@lru_cache(maxsize=64)
def text_of(vendor: str, model: type[models.Model], where: str) -> str:
    """Return what `select` asks, with marks for the parameters."""
    quote = connection.ops.quote_name
    names = {f.name: quote(str(f.column)) for f in model._meta.concrete_fields}
    # What to sort by over a relation is left to whoever asks.
    own = [names[str(n)] for n in model._meta.ordering or () if n in names]
    order = ", ".join([*own, names[model._meta.pk.name]])
    table = quote(model._meta.db_table)
    which = f" WHERE {where}" if where else ""
    rows = f"SELECT * FROM {table}{which} ORDER BY {order}"  # noqa: S608 -- our own names
    whole = as_text(vendor, ", ".join(names.values()))
    return f"(SELECT {whole} FROM ({rows}) AS whole)"  # noqa: S608


@lru_cache(maxsize=64)
def _insert(
    vendor: str, model: type[models.Model], has_key: bool
) -> "tuple[list[_Written], str, str, str]":
    """Return the fields that are written, and parts of the statement that does.

    Then the beginning of the statement, the marks for the values of one row, and the
    primary key, which the rows may have already.
    """
    quote = connection.ops.quote_name
    key = model._meta.pk
    fields = [f for f in model._meta.concrete_fields if has_key or f is not key]
    columns = ", ".join(quote(str(field.column)) for field in fields)
    marks = f"({', '.join(['%s'] * len(fields))})"
    table = quote(model._meta.db_table)
    statement = f"INSERT INTO {table} ({columns}) VALUES"
    known = [(f, f.attname, _PLAIN.get(type(f))) for f in fields]
    return known, statement, marks, quote(str(key.column))


@lru_cache(maxsize=64)
def values(model: type[models.Model], text: str) -> Rows:
    """Return the rows that a text of `select` has."""
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
