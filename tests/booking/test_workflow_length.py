"""What was asked for, offered or agreed lasts as long as was said then.

Whatever the clinic makes of the visit type since: else somebody else could have the end
of a visit, or nobody a time that is kept for them.
"""

import uuid
from collections.abc import Callable

import pytest
from django.test import Client

from booking import integrity, links, queue, waiting_list, workflow
from booking.models import Appointment, VisitType
from booking.workflow import PATIENT
from tests import factories
from tests.factories import NOW, a_booked_visit, a_practice, a_request, at

pytestmark = pytest.mark.django_db

Agree = Callable[[VisitType, Callable[[], object]], Appointment]


def accepted(visit_type: VisitType, change: Callable[[], object]) -> Appointment:
    visit, desk = a_request(visit_type, at("10:00")), factories.a_front_desk_person()
    change()
    return workflow.accept(visit.pk, factories.choice(visit).pk, by=desk, now=NOW)


def taken(visit_type: VisitType, change: Callable[[], object]) -> Appointment:
    visit = factories.an_offer(factories.somebody_waiting(visit_type), at("10:00"))
    change()
    return workflow.take(visit.pk, factories.offered(visit).pk, by=PATIENT, now=NOW)


def granted(visit_type: VisitType, change: Callable[[], object]) -> Appointment:
    visit = a_booked_visit(visit_type, at("15:00"))
    desk = factories.a_front_desk_person()
    workflow.ask_change(visit.pk, [at("10:00")], by=PATIENT, now=NOW)
    change()
    wished = visit.proposals.wanted().get()
    return workflow.grant_change(visit.pk, wished.pk, by=desk, now=NOW)


def first_of_a_series(
    visit_type: VisitType, change: Callable[[], object]
) -> Appointment:
    visit, desk = a_request(visit_type, at("10:00")), factories.a_front_desk_person()
    change()
    starts = [at("10:00"), at("10:30", factories.WEDNESDAY)]
    return workflow.book_series(visit.pk, starts, by=desk, now=NOW, key=uuid.uuid4())[0]


def changing(visit_type: VisitType, **values: int) -> Callable[[], object]:
    return lambda: VisitType.objects.filter(pk=visit_type.pk).update(**values)


@pytest.mark.parametrize("agree", [accepted, taken, granted, first_of_a_series])
@pytest.mark.parametrize("changed", [{"duration": 15}, {"duration": 60, "step": 35}])
def test_it_takes_all_the_time_that_was_said_and_no_more(agree: Agree, changed):
    visit_type = a_practice(duration=30, buffer_after=5)

    visit = agree(visit_type, changing(visit_type, **changed))

    assert (visit.start, visit.end, visit.minutes) == (at("10:00"), at("10:30"), 30)
    held = visit.reservations.values_list("start", "end")
    assert set(held) == {(at("10:00"), at("10:35"))}
    assert integrity.faults(NOW) == []


def test_an_hour_is_kept_though_only_half_of_it_is_free_of_others():
    """What the patient was promised fits; what it would be by now does not."""
    visit_type = a_practice(duration=30)
    a_booked_visit(visit_type, at("10:30"))

    visit = taken(visit_type, changing(visit_type, duration=60))

    assert visit.end == at("10:30")


def test_the_desk_and_the_list_see_what_the_lock_will_see():
    visit_type = a_practice(duration=30)
    a_booked_visit(visit_type, at("10:30"))
    asked = a_request(visit_type, at("10:00"))
    offer = factories.an_offer(
        factories.somebody_waiting(visit_type), at("11:00")
    ).proposals.get()
    a_booked_visit(visit_type, at("11:30"))
    changing(visit_type, duration=60)()

    [request] = queue.judge([Appointment.objects.get(pk=asked.pk)], NOW)
    assert [choice.is_free for choice in request.choices] == [True]
    assert waiting_list.went([offer], NOW) == set()


@pytest.mark.usefixtures("clock")
def test_patients_read_how_long_their_own_visit_lasts(client: Client):
    visit_type = a_practice(duration=30)
    visit = a_booked_visit(visit_type, at("10:00"))
    changing(visit_type, duration=60)()

    page = client.get(f"/appointments/{links.issue(visit, now=NOW)}/", follow=True)

    assert "30 minutes" in page.text
    assert "60 minutes" not in page.text
