"""The real thing, for journeys and races: gunicorn, the message worker, a mail server.

Each site has a database of its own, copied from one that was migrated once.
"""

import fcntl
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.policy import SMTP as SMTP_POLICY
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from . import plugin
from .postgres import free_port

START_SECONDS = 30
STOP_SECONDS = 30


class Answer(NamedTuple):
    status: int
    headers: Message
    text: str


@dataclass
class Site:
    """A running site.

    `url` is its address without a slash at the end; `log` is what the web processes
    and the workers wrote; `folder` is gone when the site is.
    """

    url: str
    folder: Path
    environment: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _insider: subprocess.Popen[str] | None = field(default=None, init=False)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def manage(self, *arguments: str) -> str:
        """Run a command of manage.py in this site; return what it printed.

        All in one process that is kept, since one takes longer to start than to do it.
        """
        if not self._insider:
            self._insider = subprocess.Popen(
                [sys.executable, "-m", "tests.insider"], cwd=plugin.ROOT, text=True,
                env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
        asked, answered = self._insider.stdin, self._insider.stdout
        assert asked
        assert answered
        asked.write(json.dumps(arguments) + "\n")
        asked.flush()
        went_well, printed = json.loads(answered.readline() or '[false, "it ended"]')
        assert went_well, f"{arguments}: {printed}"
        return str(printed)

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for a page as a program does: no redirects, no cookies, no errors.

        An underscore in the name of a header stands for a hyphen.
        """
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=STOP_SECONDS)
        with closing(connection):
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("GET", path, headers=names)
            response = connection.getresponse()
            return Answer(response.status, response.msg, response.read().decode())

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a process of this site, which ends with the site at the latest."""
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command], cwd=plugin.ROOT, env=self.environment,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Ask a process to end, as a service manager does, and see that it does."""
        self.processes.remove(process)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise AssertionError(f"did not stop: {process.args}\n{self.log}") from None
        assert code == 0, f"ended with {code}: {process.args}\n{self.log}"

    def close(self) -> None:
        """Stop what still runs."""
        if self._insider:
            self._insider.communicate()
        for process in list(self.processes):
            self.stop(process)

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run a message worker for as long as the block lasts."""
        process = self.start("manage.py", "run_worker")
        try:
            yield process
        finally:
            if process in self.processes:
                wait_until_it_hears(process)
                self.stop(process)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):
                    return
            except OSError as error:  # refused, or 503
                ended = any(p.poll() is not None for p in self.processes)
                if ended or time.monotonic() > deadline:
                    raise AssertionError(f"not ready:\n{self.log}") from error
                time.sleep(0.05)


def wait_until_it_hears(process: subprocess.Popen[bytes]) -> None:
    """Wait until a signal to end is no longer the end of a process that only begins."""
    deadline = time.monotonic() + START_SECONDS
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None and time.monotonic() < deadline:
        caught = re.search(r"^SigCgt:\s*(\w+)", status.read_text(), re.MULTILINE)
        if caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.05)


@contextmanager
def running_site(*, template: str = "", **environment: str) -> Iterator[Site]:
    """Run a site on its own database; `environment` overrides the tests' settings.

    The database is as `template` has it, the URL of one that nobody uses, else empty.

    Fails if anything logged a traceback or ended other than well.
    """
    folder = Path(tempfile.mkdtemp(dir=plugin.FOLDER))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    collect_static()
    site = Site(
        url,
        folder,
        os.environ
        | {
            "DATABASE_URL": environment.get("DATABASE_URL")
            or copy_of_template(folder, template),
            "SITE_URL": url,
            "BIND": f"127.0.0.1:{port}",
            "EMAIL_URL": f"filemail:///{folder / 'mail'}",
            "PYTHONUNBUFFERED": "1",
        }
        | environment,
    )
    try:
        site.start("-m", "gunicorn", "--config", "deploy/gunicorn.conf.py")
        site.wait_until_ready()
        yield site
    except BaseException:
        sys.stderr.write(site.log)
        raise
    finally:
        site.close()
        log = site.log
        if "DATABASE_URL" not in environment:
            drop(site.environment["DATABASE_URL"])
        shutil.rmtree(folder)
    assert "Traceback" not in log, log


