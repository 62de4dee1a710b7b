"""Any mix of acts, at any time, on a small clinic: what must hold after every one.

A machine picks acts that patients, staff, workers and the clock may do in any order,
lets acts be cut short and the mail server refuse, and looks at all rows after
each. `make soak` does it for longer, and at random; STEPS says how many acts.
"""

import logging
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import pytest
from django.db import connection, transaction
from django.db.models import Min
from hypothesis import HealthCheck, Phase, settings
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

from booking import delivery, integrity, workflow
from booking.availability import Slot
from booking.errors import (
    BookingError,
    ChangedMeanwhile,
    DifferentForm,
    DifferentRequest,
    NotAllowed,
    NotPossibleNow,
    TimeTaken,
)
from booking.models import (
    Appointment,
    AppointmentEvent,
    Closure,
    FormKey,
    Hours,
    Ignoring,
    Message,
    Proposal,
    Reservation,
    Resource,
    VisitType,
)
from booking.policy import DeclineReason, without
from booking.workflow import PATIENT, SYSTEM, By, NewRequest
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

STEPS = int(os.environ.get("STEPS", "2000"))
STEPS_A_CLINIC = 40
# Explaining a failure takes longer than finding it.
PHASES = [Phase.generate, Phase.shrink]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# What waits for a worker is no fault as long as none has been let run.
WAITING = {"stuck_message", "dead_lease", "old_holds"}
VISITORS = ("ann", "ben")

