"""Staff exchange one resource of a booked visit, and nothing else of it."""

from datetime import timedelta
from typing import Any

import pytest

from booking import integrity, workflow
from booking.availability import Reason, Why
from booking.errors import (
    CannotServe,
    ChangedMeanwhile,
    NotAllowed,
    NotPossibleNow,
    ResourceTaken,
)
from booking.models import Appointment, Resource, VisitType
from booking.policy import Status
from booking.workflow import PATIENT, SYSTEM, By
from tests import factories
from tests.factories import (
    CLINICIAN,
    MACHINE,
    NOW,
    ROOM,
    a_booked_visit,
    a_clinician,
    a_closure,
    a_machine,
    a_practice,
    a_request,
    a_room,
    a_visit_type,
    at,
)
from tests.records import (
    closed_on,
    events_of,
    held_by,
    messages_of,
    nothing_written,
)

pytestmark = pytest.mark.django_db

TEN = at("10:00"), at("10:30")


@pytest.fixture
def desk() -> By:
    return factories.a_front_desk_person("robin")


@pytest.fixture
def visit_type() -> VisitType:
    return a_practice(clinicians=2, rooms=2)


def its(visit: Appointment, kind: str) -> Resource:
    """Return the resource of this kind that the visit takes."""
    return Resource.objects.get(kind=kind, reservations__appointment=visit)


def other(visit: Appointment, kind: str) -> Resource:
    return Resource.objects.filter(kind=kind).exclude(pk=its(visit, kind).pk).get()


def swap(visit: Appointment, kind: str, by: By, **values: Any) -> Appointment:
    """Exchange what the visit takes of the kind for the other one that there is."""
    gives, takes = its(visit, kind), values.pop("takes", None) or other(visit, kind)
    return workflow.swap(visit.pk, gives.pk, takes.pk, by=by, **{"now": NOW} | values)


def instead(visit: Appointment, now: Any = NOW) -> dict[str, list[str]]:
    """Return what could take the place of what, by name."""
    return {
        one.resource.name: [r.name for r in one.instead]
        for one in workflow.swappable(visit, now)
    }


def test_another_room_is_taken_and_the_first_is_free_again(visit_type, desk):
    visit = a_booked_visit(visit_type, at("10:00"))
    before, gave, took = held_by(visit), its(visit, ROOM), other(visit, ROOM)

    after = swap(visit, ROOM, desk)

    assert (after.status, after.version) == (Status.BOOKED, visit.version + 1)
    assert (after.start, after.end) == TEN
    left = [row for row in before if row[0] != gave.pk]
    assert held_by(visit) == sorted([*left, (took.pk, *TEN)])
    assert not gave.reservations.exists()
    assert events_of(visit)[-1] == (3, "swap", "booked", "booked", "staff")
    event = visit.events.latest("version")
    assert (event.user, event.at) == (desk.user, NOW)
    assert event.data["swapped"] == [gave.pk, took.pk]
    assert integrity.faults(NOW) == []


def test_the_patient_is_not_told_of_another_room(visit_type, desk):
    visit = a_booked_visit(visit_type)
    before = messages_of(visit)

    swap(visit, ROOM, desk)

    assert messages_of(visit) == before


def test_nor_of_another_machine(desk):
    a_practice()
    machines = a_machine(), a_machine()
    kinds = (CLINICIAN, ROOM, MACHINE)
    visit = a_booked_visit(a_visit_type(takes=kinds))
    before = messages_of(visit)

    swap(visit, MACHINE, desk)

    assert its(visit, MACHINE) == machines[1]
    assert messages_of(visit) == before


@pytest.mark.parametrize(
    ("contact", "channel"), [({}, "email"), ({"email": ""}, "phone")]
)
def test_the_patient_is_told_that_another_clinician_will_see_them(
    visit_type, desk, contact, channel
):
    patient = factories.patient_details(
        **contact, contact_by="phone" if contact else "email"
    )
    visit = a_booked_visit(visit_type, at("10:00"), patient=patient)

    swap(visit, CLINICIAN, desk)

    assert messages_of(visit)[-1] == ("clinician_changed", channel)
    message = visit.messages.get(kind="clinician_changed")
    assert "Another clinician will see you." in message.text
    assert "Tuesday, November 17, 10:00 AM" in message.text
    assert message.calendar == ""
    assert (message.true_while, message.true_start) == ("booked", at("10:00"))
    assert visit.calendar_sequence == 0
    assert integrity.faults(NOW) == []


def test_the_other_one_takes_its_own_cleaning_time(desk):
    visit_type = a_practice(buffer_after=10)
    a_room(buffer_after=25)
    visit = a_booked_visit(visit_type, at("10:00"))

    swap(visit, ROOM, desk)

    assert (its(visit, ROOM).pk, at("10:00"), at("10:55")) in held_by(visit)
    assert integrity.faults(NOW) == []


