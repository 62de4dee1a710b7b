"""The plan of a series, as its page shows it and sends it back."""

import uuid
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking import once, planner, workflow
from booking.errors import BookingError, DifferentForm
from booking.forms import parse_instant
from booking.models import Appointment
from booking.planner import Line
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
        self.chosen: dict[int, datetime | None] | None = None
        self.firsts = self._firsts()
        data = said.dict() if "count" in said else dict(USUAL)
        if self.firsts and data.get("first") not in self.firsts:
            if "count" in said:
                self.problem = _(
                    "The first time can no longer be had. Nothing was booked, and what"
                    " you chose is still here."
                )
            data["first"] = next(iter(self.firsts))
        offered = [(key, moment(at, now)) for key, at in self.firsts.items()]
        self.form = SeriesForm(data, firsts=offered)

    def _firsts(self) -> dict[str, datetime]:
        if self.visit.status != Status.PENDING:
            return {}
        (line,) = judge([self.visit], self.now)
        return {str(c.proposal.pk): c.proposal.start for c in line.free}

    @property
    def first(self) -> datetime | None:
        """Return when the series begins; None when no time asked for can be had."""
        return self.visit.start or self.firsts.get(self.form.data.get("first", ""))

    def is_fit(self) -> bool:
        """Tell whether the plan can be booked as it was sent."""
        if not self.form.is_valid() or not self.first:
            return False
        numbers = range(2, self.form.cleaned_data["count"] + 1)
        try:
            self.chosen = {n: self._chosen(n) for n in numbers}
        except ValidationError as error:
            self.form.add_error(None, error)
        else:
            if not any(self.chosen.values()):
                self.form.add_error(None, _("Choose at least one visit more."))
        return not (self.problem or self.form.errors)

    def _chosen(self, number: int) -> datetime | None:
        text = self.said.get(f"visit_{number}", "")
        choose = _("Choose from the times shown.")
        return parse_instant(text, choose) if text else None

    def book(self, by: By) -> list[Appointment]:
        """Book what was chosen. Raises as `workflow.book_series`. Needs a fit plan."""
        starts = [self.first, *(self.chosen or {}).values()]
        return workflow.book_series(
            self.visit.pk,
            [start for start in starts if start],
            by=by,
            now=self.now,
            key=once.key_in(self.said) or uuid.uuid4(),
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

    def lines(self) -> list[Line]:
        """Return the visits after the first; none while it is not said how many."""
        if (self.form.errors and not self.form.non_field_errors()) or not self.first:
            return []
        said = self.form.cleaned_data
        return planner.plan(
            self.visit,
            self.first,
            said["count"],
            said["weeks"],
            now=self.now,
            chosen=self.chosen,
        )

    def context(self) -> dict[str, Any]:
        """Return all that the page shows, with a key of its own for the next time."""
        return {
            "visit": self.visit,
            "form": self.form,
            "first": self.first,
            "lines": self.lines(),
            "problem": self.problem,
            "booked": self.booked,
            "form_key": uuid.uuid4(),
            "now": self.now,
        }
