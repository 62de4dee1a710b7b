"""Say whether the rows keep the promises; exit with 1 when they do not."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from booking import chores, integrity
from booking.integrity import Fault


class Command(BaseCommand):
    help = (
        "Checks that nothing is double-booked, unexplained, or owed and not sent. What"
        " it finds is on the staff pages, too."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        found = 0

        def told(now: datetime) -> Iterator[Fault]:
            nonlocal found
            for fault in integrity.find(now):
                self.stdout.write(str(fault))
                found += 1
                yield fault

        chores.do(chores.INTEGRITY, lambda now: chores.summed_up(told(now)))
        if found:
            raise CommandError(f"Faults: {found}. Nothing was changed.")
        self.stdout.write("No faults.")
