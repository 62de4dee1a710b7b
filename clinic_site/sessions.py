"""Sessions in the database, as Django has them, read and written in plain statements.

Nearly every page reads one, and a query of models for it takes ten times as long. One
that is known is written without a transaction around the only statement.
"""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.utils import timezone


class SessionStore(db.SessionStore):
    def load(self) -> dict[str, Any]:
        """Return what is kept under the key; forget a key that is unknown or over."""
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT session_data FROM django_session"
                " WHERE session_key = %s AND expire_date > %s",
                [self.session_key, now],
            )
            found = cursor.fetchone()
        if found:
            return self.decode(found[0])
        self._session_key = None
        return {}

    def save(self, must_create: bool = False) -> None:
        """Write what is kept. Raises UpdateError if the session is gone meanwhile."""
        if must_create or self.session_key is None:
            return super().save(must_create)
        until = connection.ops.adapt_datetimefield_value(self.get_expiry_date())
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE django_session SET session_data = %s, expire_date = %s"
                " WHERE session_key = %s",
                [self.encode(dict(self.items())), until, self.session_key],
            )
            if not cursor.rowcount:
                raise UpdateError
        return None
