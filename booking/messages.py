"""What is said to a patient on each change. Renders once, and decides nothing.

The words of a message are in `templates/emails`. They name the clinic, the date, the
time, the place and the link; never the service, an answer, or why somebody comes.
"""

import copy
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from services import hours, languages, rows
from services.models import Clinic, OpeningHours
from services.rows import Rows

from . import calendars, links
from .models import (
    Appointment,
    AppointmentEvent,
    Message,
    Patient,
    Proposal,
    TextPurpose,
    WaitingListEntry,
    may_text,
)
from .policy import (
    Act,
    Actor,
    CancellationReason,
    ChangeRefusal,
    ClosingReason,
    DeclineReason,
    Status,
    ending,
)

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

# As far as a text goes in one piece of 160 characters; one other letter makes it 70.
# Source: 3GPP TS 23.038, which has these letters without their accents.
PLAIN_LETTERS = str.maketrans(dict(zip("áíóúÁÍÓÚ’–", "aiouAIOU'-", strict=True)))

# What a patient reads when the clinic says no: why, and what to do about it.
DECLINE_WORDS: dict[str, str | Promise] = {
    DeclineReason.NO_TIME: _(
        "We cannot see you at the times you asked for. Please choose another time on"
        " our website, or call us and we will look for one with you."
    ),
    DeclineReason.NEEDS_REFERRAL: _(
        "Before we can book this visit, we need a note from the doctor or clinic that"
        " sends you to us (a referral). Ask them to send it to us. Then ask for a time"
        " again, or call us and we will find one with you."
    ),
    DeclineReason.NEEDS_CALL: _(
        "We need to talk with you before we can book this visit. Please call us when"
        " we are open, and have your reference ready."
    ),
    DeclineReason.NOT_OFFERED: _(
        "Our clinic does not offer what you asked for. Ask the doctor who looks after"
        " you where you can get it. If you think that we misunderstood, call us."
    ),
    DeclineReason.DUPLICATE: _(
        "You have asked us for this more than once, so we closed this request. Your"
        " other request or appointment stays as it is. If you wanted both, call us."
    ),
}


# Likewise, when a booked visit stays though they asked for another time.
REFUSAL_WORDS: dict[str, str | Promise] = {
    ChangeRefusal.NO_TIME: _(
        "We cannot see you at the other times that you asked for. You can ask for"
        " others, or call us and we will look for one with you."
    ),
    ChangeRefusal.NEEDS_CALL: _(
        "We need to talk with you before we can move your appointment. Please call us"
        " when we are open, and have your reference ready."
    ),
}

# What a patient reads when the clinic or somebody in it closes at short notice.
CLOSING_WORDS: dict[str, str | Promise] = {
    ClosingReason.WEATHER: _("We have to close because of the weather."),
    ClosingReason.AWAY: _("The person who was to see you cannot be here then."),
    ClosingReason.EQUIPMENT: _("Something that we need for your visit is out of use."),
    ClosingReason.OTHER: _("We have to close at that time."),
}


