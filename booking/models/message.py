"""The ledger of what is owed to people, and of what became of it."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from booking.encryption import EncryptedTextField

from .appointment import Appointment, Proposal
from .event import AppointmentEvent
from .waiting import WaitingListEntry

# What `last_error` says of mail that a worker has leased until `due_at`.
IN_HAND = "sending"


class MessageQuerySet(models.QuerySet["Message"]):
    def owed(self) -> "MessageQuerySet":
        """Return mail and texts that were neither sent nor given up nor overtaken."""
        # No phone call, rather than mail: by which SQLite would go through all mail.
        return self.exclude(channel=Message.Channel.PHONE).filter(
            sent_at=None, failed_at=None, overtaken_at=None
        )

    def due(self, now: datetime) -> "MessageQuerySet":
        """Return owed mail whose turn it is, oldest first."""
        return self.owed().filter(due_at__lte=now).order_by("due_at", "pk")

    def told(self, now: datetime) -> "MessageQuerySet":
        """Return what reached the patient, as far as we know, or is on its way."""
        in_hand = Q(last_error=IN_HAND, due_at__gt=now)
        said = Q(sent_at__isnull=False) | Q(called_at__isnull=False)
        return self.filter(said | in_hand)

    def still_true(self, now: datetime) -> "MessageQuerySet":
        """Return what can be said now."""
        return self.filter(_true(now))

    def untrue(self, now: datetime) -> "MessageQuerySet":
        """Return what speaks of a state, a time, an offer or a place that is over."""
        return self.exclude(_true(now))

    def also_told(self) -> "MessageQuerySet":
        """Return texts beside which the same is said by mail or by phone."""
        same = Message.objects.filter(
            appointment=OuterRef("appointment"), kind=OuterRef("kind")
        ).exclude(channel=Message.Channel.TEXT)
        of_event = same.filter(event=OuterRef("event"))
        of_occasion = same.filter(occasion=OuterRef("occasion"))
        return self.filter(
            Exists(of_event) | Exists(of_occasion), channel=Message.Channel.TEXT
        )

    def phone_these_people(self) -> "MessageQuerySet":
        """Return what a person has to say by phone: no address, or mail that failed."""
        return (
            self.filter(Q(channel=Message.Channel.PHONE) | Q(failed_at__isnull=False))
            # What failed was not sent; said here for the sake of the index.
            .filter(sent_at=None, called_at=None, overtaken_at=None)
            .order_by("created_at", "pk")
        )


def _true(now: datetime) -> Q:
    return (
        Q(appointment__status=F("true_while"))
        & (Q(true_start=None) | Q(appointment__start=F("true_start")))
        & (Q(true_until=None) | Q(true_until__gt=now))
        & (Q(offer=None) | Q(offer__outcome=Proposal.Outcome.OPEN))
        & Q(entry__ended_at=None)
        & (~Q(kind=Message.Kind.LATE_ANSWER) | Q(appointment__reply_by=F("occasion")))
    )


class Message(models.Model):
    """One message owed because of one event: written with it or not at all.

    Some are owed because their time has come: those have an `occasion` in place of an
    event, the instant that they are about, and one visit has one of a kind for each.

    Rendered once, with a fixed Message-ID and Date, so that a repeat after a crash is
    the same message; some of it by the worker before it first sends it, and until then
    without words. `true_while` is the state that it speaks of: if the visit has left
    that state before the message went out, it is overtaken and never sent. So it is
    with the time of a booked visit (`true_start`), the end of an offer (`true_until`),
    and the offer and the place on the list that it is about. A message of the phone
    channel, or one that failed, is a task for a person until `called_at`.
    """

    class Channel(models.TextChoices):
        EMAIL = "email", _("Email")
        PHONE = "phone", _("Phone call")
        TEXT = "text", _("Text message")

    class Kind(models.TextChoices):
        RECEIVED = "received", _("Request received")
        CONFIRMED = "confirmed", _("Confirmed")
        DECLINED = "declined", _("Not booked")
        WITHDRAWN = "withdrawn", _("Request withdrawn")
        CANCELLED = "cancelled", _("Cancelled")
        ON_LIST = "on_list", _("On the waiting list")
        OFFERED = "offered", _("A time is offered")
        OFFER_ENDED = "offer_ended", _("The offer has ended")
        MOVED = "moved", _("Moved to another time")
        CHANGE_ASKED = "change_asked", _("Asked for another time")
        CHANGE_REFUSED = "change_refused", _("No other time")
        CHANGE_STOPPED = "change_stopped", _("No other time wanted")
        LINK = "link", _("A new link")
        CALLED_OFF = "called_off", _("Called off, other times offered")
        CLINICIAN_CHANGED = "clinician_changed", _("Another clinician")
        LEFT = "left", _("Off the waiting list")
        LIST_ENDED = "list_ended", _("Waiting list ended")
        REMINDER = "reminder", _("Reminder, days before")
        REMINDER_SOON = "reminder_soon", _("Reminder, hours before")
        FOLLOW_UP = "follow_up", _("After the visit")
        LATE_ANSWER = "late_answer", _("Our answer is late")

    appointment = models.ForeignKey(
        Appointment, models.PROTECT, related_name="messages"
    )
    event = models.ForeignKey(
        AppointmentEvent, models.PROTECT, null=True, blank=True, related_name="messages"
    )
    occasion = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("The visit's start, or when an answer was due."),
    )
    kind = models.CharField(max_length=20, choices=Kind)
    channel = models.CharField(max_length=10, choices=Channel)
    recipient = EncryptedTextField(help_text=_("An address or a phone number."))
    subject = models.CharField(max_length=160)
    text = EncryptedTextField()
    html = EncryptedTextField(blank=True)
    calendar = EncryptedTextField(blank=True)
    calendar_method = models.CharField(max_length=10, blank=True)
    message_id = models.CharField(max_length=120, unique=True)
    true_while = models.CharField(max_length=20)
    true_start = models.DateTimeField(null=True, blank=True)
    true_until = models.DateTimeField(null=True, blank=True)
    offer = models.ForeignKey(
        Proposal, models.PROTECT, null=True, blank=True, related_name="+"
    )
    entry = models.ForeignKey(
        WaitingListEntry, models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text=_("When to try next; also the lease."))
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=120, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    overtaken_at = models.DateTimeField(null=True, blank=True)
    called_at = models.DateTimeField(null=True, blank=True)
    emptied_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When its text and address were removed.")
    )
    called_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "pk"]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="message_owed",
                condition=Q(sent_at=None, failed_at=None, overtaken_at=None),
            ),
            models.Index(
                fields=["created_at"],
                name="message_to_call",
                condition=Q(sent_at=None, called_at=None, overtaken_at=None),
            ),
            models.Index(fields=["kind", "id"], name="message_kind"),
            models.Index(fields=["channel", "id"], name="message_channel"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "kind", "channel"], name="message_one_an_event"
            ),
            models.UniqueConstraint(
                fields=["appointment", "kind", "occasion", "channel"],
                condition=Q(occasion__isnull=False),
                name="message_one_an_occasion",
            ),
            models.CheckConstraint(
                condition=Q(event__isnull=True) ^ Q(occasion__isnull=True),
                name="message_event_or_occasion",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def waits_since(self) -> datetime:
        """Return from when on a person has to phone, of a message that says so."""
        return self.failed_at or self.created_at


class Heartbeat(models.Model):
    """When a background worker was last seen alive."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
