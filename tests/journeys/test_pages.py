"""Every page in every state: accessible, narrow enough, light, private, all our own.

`PAGES` names them all; the last test fails for an address that is not among them.
"""

import json
import re
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.urls import ResolverMatch, get_resolver, resolve
from django.utils.translation import get_language_from_path, override
from playwright.sync_api import Page, Response, expect

from booking.forms.payment import BRANCHES
from booking.models import Appointment
from booking.policy import DeclineReason
from booking.steps import STEP, STEPS
from clinic_site import outage
from tests.browser import look_at, look_closer_at
from tests.servers import running_site
from tests.valid_html import assert_valid_html

from .steps import CHECK, EMG, TRIGGER_POINTS, Clinic

# How a page looks is the same on both databases; what it says has its tests there.
pytestmark = pytest.mark.sqlite

Does = Callable[[Page], None]
Scenes = Mapping[str, str]

CONTENT = Path(__file__).parents[2] / "services/content"
# What the first round trip of a connection brings: ten segments. Source: RFC 6928.
FIRST_VIEW = 14_600
# What a page has to have before it can be used: itself and its stylesheets.
MOST_REQUESTS = 3
MOST_SCRIPT = 3_000
# What a page has asked for, but no photo or icon: who waits for it, what, its bytes.
LOADED = """() => performance.getEntriesByType("resource")
  .filter(e => e.initiatorType !== "img" && !e.name.includes("favicon"))
  .map(e => [e.renderBlockingStatus, e.name, e.decodedBodySize])"""

# How far what was shown has moved without anybody's doing. That there was a navigation
# is always told, so that this ends where nothing moved.
MOVED = """() => new Promise(resolve => {
  const observer = new PerformanceObserver(list => resolve(
    list.getEntriesByType("layout-shift")
      .filter(shift => !shift.hadRecentInput)
      .reduce((sum, shift) => sum + shift.value, 0)));
  observer.observe({type: "layout-shift", buffered: true});
  observer.observe({type: "navigation", buffered: true});
})"""


class Look(NamedTuple):
    """A page in a state: where it is, who looks, what they do there, what they read.

    `path` has the names of scenes in braces; `who` names the scene of the session.
    """

    path: str
    says: str
    who: str = ""
    does: Does | None = None
    status: int = 200


# --- What people do to get there -----------------------------------------------------


def press(name: str) -> Does:
    def does(page: Page) -> None:
        page.get_by_role("button", name=name, exact=True).first.click()

    return does


def type_in(label: str, text: str, button: str) -> Does:
    def does(page: Page) -> None:
        page.get_by_label(label).first.fill(text)
        press(button)(page)

    return does


def choose_no_days(page: Page) -> None:
    for day in page.locator("[name=weekdays]").all():
        day.uncheck()
    press("Continue")(page)


def choose_no_column(page: Page) -> None:
    for column in page.locator("[name=columns]").all():
        column.uncheck()
    press("Make the file")(page)


def tick_three(page: Page) -> None:
    for tile in page.locator("label.time").all()[3:6]:
        tile.click()
    press("Continue")(page)


def say_there_are_signs(page: Page) -> None:
    page.get_by_label("One or more of these").check()
    press("Continue")(page)


def fill_in_the_hidden_field(page: Page) -> None:
    page.locator("#id_website").evaluate("field => field.value = 'x'")
    press("Send appointment request")(page)


def come_back_without_cookies(page: Page) -> None:
    page.context.clear_cookies()
    press("Continue")(page)


def have_seen_an_older_state(page: Page) -> None:
    page.locator("[name=version]").evaluate("field => field.value = '0'")
    page.locator("main button[type=submit]").click()


def answer_from_an_older_page(page: Page) -> None:
    page.locator("[name=version]").evaluate("field => field.value = '0'")
    page.get_by_label("It does not suit me").or_(
        page.get_by_label("None of these suits me")
    ).check()
    press("Send my answer")(page)


def choose_a_visit_type(page: Page) -> None:
    kind = "Trigger point injections, Follow-up"
    page.get_by_label("Kind of visit").select_option(kind)
    press("Show free times")(page)


def sign_in_wrongly(page: Page) -> None:
    page.get_by_label("Username").fill("front-desk")
    type_in("Password", "wrong", "Sign in")(page)


def preview_a_decline(page: Page) -> None:
    page.get_by_label("No time that fits").check()
    press("Preview the message")(page)


def preview_a_cancellation(page: Page) -> None:
    page.get_by_label("The patient asked for it").check()
    press("Preview the message")(page)


def preview_a_move(page: Page) -> None:
    page.get_by_role("radio").first.check(force=True)
    press("Preview the message")(page)


def accept_what_a_colleague_answered(page: Page) -> None:
    """Press a button that the desk still showed a moment ago."""
    form = page.locator("form.acts:has(button)").first
    form.locator("[name=seen_version]").evaluate("field => field.value = '0'")
    form.get_by_role("button").first.click()


def send_very_many_fields(page: Page) -> None:
    page.locator("form").evaluate(
        "form => { for (let n = 0; n < 500; n++) {"
        " const field = document.createElement('input');"
        " field.name = 'x' + n; form.append(field); } form.submit() }"
    )


def decline_some(page: Page) -> None:
    page.locator(".action-select").first.check()
    page.locator("[name=action]").select_option("decline_selected")
    page.locator(".actions button").click()


def preview_some(page: Page) -> None:
    decline_some(page)
    preview = press("Preview the messages")
    page.get_by_label("No time that fits").check()
    preview(page)
    page.locator("summary").first.click()


def delete_all(page: Page) -> None:
    page.locator("#action-toggle").check()
    page.locator("[name=action]").select_option("delete_selected")
    page.locator(".actions button").click()


