"""Patients: that they can be read and found, and who was joined to whom."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Exists, OuterRef, TextField
from django.db.models.functions import Cast

from booking.encryption import Unreadable, decrypt
from booking.models import Merge, Patient
from booking.models.patient import DERIVED

from .fault import Fault, pages

# As it is stored, so that what no key opens is a fault and not an error.
_SECRET = [Cast(name, TextField()) for name in ("birth_date_text", "phone", "email")]


def find(now: datetime) -> Iterator[Fault]:
    yield from _people()
    yield from _merges()


def _people() -> Iterator[Fault]:
    """See that each patient can be read, and found by what the row says."""
    names = ["given_name", "family_name", *(field.name for field in DERIVED)]
    for page in pages(Patient.objects.all(), *names, *_SECRET):
        for pk, given, family, *found in page:
            found, secret = found[: len(DERIVED)], found[len(DERIVED) :]
            try:
                born, phone, email = (decrypt(text) if text else "" for text in secret)
            except Unreadable:
                yield Fault(
                    "unreadable",
                    f"No key in FIELD_KEYS opens what patient {pk} told us.",
                )
                continue
            patient = Patient(
                given_name=given, family_name=family, birth_date_text=born,
                phone=phone, email=email,
            )  # fmt: skip
            if any(
                text not in field.right_for(patient)
                for field, text in zip(DERIVED, found, strict=True)
            ):
                yield Fault(
                    "cannot_be_found",
                    f"Patient {pk} is not found by what the row says. Save it again.",
                )


def _merges() -> Iterator[Fault]:
    """See that from a second record one step leads to the first, and no further."""
    standing = Merge.objects.standing()
    further = standing.filter(duplicate=OuterRef("patient"))
    for merge in standing.filter(Exists(further)):
        yield Fault(
            "merged_in_a_row",
            f"Patient {merge.duplicate_id} is joined to {merge.patient_id}, which is"
            " joined to another.",
        )
