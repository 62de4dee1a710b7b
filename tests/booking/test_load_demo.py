"""A clinic to try things on, made and topped up by one command."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from booking import clock, integrity, workflow
from booking.management.commands.load_demo import ACCOUNTS
from booking.management.commands.load_groups import permissions
from booking.models import Appointment, Closure, Reservation, Resource, VisitType
from booking.policy import Status

pytestmark = pytest.mark.django_db

MONDAY = "2026-11-02T14:30:00Z"


@pytest.fixture
def developing(settings: Settings) -> None:
    settings.DEBUG = True
    call_command("load_content", stdout=StringIO())


def load() -> str:
    out = StringIO()
    call_command("load_demo", stdout=out)
    return out.getvalue()


def counts() -> tuple[int, ...]:
    models = (Resource, VisitType, Closure, Appointment, Reservation, User)
    return tuple(model._default_manager.count() for model in models)


def test_somebody_who_tries_the_site_finds_work_times_and_accounts(
    developing: None,
) -> None:
    with time_machine.travel(MONDAY, tick=False):
        out = load()
        now = clock.now()
    passwords = {
        line.split()[1].rstrip(":"): line.split()[3]
        for line in out.splitlines()
        if line.startswith("Account")
    }
    assert list(passwords) == [
        "front-desk", "manager", "clinician", "content-editor", "auditor",
    ]  # fmt: skip
    for username, password in passwords.items():
        user = User.objects.get(username=username)
        assert user.check_password(password)
        assert (user.is_staff, user.is_superuser) == (True, False)
    assert list(integrity.find(now)) == []
    assert Appointment.objects.awaiting_review(clock.now()).count() == 4
    assert Appointment.objects.overdue(now).count() == 1
    assert Appointment.objects.booked().count() == 4
    today = timezone.localdate(now)
    for visit_type in VisitType.objects.all():
        days = visit_type.availability(today, today + timedelta(days=14), now=now)
        assert sum(len(day.slots) for day in days) > 50
    emg = VisitType.objects.get(code="emg-and-nerve-testing-new")
    assert [r.kind for r in emg.requirements.all()] == ["clinician", "room", "machine"]


def test_a_second_run_adds_nothing_and_says_how_to_get_a_new_password(
    developing: None,
) -> None:
    with time_machine.travel(MONDAY, tick=False):
        load()
        before = counts()
        out = load()
    assert counts() == before
    assert "manage.py changepassword front-desk" in out
    assert ": password " not in out


def test_weeks_later_there_is_again_something_to_answer(developing: None) -> None:
    with time_machine.travel(MONDAY, tick=False):
        load()
    Appointment.objects.filter(status=Status.PENDING).update(
        status=Status.CANCELLED, cancellation_reason="expired"
    )
    with time_machine.travel("2026-12-14T14:30:00Z", tick=False):
        load()
        now = clock.now()
    assert Appointment.objects.awaiting_review(clock.now()).count() == 4
    assert Appointment.objects.booked().filter(start__gt=now).count() == 4
    assert Closure.objects.filter(start__gt=now).count() == 1


@pytest.mark.parametrize("day", range(7))
def test_it_works_on_any_day_also_when_answers_have_just_come_due(
    developing: None, day: int
) -> None:
    late_on_monday = datetime(2026, 11, 2, 21, 30, tzinfo=UTC)
    with time_machine.travel(late_on_monday + timedelta(days=day), tick=False):
        assert "Demo visits: 8 added" in load()
        call_command("run_worker", "--once")
        call_command("integrity_check", stdout=StringIO())


def test_whoever_closed_the_clinic_while_trying_is_told_why_no_visits_come(
    developing: None,
) -> None:
    with time_machine.travel(MONDAY, tick=False):
        load()
        now = clock.now()
        workflow.close(
            Closure(start=now, end=now + timedelta(days=80), reason="Holiday"), now=now
        )
    with time_machine.travel(now + timedelta(days=40), tick=False):
        assert "Demo visits: nothing added, since few times are free" in load()


def test_what_staff_changed_in_the_demo_stays(developing: None) -> None:
    with time_machine.travel(MONDAY, tick=False):
        load()
        room = Resource.objects.get(name="Room 1")
        room.is_active = False
        room.save()
        clinician = Resource.objects.filter(kind="clinician")[0]
        clinician.hours.filter(weekday=4).delete()
        load()
    room.refresh_from_db()
    assert not room.is_active
    assert clinician.hours.count() == 4


def test_a_real_clinic_refuses_made_up_patients() -> None:
    with pytest.raises(CommandError, match="DEBUG=true"):
        call_command("load_demo")
    assert counts() == (0, 0, 0, 0, 0, 0)


def test_without_content_it_says_what_to_run_first(settings: Settings) -> None:
    settings.DEBUG = True
    with pytest.raises(CommandError, match="load_content"):
        call_command("load_demo")


def test_each_account_may_what_its_group_may(developing: None) -> None:
    load()
    for username, group in ACCOUNTS.items():
        user = User.objects.get(username=username)
        assert user.get_all_permissions() == set(permissions()[group])
    assert User.objects.get(username="clinician").resource.kind == "clinician"
    desk = User.objects.get(username="front-desk")
    assert desk.has_perm("booking.answer_appointment")
    assert not desk.has_perm("booking.change_resource")
    assert not desk.has_perm("auth.view_user")
