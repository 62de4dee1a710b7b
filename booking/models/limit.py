"""Counters that keep a flood of requests away from the front desk."""

from django.db import models


class Hit(models.Model):
    """How often something happened in one window of time. See `booking.limits`."""

    key = models.CharField(max_length=64)
    window = models.BigIntegerField(help_text="Start of the window, Unix seconds.")
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "window"], name="hit_one_a_window")
        ]

    def __str__(self) -> str:
        return f"{self.key[:8]} {self.window}: {self.count}"
