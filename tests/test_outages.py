"""What patients see while the database is away, and that it passes by itself."""

import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client, override_settings

from clinic_site.health import require_migrations, require_static_files

from .chromium import assert_good_for_everybody
from .plugin import ROOT
from .postgres import Cluster
from .servers import Answer, Site, manage, running_site

PHONE = "(212) 555-0143"


def assert_sorry(answer: Answer) -> None:
    assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
    assert answer.headers["Cache-Control"] == "no-store"
    assert f">{PHONE}</bdi></a>" in answer.text.partition("call the clinic: ")[2]


def wait_for_home(site: Site, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while site.get("/").status != 200:
        assert time.monotonic() < deadline, "still away"
        time.sleep(0.1)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Give a server of this test's own, for breaking."""
    cluster = Cluster()
    manage("migrate", "--verbosity=0", DATABASE_URL=cluster.url())
    yield cluster
    cluster.stop()


def test_the_proxy_has_a_page_in_each_language_while_no_process_answers(tmp_path):
    call_command("write_away_pages", tmp_path)
    conf = (ROOT / "deploy/nginx.conf").read_text()
    pages = {f"/{file.name}": file.read_text() for file in tmp_path.iterdir()}
    assert len(pages) == len(settings.LANGUAGES)
    for code, _name in settings.LANGUAGES:
        html = pages[f"/away-{code}.html"]
        assert f'<html lang="{code}">' in html
        assert f" /away-{code}.html;" in conf
        assert PHONE in html
        assert "/static/" not in html
        assert html.count("<style>") == 2
    assert_good_for_everybody(pages)


@pytest.mark.postgresql
def test_the_site_says_sorry_while_postgresql_is_away_and_recovers(cluster):
    with running_site(DATABASE_URL=cluster.url()) as site:
        assert site.get("/").status == 200
        cluster.crash()
        assert_sorry(site.get("/"))
        assert_sorry(site.get("/no-such-page/"))
        assert site.get("/livez").status == 200
        assert site.get("/readyz").status == 503
        cluster.start()
        wait_for_home(site)
        assert site.get("/readyz").status == 200


@pytest.mark.postgresql
def test_the_site_survives_that_its_connections_are_cut(cluster):
    with running_site(DATABASE_URL=cluster.url()) as site:
        assert site.get("/").status == 200
        cluster.execute(
            # And wait until each is gone, for up to 20 seconds.
            "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"
            " WHERE datname = 'clinic'"
        )
        assert site.get("/").status == 200


@pytest.mark.postgresql
def test_the_site_gives_up_on_a_locked_table(cluster):
    with running_site(DATABASE_URL=cluster.url()) as site:
        locker = psycopg2.connect(cluster.url())
        locker.cursor().execute("LOCK TABLE services_clinic")
        began = time.monotonic()
        assert_sorry(site.get("/"))
        assert time.monotonic() - began < 6
        locker.close()
        assert site.get("/").status == 200


@pytest.mark.sqlite
def test_the_site_says_sorry_while_the_sqlite_file_cannot_be_opened(site):
    database = Path(site.environment["DATABASE_URL"].removeprefix("sqlite:///"))
    aside = shutil.move(database, database.with_suffix(".aside"))
    database.mkdir()
    assert_sorry(site.get("/"))
    assert site.get("/livez").status == 200
    assert site.get("/readyz").status == 503
    database.rmdir()
    shutil.move(aside, database)
    assert site.get("/").status == 200
    assert site.get("/readyz").status == 200


@pytest.mark.postgresql
@pytest.mark.django_db
def test_a_kept_connection_that_the_server_has_ended_is_not_used():
    kept = connections.create_connection("default")
    kept.connect()
    assert kept.is_usable()
    with connection.cursor() as cursor:
        process = kept.connection.info.backend_pid
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
    assert not kept.is_usable()
    kept.close()


@pytest.mark.sqlite
@pytest.mark.django_db
def test_a_kept_connection_goes_with_its_file(tmp_path):
    file = tmp_path / "db.sqlite3"
    kept = connections.create_connection("default")
    kept.settings_dict = kept.settings_dict | {"NAME": str(file)}
    kept.connect()
    assert kept.is_usable()
    file.rename(tmp_path / "aside")
    assert not kept.is_usable()
    file.touch()  # as a restore puts another in its place
    assert not kept.is_usable()
    kept.close()
    kept.connect()
    assert kept.is_usable()
    kept.close()


@pytest.mark.sqlite
@pytest.mark.django_db
def test_who_waits_to_write_finds_the_moment_in_which_nobody_does(tmp_path):
    """SQLite by itself would look at 0.43 s, 0.53 s and so on, and pass over these."""
    waits = connections.create_connection("default")
    waits.settings_dict = waits.settings_dict | {"NAME": str(tmp_path / "db.sqlite3")}
    waits.connect()
    first = threading.Event()

    def keep_writing() -> None:
        other = sqlite3.connect(tmp_path / "db.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        first.set()
        time.sleep(0.45)
        for _ in range(6):
            other.execute("COMMIT")
            time.sleep(0.04)
            other.execute("BEGIN IMMEDIATE")
            time.sleep(0.06)
        other.close()

    writes = threading.Thread(target=keep_writing)
    writes.start()
    first.wait()
    began = time.monotonic()
    with waits.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        waited = time.monotonic() - began
        cursor.execute("COMMIT")
    writes.join()
    waits.close()
    assert waited < 0.95


@pytest.mark.django_db
def test_the_site_is_not_ready_before_every_migration(client):
    [newest] = MigrationLoader(connection).graph.leaf_nodes("services")
    MigrationRecorder(connection).record_unapplied(*newest)
    require_migrations.cache_clear()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (
        503,
        b"Migrations are missing: run manage.py migrate.\n",
    )
    MigrationRecorder(connection).record_applied(*newest)
    assert client.get("/readyz").status_code == 200


@pytest.mark.either_database
@pytest.mark.django_db
def test_the_site_is_not_ready_before_its_styles_are_collected(client, tmp_path):
    manifest = "clinic_site.static_files.StaticFiles"
    storages = settings.STORAGES | {"staticfiles": {"BACKEND": manifest}}
    require_static_files.cache_clear()
    with override_settings(STORAGES=storages, STATIC_ROOT=str(tmp_path)):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.content) == (
            503,
            b"Styles are missing: run manage.py collectstatic, then restart.\n",
        )
        call_command("collectstatic", "--no-input", "--verbosity=0")
        assert client.get("/readyz").status_code == 200
    require_static_files.cache_clear()


@pytest.mark.postgresql
@pytest.mark.django_db
def test_text_that_postgresql_cannot_store_is_refused_with_words():
    client = Client(
        raise_request_exception=False, headers={"Cookie": r'session="\000123456789"'}
    )
    response = client.get("/admin/")
    assert response.status_code == 400
    assert "We could not read that" in response.content.decode()
