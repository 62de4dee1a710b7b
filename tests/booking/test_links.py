"""A private link opens its own visit, for its time, and nothing else does."""

import hashlib
import string
from datetime import UTC, datetime, timedelta

import pytest
from django.core import signing
from time_machine import travel

from booking import links, workflow
from booking.models import Appointment, AppointmentLink
from booking.policy import DeclineReason
from booking.workflow import PATIENT
from tests import factories
from tests.factories import NOW, at

pytestmark = pytest.mark.django_db

ALPHABET = string.ascii_letters + string.digits + "-_"
DAY = timedelta(days=1)


@pytest.fixture
def visit() -> Appointment:
    return factories.a_request()


def test_a_link_opens_its_own_visit(visit: Appointment):
    other = factories.a_request(visit.visit_type, at("11:00"))
    mine, theirs = (links.issue(v, now=NOW) for v in (visit, other))
    assert links.find(mine, now=NOW) == visit
    assert links.find(theirs, now=NOW) == other
    assert links.url(mine) == f"http://127.0.0.1:8000/appointments/{mine}/"


def test_only_a_digest_is_kept_and_no_two_are_alike(visit: Appointment):
    tokens = [links.issue(visit, now=NOW) for _ in range(20)]
    assert {len(token) for token in tokens} == {43}  # 32 bytes in base64
    assert len(set(tokens)) == 20
    kept = AppointmentLink.objects.order_by("pk").values_list("digest", flat=True)
    assert list(kept)[-20:] == [hashlib.sha256(t.encode()).hexdigest() for t in tokens]


def test_a_letter_changed_anywhere_opens_nothing(visit: Appointment):
    token = links.issue(visit, now=NOW)
    changed = [
        token[:place] + ALPHABET[ALPHABET.index(letter) ^ bit] + token[place + 1 :]
        for place, letter in enumerate(token)
        for bit in (1, 2, 4, 8, 16, 32)
    ]
    changed += [token[:-1], token + "A", token.swapcase(), token + "\n", ""]
    assert [t for t in changed if links.find(t, now=NOW)] == []


def test_nothing_else_that_a_visit_is_known_by_opens_it(visit: Appointment):
    token = links.issue(visit, now=NOW)
    digest = hashlib.sha256(token.encode()).hexdigest()
    foreign = [
        visit.reference, str(visit.uid), str(visit.request_key), str(visit.pk),
        visit.messages.get().message_id, digest, signing.dumps(visit.pk),
        signing.dumps(token),
    ]  # fmt: skip
    assert [t for t in foreign if links.find(t, now=NOW)] == []


def test_staff_end_every_link_of_one_visit(visit: Appointment):
    other = factories.a_request(visit.visit_type, at("11:00"))
    mine = [links.issue(visit, now=NOW) for _ in range(2)]
    theirs = links.issue(other, now=NOW)
    links.revoke_all(visit, NOW)
    assert [links.find(token, now=NOW) for token in mine] == [None, None]
    assert links.find(theirs, now=NOW) == other
    assert links.find(links.issue(visit, now=NOW), now=NOW) == visit


def test_a_link_ends_a_day_after_the_visit():
    visit = factories.a_booked_visit()
    token = links.issue(visit, now=NOW)
    assert visit.end
    last = visit.end + DAY - timedelta(seconds=1)
    assert links.find(token, now=last) == visit
    assert links.find(token, now=visit.end + DAY) is None


def test_without_a_visit_a_link_ends_thirty_days_after_the_last_event(
    visit: Appointment,
):
    token = links.issue(visit, now=NOW)
    answered = NOW + 2 * DAY
    with travel(answered, tick=False):
        workflow.decline(
            visit.pk, reason=DeclineReason.NO_TIME, now=answered,
            by=factories.a_front_desk_person(),
        )  # fmt: skip
    last = answered + 30 * DAY - timedelta(seconds=1)
    assert links.find(token, now=last) == visit
    assert links.find(token, now=answered + 30 * DAY) is None


def test_a_link_does_not_end_while_somebody_waits():
    visit = factories.somebody_waiting()
    token = links.issue(visit, now=NOW)
    # Of the last day, which is four weeks on.
    last = datetime(2026, 12, 15, tzinfo=UTC) + 30 * DAY
    assert links.find(token, now=last - timedelta(seconds=1)) == visit
    assert links.find(token, now=last) is None
    workflow.leave(visit.pk, by=PATIENT, now=NOW)
    assert links.find(token, now=NOW + 30 * DAY) is None


def test_every_link_shows_the_present_state_after_a_cancellation():
    visit = factories.a_booked_visit()
    token = links.issue(visit, now=NOW)
    workflow.cancel(visit.pk, by=PATIENT, now=NOW)
    found = links.find(token, now=NOW)
    assert found
    assert (found.pk, found.status) == (visit.pk, "cancelled")


def test_what_staff_entered_in_error_is_hidden(visit: Appointment):
    token = links.issue(visit, now=NOW)
    Appointment.objects.filter(pk=visit.pk).update(status="entered_in_error")
    assert links.find(token, now=NOW) is None


@pytest.mark.parametrize("state", ["open", "unknown", "revoked", "expired"])
def test_every_answer_costs_one_query(
    visit: Appointment, state: str, django_assert_num_queries
):
    token = links.issue(visit, now=NOW) if state != "unknown" else "x" * 43
    if state == "revoked":
        links.revoke_all(visit, NOW)
    now = NOW + 90 * DAY if state == "expired" else NOW
    with django_assert_num_queries(1):
        found = links.find(token, now=now)
    assert found == (visit if state == "open" else None)
