"""Clients that act at the same moment: processes of their own, on one real database."""

import multiprocessing
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests import plugin, servers

PROCESSES = 8
THREADS = 4
CLIENTS = PROCESSES * THREADS
WORST_WAIT = 4  # seconds

Task = tuple[Callable[..., Any], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a client was answered: "done" with a value, a refusal's code, or a crash."""

    code: str
    value: Any
    seconds: float


@dataclass(frozen=True, slots=True)
class Job:
    """What the clients of one process do, and when by the monotonic clock."""

    start: float
    tasks: Sequence[Task]


class Crew:
    """Clients that wait for a common start. Each has a database connection of its own.

    As under gunicorn, they are threads of several processes.
    """

    def __init__(self, database_url: str, processes: int) -> None:
        # To set Django up in each would take longer than most races.
        forked = multiprocessing.get_context("forkserver")
        forked.set_forkserver_preload([f"{__package__}.ready"])
        self.pipes: list[Connection] = []
        self.processes = []
        for _ in range(processes):
            ours, theirs = forked.Pipe()
            process = forked.Process(target=work, args=(theirs, database_url))
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)

    def race(self, tasks: Sequence[Task]) -> list[Outcome]:
        """Do the tasks, one for each client, at the same moment; in their order."""
        size = len(self.processes)
        assert len(tasks) <= size * THREADS
        # One clock for all processes on Linux. One client alone has nobody to wait for.
        start = time.monotonic() + (0.05 if len(tasks) > 1 else 0)
        hands = [list(tasks[n::size]) for n in range(size)]
        for pipe, hand in zip(self.pipes, hands, strict=True):
            pipe.send(Job(start, hand))
        answers = [pipe.recv() for pipe in self.pipes]
        return [answers[n % size][n // size] for n in range(len(tasks))]

    def do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Do one thing alone and return what it returned."""
        [outcome] = self.race([(function, arguments)])
        assert outcome.code == "done", outcome
        return outcome.value

    def stop(self) -> None:
        for pipe in self.pipes:
            pipe.send(None)
        for process in self.processes:
            process.join(timeout=servers.STOP_SECONDS)
            assert process.exitcode == 0, f"{process.name} ended: {process.exitcode}"


@contextmanager
def running_crew(processes: int, database_url: str) -> Iterator[Crew]:
    """Run a crew on a database that is there."""
    crew = Crew(database_url, processes)
    try:
        yield crew
    finally:
        crew.stop()


@contextmanager
def new_database() -> Iterator[str]:
    """Give the URL of a database, migrated and empty, that goes afterwards."""
    folder = Path(tempfile.mkdtemp(dir=plugin.FOLDER))
    url = servers.copy_of_template(folder)
    try:
        yield url
    finally:
        if plugin.CLUSTER:
            name = url.rpartition("/")[2]
            plugin.CLUSTER.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        shutil.rmtree(folder)


# --- In each process -------------------------------------------------------------


def work(pipe: Connection, database_url: str) -> None:
    """Do what comes through the pipe until None comes."""
    from clinic_site.settings import DATABASES, database_settings  # noqa: PLC0415

    from . import ready  # noqa: F401, PLC0415 -- only here may Django be set up so

    # It is on the same server, or a file like that of the tests.
    DATABASES["default"]["NAME"] = database_settings(database_url)["NAME"]
    with ThreadPoolExecutor(THREADS) as clients:
        while job := pipe.recv():
            pipe.send(list(clients.map(partial(attempt, job.start), job.tasks)))


def attempt(start: float, task: Task) -> Outcome:
    from booking.errors import BookingError  # noqa: PLC0415 -- after django.setup()

    function, arguments = task
    time.sleep(max(0, start - time.monotonic()))
    began = time.monotonic()
    try:
        code, value = "done", function(*arguments)
    except BookingError as refusal:
        code, value = refusal.code, None
    except Exception as error:
        code, value = f"crash: {error!r}", None
    return Outcome(code, value, time.monotonic() - began)


def codes(outcomes: Sequence[Outcome]) -> Counter[str]:
    """Return how often each answer was given; nobody waited too long for any."""
    assert max(outcome.seconds for outcome in outcomes) < WORST_WAIT, outcomes
    return Counter(outcome.code for outcome in outcomes)
