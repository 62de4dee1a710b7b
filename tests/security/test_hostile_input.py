"""Everything wrong that somebody can send gets a page with words, and leaves no row."""

import re
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import resolve
from django.utils.html import escape
from pytest_django import DjangoDbBlocker
from time_machine import travel

from booking import links
from booking.models import Appointment, Hit, Hours
from services.models import KnownWord, Passage, SearchIndex
from tests.factories import NOW
from tests.plugin import DATABASE
from tests.servers import Site
from tests.shared import made_for_a_file

from .pages import Form, forms_on, text_on
from .routes import World, all_routes, every_row, taken_back
from .test_get_is_safe import WHO as WHO_ASKS
from .test_get_is_safe import writes

Rows = dict[str, list[tuple[Any, ...]]]

PHONE = "(212) 555-0143"
MARKUP = "<script>alert('x')</script>"
BREAKOUT = "\"'><img src=x onerror=alert(1)>"
TEMPLATE = "{{ 27182|add:81828 }}{% now 'Y' %}${271*828}{0.__class__}%(x)s%s%n"
# What no page may hold after any of them was sent.
NEVER = ["<script>alert", "<img src=x", "109010", "224388", "<class "]

TEXTS = {
    "nothing": "",
    "a space": " ",
    "NUL": "\0",
    "NUL inside": "Pat\0ricia",
    "5,000 digits": "9" * 5000,
    "the first number beyond 64 bits": str(2**63),
    "the first number below 64 bits": str(-(2**63) - 1),
    "the first number beyond 32 bits": str(2**31),
    "minus one": "-1",
    "zero": "0",
    "a superscript": "²",
    "an Arabic digit": "٣",
    "a number beyond floats": "1e309",
    "not a number": "NaN",
    "a header": "Pat\r\nBcc: eve@example.com",
    "a line feed": "Pat\nExample",
    "right to left": "Pat\u202egpj.exe",
    "a zero-width space": "Pat\u200bExample",
    "a non-character": "\uffff\U0010ffff",
    "100,000 letters": "x" * 100_000,
    "30,000 accents": "a" + "\u0301" * 30_000,
    "markup": MARKUP,
    "a breakout": BREAKOUT,
    "templates": TEMPLATE,
    "SQL": "1' OR '1'='1'; DROP TABLE booking_appointment;--",
    "a pattern": "(a+)+$[",
    "a path": "../../../../etc/passwd",
    "another site": "//evil.example/",
    "a script's address": "javascript:alert(1)",
    "a broken address": "http://[",
}
WITH_MOMENTS = (
    "/book/times/", "/book/other-times/", "/book/waiting-list/",
    "/appointment/earlier/",
)  # fmt: skip
MOMENTS = {
    "the first day": "0001-01-01",
    "the last day": "9999-12-31",
    "no day": "2026-02-30",
    "a week": "2026-W47-2",
    "before the first moment": "0001-01-01T00:00:00+23:59",
    "after the last moment": "9999-12-31T23:59:59-23:59",
    "an odd zone": "2026-11-17T10:00:00+24:00",
    "no zone": "2026-11-17T10:00:00",
    "a second off": "2026-11-17T15:00:01+00:00",
    "off the grid": "2026-11-17T15:07:00+00:00",
    "the past": "2020-01-06T15:00:00+00:00",
    "at night": "2026-11-17T08:00:00+00:00",
    "on a Sunday": "2026-11-22T15:00:00+00:00",
    "taken": "2026-11-17T19:00:00+00:00",
    "closed": "2026-11-20T15:00:00+00:00",
}  # fmt: skip
FEW = ["NUL", "5,000 digits", "the first number beyond 64 bits", "nothing"]
SOME = [
    *FEW, "NUL inside", "minus one", "a number beyond floats", "not a number",
    "a header", "markup", "a breakout", "the first day", "the last day",
]  # fmt: skip
# Pages of the staff read texts and moments with the same fields as those of patients.
MORE = [
    *SOME, "an Arabic digit", "right to left", "100,000 letters", "a broken address",
    "before the first moment", "after the last moment", "an odd zone", "no zone",
    "off the grid", "the past", "taken",
]  # fmt: skip
# To a database these are texts like any other: the run on SQLite tries them.
PLAIN = [
    "a space", "a superscript", "an Arabic digit", "a header", "a line feed",
    "right to left", "markup", "a breakout", "a path", "another site",
    "a script's address", "a broken address",
]  # fmt: skip
LEFT_OUT = PLAIN if DATABASE != "sqlite" else []
EVERY = {kind: text for kind, text in (TEXTS | MOMENTS).items() if kind not in LEFT_OUT}
# Django makes up to two thousand forms when asked to: a matter of seconds, not of rows.
COUNTS = ["NUL", "minus one", "nothing"]

