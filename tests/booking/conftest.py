"""What the tests of booking share."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from time_machine import Traveller, travel

from booking import guards
from booking.models import VisitType
from tests import factories, plugin, servers
from tests.servers import MailServer, Site

from .desk import a_colleague
from .road import Browser


@pytest.fixture
def now() -> datetime:
    """Give the one present moment of these tests: a Monday, 9 in the morning."""
    return factories.NOW


@pytest.fixture(autouse=True)
def events_can_be_flushed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let Django empty the tables after a test that commits.

    The guard of the events refuses that, rightly; migrating puts it back, and Django
    pretends to migrate after it has emptied the tables.
    """
    marker = request.node.get_closest_marker("django_db")
    commits = "transactional_db" in request.fixturenames or (
        marker is not None and marker.kwargs.get("transaction", False)
    )
    if commits:
        request.getfixturevalue("transactional_db")
    yield
    if commits:
        guards.remove(connection)


@pytest.fixture
def clock() -> Iterator[Traveller]:
    """Stop the clock on that Monday; `clock.shift(timedelta)` moves it."""
    with travel(factories.NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def visit_type(db: None) -> VisitType:
    """Give a visit of the smallest practice: one clinician, one room."""
    return factories.a_practice()


@pytest.fixture
def patient(clock: Traveller, visit_type: VisitType) -> Browser:
    """Give a patient at the first page."""
    return Browser(clock, visit_type)


@pytest.fixture
def desk(db: None) -> Client:
    """Give the browser of Ana, who works at the front desk."""
    return signed_in(a_colleague())


@pytest.fixture
def manager(db: None) -> Client:
    """Give the browser of Mia, who manages the practice."""
    return signed_in(a_colleague("Manager", username="mia"))


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def office(smtp: MailServer) -> Iterator[Site]:
    """Give a site's database and its workers, without the web."""
    folder = Path(tempfile.mkdtemp(dir=plugin.FOLDER))
    own = {"DATABASE_URL": servers.copy_of_template(folder), "EMAIL_URL": smtp.url}
    site = Site("", folder, os.environ | own | {"PYTHONUNBUFFERED": "1"})
    (folder / "log").touch()
    yield site
    site.close()
    log = site.log
    servers.drop(site.environment["DATABASE_URL"])
    shutil.rmtree(folder)
    assert "Traceback" not in log, log
    assert "@example.com" not in log, log
