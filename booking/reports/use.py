"""How the time of people, rooms and machines is used."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from booking import charts
from booking.models import Resource

from .parts import Range, Report, Table, hours
from .usage import Used, usage


def use(days: Range) -> Report:
    """Tell how the time of people, rooms and machines was used."""
    found = [u for u in usage(days) if u.bookable or u.booked or u.lost]
    legend = [
        ("one", _("Booked")),
        ("lost", _("Lost")),
        ("two", _("Lost to a closed day")),
        ("free", _("Free")),
        ("blocked", _("Blocked")),
    ]
    kinds = Resource.Kind
    totals = {kind: [u for u in found if u.resource.kind == kind] for kind in kinds}
    labels = {
        kinds.CLINICIAN: _("Clinicians, booked"),
        kinds.ROOM: _("Rooms, booked"),
        kinds.MACHINE: _("Machines, booked"),
    }
    return Report(
        "use",
        _("Use of clinicians, rooms and machines"),
        [
            (labels[kind], _share_booked(used)) for kind, used in totals.items() if used
        ],
        charts.stacks(
            (
                (
                    used.resource.name,
                    (used.booked, used.lost, used.closed, used.free, used.blocked),
                    _("%(share)s booked") % {"share": _share_booked([used])}
                    if used.bookable
                    else _share_booked([used]),
                )
                for used in found
            ),
            legend,
        )
        if found
        else None,
        _(
            "For each, the shares of its time that were booked, lost, lost to a closed"
            " day, free and blocked."
        ),
        [
            Table(
                _("Hours"),
                [
                    _("Name"), _("Bookable"), _("Booked"), _("Lost"),
                    _("Lost to a closed day"), _("Free"), _("Blocked"),
                    _("Booked of bookable"),
                ],
                [
                    [
                        used.resource.name, hours(used.bookable), hours(used.booked),
                        hours(used.lost), hours(used.closed), hours(used.free),
                        hours(used.blocked),
                        _share_booked([used]),
                    ]
                    for used in found
                ],
            )
        ],
        [
            _(
                "Bookable is what the weekly hours give on these days, less what"
                " closures block. Booked is what visits take, set-up and clean-up"
                " included, whether they are to come, completed or going on. Lost is"
                " what was booked for somebody who did not come, or called off less"
                " than 24 hours before, and that nobody else got. Outside the weekly"
                " hours, visits can make more than 100%."
            ),
            _(
                "Lost to a closed day is what visits had that were called off less than"
                " 24 hours before because a day was closed, such as a room’s time when"
                " a clinician is sick. What the closure itself closes is blocked."
            ),
            _(
                "What cannot be known: hours and closures are as they are written"
                " today. Those that were deleted, or changed without a “from” or"
                " “until” day, leave no trace. Times that requests and offers keep are"
                " not booked yet, and count as free."
            ),
        ],
    )  # fmt: skip


def _share_booked(used: Iterable[Used]) -> str:
    used = list(used)
    bookable = sum(u.bookable for u in used)
    if bookable == 0:
        return _("no hours")
    return _("%(n)d%%") % {"n": round(100 * sum(u.booked for u in used) / bookable)}
