"""The plan of a series, as its page shows it and sends it back."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking import once, planner, workflow
from booking.errors import BookingError, DifferentForm
from booking.forms import parse_instant
from booking.models import Appointment, Practice, Proposal, Resource
from booking.planner import Series
from booking.policy import Status
from booking.queue import judge
from booking.workflow import By
from services.numbers import whole_number

from .forms import SeriesForm
from .words import full_time, moment

USUAL = {"count": "6", "weeks": "1"}


class SeriesPlan:
    """What was said on the page, or the usual, and what the page shows for it.

    `firsts` are the times of a request that can be had, by the key of each. When the
    one that was chosen went meanwhile, the next takes its place.
    """

    def __init__(self, visit: Appointment, said: QueryDict, now: datetime) -> None:
        self.visit = visit
        self.said = said
        self.now = now
        self.problem = ""
        self.booked: list[int] = []
        self.chosen: dict[int, planner.Pick | None] | None = None
        self.firsts = self._firsts()
        practice = Practice.read()
        self.clinicians = {
            one.pk: one for one in planner.clinicians_for(visit.visit_type, practice)
        }
        data = said.dict() if "count" in said else dict(USUAL)
        if self.firsts and data.get("first") not in self.firsts:
            if "count" in said:
                self.problem = _(
                    "The first time can no longer be had. Nothing was booked, and what"
                    " you chose is still here."
                )
            data["first"] = next(iter(self.firsts))
        self.form = SeriesForm(
            data,
            firsts=[(key, moment(p.start, now)) for key, p in self.firsts.items()],
            clinicians=self._offered({}),
        )

    def _offered(self, fits: Mapping[Resource, int]) -> list[tuple[str, str]]:
        """Return who can be chosen to see the patient, once it is known how often."""
        if len(self.clinicians) < 2:
            return []
        usual = _("Whoever can do most of the visits")
        if wanted := self.clinicians.get(self.visit.wanted_clinician_id or 0):
            usual = _("%(who)s, whom the patient asked for") % {"who": wanted}
        can = _("%(who)s, can do %(n)s of the times planned")
        return [("", usual)] + [
            (str(one.pk), can % {"who": one, "n": fits.get(one, 0)})
            for one in self.clinicians.values()
        ]

    def _firsts(self) -> dict[str, Proposal]:
        if self.visit.status != Status.PENDING:
            return {}
        (line,) = judge([self.visit], self.now)
        return {str(c.proposal.pk): c.proposal for c in line.free}

    @property
    def asked(self) -> Proposal | None:
        """Return at which of its times a request would be accepted."""
        return self.firsts.get(self.form.data.get("first", ""))

    @property
    def first(self) -> datetime | None:
        """Return when the series begins; None when no time asked for can be had."""
        return self.asked.start if self.asked else self.visit.start

    def is_fit(self) -> bool:
        """Tell whether the plan can be booked as it was sent."""
        if not self.form.is_valid() or not self.first:
            return False
        numbers = range(1, self.form.cleaned_data["count"] + 1)
        try:
            self.chosen = {n: self._chosen(n) for n in numbers}
        except ValidationError as error:
            self.form.add_error(None, error)
        else:
            if not any(pick for n, pick in self.chosen.items() if n > 1):
                self.form.add_error(None, _("Choose at least one visit more."))
        return not (self.problem or self.form.errors)

    def _chosen(self, number: int) -> planner.Pick | None:
        text, _slash, key = self.said.get(f"visit_{number}", "").partition("/")
        choose, clinician = _("Choose from the times shown."), whole_number(key)
        if key and clinician not in self.clinicians:
            raise ValidationError(choose)
        return (parse_instant(text, choose), clinician) if text else None

    def book(self, by: By) -> list[Appointment]:
        """Book what was chosen. Raises as `workflow.book_series`. Needs a fit plan."""
        assert self.first  # noqa: S101 -- it is fit
        chosen = self.chosen or {}
        _start, clinician = chosen.get(1) or (self.first, None)
        others = [pick for n, pick in chosen.items() if n > 1 and pick]
        picks = [(self.first, clinician), *others]
        return workflow.book_series(
            self.visit.pk,
            [start for start, _clinician in picks],
            by=by,
            now=self.now,
            key=once.key_in(self.said) or uuid.uuid4(),
            clinicians=[self.clinicians[pk] if pk else None for _start, pk in picks],
            wanted=self.clinicians.get(self._said_clinician or 0),
            seen_version=whole_number(self.said.get("seen_version", "")) or 0,
        )

    def outcome(self, visits: list[Appointment]) -> str:
        """Return what came of it, in words."""
        last = visits[-1].start
        said = ngettext(
            "%(n)s visit is booked.", "%(n)s visits are booked.", len(visits)
        ) % {"n": len(visits)}
        if last:
            said += " " + _("The last is on %(day)s.") % {"day": full_time(last)}
        if out := self.form.cleaned_data["count"] - len(visits):
            left = ngettext("%(n)s was left out.", "%(n)s were left out.", out)
            said += " " + left % {"n": out}
        return said

    def refused(self, error: BookingError) -> None:
        """Keep why nothing was booked, to be said above the plan."""
        self.problem = str(error)
        if isinstance(error, DifferentForm):
            self.booked = error.params["answer"]

    @property
    def _said_clinician(self) -> int | None:
        """Return whom staff chose for the series, by key. Needs a valid form."""
        return whole_number(self.form.cleaned_data.get("clinician", ""))

    def series(self) -> Series | None:
        """Return the plan; None while it is not said how many visits there are."""
        first = self.asked or self.visit.start
        if (self.form.errors and not self.form.non_field_errors()) or not first:
            return None
        said = self.form.cleaned_data
        return planner.plan(
            self.visit,
            first,
            said["count"],
            said["weeks"],
            now=self.now,
            clinician=self._said_clinician,
            chosen=self.chosen,
        )

    def context(self) -> dict[str, Any]:
        """Return all that the page shows, with a key of its own for the next time."""
        series = self.series()
        if series and "clinician" in self.form.fields:
            field = self.form.fields["clinician"]
            field.choices = self._offered(series.fits)  # type: ignore[attr-defined]
        return {
            "visit": self.visit,
            "form": self.form,
            "first": self.first,
            "asked": self.asked,
            "series": series,
            "with_whom": with_whom(series) if series else "",
            "problem": self.problem,
            "booked": self.booked,
            "form_key": uuid.uuid4(),
            "now": self.now,
        }


def with_whom(series: Series) -> str:
    """Return who sees the patient as it is planned, and at which visits others do."""
    if series.clinician is None:
        return ""
    planned = {line.number: line.chosen for line in series.lines}
    others = [
        _("visit %(n)s with %(who)s") % {"n": n, "who": option.clinician}
        for n, option in {1: series.first, **planned}.items()
        if option and option.clinician != series.clinician
    ]
    if not others:
        return _("As planned here, all are with %(who)s.") % {"who": series.clinician}
    return _("As planned here, all are with %(who)s, but for %(others)s.") % {
        "who": series.clinician,
        "others": ", ".join(others),
    }
