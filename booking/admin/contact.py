"""The page on which staff put right how a patient is reached."""

from dataclasses import asdict, dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from booking import clock, trail, workflow
from booking.errors import BookingError, ChangedMeanwhile
from booking.forms.fields import EmailField, PhoneField
from booking.front_desk import PAGES, may_answer, signed_in
from booking.models import Appointment, Patient
from booking.policy import TRANSITIONS, Act
from booking.same_person import joined_with, suggest
from booking.workflow import By, Contact
from services.numbers import whole_number

from .back import back_to
from .patient import visits_of

# What is still to come of a patient.
OPEN = TRANSITIONS[Act.CORRECT].sources


class ContactForm(forms.Form):
    """How to reach somebody, and that it was made sure who says so."""

    email = EmailField(
        label=_("Email address"),
        help_text=_(
            "With another address, links that we sent end, and a new one goes."
        ),
        max_length=254,
        required=False,
    )
    phone = PhoneField(label=_("Phone number"), max_length=40, required=False)
    contact_by = forms.ChoiceField(
        label=_("How to reach them"),
        choices=Patient.ContactBy.choices,
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), _("Choose how to reach them.")
        ),
    )
    message_language = forms.ChoiceField(
        label=_("We write to them in"),
        choices=settings.LANGUAGES,
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), _("Choose a language.")
        ),
    )
    sure = forms.BooleanField(
        label=_(
            "I made sure who asks: they said name and birth date, or I called a number"
            " that we had."
        ),
        error_messages={
            "required": _("Make sure who asks before you change where mail goes.")
        },
    )

    def __init__(self, data: Any, patient: Patient) -> None:
        super().__init__(data, initial=asdict(Contact.of(patient)))
        for name in ("email", "phone"):
            # The browser is the desk's: what it remembers is somebody else's.
            self.fields[name].widget.attrs["autocomplete"] = "off"

    def clean(self) -> None:
        said = self.cleaned_data
        if said.get("email") == said.get("phone") == "":
            self.add_error("phone", _("Write a phone number or an email address."))
        elif said.get("contact_by") == "phone" and said.get("phone") == "":
            self.add_error("phone", _("Write the number to call."))

    @property
    def contact(self) -> Contact:
        """Return what was typed. Needs a valid form."""
        return Contact(**{n: v for n, v in self.cleaned_data.items() if n != "sure"})


@dataclass(frozen=True, slots=True)
class Other:
    """Another record with visits to come: the same person's, or perhaps.

    `value` is its key, and the digest of what the page shows of it.
    """

    patient: Patient
    joined: bool
    visits: list[Appointment]
    value: str
    ticked: bool


def to_come(
    patient: Patient, posted: dict[int, str] | None
) -> tuple[list[Appointment], list[Other]]:
    """Return the visits to come on the record, and the other records that have some.

    Those that staff joined are ticked to begin with; `posted` is what was ticked. In
    a constant number of queries.
    """
    joined = list(joined_with(patient))
    likely = [other.patient for other in suggest(patient).likely]
    everybody = [patient, *joined, *likely]
    visits = visits_of(everybody, clock.now(), status__in=OPEN)
    others = []
    for other in everybody[1:]:
        if other.pk in visits:
            is_joined, digest = other in joined, Contact.of(other).digest()
            ticked = is_joined if posted is None else other.pk in posted
            value = f"{other.pk}:{(posted or {}).get(other.pk) or digest}"
            others.append(Other(other, is_joined, visits[other.pk], value, ticked))
    return visits.get(patient.pk, []), others


def also_in(request: HttpRequest) -> dict[int, str]:
    """Return the other records that were ticked, each with the digest it showed."""
    parts = (value.partition(":") for value in request.POST.getlist("also"))
    return {whole_number(pk) or 0: digest for pk, _colon, digest in parts}


@require_http_methods(["GET", "HEAD", "POST"])
def contact_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Put right how the patient is reached, and say what comes of it.

    Who was too slow finds here what they typed, beside what it is now.
    """
    if not may_answer(request):
        raise PermissionDenied
    patient = get_object_or_404(Patient, pk=pk)
    back = back_to(request, reverse("admin:patient", args=[pk]))
    form = ContactForm(request.POST or None, patient)
    seen = request.POST.get("seen") or Contact.of(patient).digest()
    posted = also_in(request) if request.method == "POST" else None
    if request.method == "POST" and form.is_valid():
        by, now = By.staff(signed_in(request)), clock.now()
        try:
            is_new = workflow.correct_contact(
                pk, form.contact, by=by, now=now, seen=request.POST.get("seen", ""),
                also=posted or {},
            )  # fmt: skip
        except ChangedMeanwhile:
            messages.warning(
                request,
                _g(
                    "Somebody changed this since you opened the page. Look, and decide."
                ),
            )
            patient.refresh_from_db()
            seen = Contact.of(patient).digest()
            posted = dict.fromkeys(posted or {}, "")
        except BookingError as error:
            messages.warning(request, str(error))
        else:
            if is_new:
                trail.changed(request, pk, contact="put right")
            messages.success(request, _g("From now on, we reach them so."))
            return HttpResponseRedirect(back)
    visits, others = to_come(patient, posted)
    context = {
        "title": _g("How we reach a patient"),
        "visits": visits,
        "others": others,
        "now": clock.now(),
        "patient": patient,
        "form": form,
        "seen": seen,
        "back": back,
    }
    return TemplateResponse(
        request,
        "admin/booking/contact.html",
        {**admin.site.each_context(request), **context},
    )


PAGES += [("booking/patient/<int:pk>/contact/", contact_view, "contact")]
