"""No page of the staff asks the database more often because there is more to show."""

from datetime import timedelta
from http import HTTPStatus

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from services.models import Page
from tests.factories import (
    FRIDAY,
    MONDAY,
    NOW,
    TUESDAY,
    a_booked_visit,
    a_clinician,
    a_closure,
    a_machine,
    a_request,
    a_room,
    a_visit_type,
    an_offer,
    at,
    patient_details,
    somebody_waiting,
)
from tests.security.routes import World, a_world, all_routes, taken_back

VISITS = "/admin/booking/appointment/"
# What an address of a list narrows down or sorts.
NARROWED = [
    f"{VISITS}?status=all",
    f"{VISITS}?status=booked&o=2",
    f"/admin/booking/calendar/?day={TUESDAY}",
    f"/admin/booking/calendar/?day={TUESDAY}&view=week",
    f"/admin/booking/calendar/sheet/?day={TUESDAY}",
    "/admin/booking/message/?kind__exact=confirmed",
    "/admin/booking/trail/?did=view",
]


def test_three_of_each_cost_a_page_as_many_queries_as_one(db: None, clock: Traveller):
    world = a_world()
    client = world.client("superuser")
    add_one_of_each(world, client, 1)
    addresses = [world.address(r) for r in all_routes() if r.startswith("admin/")]
    # This first look also lets Django learn its content types.
    pages = [a for a in [*addresses, *NARROWED] if shows(client, a)]
    one = [(page, queries(client, page)) for page in pages]
    add_one_of_each(world, client, 2)
    add_one_of_each(world, client, 3)
    assert [(page, queries(client, page)) for page in pages] == one


def add_one_of_each(world: World, client: Client, number: int) -> None:
    """Add a row to whatever a page lists, and somebody who looks at it."""
    for a_resource in (a_clinician, a_room, a_machine):
        a_resource()
    mine, type_ = world.mine, world.visit_type
    by_phone = patient_details(email="", contact_by="phone")
    week_ago = timedelta(days=7)
    a_request(type_, at("10:00"), at("16:30"), patient=by_phone)
    a_booked_visit(type_, at("15:30"))
    a_booked_visit(type_, at("15:30", MONDAY), now=NOW - week_ago)
    a_booked_visit(type_, at("15:30") - week_ago, now=NOW - week_ago)
    an_offer(somebody_waiting(type_), at("11:00") + timedelta(minutes=30 * number))
    a_closure(at("09:00", FRIDAY), at("17:00", FRIDAY), of=a_room())
    a_visit_type(service=type_.service)
    User.objects.create_user(f"colleague-{number}", is_staff=True)
    Page.objects.create(slug=f"page-{number}", title="A page", is_published=True)
    client.get(f"{VISITS}{mine.pk}/change/")


def shows(client: Client, address: str) -> bool:
    with taken_back(client):
        return client.get(address).status_code == HTTPStatus.OK


def queries(client: Client, address: str) -> int:
    with taken_back(client), CaptureQueriesContext(connection) as made:
        client.get(address)
    return len(made)
