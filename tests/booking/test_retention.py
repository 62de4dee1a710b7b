"""What is kept of a visit, for how long, and what becomes of it then."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.test import Client
from time_machine import Traveller

from booking import guards, integrity, retention, workflow
from booking.errors import NotAllowed, NotPossibleNow
from booking.models import (
    Appointment,
    AppointmentEvent,
    AuditEvent,
    LegalHold,
    Message,
    Patient,
    RetentionRules,
    ScreeningAnswer,
)
from booking.policy import Act, DeclineReason
from booking.workflow import By
from tests import factories
from tests.factories import NOW, a_booked_visit, a_practice, a_request, at
from tests.records import nothing_written

from .desk import a_colleague, address, said, text_of

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
LATER = NOW + 91 * DAY
YEARS = datetime(2032, 11, 18, tzinfo=ZoneInfo("America/New_York"))
RULES = "/admin/booking/retentionrules/1/change/"


@pytest.fixture
def desk_person() -> By:
    return factories.a_front_desk_person()


@pytest.fixture
def declined(desk_person: By) -> Appointment:
    """Give a request with an answer and a note, that came to nothing."""
    visit = a_request(
        payer_details={"insurer": "Demo Health"},
        requested_by_name="Robin Example",
        requested_by_relation="guardian",
        requested_by_is_contact=True,
        may_arrange="I may arrange care for this person",
    )
    ScreeningAnswer.objects.create(
        appointment=visit,
        code="allergy",
        question="An allergy?",
        answer="yes",
        flag="!",
    )
    return workflow.decline(
        visit.pk, reason=DeclineReason.NO_TIME, by=desk_person, now=NOW,
        note="Pat, call us.", private_note="Pat was upset.",
    )  # fmt: skip


def completed(desk_person: By, **patient: str) -> Appointment:
    visit = a_booked_visit(a_practice(), patient=factories.patient_details(**patient))
    return workflow.attend(visit.pk, Act.COMPLETE, by=desk_person, now=at("10:30"))


def everything() -> str:
    """Return all that the tables of the booking hold, decrypted."""
    models = [Appointment, AppointmentEvent, Message, Patient, ScreeningAnswer]
    return repr([list(model.objects.values()) for model in models])


# --- What goes, and what stays ---------------------------------------------------


def test_nothing_of_the_person_is_left_and_all_of_what_happened(declined):
    assert all(word in everything() for word in ("Pat", "Robin", "1980-02-29"))
    events = list(declined.events.values("act", "at", "user", "to_status", "data"))

    assert retention.forget_due(LATER) == (
        "Visits made anonymous: 1. Texts of messages removed: 0."
    )

    left = everything()
    personal = (
        "Pat",
        "Robin",
        "guardian",
        "Example",
        "1980",
        "5550199",
        "allergy",
        "Demo Health",
    )
    assert [word for word in personal if word in left] == []
    visit = Appointment.objects.get()
    assert visit.forgotten_at == LATER
    assert not visit.links.exists()
    assert list(visit.events.values("act", "at", "user", "to_status", "data")) == events
    assert visit.patient.full_name == "Name removed"
    assert integrity.faults(LATER) == []
    with nothing_written():
        assert retention.forget_due(LATER) == ""


def test_the_night_before_it_is_all_there(declined):
    with nothing_written():
        assert not workflow.forget(declined.pk, now=NOW + 89 * DAY)
    assert retention.due(RetentionRules(messages_days=None), NOW + 89 * DAY) == (
        retention.Due(0, 0, 0)
    )


def test_who_has_another_visit_keeps_their_name(declined):
    other = a_booked_visit(a_practice(), at("14:00"))
    Appointment.objects.filter(pk=other.pk).update(patient=declined.patient)

    retention.forget_due(LATER)

    assert Patient.objects.get(pk=declined.patient_id).given_name == "Pat"
    assert not declined.answers.exists()


def test_what_is_open_or_booked_is_never_forgotten():
    a_request()
    a_booked_visit(a_practice(), at("14:00"))
    RetentionRules.objects.filter(pk=1).update(visits_years=6)

    retention.forget_due(YEARS)

    assert not Appointment.objects.exclude(forgotten_at=None).exists()


def test_visits_that_took_place_are_kept_unless_the_clinic_says_for_how_long(
    desk_person,
):
    visit = completed(desk_person)
    retention.forget_due(YEARS)
    visit.refresh_from_db()
    assert visit.forgotten_at is None

    RetentionRules.objects.filter(pk=1).update(visits_years=6)
    retention.forget_due(YEARS - 2 * DAY)
    visit.refresh_from_db()
    assert visit.forgotten_at is None
    retention.forget_due(YEARS)
    visit.refresh_from_db()
    assert visit.forgotten_at == YEARS


def test_nobody_is_forgotten_before_they_are_22(desk_person):
    visit = completed(desk_person, birth_date_text="2012-02-29")
    RetentionRules.objects.filter(pk=1).update(visits_years=6)

    retention.forget_due(YEARS)
    visit.refresh_from_db()
    assert visit.forgotten_at is None

    zone = ZoneInfo("America/New_York")
    assert workflow.when_to_forget(visit, RetentionRules.current()) == datetime(
        2034, 3, 1, tzinfo=zone
    )


def test_texts_of_messages_go_first_and_those_still_to_be_said_stay(declined):
    received, answer = declined.messages.order_by("pk")
    Message.objects.filter(pk=received.pk).update(overtaken_at=NOW)
    Message.objects.filter(pk=answer.pk).update(failed_at=NOW)

    retention.forget_due(NOW + 31 * DAY)

    received.refresh_from_db()
    answer.refresh_from_db()
    assert (received.text, received.recipient) == ("", "")
    assert answer.text
    assert answer.recipient
    # With its visit it goes, and nobody is asked to call a number that is gone.
    retention.forget_due(LATER)
    assert not Message.objects.phone_these_people().exists()


def test_a_note_of_an_event_can_only_be_emptied(declined):
    events = AppointmentEvent.objects.filter(pk=declined.events.get(version=2).pk)
    for change in (
        {"private_note": "Something else"},
        {"private_note": "", "reason": "patient"},
        {"private_note": "", "data": {"x": 1}},
        {"private_note": "", "user": None},
    ):
        with (
            nothing_written(),
            pytest.raises(DatabaseError, match=guards.EVENT_FIXED),
            transaction.atomic(),
        ):
            events.update(**change)
    events.update(private_note="")
    assert events.get().private_note == ""


def test_the_guard_of_notes_knows_every_column():
    for table, (emptied, kept) in guards.EMPTIED.items():
        with connection.cursor() as cursor:
            there = connection.introspection.get_table_description(cursor, table)
        assert {column.name for column in there} == {emptied, *kept}


# --- A legal hold ----------------------------------------------------------------


@pytest.mark.usefixtures("clock")
def test_a_manager_keeps_a_record_and_lifts_that_again(
    manager: Client, declined: Appointment
):
    there = address("hold", declined)
    page = text_of(manager.get(address("change", declined)))
    assert "By the rules made anonymous from February 14, 2027 on." in page

    with nothing_written():
        response = manager.post(there, {"because": " "})
    assert said(response) == ["Say why the record has to be kept."]
    for _ in range(2):
        manager.post(there, {"because": "Letter of November 12"})

    hold = LegalHold.objects.get()
    assert (hold.because, hold.at) == ("Letter of November 12", NOW)
    event = AuditEvent.objects.filter(action="change").latest("pk")
    assert event.data == {"legal_hold": "kept"}
    assert "Letter of November 12" in text_of(manager.get(address("change", declined)))
    with nothing_written():
        assert retention.forget_due(LATER) == ""
        assert not workflow.forget(declined.pk, now=LATER)

    for _ in range(2):
        manager.post(there, {"lift": "1"})
    assert not LegalHold.objects.exists()
    assert workflow.forget(declined.pk, now=LATER)


def test_what_is_gone_cannot_be_kept(declined):
    by = By.staff(a_colleague("Manager"))
    workflow.forget(declined.pk, now=LATER)

    with nothing_written(), pytest.raises(NotPossibleNow):
        workflow.keep_record(declined.pk, "too late", by=by, now=LATER)


def test_the_front_desk_neither_keeps_nor_lifts(declined, desk_person):
    for act in (
        lambda: workflow.keep_record(declined.pk, "x", by=desk_person, now=NOW),
        lambda: workflow.stop_keeping(declined.pk, by=desk_person),
    ):
        with nothing_written(), pytest.raises(NotAllowed):
            act()


# --- The rules -------------------------------------------------------------------


@pytest.mark.usefixtures("declined")
def test_a_manager_sees_what_the_next_night_would_remove(
    manager: Client, clock: Traveller
):
    clock.move_to(LATER)
    manager.force_login(User.objects.get(is_staff=True, groups__name="Manager"))

    page = text_of(manager.get(RULES))

    assert "requests that came to nothing: 1" in page
    assert "visits that took place or were missed: 0" in page


def test_visits_are_kept_for_six_years_at_least():
    rules = RetentionRules(pk=1, visits_years=5)

    with pytest.raises(ValidationError) as refusal:
        rules.full_clean(validate_unique=False)
    assert "visits_years" in refusal.value.message_dict


@pytest.mark.usefixtures("clock")
def test_a_visit_that_was_forgotten_is_still_a_page(manager: Client, declined):
    workflow.forget(declined.pk, now=NOW + 91 * DAY)

    page = text_of(manager.get(address("change", declined)))

    assert "Name removed" in page
    assert "Made anonymous" in page
    assert "The text was removed on February 15, 2027." in page


def test_what_comes_back_is_a_fault(declined):
    workflow.forget(declined.pk, now=LATER)
    ScreeningAnswer.objects.create(
        appointment=declined, code="allergy", question="?", answer="no", flag="-"
    )
    patient = Patient.objects.get()
    patient.given_name = "Pat"
    patient.save()

    assert [fault.code for fault in integrity.faults(LATER)] == ["not_forgotten"] * 2
