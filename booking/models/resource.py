"""Who and what a visit needs, and when they can be had."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from booking.availability import WeeklyHours
from booking.policy import LONGEST_BUFFER
from services import rows
from services.models import Clinician, Weekday
from services.models.clinic import weekly


class ResourceQuerySet(models.QuerySet["Resource"]):
    def active(self) -> "ResourceQuerySet":
        """Return what can be booked at all."""
        return self.filter(is_active=True)

    def lock(self, ids: Collection[int]) -> list[int]:
        """Lock the rows until the transaction ends; return their keys, sorted.

        Whoever takes or frees time on a resource holds its lock, so losers of a race
        wait here and then see the winner's rows. Always one order: two acts that want
        the same two resources cannot deadlock. `no_key` leaves foreign key checks of
        other inserts alone. On SQLite the IMMEDIATE transaction is already such a lock.
        """
        if not ids:
            return []
        marks, keys = rows.listed(sorted(ids))
        locks = connection.features.has_select_for_no_key_update
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id FROM booking_resource WHERE id IN ({marks}) ORDER BY id"  # noqa: S608 -- only marks
                + (" FOR NO KEY UPDATE" if locks else ""),
                keys,
            )
            return [key for (key,) in cursor.fetchall()]


class Resource(models.Model):
    """A clinician, a room or a machine: it can be in one visit at a time."""

    class Kind(models.TextChoices):
        CLINICIAN = "clinician", _("Clinician")
        ROOM = "room", _("Room")
        MACHINE = "machine", _("Machine")

    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(
        max_length=80, help_text=_("What staff call it: Room 2, EMG machine.")
    )
    clinician = models.OneToOneField(
        Clinician,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="resource",
        help_text=_("Whose time this is. Only for a clinician."),
    )
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        verbose_name=_("account"),
        related_name="resource",
        help_text=_("With which this clinician signs in and sees their own day."),
    )
    is_active = models.BooleanField(
        _("can be booked"),
        default=True,
        help_text=_("Turn off to stop new visits; what is booked stays."),
    )
    buffer_before = models.PositiveSmallIntegerField(
        _("minutes it needs before a visit"),
        default=0,
        help_text=_("To warm up, for example. The longer of this and the visit’s own."),
    )
    buffer_after = models.PositiveSmallIntegerField(
        _("minutes it needs after a visit"),
        default=0,
        help_text=_("To be cleaned, for example. The longer of this and the visit’s."),
    )
    order = models.PositiveSmallIntegerField(default=0)

    objects = ResourceQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "order", "name"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "name"], name="one_name_a_kind"),
            models.CheckConstraint(
                condition=Q(kind="clinician", clinician__isnull=False)
                | (~Q(kind="clinician") & Q(clinician__isnull=True)),
                name="clinician_only_on_a_clinician",
                violation_error_message=_("Choose a clinician only for a clinician."),
            ),
            models.CheckConstraint(
                condition=Q(kind="clinician") | Q(user__isnull=True),
                name="account_only_of_a_clinician",
                violation_error_message=_("Choose an account only for a clinician."),
            ),
            models.CheckConstraint(
                condition=Q(
                    buffer_before__lte=LONGEST_BUFFER, buffer_after__lte=LONGEST_BUFFER
                ),
                name="resource_buffers_are_short",
                violation_error_message=_(
                    "The minutes before and after a visit are at most 360 (6 hours)."
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Hours(models.Model):
    """One stretch of a week in which a resource can be booked, in wall time.

    A room or a machine without any hours is there whenever the clinician is.
    """

    resource = models.ForeignKey(Resource, models.CASCADE, related_name="hours")
    weekday = models.PositiveSmallIntegerField(choices=Weekday)
    opens = models.TimeField()
    closes = models.TimeField()
    break_starts = models.TimeField(null=True, blank=True)
    break_ends = models.TimeField(null=True, blank=True)
    valid_from = models.DateField(_("from"), null=True, blank=True)
    valid_until = models.DateField(
        _("until"), null=True, blank=True, help_text=_("The last day, included.")
    )

    class Meta:
        ordering = ["weekday", "opens"]
        verbose_name_plural = _("weekly hours")
        constraints = [
            models.CheckConstraint(
                condition=Q(closes__gt=F("opens")),
                name="hours_close_after_they_open",
                violation_error_message=_("The end must be after the start."),
            ),
            models.CheckConstraint(
                # A comparison with null is unknown, which a database lets pass.
                condition=Q(break_starts__isnull=True, break_ends__isnull=True)
                | Q(
                    break_starts__isnull=False,
                    break_ends__isnull=False,
                    break_starts__gt=F("opens"),
                    break_ends__gt=F("break_starts"),
                    break_ends__lt=F("closes"),
                ),
                name="hours_break_lies_inside",
                violation_error_message=_(
                    "A break has a start and an end, both inside the hours."
                ),
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True)
                | Q(valid_until__isnull=True)
                | Q(valid_until__gte=F("valid_from")),
                name="hours_end_after_they_begin",
                violation_error_message=_("The last day must not be before the first."),
            ),
        ]

    def __str__(self) -> str:
        return weekly(self.weekday, self.opens, self.closes)

    def as_weekly(self) -> WeeklyHours:
        """Return the value that the engine reads."""
        return WeeklyHours(
            weekday=self.weekday,
            opens=self.opens,
            closes=self.closes,
            break_starts=self.break_starts,
            break_ends=self.break_ends,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
        )


# Far enough from both ends of the calendar to count a few days on or back.
YEARS = range(2000, 3000)
LONGEST_CLOSURE = timedelta(days=366)


class ClosureQuerySet(models.QuerySet["Closure"]):
    def overlapping(self, start: datetime, end: datetime) -> "ClosureQuerySet":
        """Return the closures that touch `[start, end)`."""
        return self.filter(start__lt=end, end__gt=start)


class Closure(models.Model):
    """Time in which the whole clinic, or one resource, takes no visits.

    Its time is held by reservations, written by `workflow`, so that the database itself
    refuses a visit there. Visits that were booked before stay until staff move them.
    """

    resource = models.ForeignKey(
        Resource,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="closures",
        help_text=_("Leave empty to close the whole clinic."),
    )
    start = models.DateTimeField()
    end = models.DateTimeField()
    reason = models.CharField(
        _("what patients read"),
        max_length=80,
        help_text=_("Thanksgiving, training day. For leave write only “away”."),
    )

    objects = ClosureQuerySet.as_manager()

    class Meta:
        ordering = ["start"]
        constraints = [
            models.CheckConstraint(
                condition=Q(end__gt=F("start")),
                name="closure_ends_after_it_starts",
                violation_error_message=_("The end must be after the start."),
            )
        ]

    def __str__(self) -> str:
        return self.reason

    def clean(self) -> None:
        """Refuse what has no length, and lengths that only a typing mistake gives.

        A closure holds its time day by day, on every resource that it closes.
        """
        if not (self.start and self.end):
            return
        if not (self.start.year in YEARS and self.end.year in YEARS):
            raise ValidationError({"end": _("Check the year.")}, code="year")
        if self.end <= self.start:
            raise ValidationError(
                {"end": _("The end must be after the start.")}, code="end_before_start"
            )
        if self.end - self.start > LONGEST_CLOSURE:
            raise ValidationError(
                {
                    "end": _(
                        "A closure lasts a year at most. For longer, make the resource"
                        " inactive."
                    )
                },
                code="too_long",
            )
