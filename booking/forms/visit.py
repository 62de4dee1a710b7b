"""Which visit, when, and what we should know before it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from booking import words
from booking.models import Resource, ScreeningAnswer, VisitType
from booking.policy import MAX_CHOICES
from booking.workflow import Answer
from services.models import ScreeningQuestion, Service
from services.templatetags.languages import said

from .base import YES_NO, Row, StepForm, radios
from .bots import HoneypotForm
from .fields import InstantField, parse_instant

# The clinic's page "When to call 911" says the same; here it has to be there even when
# that page is not.
RED_FLAGS = [
    _("one side of your face droops"),
    _("one side of your body suddenly goes weak or numb"),
    _("you suddenly have trouble speaking, seeing or walking"),
    _("you suddenly have the worst headache of your life"),
    _("you have chest pain, or trouble breathing or swallowing"),
    _("your face or throat swells after an injection"),
    _("you lose control of your bladder or bowels, or cannot pass urine"),
    _("you are numb between your legs or around your genitals or buttocks"),
    _("a leg is newly weak or gets weaker, or you cannot lift your foot"),
    _("weakness spreads up your body over hours or days"),
    _("you have strong back pain with a fever or chills"),
    _("you have back or neck pain after a bad fall or a crash"),
]


class EmergencyForm(HoneypotForm):
    """The check before anything else. Its answer is never kept."""

    emergency = radios(
        _("Do you have any of these signs now?"),
        [("none", _("None of these")), ("some", _("One or more of these"))],
        required=_("Choose whether you have any of these signs."),
    )


class VisitForm(StepForm):
    """The service and the type of visit in one choice."""

    heading = _("Which visit would you like?")

    visit = radios("", [], required=_("Choose a visit."))

    def __init__(self, *args: Any, visit_types: Sequence[VisitType], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.visit_types = {v.code: v for v in visit_types}
        field = self.own("visit")
        field.choices = [(v.code, str(v)) for v in visit_types]
        field.label = self.heading

    def groups(self) -> list[tuple[Service, list[tuple[Any, VisitType]]]]:
        """Return each service with its radio buttons and what they stand for."""
        options = zip(self["visit"].subwidgets, self.visit_types.values(), strict=True)
        return [
            (service, list(pairs))
            for service, pairs in groupby(options, key=lambda pair: pair[1].service)
        ]

    def contributes(self) -> dict[str, Any]:
        return {"visit_type": self.visit_types[self.cleaned_data["visit"]]}

    def rows(self) -> list[Row]:
        visit_type = self.visit_types[self.cleaned_data["visit"]]
        length = words.length(visit_type.duration)
        return [
            (str(_("Treatment or test")), said(visit_type.service, "name")),
            (
                str(_("Kind of visit")),
                format_html("{}, {}", said(visit_type, "name"), length),
            ),
        ]


class ReferralForm(StepForm):
    """Whether a doctor sends the patient, where the visit needs that."""

    heading = _("Do you have a referral for this visit?")
    heading_is_question = True
    options_class = "row"

    referral = radios(
        heading,
        YES_NO,
        required=_("Choose yes or no."),
        help_text=_("A note from the doctor or clinic that sends you to us."),
    )

    def contributes(self) -> dict[str, Any]:
        return {"has_referral": self.cleaned_data["referral"] == "yes"}

    def rows(self) -> list[Row]:
        said = dict(YES_NO)[self.cleaned_data["referral"]]
        return [(str(_("Referral for this visit")), str(said))]


class TimeForm(StepForm):
    """The first choice of time. `workflow` alone says if it can be had."""

    heading = _("When would you like to come?")

    start = InstantField(label=_("Time"), max_length=40, widget=forms.RadioSelect)
    clinician = forms.CharField(required=False, max_length=50, widget=forms.HiddenInput)

    def __init__(self, *args: Any, clinicians: Mapping[str, Resource], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.clinicians = clinicians

    def clean(self) -> None:
        slug = self.cleaned_data.get("clinician", "")
        if slug and slug not in self.clinicians:
            self.add_error(
                "start",
                _("This clinician cannot be chosen for this visit. Choose any time."),
            )

    @property
    def wanted_clinician(self) -> Resource | None:
        slug = self.cleaned_data.get("clinician", "")
        return self.clinicians.get(slug) if slug else None

    def contributes(self) -> dict[str, Any]:
        return {
            "choices": [self.cleaned_data["start"]],
            "clinician": self.wanted_clinician,
        }

    def rows(self) -> list[Row]:
        rows = [
            (str(_("First choice of time")), words.moment(self.cleaned_data["start"]))
        ]
        if self.wanted_clinician:
            rows.append((str(_("With")), words.who(self.wanted_clinician)))
        return rows


class InstantsField(forms.Field):
    """At most `most` instants, none twice, in the order of the page."""

    widget = forms.CheckboxSelectMultiple
    default_error_messages = {
        "invalid": _("Choose from the times shown."),
        "most": _("Choose two other times at most. Take the tick off the rest."),
    }

    def __init__(self, *, most: int = MAX_CHOICES - 1, **more: Any) -> None:
        super().__init__(**more)
        self.most = most

    def clean(self, value: Any) -> list[datetime]:
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"], "required")
        message = str(self.error_messages["invalid"])
        typed = value if isinstance(value, list) else []
        few = typed[: 2 * MAX_CHOICES]
        found = list(dict.fromkeys(parse_instant(text, message) for text in few))
        if len(found) > self.most or len(typed) > len(few):
            raise forms.ValidationError(self.error_messages["most"], "most")
        return found


class OtherTimesForm(StepForm):
    """Up to two more times that would do."""

    heading = _("Are there other times that would suit you?")

    starts = InstantsField(label=_("Other times"), required=False)

    def contributes(self) -> dict[str, Any]:
        return {"choices": self.cleaned_data["starts"]}

    def rows(self) -> list[Row]:
        starts = self.cleaned_data["starts"]
        said = "\n".join(words.moment(start) for start in starts)
        return [(str(_("Other times that suit you")), said or str(_("None")))]


class ChangeForm(StepForm):
    """One to three other times for what is booked; or the one to move to at once."""

    heading = _("Choose another time")

    starts = InstantsField(label=_("Other times"))

    def __init__(self, *args: Any, most: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["starts"]
        field.most = most  # type: ignore[attr-defined]
        field.error_messages |= {
            "required": _("Choose a time."),
            "most": _("Choose three times at most. Take the tick off the rest."),
        }


class QuestionsForm(StepForm):
    """The service's own questions. An answer makes a flag for staff, no more."""

    heading = _("Questions before your visit")
    hint = _(
        "Answer for the person who comes to the visit. Your answers help us to get"
        " ready. They do not stop your request."
    )
    options_class = "row"

    def __init__(
        self, *args: Any, questions: Sequence[ScreeningQuestion], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.questions = questions
        for question in questions:
            self.fields[question.code] = radios(
                said(question, "question"),
                ScreeningAnswer.Answer.choices,
                required=_("Choose an answer to “%(question)s”")
                % {"question": question.question},
                help_text=said(question, "hint"),
            )

    def contributes(self) -> dict[str, Any]:
        return {"answers": self.answers()}

    def answers(self) -> list[Answer]:
        """Return the answers with the words that were asked, in English for staff.

        Needs a valid form.
        """
        return [
            Answer(
                code=q.code,
                question=q.in_english().get("question", ""),
                answer=self.cleaned_data[q.code],
                flag=q.flag,
                advice=q.in_english().get("advice", ""),
            )
            for q in self.questions
        ]

    def advice(self) -> list[str]:
        """Return what to do after each "yes" and "not sure", in the order asked."""
        return [
            said(q, "advice")
            for q in self.questions
            if q.advice and self.cleaned_data[q.code] != ScreeningAnswer.Answer.NO
        ]
