"""The words of messages: why, what now, where a visit stands, and the mail as a whole.

The rest of them is in `templates/emails`.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from booking import calendars, links
from booking.models import (
    Appointment,
    AppointmentEvent,
    Message,
    Patient,
    Proposal,
    WaitingListEntry,
)
from booking.policy import (
    CancellationReason,
    ChangeRefusal,
    ClosingReason,
    DeclineReason,
    Status,
)
from services import hours, languages, rows
from services.models import Clinic, OpeningHours
from services.rows import Rows

Kind = Message.Kind
Channel = Message.Channel

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


def of_the_others(visit: Appointment, now: datetime) -> str:
    """Return what to say of the rest of a series to whom one visit of it ends for."""
    if not visit.series:
        return ""
    booked = Appointment.objects.in_series(visit.series).filter(status=Status.BOOKED)
    if not booked.filter(start__gt=now).exclude(pk=visit.pk).exists():
        return ""
    return gettext(
        "This is about this appointment only. Your other appointments with us stay as"
        " they are."
    )


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


def read_clinic() -> tuple[Clinic | None, Rows]:
    """Return the clinic and the hours of its phone, see `rows.set_up`."""
    clinics, week = rows.set_up(Clinic, OpeningHours)
    return next(iter(rows.instances(Clinic, clinics)), None), week


@dataclass(frozen=True, slots=True)
class Told:
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


def _title(kind: Message.Kind, told: Told, now: datetime) -> str:
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


def render(
    kind: Message.Kind,
    told: Told,
    clinic: Clinic | None,
    week: Rows,
    channel: Message.Channel,
    token: str,
    now: datetime,
) -> Words:
    """Render in the language of whom it is for; the link leads to pages in it."""
    visit, why = told.visit, told.event.reason if told.event else ""
    # Where we cancel, the next of them may follow in a minute.
    by_patient = visit.cancellation_reason == CancellationReason.PATIENT
    with spoken_to(visit.patient, channel):
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
            "closing_words": CLOSING_WORDS.get(why, ""),
            "refusal_words": REFUSAL_WORDS.get(why, ""),
            "event": told.event,
            "offers": told.offers,
            "answer_by": told.offers[0].expires_at if told.offers else None,
            "kept": bool(told.event and told.event.data.get("kept")),
            "entry": told.entry,
            "of_the_others": of_the_others(visit, now) if by_patient else "",
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
