from typing import Any

from django.db import migrations
from django.db.models import TextField
from django.db.models.functions import Cast

import booking.encryption


def encrypt_what_is_there(apps: Any, schema_editor: Any) -> None:
    """Write each language anew, which encrypts it; read as text, which does not decrypt."""
    patients = apps.get_model("booking", "Patient").objects
    plain = patients.annotate(plain=Cast("language", TextField()))
    for pk, language in list(plain.values_list("pk", "plain")):
        patients.filter(pk=pk).update(language=language)


class Migration(migrations.Migration):
    dependencies = [("booking", "0002_database_guards")]

    operations = [
        migrations.AlterField(
            "patient", "language", booking.encryption.EncryptedTextField(blank=True)
        ),
        migrations.RunPython(encrypt_what_is_there),
    ]
