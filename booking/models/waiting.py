"""The waiting list: who wants a time, or an earlier one, and how it is run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from services import languages
from services.models import Weekday

from .appointment import Appointment
from .office import clinic_zone
from .one_row import OneRow


class Part(models.TextChoices):
    """A part of the day, by the hour at which a visit starts."""

    MORNING = "morning", _("Morning")
    AFTERNOON = "afternoon", _("Afternoon")


@dataclass(frozen=True, slots=True)
class Wish:
    """When somebody who waits could come: both days included, in clinic time.

    `weekdays` count from Monday, 0. `part` is a `Part`, or "" for any. `notice` is how
    many minutes before a visit they have to know of it.
    """

    earliest: date
    latest: date
    weekdays: Sequence[int]
    part: str = ""
    notice: int = 0

    def in_range(self, start: datetime) -> bool:
        return self.earliest <= _local(start).date() <= self.latest

    def on_weekday(self, start: datetime) -> bool:
        return _local(start).weekday() in self.weekdays

    def in_part(self, start: datetime) -> bool:
        is_morning = _local(start).hour < 12
        return not self.part or is_morning == (self.part == Part.MORNING)

    def in_time(self, start: datetime, now: datetime) -> bool:
        """Tell whether they would know soon enough; an offer ends before its time."""
        return start > now and start - now >= timedelta(minutes=self.notice)

    def rows(self) -> list[tuple[str, str]]:
        """Return what it says, as label and words for patients and staff."""
        first, last = (
            languages.said(d, "l, F j") for d in (self.earliest, self.latest)
        )
        between = gettext("%(first)s and %(last)s") % {"first": first, "last": last}
        days = ", ".join(str(Weekday(day).label) for day in sorted(self.weekdays))
        if len(set(self.weekdays)) == len(Weekday):
            days = gettext("Any day")
        when = [(gettext("Between"), between), (gettext("Days"), days)]
        if self.earliest == self.latest:
            when = [(gettext("Day"), first)]
        part = str(Part(self.part).label) if self.part else gettext("Any time")
        notice = gettext("At least %(long)s before") % {"long": how_long(self.notice)}
        return [
            *when,
            (gettext("Time of day"), part),
            (gettext("Notice"), notice if self.notice else gettext("None needed")),
        ]

    def is_over(self, now: datetime) -> bool:
        """Tell whether the last day has passed."""
        return _local(now).date() > self.latest


def how_long(minutes: int) -> str:
    """Return a stretch of time in its largest whole unit: 2 hours, 3 days."""
    if minutes % (24 * 60) == 0 and minutes:
        days = minutes // (24 * 60)
        return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}
    if minutes % 60 == 0 and minutes:
        hours = minutes // 60
        return ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours}
    return ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": minutes}


def _local(at: datetime) -> datetime:
    return at.astimezone(clinic_zone())


class WaitingListQuerySet(models.QuerySet["WaitingListEntry"]):
    def open(self) -> "WaitingListQuerySet":
        """Return the wishes of those who wait."""
        return self.filter(ended_at=None)

    def in_order(self) -> "WaitingListQuerySet":
        """Return who waits, in the one order in which time is offered."""
        return self.open().order_by("joined_at", "pk")


class WaitingListEntry(models.Model):
    """A place on the list, for a visit without a time or for one that is booked.

    `workflow` alone writes it. A booked visit stays booked while it has one.
    """

    class WhyEnded(models.TextChoices):
        TOOK = "took", _("took a time")
        LEFT = "left", _("left the list")
        CANCELLED = "cancelled", _("the visit was cancelled")
        EXPIRED = "expired", _("the last day has passed")

    appointment = models.ForeignKey(
        Appointment, models.PROTECT, related_name="waiting_list_entries"
    )
    earliest = models.DateField()
    latest = models.DateField(help_text=_("The last day, included."))
    weekdays = models.CharField(max_length=7, help_text=_("0 is Monday: 01234."))
    part = models.CharField(max_length=10, choices=Part, blank=True)
    notice = models.PositiveIntegerField(_("notice, in minutes"), default=0)
    joined_at = models.DateTimeField()
    offers_made = models.PositiveSmallIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)
    why_ended = models.CharField(max_length=10, choices=WhyEnded, blank=True)

    objects = WaitingListQuerySet.as_manager()

    class Meta:
        ordering = ["joined_at", "pk"]
        verbose_name = _("place on the waiting list")
        verbose_name_plural = _("waiting list")
        indexes = [
            models.Index(
                fields=["joined_at"],
                name="waiting_in_order",
                condition=Q(ended_at=None),
            ),
            models.Index(fields=["joined_at"], name="waiting_joined"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["appointment"],
                condition=Q(ended_at=None),
                name="waiting_once_a_visit",
            ),
            models.CheckConstraint(
                condition=Q(latest__gte=F("earliest")),
                name="waiting_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=~Q(weekdays=""), name="waiting_for_a_weekday"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, why_ended="")
                | (Q(ended_at__isnull=False) & ~Q(why_ended="")),
                name="waiting_ended_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.appointment_id} {self.pk}"

    @property
    def wish(self) -> Wish:
        return Wish(
            self.earliest,
            self.latest,
            tuple(map(int, self.weekdays)),
            self.part,
            self.notice,
        )


class WaitingListRules(OneRow):
    """How freed time is offered: one row, which a manager sets."""

    batch = models.PositiveSmallIntegerField(
        _("people who are offered the same time"),
        default=1,
        validators=[MinValueValidator(1)],
        help_text=_(
            "With 1 the time is kept for that person until the offer ends. With more,"
            " nobody has it until the first of them takes it."
        ),
    )
    minutes_to_answer = models.PositiveIntegerField(
        _("minutes to answer"),
        default=180,
        validators=[MinValueValidator(1)],
        help_text=_(
            "Then the offer ends. Quiet hours do not count; for people whom we phone,"
            " only the clinic's opening hours do."
        ),
    )
    quiet_from = models.TimeField(
        _("quiet hours from"),
        default=time(20),
        help_text=_(
            "The clinic's time. In the quiet hours no offer is made, and nobody is"
            " reminded."
        ),
    )
    quiet_until = models.TimeField(
        _("quiet hours until"),
        default=time(8),
        help_text=_("The same as “from” means: there are none."),
    )
    most_offers = models.PositiveSmallIntegerField(
        _("offers to one person at most"),
        default=5,
        help_text=_("Then staff see that somebody should talk with them."),
    )

    class Meta:
        verbose_name = verbose_name_plural = _("waiting list rules")
        constraints = [
            models.CheckConstraint(
                condition=Q(pk=1), name="waiting_list_rules_are_one_row"
            ),
            models.CheckConstraint(
                condition=Q(batch__gte=1, minutes_to_answer__gte=1),
                name="waiting_list_offers_to_somebody",
                violation_error_message=_("Batch and minutes must be at least 1."),
            ),
        ]

    def __str__(self) -> str:
        return str(_("How freed time is offered"))

    def is_quiet(self, now: datetime) -> bool:
        """Tell whether it is a quiet hour by the clock on the clinic's wall."""
        wall = now.astimezone(clinic_zone()).time()
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= wall < self.quiet_until
        return wall >= self.quiet_from or wall < self.quiet_until
