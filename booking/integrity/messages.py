"""Messages that nobody sends, and texts that nobody wanted."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from booking.delivery import LEASE
from booking.encryption import digests
from booking.models import (
    Message,
    TextConsent,
    TextPurpose,
    TextStop,
    WaitingListRules,
    purpose_of,
)
from booking.models.message import IN_HAND

from .fault import PATIENCE, Fault, pages

TEXT = Message.Channel.TEXT
# A lease that ran out is taken over at the next look, seconds later.
LEASE_PATIENCE = timedelta(minutes=5)


def find(now: datetime) -> Iterator[Fault]:
    yield from _silent_messages(now)
    yield from _text_messages(now)


def _silent_messages(now: datetime) -> Iterator[Fault]:
    earlier = Message.objects.owed().filter(
        appointment=OuterRef("appointment"),
        channel=OuterRef("channel"),
        pk__lt=OuterRef("pk"),
    )
    # Behind an earlier one of the same visit, waiting is right; so it is for a text in
    # quiet hours, and when they have just ended.
    next_in_line = Message.objects.due(now).exclude(Exists(earlier))
    if any(map(WaitingListRules.current().is_quiet, (now, now - PATIENCE))):
        next_in_line = next_in_line.exclude(channel=TEXT)
    for pk, due_at, last_error in next_in_line.values_list(
        "pk", "due_at", "last_error"
    ):
        if last_error == IN_HAND and due_at <= now - LEASE_PATIENCE:
            yield Fault(
                "dead_lease",
                f"Message {pk} was taken by a worker that never said what became of"
                " it, and none has taken it over. Is a worker running?",
            )
        elif due_at <= now - PATIENCE:
            yield Fault(
                "stuck_message",
                f"Message {pk} is due since {due_at:%Y-%m-%d %H:%M} UTC and not sent."
                " Is a worker running?",
            )


def _text_messages(now: datetime) -> Iterator[Fault]:
    """See that texts went to who agreed and had not said stop, and none is overdue.

    Those whose address was removed, when the clinic had kept it for long enough, say no
    more to whom they went.
    """
    if not any(map(WaitingListRules.current().is_quiet, (now, now - PATIENCE))):
        texts = Message.objects.owed().filter(channel=TEXT, due_at__lte=now - PATIENCE)
        for pk in texts.untrue(now).order_by("pk").values_list("pk", flat=True):
            yield Fault(
                "text_for_nothing",
                f"Text {pk} is owed, though what it says is over. Is a worker running?",
            )
    for page in pages(Message.objects.filter(channel=TEXT)):
        texts = Message.objects.filter(pk__in=[pk for (pk,) in page], emptied_at=None)
        sent = texts.filter(sent_at__isnull=False).select_related("appointment")
        yield from _sent_texts(sent.defer("text", "html", "calendar").order_by("pk"))


def _sent_texts(texts: "QuerySet[Message]") -> Iterator[Fault]:
    """Compare texts with what was agreed and said for their numbers: three queries."""
    numbers = {text.pk: set(digests("text_stop", text.recipient)) for text in texts}
    agreed: dict[tuple[int, str], TextConsent] = {
        (consent.patient_id, consent.purpose): consent
        for consent in TextConsent.objects.filter(
            patient__in={text.appointment.patient_id for text in texts}
        )
    }
    all_numbers = set().union(*numbers.values())
    stops = list(TextStop.objects.filter(number_index__in=all_numbers))
    for text in texts:
        purpose, number = purpose_of(text.kind), numbers[text.pk]
        consent = agreed.get((text.appointment.patient_id, purpose))
        if (
            consent is None
            or consent.number_index not in number
            or consent.at > text.created_at
        ):
            # Made anonymous since it was read?
            if Message.objects.filter(pk=text.pk, emptied_at=None).exists():
                yield Fault(
                    "text_without_consent",
                    f"Text {text.pk} of visit {text.appointment_id} went to a number"
                    " for which nobody had agreed to it.",
                )
            continue
        sent_at = text.sent_at or text.created_at
        # What was being sent as somebody said stop cannot be called back.
        if any(
            consent.at <= stop.at <= sent_at - LEASE
            and not (stop.ended_at and stop.ended_at <= sent_at)
            for stop in stops
            if stop.number_index in number
            and stop.purpose in (purpose, TextPurpose.ALL)
        ):
            yield Fault(
                "text_after_stop",
                f"Text {text.pk} of visit {text.appointment_id} went to a number from"
                " which stop had come.",
            )
