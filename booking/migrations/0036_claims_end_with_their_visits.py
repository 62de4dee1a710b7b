"""End what was left open before visits ended the claims on them by themselves."""

from typing import Any

from django.db import migrations
from django.utils import timezone


def end_claims(apps: Any, schema_editor: Any) -> None:
    left = apps.get_model("booking", "Claim").objects.filter(
        until=None,
        appointment__status__in=["fulfilled", "noshow", "cancelled"],
    )
    # Somebody may still have to be told by phone.
    left.exclude(task="call").update(until=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("booking", "0035_links_are_sent_again")]

    operations = [migrations.RunPython(end_claims, migrations.RunPython.noop)]
