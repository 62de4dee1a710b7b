"""How long the clinic keeps what it knows of patients."""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from booking.encryption import EncryptedTextField

from .appointment import Appointment
from .one_row import OneRow


class RetentionRules(OneRow):
    """After how long a visit is made anonymous: one row, which a manager sets.

    The clinic's lawyer knows the numbers. The shortest for visits that took place is
    what New York asks for: six years. Source: 8 NYCRR 29.2(a)(3).
    """

    requests_days = models.PositiveIntegerField(
        _("requests that came to nothing, days"),
        default=90,
        null=True,
        blank=True,
        validators=[MinValueValidator(30)],
        help_text=_(
            "Declined, withdrawn, cancelled or expired. Counted from the last that"
            " happened. Leave empty to keep them for good."
        ),
    )
    visits_years = models.PositiveSmallIntegerField(
        _("visits that took place or were missed, years"),
        null=True,
        blank=True,
        validators=[MinValueValidator(6)],
        help_text=_(
            "New York asks for 6 years at least. Nobody’s are removed before their 22nd"
            " birthday. Leave empty to keep them for good."
        ),
    )
    messages_days = models.PositiveIntegerField(
        _("texts of messages, days"),
        default=30,
        null=True,
        blank=True,
        validators=[MinValueValidator(7)],
        help_text=_(
            "Text, address and calendar entry of what was sent, or was no longer true."
            " That it was sent, and when, stays. Leave empty to keep them."
        ),
    )

    class Meta:
        verbose_name = verbose_name_plural = _("how long records are kept")
        constraints = [
            models.CheckConstraint(
                condition=Q(pk=1), name="retention_rules_are_one_row"
            ),
            models.CheckConstraint(
                condition=Q(visits_years=None) | Q(visits_years__gte=6),
                name="retention_of_visits_is_lawful",
                violation_error_message=_("Visits are kept for 6 years at least."),
            ),
        ]

    def __str__(self) -> str:
        return str(_("How long records are kept"))


class LegalHold(models.Model):
    """A visit of which nothing is removed until a manager lifts the hold."""

    appointment = models.OneToOneField(
        Appointment, models.PROTECT, related_name="legal_hold"
    )
    because = EncryptedTextField(_("why it has to be kept"))
    at = models.DateTimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return str(self.appointment_id)
