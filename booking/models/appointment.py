"""A visit from the first request on, and the times proposed for it."""

import uuid
from datetime import date, datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext_lazy as _

from booking import policy
from booking.encryption import EncryptedJSONField, EncryptedTextField
from booking.noticing import notice
from services.functions import Function

from .merge import records_of
from .patient import Patient
from .preparation import PreparationText
from .resource import Resource
from .visit_type import VisitType

Status = policy.Status

# What staff read. Patients read `messages.heading`.
STATUS_CHOICES = [
    (Status.PENDING.value, _("Needs an answer")),
    (Status.PROPOSED.value, _("Waiting for the patient")),
    (Status.BOOKED.value, _("Confirmed")),
    (Status.ARRIVED.value, _("Arrived")),
    (Status.FULFILLED.value, _("Completed")),
    (Status.NOSHOW.value, _("Did not come")),
    (Status.CANCELLED.value, _("Cancelled")),
    (Status.WAITLIST.value, _("Waiting list")),
    (Status.ENTERED_IN_ERROR.value, _("Entered in error")),
]
_STATUS_WORDS = dict(STATUS_CHOICES)
# Why a visit is in the state CANCELLED, as staff read it.
WHY_CANCELLED: dict[str, str | Promise] = {
    policy.CancellationReason.DECLINED: _("Declined"),
    policy.CancellationReason.PATIENT: _("By the patient"),
    policy.CancellationReason.CLINIC: _("By the clinic"),
    policy.CancellationReason.EXPIRED: _("Time ran out"),
}


def awaits_answer(now: datetime) -> Q:
    """Match what the clinic has to answer.

    Requests, and booked visits to come whose patients asked for another time.
    """
    changes = Q(status=Status.BOOKED, reply_by__isnull=False, start__gt=now)
    return Q(status=Status.PENDING) | changes


# Gives the primary key of the visit that was recorded under a key, in hexadecimal.
WAS_SENT = Function(
    "booking_was_sent",
    {"key": "uuid"},
    lambda _vendor: "(SELECT id FROM booking_appointment WHERE request_key = {key})",
)


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    def awaiting_review(self, now: datetime) -> "AppointmentQuerySet":
        """Return what the clinic has to answer, soonest promise first."""
        return self.filter(awaits_answer(now)).order_by("reply_by", "pk")

    def overdue(self, now: datetime) -> "AppointmentQuerySet":
        """Return those whose promised answer is late."""
        return self.awaiting_review(now).filter(reply_by__lte=now)

    def due_before(self, now: datetime, end_of_day: datetime) -> "AppointmentQuerySet":
        """Return those to answer between `now` and `end_of_day`."""
        return self.awaiting_review(now).filter(
            reply_by__gt=now, reply_by__lt=end_of_day
        )

    def booked(self) -> "AppointmentQuerySet":
        """Return the visits agreed by both, earliest first."""
        return self.filter(status=Status.BOOKED).order_by("start")

    def on_day(self, begin: datetime, end: datetime) -> "AppointmentQuerySet":
        """Return the visits between two instants that took place or are to, in order.

        Those that were missed are among them.
        """
        return self.filter(
            status__in=policy.AGREED, start__gte=begin, start__lt=end
        ).order_by("start", "pk")

    def without_outcome(self, begin_of_day: datetime) -> "AppointmentQuerySet":
        """Return visits of earlier days with no record of what became, latest first."""
        return self.filter(
            status__in=(Status.BOOKED, Status.ARRIVED), start__lt=begin_of_day
        ).order_by("-start", "-pk")

    def in_series(self, series: uuid.UUID) -> "AppointmentQuerySet":
        """Return the visits that staff booked in one go, earliest first."""
        return self.filter(series=series).order_by("start", "pk")

    def days_of(self, patient: Patient) -> set[date]:
        """Return the days on which the patient is booked, on any of their records."""
        theirs = self.booked().filter(patient__in=records_of(patient))
        starts = theirs.values_list("start", flat=True)
        return {timezone.localdate(start) for start in starts if start}

    def with_queue_details(self) -> "AppointmentQuerySet":
        """Load what a line of the queue shows, in a constant number of queries."""
        return self.select_related(
            "patient", "visit_type__service", "wanted_clinician"
        ).prefetch_related("proposals", "answers", "reservations__resource")

    def lock(self, pk: int) -> "Appointment":
        """Return the visit, locked until the transaction ends.

        Lock its resources first: that is the one order in the whole system.
        """
        return self.select_for_update(of=("self",), no_key=True).get(pk=pk)


