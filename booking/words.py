"""Days and times as patients read them on a page, in the clinic's wall time.

No line of a text ends within a time of day.
"""

from datetime import UTC, date, datetime, time
from functools import lru_cache

import phonenumbers
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from services import languages
from services.models import Clinic

from .models import Resource, clinic_zone, open_windows


def local(at: datetime) -> datetime:
    """Return the instant with the clinic's wall time."""
    return timezone.localtime(at, clinic_zone())


def day(on: date) -> str:
    """Return “Tuesday, November 24”."""
    return _day(on, get_language())


def clock(at: datetime) -> str:
    """Return “10:15 AM”."""
    return _clock(local(at).time(), get_language())


# A page says the same ones often.


@lru_cache(maxsize=1000)
def _day(on: date, _language: str | None) -> str:
    return languages.unbroken(languages.said(on, "l, F j"))


@lru_cache(maxsize=1000)
def _clock(wall: time, _language: str | None) -> str:
    return languages.said(wall, "g:i A")


def moment(at: datetime) -> str:
    """Return “Tuesday, November 24, 10:15 AM”."""
    return languages.unbroken(on_day(day(local(at).date()), clock(at)))


def zoned(at: datetime) -> str:
    """Return “Tuesday, November 24, 10:15 AM EST”, to who may be in another zone."""
    return languages.unbroken(languages.said(local(at), "l, F j, g:i A T"))


def on_day(day: str, clock: str) -> str:
    """Return the same of a day and a time that are in words already."""
    return f"{day}, {clock}"


def brief(at: datetime) -> str:
    """Return “Tue, Nov 24, 10:15 AM”, where there is little room."""
    return languages.unbroken(languages.said(local(at), "D, M j, g:i A"))


def brief_days(first: date, last: date) -> str:
    """Return “Nov 24”, or “Nov 24 to Nov 26”."""
    begin, end = (languages.unbroken(languages.said(d, "M j")) for d in (first, last))
    return span(begin, end) if first < last else begin


def span(first: str, last: str) -> str:
    """Return the same of two days that are in words already."""
    return _("%(first)s to %(last)s") % {"first": first, "last": last}


def length(minutes: int) -> str:
    """Return “30 minutes”."""
    return ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": minutes}


def slot(when: str, length: str, clinician: str = "") -> str:
    """Return a time, in words, as a sentence that makes sense with nothing around."""
    said = {"when": when, "length": length, "who": clinician}
    if clinician:
        return _("%(when)s, %(length)s, with %(who)s") % said
    return _("%(when)s, %(length)s") % said


def who(clinician: Resource) -> str:
    """Return the name with the profession beside it: “Ada Example, MD, physician”."""
    person = clinician.clinician
    return f"{person}, {person.profession}" if person else str(clinician)


def phone_hours(now: datetime) -> str:
    """Return until when the front desk answers the phone, or from when on.

    Closures are left out. Empty for a clinic without opening hours.
    """
    at = int(now.timestamp())
    following = next((w for w in open_windows(now) if at < w[1]), None)
    if following is None:
        return ""
    opens, closes = (datetime.fromtimestamp(edge, UTC) for edge in following)
    if opens <= now:
        said = _("We are there now, until %(time)s.") % {"time": clock(closes)}
        return languages.unbroken(said)
    if local(opens).date() == local(now).date():
        said = _("We are there today from %(time)s.") % {"time": clock(opens)}
        return languages.unbroken(said)
    return _("We are there again on %(when)s.") % {"when": moment(opens)}


def call(said: str, now: datetime) -> str:
    """Return a sentence that says to call us, with our number and today's hours."""
    clinic = Clinic.objects.first()
    if clinic is None or not clinic.phone:
        return said
    number = languages.left_to_right(clinic.phone)
    parts = said, _("Our number is %(phone)s.") % {"phone": number}, phone_hours(now)
    return " ".join(filter(None, parts))


def phone(number: str) -> str:
    """Return an E.164 number as people here dial it: “(212) 555-0143”.

    What is no such number is returned as it is.
    """
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    at_home = parsed.country_code == 1
    style = phonenumbers.PhoneNumberFormat
    return str(
        phonenumbers.format_number(
            parsed, style.NATIONAL if at_home else style.INTERNATIONAL
        )
    )


def as_value(start: datetime) -> str:
    """Return the instant as forms and links carry it: 2026-11-24T15:15Z."""
    return f"{start.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
