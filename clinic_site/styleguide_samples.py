"""What the styleguide of the front desk shows: people, times and texts are made up.

Rows are made as they would be read, and nothing of them is saved.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.messages.storage.base import Message as Notice
from django.http import HttpRequest, QueryDict
from PIL import Image

from booking import charts, closing, diary, planner, second_factor, workflow
from booking.admin import patient as people
from booking.admin import trail
from booking.admin.beside import Beside
from booking.admin.calendar import Shown, Week
from booking.admin.closing import ClosingForm, usual
from booking.admin.closing import Line as ClosingLine
from booking.admin.forms import SeriesForm
from booking.admin.phone import PhoneForm
from booking.changes import Changed
from booking.diary import Around, Entry, Lane, What
from booking.messages import ClosingPreview
from booking.models import (
    Appointment,
    AppointmentEvent,
    Claim,
    ClosingRow,
    Closure,
    Message,
    Paper,
    Patient,
    Proposal,
    Reservation,
    Resource,
    ScreeningAnswer,
    VisitType,
    WaitingListEntry,
    clinic_zone,
)
from booking.paperwork import Item
from booking.picker import Page, Row, Tile
from booking.policy import Act, Actor, Status
from booking.queue import Arrival, Choice, Request
from booking.reports import Range, Report, Table
from booking.same_person import Alike, Suggested
from booking.signing_in import CodeForm
from booking.tasks import Task, Whose
from booking.waiting_list import Place, Why
from services import comparing
from services.drafts_in_admin import ApprovalForm, ScheduleForm
from services.house_style import hardness
from services.models import Draft, Photo, Service, Version
from services.models import Page as SitePage

DAY = timedelta(days=1)
TODAY = date(2026, 11, 24)

TREATMENT = Service(pk=1, name="Trigger point injections")
TEST = Service(pk=2, name="EMG and nerve testing")
FOLLOW_UP = VisitType(pk=1, service=TREATMENT, name="Follow-up", duration=30)
NEW = VisitType(pk=2, service=TEST, name="New patient", duration=60)
DOCTOR = Resource(pk=1, kind=Resource.Kind.CLINICIAN, name="Dr. Demo")
ROOM = Resource(pk=2, kind=Resource.Kind.ROOM, name="Room 2")
MACHINE = Resource(pk=3, kind=Resource.Kind.MACHINE, name="EMG machine")

ADA = User(
    pk=1,
    username="ada",
    first_name="Demo",
    last_name="Receptionist",
    is_active=True,
    is_staff=True,
    is_superuser=True,  # for whom the bar has everything
)
GRACE = User(pk=2, username="grace", first_name="Demo", last_name="Colleague")


def at(hour: int, minute: int = 0, days: int = 0) -> datetime:
    """Return a time of the sample day by the clinic's clock, or of a day around it."""
    day = TODAY + days * DAY
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=clinic_zone())


NOW = at(10)


