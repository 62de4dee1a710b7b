"""What the search of the site looks through."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from .content import Content


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
