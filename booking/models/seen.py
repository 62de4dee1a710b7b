"""What a member of staff has seen of what others changed."""

from django.conf import settings
from django.db import models


class SeenChanges(models.Model):
    """Up to where somebody has seen the events. See `booking.changes`.

    All before `until` are seen; of those from then on, the ones that `also` lists, by
    primary key.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="seen_changes"
    )
    until = models.DateTimeField()
    also = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.user_id} until {self.until:%Y-%m-%d %H:%M}"
