"""Send what is owed, for as long as it takes."""

import logging
import signal
import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, connection

from booking import clock, delivery

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.5
PURGE_EVERY = timedelta(hours=1)


class Command(BaseCommand):
    help = "Sends the messages that are owed to patients, until it is told to stop."

    stopping = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="stop when nothing is due"
        )

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if not once:
            signal.signal(signal.SIGTERM, self.stop)
            signal.signal(signal.SIGINT, self.stop)
        self.beat_at = self.purge_at = clock.now()
        while not self.stopping:
            try:
                self.keep_house()
                found = delivery.deliver_next()
            except Error as error:
                if once:
                    raise
                # Its text may quote a row.
                logger.warning("The database is away: %s", type(error).__name__)
                connection.close()
                found = False
            if not found:
                if once:
                    return
                time.sleep(POLL_SECONDS)

    def stop(self, *args: Any) -> None:
        """Finish the message in hand, then end."""
        self.stopping = True

    def keep_house(self) -> None:
        now = clock.now()
        if now >= self.beat_at:
            delivery.beat(now)
            self.beat_at = now + delivery.BEAT
        if now >= self.purge_at:
            delivery.purge(now)
            self.purge_at = now + PURGE_EVERY
