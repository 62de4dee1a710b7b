"""How staff sign in: with a password, then with a code from the phone."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import login as auth_login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, RedirectURLMixin, redirect_to_login
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from services.numbers import whole_number

from . import clock, confirming, idle, second_factor, trail
from .confirming import minutes, too_many
from .encryption import Unreadable, decrypt, encrypt
from .models import SecondFactor
from .tries import Tries, remember_browser

REQUIRED = "required"
# In the session: the second factor that it was signed in with.
FACTOR = "second_factor"
# In the session: who has given the password and not yet the code, and since when.
HALF = "half_signed_in"
HALF_LASTS = timedelta(minutes=10)
# In the session, encrypted: what to set up, and what to write down.
PENDING, SHOWN = "second_factor_pending", "recovery_codes"
# What somebody gets who has to set up the second factor first.
BEFORE_IT = {"second_factor_setup", "logout", "stay"}

View = Callable[..., HttpResponseBase]


def factor_of(request: HttpRequest) -> int | None:
    """Return the key of the second factor of who is signed in; asked for once."""
    if not hasattr(request, "second_factor"):
        found = SecondFactor.objects.filter(user=request.user.pk)
        pk = found.values_list("pk", flat=True).first()
        request.second_factor = pk  # type: ignore[attr-defined]
    return request.second_factor  # type: ignore[attr-defined,no-any-return]


def is_whole(request: HttpRequest) -> bool:
    """Tell whether the session was signed in with the second factor that there is.

    One that was reset or replaced ends all sessions that were signed in with it, and
    one that was set up those without.
    """
    return request.session.get(FACTOR) == factor_of(request)


def has_to_set_up(request: HttpRequest) -> bool:
    return settings.STAFF_SECOND_FACTOR == REQUIRED and factor_of(request) is None


def after_setting_up(view: View) -> View:
    """Lead to the setup whoever needs a second factor and has none."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        match = request.resolver_match
        name = match.url_name if match else ""
        if name not in BEFORE_IT and has_to_set_up(request):
            return HttpResponseRedirect(reverse("admin:second_factor_setup"))
        return view(request, *args, **kwargs)

    return inner


