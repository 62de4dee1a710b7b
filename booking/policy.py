"""The rules as data: states, acts, who may do what, the reply promise. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from .availability import Instant, Reason, Why


class Status(StrEnum):
    """Where a visit stands. Source: HL7 FHIR R4, AppointmentStatus."""

    PENDING = "pending"
    PROPOSED = "proposed"
    BOOKED = "booked"
    ARRIVED = "arrived"
    FULFILLED = "fulfilled"
    NOSHOW = "noshow"
    CANCELLED = "cancelled"
    WAITLIST = "waitlist"
    ENTERED_IN_ERROR = "entered_in_error"


class CancellationReason(StrEnum):
    """Why a visit will not happen; only a cancelled visit has one."""

    DECLINED = "declined"
    PATIENT = "patient"
    CLINIC = "clinic"
    EXPIRED = "expired"


class Actor(StrEnum):
    """On whose behalf something is done."""

    PATIENT = "patient"
    STAFF = "staff"
    SYSTEM = "system"


class Act(StrEnum):
    """What can be done to a visit. The past participle of each is an event."""

    REQUEST = "request"
    BOOK = "book"
    EXTEND = "extend"
    SWAP = "swap"
    MOVE = "move"
    CALL_OFF = "call_off"
    ACCEPT = "accept"
    DECLINE = "decline"
    WITHDRAW = "withdraw"
    CANCEL = "cancel"
    JOIN = "join"
    ASK_CHANGE = "ask_change"
    STOP_CHANGE = "stop_change"
    CHANGE = "change"
    REFUSE_CHANGE = "refuse_change"
    WANT_EARLIER = "want_earlier"
    STOP_WANTING = "stop_wanting"
    LEAVE = "leave"
    OFFER = "offer"
    TAKE = "take"
    PASS = "pass"  # noqa: S105 -- not a password
    RETRACT = "retract"
    LAPSE = "lapse"
    EXPIRE = "expire"
    ARRIVE = "arrive"
    NOT_YET = "not_yet"
    COMPLETE = "complete"
    MISS = "miss"
    CORRECT = "correct"


# From which state to which; None is the state of a visit that is not there yet.
Move = tuple[Status | None, Status]


@dataclass(frozen=True, slots=True)
class Edge:
    """The legal moves of one act, and who may make them."""

    moves: frozenset[Move]
    actors: frozenset[Actor]

    @property
    def sources(self) -> set[Status | None]:
        return {source for source, _ in self.moves}

    @property
    def targets(self) -> set[Status]:
        return {target for _, target in self.moves}

    def target(self, source: Status | None) -> Status:
        """Return the one state that the act leads to from `source`.

        Raises ValueError when there is none, or more: then the act has to choose.
        """
        (target,) = {target for begin, target in self.moves if begin == source}
        return target


def _edge(*moves: Move, by: Iterable[Actor]) -> Edge:
    return Edge(frozenset(moves), frozenset(by))


# Where a visit goes when nothing comes of an offer: back to the list, or to the desk.
_OFFER_ENDS: list[Move] = [
    (Status.PROPOSED, Status.WAITLIST),
    (Status.PROPOSED, Status.PENDING),
    (Status.BOOKED, Status.BOOKED),
]

TRANSITIONS: dict[Act, Edge] = {
    Act.REQUEST: _edge((None, Status.PENDING), by=[Actor.PATIENT, Actor.STAFF]),
    Act.BOOK: _edge((None, Status.BOOKED), by=[Actor.STAFF]),
    Act.EXTEND: _edge((Status.BOOKED, Status.BOOKED), by=[Actor.STAFF]),
    Act.SWAP: _edge((Status.BOOKED, Status.BOOKED), by=[Actor.STAFF]),
    Act.MOVE: _edge((Status.BOOKED, Status.BOOKED), by=[Actor.STAFF]),
    # The time is gone, and others are offered in its place.
    Act.CALL_OFF: _edge((Status.BOOKED, Status.PROPOSED), by=[Actor.STAFF]),
    Act.ACCEPT: _edge((Status.PENDING, Status.BOOKED), by=[Actor.STAFF]),
    Act.DECLINE: _edge(
        (Status.PENDING, Status.CANCELLED),
        (Status.PROPOSED, Status.CANCELLED),
        by=[Actor.STAFF],
    ),
    Act.WITHDRAW: _edge(
        (Status.PENDING, Status.CANCELLED),
        (Status.PROPOSED, Status.CANCELLED),
        by=[Actor.PATIENT, Actor.STAFF],
    ),
    Act.CANCEL: _edge(
        (Status.BOOKED, Status.CANCELLED), by=[Actor.PATIENT, Actor.STAFF]
    ),
    # The visit keeps its time until the clinic says yes to another.
    Act.ASK_CHANGE: _edge((Status.BOOKED, Status.BOOKED), by=[Actor.PATIENT]),
    Act.STOP_CHANGE: _edge(
        (Status.BOOKED, Status.BOOKED), by=[Actor.PATIENT, Actor.STAFF]
    ),
    # By the patient, where the visit type lets them.
    Act.CHANGE: _edge((Status.BOOKED, Status.BOOKED), by=[Actor.PATIENT, Actor.STAFF]),
    Act.REFUSE_CHANGE: _edge((Status.BOOKED, Status.BOOKED), by=[Actor.STAFF]),
    Act.JOIN: _edge((None, Status.WAITLIST), by=[Actor.PATIENT, Actor.STAFF]),
    Act.WANT_EARLIER: _edge(
        (Status.BOOKED, Status.BOOKED), by=[Actor.PATIENT, Actor.STAFF]
    ),
    Act.STOP_WANTING: _edge(
        (Status.BOOKED, Status.BOOKED), by=[Actor.PATIENT, Actor.STAFF]
    ),
    Act.LEAVE: _edge(
        (Status.WAITLIST, Status.CANCELLED),
        (Status.PROPOSED, Status.CANCELLED),
        by=[Actor.PATIENT, Actor.STAFF],
    ),
    # A request is answered by people: there, the system offers nothing.
    Act.OFFER: _edge(
        (Status.WAITLIST, Status.PROPOSED),
        (Status.PENDING, Status.PROPOSED),
        (Status.BOOKED, Status.BOOKED),
        by=[Actor.STAFF, Actor.SYSTEM],
    ),
    Act.TAKE: _edge(
        (Status.PROPOSED, Status.BOOKED),
        (Status.BOOKED, Status.BOOKED),
        by=[Actor.PATIENT, Actor.STAFF],
    ),
    Act.PASS: _edge(*_OFFER_ENDS, by=[Actor.PATIENT, Actor.STAFF]),
    Act.RETRACT: _edge(*_OFFER_ENDS, by=[Actor.STAFF]),
    Act.LAPSE: _edge(*_OFFER_ENDS, by=[Actor.SYSTEM]),
    Act.EXPIRE: _edge(
        (Status.WAITLIST, Status.CANCELLED),
        (Status.BOOKED, Status.BOOKED),
        by=[Actor.SYSTEM],
    ),
    Act.ARRIVE: _edge((Status.BOOKED, Status.ARRIVED), by=[Actor.STAFF]),
    Act.NOT_YET: _edge((Status.ARRIVED, Status.BOOKED), by=[Actor.STAFF]),
    # Nobody has to press "arrived" first, and what was recorded can be put right.
    Act.COMPLETE: _edge(
        (Status.BOOKED, Status.FULFILLED),
        (Status.ARRIVED, Status.FULFILLED),
        (Status.NOSHOW, Status.FULFILLED),
        by=[Actor.STAFF],
    ),
    Act.MISS: _edge(
        (Status.BOOKED, Status.NOSHOW),
        (Status.ARRIVED, Status.NOSHOW),
        (Status.FULFILLED, Status.NOSHOW),
        by=[Actor.STAFF],
    ),
    # How the patient is reached; the visit stays where it is.
    Act.CORRECT: _edge(
        (Status.PENDING, Status.PENDING),
        (Status.PROPOSED, Status.PROPOSED),
        (Status.BOOKED, Status.BOOKED),
        (Status.ARRIVED, Status.ARRIVED),
        (Status.WAITLIST, Status.WAITLIST),
        by=[Actor.STAFF],
    ),
}


# The states of a visit whose time was agreed, on its day and afterwards.
AGREED = (Status.BOOKED, Status.ARRIVED, Status.FULFILLED, Status.NOSHOW)
# The states of a visit whose day is over, and of which it is known how it went.
OVER = (Status.FULFILLED, Status.NOSHOW)
# The states of a visit of which nothing is left to be decided.
ENDED = (*OVER, Status.CANCELLED)
# What staff can record of such a visit.
ATTENDING = (Act.ARRIVE, Act.COMPLETE, Act.MISS, Act.NOT_YET)


def ending(status: str, *, on_list: bool) -> Act:
    """Return the act that ends a visit in this state before it takes place.

    An offer to somebody on the waiting list is left with the list; one that answers a
    request is withdrawn with the request.
    """
    if status == Status.WAITLIST or (status == Status.PROPOSED and on_list):
        return Act.LEAVE
    if status in (Status.PENDING, Status.PROPOSED):
        return Act.WITHDRAW
    return Act.CANCEL


class DeclineReason(StrEnum):
    """Why the clinic could not say yes; each has its own paragraph for the patient."""

    NO_TIME = "no_time"
    NEEDS_REFERRAL = "needs_referral"
    NEEDS_CALL = "needs_call"
    NOT_OFFERED = "not_offered"
    DUPLICATE = "duplicate"


class ChangeRefusal(StrEnum):
    """Why a visit stays where it is, though the patient asked for another time."""

    NO_TIME = "no_time"
    NEEDS_CALL = "needs_call"


class ClosingReason(StrEnum):
    """Why visits cannot take place; each has its own sentence for the patient.

    None says anything about a person's health, the staff's included.
    """

    WEATHER = "weather"
    AWAY = "away"
    EQUIPMENT = "equipment"
    OTHER = "other"


MAX_CHOICES = 3
# How many visits a series has, the first included, and how many weeks apart.
SERIES_VISITS = range(2, 27)
SERIES_WEEKS = range(1, 13)
# A series has one visit a day: nobody is in two places, whatever is free there.
SAME_DAY = Reason(Why.IN_USE, "patient")
# No reservation is longer: the longest day of a year, when the clock goes back. So
# whoever looks for what touches a time need not look at rows that start long before.
LONGEST = timedelta(hours=25)
# In minutes; a visit with a buffer on either side stays below the longest reservation.
LONGEST_VISIT = 12 * 60
LONGEST_BUFFER = 6 * 60
HOLD_MINUTES = 15
# Each page that is sent holds the time anew, but no form holds it for longer than this.
LONGEST_HOLD = timedelta(hours=1)
# A link stays good until a day after the visit, or this long after the last event.
LINK_DAYS_AFTER_VISIT = 1
# Who was seen reads there what to do afterwards; we write to them the day after.
LINK_DAYS_AFTER_SEEN = 14
LINK_DAYS_WITHOUT_VISIT = 30


Point = TypeVar("Point", Instant, datetime)


def reply_by(
    asked: Instant, promise: int, open_windows: Iterable[tuple[Instant, Instant]]
) -> Instant:
    """Return when the answer is due: `promise` business minutes after `asked`.

    `open_windows` are when the front desk works, sorted, apart. A promise longer than
    all of them ends with the last one; with no window at all it counts by the clock,
    so that there is always a date to tell the patient.
    """
    left = promise * 60
    end = asked + left
    for opens, closes in open_windows:
        start = max(opens, asked)
        if start >= closes:
            continue
        if left <= closes - start:
            return start + left
        left -= closes - start
        end = closes
    return end


def without(
    whole: tuple[Point, Point], taken: Iterable[tuple[Point, Point]]
) -> Iterator[tuple[Point, Point]]:
    """Yield the parts of `whole` that no stretch of `taken` covers, in order.

    Stretches are half-open, and may come in any order and overlap.
    """
    at, end = whole
    for start, until in sorted(taken):
        if until <= at or start >= end:
            continue
        if start > at:
            yield at, start
        at = max(at, until)
    if at < end:
        yield at, end
