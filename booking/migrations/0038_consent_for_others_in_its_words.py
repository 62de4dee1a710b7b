"""The very words to which somebody said that they may arrange care, and when."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("booking", "0037_texts_by_purpose"),
    ]

    operations = [
        migrations.AddField(
            model_name="appointment",
            name="may_arrange_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="appointment",
            name="may_arrange_version",
            field=models.CharField(
                blank=True, help_text="A digest of the words.", max_length=16
            ),
        ),
        migrations.AddField(
            model_name="appointment",
            name="may_arrange_wording",
            field=models.TextField(
                blank=True, help_text="The very words that they said yes to."
            ),
        ),
    ]
