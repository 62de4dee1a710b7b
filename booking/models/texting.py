"""Who agreed to be sent text messages, and who wants no more of them."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from booking.encryption import EncryptedTextField, digests

from .message import Message
from .patient import Patient


class TextPurpose(models.TextChoices):
    """What a text is for. Somebody agrees to each, and may want no more of any."""

    REMINDERS = "reminders", _("Reminders of visits")
    CHANGES = "changes", _("Changes of visits")
    ALL = "all", _("All texts")


class HeardBy(models.TextChoices):
    """How staff heard that a number wants no more texts."""

    PHONE = "phone", _("They said so on the phone")
    DESK = "desk", _("They said so at the desk")
    WRITING = "writing", _("They wrote to us")
    STRANGER = "stranger", _("The number is not, or no longer, the patient’s")


REMINDING = {Message.Kind.REMINDER, Message.Kind.REMINDER_SOON}


def version_of(wording: str) -> str:
    """Return by what a wording is known, the same for all who read it; "" for none."""
    return hashlib.sha256(wording.encode()).hexdigest()[:16] if wording else ""


class TextConsentQuerySet(models.QuerySet["TextConsent"]):
    def of(self, number: str) -> "TextConsentQuerySet":
        """Return what was agreed for the number, in E.164."""
        return self.filter(number_index__in=digests("text_stop", number))


class TextConsent(models.Model):
    """That a patient ticked a box for a purpose, with the very words beside it.

    It is for the number that they gave with it, of which a keyed digest is kept: one
    that the record gets later is not meant. `version` is a digest of the words: equal
    for all who read the same. Source: 47 CFR 64.1200(f)(9), prior express consent.
    """

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="text_consents")
    number_index = models.CharField(max_length=64)
    purpose = models.CharField(
        max_length=10,
        choices=[(p.value, p.label) for p in TextPurpose if p != TextPurpose.ALL],
    )
    wording = models.TextField()
    version = models.CharField(max_length=16)
    at = models.DateTimeField()
    address = EncryptedTextField(blank=True, help_text=_("Where the tick came from."))

    objects = TextConsentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "purpose"], name="text_consent_one_a_purpose"
            )
        ]

    def __str__(self) -> str:
        return f"{self.patient_id} {self.purpose} {self.version}"

    @classmethod
    def give(
        cls,
        patient: Patient,
        wordings: Mapping[str, str],
        address: str,
        at: datetime,
    ) -> None:
        """Keep what was ticked: the wording of each purpose."""
        for purpose, wording in wordings.items():
            cls.objects.create(
                patient=patient,
                number_index=number_index(patient.phone),
                purpose=purpose,
                wording=wording,
                version=version_of(wording),
                at=at,
                address=address,
            )


class TextStopQuerySet(models.QuerySet["TextStop"]):
    def of(self, number: str) -> "TextStopQuerySet":
        """Return what was said of the number, in E.164."""
        return self.filter(number_index__in=digests("text_stop", number))

    def standing(self, purpose: str) -> "TextStopQuerySet":
        """Return what bars texts for the purpose, and was not taken back."""
        return self.filter(purpose__in={purpose, TextPurpose.ALL}, ended_at=None)


class TextStop(models.Model):
    """That a number wants no more texts for a purpose, or none at all.

    It stands until somebody with that number ticks a box anew, or writes START. The
    number itself is not kept: only its keyed digest, to know it by.
    """

    number_index = models.CharField(max_length=64, db_index=True)
    purpose = models.CharField(max_length=10, choices=TextPurpose)
    at = models.DateTimeField()
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When START came from the number.")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Who was told so; empty for a text."),
    )
    heard_by = models.CharField(
        max_length=10,
        choices=HeardBy,
        blank=True,
        help_text=_("How staff heard it, where they say so."),
    )

    objects = TextStopQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.purpose} {self.pk}"


def number_index(number: str) -> str:
    """Return by what the number is known, in E.164; raise ValueError for none."""
    if not number:
        raise ValueError("There is no number.")
    return digests("text_stop", number)[0]


def purpose_of(kind: str) -> TextPurpose:
    """Return what a text of this kind is for."""
    return TextPurpose.REMINDERS if kind in REMINDING else TextPurpose.CHANGES


def may_text(patient: Patient, purpose: TextPurpose) -> bool:
    """Tell whether texts for the purpose may go to the patient's present number."""
    if not settings.TEXT_BACKEND or not patient.phone:
        return False
    agreed = TextConsent.objects.of(patient.phone)
    consent = agreed.filter(patient=patient, purpose=purpose).first()
    if consent is None:
        return False
    stops = TextStop.objects.of(patient.phone).standing(purpose)
    return not stops.filter(at__gte=consent.at).exists()
