"""Pages for patients: of a service with all that stands on it, and of text alone."""

from datetime import date

from django.db import models
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _

from .content import HOW_TO_WRITE, Content, Reviewed

# The section of a service's page that says what to do after a visit.
AFTERCARE = "afterwards"


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
        """Return the day, in clinic time, on which a word of the page changed last."""
        parts = (self.facts, self.sections, self.screening_questions)
        rows = [self, *(row for part in parts for row in part.all())]
        return localdate(max(row.updated_at for row in rows))

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


# The code of the question about a referral. A visit that needs one asks before the
# times, and this question no more.
REFERRAL = "referral"


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
        """Return the day, in clinic time, on which a word of the page changed last."""
        return localdate(self.updated_at)
