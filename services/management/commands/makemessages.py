"""Django's own, with what is the same each time: `make catalogues` calls it."""

from typing import Any

from django.conf import settings
from django.core.management.commands import makemessages

# What only staff read, who read English: paths with wildcards, one a line.
STAFF_ONLY = settings.BASE_DIR / "locale" / "staff-only.txt"


class Command(makemessages.Command):
    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=_g"]

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(
            *args,
            **options
            | {
                "ignore_patterns": STAFF_ONLY.read_text().split(),
                "add_location": "file",
                "no_obsolete": True,
                "no_wrap": True,
            },
        )
