"""The forms of the request: read what people type, and say how to mend it."""

from .base import Row, StepForm
from .bots import SendForm
from .fields import BirthDateField, BirthDateWidget, parse_instant
from .payment import BRANCHES, PaymentDetailsForm, PaymentForm
from .person import AboutForm, AskedByForm, ContactForm, HelpForm
from .visit import (
    RED_FLAGS,
    EmergencyForm,
    OtherTimesForm,
    QuestionsForm,
    TimeForm,
    VisitForm,
)

__all__ = [
    "BRANCHES",
    "RED_FLAGS",
    "AboutForm",
    "AskedByForm",
    "BirthDateField",
    "BirthDateWidget",
    "ContactForm",
    "EmergencyForm",
    "HelpForm",
    "OtherTimesForm",
    "PaymentDetailsForm",
    "PaymentForm",
    "QuestionsForm",
    "Row",
    "SendForm",
    "StepForm",
    "TimeForm",
    "VisitForm",
    "parse_instant",
]
