"""What the session keeps between the pages, and for how long."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session

from booking import draft
from booking.draft import Draft, Sent
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def a_draft(**values):
    kept = Draft(began=NOW, used=NOW, **values)
    kept.keep("about", {"given_name": ["Zoë"]})
    return kept


def test_a_draft_comes_back_as_it_was():
    session, kept = SessionStore(), a_draft(wanted={"visit": "new"})
    draft.save(session, kept, NOW)
    assert draft.load(session, NOW) == kept


def test_the_database_holds_nothing_that_can_be_read():
    session = SessionStore()
    draft.save(session, a_draft(), NOW)
    session.save()
    stored = SessionStore(session.session_key)
    assert list(stored.keys()) == [draft.SESSION_KEY]
    assert "given_name" not in stored[draft.SESSION_KEY]
    assert "given_name" not in Session.objects.get().session_data


def test_a_draft_lives_two_hours_after_the_last_page():
    session, kept = SessionStore(), a_draft()
    draft.save(session, kept, NOW + timedelta(hours=1))
    almost = NOW + timedelta(hours=3, seconds=-1)
    assert draft.load(session, almost) == kept
    assert draft.load(session, almost + timedelta(seconds=1)) is None


def test_what_was_sent_goes_two_hours_later():
    session, sent = SessionStore(), Sent(7, "K7MP-3QXD")
    draft.save(session, a_draft(), NOW)
    draft.save(session, sent, NOW)
    almost = NOW + timedelta(hours=2, seconds=-1)
    assert draft.load(session, almost) == sent
    assert draft.load(session, almost + timedelta(seconds=1)) is None


def test_what_is_dropped_leaves_no_row_but_the_sign_in():
    alone, staff = SessionStore(), SessionStore()
    staff["sign-in"] = "front-desk"
    for session in (alone, staff):
        draft.save(session, a_draft(), NOW)
        session.save()
        draft.drop(session)
        session.save()
    kept = Session.objects.get(session_key=staff.session_key).get_decoded()
    assert kept == {"sign-in": "front-desk"}
    rows = [row.get_decoded() for row in Session.objects.all()]
    assert all(draft.SESSION_KEY not in row for row in rows)


def test_a_draft_that_no_key_opens_is_no_draft(settings):
    session = SessionStore()
    draft.save(session, a_draft(), NOW)
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    assert draft.load(session, NOW) is None
    session[draft.SESSION_KEY] = "forged"
    assert draft.load(session, NOW) is None


def test_a_new_answer_drops_what_hangs_on_the_old_one():
    kept = a_draft()
    kept.keep("visit", {"visit": ["new"]}, forgets=["times"])
    kept.keep("times", {"start": ["2026-11-17T15:00Z"]})
    kept.keep("visit", {"visit": ["new"]}, forgets=["times"])
    assert list(kept.answers) == ["about", "visit", "times"]
    kept.keep("visit", {"visit": ["follow-up"]}, forgets=["times"])
    assert list(kept.answers) == ["about", "visit"]
