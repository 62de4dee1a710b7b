from typing import Any

from django.apps import AppConfig
from django.apps import apps as present
from django.apps.registry import Apps
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate

from services import functions


class BookingConfig(AppConfig):
    name = "booking"
    verbose_name = "Appointments"

    def ready(self) -> None:
        from django.contrib.auth.signals import (  # noqa: PLC0415 -- has models
            user_logged_in,
            user_logged_out,
            user_login_failed,
        )

        from services import translation  # noqa: PLC0415 -- has models

        from . import checks, trail  # noqa: F401, PLC0415 -- registers; has models
        from .models import VisitType  # noqa: PLC0415 -- has models
        from .signing_in import begin_session  # noqa: PLC0415 -- has models

        # Django's own name for it says nothing to a manager.
        present.get_app_config("auth").verbose_name = "Staff accounts"
        translation.KINDS.append(VisitType)
        user_logged_in.connect(begin_session)
        user_logged_in.connect(trail.signed_in)
        user_logged_out.connect(trail.signed_out)
        user_login_failed.connect(trail.not_signed_in)

        pre_migrate.connect(tell_no_more, sender=self)
        post_migrate.connect(assert_guards, sender=self)
        post_migrate.connect(make_functions, sender=self)
        post_migrate.connect(add_chores, sender=self)


def tell_no_more(using: str, plan: list[tuple[Any, bool]], **kwargs: Any) -> None:
    """Take away what tells of changes before a migration is undone.

    It may be undone in several steps, and nothing can be written to a table that tells
    a table which is gone. What is still wanted then is put back.
    """
    from . import guards  # noqa: PLC0415 -- only once a database is there

    if any(backwards for _migration, backwards in plan):
        guards.tell_no_more(connections[using])


def assert_guards(using: str, **kwargs: Any) -> None:
    """Put SQLite's triggers back: Django drops them when it remakes a table."""
    from . import guards  # noqa: PLC0415 -- only once a database is there

    connection = connections[using]
    if "booking_reservation" in connection.introspection.table_names():
        guards.install(connection)


def make_functions(using: str, **kwargs: Any) -> None:
    """Let PostgreSQL have the functions that this version of the site calls."""
    functions.install(connections[using])


def add_chores(using: str, apps: Apps = present, **kwargs: Any) -> None:
    """Add the row of each chore that is new; how often it is done is for the clinic."""
    from .chores import TASKS  # noqa: PLC0415 -- only once a database is there

    try:
        model = apps.get_model("booking", "Chore")
    except LookupError:  # migrated to before there were any
        return
    model._default_manager.using(using).bulk_create(
        [model(name=t.name, every=t.every, at=t.at) for t in TASKS.values()],
        ignore_conflicts=True,
    )
