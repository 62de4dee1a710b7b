"""What patients could read of a page once, and what it is to say one day."""

from datetime import datetime
from typing import Any

from django.db import models

from .content import signature


def title_of(content: dict[str, Any]) -> str:
    return str(content.get("name") or content.get("title"))


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
    def title(self) -> str:
        return title_of(self.content)

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
        return title_of(self.content)

    @property
    def approver(self) -> str:
        return signature(
            self.approved_by, self.approved_credentials, self.approved_profession
        )
