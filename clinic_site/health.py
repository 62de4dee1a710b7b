"""Whether this process lives, and whether it can serve."""

from functools import cache

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from booking import guards


class MigrationsMissingError(Exception):
    pass


class GuardsMissingError(Exception):
    pass


def why_not_ready() -> str:
    """Return a short reason, or "" when the database answers and is up to date."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        require_migrations()
    except DatabaseError:
        return "The database does not answer."
    except MigrationsMissingError:
        return "Migrations are missing: run manage.py migrate."
    except GuardsMissingError:
        return "The database's guards are gone: run manage.py migrate --skip-checks."
    return ""


@cache
def require_migrations() -> None:
    """Raise if a migration is missing, or a guard; once none is, do not look again.

    Raises MigrationsMissingError or GuardsMissingError.

    A deployment starts new processes, and those look for themselves.
    """
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise MigrationsMissingError
    if guards.missing(connection):
        raise GuardsMissingError
