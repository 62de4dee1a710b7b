"""How long something takes, on a machine that may have other things to do."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time
from typing import Any


@dataclass(frozen=True, slots=True)
class Timed:
    """The shortest and the middle time of many calls, in milliseconds.

    `work` is the middle time in units of a yardstick, a piece of plain Python that ran
    before each call: what else the machine does makes both longer, so that ratios of
    it can be compared from one hour to the next.
    """

    best: float
    middle: float
    work: float

    def __str__(self) -> str:
        return f"{self.best:.1f} ({self.middle:.1f}) {self.work:.2f}"


def timed(
    call: Callable[[], object],
    repeats: int,
    before: Callable[[], object] = lambda: None,
) -> Timed:
    """Time the call, after once to warm up; not what is done before each."""
    call()
    took, work = [], []
    for _ in range(repeats):
        before()
        yard = seconds(yardstick)
        took.append(seconds(call) * 1000)
        work.append(took[-1] / yard / 1000)
    return Timed(min(took), median(took), median(work))


def yardstick() -> None:
    """Do what Python does here: tuples, lists, dictionaries and comparisons."""
    found: dict[int, list[tuple[int, int]]] = {}
    for n in range(10_000):
        found.setdefault(n % 50, []).append((n * 7919 % 10_007, n))
    for spans in found.values():
        spans.sort()


def seconds(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began


def processor(driver: Any) -> float:
    """Return the seconds of processor that this thread and its database have used.

    `driver` is the driver's own connection. Waiting for others is not in it, so that a
    busy machine makes nothing slower.
    """
    own = thread_time()
    if isinstance(driver, sqlite3.Connection):
        return own
    server = Path(f"/proc/{driver.info.backend_pid}/schedstat")
    return own + int(server.read_text().split()[0]) / 1e9
