"""Forms that were acted on, so that sending one again does nothing again."""

import uuid

from django.db import models


class FormKey(models.Model):
    """The key of a form that was acted on, and what came of it. See `booking.once`.

    `attempt` tells who of several that sent the form at one moment wrote the row.
    """

    key = models.UUIDField(primary_key=True)
    digest = models.CharField(max_length=64)
    attempt = models.UUIDField(default=uuid.uuid4)
    answer = models.JSONField(null=True)
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.key)