def close_before_it_opens(page: Page) -> None:
    page.get_by_label("Closes").first.fill("08:00")
    press("Save")(page)


def look_at_it(page: Page) -> None:
    button = page.get_by_role("button", name="Look at it as patients will")
    button.evaluate("it => it.removeAttribute('formtarget')")
    button.click()


def save_after_a_colleague(page: Page) -> None:
    page.locator("[name=seen]").evaluate("field => field.value = '0'")
    type_in("Summary", "Mine.", "Save")(page)


def add_hours(page: Page) -> None:
    page.get_by_role("button", name="Add another Hours").click()
    expect(page.locator("#id_hours-0-opens")).to_be_visible()


# --- The pages -----------------------------------------------------------------------

READING = {
    "home": Look("/", "Request a visit"),
    "treatments and tests": Look("/treatments-and-tests/", "Treatments and tests"),
    "trigger points": Look(f"/treatments-and-tests/{TRIGGER_POINTS}/", "Request a"),
    "nerve testing": Look(f"/treatments-and-tests/{EMG}/", "Request a"),
    "our team": Look("/our-team/", "Demo Clinician A"),
    "visit us": Look("/visit-us/", "Monday"),
    **{
        f"page {path.stem}": Look(f"/{path.stem}/", "")
        for path in sorted((CONTENT / "pages").glob("*.md"))
    },
}

NO_ANSWER = {  # what the page of a step says when it is sent as it is
    "visit": "Choose a visit.",
    "times": "Choose a time.",
    "questions": "Choose an answer",
    "about": "Write the first name.",
    "asked-by": "Write your name.",
    "referral": "Choose yes or no.",
    "contact": "Choose how we should reach you.",
    "help": "Choose yes or no.",
    "payment": "Choose how the visit will be paid",
}
SPANISH = {
    "home, in Spanish": Look("/es/", "Cuando duele un músculo"),
    "a service, in Spanish": Look(
        f"/es/treatments-and-tests/{EMG}/", "Electromiografía (EMG)"
    ),
    "times, in Spanish": Look(
        "/es/book/times/", "¿Cuándo quiere venir?", "before_times"
    ),
    "check, in Spanish": Look("/es/book/check/", "Enviar solicitud", "all_answered"),
    "contact, no answer, in Spanish": Look(
        "/es/book/contact/",
        "Hay un problema",
        "before_contact",
        press("Continuar"),
        422,
    ),
}
BOOKING = {
    "start": Look("/book/", "It is not an appointment until we confirm it."),
    "start with a draft": Look("/book/", "Start again", "all_answered"),
    "start, no answer": Look(
        "/book/", "There is a problem", "", press("Continue"), 422
    ),
    "start, an emergency": Look("/book/", "Call 911 now", "", say_there_are_signs),
    **{
        f"{step.slug}": Look(
            f"/book/{step.slug}/", str(step.form.heading), f"before_{step.url_name}"
        )
        for step in STEPS
    },
    **{
        f"{slug}, no answer": Look(
            f"/book/{slug}/", says, f"before_{slug.replace('-', '_')}",
            press("Continue"), 422,
        )
        for slug, says in NO_ANSWER.items()
    },
    **{
        f"{slug}, answered": Look(
            f"/book/{slug}/", str(STEP[slug].form.heading), "all_answered"
        )
        for slug in ("times", "other-times", "about")
    },
    "visit, wrong link": Look("/book/visit/", "The link that you", "wrong_link"),
    "times, wrong link": Look("/book/times/", "no time that we", "unreadable_link"),
    "times, with a clinician": Look(
        "/book/times/?with=demo-clinician-a&part=morning", "Apply", "before_times"
    ),
    "times, a page later": Look(
        "/book/times/", "Earlier days", "before_times",
        lambda page: page.get_by_role("link", name="Later days").click(),
    ),
    "waiting-list, no days": Look(
        "/book/waiting-list/", "Choose at least one day of the week.", "before_times",
        choose_no_days, 422,
    ),
    "waiting-list, answered": Look("/book/waiting-list/", "First day", "joins"),
    "times, on the waiting list": Look("/book/times/", "Continue", "joins"),
    "check, joins the list": Look("/book/check/", "This puts you on the", "joins"),
    "joined the list": Look("/book/sent/", "On the waiting list, not", "joined"),
    "times, none that fits": Look(
        "/book/times/?part=afternoon", "No time fits what you chose", "only_mornings"
    ),
    "times, no referral": Look(
        "/book/times/", "This visit needs a referral.", "no_referral"
    ),
    "times, by phone": Look("/book/times/", "This visit is booked by", "by_phone"),
    "times, none at all": Look("/book/times/", "There are no free times", "no_times"),
    "times, the chosen one went": Look("/book/times/", "no longer free", "time_taken"),
    "other-times, three": Look(
        "/book/other-times/", "Choose two other times at most.", "before_other_times",
        tick_three, 422,
    ),
    "about, wrong date": Look(
        "/book/about/", "Write the month, day and year", "before_about",
        type_in("Month", "13", "Continue"), 422,
    ),
    "contact, wrong email": Look(
        "/book/contact/", "Check the email address", "before_contact",
        type_in("Email address", "pat", "Continue"), 422,
    ),
    "payment-details, unseen signs": Look(
        "/book/payment-details/", "Write this on one line.", "before_payment_details",
        type_in("Your employer then", "Demo\u2028Employer", "Continue"), 422,
    ),
    "check": Look("/book/check/", CHECK, "all_answered"),
    "check, without insurance": Look("/book/check/", "good faith", "pays_self_pay"),
    **{
        f"payment-details, {payer}": Look(
            "/book/payment-details/", "About the payment", f"pays_{payer}"
        )
        for payer in BRANCHES
    },
    **{
        f"check, {payer}": Look("/book/check/", CHECK, f"pays_{payer}")
        for payer in Appointment.Payer
    },
    "check, very quick": Look(
        "/book/check/", "That was very quick.", "very_quick",
        press("Send appointment request"), 422,
    ),
    "check, a program": Look(
        "/book/check/", "A field that has to stay empty", "all_answered",
        fill_in_the_hidden_field, 422,
    ),
    "check, the time went": Look(
        "/book/check/", "No longer free: ", "time_taken",
        press("Send appointment request"), 409,
    ),
    "check, another time went": Look(
        "/book/check/", "No longer free: ", "other_time_taken",
        press("Send appointment request"), 409,
    ),
    "check, too many": Look(
        "/book/check/", "There is a problem", "asks_often",
        press("Send appointment request"), 429,
    ),
    "check, sent elsewhere": Look(
        "/book/check/", "This request was already sent", "sent_elsewhere",
        press("Send appointment request"), 409,
    ),
    "sent": Look("/book/sent/", "Request received, not booked yet", "sent"),
    "sent and answered": Look("/book/sent/", "We have answered", "sent_and_answered"),
    "expired": Look("/book/expired/", "Your answers are no longer here"),
    "leaving": Look("/book/leaving/", "Leave without sending?", "before_about"),
    "leaving, sent": Look("/book/leaving/", "Your request stays with us", "sent"),
    "leaving, done": Look("/book/leaving/", "Nothing is kept in this browser"),
}  # fmt: skip

