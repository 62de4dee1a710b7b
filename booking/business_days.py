"""The days on which the office works, for the clocks that the law starts.

Monday to Friday, without the federal holidays and without the days on which the whole
clinic is closed. Holidays of the State of New York are business days here: offices work
on most of them, and a clock that runs on them is never late.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

DAY = timedelta(days=1)


@lru_cache(maxsize=1)
def _holidays() -> holidays.HolidayBase:
    return holidays.country_holidays("US")


def is_business_day(day: date, closed: Collection[date] = ()) -> bool:
    return day.weekday() < 5 and day not in _holidays() and day not in closed


def usual_end(
    hours: int, now: datetime, closed: Collection[date], zone: ZoneInfo
) -> int:
    """Return after how many hours an offer ends that is usually open for so many.

    It ends on a business day, at the same hour: who wants to phone about it then can.
    """
    while not is_business_day(
        (now + timedelta(hours=hours)).astimezone(zone).date(), closed
    ):
        hours += 24
    return hours


def between(first: date, last: date, closed: Collection[date] = ()) -> int:
    """Count the business days after `first`, up to and including `last`."""
    days = (first + n * DAY for n in range(1, (last - first).days + 1))
    return sum(is_business_day(day, closed) for day in days)


def after(day: date, count: int, closed: Collection[date] = ()) -> date:
    """Return the business day that comes so many of them after `day`."""
    while count:
        day += DAY
        count -= is_business_day(day, closed)
    return day
