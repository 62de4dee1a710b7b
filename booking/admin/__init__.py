"""The front desk's pages. Importing them registers them with the admin site."""

from . import appointment, chore, message, people, setup, waiting

__all__ = ["appointment", "chore", "message", "people", "setup", "waiting"]
