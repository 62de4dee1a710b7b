from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.template.defaultfilters import linebreaksbr
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import comparing, photos, translation, versions
from .drafts_in_admin import WithDrafts
from .in_use import KeptWhileInUse
from .languages import english_name
from .list_filters import FixedRows, OfferedFilters, yes_or_no
from .models import (
    Clinic,
    Clinician,
    Content,
    Fact,
    OpeningHours,
    Page,
    Photo,
    SameWords,
    ScreeningQuestion,
    Section,
    Service,
    Translated,
    Translation,
)
from .translation import Standing
from .versions_in_admin import (
    KeptOnSaving,
    graded_in,
    pages_kept,
    tell_flags,
    tell_hardness,
    who_is,
)
from .widgets import PLAIN, PictureInput


class ContentMarker:
    """Show whether staff have edited a row, so that its file no longer changes it."""

    @admin.display(description=gettext_lazy("edited by staff"))
    def edited(self, row: Content) -> str:
        return yes_or_no(row.edited_by_staff)


class InALanguage:
    """Name the language of a row as staff do."""

    @admin.display(description=gettext_lazy("language"), ordering="language")
    def language_name(self, row: SameWords | Translation) -> str:
        return english_name(row.language)


class LanguageFilter(admin.SimpleListFilter):
    title = gettext_lazy("language")
    parameter_name = "language"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return language_choices()

    def queryset(
        self, request: HttpRequest, queryset: "QuerySet[SameWords]"
    ) -> "QuerySet[SameWords]":
        chosen = self.value()
        is_known = chosen in dict(settings.LANGUAGES)
        return queryset.filter(language=chosen) if is_known else queryset


def language_choices() -> list[tuple[str, str]]:
    return [(code, english_name(code)) for code, _own in settings.LANGUAGES]


class WithAddress(admin.ModelAdmin):
    """Ask first for what a page is called, and make the end of its address of that.

    Only while the page has none: links lead to one that is there.
    """

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        [called] = self.prepopulated_fields["slug"]
        fields = super().get_fields(request, obj)
        return sorted(fields, key=lambda name: name != called)


class WithTranslations(admin.ModelAdmin):
    """Make room for the translations of what is new."""

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        translation.make_room()


class OpeningHoursInline(admin.StackedInline):
    """Not a table, nor the facts: Django gives the inputs of those no labels."""

    model = OpeningHours
    extra = 0
    formfield_overrides = PLAIN


class FactInline(ContentMarker, admin.StackedInline):
    model = Fact
    extra = 0
    readonly_fields = ["edited"]


class SectionInline(ContentMarker, admin.StackedInline):
    model = Section
    extra = 0
    fields = ["question", "anchor", "answer", "order", "edited"]
    prepopulated_fields = {"anchor": ["question"]}
    readonly_fields = ["edited"]


class ScreeningQuestionInline(ContentMarker, admin.StackedInline):
    model = ScreeningQuestion
    extra = 0
    fields = [
        "tell_us", "question", "hint", "advice", "flag", "code", "order", "edited",
    ]  # fmt: skip
    prepopulated_fields = {"code": ["flag"]}
    readonly_fields = ["edited"]


class PhotoForm(forms.ModelForm):
    """A picture to upload, of which only what is drawn anew is kept."""

    upload = forms.FileField(
        label=gettext_lazy("Picture"),
        required=False,
        help_text=gettext_lazy(
            "JPEG, PNG, WebP or AVIF, up to 12 MB. Patients see a part of it around the"
            " main point, which is the face if there is one; the place and the camera"
            " that the file may name are left out."
        ),
        widget=PictureInput({"accept": "image/jpeg,image/png,image/webp,image/avif"}),
    )

    class Meta:
        model = Photo
        fields = ("focus_x", "focus_y")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if upload := self.fields.get("upload"):
            upload.widget.photo = self.instance

    def clean_upload(self) -> bytes | None:
        file = self.cleaned_data["upload"]
        if file:
            return photos.master(file)
        if not self.instance.pk:
            raise forms.ValidationError(_("Choose a picture."))
        return None

    def clean(self) -> None:
        """Ask for the picture again where something else is wrong: browsers drop it."""
        super().clean()
        if self.errors and self.cleaned_data.get("upload"):
            self.add_error("upload", _("Choose the picture again as well."))

    def save(self, commit: bool = True) -> Photo:
        # Else what is there stays, also what somebody else has uploaded meanwhile.
        if self.cleaned_data["upload"]:
            self.instance.master = self.cleaned_data["upload"]
        photo: Photo = super().save(commit=False)
        if commit:
            photos.keep(photo)
        return photo


