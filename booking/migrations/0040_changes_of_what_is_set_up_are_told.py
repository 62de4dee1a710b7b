"""Triggers put in place after migrating, see booking/guards.py; they go before their table."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("booking", "0039_texts_stop_by_word"),
        ("services", "0012_what_is_set_up_has_an_edition"),
    ]

    operations = []
