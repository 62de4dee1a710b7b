"""Who on the waiting list is offered what, and why the others are not.

In order, first come first offered, and only times that the engine gives. What is free
is asked once for each kind of visit (and clinician), whoever waits for it. Records that
staff have joined are one person, who is offered one time for a kind of visit: while it
is offered at one of their places, or booked since, the others wait.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property, partial

from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from . import messages, workflow
from .availability import Interval, Reason
from .errors import BookingError
from .models import (
    Appointment,
    Ignoring,
    Merge,
    Message,
    Patient,
    Plan,
    Proposal,
    Reservation,
    Schedule,
    WaitingListEntry,
    WaitingListRules,
    clinic_zone,
    open_windows,
)
from .models.merge import kept_for
from .models.office import hours_to_answer
from .policy import reply_by, without
from .workflow import SYSTEM

# So far ahead quiet hours are looked at: an answer is due long before.
DAYS_AHEAD = 60

Windows = list[tuple[int, int]]


class Why(StrEnum):
    """Why somebody is not offered a time now; NEXT if they will be."""

    NEXT = "next"
    HAS_OFFER = "has_offer"
    OFFER_ENDED = "offer_ended"
    ONE_PERSON = "one_person"
    MOST_OFFERS = "most_offers"
    QUIET = "quiet"
    DESK_CLOSED = "desk_closed"
    NO_TIME = "no_time"
    NOT_IN_RANGE = "not_in_range"
    NOT_ON_DAYS = "not_on_days"
    NOT_IN_PART = "not_in_part"
    NOT_IN_TIME = "not_in_time"
    NOT_EARLIER = "not_earlier"
    COMES_THEN = "comes_then"
    OFFERED_BEFORE = "offered_before"
    OTHERS_FIRST = "others_first"


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody stands: `number` from 1 over the whole list.

    `until` is when the reason ends, where that is known, or for an offer that nobody
    has swept yet ended; `start` the time that comes next. `offers` can still be taken.
    """

    entry: WaitingListEntry
    number: int
    why: Why
    until: datetime | None = None
    start: datetime | None = None
    offers: Sequence[Proposal] = ()

    @property
    def visit(self) -> Appointment:
        return self.entry.appointment


def offer_free_times(now: datetime) -> str:
    """Offer what is free to those it suits, each in a transaction of its own.

    Whoever lost a race is passed over, and has another chance at the next look. Return
    how many were offered a time, in words for the result of the chore.
    """
    reading = _List(now)
    made = 0
    for number, entry in enumerate(reading.entries, 1):
        place = reading.place(entry, number)
        if place.start is None:
            continue
        visit = entry.appointment
        try:
            workflow.offer(
                visit.pk,
                [place.start],
                expires_at=reading.telling.answer_by(visit.patient),
                by=SYSTEM,
                now=now,
                kept=reading.rules.batch == 1,
                # Another worker may have offered it, and the patient taken it, since.
                seen_version=visit.version,
            )
        except BookingError:
            continue
        made += 1
        reading.was_offered(visit, place.start)
    return f"Offers made: {made}." if made else ""


def lapse_and_expire(now: datetime) -> str:
    """End the offers that can no longer be taken, and the wishes that are over."""
    ended = 0
    for pk in _with_nothing_to_take(now):
        ended += _tried(partial(workflow.lapse, pk, now=now))
    over = Q(latest__lt=timezone.localdate(now, clinic_zone())) | Q(
        appointment__start__lte=now
    )
    waiting = WaitingListEntry.objects.open().filter(over).order_by("pk")
    for pk in list(waiting.values_list("appointment_id", flat=True)):
        ended += _tried(partial(workflow.expire, pk, now=now))
    return f"Offers and wishes ended: {ended}." if ended else ""


def _tried(act: Callable[[], Appointment]) -> bool:
    """Do it, and tell whether it was done; if not, the next look tries again."""
    try:
        act()
    except BookingError:
        return False
    return True


def _with_nothing_to_take(now: datetime) -> list[int]:
    """Return the visits whose offers have all expired, or went."""
    offers = list(
        Proposal.objects.offers()
        .select_related("appointment__wanted_clinician")
        .order_by("appointment")
    )
    gone = went([offer for offer in offers if not _has_expired(offer, now)], now)
    left = {
        offer.appointment_id
        for offer in offers
        if not _has_expired(offer, now) and offer.pk not in gone
    }
    return sorted({offer.appointment_id for offer in offers} - left)


def _has_expired(offer: Proposal, now: datetime) -> bool:
    return offer.expires_at is None or offer.expires_at <= now


