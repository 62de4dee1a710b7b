"""What the database itself refuses, on PostgreSQL and on SQLite.

Three rules hold whoever writes, by whatever road: no two reservations overlap on one
resource, none is longer than `policy.LONGEST`, and what happened to a visit, who saw
what, and what the site said, is never changed or deleted; but what staff wrote down for
themselves can be taken out when the clinic has to forget a visit. They cannot stand in
`Meta`: Django has no such constraint for SQLite, and its PostgreSQL one is a syntax
error there.

And one is no refusal: whoever changes what the clinic sets up gives it another mark, so
that those who have read it know (`services.rows.set_up`).

SQLite's are triggers, and Django drops those without a word whenever it remakes a table
(most `AlterField`s do). So they are asserted again after every migration, and a check
at start refuses to run without them.
"""

import secrets
from collections.abc import Collection
from datetime import timedelta

from django.db.backends.base.base import BaseDatabaseWrapper

from .policy import LONGEST

OVERLAP = "reservation_no_overlap"
TOO_LONG = "reservation_within_a_day"
EVENT_FIXED = "event_is_fixed"
RESERVATIONS = "booking_reservation"

# Tables whose rows are only ever added: the name of the guard, and the columns of
# which no two rows may have the same.
FIXED = {
    "booking_appointmentevent": (EVENT_FIXED, ("appointment_id", "version")),
    "booking_auditevent": ("audit_event_is_fixed", ()),
    "booking_auditsubject": ("audit_subject_is_fixed", ("event_id", "patient_id")),
    "services_version": ("version_is_fixed", ("kind", "row", "number")),
    "services_keptpicture": ("kept_picture_is_fixed", ("digest",)),
}
# A column of such a table that may be emptied, and all the others.
EMPTIED = {
    "booking_appointmentevent": (
        "private_note",
        (
            "id", "appointment_id", "version", "act", "from_status", "to_status",
            "reason", "actor", "user_id", "at", "data",
        ),
    ),
}  # fmt: skip

# Tables of what the clinic sets up, and the one that tells that it has changed.
SET_UP = (
    "booking_hours",
    "booking_requirement",
    "booking_requirement_suitable",
    "booking_resource",
    "booking_visittype",
    "services_clinic",
    "services_clinician",
    "services_openinghours",
    "services_page",
    "services_screeningquestion",
    "services_service",
)
EDITION = "services_edition"
TELLS = "tells_of_change"

_HOURS = f"{LONGEST // timedelta(hours=1)} hours"

# ruff: noqa: S608 -- built from constants only
# Each guard: its name, its table, and what makes it. datetime() drops parts of a
# second, and here so that both bounds stay safe.
_SQLITE = {
    f"{OVERLAP}_{when.lower()}": (RESERVATIONS, f"""
        CREATE TRIGGER {OVERLAP}_{when.lower()}
        BEFORE {when} ON {RESERVATIONS}
        WHEN EXISTS (
            SELECT 1 FROM {RESERVATIONS} AS other
            WHERE other.resource_id = NEW.resource_id
              AND other.start > datetime(NEW.start, '-{_HOURS}')
              AND other.start < NEW."end" AND other."end" > NEW.start
              AND other.id IS NOT NEW.id
        )
        BEGIN SELECT RAISE(ABORT, '{OVERLAP}'); END
    """)
    for when in ("INSERT", "UPDATE")
} | {
    f"{TOO_LONG}_{when.lower()}": (RESERVATIONS, f"""
        CREATE TRIGGER {TOO_LONG}_{when.lower()}
        BEFORE {when} ON {RESERVATIONS}
        WHEN NEW."end" > datetime(NEW.start, '+{_HOURS}')
        BEGIN SELECT RAISE(ABORT, '{TOO_LONG}'); END
    """)
    for when in ("INSERT", "UPDATE")
}  # fmt: skip
_POSTGRESQL = {
    OVERLAP: (RESERVATIONS, f"""
        ALTER TABLE {RESERVATIONS} ADD CONSTRAINT {OVERLAP}
        EXCLUDE USING gist
            (resource_id WITH =, tstzrange(start, "end", '[)') WITH &&)
    """),
    TOO_LONG: (RESERVATIONS, f"""
        ALTER TABLE {RESERVATIONS} ADD CONSTRAINT {TOO_LONG}
        CHECK ("end" - start <= interval '{_HOURS}')
    """),
}  # fmt: skip
for _table, (_name, _columns) in FIXED.items():
    _emptied, _kept = EMPTIED.get(_table, ("", ()))
    _empties = " AND ".join(
        [
            f"NEW.{_emptied} = '' AND OLD.{_emptied} <> ''",
            *(f'NEW."{c}" IS OLD."{c}"' for c in _kept),
        ]
        if _emptied
        else ["FALSE"]
    )
    for _when, _lets in (("UPDATE", _empties), ("DELETE", "FALSE")):
        _SQLITE[f"{_name}_{_when.lower()}"] = _table, f"""
            CREATE TRIGGER {_name}_{_when.lower()} BEFORE {_when} ON {_table}
            WHEN NOT ({_lets})
            BEGIN SELECT RAISE(ABORT, '{_name}'); END
        """  # fmt: skip
    # INSERT OR REPLACE deletes what stands in its way, and no trigger hears of it.
    # Without an OR that is never true, over which SQLite would read the whole table.
    _same = " AND ".join(f"old.{column} = NEW.{column}" for column in _columns)
    _taken = f"old.id = NEW.id OR ({_same})" if _same else "old.id = NEW.id"
    _SQLITE[f"{_name}_insert"] = _table, f"""
        CREATE TRIGGER {_name}_insert BEFORE INSERT ON {_table}
        WHEN EXISTS (
            SELECT 1 FROM {_table} AS old
            WHERE {_taken}
        )
        BEGIN SELECT RAISE(ABORT, '{_name}'); END
    """  # fmt: skip
    _empties = _empties.replace(" IS ", " IS NOT DISTINCT FROM ")
    _POSTGRESQL[_name] = _table, f"""
        CREATE OR REPLACE FUNCTION {_name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF {_empties} THEN RETURN NEW; END IF;
            END IF;
            RAISE EXCEPTION '{_name}'
            USING ERRCODE = 'integrity_constraint_violation';
        END $$;
        CREATE TRIGGER {_name} BEFORE UPDATE OR DELETE ON {_table}
        FOR EACH ROW EXECUTE FUNCTION {_name}()
    """  # fmt: skip
    _POSTGRESQL[f"{_name}_truncate"] = _table, f"""
        CREATE TRIGGER {_name}_truncate BEFORE TRUNCATE ON {_table}
        EXECUTE FUNCTION {_name}()
    """  # fmt: skip

