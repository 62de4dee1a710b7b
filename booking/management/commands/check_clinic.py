"""Say what is missing before patients are served well; exit with 1 if anything is."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from booking import clock, fitness


class Command(BaseCommand):
    help = (
        "Checks that the clinic is ready for patients: free times, hours, texts, phone,"
        " mail, and pages that nobody has read for a year."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        found = fitness.gaps(clock.now())
        for gap in found:
            self.stdout.write(str(gap))
        if found:
            raise CommandError(f"To do: {len(found)}. Nothing was changed.")
        self.stdout.write("The clinic is ready for patients.")
