"""Kinds of visit: how long, with what, how soon, and when it can be had."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from booking.availability import (
    Day,
    Instant,
    Need,
    Rules,
    WeeklyHours,
    Why,
)
from booking.policy import LONGEST, LONGEST_BUFFER, LONGEST_VISIT, reply_by
from services import rows
from services.functions import Array
from services.models import (
    Clinician,
    OpeningHours,
    ScreeningQuestion,
    Service,
    Translated,
)
from services.rows import Rows

from .office import CLOSED, Span, office_hours, windows
from .plan import (
    BUSY,
    Bookable,
    Dates,
    Ignoring,
    Known,
    Plan,
    Setup,
    around,
    instant,
    select_own,
)
from .reservation import Reservation
from .resource import Closure, Hours, Resource

if TYPE_CHECKING:
    from .locks import Locked


class VisitTypeQuerySet(models.QuerySet["VisitType"]):
    def bookable(self) -> "VisitTypeQuerySet":
        """Return what patients may ask for."""
        return self.filter(is_active=True, service__is_published=True)


class VisitType(Translated):
    """A visit for a service, as a new or a returning patient. Lengths in minutes."""

    translated_fields = ("name", "hint")

    service = models.ForeignKey(Service, models.PROTECT, related_name="visit_types")
    code = models.SlugField(unique=True, help_text=_("Part of links; stays the same."))
    name = models.CharField(max_length=60, help_text=_("New patient, follow-up."))
    hint = models.CharField(
        max_length=160, blank=True, help_text=_("Helps patients choose.")
    )
    duration = models.PositiveSmallIntegerField(_("length in minutes"))
    buffer_before = models.PositiveSmallIntegerField(_("minutes to set up"), default=0)
    buffer_after = models.PositiveSmallIntegerField(_("minutes to clean up"), default=0)
    step = models.PositiveSmallIntegerField(_("a start every … minutes"), default=15)
    lead_time = models.PositiveIntegerField(
        _("earliest, minutes from now"), default=24 * 60
    )
    horizon = models.PositiveSmallIntegerField(_("latest, days from now"), default=60)
    reply_promise = models.PositiveIntegerField(
        _("answer within, business minutes"),
        default=8 * 60,
        help_text=_("Counted in the clinic's opening hours."),
    )
    holds_first_choice = models.BooleanField(
        default=True,
        help_text=_("Nobody else can ask for the time until the answer is due."),
    )
    cutoff = models.PositiveSmallIntegerField(
        _("patients change or cancel online until, hours before"),
        default=24,
        help_text=_(
            "Later, their page asks them to call. Staff can always do it. 0: until the"
            " visit begins."
        ),
    )
    changes_at_once = models.BooleanField(
        default=False,
        help_text=_(
            "A patient who changes a confirmed visit has the new time at once. Else the"
            " clinic answers first, and the visit stays as it is until then."
        ),
    )
    needs_referral = models.BooleanField(
        default=False,
        help_text=_("Online only for patients who say that they have a referral."),
    )
    by_phone_only = models.BooleanField(
        default=False,
        help_text=_("Shown online, but no times: patients are told to call."),
    )
    remind_days_before = models.PositiveSmallIntegerField(
        _("first reminder, days before"),
        default=3,
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(14)],
        help_text=_("At the same time of day as the visit. Leave empty for none."),
    )
    remind_hours_before = models.PositiveSmallIntegerField(
        _("last reminder, hours before"),
        default=24,
        null=True,
        blank=True,
        validators=[MinValueValidator(2), MaxValueValidator(72)],
        help_text=_("Not in quiet hours: as they end. Leave empty for none."),
    )
    remind_by_phone = models.BooleanField(
        _("phone who has no email"),
        default=False,
        help_text=_("A reminder is then a call for the front desk."),
    )
    follows_up = models.BooleanField(
        _("write the day after"),
        default=True,
        help_text=_(
            "With a link to what the service’s page says of the time afterwards. Not to"
            " who did not come."
        ),
    )
    is_active = models.BooleanField(_("can be booked"), default=True)
    order = models.PositiveSmallIntegerField(default=0)

    objects = VisitTypeQuerySet.as_manager()

    class Meta:
        ordering = ["service__order", "order", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(duration__gt=0, step__gt=0),
                name="visit_type_has_length_and_step",
                violation_error_message=_("Length and step must be at least 1 minute."),
            ),
            models.CheckConstraint(
                condition=Q(duration__lte=LONGEST_VISIT),
                name="visit_type_fits_in_half_a_day",
                violation_error_message=_(
                    "A visit is at most 720 minutes (12 hours) long."
                ),
            ),
            models.CheckConstraint(
                condition=Q(
                    buffer_before__lte=LONGEST_BUFFER, buffer_after__lte=LONGEST_BUFFER
                ),
                name="visit_type_buffers_are_short",
                violation_error_message=_(
                    "Set-up and clean-up are at most 360 minutes (6 hours) each."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service}, {self.name}"

    @property
    def is_bookable(self) -> bool:
        """Tell whether patients may ask for it."""
        return self.is_active and self.service.is_published

    def availability(
        self,
        first: date,
        last: date,
        *,
        now: datetime,
        clinician: Resource | None = None,
        ignoring: Ignoring | None = None,
        by_staff: bool = False,
        is_agreed: bool = False,
        has_referral: bool = False,
        practice: "Practice | None" = None,
        schedule: "Schedule | None" = None,
    ) -> tuple[Day, ...]:
        """Return one Day for each date `first` to `last`, in order.

        `clinician` keeps to one person. `ignoring` counts some reservations as free,
        and takes their resources again: a hold never blocks its own holder, who keeps
        what they were shown. `by_staff` waives what are rules for the public: notice,
        horizon, the referral, the phone. `is_agreed` says that the clinic will not have
        to answer first. One query, with a `schedule` none; see `plan`.
        """
        plan = self.plan(
            first, last, now=now, clinician=clinician, ignoring=ignoring,
            by_staff=by_staff, is_agreed=is_agreed, has_referral=has_referral,
            practice=practice, schedule=schedule,
        )  # fmt: skip
        return plan.days(first, last, now=now)

    def may_take(
        self, practice: "Practice | None" = None, clinician: Resource | None = None
    ) -> set[int]:
        """Return the keys of all resources that a visit of this type could take."""
        needs = self._needs(practice or Practice.read(), clinician)
        return {pk for need in needs for pk in need.suitable}

    def plan(
        self,
        first: date,
        last: date,
        *,
        now: datetime,
        clinician: Resource | None = None,
        ignoring: Ignoring | None = None,
        by_staff: bool = False,
        is_agreed: bool = False,
        has_referral: bool = False,
        practice: "Practice | None" = None,
        schedule: "Schedule | None" = None,
        locked: "Locked | None" = None,
        held_since: datetime | None = None,
    ) -> Plan:
        """Return what the engine needs to know about the dates `first` to `last`.

        A `practice` that whoever asks has read already makes the query smaller, and a
        `schedule` that covers those dates spares it. Whoever has `locked` all that it
        could take gets nothing else: not what could only be taken since. For a patient
        who has held a time since then, the notice counts from then.
        """
        if schedule is None:
            schedule = Schedule.read(
                first, last, now=now, own=[ignoring] if ignoring else [],
                practice=practice, taking=self._taking(practice, clinician, locked),
            )  # fmt: skip
        is_public = not (by_staff or is_agreed)
        answer_due = self._answer_due(schedule, now) if is_public else None
        soonest = answer_due
        if held_since and answer_due is not None:
            due = self._answer_due(schedule, held_since)
            # What was due before it was asked for is no promise.
            soonest = due if due > instant(now) else answer_due
        rules = Rules(
            minutes=self.duration,
            before=self.buffer_before,
            after=self.buffer_after,
            step=self.step,
            lead=0 if by_staff else self._notice(soonest, now, held_since or now),
            horizon=3650 if by_staff else self.horizon,
            needs=_among(
                self._needs(schedule.practice, clinician),
                locked.keys if locked else None,
            ),
            barred=None if by_staff else self.barred(has_referral=has_referral),
        )
        # Who holds nothing is answered like everybody else.
        mine = ignoring if schedule.known.own else None
        return Plan(rules, Dates(schedule.known, first, last, mine), answer_due)

    def _taking(
        self,
        practice: "Practice | None",
        clinician: Resource | None,
        locked: "Locked | None",
    ) -> "list[int] | rows.Select | Array":
        """Return all that it could take: its keys, or what gives them."""
        if locked is not None:
            return locked.given
        if practice is None:
            return could_take(self, clinician)
        return sorted(self.may_take(practice, clinician))

    def _answer_due(self, schedule: "Schedule", now: datetime) -> Instant:
        """Return when the clinic will have to have answered a request made `now`."""
        return reply_by(instant(now), self.reply_promise, schedule.office(now))

    def _notice(
        self, answer_due: Instant | None, now: datetime, since: datetime
    ) -> int:
        """Return from when on the public may come, in minutes from `now`.

        The visit type's own notice has run since then.

        Nobody is offered a time that comes before the clinic has to have answered, or
        at that very moment. The minute after it is the first, whatever the second of
        `now`: else a time would come and go with the seconds.
        """
        passed = -((instant(since) - instant(now)) // 60)
        lead = max(0, self.lead_time - passed)
        if answer_due is None:
            return lead
        return max(lead, (answer_due - instant(now)) // 60 + 1)

    def barred(self, *, has_referral: bool) -> Why | None:
        """Return why the public can have no time at all of this visit type."""
        if self.by_phone_only:
            return Why.CALL_US
        return Why.NEEDS_REFERRAL if self.needs_referral and not has_referral else None

    def _needs(
        self, practice: "Practice", clinician: Resource | None
    ) -> tuple[Need, ...]:
        """Return one Need for each requirement; suitable resources in their order.

        Any suitable clinician means that they take turns; rooms and machines keep their
        order.
        """
        needs = practice.needs(self.pk)
        return tuple(_with(needs, clinician)) if clinician else needs


# Sets what a row points to as if it had been read with it, which is not to be checked.
_set_service = VisitType.service.field.set_cached_value
_set_clinician = Resource.clinician.field.set_cached_value


class Requirement(models.Model):
    """What a visit takes of one kind: how many, and which of them will do.

    A visit may have two requirements of a kind, such as a certain room and any other.
    """

    visit_type = models.ForeignKey(
        VisitType, models.CASCADE, related_name="requirements"
    )
    kind = models.CharField(max_length=10, choices=Resource.Kind)
    count = models.PositiveSmallIntegerField(_("how many"), default=1)
    suitable = models.ManyToManyField(
        Resource,
        blank=True,
        help_text=_("Leave empty when any of that kind will do."),
    )

    class Meta:
        ordering = ["pk"]
        verbose_name = _("resource it takes")
        verbose_name_plural = _("resources it takes")
        constraints = [
            models.CheckConstraint(
                condition=Q(count__gt=0),
                name="requirement_takes_something",
                violation_error_message=_("A visit takes at least one of a kind."),
            )
        ]

    def __str__(self) -> str:
        kind = self.get_kind_display()
        return f"{self.count} × {kind}" if self.count > 1 else kind


class Practice:
    """What can be booked, when and for which visits: what seldom changes.

    Read it anew for each request, and again under a lock: see `rows.set_up`.
    """

    @staticmethod
    def tables() -> tuple[type[models.Model], ...]:
        return (
            Resource, Hours, Requirement, Requirement.suitable.through, Clinician,
            VisitType, Service, ScreeningQuestion, OpeningHours,
        )  # fmt: skip

    @classmethod
    def read(cls) -> "Practice":
        return cls(*rows.set_up(*cls.tables()))

    def __init__(
        self,
        resources: Rows,
        hours: Rows,
        requirements: Rows,
        suitable: Rows,
        clinicians: Rows,
        visit_types: Rows,
        services: Rows,
        questions: Rows,
        opening: Rows,
    ) -> None:
        self._resources = resources
        self.setup = _setup(resources, hours, requirements, suitable)
        self._clinicians = clinicians
        self._visit_types = visit_types
        self._services = services
        self._questions = questions
        self.office_hours = office_hours(opening)

    @cached_property
    def resources(self) -> list[Resource]:
        """Return what can be booked at all, in its order."""
        people: dict[int | None, Clinician] = {
            c.pk: c for c in rows.instances(Clinician, self._clinicians)
        }
        found = rows.instances(Resource, self._resources)
        for resource in found:
            _set_clinician(resource, people.get(resource.clinician_id))
        return [resource for resource in found if resource.is_active]

    @cached_property
    def visit_types(self) -> list["VisitType"]:
        """Return all kinds of visit with their services, in their order."""
        services = {s.pk: s for s in rows.instances(Service, self._services)}
        found = rows.instances(VisitType, self._visit_types)
        for visit_type in found:
            _set_service(visit_type, services[visit_type.service_id])
        return sorted(found, key=lambda visit_type: visit_type.service.order)

    def questions(self, service: Service) -> list[ScreeningQuestion]:
        """Return what is asked before a visit for the service, in order."""
        found = rows.instances(ScreeningQuestion, self._questions)
        return [question for question in found if question.service_id == service.pk]

    def weekly(self, resource: Resource) -> tuple[WeeklyHours, ...] | None:
        """Return a resource's hours; None for what is there whenever others are."""
        return self.setup.weekly(resource)

    def needs(self, visit_type: int) -> tuple[Need, ...]:
        """Return one Need for each requirement of the visit type with that key."""
        return self.setup.needs.get(visit_type, ())


