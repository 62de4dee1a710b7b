from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from services import content_files, loading, versions

CONTENT = Path(content_files.__file__).parent / "content"


class Command(BaseCommand):
    help = (
        "Bring the content files into the database. Rows that staff have edited stay "
        "as they are and are named. Safe to run at any time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--directory",
            type=Path,
            default=CONTENT,
            help="Where clinic.md and its neighbours are (default: %(default)s).",
        )

    def handle(self, *args: object, **options: object) -> None:
        directory = Path(str(options["directory"]))
        try:
            report = loading.load(content_files.read(directory))
        except content_files.ContentFileError as error:
            raise CommandError(str(error)) from error
        versions.keep_all(by=versions.FILES, now=timezone.now())
        for name in report.left:
            self.stdout.write(self.style.WARNING(f"Left alone: {name}"))
        counts = ", ".join(f"{n} {what}" for what, n in sorted(report.counts.items()))
        self.stdout.write(f"Content: {counts or 'nothing to do'}.")
