"""What the clinic offers and says about itself; read by the public, edited by staff."""

import hashlib
import json
from collections.abc import Collection
from datetime import date, datetime
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

# Beside a text that may hold more than words.
HOW_TO_WRITE = _("Lists, links and warnings: see “How to write” above.")
# The section of a service's page that says what to do after a visit.
AFTERCARE = "afterwards"


class Weekday(models.IntegerChoices):
    """ISO order, Monday first, as `datetime.date.weekday()` counts."""

    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


class Translated(models.Model):
    """A row with texts that other languages have beside it, see `translation`.

    `english` has the texts of the row while it speaks another language, and
    `left_english` names those fields that it could not say in that.
    """

    translated_fields: ClassVar[tuple[str, ...]] = ()

    english: dict[str, str] | None = None
    left_english: frozenset[str] = frozenset()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save as Django does. Raises TypeError for what speaks another language."""
        if self.english is not None:
            raise TypeError(f"{self!r} is not in English: read it again to change it.")
        super().save(*args, **kwargs)

    @classmethod
    def content_kind(cls) -> str:
        return str(cls._meta.model_name)

    def in_english(self) -> dict[str, str]:
        """Return the texts that there are, by field."""
        if self.english is not None:
            return self.english
        texts = {name: str(getattr(self, name)) for name in self.translated_fields}
        return {name: text for name, text in texts.items() if text}

    def english_digest(self) -> str:
        """Return the SHA-256, in hexadecimal, of the English texts."""
        text = json.dumps(self.in_english(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


class Content(Translated):
    """A row that a file in the repository may fill, and staff may then edit.

    `loaded_digest` is the digest of what the file last put here. While the row still
    has that digest nobody has edited it, so a newer file may replace it. `entry` names
    the place in the files, and stays when staff change a slug or a label.
    """

    content_fields: ClassVar[tuple[str, ...]] = ()

    entry = models.CharField(max_length=160, blank=True, editable=False)

    loaded_digest = models.CharField(max_length=64, blank=True, editable=False)
    updated_at = models.DateTimeField(_("last changed"), auto_now=True)

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Let texts be the same from a form, whose lines end in CR LF, as from a file.

        Else a text that nobody changed would differ, and lose its translation.
        """
        for name in self.translated_fields:
            text = str(getattr(self, name)).replace("\r\n", "\n").strip()
            setattr(self, name, text)
        super().clean_fields(exclude=exclude)

    def digest(self) -> str:
        """Return the SHA-256, in hexadecimal, of the fields that a file may fill."""
        values: dict[str, Any] = {f: getattr(self, f) for f in self.content_fields}
        text = json.dumps(values, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def edited_by_staff(self) -> bool:
        return self.digest() != self.loaded_digest


def signature(name: str, credentials: str, profession: str) -> str:
    """Return who somebody qualified is: Jane Doe, MD, physician (PM&R)."""
    return ", ".join(filter(None, [name, credentials, profession]))


class Reviewed(models.Model):
    """What somebody qualified has read and found right, until when.

    Patients read the credentials and the licensed profession with the name.
    """

    reviewed_by = models.CharField(max_length=150, blank=True, editable=False)
    reviewer_credentials = models.CharField(max_length=40, blank=True, editable=False)
    reviewer_profession = models.CharField(max_length=120, blank=True, editable=False)
    reviewed_on = models.DateField(null=True, editable=False)
    next_review = models.DateField(null=True, editable=False)

    class Meta:
        abstract = True

    @property
    def reviewer(self) -> str:
        return signature(
            self.reviewed_by, self.reviewer_credentials, self.reviewer_profession
        )


class LoadedEntry(models.Model):
    """A place in the content files that has filled a row before.

    When the row is gone but its entry is here, staff deleted it: it must not come back.
    """

    entry = models.CharField(max_length=160, unique=True)

    def __str__(self) -> str:
        return self.entry


class Clinic(Content):
    """The one practice that this site is for. What is unknown stays empty, unseen."""

    content_fields = (
        "name", "summary", "street", "city", "region", "postal_code", "phone",
        "email", "getting_here", "step_free_access", "is_demo",
    )  # fmt: skip
    translated_fields = ("summary", "getting_here", "step_free_access")

    name = models.CharField(max_length=120)
    summary = models.CharField(max_length=200, blank=True)
    street = models.CharField(max_length=120, blank=True)
    city = models.CharField(max_length=80, blank=True)
    region = models.CharField(_("state"), max_length=40, blank=True)
    postal_code = models.CharField(max_length=12, blank=True)
    phone = models.CharField(
        max_length=20,
        help_text=_("As people dial it, with the area code: (212) 555-0143."),
    )
    email = models.EmailField(blank=True)
    getting_here = models.TextField(blank=True, help_text=HOW_TO_WRITE)
    step_free_access = models.TextField(blank=True, help_text=HOW_TO_WRITE)
    is_demo = models.BooleanField(
        _("demo data"),
        default=False,
        help_text=_(
            "Shows on every page that the phone, hours and people are made up."
        ),
    )

    class Meta:
        verbose_name_plural = _("clinic")
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="clinic_is_one_row")
        ]

    def __str__(self) -> str:
        return self.name


