"""What the database itself refuses, on PostgreSQL and on SQLite.

Three rules hold whoever writes, by whatever road: no two reservations overlap on one
resource, none is longer than `policy.LONGEST`, and an event is never changed or
deleted. They cannot stand in `Meta`: Django has no such constraint for SQLite, and
its PostgreSQL one is a syntax error there.

SQLite's are triggers, and Django drops those without a word whenever it remakes a table
(most `AlterField`s do). So they are asserted again after every migration, and a check
at start refuses to run without them.
"""

from datetime import timedelta

from django.db.backends.base.base import BaseDatabaseWrapper

from .policy import LONGEST

OVERLAP = "reservation_no_overlap"
TOO_LONG = "reservation_within_a_day"
EVENT_FIXED = "event_is_fixed"

_HOURS = f"{LONGEST // timedelta(hours=1)} hours"

# ruff: noqa: S608 -- built from constants only
# datetime() drops parts of a second, and here so that both bounds stay safe.
_SQLITE = (
    {
        f"{OVERLAP}_{when.lower()}": f"""
        CREATE TRIGGER {OVERLAP}_{when.lower()}
        BEFORE {when} ON booking_reservation
        WHEN EXISTS (
            SELECT 1 FROM booking_reservation AS other
            WHERE other.resource_id = NEW.resource_id
              AND other.start > datetime(NEW.start, '-{_HOURS}')
              AND other.start < NEW."end" AND other."end" > NEW.start
              AND other.id IS NOT NEW.id
        )
        BEGIN SELECT RAISE(ABORT, '{OVERLAP}'); END
    """
        for when in ("INSERT", "UPDATE")
    }
    | {
        f"{TOO_LONG}_{when.lower()}": f"""
        CREATE TRIGGER {TOO_LONG}_{when.lower()}
        BEFORE {when} ON booking_reservation
        WHEN NEW."end" > datetime(NEW.start, '+{_HOURS}')
        BEGIN SELECT RAISE(ABORT, '{TOO_LONG}'); END
    """
        for when in ("INSERT", "UPDATE")
    }
    | {
        f"{EVENT_FIXED}_{when.lower()}": f"""
        CREATE TRIGGER {EVENT_FIXED}_{when.lower()}
        BEFORE {when} ON booking_appointmentevent
        BEGIN SELECT RAISE(ABORT, '{EVENT_FIXED}'); END
    """
        for when in ("UPDATE", "DELETE")
    }
)

_POSTGRESQL = [
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    f"""
    ALTER TABLE booking_reservation ADD CONSTRAINT {OVERLAP}
    EXCLUDE USING gist (resource_id WITH =, tstzrange(start, "end", '[)') WITH &&)
    """,
    f"""
    ALTER TABLE booking_reservation ADD CONSTRAINT {TOO_LONG}
    CHECK ("end" - start <= interval '{_HOURS}')
    """,
    f"""
    CREATE FUNCTION {EVENT_FIXED}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '{EVENT_FIXED}'
        USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    f"""
    CREATE TRIGGER {EVENT_FIXED} BEFORE UPDATE OR DELETE ON booking_appointmentevent
    FOR EACH ROW EXECUTE FUNCTION {EVENT_FIXED}()
    """,
    f"""
    CREATE TRIGGER {EVENT_FIXED}_truncate BEFORE TRUNCATE ON booking_appointmentevent
    EXECUTE FUNCTION {EVENT_FIXED}()
    """,
]


def install(connection: BaseDatabaseWrapper) -> None:
    """Put the guards in place where they are missing; harmless when repeated."""
    if not missing(connection):
        return
    remove(connection)
    statements = _SQLITE.values() if connection.vendor == "sqlite" else _POSTGRESQL
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the guards away: to unapply the migration, and for a test's control."""
    if connection.vendor == "sqlite":
        statements = [f"DROP TRIGGER IF EXISTS {name}" for name in _SQLITE]
    else:
        statements = [
            f"ALTER TABLE booking_reservation DROP CONSTRAINT IF EXISTS {OVERLAP}",
            f"ALTER TABLE booking_reservation DROP CONSTRAINT IF EXISTS {TOO_LONG}",
            f"DROP TRIGGER IF EXISTS {EVENT_FIXED} ON booking_appointmentevent",
            f"DROP TRIGGER IF EXISTS {EVENT_FIXED}_truncate"
            " ON booking_appointmentevent",
            f"DROP FUNCTION IF EXISTS {EVENT_FIXED}",
        ]
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def missing(connection: BaseDatabaseWrapper) -> set[str]:
    """Return the names of the guards that are not there, as the catalogue has it."""
    if connection.vendor == "sqlite":
        wanted = set(_SQLITE)
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        wanted = {OVERLAP, TOO_LONG, EVENT_FIXED, f"{EVENT_FIXED}_truncate"}
        query = (
            "SELECT conname FROM pg_constraint WHERE convalidated"
            " UNION SELECT tgname FROM pg_trigger WHERE tgenabled = 'O'"
        )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return wanted - {name for (name,) in cursor.fetchall()}
