"""A day is closed at short notice: the time at once, patients a little later."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from time_machine import travel

from booking import closing, delivery, integrity, workflow
from booking.errors import ChangedMeanwhile, NotAllowed, ToldAlready
from booking.models import (
    Appointment,
    ClosingPlan,
    ClosingRow,
    Closure,
    Reservation,
    Resource,
)
from booking.workflow import PATIENT, By
from tests import factories
from tests.factories import (
    NOW,
    TUESDAY,
    WEDNESDAY,
    a_booked_visit,
    a_closed_day,
    a_practice,
    at,
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

DUE = NOW + timedelta(minutes=10)
Outcome = ClosingRow.Outcome
BY_PHONE = {"patient": factories.patient_details(email="", contact_by="phone")}


def tuesday(of: Resource | None = None) -> Closure:
    start, end = at("00:00", TUESDAY), at("00:00", WEDNESDAY)
    return Closure(resource=of, start=start, end=end, reason="weather")


def plan(
    choices: dict[int, str] | None = None, *, of: Resource | None = None, **more: Any
) -> ClosingPlan:
    closure = tuesday(of)
    return a_closed_day(closure.start, closure.end, choices, of=of, **more)


def outcomes(made: ClosingPlan) -> list[tuple[str, str]]:
    return list(made.rows.order_by("pk").values_list("outcome", "why"))


def story(visit: Appointment) -> tuple[list[Any], list[Any]]:
    return events_of(visit)[-1], messages_of(visit)[-1]


def sound() -> bool:
    return integrity.faults(DUE) == []


# --- Who is hit ------------------------------------------------------------------


def test_the_preview_names_who_is_hit_and_suggests_times_that_no_two_share():
    visit_type = a_practice(clinicians=2, rooms=2)
    first = a_booked_visit(visit_type, at("10:00"))
    second = a_booked_visit(visit_type, at("10:00"), **BY_PHONE)
    a_booked_visit(visit_type, at("10:00", WEDNESDAY))
    asked = factories.a_request(visit_type, at("15:00"))
    waits = factories.somebody_waiting(visit_type)
    offered = factories.an_offer(waits, at("16:00"))

    with nothing_written():
        seen = closing.Preview(tuesday(), NOW)

    assert [hit.visit for hit in seen.hits] == [first, second]
    assert [hit.by_phone for hit in seen.hits] == [False, True]
    assert (seen.pending, seen.offered) == ([asked], [offered])
    # Of the days after, at the same time of day, and not within a day from now.
    suggested = [start for hit in seen.hits for start in hit.starts]
    assert len(suggested) == len(set(suggested)) == 6
    assert seen.hits[0].starts[0] == at("10:00", WEDNESDAY)
    assert not any(at("00:00") <= start < at("00:00", WEDNESDAY) for start in suggested)


def test_closing_one_room_hits_only_what_takes_it():
    visit_type = a_practice(clinicians=2, rooms=2)
    visits = [a_booked_visit(visit_type, at("10:00")) for _ in range(2)]
    room = visits[0].reservations.get(resource__kind="room").resource

    assert [hit.visit for hit in closing.Preview(tuesday(room), NOW).hits] == visits[:1]


def test_the_preview_asks_as_much_for_three_visits_as_for_one(
    django_assert_num_queries,
):
    visit_type = a_practice()
    a_booked_visit(visit_type, at("10:00"))
    with CaptureQueriesContext(connection) as one:
        closing.Preview(tuesday(), NOW)
    a_booked_visit(visit_type, at("11:00"))
    a_booked_visit(visit_type, at("12:00"))
    with django_assert_num_queries(len(one)):
        closing.Preview(tuesday(), NOW)


# --- The plan --------------------------------------------------------------------


def test_the_time_is_closed_at_once_and_nobody_is_told_before_it_is_due():
    visit = a_booked_visit()
    held = held_by(visit)

    made = plan()

    assert made.closure == Closure.objects.get()
    assert Reservation.objects.filter(closure=made.closure).exists()
    with nothing_written():
        assert closing.tell(DUE - timedelta(seconds=1)) == ""
    assert held_by(visit) == held
    assert outcomes(made) == [(Outcome.WAITING, "")]
    assert sound()


def test_when_it_is_due_other_times_are_kept_and_the_old_one_is_closed():
    visit = a_booked_visit()
    user = factories.a_front_desk_person()
    made = plan(by=user)
    suggested = [start.isoformat() for start in made_starts(made)]

    assert closing.tell(DUE) == "Visits called off or cancelled: 1."

    visit.refresh_from_db()
    assert (visit.status, visit.start, visit.end) == ("proposed", None, None)
    assert story(visit) == (
        (3, "call_off", "booked", "proposed", "staff"),
        ("called_off", "email"),
    )
    event = visit.events.latest("version")
    assert (event.user, event.reason) == (user.user, "weather")
    assert [start.isoformat() for start, _ in offers_of(visit)] == suggested
    # It is what the patient asked for, should nothing come of the offers.
    assert choices_of(visit) == [(at("10:00"), "open")]
    assert {row.expires_at for row in visit.reservations.all()} == {
        visit.proposals.offers()[0].expires_at
    }
    assert outcomes(made) == [(Outcome.DONE, "")]
    with nothing_written():
        closing.tell(DUE)
    assert sound()


@pytest.mark.parametrize("answered", [False, True])
def test_what_the_patient_asked_for_instead_stays_what_they_ask_for(answered: bool):
    visit = a_booked_visit()
    there = at("15:30", factories.THURSDAY)
    workflow.ask_change(visit.pk, [there], by=PATIENT, now=NOW)
    if answered:
        by = factories.a_front_desk_person()
        factories.an_offer(visit, at("16:00", WEDNESDAY), by=by)
    plan()
    closing.tell(DUE)
    assert sorted(choices_of(visit)) == [(at("10:00"), "moved"), (there, "open")]

    workflow.pass_(visit.pk, by=PATIENT, now=DUE)
    desk = factories.a_front_desk_person()
    asked = visit.proposals.wanted().get()
    again = workflow.accept(visit.pk, asked.pk, by=desk, now=DUE)

    assert (again.status, again.start) == ("booked", there)
    assert sound()


def made_starts(made: ClosingPlan) -> list[datetime]:
    return [datetime.fromisoformat(s) for row in made.rows.all() for s in row.starts]


def test_what_the_patient_reads_says_first_that_the_old_time_is_gone(mailoutbox):
    visit = a_booked_visit()
    plan()
    closing.tell(DUE)

    message = visit.messages.get(kind="called_off")

    assert message.subject.startswith("Not on Nov 17: choose another time by ")
    assert "<h1>Your appointment cannot take place. Choose another" in message.html
    text = " ".join(message.text.split())
    assert "Tuesday, November 17, 10:00 AM EST cannot take place" in text
    assert "We have to close because of the weather." in text
    assert "1. Wednesday, November 18, 10:00 AM EST" in text
    assert "METHOD:CANCEL" in message.calendar
    assert "SEQUENCE:1" in message.calendar
    assert "DTSTART;TZID=America/New_York:20261117T100000" in message.calendar


def test_who_was_moved_and_not_told_reads_the_time_that_they_know():
    visit = a_booked_visit()
    by = factories.a_front_desk_person()
    workflow.move(visit.pk, at("15:00"), by=by, now=NOW)

    plan()
    closing.tell(DUE)

    text = visit.messages.get(kind="called_off").text
    assert text.startswith("Your appointment on Tuesday, November 17, 10:00 AM EST can")


def test_the_confirmation_of_another_time_rises_above_the_cancellation():
    visit = a_booked_visit()
    plan()
    closing.tell(DUE)
    offer = factories.offered(visit)

    taken = workflow.take(visit.pk, offer.pk, by=PATIENT, now=DUE)

    assert (taken.status, taken.start) == ("booked", offer.start)
    message = visit.messages.get(kind="confirmed", event__act="take")
    assert "SEQUENCE:2" in message.calendar
    assert sound()


@pytest.mark.parametrize("by_staff", [False, True])
def test_nobody_answers_and_the_desk_has_it_again(by_staff):
    """Booked by the desk, it has no time that the patient asked for."""
    visit_type = a_practice()
    visit = (
        workflow.book(
            factories.a_new_request(visit_type),
            key=uuid.uuid4(),
            by=factories.a_front_desk_person(),
            now=NOW,
        )
        if by_staff
        else a_booked_visit(visit_type)
    )
    plan()
    closing.tell(DUE)
    later = factories.offered(visit).expires_at

    workflow.lapse(visit.pk, now=later)

    visit.refresh_from_db()
    assert (visit.status, visit.start) == ("pending", None)
    assert choices_of(visit)[-1] == (at("10:00"), "open")
    ended = visit.messages.get(kind="offer_ended")
    assert "November 17, 10:00 AM EST cannot take place" in ended.text
    assert "<h1>Your appointment cannot take place. We look for" in ended.html
    assert sound()


def test_who_wanted_an_earlier_time_is_the_desks_and_not_the_lists():
    visit = a_booked_visit()
    workflow.want_earlier(visit.pk, factories.a_wish(), by=PATIENT, now=NOW)
    plan()

    closing.tell(DUE)

    assert places_of(visit) == [("cancelled", 0)]
    assert sound()


def test_cancelled_and_kept_are_two_things():
    visit_type = a_practice()
    off = a_booked_visit(visit_type, at("10:00"), **BY_PHONE)
    stays = a_booked_visit(visit_type, at("11:00"))
    made = plan({off.pk: "cancel", stays.pk: "keep"})
    assert outcomes(made) == [(Outcome.WAITING, ""), (Outcome.KEPT, "")]

    closing.tell(DUE)

    off.refresh_from_db()
    stays.refresh_from_db()
    assert (off.status, off.cancellation_reason) == ("cancelled", "clinic")
    message = off.messages.get(kind="cancelled")
    assert (message.channel, "because of the weather" in message.text) == (
        "phone",
        True,
    )
    assert stays.status == "booked"
    assert held_by(off) == []
    assert sound()


# --- What happens meanwhile ------------------------------------------------------


def test_a_visit_that_changed_meanwhile_is_left_alone_and_named():
    visit_type = a_practice()
    visit = a_booked_visit(visit_type, at("10:00"))
    other = a_booked_visit(visit_type, at("11:00"))
    made = plan()
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)

    closing.tell(DUE)

    assert outcomes(made) == [
        (Outcome.DROPPED, "changed_meanwhile"),
        (Outcome.DONE, ""),
    ]
    other.refresh_from_db()
    assert other.status == "proposed"
    assert sound()


def test_of_the_times_those_are_offered_that_are_still_free():
    visit = a_booked_visit()
    made = plan()
    went, *left = made_starts(made)
    a_booked_visit(visit.visit_type, went)

    closing.tell(DUE)

    assert [start for start, _ in offers_of(visit)] == left
    assert outcomes(made) == [(Outcome.DONE, "")]
    assert sound()


def test_without_any_of_the_times_the_visit_stays_and_is_named():
    visit = a_booked_visit()
    made = plan()
    for start in made_starts(made):
        a_booked_visit(visit.visit_type, start)

    closing.tell(DUE)

    visit.refresh_from_db()
    assert visit.status == "booked"
    assert outcomes(made) == [(Outcome.DROPPED, "time_taken")]
    assert sound()


def test_a_visit_that_began_before_the_worker_came_is_named():
    a_booked_visit()
    made = plan()

    closing.tell(at("10:00"))

    assert outcomes(made) == [(Outcome.DROPPED, "not_possible_now")]


def test_opening_the_closure_on_its_own_page_stops_the_plan():
    visit = a_booked_visit()
    made = plan()
    workflow.reopen(made.closure, now=NOW)

    closing.tell(DUE)

    visit.refresh_from_db()
    assert visit.status == "booked"
    assert outcomes(made) == [(Outcome.DROPPED, "reopened")]
    assert sound()


# --- Two colleagues, twice, and undone -------------------------------------------


def test_two_colleagues_close_the_same_day_and_each_patient_is_told_once():
    visit = a_booked_visit()
    seen = [closing.Preview(tuesday(), NOW) for _ in range(2)]
    plan(preview=seen[0])

    with nothing_written(), pytest.raises(ChangedMeanwhile, match="has changed"):
        plan(preview=seen[1])

    again = closing.Preview(tuesday(), NOW)
    assert (again.to_decide, [hit.visit for hit in again.elsewhere]) == ([], [visit])
    plan(preview=again)
    closing.tell(DUE)
    assert messages_of(visit).count(("called_off", "email")) == 1
    assert sound()


def test_a_plan_that_is_sent_twice_is_made_once():
    a_booked_visit()
    seen, key = closing.Preview(tuesday(), NOW), uuid.uuid4()
    by = factories.a_front_desk_person()
    made = plan(preview=seen, key=key, by=by)
    seen.closure.pk = None

    with nothing_written():
        assert plan(preview=seen, key=key, by=by) == made


def test_undone_before_it_is_due_it_leaves_nothing():
    visit = a_booked_visit()
    made = plan()
    by = factories.a_front_desk_person()

    workflow.undo_closing(made.pk, by=by, now=NOW)

    assert (Closure.objects.count(), outcomes(made)) == (0, [(Outcome.UNDONE, "")])
    assert not Reservation.objects.filter(closure__isnull=False).exists()
    with nothing_written():
        workflow.undo_closing(made.pk, by=by, now=NOW)
        closing.tell(DUE)
    visit.refresh_from_db()
    assert visit.status == "booked"
    # Its visits can be planned for anew.
    assert len(closing.Preview(tuesday(), NOW).to_decide) == 1
    assert sound()


def test_after_the_first_patient_was_told_nothing_is_undone():
    a_booked_visit()
    made = plan()
    closing.tell(DUE)

    with nothing_written(), pytest.raises(ToldAlready):
        workflow.undo_closing(made.pk, by=factories.a_front_desk_person(), now=DUE)


def test_nobody_without_the_right_closes_or_undoes():
    a_booked_visit()
    made = plan()
    nobody = factories.a_front_desk_person()
    nobody.user.user_permissions.clear()
    nobody = By.staff(type(nobody.user).objects.get(pk=nobody.user.pk))

    for act in (
        lambda: plan(by=nobody),
        lambda: workflow.undo_closing(made.pk, by=nobody, now=NOW),
    ):
        with nothing_written(), pytest.raises(NotAllowed):
            act()


def test_what_is_owed_goes_out_in_order(mailoutbox):
    a_booked_visit()
    plan()
    closing.tell(DUE)
    with travel(DUE, tick=False):
        while delivery.deliver_next():
            pass

    assert [mail.subject[:10] for mail in mailoutbox] == ["Not on Nov"]
