"""Somebody waits for a time, or has one and would like an earlier."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from booking import workflow
from booking.errors import (
    AlreadyOnList,
    ChangedMeanwhile,
    DifferentRequest,
    NotAllowed,
    NotPossibleNow,
)
from booking.models import Appointment, Message, Resource
from booking.policy import DeclineReason
from booking.workflow import PATIENT, SYSTEM, Answer
from tests import factories
from tests.factories import (
    FRIDAY,
    NOW,
    WEDNESDAY,
    a_booked_visit,
    a_new_wish,
    a_practice,
    a_wish,
    an_offer,
    at,
    somebody_waiting,
)
from tests.records import events_of, held_by, messages_of, nothing_written, places_of

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=1)
AFTER_THE_LIST = NOW + timedelta(days=30)


@pytest.fixture
def desk():
    return factories.a_front_desk_person()


def waits_for_earlier(visit: Appointment, wish=None, **values) -> Appointment:
    return workflow.want_earlier(
        visit.pk, wish or a_wish(), by=PATIENT, now=NOW, **values
    )


# --- Without a time --------------------------------------------------------------


def test_somebody_who_joins_has_a_row_an_event_a_place_and_a_message():
    wish = a_wish(weekdays=(4, 0), part="morning", notice=24 * 60)

    visit = somebody_waiting(a_practice(), wish)

    visit.refresh_from_db()
    assert (visit.status, visit.version) == ("waitlist", 1)
    assert (visit.start, visit.reply_by, visit.requested_at) == (None, None, NOW)
    assert events_of(visit) == [(1, "join", "", "waitlist", "patient")]
    assert visit.events.get().data == {
        "earliest": "2026-11-17",
        "latest": "2026-12-15",
        "weekdays": [0, 4],
        "part": "morning",
        "notice": 1440,
    }
    entry = visit.waiting_list_entries.get()
    assert (entry.joined_at, entry.offers_made, entry.ended_at) == (NOW, 0, None)
    assert entry.wish == replace(wish, weekdays=(0, 4))
    assert held_by(visit) == []
    assert messages_of(visit) == [("on_list", "email")]


def test_answers_and_the_wanted_clinician_are_kept():
    visit_type = a_practice()
    who = Resource.objects.get(kind=factories.CLINICIAN)

    visit = somebody_waiting(
        visit_type,
        clinician=who,
        answers=[Answer("thinner", "Do you take one?", "yes", "blood thinner")],
    )

    assert (visit.wanted_clinician, visit.flags) == (who, ["blood thinner"])


def test_staff_join_for_a_caller_and_the_event_names_them(desk):
    visit = workflow.join(a_new_wish(a_practice()), key=uuid.uuid4(), by=desk, now=NOW)

    event = visit.events.get()
    assert (event.actor, event.user) == ("staff", desk.user)


def test_the_system_joins_nobody():
    asked = a_new_wish(a_practice())

    with nothing_written(), pytest.raises(NotAllowed):
        workflow.join(asked, key=uuid.uuid4(), by=SYSTEM, now=NOW)


@pytest.mark.parametrize("changed", [{"wish": None}, {"choices": (at("10:00"),)}])
def test_a_wish_and_choices_of_time_exclude_each_other(changed):
    asked = replace(a_new_wish(a_practice()), **changed)

    with nothing_written(), pytest.raises(ValueError, match="wish"):
        workflow.join(asked, key=uuid.uuid4(), by=PATIENT, now=NOW)


def test_sending_the_form_twice_makes_one_place():
    asked, key = a_new_wish(a_practice()), uuid.uuid4()
    first = workflow.join(asked, key=key, by=PATIENT, now=NOW)

    with nothing_written():
        second = workflow.join(asked, key=key, by=PATIENT, now=LATER)

    assert second == first


@pytest.mark.parametrize(
    "changed",
    [{"wish": a_wish(part="morning")}, {"payer": "self_pay"}],
    ids=["wish", "payer"],
)
def test_the_same_form_with_other_content_is_refused(changed):
    asked, key = a_new_wish(a_practice()), uuid.uuid4()
    first = workflow.join(asked, key=key, by=PATIENT, now=NOW)

    with nothing_written(), pytest.raises(DifferentRequest) as refusal:
        workflow.join(replace(asked, **changed), key=key, by=PATIENT, now=NOW)

    assert refusal.value.params == {"reference": first.reference}


# --- With a time -----------------------------------------------------------------


def test_who_wants_an_earlier_time_stays_booked():
    visit = a_booked_visit(a_practice(), at("10:00", FRIDAY))
    held = held_by(visit)

    after = waits_for_earlier(visit, a_wish(latest=FRIDAY))

    after.refresh_from_db()
    assert (after.status, after.version) == ("booked", 3)
    assert (after.start, held_by(after)) == (at("10:00", FRIDAY), held)
    assert events_of(after)[2:] == [(3, "want_earlier", "booked", "booked", "patient")]
    assert places_of(after) == [("", 0)]
    assert messages_of(after)[2:] == [("on_list", "email")]


def test_the_same_wish_twice_is_one_wish():
    visit = a_booked_visit()
    waits_for_earlier(visit)

    with nothing_written():
        again = waits_for_earlier(visit, seen_version=2)

    assert again.version == 3


def test_another_wish_is_refused_while_there_is_one():
    visit = a_booked_visit()
    waits_for_earlier(visit)

    with nothing_written(), pytest.raises(AlreadyOnList):
        waits_for_earlier(visit, a_wish(part="afternoon"))


def test_a_visit_that_has_begun_cannot_come_earlier():
    visit = a_booked_visit(a_practice(), at("10:00"))

    with nothing_written(), pytest.raises(NotPossibleNow):
        workflow.want_earlier(visit.pk, a_wish(), by=PATIENT, now=at("10:00"))


def test_who_waits_without_a_time_has_nothing_to_be_earlier_than():
    visit = somebody_waiting()

    with nothing_written(), pytest.raises(NotPossibleNow):
        waits_for_earlier(visit)


def test_what_the_screen_showed_is_no_longer_so():
    visit = a_booked_visit()

    with nothing_written(), pytest.raises(ChangedMeanwhile):
        waits_for_earlier(visit, seen_version=1)


def test_who_is_content_keeps_the_time_and_gives_offers_back():
    visit_type = a_practice()
    visit = waits_for_earlier(a_booked_visit(visit_type, at("10:00", FRIDAY)))
    held = held_by(visit)
    an_offer(visit, at("10:00"))

    after = workflow.stop_wanting(visit.pk, by=PATIENT, now=LATER)

    after.refresh_from_db()
    assert (after.status, after.start) == ("booked", at("10:00", FRIDAY))
    assert events_of(after)[-1] == (5, "stop_wanting", "booked", "booked", "patient")
    assert held_by(after) == held
    assert places_of(after) == [("left", 1)]
    assert not after.proposals.open().exists()
    assert messages_of(after)[-1] == ("left", "email")
    assert len(held_by(factories.a_request(visit_type, at("10:00")))) == 2


def test_being_content_twice_is_being_content_once():
    visit = waits_for_earlier(a_booked_visit())
    workflow.stop_wanting(visit.pk, by=PATIENT, now=NOW)

    with nothing_written():
        again = workflow.stop_wanting(visit.pk, by=PATIENT, now=LATER)

    assert again.version == 4


def test_who_never_wanted_an_earlier_time_cannot_stop():
    visit = a_booked_visit()

    with nothing_written(), pytest.raises(NotPossibleNow):
        workflow.stop_wanting(visit.pk, by=PATIENT, now=NOW)


# --- The end ---------------------------------------------------------------------


@pytest.mark.parametrize("act", [workflow.leave, workflow.cancel])
@pytest.mark.parametrize("was_offered", [False, True])
def test_a_patient_leaves_the_list(act, was_offered):
    visit_type = a_practice()
    visit = somebody_waiting(visit_type)
    if was_offered:
        an_offer(visit)

    gone = act(visit.pk, by=PATIENT, now=LATER)

    gone.refresh_from_db()
    assert (gone.status, gone.cancellation_reason) == ("cancelled", "patient")
    source = "proposed" if was_offered else "waitlist"
    version = 3 if was_offered else 2
    assert events_of(gone)[-1] == (version, "leave", source, "cancelled", "patient")
    assert places_of(gone) == [("left", int(was_offered))]
    assert (held_by(gone), gone.proposals.open().count()) == ([], 0)
    assert messages_of(gone)[-1] == ("left", "email")
    assert len(held_by(factories.a_request(visit_type))) == 2


def test_staff_take_somebody_off_the_list_with_a_note(desk):
    visit = somebody_waiting()

    gone = workflow.leave(
        visit.pk, by=desk, now=NOW, note="You called us.", private_note="moved away"
    )

    event = gone.events.get(version=2)
    assert (gone.cancellation_reason, gone.note_to_patient) == (
        "clinic",
        "You called us.",
    )
    assert (event.user, event.private_note) == (desk.user, "moved away")


def test_leaving_twice_is_leaving_once():
    visit = somebody_waiting()
    first = workflow.leave(visit.pk, by=PATIENT, now=NOW, seen_version=1)

    with nothing_written():
        second = workflow.leave(visit.pk, by=PATIENT, now=LATER, seen_version=1)

    assert (second, second.version) == (first, 2)


def test_who_is_booked_cancels_and_does_not_leave():
    visit = a_booked_visit()

    with nothing_written(), pytest.raises(NotPossibleNow):
        workflow.leave(visit.pk, by=PATIENT, now=NOW)


def test_who_cancels_is_off_the_list_and_has_no_offer_left():
    visit = waits_for_earlier(a_booked_visit(a_practice(), at("10:00", FRIDAY)))
    an_offer(visit, at("10:00"))

    gone = workflow.cancel(visit.pk, by=PATIENT, now=NOW)

    assert events_of(gone)[-1][1:4] == ("cancel", "booked", "cancelled")
    assert places_of(gone) == [("cancelled", 1)]
    assert (held_by(gone), gone.proposals.open().count()) == ([], 0)
    assert messages_of(gone)[-1] == ("cancelled", "email")


def test_staff_decline_somebody_who_was_offered_a_time(desk):
    visit = an_offer(somebody_waiting())

    gone = workflow.decline(visit.pk, reason=DeclineReason.NEEDS_CALL, by=desk, now=NOW)

    assert (gone.status, gone.cancellation_reason) == ("cancelled", "declined")
    assert places_of(gone) == [("cancelled", 1)]
    assert (held_by(gone), gone.proposals.open().count()) == ([], 0)


def test_the_last_day_passes_and_the_visit_ends():
    visit = somebody_waiting()
    last_day = at("23:59", a_wish().latest)

    with nothing_written():
        workflow.expire(visit.pk, now=last_day)
    gone = workflow.expire(visit.pk, now=last_day + timedelta(minutes=1))

    gone.refresh_from_db()
    assert (gone.status, gone.cancellation_reason) == ("cancelled", "expired")
    assert events_of(gone)[1:] == [(2, "expire", "waitlist", "cancelled", "system")]
    assert places_of(gone) == [("expired", 0)]
    assert messages_of(gone) == [("on_list", "email"), ("list_ended", "email")]


def test_the_last_day_passes_and_who_is_booked_stays_so():
    visit = a_booked_visit(a_practice(), at("10:00", FRIDAY))
    waits_for_earlier(visit, a_wish(latest=WEDNESDAY))
    held = held_by(visit)

    after = workflow.expire(visit.pk, now=at("00:00", factories.THURSDAY))

    assert (after.status, held_by(after)) == ("booked", held)
    assert events_of(after)[3:] == [(4, "expire", "booked", "booked", "system")]
    assert places_of(after) == [("expired", 0)]
    assert len(messages_of(after)) == 3


def test_the_wish_of_a_visit_that_has_begun_is_over():
    visit = waits_for_earlier(a_booked_visit(a_practice(), at("10:00")))

    after = workflow.expire(visit.pk, now=at("10:00"))

    assert places_of(after) == [("expired", 0)]


def test_an_offer_that_is_still_open_comes_before_the_end(desk):
    visit = somebody_waiting(a_practice(), a_wish(latest=factories.TUESDAY))
    noon = at("12:00", WEDNESDAY)
    an_offer(visit, at("10:00", FRIDAY), by=desk, expires_at=noon)

    with nothing_written():
        workflow.expire(visit.pk, now=noon - timedelta(hours=1))


def test_expiring_twice_is_expiring_once():
    visit = somebody_waiting()
    workflow.expire(visit.pk, now=AFTER_THE_LIST)

    with nothing_written():
        workflow.expire(visit.pk, now=AFTER_THE_LIST)


# --- By phone --------------------------------------------------------------------


def test_a_call_about_the_list_goes_when_the_patient_is_off_it():
    patient = factories.patient_details(email="")
    visit = waits_for_earlier(
        a_booked_visit(a_practice(), at("10:00", FRIDAY), patient=patient),
        a_wish(latest=WEDNESDAY),
    )
    calls = Message.objects.phone_these_people()
    assert [call.kind for call in calls] == ["confirmed", "on_list"]

    workflow.expire(visit.pk, now=at("00:00", factories.THURSDAY))

    assert [call.kind for call in calls.all()] == ["confirmed"]
