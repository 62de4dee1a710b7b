"""Forms of the admin that are saved once, however often they are sent.

Beside `front_desk`, which gives this to every model that is registered with the site.
"""

import uuid
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from . import clock, once
from .errors import BookingError, DifferentForm

# What says nothing about the content, or must leave no trace even as a digest.
_LEFT_OUT = (once.FIELD, "csrfmiddlewaretoken", "_save", "_continue", "_addanother")
_SECRET = "password"  # noqa: S105 -- how the names of such fields begin


class SavedOnce(admin.ModelAdmin):  # type: ignore[type-arg]  # not when it runs
    """Let each form carry a key: sent again, it gets the answer of the first time.

    Double clicks would else save two rows, or end in an error about the first; and so
    would the rows of an inline. With other content the form comes back with all that
    was typed. If it adds a row it has a new key: pressing the button again adds one
    more. If it changes one it shows rows as they were before, so it stays refused.
    """

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = with_key(extra_context)
        view = partial(super().changeform_view, request, object_id, form_url)
        key = once.key_in(request.POST)
        if key is None:
            return view(context)
        with transaction.atomic():
            try:
                before = once.begin(key, content_of(request), now=clock.now())
                if before:
                    return self.answer_again(request, object_id, *before)
            except DifferentForm as error:
                return view(context | refuse(request, error, object_id))
            response = view(context)
            if saved := getattr(request, "saved", None):
                once.end(key, [saved.pk, response.get("Location", "")])
            else:
                once.take_back(key)
            return response

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        request.saved = obj  # type: ignore[attr-defined]
        return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        request.saved = obj  # type: ignore[attr-defined]
        return super().response_change(request, obj)

    def answer_again(
        self, request: HttpRequest, object_id: str | None, pk: Any, there: str
    ) -> HttpResponse:
        """Lead where the first answer led. Raises DifferentForm for other secrets."""
        row = self.get_object(request, str(pk))
        if row is None:
            messages.info(request, _("This was saved, and has been deleted since."))
            return HttpResponseRedirect(list_of(row_type=self.model))
        secret = request.POST.get("password1", "")
        if secret and isinstance(row, User) and not row.check_password(secret):
            raise DifferentForm
        if not there:  # for a window of its own, which its script closes
            done = super().response_change if object_id else super().response_add
            return done(request, row)
        messages.info(request, saved_already(row))
        return HttpResponseRedirect(there)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type["ModelForm[Any]"]:
        """Return the form, or one that a refusal keeps from being fit."""
        form = super().get_form(request, obj, change=change, **kwargs)
        refusal = getattr(request, "refusal", None)
        return refused(form, refusal) if refusal else form


class SavedBefore(Exception):
    """The form was sent before and saved this row."""

    def __init__(self, row: Model) -> None:
        self.row = row
        super().__init__(row.pk)


def with_key(context: dict[str, Any] | None) -> dict[str, Any]:
    """Return the context with a key for the form; each page has a new one."""
    return {once.FIELD: uuid.uuid4(), **(context or {})}


def content_of(request: HttpRequest) -> list[Any]:
    """Return who sends what to where, without secrets: those are not even digested."""
    fields = {
        name: values
        for name, values in request.POST.lists()
        if name not in _LEFT_OUT and not name.startswith(_SECRET)
    }
    files = [
        (name, file.name, file.size)
        for name in request.FILES
        for file in request.FILES.getlist(name)
    ]
    return [request.user.pk, request.path, fields, *files]


def refuse(
    request: HttpRequest, error: BookingError, object_id: str | None
) -> dict[str, Any]:
    """Let the form of this request come back unfit, with all that was typed, and why.

    Return what its page needs for that besides.
    """
    stale = isinstance(error, DifferentForm) and object_id is not None
    request.refusal = _stale(request) if stale else str(error)  # type: ignore[attr-defined]
    return {once.FIELD: request.POST[once.FIELD]} if stale else {}


def _stale(request: HttpRequest) -> str:
    return format_html(
        '{} <a href="{}">{}</a>',
        _("This page was already sent, with other content, and that was saved."),
        request.path,
        _("Open it as it is now."),
    )


def refused(form: type["ModelForm[Any]"], why: str) -> type["ModelForm[Any]"]:
    """Return the form as one that is never fit."""

    def add_why(unfit: "ModelForm[Any]") -> Any:
        unfit.add_error(None, why)
        return form.clean(unfit)

    return type(form.__name__, (form,), {"clean": add_why})


def saved_already(row: Model) -> str:
    return _("“%(name)s” is saved already. Nothing was saved twice.") % {"name": row}


def list_of(row_type: type[Model]) -> str:
    """Return the address of the list of these rows."""
    return reverse(
        f"admin:{row_type._meta.app_label}_{row_type._meta.model_name}_changelist"
    )
