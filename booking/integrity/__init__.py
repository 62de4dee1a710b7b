"""Whether the rows say what the rules promise.

Independent of what keeps the promises: overlaps are looked for by a query of its own,
and each visit is compared with what its events, read one by one, make of it.

Fit for a database of any size while people work in it: everything is read in pages,
each by queries of its own and outside any transaction, so that nothing is locked, no
old row is kept for us, and no statement takes long. An act may then run between two
queries of a page; so what seems wrong is read once more, and is a fault if it still
seems so.
"""

from collections.abc import Iterator
from datetime import datetime

from . import closings, database, messages, people, time, visits
from .fault import Fault

__all__ = ["PARTS", "Fault", "faults", "find"]

PARTS = (database, time, visits, people, messages, closings)


def faults(now: datetime) -> list[Fault]:
    """Return all that is wrong."""
    return list(find(now))


def find(now: datetime) -> Iterator[Fault]:
    """Yield all that is wrong, in memory that does not grow with the rows."""
    for part in PARTS:
        yield from part.find(now)
