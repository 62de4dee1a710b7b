"""The bench runs: `make bench` at a size that proves nothing but that."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import plugin

BOOKING = {
    "VISITS": "0 40 60", "CHECKED": "40",
    "REPEATS": "1", "REQUESTS": "6", "CONNECTIONS": "1 2", "STAFF": "",
}  # fmt: skip
PAGES_OF_STAFF = {"VISITS": "", "STAFF": "1000 1000", "LOOKS": "1"}


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    if plugin.CLUSTER is None:
        yield f"sqlite:///{tmp_path / 'db.sqlite3'}"
        return
    plugin.CLUSTER.execute("CREATE DATABASE bench")
    yield plugin.CLUSTER.url("bench")
    plugin.CLUSTER.execute("DROP DATABASE bench WITH (FORCE)")


def bench(database_url: str, **size: str) -> str:
    """Run it; return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.run"], cwd=plugin.ROOT,
        env=os.environ | size | {"DATABASE_URL": database_url},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_booking_is_measured_in_all_that_it_names(database_url: str):
    said = bench(database_url, **BOOKING)
    rows = re.findall(r"^ +(\d+) +(?:[\d.]+ \([\d.]+\) [\d.]+ +){6}\d+ s$", said, re.M)
    assert rows == ["0", "40", "60"]
    for line in (
        r"check of all records, 40 visits: [\d.]+ s",
        r"last / first: (\d+\.\d\d(, )?){6}\n",
        r"The engine alone, 60 days, ten: [\d.]+",
        r"Queries: free times 1, the page 2\n",
        r"Requests, 1 connection: \d+ a second, .* driver alone \d+; ratio \d\.\d\d;"
        r" ms of processor for each [\d.]+, [\d.]+; ratio \d\.\d\d\n",
        r"Requests, 2 connections: \d+ a second",
        r"The last click of a request, over HTTP: [\d.]+",
        r"Memory of the web processes: \d+, \d+ MB, after all of it \d+, \d+",
    ):
        assert re.search(line, said), (line, said)


@pytest.mark.postgresql  # where copying the database is more than copying a file
def test_each_page_of_the_staff_is_measured(database_url: str):
    said = bench(database_url, **PAGES_OF_STAFF)
    pages = re.findall(
        r"^ +([a-zT][\w, ]+?) +(\d+) / (\d+)(?: +[\d.]+){3}$", said, re.M
    )
    assert len(pages) > 50
    assert all(few == many for _page, few, many in pages), pages
    assert re.search(r"With the trail, .*: Today \d\.\d\d, visits to answer", said)
