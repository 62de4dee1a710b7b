"""What a message would say, shown before anything is done; nothing is written."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from booking.models import Appointment, AppointmentEvent, Message, Proposal
from booking.policy import (
    CancellationReason,
    ChangeRefusal,
    ClosingReason,
    DeclineReason,
    Status,
    ending,
)
from services.models import Clinic
from services.rows import Rows

from .known import known_otherwise, known_start, known_starts, otherwise
from .owing import ENDINGS
from .wording import Told, closing_note, reached_by, read_clinic, render

Kind = Message.Kind


def preview_decline(
    appointment: Appointment, reason: DeclineReason, note: str, now: datetime
) -> tuple[str, str]:
    """Return subject and text of what declining would send, and write nothing.

    The private link, which only the message itself may hold, is shown as a dash. For
    a patient to be called, the subject is empty and the text is what to say.
    """
    visit = _cancelled(appointment, CancellationReason.DECLINED, note)
    visit.decline_reason = reason
    return _preview(Kind.DECLINED, Told(visit), now)


def preview_cancellation(
    appointment: Appointment, reason: CancellationReason, note: str, now: datetime
) -> tuple[str, str]:
    """Return subject and text of what cancelling by staff would send."""
    on_list = appointment.waiting_list_entries.open().exists()
    kind = ENDINGS[ending(appointment.status, on_list=on_list)]
    visit, event = _cancelled(appointment, reason, note), None
    if kind == Kind.CANCELLED:
        event = AppointmentEvent(data=known_otherwise(appointment, now))
    return _preview(kind, Told(visit, event), now)


def preview_refusal(
    appointment: Appointment, reason: ChangeRefusal, note: str, now: datetime
) -> tuple[str, str]:
    """Return subject and text of what saying no to another time would send."""
    visit = copy.copy(appointment)
    visit.note_to_patient = note
    told = Told(visit, AppointmentEvent(reason=reason))
    return _preview(Kind.CHANGE_REFUSED, told, now)


def preview_offer(
    appointment: Appointment, starts: Sequence[datetime], until: datetime, now: datetime
) -> tuple[str, str]:
    """Return subject and text of what offering these times would send."""
    visit = copy.copy(appointment)
    if visit.status != Status.BOOKED:
        visit.status = Status.PROPOSED
    data = {"kept": True, "other_clinician": appointment.wants_who_left}
    event = AppointmentEvent(from_status=appointment.status, data=data)
    offers = [Proposal(start=start, expires_at=until) for start in starts]
    return _preview(Kind.OFFERED, Told(visit, event, offers), now)


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
    return _preview(Kind.MOVED, Told(visit, AppointmentEvent(data=data)), now)


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
    clinic, known = read_clinic(), known_starts(starts.keys(), now)
    found = []
    for visit, offered in starts.items():
        note = closing_note(visit, reason)
        cancelled = _cancelled(visit, CancellationReason.CLINIC, note)
        event = AppointmentEvent(data=otherwise(visit, known[visit.pk]))
        cancel = _preview(Kind.CANCELLED, Told(cancelled, event), now, clinic)
        offer = None
        if offered:
            called_off = copy.copy(visit)
            called_off.status = Status.PROPOSED
            called_off.start = called_off.end = None
            data = {"moved_from": known[visit.pk].isoformat(), "kept": True}
            ends = min(until, *offered)
            told = Told(
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
    told: "Told",
    now: datetime,
    clinic: tuple[Clinic | None, Rows] | None = None,
) -> tuple[str, str]:
    channel = reached_by(told.visit.patient)
    words = render(kind, told, *(clinic or read_clinic()), channel, "-", now)
    return words.subject, words.text
