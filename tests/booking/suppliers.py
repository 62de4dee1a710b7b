"""What suppliers of mail report, each in its own format, as their documentation shows.

Postmark: bounce and spam complaint webhooks. Mailgun: events under `event-data`, signed
with HMAC. SendGrid: the signed event webhook, ECDSA. Amazon SES: event publishing by
SNS. All of them bring our user:password, too.
"""

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

EMAIL = "pat@example.com"
AT = 1_794_837_900
SIGNING_KEY = "key-for-tests-alone"
PRIVATE = ec.generate_private_key(ec.SECP256R1())
PUBLIC = PRIVATE.public_key().public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
)

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Supplier:
    """One of them: how it writes what became of a message, and how it signs that.

    `write` takes what became of it and our Message-ID. `settings` are Anymail's.
    """

    code: str
    write: Callable[[str, str], Any]
    said: dict[str, dict[str, Any]]
    sign: Callable[[bytes], Headers] = lambda body: {}
    settings: dict[str, str] = field(default_factory=dict)

    def body(self, became: str, message_id: str) -> bytes:
        return json.dumps(self.write(became, message_id)).encode()


def _postmark(became: str, message_id: str) -> Any:
    return POSTMARK.said[became] | {
        "ID": 4323372036854775807,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Metadata": {"message": message_id},
        "Email": EMAIL,
        "BouncedAt": "2026-11-16T14:05:00Z",
        "Description": f"{EMAIL} does not exist",
    }


def _mailgun(became: str, message_id: str) -> Any:
    token = "a" * 50
    signed = hmac.new(SIGNING_KEY.encode(), f"{AT}{token}".encode(), sha256)
    return {
        "signature": {
            "timestamp": str(AT), "token": token, "signature": signed.hexdigest(),
        },
        "event-data": MAILGUN.said[became] | {
            "id": "G9Bn5sl1TC6nu79C8C0bwg",
            "timestamp": AT + 0.5,
            "recipient": EMAIL,
            "user-variables": {"message": message_id},
            "message": {"headers": {"to": EMAIL, "message-id": "their-own@mailgun"}},
        },
    }  # fmt: skip


def _sendgrid(became: str, message_id: str) -> Any:
    event = SENDGRID.said[became] | {
        "email": EMAIL,
        "timestamp": AT,
        "smtp-id": "<their-own@sendgrid>",
        "sg_event_id": "bounce-0-23541-MmEtZjFj",
        "message": message_id,
    }
    return [event]


def _ses(became: str, message_id: str) -> Any:
    mail = {
        "timestamp": "2026-11-16T14:05:00.000Z",
        "messageId": "0000014a-f4d4-4f89-b045-their-own",
        "destination": [EMAIL],
        "headers": [
            {"name": "X-Metadata", "value": json.dumps({"message": message_id})}
        ],
    }
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:mail",
        "Message": json.dumps(AMAZON_SES.said[became] | {"mail": mail}),
        "Timestamp": "2026-11-16T14:05:00.100Z",
    }


def _by_ecdsa(body: bytes) -> Headers:
    made = PRIVATE.sign(str(AT).encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(made).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": str(AT),
    }


def _by_sns(body: bytes) -> Headers:
    said = json.loads(body)
    return {
        "X-Amz-Sns-Message-Type": said["Type"],
        "X-Amz-Sns-Message-Id": said["MessageId"],
    }


POSTMARK = Supplier(
    "postmark",
    _postmark,
    {
        "bounced": {"RecordType": "Bounce", "Type": "HardBounce"},
        "rejected": {"RecordType": "Bounce", "Type": "BadEmailAddress"},
        "complained": {"RecordType": "SpamComplaint", "Type": "SpamComplaint"},
        "delivered": {"RecordType": "Delivery"},
        "later": {"RecordType": "Bounce", "Type": "Transient"},
    },
)
MAILGUN = Supplier(
    "mailgun",
    _mailgun,
    {
        "bounced": {
            "event": "failed", "severity": "permanent", "reason": "bounce",
            "delivery-status": {"code": 550, "message": f"550 no mailbox {EMAIL}"},
        },
        "rejected": {"event": "rejected", "reject": {"reason": "Sandbox"}},
        "complained": {"event": "complained"},
        "delivered": {"event": "delivered", "delivery-status": {"code": 250}},
        "later": {"event": "failed", "severity": "temporary", "reason": "generic"},
    },
    settings={"MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING_KEY},
)  # fmt: skip
SENDGRID = Supplier(
    "sendgrid",
    _sendgrid,
    {
        "bounced": {"event": "bounce", "type": "bounce", "status": "5.0.0"},
        "rejected": {"event": "dropped", "reason": "Bounced Address"},
        "complained": {"event": "spamreport"},
        "delivered": {"event": "delivered", "response": "250 OK"},
        "later": {"event": "deferred", "attempt": "5"},
    },
    sign=_by_ecdsa,
    settings={
        "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY": base64.b64encode(PUBLIC).decode()
    },
)
AMAZON_SES = Supplier(
    "amazon_ses",
    _ses,
    {
        "bounced": {
            "eventType": "Bounce",
            "bounce": {
                "bounceType": "Permanent", "bounceSubType": "General",
                "bouncedRecipients": [{"emailAddress": EMAIL, "status": "5.1.1"}],
            },
        },
        "rejected": {"eventType": "Reject", "reject": {"reason": "Bad content"}},
        "complained": {
            "eventType": "Complaint",
            "complaint": {
                "complaintFeedbackType": "abuse",
                "complainedRecipients": [{"emailAddress": EMAIL}],
            },
        },
        "delivered": {
            "eventType": "Delivery", "delivery": {"recipients": [EMAIL]},
        },
        "later": {"eventType": "DeliveryDelay", "deliveryDelay": {}},
    },
    sign=_by_sns,
)  # fmt: skip

SUPPLIERS = {s.code: s for s in (POSTMARK, MAILGUN, SENDGRID, AMAZON_SES)}
