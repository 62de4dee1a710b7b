"""A patient asks for another time, and keeps theirs until the clinic says yes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from booking import integrity, tasks, workflow
from booking.errors import (
    AlreadyAsked,
    ChangedMeanwhile,
    NotAllowed,
    NotPossibleNow,
    TimeNotOffered,
    TimeTaken,
    TooLate,
)
from booking.models import Appointment, Message, VisitType
from booking.policy import Act, ChangeRefusal, DeclineReason
from booking.queue import Desk
from booking.workflow import PATIENT, SYSTEM
from tests import factories
from tests.factories import NOW, WEDNESDAY, a_booked_visit, a_practice, at
from tests.records import (
    choices_of,
    events_of,
    held_by,
    messages_of,
    nothing_written,
)

pytestmark = pytest.mark.django_db

THERE, ELSEWHERE = at("10:00", WEDNESDAY), at("14:00", WEDNESDAY)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def visit(visit_type: VisitType) -> Appointment:
    """Return a visit on Tuesday at ten."""
    return a_booked_visit(visit_type)


def ask(visit: Appointment, *starts: Any, **more: Any) -> Appointment:
    starts = starts or (THERE, ELSEWHERE)
    return workflow.ask_change(visit.pk, starts, **{"by": PATIENT, "now": NOW} | more)


def wanted(visit: Appointment, rank: int = 1) -> int:
    return visit.proposals.wanted().get(rank=rank).pk


def sound() -> bool:
    return list(integrity.find(NOW)) == []


def test_the_visit_stays_booked_and_the_first_choice_is_held(visit: Appointment):
    own = held_by(visit)

    asked = ask(visit)

    asked.refresh_from_db()
    assert (asked.status, asked.start, asked.version) == ("booked", at("10:00"), 3)
    assert asked.reply_by == at("17:00", factories.MONDAY)
    assert asked.wants_change
    assert events_of(asked)[-1] == (3, "ask_change", "booked", "booked", "patient")
    assert sorted(choices_of(asked)) == [
        (at("10:00"), "accepted"), (THERE, "open"), (ELSEWHERE, "open"),
    ]  # fmt: skip
    assert messages_of(asked)[-1] == ("change_asked", "email")
    extra = [row for row in held_by(asked) if row not in own]
    assert {start for _, start, _ in extra} == {THERE}
    lapses = asked.reservations.filter(expires_at=asked.reply_by)
    assert lapses.count() == len(extra) == 2
    assert sound()


def test_it_waits_for_the_desk_with_a_time_to_answer_by(visit: Appointment):
    asked = ask(visit, now=LATER)
    desk = Desk(LATER)
    [line] = desk.requests
    assert (line.visit, desk.waiting, desk.overdue) == (asked, 1, 0)
    assert [c.proposal.start for c in line.free] == [THERE, ELSEWHERE]
    [task] = [t for t in tasks.of_visit(asked, LATER) if t.kind == "answer"]
    assert (task.kind, task.since, task.due) == ("answer", LATER, asked.reply_by)
    assert Desk(asked.reply_by).overdue == 1
    assert Desk(at("10:00")).waiting == 0  # the visit has begun


def test_nobody_is_promised_an_answer_after_the_visit(visit: Appointment):
    assert ask(visit, now=NOW + timedelta(hours=2)).reply_by == visit.start


def test_the_clinic_says_yes_and_the_old_time_is_free(visit: Appointment):
    ask(visit)
    desk = factories.a_front_desk_person()

    moved = workflow.grant_change(visit.pk, wanted(visit, 2), by=desk, now=NOW)

    moved.refresh_from_db()
    assert (moved.status, moved.start, moved.reply_by) == ("booked", ELSEWHERE, None)
    assert events_of(moved)[-1] == (4, "change", "booked", "booked", "staff")
    assert sorted(choices_of(moved)) == [
        (at("10:00"), "moved"), (THERE, "declined"), (ELSEWHERE, "accepted"),
    ]  # fmt: skip
    assert messages_of(moved)[-1] == ("moved", "email")
    assert {start for _, start, _ in held_by(moved)} == {ELSEWHERE}
    with nothing_written():
        again = workflow.grant_change(
            visit.pk, moved.proposals.get(outcome="accepted").pk, by=desk, now=NOW
        )
    assert again == moved
    factories.a_request(visit.visit_type, at("10:00"))
    assert sound()


def test_the_clinic_says_no_and_the_visit_stays(visit: Appointment):
    ask(visit)
    own = at("10:00")
    desk = factories.a_front_desk_person()
    say: dict[str, Any] = {"by": desk, "now": NOW, "reason": ChangeRefusal.NO_TIME}

    stays = workflow.refuse_change(visit.pk, note="Sorry.", **say)

    stays.refresh_from_db()
    assert (stays.status, stays.start, stays.reply_by) == ("booked", own, None)
    assert stays.note_to_patient == "Sorry."
    assert events_of(stays)[-1] == (4, "refuse_change", "booked", "booked", "staff")
    assert messages_of(stays)[-1] == ("change_refused", "email")
    assert {start for _, start, _ in held_by(stays)} == {own}
    with nothing_written():
        assert workflow.refuse_change(visit.pk, **say).version == stays.version
    say["reason"] = ChangeRefusal.NEEDS_CALL
    with pytest.raises(NotPossibleNow), nothing_written():
        workflow.refuse_change(visit.pk, **say)
    assert sound()


def test_the_patient_takes_the_wish_back_once_and_twice(visit: Appointment):
    asked = ask(visit)

    kept = workflow.stop_change(visit.pk, by=PATIENT, now=NOW, seen_version=3)

    assert (kept.status, kept.start, kept.reply_by) == ("booked", at("10:00"), None)
    assert messages_of(kept)[-2:] == [
        ("change_asked", "email"), ("change_stopped", "email"),
    ]  # fmt: skip
    told = Message.objects.get(kind="change_asked")
    assert told in Message.objects.untrue(NOW)
    with nothing_written():
        workflow.stop_change(visit.pk, by=PATIENT, now=NOW, seen_version=3)
    with pytest.raises(NotPossibleNow), nothing_written():
        workflow.grant_change(
            visit.pk,
            asked.proposals.asked().get(start=THERE).pk,
            by=factories.a_front_desk_person(),
            now=NOW,
        )
    assert ask(visit).version == 5
    assert sound()


def test_the_same_wish_is_the_wish_that_there_is(visit: Appointment):
    asked = ask(visit)
    with nothing_written():
        assert ask(visit, seen_version=2).version == asked.version
    with pytest.raises(AlreadyAsked), nothing_written():
        ask(visit, ELSEWHERE)


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        ([at("12:00")], TimeTaken),
        ([THERE, at("12:00")], TimeTaken),
        ([at("10:00")], TimeTaken),  # its own
        ([THERE, at("03:00", WEDNESDAY)], TimeNotOffered),
        ([NOW], TimeNotOffered),
    ],
)
def test_all_times_have_to_be_free(
    visit: Appointment, starts: list[Any], expected: type[TimeTaken]
):
    a_booked_visit(visit.visit_type, at("12:00"))
    with pytest.raises(expected) as refused, nothing_written():
        ask(visit, *starts)
    assert refused.value.params["rank"] == len(starts)


def test_who_may_ask_and_answer_and_of_what(visit: Appointment):
    desk = factories.a_front_desk_person()
    with pytest.raises(NotAllowed), nothing_written():
        ask(visit, by=desk)
    with pytest.raises(NotPossibleNow), nothing_written():
        ask(factories.a_request(visit.visit_type, at("15:00")))
    with pytest.raises(ChangedMeanwhile), nothing_written():
        ask(visit, seen_version=1)
    with pytest.raises(NotPossibleNow), nothing_written():
        workflow.stop_change(visit.pk, by=PATIENT, now=NOW)
    ask(visit)
    refuse = {"reason": ChangeRefusal.NO_TIME, "now": NOW}
    for by in (PATIENT, SYSTEM):
        with pytest.raises(NotAllowed), nothing_written():
            workflow.grant_change(visit.pk, wanted(visit), by=by, now=NOW)
        with pytest.raises(NotAllowed), nothing_written():
            workflow.refuse_change(visit.pk, by=by, **refuse)
    with pytest.raises(ChangedMeanwhile), nothing_written():
        workflow.refuse_change(visit.pk, by=desk, seen_version=2, **refuse)
    with pytest.raises(NotPossibleNow), nothing_written():  # its time has come
        workflow.grant_change(visit.pk, wanted(visit), by=desk, now=at("10:00"))


def test_shortly_before_the_visit_patients_call_instead():
    visit = a_booked_visit(a_practice(cutoff=48))
    with pytest.raises(TooLate), nothing_written():
        ask(visit)


def test_where_the_visit_type_says_so_the_visit_moves_at_once():
    visit = a_booked_visit(a_practice(changes_at_once=True))
    moved = ask(visit, THERE)
    assert (moved.start, moved.reply_by) == (THERE, None)
    assert events_of(moved)[-1] == (3, "change", "booked", "booked", "patient")
    assert messages_of(moved)[-1] == ("moved", "email")
    assert {start for _, start, _ in held_by(moved)} == {THERE}
    with nothing_written():
        assert ask(visit, THERE).version == moved.version
    assert sound()


def _move(visit: Appointment) -> None:
    desk = factories.a_front_desk_person()
    workflow.move(visit.pk, at("16:00", WEDNESDAY), by=desk, now=NOW)


def _offer(visit: Appointment) -> None:
    desk = factories.a_front_desk_person()
    factories.an_offer(visit, at("16:00", WEDNESDAY), by=desk)
    assert visit.proposals.offers().count() == 1


def _cancel(visit: Appointment) -> None:
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)


def _attend(visit: Appointment) -> None:
    desk = factories.a_front_desk_person()
    workflow.attend(visit.pk, Act.ARRIVE, by=desk, now=at("09:50"))


@pytest.mark.parametrize("act", [_move, _offer, _cancel, _attend])
def test_what_else_happens_to_the_visit_ends_the_wish(
    visit: Appointment, act: Callable[[Appointment], None]
):
    ask(visit)
    act(visit)
    visit.refresh_from_db()
    assert visit.reply_by is None
    assert not visit.proposals.wanted().exists()
    held = visit.reservations.filter(proposal__by="patient")
    assert not held.filter(expires_at__isnull=False).exists()
    assert sound()


def _retract(visit: Appointment) -> None:
    desk = factories.a_front_desk_person()
    workflow.retract(visit.pk, by=desk, now=LATER)


def _close(visit: Appointment) -> None:
    """Let what is offered give way to a closure, and the worker find that."""
    factories.a_closure(at("15:30", WEDNESDAY), at("17:00", WEDNESDAY), now=LATER)
    workflow.lapse(visit.pk, now=LATER)


def _wait(visit: Appointment) -> None:
    workflow.lapse(visit.pk, now=NOW + timedelta(hours=2))


@pytest.mark.parametrize(
    ("act", "why", "promised"),
    [
        (_retract, "We had to take back the time", at("09:05")),
        (_close, "The time that we offered you is no longer free.", at("09:05")),
        (_wait, "We had no answer to our offer in time", at("10:00")),
    ],
)
def test_a_wish_that_was_answered_by_an_offer_is_open_when_that_ends(
    visit: Appointment, act: Callable[[Appointment], None], why: str, promised: Any
):
    ask(visit)
    _offer(visit)
    act(visit)

    visit.refresh_from_db()
    assert (visit.status, visit.start) == ("booked", at("10:00"))
    assert (visit.wants_change, visit.reply_by) == (True, promised)
    assert [choice.start for choice in visit.proposals.wanted()] == [THERE, ELSEWHERE]
    assert not visit.proposals.offers().exists()
    assert {start for _, start, _ in held_by(visit)} == {at("10:00")}
    assert [line.visit for line in Desk(LATER).requests] == [visit]
    told = factories.told_last(visit)
    assert told.kind == "offer_ended"
    assert why in told.text
    for part in (
        "stays as it is until we say yes",
        "1. Wednesday, November 18, 10:00 AM EST\n2. Wednesday,",
        "We will answer by Tuesday, November 17, ",
    ):
        assert part in told.text
    assert sound()
    with pytest.raises(AlreadyAsked), nothing_written():
        ask(visit, ELSEWHERE, now=NOW + timedelta(hours=3))
    desk = factories.a_front_desk_person()
    workflow.refuse_change(
        visit.pk, reason=ChangeRefusal.NO_TIME, by=desk, now=NOW + timedelta(hours=3)
    )
    assert told in Message.objects.untrue(NOW)
    assert sound()


def _pass(visit: Appointment) -> None:
    workflow.pass_(visit.pk, by=PATIENT, now=LATER)


def _ask_for_others_and_stop(visit: Appointment) -> None:
    ask(visit, at("11:00", WEDNESDAY), now=LATER)
    workflow.stop_change(visit.pk, by=PATIENT, now=LATER)
    _retract(visit)


def _begin(visit: Appointment) -> None:
    desk = factories.a_front_desk_person()
    workflow.retract(visit.pk, by=desk, now=at("10:00"))


@pytest.mark.parametrize("act", [_pass, _ask_for_others_and_stop, _begin])
def test_a_wish_that_the_patient_gave_up_or_that_came_too_late_stays_ended(
    visit: Appointment, act: Callable[[Appointment], None]
):
    ask(visit)
    _offer(visit)
    act(visit)
    visit.refresh_from_db()
    assert not visit.wants_change
    assert not visit.proposals.open().exists()
    assert sound()


def test_the_wish_that_was_asked_for_last_is_the_one_that_counts(visit: Appointment):
    ask(visit, THERE)
    _offer(visit)
    ask(visit, ELSEWHERE, now=LATER)
    _retract(visit)
    visit.refresh_from_db()
    assert [choice.start for choice in visit.proposals.wanted()] == [ELSEWHERE]
    assert sound()


def test_who_leaves_the_list_keeps_what_answers_the_wish(visit: Appointment):
    workflow.want_earlier(visit.pk, factories.a_wish(), by=PATIENT, now=NOW)
    ask(visit)
    _offer(visit)
    workflow.stop_wanting(visit.pk, by=PATIENT, now=NOW)
    offered = factories.offered(visit)
    assert offered.reservations.exists()
    moved = workflow.take(visit.pk, offered.pk, by=PATIENT, now=NOW)
    assert moved.start == offered.start
    assert sound()


def test_who_takes_a_later_time_still_waits_for_an_earlier(visit: Appointment):
    workflow.want_earlier(visit.pk, factories.a_wish(), by=PATIENT, now=NOW)
    ask(visit)
    _offer(visit)
    workflow.take(visit.pk, factories.offered(visit).pk, by=PATIENT, now=NOW)
    assert visit.waiting_list_entries.open().exists()
    desk = factories.a_front_desk_person()
    factories.an_offer(visit, THERE, by=desk)
    workflow.take(visit.pk, factories.offered(visit).pk, by=PATIENT, now=NOW)
    assert not visit.waiting_list_entries.open().exists()
    assert sound()


def test_what_the_list_offers_leaves_the_wish(visit: Appointment):
    ask(visit)
    factories.an_offer(visit, at("16:00", WEDNESDAY))
    visit.refresh_from_db()
    assert visit.wants_change
    desk = factories.a_front_desk_person()
    [line] = Desk(NOW).requests
    assert [c.proposal.start for c in line.choices] == [THERE, ELSEWHERE]
    moved = workflow.grant_change(visit.pk, wanted(visit), by=desk, now=NOW)
    assert not moved.proposals.open().exists()
    assert sound()


def test_a_request_for_the_same_time_is_a_rival(visit_type: VisitType):
    visit_type.holds_first_choice = False
    visit_type.save()
    visit = a_booked_visit(visit_type)
    ask(visit, THERE)
    rival = factories.a_request(visit_type, THERE)
    lines = {line.visit: line for line in Desk(NOW).requests}
    assert lines[visit].rivals == {rival.pk}
    assert lines[rival].rivals == {visit.pk}
    desk = factories.a_front_desk_person()
    workflow.accept(rival.pk, factories.choice(rival).pk, by=desk, now=NOW)
    with pytest.raises(TimeTaken), nothing_written():
        workflow.grant_change(visit.pk, wanted(visit), by=desk, now=NOW)
    # A request's own act does not answer it.
    with pytest.raises(NotPossibleNow), nothing_written():
        workflow.decline(visit.pk, reason=DeclineReason.NO_TIME, by=desk, now=NOW)
