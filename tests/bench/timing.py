"""How long something takes, on a machine that may have other things to do."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Timed:
    """The shortest and the middle time of many calls, in milliseconds.

    Ratios are of the shortest: whatever else runs can only make a call longer.
    """

    best: float
    middle: float

    def __str__(self) -> str:
        return f"{self.best:.1f} ({self.middle:.1f})"


def timed(call: Callable[[], object], repeats: int) -> Timed:
    """Time the call, after once to warm up."""
    call()
    took = [seconds(call) * 1000 for _ in range(repeats)]
    return Timed(min(took), median(took))


def seconds(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began
