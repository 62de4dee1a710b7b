"""Staff say in which language to write to a patient."""

from booking.models import Patient
from booking.policy import Act

from .road import By, act, check_right


@act
def write_in(patient_id: int, language: str, *, by: By) -> bool:
    """Write to the patient in a language from now on; return whether that is new.

    What is written already stays as it is. Raises NotAllowed.
    """
    check_right(Act.ACCEPT, by)
    patients = Patient.objects.filter(pk=patient_id)
    others = patients.exclude(message_language=language)
    return others.update(message_language=language) == 1
