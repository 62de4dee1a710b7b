"""Any mix of acts, at any time, on a small clinic: what must hold after every one.

A machine picks acts that patients, staff, workers and the clock may do in any order,
lets acts be cut short and the mail server refuse, and looks at all rows after
each. `make soak` does it for longer, and at random; STEPS says how many acts.
"""

import logging
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter
from types import ModuleType
from typing import Any, ClassVar, Self

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Exists, Min, Model, OuterRef
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django import Settings
from time_machine import travel

from booking import (
    closing,
    delivery,
    integrity,
    reminders,
    tasks,
    waiting_list,
    workflow,
)
from booking.availability import Slot
from booking.errors import (
    AlreadyOnList,
    BookingError,
    CannotServe,
    ChangedMeanwhile,
    DifferentForm,
    DifferentRequest,
    DoneMeanwhile,
    MergedAlready,
    NotAllowed,
    NotItsTime,
    NotPossibleNow,
    OfferEnded,
    SameTime,
    TakenOn,
    TimeNotOffered,
    TimeTaken,
    ToldAlready,
    TooLate,
)
from booking.models import (
    Appointment,
    AppointmentEvent,
    AppointmentLink,
    Claim,
    ClosingPlan,
    ClosingRow,
    Closure,
    FormKey,
    Hours,
    Ignoring,
    LegalHold,
    Message,
    Paper,
    Proposal,
    Reservation,
    Resource,
    VisitType,
    WaitingListEntry,
    WaitingListRules,
    Wish,
)
from booking.policy import (
    LONGEST_HOLD,
    Act,
    ChangeRefusal,
    DeclineReason,
    without,
)
from booking.workflow import PATIENT, SYSTEM, By, Contact, NewRequest
from tests import factories
from tests.factories import NEW_YORK, NOW
from tests.records import all_rows, held_by, nothing_written, spans

from .small_clinic import (
    WEEKS,
    Crash,
    CrashAfter,
    PostOffice,
    SmallClinic,
    minute_by_minute,
    next_clock_change,
)
from .test_availability_properties import most_served

# A build takes more than somebody at their desk has the patience for.
STEPS = int(os.environ.get("STEPS", "10000" if "CI" in os.environ else "2000"))
STEPS_A_CLINIC = 40
# How many there are in one run of Hypothesis, more or less: it ends a clinic early that
# takes many choices to tell, and repeats others with a little changed.
PORTION = 800
# Explaining a failure takes longer than finding it.
PHASES = [Phase.generate, Phase.shrink]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# What waits for a worker is no fault as long as none has been let run.
WAITING = {"stuck_message", "dead_lease", "old_holds", "closing_waits"}
VISITORS = ("ann", "ben")

# Days from now on, both included; weekdays; part of the day; notice in minutes.
WISHES = [
    (0, 30, (0, 1, 2, 3, 4), "", 0),
    (0, 30, (0, 1, 2, 3, 4), "", 0),
    (1, 3, (0, 1, 2, 3, 4, 5, 6), "", 60),
    (0, 14, (1, 3), "morning", 24 * 60),
    (2, 60, (0, 2, 4, 6), "afternoon", 0),
    (0, 0, (0, 1, 2, 3, 4, 5, 6), "", 0),
]

# What a statement calls a table.
TABLE = re.compile(r"\b(?:auth|booking|django|services)_\w+")

# Why a visit has a legal hold.
REASONS = ("A letter from a lawyer", "An audit")

visitor = st.sampled_from(VISITORS)
desk = st.integers(0, 1)
kind = st.integers(0, 2)
mood = st.sampled_from(["ok", *PostOffice.MOODS])

# The states of a visit that is not over.
OPEN = ("pending", "proposed", "waitlist", "booked")
# Who, beside staff, may do what can be said to a visit.
MAY_TRY: dict[str, set[str]] = {
    "accept": set(),
    "decline": set(),
    "series": set(),
    "swap": set(),
    "move": set(),
    "retract": set(),
    "cancel": {"patient"},
    "ask_change": {"patient"},
    "stop_change": {"patient"},
    "grant_change": set(),
    "refuse_change": set(),
    "want_earlier": {"patient"},
    "stop_wanting": {"patient"},
    "leave": {"patient"},
    "take": {"patient"},
    "pass": {"patient"},
    "offer": {"system"},
    "arrive": set(),
    "not_yet": set(),
    "complete": set(),
    "miss": set(),
    "entrust": set(),
    "file_paper": set(),
    "keep_record": set(),
    "stop_keeping": set(),
}
# What staff record of a visit on its day: from which states, and where that leads.
ATTENDING = {
    "arrive": ({"booked"}, "arrived"),
    "not_yet": ({"arrived"}, "booked"),
    "complete": ({"booked", "arrived", "noshow"}, "fulfilled"),
    "miss": ({"booked", "arrived", "fulfilled"}, "noshow"),
}
AGREED = ("booked", "arrived", "fulfilled", "noshow")

# A request or a booking, by whoever made it.
Send = partial[Appointment]


