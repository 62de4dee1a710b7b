"""Which acts start from which states, who may do them, and what goes wrong."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import product

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from booking import workflow
from booking.errors import NotAllowed, NotPossibleNow, TimeTaken
from booking.models import Appointment, Patient, Proposal, Reservation, Resource
from booking.policy import TRANSITIONS, Act, Actor, DeclineReason, Status
from booking.workflow import PATIENT, SYSTEM, By
from booking.workflow.road import act
from booking.workflow.waiting import start_waiting
from tests import factories
from tests.factories import NOW, a_practice, a_request, at, choice
from tests.records import events_of, nothing_written

pytestmark = pytest.mark.django_db

Do = Callable[[Appointment, By], Appointment]


def recording(move: Act) -> Do:
    """Return what records it when the visit has begun."""
    return lambda visit, by: workflow.attend(visit.pk, move, by=by, now=at("10:00"))


ACTS: dict[str, tuple[Do, set[Act]]] = {
    "accept": (
        lambda visit, by: workflow.accept(visit.pk, choice(visit).pk, by=by, now=NOW),
        {Act.ACCEPT},
    ),
    "decline": (
        lambda visit, by: workflow.decline(
            visit.pk, reason=DeclineReason.NO_TIME, by=by, now=NOW
        ),
        {Act.DECLINE},
    ),
    "cancel": (
        lambda visit, by: workflow.cancel(visit.pk, by=by, now=NOW),
        {Act.WITHDRAW, Act.CANCEL, Act.LEAVE},
    ),
    "leave": (
        lambda visit, by: workflow.leave(visit.pk, by=by, now=NOW),
        {Act.LEAVE},
    ),
    "want_earlier": (
        lambda visit, by: workflow.want_earlier(
            visit.pk, factories.a_wish(part="morning"), by=by, now=NOW
        ),
        {Act.WANT_EARLIER},
    ),
    "stop_wanting": (
        lambda visit, by: workflow.stop_wanting(visit.pk, by=by, now=NOW),
        {Act.STOP_WANTING},
    ),
    "offer": (
        lambda visit, by: workflow.offer(
            visit.pk, [at("12:00")], expires_at=at("11:00"), by=by, now=NOW
        ),
        {Act.OFFER},
    ),
    "take": (
        lambda visit, by: workflow.take(visit.pk, clinics(visit).pk, by=by, now=NOW),
        {Act.TAKE},
    ),
    "pass": (
        lambda visit, by: workflow.pass_(visit.pk, by=by, now=NOW),
        {Act.PASS},
    ),
    "retract": (
        lambda visit, by: workflow.retract(visit.pk, by=by, now=NOW),
        {Act.RETRACT},
    ),
    "arrive": (recording(Act.ARRIVE), {Act.ARRIVE}),
    "not_yet": (recording(Act.NOT_YET), {Act.NOT_YET}),
    "complete": (recording(Act.COMPLETE), {Act.COMPLETE}),
    "miss": (recording(Act.MISS), {Act.MISS}),
}
ABOUT_OFFERS = {"take", "pass", "retract"}
WAITING = {Status.WAITLIST, Status.PROPOSED}


def clinics(visit: Appointment) -> Proposal:
    """Return the time that the clinic offers, or any that the patient asked for."""
    return visit.proposals.order_by("by").first()


def in_state(status: Status, name: str = "") -> Appointment:
    """Return a request that was put into the state by hand: not every act is built.

    Who waits is on the list, and has the offer that the act called `name` is about.
    """
    visit = a_request(a_practice(), at("10:00"))
    visit.status = status
    visit.cancellation_reason = "expired" if status == Status.CANCELLED else ""
    visit.start, visit.end = at("10:00"), at("10:30")
    visit.save()
    if status in WAITING or (status == Status.BOOKED and name == "stop_wanting"):
        start_waiting(visit, factories.a_wish(), NOW)
    if status == Status.PROPOSED or (status == Status.BOOKED and name in ABOUT_OFFERS):
        visit.proposals.create(
            by=Proposal.By.CLINIC, start=at("11:00"), end=at("11:30"), rank=1,
            expires_at=at("10:00"),
        )  # fmt: skip
    return visit


@pytest.mark.parametrize(("name", "status"), [*product(ACTS, Status)])
def test_an_act_starts_only_from_the_states_that_are_listed(name, status):
    do, moves = ACTS[name]
    visit, desk = in_state(status, name), factories.a_front_desk_person()
    legal = {m for m in moves if status in TRANSITIONS[m].sources}

    if legal:
        do(visit, desk)
        visit.refresh_from_db()
        ((_, act, source, target, actor),) = events_of(visit)[1:]
        assert (source, target, actor) == (status, visit.status, "staff")
        assert act in legal
        assert (source, target) in TRANSITIONS[Act(act)].moves
    elif name in ("cancel", "leave") and status == Status.CANCELLED:
        with nothing_written():
            assert do(visit, desk) == visit
    else:
        with nothing_written(), pytest.raises(NotPossibleNow):
            do(visit, desk)


def test_no_move_leads_out_of_a_state_that_is_an_end():
    ends = {Status.CANCELLED, Status.ENTERED_IN_ERROR}

    assert [m for m, edge in TRANSITIONS.items() if edge.sources & ends] == []


def test_what_became_of_a_visit_is_only_put_right():
    known = {Status.FULFILLED, Status.NOSHOW}
    moves = {move for edge in TRANSITIONS.values() for move in edge.moves}

    assert {(source, to) for source, to in moves if source in known} == {
        (Status.FULFILLED, Status.NOSHOW),
        (Status.NOSHOW, Status.FULFILLED),
    }


# --- Who -------------------------------------------------------------------------


def somebody_without_the_right() -> By:
    return By.staff(User.objects.create_user("content-editor", is_staff=True))


def staff_without_a_name() -> By:
    return By(Actor.STAFF)


@pytest.mark.parametrize(
    ("name", "who"),
    [
        *product(
            ACTS, [lambda: SYSTEM, somebody_without_the_right, staff_without_a_name]
        ),
        ("accept", lambda: PATIENT),
        ("decline", lambda: PATIENT),
        ("offer", lambda: PATIENT),
        ("retract", lambda: PATIENT),
    ],
)
def test_who_has_no_right_changes_nothing(name, who):
    do, _ = ACTS[name]
    visit, by = a_request(), who()

    with nothing_written(), pytest.raises(NotAllowed):
        do(visit, by)


def test_a_colleague_who_has_left_has_no_right_any_more():
    visit, desk = a_request(), factories.a_front_desk_person()
    User.objects.filter(pk=desk.user.pk).update(is_active=False)
    desk = By.staff(User.objects.get(pk=desk.user.pk))

    with nothing_written(), pytest.raises(NotAllowed):
        workflow.accept(visit.pk, choice(visit).pk, by=desk, now=NOW)


# --- What goes wrong -------------------------------------------------------------


@act
def forget_the_lock(resource: Resource) -> None:
    Patient.objects.create(birth_date_text="1980-01-01")
    Reservation.objects.create(
        resource=resource,
        start=at("10:15"),
        end=at("10:45"),
        hold_key="forgetful",
        expires_at=NOW + timedelta(minutes=15),
    )


def test_code_that_forgets_the_lock_is_told_that_the_time_is_taken():
    a_request(a_practice(), at("10:00"))

    with nothing_written(), pytest.raises(TimeTaken) as refusal:
        forget_the_lock(Resource.objects.first())

    assert isinstance(refusal.value.__cause__, IntegrityError)


@act
def contradict(visit: Appointment) -> None:
    Appointment.objects.filter(pk=visit.pk).update(status="nonsense")


def test_a_mistake_of_ours_is_not_called_a_lost_race():
    visit = a_request()

    with nothing_written(), pytest.raises(IntegrityError):
        contradict(visit)


@act
def copy_with(visit: Appointment, references: Iterator[str]) -> None:
    visit.pk, visit._state.adding = None, True
    visit.reference = next(references)
    visit.uid, visit.request_key = uuid.uuid4(), uuid.uuid4()
    visit.save()


def test_a_reference_that_was_already_given_out_is_drawn_again():
    visit = a_request()

    copy_with(visit, iter([visit.reference, visit.reference, "NEWW-NEWW"]))

    assert Appointment.objects.filter(reference="NEWW-NEWW").count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_act_is_a_transaction_of_its_own():
    visit_type = a_practice()

    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        a_request(visit_type)

    assert Appointment.objects.count() == 0
