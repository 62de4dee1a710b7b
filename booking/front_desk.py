"""The admin site, which opens on what needs an answer.

Outside the package `booking.admin`: importing that registers its models with this very
site, and the site would be made twice.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, cast

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import SimpleLazyObject
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from services.numbers import whole_number

from . import changes, chores, clock, delivery, tasks, trail
from .changes import Changes, note_seen
from .idle import ended_when_idle, stay
from .models import Appointment, Claim, Message, Resource
from .queue import COUNTED, FEW, SHOWN, Desk, OwnDay, Section
from .saving import SavedOnce
from .signing_in import (
    PasswordPage,
    after_setting_up,
    is_whole,
    leave_focus_to_errors,
)
from .signing_in import urls as sign_in_urls


def may_answer(request: HttpRequest) -> bool:
    """Tell whether the signed-in person answers requests and phones patients."""
    return request.user.has_perm("booking.answer_appointment")


def signed_in(request: HttpRequest) -> User:
    """Return whose session it is; `admin_view` saw to it that there is somebody."""
    assert isinstance(request.user, User)  # noqa: S101 -- see above
    return request.user


def say_whose(request: HttpRequest, visit: Appointment, task: Claim.Task) -> None:
    """Tell who just did a task of the visit if a colleague had taken it on."""
    claim = tasks.owners([visit]).get((visit.pk, task))
    if claim is None or claim.user == request.user:
        return
    words = _("%(reference)s: %(who)s had taken this on, %(when)s. Let them know.")
    params = {
        "reference": visit.reference,
        "who": claim.owner,
        "when": date_format(localtime(claim.since), "l, g:i A"),
    }
    messages.info(request, words % params)


def day_in(text: str, otherwise: date) -> date:
    """Return the day that an address names, within a year, else the other one."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return otherwise
    return day if abs(day - otherwise) <= timedelta(days=366) else otherwise


def _whole_or_desk(request: HttpRequest, anchor: str = "") -> str:
    """Return the page of the section that a form was sent from, else the desk."""
    section, desk = request.POST.get("all", ""), reverse("admin:index")
    return f"{desk}?all={section}" if section in Section else f"{desk}{anchor}"


