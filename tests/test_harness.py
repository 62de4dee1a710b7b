"""That the tests' own instruments see what they are there for."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route

from .browser import Window, axe, look_at, one_window, watched_pages
from .plugin import ENVIRONMENT, ROOT
from .postgres import free_port


def test_a_page_that_misbehaves_fails_its_test(browser, site):
    def misbehave() -> None:
        with watched_pages(browser) as new_page:
            page = new_page()
            page.goto(f"{site.url}/admin/login/")
            page.evaluate("console.error('broken')")
            page.evaluate("document.body.setAttribute('style', 'color: red')")
            page.evaluate("fetch('/static/missing.png')")
            with page.expect_request("http://elsewhere.example/"):
                page.evaluate("location.href = 'http://elsewhere.example/'")

    with pytest.raises(AssertionError) as caught:
        misbehave()
    text = str(caught.value)
    assert "console: broken" in text
    assert "Applying inline style violates" in text
    assert f"404: {site.url}/static/missing.png" in text
    assert "request to another host: http://elsewhere.example/" in text


LEFT_BEHIND = """[
    localStorage.length, sessionStorage.length, document.cookie, innerWidth,
    matchMedia("(prefers-color-scheme: dark), (prefers-reduced-motion)").matches,
]"""


def test_a_window_that_is_used_again_is_as_new(browser):
    asked: list[str | None] = []

    def answer(route: Route) -> None:
        asked.append(route.request.headers.get("x-forwarded-for"))
        route.fulfill(body="<title>A</title>")

    def misbehave(window: Window) -> None:
        with window() as page:
            page.route("http://localhost/", answer)
            page.goto("http://localhost/")
            page.evaluate("localStorage.a = sessionStorage.a = document.cookie = 'a=b'")
            page.emulate_media(color_scheme="dark", reduced_motion="reduce")
            page.set_viewport_size({"width": 320, "height": 900})
            assert page.evaluate(LEFT_BEHIND) == [1, 1, "a=b", 320, True]
            page.evaluate("console.error('broken')")

    with one_window(browser) as window:
        with pytest.raises(AssertionError, match="console: broken"):
            misbehave(window)
        with window(**{"X-Forwarded-For": "198.51.100.1"}) as page:
            page.goto("http://localhost/")
            assert page.evaluate(LEFT_BEHIND) == [0, 0, "", 1280, False]
    assert asked == [None, "198.51.100.1"]


def test_axe_sees_a_target_that_is_too_small(page):
    page.set_content(
        "<html lang=en><title>A</title><main><h1>A</h1>"
        "<button style='font-size: 5px; padding: 0'>a</button>"
        "<button style='font-size: 5px; padding: 0'>b</button></main>"
    )
    with pytest.raises(AssertionError, match="target-size"):
        axe(page)


SCREENS = {
    "every": "",
    "a wide": "@media (max-width: 40rem) { b { display: none } }",
    "a narrow": "@media (min-width: 40rem) { b { display: none } }",
}


@pytest.mark.parametrize("screen", SCREENS)
def test_words_too_faint_in_dark_colours_are_seen_on_each_screen(page, screen):
    page.set_content(
        f"<html lang=en><title>A</title><style>{SCREENS[screen]}"
        "@media (prefers-color-scheme: dark)"
        " { body { background: #111; color: #eee } b { color: #333 } }"
        "</style><main><h1>A</h1><p>Words <b>too faint</b></p></main>"
    )
    with pytest.raises(AssertionError, match="color-contrast"):
        look_at(page)


LEFT_OUT = {
    "test_skipped": "import pytest\n\ndef test_skipped():\n    pytest.skip()\n",
    "test_expected": (
        "import pytest\n\n@pytest.mark.xfail\ndef test_expected():\n    assert 0\n"
    ),
    "test_missing": "import pytest\n\npytest.importorskip('nothing_of_this_name')\n",
}


def test_a_test_that_is_left_out_fails_the_run(tmp_path):
    for name, text in LEFT_OUT.items():
        (tmp_path / f"{name}.py").write_text(text + "\ndef test_fine():\n    pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"),
         "-p", "no:cacheprovider", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    failed = re.findall(r"FAILED: \S*?(test_\w+)\.py\S* was skipped", done.stdout)
    assert sorted(failed) == sorted(LEFT_OUT)


Developing = subprocess.Popen[str]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("developing")


@pytest.fixture
def developing(folder: Path, port: int) -> Iterator[Developing]:
    """Run what `make run` runs: at first without settings, then with what is there."""
    environment = {k: v for k, v in os.environ.items() if k not in ENVIRONMENT}
    process = subprocess.Popen(
        [sys.executable, "deploy/develop.py"], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=environment | {
            "ENV_FILE": str(folder / "env"), "PORT": str(port),
            "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
            "EMAIL_URL": f"filemail:///{folder / 'mail'}",
        },
    )  # fmt: skip
    yield process
    process.kill()
    process.communicate()


def read_until_ready(process: Developing) -> str:
    text = ""
    for line in process.stdout or ():
        text += line
        if "Ctrl-C stops it" in line:
            return text
    raise AssertionError(text)


def children(process: Developing) -> list[int]:
    listed = subprocess.run(
        ["pgrep", "--parent", str(process.pid)], capture_output=True, text=True
    )
    return [int(pid) for pid in listed.stdout.split()]


@pytest.mark.parametrize(
    "signum", [signal.SIGINT, signal.SIGHUP], ids=["Ctrl-C", "terminal closed"]
)
def test_the_demo_starts_serves_and_stops_with_nothing_left(developing, port, signum):
    text = read_until_ready(developing)
    assert f"The site:       http://127.0.0.1:{port}/" in text
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez") as answer:
        assert answer.read() == b"alive\n"
    started = children(developing)
    assert len(started) == 2
    developing.send_signal(signum)
    rest, _ = developing.communicate(timeout=30)
    assert (developing.returncode, rest.splitlines()[-1]) == (0, "Stopped.")
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []


def test_the_demo_ends_when_its_worker_does(developing):
    read_until_ready(developing)
    (worker,) = (
        pid
        for pid in children(developing)
        if b"run_worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    os.kill(worker, signal.SIGKILL)
    rest, _ = developing.communicate(timeout=30)
    assert (developing.returncode, rest.splitlines()[-1]) == (
        1,
        "Stopped, because the message worker ended with code -9.",
    )


def test_the_demo_says_that_its_port_is_in_use(request, port):
    with socket.create_server(("127.0.0.1", port)):
        developing = request.getfixturevalue("developing")
        text, _ = developing.communicate(timeout=30)
    assert developing.returncode == 1
    assert f"Cannot listen on 127.0.0.1 port {port}: Address already in use." in text
    assert "make run PORT=8001" in text
