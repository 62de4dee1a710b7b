import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import override

from clinic_site.outage import page
from clinic_site.static_files import shortened


class Command(BaseCommand):
    help = (
        "Writes what the proxy shows while no web process answers: for each language a"
        " page that needs no other file, with the telephone number."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for code, _name in settings.LANGUAGES:
            with override(code):
                html = page("503.html", 503).content.decode()
            html = re.sub(r'<link rel="icon".*>\s*', "", html)
            html = re.sub(r'<link rel="stylesheet" href="/static/(.+)">', inlined, html)
            (folder / f"away-{code}.html").write_text(html)


def inlined(link: re.Match[str]) -> str:
    """Return a stylesheet itself, for the address of one."""
    css = Path(str(finders.find(link[1]))).read_text()
    return f"<style>{shortened(css)}</style>"