class OpeningHours(models.Model):
    """When the front desk answers the phone, in the clinic's wall time."""

    clinic = models.ForeignKey(Clinic, models.CASCADE, related_name="opening_hours")
    weekday = models.PositiveSmallIntegerField(choices=Weekday)
    opens = models.TimeField()
    closes = models.TimeField()

    class Meta:
        ordering = ["weekday", "opens"]
        verbose_name_plural = _("opening hours")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(closes__gt=models.F("opens")),
                name="opening_hours_close_after_they_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H:%M}–{self.closes:%H:%M}"

    def clean(self) -> None:
        """Say in words what the constraint would say by its name."""
        if self.opens and self.closes and self.closes <= self.opens:
            raise ValidationError({"closes": _("The end must be after the start.")})


class ClinicianQuerySet(models.QuerySet["Clinician"]):
    def with_photos(self) -> "ClinicianQuerySet":
        """Read what names the photos along with them, and none of the pictures."""
        photos = self.select_related("photo").defer("photo__master")
        return photos.prefetch_related("photo__files")


class Clinician(Content):
    """A person who sees patients. The profession stands beside the name everywhere.

    Source: New York General Business Law 350-b (who promotes health services as
    "doctor" says the licensed profession next to it).
    """

    content_fields = (
        "slug", "name", "credentials", "profession", "languages", "biography",
        "order", "is_demo",
    )  # fmt: skip
    translated_fields = ("profession", "biography")

    slug = models.SlugField(_("end of the address"), unique=True)
    name = models.CharField(max_length=120)
    credentials = models.CharField(max_length=40, blank=True, help_text="MD")
    profession = models.CharField(max_length=120, help_text="physician (PM&R)")
    languages = models.CharField(max_length=120, blank=True)
    biography = models.TextField(blank=True, help_text=HOW_TO_WRITE)
    order = models.PositiveSmallIntegerField(default=0)
    is_demo = models.BooleanField(_("demo data"), default=False)

    objects = ClinicianQuerySet.as_manager()

    class Meta:
        ordering = ["order", "name"]

    def __str__(self) -> str:
        return ", ".join(filter(None, [self.name, self.credentials]))


class WithoutPictures(models.Manager[Any]):
    """Rows without what is large in them, which is read when somebody asks for it."""

    def get_queryset(self) -> models.QuerySet[Any]:
        fields = self.model._meta.concrete_fields
        large = [f.name for f in fields if isinstance(f, models.BinaryField)]
        return super().get_queryset().defer(*large)


class Photo(Translated):
    """A picture as `photos.master` has made it from what was uploaded.

    It is of a clinician, stands on the page of a service, or shows the clinic. `alt`
    says what it shows; of a clinician that is the name. What must not be cut off is at
    `focus`, in percent from the left and from the top.
    """

    content_fields = ("alt", "order", "focus_x", "focus_y")
    translated_fields = ("alt",)

    clinician = models.OneToOneField(
        Clinician, models.CASCADE, related_name="photo", null=True, editable=False
    )
    service = models.OneToOneField(
        "Service",
        models.CASCADE,
        related_name="photo",
        null=True,
        blank=True,
        error_messages={
            "unique": _("This page has a photo already. Change that one instead.")
        },
    )
    alt = models.CharField(
        _("what it shows"),
        max_length=160,
        blank=True,
        help_text=_(
            "One sentence for people who do not see the picture. Other languages have"
            " theirs under “Translations”."
        ),
    )
    order = models.PositiveSmallIntegerField(_("place in the page"), default=0)
    master = models.BinaryField()
    focus_x = models.PositiveSmallIntegerField(
        _("main point, from the left"),
        default=50,
        validators=[MaxValueValidator(100)],
        help_text=_("0 is the left edge of the picture, 100 the right one."),
    )
    focus_y = models.PositiveSmallIntegerField(
        _("main point, from the top"),
        default=50,
        validators=[MaxValueValidator(100)],
        help_text=_("0 is the upper edge of the picture, 100 the lower one."),
    )

    objects = WithoutPictures()

    class Meta:
        ordering = ["order", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(clinician=None) | models.Q(service=None),
                name="photo_has_one_place",
            ),
            models.CheckConstraint(
                condition=models.Q(clinician__isnull=False) | ~models.Q(alt=""),
                name="photo_says_what_it_shows",
            ),
        ]

    def __str__(self) -> str:
        return self.alt or str(self.clinician)

    @property
    def focus(self) -> tuple[int, int]:
        return self.focus_x, self.focus_y

    def of_kind(self, kind: str) -> list["PhotoFile"]:
        """Return what there is in that format, the smallest first."""
        return [file for file in self.files.all() if file.kind == kind]