for _table in SET_UP:
    for _when in ("INSERT", "UPDATE", "DELETE"):
        # No INSERT OR REPLACE: what caused it may say OR IGNORE, and so goes for this.
        _SQLITE[f"{_table}_{TELLS}_{_when.lower()}"] = _table, f"""
            CREATE TRIGGER {_table}_{TELLS}_{_when.lower()} AFTER {_when} ON {_table}
            BEGIN
                UPDATE {EDITION} SET mark = hex(randomblob(16));
                INSERT INTO {EDITION} (id, mark) SELECT 1, hex(randomblob(16))
                WHERE NOT EXISTS (SELECT 1 FROM {EDITION});
            END
        """  # fmt: skip
    # Before, and so with the same lock first whatever it is that two want to change.
    _POSTGRESQL[f"{_table}_{TELLS}"] = _table, f"""
        CREATE OR REPLACE FUNCTION {TELLS}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO {EDITION} (id, mark) VALUES (1, gen_random_uuid())
            ON CONFLICT (id) DO UPDATE SET mark = excluded.mark;
            RETURN NULL;
        END $$;
        CREATE TRIGGER {_table}_{TELLS}
        BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {_table}
        EXECUTE FUNCTION {TELLS}()
    """  # fmt: skip


def install(connection: BaseDatabaseWrapper) -> None:
    """Put the guards in place where they are missing; harmless when repeated."""
    gone = missing(connection)
    if not gone:
        return
    remove(connection, gone)  # one may be there that is not in force
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
        for name, (_table, statement) in _wanted(connection).items():
            if name in gone:
                cursor.execute(statement)
        if any(TELLS in name for name in gone):  # what changed meanwhile nobody told
            cursor.execute(
                f"INSERT INTO {EDITION} (id, mark) VALUES (1, %s)",
                [secrets.token_hex(16)],
            )


def remove(
    connection: BaseDatabaseWrapper, names: Collection[str] | None = None
) -> None:
    """Take guards away, all unless named: for a migration, and for a test's control."""
    with connection.cursor() as cursor:
        if any(TELLS in name for name in names or _wanted(connection)):
            cursor.execute(f"DELETE FROM {EDITION}")  # so that nobody relies on it
        for name, (table, _statement) in _wanted(connection).items():
            if names is not None and name not in names:
                continue
            if connection.vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            elif table == RESERVATIONS:
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
            else:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        if connection.vendor == "postgresql" and names is None:
            for name in [*(name for name, _columns in FIXED.values()), TELLS]:
                cursor.execute(f"DROP FUNCTION IF EXISTS {name}")


def tell_no_more(connection: BaseDatabaseWrapper) -> None:
    """Take away what tells of changes, until `install` puts it back."""
    told = {name for name in _wanted(connection) if TELLS in name}
    if told:
        remove(connection, told)


def missing(connection: BaseDatabaseWrapper) -> set[str]:
    """Return the names of the guards that are not there, as the catalogue has it."""
    if connection.vendor == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = (
            "SELECT conname FROM pg_constraint WHERE convalidated"
            " UNION SELECT tgname FROM pg_trigger WHERE tgenabled = 'O'"
        )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return set(_wanted(connection)) - {name for (name,) in cursor.fetchall()}


def _wanted(connection: BaseDatabaseWrapper) -> dict[str, tuple[str, str]]:
    """Return the guards of the tables that are there; all are, but while migrating."""
    guards = _SQLITE if connection.vendor == "sqlite" else _POSTGRESQL
    there = set(connection.introspection.table_names())
    return {
        name: (table, statement)
        for name, (table, statement) in guards.items()
        if table in there and (EDITION in there or TELLS not in name)
    }