class AnyMixOfActs(RuleBasedStateMachine):
    """Expect of each act what the rules in booking/README.md say of it."""

    clinic: ClassVar[SmallClinic]
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        # Marked as Django's tests mark theirs, since acts refuse to run inside any
        # other transaction.
        self.example = transaction.atomic()
        self.example._from_testcase = True
        self.example.__enter__()
        self.travel = travel(NOW, tick=False)
        self.clock = self.travel.start()
        self.now = NOW
        PostOffice.taken = []
        PostOffice.mood = "ok"
        self.asked: list[tuple[Send, NewRequest, uuid.UUID, int]] = []
        # What a patient asked for that the last offer to their visit answers.
        self.answered: dict[int, list[int]] = {}
        self.series: list[tuple[partial[list[Appointment]], uuid.UUID, list[int]]] = []
        self.closed: list[tuple[dict[str, Any], uuid.UUID, int]] = []
        # What each visitor chose: which kind of visit, when, for whom, and since when.
        self.chosen: dict[str, tuple[int, datetime, dict[str, Any], datetime]] = {}
        self.status: dict[int, tuple[str, str]] = {}
        self.claims: dict[tuple[int, str], tuple[int, int]] = {}
        # Records that are joined: the first, and its second.
        self.joined: set[tuple[int, int]] = set()
        # What was said of papers, and why visits are kept.
        self.papers: dict[tuple[int, str], str] = {}
        self.kept: dict[int, str] = {}
        self.looked = 0
        # The moment and the rows that no fault was found in.
        self.present: tuple[datetime, dict[str, Any]] | None = None
        self.memory = Memory()
        self.events: list[Any] = []
        self.messages: list[Any] = []

    def teardown(self) -> None:
        type(self).steps += self.looked - 1  # one look was before the first step
        self.travel.stop()
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    # --- Who asks for what ---------------------------------------------------------

    def visit(self, data: st.DataObject, *states: str) -> Appointment:
        """Return any of the visits, or of those in the given states."""
        return Appointment.objects.get(
            pk=data.draw(st.sampled_from(self.those(states)))
        )

    def patient_or_desk(self, who: int | None) -> By:
        return PATIENT if who is None else self.clinic.desk[who]

    def those(self, states: tuple[str, ...] = ()) -> list[int]:
        return [pk for pk, (s, _) in self.status.items() if not states or s in states]

    def visit_type(self, nth: int) -> VisitType:
        return VisitType.objects.get(pk=self.clinic.visit_types[nth].pk)

    def some_clinician(self, data: st.DataObject) -> Resource | None:
        return data.draw(st.sampled_from([None, None, *self.clinic.clinicians]))

    def some_starts(self, data: st.DataObject, visit_type: VisitType) -> list[datetime]:
        """Return the soonest times that are offered, and some that others want."""
        today = self.now.astimezone(NEW_YORK).date()
        days = visit_type.availability(today, today + 5 * DAY, now=self.now)
        offered = [slot.start for day in days for slot in day.slots]
        wanted = Proposal.objects.order_by("-pk").values_list("start", flat=True)
        return [
            *(datetime.fromtimestamp(s, UTC) for s in offered[:6] + offered[-3:]),
            *(start for start in wanted[:4]),
            self.now + DAY,
        ]

    def some_request(self, data: st.DataObject, nth: int) -> NewRequest:
        visit_type = self.visit_type(nth)
        starts = self.some_starts(data, visit_type)
        email = data.draw(st.sampled_from(["pat@example.com"] * 3 + [""]))
        return factories.a_new_request(
            visit_type,
            *data.draw(
                st.lists(st.sampled_from(starts), min_size=1, max_size=3, unique=True)
            ),
            clinician=self.some_clinician(data),
            has_referral=data.draw(st.sampled_from([True, True, False])),
            patient=factories.patient_details(
                email=email, contact_by="email" if email else "phone"
            ),
        )

    # --- What is free --------------------------------------------------------------

    def slot(
        self,
        visit_type: VisitType,
        start: datetime,
        end: datetime | None = None,
        **who: Any,
    ) -> Slot | None:
        """Return what the model has at `start`, after the engine has said the same.

        What was asked for or offered before has an `end`, which stays.
        """
        kind = copy(visit_type)
        if end is not None:
            kind.duration, kind.step = (end - start) // MINUTE, 1
        model = minute_by_minute(kind, self.now, **who)
        expected = model.answer(int(start.timestamp())) if whole(start) else None
        day = start.astimezone(UTC).date()
        found = visit_type.plan(day, day, now=self.now, **who).check(
            start, now=self.now, end=end
        )
        free = expected if isinstance(expected, Slot) else None
        assert (found if isinstance(found, Slot) else None) == free
        return free

    def slot_as_said(self, visit: Appointment, proposal: Proposal) -> Slot | None:
        """Return what the model has for a time that the visit would be given now."""
        return self.slot(
            visit.visit_type, proposal.start, proposal.end,
            clinician=visit.wanted_clinician,
            ignoring=Ignoring(appointment_id=visit.pk), by_staff=True,
        )  # fmt: skip

    @contextmanager
    def nothing_new(self) -> Iterator[None]:
        """Fail if the block changes what the rows say.

        What has lapsed may be cleared away, and what closures hold be written anew.
        """
        before = self.live_rows()
        yield
        assert self.live_rows() == before

    def live_rows(self) -> dict[str, Any]:
        live = Reservation.objects.live(self.now).order_by("resource", "start")
        fields = [f.attname for f in Reservation._meta.fields if not f.primary_key]
        return all_rows() | {"Reservation": list(live.values_list(*fields))}

    # --- Patients ------------------------------------------------------------------

    @rule(data=st.data(), nth=kind, key=st.sampled_from(["", *VISITORS]))
    def a_patient_asks(self, data: st.DataObject, nth: int, key: str) -> None:
        asked = self.some_request(data, nth)
        self.ask(asked, PATIENT, key)

    @rule(data=st.data(), nth=kind, who=desk)
    def the_desk_asks_on_the_phone(
        self, data: st.DataObject, nth: int, who: int
    ) -> None:
        self.ask(self.some_request(data, nth), self.clinic.desk[who], "")

    def ask(self, asked: NewRequest, by: By, hold_key: str) -> None:
        slots = [
            self.slot(
                asked.visit_type, start,
                clinician=asked.clinician, ignoring=Ignoring(hold_key),
                has_referral=asked.has_referral, by_staff=by != PATIENT,
            )
            for start in asked.choices
        ]  # fmt: skip
        key = uuid.uuid4()

        def act() -> Appointment:
            return workflow.request(
                asked, key=key, by=by, now=self.now, hold_key=hold_key
            )

        if None in slots:
            with pytest.raises(TimeTaken) as refused, nothing_written():
                act()
            assert refused.value.params["rank"] == slots.index(None) + 1
            return
        visit = act()
        self.asked.append((partial(workflow.request, by=PATIENT), asked, key, visit.pk))
        self.status[visit.pk] = ("pending", "")
        self.chosen.pop(hold_key, None)
        holds = asked.visit_type.holds_first_choice and visit.reply_by > self.now
        assert held_by(visit) == (taken_by(slots[0], asked.visit_type) if holds else [])
        assert not (hold_key and Reservation.objects.filter(hold_key=hold_key).exists())

    @rule(data=st.data(), nth=kind, who=desk)
    def the_desk_books(self, data: st.DataObject, nth: int, who: int) -> None:
        asked = self.some_request(data, nth)
        asked = replace(asked, choices=asked.choices[:1])
        slot = self.slot(
            asked.visit_type, asked.choices[0], clinician=asked.clinician, by_staff=True
        )
        send, key = partial(workflow.book, by=self.clinic.desk[who]), uuid.uuid4()
        if slot is None:
            with pytest.raises(TimeTaken), nothing_written():
                send(asked, key=key, now=self.now)
            return
        visit = send(asked, key=key, now=self.now)
        self.asked.append((send, asked, key, visit.pk))
        self.status[visit.pk] = ("booked", "")
        assert held_by(visit) == taken_by(slot, asked.visit_type)

    @rule(data=st.data(), nth=kind, key=visitor)
    def a_visitor_holds_a_time(self, data: st.DataObject, nth: int, key: str) -> None:
        visit_type, who = self.visit_type(nth), self.some_clinician(data)
        start = data.draw(st.sampled_from(self.some_starts(data, visit_type)))
        asked: dict[str, Any] = {"clinician": who, "has_referral": key == "ann"}
        slot = self.slot(visit_type, start, ignoring=Ignoring(key), **asked)
        mine = Reservation.objects.filter(hold_key=key)

        def act() -> datetime:
            return workflow.hold(visit_type, start, key=key, now=self.now, **asked)

        if slot is None:
            with pytest.raises(TimeTaken), nothing_written():
                act()
        else:
            assert act() == self.now + 15 * MINUTE
            self.chosen[key] = nth, start, asked, self.now
            assert spans(mine) == taken_by(slot, visit_type)
            # A hold is not in its own holder's way, who is shown the same people.
            again = self.slot(visit_type, start, ignoring=Ignoring(key), **asked)
            assert again == slot

    @precondition(lambda self: self.chosen)
    @rule(data=st.data(), after=st.sampled_from([MINUTE, 16 * MINUTE, 40 * MINUTE]))
    def a_visitor_goes_on(self, data: st.DataObject, after: timedelta) -> None:
        """A hold lasts longer; one that is no more is taken anew where it is free."""
        self.move_to(self.now + after)
        key = data.draw(st.sampled_from(sorted(self.chosen)))
        nth, start, asked, since = self.chosen[key]
        visit_type = self.visit_type(nth)
        asked |= {"held_since": since if self.now < since + LONGEST_HOLD else None}
        mine = Reservation.objects.filter(hold_key=key)
        held = spans(mine.live(self.now))
        slot = self.slot(visit_type, start, ignoring=Ignoring(key), **asked)

        def act() -> datetime:
            if workflow.renew(key, now=self.now):
                return self.now + 15 * MINUTE
            return workflow.hold(visit_type, start, key=key, now=self.now, **asked)

        if slot is None and not held:
            with pytest.raises(TimeTaken), nothing_written():
                act()
            return
        until = act()
        assert until == self.now + 15 * MINUTE
        assert spans(mine) == (held or taken_by(slot, visit_type))
        assert set(mine.values_list("expires_at", flat=True)) == {until}

    @rule(key=visitor)
    def a_visitor_leaves(self, key: str) -> None:
        workflow.release(key)
        self.chosen.pop(key, None)
        assert not Reservation.objects.filter(hold_key=key).exists()

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), hold=st.sampled_from(["", *VISITORS]))
    def an_old_form_is_sent_again(self, data: st.DataObject, hold: str) -> None:
        send, asked, key, pk = data.draw(st.sampled_from(self.asked))
        more = {"hold_key": hold} if send.func is workflow.request else {}
        with self.nothing_new():
            again = send(asked, key=key, now=self.now, **more)
        assert again.pk == pk
        other = replace(asked, payer="self_pay")
        with pytest.raises(DifferentRequest), nothing_written():
            send(other, key=key, now=self.now)

    # --- Answers -------------------------------------------------------------------

    @precondition(lambda self: self.those(("pending",)))
    @rule(data=st.data(), who=desk, seen=st.booleans())
    def the_desk_accepts(self, data: st.DataObject, who: int, seen: bool) -> None:
        visit = self.visit(data, "pending")
        asked = visit.proposals.filter(by="patient").order_by("rank")
        proposal = data.draw(st.sampled_from(list(asked)))
        slot = self.slot_as_said(visit, proposal)

        def act() -> Appointment:
            return workflow.accept(
                visit.pk, proposal.pk, by=self.clinic.desk[who], now=self.now,
                seen_version=visit.version if seen else None,
            )  # fmt: skip

        if slot is None:
            with pytest.raises(TimeTaken), nothing_written():
                act()
            return
        act()
        self.status[visit.pk] = ("booked", "")
        assert held_by(visit) == taken_by(slot, visit.visit_type)
        outcomes = visit.proposals.order_by("rank").values_list("pk", "outcome")
        assert {pk: outcome == "accepted" for pk, outcome in outcomes} == {
            pk: pk == proposal.pk for pk, _ in outcomes
        }
        assert not visit.proposals.open().exists()

    @precondition(lambda self: self.those(("pending", "booked")))
    @rule(
        data=st.data(), who=desk, more=st.integers(1, 3),
        apart=st.sampled_from([7, 7, 7, 14, 0]),
    )  # fmt: skip
    def the_desk_makes_a_series(
        self, data: st.DataObject, who: int, more: int, apart: int
    ) -> None:
        """Of a request or a booked visit; for `apart` 0 all visits are on one day."""
        visit = self.visit(data, "pending", "booked")
        asked = list(visit.proposals.open().values_list("start", flat=True))
        first = visit.start or data.draw(st.sampled_from(sorted(asked)))
        wall = first.astimezone(NEW_YORK)
        starts = [first] + [
            (wall + n * (apart * DAY or HOUR)).astimezone(UTC)
            for n in range(1, more + 1)
        ]
        # The desk says of each visit who sees the patient, or leaves it open.
        whom = [self.some_clinician(data) for _ in starts]
        slots, clashes = self.slots_of_series(visit, starts, whom)
        key = uuid.uuid4()
        act = partial(
            workflow.book_series, visit.pk, starts, by=self.clinic.desk[who], key=key,
            clinicians=whom if any(whom) else (), wanted=whom[-1],
        )  # fmt: skip
        if clashes:
            with pytest.raises(TimeTaken) as refused, nothing_written():
                act(now=self.now)
            assert set(refused.value.params["clashes"]) == clashes
            return
        visits = act(now=self.now)
        self.series.append((act, key, [v.pk for v in visits]))
        assert [v.start for v in visits] == starts
        assert len({(v.series, v.patient_id) for v in visits}) == 1
        for v, planned in zip(visits, whom, strict=True):
            is_theirs = planned and planned == whom[-1]
            wanted = planned if is_theirs else visit.wanted_clinician
            assert Appointment.objects.get(pk=v.pk).wanted_clinician == wanted
            self.status[v.pk] = ("booked", "")
            if slot := slots.get(v.start):
                assert held_by(v) == taken_by(slot, visit.visit_type)

    def slots_of_series(
        self,
        visit: Appointment,
        starts: list[datetime],
        whom: list[Resource | None],
    ) -> tuple[dict[datetime, Slot], set[datetime]]:
        """Return what the model has for each start to be taken, and who gets none."""
        booked = Appointment.objects.filter(patient=visit.patient_id, status="booked")
        days = [
            s.astimezone(NEW_YORK).date()
            for s in booked.values_list("start", flat=True)
        ]
        slots, clashes = {}, set()
        asked = visit.proposals.open().values_list("start", "end")
        ends = dict(asked) if visit.start is None else {}
        theirs = dict(zip(starts, whom, strict=True))
        for start in starts[1:] if visit.start else starts:
            end = ends.get(start) if start == starts[0] else None
            slot = self.slot(
                visit.visit_type, start, end,
                clinician=theirs[start] or visit.wanted_clinician,
                ignoring=Ignoring(appointment_id=None if visit.start else visit.pk),
                by_staff=True,
            )  # fmt: skip
            day = start.astimezone(NEW_YORK).date()
            if slot and day not in days:
                slots[start] = slot
            else:
                clashes.add(start)
            days.append(day)
        return slots, clashes

    @precondition(lambda self: self.those(("booked",)))
    @rule(data=st.data(), who=desk, seen=st.booleans())
    def the_desk_exchanges_what_a_visit_takes(
        self, data: st.DataObject, who: int, seen: bool
    ) -> None:
        visit = self.visit(data, "booked")
        before = self.own_time(visit)
        gives = data.draw(st.sampled_from([row[0] for row in before]))
        takes = data.draw(st.sampled_from([r.pk for r in self.clinic.resources]))
        act = partial(
            workflow.swap, visit.pk, gives, takes, by=self.clinic.desk[who],
            now=self.now, seen_version=visit.version if seen else None,
        )  # fmt: skip
        if visit.start <= self.now:
            with pytest.raises(NotPossibleNow), nothing_written():
                act()
            return
        taken = self.taken_instead(visit, gives, takes)
        if taken is None:
            with pytest.raises((TimeTaken, CannotServe)), nothing_written():
                act()
            return
        act()
        left = [row for row in before if row[0] != gives]
        assert self.own_time(visit) == sorted([taken, *left])
        is_clinician = gives in {r.pk for r in self.clinic.clinicians}
        told = visit.messages.filter(event__version=visit.version + 1)
        assert [m.kind for m in told] == ["clinician_changed"] * is_clinician
        with self.nothing_new():
            act()

    def taken_instead(self, visit: Appointment, gives: int, takes: int) -> Any:
        """Return what the model takes of the other one; None if it cannot be had."""
        kind = copy(visit.visit_type)
        kind.duration = visit.minutes
        model = minute_by_minute(kind, self.now, by_staff=True)
        start = int(visit.start.timestamp())
        held = {row[0] for row in self.own_time(visit)}
        asked, kind_of_it = model.rules.needs, Resource.objects.get(pk=gives).kind
        left = held - {gives}
        filled = most_served(asked, kind_of_it, left)
        if takes in held or most_served(asked, kind_of_it, left | {takes}) == filled:
            return None
        is_open = model.calendars[takes].hours is None or takes in model.open_at(start)
        stretch = model.reserved(takes, start)
        if not is_open or not model.busy_minutes(takes).isdisjoint(stretch):
            return None
        ends = (datetime.fromtimestamp(at, UTC) for at in (stretch.start, stretch.stop))
        return (takes, *ends)

    @precondition(lambda self: self.those(("booked",)))
    @rule(data=st.data(), who=desk, seen=st.booleans())
    def the_desk_moves_a_visit(self, data: st.DataObject, who: int, seen: bool) -> None:
        visit, clinician = self.visit(data, "booked"), self.some_clinician(data)
        start = data.draw(st.sampled_from(self.some_starts(data, visit.visit_type)))
        by, before, place = self.clinic.desk[who], visit.start, self.place(visit)
        last = visit.events.latest("version")
        act = partial(
            workflow.move, visit.pk, start, clinician=clinician, by=by, now=self.now,
            seen_version=visit.version if seen else None,
        )  # fmt: skip
        if start == before and (last.act, last.user) == ("move", by.user):
            with self.nothing_new():
                act()
            return
        slot = self.slot(
            visit.visit_type, start, clinician=clinician,
            ignoring=Ignoring(appointment_id=visit.pk), by_staff=True,
        )  # fmt: skip
        refused = (
            NotPossibleNow if before <= self.now
            else SameTime if start == before
            else TimeTaken if slot is None
            else None
        )  # fmt: skip
        if refused:
            with pytest.raises(refused), nothing_written():
                act()
            return
        moved = act()
        assert (moved.start, moved.end) == (start, start + moved.duration)
        assert held_by(visit) == taken_by(slot, visit.visit_type)
        assert not visit.proposals.open().exists()
        accepted = visit.proposals.filter(outcome="accepted")
        assert [p.start for p in accepted] == [start]
        assert self.place(visit) == (None if start < before else place)
        assert moved.calendar_sequence == visit.calendar_sequence + 1
        said = self.last_message(visit)
        assert said.kind == "moved"
        assert not said.calendar or f"UID:{visit.uid}" in said.calendar
        with self.nothing_new():
            act()

    @precondition(lambda self: self.those(AGREED))
    @rule(data=st.data(), who=desk, move=st.sampled_from(sorted(ATTENDING)))
    def the_desk_records_what_became_of_a_visit(
        self, data: st.DataObject, who: int, move: str
    ) -> None:
        visit, by = self.visit(data, *AGREED), self.clinic.desk[who]
        sources, status = ATTENDING[move]
        last = visit.events.latest("version")
        local = [at.astimezone(NEW_YORK).date() for at in (visit.start, self.now)]
        begun = visit.start <= self.now

        def act() -> Appointment:
            return workflow.attend(visit.pk, Act(move), by=by, now=self.now)

        if (last.act, last.user) == (move, by.user):
            with self.nothing_new():
                act()
        elif visit.status not in sources:
            with pytest.raises(NotPossibleNow), nothing_written():
                act()
        elif not (begun if move in ("complete", "miss") else local[0] == local[1]):
            with pytest.raises(NotItsTime), nothing_written():
                act()
        else:
            held = self.own_time(visit)
            act()
            self.status[visit.pk] = (status, "")
            assert self.place(visit) is None
            assert self.offers(visit) == []
            assert held_by(visit) == (held if status in ("booked", "arrived") else [])

    @precondition(lambda self: self.series)
    @rule(data=st.data())
    def an_old_series_is_sent_again(self, data: st.DataObject) -> None:
        act, key, visits = data.draw(st.sampled_from(self.series))
        if not FormKey.objects.filter(pk=key).exists():
            return  # forgotten after two days
        with self.nothing_new():
            again = act(now=self.now)
        assert sorted(v.pk for v in again) == sorted(visits)
        visit, starts = act.args
        with pytest.raises(DifferentForm), nothing_written():
            workflow.book_series(
                visit, [*starts, self.now], now=self.now, **act.keywords
            )

    @precondition(lambda self: self.those(("pending", "proposed")))
    @rule(data=st.data(), who=desk, reason=st.sampled_from(DeclineReason))
    def the_desk_declines(
        self, data: st.DataObject, who: int, reason: DeclineReason
    ) -> None:
        visit = self.visit(data, "pending", "proposed")
        workflow.decline(
            visit.pk, reason=reason, by=self.clinic.desk[who], now=self.now
        )
        self.status[visit.pk] = ("cancelled", "declined")
        self.its_time_is_free(visit)

    @precondition(lambda self: self.those(OPEN))
    @rule(data=st.data(), who=st.none() | desk)
    def somebody_cancels(self, data: st.DataObject, who: int | None) -> None:
        visit = self.visit(data, *OPEN)
        by = self.patient_or_desk(who)
        for_patient = visit.pk % 2 == 0
        if by == PATIENT and visit.status == "booked" and self.is_too_late(visit):
            with pytest.raises(TooLate), nothing_written():
                workflow.cancel(visit.pk, by=by, now=self.now)
            return
        workflow.cancel(visit.pk, by=by, now=self.now, for_patient=for_patient)
        is_patients = who is None or for_patient
        self.status[visit.pk] = ("cancelled", "patient" if is_patients else "clinic")
        self.its_time_is_free(visit)

    def is_too_late(self, visit: Appointment) -> bool:
        """Tell whether patients have to call to change or cancel what is booked."""
        return self.now >= visit.start - visit.visit_type.cutoff * HOUR

    def its_time_is_free(self, visit: Appointment) -> None:
        """See that all whom the model lets have the visit's times can have them."""
        assert held_by(visit) == []
        assert not visit.proposals.open().exists()
        assert not visit.waiting_list_entries.open().exists()
        for start in visit.proposals.values_list("start", flat=True):
            self.slot(visit.visit_type, start)

    @precondition(lambda self: self.status)
    @rule(data=st.data(), act=st.sampled_from(["accept", "decline", "cancel"]))
    def the_same_is_done_twice(self, data: st.DataObject, act: str) -> None:
        """Do to an answered visit what was last done to it, and other things."""
        visit = self.visit(data)
        last = visit.events.order_by("version").last()
        same = By(last.actor, last.user)
        colleague = next(d for d in self.clinic.desk if d.user != last.user)
        done = {"accept": "accept", "decline": "decline"}.get(last.act, "cancel")
        if visit.status not in ("booked", "cancelled") or last.actor == "system":
            return
        if act == "cancel" and visit.status == "booked":
            return
        if act == done or act == "cancel":
            with self.nothing_new():
                again = self.answers(visit, same)[act]()
            assert again.version == visit.version
        elif same.user:
            with pytest.raises(NotPossibleNow), nothing_written():
                self.answers(visit, same)[act]()
        if act != "cancel":
            with pytest.raises(NotPossibleNow), nothing_written():
                self.answers(visit, colleague)[act]()

    def answers(
        self, visit: Appointment, by: By, seen: int | None = None
    ) -> dict[str, Callable[[], object]]:
        """Return all that can be said to a visit, each to be called."""
        asked = visit.proposals.filter(by="patient").order_by("rank")
        accepted = visit.proposals.filter(outcome="accepted").first() or asked.first()
        proposal, first = 0, self.now + DAY
        if accepted:
            proposal, first = accepted.pk, accepted.start
        offered = visit.proposals.filter(by="clinic").order_by("pk").last()
        wish_for = asked.filter(outcome="open").last()
        wished = wish_for.pk if wish_for else 0
        offer, soon = offered.pk if offered else 0, self.now + HOUR
        gives = min((row[0] for row in self.own_time(visit)), default=0)
        wish = factories.a_wish()
        reason = DeclineReason(visit.decline_reason or "no_time")
        common: dict[str, Any] = {"by": by, "now": self.now, "seen_version": seen}
        return {
            "accept": lambda: workflow.accept(visit.pk, proposal, **common),
            "decline": lambda: workflow.decline(visit.pk, reason=reason, **common),
            "cancel": lambda: workflow.cancel(visit.pk, **common),
            "series": lambda: workflow.book_series(
                visit.pk, [visit.start or first, self.now + 7 * DAY],
                key=uuid.uuid4(), **common,
            )[0],
            "swap": lambda: workflow.swap(
                visit.pk, gives, self.clinic.resources[-1].pk, **common
            ),
            "move": lambda: workflow.move(visit.pk, self.now + 2 * DAY, **common),
            "ask_change": lambda: workflow.ask_change(
                visit.pk, [self.now + 3 * DAY], **common
            ),
            "stop_change": lambda: workflow.stop_change(visit.pk, **common),
            "grant_change": lambda: workflow.grant_change(visit.pk, wished, **common),
            "refuse_change": lambda: workflow.refuse_change(
                visit.pk, reason=ChangeRefusal.NO_TIME, **common
            ),
            "want_earlier": lambda: workflow.want_earlier(visit.pk, wish, **common),
            "stop_wanting": lambda: workflow.stop_wanting(visit.pk, **common),
            "leave": lambda: workflow.leave(visit.pk, **common),
            "offer": lambda: workflow.offer(
                visit.pk, [self.now + 2 * HOUR], expires_at=soon, **common
            ),
            "take": lambda: workflow.take(visit.pk, offer, **common),
            "pass": lambda: workflow.pass_(visit.pk, **common),
            "retract": lambda: workflow.retract(visit.pk, **common),
            "entrust": lambda: workflow.entrust(
                visit.pk, Claim.Task.ANSWER, to=by.user, by=by, now=self.now
            ),
            "file_paper": lambda: workflow.file_paper(
                visit.pk, Paper.Kind.CARD, Paper.State.DONE, by=by, now=self.now
            ),
            "keep_record": lambda: workflow.keep_record(
                visit.pk, REASONS[0], by=by, now=self.now
            ),
            "stop_keeping": lambda: workflow.stop_keeping(visit.pk, by=by),
        } | {
            move: partial(workflow.attend, visit.pk, Act(move), **common)
            for move in ATTENDING
        }  # fmt: skip

    def possible(self, visit: Appointment) -> set[str]:
        """Return which of those acts the visit's state lets somebody do."""
        offers = visit.proposals.filter(by="clinic", outcome="open")
        waits = WaitingListEntry.objects.filter(appointment=visit, ended_at=None)
        acts = {
            "pending": {"accept", "decline", "cancel", "series", "offer"},
            "proposed": {"decline", "cancel"},
            "waitlist": {"cancel", "offer"},
            "booked": {
                "cancel",
                "series",
                "swap",
                "move",
                "offer",
                "arrive",
                "complete",
                "miss",
            },
        }[visit.status]
        if offers.exists():
            acts |= {"pass", "retract"}
        if offers.filter(expires_at__gt=self.now).exists():
            acts.add("take")
        if visit.wants_change:
            acts |= {"stop_change", "grant_change", "refuse_change"}
        if visit.status == "booked":
            acts.add("stop_wanting" if waits.exists() else "want_earlier")
        elif waits.exists():
            acts.add("leave")
        return acts

    @precondition(lambda self: self.those(OPEN))
    @rule(data=st.data(), off=st.sampled_from([-1, 1]), who=desk)
    def somebody_answers_from_an_old_page(
        self, data: st.DataObject, off: int, who: int
    ) -> None:
        visit = self.visit(data, *OPEN)
        acts = self.answers(visit, self.clinic.desk[who], visit.version + off)
        name = data.draw(st.sampled_from(sorted(self.possible(visit))))
        with pytest.raises(ChangedMeanwhile), nothing_written():
            acts[name]()

    @precondition(lambda self: self.status)
    @rule(data=st.data(), act=st.sampled_from(sorted(MAY_TRY)))
    def somebody_without_the_right_tries(self, data: st.DataObject, act: str) -> None:
        visit = self.visit(data)
        strangers = [self.clinic.intern, By(self.clinic.intern.actor)]
        strangers += [by for by in (PATIENT, SYSTEM) if by.actor not in MAY_TRY[act]]
        by = data.draw(st.sampled_from(strangers))
        with pytest.raises(NotAllowed), nothing_written():
            self.answers(visit, by)[act]()

    # --- Whose a task is -----------------------------------------------------------

    @precondition(lambda self: self.status)
    @rule(
        data=st.data(), who=desk, to=st.none() | desk,
        task=st.sampled_from(Claim.Task), knows=st.booleans(),
    )  # fmt: skip
    def the_desk_says_whose_a_task_is(
        self,
        data: st.DataObject,
        who: int,
        to: int | None,
        task: Claim.Task,
        knows: bool,
    ) -> None:
        visit = self.visit(data)
        owner = None if to is None else self.clinic.desk[to].user
        claim, whose = self.claims.get((visit.pk, task), (0, None))
        act = partial(
            workflow.entrust, visit.pk, task, to=owner, by=self.clinic.desk[who],
            now=self.now, seen=claim if knows else 0,
        )  # fmt: skip
        if (owner and owner.pk) == whose:
            with self.nothing_new():
                assert not act()
        elif claim and not knows:
            with pytest.raises(TakenOn), nothing_written():
                act()
        elif owner and not self.waits(visit, task):
            with pytest.raises((NotPossibleNow, DoneMeanwhile)), nothing_written():
                act()
        else:
            assert act()
            self.claims.pop((visit.pk, task), None)
            if owner:
                newest = Claim.objects.latest("pk").pk
                self.claims[visit.pk, task] = newest, owner.pk

    def waits(self, visit: Appointment, task: str) -> bool:
        agreed = visit.status in ("booked", "arrived")
        calls = Message.objects.phone_these_people().still_true(self.now)
        return {
            "answer": visit.status == "pending"
            or (visit.wants_change and visit.start > self.now),
            "call": calls.filter(appointment=visit).exists(),
            "paper": agreed,
            "outcome": agreed and visit.start <= self.now,
            "closed": any(t.kind == task for t in tasks.of_visit(visit, self.now)),
        }[task]

    # --- How a patient is reached ---------------------------------------------------

    @precondition(lambda self: self.status)
    @rule(
        data=st.data(), who=desk, knows=st.booleans(),
        email=st.sampled_from(["pat@example.com", "new@example.com", ""]),
    )  # fmt: skip
    def the_desk_puts_a_contact_right(
        self, data: st.DataObject, who: int, knows: bool, email: str
    ) -> None:
        patient = self.visit(data).patient
        before = Contact.of(patient)
        contact_by = "email" if email else "phone"
        contact = replace(before, email=email, contact_by=contact_by)
        act = partial(
            workflow.correct_contact, patient.pk, contact, by=self.clinic.desk[who],
            now=self.now, seen=before.digest() if knows else "",
        )  # fmt: skip
        # Who was made anonymous has no number either.
        if not (contact.email or contact.phone):
            with pytest.raises(ValueError, match="nobody"), nothing_written():
                act()
            return
        if contact == before:
            with self.nothing_new():
                assert not act()
            return
        is_gone = not patient.appointments.filter(forgotten_at=None).exists()
        if is_gone or not knows:
            with pytest.raises(NotPossibleNow), nothing_written():
                act()
            return
        assert act()
        mail = Message.objects.owed().filter(appointment__patient=patient)
        assert {m.recipient for m in mail.filter(channel="email")} <= {email}
        held = AppointmentLink.objects.filter(appointment__patient=patient)
        assert not held.filter(revoked_at=None, created_at__lt=self.now).exists()

    # --- What is said of a visit beside its state ----------------------------------

    @precondition(lambda self: self.status)
    @rule(
        data=st.data(), who=desk,
        paper=st.sampled_from(Paper.Kind), state=st.sampled_from(Paper.State),
    )  # fmt: skip
    def the_desk_says_how_a_paper_stands(
        self, data: st.DataObject, who: int, paper: Paper.Kind, state: Paper.State
    ) -> None:
        visit = self.visit(data)
        act = partial(
            workflow.file_paper, visit.pk, paper, state,
            by=self.clinic.desk[who], now=self.now,
        )  # fmt: skip
        if visit.status not in ("booked", "arrived"):
            with pytest.raises(NotPossibleNow), nothing_written():
                act()
            return
        is_new = self.papers.get((visit.pk, paper)) != state
        assert act() == is_new
        self.papers[visit.pk, paper] = state
        with self.nothing_new():
            assert not act()

    @precondition(lambda self: self.status)
    @rule(data=st.data(), because=st.sampled_from(REASONS))
    def a_manager_keeps_a_record(self, data: st.DataObject, because: str) -> None:
        visit = self.visit(data)
        act = partial(
            workflow.keep_record, visit.pk, because,
            by=self.clinic.manager, now=self.now,
        )  # fmt: skip
        if visit.forgotten_at:
            with pytest.raises(NotPossibleNow), nothing_written():
                act()
            return
        assert act() == (visit.pk not in self.kept)
        self.kept.setdefault(visit.pk, because)  # the first reason stays
        with self.nothing_new():
            assert not act()

    @precondition(lambda self: self.status)
    @rule(data=st.data(), of_kept=st.booleans())
    def a_manager_lets_a_record_go(self, data: st.DataObject, of_kept: bool) -> None:
        some = sorted(self.kept) if of_kept and self.kept else self.those()
        act = partial(
            workflow.stop_keeping,
            pk := data.draw(st.sampled_from(some)),
            by=self.clinic.manager,
        )
        assert act() == (self.kept.pop(pk, None) is not None)
        with self.nothing_new():
            assert not act()

    @precondition(lambda self: self.status)
    @rule(data=st.data(), who=desk, stop=st.booleans())
    def the_desk_may_not_keep_a_record(
        self, data: st.DataObject, who: int, stop: bool
    ) -> None:
        answers = self.answers(self.visit(data), self.clinic.desk[who])
        with pytest.raises(NotAllowed), nothing_written():
            answers["stop_keeping" if stop else "keep_record"]()

    @precondition(lambda self: len(self.status) > 1)
    @rule(data=st.data(), who=desk, undo=st.booleans())
    def the_desk_joins_two_records(
        self, data: st.DataObject, who: int, undo: bool
    ) -> None:
        one, other = self.visit(data).patient_id, self.visit(data).patient_id
        act = partial(
            workflow.unmerge if undo else workflow.merge, one, other,
            by=self.clinic.desk[who], now=self.now,
        )  # fmt: skip
        stands = (one, other) in self.joined
        if one == other:
            return
        if stands is not undo:
            with self.nothing_new():
                assert not act()
        elif undo:
            assert act()
            self.joined.remove((one, other))
        elif any(s in (one, other) or f == other for f, s in self.joined):
            with pytest.raises(MergedAlready), nothing_written():
                act()
        else:
            assert act()
            self.joined.add((one, other))

    # --- The waiting list, and offers ----------------------------------------------

    def some_wish(self, data: st.DataObject) -> Wish:
        first, last, weekdays, part, notice = data.draw(st.sampled_from(WISHES))
        today = self.now.astimezone(NEW_YORK).date()
        return Wish(today + first * DAY, today + last * DAY, weekdays, part, notice)

    def wish(self, visit: Appointment) -> list[int]:
        """Return the other times that a patient asks for, as ranked."""
        wanted = visit.proposals.wanted().order_by("rank")
        return list(wanted.values_list("pk", flat=True))

    def place(self, visit: Appointment) -> WaitingListEntry | None:
        return WaitingListEntry.objects.filter(appointment=visit, ended_at=None).first()

    def offers(self, visit: Appointment) -> list[Proposal]:
        """Return what is offered, also what nobody may take any more."""
        mine = visit.proposals.filter(by="clinic", outcome="open")
        return list(mine.order_by("pk"))

    def with_offers(self) -> list[int]:
        found = Proposal.objects.filter(by="clinic", outcome="open")
        return sorted(set(found.values_list("appointment", flat=True)))

    def can_take(self, visit: Appointment) -> list[Proposal]:
        return [
            offer
            for offer in self.offers(visit)
            if offer.expires_at > self.now and self.slot_as_said(visit, offer)
        ]

    def own_time(self, visit: Appointment) -> Any:
        """Return what the visit holds for good."""
        return spans(visit.reservations.filter(expires_at=None))

    def beside_wishes(self, visit: Appointment) -> Any:
        """Return what the visit holds, but for what its patient wants instead."""
        wanted = visit.proposals.wanted()
        return spans(visit.reservations.exclude(proposal__in=wanted))

    def last_message(self, visit: Appointment) -> Message:
        return visit.messages.order_by("pk")[visit.messages.count() - 1]

    @rule(data=st.data(), nth=kind, who=st.none() | desk)
    def somebody_joins_the_list(
        self, data: st.DataObject, nth: int, who: int | None
    ) -> None:
        asked = replace(
            self.some_request(data, nth), choices=(), wish=self.some_wish(data)
        )
        send = partial(workflow.join, by=self.patient_or_desk(who))
        key = uuid.uuid4()
        visit = send(asked, key=key, now=self.now)
        self.asked.append((send, asked, key, visit.pk))
        self.status[visit.pk] = ("waitlist", "")
        assert held_by(visit) == []
        assert self.place(visit).wish == asked.wish
        # The last to join is the last in line.
        line = WaitingListEntry.objects.in_order()
        assert line.last().joined_at <= self.place(visit).joined_at

    def those_who_wish(self) -> list[int]:
        wishing = Appointment.objects.filter(status="booked", reply_by__isnull=False)
        return list(wishing.order_by("pk").values_list("pk", flat=True))

    @precondition(lambda self: self.those(("booked",)))
    @rule(data=st.data())
    def a_patient_asks_for_another_time(self, data: st.DataObject) -> None:
        self.ask_for_another_time(data, self.visit(data, "booked"))

    def ask_for_another_time(self, data: st.DataObject, visit: Appointment) -> None:
        kind = visit.visit_type
        starts = data.draw(
            st.lists(
                st.sampled_from(self.some_starts(data, kind)),
                min_size=1, max_size=3, unique=True,
            )
        )  # fmt: skip
        before = spans(visit.reservations.live(self.now))

        def act() -> Appointment:
            return workflow.ask_change(visit.pk, starts, by=PATIENT, now=self.now)

        same = [p.start for p in visit.proposals.wanted().order_by("rank")] == starts
        last = visit.events.latest("version")
        if same and last.act == "ask_change":
            with self.nothing_new():
                act()
            return
        if visit.wants_change or visit.start <= self.now or self.is_too_late(visit):
            with pytest.raises(NotPossibleNow), nothing_written():
                act()
            return
        slots = [
            self.slot(
                kind, start, clinician=visit.wanted_clinician,
                has_referral=visit.has_referral,
            )
            for start in starts
        ]  # fmt: skip
        if None in slots:
            with pytest.raises(TimeTaken) as refused, nothing_written():
                act()
            assert refused.value.params["rank"] == slots.index(None) + 1
            return
        asked = act()
        self.answered.pop(visit.pk, None)
        assert (asked.status, asked.start) == ("booked", visit.start)
        holds = kind.holds_first_choice and asked.reply_by > self.now
        assert sorted([*before, *(taken_by(slots[0], kind) if holds else [])]) == (
            spans(asked.reservations.live(self.now))
        )
        assert self.last_message(asked).kind == "change_asked"

    @precondition(lambda self: self.read.wishing)
    @rule(data=st.data(), who=desk, how=st.sampled_from(["yes", "yes", "no", "stop"]))
    def somebody_ends_the_wish(self, data: st.DataObject, who: int, how: str) -> None:
        visit = Appointment.objects.get(
            pk=data.draw(st.sampled_from(self.those_who_wish()))
        )
        by, now = self.clinic.desk[who], self.now
        if how == "yes":
            choice = visit.proposals.wanted().order_by("rank").last()
            slot = self.slot_as_said(visit, choice)
            if slot is None or visit.start <= now:
                with (
                    pytest.raises((TimeTaken, NotPossibleNow)),
                    nothing_written(),
                ):
                    workflow.grant_change(visit.pk, choice.pk, by=by, now=now)
                return
            after = workflow.grant_change(visit.pk, choice.pk, by=by, now=now)
            assert held_by(after) == taken_by(slot, visit.visit_type)
            assert (after.start, self.last_message(after).kind) == (
                choice.start, "moved",
            )  # fmt: skip
            return
        own = self.own_time(visit)
        if how == "no":
            after = workflow.refuse_change(
                visit.pk, reason=ChangeRefusal.NO_TIME, by=by, now=now
            )
        else:
            after = workflow.stop_change(visit.pk, by=PATIENT, now=now)
        assert (after.start, self.own_time(after)) == (visit.start, own)
        assert not after.proposals.wanted().exists()

    @precondition(lambda self: self.those(("booked",)))
    @rule(data=st.data(), who=st.none() | desk)
    def somebody_wants_an_earlier_time(
        self, data: st.DataObject, who: int | None
    ) -> None:
        visit, wish = self.visit(data, "booked"), self.some_wish(data)
        by, before = self.patient_or_desk(who), held_by(visit)

        def act() -> Appointment:
            return workflow.want_earlier(visit.pk, wish, by=by, now=self.now)

        if place := self.place(visit):
            if place.wish == wish:
                with self.nothing_new():
                    act()
            else:
                with pytest.raises(AlreadyOnList), nothing_written():
                    act()
        elif visit.start <= self.now:
            with pytest.raises(NotPossibleNow), nothing_written():
                act()
        else:
            act()
            assert self.place(visit).wish == wish
            assert held_by(visit) == before
            assert self.last_message(visit).kind == "on_list"

    @precondition(lambda self: self.those(("booked",)))
    @rule(data=st.data(), who=st.none() | desk)
    def somebody_is_content_with_their_time(
        self, data: st.DataObject, who: int | None
    ) -> None:
        visit, by = self.visit(data, "booked"), self.patient_or_desk(who)
        before, offers = self.own_time(visit), []
        if self.answered.get(visit.pk):  # what the list offers is another thing
            before, offers = self.beside_wishes(visit), self.offers(visit)

        def act() -> Appointment:
            return workflow.stop_wanting(visit.pk, by=by, now=self.now)

        if self.place(visit):
            act()
            assert self.offers(visit) == offers
            assert self.place(visit) is None
            assert self.beside_wishes(visit) == before
            with self.nothing_new():
                act()
            return
        last = visit.events.order_by("version").last()
        if (last.act, By(last.actor, last.user)) == ("stop_wanting", by):
            with self.nothing_new():
                act()
        else:
            with pytest.raises(NotPossibleNow), nothing_written():
                act()

    @precondition(lambda self: self.those(("waitlist", "proposed")))
    @rule(data=st.data(), who=st.none() | desk)
    def somebody_leaves_the_list(self, data: st.DataObject, who: int | None) -> None:
        visit = self.visit(data, "waitlist", "proposed")
        by, waits = self.patient_or_desk(who), self.place(visit)
        if waits is None:
            with pytest.raises(NotPossibleNow), nothing_written():
                workflow.leave(visit.pk, by=by, now=self.now)
            return
        workflow.leave(visit.pk, by=by, now=self.now)
        self.status[visit.pk] = ("cancelled", "patient" if who is None else "clinic")
        self.its_time_is_free(visit)
        with self.nothing_new():
            workflow.leave(visit.pk, by=by, now=self.now)

    @precondition(lambda self: self.those(OPEN))
    @rule(
        data=st.data(), who=st.none() | desk, kept=st.booleans(),
        lasts=st.sampled_from([10 * MINUTE, 3 * HOUR, 10 * DAY]),
    )  # fmt: skip
    def times_are_offered(
        self, data: st.DataObject, who: int | None, kept: bool, lasts: timedelta
    ) -> None:
        by = SYSTEM if who is None else self.clinic.desk[who]
        self.offer_times(data, self.visit(data, *OPEN), by, kept, lasts)

    @precondition(lambda self: self.those(("booked",)))
    @rule(
        data=st.data(), who=desk, kept=st.booleans(),
        retracts=st.booleans(),
    )  # fmt: skip
    def a_wish_is_answered_by_an_offer(
        self, data: st.DataObject, who: int, kept: bool, retracts: bool
    ) -> None:
        """Go a way to its end that is seldom gone by chance."""
        visit, by = self.visit(data, "booked"), self.clinic.desk[who]
        self.ask_for_another_time(data, visit)
        visit.refresh_from_db()
        if not visit.wants_change or self.offers(visit):
            return
        self.offer_times(data, visit, by, kept, 3 * HOUR)
        if not (offers := self.offers(visit)):
            return
        if retracts:
            workflow.retract(visit.pk, by=by, now=self.now)
        else:
            self.move_to(offers[0].expires_at)
            workflow.lapse(visit.pk, now=self.now)
        self.no_offer_is_left(visit)

    def offer_times(
        self,
        data: st.DataObject,
        visit: Appointment,
        by: By,
        kept: bool,
        lasts: timedelta,
    ) -> None:
        starts = apart(
            data.draw(
                st.lists(
                    st.sampled_from(self.some_starts(data, visit.visit_type)),
                    min_size=1, max_size=3,
                )
            )
        )  # fmt: skip
        place, own = self.place(visit), self.own_time(visit)
        wish = self.wish(visit) if visit.status == "booked" and by != SYSTEM else []
        until = min(self.now + lasts, *starts)

        def act() -> Appointment:
            return workflow.offer(
                visit.pk, starts, expires_at=self.now + lasts, by=by, now=self.now,
                kept=kept,
            )  # fmt: skip

        if by.user and self.is_offered_now(visit, starts, by):
            with self.nothing_new():
                act()
            return
        refused = (
            NotPossibleNow if visit.status == "proposed"
            else NotAllowed if visit.status == "pending" and by == SYSTEM
            else NotPossibleNow if self.offers(visit)
            else NotPossibleNow if visit.start and visit.start <= self.now
            else TimeNotOffered if until <= self.now
            else None
        )  # fmt: skip
        slots = [
            self.slot(
                visit.visit_type, start,
                clinician=None if visit.wants_who_left else visit.wanted_clinician,
                # What a request holds is given up for what is offered instead.
                ignoring=Ignoring(
                    appointment_id=visit.pk if visit.status == "pending" else None
                ),
                by_staff=by != SYSTEM, is_agreed=True,
                has_referral=visit.has_referral,
            )
            for start in starts
        ]  # fmt: skip
        if refused is None and None in slots:
            refused = TimeTaken
        if refused:
            with pytest.raises(refused) as error, nothing_written():
                act()
            if refused is TimeTaken:
                assert error.value.params["rank"] == slots.index(None) + 1
            return
        act()
        self.answered[visit.pk] = wish
        if visit.status != "booked":
            self.status[visit.pk] = ("proposed", "")
            own = []
        offers = self.offers(visit)
        assert [offer.start for offer in offers] == starts
        assert {offer.expires_at for offer in offers} == {until}
        assert self.own_time(visit) == own
        held = spans(visit.reservations.filter(proposal=offers[0]))
        assert held == (taken_by(slots[0], visit.visit_type) if kept else [])
        held_for = visit.reservations.exclude(expires_at=None)
        held_for = held_for.filter(proposal__by="clinic")
        assert {r.proposal_id for r in held_for} == (
            {offer.pk for offer in offers} if kept else set()
        )
        assert {r.expires_at for r in held_for} <= {until}
        if place:
            assert self.place(visit).offers_made == place.offers_made + 1

    def is_offered_now(
        self, visit: Appointment, starts: list[datetime], by: By
    ) -> bool:
        """Tell whether the last thing done was that they offered these times."""
        last = visit.events.latest("version")
        if (last.act, last.user) != ("offer", by.user):
            return False
        said = [datetime.fromisoformat(start) for _, start in last.data["offers"]]
        return said == starts and datetime.fromisoformat(last.data["until"]) > self.now

    @precondition(lambda self: self.read.offered)
    @rule(data=st.data(), who=st.none() | desk, seen=st.booleans())
    def an_offer_is_taken(
        self, data: st.DataObject, who: int | None, seen: bool
    ) -> None:
        visit = Appointment.objects.get(
            pk=data.draw(st.sampled_from(self.with_offers()))
        )
        offer = data.draw(st.sampled_from(self.offers(visit)))
        by = self.patient_or_desk(who)
        slot = self.slot_as_said(visit, offer)
        moved = visit.status == "booked"

        def act(by: By, version: int | None) -> Appointment:
            return workflow.take(
                visit.pk, offer.pk, by=by, now=self.now, seen_version=version
            )

        refused = (
            OfferEnded if offer.expires_at <= self.now
            else NotPossibleNow if visit.start and visit.start <= self.now
            else TimeTaken if slot is None
            else None
        )  # fmt: skip
        version = visit.version if seen else None
        if refused:
            with pytest.raises(refused), nothing_written():
                act(by, version)
            return
        rivals = self.who_could_take(visit)
        # Who gets no earlier time than theirs still waits for one.
        stays = moved and offer.start > visit.start
        place = self.place(visit) if stays else None
        taken = act(by, version)
        self.status[visit.pk] = ("booked", "")
        assert (taken.start, taken.end) == (offer.start, offer.end)
        # All that it held before is free, and it has the new time.
        assert held_by(visit) == taken_by(slot, visit.visit_type)
        assert not visit.proposals.open().exists()
        accepted = visit.proposals.filter(outcome="accepted")
        assert [p.pk for p in accepted] == [offer.pk]
        assert self.place(visit) == place
        assert taken.calendar_sequence == visit.calendar_sequence + moved
        said = self.last_message(visit)
        assert said.kind == ("moved" if moved else "confirmed")
        assert not said.calendar or f"UID:{visit.uid}" in said.calendar
        self.the_others_are_told(rivals)
        with self.nothing_new():
            act(PATIENT, None)
            act(self.clinic.desk[0], version)

    def who_could_take(self, winner: Appointment) -> list[Appointment]:
        """Return the others who could take something that is offered to them."""
        others = Appointment.objects.filter(pk__in=self.with_offers())
        others = others.exclude(pk=winner.pk).order_by("pk")
        return [other for other in others if self.can_take(other)]

    def the_others_are_told(self, rivals: list[Appointment]) -> None:
        """See that who can take nothing now is told so, and nobody else."""
        for rival in rivals:
            before = rival.version
            rival.refresh_from_db()
            if rival.version == before:
                assert self.can_take(rival)
            else:
                self.no_offer_is_left(rival)
                assert self.last_message(rival).kind == "offer_ended"
                last = rival.events.order_by("version").last()
                assert (last.act, last.reason) == ("lapse", "gone")

    def no_offer_is_left(self, visit: Appointment, *, passed: bool = False) -> None:
        """See that a visit is back where it was, and holds only what is its own.

        So is what its patient wished for, unless they `passed` what answered that.
        """
        if self.status[visit.pk][0] == "proposed":
            back = "waitlist" if self.place(visit) else "pending"
            self.status[visit.pk] = (back, "")
        assert self.offers(visit) == []
        assert self.beside_wishes(visit) == self.own_time(visit)
        wish = self.answered.pop(visit.pk, [])
        if wish and self.status[visit.pk][0] == "booked":
            begun = visit.start <= self.now
            assert self.wish(visit) == ([] if passed or begun else wish)

    @precondition(lambda self: self.read.offered)
    @rule(data=st.data(), who=st.none() | desk, back=st.booleans())
    def an_offer_is_not_wanted_or_taken_back(
        self, data: st.DataObject, who: int | None, back: bool
    ) -> None:
        visit = Appointment.objects.get(
            pk=data.draw(st.sampled_from(self.with_offers()))
        )
        retracts = back and who is not None
        act = workflow.retract if retracts else workflow.pass_
        by, own = self.patient_or_desk(who), self.own_time(visit)
        place = self.place(visit)
        act(visit.pk, by=by, now=self.now)
        self.no_offer_is_left(visit, passed=not retracts)
        assert self.own_time(visit) == own
        assert self.place(visit) == place
        assert self.last_message(visit).kind == "offer_ended"
        with self.nothing_new():
            act(visit.pk, by=by, now=self.now)
        other = workflow.pass_ if retracts else workflow.retract
        with pytest.raises(OfferEnded), nothing_written():
            other(visit.pk, by=self.clinic.desk[0], now=self.now)

    @precondition(lambda self: self.read.offered)
    @rule(data=st.data())
    def an_offer_ends_now(self, data: st.DataObject) -> None:
        """Go to the very moment: it cannot be taken, and is in nobody's way."""
        visit = Appointment.objects.get(
            pk=data.draw(st.sampled_from(self.with_offers()))
        )
        offer = self.offers(visit)[0]
        self.move_to(offer.expires_at)
        with pytest.raises(OfferEnded), nothing_written():
            workflow.take(visit.pk, offer.pk, by=PATIENT, now=self.now)
        assert not visit.reservations.live(self.now).exclude(expires_at=None).exists()

    @precondition(lambda self: self.status)
    @rule(data=st.data())
    def the_worker_looks_at_one_visit(self, data: st.DataObject) -> None:
        """Let it be that the visit was read before things changed."""
        visit = self.visit(data)
        offers, left = self.offers(visit), self.can_take(visit)
        if offers and not left:
            workflow.lapse(visit.pk, now=self.now)
            self.no_offer_is_left(visit)
        with self.nothing_new():
            workflow.lapse(visit.pk, now=self.now)
        if self.is_over(visit):
            workflow.expire(visit.pk, now=self.now)
            self.it_is_over(visit)
        with self.nothing_new():
            workflow.expire(visit.pk, now=self.now)

    def is_over(self, visit: Appointment) -> bool:
        """Tell whether somebody waits for what cannot come any more."""
        place, today = self.place(visit), self.now.astimezone(NEW_YORK).date()
        if place is None or self.offers(visit):
            return False
        return place.latest < today or bool(visit.start and visit.start <= self.now)

    def it_is_over(self, visit: Appointment) -> None:
        assert self.place(visit) is None
        if self.status[visit.pk][0] == "waitlist":
            self.status[visit.pk] = ("cancelled", "expired")
            assert self.last_message(visit).kind == "list_ended"

    @rule(
        batch=st.sampled_from([1, 2]), most=st.sampled_from([2, 5]), quiet=st.booleans()
    )
    def a_manager_says_how_time_is_offered(
        self, batch: int, most: int, quiet: bool
    ) -> None:
        rules = WaitingListRules(pk=1, batch=batch, most_offers=most)
        if not quiet:
            rules.quiet_until = rules.quiet_from
        rules.save()

    @rule()
    def the_worker_runs_the_list(self) -> None:
        """Sweep what has ended, then offer what is free: in order, to whom it suits."""
        with_offers = Appointment.objects.filter(pk__in=self.with_offers())
        ended = [visit for visit in with_offers if not self.can_take(visit)]
        waiting_list.lapse_and_expire(self.now)
        for visit in ended:
            # Who is back on the list, too late, is off it at the same look.
            over = self.status[visit.pk][0] == "proposed" and self.place(visit) is None
            off = visit.waiting_list_entries.filter(why_ended="expired").exists()
            if over and off:
                self.status[visit.pk] = ("waitlist", "")
            self.no_offer_is_left(visit)
        for visit in Appointment.objects.filter(pk__in=self.those(OPEN)):
            assert not self.is_over(visit)
        for visit in Appointment.objects.filter(pk__in=self.those(("waitlist",))):
            if self.place(visit) is None:
                self.it_is_over(visit)
        self.what_is_free_is_offered()

    def what_is_free_is_offered(self) -> None:
        line = list(
            WaitingListEntry.objects.filter(ended_at=None)
            .order_by("joined_at", "pk")
            .select_related("appointment__patient", "appointment__wanted_clinician")
        )
        last = Proposal.objects.order_by("pk").last()
        waiting_list.offer_free_times(self.now)
        made = list(
            Proposal.objects.filter(pk__gt=last.pk if last else 0).order_by("pk")
        )
        places = {entry.appointment_id: entry for entry in line}
        for offer in made:
            assert offer.by == "clinic"
            self.it_was_right_to_offer(offer, places[offer.appointment_id])
        for entry in line:
            self.nobody_is_passed_over(entry, line, made)
        assert "next" not in {place.why for place in waiting_list.places(self.now)}

    def it_was_right_to_offer(self, offer: Proposal, entry: WaitingListEntry) -> None:
        visit, rules = offer.appointment, WaitingListRules.current()
        self.answered.pop(visit.pk, None)
        if self.status[visit.pk][0] == "waitlist":
            self.status[visit.pk] = ("proposed", "")
        assert self.suits(entry, offer.start)
        assert not self.has_another(entry)
        assert self.now < offer.expires_at <= offer.start
        assert 1 <= self.place(visit).offers_made <= rules.most_offers
        before = visit.proposals.filter(by="clinic", pk__lt=offer.pk)
        assert not before.filter(start=offer.start).exists()
        assert not before.filter(outcome="open").exists()
        assert self.may_be_told(entry, rules)
        assert offer.reservations.exists() == (rules.batch == 1)
        # The public could have it, but for this offer, and nobody has to answer it.
        assert self.slot(
            visit.visit_type, offer.start, clinician=visit.wanted_clinician,
            ignoring=Ignoring(appointment_id=visit.pk),
            is_agreed=True, has_referral=visit.has_referral,
        )  # fmt: skip
        # Of one time so many as may be are told, whatever their kinds of visit; each
        # takes a clinician, so it is there once for each of those.
        told = Proposal.objects.filter(
            by="clinic", outcome="open", start=offer.start, reservations=None,
            expires_at__gt=self.now,
            appointment__waiting_list_entries__ended_at=None,
            appointment__waiting_list_entries__isnull=False,
        )  # fmt: skip
        clinicians = Resource.objects.active().filter(kind="clinician").count()
        assert rules.batch == 1 or told.count() <= rules.batch * clinicians

    def suits(self, entry: WaitingListEntry, start: datetime) -> bool:
        """Tell whether somebody could come then, and would be glad to."""
        wall, mine = start.astimezone(NEW_YORK), entry.appointment.start
        return (
            entry.earliest <= wall.date() <= entry.latest
            and str(wall.weekday()) in entry.weekdays
            and entry.part in ("", "morning" if wall.hour < 12 else "afternoon")
            and start >= self.now + entry.notice * MINUTE
            and (mine is None or start < mine)
            and not self.comes_then(entry.appointment, start)
        )

    def comes_then(self, visit: Appointment, start: datetime) -> bool:
        """Tell whether the patient is here then, or that day for the same."""
        end, wall = start + visit.duration, start.astimezone(NEW_YORK)
        others = Appointment.objects.filter(
            patient__in=self.records_of(visit), status="booked"
        )
        return any(
            (other.start < end and start < other.end)
            or (
                other.visit_type == visit.visit_type
                and other.start.astimezone(NEW_YORK).date() == wall.date()
            )
            for other in others.exclude(pk=visit.pk)
        )

    def records_of(self, visit: Appointment) -> set[int]:
        """Return the records that are joined with the visit's, and its own."""
        kept = {second: first for first, second in self.joined}
        person = kept.get(visit.patient_id, visit.patient_id)
        return {person, *(pk for pk, first in kept.items() if first == person)}

    def has_another(self, entry: WaitingListEntry) -> bool:
        """Tell whether the same person has an offer or a time by another place."""
        visit = entry.appointment
        same = WaitingListEntry.objects.exclude(appointment=visit).filter(
            appointment__patient__in=self.records_of(visit),
            appointment__visit_type=visit.visit_type_id,
        )
        took = same.filter(
            why_ended="took", ended_at__gte=entry.joined_at,
            appointment__status="booked", appointment__start__gt=self.now,
        )  # fmt: skip
        waiting = same.filter(ended_at=None, appointment__start=None)
        offered = any(self.offers(e.appointment) for e in waiting)
        return visit.start is None and (offered or took.exists())

    def may_be_told(self, entry: WaitingListEntry, rules: WaitingListRules) -> bool:
        """Tell whether it is no quiet hour, or, for a call, the desk is open."""
        wall = self.now.astimezone(NEW_YORK)
        if not entry.appointment.patient.email:
            closed = Closure.objects.filter(
                resource=None, start__lte=self.now, end__gt=self.now
            )
            return wall.weekday() < 5 and 9 <= wall.hour < 17 and not closed.exists()
        return rules.quiet_from == rules.quiet_until or 8 <= wall.hour < 20

    def nobody_is_passed_over(
        self,
        entry: WaitingListEntry,
        line: list[WaitingListEntry],
        made: list[Proposal],
    ) -> None:
        """See that who was offered nothing could have had none of what others got."""
        visit, rules = entry.appointment, WaitingListRules.current()
        if self.offers(visit) or entry.offers_made >= rules.most_offers:
            return
        if not self.may_be_told(entry, rules) or self.has_another(entry):
            return
        if visit.visit_type.needs_referral and not visit.has_referral:
            return
        had = visit.proposals.filter(by="clinic").values_list("start", flat=True)
        behind = {e.appointment_id for e in line[line.index(entry) + 1 :]}
        for offer in made:
            other = offer.appointment
            if other.pk not in behind or other.visit_type_id != visit.visit_type_id:
                continue
            if visit.wanted_clinician_id in (None, other.wanted_clinician_id):
                assert offer.start in had or not self.suits(entry, offer.start)

    # --- The clinic's time ---------------------------------------------------------

    @rule(
        data=st.data(),
        nth=st.none() | st.integers(0, 5),
        day=st.integers(0, 6),
        length=st.sampled_from([HOUR, 5 * HOUR, DAY, 10 * DAY]),
    )
    def staff_close(
        self, data: st.DataObject, nth: int | None, day: int, length: timedelta
    ) -> None:
        hour = self.now.replace(minute=0, second=0, microsecond=0) + HOUR
        visits = Appointment.objects.filter(status="booked", start__gt=self.now)
        start = data.draw(
            st.sampled_from(
                [
                    hour + day * DAY,
                    *visits.order_by("pk").values_list("start", flat=True),
                ]
            )
        )
        values = {
            "resource": None if nth is None else self.clinic.resources[nth],
            "start": start, "end": start + length, "reason": "Training day",
        }  # fmt: skip
        key = uuid.uuid4()
        closure = workflow.close(Closure(**values), now=self.now, key=key)
        self.closed.append((values, key, closure.pk))

    @precondition(lambda self: self.closed)
    @rule(data=st.data())
    def an_old_closure_is_sent_again(self, data: st.DataObject) -> None:
        values, key, pk = data.draw(st.sampled_from(self.closed))
        if not FormKey.objects.filter(pk=key).exists():
            return  # forgotten after two days
        other = Closure(**values | {"reason": "Holiday"})
        with pytest.raises(DifferentForm), nothing_written():
            workflow.close(other, now=self.now, key=key)
        with self.nothing_new():
            if Closure.objects.filter(pk=pk).exists():
                again = workflow.close(Closure(**values), now=self.now, key=key)
                assert again.pk == pk
            else:
                with pytest.raises(NotPossibleNow):
                    workflow.close(Closure(**values), now=self.now, key=key)

    @precondition(lambda self: Closure.objects.exists())
    @rule(data=st.data(), move=st.sampled_from([None, -2 * HOUR, 2 * HOUR, DAY]))
    def staff_reopen_or_change_it(
        self, data: st.DataObject, move: timedelta | None
    ) -> None:
        closure = data.draw(st.sampled_from(list(Closure.objects.order_by("pk"))))
        if move is None:
            workflow.reopen(closure, now=self.now)
            with self.nothing_new():
                workflow.reopen(closure, now=self.now)
        elif closure.end + move > max(closure.start, self.now):
            closure.end += move
            workflow.close(closure, now=self.now)

    @rule(
        data=st.data(), who=desk, nth=st.none() | st.integers(0, 5),
        length=st.sampled_from([5 * HOUR, DAY]),
    )  # fmt: skip
    def staff_close_a_day(
        self, data: st.DataObject, who: int, nth: int | None, length: timedelta
    ) -> None:
        visits = Appointment.objects.filter(status="booked", start__gt=self.now)
        starts = visits.order_by("pk").values_list("start", flat=True)
        start = data.draw(st.sampled_from([self.now + HOUR, *starts]))
        of = None if nth is None else self.clinic.resources[nth]
        closure = Closure(resource=of, start=start, end=start + length)
        choices = {
            visit.pk: data.draw(st.sampled_from(["offer", "cancel", "keep"]))
            for visit in visits
        }
        seen = closing.Preview(closure, self.now)
        for hit in seen.to_decide:
            if not hit.starts:
                choices[hit.visit.pk] = "cancel"
        act = partial(
            factories.a_closed_day, start, start + length, choices, preview=seen,
            key=uuid.uuid4(), by=self.clinic.desk[who], now=self.now,
        )  # fmt: skip
        plan = act()
        with self.nothing_new():
            assert act() == plan

    @precondition(lambda self: ClosingPlan.objects.exists())
    @rule(data=st.data(), who=desk)
    def staff_undo_it(self, data: st.DataObject, who: int) -> None:
        plan = data.draw(st.sampled_from(list(ClosingPlan.objects.order_by("pk"))))
        act = partial(
            workflow.undo_closing, plan.pk, by=self.clinic.desk[who], now=self.now
        )
        if plan.rows.filter(outcome="done").exists():
            with pytest.raises(ToldAlready), nothing_written():
                act()
            return
        act()
        assert not plan.rows.exclude(outcome="undone").exists()
        assert not Closure.objects.filter(pk=plan.closure_id).exists()
        with self.nothing_new():
            act()

    @rule()
    def the_worker_tells_of_closed_days(self) -> None:
        due = ClosingRow.objects.filter(outcome="waiting", plan__due_at__lte=self.now)
        before = {row.pk: self.own_time(row.appointment) for row in due}
        closing.tell(self.now)
        for row in ClosingRow.objects.filter(pk__in=before):
            visit = row.appointment
            if row.outcome == "dropped":
                assert self.own_time(visit) == before[row.pk]
                continue
            assert (row.outcome, visit.version) == ("done", row.version + 1)
            if row.choice == "cancel":
                self.status[visit.pk] = ("cancelled", "clinic")
                self.its_time_is_free(visit)
                continue
            self.status[visit.pk] = ("proposed", "")
            assert self.own_time(visit) == []
            assert self.can_take(visit) == self.offers(visit) != []
            assert self.place(visit) is None
            assert self.last_message(visit).kind == "called_off"

    @rule(nth=desk, week=st.sampled_from(sorted(WEEKS)), soon=st.booleans())
    def staff_change_hours(self, nth: int, week: str, soon: bool) -> None:
        clinician = self.clinic.clinicians[nth]
        first = self.now.astimezone(NEW_YORK).date() + 2 * DAY if soon else None
        if not soon:
            clinician.hours.all().delete()
        Hours.objects.bulk_create(
            Hours(resource=clinician, valid_from=first, **row) for row in WEEKS[week]
        )
        workflow.refresh_closures(now=self.now)

    @rule(nth=kind, by_phone=st.sampled_from([False, False, True]))
    def staff_change_how_a_visit_is_asked_for(self, nth: int, by_phone: bool) -> None:
        visit_type = self.visit_type(nth)
        visit_type.by_phone_only = by_phone
        visit_type.save()

    @rule(
        nth=kind,
        length=st.sampled_from([15, 30, 45, 60]),
        step=st.sampled_from([15, 20]),
    )
    def staff_change_how_long_a_visit_takes(
        self, nth: int, length: int, step: int
    ) -> None:
        visit_type = self.visit_type(nth)
        visit_type.duration, visit_type.step = length, step
        visit_type.save()

    @rule(nth=st.integers(0, 5))
    def staff_take_something_away_or_bring_it_back(self, nth: int) -> None:
        resource = Resource.objects.get(pk=self.clinic.resources[nth].pk)
        resource.is_active = not resource.is_active
        resource.save()
        workflow.refresh_closures(now=self.now)

    @rule(nth=kind, days=st.integers(0, 6), who=st.none() | desk, staff=st.booleans())
    def somebody_looks_at_a_day(
        self, nth: int, days: int, who: int | None, staff: bool
    ) -> None:
        visit_type = self.visit_type(nth)
        day = self.now.astimezone(NEW_YORK).date() + days * DAY
        clinician = None if who is None else self.clinic.clinicians[who]
        asked: dict[str, Any] = {"clinician": clinician, "by_staff": staff}
        asked["has_referral"] = staff or bool(who)
        model = minute_by_minute(visit_type, self.now, **asked)
        (found,) = visit_type.availability(day, day, now=self.now, **asked)
        assert found == model.day(day)

    # --- Time and trouble ----------------------------------------------------------

    @rule(by=st.sampled_from([MINUTE, 16 * MINUTE, HOUR, 9 * HOUR, DAY, 6 * DAY]))
    def time_goes_by(self, by: timedelta) -> None:
        self.move_to(self.now + by)

    @rule(days=st.sampled_from([30, 61, 150]))
    def months_go_by(self, days: int) -> None:
        self.move_to(self.now + days * DAY)

    @precondition(lambda self: self.those(("cancelled",)))
    @rule(data=st.data())
    def the_night_forgets_a_request(self, data: st.DataObject) -> None:
        visit = self.visit(data, "cancelled")
        last = visit.events.latest("version").at
        forget = partial(workflow.forget, visit.pk, now=self.now)
        is_kept = visit.pk in self.kept
        if visit.forgotten_at or is_kept or self.now < last + 90 * DAY:
            with self.nothing_new():
                assert not forget()
            return
        assert forget()
        others = visit.patient.appointments.filter(forgotten_at=None)
        visit.patient.refresh_from_db()
        assert bool(visit.patient.given_name) is others.exists()

    @rule()
    def the_clocks_are_about_to_change(self) -> None:
        self.move_to(factories.at("16:00", next_clock_change(self.now) - 2 * DAY))

    def move_to(self, now: datetime) -> None:
        if now > self.now:
            self.now = now
            self.clock.move_to(now)

    @rule(answer=mood, messages=st.integers(1, 3))
    def a_worker_looks(self, answer: str, messages: int) -> None:
        """Send a few; whatever goes out is true when it goes."""
        PostOffice.mood = answer
        sent = Message.objects.exclude(sent_at=None)
        before = set(sent.values_list("pk", flat=True))
        for _ in range(messages):
            delivery.deliver_next()
        for message in sent.exclude(pk__in=before).select_related("appointment"):
            assert self.is_true(message)
        delivery.beat(self.now)

    @rule()
    def the_worker_reminds(self) -> None:
        """Write to whom it is time to write, of what is so; again, to nobody."""
        last = Message.objects.order_by("pk").last()
        new = Message.objects.filter(pk__gt=last.pk if last else 0)
        reminders.owe_due(self.now)
        for message in new.select_related("appointment"):
            assert self.is_true(message)
            assert message.entry is message.offer is None
        if WaitingListRules.current().is_quiet(self.now):
            assert not new.exists()
        count = new.count()
        reminders.owe_due(self.now)
        assert new.count() == count

    def is_true(self, message: Message) -> bool:
        """Tell from its event, or its occasion, whether what it says is so."""
        visit, event = message.appointment, message.event
        if event is None:
            if message.kind == "late_answer":
                due = visit.reply_by
                waits = visit.status == "pending" or (
                    visit.status == "booked" and self.now < visit.start
                )
                return waits and message.occasion == due <= self.now
            about = {"follow_up": "fulfilled"}.get(message.kind, "booked")
            return (visit.status, visit.start) == (about, message.occasion) and (
                self.now < visit.start - HOUR or about == "fulfilled"
            )
        if (visit.status, message.true_while) != (event.to_status, event.to_status):
            return False
        if message.kind in ("confirmed", "moved"):
            return datetime.fromisoformat(event.data["start"]) == visit.start
        if message.kind == "clinician_changed":
            told = visit.events.filter(version__lte=event.version).order_by("version")
            starts = [e.data["start"] for e in told if "start" in e.data]
            return datetime.fromisoformat(starts[-1]) == visit.start
        if message.kind == "change_asked":
            return visit.wants_change
        if message.kind in ("offered", "called_off"):
            open_now = visit.proposals.filter(
                by="clinic", outcome="open", expires_at__gt=self.now
            )
            told = [pk for pk, _ in event.data["offers"]]
            return sorted(open_now.values_list("pk", flat=True)) == told
        if message.kind == "on_list":
            waits = WaitingListEntry.objects.filter(appointment=visit, ended_at=None)
            return waits.filter(joined_at=event.at).exists()
        return True

    @rule()
    def a_worker_dies_with_a_message_in_hand(self) -> None:
        delivery.claim_next(self.now)

    @rule()
    def the_worker_cleans_up(self) -> None:
        FormKey.objects.filter(at__lt=self.now - 2 * DAY).delete()
        with self.nothing_new():
            delivery.purge(self.now)

    @rule(answer=mood)
    def the_worker_catches_up(self, answer: str) -> None:
        """Go past every wait: nothing owed is left without a person or a mail."""
        PostOffice.mood = answer
        owed = Message.objects.owed()
        # One that is due waits behind an earlier one of its visit, which may not be.
        earlier = owed.filter(
            appointment=OuterRef("appointment"), pk__lt=OuterRef("pk")
        )
        in_line = owed.exclude(Exists(earlier))
        self.the_worker_tells_of_closed_days()
        while soonest := in_line.aggregate(at=Min("due_at"))["at"]:
            self.move_to(soonest)
            while delivery.deliver_next():
                pass
            self.the_worker_tells_of_closed_days()
        delivery.purge(self.now)
        assert integrity.faults(self.now) == []
        for message in Message.objects.all():
            ends = (message.sent_at, message.failed_at, message.overtaken_at)
            by_phone = message in Message.objects.phone_these_people()
            if message.sent_at or message.overtaken_at:
                assert not by_phone
            else:
                assert by_phone
            assert message.channel == "phone" or any(ends)

    @rule(data=st.data(), nth=kind, after=st.integers(0, 45))
    def an_act_is_cut_short(self, data: st.DataObject, nth: int, after: int) -> None:
        """Crash before any of its statements, or the commit: nothing is left behind."""
        act = data.draw(st.sampled_from(self.acts(data, nth)))
        with (
            pytest.raises((Crash, BookingError)),
            nothing_written(),
            connection.execute_wrapper(CrashAfter(after)),
        ):
            act()

    def acts(self, data: st.DataObject, nth: int) -> list[Callable[[], Any]]:
        asked = self.some_request(data, nth)
        visit_type, start, now = asked.visit_type, asked.choices[0], self.now
        closure = Closure(start=start, end=start + DAY, reason="Training day")
        acts: list[Callable[[], Any]] = [
            lambda: workflow.request(
                asked, key=uuid.uuid4(), by=PATIENT, now=now, hold_key="ann"
            ),
            lambda: workflow.book(
                replace(asked, choices=[start]),
                key=uuid.uuid4(),
                by=self.clinic.desk[0],
                now=now,
            ),
            lambda: workflow.hold(visit_type, start, key="ann", now=now),
            lambda: workflow.renew("ann", now=now),
            lambda: workflow.release("ann"),
            lambda: workflow.close(closure, now=now),
            lambda: workflow.refresh_closures(now=now),
        ]
        waits = replace(asked, choices=(), wish=factories.a_wish())
        acts.append(lambda: workflow.join(waits, key=uuid.uuid4(), by=PATIENT, now=now))
        if self.those(OPEN):
            visit = self.visit(data, *OPEN)
            acts += self.answers(visit, self.clinic.desk[0]).values()
            acts += [
                lambda: workflow.offer(
                    visit.pk, [start], expires_at=now + DAY, by=SYSTEM, now=now
                ),
                lambda: workflow.lapse(visit.pk, now=now),
                lambda: workflow.expire(visit.pk, now=now),
                lambda: workflow.keep_record(
                    visit.pk, REASONS[0], by=self.clinic.manager, now=now
                ),
                lambda: workflow.stop_keeping(visit.pk, by=self.clinic.manager),
            ]
        return acts

    # --- What holds after every step -----------------------------------------------

    @invariant()
    def every_promise_is_kept(self) -> None:
        """Look at all rows after a step; nothing is read twice that is as it was.

        The same rows at the same moment, as after a refusal, promise the same. So do
        the rows that a look reads, if none of those has changed.
        """
        self.looked += 1
        present = self.now, all_rows(trail=True)
        if present != self.present:
            self.read = Read.of(present[1])
            for part in integrity.PARTS:
                self.memory.look(part.__name__, partial(self.is_sound, part), *present)
            self.memory.look(
                "closed", self.nobody_can_have_a_time_that_is_closed, *present
            )
            self.present = present
        # What a step says of the rows is another matter than the rows.
        self.each_visit_is_where_it_was_left()
        self.each_task_is_whose_it_was_left_to_be()
        self.papers_and_holds_are_as_they_were_said()
        self.what_happened_stays_as_it_was()
        self.each_message_goes_out_at_most_once()

    def is_sound(self, part: ModuleType) -> None:
        found = part.find(self.now)
        assert [str(f) for f in found if f.code not in WAITING] == []

    def each_visit_is_where_it_was_left(self) -> None:
        assert self.read.visits == self.status

    def each_task_is_whose_it_was_left_to_be(self) -> None:
        ended = self.those(("cancelled", "fulfilled", "noshow"))
        for key in list(self.claims):
            if key[0] in ended and key[1] != "call":
                del self.claims[key]
        assert self.read.claims == self.claims

    def papers_and_holds_are_as_they_were_said(self) -> None:
        assert self.read.papers == self.papers
        assert self.read.kept == self.kept

    def nobody_can_have_a_time_that_is_closed(self) -> None:
        held: dict[int, list[Any]] = {r.pk: [] for r in Resource.objects.all()}
        for resource, *span in spans(Reservation.objects.live(self.now)):
            held[resource].append(span)
        for closure in Closure.objects.filter(end__gt=self.now):
            to_come = [max(closure.start, self.now), closure.end]
            for resource in [closure.resource_id] if closure.resource_id else held:
                assert list(without(to_come, held[resource])) == []

    def what_happened_stays_as_it_was(self) -> None:
        assert self.read.events[: len(self.events)] == self.events
        self.events = self.read.events

    def each_message_goes_out_at_most_once(self) -> None:
        assert sorted(PostOffice.taken) == self.read.sent