class PhotoInline(admin.StackedInline):
    model = Photo
    form = PhotoForm
    extra = 0


class PlacedPhotoForm(PhotoForm):
    """A photo of the clinic, or one on the page of a service."""

    service = forms.ModelChoiceField(
        Service.objects.all(),
        label=gettext_lazy("Where patients see it"),
        required=False,
        empty_label=gettext_lazy("Visit us"),
    )

    class Meta:
        model = Photo
        fields = ("upload", "alt", "service", "order", "focus_x", "focus_y")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if alt := self.fields.get("alt"):
            alt.required = True
            alt.error_messages["required"] = _(
                "Write what the picture shows, for people who do not see it."
            )


@admin.register(Photo)
class PhotoAdmin(WithTranslations, OfferedFilters):
    """The photos of the clinic and of services; those of people are at the person."""

    form = PlacedPhotoForm
    list_display = ["__str__", "place", "order"]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Photo]":
        found = super().get_queryset(request)
        return found.filter(clinician=None).select_related("service")

    def save_model(
        self, request: HttpRequest, obj: Photo, form: Any, change: bool
    ) -> None:
        with pages_kept(request, [obj]):
            photos.keep(obj)

    def delete_model(self, request: HttpRequest, obj: Photo) -> None:
        with pages_kept(request, [obj]):
            super().delete_model(request, obj)

    def delete_queryset(
        self, request: HttpRequest, queryset: "QuerySet[Photo]"
    ) -> None:
        with pages_kept(request, list(queryset)):
            super().delete_queryset(request, queryset)

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:
        """Warn of what should not be said, and of who would hear it in English."""
        super().save_related(request, form, formsets, change)
        said = {str(form.fields["alt"].label): form.instance.alt}
        tell_flags(request, comparing.flagged_in(said))
        texts = Translation.objects.filter(model="photo", row=form.instance.pk)
        for one in texts:
            if translation.standing(form.instance, one) == Standing.REVIEWED:
                continue
            words = _(
                "In %(language)s, patients hear “%(alt)s” in English. Say it in that"
                " language under “Translations”, and who has reviewed it."
            )
            said = {"language": english_name(one.language), "alt": form.instance.alt}
            messages.warning(request, words % said)

    @admin.display(description=gettext_lazy("where patients see it"))
    def place(self, photo: Photo) -> str:
        return str(photo.service or _("Visit us"))


@admin.register(Clinic)
class ClinicAdmin(KeptOnSaving, WithTranslations, ContentMarker, FixedRows):
    list_display = ["name", "phone", "edited"]
    readonly_fields = ["edited", "updated_at"]
    inlines = [OpeningHoursInline]


@admin.register(Clinician)
class ClinicianAdmin(
    WithAddress,
    KeptOnSaving,
    WithTranslations,
    ContentMarker,
    KeptWhileInUse,
    OfferedFilters,
):
    instead = gettext_lazy(
        "First look at the resource, which is this person’s time: what is booked needs"
        " both."
    )
    prepopulated_fields = {"slug": ["name"]}
    list_display = ["name", "profession", "is_demo", "order", "edited"]
    readonly_fields = ["edited", "updated_at"]
    inlines = [PhotoInline]


