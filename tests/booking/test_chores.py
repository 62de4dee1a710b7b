"""What the worker does by itself: on the clinic's schedule, once, and told to staff."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from time import monotonic
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from time_machine import Traveller, travel

from booking import chores, integrity
from booking.models import Appointment, Chore
from tests import factories
from tests.factories import MONDAY, NOW, at
from tests.servers import Site

pytestmark = pytest.mark.django_db

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CHECK_AT = at("02:10", MONDAY)


@pytest.fixture(autouse=True)
def stopped_clock() -> Iterator[Traveller]:
    with travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def check(db: None) -> Chore:
    return Chore.objects.get(name=chores.INTEGRITY)


def as_it_is_now(chore: Chore) -> Chore:
    return Chore.objects.get(pk=chore.pk)


def fails(now: datetime) -> None:
    raise ValueError("with something about a patient")


def instead(monkeypatch: pytest.MonkeyPatch, name: str, **values: Any) -> None:
    """Change what a chore does."""
    monkeypatch.setitem(chores.TASKS, name, replace(chores.TASKS[name], **values))


# --- When ------------------------------------------------------------------------


def test_each_chore_has_a_row_with_a_schedule_to_begin_with():
    rows = Chore.objects.values_list("name", "every", "at")
    assert list(rows) == [
        ("closing", "minute", time(2, 10)),
        ("forget", "day", time(2, 10)),
        ("integrity", "day", time(2, 10)),
        ("lapse", "minute", time(2, 10)),
        ("links", "minute", time(2, 10)),
        ("offer", "minute", time(2, 10)),
        ("photos", "minute", time(2, 10)),
        ("publish", "minute", time(2, 10)),
        ("purge", "hour", time(2, 10)),
        ("remind", "minute", time(2, 10)),
        ("trail", "day", time(2, 10)),
    ]


def test_migrating_again_leaves_the_schedule_that_the_clinic_chose(check: Chore):
    Chore.objects.filter(pk=check.pk).update(every="hour")
    Chore.objects.filter(name="purge").delete()
    call_command("migrate", verbosity=0)
    assert list(Chore.objects.values_list("name", "every")) == [
        ("closing", "minute"), ("forget", "day"), ("integrity", "hour"),
        ("lapse", "minute"), ("links", "minute"), ("offer", "minute"),
        ("photos", "minute"), ("publish", "minute"), ("purge", "hour"),
        ("remind", "minute"), ("trail", "day"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("every", "now", "turn"),
    [
        ("minute", at("09:00") + timedelta(seconds=59), at("09:00")),
        ("quarter", at("09:44"), at("09:30")),
        ("hour", at("09:59"), at("09:00")),
        ("hour", at("09:00"), at("09:00")),
        ("day", at("02:10"), at("02:10")),
        ("day", at("02:09"), at("02:10", MONDAY)),
        ("day", at("23:59"), at("02:10")),
        ("off", at("02:10"), None),
    ],
)
def test_when_the_turn_was(every: str, now: datetime, turn: datetime | None):
    assert Chore(every=every, at=time(2, 10)).turn(now) == turn


SPRING, AUTUMN = date(2027, 3, 14), date(2026, 11, 1)


@pytest.mark.parametrize(
    ("day", "wall", "turn"),
    [
        (SPRING, time(2, 10), datetime(2027, 3, 14, 7, 10, tzinfo=UTC)),
        (AUTUMN, time(1, 30), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        (AUTUMN, time(2, 10), datetime(2026, 11, 1, 7, 10, tzinfo=UTC)),
    ],
    ids=["skipped", "repeated", "after the repeated hour"],
)
def test_a_night_on_which_the_clock_changes_has_one_turn(
    day: date, wall: time, turn: datetime
):
    chore = Chore(every="day", at=wall)
    noon = at("12:00", day)
    turns = {chore.turn(noon - n * 10 * MINUTE) for n in range(6 * 24)}
    assert turns == {turn, at(f"{wall:%H:%M}", day - DAY)}


def test_a_chore_is_due_once_a_turn(check: Chore):
    assert check.is_due(NOW)
    check.started_at = check.finished_at = CHECK_AT
    assert not check.is_due(NOW)
    assert not check.is_due(CHECK_AT + DAY - MINUTE)
    assert check.is_due(CHECK_AT + DAY)


def test_a_chore_that_is_turned_off_is_never_due(check: Chore):
    check.every = "off"
    assert not check.is_due(NOW)
    assert not check.is_overdue(NOW)


def test_a_chore_is_overdue_an_hour_after_its_turn(check: Chore):
    assert check.is_overdue(NOW)
    check.finished_at = CHECK_AT + MINUTE
    assert not check.is_overdue(CHECK_AT + DAY + HOUR - MINUTE)
    assert check.is_overdue(CHECK_AT + DAY + HOUR)


# --- Once ------------------------------------------------------------------------


def test_of_two_workers_one_takes_the_chore(check: Chore):
    as_the_other_read_it = as_it_is_now(check)
    assert chores.claim(check, NOW)
    assert not chores.claim(as_the_other_read_it, NOW)


def test_a_worker_that_read_the_old_schedule_does_not_take_it(check: Chore):
    Chore.objects.filter(pk=check.pk).update(every="off")
    assert not chores.claim(check, NOW)


def test_a_chore_in_hand_is_not_due_until_its_worker_is_given_up(check: Chore):
    chores.claim(check, NOW)
    limit = chores.TASKS["integrity"].limit
    assert not as_it_is_now(check).is_due(NOW + limit - MINUTE)
    assert as_it_is_now(check).is_due(NOW + limit)


def test_a_run_that_was_given_up_writes_nothing_any_more(
    check: Chore, stopped_clock: Traveller, monkeypatch: pytest.MonkeyPatch
):
    def slow(now: datetime) -> str:
        stopped_clock.shift(4 * HOUR)
        assert chores.claim(as_it_is_now(check), NOW + 4 * HOUR)
        return "too late"

    instead(monkeypatch, "integrity", run=slow)
    chores.do_due()
    row = as_it_is_now(check)
    assert (row.started_at, row.finished_at, row.result) == (NOW + 4 * HOUR, None, "")


# --- Done ------------------------------------------------------------------------


def test_what_is_due_is_done_and_then_no_more(stopped_clock: Traveller):
    assert chores.do_due()
    rows = Chore.objects.values_list("started_at", "finished_at", "running_until")
    assert set(rows) == {(NOW, NOW, None)}
    assert not chores.do_due()

    stopped_clock.shift(HOUR)
    assert chores.do_due()
    rows = dict(Chore.objects.values_list("name", "finished_at"))
    assert {rows.pop(name) for name in ("forget", "integrity", "trail")} == {NOW}
    assert set(rows.values()) == {NOW + HOUR}


def test_a_chore_that_breaks_off_says_so_and_stops_no_other(
    check: Chore, stopped_clock: Traveller, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as broken:
        instead(broken, "integrity", run=fails)
        chores.do_due()
    row = as_it_is_now(check)
    assert (row.error, row.finished_at, row.running_until) == ("ValueError", None, None)
    assert Chore.objects.get(name="purge").finished_at == NOW

    stopped_clock.shift(DAY)
    chores.do_due()
    row = as_it_is_now(check)
    assert (row.error, row.finished_at) == ("", NOW + DAY)


def test_a_chore_may_tell_how_much_it_did(monkeypatch: pytest.MonkeyPatch):
    instead(monkeypatch, "purge", run=lambda *, now: 7)
    chores.do_due()
    row = Chore.objects.get(name="purge")
    assert (row.faults, row.result) == (0, "7")


def test_looking_costs_one_query_while_nothing_is_due(django_assert_num_queries: Any):
    chores.do_due()
    with django_assert_num_queries(1):
        chores.do_due()


# --- The check of all records ----------------------------------------------------


def test_the_nightly_check_counts_the_faults_and_keeps_what_they_say(check: Chore):
    visit = factories.a_booked_visit()
    Appointment.objects.filter(pk=visit.pk).update(version=3)
    chores.do_due()
    row = as_it_is_now(check)
    assert row.faults == 1
    assert row.result.splitlines() == [str(f) for f in integrity.faults(NOW)]


def test_of_very_many_faults_all_are_counted_and_some_kept():
    fault = integrity.Fault("overlap", "Reservation 1 …")
    done = chores.summed_up(fault for _ in range(chores.FAULTS_KEPT + 5))
    assert (done.faults, len(done.lines)) == (105, 100)
    assert chores.summed_up([]) == chores.Done(0, ())


def test_the_command_leaves_its_result_for_staff(check: Chore):
    visit = factories.a_booked_visit()
    call_command("integrity_check", stdout=StringIO())
    row = as_it_is_now(check)
    assert (row.started_at, row.finished_at, row.faults) == (NOW, NOW, 0)

    Appointment.objects.filter(pk=visit.pk).update(version=3)
    with pytest.raises(CommandError):
        call_command("integrity_check", stdout=StringIO())
    row = as_it_is_now(check)
    assert (row.faults, row.result.split(":")[0]) == (1, "replay_version")


# --- The worker ------------------------------------------------------------------


UNDONE = """
from booking.models import Chore
print(*Chore.objects.filter(finished_at=None, error="").values_list("name", flat=True))
"""
WORK_SLOWLY = """
import os, signal, time
from dataclasses import replace
from django.core.management import call_command
from django.db import connection
from booking import chores
from booking.models import Message

