"""Every component in every state on one page, for those who work on the design."""

from typing import Any, NamedTuple

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Submit
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static

from booking.forms import BirthDateField
from services.models import Clinic, Page, Service
from services.street_map import map_of


class SampleForm(forms.Form):
    """One field of each kind that patients meet."""

    name = forms.CharField(
        label="Your name",
        help_text="As it stands on your insurance card, if you have <one>.",
        widget=forms.TextInput({"autocomplete": "name"}),
        error_messages={"required": "Write your name."},
    )
    email = forms.EmailField(
        label="Email address",
        help_text="We send your confirmation here.",
        required=False,
        widget=forms.EmailInput({"autocomplete": "email"}),
        error_messages={"invalid": "Write the email address like name@example.com."},
    )
    birth_date = BirthDateField(
        label="Date of birth",
        help_text="We ask so that we do not mix you up with someone else.",
        error_messages={"required": "Write your date of birth, like 4 27 1980."},
    )
    reach = forms.ChoiceField(
        label="How should we reach you?",
        choices=[("phone", "Phone call"), ("text", "Text message"), ("mail", "Email")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how we should reach you."},
    )
    days = forms.MultipleChoiceField(
        label="Which days suit you?",
        help_text="Choose all that do.",
        choices=[("0", "Monday"), ("1", "Tuesday"), ("2", "Wednesday")],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one day."},
    )
    language = forms.ChoiceField(
        label="Language you prefer",
        choices=[("", "Choose a language"), ("en", "English"), ("es", "Spanish")],
        error_messages={"required": "Choose a language."},
    )
    note = forms.CharField(
        label="What should we know?",
        required=False,
        widget=forms.Textarea({"rows": 4}),
    )
    agree = forms.BooleanField(
        label="I understand that this is a request, not yet an appointment",
        error_messages={"required": "Tick the box to go on."},
    )
    step = forms.CharField(widget=forms.HiddenInput, initial="2", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = FormHelper()
        self.helper.add_input(Submit("", "Continue"))


class SampleQuestion(forms.Form):
    """Short answers, side by side."""

    been_here = forms.ChoiceField(
        label="Have you been here before?",
        choices=[("yes", "Yes"), ("no", "No"), ("not_sure", "I’m not sure")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose an answer."},
    )
    mornings = forms.MultipleChoiceField(
        label="Which mornings suit you?",
        choices=[("1", "Tuesday"), ("2", "Wednesday"), ("3", "Thursday")],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one day."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = FormHelper()
        self.helper.options_class = "row"


class Slot(NamedTuple):
    """A tile of the time picker. `full_text` holds `label`, for people who speak it."""

    id: str
    value: str
    label: str
    full_text: str
    checked: bool = False
    disabled: bool = False


def sample_days() -> list[dict[str, object]]:
    """Return a day with each kind of tile, and a closed day."""
    times = ["9:00 AM", "10:15 AM", "11:30 AM", "1:00 PM", "2:30 PM", "4:45 PM"]
    slots = [
        Slot(
            id=f"id_slot_{number}",
            value=time,
            label=time,
            full_text=f"Tuesday, November 24, {time}, 30 minutes",
            checked=number == 1,
            disabled=number == 4,
        )
        for number, time in enumerate(times)
    ]
    closed = "Closed for Thanksgiving. The next free day is Monday, November 30."
    return [
        {"heading": "Tuesday, November 24", "slots": slots},
        {"heading": "Thursday, November 26", "why": closed},
    ]


def styleguide(request: HttpRequest) -> HttpResponse:
    """Show the components. The clinic is made up and never saved."""
    clinic = Clinic(
        name="43rd St. Physical Medicine & Rehabilitation",
        street="W 43rd St",
        city="New York",
        region="NY",
        phone="(212) 555-0143",
        is_demo=True,
    )
    drawn = [
        Service(name="Treatment", kind="therapy", entry="trigger-point-injections"),
        Service(name="Test", kind="test", entry="emg-and-nerve-testing"),
        Service(name="Any other treatment", kind="therapy"),
        Service(name="Any other test", kind="test"),
    ]
    houses = [Clinic(street=f"{n} W 43rd St", city="New York") for n in (9, 250)]
    wrong = {"email": "ada@", "birth_date_month": "13", "step": "2"}
    context = {
        "clinic": clinic,
        "opening_hours_summary": "Monday to Friday, 8:30 AM to 6 PM",
        "footer_pages": [Page(slug="sample", title="A page of the footer")],
        "plain_form": SampleForm(auto_id="plain_%s", initial={"reach": "text"}),
        "question": SampleQuestion(auto_id="question_%s"),
        "form": SampleForm(wrong),
        "days": sample_days(),
        "drawn": drawn,
        "maps": [map_of(clinic), *map(map_of, houses)],
        # No photo, since that would be one of somebody.
        "portrait": static("favicon.svg"),
        "book": {"in_english": True, "by_draft": True},
        "answers": [
            {"label": "Your name", "value": "Ada Example", "change_url": "#forms"},
            {"label": "Email address", "value": "", "change_url": "#forms"},
            {"label": "Time", "value": "Tuesday, November 24, 10:15 AM"},
        ],
        "reasons": ["Trouble breathing", "Sudden weakness on one side of your body"],
    }
    return render(request, "styleguide.html", context)
