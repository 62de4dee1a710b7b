"""SQLite as Django has it, with connections that last from one page to the next.

To open one reads the whole schema, and to close the last one moves the log into the
file. Kept, they would go on with a file that somebody has put another in place of, and
what patients then send would be lost: Django asks each before it is used again.

Of those who wait to write, nobody has a turn: whoever looks when nobody writes is next.
SQLite looks ever more rarely, at last ten times a second, and would find the worker or
other pages at it for seconds. So here each looks every few milliseconds.
"""

import os
import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db.backends.sqlite3 import base, operations

# For so many milliseconds, in which it looks four times, SQLite waits by itself.
LOOK = 20
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY)


class Cursor(base.SQLiteCursorWrapper):
    """Django's, but a statement that was asked before has its marks changed already.

    While others write, it is tried again and again, for `patience` seconds.
    """

    patience = 20.0

    def execute(self, query: str, params: Any = None) -> Any:
        until = 0.0
        while True:
            try:
                return super().execute(query, params)
            except sqlite3.OperationalError as error:
                now = time.monotonic()
                until = until or now + self.patience
                code = getattr(error, "sqlite_errorcode", None)
                if code not in BUSY or now >= until:
                    raise

    def convert_query(
        self, query: str, *, param_names: Sequence[str] | None = None
    ) -> str:
        if param_names is None:
            return _with_question_marks(query)
        return super().convert_query(query, param_names=param_names)


@lru_cache(maxsize=500)
def _with_question_marks(query: str) -> str:
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class Operations(operations.DatabaseOperations):
    """Django's, but instants in UTC, as nearly all are, are written at once."""

    def adapt_datetimefield_value(self, value: Any) -> str | None:
        if type(value) is datetime and value.tzinfo is self.connection.timezone is UTC:
            return str(value.replace(tzinfo=None))
        return super().adapt_datetimefield_value(value)


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = Operations
    opened: tuple[int, int] | None = None

    def create_cursor(self, name: str | None = None) -> Any:
        return self.connection.cursor(factory=Cursor)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        made = super().get_new_connection(conn_params)
        made.execute(f"PRAGMA busy_timeout = {LOOK}")
        self.opened = self._file()
        return made

    def is_usable(self) -> bool:
        return super().is_usable() and self._file() == self.opened

    def _file(self) -> tuple[int, int] | None:
        """Return what tells the file from others; None if it is not there."""
        try:
            found = os.stat(self.settings_dict["NAME"])  # noqa: PTH116 -- each page asks
        except OSError:
            return None
        return found.st_dev, found.st_ino