STATES = {
    "pending": "Request received, not booked yet",
    "late": "We wanted to answer by",
    "passed": "The times that you asked for have passed",
    "booked": "Add to my calendar",
    "over": "This appointment is over",
    "too_late": "so you cannot change or cancel it here",
    "arrived": "You are checked in",
    "fulfilled": "You can read what to expect after your visit",
    "noshow": "We missed you at this appointment",
    "called_off": "Your appointment cannot take place. Choose another time",
    "called_off_refused": "cannot take place. We look for another time",
    "withdrawn": "You do not have an appointment from this request",
    "cancelled_by_patient": "You cancelled this appointment",
    "cancelled_by_clinic": "We are sorry.",
    **{f"declined_{reason}": "Mornings are easier." for reason in DeclineReason},
    "waiting": "You do not have an appointment yet.",
    "offered": "Answer by",
    "offer_lapsed": "The time that we offered has lapsed",
    "offer_gone": "The time that we offered has gone",
    "left": "You left the waiting list",
    "taken_off": "As you asked.",
    "list_ended": "Your time on the waiting list is over",
    "wants_change": "It stays booked until we say yes to another time.",
    "change_refused": "We cannot see you at the other times",
    "wants_earlier": "Your wish for an earlier time",
    "offered_earlier": "stays as it is until you choose",
    "offered_instead": "We offer you a time, not booked yet",
}
LINK = {
    **{
        f"visit {name}": Look(f"/appointments/{{{name}}}/", says)
        for name, says in STATES.items()
    },
    "withdraw": Look(
        "/appointments/{pending}/", "Withdraw your request?",
        does=lambda page: page.get_by_role("link", name="Withdraw this").click(),
    ),
    "cancel": Look(
        "/appointments/{booked}/", "Cancel your appointment?",
        does=lambda page: page.get_by_role("link", name="Cancel this").click(),
    ),
    "cancel, changed meanwhile": Look(
        "/appointments/{booked}/", "This has changed since you opened", status=409,
        does=lambda page: (
            page.get_by_role("link", name="Cancel this").click(),
            have_seen_an_older_state(page),
        )[0],
    ),
    "change": Look(
        "/appointments/{booked}/", "It stays booked until we say yes",
        does=lambda page: page.get_by_role("link", name="Ask for another").click(),
    ),
    "change, no time": Look(
        "/appointments/{booked}/", "Choose a time.", status=422,
        does=lambda page: (
            page.get_by_role("link", name="Ask for another").click(),
            page.get_by_role("button", name="Ask for this").click(),
        )[0],
    ),
    "preparing": Look(
        "/appointments/{booked}/", "Getting ready for your visit",
        does=lambda page: page.get_by_role("link", name="What to bring").click(),
    ),
    "earlier": Look(
        "/appointments/{booked}/", "Would you like an earlier time?",
        does=lambda page: page.get_by_role("link", name="Join the list").click(),
    ),
    "offer, no answer": Look(
        "/appointments/{offered}/", "Choose a time, or say that none", status=422,
        does=press("Send my answer"),
    ),
    "offer, changed meanwhile": Look(
        "/appointments/{offered}/", "This visit has changed", status=409,
        does=answer_from_an_older_page,
    ),
    "leave the list": Look(
        "/appointments/{waiting}/", "Leave the waiting list?",
        does=lambda page: page.get_by_role("link", name="Leave the").click(),
    ),
    "leave the list for an earlier time": Look(
        "/appointments/{wants_earlier}/", "No earlier time any more?",
        does=lambda page: page.get_by_role("link", name="Leave the list").click(),
    ),
    **{
        f"{name} to open again": Look(
            f"/appointment/{name}/", "Open the link in our message", status=403
        )
        for name in ("change", "earlier", "offer", "leaving", "preparing")
    },
    "lost link": Look("/appointment/find/", "We send the private link to your visit"),
    "lost link, nothing typed": Look(
        "/appointment/find/", "Write your email address.", status=422,
        does=press("Send me the link"),
    ),
    "lost link, asked": Look("/appointment/find/asked/", "If we have a visit for what"),
    "link that opens nothing": Look(
        "/appointments/nonsense/", "This link does not open a visit", status=404
    ),
    "link to open again": Look(
        "/appointment/", "Open the link in our message again", status=403
    ),
    "cancellation to open again": Look(
        "/appointment/cancellation/", "Open the link in our message again", status=403
    ),
    "calendar to open again": Look(
        "/appointment/calendar.ics", "Open the link in our message again", status=403
    ),
}  # fmt: skip

