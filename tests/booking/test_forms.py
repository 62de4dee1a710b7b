"""What the fields of the request take, how they clean it, and what they refuse."""

from datetime import UTC, date, datetime

import pytest
from django.core.exceptions import ValidationError
from django.utils.translation import override
from time_machine import travel

from booking.forms import BirthDateField, HelpForm, parse_instant
from booking.forms.fields import (
    EmailField,
    LineField,
    NameField,
    ParagraphField,
    PhoneField,
)
from booking.forms.person import ContactForm
from booking.words import phone
from tests.factories import NOW


def refusal(field, value):
    """Return what the field says about a value that it refuses."""
    with pytest.raises(ValidationError) as error:
        field.clean(value)
    return error.value.messages


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "O’Hara-Núñez",
        "O'Neil",
        "Martin Luther, Jr.",
        "Robert (Bob)",
        "Ngozi Ọlọ́runtóbi",
        "王小明",
        "محمد",
        "می‌خواهم",
        "שָׂרָה",
        "ʻAulani",
        "ক্ষমা",
        "L·l",
    ],
)
def test_names_of_any_script_are_taken(name):
    assert NameField().clean(name) == name


@pytest.mark.parametrize(
    "name",
    ["Pat\nBcc: x", "Pat\x00", "Pat 2", "<b>Pat</b>", "Pat@example", "-", "😀"],
)
def test_what_is_no_name_is_refused_in_words(name):
    said = ["Use letters, spaces, apostrophes and hyphens only."]
    assert refusal(NameField(), name) == said


def test_signs_that_turn_text_around_are_taken_out():
    assert NameField().clean("Pat\u202eelpmaxE\u2069") == "PatelpmaxE"
    assert ParagraphField().clean("\u200fנכה") == "נכה"


def test_a_name_is_kept_in_one_spelling():
    assert NameField().clean("Zoe\u0308") == "Zoë"


def test_a_line_stays_a_line_and_a_paragraph_may_have_several():
    assert refusal(LineField(), "one\ntwo") == ["Write this on one line."]
    assert ParagraphField().clean("one\r\ntwo") == "one\r\ntwo"


def test_long_text_is_to_be_shortened():
    said = ["Shorten this to 80 characters or fewer."]
    assert refusal(NameField(), "x" * 81) == said
    assert NameField().clean("x" * 80) == "x" * 80


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("(212) 555-0143", "+12125550143"),
        ("212.555.0143", "+12125550143"),
        ("1 212 555 0143", "+12125550143"),
        ("+44 20 7946 0018", "+442079460018"),
    ],
)
def test_phones_are_kept_in_one_form(typed, kept):
    assert PhoneField(max_length=40).clean(typed) == kept


@pytest.mark.parametrize("typed", ["555", "0", "call me", "-2125550143555", "9" * 40])
def test_what_is_no_phone_says_how_to_write_one(typed):
    assert refusal(PhoneField(max_length=40), typed) == [
        "Check the phone number. Write it with the area code, like 212 555 0143."
    ]


def test_an_extension_is_not_lost_in_silence():
    said = ["Write the phone number without an extension."]
    assert refusal(PhoneField(max_length=40), "212 555 0143 x7") == said


def test_a_phone_is_read_back_as_people_dial_it():
    assert phone("+12125550143") == "(212) 555-0143"
    assert phone("+442079460018") == "+44 20 7946 0018"


def test_an_email_address_keeps_its_name_and_lowers_its_domain():
    assert EmailField().clean(" Pat@Example.COM ") == "Pat@example.com"


@pytest.mark.parametrize("typed", ["pat", "pat@", "a@example.com\nBcc: b@example.com"])
def test_what_is_no_email_address_says_how_one_looks(typed):
    assert refusal(EmailField(), typed) == [
        "Check the email address. It looks like name@example.com."
    ]


EMPTY = "Write the month, day and year of birth, like 4\u00a027\u00a01980."
INVALID = "Check the date of birth. Write it in numbers, like 4\u00a027\u00a01980."
FUTURE = "Check the date of birth. It must be in the past."
OLD = "Check the year of birth. Write all four numbers, like 1980."


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["", "", ""], EMPTY),
        (["4", "", "1980"], EMPTY),
        (["2", "30", "1980"], INVALID),
        (["13", "1", "1980"], INVALID),
        (["-4", "27", "1980"], INVALID),
        (["April", "27", "1980"], INVALID),
        (["4", "27", "19800"], INVALID),
        (["4", "27", "0"], INVALID),
        (["\x00", "27", "1980"], INVALID),
        (["11", "17", "2026"], FUTURE),
        (["4", "27", "80"], OLD),
        (["4", "27", "1905"], OLD),
    ],
)
def test_a_wrong_date_of_birth_says_what_is_wrong(typed, said):
    with travel(NOW, tick=False):
        assert refusal(BirthDateField(), typed) == [said]


@pytest.mark.parametrize(
    ("typed", "born"),
    [
        (["4", "27", "1980"], date(1980, 4, 27)),
        (["02", " 29 ", "2000"], date(2000, 2, 29)),
        (["11", "16", "2026"], date(2026, 11, 16)),
        (["1", "1", "1906"], date(1906, 1, 1)),
    ],
)
def test_a_date_of_birth_is_a_day_that_somebody_alive_can_be_born_on(typed, born):
    with travel(NOW, tick=False):
        assert BirthDateField().clean(typed) == born


def test_an_instant_needs_a_zone_and_a_whole_minute():
    five = datetime(2026, 11, 17, 15, 0, tzinfo=UTC)
    assert parse_instant("2026-11-17T15:00Z") == five
    assert parse_instant("2026-11-17T10:00:00-05:00") == five
    for wrong in ("2026-11-17T15:00", "2026-11-17T15:00:01Z", "1999-11-17T15:00Z", ""):
        with pytest.raises(ValidationError):
            parse_instant(wrong)


@pytest.mark.parametrize("name", ["email", "phone"])
def test_contact_fields_tell_the_browser_what_they_are_for(name):
    attrs = ContactForm()[name].field.widget.attrs
    assert attrs["autocomplete"] == {"email": "email", "phone": "tel"}[name]


@pytest.mark.parametrize(("code", "name"), [("en", "English"), ("es", "Spanish")])
def test_who_reads_in_a_language_is_taken_to_speak_it(code: str, name: str):
    with override(code):
        assert HelpForm()["language"].value() == name
