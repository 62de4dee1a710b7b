"""What the reports count, and what they leave out."""

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booking import charts, closing, workflow
from booking.models import Appointment, Hours, Resource, VisitType
from booking.policy import Act, ChangeRefusal, DeclineReason
from booking.reports import Range, Report, all_reports
from booking.reports.answers import answers
from booking.reports.origins import origins
from booking.reports.outcomes import outcomes
from booking.reports.parts import how_long, percentile
from booking.reports.usage import usage
from booking.reports.use import use
from booking.reports.waiting import waiting_list
from booking.reports.weeks import weeks
from booking.workflow import PATIENT, SYSTEM, By
from tests.factories import (
    FRIDAY,
    MONDAY,
    NOW,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    a_booked_visit,
    a_closed_day,
    a_closure,
    a_front_desk_person,
    a_request,
    a_wish,
    an_offer,
    at,
    choice,
    offered,
    somebody_waiting,
)

from .desk import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

PAGE = "/admin/booking/reports/"
WEEK = Range(MONDAY, FRIDAY)
HOUR = timedelta(hours=1)


@pytest.fixture
def ana(db: None) -> By:
    return a_front_desk_person("ana")


def rows(report: Report, table: int = 0) -> dict[str, str]:
    """Return the names in a table with the first number beside each."""
    return {row[0]: row[1] for row in report.tables[table].rows}


def counted(report: Report, table: int = 0) -> dict[str, str]:
    return {name: n for name, n in rows(report, table).items() if n != "0"}


# --- Time to answer ------------------------------------------------------------------


def test_an_answer_is_the_first_yes_no_or_offer_of_staff(
    visit_type: VisitType, ana: By
) -> None:
    accepted = a_request(visit_type, at("10:00"))
    workflow.accept(accepted.pk, choice(accepted).pk, by=ana, now=NOW + HOUR / 2)
    declined = a_request(visit_type, at("11:00"))
    workflow.decline(
        declined.pk, reason=DeclineReason.NO_TIME, by=ana, now=NOW + 2 * HOUR
    )
    asked = a_request(visit_type, at("12:00"))
    an_offer(asked, at("13:00"), by=ana, now=NOW + 5 * HOUR)
    found = answers(WEEK, NOW + 6 * HOUR)
    assert counted(found) == {
        "Within an hour": "1", "1 to 4 hours": "1", "4 to 24 hours": "1",
    }  # fmt: skip
    assert counted(found, 1) == {"Kept": "3", "All requests": "3"}


def test_a_promise_is_broken_also_by_who_has_not_answered_yet(
    visit_type: VisitType, ana: By
) -> None:
    late = a_request(visit_type, at("10:00"))
    workflow.accept(late.pk, choice(late).pk, by=ana, now=NOW + 24 * HOUR)
    a_request(visit_type, at("11:00"))
    fresh = a_request(visit_type, at("12:00", WEDNESDAY), now=NOW + 23 * HOUR)
    gone = a_request(visit_type, at("13:00"))
    workflow.cancel(gone.pk, by=PATIENT, now=NOW + HOUR)
    assert fresh.reply_by
    assert fresh.reply_by > NOW + 24 * HOUR
    assert counted(answers(WEEK, NOW + 24 * HOUR), 1) == {
        "Answered late": "1",
        "Late, and not answered yet": "1",
        "Not answered yet, in time still": "1",
        "Ended before an answer": "1",
        "All requests": "4",
    }


def test_who_has_a_time_and_asks_for_another_waits_for_an_answer_too(
    visit_type: VisitType, ana: By
) -> None:
    def asking(start: str) -> Appointment:
        visit = a_booked_visit(visit_type, at(start, WEDNESDAY), by=ana)
        wish = [at(start, THURSDAY)]
        return workflow.ask_change(visit.pk, wish, by=PATIENT, now=NOW)

    moved, stays, again, _open = map(asking, ("09:00", "10:00", "11:00", "12:00"))
    wanted = moved.proposals.wanted().get().pk
    workflow.grant_change(moved.pk, wanted, by=ana, now=NOW + HOUR / 2)
    no = ChangeRefusal.NO_TIME
    workflow.refuse_change(stays.pk, reason=no, by=ana, now=NOW + 2 * HOUR)
    # Taken back, asked anew, and answered late: of these two, one has an answer.
    workflow.stop_change(again.pk, by=PATIENT, now=NOW + HOUR)
    workflow.ask_change(again.pk, [at("13:00", THURSDAY)], by=PATIENT, now=NOW + HOUR)
    workflow.refuse_change(again.pk, reason=no, by=ana, now=NOW + 26 * HOUR)

    # Beside the four requests, which were accepted at once.
    found = answers(WEEK, NOW + 26 * HOUR)
    assert counted(found) == {
        "Within an hour": "5", "1 to 4 hours": "1", "1 to 2 days": "1",
    }  # fmt: skip
    assert counted(found, 1) == {
        "Kept": "6",
        "Answered late": "1",
        "Late, and not answered yet": "1",
        "Ended before an answer": "1",
        "All requests": "9",
    }


