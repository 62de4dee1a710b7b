"""What every test shares."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from playwright.sync_api import Browser, Page
from pytest_django import DjangoDbBlocker

from services import rows

from . import chromium, plugin
from .browser import NewPage, running_browser, watched_pages
from .servers import MailServer, Site, migrated_template, running_site


@pytest.fixture(scope="session", autouse=True)
def quick_settings() -> Iterator[None]:
    """Spare the tests within one process what only costs time.

    The names of collected static files and slow password hashes are real in the
    servers that `tests.servers` starts.
    """
    with override_settings(
        STORAGES={
            "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
            "staticfiles": {
                "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
            },
        },
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ):
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> Iterator[None]:
    """Let the tests' own database begin as a copy of the one that sites copy.

    Django then finds nothing left to migrate.
    """
    template = migrated_template()
    test = connection.settings_dict["TEST"]
    if plugin.CLUSTER:
        test["TEMPLATE"] = template.rpartition("/")[2]
        yield
        return
    test["NAME"] = "file:tests?mode=memory&cache=shared"
    file = sqlite3.connect(template.removeprefix("sqlite:///"))
    # What is in memory is gone once nobody has it open.
    with closing(sqlite3.connect(test["NAME"], uri=True)) as copy:
        with closing(file):
            file.backup(copy)
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Give the groups of staff once; a test that commits takes them away."""
    with django_db_blocker.unblock():
        call_command("load_groups", stdout=StringIO())


@pytest.fixture(autouse=True)
def new_process() -> None:
    """Let no test begin with what another has read of what is set up.

    What it says is right either way, but not how often the database is asked.
    """
    rows.forget()


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    """Give a mail server; see `MailServer` for making it refuse."""
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture
def site(smtp: MailServer) -> Iterator[Site]:
    """Run the site for one test, empty but migrated; its mail goes to `smtp`.

    Tests that share a site, or need other settings, use `running_site` themselves.
    """
    with running_site(EMAIL_URL=smtp.url) as site:
        yield site


@pytest.fixture(scope="session", autouse=True)
def no_look_outlasts_the_tests() -> Iterator[None]:
    yield
    chromium.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Give `new_page(width=1280, color_scheme="light", javascript=True)`.

    Each page has cookies of its own, as another visitor has.
    """
    with watched_pages(browser) as new_page:
        yield new_page


@pytest.fixture
def page(new_page: NewPage) -> Page:
    return new_page()
