"""Whose a task is: taking it on, handing it over, letting it go."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from booking import tasks, workflow
from booking.front_desk import key_in
from booking.models import Appointment, Claim
from booking.models.claim import colleagues
from booking.workflow import By


class Colleagues(forms.ModelChoiceField):
    def label_from_instance(self, user: User) -> str:  # type: ignore[override]
        return user.get_full_name() or user.get_username()


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
    """What is said of one task of a visit, and by whom."""

    def __init__(
        self, visit: Appointment, said: Mapping[str, str], now: datetime
    ) -> None:
        self.visit, self.said, self.now = visit, said, now
        named = said.get("task", "")
        self.task = Claim.Task(named) if named in Claim.Task else None
        self.form = OwnerForm(said if said.get("to") else None)

    @property
    def says_who(self) -> bool:
        """Tell whether it is fit to be done: somebody who can, or nobody."""
        return "to" in self.said and (not self.said["to"] or self.form.is_valid())

    def entrust(self, by: By) -> bool:
        """Do it, and return whether it is new. Raises as `workflow.entrust` does."""
        assert self.task  # noqa: S101 -- the page is refused without
        to = self.form.cleaned_data["to"] if self.said["to"] else None
        seen = key_in(self.said.get("seen", "")) or 0
        return workflow.entrust(
            self.visit.pk, self.task, to=to, by=by, now=self.now, seen=seen
        )

    def outcome(self, user: User) -> str:
        """Return what was done, in words that name the visit."""
        if not self.said["to"]:
            words = _g("%(reference)s: let go. Nobody has it now.")
        elif self.form.cleaned_data["to"] == user:
            words = _g("%(reference)s: yours. Others see that you have it.")
        else:
            words = _g("%(reference)s: handed over to %(who)s.")
        params = {"reference": self.visit.reference}
        return words % (params | {"who": self._name()})

    def _name(self) -> str:
        to = self.form.cleaned_data["to"] if self.said["to"] else None
        return to.get_full_name() or to.get_username() if to else ""

    def context(self) -> dict[str, Any]:
        claims = tasks.owners([self.visit])
        claim = claims.get((self.visit.pk, str(self.task)))
        return {
            "visit": self.visit,
            "task": self.task,
            "claim": claim,
            "form": self.form,
            "now": self.now,
        }
