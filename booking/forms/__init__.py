"""The forms of the request: read what people type, and say how to mend it."""

from .base import Row, StepForm, only_read
from .bots import SendForm
from .fields import BirthDateField, BirthDateWidget, parse_instant
from .payment import BRANCHES, PaymentDetailsForm, PaymentForm
from .person import AboutForm, AskedByForm, ContactForm, FindForm, HelpForm
from .search import SearchForm
from .visit import (
    RED_FLAGS,
    ChangeForm,
    EmergencyForm,
    InstantsField,
    OtherTimesForm,
    QuestionsForm,
    ReferralForm,
    TimeForm,
    VisitForm,
)
from .waiting import OfferForm, WishForm

__all__ = [
    "BRANCHES",
    "RED_FLAGS",
    "AboutForm",
    "AskedByForm",
    "BirthDateField",
    "BirthDateWidget",
    "ChangeForm",
    "ContactForm",
    "EmergencyForm",
    "FindForm",
    "HelpForm",
    "InstantsField",
    "OfferForm",
    "OtherTimesForm",
    "PaymentDetailsForm",
    "PaymentForm",
    "QuestionsForm",
    "ReferralForm",
    "Row",
    "SearchForm",
    "SendForm",
    "StepForm",
    "TimeForm",
    "VisitForm",
    "WishForm",
    "only_read",
    "parse_instant",
]
