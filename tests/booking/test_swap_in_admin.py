"""The front desk exchanges the clinician, room or machine of a booked visit."""

import re

import pytest
import time_machine

from booking import workflow
from booking.models import Appointment, Resource
from tests import factories
from tests.chromium import assert_good_for_everybody
from tests.factories import (
    CLINICIAN,
    NOW,
    ROOM,
    a_booked_visit,
    a_practice,
    a_request,
    at,
)
from tests.records import messages_of, nothing_written

from .desk import said

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LIST = "/admin/booking/appointment/"


@pytest.fixture
def visit() -> Appointment:
    return a_booked_visit(a_practice(clinicians=2, rooms=2), at("10:00"))


def page_of(visit: Appointment) -> str:
    return f"{LIST}{visit.pk}/swap/"


def pair(visit: Appointment, kind: str) -> tuple[Resource, Resource]:
    gives = Resource.objects.get(kind=kind, reservations__appointment=visit)
    return gives, Resource.objects.filter(kind=kind).exclude(pk=gives.pk).get()


def sent(visit: Appointment, kind: str) -> dict[str, str | int]:
    gives, takes = pair(visit, kind)
    return {"swap": f"{gives.pk}-{takes.pk}", "seen_version": visit.version}


def offered_on(page: str) -> list[str]:
    return re.findall(r'name="swap" value="([0-9-]+)"', page)


def test_the_visit_has_a_way_to_the_page_until_it_begins(desk, visit):
    change = f"{LIST}{visit.pk}/change/"

    assert page_of(visit) in desk.get(change).text
    with time_machine.travel(at("10:00"), tick=False):
        assert page_of(visit) not in desk.get(change).text
    request = a_request(visit.visit_type, at("11:00"))
    assert page_of(request) not in desk.get(f"{LIST}{request.pk}/change/").text


def test_only_what_can_serve_and_is_free_is_shown(desk, visit):
    page = desk.get(page_of(visit))

    assert page.status_code == 200
    assert offered_on(page.text) == [sent(visit, k)["swap"] for k in (CLINICIAN, ROOM)]
    assert "The patient is told that another clinician will see them." in page.text
    a_booked_visit(visit.visit_type, at("10:00"))
    page = desk.get(page_of(visit))
    assert offered_on(page.text) == []
    assert page.text.count("Nothing else is free then.") == 2
    assert "Exchange it" not in page.text
    assert page_of(visit).replace("/swap/", "/move/") in page.text
    assert "The patient is told" not in page.text


def test_the_button_exchanges_and_says_so(desk, visit):
    gave, took = pair(visit, CLINICIAN)

    answer = desk.post(page_of(visit), sent(visit, CLINICIAN), follow=True)

    assert answer.redirect_chain == [(f"{LIST}{visit.pk}/change/", 302)]
    assert said(answer) == [
        f"{visit.reference}: exchanged {gave} for {took}; stays booked for Tuesday,"
        " November 17, 10:00 AM."
    ]
    assert f"Exchanged: {gave} for {took}" in answer.text
    assert messages_of(visit)[-1] == ("clinician_changed", "email")


def test_with_nothing_chosen_nothing_is_done(desk, visit):
    for swap in ("", "1", "x-y", f"{'9' * 30}-1"):
        with nothing_written():
            answer = desk.post(page_of(visit), {"swap": swap, "seen_version": 2})
        assert said(answer) == ["Choose what to take instead."]
        assert offered_on(answer.text)


def test_who_was_slower_is_shown_what_is_left(desk, visit):
    factories.a_room()
    gives = Resource.objects.get(kind=ROOM, reservations__appointment=visit)
    rooms = Resource.objects.filter(kind=ROOM).exclude(pk=gives.pk).order_by("order")
    first, second = rooms
    theirs = a_booked_visit(visit.visit_type, at("10:00"))  # takes the first

    with nothing_written():
        answer = desk.post(
            page_of(visit),
            {"swap": f"{gives.pk}-{first.pk}", "seen_version": visit.version},
        )

    [words] = said(answer)
    assert words.startswith(
        f"{visit.reference}: That one has just been taken. Nothing was changed; choose"
        f" another of those shown. {theirs.reference} has it: Accepted: "
    )
    assert offered_on(answer.text) == [f"{gives.pk}-{second.pk}"]


def test_what_was_closed_meanwhile_is_not_said_to_be_taken(desk, visit):
    data = sent(visit, ROOM)
    _gave, took = pair(visit, ROOM)
    factories.a_closure(at("09:00"), at("12:00"), of=took, reason="Painting")

    with nothing_written():
        answer = desk.post(page_of(visit), data)

    assert said(answer) == [
        f"{visit.reference}: That one cannot be had: closed: Painting. Nothing was"
        " changed; choose another of those shown."
    ]


def test_a_colleague_who_was_faster_is_named(desk, visit):
    data = sent(visit, ROOM)
    gave, took = pair(visit, ROOM)
    kim = factories.a_front_desk_person("kim")
    workflow.swap(visit.pk, gave.pk, took.pk, by=kim, now=NOW)

    with nothing_written():
        answer = desk.post(page_of(visit), data)

    (words,) = said(answer)
    assert words.startswith(f"{visit.reference}: This visit has changed since")
    assert words.endswith(f"Exchanged: {gave} for {took} by kim, today 9:00 AM.")
    assert offered_on(answer.text)


def test_a_visit_that_was_cancelled_meanwhile_has_nothing_to_exchange(desk, visit):
    data = sent(visit, ROOM)
    workflow.cancel(visit.pk, by=workflow.PATIENT, now=NOW)

    with nothing_written():
        answer = desk.post(page_of(visit), data, follow=True)
        looked = desk.get(page_of(visit), follow=True)

    for page in (answer, looked):
        assert page.redirect_chain == [(f"{LIST}{visit.pk}/change/", 302)]
        (words,) = said(page)
        assert words.startswith(f"{visit.reference}: Somebody was faster.")


@pytest.mark.either_database
def test_the_page_can_be_used_by_everybody(desk, visit):
    pages = {page_of(visit): desk.get(page_of(visit)).text}
    assert_good_for_everybody(pages)
