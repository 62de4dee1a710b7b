"""Who of the staff saw, searched, changed or was refused what, and that it stays so."""

import json
import logging
import random
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.test import Client
from django.urls import reverse
from time_machine import Traveller

from booking import chores, guards, integrity, second_factor, trail
from booking.models import AuditEvent, AuditSubject, Patient
from tests import factories
from tests.factories import NOW

from .desk import a_colleague, address, code_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DESK = "/admin/"
Action = AuditEvent.Action
Row = tuple[str, str, str, str, set[int]]


def events(*actions: str) -> list[Row]:
    """Return who, what, route, object and patients of each event, oldest first."""
    rows = AuditEvent.objects.order_by("pk")
    return [
        (
            row.username, row.action, row.route, row.object_id,
            set(row.subjects.values_list("patient_id", flat=True)),
        )
        for row in rows
        if not actions or row.action in actions
    ]  # fmt: skip


# --- What is written down --------------------------------------------------------


def test_a_page_that_shows_patients_is_written_down_with_all_of_them(desk: Client):
    visits = [factories.a_request(), factories.a_request()]

    desk.get(DESK)
    desk.get(reverse("admin:booking_appointment_change", args=[visits[1].pk]))

    both = {visit.patient_id for visit in visits}
    assert events(Action.VIEW) == [
        ("ana", "view", "index", "", both),
        ("ana", "view", "booking_appointment_change", str(visits[1].pk),
         both),  # each wants the time of the other, and says so
    ]  # fmt: skip


def test_a_page_that_shows_none_is_not(manager: Client):
    manager.get(reverse("admin:booking_visittype_changelist"))

    assert events(Action.VIEW) == []


def test_what_somebody_did_is_a_change_of_that_patient(desk: Client):
    visit = factories.a_request()
    sent = {"proposal": visit.proposals.get().pk, "seen_version": 1}

    desk.post(address("accept", visit), sent)

    visit.refresh_from_db()
    assert visit.status == "booked"
    assert events(Action.CHANGE) == [
        ("ana", "change", "booking_appointment_accept", str(visit.pk),
         {visit.patient_id}),
    ]  # fmt: skip


def test_what_was_refused_in_words_is_no_change(desk: Client):
    visit = factories.a_booked_visit()

    desk.post(address("accept", visit), {"proposal": "0", "seen_version": 1})

    assert events(Action.CHANGE) == []


def test_what_a_right_is_missing_for_is_written_down(desk: Client):
    desk.get(reverse("admin:clinic_check"))

    assert events(Action.DENIED) == [("ana", "denied", "clinic_check", "", set())]


def test_a_changed_setting_is_named(manager: Client):
    room = factories.a_room()

    manager.post(
        reverse("admin:booking_resource_change", args=[room.pk]),
        {
            "kind": "room", "name": "Room 9", "is_active": "on", "order": 0,
            "buffer_before": 0, "buffer_after": 0, "hours-TOTAL_FORMS": 0,
            "hours-INITIAL_FORMS": 0,
        },
    )  # fmt: skip

    room.refresh_from_db()
    assert room.name == "Room 9"
    [event] = AuditEvent.objects.filter(action=Action.CHANGE)
    assert event.data == {"objects": [["booking.resource", str(room.pk)]]}


def test_a_page_that_refreshes_itself_is_written_down_once_an_hour(
    desk: Client, clock: Traveller
):
    first = factories.a_request()

    def refresh(minutes: int) -> list[set[int]]:
        clock.shift(timedelta(minutes=minutes))
        desk.force_login(User.objects.get(username="ana"))
        desk.get(DESK, headers={"X-Refresh": "1"})
        return [patients for *_rest, patients in events(Action.VIEW)]

    assert refresh(0) == [{first.patient_id}]
    assert refresh(5) == [{first.patient_id}]
    second = factories.a_request()
    assert refresh(5)[1:] == [{second.patient_id}]
    assert len(refresh(61)) == 3