@lru_cache(maxsize=4)
def _setup(resources: Rows, hours: Rows, requirements: Rows, suitable: Rows) -> Setup:
    bookable = tuple(
        Bookable(r.pk, r.kind, r.buffer_before, r.buffer_after)
        for r in rows.instances(Resource, resources)
        if r.is_active
    )
    named = defaultdict(set)
    for link in rows.instances(Requirement.suitable.through, suitable):
        named[link.requirement_id].add(link.resource_id)
    needs = defaultdict(list)
    for requirement in rows.instances(Requirement, requirements):
        wanted = named.get(requirement.pk)
        able = tuple(
            r.pk
            for r in bookable
            if r.kind == requirement.kind and (wanted is None or r.pk in wanted)
        )
        spread = requirement.kind == Resource.Kind.CLINICIAN
        need = Need(requirement.kind, able, requirement.count, spread)
        needs[requirement.visit_type_id].append(need)
    weekly = defaultdict(list)
    for row in rows.instances(Hours, hours):
        weekly[row.resource_id].append(row.as_weekly())
    # Equal hours are one object, by which the engine knows them.
    weeks: dict[tuple[WeeklyHours, ...], tuple[WeeklyHours, ...]] = {}
    return Setup(
        bookable,
        {r: weeks.setdefault(tuple(week), tuple(week)) for r, week in weekly.items()},
        {visit_type: tuple(found) for visit_type, found in needs.items()},
    )


