"""Visits as a file: the columns that there are, and safe ways to write them.

Never among them: answers about health, notes, messages, and what was said to a payer.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import TextIOWrapper
from typing import IO, Any

import xlsxwriter
from django.db.models import Exists, OuterRef
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .models import Appointment, clinic_zone
from .models.appointment import STATUS_CHOICES, WHY_CANCELLED
from .reports import Range, called_off_for_closing

# A spreadsheet takes a text that begins so for a formula, or for the cell beside it.
# Source: OWASP, CSV Injection. The wide ones are read like the others in some places.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# What one file may have, so that it is written within a request.
MOST = 20_000
AT_ONCE = 500
# The longest text of a cell. Source: Excel specifications and limits.
LONGEST_CELL = 32_767

Show = Callable[[Any], str]


def _moment(at: datetime | None) -> str:
    """Return a wall time of the clinic that sorts as text."""
    return localtime(at, clinic_zone()).strftime("%Y-%m-%d %H:%M") if at else ""


def _one_of(choices: Iterable[tuple[str, str | Promise]]) -> Show:
    words = dict(choices)
    return lambda value: str(words.get(value, value))


def _yes(value: bool) -> str:
    return _("yes") if value else _("no")


@dataclass(frozen=True, slots=True)
class Column:
    """Something of a visit: its name, the field it is read from, and how it reads."""

    words: str | Promise
    field: str
    show: Show = str


COLUMNS = {
    "reference": Column(gettext_lazy("Reference"), "reference"),
    "service": Column(gettext_lazy("Service"), "visit_type__service__name"),
    "kind": Column(gettext_lazy("Kind of visit"), "visit_type__name"),
    "status": Column(gettext_lazy("State"), "status", _one_of(STATUS_CHOICES)),
    "ended": Column(
        gettext_lazy("Why cancelled"),
        "cancellation_reason",
        _one_of(WHY_CANCELLED.items()),
    ),
    "closed": Column(gettext_lazy("Clinic closed"), "in_closed_day", _yes),
    "asked": Column(gettext_lazy("Asked for on"), "requested_at", _moment),
    "start": Column(gettext_lazy("Begins"), "start", _moment),
    "end": Column(gettext_lazy("Ends"), "end", _moment),
    "clinician": Column(
        gettext_lazy("Clinician asked for"),
        "wanted_clinician__name",
        lambda value: value or "",
    ),
    "payer": Column(
        gettext_lazy("Paid by"), "payer", _one_of(Appointment.Payer.choices)
    ),
    "referral": Column(gettext_lazy("Says there is a referral"), "has_referral", _yes),
    "given_name": Column(gettext_lazy("First name"), "patient__given_name"),
    "family_name": Column(gettext_lazy("Last name"), "patient__family_name"),
    "birth_date": Column(gettext_lazy("Birth date"), "patient__birth_date_text"),
    "phone": Column(gettext_lazy("Phone"), "patient__phone"),
    "email": Column(gettext_lazy("Email"), "patient__email"),
    "asked_by": Column(gettext_lazy("Asked by"), "requested_by_name"),
    "relation": Column(
        gettext_lazy("Who asked is the patient’s"),
        "requested_by_relation",
        _one_of(Appointment.Relation.choices),
    ),
}
# What says who somebody is, or how to reach them: only for who asks for it.
PERSONAL = (
    "given_name", "family_name", "birth_date", "phone", "email", "asked_by", "relation",
)  # fmt: skip
# The least that a list of visits needs.
USUAL = ("reference", "service", "kind", "status", "ended", "asked", "start", "end")


def visits(days: Range, by: str) -> dict[int, int]:
    """Return the visits to take out, in order: the key of each, and of its patient.

    One more than MOST at most. `by` is "start", for visits that take place on these
    days, or "requested_at".
    """
    found = Appointment.objects.filter(days.within(by)).order_by(by, "pk")
    return dict(found.values_list("pk", "patient")[: MOST + 1])


def rows(pks: Sequence[int], columns: Sequence[str]) -> Iterator[list[str]]:
    """Yield the names of the columns, then a line for each visit, in the order of keys.

    Read some at a time, and only the fields that were chosen.
    """
    chosen = [COLUMNS[code] for code in columns]
    yield [str(column.words) for column in chosen]
    for at in range(0, len(pks), AT_ONCE):
        some = pks[at : at + AT_ONCE]
        told = called_off_for_closing().filter(appointment=OuterRef("pk"))
        found = (
            Appointment.objects.filter(pk__in=some)
            .annotate(in_closed_day=Exists(told))
            .values_list("pk", *(column.field for column in chosen))
        )
        by_pk = {pk: values for pk, *values in found}
        for pk in some:
            if pk in by_pk:
                pairs = zip(chosen, by_pk[pk], strict=True)
                yield [column.show(value) for column, value in pairs]


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def write_csv(file: IO[bytes], lines: Iterable[Sequence[str]]) -> None:
    """Write lines as RFC 4180 has it, with a mark that says UTF-8 to spreadsheets."""
    text = TextIOWrapper(file, "utf-8-sig", newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([harmless(cell) for cell in line] for line in lines)
    text.detach()


def write_xlsx(file: IO[bytes], lines: Iterable[Sequence[str]]) -> None:
    """Write lines as a sheet whose cells are all text, one line in memory at a time."""
    book = xlsxwriter.Workbook(file, {"constant_memory": True})
    sheet = book.add_worksheet(_("Visits"))
    bold = book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    for row, line in enumerate(lines):
        for column, cell in enumerate(line):
            style = None if row else bold
            sheet.write_string(row, column, cell[:LONGEST_CELL], style)
    book.close()


FORMATS: dict[str, tuple[str, Callable[[IO[bytes], Iterable[Sequence[str]]], None]]] = {
    "csv": ("text/csv; charset=utf-8", write_csv),
    "xlsx": (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        write_xlsx,
    ),
}
