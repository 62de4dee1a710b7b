"""A supplier of mail says that a message bounced: a person has to phone, once."""

import base64
import json
from typing import Any

import pytest
from django.core import mail
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings

from booking import delivery, integrity, workflow
from booking.models import Appointment, Message
from booking.views import suppliers
from booking.workflow import PATIENT
from clinic_site.urls import urlpatterns as others
from tests import factories
from tests.factories import NOW

from .suppliers import SUPPLIERS, Supplier

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

SECRET = "postmark:" + "s" * 24
# Anymail says of SendGrid that its author can no longer try it.
not_supported = pytest.mark.filterwarnings("ignore:django-anymail has dropped")
urlpatterns = [path("mail/events/", suppliers.mail_events), *others]


@pytest.fixture(autouse=True)
def with_a_supplier(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    settings.MAIL_SUPPLIER = "postmark"
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET}


@pytest.fixture
def sent() -> Message:
    """Give a confirmation that went out."""
    visit = factories.a_booked_visit()
    while delivery.deliver_next():
        pass
    return visit.messages.get(kind="confirmed")


def report(event: dict[str, Any], secret: str = SECRET) -> HttpResponse:
    proof = base64.b64encode(secret.encode()).decode()
    return Client(enforce_csrf_checks=True).post(
        "/mail/events/", json.dumps(event), content_type="application/json",
        headers={"Authorization": f"Basic {proof}"},
    )  # fmt: skip


def a_bounce(message: Message, **values: Any) -> dict[str, Any]:
    return {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "ID": 4323372036854775807,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Metadata": {"message": message.message_id},
        "Email": "pat@example.com",
        "BouncedAt": "2026-11-16T14:05:00Z",
        "Description": "pat@example.com does not exist",
    } | values


def test_what_goes_out_says_by_which_key_it_is_reported(sent: Message):
    assert mail.outbox[-1].metadata == {"message": sent.message_id}


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({}, "bounced"),
        ({"Type": "BadEmailAddress"}, "rejected"),
        ({"RecordType": "SpamComplaint", "Type": "SpamComplaint"}, "complained"),
        ({"Metadata": {}, "MessageID": None}, "bounced"),
    ],
    ids=["bounce", "bad address", "complaint", "by its own key"],
)
def test_mail_that_did_not_arrive_is_a_call_however_often_it_is_said(
    sent: Message, values: dict[str, Any], error: str
):
    if "MessageID" in values:
        values = values | {"MessageID": sent.message_id.strip("<>")}
    for _ in range(2):
        assert report(a_bounce(sent, **values)).status_code == 200
    sent.refresh_from_db()
    assert (sent.sent_at, sent.failed_at, sent.last_error) == (None, NOW, error)
    assert list(Message.objects.phone_these_people().still_true(NOW)) == [sent]
    assert not delivery.deliver_next()
    assert integrity.faults(NOW) == []


@pytest.fixture(params=list(SUPPLIERS))
def supplier(
    request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Supplier:
    """Let each of them carry our mail."""
    supplier = SUPPLIERS[request.param]
    settings.MAIL_SUPPLIER = supplier.code
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET, **supplier.settings}
    # Amazon's library is there to send, and to accept a topic; not to read a report.
    monkeypatch.setattr(
        "anymail.webhooks.amazon_ses._get_anymail_boto3_params",
        lambda **kwargs: ({}, {}),
    )
    return supplier


def tell(
    supplier: Supplier,
    became: str,
    message: Message,
    *,
    secret: str = SECRET,
    altered: bool = False,
) -> HttpResponse:
    body = supplier.body(became, message.message_id)
    headers = supplier.sign(body)
    if altered:
        body = body.replace(b"1794837900", b"1794837901")
        headers = {
            name: said.replace("22b80b92", "0") for name, said in headers.items()
        }
    proof = base64.b64encode(secret.encode()).decode()
    return Client(enforce_csrf_checks=True).post(
        "/mail/events/", body, content_type="application/json",
        headers=headers | {"Authorization": f"Basic {proof}"},
    )  # fmt: skip


