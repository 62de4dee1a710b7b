"""Staff say how it stands with a paper of a visit."""

from datetime import datetime

from booking.errors import NotPossibleNow
from booking.models import Paper
from booking.policy import Act, Status

from .road import By, act, check_right, lock_visit


@act
def file_paper(
    appointment_id: int,
    kind: Paper.Kind,
    state: Paper.State,
    *,
    by: By,
    now: datetime,
) -> bool:
    """Note the state of a paper. No event of the visit, and no message, comes of it.

    Said again, it stays as it was said first; return whether it is new. Raises
    NotPossibleNow for a visit that has no time or is over, or NotAllowed.
    """
    check_right(Act.ACCEPT, by)
    visit = lock_visit(appointment_id, now)
    if visit.status not in (Status.BOOKED, Status.ARRIVED):
        raise NotPossibleNow
    paper = Paper.objects.filter(appointment=visit, kind=kind).first()
    if paper and paper.state == state:
        return False
    paper = paper or Paper(appointment=visit, kind=kind)
    assert by.user  # noqa: S101 -- only staff have the right
    paper.state, paper.at, paper.user = state, now, by.user
    paper.save()
    return True
