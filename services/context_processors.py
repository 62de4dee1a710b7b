from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from . import hours
from .models import Clinic, Page


def clinic(request: HttpRequest) -> dict[str, object]:
    """Give every template the clinic and what stands in each header and footer.

    All of it is fetched when a template first uses it, so that other pages pay nothing.
    """

    def the_clinic() -> Clinic | None:
        return Clinic.objects.prefetch_related("opening_hours").first()

    one = SimpleLazyObject(the_clinic)

    def opening_hours_summary() -> str:
        if not one:
            return ""
        return hours.unbroken(hours.summary(one.opening_hours.all()))

    return {
        "clinic": one,
        "opening_hours_summary": SimpleLazyObject(opening_hours_summary),
        "footer_pages": Page.objects.published(),
    }