# What `VisitType.may_take` returns, as a question to the database. Where a clinician is
# asked for who cannot be had, it may be more, never less.
COULD_TAKE = """
    SELECT r.id FROM booking_resource AS r
    JOIN booking_requirement AS q ON q.kind = r.kind AND q.visit_type_id = {visit_type}
    WHERE r.is_active AND (
        NOT EXISTS (
            SELECT 1 FROM booking_requirement_suitable WHERE requirement_id = q.id
        ) OR EXISTS (
            SELECT 1 FROM booking_requirement_suitable
            WHERE requirement_id = q.id AND resource_id = r.id
        )
    )"""
# Of the kind of a clinician who was asked for that one, if no other has a place.
_AND_OF_A_KIND = """ AND (r.kind <> %s OR r.id = %s OR 1 < (
        SELECT sum(count) FROM booking_requirement
        WHERE visit_type_id = %s AND kind = r.kind
    ))"""
ALL_ACTIVE: rows.Select = ("SELECT id FROM booking_resource WHERE is_active", ())


def could_take(visit_type: VisitType, clinician: Resource | None = None) -> rows.Select:
    """Return what gives all that a visit of the type could take, by primary key.

    So what it needs does not have to be read first.
    """
    could_take = COULD_TAKE.format(visit_type="%s")
    if clinician is None:
        return could_take, [visit_type.pk]
    which = [visit_type.pk, clinician.kind, clinician.pk, visit_type.pk]
    return could_take + _AND_OF_A_KIND, which