def went(offers: Sequence[Proposal], now: datetime) -> set[int]:
    """Return the keys of those offers whose time cannot be had any more.

    The engine answers, as it will under the lock. A constant number of queries.
    """
    if not offers:
        return set()
    days = [offer.start.astimezone(UTC).date() for offer in offers]
    own = [Ignoring(appointment_id=offer.appointment_id) for offer in offers]
    schedule = Schedule.read(min(days), max(days), now=now, own=own)
    types = {v.pk: v for v in schedule.practice.visit_types}
    gone = set()
    for offer, day in zip(offers, days, strict=True):
        visit = offer.appointment
        plan = types[visit.visit_type_id].plan(
            day,
            day,
            now=now,
            clinician=visit.wanted_clinician,
            ignoring=Ignoring(appointment_id=visit.pk),
            by_staff=True,
            schedule=schedule,
        )
        if isinstance(plan.check(offer.start, now=now, end=offer.end), Reason):
            gone.add(offer.pk)
    return gone


def places(now: datetime) -> list[Place]:
    """Return who waits, in order, each with the offer or the reason that they have."""
    reading = _List(now)
    found = []
    for number, entry in enumerate(reading.entries, 1):
        place = reading.place(entry, number)
        if place.start:
            reading.would_be_offered(place.visit, place.start)
        found.append(place)
    return found


def people_before(entry: WaitingListEntry) -> int:
    """Count who waits longer for the same kind of visit: people, with any places."""
    mine = entry.appointment.visit_type_id
    earlier = Q(joined_at__lt=entry.joined_at) | Q(
        joined_at=entry.joined_at, pk__lt=entry.pk
    )
    before = Q(ended_at=None, appointment__visit_type=mine) & earlier
    # Theirs among them, so that another place of theirs is nobody else's.
    places = WaitingListEntry.objects.filter(before | Q(pk=entry.pk))
    kept = Merge.objects.standing().filter(duplicate=OuterRef("appointment__patient"))
    person = Coalesce(Subquery(kept.values("patient")), "appointment__patient")
    people: int = places.aggregate(found=Count(person, distinct=True))["found"]
    return people - 1


