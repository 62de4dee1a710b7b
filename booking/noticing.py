"""Whose record a request has read, noted where rows become patients.

Below everything else, so that no page can forget to say whom it showed: what was read
from the database while somebody at the desk waited for an answer was disclosed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_patients: ContextVar[set[int] | None] = ContextVar("patients", default=None)


def notice(patient: int) -> None:
    """Note the key of a patient whose row was read, if anybody takes notes."""
    noticed = _patients.get()
    if noticed is not None:
        noticed.add(patient)


@contextmanager
def noticing() -> Iterator[set[int]]:
    """Give the set that fills with the keys of the patients that are read inside."""
    noticed: set[int] = set()
    token = _patients.set(noticed)
    try:
        yield noticed
    finally:
        _patients.reset(token)