def visit(
    number: int,
    name: str,
    status: str = Status.BOOKED,
    *,
    of: Mapping[str, Sequence[Any]] | None = None,
    person: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Appointment:
    """Return a visit as if it had been read; `of` are rows of it, by their name."""
    told = {"phone": "+12125550143", "email": "demo@example.com", **(person or {})}
    patient = Patient(pk=number, given_name="Demo", family_name=name, **told)
    row = {
        "pk": number,
        "reference": f"DEM7-{number:04}",
        "visit_type": FOLLOW_UP,
        "requested_at": at(16, 52, -1),
        "payer": Appointment.Payer.INSURANCE,
        **fields,
    }
    if start := row.get("start"):
        row["end"] = start + timedelta(minutes=row["visit_type"].duration)
    found = Appointment(patient=patient, status=status, **row)
    nothing = dict.fromkeys(("answers", "events", "papers", "reservations"), ())
    found._prefetched_objects_cache = {**nothing, **(of or {})}  # type: ignore[attr-defined]
    return found


def holds(*resources: Resource) -> list[Reservation]:
    return [Reservation(resource=resource) for resource in resources]


def answered(*said: tuple[str, str, str]) -> list[ScreeningAnswer]:
    """Return answers: the question, what was said, and the flag that staff see."""
    return [
        ScreeningAnswer(code=f"q{n}", order=n, question=question, answer=to, flag=flag)
        for n, (question, to, flag) in enumerate(said)
    ]


BLOOD = answered(
    ("Do you take a blood thinner?", "yes", "takes a blood thinner"),
    ("Are you pregnant, or could you be?", "not_sure", "may be pregnant"),
    ("Do you have a pacemaker?", "no", "has a pacemaker"),
)


def choice(of: Appointment, rank: int, start: datetime, **judged: Any) -> Choice:
    """Return a time that was asked for; free unless `why_not` says something."""
    asked = Proposal(
        pk=10 * of.pk + rank,
        appointment=of,
        by=Proposal.By.PATIENT,
        start=start,
        end=start + of.duration,
        rank=rank,
    )
    free = {"why_not": "", "resources": [DOCTOR, ROOM]}
    return Choice(asked, **(judged if "why_not" in judged else {**free, **judged}))


def requests() -> list[Request]:
    """Return a late request with choices of each kind, one due today, and others."""
    late = visit(
        101,
        "Patient A",
        Status.PENDING,
        of={"answers": BLOOD},
        reply_by=at(9),
        person={"needs_interpreter": True, "language": "Spanish"},
        requested_by_name="Demo Daughter",
        requested_by_relation=Appointment.Relation.CHILD,
        requested_by_is_contact=True,
    )
    due = visit(102, "Patient B", Status.PENDING, visit_type=NEW, reply_by=at(17))
    later = visit(103, "Patient C", Status.PENDING, reply_by=at(12, 0, 1))
    asked = AppointmentEvent(act=Act.ASK_CHANGE, at=at(8, 3))
    moves = visit(
        104,
        "Patient with a rather long last name",
        start=at(11, 0, 2),
        reply_by=at(12, 0, 1),
        of={"events": [asked]},
        person={"language": "Portuguese"},
    )
    return [
        Request(
            late,
            [
                choice(late, 1, at(9), why_not="this time is over", is_past=True),
                choice(late, 2, at(10, 15), why_not="booked by another visit"),
                choice(late, 3, at(9, 0, 1)),
            ],
            is_late=True,
        ),
        Request(
            due,
            [
                choice(
                    due, 1, at(14, 0, 6), resources=[DOCTOR, ROOM, MACHINE],
                    rivals=frozenset({101}),
                ),
                choice(due, 2, at(9, 30, 7)),
            ],
            is_due=True,
        ),
        Request(later, [choice(later, 1, at(15, 0, 1), why_not="Dr. Demo is away")]),
        Request(moves, [choice(moves, 1, at(16, 30, 3))]),
    ]  # fmt: skip


def rivals() -> list[Request]:
    """Return two requests that want the same time: one is taken on, one cannot be."""
    same: dict[str, Any] = {"reply_by": at(17), "visit_type": NEW}
    one = visit(106, "Patient with a rather long last name", Status.PENDING, **same)
    other = visit(107, "Patient CC", Status.PENDING, **same)
    wanted = frozenset({101})
    return [
        Request(one, [choice(one, 1, at(9, 0, 1), rivals=wanted)], is_due=True),
        Request(other, [choice(other, 1, at(9, 0, 1), why_not="Dr. Demo is away")]),
    ]


def arrivals() -> list[Arrival]:
    """Return a visit of today in each state that one can be in on its day."""
    held: dict[str, Sequence[Any]] = {
        "reservations": holds(DOCTOR, ROOM),
        "answers": BLOOD[:1],
    }
    visits = [
        visit(111, "Patient D", Status.FULFILLED, start=at(8, 30)),
        visit(112, "Patient E", Status.NOSHOW, start=at(9)),
        visit(113, "Patient F", Status.ARRIVED, start=at(9, 45), of=held),
        visit(114, "Patient G", start=at(11, 30), of=held),
    ]
    return [Arrival(each, workflow.recordable(each, NOW)) for each in visits]


def calls() -> list[Message]:
    """Return a message to be said by phone, and mail that could not be delivered."""
    phoned = {"phone": "+12125550143", "email": "", "voicemail_ok": True}
    by_phone = visit(121, "Patient H", start=at(9, 0, 1), person=phoned)
    failed = visit(122, "Patient I", start=at(10, 0, 1))
    said = "Your appointment is confirmed.\n\nWednesday, November 25, 9 AM."
    common = {"kind": Message.Kind.CONFIRMED, "text": said, "created_at": at(8, 3)}
    return [
        Message(pk=1, appointment=by_phone, channel="phone", **common),
        Message(pk=2, appointment=failed, channel="email", failed_at=at(9), **common),
    ]


def papers() -> list[Item]:
    kinds, states = Paper.Kind, Paper.State
    first = visit(131, "Patient J", start=at(9, 0, 3))
    asked = Paper(state=states.ASKED, at=at(9, 0, -1), user=GRACE)
    estimate = Item(
        first, kinds.ESTIMATE, states.NEEDED, TODAY - DAY, True, at(9, 0, -9)
    )
    referral = Item(
        visit(132, "Patient K", visit_type=NEW, start=at(9, 0, 2)),
        kinds.REFERRAL, states.ASKED, None, False, at(9, 0, -3), asked,
    )  # fmt: skip
    return [estimate, referral]


def events() -> list[AppointmentEvent]:
    """Return what happened to a visit, by the patient, by staff and by the system."""
    moved = visit(141, "Patient L", start=at(9, 0, 1))
    at_nine = {"start": at(9, 0, 1).isoformat()}
    rows = [
        {"act": Act.REQUEST, "actor": Actor.PATIENT, "at": at(16, 52, -1)},
        {"act": Act.ACCEPT, "actor": Actor.STAFF, "user": GRACE, "at": at(9),
         "data": at_nine, "private_note": "Comes with a walker."},
        {"act": Act.LAPSE, "actor": Actor.SYSTEM, "at": at(9, 30)},
    ]  # fmt: skip
    return [
        AppointmentEvent(pk=n, appointment=moved, version=n, **row)
        for n, row in enumerate(rows, 1)
    ]


def changed() -> dict[str, Any]:
    found = events()
    return {
        "events": found,
        "visits": [Changed(found[0].appointment, found)],
        "count": 5,
        "more": 2,
        "keys": "1,2,3",
        "resources": {},
    }


def outcomes() -> list[Arrival]:
    """Return a visit of an earlier day of which nobody said what became."""
    over = visit(115, "Patient DD", start=at(9, 0, -1))
    return [Arrival(over, workflow.recordable(over, NOW))]


def desk() -> dict[str, Any]:
    """Return what the desk counts and shows, but for requests and visits."""
    start = at(9, 0, 3)
    booked = visit(123, "Patient AA", start=start)
    row = ClosingRow(appointment=booked, plan_id=1, was_at=start, at=at(9))
    return {
        "overdue": 1,
        "due_today": 4,
        "waiting": 7,
        "to_come": 3,
        "outcomes": (2, at(9, 0, -3)),
        "papers": papers(),
        "papers_late": 1,
        "papers_shown": papers(),
        "to_phone": 3,
        "calls": calls(),
        "in_closed_time": [row],
    }


def shares() -> dict[Whose, int]:
    return dict(zip(Whose, (2, 3, 1, 6), strict=True))


def systems() -> dict[str, Any]:
    """Return what stands about machines when nothing goes right."""
    check = SimpleNamespace(pk=1, faults=2, finished_at=at(6), every="off")
    silent = {"worker_silent": True, "oldest_waiting": timedelta(hours=2)}
    return {
        "messages_now": {**silent, "waiting": 3, "texts": 2},
        "chores_now": {
            "check": check,
            "check_is_late": True,
            "neglected": [SimpleNamespace(words="Send reminders")],
        },
    }


def notices() -> list[Notice]:
    """Return what a page says after an act, by how it went."""
    return [
        Notice(messages.SUCCESS, "DEM7-0101: accepted. The patient is told."),
        Notice(messages.WARNING, "Grade 12, which is too hard to read."),
        Notice(messages.ERROR, "Somebody was faster: this time is taken."),
    ]


def waiting() -> list[Place]:
    """Return somebody who was offered a time, and two who were not."""
    offered = visit(151, "Patient M", Status.PROPOSED)
    earlier = visit(152, "Patient N", start=at(9, 0, 9), wanted_clinician=DOCTOR)
    none = visit(153, "Patient O", Status.WAITLIST)

    def place(of: Appointment, number: int, why: Why, **more: Any) -> Place:
        entry = WaitingListEntry(
            appointment=of,
            earliest=TODAY,
            latest=TODAY + 30 * DAY,
            weekdays="01234",
            part="morning",
            notice=120,
            joined_at=at(9, 0, -number),
            offers_made=number,
        )
        return Place(entry, number, why, **more)

    offer = choice(offered, 1, at(9, 0, 2)).proposal
    return [
        place(offered, 1, Why.HAS_OFFER, until=at(15), offers=[offer]),
        place(earlier, 2, Why.NOT_EARLIER),
        place(none, 3, Why.NO_TIME),
    ]


def tasks() -> list[Task]:
    """Return one of each kind of what waits for a person."""
    kinds = Claim.Task
    late = visit(161, "Patient P", Status.PENDING, reply_by=at(9))
    call = visit(162, "Patient Q", start=at(9, 0, 1))
    paper = visit(163, "Patient R", start=at(9, 0, 2))
    over = visit(164, "Patient S", start=at(9, 0, -1))
    closed = visit(165, "Patient T", start=at(9, 0, 3))
    return [
        Task(kinds.ANSWER, late, at(16, 52, -1), at(9), late=True),
        Task(kinds.CALL, call, at(9), at(9), about="Confirmed"),
        Task(kinds.PAPER, paper, at(9), at(9, 0, 2), about="Referral"),
        Task(kinds.OUTCOME, over, at(9, 30, -1), at(9, 30, -1)),
        Task(kinds.CLOSED, closed, at(9), at(9)),
    ]


def tasks_page() -> dict[str, Any]:
    return {
        "tasks": tasks(),
        "choices": list(Whose),
        "whose": Whose.ALL,
        "has_more": True,
        "changes": changed(),
    }


def owners() -> dict[tuple[int, str], Claim]:
    """Return who has taken on what, by visit and task: two are ours, one is not."""
    mine, hers = (Claim(pk=n, user=u, by=GRACE, since=at(9))
                  for n, u in enumerate((ADA, GRACE), 1))  # fmt: skip
    kinds = Claim.Task
    return {
        (101, kinds.ANSWER): mine,
        (102, kinds.ANSWER): hers,
        (122, kinds.CALL): mine,
        (132, kinds.PAPER): hers,
        (162, kinds.CALL): hers,
        (163, kinds.PAPER): mine,
    }


def entries() -> list[Entry]:
    """Return what takes time in each way, and a visit in each state."""

    def entry(of: Resource, first: datetime, minutes: int, **what: Any) -> Entry:
        last = first + timedelta(minutes=minutes)
        return Entry(of.pk, first, last, begins=first, ends=last, **what)

    a, b, c, d = (line.visit for line in arrivals())
    asked, offered = requests()[0].visit, waiting()[0].visit
    training = Closure(pk=1, start=at(14), end=at(15), reason="Training")
    visits = [
        entry(DOCTOR, at(8, 30), 30, what=What.VISIT, visit=a),
        entry(DOCTOR, at(9), 30, what=What.VISIT, visit=b),
        entry(DOCTOR, at(9, 45), 30, what=What.VISIT, visit=c),
    ]
    buffered = Entry(
        DOCTOR.pk, at(11, 15), at(12, 15), What.VISIT, at(11, 30), at(12), visit=d
    )
    return [
        *visits,
        buffered,
        entry(DOCTOR, at(14), 60, what=What.CLOSURE, closure=training),
        entry(ROOM, at(9), 30, what=What.REQUEST, visit=asked, until=at(17)),
        entry(ROOM, at(10, 30), 30, what=What.OFFER, visit=offered, until=at(15)),
        entry(ROOM, at(11, 30), 30, what=What.HOLD, until=at(10, 10)),
        entry(ROOM, at(14), 60, what=What.CLOSURE, closure=training),
    ]


def lanes(day: date, taken: Sequence[Entry]) -> list[Lane]:
    """Return the day of each resource, of which the machine is there later."""
    days = (day - TODAY).days
    opens = {DOCTOR: (8, 30), ROOM: (8, 30), MACHINE: (12, 30)}
    return [
        Lane(
            resource,
            day,
            [entry for entry in taken if entry.resource_id == resource.pk],
            [(at(*first, days), at(16, 0, days))],
        )
        for resource, first in opens.items()
    ]


def calendar() -> dict[str, Any]:
    shown, day = Shown(TODAY), lanes(TODAY, entries())
    return {
        "title": "Calendar",
        "shown": shown,
        "bars": shown.choices(NOW),
        "lanes": day,
        "rows": diary.table(day, NOW),
        "asked": [choice.proposal for choice in requests()[0].choices[1:]],
        "may_block": True,
        "may_book": True,
    }


def week() -> dict[str, Any]:
    """Return three days: one with visits, one with none, and one that is closed."""
    away = Closure(pk=2, start=at(0, 0, 2), end=at(0, 0, 3), reason="Thanksgiving")
    shut = [
        Entry(
            r.pk, at(8, 30, 2), at(16, 0, 2), What.CLOSURE, at(8, 30, 2), at(16, 0, 2),
            closure=away,
        )
        for r in (DOCTOR, ROOM, MACHINE)
    ]  # fmt: skip
    days = [TODAY, TODAY + DAY, TODAY + 2 * DAY]
    by_day = [lanes(days[0], entries()), lanes(days[1], []), lanes(days[2], shut)]
    by_day.append([Lane(lane.resource, TODAY + 4 * DAY, [], []) for lane in by_day[0]])
    return {
        "shown": Shown(TODAY, "week"),
        "days": [*days, TODAY + 4 * DAY],
        "weeks": [
            Week(found[0].resource, diary.stretches(found))
            for found in zip(*by_day, strict=True)
        ],
    }


def sheet() -> dict[str, Any]:
    held = {"reservations": holds(DOCTOR, ROOM)}
    visits = [
        visit(171, "Patient U", Status.ARRIVED, start=at(9, 45), of=held),
        visit(172, "Patient V", start=at(11, 30), of=held, person={"phone": ""}),
    ]
    closed = [(DOCTOR, entries()[4])]
    return {"shown": Shown(TODAY), "visits": visits, "closed": closed}


def around() -> list[Beside]:
    """Return what stands before and after a choice; nothing after it in the room."""
    first = requests()[0].choices[-1]
    before, after = entries()[2:4]
    return [
        Beside(first, [Around(DOCTOR, before, after), Around(ROOM, before, None)]),
    ]


def tiles() -> Page:
    """Return a day with a tile of each kind, the times of other days, and no times."""
    labels = ["9:00 AM", "10:15 AM", "11:30 AM", "1:00 PM", "2:30 PM", "4:45 PM"]
    heading = "Wednesday, November 25"
    day = tuple(
        Tile(
            f"id_start_{n}", f"t{n}", label, f"{heading}, {label}, 30 minutes",
            checked=n == 1, disabled=n == 4,
        )
        for n, label in enumerate(labels)
    )  # fmt: skip
    far = "Monday, November 30, 10:15 AM"
    near = (Tile("id_start_6", "t6", far, f"{far}, 30 minutes", checked=False),)
    return Page(
        [
            Row("Nearest free times", near, wide=True),
            Row(heading, day),
            Row(
                "Thursday, November 26",
                why="Closed for Thanksgiving.",
                step="The next free day is Monday, November 30.",
                then=TODAY + 6 * DAY,
            ),
        ],
        TODAY,
        TODAY + 7 * DAY,
    )


def phone() -> dict[str, Any]:
    """Return the page that books a caller, as it comes back with what is wrong."""
    form = PhoneForm(QueryDict("phone=12&birth_date_month=13&relation=child"))
    return {
        "form": form,
        "form_key": "demo",
        "visit_type": VisitType(needs_referral=True),
        "free": SimpleNamespace(any=True),
        "page": tiles(),
        "known": suggested(),
        "gone": "",
    }


def suggested() -> Suggested:
    one = visit(181, "Patient A").patient
    other = visit(182, "Relative").patient
    same, differs = ("name", "birth date"), ("email",)
    return Suggested(
        [
            Alike(one, same, differs, likely=True),
            Alike(other, ("phone",), ("name", "birth date"), likely=False),
        ],
        more=1,
    )


def record() -> people.Record:
    return people.record(suggested().likely[0], {181: [visit(183, "Patient A")]})


def series() -> dict[str, Any]:
    """Return a plan: a time that is free, one that is not, and one that went."""
    first = visit(191, "Patient W", start=at(10, 15), of={"reservations": holds(ROOM)})
    data = {"count": "4", "weeks": "1"}
    form = SeriesForm(data, firsts=[])
    form.auto_id = "series_%s"

    def line(number: int, why_not: str = "", **more: Any) -> planner.Line:
        wanted = at(10, 15, 7 * (number - 1))
        near = [wanted + timedelta(hours=n) for n in ((1, 2) if why_not else (0,))]
        options = [planner.Option(start, [DOCTOR, ROOM]) for start in near]
        return planner.Line(number, wanted, why_not, options, near[0], **more)

    return {
        "visit": first,
        "form": form,
        "form_key": "demo",
        "first": first.start,
        "lines": [
            line(2),
            line(3, "Dr. Demo is away"),
            line(4, "booked by another visit", lost=at(10, 15, 21)),
        ],
        "problem": "A time that you chose went meanwhile. Nothing was booked.",
        "booked": [191],
    }


def closing_page() -> dict[str, Any]:
    """Return the page that closes a day: two visits are hit, others only asked."""
    form = ClosingForm(usual(NOW), NOW)
    form.auto_id = "closing_%s"
    by_mail = visit(201, "Patient X", start=at(11, 30))
    soon = visit(202, "Patient Y", start=at(10, 15), person={"email": ""})
    cancel = "Your appointment is cancelled", "We are sorry for the trouble."
    offer = "Another time for your visit", "Please choose one of these times."
    starts = [at(9, 0, 1), at(10, 15, 1)]
    return {
        "form": form,
        "form_key": "demo",
        "preview": SimpleNamespace(pending=[visit(203, "Patient Z")], offered=[]),
        "lines": [
            ClosingLine(
                closing.Hit(by_mail, starts, False, False, None),
                ClosingRow.Choice.OFFER, starts, ClosingPreview(cancel, offer),
            ),
            ClosingLine(
                closing.Hit(soon, [], True, True, None),
                ClosingRow.Choice.KEEP, [], ClosingPreview(("", cancel[1]), None),
            ),
        ],
        "choices": ClosingRow.Choice.choices,
        "minutes": 5,
    }  # fmt: skip


def reports() -> dict[str, Any]:
    """Return a report of each kind of chart, and one with nothing to count."""
    says = "Made-up numbers."
    answers = [("Within an hour", 12, "12"), ("1 to 4 hours", 7, "7")]
    legend = [
        ("one", "Booked"),
        ("lost", "Lost"),
        ("two", "Lost to a closed day"),
        ("free", "Free"),
        ("blocked", "Blocked"),
    ]
    weeks = [(f"Nov {n}", (n * 3 % 7, n * 2 % 5)) for n in range(1, 9)]
    table = Table(
        "The same in numbers",
        ["Name", "Visits", "Share"],
        [[name, words, "50%"] for name, _, words in answers],
    )
    long = Table("A long table", ["Week", "Visits"], [[n, "1"] for n, _ in weeks] * 3)
    shares = [("Dr. Demo", (40, 5, 5, 30, 20), "50% booked")]
    wide = Table(
        "A wide table",
        ["Name", *(words for _, words in legend)],
        [[name, *(f"{part}.0 h" for part in parts)] for name, parts, _ in shares],
    )
    asked = [("one", "Asked for"), ("two", "Took place")]
    figures = [("Half were answered within", "1 h 10 min"), ("Promise kept", "96%")]
    return {
        "problem": "The last day is before the first.",
        "days": Range(TODAY - 84 * DAY, TODAY),
        "zone": "New York",
        "enough": 20,
        "reports": [
            Report("g1", "Bars", figures, charts.bars(answers), says, [table], [says]),
            Report("g2", "Parts", [], charts.stacks(shares, legend), says, [wide], []),
            Report("g3", "Columns", [], charts.columns(weeks, asked), says, [long], []),
            Report("g4", "Nothing", [], None, says, [], [says]),
        ],
    }


def trail_lines() -> list[trail.Line]:
    about = [("DEM7-0101", "#reports")]
    return [
        trail.Line(
            at(9), ADA.get_full_name(), "looked at", "A visit", "192.0.2.1", about, 2
        ),
        trail.Line(at(8), "somebody unknown", "sign-in refused", "Signing in"),
    ]


def versions(request: HttpRequest) -> dict[str, Any]:
    """Return the page of a text's versions, with a draft that can be approved."""
    page = SitePage(pk=1, title="Sample", is_published=True)
    draft = Draft(by="Demo Editor", at=at(9), publish_at=at(9, 0, 1), publish_by="Demo")
    draft.stopped = "Nobody has approved it."
    kept = [Version(number=n, at=at(9, 0, -n), by="Demo", content={}) for n in (3, 2)]
    kept.append(Version(number=1, at=at(8), by="Demo", content={"is_published": False}))
    words = comparing.marked("Rest for one day.", "Rest for two days, and drink.")
    changes = [comparing.Difference("Text", *words)]
    return {
        "row": page,
        "is_drafted": True,
        "draft": draft,
        "grade": hardness("Rest for one day.", "en"),
        "flagged": list(comparing.flagged_in({"Text": "This cures all pain."})),
        "changes": changes,
        "differences": changes,
        "versions": kept,
        "new": kept[0],
        "old": kept[1],
        "is_clinical": True,
        "may_approve": True,
        "may_publish": True,
        "may_change": True,
        "approval": ApprovalForm(request, page, is_sent=False),
        "schedule": ScheduleForm(None),
    }


def photo() -> Photo:
    """A picture of nothing, with its main point on one side."""
    file = BytesIO()
    Image.new("RGB", (480, 320), "teal").save(file, "JPEG")
    return Photo(pk=1, master=file.getvalue(), focus_x=30)


def sign_in() -> dict[str, Any]:
    secret = second_factor.new_secret()
    link = second_factor.link(secret, "demo", "Front desk")
    form = CodeForm()
    del form.fields["code"].widget.attrs["autofocus"]
    return {
        "form": form,
        "secret": second_factor.in_fours(secret),
        "link": link,
        "qr": second_factor.qr_code(link),
        "is_required": True,
        "minutes": 15,
    }