class _List:
    """One reading of the list: who waits, what they were offered, what is free."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.entries = list(
            WaitingListEntry.objects.in_order().select_related(
                "appointment__patient",
                "appointment__visit_type__service",
                "appointment__wanted_clinician",
            )
        )
        self.offers: dict[int, list[Proposal]] = {}
        self._plans: dict[tuple[int, int | None, bool], tuple[Plan, list[datetime]]]
        self._plans = {}
        self._told: set[int] = set()
        if self.entries:
            self._read_offers()

    @cached_property
    def rules(self) -> WaitingListRules:
        return WaitingListRules.current()

    @cached_property
    def telling(self) -> "Telling":
        return Telling(self.now, self.rules)

    def _read_offers(self) -> None:
        kept = Reservation.objects.filter(proposal=OuterRef("pk"))
        ours = Proposal.objects.filter(
            by=Proposal.By.CLINIC,
            appointment__in=WaitingListEntry.objects.open().values("appointment"),
        )
        for offer in ours.annotate(is_kept=Exists(kept)).order_by("pk"):
            self.offers.setdefault(offer.appointment_id, []).append(offer)

    @cached_property
    def booked(self) -> dict[int, list[Appointment]]:
        """Return the visits to come of those who wait, by person."""
        found: dict[int, list[Appointment]] = {}
        whose = {entry.appointment.patient_id for entry in self.entries}
        whose |= self.people.keys() | set(self.people.values())
        booked = Appointment.objects.booked().filter(patient__in=whose)
        for visit in booked.filter(end__gt=self.now):
            found.setdefault(self._person(visit), []).append(visit)
        return found

    @cached_property
    def people(self) -> dict[int, int]:
        """Return the kept record of each that is joined with one of those who wait."""
        waiting = WaitingListEntry.objects.open()
        return kept_for(waiting.values("appointment__patient"))

    def _person(self, visit: Appointment) -> int:
        return self.people.get(visit.patient_id, visit.patient_id)

    @cached_property
    def _of_one(self) -> dict[tuple[int, int], list[Appointment]]:
        """Return who waits without a time, by person and kind of visit."""
        found: dict[tuple[int, int], list[Appointment]] = {}
        for visit in (entry.appointment for entry in self.entries):
            if visit.start is None:
                key = self._person(visit), visit.visit_type_id
                found.setdefault(key, []).append(visit)
        return found

    @cached_property
    def _took(self) -> dict[tuple[int, int], datetime]:
        """Return when people who have joined records took a time that is to come."""
        whose = self.people.keys() | set(self.people.values())
        if not whose:
            return {}
        took = WaitingListEntry.objects.filter(
            why_ended=WaitingListEntry.WhyEnded.TOOK,
            appointment__in=Appointment.objects.booked().filter(start__gt=self.now),
            appointment__patient__in=whose,
        )
        return {
            (self._person(entry.appointment), entry.appointment.visit_type_id): at
            for entry in took.select_related("appointment").order_by("ended_at")
            if (at := entry.ended_at)
        }

    def _has_another(self, entry: WaitingListEntry) -> bool:
        """Tell whether the same person has an offer or a time by another place."""
        visit = entry.appointment
        if visit.start:
            return False
        key = self._person(visit), visit.visit_type_id
        if (took := self._took.get(key)) and took >= entry.joined_at:
            return True
        return any(
            other.pk in self._told or self._open(other)
            for other in self._of_one[key]
            if other != visit
        )

    def _open(self, visit: Appointment) -> list[Proposal]:
        return [
            offer
            for offer in self.offers.get(visit.pk, ())
            if offer.outcome == Proposal.Outcome.OPEN
        ]

    @cached_property
    def promised(self) -> list[dict[int, list[Interval]]]:
        """Return what those take who were told of a time that is not kept for them.

        Spans by resource, once for each of those who may be told of the same time: as
        if the first of them had all come, then the second of them, and so on.
        """
        promised: list[dict[int, list[Interval]]] = [
            {} for _ in range(self.rules.batch)
        ]
        for entry in self.entries:
            for offer in self.offers.get(entry.appointment_id, ()):
                if (
                    offer.outcome == Proposal.Outcome.OPEN
                    and not offer.is_kept  # type: ignore[attr-defined]
                    and not _has_expired(offer, self.now)
                ):
                    self._promise(promised, entry.appointment, offer.start, offer.end)
        return promised

    def free(self, visit: Appointment) -> list[datetime]:
        """Return what the public could have: the starts for such a visit, in order."""
        return self._plan(visit)[1] if visit.visit_type.is_active else []

    def _plan(self, visit: Appointment) -> tuple[Plan, list[datetime]]:
        key = (visit.visit_type_id, visit.wanted_clinician_id, visit.has_referral)
        if key not in self._plans:
            today = timezone.localdate(self.now, clinic_zone())
            dates = today, today + timedelta(visit.visit_type.horizon)
            plan = visit.visit_type.plan(
                *dates,
                now=self.now,
                clinician=visit.wanted_clinician,
                is_agreed=True,
                has_referral=visit.has_referral,
            )
            starts = [
                datetime.fromtimestamp(slot.start, UTC)
                for day in plan.days(*dates, now=self.now)
                for slot in day.slots
            ]
            self._plans[key] = plan, starts
        return self._plans[key]

    def place(self, entry: WaitingListEntry, number: int) -> Place:
        """Say what comes next for somebody: a time, or why there is none for them."""
        visit = entry.appointment
        if offers := self._open(visit):
            until = offers[0].expires_at
            if _has_expired(offers[0], self.now):
                return Place(entry, number, Why.OFFER_ENDED, until)
            return Place(entry, number, Why.HAS_OFFER, until, offers=offers)
        if self._has_another(entry):
            return Place(entry, number, Why.ONE_PERSON)
        if entry.offers_made >= self.rules.most_offers:
            return Place(entry, number, Why.MOST_OFFERS)
        if quiet := self.telling.why_not(visit.patient):
            return Place(entry, number, *quiet)
        starts = self.free(visit)
        if not starts:
            return Place(entry, number, Why.NO_TIME)
        for why, fits in self._sieves(entry):
            starts = [start for start in starts if fits(start)]
            if not starts:
                return Place(entry, number, why)
        return Place(entry, number, Why.NEXT, start=starts[0])

    def _sieves(
        self, entry: WaitingListEntry
    ) -> Iterable[tuple[Why, Callable[[datetime], bool]]]:
        """Yield what a time has to pass, so that the first to leave none says why."""
        visit, wish = entry.appointment, entry.wish
        yield Why.NOT_IN_RANGE, wish.in_range
        yield Why.NOT_ON_DAYS, wish.on_weekday
        yield Why.NOT_IN_PART, wish.in_part
        yield Why.NOT_IN_TIME, lambda start: wish.in_time(start, self.now)
        if mine := visit.start:
            yield Why.NOT_EARLIER, lambda start: start < mine
        yield Why.COMES_THEN, lambda start: not self._comes_then(visit, start)
        # A quarter of an hour later in the same gap is no other time.
        before = [(o.start, o.end) for o in self.offers.get(visit.pk, ())]
        yield (
            Why.OFFERED_BEFORE,
            lambda start: (
                not any(a < start + visit.duration and start < b for a, b in before)
            ),
        )
        yield Why.OTHERS_FIRST, lambda start: not self._is_promised(visit, start)

    def _comes_then(self, visit: Appointment, start: datetime) -> bool:
        """Tell whether they come then for something else, or that day for the same."""
        end, day = start + visit.duration, timezone.localdate(start, clinic_zone())
        return any(
            (other.start < end and start < other.end)
            or (
                other.visit_type_id == visit.visit_type_id
                and timezone.localdate(other.start, clinic_zone()) == day
            )
            for other in self.booked.get(self._person(visit), ())
            if other != visit and other.start and other.end
        )

    def _is_promised(self, visit: Appointment, start: datetime) -> bool:
        """Tell whether as many were told of this time as the rules let.

        Or of times that take what it needs, whatever kind of visit theirs is.
        """
        plan, _starts = self._plan(visit)
        end = start + visit.duration
        return all(
            plan.is_near(start, end, taken)
            and not plan.with_taken(start, taken, now=self.now)
            for taken in self.promised
        )

    def was_offered(self, visit: Appointment, start: datetime) -> None:
        """Read anew what is free, after an offer that keeps its time."""
        self._told.add(visit.pk)
        if self.rules.batch == 1:
            self._plans.clear()
        else:
            self.would_be_offered(visit, start)

    def would_be_offered(self, visit: Appointment, start: datetime) -> None:
        self._told.add(visit.pk)
        self._promise(self.promised, visit, start, start + visit.duration)

    def _promise(
        self,
        promised: Iterable[dict[int, list[Interval]]],
        visit: Appointment,
        start: datetime,
        end: datetime,
    ) -> None:
        """Take a time where the first has it free, if any has."""
        plan, _starts = self._plan(visit)
        for taken in promised:
            if spans := plan.with_taken(start, taken, now=self.now, end=end):
                for resource, more in spans.items():
                    taken.setdefault(resource, []).extend(more)
                return


class Telling:
    """When people can be told something: not in quiet hours, or while we can phone."""

    def __init__(self, now: datetime, rules: WaitingListRules | None = None) -> None:
        self.now = now
        self.rules = rules or WaitingListRules.current()

    def why_not(self, patient: Patient) -> tuple[Why, datetime] | None:
        """Return why somebody cannot be told now, and until when; None if they can."""
        at = int(self.now.timestamp())
        windows = self._windows(patient)
        following = next((w for w in windows if at < w[1]), None)
        if following is None or following[0] <= at:
            return None
        by_phone = messages.reached_by(patient) == Message.Channel.PHONE
        why = Why.DESK_CLOSED if by_phone else Why.QUIET
        return why, datetime.fromtimestamp(following[0], UTC)

    def answer_by(self, patient: Patient) -> datetime:
        """Return when an offer that is made now ends, if it is answered by nobody.

        On a business day: who wants to phone about it then can.
        """
        at, minutes = int(self.now.timestamp()), self.rules.minutes_to_answer
        due = reply_by(at, minutes, self._windows(patient))
        ends = datetime.fromtimestamp(due, UTC)
        return ends + timedelta(hours=hours_to_answer(0, ends))

    def _windows(self, patient: Patient) -> Windows:
        by_phone = messages.reached_by(patient) == Message.Channel.PHONE
        return (by_phone and self._desk) or self._waking

    @cached_property
    def _desk(self) -> Windows:
        return list(open_windows(self.now))

    @cached_property
    def _waking(self) -> Windows:
        """Return the hours that are not quiet, by the clock on the clinic's wall."""
        at = int(self.now.timestamp())
        quiet_from, quiet_until = self.rules.quiet_from, self.rules.quiet_until
        quiet = []
        if quiet_from != quiet_until:
            overnight = timedelta(days=quiet_until < quiet_from)
            today = timezone.localdate(self.now, clinic_zone())
            for n in range(-1, DAYS_AHEAD):
                day = today + timedelta(n)
                start = datetime.combine(day, quiet_from, clinic_zone())
                end = datetime.combine(day + overnight, quiet_until, clinic_zone())
                quiet.append((int(start.timestamp()), int(end.timestamp())))
        whole = at, at + (DAYS_AHEAD - 1) * 24 * 3600
        return list(without(whole, [(a, b) for a, b in quiet if a < b]))
