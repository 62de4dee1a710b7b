"""Whose a task is: taking it on, handing it over, letting it go."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from booking import tasks, workflow
from booking.models import Appointment, Claim
from booking.models.claim import colleagues, name_of
from booking.workflow import By
from services.numbers import whole_number

# What the button sends that lets a task go.
NOBODY = "nobody"


class Colleagues(forms.ModelChoiceField):
    def label_from_instance(self, user: User) -> str:
        return name_of(user)


class OwnerForm(forms.Form):
    to = Colleagues(
        label=_("To whom?"),
        queryset=User.objects.none(),
        empty_label=_("Choose a colleague"),
        error_messages={
            "required": _("Choose who is to have it."),
            "invalid_choice": _("That account cannot do this. Choose one of these."),
        },
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.fields["to"].queryset = colleagues()  # type: ignore[attr-defined]


class OwnerPage:
    """What is said of one task of a visit."""

    def __init__(
        self, visit: Appointment, said: Mapping[str, str], now: datetime
    ) -> None:
        self.visit, self.said, self.now = visit, said, now
        named = said.get("task", "")
        self.task = Claim.Task(named) if named in Claim.Task else None
        self.lets_go = said.get("to") == NOBODY
        self.form = OwnerForm(said if "to" in said else None)

    def is_fit(self) -> bool:
        """Tell whether it says to whom, or that nobody is to have it."""
        return self.lets_go or self.form.is_valid()

    @property
    def to(self) -> User | None:
        return None if self.lets_go else self.form.cleaned_data["to"]

    def entrust(self, by: By) -> bool:
        """Do what is fit, and return whether it is new.

        Raises as `workflow.entrust` does.
        """
        assert self.task  # noqa: S101 -- without one, nothing is shown
        seen = whole_number(self.said.get("seen", "")) or 0
        return workflow.entrust(
            self.visit.pk, self.task, to=self.to, by=by, now=self.now, seen=seen
        )

    def outcome(self, user: User) -> str:
        """Return what was done, in words that name the visit."""
        params = {"reference": self.visit.reference}
        if self.to is None:
            return _g("%(reference)s: let go. Nobody has it now.") % params
        if self.to == user:
            return _g("%(reference)s: yours. Others see that you have it.") % params
        words = _g("%(reference)s: handed over to %(who)s.")
        return words % (params | {"who": name_of(self.to)})

    def context(self) -> dict[str, Any]:
        claims = tasks.owners([self.visit])
        return {
            "visit": self.visit,
            "task": self.task,
            "claim": claims.get((self.visit.pk, str(self.task))),
            "form": self.form,
            "nobody": NOBODY,
            "now": self.now,
        }