# Fields of buttons and of pages that come only in answer to a form.
MORE_FIELDS = {
    "/admin/booking/appointment/": {
        "action": "decline_selected", "_selected_action": "", "reason": "no_time",
        "note": "", "private_note": "", "send": "", "index": "0",
        "select_across": "0",
    },
}  # fmt: skip


WHO = list(WHO_ASKS)
# Django's own pages: there every form is read, and every field cleaned, in one way.
SETUP = (
    "/admin/auth/", "/admin/services/", "/admin/booking/resource/",
    "/admin/booking/visittype/", "/admin/booking/message/",
)  # fmt: skip


@dataclass
class Attacker:
    """Somebody's browser, and the forms that it gets to see."""

    client: Client
    forms: list[Form]
    before: Rows = field(default_factory=dict)

    def fault(self, method: str, address: str, *data: Any, **options: Any) -> str:
        """Send it, take it back, and return what was wrong with the answer, or ""."""
        with taken_back(self.client), writes() as wrote:
            # An upper-case method sends the bytes as they are.
            ask = getattr(self.client, method, None) or partial(
                self.client.generic, method
            )
            response = ask(address, *data, **options)
            if response.status_code != 302 and wrote and rows() != self.before:
                return f"wrote {wrote[0]}"
        return fault_of(response)


def fault_of(response: HttpResponse) -> str:
    status = response.status_code
    if status not in (200, 302, 400, 403, 404, 405, 409, 422):
        return f"answered {status}"
    text = "".join(f"{name}: {value}\n" for name, value in response.items())
    text += b"".join(response).decode(errors="replace")  # it may be a file
    if found := [bad for bad in NEVER if bad in text]:
        return f"echoed {found}"
    there = response.get("Location", "/").removeprefix("http://testserver")
    if not there.startswith("/") or there.startswith("//"):
        return f"leads to {there}"
    if status not in (200, 302, 405) and PHONE not in text:
        return f"{status} without a way on"
    return ""


def rows() -> Rows:
    """Return every row but the counts of the limits, and the index of the search.

    That is made of the others, anew when somebody searches.
    """
    left_out = (Hit, KnownWord, Passage, SearchIndex)
    return every_row() | {model._meta.label: [] for model in left_out}


def attacker(world: World, who: str) -> Attacker:
    client = WHO_ASKS[who](world)
    found: dict[str, Form] = {}
    for route in all_routes():
        address = world.address(route)
        with taken_back(client):
            text = text_on(client.get(address))
        for form in forms_on(text, address):
            form.choices |= MORE_FIELDS.get(form.address, {})
            found.setdefault(form.address, form)
    return Attacker(client, list(found.values()))


@pytest.fixture
def world(shared_world: World) -> World:
    return shared_world


@pytest.fixture(scope="module")
def first_enemies(
    first_world: World, django_db_blocker: DjangoDbBlocker
) -> Iterator[dict[str, Attacker]]:
    """Give everybody, with the forms on all pages: to look takes long."""

    def make() -> dict[str, Attacker]:
        with travel(NOW, tick=False):
            return {who: attacker(first_world, who) for who in WHO}

    with made_for_a_file(django_db_blocker, make) as enemies:
        yield enemies


@pytest.fixture
def enemy(first_enemies: dict[str, Attacker], world: World, who: str) -> Attacker:
    enemy = first_enemies[who]
    enemy.before = rows()
    return enemy


def free_fields(form: Form) -> list[str]:
    """Return what an attacker fills in; how many inlines there are is tried apart."""
    return [name for name in form.choices if not name.endswith("_FORMS")]


