"""Small tables, read whole: they say what the models say, and what is so now."""

import uuid
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, models, transaction
from django.db.backends.sqlite3 import base
from django.test.utils import CaptureQueriesContext

from booking import guards
from booking.models import (
    Appointment,
    Hit,
    Hours,
    Patient,
    Practice,
    Requirement,
    Resource,
    VisitType,
)
from services import rows
from services.models import Clinic, Clinician, Edition, OpeningHours, Page, Service
from tests import factories

pytestmark = pytest.mark.django_db

TABLES = (
    Resource, Hours, VisitType, Requirement, Requirement.suitable.through,
    Clinic, Clinician, OpeningHours, Page, Service,
)  # fmt: skip


def values(instances: "list[models.Model]") -> list[list[Any]]:
    return [
        [getattr(row, field.attname) for field in row._meta.concrete_fields]
        for row in instances
    ]


def test_the_rows_are_those_that_the_models_read():
    visit_type = factories.a_practice(clinicians=2, rooms=2, is_active=False)
    clinician = Resource.objects.filter(kind=factories.CLINICIAN).latest("pk")
    visit_type.requirements.create(kind="clinician").suitable.set([clinician])
    Hours.objects.create(
        resource=clinician, weekday=5, opens=time(9, 30), closes=time(16, 45),
        break_starts=time(12), break_ends=time(12, 15),
        valid_from=date(2026, 1, 1), valid_until=date(2026, 12, 31),
    )  # fmt: skip
    Page.objects.create(slug="a", title="“Words”, ½ [\\\"']", body="Two\nlines, é 漢")

    with CaptureQueriesContext(connection) as made:
        found = rows.set_up(*TABLES)

    assert len(made) == 1
    for model, whole in zip(TABLES, found, strict=True):
        again = values(sorted(rows.instances(model, whole), key=lambda row: row.pk))
        assert again == values(list(model._default_manager.order_by("pk")))
        assert again


def test_the_rows_are_sorted_as_the_model_says():
    factories.a_clinic()
    for name, order in (("B", 2), ("A", 2), ("C", 1)):
        Page.objects.create(slug=name, title=name, body="", order=order)

    [pages] = rows.set_up(Page)

    assert [page.title for page in rows.instances(Page, pages)] == ["C", "A", "B"]


def test_a_table_without_rows_has_none():
    assert rows.set_up(Page, Resource) == [(), ()]


def test_who_changes_an_instance_changes_it_for_nobody_else():
    factories.a_clinic()
    [found] = rows.set_up(Clinic)
    [clinic] = rows.instances(Clinic, found)
    clinic.name = "Mine"

    [again] = rows.instances(Clinic, *rows.set_up(Clinic))
    assert again.name != "Mine"


def test_a_new_instance_is_what_its_model_makes():
    service = factories.a_visit_type().service
    keys = {"uid": uuid.uuid4(), "request_key": uuid.uuid4()}
    for model, given in (
        (Patient, {"given_name": "Ana"}),
        (VisitType, {"service": service, "code": "x", "holds_first_choice": False}),
        (Appointment, {"patient": None, "visit_type_id": 7, "payer": "x", **keys}),
    ):
        made, again, usual = (
            rows.new(model, **given), rows.new(model, **given), model(**given)
        )  # fmt: skip
        assert made._state.fields_cache == usual._state.fields_cache
        assert vars(made).keys() == vars(usual).keys()
        assert values([made]) == values([usual])
        assert made._state.adding

    # What could be changed is no one else's.
    assert made.payer_details == again.payer_details == {}
    assert made.payer_details is not again.payer_details
    assert rows.new(Appointment).uid != rows.new(Appointment).uid
    with pytest.raises(KeyError):
        rows.new(Patient, name="Ana")


def test_what_is_added_has_what_saving_writes():
    told = {
        "given_name": "Ana", "family_name": "Díaz", "birth_date_text": "1980-02-29",
        "phone": "+12125550143", "email": "Ana@example.com", "voicemail_ok": True,
    }  # fmt: skip
    saved = Patient.objects.create(**told)
    with CaptureQueriesContext(connection) as made:
        added = rows.add_all([Patient(**told), Patient(**told | {"phone": ""})])
    assert len(made) == 1

    for row in added:
        assert (row._state.adding, row._state.db) == (False, saved._state.db)
        assert values([Patient.objects.get(pk=row.pk)]) == values([row])
    one, other = values([saved, added[0]])
    assert one[1:] == other[1:]
    assert [row.pk for row in added] == [saved.pk + 1, saved.pk + 2]


def test_what_is_added_keeps_the_rows_that_it_names():
    service = factories.a_visit_type().service

    row = rows.add(
        VisitType(service=service, code="x", name="X", duration=30, hint="½ %s")
    )

    with CaptureQueriesContext(connection) as made:
        assert row.service is service
    assert not made
    assert values([VisitType.objects.get(pk=row.pk)]) == values([row])


@pytest.mark.sqlite
def test_an_instant_is_written_as_django_writes_it():
    usual = base.DatabaseOperations(connection).adapt_datetimefield_value
    midnight = datetime(2026, 11, 1, 5, tzinfo=UTC)
    for at in (
        None, midnight, midnight.replace(microsecond=7),
        midnight.astimezone(ZoneInfo("America/New_York")),
        midnight.replace(tzinfo=None),
    ):  # fmt: skip
        assert connection.ops.adapt_datetimefield_value(at) == usual(at)


def two_people() -> list[Patient]:
    names = {"family_name": "Díaz", "birth_date_text": "1980-02-29"}
    return [Patient(given_name=name, **names) for name in ("Ana", "Eva")]


