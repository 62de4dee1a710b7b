"""The page that says whether the clinic is ready for patients."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from booking import clock, fitness
from booking.front_desk import PAGES


@require_safe
def clinic_check(request: HttpRequest) -> HttpResponse:
    """Show managers what is missing, untested or stale. Writes nothing."""
    if not request.user.has_perm("booking.view_reports"):
        raise PermissionDenied
    context = {
        **admin.site.each_context(request),
        "title": _("Ready for patients?"),
        "gaps": fitness.gaps(clock.now()),
    }
    return TemplateResponse(request, "admin/front_desk/clinic_check.html", context)


PAGES += [("booking/clinic-check/", clinic_check, "clinic_check")]
