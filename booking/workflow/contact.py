"""Staff put right how a patient is reached, and what was owed goes there."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from types import MappingProxyType

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
    patient_id: int,
    contact: Contact,
    *,
    by: By,
    now: datetime,
    seen: str,
    also: Mapping[int, str] = MappingProxyType({}),
) -> bool:
    """Reach the patient so from now on; return whether that is new.

    `seen` is the digest of the contact that the screen showed. `also` has other records
    of the same person, with the digest of each: all are changed, or none. Each visit
    that is not over has an event. With another email address, all links of all visits
    of the record end; who has such a visit is sent where it stands, with a new link,
    and what waits or did not arrive goes to the new address. To the old one goes
    nothing.

    Raises ChangedMeanwhile, NotPossibleNow for who was made anonymous, NotAllowed;
    ValueError for a contact by which nobody is reached.
    """
    check_right(Act.CORRECT, by)
    if not contact.email and not contact.phone:
        raise ValueError("nobody is reached without an address or a number")
    shown = {**also, patient_id: seen}
    # As `forget` does, the patient first; whoever adds a visit of theirs need not wait.
    rows = Patient.objects.select_for_update(no_key=True).order_by("pk")
    patients = list(rows.filter(pk__in=shown))
    keys = _visits_of(patients)
    visits = [Appointment.objects.lock(pk) for pk in keys]
    wrong = [patient for patient in patients if Contact.of(patient) != contact]
    if not wrong:
        return False
    was_seen = all(shown[p.pk] == Contact.of(p).digest() for p in wrong)
    if not was_seen or keys != _visits_of(patients):
        raise ChangedMeanwhile
    for patient in wrong:
        theirs = [visit for visit in visits if visit.patient_id == patient.pk]
        if all(visit.forgotten_at for visit in theirs):
            raise NotPossibleNow
        _correct(patient, theirs, contact, by, now)
    return True


def _correct(
    patient: Patient,
    visits: list[Appointment],
    contact: Contact,
    by: By,
    now: datetime,
) -> None:
    """Change one record, whose visits are locked, and what follows from it."""
    before = Contact.of(patient)
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


def _visits_of(patients: list[Patient]) -> list[int]:
    """Return the keys of all visits of the records, in order."""
    visits = Appointment.objects.filter(patient__in=patients).order_by("pk")
    return list(visits.values_list("pk", flat=True))
