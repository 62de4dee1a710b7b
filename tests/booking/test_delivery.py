"""Nothing owed is lost, sent twice, sent too late, or silently given up."""

import socket
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from django.core.management import call_command
from django.db import connection, connections
from pytest_django import Settings
from time_machine import Traveller

from booking import delivery, workflow
from booking.errors import TimeTaken
from booking.models import Appointment, Heartbeat, Hit, Message, Reservation
from booking.workflow import PATIENT
from tests import factories
from tests.factories import NOW, at
from tests.servers import MailServer

pytestmark = pytest.mark.usefixtures("clock")
committed = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mail_to(settings: Settings) -> Any:
    """Let this process send to the given mail server."""

    def use(server: MailServer) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port

    return use


@pytest.fixture
def mail(smtp: MailServer, mail_to: Any) -> MailServer:
    mail_to(smtp)
    return smtp


def deliver_all() -> int:
    """Deliver what is due now; return how many messages were tried."""
    tried = 0
    while delivery.deliver_next():
        tried += 1
    return tried


def state(visit: Appointment) -> list[tuple[str, str, int, str]]:
    """Return kind, what became of it, tries and last error of each message."""
    rows = []
    for m in visit.messages.order_by("pk"):
        became = [
            word
            for word, when in [
                ("sent", m.sent_at), ("failed", m.failed_at),
                ("overtaken", m.overtaken_at),
            ]
            if when
        ]  # fmt: skip
        rows.append((m.kind, " ".join(became) or "owed", m.attempts, m.last_error))
    return rows


# --- Sent once ----------------------------------------------------------------------


@committed
def test_what_is_owed_is_sent_as_it_was_written(mail: MailServer):
    visit = factories.a_booked_visit()
    row = visit.messages.get(kind="confirmed")
    assert deliver_all() == 1  # the receipt is overtaken by the confirmation
    (sent,) = mail.messages
    body = sent.get_body(("plain",))
    html = sent.get_body(("html",))
    assert body
    assert html
    assert {
        name: str(sent[name])
        for name in ("Subject", "From", "To", "Message-ID", "Date", "Auto-Submitted")
    } == {
        "Subject": "Confirmed: Tuesday, November 17, 10:00 AM",
        "From": "front-desk@clinic.example",
        "To": "pat@example.com",
        "Message-ID": row.message_id,
        "Date": "Mon, 16 Nov 2026 14:00:00 +0000",
        "Auto-Submitted": "auto-generated",
    }
    assert body.get_content().splitlines() == row.text.splitlines()
    assert html.get_content().splitlines() == row.html.splitlines()
    (entry,) = sent.iter_attachments()
    assert entry["Content-Type"] == 'text/calendar; charset="utf-8"; method="REQUEST"'
    assert entry.get_content().splitlines() == row.calendar.splitlines()
    assert mail.recipients == [["pat@example.com"]]
    assert state(visit) == [
        ("received", "overtaken", 0, ""),
        ("confirmed", "sent", 1, ""),
    ]
    assert deliver_all() == 0


@committed
def test_a_change_that_is_rolled_back_talks_to_no_mail_server(mail_to: Any):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        mail_to(type("Address", (), {"port": listener.getsockname()[1]}))
        visit_type = factories.a_practice()
        with pytest.raises(TimeTaken):
            factories.a_request(visit_type, at("10:00"), at("10:05"))
        assert deliver_all() == 0
        assert Message.objects.count() == 0
        with pytest.raises(TimeoutError):
            listener.accept()


@committed
@pytest.mark.postgresql  # SQLite's database of the tests lives in its connection
def test_no_connection_to_the_database_is_open_while_the_mail_server_talks(
    mail_to: Any,
):
    ours = connections["default"]
    open_then: list[bool] = []

    class Looks(MailServer):
        async def handle_DATA(self, *args: Any) -> str:  # noqa: N802
            open_then.append(ours.connection is not None)
            return await super().handle_DATA(*args)

    server = Looks()
    mail_to(server)
    factories.a_request()
    deliver_all()
    server.stop()
    assert open_then == [False]


# --- A mail server that is away, or says no -----------------------------------------


