"""The person a visit is for."""

from datetime import date
from typing import Any

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from booking.encryption import EncryptedTextField
from booking.noticing import notice


class Patient(models.Model):
    """One person as they told us; every request brings its own row, and a series one.

    Nothing here was verified, so two rows are never joined by the software. What
    could identify or reach somebody is encrypted; the name is not, for staff to find.
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
    needs_interpreter = models.BooleanField(default=False)
    other_help = EncryptedTextField(_("other help needed"), blank=True)

    def __str__(self) -> str:
        # No name: this text reaches logs and browser titles.
        return _("Patient %(pk)s") % {"pk": self.pk}

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> "Patient":
        """Note whose row was read, for the trail of the staff's pages."""
        patient = super().from_db(*args, **kwargs)
        notice(patient.pk)
        return patient

    @property
    def full_name(self) -> str:
        name = f"{self.given_name} {self.family_name}".strip()
        return name or gettext("Name removed")

    @property
    def speaks_another_language(self) -> bool:
        """Return whether to prepare for a language other than English."""
        return self.language not in ("", "English")

    @property
    def birth_date(self) -> date | None:
        """Return the day of birth; None for somebody who was not asked on the phone."""
        text = self.birth_date_text
        return date.fromisoformat(text) if text else None
