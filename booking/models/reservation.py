"""Time taken: the one idea of "busy" in the whole system."""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.deletion import Collector

from booking import policy

from .resource import Closure, Resource


class ReservationQuerySet(models.QuerySet["Reservation"]):
    def live(self, now: datetime) -> "ReservationQuerySet":
        """Leave out holds and offers that have lapsed, whether cleared or not."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))

    def lapsed(self, now: datetime) -> "ReservationQuerySet":
        """Return holds and offers that hold nothing any more."""
        return self.filter(expires_at__lte=now)

    def soft_holds(self) -> "ReservationQuerySet":
        """Return what is held for forms being filled in.

        Greater than nothing, rather than not nothing, for the sake of the index.
        """
        return self.filter(hold_key__gt="")

    def held_under(self, key: str) -> "ReservationQuerySet":
        """Return what somebody holds for the form that they fill in."""
        return self.soft_holds().filter(hold_key=key)

    def overlapping(self, start: datetime, end: datetime) -> "ReservationQuerySet":
        """Return what touches the half-open `[start, end)`.

        The lower bound on `start` keeps the years before out of the index scan.
        """
        return self.filter(
            start__gt=start - policy.LONGEST, start__lt=end, end__gt=start
        )


# What is taken by a visit or a form, not by a closure.
TAKEN = Q(closure=None)


def keep_while_taken(
    collector: Collector, field: Any, rows: "models.QuerySet[Reservation]", using: str
) -> None:
    """Refuse to delete a resource that a visit or a form takes, for `on_delete`.

    The time that closures hold of it goes with it: a closure of the whole clinic holds
    some of every resource, also of one that was added by mistake.
    """
    taken = rows.filter(TAKEN)
    if taken.exists():
        models.PROTECT(collector, field, taken, using)
    models.CASCADE(collector, field, rows.exclude(TAKEN), using)


# `services.in_use` counts them.
keep_while_taken.kept = TAKEN  # type: ignore[attr-defined]


class Reservation(models.Model):
    """`[start, end)` on one resource, buffers inside, 25 hours at most.

    A row exists only while it holds time, for exactly one of: a visit or an open
    proposal of it (`appointment`), a form being filled in (`hold_key`), or a closure.
    The database refuses two that overlap on one resource, whoever writes them; see
    `booking.guards`. Only `workflow` writes here.
    """

    # Found by `reservation_busy`.
    resource = models.ForeignKey(
        Resource, keep_while_taken, related_name="reservations", db_index=False
    )
    start = models.DateTimeField()
    end = models.DateTimeField()
    appointment = models.ForeignKey(
        "booking.Appointment",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reservations",
    )
    proposal = models.ForeignKey(
        "booking.Proposal",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reservations",
    )
    closure = models.ForeignKey(
        Closure,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="reservations",
        db_index=False,
    )
    hold_key = models.CharField(max_length=64, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    objects = ReservationQuerySet.as_manager()

    class Meta:
        ordering = ["start", "resource"]
        indexes = [
            # All that free times ask of a reservation, so that its row is not read.
            models.Index(
                fields=["resource", "start", "end", "expires_at", "closure"],
                name="reservation_busy",
            ),
            # Without the rows of visits, which are nearly all: SQLite would go through
            # those when it is asked for what no closure holds.
            models.Index(
                fields=["closure"],
                name="reservation_of_closure",
                condition=Q(closure__isnull=False),
            ),
            # Without the rows of visits, either. Who asks says that the key is greater
            # than nothing, or this cannot be used.
            models.Index(
                fields=["hold_key"],
                name="reservation_held",
                condition=Q(hold_key__gt=""),
            ),
            # Whoever takes time clears what has lapsed: a few among all the rows.
            models.Index(
                fields=["resource", "expires_at"],
                name="reservation_lapses",
                condition=Q(expires_at__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(end__gt=F("start")), name="reservation_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=Q(
                    appointment__isnull=False, closure__isnull=True, hold_key=""
                )
                | Q(
                    appointment__isnull=True,
                    proposal__isnull=True,
                    closure__isnull=False,
                    hold_key="",
                )
                | (
                    Q(
                        appointment__isnull=True,
                        proposal__isnull=True,
                        closure__isnull=True,
                        expires_at__isnull=False,
                    )
                    & ~Q(hold_key="")
                ),
                name="reservation_is_for_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource_id}: {self.start:%Y-%m-%d %H:%M}–{self.end:%H:%M}"
