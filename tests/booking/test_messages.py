"""What patients are told: the whole words of each message, and what is never in one."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import transaction
from django.utils.html import strip_tags

from booking import messages, workflow
from booking.models import Appointment, Message, VisitType
from booking.policy import DeclineReason
from booking.workflow import PATIENT, Answer
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

This link is private. It shows what became of your request and how to ask again:
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


def said(message: Message) -> str:
    """Return the text with its private link, which must be there once, left out."""
    assert len(LINK.findall(message.text)) == 1
    return LINK.sub("<link>", message.text)


def test_a_patient_who_asks_reads_that_nothing_is_booked_yet(visit_type: VisitType):
    visit = factories.a_request(visit_type, at("10:00"), at("14:30"))
    message = visit.messages.get()
    assert message.subject == (
        "Request received – not booked yet, answer by Mon, Nov 16, 5:00 PM"
        f" ({visit.reference})"
    )
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


def test_the_html_says_the_same_as_the_text(visit_type: VisitType):
    message = factories.a_request(visit_type).messages.get()
    written = unescape(
        strip_tags(message.html.partition("</h1>")[2].replace("<br>", " "))
    )
    assert written.split() == message.text.split()


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


def test_each_reason_to_decline_has_words_of_its_own():
    words = [str(messages.DECLINE_WORDS[reason]) for reason in DeclineReason]
    assert len(set(words)) == len(DeclineReason)


# --- What is never said --------------------------------------------------------------


def test_no_message_tells_why_somebody_comes_or_who_they_are(visit_type: VisitType):
    secrets = {
        "Xylotherapy", "Xyquestion", "Xyadvice", "Xyflag", "Xygiven", "Xyfamily",
        "1961-07-13", "Xyinsurer", "Xycaller", "Xyprivate", "Xyhelp",
    }  # fmt: skip
    visit_type.service.name = "Xylotherapy"
    visit_type.service.save()
    details = {
        "patient": factories.patient_details(
            given_name="Xygiven", family_name="Xyfamily", other_help="Xyhelp",
            birth_date_text="1961-07-13",
        ),
        "answers": [Answer("q", "Xyquestion", "yes", "Xyflag", "Xyadvice")],
        "payer_details": {"insurer": "Xyinsurer"},
        "requested_by_name": "Xycaller",
    }  # fmt: skip
    desk = factories.a_front_desk_person()
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
    written = [
        (m.kind, m.channel, secret)
        for m in Message.objects.all()
        for secret in secrets
        for part in (m.subject, m.text, m.html, m.calendar, m.message_id)
        if secret in part
    ]
    assert Message.objects.count() == 10
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
    assert visit.messages.get().text.splitlines()[-3:] == [
        f"Questions? Call us and say the reference {visit.reference}.",
        "",
        "the clinic",
    ]


def test_owing_costs_the_same_for_one_choice_and_for_three(
    visit_type: VisitType, django_assert_max_num_queries: Any
):
    counts = []
    for starts in ([at("10:00")], [at("11:00"), at("12:00"), at("13:00")]):
        visit = factories.a_request(visit_type, *starts)
        event = visit.events.get()
        Message.objects.all().delete()
        with django_assert_max_num_queries(20) as captured:
            messages.owe(Message.Kind.RECEIVED, event, now=NOW)
        counts.append(len(captured))
    assert counts[0] == counts[1]
