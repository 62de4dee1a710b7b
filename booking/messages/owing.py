"""Messages as rows: owed with the change, put into words, sent to another address."""

import copy
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Exists, OuterRef

from booking import calendars, links
from booking.models import (
    Appointment,
    AppointmentEvent,
    Message,
    Patient,
    Proposal,
    TextPurpose,
    WaitingListEntry,
    may_text,
)
from booking.policy import Act, CancellationReason, Status
from services import rows

from .wording import Told, Words, reached_by, read_clinic, render, spoken_to

Kind = Message.Kind
Channel = Message.Channel

# What is said when a visit ends before it takes place, by the act that ends it.
ENDINGS = {
    Act.WITHDRAW: Kind.WITHDRAWN,
    Act.CANCEL: Kind.CANCELLED,
    Act.LEAVE: Kind.LEFT,
}

# Of what texts go out beside, to who agreed to hear of changes by text; of what the
# patient did, none.
ALSO_BY_TEXT = {
    Kind.CONFIRMED,
    Kind.MOVED,
    Kind.CANCELLED,
    Kind.CALLED_OFF,
    Kind.OFFERED,
}

# Mail that the worker puts into words: everybody waits for the last click of a request,
# and all that it says is in rows that stay as they are while it is true.
WORDED_LATER = {Kind.RECEIVED}


@dataclass(frozen=True, slots=True)
class Occasion:
    """An instant in the life of a visit that has come, in place of an event.

    What is said is about `at`, once, and is of no use from `until` on, if that is said.
    """

    appointment: Appointment
    at: datetime
    until: datetime | None = None


def owe(
    kind: Message.Kind,
    cause: "AppointmentEvent | Occasion",
    *,
    now: datetime,
    choices: Sequence[Proposal] = (),
    offers: Sequence[Proposal] = (),
    entry: WaitingListEntry | None = None,
    by_text: bool = False,
) -> Message:
    """Write what the patient has to be told because of `cause`; the worker sends it.

    Call it inside the transaction of the change, when all else is written. `choices`
    are the times that a request was made for, or a change that waits for an answer. It
    is true while the visit is in its present state and, if booked, at its present time;
    while the `offers`, which all end together, are open, or the `choices` of a change;
    and while the `entry` is.

    Who agreed to hear of changes by text gets one beside, bare and without a link;
    `by_text` is that text, or one that stands alone.

    Mail of `WORDED_LATER` is written without words and link: see `write_words`.

    A patient without an email address, or who asked to be called, makes a task for a
    person. Tasks that this change has overtaken end here; mail that it has overtaken
    ends with the worker, who alone knows whether it is on its way.
    """
    visit = cause.appointment
    event = cause if isinstance(cause, AppointmentEvent) else None
    occasion = cause if isinstance(cause, Occasion) else None
    until = occasion.until if occasion else None
    about = offers[0] if offers else None
    if choices and visit.wants_change:
        about = choices[0]
    channel = Channel.TEXT if by_text else reached_by(visit.patient)
    mail = channel == Channel.EMAIL
    method = _calendar_method(kind, visit) if mail else ""
    words, calendar = Words("", ""), ""
    if not (mail and kind in WORDED_LATER):
        clinic, week = read_clinic()
        token = links.issue(visit, now=now) if mail else ""
        told = Told(visit, event, offers, entry, choices)
        words = render(kind, told, clinic, week, channel, token, now)
        invites = method == calendars.REQUEST
        make = calendars.invite if invites else calendars.cancellation
        with spoken_to(visit.patient, channel):
            calendar = make(told.dated, clinic, now=now) if method else ""
    if event and event.version > 1:  # the first message of a visit has none before it
        overtake_calls(visit, now)
    message = rows.new(
        Message,
        appointment=visit,
        event=event,
        occasion=occasion.at if occasion else None,
        kind=kind,
        channel=channel,
        recipient=visit.patient.email if mail else visit.patient.phone,
        subject=words.subject,
        text=words.text,
        html=words.html,
        calendar=calendar,
        calendar_method=method,
        message_id=_new_message_id(),
        true_while=visit.status,
        true_start=visit.start if visit.status == Status.BOOKED else None,
        true_until=offers[0].expires_at if offers else until,
        offer=about,
        entry=entry,
        created_at=now,
        due_at=now,
    )
    rows.add(message)
    if not by_text and _is_told_by_text(kind, visit):
        owe(kind, cause, now=now, offers=offers, entry=entry, by_text=True)
    return message


