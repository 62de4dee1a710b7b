import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("booking", "0012_closures_have_an_index_of_their_own"),
        ("services", "0001_clinic_services_and_pages"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="appointment",
            options={
                "permissions": [
                    ("answer_appointment", "Can answer requests and cancel"),
                    ("see_own_day", "Can see their own visits and record what became"),
                    ("view_reports", "Can read the reports"),
                    ("export_visits", "Can take visits out as a file"),
                    ("view_trail", "Can read who did and saw what"),
                ]
            },
        ),
        migrations.AddField(
            model_name="resource",
            name="user",
            field=models.OneToOneField(
                blank=True,
                help_text="With which this clinician signs in and sees their own day.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="resource",
                to=settings.AUTH_USER_MODEL,
                verbose_name="account",
            ),
        ),
        migrations.AddConstraint(
            model_name="resource",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind", "clinician"), ("user__isnull", True), _connector="OR"
                ),
                name="account_only_of_a_clinician",
                violation_error_message="Choose an account only for a clinician.",
            ),
        ),
    ]
