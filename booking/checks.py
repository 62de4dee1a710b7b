"""What is wrong with the settings together, named at start with a hint.

`settings` refuses what is wrong in itself. The tag `clinic` is what the web server and
the worker check too when they start; checks with the tag `database` ask the database.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.transaction import atomic
from django.db.utils import OperationalError

from . import guards

CLINIC = "clinic"
SMTP = "django.core.mail.backends.smtp.EmailBackend"
LOOPBACK = ("127.0.0.1", "localhost", "::1")

Apps = Sequence[AppConfig] | None


@register(CLINIC)
def check_driver(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Refuse psycopg 3: Django takes it whenever it can be imported.

    The error map of `workflow` was proved with psycopg2's errors.
    """
    if settings.DATABASES["default"]["ENGINE"] != "clinic_site.postgresql":
        return []
    from django.db.backends.postgresql.psycopg_any import (  # noqa: PLC0415 -- its driver
        is_psycopg3,
    )

    if not is_psycopg3:
        return []
    return [
        Error(
            "psycopg 3 is installed, so Django would use it instead of psycopg2.",
            hint="Run: pip uninstall psycopg psycopg-binary psycopg-c",
            id="booking.E001",
        )
    ]


@register(CLINIC)
def check_transactions(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Refuse settings under which what a transaction checked may not stay true."""
    database = settings.DATABASES["default"]
    options = database.get("OPTIONS", {})
    errors: list[CheckMessage] = []
    is_sqlite = database["ENGINE"] == "clinic_site.sqlite"
    if is_sqlite and options.get("transaction_mode") != "IMMEDIATE":
        errors.append(
            Error(
                "SQLite does not take the write lock when a transaction begins.",
                hint='Set "transaction_mode": "IMMEDIATE" in DATABASES["default"]'
                '["OPTIONS"], as clinic_site/settings.py does.',
                id="booking.E002",
            )
        )
    if database.get("ATOMIC_REQUESTS"):
        errors.append(
            Error(
                "ATOMIC_REQUESTS is on: on SQLite, pages would wait for each other,"
                " and booking needs to open its transactions itself.",
                hint="Take ATOMIC_REQUESTS out of DATABASE_URL or of settings.py.",
                id="booking.E003",
            )
        )
    return errors


@register(CLINIC)
def check_keys(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a key that could not encrypt what patients tell us."""
    for place, key in enumerate(settings.FIELD_KEYS, start=1):
        try:
            Fernet(key)
        except ValueError:
            return [
                Error(
                    f"Key {place} in FIELD_KEYS is not a Fernet key:"
                    " 32 bytes in URL-safe base64.",
                    hint="Make one with: python -c 'from cryptography.fernet import"
                    " Fernet; print(Fernet.generate_key().decode())'. Put it first and"
                    " keep the old ones behind it, separated by commas.",
                    id="booking.E004",
                )
            ]
    return []


@register(CLINIC)
def check_addresses(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Refuse addresses that would expose patients or lead them nowhere."""
    if settings.DEBUG:
        return []
    found: list[CheckMessage] = []
    site = urlsplit(settings.SITE_URL)
    if not settings.HTTPS and site.hostname not in LOOPBACK:
        found.append(
            Error(
                f"SITE_URL is {settings.SITE_URL}: patients' answers would cross the"
                " network in the clear.",
                hint="Write https://… and let a proxy hold the certificate, as in"
                " deploy/nginx.conf.",
                id="booking.E005",
            )
        )
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "ALLOWED_HOSTS accepts every name: '*'.",
                hint=f"Name the hosts that serve the site: {site.hostname}",
                id="booking.E006",
            )
        )
    elif not serves(site.hostname or ""):
        found.append(
            Error(
                f"ALLOWED_HOSTS does not name the host of SITE_URL, {site.hostname}:"
                " every page would be a 400.",
                hint=f"Add it: ALLOWED_HOSTS={site.hostname}",
                id="booking.E007",
            )
        )
    if settings.HTTPS and not settings.TRUSTED_PROXIES:
        found.append(
            Warning(
                "SITE_URL has https but TRUSTED_PROXIES is 0: behind a proxy, every"
                " page would redirect to itself, and all patients share one limit.",
                hint="Set TRUSTED_PROXIES=1 behind one proxy that sets X-Forwarded-For"
                " and X-Forwarded-Proto.",
                id="booking.W001",
            )
        )
    return found


@register(CLINIC)
def check_mail(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Warn of mail that counts as sent and reaches nobody."""
    if settings.DEBUG or settings.EMAIL_BACKEND == SMTP:
        return []
    return [
        Warning(
            f"Messages go to {settings.EMAIL_BACKEND}, not to a mail server: they"
            " count as sent, and no patient gets them.",
            hint="Write EMAIL_URL=smtps://user:password@host:587.",
            id="booking.W002",
        )
    ]


def serves(host: str) -> bool:
    return any(
        host == allowed or (allowed.startswith(".") and f".{host}".endswith(allowed))
        for allowed in settings.ALLOWED_HOSTS
    )


@register(Tags.database)
def check_isolation(
    app_configs: Apps, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Refuse any isolation on PostgreSQL but READ COMMITTED.

    Under REPEATABLE READ the snapshot is older than the lock that `workflow` takes, so
    it would check the past.
    """
    return [
        Error(
            f"PostgreSQL's isolation level is {level}; it has to be READ COMMITTED.",
            hint="Run: ALTER ROLE … RESET default_transaction_isolation, and take"
            " isolation_level out of the settings.",
            id="booking.E008",
        )
        for alias in databases or []
        if (level := isolation(connections[alias])) != "read committed"
    ]


def isolation(connection: BaseDatabaseWrapper) -> str:
    """Return the level of a new transaction, in lower case.

    SQLite has one writer at a time, so there it is as good. A database that is away is
    not a wrong setting.
    """
    if connection.vendor != "postgresql":
        return "read committed"
    try:
        # Within a transaction, for psycopg2 sets the level when it begins one.
        with atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            return str(cursor.fetchone()[0])
    except OperationalError:
        return "read committed"


@register(Tags.database)
def check_guards(
    app_configs: Apps, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Refuse a database that would let itself be double-booked, or history changed."""
    return [
        Error(
            f"The database has lost its guards: {', '.join(sorted(lost))}.",
            hint="Run: python manage.py migrate --skip-checks, which puts them back,"
            " then: python manage.py integrity_check.",
            id="booking.E010",
        )
        for alias in databases or []
        if (lost := lost_guards(connections[alias]))
    ]


def lost_guards(connection: BaseDatabaseWrapper) -> set[str]:
    """Return the guards that a migration put in place and that are gone.

    A database that is away, or new, is not a wrong setting.
    """
    try:
        applied = MigrationRecorder(connection).applied_migrations()
        if ("booking", "0002_database_guards") in applied:
            return guards.missing(connection)
    except OperationalError:
        pass
    return set()
