"""Telling a database that is away from a fault of ours, and answering for it."""

import logging
import sqlite3

from django.conf import settings
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpResponse
from django.template.loader import get_template

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 30
# Source: PostgreSQL's documentation, appendix A, "numeric_value_out_of_range".
NUMBER_OUT_OF_RANGE = "22003"


def is_outage(error: BaseException | None) -> bool:
    """Say whether trying the same thing again later could work.

    Lost connections, time-outs, locks and full disks are; a missing table is not,
    though SQLite reports one by the same class of error.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    return bool(code != sqlite3.SQLITE_ERROR)


def is_unstorable(error: BaseException | None) -> bool:
    """Say whether the database refused a value as such, whatever it was for.

    PostgreSQL takes no text with a NUL character; neither takes a number that is too
    large, and Django asks for rows by whatever number a form of the admin sent.
    """
    code = getattr(getattr(error, "__cause__", None), "pgcode", None)
    return (
        (isinstance(error, ValueError) and "NUL (0x00)" in str(error))
        or (isinstance(error, OverflowError) and "SQLite INTEGER" in str(error))
        or (isinstance(error, DataError) and code == NUMBER_OUT_OF_RANGE)
    )


def unavailable(error: BaseException) -> HttpResponse:
    """Answer 503 with the telephone number, asking the database for nothing."""
    cause = error.__cause__ or error
    code = getattr(cause, "pgcode", None) or getattr(cause, "sqlite_errorname", None)
    logger.error("database away: %s %s", type(error).__name__, code or "")
    return page("503.html", 503, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def page(
    template: str, status: int, headers: dict[str, str] | None = None
) -> HttpResponse:
    """Render a page by itself: context processors might need what is broken."""
    content = get_template(template).render({"phone": settings.CLINIC_PHONE})
    response = HttpResponse(content, status=status, headers=headers)
    response.headers["Cache-Control"] = "no-store"
    return response


def answer_for(error: BaseException | None) -> HttpResponse | None:
    """Return the page for an error that is nobody's mistake here, or None."""
    if error is not None and is_outage(error):
        return unavailable(error)
    if is_unstorable(error):
        return page("400.html", 400)
    return None
