"""The rules that the database itself keeps; see booking/guards.py."""

from typing import Any

from django.db import migrations
from django.db.utils import ProgrammingError

from booking import guards


def install(apps: Any, schema_editor: Any) -> None:
    try:
        guards.install(schema_editor.connection)
    except ProgrammingError as error:
        if "btree_gist" not in str(error) and "permission" not in str(error):
            raise
        raise RuntimeError(
            "The database role may not create the extension btree_gist. Connect as a"
            " superuser or as the owner of the database and run:"
            " CREATE EXTENSION btree_gist; then migrate again."
        ) from error


def remove(apps: Any, schema_editor: Any) -> None:
    guards.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("booking", "0001_appointments")]

    operations = [migrations.RunPython(install, remove)]
