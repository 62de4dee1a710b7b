"""What patients are told: the whole words of each message, and what is never in one."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import transaction
from django.utils.html import strip_tags, urlize
from icalendar import Calendar

from booking import closing, messages, workflow
from booking.models import Appointment, Closure, Message, Resource, VisitType
from booking.policy import Act, CancellationReason, ChangeRefusal, DeclineReason
from booking.templatetags.booking_tags import linked, parts
from booking.workflow import PATIENT, Answer, By
from services.models import Clinic
from tests import factories
from tests.factories import NOW, at
from tests.records import nothing_written

pytestmark = pytest.mark.django_db

LINK = re.compile(r"http://127\.0\.0\.1:8000/appointments/[\w-]{43}/")

FOOT = """
Questions? Call (212) 555-0143 (Monday to Friday, 9 AM to 5 PM) and say the reference \
{reference}.

Demo Clinic & Rehabilitation
"""

RECEIVED = """\
We have your appointment request. It is not booked yet: it is not an appointment until \
we confirm it. Please do not come before then.

You asked for, in this order:
1. Tuesday, November 17, 10:00 AM EST
2. Tuesday, November 17, 2:30 PM EST
Where: Demo Clinic & Rehabilitation, 1 Demo Street, New York, NY
Reference: {reference}

We will answer by Monday, November 16, 5:00 PM EST. You do not need to call before then.

This link is private. It always shows how things stand, and you can withdraw the \
request \
there:
<link>

If you did not ask us for an appointment, somebody typed your address by mistake. Call \
us and we will remove it.

If your symptoms suddenly get worse, or it is an emergency, call 911. Do not wait for \
our answer.
"""

CONFIRMED = """\
Your appointment is confirmed.

When: Tuesday, November 17, 10:00 AM EST
Where: Demo Clinic & Rehabilitation, 1 Demo Street, New York, NY
Reference: {reference}

Before you come, read how to get ready. You can also cancel there if you cannot come. \
This link is private and always shows how things stand:
<link>

The file with this message puts the appointment in your calendar.

If your symptoms suddenly get worse, or it is an emergency, call 911. Do not wait for \
your appointment.
"""

DECLINED = """\
Your request {reference} is not booked. You do not have an appointment with us from \
this \
request.

We cannot see you at the times you asked for. Please choose another time on our \
website, \
or call us and we will look for one with you.

A note from the clinic:
Mornings & "late" days <are> better.

This link is private. It shows what became of your request and what you can do:
<link>

If your symptoms suddenly get worse, or it is an emergency, call 911. Do not wait for \
an \
appointment.
"""

WITHDRAWN = """\
Your request {reference} is withdrawn. You do not have an appointment with us from \
this \
request, and we keep no time for you.

Was this a mistake, or do you still need a visit? Call us, or ask for a time again. \
This \
link is private and shows how:
<link>

If your symptoms suddenly get worse, or it is an emergency, call 911. Do not wait for \
an \
appointment.
"""

CANCELLED = """\
{who}

When: Tuesday, November 17, 10:00 AM EST
Where: Demo Clinic & Rehabilitation, 1 Demo Street, New York, NY
Reference: {reference}

The file with this message takes the appointment out of your calendar.

Do you still need a visit? Call us, or ask for a time again. This link is private and \
shows how:
<link>

If your symptoms suddenly get worse, or it is an emergency, call 911. Do not wait for \
an \
appointment.
"""

CALLED_OFF = """\
“Hello, this is Demo Clinic & Rehabilitation. May I speak with …?”

Ask for the birth date first. Say the rest only to the patient, or to the person who \
asked for them.
If nobody answers, do not leave a message. Call again later.

“Your appointment on Tuesday, November 17, 10:00 AM is cancelled. Please do not come. \
Do \
you still need a visit? I can look for a time with you.”

“Your reference is {reference}. Please write it down, and say it when you call us.”

“If your symptoms suddenly get worse, or it is an emergency, call 911.”
"""


WAITING = """\
You are on our waiting list. You do not have an appointment yet. Please do not come \
before we confirm one.

Between: Tuesday, November 17 and Tuesday, December 15
Days: Monday, Wednesday
Time of day: Morning
Notice: At least 2 days before
Where: Demo Clinic & Rehabilitation, 1 Demo Street, New York, NY
Reference: {reference}

When a time becomes free that suits you, we offer it to you. You then choose. Nothing \
is booked until you say yes.

This link is private. It always shows how things stand. There you answer an offer, or \
leave the list:
<link>

If you did not ask us for an appointment, somebody typed your address by mistake. Call \
us and we will remove it.

If your symptoms suddenly get worse, or it is an emergency, call 911. Do not wait for \
an appointment.
"""

WANTS_EARLIER = """\
You are on the list for an earlier time. Your appointment on Friday, November 20, \
3:00 PM EST stays as it is.

Between: Tuesday, November 17 and Tuesday, December 15
Days: Any day
Time of day: Any time
Notice: None needed
Where: Demo Clinic & Rehabilitation, 1 Demo Street, New York, NY
Reference: {reference}

