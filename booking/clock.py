"""The one clock. Faces ask it once and hand `now` on; nothing below them does."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """Return the present instant in UTC."""
    return timezone.now()
