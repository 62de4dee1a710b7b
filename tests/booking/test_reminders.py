"""What is said because its time has come is true when it goes out, and said once."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from pytest_django import Settings
from time_machine import Traveller

from booking import delivery, reminders, workflow
from booking.models import Appointment, Message, VisitType, WaitingListRules
from booking.policy import Act
from booking.workflow import PATIENT
from tests import factories
from tests.factories import FRIDAY, MONDAY, NOW, THURSDAY, TUESDAY, WEDNESDAY, at
from tests.records import all_rows

from .road import Browser, text_of

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
SATURDAY = FRIDAY + DAY

Step = Callable[["Week"], object]


class Week:
    """A visit on Friday at 10:00, asked for on Monday at 9:00, and what is done then.

    Each step is at a wall time; the worker works at those that say so, and no other.
    """

    def __init__(self, clock: Traveller, visit_type: VisitType) -> None:
        self.clock, self.visit_type = clock, visit_type
        self.desk = factories.a_front_desk_person()
        self.now = NOW

    def book(self, start: datetime, **values: Any) -> None:
        self.visit = factories.a_booked_visit(
            self.visit_type, start, now=self.now, by=self.desk,
            texts=dict.fromkeys(["reminders", "changes"], "Yes."), **values,
        )  # fmt: skip

    def go(self, day: date, wall: str) -> None:
        self.now = at(wall, day)
        self.clock.move_to(self.now)

    def owe(self) -> None:
        reminders.owe_due(self.now)

    def work(self) -> None:
        self.owe()
        while delivery.deliver_next():
            pass

    def move(self, day: date, wall: str) -> None:
        workflow.move(self.visit.pk, at(wall, day), by=self.desk, now=self.now)

    def cancel(self) -> None:
        workflow.cancel(self.visit.pk, by=PATIENT, now=self.now)

    def ask_again(self) -> None:
        self.again = factories.a_request(self.visit_type, at("10:00", FRIDAY))

    def record(self, move: Act) -> None:
        workflow.attend(self.visit.pk, move, by=self.desk, now=self.now)

    def sent(self, channel: str = "email") -> list[str]:
        """Return what went out since Monday, as kind and wall time of the sending."""
        rows = Message.objects.filter(sent_at__isnull=False, channel=channel)
        return [
            f"{m.kind} {m.sent_at.astimezone(factories.NEW_YORK):%a %H:%M}"
            for m in rows.order_by("pk")
            if m.kind not in ("received", "confirmed")
        ]


@pytest.fixture
def texts(settings: Settings) -> None:
    """Let somebody carry texts; all have agreed to them."""
    settings.TEXT_BACKEND = "booking.texting.to_console"


@pytest.fixture
def visit_type() -> VisitType:
    visit_type = factories.a_practice(lead_time=0, reply_promise=60)
    visit_type.service.sections.create(
        anchor="afterwards", question="What happens afterwards?", answer="You rest."
    )
    return visit_type


@pytest.fixture
def week(clock: Traveller, visit_type: VisitType) -> Week:
    week = Week(clock, visit_type)
    week.book(at("10:00", FRIDAY))
    week.work()
    return week


def work(day: date, wall: str) -> Step:
    return lambda week: (week.go(day, wall), week.work())


def owe(day: date, wall: str) -> Step:
    """Let the chore be done, but nothing be sent."""
    return lambda week: (week.go(day, wall), week.owe())


def move(day: date, wall: str, to: date, to_wall: str) -> Step:
    return lambda week: (week.go(day, wall), week.move(to, to_wall))


def cancel(day: date, wall: str) -> Step:
    return lambda week: (week.go(day, wall), week.cancel())


def ask_again(day: date, wall: str) -> Step:
    return lambda week: (week.go(day, wall), week.ask_again())


BOTH = [work(TUESDAY, "10:00"), work(THURSDAY, "10:00")]


@pytest.mark.parametrize(
    ("steps", "sent"),
    [
        pytest.param(
            [work(TUESDAY, "09:59"), work(TUESDAY, "10:00"), work(TUESDAY, "10:01"),
             work(THURSDAY, "09:59"), work(THURSDAY, "10:00"), work(FRIDAY, "08:30"),
             work(FRIDAY, "10:30")],
            ["reminder Tue 10:00", "reminder_soon Thu 10:00"],
            id="nothing happens",
        ),
        pytest.param(
            [work(TUESDAY, "10:00"), move(WEDNESDAY, "12:00", FRIDAY, "15:00"),
             work(WEDNESDAY, "12:01"), work(THURSDAY, "10:00"),
             work(THURSDAY, "15:00")],
            ["reminder Tue 10:00", "moved Wed 12:01", "reminder_soon Thu 15:00"],
            id="moved",
        ),
        pytest.param(
            [owe(THURSDAY, "10:00"), move(THURSDAY, "10:05", FRIDAY, "15:00"),
             work(THURSDAY, "10:06"), work(THURSDAY, "15:00"), work(FRIDAY, "09:00")],
            ["moved Thu 10:06"],
            id="moved while the reminder waits",
        ),
        pytest.param(
            [work(TUESDAY, "10:00"), move(TUESDAY, "11:00", FRIDAY, "15:00"),
             work(TUESDAY, "11:01"), move(TUESDAY, "12:00", FRIDAY, "10:00"),
             work(TUESDAY, "12:01"), work(WEDNESDAY, "10:00"),
             work(THURSDAY, "10:00"), work(THURSDAY, "15:00")],
            ["reminder Tue 10:00", "moved Tue 11:01", "moved Tue 12:01",
             "reminder_soon Thu 10:00"],
            id="moved there and back",
        ),
        pytest.param(
            [work(TUESDAY, "10:00"), cancel(WEDNESDAY, "12:00"),
             work(WEDNESDAY, "12:01"), work(THURSDAY, "10:00")],
            ["reminder Tue 10:00", "cancelled Wed 12:01"],
            id="cancelled",
        ),
        pytest.param(
            [owe(THURSDAY, "10:00"), cancel(THURSDAY, "10:05"),
             work(THURSDAY, "10:06"), work(THURSDAY, "11:00")],
            ["cancelled Thu 10:06"],
            id="cancelled while the reminder waits",
        ),
        pytest.param(
            [owe(TUESDAY, "10:00"), cancel(TUESDAY, "10:05"),
             ask_again(TUESDAY, "10:06"), work(TUESDAY, "10:07"),
             work(WEDNESDAY, "10:00")],
            ["cancelled Tue 10:07", "late_answer Tue 10:07"],
            id="cancelled, and asked again",
        ),
        pytest.param(
            [work(THURSDAY, "11:00"), work(THURSDAY, "11:01")],
            ["reminder_soon Thu 11:00"],
            id="the worker was down for two days",
        ),
        pytest.param(
            [work(WEDNESDAY, "23:00"), work(THURSDAY, "08:00"),
             work(THURSDAY, "10:00"), work(FRIDAY, "08:00")],
            ["reminder Thu 08:00"],
            id="the worker was down, and the next one would follow at once",
        ),
        pytest.param(
            [work(FRIDAY, "09:00"), work(FRIDAY, "10:01")], [],
            id="the worker was down until the patient is on the way",
        ),
        pytest.param(
            [owe(THURSDAY, "10:00"), work(FRIDAY, "09:00")], [],
            id="the mail server was away until then",
        ),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("texts")
def test_exactly_what_is_true_goes_out(week: Week, steps: list[Step], sent: list[str]):
    for step in steps:
        step(week)
    assert week.sent() == sent
    # What a patient did, or we did not do, is said by mail alone.
    by_text = [said for said in sent if said.startswith(("reminder", "moved"))]
    assert week.sent("text") == by_text


@pytest.mark.usefixtures("texts")
@pytest.mark.parametrize(
    ("day", "steps", "sent"),
    [
        pytest.param(
            date(2027, 3, 15),
            [work(date(2027, 3, 12), "09:59"), work(date(2027, 3, 12), "10:00"),
             work(date(2027, 3, 13), "08:59"), work(date(2027, 3, 13), "09:00")],
            ["reminder Fri 10:00", "reminder_soon Sat 09:00"], id="spring",
        ),
        pytest.param(
            date(2027, 11, 8),
            [work(date(2027, 11, 5), "09:59"), work(date(2027, 11, 5), "10:00"),
             work(date(2027, 11, 6), "10:59"), work(date(2027, 11, 6), "11:00")],
            ["reminder Fri 10:00", "reminder_soon Sat 11:00"], id="autumn",
        ),
    ],
)  # fmt: skip
def test_what_goes_out_is_right_when_the_clocks_change(
    clock: Traveller, visit_type: VisitType, day: date, steps: list[Step],
    sent: list[str],
):  # fmt: skip
    VisitType.objects.update(remind_days_before=3, remind_hours_before=48)
    visit_type.refresh_from_db()
    week = Week(clock, visit_type)
    week.go(day - 5 * DAY, "09:00")
    week.book(at("10:00", day))
    week.work()
    for step in steps:
        step(week)
    assert week.sent() == week.sent("text") == sent


@pytest.mark.parametrize(
    ("settings", "start", "looks", "sent"),
    [
        pytest.param({"remind_days_before": None}, at("10:00", FRIDAY), BOTH,
                     ["reminder_soon Thu 10:00"], id="hours alone"),
        pytest.param({"remind_hours_before": None}, at("10:00", FRIDAY), BOTH,
                     ["reminder Tue 10:00"], id="days alone"),
        pytest.param({"remind_days_before": None, "remind_hours_before": None},
                     at("10:00", FRIDAY), BOTH, [], id="none"),
        pytest.param({}, at("16:00", TUESDAY), [work(MONDAY, "16:00"),
                     work(TUESDAY, "10:00")], [], id="just confirmed"),
        pytest.param({"remind_hours_before": 2}, at("09:30", FRIDAY),
                     [work(TUESDAY, "09:30"), work(FRIDAY, "07:30"),
                      work(FRIDAY, "08:00"), work(FRIDAY, "08:01")],
                     ["reminder Tue 09:30", "reminder_soon Fri 08:00"], id="quiet"),
    ],
)  # fmt: skip
def test_the_clinic_chooses_how_long_before(
    clock: Traveller, visit_type: VisitType, settings: dict[str, Any],
    start: datetime, looks: list[Step], sent: list[str],
):  # fmt: skip
    VisitType.objects.update(**settings)
    visit_type.refresh_from_db()
    week = Week(clock, visit_type)
    week.book(start)
    week.work()
    for look in looks:
        look(week)
    assert week.sent() == sent


@pytest.mark.parametrize(
    ("quiet", "hour", "is_quiet"),
    [
        ((20, 8), 19, False), ((20, 8), 20, True), ((20, 8), 7, True),
        ((20, 8), 8, False), ((1, 6), 1, True), ((1, 6), 6, False), ((8, 8), 8, False),
    ],
)  # fmt: skip
def test_quiet_hours_are_of_the_clock_on_the_wall(
    quiet: tuple[int, int], hour: int, is_quiet: bool
):
    rules = WaitingListRules(quiet_from=time(quiet[0]), quiet_until=time(quiet[1]))
    assert rules.is_quiet(at(f"{hour:02}:00")) is is_quiet


@pytest.mark.parametrize(
    ("day", "hours_on_the_wall"),
    [(date(2027, 3, 15), "09:00"), (date(2026, 11, 2), "11:00")],
    ids=["spring", "autumn"],
)
def test_days_keep_the_time_of_day_when_the_clocks_change(
    day: date, hours_on_the_wall: str
):
    rules = VisitType(remind_days_before=2, remind_hours_before=48)
    visit = Appointment(visit_type=rules, start=at("10:00", day))
    due = workflow.reminders(visit)
    assert due["reminder"] == at("10:00", day - 2 * DAY)
    assert due["reminder_soon"] == at(hours_on_the_wall, day - 2 * DAY)


def test_a_reminder_says_when_and_where_and_no_more(week: Week):
    work(TUESDAY, "10:00")(week)
    message = week.visit.messages.get(kind="reminder")
    assert message.subject == "Reminder: Friday, November 20, 10:00 AM"
    assert message.text.startswith(
        "This is a reminder of your appointment. It is confirmed, and we expect you.\n"
        "\nWhen: Friday, November 20, 10:00 AM EST\nWhere: Demo Clinic\n"
    )
    assert "<h1>Remember your appointment</h1>" in message.html
    assert (message.event, message.occasion, message.true_until) == (
        None, at("10:00", FRIDAY), at("09:00", FRIDAY),
    )  # fmt: skip
    assert message.calendar == ""
    assert mail.outbox[-1].subject == message.subject


@pytest.mark.parametrize("wanted", [False, True])
def test_who_has_no_mail_is_phoned_only_if_the_clinic_wants_that(
    clock: Traveller, visit_type: VisitType, wanted: bool
):
    VisitType.objects.update(remind_by_phone=wanted)
    week = Week(clock, visit_type)
    week.book(at("10:00", FRIDAY), patient=factories.patient_details(email=""))
    work(TUESDAY, "10:00")(week)
    calls = Message.objects.phone_these_people().still_true(week.now)
    assert [m.kind for m in calls] == ["confirmed", *["reminder"] * wanted]
    calls = Message.objects.phone_these_people().still_true(at("09:00", FRIDAY))
    assert [m.kind for m in calls] == ["confirmed"]


def test_nobody_is_reminded_of_a_visit_in_a_closed_day(week: Week):
    week.go(TUESDAY, "09:55")
    start, end = at("00:00", FRIDAY), at("23:00", FRIDAY)
    keep = {week.visit.pk: "keep"}
    factories.a_closed_day(start, end, keep, now=week.now, by=week.desk)
    work(TUESDAY, "10:00")(week)
    assert week.sent() == []


def test_the_database_refuses_a_second_reminder_of_one_time(week: Week):
    work(TUESDAY, "10:00")(week)
    message = week.visit.messages.get(kind="reminder")
    message.pk, message.message_id = None, "<again@test>"
    with pytest.raises(Exception, match=r"(?i)unique"), transaction.atomic():
        message.save(force_insert=True)


def test_looking_writes_nothing_when_nothing_is_due(week: Week):
    before = all_rows()
    week.owe()
    assert all_rows() == before


# --- The day after -----------------------------------------------------------------


def test_the_day_after_a_visit_the_mail_leads_to_what_the_page_says(
    week: Week, clock: Traveller
):
    week.go(FRIDAY, "10:30")
    week.record(Act.COMPLETE)
    for wall in ("10:29", "10:30", "10:31"):
        work(SATURDAY, wall)(week)
    assert week.sent() == ["follow_up Sat 10:30"]
    message = week.visit.messages.get(kind="follow_up")
    assert message.subject == "After your visit: what to look out for"
    assert "<h1>After your visit</h1>" in message.html
    assert "When: Friday, November 20, 10:00 AM EST\n" in message.text
    service = week.visit.visit_type.service
    assert service.name not in message.text + message.html
    link = next(line for line in message.text.splitlines() if "/appointments/" in line)
    browser = Browser(clock, week.visit_type)
    page = browser.get(link.removeprefix("http://127.0.0.1:8000"), follow=True)
    assert "when to call us. After your visit" in text_of(page)
    assert f'href="{service.aftercare_url}"' in page.content.decode()


def complete(week: Week) -> None:
    week.record(Act.COMPLETE)


def miss(week: Week) -> None:
    week.record(Act.MISS)


@pytest.mark.parametrize(
    "steps",
    [
        [miss, work(SATURDAY, "10:30")],
        [complete, owe(SATURDAY, "10:30"), miss, work(SATURDAY, "10:31")],
        [complete, work(FRIDAY + 4 * DAY, "10:30")],
        [lambda week: VisitType.objects.update(follows_up=False), complete,
         work(SATURDAY, "10:30")],
        [lambda week: week.visit_type.service.sections.all().delete(), complete,
         work(SATURDAY, "10:30")],
    ],
    ids=["missed", "missed after all", "too late", "turned off", "nothing to read"],
)  # fmt: skip
def test_nobody_else_is_written_to_the_day_after(week: Week, steps: list[Step]):
    week.go(FRIDAY, "10:30")
    for step in steps:
        step(week)
    assert week.sent() == []


# --- An answer that is late ----------------------------------------------------------


@pytest.fixture
def asked(clock: Traveller, visit_type: VisitType) -> Week:
    week = Week(clock, visit_type)
    week.visit = factories.a_request(visit_type, at("10:00", FRIDAY))
    week.work()
    return week


def test_a_promise_that_we_did_not_keep_is_owned_up_to_once(asked: Week):
    for wall in ("09:59", "10:00", "10:01"):
        work(MONDAY, wall)(asked)
    assert asked.sent() == ["late_answer Mon 10:00"]
    message = asked.visit.messages.get(kind="late_answer")
    late = f"Not booked yet – our answer is late ({asked.visit.reference})"
    assert message.subject == late
    assert message.text.startswith(
        "We wanted to answer your request by Monday, November 16, 10:00 AM EST, and we"
        " have not. We are sorry. Your request is still with us. It is not booked:"
    )
    assert "<h1>Not booked yet: our answer is late</h1>" in message.html
    assert Appointment.objects.overdue(asked.now).get() == asked.visit


def test_a_late_answer_about_another_time_says_that_the_visit_stays(week: Week):
    week.go(TUESDAY, "11:00")
    workflow.ask_change(week.visit.pk, [at("14:00", FRIDAY)], by=PATIENT, now=week.now)
    week.work()
    for wall in ("11:59", "12:00", "12:01"):
        work(TUESDAY, wall)(week)
    assert week.sent() == ["change_asked Tue 11:00", "late_answer Tue 12:00"]
    message = week.visit.messages.get(kind="late_answer")
    assert message.subject.endswith("late – you keep Fri, Nov 20, 10:00 AM")
    assert message.text.startswith(
        "Your appointment on Friday, November 20, 10:00 AM EST stays as it is. We"
        " wanted to answer you about another time by Tuesday, November 17, 12:00 PM"
        " EST, and we have not. We are sorry."
    )
    assert "<h1>Your appointment stays as it is</h1>" in message.html
    assert Appointment.objects.overdue(week.now).get() == week.visit


@pytest.mark.parametrize("answered", [True, False], ids=["answered", "it has begun"])
def test_of_another_time_nobody_reads_that_we_are_late_too_late(
    week: Week, answered: bool
):
    week.go(TUESDAY, "11:00")
    workflow.ask_change(week.visit.pk, [at("14:00", FRIDAY)], by=PATIENT, now=week.now)
    if answered:
        owe(TUESDAY, "12:00")(week)
        workflow.stop_change(week.visit.pk, by=week.desk, now=week.now)
        work(TUESDAY, "12:01")(week)
    else:
        work(FRIDAY, "10:01")(week)
    assert "late_answer" not in " ".join(week.sent())


def accept(week: Week) -> None:
    workflow.accept(
        week.visit.pk, factories.choice(week.visit).pk, by=week.desk, now=week.now
    )


@pytest.mark.parametrize(
    "steps",
    [
        [accept, work(MONDAY, "10:00")],
        [owe(MONDAY, "10:00"), accept, work(MONDAY, "10:01")],
        [work(MONDAY, "20:00"), work(TUESDAY, "07:59")],
        [work(MONDAY + 7 * DAY, "10:00")],
    ],
    ids=["answered", "answered while it waits", "quiet", "too late"],
)
def test_nobody_reads_that_we_are_late_who_has_an_answer(
    asked: Week, steps: list[Step]
):
    for step in steps:
        step(asked)
    assert asked.sent() == []
