"""Why a time cannot be had, in words: the one home of all of them.

The engine gives a typed `Reason`; patients read a sentence about a day or about one
time, staff a few words. What to do instead follows from the reason, too.
"""

from collections.abc import Mapping
from datetime import datetime

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from services import translation
from services.templatetags.languages import marked

from . import words
from .availability import Reason, Why
from .models import Resource
from .policy import SAME_DAY

Words = Mapping[str, str | Promise]
# Of a kind of resource that is lacking.
WordsOfAKind = Mapping[tuple[Why, str], str | Promise]

# What keeps somebody from every time there is, until something else has happened.
BARRED = (Why.NEEDS_REFERRAL, Why.CALL_US)

_BARRED_WORDS: Words = {
    Why.NEEDS_REFERRAL: _("This visit needs a referral."),
    Why.CALL_US: _("This visit is booked by phone."),
}
_DAY: Words = {
    Why.PAST: _("There are no more times today."),
    Why.TOO_SOON: _("This is too soon for us to answer and get ready."),
    Why.BEYOND_HORIZON: _("These days cannot be booked yet."),
    Why.OUTSIDE_HOURS: _("We do not see patients for this visit then."),
    Why.FULLY_BOOKED: _("All times are taken."),
    **_BARRED_WORDS,
}
_DAY_WITHOUT: WordsOfAKind = {
    (Why.IN_USE, Resource.Kind.CLINICIAN): _("No clinician is free."),
    (Why.IN_USE, Resource.Kind.ROOM): _("No room is free."),
    (Why.IN_USE, Resource.Kind.MACHINE): _("The machine for this test is in use."),
    (Why.CLOSED, Resource.Kind.CLINICIAN): _("No clinician for this visit is here."),
    (Why.CLOSED, Resource.Kind.ROOM): _("No room for this visit is open."),
    (Why.CLOSED, Resource.Kind.MACHINE): _("The machine for this test cannot be used."),
}
_TIME: Words = {
    Why.PAST: _("That time has passed."),
    Why.TOO_SOON: _("That time is too soon for us to answer and get ready."),
    Why.BEYOND_HORIZON: _("That time cannot be booked yet."),
    Why.OUTSIDE_HOURS: _("That time is not offered."),
    Why.FULLY_BOOKED: _("That time is taken."),
    **_BARRED_WORDS,
}
_TIME_WITHOUT: WordsOfAKind = {
    (Why.IN_USE, Resource.Kind.CLINICIAN): _("No clinician is free then."),
    (Why.IN_USE, Resource.Kind.ROOM): _("No room is free then."),
    (Why.IN_USE, Resource.Kind.MACHINE): _("The machine for this test is in use then."),
    (Why.CLOSED, Resource.Kind.CLINICIAN): _(
        "No clinician for this visit is here then."
    ),
    (Why.CLOSED, Resource.Kind.ROOM): _("No room for this visit is open then."),
    (Why.CLOSED, Resource.Kind.MACHINE): _(
        "The machine for this test cannot be used then."
    ),
}
# Of one clinician alone, whom the patient asked for.
_DAY_OF: Words = {
    Why.CLOSED: _("%(who)s is not here: %(reason)s."),
    Why.OUTSIDE_HOURS: _("%(who)s does not see patients for this visit then."),
    Why.IN_USE: _("%(who)s has no free time."),
}
_TIME_OF: Words = {
    Why.CLOSED: _("%(who)s is not here then: %(reason)s."),
    Why.IN_USE: _("%(who)s is not free then."),
}
_STAFF: Words = {
    Why.PAST: _("past"),
    Why.TOO_SOON: _("too soon"),
    Why.BEYOND_HORIZON: _("too far ahead"),
    Why.OUTSIDE_HOURS: _("outside the hours"),
    Why.FULLY_BOOKED: _("taken"),
    Why.NEEDS_REFERRAL: _("needs a referral"),
    Why.CALL_US: _("by phone only"),
}
_STAFF_IN_USE: Words = {
    Resource.Kind.CLINICIAN: _("no clinician is free"),
    Resource.Kind.ROOM: _("no room is free"),
    Resource.Kind.MACHINE: _("the machine is in use"),
    SAME_DAY.detail: _("this patient has a visit on that day"),
}
_NOW: Words = {
    Why.PAST: _("past"),
    Why.CLOSED: _("closed now"),
    Why.OUTSIDE_HOURS: _("outside the hours now"),
    Why.BEYOND_HORIZON: _("too far ahead"),
}


def of_day(reason: Reason, clinician: Resource | None = None) -> str:
    """Return the sentence that tells a patient why a day has no times.

    With the clinician, if they asked for one.
    """
    return _sentence(reason, _DAY, _DAY_WITHOUT, _DAY_OF, clinician)


def of_time(reason: Reason, clinician: Resource | None = None) -> str:
    """Return the sentence that tells a patient why they cannot have one time."""
    return _sentence(reason, _TIME, _TIME_WITHOUT, _TIME_OF, clinician)


def call(reason: Reason | None, now: datetime) -> str:
    """Return the sentences that say to call us, if that is what a patient can do.

    Of a visit that is BARRED, its page says how to go on.
    """
    if reason is None or reason.why != Why.TOO_SOON:
        return ""
    return words.call(_g("If it cannot wait, call us."), now)


def for_staff(reason: Reason) -> str:
    """Return in a few words, for staff, why a time cannot be had."""
    if reason.why == Why.CLOSED:
        return _g("closed: %(reason)s") % {"reason": _name(reason)}
    if reason.why == Why.IN_USE:
        return str(_STAFF_IN_USE[reason.detail])
    return str(_STAFF[reason.why])


def for_staff_now(reason: Reason) -> str:
    """Return what became of a time that was free when a patient chose it."""
    return str(_NOW.get(reason.why, _("taken now")))


def _sentence(
    reason: Reason,
    by_why: Words,
    without: WordsOfAKind,
    of_one: Words,
    clinician: Resource | None,
) -> str:
    lacking = reason.detail if reason.why == Why.IN_USE else reason.kind
    is_theirs = lacking in ("", Resource.Kind.CLINICIAN)
    if clinician and is_theirs and reason.why in of_one:
        who = clinician.clinician.name if clinician.clinician else clinician.name
        return _with_name(str(of_one[reason.why]).replace("%(who)s", who), reason)
    if lacking:
        return str(without[reason.why, lacking])
    if reason.why == Why.CLOSED:
        return _with_name(_g("Closed: %(reason)s."), reason)
    return str(by_why[reason.why])


def _with_name(said: str, reason: Reason) -> str:
    """Fill in the name of a closure, which staff write in English."""
    before, there, after = said.partition("%(reason)s")
    if not there or translation.is_english():
        return before + _name(reason) * bool(there) + after
    return format_html("{}{}{}", before, marked(_name(reason)), after)


def _name(reason: Reason) -> str:
    return reason.detail.rstrip(".")
