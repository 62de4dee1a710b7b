"""Who acts on a page that a colleague has overtaken is told what changed, and by whom.

Nothing is written then, and what was typed is still there. Every act of the desk is
tried after everything that a colleague can have done to the visit meanwhile.
"""

import html
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from time_machine import Traveller

from booking import policy, workflow
from booking.admin.appointment import AppointmentAdmin
from booking.front_desk import FrontDeskSite
from booking.models import Appointment, Message, Resource
from booking.policy import DeclineReason
from booking.words import as_value
from booking.workflow import By, Contact
from tests.factories import (
    NOW,
    ROOM,
    a_booked_visit,
    a_practice,
    a_request,
    an_offer,
    at,
    choice,
    offered,
    patient_details,
    somebody_waiting,
)
from tests.records import nothing_written

from .desk import a_colleague, address, said, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LATER = NOW + timedelta(minutes=5)
TYPED = "Bring your <papers> & the card."
NOTES = {"note": TYPED, "private_note": "She called twice.", "send": ""}
Data = dict[str, Any]


# --- The visits, and what a colleague can do to each -------------------------------


def requested() -> Appointment:
    return a_request(a_practice(rooms=2), at("10:00"))


def booked() -> Appointment:
    return a_booked_visit(a_practice(rooms=2), at("10:00"))


def waiting() -> Appointment:
    return somebody_waiting(a_practice(rooms=2))


def with_an_offer() -> Appointment:
    return an_offer(requested(), at("12:00"), by=by_ben())


def today() -> Appointment:
    monday = NOW.date()
    last_week = NOW - timedelta(days=7)
    return a_booked_visit(a_practice(), at("10:00", monday), now=last_week)


def wishing() -> Appointment:
    start = at("12:00")
    return workflow.ask_change(booked().pk, [start], by=workflow.PATIENT, now=NOW)


def wanting() -> Appointment:
    visit = booked()
    wish = somebody_waiting(visit.visit_type).waiting_list_entries.get().wish
    return workflow.want_earlier(visit.pk, wish, by=workflow.PATIENT, now=NOW)


def by_ben() -> By:
    return By.staff(User.objects.get(username="ben"))


def rooms_of(visit: Appointment) -> tuple[int, int]:
    """Return the room that the visit takes, and the other one."""
    mine = visit.reservations.get(resource__kind=ROOM).resource_id
    return mine, Resource.objects.filter(kind=ROOM).exclude(pk=mine).get().pk


MEANWHILE: dict[str, Callable[[Appointment], object]] = {
    "Accepted": lambda v: workflow.accept(v.pk, choice(v).pk, by=by_ben(), now=LATER),
    "Declined": lambda v: workflow.decline(
        v.pk, reason=DeclineReason.NO_TIME, by=by_ben(), now=LATER
    ),
    "Request withdrawn": lambda v: workflow.cancel(v.pk, by=by_ben(), now=LATER),
    "Cancelled": lambda v: workflow.cancel(v.pk, by=by_ben(), now=LATER),
    "Left the waiting list": lambda v: workflow.cancel(v.pk, by=by_ben(), now=LATER),
    "Offered": lambda v: an_offer(v, at("15:00"), by=by_ben(), now=LATER),
    "Offer taken back": lambda v: workflow.retract(v.pk, by=by_ben(), now=LATER),
    "Took the offer": lambda v: workflow.take(
        v.pk, offered(v).pk, by=by_ben(), now=LATER
    ),
    "Moved": lambda v: workflow.move(v.pk, at("14:00"), by=by_ben(), now=LATER),
    "Exchanged": lambda v: workflow.swap(v.pk, *rooms_of(v), by=by_ben(), now=LATER),
    "More visits booked": lambda v: workflow.book_series(
        v.pk, [v.start or at("10:00"), at("10:00") + timedelta(days=7)],
        by=by_ben(), now=LATER, key=uuid.uuid4(),
    ),
    "Arrived": lambda v: workflow.attend(
        v.pk, policy.Act.ARRIVE, by=by_ben(), now=LATER
    ),
    "No longer asks": lambda v: workflow.stop_change(v.pk, by=by_ben(), now=LATER),
    "No other time": lambda v: workflow.refuse_change(
        v.pk, reason=policy.ChangeRefusal.NEEDS_CALL, by=by_ben(), now=LATER
    ),
    "Contact put right": lambda v: workflow.correct_contact(
        v.patient_id, replace(Contact.of(v.patient), phone="+12125550177"),
        by=by_ben(), now=LATER, seen=Contact.of(v.patient).digest(),
    ),
    "No longer wants": lambda v: workflow.stop_wanting(v.pk, by=by_ben(), now=LATER),
}  # fmt: skip