def test_a_closure_takes_what_the_visit_gives_back(visit_type, desk):
    visit = a_booked_visit(visit_type, at("10:00"))
    room = its(visit, ROOM)
    a_closure(at("09:00"), at("12:00"), of=room)

    swap(visit, ROOM, desk)

    assert closed_on(room.pk)[0][0] == at("09:00")
    assert sum((b - a for a, b in closed_on(room.pk)), timedelta()) == timedelta(
        hours=3
    )
    assert integrity.faults(NOW) == []


def test_what_is_offered_can_serve_and_is_free(visit_type, desk):
    visit = a_booked_visit(visit_type, at("10:00"))
    clinician, room = its(visit, CLINICIAN), its(visit, ROOM)
    names = {clinician.name: other(visit, CLINICIAN).name}
    third = a_room()

    assert instead(visit) == {
        clinician.name: [names[clinician.name]],
        room.name: [other.name for other in Resource.objects.filter(kind=ROOM)
                    if other != room],
    }  # fmt: skip
    a_booked_visit(visit_type, at("10:00"))
    assert instead(visit) == {clinician.name: [], room.name: [third.name]}
    third.is_active = False
    third.save()
    assert instead(visit) == {clinician.name: [], room.name: []}


def test_who_is_not_there_then_is_not_offered(visit_type, desk):
    visit = a_booked_visit(visit_type, at("10:00"))
    a_clinician(hours=False)
    colleague = other_with_hours(visit)

    assert instead(visit)[its(visit, CLINICIAN).name] == [colleague.name]
    a_closure(at("10:00"), at("10:30"), of=colleague)
    assert instead(visit)[its(visit, CLINICIAN).name] == []


def other_with_hours(visit: Appointment) -> Resource:
    there = Resource.objects.filter(kind=CLINICIAN, hours__isnull=False).distinct()
    return there.exclude(pk=its(visit, CLINICIAN).pk).get()


def test_only_those_that_the_kind_of_visit_names_can_serve(desk):
    a_practice(rooms=1)
    large = a_room(name="Large room")
    visit = a_booked_visit(a_visit_type(suitable=[large]))
    small = other(visit, ROOM)

    assert instead(visit)[large.name] == []
    with nothing_written(), pytest.raises(CannotServe):
        swap(visit, ROOM, desk, takes=small)


def test_a_visit_never_takes_one_resource_twice(desk):
    a_practice(clinicians=2)
    visit = a_booked_visit(a_visit_type(takes=(CLINICIAN, CLINICIAN)))
    first, second = (pk for pk, *_ in held_by(visit))

    for takes in (first, second):
        with nothing_written(), pytest.raises(CannotServe):
            workflow.swap(visit.pk, first, takes, by=desk, now=NOW)


@pytest.mark.parametrize("kinds", [(CLINICIAN, ROOM), (ROOM, CLINICIAN)])
def test_clinician_and_room_that_both_went_are_exchanged_one_after_the_other(
    visit_type, desk, kinds
):
    visit = a_booked_visit(visit_type, at("10:00"))
    gone = [its(visit, kind) for kind in kinds]
    others = [other(visit, kind) for kind in kinds]
    Resource.objects.filter(pk__in=[r.pk for r in gone]).update(is_active=False)
    expected = {r.name: [o.name] for r, o in zip(gone, others, strict=True)}

    assert instead(visit) == expected
    for kind, another in zip(kinds, others, strict=True):
        swap(visit, kind, desk)
        assert its(visit, kind) == another
    assert instead(visit) == {r.name: [] for r in others}
    assert integrity.faults(NOW) == []


def test_so_are_those_that_the_kind_of_visit_no_longer_names(desk):
    a_practice(clinicians=2, rooms=2)
    visit = a_booked_visit(a_visit_type(takes=(CLINICIAN, ROOM)), at("10:00"))
    for kind in (CLINICIAN, ROOM):
        named = visit.visit_type.requirements.get(kind=kind)
        named.suitable.set([other(visit, kind)])

    for kind in (CLINICIAN, ROOM):
        swap(visit, kind, desk)

    assert integrity.faults(NOW) == []


def test_two_that_went_do_not_make_one_of_the_wrong_kind_serve(visit_type, desk):
    visit = a_booked_visit(visit_type, at("10:00"))
    clinician, room = other(visit, CLINICIAN), other(visit, ROOM)
    Resource.objects.filter(reservations__appointment=visit).update(is_active=False)

    for kind, wrong in ((ROOM, clinician), (CLINICIAN, room)):
        with nothing_written(), pytest.raises(CannotServe):
            swap(visit, kind, desk, takes=wrong)


