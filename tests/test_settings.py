import ast
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.test import RequestFactory, override_settings

from clinic_site.client import client_address

from .plugin import ENVIRONMENT, ROOT

PRODUCTION = ENVIRONMENT | {
    "SITE_URL": "https://clinic.example",
    "ALLOWED_HOSTS": "clinic.example",
    "TRUSTED_PROXIES": "1",
    "EMAIL_URL": "smtps://mail.clinic.example:587",
}


def start_with(**changes: str) -> subprocess.CompletedProcess[str]:
    """Run Django's checks in a new process, with these changes to production."""
    environment = {"PATH": os.environ["PATH"]} | PRODUCTION | changes
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip


def read_settings(*show: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Read the settings in a new process and print some; quicker than all checks."""
    code = f"from clinic_site import settings as s; print({', '.join(show)})"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=PRODUCTION | changes,
        capture_output=True, text=True,
    )  # fmt: skip


def test_production_settings_pass_every_check():
    done = start_with()
    assert done.stdout == "System check identified no issues (0 silenced).\n"


@pytest.mark.parametrize(
    "name",
    [
        "SECRET_KEY", "FIELD_KEYS", "SITE_URL", "EMAIL_URL", "DEFAULT_FROM_EMAIL",
        "CLINIC_PHONE",
    ],
)  # fmt: skip
def test_a_missing_setting_is_named_with_a_hint(name):
    done = start_with(**{name: ""})
    assert done.returncode == 1
    assert f"ImproperlyConfigured: {name} is not set. " in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("SECRET_KEY", "secret"),
        ("SITE_URL", "clinic.example"),
        ("SITE_URL", "https://clinic.example/appointments"),
        ("SITE_URL", "https://clinic.example:https"),
        ("TRUSTED_PROXIES", "one"),
        ("HSTS_SECONDS", "-1"),
        ("DATABASE_URL", "mysql://clinic@127.0.0.1/clinic"),
        ("DATABASE_URL", "clinic"),
        ("DATABASE_URL", "postgresql://clinic@127.0.0.1:port/clinic"),
        ("DATABASE_URL", "postgresql://clinic@127.0.0.1"),
        ("DATABASE_URL", "sqlite:///"),
        ("DATABASE_URL", "sqlite:////no/such/folder/db.sqlite3"),
        ("EMAIL_URL", "pigeon://roof"),
        ("EMAIL_URL", "smtps://"),
        ("EMAIL_URL", "anymail://postmark?server_token=x"),
        ("EMAIL_URL", "anymail://?baa=yes"),
        ("MAIL_EVENTS_SECRET", "short:password"),
        ("DEFAULT_FROM_EMAIL", "Front desk"),
        ("CLINIC_TIME_ZONE", "America/Springfield"),
        ("CLINIC_TIME_ZONE", "../../etc/passwd"),
        ("CLINIC_PHONE", "call us"),
        ("LOG_LEVEL", "LOUD"),
        ("PORT", "70000"),
        ("ENV_FILE", "/no/such/file"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named_with_a_hint(name, value):
    done = read_settings(**{name: value})
    assert done.returncode == 1
    assert f"ImproperlyConfigured: {name} is " in done.stderr


def test_a_statement_timeout_that_makes_no_sense_is_named_with_a_hint():
    postgresql = "postgresql://clinic@127.0.0.1/clinic"
    done = read_settings(DATABASE_URL=postgresql, STATEMENT_TIMEOUT="soon")
    assert done.returncode == 1
    assert "ImproperlyConfigured: STATEMENT_TIMEOUT is 'soon'. " in done.stderr


def test_a_supplier_of_mail_is_named_by_its_address():
    done = read_settings(
        "s.EMAIL_BACKEND", "s.MAIL_SUPPLIER", "s.ANYMAIL['POSTMARK_SERVER_TOKEN']",
        EMAIL_URL="anymail://postmark?server_token=a%2Fb&baa=yes",
    )  # fmt: skip
    said = "anymail.backends.postmark.EmailBackend postmark a/b\n"
    assert (done.stdout, done.returncode) == (said, 0)


def test_spaces_and_empty_values_do_no_harm():
    done = read_settings(
        "s.ALLOWED_HOSTS", "s.TRUSTED_PROXIES", "s.LOG_LEVEL", "s.TIME_ZONE",
        ALLOWED_HOSTS="clinic.example, www.clinic.example,", TRUSTED_PROXIES=" 1 ",
        LOG_LEVEL="warning", CLINIC_TIME_ZONE="",
    )  # fmt: skip
    assert done.stdout == (
        "['clinic.example', 'www.clinic.example'] 1 WARNING America/New_York\n"
    )


@pytest.mark.parametrize(
    ("host", "address", "allowed"),
    [
        ("0.0.0.0", "http://127.0.0.1:8001", "127.0.0.1"),  # noqa: S104 -- a case
        ("::1", "http://[::1]:8001", "[::1]"),
        ("192.0.2.7", "http://192.0.2.7:8001", "192.0.2.7"),
    ],
)
def test_while_developing_links_lead_to_where_the_site_listens(host, address, allowed):
    done = read_settings(
        "s.SITE_URL", "s.ALLOWED_HOSTS[-1]",
        DEBUG="true", SITE_URL="", ALLOWED_HOSTS="", HOST=host, PORT="8001",
    )  # fmt: skip
    assert done.stdout == f"{address} {allowed}\n"


def test_a_web_process_has_read_the_pages_before_the_first_request():
    """An update may replace the files between its start and that request."""
    code = "import clinic_site.wsgi, sys; print('clinic_site.urls' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=PRODUCTION,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "True\n"


def listen_with(**changes: str) -> subprocess.CompletedProcess[str]:
    """Have gunicorn say with which settings it would start."""
    command = "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "--print-config"
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=PRODUCTION | changes,
        capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "bind"),
    [
        ("", "127.0.0.1:8000"),
        ("HOST=::1\nPORT=8001\n", "[::1]:8001"),
        ("PORT=8001\nBIND=unix:/run/clinic/web.sock\n", "unix:/run/clinic/web.sock"),
    ],
)
def test_gunicorn_listens_where_the_file_of_settings_says(tmp_path, lines, bind):
    file = tmp_path / "env"
    file.write_text(lines)
    done = listen_with(ENV_FILE=str(file))
    assert re.search(r"^bind +=.*", done.stdout, re.MULTILINE)[0].endswith(
        f"= ['{bind}']"
    )


@pytest.mark.parametrize("name", ["PORT", "WEB_CONCURRENCY", "WEB_THREADS"])
def test_gunicorn_names_a_number_that_makes_no_sense(name):
    done = listen_with(**{name: "0"})
    assert done.returncode == 1
    assert f"ImproperlyConfigured: {name} is '0'. " in done.stderr


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"FIELD_KEYS": "too-short"}, ["booking.E004"]),
        ({"SITE_URL": "http://clinic.example"}, ["booking.E005"]),
        ({"ALLOWED_HOSTS": "*"}, ["booking.E006"]),
        ({"ALLOWED_HOSTS": "www.clinic.example"}, ["booking.E007"]),
        ({"TRUSTED_PROXIES": "0"}, ["booking.W001"]),
        ({"EMAIL_URL": "dummymail://"}, ["booking.W002"]),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes, found):
    done = start_with(**changes)
    assert done.returncode == 1
    assert re.findall(r"booking\.[EW]\d+", done.stderr) == found
    assert "HINT: " in done.stderr


def test_sqlite_has_to_lock_when_a_transaction_begins(monkeypatch):
    database = settings.DATABASES["default"] | {
        "ENGINE": "clinic_site.sqlite",
        "OPTIONS": {},
        "ATOMIC_REQUESTS": True,
    }
    monkeypatch.setitem(settings.DATABASES, "default", database)
    errors = [found.id for found in run_checks(tags=["clinic"]) if found.is_serious()]
    assert errors == ["booking.E002", "booking.E003"]


def names_in(text: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, text, re.MULTILINE))


def test_every_setting_is_explained_where_people_look():
    """Settings, gunicorn's configuration, .env.example and README name the same."""
    read: set[str] = set()
    readers = ("required", "text", "names", "number", "flag", "env.str")
    for path in (
        "clinic_site/environment.py",
        "clinic_site/settings.py",
        "deploy/gunicorn.conf.py",
    ):
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.Call) and node.args:
                called, first = ast.unparse(node.func), node.args[0]
                if called in readers and isinstance(first, ast.Constant):
                    read.add(str(first.value))
    explained = names_in((ROOT / ".env.example").read_text(), r"^(?:# )?([A-Z_]+)=")
    table = (ROOT / "README.md").read_text().partition("\n## Configuration\n")[2]
    first_cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    listed = names_in("\n".join(first_cells), r"`([A-Z_]+)`")
    assert explained == read
    assert listed == read


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.7, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, "", "192.0.2.1"),
    ],
)
def test_a_client_cannot_choose_its_address(proxies, forwarded, address):
    request = RequestFactory().get(
        "/", REMOTE_ADDR="192.0.2.1", headers={"X-Forwarded-For": forwarded}
    )
    with override_settings(TRUSTED_PROXIES=proxies):
        assert client_address(request) == address
