"""How to get ready for a visit, in the words that a patient was shown."""

import hashlib
from typing import NamedTuple

from django.conf import settings
from django.db import models

from services import rows
from services.functions import Function
from services.languages import offered
from services.models import Service
from services.translation import text_of


class PreparationText(models.Model):
    """One wording of one service's text. Written once, never changed; see `digest`.

    Visits name the wording that stood there when they were asked for. An empty one says
    that nothing was there.
    """

    digest = models.CharField(max_length=64, unique=True)
    language = models.CharField(max_length=12)
    text = models.TextField(blank=True, help_text="Markdown.")

    def __str__(self) -> str:
        return self.digest[:12]

    @classmethod
    def of(cls, service: Service, language: str) -> "PreparationText":
        """Return the row of what the service says now to who reads that language.

        It is written down, if nobody was shown these words before.
        """
        return Wording.of(service, language).read()

    def still_says(self, service: Service) -> bool:
        """Tell whether the service says the same, in the language that was shown."""
        text = text_of(service, "preparation", self.language)
        return self.digest == digest_of(self.language, text)

    @property
    def is_as_written(self) -> bool:
        return self.digest == digest_of(self.language, self.text)


# Gives the row of a wording, if there is one.
PREPARATION = Function(
    "booking_preparation",
    {"digest": "text"},
    lambda vendor: rows.text_of(vendor, PreparationText, "digest = {digest}"),
)


class Wording(NamedTuple):
    """What a service says now, in a language; see `PreparationText.of`."""

    language: str
    text: str

    @classmethod
    def of(cls, service: Service, language: str) -> "Wording":
        """Return it in English where it could not be translated."""
        language = offered(language)
        text = text_of(service, "preparation", language)
        if text == text_of(service, "preparation", settings.LANGUAGE_CODE):
            language = settings.LANGUAGE_CODE
        return cls(language, text)

    @property
    def known(self) -> rows.Select:
        """Return what gives the row of it, if there is one."""
        return PREPARATION(digest=digest_of(self.language, self.text))

    def read(self) -> PreparationText:
        return self.row(*rows.texts(self.known))

    def row(self, known: str) -> PreparationText:
        """Return the row of it, written down if it was not `known`."""
        for row in rows.instances(PreparationText, rows.values(PreparationText, known)):
            return row  # as nearly always; quicker than to get it
        made, _ = PreparationText.objects.get_or_create(
            digest=digest_of(self.language, self.text),
            defaults={"language": self.language, "text": self.text},
        )
        return made


def digest_of(language: str, text: str) -> str:
    """Return the SHA-256, in hexadecimal, of a text in a language."""
    return hashlib.sha256(f"{language}\n{text}".encode()).hexdigest()
