"""Find visits by what somebody says on the phone."""

import re
from datetime import date, datetime

from booking.models import Appointment, Patient
from booking.models.appointment import AppointmentQuerySet

LIMIT = 50
# Fewer digits than these fit too many phone numbers.
MIN_DIGITS = 4


def find_visits(wanted: str) -> tuple[str, AppointmentQuerySet]:
    """Return by what was searched, and the visits that fit it.

    That is a reference, name, birth date or phone number; the last two are encrypted,
    so they are compared here, row by row.
    """
    visits = Appointment.objects.order_by("-requested_at")
    if reference := reference_in(wanted):
        found = visits.filter(reference=reference)
        if found.exists():
            return "reference", found
    if born := _birth_date(wanted):
        return "birth date", visits.filter(patient__in=_patients_born(born))
    if not re.search(r"[^\W\d]", wanted):
        return "phone", visits.filter(patient__in=_patients_with_phone(wanted))
    for word in wanted.split():
        visits = visits.filter(
            patient__in=Patient.objects.filter(given_name__icontains=word)
            | Patient.objects.filter(family_name__icontains=word)
        )
    return "name", visits


def reference_in(wanted: str) -> str:
    """Return the reference as it is stored, however it was typed, or nothing."""
    letters = re.sub(r"[\s-]", "", wanted).upper()
    return f"{letters[:4]}-{letters[4:]}" if len(letters) == 8 else ""


def _birth_date(wanted: str) -> date | None:
    for pattern in ("%m/%d/%Y", "%m-%d-%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(wanted.strip(), pattern).date()  # noqa: DTZ007
        except ValueError:
            continue
    return None


def _patients_born(day: date) -> list[int]:
    text = day.isoformat()
    rows = Patient.objects.values_list("pk", "birth_date_text").iterator()
    return [pk for pk, born in rows if born == text]


def _patients_with_phone(wanted: str) -> list[int]:
    digits = re.sub(r"\D", "", wanted)
    if len(digits) < MIN_DIGITS:
        return []
    rows = Patient.objects.values_list("pk", "phone").iterator()
    return [pk for pk, phone in rows if phone.endswith(digits)]