def wait_for_the_mail(now):
    deadline = time.monotonic() + 20
    while Message.objects.owed().exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGTERM)

task = replace(chores.TASKS["integrity"], run=wait_for_the_mail)
chores.TASKS["integrity"] = task
call_command("run_worker")
row = chores.Chore.objects.get(name="integrity")
print(row.error or "done", Message.objects.filter(sent_at=None).count())
"""
OWE = """
from datetime import timedelta
from django.utils import timezone
from booking import clock
from tests import factories
now = clock.now()
visit_type = factories.a_practice(holds_first_choice=False)
today = timezone.localdate(now)
monday = today + timedelta(days=14 - today.weekday())
factories.a_request(visit_type, factories.at("10:00", monday), now=now)
"""


def run(office: Site, code: str) -> str:
    return office.manage("shell", "--verbosity=0", "-c", code).strip()


def test_a_worker_that_is_asked_for_once_does_what_is_due():
    call_command("run_worker", "--once")
    assert not Chore.objects.filter(finished_at=None).exists()


def test_mail_goes_out_while_a_chore_takes_its_time(office: Site):
    run(office, OWE)
    assert run(office, WORK_SLOWLY).splitlines()[-1] == "done 0"


def test_two_workers_do_the_chores_beside_the_mail(office: Site):
    with office.worker(), office.worker():
        deadline = monotonic() + 30
        while (undone := run(office, UNDONE)) and monotonic() < deadline:
            pass
    assert undone == ""
