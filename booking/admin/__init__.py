"""The front desk's pages. Importing them registers them with the admin site."""

from . import appointment, message, people, setup

__all__ = ["appointment", "message", "people", "setup"]
