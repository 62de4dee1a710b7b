"""What the worker does by itself, how often the clinic wants it, and how it went."""

from datetime import UTC, datetime, time, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .office import clinic_zone

# How late a chore may be before people are told.
GRACE = timedelta(hours=1)


class Chore(models.Model):
    """One chore of the worker; `booking.chores` has what is done.

    A worker that takes it up writes `started_at` and `running_until`, a lease: if it
    dies, another takes over when that is past. `finished_at` is when a run last came
    to its end, and `faults` and `result` are what that run found; `error` is the kind
    of error that the run after it broke off with.
    """

    class Every(models.TextChoices):
        OFF = "off", _("Never")
        MINUTE = "minute", _("Every minute")
        QUARTER = "quarter", _("Every 15 minutes")
        HOUR = "hour", _("Every hour")
        DAY = "day", _("Once a day")

    name = models.CharField(max_length=40, primary_key=True, editable=False)
    every = models.CharField(_("how often"), max_length=10, choices=Every)
    at = models.TimeField(
        _("at"),
        default=time(2, 10),
        help_text=_("Clinic time. Only for once a day."),
    )
    started_at = models.DateTimeField(_("last begun"), null=True, editable=False)
    running_until = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(_("last done"), null=True, editable=False)
    faults = models.PositiveIntegerField(default=0, editable=False)
    result = models.TextField(blank=True, editable=False)
    error = models.CharField(max_length=80, blank=True, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(every__in=["off", "minute", "quarter", "hour", "day"]),
                name="chore_interval_is_known",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def is_due(self, now: datetime) -> bool:
        """Tell whether its turn has come and nobody is at it, or who was has died."""
        turn = self.turn(now)
        if turn is None:
            return False
        if self.running_until is not None:
            return self.running_until <= now
        return self.started_at is None or self.started_at < turn

    def is_overdue(self, now: datetime) -> bool:
        """Tell whether no run came to its end although one should have by now."""
        turn = self.turn(now - GRACE)
        if turn is None:
            return False
        return self.finished_at is None or self.finished_at < turn

    def turn(self, now: datetime) -> datetime | None:
        """Return when its turn last was, `now` at the latest; None if it has none.

        Once a day is by the clock on the clinic's wall: a time that the clock skips in
        spring comes an hour later, one that it repeats in fall comes once.
        """
        if self.every == self.Every.OFF:
            return None
        if self.every == self.Every.DAY:
            today = timezone.localdate(now, clinic_zone())
            turn = datetime.combine(today, self.at, clinic_zone()).astimezone(UTC)
            if turn <= now:
                return turn
            before = today - timedelta(days=1)
            return datetime.combine(before, self.at, clinic_zone()).astimezone(UTC)
        seconds = INTERVALS[self.every]
        return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


INTERVALS: dict[str, int] = {
    Chore.Every.MINUTE: 60,
    Chore.Every.QUARTER: 15 * 60,
    Chore.Every.HOUR: 60 * 60,
}
