"""Staff say that two records are of one person, or take that back."""

from datetime import datetime

from booking.errors import MergedAlready
from booking.models import Merge, Patient
from booking.policy import Act

from .road import By, act, check_right


@act
def merge(patient_id: int, duplicate_id: int, *, by: By, now: datetime) -> bool:
    """Let `duplicate_id` be a second record of the patient; return whether it is new.

    Neither may be joined to another already, nor others to the second, so nobody has to
    follow more than one step. No visit is touched, and no message comes of it. Who has
    two places on the waiting list keeps both, with what was asked for at each, so that
    it can be taken back; for one kind of visit they are offered one time, see
    `waiting_list`.

    Raises MergedAlready or NotAllowed.
    """
    check_right(Act.ACCEPT, by)
    _lock(patient_id, duplicate_id)
    standing = Merge.objects.standing()
    if standing.filter(patient=patient_id, duplicate=duplicate_id).exists():
        return False
    second = standing.filter(duplicate__in=(patient_id, duplicate_id))
    if second.exists() or standing.filter(patient=duplicate_id).exists():
        raise MergedAlready
    assert by.user  # noqa: S101 -- only staff have the right
    Merge.objects.create(
        patient_id=patient_id, duplicate_id=duplicate_id, at=now, user=by.user
    )
    return True


@act
def unmerge(patient_id: int, duplicate_id: int, *, by: By, now: datetime) -> bool:
    """Take back what `merge` said; return whether it stood. Raises NotAllowed."""
    check_right(Act.ACCEPT, by)
    _lock(patient_id, duplicate_id)
    standing = Merge.objects.standing()
    mine = standing.filter(patient=patient_id, duplicate=duplicate_id)
    return mine.update(undone_at=now, undone_by=by.user) == 1


def _lock(*patients: int) -> None:
    """Lock the records in the one order, so that of two who cross one waits."""
    rows = Patient.objects.select_for_update(no_key=True).order_by("pk")
    list(rows.filter(pk__in=patients).values_list("pk", flat=True))