TROUBLE = {
    "search": Look("/search/", "Search this site"),
    "search, found": Look(
        "/search/",
        "What we found",
        does=type_in("What are you looking for?", "nerv tests", "Search"),
    ),
    "search, nothing found": Look(
        "/search/",
        "We found nothing for that",
        does=type_in("What are you looking for?", "zzzz", "Search"),
    ),
    "not found": Look("/no-such/page/", "We cannot find that page", status=404),
    "no such service": Look(
        "/treatments-and-tests/none/", "We cannot find that page", status=404
    ),
    "form without its cookie": Look(
        "/book/", "", does=come_back_without_cookies, status=403
    ),
    "form of a program": Look("/book/", "", does=send_very_many_fields, status=400),
}

VISITS = "/admin/booking/appointment/"
FRONT_DESK = {
    "sign in": Look("/admin/login/", "Sign in"),
    "sign in, wrong": Look("/admin/login/", "do not fit", "", sign_in_wrongly),
    "sign in, code": Look("/admin/login/code/", "Code from your", "half-signed-in"),
    "sign in, wrong code": Look(
        "/admin/login/code/", "That code is not right", "half-signed-in",
        type_in("Code from your phone", "123", "Sign in"),
    ),
    "two steps, setup": Look(
        "/admin/second-factor/setup/", "authenticator", "front-desk"
    ),
    "two steps, setup, wrong": Look(
        "/admin/second-factor/setup/", "does not fit", "front-desk",
        type_in("Code from your phone", "123", "Set it up"),
    ),
    "two steps": Look("/admin/second-factor/", "codes are left", "with-phone"),
    "two steps, codes": Look(
        "/admin/second-factor/codes/", "signs you in once", "shows-codes"
    ),
    "confirm": Look("/admin/auth/user/add/", "show once more", "long-ago"),
    "confirm, wrong": Look(
        "/admin/auth/user/add/", "That is not your password", "long-ago",
        type_in("Your password", "wrong", "Go on"),
    ),
    "desk": Look("/admin/", "Needs an answer", "front-desk"),
    "desk, somebody was faster": Look(
        "/admin/", "changed", "front-desk", accept_what_a_colleague_answered
    ),
    "desk, all visits": Look("/admin/?all=visits", "Today’s visits", "front-desk"),
    "desk, all papers": Look("/admin/?all=papers", "Papers", "front-desk"),
    "desk, all calls": Look("/admin/?all=calls", "Phone these", "front-desk"),
    "desk, all changes": Look("/admin/?all=changes", "Changed", "front-desk"),
    "tasks": Look("/admin/tasks/", "nobody has it", "front-desk"),
    "tasks, mine": Look("/admin/tasks/?whose=mine", "you have it", "front-desk"),
    "hand over": Look(
        f"{VISITS}{{owned_pk}}/owner/?task=answer", "To whom?", "front-desk"
    ),
    "hand over, to nobody": Look(
        f"{VISITS}{{owned_pk}}/owner/?task=answer", "Choose who", "front-desk",
        press("Hand over"),
    ),
    "my day": Look("/admin/my-day/", "Visits of", "clinician"),
    "visits": Look(VISITS, "Action", "front-desk"),
    "visits, all": Look(f"{VISITS}?status=all", "Action", "front-desk"),
    "visits, overdue": Look(f"{VISITS}?due=overdue", "Action", "front-desk"),
    "visits, none": Look(f"{VISITS}?status=noshow", "", "front-desk"),
    "visit to answer": Look(f"{VISITS}{{pending_pk}}/change/", "Times", "front-desk"),
    "visit accepted": Look(f"{VISITS}{{booked_pk}}/change/", "Cancel", "front-desk"),
    "visit over": Look(f"{VISITS}{{cancelled_pk}}/change/", "Timeline", "front-desk"),
    "decline": Look(f"{VISITS}{{pending_pk}}/decline/", "Why?", "front-desk"),
    "decline, no reason": Look(
        f"{VISITS}{{pending_pk}}/decline/", "Choose a reason.", "front-desk",
        press("Preview the message"),
    ),
    "decline, preview": Look(
        f"{VISITS}{{pending_pk}}/decline/", "The patient will read", "front-desk",
        preview_a_decline,
    ),
    "decline many": Look(VISITS, "Decline these", "front-desk", decline_some),
    "cancel for the clinic": Look(
        f"{VISITS}{{booked_pk}}/cancel/", "The patient will read", "front-desk",
        preview_a_cancellation,
    ),
    "book for a caller": Look(f"{VISITS}phone/", "Who comes", "front-desk"),
    "book for a caller, nothing chosen": Look(
        f"{VISITS}phone/", "Choose the kind of visit.", "front-desk",
        press("Book this visit"),
    ),
    "book for a caller, times": Look(
        f"{VISITS}phone/", "10:00", "front-desk", choose_a_visit_type
    ),
    "book for a caller, known": Look(
        f"{VISITS}phone/", "such as family", "front-desk",
        type_in("Phone number", "212 555 0199", "Do we know them?"),
    ),
    "contact of a patient": Look(
        "/admin/booking/patient/{patient_pk}/contact/", "On our record:", "front-desk",
    ),
    "no more texts to a number": Look(
        "/admin/booking/texts/", "Write the phone number.", "front-desk",
        press("No more text messages"), 200,
    ),
    "patient": Look(
        "/admin/booking/patient/{patient_pk}/", "Other records of this person",
        "front-desk",
    ),
    "read to the caller": Look(
        f"{VISITS}{{booked_pk}}/script/", "Let me read that back", "front-desk"
    ),
    "find": Look(f"{VISITS}find/", "Find a visit", "front-desk"),
    "find, nothing typed": Look(
        f"{VISITS}find/", "Type what you are looking for.", "front-desk",
        lambda page: page.locator("main form button").first.click(),
    ),
    "find, found": Look(
        f"{VISITS}find/", "Found", "front-desk",
        type_in("Reference, name", "Example", "Find"),
    ),
    "find, nothing": Look(
        f"{VISITS}find/", "No visit fits.", "front-desk",
        type_in("Reference, name", "Nobody", "Find"),
    ),
    "withdraw for a patient who is phoned": Look(
        f"{VISITS}{{by_phone_pk}}/cancel/", "Somebody will have to say", "front-desk",
        press("Preview the message"),
    ),
    "decline what was answered": Look(
        f"{VISITS}{{answered_pk}}/decline/", "dealt with this already", "front-desk"
    ),
    "decline many, preview": Look(
        VISITS, "The patient will read", "front-desk", preview_some
    ),
    "visit, just accepted": Look(
        f"{VISITS}{{to_accept_pk}}/change/", "accepted for", "front-desk",
        lambda page: page.get_by_role("button", name="Accept").first.click(),
    ),
    "visit declined": Look(f"{VISITS}{{declined_pk}}/change/", "Read", "front-desk"),
    "visit by phone": Look(f"{VISITS}{{by_phone_pk}}/change/", "Phone", "front-desk"),
    "exchange what a visit takes": Look(
        f"{VISITS}{{answered_pk}}/swap/", "instead of", "front-desk"
    ),
    "exchange, nothing chosen": Look(
        f"{VISITS}{{answered_pk}}/swap/", "Choose", "front-desk", press("Exchange it")
    ),
    "offer another time": Look(
        f"{VISITS}{{pending_pk}}/propose/", "Nearest free times", "front-desk"
    ),
    "offer, previewed": Look(
        f"{VISITS}{{pending_pk}}/propose/", "The patient will read", "front-desk",
        press("Preview the message"),
    ),
    "calendar": Look("/admin/booking/calendar/", "Day sheet", "front-desk"),
    "calendar, week": Look(
        "/admin/booking/calendar/?view=week&kind=clinician", "Nothing", "front-desk"
    ),
    "calendar, nobody there": Look(
        "/admin/booking/calendar/?day=2023-01-01", "Nobody is there", "front-desk"
    ),
    "day sheet": Look("/admin/booking/calendar/sheet/", "Print it", "front-desk"),
    "close a day": Look("/admin/booking/closing/", "Show who is hit", "front-desk"),
    "close a day, whom it hits": Look(
        "/admin/booking/closing/?{two_weeks}&resource=&reason=weather",
        "Times to offer", "front-desk",
    ),
    "close a day, said wrong": Look(
        "/admin/booking/closing/?start=&end=&resource=&reason=weather",
        "Say from when", "front-desk",
    ),
    "closed day": Look(
        "/admin/booking/closing/{closing_pk}/", "Phone these people", "front-desk"
    ),
    "move a visit": Look(
        f"{VISITS}{{answered_pk}}/move/", "Speak with the patient", "front-desk"
    ),
    "move, nothing chosen": Look(
        f"{VISITS}{{answered_pk}}/move/", "Choose a time.", "front-desk",
        press("Preview the message"),
    ),
    "move, previewed": Look(
        f"{VISITS}{{answered_pk}}/move/", "The visit will take", "front-desk",
        preview_a_move,
    ),
    "series of a request": Look(
        f"{VISITS}{{pending_pk}}/series/", "Planned for", "front-desk"
    ),
    "series, too long": Look(
        f"{VISITS}{{pending_pk}}/series/", "There is a problem", "front-desk",
        type_in("How many visits", "99", "Show these dates"),
    ),
    "messages": Look("/admin/booking/message/", "", "front-desk"),
    "message": Look(
        "/admin/booking/message/{mail_pk}/change/", "private", "front-desk"
    ),
    "call": Look("/admin/booking/message/{call_pk}/change/", "Hello", "front-desk"),
    "message, history": Look(
        "/admin/booking/message/{mail_pk}/history/", "history", "front-desk"
    ),
    "close a day, no answer": Look(
        "/admin/booking/closure/add/", "Please correct", "front-desk", press("Save")
    ),
    "all that the desk sees": Look("/admin/booking/", "Closures", "front-desk"),
    "own password": Look("/admin/password_change/", "Old password", "front-desk"),
    "own password, wrong": Look(
        "/admin/password_change/", "was entered incorrectly", "front-desk",
        lambda page: (
            [field.fill("wrong") for field in page.locator("[type=password]").all()],
            press("Change my password")(page),
        )[1],
    ),
    "own password, changed": Look(
        "/admin/password_change/done/", "was changed", "front-desk"
    ),
    "signed out": Look("/admin/", "Sign in again", "leaving", press("Sign out")),
    "no right": Look("/admin/booking/resource/", "", "front-desk", status=403),
    "no such visit": Look(f"{VISITS}999999/change/", "", "front-desk", status=404),
    "waiting list": Look(
        "/admin/booking/waitinglistentry/", "Has no time", "front-desk"
    ),
    "visit that was offered a time": Look(
        f"{VISITS}{{offered_pk}}/change/", "for the caller", "front-desk"
    ),
    "visit that wants to move": Look(
        f"{VISITS}{{wants_change_pk}}/change/", "Times asked for instead", "front-desk"
    ),
    "no to another time": Look(
        f"{VISITS}{{wants_change_pk}}/decline/", "Leave", "front-desk"
    ),
    "visit that wants to be earlier": Look(
        f"{VISITS}{{wants_earlier_pk}}/change/", "on the waiting list", "front-desk"
    ),
}  # fmt: skip