class Memory:
    """What each look has read that found nothing wrong, so as not to look again."""

    def __init__(self) -> None:
        self.good: dict[str, tuple[datetime, dict[str, Any]]] = {}

    def look(
        self, name: str, look: Callable[[], None], now: datetime, rows: dict[str, Any]
    ) -> None:
        """Look, unless the rows are as they were in all tables that it read then."""
        at, seen = self.good.get(name, (None, {}))
        if at == now and all(rows[model] == was for model, was in seen.items()):
            return
        read: set[str] = set()

        def listen(
            execute: Any, sql: str, params: Any, many: bool, context: Any
        ) -> Any:
            read.update(TABLE.findall(sql) or [""])
            return execute(sql, params, many, context)

        with connection.execute_wrapper(listen):
            look()
        ours = apps.get_app_config("booking").get_models()
        models = {model._meta.db_table: model.__name__ for model in ours}
        names = {models.get(table, "") for table in read}
        self.good.pop(name, None)
        # Nobody knows whether what is not among the rows has changed.
        if names <= rows.keys():
            self.good[name] = now, {name: rows[name] for name in names}


@dataclass(frozen=True)
class Read:
    """What the rows say, to compare with what the steps have said."""

    visits: dict[int, tuple[str, str]]
    wishing: bool
    offered: bool
    claims: dict[tuple[int, str], tuple[int, int]]
    papers: dict[tuple[int, str], str]
    kept: dict[int, str]
    events: list[Any]
    sent: list[str]

    @classmethod
    def of(cls, rows: dict[str, Any]) -> Self:
        def told(model: type[Model], *names: str) -> list[Any]:
            columns = [field.name for field in model._meta.concrete_fields]
            these = itemgetter(*map(columns.index, names))
            return [these(row) for row in rows[model.__name__]]

        visits = told(Appointment, "id", "status", "cancellation_reason", "reply_by")
        proposals = told(Proposal, "by", "outcome")
        claims = told(Claim, "appointment", "task", "id", "user", "until")
        papers = told(Paper, "appointment", "kind", "state")
        events = told(
            AppointmentEvent, "id", "appointment", "version", "act", "from_status",
            "to_status", "reason", "actor", "user", "at", "data",
        )  # fmt: skip
        sent = told(Message, "message_id", "sent_at")
        # Why a record is kept is encrypted.
        kept = LegalHold.objects.values_list("appointment", "because")
        return cls(
            {pk: (status, reason) for pk, status, reason, _ in visits},
            any(status == "booked" and by for _, status, _, by in visits),
            ("clinic", "open") in proposals,
            {(pk, task): (c, user) for pk, task, c, user, end in claims if not end},
            {(pk, kind): state for pk, kind, state in papers},
            dict(kept if rows["LegalHold"] else ()),
            events,
            sorted(number for number, at in sent if at),
        )


