"""Fields that say how to mend what was typed, and let no invisible sign through."""

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Any

import phonenumbers
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from booking import clock
from booking.models.resource import YEARS

# They change the order in which the text around them is shown.
# Source: Unicode Standard Annex #9, section 2.
BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Scripts such as Persian and Bengali need these two to write names.
JOINERS = "\u200c\u200d"
NAME_SIGNS = " .,'’‘ʼ·-‐‑()" + JOINERS
OLDEST = 120
# A birth date as it is typed, in one line: broken, it looks like two.
BORN = "4\u00a027\u00a01980"


class ParagraphField(forms.CharField):
    """Text of several lines, without signs that nobody sees."""

    default_error_messages = {
        "max_length": _("Shorten this to %(limit_value)d characters or fewer."),
        "null_characters_not_allowed": _("Use letters, numbers and signs only."),
        "control": _("Use letters, numbers and signs only."),
    }
    lines_allowed = "\n\r\t"

    def to_python(self, value: Any) -> str:
        text = unicodedata.normalize("NFC", str(super().to_python(value) or ""))
        text = BIDI_CONTROLS.sub("", text).strip()
        for sign in text:
            if sign in self.lines_allowed or sign in JOINERS:
                continue
            if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
                raise ValidationError(self.error_messages["control"], "control")
        return text


class LineField(ParagraphField):
    """Text of one line; a line break in it is refused, not mended."""

    default_error_messages = {"control": _("Write this on one line.")}
    lines_allowed = ""


class NameField(LineField):
    """A name in any script.

    Source: W3C Internationalization, "Personal names around the world".
    """

    default_error_messages = {
        "control": _("Use letters, spaces, apostrophes and hyphens only."),
        "sign": _("Use letters, spaces, apostrophes and hyphens only."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=80, **kwargs)

    def to_python(self, value: Any) -> str:
        name = super().to_python(value)
        kinds = {
            unicodedata.category(sign)[0] for sign in name if sign not in NAME_SIGNS
        }
        if name and ("L" not in kinds or kinds - {"L", "M"}):
            raise ValidationError(self.error_messages["sign"], "sign")
        return name


class PhoneField(LineField):
    """A phone number, American unless it starts with +; cleaned to E.164."""

    widget = forms.TelInput
    default_error_messages = {
        "invalid": _(
            "Check the phone number. Write it with the area code, like 212 555 0143."
        ),
        "extension": _("Write the phone number without an extension."),
    }

    def to_python(self, value: Any) -> str:
        text = super().to_python(value)
        if not text or len(text) > (self.max_length or 0):
            return text
        try:
            number = phonenumbers.parse(text, "US")
        except phonenumbers.NumberParseException:
            number = None
        if number is None or not phonenumbers.is_valid_number(number):
            raise ValidationError(self.error_messages["invalid"], "invalid")
        if number.extension:
            raise ValidationError(self.error_messages["extension"], "extension")
        return str(
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        )


class EmailField(forms.EmailField):
    """An email address; its domain is cleaned to small letters."""

    default_error_messages = {
        "invalid": _("Check the email address. It looks like name@example.com."),
        "max_length": _("Shorten this to %(limit_value)d characters or fewer."),
    }

    def clean(self, value: Any) -> str:
        address = str(super().clean(value))
        name, at, domain = address.rpartition("@")
        return f"{name}{at}{domain.lower()}"


class BirthDateWidget(forms.MultiWidget):
    """Month, day and year, each a field to type in."""

    template_name = "clinic/widgets/birth_date.html"
    use_fieldset = True

    def __init__(self) -> None:
        super().__init__(
            {
                part: forms.TextInput(
                    {"inputmode": "numeric", "autocomplete": f"bday-{part}"}
                )
                for part in ("month", "day", "year")
            }
        )

    def decompress(self, value: date | None) -> list[int | None]:
        return [value.month, value.day, value.year] if value else [None, None, None]


class BirthDateField(forms.MultiValueField):
    """A day in the past that somebody alive can be born on."""

    widget = BirthDateWidget
    default_error_messages = {
        "required": format_lazy(
            _("Write the month, day and year of birth, like {date}."), date=BORN
        ),
        "invalid": format_lazy(
            _("Check the date of birth. Write it in numbers, like {date}."), date=BORN
        ),
        "future": _("Check the date of birth. It must be in the past."),
        "old": _("Check the year of birth. Write all four numbers, like 1980."),
    }

    def __init__(self, **kwargs: Any) -> None:
        parts = [forms.CharField(max_length=4) for _part in range(3)]
        super().__init__(fields=parts, **kwargs)

    def clean(self, value: Any) -> Any:
        try:
            return super().clean(value)
        except ValidationError as error:
            # Several errors at once have no code; the remedy is the same.
            code = getattr(error, "code", "invalid")
            code = code if code in self.default_error_messages else "invalid"
            raise ValidationError(self.error_messages[code], code) from None

    def compress(self, data_list: list[str]) -> date | None:
        if not data_list:
            return None
        month, day, year = data_list
        today = timezone.localdate(clock.now())
        try:
            if not (month + day + year).isdecimal():
                raise ValueError
            born = date(int(year), int(month), int(day))
        except ValueError:
            raise ValidationError("", "invalid") from None
        if born > today:
            raise ValidationError("", "future")
        if today.year - born.year > OLDEST:
            raise ValidationError("", "old")
        return born


class InstantField(forms.CharField):
    """An instant as `words.as_value` writes it; free or not is asked elsewhere."""

    default_error_messages = {
        "required": _("Choose a time."),
        "invalid": _("Choose one of the times shown."),
    }

    def clean(self, value: Any) -> datetime:
        text = str(super().clean(value))
        return parse_instant(text, str(self.error_messages["invalid"]))


def parse_instant(text: str, message: str = "") -> datetime:
    """Return an ISO 8601 instant, in UTC. Raises ValidationError for what is none."""
    try:
        said = datetime.fromisoformat(text)
        at = said.astimezone(UTC)
        # No zone would be a guess; a part of a minute is on no grid of times.
        whole = at == at.replace(second=0, microsecond=0)
        if said.tzinfo and whole and at.year in YEARS:
            return at
    except (ValueError, OverflowError):
        pass
    raise ValidationError(message, "invalid")
