"""`make lighthouse`: what Lighthouse finds on the pages of patients.

The site is served as deploy/ has it: gunicorn behind nginx, over https, by a
certificate that nobody has signed. Each page is looked at RUNS times, and the middle of
that is printed; what fails is a fault, but for performance, which is only printed.
Not part of the other tests: what it says depends on the machine and on what else that
does. So TBT is told twice more: of a mid-tier phone, and where no task has to wait.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests import plugin
from tests.browser import chromium
from tests.postgres import free_port
from tests.servers import START_SECONDS

from .conftest import running_clinic
from .steps import EMG, TRIGGER_POINTS, Clinic

TOOL = os.environ.get("LIGHTHOUSE", "npx --yes lighthouse@13.5.0").split()
RUNS = int(os.environ.get("RUNS", "3"))
CHROMIUM = "--headless=new --no-sandbox --ignore-certificate-errors"
DEVICES = {"mobile": (), "desktop": ("--preset=desktop",)}
# Now and then Chromium's recording lacks the start of a page, whichever it is. Then
# Lighthouse says nothing about the page, and asks for another look.
LOST = "NO_NAVSTART"
OF_A_PHONE, BY_PROCESSOR = "blocking-of-a-phone", "blocking-by-processor"
SCORES = ("performance", "accessibility", "best-practices", "seo")
TIMES = {
    "FCP": "first-contentful-paint",
    "LCP": "largest-contentful-paint",
    "TBT": "total-blocking-time",
    "CLS": "cumulative-layout-shift",
    "TBT of a phone": OF_A_PHONE,
    "TBT of the processor": BY_PROCESSOR,
}

PUBLIC = {
    "home": "/",
    "a service": f"/treatments-and-tests/{TRIGGER_POINTS}/",
    "another service": f"/treatments-and-tests/{EMG}/",
    "all services": "/treatments-and-tests/",
    "visit us": "/visit-us/",
    "our team": "/our-team/",
    "home, in Spanish": "/es/",
    "a service, in Spanish": f"/es/treatments-and-tests/{TRIGGER_POINTS}/",
    "visit us, in Spanish": "/es/visit-us/",
    "our team, in Spanish": "/es/our-team/",
}
# No search engine is to list these, which Lighthouse takes for a fault.
UNLISTED = {"is-crawlable", "meta-description"}
PRIVATE = {
    "search": "/search/",
    "search, in Spanish": "/es/search/",
    "book": "/book/",
    "times": "/book/times/",
    "times, in Spanish": "/es/book/times/",
    "check": "/book/check/",
    "pending": "/appointment/",
    "booked": "/appointment/",
    "booked, in Spanish": "/es/appointment/",
    "offered": "/appointment/",
    "wants_change": "/appointment/",
    "cancelled_by_clinic": "/appointment/",
    "waiting": "/appointment/",
    "lost link": "/appointment/find/",
}
WHO = {"times": "before_times", "check": "all_answered"}


class Served(NamedTuple):
    """The site behind nginx at `url`, and sessions and tokens of links by scene."""

    url: str
    clinic: Clinic
    scenes: dict[str, str]


def answers(port: int) -> bool:
    with suppress(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    return False


@contextmanager
def behind_nginx(backend: str, port: int, folder: Path) -> Iterator[None]:
    """Run nginx with deploy/nginx.conf, but for its names, ports and files."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    text = (plugin.ROOT / "deploy/nginx.conf").read_text()
    for pattern, instead in {
        r"listen \[::\]:\d+.*;": "",
        r"listen 80;": f"listen 127.0.0.1:{free_port()};",
        r"listen 443": f"listen 127.0.0.1:{port}",
        r"clinic\.example\$": f"127.0.0.1:{port}$",
        r"server_name clinic\.example": "server_name 127.0.0.1",
        r"\S+/fullchain\.pem": str(certificate),
        r"\S+/privkey\.pem": str(key),
        r"unix:\S+": backend,
        r"/var/log/nginx": str(folder),
        r"\$host;": "$http_host;",
    }.items():
        text = re.sub(pattern, instead, text)
    (folder / "nginx.conf").write_text(
        f"worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/log;\n"
        f"events {{}}\nhttp {{ client_body_temp_path {folder}/body;"
        f" proxy_temp_path {folder}/proxy;\n{text}\n}}"
    )
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen([program, "-p", folder, "-c", folder / "nginx.conf"])
    deadline = time.monotonic() + START_SECONDS
    while not answers(port):
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    with running_clinic(SITE_URL=url) as clinic:
        make = "from tests.journeys import scenes; scenes.make()"
        scenes = json.loads(clinic.site.manage("shell", "-v0", "-c", make))
        backend = urlsplit(clinic.site.url).netloc
        with behind_nginx(backend, port, tmp_path_factory.mktemp("nginx")):
            yield Served(url, clinic, scenes)


def session(served: Served, name: str) -> str:
    """Return the session in which somebody sees the page; empty where none is."""
    known = name.partition(",")[0]
    if f"before_{known}" in served.scenes or known in WHO:
        return served.scenes[WHO.get(known, f"before_{known}")]
    if known not in served.scenes:
        return ""
    there = urlsplit(served.url).netloc
    headers = {"Host": there, "X-Forwarded-Proto": "https"}
    backend = urlsplit(served.clinic.site.url).netloc
    with closing(HTTPConnection(backend)) as connection:
        path = f"/appointments/{served.scenes[known]}/"
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        found = re.search(r"__Host-session=(\w+)", str(answer.headers))
    assert found, answer.headers
    return found[1]