class PhotoFile(models.Model):
    """What browsers get of a photo: one format, one width.

    It stands in the database, so that it comes and goes with its photo in one
    transaction, is in every backup, and is the same on every web node.
    """

    photo = models.ForeignKey(Photo, models.CASCADE, related_name="files")
    kind = models.CharField(max_length=10, help_text="What follows image/.")
    width = models.PositiveSmallIntegerField(help_text="In pixels.")
    digest = models.CharField(max_length=32, db_index=True)
    data = models.BinaryField()

    objects = WithoutPictures()

    class Meta:
        ordering = ["width"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["photo", "kind", "width"], name="one_photo_file_a_width"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}, {self.width} px"

    def get_absolute_url(self) -> str:
        """Return where it is, which is the same for every language."""
        with override(settings.LANGUAGE_CODE):
            return reverse("services:photo", args=[self.digest, self.kind])


class KeptPicture(models.Model):
    """What `master` of a photo was in some version of a page, each picture once.

    The database refuses to change or delete one, see `booking.guards`.
    """

    digest = models.CharField(
        max_length=64, unique=True, help_text="Its SHA-256, in hexadecimal."
    )
    data = models.BinaryField()

    objects = WithoutPictures()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.digest


class ServiceQuerySet(models.QuerySet["Service"]):
    def published(self) -> "ServiceQuerySet":
        """Return what patients may read."""
        return self.filter(is_published=True)

    def with_parts(self) -> "ServiceQuerySet":
        """Read all that stands on each page along with it."""
        return self.prefetch_related("facts", "sections", "screening_questions")

    def with_photos(self) -> "ServiceQuerySet":
        """Read what names the photos along with them, and none of the pictures."""
        photos = self.select_related("photo").defer("photo__master")
        return photos.prefetch_related("photo__files")


class Service(Reviewed, Content):
    """A treatment or a test that has a page of its own."""

    class Kind(models.TextChoices):
        THERAPY = "therapy", _("Treatment")
        TEST = "test", _("Test")

    content_fields = (
        "slug", "kind", "name", "other_names", "summary", "preparation", "call_911",
        "call_us", "order", "is_published",
    )  # fmt: skip
    translated_fields = (
        "name",
        "other_names",
        "summary",
        "preparation",
        "call_911",
        "call_us",
    )

    slug = models.SlugField(_("end of the address"), unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=120)
    other_names = models.CharField(
        max_length=200, blank=True, help_text=_("Other words people use for it.")
    )
    summary = models.CharField(max_length=240)
    preparation = models.TextField(
        blank=True,
        help_text=_("How to get ready; also sent with the confirmation."),
    )
    call_911 = models.TextField(
        _("call 911 if"), blank=True, help_text=_("One reason a line.")
    )
    call_us = models.TextField(
        _("call us the same day if"), blank=True, help_text=_("One reason a line.")
    )
    order = models.PositiveSmallIntegerField(default=0)
    is_published = models.BooleanField(default=False)

    objects = ServiceQuerySet.as_manager()

    class Meta:
        ordering = ["order", "name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("services:service", args=[self.slug])

    @property
    def changed_on(self) -> date:
        """Return the day, in UTC, on which a word of the page changed last."""
        parts = (self.facts, self.sections, self.screening_questions)
        rows = [self, *(row for part in parts for row in part.all())]
        return max(row.updated_at for row in rows).date()

    @property
    def aftercare_url(self) -> str:
        """Return where the page says what to do afterwards; "" if it does not."""
        told = self.is_published and self.sections.filter(anchor=AFTERCARE).exists()
        return f"{self.get_absolute_url()}#{AFTERCARE}" if told else ""


class Fact(Content):
    """A line of the at-a-glance box: a short label and a short answer."""

    content_fields = ("label", "value", "order")
    translated_fields = ("label", "value")

    service = models.ForeignKey(Service, models.CASCADE, related_name="facts")
    label = models.CharField(max_length=60)
    value = models.CharField(max_length=80)
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "label"], name="one_fact_a_label"
            )
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.value}"


