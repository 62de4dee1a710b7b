"""A visit is made anonymous when its time has come, unless it has to be kept."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import QuerySet

from booking.errors import NotAllowed, NotPossibleNow
from booking.models import (
    Appointment,
    AppointmentEvent,
    LegalHold,
    Message,
    Patient,
    RetentionRules,
    TextConsent,
    clinic_zone,
)
from booking.policy import OVER, Actor, Status

from .road import By, act

# Nobody's visits are forgotten sooner: those of children are kept a year past 21.
# Source: New York State Education Department, on 8 NYCRR 29.2(a)(3).
KEPT_UNTIL_AGE = 22

# What a patient's row says of a person.
PERSONAL = (
    "given_name", "family_name", "birth_date_text", "phone", "email", "language",
    "other_help",
)  # fmt: skip


def when_to_forget(visit: Appointment, rules: RetentionRules) -> datetime | None:
    """Return from when on a visit may be forgotten; None for one that is kept.

    Reads its events, and its patient's birth date.
    """
    if visit.status == Status.CANCELLED and rules.requests_days is not None:
        last = visit.events.order_by("version").last()
        return last.at + timedelta(days=rules.requests_days) if last else None
    if visit.status in OVER and rules.visits_years is not None and visit.end:
        kept = _years_after(visit.end, rules.visits_years)
        born = visit.patient.birth_date
        if born is None:
            return kept
        birth = datetime(born.year, born.month, born.day, tzinfo=clinic_zone())
        return max(kept, _years_after(birth, KEPT_UNTIL_AGE))
    return None


@act
def forget(appointment_id: int, *, now: datetime) -> bool:
    """Remove from a visit all that speaks of a person; tell whether it was done.

    What stays are times, states and who of the staff did what, for reports and for the
    proof that all went well. The patient's own row is emptied with the last of their
    visits. No event comes of it, and no message.
    """
    # Who books for the patient meanwhile has to wait, and is then seen here.
    patient_id = Appointment.objects.values_list("patient", flat=True).get(
        pk=appointment_id
    )
    patient = Patient.objects.select_for_update().get(pk=patient_id)
    visit = Appointment.objects.lock(appointment_id)
    due = when_to_forget(visit, RetentionRules.current())
    if (
        visit.forgotten_at
        or visit.patient_id != patient_id
        or due is None
        or due > now
        or LegalHold.objects.filter(appointment=visit).exists()
    ):
        return False
    visit.answers.all().delete()
    visit.links.all().delete()
    empty_messages(visit.messages.all(), now)
    calls = visit.messages.filter(sent_at=None, called_at=None, overtaken_at=None)
    calls.update(overtaken_at=now)  # nobody can be called about it any more
    noted = [event.pk for event in visit.events.all() if event.private_note]
    AppointmentEvent.objects.filter(pk__in=noted).update(private_note="")
    visit.note_to_patient = visit.requested_by_name = ""
    visit.requested_by_relation = ""
    visit.requested_by_is_contact = visit.requested_by_may_arrange = False
    visit.may_arrange_wording = visit.may_arrange_version = ""
    visit.may_arrange_at = None
    visit.payer_details = {}
    visit.forgotten_at = now
    visit.save()
    if not patient.appointments.filter(forgotten_at=None).exists():
        for name in PERSONAL:
            setattr(patient, name, "")
        patient.voicemail_ok = False
        TextConsent.objects.filter(patient=patient).delete()
        patient.save()
    return True


def empty_messages(messages: QuerySet[Message], now: datetime) -> int:
    """Remove what messages say and to whom they went; return how many it were."""
    return messages.filter(emptied_at=None).update(
        recipient="", text="", html="", calendar="", emptied_at=now
    )


@act
def keep_record(appointment_id: int, because: str, *, by: By, now: datetime) -> bool:
    """Let nothing be removed from a visit until somebody lifts that; tell if new.

    Raises NotAllowed, or NotPossibleNow when it was forgotten already.
    """
    user = _manager(by)
    visit = Appointment.objects.lock(appointment_id)
    if visit.forgotten_at:
        raise NotPossibleNow
    _, is_new = LegalHold.objects.get_or_create(
        appointment=visit, defaults={"because": because, "at": now, "user": user}
    )
    return is_new


@act
def stop_keeping(appointment_id: int, *, by: By) -> bool:
    """Lift what `keep_record` did; tell whether there was anything. Or NotAllowed."""
    _manager(by)
    visit = Appointment.objects.lock(appointment_id)
    deleted, _ = LegalHold.objects.filter(appointment=visit).delete()
    return bool(deleted)


def _manager(by: By) -> User:
    if by.actor != Actor.STAFF or not (
        by.user and by.user.has_perm("booking.change_retentionrules")
    ):
        raise NotAllowed
    return by.user


def _years_after(at: datetime, years: int) -> datetime:
    try:
        return at.replace(year=at.year + years)
    except ValueError:  # 29 February
        return at.replace(year=at.year + years, month=3, day=1)