def test_few_answers_have_no_median_and_no_share(
    visit_type: VisitType, ana: By
) -> None:
    a_booked_visit(visit_type, at("10:00"), by=ana)
    assert {figure for _, figure in answers(WEEK, NOW).figures} == {"not enough visits"}


def test_ten_answers_have_a_median_a_percentile_and_a_share(
    visit_type: VisitType, ana: By
) -> None:
    for n in range(10):
        visit = a_request(visit_type, at(f"{9 + n // 2:02}:{n % 2 * 30:02}"))
        later = NOW + (n + 1) * HOUR / 10
        workflow.accept(visit.pk, choice(visit).pk, by=ana, now=later)
    figures = [figure for _, figure in answers(WEEK, NOW + HOUR).figures]
    assert figures == ["33 min", "1 h 0 min", "100%"]


@pytest.mark.parametrize(
    ("share", "expected"), [(50, 50), (95, 95), (100, 100), (1, 1)]
)
def test_a_percentile_is_a_number_that_was_there(share: int, expected: int) -> None:
    assert percentile(list(range(1, 101)), share) == expected


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 min"), (59 * 60, "59 min"), (5 * 3600 + 600, "5 h 10 min"),
        (47.9 * 3600, "47 h 54 min"), (76 * 3600, "3 days 4 h"),
    ],
)  # fmt: skip
def test_a_length_of_time_has_two_units(seconds: float, words: str) -> None:
    assert how_long(seconds) == words


# --- By week -------------------------------------------------------------------------


def test_weeks_begin_on_monday_in_the_clinics_zone(
    visit_type: VisitType, ana: By
) -> None:
    # Sunday, 11 PM in New York, is Monday in UTC.
    sunday = at("23:00", MONDAY - timedelta(days=1))
    a_booked_visit(visit_type, at("10:00"), now=sunday, by=ana)
    a_booked_visit(visit_type, at("10:00", MONDAY + timedelta(days=7)), by=ana)
    gone = a_booked_visit(visit_type, at("11:00"), by=ana)
    workflow.cancel(gone.pk, by=PATIENT, now=NOW)
    days = Range(MONDAY - timedelta(days=7), MONDAY + timedelta(days=13))
    assert [tuple(row) for row in weeks(days).tables[0].rows] == [
        ("Nov 9, 2026", "1", "0"),
        ("Nov 16, 2026", "2", "1"),
        ("Nov 23, 2026", "0", "1"),
    ]


# --- Use -----------------------------------------------------------------------------


def used(days: Range = WEEK) -> dict[str, tuple[float, float, float, float]]:
    """Return by kind of resource the hours bookable, booked, blocked and lost."""
    return {
        u.resource.kind: tuple(  # type: ignore[misc]
            n / 3600 for n in (u.bookable, u.booked, u.blocked, u.lost)
        )
        for u in usage(days)
    }


def test_an_empty_week_is_all_bookable(visit_type: VisitType) -> None:
    assert used() == {"clinician": (40, 0, 0, 0), "room": (40, 0, 0, 0)}


def test_of_no_hours_no_share_is_booked(visit_type: VisitType, ana: By) -> None:
    a_booked_visit(visit_type, at("10:00"), by=ana)
    Hours.objects.all().delete()
    assert {line.value for line in use(WEEK).chart.lines} == {"no hours"}


def test_a_closure_blocks_what_the_hours_give(visit_type: VisitType) -> None:
    a_closure(at("08:00", FRIDAY), at("12:00", FRIDAY))
    a_closure(
        at("09:00", THURSDAY), at("11:00", THURSDAY),
        of=Resource.objects.get(kind="room"),
    )  # fmt: skip
    assert used() == {"clinician": (37, 0, 3, 0), "room": (35, 0, 5, 0)}


def test_booked_is_what_takes_time_also_once_it_is_over(
    visit_type: VisitType, ana: By
) -> None:
    visit_type.buffer_after = 15
    visit_type.save()
    done = a_booked_visit(visit_type, at("10:00"), by=ana)
    a_booked_visit(visit_type, at("11:00"), by=ana)
    a_request(visit_type, at("12:00"))
    workflow.attend(done.pk, Act.COMPLETE, by=ana, now=at("10:40"))
    assert used()["clinician"] == (40, 1.5, 0, 0)
    assert used(Range(WEDNESDAY, FRIDAY))["clinician"] == (24, 0, 0, 0)