def slowdown(index: float) -> float:
    """Return how much slower than a host of that benchmarkIndex a mid-tier phone is.

    By the calculator that Lighthouse's docs/throttling.md names (its source is
    GitHub's patrickhulce/lighthouse-cpu-throttling-calculator), which gives
    Lighthouse's own 4 to a host of 1,533. The CalibrationController of DevTools means
    a faster phone, of 1,000, and interrupts real work rather than simulate it: it
    would ask for less.
    """
    lines = (index - 150) / 650, 1 + (index - 800) / 500, 2 + (index - 1300) / 233
    return 1 + max(0, *lines)


def without_waits(recording: Path) -> None:
    """Let each task of a recording last as long as it had the processor.

    Chromium notes both. Lighthouse reads the other, in which a wait for another program
    is a part of the task, four times as long as it was.
    """
    recorded = json.loads(recording.read_text())
    tasks: dict[tuple[int, int], tuple[int, int]] = {}
    timed = [one for one in recorded["traceEvents"] if {"tts", "tdur"} <= one.keys()]
    for event in sorted(timed, key=lambda one: (one["ts"], -one["dur"])):
        thread = event["pid"], event["tid"]
        if event["name"] == "RunTask":
            tasks[thread] = event["ts"], event["tts"]
        if thread in tasks:
            start, at = tasks[thread]
            event |= {"ts": start + event["tts"] - at, "dur": event["tdur"]}
    recording.write_text(json.dumps(recorded))


def reports(
    served: Served, folder: Path, path: str, cookie: str, *device: str
) -> list[Any]:
    """Return what Lighthouse says each time, as its JSON has it."""
    command = [
        *TOOL, served.url + path, "--quiet", "--output=json", "--output-path=stdout",
        f"--chrome-flags={CHROMIUM}", f"--audit-mode={folder}", *device,
    ]  # fmt: skip
    if cookie:
        command.append(f'--extra-headers={{"Cookie": "__Host-session={cookie}"}}')
    environment = os.environ | {"CHROME_PATH": chromium()}
    look = partial(subprocess.run, capture_output=True, text=True, env=environment)
    first = f"--gather-mode={folder}", f"--only-categories={','.join(SCORES)}"

    def again(*settings: str) -> Any:
        only = f"--only-audits={TIMES['TBT']}"
        read = look([*command, only, *settings], check=True)
        return json.loads(read.stdout)["audits"][TIMES["TBT"]]

    said: list[Any] = []
    for _ in range(2 * RUNS):
        done = look([*command, *first])
        if LOST in done.stderr:
            print(f"\nAgain {path}: the recording had no start.")  # noqa: T201
            continue
        assert done.returncode == 0, done.stderr
        said.append(json.loads(done.stdout))
        # Lighthouse reads nothing again with other settings than those noted.
        artifacts = json.loads((folder / "artifacts.json").read_text())
        del artifacts["settings"]
        (folder / "artifacts.json").write_text(json.dumps(artifacts))
        if not device:
            slower = slowdown(said[-1]["environment"]["benchmarkIndex"])
            said[-1]["audits"][OF_A_PHONE] = again(
                f"--throttling.cpuSlowdownMultiplier={slower}"
            )
        without_waits(folder / "trace.json")
        said[-1]["audits"][BY_PROCESSOR] = again()
        if len(said) == RUNS:
            return said
    raise AssertionError(f"{path}: too many recordings had no start")


def told(said: list[Any]) -> tuple[dict[str, float], set[str]]:
    """Return the middle of scores and times, and the audits that failed."""
    found = {
        score: median(one["categories"][score]["score"] * 100 for one in said)
        for score in SCORES
    }
    for short, audit in TIMES.items():
        if audit in said[0]["audits"]:
            found[short] = median(one["audits"][audit]["numericValue"] for one in said)
    index = "benchmarkIndex"
    found[index] = median(one["environment"][index] for one in said)
    weighed = {
        ref["id"]
        for one in said
        for category in one["categories"].values()
        for ref in category["auditRefs"]
        if ref["weight"] and category["id"] != "performance"
    }
    failed = {
        name
        for one in said
        for name, audit in one["audits"].items()
        if name in weighed and audit["score"] is not None and audit["score"] < 1
    }
    return found, failed


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", PUBLIC | PRIVATE)
def test_lighthouse_finds_nothing(
    served: Served, tmp_path: Path, name: str, device: str
) -> None:
    path = (PUBLIC | PRIVATE)[name]
    said = reports(served, tmp_path, path, session(served, name), *DEVICES[device])
    found, failed = told(said)
    figures = ", ".join(f"{short} {value:.4g}" for short, value in found.items())
    print(f"\n| {name}, {device} | {figures} | {' '.join(sorted(failed))}")  # noqa: T201
    if out := os.environ.get("KEEP"):
        (Path(out) / f"{name}, {device}.json").write_text(json.dumps(said[0]))
    assert failed <= (UNLISTED if name in PRIVATE else set())
