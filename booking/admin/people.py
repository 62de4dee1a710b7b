"""Staff accounts, as managers keep them: nobody grants more than they have."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from services.list_filters import OfferedFilters

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(Group)
class RolesAdmin(OfferedFilters, GroupAdmin):
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
class StaffAdmin(OfferedFilters, UserAdmin):
    """Give groups to staff. Single rights and superusers are for the shell.

    An account is never deleted but made inactive: the timeline of visits names it.
    Nobody edits their own rights, sees an account that has more, or gives a group that
    has more: a manager could sign in as such an account after setting its password.
    """

    list_display = ["username", "first_name", "last_name", "is_active", "last_login"]
    list_filter = ["is_active", "groups"]
    # Names of staff stay out of addresses, too.
    search_fields = ()
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ["username", "password"]}),
        (_("Person"), {"fields": ["first_name", "last_name", "email"]}),
        (_("Rights"), {"fields": ["is_active", "is_staff", "groups"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    )
    readonly_fields = ["last_login", "date_joined"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users = super().get_queryset(request)
        if request.user.is_superuser:
            return users
        beyond = beyond_rights_of(request)
        return users.filter(is_superuser=False).exclude(
            Q(user_permissions__in=beyond) | Q(groups__permissions__in=beyond)
        )

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
