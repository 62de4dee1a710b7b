"""Calendar entries: one UID, a rising sequence, the right hour, no word of health."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from urllib.parse import parse_qs, urlsplit

import pytest
import vobject
from icalendar import Calendar
from icalendar.cal import Component

from booking import calendars, closing, workflow
from booking.models import Appointment
from booking.workflow import PATIENT
from tests import factories
from tests.factories import FRIDAY, NEW_YORK, NOW, WEDNESDAY, at

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


# --- In a patient's calendar, as another library reads it ---------------------------


def calendar_after(entries: Iterable[str]) -> dict[str, datetime]:
    """Return what a calendar shows that took these in the order given: UID and start.

    Of one UID the highest SEQUENCE counts, and a CANCEL takes it out. Source: RFC 5546,
    2.1.4 and 3.2.5.
    """
    seen: dict[str, tuple[int, str, datetime]] = {}
    for text in entries:
        entry = vobject.readOne(text)
        event = entry.vevent
        known = seen.get(event.uid.value)
        sequence = int(event.sequence.value)
        if known is None or sequence >= known[0]:
            start = event.dtstart.value.astimezone(UTC)
            seen[event.uid.value] = sequence, entry.method.value, start
    return {u: start for u, (_, method, start) in seen.items() if method == "REQUEST"}


def entries_of(visit: Appointment) -> list[str]:
    messages = visit.messages.exclude(calendar_method="").order_by("pk")
    return [message.calendar for message in messages]


def test_in_any_order_the_entries_of_a_visit_end_where_the_visit_is():
    desk = factories.a_front_desk_person()
    visit = factories.a_booked_visit(by=desk)
    workflow.move(visit.pk, at("11:00", WEDNESDAY), by=desk, now=NOW)
    workflow.move(visit.pk, at("14:00", FRIDAY), by=desk, now=NOW)
    entries = entries_of(visit)
    assert len(entries) == 3
    for order in permutations(entries):
        assert calendar_after(order) == {str(visit.uid): at("14:00", FRIDAY)}
    assert calendar_after(entries[:2]) == {str(visit.uid): at("11:00", WEDNESDAY)}

    workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    for order in permutations(entries_of(visit)):
        assert calendar_after(order) == {}


def test_a_visit_that_was_called_off_comes_back_with_its_new_time():
    visit = factories.a_booked_visit()
    plan = factories.a_closed_day(at("00:00"), at("23:00"))
    closing.tell(plan.due_at)
    visit.refresh_from_db()
    assert visit.status == "proposed"
    assert calendar_after(entries_of(visit)) == {}
    offer = factories.offered(visit)
    workflow.take(visit.pk, offer.pk, by=PATIENT, now=plan.due_at)
    for order in permutations(entries_of(visit)):
        assert calendar_after(order) == {str(visit.uid): offer.start}


def test_a_request_an_offer_and_a_reminder_bring_no_entry():
    visit = factories.a_booked_visit(None, at("10:00", FRIDAY))
    workflow.remind(visit.pk, now=at("10:00", FRIDAY) - timedelta(days=1))
    kinds = visit.messages.exclude(calendar_method="").values_list("kind", flat=True)
    assert list(kinds) == ["confirmed"]
    assert visit.messages.filter(kind="reminder_soon").exists()


def test_the_links_to_calendars_on_the_web_say_title_times_and_place():
    clinic = factories.a_clinic(street="1 Demo Street", city="New York", region="NY")
    visit = factories.a_booked_visit()
    said = [
        (name, {key: value for key, [value] in parse_qs(urlsplit(url).query).items()})
        for name, url in calendars.links(visit, clinic)
    ]
    place = "Demo Clinic, 1 Demo Street, New York, NY"
    assert said == [
        ("Google", {
            "action": "TEMPLATE",
            "text": "Appointment – Demo Clinic",
            "dates": "20261117T150000Z/20261117T153000Z",
            "location": place,
        }),
        ("Outlook", {
            "path": "/calendar/action/compose",
            "rru": "addevent",
            "subject": "Appointment – Demo Clinic",
            "startdt": "2026-11-17T15:00:00Z",
            "enddt": "2026-11-17T15:30:00Z",
            "location": place,
        }),
    ]  # fmt: skip