class Appointment(models.Model):
    """One visit. `workflow` alone writes status, time and version."""

    class Payer(models.TextChoices):
        INSURANCE = "insurance", _("Health insurance")
        SELF_PAY = "self_pay", _("I will pay myself")
        WORKERS_COMP = "workers_comp", _("Workers’ compensation (hurt at work)")
        NO_FAULT = "no_fault", _("No-fault (car accident)")
        LIEN = "lien", _("Through a lawyer (lien)")
        NOT_SURE = "not_sure", _("I’m not sure")

    class Relation(models.TextChoices):
        """What somebody who asks for another person is to the patient."""

        PARENT = "parent", _("Parent")
        GUARDIAN = "guardian", _("Legal guardian")
        PARTNER = "partner", _("Husband, wife or partner")
        CHILD = "child", _("Son or daughter")
        FAMILY = "family", _("Other family member")
        CARER = "carer", _("Aide or carer")
        OTHER = "other", _("Friend or somebody else")

    reference = models.CharField(max_length=9, unique=True)
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="appointments")
    visit_type = models.ForeignKey(
        VisitType, models.PROTECT, related_name="appointments"
    )
    wanted_clinician = models.ForeignKey(
        Resource,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Empty when any clinician will do."),
    )
    status = models.CharField(max_length=20, choices=STATUS_CHOICES)
    cancellation_reason = models.CharField(max_length=20, blank=True)
    decline_reason = models.CharField(max_length=20, blank=True)
    note_to_patient = EncryptedTextField(blank=True)
    start = models.DateTimeField(null=True, blank=True)
    end = models.DateTimeField(null=True, blank=True)
    requested_at = models.DateTimeField()
    reply_by = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0)
    calendar_sequence = models.PositiveIntegerField(default=0)

    has_referral = models.BooleanField(
        default=False, help_text=_("The patient says that there is one.")
    )
    payer = models.CharField(max_length=20, choices=Payer)
    payer_details = EncryptedJSONField(blank=True, default=dict)
    requested_by_name = EncryptedTextField(_("asked by"), blank=True)
    requested_by_relation = models.CharField(
        max_length=20, choices=Relation, blank=True
    )
    requested_by_is_contact = models.BooleanField(
        default=False, help_text=_("Phone and email are of who asked.")
    )
    requested_by_may_arrange = models.BooleanField(
        default=False, help_text=_("Who asked says that they may arrange care.")
    )
    may_arrange_wording = models.TextField(
        blank=True, help_text="The very words that they said yes to."
    )
    may_arrange_version = models.CharField(
        max_length=16, blank=True, help_text="A digest of the words."
    )
    may_arrange_at = models.DateTimeField(null=True, blank=True)

    preparation = models.ForeignKey(
        PreparationText,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        help_text=_("How to get ready, as it stood when the visit was asked for."),
    )

    forgotten_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("When all that speaks of a person was removed from it."),
    )
    series = models.UUIDField(
        null=True,
        blank=True,
        editable=False,
        db_index=True,
        help_text=_("Joins the visits that staff made in one go."),
    )

    request_key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    request_digest = models.CharField(max_length=64, blank=True, editable=False)

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        permissions = [
            ("answer_appointment", _("Can answer requests and cancel")),
            ("see_own_day", _("Can see their own visits and record what became")),
            ("view_reports", _("Can read the reports")),
            ("export_visits", _("Can take visits out as a file")),
            ("view_trail", _("Can read who did and saw what")),
        ]
        indexes = [
            models.Index(fields=["status", "reply_by"], name="appointment_queue"),
            models.Index(fields=["status", "start"], name="appointment_day"),
            models.Index(fields=["status", "requested_at"], name="appointment_asked"),
            # Reports and lists ask for days of visits in any state.
            models.Index(fields=["start"], name="appointment_start"),
            models.Index(fields=["requested_at"], name="appointment_requested"),
            # Those whose outcome nobody recorded: few among all of the past.
            models.Index(
                fields=["start"],
                name="appointment_unrecorded",
                condition=Q(status__in=["booked", "arrived"]),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[s.value for s in Status]),
                name="appointment_status_is_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    status="cancelled",
                    cancellation_reason__in=[
                        r.value for r in policy.CancellationReason
                    ],
                )
                | (~Q(status="cancelled") & Q(cancellation_reason="")),
                name="appointment_reason_only_when_cancelled",
            ),
            models.CheckConstraint(
                # A comparison with NULL is unknown, which a check lets pass.
                condition=Q(start__isnull=True, end__isnull=True)
                | Q(start__isnull=False, end__isnull=False, end__gt=F("start")),
                name="appointment_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=~Q(
                    status__in=["booked", "arrived", "fulfilled", "noshow"],
                    start__isnull=True,
                ),
                name="appointment_booked_has_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(status="pending", reply_by__isnull=True),
                name="appointment_pending_has_a_promise",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> "Appointment":
        """Note whose visit was read: pages name it without reading the patient."""
        visit = super().from_db(*args, **kwargs)
        if "patient_id" in visit.__dict__:
            notice(visit.patient_id)
        return visit

    def get_status_display(self) -> str:  # type: ignore[no-redef]  # in place of Django's
        """Return the state as staff read it, without making the list of all anew."""
        return str(_STATUS_WORDS[self.status])

    def is_overdue(self, now: datetime) -> bool:
        awaits = self.status == Status.PENDING or self.wants_change
        return awaits and self.reply_by is not None and self.reply_by <= now

    @property
    def wants_change(self) -> bool:
        """Tell whether it is booked, and the patient asked for another time."""
        return self.status == Status.BOOKED and self.reply_by is not None

    @cached_property
    def asked_at(self) -> datetime:
        """Return since when the patient waits for an answer."""
        if not self.wants_change:
            return self.requested_at
        events = [e for e in self.events.all() if e.act == policy.Act.ASK_CHANGE]
        return max(event.at for event in events)

    @property
    def duration(self) -> timedelta:
        """Return how long a time lasts that it is given now."""
        return timedelta(minutes=self.visit_type.duration)

    @property
    def wants_who_left(self) -> bool:
        """Tell whether the patient asked for a clinician who sees nobody any more."""
        wanted = self.wanted_clinician
        return wanted is not None and not wanted.is_active

    @property
    def minutes(self) -> int:
        """Return how long it lasts: as was agreed, else as its kind of visit does."""
        if self.start and self.end:
            return (self.end - self.start) // timedelta(minutes=1)
        return self.visit_type.duration

    def is_too_late(self, now: datetime) -> bool:
        """Tell whether patients can no longer change a booked visit by themselves."""
        cutoff = timedelta(hours=self.visit_type.cutoff)
        return self.start is not None and self.start - cutoff <= now

    def is_with(self, resource: Resource) -> bool:
        """Tell whether the resource serves the visit, or did until it was over.

        What offers of another time hold does not count.
        """
        held = {r.resource_id for r in self.reservations.all() if r.expires_at is None}
        freed = (event.data.get("freed", []) for event in self.events.all())
        return resource.pk in held.union(*freed)

    @property
    def flags(self) -> list[str]:
        """Return what the answers ask staff to look at, in the order asked."""
        return [a.flag for a in self.answers.all() if a.needs_a_look]


