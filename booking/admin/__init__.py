"""The front desk's pages. Importing them registers them with the admin site."""

from . import (
    appointment,
    calendar,
    chore,
    closing,
    contact,
    fitness,
    message,
    patient,
    people,
    reports,
    retention,
    setup,
    tasks,
    texts,
    trail,
    waiting,
)

__all__ = [
    "appointment",
    "calendar",
    "chore",
    "closing",
    "contact",
    "fitness",
    "message",
    "patient",
    "people",
    "reports",
    "retention",
    "setup",
    "tasks",
    "texts",
    "trail",
    "waiting",
]