def test_signing_in_and_out_is_written_down_and_no_word_that_was_typed(client: Client):
    a_colleague(password="right horse battery")  # noqa: S106 -- made up
    login = reverse("admin:login")
    right = "right horse battery"
    for name, password in (("ana", "wrong"), ("my-password!", "ana"), ("ana", right)):
        client.post(login, {"username": name, "password": password})
    client.post(reverse("admin:logout"))

    assert [row[:2] for row in events()] == [
        ("ana", "sign-in-failed"), ("", "sign-in-failed"), ("ana", "sign-in"),
        ("ana", "sign-out"),
    ]  # fmt: skip
    assert "my-password!" not in str(list(AuditEvent.objects.values()))


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ("Example", "name"), ("2/29/1980", "birth date"), ("0199", "phone"),
        ("{reference}", "reference"),
    ],
)  # fmt: skip
def test_a_search_says_by_which_field_and_not_for_what(
    desk: Client, typed: str, field: str
):
    visit = factories.a_request()
    typed = typed.format(reference=visit.reference)

    desk.post(reverse("admin:booking_appointment_find"), {"wanted": typed})

    [event] = AuditEvent.objects.filter(action=Action.SEARCH)
    assert event.data == {"fields": [field]}
    assert [s.patient_id for s in event.subjects.all()] == [visit.patient_id]
    assert typed not in str(AuditEvent.objects.values())


def test_a_search_that_finds_nobody_is_written_down_too(desk: Client):
    desk.post(reverse("admin:booking_appointment_find"), {"wanted": "Nobody"})

    assert events(Action.SEARCH) == [
        ("ana", "search", "booking_appointment_find", "", set())
    ]


def test_who_is_asked_again_who_they_are_is_written_down(
    manager: Client, clock: Traveller
):
    mia = User.objects.get(username="mia")
    mia.set_password("right horse battery")
    mia.save()
    manager.force_login(mia)
    clock.shift(timedelta(minutes=11))
    address = reverse("admin:auth_user_add")
    page = manager.get(address)
    [carried] = re.findall('name="confirm_carried" value="(.*?)"', page.text)
    for password in ("wrong", "right horse battery"):
        typed = {"confirm_carried": carried, "confirm_password": password}
        manager.post(address, typed)

    again = AuditEvent.objects.filter(data={"step": "again"}).order_by("pk")
    assert list(again.values_list("username", "action", "route")) == [
        ("mia", "sign-in-failed", "auth_user_add"), ("mia", "sign-in", "auth_user_add")
    ]  # fmt: skip


def test_a_role_that_was_given_names_the_account(manager: Client):
    ben = a_colleague("", username="ben")
    group = Group.objects.get(name="Auditor")
    address = reverse("admin:auth_user_change", args=[ben.pk])

    typed = {"username": "ben", "is_active": "on", "groups": [group.pk]}
    manager.post(address, typed)

    assert list(ben.groups.all()) == [group]
    [event] = AuditEvent.objects.filter(action=Action.CHANGE)
    assert event.data == {"objects": [["auth.user", str(ben.pk)]]}


def test_a_wrong_code_of_a_phone_is_written_down(client: Client):
    ana = a_colleague(password="right horse battery")  # noqa: S106 -- made up
    secret = second_factor.new_secret()
    second_factor.enrol(ana, secret, code_of(secret, NOW), now=NOW)
    login = {"username": "ana", "password": "right horse battery"}
    client.post(reverse("admin:login"), login)

    client.post(reverse("admin:login_code"), {"code": "not it"})

    [event] = AuditEvent.objects.filter(action=Action.SIGN_IN_FAILED)
    assert (event.username, event.data) == ("ana", {"step": "code"})


def test_what_patients_do_is_not(client: Client):
    client.get("/")
    factories.a_request()

    assert events() == []


@pytest.mark.parametrize("rows", [1, 3])
def test_it_takes_as_many_queries_however_many_are_shown(
    desk: Client, rows: int, django_assert_num_queries
):
    for _ in range(rows):
        factories.a_request()
    patients = set(Patient.objects.values_list("pk", flat=True))
    request = desk.get(DESK).wsgi_request
    user = User.objects.get(username="ana")
    locks = connection.vendor == "postgresql"

    with django_assert_num_queries(5 + locks):  # two of them the savepoint
        trail.record(request, user, Action.VIEW, patients)


