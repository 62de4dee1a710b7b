"""What has to happen before pytest-django reads the settings.

Loaded by `-p` in pyproject.toml, since a conftest comes too late. Gives the tests
an environment of their own, whatever the developer's `.env` says. With
TEST_DATABASE=postgresql, starts a server for them.
"""

import atexit
import gc
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Generator
from itertools import groupby
from pathlib import Path

import pytest

from .postgres import Cluster

ROOT = Path(__file__).parent.parent
DATABASES = ("sqlite", "postgresql")
DATABASE = os.environ.get("TEST_DATABASE", "sqlite")
# Made when the tests begin; other processes may import this module too.
FOLDER = Path(tempfile.gettempdir()) / f"clinic-tests-{secrets.token_hex(4)}"
# For what takes long to make and is only read; `make test` gives all its runs one.
MADE = Path(os.environ.get("TEST_MADE") or FOLDER)

# As in production, but for the address: on loopback there is no https.
ENVIRONMENT = {
    "ENV_FILE": os.devnull,
    "DEBUG": "false",
    "SECRET_KEY": "known-to-the-tests-" + "x" * 50,
    "FIELD_KEYS": "a25vd24tdG8tdGhlLXRlc3RzLW5vdC1hLXNlY3JldCE=",
    "SITE_URL": "http://127.0.0.1:8000",
    "ALLOWED_HOSTS": "127.0.0.1,localhost",
    "DATABASE_URL": f"sqlite:///{FOLDER / 'db.sqlite3'}",
    "EMAIL_URL": "memorymail://",
    "DEFAULT_FROM_EMAIL": "front-desk@clinic.example",
    "CLINIC_PHONE": "(212) 555-0143",
    "STAFF_SECOND_FACTOR": "optional",
    "STAFF_IDLE_MINUTES": "480",
    "STATIC_ROOT": str(MADE / "static"),
}

CLUSTER: Cluster | None = None  # running when the tests are, on PostgreSQL
# What is made once for those of the tests of a file that ask for it.
SHARED = {"first_world", "first_content"}
SEEDED = False  # whether Hypothesis was given a seed; else it tries the same each time

left_out: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None]:
    global CLUSTER
    # A build that is cancelled sends SIGTERM: clean up as for Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
    FOLDER.mkdir(mode=0o700)
    (MADE / "static").mkdir(exist_ok=True)
    for line in (ROOT / ".env.example").read_text().splitlines():
        os.environ.pop(line.lstrip("# ").partition("=")[0], None)
    os.environ.update(ENVIRONMENT)
    if DATABASE == "postgresql":
        CLUSTER = Cluster()
        os.environ["DATABASE_URL"] = CLUSTER.url()
    elif DATABASE != "sqlite":
        raise pytest.UsageError(f"TEST_DATABASE is one of {', '.join(DATABASES)}.")
    yield


def pytest_configure(config: pytest.Config) -> None:
    global SEEDED
    SEEDED = config.getoption("--hypothesis-seed") is not None
    for name in DATABASES:
        config.addinivalue_line("markers", f"{name}: is about {name} alone")
    config.addinivalue_line(
        "markers", "either_database: takes long and is the same on both"
    )


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave out what is about the other database: the other run has it.

    What is the same on both is left to the run on SQLite. In each file those come last
    that share rows, since from then on these are there for all; but before them those
    that have a browser too, since with it this thread takes another connection.
    """
    others = [name for name in DATABASES if name != DATABASE]
    if DATABASE != "sqlite":
        others.append("either_database")
    other = [i for i in items if any(i.get_closest_marker(name) for name in others)]
    if other:
        config.hook.pytest_deselected(items=other)
        items[:] = [item for item in items if item not in other]
    files = groupby(items, key=lambda item: item.path)
    items[:] = [item for _, file in files for item in sorted(file, key=turn_of)]


def turn_of(item: pytest.Item) -> int:
    names = getattr(item, "fixturenames", ())
    return 0 if SHARED.isdisjoint(names) else 1 if "browser" in names else 2


def pytest_collection_finish() -> None:
    """Spare the tests a look at all that was imported, each time garbage is collected.

    Hypothesis and Django make many small objects, few of them in circles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        left_out.append(report.nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped:  # which an expected failure is, too
        left_out.append(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if left_out and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"Database: {DATABASE}")
    for nodeid in left_out:
        terminalreporter.write_line(
            f"FAILED: {nodeid} was skipped or expected to fail; every test must run.",
            red=True,
        )