# What managers keep: the address, one that is there, words of its form.
KEPT = {
    "booking/resource": ("{clinician_pk}", "Hours"),
    "booking/visittype": ("{visit_type_pk}", "Length"),
    "booking/closure": ("{closure_pk}", "Leave empty"),
    "booking/chore": ("{chore_pk}", "Every"),
    "booking/waitinglistrules": ("1", "inutes to answer"),
    "booking/retentionrules": ("1", "that came to nothing"),
    "services/clinic": ("1", "Opening hours"),
    "services/clinician": ("{person_pk}", "Profession"),
    "services/service": ("{service_pk}", "Preparation"),
    "services/page": ("{page_pk}", "Body"),
    "services/samewords": ("{same_words_pk}", "One word or phrase a line"),
    "services/photo": ("{photo_pk}", "hat it shows"),
    "services/translation": ("{translation_pk}", "Reviewed by"),
    "auth/user": ("{front_desk_pk}", "Roles"),
    "auth/group": ("{group_pk}", "Permissions"),
}
# What nobody may do: the page is that of "no right".
NEVER = {
    *(f"booking_{model}_{act}" for act in ("add", "delete") for model in (
        "appointment", "message", "chore", "waitinglistentry", "waitinglistrules",
        "retentionrules",
    )),
    "booking_waitinglistentry_change",
    "services_clinic_add", "services_clinic_delete", "auth_user_delete",
    "services_translation_add", "services_translation_delete",
}  # fmt: skip
# Buttons, scripts, and what only leads elsewhere.
NO_PAGES = {
    "called", "merge", "stop_texts", "seen", "stay", "closing_undo",
    "booking_appointment_accept", "booking_appointment_attend",
    "booking_appointment_hold", "booking_appointment_link", "booking_appointment_offer",
    "booking_appointment_paper", "booking_appointment_letter",
    "booking_appointment_waiting", "booking_appointment_history",
    "booking_waitinglistentry_history", "logout", "jsi18n", "autocomplete",
    "view_on_site", "services_service_restore", "services_page_restore",
    "services_service_draft", "services_page_draft", "services_service_preview",
    "services_page_preview", "services_clinic_restore", "services_clinician_restore",
}  # fmt: skip


