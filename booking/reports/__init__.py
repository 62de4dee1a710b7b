"""How it is going, in numbers: each report with its picture, its table and its words.

Reads, and no more. Each asks the database once or twice, however many visits there are;
what cannot be counted there is gone through once, as plain values. Days and weeks are
the clinic's; a week begins on Monday.
"""

from datetime import datetime

from .answers import answers
from .counting import called_off_for_closing
from .origins import origins
from .outcomes import outcomes
from .parts import ENOUGH, Range, Report, Table
from .use import use
from .waiting import waiting_list
from .weeks import weeks

__all__ = [
    "ENOUGH",
    "Range",
    "Report",
    "Table",
    "all_reports",
    "called_off_for_closing",
]


def all_reports(days: Range, now: datetime) -> list[Report]:
    """Return every report on some days. A constant number of queries."""
    return [
        answers(days, now),
        weeks(days),
        use(days),
        outcomes(days, now),
        origins(days),
        waiting_list(days),
    ]
