"""`make run`: prepare the demo, then serve it, with the message worker beside.

One process prepares (starting Django takes longer than the work) and then only
watches the two it started: when one ends, the other is stopped too.
"""

import base64
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30
STOP_SECONDS = 25  # gunicorn's graceful_timeout and a little more
LOOK_SECONDS = 0.1

stop_asked = threading.Event()


def main() -> None:
    # The last comes when a terminal is closed.
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, ask_to_stop)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    write_environment(Path(os.environ.get("ENV_FILE", ROOT / ".env")))
    say("Starting Django …")
    host, port = start_django()
    refuse_a_port_in_use(host, port)
    prepare()
    if not stop_asked.is_set():
        serve(host, port)


def ask_to_stop(signum: int, frame: FrameType | None) -> None:
    stop_asked.set()


def say(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal is closed
        print(text, flush=True)  # noqa: T201 -- this is a command


def write_environment(path: Path) -> None:
    """Write the settings for developing, with keys of this machine's own, once."""
    if path.exists():
        return
    field_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    path.touch(mode=0o600)
    path.write_text(
        "# Written by `make run`. .env.example explains every setting.\n"
        "DEBUG=true\n"
        f"SECRET_KEY={secrets.token_urlsafe(64)}\n"
        f"FIELD_KEYS={field_key}\n"
    )
    say(f"Wrote {path.name}, with new keys.")


def start_django() -> tuple[str, int]:
    """Read the settings; return the host and port to listen on."""
    import django  # noqa: PLC0415 -- needs the settings, which need `.env`
    from django.conf import settings  # noqa: PLC0415
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic_site.settings")
    try:
        django.setup()
    except ImproperlyConfigured as error:
        sys.exit(f"{error}")
    if not settings.DEBUG:
        sys.exit(
            "`make run` shows demo data and is for developing, but DEBUG is false."
            " README.md says how to deploy; set DEBUG=true in .env to develop."
        )
    os.environ["BIND"] = ""  # which is for behind a proxy
    return settings.HOST, settings.PORT


def refuse_a_port_in_use(host: str, port: int) -> None:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        sys.exit(
            f"Cannot listen on {host} port {port}: {error.strerror or error}.\n"
            "Stop what uses it, or choose another: make run PORT=8001"
        )


def prepare() -> None:
    """Bring the database, the content and the demo schedule up to date."""
    from django.core.management import CommandError, call_command  # noqa: PLC0415
    from django.db import connections  # noqa: PLC0415

    for title, command in (
        ("Preparing the database …", ("migrate", "--verbosity=0")),
        ("Loading the clinic's content …", ("load_content",)),
        ("Loading the demo schedule …", ("load_demo",)),
    ):
        if stop_asked.is_set():
            return
        say(title)
        try:
            call_command(*command)
        except CommandError as error:
            sys.exit(f"{error}")
    connections.close_all()


def serve(host: str, port: int) -> None:
    """Serve until asked to stop, or until a process ends by itself."""
    from clinic_site.environment import EVERYWHERE, host_in_urls  # noqa: PLC0415

    url = f"http://{host_in_urls(host)}:{port}"
    processes: dict[str, subprocess.Popen[bytes]] = {}
    failure = None
    try:
        processes["the web server"] = start(
            "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"
        )
        processes["the message worker"] = start("manage.py", "run_worker")
        announced = False
        deadline = time.monotonic() + START_SECONDS
        while not failure and not stop_asked.wait(LOOK_SECONDS):
            failure = unexpected_end(processes)
            if not announced and not failure:
                announced = announce(url, everywhere=host in EVERYWHERE)
                if not announced and time.monotonic() > deadline:
                    failure = "The site does not become ready; see the lines above."
    finally:
        stop(processes)
    if failure:
        sys.exit(failure)
    say("Stopped.")


def start(*arguments: str) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C comes here, and from here in order.
    return subprocess.Popen(  # noqa: S603 -- our own programs
        [sys.executable, *arguments], start_new_session=True
    )


def unexpected_end(processes: dict[str, subprocess.Popen[bytes]]) -> str | None:
    for name, process in processes.items():
        if process.poll() is not None:
            return f"Stopped, because {name} ended with code {process.returncode}."
    return None


def announce(url: str, *, everywhere: bool) -> bool:
    """Say where the site is, if it is ready."""
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with straight.open(f"{url}/readyz", timeout=2):
            pass
    except OSError:
        return False
    say(
        f"\n  The site:       {url}/\n"
        f"  The front desk: {url}/admin/\n"
        "  Its mail:       var/mail/, a file for each message"
    )
    if everywhere:
        say("  For other machines, make HOST this one's address in the network.")
    say("  Ctrl-C stops it.\n")
    return True


def stop(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    """Let both finish what they are doing; end what takes too long."""
    for process in processes.values():
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for name, process in processes.items():
        try:
            process.wait(timeout=max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            say(f"{name.capitalize()} did not stop in time and was ended.")


if __name__ == "__main__":
    main()
