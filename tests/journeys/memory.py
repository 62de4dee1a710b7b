"""`make memory`: what a web process takes over very many pages of patients.

REQUESTS of them, in turns, over connections that are kept, to the site as it runs in
production. Printed are the megabytes that each process has for itself.
"""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

from .conftest import running_clinic
from .steps import EMG, TRIGGER_POINTS

REQUESTS = int(os.environ.get("REQUESTS", "100000"))
CONNECTIONS = 4
STEPS = 10
# Paths, and the scenes in whose sessions they are asked for.
PAGES = [
    ("/", ""), ("/es/", ""), (f"/treatments-and-tests/{TRIGGER_POINTS}/", ""),
    (f"/es/treatments-and-tests/{EMG}/", ""), ("/visit-us/", ""), ("/our-team/", ""),
    ("/search/", ""), ("/book/", ""), ("/book/visit/", "before_visit"),
    ("/book/times/", "before_times"), ("/es/book/times/", "before_times"),
    ("/book/about/", "before_about"), ("/book/contact/", "before_contact"),
    ("/book/check/", "all_answered"), ("/appointment/", "booked"),
    ("/es/appointment/", "pending"), ("/appointment/", "offered"),
    ("/appointment/change/", "booked"), ("/appointment/cancellation/", "booked"),
    ("/no-such/page/", ""),
]  # fmt: skip


def own_memory(process: str) -> int:
    """Return the megabytes of a process that it shares with no file."""
    status = Path(f"/proc/{process}/status").read_text()
    return round(int(re.findall(r"RssAnon:\s+(\d+) kB", status)[0]) / 1024)


def test_memory_stays_as_it_is() -> None:
    with running_clinic() as clinic:
        make = "from tests.journeys import scenes; scenes.make()"
        scenes = json.loads(clinic.site.manage("shell", "-v0", "-c", make))
        sessions = {"": ""}
        for _path, name in PAGES:
            if not name:
                continue
            if "_" in name:
                sessions[name] = scenes[name]
            else:
                link = clinic.site.get(f"/appointments/{scenes[name]}/")
                sessions[name] = re.findall(r"session=(\w+)", str(link.headers))[0]
        master = clinic.site.processes[0].pid
        task = Path(f"/proc/{master}/task/{master}/children")
        host = urlsplit(clinic.site.url).netloc

        def ask(count: int) -> set[tuple[str, int]]:
            connection = HTTPConnection(host, timeout=60)
            answers = set()
            for _, (path, name) in zip(range(count), cycle(PAGES), strict=False):
                headers = {"Accept-Encoding": "gzip"}
                if name:
                    headers["Cookie"] = f"session={sessions[name]}"
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                answer.read()
                answers.add((path, answer.status))
            connection.close()
            return answers

        for step in range(STEPS + 1):
            own = [own_memory(child) for child in task.read_text().split()]
            print(f"{step * REQUESTS // STEPS:>7}: {own} MB", flush=True)  # noqa: T201
            with ThreadPoolExecutor(CONNECTIONS) as pool:
                each = REQUESTS // STEPS // CONNECTIONS
                answers = set().union(*pool.map(ask, [each] * CONNECTIONS))
            assert all(
                status == (404 if path == "/no-such/page/" else 200)
                for path, status in answers
            ), answers
