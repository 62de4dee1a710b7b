"""PostgreSQL as Django has it, but a kept connection is not asked whether it is there.

Django asks before each page and waits for the answer. A server that ends, or that ends
a connection, says so by itself, and what it has said can be seen at no cost. One that
lost its power says nothing; to ask it would wait just as long as the page's own query.
"""

from select import POLLIN, poll

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        if self.errors_occurred or self._has_heard():
            return super().is_usable()
        return True

    def _has_heard(self) -> bool:
        """Tell whether the server has sent something that nobody asked for."""
        if self.connection is None:
            return True
        socket = poll()
        socket.register(self.connection.fileno(), POLLIN)
        return bool(socket.poll(0))
