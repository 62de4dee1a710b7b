from django import forms
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from booking.messages import DECLINE_WORDS
from booking.policy import DeclineReason

from .words import REASONS

NOTE_LENGTH = 1000


def _reasons() -> list[tuple[str, str | Promise]]:
    """Return each reason with the paragraph that the patient reads for it."""
    return [
        (
            reason.value,
            format_html("<b>{}</b> {}", REASONS[reason], DECLINE_WORDS[reason]),
        )
        for reason in DeclineReason
    ]


class AnswerForm(forms.Form):
    """What staff add as they decline or cancel."""

    note = forms.CharField(
        label=_("Note to the patient"),
        help_text=_(
            "The patient reads this in the message. Write nothing about health."
        ),
        required=False,
        max_length=NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    private_note = forms.CharField(
        label=_("Private note"),
        help_text=_("Only staff see this."),
        required=False,
        max_length=NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class DeclineForm(AnswerForm):
    reason = forms.ChoiceField(
        label=_("Why?"),
        help_text=_("The patient reads the sentence after each reason."),
        choices=_reasons,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a reason.")},
    )

    field_order = ["reason", "note", "private_note"]


class FindForm(forms.Form):
    wanted = forms.CharField(
        label=_("Reference, name, birth date or phone number"),
        help_text=_("For example K7MP-3QXD, Alvarez, 02/29/1980 or 555-0143."),
        max_length=80,
        error_messages={"required": _("Type what you are looking for.")},
    )
