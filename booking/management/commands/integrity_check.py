"""Say whether the rows keep the promises; exit with 1 when they do not."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from booking import clock, integrity


class Command(BaseCommand):
    help = "Checks that nothing is double-booked, unexplained, or owed and not sent."

    def handle(self, *args: Any, **options: Any) -> None:
        found = integrity.faults(clock.now())
        for fault in found:
            self.stdout.write(str(fault))
        if found:
            raise CommandError(f"Faults: {len(found)}. Nothing was changed.")
        self.stdout.write("No faults.")
