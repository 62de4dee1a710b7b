"""When the clinic is closed soon, on the page with its opening hours."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from services import rows
from services.models import OpeningHours
from tests import factories
from tests.factories import FRIDAY, MONDAY, THURSDAY, TUESDAY, WEDNESDAY, at
from tests.services.test_pages import read
from tests.services.test_structured_data import graph_of, the
from tests.services.vocabulary import Vocabulary

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "visit_type")]

SUNDAY, NEXT_MONDAY = date(2026, 11, 22), date(2026, 11, 23)


def shown(client: Client, path: str = "/visit-us/") -> str:
    text = read(client, path).text.replace("\xa0", " ")
    return text.partition("We are also closed ")[2]


def other_hours(client: Client) -> list[dict[str, Any]]:
    graph = graph_of(client, "/visit-us/")
    assert Vocabulary().problems(graph) == []
    found = the(graph, "MedicalClinic").get("specialOpeningHoursSpecification", [])
    return [{k: v for k, v in one.items() if k != "@type"} for one in found]


def on(day: date, last: date | None = None, **values: str) -> dict[str, str]:
    span = {"validFrom": str(day), "validThrough": str(last or day)}
    return {"name": "Training day", **span, **values}


@pytest.mark.parametrize(
    ("start", "end", "says", "machines"),
    [
        (
            at("00:00", WEDNESDAY), at("00:00", THURSDAY),
            "Wednesday, November 18 Training day", [on(WEDNESDAY)],
        ),
        (  # all of its opening hours
            at("08:00", WEDNESDAY), at("18:00", WEDNESDAY),
            "Wednesday, November 18 Training day", [on(WEDNESDAY)],
        ),
        (
            at("00:00", THURSDAY), at("00:00", NEXT_MONDAY),
            "Thursday, November 19 to Sunday, November 22 Training day",
            [on(THURSDAY, SUNDAY)],
        ),
        (
            at("12:00", FRIDAY), at("15:00", FRIDAY),
            "Friday, November 20, 12:00 PM to 3:00 PM Training day",
            [on(FRIDAY, opens="09:00", closes="12:00"),
             on(FRIDAY, opens="15:00", closes="17:00")],
        ),
        (
            at("12:00", TUESDAY), at("18:00", THURSDAY),
            "Tuesday, November 17, 12:00 PM to Thursday, November 19, 6:00 PM",
            [on(TUESDAY, opens="09:00", closes="12:00"), on(WEDNESDAY, THURSDAY)],
        ),
        (  # it has begun
            at("00:00", MONDAY - timedelta(days=3)), at("00:00", WEDNESDAY),
            "Friday, November 13 to Tuesday, November 17 Training day",
            [on(MONDAY, TUESDAY)],
        ),
    ],
)  # fmt: skip
def test_the_page_says_when_and_why_and_machines_what_is_left(
    client: Client, start: Any, end: Any, says: str, machines: list[dict[str, str]]
) -> None:
    factories.a_closure(start, end)
    assert shown(client).startswith(says)
    assert other_hours(client) == machines


def test_nothing_is_said_of_what_is_over_far_off_or_of_one_clinician(
    client: Client, visit_type: Any
) -> None:
    day = timedelta(days=1)
    factories.a_closure(factories.NOW - 2 * day, factories.NOW)
    factories.a_closure(factories.NOW + 90 * day, factories.NOW + 91 * day)
    person = factories.Resource.objects.filter(kind=factories.CLINICIAN).get()
    factories.a_closure(at("00:00", THURSDAY), at("00:00", FRIDAY), of=person)
    assert shown(client) == ""
    assert other_hours(client) == []


def test_two_closures_of_a_day_leave_it_what_neither_takes(client: Client) -> None:
    factories.a_closure(at("09:00", FRIDAY), at("11:00", FRIDAY))
    factories.a_closure(at("12:00", FRIDAY), at("17:00", FRIDAY))
    assert other_hours(client) == [on(FRIDAY, opens="11:00", closes="12:00")]
    # Without usual hours nobody can tell what is left of them.
    OpeningHours.objects.all().delete()
    assert shown(client).startswith("Friday, November 20, 9:00 AM to 11:00 AM")
    assert other_hours(client) == []


def test_the_reason_is_marked_as_english_in_another_language(client: Client) -> None:
    factories.a_closure(at("00:00", WEDNESDAY), at("00:00", THURSDAY))
    page = client.get("/es/visit-us/").content.decode()
    assert "<dt>Miércoles, 18\xa0de noviembre</dt>" in page
    assert '<dd><span lang="en" dir="ltr">Training day</span></dd>' in page
    graph = graph_of(client, "/es/visit-us/")
    assert graph["@graph"][0]["inLanguage"] == ["es", "en"]


def test_no_more_is_asked_of_the_database_for_three_than_for_one(
    client: Client,
) -> None:
    counts = []
    for day in (WEDNESDAY, THURSDAY, FRIDAY):
        factories.a_closure(at("00:00", day), at("00:00", day + timedelta(days=1)))
        client.get("/visit-us/")
        rows.forget()
        with CaptureQueriesContext(connection) as queries:
            client.get("/visit-us/")
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2]
