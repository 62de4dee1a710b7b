"""The locks under which time is taken, and what is read under them, in one go."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection

from services import rows
from services.functions import Array, Function

from .visit_type import COULD_TAKE, VisitType, could_take


def _locking(vendor: str) -> str:
    held = """
        SELECT resource_id FROM booking_reservation
        WHERE hold_key = {hold_key} AND hold_key > ''"""
    # On SQLite the IMMEDIATE transaction is already such a lock.
    join, locks = {
        "sqlite": ("group_concat(id)", ""),
        "postgresql": ("string_agg(id::text, ',')", " FOR NO KEY UPDATE"),
    }[vendor]
    keys = f"""
        SELECT id FROM booking_resource WHERE id IN ({COULD_TAKE} UNION {held})
        ORDER BY id{locks}"""  # noqa: S608 -- written in `visit_type`
    return f"(SELECT coalesce({join}, '') FROM ({keys}) AS locked)"  # noqa: S608


# Locks all that a visit of the type could take, and what is held under the key, as
# `Resource.objects.lock` does; gives the keys, sorted.
_LOCK = Function(
    "booking_lock",
    {"visit_type": "bigint", "hold_key": "text"},
    _locking,
    acts=True,
)
# Where PostgreSQL keeps what that gave, for the rest of the transaction.
_KEPT = "current_setting('clinic.locked')"


@dataclass(frozen=True, slots=True)
class Locked:
    """What `locking` locks. `given` gives any query the keys of what may be taken."""

    given: rows.Select | Array
    _told: list[str]

    @property
    def keys(self) -> list[int]:
        """Return them, sorted, once the first query was made."""
        return [int(key) for key in self._told[0].split(",") if key]

    @property
    def also(self) -> list[str]:
        """Return the texts of what was asked along with it."""
        return self._told[1:]


@contextmanager
def locking(
    visit_type: VisitType, hold_key: str = "", *also: rows.Select
) -> Iterator[Locked]:
    """Lock all that a visit of the type may take, and what is held under the key.

    That is done with the first query inside, one of `rows.texts`, which then reads
    what is so under the locks; which they are need not be read before. `also` is asked
    along with it. Before it takes time, the caller clears what is locked.
    """
    lock, params = _LOCK(visit_type=visit_type.pk, hold_key=hold_key)
    if connection.vendor == "sqlite":
        with rows.along((lock, params), *also) as told:
            yield Locked(could_take(visit_type), told)
        return
    # Each of several statements sent in one go sees what was committed by then.
    keep = f"SELECT set_config('clinic.locked', {lock}, true)"
    with rows.along((_KEPT, ()), *also, first=[(keep, params)]) as told:
        yield Locked(Array(f"string_to_array({_KEPT}, ',')::bigint[]"), told)
