"""The clinic offers times; the patient takes one, or none; or the offer ends."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from booking import workflow
from booking.availability import Why
from booking.errors import (
    AlreadyAnswered,
    ChangedMeanwhile,
    NotAllowed,
    NotPossibleNow,
    OfferEnded,
    TimeNotOffered,
    TimeTaken,
)
from booking.models import Appointment, Message, Reservation, Resource
from booking.workflow import PATIENT, SYSTEM
from tests import factories
from tests.factories import (
    FRIDAY,
    NOW,
    THURSDAY,
    TUESDAY,
    a_booked_visit,
    a_practice,
    a_request,
    a_wish,
    an_offer,
    at,
    offered,
    somebody_waiting,
)
from tests.records import (
    choices_of,
    closed_on,
    events_of,
    held_by,
    messages_of,
    nothing_written,
    offers_of,
    places_of,
)

pytestmark = pytest.mark.django_db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ENDS = NOW + 2 * HOUR


@pytest.fixture
def desk():
    return factories.a_front_desk_person("robin")


@pytest.fixture
def visit_type():
    return a_practice(buffer_after=10)


def on_the_list(visit_type) -> Appointment:
    return somebody_waiting(visit_type)


def with_a_request(visit_type) -> Appointment:
    return a_request(visit_type, at("15:00"))


def with_a_time(visit_type) -> Appointment:
    visit = a_booked_visit(visit_type, at("15:00", FRIDAY))
    return workflow.want_earlier(visit.pk, a_wish(), by=PATIENT, now=NOW)


Make = Callable[..., Appointment]
everybody = pytest.mark.parametrize("make", [on_the_list, with_a_request, with_a_time])


def take(visit: Appointment, rank: int = 1, by=PATIENT, now=NOW, **values):
    offer = offered(visit, rank)
    return workflow.take(visit.pk, offer.pk, by=by, now=now, **values)


def is_free(visit_type, wall_time: str, day=TUESDAY, now=NOW) -> bool:
    [found] = visit_type.availability(day, day, now=now)
    return int(at(wall_time, day).timestamp()) in {slot.start for slot in found.slots}


# --- Offering --------------------------------------------------------------------


def test_an_offer_to_who_waits_is_held_until_it_ends(visit_type):
    visit = an_offer(somebody_waiting(visit_type), at("10:00"))

    visit.refresh_from_db()
    assert (visit.status, visit.version, visit.start) == ("proposed", 2, None)
    assert events_of(visit)[1:] == [(2, "offer", "waitlist", "proposed", "system")]
    assert offers_of(visit) == [(at("10:00"), "open")]
    offer = offered(visit)
    assert (offer.end, offer.expires_at) == (at("10:30"), ENDS)
    assert visit.events.get(version=2).data == {
        "offers": [[offer.pk, "2026-11-17T15:00:00+00:00"]],
        "until": "2026-11-16T16:00:00+00:00",
        "kept": True,
        "holds": 2,
    }
    assert {span[1:] for span in held_by(visit)} == {(at("10:00"), at("10:40"))}
    lapses = visit.reservations.values_list("proposal", "expires_at")
    assert list(lapses) == [(offer.pk, ENDS)] * 2
    assert places_of(visit) == [("", 1)]
    assert messages_of(visit) == [("on_list", "email"), ("offered", "email")]


def test_an_offer_in_place_of_what_was_asked_for_gives_that_back(visit_type, desk):
    visit = a_request(visit_type, at("15:00"), at("16:00"))

    after = an_offer(visit, at("10:00"), at("11:00"), by=desk)

    after.refresh_from_db()
    assert (after.status, after.reply_by) == ("proposed", None)
    assert events_of(after)[1:] == [(2, "offer", "pending", "proposed", "staff")]
    assert choices_of(after) == [(at("15:00"), "open"), (at("16:00"), "open")]
    assert offers_of(after) == [(at("10:00"), "open"), (at("11:00"), "open")]
    assert {start for _, start, _ in held_by(after)} == {at("10:00"), at("11:00")}
    assert messages_of(after)[-1] == ("offered", "email")


def test_an_offer_to_who_has_a_time_is_beside_it(visit_type):
    visit = with_a_time(visit_type)
    held = held_by(visit)

    after = an_offer(visit, at("10:00"))

    assert (after.status, after.start) == ("booked", at("15:00", FRIDAY))
    assert events_of(after)[3:] == [(4, "offer", "booked", "booked", "system")]
    assert set(held_by(after)) > set(held)
    assert len(held_by(after)) == 4
    assert places_of(after) == [("", 1)]


def test_nobody_else_gets_a_time_that_is_kept(visit_type):
    an_offer(somebody_waiting(visit_type), at("10:00"))

    assert not is_free(visit_type, "10:00")
    with nothing_written(), pytest.raises(TimeTaken):
        a_request(visit_type, at("10:00"))


def test_a_time_that_is_not_kept_may_be_offered_to_several(visit_type):
    for _ in range(2):
        an_offer(somebody_waiting(visit_type), at("10:00"), kept=False)

    assert is_free(visit_type, "10:00")
    assert Reservation.objects.count() == 0


def test_no_offer_outlives_the_first_time_that_is_offered(visit_type, desk):
    visit = an_offer(
        somebody_waiting(visit_type),
        at("12:00", FRIDAY), at("12:00"),
        by=desk, expires_at=at("12:00", THURSDAY),
    )  # fmt: skip

    assert offered(visit, 1).expires_at == offered(visit, 2).expires_at == at("12:00")


@pytest.mark.parametrize("starts", [[], [at("10:00")] * 2, [at("10:00")] * 4])
def test_an_offer_is_of_one_to_three_times(visit_type, starts):
    visit = somebody_waiting(visit_type)

    with nothing_written(), pytest.raises(ValueError, match="one to three"):
        workflow.offer(visit.pk, starts, expires_at=ENDS, by=SYSTEM, now=NOW)


def test_the_refusal_names_the_time_that_cannot_be_had(visit_type, desk):
    a_booked_visit(visit_type, at("11:00"))
    visit = somebody_waiting(visit_type)

    with nothing_written(), pytest.raises(TimeTaken) as refusal:
        an_offer(visit, at("10:00"), at("11:00"), by=desk)

    assert refusal.value.params["rank"] == 2


def test_times_that_overlap_cannot_both_be_kept(visit_type, desk):
    visit_type.step = 15
    visit_type.save()
    visit = somebody_waiting(visit_type)

    with nothing_written(), pytest.raises(TimeTaken):
        an_offer(visit, at("10:00"), at("10:15"), by=desk)


def test_who_has_a_time_is_offered_none_that_overlaps_it(visit_type):
    visit = with_a_time(visit_type)

    with nothing_written(), pytest.raises(TimeTaken):
        an_offer(visit, at("14:30", FRIDAY))


def test_notice_and_horizon_bind_the_system_and_not_staff(visit_type, desk):
    visit = somebody_waiting(visit_type)
    today = at("15:00", factories.MONDAY)

    with nothing_written(), pytest.raises(TimeNotOffered) as refusal:
        an_offer(visit, today)
    assert refusal.value.params["reason"].why == Why.TOO_SOON
    assert an_offer(visit, today, by=desk).status == "proposed"


def test_the_system_does_not_answer_requests(visit_type):
    visit = with_a_request(visit_type)

    with nothing_written(), pytest.raises(NotAllowed):
        an_offer(visit)


@everybody
def test_nobody_has_two_offers_at_once(make: Make, visit_type, desk):
    visit = an_offer(make(visit_type), at("10:00"), by=desk)

    with nothing_written(), pytest.raises(NotPossibleNow):
        an_offer(visit, at("11:00"), by=desk)


def test_who_asked_for_somebody_who_left_is_offered_another(visit_type, desk):
    factories.a_clinician()
    gone = Resource.objects.filter(kind="clinician").first()
    visit = a_request(visit_type, at("10:00"), clinician=gone)
    Resource.objects.filter(pk=gone.pk).update(is_active=False)

    visit = an_offer(visit, at("11:00"), by=desk)

    assert (visit.status, visit.wanted_clinician) == ("proposed", None)
    told = factories.told_last(visit)
    assert "It will be with another clinician than you asked for." in told.text
    assert visit.events.last().data["other_clinician"]
    taken = workflow.take(
        visit.pk, visit.proposals.offers().get().pk, by=PATIENT, now=NOW
    )
    assert (taken.status, taken.start) == ("booked", at("11:00"))
    assert gone.reservations.count() == 0


def test_an_offer_from_an_old_screen_changes_nothing(visit_type, desk):
    visit = somebody_waiting(visit_type)

    with nothing_written(), pytest.raises(ChangedMeanwhile):
        workflow.offer(
            visit.pk, [at("10:00")], expires_at=ENDS, by=desk, now=NOW, seen_version=9
        )


def test_a_visit_that_has_begun_is_offered_no_other_time(visit_type, desk):
    visit = a_booked_visit(visit_type, at("10:00"))

    with nothing_written(), pytest.raises(NotPossibleNow):
        an_offer(visit, at("15:00"), by=desk, now=at("10:00"))


def test_a_colleague_declined_meanwhile(visit_type, desk):
    visit = with_a_request(visit_type)
    workflow.decline(visit.pk, reason="no_time", by=desk, now=NOW)

    with nothing_written(), pytest.raises(AlreadyAnswered):
        an_offer(visit, by=factories.a_front_desk_person())


# --- Taking ----------------------------------------------------------------------


@pytest.mark.parametrize("make", [on_the_list, with_a_request])
def test_taking_an_offer_books_it(make: Make, visit_type, desk):
    visit = an_offer(make(visit_type), at("10:00"), at("11:00"), by=desk)

    booked = take(visit, rank=2)

    booked.refresh_from_db()
    assert (booked.status, booked.version) == ("booked", 3)
    assert (booked.start, booked.end) == (at("11:00"), at("11:30"))
    assert (booked.reply_by, booked.calendar_sequence) == (None, 0)
    assert events_of(booked)[2:] == [(3, "take", "proposed", "booked", "patient")]
    assert offers_of(booked) == [(at("10:00"), "declined"), (at("11:00"), "accepted")]
    assert not booked.proposals.open().exists()
    assert {span[1:] for span in held_by(booked)} == {(at("11:00"), at("11:40"))}
    assert set(booked.reservations.values_list("expires_at", flat=True)) == {None}
    assert places_of(booked) in ([], [("took", 1)])
    assert messages_of(booked)[-1] == ("confirmed", "email")
    assert is_free(visit_type, "10:00")


def test_taking_an_earlier_time_moves_the_visit_in_one(visit_type):
    visit = an_offer(with_a_time(visit_type), at("10:00"))

    moved = take(visit, now=NOW + HOUR)

    moved.refresh_from_db()
    assert (moved.status, moved.start, moved.end) == (
        "booked",
        at("10:00"),
        at("10:30"),
    )
    assert moved.calendar_sequence == 1
    event = moved.events.get(version=5)
    assert (event.act, event.from_status, event.to_status) == (
        "take",
        "booked",
        "booked",
    )
    assert event.data == {
        "moved_from": "2026-11-20T20:00:00+00:00",
        "start": "2026-11-17T15:00:00+00:00",
        "end": "2026-11-17T15:30:00+00:00",
        "held": [
            [resource, "2026-11-17T15:00:00+00:00", "2026-11-17T15:40:00+00:00"]
            for resource, *_ in held_by(moved)
        ],
    }
    assert len(held_by(moved)) == 2
    assert choices_of(moved) == [(at("15:00", FRIDAY), "moved")]
    assert offers_of(moved) == [(at("10:00"), "accepted")]
    assert places_of(moved) == [("took", 1)]
    message = moved.messages.get(kind="moved")
    assert message.calendar_method == "REQUEST"
    assert f"UID:{moved.uid}" in message.calendar
    assert "SEQUENCE:1" in message.calendar
    assert is_free(visit_type, "15:00", FRIDAY)


def test_a_second_move_raises_the_sequence_again(visit_type, desk):
    visit = take(an_offer(with_a_time(visit_type), at("10:00", THURSDAY)))

    moved = take(an_offer(visit, at("10:00"), by=desk))

    assert (moved.start, moved.calendar_sequence) == (at("10:00"), 2)
    assert offers_of(moved) == [
        (at("10:00", THURSDAY), "moved"),
        (at("10:00"), "accepted"),
    ]


def test_moving_out_of_a_closure_closes_the_gap_that_is_left(visit_type):
    visit = with_a_time(visit_type)
    friday = at("00:00", FRIDAY), at("00:00", FRIDAY + timedelta(days=1))
    factories.a_closure(*friday)

    take(an_offer(visit, at("10:00")))

    room = Resource.objects.get(kind=factories.ROOM)
    assert closed_on(room.pk) == [friday]


def test_staff_take_it_for_a_caller(visit_type, desk):
    visit = an_offer(somebody_waiting(visit_type))

    booked = take(visit, by=desk)

    event = booked.events.get(version=3)
    assert (event.actor, event.user, booked.status) == ("staff", desk.user, "booked")


@pytest.mark.parametrize("by_staff", [False, True])
def test_taking_twice_is_taking_once(visit_type, desk, by_staff):
    visit = an_offer(somebody_waiting(visit_type))
    offer = offered(visit)
    take(visit, seen_version=2)

    with nothing_written():
        again = workflow.take(
            visit.pk, offer.pk, by=desk if by_staff else PATIENT, now=NOW + HOUR,
            seen_version=2,
        )  # fmt: skip

    assert (again.status, again.version) == ("booked", 3)


def test_an_offer_can_be_taken_until_it_ends_and_not_then(visit_type):
    first, second = (an_offer(somebody_waiting(visit_type), at(t))
                     for t in ("10:00", "11:00"))  # fmt: skip

    booked = take(first, now=ENDS - timedelta(microseconds=1))
    with nothing_written(), pytest.raises(OfferEnded) as refusal:
        take(second, now=ENDS)

    assert booked.status == "booked"
    assert refusal.value.code == "offer_ended"


@everybody
def test_an_offer_that_ended_blocks_nothing_and_nobody_had_to_sweep(
    make: Make, visit_type, desk
):
    visit = an_offer(make(visit_type), at("10:00", FRIDAY), by=desk)

    assert is_free(visit_type, "10:00", FRIDAY, now=ENDS)
    other = a_request(visit_type, at("10:00", FRIDAY), now=ENDS)

    assert len(held_by(other)) == 2
    with nothing_written(), pytest.raises(OfferEnded):
        take(visit, now=ENDS)


def test_an_offer_of_somebody_else_cannot_be_taken(visit_type):
    mine, theirs = (an_offer(somebody_waiting(visit_type), at(t))
                    for t in ("10:00", "11:00"))  # fmt: skip

    with nothing_written(), pytest.raises(NotPossibleNow):
        workflow.take(mine.pk, offered(theirs).pk, by=PATIENT, now=NOW)


def test_what_the_patient_asked_for_is_not_an_offer(visit_type, desk):
    visit = an_offer(with_a_request(visit_type), at("10:00"), by=desk)
    wanted = factories.choice(visit)

    with nothing_written(), pytest.raises(NotPossibleNow):
        workflow.take(visit.pk, wanted.pk, by=PATIENT, now=NOW)


def test_an_offer_that_staff_took_back_is_told_to_have_ended(visit_type, desk):
    visit = an_offer(somebody_waiting(visit_type))
    offer = offered(visit)
    workflow.retract(visit.pk, by=desk, now=NOW)

    with nothing_written(), pytest.raises(OfferEnded):
        workflow.take(visit.pk, offer.pk, by=PATIENT, now=NOW)


def test_an_offer_from_an_old_page_changes_nothing(visit_type):
    visit = an_offer(somebody_waiting(visit_type))

    with nothing_written(), pytest.raises(ChangedMeanwhile):
        take(visit, seen_version=1)


def test_what_was_taken_and_then_cancelled_is_not_brought_back(visit_type):
    visit = an_offer(somebody_waiting(visit_type))
    offer = offered(visit)
    take(visit)
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)

    with nothing_written(), pytest.raises(NotPossibleNow):
        workflow.take(visit.pk, offer.pk, by=PATIENT, now=NOW)


def test_a_closure_that_came_between_refuses_the_kept_time(visit_type):
    visit = an_offer(with_a_time(visit_type), at("10:00"))
    factories.a_closure(at("00:00"), at("23:00"))

    with nothing_written(), pytest.raises(TimeNotOffered):
        take(visit)


def test_a_time_that_has_come_too_near_for_the_public_can_still_be_taken(visit_type):
    visit = an_offer(somebody_waiting(visit_type), at("10:00"), expires_at=at("10:00"))

    assert take(visit, now=at("09:59")).status == "booked"


def test_a_visit_that_has_begun_does_not_move(visit_type, desk):
    visit = a_booked_visit(visit_type, at("10:00"))
    an_offer(visit, at("12:00"), by=desk, expires_at=at("11:00"))

    with nothing_written(), pytest.raises(NotPossibleNow):
        take(visit, now=at("10:00"))


# --- Who is faster ---------------------------------------------------------------


def test_the_first_to_take_it_has_it_and_the_others_are_told_at_once(visit_type):
    slow, quick, other = (somebody_waiting(visit_type) for _ in range(3))
    for visit in (slow, quick):
        an_offer(visit, at("10:00"), kept=False)
    an_offer(other, at("12:00"), kept=False)
    offer = offered(slow)

    take(quick, now=NOW + HOUR)

    slow.refresh_from_db()
    other.refresh_from_db()
    assert (slow.status, other.status) == ("waitlist", "proposed")
    event = slow.events.get(version=3)
    assert (event.act, event.reason, event.at) == ("lapse", "gone", NOW + HOUR)
    assert event.actor == "system"
    assert offers_of(slow) == [(at("10:00"), "lapsed")]
    assert places_of(slow) == [("", 1)]
    assert messages_of(slow)[-1] == ("offer_ended", "email")
    with nothing_written(), pytest.raises(OfferEnded):
        workflow.take(slow.pk, offer.pk, by=PATIENT, now=NOW + HOUR)


def test_who_is_booked_and_too_slow_stays_booked(visit_type):
    slow, quick = with_a_time(visit_type), somebody_waiting(visit_type)
    for visit in (slow, quick):
        an_offer(visit, at("10:00"), kept=False)

    take(quick)

    slow.refresh_from_db()
    assert (slow.status, slow.start) == ("booked", at("15:00", FRIDAY))
    assert events_of(slow)[-1][1:] == ("lapse", "booked", "booked", "system")
    assert places_of(slow) == [("", 1)]


def test_with_a_second_clinician_free_nobody_is_told_that_it_went():
    visit_type = a_practice(clinicians=2, rooms=2)
    slow, quick = (somebody_waiting(visit_type) for _ in range(2))
    for visit in (slow, quick):
        an_offer(visit, at("10:00"), kept=False)

    take(quick)

    assert take(slow).status == "booked"


def test_an_offer_that_overlaps_by_its_buffer_went_as_well(visit_type):
    slow, quick = (somebody_waiting(visit_type) for _ in range(2))
    an_offer(quick, at("10:00"), kept=False)
    an_offer(slow, at("10:30"), kept=False)

    take(quick)

    slow.refresh_from_db()
    assert slow.status == "waitlist"


# --- Not taking ------------------------------------------------------------------


AFTER = {on_the_list: "waitlist", with_a_request: "pending", with_a_time: "booked"}


@everybody
@pytest.mark.parametrize(
    ("act", "outcome", "who"),
    [
        ("pass", "declined", "patient"),
        ("pass", "declined", "staff"),
        ("retract", "withdrawn", "staff"),
        ("lapse", "lapsed", "system"),
    ],
)
def test_nothing_comes_of_an_offer(make: Make, visit_type, desk, act, outcome, who):
    visit = make(visit_type)
    before = held_by(visit) if make is with_a_time else []
    an_offer(visit, at("10:00", FRIDAY), at("11:00", FRIDAY), by=desk)
    version = visit.version + 1
    now = ENDS if act == "lapse" else NOW + HOUR
    by = {"patient": PATIENT, "staff": desk, "system": None}[who]

    if act == "lapse":
        with nothing_written():
            workflow.lapse(visit.pk, now=ENDS - MINUTE)
        after = workflow.lapse(visit.pk, now=now)
    elif act == "pass":
        after = workflow.pass_(visit.pk, by=by, now=now, seen_version=version)
    else:
        after = workflow.retract(visit.pk, by=by, now=now, seen_version=version)

    after.refresh_from_db()
    assert after.status == AFTER[make]
    source = "booked" if make is with_a_time else "proposed"
    assert events_of(after)[-1] == (version + 1, act, source, after.status, who)
    assert [outcome for _, outcome in offers_of(after)] == [outcome] * 2
    assert held_by(after) == before
    assert messages_of(after)[-1] == ("offer_ended", "email")
    assert is_free(visit_type, "10:00", FRIDAY, now=now)
    if make is not with_a_request:
        assert (places_of(after), after.reply_by) == ([("", 1)], None)


def test_a_request_goes_back_to_the_desk_with_a_new_promise(visit_type, desk):
    visit = an_offer(with_a_request(visit_type), at("10:00"), by=desk)
    now = at("12:00", factories.MONDAY)

    after = workflow.pass_(visit.pk, by=PATIENT, now=now)

    assert after.reply_by == workflow.reply_promise(visit_type, now)
    assert after.reply_by == at("12:00")
    booked = workflow.accept(after.pk, factories.choice(after).pk, by=desk, now=now)
    assert (booked.status, booked.start) == ("booked", at("15:00"))


@pytest.mark.parametrize("act", [workflow.pass_, workflow.retract])
def test_ending_an_offer_twice_is_ending_it_once(act, visit_type, desk):
    visit = an_offer(somebody_waiting(visit_type))
    act(visit.pk, by=desk, now=NOW)

    with nothing_written():
        again = act(visit.pk, by=desk, now=NOW + HOUR)

    assert again.version == 3


@pytest.mark.parametrize("act", [workflow.pass_, workflow.retract])
def test_what_was_not_offered_cannot_be_ended(act, visit_type, desk):
    visit = somebody_waiting(visit_type)

    with nothing_written(), pytest.raises(OfferEnded):
        act(visit.pk, by=desk, now=NOW)


def test_who_waits_can_be_offered_the_next_time(visit_type):
    visit = an_offer(somebody_waiting(visit_type), at("10:00"))
    workflow.lapse(visit.pk, now=ENDS)

    again = an_offer(visit, at("12:00"), now=ENDS)

    assert (again.status, again.version) == ("proposed", 4)
    assert places_of(again) == [("", 2)]


def test_a_patient_withdraws_a_request_that_was_answered_with_an_offer(
    visit_type, desk
):
    visit = an_offer(with_a_request(visit_type), at("10:00"), by=desk)

    gone = workflow.cancel(visit.pk, by=PATIENT, now=NOW)

    assert events_of(gone)[-1][1:] == ("withdraw", "proposed", "cancelled", "patient")
    assert offers_of(gone) == [(at("10:00"), "withdrawn")]
    assert (held_by(gone), messages_of(gone)[-1]) == ([], ("withdrawn", "email"))


def test_an_offer_whose_time_was_closed_lapses(visit_type):
    visit = an_offer(somebody_waiting(visit_type), at("10:00"), at("11:00"))
    with nothing_written():
        workflow.lapse(visit.pk, now=NOW)
    factories.a_closure(at("09:00"), at("10:30"))
    with nothing_written():  # one of the two is left
        workflow.lapse(visit.pk, now=NOW)
    factories.a_closure(at("10:30"), at("12:00"))

    after = workflow.lapse(visit.pk, now=NOW)

    assert (after.status, after.events.last().reason) == ("waitlist", "gone")


def test_an_offer_that_is_not_kept_lapses_when_somebody_asks_for_the_time(visit_type):
    visit = an_offer(somebody_waiting(visit_type), at("10:00"), kept=False)
    a_request(visit_type, at("10:00"))

    after = workflow.lapse(visit.pk, now=NOW)

    assert (after.status, after.events.last().reason) == ("waitlist", "gone")


def test_lapsing_twice_is_lapsing_once(visit_type):
    visit = an_offer(somebody_waiting(visit_type))
    workflow.lapse(visit.pk, now=ENDS)

    with nothing_written():
        workflow.lapse(visit.pk, now=ENDS)


# --- By phone --------------------------------------------------------------------


def test_somebody_has_to_phone_about_an_offer_while_it_is_open(visit_type):
    patient = factories.patient_details(email="")
    visit = an_offer(somebody_waiting(visit_type, patient=patient))
    calls = Message.objects.phone_these_people()

    assert [call.kind for call in calls.still_true(ENDS - MINUTE)] == ["offered"]
    assert [call.kind for call in calls.still_true(ENDS)] == []
    workflow.lapse(visit.pk, now=ENDS)
    assert [call.kind for call in calls.still_true(ENDS)] == ["offer_ended"]
