"""Programs are kept out without a puzzle, and people lose nothing by it."""

from datetime import timedelta

import pytest

from booking import clock as booking_clock
from booking.limits import REQUESTS_BY_ADDRESS, REQUESTS_BY_EMAIL
from booking.models import Appointment, Reservation
from booking.views.times import HOLDS_BY_ADDRESS
from tests import factories
from tests.factories import at

from .road import Browser, busy_database, text_of

pytestmark = pytest.mark.django_db

HALF_HOURS = [f"{hour}:{minute}" for hour in range(10, 17) for minute in ("00", "30")]


def test_a_filled_in_trap_is_refused_and_the_next_press_goes_through(patient):
    patient.fill_in()
    response = patient.send(website="https://spam.example")
    assert response.status_code == 422
    assert "Nothing is lost: press the button again." in text_of(response)
    assert Appointment.objects.count() == 0
    assert "spam.example" not in response.content.decode()
    assert patient.send().url == "/book/sent/"


def test_the_trap_is_on_the_first_page_too(patient):
    response = patient.begin(website="x" * 5000)
    assert response.status_code == 422
    assert "press the button again" in text_of(response)


def test_the_trap_is_out_of_sight_and_out_of_reach(patient):
    page = patient.fill_in().content.decode()
    trap = page[page.index('class="website"') :]
    assert 'tabindex="-1"' in trap[: trap.index("</p>")]
    assert page.index('aria-hidden="true"', page.index('class="website"')) > 0


def test_faster_than_anybody_reads_is_refused_with_nothing_lost(patient, clock):
    patient.fill_in()
    clock.shift(timedelta(seconds=1))
    response = patient.post("/book/check/", {"seen": patient.seen})
    assert response.status_code == 422
    assert "That was very quick." in text_of(response)
    assert "Pat Example" in text_of(response)
    clock.shift(timedelta(seconds=1))
    again = patient.post("/book/check/", {"seen": patient.seen})
    assert again.url == "/book/sent/"


def sends(clock, visit_type, number, address, **changed):
    """Let somebody ask for the n-th half hour; return the last response."""
    patient = Browser(clock, visit_type, address)
    patient.fill_in(at(HALF_HOURS[number]), **changed)
    return patient, patient.send()


@pytest.mark.parametrize(
    ("most", "changed"),
    [
        (5, lambda n: {"address": "192.0.2.1"}),
        (3, lambda n: {"email": "Same@example.com"}),
        (10, lambda n: {"phone": "212 555 0100"}),
    ],
    ids=["address", "email", "phone"],
)
def test_too_many_requests_are_told_to_call(clock, visit_type, most, changed):
    for n in range(most + 1):
        told = {
            "address": f"192.0.2.{n + 10}",
            "email": f"pat{n}@example.com",
            "phone": f"212 555 01{n + 50}",
        }
        patient, response = sends(clock, visit_type, n, **told | changed(n))
        assert response.status_code == (302 if n < most else 429)
    assert Appointment.objects.count() == most
    assert "many requests" in text_of(response)
    assert "(212) 555-0143" in text_of(response)
    assert "Pat Example" in text_of(response)
    assert "payment" in patient.draft.answers


def test_a_request_that_is_sent_again_is_not_counted_again(patient, visit_type, clock):
    patient.fill_in()
    before = patient.window()
    for _again in range(8):
        patient.turn_to(before)
        assert patient.send().url == "/book/sent/"


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_database_that_was_busy_counts_as_no_request(patient):
    patient.fill_in()
    with busy_database():
        for _press in range(REQUESTS_BY_ADDRESS[0].limit + 1):
            assert patient.send().status_code == 503
    assert patient.send().url == "/book/sent/"


def test_losing_a_race_for_a_time_counts_as_no_request(patient, visit_type):
    for n in range(REQUESTS_BY_EMAIL[0].limit + 1):
        patient.fill_in(at(HALF_HOURS[n]))
        Reservation.objects.filter(hold_key=patient.draft.hold_key).delete()
        factories.a_request(visit_type, at(HALF_HOURS[n]))
        assert patient.send().status_code == 409
    patient.choose(at(HALF_HOURS[12]))
    assert patient.send().url == "/book/sent/"


def test_who_holds_very_many_times_holds_no_more_and_still_goes_on(
    patient, visit_type, clock
):
    patient.fill_in(until="other-times")
    for n in range(HOLDS_BY_ADDRESS[0].limit - 1):
        assert patient.choose(at(HALF_HOURS[n % 2])).status_code == 302
    other = Browser(clock, visit_type)
    other.begin()
    other.answer("visit", visit=visit_type.code)
    assert other.choose(at(HALF_HOURS[5])).status_code == 302
    assert Reservation.objects.exclude(hold_key=patient.draft.hold_key).count() == 0
    taken = Reservation.objects.get(resource__kind="room").start
    assert other.choose(taken).status_code == 409


def test_who_holds_very_many_times_keeps_the_last_that_they_held(patient):
    """Better one hold that they may come back to than none, until it lapses."""
    patient.fill_in(until="other-times")
    for n in range(HOLDS_BY_ADDRESS[0].limit - 1):
        patient.choose(at(HALF_HOURS[n % 2]))
    mine = Reservation.objects.filter(hold_key=patient.draft.hold_key)
    kept = {(row.pk, row.start) for row in mine}

    assert patient.choose(at(HALF_HOURS[5])).status_code == 302

    assert kept
    assert {(row.pk, row.start) for row in mine.all()} == kept


def test_who_holds_very_many_times_gets_none_by_going_on(patient, clock):
    patient.fill_in(until="other-times")
    for n in range(HOLDS_BY_ADDRESS[0].limit - 1):
        patient.choose(at(HALF_HOURS[n % 2]))
    mine = Reservation.objects.filter(hold_key=patient.draft.hold_key)
    lapses = set(mine.values_list("expires_at", flat=True))
    assert patient.choose(at(HALF_HOURS[5])).status_code == 302

    # Neither does the other time last longer, nor is this one held.
    assert patient.answer("other-times").status_code == 302
    assert set(mine.values_list("expires_at", flat=True)) == lapses
    clock.shift(timedelta(minutes=16))
    assert patient.answer("other-times").status_code == 302
    assert not mine.live(booking_clock.now()).exists()
    # Nor does its notice count from when another one was chosen.
    assert patient.draft.held is None


def test_who_holds_very_many_times_may_come_back_to_the_last_that_they_held(patient):
    patient.fill_in(until="other-times")
    for n in range(HOLDS_BY_ADDRESS[0].limit - 1):
        patient.choose(at(HALF_HOURS[n % 2]))
    last = Reservation.objects.get(resource__kind="room").start
    assert patient.choose(at(HALF_HOURS[5])).status_code == 302

    assert patient.choose(last).status_code == 302