def test_what_is_added_together_is_what_is_added_apart():
    apart = rows.add_all(two_people())

    with CaptureQueriesContext(connection) as made:
        with rows.along(*rows.new_keys({Patient: 2})) as keys:
            rows.texts(("1", ()))
        with rows.together({Patient: 2}, keys):
            rows.execute("DELETE FROM booking_patient WHERE given_name = %s", ["Eva"])
            ana, eva = [rows.add(person) for person in two_people()]
            rows.add(Hit(key="needs no key at once", window=1, count=2))

    if connection.vendor == "postgresql":  # one to have the keys, one to write it all
        assert len(made) == 2
    assert Hit.objects.get().count == 2
    assert ana.pk < eva.pk
    assert list(Patient.objects.order_by("pk")) == [apart[0], ana, eva]
    for row in (ana, eva):
        assert (row._state.adding, row._state.db) == (False, apart[0]._state.db)
        assert values([Patient.objects.get(pk=row.pk)]) == values([row])
    assert rows.add(two_people()[0]).pk > eva.pk


def test_what_is_written_last_says_how_many_rows_it_changed():
    rows.add_all(two_people())
    told: list[int] = []

    with rows.together({}, []):
        rows.add_all(two_people())
        rows.execute("UPDATE booking_patient SET email = ''", [], told.append)

    assert told == [4]
    rows.execute("DELETE FROM booking_patient WHERE id = 0", [], told.append)
    assert told == [4, 0]


@pytest.mark.postgresql
def test_nothing_is_written_after_what_says_how_many_rows_it_changed():
    with rows.together({}, []):
        rows.execute("UPDATE booking_patient SET email = ''", [], print)
        with pytest.raises(ValueError, match="the last one"):
            rows.add_all(two_people())

    assert not Patient.objects.exists()


def test_what_is_asked_along_is_asked_once():
    with CaptureQueriesContext(connection) as made, rows.along(("2", ())) as along:
        assert along == []
        assert [rows.texts(("1", ())), rows.texts(("3", ()))] == [[1], [3]]

    assert along == [2]
    assert len(made) == 2
    assert rows.texts(("1", ())) == [1]


def test_what_fails_writes_nothing_of_what_is_added_together():
    @transaction.atomic
    def fail() -> None:
        with rows.together({}, []):
            rows.add_all(two_people())
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        fail()

    assert not Patient.objects.exists()
    rows.add_all(two_people())
    assert Patient.objects.count() == 2


# --- What is set up is read again when it has changed --------------------------------


def titles() -> list[str]:
    [pages] = rows.set_up(Page)
    return [page.title for page in rows.instances(Page, pages)]


def a_page(title: str) -> Page:
    return Page.objects.create(slug=title, title=title, body="")


def test_the_database_tells_of_each_table_of_what_is_set_up():
    visit_type = factories.a_practice(clinicians=1, rooms=1)
    [clinician] = Resource.objects.filter(kind=factories.CLINICIAN)
    visit_type.requirements.create(kind="clinician").suitable.set([clinician])
    visit_type.service.screening_questions.create(code="a", question="A?")
    a_page("A")
    tables = (*Practice.tables(), Clinic, Page)

    assert {model._meta.db_table for model in tables} == set(guards.SET_UP)
    for model in tables:
        before = Edition.objects.get().mark
        model._default_manager.update(id=models.F("id"))
        assert Edition.objects.get().mark != before, model


def test_what_is_added_changed_and_taken_away_is_seen_by_whatever_road():
    said = [titles()]
    with connection.cursor() as cursor:
        a_page("A")
        said.append(titles())
        # On SQLite this is INSERT OR IGNORE, which goes for what a trigger does, too.
        Page.objects.bulk_create(
            [Page(slug="B", title="B", body="")], ignore_conflicts=True
        )
        said.append(titles())
        cursor.execute("UPDATE services_page SET title = 'C' WHERE title = 'B'")
        said.append(titles())
        cursor.execute("DELETE FROM services_page WHERE title = 'A'")
        said.append(titles())

    assert said == [[], ["A"], ["A", "B"], ["A", "C"], ["C"]]


def test_what_was_taken_back_is_not_taken_for_what_came_then():
    a_page("A")
    with transaction.atomic():
        a_page("taken back")
        assert titles() == ["A", "taken back"]
        transaction.set_rollback(True)
    assert titles() == ["A"]
    a_page("B")

    assert titles() == ["A", "B"]


def test_while_nothing_changes_only_that_is_asked():
    a_page("A")
    titles()
    with CaptureQueriesContext(connection) as made:
        titles()
    [query] = made
    assert "services_page" not in query["sql"]

    with CaptureQueriesContext(connection) as made, rows.one_look():
        titles()
        rows.set_up(Page)
    assert len(made) == 1


def test_a_page_that_reads_what_is_new_goes_on_with_that():
    a_page("A")
    titles()
    rows.set_up(Clinic)
    with rows.one_look():
        a_page("B")
        assert titles() == ["A", "B"]
        rows.set_up(Clinic)
        with CaptureQueriesContext(connection) as made:
            assert titles() == ["A", "B"]
    assert not made


def test_where_the_database_does_not_tell_all_is_read_each_time():
    a_page("A")
    assert titles() == ["A"]
    connection.check_constraints()  # none is pending when tables change
    guards.remove(connection)
    Page.objects.update(title="B")
    assert titles() == ["B"]
    Page.objects.update(title="C")

    assert titles() == ["C"]


def test_what_changed_while_nobody_told_is_seen_once_somebody_does_again():
    a_page("A")
    assert titles() == ["A"]
    connection.check_constraints()
    guards.remove(connection)
    Page.objects.update(title="B")

    guards.install(connection)

    assert titles() == ["B"]
