"""Calendar entries that follow the visit, and say nothing about health.

One UID for the visit's whole life and a SEQUENCE that only rises, so that a newer entry
replaces the older one. Source: RFC 5545 (iCalendar), RFC 5546 (iTIP).
"""

from datetime import UTC, date, datetime
from email.utils import parseaddr
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.utils.translation import gettext as _

from services.languages import left_to_right
from services.models import Clinic

from .models import Appointment, clinic_zone

REQUEST = "REQUEST"
CANCEL = "CANCEL"
PUBLISH = "PUBLISH"

# Pages that make an entry of what is in their address.
GOOGLE = "https://calendar.google.com/calendar/render"
OUTLOOK = "https://outlook.live.com/calendar/0/deeplink/compose"


def invite(visit: Appointment, clinic: Clinic | None, *, now: datetime) -> str:
    """Return the entry that goes with a confirmation. Needs a visit with a time."""
    return _calendar(visit, clinic, REQUEST, now)


def cancellation(visit: Appointment, clinic: Clinic | None, *, now: datetime) -> str:
    """Return what takes the entry out of the patient's calendar again."""
    return _calendar(visit, clinic, CANCEL, now)


def entry(visit: Appointment, clinic: Clinic | None, *, now: datetime) -> str:
    """Return the entry for a patient to download: it names nobody."""
    return _calendar(visit, clinic, PUBLISH, now)


def links(visit: Appointment, clinic: Clinic | None) -> list[tuple[str, str]]:
    """Return name and address of calendars on the web, filled in for the patient.

    They say what the entry says: title, times and place. Nothing goes there until the
    patient follows one, and then it comes from their browser.
    """
    if not (visit.start and visit.end):
        raise ValueError("A visit without a time has no calendar entry.")
    title, place = _title(clinic), address(clinic) if clinic else ""
    begin, end = (at.astimezone(UTC) for at in (visit.start, visit.end))
    google = {
        "action": "TEMPLATE",
        "text": title,
        "dates": f"{begin:%Y%m%dT%H%M%SZ}/{end:%Y%m%dT%H%M%SZ}",
        "location": place,
    }
    outlook = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": title,
        "startdt": f"{begin:%Y-%m-%dT%H:%M:%SZ}",
        "enddt": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "location": place,
    }
    return [
        ("Google", f"{GOOGLE}?{urlencode(google, quote_via=quote)}"),
        ("Outlook", f"{OUTLOOK}?{urlencode(outlook, quote_via=quote)}"),
    ]


def _calendar(
    visit: Appointment, clinic: Clinic | None, method: str, now: datetime
) -> str:
    from icalendar import Calendar  # noqa: PLC0415 -- takes 0.6 s to import

    calendar = Calendar()
    calendar.add("prodid", "-//Clinic site//Appointments//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(_event(visit, clinic, method, now))
    year = visit.start.year if visit.start else now.year
    calendar.add_missing_timezones(date(year - 1, 1, 1), date(year + 2, 1, 1))
    text: str = calendar.to_ical().decode()
    return text


def _event(
    visit: Appointment, clinic: Clinic | None, method: str, now: datetime
) -> Any:
    from icalendar import Event, vCalAddress  # noqa: PLC0415 -- as above

    if not (visit.start and visit.end):
        raise ValueError("A visit without a time has no calendar entry.")
    zone = clinic_zone()
    name = clinic.name if clinic else ""
    event = Event()
    event.add("uid", str(visit.uid))
    event.add("sequence", visit.calendar_sequence)
    event.add("dtstamp", now)
    event.add("dtstart", visit.start.astimezone(zone))
    event.add("dtend", visit.end.astimezone(zone))
    event.add("summary", _title(clinic))
    event.add("status", "CANCELLED" if method == CANCEL else "CONFIRMED")
    event.add("class", "PRIVATE")
    event.add("url", settings.SITE_URL)
    if clinic:
        event.add("location", address(clinic))
        phone = left_to_right(clinic.phone)
        questions = _("Questions? Call %(phone)s.") % {"phone": phone}
        event.add("description", questions)
    if method != PUBLISH:
        organizer = vCalAddress("mailto:" + parseaddr(settings.DEFAULT_FROM_EMAIL)[1])
        organizer.params["CN"] = name
        event.add("organizer", organizer)
        attendee = vCalAddress("mailto:" + visit.patient.email)
        attendee.params["PARTSTAT"] = "ACCEPTED"
        attendee.params["RSVP"] = "FALSE"
        event.add("attendee", attendee)
    return event


def _title(clinic: Clinic | None) -> str:
    name = clinic.name if clinic else ""
    return _("Appointment – %(clinic)s") % {"clinic": name}


def address(clinic: Clinic, after_name: str = ", ") -> str:
    """Return where the clinic is, in one line, without what is not known."""
    state = " ".join(filter(None, [clinic.region, clinic.postal_code]))
    where = ", ".join(filter(None, [clinic.street, clinic.city, state]))
    return after_name.join(filter(None, [clinic.name, where]))
