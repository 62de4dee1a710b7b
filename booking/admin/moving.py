"""The page on which staff choose another time for a booked visit."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from booking import messages, words, workflow
from booking.errors import SameTime, TimeTaken
from booking.forms.fields import InstantField
from booking.models import Appointment, Ignoring, Resource
from booking.picker import Filters, Times
from booking.workflow import By

from .taken import by_whom
from .words import date_in, gone


class MoveForm(forms.Form):
    """Another time, and with whom: the clinicians by key, or whoever is free."""

    clinician = forms.ChoiceField(label=_("With whom?"), required=False)
    start = InstantField(label=_("New time"), max_length=40, widget=forms.RadioSelect)

    def __init__(self, data: Any, *, clinicians: Iterable[Resource], **more: Any):
        super().__init__(data, **more)
        choices = [(str(one.pk), one.name) for one in clinicians]
        self.fields["clinician"].choices = [  # type: ignore[attr-defined]
            ("", _("Whoever is free")),
            *choices,
        ]
        if not choices:
            del self.fields["clinician"]


class MovePage:
    """What was chosen so far; at first, whoever sees the patient at the old time."""

    def __init__(self, visit: Appointment, said: QueryDict, now: datetime) -> None:
        self.visit = visit
        self.said = said
        self.now = now
        could = visit.visit_type.may_take()
        clinicians = Resource.objects.filter(kind=Resource.Kind.CLINICIAN, pk__in=could)
        self.clinicians = {str(one.pk): one for one in clinicians}
        self.mine = set(
            visit.reservations.filter(
                expires_at=None, resource__kind=Resource.Kind.CLINICIAN
            ).values_list("resource_id", flat=True)
        )
        usual = next((str(pk) for pk in self.mine if str(pk) in self.clinicians), "")
        chosen = said.get("clinician", usual)
        self.clinician = self.clinicians.get(chosen)
        self.takes: list[Resource] = []
        self.form = MoveForm(
            said if "send" in said or "preview" in said else None,
            clinicians=self.clinicians.values(),
            initial={"clinician": chosen},
        )
        self.free = Times(
            visit.visit_type,
            Filters(clinician=self.clinician),
            now=now,
            ignoring=Ignoring(appointment_id=visit.pk),
            by_staff=True,
            without=[visit.start] if visit.start else [],
        )

    def is_possible(self) -> bool:
        return workflow.can_move(self.visit, self.now)

    def is_fit(self) -> bool:
        """Tell whether the visit can be moved as it was sent; find what it takes."""
        if not self.form.is_valid():
            return False
        start = self.form.cleaned_data["start"]
        try:
            self.takes = workflow.moved_to(
                self.visit, start, clinician=self.clinician, now=self.now
            )
        except SameTime as error:
            self.form.add_error("start", str(error))
        except TimeTaken as error:
            said = gone(start, error.params["reason"], self.now)
            taken = by_whom(error, self.visit.visit_type, self.now, self.visit)
            self.form.add_error("start", f"{said} {taken}".strip())
        return bool(self.takes)

    def preview(self) -> tuple[str, str]:
        """Return subject and text of what would be sent. Needs a fit choice."""
        kind = Resource.Kind.CLINICIAN
        return messages.preview_move(
            self.visit,
            self.form.cleaned_data["start"],
            self.now,
            other_clinician={r.pk for r in self.takes if r.kind == kind} != self.mine,
        )

    def make(self, by: By, seen: int) -> Appointment:
        """Move the visit. Raises as `workflow.move`. Needs a valid form."""
        return workflow.move(
            self.visit.pk,
            self.form.cleaned_data["start"],
            clinician=self.clinician,
            by=by,
            now=self.now,
            seen_version=seen,
        )

    def refused(self, error: TimeTaken) -> None:
        """Say that the time went."""
        if self.is_fit():
            self.form.add_error("start", str(error))

    def context(self) -> dict[str, Any]:
        """Return all that the page shows."""
        wanted = self._chosen()
        chosen = [start for start in wanted if self.free.offers(start)]
        first = date_in(self.said.get("from", ""))
        near = wanted[0] if wanted else self.visit.start
        if first is None and near:
            first = words.local(near).date()
        return {
            "visit": self.visit,
            "form": self.form,
            "page": self.free.page(
                first, checked=chosen, before=(_g("Chosen"), chosen), field="start"
            ),
            "free": self.free,
            "takes": self.takes,
            "not_free": [] if self.form.is_bound or chosen else wanted,
            "now": self.now,
        }

    def _chosen(self) -> list[datetime]:
        try:
            return [InstantField().clean(self.said.get("start", ""))]
        except forms.ValidationError:
            return []
