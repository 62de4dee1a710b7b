from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("booking", "0038_consent_for_others_in_its_words")]

    operations = [
        migrations.AddField(
            model_name="textstop",
            name="heard_by",
            field=models.CharField(
                blank=True,
                choices=[
                    ("phone", "They said so on the phone"),
                    ("desk", "They said so at the desk"),
                    ("writing", "They wrote to us"),
                    ("stranger", "The number is not, or no longer, the patient’s"),
                ],
                help_text="How staff heard it, where they say so.",
                max_length=10,
            ),
        ),
    ]
