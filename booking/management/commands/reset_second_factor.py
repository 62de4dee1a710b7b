from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from booking import second_factor


class Command(BaseCommand):
    help = (
        "Lets an account sign in with its password alone, and set up a phone again:"
        " for when the last manager has lost theirs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no account {username}.")
        if second_factor.remove(user):
            self.stdout.write(f"Account {username}: two-step sign-in is reset.")
        else:
            self.stdout.write(f"Account {username}: had no two-step sign-in.")
