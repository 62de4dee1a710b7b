"""The public is offered only what comes after the clinic has to have answered."""

import uuid
from datetime import date, datetime, timedelta

import pytest

from booking import waiting_list, workflow
from booking.availability import Why
from booking.errors import TimeNotOffered
from booking.models import Appointment, Reservation, Resource, VisitType
from booking.workflow import PATIENT, reply_promise
from services.models import OpeningHours
from tests import factories
from tests.factories import NOW, TUESDAY, a_new_request, a_practice, at
from tests.records import nothing_written

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
SATURDAY, MONDAY = date(2026, 11, 21), date(2026, 11, 23)
ON_SATURDAY = at("10:00", SATURDAY)


def on(visit_type: VisitType, day: date, now: datetime = ON_SATURDAY) -> int | Why:
    """Return the first time of a day, or why there is none."""
    [found] = visit_type.availability(day, day, now=now)
    return found.slots[0].start if found.slots else found.reason.why


def test_on_a_saturday_monday_is_too_soon_for_an_answer_that_is_due_in_its_evening():
    visit_type = a_practice()
    assert reply_promise(visit_type, ON_SATURDAY) == at("17:00", MONDAY)

    assert on(visit_type, MONDAY) == Why.TOO_SOON
    assert on(visit_type, MONDAY + DAY) == at("09:00", MONDAY + DAY).timestamp()


def test_a_day_goes_on_being_offered_after_the_answer_is_due():
    visit_type = a_practice(reply_promise=3 * 60, lead_time=0)

    # Due at noon, which is too late for a time at noon.
    assert on(visit_type, MONDAY) == at("12:30", MONDAY).timestamp()
    # An hour into Monday the promise ends an hour later.
    ten = at("10:00", MONDAY)
    assert on(visit_type, MONDAY, now=ten) == at("13:30", MONDAY).timestamp()


@pytest.mark.parametrize("seconds", [0, 1, 59])
def test_what_is_offered_in_one_second_can_be_had_in_the_next(seconds):
    visit_type = a_practice(reply_promise=3 * 60, lead_time=0)
    now = ON_SATURDAY + timedelta(seconds=seconds)

    assert on(visit_type, MONDAY, now=now) == at("12:30", MONDAY).timestamp()


def test_a_longer_notice_counts_as_before():
    visit_type = a_practice(reply_promise=60, lead_time=24 * 60)

    assert on(visit_type, TUESDAY, now=NOW) == at("09:00", TUESDAY).timestamp()


def test_closures_between_now_and_a_day_put_off_the_answer():
    visit_type = a_practice()
    factories.a_closure(at("00:00", MONDAY), at("00:00", MONDAY + DAY))

    assert on(visit_type, MONDAY + DAY) == Why.TOO_SOON
    wednesday = MONDAY + 2 * DAY
    assert on(visit_type, wednesday) == at("09:00", wednesday).timestamp()


def test_a_closed_room_puts_off_no_answer():
    visit_type = a_practice(rooms=2)
    room = Resource.objects.filter(kind=factories.ROOM).first()
    factories.a_closure(at("00:00", MONDAY), at("00:00", MONDAY + DAY), of=room)

    assert on(visit_type, MONDAY + DAY) == at("09:00", MONDAY + DAY).timestamp()


def test_without_opening_hours_the_answer_counts_by_the_clock():
    visit_type = a_practice(lead_time=0)
    OpeningHours.objects.all().delete()

    assert on(visit_type, MONDAY) == at("09:00", MONDAY).timestamp()


def test_the_request_itself_is_held_to_the_same():
    visit_type = a_practice()
    asked = a_new_request(visit_type, at("10:00", MONDAY))

    with nothing_written(), pytest.raises(TimeNotOffered) as refusal:
        workflow.request(asked, key=uuid.uuid4(), by=PATIENT, now=ON_SATURDAY)
    assert refusal.value.params["reason"].why == Why.TOO_SOON
    # Who answers now may say so.
    by = factories.a_front_desk_person()
    workflow.request(asked, key=uuid.uuid4(), by=by, now=ON_SATURDAY)


def test_what_somebody_holds_does_not_become_too_soon_while_they_type():
    visit_type = a_practice(lead_time=0)
    chosen, sent = at("13:29", MONDAY), at("14:05", MONDAY)
    first = at("13:30", MONDAY + DAY)
    assert on(visit_type, MONDAY + DAY, chosen) == first.timestamp()
    workflow.hold(visit_type, first, key="mine", now=chosen)
    assert workflow.renew("mine", now=at("13:43", MONDAY))
    asked = a_new_request(visit_type, first)

    def send(held_since: datetime | None) -> Appointment:
        return workflow.request(
            asked, key=uuid.uuid4(), by=PATIENT, now=sent, hold_key="mine",
            held_since=held_since,
        )  # fmt: skip

    with nothing_written(), pytest.raises(TimeNotOffered):
        send(held_since=None)
    visit = send(held_since=chosen)

    # So the answer, too, is due before the visit.
    assert visit.reply_by == at("13:29", MONDAY + DAY)
    held = Reservation.objects.filter(appointment=visit)
    assert set(held.values_list("expires_at", flat=True)) == {visit.reply_by}


def test_no_answer_is_due_before_it_was_asked_for():
    visit_type = a_practice(lead_time=0, reply_promise=30)
    chosen, sent = at("09:00", MONDAY), at("09:40", MONDAY)
    asked = a_new_request(visit_type, at("10:30", MONDAY))

    visit = workflow.request(
        asked, key=uuid.uuid4(), by=PATIENT, now=sent, held_since=chosen
    )

    assert visit.reply_by == at("10:10", MONDAY)


def test_who_waits_is_offered_what_needs_no_answer():
    visit_type = a_practice(lead_time=60)
    visit = factories.somebody_waiting(visit_type, now=ON_SATURDAY)

    waiting_list.offer_free_times(ON_SATURDAY)

    assert visit.proposals.get().start == at("09:00", MONDAY)