@committed
def test_mail_waits_while_the_server_is_away_and_is_sent_once_when_it_is_back(
    mail: MailServer, clock: Traveller
):
    mail.stop()
    visit = factories.a_request()
    assert deliver_all() == 1
    assert state(visit) == [("received", "owed", 1, "ConnectionRefusedError")]
    assert deliver_all() == 0
    tried = visit.messages.get().text
    waiting = delivery.staff_status(NOW + timedelta(seconds=30))
    assert (waiting.waiting, waiting.oldest_waiting) == (1, timedelta(seconds=30))

    mail.start()
    clock.shift(timedelta(seconds=59))
    assert deliver_all() == 0
    clock.shift(timedelta(seconds=13 + 1))
    assert deliver_all() == 1
    assert state(visit) == [("received", "sent", 2, "")]
    (sent,) = mail.messages
    body = sent.get_body(("plain",))
    assert body
    # Put into words before the first try, and with one link.
    assert body.get_content().splitlines() == tried.splitlines()
    assert visit.links.count() == 1
    assert delivery.staff_status(NOW).waiting == 0


@committed
def test_after_eight_tries_a_person_has_to_phone(mail: MailServer, clock: Traveller):
    mail.answer = "451 4.3.0 pat@example.com: try later"
    visit = factories.a_request()
    waits = []
    for _ in range(7):
        assert deliver_all() == 1
        message = visit.messages.get()
        wait = message.due_at - datetime.now(message.due_at.tzinfo)
        waits.append(wait)
        assert (message.failed_at, message.last_error) == (None, "451 SMTPDataError")
        clock.shift(wait)
    for wait, minutes in zip(waits, (1, 5, 15, 60, 180, 360, 720), strict=True):
        assert timedelta(minutes=minutes) <= wait <= timedelta(minutes=minutes * 1.2)
    assert deliver_all() == 1
    assert state(visit) == [("received", "failed", 8, "451 SMTPDataError")]
    assert list(Message.objects.phone_these_people()) == list(visit.messages.all())
    assert mail.messages == []


@committed
@pytest.mark.parametrize("code", [500, 521, 550, 552, 554, 571])
def test_a_refusal_for_good_is_a_task_at_once(mail: MailServer, code: int):
    mail.answer = f"{code} no"
    visit = factories.a_request()
    deliver_all()
    assert state(visit) == [("received", "failed", 1, f"{code} SMTPDataError")]
    assert delivery.staff_status(NOW).to_phone == 1


@committed
@pytest.mark.parametrize("code", [421, 431, 450, 451, 452])
def test_a_refusal_for_now_is_tried_again(mail: MailServer, code: int):
    mail.answer = f"{code} not now"
    visit = factories.a_request()
    deliver_all()
    assert state(visit) == [("received", "owed", 1, f"{code} SMTPDataError")]


@committed
@pytest.mark.parametrize(
    ("answer", "became"),
    [("550 no such person", "failed"), ("450 mailbox busy", "owed")],
)
def test_an_address_that_is_refused_is_not_written_into_the_error(
    mail_to: Any, answer: str, became: str
):
    class Refuses(MailServer):
        async def handle_RCPT(self, *args: Any) -> str:  # noqa: N802
            return answer

    server = Refuses()
    mail_to(server)
    visit = factories.a_request()
    deliver_all()
    server.stop()
    error = f"{answer[:3]} SMTPRecipientsRefused"
    assert state(visit) == [("received", became, 1, error)]


@committed
def test_a_password_that_is_refused_costs_no_message(mail_to: Any, settings: Settings):
    class KnowsNobody(MailServer):
        def start(self) -> None:
            self.controller = Controller(
                self, hostname="127.0.0.1", port=self.port, auth_require_tls=False,
                authenticator=lambda *_: AuthResult(success=False, handled=False),
            )  # fmt: skip
            self.controller.start()

    server = KnowsNobody()
    mail_to(server)
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "clinic", "wrong"
    visit = factories.a_request()
    deliver_all()
    server.stop()
    assert state(visit) == [("received", "owed", 1, "SMTPAuthenticationError")]


@committed
def test_a_line_that_drops_after_the_data_sends_the_same_message_again(
    mail_to: Any, clock: Traveller
):
    class Drops(MailServer):
        dropping = True

        async def handle_DATA(  # noqa: N802
            self, server: SMTP, session: Session, envelope: Envelope
        ) -> str:
            answer = await super().handle_DATA(server, session, envelope)
            if self.dropping:
                assert server.transport
                server.transport.abort()
            return answer

    server = Drops()
    mail_to(server)
    visit = factories.a_request()
    deliver_all()
    assert state(visit) == [("received", "owed", 1, "SMTPServerDisconnected")]
    server.dropping = False
    clock.shift(timedelta(minutes=2))
    deliver_all()
    server.stop()
    first, second = server.messages
    assert [first[name] for name in ("Message-ID", "Date", "Subject")] == [
        second[name] for name in ("Message-ID", "Date", "Subject")
    ]
    assert state(visit) == [("received", "sent", 2, "")]


