"""What a patient tells us is where it has to be, and nowhere else.

Every field of a request is filled in with a text that is nowhere else on earth, through
the pages of a running site; afterwards those texts are looked for everywhere.
"""

import base64
import binascii
import re
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import unquote_plus, urlencode, urlsplit

import psycopg2
import pytest
from django.test import RequestFactory
from django.views.debug import get_exception_reporter_class

from tests.servers import MailServer, Site, demo, running_site

from .pages import Form, forms_on

NAMES = {"given_name": "Quillonia", "family_name": "Zebrowskaja"}
TYPED = {
    "email": "qx7.canary@example.com",
    "phone": "(212) 555-0187",
    "birth_date_month": "3",
    "birth_date_day": "14",
    "birth_date_year": "1951",
    "name": "Tamsinette Vorbeck",
    "other_language": "Kanarisch",
    "other_help": "canary-other-help",
    "injury_date": "canary-injury-date",
    "employer": "canary-employer",
    "carrier": "canary-carrier",
    "case_number": "canary-case-number",
    "body_part": "canary-body-part",
}
NOTES = {"note": "canary-note", "private_note": "canary-private-note"}
COOKIE = "canary-session"
CHOSEN = {
    "emergency": "none", "for_whom": "somebody_else", "relation": "guardian",
    "contact_by": "email", "language": "other", "interpreter": "yes",
    "payer": "workers_comp", "voicemail_ok": "on", "website": "",
    "contact_of": "asker", "may_arrange": "on",
}  # fmt: skip
# As typed, and as kept after cleaning; parts of a date are too short to look for.
SECRETS = [
    *(text for name, text in TYPED.items() if not name.startswith("birth_date")),
    *NOTES.values(), "qx7.canary", "Tamsinette", "Vorbeck",
    "2125550187", "555-0187", "1951-03-14", "3/14/1951", "March 14, 1951",
]  # fmt: skip
PROCEDURE = re.compile(r"trigger|injection|EMG|nerve|needle|blood thinner", re.I)


@dataclass
class Seen:
    """An exchange: the address, where it led, and what was set."""

    address: str
    location: str
    cookies: list[str]
    text: str
    status: int


