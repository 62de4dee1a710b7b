"""The admin site, which opens on what needs an answer.

Outside the package `booking.admin`: importing that registers its models with this very
site, and the site would be made twice.
"""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from . import chores, clock, delivery
from .models import Message
from .queue import Desk
from .saving import SavedOnce


def may_answer(request: HttpRequest) -> bool:
    """Tell whether the signed-in person answers requests and phones patients."""
    return request.user.has_perm("booking.answer_appointment")


class FrontDeskSite(admin.AdminSite):
    site_header = gettext_lazy("43rd St. front desk")
    site_title = gettext_lazy("front desk")
    index_title = gettext_lazy("Front desk")
    empty_value_display = "–"
    # What is needed every day is in the bar, the rest at the foot of the desk.
    enable_nav_sidebar = False

    def register(
        self,
        model_or_iterable: Any,
        admin_class: "type[admin.ModelAdmin[Any]] | None" = None,
        **options: Any,
    ) -> None:
        """Register as Django does, with forms that are saved once if sent twice."""
        bases = (admin_class, SavedOnce) if admin_class else (SavedOnce,)
        kept = {"__module__": bases[0].__module__, "__doc__": bases[0].__doc__}
        admin_class = type(bases[0].__name__, bases, kept)
        super().register(model_or_iterable, admin_class, **options)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        from .admin import calendar  # noqa: PLC0415 -- there when the site is

        called = self.admin_view(require_POST(self.called))
        diary, sheet = map(
            self.admin_view, (calendar.calendar_view, calendar.sheet_view)
        )
        return [
            path("calls/<int:pk>/", called, name="called"),
            path("booking/calendar/", diary, name="calendar"),
            path("booking/calendar/sheet/", sheet, name="calendar_sheet"),
            *super().get_urls(),
        ]

    def password_change(  # type: ignore[override]  # it leads on, as Django's does
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Change one's own password; sent again, say that it is changed.

        Django would say that the old password is wrong, as by then it is.
        """
        wanted = request.POST.get("new_password1", "")
        if wanted and request.user.check_password(wanted):
            return HttpResponseRedirect(reverse("admin:password_change_done"))
        return super().password_change(request, extra_context)

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show the queue to those who may see visits, and to all what they manage."""
        context = dict(extra_context or {})
        if request.user.has_perm("booking.view_appointment"):
            now = clock.now()
            context |= {
                "title": date_format(localtime(now), "l, F j"),
                "desk": Desk(now),
                "now": now,
                "may_answer": may_answer(request),
                "messages_now": delivery.staff_status(now),
                "chores_now": chores.standing(now),
            }
        return super().index(request, context)

    def called(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Note that somebody told a patient by phone what a message had to say.

        Whoever presses the button twice is thanked twice.
        """
        if not may_answer(request):
            raise PermissionDenied
        message = get_object_or_404(
            Message.objects.select_related("appointment", "called_by"), pk=pk
        )
        still = Message.objects.phone_these_people().filter(pk=pk)
        done = still.update(called_at=clock.now(), called_by=request.user)
        words = _("Thank you. %(reference)s: noted that you called.")
        if not done and message.called_by != request.user:
            words = _("%(reference)s: this call is no longer needed.")
        params = {"reference": message.appointment.reference}
        messages.success(request, words % params)
        return HttpResponseRedirect(reverse("admin:index"))
