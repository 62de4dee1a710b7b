"""How long requests wait for an answer, and whether promises are kept."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from django.db.models import BooleanField, ExpressionWrapper, OuterRef, Q, Subquery
from django.db.models.fields.json import KT
from django.utils.translation import gettext as _

from booking import charts
from booking.models import Appointment, AppointmentEvent
from booking.models.appointment import awaits_answer
from booking.policy import Act, Actor, Status

from .counting import Seconds
from .parts import HOUR, Range, Report, Table, count, percent, percentile, typically

# How staff answer a request, and somebody who has a time and asked for another.
ANSWERS = (Act.ACCEPT, Act.DECLINE, Act.OFFER)
ANSWERS_TO_MOVE = (Act.CHANGE, Act.REFUSE_CHANGE, Act.OFFER, Act.MOVE)
# After these, what staff do is no answer to somebody who asked for another time before.
ENDS_A_WISH = (
    Act.ASK_CHANGE, Act.STOP_CHANGE, Act.TAKE, Act.CANCEL, Act.CALL_OFF, Act.ARRIVE,
    Act.COMPLETE, Act.MISS,
)  # fmt: skip


def _steps() -> list[tuple[str, float]]:
    return [
        (_("Within an hour"), HOUR),
        (_("1 to 4 hours"), 4 * HOUR),
        (_("4 to 24 hours"), 24 * HOUR),
        (_("1 to 2 days"), 48 * HOUR),
        (_("2 to 7 days"), 7 * 24 * HOUR),
        (_("Longer"), float("inf")),
    ]


def answers(days: Range, now: datetime) -> Report:
    """Tell how long what was asked for on these days waited for the first answer."""
    waits: list[float] = []
    found: Counter[str] = Counter()
    for at, answer, promised, waiting in chain(_requests(days), _moves(days, now)):
        found["asked"] += 1
        if answer is None and not waiting:
            found["ended"] += 1
            continue
        if answer is not None:
            waits.append(answer - at)
        if promised is None:
            found["unknown"] += 1
        elif (answer or now.timestamp()) <= promised:
            found["kept" if answer else "open"] += 1
        else:
            found["late"] += 1
            found["late_open"] += answer is None
    judged = found["kept"] + found["late"]
    steps = _steps()
    lengths = Counter(next(w for w, most in steps if wait <= most) for wait in waits)
    rows = [
        [w, count(lengths[w]), percent(lengths[w], len(waits))] for w, _most in steps
    ]
    return Report(
        "answers",
        _("Time to answer"),
        [
            (_("Half were answered within"), typically(waits)),
            (
                _("95% were answered within"),
                typically(waits, lambda waits: percentile(waits, 95)),
            ),
            (_("Promise kept"), percent(found["kept"], judged)),
        ],
        charts.bars((w, lengths[w], count(lengths[w])) for w, _most in steps)
        if waits
        else None,
        _("How many requests were answered within which time."),
        [
            Table(_("Requests by the time until the answer"),
                  [_("Answered"), _("Requests"), _("Share")], rows),
            Table(
                _("Requests by what became of the promise"),
                [_("Promise"), _("Requests")],
                [
                    [_("Kept"), count(found["kept"])],
                    [_("Answered late"), count(found["late"] - found["late_open"])],
                    [_("Late, and not answered yet"), count(found["late_open"])],
                    [_("Not answered yet, in time still"), count(found["open"])],
                    [_("Ended before an answer"), count(found["ended"])],
                    [_("Promise not recorded"), count(found["unknown"])],
                    [_("All requests"), count(found["asked"])],
                ],
            ),
        ],
        [
            _(
                "Counted are requests made on these days, online or by phone, and"
                " booked visits whose patients asked for another time. The answer is"
                " the first time that staff accepted, declined, moved or offered times."
                " Visits"
                " that staff booked at once, and places on the waiting"
                " list, are no requests."
            ),
            _(
                "The time runs by the clock, at night and on weekends, too. The promise"
                " is the one given with the request, in business hours. A request that"
                " is late and waits still counts as not kept; one that the patient"
                " withdrew before an answer does not count."
            ),
        ],
    )  # fmt: skip


# When it was asked, first answered and promised; and whether it still waits.
Asked = tuple[float, float | None, float | None, bool]


def _requests(days: Range) -> Iterator[Asked]:
    """Yield the requests of these days."""
    answered = AppointmentEvent.objects.filter(
        appointment=OuterRef("appointment"), act__in=ANSWERS, actor=Actor.STAFF
    ).order_by("version")
    asked = (
        AppointmentEvent.objects.filter(
            days.within("appointment__requested_at"), version=1, act=Act.REQUEST
        )
        .order_by()
        .values_list(
            Seconds("at"),
            Seconds(Subquery(answered.values("at")[:1])),
            Seconds(KT("data__reply_by")),
            "appointment__status",
        )
    )
    for at, answer, promised, status in asked:
        yield at, answer, promised, status == Status.PENDING


def _moves(days: Range, now: datetime) -> Iterator[Asked]:
    """Yield the booked visits whose patients asked for another time on these days.

    One answers each before the next can be asked; who asked last may still wait.
    """
    later = AppointmentEvent.objects.filter(
        appointment=OuterRef("appointment"), version__gt=OuterRef("version")
    ).order_by("version")
    answered = later.filter(act__in=ANSWERS_TO_MOVE, actor=Actor.STAFF)
    over = later.filter(act__in=ENDS_A_WISH)
    asked = AppointmentEvent.objects.filter(days.within("at"), act=Act.ASK_CHANGE)
    rows = asked.order_by().values_list(
        Seconds("at"),
        Seconds(Subquery(answered.values("at")[:1])),
        Seconds(Subquery(over.values("at")[:1])),
        Seconds(KT("data__reply_by")),
        ExpressionWrapper(
            Q(appointment__in=Appointment.objects.filter(awaits_answer(now))),
            BooleanField(),
        ),
    )
    for at, answer, ended, promised, waits in rows:
        if ended is not None and (answer is None or ended < answer):
            answer = None
        yield at, answer, promised, waits and ended is None
