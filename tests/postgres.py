"""A PostgreSQL server of the tests' own, gone when they end."""

import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg2

START_SECONDS = 30


class Cluster:
    """A server in a temporary folder, listening on a free loopback port.

    Trades safety for speed (fsync off), unless it is `durable`: nothing in it outlives
    the tests. Commits stay synchronous, so that a test may crash it and find what was
    committed. It has a session of its own, so that Ctrl-C reaches the tests first and
    they close it.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.safety = "on" if durable else "off"
        # PostgreSQL refuses to run as root; its package brings this account.
        self.account = "postgres" if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="clinic-postgres-"))
        if self.account:
            shutil.chown(self.folder, self.account)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        atexit.register(self.stop)
        self._run("initdb", "-D", self.data, "-U", "clinic", "-A", "trust", "-N")
        self.start()
        self.execute("CREATE DATABASE clinic")

    @property
    def data(self) -> str:
        return str(self.folder / "data")

    def url(self, database: str = "clinic") -> str:
        return f"postgresql://clinic@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    binary("postgres"), "-D", self.data, "-p", str(self.port),
                    "-k", str(self.folder), "-c", "listen_addresses=127.0.0.1",
                    "-c", f"fsync={self.safety}",
                    "-c", f"full_page_writes={self.safety}",
                    "-c", "max_connections=200",
                ],
                stdout=log, stderr=log, user=self.account, group=self._group(),
                extra_groups=[] if self.account else None,
                cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        self._wait()

    def stop(self) -> None:
        """End the server at once and remove its folder. Asked twice, do nothing."""
        if self.process:
            self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def crash(self) -> None:
        """End the server at once, as a power cut would; `start` brings it back."""
        assert self.process
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(timeout=START_SECONDS)
        self.process = None

    def execute(self, statement: str) -> None:
        """Run one statement outside a transaction, as CREATE DATABASE needs."""
        connection = psycopg2.connect(self.url("postgres"))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()

    def _wait(self) -> None:
        assert self.process
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg2.connect(self.url("postgres")).close()
            except psycopg2.OperationalError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    log = (self.folder / "log").read_text()
                    raise RuntimeError(f"PostgreSQL did not start:\n{log}") from error
                time.sleep(0.05)
            else:
                return

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [binary(name), *arguments], check=True, capture_output=True,
            user=self.account, group=self._group(),
            extra_groups=[] if self.account else None, cwd=self.folder,
        )  # fmt: skip

    def _group(self) -> int | None:
        return pwd.getpwnam(self.account).pw_gid if self.account else None


def binary(name: str) -> str:
    """Return the path of a PostgreSQL program; Debian keeps them off the PATH."""
    packaged = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or (str(packaged[-1]) if packaged else None)
    if not found:
        raise RuntimeError(
            f"PostgreSQL's {name} is missing. Install the package `postgresql`."
        )
    return found


def free_port() -> int:
    """Return a loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
