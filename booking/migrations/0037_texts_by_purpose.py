import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from booking.encryption import digests

PURPOSES = [("reminders", "Reminders of visits"), ("changes", "Changes of visits")]


def for_the_number_of_then(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """What was agreed so far was for the number on the record."""
    consents = apps.get_model("booking", "TextConsent").objects
    for consent in consents.select_related("patient"):
        consent.number_index = digests("text_stop", consent.patient.phone)[0]
        consent.save()


class Migration(migrations.Migration):
    dependencies = [("booking", "0036_claims_end_with_their_visits")]

    operations = [
        migrations.AlterField(
            model_name="textconsent",
            name="patient",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="text_consents",
                to="booking.patient",
            ),
        ),
        migrations.AddField(
            model_name="textconsent",
            name="number_index",
            field=models.CharField(max_length=64, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="textconsent",
            name="purpose",
            field=models.CharField(
                choices=PURPOSES, max_length=10, default="reminders"
            ),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="textconsent",
            constraint=models.UniqueConstraint(
                fields=("patient", "purpose"), name="text_consent_one_a_purpose"
            ),
        ),
        migrations.AddField(
            model_name="textstop",
            name="ended_at",
            field=models.DateTimeField(
                blank=True, null=True, help_text="When START came from the number."
            ),
        ),
        migrations.AlterField(
            model_name="textstop",
            name="purpose",
            field=models.CharField(
                choices=[*PURPOSES, ("all", "All texts")], max_length=10
            ),
        ),
        migrations.RunPython(for_the_number_of_then, migrations.RunPython.noop),
    ]
