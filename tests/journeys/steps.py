"""What people do, as sentences: a patient, somebody at the front desk, their mail.

Everything goes through the browser and the mail server, as it does for people.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs, urlsplit

from icalendar import Calendar
from playwright.sync_api import Locator, Page, expect

from booking.forms.bots import FASTEST
from tests.servers import MailServer, Site

MAIL_SECONDS = 30
TRIGGER_POINTS = "trigger-point-injections"
DEMO_CLINICIANS = [f"Demo Clinician {n}, physician (PM&R)" for n in "AB"]
EMG = "emg-and-nerve-testing"
# Words that would tell who reads a message over the shoulder why somebody comes. The
# short ones as words: in a link's random letters they come up by chance.
TELLING = re.compile(
    r"trigger|inject|\b(emg|ncv|ncs)\b|nerve|needle|muscle|blood.?thinner",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Clinic:
    """A running site with the demo's content, schedule and staff.

    `passwords` are by user name.
    """

    site: Site
    smtp: MailServer
    passwords: Mapping[str, str]

    def mail_to(self, address: str) -> list[EmailMessage]:
        return [m for m in self.smtp.messages if m["To"] == address]

    def waits_until_mail_is_tried_again(self) -> None:
        """Let the minutes pass for which the worker leaves a refused message alone."""
        self.site.manage(
            "shell", "-v0", "-c",
            "from booking import clock\n"
            "from booking.models import Message\n"
            "Message.objects.owed().update(due_at=clock.now())",
        )  # fmt: skip

    def lets_a_minute_pass(self) -> None:
        """Let it be the turn of the chores of the worker that have one each minute."""
        self.site.manage(
            "shell", "-v0", "-c",
            "from booking.models import Chore\n"
            "Chore.objects.filter(every=Chore.Every.MINUTE, running_until=None)"
            ".update(started_at=None)",
        )  # fmt: skip


@dataclass
class Patient:
    """Somebody with a browser, and perhaps an email address."""

    clinic: Clinic
    page: Page
    email: str = ""
    given_name: str = "Pat"
    family_name: str = "Example"
    phone: str = "212 555 0199"
    read: int = field(default=0, init=False)  # how many of the messages

    # --- Anywhere -----------------------------------------------------------------

    def goes_to(self, path: str) -> None:
        self.page.goto(self.clinic.site.url + path)

    def sees(self, heading: str) -> None:
        """Fail unless this is the page with that heading, the only one of its rank."""
        try:
            expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)
        except AssertionError as error:
            # What the page says instead is the reason.
            error.add_note(self.page.get_by_role("main").inner_text())
            raise
        self.page.wait_for_load_state()

    def in_their_words(self, text: str, several: str = "") -> str:
        """Return a text of ours as they read it; with `several`, the one of one."""
        return text

    def reads(self, words: str) -> None:
        expect(self.page.get_by_role("main")).to_contain_text(words)

    def presses(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def follows(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).click()

    def goes_on(self) -> None:
        self.presses("Continue")

    def answers(self, question: str, answer: str) -> None:
        """Choose one of a few answers, by pressing its label as people do."""
        group = self.page.get_by_role("group", name=re.compile(re.escape(question)))
        group.locator("label").filter(has_text=exactly(answer)).click()

    def writes(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    # --- The road to a request ----------------------------------------------------

    def chooses_a_free_time_beside(self, service: str) -> str:
        """Follow a free time on the service's page; return its instant.

        Not the soonest, which can become too soon on the way.
        """
        self.goes_to(f"/treatments-and-tests/{service}/")
        link = self.page.locator(".free a").last
        start = parse_qs(urlsplit(link.get_attribute("href") or "").query)["start"][0]
        link.click()
        return start

    def has_no_sign_of_an_emergency(self) -> None:
        self.sees("Request a visit")
        self.reads("It is not an appointment until we confirm it.")
        self.answers("Do you have any of these signs now?", "None of these")
        self.goes_on()

    def asks_for_the_visit(self, service: str) -> None:
        """Come from the service's page, without a time in mind."""
        self.goes_to(f"/book/?service={service}")
        self.has_no_sign_of_an_emergency()
        self.sees("Which visit would you like?")
        self.page.locator("label.option").first.click()
        self.goes_on()
        self.sees("When would you like to come?")

    def wants_to_see(self, clinician: str) -> None:
        """Look only at the free times of one clinician."""
        self.page.get_by_label("Clinician", exact=True).select_option(label=clinician)
        self.presses("Apply")
        self.page.wait_for_url("**/book/times/?*with=*")

    @property
    def free_times(self) -> list[str]:
        """Return the instants that the page of times offers, in its order."""
        found = self.page.locator("input[name=start]").all()
        return [each.get_attribute("value") or "" for each in found]

    @property
    def a_free_time(self) -> str:
        """Return one that does not become too soon while it is looked at."""
        return self.free_times[4]

    @property
    def chosen_time(self) -> str:
        return self.page.locator("input[name=start]:checked").input_value()

    def chooses(self, start: str) -> None:
        self.sees("When would you like to come?")
        self.tile(start).first.click()
        self.goes_on()

    def also_could_come(self, *starts: str) -> None:
        self.sees("Are there other times that would suit you?")
        for start in starts:
            self.tile(start).first.click()
        self.goes_on()

    def tile(self, start: str) -> Locator:
        return self.page.locator(
            "label.time", has=self.page.locator(f'[value="{start}"]')
        )

    def answers_the_questions(self, **others: str) -> None:
        """Answer "no" to each but to `others`, which are by code of the question."""
        self.sees("Questions before your visit")
        codes = {
            radio.get_attribute("name") or ""
            for radio in self.page.locator("main input[type=radio]").all()
        }
        for code in sorted(codes):
            answer = others.get(code.replace("-", "_"), "no")
            self.page.locator(f'[name="{code}"][value="{answer}"]').check()
        self.goes_on()

    def says_who_comes(self, for_whom: str = "Me") -> None:
        self.sees("Who is the visit for?")
        self.answers("Who are you asking for?", for_whom)
        self.writes("First name", self.given_name)
        self.writes("Last name", self.family_name)
        self.writes("Month", "2")
        self.writes("Day", "29")
        self.writes("Year", "1980")
        self.goes_on()

    def says_how_to_answer(self) -> None:
        self.sees("How should we answer you?")
        way = "Email" if self.email else "Phone call"
        self.answers("The best way to reach you", way)
        if self.email:
            self.writes("Email address", self.email)
        self.writes("Phone number", self.phone)
        self.goes_on()

    def needs_no_help(self) -> None:
        self.sees("Do you need any help at your visit?")
        self.answers("Would you like an interpreter?", "No")
        self.goes_on()

    def pays_by_insurance(self) -> None:
        self.sees("How will the visit be paid?")
        self.answers("How will the visit be paid?", "Health insurance")
        self.goes_on()
        self.sees("About the payment")
        self.writes("Name of the plan (optional)", "Demo Plan")
        self.goes_on()
        # Who is through all pages sooner is taken for a program.
        self.page.wait_for_timeout(FASTEST / timedelta(milliseconds=1))

    def fills_in_the_rest(self) -> None:
        """Answer all that is asked after the first choice of time."""
        self.also_could_come()
        self.says_who_comes()
        self.answers_the_questions()
        self.says_how_to_answer()
        self.needs_no_help()
        self.pays_by_insurance()
        self.sees(CHECK)

    def sends_it(self) -> str:
        """Send the request; return its reference."""
        self.presses("Send appointment request")
        self.sees("Request received, not booked yet")
        return self.reference

    def asks_for(self, service: str) -> str:
        """Ask for a visit from start to end; return the reference."""
        self.asks_for_the_visit(service)
        self.chooses(self.a_free_time)
        self.fills_in_the_rest()
        return self.sends_it()

    def joins_the_list_for(self, service: str, day: str) -> str:
        """Find no time, and wait for one on that day; return the reference."""
        self.asks_for_the_visit(service)
        self.follows("Join the waiting list")
        self.sees("When could you come?")
        self.writes("First day", day)
        self.writes("Last day", day)
        self.goes_on()
        self.says_who_comes()
        self.says_how_to_answer()
        self.needs_no_help()
        self.pays_by_insurance()
        self.sees("Check your answers, then join the waiting list")
        self.presses("Join the waiting list")
        self.sees("On the waiting list, not booked")
        self.receives(f"On the waiting list – not booked ({self.reference})")
        return self.reference

    @property
    def reference(self) -> str:
        return self.page.locator(".reference").inner_text()

    # --- Mail ---------------------------------------------------------------------

    def receives(self, subject: str) -> EmailMessage:
        """Wait for the next message, and check that it says nothing about health.

        A star in the subject stands for anything.
        """
        (message,) = self.receives_all(subject, 1)
        return message

    def receives_all(self, subject: str, count: int) -> list[EmailMessage]:
        """Wait for so many messages of that subject, as `receives` does for one."""
        deadline = time.monotonic() + MAIL_SECONDS
        while len(self.mail) < self.read + count and time.monotonic() < deadline:
            time.sleep(0.05)
        new = self.mail[self.read :]
        subjects = [subject_of(message) for message in new]
        assert [fnmatchcase(s, subject) for s in subjects] == [True] * count, subjects
        self.read += count
        for message in new:
            assert_discreet(message)
        return new

    def receives_that_it_came(self, reference: str) -> EmailMessage:
        """Wait for the first message, which says what this is not."""
        return self.receives(f"Request received – not booked yet ({reference})")

    def receives_nothing_more(self) -> None:
        assert [subject_of(message) for message in self.mail[self.read :]] == []

    @property
    def mail(self) -> list[EmailMessage]:
        return self.clinic.mail_to(self.email)

    def opens_the_link_in(self, message: EmailMessage) -> None:
        """Follow the link; the address that stays in the browser opens nothing."""
        self.page.goto(link_in(message))
        assert self.path.endswith("/appointment/")
        assert link_in(message).rpartition("appointments/")[2].strip("/") not in (
            self.page.content()
        )


