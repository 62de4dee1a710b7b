"""What waits for a person, who has it, and how it goes from hand to hand."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booking import integrity, tasks, workflow
from booking.errors import (
    CannotTakeOn,
    DoneMeanwhile,
    NotAllowed,
    NotPossibleNow,
    TakenOn,
)
from booking.models import Appointment, AuditEvent, Claim, VisitType
from booking.tasks import Whose
from booking.workflow import By
from tests import factories
from tests.factories import NOW, at
from tests.records import nothing_written

from .desk import a_colleague, address, said, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

Task = Claim.Task
DESK, TASKS = "/admin/", "/admin/tasks/"
LATER = NOW + timedelta(minutes=20)


@pytest.fixture
def ana(desk: Client) -> User:
    """Give who is signed in at the desk."""
    return User.objects.get(username="ana")


@pytest.fixture
def ben(db: None) -> User:
    return a_colleague(username="ben", first_name="Ben", last_name="Demo")


def entrust(visit: Appointment, to: User | None, by: User, **values: Any) -> bool:
    values = {"task": Task.ANSWER, "now": NOW} | values
    return workflow.entrust(visit.pk, to=to, by=By.staff(by), **values)


def owner_of(visit: Appointment, task: Task = Task.ANSWER) -> User | None:
    claim = tasks.owners([visit]).get((visit.pk, task))
    return claim.user if claim else None


def pressed(visit: Appointment, to: User | None, **values: Any) -> dict[str, Any]:
    """Return what the buttons beside a task send."""
    sent = {"task": "answer", "to": to.pk if to else "nobody", "seen": 0, "back": DESK}
    return sent | values


def a_visit_of_yesterday() -> Appointment:
    start = NOW - timedelta(days=3) + timedelta(hours=1)  # a Friday
    visit_type = factories.a_practice()
    return factories.a_booked_visit(visit_type, start, now=NOW - timedelta(days=10))


# --- Taking it on, handing it over, letting it go ---------------------------------


def test_a_task_goes_from_hand_to_hand(ana: User, ben: User) -> None:
    visit = factories.a_request()

    assert entrust(visit, ana, by=ana)
    mine = Claim.objects.get()
    assert entrust(visit, ben, by=ana, seen=mine.pk, now=LATER)
    theirs = Claim.objects.latest("pk")
    assert owner_of(visit) == ben
    assert entrust(visit, None, by=ben, seen=theirs.pk, now=LATER)

    assert owner_of(visit) is None
    assert list(Claim.objects.values_list("user", "by", "since", "until")) == [
        (ana.pk, ana.pk, NOW, LATER),
        (ben.pk, ana.pk, LATER, LATER),
    ]
    visit.refresh_from_db()
    assert (visit.version, visit.events.count()) == (1, 1)
    assert integrity.faults(LATER) == []


def test_done_again_it_is_done_once(ana: User, ben: User) -> None:
    visit = factories.a_request()
    entrust(visit, ana, by=ana)
    mine = Claim.objects.get().pk
    with nothing_written():
        assert not entrust(visit, ana, by=ana)
    entrust(visit, ben, by=ana, seen=mine)
    with nothing_written():
        assert not entrust(visit, ben, by=ana, seen=mine)
    entrust(visit, None, by=ben, seen=Claim.objects.latest("pk").pk)
    with nothing_written():
        assert not entrust(visit, None, by=ben, seen=mine)


def test_who_was_slower_is_told_who_has_it(desk: Client, ana: User, ben: User) -> None:
    visit = factories.a_request()
    entrust(visit, ben, by=ben)
    with nothing_written(), pytest.raises(TakenOn):
        entrust(visit, ana, by=ana, now=LATER)

    response = desk.post(address("owner", visit), pressed(visit, ana))

    assert said(response) == [
        f"{visit.reference}: Ben Demo has it, since today 9:00 AM."
    ]
    assert owner_of(visit) == ben


def test_nobody_is_given_what_does_not_wait_or_what_they_cannot_do(
    ana: User, ben: User
) -> None:
    editor = a_colleague("Content editor", username="ed")
    visit = factories.a_request()
    with nothing_written():
        with pytest.raises(NotAllowed):
            entrust(visit, editor, by=editor)
        with pytest.raises(CannotTakeOn):
            entrust(visit, editor, by=ana)
        with pytest.raises(DoneMeanwhile):
            entrust(visit, ana, by=ana, task=Task.CALL)
        for task in (Task.PAPER, Task.OUTCOME):
            with pytest.raises(NotPossibleNow):
                entrust(visit, ana, by=ana, task=task)


def test_another_time_that_is_asked_for_is_somebodys_task(ana: User) -> None:
    visit = factories.a_booked_visit()
    with pytest.raises(NotPossibleNow):
        entrust(visit, ana, by=ana)
    workflow.ask_change(visit.pk, [at("15:00")], by=workflow.PATIENT, now=NOW)
    assert entrust(visit, ana, by=ana)


@pytest.mark.parametrize(
    "leave",
    [
        lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
        lambda user: user.groups.clear(),
    ],
    ids=["inactive", "without the right"],
)
def test_who_leaves_frees_what_they_had(
    ana: User, ben: User, leave: Callable[[User], object]
) -> None:
    visit = factories.a_request()
    entrust(visit, ben, by=ben)

    leave(ben)

    assert owner_of(visit) is None
    assert entrust(visit, ana, by=ana, now=LATER)
    assert list(Claim.objects.values_list("user", "until")) == [
        (ben.pk, LATER),
        (ana.pk, None),
    ]


def test_a_claim_ends_with_the_last_task_of_its_visit(
    desk: Client, ana: User, ben: User
) -> None:
    visit = factories.a_request(patient=factories.patient_details(email=""))
    entrust(visit, ben, by=ben)
    workflow.cancel(visit.pk, by=workflow.PATIENT, now=LATER)
    assert list(Claim.objects.values_list("task", "until")) == [("answer", LATER)]

    entrust(visit, ben, by=ben, task=Task.CALL)  # which is still to be told
    call = visit.messages.latest("pk")
    response = desk.post(f"/admin/calls/{call.pk}/")

    assert "Ben Demo had taken this on" in said(response)[0]
    assert not Claim.objects.filter(until=None).exists()


def test_the_database_lets_a_task_be_one_persons(ana: User, ben: User) -> None:
    visit = factories.a_request()
    entrust(visit, ben, by=ben)
    with pytest.raises(IntegrityError), transaction.atomic():
        Claim.objects.create(
            appointment=visit, task=Task.ANSWER, user=ana, by=ana, since=NOW
        )


def test_a_claim_locks_nothing_and_who_acts_is_told_whose_it_was(
    desk: Client, ben: User
) -> None:
    visit = factories.a_request()
    seen = visit.version  # on a page that was opened before
    entrust(visit, ben, by=ben)

    response = desk.post(
        address("accept", visit),
        {"proposal": factories.choice(visit).pk, "seen_version": seen, "back": DESK},
    )

    assert said(response) == [
        f"{visit.reference}: accepted for Tuesday, November 17, 10:00 AM.",
        f"{visit.reference}: Ben Demo had taken this on, Monday, 9:00 AM. Let them"
        " know.",
    ]


# --- At the desk ------------------------------------------------------------------


def test_the_buttons_take_on_hand_over_and_let_go(
    desk: Client, ana: User, ben: User
) -> None:
    visit = factories.a_request()
    page = text_of(desk.get(DESK))
    assert "Waits 0 min · nobody has it I take it" in page
    assert "Whose tasks 0 yours 1 nobody’s 0 others’" in page

    for _ in range(2):
        response = desk.post(address("owner", visit), pressed(visit, ana))
        assert response["Location"] == DESK
        assert f"{visit.reference}: yours. Others see that you have it." in said(
            response
        )
    event = AuditEvent.objects.filter(action="change").latest("pk")
    assert event.data == {"task": "answer", "to": ana.pk}
    assert [s.patient_id for s in event.subjects.all()] == [visit.patient_id]

    page = desk.get(DESK)
    assert "Waits 0 min · you have it for 0 min Hand over…" in text_of(page)
    link = f"{address('owner', visit)}?task=answer"
    form = desk.get(link).text
    assert f'<option value="{ben.pk}">Ben Demo</option>' in form
    assert "You have this, since today 9:00\xa0AM." in form
    seen = Claim.objects.get().pk
    desk.post(address("owner", visit), pressed(visit, ben, seen=seen))
    page = text_of(desk.get(DESK))
    assert "Ben Demo has it for 0 min Change…" in page
    assert "Whose tasks 0 yours 0 nobody’s 1 others’" in page
    seen = Claim.objects.latest("pk").pk
    response = desk.post(address("owner", visit), pressed(visit, None, seen=seen))
    assert f"{visit.reference}: let go. Nobody has it now." in said(response)
    history = text_of(desk.get(address("change", visit)))
    assert "until today 9:00 AM; handed over by Ana Demo" in history


@pytest.mark.parametrize(
    "wrong", [{"task": "x"}, {"task": ""}, {"to": "x"}, {"to": ""}]
)
def test_what_cannot_be_read_writes_nothing(
    desk: Client, ana: User, wrong: dict[str, str]
) -> None:
    visit = factories.a_request()
    with nothing_written():
        response = desk.post(address("owner", visit), pressed(visit, ana) | wrong)
    assert "Choose" in " ".join([*said(response), text_of(response)])


def every_kind() -> dict[str, Appointment]:
    """Make one visit for each kind of task, by what waits of it."""
    outcome = a_visit_of_yesterday()
    kind = outcome.visit_type
    paper = factories.a_booked_visit(kind, at("12:00"), payer="insurance")
    answer = factories.a_request(kind, at("14:00"))
    call = factories.a_request(
        kind, at("15:00"), patient=factories.patient_details(email="")
    )
    workflow.cancel(call.pk, by=workflow.PATIENT, now=NOW)
    return {"outcome": outcome, "paper": paper, "answer": answer, "call": call}


def test_the_page_of_tasks_has_everything_that_waits_what_is_due_first(
    desk: Client, ana: User, ben: User
) -> None:
    made = every_kind()
    found = tasks.waiting(NOW, Whose.ALL, ana)
    assert [(t.kind, t.visit) for t in found if t.kind != Task.PAPER] == [
        (Task.OUTCOME, made["outcome"]),
        (Task.CALL, made["call"]),
        (Task.ANSWER, made["answer"]),
    ]
    assert {t.visit for t in found if t.kind == Task.PAPER} == {made["paper"]}
    assert found == tasks.in_due_order(found)
    assert all(t.since <= NOW for t in found)
    for kind, visit in made.items():
        assert {t.kind for t in tasks.of_visit(visit, NOW)} == {kind}
        mine = ana if kind in ("answer", "paper") else ben
        entrust(visit, mine, by=mine, task=Task(kind))

    def of(whose: Whose) -> set[str]:
        shown = desk.get(f"{TASKS}?whose={whose}").context["tasks"]
        return {str(task.kind) for task in shown}

    assert of(Whose.MINE) == {"answer", "paper"}
    assert of(Whose.OTHERS) == {"call", "outcome"}
    assert of(Whose.NOBODYS) == set()
    assert of(Whose.ALL) == {"answer", "paper", "call", "outcome"}
    assert "Nothing waits here." in text_of(desk.get(f"{TASKS}?whose=nobodys"))
    share = desk.get(DESK).context["share"]
    papers = len([t for t in found if t.kind == Task.PAPER])
    assert share == {Whose.MINE: 1 + papers, Whose.NOBODYS: 0, Whose.OTHERS: 2}


def test_each_task_leads_to_where_it_is_done(desk: Client, ana: User) -> None:
    made = every_kind()
    page = desk.get(TASKS).text
    for kind, name in (
        ("answer", "choices"),
        ("paper", "papers"),
        ("outcome", "attend"),
        ("call", "tasks"),
    ):
        there = address("change", made[kind])
        assert f'href="{there}#{name}"' in page
        assert f'id="{name}"' in desk.get(there).text

    call = made["call"].messages.latest("pk")
    there = address("change", made["call"])
    assert "What to say" in text_of(desk.get(there))
    response = desk.post(f"/admin/calls/{call.pk}/", {"visit": "1"})
    assert response["Location"] == there
    assert "I called" not in text_of(desk.get(there))


def test_who_has_the_task_is_named_where_one_is_about_to_do_it(
    desk: Client, ana: User, ben: User
) -> None:
    asked = factories.a_request()
    booked = factories.a_booked_visit(
        asked.visit_type, at("12:00", factories.THURSDAY), payer="insurance"
    )
    pages = [
        (asked, Task.ANSWER, ("decline", "propose", "series")),
        (booked, Task.PAPER, ("cancel", "move", "series", "swap")),
    ]
    for visit, task, names in pages:
        entrust(visit, ben, by=ben, task=task)
        for name in names:
            page = text_of(desk.get(address(name, visit)))
            assert f"{task.label}: Waits 0 min · Ben Demo has it for 0 min" in page


@pytest.mark.parametrize("path", [DESK, *(f"{TASKS}?whose={w}" for w in Whose)])
def test_more_tasks_cost_no_more_queries(
    desk: Client, ana: User, ben: User, path: str
) -> None:
    every_kind()
    kind = VisitType.objects.get()

    def three_more(day: date) -> None:
        for hour, owner in (("11:00", ana), ("14:00", ben), ("16:00", None)):
            nobody_to_mail = factories.patient_details(email="")
            more = factories.a_request(kind, at(hour, day), patient=nobody_to_mail)
            entrust(more, owner, by=ben)

    three_more(factories.WEDNESDAY)
    desk.get(path)
    with CaptureQueriesContext(connection) as few:
        desk.get(path)
    for days in (1, 2):
        three_more(factories.WEDNESDAY + timedelta(days=days))
    with CaptureQueriesContext(connection) as many:
        desk.get(path)
    assert len(many) == len(few)
