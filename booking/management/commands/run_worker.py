"""Send what is owed and do the chores, for as long as it takes."""

import logging
import signal
import time
from argparse import ArgumentParser
from collections.abc import Callable
from threading import Thread
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, connection

from booking import chores, clock, delivery

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.5
# How long a chore in hand may take to end when the worker is told to stop. One that
# takes longer is cut off, and another worker begins it anew when its lease is over.
STOP_SECONDS = 10


class Command(BaseCommand):
    help = (
        "Sends the messages that are owed to patients and does the clinic's chores,"
        " until it is told to stop."
    )

    stopping = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="stop when nothing is due"
        )

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if once:
            delivery.beat(clock.now())
            chores.do_due()
            while delivery.deliver_next():
                pass
            return
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop)
        # Beside the messages: the check of all records may take minutes.
        beside = Thread(target=self.keep, args=[chores.do_due], daemon=True)
        beside.start()
        self.beat_at = clock.now()
        self.keep(self.deliver)
        beside.join(STOP_SECONDS)

    def stop(self, *args: Any) -> None:
        """Finish what is in hand, then end."""
        self.stopping = True

    def deliver(self) -> bool:
        now = clock.now()
        if now >= self.beat_at:
            delivery.beat(now)
            self.beat_at = now + delivery.BEAT
        return delivery.deliver_next()

    def keep(self, do: Callable[[], bool]) -> None:
        """Do it until told to stop, with a pause whenever there was nothing to do."""
        while not self.stopping:
            try:
                found = do()
            except Error as error:
                # Its text may quote a row.
                logger.warning("The database is away: %s", type(error).__name__)
                connection.close()
                found = False
            if not found:
                time.sleep(POLL_SECONDS)
        connection.close()