class Words(NamedTuple):
    """A rendered message. A call has only the text to say."""

    subject: str
    text: str
    html: str = ""


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
    are the times that a request was made for. It is true
    while the visit is in its present state and, if booked, at its present time; while
    the `offers`, which all end together, are open, or the `choices` of a change; and
    while the `entry` is.

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
    if kind == Kind.CHANGE_ASKED:
        about = choices[0]
    channel = Channel.TEXT if by_text else reached_by(visit.patient)
    mail = channel == Channel.EMAIL
    method = _calendar_method(kind, visit) if mail else ""
    words, calendar = Words("", ""), ""
    if not (mail and kind in WORDED_LATER):
        clinic, week = _clinic()
        token = links.issue(visit, now=now) if mail else ""
        told = _Told(visit, event, offers, entry, choices)
        words = _render(kind, told, clinic, week, channel, token, now)
        invites = method == calendars.REQUEST
        make = calendars.invite if invites else calendars.cancellation
        with spoken_to(visit.patient, channel):
            calendar = make(told.dated, clinic, now=now) if method else ""
    if event and event.version > 1:  # the first message of a visit has none before it
        overtake_calls(visit, now)
    message = Message(
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
    told = _Told(visit, mail.event, choices=choices)
    words = _render(
        Kind(mail.kind), told, *_clinic(), Channel(mail.channel), token, mail.event.at
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


def known_start(visit: Appointment, now: datetime) -> datetime:
    """Return when the patient thinks that the booked visit is, see `known_starts`."""
    return known_starts([visit], now)[visit.pk]


def known_starts(visits: Collection[Appointment], now: datetime) -> dict[int, datetime]:
    """Return when the patients think that these booked visits are, in two queries.

    That is the time that they chose themselves last, or were told of by what went out;
    of a visit that was moved before anything did, the one that was agreed at first; and
    where no event tells of any, the present one.
    """
    of_these = {"appointment__in": [visit.pk for visit in visits]}
    told = Message.objects.told(now).filter(true_start__isnull=False, **of_these)
    starts = dict(told.values_list("event", "true_start"))
    known = {visit.pk: visit.start for visit in visits if visit.start}
    found: set[int] = set()
    events = AppointmentEvent.objects.filter(**of_these).order_by("-version")
    for event in events.only("appointment", "actor", "from_status", "data"):
        pk, agreed = event.appointment_id, event.data.get("start")
        if pk in found:
            continue
        if start := starts.get(event.pk):
            known[pk] = start
            found.add(pk)
        elif agreed:
            known[pk] = datetime.fromisoformat(agreed)
            if event.actor == Actor.PATIENT or event.from_status != Status.BOOKED:
                found.add(pk)
    return known


def known_otherwise(visit: Appointment, now: datetime) -> dict[str, str]:
    """Return what the event that cancels the booked visit keeps for its message.

    The time that the patient knows, if that is another.
    """
    return _otherwise(visit, known_start(visit, now))


def _otherwise(visit: Appointment, known: datetime) -> dict[str, str]:
    return {} if known == visit.start else {"moved_from": known.isoformat()}


def overtake_calls(visit: Appointment, now: datetime) -> None:
    """Take back what somebody still had to say by phone, but is no longer true."""
    calls = Message.objects.phone_these_people().filter(appointment=visit)
    calls.untrue(now).update(overtaken_at=now)


def preview_decline(
    appointment: Appointment, reason: DeclineReason, note: str, now: datetime
) -> tuple[str, str]:
    """Return subject and text of what declining would send, and write nothing.

    The private link, which only the message itself may hold, is shown as a dash. For
    a patient to be called, the subject is empty and the text is what to say.
    """
    visit = _cancelled(appointment, CancellationReason.DECLINED, note)
    visit.decline_reason = reason
    return _preview(Kind.DECLINED, _Told(visit), now)


def preview_cancellation(
    appointment: Appointment, reason: CancellationReason, note: str, now: datetime
) -> tuple[str, str]:
    """Return subject and text of what cancelling by staff would send."""
    on_list = appointment.waiting_list_entries.open().exists()
    kind = ENDINGS[ending(appointment.status, on_list=on_list)]
    visit, event = _cancelled(appointment, reason, note), None
    if kind == Kind.CANCELLED:
        event = AppointmentEvent(data=known_otherwise(appointment, now))
    return _preview(kind, _Told(visit, event), now)


def preview_refusal(
    appointment: Appointment, reason: ChangeRefusal, note: str, now: datetime
) -> tuple[str, str]:
    """Return subject and text of what saying no to another time would send."""
    visit = copy.copy(appointment)
    visit.note_to_patient = note
    told = _Told(visit, AppointmentEvent(reason=reason))
    return _preview(Kind.CHANGE_REFUSED, told, now)


def preview_offer(
    appointment: Appointment, starts: Sequence[datetime], until: datetime, now: datetime
) -> tuple[str, str]:
    """Return subject and text of what offering these times would send."""
    visit = copy.copy(appointment)
    if visit.status != Status.BOOKED:
        visit.status = Status.PROPOSED
    event = AppointmentEvent(from_status=appointment.status, data={"kept": True})
    offers = [Proposal(start=start, expires_at=until) for start in starts]
    return _preview(Kind.OFFERED, _Told(visit, event, offers), now)


def preview_move(
    appointment: Appointment, start: datetime, now: datetime, *, other_clinician: bool
) -> tuple[str, str]:
    """Return subject and text of what moving a booked visit would send."""
    visit = copy.copy(appointment)
    visit.start, visit.end = start, start + appointment.duration
    data = {
        "moved_from": known_start(appointment, now).isoformat(),
        "other_clinician": other_clinician,
    }
    return _preview(Kind.MOVED, _Told(visit, AppointmentEvent(data=data)), now)


@dataclass(frozen=True, slots=True)
class ClosingPreview:
    """Subject and text of what cancelling a visit sends, and calling it off.

    The second is None without times to offer.
    """

    cancel: tuple[str, str]
    offer: tuple[str, str] | None


def preview_closing(
    starts: Mapping[Appointment, Sequence[datetime]],
    reason: ClosingReason,
    until: datetime,
    now: datetime,
) -> list[ClosingPreview]:
    """Return what closing a day would send, visit by visit with the times to offer.

    They end at `until`, or as the first of them begins. A constant number of queries.
    """
    clinic, known = _clinic(), known_starts(starts.keys(), now)
    found = []
    for visit, offered in starts.items():
        note = closing_note(visit, reason)
        cancelled = _cancelled(visit, CancellationReason.CLINIC, note)
        event = AppointmentEvent(data=_otherwise(visit, known[visit.pk]))
        cancel = _preview(Kind.CANCELLED, _Told(cancelled, event), now, clinic)
        offer = None
        if offered:
            called_off = copy.copy(visit)
            called_off.status = Status.PROPOSED
            called_off.start = called_off.end = None
            data = {"moved_from": known[visit.pk].isoformat(), "kept": True}
            ends = min(until, *offered)
            told = _Told(
                called_off,
                AppointmentEvent(reason=reason, data=data),
                [Proposal(start=start, expires_at=ends) for start in offered],
            )
            offer = _preview(Kind.CALLED_OFF, told, now, clinic)
        found.append(ClosingPreview(cancel, offer))
    return found


def _cancelled(
    visit: Appointment, reason: CancellationReason, note: str
) -> Appointment:
    """Return the visit as it would be then."""
    visit = copy.copy(visit)
    visit.status, visit.cancellation_reason = Status.CANCELLED, reason
    visit.note_to_patient = note
    return visit


def _preview(
    kind: Message.Kind,
    told: "_Told",
    now: datetime,
    clinic: tuple[Clinic | None, Rows] | None = None,
) -> tuple[str, str]:
    channel = reached_by(told.visit.patient)
    words = _render(kind, told, *(clinic or _clinic()), channel, "-", now)
    return words.subject, words.text


def heading(visit: Appointment, now: datetime, *, offered: bool | None = None) -> str:
    """Return where the visit stands, as patients read it at the top of everything.

    `offered` says whether it has an offer now, to whoever knows without looking.
    """
    if visit.status in (Status.PROPOSED, Status.BOOKED):
        if offered is None:
            offered = visit.proposals.live(now).exists()
        if visit.status == Status.PROPOSED and not offered:
            return gettext("The time that we offered has lapsed")
        if visit.status == Status.BOOKED and offered:
            return gettext("We can offer you another time")
    if visit.status != Status.CANCELLED:
        return str(_HEADINGS[visit.status])
    if not visit.start and visit.waiting_list_entries.exists():
        return str(_LIST_HEADINGS[visit.cancellation_reason])
    if visit.cancellation_reason == CancellationReason.PATIENT and not visit.start:
        return gettext("You withdrew this request")
    if visit.cancellation_reason == CancellationReason.CLINIC and not visit.start:
        return gettext("This request was withdrawn")
    return str(_CANCELLED_HEADINGS[visit.cancellation_reason])


_HEADINGS: dict[str, str | Promise] = {
    Status.PENDING: _("Request received, not booked yet"),
    Status.PROPOSED: _("We offer you a time, not booked yet"),
    Status.BOOKED: _("Your appointment is confirmed"),
    Status.ARRIVED: _("You are checked in"),
    Status.FULFILLED: _("This visit is over"),
    Status.NOSHOW: _("We missed you at this appointment"),
    Status.WAITLIST: _("On the waiting list, not booked"),
}

_CANCELLED_HEADINGS: dict[str, str | Promise] = {
    CancellationReason.DECLINED: _("Not booked: we could not say yes"),
    CancellationReason.PATIENT: _("You cancelled this appointment"),
    CancellationReason.CLINIC: _("We cancelled this appointment"),
    CancellationReason.EXPIRED: _("This request ended without an appointment"),
}

_LIST_HEADINGS: dict[str, str | Promise] = {
    CancellationReason.DECLINED: _("Not booked: we could not say yes"),
    CancellationReason.PATIENT: _("You left the waiting list"),
    CancellationReason.CLINIC: _("You are no longer on the waiting list"),
    CancellationReason.EXPIRED: _("Your time on the waiting list is over"),
}

# Where a message says more than the state that the visit is in.
_MESSAGE_HEADINGS: dict[tuple[str, str], str | Promise] = {
    (Status.PENDING, Kind.LATE_ANSWER): _("Not booked yet: our answer is late"),
    (Status.PENDING, Kind.OFFER_ENDED): _("Not booked yet: we look for another time"),
    (Status.BOOKED, Kind.ON_LIST): _("You are on the list for an earlier time"),
    (Status.BOOKED, Kind.CHANGE_ASKED): _("Another time asked for, not booked yet"),
    (Status.BOOKED, Kind.MOVED): _("Your appointment has moved"),
    (Status.BOOKED, Kind.CLINICIAN_CHANGED): _("Another clinician will see you"),
    (Status.FULFILLED, Kind.FOLLOW_UP): _("After your visit"),
    **{
        (Status.BOOKED, kind): _("Your appointment stays as it is")
        for kind in (
            Kind.CHANGE_REFUSED, Kind.CHANGE_STOPPED, Kind.LATE_ANSWER,
            Kind.LEFT, Kind.OFFER_ENDED,
        )
    },
    **{
        (Status.BOOKED, kind): _("Remember your appointment")
        for kind in (Kind.REMINDER, Kind.REMINDER_SOON)
    },
}  # fmt: skip


def reached_by(patient: Patient) -> Message.Channel:
    """Return how to reach the patient: as they asked, where that is possible."""
    by_phone = patient.contact_by == Patient.ContactBy.PHONE and patient.phone
    return Channel.EMAIL if patient.email and not by_phone else Channel.PHONE


def _calendar_method(kind: Message.Kind, visit: Appointment) -> str:
    if kind in (Kind.CONFIRMED, Kind.MOVED):
        return calendars.REQUEST
    if kind == Kind.CALLED_OFF:
        return calendars.CANCEL
    return calendars.CANCEL if kind == Kind.CANCELLED and visit.start else ""


def spoken_to(patient: Patient, channel: Message.Channel) -> override:
    """Let what is written be in the patient's language.

    What staff read to somebody on the phone is in theirs, English.
    """
    written = channel != Channel.PHONE
    return override(languages.offered(patient.message_language if written else ""))


def closing_note(visit: Appointment, reason: str) -> str:
    """Return what the patient reads of why the clinic closes, in their language."""
    with spoken_to(visit.patient, reached_by(visit.patient)):
        return str(CLOSING_WORDS[reason])


def _clinic() -> tuple[Clinic | None, Rows]:
    """Return the clinic and the hours of its phone, see `rows.set_up`."""
    clinics, week = rows.set_up(Clinic, OpeningHours)
    return next(iter(rows.instances(Clinic, clinics)), None), week


@dataclass(frozen=True, slots=True)
class _Told:
    """What a message is about."""

    visit: Appointment
    event: AppointmentEvent | None = None
    offers: Sequence[Proposal] = ()
    entry: WaitingListEntry | None = None
    choices: Sequence[Proposal] = ()

    @property
    def moved_from(self) -> datetime | None:
        before = self.event.data.get("moved_from") if self.event else None
        return datetime.fromisoformat(before) if before else None

    @property
    def moved_back(self) -> bool:
        return self.moved_from == self.visit.start

    @property
    def dated(self) -> Appointment:
        """Return the visit with the time that its calendar entry has."""
        if self.visit.start or not self.moved_from:
            return self.visit
        visit = copy.copy(self.visit)
        visit.start = self.moved_from
        visit.end = self.moved_from + visit.duration
        return visit


def _title(kind: Message.Kind, told: _Told, now: datetime) -> str:
    """Return what stands at the top of a message."""
    if kind == Kind.CALLED_OFF:
        return gettext("Your appointment cannot take place. Choose another time")
    if kind == Kind.OFFER_ENDED and told.moved_from:
        return gettext("Your appointment cannot take place. We look for another time")
    visit, moved_back = told.visit, kind == Kind.MOVED and told.moved_back
    found = _MESSAGE_HEADINGS.get((visit.status, kind))
    if found and not moved_back:
        return str(found)
    return heading(visit, now, offered=True if told.offers else None)


def _render(
    kind: Message.Kind,
    told: _Told,
    clinic: Clinic | None,
    week: Rows,
    channel: Message.Channel,
    token: str,
    now: datetime,
) -> Words:
    """Render in the language of whom it is for; the link leads to pages in it."""
    with spoken_to(told.visit.patient, channel):
        return _words(kind, told, clinic, week, channel, token, now)


def _words(
    kind: Message.Kind,
    told: _Told,
    clinic: Clinic | None,
    week: Rows,
    channel: Message.Channel,
    token: str,
    now: datetime,
) -> Words:
    visit = told.visit
    context = {
        "visit": visit,
        "clinic": clinic,
        "clinic_name": clinic.name if clinic else gettext("the clinic"),
        "place": calendars.address(clinic) if clinic else gettext("the clinic"),
        "phone": languages.left_to_right(
            clinic.phone if clinic else settings.CLINIC_PHONE
        ),
        "has_mail": reached_by(visit.patient) == Channel.EMAIL,
        "hours": hours.summary_of(week),
        "choices": told.choices,
        "decline_words": DECLINE_WORDS.get(visit.decline_reason, ""),
        "closing_words": CLOSING_WORDS.get(told.event.reason, "") if told.event else "",
        "refusal_words": REFUSAL_WORDS.get(told.event.reason, "") if told.event else "",
        "event": told.event,
        "offers": told.offers,
        "answer_by": told.offers[0].expires_at if told.offers else None,
        "kept": bool(told.event and told.event.data.get("kept")),
        "entry": told.entry,
        "moved_from": told.moved_from,
        "moved_back": kind == Kind.MOVED and told.moved_back,
        "heading": _title(kind, told, now),
        "link": links.url(token) if token else "",
    }
    if channel != Channel.EMAIL:
        said = render_to_string(f"emails/{kind}.{channel}.txt", context)
        if channel == Channel.TEXT:
            return Words("", " ".join(said.split()).translate(PLAIN_LETTERS))
        return Words("", _tidy(said))
    subject = render_to_string(f"emails/{kind}.subject.txt", context)
    text = _tidy(render_to_string(f"emails/{kind}.txt", context))
    html = render_to_string("emails/message.html", context | {"text": text.strip()})
    return Words(" ".join(subject.split()), text, html)


def _tidy(text: str) -> str:
    """Return the text with one empty line between paragraphs, where tags left more."""
    paragraphs = [part.strip() for part in text.split("\n\n")]
    return "\n\n".join(filter(None, paragraphs)) + "\n"