visitor = st.sampled_from(VISITORS)
desk = st.integers(0, 1)
kind = st.integers(0, 2)
mood = st.sampled_from(["ok", *PostOffice.MOODS])

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
        self.series: list[tuple[partial[list[Appointment]], uuid.UUID, list[int]]] = []
        self.closed: list[tuple[dict[str, Any], uuid.UUID, int]] = []
        self.status: dict[int, tuple[str, str]] = {}
        self.looked = 0
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

    def those(self, states: tuple[str, ...] = ()) -> list[int]:
        return [pk for pk, (s, _) in self.status.items() if not states or s in states]

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
        visit_type = self.clinic.visit_types[nth]
        starts = self.some_starts(data, visit_type)
        email = data.draw(st.sampled_from(["pat@example.com"] * 3 + [""]))
        return factories.a_new_request(
            visit_type,
            *data.draw(
                st.lists(st.sampled_from(starts), min_size=1, max_size=3, unique=True)
            ),
            clinician=self.some_clinician(data),
            patient=factories.patient_details(
                email=email, contact_by="email" if email else "phone"
            ),
        )

    # --- What is free --------------------------------------------------------------

    def slot(self, visit_type: VisitType, start: datetime, **who: Any) -> Slot | None:
        """Return what the model has at `start`, after the engine has said the same."""
        model = minute_by_minute(visit_type, self.now, **who)
        expected = model.answer(int(start.timestamp())) if whole(start) else None
        day = start.astimezone(UTC).date()
        found = visit_type.plan(day, day, now=self.now, **who).check(
            start, now=self.now
        )
        free = expected if isinstance(expected, Slot) else None
        assert (found if isinstance(found, Slot) else None) == free
        return free

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
        visit_type, who = self.clinic.visit_types[nth], self.some_clinician(data)
        start = data.draw(st.sampled_from(self.some_starts(data, visit_type)))
        slot = self.slot(visit_type, start, clinician=who, ignoring=Ignoring(key))
        mine = Reservation.objects.filter(hold_key=key)

        def act() -> datetime:
            return workflow.hold(
                visit_type, start, key=key, now=self.now, clinician=who
            )

        if slot is None:
            with pytest.raises(TimeTaken), nothing_written():
                act()
        else:
            assert act() == self.now + 15 * MINUTE
            assert spans(mine) == taken_by(slot, visit_type)
            # A hold is not in its own holder's way.
            assert (
                self.slot(visit_type, start, clinician=who, ignoring=Ignoring(key))
                == slot
            )

    @rule(key=visitor)
    def a_visitor_goes_on(self, key: str) -> None:
        mine = Reservation.objects.filter(hold_key=key)
        live = list(mine.live(self.now).values_list("pk", flat=True))
        workflow.renew(key, now=self.now)
        lasting = mine.filter(expires_at=self.now + 15 * MINUTE)
        assert sorted(lasting.values_list("pk", flat=True)) == sorted(live)

    @rule(key=visitor)
    def a_visitor_leaves(self, key: str) -> None:
        workflow.release(key)
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
        proposal = data.draw(st.sampled_from(list(visit.proposals.order_by("rank"))))
        slot = self.slot(
            visit.visit_type, proposal.start, clinician=visit.wanted_clinician,
            ignoring=Ignoring(appointment_id=visit.pk), by_staff=True,
        )  # fmt: skip

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
        slots, clashes = self.slots_of_series(visit, starts)
        key = uuid.uuid4()
        act = partial(
            workflow.book_series, visit.pk, starts, by=self.clinic.desk[who], key=key
        )
        if clashes:
            with pytest.raises(TimeTaken) as refused, nothing_written():
                act(now=self.now)
            assert set(refused.value.params["clashes"]) == clashes
            return
        visits = act(now=self.now)
        self.series.append((act, key, [v.pk for v in visits]))
        assert [v.start for v in visits] == starts
        assert len({(v.series, v.patient_id) for v in visits}) == 1
        for v in visits:
            self.status[v.pk] = ("booked", "")
            if slot := slots.get(v.start):
                assert held_by(v) == taken_by(slot, visit.visit_type)

    def slots_of_series(
        self, visit: Appointment, starts: list[datetime]
    ) -> tuple[dict[datetime, Slot], set[datetime]]:
        """Return what the model has for each start to be taken, and who gets none."""
        booked = Appointment.objects.filter(patient=visit.patient_id, status="booked")
        days = [
            s.astimezone(NEW_YORK).date()
            for s in booked.values_list("start", flat=True)
        ]
        slots, clashes = {}, set()
        for start in starts[1:] if visit.start else starts:
            slot = self.slot(
                visit.visit_type, start, clinician=visit.wanted_clinician,
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

    @precondition(lambda self: self.those(("pending",)))
    @rule(data=st.data(), who=desk, reason=st.sampled_from(DeclineReason))
    def the_desk_declines(
        self, data: st.DataObject, who: int, reason: DeclineReason
    ) -> None:
        visit = self.visit(data, "pending")
        workflow.decline(
            visit.pk, reason=reason, by=self.clinic.desk[who], now=self.now
        )
        self.status[visit.pk] = ("cancelled", "declined")
        self.its_time_is_free(visit)

    @precondition(lambda self: self.those(("pending", "booked")))
    @rule(data=st.data(), who=st.none() | desk)
    def somebody_cancels(self, data: st.DataObject, who: int | None) -> None:
        visit = self.visit(data, "pending", "booked")
        by = PATIENT if who is None else self.clinic.desk[who]
        workflow.cancel(visit.pk, by=by, now=self.now)
        self.status[visit.pk] = ("cancelled", "patient" if who is None else "clinic")
        self.its_time_is_free(visit)

    def its_time_is_free(self, visit: Appointment) -> None:
        """See that all whom the model lets have the visit's times can have them."""
        assert held_by(visit) == []
        assert not visit.proposals.open().exists()
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
        if last.act == "request" or (act == "cancel" and visit.status == "booked"):
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
    ) -> dict[str, Callable[[], Appointment]]:
        """Return all that can be said to a visit, each to be called."""
        accepted = visit.proposals.filter(outcome="accepted").first()
        proposal = accepted or visit.proposals.order_by("rank")[0]
        reason = DeclineReason(visit.decline_reason or "no_time")
        common: dict[str, Any] = {"by": by, "now": self.now, "seen_version": seen}
        return {
            "accept": lambda: workflow.accept(visit.pk, proposal.pk, **common),
            "decline": lambda: workflow.decline(visit.pk, reason=reason, **common),
            "cancel": lambda: workflow.cancel(visit.pk, **common),
            "series": lambda: workflow.book_series(
                visit.pk, [visit.start or proposal.start, self.now + 7 * DAY],
                key=uuid.uuid4(), **common,
            )[0],
        }  # fmt: skip

    @precondition(lambda self: self.those(("pending", "booked")))
    @rule(data=st.data(), off=st.sampled_from([-1, 1]), who=desk)
    def somebody_answers_from_an_old_page(
        self, data: st.DataObject, off: int, who: int
    ) -> None:
        visit = self.visit(data, "pending", "booked")
        acts = self.answers(visit, self.clinic.desk[who], visit.version + off)
        possible = {"pending": list(acts), "booked": ["cancel", "series"]}
        with pytest.raises(ChangedMeanwhile), nothing_written():
            acts[data.draw(st.sampled_from(possible[visit.status]))]()

    @precondition(lambda self: self.status)
    @rule(
        data=st.data(), act=st.sampled_from(["accept", "decline", "cancel", "series"])
    )
    def somebody_without_the_right_tries(self, data: st.DataObject, act: str) -> None:
        visit = self.visit(data)
        strangers = [self.clinic.intern, By(self.clinic.intern.actor), SYSTEM]
        if act != "cancel":
            strangers.append(PATIENT)
        by = data.draw(st.sampled_from(strangers))
        with pytest.raises(NotAllowed), nothing_written():
            self.answers(visit, by)[act]()

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
        visit_type = self.clinic.visit_types[nth]
        day = self.now.astimezone(NEW_YORK).date() + days * DAY
        clinician = None if who is None else self.clinic.clinicians[who]
        model = minute_by_minute(
            visit_type, self.now, clinician=clinician, by_staff=staff
        )
        (found,) = visit_type.availability(
            day, day, now=self.now, clinician=clinician, by_staff=staff
        )
        answers = map(model.answer, model.grid_of(day))
        assert found.slots == tuple(a for a in answers if isinstance(a, Slot))

    # --- Time and trouble ----------------------------------------------------------

    @rule(by=st.sampled_from([MINUTE, 16 * MINUTE, HOUR, 9 * HOUR, DAY, 6 * DAY]))
    def time_goes_by(self, by: timedelta) -> None:
        self.move_to(self.now + by)

    @rule(days=st.sampled_from([30, 61, 150]))
    def months_go_by(self, days: int) -> None:
        self.move_to(self.now + days * DAY)

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
            assert message.appointment.status == message.true_while
        delivery.beat(self.now)

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
        while soonest := Message.objects.owed().aggregate(at=Min("due_at"))["at"]:
            self.move_to(soonest)
            while delivery.deliver_next():
                pass
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
        if self.those(("pending", "booked")):
            visit = self.visit(data, "pending", "booked")
            acts += self.answers(visit, self.clinic.desk[0]).values()
        return acts

    # --- What holds after every step -----------------------------------------------

    @invariant()
    def the_rows_say_what_the_rules_promise(self) -> None:
        self.looked += 1
        found = integrity.faults(self.now)
        assert [str(f) for f in found if f.code not in WAITING] == []

    @invariant()
    def each_visit_is_where_it_was_left(self) -> None:
        rows = Appointment.objects.values_list("pk", "status", "cancellation_reason")
        assert {pk: (status, reason) for pk, status, reason in rows} == self.status

    @invariant()
    def nobody_can_have_a_time_that_is_closed(self) -> None:
        for closure in Closure.objects.filter(end__gt=self.now):
            closed = Resource.objects.all()
            if closure.resource_id:
                closed = closed.filter(pk=closure.resource_id)
            for resource in closed:
                rows = resource.reservations.live(self.now)
                held = rows.values_list("start", "end")
                to_come = (max(closure.start, self.now), closure.end)
                assert list(without(to_come, held)) == []

    @invariant()
    def what_happened_stays_as_it_was(self) -> None:
        rows = AppointmentEvent.objects.order_by("pk").values_list(
            "pk", "appointment", "version", "act", "from_status", "to_status",
            "reason", "actor", "user", "at", "data",
        )  # fmt: skip
        events = list(rows)
        assert events[: len(self.events)] == self.events
        self.events = events

    @invariant()
    def each_message_goes_out_at_most_once(self) -> None:
        sent = Message.objects.exclude(sent_at=None)
        ids = sorted(sent.values_list("message_id", flat=True))
        assert sorted(PostOffice.taken) == ids


def whole(start: datetime) -> bool:
    """Tell whether a time is one that the model, which looks at minutes, knows."""
    return not (start.second or start.microsecond)


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


def how_many(config: pytest.Config) -> settings:
    """Return STEPS acts: the same ones each time, or others for each seed."""
    return settings(
        # A tenth more, since a clinic that takes many choices to tell ends early.
        max_examples=STEPS * 11 // (STEPS_A_CLINIC * 10) + 1,
        stateful_step_count=STEPS_A_CLINIC,
        derandomize=config.getoption("--hypothesis-seed") is None,
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
    AnyMixOfActs.clinic = SmallClinic.founded()
    AnyMixOfActs.steps = 0
    logging.disable()  # each refusal is logged, and pytest would keep them all
    try:
        run_state_machine_as_test(AnyMixOfActs, settings=how_many(pytestconfig))
    finally:
        logging.disable(logging.NOTSET)
    assert AnyMixOfActs.steps >= STEPS
