"""Who saw, searched, exported or changed what: rows that are only ever added."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditEvent(models.Model):
    """One thing that somebody of the staff did. The name is FHIR's.

    Names patients by key only, so that deleting one leaves the chain whole, and the
    account by key and name, so that it outlives the account. `digest` is keyed, over
    this row, its subjects and the digest before: see `booking.trail`. The database
    refuses to change or delete a row; see `booking.guards`.
    """

    class Action(models.TextChoices):
        VIEW = "view", _("saw")
        SEARCH = "search", _("searched")
        CHANGE = "change", _("changed")
        EXPORT = "export", _("exported")
        SIGN_IN = "sign-in", _("signed in")
        SIGN_IN_FAILED = "sign-in-failed", _("did not get in")
        SIGN_OUT = "sign-out", _("signed out")
        DENIED = "denied", _("was refused")

    id = models.BigIntegerField(primary_key=True, help_text="1, 2, 3 … without a gap.")
    at = models.DateTimeField(db_index=True)
    user_id = models.BigIntegerField(null=True)
    username = models.CharField(max_length=150, blank=True)
    action = models.CharField(max_length=20, choices=Action)
    route = models.CharField(max_length=100, help_text="The name of the page's route.")
    object_id = models.CharField(max_length=40, blank=True)
    address = models.CharField(max_length=45, blank=True)
    data = models.JSONField(default=dict, help_text="Which fields, how many; no value.")
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["action", "id"], name="audit_action"),
            models.Index(fields=["user_id", "id"], name="audit_user"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.action} {self.route}"


class AuditSubject(models.Model):
    """A patient whom an event concerns. FHIR calls it an entity of the event."""

    event = models.ForeignKey(
        AuditEvent, models.PROTECT, related_name="subjects", db_index=False
    )
    patient_id = models.BigIntegerField()

    class Meta:
        ordering = ["event", "patient_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "patient_id"], name="audit_subject_once"
            )
        ]
        indexes = [
            models.Index(fields=["patient_id", "event"], name="audit_of_patient")
        ]

    def __str__(self) -> str:
        return f"{self.event_id}: {self.patient_id}"
