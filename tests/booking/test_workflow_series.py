"""Staff book a series: a visit, and others like it in the weeks that follow."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from time_machine import travel

from booking import delivery, integrity, links, workflow
from booking.availability import Reason, Why
from booking.errors import (
    AlreadyAnswered,
    ChangedMeanwhile,
    DifferentForm,
    NotAllowed,
    NotPossibleNow,
    SeriesClash,
    TimeTaken,
)
from booking.models import Appointment, Message, Resource
from booking.policy import SAME_DAY, Status
from booking.workflow import PATIENT, Answer, By
from tests import factories
from tests.factories import (
    NEW_YORK,
    NOW,
    TUESDAY,
    a_booked_visit,
    a_practice,
    a_request,
    at,
)
from tests.records import (
    choices_of,
    events_of,
    held_by,
    messages_of,
    nothing_written,
)

pytestmark = pytest.mark.django_db

WEEK = timedelta(days=7)


@pytest.fixture
def desk() -> By:
    return factories.a_front_desk_person("robin")


def weekly(
    count: int, wall_time: str = "10:00", first: date = TUESDAY
) -> list[datetime]:
    return [at(wall_time, first + n * WEEK) for n in range(count)]


def book(
    visit: Appointment, starts: Sequence[datetime], by: By, now=NOW, **values
) -> list[Appointment]:
    return workflow.book_series(
        visit.pk, starts, by=by, now=now, **{"key": uuid.uuid4()} | values
    )


# --- What is booked --------------------------------------------------------------


def test_a_request_is_accepted_as_the_first_of_the_series(desk):
    visit = a_request(a_practice(buffer_after=10), at("10:00"), at("14:00"))

    visits = book(visit, weekly(3), desk, seen_version=1)

    assert visits[0] == visit
    assert [v.start for v in visits] == weekly(3)
    assert {v.status for v in visits} == {Status.BOOKED}
    assert choices_of(visit) == [(at("10:00"), "accepted"), (at("14:00"), "declined")]
    assert [events_of(v) for v in visits] == [
        [
            (1, "request", "", "pending", "patient"),
            (2, "accept", "pending", "booked", "staff"),
        ],
        [(1, "book", "", "booked", "staff")],
        [(1, "book", "", "booked", "staff")],
    ]
    for v in visits:
        assert {(start, end) for _, start, end in held_by(v)} == {
            (v.start, v.start + timedelta(minutes=40))
        }
    assert integrity.faults(NOW) == []


def test_a_booked_visit_becomes_the_first_and_stays_as_it_is(desk):
    visit = a_booked_visit(a_practice())
    held = held_by(visit)

    visits = book(visit, weekly(3), desk, seen_version=2)

    assert [v.start for v in visits] == weekly(3)
    assert held_by(visit) == held
    assert events_of(visit)[-1] == (3, "extend", "booked", "booked", "staff")
    assert messages_of(visit) == [("received", "email"), ("confirmed", "email")]
    assert integrity.faults(NOW) == []


def test_a_visit_of_last_week_can_be_followed_by_others(desk):
    visit = a_booked_visit(a_practice())
    later = at("09:00", TUESDAY + WEEK)

    visits = book(visit, weekly(3), desk, now=later)

    assert [v.start for v in visits] == weekly(3)


def test_one_key_joins_the_visits_and_the_events_say_so(desk):
    visits = book(a_request(), weekly(3), desk)

    series = {v.series for v in Appointment.objects.all()}
    assert len(series) == 1
    assert {v.events.latest("version").data["series"] for v in visits} == {
        str(series.pop())
    }


def test_what_the_patient_asked_for_and_said_is_in_each_visit(desk):
    visit_type = a_practice(clinicians=2, rooms=2)
    wanted = Resource.objects.filter(kind=factories.CLINICIAN).last()
    visit = a_request(
        visit_type,
        clinician=wanted,
        answers=[Answer("thinner", "Do you take one?", "yes", "Blood thinner", "Stop")],
        payer="workers_comp",
        payer_details={"claim_number": "W-123"},
        requested_by_name="Sam Example",
        requested_by_relation="parent",
    )

    for v in book(visit, weekly(3), desk):
        v.refresh_from_db()
        assert (v.patient, v.visit_type) == (visit.patient, visit_type)
        assert v.wanted_clinician == wanted
        assert wanted.pk in {resource for resource, *_ in held_by(v)}
        assert (v.payer, v.payer_details) == ("workers_comp", {"claim_number": "W-123"})
        assert v.requested_by_name == "Sam Example"
        assert v.requested_by_relation == "parent"
        assert v.flags == ["Blood thinner"]
        assert v.answers.get().advice == "Stop"


def test_each_visit_has_a_name_a_link_and_a_calendar_entry_of_its_own(desk):
    visits = book(a_request(), weekly(3), desk)

    assert len({v.reference for v in visits}) == 3
    assert len({v.uid for v in visits}) == 3
    for v in visits:
        confirmed = v.messages.get(kind="confirmed")
        assert str(v.uid) in confirmed.calendar
        token = confirmed.text.partition("/appointments/")[2].partition("/")[0]
        assert links.find(token, now=NOW) == v


def test_the_messages_go_out_in_the_order_of_the_visits(desk, mailoutbox):
    visits = book(a_request(), weekly(4), desk)

    with travel(NOW, tick=False):
        while delivery.deliver_next():
            pass

    sent = Message.objects.filter(sent_at__isnull=False).order_by("sent_at", "pk")
    assert [m.appointment for m in sent if m.kind == "confirmed"] == visits
    assert [mail.subject for mail in mailoutbox] == [
        f"Confirmed: Tuesday, {day}, 10:00 AM"
        for day in ("November 17", "November 24", "December 1", "December 8")
    ]


def test_each_visit_is_cancelled_by_itself(desk):
    _, second, third = book(a_request(), weekly(3), desk)

    workflow.cancel(second.pk, by=PATIENT, now=NOW)

    third.refresh_from_db()
    assert third.status == Status.BOOKED
    assert held_by(second) == []


def test_a_series_can_be_made_longer_later(desk):
    *_, last = book(a_request(), weekly(3), desk)

    book(last, weekly(3, first=TUESDAY + 2 * WEEK), desk)

    assert len(set(Appointment.objects.values_list("series", flat=True))) == 1
    in_order = Appointment.objects.order_by("start").values_list("start", flat=True)
    assert list(in_order) == weekly(5)
    assert integrity.faults(NOW) == []


def test_a_series_may_go_beyond_the_horizon_and_begin_within_the_notice(desk):
    visit_type = a_practice(horizon=2, lead_time=0)
    visit = a_request(visit_type)

    visits = book(visit, [at("10:00"), at("10:00", date(2032, 11, 16))], desk)

    assert visits[-1].start == at("10:00", date(2032, 11, 16))


def test_the_first_choice_that_a_request_held_is_free_for_the_others(desk):
    visit = a_request(a_practice(), at("10:00", TUESDAY + WEEK), at("10:00"))

    visits = book(visit, weekly(2), desk)

    assert [v.start for v in visits] == weekly(2)
    assert integrity.faults(NOW) == []


def test_across_the_change_of_the_clocks_the_wall_time_stays(desk):
    before = date(2027, 3, 9)
    visit = a_booked_visit(a_practice(horizon=200), at("10:00", before))

    visits = book(visit, weekly(2, first=before), desk)

    assert [v.start.astimezone(NEW_YORK).hour for v in visits] == [10, 10]
    assert visits[1].start - visits[0].start == WEEK - timedelta(hours=1)


# --- All or nothing --------------------------------------------------------------


def refused(visit: Appointment, starts: Sequence[datetime], by: By, **values):
    """Return why the series was refused, start by start; nothing was written."""
    with nothing_written(), pytest.raises(SeriesClash) as refusal:
        book(visit, starts, by, **values)
    return refusal.value.params["clashes"]


def test_every_clash_is_named_and_nothing_is_booked(desk):
    visit_type = a_practice()
    visit = a_request(visit_type)
    first, second, third, fourth = weekly(4)
    a_request(visit_type, second)
    factories.a_closure(third - timedelta(hours=1), third + timedelta(hours=1))

    assert refused(visit, [first, second, third, fourth], desk) == {
        second: Reason(Why.FULLY_BOOKED),
        third: Reason(Why.CLOSED, "Training day"),
    }


def test_a_first_time_that_went_meanwhile_is_a_clash_too(desk):
    visit_type = a_practice(holds_first_choice=False)
    mine, theirs = a_request(visit_type), a_request(visit_type)
    workflow.accept(theirs.pk, factories.choice(theirs).pk, by=desk, now=NOW)

    assert set(refused(mine, weekly(2), desk)) == {at("10:00")}


@pytest.mark.parametrize(
    ("start", "why"),
    [("10:10", Why.OUTSIDE_HOURS), ("03:00", Why.OUTSIDE_HOURS)],
)
def test_a_time_that_is_never_offered_is_a_clash(desk, start, why):
    odd = at(start, TUESDAY + WEEK)

    assert refused(a_request(), [at("10:00"), odd], desk) == {odd: Reason(why)}


def test_whom_staff_chose_sees_the_patient_or_nobody(desk):
    visit_type = a_practice(clinicians=2, rooms=3)
    one, other = Resource.objects.filter(kind=factories.CLINICIAN).order_by("pk")
    first, second, third = weekly(3)
    a_request(visit_type, second, clinician=one)
    visit = a_request(visit_type)

    clashes = refused(visit, [first, second, third], desk, clinicians=[one] * 3)
    assert clashes == {second: Reason(Why.IN_USE, "clinician", one.pk)}
    assert len(book(visit, [first, second, third], desk, clinicians=[one, other, one]))

    booked = Appointment.objects.booked().order_by("start")
    seen = [v.reservations.get(resource__kind=factories.CLINICIAN) for v in booked]
    assert [row.resource for row in seen] == [one, other, one]


def test_who_was_chosen_for_a_series_stays_with_a_visit_that_is_moved(desk):
    visit_type = a_practice(clinicians=2, rooms=3)
    one, other = Resource.objects.filter(kind=factories.CLINICIAN).order_by("pk")
    visit = a_request(visit_type)
    visits = book(visit, weekly(3), desk, clinicians=[one, one, other], wanted=one)

    for v in visits:
        v.refresh_from_db()
    assert [v.wanted_clinician for v in visits] == [one, one, None]
    day = TUESDAY + WEEK
    a_request(visit_type, at("14:00", day), clinician=one)
    with pytest.raises(TimeTaken), nothing_written():
        workflow.ask_change(visits[1].pk, [at("14:00", day)], by=PATIENT, now=NOW)
    workflow.ask_change(visits[1].pk, [at("15:00", day)], by=PATIENT, now=NOW)
    choice = visits[1].proposals.wanted().get()
    moved = workflow.grant_change(visits[1].pk, choice.pk, by=desk, now=NOW)
    assert {pk for pk, *_ in held_by(moved)} >= {one.pk}
    assert integrity.faults(NOW) == []


def test_the_machine_in_use_is_named(desk):
    a_practice(clinicians=2, rooms=2)
    machine = factories.a_machine()
    test = factories.a_visit_type(
        takes=(factories.CLINICIAN, factories.ROOM, factories.MACHINE)
    )
    visit = a_request(test)
    a_request(test, at("10:00", TUESDAY + WEEK))

    clashes = refused(visit, weekly(2), desk)

    in_use = Reason(Why.IN_USE, "machine", machine.pk)
    assert clashes == {at("10:00", TUESDAY + WEEK): in_use}


def test_nobody_gets_two_visits_of_a_series_on_one_day(desk):
    visit = a_booked_visit(a_practice(clinicians=2, rooms=2))
    first, second, third = weekly(3)
    same_day = at("15:00", TUESDAY + WEEK)

    assert refused(visit, [first, at("16:00"), second, same_day], desk) == {
        at("16:00"): SAME_DAY,
        same_day: SAME_DAY,
    }
    book(visit, [first, second], desk)
    assert refused(visit, [first, same_day, third], desk) == {same_day: SAME_DAY}


def test_a_day_on_another_record_of_the_person_is_taken_too(desk):
    visit_type = a_practice()
    visit, others = a_booked_visit(visit_type, at("10:00")), weekly(2)
    elsewhere = a_booked_visit(visit_type, others[1] + timedelta(hours=4))
    workflow.merge(elsewhere.patient_id, visit.patient_id, by=desk, now=NOW)
    assert refused(visit, others, desk) == {others[1]: SAME_DAY}


def test_a_request_is_accepted_only_at_a_time_that_it_asks_for(desk):
    visit = a_request()

    with nothing_written(), pytest.raises(NotPossibleNow):
        book(visit, weekly(2, "14:00"), desk)


def test_a_booked_visit_stays_at_its_time(desk):
    visit = a_booked_visit(a_practice())

    with nothing_written(), pytest.raises(ChangedMeanwhile):
        book(visit, weekly(2, "14:00"), desk)


def test_a_visit_that_will_not_happen_begins_no_series(desk):
    visit = a_booked_visit(a_practice())
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)

    with nothing_written(), pytest.raises(NotPossibleNow):
        book(visit, weekly(2), desk)


@pytest.mark.parametrize("booked", [True, False])
def test_an_old_page_books_nothing(desk, booked):
    visit = a_booked_visit(a_practice()) if booked else a_request()

    with nothing_written(), pytest.raises(ChangedMeanwhile):
        book(visit, weekly(2), desk, seen_version=0)


def test_a_colleague_who_was_slower_is_told(desk):
    visit = a_request()
    book(visit, weekly(2), desk)
    slower = factories.a_front_desk_person()

    with nothing_written(), pytest.raises(ChangedMeanwhile):
        book(visit, weekly(2), slower, seen_version=1)
    with nothing_written(), pytest.raises(AlreadyAnswered):
        workflow.accept(visit.pk, factories.choice(visit).pk, by=slower, now=NOW)


def test_only_staff_with_the_right_make_a_series():
    visit = a_request()
    intern = factories.a_front_desk_person().user
    intern.user_permissions.clear()
    intern = type(intern).objects.get(pk=intern.pk)

    for by in (PATIENT, By.staff(intern)):
        with nothing_written(), pytest.raises(NotAllowed):
            book(visit, weekly(2), by)


@pytest.mark.parametrize("count", [0, 1, 27])
def test_a_series_has_two_to_twenty_six_visits(desk, count):
    visit = a_request()

    with nothing_written(), pytest.raises(ValueError, match="2 to 26"):
        book(visit, weekly(count), desk)


# --- Sent twice ------------------------------------------------------------------


@pytest.mark.parametrize("booked", [True, False])
def test_sending_it_twice_is_booking_it_once(desk, booked):
    visit = a_booked_visit(a_practice()) if booked else a_request()
    key, seen = uuid.uuid4(), visit.version
    first = book(visit, weekly(3), desk, key=key, seen_version=seen)

    with nothing_written():
        second = book(visit, weekly(3), desk, key=key, seen_version=seen)

    assert second == first


def test_other_times_under_the_same_key_are_refused(desk):
    visit, key = a_request(), uuid.uuid4()
    visits = book(visit, weekly(3), desk, key=key)

    with nothing_written(), pytest.raises(DifferentForm) as refusal:
        book(visit, weekly(4), desk, key=key)

    assert refusal.value.params == {"answer": [v.pk for v in visits]}


def test_after_a_clash_the_same_form_books_other_times(desk):
    visit_type = a_practice()
    visit, key = a_request(visit_type), uuid.uuid4()
    a_request(visit_type, at("10:00", TUESDAY + WEEK))
    refused(visit, weekly(2), desk, key=key)

    visits = book(visit, [at("10:00"), at("11:00", TUESDAY + WEEK)], desk, key=key)

    assert len(visits) == 2


# --- What it costs ---------------------------------------------------------------


def test_what_is_free_is_asked_in_as_many_queries_for_twenty_visits_as_for_two(desk):
    """Only what is written grows: rows, links and messages of each visit."""
    visit_type = a_practice()

    def reads(count: int, wall_time: str) -> list[str]:
        visit = a_booked_visit(visit_type, at(wall_time))
        with CaptureQueriesContext(connection) as queries:
            book(visit, weekly(count, wall_time), desk)
        engine = ("resource", "reservation", "requirement", "hours", "visittype")
        return [
            q["sql"]
            for q in queries
            if q["sql"].startswith("SELECT")
            and any(f'FROM "booking_{table}"' in q["sql"] for table in engine)
        ]

    assert len(reads(20, "11:00")) == len(reads(2, "10:00"))
