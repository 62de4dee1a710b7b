"""Staff put right how a patient is reached, and what was owed goes there."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from booking import delivery, integrity, links, workflow
from booking.errors import ChangedMeanwhile, NotAllowed, NotPossibleNow
from booking.models import Appointment, Message, Patient
from booking.policy import DeclineReason
from booking.workflow import PATIENT, By, Contact
from tests import factories
from tests.factories import NOW, at
from tests.records import events_of, messages_of, nothing_written

from .desk import address, said, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

OLD, NEW = "pat@example.com", "pat.right@example.com"


@pytest.fixture
def bea() -> By:
    return factories.a_front_desk_person("bea")


def correct(
    patient: Patient, by: By, seen: str = "", also: Any = None, **values: str
) -> bool:
    now = Contact.of(Patient.objects.get(pk=patient.pk))
    return workflow.correct_contact(
        patient.pk, replace(now, **values), by=by, now=NOW, seen=seen or now.digest(),
        also=also or {},
    )  # fmt: skip


def deliver() -> list[str]:
    """Send all that is owed, and return to whom."""
    mail.outbox.clear()
    while delivery.deliver_next():
        pass
    return [to for message in mail.outbox for to in message.to]


def tokens(messages: Any) -> list[str]:
    """Return the token of each that is in words already."""
    texts = [message.text for message in messages if message.text]
    return [re.findall(r"/appointments/([\w-]{43})/", text)[0] for text in texts]


def sound() -> bool:
    return list(integrity.find(NOW)) == []


def test_another_address_gets_all_that_waits_and_where_the_visit_stands(bea: By):
    visit = factories.a_booked_visit()
    old = tokens(visit.messages.all())

    assert correct(visit.patient, bea, email=NEW)

    visit.refresh_from_db()
    assert events_of(visit)[-1] == (3, "correct", "booked", "booked", "staff")
    assert visit.events.latest("version").data == {"changed": ["email"]}
    assert messages_of(visit)[-1] == ("link", "email")
    assert deliver() == [NEW, NEW]  # confirmed, and where it stands; no "received"
    assert [links.find(token, now=NOW) for token in old] == [None]
    for token in tokens(visit.messages.exclude(sent_at=None)):
        assert links.find(token, now=NOW) == visit
    assert sound()
    with nothing_written():  # a double click, and one from an older screen
        assert not correct(visit.patient, bea, seen="old", email=NEW)


def test_mail_that_bounced_goes_out_again_and_nobody_has_to_phone(bea: By):
    gone = factories.a_request()
    deliver()
    workflow.decline(gone.pk, reason=DeclineReason.NO_TIME, by=bea, now=NOW)
    deliver()
    told = gone.messages.latest("pk")
    assert delivery.bounced(told.message_id, "bounced", NOW)
    calls = Message.objects.phone_these_people()
    assert list(calls.all()) == [told]

    assert correct(gone.patient, bea, email=NEW)

    assert list(calls.all()) == []
    assert deliver() == [NEW]  # the visit is over: no other mail, and no event
    assert events_of(gone)[-1][1] == "decline"
    assert links.find(*tokens([gone.messages.latest("pk")]), now=NOW) == gone
    assert delivery.bounced(told.message_id, "bounced late", NOW)
    assert list(calls.all()) == []
    assert sound()


@pytest.mark.parametrize("fails", [False, True])
def test_a_try_that_is_on_its_way_says_nothing_of_the_new_address(bea: By, fails: bool):
    visit = factories.a_request()
    claim = delivery.claim_next(NOW)
    correct(visit.patient, bea, email=NEW)
    if fails:
        delivery._record_failure(claim, ValueError())
    else:
        delivery._record_sent(claim)
    assert deliver() == [NEW, NEW]
    assert sound()


def test_without_an_address_somebody_phones(bea: By):
    visit = factories.a_request()
    assert correct(visit.patient, bea, email="", contact_by="phone")
    assert deliver() == []
    calls = Message.objects.phone_these_people()
    assert [m.kind for m in calls] == ["received", "link"]
    assert OLD not in {m.recipient for m in calls}
    assert sound()


def test_another_number_or_language_ends_no_link(bea: By):
    by_phone = factories.patient_details(email="", contact_by="phone")
    visit = factories.a_request(patient=by_phone)
    token = links.issue(visit, now=NOW)
    assert correct(visit.patient, bea, phone="+12125550177", message_language="es")
    [call] = visit.messages.all()
    assert call.recipient == "+12125550177"
    assert links.find(token, now=NOW) == visit
    changed = visit.events.latest("version").data["changed"]
    assert changed == ["phone", "message_language"]
    assert Patient.objects.with_phone("+12125550177").exists()
    assert sound()


def test_it_is_for_staff_who_saw_what_it_is_now(bea: By):
    visit = factories.a_request()
    seen = Contact.of(visit.patient).digest()
    colleague = factories.a_front_desk_person("ben")
    correct(visit.patient, colleague, phone="+12125550177")
    with nothing_written():
        with pytest.raises(ChangedMeanwhile):
            correct(visit.patient, bea, seen=seen, email=NEW)
        with pytest.raises(NotAllowed):
            correct(visit.patient, PATIENT, email=NEW)
        with pytest.raises(ValueError, match="nobody is reached"):
            correct(visit.patient, bea, email="", phone="")
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    Appointment.objects.filter(pk=visit.pk).update(forgotten_at=NOW)
    with pytest.raises(NotPossibleNow), nothing_written():
        correct(visit.patient, bea, email=NEW)


def test_all_visits_of_a_record_are_reached_anew(bea: By):
    first = factories.a_booked_visit()
    starts = [first.start + timedelta(weeks=n) for n in range(3)]
    key = factories.uuid.uuid4()
    visits = workflow.book_series(first.pk, starts, by=bea, now=NOW, key=key)
    workflow.cancel(visits[2].pk, by=PATIENT, now=NOW)
    old = [links.issue(visit, now=NOW) for visit in visits]
    assert correct(first.patient, bea, email=NEW)
    assert [links.find(token, now=NOW) for token in old] == [None] * 3
    assert [events_of(visit)[-1][1] for visit in visits] == [
        "correct", "correct", "cancel",
    ]  # fmt: skip
    assert set(deliver()) == {NEW}
    assert sound()


def a_second_record(visit: Appointment, hour: str = "11:00", **values: str):
    """Give another booked visit of who seems to be the same, with a row of its own."""
    person = factories.patient_details(**values)
    return factories.a_booked_visit(visit.visit_type, at(hour), patient=person)


def test_other_records_are_put_right_in_the_same_act_or_none_is(bea: By):
    first = factories.a_booked_visit()
    second = a_second_record(first, phone="+12125550111")
    old = [links.issue(visit, now=NOW) for visit in (first, second)]
    seen = Contact.of(second.patient).digest()
    with pytest.raises(ChangedMeanwhile), nothing_written():
        correct(first.patient, bea, also={second.patient_id: "older"}, email=NEW)

    assert correct(first.patient, bea, also={second.patient_id: seen}, email=NEW)

    for visit, changed in ((first, ["email"]), (second, ["email", "phone"])):
        visit.refresh_from_db()
        assert Contact.of(visit.patient) == Contact.of(first.patient)
        assert events_of(visit)[-1][1] == "correct"
        assert visit.events.latest("version").data == {"changed": changed}
        assert messages_of(visit)[-1] == ("link", "email")
    assert [links.find(token, now=NOW) for token in old] == [None, None]
    assert set(deliver()) == {NEW}
    assert sound()
    with nothing_written():  # a double click
        assert not correct(first.patient, bea, also={second.patient_id: seen})


# --- The page -------------------------------------------------------------------------


def typed(page: str, **values: str) -> dict[str, str]:
    seen = re.findall(r'name="seen" value="(\w+)"', page)[0]
    plain = {
        "email": NEW, "phone": "(212) 555-0199", "contact_by": "email",
        "message_language": "es", "sure": "on", "seen": seen,
    }  # fmt: skip
    return plain | values


def test_the_desk_puts_right_what_a_bounce_shows(desk: Client):
    visit = factories.a_booked_visit()
    deliver()
    delivery.bounced(visit.messages.latest("pk").message_id, "bounced", NOW)
    there = reverse("admin:contact", args=[visit.patient_id])
    change = address("change", visit)
    assert f'href="{there}?back=/admin/"' in desk.get("/admin/").text
    assert f'href="{there}?back={change}"' in desk.get(change).text
    page = desk.get(f"{there}?back={change}")
    assert f"(212) 555-0199 · {OLD}" in text_of(page)

    answer = desk.post(there, typed(page.text, back=change))

    assert answer["Location"] == change
    assert said(answer) == ["From now on, we reach them so."]
    patient = Patient.objects.get()
    assert (patient.email, patient.message_language) == (NEW, "es")
    timeline = text_of(desk.get(change))
    assert "Contact put right: email address, language of messages · Ana" in timeline
    assert OLD not in timeline
    assert "To phone" not in timeline


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"email": "", "phone": ""}, "Write a phone number or an email address."),
        ({"phone": "", "contact_by": "phone"}, "Write the number to call."),
        ({"email": "pat@"}, "Check the email address."),
        ({"message_language": "tlh"}, "Choose a language."),
        ({"sure": ""}, "Make sure who asks"),
    ],
)
def test_what_cannot_be_is_said_in_words(
    desk: Client, values: dict[str, str], problem: str
):
    visit = factories.a_request()
    there = reverse("admin:contact", args=[visit.patient_id])
    sent = typed(desk.get(there).text, **values)
    answer = desk.post(there, sent)
    assert problem in text_of(answer)
    assert Patient.objects.get().email == OLD


def test_who_was_slower_sees_what_it_is_now_and_what_they_typed(desk: Client, bea: By):
    visit = factories.a_request()
    there = reverse("admin:contact", args=[visit.patient_id])
    old = desk.get(there).text
    correct(visit.patient, bea, email="other@example.com")
    answer = desk.post(there, typed(old))
    assert "Somebody changed this since you opened the page." in text_of(answer)
    assert "· other@example.com ·" in text_of(answer)
    assert f'value="{NEW}"' in answer.text
    assert desk.post(there, typed(answer.text)).status_code == 302
    assert Patient.objects.get().email == NEW


def test_all_visits_of_a_person_are_shown_and_put_right_at_once(desk: Client, bea: By):
    first = factories.a_booked_visit()
    joined = a_second_record(first)
    workflow.merge(first.patient_id, joined.patient_id, by=bea, now=NOW)
    perhaps = a_second_record(first, "12:00")
    over = a_second_record(first, "13:00")
    workflow.cancel(over.pk, by=PATIENT, now=NOW)
    other = a_second_record(first, "14:00", given_name="Robin", family_name="Else")
    there = reverse("admin:contact", args=[first.patient_id])

    page = desk.get(there).text

    boxes = re.findall(r'name="also" value="(\d+):(\w+)"( checked)?', page)
    assert [(int(pk), bool(ticked)) for pk, _digest, ticked in boxes] == [
        (joined.patient_id, True), (perhaps.patient_id, False),
    ]  # fmt: skip
    shown = [visit.reference in page for visit in (first, joined, perhaps, over, other)]
    assert shown == [True, True, True, False, False]
    also = [f"{pk}:{digest}" for pk, digest, _ticked in boxes]

    # What was ticked stays, also where something is wrong or somebody was faster.
    wrong = desk.post(there, typed(page, email="pat@") | {"also": also}).text
    assert re.findall(r'name="also" value="(.*?)" checked', wrong) == also
    correct(perhaps.patient, bea, phone="+12125550122")
    late = desk.post(there, typed(page) | {"also": also})
    assert "Somebody changed this since you opened the page." in text_of(late)
    also = re.findall(r'name="also" value="(.*?)" checked', late.text)
    assert desk.post(there, typed(late.text) | {"also": also}).status_code == 302
    addresses = Patient.objects.order_by("pk").values_list("pk", "email")
    reached = {pk for pk, email in addresses if email == NEW}
    assert reached == {v.patient_id for v in (first, joined, perhaps)}
    assert sound()


def test_more_records_cost_no_more_queries(desk: Client, bea: By):
    first = factories.a_booked_visit()
    there = reverse("admin:contact", args=[first.patient_id])
    counts = []
    for hours in (["11:00"], ["12:00", "13:00"]):
        for hour in hours:
            second = a_second_record(first, hour)
            workflow.merge(first.patient_id, second.patient_id, by=bea, now=NOW)
        desk.get(there)
        with CaptureQueriesContext(connection) as queries:
            desk.get(there)
        counts.append(len(queries))
    assert counts[0] == counts[1]
