"""Looking changes nothing: mail scanners, prefetching browsers and crawlers look."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from .pages import text_on
from .routes import World, all_routes, every_row, taken_back

# Only what is read may be asked of the database; but a session may be kept, and that
# somebody of the staff looked.
WRITE = re.compile(
    r"\s*(INSERT|UPDATE|DELETE|REPLACE|TRUNCATE|ALTER|DROP|SELECT booking_clear)\b",
    re.I,
)
KEPT = re.compile("django_session|booking_audit(event|subject)")


@contextmanager
def writes() -> Iterator[list[str]]:
    """Collect the statements that change a row of what is not `KEPT`."""
    found: list[str] = []

    def listen(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        if WRITE.match(sql) and not KEPT.search(sql):
            found.append(sql)
        return execute(sql, *arguments)

    with connection.execute_wrapper(listen):
        yield found


def patient_with_a_link(world: World, **options: Any) -> Client:
    """Return a browser with a request half-way and the link to an older one open."""
    client = world.patient(**options)
    client.get(world.address("appointments/<str:token>/"))
    return client


@pytest.fixture
def world(shared_world: World) -> World:
    return shared_world


def test_the_watch_sees_what_is_written(world: World):
    with writes() as written:
        world.visit_type.save()
    assert len(written) == 1


def test_the_patient_has_the_whole_road_and_a_visit_open(world: World):
    client = patient_with_a_link(world)
    for address in ("/book/check/", "/book/payment-details/", "/appointment/"):
        assert client.get(address).status_code == 200, address


def test_all_pages_behind_a_link_are_open_to_somebody(world: World):
    for visit, pages in (
        (world.other, ["change", "earlier", "cancellation", "preparing"]),
        (world.offered, ["offer", "leaving"]),
    ):
        client = world.holder(visit)
        for page in pages:
            assert client.get(f"/appointment/{page}/").status_code == 200, page


WHO: dict[str, Callable[..., Client]] = {
    "anonymous": lambda world, **options: world.client("anonymous", **options),
    "patient": patient_with_a_link,
    "booked": lambda world, **options: world.holder(world.other, **options),
    "offered": lambda world, **options: world.holder(world.offered, **options),
    "superuser": lambda world, **options: world.client("superuser", **options),
}
everybody = pytest.mark.parametrize("who", WHO)


OVERRIDES = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "DELETE"}


@everybody
def test_no_page_and_no_link_on_it_writes_anything(world: World, who: str):
    client = WHO[who](world)
    addresses = [world.address(route) for route in all_routes()]
    links: set[str] = set()
    before = every_row()
    with writes() as written:
        for address in addresses:
            with taken_back(client):
                response = client.get(address, headers=OVERRIDES)
                found = re.findall(r'href="(/[^"]*)"', text_on(response))
            assert response.status_code < 500, address
            assert written == [], address
            links |= {link.replace("&amp;", "&") for link in found}
        links = {link for link in links if not link.startswith("/static/")}
        assert len(links) > 10
        for link in sorted(links):
            with taken_back(client):
                assert client.get(link).status_code < 500, link
            assert written == [], link
    assert every_row() == before


@pytest.mark.either_database
@everybody
def test_no_other_way_to_look_at_a_page_writes_anything(world: World, who: str):
    client = WHO[who](world)
    addresses = [world.address(route) for route in all_routes()]
    before = every_row()
    with writes() as written:
        for address in addresses:
            for method in ("HEAD", "OPTIONS"):
                with taken_back(client):
                    response = client.generic(method, address, headers=OVERRIDES)
                assert response.status_code < 500, (method, address)
                assert written == [], (method, address)
    assert every_row() == before


@pytest.mark.either_database
@everybody
def test_methods_that_no_page_takes_are_refused(world: World, who: str):
    client = WHO[who](world)
    before = every_row()
    for route in all_routes():
        for method in ("PUT", "PATCH", "DELETE", "TRACE", "BREW"):
            response = client.generic(method, world.address(route))
            assert response.status_code == 405, (method, route)
            assert response["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert every_row() == before


@pytest.mark.either_database
@everybody
def test_every_form_is_refused_that_another_site_sends(world: World, who: str):
    client = WHO[who](world, enforce_csrf_checks=True)
    addresses = [world.address(route) for route in all_routes()]
    before = every_row()
    data = {"csrfmiddlewaretoken": "x" * 64, "send": "1", "post": "yes", "q": "nerve"}
    for address in addresses:
        response = client.post(address, data, headers={"Sec-Fetch-Site": "cross-site"})
        # The search goes by no cookie: what was sent is shown in its box, no more.
        status = 200 if address == reverse("booking:search") else 403
        assert response.status_code == status, address
        assert "(212) 555-0143" in response.text, address
    assert every_row() == before
