from functools import cache

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from . import hours, rows
from .models import Clinic, OpeningHours, Page


def clinic(request: HttpRequest) -> dict[str, object]:
    """Give every template the clinic and what stands in each header and footer.

    All of it is fetched, in one query, when a template first uses some of it, so that
    other pages pay nothing.
    """

    @cache
    def found() -> list[rows.Rows]:
        return rows.read(Clinic, OpeningHours, Page)

    def the_clinic() -> Clinic | None:
        return next(iter(rows.instances(Clinic, found()[0])), None)

    def opening_hours_summary() -> str:
        return hours.unbroken(hours.summary_of(found()[1]))

    def footer_pages() -> list[Page]:
        pages = rows.instances(Page, found()[2])
        return [page for page in pages if page.is_published]

    return {
        "clinic": SimpleLazyObject(the_clinic),
        "opening_hours_summary": SimpleLazyObject(opening_hours_summary),
        "footer_pages": SimpleLazyObject(footer_pages),
    }
