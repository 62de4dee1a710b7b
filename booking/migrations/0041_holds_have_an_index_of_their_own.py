from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("booking", "0040_changes_of_what_is_set_up_are_told")]

    operations = [
        migrations.AlterField(
            "reservation",
            "hold_key",
            models.CharField(blank=True, max_length=64),
        ),
        migrations.AddIndex(
            "reservation",
            models.Index(
                fields=["hold_key"],
                name="reservation_held",
                condition=models.Q(hold_key__gt=""),
            ),
        ),
    ]
