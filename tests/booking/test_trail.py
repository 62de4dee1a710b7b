"""Who of the staff saw, searched, changed or was refused what, and that it stays so."""

import html
import logging
import random
import re
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from time_machine import Traveller

from booking import chores, guards, integrity, second_factor, trail, workflow
from booking.admin.trail import place
from booking.models import AuditEvent, AuditSubject, Patient
from tests import factories
from tests.factories import NOW, at

from .conftest import signed_in
from .desk import a_colleague, address, code_of, text_of

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

    response = desk.post(address("accept", visit), {"proposal": "0", "seen_version": 1})

    # Nor did anybody see the visit yet: the page that this leads to shows it.
    assert response.status_code == 302
    assert events(Action.CHANGE, Action.VIEW) == []


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
        ("{reference}", "reference"), ("pat@example.com", "email"),
    ],
)  # fmt: skip
def test_a_search_says_by_which_field_and_not_for_what(
    desk: Client, typed: str, field: str
):
    visit = factories.a_request()
    typed = typed.format(reference=visit.reference)

    desk.post(reverse("admin:booking_appointment_find"), {"wanted": typed}, follow=True)

    [event] = AuditEvent.objects.filter(action=Action.SEARCH)
    assert event.data == {"fields": [field]}
    assert [s.patient_id for s in event.subjects.all()] == [visit.patient_id]
    assert typed not in str(AuditEvent.objects.values())


def test_a_search_that_finds_nobody_is_written_down_too(desk: Client):
    desk.post(
        reverse("admin:booking_appointment_find"), {"wanted": "Nobody"}, follow=True
    )

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


def test_what_a_post_changed_takes_two_queries_to_find(desk: Client, monkeypatch):
    """Each button of the desk pays for them: one before the act and one after it."""
    factories.a_request()
    made = []

    def counted(step):
        def inner(*args, **kwargs):
            with CaptureQueriesContext(connection) as queries:
                answer = step(*args, **kwargs)
            made.append(len(queries))
            return answer

        return inner

    for name in ("_newest", "_changed_since"):
        monkeypatch.setattr(trail, name, counted(getattr(trail, name)))
    desk.post(reverse("admin:stay"))

    assert made == [1, 1]


def test_a_page_that_cannot_be_recorded_is_not_shown(desk: Client, monkeypatch):
    factories.a_request()

    def fail(*args, **kwargs):
        raise DatabaseError("disk full")

    monkeypatch.setattr(trail, "record", fail)
    with pytest.raises(DatabaseError):
        desk.get(DESK)


# --- Who reads it ----------------------------------------------------------------


@pytest.fixture
def auditor(db: None) -> Client:
    """Give the browser of Ari, who reads the trail and nothing else."""
    return signed_in(a_colleague("Auditor", username="ari"))


def test_an_auditor_begins_with_the_trail(auditor: Client):
    assert auditor.get(DESK)["Location"] == reverse("admin:trail")


def test_a_manager_comes_from_the_visit_to_the_trail_of_its_patient(manager: Client):
    visit = factories.a_request()
    page = reverse("admin:trail_of_patient", args=[visit.patient_id])

    assert page in manager.get(address("change", visit)).text
    shown = manager.get(page).text
    assert "A visit" in shown
    assert visit.patient.full_name in shown


def test_the_desk_is_shown_no_way_to_it(desk: Client):
    visit = factories.a_request()

    assert "/trail/" not in desk.get(address("change", visit)).text


def test_an_auditor_reads_references_and_no_name(auditor: Client):
    visit = factories.a_request()
    page = reverse("admin:trail_of_patient", args=[visit.patient_id])

    shown = auditor.get(page).text

    assert visit.reference in shown
    assert visit.patient.family_name not in shown
    assert auditor.get(address("change", visit)).status_code == 403


