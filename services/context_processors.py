from functools import cache

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from . import hours, languages, rows, translation
from .models import Clinic, OpeningHours, Page


def clinic(request: HttpRequest) -> dict[str, object]:
    """Give every template the clinic and what stands in each header and footer.

    All of it is fetched when a template first uses some of it, see `rows.set_up`, so
    that other pages pay nothing; another language than English is one more query.
    """

    @cache
    def found() -> list[rows.Rows]:
        return rows.set_up(Clinic, OpeningHours, Page)

    def the_clinic() -> Clinic | None:
        clinics = rows.instances(Clinic, found()[0])
        translation.say(clinics, note=False)
        return next(iter(clinics), None)

    def opening_hours_summary() -> str:
        return languages.unbroken(hours.summary_of(found()[1]))

    def opening_hours() -> list[OpeningHours]:
        return rows.instances(OpeningHours, found()[1])

    def footer_pages() -> list[Page]:
        pages = rows.instances(Page, found()[2])
        translation.say(pages, note=False)
        return [page for page in pages if page.is_published]

    return {
        "clinic": SimpleLazyObject(the_clinic),
        "opening_hours_summary": SimpleLazyObject(opening_hours_summary),
        "opening_hours": SimpleLazyObject(opening_hours),
        "footer_pages": SimpleLazyObject(footer_pages),
    }
