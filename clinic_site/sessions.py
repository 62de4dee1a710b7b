"""Sessions in the database, as Django has them, read in one plain statement.

Nearly every page reads one, and a query of models for it takes ten times as long.
"""

from typing import Any

from django.contrib.sessions.backends import db
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
