"""Each visit, compared with what its events, its times and its messages make of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from booking.models import (
    Appointment,
    AppointmentLink,
    Claim,
    Message,
    Patient,
    Proposal,
    Resource,
    ScreeningAnswer,
)
from booking.models.texting import version_of
from booking.policy import (
    ENDED,
    LONGEST,
    TRANSITIONS,
    Act,
    Actor,
    CancellationReason,
    Edge,
    Status,
)

from .fault import Fault, pages
from .reading import (
    COMPARED,
    EventRow,
    ReservationRow,
    VisitRows,
    read,
)

Kind = Message.Kind
TEXT = Message.Channel.TEXT
Outcome = Proposal.Outcome

MOVES: dict[str, Edge] = {str(move): edge for move, edge in TRANSITIONS.items()}
OWED: dict[str, Kind] = {
    Act.REQUEST: Kind.RECEIVED,
    Act.BOOK: Kind.CONFIRMED,
    Act.ACCEPT: Kind.CONFIRMED,
    Act.DECLINE: Kind.DECLINED,
    Act.WITHDRAW: Kind.WITHDRAWN,
    Act.CANCEL: Kind.CANCELLED,
    Act.JOIN: Kind.ON_LIST,
    Act.WANT_EARLIER: Kind.ON_LIST,
    Act.STOP_WANTING: Kind.LEFT,
    Act.LEAVE: Kind.LEFT,
    Act.OFFER: Kind.OFFERED,
    Act.TAKE: Kind.CONFIRMED,
    Act.MOVE: Kind.MOVED,
    Act.ASK_CHANGE: Kind.CHANGE_ASKED,
    Act.STOP_CHANGE: Kind.CHANGE_STOPPED,
    Act.CHANGE: Kind.MOVED,
    Act.REFUSE_CHANGE: Kind.CHANGE_REFUSED,
    Act.CALL_OFF: Kind.CALLED_OFF,
    Act.PASS: Kind.OFFER_ENDED,
    Act.RETRACT: Kind.OFFER_ENDED,
    Act.LAPSE: Kind.OFFER_ENDED,
    Act.EXPIRE: Kind.LIST_ENDED,
}
# What an act owes, where it is another for a visit that was booked before.
OWED_WHEN_BOOKED: dict[str, Kind | None] = {Act.TAKE: Kind.MOVED, Act.EXPIRE: None}
REMINDERS = {Kind.REMINDER, Kind.REMINDER_SOON}
# Source: the table of states in booking/README.md.
HOLDS = {Status.BOOKED, Status.ARRIVED}
HOLDS_FOR_A_WHILE = {Status.PENDING, Status.PROPOSED}
# Whose open proposals a visit may have.
MAY_BE_ANSWERED: dict[str, set[str]] = {
    Status.PENDING: {Proposal.By.PATIENT},
    Status.PROPOSED: {Proposal.By.PATIENT, Proposal.By.CLINIC},
    Status.BOOKED: {Proposal.By.PATIENT, Proposal.By.CLINIC},
}
# Whose times an act holds until they are answered.
HELD_FOR: dict[str, str] = {
    Act.REQUEST: Proposal.By.PATIENT,
    Act.ASK_CHANGE: Proposal.By.PATIENT,
    Act.OFFER: Proposal.By.CLINIC,
    Act.CALL_OFF: Proposal.By.CLINIC,
}
MAY_WAIT = {Status.WAITLIST, Status.PROPOSED, Status.BOOKED}


def find(now: datetime) -> Iterator[Fault]:
    yield from _visits(now)
    yield from _claims()
    yield from _not_forgotten()


@dataclass(slots=True)
class _Replayed:
    """What the events alone make of a visit."""

    status: str = ""
    version: int = 0
    start: str | None = None
    end: str | None = None
    cancellation_reason: str = ""
    decline_reason: str = ""
    series: str | None = None


def _visits(now: datetime) -> Iterator[Fault]:
    for page in pages(Appointment.objects.all()):
        seen = read([pk for (pk,) in page])
        suspects = [visit.pk for visit in seen if any(_wrong(visit, now))]
        for visit in read(suspects):
            yield from _wrong(visit, now)


def _wrong(visit: VisitRows, now: datetime) -> Iterator[Fault]:
    yield from _history(visit)
    yield from _choices(visit)
    yield from _offers(visit)
    yield from _waiting(visit)
    yield from _time(visit)
    yield from _held_in_part(visit, now)
    yield from _messages(visit)
    yield from _asked_by(visit)


def _asked_by(visit: VisitRows) -> Iterator[Fault]:
    """See that what is said of who asked for another is said of somebody, and whole.

    Who said yes before the words were kept has none.
    """
    said = visit.relation or visit.is_contact or visit.may_arrange or visit.wording
    if said and not visit.is_for_another:
        yield Fault(
            "asked_by_nobody",
            f"Visit {visit.pk} says who asked for it, but not their name.",
        )
    words = bool(visit.wording)
    if (
        (words and not visit.may_arrange)
        or words != (visit.agreed_at is not None)
        or visit.version_of_wording != version_of(visit.wording)
    ):
        yield Fault(
            "consent_not_as_given",
            f"What was said yes to for visit {visit.pk} is not as it was written down.",
        )


def _history(visit: VisitRows) -> Iterator[Fault]:
    """Compare the visit with its replayed events."""
    replayed = _Replayed()
    for event in visit.events:
        edge = MOVES.get(event.act)
        if edge is None or (event.from_status or None, event.to_status) not in (
            edge.moves
        ):
            yield Fault(
                "illegal_move",
                f"Event {event.pk} of visit {visit.pk} goes from"
                f" {event.from_status or 'nothing'} to {event.to_status} by"
                f" {event.act}, which is no move that there is.",
            )
        elif not _has_the_right(event, edge):
            yield Fault(
                "illegal_actor",
                f"Event {event.pk} of visit {visit.pk} is {event.act} by"
                f" {event.actor}, who may not do that, or whose account is not named.",
            )
        if (event.version, event.from_status) != (
            replayed.version + 1,
            replayed.status,
        ):
            yield Fault(
                "broken_history",
                f"Event {event.pk} of visit {visit.pk} does not follow from the one"
                " before it.",
            )
        _replay(replayed, event)
    for name in COMPARED:
        present = _plain(getattr(visit, name))
        if present != getattr(replayed, name):
            yield Fault(
                f"replay_{name}",
                f"Visit {visit.pk} has {name} {present!r}, but its events make it"
                f" {getattr(replayed, name)!r}.",
            )


def _has_the_right(event: EventRow, edge: Edge) -> bool:
    """Tell whether this actor may do it; staff alone are known by name."""
    by_staff = event.actor == Actor.STAFF
    return event.actor in edge.actors and by_staff == (event.user_id is not None)


def _replay(replayed: _Replayed, event: EventRow) -> None:
    replayed.status, replayed.version = event.to_status, event.version
    if "start" in event.data:
        replayed.start, replayed.end = event.data["start"], event.data["end"]
    if "series" in event.data:
        replayed.series = event.data["series"]
    if event.act == Act.DECLINE:
        replayed.cancellation_reason = CancellationReason.DECLINED
        replayed.decline_reason = event.reason
    elif event.to_status == Status.CANCELLED:
        replayed.cancellation_reason = event.reason


def _plain(value: Any) -> Any:
    """Return a time or a key as an event keeps it, anything else as it is."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, UUID) else value


