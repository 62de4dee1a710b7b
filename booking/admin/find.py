"""Find visits by what somebody says on the phone."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import phonenumbers
from django.db.models import Exists, OuterRef
from django.utils import timezone

from booking.models import Appointment, Message, Patient
from booking.models.appointment import AppointmentQuerySet
from booking.models.patient import PHONE_END, PatientQuerySet
from booking.names import fold

LIMIT = 50
# So many patients whose numbers end alike are looked at, the newest first.
ENDS_ALIKE = 2000

_MONTHS = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
]
_DATES = (
    # 2/29/1980, 2-29-80, 02.29.1980, 2 29 1980
    re.compile(r"(?<!\d)(?P<m>\d{1,2})([/.-]|\s)(?P<d>\d{1,2})\2(?P<y>\d{4})(?!\d)"),
    re.compile(r"(?<!\d)(?P<m>\d{1,2})([/.-])(?P<d>\d{1,2})\2(?P<y>\d{2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<y>\d{4})([/.-])(?P<m>\d{1,2})\2(?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<m>\d{2})(?P<d>\d{2})(?P<y>(?:19|20)\d{2})(?!\d)"),
    re.compile(
        rf"(?i)\b(?P<m>{'|'.join(_MONTHS)})[a-z]*\.?\s+(?P<d>\d{{1,2}})"
        r"(?:st|nd|rd|th)?,?\s+(?P<y>\d{4})(?!\d)"
    ),
)
_EMAIL = re.compile(r"\S+@\S+")
_PHONE = re.compile(r"\+?[\d(][\d\s()./-]*")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed, taken apart: a person has to fit all of it."""

    born: date | None
    email: str
    phones: tuple[str, ...]
    words: tuple[str, ...]

    @classmethod
    def read(cls, text: str, today: date) -> "Wanted":
        born, text = _birth_date(text, today)
        email = found.group() if (found := _EMAIL.search(text)) else ""
        text = _EMAIL.sub(" ", text, count=1)
        phones = [run for run in _PHONE.findall(text) if re.search(r"\d", run)]
        words = fold(_PHONE.sub(" ", text)).split()
        return cls(born, email, tuple(phones), tuple(words))

    @property
    def fields(self) -> list[str]:
        """Return by what is searched: names of fields, nothing that was typed."""
        said = {
            "name": self.words, "birth date": self.born, "phone": self.phones,
            "email": self.email,
        }  # fmt: skip
        return [name for name, what in said.items() if what]

    def patients(self) -> PatientQuerySet:
        """Return whom it fits, in one query more for each part of a phone number."""
        patients = Patient.objects.all()
        if not self.fields:
            return patients.none()
        patients = patients.named(self.words)
        if self.born:
            patients = patients.born_on(self.born)
        if self.email:
            patients = patients.with_email(self.email)
        for phone in self.phones:
            patients = _with_phone(patients, phone)
        return patients


def find_visits(text: str, now: datetime) -> tuple[list[str], AppointmentQuerySet]:
    """Return by what was searched, and the visits that fit all of it, newest first.

    That is a reference, or any of name, birth date, phone number and email address.
    """
    text = unicodedata.normalize("NFKC", text)
    visits = Appointment.objects.order_by("-pk")
    if reference := reference_in(text):
        found = visits.filter(reference=reference)
        if found.exists():
            return ["reference"], found
    wanted = Wanted.read(text, timezone.localdate(now))
    return wanted.fields or ["name"], visits.filter(patient__in=wanted.patients())


def with_next_step(visits: AppointmentQuerySet, now: datetime) -> AppointmentQuerySet:
    """Load what a line about a visit says, and whether somebody has to phone."""
    calls = Message.objects.phone_these_people().still_true(now)
    visits = visits.select_related("patient", "visit_type__service")
    return visits.annotate(to_phone=Exists(calls.filter(appointment=OuterRef("pk"))))


def reference_in(wanted: str) -> str:
    """Return the reference as it is stored, however it was typed, or nothing."""
    letters = re.sub(r"[\W_]", "", wanted).upper()
    return f"{letters[:4]}-{letters[4:]}" if len(letters) == 8 else ""


def _birth_date(text: str, today: date) -> tuple[date | None, str]:
    """Return the first date of the past in the text, and what else is in it."""
    for pattern in _DATES:
        for found in pattern.finditer(text):
            for born in _dates_of(found, today):
                return born, f"{text[: found.start()]} {text[found.end() :]}"
    return None, text


def _dates_of(found: "re.Match[str]", today: date) -> Iterator[date]:
    month, day, year = found.group("m", "d", "y")
    if month.isalpha():
        month = str(_MONTHS.index(month.lower()) + 1)
    # Two figures of a year are those of the last hundred years.
    for full in [year] if len(year) == 4 else [f"20{year}", f"19{year}"]:
        try:
            born = datetime(int(full), int(month), int(day)).date()  # noqa: DTZ001
        except ValueError:
            continue
        if born <= today:
            yield born


def _with_phone(patients: PatientQuerySet, typed: str) -> PatientQuerySet:
    """Narrow to whose number is the one typed, or ends like it in four digits or more.

    A whole number has an index. What only ends a number is compared here, with those
    whose last four digits are the same.
    """
    if whole := _whole_number(typed):
        return patients.with_phone(whole)
    digits = re.sub(r"\D", "", typed)
    if len(digits) < PHONE_END:
        return patients.none()
    patients = patients.whose_phone_ends(digits)
    if len(digits) == PHONE_END:
        return patients
    rows = patients.order_by("-pk").values_list("pk", "phone")[:ENDS_ALIKE]
    fitting = [pk for pk, phone in rows if phone.endswith(digits)]
    return Patient.objects.filter(pk__in=fitting)


def _whole_number(typed: str) -> str:
    """Return the number as it is stored; nothing if it is only a part of one."""
    try:
        number = phonenumbers.parse(typed, "US")
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    style = phonenumbers.PhoneNumberFormat.E164
    return str(phonenumbers.format_number(number, style))
