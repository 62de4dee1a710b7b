"""PostgreSQL as Django has it, without a question over the wire before each page.

Django asks a kept connection whether it still stands before it is used again. When the
server ends one, restarts or stops, it says so, and that can be seen without asking. Of
a server that vanished without a word, Django's question would wait for an answer, too.
"""

from select import POLLIN, poll

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        return self._is_quiet() or super().is_usable()

    def _is_quiet(self) -> bool:
        """Tell whether nothing has come over the open connection since it was used."""
        if self.connection is None or self.connection.closed:
            return False
        waiting = poll()
        waiting.register(self.connection.fileno(), POLLIN)
        return not waiting.poll(0)
