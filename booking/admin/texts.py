"""Staff note who told them that they want no more text messages."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from booking import clock, texting, trail
from booking.forms.fields import PhoneField
from booking.front_desk import PAGES, may_answer, signed_in
from booking.models import HeardBy, Patient, TextPurpose, TextStop
from booking.noticing import notice

_STOPPED = {
    TextPurpose.ALL: gettext_lazy("No more text messages go to this number."),
    TextPurpose.REMINDERS: gettext_lazy("No more reminders go to it as texts."),
    TextPurpose.CHANGES: gettext_lazy("No more changes go to it as texts."),
}


class NumberForm(forms.Form):
    """A phone number, on a record or on none, and what it wants no texts of."""

    phone = PhoneField(
        label=gettext_lazy("Phone number"),
        max_length=40,
        error_messages={"required": gettext_lazy("Write the phone number.")},
        widget=forms.TelInput({"autocomplete": "off"}),  # the browser is the desk's
    )
    purpose = forms.ChoiceField(
        label=gettext_lazy("They want none of these"),
        choices=[(p.value, p.label) for p in reversed(TextPurpose)],
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"),
            gettext_lazy("Choose which texts they want none of."),
        ),
    )
    heard_by = forms.ChoiceField(
        label=gettext_lazy("How do we know?"),
        choices=HeardBy.choices,
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), gettext_lazy("Choose how we know.")
        ),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def stop_number_view(request: HttpRequest) -> HttpResponse:
    """Send no more texts to a number, whoever has it; of none it says whose it is."""
    if not may_answer(request):
        raise PermissionDenied
    form = NumberForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        said = form.cleaned_data
        purpose = TextPurpose(said["purpose"])
        is_new = texting.stop(
            said["phone"], clock.now(), purpose=purpose, user=signed_in(request),
            heard_by=said["heard_by"],
        )  # fmt: skip
        if is_new:
            theirs = Patient.objects.with_phone(said["phone"])
            for pk in theirs.values_list("pk", flat=True):
                notice(pk)
            trail.changed(request, texts=f"no {purpose}")
        messages.success(request, _STOPPED[purpose])
        return HttpResponseRedirect(reverse("admin:stop_number"))
    context = {"title": _("No more text messages to a number"), "form": form}
    return TemplateResponse(
        request,
        "admin/booking/stop_number.html",
        {**admin.site.each_context(request), **context},
    )


def texts_to(patient: Patient) -> dict[str, Any]:
    """Return for what texts go to the patient, and of what they may still want none."""
    if not settings.TEXT_BACKEND or not patient.phone:
        return {}
    stops = TextStop.objects.of(patient.phone)
    gets = texting.gets(patient)
    to_stop = [p for p in TextPurpose if p in gets or not stops.standing(p).exists()]
    return {
        "agreed": [purpose.label.lower() for purpose in gets],
        "to_stop": [(p.value, p.label) for p in reversed(to_stop)],
    }


@require_POST
def stop_texts_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Note that somebody told us that they want no more text messages of a kind.

    Also of a number for which nobody has agreed to any.
    """
    if not may_answer(request):
        raise PermissionDenied
    patient = get_object_or_404(Patient, pk=pk)
    there = HttpResponseRedirect(reverse("admin:patient", args=[pk]))
    if not patient.phone:
        messages.error(request, _("There is no phone number on this record."))
        return there
    said = request.POST.get("purpose", TextPurpose.ALL)
    if said not in TextPurpose.values:
        messages.error(request, _("Choose which texts they want none of."))
        return there
    purpose, user = TextPurpose(said), signed_in(request)
    if texting.stop(patient.phone, clock.now(), purpose=purpose, user=user):
        trail.changed(request, pk, texts=f"no {purpose}")
    messages.success(request, _STOPPED[purpose])
    return there


PAGES += [
    ("booking/texts/", stop_number_view, "stop_number"),
    ("booking/patient/<int:pk>/texts/", stop_texts_view, "stop_texts"),
]
