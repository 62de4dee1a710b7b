"""What `make bench` measures, in order, and says."""

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from time import perf_counter

from django.core.management import call_command
from django.db import connection

from booking import clock
from booking.models import Reservation
from tests import plugin
from tests.race.crew import Crew
from tests.servers import Site, collect_static, running_site

from . import staff
from .clicking import last_clicks
from .filling import Diary, Practice, a_big_practice, far_ahead
from .reading import (
    MONTH,
    SIXTY_DAYS,
    Picker,
    engine_alone,
    free_times,
    queries,
    somebody_else,
)
from .timing import Timed, seconds, timed
from .writing import free_starts, speeds


def numbers(name: str, default: str) -> list[int]:
    return [int(word) for word in os.environ.get(name, default).split()]


VISITS = numbers("VISITS", "0 1000 10000 100000 1000000")
[REPEATS] = numbers("REPEATS", "25")
[REQUESTS] = numbers("REQUESTS", "200")
CONNECTIONS = numbers("CONNECTIONS", "1 8")
[CHECKED] = numbers("CHECKED", "100000")
STAFF = numbers("STAFF", "1000 1000000")
[LOOKS] = numbers("LOOKS", "7")
# From this size on, the visits to come reach beyond what is asked for.
MONTH_IS_FULL = 10_000


def say(line: str = "") -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    call_command("migrate", verbosity=0)
    say(f"=== {machine()}")
    connection.close()  # so that the database can be copied
    with ExitStack() as stack:
        if STAFF:
            pages_of_staff(*staff.databases(os.environ["DATABASE_URL"], STAFF, stack))
    if VISITS:
        booking()
    say()


def booking() -> None:
    practice = a_big_practice()
    with running_site(DATABASE_URL=os.environ["DATABASE_URL"]) as site:
        picker = Picker(practice, clock.now())
        begin = memory(site)
        months(practice, picker, site)
        clicks(practice, site)
        for _ in range(REPEATS):
            picker.over_http(site.url, 20)
        say(f"Memory of the web processes: {begin} MB, after all of it {memory(site)}")


def machine() -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT sqlite_version()")
            version = f"SQLite {cursor.fetchone()[0]}"
            cursor.execute("PRAGMA synchronous")
            safety = f"synchronous = {cursor.fetchone()[0]} (2 is FULL)"
        else:
            major, minor = divmod(connection.pg_version, 10_000)
            version = f"PostgreSQL {major}.{minor}"
            cursor.execute(
                "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
            )
            safety = "fsync {}, synchronous_commit {}".format(*cursor.fetchone())
    load = os.getloadavg()[0]
    return (
        f"{version}, {safety}; Python {platform.python_version()}, {os.cpu_count()}"
        f" processors, load {load:.1f}"
    )


# --- Reading -----------------------------------------------------------------------


def months(practice: Practice, picker: Picker, site: Site) -> None:
    """Say what free times take with ever more visits, then what the engine takes."""
    change = somebody_else(practice)
    reads: dict[str, Callable[[], Timed]] = {
        "month, one": lambda: timed(
            free_times(practice, MONTH, practice.first), REPEATS, change
        ),
        "month, ten": lambda: timed(free_times(practice, MONTH), REPEATS, change),
        "60 days, ten": lambda: timed(
            free_times(practice, SIXTY_DAYS), REPEATS, change
        ),
        "page of one": lambda: picker.over_http(site.url, REPEATS, change),
        "page of any of ten": lambda: picker.over_http(
            site.url, REPEATS, change, picker.of_any
        ),
        "page of one, again": lambda: picker.over_http(site.url, REPEATS),
    }
    say(
        "Milliseconds: the best of many calls, (the middle one), and that one's work in"
    )
    say("units of some plain Python that ran just before each. Ratios are of the work.")
    say("Before each, somebody held another time; not before the same again.")
    say(
        f"{'visits':>9} " + "".join(f"{name:>22}" for name in reads) + "      filled in"
    )
    diary = Diary(clock.now(), CHECKED)
    found: dict[int, list[Timed]] = {}
    for size in sorted(VISITS):
        # Or its key may be one that a copy gets.
        Reservation.objects.filter(hold_key="bench").delete()
        took = seconds(lambda size=size: diary.grow(size))
        found[size] = [read() for read in reads.values()]
        row = "".join(f"{time!s:>22}" for time in found[size])
        say(f"{size:>9} {row} {took:>12.0f} s")
        if size and size == max((n for n in VISITS if n <= CHECKED), default=0):
            check(size, site)
    full = next((size for size in found if size >= MONTH_IS_FULL), max(found))
    for name, size in (
        ("last / first", min(found)),
        (f"last / {full}, when the month is as full", full),
    ):
        pairs = zip(found[max(found)], found[size], strict=True)
        say(f"{name}: " + ", ".join(f"{a.work / b.work:.2f}" for a, b in pairs))
    engine = timed(engine_alone(practice, SIXTY_DAYS), REPEATS)
    say(f"The engine alone, 60 days, ten: {engine}")
    made = queries(free_times(practice, MONTH)) - 1  # which reads the visit type
    say(f"Queries: free times {made}, the page {picker.queries()}")


def check(size: int, site: Site) -> None:
    """Let the check of all records run, and say what it took."""
    began = perf_counter()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "integrity_check"], cwd=plugin.ROOT,
        env=site.environment, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    said = process.stdout.read().decode()
    _pid, status, usage = os.wait4(process.pid, 0)
    assert (status, said) == (0, "No faults.\n"), said
    say(
        f"{'':>9} check of all records, {size} visits: {perf_counter() - began:.1f} s,"
        f" {usage.ru_utime + usage.ru_stime:.1f} s of processor,"
        f" {usage.ru_maxrss // 1024} MB at most"
    )


# --- The pages of the staff ---------------------------------------------------------


def pages_of_staff(few: Crew, many: Crew) -> None:
    """Say of each page what it takes with few visits, and with many."""
    collect_static()
    for crew, visits in zip((few, many), STAFF, strict=True):
        took = staff.fill(crew, visits)
        say(f"{visits:>9} visits with all their history: filled in {took:.0f} s")
    say(
        "Milliseconds of processor, here and in the database: the middle of some looks."
    )
    say(f"{'page of the staff':>28}     queries {STAFF[0]:>9} {STAFF[1]:>9}     ratio")
    for page in staff.pages(few, many, LOOKS):
        say(str(page))
    told = [f"{name} {ratio:.2f}" for name, ratio in staff.trailed(many, LOOKS)]
    say(f"With the trail, to without it: {', '.join(told)}")


# --- Writing -----------------------------------------------------------------------


def clicks(practice: Practice, site: Site) -> None:
    visit_type = far_ahead(practice)
    url = os.environ["DATABASE_URL"]
    for speed in speeds(visit_type, url, CONNECTIONS, REQUESTS):
        say(f"Requests, {speed}")
    starts = list(islice(free_starts(visit_type), REQUESTS // 4 + 2))
    took = last_clicks(site.url, visit_type, starts)
    say(f"The last click of a request, over HTTP: {took}")


def memory(site: Site) -> str:
    """Return how much each web process keeps in memory, in megabytes."""
    [master] = [process.pid for process in site.processes]
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return ", ".join(str(resident(pid)) for pid in children)


def resident(pid: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) // 1024
