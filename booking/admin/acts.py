"""What the desk does to a visit, as a form says it: acts of the workflow to be done."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.forms import Form
from django.http import HttpRequest

from booking import policy, workflow
from booking.front_desk import signed_in
from booking.messages import preview_cancellation, preview_decline, preview_refusal
from booking.models import Appointment
from booking.policy import CancellationReason, ChangeRefusal, DeclineReason, Status
from booking.workflow import By
from services.numbers import whole_number

from .forms import DeclineForm, RefuseForm

# Wants only who does it, and when: `by` and `now`.
Act = Callable[..., Appointment]

NOTES = ("note", "private_note")

# What a visit gives, and takes instead: keys of resources.
SWAP = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")


def swapping(request: HttpRequest, pk: int, chosen: "re.Match[str]") -> Act:
    seen = seen_version(request)
    return partial(workflow.swap, pk, *map(int, chosen.groups()), seen_version=seen)


def declines(visit: Appointment) -> policy.Act:
    """Return which act it is to say no to what the patient asks for now."""
    booked = visit.status == Status.BOOKED
    return policy.Act.REFUSE_CHANGE if booked else policy.Act.DECLINE


def ends(visit: Appointment) -> policy.Act:
    """Return which act it is to cancel the visit as it stands now."""
    on_list = visit.waiting_list_entries.open().exists()
    return policy.ending(visit.status, on_list=on_list)


def typed_in(form: Form) -> bool:
    """Tell whether anything was typed that somebody would have to type again."""
    return any(form.data.get(name) for name in NOTES)


def previewed(visit: Appointment, form: Form, now: datetime) -> tuple[str, str]:
    """Return subject and text of what the valid form would send, and write nothing."""
    note = form.cleaned_data["note"]
    if isinstance(form, DeclineForm):
        reason = DeclineReason(form.cleaned_data["reason"])
        return preview_decline(visit, reason, note, now)
    if isinstance(form, RefuseForm):
        refusal = ChangeRefusal(form.cleaned_data["reason"])
        return preview_refusal(visit, refusal, note, now)
    return preview_cancellation(visit, by_whom_cancelled(form), note, now)


def by_whom_cancelled(form: Form) -> CancellationReason:
    """Return who it is that does not want the visit, the patient or the clinic."""
    is_patient = form.cleaned_data.get("reason") == CancellationReason.PATIENT
    return CancellationReason.PATIENT if is_patient else CancellationReason.CLINIC


def declining(pk: int, form: Form) -> Act:
    said = notes(form) | {"reason": DeclineReason(form.cleaned_data["reason"])}
    return partial(workflow.decline, pk, **said)


def refusing(pk: int, form: Form) -> Act:
    said = notes(form) | {"reason": ChangeRefusal(form.cleaned_data["reason"])}
    return partial(workflow.refuse_change, pk, **said)


def cancelling(pk: int, form: Form) -> Act:
    for_patient = by_whom_cancelled(form) == CancellationReason.PATIENT
    return partial(workflow.cancel, pk, for_patient=for_patient, **notes(form))


def notes(form: Form) -> dict[str, Any]:
    """Return what was typed for the patient, and for colleagues alone."""
    return {name: form.cleaned_data[name] for name in NOTES}


def by_signed_in(request: HttpRequest) -> By:
    return By.staff(signed_in(request))


def seen_version(request: HttpRequest) -> int:
    """Return the version of the visit on the screen that the act came from.

    What cannot be read counts as never seen, so that it is refused as stale.
    """
    seen = number(request, "seen_version")
    return -1 if seen is None else seen


def number(request: HttpRequest, name: str) -> int | None:
    """Return the whole number in a field; None if it is none, or longer than any."""
    return whole_number(request.POST.get(name, ""))
