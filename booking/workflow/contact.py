"""Staff put right how a patient is reached, and what was owed goes there."""

from dataclasses import astuple, dataclass, fields
from datetime import datetime

from booking import links, messages, once
from booking.errors import ChangedMeanwhile, NotPossibleNow
from booking.models import Appointment, Message, Patient
from booking.policy import TRANSITIONS, Act

from .road import By, act, check_right, record


@dataclass(frozen=True, slots=True)
class Contact:
    """How a patient is reached; the phone number in E.164."""

    email: str
    phone: str
    contact_by: str
    message_language: str

    @classmethod
    def of(cls, patient: Patient) -> "Contact":
        return cls(*(getattr(patient, field.name) for field in fields(cls)))

    def digest(self) -> str:
        """Return what a page says that it showed, without showing it."""
        return once.digest(astuple(self))


@act
def correct_contact(
    patient_id: int, contact: Contact, *, by: By, now: datetime, seen: str
) -> bool:
    """Reach the patient so from now on; return whether that is new.

    `seen` is the digest of the contact that the screen showed. Each visit that is not
    over has an event. With another email address, all links of all visits of the record
    end; who has such a visit is sent where it stands, with a new link, and what waits
    or did not arrive goes to the new address. To the old one goes nothing.

    Raises ChangedMeanwhile, NotPossibleNow for who was made anonymous, NotAllowed;
    ValueError for a contact by which nobody is reached.
    """
    check_right(Act.CORRECT, by)
    if not contact.email and not contact.phone:
        raise ValueError("nobody is reached without an address or a number")
    # As `forget` does, the patient first; whoever adds a visit of theirs need not wait.
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    keys = _visits_of(patient)
    visits = [Appointment.objects.lock(pk) for pk in keys]
    before = Contact.of(patient)
    if contact == before:
        return False
    if seen != before.digest() or keys != _visits_of(patient):
        raise ChangedMeanwhile
    if all(visit.forgotten_at for visit in visits):
        raise NotPossibleNow
    changed = [
        field.name
        for field in fields(contact)
        if getattr(contact, field.name) != getattr(before, field.name)
    ]
    for name in changed:
        setattr(patient, name, getattr(contact, name))
    patient.save(update_fields=changed)
    if "email" in changed:
        for visit in visits:
            links.revoke_all(visit, now)
    messages.readdress(patient, changed, now)
    for visit in visits:
        visit.patient = patient
        if visit.status in TRANSITIONS[Act.CORRECT].sources:
            data = {"changed": changed}
            event = record(visit, Act.CORRECT, by=by, now=now, data=data)
            if "email" in changed:
                messages.owe(Message.Kind.LINK, event, now=now)
    return True


def _visits_of(patient: Patient) -> list[int]:
    """Return the keys of all visits of the record, in order."""
    visits = Appointment.objects.filter(patient=patient).order_by("pk")
    return list(visits.values_list("pk", flat=True))
