import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from booking.messages import CLOSING_WORDS, DECLINE_WORDS, REFUSAL_WORDS, closing_note
from booking.models import Appointment
from booking.names import fold
from booking.policy import (
    SERIES_VISITS,
    SERIES_WEEKS,
    CancellationReason,
    ChangeRefusal,
    ClosingReason,
    DeclineReason,
)

from .words import REASONS

NOTE_LENGTH = 1000


class Edge(forms.Field):
    """Where a closed time begins or ends, by the clock on the wall.

    The hour that comes twice in autumn, and the one that spring leaves out, have two
    readings. Nobody is asked which: `widest` takes the one that closes more.
    """

    def __init__(
        self, widest: Callable[[list[datetime]], datetime], **options: Any
    ) -> None:
        super().__init__(**options)
        self.widest = widest

    def clean(self, value: Any) -> Any:
        try:
            return super().clean(value)
        except forms.ValidationError as errors:
            # Where a date and a time have an input each, there may be two.
            error = errors.error_list[0]
            if error.code != "ambiguous_timezone" or not error.params:
                raise
            wall, zone = error.params["datetime"], error.params["current_timezone"]
        # In UTC, since those of one zone are compared by wall time.
        readings = [wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
        return self.widest([reading.astimezone(UTC) for reading in readings])


class SplitEdgeField(Edge, forms.SplitDateTimeField):
    """The same, of a date and a time that have an input each."""


def _reasons() -> list[tuple[str, str | Promise]]:
    """Return each reason with the paragraph that the patient reads for it."""
    return [
        (
            reason.value,
            format_html("<b>{}</b> {}", REASONS[reason], DECLINE_WORDS[reason]),
        )
        for reason in DeclineReason
    ]


def _refusals() -> list[tuple[str, str | Promise]]:
    """Return each reason to leave a visit where it is, with what the patient reads."""
    return [
        (
            reason.value,
            format_html("<b>{}</b> {}", REASONS[reason], REFUSAL_WORDS[reason]),
        )
        for reason in ChangeRefusal
    ]


def _cancel_reasons() -> list[tuple[str, str | Promise]]:
    """Return each reason to cancel a booked visit, with what the patient reads."""
    by_us = _("We cancelled this appointment, and are sorry for the trouble.")
    told = [
        (
            CancellationReason.PATIENT,
            _("The patient asked for it"),
            _("You cancelled this appointment."),
        ),
        (ClosingReason.AWAY, _("Somebody is away"), CLOSING_WORDS[ClosingReason.AWAY]),
        (
            ClosingReason.EQUIPMENT,
            _("Equipment is out of use"),
            CLOSING_WORDS[ClosingReason.EQUIPMENT],
        ),
        (CancellationReason.CLINIC, _("Another reason of the clinic"), by_us),
    ]
    return [
        (reason.value, format_html("<b>{}</b> {}", name, words))
        for reason, name, words in told
    ]


def _why(reasons: Callable[[], list[tuple[str, str | Promise]]]) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=_("Why?"),
        help_text=_("The patient reads the sentence after each reason."),
        choices=reasons,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a reason.")},
    )


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
    reason = _why(_reasons)

    field_order = ["reason", "note", "private_note"]


class RefuseForm(AnswerForm):
    """Why a visit stays where it is, though the patient asked for another time."""

    reason = _why(_refusals)

    field_order = ["reason", "note", "private_note"]


class CancelForm(AnswerForm):
    """Who it is that cancels a booked visit, and why."""

    reason = _why(_cancel_reasons)

    field_order = ["reason", "note", "private_note"]

    def __init__(self, data: Any, visit: Appointment) -> None:
        super().__init__(data)
        self.visit = visit

    def clean(self) -> dict[str, Any]:
        """Put the sentence of a reason of ours before the note, in their language."""
        cleaned: dict[str, Any] = self.cleaned_data
        reason = cleaned.get("reason")
        if reason in CLOSING_WORDS and "note" in cleaned:
            why = closing_note(self.visit, reason)
            cleaned["note"] = f"{why} {cleaned['note']}".strip()
        return cleaned


class SeriesForm(forms.Form):
    """How many visits, how far apart and with whom; which time of a request is first.

    It offers `firsts`, the times of a request, and the `clinicians`, key and words.
    """

    first = forms.ChoiceField(label=_("Which time is the first?"))
    count = forms.IntegerField(
        label=_("How many visits in all?"),
        help_text=_("2 to 26, the first included."),
        min_value=SERIES_VISITS.start,
        max_value=SERIES_VISITS.stop - 1,
    )
    weeks = forms.IntegerField(
        label=_("How many weeks apart?"),
        help_text=_("1 to 12, always at the same time of day."),
        min_value=SERIES_WEEKS.start,
        max_value=SERIES_WEEKS.stop - 1,
    )
    clinician = forms.ChoiceField(label=_("Who sees the patient?"), required=False)

    def __init__(
        self,
        data: Any,
        *,
        firsts: Sequence[tuple[str, str]],
        clinicians: Sequence[tuple[str, str]],
    ) -> None:
        super().__init__(data)
        for name, offered in (("first", firsts), ("clinician", clinicians)):
            if offered:
                self.fields[name].choices = offered  # type: ignore[attr-defined]
            else:
                del self.fields[name]


def not_one_letter(text: str) -> None:
    """Refuse to go through all names for letters that most of them have in them.

    One sign of a script that writes words in signs is a name.
    """
    letters = [word for word in fold(text).split() if len(word) == 1 and word.isascii()]
    if letters and " ".join(letters) == fold(text) and not re.search(r"\d", text):
        raise forms.ValidationError(
            _("Type two letters of a name or more: one stands in nearly every name.")
        )


class FindForm(forms.Form):
    wanted = forms.CharField(
        label=_("Reference, name, birth date, phone number or email"),
        help_text=_(
            "For example K7MP-3QXD, Alvarez, 02/29/1980, 555-0143, or some of it"
            " together: rosa alv 2/29/80. Of a name or a phone number, a part will do."
        ),
        max_length=254,
        error_messages={"required": _("Type what you are looking for.")},
        validators=[not_one_letter],
    )