def kept() -> Iterator[tuple[str, Look]]:
    """Yield the list of each, its forms, and its other pages."""
    for path, (key, says) in KEPT.items():
        who = "superuser" if path == "auth/group" else "manager"
        here, name = f"/admin/{path}/", path.replace("/", "_")
        yield f"{path}, list", Look(here, "", who)
        yield f"{path}, one", Look(f"{here}{key}/change/", says, who)
        yield f"{path}, history", Look(f"{here}{key}/history/", "history", who)
        if f"{name}_delete" not in NEVER:
            yield f"{path}, delete", Look(f"{here}{key}/delete/", "", who)
        if f"{name}_add" not in NEVER:
            yield f"{path}, new", Look(f"{here}add/", "", who)
            yield (
                f"{path}, no answer",
                Look(f"{here}add/", "Please correct", who, press("Save")),
            )


MANAGER = dict(kept()) | {
    "desk of a manager": Look("/admin/", "Visit types", "manager"),
    "hours, wrong": Look(
        "/admin/booking/resource/{clinician_pk}/change/", "must be after the start",
        "manager", close_before_it_opens,
    ),
    "hours, one more": Look("/admin/booking/resource/add/", "", "manager", add_hours),
    "a room that is not in use, delete": Look(
        "/admin/booking/resource/{unused_pk}/delete/", "Are you sure", "manager"
    ),
    "rooms and people, delete all": Look(
        "/admin/booking/resource/", "Some of these are in use", "manager", delete_all
    ),
    "pages, delete all": Look(
        "/admin/services/page/", "Are you sure", "manager", delete_all
    ),
    "clinician, in a window of its own": Look(
        "/admin/services/clinician/{person_pk}/change/?_to_field=id&_popup=1",
        "Profession", "manager",
    ),
    "versions of a service": Look(
        "/admin/services/service/{service_pk}/versions/?old=1&new=1", "the same",
        "manager",
    ),
    "draft of a service": Look(
        "/admin/services/service/{service_pk}/change/", "What it changes", "manager",
        type_in("Summary", "Another summary.", "Save"),
    ),
    "draft of a service, a colleague saved first": Look(
        "/admin/services/service/{service_pk}/change/", "what you typed is not what",
        "manager", save_after_a_colleague,
    ),
    "versions of a page": Look(
        "/admin/services/page/{page_pk}/versions/", "Before", "manager"
    ),
    "versions of a person": Look(
        "/admin/services/clinician/{person_pk}/versions/", "Versions", "manager"
    ),
    "versions of the clinic": Look(
        "/admin/services/clinic/1/versions/", "Main point", "manager"
    ),
    "what is typed, as patients will read it": Look(
        "/admin/services/service/{service_pk}/change/", "On a phone", "manager",
        look_at_it,
    ),
    "how to write": Look(
        "/admin/services/service/{service_pk}/change/", "Patients see", "manager",
        lambda page: page.locator("#how-to-write > summary").click(),
    ),
    "own account": Look("/admin/auth/user/{manager_pk}/change/", "Rights", "manager"),
    "somebody's password": Look(
        "/admin/auth/user/{front_desk_pk}/password/", "new password", "manager"
    ),
    "somebody's two steps": Look(
        "/admin/auth/user/{with_phone_pk}/second-factor/", "sure that it is",
        "superuser",
    ),
    "somebody with a phone": Look(
        "/admin/auth/user/{with_phone_pk}/change/", "Reset", "superuser"
    ),
    "ready for patients": Look("/admin/booking/clinic-check/", "just now", "manager"),
    "reports": Look("/admin/booking/reports/", "Time to answer", "manager"),
    "reports, impossible days": Look(
        "/admin/booking/reports/?first=9999-12-31&last=9999-12-31", "Check the year",
        "manager",
    ),
    "visits as a file": Look(
        "/admin/booking/reports/visits/", "Which visits?", "manager"
    ),
    "visits as a file, no column": Look(
        "/admin/booking/reports/visits/", "Choose at least one", "manager",
        choose_no_column,
    ),
    "trail": Look("/admin/booking/trail/", "Newest first", "manager"),
    "trail of a patient": Look(
        "/admin/booking/trail/patient/{patient_pk}/", "Newest first", "manager"
    ),
    "all people": Look("/admin/auth/", "Groups", "manager"),
    "all that is said": Look("/admin/services/", "Clinicians", "manager"),
}  # fmt: skip

