"""The form of the search."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from services.searching import LONGEST

from .base import StepForm


class SearchForm(StepForm):
    """What somebody is looking for on the site, in their words."""

    heading = _("Search this site")
    button = _("Search")

    q = forms.CharField(
        label=_("What are you looking for?"),
        max_length=LONGEST,
        help_text=_("For example: a nerve test, a blood thinner, what it costs."),
        widget=forms.TextInput(
            {"autocomplete": "off", "enterkeyhint": "search", "type": "search"}
        ),
        error_messages={
            "required": _("Write what you are looking for, in a word or two."),
            "max_length": _("Write a few words only."),
        },
    )

    @property
    def helper(self) -> Any:
        helper = super().helper
        helper.attrs = {"role": "search"}
        helper.disable_csrf = True
        return helper
