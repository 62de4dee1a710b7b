"""What staff see of the chores, and what managers choose about them."""

import html
import re
from datetime import time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from booking import chores
from booking.models import Appointment, Chore
from tests import factories
from tests.chromium import SCRIPT, assert_good_for_everybody
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DESK = "/admin/"
LIST = "/admin/booking/chore/"
CHECK = f"{LIST}integrity/change/"
FOUND = "See what was found"


def systems(response: HttpResponse) -> str:
    """Return what the desk says of its systems, as one line."""
    found = r'(?s)aria-labelledby="systems"[^>]*>(.*?)</section>'
    card = re.search(found, response.text)
    assert card
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", card[1])).split())


def later(clock: Traveller, client: Client, time: timedelta) -> None:
    """Let time pass, and whoever is there sign in again."""
    clock.shift(time)
    client.force_login(User.objects.get(is_staff=True, groups__isnull=False))


def break_a_visit() -> Appointment:
    visit = factories.a_booked_visit()
    Appointment.objects.filter(pk=visit.pk).update(version=3)
    return visit


# --- On the desk -----------------------------------------------------------------


def test_the_desk_says_when_the_records_were_checked(desk: Client, clock: Traveller):
    factories.a_booked_visit()
    assert "The records have not been checked yet." in systems(desk.get(DESK))
    chores.do_due()
    assert "Records checked today 9:00 AM, no faults." in systems(desk.get(DESK))
    later(clock, desk, timedelta(hours=18))
    assert "Records checked yesterday 9:00 AM, no faults." in systems(desk.get(DESK))
    later(clock, desk, timedelta(hours=1))
    assert (
        "Late The records have not been checked since yesterday 9:00 AM."
    ) in systems(desk.get(DESK))


def test_the_desk_counts_the_faults_and_says_whom_to_tell(desk: Client):
    break_a_visit()
    chores.do_due()
    said = systems(desk.get(DESK))
    assert "1 fault in the records, found today 9:00 AM." in said
    assert "Tell your administrator." in said
    assert FOUND not in said

    Chore.objects.filter(pk="integrity").update(faults=12)
    assert "Wrong 12 faults in the records" in systems(desk.get(DESK))


def test_who_may_see_the_faults_is_led_to_them(manager: Client):
    visit = break_a_visit()
    chores.do_due()
    page = manager.get(DESK)
    assert FOUND in systems(page)
    assert f'href="{CHECK}"' in page.text
    shown = manager.get(CHECK).text
    assert f"replay_version: Visit {visit.pk} has version 3" in html.unescape(shown)
    assert visit.patient.family_name not in shown


def test_faults_found_stay_in_sight_when_the_next_check_is_late(
    desk: Client, clock: Traveller
):
    break_a_visit()
    chores.do_due()
    later(clock, desk, timedelta(days=2))
    said = systems(desk.get(DESK))
    assert "1 fault in the records, found Mon, Nov 16, 9:00 AM." in said
    assert "not been checked since Mon, Nov 16, 9:00 AM." in said


def test_a_check_that_broke_off_or_is_turned_off_is_not_called_fine(desk: Client):
    chores.do_due()
    Chore.objects.filter(pk="integrity").update(error="OperationalError")
    assert "not been checked since today 9:00 AM." in systems(desk.get(DESK))
    Chore.objects.filter(pk="integrity").update(error="", every="off")
    said = systems(desk.get(DESK))
    assert "The check of the records is turned off." in said


def test_another_chore_that_does_not_get_done_is_named(desk: Client, clock: Traveller):
    chores.do_due()
    assert "not getting done" not in systems(desk.get(DESK))
    later(clock, desk, timedelta(hours=2))
    words = "“Delete what is of no more use” is not getting done."
    assert words in systems(desk.get(DESK))


def test_the_desk_costs_as_many_queries_with_faults_as_without(desk: Client):
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            desk.get(DESK)
        return len(made)

    visits = [factories.a_booked_visit() for _ in range(3)]
    queries()
    none = queries()
    for visit in visits:
        Appointment.objects.filter(pk=visit.pk).update(version=3)
    chores.do_due()
    assert Chore.objects.get(pk="integrity").faults == 3
    assert queries() == none


# --- In the lists ----------------------------------------------------------------


def choices(**values: Any) -> dict[str, Any]:
    return {"every": "day", "at": "02:10"} | values


def test_a_manager_chooses_how_often(manager: Client):
    shown = manager.get(LIST).text
    assert "Once a day, at 2:10 AM" in html.unescape(shown)
    assert manager.post(CHECK, choices(at="03:30"))["Location"] == LIST
    chore = Chore.objects.get(pk="integrity")
    assert (chore.every, chore.at) == ("day", time(3, 30))
    assert manager.post(CHECK, choices(every="hour"))["Location"] == LIST
    assert "Every hour" in manager.get(LIST).text


def test_a_manager_changes_nothing_else_of_it(manager: Client):
    chores.do_due()
    sent = choices(faults=0, result="fine", finished_at_0="2030-01-01", name="other")
    manager.post(CHECK, sent)
    chore = Chore.objects.get(pk="integrity")
    assert (chore.result, chore.finished_at) == ("", NOW)
    assert Chore.objects.count() == len(chores.TASKS)


def test_an_interval_that_there_is_not_is_refused(manager: Client):
    assert manager.post(CHECK, choices(every="second")).status_code == 200
    assert Chore.objects.get(pk="integrity").every == "day"


@pytest.mark.parametrize("path", [f"{LIST}add/", f"{LIST}integrity/delete/"])
def test_chores_are_neither_added_nor_deleted(manager: Client, path: str):
    assert manager.get(path).status_code == 403
    assert manager.post(path, choices(post="yes")).status_code == 403


def test_the_front_desk_does_not_set_the_schedule(desk: Client):
    assert desk.get(LIST).status_code == 403
    assert desk.post(CHECK, choices(every="off")).status_code == 403


def test_a_chore_that_this_version_does_not_know_is_not_shown(manager: Client):
    Chore.objects.create(name="from-another-version", every="hour")
    assert "from-another-version" not in manager.get(LIST).text
    assert manager.get(f"{LIST}from-another-version/change/").status_code == 302


@pytest.mark.either_database
def test_the_desk_and_the_chore_can_be_read_by_everybody(manager: Client):
    for _ in range(3):
        break_a_visit()
    chores.do_due()
    pages = {path: manager.get(path).text for path in (DESK, LIST, CHECK)}
    pages[SCRIPT] = manager.get(SCRIPT).text
    assert_good_for_everybody(pages)
