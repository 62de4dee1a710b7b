"""Whoever lost the link is sent it by mail; nobody learns who comes to the clinic."""

import re
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from booking import finding, integrity, links, workflow
from booking.errors import NotAllowed, NotPossibleNow
from booking.models import Appointment, AuditEvent, Hit, LinkRequest, Message
from booking.workflow import PATIENT
from tests import factories
from tests.factories import NOW, at
from tests.records import nothing_written

from .desk import said, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

FIND, ASKED = "/appointment/find/", "/appointment/find/asked/"
BORN = date(1980, 2, 29)


def typed(email: str = "pat@example.com", year: int = 1980) -> dict[str, Any]:
    born = {"month": "2", "day": "29", "year": str(year)}
    return {"email": email} | {f"birth_date_{k}": v for k, v in born.items()}


def sent(visit: Appointment) -> list[str]:
    return re.findall(r"/appointments/([\w-]{43})/", _last(visit).text)


def _last(visit: Appointment) -> Message:
    return visit.messages.filter(kind="link").latest("pk")


def test_the_link_goes_by_mail_to_who_says_whose_visit_it_is(client: Client):
    visit = factories.a_booked_visit()
    old = links.issue(visit, now=NOW)

    answer = client.post(FIND, typed(email="Pat@Example.com"))

    assert (answer.status_code, answer["Location"]) == (302, ASKED)
    assert "If we have a visit for what you wrote" in text_of(client.get(ASKED))
    assert not Message.objects.filter(kind="link").exists()
    finding.send_links(NOW)
    [token] = sent(visit)
    assert links.find(token, now=NOW) == visit
    assert links.find(old, now=NOW) == visit
    message = _last(visit)
    assert (message.channel, message.recipient) == ("email", "pat@example.com")
    assert message.subject.startswith("Your appointment is confirmed – your link")
    assert not LinkRequest.objects.exists()
    assert list(integrity.find(NOW)) == []


def test_each_visit_that_is_not_over_is_sent_and_no_other(clock: Traveller):
    visit_type = factories.a_practice()
    request = factories.a_request(visit_type)
    booked = factories.a_booked_visit(visit_type, at("11:00"))
    gone = factories.a_request(visit_type, at("12:00"))
    workflow.cancel(gone.pk, by=PATIENT, now=NOW)
    others = [
        factories.a_request(visit_type, start, patient=factories.patient_details(**who))
        for start, who in (
            (at("13:00"), {"email": "ann@example.com"}),
            (at("14:00"), {"birth_date_text": "1980-03-01"}),
            (at("15:00"), {"contact_by": "phone"}),
        )
    ]
    finding.ask("pat@example.com", BORN, now=NOW)
    finding.send_links(NOW)
    found = Message.objects.filter(kind="link").order_by("appointment")
    assert [m.appointment for m in found] == [request, booked]
    assert all(v.messages.count() == 1 for v in others)
    finding.ask("pat@example.com", BORN, now=NOW)
    finding.send_links(at("11:30"))
    assert _last(request).occasion == at("11:30")
    assert _last(booked).occasion == NOW


@pytest.mark.either_database
def test_who_comes_here_costs_and_reads_the_same_as_who_does_not():
    """200 pairs: the same statements, and the same bytes."""
    visit_type = factories.a_practice()
    factories.a_booked_visit(visit_type)
    seen: set[tuple[Any, ...]] = set()
    for n in range(200):
        for who in (typed(), typed(email=f"no{n}@example.com")):
            LinkRequest.objects.all().delete()
            client = Client(REMOTE_ADDR=f"192.0.2.{n}")
            with CaptureQueriesContext(connection) as run:
                answer = client.post(FIND, who)
            statements = tuple(
                re.sub(r"'[^']*'|\"s\d+_x\d+\"|\b\d+\b", "?", q["sql"])
                for q in run.captured_queries
            )
            headers = (answer["Location"], answer.status_code, answer.content)
            seen.add((statements, headers, LinkRequest.objects.count()))
            Hit.objects.all().delete()
    assert len(seen) == 1


def test_asked_twice_it_is_sent_once(client: Client):
    visit = factories.a_booked_visit()
    for _ in range(2):
        client.post(FIND, typed())
    assert LinkRequest.objects.count() == 1
    finding.send_links(NOW)
    assert visit.messages.filter(kind="link").count() == 1


def test_one_address_asks_ten_times_an_hour_and_for_one_email_thrice_a_day():
    client = Client()
    answers = [client.post(FIND, typed(email=f"n{n}@example.com")) for n in range(11)]
    assert [a.status_code for a in answers] == [302] * 10 + [429]
    assert "Please call us instead" in text_of(answers[10])
    LinkRequest.objects.all().delete()
    for n in range(4):
        other = Client(REMOTE_ADDR=f"192.0.2.{n}")
        assert other.post(FIND, typed()).status_code == 302
        made = LinkRequest.objects.all().delete()[0]
        assert made == (n < 3)


