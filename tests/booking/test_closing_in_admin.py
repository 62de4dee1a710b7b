"""The pages on which staff close a day and follow what comes of it."""

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from booking import closing, links, tasks, workflow
from booking.errors import DoneMeanwhile
from booking.models import Claim, ClosingPlan, Closure, Reservation
from booking.tasks import Whose
from booking.words import as_value
from booking.workflow import PATIENT, By
from tests import factories
from tests.factories import NOW, a_booked_visit, a_practice, at
from tests.records import messages_of, nothing_written

from .desk import a_colleague, address, said, text_of
from .test_closing import BY_PHONE, DUE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

PAGE = "/admin/booking/closing/"
TUESDAY = {
    "resource": "",
    "start": "2026-11-17T00:00",
    "end": "2026-11-18T00:00",
    "reason": "weather",
}


def sent_by(page: HttpResponse, **more: Any) -> dict[str, Any]:
    """Return what the button of the page sends as it was shown."""
    body = page.text[page.text.index('method="post" class="plan closing"') :]
    data: dict[str, Any] = {}
    for tag in re.findall(r"<input [^>]+>", body):
        kept = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if kept["type"] == "hidden" or " checked" in tag:
            data.setdefault(kept["name"], []).append(kept.get("value", ""))
    return data | more


def close(desk: Client, **more: Any) -> HttpResponse:
    return desk.post(PAGE, sent_by(desk.get(PAGE, TUESDAY), **more))


def test_it_opens_on_today_and_the_whole_clinic_and_one_button_closes_it(
    desk: Client,
):
    visit = a_booked_visit(
        a_practice(lead_time=0, reply_promise=60), at("15:00", factories.MONDAY)
    )

    page = desk.get(PAGE)

    assert visit.patient.full_name in page.text
    response = desk.post(PAGE, sent_by(page))
    plan = ClosingPlan.objects.get()
    assert response.url == f"{PAGE}{plan.pk}/"
    assert (plan.closure.resource, plan.closure.reason) == (None, "weather")
    assert (plan.start, plan.end, plan.due_at) == (NOW, at("00:00"), DUE)


# Clocks in New York went back on November 1, 2026, and go forward on March 14, 2027.
@pytest.mark.parametrize(
    ("start", "end", "closed"),
    [
        ("2026-11-01T01:30", "2026-11-01T12:00", ("05:30", "17:00")),
        ("2026-11-01T00:00", "2026-11-01T01:30", ("04:00", "06:30")),
        ("2026-11-01T01:30", "2026-11-01T01:30", ("05:30", "06:30")),
        ("2027-03-14T02:30", "2027-03-14T12:00", ("06:30", "16:00")),
        ("2027-03-14T00:00", "2027-03-14T02:30", ("05:00", "07:30")),
    ],
)
def test_a_time_that_the_clock_shows_twice_or_never_closes_what_it_may_mean(
    desk: Client, clock: Traveller, start: str, end: str, closed: tuple[str, str]
):
    clock.move_to(datetime(2026, 10, 30, 13, tzinfo=UTC))
    said = TUESDAY | {"start": start, "end": end}

    desk.post(PAGE, sent_by(desk.get(PAGE, said)))

    plan = ClosingPlan.objects.get()
    edges = (plan.start.astimezone(UTC), plan.end.astimezone(UTC))
    assert edges == tuple(
        datetime.fromisoformat(f"{start[:10]}T{time}Z") for time in closed
    )


def test_the_emergency_opens_on_the_rest_of_today_in_a_repeated_hour(
    desk: Client, clock: Traveller
):
    clock.move_to(datetime(2026, 11, 1, 6, 30, tzinfo=UTC))  # 1:30 AM, once more

    desk.post(PAGE, sent_by(desk.get(PAGE)))

    assert ClosingPlan.objects.get().end == at("00:00", date(2026, 11, 2))


def test_looking_changes_nothing_and_says_who_cannot_be_reached(desk: Client):
    visit_type = a_practice()
    a_booked_visit(visit_type, at("10:00"), **BY_PHONE)
    asked = factories.a_request(visit_type, at("12:00"))

    with nothing_written():
        page = desk.get(PAGE, TUESDAY)

    text = text_of(page)
    assert "by phone: you call" in text
    assert "Requests for this time" in text
    assert asked.reference in text
    assert "does not come back if you undo" in text


def test_what_is_ticked_is_offered_and_the_plan_says_so(desk: Client):
    visit = a_booked_visit()
    start = at("10:00", factories.THURSDAY)

    there = close(desk, **{f"starts_{visit.pk}": [as_value(start)]}).url

    page = text_of(desk.get(there))
    assert "Nobody is told before today 9:10 AM." in page
    closing.tell(DUE)
    assert [offer.start for offer in visit.proposals.offers()] == [start]
    assert "Waiting for the patient" in text_of(desk.get(there))


