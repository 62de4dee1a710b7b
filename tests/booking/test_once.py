"""A form that is sent twice is done once."""

import uuid
from datetime import timedelta

import pytest

from booking import delivery, once
from booking.errors import DifferentForm
from booking.models import FormKey
from tests.factories import NOW
from tests.records import nothing_written

pytestmark = pytest.mark.django_db

KEY = uuid.UUID(int=7)
CONTENT = ["a room", {"name": "Room 9", "order": 0}]


def test_a_new_form_is_there_to_be_acted_on():
    assert once.begin(KEY, CONTENT, now=NOW) is None


def test_the_same_form_gets_the_answer_of_the_first():
    once.begin(KEY, CONTENT, now=NOW)
    once.end(KEY, [12, "/there/"])

    with nothing_written():
        assert once.begin(KEY, CONTENT, now=NOW + timedelta(hours=1)) == [12, "/there/"]


def test_other_content_under_the_same_key_is_refused():
    once.begin(KEY, CONTENT, now=NOW)
    once.end(KEY, 12)

    with nothing_written(), pytest.raises(DifferentForm) as refusal:
        once.begin(KEY, ["a room", {"name": "Room 10"}], now=NOW)

    assert refusal.value.params == {"answer": 12}


def test_the_order_of_the_fields_does_not_matter():
    once.begin(KEY, {"name": "Room 9", "order": 0}, now=NOW)
    once.end(KEY, 12)

    assert once.begin(KEY, {"order": 0, "name": "Room 9"}, now=NOW) == 12


def test_a_form_of_which_nothing_came_may_be_sent_again():
    once.begin(KEY, CONTENT, now=NOW)
    once.take_back(KEY)

    assert once.begin(KEY, ["other content"], now=NOW) is None


def test_nobody_can_read_from_the_row_what_was_sent():
    once.begin(KEY, ["Zebrowskaja"], now=NOW)

    row = FormKey.objects.values().get()
    assert "Zebrowskaja" not in str(row)
    assert once.digest(["Zebrowskaja"]) == row["digest"] != once.digest(["Another"])


def test_keys_are_kept_for_two_days():
    once.begin(KEY, CONTENT, now=NOW)

    delivery.purge(NOW + timedelta(days=2))
    assert FormKey.objects.exists()
    delivery.purge(NOW + timedelta(days=2, seconds=1))
    assert not FormKey.objects.exists()


@pytest.mark.parametrize("text", ["", "x", "\0", "9" * 5000, "7" * 33, None])
def test_what_is_no_key_counts_as_none(text):
    assert once.key_in({once.FIELD: text}) is None


def test_the_key_is_read_as_the_page_wrote_it():
    assert once.key_in({once.FIELD: str(KEY)}) == KEY
    assert once.key_in({}) is None