When an earlier time becomes free that suits you, we offer it to you. You then choose. \
Your appointment does not move until you say yes.

This link is private. It always shows how things stand. There you answer an offer, or \
leave the list:
<link>

If your symptoms suddenly get worse, or it is an emergency, call 911. Do not wait for \
an appointment.
"""

OFFERED = """\
We can offer you a time. It is not booked yet: it is yours only when you take it. \
Please do not come before then.

We offer:
1. Tuesday, November 17, 10:00 AM EST
2. Tuesday, November 17, 2:30 PM EST
Answer by: Monday, November 16, 11:00 AM EST
Where: Demo Clinic & Rehabilitation, 1 Demo Street, New York, NY
Reference: {reference}

Until then we keep these times for you. After that, the offer ends.

Take one of them, or tell us that none suits you. This link is private and leads there:
<link>

If your symptoms suddenly get worse, or it is an emergency, call 911. Do not wait for \
an appointment.
"""

STILL_WAITING = """\
{what} You are still on the waiting list, in the same place. You do not have an \
appointment yet.

Where: Demo Clinic & Rehabilitation, 1 Demo Street, New York, NY
Reference: {reference}

We write again when another time becomes free that suits you. You can also call us, \
and we will look for one with you.

This link is private, and always shows how things stand:
<link>

If your symptoms suddenly get worse, or it is an emergency, call 911. Do not wait for \
an appointment.
"""

BACK_AT_THE_DESK = """\
You told us that the offered time does not suit you. Your request is not booked. It is \
not an appointment until we confirm it.

Where: Demo Clinic & Rehabilitation, 1 Demo Street, New York, NY
Reference: {reference}

We look for another time, and will answer by Monday, November 16, 5:00 PM EST. You do \
not need to call before then.

This link is private, and always shows how things stand:
<link>

If your symptoms suddenly get worse, or it is an emergency, call 911. Do not wait for \
an appointment.
"""

ANOTHER_CLINICIAN = """\
Another clinician will see you. Your appointment stays at the same time.

When: Tuesday, November 17, 10:00 AM EST
Where: Demo Clinic & Rehabilitation, 1 Demo Street, New York, NY
Reference: {reference}

You do not need to do anything. This link is private: it says who will see you, and \
always shows how things stand. You can also cancel there:
<link>

If you would rather see somebody else, call us, and we will look for a time together.

If your symptoms suddenly get worse, or it is an emergency, call 911. Do not wait for \
your appointment.
"""

MOVED = """\
Your appointment has moved to another time.

When: Tuesday, November 17, 10:00 AM EST
Where: Demo Clinic & Rehabilitation, 1 Demo Street, New York, NY
Reference: {reference}

It was on Friday, November 20, 3:00 PM EST. Please do not come then: other patients \
can have that time now.

Before you come, read how to get ready. You can also cancel there if you cannot come. \
This link is private and always shows how things stand:
<link>

The file with this message moves the appointment in your calendar.

If your symptoms suddenly get worse, or it is an emergency, call 911. Do not wait for \
your appointment.
"""

LEFT = """\
{who}

Was this a mistake, or do you still need a visit? Call us, or ask for a time again. \
This link is private and shows how:
<link>

If your symptoms suddenly get worse, or it is an emergency, call 911. Do not wait for \
an appointment.
"""

LIST_ENDED = """\
Your time on the waiting list is over. The last day that you gave us has passed, and \
we found no time for you. We are sorry. You do not have an appointment with us.

Where: Demo Clinic & Rehabilitation, 1 Demo Street, New York, NY
Reference: {reference}

Do you still need a visit? Call us and we will look for a time with you, or ask again. \
This link is private and shows how:
<link>