def test_lost_is_what_nobody_else_got(visit_type: VisitType, ana: By) -> None:
    missed = a_booked_visit(visit_type, at("10:00"), by=ana)
    late = a_booked_visit(visit_type, at("11:00"), by=ana)
    early = a_booked_visit(visit_type, at("12:00", THURSDAY), by=ana)
    filled = a_booked_visit(visit_type, at("13:00"), by=ana)
    workflow.cancel(early.pk, by=PATIENT, now=NOW)
    workflow.cancel(late.pk, by=PATIENT, now=at("08:00"))
    workflow.cancel(filled.pk, by=PATIENT, now=at("08:00"))
    workflow.attend(missed.pk, Act.MISS, by=ana, now=at("10:40"))
    assert used()["room"] == (40, 0, 0, 1.5)
    wanted = a_request(visit_type, at("13:00"), now=at("08:00", MONDAY))
    workflow.accept(wanted.pk, choice(wanted).pk, by=ana, now=at("08:30", MONDAY))
    assert used()["room"] == (40, 0.5, 0, 1)


# --- Outcomes ------------------------------------------------------------------------


def test_each_visit_has_one_outcome(visit_type: VisitType, ana: By) -> None:
    def visit(start: str, day: date = TUESDAY) -> Appointment:
        return a_booked_visit(visit_type, at(start, day), by=ana)

    done, missed, by_patient, by_clinic, early = (
        visit(start) for start in ("09:00", "09:30", "12:00", "12:30", "16:00")
    )
    visit("10:00")
    visit("10:00", FRIDAY)
    a_request(visit_type, at("13:00"))
    declined = a_request(visit_type, at("14:00"))
    workflow.decline(declined.pk, reason=DeclineReason.NO_TIME, by=ana, now=NOW)
    workflow.cancel(early.pk, by=PATIENT, now=at("16:00", MONDAY))  # 24 hours exactly
    workflow.cancel(by_patient.pk, by=PATIENT, now=at("12:01", MONDAY))
    workflow.cancel(by_clinic.pk, by=ana, now=at("08:00"))
    workflow.attend(done.pk, Act.COMPLETE, by=ana, now=at("10:40"))
    workflow.attend(missed.pk, Act.MISS, by=ana, now=at("10:40"))
    assert counted(outcomes(WEEK, at("15:00"))) == {
        "Completed": "1", "Did not come": "1", "Late, by patient": "1",
        "Late, by clinic": "1", "Called off in time": "1", "Not recorded": "1",
        "To come": "1", "All visits": "7",
    }  # fmt: skip


def test_what_a_closed_day_takes_is_nobodys_late_cancellation(
    visit_type: VisitType, ana: By
) -> None:
    friday = NOW - timedelta(days=3)
    cancelled, offered = (
        a_booked_visit(visit_type, at(start, MONDAY), by=ana, now=friday)
        for start in ("13:00", "14:00")
    )
    a_closed_day(
        at("12:00", MONDAY), at("17:00", MONDAY), {cancelled.pk: "cancel"},
        of=Resource.objects.get(kind="clinician"), by=ana,
    )  # fmt: skip
    told = NOW + timedelta(minutes=10)
    closing.tell(told)
    found = outcomes(WEEK, told)
    assert counted(found) == {"Clinic closed": "2", "All visits": "2"}
    assert found.tables[1].rows == [["Nov 16, 2026", "0", "0", "0", "2"]]
    assert used() == {"clinician": (35, 0, 5, 0), "room": (40, 0, 0, 0)}
    lost = {u.resource.kind: u.closed / 3600 for u in usage(WEEK)}
    assert lost == {"clinician": 0, "room": 1}

    workflow.take(
        offered.pk, offered.proposals.live(told).first().pk, by=PATIENT, now=told
    )
    assert counted(outcomes(WEEK, told)) == {
        "Clinic closed": "2", "To come": "1", "All visits": "3",
    }  # fmt: skip


# --- Origins, waiting list -----------------------------------------------------------


def test_the_first_event_says_where_a_visit_came_from(
    visit_type: VisitType, ana: By
) -> None:
    a_request(visit_type, at("10:00"))
    somebody_waiting(visit_type)
    found = origins(WEEK)
    assert counted(found) == {"Website, request": "1", "Website, waiting list": "1"}
    assert found.tables[1].rows == [[visit_type.service.name, "2", "0"]]


def test_the_waiting_list_is_judged_by_how_places_end(visit_type: VisitType) -> None:
    happy = somebody_waiting(visit_type)
    an_offer(happy, at("10:00"), by=SYSTEM)
    workflow.take(happy.pk, offered(happy).pk, by=PATIENT, now=NOW + HOUR)
    tired = somebody_waiting(visit_type)
    workflow.cancel(tired.pk, by=PATIENT, now=NOW + HOUR)
    somebody_waiting(visit_type, a_wish(part="morning"))
    found = waiting_list(WEEK)
    assert counted(found) == {
        "Took a time": "1", "Left the list": "1", "Still waiting": "1",
    }  # fmt: skip
    assert dict(found.figures)["Offers made"] == "1"