@dataclass
class FrontDesk:
    """Somebody at the front desk, with the admin open."""

    clinic: Clinic
    page: Page

    def signs_in(self) -> None:
        self.page.goto(f"{self.clinic.site.url}/admin/")
        self.page.get_by_label("Username").fill("front-desk")
        self.page.get_by_label("Password").fill(self.clinic.passwords["front-desk"])
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("heading", name="Needs an answer")).to_be_visible()

    def opens_the_desk(self) -> None:
        self.page.goto(f"{self.clinic.site.url}/admin/")

    def request(self, reference: str) -> Locator:
        """Return the request's place on the desk."""
        return self.page.get_by_role("article").filter(has_text=reference)

    def accepts(self, reference: str) -> None:
        """Accept the first choice: one press."""
        self.request(reference).get_by_role("button", name="Accept").first.click()
        expect(self.page.get_by_role("status")).to_contain_text(
            f"{reference}: accepted for"
        )

    def declines(self, reference: str, reason: str, note: str) -> tuple[str, str]:
        """Decline after reading the preview; return its subject and words."""
        self.request(reference).get_by_role("link", name="Decline…").click()
        self.page.get_by_label(reason).check()
        self.page.get_by_label("Note to the patient").fill(note)
        self.page.get_by_role("button", name="Preview the message").click()
        preview = self.page.get_by_role("region", name="The patient will read")
        subject, *paragraphs, note = preview.locator("p").all_inner_texts()
        assert note.strip() == "The private link is filled in as the message is sent."
        self.page.get_by_role("button", name="Decline and send").click()
        expect(self.page.get_by_role("status")).to_contain_text(
            f"{reference}: declined."
        )
        return subject, " ".join(paragraphs)

    def cancels(self, reference: str) -> None:
        """Cancel a booked visit for the clinic, after reading the preview."""
        self.finds(reference)
        self.page.get_by_role("link", name="Cancel this visit…").click()
        self.page.get_by_label("Another reason of the clinic").check()
        self.page.get_by_role("button", name="Preview the message").click()
        self.page.get_by_role("button", name="Cancel and send").click()
        expect(self.page.get_by_role("status")).to_contain_text(f"{reference}:")

    def finds(self, reference: str) -> None:
        self.page.goto(f"{self.clinic.site.url}/admin/booking/appointment/find/")
        self.page.get_by_label("Reference, name").fill(reference)
        self.page.get_by_role("button", name="Find").last.click()
        self.page.get_by_role("link", name=re.compile(reference)).first.click()

    def waiting(self, reference: str) -> Locator:
        """Return the patient's place on the waiting list, as it is now."""
        self.page.goto(f"{self.clinic.site.url}/admin/booking/waitinglistentry/")
        return self.page.get_by_role("article").filter(has_text=reference)

    def call(self, reference: str) -> Locator:
        """Return the task to phone somebody about the visit."""
        return self.page.locator(".call").filter(has_text=reference)


