"""What keeps programs out without a puzzle for people."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from .base import StepForm

# Nobody reads and answers all pages faster; a program does.
FASTEST = timedelta(seconds=2)


class HoneypotForm(StepForm):
    """A form with a field that people never see.

    Shown again, the field is empty: who has it filled in by the browser can go on.
    """

    # Hidden for the error summary; the template shows it off the page as a text field.
    website = forms.CharField(
        required=False, max_length=200, widget=forms.HiddenInput, empty_value=""
    )

    def clean(self) -> None:
        if self.cleaned_data.get("website") or "website" in self.errors:
            self.errors.pop("website", None)
            self.add_error(
                None,
                _(
                    "A field that has to stay empty was filled in. Nothing is lost:"
                    " press the button again."
                ),
            )


class SendForm(HoneypotForm):
    """The last button. The age comes from the draft, which nobody else can write.

    `seen` is the digest of the answers that the page showed: what another window has
    changed since is shown before it is sent.
    """

    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, digest: str, began: datetime, now: datetime, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.digest = digest
        self.age = now - began

    def clean(self) -> None:
        super().clean()
        seen = self.cleaned_data.get("seen", "")
        if not constant_time_compare(seen, self.digest):
            self.errors.pop("seen", None)
            self.add_error(
                None,
                _(
                    "Your answers have changed since you opened this page, perhaps in"
                    " another window. Look at them again, then press the button."
                    " Nothing was sent."
                ),
            )
        if self.age < FASTEST:
            self.add_error(
                None,
                _(
                    "That was very quick. Look at your answers, then press the button"
                    " again. Nothing is lost."
                ),
            )