def _is_told_by_text(kind: Message.Kind, visit: Appointment) -> bool:
    by_patient = visit.cancellation_reason == CancellationReason.PATIENT
    return (
        kind in ALSO_BY_TEXT
        and not (kind == Kind.CANCELLED and by_patient)
        and may_text(visit.patient, TextPurpose.CHANGES)
    )


def lacks_words(mail: Message) -> bool:
    """Tell whether mail is owed that nobody has put into words yet."""
    return not mail.text and mail.emptied_at is None


def write_words(mail: Message, now: datetime) -> None:
    """Put mail that was written without into words, with a link of its own.

    Call it with visit and message locked: so whoever ends all links of the visit ends
    this one, too, or comes first, and it goes to where the message goes now.
    """
    _fill_in(mail, links.issue(mail.appointment, now=now))
    mail.save(update_fields=["subject", "text", "html"])


def in_words(message: Message) -> Message:
    """Return a message with what it says; if it lacks words, with a dash for its link.

    Nothing is saved.
    """
    if lacks_words(message):
        _fill_in(message, "-")
    return message


def _fill_in(mail: Message, token: str) -> None:
    """Give mail the words that it would have had when its event happened."""
    assert mail.event  # noqa: S101 -- only what an event caused is worded later
    visit = copy.copy(mail.appointment)
    visit.status = mail.true_while
    visit.reply_by = datetime.fromisoformat(mail.event.data["reply_by"])
    asked = visit.proposals.asked().order_by("pk")
    # What was asked for later has its ranks from 1 on again.
    choices = [choice for n, choice in enumerate(asked, 1) if choice.rank == n]
    told = Told(visit, mail.event, choices=choices)
    words = render(
        Kind(mail.kind),
        told,
        *read_clinic(),
        Channel(mail.channel),
        token,
        mail.event.at,
    )
    mail.subject, mail.text, mail.html = words


def relink(mail: Message, now: datetime) -> None:
    """Put a new link in place of the one that has ended into mail that is not sent.

    What a worker has in hand at this moment may go out with the old one.
    """
    if lacks_words(mail):
        write_words(mail, now)
        return
    token = links.issue(mail.appointment, now=now)
    mail.text = links.with_token(mail.text, token)
    mail.html = links.with_token(mail.html, token)
    mail.save(update_fields=["text", "html"])


def readdress(patient: Patient, changed: Collection[str], now: datetime) -> None:
    """Send what did not go out to where the patient is reached now.

    Call it in the transaction in which that `changed`, when the links have ended. Mail
    that waits, or failed, goes to the new email address while it is true: under a new
    Message-ID, so that what is said of the old one, or of a try that is on its way, is
    not about it. Without an address somebody has to phone. Texts were agreed to for the
    number that was; they are not sent.
    """
    theirs = Message.objects.filter(
        appointment__patient=patient,
        sent_at=None,
        called_at=None,
        overtaken_at=None,
        emptied_at=None,
    )
    if "phone" in changed:
        theirs.filter(channel=Channel.TEXT).update(overtaken_at=now)
        calls = theirs.filter(channel=Channel.PHONE)
        calls.update(recipient=patient.phone)
    if "email" not in changed:
        return
    # Not what a later one has followed already: that is said, or somebody phones.
    later = Message.objects.filter(
        appointment=OuterRef("appointment"),
        channel=Channel.EMAIL,
        pk__gt=OuterRef("pk"),
        sent_at__isnull=False,
    )
    mail = theirs.filter(~Exists(later), channel=Channel.EMAIL)
    for message in mail.select_for_update(of=("self",), no_key=True):
        relink(message, now)
        message.recipient = patient.email
        message.message_id = _new_message_id()
        if patient.email:
            message.failed_at, message.attempts, message.due_at = None, 0, now
            message.last_error = ""
        else:
            message.failed_at = message.failed_at or now
            message.last_error = "no address"
        message.save()


def _new_message_id() -> str:
    return f"<{uuid.uuid4()}@{urlsplit(settings.SITE_URL).hostname}>"


def overtake_calls(visit: Appointment, now: datetime) -> None:
    """Take back what somebody still had to say by phone, but is no longer true."""
    calls = Message.objects.phone_these_people().filter(appointment=visit)
    calls.untrue(now).update(overtaken_at=now)


def _calendar_method(kind: Message.Kind, visit: Appointment) -> str:
    if kind in (Kind.CONFIRMED, Kind.MOVED):
        return calendars.REQUEST
    if kind == Kind.CALLED_OFF:
        return calendars.CANCEL
    return calendars.CANCEL if kind == Kind.CANCELLED and visit.start else ""
