"""The pages on which staff book for somebody on the phone, and read it to them."""

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from booking import calendars, once, reasons, words, workflow
from booking.errors import BookingError, DifferentForm, DifferentRequest, TimeTaken
from booking.forms import BirthDateField, StepForm, TimeForm, parse_instant
from booking.forms.fields import EmailField, NameField, ParagraphField, PhoneField
from booking.models import Appointment, Patient, Resource, VisitType
from booking.picker import PARTS, Filters, Page, Times
from booking.same_person import Suggested, suggest
from booking.workflow import By, NewRequest
from services.models import Clinic

from .forms import NOTE_LENGTH
from .taken import by_whom
from .words import moment

# What a link to the page can choose beforehand: nothing about a person.
PRESET = ("visit_type", "resource", "day", "part", "start")


class PhoneForm(StepForm):
    """What kind of visit and when, then who calls and one way to reach them."""

    visit_type = forms.ModelChoiceField(
        VisitType.objects.bookable().select_related("service"),
        label=_("Kind of visit"),
        empty_label=_("Choose"),
        error_messages={
            "required": _("Choose the kind of visit."),
            "invalid_choice": _("Choose the kind of visit."),
        },
    )
    resource = forms.ModelChoiceField(
        Resource.objects.active().filter(kind=Resource.Kind.CLINICIAN),
        label=_("Clinician"),
        empty_label=_("Anyone"),
        required=False,
        error_messages={"invalid_choice": _("Choose a clinician from the list.")},
    )
    day = forms.DateField(
        label=_("From which day on?"),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": _("Write the day like 2026-11-24.")},
    )
    part = forms.ChoiceField(
        label=_("Time of day"),
        choices=[("", _("Any time")), *PARTS.items()],
        required=False,
        error_messages={"invalid_choice": _("Choose from the list.")},
    )
    start = TimeForm.base_fields["start"]
    given_name = NameField(
        label=_("First name"),
        error_messages={"required": _("Write the first name.")},
    )
    family_name = NameField(
        label=_("Last name"),
        error_messages={"required": _("Write the last name.")},
    )
    phone = PhoneField(
        label=_("Phone number"),
        help_text=_("A phone number or an email address: one is enough."),
        max_length=40,
        required=False,
    )
    email = EmailField(
        label=_("Email address"),
        help_text=_("The confirmation goes there. Without one, you read it out."),
        max_length=254,
        required=False,
    )
    message_language = forms.ChoiceField(
        label=_("We write to them in"),
        choices=settings.LANGUAGES,
        required=False,
        error_messages={"invalid_choice": _("Choose from the list.")},
    )
    birth_date = BirthDateField(
        label=_("Date of birth, if the caller wants to say it"), required=False
    )
    caller = NameField(
        label=_("Name of the caller, if it is not the patient"), required=False
    )
    relation = forms.ChoiceField(
        label=_("What the caller is to the patient"),
        choices=[("", _("Choose")), *Appointment.Relation.choices],
        required=False,
        error_messages={"invalid_choice": _("Choose from the list.")},
    )
    is_contact = forms.BooleanField(
        label=_("Phone number and email address are the caller’s"), required=False
    )
    may_arrange = forms.BooleanField(
        label=_("The caller says that they may arrange care for the patient"),
        required=False,
    )
    private_note = ParagraphField(
        label=_("Private note"),
        help_text=_("Only staff see this."),
        max_length=NOTE_LENGTH,
        required=False,
        widget=forms.Textarea({"rows": 2}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("given_name", "family_name", "phone", "email", "caller"):
            # The browser is the desk's: what it remembers is somebody else's.
            self.fields[name].widget.attrs["autocomplete"] = "off"

    def clean(self) -> None:
        ways = [self.cleaned_data.get(name) for name in ("phone", "email")]
        if ways == ["", ""]:
            self.add_error("phone", _("Write a phone number or an email address."))
        said = self.cleaned_data
        if said.get("caller") and not said.get("relation"):
            self.add_error("relation", _("Choose what the caller is to the patient."))
        named_without = any(said.get(n) for n in ("relation", "is_contact"))
        if said.get("caller") == "" and (named_without or said.get("may_arrange")):
            self.add_error("caller", _("Write the name of the caller."))

    def asked(self) -> NewRequest:
        """Return what to book. Needs a valid form."""
        said = self.cleaned_data
        born = said["birth_date"]
        by_mail = Patient.ContactBy.EMAIL if said["email"] else None
        return NewRequest(
            visit_type=said["visit_type"],
            choices=[said["start"]],
            clinician=said["resource"],
            patient={
                "given_name": said["given_name"],
                "family_name": said["family_name"],
                "birth_date_text": born.isoformat() if born else "",
                "phone": said["phone"],
                "email": said["email"],
                "contact_by": by_mail or Patient.ContactBy.PHONE,
                "message_language": said["message_language"] or settings.LANGUAGE_CODE,
            },
            payer=Appointment.Payer.NOT_SURE,
            requested_by_name=said["caller"],
            requested_by_relation=said["relation"],
            requested_by_is_contact=said["is_contact"],
            may_arrange=str(self.fields["may_arrange"].label)
            if said["may_arrange"]
            else "",
            private_note=said["private_note"],
        )


class PhonePage:
    """What was chosen and typed so far, and the times that go with it.

    All of it comes back each time that the page is sent, and is judged only when the
    visit is to be booked.
    """

    def __init__(self, said: QueryDict, now: datetime, *, book: bool) -> None:
        self.said = said
        self.now = now
        self.key = once.key_in(said) or uuid.uuid4()
        self.booked: Appointment | None = None
        self.form = PhoneForm(said if book else None)
        if not book:
            posted = once.FIELD in said
            self.form.show_again(said if posted else _preset(said))
        self.visit_type: VisitType | None = self._read("visit_type")
        self.free = self._times() if self.visit_type else None

    def _read(self, name: str) -> Any:
        """Return what a field says; None for nothing, or for what it cannot be."""
        try:
            return self.form.fields[name].clean(self.said.get(name, ""))
        except ValidationError:
            return None

    def _times(self) -> Times:
        assert self.visit_type  # noqa: S101 -- for the type checker
        return Times(
            self.visit_type,
            Filters(self._read("part") or "", self._read("resource")),
            now=self.now,
            by_staff=True,
        )

    @property
    def start(self) -> datetime | None:
        try:
            return parse_instant(self.said.get("start", ""))
        except ValidationError:
            return None

    def book(self, by: By) -> Appointment:
        """Book what was chosen. Raises as `workflow.book`. Needs a valid form."""
        return workflow.book(self.form.asked(), key=self.key, by=by, now=self.now)

    def refused(self, error: BookingError) -> None:
        """Say why nothing was booked. What was typed stays."""
        if isinstance(error, DifferentRequest):
            self.booked = Appointment.objects.get(request_key=self.key)
            self.key = uuid.uuid4()
            self.form.add_error(None, str(DifferentForm()))
        elif isinstance(error, TimeTaken):
            why = error.params.get("reason")
            said = {
                "when": moment(self.form.cleaned_data["start"], self.now),
                "why": reasons.for_staff(why) if why else _g("taken"),
            }
            problem = _g("%(when)s cannot be had any more: %(why)s. Choose another.")
            visit_type = self.form.cleaned_data["visit_type"]
            taken = by_whom(error, visit_type, self.now)
            self.form.add_error("start", f"{problem % said} {taken}".strip())
        else:
            self.form.add_error(None, str(error))

    def known(self) -> Suggested | None:
        """Return who the caller may be, by what was typed; None if too little was."""
        typed = {name: self._read(name) or "" for name in ("phone", "email")}
        names = {n: self.said.get(n, "") for n in ("given_name", "family_name")}
        widget = self.form.fields["birth_date"].widget
        try:
            parts = widget.value_from_datadict(self.said, {}, "birth_date")
            born = self.form.fields["birth_date"].clean(parts)
        except ValidationError:
            born = None
        if not born and not any(typed.values()):
            return None
        text = born.isoformat() if born else ""
        return suggest(Patient(birth_date_text=text, **typed, **names))

    def page(self) -> Page | None:
        """Return the days to show, what is chosen or nearest to it on top."""
        if self.free is None:
            return None
        chosen, days = self.start, self.said.get("from") or self.said.get("day", "")
        first = _date(days)
        if chosen is None:
            return self.free.page(first)
        if self.free.has(chosen):
            before = (_g("Chosen so far"), [chosen])
        else:
            before = (_g("Nearest free times"), self.free.nearest(chosen))
        return self.free.page(
            first or words.local(chosen).date(), checked=[chosen], before=before
        )

    def context(self) -> dict[str, Any]:
        """Return all that the page shows."""
        chosen = self.start
        gone = chosen and self.free and not self.free.has(chosen)
        return {
            "form": self.form,
            "form_key": self.key,
            "visit_type": self.visit_type,
            "booked": self.booked,
            "known": self.known(),
            "asks_who": "know" in self.said,
            "free": self.free,
            "page": self.page(),
            "gone": moment(chosen, self.now) if chosen and gone else "",
            "now": self.now,
        }


def read_aloud(visit: Appointment) -> dict[str, Any]:
    """Return what to read to the caller about their booked visit, and what they get."""
    clinic = Clinic.objects.first()
    taken = visit.reservations.filter(expires_at__isnull=True)
    seen_by = taken.filter(resource__kind=Resource.Kind.CLINICIAN).select_related(
        "resource__clinician"
    )
    besides_texts = visit.messages.exclude(channel="text")
    message = besides_texts.order_by("pk").last()
    return {
        "visit": visit,
        "length": words.length(visit.minutes),
        "clinicians": [words.who(row.resource) for row in seen_by],
        "place": calendars.address(clinic) if clinic else "",
        "spelled": " ".join(visit.reference.replace("-", "")),
        "message": message,
        "to_tell": message
        if message
        and message.channel == message.Channel.PHONE
        and not message.called_at
        else None,
    }


def _preset(said: Mapping[str, str]) -> dict[str, str]:
    return {name: said[name] for name in PRESET if name in said}


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
