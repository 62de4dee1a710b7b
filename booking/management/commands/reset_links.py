from typing import Any

from django.core.management.base import BaseCommand

from booking import clock, workflow


class Command(BaseCommand):
    help = (
        "Ends every private link of patients, and sends new ones for visits that are"
        " not over: for after a restore, as a backup does not know which ended since."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        sent = workflow.reset_every_link(clock.now())
        self.stdout.write(f"All private links have ended; new ones to send: {sent}.")