@dataclass
class Visitor:
    """A browser without JavaScript, that remembers every address it was at."""

    site: Site
    cookies: dict[str, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    at: str = ""

    def get(self, address: str) -> str:
        return self.ask("GET", address)

    def ask(self, method: str, address: str, body: str = "") -> str:
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = HTTPConnection(urlsplit(self.site.url).netloc, timeout=20)
        connection.request(method, address, body, headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        set_by = response.headers.get_all("Set-Cookie") or []
        for line in set_by:
            self.cookies |= {k: m.value for k, m in SimpleCookie(line).items()}
        there = response.headers.get("Location", "")
        self.seen.append(Seen(address, there, set_by, text, response.status))
        self.at = address
        return self.ask("GET", there) if there else text

    @property
    def page(self) -> str:
        return self.seen[-1].text

    def form(self, end: str = "") -> Form:
        """Return the form of this page whose address ends so."""
        found = [f for f in forms_on(self.page, self.at) if f.address.endswith(end)]
        assert found, (self.at, end)
        return found[0]

    def send(self, values: dict[str, str], form: Form | None = None) -> str:
        """Fill in what the form has of the values, and send it."""
        form = form or self.form()
        known = {name: text for name, text in values.items() if name in form.choices}
        data = form.filled_in | known
        return self.ask("POST", form.address, urlencode(data, doseq=True))


@dataclass
class Story:
    """What there is to search after a visit was asked for, accepted and cancelled."""

    site: Site
    visitors: list[Visitor]
    mail: list[EmailMessage]
    token: str
    sessions: str
    errors: list[Seen]

    @property
    def seen(self) -> list[Seen]:
        return [seen for visitor in self.visitors for seen in visitor.seen]


def ask_for_a_visit(patient: Visitor) -> str:
    """Go the whole road; return the sessions as they are before the last button."""
    patient.get("/book/")
    patient.send(CHOSEN)
    for _ in range(15):
        form = patient.form()
        if form.address == "/book/check/":
            break
        offered = {n: v for n, v in form.choices.items() if n in ("visit", "start")}
        yes = {n: "yes" for n, v in form.choices.items() if v == "yes"}
        patient.send(yes | offered | CHOSEN | NAMES | TYPED, form)
    else:
        raise AssertionError(f"did not come to the end:\n{patient.page}")
    sessions = sessions_of(patient.site)
    time.sleep(2)  # nobody is faster
    patient.send({})
    assert patient.at == "/book/sent/", patient.page
    return sessions


def sessions_of(site: Site) -> str:
    """Return what every session holds, in plain text."""
    return site.manage(
        "shell", "--no-imports", "-v0", "-c",
        "from django.contrib.sessions.models import Session;"
        "print([s.get_decoded() for s in Session.objects.all()])",
    )  # fmt: skip


def sign_in_and_find(staff: Visitor, password: str) -> None:
    """Come to the page of the visit as staff do."""
    staff.get("/admin/")
    staff.send({"username": "front-desk", "password": password})
    staff.get("/admin/booking/appointment/find/")
    staff.send({"wanted": NAMES["family_name"]}, staff.form("/find/"))
    [page] = set(re.findall(r"/admin/booking/appointment/\d+/change/", staff.page))
    staff.get(page)


def accept(staff: Visitor) -> None:
    form = staff.form("/accept/")
    staff.send({"proposal": form.choices["proposal"]}, form)


def cancel(staff: Visitor) -> None:
    page = staff.at.replace("/change/", "/cancel/")
    staff.get(page)
    said = NOTES | {"reason": "patient"}
    staff.send(said | {"preview": ""}, staff.form("/cancel/"))
    staff.send(said | {"send": ""}, staff.form("/cancel/"))
    assert NOTES["private_note"] in staff.get(page.replace("/cancel/", "/change/"))


def wish_for_an_earlier_time(reader: Visitor) -> None:
    """Join the list for a time that the worker never finds: soon, but long known."""
    reader.get("/appointment/change/")
    reader.get("/appointment/earlier/")
    soon = str(datetime.now(UTC).date() + timedelta(days=1))
    week = str(7 * 24 * 60)
    reader.send({"earliest": soon, "latest": soon, "notice": week}, reader.form())
    assert reader.at == "/appointment/", reader.page


def make_mistakes(visitor: Visitor) -> list[Seen]:
    """Send everything where it cannot be taken; return the answers."""
    everything = urlencode(NAMES | TYPED | NOTES)
    bad = "csrfmiddlewaretoken=x&" + everything
    for address in ("/book/about/", "/book/check/", "/admin/login/", "/nothing/here/"):
        visitor.ask("POST", address, bad)
    visitor.get("/admin/login/")  # for the cookie, without which nothing is read
    visitor.ask("POST", "/book/about/", everything + "&a=b" * 1000)
    visitor.ask("POST", "/book/about/", everything + "x" * 300_000)
    return visitor.seen


def mail_to_patient(server: MailServer, count: int) -> list[EmailMessage]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = [m for m in server.messages if m["To"] and TYPED["email"] in m["To"]]
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError([m["Subject"] for m in server.messages])


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    server = MailServer()
    template, passwords = demo()
    with running_site(template=template, EMAIL_URL=server.url) as site:
        with site.worker():
            patient, staff, reader, stranger = (Visitor(site) for _ in range(4))
            sessions = ask_for_a_visit(patient)
            mail_to_patient(server, 1)
            sign_in_and_find(staff, passwords["front-desk"])
            accept(staff)
            confirmed = mail_to_patient(server, 2)[-1]
            [token] = set(re.findall(r"/appointments/([\w-]+)/", plain_text(confirmed)))
            reader.get(f"/appointments/{token}/")
            reader.get("/appointment/calendar.ics")
            reader.get("/appointment/cancellation/")
            wish_for_an_earlier_time(reader)
            mail_to_patient(server, 3)
            cancel(staff)
            mail = mail_to_patient(server, 4)
            reader.get("/appointment/")
            errors = make_mistakes(stranger)
            sessions += sessions_of(site)
        visitors = [patient, staff, reader, stranger]
        yield Story(site, visitors, mail, token, sessions, errors)
    server.stop()


def plain_text(message: EmailMessage) -> str:
    """Return all that can be read in a message, decoded."""
    parts = [part for part in message.walk() if not part.is_multipart()]
    return "\n".join(
        part.get_content()
        if part.get_content_maintype() == "text"
        else part.get_payload(decode=True).decode()
        for part in parts
    )


def found_in(text: str, *more: str) -> list[str]:
    """Return which of the secrets the text holds, also percent-encoded or escaped."""
    folded = unquote_plus(text).casefold()
    return [s for s in (*SECRETS, *more) if s.casefold() in folded]


NAMED = tuple(NAMES.values())
# An invitation names whom it invites; it goes to nobody else.
ADDRESS = {TYPED["email"], "qx7.canary"}
# What staff write to the patient is in the message that says so.
ALLOWED_IN_MAIL = ADDRESS | {NOTES["note"]}


def test_the_story_came_to_its_end(story: Story):
    kinds = [message["Subject"].split()[0] for message in story.mail]
    assert kinds == ["Request", "Confirmed:", "On", "Cancelled:"]
    assert [seen.status for seen in story.errors] == [403, 403, 403, 404, 200, 400, 400]


def test_no_log_holds_what_was_typed(story: Story):
    log = story.site.log
    assert "POST /book/about/" in log
    assert "GET /appointments/-/" in log
    assert found_in(log, *NAMED, story.token) == []


def test_no_address_holds_what_was_typed(story: Story):
    for seen in story.seen:
        assert found_in(seen.address + seen.location, *NAMED) == []
    opened = [s.address for s in story.seen if story.token in s.address + s.location]
    assert opened == [f"/appointments/{story.token}/"]


def test_no_cookie_holds_what_was_typed(story: Story):
    values = [line for seen in story.seen for line in seen.cookies]
    assert values
    for value in values:
        readable = value + unpacked(value)
        assert found_in(readable, *NAMED, story.token) == []
        assert not PROCEDURE.search(readable)


def unpacked(cookie: str) -> str:
    """Return the text of a cookie that is packed, as Django's messages are."""
    packed = cookie.partition("=")[2].partition(";")[0].strip('"').split(":")[0]
    packed = packed.removeprefix(".")
    try:
        raw = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        return zlib.decompress(raw).decode()
    except (binascii.Error, zlib.error, UnicodeDecodeError):
        return ""


def test_no_session_holds_what_was_typed_while_it_was_typed_or_after(story: Story):
    assert "request" in story.sessions
    assert found_in(story.sessions, *NAMED, story.token) == []


def test_mail_says_neither_what_for_nor_what_was_answered(story: Story):
    for message in story.mail:
        headers = "\n".join(f"{k}: {v}" for k, v in message.items() if k != "To")
        assert found_in(headers, *NAMED, story.token) == []
        text = plain_text(message)
        assert set(found_in(text)) - ALLOWED_IN_MAIL == set()
        assert not PROCEDURE.search(headers + text)


def test_the_calendar_entry_says_nothing_about_the_person(story: Story):
    entries = [
        part
        for m in story.mail
        for part in m.walk()
        if part.get_content_type() == "text/calendar"
    ]
    assert entries
    [download] = [s.text for s in story.seen if s.address.endswith(".ics")]
    for text in [plain_text(part) for part in entries] + [download]:
        unfolded = re.sub("\r?\n ", "", text)
        assert unfolded.startswith("BEGIN:VCALENDAR")
        assert set(found_in(unfolded, *NAMED)) - ADDRESS == set()
        assert not PROCEDURE.search(unfolded)
    assert found_in(download) == []


def test_the_database_holds_nothing_readable_but_names(story: Story):
    raw = bytes_of_database(story.site)
    assert all(name.encode() in raw for name in NAMED)
    secrets = [*SECRETS, story.token]
    assert [s for s in secrets if s.encode() in raw] == []


def bytes_of_database(site: Site) -> bytes:
    """Return the database's files, or every row of every table as text."""
    url = site.environment["DATABASE_URL"]
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return b"".join(p.read_bytes() for p in path.parent.glob(path.name + "*"))
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = []
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608
            rows += [row for (row,) in cursor.fetchall()]
    return "\n".join(rows).encode()


def test_no_file_of_the_site_holds_what_was_typed(story: Story):
    for path in story.site.folder.rglob("*"):
        if path.is_file() and not path.name.startswith("db.sqlite3"):
            raw = path.read_bytes()
            assert [s for s in (*SECRETS, *NAMED) if s.encode() in raw] == [], path


def test_errors_repeat_nothing_that_was_sent(story: Story):
    for seen in story.errors:
        assert found_in(seen.text, *NAMED) == [], seen.address


def test_the_patients_page_shows_no_answer_and_no_way_to_reach_them(story: Story):
    """Whoever finds the link learns when and where, not why or who is called."""
    pages = [s.text for s in story.seen if s.address.startswith("/appointment/")]
    assert len(pages) == 8
    for text in pages:
        assert set(found_in(text)) - {NOTES["note"]} == set()


@pytest.mark.parametrize("as_mail", [False, True])
def test_reports_of_errors_hold_neither_forms_nor_cookies(as_mail: bool):
    everything = NAMES | TYPED | NOTES
    request = RequestFactory(headers={"Cookie": f"session={COOKIE}"}).post(
        "/book/about/", everything
    )

    def fails(typed: dict[str, str]) -> None:
        local = f"{typed['employer']} in a variable"
        raise ValueError(local[:0])

    try:
        fails(everything)
    except ValueError:
        reporter = get_exception_reporter_class(request)(
            request, *sys.exc_info(), is_email=as_mail
        )
    report = reporter.get_traceback_text() + reporter.get_traceback_html()
    assert found_in(report, *NAMED, COOKIE) == []
