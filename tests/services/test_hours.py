"""Opening hours in words."""

from datetime import time

import pytest

from services.hours import by_weekday, clock, summary
from services.languages import unbroken
from services.models import OpeningHours

MORNING = (time(8, 30), time(12))
AFTERNOON = (time(13), time(18))
ALL_DAY = (time(8, 30), time(18))


def hours(*rows: tuple[int, tuple[time, time]]) -> list[OpeningHours]:
    return [
        OpeningHours(weekday=day, opens=opens, closes=closes)
        for day, (opens, closes) in rows
    ]


@pytest.mark.parametrize(
    ("at", "words"),
    [(time(8, 30), "8:30 AM"), (time(18), "6 PM"), (time(12), "12 PM")],
)
def test_whole_hours_are_said_without_minutes(at: time, words: str) -> None:
    assert clock(at) == words


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], ""),
        ([(0, ALL_DAY)], "Monday, 8:30 AM to 6 PM"),
        ([(0, ALL_DAY), (1, ALL_DAY)], "Monday and Tuesday, 8:30 AM to 6 PM"),
        ([(d, ALL_DAY) for d in range(5)], "Monday to Friday, 8:30 AM to 6 PM"),
        (
            [(0, ALL_DAY), (2, ALL_DAY)],
            "Monday, 8:30 AM to 6 PM; Wednesday, 8:30 AM to 6 PM",
        ),
        (
            [(5, AFTERNOON), (5, MORNING), (6, ALL_DAY)],
            "Saturday, 8:30 AM to 12 PM and 1 PM to 6 PM; Sunday, 8:30 AM to 6 PM",
        ),
    ],
)
def test_days_alike_are_said_together(
    rows: list[tuple[int, tuple[time, time]]], words: str
) -> None:
    assert summary(hours(*rows)) == words


def test_week_starts_on_monday_and_names_closed_days() -> None:
    assert by_weekday(hours((1, ALL_DAY))) == [
        ("Monday", ""),
        ("Tuesday", "8:30 AM to 6 PM"),
        ("Wednesday", ""),
        ("Thursday", ""),
        ("Friday", ""),
        ("Saturday", ""),
        ("Sunday", ""),
    ]


def test_no_line_ends_within_a_day_or_a_time() -> None:
    assert unbroken("Monday, 8:30 AM to 12 PM and 1 PM to 6 PM") == (
        "Monday, 8:30\xa0AM to 12\xa0PM and 1\xa0PM to 6\xa0PM"
    )
    assert unbroken("Tuesday, November 24, 2:00 PM EST, in the clinic") == (
        "Tuesday, November\xa024, 2:00\xa0PM\xa0EST, in the clinic"
    )
    assert unbroken("martes, 24 de noviembre, 2:00 PM EST") == (
        "martes, 24\xa0de noviembre, 2:00\xa0PM\xa0EST"
    )