PAGES = READING | SPANISH | BOOKING | LINK | TROUBLE | FRONT_DESK | MANAGER


# --- Looking -------------------------------------------------------------------------


def match_of(path: str) -> ResolverMatch:
    """Return what answers at an address, in whichever language that is."""
    with override(get_language_from_path(path) or "en"):
        return resolve(path)


@pytest.fixture(scope="module")
def scenes(clinic: Clinic) -> Scenes:
    made: Scenes = json.loads(
        clinic.site.manage(
            "shell", "-v0", "-c", "from tests.journeys import scenes; scenes.make()"
        )
    )
    return made


class Weights(dict[str, tuple[int, int, int]]):
    """Bytes of the document and of its stylesheets, and requests, by name of page."""

    def __str__(self) -> str:
        rows = [
            f"{name:32} {html:7,} {css:7,} {html + css:7,} {requests:4}"
            for name, (html, css, requests) in self.items()
        ]
        return "\n".join([f"{'':32} {'HTML':>7} {'CSS':>7} {'sum':>7} req.", *rows])


weights = Weights()
sent: dict[str, str] = {}  # the HTML of each look, as it came over the wire


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_good_for_everybody(clinic, scenes, looking, name):
    look, page = PAGES[name], looking
    if look.who:
        page.context.add_cookies(
            [{"name": "session", "value": scenes[look.who], "url": clinic.site.url}]
        )
    documents: list[Response] = []

    def keep(response: Response) -> None:
        if response.request.is_navigation_request():
            documents.append(response)

    page.on("response", keep)
    page.goto(clinic.site.url + look.path.format(**scenes))
    if look.does:
        look.does(page)
    expect(page.locator("main, #main").first).to_contain_text(look.says)
    page.wait_for_load_state()
    page.remove_listener("response", keep)
    answer = documents[-1]
    assert answer.status == look.status
    sent[name] = answer.text()
    assert_ours_alone(page, answer)
    assert_kept_private(answer)
    summary = page.locator(".problem[autofocus]")
    if answer.status == 422 or summary.count():
        assert page.title().startswith("Error: ")
        expect(summary).to_be_focused()
    if name not in FRONT_DESK | MANAGER:
        weigh(name, page, answer)
    look_closer_at(page)
    look_at(page)


def assert_ours_alone(page: Page, answer: Response) -> None:
    """Fail if a style or a script but ours stands in the page as sent; data may.

    What scripts of the admin hide later has a style, too.
    """
    assert page.evaluate(
        "([html, ours]) => [...new DOMParser().parseFromString(html, 'text/html')"
        ".querySelectorAll('*')].filter(e =>"
        " e.matches('style, [style], script:not([src]):not([type$=json])')"
        " && e.textContent !== ours"
        " || e.getAttributeNames().some(name => name.startsWith('on')))"
        ".map(e => e.outerHTML)",
        [answer.text(), settings.SCRIPT],
    ) == []  # fmt: skip


def assert_kept_private(answer: Response) -> None:
    """Only the pages to read may be kept and found; only they set no cookie."""
    path = urlsplit(answer.url).path
    view = "" if answer.status == 404 else match_of(path).view_name
    is_public = answer.ok and view.startswith("services:")
    kept_out = (
        "no-store" in (answer.header_value("cache-control") or ""),
        answer.header_value("x-robots-tag"),
    )
    # Who comes back to what was found is not asked to send the form again.
    unstored = not is_public and view != "booking:search"
    assert kept_out == (unstored, None if is_public else "noindex")
    if is_public:
        assert answer.header_value("set-cookie") is None


def weigh(name: str, page: Page, answer: Response) -> None:
    """Hold the first view to what the first round trip brings; nothing moves in it.

    A page with a form has one small script in itself, which it can do without.
    """
    # To three places, as everybody gives it: a page is shown while it still arrives,
    # and the next row of a list can move the one before it by a hair.
    assert round(page.evaluate(MOVED), 3) == 0
    html = answer.request.sizes()["responseBodySize"]
    hrefs = page.evaluate(
        "[...document.querySelectorAll('link[rel=stylesheet]:not([media=print])')]"
        ".map(link => link.href)"
    )
    css = sum(map(transferred, hrefs))
    loaded = page.evaluate(LOADED)
    waited_for = 1 + sum(status == "blocking" for status, _url, _size in loaded)
    weights[name] = html, css, waited_for
    assert html + css <= FIRST_VIEW
    assert waited_for <= MOST_REQUESTS
    assert len(loaded) <= MOST_REQUESTS, loaded
    own = page.locator("script:not([src]):not([type])").count()
    assert own or not page.locator("form").count()
    scripts = sum(size for _, url, size in loaded if url.endswith(".js"))
    assert scripts + len(settings.SCRIPT) <= MOST_SCRIPT


