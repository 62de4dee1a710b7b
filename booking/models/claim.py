"""Who of the staff has taken on what waits for a person."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from .appointment import Appointment


def colleagues() -> QuerySet[User]:
    """Return who may have a task: active, and with the right to answer; by name."""
    able = User.objects.with_perm("booking.answer_appointment")
    return able.order_by("first_name", "last_name", "username")


def name_of(user: User) -> str:
    return user.get_full_name() or user.get_username()


class ClaimQuerySet(models.QuerySet["Claim"]):
    def end(self, now: datetime) -> None:
        """Let nobody have what waits for nobody any more."""
        self.filter(until=None).update(until=now)

    def standing(self) -> "ClaimQuerySet":
        """Return who has what now. Who left, or lost the right, has nothing."""
        return self.filter(until=None, user__in=colleagues().order_by())


class Claim(models.Model):
    """One stretch in which a task of a visit was somebody's; still is, without `until`.

    What waits follows from the visit and its messages, see `booking.tasks`; a claim on
    what no longer waits means nothing. `by` is who gave it, the owner themselves or a
    colleague. Handed over, one ends and the next begins.
    """

    class Task(models.TextChoices):
        ANSWER = "answer", _("Answer the request")
        CALL = "call", _("Phone the patient")
        PAPER = "paper", _("Papers before the visit")
        OUTCOME = "outcome", _("Record the outcome")
        CLOSED = "closed", _("Booked in closed time")

    appointment = models.ForeignKey(Appointment, models.CASCADE, related_name="claims")
    task = models.CharField(max_length=10, choices=Task)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="claims"
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    objects = ClaimQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["appointment", "task"],
                condition=Q(until=None),
                name="claim_one_owner_a_task",
            )
        ]

    def __str__(self) -> str:
        return f"{self.appointment_id} {self.task}: {self.user_id}"

    @property
    def owner(self) -> str:
        """Return the name of whose it is."""
        return name_of(self.user)

    @property
    def giver(self) -> str:
        """Return the name of who gave it."""
        return name_of(self.by)