@admin.register(Service)
class ServiceAdmin(
    WithAddress,
    WithDrafts,
    WithTranslations,
    ContentMarker,
    KeptWhileInUse,
    OfferedFilters,
):
    instead = gettext_lazy(
        "Take it off the site instead, under “Versions”. Then nobody reads about it or"
        " asks for it, and what is booked stays."
    )
    prepopulated_fields = {"slug": ["name"]}
    list_display = ["name", "kind", "is_published", "next_review", "order", "edited"]
    readonly_fields = ["edited", "updated_at"]
    inlines = [FactInline, SectionInline, ScreeningQuestionInline]


@admin.register(Page)
class PageAdmin(
    WithAddress, WithDrafts, WithTranslations, ContentMarker, OfferedFilters
):
    prepopulated_fields = {"slug": ["title"]}
    list_display = ["title", "is_published", "next_review", "order", "edited"]
    readonly_fields = ["edited", "updated_at"]


class SameWordsForm(forms.ModelForm):
    """Words in one of the languages of the site."""

    language = forms.ChoiceField(choices=language_choices)

    class Meta:
        model = SameWords
        fields = ("language", "words")


@admin.register(SameWords)
class SameWordsAdmin(ContentMarker, InALanguage, OfferedFilters):
    """What the search of the site takes for the same."""

    form = SameWordsForm
    list_display = ["__str__", "language_name", "edited"]
    list_filter = [LanguageFilter]
    readonly_fields = ["edited", "updated_at"]
    formfield_overrides = PLAIN


STANDS = {
    Standing.MISSING: gettext_lazy("Not translated: patients read English"),
    Standing.STALE: gettext_lazy("Stale: the English has changed, patients read that"),
    Standing.DRAFT: gettext_lazy("Not reviewed: patients read English"),
    Standing.REVIEWED: gettext_lazy("Reviewed: patients read it"),
}


class StandingFilter(admin.SimpleListFilter):
    title = gettext_lazy("how it stands")
    parameter_name = "stands"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(stands.value, words) for stands, words in STANDS.items()]

    def queryset(
        self, request: HttpRequest, queryset: "QuerySet[Translation]"
    ) -> "QuerySet[Translation]":
        if self.value() is None:
            return queryset
        found = [t.pk for t in queryset if translation.stands(t)[1] == self.value()]
        return queryset.filter(pk__in=found)


class PageFilter(admin.SimpleListFilter):
    """Those of one page, to which its form and its versions lead."""

    title = gettext_lazy("page")
    parameter_name = "page"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            (f"{kind}-{row.pk}", str(row))
            for kind, model in versions.SUBJECTS.items()
            for row in model._default_manager.all()
        ]

    def queryset(
        self, request: HttpRequest, queryset: "QuerySet[Translation]"
    ) -> "QuerySet[Translation]":
        if self.value() not in dict(self.lookup_choices):
            return queryset
        kind, pk = str(self.value()).split("-")
        page = versions.SUBJECTS[kind]._default_manager.get(pk=pk)
        keys = {(row.content_kind(), row.pk) for row in versions.parts_of(page)}
        found = [one.pk for one in queryset if (one.model, one.row) in keys]
        return queryset.filter(pk__in=found)


class TranslationForm(forms.ModelForm):
    """Each text with the English that it translates above it."""

    # What the English was when the page was opened.
    seen = forms.CharField(widget=forms.HiddenInput)

    class Meta:
        model = Translation
        fields = ("reviewed_by", "reviewed_on")

    def clean(self) -> None:
        row = row_of(self.instance)
        if row is None or self.cleaned_data.get("seen") != row.english_digest():
            problem = _(
                "The English has changed since you opened this page. Open it again, and"
                " read both."
            )
            raise forms.ValidationError(problem)
        said = self.cleaned_data
        if bool(said.get("reviewed_by")) != bool(said.get("reviewed_on")):
            self.add_error(
                "reviewed_on", _("Write who has reviewed it, and on which day.")
            )


def row_of(one: Translation) -> Translated | None:
    """Return what the texts are of, as it is now."""
    kinds = {model.content_kind(): model for model in translation.KINDS}
    model = kinds[one.model]
    return model._default_manager.filter(pk=one.row).first()


