"""Sessions in the database, as Django has them, read and written in plain statements.

Nearly every page reads one, and a query of models for it takes ten times as long. One
that is known is written without a transaction around the only statement. Whether what
the clinic has set up is as it was is asked along with it: the page needs that next.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.utils import timezone

from services import rows

MARK, _no_params = rows.MARK


class SessionStore(db.SessionStore):
    def load(self) -> dict[str, Any]:
        """Return what is kept under the key; forget a key that is unknown or over."""
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT session_data, {MARK} FROM django_session"  # noqa: S608
                " WHERE session_key = %s AND expire_date > %s",
                [self.session_key, now],
            )
            found = cursor.fetchone()
        if found:
            data, mark = found
            rows.note(mark)
            return self.decode(data)
        self._session_key = None
        return {}

    def save(self, must_create: bool = False) -> None:
        """Write what is kept. Raises UpdateError if the session is gone meanwhile."""
        if must_create or self.session_key is None:
            return super().save(must_create)

        def check(changed: int) -> None:
            if not changed:
                raise UpdateError

        self._update(check)
        return None

    def save_along(self) -> None:
        """Write it as the last of what is written; see `rows.together`.

        If it is gone meanwhile it is still to be saved, so that this is told as always.
        """

        def note(changed: int) -> None:
            self.modified = not changed

        self._update(note)

    def _update(self, then: Callable[[int], None]) -> None:
        until = connection.ops.adapt_datetimefield_value(self.get_expiry_date())
        rows.execute(
            "UPDATE django_session SET session_data = %s, expire_date = %s"
            " WHERE session_key = %s",
            [self.encode(dict(self.items())), until, self.session_key],
            then,
        )
