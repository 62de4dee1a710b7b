"""Sessions are read as Django reads them, only with less work."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.utils import timezone

from clinic_site.sessions import SessionStore
from services import rows

pytestmark = pytest.mark.django_db


def stored() -> str:
    session = SessionStore()
    session["said"] = "Zoë “漢”"
    session.save()
    return str(session.session_key)


def test_a_session_comes_back_as_it_was(django_assert_num_queries):
    key = stored()

    with django_assert_num_queries(1):
        found = SessionStore(key)["said"]

    assert found == db.SessionStore(key)["said"] == "Zoë “漢”"


@pytest.mark.parametrize("lasts", [timedelta(), timedelta(seconds=-1)])
def test_a_session_that_is_over_is_forgotten_with_its_key(lasts):
    key = stored()
    Session.objects.update(expire_date=timezone.now() + lasts)

    session = SessionStore(key)

    assert "said" not in session
    assert session.session_key is None


@pytest.mark.parametrize("key", ["x" * 32, "' OR 1=1 --", "é%s漢"])
def test_a_key_that_nobody_was_given_is_not_kept(key):
    stored()

    session = SessionStore(key)

    assert dict(session.items()) == {}
    assert session.session_key is None


def test_a_session_is_written_in_one_statement(django_assert_num_queries):
    key = stored()
    session = SessionStore(key)
    session["said"] = "Łucja"

    with django_assert_num_queries(1):
        session.save()

    found = db.SessionStore(key)
    assert found["said"] == "Łucja"
    assert found.get_expiry_date() > timezone.now() + timedelta(hours=7)


def test_a_session_is_written_along_with_rows():
    key = stored()
    session = SessionStore(key)
    session["said"] = "Łucja"

    with rows.together({}, []):
        rows.execute("DELETE FROM booking_patient", [])
        session.save_along()

    assert not session.modified
    assert db.SessionStore(key)["said"] == "Łucja"


def test_a_session_that_was_gone_then_is_still_to_be_saved():
    session = SessionStore(stored())
    session["said"] = "Łucja"
    Session.objects.all().delete()

    with rows.together({}, []):
        rows.execute("DELETE FROM booking_patient", [])
        session.save_along()

    assert session.modified
    assert not Session.objects.exists()


def test_a_session_that_is_gone_is_not_written_again():
    session = SessionStore(stored())
    session["said"] = "Łucja"
    Session.objects.all().delete()

    with pytest.raises(UpdateError):
        session.save()

    assert not Session.objects.exists()
