"""Who agreed to be sent text messages, and who wants no more of them."""

import hashlib
from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from booking.encryption import EncryptedTextField, digests

from .patient import Patient


class TextConsent(models.Model):
    """That a patient ticked the box, with the very words beside it.

    `version` is a digest of the words: equal for all who read the same. Source: 47 CFR
    64.1200(f)(9), prior express consent.
    """

    patient = models.OneToOneField(Patient, models.CASCADE, related_name="text_consent")
    wording = models.TextField()
    version = models.CharField(max_length=16)
    at = models.DateTimeField()
    address = EncryptedTextField(blank=True, help_text=_("Where the tick came from."))

    def __str__(self) -> str:
        return f"{self.patient_id} {self.version}"

    @classmethod
    def give(cls, patient: Patient, wording: str, address: str, at: datetime) -> None:
        version = hashlib.sha256(wording.encode()).hexdigest()[:16]
        cls.objects.create(
            patient=patient, wording=wording, version=version, at=at, address=address
        )


class TextStopQuerySet(models.QuerySet["TextStop"]):
    def of(self, number: str) -> "TextStopQuerySet":
        """Return what was said of the number, in E.164."""
        return self.filter(number_index__in=digests("text_stop", number))


class TextStop(models.Model):
    """That a number wants no more texts for a purpose, or none at all.

    It stands until the patient ticks the box anew. The number itself is not kept: only
    its keyed digest, to know it by.
    """

    class Purpose(models.TextChoices):
        REMINDERS = "reminders", _("Reminders")
        ALL = "all", _("All texts")

    number_index = models.CharField(max_length=64, db_index=True)
    purpose = models.CharField(max_length=10, choices=Purpose)
    at = models.DateTimeField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Who was told so; empty for a text."),
    )

    objects = TextStopQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.purpose} {self.pk}"


def number_index(number: str) -> str:
    """Return by what the number is known, in E.164; raise ValueError for none."""
    if not number:
        raise ValueError("There is no number.")
    return digests("text_stop", number)[0]


def may_text(patient: Patient) -> bool:
    """Tell whether reminders may go to the patient as texts."""
    consent = TextConsent.objects.filter(patient=patient).first()
    if consent is None or not patient.phone or not settings.TEXT_BACKEND:
        return False
    return not TextStop.objects.of(patient.phone).filter(at__gte=consent.at).exists()