class Section(Content):
    """One question of a patient on a service's page, and its answer."""

    content_fields = ("anchor", "question", "answer", "order")
    translated_fields = ("question", "answer")

    service = models.ForeignKey(Service, models.CASCADE, related_name="sections")
    anchor = models.SlugField(help_text=_("The end of the link to this question."))
    question = models.CharField(max_length=120)
    answer = models.TextField(help_text=HOW_TO_WRITE)
    order = models.PositiveSmallIntegerField(_("place in the page"), default=0)

    class Meta:
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "anchor"], name="one_section_an_anchor"
            )
        ]

    def __str__(self) -> str:
        return self.question


class ScreeningQuestion(Content):
    """Something to tell the clinic before a visit.

    One source: `tell_us` is a line of "Tell us before you come" on the page, `question`
    is asked while booking with yes, no and not sure, `advice` answers the patient who
    said yes or not sure, and `flag` is what the front desk reads. An answer never
    decides; it only makes a flag.
    """

    content_fields = (
        "code", "tell_us", "question", "hint", "advice", "flag", "order",
    )  # fmt: skip
    translated_fields = ("tell_us", "question", "hint", "advice")

    service = models.ForeignKey(
        Service, models.CASCADE, related_name="screening_questions"
    )
    code = models.SlugField(help_text=_("Stays the same when the words change."))
    tell_us = models.CharField(
        max_length=200,
        help_text=_("Ends the sentence “Tell us before you come if you…”"),
    )
    question = models.CharField(max_length=200)
    hint = models.CharField(max_length=240, blank=True)
    advice = models.TextField(blank=True)
    flag = models.CharField(max_length=60)
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "code"], name="one_screening_question_a_code"
            )
        ]

    def __str__(self) -> str:
        return self.question


class PageQuerySet(models.QuerySet["Page"]):
    def published(self) -> "PageQuerySet":
        """Return what patients may read."""
        return self.filter(is_published=True)


class Page(Reviewed, Content):
    """A page of plain text that the law or good manners ask for."""

    content_fields = ("slug", "title", "summary", "body", "order", "is_published")
    translated_fields = ("title", "summary", "body")

    slug = models.SlugField(_("end of the address"), unique=True)
    title = models.CharField(max_length=120)
    summary = models.CharField(max_length=240, blank=True)
    body = models.TextField(help_text=HOW_TO_WRITE)
    order = models.PositiveSmallIntegerField(_("place in the footer"), default=0)
    is_published = models.BooleanField(default=False)

    objects = PageQuerySet.as_manager()

    class Meta:
        ordering = ["order", "title"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("services:page", args=[self.slug])

    @property
    def changed_on(self) -> date:
        """Return the day, in UTC, on which a word of the page changed last."""
        return self.updated_at.date()


class Translation(Content):
    """The texts of one row in one language, by field, and who said that they are right.

    `of_digest` is that of the English that they translate: once the English is changed,
    they are stale, and are not shown. `model` and `row` name what they are of.
    """

    content_fields = ("texts", "of_digest", "reviewed_by", "reviewed_on")

    model = models.CharField(max_length=40, editable=False)
    row = models.PositiveBigIntegerField(editable=False)
    language = models.CharField(max_length=10, editable=False)
    texts = models.JSONField(default=dict, blank=True)
    of_digest = models.CharField(max_length=64, blank=True, editable=False)
    reviewed_by = models.CharField(
        _("reviewed by"),
        max_length=120,
        blank=True,
        help_text=_(
            "The name of the qualified translator who has read these texts beside the"
            " English. Without one, patients see the English."
        ),
    )
    reviewed_on = models.DateField(_("reviewed on"), null=True, blank=True)

    class Meta:
        ordering = ["language", "model", "row"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "row", "language"], name="one_translation_a_language"
            )
        ]

    def __str__(self) -> str:
        return f"{self.language}, {self.model} {self.row}"


