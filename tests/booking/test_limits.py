"""Caps count exactly, forget in time, and keep no address."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from django.db import transaction

from booking import limits
from booking.errors import TooMany
from booking.limits import DAY, HOUR, Cap
from booking.models import Hit
from tests.factories import NOW
from tests.servers import Site


def hit(
    kind: str, value: str, *, limit: int, period: timedelta = HOUR, now: datetime = NOW
) -> bool:
    return limits.allows((Cap(kind, limit, period),), value, now=now)


def allowed(times: int, *, value: str = "192.0.2.1", limit: int = 3) -> list[bool]:
    return [hit("test", value, limit=limit) for _ in range(times)]


@pytest.mark.django_db
def test_what_is_over_the_limit_is_refused():
    assert allowed(5) == [True, True, True, False, False]


@pytest.mark.django_db
def test_each_value_and_kind_and_period_counts_for_itself():
    assert allowed(4)[-1] is False
    assert allowed(1, value="192.0.2.2") == [True]
    assert hit("other", "192.0.2.1", limit=1)
    assert hit("test", "192.0.2.1", limit=1, period=DAY)


@pytest.mark.django_db
def test_case_and_blanks_do_not_make_another_value():
    assert allowed(1, value="Pat@Example.com", limit=1) == [True]
    assert allowed(1, value=" pat@example.COM ", limit=1) == [False]


@pytest.mark.django_db
def test_the_next_window_starts_anew():
    assert allowed(4)[-1] is False
    later = NOW + HOUR
    assert hit("test", "192.0.2.1", limit=3, now=later)


@pytest.mark.django_db
def test_several_caps_count_together_and_the_tightest_decides():
    caps = (Cap("c", 2, HOUR), Cap("c", 3, DAY))
    times = [NOW, NOW, NOW, NOW + HOUR, NOW + 2 * HOUR]
    assert [limits.allows(caps, "x", now=t) for t in times] == [
        True, True, False, False, False,
    ]  # fmt: skip


@pytest.mark.django_db
def test_who_is_over_one_limit_uses_up_nobody_elses():
    by_address, by_email = (Cap("address", 2, HOUR),), (Cap("email", 3, DAY),)
    asked = [(by_address, "192.0.2.1"), (by_email, "pat@example.com")]

    within = [is_done(asked) for _ in range(9)]

    assert within == [True] * 2 + [False] * 7
    assert limits.allows(by_email, "pat@example.com", now=NOW)


def is_done(counted: Sequence[limits.Counted]) -> bool:
    """Do what is counted, in a transaction; tell whether it was within the limits."""
    try:
        with transaction.atomic():
            limits.count(counted, now=NOW)
    except TooMany:
        return False
    return True


@pytest.mark.django_db
def test_the_table_holds_no_address():
    hit("request-email", "pat@example.com", limit=1, period=DAY)
    (row,) = Hit.objects.all()
    assert re.fullmatch("[0-9a-f]{64}", row.key)
    assert (row.window, row.count) == (1794787200, 1)  # 2026-11-16T00:00Z


@pytest.mark.django_db
def test_old_counts_are_purged():
    hit("test", "old", limit=1, now=NOW - 3 * DAY)
    hit("test", "new", limit=1)
    limits.purge(NOW)
    assert Hit.objects.count() == 1
    assert not hit("test", "new", limit=1)


@pytest.mark.django_db(transaction=True)
def test_a_count_inside_a_transaction_is_refused():
    with pytest.raises(RuntimeError), transaction.atomic():
        hit("test", "x", limit=1, period=timedelta(minutes=1))


HITS = """
from booking import limits
from tests.factories import NOW
from tests.servers import Site
for _ in range(10):
    said = limits.allows((limits.Cap("test", 7, limits.HOUR),), "192.0.2.1", now=NOW)
    # In one piece, since the others write to the same file.
    print(f"{said} ", end="")
"""


def test_many_at_once_let_exactly_the_limit_through(office: Site):
    shell = ("manage.py", "shell", "--verbosity=0", "-c", HITS)
    for process in [office.start(*shell) for _ in range(4)]:
        process.wait()
    assert sorted(office.log.split()) == ["False"] * 33 + ["True"] * 7