def routes_of(who: str) -> list[str]:
    """Return the routes where somebody comes furthest, so that each is tried once."""
    if who == "anonymous":
        return ["admin/login/", "book/", "appointment/", "appointments/<str:token>/"]
    staff = who == "superuser"
    return [route for route in all_routes() if route.startswith("admin/") == staff]


def texts_for(address: str) -> dict[str, str]:
    """Return all for pages of the public; for others, what their fields differ in."""
    kinds: Iterable[str] = TEXTS
    if is_of_staff(address):
        kinds = SOME if address.startswith(SETUP) else MORE
    elif address.startswith(WITH_MOMENTS):
        kinds = EVERY
    return {kind: EVERY[kind] for kind in kinds if kind not in LEFT_OUT}


def is_of_staff(address: str) -> bool:
    return address.startswith("/admin/") and address != "/admin/login/"


def interesting(form: Form) -> list[str]:
    """Return the fields to try one by one; of rows of one kind, the first.

    Of Django's own pages only those that count the rows: the others are cleaned apart
    from each other, and all of them at once are tried already.
    """
    if form.address.startswith(SETUP):
        return [name for name in form.choices if name.endswith("_FORMS")]
    return [name for name in form.choices if not re.search(r"-([1-9]|__)", name)]


# --- Values -----------------------------------------------------------------------


@pytest.mark.parametrize("who", WHO)
def test_wrong_values_in_all_fields_of_a_form(enemy: Attacker):
    faults = {
        (form.address, kind): fault
        for form in enemy.forms
        if not form.address.endswith("/add/")
        for kind, text in texts_for(form.address).items()
        if (data := form.filled_in | dict.fromkeys(free_fields(form), text))
        and (fault := enemy.fault("post", form.address, data))
    }
    assert faults == {}


@pytest.mark.parametrize("who", WHO)
def test_one_wrong_value_among_good_ones(enemy: Attacker):
    faults = {
        (form.address, name, kind): fault
        for form in enemy.forms
        for name in interesting(form)
        for kind in (COUNTS if name.endswith("_FORMS") else FEW)
        if (data := form.choices | form.filled_in | {name: TEXTS[kind]})
        and (fault := enemy.fault("post", form.address, data))
    }
    assert faults == {}


@pytest.mark.either_database
@pytest.mark.parametrize("who", WHO)
def test_fields_that_are_missing_or_sent_twice(enemy: Attacker):
    faults = {}
    for form in enemy.forms:
        good: dict[str, Any] = form.choices | form.filled_in
        sent = {
            f"no {missing}": {n: text for n, text in good.items() if n != missing}
            for missing in interesting(form)
        }
        sent["none"] = {}
        sent["twice"] = {n: [text, "\0"] for n, text in form.choices.items()}
        for kind, data in sent.items():
            if fault := enemy.fault("post", form.address, data):
                faults[form.address, kind] = fault
    assert faults == {}


SPANS = [
    ("0001-01-01 00:00", "9999-12-31 23:59"),
    ("0001-01-01 00:00", "0001-01-01 00:01"),
    ("9999-12-31 18:58", "9999-12-31 18:59"),
    ("9999-12-31 23:58", "9999-12-31 23:59"),
    ("2026-11-20 09:00", "2926-11-20 09:00"),
    ("2026-11-20 17:00", "2026-11-20 09:00"),
    ("2026-11-01 01:30", "2026-11-01 01:30"),
]  # fmt: skip


def test_a_closure_of_any_length_leaves_every_page_readable(world: World):
    client, patient = world.client("desk"), world.patient()
    for span in SPANS:
        parts = [part for moment in span for part in moment.split()]
        names = ("start_0", "start_1", "end_0", "end_1")
        data = dict(zip(names, parts, strict=True)) | {"reason": "A typing mistake"}
        with taken_back(client):
            response = client.post("/admin/booking/closure/add/", data)
            assert response.status_code in (200, 302), span
            for address in ("/admin/", "/admin/booking/closure/"):
                assert client.get(address).status_code == 200, (span, address)
            assert patient.get("/book/times/").status_code == 200, span


