"""Keeping what patients tell us out of logs and error reports."""

import logging
import re
import time
from collections.abc import ItemsView
from copy import copy
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

# The part of an address that opens somebody's appointment.
LINK = re.compile(r"(/appointments/)[^/\s\"'?#]+")


def without_links(text: str) -> str:
    """Return the text with the private part of each patient's link left out."""
    return LINK.sub(r"\1-", text)


class DiscreetFormatter(logging.Formatter):
    """Format a record without patients' links and rows of the database.

    PostgreSQL adds the refused row to its errors, in lines that start with DETAIL.
    A request that was refused is a line; a traceback tells of a fault of ours.
    Times are UTC, whatever the clinic's zone.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        if getattr(record, "status_code", 500) < 500:
            record = copy(record)
            record.exc_info = record.exc_text = None
        lines = super().format(record).splitlines()
        kept = [line for line in lines if not line.lstrip().startswith("DETAIL:")]
        return without_links("\n".join(kept))


def without_tracebacks_of_refusals(record: logging.LogRecord) -> bool:
    """Keep the line of what was refused, such as a 403, without the way there."""
    if getattr(record, "status_code", 500) < 500:
        record.exc_info = None
    return True


class DiscreetReporterFilter(SafeExceptionReporterFilter):
    """Report an error without form, cookies and, outside DEBUG, any value at all."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        if request is None:
            return {}
        return dict.fromkeys(request.POST, self.cleansed_substitute)

    def get_safe_cookies(self, request: HttpRequest | None) -> dict[str, Any]:
        return dict.fromkeys(getattr(request, "COOKIES", {}), self.cleansed_substitute)

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: Any
    ) -> ItemsView[str, Any]:
        if settings.DEBUG:
            return super().get_traceback_frame_variables(request, tb_frame)
        return dict.fromkeys(tb_frame.f_locals, self.cleansed_substitute).items()
