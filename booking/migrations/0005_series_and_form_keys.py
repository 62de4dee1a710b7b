import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("booking", "0004_chores")]

    operations = [
        migrations.AddField(
            "appointment",
            "series",
            models.UUIDField(
                blank=True,
                db_index=True,
                editable=False,
                help_text="Joins the visits that staff made in one go.",
                null=True,
            ),
        ),
        migrations.CreateModel(
            "FormKey",
            [
                ("key", models.UUIDField(primary_key=True, serialize=False)),
                ("digest", models.CharField(max_length=64)),
                ("attempt", models.UUIDField(default=uuid.uuid4)),
                ("answer", models.JSONField(null=True)),
                ("at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
