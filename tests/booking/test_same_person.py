"""Who may be the same person is suggested beside what differs, and never joined."""

import uuid

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from booking import integrity, workflow
from booking.errors import NotAllowed
from booking.models import Appointment, AppointmentEvent, AuditEvent, Merge, Patient
from booking.names import fold
from booking.same_person import COMPARED, SHOWN, is_same_name, suggest
from booking.workflow import By
from tests.factories import NOW, a_practice, a_request, at, patient_details
from tests.records import nothing_written

from .desk import a_colleague, address, said, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

ROSA = patient_details(
    given_name="Rosa", family_name="Alvarez", birth_date_text="1971-05-06",
    phone="+12125550143", email="rosa@example.com",
)  # fmt: skip


def a_patient(**values: str) -> Patient:
    return Patient.objects.create(**ROSA | values)


def page_of(patient: Patient) -> str:
    return reverse("admin:patient", args=[patient.pk])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Rosa Alvarez", "álvarez ROSA", True),
        ("Rosa Alvarez", "Rosa Maria Alvarez", True),
        ("Rosa Alvarez", "Rosa Alvares", True),
        ("Rosa Alvarez", "Rosa", False),
        ("Rosa Alvarez", "Maria Alvarez", False),
        ("Rosa Alvarez", "Rosa Lopez", False),
        ("李 小龙", "李 小龙", True),
    ],
)
def test_names_are_the_same_in_another_order_shorter_or_mistyped(
    one: str, other: str, same: bool
):
    assert is_same_name(fold(one), fold(other)) is same
    assert is_same_name(fold(other), fold(one)) is same


@pytest.mark.parametrize(
    ("values", "likely", "same", "differs"),
    [
        ({}, True, "name, birth date, phone, email", ""),
        ({"phone": "", "email": ""}, True, "name, birth date", ""),
        ({"birth_date_text": "", "email": ""}, True, "name, phone", ""),
        ({"email": "ROSA@example.com", "phone": ""}, True, "name, birth date, email",
         ""),
        ({"given_name": "Luis"}, False, "birth date, phone, email", "name"),
        ({"birth_date_text": "1999-01-01"}, False, "name, phone, email", "birth date"),
        ({"given_name": "Luis", "birth_date_text": "1999-01-01", "email": ""}, False,
         "phone", "name, birth date"),
    ],
)  # fmt: skip
def test_who_may_be_the_same_person_is_said_with_what_differs(
    values: dict[str, str], likely: bool, same: str, differs: str
):
    rosa, other = a_patient(), a_patient(**values)

    for one, two in ((rosa, other), (other, rosa)):
        [found] = suggest(one).shown
        assert found.patient == two
        assert found.likely is likely
        assert (", ".join(found.same), ", ".join(found.differs)) == (same, differs)


@pytest.mark.parametrize(
    "values",
    [
        {"phone": "+12125550199", "email": "r@example.com", "birth_date_text": ""},
        {"given_name": "Luis", "phone": "", "email": ""},
        {"phone": "", "email": "", "birth_date_text": ""},
    ],
)
def test_a_name_or_a_birthday_alone_is_no_reason(values: dict[str, str]):
    rosa = a_patient()
    a_patient(**values)
    assert suggest(rosa).shown == []


def test_records_under_an_older_key_are_compared_too(settings):
    before = a_patient()
    settings.FIELD_KEYS = [Fernet.generate_key().decode(), *settings.FIELD_KEYS]
    after = a_patient()
    assert [a.patient for a in suggest(after).shown] == [before]
    assert [a.patient for a in suggest(before).shown] == [after]


def test_many_cost_two_queries_and_the_rest_are_counted():
    rosa = a_patient()
    with CaptureQueriesContext(connection) as queries:
        assert suggest(rosa).shown == []
    assert len(queries) == 1
    Patient.objects.bulk_create([Patient(**ROSA) for _ in range(COMPARED + 5)])
    with CaptureQueriesContext(connection) as queries:
        found = suggest(rosa)
    assert len(queries) == 2
    assert (len(found.shown), found.more) == (SHOWN, COMPARED - SHOWN)


def three_records(visit_type) -> list[Appointment]:
    """Let Rosa ask twice, the second time by phone alone, and her brother once."""
    return [
        a_request(visit_type, at(time), patient=ROSA | values)
        for time, values in (
            ("10:00", {}),
            ("11:00", {"birth_date_text": "", "email": ""}),
            ("12:00", {"given_name": "Luis", "email": "", "birth_date_text": ""}),
        )
    ]


def test_a_patients_page_shows_their_visits_and_who_else_they_may_be(desk: Client):
    rosa, again, luis = three_records(a_practice())

    page = desk.get(page_of(rosa.patient))
    said = text_of(page)
    for visit in (rosa, again, luis):
        assert visit.reference in said
        assert address("change", visit) in page.text
    same, family = said.index("Perhaps the same person"), said.index("Families share")
    assert said.index(rosa.reference) < same < said.index(again.reference) < family
    assert family < said.index(luis.reference)
    assert "Birth date: not known May 6, 1971 –" in said
    assert "Name: differs Rosa Alvarez Luis Alvarez" in said
    [event] = AuditEvent.objects.filter(action="view")
    assert {s.patient_id for s in event.subjects.all()} == {
        visit.patient_id for visit in (rosa, again, luis)
    }


