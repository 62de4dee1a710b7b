"""What the database refuses by itself, whoever writes and by whatever road."""

from datetime import datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import (
    DEFAULT_DB_ALIAS,
    IntegrityError,
    connection,
    connections,
    models,
    transaction,
)
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import DatabaseError
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

from booking import guards
from booking.checks import check_guards, check_isolation
from booking.models import AppointmentEvent, Reservation, Resource
from booking.policy import LONGEST
from clinic_site import health
from tests import factories
from tests.factories import NOW, a_booked_visit, at
from tests.records import nothing_written

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=30)


def a_hold(resource: Resource, start: datetime, end: datetime) -> Reservation:
    """Return an unsaved reservation, as somebody in the shell would write it."""
    return Reservation(
        resource=resource, start=start, end=end, hold_key="shell", expires_at=LATER
    )


@pytest.fixture
def taken() -> Reservation:
    """Give a room that is taken from ten to eleven."""
    row = a_hold(factories.a_room(), at("10:00"), at("11:00"))
    row.save()
    return row


OVERLAPS = {
    "the same": ("10:00", "11:00"),
    "inside": ("10:15", "10:45"),
    "around": ("09:30", "11:30"),
    "its beginning": ("09:30", "10:00:00.000001"),
    "its end": ("10:59:59.999999", "11:30"),
}


@pytest.mark.parametrize("span", OVERLAPS.values(), ids=OVERLAPS.keys())
def test_an_overlap_is_refused(taken, span):
    start, end = map(at, span)

    with (
        nothing_written(),
        pytest.raises(IntegrityError, match=guards.OVERLAP),
        transaction.atomic(),
    ):
        a_hold(taken.resource, start, end).save()


@pytest.mark.parametrize("span", OVERLAPS.values(), ids=OVERLAPS.keys())
def test_moving_a_reservation_onto_another_is_refused(taken, span):
    start, end = map(at, span)
    row = a_hold(taken.resource, at("14:00"), at("15:00"))
    row.save()

    with (
        nothing_written(),
        pytest.raises(IntegrityError, match=guards.OVERLAP),
        transaction.atomic(),
    ):
        Reservation.objects.filter(pk=row.pk).update(start=start, end=end)


def test_moving_a_reservation_to_a_resource_that_is_taken_is_refused(taken):
    row = a_hold(factories.a_room(), at("10:00"), at("11:00"))
    row.save()

    with (
        nothing_written(),
        pytest.raises(IntegrityError, match=guards.OVERLAP),
        transaction.atomic(),
    ):
        Reservation.objects.filter(pk=row.pk).update(resource=taken.resource)


def test_many_rows_at_once_are_refused_together(taken):
    rows = [
        a_hold(taken.resource, at("14:00"), at("15:00")),
        a_hold(taken.resource, at("14:30"), at("15:30")),
    ]

    with (
        nothing_written(),
        pytest.raises(IntegrityError, match=guards.OVERLAP),
        transaction.atomic(),
    ):
        Reservation.objects.bulk_create(rows)


def test_more_than_the_longest_day_of_the_year_is_refused():
    room = factories.a_room()
    start = at("10:00")
    a_hold(room, start, start + LONGEST).save()

    for too_long in (timedelta(minutes=1), timedelta(days=40)):
        with (
            nothing_written(),
            pytest.raises(IntegrityError, match=guards.TOO_LONG),
            transaction.atomic(),
        ):
            a_hold(factories.a_room(), start, start + LONGEST + too_long).save()


def test_neighbours_may_touch(taken):
    a_hold(taken.resource, at("09:00"), at("10:00")).save()
    a_hold(taken.resource, at("11:00"), at("12:00")).save()

    assert Reservation.objects.count() == 3


def test_other_resources_are_free_at_the_same_time(taken):
    a_hold(factories.a_room(), at("10:00"), at("11:00")).save()

    assert Reservation.objects.count() == 2


def test_a_reservation_is_not_in_its_own_way(taken):
    taken.start, taken.end = at("10:30"), at("11:30")

    taken.save()

    taken.refresh_from_db()
    assert (taken.start, taken.end) == (at("10:30"), at("11:30"))


# --- Events ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda events: events.update(reason="patient"),
        lambda events: events.get().save(),
        lambda events: events.delete(),
        lambda events: events.get().delete(),
    ],
    ids=["update", "save", "delete many", "delete one"],
)
def test_an_event_is_never_changed_or_deleted(change):
    visit = a_booked_visit()
    visit.messages.all().delete()

    with (
        nothing_written(),
        pytest.raises(DatabaseError, match=guards.EVENT_FIXED),
        transaction.atomic(),
    ):
        change(AppointmentEvent.objects.filter(appointment=visit, version=2))


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_the_events_are_never_emptied():
    a_booked_visit()

    with (
        nothing_written(),
        pytest.raises(DatabaseError, match=guards.EVENT_FIXED),
        connection.cursor() as cursor,
    ):
        cursor.execute("TRUNCATE booking_appointmentevent CASCADE")


