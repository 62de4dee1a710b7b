"""Inputs for dates and times that the browser itself knows how to fill in."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime
from django.db import models


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


PLAIN: dict[Any, Any] = {
    models.DateField: {"widget": PlainDate},
    models.TimeField: {"widget": PlainTime},
    models.DateTimeField: {
        "form_class": forms.SplitDateTimeField,
        "widget": PlainDateTime,
    },
}
