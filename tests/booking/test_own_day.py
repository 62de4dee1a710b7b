"""A clinician sees their own day and records what became of it; other roles do less."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from booking import workflow
from booking.errors import NotAllowed
from booking.management.commands.load_groups import permissions
from booking.models import Appointment, Resource, VisitType
from booking.policy import Act, Status
from booking.workflow import By
from tests import factories
from tests.factories import MONDAY, NOW, a_booked_visit, a_practice, at, patient_details
from tests.records import nothing_written

from .conftest import signed_in
from .desk import a_colleague, address, said, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

MY_DAY = "/admin/my-day/"
FRIDAY_BEFORE = NOW - timedelta(days=3)


@pytest.fixture
def visit_type() -> VisitType:
    return a_practice(clinicians=2, rooms=2)


@pytest.fixture
def cleo(visit_type: VisitType) -> User:
    """Give the account of the first clinician."""
    user = a_colleague("Clinician", username="cleo")
    first = Resource.objects.filter(kind="clinician").earliest("pk")
    Resource.objects.filter(pk=first.pk).update(user=user)
    return user


def booked_with(user: User, visit_type: VisitType, name: str) -> Appointment:
    """Book two visits for 9:30 today, one with this clinician; return that one."""
    for name_of_it in (name, "Of a colleague"):
        a_booked_visit(
            visit_type, at("09:30", MONDAY), now=FRIDAY_BEFORE,
            patient=patient_details(family_name=name_of_it),
        )  # fmt: skip
    return Appointment.objects.get(reservations__resource__user=user)


def test_a_clinician_starts_at_their_own_day(cleo: User, visit_type: VisitType):
    own = booked_with(cleo, visit_type, "Someone")
    client = signed_in(cleo)
    assert client.get("/admin/")["Location"] == MY_DAY
    words = text_of(client.get(MY_DAY))
    (other,) = Appointment.objects.exclude(pk=own.pk)
    assert own.reference in words
    assert other.reference not in words


def test_a_clinician_reads_other_days_by_links(cleo: User, visit_type: VisitType):
    visit = a_booked_visit(visit_type, at("10:00"), now=FRIDAY_BEFORE)
    client = signed_in(cleo)
    mine = visit.is_with(cleo.resource)
    page = client.get(MY_DAY)
    assert visit.reference not in text_of(page)
    assert 'href="?day=2026-11-17"' in page.text
    tomorrow = client.get(f"{MY_DAY}?day=2026-11-17")
    assert (visit.reference in text_of(tomorrow)) is mine
    for nonsense in ("x", "9999-12-31", "0001-01-01", ""):
        same = client.get(MY_DAY, {"day": nonsense})
        assert "Monday, November 16" in text_of(same)


def test_a_clinician_records_what_became_of_their_own_visit(
    cleo: User, visit_type: VisitType, clock: Traveller
):
    visit = booked_with(cleo, visit_type, "Someone")
    client = signed_in(cleo)
    clock.move_to(at("09:40", MONDAY))
    data = {"move": "complete", "seen_version": visit.version, "back": MY_DAY}
    response = client.post(address("attend", visit), data)
    assert response["Location"] == MY_DAY
    assert said(response) == [f"{visit.reference}: completed."]
    visit.refresh_from_db()
    last = visit.events.latest("version")
    assert (visit.status, last.user) == (Status.FULFILLED, cleo)
    # What is over stays on the day, and can be put right.
    page = client.get(MY_DAY)
    assert "Completed" in text_of(page)
    assert 'name="move" value="miss"' in page.text
    assert client.post(
        address("attend", visit), data | {"move": "miss", "seen_version": visit.version}
    )
    visit.refresh_from_db()
    assert visit.status == Status.NOSHOW


def test_a_clinician_records_nothing_of_a_colleagues_visit(
    cleo: User, visit_type: VisitType, clock: Traveller
):
    own = booked_with(cleo, visit_type, "Someone")
    (other,) = Appointment.objects.exclude(pk=own.pk)
    clock.move_to(at("09:40", MONDAY))
    with nothing_written():
        data = {"move": "complete", "seen_version": other.version}
        response = signed_in(cleo).post(address("attend", other), data)
        assert response.status_code == 403
        with pytest.raises(NotAllowed):
            workflow.attend(
                other.pk, Act.COMPLETE, by=By.staff(cleo), now=at("09:40", MONDAY)
            )


def test_a_time_held_for_an_offer_makes_nobody_the_clinician(
    cleo: User, visit_type: VisitType
):
    visit = a_booked_visit(visit_type, at("14:00"), now=FRIDAY_BEFORE)
    workflow.want_earlier(visit.pk, factories.a_wish(), by=workflow.PATIENT, now=NOW)
    held = visit.reservations.get(resource__kind="clinician").resource
    (other,) = Resource.objects.filter(kind="clinician").exclude(pk=held.pk)
    factories.an_offer(visit, at("10:00"))
    visit.reservations.filter(expires_at__isnull=False, resource=held).update(
        resource=other
    )
    assert visit.is_with(held)
    assert not visit.is_with(other)


def test_outcomes_missing_are_a_clinicians_own(
    cleo: User, visit_type: VisitType, clock: Traveller
):
    own = booked_with(cleo, visit_type, "Someone")
    (other,) = Appointment.objects.exclude(pk=own.pk)
    clock.shift(timedelta(days=1))
    words = text_of(signed_in(cleo).get(MY_DAY))
    assert "Outcomes not recorded" in words
    assert own.reference in words
    assert other.reference not in words


def test_the_day_costs_the_same_for_more_visits(cleo: User, visit_type: VisitType):
    client = signed_in(cleo)
    counts = []
    for wall in ("09:30", "11:00"):
        a_booked_visit(visit_type, at(wall, MONDAY), now=FRIDAY_BEFORE)
        a_booked_visit(visit_type, at(wall, MONDAY), now=FRIDAY_BEFORE)
        with CaptureQueriesContext(connection) as made:
            client.get(MY_DAY)
        counts.append(len(made))
    assert counts[0] == counts[1]


def test_an_account_without_a_clinician_is_told_whom_to_ask(db: None):
    client = signed_in(a_colleague("Clinician", username="new"))
    assert "Ask a manager" in text_of(client.get(MY_DAY))


def test_only_a_clinician_has_an_account(visit_type: VisitType, cleo: User):
    room = Resource.objects.filter(kind="room").earliest("pk")
    ben = a_colleague("Clinician", username="ben")
    with pytest.raises(IntegrityError), transaction.atomic():
        Resource.objects.filter(pk=room.pk).update(user=ben)


def test_a_manager_ties_an_account_to_a_clinician(
    manager: Client, visit_type: VisitType
):
    ana = a_colleague("Clinician", username="cleo")
    User.objects.create_user("somebody-else")
    page = manager.get(f"/admin/booking/resource/{first_clinician().pk}/change/")
    names = page.context["adminform"].form.fields["user"].queryset
    assert [user.username for user in names] == ["mia", "cleo"]
    assert ana in names


def first_clinician() -> Resource:
    return Resource.objects.filter(kind="clinician").earliest("pk")


def test_roles_have_what_they_need_and_no_more(db: None):
    a_colleague()
    editor, auditor = (permissions()[name] for name in ("Content editor", "Auditor"))
    assert {right.partition(".")[0] for right in editor} == {"services"}
    assert "services.change_screeningquestion" not in editor
    assert auditor == ["booking.view_trail"]
    assert "services.publish_content" not in editor
    assert permissions()["Clinician"] == [
        "booking.see_own_day",
        "services.approve_content",
    ]
    # Else managers could not make accounts of these groups.
    for rights in permissions().values():
        assert set(rights) <= set(permissions()["Manager"])
    assert Group.objects.count() == 5


def test_who_has_nothing_to_do_here_is_told_so(db: None):
    client = signed_in(a_colleague("", username="ari"))
    assert "Nothing here is for your account yet." in text_of(client.get("/admin/"))