@pytest.mark.sqlite
def test_an_event_is_not_replaced_either():
    """`INSERT OR REPLACE` deletes what is in its way without a trigger for deleting."""
    visit = a_booked_visit()
    last = visit.events.get(version=2)
    columns = "id, appointment_id, version, act, from_status, to_status, reason, actor"
    for key in (last.pk, last.pk + 1000):
        with (
            nothing_written(),
            pytest.raises(DatabaseError, match=guards.EVENT_FIXED),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(
                f"REPLACE INTO booking_appointmentevent ({columns}, at, data,"  # noqa: S608 -- our own names
                " private_note) SELECT %s, appointment_id, version, act, from_status,"
                " to_status, 'forged', actor, at, data, private_note"
                " FROM booking_appointmentevent WHERE id = %s",
                [key, last.pk],
            )


# --- Whether they are there ------------------------------------------------------


FIXED = (
    "event_is_fixed",
    "audit_event_is_fixed",
    "audit_subject_is_fixed",
    "version_is_fixed",
    "kept_picture_is_fixed",
)


def names() -> set[str]:
    tell = {f"{table}_tells_of_change" for table in guards.SET_UP}
    if connection.vendor == "sqlite":
        return {
            "reservation_no_overlap_insert",
            "reservation_no_overlap_update",
            "reservation_within_a_day_insert",
            "reservation_within_a_day_update",
        } | {
            f"{name}_{when}"
            for name in {*FIXED, *tell}
            for when in ("update", "delete", "insert")
        }
    return (
        {"reservation_no_overlap", "reservation_within_a_day"}
        | {f"{name}{of}" for name in FIXED for of in ("", "_truncate")}
        | tell
    )


def test_they_are_all_there_after_migrating():
    assert guards.missing(connection) == set()


def test_what_is_gone_is_named():
    guards.remove(connection)

    assert guards.missing(connection) == names()


def test_they_are_put_back_and_work():
    guards.remove(connection)
    guards.install(connection)
    guards.install(connection)

    room = factories.a_room()
    a_hold(room, at("10:00"), at("11:00")).save()
    with (
        pytest.raises(IntegrityError, match=guards.OVERLAP),
        transaction.atomic(),
    ):
        a_hold(room, at("10:00"), at("11:00")).save()
    assert guards.missing(connection) == set()


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_migrating_puts_back_what_remaking_a_table_dropped():
    now = Reservation._meta.get_field("hold_key")
    longer = models.CharField(max_length=99, blank=True, db_index=True)
    longer.set_attributes_from_name("hold_key")
    with connection.constraint_checks_disabled(), connection.schema_editor() as editor:
        editor.alter_field(Reservation, now, longer, strict=True)
        editor.alter_field(Reservation, longer, now, strict=True)
    dropped = guards.missing(connection)

    call_command("migrate", verbosity=0, skip_checks=True)

    assert dropped == {name for name in names() if name.startswith("reservation")}
    assert guards.missing(connection) == set()


@pytest.mark.django_db(transaction=True)
def test_who_goes_back_in_two_steps_can_write_what_is_set_up():
    clinic = factories.a_clinic()
    try:
        call_command("migrate", "booking", "0039", verbosity=0, skip_checks=True)
        call_command("migrate", "services", "0009", verbosity=0, skip_checks=True)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE services_clinic SET phone = '212-555-0144'")
    finally:
        call_command("migrate", verbosity=0, skip_checks=True)

    clinic.refresh_from_db()
    assert clinic.phone == "212-555-0144"
    assert guards.missing(connection) == set()


# --- The check at the start ------------------------------------------------------


def test_the_check_finds_nothing_wrong():
    assert check_guards(None, databases=[DEFAULT_DB_ALIAS]) == []


def test_the_check_refuses_to_start_without_them_and_says_what_to_do():
    guards.remove(connection)

    [error] = check_guards(None, databases=[DEFAULT_DB_ALIAS])

    assert (error.id, error.is_serious()) == ("booking.E010", True)
    assert all(name in error.msg for name in names())
    assert "manage.py migrate --skip-checks" in error.hint


def test_the_check_lets_a_new_database_be_migrated():
    guards.remove(connection)
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("booking", "0002_database_guards")

    assert check_guards(None, databases=[DEFAULT_DB_ALIAS]) == []


def test_without_a_database_to_ask_the_check_says_nothing():
    assert check_guards(None, databases=None) == []


def test_a_web_process_without_them_is_not_ready():
    health.require_migrations.cache_clear()
    guards.remove(connection)

    assert health.why_not_ready() == (
        "The database's guards are gone: run manage.py migrate --skip-checks."
    )


@pytest.mark.postgresql
def test_postgresql_has_to_be_read_committed():
    database = connections["default"]
    assert check_isolation(None, databases=["default"]) == []
    other = database.copy()
    other.settings_dict["OPTIONS"]["isolation_level"] = ISOLATION_LEVEL_REPEATABLE_READ
    connections["default"] = other
    try:
        found = check_isolation(None, databases=["default"])
    finally:
        connections["default"] = database
        other.close()
    assert [error.id for error in found] == ["booking.E008"]