def _choices(visit: VisitRows) -> Iterator[Fault]:
    """Compare the times proposed with the visit's own time and state."""
    accepted = [p for p in visit.proposals if p.outcome == Outcome.ACCEPTED]
    still_open = [p for p in visit.proposals if p.outcome == Outcome.OPEN]
    if len(accepted) > 1:
        yield Fault(
            "accepted_twice",
            f"Visit {visit.pk} has {len(accepted)} accepted proposals.",
        )
    elif [(p.start, p.end) for p in accepted] != (
        [(visit.start, visit.end)] if visit.start else []
    ):
        yield Fault(
            "accepted_another_time",
            f"Visit {visit.pk} does not have exactly the time that was accepted.",
        )
    sides = MAY_BE_ANSWERED.get(visit.status, set())
    if for_nothing := [p for p in still_open if p.by not in sides]:
        yield Fault(
            "open_for_nothing",
            f"Visit {visit.pk} is {visit.status}, yet {len(for_nothing)} of its"
            " proposals are open.",
        )
    wishes = [p for p in still_open if p.by == Proposal.By.PATIENT]
    if visit.status in HOLDS and bool(wishes) != (visit.reply_by is not None):
        yield Fault(
            "wish_without_answer",
            f"Visit {visit.pk} is {visit.status} with {len(wishes)} other times asked"
            f" for, and an answer is due: {visit.reply_by}.",
        )
    if visit.status == Status.PENDING and not still_open:
        yield Fault(
            "nothing_to_answer",
            f"Visit {visit.pk} is pending, but none of its proposals is open.",
        )


def _offers(visit: VisitRows) -> Iterator[Fault]:
    """See that who was offered something has a choice, until a time before it."""
    offers = [proposal for proposal in visit.proposals if proposal.is_offer]
    if visit.status == Status.PROPOSED and not offers:
        yield Fault("nothing_offered", f"No time is offered to visit {visit.pk}.")
    for offer in offers:
        if offer.expires_at is None or offer.expires_at > offer.start:
            yield Fault(
                "offer_without_end",
                f"Offer {offer.pk} of visit {visit.pk} does not end before its time.",
            )