@pytest.mark.parametrize("choice", ["offer", "cancel"])
@pytest.mark.parametrize("by_phone", [{}, BY_PHONE], ids=["mail", "phone"])
def test_what_the_page_shows_beside_the_choice_is_what_goes_out(
    desk: Client, choice: str, by_phone: dict[str, Any]
):
    visit = a_booked_visit(**by_phone)
    start = as_value(at("10:00", factories.THURSDAY))
    chosen = {f"choice_{visit.pk}": choice, f"starts_{visit.pk}": [start]}
    with nothing_written():
        page = close(desk, **chosen, preview="")
    (line,) = page.context["lines"]
    assert (line.choice, list(map(as_value, line.ticked))) == (choice, [start])

    close(desk, **chosen)
    closing.tell(DUE)

    sent = visit.messages.last()
    text = re.sub(r"(?<=/appointments/)[^/]+", "-", sent.text)
    assert getattr(line.preview, choice) == (sent.subject, text)
    assert f"Message that {choice}s" in text_of(page)


def test_more_visits_cost_the_page_no_more_queries(
    desk: Client, django_assert_num_queries
):
    visit_type = a_practice()
    a_booked_visit(visit_type, at("10:00"))
    desk.get(PAGE, TUESDAY)
    with CaptureQueriesContext(connection) as one:
        desk.get(PAGE, TUESDAY)
    a_booked_visit(visit_type, at("11:00"))
    a_booked_visit(visit_type, at("12:00"))
    with django_assert_num_queries(len(one)):
        desk.get(PAGE, TUESDAY)


def test_who_has_to_be_phoned_is_on_the_call_list_until_somebody_called(desk: Client):
    visit = a_booked_visit(**BY_PHONE)
    there = close(desk, **{f"choice_{visit.pk}": "cancel"}).url
    plan = ClosingPlan.objects.get()
    closing.tell(DUE)
    message = visit.messages.get(kind="cancelled")

    page = desk.get(there)
    assert "because of the weather" in page.text
    assert "(212) 555-0199" in page.text

    response = desk.post(f"/admin/calls/{message.pk}/", {"plan": plan.pk})

    assert response.url == there
    assert "Told by phone" in text_of(desk.get(there))


def test_whom_nobody_told_is_on_the_call_list_too(desk: Client):
    visit = a_booked_visit()
    there = close(desk, **{f"choice_{visit.pk}": "keep"}).url

    assert "we told the patient nothing" in text_of(desk.get(there))


def test_offering_nothing_is_no_choice_and_what_was_chosen_stays(desk: Client):
    visit = a_booked_visit()

    with nothing_written():
        page = close(desk, **{f"starts_{visit.pk}": []})

    assert f"{visit.reference}: tick one to three times" in text_of(page)
    assert "checked" not in page.text[page.text.index("Times to offer") :]


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"start": ""}, "Say from when."),
        ({"end": "2026-11-16T08:00", "start": "2026-11-16T07:00"}, "has passed"),
        ({"end": "2026-11-16T00:00"}, "The end must be after the start."),
        ({"end": "2027-02-01T00:00"}, "Two weeks at most."),
        ({"start": "1026-11-17T00:00"}, "Check the year."),
        ({"resource": "999"}, "Choose from the list."),
        ({"reason": "illness"}, "Choose a reason."),
    ],
)
def test_what_cannot_be_closed_is_said_in_words(desk: Client, typed, problem):
    assert problem in text_of(desk.get(PAGE, TUESDAY | typed))


def test_a_colleague_was_faster(desk: Client, manager: Client):
    visit = a_booked_visit()
    page = desk.get(PAGE, TUESDAY)
    close(manager)

    with nothing_written():
        late = desk.post(PAGE, sent_by(page))

    assert "Who is hit has changed" in text_of(late)
    assert "In hand already" in text_of(late)
    assert visit.reference in late.text


def test_who_comes_back_is_told_that_the_time_is_closed_already(desk: Client):
    """Closed twice, it would stay closed when the first is undone."""
    there = close(desk).url

    page = desk.get(PAGE, TUESDAY)

    assert "This time is closed already. Look at what was closed" in text_of(page)
    assert f'href="{there}"' in page.text
    assert "Close and tell them" not in page.text
    for other in ({"end": "2026-11-19T00:00"}, {"resource": factories.a_room().pk}):
        assert "Close and tell them" in desk.get(PAGE, TUESDAY | other).text
    desk.post(f"{there}undo/")
    assert "Close and tell them" in desk.get(PAGE, TUESDAY).text


def test_a_double_click_closes_once_and_other_content_is_refused(desk: Client):
    visit = a_booked_visit()
    sent = sent_by(desk.get(PAGE, TUESDAY))
    first = desk.post(PAGE, sent)

    with nothing_written():
        second = desk.post(PAGE, sent)
        other = desk.post(PAGE, sent | {f"choice_{visit.pk}": "cancel"})

    assert second.url == first.url
    assert f'href="{first.url}"' in other.text


