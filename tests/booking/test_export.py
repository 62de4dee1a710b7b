"""Visits taken out as a file: by whom, what is in it, and that it does no harm."""

import csv
import re
from datetime import date, timedelta
from io import BytesIO, StringIO
from typing import Any
from zipfile import ZipFile

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from booking import closing, export, trail
from booking.confirming import CONFIRMED_AT
from booking.models import AuditEvent, AuditSubject, VisitType
from booking.reports import Range
from tests.factories import (
    FRIDAY,
    MONDAY,
    NOW,
    TUESDAY,
    WEDNESDAY,
    a_booked_visit,
    a_closed_day,
    a_front_desk_person,
    a_request,
    at,
    patient_details,
)

from .desk import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

PAGE = "/admin/booking/reports/visits/"
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1"]


def fresh(client: Client) -> Client:
    """Let somebody have just shown who they are."""
    session = client.session
    session[CONFIRMED_AT] = int(NOW.timestamp())
    session.save()
    return client


def wanted(**values: Any) -> dict[str, Any]:
    defaults = {
        "first": "2026-11-16", "last": "2026-11-20", "by": "start", "kind": "csv",
        "columns": list(export.USUAL),
    }  # fmt: skip
    return defaults | values


def taken_out(client: Client, **values: Any) -> bytes:
    response = fresh(client).post(PAGE, wanted(**values))
    assert response.status_code == 200, response
    assert response.streaming, text_of(response)
    return b"".join(response.streaming_content)  # type: ignore[arg-type]


def lines(client: Client, **values: Any) -> list[list[str]]:
    body = taken_out(client, **values)
    return list(csv.reader(StringIO(body.decode("utf-8-sig"))))


def sheet(client: Client, **values: Any) -> str:
    """Return the XML of the cells."""
    with ZipFile(BytesIO(taken_out(client, kind="xlsx", **values))) as book:
        assert not [name for name in book.namelist() if "externalLink" in name]
        return book.read("xl/worksheets/sheet1.xml").decode()


# --- By whom -------------------------------------------------------------------------


def test_only_who_may_takes_visits_out(desk: Client, visit_type: VisitType) -> None:
    assert desk.get(PAGE).status_code == 403
    assert fresh(desk).post(PAGE, wanted()).status_code == 403


def test_the_password_is_asked_first(
    manager: Client, clock: Traveller, visit_type: VisitType
) -> None:
    a_booked_visit(visit_type, at("10:00"))
    clock.shift(timedelta(hours=1))
    response = manager.post(PAGE, wanted())
    assert not response.streaming
    assert "Confirm that it is you" in text_of(response)


def test_nothing_is_taken_out_by_looking(manager: Client) -> None:
    response = fresh(manager).get(PAGE, wanted())
    assert not response.streaming


# --- What is in it -------------------------------------------------------------------


def test_a_file_has_what_was_chosen_and_no_more(
    manager: Client, visit_type: VisitType
) -> None:
    visit = a_booked_visit(visit_type, at("10:00"))
    a_booked_visit(visit_type, at("10:00", FRIDAY + timedelta(days=3)))
    heads, *found = lines(manager)
    assert heads == [
        "Reference", "Service", "Kind of visit", "State", "Why cancelled",
        "Asked for on", "Begins", "Ends",
    ]  # fmt: skip
    assert found == [
        [
            visit.reference, visit_type.service.name, "New patient", "Confirmed", "",
            "2026-11-16 09:00", "2026-11-17 10:00", "2026-11-17 10:30",
        ]
    ]  # fmt: skip


def test_by_itself_a_file_names_and_reaches_nobody(
    manager: Client, visit_type: VisitType
) -> None:
    a_booked_visit(visit_type, at("10:00"))
    page = manager.get(PAGE).text
    ticked = set(re.findall(r'value="(\w+)"[^>]* checked', page))
    assert ticked == {*export.USUAL, "start", "xlsx"}
    body = taken_out(manager).decode()
    for private in ("Pat", "Example", "1212555", "1980", "@"):
        assert private not in body


def test_nothing_about_health_can_be_chosen() -> None:
    fields = {column.field for column in export.COLUMNS.values()}
    assert not [f for f in fields if re.search("answer|note|message|help|detail", f)]


def test_who_needs_names_can_have_them(manager: Client, visit_type: VisitType) -> None:
    a_booked_visit(visit_type, at("10:00"))
    _heads, row = lines(
        manager, columns=["reference"], personal=["family_name", "phone", "birth_date"]
    )
    assert row[1:] == ["Example", "1980-02-29", "'+12125550199"]


def test_visits_can_be_chosen_by_when_they_were_asked_for(
    manager: Client, visit_type: VisitType
) -> None:
    asked = a_request(visit_type, at("10:00", FRIDAY + timedelta(days=3)))
    [_heads, row] = lines(manager, by="requested_at", columns=["reference", "start"])
    assert row == [asked.reference, ""]


