"""What the parts of the check share."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

# How long the worker may take for what is due before a person has to look at it.
PATIENCE = timedelta(hours=1)
# So many rows are read at a time.
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: a code for programs, a sentence for a person.

    The sentence names rows by key, never a patient.
    """

    code: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


def pages(rows: "QuerySet[Any]", *columns: Any) -> Iterator[list[tuple[Any, ...]]]:
    """Yield key and columns of the rows, some at a time, each by a query of its own."""
    last = 0
    while page := list(
        rows.filter(pk__gt=last).order_by("pk").values_list("pk", *columns)[:PAGE]
    ):
        yield page
        last = page[-1][0]