def test_a_page_that_cannot_be_recorded_is_not_shown(desk: Client, monkeypatch):
    factories.a_request()

    def fail(*args, **kwargs):
        raise DatabaseError("disk full")

    monkeypatch.setattr(trail, "record", fail)
    with pytest.raises(DatabaseError):
        desk.get(DESK)


# --- That it stays so ------------------------------------------------------------


@pytest.fixture
def chain(desk: Client) -> list[int]:
    """Write twelve events with some patients; return their numbers."""
    visits = [factories.a_request() for _ in range(3)]
    for n in range(11):
        desk.get(address("change", visits[n % 3]))
    assert list(trail.broken()) == []
    return list(AuditEvent.objects.order_by("pk").values_list("pk", flat=True))


def test_the_numbers_have_no_gap(chain: list[int]):
    assert chain == list(range(1, 13))


@pytest.mark.parametrize("table", [AuditEvent, AuditSubject])
def test_nothing_is_changed_or_deleted(chain: list[int], table):
    for change in (
        lambda rows: rows.update(id=F("id") + 100),
        lambda rows: rows._raw_delete("default"),
    ):
        with pytest.raises(DatabaseError, match="is_fixed"), transaction.atomic():
            change(table.objects.all())


def forge(rng: random.Random, chain: list[int]) -> int:
    """Do one wrong to the chain, of many kinds; return where it is seen."""
    number = rng.choice(chain[:-1])
    event = AuditEvent.objects.filter(pk=number)
    subject = AuditSubject.objects.filter(event__in=chain[1:]).order_by("?").first()
    assert subject
    kind = rng.randrange(7)
    if kind == 0:
        field = rng.choice(["username", "action", "route", "object_id", "address"])
        event.update(**{field: "forged"})
    elif kind == 1:
        event.update(at=NOW + timedelta(seconds=1))
    elif kind == 2:
        event.update(data={"forged": 1})
    elif kind == 3:
        AuditSubject.objects.filter(event=number).delete()
        event.delete()
    elif kind == 4:
        subject.delete()
        return subject.event_id
    elif kind == 5:
        AuditSubject.objects.filter(pk=subject.pk).update(patient_id=999_999)
        return subject.event_id
    else:  # somebody who knows how, but not the key
        row = event.get()
        row.username = "forged"
        patients = list(row.subjects.values_list("patient_id", flat=True))
        before = AuditEvent.objects.filter(pk=number - 1).first()
        digest = trail.seal(
            trail._sealed(row), patients, before.digest if before else "", "guess"
        )
        event.update(username="forged", digest=digest)
    return number


def test_each_of_a_thousand_forgeries_is_found_and_named(chain: list[int]):
    connection.check_constraints()  # none is pending when tables change
    guards.remove(connection)
    rng = random.Random(1)  # noqa: S311 -- to be repeated
    for _ in range(1000):
        with transaction.atomic():
            number = forge(rng, chain)
            assert next(trail.broken(), None) == number
            transaction.set_rollback(True)


def test_the_check_of_all_records_names_it(chain: list[int]):
    connection.check_constraints()  # none is pending when tables change
    guards.remove(connection)
    AuditEvent.objects.filter(pk=5).update(username="nobody")

    [fault] = [f for f in integrity.faults(NOW) if "trail" in str(f).lower()]
    assert "5" in str(fault)


def test_the_end_is_in_the_log_once_a_day(chain: list[int], caplog):
    with caplog.at_level(logging.INFO, "booking.trail"):
        chores.TASKS["trail"].run(NOW)

    assert f"12 events, head {trail.head().digest}" in caplog.text


def test_an_old_key_still_fits(chain: list[int], settings):
    settings.FIELD_KEYS = [*reversed(settings.FIELD_KEYS), *settings.FIELD_KEYS]

    assert list(trail.broken()) == []


def test_a_deleted_patient_leaves_the_chain_whole(chain: list[int]):
    assert json.dumps(list(AuditSubject.objects.values("patient_id")))
    visible = AuditSubject._meta.get_field("patient_id")

    assert not visible.is_relation
    assert guards.missing(connection) == set()