# Pages of their own, by address, view and name; modules of `booking.admin` add theirs.
PAGES: list[tuple[str, Callable[..., HttpResponseBase], str]] = []


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
        called = self.admin_view(require_POST(self.called))
        return [
            *sign_in_urls(self),
            path("calls/<int:pk>/", called, name="called"),
            path("stay/", self.admin_view(require_POST(stay)), name="stay"),
            path("seen/", self.admin_view(require_POST(self.seen)), name="seen"),
            path("my-day/", self.admin_view(require_safe(self.my_day)), name="my_day"),
            *(
                path(route, self.admin_view(view), name=name)
                for route, view, name in PAGES
            ),
            *super().get_urls(),
        ]

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and is_whole(request)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        whole = super().admin_view(after_setting_up(view), cacheable)
        return trail.kept(ended_when_idle(whole))

    def get_app_list(
        self, request: HttpRequest, app_label: str | None = None
    ) -> list[Any]:
        """Look for what somebody manages only where it is shown, not on each page."""
        look = partial(super().get_app_list, request, app_label)
        return cast("list[Any]", SimpleLazyObject(look))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        seconds = settings.STAFF_IDLE_MINUTES * 60
        return super().each_context(request) | {"idle_seconds": seconds}

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the password; Django's own page would ask for no code after it."""
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        context = {
            **self.each_context(request),
            "title": _("Sign in"),
            "username": request.user.get_username(),
            **(extra_context or {}),
        }
        request.current_app = self.name
        return PasswordPage.as_view(extra_context=context)(request)  # type: ignore[return-value]

    def password_change(  # type: ignore[override]  # it leads on, as Django's does
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Change one's own password; sent again, say that it is changed.

        Django would say that the old password is wrong, as by then it is.
        """
        wanted = request.POST.get("new_password1", "")
        if wanted and request.user.check_password(wanted):
            return HttpResponseRedirect(reverse("admin:password_change_done"))
        response = super().password_change(request, extra_context)
        if response.status_code == HTTPStatus.FOUND:
            trail.changed(request)
        elif isinstance(response, TemplateResponse):
            leave_focus_to_errors((response.context_data or {})["form"])
        return response

    def index(  # type: ignore[override]  # it may lead elsewhere
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the queue to those who may see visits, and to all what they manage.

        Clinicians are led to their own day, and auditors to the trail.
        """
        context = dict(extra_context or {})
        sees_all = request.user.has_perm("booking.view_appointment")
        if not sees_all and request.user.has_perm("booking.see_own_day"):
            return HttpResponseRedirect(reverse("admin:my_day"))
        if not sees_all and request.user.has_perm("booking.view_trail"):
            return HttpResponseRedirect(reverse("admin:trail"))
        if sees_all:
            now = clock.now()
            asked = request.GET.get("all", "")
            if asked in Section:
                return self.whole(request, Section(asked), now)
            desk = Desk(now)
            to_do = tasks.of_desk(desk)
            owners = tasks.owners_of(visit for visit, _kind in to_do)
            context |= {
                "title": date_format(localtime(now), "l, F j"),
                "desk": desk,
                "owners": owners,
                "share": tasks.share(to_do, owners, signed_in(request)),
                "changes": Changes(signed_in(request), now, at_most=FEW),
                "counted": COUNTED,
                "back": request.path,
                "now": now,
                "may_answer": may_answer(request),
                "messages_now": delivery.staff_status(now),
                "chores_now": chores.standing(now),
            }
        return super().index(request, context)

    def whole(
        self, request: HttpRequest, section: Section, now: datetime
    ) -> HttpResponse:
        """Show all of one section of the desk, to be worked at, page by page."""
        page = whole_number(request.GET.get("page", "")) or 1
        desk = Desk(now, whole=section, page=min(page, COUNTED // SHOWN))
        context = {
            **self.each_context(request),
            "title": section.label,
            "section": section.value,
            "desk": desk,
            "owners": tasks.owners(desk.has_owners),
            "changes": Changes(signed_in(request), now),
            "back": request.get_full_path(),
            "now": now,
            "may_answer": may_answer(request),
        }
        return TemplateResponse(request, "admin/front_desk/whole.html", context)

    def my_day(self, request: HttpRequest) -> HttpResponse:
        """Show a clinician their own visits of a day; without `day`, of today."""
        if not request.user.has_perm("booking.see_own_day"):
            raise PermissionDenied
        now = clock.now()
        day = day_in(request.GET.get("day", ""), timezone.localdate(now))
        resource = Resource.objects.filter(user=request.user.pk).first()
        return TemplateResponse(
            request,
            "admin/front_desk/my_day.html",
            {
                **self.each_context(request),
                "title": date_format(day, "l, F j"),
                "own": OwnDay(resource, day, now) if resource else None,
                "today": timezone.localdate(now),
                "now": now,
            },
        )

    def seen(self, request: HttpRequest) -> HttpResponse:
        """Note that somebody has seen what others changed; twice is once."""
        if not request.user.has_perm("booking.view_appointment"):
            raise PermissionDenied
        sent = request.POST.get("events", "").split(",")[: changes.SHOWN]
        keys = [key for text in sent if (key := whole_number(text)) is not None]
        note_seen(signed_in(request), keys)
        messages.success(request, _("Noted what you have seen."))
        return HttpResponseRedirect(_whole_or_desk(request, "#changed"))

    def called(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Note that somebody told a patient by phone what a message had to say.

        Whoever presses the button twice is thanked twice.
        """
        if not may_answer(request):
            raise PermissionDenied
        message = get_object_or_404(
            Message.objects.select_related("appointment", "called_by"), pk=pk
        )
        # First, as it refuses a form that cannot be read.
        plan = whole_number(request.POST.get("plan", ""))
        still = Message.objects.phone_these_people().filter(pk=pk)
        done = still.update(called_at=clock.now(), called_by=request.user)
        if done:
            trail.changed(request, message.appointment.patient_id)
        else:
            message.refresh_from_db()
        by, at = message.called_by, message.called_at
        params = {"reference": message.appointment.reference}
        if done:
            say_whose(request, message.appointment, Claim.Task.CALL)
            tasks.end_call(message.appointment, clock.now())
        if done or by == request.user:
            words = _("Thank you. %(reference)s: noted that you called.")
        elif by and at:
            words = _("%(reference)s: %(who)s called already, at %(when)s.")
            params |= {
                "who": by.get_full_name() or str(by),
                "when": date_format(localtime(at), "l, g:i A"),
            }
        else:
            words = _("%(reference)s: this call is no longer needed.")
        messages.success(request, words % params)
        if "visit" in request.POST:
            where = [message.appointment_id]
            there = reverse("admin:booking_appointment_change", args=where)
            return HttpResponseRedirect(there)
        if plan is None:
            return HttpResponseRedirect(_whole_or_desk(request))
        # From the call list of a closed day.
        return HttpResponseRedirect(reverse("admin:closing_plan", args=[plan]))