def _waiting(visit: VisitRows) -> Iterator[Fault]:
    """See that who waits is on the list, and nobody else."""
    if visit.waits and visit.status not in MAY_WAIT:
        yield Fault(
            "place_left_open",
            f"Visit {visit.pk} is {visit.status} and still on the waiting list.",
        )
    if not visit.waits and visit.status == Status.WAITLIST:
        yield Fault(
            "no_place", f"Visit {visit.pk} waits, but is not on the waiting list."
        )


def _time(visit: VisitRows) -> Iterator[Fault]:
    """Compare what the visit holds with what its state lets it hold."""
    rows = visit.reservations
    yield from _each_held(visit)
    if visit.status in HOLDS:
        # What an offer or a wish holds is apart from what was agreed, and lapses.
        asides = {p.pk for p in visit.proposals if p.outcome == Outcome.OPEN}
        rows = [r for r in rows if r.proposal_id not in asides or not r.expires_at]
        agreed = [e.data["held"] for e in visit.events if "held" in e.data][-1:]
        expected = [(*span, None) for held in agreed for span in held]
        if sorted(map(_held, rows), key=str) != sorted(expected, key=str):
            yield Fault(
                "wrong_time_held",
                f"Visit {visit.pk} is {visit.status} but does not hold exactly what"
                " was accepted: these resources, from when to when.",
            )
    elif visit.status in HOLDS_FOR_A_WHILE:
        for row in rows:
            if row.expires_at is None:
                yield Fault(
                    "held_without_end",
                    f"Reservation {row.pk} never lapses, though visit {visit.pk} is"
                    f" only {visit.status}.",
                )
    elif rows:
        yield Fault(
            "held_for_nothing",
            f"Visit {visit.pk} is {visit.status} and still holds time on"
            f" {len(rows)} resources.",
        )


def _each_held(visit: VisitRows) -> Iterator[Fault]:
    """Compare each reservation with the proposal that it is for."""
    proposals = {proposal.pk: proposal for proposal in visit.proposals}
    for row in visit.reservations:
        if row.end - row.start > LONGEST:
            yield Fault(
                "too_long",
                f"Reservation {row.pk} of visit {visit.pk} is longer than a day, so"
                " whoever looks for free times may not see it.",
            )
        if row.proposal_id is None:
            yield Fault(
                "held_for_no_choice",
                f"Reservation {row.pk} of visit {visit.pk} is for no proposal.",
            )
            continue
        proposal = proposals.get(row.proposal_id)
        if proposal is None:
            yield Fault(
                "held_for_another",
                f"Reservation {row.pk} of visit {visit.pk} is for a proposal of"
                " another visit.",
            )
        elif proposal.outcome not in (Outcome.OPEN, Outcome.ACCEPTED):
            yield Fault(
                "held_for_no_choice",
                f"Reservation {row.pk} of visit {visit.pk} holds the time of a"
                f" proposal that is {proposal.outcome}.",
            )
        elif not row.start <= proposal.start < proposal.end <= row.end:
            yield Fault(
                "held_another_time",
                f"Reservation {row.pk} of visit {visit.pk} does not cover the time of"
                " its proposal.",
            )
        elif row.expires_at and proposal.outcome == Outcome.OPEN:
            said = proposal.expires_at if proposal.is_offer else visit.reply_by
            if row.expires_at != said:
                yield Fault(
                    "held_not_as_said",
                    f"Reservation {row.pk} of visit {visit.pk} lapses at another moment"
                    " than the patient was told.",
                )


def _held_in_part(visit: VisitRows, now: datetime) -> Iterator[Fault]:
    """See that what waits for an answer is held on all that it takes, or on nothing."""
    holds = {
        HELD_FOR[event.act]: event.data["holds"]
        for event in visit.events
        if "holds" in event.data
    }
    for proposal in visit.proposals:
        if proposal.outcome != Outcome.OPEN or proposal.by not in holds:
            continue
        expected = holds[proposal.by]
        left = sum(
            row.proposal_id == proposal.pk and row.lasts(now)
            for row in visit.reservations
        )
        if 0 < left < expected:
            yield Fault(
                "held_in_part",
                f"The time of proposal {proposal.pk} of visit {visit.pk} is held on"
                f" {left} of the {expected} resources that it takes. Answer the visit"
                " soon: what is missing is looked for again then.",
            )


def _held(row: ReservationRow) -> tuple[int, str, str, str | None]:
    return (
        row.resource_id,
        _plain(row.start),
        _plain(row.end),
        _plain(row.expires_at),
    )


