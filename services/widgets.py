"""Inputs for pictures, and for dates and times that the browser itself fills in."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime
from django.db import models
from django.forms.widgets import Script

from . import photos
from .models import Photo


class Unlabelled(forms.HiddenInput):
    """A hidden field, for which Django's admin writes a label that may name none."""

    def id_for_label(self, id_: str | None) -> str:
        return ""


class PlainDate(forms.DateInput):
    """An ISO date, which is what the browser sends for this type of input."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class PlainTime(forms.TimeInput):
    input_type = "time"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%H:%M")


class PlainDateTime(AdminSplitDateTime):
    """A date and a time in the clinic's zone.

    Django's own offers "now" by the clock of the computer at hand, and a note on how
    far that is from the clinic's.
    """

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        forms.MultiWidget.__init__(self, [PlainDate, PlainTime], attrs)


class PictureInput(forms.FileInput):
    """A picture to upload, beside the one that is there, with its main point marked.

    The form says of which photo; the numbers of the point are fields of their own,
    `focus_x` and `focus_y`, which a click on the picture fills in.
    """

    template_name = "admin/widgets/picture.html"
    photo: Photo

    class Media:
        js = [Script("js/main_point.js", defer=True)]

    def get_context(self, *args: Any) -> dict[str, Any]:
        is_there = self.photo.pk is not None
        return super().get_context(*args) | {
            "glance": photos.glance(self.photo) if is_there else None,
            "focus": self.photo.focus,
        }


PLAIN: dict[Any, Any] = {
    models.DateField: {"widget": PlainDate},
    models.TimeField: {"widget": PlainTime},
    models.DateTimeField: {
        "form_class": forms.SplitDateTimeField,
        "widget": PlainDateTime,
    },
}
