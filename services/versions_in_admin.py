"""The versions of a page, for whoever edits it: seen, compared, and put back."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from . import comparing, drafts, versions
from .house_style import Flag, Hardness, hardness
from .models import Content, Photo, Translation, Version
from .numbers import whole_number
from .versions import CHILDREN, Kept, NotYet, Said, Who, children_of, content_of

# So many flagged words are told at once.
FLAGS_TOLD = 5
# So many versions are listed; older ones are kept all the same.
LISTED = 100


def who_is(request: HttpRequest) -> Who:
    """Return whose session it is, in the words that a version names them by."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101 -- `admin_view` saw to it
    return Who(name_of(request) or user.get_username(), user.pk)


def name_of(request: HttpRequest) -> str:
    """Return the first and last name of the account at hand; "" if it has none."""
    user = request.user
    return user.get_full_name() if isinstance(user, User) else ""


class WithVersions(admin.ModelAdmin):  # type: ignore[type-arg]  # not when it runs
    """What patients read, of which each version that they could read is kept."""

    change_form_template = "admin/content/change_form.html"
    change_list_template = "admin/content/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        name = self.model.content_kind()
        wrap = self.admin_site.admin_view
        return [
            path(
                "<int:pk>/versions/",
                wrap(require_safe(self.versions)),
                name=f"services_{name}_versions",
            ),
            path(
                "<int:pk>/restore/",
                wrap(require_POST(self.restore)),
                name=f"services_{name}_restore",
            ),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Name what is deleted, too: what patients could read of it is kept."""
        known = Version.objects.filter(kind=self.model.content_kind())
        gone = known.exclude(row__in=self.model._default_manager.values("pk"))
        names = ("row", "content__name", "content__title")
        found = gone.order_by("number").values_list(*names)
        context = {"gone": {pk: name or title for pk, name, title in found}}
        return super().changelist_view(request, context | (extra_context or {}))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Send the form to its address without the part that somebody has jumped to.

        After a mistake, that part would have the focus instead of what is wrong.
        """
        return super().changeform_view(
            request, object_id, form_url or request.path, extra_context
        )

    @admin.display(description=gettext_lazy("how hard it is to read"))
    def reading_grade(self, row: Any) -> str:
        """Say it of the page in English, and of its translations."""
        if not row.pk:
            return "–"
        draft = drafts.draft_of(row)
        found = [
            graded(row, draft.content if draft else content_of(row))
            if code == settings.LANGUAGE_CODE
            else graded_in(row, code)
            for code, _own in settings.LANGUAGES
        ]
        return " ".join(one.words for one in found if one) or "–"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), "reading_grade"]

    def versions(self, request: HttpRequest, pk: int) -> HttpResponse:
        """List the versions, newest first; the address may name two to compare.

        Those of what is deleted are there for good.
        """
        row = self.get_object(request, str(pk))
        if not (self.has_view_permission(request, row) or may_approve(request)):
            raise PermissionDenied
        found = list(self._versions(pk)[:LISTED])
        if row is None and not found:
            raise Http404
        old, new = self._compared(request, pk, found)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Versions of “%(page)s”") % {"page": row or found[0].title},
            "opts": self.opts,
            "row": row,
            "versions": found,
            "old": old,
            "new": new,
            "differences": comparing.differences(old.kind, old.content, new.content)
            if old and new
            else [],
            "whole": comparing.whole(new.kind, new.content)
            if new and new == old
            else [],
            "may_publish": row is not None and may_publish(request),
            **(self.about_draft(request, row) if row else {}),
        }
        return TemplateResponse(request, "admin/content/versions.html", context)

    def about_draft(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what the page of the versions says of a draft."""
        return {}

    def _compared(
        self, request: HttpRequest, pk: int, found: list[Version]
    ) -> tuple[Version | None, Version | None]:
        """Return the two that the address names, else the last two, or the only one."""
        named = [request.GET.get(name, "") for name in ("old", "new")]
        if not any(named):
            last = [*found[:2], None]
            return (found[1], found[0]) if len(found) > 1 else (last[0], last[0])
        old, new = (self._version(pk, number) for number in named)
        return old, new

    def _version(self, pk: int, number: str) -> Version:
        found: Version = get_object_or_404(
            self._versions(pk), number=whole_number(number)
        )
        return found

    def restore(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let patients read an older version again, as the newest one."""
        row = self._row(request, pk)
        if not may_publish(request) or not self.has_change_permission(request, row):
            raise PermissionDenied
        version = self._version(pk, request.POST.get("version", ""))
        there = reverse(f"admin:services_{version.kind}_versions", args=[pk])
        said = {"number": version.number}
        try:
            done = versions.restore(
                row, version, by=who_is(request), now=timezone.now()
            )
        except NotYet as error:
            self._as_draft(request, row, version, str(error))
            return HttpResponseRedirect(there)
        except ValidationError as error:
            words = _("Version %(number)s does not fit any more: %(why)s")
            why = " ".join(error.messages)
            messages.error(request, words % {**said, "why": why})
            return HttpResponseRedirect(there)
        if not done:
            words = _("The page says what version %(number)s said already.")
            messages.info(request, words % said)
            return HttpResponseRedirect(there)
        words = _("Patients read what version %(number)s said.")
        if not version.is_public:
            words = _("The page is off the site, as it was in version %(number)s.")
        self.log_change(request, row, f"Restored version {version.number}.")
        messages.success(request, words % said)
        # What was right then may lead to a page that is gone now.
        tell_flags(request, comparing.flagged(version.kind, version.content))
        return HttpResponseRedirect(there)

    def _as_draft(
        self, request: HttpRequest, row: Any, version: Version, why: str
    ) -> None:
        """Keep a version that may not be read yet as the draft, and say so."""
        said = {"number": version.number, "why": why}
        try:
            by, now = who_is(request), timezone.now()
            drafts.draft_again(row, version, by=by, now=now)
        except NotYet as error:
            words = _("Version %(number)s may not be read again like this. %(why)s")
            why = f"{why} {error}"
            messages.error(request, words % {**said, "why": why})
            return
        self.log_change(request, row, f"Made version {version.number} the draft.")
        words = _(
            "Version %(number)s is the draft now, and patients do not read it yet."
            " %(why)s"
        )
        messages.warning(request, words % said)

    def _versions(self, pk: int) -> Any:
        return Version.objects.filter(kind=self.model.content_kind(), row=pk)

    def _row(self, request: HttpRequest, pk: int) -> Any:
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        return row


class KeptOnSaving(WithVersions):
    """What patients read as soon as it is saved."""

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        if change:
            self._keep(request, obj)  # what is replaced, if nobody kept it
        super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        row = form.instance
        self._keep(request, row)
        content = content_of(row)
        tell_hardness(request, graded(row, content))
        tell_flags(request, comparing.flagged(row.content_kind(), content))

    def _keep(self, request: HttpRequest, row: Any) -> None:
        by, now = who_is(request), timezone.now()
        versions.keep(self.model, [row.pk], by=by, now=now)


@contextmanager
def pages_kept(request: HttpRequest, rows: Sequence[Photo]) -> Iterator[None]:
    """Keep what the pages of photos show, before and after what the block does."""
    with transaction.atomic():
        stored = Photo.objects.filter(pk__in=[row.pk for row in rows])
        found = [versions.subject_of(row) for row in (*stored, *rows)]
        pages: set[versions.Kept] = {page for page in found if page}

        def keep() -> None:
            by, now = who_is(request), timezone.now()
            # In one order, since each is locked.
            for page in sorted(pages, key=lambda page: (str(type(page)), page.pk)):
                versions.keep(type(page), [page.pk], by=by, now=now)

        keep()
        yield
        keep()


def graded(row: Content, content: Said) -> Hardness | None:
    """Return how hard a page with that content is in English."""
    return hardness("\n".join(prose_of(row, content)), settings.LANGUAGE_CODE)


def graded_in(row: Kept, language: str) -> Hardness | None:
    """Return the same of all its translations into a language, reviewed or not."""
    parts = [row, *(p for name in children_of(row) for p in getattr(row, name).all())]
    keys = {(part.content_kind(), part.pk) for part in parts}
    there = Translation.objects.filter(language=language, row__in=[k for _, k in keys])
    texts = [t.texts.values() for t in there if (t.model, t.row) in keys]
    return hardness("\n".join(chain.from_iterable(texts)), language)


def tell_hardness(request: HttpRequest, found: Hardness | None) -> None:
    """Warn of a page that is too hard to read."""
    if found and found.is_too_much:
        messages.warning(request, found.words)


def tell_flags(request: HttpRequest, flagged: Iterable[tuple[str, Flag]]) -> None:
    """Warn of words that should not stand where they do.

    The first few: whoever mends them and saves again is told of the others.
    """
    for where, flag in list(flagged)[:FLAGS_TOLD]:
        said = {"where": where, "words": flag.words, "why": flag.why}
        messages.warning(request, _("%(where)s: “%(words)s”. %(why)s") % said)


def prose_of(row: Content, content: Said) -> Iterator[str]:
    """Yield what patients read of a page, in English."""
    for name in row.translated_fields:
        yield str(content.get(name, ""))
    for name, (model, _key) in CHILDREN.items():
        for part in content.get(name, []):
            yield from (str(part[field]) for field in model.translated_fields)


def may_approve(request: HttpRequest) -> bool:
    return request.user.has_perm("services.approve_content")


def may_publish(request: HttpRequest) -> bool:
    return request.user.has_perm("services.publish_content")