def test_hours_from_the_first_day_to_the_last_leave_times_to_choose(world: World):
    Hours.objects.update(valid_from=date.min, valid_until=date.max)
    assert 'value="2026-11-17T' in world.patient().get("/book/times/").text


def test_what_patients_and_staff_type_is_only_ever_text(world: World):
    """Every free text of a request takes markup; no page or message runs it."""
    for answers in world.answers.values():
        for name in ("other_help", "employer", "carrier", "case_number", "body_part"):
            if name in answers:
                answers[name] = [MARKUP + BREAKOUT]
    world.answers["payment-details"]["employer"] = [BREAKOUT]
    patient, desk = world.patient(), world.client("desk")
    [form] = forms_on(patient.get("/book/check/").text, "/book/check/")
    sent = patient.post(form.address, form.filled_in)
    assert sent.status_code == 302
    visit = Appointment.objects.latest("pk")
    assert visit.payer_details["employer"] == BREAKOUT
    base = f"/admin/booking/appointment/{visit.pk}"
    note = {"note": MARKUP + BREAKOUT, "private_note": MARKUP, "reason": "no_time"}
    seen = {"seen_version": str(visit.version)}
    texts = [patient.get("/book/sent/").text, desk.get("/admin/").text]
    texts += [desk.post(f"{base}/decline/", note | seen).text]
    assert desk.post(f"{base}/decline/", note | seen | {"send": ""}).status_code == 302
    texts += [desk.get(f"{base}/change/").text]
    texts += [patient.get(f"/appointments/{links.issue(visit, now=NOW)}/").text]
    texts += [patient.get("/appointment/").text]
    texts += [message.html for message in visit.messages.all()]
    assert [bad for text in texts for bad in NEVER if bad in text] == []
    assert escape(MARKUP) in texts[3]


# --- Addresses --------------------------------------------------------------------

PARAMETERS = [
    "from", "part", "with", "service", "visit", "start", "again", "next", "page", "p",
    "o", "e", "all", "_to_field", "_popup", "_changelist_filters", "status", "due",
    "day", "app_label", "model_name", "field_name", "term", "website",
]  # fmt: skip
# Pages that read their address, and so are tried with every text.
READING = ["book/", "book/times/", "book/other-times/", "admin/login/",
           "admin/autocomplete/", "admin/booking/appointment/"]  # fmt: skip


@pytest.mark.parametrize("who", WHO)
def test_wrong_parameters_in_an_address(world: World, enemy: Attacker, who: str):
    faults = {
        (route, kind): fault
        for route in routes_of(who)
        for kind in (EVERY if route in READING else FEW)
        if (data := dict.fromkeys(PARAMETERS, EVERY[kind][:8000]))
        and (fault := enemy.fault("get", world.address(route), data))
    }
    assert faults == {}


def test_each_wrong_parameter_of_the_pages_of_times(world: World):
    enemy = Attacker(WHO_ASKS["patient"](world), [], rows())
    faults = {
        (address, name, kind): fault
        for address in ("/book/times/", "/book/other-times/")
        for name in ("from", "part", "with")
        for kind, text in EVERY.items()
        if (fault := enemy.fault("get", address, {name: text[:8000]}))
    }
    assert faults == {}


PARTS = [
    "9" * 5000, str(2**63), "-1", "0", "%00", "%ff%fe", "%ED%A0%80", "x" * 8000,
    "1e309", "%25s",
]  # fmt: skip
if DATABASE == "sqlite":
    PARTS += [
        "²", "٣", "%0d%0aSet-Cookie:%20a=b", "..%2f..%2fetc", MARKUP, "None",
        "{{7*7}}", "_5F",
    ]  # fmt: skip


@pytest.mark.parametrize("who", WHO)
def test_wrong_names_in_every_address(world: World, enemy: Attacker, who: str):
    named = [r for r in routes_of(who) if "<" in r and "?P" not in r]
    assert named
    faults = {
        (method, route, part[:30]): fault
        for route in named
        for part in PARTS
        for method in ("get", "post")
        if (fault := enemy.fault(method, "/" + re.sub(r"<[^>]+>", part, route)))
    }
    assert faults == {}