class Version(models.Model):
    """What patients could read of a page from a moment on, in all languages.

    The database refuses to change or delete one, see `booking.guards`. Whoever made it
    is named by key and name, so that it outlives the account.

    Source: 8 NYCRR 29.1 (an exact copy of an advertisement is kept for a year).
    """

    kind = models.CharField(max_length=40)
    row = models.PositiveBigIntegerField()
    number = models.PositiveIntegerField(help_text="1, 2, 3 … of one page.")
    content = models.JSONField()
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()
    user_id = models.BigIntegerField(null=True)
    by = models.CharField(max_length=150)

    class Meta:
        ordering = ["kind", "row", "-number"]
        default_permissions = ()
        permissions = [
            ("approve_content", "Can say that a text is right for patients"),
            ("publish_content", "Can decide what patients read"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "row", "number"], name="one_version_a_number"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.row}, {self.number}"

    @property
    def is_public(self) -> bool:
        return bool(self.content.get("is_published", True))

    @property
    def reviewer(self) -> str:
        review = self.content.get("reviewed", {})
        names = ("reviewed_by", "reviewer_credentials", "reviewer_profession")
        return signature(*(review.get(name, "") for name in names))


class DraftQuerySet(models.QuerySet["Draft"]):
    def due(self, now: datetime) -> "DraftQuerySet":
        """Return what is to be published by now, and was not kept from it yet."""
        return self.filter(publish_at__lte=now, stopped="")


class Draft(models.Model):
    """What a page is to say one day: the newest wording, and who has approved it.

    An approval is of these words: with other words there is a new draft without one.
    So is a time at which it is to be published, `publish_at`; `publish_seen` tells
    whether the page still is as it was when `publish_by` chose that. Once the time
    came, `stopped` says why it is a draft still.
    """

    kind = models.CharField(max_length=40)
    row = models.PositiveBigIntegerField()
    content = models.JSONField()
    at = models.DateTimeField()
    user_id = models.BigIntegerField(null=True)
    by = models.CharField(max_length=150)
    approved_at = models.DateTimeField(null=True)
    approved_by = models.CharField(max_length=150, blank=True)
    approved_credentials = models.CharField(max_length=40, blank=True)
    approved_profession = models.CharField(max_length=120, blank=True)
    next_review = models.DateField(null=True)
    publish_at = models.DateTimeField(null=True)
    publish_user_id = models.BigIntegerField(null=True)
    publish_by = models.CharField(max_length=150, blank=True)
    publish_seen = models.CharField(max_length=64, blank=True)
    stopped = models.TextField(blank=True)

    objects = DraftQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["kind", "row"], name="one_draft_a_page")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.row}"

    @property
    def title(self) -> str:
        return str(self.content.get("name") or self.content.get("title"))

    @property
    def approver(self) -> str:
        return signature(
            self.approved_by, self.approved_credentials, self.approved_profession
        )


class SameWords(Content):
    """Words that mean the same to patients: who types one finds what says another."""

    content_fields = ("language", "words")

    language = models.CharField(max_length=10)
    words = models.TextField(
        _("words that mean the same"),
        help_text=_(
            "One word or phrase a line, as people say it. Who searches for one of them"
            " finds the pages that say another."
        ),
    )

    class Meta:
        ordering = ["language", "pk"]
        verbose_name = _("words that mean the same")
        verbose_name_plural = _("words that mean the same")

    def __str__(self) -> str:
        return next(iter(self.phrases()), "")

    def phrases(self) -> list[str]:
        return [line.strip() for line in self.words.splitlines() if line.strip()]

    def clean(self) -> None:
        if len(self.phrases()) < 2:
            told = _("Write two words or phrases, each on a line of its own.")
            raise ValidationError({"words": told})


class Passage(models.Model):
    """A part of a public page in one language, for the search; see `searching`.

    Made from what is published, and never read where that has changed since.
    """

    language = models.CharField(max_length=10)
    place = models.PositiveIntegerField()
    path = models.CharField(max_length=300)
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    title_language = models.CharField(max_length=10)
    heading = models.CharField(max_length=200)
    text = models.TextField()
    text_language = models.CharField(max_length=10)
    words = models.TextField()

    class Meta:
        ordering = ["language", "place"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["language", "place"], name="one_passage_a_place"
            )
        ]

    def __str__(self) -> str:
        return f"{self.language}, {self.title}: {self.heading}"


class KnownWord(models.Model):
    """A word of the passages, folded; slips of the keys are told by these."""

    language = models.CharField(max_length=10)
    word = models.CharField(max_length=200)

    class Meta:
        ordering = ["language", "word"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["language", "word"], name="one_known_word_a_language"
            )
        ]

    def __str__(self) -> str:
        return self.word


class SearchIndex(models.Model):
    """What the passages were made from, as a digest. One row, which is locked."""

    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.digest


class Edition(models.Model):
    """What the database changes with whatever the clinic sets up. One row.

    Triggers do (`booking.guards`), whoever writes. No two states of all that is set up
    have had the same mark: it is random, so that not even one that was rolled back has.
    """

    mark = models.CharField(max_length=36)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.mark