@committed
def test_one_that_cannot_be_made_does_not_stop_the_others(mail: MailServer):
    broken = factories.a_request()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE booking_message SET text = 'enc1:not a cipher'")
    fine = factories.a_request(broken.visit_type, at("11:00"))
    assert deliver_all() == 2
    errors = Message.objects.order_by("pk").values_list("attempts", "last_error")
    assert list(errors) == [(1, "Unreadable"), (1, "")]
    assert [m["Subject"] for m in mail.messages] == [
        f"Request received – not booked yet ({fine.reference})"
    ]


@committed
@pytest.mark.parametrize(
    "address",
    ["pat@example.com\nBcc: all@example.com", "pat@example.com\r\nSubject: You won"],
)
def test_an_address_can_carry_no_header_of_its_own(mail: MailServer, address: str):
    patient = factories.patient_details(email=address)
    visit = factories.a_request(patient=patient)
    deliver_all()
    assert mail.messages == []
    assert state(visit) == [("received", "owed", 1, "ValueError")]


@committed
def test_a_name_reaches_no_header(mail: MailServer):
    name = "Pat\r\nBcc: all@example.com"
    patient = factories.patient_details(given_name=name, family_name=name)
    factories.a_request(patient=patient, requested_by_name=name)
    deliver_all()
    (sent,) = mail.messages
    assert set(sent.keys()) == {
        "Content-Type", "MIME-Version", "Subject", "From", "To", "Message-ID", "Date",
        "Auto-Submitted",
    }  # fmt: skip
    assert mail.recipients == [["pat@example.com"]]


# --- In order, and never stale --------------------------------------------------------


@committed
def test_a_message_about_a_state_that_is_over_is_never_sent(mail: MailServer):
    visit = factories.a_booked_visit()
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    deliver_all()
    assert state(visit) == [
        ("received", "overtaken", 0, ""),
        ("confirmed", "overtaken", 0, ""),
        ("cancelled", "sent", 1, ""),
    ]
    assert [m["Subject"] for m in mail.messages] == [
        "Cancelled: your appointment on Tuesday, November 17"
    ]


def with_a_time() -> Appointment:
    """Return a visit on Friday whose patient would like an earlier time."""
    visit = factories.a_booked_visit(None, at("15:00", factories.FRIDAY))
    return workflow.want_earlier(visit.pk, factories.a_wish(), by=PATIENT, now=NOW)


@committed
def test_a_confirmation_of_the_old_time_is_not_sent_after_a_move(mail: MailServer):
    visit = factories.an_offer(with_a_time())
    offer = factories.offered(visit)
    workflow.take(visit.pk, offer.pk, by=PATIENT, now=NOW)
    deliver_all()
    assert state(visit) == [
        ("received", "overtaken", 0, ""),
        ("confirmed", "overtaken", 0, ""),
        ("on_list", "overtaken", 0, ""),
        ("offered", "overtaken", 0, ""),
        ("moved", "sent", 1, ""),
    ]


@committed
def test_a_confirmation_goes_out_although_more_is_wanted(mail: MailServer):
    visit = factories.an_offer(with_a_time())
    deliver_all()
    assert state(visit)[1:] == [
        ("confirmed", "sent", 1, ""),
        ("on_list", "sent", 1, ""),
        ("offered", "sent", 1, ""),
    ]


@committed
def test_an_offer_is_not_sent_once_it_has_ended(mail: MailServer, clock: Traveller):
    visit = factories.an_offer(with_a_time())
    clock.shift(timedelta(hours=2))  # and nobody has swept it yet
    deliver_all()
    assert state(visit)[-1] == ("offered", "overtaken", 0, "")


@committed
def test_an_offer_that_was_answered_is_not_sent_while_the_next_one_is_open(
    mail: MailServer,
):
    visit = factories.an_offer(with_a_time(), at("10:00"))
    workflow.pass_(visit.pk, by=PATIENT, now=NOW)
    factories.an_offer(visit, at("12:00"))
    deliver_all()
    assert state(visit)[-3:] == [
        ("offered", "overtaken", 0, ""),
        ("offer_ended", "sent", 1, ""),
        ("offered", "sent", 1, ""),
    ]


@committed
def test_who_is_off_the_list_is_not_told_that_they_are_on_it(mail: MailServer):
    visit = with_a_time()
    workflow.stop_wanting(visit.pk, by=PATIENT, now=NOW)
    deliver_all()
    assert state(visit)[-2:] == [
        ("on_list", "overtaken", 0, ""),
        ("left", "sent", 1, ""),
    ]


