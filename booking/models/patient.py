"""The person a visit is for."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from booking.encryption import (
    BlindIndexField,
    DerivedField,
    EncryptedTextField,
    digests,
)
from booking.names import fold
from booking.noticing import notice

# So many digits at the end of a phone number are enough to look for it.
PHONE_END = 4


class PatientQuerySet(models.QuerySet["Patient"]):
    def born_on(self, day: date) -> "PatientQuerySet":
        wanted = digests("birth_date_index", day.isoformat())
        return self.filter(birth_date_index__in=wanted)

    def with_phone(self, number: str) -> "PatientQuerySet":
        """Return those with the number, in E.164."""
        return self.filter(phone_index__in=digests("phone_index", number))

    def whose_phone_ends(self, digits: str) -> "PatientQuerySet":
        """Return those whose number has the same last four digits as `digits`."""
        wanted = digests("phone_end_index", digits[-PHONE_END:])
        return self.filter(phone_end_index__in=wanted)

    def with_email(self, address: str) -> "PatientQuerySet":
        """Return those with the address, in capitals or not."""
        return self.filter(email_index__in=digests("email_index", address.lower()))

    def named(self, words: Iterable[str]) -> "PatientQuerySet":
        """Return those in whose folded name is each of the words, or a part of one."""
        patients = self
        for word in words:
            patients = patients.filter(folded_name__contains=word)
        return patients

    def update(self, **values: Any) -> int:
        """Update what nothing is derived from. Raises TypeError for the rest.

        So does `bulk_update`: rows have to be saved, which keeps the index true.
        """
        if stale := SOURCES & values.keys():
            raise TypeError(f"Save each patient: {sorted(stale)} are indexed.")
        return super().update(**values)


class Patient(models.Model):
    """One person as they told us; every request brings its own row, and a series one.

    Nothing here was verified, so two rows are never joined by the software: it only
    suggests who may be the same person (`same_person`), and staff decide (`Merge`).
    What could identify or reach somebody is encrypted; the name is not, for staff to
    find.
    `folded_name` and the fields named `…_index` are made from the others as the row is
    saved, to find it by: the name as it is compared, and keyed digests of the rest.
    """

    class ContactBy(models.TextChoices):
        EMAIL = "email", _("Email")
        PHONE = "phone", _("Phone call")

    given_name = models.CharField(_("first name"), max_length=80)
    family_name = models.CharField(_("last name"), max_length=80)
    birth_date_text = EncryptedTextField(_("birth date"), blank=True)
    phone = EncryptedTextField(
        blank=True, help_text=_("E.164, with the country: +12125550143.")
    )
    email = EncryptedTextField(blank=True)
    contact_by = models.CharField(
        _("how to reach"), max_length=10, choices=ContactBy, default=ContactBy.EMAIL
    )
    voicemail_ok = models.BooleanField(_("may leave a voicemail"), default=False)
    language = EncryptedTextField(blank=True)
    message_language = models.CharField(
        _("language of messages"), max_length=10, default=settings.LANGUAGE_CODE
    )
    needs_interpreter = models.BooleanField(default=False)
    other_help = EncryptedTextField(_("other help needed"), blank=True)

    folded_name = DerivedField(lambda patient: fold(patient.told_name))
    birth_date_index = BlindIndexField(lambda patient: patient.birth_date_text)
    phone_index = BlindIndexField(lambda patient: patient.phone)
    phone_end_index = BlindIndexField(lambda patient: patient.phone[-PHONE_END:])
    email_index = BlindIndexField(lambda patient: patient.email.lower())

    objects = PatientQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["folded_name"], name="patient_name"),
            models.Index(fields=["birth_date_index"], name="patient_born"),
            models.Index(fields=["phone_index"], name="patient_phone"),
            models.Index(fields=["phone_end_index"], name="patient_phone_end"),
            models.Index(fields=["email_index"], name="patient_email"),
        ]

    def __str__(self) -> str:
        # No name: this text reaches logs and browser titles.
        return _("Patient %(pk)s") % {"pk": self.pk}

    def save(
        self, *, update_fields: Iterable[str] | None = None, **kwargs: Any
    ) -> None:
        """Save as Django does, and with any field all that is derived."""
        if update_fields is not None:
            update_fields = {*update_fields, *(field.name for field in DERIVED)}
        super().save(update_fields=update_fields, **kwargs)

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> "Patient":
        """Note whose row was read, for the trail of the staff's pages."""
        patient = super().from_db(*args, **kwargs)
        notice(patient.pk)
        return patient

    @property
    def told_name(self) -> str:
        return f"{self.given_name} {self.family_name}".strip()

    @property
    def full_name(self) -> str:
        return self.told_name or gettext("Name removed")

    @property
    def speaks_another_language(self) -> bool:
        """Return whether to prepare for a language other than English."""
        return self.language not in ("", "English")

    @property
    def written_language(self) -> str:
        """Return the language of messages by its own name."""
        code = self.message_language
        return dict(settings.LANGUAGES).get(code, code)

    @property
    def birth_date(self) -> date | None:
        """Return the day of birth; None for somebody who was not asked on the phone."""
        text = self.birth_date_text
        return date.fromisoformat(text) if text else None


# What is found by what is derived, and what it is derived from.
DERIVED = [f for f in Patient._meta.fields if isinstance(f, DerivedField)]
SOURCES = frozenset({"given_name", "family_name", "birth_date_text", "phone", "email"})
