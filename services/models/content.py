"""What rows have in common that files fill, staff edit and translators translate."""

import hashlib
import json
from collections.abc import Collection
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

# Beside a text that may hold more than words.
HOW_TO_WRITE = _("Lists, links and warnings: see “How to write” above.")


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


class Translation(Content):
    """The texts of one row in one language, by field, and who said that they are right.

    `of_digest` is that of the English that they translate: once the English is changed,
    they are stale, and are not shown. `model` and `row` name what they are of.
    """

    content_fields = ("texts", "of_digest", "reviewed_by", "reviewed_on")
    # What staff call it, where somebody has looked up what it is of.
    called = ""

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
        return self.called or f"{self.language}, {self.model} {self.row}"
