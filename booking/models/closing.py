"""A day that is closed at short notice, and what becomes of each visit in it."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from booking.policy import ClosingReason, Status

from .appointment import Appointment, AppointmentQuerySet
from .reservation import Reservation
from .resource import Closure

REASONS = [
    (ClosingReason.WEATHER.value, _("Weather")),
    (ClosingReason.AWAY.value, _("Somebody is away")),
    (ClosingReason.EQUIPMENT.value, _("Equipment is out of use")),
    (ClosingReason.OTHER.value, _("Another reason")),
]


def hit_by(closure: Closure, now: datetime) -> AppointmentQuerySet:
    """Return the booked visits to come that take time inside the closure, in order."""
    taken = Reservation.objects.filter(appointment__isnull=False, expires_at=None)
    taken = taken.overlapping(closure.start, closure.end)
    if closure.resource_id:
        taken = taken.filter(resource=closure.resource_id)
    hit = Appointment.objects.booked().filter(start__gt=now)
    return hit.filter(pk__in=taken.values("appointment")).order_by("start", "pk")


class ClosingPlan(models.Model):
    """Time that was closed at once, and visits that are told of it from `due_at` on.

    `workflow` alone writes it. It goes with its closure: once that is taken back, by
    `undo_closing` or on its own page, no further visit is touched.
    """

    closure = models.OneToOneField(
        Closure, models.SET_NULL, null=True, blank=True, related_name="plan"
    )
    closes = models.CharField(
        max_length=80, blank=True, help_text=_("Empty for the whole clinic.")
    )
    start = models.DateTimeField()
    end = models.DateTimeField()
    reason = models.CharField(max_length=20, choices=REASONS)
    made_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text=_("Until then nobody is told."))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )

    class Meta:
        ordering = ["-made_at", "-pk"]

    def __str__(self) -> str:
        return str(self.pk)


class ClosingRowQuerySet(models.QuerySet["ClosingRow"]):
    def in_closed_time(self, now: datetime) -> "ClosingRowQuerySet":
        """Return visits to come that still take what is closed, and were told nothing.

        What was left alone, by choice or as it had changed, and is a person's now.
        """
        takes = Reservation.objects.filter(
            appointment=OuterRef("appointment"),
            resource=OuterRef("plan__closure__resource"),
            expires_at=None,
        )
        return self.filter(
            Q(plan__closure__resource=None) | Exists(takes),
            outcome__in=(ClosingRow.Outcome.KEPT, ClosingRow.Outcome.DROPPED),
            plan__closure__isnull=False,
            appointment__status=Status.BOOKED,
            appointment__start=F("was_at"),
            was_at__gt=now,
        ).order_by("was_at", "pk")


class ClosingRow(models.Model):
    """What is to become of one visit of a plan, decided as it was at `version`."""

    class Choice(models.TextChoices):
        OFFER = "offer", _("Offer other times")
        CANCEL = "cancel", _("Cancel")
        KEEP = "keep", _("Keep: we do it ourselves")

    class Outcome(models.TextChoices):
        WAITING = "waiting", _("Not told yet")
        DONE = "done", _("Done")
        KEPT = "kept", _("Stays as it is")
        DROPPED = "dropped", _("Not done: look at it")
        UNDONE = "undone", _("Undone")

    plan = models.ForeignKey(ClosingPlan, models.CASCADE, related_name="rows")
    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="+")
    version = models.PositiveIntegerField()
    was_at = models.DateTimeField(help_text=_("When the visit was to begin."))
    choice = models.CharField(max_length=10, choices=Choice)
    starts = models.JSONField(
        default=list, help_text=_("Times to offer, as instants in text.")
    )
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.WAITING)
    why = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField(null=True, blank=True)

    objects = ClosingRowQuerySet.as_manager()

    class Meta:
        ordering = ["plan", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["appointment"],
                condition=Q(outcome="waiting"),
                name="closing_one_plan_a_visit",
            ),
            models.UniqueConstraint(
                fields=["plan", "appointment"], name="closing_one_row_a_visit"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} {self.appointment_id}: {self.outcome}"