def test_undo_opens_the_time_and_later_it_is_refused_with_what_to_do(
    desk: Client, clock: Traveller
):
    visit = a_booked_visit()
    there = close(desk).url

    response = desk.post(f"{there}undo/")

    assert (response.url, Closure.objects.count()) == (there, 0)
    assert said(response)[-1] == "Undone. The time is open, and nobody was told."
    assert not Reservation.objects.filter(closure__isnull=False).exists()

    there = close(desk).url
    clock.move_to(DUE)
    closing.tell(DUE)
    with nothing_written():
        response = desk.post(f"{there}undo/")
    assert "Open the time again under Closures" in said(response)[-1]
    assert "Undo everything" not in desk.get(there).text
    assert messages_of(visit).count(("called_off", "email")) == 1


def test_more_visits_than_can_be_decided_at_once_are_done_in_parts(
    desk: Client, monkeypatch: pytest.MonkeyPatch
):
    visit_type = a_practice()
    a_booked_visit(visit_type, at("10:00"))
    a_booked_visit(visit_type, at("11:00"))
    monkeypatch.setattr(closing, "MOST", 1)

    assert "Close a shorter part" in text_of(desk.get(PAGE, TUESDAY))
    with nothing_written():
        desk.post(PAGE, TUESDAY)


def test_the_closed_days_of_before_are_listed(desk: Client):
    a_practice()
    there = close(desk).url

    assert f'href="{there}"' in desk.get(PAGE).text


def test_who_is_booked_in_closed_time_is_on_the_desk_until_moved(
    desk: Client, clock: Traveller
):
    visit = a_booked_visit()
    close(desk, **{f"choice_{visit.pk}": "keep"})

    page = text_of(desk.get("/admin/"))
    assert "Nobody told the patient: move it, or cancel it." in page
    assert "1 to phone" in page

    task = Claim.Task.CLOSED
    ben = a_colleague(username="ben", first_name="Ben", last_name="Demo")
    workflow.entrust(visit.pk, task, to=ben, by=By.staff(ben), now=NOW)
    ana = User.objects.get(username="ana")
    (waits,) = tasks.waiting(NOW, Whose.OTHERS, ana)
    assert (waits.kind, waits.visit, waits.due) == (task, visit, visit.start)
    assert tasks.waiting(NOW, Whose.OTHERS, ben) == []
    assert "Booked in closed time" in text_of(desk.get("/admin/tasks/?whose=others"))
    assert "Ben Demo has it" in text_of(desk.get("/admin/"))

    start = at("10:00", factories.THURSDAY)
    sent = {"start": start.isoformat(), "seen_version": visit.version, "send": ""}
    told = said(desk.post(address("move", visit), sent))

    assert any("Ben Demo had taken this on" in line for line in told)
    seen, again = Claim.objects.get().pk, By.staff(ben)
    with pytest.raises(DoneMeanwhile):
        workflow.entrust(visit.pk, task, to=ana, by=again, now=NOW, seen=seen)
    assert "Nobody told the patient" not in text_of(desk.get("/admin/"))


def test_the_patients_page_says_that_the_old_time_is_gone(
    desk: Client, client: Client, clock: Traveller
):
    visit = a_booked_visit()
    close(desk)
    clock.move_to(DUE)
    closing.tell(DUE)
    client.get(f"/appointments/{links.issue(visit, now=DUE)}/")

    page = text_of(client.get("/appointment/"))
    gone = "Your appointment on Tuesday, November 17, 10:00 AM EST cannot take place."
    assert gone in page
    assert "Your appointment cannot take place. Choose another time" in page
    assert "You asked for" not in page

    workflow.pass_(visit.pk, by=PATIENT, now=DUE)
    page = text_of(client.get("/appointment/"))
    assert gone in page
    assert "Your appointment cannot take place. We look for another time" in page
    assert "have passed" not in page

    visit.refresh_from_db()
    workflow.offer(
        visit.pk,
        [at("12:00", factories.FRIDAY)],
        expires_at=DUE + closing.SOONEST,
        by=factories.a_front_desk_person(),
        now=DUE,
    )
    offer = factories.offered(visit)
    workflow.take(visit.pk, offer.pk, by=PATIENT, now=DUE)
    assert gone not in text_of(client.get("/appointment/"))


def test_the_same_form_with_another_reason_is_refused_in_words(desk: Client):
    a_booked_visit(a_practice())
    data = sent_by(desk.get(PAGE, TUESDAY))
    desk.post(PAGE, data)

    with nothing_written():
        again = desk.post(PAGE, data | {"reason": "equipment"})

    assert again.status_code == 200
    assert "already sent, with other content" in text_of(again)
    assert 'role="alert" tabindex="-1" autofocus' in again.text


def test_djangos_own_pages_write_times_and_the_way_there_as_ours_do(manager: Client):
    a_practice()
    closure = factories.a_closure(at("15:00"), at("17:00"))
    there = f"/admin/booking/closure/{closure.pk}"

    assert "Nov 17, 2026, 3:00 PM" in text_of(manager.get("/admin/booking/closure/"))
    for path in (
        "/admin/booking/closure/",
        f"{there}/change/",
        f"{there}/delete/",
        f"{there}/history/",
        "/admin/booking/",
        "/admin/password_change/",
        "/admin/booking/clinic-check/",
    ):
        words = text_of(manager.get(path))
        assert "Front desk › " in words, path
        assert "Home" not in words, path