REQUESTED = ("Accepted", "Declined", "Request withdrawn", "Offered")
BOOKED = (
    "Contact put right", "Cancelled", "Moved", "Exchanged", "More visits booked",
    "Offered",
)  # fmt: skip
WISHED = ("Cancelled", "Moved", "Offered", "No longer asks", "No other time")
OFFERED = ("Took the offer", "Offer taken back", "Declined")


# --- What the buttons send ---------------------------------------------------------


def of_choice(visit: Appointment) -> Data:
    return {"proposal": choice(visit).pk}


def of_wish(visit: Appointment) -> Data:
    return {"proposal": visit.proposals.wanted().get().pk}


def of_offer(visit: Appointment) -> Data:
    return {"proposal": offered(visit).pk}


def of_exchange(visit: Appointment) -> Data:
    return {"swap": "{}-{}".format(*rooms_of(visit))}


def of_series(visit: Appointment) -> Data:
    first = {"first": choice(visit).pk} if visit.start is None else {}
    week = as_value((visit.start or at("10:00")) + timedelta(days=7))
    return first | {"count": 2, "weeks": 1, "visit_2": week, "form_key": uuid.uuid4()}


def of_task(visit: Appointment) -> Data:
    return {"task": "answer", "to": User.objects.get(username="ana").pk, "seen": 0}


def same(**data: Any) -> Callable[[Appointment], Data]:
    return lambda visit: dict(data)


def when(name: str, start: datetime, **more: Any) -> Callable[[Appointment], Data]:
    return same(**{name: as_value(start)}, send="", **more)


Act = tuple[str, Callable[[], Appointment], Callable[[Appointment], Data], Any]
ACTS: list[Act] = [
    ("accept", requested, of_choice, REQUESTED),
    ("decline", requested, same(reason="no_time", **NOTES), REQUESTED),
    ("decline", with_an_offer, same(reason="no_time", **NOTES), OFFERED),
    ("accept", wishing, of_wish, WISHED),
    ("decline", wishing, same(reason="no_time", **NOTES), WISHED),
    ("cancel", requested, same(**NOTES), REQUESTED),
    ("cancel", booked, same(reason="clinic", **NOTES), BOOKED),
    ("cancel", waiting, same(**NOTES), ("Left the waiting list", "Offered")),
    ("cancel", with_an_offer, same(reason="clinic", **NOTES), OFFERED),
    ("series", requested, of_series, REQUESTED),
    ("series", booked, of_series, BOOKED),
    ("swap", booked, of_exchange, BOOKED),
    ("move", booked, when("start", at("11:00"), clinician=""), BOOKED),
    ("offer", with_an_offer, of_offer, OFFERED),
    ("offer", with_an_offer, same(**{"pass": ""}), OFFERED),
    ("offer", with_an_offer, same(retract=""), ("Took the offer", "Declined")),
    ("propose", requested, when("starts", at("11:00"), hours=24), REQUESTED),
    ("propose", booked, when("starts", at("11:00"), hours=24), BOOKED),
    ("propose", waiting, when("starts", at("11:00"), hours=24),
     ("Left the waiting list", "Offered")),
    ("attend", today, same(move="not_yet"), ("Cancelled", "Arrived")),
    ("attend", today, same(move="arrive"), ("Cancelled",)),
    ("paper", booked, same(kind="card", state="done"), ("Cancelled",)),
    ("waiting", wanting, same(), ("Cancelled", "Moved")),
    ("owner", requested, of_task, REQUESTED),
]  # fmt: skip
STALE = [
    pytest.param(*act[:3], meanwhile, id=f"{act[0]}-{act[1].__name__}-{meanwhile}")
    for act in ACTS
    for meanwhile in act[3]
]


