"""People are found by what is encrypted, through keyed digests beside it."""

from datetime import timedelta
from importlib import import_module

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booking import integrity, workflow
from booking.admin.words import next_step
from booking.encryption import digests
from booking.models import Message, Patient
from booking.names import fold
from tests.factories import (
    NOW,
    a_booked_visit,
    a_front_desk_person,
    a_practice,
    a_request,
    an_offer,
    at,
    patient_details,
    somebody_waiting,
)

from .desk import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

FIND = "/admin/booking/appointment/find/"
INDEXES = ("birth_date_index", "phone_index", "phone_end_index", "email_index")


def a_patient(**values: str) -> Patient:
    return Patient.objects.create(**patient_details(**values))


def faults() -> list[str]:
    return [fault.code for fault in integrity.faults(NOW)]


def found_as(patient: Patient) -> list[Patient]:
    """Return who is found by what the row says, each way the same."""
    patients = Patient.objects.order_by("pk")
    assert patient.birth_date
    ways = [
        list(patients.born_on(patient.birth_date)),
        list(patients.with_phone(patient.phone)),
        list(patients.whose_phone_ends(patient.phone)),
        list(patients.with_email(patient.email.upper())),
        list(patients.named(fold(patient.full_name).split())),
    ]
    assert all(way == ways[0] for way in ways)
    return ways[0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("José  O’Neill-Peña", "jose oneill pena"),
        ("  Łukasz Øster, Jr. ", "lukasz oster jr"),
        ("STRAẞE İpek", "strasse ipek"),
        ("Nguyễn Thị", "nguyen thi"),
        ("Анна", "анна"),
        ("李 小龙", "李 小龙"),
        ("% _ 12", ""),
        ("ﷺ" * 80, ("صلى الله عليه وسلم" * 80)[:200]),
    ],
)
def test_names_are_compared_without_accents_capitals_and_signs(name: str, words: str):
    assert fold(name).split() == words.split()


def test_what_is_stored_tells_only_that_two_are_equal():
    one, same = a_patient(), a_patient()
    other = a_patient(
        given_name="Rosa", phone="+12125550143", email="rosa@example.com",
        birth_date_text="1971-05-06",
    )  # fmt: skip
    stored = list(Patient.objects.order_by("pk").values_list(*INDEXES))

    assert stored[0] == stored[1]
    assert not set(stored[0]) & set(stored[2])
    assert len(set(stored[0])) == len(INDEXES)
    for secret in ("1980", "555", "0199", "pat@"):
        assert secret not in str(stored)
    assert found_as(one) == [one, same]
    assert found_as(other) == [other]
    # Two indexes never agree, even on the same text.
    assert digests("phone_index", "0199") != digests("phone_end_index", "0199")


def test_what_was_not_said_finds_nobody():
    a_patient(phone="", email="", birth_date_text="")

    assert Patient.objects.values_list(*INDEXES).get() == ("",) * 4
    assert not Patient.objects.with_phone("").exists()
    assert not Patient.objects.with_email("").exists()
    assert not Patient.objects.whose_phone_ends("").exists()


def test_the_index_follows_each_way_of_saving():
    patient = a_patient()
    patient.email, patient.given_name = "new@example.com", "Zoë"
    patient.save(update_fields=["email", "given_name"])
    assert found_as(Patient.objects.get()) == [patient]

    Patient.objects.bulk_create([Patient(**patient_details(phone="+12125550143"))])
    made = Patient.objects.latest("pk")
    assert list(Patient.objects.with_phone("+12125550143")) == [made]

    for refused in (
        lambda: Patient.objects.update(phone=""),
        lambda: Patient.objects.bulk_update([made], ["email"]),
    ):
        with transaction.atomic(), pytest.raises(TypeError, match="indexed"):
            refused()
    assert Patient.objects.filter(pk=made.pk).update(voicemail_ok=True) == 1
    assert faults() == []


