"""Every refusal of the booking side: a code for programs, a sentence for patients."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class BookingError(Exception):
    """A change that was refused, with nothing written.

    `code` names the refusal for tests and programs; `message` is the sentence that a
    person reads, and says how to go on. `params` fill the sentence.
    """

    code = "refused"
    message: str | Promise = _("That could not be done. Please call us.")

    def __init__(self, message: str | Promise | None = None, **params: Any) -> None:
        if message is not None:
            self.message = message
        self.params: Mapping[str, Any] = params
        super().__init__(self.code)

    def __str__(self) -> str:
        text = str(self.message)
        return text % self.params if self.params else text


class TimeTaken(BookingError):
    """The time went to somebody else, or a rule says that it cannot be had."""

    code = "time_taken"
    message = _("That time has just been taken. Choose another time.")


class TimeNotOffered(TimeTaken):
    """The time was never there to choose: past, too soon, closed, off the grid."""

    code = "time_not_offered"
    message = _("That time is not offered. Choose one of the times shown.")


class SeriesClash(TimeTaken):
    """Some times of a series cannot be had: `clashes` gives the reason of each."""

    code = "series_clash"
    message = _(
        "Not all of these times can be had now. Nothing was booked, and what you chose"
        " is still here."
    )


class ResourceTaken(TimeTaken):
    """What was to take another's place is not free then: `reason` says why."""

    code = "resource_taken"
    message = _(
        "That one has just been taken. Nothing was changed; choose another of those"
        " shown."
    )


class CannotServe(BookingError):
    """What was to take another's place is not one that this visit could take."""

    code = "cannot_serve"
    message = _("That one cannot serve this visit. Choose one of those shown.")


class NotPossibleNow(BookingError):
    """The visit is in a state that this act does not start from."""

    code = "not_possible_now"
    message = _("This is no longer possible, because the visit has changed meanwhile.")


class TooLate(NotPossibleNow):
    """So shortly before a visit, patients change or cancel it by phone alone."""

    code = "too_late"
    message = _(
        "Your appointment is too soon to change or cancel it here. Please call us, and"
        " say your reference."
    )


class AlreadyAsked(NotPossibleNow):
    """A patient asked for another time who had asked for others before."""

    code = "already_asked"
    message = _(
        "You have already asked for another time. To ask for others, take that back"
        " first."
    )


class SameTime(TimeNotOffered):
    """The visit was to be moved to the time that it has."""

    code = "same_time"
    message = _(
        "The visit has that time already. Choose another one, or exchange what it"
        " takes."
    )


class NotItsTime(BookingError):
    """What is to be recorded of a visit cannot have happened now."""

    code = "not_its_time"
    message = _(
        "That cannot be recorded now. Record an arrival on the day of the visit, and"
        " the outcome once the visit has begun."
    )


class AlreadyAnswered(NotPossibleNow):
    """A colleague was faster."""

    code = "already_answered"
    message = _("%(who)s already answered this request at %(when)s: %(outcome)s.")


class ChangedMeanwhile(NotPossibleNow):
    """The screen that the act came from shows an older version of the visit."""

    code = "changed_meanwhile"
    message = _(
        "This visit has changed since you opened the page. Look at it as it is now,"
        " then decide again."
    )


class OfferEnded(NotPossibleNow):
    """The offer has lapsed, was answered, was taken back, or its time went."""

    code = "offer_ended"
    message = _("This time is no longer offered to you. Please look again.")


class ToldAlready(NotPossibleNow):
    """A closed day was to be undone after the first patient was told."""

    code = "told_already"
    message = _(
        "Patients have been told already, so this cannot be undone. Open the time again"
        " under Closures, and call those below whom you can see after all."
    )


class Reopened(NotPossibleNow):
    """The time that a plan closed is open again."""

    code = "reopened"
    message = _("The time was opened again.")


class AlreadyOnList(NotPossibleNow):
    """There is an open wish already, and another was sent."""

    code = "already_on_list"
    message = _(
        "You are on the list already, with another wish. To change it, leave the list"
        " and join it again, or call us."
    )


class TakenOn(BookingError):
    """A colleague has a task that somebody took on, handed over or let go."""

    code = "taken_on"
    message = _("%(who)s has taken this on at %(when)s.")


class MergedAlready(BookingError):
    """One of two records is joined to another one already."""

    code = "merged_already"
    message = _(
        "One of these records is joined to another already. Look at both, and undo what"
        " is wrong first."
    )


class CannotTakeOn(BookingError):
    """A task was to be given to an account that cannot do it."""

    code = "cannot_take_on"
    message = _("%(who)s cannot do this. Choose one of those shown.")


class DoneMeanwhile(BookingError):
    """A task was to be somebody's that no longer waits for anybody."""

    code = "done_meanwhile"
    message = _("This has been done meanwhile, and no longer waits for anybody.")


class NotAllowed(BookingError):
    """The actor has no right to this act."""

    code = "not_allowed"
    message = _("You do not have the right to do this.")


class DifferentRequest(BookingError):
    """The same form was sent twice with different answers."""

    code = "different_request"
    message = _(
        "This request was already sent with other answers. Look at what we received,"
        " or start a new request."
    )


class DifferentForm(DifferentRequest):
    """A form of the front desk was sent twice with different content."""

    code = "different_form"
    message = _(
        "This form was already sent, with other content, and that was done. What you"
        " typed is still here: to have it done as well, press the button again."
    )


class TooMany(BookingError):
    """A cap on requests was reached."""

    code = "too_many"
    message = _(
        "We have received many requests from here today. Please call us instead;"
        " what you typed is still here."
    )


class TryAgain(BookingError):
    """The database was too busy or away; nothing was written."""

    code = "try_again"
    message = _(
        "We could not save this just now. Nothing is lost: try again in a minute,"
        " or call us."
    )