def test_lists_take_from_an_address_only_what_their_filters_offer(world: World):
    """A list that can be asked anything tells what it does not show."""
    client = world.client("superuser")
    lists = [
        route
        for route in all_routes()
        if re.fullmatch(r"admin/(auth|booking|services)/\w+/", route)
        and resolve(f"/{route}").view_name.endswith("_changelist")
    ]
    assert len(lists) > 10
    for route in lists:
        for lookup in ("pk__gt=0", "id__in=1", "pk__exact=1", "pk__regex=("):
            response = client.get(f"/{route}?{lookup}")
            assert response.status_code == 400, (route, lookup)


# --- Bodies -----------------------------------------------------------------------

URLENCODED = "application/x-www-form-urlencoded"
PART = b'--x\r\nContent-Disposition: form-data; name="emergency"\r\n'
BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", URLENCODED),
    "broken UTF-8": (b"emergency=%ff%fe&given_name=%80&%c3%28=1", URLENCODED),
    "raw bytes": (bytes(range(128, 256)) * 20, URLENCODED),
    "lone surrogates": (b"emergency=%ED%A0%80&wanted=%ED%BF%BF", URLENCODED),
    "percent signs": (b"%%%=%&%zz=%0", URLENCODED),
    "10,000 fields": (b"&".join(b"a%d=1" % n for n in range(10_000)), URLENCODED),
    "10,000 times one field": (b"&".join([b"starts=1"] * 10_000), URLENCODED),
    "a megabyte": (b"other_help=" + b"x" * 1_000_000, URLENCODED),
    "JSON": (b'{"emergency": "none"}', "application/json"),
    "text": (b"emergency=none", "text/plain"),
    "no type": (b"emergency=none", ""),
    "no such type": (b"emergency=none", ";;=/"),
    "no such codec": (b"emergency=none", URLENCODED + "; charset=no-such"),
    "no boundary": (PART, "multipart/form-data"),
    "a bad boundary": (PART, 'multipart/form-data; boundary="\xe9"'),
    "another boundary": (
        PART + b"\r\nnone\r\n--x--", "multipart/form-data; boundary=y",
    ),
    "cut off": (PART + b"\r\nno", "multipart/form-data; boundary=x"),
    "no headers": (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"),
    "bad base64": (
        PART + b"Content-Transfer-Encoding: base64\r\n\r\n%%%=\r\n--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
    "a file for a field": (
        b'--x\r\nContent-Disposition: form-data; name="emergency"; filename="../../x"'
        b"\r\n\r\nnone\r\n--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
    "2,000 files": (
        b"".join(
            b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n\r\n'
            for _ in range(2000)
        ) + b"--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
}  # fmt: skip


# Django reads all of them before a page does, which is told of it in one of these ways.
WAYS_OF_BODIES = [
    "nothing", "10,000 fields", "no such codec", "a bad boundary", "cut off",
    "a file for a field", "2,000 files",
]  # fmt: skip


@pytest.mark.either_database
@pytest.mark.parametrize("who", WHO)
def test_bodies_that_are_no_form(world: World, enemy: Attacker, who: str):
    addresses = [world.address(route) for route in routes_of(who)]
    faults = {
        (address, kind): fault
        for address in addresses
        if not address.startswith(SETUP)
        for kind in (WAYS_OF_BODIES if is_of_staff(address) else BODIES)
        if (fault := enemy.fault("POST", address, *BODIES[kind]))
    }
    assert faults == {}


HEADERS = {
    "Cookie": ["session=\0", "session=" + "x" * 5000, 'csrf="', ";;=;=", "session=é"],
    "X-Forwarded-For": ["\0", "x" * 5000, ",,,", "::1%eth0", "é"],
    "Accept-Language": ["x" * 5000, "*;q=NaN", "é"],
    "Accept-Encoding": ["br;q=é", ",;,"],
    "If-Modified-Since": ["never", "Mon, 99 Foo 99999 99:99:99 GMT"],
    "If-None-Match": ['W/"', "é"],
    "Range": ["bytes=-9999999999999999999999", "bytes=a-b"],
    "Referer": ["http://[", "javascript:alert(1)", "é"],
    "Origin": ["http://[", "null", "é"],
    "Host": ["evil.example", "a b", "[", "x" * 5000, "é"],
}


@pytest.mark.either_database
def test_headers_that_make_no_sense(world: World):
    enemy = Attacker(world.client("anonymous", enforce_csrf_checks=True), [], rows())
    faults = {
        (method, address, name, value[:30]): fault
        for name, values in HEADERS.items()
        for value in values
        for address in ("/", "/book/", "/admin/")
        for method in ("get", "post")
        if (fault := enemy.fault(method, address, headers={name: value}))
    }
    assert faults == {}


# --- Raw bytes, to the real server ------------------------------------------------

HOST = b"Host: 127.0.0.1\r\n"
FORM = b"Content-Type: " + URLENCODED.encode() + b"\r\n"
ZLIB = b"Content-Type: multipart/form-data; boundary=x; charset=zlib\r\n"
END = b"\r\n\r\n"
RAW = {
    "no request": b"\r\n\r\n",
    "noise": bytes(range(256)) * 4 + b"\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no such version": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n\r\n",
    "another host": b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "a long line": b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long header": b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"x" * 20_000 + END,
    "many headers": b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 500 + b"\r\n",
    "bytes in the path": b"GET /\xff\xfe\x80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in the path": b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\n" + HOST + b"A: \x00\r\n\r\n",
    "up the path": b"GET /static/../../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
    "an odd path": b"GET //evil.example/%2e%2e HTTP/1.1\r\n" + HOST + b"\r\n",
    "no length": b"POST /book/ HTTP/1.1\r\n" + HOST + FORM + b"\r\n",
    "minus one byte": b"POST /book/ HTTP/1.1\r\n" + HOST + b"Content-Length: -1" + END,
    "odd length": b"POST /book/ HTTP/1.1\r\n" + HOST + b"Content-Length: 1e3\r\n\r\n",
    "two lengths": b"POST /book/ HTTP/1.1\r\n" + HOST
    + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "length and chunks": b"POST /book/ HTTP/1.1\r\n" + HOST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad chunks": b"POST /book/ HTTP/1.1\r\n" + HOST + FORM
    + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "a codec in the address": b"GET /?a=%ff HTTP/1.1\r\n" + HOST + ZLIB + b"\r\n",
    "a codec in a form": b"POST /book/ HTTP/1.1\r\n" + HOST + ZLIB
    + b"Content-Length: 62\r\n\r\n" + PART + b"\r\nx\r\n--x--\r\n",
}  # fmt: skip


def raw(site: Site, *pieces: bytes) -> int:
    """Send the bytes; return the status, or 0 if the server only hung up."""
    host, port = site.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        answer = b""
        with suppress(OSError):
            for piece in pieces:
                connection.sendall(piece)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while piece := connection.recv(65536):
                answer += piece
    return int(answer.split()[1]) if answer.startswith(b"HTTP/") else 0


@pytest.mark.either_database
def test_the_server_survives_what_is_no_request(site: Site):
    """`site` sees to it that no log holds a traceback."""
    statuses = {kind: raw(site, sent) for kind, sent in RAW.items()}
    faults = {kind: s for kind, s in statuses.items() if s >= 500 and s != 505}
    assert faults == {}
    assert site.get("/").status == 200


@pytest.mark.either_database
@pytest.mark.parametrize("kind", [URLENCODED, "multipart/form-data; boundary=x"])
def test_the_server_survives_fifty_megabytes(site: Site, kind: str):
    size = 50_000_000
    head = f"POST /book/ HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n"
    start = b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n"
    body = start + b"x" * (size - len(start))
    assert raw(site, head.encode() + HOST + b"\r\n", body) in (0, 400, 403, 413)
    assert site.get("/").status == 200


def test_slow_bodies_keep_nobody_else_waiting(site: Site):
    host, port = site.url.removeprefix("http://").split(":")
    head = b"POST /book/ HTTP/1.1\r\n" + HOST + FORM + b"Content-Length: 100\r\n\r\na"
    with ExitStack() as stack:
        for _ in range(3):
            slow = socket.create_connection((host, int(port)), timeout=20)
            stack.enter_context(slow).sendall(head)
        began = time.monotonic()
        assert site.get("/book/").status == 200
        assert time.monotonic() - began < 5
