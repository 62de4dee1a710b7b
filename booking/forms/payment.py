"""How the visit will be paid, with the branches that New York's rules make.

Everything about the payer is optional at this stage: staff ask on the phone.
"""

from copy import deepcopy
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from booking.models import Appointment

from .base import Row, StepForm, radios
from .fields import LineField

Payer = Appointment.Payer


def line(label: Any, help_text: Any = "", **attrs: str) -> LineField:
    return LineField(
        label=label,
        help_text=help_text,
        max_length=80,
        required=False,
        widget=forms.TextInput({"autocomplete": "off"} | attrs),
    )


WHEN = _("For example 4/27/2026. Leave it empty if you do not remember.")
CLAIM = _("It is on the letters about your case, if you have them at hand.")

BRANCHES: dict[str, dict[str, LineField]] = {
    Payer.INSURANCE: {
        "plan": line(_("Name of the plan"), _("It is on your insurance card.")),
        "member_id": line(_("Member ID"), _("It is on your insurance card.")),
    },
    Payer.WORKERS_COMP: {
        "injury_date": line(_("When you were hurt"), WHEN),
        "employer": line(_("Your employer then")),
        "carrier": line(_("The employer’s insurance company")),
        "case_number": line(_("Case or claim number"), CLAIM),
        "body_part": line(_("Which part of your body was hurt?")),
    },
    Payer.NO_FAULT: {
        "accident_date": line(_("When the accident was"), WHEN),
        "insurer": line(_("The car’s insurance company")),
        "claim_number": line(_("Claim number"), CLAIM),
        "adjuster": line(_("The adjuster’s name"), _("If you know it.")),
    },
}

# Source: New York Workers' Compensation Law 18; 11 NYCRR 65-1.1 (form NF-2).
WORDS: dict[str, Any] = {
    Payer.INSURANCE: _(
        "We check your plan before the visit. If we are not in its network, you can ask"
        " us for an estimate of the cost."
    ),
    Payer.WORKERS_COMP: _(
        "Some tests and treatments may need approval first. Tell your employer in"
        " writing that you were hurt at work, within 30 days of it."
    ),
    Payer.NO_FAULT: _(
        "The application to the insurance company (form NF-2) is due within 30 days of"
        " the accident."
    ),
}


class PaymentForm(StepForm):
    """Who pays. Nothing is paid here and no card is asked for."""

    heading = _("How will the visit be paid?")
    heading_is_question = True

    payer = radios(
        heading,
        Payer.choices,
        required=_("Choose how the visit will be paid, or “I’m not sure”."),
        help_text=_("You pay nothing now, and we do not ask for a card."),
    )

    def contributes(self) -> dict[str, Any]:
        return {"payer": self.cleaned_data["payer"]}

    def rows(self) -> list[Row]:
        return [(str(_("Payment")), str(Payer(self.cleaned_data["payer"]).label))]


class PaymentDetailsForm(StepForm):
    """What the front desk uses to check the payer before the visit."""

    heading = _("About the payment")

    def __init__(self, *args: Any, payer: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.hint = WORDS[payer]
        self.fields.update(
            {name: deepcopy(field) for name, field in BRANCHES[payer].items()}
        )

    def contributes(self) -> dict[str, Any]:
        filled_in = {name: value for name, value in self.cleaned_data.items() if value}
        return {"payer_details": filled_in}