@pytest.mark.parametrize(
    "wrong", [{}, typed(email="x"), typed() | {"birth_date_month": "13"}]
)
def test_what_is_no_answer_is_said_and_written_nowhere(
    client: Client, wrong: dict[str, Any]
):
    with nothing_written():
        page = client.post(FIND, wrong)
    assert page.status_code == 422
    assert "There is a problem" in page.content.decode()


def test_pages_that_open_nothing_lead_here(client: Client):
    for path in ("/appointment/", "/appointments/x/", "/visit-us/"):
        assert f'href="{FIND}"' in client.get(path).content.decode()


# --- Staff ----------------------------------------------------------------------------


def test_staff_end_all_links_and_a_new_one_goes_out(desk: Client):
    visit = factories.a_booked_visit()
    old = [links.issue(visit, now=NOW) for _ in range(2)]
    patient = Client()
    patient.get(f"/appointments/{old[0]}/")
    page = f"/admin/booking/appointment/{visit.pk}/"
    workflow.send_link(visit.pk, now=NOW - timedelta(minutes=1))  # which ends none
    newest = _last(visit).pk
    assert f'name="newest" value="{newest}"' in desk.get(f"{page}change/").text
    events = AuditEvent.objects.count()

    for _ in range(2):  # a double click
        answer = desk.post(f"{page}link/", {"newest": newest})
        assert "a new link is owed" in " ".join(said(answer))

    assert [links.find(token, now=NOW) for token in old] == [None, None]
    assert patient.get("/appointment/").status_code == 403
    [token] = sent(visit)
    assert links.find(token, now=NOW) == visit
    assert visit.messages.filter(kind="link").count() == 2
    changes = AuditEvent.objects.filter(action="change").count()
    assert changes == 1
    assert AuditEvent.objects.count() > events
    assert list(integrity.find(NOW)) == []


def test_mail_that_waits_has_no_link_that_has_ended():
    visit = factories.a_booked_visit()
    owed = visit.messages.owed().order_by("pk")
    assert owed.count() == 2  # the request was received, and confirmed
    workflow.reset_links(visit.pk, by=factories.a_front_desk_person(), now=NOW)
    tokens = [re.findall(r"/appointments/([\w-]{43})/", m.text) for m in owed]
    assert len(tokens) == 3
    for [token], message in zip(tokens, owed, strict=True):
        assert links.find(token, now=NOW) == visit
        assert token in message.html
    assert visit.links.filter(revoked_at=None).count() == 3
    assert list(integrity.find(NOW)) == []


def test_a_backup_brings_back_no_link_that_has_ended_since():
    visit = factories.a_booked_visit()
    by_phone = factories.patient_details(email="", contact_by="phone")
    phoned = factories.a_booked_visit(None, at("11:00"), patient=by_phone)
    over = factories.a_request(None, at("14:00"))
    workflow.cancel(over.pk, by=PATIENT, now=NOW)
    ended = links.issue(visit, now=NOW)
    workflow.reset_links(visit.pk, by=factories.a_front_desk_person(), now=NOW)
    visit.links.update(revoked_at=None)  # as the backup has it
    later = NOW + timedelta(minutes=1)

    with time_machine.travel(later, tick=False):
        call_command("reset_links", stdout=(said := StringIO()))

    assert "new ones to send: 1." in said.getvalue()
    assert links.find(ended, now=later) is None
    assert links.find(sent(visit)[0], now=later) == visit
    assert not phoned.messages.filter(kind="link").exists()
    assert not over.messages.filter(kind="link").exists()
    for message in Message.objects.owed().filter(channel="email"):
        [token] = re.findall(r"/appointments/([\w-]{43})/", message.text)
        assert links.find(token, now=later) == message.appointment
    assert list(integrity.find(later)) == []


def test_who_has_no_mail_is_told_by_phone_that_the_link_ended():
    by_phone = factories.patient_details(email="", contact_by="phone")
    visit = factories.a_booked_visit(patient=by_phone)
    desk = factories.a_front_desk_person()
    assert workflow.reset_links(visit.pk, by=desk, now=NOW + timedelta(minutes=1))
    message = _last(visit)
    assert message.channel == "phone"
    assert "no longer opens anything" in message.text
    assert not visit.links.filter(revoked_at=None).exists()


def test_only_staff_end_links_and_not_of_what_was_made_anonymous():
    visit = factories.a_booked_visit()
    with pytest.raises(NotAllowed), nothing_written():
        workflow.reset_links(visit.pk, by=PATIENT, now=NOW)
    Appointment.objects.filter(pk=visit.pk).update(forgotten_at=NOW)
    desk = factories.a_front_desk_person()
    with pytest.raises(NotPossibleNow), nothing_written():
        workflow.reset_links(visit.pk, by=desk, now=NOW)
