"""The practice, when it answers the phone, and who works there."""

from datetime import time
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from services.languages import said

from .content import HOW_TO_WRITE, Content


class Weekday(models.IntegerChoices):
    """ISO order, Monday first, as `datetime.date.weekday()` counts."""

    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


class Clinic(Content):
    """The one practice that this site is for. What is unknown stays empty, unseen."""

    content_fields = (
        "name", "summary", "street", "city", "region", "postal_code", "phone",
        "email", "getting_here", "step_free_access", "is_demo",
    )  # fmt: skip
    translated_fields = ("summary", "getting_here", "step_free_access")
    # Where nobody has said how one comes in.
    steps_unknown: ClassVar = _(
        "We have not written here yet if there are steps, a ramp or an elevator. Call"
        " us before you come, and tell us if you use a wheelchair, a walker or a cane."
    )

    name = models.CharField(max_length=120)
    summary = models.CharField(max_length=200, blank=True)
    street = models.CharField(max_length=120, blank=True)
    city = models.CharField(max_length=80, blank=True)
    region = models.CharField(_("state"), max_length=40, blank=True)
    postal_code = models.CharField(max_length=12, blank=True)
    phone = models.CharField(
        max_length=20,
        help_text=_("As people dial it, with the area code: (212) 555-0143."),
    )
    email = models.EmailField(blank=True)
    getting_here = models.TextField(blank=True, help_text=HOW_TO_WRITE)
    step_free_access = models.TextField(blank=True, help_text=HOW_TO_WRITE)
    is_demo = models.BooleanField(
        _("demo data"),
        default=False,
        help_text=_(
            "Shows on every page that the phone, hours and people are made up."
        ),
    )

    class Meta:
        verbose_name_plural = _("clinic")
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="clinic_is_one_row")
        ]

    def __str__(self) -> str:
        return self.name


def weekly(weekday: int, opens: time, closes: time) -> str:
    """Return a stretch of a week in words for staff: Monday 9:00 AM–5:00 PM."""
    begins, ends = (said(at, "g:i A") for at in (opens, closes))
    return f"{Weekday(weekday).label} {begins}–{ends}"


class OpeningHours(models.Model):
    """When the front desk answers the phone, in the clinic's wall time."""

    clinic = models.ForeignKey(Clinic, models.CASCADE, related_name="opening_hours")
    weekday = models.PositiveSmallIntegerField(choices=Weekday)
    opens = models.TimeField()
    closes = models.TimeField()

    class Meta:
        ordering = ["weekday", "opens"]
        verbose_name_plural = _("opening hours")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(closes__gt=models.F("opens")),
                name="opening_hours_close_after_they_open",
            )
        ]

    def __str__(self) -> str:
        return weekly(self.weekday, self.opens, self.closes)

    def clean(self) -> None:
        """Say in words what the constraint would say by its name."""
        if self.opens and self.closes and self.closes <= self.opens:
            raise ValidationError({"closes": _("The end must be after the start.")})


class ClinicianQuerySet(models.QuerySet["Clinician"]):
    def with_photos(self) -> "ClinicianQuerySet":
        """Read what names the photos along with them, and none of the pictures."""
        photos = self.select_related("photo").defer("photo__master")
        return photos.prefetch_related("photo__files")


class Clinician(Content):
    """A person who sees patients. The profession stands beside the name everywhere.

    Source: New York General Business Law 350-b (who promotes health services as
    "doctor" says the licensed profession next to it).
    """

    content_fields = (
        "slug", "name", "credentials", "profession", "languages", "biography",
        "order", "is_demo",
    )  # fmt: skip
    translated_fields = ("profession", "biography")

    slug = models.SlugField(_("end of the address"), unique=True)
    name = models.CharField(max_length=120)
    credentials = models.CharField(max_length=40, blank=True, help_text="MD")
    profession = models.CharField(max_length=120, help_text="physician (PM&R)")
    languages = models.CharField(max_length=120, blank=True)
    biography = models.TextField(blank=True, help_text=HOW_TO_WRITE)
    order = models.PositiveSmallIntegerField(default=0)
    is_demo = models.BooleanField(_("demo data"), default=False)

    objects = ClinicianQuerySet.as_manager()

    class Meta:
        ordering = ["order", "name"]

    def __str__(self) -> str:
        return ", ".join(filter(None, [self.name, self.credentials]))


class Edition(models.Model):
    """What the database changes with whatever the clinic sets up. One row.

    Triggers do (`booking.guards`), whoever writes. No two states of all that is set up
    have had the same mark: it is random, so that not even one that was rolled back has.
    """

    mark = models.CharField(max_length=36)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.mark