def _messages(visit: VisitRows) -> Iterator[Fault]:
    """See that each event has the one message that it owes, and how those ended."""
    events = {event.pk for event in visit.events}
    for event in visit.events:
        owed = [str(kind)] if (kind := _owed(event)) else []
        of_event = [m for m in visit.messages if m.event_id == event.pk]
        found = [m.kind for m in of_event if m.channel != TEXT]
        if found != owed:
            yield Fault(
                "wrong_messages",
                f"Event {event.pk} of visit {visit.pk} owes the messages {owed}"
                f" and has {found}.",
            )
        if any(m.kind not in owed for m in of_event if m.channel == TEXT):
            yield Fault(
                "stray_text",
                f"A text of event {event.pk} of visit {visit.pk} says something else"
                " than its message.",
            )
    waits = set()
    for message in visit.messages:
        if message.event_id not in events and not message.occasion:
            yield Fault(
                "stray_message",
                f"Message {message.pk} of visit {visit.pk} belongs to an event of"
                " another visit.",
            )
        if message.sent_at and message.failed_at:
            yield Fault(
                "sent_and_failed",
                f"Message {message.pk} of visit {visit.pk} was sent, and is a task to"
                " phone the patient as well.",
            )
        if message.sent_at and message.channel in waits:
            yield Fault(
                "sent_out_of_order",
                f"Message {message.pk} of visit {visit.pk} was sent before an earlier"
                " one.",
            )
        if message.is_owed:
            waits.add(message.channel)
    yield from _reminders(visit)


def _reminders(visit: VisitRows) -> Iterator[Fault]:
    """See that nobody is reminded of a time that never was theirs, or twice of one."""
    starts = {e.data["start"] for e in visit.events if e.data.get("start")}
    had = set()
    for message in visit.messages:
        if not message.occasion:
            continue
        about = _plain(message.occasion)
        reminds = message.kind in REMINDERS and message.true_start != message.occasion
        of_no_time = message.kind in (Kind.LATE_ANSWER, Kind.LINK)
        if not of_no_time and (reminds or about not in starts):
            yield Fault(
                "reminded_of_another_time",
                f"Message {message.pk} of visit {visit.pk} is about a time that the"
                " visit never had.",
            )
        key = message.kind, message.channel, about
        if key in had:
            yield Fault(
                "reminded_twice",
                f"Message {message.pk} of visit {visit.pk} says again what an earlier"
                " one says of the same time.",
            )
        had.add(key)


def _owed(event: EventRow) -> Kind | None:
    if event.act == Act.SWAP:
        is_told = event.data.get("kind") == Resource.Kind.CLINICIAN
        return Kind.CLINICIAN_CHANGED if is_told else None
    if event.act == Act.CORRECT:
        return Kind.LINK if "email" in event.data["changed"] else None
    if event.from_status == Status.BOOKED and event.act in OWED_WHEN_BOOKED:
        return OWED_WHEN_BOOKED[event.act]
    return OWED.get(event.act)


def _claims() -> Iterator[Fault]:
    """See that no task is two people's, and of visits that are over, none anybody's."""
    standing = Claim.objects.filter(until=None)
    if not standing.exists():
        return
    # Somebody may still have to be told by phone.
    over = standing.filter(appointment__status__in=ENDED).exclude(task=Claim.Task.CALL)
    for claim in over:
        yield Fault(
            "owned_after_the_end",
            f"Claim {claim.pk} stands, though visit {claim.appointment_id} is over.",
        )
    earlier = standing.filter(
        appointment=OuterRef("appointment"),
        task=OuterRef("task"),
        pk__lt=OuterRef("pk"),
    )
    for claim in standing.filter(Exists(earlier)):
        yield Fault(
            "owned_twice",
            f"Claim {claim.pk} on a task of visit {claim.appointment_id} stands beside"
            " an earlier one.",
        )


def _not_forgotten() -> Iterator[Fault]:
    """Name visits and patients of which something was written after they were emptied.

    What is encrypted is not read; rows that go with it are.
    """
    visits = Appointment.objects.filter(forgotten_at__isnull=False)
    if not visits.exists():
        return
    mine = {"appointment": OuterRef("pk")}
    left = visits.filter(
        Exists(ScreeningAnswer.objects.filter(**mine))
        | Exists(AppointmentLink.objects.filter(**mine))
        | Exists(Message.objects.filter(emptied_at=None, **mine))
    )
    for pk in left.order_by("pk").values_list("pk", flat=True):
        yield Fault(
            "not_forgotten",
            f"Visit {pk} was made anonymous, and has answers, a link or a message.",
        )
    kept = Appointment.objects.filter(patient=OuterRef("pk"), forgotten_at=None)
    named = Patient.objects.exclude(given_name="", family_name="").filter(
        Exists(visits.filter(patient=OuterRef("pk"))), ~Exists(kept)
    )
    for pk in named.order_by("pk").values_list("pk", flat=True):
        yield Fault(
            "not_forgotten",
            f"Patient {pk} has a name, and no visit that was not made anonymous.",
        )
