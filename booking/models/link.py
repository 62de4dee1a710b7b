"""The patient's private link to a visit."""

from django.db import models

from .appointment import Appointment


class AppointmentLink(models.Model):
    """One token that was given out; only its digest is kept. See `booking.links`."""

    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="links")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.appointment_id} {self.pk}"