def whole(start: datetime) -> bool:
    """Tell whether a time is one that the model, which looks at minutes, knows."""
    return not (start.second or start.microsecond)


def apart(starts: list[datetime]) -> list[datetime]:
    """Return those that are so far from the ones before that neither is in the way."""
    found: list[datetime] = []
    for start in starts:
        if all(abs(start - other) >= 3 * HOUR for other in found):
            found.append(start)
    return found


def taken_by(slot: Slot, visit_type: VisitType) -> list[tuple[int, datetime, datetime]]:
    """Return resource, start and end of what a visit there takes, buffers inside."""
    start = datetime.fromtimestamp(slot.start, UTC)
    end = datetime.fromtimestamp(slot.end, UTC)
    return sorted(
        (
            r.pk,
            start - max(visit_type.buffer_before, r.buffer_before) * MINUTE,
            end + max(visit_type.buffer_after, r.buffer_after) * MINUTE,
        )
        for r in Resource.objects.filter(pk__in=slot.resources)
    )


def portion(steps: int) -> settings:
    return settings(
        max_examples=-(-steps // STEPS_A_CLINIC),
        stateful_step_count=STEPS_A_CLINIC,
        database=None,
        phases=PHASES,
        deadline=None,  # a busy machine is no fault of the clinic
        # A step is a transaction or more, and a run is many of them.
        suppress_health_check=[HealthCheck.too_slow],
    )


@pytest.mark.django_db(transaction=True)
def test_any_mix_of_acts_keeps_every_promise(
    settings: Settings, pytestconfig: pytest.Config
):
    settings.EMAIL_BACKEND = f"{PostOffice.__module__}.{PostOffice.__name__}"
    machine = AnyMixOfActs
    machine.clinic = SmallClinic.founded()
    machine.steps = 0
    # The same acts each time, or others for each seed.
    given = pytestconfig.getoption("--hypothesis-seed")
    logging.disable()  # each refusal is logged, and pytest would keep them all
    try:
        while (left := STEPS - machine.steps) > 0:
            seed(f"{given}, after {machine.steps} acts")(machine)
            run_state_machine_as_test(
                machine, settings=portion(min(PORTION, left * 3 // 4 + 1))
            )
    finally:
        logging.disable(logging.NOTSET)
