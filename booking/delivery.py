"""The worker: sends what the ledger owes, and tells staff how that goes.

A message is claimed in a short transaction that leases it, and sent with no connection
to the database open, so that a slow mail server holds up nobody. It is marked sent
after the server has said 250. Whoever dies in between leaves the lease to run out: the
message is then sent again under the same Message-ID and Date, so that mail programs
see one. SMTP has no better promise to offer.
"""

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.mime.text import MIMEText
from email.utils import format_datetime
from importlib import import_module
from smtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPHeloError,
    SMTPRecipientsRefused,
    SMTPResponseException,
)
from typing import Any, ParamSpec

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import Error, connection, transaction
from django.db.models import Count, Exists, Min, OuterRef

from . import clock, limits, messages, once, texting
from .models import Appointment, Heartbeat, Message, Reservation, WaitingListRules
from .models.message import IN_HAND, MessageQuerySet

logger = logging.getLogger(__name__)

P = ParamSpec("P")

LEASE = timedelta(seconds=120)
WAITS = [timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 360, 720)]
JITTER = 0.2
WORKER = "worker"
BEAT = timedelta(seconds=30)
SILENT = timedelta(minutes=5)
HOLDS_KEPT = timedelta(days=1)
# For how long, in seconds, to insist on writing down what has happened.
INSIST = 60


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that is ours until the lease runs out; `attempt` counts from 1.

    If its Message-ID is another meanwhile, it goes to another address, and what becomes
    of ours is not written down.
    """

    pk: int
    attempt: int
    message_id: str


@dataclass(frozen=True, slots=True)
class StaffStatus:
    """What the front desk has to know about messages."""

    waiting: int
    oldest_waiting: timedelta | None
    to_phone: int
    worker_silent: bool
    texts: int = 0


def staff_status(now: datetime) -> StaffStatus:
    """Return how messages stand, in three queries, or five where there are texts.

    A text in quiet hours is not late: it is counted as a text alone.
    """
    waiting = _may_go(Message.objects.owed(), now)
    owed = waiting.aggregate(n=Count("pk"), oldest=Min("created_at"))
    last_beat = Heartbeat.objects.filter(name=WORKER).first()
    return StaffStatus(
        waiting=owed["n"],
        oldest_waiting=now - owed["oldest"] if owed["oldest"] else None,
        to_phone=Message.objects.phone_these_people().still_true(now).count(),
        worker_silent=last_beat is None or now - last_beat.at > SILENT,
        texts=Message.objects.owed().filter(channel=Message.Channel.TEXT).count()
        if settings.TEXT_BACKEND
        else 0,
    )


def deliver_next() -> bool:
    """Send the message whose turn it is; tell whether there was one."""
    claim = claim_next(clock.now())
    if claim is None:
        return False
    try:
        message = Message.objects.get(pk=claim.pk)
        if message.channel == Message.Channel.TEXT and not texting.is_wanted(message):
            insist(_record_unwanted, claim)
            return True
        if messages.lacks_words(message):
            message = _put_into_words(message, clock.now())
        _carry(message)
    except Error:  # the database's: the lease runs out, and then it is tried again
        raise
    except Exception as error:  # one that cannot be sent must not stop the others
        insist(_record_failure, claim, error)
    else:
        insist(_record_sent, claim)
    return True


def claim_next(now: datetime) -> Claim | None:
    """Lease the oldest message that is due, or return None.

    Messages of one visit go out in order, mail and texts each: one waits while an
    earlier one is owed.
    """
    if not _may_go(Message.objects.due(now), now).exists():
        return None  # without keeping writers waiting, as a transaction on SQLite does
    with transaction.atomic(durable=True):
        _overtake(now)
        earlier = Message.objects.owed().filter(
            appointment=OuterRef("appointment"),
            channel=OuterRef("channel"),
            pk__lt=OuterRef("pk"),
        )
        due = _lock(_may_go(Message.objects.due(now), now).exclude(Exists(earlier)))
        found = due.values_list("pk", "attempts", "message_id").first()
        if found is None:
            return None
        claim = Claim(found[0], found[1] + 1, found[2])
        Message.objects.filter(pk=claim.pk).update(
            attempts=claim.attempt, due_at=now + LEASE, last_error=IN_HAND
        )
    return claim


def _may_go(messages: MessageQuerySet, now: datetime) -> MessageQuerySet:
    """Return those that may go out now: no texts in quiet hours."""
    if settings.TEXT_BACKEND and WaitingListRules.current().is_quiet(now):
        return messages.exclude(channel=Message.Channel.TEXT)
    return messages


def _overtake(now: datetime) -> None:
    """Give up mail that is no longer true, unless it is on its way."""
    stale = (
        Message.objects.owed().untrue(now).exclude(last_error=IN_HAND, due_at__gt=now)
    )
    if found := list(_lock(stale).values_list("pk", flat=True)):
        Message.objects.filter(pk__in=found).update(overtaken_at=now)


def _lock(messages: MessageQuerySet) -> MessageQuerySet:
    """Lock the rows, without those that another worker has locked.

    On SQLite the IMMEDIATE transaction already keeps other workers out.
    """
    if not connection.features.has_select_for_update_skip_locked:
        return messages
    return messages.select_for_update(skip_locked=True, of=("self",))


def _put_into_words(mail: Message, now: datetime) -> Message:
    """Return the mail as it is now, with the words that it is sent with each time."""
    with transaction.atomic():
        Appointment.objects.lock(mail.appointment_id)
        found = Message.objects.select_for_update(of=("self",), no_key=True)
        mail = found.get(pk=mail.pk)
        if messages.lacks_words(mail):
            messages.write_words(mail, now)
    return mail


def _mail(message: Message) -> EmailMultiAlternatives:
    """Return the mail, the same each time that it is made."""
    mail = EmailMultiAlternatives(
        message.subject,
        message.text,
        to=[message.recipient],
        headers={
            "Message-ID": message.message_id,
            "Date": format_datetime(message.created_at),
            # Asks automatic repliers for silence. Source: RFC 3834.
            "Auto-Submitted": "auto-generated",
        },
    )
    # By which a supplier says which message it reports on; SMTP has no use for it.
    mail.metadata = {"message": message.message_id}  # type: ignore[attr-defined]
    mail.attach_alternative(message.html, "text/html")
    if message.calendar:
        part = MIMEText(message.calendar, "calendar", "utf-8")
        part.set_param("method", message.calendar_method)
        part.add_header("Content-Disposition", "attachment", filename="appointment.ics")
        mail.attach(part)
    return mail


def _carry(message: Message) -> None:
    """Hand the message to who carries it. Raises what they, or the way, say."""
    if message.channel != Message.Channel.TEXT:
        return _send(_mail(message))
    if not connection.in_atomic_block:
        connection.close()
    return texting.send(message.recipient, message.text.strip(), message.message_id)


def _send(mail: EmailMultiAlternatives) -> None:
    """Hand the mail to the server. Raises what the server, or the way to it, says."""
    if not connection.in_atomic_block:
        connection.close()
    server = get_connection()
    try:
        server.open()
        if not server.send_messages([mail]):
            raise ValueError("There is no recipient.")
    finally:
        # What goes wrong after the 250 does not unsend the mail.
        with suppress(OSError):
            server.close()


def _record_sent(claim: Claim) -> None:
    ours = Message.objects.filter(pk=claim.pk, message_id=claim.message_id)
    ours.update(sent_at=clock.now(), failed_at=None, last_error="")
    logger.info("Message %s is sent.", claim.pk)


def _record_unwanted(claim: Claim) -> None:
    ours = Message.objects.filter(pk=claim.pk, attempts=claim.attempt, sent_at=None)
    ours.update(overtaken_at=clock.now(), last_error="")
    logger.info("Text %s is not sent: they want none.", claim.pk)


def _record_failure(claim: Claim, error: Exception) -> None:
    """Try again later, or make it a task for a person.

    What is written down names the error's code and class only: servers quote addresses.
    """
    now, code = clock.now(), _code(error)
    said = f"{code or ''} {type(error).__name__}".strip()
    for_good = 500 <= code < 600 or claim.attempt > len(WAITS)
    changes: dict[str, Any] = {"last_error": said}
    if for_good:
        changes["failed_at"] = now
    else:
        wait = WAITS[claim.attempt - 1]
        changes["due_at"] = now + wait * random.uniform(1, 1 + JITTER)  # noqa: S311
    # Not if another worker took over after our lease.
    ours = Message.objects.filter(
        pk=claim.pk,
        message_id=claim.message_id,
        attempts=claim.attempt,
        sent_at=None,
    )
    ours.update(**changes)
    if for_good:
        # Nobody has to phone about what is no longer true, or is said by mail as well.
        ours.untrue(now).update(overtaken_at=now)
        ours.also_told().update(overtaken_at=now)
    logger.warning(
        "Message %s %s: %s", claim.pk, "failed" if for_good else "waits", said
    )


def bounced(message_id: str, how: str, now: datetime) -> bool:
    """Note that mail that we sent did not reach the patient, or is not wanted.

    Like mail that failed, it is a task for a person, unless it is no longer true. Said
    again, or of a message that is not ours, nothing changes. Return False while it is
    still in hand: then what became of it is not written down yet.
    """
    with transaction.atomic():
        mail = Message.objects.filter(channel=Message.Channel.EMAIL)
        of_this = mail.filter(message_id=f"<{message_id.strip('<>')}>")
        ours = of_this.select_for_update(of=("self",)).first()
        if ours is None or ours.failed_at or ours.overtaken_at:
            return True
        if ours.sent_at is None:
            return False
        of_this.update(sent_at=None, failed_at=now, last_error=how[:120])
        of_this.untrue(now).update(overtaken_at=now)
    logger.warning("Message %s did not arrive: %s", ours.pk, how)
    return True


def _code(error: Exception) -> int:
    """Return what the server answered to this message, or 0.

    What it says to us rather than to the message, as when it refuses our password, is
    no fault of the message, which keeps its tries.
    """
    if isinstance(error, SMTPRecipientsRefused):
        return max(int(code) for code, _said in error.recipients.values())
    if isinstance(error, SMTPConnectError | SMTPHeloError | SMTPAuthenticationError):
        return 0
    if isinstance(error, SMTPResponseException):
        return error.smtp_code
    return 0


def insist(write: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Write, over a restart of the database too: a mail would be sent twice otherwise,
    and a chore wait until its lease is over.
    """
    deadline = time.monotonic() + INSIST
    while True:
        try:
            write(*args, **kwargs)
        except Error:
            if time.monotonic() > deadline or connection.in_atomic_block:
                raise
            logger.warning(
                "The database is away, and what is to be written down waits."
            )
            connection.close()
            time.sleep(1)
        else:
            return


def beat(now: datetime) -> None:
    """Let staff see that the worker lives."""
    Heartbeat.objects.update_or_create(name=WORKER, defaults={"at": now})


def purge(now: datetime) -> None:
    """Delete what is of no more use: old counts and keys, lapsed holds, sessions."""
    limits.purge(now)
    once.purge(now)
    Reservation.objects.soft_holds().lapsed(now - HOLDS_KEPT).delete()
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