CHECK = "Check your answers, then send the request"


def exactly(text: str) -> re.Pattern[str]:
    return re.compile(rf"^\s*{re.escape(text)}\s*$")


def subject_of(message: EmailMessage) -> str:
    """Return the subject without the space that a fold before a long one leaves."""
    return str(message["Subject"]).strip()


def link_in(message: EmailMessage) -> str:
    """Return the private link of a message."""
    (link,) = re.findall(r"http\S+/appointments/\S+/", text_of(message))
    return str(link)


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def entry_of(message: EmailMessage) -> tuple[str, Any]:
    """Return the method of the message's calendar file, and the one event in it."""
    (part,) = [p for p in message.walk() if p.get_content_type() == "text/calendar"]
    calendar = Calendar.from_ical(part.get_content())
    (event,) = calendar.walk("VEVENT")
    assert part.get_param("method") == calendar["METHOD"]
    return str(calendar["METHOD"]), event


def assert_discreet(message: EmailMessage) -> None:
    """Fail if any header or part names what somebody comes for."""
    texts = [f"{name}: {value}" for name, value in message.items()]
    for part in message.walk():
        texts += [f"{name}: {value}" for name, value in part.items()]
        if not part.is_multipart():
            texts.append(str(part.get_content()))
    assert [t for t in texts if TELLING.search(t)] == []
