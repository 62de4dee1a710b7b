"""Whether this process lives, and whether it can serve."""

from functools import cache

from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from booking import guards
from services import functions


class NotReadyError(Exception):
    """Pages cannot be shown, for the reason that it says."""


def why_not_ready() -> str:
    """Return a short reason, or "" when pages can be shown.

    That is: the database answers and is up to date, styles and scripts are collected.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        require_migrations()
        require_static_files()
    except DatabaseError:
        return "The database does not answer."
    except NotReadyError as reason:
        return str(reason)
    return ""


@cache
def require_migrations() -> None:
    """Raise NotReadyError if a migration, a guard or a function is missing.

    Once none is, nobody looks again: a deployment starts new processes.
    """
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise NotReadyError("Migrations are missing: run manage.py migrate.")
    if guards.missing(connection):
        raise NotReadyError(
            "The database's guards are gone: run manage.py migrate --skip-checks."
        )
    if functions.missing(connection):
        raise NotReadyError("Functions are missing: run manage.py migrate.")


@cache
def require_static_files() -> None:
    """Raise NotReadyError if a page could name a file not collected."""
    storage = staticfiles_storage
    if isinstance(storage, ManifestFilesMixin):
        for finder in get_finders():
            for path, _ in finder.list([]):
                if storage.hash_key(path) not in storage.hashed_files:
                    raise NotReadyError(
                        "Styles are missing: run manage.py collectstatic, then restart."
                    )
