"""Staff accounts, as managers keep them: nobody grants more than they have."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import (
    AdminPasswordChangeForm,
    ReadOnlyPasswordHashField,
    UserChangeForm,
    UserCreationForm,
)
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from booking import second_factor
from booking.confirming import ask_first
from booking.models import SecondFactor
from booking.signing_in import leave_focus_to_errors
from services.list_filters import OfferedFilters

admin.site.unregister(User)
admin.site.unregister(Group)


# Labels and help of an account, where Django speaks to programmers.
WORDS: dict[str, dict[str, Any]] = {
    "username": {
        "label": _("Name to sign in with"),
        "help_text": _("Letters, digits and @ . + - _ only."),
    },
    "is_active": {
        "label": _("May sign in"),
        "help_text": _(
            "Take the tick off when somebody leaves. The account stays, since visits"
            " name who did what, and whatever they had taken on is nobody’s again."
        ),
    },
    "is_staff": {
        "label": _("Works here"),
        "help_text": _("Without it, nobody gets past the page that asks to sign in."),
    },
    "groups": {
        "label": _("Roles"),
        "help_text": _("What somebody may see and do. More than one can be chosen."),
    },
}


class StaffForm(UserChangeForm):
    password = ReadOnlyPasswordHashField(
        label=_("Password"), help_text=_("Nobody can read it. You can set a new one.")
    )


class NewPasswordForm(AdminPasswordChangeForm):
    """A new password: a colleague without any could not sign in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # It would take the password away, and is not there where there is none.
        self.fields.pop("usable_password", None)
        for field in self.fields.values():
            field.required = True


class ConfirmedFirst(admin.ModelAdmin):
    """Forms that change rights: the password is asked again, if that is long ago."""

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Ask before Django begins a transaction: tries are counted outside of any."""
        if self.has_add_permission(request) and (question := ask_first(request)):
            return question
        return super().add_view(request, form_url, extra_context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        changes = object_id and self.has_change_permission(request)
        if changes and (question := ask_first(request)):
            return question
        return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if self.has_delete_permission(request) and (question := ask_first(request)):
            return question
        return super().delete_view(request, object_id, extra_context)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        acts = request.method == "POST" and self.has_delete_permission(request)
        if acts and (question := ask_first(request)):
            return question
        return super().changelist_view(request, extra_context)


@admin.register(Group)
class RolesAdmin(ConfirmedFirst, OfferedFilters, GroupAdmin):
    """Groups, for superusers to change.

    Django's widget for many rights has labels that screen readers must not use.
    """

    filter_horizontal = ()


def beyond_rights_of(request: HttpRequest) -> QuerySet[Permission]:
    """Return the rights that the signed-in person does not have."""
    own = Q(user=request.user) | Q(group__user=request.user)
    mine = Permission.objects.filter(own).values("pk")
    return Permission.objects.exclude(pk__in=mine)


@admin.register(User)
class StaffAdmin(ConfirmedFirst, OfferedFilters, UserAdmin):
    """Give groups to staff. Single rights and superusers are for the shell.

    An account is never deleted but made inactive: the timeline of visits names it.
    Nobody edits their own rights, sees an account that has more, or gives a group that
    has more: a manager could sign in as such an account after setting its password.
    """

    form = StaffForm
    # Neither lets a colleague be without a password: there is no other way in.
    add_form, change_password_form = UserCreationForm, NewPasswordForm
    add_fieldsets = ((None, {"fields": ["username", "password1", "password2"]}),)
    list_display = ["username", "first_name", "last_name", "is_active", "last_login"]
    list_filter = ["is_active", "groups"]
    # Names of staff stay out of addresses, too.
    search_fields = ()
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ["username", "password", "two_steps"]}),
        (_("Person"), {"fields": ["first_name", "last_name", "email"]}),
        (_("Rights"), {"fields": ["is_active", "is_staff", "groups"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    )
    readonly_fields = ["two_steps", "last_login", "date_joined"]

    def get_urls(self) -> list[URLPattern]:
        reset = self.admin_site.admin_view(self.reset_second_factor)
        return [
            path("<id>/second-factor/", reset, name="auth_user_second_factor"),
            *super().get_urls(),
        ]

    @admin.display(description=_("two-step sign-in"))
    def two_steps(self, user: User) -> str:
        factor = SecondFactor.objects.filter(user=user.pk).first()
        if factor is None:
            return gettext("not set up")
        return format_html(
            '{} <a href="{}">{}</a>',
            gettext("since %(day)s") % {"day": date_format(localtime(factor.since))},
            reverse("admin:auth_user_second_factor", args=[user.pk]),
            gettext("Reset…"),
        )

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        if self.has_change_permission(request) and (question := ask_first(request)):
            return question
        response = super().user_change_password(request, id, form_url)
        if isinstance(response, TemplateResponse):
            leave_focus_to_errors((response.context_data or {})["form"])
        return response

    def reset_second_factor(self, request: HttpRequest, id: str) -> HttpResponse:
        """Ask, then let a colleague who has lost their phone set up a new one."""
        user = self.get_object(request, unquote(id))
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        if not isinstance(user, User) or user == request.user:
            raise Http404
        if question := ask_first(request):
            return question
        there = reverse("admin:auth_user_change", args=[user.pk])
        if request.method == "POST":
            if second_factor.remove(user):
                self.log_change(request, user, "Reset two-step sign-in.")
            words = gettext("%(name)s signs in with the password alone, once.")
            messages.success(request, words % {"name": user.get_username()})
            return HttpResponseRedirect(there)
        return TemplateResponse(
            request,
            "admin/sign_in/reset.html",
            {
                **self.admin_site.each_context(request),
                "title": gettext("Reset two-step sign-in"),
                "colleague": user,
            },
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users = super().get_queryset(request)
        if request.user.is_superuser:
            return users
        beyond = beyond_rights_of(request)
        return users.filter(is_superuser=False).exclude(
            Q(user_permissions__in=beyond) | Q(groups__permissions__in=beyond)
        )

    def formfield_for_dbfield(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        words = WORDS.get(db_field.name, {})
        return super().formfield_for_dbfield(db_field, request, **words, **kwargs)

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "groups" and not request.user.is_superuser:
            beyond = beyond_rights_of(request)
            kwargs["queryset"] = Group.objects.exclude(permissions__in=beyond)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_readonly_fields(
        self, request: HttpRequest, obj: User | None = None
    ) -> list[str] | tuple[Any, ...]:
        own = ["is_active", "is_staff", "groups"] if obj == request.user else []
        return [*super().get_readonly_fields(request, obj), *own]

    def save_model(
        self, request: HttpRequest, obj: User, form: Any, change: bool
    ) -> None:
        """Let a new colleague sign in here: other people have no account."""
        obj.is_staff = obj.is_staff or not change
        super().save_model(request, obj, form, change)

    def has_delete_permission(
        self, request: HttpRequest, obj: User | None = None
    ) -> bool:
        return False
