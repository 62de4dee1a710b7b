"""What staff type about a page is a draft, until somebody lets patients read it."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import (
    NON_FIELD_ERRORS,
    PermissionDenied,
    ValidationError,
)
from django.db import transaction
from django.forms import ModelForm
from django.forms.formsets import all_valid
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localdate, localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from django.views.decorators.http import require_POST

from . import comparing, drafts, views
from .languages import english_name
from .models import Clinician, Draft, Service
from .translation import Book
from .versions import (
    CHILDREN,
    NotYet,
    Said,
    Subject,
    children_of,
    content_of,
    is_clinical,
    locked,
    parts_of,
    why_not,
    without,
)
from .versions_in_admin import (
    FLAGS_TOLD,
    WithVersions,
    graded,
    may_approve,
    name_of,
    tell_flags,
    tell_hardness,
    who_is,
)
from .widgets import PlainDate, PlainDateTime

# So far ahead it can be said when a draft is to be published.
FARTHEST = timedelta(days=366)
# The fault of a form that somebody has opened before a colleague saved.
OVERTAKEN = "overtaken"
# Where a session has what its own saves have made of pages, and how many of them.
OWN, OWN_KEPT = "own_saves", 50


class ApprovalForm(forms.Form):
    """Who stands for a text: somebody named, with a license where it is about care.

    The name is that of the account, where it has one: nobody signs for somebody else.
    """

    name = forms.CharField(
        label=gettext_lazy("Your name, as patients read it"),
        max_length=150,
        error_messages={"required": gettext_lazy("Write your name.")},
    )
    credentials = forms.CharField(
        label=gettext_lazy("Your credentials, such as MD"),
        max_length=40,
        error_messages={"required": gettext_lazy("Write your credentials.")},
    )
    profession = forms.CharField(
        label=gettext_lazy("Your licensed profession, such as physician (PM&R)"),
        max_length=120,
        error_messages={"required": gettext_lazy("Write your licensed profession.")},
    )
    next_review = forms.DateField(
        label=gettext_lazy("Read it again by"),
        widget=PlainDate,
        error_messages={
            "required": gettext_lazy("Choose by when it has to be read again.")
        },
    )

    def __init__(
        self, request: HttpRequest, row: Subject, *, is_sent: bool = True
    ) -> None:
        today = localdate()
        name = name_of(request)
        known = Clinician.objects.filter(name=name, is_demo=False).first()
        initial = {
            "credentials": known and known.credentials,
            "profession": known and known.profession,
            "next_review": today.replace(year=today.year + 1, day=1),
        }
        super().__init__(request.POST if is_sent else None, initial=initial)
        self.known_name = name
        if name:
            del self.fields["name"]
        if not is_clinical(row):
            self.fields["credentials"].required = False
            self.fields["profession"].required = False

    def reviewer(self) -> drafts.Reviewer:
        said = self.cleaned_data
        name = self.known_name or said["name"]
        return drafts.Reviewer(name, said["credentials"], said["profession"])

    def clean_next_review(self) -> date:
        """Refuse a day that is over, or too far off to be meant."""
        day: date = self.cleaned_data["next_review"]
        today = localdate()
        if not today < day <= today.replace(year=today.year + 3, day=1):
            raise forms.ValidationError(_("Choose a day within the next three years."))
        return day


class OneInstant(forms.SplitDateTimeField):
    """A date and a time by the clinic's clocks, which they show once."""

    def compress(self, data_list: Any) -> datetime | None:
        try:
            return super().compress(data_list)
        except ValidationError as error:
            if error.code != "ambiguous_timezone":
                raise
            problem = _(
                "The clocks change on that day: they show this time twice or not at"
                " all. Choose another one."
            )
            raise ValidationError(problem) from error


class ScheduleForm(forms.Form):
    publish_at = OneInstant(
        label=gettext_lazy("From when patients read it"),
        widget=PlainDateTime,
        error_messages={"required": gettext_lazy("Choose a date and a time.")},
    )

    def clean_publish_at(self) -> datetime:
        """Refuse an instant that is over, or too far off to be meant."""
        at: datetime = self.cleaned_data["publish_at"]
        now = timezone.now()
        if not now < at <= now + FARTHEST:
            raise forms.ValidationError(_("Choose a time within the next year."))
        return at


