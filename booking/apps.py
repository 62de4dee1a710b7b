from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class BookingConfig(AppConfig):
    name = "booking"
    verbose_name = "Appointments"

    def ready(self) -> None:
        from . import checks  # noqa: F401, PLC0415 -- registers the checks

        post_migrate.connect(assert_guards, sender=self)


def assert_guards(using: str, **kwargs: Any) -> None:
    """Put SQLite's triggers back: Django drops them when it remakes a table."""
    from . import guards  # noqa: PLC0415 -- only once a database is there

    connection = connections[using]
    if "booking_reservation" in connection.introspection.table_names():
        guards.install(connection)
