"""The patient's private link to a visit, and who asked for it again."""

from django.db import models

from booking.encryption import EncryptedTextField

from .appointment import Appointment


class AppointmentLink(models.Model):
    """One token that was given out; only its digest is kept. See `booking.links`."""

    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="links")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.appointment_id} {self.pk}"


class LinkRequest(models.Model):
    """Somebody asked for the links to their visits, by email address and birth date.

    Written whether or not there is such a patient; the worker looks, and deletes it.
    `digest` is keyed, and makes of what is sent twice one row.
    """

    digest = models.CharField(max_length=64, unique=True)
    email = EncryptedTextField()
    birth_date_text = EncryptedTextField()
    asked_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.pk)