class WithDrafts(WithVersions):
    """A form of which what is saved becomes the draft of a page.

    Whoever opens the form again goes on with the draft. A page that is new is there at
    once, and not published.
    """

    change_form_template = "admin/content/draft_form.html"

    def get_urls(self) -> list[URLPattern]:
        name = self.model.content_kind()
        wrap = self.admin_site.admin_view
        return [
            path(
                "<int:pk>/draft/",
                wrap(require_POST(self.draft)),
                name=f"services_{name}_draft",
            ),
            path(
                "<int:pk>/preview/",
                wrap(require_POST(self.preview)),
                name=f"services_{name}_preview",
            ),
            *super().get_urls(),
        ]

    # --- The form -----------------------------------------------------------------

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), "is_published"]

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        """Lead nowhere while patients do not read the page."""
        is_there = obj is None or obj.is_published
        return super().get_view_on_site_url(obj) if is_there else None

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> "type[ModelForm[Any]]":
        if obj is not None and obj.pk:
            kwargs["form"] = in_turn(self.form, self.model, obj.pk, request)
        form = super().get_form(request, obj, change=change, **kwargs)
        data = self._of_draft(request, obj)
        return filled_in(form, data) if data else form

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Any, inline: Any, prefix: str
    ) -> dict[str, Any]:
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        data = self._of_draft(request, obj)
        return kwargs | {"data": data} if data else kwargs

    def _of_draft(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return what the form shows instead of what patients read; mostly nothing."""
        if request.method != "GET" or obj is None or obj.pk is None:
            return {}
        row = self.model._default_manager.get(pk=obj.pk)  # as it is, not half filled
        draft = drafts.draft_of(row)
        if draft is None:
            return {}
        return drafts.as_form(row, draft) | {"seen": drafts.seen(row, draft)}

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        """Write what is new; `save_related` keeps what is changed."""
        if not change:
            super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:
        row = form.instance
        save = super().save_related
        if change:
            content = drafts.if_saved(
                row, lambda: save(request, form, formsets, change)
            )
        else:
            save(request, form, formsets, change)
            content = drafts.words_of(row)
        was, before = state(type(row), row.pk)
        content |= beside(request, row, before)
        drafts.keep_draft(row, content, by=who_is(request), now=timezone.now())
        note_own(request, was, state(type(row), row.pk)[0])
        if before and before.publish_at:
            words = _("It was to be published on %(when)s. Choose that time again.")
            when = date_format(localtime(before.publish_at), "M j, Y, g:i A")
            messages.warning(request, words % {"when": when})
        request.is_draft = True  # type: ignore[attr-defined]
        tell_hardness(request, graded(row, content))
        tell_flags(request, comparing.flagged(row.content_kind(), content))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        drafts.forget([obj])
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        drafts.forget(queryset)
        super().delete_queryset(request, queryset)

    def message_user(
        self, request: HttpRequest, message: Any, level: int | str = 20, *args: Any,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        """Say what became of a form: Django would say that the page was changed."""
        if getattr(request, "is_draft", False) and level == messages.SUCCESS:
            message = _(
                "This is kept as a draft. Patients do not read it yet: see below what"
                " it takes."
            )
        super().message_user(request, message, level, *args, **kwargs)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self._to_draft(request, obj, super().response_change(request, obj))

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        usual = super().response_add(request, obj, post_url_continue)
        return self._to_draft(request, obj, usual)

    def _to_draft(
        self, request: HttpRequest, obj: Any, usual: HttpResponse
    ) -> HttpResponse:
        """Lead to what can be done with the draft, unless a button leads elsewhere."""
        elsewhere = ("_continue", "_addanother", "_popup", "_saveasnew")
        if any(name in request.POST for name in elsewhere):
            return usual
        return HttpResponseRedirect(there(obj))

    # --- What becomes of it -------------------------------------------------------

    def about_draft(self, request: HttpRequest, row: Subject) -> dict[str, Any]:
        """Return what the page of the versions says of a draft."""
        draft = drafts.draft_of(row)
        kind, now = row.content_kind(), content_of(row)
        flagged = comparing.flagged(kind, draft.content) if draft else ()
        today = localdate()
        # Only what was refused comes here by a POST.
        act, typed = request.POST.get("act"), request.POST
        return {
            "is_drafted": True,
            "draft": draft,
            "why_not": why_not(row, drafts.review_of(draft), today) if draft else "",
            "seen": drafts.seen(row, draft),
            "changes": comparing.differences(kind, now, shown(row, draft))
            if draft
            else [],
            # What nobody may have approved yet must not hide behind what has changed.
            "says": comparing.whole(kind, without(draft.content, "is_published"))
            if draft and not row.is_published
            else [],
            "grade": graded(row, draft.content) if draft else None,
            "flagged": list(flagged),
            "is_clinical": is_clinical(row),
            "may_approve": may_approve(request),
            "may_change": self.has_change_permission(request, row),
            "approval": ApprovalForm(request, row, is_sent=act == "approve"),
            "schedule": ScheduleForm(
                typed if act == "schedule" else None,
                initial={"publish_at": draft and draft.publish_at},
            ),
        }

    def draft(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Approve, publish or throw away a draft, or take its page off the site."""
        row = self._row(request, pk)
        act = ACTS.get(request.POST.get("act", ""))
        if act is None or not act.may(request):
            raise PermissionDenied
        try:
            said = act.does(request, row)
        except NotYet as error:
            messages.error(request, str(error))
        except Unanswered:
            return self.versions(request, pk)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return self.versions(request, pk)
        else:
            self.log_change(request, row, act.log)
            messages.success(request, said)
        return HttpResponseRedirect(there(row))

    def preview(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the page as patients would read it with its draft, or what is typed."""
        row = self._row(request, pk)
        if "typed" in request.POST:
            return self._preview_typed(request, row)
        if not (self.has_view_permission(request, row) or may_approve(request)):
            raise PermissionDenied
        draft = drafts.draft_of(row)
        return self._show(request, row, draft.content if draft else content_of(row))

    def _preview_typed(self, request: HttpRequest, row: Subject) -> HttpResponse:
        """Do the same with what stands in the form, of which nothing is kept."""
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        content, faults = self._typed(request, row)
        if faults:
            return self._show(request, row, None, faults=faults)
        return self._show(request, self._row(request, row.pk), content)

    def _typed(
        self, request: HttpRequest, row: Subject
    ) -> tuple[Said | None, list[str]]:
        """Return what the page would say with what is sent, or what is wrong there."""
        sent = request.POST.copy()
        sent["typed"] = "1"  # or what a colleague has saved would be a fault
        form = self.get_form(request, row, change=True)(sent, instance=row)
        formsets = [
            one(
                **self.get_formset_kwargs(
                    request, row, inline, one.get_default_prefix()
                )
            )
            for one, inline in self.get_formsets_with_inlines(request, row)
        ]
        is_fit = form.is_valid()
        if not (all_valid(formsets) and is_fit):
            return None, list(faults_of(form, *(one for f in formsets for one in f)))
        self.save_form(request, form, change=True)
        save = super().save_related
        with transaction.atomic():
            content = drafts.if_saved(row, lambda: save(request, form, formsets, True))
        return content | beside(request, row, drafts.draft_of(row)), []

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show what differs to whoever was overtaken, before theirs may take its place.

        Not while something else is wrong: then they are told again once it is mended.
        """
        form = context["adminform"].form
        if form.has_error(NON_FIELD_ERRORS, OVERTAKEN):
            row = self._row(request, form.instance.pk)  # as it is, not half filled
            draft = drafts.draft_of(row)
            kept = draft.content if draft else drafts.words_of(row)
            typed, faults = self._typed(request, row)
            if faults:
                form.data["seen"] = request.POST["seen"]
            else:
                kind = row.content_kind()
                context["overtaken"] = comparing.differences(kind, kept, typed or {})
        return super().render_change_form(request, context, *args, **kwargs)

    def _show(
        self, request: HttpRequest, row: Subject, content: Said | None, **more: Any
    ) -> HttpResponse:
        """Show what a page would say at the width of a phone and of a desk.

        Other languages come after that, on a phone.
        """
        if content is not None:
            show = views.show_service if isinstance(row, Service) else views.show_page
            with drafts.as_if_published(row, content):
                for code, own_name in settings.LANGUAGES:
                    with override(code):
                        html = still(show(request, content["slug"]).content.decode())
                    if code == settings.LANGUAGE_CODE:
                        more["html"] = html
                    else:
                        more.setdefault("others", {})[own_name] = html
        context = {
            **self.admin_site.each_context(request),
            "title": _("“%(page)s”, as patients will read it") % {"page": row},
            "opts": self.opts,
            **more,
        }
        return TemplateResponse(request, "admin/content/preview.html", context)


def still(html: str) -> str:
    """Return a page for a frame, in which nothing runs and no link leads anywhere.

    The other pages of the site refuse to be framed.
    """
    html = re.sub(r"<script\b.*?</script>", "", html, flags=re.S)
    return html.replace("<a ", "<a inert ")


def beside(request: HttpRequest, row: Subject, draft: Draft | None) -> Said:
    """Return what of a draft the form does not show to whoever sends it: it stays.

    Photos are those of an older version.
    """
    rights = {name: CHILDREN[name][0].content_kind() for name in children_of(row)}
    may = request.user.has_perm
    hidden = [name for name in rights if not may(f"services.change_{rights[name]}")]
    said = draft.content if draft else {}
    return {name: said[name] for name in (*hidden, "photos") if name in said}


def faults_of(*filled: forms.BaseForm) -> Iterator[str]:
    """Yield what keeps forms from being fit, with the names of the fields."""
    for form in filled:
        for name, found in form.errors.items():
            label = form.fields[name].label if name in form.fields else ""
            yield ": ".join(filter(None, [str(label or ""), " ".join(map(str, found))]))


def in_turn(
    form: "type[ModelForm[Any]]", model: "type[Subject]", pk: int, request: HttpRequest
) -> "type[ModelForm[Any]]":
    """Return the form as one that takes the words of no colleague away unseen.

    Sent once more, it replaces them: whoever sends it has been told. So may somebody
    who goes back to a form and sends it again, as long as nobody else has saved since.
    """

    def clean(self: Any) -> None:
        form.clean(self)
        # A draft that is only shown, or a preview, of which nothing is kept.
        if request.method != "POST" or "typed" in self.data:
            return
        list(locked(model, [pk]))  # or two who save at once would pass
        said, (seen, draft) = self.data.get("seen"), state(model, pk)
        if said in (None, seen) or seen in since(request, said):
            return
        self.data = self.data.copy()
        self.data["seen"] = seen
        who = draft.by if draft else _("somebody who has published or ended the draft")
        words = _(
            "This page was changed by %(who)s since you opened it. What you typed is"
            " below and not kept yet. Take over what should stay of theirs; save again"
            " to put yours in its place."
        )
        raise ValidationError(words % {"who": who}, OVERTAKEN)

    field = forms.CharField(
        widget=forms.HiddenInput, required=False, initial=lambda: state(model, pk)[0]
    )
    return type(form.__name__, (form,), {"seen": field, "clean": clean})


def state(model: "type[Subject]", pk: int) -> tuple[str, Draft | None]:
    """Return what tells a page with its draft from what it was, and the draft."""
    row = model._default_manager.get(pk=pk)
    draft = drafts.draft_of(row)
    return drafts.seen(row, draft), draft


def note_own(request: HttpRequest, was: str, now: str) -> None:
    """Remember from what to what somebody has just changed a page, for `since`."""
    others = [one for one in request.session.get(OWN, []) if one[0] != was]
    request.session[OWN] = [*others, [was, now]][-OWN_KEPT:]


def since(request: HttpRequest, seen: str) -> list[str]:
    """Return what became of a page, as it was seen, by saves of this session alone."""
    next_ones, found = dict(request.session.get(OWN, [])), [seen]
    while (after := next_ones.get(found[-1])) and after not in found:
        found.append(after)
    return found


def filled_in(
    form: "type[ModelForm[Any]]", data: dict[str, Any]
) -> "type[ModelForm[Any]]":
    """Return the form as one that shows data that nobody has sent."""

    def begin(self: Any, sent: Any = None, *args: Any, **kwargs: Any) -> None:
        form.__init__(self, data if sent is None else sent, *args, **kwargs)

    return type(form.__name__, (form,), {"__init__": begin})


def shown(row: Subject, draft: Draft) -> dict[str, Any]:
    """Return what the page would say."""
    return dict(draft.content) | {"is_published": True}


def there(row: Subject) -> str:
    return reverse(f"admin:services_{row.content_kind()}_versions", args=[row.pk])


# --- The acts ---------------------------------------------------------------------


class Unanswered(Exception):
    """What is wrong stands at the form of the act, with all that was typed."""


def _seen(request: HttpRequest) -> str:
    return request.POST.get("seen", "")


def _approve(request: HttpRequest, row: Subject) -> str:
    form = ApprovalForm(request, row)
    if not form.is_valid():
        raise Unanswered
    day, by = form.cleaned_data["next_review"], form.reviewer()
    if not drafts.approve(row, _seen(request), day, by=by, now=timezone.now()):
        raise NotYet(_("You have approved it already."))
    return _("The draft is approved. It can be published now.")


def _publish(request: HttpRequest, row: Subject) -> str:
    by, now = who_is(request), timezone.now()
    drafts.publish(row, _seen(request), by=by, now=now)
    tell_english(request, type(row)._default_manager.get(pk=row.pk))
    return _("Patients read it from now on.")


def tell_english(request: HttpRequest, row: Subject) -> None:
    """Warn of what patients who read another language find in English."""
    for code, _own in settings.LANGUAGES:
        texts = Book(code).texts
        left = [
            str(one) for one in parts_of(row) if one.in_english() and not texts(one)
        ]
        if left and code != settings.LANGUAGE_CODE:
            words = _(
                "In %(language)s, patients read this in English: %(texts)s. Say it in"
                " that language under “Translations”, and who has reviewed it."
            )
            few, more = "; ".join(left[:FLAGS_TOLD]), len(left) - FLAGS_TOLD
            named = _("%(few)s; and %(n)s more") % {"few": few, "n": more}
            said = {"language": english_name(code), "texts": named if more > 0 else few}
            messages.warning(request, words % said)


def _schedule(request: HttpRequest, row: Subject) -> str:
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        raise Unanswered
    at = form.cleaned_data["publish_at"]
    if not drafts.schedule(row, _seen(request), at, by=who_is(request)):
        raise NotYet(_("That time is chosen already."))
    return _("Patients read it from the time that you chose.")


def _unschedule(request: HttpRequest, row: Subject) -> str:
    if not drafts.unschedule(row, _seen(request)):
        raise NotYet(_("No time was chosen."))
    return _("It stays a draft until somebody lets patients read it.")


def _discard(request: HttpRequest, row: Subject) -> str:
    drafts.discard(row, _seen(request))
    return _("The draft is thrown away. Patients read what they read before.")


def _withdraw(request: HttpRequest, row: Subject) -> str:
    if not drafts.withdraw(row, by=who_is(request), now=timezone.now()):
        raise NotYet(_("Patients do not read this page."))
    return _("The page is off the site. What it said is kept.")


class Act:
    """What a button does with a draft, who may, and what the history says of it."""

    def __init__(self, does: Any, right: str, log: str) -> None:
        self.does, self.right, self.log = does, right, log

    def may(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"services.{self.right}")


ACTS = {
    "approve": Act(_approve, "approve_content", "Approved the draft."),
    "publish": Act(_publish, "publish_content", "Published the draft."),
    "schedule": Act(_schedule, "publish_content", "Chose when to publish the draft."),
    "unschedule": Act(
        _unschedule, "publish_content", "Took back when to publish the draft."
    ),
    "discard": Act(_discard, "change_page", "Threw the draft away."),
    "withdraw": Act(_withdraw, "publish_content", "Took it off the site."),
}
