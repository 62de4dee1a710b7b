"""When somebody who waits could come, and what they say to an offer."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from booking import words
from booking.models import Part, Proposal, Resource, Wish
from booking.models.waiting import how_long
from services.models import Weekday

from .base import Row, StepForm, radios

HOUR, DAY = 60, 24 * 60
NOTICES = (2 * HOUR, DAY, 2 * DAY, 3 * DAY, 7 * DAY)
# Nobody waits for longer than this.
LONGEST = timedelta(days=365)
NONE_SUITS = "none"


def _day(label: Any, required: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        input_formats=["%Y-%m-%d", "%m/%d/%Y"],
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={
            "required": required,
            "invalid": _("Write the day in numbers, like 11/24/2026."),
        },
    )


class WishForm(StepForm):
    """A range of days, and what else has to fit. All is filled in to begin with."""

    heading = _("When could you come?")
    options_class = "row"

    earliest = _day(_("First day"), _("Write the first day on which you could come."))
    latest = _day(_("Last day"), _("Write the last day on which you could come."))
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Days of the week"),
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": _("Choose at least one day of the week."),
            "invalid_choice": _("Choose from the days shown."),
        },
    )
    part = radios(
        _("Time of day"),
        [("any", _("Any time")), *Part.choices],
        required=_("Choose the time of day."),
    )
    notice = forms.TypedChoiceField(
        label=_("How long before a visit do you need to know?"),
        coerce=int,
        error_messages={
            "required": _("Choose how long before you need to know."),
            "invalid_choice": _("Choose how long before you need to know."),
        },
    )
    clinician = forms.ChoiceField(
        label=_("Clinician"),
        required=False,
        error_messages={"invalid_choice": _("Choose a clinician from the list.")},
    )

    def __init__(
        self,
        *args: Any,
        today: date,
        last: date,
        weekdays: Sequence[int],
        clinicians: Mapping[str, Resource],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.today, self.limit = today, today + LONGEST
        self.clinicians = clinicians
        defaults: dict[str, Any] = {
            "earliest": min(today + timedelta(days=1), last),
            "latest": last,
            "weekdays": list(weekdays),
            "part": "any",
            "notice": DAY,
        }
        self.initial = defaults | dict(self.initial)
        self._choices("weekdays", [(day, str(Weekday(day).label)) for day in weekdays])
        self._choices("notice", [(n, how_long(n)) for n in NOTICES])
        if len(clinicians) > 1:
            people = [(slug, words.who(who)) for slug, who in clinicians.items()]
            self._choices("clinician", [("", _g("Anyone")), *people])
        else:
            del self.fields["clinician"]

    def _choices(self, name: str, choices: list[tuple[Any, str]]) -> None:
        self.own(name).choices = choices

    def clean(self) -> None:
        first, last = (self.cleaned_data.get(n) for n in ("earliest", "latest"))
        if first and first < self.today:
            self.add_error("earliest", _("Choose a first day from today on."))
        if last and last > self.limit:
            self.add_error("latest", _("Choose a last day within a year."))
        if first and last and first > last:
            self.add_error("latest", _("The last day has to be after the first."))
        elif first and last and not self._has_day(first, last):
            self.add_error(
                "weekdays",
                _("Choose a day of the week between the first day and the last."),
            )

    def _has_day(self, first: date, last: date) -> bool:
        """Tell whether a chosen day of the week comes; else they would wait in vain."""
        week = (first + timedelta(n) for n in range(min((last - first).days + 1, 7)))
        chosen = self.cleaned_data.get("weekdays")
        return not chosen or any(day.weekday() in chosen for day in week)

    @property
    def wish(self) -> Wish:
        """Return what was wished. Needs a valid form."""
        said = self.cleaned_data
        return Wish(
            earliest=said["earliest"],
            latest=said["latest"],
            weekdays=tuple(sorted(set(said["weekdays"]))),
            part="" if said["part"] == "any" else said["part"],
            notice=said["notice"],
        )

    @property
    def wanted_clinician(self) -> Resource | None:
        return self.clinicians.get(self.cleaned_data.get("clinician", ""))

    def contributes(self) -> dict[str, Any]:
        return {"wish": self.wish, "clinician": self.wanted_clinician}

    def rows(self) -> list[Row]:
        rows = [(str(_("Booked")), str(_("Not yet: on the waiting list")))]
        rows += self.wish.rows()
        if self.wanted_clinician:
            rows.append((str(_("With")), words.who(self.wanted_clinician)))
        return rows


class OfferForm(StepForm):
    """The times that are offered, and the word that none of them suits."""

    answer = radios(
        _("Which time would you like?"),
        [],
        required=_("Choose a time, or say that none suits you."),
    )

    def __init__(
        self, *args: Any, offers: Sequence[tuple[Proposal, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        none = (
            _g("None of these suits me")
            if len(offers) > 1
            else _g("It does not suit me")
        )
        self.fields["answer"].choices = [  # type: ignore[attr-defined]
            *((str(offer.pk), said) for offer, said in offers),
            (NONE_SUITS, none),
        ]

    @property
    def taken(self) -> int | None:
        """Return the key of the chosen offer; None when none suits."""
        answer: str = self.cleaned_data["answer"]
        return None if answer == NONE_SUITS else int(answer)
