"""Staff move a booked visit, which keeps its time until it has the other one."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from booking import delivery, integrity, messages, waiting_list, workflow
from booking.errors import (
    ChangedMeanwhile,
    NotAllowed,
    NotPossibleNow,
    SameTime,
    TimeNotOffered,
    TimeTaken,
)
from booking.models import Appointment, Resource, VisitType
from booking.policy import CancellationReason, Status
from booking.workflow import PATIENT, SYSTEM, By
from tests import factories
from tests.factories import (
    CLINICIAN,
    NOW,
    THURSDAY,
    WEDNESDAY,
    a_booked_visit,
    a_closure,
    a_practice,
    a_request,
    an_offer,
    at,
    patient_details,
    somebody_waiting,
)
from tests.records import (
    choices_of,
    events_of,
    held_by,
    messages_of,
    nothing_written,
    offers_of,
    places_of,
)

pytestmark = pytest.mark.django_db

ELEVEN = at("11:00", WEDNESDAY)


@pytest.fixture
def desk() -> By:
    return factories.a_front_desk_person("robin")


@pytest.fixture
def visit(visit_type: VisitType) -> Appointment:
    return a_booked_visit(visit_type, at("10:00"))


def move(
    visit: Appointment, by: By, start: datetime = ELEVEN, **values: Any
) -> Appointment:
    return workflow.move(visit.pk, start, by=by, **{"now": NOW} | values)


def test_the_new_time_is_taken_and_the_old_one_is_free_again(visit, visit_type, desk):
    after = move(visit, desk)

    end = at("11:30", WEDNESDAY)
    assert (after.status, after.start, after.end) == (Status.BOOKED, ELEVEN, end)
    assert [span[1:] for span in held_by(visit)] == [(ELEVEN, end)] * 2
    assert events_of(visit)[-1] == (3, "move", "booked", "booked", "staff")
    event = visit.events.latest("version")
    assert (event.user, event.at) == (desk.user, NOW)
    assert event.data["moved_from"] == "2026-11-17T15:00:00+00:00"
    assert choices_of(visit) == [(at("10:00"), "moved")]
    assert offers_of(visit) == [(ELEVEN, "accepted")]
    assert a_booked_visit(visit_type, at("10:00")).start == at("10:00")
    assert integrity.faults(NOW) == []


def test_the_patient_is_told_and_the_calendar_entry_follows(visit, desk):
    after = move(visit, desk)

    assert messages_of(visit)[-1] == ("moved", "email")
    message = visit.messages.get(kind="moved")
    assert "now Wed, Nov 18, 11:00 AM" in message.subject
    assert "It was on Tuesday, November 17, 10:00 AM EST." in message.text
    assert "Another clinician" not in message.text + message.html
    assert (after.calendar_sequence, message.calendar_method) == (1, "REQUEST")
    assert f"UID:{visit.uid}" in message.calendar
    assert "SEQUENCE:1" in message.calendar
    assert (message.true_while, message.true_start) == ("booked", ELEVEN)


def told_first(visit: Appointment) -> str:
    """Return the time that the newest message says the visit was at, or all it says."""
    text = visit.messages.last().text
    return text.partition("It was on ")[2].partition(".")[0] or text


def test_the_message_names_the_time_that_the_patient_knows(visit, desk):
    twelve, one = at("12:00", WEDNESDAY), at("13:00", WEDNESDAY)
    move(visit, desk)
    move(visit, desk, twelve)
    assert told_first(visit) == "Tuesday, November 17, 10:00 AM EST"
    visit.messages.filter(pk=visit.messages.last().pk).update(sent_at=NOW)
    move(visit, desk)
    said = messages.preview_move(
        Appointment.objects.get(pk=visit.pk), one, NOW, other_clinician=False
    )
    move(visit, desk, one)
    assert told_first(visit) == "Wednesday, November 18, 12:00 PM EST"
    assert "12:00 PM EST. Please do not come then" in said[1]


def test_moved_back_before_anybody_was_told_it_stays_where_it_was(visit, desk):
    visit.messages.update(sent_at=NOW)
    move(visit, desk)
    move(visit, desk, at("10:00"))
    assert "have moved it back. It takes place at the time that you" in told_first(
        visit
    )
    message = visit.messages.last()
    assert message.subject == "Your appointment stays on Tuesday, November 17, 10:00 AM"
    assert "<h1>Your appointment is confirmed</h1>" in message.html
    assert integrity.faults(NOW) == []


def test_cancelled_before_anybody_was_told_it_names_both_times(visit, desk):
    move(visit, desk)
    seen = messages.preview_cancellation(
        Appointment.objects.get(pk=visit.pk), CancellationReason.CLINIC, "", NOW
    )
    workflow.cancel(visit.pk, by=desk, now=NOW)
    known = "We had moved it from Tuesday, November 17, 10:00 AM EST. Please do not"
    assert known in visit.messages.last().text
    assert known in seen[1]
    assert integrity.faults(NOW) == []


def test_mail_that_is_on_its_way_counts_as_told(visit, desk):
    move(visit, desk)
    visit.messages.filter(kind="moved").update(
        last_error=delivery.IN_HAND, due_at=NOW + timedelta(seconds=9)
    )
    move(visit, desk, at("12:00", WEDNESDAY))
    assert told_first(visit) == "Wednesday, November 18, 11:00 AM EST"


def test_who_has_no_email_is_phoned(visit_type, desk):
    patient = patient_details(email="", contact_by="phone")
    visit = a_booked_visit(visit_type, at("10:00"), patient=patient)

    move(visit, desk)

    assert messages_of(visit)[-1] == ("moved", "phone")
    assert "now on Wednesday, November 18, 11:00 AM" in visit.messages.last().text


def test_the_clinician_can_be_chosen_and_the_patient_is_told_of_another(desk):
    visit = a_booked_visit(a_practice(clinicians=2), at("10:00"))
    [mine] = Resource.objects.filter(kind=CLINICIAN, reservations__appointment=visit)
    other = Resource.objects.filter(kind=CLINICIAN).exclude(pk=mine.pk).get()

    moves = [("11:00", other, True), ("14:00", mine, True), ("12:00", mine, False)]
    for wall, clinician, told in moves:
        start = at(wall, THURSDAY)
        takes = workflow.moved_to(visit, start, clinician=clinician, now=NOW)
        move(visit, desk, start, clinician=clinician)
        assert {pk for pk, *_ in held_by(visit)} == {r.pk for r in takes}
        assert clinician in takes
        text = visit.messages.latest("pk").text
        assert ("Another clinician will see you then." in text) == told
    assert integrity.faults(NOW) == []


@pytest.mark.parametrize(
    ("wall", "day", "error"),
    [
        ("14:00", WEDNESDAY, TimeTaken),
        ("20:00", WEDNESDAY, TimeNotOffered),
        ("11:10", WEDNESDAY, TimeNotOffered),
        ("08:00", factories.MONDAY, TimeNotOffered),
        ("10:00", THURSDAY, TimeNotOffered),
    ],
)
def test_what_is_not_free_leaves_the_visit_where_it_is(
    visit, visit_type, desk, wall, day, error
):
    a_booked_visit(visit_type, at("14:00", WEDNESDAY))
    a_closure(at("09:00", THURSDAY), at("17:00", THURSDAY))

    with nothing_written(), pytest.raises(error) as refusal:
        move(visit, desk, at(wall, day))
    assert type(refusal.value) is error


def test_a_time_that_overlaps_its_own_is_free_for_it(desk):
    visit = a_booked_visit(a_practice(step=15), at("10:00"))

    assert move(visit, desk, at("10:15")).start == at("10:15")
    assert integrity.faults(NOW) == []


def test_the_time_that_it_has_is_no_other_time(visit, desk):
    with nothing_written(), pytest.raises(SameTime):
        move(visit, desk, at("10:00"))


def test_the_same_again_by_the_same_person_is_done_already(visit, desk):
    seen = visit.version
    move(visit, desk, seen_version=seen)

    with nothing_written():
        again = move(visit, desk, seen_version=seen)
    assert (again.version, again.start) == (seen + 1, ELEVEN)


@pytest.mark.parametrize("start", [ELEVEN, at("12:00", WEDNESDAY)])
def test_a_colleague_who_comes_second_is_refused(visit, desk, start):
    move(visit, desk)
    colleague = factories.a_front_desk_person("kim")

    with nothing_written(), pytest.raises(ChangedMeanwhile):
        move(visit, colleague, start, seen_version=visit.version)


def test_an_old_page_changes_nothing(visit, desk):
    with nothing_written(), pytest.raises(ChangedMeanwhile):
        move(visit, desk, seen_version=visit.version - 1)


def test_a_visit_that_has_begun_stays_as_it_is(visit, desk):
    assert not workflow.can_move(visit, at("10:00"))
    with nothing_written(), pytest.raises(NotPossibleNow):
        move(visit, desk, now=at("10:00"))


def test_a_request_is_answered_not_moved(visit_type, desk):
    visit = a_request(visit_type)

    assert not workflow.can_move(visit, NOW)
    with nothing_written(), pytest.raises(NotPossibleNow):
        move(visit, desk)


@pytest.mark.parametrize("by", [PATIENT, SYSTEM, By(PATIENT.actor)])
def test_only_staff_move(visit, by):
    with nothing_written(), pytest.raises(NotAllowed):
        move(visit, by)


def test_what_was_offered_is_taken_back_with_the_same_message(visit, desk):
    an_offer(visit, at("12:00"), by=desk)
    before = messages_of(visit)

    move(visit, desk)

    assert offers_of(visit) == [(at("12:00"), "withdrawn"), (ELEVEN, "accepted")]
    assert {start for _, start, _ in held_by(visit)} == {ELEVEN}
    assert messages_of(visit) == [*before, ("moved", "email")]
    assert integrity.faults(NOW) == []


@pytest.mark.parametrize(
    ("wall", "places"), [("09:00", [("took", 0)]), ("15:00", [("", 0)])]
)
def test_an_earlier_time_is_what_who_waits_for_one_wanted(visit, desk, wall, places):
    workflow.want_earlier(visit.pk, factories.a_wish(), by=PATIENT, now=NOW)

    move(visit, desk, at(wall))

    assert places_of(visit) == places
    assert integrity.faults(NOW) == []


def test_the_old_time_is_offered_to_who_waits(visit, visit_type, desk):
    waiting = somebody_waiting(
        visit_type, factories.a_wish(earliest=at("10:00").date(), latest=WEDNESDAY)
    )
    a_closure(at("09:00"), at("10:00"))
    a_closure(at("10:30"), at("17:00"))
    a_closure(at("00:00", WEDNESDAY), at("00:00", THURSDAY))
    waiting_list.offer_free_times(NOW)
    assert not waiting.proposals.exists()

    move(visit, desk, at("10:00", THURSDAY))
    waiting_list.offer_free_times(NOW)

    assert [offer.start for offer in waiting.proposals.all()] == [at("10:00")]


def test_a_closure_takes_the_time_that_is_left(visit, desk):
    a_closure(at("09:00"), at("17:00"))

    move(visit, desk)

    assert integrity.faults(NOW) == []
    with pytest.raises(TimeNotOffered):
        move(visit, desk, at("10:00"))


def test_one_visit_of_a_series_moves_alone(visit, desk):
    second = at("10:00", factories.TUESDAY.replace(day=24))
    visits = workflow.book_series(
        visit.pk, [at("10:00"), second], by=desk, now=NOW, key=uuid.uuid4()
    )

    move(visits[1], desk)

    visit.refresh_from_db()
    assert visit.start == at("10:00")
    assert integrity.faults(NOW) == []
