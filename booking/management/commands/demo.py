from collections import Counter
from datetime import date, datetime
from time import perf_counter
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from booking.management import demo_weeks
from booking.management.demo_weeks import DemoWeeks
from booking.models import Appointment

from . import load_demo

WEEKS = range(1, 27)


class Command(load_demo.Command):
    clinicians = demo_weeks.CLINICIANS

    help = (
        "Fill a clinic with weeks of made-up visits, half of them past: four "
        "clinicians, three rooms, one machine, visits in every state. Only with "
        "DEBUG, and once for a database. No message is sent."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--weeks", type=int, default=8, help="how many (8)")
        parser.add_argument(
            "--seed", type=int, default=1,
            help="the same seed at the same moment makes the same visits (1)",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        if options["weeks"] not in WEEKS:
            raise CommandError("--weeks is from 1 to 26.")
        self.options = options
        super().handle(*args, **options)

    def refuse_a_real_clinic(self) -> None:
        super().refuse_a_real_clinic()
        if demo_weeks.has_real_patients():
            raise CommandError(
                "There are patients here who were not made up by this. Use a database "
                "of its own: DATABASE_URL=sqlite:///demo.sqlite3"
            )
        if demo_weeks.is_there():
            raise CommandError(
                "The weeks were made before. To make them anew, take a new database."
            )

    def load_visits(self, now: datetime) -> None:
        began = perf_counter()
        weeks = DemoWeeks(
            User.objects.get(username="front-desk"), now,
            weeks=self.options["weeks"], seed=self.options["seed"],
        )  # fmt: skip
        weeks.run(self._say)
        took = perf_counter() - began
        states = Counter(Appointment.objects.values_list("status", flat=True))
        said = ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
        self.stdout.write(f"Demo visits: {states.total()} in {took:.0f} s: {said}")

    def _say(self, day: date) -> None:
        made = Appointment.objects.count()
        self.stdout.write(f"Until {day:%B %-d}: {made} visits")
        self.stdout.flush()
