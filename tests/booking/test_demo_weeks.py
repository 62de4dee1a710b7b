"""A full clinic to look at: made once, by one command, and plainly made up."""

from collections import Counter
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command
from pytest_django import Settings

from booking import clock, integrity
from booking.management.demo_weeks import MARK, NOT_SENT
from booking.models import Appointment, Claim, Message, Patient, Resource
from booking.policy import Status
from tests import factories

pytestmark = pytest.mark.django_db

# When somebody who asked for the last of the days has been offered others.
TUESDAY = "2028-02-29T17:00:00Z"


@pytest.fixture(autouse=True)
def developing(settings: Settings) -> None:
    settings.DEBUG = True
    call_command("load_content", stdout=StringIO())


def demo(*options: str) -> str:
    out = StringIO()
    with time_machine.travel(TUESDAY, tick=False):
        call_command("demo", "--weeks", "1", *options, stdout=out)
    return out.getvalue()


@pytest.mark.either_database  # its acts are ordinary; any mix of them is tried on both
def test_a_week_has_visits_before_and_after_now_and_no_faults():
    out = demo()
    with time_machine.travel(TUESDAY, tick=False):
        now = clock.now()
    assert list(integrity.find(now)) == []
    assert Counter(Resource.objects.values_list("kind", flat=True)) == {
        "clinician": 4, "room": 3, "machine": 1,
    }  # fmt: skip
    states = Counter(Appointment.objects.values_list("status", flat=True))
    assert states.total() > 60
    assert f"Demo visits: {states.total()} in" in out
    assert {
        Status.PENDING, Status.BOOKED, Status.FULFILLED, Status.CANCELLED,
        Status.WAITLIST,
    } <= set(states)  # fmt: skip
    starts = Appointment.objects.exclude(start=None)
    assert starts.filter(start__lt=now - timedelta(days=1)).exists()
    assert starts.filter(start__gt=now + timedelta(days=1)).exists()

    assert Claim.objects.standing().exists()

    # Nobody could take it for real, and nothing was sent.
    for patient in Patient.objects.all():
        assert patient.full_name.endswith(MARK)
        assert patient.email == "" or patient.email.endswith("@example.com")
        assert patient.phone[-7:-2] == "55501"
    assert mail.outbox == []
    assert not Message.objects.owed().exists()
    assert not Message.objects.filter(sent_at__isnull=False).exclude(
        last_error=NOT_SENT
    )

    with pytest.raises(CommandError, match="made before"):
        demo()
    assert Appointment.objects.count() == states.total()


def test_beside_somebody_who_was_not_made_up_nothing_is(settings: Settings):
    factories.a_request()
    with pytest.raises(CommandError, match="not made up"):
        demo()
    settings.DEBUG = False
    with pytest.raises(CommandError, match="only with DEBUG"):
        demo()
    assert Appointment.objects.count() == 1


@pytest.mark.parametrize("weeks", ["0", "27"])
def test_nobody_waits_for_years_of_it(weeks: str):
    with pytest.raises(CommandError, match="from 1 to 26"):
        call_command("demo", "--weeks", weeks)