def test_a_patients_page_costs_the_same_for_one_and_for_three(desk: Client):
    visit_type = a_practice()
    rosa = a_request(visit_type, at("09:00"), patient=ROSA).patient
    counts = []
    for times in (["09:30"], ["10:00", "11:00"]):
        for time in times:
            a_request(visit_type, at(time), patient=ROSA)
        with CaptureQueriesContext(connection) as queries:
            desk.get(page_of(rosa))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_from_the_patients_page_another_visit_is_booked_for_them(desk: Client):
    rosa = a_request(patient=ROSA).patient
    page = desk.get(page_of(rosa))
    form = page.text.partition('<form method="post" action="/admin/booking/')[2]
    fields = {
        name: value.partition('"')[0]
        for name, _, value in (
            part.partition('" value="')
            for part in form.partition("</form>")[0].split('name="')[1:]
        )
    }
    there = reverse("admin:booking_appointment_phone")
    with nothing_written():
        page = desk.post(there, fields)
    for typed in ("Rosa", "Alvarez", "+12125550143", "rosa@example.com", "1971"):
        assert f'value="{typed}"' in page.text


def test_a_caller_who_may_be_known_is_said_to_be_and_nothing_is_joined(desk: Client):
    rosa = a_request(patient=ROSA)
    there = reverse("admin:booking_appointment_phone")
    typed = {"form_key": str(uuid.uuid4()), "know": "", "given_name": "Róza"}

    assert "Write the phone number" in text_of(desk.post(there, typed))
    page = text_of(desk.post(there, typed | {"phone": "646 555 0100"}))
    assert "Nobody on record" in page
    with nothing_written():
        page = desk.post(
            there, typed | {"family_name": "Alvarez", "phone": "(212) 555-0143"}
        )
    assert "Perhaps the same person" in text_of(page)
    assert page_of(rosa.patient) in page.text
    assert Patient.objects.count() == 1


def test_a_visits_page_names_who_shares_something(desk: Client):
    rosa, again, luis = three_records(a_practice())
    page = desk.get(address("change", luis))
    assert "Somebody else at the same phone" in text_of(page)
    assert page_of(rosa.patient) in page.text
    assert page_of(again.patient) in page.text


@pytest.mark.parametrize("group", ["Clinician", "Content editor", "Auditor"])
def test_who_may_not_see_visits_sees_no_patient(client: Client, group: str):
    rosa = a_request(patient=ROSA).patient
    client.force_login(a_colleague(group, username="ben"))
    assert client.get(page_of(rosa)).status_code == 403


# --- Joining them ------------------------------------------------------------------


def join(
    client: Client, patient: Patient, second: Patient, **data: str
) -> HttpResponse:
    there = reverse("admin:merge", args=[patient.pk])
    return client.post(there, {"other": str(second.pk), "sure": "1"} | data)


def test_staff_join_two_records_and_undo_that(desk: Client):
    by_mail, by_phone, _ = three_records(a_practice())
    rosa, other = by_mail.patient, by_phone.patient
    newest = AppointmentEvent.objects.latest("pk").pk

    for _ in range(2):
        assert said(join(desk, rosa, other))[-1] == "Joined: two records of one person."

    merge = Merge.objects.get()
    assert (merge.patient, merge.duplicate, merge.at) == (rosa, other, NOW)
    assert merge.user.username == "ana"
    events = AuditEvent.objects.filter(action="change")
    assert [event.data for event in events] == [{"merge": "made"}]
    subjects = {subject.patient_id for subject in events.get().subjects.all()}
    assert subjects == {rosa.pk, other.pk}
    page = text_of(desk.get(page_of(rosa)))
    assert "Other records of this person" in page
    assert by_phone.reference in page
    assert "Perhaps the same person" not in page
    second = text_of(desk.get(page_of(other)))
    assert "This is a second record of one person" in second
    assert "Joined by Ana Demo" not in second
    # What was told, and where messages go, is as it was.
    assert AppointmentEvent.objects.latest("pk").pk == newest
    by_phone.refresh_from_db()
    assert by_phone.patient == other

    for _ in range(2):
        assert "two people" in said(join(desk, rosa, other, undo="1"))[-1]
    merge.refresh_from_db()
    assert (merge.undone_at, merge.undone_by) == (NOW, merge.user)
    assert "Perhaps the same person" in text_of(desk.get(page_of(rosa)))
    assert integrity.faults(NOW) == []


def test_records_are_joined_only_by_who_asked_and_to_another_record(desk: Client):
    rosa, other = a_patient(), a_patient()

    with nothing_written():
        unsure = join(desk, rosa, other, sure="")
        itself, nobody = join(desk, rosa, rosa), join(desk, rosa, other, other="x")

    assert said(unsure) == ["Ask the person first, then tick that you did."]
    for response in (itself, nobody):
        assert said(response)[-1] == "Choose another record."


def test_a_record_has_one_first_record_and_nobody_has_to_follow_two_steps(desk: Client):
    rosa, second, third = a_patient(), a_patient(), a_patient()
    join(desk, rosa, second)

    with nothing_written():
        for patient, other in (
            (second, rosa), (third, second), (second, third), (third, rosa),
        ):  # fmt: skip
            assert said(join(desk, patient, other))[-1].startswith(
                "One of these records is joined to another already."
            )
    join(desk, rosa, third)
    assert Merge.objects.standing().count() == 2
    assert suggest(third).shown == suggest(rosa).shown == []


def test_a_chain_of_records_is_a_fault():
    one, two, three = a_patient(), a_patient(), a_patient()
    user = a_colleague()
    for patient, other in ((one, two), (two, three)):
        Merge.objects.create(patient=patient, duplicate=other, at=NOW, user=user)

    assert [fault.code for fault in integrity.faults(NOW)] == ["merged_in_a_row"]


def test_who_may_not_answer_joins_nobody():
    rosa, other = a_patient(), a_patient()
    editor = By.staff(a_colleague("Content editor", username="ed"))

    for act in (workflow.merge, workflow.unmerge):
        with nothing_written(), pytest.raises(NotAllowed):
            act(rosa.pk, other.pk, by=editor, now=NOW)
