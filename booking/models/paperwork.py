"""What has to be on paper before a visit, as far as staff have said."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .appointment import Appointment


class Paper(models.Model):
    """One paper of one visit. No row means that nobody has said anything of it yet.

    What a visit needs at all, and until when, follows from the visit; see
    `booking.paperwork`.
    """

    class Kind(models.TextChoices):
        ESTIMATE = "estimate", _("Good faith estimate")
        REFERRAL = "referral", _("Referral")
        AUTHORIZATION = "authorization", _("Authorization")
        CARD = "card", _("Insurance card")

    class State(models.TextChoices):
        NEEDED = "needed", _("Needed")
        ASKED = "asked", _("Asked for")
        DONE = "done", _("Done")
        NOT_NEEDED = "not_needed", _("Not needed")

    appointment = models.ForeignKey(
        Appointment, models.CASCADE, related_name="papers", db_index=False
    )
    kind = models.CharField(max_length=20, choices=Kind)
    state = models.CharField(max_length=20, choices=State)
    at = models.DateTimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["appointment", "kind"]
        constraints = [
            models.UniqueConstraint(
                fields=["appointment", "kind"], name="paper_one_a_kind"
            )
        ]

    def __str__(self) -> str:
        return f"{self.appointment_id} {self.kind}: {self.state}"