@pytest.fixture(autouse=True)
def ben(db: None) -> None:
    a_colleague(username="ben", first_name="Ben", last_name="Demo")


@pytest.mark.parametrize(("act", "make", "sends", "meanwhile"), STALE)
def test_a_stale_screen_is_told_what_changed_by_whom_and_when(
    desk: Client,
    clock: Traveller,
    act: str,
    make: Callable[[], Appointment],
    sends: Callable[[Appointment], Data],
    meanwhile: str,
) -> None:
    visit = make()
    seen = {"seen_version": visit.version, "back": "/admin/"}
    data = sends(visit) | seen
    clock.shift(timedelta(minutes=5))
    MEANWHILE[meanwhile](visit)
    clock.shift(timedelta(minutes=5))

    with nothing_written():
        response = desk.post(address(act, visit), data)

    [words] = said(response)
    assert meanwhile in words
    assert "by Ben Demo, today 9:05 AM" in words
    page = response if response.status_code == 200 else desk.get("/admin/")
    assert " ".join(words.split()) in text_of(page)
    if TYPED in data.values():
        assert html.escape(TYPED) in page.text
        assert NOTES["private_note"] in page.text
    visit.refresh_from_db()
    if f'name="seen_version" value="{visit.version}"' in response.text:
        # Who looks and decides again is not told the same once more.
        again = desk.post(address(act, visit), data | {"seen_version": visit.version})
        assert "has changed since" not in " ".join(said(again))


def test_every_act_of_the_desk_on_a_visit_is_among_these(desk: Client) -> None:
    site = FrontDeskSite()
    # How long a record is kept, and who can open it, do not depend on what happened.
    pages = {"find", "phone", "script", "letter", "change", "hold", "link"}
    routes = AppointmentAdmin(Appointment, site).get_urls()
    names = {
        str(route.name).removeprefix("booking_appointment_")
        for route in routes
        if "<int:pk>" in str(route.pattern)
    }
    assert {act[0] for act in ACTS} == names - pages


@pytest.mark.parametrize("meanwhile", ["Accepted", "Declined", "Request withdrawn"])
@pytest.mark.parametrize("action", ["accept_first_choices", "decline_selected"])
def test_a_bulk_act_tells_it_of_each_row(
    desk: Client, clock: Traveller, action: str, meanwhile: str
) -> None:
    visit = requested()
    clock.shift(timedelta(minutes=5))
    MEANWHILE[meanwhile](visit)
    clock.shift(timedelta(minutes=5))
    data = {"action": action, "_selected_action": visit.pk, "reason": "no_time"}
    with nothing_written():
        response = desk.post("/admin/booking/appointment/", data | NOTES)
    [words] = said(response)
    assert words.startswith(visit.reference)
    assert meanwhile in words
    assert "by Ben Demo, today 9:05 AM" in words


def test_a_call_that_a_colleague_made_is_said_to_be_his(
    desk: Client, clock: Traveller
) -> None:
    visit = a_booked_visit(a_practice(), at("10:00"), patient=patient_details(email=""))
    message = Message.objects.phone_these_people().filter(appointment=visit)[0]
    assert by_ben().user
    message.called_by, message.called_at = by_ben().user, LATER
    message.save()
    with nothing_written():
        response = desk.post(f"/admin/calls/{message.pk}/")
    assert said(response) == [
        f"{visit.reference}: Ben Demo called already, at Monday, 9:05 AM."
    ]
