"""What happened to a visit: rows that are only ever added."""

from django.conf import settings
from django.db import models

from booking.encryption import EncryptedTextField

from .appointment import Appointment


class AppointmentEvent(models.Model):
    """One change of one visit: who, when, from which state to which.

    Replaying a visit's events gives its present state. `data` names rows by key and
    times in ISO UTC, never a patient or an answer; `holds` says how many resources each
    time takes that is held for an answer. The database refuses to change or delete a
    row; see `booking.guards`.
    """

    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="events")
    version = models.PositiveIntegerField(help_text="1 for the request, then 2, 3 …")
    act = models.CharField(max_length=20)
    from_status = models.CharField(max_length=20, blank=True)
    to_status = models.CharField(max_length=20)
    reason = models.CharField(max_length=20, blank=True)
    actor = models.CharField(max_length=10)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    at = models.DateTimeField()
    data = models.JSONField(default=dict)
    private_note = EncryptedTextField(blank=True)

    class Meta:
        ordering = ["appointment", "version"]
        constraints = [
            models.UniqueConstraint(
                fields=["appointment", "version"], name="event_one_a_version"
            )
        ]
        indexes = [models.Index(fields=["at"], name="event_at")]

    def __str__(self) -> str:
        return f"{self.appointment_id} {self.version} {self.act}"