def test_with_a_new_key_in_front_all_are_found_and_saving_moves_to_it(settings):
    old = settings.FIELD_KEYS
    before = a_patient()
    settings.FIELD_KEYS = [Fernet.generate_key().decode(), *old]
    after = a_patient()
    assert before.phone_index != after.phone_index
    assert found_as(after) == [before, after]
    assert faults() == []

    before.save()
    assert before.phone_index == after.phone_index
    settings.FIELD_KEYS = settings.FIELD_KEYS[:1]
    assert found_as(Patient.objects.get(pk=before.pk)) == [before, after]


def test_the_check_names_who_cannot_be_found_or_read(settings):
    rows = [a_patient() for _ in range(3)]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE booking_patient SET email_index = 'x' WHERE id = %s", [rows[1].pk]
        )
        cursor.execute(
            "UPDATE booking_patient SET family_name = 'X' WHERE id = %s", [rows[2].pk]
        )
    found = list(integrity.faults(NOW))
    assert [fault.code for fault in found] == ["cannot_be_found"] * 2
    assert [str(row.pk) in str(f) for row, f in zip(rows[1:], found, strict=True)]

    for row in rows:
        row.save()
    assert faults() == []
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    assert faults()[:3] == ["unreadable"] * 3


def test_who_was_there_before_is_indexed_by_the_migration():
    patients = [a_patient(), a_patient(phone="", email="", birth_date_text="")]
    right = list(Patient.objects.order_by("pk").values_list("folded_name", *INDEXES))
    with connection.cursor() as cursor:
        for column in ("folded_name", *INDEXES):
            cursor.execute(f"UPDATE booking_patient SET {column} = ''")  # noqa: S608
    assert faults() == ["cannot_be_found"] * len(patients)

    name = "booking.migrations.0019_people_are_found"
    import_module(name).index_who_is_there(apps, None)
    now = list(Patient.objects.order_by("pk").values_list("folded_name", *INDEXES))
    assert now == right


@pytest.mark.parametrize("wanted", ["Example", "0199", "555-0199", "2/29/1980"])
def test_three_are_found_in_as_many_queries_as_one(desk: Client, wanted: str):
    visit_type = a_practice()
    counts = []
    for times in (["10:00"], ["11:00", "12:00"]):
        for time in times:
            a_request(visit_type, at(time))
        with CaptureQueriesContext(connection) as queries:
            desk.post(FIND, {"wanted": wanted}, follow=True)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_more_than_fit_on_a_page_are_said_to_be_more(desk: Client, monkeypatch):
    monkeypatch.setattr("booking.admin.appointment.LIMIT", 1)
    visit_type = a_practice()
    a_request(visit_type, at("10:00"))
    newest = a_request(visit_type, at("11:00"))
    page = desk.post(FIND, {"wanted": "Example"}, follow=True)
    assert list(page.context["found"]) == [newest]
    assert "Only the newest 1 are shown." in text_of(page)


def test_what_is_found_says_what_comes_next(desk: Client):
    visit_type = a_practice()
    asked = a_request(visit_type, at("10:00"))
    late = NOW + timedelta(days=9)
    booked = a_booked_visit(visit_type, at("11:00"))
    waiting = somebody_waiting(visit_type)
    offered = an_offer(somebody_waiting(visit_type), at("15:00"))
    over = workflow.cancel(asked.pk, by=a_front_desk_person(), now=NOW)

    page = text_of(desk.post(FIND, {"wanted": "Example"}, follow=True))
    assert "Example 02/29/1980" in page
    assert next_step(a_request(visit_type, at("12:00")), late).startswith(
        "Answer: late"
    )
    assert [next_step(v, NOW) for v in (booked, waiting, offered, over)] == [
        "Expect them", "Waits for a free time", "The patient chooses a time", "–"
    ]  # fmt: skip
    assert next_step(booked, late) == "Record what became of it"
    Message.objects.filter(appointment=booked).update(failed_at=NOW)
    assert "Phone the patient" in text_of(
        desk.post(FIND, {"wanted": "Example"}, follow=True)
    )