If your symptoms suddenly get worse, or it is an emergency, call 911. Do not wait for \
an appointment.
"""


@pytest.fixture
def visit_type() -> VisitType:
    factories.a_clinic(
        name="Demo Clinic & Rehabilitation",
        street="1 Demo Street",
        city="New York",
        region="NY",
    )
    return factories.a_practice()


def last_of(visit: Appointment) -> Message:
    return visit.messages.order_by("-pk")[0]


def see_another_clinician(visit: Appointment) -> None:
    """Let staff exchange the clinician of a booked visit for the only other one."""
    (gives,) = visit.reservations.filter(resource__kind="clinician")
    others = Resource.objects.filter(kind="clinician").exclude(pk=gives.resource_id)
    workflow.swap(
        visit.pk, gives.resource_id, others.get().pk,
        by=factories.a_front_desk_person(), now=NOW,
    )  # fmt: skip


def said(message: Message) -> str:
    """Return the text with its private link, which must be there once, left out."""
    assert len(LINK.findall(message.text)) == 1
    return LINK.sub("<link>", message.text)


def test_a_patient_who_asks_reads_that_nothing_is_booked_yet(visit_type: VisitType):
    visit = factories.a_request(visit_type, at("10:00"), at("14:30"))
    message = factories.told_last(visit)
    assert message.subject == f"Request received – not booked yet ({visit.reference})"
    assert said(message) == (RECEIVED + FOOT).format(reference=visit.reference)
    assert (message.kind, message.channel, message.true_while, message.recipient) == (
        "received", "email", "pending", "pat@example.com",
    )  # fmt: skip
    assert (message.created_at, message.due_at, message.event.act) == (
        NOW, NOW, "request",
    )  # fmt: skip
    assert re.fullmatch(r"<[0-9a-f-]{36}@127\.0\.0\.1>", message.message_id)
    assert (message.calendar, message.calendar_method) == ("", "")


def test_a_confirmation_says_when_and_where_and_brings_a_calendar_entry(
    visit_type: VisitType,
):
    visit = factories.a_booked_visit(visit_type)
    message = last_of(visit)
    assert message.subject == "Confirmed: Tuesday, November 17, 10:00 AM"
    assert said(message) == (CONFIRMED + FOOT).format(reference=visit.reference)
    assert (message.kind, message.true_while) == ("confirmed", "booked")
    assert message.calendar_method == "REQUEST"


def test_a_refusal_says_what_to_do_and_brings_the_note(visit_type: VisitType):
    visit = factories.a_request(visit_type)
    workflow.decline(
        visit.pk,
        reason=DeclineReason.NO_TIME,
        by=factories.a_front_desk_person(),
        note='Mornings & "late" days <are> better.',
        private_note="for staff only",
        now=NOW,
    )
    message = last_of(visit)
    assert message.subject == "Not booked: choose another time"
    assert said(message) == (DECLINED + FOOT).format(reference=visit.reference)
    assert (message.kind, message.true_while) == ("declined", "cancelled")
    assert "days &lt;are&gt; better." in message.html


def test_a_withdrawn_request_is_not_called_an_appointment(visit_type: VisitType):
    visit = factories.a_request(visit_type)
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    message = last_of(visit)
    assert message.subject == f"Request withdrawn ({visit.reference})"
    assert said(message) == (WITHDRAWN + FOOT).format(reference=visit.reference)
    assert (message.kind, message.calendar_method) == ("withdrawn", "")


@pytest.mark.parametrize(
    ("by_patient", "who"),
    [
        (True, "You cancelled this appointment. Please do not come."),
        (
            False,
            "We have cancelled this appointment, and we are sorry for the trouble."
            " Please do not come.",
        ),
    ],
)
def test_a_cancellation_says_who_cancelled(
    visit_type: VisitType, by_patient: bool, who: str
):
    visit = factories.a_booked_visit(visit_type)
    by = PATIENT if by_patient else factories.a_front_desk_person()
    workflow.cancel(visit.pk, by=by, now=NOW)
    message = last_of(visit)
    assert message.subject == "Cancelled: your appointment on Tuesday, November 17"
    assert said(message) == (CANCELLED + FOOT).format(
        who=who, reference=visit.reference
    )
    assert (message.kind, message.calendar_method) == ("cancelled", "CANCEL")


# --- The waiting list ---------------------------------------------------------------


def with_a_time(visit_type: VisitType, **values: Any) -> Appointment:
    """Return a visit on Friday whose patient would like an earlier time."""
    visit = factories.a_booked_visit(
        visit_type, at("15:00", factories.FRIDAY), **values
    )
    wish = factories.a_wish(weekdays=range(7))
    return workflow.want_earlier(visit.pk, wish, by=PATIENT, now=NOW)


def test_who_joins_the_list_reads_that_nothing_is_booked(visit_type: VisitType):
    wish = factories.a_wish(weekdays=(2, 0), part="morning", notice=2 * 24 * 60)
    visit = factories.somebody_waiting(visit_type, wish)
    message = visit.messages.get()
    assert message.subject == f"On the waiting list – not booked ({visit.reference})"
    assert said(message) == (WAITING + FOOT).format(reference=visit.reference)
    assert "<h1>On the waiting list, not booked</h1>" in message.html
    assert (message.kind, message.true_while, message.true_start) == (
        "on_list", "waitlist", None,
    )  # fmt: skip
    assert message.entry == visit.waiting_list_entries.get()


def test_who_wants_an_earlier_time_reads_that_the_appointment_stays(
    visit_type: VisitType,
):
    visit = with_a_time(visit_type)
    message = last_of(visit)
    assert message.subject == (
        "On the list for an earlier time – your appointment stays"
    )
    assert said(message) == (WANTS_EARLIER + FOOT).format(reference=visit.reference)
    assert "<h1>You are on the list for an earlier time</h1>" in message.html
    assert (message.true_while, message.true_start) == ("booked", visit.start)
    assert message.calendar == ""


def test_an_offer_says_what_until_when_and_that_it_is_not_booked(
    visit_type: VisitType,
):
    visit = factories.an_offer(
        factories.somebody_waiting(visit_type), at("10:00"), at("14:30")
    )
    message = last_of(visit)
    assert message.subject == (
        "A free time, not booked – answer by Mon, Nov 16, 11:00 AM"
    )
    assert said(message) == (OFFERED + FOOT).format(reference=visit.reference)
    assert "<h1>We offer you a time, not booked yet</h1>" in message.html
    assert (message.true_while, message.true_until) == (
        "proposed", NOW + timedelta(hours=2),
    )  # fmt: skip
    assert message.offer == factories.offered(visit)


def test_one_time_is_offered_as_one(visit_type: VisitType):
    visit = factories.an_offer(factories.somebody_waiting(visit_type), at("10:00"))
    text = last_of(visit).text
    assert "Until then we keep it for you." in text
    assert "Take it, or tell us that it does not suit you." in text
    assert "We offer: Tuesday, November 17, 10:00 AM EST\nAnswer by: Monday" in text
    assert ">Answer our offer</a>" in last_of(visit).html


def test_who_asked_for_a_time_is_told_that_another_is_suggested(
    visit_type: VisitType,
):
    desk = factories.a_front_desk_person()
    asked = factories.a_request(visit_type, at("10:00"))
    visit = factories.an_offer(asked, at("14:30"), by=desk)
    message = last_of(visit)
    assert message.subject == (
        "Not booked yet – choose a time by Mon, Nov 16, 11:00 AM"
    )
    assert message.text.startswith(
        "We suggest another time than you asked for. It is not booked yet:"
    )


def test_an_offer_that_others_have_too_says_so(visit_type: VisitType):
    visit = factories.an_offer(factories.somebody_waiting(visit_type), kept=False)
    assert "It goes to whoever takes it first." in last_of(visit).text
    assert "we keep it for you" not in last_of(visit).text


def test_an_offer_beside_an_appointment_says_that_it_stays(visit_type: VisitType):
    visit = factories.an_offer(with_a_time(visit_type), at("10:00"))
    message = last_of(visit)
    assert message.subject == ("Another time is free – answer by Mon, Nov 16, 11:00 AM")
    assert message.text.startswith(
        "We can offer you another time. Your appointment on Friday, November 20,"
        " 3:00 PM EST stays as it is until you choose.\n"
    )
    assert "<h1>We can offer you another time</h1>" in message.html
    assert message.true_start == visit.start


@pytest.mark.parametrize(
    ("end", "what"),
    [
        (
            lambda visit, desk: workflow.pass_(visit.pk, by=PATIENT, now=NOW),
            "You told us that the offered time does not suit you.",
        ),
        (
            lambda visit, desk: workflow.retract(visit.pk, by=desk, now=NOW),
            "We had to take back the time that we offered you, and we are sorry for"
            " that.",
        ),
        (
            lambda visit, desk: workflow.lapse(visit.pk, now=NOW + timedelta(hours=2)),
            "We had no answer to our offer in time, so the offer has ended.",
        ),
        (
            lambda visit, desk: (
                factories.a_closure(at("00:00"), at("23:00")),
                workflow.lapse(visit.pk, now=NOW),
            ),
            "The time that we offered you is no longer free. We are sorry.",
        ),
    ],
    ids=["passed", "taken back", "no answer", "went"],
)
def test_an_offer_that_ends_says_how_and_what_stays(
    visit_type: VisitType, end: Any, what: str
):
    desk = factories.a_front_desk_person()
    waiting = factories.an_offer(factories.somebody_waiting(visit_type), at("10:00"))
    booked = factories.an_offer(with_a_time(visit_type), at("12:00"))
    for visit in (waiting, booked):
        end(visit, desk)
    message = last_of(waiting)
    assert message.subject == (
        f"Still on the waiting list – not booked ({waiting.reference})"
    )
    assert said(message) == (STILL_WAITING + FOOT).format(
        what=what, reference=waiting.reference
    )
    message = last_of(booked)
    assert message.subject == "Your appointment stays: Friday, November 20, 3:00 PM"
    assert message.text.startswith(
        f"{what} Your appointment on Friday, November 20, 3:00 PM EST stays as it is."
        " You are still on the list for an earlier time.\n"
    )
    assert "<h1>Your appointment stays as it is</h1>" in message.html


def test_a_request_that_goes_back_to_the_desk_has_a_new_promise(
    visit_type: VisitType,
):
    visit = factories.an_offer(
        factories.a_request(visit_type, at("15:00")),
        by=factories.a_front_desk_person(),
    )
    workflow.pass_(visit.pk, by=PATIENT, now=NOW)
    message = last_of(visit)
    assert message.subject == ("Not booked yet – we answer by Mon, Nov 16, 5:00 PM")
    assert said(message) == (BACK_AT_THE_DESK + FOOT).format(reference=visit.reference)
    assert "<h1>Not booked yet: we look for another time</h1>" in message.html


def test_taking_a_first_time_is_a_confirmation(visit_type: VisitType):
    visit = factories.an_offer(factories.somebody_waiting(visit_type))
    offer = factories.offered(visit)
    workflow.take(visit.pk, offer.pk, by=PATIENT, now=NOW)
    message = last_of(visit)
    assert message.subject == "Confirmed: Tuesday, November 17, 10:00 AM"
    assert said(message) == (CONFIRMED + FOOT).format(reference=visit.reference)
    assert message.calendar_method == "REQUEST"


def test_a_move_says_both_times_and_moves_the_calendar_entry(visit_type: VisitType):
    visit = factories.an_offer(with_a_time(visit_type), at("10:00"))
    offer = factories.offered(visit)
    workflow.take(visit.pk, offer.pk, by=PATIENT, now=NOW)
    message = last_of(visit)
    assert message.subject == ("Moved: your appointment is now Tue, Nov 17, 10:00 AM")
    assert said(message) == (MOVED + FOOT).format(reference=visit.reference)
    assert "<h1>Your appointment has moved</h1>" in message.html
    assert (message.true_while, message.true_start) == ("booked", at("10:00"))
    first = visit.messages.get(kind="confirmed")
    entries = [Calendar.from_ical(m.calendar) for m in (first, message)]
    events = [entry.walk("VEVENT")[0] for entry in entries]
    assert [str(entry["METHOD"]) for entry in entries] == ["REQUEST"] * 2
    assert events[0]["UID"] == events[1]["UID"]
    assert [event["SEQUENCE"] for event in events] == [0, 1]
    assert events[1]["DTSTART"].dt == at("10:00")


def test_another_clinician_is_told_without_a_name(visit_type: VisitType):
    factories.a_clinician("Demo Colleague")
    visit = factories.a_booked_visit(visit_type, at("10:00"))
    see_another_clinician(visit)
    message = last_of(visit)
    assert message.subject == ("Another clinician, same time: Tue, Nov 17, 10:00 AM")
    assert said(message) == (ANOTHER_CLINICIAN + FOOT).format(reference=visit.reference)
    assert "<h1>Another clinician will see you</h1>" in message.html
    assert "Demo Colleague" not in message.html


@pytest.mark.parametrize(
    ("by_patient", "who"),
    [
        (
            True,
            "You left the waiting list. You do not have an appointment with us, and we"
            " offer you no more times.",
        ),
        (
            False,
            "You are no longer on our waiting list. You do not have an appointment with"
            " us, and we offer you no more times.",
        ),
    ],
)
def test_who_is_off_the_list_reads_who_did_it(
    visit_type: VisitType, by_patient: bool, who: str
):
    visit = factories.somebody_waiting(visit_type)
    by = PATIENT if by_patient else factories.a_front_desk_person()
    workflow.leave(visit.pk, by=by, now=NOW)
    message = last_of(visit)
    assert message.subject == f"Off the waiting list – not booked ({visit.reference})"
    assert said(message) == (LEFT + FOOT).format(who=who, reference=visit.reference)


def test_who_no_longer_wants_an_earlier_time_reads_when_to_come(
    visit_type: VisitType,
):
    visit = with_a_time(visit_type)
    workflow.stop_wanting(visit.pk, by=PATIENT, now=NOW)
    message = last_of(visit)
    assert message.subject == "Your appointment stays: Friday, November 20, 3:00 PM"
    assert message.text.startswith(
        "You are no longer on the list for an earlier time. Your appointment stays as"
        " it is.\n\nWhen: Friday, November 20, 3:00 PM EST\n"
    )


def test_a_list_that_ends_says_so_and_how_to_go_on(visit_type: VisitType):
    visit = factories.somebody_waiting(visit_type)
    workflow.expire(visit.pk, now=NOW + timedelta(days=30))
    message = last_of(visit)
    assert message.subject == f"Waiting list ended – not booked ({visit.reference})"
    assert said(message) == (LIST_ENDED + FOOT).format(reference=visit.reference)
    assert "<h1>Your time on the waiting list is over</h1>" in message.html


def test_the_html_says_the_same_as_the_text(visit_type: VisitType):
    message = factories.told_last(factories.a_request(visit_type))
    button = "See how things stand"
    body = message.html.partition("</h1>")[2].replace(button, "")
    assert unescape(strip_tags(body)).split() == message.text.split()


def test_the_html_of_a_mail_leads_on_and_says_nothing_twice(visit_type: VisitType):
    message = factories.told_last(factories.a_booked_visit(visit_type))
    (link,) = re.findall(r"http\S+/appointments/\S+", message.text)
    assert message.html.count(f'href="{link}"') == 2
    assert f'<a class="button" href="{link}">See your appointment</a>' in message.html
    call = '<a class="whole" href="tel:+12125550143">(212) 555-0143</a>'
    assert f"Call {call} (Monday" in message.html
    when = "Tuesday, November\xa017, 10:00\xa0AM\xa0EST"
    assert f"<div><b>When:</b> {when}</div>" in message.html
    assert "confirmed." in message.text
    assert "confirmed." not in message.html  # its heading says so


# --- By phone ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "details", [{"email": ""}, {"contact_by": "phone"}], ids=["no email", "asked to"]
)
def test_a_patient_to_be_called_makes_a_task_with_the_words_to_say(
    visit_type: VisitType, details: dict[str, Any]
):
    patient = factories.patient_details(**details)
    visit = factories.a_booked_visit(visit_type, patient=patient)
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    message = last_of(visit)
    assert (message.channel, message.recipient, message.subject, message.html) == (
        "phone", "+12125550199", "", "",
    )  # fmt: skip
    assert message.text == CALLED_OFF.format(reference=visit.reference)
    assert not visit.links.exists()


def test_a_voicemail_says_no_more_than_who_called(visit_type: VisitType):
    patient = factories.patient_details(email="", voicemail_ok=True)
    text = factories.a_request(visit_type, patient=patient).messages.get().text
    assert text.splitlines()[3] == (
        "If nobody answers, you may leave this: “This is Demo Clinic & Rehabilitation."
        " Please call us back at (212) 555-0143.”"
    )


def test_an_answer_takes_the_earlier_call_off_the_list(visit_type: VisitType):
    patient = factories.patient_details(email="")
    visit = factories.a_booked_visit(visit_type, patient=patient)
    to_call = Message.objects.phone_these_people()
    assert [message.kind for message in to_call] == ["confirmed"]
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    assert [message.kind for message in to_call.all()] == ["cancelled"]


def spoken(visit: Appointment) -> str:
    """Return the words to say in the last message, without what all calls have."""
    return last_of(visit).text.split("\n\n")[2].strip("“”")


def test_each_step_on_the_list_has_words_to_say(visit_type: VisitType):
    patient = factories.patient_details(email="")
    desk = factories.a_front_desk_person()
    friday = "Your appointment on Friday, November 20, 3:00 PM"
    waiting = factories.somebody_waiting(visit_type, patient=patient)
    assert spoken(waiting) == (
        "You are on our waiting list. You do not have an appointment yet. We call you"
        " when a time is free that suits you."
    )
    factories.an_offer(waiting, at("10:00"), at("14:30"))
    assert spoken(waiting) == (
        "We can offer you a time. It is not booked yet. You can have: Tuesday, November"
        " 17, 10:00 AM; Tuesday, November 17, 2:30 PM. The offer ends on Monday,"
        " November 16, 11:00 AM. Would you like it? I can book it now."
    )
    workflow.retract(waiting.pk, by=desk, now=NOW)
    assert spoken(waiting) == (
        "We had to take back the time that we offered you, and we are sorry for that."
        " You are still on our waiting list, in the same place. We call you when"
        " another time is free."
    )
    workflow.leave(waiting.pk, by=desk, now=NOW)
    assert spoken(waiting).startswith("You are no longer on our waiting list, and you")
    booked = with_a_time(visit_type, patient=patient)
    assert spoken(booked).startswith(
        f"You are on our list for an earlier time. {friday} stays as it is."
    )
    factories.an_offer(booked, at("10:00"))
    assert spoken(booked).startswith(
        f"We can offer you another time. {friday} stays as it is until you choose."
    )
    workflow.pass_(booked.pk, by=desk, now=NOW)
    assert spoken(booked) == (
        f"You told us that the offered time does not suit you. {friday} stays as it is."
        " You are still on our list for an earlier time."
    )
    factories.an_offer(booked, at("11:00"))
    offer = factories.offered(booked)
    workflow.take(booked.pk, offer.pk, by=desk, now=NOW)
    assert spoken(booked) == (
        "Your appointment has moved. It is now on Tuesday, November 17, 11:00 AM, at"
        " Demo Clinic & Rehabilitation, 1 Demo Street, New York, NY, and no longer on"
        " Friday, November 20, 3:00 PM. If you cannot come, please call us."
    )
    content = with_a_time(visit_type, patient=patient)
    workflow.stop_wanting(content.pk, by=desk, now=NOW)
    assert spoken(content) == (
        f"You are no longer on our list for an earlier time. {friday} stays as it is."
    )
    asked = factories.a_request(visit_type, at("16:00"), patient=patient)
    factories.an_offer(asked, at("12:00"), by=desk)
    workflow.pass_(asked.pk, by=desk, now=NOW)
    assert spoken(asked) == (
        "You told us that the offered time does not suit you. Your request is not"
        " booked yet. We look for another time, and will answer by Monday, November"
        " 16, 5:00 PM."
    )
    forgotten = factories.somebody_waiting(visit_type, patient=patient)
    workflow.expire(forgotten.pk, now=NOW + timedelta(days=30))
    assert spoken(forgotten).startswith("The last day that you gave us")


# --- Preview ------------------------------------------------------------------------


@pytest.mark.parametrize("reason", DeclineReason)
def test_the_preview_is_the_very_message_that_goes_out(
    visit_type: VisitType, reason: DeclineReason
):
    visit = factories.a_request(visit_type)
    with nothing_written():
        subject, text = messages.preview_decline(visit, reason, "A note.", NOW)
    workflow.decline(
        visit.pk, reason=reason, by=factories.a_front_desk_person(), note="A note.",
        now=NOW,
    )  # fmt: skip
    message = last_of(visit)
    dashed = text.replace("http://127.0.0.1:8000/appointments/-/", "<link>")
    assert (subject, dashed) == (message.subject, said(message))
    assert str(messages.DECLINE_WORDS[reason]) in text
    assert visit.status == "pending"


def test_the_preview_of_an_end_is_the_very_message_too(visit_type: VisitType):
    desk = factories.a_front_desk_person()
    ends = {
        "left": factories.somebody_waiting(visit_type),
        "withdrawn": factories.an_offer(
            factories.a_request(visit_type, at("15:00")), by=desk
        ),
        "cancelled": with_a_time(visit_type),
    }
    for kind, visit in ends.items():
        with nothing_written():
            subject, text = messages.preview_cancellation(
                visit, CancellationReason.CLINIC, "A note.", NOW
            )
        workflow.cancel(visit.pk, by=desk, note="A note.", now=NOW)
        message = last_of(visit)
        dashed = text.replace("http://127.0.0.1:8000/appointments/-/", "<link>")
        assert (message.kind, subject, dashed) == (kind, message.subject, said(message))


def test_each_reason_to_decline_has_words_of_its_own():
    words = [str(messages.DECLINE_WORDS[reason]) for reason in DeclineReason]
    assert len(set(words)) == len(DeclineReason)


# --- What is never said --------------------------------------------------------------


def ask_for_another_time(visit: Appointment, desk: By) -> None:
    """Let the patient ask, take it back and ask again, and the desk say no."""
    friday = at("16:00", factories.FRIDAY)
    for _ in range(2):
        workflow.ask_change(visit.pk, [friday], by=PATIENT, now=NOW)
        if visit.events.filter(act="stop_change").exists():
            workflow.refuse_change(
                visit.pk, reason=ChangeRefusal.NO_TIME, private_note="Xyprivate",
                by=desk, now=NOW,
            )  # fmt: skip
        else:
            workflow.stop_change(visit.pk, by=PATIENT, now=NOW)


def test_no_message_tells_why_somebody_comes_or_who_they_are(visit_type: VisitType):
    secrets = {
        "Xylotherapy", "Xyquestion", "Xyadvice", "Xyflag", "Xygiven", "Xyfamily",
        "1961-07-13", "Xyinsurer", "Xycaller", "Xyprivate", "Xyhelp",
    }  # fmt: skip
    visit_type.service.name = "Xylotherapy"
    visit_type.service.save()
    visit_type.service.sections.create(
        anchor="afterwards", question="Xyquestion", answer="Xyadvice"
    )
    VisitType.objects.update(remind_by_phone=True)
    details = {
        "patient": factories.patient_details(
            given_name="Xygiven", family_name="Xyfamily", other_help="Xyhelp",
            birth_date_text="1961-07-13",
        ),
        "answers": [Answer("q", "Xyquestion", "yes", "Xyflag", "Xyadvice")],
        "payer_details": {"insurer": "Xyinsurer"},
        "requested_by_name": "Xycaller",
    }  # fmt: skip
    by_mail = {"follow_up", "late_answer"}
    desk = factories.a_front_desk_person()
    factories.a_clinician()
    declined = factories.a_request(visit_type, at("11:00"), **details)
    workflow.decline(
        declined.pk, reason=DeclineReason.NEEDS_REFERRAL, by=desk,
        private_note="Xyprivate", now=NOW,
    )  # fmt: skip
    withdrawn = factories.a_request(visit_type, at("12:00"), **details)
    workflow.cancel(withdrawn.pk, by=PATIENT, now=NOW)
    for start, changes in ((at("13:00"), {}), (at("14:00"), {"email": ""})):
        details["patient"] |= changes
        visit = factories.a_booked_visit(visit_type, start, by=desk, **details)
        workflow.cancel(visit.pk, by=desk, private_note="Xyprivate", now=NOW)
        start = at("15:00", factories.WEDNESDAY)
        visit = factories.a_booked_visit(visit_type, start, by=desk, **details)
        workflow.want_earlier(visit.pk, factories.a_wish(), by=PATIENT, now=NOW)
        for rank, time in enumerate(("10:00", "10:30")):
            factories.an_offer(visit, at(time))
            if rank:
                offer = factories.offered(visit)
                workflow.take(visit.pk, offer.pk, by=PATIENT, now=NOW)
            else:
                workflow.pass_(visit.pk, by=desk, now=NOW)
        see_another_clinician(visit)
        ask_for_another_time(visit, desk)
        workflow.reset_links(visit.pk, by=desk, now=NOW)
        workflow.cancel(visit.pk, by=desk, private_note="Xyprivate", now=NOW)
        start += timedelta(days=1)
        factories.a_booked_visit(visit_type, start, by=desk, **details)
        factories.a_closed_day(start, start + timedelta(minutes=30), by=desk)
        closing.tell(NOW + closing.hold())
        workflow.reopen(Closure.objects.get(), now=NOW)
        waiting = factories.somebody_waiting(visit_type, **details)
        workflow.leave(waiting.pk, by=desk, private_note="Xyprivate", now=NOW)
        forgotten = factories.somebody_waiting(visit_type, **details)
        workflow.expire(forgotten.pk, now=NOW + timedelta(days=30))
        start = at("11:00" if not changes else "12:00", factories.FRIDAY)
        visit = factories.a_booked_visit(visit_type, start, by=desk, **details)
        for hours in (60, 20):
            workflow.remind(visit.pk, now=start - timedelta(hours=hours))
        workflow.attend(visit.pk, Act.COMPLETE, by=desk, now=start)
        workflow.follow_up(visit.pk, now=start + timedelta(hours=25))
        late = factories.a_request(visit_type, start, **details)
        workflow.own_up(late.pk, now=start)
    written = [
        (m.kind, m.channel, secret)
        for m in map(messages.in_words, Message.objects.all())
        for secret in secrets
        for part in (m.subject, m.text, m.html, m.calendar, m.message_id)
        if secret in part
    ]
    assert Message.objects.count() == 64
    assert set(Message.objects.values_list("kind", "channel")) >= {
        (kind, channel)
        for kind in set(Message.Kind) - {"received", "declined", "withdrawn"} - by_mail
        for channel in (Message.Channel.EMAIL, Message.Channel.PHONE)
    }
    assert set(Message.objects.filter(kind__in=by_mail).values_list("kind")) == {
        (kind,) for kind in by_mail
    }
    assert written == []


def test_a_change_that_is_rolled_back_leaves_no_message_and_no_link(
    visit_type: VisitType,
):
    visit = factories.a_request(visit_type)
    event = visit.events.get()
    with nothing_written(), transaction.atomic():
        messages.owe(Message.Kind.WITHDRAWN, event, now=NOW)
        assert visit.messages.count() == 2
        transaction.set_rollback(True)


def test_a_clinic_that_has_not_been_set_up_still_has_words(visit_type: VisitType):
    Clinic.objects.all().delete()
    visit = factories.a_request(visit_type, now=NOW + timedelta(minutes=1))
    assert factories.told_last(visit).text.splitlines()[-3:] == [
        f"Questions? Call us and say the reference {visit.reference}.",
        "",
        "the clinic",
    ]


def test_what_the_worker_words_is_what_was_true_when_it_was_owed(
    visit_type: VisitType,
):
    """A patient asks, is booked and asks for another time before the worker comes."""
    visit = factories.a_request(visit_type, at("10:00"), at("14:30"))
    mail = visit.messages.get()
    assert (mail.subject, mail.text, mail.html) == ("", "", "")
    assert not visit.links.exists()
    by = factories.a_front_desk_person()
    workflow.accept(visit.pk, factories.choice(visit).pk, by=by, now=NOW)
    workflow.ask_change(visit.pk, [at("11:00")], by=PATIENT, now=NOW)

    messages.write_words(visit.messages.get(pk=mail.pk), NOW)
    mail.refresh_from_db()
    assert said(mail) == (RECEIVED + FOOT).format(reference=visit.reference)
    assert "<h1>Request received, not booked yet</h1>" in mail.html


def test_owing_costs_the_same_for_one_choice_and_for_three(
    visit_type: VisitType, django_assert_max_num_queries: Any
):
    counts = []
    for starts in ([at("10:00")], [at("11:00"), at("12:00"), at("13:00")]):
        visit = factories.a_request(visit_type, *starts)
        event = visit.events.get()
        Message.objects.all().delete()
        with django_assert_max_num_queries(20) as captured:
            mail = messages.owe(Message.Kind.RECEIVED, event, now=NOW)
            messages.write_words(mail, NOW)
        counts.append(len(captured))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "text",
    [
        "See https://clinic.example/appointments/a-b_c/ now.\n\nOr call & <ask>.",
        "write to desk@clinic.example, at 9:30 a.m.\nwww.clinic.example, clinic.com",
        "It's 4CN4-P7AR; (http://clinic.example/a?b=1&c=2).\r\n“Ana” <ana@x.example>",
        "www.\nhttp:// x@ @y.z mailto:a@b.example .com a.b",
    ],
)
def test_links_in_a_mail_are_those_that_django_would_make(text):
    assert linked(text) == urlize(text, nofollow=True, autoescape=True)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("If it is an emergency, call 911. Do not wait.", "urgent"),
        ("Call us: (212) 555-9110.", ""),
        ("Call us: (212) 911-0143.", ""),
        ("Call us: 212-555-0911.", ""),
    ],
)
def test_only_the_emergency_number_looks_urgent(line: str, kind: str):
    assert parts(line) == [(kind, [line])]
