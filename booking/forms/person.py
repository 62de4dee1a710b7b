"""Who comes, how to reach them, and what help they need."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.functional import lazystr
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from booking import words
from booking.models import Appointment, Patient, TextPurpose
from services.spoken_languages import SPOKEN
from services.translation import language_at_hand

from .base import YES_NO, ChoiceField, Row, StepForm, radios
from .fields import (
    BORN,
    BirthDateField,
    EmailField,
    LineField,
    NameField,
    ParagraphField,
    PhoneField,
)

# English first, and sign language last.
LANGUAGES = [
    ("English", _("English")),
    *((one.kept, lazystr(one)) for one in SPOKEN),
    ("American Sign Language", _("American Sign Language")),
    ("other", _("Another language")),
]


# The words beside the boxes for text messages, by purpose.
TEXTS = {
    str(TextPurpose.REMINDERS): _("You may send me reminders of my visit"),
    str(TextPurpose.CHANGES): _(
        "You may tell me when my visit is confirmed, moved or cancelled, or another"
        " time is offered"
    ),
}


class AboutForm(StepForm):
    """The person who comes to the visit."""

    heading = _("Who is the visit for?")
    hint = _("Write the name and date of birth of the person who comes to the visit.")

    for_whom = radios(
        _("Who are you asking for?"),
        [("me", _("Me")), ("somebody_else", _("Somebody else"))],
        required=_("Choose who you are asking for."),
    )
    given_name = NameField(
        label=_("First name"),
        widget=forms.TextInput({"autocomplete": "given-name"}),
        error_messages={"required": _("Write the first name.")},
    )
    family_name = NameField(
        label=_("Last name"),
        widget=forms.TextInput({"autocomplete": "family-name"}),
        error_messages={"required": _("Write the last name.")},
    )
    birth_date = BirthDateField(
        label=_("Date of birth"),
        help_text=format_lazy(
            _("We ask so that we do not mix up two people. For example: {date}."),
            date=BORN,
        ),
    )

    def contributes(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "patient": {
                "given_name": data["given_name"],
                "family_name": data["family_name"],
                "birth_date_text": data["birth_date"].isoformat(),
            }
        }

    def rows(self) -> list[Row]:
        name = f"{self.cleaned_data['given_name']} {self.cleaned_data['family_name']}"
        born = self.cleaned_data["birth_date"]
        return [
            (str(_("Patient")), name),
            (str(_("Date of birth")), f"{born.month}/{born.day}/{born.year}"),
        ]


class AskedByForm(StepForm):
    """Who asks, when it is not the patient."""

    heading = _("Who are you?")
    hint = _("We need to know who asks for the visit.")

    name = NameField(
        label=_("Your name"),
        widget=forms.TextInput({"autocomplete": "name"}),
        error_messages={"required": _("Write your name.")},
    )
    relation = radios(
        _("You are the patient’s…"),
        Appointment.Relation.choices,
        required=_("Choose how you know the patient."),
    )
    contact_of = radios(
        _("Whose phone number and email address will you give us?"),
        [("asker", _("Mine")), ("patient", _("The patient’s"))],
        required=_("Choose whose phone number and email address it will be."),
        help_text=_("Our messages about the visit go there, and we call there."),
    )
    may_arrange = forms.BooleanField(
        label=_("I may arrange care for this person"),
        error_messages={
            "required": _(
                "Tick that you may arrange care for this person. If you are not sure,"
                " call us."
            )
        },
    )

    def contributes(self) -> dict[str, Any]:
        return {
            "requested_by_name": self.cleaned_data["name"],
            "requested_by_relation": self.cleaned_data["relation"],
            "requested_by_is_contact": self.cleaned_data["contact_of"] == "asker",
            "may_arrange": str(self.fields["may_arrange"].label),
        }


class NeededEmail(EmailField):
    """Not marked as optional; the form says when it may be empty."""

    def validate(self, value: Any) -> None:
        return None


class NeededPhone(PhoneField):
    """Not marked as optional; the form says when it may be empty."""

    def validate(self, value: Any) -> None:
        return None


class ContactForm(StepForm):
    """How our answer reaches the patient: the chosen way has to be there."""

    heading = _("How should we answer you?")
    hint = _("Give us an email address, a phone number, or both.")

    contact_by = radios(
        _("The best way to reach you"),
        Patient.ContactBy.choices,
        required=_("Choose how we should reach you."),
    )
    email = NeededEmail(
        label=_("Email address"),
        max_length=254,
        help_text=_(
            "Other people may be able to read ordinary email, so we leave out health"
            " details."
        ),
        widget=forms.EmailInput({"autocomplete": "email"}),
    )
    phone = NeededPhone(
        label=_("Phone number"),
        max_length=40,
        help_text=_("We call if something is not clear."),
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel"}),
    )
    voicemail_ok = forms.BooleanField(
        label=_("You may leave me a voicemail"), required=False
    )
    # An agreement by itself for each purpose: the words are kept as they were read.
    # Source: 47 CFR 64.1200(f)(9).
    texts = forms.MultipleChoiceField(
        label=_("May we also send text messages to this number?"),
        choices=TEXTS.items(),
        help_text=_(
            "Message and data rates may apply. You can reply STOP at any time. You do"
            " not have to agree to get care."
        ),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _("Choose from the texts shown.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not settings.TEXT_BACKEND:
            del self.fields["texts"]

    def clean(self) -> None:
        by = self.cleaned_data.get("contact_by")
        missing = {
            "email": _("Write an email address, or choose a phone call."),
            "phone": _("Write a phone number, or choose email."),
        }
        if by and self.cleaned_data.get(by) == "":
            self.add_error(by, missing[by])

    def contributes(self) -> dict[str, Any]:
        patient = dict(self.cleaned_data)
        purposes = patient.pop("texts", [])
        if not (purposes and patient["phone"]):
            return {"patient": patient}
        texts = {purpose: self._wording(purpose) for purpose in purposes}
        return {"patient": patient, "texts": texts}

    def _wording(self, purpose: str) -> str:
        """Return all that is read about one of the boxes for texts."""
        field = self.fields["texts"]
        return f"{field.label} {TEXTS[purpose]}. {field.help_text}"

    def rows(self) -> list[Row]:
        by, email, phone, voicemail, *texts = super().rows()
        if not self.cleaned_data["phone"]:
            return [by, email, phone]
        return [
            by, email, (phone[0], words.phone(phone[1])), voicemail,
            *((str(_("Text messages")), value) for _label, value in texts),
        ]  # fmt: skip


def _language_of_page() -> str:
    """Return the language in which somebody reads, as a request keeps it."""
    here = language_at_hand()
    return next((one.kept for one in SPOKEN if one.code == here), "English")


class HelpForm(StepForm):
    """Language, interpreter, and what else makes the visit possible."""

    heading = _("Do you need any help at your visit?")

    language = ChoiceField(
        label=_("The language you prefer to speak"),
        choices=LANGUAGES,
        initial=_language_of_page,
        error_messages={"invalid_choice": _("Choose a language from the list.")},
    )
    other_language = LineField(
        label=_("If it is another language, which one?"), max_length=40, required=False
    )
    interpreter = radios(
        _("Would you like an interpreter?"),
        YES_NO,
        required=_("Choose yes or no."),
        help_text=_("It is free. You do not have to bring anybody."),
    )
    other_help = ParagraphField(
        label=_("What else would help you?"),
        max_length=300,
        required=False,
        help_text=_(
            "For example: no steps, large print, help with hearing, more time. Please"
            " write nothing about your health here."
        ),
        widget=forms.Textarea({"rows": 3}),
    )

    def clean(self) -> None:
        data = self.cleaned_data
        if data.get("language") == "other" and data.get("other_language") == "":
            self.add_error("other_language", _("Write which language."))

    @property
    def spoken(self) -> str:
        """Return the language in English, for staff."""
        chosen = str(self.cleaned_data["language"])
        other: str = self.cleaned_data["other_language"]
        return other if chosen == "other" else chosen

    def contributes(self) -> dict[str, Any]:
        return {
            "patient": {
                "language": self.spoken,
                "needs_interpreter": self.cleaned_data["interpreter"] == "yes",
                "other_help": self.cleaned_data["other_help"],
            }
        }

    def rows(self) -> list[Row]:
        chosen, rows = str(self.cleaned_data["language"]), super().rows()
        known = {kept: str(name) for kept, name in LANGUAGES if kept != "other"}
        return [(str(_("Language")), known.get(chosen, self.spoken)), *rows[2:]]


class FindForm(StepForm):
    """What a patient is known by who has lost the link to their visit."""

    heading = _("Find my appointment")
    button = _("Send me the link")

    email = EmailField(
        label=_("Email address"),
        max_length=254,
        help_text=_("The one that you gave us when you asked for the visit."),
        widget=forms.EmailInput({"autocomplete": "email"}),
        error_messages={"required": _("Write your email address.")},
    )
    birth_date = BirthDateField(
        label=_("Date of birth"),
        help_text=format_lazy(
            _("Of the person who comes to the visit. For example: {date}."), date=BORN
        ),
    )