@dataclass(frozen=True, slots=True)
class Schedule:
    """A practice, and all that takes the time of its resources around some dates.

    Closures are read as staff wrote them, not from the reservations that hold their
    time around what was booked before: a closed day is closed all day. They are known
    from today on, for when the clinic can answer.
    """

    practice: "Practice"
    known: Known

    @classmethod
    def read(
        cls,
        first: date,
        last: date,
        *,
        now: datetime,
        own: Sequence[Ignoring] = (),
        practice: "Practice | None" = None,
        taking: "list[int] | rows.Select | Array" = ALL_ACTIVE,
    ) -> "Schedule":
        """Return what is known of `first` to `last`: one query, see `rows.set_up`.

        Plans may then be made for whoever is in `own`. `taking` says of which resources
        what takes them is read; a `practice` that was read already is not read again.
        """
        since, until = around(first, last)
        when = {
            "now": now, "earliest": since - LONGEST, "until": until, "since": since,
        }  # fmt: skip
        taken = (
            CLOSED(since=min(since, now), until=until),
            BUSY(resources=taking, **when),
            select_own(own, when),
        )
        if practice:
            closures, busy, theirs = rows.texts(*taken)
        else:
            set_up, (closures, busy, theirs) = rows.set_up_and(
                Practice.tables(), *taken
            )
            practice = Practice(*set_up)
        known = Known(
            practice.setup,
            busy,
            rows.values(Reservation, theirs),
            rows.values(Closure, closures),
        )
        return cls(practice, known)

    def office(self, now: datetime) -> Iterator[Span]:
        """Yield when the front desk is there from now on, as far as this looks.

        Further ahead closures are unknown. An answer that is due only there is due
        after the last of these dates, with those closures or without.
        """
        closures = rows.instances(Closure, self.known.closures)
        return windows(self.practice.office_hours, closures, now)


def _with(needs: Sequence[Need], clinician: Resource) -> list[Need]:
    """Return the needs with one place kept for the clinician that somebody asked for.

    It is the place that the fewest others could take; all other places are taken as
    always. Without any such place nothing can be had.
    """
    asking = [n for n, need in enumerate(needs) if need.kind == clinician.kind]
    fit = [n for n in asking if clinician.pk in needs[n].suitable]
    if not fit:
        return [
            replace(need, suitable=()) if n in asking else need
            for n, need in enumerate(needs)
        ]
    kept = min(fit, key=lambda n: len(needs[n].suitable))
    whole = needs[kept]
    places = [Need(whole.kind, (clinician.pk,))]
    if whole.count > 1:
        places.append(replace(whole, count=whole.count - 1))
    return [*needs[:kept], *places, *needs[kept + 1 :]]


def _among(needs: tuple[Need, ...], locked: Collection[int] | None) -> tuple[Need, ...]:
    """Return the needs with those alone that are locked, if it matters."""
    if locked is None or {pk for need in needs for pk in need.suitable} <= {*locked}:
        return needs
    return tuple(
        replace(need, suitable=tuple(pk for pk in need.suitable if pk in locked))
        for need in needs
    )
