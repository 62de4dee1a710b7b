"""Measure booking on the configured database server, in a database of its own."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection
from django.test.utils import override_settings

from booking import clock
from booking.management import benching
from booking.management.benching import MONTH, VISITS


class Command(BaseCommand):
    help = (
        "Measures free times and requests. Works in a new database beside yours, which"
        " it never reads, and removes it."
    )

    @override_settings(DEBUG=False)  # which would keep every statement in memory
    def handle(self, *args: Any, **options: Any) -> None:
        with new_database():
            self.measure()

    def measure(self) -> None:
        now = clock.now().replace(minute=0, second=0, microsecond=0)
        visit_type = benching.practice()
        self.say(f"Database: {connection.vendor}")
        speed = benching.requests(visit_type, now)
        self.say(f"Requests: {speed}")
        none = benching.month(visit_type, now)
        self.say(f"A month of free times, no visits: {none}")
        self.say(f"  of which the engine: {benching.engine(visit_type, now)}")
        for where, until in {
            "all in the past": now - timedelta(days=2),
            "half of the month full": now + MONTH / 2,
        }.items():
            benching.fill_diary(visit_type, VISITS, until)
            many = benching.month(visit_type, now)
            ratio = many.milliseconds / none.milliseconds
            self.say(f"With {VISITS} visits, {where}: {many}; ratio {ratio:.2f}")
            self.say(f"  of which the engine: {benching.engine(visit_type, now)}")
            benching.empty_diary()

    def say(self, line: str) -> None:
        self.stdout.write(line)


@contextmanager
def new_database() -> Iterator[None]:
    """Connect to a new, migrated database instead of the configured one."""
    configured = str(connection.settings_dict["NAME"])
    with tempfile.TemporaryDirectory() as folder:
        is_file = connection.vendor == "sqlite"
        name = str(Path(folder) / "bench") if is_file else f"bench_{os.getpid()}"
        connection.settings_dict["TEST"]["NAME"] = name
        connection.creation.create_test_db(verbosity=0, serialize=False)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(configured, verbosity=0)
