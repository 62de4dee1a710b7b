"""Signing out whoever has left the desk.

A session of the staff ends some time after the last request that somebody really made.
A page that refreshes itself says so, with `X-Refresh: 1`, and keeps nobody signed in.
"""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from . import clock

# In the session: when somebody was last here, Unix seconds, and how exactly that is
# kept: each change is a write to the database.
SEEN_AT = "seen_at"
WITHIN_SECONDS = 15

View = Callable[..., HttpResponseBase]


def note(request: HttpRequest, now: datetime) -> None:
    """Remember that somebody is here."""
    if now.timestamp() - request.session.get(SEEN_AT, 0) >= WITHIN_SECONDS:
        request.session[SEEN_AT] = int(now.timestamp())


def is_over(request: HttpRequest, now: datetime) -> bool:
    """Tell whether nobody has been here for too long; never sooner than promised."""
    seen_at = request.session.get(SEEN_AT, now.timestamp())
    allowed = settings.STAFF_IDLE_MINUTES * 60 + WITHIN_SECONDS
    return bool(now.timestamp() - seen_at > allowed)


def ended_when_idle(view: View) -> View:
    """Lead to sign-in who comes back too late, and from there back to their page."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        now = clock.now()
        if request.user.is_authenticated and is_over(request, now):
            logout(request)
            messages.info(request, _("You were signed out because nobody was here."))
            return redirect_to_login(page_of(request), reverse("admin:login"))
        if request.user.is_authenticated and request.headers.get("X-Refresh") != "1":
            note(request, now)
        return view(request, *args, **kwargs)

    return inner


def stay(request: HttpRequest) -> HttpResponse:
    """Do nothing: that somebody asked for it keeps them signed in.

    A script is told so by a status of its own: sign-in is a redirect, too.
    """
    if request.headers.get("X-Stay") == "1":
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    return HttpResponseRedirect(page_of(request))


def page_of(request: HttpRequest) -> str:
    """Return the address of the page that somebody looks at, which a form came from."""
    if request.method != "POST":
        return request.get_full_path()
    came_from = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(came_from, {request.get_host()}):
        parts = urlsplit(came_from)
        if parts.path.startswith(reverse("admin:index")):
            return f"{parts.path}?{parts.query}" if parts.query else parts.path
    return reverse("admin:index")
