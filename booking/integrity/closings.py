"""Days closed at short notice: patients are told in time, and done means done."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Exists, OuterRef

from booking.models import AppointmentEvent, ClosingRow
from booking.policy import Act

from .fault import PATIENCE, Fault


def find(now: datetime) -> Iterator[Fault]:
    rows = ClosingRow.objects.order_by("pk")
    if not rows.exists():
        return
    late = rows.filter(
        outcome=ClosingRow.Outcome.WAITING, plan__due_at__lte=now - PATIENCE
    )
    for pk in late.values_list("pk", flat=True):
        yield Fault(
            "closing_waits",
            f"Nobody has told the patient of row {pk} of a closed day. Is a worker"
            " running?",
        )
    acts = {
        ClosingRow.Choice.OFFER: Act.CALL_OFF,
        ClosingRow.Choice.CANCEL: Act.CANCEL,
    }
    for choice, move in acts.items():
        events = AppointmentEvent.objects.filter(
            appointment=OuterRef("appointment"),
            version=OuterRef("version") + 1,
            act=move,
        )
        done = rows.filter(outcome=ClosingRow.Outcome.DONE, choice=choice)
        for pk in done.exclude(Exists(events)).values_list("pk", flat=True):
            yield Fault(
                "closing_not_done",
                f"Row {pk} of a closed day says that it is done, but its visit has no"
                f" event that is {move}.",
            )
    undone = rows.filter(plan__undone_at__isnull=False)
    for pk in undone.exclude(outcome=ClosingRow.Outcome.UNDONE).values_list(
        "pk", flat=True
    ):
        yield Fault(
            "closing_half_undone",
            f"Row {pk} belongs to a closed day that was undone, and is not.",
        )
