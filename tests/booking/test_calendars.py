"""Calendar entries: one UID, a rising sequence, the right hour, no word of health."""

from datetime import UTC, date, datetime, timedelta

import pytest
from icalendar import Calendar
from icalendar.cal import Component

from booking import calendars, workflow
from booking.models import Appointment
from booking.workflow import PATIENT
from tests import factories
from tests.factories import NEW_YORK, NOW, at

pytestmark = pytest.mark.django_db


def event_in(text: str) -> Component:
    (event,) = Calendar.from_ical(text).walk("VEVENT")
    return event


def test_the_confirmation_carries_an_invitation():
    factories.a_clinic(street="1 Demo Street", city="New York", region="NY")
    visit = factories.a_booked_visit()
    message = visit.messages.get(kind="confirmed")
    calendar = Calendar.from_ical(message.calendar)
    event = event_in(message.calendar)
    assert (message.calendar_method, calendar["METHOD"]) == ("REQUEST", "REQUEST")
    assert {
        name: str(event[name])
        for name in (
            "UID", "SEQUENCE", "SUMMARY", "STATUS", "CLASS", "LOCATION", "URL",
            "DESCRIPTION", "ORGANIZER", "ATTENDEE",
        )
    } == {
        "UID": str(visit.uid),
        "SEQUENCE": "0",
        "SUMMARY": "Appointment – Demo Clinic",
        "STATUS": "CONFIRMED",
        "CLASS": "PRIVATE",
        "LOCATION": "Demo Clinic, 1 Demo Street, New York, NY",
        "URL": "http://127.0.0.1:8000",
        "DESCRIPTION": "Questions? Call (212) 555-0143.",
        "ORGANIZER": "mailto:front-desk@clinic.example",
        "ATTENDEE": "mailto:pat@example.com",
    }  # fmt: skip
    assert event.decoded("DTSTART").astimezone(UTC) == visit.start
    assert event.decoded("DTEND").astimezone(UTC) == visit.end
    assert event.decoded("DTSTAMP") == NOW
    assert event["DTSTART"].params["TZID"] == "America/New_York"


def test_a_cancellation_replaces_the_invitation():
    visit = factories.a_booked_visit()
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    text = visit.messages.get(kind="cancelled").calendar
    before = event_in(visit.messages.get(kind="confirmed").calendar)
    after = event_in(text)
    assert Calendar.from_ical(text)["METHOD"] == "CANCEL"
    assert after["UID"] == before["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (0, 1)
    assert after["STATUS"] == "CANCELLED"
    assert after["DTSTART"].dt == before["DTSTART"].dt


def test_what_a_patient_downloads_names_nobody():
    visit = factories.a_booked_visit()
    text = calendars.entry(visit, factories.a_clinic(), now=NOW)
    event = event_in(text)
    assert Calendar.from_ical(text)["METHOD"] == "PUBLISH"
    assert "ATTENDEE" not in event
    assert "ORGANIZER" not in event
    assert "@" not in text


@pytest.mark.parametrize(
    ("day", "hours_from_utc"),
    [
        (date(2027, 3, 12), -5),
        (date(2027, 3, 15), -4),
        (date(2027, 11, 5), -4),
        (date(2027, 11, 8), -5),
    ],
)
def test_the_hour_is_right_on_both_sides_of_a_clock_change(
    day: date, hours_from_utc: int
):
    visit = Appointment(start=at("09:00", day), end=at("09:30", day))
    event = event_in(calendars.entry(visit, None, now=NOW))
    start = event["DTSTART"].dt
    assert start.replace(tzinfo=None) == datetime.combine(
        day, at("09:00", day).astimezone(NEW_YORK).time()
    )
    assert start.utcoffset() == timedelta(hours=hours_from_utc)


def test_the_zone_travels_with_the_entry():
    visit = factories.a_booked_visit()
    calendar = Calendar.from_ical(calendars.entry(visit, None, now=NOW))
    (zone,) = calendar.walk("VTIMEZONE")
    assert zone["TZID"] == "America/New_York"
    changes = {
        (str(part["TZNAME"]), part["TZOFFSETTO"].td) for part in zone.subcomponents
    }
    assert changes == {("EST", timedelta(hours=-5)), ("EDT", timedelta(hours=-4))}


def test_a_visit_without_a_time_has_no_entry():
    with pytest.raises(ValueError, match="without a time"):
        calendars.entry(factories.a_request(), None, now=NOW)