def test_nothing_takes_the_place_of_another_kind(visit_type, desk):
    visit = a_booked_visit(visit_type)

    with nothing_written(), pytest.raises(CannotServe):
        swap(visit, ROOM, desk, takes=other(visit, CLINICIAN))


@pytest.mark.parametrize("why", [Why.IN_USE, Why.CLOSED])
def test_one_that_went_meanwhile_is_refused_with_the_reason(visit_type, desk, why):
    visit = a_booked_visit(visit_type, at("10:00"))
    room = other(visit, ROOM)
    if why == Why.IN_USE:
        a_booked_visit(visit_type, at("10:00"))
        expected = Reason(why, ROOM, room.pk)
    else:
        a_closure(at("10:00"), at("11:00"), of=room)
        expected = Reason(why, "Training day", kind=ROOM)

    with nothing_written(), pytest.raises(ResourceTaken) as refusal:
        swap(visit, ROOM, desk)
    assert refusal.value.params["reason"] == expected


def test_what_somebody_holds_for_a_form_cannot_be_taken(visit_type, desk):
    visit = a_booked_visit(visit_type, at("10:00"))
    workflow.hold(visit_type, at("10:00"), key="somebody", now=NOW)

    with nothing_written(), pytest.raises(ResourceTaken):
        swap(visit, ROOM, desk)


def test_the_same_again_by_the_same_person_is_done_already(visit_type, desk):
    visit = a_booked_visit(visit_type)
    gives, takes = its(visit, CLINICIAN).pk, other(visit, CLINICIAN).pk
    seen = visit.version
    workflow.swap(visit.pk, gives, takes, by=desk, now=NOW, seen_version=seen)

    with nothing_written():
        again = workflow.swap(
            visit.pk, gives, takes, by=desk, now=NOW, seen_version=seen
        )
    assert again.version == seen + 1


def test_a_colleague_who_comes_second_is_refused(visit_type, desk):
    visit = a_booked_visit(visit_type)
    gives, takes = its(visit, ROOM).pk, other(visit, ROOM).pk
    workflow.swap(visit.pk, gives, takes, by=desk, now=NOW)
    colleague = factories.a_front_desk_person("kim")

    for seen in (visit.version, None):
        with nothing_written(), pytest.raises(NotPossibleNow):
            workflow.swap(
                visit.pk, gives, takes, by=colleague, now=NOW, seen_version=seen
            )


def test_it_can_be_exchanged_back(visit_type, desk):
    visit = a_booked_visit(visit_type)
    before = held_by(visit)
    swap(visit, CLINICIAN, desk)

    swap(visit, CLINICIAN, desk)

    assert held_by(visit) == before
    assert integrity.faults(NOW) == []


def test_an_old_page_changes_nothing(visit_type, desk):
    visit = a_booked_visit(visit_type)

    with nothing_written(), pytest.raises(ChangedMeanwhile):
        swap(visit, ROOM, desk, seen_version=visit.version - 1)


def test_a_visit_that_has_begun_stays_as_it_is(visit_type, desk):
    visit = a_booked_visit(visit_type, at("10:00"))

    assert instead(visit, at("10:00")) == {}
    with nothing_written(), pytest.raises(NotPossibleNow):
        swap(visit, ROOM, desk, now=at("10:00"))


def test_a_request_has_nothing_to_exchange(visit_type, desk):
    visit = a_request(visit_type)

    assert instead(visit) == {}
    with nothing_written(), pytest.raises(NotPossibleNow):
        swap(visit, ROOM, desk)


@pytest.mark.parametrize("by", [PATIENT, SYSTEM])
def test_only_staff_exchange(visit_type, by):
    visit = a_booked_visit(visit_type)

    with nothing_written(), pytest.raises(NotAllowed):
        swap(visit, ROOM, by)


def test_what_an_offer_keeps_is_left_alone(visit_type, desk):
    visit = a_booked_visit(visit_type, at("15:00"))
    workflow.want_earlier(visit.pk, factories.a_wish(), by=PATIENT, now=NOW)
    factories.an_offer(visit, at("10:00"))
    kept = set(visit.reservations.exclude(expires_at=None).values_list())
    mine = visit.reservations.get(resource__kind=ROOM, expires_at=None).resource
    takes = Resource.objects.filter(kind=ROOM).exclude(pk=mine.pk).get()

    workflow.swap(visit.pk, mine.pk, takes.pk, by=desk, now=NOW)

    assert set(visit.reservations.exclude(expires_at=None).values_list()) == kept
    assert integrity.faults(NOW) == []
