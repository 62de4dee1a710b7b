from typing import Any

from django.db import migrations, models

from booking.encryption import digests
from booking.names import fold

PAGE = 1000


def index_who_is_there(apps: Any, schema_editor: Any) -> None:
    """Derive for each patient what newer rows derive when they are saved."""
    patients = apps.get_model("booking", "Patient").objects.order_by("pk")
    page, last = list(patients[:PAGE]), 0
    while page:
        for patient in page:
            name = f"{patient.given_name} {patient.family_name}"
            patient.folded_name = fold(name)
            for index, text in (
                ("birth_date_index", patient.birth_date_text),
                ("phone_index", patient.phone),
                ("phone_end_index", patient.phone[-4:]),
                ("email_index", patient.email.lower()),
            ):
                setattr(patient, index, (digests(index, text) or [""])[0])
        patients.bulk_update(page, [name for name, _index in DERIVED], batch_size=100)
        last = page[-1].pk
        page = list(patients.filter(pk__gt=last)[:PAGE])


DERIVED = [
    ("folded_name", "patient_name"),
    ("birth_date_index", "patient_born"),
    ("phone_index", "patient_phone"),
    ("phone_end_index", "patient_phone_end"),
    ("email_index", "patient_email"),
]


class Migration(migrations.Migration):
    dependencies = [("booking", "0018_papers_before_a_visit")]

    operations = [
        *(
            migrations.AddField(
                "patient", name, models.TextField(default="", editable=False)
            )
            for name, _index in DERIVED
        ),
        migrations.RunPython(index_who_is_there, migrations.RunPython.noop),
        *(
            migrations.AddIndex("patient", models.Index(fields=[name], name=index))
            for name, index in DERIVED
        ),
    ]