# --- The page ------------------------------------------------------------------------


def test_only_who_may_read_reports_sees_them(desk: Client, manager: Client) -> None:
    assert desk.get(PAGE).status_code == 403
    assert manager.get(PAGE).status_code == 200


def test_an_empty_clinic_is_told_so(manager: Client, db: None) -> None:
    page = text_of(manager.get(PAGE))
    assert page.count("There is nothing to count on these days.") == 6


def test_no_patient_is_on_the_page(manager: Client, visit_type: VisitType) -> None:
    visit = a_booked_visit(visit_type, at("10:00"))
    page = manager.get(PAGE, {"first": "2026-11-01", "last": "2026-11-30"})
    assert page.text.count('<svg class="chart" role="img"') == 5
    for private in (visit.reference, "Pat", "Example", "+1212"):
        assert private not in text_of(page)


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        ("9999-12-31", "9999-12-31", "Check the year."),
        ("0001-01-01", "2026-11-16", "Check the year."),
        ("2026-11-17", "2026-11-16", "The last day is before the first."),
        ("2020-01-01", "2026-11-16", "Choose two years at most."),
        ("2026-11-16", "", "Type both days"),
        ("'; --", "\x00", "Type both days"),
        ("2999-12-30", "2999-12-31", "December 30, 2999"),
        ("2000-01-01", "2001-12-31", "January 1, 2000"),
        ("", "", "August 31, 2026"),
    ],
)
def test_days_that_cannot_be_are_refused_in_words(
    manager: Client, first: str, last: str, says: str
) -> None:
    response = manager.get(PAGE, {"first": first, "last": last})
    assert response.status_code == 200
    assert says in text_of(response)


def test_more_visits_are_no_more_queries(
    manager: Client, visit_type: VisitType, ana: By
) -> None:
    def queries(more: Callable[[], object]) -> int:
        more()
        with CaptureQueriesContext(
            connection,
        ) as found:
            manager.get(PAGE, {"first": "2026-11-01", "last": "2026-11-30"})
        return len(found)

    def add(*starts: str) -> None:
        for start in starts:
            visit = a_booked_visit(visit_type, at(start), by=ana)
            workflow.attend(visit.pk, Act.COMPLETE, by=ana, now=at("16:00"))
            a_booked_visit(visit_type, at(start, WEDNESDAY), by=ana)
            a_request(visit_type, at(start, THURSDAY))
            somebody_waiting(visit_type)

    one = queries(lambda: add("09:00"))
    assert queries(lambda: add("09:30", "10:00")) == one


def test_no_visit_is_loaded_as_an_object(
    visit_type: VisitType, ana: By, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_booked_visit(visit_type, at("10:00"), by=ana)

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("A visit was loaded as an object.")

    monkeypatch.setattr(Appointment, "from_db", refuse)
    assert len(all_reports(WEEK, NOW)) == 6


# --- Pictures ------------------------------------------------------------------------


def test_the_longest_bar_fills_and_none_is_outside() -> None:
    drawn = charts.bars([("a", 4, "4"), ("b", 1, "1"), ("c", 0, "0")])
    assert [line.parts[0].width for line in drawn.lines] == [
        "100.00%",
        "25.00%",
        "0.00%",
    ]


def test_parts_of_a_bar_lie_end_to_end() -> None:
    legend = [("one", "Booked"), ("lost", "Lost"), ("free", "Free")]
    [line] = charts.stacks([("Room", (1, 0, 3), "25%")], legend).lines
    assert [(p.x, p.width, p.mark) for p in line.parts] == [
        ("0.00%", "25.00%", "one"), ("25.00%", "75.00%", "free"),
    ]  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 5, 105])
def test_few_words_stand_below_the_columns(n: int) -> None:
    legend = [("one", "Asked for"), ("two", "Visits")]
    drawn = charts.columns([(str(i), (i, 1)) for i in range(n)], legend)
    assert len(drawn.ticks) == min(n, charts.TICKS)
    assert len(drawn.columns) == 2 * n
    ends = [float(c.x[:-1]) + float(c.width[:-1]) for c in drawn.columns]
    assert max(ends) <= 100
    assert all(re.fullmatch(r"[\d.]+%", c.x) for c in drawn.columns)


def test_a_long_name_is_cut_in_the_picture_only() -> None:
    assert charts.short("A" * 24, "12345") == "A" * 24
    name = "Electromyography of both arms"
    assert charts.short(name, "12345") == "Electromyography of bot…"
    assert charts.short(name, "100% booked") == "Electromyography…"
