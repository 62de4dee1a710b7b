"""What the trail has to hold: whatever route is added, whoever opens it."""

import html
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db.models import Max
from django.http import HttpResponse

from booking.models import (
    Appointment,
    AppointmentEvent,
    AuditEvent,
    AuditSubject,
    Patient,
)

from .pages import text_on
from .routes import GROUPS, World, all_routes, taken_back
from .test_rights import acts
from .test_sent_twice import WRITES, repeats, rows

STAFF = (*GROUPS, "nobody", "superuser")
Action = AuditEvent.Action


@pytest.fixture
def world(shared_world: World) -> World:
    return shared_world


def signs_of(patient: Patient) -> set[str]:
    """Return the words by which staff know a patient when they see a page."""
    visits = Appointment.objects.filter(patient=patient)
    return {patient.full_name, *visits.values_list("reference", flat=True)}


def shown_on(response: HttpResponse, signs: dict[int, set[str]]) -> set[int]:
    """Return the keys of the patients who are named on the page."""
    if response.status_code != 200:
        return set()
    text = html.unescape(text_on(response))
    return {pk for pk, words in signs.items() if any(word in text for word in words)}


@contextmanager
def written_down() -> Iterator[list[tuple[str, set[int]]]]:
    """Collect the action and patients of each event of the trail that is added."""
    newest = AuditEvent.objects.count()
    found: list[tuple[str, set[int]]] = []
    yield found
    pairs = list(AuditSubject.objects.filter(event__gt=newest))
    for event in AuditEvent.objects.filter(pk__gt=newest).order_by("pk"):
        patients = {pair.patient_id for pair in pairs if pair.event_id == event.pk}
        found.append((event.action, patients))


@pytest.fixture
def seen_world(world: World) -> World:
    """Give a clinic in which somebody has looked at each visit, so the trail has it.

    No two patients have the same name.
    """
    for patient in Patient.objects.all():
        patient.family_name += f"-{patient.pk}"
        patient.save()
    for visit in Appointment.objects.all():
        there = f"/admin/booking/appointment/{visit.pk}/change/"
        assert world.client("desk").get(there).status_code == 200
    return world


@pytest.mark.either_database
@pytest.mark.parametrize(
    ("role", "method"),
    [*((role, "GET") for role in STAFF), ("desk", "POST"), ("superuser", "POST")],
)
def test_no_page_names_a_patient_who_is_not_in_its_event(
    seen_world: World, role: str, method: str
):
    world, client = seen_world, seen_world.client(role)
    signs = {patient.pk: signs_of(patient) for patient in Patient.objects.all()}
    data, missing = acts(world), {}
    for route in all_routes():
        if not route.startswith("admin/"):
            continue
        with taken_back(client):
            address = world.address(route)
            with written_down() as events:
                if method == "GET":
                    response = client.get(address)
                else:
                    response = client.post(address, data, follow=True)
            named = shown_on(response, signs)
            if lacking := named - {pk for _action, pks in events for pk in pks}:
                missing[route] = lacking
    assert missing == {}


# What they write is a sign-in, or what somebody has looked at.
NO_CHANGE = {"admin/login/", "admin/login/code/", "admin/seen/"}
# What no event of a visit tells.
WITHOUT_EVENT = {
    "admin/calls/<int:pk>/",
    "admin/booking/appointment/<int:pk>/paper/",
    "admin/booking/appointment/<int:pk>/legal-hold/",
    "admin/booking/appointment/<int:pk>/link/",
    "admin/booking/patient/<int:pk>/merge/",
    "admin/booking/patient/<int:pk>/texts/",
    "admin/booking/texts/",
    "admin/booking/appointment/<int:pk>/owner/",
}
BUTTONS = [route for route in WRITES if route.startswith("admin/")]


@pytest.mark.parametrize("route", [r for r in BUTTONS if r not in NO_CHANGE])
def test_what_is_done_is_one_change_of_those_it_is_about(world: World, route: str):
    client, data = WRITES[route](world)
    newest = AppointmentEvent.objects.aggregate(newest=Max("pk"))["newest"]

    with written_down() as events:
        client.post(world.address(route), data)

    [theirs] = [patients for action, patients in events if action == Action.CHANGE]
    done = AppointmentEvent.objects.filter(pk__gt=newest, user__isnull=False)
    about = set(done.values_list("appointment__patient", flat=True))
    if route in WITHOUT_EVENT:
        about = {world.other.patient_id}
    if route.endswith("/texts/"):
        on_record = "<int:pk>" in route
        about = {world.mine.patient_id} if on_record else set()
    if "merge" in route:  # which is about both
        about.add(world.mine.patient_id)
    assert theirs == about


@pytest.mark.parametrize("data", ["acts", "nothing"])
def test_nothing_is_called_a_change_that_changed_nothing(world: World, data: str):
    client, sent = world.client("superuser"), acts(world) if data == "acts" else {}
    before, wrong = rows(), {}
    for route in repeats():
        if not route.startswith("admin/") or route in NO_CHANGE:
            continue
        with taken_back(client):
            with written_down() as events:
                client.post(world.address(route), sent)
            said = [action for action, _patients in events if action == Action.CHANGE]
            if len(said) != (rows() != before):
                wrong[route] = said
    assert wrong == {}


@pytest.mark.parametrize("route", [r for r in BUTTONS if r not in NO_CHANGE])
def test_a_second_click_is_no_change(world: World, route: str):
    client, data = WRITES[route](world)
    client.post(world.address(route), data)
    before = rows()

    with written_down() as events:
        client.post(world.address(route), data)

    said = [action for action, _patients in events if action == Action.CHANGE]
    assert len(said) == (rows() != before)
