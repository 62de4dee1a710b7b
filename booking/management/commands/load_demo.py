import secrets
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from booking import clock
from booking.management import demo
from services.models import Service

from .load_groups import AUDITOR, CLINICIAN, CONTENT_EDITOR, FRONT_DESK, MANAGER

ACCOUNTS = {
    "front-desk": FRONT_DESK,
    "manager": MANAGER,
    "clinician": CLINICIAN,
    "content-editor": CONTENT_EDITOR,
    "auditor": AUDITOR,
}


class Command(BaseCommand):
    clinicians = 1

    help = (
        "Fill a clinic to try things on: clinicians, rooms, hours, visits, an "
        "account of each role. Only with DEBUG. Safe to run at any time: it adds "
        "what is missing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.refuse_a_real_clinic()
        call_command("load_groups", stdout=self.stdout)
        now = clock.now()
        made = demo.load_resources(self.clinicians) + demo.load_visit_types()
        self.stdout.write(f"Demo schedule: {made or 'nothing'} added")
        if demo.load_closure(now):
            self.stdout.write("Demo closure: one day added")
        self._load_accounts()
        self.load_visits(now)

    def refuse_a_real_clinic(self) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "This makes up patients and accounts, so it runs only with "
                "DEBUG=true. A real clinic is set up in the admin."
            )
        if missing := _missing_services():
            raise CommandError(
                f"There is no service {' or '.join(missing)} yet. "
                "Run `manage.py load_content` first."
            )

    def load_visits(self, now: datetime) -> None:
        try:
            made = demo.load_visits(User.objects.get(username="front-desk"), now)
        except demo.FewFreeTimes:
            self.stdout.write(
                "Demo visits: nothing added, since few times are free in the next weeks"
            )
        else:
            self.stdout.write(f"Demo visits: {made or 'nothing'} added")

    def _load_accounts(self) -> None:
        """Create the staff accounts; a password is told once, when it is made."""
        for username, group in ACCOUNTS.items():
            user, created = User.objects.get_or_create(
                username=username, defaults={"is_staff": True, "first_name": "Demo",
                "last_name": username.replace("-", " ")},
            )  # fmt: skip
            if not created:
                self.stdout.write(
                    f"Account {username}: exists. "
                    f"New password: manage.py changepassword {username}"
                )
                continue
            password = secrets.token_urlsafe(12)
            user.set_password(password)
            user.save()
            user.groups.add(Group.objects.get(name=group))
            if group == CLINICIAN:
                demo.give_a_clinician(user)
            self.stdout.write(
                self.style.WARNING(f"Account {username}: password {password}")
            )


def _missing_services() -> list[str]:
    wanted = {kit.service for kit in demo.KITS}
    there = Service.objects.filter(slug__in=wanted).values_list("slug", flat=True)
    return sorted(wanted - set(there))
