"""The patient's private link: whoever has it sees the visit as it is now.

One visit may have several, one in each message. Changes of state do not end them: a
link always shows the present state, and what that state allows. They end with time, not
while somebody waits, or when staff revoke them.
"""

import hashlib
import re
import secrets
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.db.models import Max, Q
from django.urls import reverse

from services import rows

from .models import Appointment, AppointmentLink
from .policy import (
    LINK_DAYS_AFTER_SEEN,
    LINK_DAYS_AFTER_VISIT,
    LINK_DAYS_WITHOUT_VISIT,
    Status,
)

_ADDRESS = re.compile(r"(/appointments/)[^/\s]+/")


def issue(appointment: Appointment, *, now: datetime) -> str:
    """Return a new token for the visit. It is nowhere else: only its digest is kept."""
    token = secrets.token_urlsafe(32)
    rows.add(
        AppointmentLink(appointment=appointment, digest=_digest(token), created_at=now)
    )
    return token


def url(token: str) -> str:
    """Return the address to write into a message."""
    return settings.SITE_URL + reverse("booking:open_link", args=[token])


def with_token(text: str, token: str) -> str:
    """Return a message's text with the token in the place of its own."""
    return _ADDRESS.sub(rf"\g<1>{token}/", text)


def without_tokens(text: str) -> str:
    """Return a message's text with a dash for each token.

    Who follows a link acts as the patient, and the timeline would say so of staff.
    """
    return with_token(text, "-")


def find(token: str, *, now: datetime) -> Appointment | None:
    """Return the visit that the token opens; None if unknown, revoked or expired.

    The three cost the same one query, so the time taken tells nothing.
    """
    link = find_link(token, now=now)
    return link.appointment if link else None


def find_link(token: str, *, now: datetime) -> AppointmentLink | None:
    """Return the link of the token, if it still opens its visit."""
    return _open(now, digest=_digest(token))


def still_open(pk: int, *, now: datetime) -> AppointmentLink | None:
    """Return the link with its visit, patient and service, if it still opens it."""
    return _open(now, pk=pk)


def revoke_all(appointment: Appointment, now: datetime) -> None:
    """End every link of the visit, such as when a message went to a wrong address."""
    appointment.links.filter(revoked_at=None).update(revoked_at=now)


def _open(now: datetime, **which: int | str) -> AppointmentLink | None:
    link = (
        AppointmentLink.objects.filter(revoked_at=None, **which)
        .exclude(appointment__status=Status.ENTERED_IN_ERROR)
        .select_related(
            "appointment__patient",
            "appointment__visit_type__service",
            "appointment__preparation",
            "appointment__wanted_clinician__clinician",
        )
        .annotate(
            last_event=Max("appointment__events__at"),
            waits_until=Max(
                "appointment__waiting_list_entries__latest",
                filter=Q(appointment__waiting_list_entries__ended_at=None),
            ),
        )
        .first()
    )
    if link is None or now >= _ends(
        link.appointment, link.last_event, link.waits_until
    ):
        return None
    return link


def _ends(
    appointment: Appointment, last_event: datetime, waits_until: date | None
) -> datetime:
    if appointment.end:
        seen = appointment.status == Status.FULFILLED
        days = LINK_DAYS_AFTER_SEEN if seen else LINK_DAYS_AFTER_VISIT
        return appointment.end + timedelta(days=days)
    if waits_until:
        last_event = max(last_event, datetime.combine(waits_until, time(), UTC))
    return last_event + timedelta(days=LINK_DAYS_WITHOUT_VISIT)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