@committed
def test_a_failed_offer_that_has_ended_is_no_call(mail: MailServer, clock: Traveller):
    mail.answer = "550 no"
    factories.an_offer(factories.somebody_waiting())
    clock.shift(timedelta(hours=1))
    deliver_all()
    assert delivery.staff_status(NOW + timedelta(hours=1)).to_phone == 1
    assert delivery.staff_status(NOW + timedelta(hours=2)).to_phone == 0


@committed
def test_stale_mail_that_waits_for_its_next_try_delays_nothing(mail: MailServer):
    visit = factories.a_booked_visit()
    mail.answer = "451 try later"
    deliver_all()
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    mail.answer = "250 OK"
    deliver_all()
    assert state(visit)[1:] == [
        ("confirmed", "overtaken", 1, "451 SMTPDataError"),
        ("cancelled", "sent", 1, ""),
    ]


@committed
def test_a_later_message_waits_for_one_of_the_same_visit_that_is_on_its_way():
    visit = factories.a_booked_visit()
    other = factories.a_request(visit.visit_type, at("11:00"))
    on_its_way = delivery.claim_next(NOW)
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    theirs = delivery.claim_next(NOW)
    assert on_its_way
    assert theirs
    assert Message.objects.get(pk=on_its_way.pk).kind == "confirmed"
    assert Message.objects.get(pk=theirs.pk).appointment == other
    assert delivery.claim_next(NOW) is None
    delivery._record_sent(on_its_way)
    last = delivery.claim_next(NOW)
    assert last
    assert Message.objects.get(pk=last.pk).kind == "cancelled"


@committed
def test_a_failure_that_is_overtaken_is_no_task():
    visit = factories.a_booked_visit()
    claim = delivery.claim_next(NOW)
    assert claim
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    refused = SMTPRecipientsRefused({"pat@example.com": (550, b"no")})
    delivery._record_failure(claim, refused)
    assert list(Message.objects.phone_these_people()) == []


@committed
def test_a_worker_that_lost_its_lease_does_not_undo_what_the_next_one_did(
    clock: Traveller,
):
    visit = factories.a_request()
    slow = delivery.claim_next(NOW)
    clock.shift(delivery.LEASE)
    quick = delivery.claim_next(NOW + delivery.LEASE)
    assert slow
    assert quick
    assert quick.pk == slow.pk
    delivery._record_failure(slow, OSError())
    assert state(visit) == [("received", "owed", 2, delivery.IN_HAND)]
    delivery._record_sent(quick)
    delivery._record_failure(slow, OSError())
    assert state(visit) == [("received", "sent", 2, "")]


@committed
def test_a_call_is_left_to_a_person(mail: MailServer):
    factories.a_request(patient=factories.patient_details(email=""))
    assert deliver_all() == 0
    assert delivery.staff_status(NOW).to_phone == 1


# --- The worker -------------------------------------------------------------------


@committed
def test_one_round_sends_keeps_house_and_ends(mail: MailServer, clock: Traveller):
    visit_type = factories.a_practice()
    workflow.hold(visit_type, at("10:00"), key="old", now=NOW)
    Hit.objects.create(key="x", window=int(NOW.timestamp()) - 3 * 86400, count=1)
    clock.shift(timedelta(days=1, minutes=15))
    now = NOW + timedelta(days=1, minutes=15)
    workflow.hold(visit_type, at("12:00", factories.WEDNESDAY), key="new", now=now)
    assert delivery.staff_status(now).worker_silent
    factories.a_request(visit_type, at("11:00", factories.WEDNESDAY), now=now)

    call_command("run_worker", "--once")

    assert len(mail.messages) == 1
    keys = Reservation.objects.exclude(hold_key="").values_list("hold_key", flat=True)
    assert set(keys) == {"new"}
    assert not Hit.objects.exists()
    assert Heartbeat.objects.get().at == now
    assert not delivery.staff_status(now + delivery.SILENT).worker_silent
    later = now + delivery.SILENT + timedelta(seconds=1)
    assert delivery.staff_status(later).worker_silent


@pytest.mark.django_db
def test_the_badge_costs_the_same_for_one_message_and_for_three(
    django_assert_num_queries: Any,
):
    visit_type = factories.a_practice()
    for start in ("10:00", "11:00", "12:00"):
        factories.a_request(visit_type, at(start))
        with django_assert_num_queries(3):
            delivery.staff_status(NOW)