@admin.register(Translation)
class TranslationAdmin(InALanguage, FixedRows):
    """Texts in other languages, for those who may change the English ones.

    There is one for each text and language; `load_content` makes room for new ones.
    """

    list_display = ["of", "language_name", "how_it_stands", "reviewed_by"]
    list_filter = [StandingFilter, PageFilter]
    readonly_fields = ["of", "language_name", "how_it_stands", "updated_at"]
    formfield_overrides = PLAIN

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Translation]":
        found = super().get_queryset(request)
        own = [
            model.content_kind()
            for model in translation.KINDS
            if request.user.has_perm(
                f"{model._meta.app_label}.change_{model.content_kind()}"
            )
        ]
        offered = [code for code, _name in settings.LANGUAGES]
        return found.filter(Q(model__in=own), language__in=offered)

    def get_object(self, *args: Any, **kwargs: Any) -> Translation | None:
        """Return it with the name that titles and messages are to have."""
        found = super().get_object(*args, **kwargs)
        if not isinstance(found, Translation):
            return None
        found.called = f"{self.of(found)}, {self.language_name(found)}"
        return found

    def get_fields(self, request: HttpRequest, obj: Translation | None = None) -> Any:
        row = row_of(obj) if obj else None
        texts = [f"text_{name}" for name in row.in_english()] if row else []
        return [
            "of", "language_name", "how_it_stands", *texts, "reviewed_by",
            "reviewed_on", "updated_at", *(["seen"] if row else []),
        ]  # fmt: skip

    def has_change_permission(
        self, request: HttpRequest, obj: Translation | None = None
    ) -> bool:
        """Let nobody translate what has been deleted, by a page opened before."""
        gone = obj is not None and row_of(obj) is None
        return not gone and super().has_change_permission(request, obj)

    def get_form(
        self,
        request: HttpRequest,
        obj: Translation | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> "type[ModelForm[Any]]":
        row = row_of(obj) if obj else None
        if obj and row:
            declared: dict[str, Any] = {
                f"text_{name}": text_field(row, name, english, obj)
                for name, english in row.in_english().items()
            }
            declared["seen"] = forms.CharField(
                widget=forms.HiddenInput, initial=row.english_digest()
            )
            kwargs["form"] = type("TranslationForm", (TranslationForm,), declared)
        return super().get_form(request, obj, change=change, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: Translation, form: Any, change: bool
    ) -> None:
        said = form.cleaned_data
        obj.texts = {
            name.removeprefix("text_"): text
            for name, text in said.items()
            if name.startswith("text_") and text
        }
        obj.of_digest = said["seen"]
        super().save_model(request, obj, form, change)
        row = row_of(obj)
        if row and (page := versions.subject_of(row)):
            who, now = who_is(request), timezone.now()
            versions.keep(type(page), [page.pk], by=who, now=now)
            tell_hardness(request, graded_in(page, obj.language))
        tell_flags(request, comparing.flagged_in(obj.texts))

    @admin.display(description=gettext_lazy("text"))
    def of(self, one: Translation) -> str:
        row, _stands = translation.stands(one)
        return f"{capfirst(row._meta.verbose_name)}: {row}" if row else str(one)

    @admin.display(description=gettext_lazy("how it stands"))
    def how_it_stands(self, one: Translation) -> str:
        return str(STANDS[translation.stands(one)[1]])


def text_field(
    row: Translated, name: str, english: str, one: Translation
) -> forms.CharField:
    stored: Any = row._meta.get_field(name)
    rows = min(30, 2 + len(english) // 70 + english.count("\n"))
    return forms.CharField(
        label=capfirst(str(stored.verbose_name)),
        help_text=linebreaksbr(english, autoescape=True),
        initial=one.texts.get(name, ""),
        required=False,
        max_length=stored.max_length,
        widget=forms.Textarea({"rows": rows, "lang": one.language, "dir": "auto"}),
    )
