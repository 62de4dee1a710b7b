from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("booking", "0026_closed_time_has_owners")]

    operations = [
        migrations.RemoveIndex("reservation", "reservation_busy"),
        migrations.AddIndex(
            "reservation",
            models.Index(
                fields=["resource", "start", "end", "expires_at", "closure"],
                name="reservation_busy",
            ),
        ),
    ]