@not_supported
@pytest.mark.parametrize("became", ["bounced", "rejected", "complained"])
def test_what_any_supplier_could_not_deliver_is_a_call(
    supplier: Supplier, sent: Message, became: str
):
    for _ in range(2):
        assert tell(supplier, became, sent).status_code == 200
    sent.refresh_from_db()
    assert (sent.sent_at, sent.failed_at, sent.last_error) == (None, NOW, became)
    assert list(Message.objects.phone_these_people().still_true(NOW)) == [sent]


@not_supported
@pytest.mark.parametrize("became", ["delivered", "later"])
def test_what_any_supplier_delivers_stays_sent(
    supplier: Supplier, sent: Message, became: str
):
    assert tell(supplier, became, sent).status_code == 200
    sent.refresh_from_db()
    assert (sent.sent_at, sent.failed_at) == (NOW, None)


@not_supported
def test_no_supplier_is_believed_without_proof(supplier: Supplier, sent: Message):
    wrong = SECRET[:-1]
    assert tell(supplier, "bounced", sent, secret=wrong).status_code == 403
    if supplier.code != "postmark":  # which has no signature
        assert tell(supplier, "bounced", sent, altered=True).status_code == 403
    sent.refresh_from_db()
    assert sent.failed_at is None


def test_who_brings_no_password_is_asked_for_it(sent: Message):
    answer = Client().post("/mail/events/", "{}", content_type="application/json")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Basic")


def test_a_call_that_was_made_stays_made(sent: Message):
    report(a_bounce(sent))
    Message.objects.filter(pk=sent.pk).update(called_at=NOW)
    report(a_bounce(sent))
    assert not Message.objects.phone_these_people().exists()


def test_nobody_phones_about_what_is_no_longer_true(sent: Message):
    workflow.cancel(sent.appointment_id, by=PATIENT, now=NOW)
    report(a_bounce(sent))
    assert not Message.objects.phone_these_people().exists()
    assert integrity.faults(NOW) == []


@pytest.mark.parametrize(
    "event",
    [
        {"RecordType": "Delivery"},
        {"Type": "Transient"},
        {"Metadata": {"message": "<another@clinic.example>"}},
    ],
    ids=["arrived", "later", "not ours"],
)
def test_other_reports_change_nothing(sent: Message, event: dict[str, Any]):
    assert report(a_bounce(sent, **event)).status_code == 200
    sent.refresh_from_db()
    assert (sent.sent_at, sent.failed_at) == (NOW, None)


def test_what_is_in_hand_is_to_be_reported_again():
    message = factories.a_request().messages.get()
    assert delivery.claim_next(NOW)
    assert report(a_bounce(message)).status_code == 503
    message.refresh_from_db()
    assert message.failed_at is None


@pytest.mark.parametrize("secret", ["postmark:wrong", "", SECRET + "x"])
def test_whoever_cannot_prove_it_is_refused(sent: Message, secret: str):
    assert report(a_bounce(sent), secret).status_code == 403
    assert Message.objects.get(pk=sent.pk).failed_at is None


@pytest.mark.parametrize("body", ["", "{", "[]", "null"])
def test_what_is_no_report_is_refused(body: str):
    proof = base64.b64encode(SECRET.encode()).decode()
    answer = Client().post(
        "/mail/events/", body, content_type="application/json",
        headers={"Authorization": f"Basic {proof}"},
    )  # fmt: skip
    assert answer.status_code == 403


def test_without_a_supplier_there_is_no_such_address(settings: Settings):
    settings.ROOT_URLCONF = "clinic_site.urls"
    visit: Appointment = factories.a_booked_visit()
    assert report(a_bounce(visit.messages.first())).status_code == 404
