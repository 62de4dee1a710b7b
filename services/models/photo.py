"""Pictures, what browsers get of them, and what old versions of pages show."""

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from .clinic import Clinician
from .content import Translated


class WithoutPictures(models.Manager[Any]):
    """Rows without what is large in them, which is read when somebody asks for it."""

    def get_queryset(self) -> models.QuerySet[Any]:
        fields = self.model._meta.concrete_fields
        large = [f.name for f in fields if isinstance(f, models.BinaryField)]
        return super().get_queryset().defer(*large)


class Photo(Translated):
    """A picture as `photos.master` has made it from what was uploaded.

    It is of a clinician, stands on the page of a service, or shows the clinic. `alt`
    says what it shows; of a clinician that is the name. What must not be cut off is at
    `focus`, in percent from the left and from the top.
    """

    content_fields = ("alt", "order", "focus_x", "focus_y")
    translated_fields = ("alt",)

    clinician = models.OneToOneField(
        Clinician, models.CASCADE, related_name="photo", null=True, editable=False
    )
    service = models.OneToOneField(
        "Service",
        models.CASCADE,
        related_name="photo",
        null=True,
        blank=True,
        error_messages={
            "unique": _("This page has a photo already. Change that one instead.")
        },
    )
    alt = models.CharField(
        _("what it shows"),
        max_length=160,
        blank=True,
        help_text=_(
            "One sentence for people who do not see the picture. Other languages have"
            " theirs under “Translations”."
        ),
    )
    order = models.PositiveSmallIntegerField(_("place in the page"), default=0)
    master = models.BinaryField()
    focus_x = models.PositiveSmallIntegerField(
        _("main point, from the left"),
        default=50,
        validators=[MaxValueValidator(100)],
        help_text=_("0 is the left edge of the picture, 100 the right one."),
    )
    focus_y = models.PositiveSmallIntegerField(
        _("main point, from the top"),
        default=50,
        validators=[MaxValueValidator(100)],
        help_text=_("0 is the upper edge of the picture, 100 the lower one."),
    )

    objects = WithoutPictures()

    class Meta:
        ordering = ["order", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(clinician=None) | models.Q(service=None),
                name="photo_has_one_place",
            ),
            models.CheckConstraint(
                condition=models.Q(clinician__isnull=False) | ~models.Q(alt=""),
                name="photo_says_what_it_shows",
            ),
        ]

    def __str__(self) -> str:
        return self.alt or str(self.clinician)

    @property
    def focus(self) -> tuple[int, int]:
        return self.focus_x, self.focus_y

    def of_kind(self, kind: str) -> list["PhotoFile"]:
        """Return what there is in that format, the smallest first."""
        return [file for file in self.files.all() if file.kind == kind]


class PhotoFile(models.Model):
    """What browsers get of a photo: one format, one width.

    It stands in the database, so that it comes and goes with its photo in one
    transaction, is in every backup, and is the same on every web node.
    """

    photo = models.ForeignKey(Photo, models.CASCADE, related_name="files")
    kind = models.CharField(max_length=10, help_text="What follows image/.")
    width = models.PositiveSmallIntegerField(help_text="In pixels.")
    digest = models.CharField(max_length=32, db_index=True)
    data = models.BinaryField()

    objects = WithoutPictures()

    class Meta:
        ordering = ["width"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["photo", "kind", "width"], name="one_photo_file_a_width"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}, {self.width} px"

    def get_absolute_url(self) -> str:
        """Return where it is, which is the same for every language."""
        with override(settings.LANGUAGE_CODE):
            return reverse("services:photo", args=[self.digest, self.kind])


class KeptPicture(models.Model):
    """What `master` of a photo was in some version of a page, each picture once.

    The database refuses to change or delete one, see `booking.guards`.
    """

    digest = models.CharField(
        max_length=64, unique=True, help_text="Its SHA-256, in hexadecimal."
    )
    data = models.BinaryField()

    objects = WithoutPictures()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.digest
