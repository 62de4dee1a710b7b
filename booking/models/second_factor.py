"""What staff sign in with beside a password."""

from django.conf import settings
from django.db import models

from booking.encryption import EncryptedTextField


class SecondFactor(models.Model):
    """The secret that somebody's phone shares with us. See `booking.second_factor`.

    A new phone is a new row, so that a session knows with which it was signed in.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="second_factor"
    )
    secret = EncryptedTextField(help_text="Base32.")
    since = models.DateTimeField()
    last_step = models.BigIntegerField(
        help_text="The step of the last code taken: none up to it is taken again."
    )

    def __str__(self) -> str:
        return f"{self.user_id} since {self.since:%Y-%m-%d}"


class RecoveryCode(models.Model):
    """A code on paper that stands in for the phone, once. Only its digest is kept."""

    factor = models.ForeignKey(
        SecondFactor, models.CASCADE, related_name="recovery_codes"
    )
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["factor", "digest"], name="recovery_code_once_a_factor"
            )
        ]

    def __str__(self) -> str:
        return f"{self.factor_id} {self.digest[:8]}"
