"""What has to be on paper before a visit, until when, and who said what of it."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client
from time_machine import Traveller

from booking import business_days, paperwork, queue, workflow
from booking.errors import NotAllowed, NotPossibleNow
from booking.models import Appointment, AuditEvent, Closure, Paper, VisitType
from booking.workflow import By
from tests import factories
from tests.factories import NOW
from tests.records import nothing_written

from .desk import a_colleague, address, said, text_of

pytestmark = pytest.mark.usefixtures("clock")

DESK = "/admin/"
Kind, State, Payer = Paper.Kind, Paper.State, Appointment.Payer
NEW_YORK = ZoneInfo("America/New_York")
MONDAY = date(2026, 11, 16)  # the day of NOW
THANKSGIVING = date(2026, 11, 26)


# --- Business days ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "is_one"),
    [
        (date(2026, 11, 20), True),
        (date(2026, 11, 21), False),  # Saturday
        (THANKSGIVING, False),
        (date(2026, 11, 27), True),
        (date(2026, 7, 3), False),  # Independence Day, kept on the Friday
        (date(2026, 2, 12), True),  # Lincoln's, a holiday of the State alone
    ],
)
def test_a_business_day_is_neither_a_weekend_nor_a_federal_holiday(day, is_one):
    assert business_days.is_business_day(day) is is_one


def test_days_are_counted_from_the_next_one_on():
    assert business_days.between(MONDAY, MONDAY) == 0
    assert business_days.between(MONDAY, date(2026, 11, 19)) == 3
    assert business_days.between(MONDAY, date(2026, 11, 23)) == 5
    assert business_days.between(MONDAY, date(2026, 11, 30)) == 9
    assert business_days.between(date(2026, 11, 25), date(2026, 11, 30)) == 2


def test_a_clock_stands_still_over_holidays_weekends_and_closures():
    wednesday = date(2026, 11, 25)
    assert business_days.after(wednesday, 1) == date(2026, 11, 27)
    assert business_days.after(wednesday, 3) == date(2026, 12, 1)
    friday, monday = date(2026, 11, 27), date(2026, 11, 30)
    assert business_days.after(wednesday, 1, {friday}) == monday


# --- What a visit needs ----------------------------------------------------------


def booked(day: date, payer: str = Payer.SELF_PAY) -> Appointment:
    """Book a visit at ten on that day for somebody who pays so."""
    start = datetime(day.year, day.month, day.day, 10, tzinfo=NEW_YORK)
    kind = VisitType.objects.first() or factories.a_practice()
    desk = User.objects.filter(username="ben").first() or a_colleague(username="ben")
    visit = factories.a_booked_visit(kind, start, by=By.staff(desk), payer=payer)
    return Appointment.objects.select_related("visit_type").get(pk=visit.pk)


def items(
    visit: Appointment, now: datetime = NOW
) -> dict[str, tuple[str, date | None]]:
    return {i.kind: (i.state, i.due) for i in paperwork.of_visit(visit, now)}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("day", "due"),
    [
        (date(2026, 11, 18), None),  # two business days ahead: the law asks for none
        (date(2026, 11, 19), date(2026, 11, 17)),  # three
        (date(2026, 11, 30), date(2026, 11, 17)),  # nine, as Thanksgiving is between
        (date(2026, 12, 1), date(2026, 11, 19)),  # ten
    ],
)
def test_who_pays_gets_an_estimate_in_time(day, due):
    found = items(booked(day))

    assert found == ({Kind.ESTIMATE: (State.NEEDED, due)} if due else {})


@pytest.mark.django_db
def test_the_days_on_which_the_clinic_is_closed_do_not_count():
    visit = booked(date(2026, 11, 24))
    assert items(visit)[Kind.ESTIMATE][1] == date(2026, 11, 17)
    closure = Closure.objects.create(
        start=datetime(2026, 11, 17, 8, tzinfo=NEW_YORK),
        end=datetime(2026, 11, 17, 12, tzinfo=NEW_YORK),
        reason="Half a day",
    )
    assert items(visit)[Kind.ESTIMATE][1] == date(2026, 11, 17)

    Closure.objects.filter(pk=closure.pk).update(
        end=datetime(2026, 11, 17, 18, tzinfo=NEW_YORK)
    )

    assert items(visit)[Kind.ESTIMATE][1] == date(2026, 11, 18)


@pytest.mark.django_db
def test_moving_the_visit_starts_the_clock_anew(clock: Traveller):
    visit = booked(date(2026, 11, 24))
    clock.shift(timedelta(days=1))
    tuesday = NOW + timedelta(days=1)
    there = datetime(2026, 12, 3, 10, tzinfo=NEW_YORK)
    by = By.staff(a_colleague())

    workflow.move(visit.pk, there, by=by, now=tuesday)

    moved = Appointment.objects.get(pk=visit.pk)
    assert items(moved, tuesday)[Kind.ESTIMATE][1] == date(2026, 11, 20)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("payer", "kinds"),
    [
        (Payer.INSURANCE, {Kind.AUTHORIZATION, Kind.CARD}),
        (Payer.WORKERS_COMP, {Kind.AUTHORIZATION}),
        (Payer.NO_FAULT, {Kind.AUTHORIZATION}),
        (Payer.LIEN, set()),
        (Payer.NOT_SURE, set()),
    ],
)
def test_other_papers_follow_from_who_pays(payer, kinds):
    assert set(items(booked(date(2026, 11, 24), payer))) == kinds


@pytest.mark.django_db
def test_a_referral_is_wanted_where_the_kind_of_visit_needs_one():
    visit = booked(date(2026, 11, 24), Payer.NOT_SURE)
    VisitType.objects.update(needs_referral=True)
    visit.refresh_from_db()

    assert items(visit) == {Kind.REFERRAL: (State.NEEDED, None)}


@pytest.mark.django_db
def test_staff_read_on_the_visit_what_was_said_of_a_referral(desk: Client):
    visit = booked(date(2026, 11, 24), Payer.NOT_SURE)
    change = address("change", visit)
    assert "Referral" not in text_of(desk.get(change))

    VisitType.objects.update(needs_referral=True)
    assert "Referral needed, and not yet spoken of" in text_of(desk.get(change))

    Appointment.objects.update(has_referral=True)
    assert "Referral says that there is one" in text_of(desk.get(change))


# --- What staff say of it --------------------------------------------------------


@pytest.mark.django_db
def test_what_is_said_stays_said_once_and_is_in_the_trail(desk: Client):
    visit = booked(date(2026, 11, 24))
    sent = {"kind": "estimate", "state": "done", "back": DESK}

    for _ in range(2):
        response = desk.post(address("paper", visit), sent)

    assert response["Location"] == DESK
    assert set(said(response)) == {f"{visit.reference}: Good faith estimate, done."}
    [paper] = Paper.objects.all()
    assert (paper.kind, paper.state, paper.at, paper.user.username) == (
        "estimate", "done", NOW, "ana",
    )  # fmt: skip
    event = AuditEvent.objects.filter(action="change").latest("pk")
    assert event.data == {"paper": "estimate", "state": "done"}
    assert [s.patient_id for s in event.subjects.all()] == [visit.patient_id]
    assert paperwork.open_items(NOW) == []


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"kind": "x"}, {"state": "x"}, {"state": ""}])
def test_what_cannot_be_read_is_refused_in_words(desk: Client, wrong):
    visit = booked(date(2026, 11, 24))

    with nothing_written():
        response = desk.post(
            address("paper", visit), {"kind": "estimate", "state": "done"} | wrong
        )

    assert said(response) == ["Choose how it stands with the paper."]


@pytest.mark.django_db
def test_only_who_answers_patients_may_and_only_of_a_visit_with_a_time():
    visit = booked(date(2026, 11, 24))
    editor = By.staff(a_colleague("Content editor", username="ed"))
    desk = By.staff(a_colleague())
    with pytest.raises(NotAllowed):
        workflow.file_paper(visit.pk, Kind.CARD, State.DONE, by=editor, now=NOW)
    workflow.cancel(visit.pk, by=desk, now=NOW)
    with pytest.raises(NotPossibleNow):
        workflow.file_paper(visit.pk, Kind.CARD, State.DONE, by=desk, now=NOW)


# --- On the desk -----------------------------------------------------------------


@pytest.mark.django_db
def test_the_desk_lists_what_is_due_first_and_says_what_is_late(
    desk: Client, clock: Traveller
):
    far = booked(date(2026, 12, 15))
    near = booked(date(2026, 11, 24))
    booked(date(2026, 12, 16), Payer.INSURANCE)  # its papers come up when it is near
    clock.shift(timedelta(days=2))
    desk.force_login(User.objects.get(username="ana"))

    page = desk.get(DESK)

    found = [(item.visit, item.due, item.late) for item in page.context["desk"].papers]
    assert found == [
        (near, date(2026, 11, 17), True),
        (far, date(2026, 11, 19), False),
    ]
    assert "overdue due Tue, Nov 17" in text_of(page)


@pytest.mark.django_db
@pytest.mark.parametrize("visits", [1, 3])
def test_the_desk_asks_as_often_however_many_there_are(
    visits: int, django_assert_num_queries
):
    for n in range(visits):
        booked(date(2026, 11, 23) + timedelta(days=n))

    with django_assert_num_queries(6):
        assert len(paperwork.open_items(NOW)) == visits


@pytest.mark.django_db
def test_the_desk_shows_the_first_and_counts_the_rest(
    desk: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(queue, "FEW", 2)
    for n in range(3):
        booked(date(2026, 11, 23) + timedelta(days=n))

    page = desk.get(DESK)
    whole = desk.get(f"{DESK}?all=papers")

    assert len(page.context["desk"].papers_shown) == 2
    assert "and 1 more, the next for Tue, Nov 17" in text_of(page)
    assert f'href="{DESK}?all=papers"' in page.content.decode()
    assert len(whole.context["desk"].papers_shown) == 3
    assert "Next page" not in text_of(whole)