def begin_session(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Note in the new session when it was signed in; Django calls this."""
    now = clock.now()
    confirming.note(request, now)
    idle.note(request, now)


# --- The password, then the code ------------------------------------------------------


class LeadsOn(RedirectURLMixin):
    """Lead to the page that somebody wanted to see, else to the desk."""

    def get_success_url(self) -> str:
        there = super().get_success_url()
        return there if there.startswith("/") else self.get_default_redirect_url()

    def get_default_redirect_url(self) -> str:
        return reverse("admin:index")


def leave_focus_to_errors(form: forms.BaseForm) -> None:
    """Let what is wrong have the focus, where the form of a page would open."""
    if form.is_bound:
        for field in form.fields.values():
            field.widget.attrs.pop("autofocus", None)


class PasswordForm(AdminAuthenticationForm):
    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "invalid_login": gettext_lazy(
            "That username and password do not fit together, or the account may not"
            " sign in. Capitals count. A manager can set a new password."
        ),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].error_messages["required"] = _("Type your username.")
        self.fields["password"].error_messages["required"] = _("Type your password.")
        leave_focus_to_errors(self)


class PasswordPage(LeadsOn, LoginView):
    """The first page. With a second factor it leads to the next, as nobody yet."""

    template_name = "admin/login.html"
    authentication_form = PasswordForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.now = clock.now()
        name = request.POST.get("username", "")
        self.tries = Tries(request, name, "password")
        if wait := self.tries.begin(self.now):
            form = self.authentication_form(request, initial={"username": name})
            context = self.get_context_data(form=form, minutes=minutes(wait))
            return too_many(self.render_to_response(context), wait)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponseRedirect:
        self.tries.take_back(self.now)
        user = form.get_user()
        if SecondFactor.objects.filter(user=user).exists():
            return self.go_on(user)
        auth_login(self.request, user)
        return signed_in(self.request, user, self.get_success_url())

    def go_on(self, user: User) -> HttpResponseRedirect:
        session = self.request.session
        session.cycle_key()
        session[HALF] = [user.pk, user.backend, int(self.now.timestamp())]
        there = urlencode({"next": self.get_success_url()})
        return HttpResponseRedirect(f"{reverse('admin:login_code')}?{there}")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"phone": settings.CLINIC_PHONE}


class CodeForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("Code from your phone"),
        help_text=gettext_lazy(
            "Six digits. Without your phone, type one of your recovery codes."
        ),
        max_length=64,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autofocus": True}
        ),
        error_messages={"required": gettext_lazy("Type the code.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        leave_focus_to_errors(self)


@method_decorator(
    [sensitive_post_parameters(), csrf_protect, never_cache], name="dispatch"
)
class CodePage(LeadsOn, FormView):  # type: ignore[type-arg]  # not when it runs
    """The second page, for who has given the password of an account a moment ago."""

    form_class = CodeForm
    template_name = "admin/sign_in/code.html"

    def dispatch(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        self.now = clock.now()
        half = half_signed_in(request, self.now)
        if half is None:
            there = self.get_success_url()
            if admin.site.has_permission(request):  # the code was sent twice
                return HttpResponseRedirect(there)
            return redirect_to_login(there, reverse("admin:login"))
        self.user, self.backend = half
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.tries = Tries(request, self.user.get_username(), "code")
        if wait := self.tries.begin(self.now):
            context = self.get_context_data(form=CodeForm(), minutes=minutes(wait))
            return too_many(self.render_to_response(context), wait)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: CodeForm) -> HttpResponse:
        took = second_factor.accept(self.user, form.cleaned_data["code"], now=self.now)
        if not took:
            failed = trail.Action.SIGN_IN_FAILED
            trail.record(self.request, self.user, failed, data={"step": "code"})
            form.add_error("code", _("That code is not right, or was used before."))
            return self.form_invalid(form)
        self.tries.take_back(self.now)
        auth_login(self.request, self.user, backend=self.backend)
        self.request.session.pop(HALF, None)
        self.request.session[FACTOR] = SecondFactor.objects.get(user=self.user).pk
        if took == "paper":
            tell_what_is_left(self.request, self.user)
        return signed_in(self.request, self.user, self.get_success_url())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **admin.site.each_context(self.request),
            "title": _("Sign in: the code"),
            "phone": settings.CLINIC_PHONE,
            "next": self.get_success_url(),
            **super().get_context_data(**kwargs),
        }


def half_signed_in(request: HttpRequest, now: datetime) -> tuple[User, str] | None:
    """Return who gave the password within the last ten minutes, and by what backend."""
    pk, backend, at = request.session.get(HALF, (None, "", 0))
    if now.timestamp() - at > HALF_LASTS.total_seconds():
        return None
    user = User.objects.filter(pk=pk, is_active=True, is_staff=True).first()
    return (user, backend) if user else None


def signed_in(request: HttpRequest, user: User, there: str) -> HttpResponseRedirect:
    response = HttpResponseRedirect(there)
    remember_browser(request, response, user.get_username())
    return response


def tell_what_is_left(request: HttpRequest, user: User) -> None:
    """Say how many recovery codes are left, and write down that one was used."""
    log(user, "Signed in with a recovery code.")
    left = SecondFactor.objects.get(user=user).recovery_codes.filter(used_at=None)
    count = left.count()
    words = ngettext(
        "You used a recovery code. %(count)d is left.",
        "You used a recovery code. %(count)d are left.",
        count,
    )
    messages.warning(request, words % {"count": count})


def log(user: User, what: str) -> None:
    """Write down what people did to their own sign-in, where managers read it."""
    LogEntry.objects.log_actions(
        user.pk, User.objects.filter(pk=user.pk), CHANGE, what, single_object=True
    )


# --- Setting up the second factor -----------------------------------------------------


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """Return the addresses of sign-in beyond Django's."""
    return [
        path("login/code/", CodePage.as_view(), name="login_code"),
        path("second-factor/", site.admin_view(overview), name="second_factor"),
        path(
            "second-factor/setup/", site.admin_view(setup), name="second_factor_setup"
        ),
        path("second-factor/codes/", site.admin_view(codes), name="recovery_codes"),
    ]


def page(request: HttpRequest, name: str, title: str, **more: Any) -> TemplateResponse:
    context = {**admin.site.each_context(request), "title": title, **more}
    return TemplateResponse(request, f"admin/sign_in/{name}.html", context)


def overview(request: HttpRequest) -> HttpResponse:
    """Show since when there is a second factor; its button makes new recovery codes."""
    assert isinstance(request.user, User)  # noqa: S101 -- admin_view saw to it
    factor = SecondFactor.objects.filter(user=request.user).first()
    if factor is None:
        return HttpResponseRedirect(reverse("admin:second_factor_setup"))
    if request.method == "POST":
        if question := confirming.ask_first(request):
            return question
        made = second_factor.renew_codes(
            request.user, whole_number(request.POST.get("newest", ""))
        )
        if made:
            request.session[SHOWN] = encrypt(json.dumps(made))
            log(request.user, "Made new recovery codes.")
        return HttpResponseRedirect(reverse("admin:recovery_codes"))
    return page(
        request,
        "overview",
        _("Two-step sign-in"),
        factor=factor,
        left=factor.recovery_codes.filter(used_at=None).count(),
        newest=second_factor.newest_code(factor),
        now=clock.now(),
    )


def setup(request: HttpRequest) -> HttpResponse:
    """Show a secret for the phone, and ask for a code as a proof that it has it."""
    assert isinstance(request.user, User)  # noqa: S101 -- admin_view saw to it
    if factor_of(request) is not None:
        if "code" in request.POST and PENDING not in request.session:  # sent twice
            return HttpResponseRedirect(reverse("admin:recovery_codes"))
        if question := confirming.ask_first(request):
            return question
    secret = unpacked(request, PENDING) or second_factor.new_secret()
    form = CodeForm(request.POST if request.method == "POST" else None)
    form.fields["code"].help_text = gettext_lazy("The six digits.")
    if form.is_valid():
        made = second_factor.enrol(
            request.user, secret, form.cleaned_data["code"], now=clock.now()
        )
        if made is not None:
            return set_up(request, request.user, made)
        form.add_error("code", _("That code does not fit. Type the newest one."))
    if PENDING not in request.session:
        request.session[PENDING] = encrypt(json.dumps(secret))
    account = request.user.get_username()
    link = second_factor.link(secret, account, str(admin.site.site_header))
    return page(
        request,
        "setup",
        _("Set up two-step sign-in"),
        form=form,
        secret=second_factor.in_fours(secret),
        link=link,
        qr=second_factor.qr_code(link),
        is_new=factor_of(request) is None,
        is_required=has_to_set_up(request),
    )


def set_up(request: HttpRequest, user: User, made: list[str]) -> HttpResponse:
    """Sign this session in with the new second factor, and show the recovery codes."""
    if made:
        log(user, "Set up two-step sign-in.")
        request.session[FACTOR] = SecondFactor.objects.get(user=user).pk
        request.session[SHOWN] = encrypt(json.dumps(made))
        request.session.pop(PENDING, None)
    return HttpResponseRedirect(reverse("admin:recovery_codes"))


def codes(request: HttpRequest) -> HttpResponse:
    """Show new recovery codes until somebody says that they are written down."""
    made = unpacked(request, SHOWN)
    if request.method == "POST" and made:
        del request.session[SHOWN]
        messages.success(request, _("Your recovery codes are not shown again."))
        return HttpResponseRedirect(reverse("admin:index"))
    if not made:
        return HttpResponseRedirect(reverse("admin:second_factor"))
    shown = [second_factor.in_fours(code) for code in made]
    return page(request, "codes", _("Your recovery codes"), codes=shown)


def unpacked(request: HttpRequest, name: str) -> Any:
    """Return what the session keeps encrypted, or None."""
    try:
        return json.loads(decrypt(request.session.get(name, "")))
    except Unreadable:
        return None