class ProposalQuerySet(models.QuerySet["Proposal"]):
    def open(self) -> "ProposalQuerySet":
        """Return the times that can still be accepted."""
        return self.filter(outcome=Proposal.Outcome.OPEN)

    def asked(self) -> "ProposalQuerySet":
        """Return the times that the patient asked for."""
        return self.filter(by=Proposal.By.PATIENT)

    def wanted(self) -> "ProposalQuerySet":
        """Return the times that the patient asks for, and nobody has answered."""
        return self.open().filter(by=Proposal.By.PATIENT)

    def offers(self) -> "ProposalQuerySet":
        """Return the times that the clinic offers, also those that nobody may take."""
        return self.open().filter(by=Proposal.By.CLINIC)

    def live(self, now: datetime) -> "ProposalQuerySet":
        """Return the offers that can be taken: an offer has lapsed when it expires."""
        return self.offers().filter(expires_at__gt=now)


class Proposal(models.Model):
    """A time that one side suggests. Accepting one is the only way to get a time."""

    class By(models.TextChoices):
        PATIENT = "patient", _("Patient")
        CLINIC = "clinic", _("Clinic")

    class Outcome(models.TextChoices):
        OPEN = "open", _("Open")
        ACCEPTED = "accepted", _("Accepted")
        DECLINED = "declined", _("Not chosen")
        LAPSED = "lapsed", _("Lapsed")
        WITHDRAWN = "withdrawn", _("Taken back")
        MOVED = "moved", _("Given up for another time")

    appointment = models.ForeignKey(
        Appointment, models.PROTECT, related_name="proposals"
    )
    by = models.CharField(max_length=10, choices=By)
    start = models.DateTimeField()
    end = models.DateTimeField()
    rank = models.PositiveSmallIntegerField(help_text=_("1 is the first choice."))
    expires_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.OPEN)

    objects = ProposalQuerySet.as_manager()

    class Meta:
        ordering = ["rank"]
        indexes = [
            models.Index(
                fields=["expires_at"],
                name="proposal_offered",
                condition=Q(by="clinic", outcome="open"),
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["appointment", "by", "rank"],
                condition=Q(outcome="open"),
                name="proposal_one_open_a_rank",
            ),
            models.UniqueConstraint(
                fields=["appointment"],
                condition=Q(outcome="accepted"),
                name="proposal_one_accepted",
            ),
            models.CheckConstraint(
                condition=Q(end__gt=F("start")), name="proposal_ends_after_it_starts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_by_display()} {self.rank}"
