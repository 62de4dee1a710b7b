"""The page on which staff choose times to offer, and see what the patient will read."""

from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from booking import messages, words, workflow
from booking.errors import TimeTaken
from booking.forms import InstantsField
from booking.models import Appointment, Ignoring
from booking.models.office import hours_to_answer
from booking.picker import Filters, Times
from booking.planner import distance
from booking.policy import MAX_CHOICES, TRANSITIONS, Act, Status
from booking.workflow import By

from .taken import by_whom
from .words import date_in, full_time, gone, moment

# For how many hours an offer may be open, and what is usual before an open day.
HOURS = (4, 24, 48, 72)
USUAL = 24


class OfferTimesForm(forms.Form):
    """One to three times, and until when the patient may answer."""

    starts = InstantsField(
        label=_("Times to offer"),
        most=MAX_CHOICES,
        error_messages={
            "required": _("Choose at least one time."),
            "most": _("Choose three times at most. Take the tick off the rest."),
        },
    )
    hours = forms.TypedChoiceField(
        label=_("The patient can answer until"),
        help_text=_(
            "We keep the times until then, or until the first of them begins if that is"
            " sooner."
        ),
        coerce=int,
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"),
            _("Choose until when the patient can answer."),
        ),
    )

    def __init__(self, data: Any, *, usual: int, now: datetime) -> None:
        super().__init__(data, initial={"hours": usual})
        self.fields["hours"].choices = [  # type: ignore[attr-defined]
            (str(n), moment(now + timedelta(hours=n), now))
            for n in sorted({*HOURS, usual})
        ]


class OfferPage:
    """What was chosen so far, or for a request the nearest that is free."""

    def __init__(self, visit: Appointment, said: QueryDict, now: datetime) -> None:
        self.visit = visit
        self.said = said
        self.now = now
        self.usual = hours_to_answer(USUAL, now)
        self.free = self._read()
        self.nearest = self._nearest()
        self.form = OfferTimesForm(
            said if "hours" in said else None, usual=self.usual, now=now
        )

    def _read(self) -> Times:
        """Return what is free as of this moment."""
        asked = self.visit.status == Status.PENDING
        left = self.visit.wants_who_left
        return Times(
            self.visit.visit_type,
            Filters(clinician=None if left else self.visit.wanted_clinician),
            now=self.now,
            # What a request holds is given up for what is offered instead.
            ignoring=Ignoring(appointment_id=self.visit.pk) if asked else None,
            by_staff=True,
            # An offer ends before its time.
            without=[self.now],
        )

    def _nearest(self) -> list[datetime]:
        """Return the time nearest to what the patient asked for first, on some days.

        Of a day but one, since times that overlap cannot all be kept. Who has a time,
        or waits for any, asked for none.
        """
        asked = self.visit.proposals.wanted().order_by("rank")
        wanted = [choice.start for choice in asked]
        if not wanted or self.visit.start:
            return []
        # None so soon that the patient would have less time than usual to answer.
        after = self.now + timedelta(hours=self.usual)
        free = (start for start in self.free.starts() if start >= after)
        # What they asked for is accepted, not offered.
        starts = [start for start in free if start not in wanted]
        days: dict[date, datetime] = {}
        for start in sorted(starts, key=partial(distance, wanted[0])):
            days.setdefault(words.local(start).date(), start)
        return sorted(islice(days.values(), MAX_CHOICES))

    def is_possible(self) -> bool:
        return can_offer(self.visit, self.now)

    def is_fit(self) -> bool:
        """Tell whether the offer can be made as it was sent."""
        if not self.form.is_valid():
            return False
        starts = self.form.cleaned_data["starts"]
        for start in starts:
            if not self.free.offers(start):
                said = gone(start, self.free.why_not(start), self.now)
                self.form.add_error("starts", said)
        return not self.form.errors

    @property
    def until(self) -> datetime:
        starts: list[datetime] = self.form.cleaned_data["starts"]
        hours = timedelta(hours=self.form.cleaned_data["hours"])
        return min(self.now + hours, *starts)

    def preview(self) -> tuple[str, str]:
        """Return subject and text of what would be sent. Needs a fit offer."""
        starts = self.form.cleaned_data["starts"]
        return messages.preview_offer(self.visit, starts, self.until, self.now)

    def make(self, by: By, seen: int) -> Appointment:
        """Offer what was chosen. Raises as `workflow.offer`. Needs a fit offer."""
        return workflow.offer(
            self.visit.pk,
            self.form.cleaned_data["starts"],
            expires_at=self.until,
            by=by,
            now=self.now,
            seen_version=seen,
        )

    def refused(self, error: TimeTaken) -> None:
        """Say which time cannot be had: it went, or is in the way of an earlier one."""
        # A time that went while this page was made is still among what was read.
        self.free = self._read()
        start = self.form.cleaned_data["starts"][error.params.get("rank", 1) - 1]
        if self.is_fit():
            said = _g("%(when)s cannot be kept beside the others: they overlap.")
            said %= {"when": moment(start, self.now)}
            self.form.add_error("starts", said)
        elif taken := by_whom(error, self.visit.visit_type, self.now, self.visit):
            self.form.add_error("starts", taken)

    def ticked(self) -> list[datetime]:
        """Return what is chosen and can still be had, sorted."""
        if not self.form.is_bound:
            return self.nearest
        field = self.form.fields["starts"]
        found: list[datetime] = []
        for text in self.said.getlist("starts")[: 2 * MAX_CHOICES]:
            try:
                found += field.clean([text])
            except forms.ValidationError:
                continue
        return sorted({start for start in found if self.free.offers(start)})

    def context(self) -> dict[str, Any]:
        """Return all that the page shows."""
        ticked = self.ticked()
        first = date_in(self.said.get("from", ""))
        if first is None and ticked:
            first = words.local(ticked[0]).date()
        heading = (
            _g("Chosen so far") if self.form.is_bound else _g("Nearest free times")
        )
        page = self.free.page(
            first,
            checked=ticked,
            before=(heading, ticked),
            field="starts",
        )
        return {
            "visit": self.visit,
            "form": self.form,
            "page": page,
            "free": self.free,
            "asked": [
                full_time(p.start)
                for p in self.visit.proposals.wanted().order_by("rank")
            ],
            "now": self.now,
        }


def can_offer(visit: Appointment, now: datetime) -> bool:
    """Tell whether staff can offer times to the visit as it is now."""
    return (
        visit.status in TRANSITIONS[Act.OFFER].sources
        and not (visit.start and visit.start <= now)
        and not visit.proposals.offers().exists()
    )