def test_records_that_are_joined_have_one_trail(auditor: Client, manager: Client):
    one, other, stranger = (
        factories.a_request(
            kind,
            at(f"{hour}:00"),
            patient=factories.patient_details(
                family_name=name, phone=f"+121255501{hour}", email=f"{name}@example.com"
            ),
        )
        for kind in [factories.a_practice()]
        for hour, name in ((10, "Ames"), (12, "Brook"), (14, "Cole"))
    )
    manager.get(reverse("admin:patient", args=[other.patient_id]))
    by = factories.a_front_desk_person()
    workflow.merge(one.patient_id, other.patient_id, by=by, now=NOW)

    for here, there in ((one, other), (other, one)):
        page = reverse("admin:trail_of_patient", args=[here.patient_id])
        shown = auditor.get(page)
        words = text_of(shown)
        assert f"visit {there.reference} on another record" in words
        assert f"visit {here.reference} on" not in words
        assert f"visit {here.reference}" in words
        assert stranger.reference not in words
        lines = shown.context["lines"]
        looked = {line.record for line in lines if line.place == "A patient"}
        assert looked == {"" if here == other else "on another record"}
    page = reverse("admin:trail_of_patient", args=[one.patient_id])
    name = other.patient.full_name
    assert f"{other.reference} on the record of {name}" in text_of(manager.get(page))


def test_a_reference_leads_to_the_trail_and_stays_out_of_the_address(auditor: Client):
    visit = factories.a_request()

    typed = {"reference": visit.reference.lower().replace("-", " ")}
    answer = auditor.post(reverse("admin:trail"), typed)

    there = reverse("admin:trail_of_patient", args=[visit.patient_id])
    assert answer["Location"] == there
    assert events(Action.SEARCH)[0][-1] == {visit.patient_id}


def test_older_lines_follow_without_a_gap_or_a_repeat(auditor: Client):
    request = auditor.get(reverse("admin:trail")).wsgi_request
    for _ in range(210):
        trail.record(request, None, Action.DENIED)
    seen, there = [], "?did=denied"
    while there:
        page = auditor.get(reverse("admin:trail") + there)
        seen.append(page.text.count("<time "))
        found = re.findall(r'href="(\?[^"]+)">Older', page.text)
        there = html.unescape(found[0]) if found else ""

    assert seen == [100, 100, 10]


@pytest.mark.parametrize(
    "said",
    [
        "day=9999-12-31", "day=0001-01-01", "day=x", "before=9223372036854775807",
        "before=-1", "before=0", "before=" + "9" * 5000, "before=\u0663", "who=me",
        "who=999999999999999999", "did=%00", "day=2026-11-16&who=&did=view&before=5",
    ],
)  # fmt: skip
def test_hostile_addresses_get_the_page(auditor: Client, said: str):
    assert auditor.get(f"{reverse('admin:trail')}?{said}").status_code == 200


@pytest.mark.parametrize("name", ["trail", "trail_of_patient"])
def test_reading_it_takes_as_many_queries_for_one_line_as_for_three(
    manager: Client, desk: Client, name: str
):
    visit = factories.a_request()
    args = [visit.patient_id] if name == "trail_of_patient" else []
    counts = []
    for _ in range(3):
        desk.get(address("change", visit))
        with CaptureQueriesContext(connection) as queries:
            manager.get(reverse(f"admin:{name}", args=args))
        counts.append(len(queries))

    assert counts[1] == counts[2]


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
    subject = rng.choice(AuditSubject.objects.filter(event__in=chain[1:]))
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


def test_an_old_key_still_fits_and_another_does_not(chain: list[int], settings):
    new = Fernet.generate_key().decode()
    settings.FIELD_KEYS = [new, *settings.FIELD_KEYS]
    assert list(trail.broken()) == []

    settings.FIELD_KEYS = [new]
    assert list(trail.broken()) == chain


def test_a_deleted_patient_leaves_the_chain_whole(desk: Client):
    patient = Patient.objects.create(given_name="Pat", family_name="Example")
    request = desk.get(DESK).wsgi_request
    user = User.objects.get(username="ana")
    trail.record(request, user, Action.VIEW, {patient.pk})

    Patient.objects.filter(pk=patient.pk).delete()

    assert AuditSubject.objects.filter(patient_id=patient.pk).exists()
    assert list(trail.broken()) == []


@pytest.mark.parametrize(
    ("route", "data", "words"),
    [
        ("index", {}, "Today"),
        ("booking_appointment_paper", {"paper": "card"}, "A visit"),
        ("booking_visittype_changelist", {}, "Visit types"),
        ("booking_message_history", {}, "Message, history"),
        ("clinic_check", {}, "clinic check"),
        ("booking_visittype_change", {"objects": [["booking.visittype", "7"]]},
         "visit type 7"),
        ("was_there_once", {"objects": [["booking.gone", "7"]]}, "booking.gone 7"),
    ],
)  # fmt: skip
def test_where_it_was_is_said_in_words(route: str, data: dict[str, Any], words: str):
    assert place(AuditEvent(route=route, data=data)) == words