def test_who_was_called_off_as_a_day_was_closed_is_told_apart(
    manager: Client, visit_type: VisitType
) -> None:
    ana = a_front_desk_person()
    for time in ("10:00", "14:00"):
        a_booked_visit(visit_type, at(time), by=ana)
    a_closed_day(at("09:00"), at("12:00"), by=ana)
    closing.tell(NOW + closing.hold())
    heads, *told = lines(manager, by="requested_at", columns=["status", "closed"])
    assert heads == ["State", "Clinic closed"]
    assert sorted(told) == [["Confirmed", "no"], ["Waiting for the patient", "yes"]]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"last": "9999-12-31"}, "Check the year."),
        ({"first": "0001-01-01"}, "Check the year."),
        ({"first": "2026-11-21"}, "The last day is before the first."),
        ({"first": "2020-01-01"}, "Choose two years at most."),
        ({"columns": []}, "Choose at least one."),
        ({"columns": ["answers"]}, "answers is not one of the available choices"),
        ({"kind": "ods"}, "ods is not one of the available choices"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    manager: Client, values: dict[str, Any], says: str
) -> None:
    response = fresh(manager).post(PAGE, wanted(**values))
    assert not response.streaming
    assert says in text_of(response)


def test_too_many_visits_are_refused(
    manager: Client, visit_type: VisitType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MOST", 1)
    ana = a_front_desk_person()
    a_booked_visit(visit_type, at("10:00"), by=ana)
    assert len(lines(manager)) == 2
    a_booked_visit(visit_type, at("11:00"), by=ana)
    response = fresh(manager).post(PAGE, wanted())
    assert "too many visits" in text_of(response)


def test_the_file_is_named_for_its_days_and_not_kept(
    manager: Client, visit_type: VisitType
) -> None:
    response = fresh(manager).post(PAGE, wanted())
    assert response["Content-Disposition"] == (
        'attachment; filename="visits-2026-11-16-to-2026-11-20.csv"'
    )
    assert "no-store" in response["Cache-Control"]
    assert b"".join(response.streaming_content)  # type: ignore[arg-type]


def test_who_took_what_out_is_on_the_trail(
    manager: Client, visit_type: VisitType
) -> None:
    ana = a_front_desk_person()
    visits = [a_booked_visit(visit_type, at(t), by=ana) for t in ("10:00", "11:00")]
    taken_out(manager, columns=["reference", "start"], kind="xlsx")
    [event] = AuditEvent.objects.filter(action=AuditEvent.Action.EXPORT)
    assert (event.username, event.route) == ("mia", "export_visits")
    assert event.data == {
        "visits": 2, "first": "2026-11-16", "last": "2026-11-20", "by": "start",
        "kind": "xlsx", "columns": ["reference", "start"],
    }  # fmt: skip
    subjects = AuditSubject.objects.filter(event=event)
    assert set(subjects.values_list("patient_id", flat=True)) == {
        visit.patient_id for visit in visits
    }


def test_what_cannot_be_recorded_is_not_taken_out(
    manager: Client, visit_type: VisitType, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_booked_visit(visit_type, at("10:00"))

    def fail(*args: object) -> None:
        raise RuntimeError("The trail cannot be written.")

    monkeypatch.setattr(trail, "record", fail)
    with pytest.raises(RuntimeError):
        fresh(manager).post(PAGE, wanted())


# --- That it does no harm ------------------------------------------------------------


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    file = BytesIO()
    export.write_csv(file, [[text, "plain"]])
    [[cell, plain]] = csv.reader(
        StringIO(file.getvalue().decode("utf-8-sig")), strict=True
    )
    assert cell == f"'{text}"
    assert plain == "plain"


def test_a_cell_cannot_break_out_of_its_place() -> None:
    file = BytesIO()
    export.write_csv(file, [['a",=1+1,"b', "c\r\n=2"], ["next", "line"]])
    text = file.getvalue().decode("utf-8-sig")
    assert list(csv.reader(StringIO(text, newline=""), strict=True)) == [
        ['a",=1+1,"b', "c\r\n=2"], ["next", "line"],
    ]  # fmt: skip


@pytest.mark.parametrize("name", [*FORMULAS, "http://evil.example", "{=1}", "\x00\x0b"])
def test_a_sheet_has_texts_alone(
    manager: Client, visit_type: VisitType, name: str
) -> None:
    name = name.replace("\x00", "")  # PostgreSQL has no place for it
    details = patient_details(given_name=name)
    a_booked_visit(visit_type, at("10:00"), patient=details)
    xml = sheet(manager, columns=["reference"], personal=["given_name"])
    cells = re.findall(r"<c [^>]*>", xml)
    assert len(cells) == 4
    assert all('t="inlineStr"' in cell for cell in cells)
    assert "<f>" not in xml
    assert "hyperlink" not in xml


# --- Large ---------------------------------------------------------------------------


def test_visits_are_read_some_at_a_time(
    visit_type: VisitType, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = a_front_desk_person()
    for start in ("10:00", "11:00", "12:00"):
        a_booked_visit(visit_type, at(start), by=ana)
    days = Range(MONDAY, WEDNESDAY)
    pks = list(export.visits(days, "start"))
    with CaptureQueriesContext(connection) as found:
        assert len(list(export.rows(pks, export.USUAL))) == 4
    assert len(found) == 1
    monkeypatch.setattr(export, "AT_ONCE", 2)
    with CaptureQueriesContext(connection) as found:
        in_parts = list(export.rows(pks, ["start"]))
    assert len(found) == 2
    assert [row[0][-5:] for row in in_parts[1:]] == ["10:00", "11:00", "12:00"]


def test_days_end_with_the_clinics_midnight(visit_type: VisitType) -> None:
    day: date = TUESDAY
    assert Range(day, day).end == at("00:00", WEDNESDAY)
    assert Range(day, day).begin == at("00:00", TUESDAY)