@cache
def transferred(url: str) -> int:
    """Return the bytes for a browser that does not know brotli, which are more."""
    asked = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked) as answer:
        return len(answer.read())


PRINTED = ("pending", "change_refused", "offered", "wants_change", "wants_earlier")


def sheets(page: Page) -> list[int]:
    return [int(n) for n in re.findall(rb"/Count (\d+)", page.pdf(format="Letter"))]


@pytest.mark.parametrize(
    ("name", "page"),
    [*product(PRINTED, ("", "preparing/")), ("booked", ""), ("offered_earlier", "")],
)
def test_what_a_patient_has_to_know_prints_on_one_page(
    clinic, scenes, looking, name, page
):
    looking.goto(f"{clinic.site.url}/appointments/{scenes[name]}/")
    looking.goto(f"{clinic.site.url}/appointment/{page}")
    assert sheets(looking) == [1]


def test_what_was_sent_prints_on_one_page(clinic, scenes, looking):
    looking.context.add_cookies(
        [{"name": "session", "value": scenes["sent"], "url": clinic.site.url}]
    )
    looking.goto(f"{clinic.site.url}/book/sent/")
    assert sheets(looking) == [1]


STANDING = (
    "from booking.models import Appointment\n"
    "print([(v.version, v.status, v.events.count(), v.proposals.open().count())"
    " for v in Appointment.objects.filter(pk__in={keys}).order_by('pk')])"
)


def test_a_scanner_that_runs_scripts_changes_no_visit(clinic, scenes, visitor):
    """Tests of the addresses alone show that no other row changes."""
    names = ("pending", "booked", "offered", "wants_change", "wants_earlier")
    keys = [scenes[f"{name}_pk"] for name in names]
    look = ("shell", "-v0", "-c", STANDING.format(keys=keys))
    before = clinic.site.manage(*look)
    assert before.count("(") == len(names)
    page = visitor()
    for name in names:
        page.goto(f"{clinic.site.url}/appointments/{scenes[name]}/")
        for path in ("change/", "change/stop/", "earlier/", "offer/", "leaving/",
                     "cancellation/", "preparing/"):  # fmt: skip
            page.goto(f"{clinic.site.url}/appointment/{path}")
    page.wait_for_timeout(1_000)  # whatever a script might do a little later
    assert clinic.site.manage(*look) == before


@pytest.mark.parametrize("status", [400, 500, 503])
def test_a_page_about_trouble_is_good_for_everybody(clinic, visitor, status):
    """What these pages are shown for has its tests elsewhere."""
    text = outage.page(f"{status}.html", status).content.decode()
    sent[f"trouble, {status}"] = text
    page = visitor()
    page.route(
        "**/trouble/",
        lambda route: route.fulfill(status=status, body=text, content_type="text/html"),
    )
    page.goto(f"{clinic.site.url}/trouble/")
    expect(page.get_by_role("main")).to_contain_text("(212) 555-0143")
    look_closer_at(page)
    look_at(page)


EMPTY = {
    "/": "We have not listed our treatments",
    "/our-team/": "We have not listed our team",
    "/visit-us/": "We have not written our address here",
}
NOT_SET_UP = {
    "/": "Trigger point injections",
    f"/treatments-and-tests/{TRIGGER_POINTS}/": "Call us to find a time.",
    "/book/visit/": "Right now no visit can be asked for online.",
}


def test_pages_are_good_before_anything_can_be_booked(new_page):
    with running_site() as site:
        page = new_page()

        def looks(pages: Mapping[str, str], state: str) -> None:
            for path, says in pages.items():
                answer = page.goto(site.url + path)
                if path.startswith("/book/"):
                    page.goto(f"{site.url}/book/")
                    page.get_by_label("None of these").check()
                    with page.expect_response(f"**{path}") as response:
                        press("Continue")(page)
                    answer = response.value
                    page.wait_for_load_state()
                assert answer
                sent[f"{path}, {state}"] = answer.text()
                expect(page.get_by_role("main")).to_contain_text(says)
                look_closer_at(page)
                look_at(page)

        looks(EMPTY, "empty")
        site.manage("load_content")
        looks(NOT_SET_UP, "not set up")


def test_every_page_is_valid_html(clinic):
    """All that was sent above, what can be read in each other language, the guides.

    At the guides `test_design` looks with axe.
    """
    guides = "from tests.journeys import scenes; scenes.guides()"
    sent.update(json.loads(clinic.site.manage("shell", "-v0", "-c", guides)))
    for code, _name in settings.LANGUAGES[1:]:
        for name, look in READING.items():
            with urllib.request.urlopen(f"{clinic.site.url}/{code}{look.path}") as page:
                sent[f"{name}, {code}"] = page.read().decode()
    assert_valid_html(sent)


def names_of(resolver: Any, app: str = "") -> Iterator[str]:
    """Yield the names of all pages, each with that of its app."""
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            yield from names_of(pattern, pattern.namespace or app)
        elif pattern.name and app:
            yield f"{app}:{pattern.name}"


def test_no_page_is_missing_here(scenes):
    looked_at = {
        match_of(look.path.format(**scenes).partition("?")[0]).view_name
        for look in PAGES.values()
        if look.status != 404
    }
    ours = set(names_of(get_resolver())) - {f"admin:{n}" for n in NEVER | NO_PAGES}
    # A button alone, and pictures.
    ours -= {"booking:stop_change", "services:card", "services:photo"}
    assert sorted(ours - looked_at) == []
    print(f"\n{weights}")  # noqa: T201 -- a table to read, with `pytest -s`
