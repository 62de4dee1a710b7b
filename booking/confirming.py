"""Asking for the password again before rights are changed or data is taken out.

Somebody else may sit at a desk where a colleague has signed in. So whoever signed in,
or was asked, some time ago is asked once more, where they are: what they had typed
travels along, encrypted, and the form goes on as if nothing had come between.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import clock, second_factor, trail
from .encryption import Unreadable, decrypt, encrypt
from .models import SecondFactor
from .trail import Action
from .tries import Tries

LASTS = timedelta(minutes=10)
# How long what was typed is carried along.
CARRIED = timedelta(hours=1)
# In the session: when this person last showed who they are, Unix seconds.
CONFIRMED_AT = "confirmed_at"
FIELD = "confirm_carried"
# How the trail tells these sign-ins from those that begin a session.
AGAIN = {"step": "again"}


class ConfirmForm(forms.Form):
    confirm_password = forms.CharField(
        label=gettext_lazy("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": gettext_lazy("Type your password.")},
    )
    confirm_code = forms.CharField(
        label=gettext_lazy("Code from your phone"),
        help_text=gettext_lazy("Six digits; or one of your recovery codes."),
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
        error_messages={"required": gettext_lazy("Type the code.")},
    )

    def __init__(self, data: Any, *, user: User, now: datetime) -> None:
        super().__init__(data)
        self.user, self.now = user, now
        if not SecondFactor.objects.filter(user=user).exists():
            del self.fields["confirm_code"]

    def clean(self) -> dict[str, Any]:
        """Look at the code only when the password is right: it is taken once."""
        cleaned = super().clean() or {}
        password = cleaned.get("confirm_password")
        if not password:
            return cleaned
        if not self.user.check_password(password):
            self.add_error("confirm_password", _("That is not your password."))
        elif "confirm_code" in cleaned and not second_factor.accept(
            self.user, cleaned["confirm_code"], now=self.now
        ):
            self.add_error("confirm_code", _("That code is not right, or was used."))
        return cleaned


def note(request: HttpRequest, now: datetime) -> None:
    """Remember that this person has just shown who they are."""
    request.session[CONFIRMED_AT] = int(now.timestamp())


def is_fresh(request: HttpRequest, now: datetime) -> bool:
    """Tell whether they have shown it within the last ten minutes."""
    at = request.session.get(CONFIRMED_AT, 0)
    return bool(now.timestamp() - at <= LASTS.total_seconds())


def ask_first(request: HttpRequest) -> HttpResponse | None:
    """Return the page that asks for the password, or None to go on.

    Call it before anything else of a view, and return what it returns. When it has just
    been answered, `request.POST` is what had been typed before the question.
    """
    now = clock.now()
    answered = request.method == "POST" and FIELD in request.POST
    if not answered and is_fresh(request, now):
        return None
    assert isinstance(request.user, User)  # noqa: S101 -- admin_view saw to it
    if not answered:
        return _page(request, None, _pack(request, now))
    carried = request.POST[FIELD]
    if not is_fresh(request, now):  # or else it was sent twice
        tries = Tries(request, request.user.get_username(), "password")
        if wait := tries.begin(now):
            return too_many(_page(request, None, carried, wait=wait), wait)
        form = ConfirmForm(request.POST, user=request.user, now=now)
        if not form.is_valid():
            trail.record(request, request.user, Action.SIGN_IN_FAILED, data=AGAIN)
            return _page(request, form, carried)
        tries.take_back(now)
        note(request, now)
        trail.record(request, request.user, Action.SIGN_IN, data=AGAIN)
    typed = _unpack(request, carried, now)
    if not typed:
        return HttpResponseRedirect(request.get_full_path())
    request.POST = typed  # type: ignore[assignment]
    return None


def too_many(response: HttpResponse, wait: timedelta) -> HttpResponse:
    """Return the page as the answer to who tried too often."""
    response.status_code = 429
    response.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
    return response


def minutes(wait: timedelta) -> int:
    """Return whole minutes, rounded up."""
    return -(-int(wait.total_seconds()) // 60) or 1


def _page(
    request: HttpRequest,
    form: ConfirmForm | None,
    carried: str,
    wait: timedelta | None = None,
) -> HttpResponse:
    assert isinstance(request.user, User)  # noqa: S101 -- admin_view saw to it
    context = {
        **admin.site.each_context(request),
        "title": _("Confirm that it is you"),
        "form": form or ConfirmForm(None, user=request.user, now=clock.now()),
        "carried": carried,
        "field": FIELD,
        "minutes": minutes(wait) if wait else 0,
    }
    return TemplateResponse(request, "admin/sign_in/confirm.html", context)


def _pack(request: HttpRequest, now: datetime) -> str:
    """Return what was typed, so that only this page of this person takes it back."""
    typed = request.POST.copy()
    typed.pop("csrfmiddlewaretoken", None)
    if not typed:
        return ""
    whole = [request.user.pk, request.path, int(now.timestamp()), typed.urlencode()]
    return encrypt(json.dumps(whole))


def _unpack(request: HttpRequest, carried: str, now: datetime) -> QueryDict | None:
    try:
        user, path, at, typed = json.loads(decrypt(carried))
    except (Unreadable, ValueError):
        return None
    is_ours = (user, path) == (request.user.pk, request.path)
    is_new = 0 <= now.timestamp() - at <= CARRIED.total_seconds()
    return QueryDict(typed) if is_ours and is_new else None
