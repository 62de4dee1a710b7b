"""Staff book a series: one visit, and others like it on days to come."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from django.utils import timezone

from booking import once
from booking.availability import Reason
from booking.errors import ChangedMeanwhile, NotPossibleNow, SeriesClash, TimeTaken
from booking.models import (
    Appointment,
    Ignoring,
    PreparationText,
    Proposal,
    Reservation,
    Resource,
    Schedule,
    VisitType,
)
from booking.policy import SAME_DAY, SERIES_VISITS, Act, Status

from .answer import accept_at
from .book import book_at
from .request import keep_answers, new_reference
from .road import (
    By,
    act,
    check_move,
    check_right,
    lock_visit,
    record,
    series_data,
    take_from,
)


@act
def book_series(
    appointment_id: int,
    starts: Sequence[datetime],
    *,
    by: By,
    now: datetime,
    key: uuid.UUID,
    clinicians: Sequence[Resource | None] = (),
    wanted: Resource | None = None,
    seen_version: int | None = None,
) -> list[Appointment]:
    """Book a visit and those that follow it, all of them or none; return them in order.

    `starts[0]` is the visit's own: one of the times that a request asks for, where it
    is accepted, or the time of a visit that is booked. For each of the others there is
    a new visit of the same patient, with all that was asked for and said.
    `clinicians` says for each start who sees them there and nobody else; without it, or
    at None, it is whom they asked for, or anyone. Of these visits, those with `wanted`,
    whom the desk was told to plan it for, keep that as whom the patient asks for: so
    they stay with the same when one is moved. `key` makes it safe to send twice.

    Raises SeriesClash, whose param `clashes` has the reason for each start that cannot
    be had; DifferentForm, AlreadyAnswered, NotPossibleNow, ChangedMeanwhile or
    NotAllowed; ValueError for fewer or more visits than a series has.
    """
    check_right(Act.BOOK, by)
    if len(starts) not in SERIES_VISITS:
        raise ValueError(f"a series has 2 to 26 visits, not {len(starts)}")
    who = by.user.pk if by.user else None
    whom = [clinician and clinician.pk for clinician in clinicians]
    whom.append(wanted and wanted.pk)
    content = ["series", appointment_id, who, [s.timestamp() for s in starts], whom]
    if before := once.begin(key, content, now=now):
        return list(Appointment.objects.filter(pk__in=before).order_by("start", "pk"))
    visit = lock_visit(appointment_id, now)
    proposal = _proposal(visit, starts[0], seen_version)
    ends = {proposal.start: proposal.end} if proposal else {}
    asked = clinicians or [None] * len(starts)
    taken = _take_all(visit, starts, asked, ends, now)
    visit.series = visit.series or uuid.uuid4()
    others = [_another(visit, now) for _ in starts[1:]]
    for one, clinician in zip([visit, *others], asked, strict=True):
        if wanted and clinician == wanted:
            one.wanted_clinician = wanted
    if proposal:
        accept_at(visit, proposal, taken.pop(starts[0]), by=by, now=now)
    else:
        record(visit, Act.EXTEND, by=by, now=now, data=series_data(visit))
    answers = list(visit.answers.all())
    for new, (start, rows) in zip(others, taken.items(), strict=True):
        book_at(new, start, rows, by=by, now=now)
        keep_answers(new, answers)
    once.end(key, [v.pk for v in (visit, *others)])
    return [visit, *others]


def _proposal(
    visit: Appointment, start: datetime, seen_version: int | None
) -> Proposal | None:
    """Return what a request is accepted at; None for a visit that is booked then.

    Raises AlreadyAnswered, NotPossibleNow or ChangedMeanwhile.
    """
    if visit.status != Status.PENDING:
        check_move(visit, Act.EXTEND, seen_version)
        if visit.start != start:
            raise ChangedMeanwhile
        return None
    check_move(visit, Act.ACCEPT, seen_version)
    proposal = visit.proposals.open().filter(start=start).first()
    if proposal is None:
        raise NotPossibleNow
    return proposal


def _take_all(
    visit: Appointment,
    starts: Sequence[datetime],
    clinicians: Sequence[Resource | None],
    ends: Mapping[datetime, datetime],
    now: datetime,
) -> dict[datetime, list[Reservation]]:
    """Return unsaved reservations for each start but the one that the visit has.

    What was asked for before `ends` as was said then. The caller holds the locks. A
    constant number of queries. Raises SeriesClash.
    """
    visit_type = VisitType.objects.get(pk=visit.visit_type_id)
    # A request gives back what it holds; a booked visit keeps it.
    asked = visit.status == Status.PENDING
    ignoring = Ignoring(appointment_id=visit.pk if asked else None)
    days = [start.astimezone(UTC).date() for start in starts]
    schedule = Schedule.read(min(days), max(days), now=now, own=[ignoring])
    theirs = Appointment.objects.days_of(visit.patient)
    taken: dict[datetime, list[Reservation]] = {}
    clashes: dict[datetime, Reason] = {}
    for start, day, clinician in zip(starts, days, clinicians, strict=True):
        if start == visit.start:
            continue
        plan = visit_type.plan(
            day, day, now=now, clinician=clinician or visit.wanted_clinician,
            ignoring=ignoring, by_staff=True, schedule=schedule,
        )  # fmt: skip
        if timezone.localdate(start) in theirs:
            clashes[start] = SAME_DAY
            continue
        theirs.add(timezone.localdate(start))
        try:
            taken[start] = take_from(plan, start, now=now, end=ends.get(start))
        except TimeTaken as error:
            clashes[start] = error.params["reason"]
    if clashes:
        raise SeriesClash(clashes=clashes)
    return taken


def _another(visit: Appointment, now: datetime) -> Appointment:
    """Return an unsaved visit for the same, with a reference and a link of its own."""
    return Appointment(
        reference=new_reference(),
        patient=visit.patient,
        visit_type=visit.visit_type,
        wanted_clinician=visit.wanted_clinician,
        has_referral=visit.has_referral,
        preparation=PreparationText.of(
            visit.visit_type.service, visit.patient.message_language
        ),
        requested_at=now,
        payer=visit.payer,
        payer_details=visit.payer_details,
        requested_by_name=visit.requested_by_name,
        requested_by_relation=visit.requested_by_relation,
        requested_by_is_contact=visit.requested_by_is_contact,
        requested_by_may_arrange=visit.requested_by_may_arrange,
        may_arrange_wording=visit.may_arrange_wording,
        may_arrange_version=visit.may_arrange_version,
        may_arrange_at=visit.may_arrange_at,
        series=visit.series,
    )