# --- Made once in a run of the tests ---------------------------------------------


def copy_of_template(folder: Path, template: str = "") -> str:
    """Return the URL of a new database that has every migration and no rows.

    With `template`, the URL of a database that nobody uses, it has the rows of that.
    """
    template = template or migrated_template()
    if plugin.CLUSTER:
        name = folder.name.replace("-", "_").lower()
        original = template.rpartition("/")[2]
        plugin.CLUSTER.execute(f'CREATE DATABASE "{name}" TEMPLATE "{original}"')
        return plugin.CLUSTER.url(name)
    shutil.copy(template.removeprefix("sqlite:///"), folder / "db.sqlite3")
    return f"sqlite:///{folder / 'db.sqlite3'}"


@cache
def demo() -> tuple[str, dict[str, str]]:
    """Make the demo; return its database's URL and the passwords by user name."""
    url = copy_of_template(Path(tempfile.mkdtemp(dir=plugin.FOLDER)))
    manage("load_content", DATABASE_URL=url)
    said = manage("load_demo", DATABASE_URL=url, DEBUG="true")
    return url, dict(re.findall(r"Account (\S+): password (\S+)", said))


@cache
def migrated_template() -> str:
    """Migrate a new database; return its URL."""
    if plugin.CLUSTER:
        plugin.CLUSTER.execute('CREATE DATABASE "template"')
        url = plugin.CLUSTER.url("template")
        manage("migrate", "--verbosity=0", DATABASE_URL=url)
        return url
    file, new = plugin.MADE / "template.sqlite3", plugin.MADE / "new.sqlite3"
    with one_at_a_time():
        if not file.exists():
            manage("migrate", "--verbosity=0", DATABASE_URL=f"sqlite:///{new}")
            new.rename(file)
    return f"sqlite:///{file}"


def drop(url: str) -> None:
    """Drop a database on the server; a file goes with the site's folder."""
    if plugin.CLUSTER:
        name = url.rpartition("/")[2]
        plugin.CLUSTER.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def collect_static() -> None:
    """Collect the static files, once, to where every site serves them from."""
    with one_at_a_time():
        if not list((plugin.MADE / "static").iterdir()):
            manage("collectstatic", "--no-input", "--verbosity=0")


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let the other runs of `make test` wait for what this one makes for all."""
    with (plugin.MADE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def manage(*arguments: str, **environment: str) -> str:
    """Run manage.py; return what it printed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=plugin.ROOT,
        env=os.environ | environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


# --- Mail ------------------------------------------------------------------------


class MailServer:
    """A mail server on loopback that keeps what it accepts.

    `answer` is its reply to a message: "250 OK" accepts; "451 try later" and
    "550 no such person" refuse, for now and for good. `stop` closes the port.
    """

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.answer = "250 OK"
        self.port = free_port()
        logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's
        self.start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()

    def stop(self) -> None:
        self.controller.stop()

    async def handle_DATA(  # noqa: N802 -- the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.answer.startswith("2"):
            content = envelope.content
            assert isinstance(content, bytes)
            parser = BytesParser(EmailMessage, policy=SMTP_POLICY)
            self.messages.append(parser.parsebytes(content))
            self.recipients.append(envelope.rcpt_tos)
        return self.answer

    def wait_for(self, count: int, seconds: float = 20) -> list[EmailMessage]:
        """Return the messages once there are as many, and no more."""
        deadline = time.monotonic() + seconds
        while len(self.messages) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(self.messages) == count, [m["Subject"] for m in self.messages]
        return self.messages
