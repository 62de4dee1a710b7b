"""What staff read about visits, events and messages."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django.contrib.auth.models import User
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking import reasons
from booking.availability import Reason
from booking.availability import Why as WhyNot
from booking.diary import Entry, What
from booking.errors import (
    BookingError,
    ChangedMeanwhile,
    NotPossibleNow,
    ResourceTaken,
    TakenOn,
    TimeTaken,
)
from booking.links import without_tokens
from booking.messages import in_words
from booking.models import Appointment, AppointmentEvent, Claim, Message, Resource
from booking.models.appointment import WHY_CANCELLED
from booking.policy import Act, Actor, DeclineReason, Status
from booking.waiting_list import Place, Why
from booking.words import clock
from services.languages import unbroken

REASONS: dict[str, str | Promise] = {
    DeclineReason.NO_TIME: gettext_lazy("No time that fits"),
    DeclineReason.NEEDS_REFERRAL: gettext_lazy("Needs a referral first"),
    DeclineReason.NEEDS_CALL: gettext_lazy("We need to talk first"),
    DeclineReason.NOT_OFFERED: gettext_lazy("We do not offer this"),
    DeclineReason.DUPLICATE: gettext_lazy("Asked more than once"),
    **WHY_CANCELLED,
}

# Of those that staff record on the day of a visit, also what their buttons say.
ACTS: dict[str, str | Promise] = {
    Act.REQUEST: gettext_lazy("Request received"),
    Act.BOOK: gettext_lazy("Booked by staff"),
    Act.EXTEND: gettext_lazy("More visits booked in a series with this one"),
    Act.SWAP: gettext_lazy("Exchanged"),
    Act.MOVE: gettext_lazy("Moved"),
    Act.CALL_OFF: gettext_lazy("Called off, and offered"),
    Act.ASK_CHANGE: gettext_lazy("Asked for another time"),
    Act.STOP_CHANGE: gettext_lazy("No longer asks for another time"),
    Act.CHANGE: gettext_lazy("Moved, as the patient asked"),
    Act.REFUSE_CHANGE: gettext_lazy("No other time"),
    Act.ACCEPT: gettext_lazy("Accepted"),
    Act.DECLINE: gettext_lazy("Declined"),
    Act.WITHDRAW: gettext_lazy("Request withdrawn"),
    Act.CANCEL: gettext_lazy("Cancelled"),
    Act.JOIN: gettext_lazy("Joined the waiting list"),
    Act.WANT_EARLIER: gettext_lazy("Would like an earlier time"),
    Act.STOP_WANTING: gettext_lazy("No longer wants an earlier time"),
    Act.LEAVE: gettext_lazy("Left the waiting list"),
    Act.OFFER: gettext_lazy("Offered"),
    Act.TAKE: gettext_lazy("Took the offer"),
    Act.PASS: gettext_lazy("None of the offers suits"),
    Act.RETRACT: gettext_lazy("Offer taken back"),
    Act.LAPSE: gettext_lazy("Offer ended"),
    Act.EXPIRE: gettext_lazy("Waiting list: the last day has passed"),
    Act.ARRIVE: gettext_lazy("Arrived"),
    Act.NOT_YET: gettext_lazy("Not here yet"),
    Act.COMPLETE: gettext_lazy("Completed"),
    Act.MISS: gettext_lazy("Did not come"),
    Act.CORRECT: gettext_lazy("Contact put right"),
}

# What of a contact was put right.
CONTACT: dict[str, str | Promise] = {
    "email": gettext_lazy("email address"),
    "phone": gettext_lazy("phone number"),
    "contact_by": gettext_lazy("how to reach them"),
    "message_language": gettext_lazy("language of messages"),
}

# The titles of the pages that ask what to tell the patient, and their last buttons.
ASK: dict[str, str | Promise] = {
    Act.DECLINE: gettext_lazy("Decline %(reference)s"),
    Act.REFUSE_CHANGE: gettext_lazy("Leave %(reference)s at its time"),
    Act.WITHDRAW: gettext_lazy("Withdraw %(reference)s"),
    Act.CANCEL: gettext_lazy("Cancel %(reference)s"),
    Act.LEAVE: gettext_lazy("Take %(reference)s off the waiting list"),
}
SEND: dict[str, tuple[str | Promise, str | Promise]] = {
    Act.DECLINE: (
        gettext_lazy("Decline and send"),
        gettext_lazy("Decline, then phone the patient"),
    ),
    Act.REFUSE_CHANGE: (
        gettext_lazy("Leave it there and send"),
        gettext_lazy("Leave it there, then phone the patient"),
    ),
    Act.WITHDRAW: (
        gettext_lazy("Withdraw and send"),
        gettext_lazy("Withdraw, then phone the patient"),
    ),
    Act.CANCEL: (
        gettext_lazy("Cancel and send"),
        gettext_lazy("Cancel, then phone the patient"),
    ),
    Act.OFFER: (
        gettext_lazy("Offer and send"),
        gettext_lazy("Offer, then phone the patient"),
    ),
    Act.MOVE: (
        gettext_lazy("Move and send"),
        gettext_lazy("Move, then phone the patient"),
    ),
    Act.LEAVE: (
        gettext_lazy("Take off and send"),
        gettext_lazy("Take off, then phone the patient"),
    ),
}

# What is done about a task, as its link says.
DO: dict[str, str | Promise] = {
    Claim.Task.ANSWER: gettext_lazy("Answer…"),
    Claim.Task.CALL: gettext_lazy("Phone…"),
    Claim.Task.PAPER: gettext_lazy("See to the papers…"),
    Claim.Task.OUTCOME: gettext_lazy("Record the outcome…"),
    Claim.Task.CLOSED: gettext_lazy("Move…"),
}

# Why nothing is offered to somebody on the waiting list now.
_WHY: dict[Why, str | Promise] = {
    Why.NEXT: gettext_lazy("next: %(start)s"),
    Why.HAS_OFFER: gettext_lazy("offered %(offers)s, until %(until)s"),
    Why.OFFER_ENDED: gettext_lazy(
        "the offer ended %(until)s with no answer, and is about to be taken off"
    ),
    Why.ONE_PERSON: gettext_lazy("has an offer or a time by another of their records"),
    Why.MOST_OFFERS: gettext_lazy("has had %(count)s offers: talk with them"),
    Why.QUIET: gettext_lazy("quiet hours until %(until)s"),
    Why.DESK_CLOSED: gettext_lazy("has to be phoned: closed until %(until)s"),
    Why.NO_TIME: gettext_lazy("no free time for this visit"),
    Why.NOT_IN_RANGE: gettext_lazy("no free time between these days"),
    Why.NOT_ON_DAYS: gettext_lazy("no free time on these weekdays"),
    Why.NOT_IN_PART: gettext_lazy("no free time in this part of the day"),
    Why.NOT_IN_TIME: gettext_lazy("what is free comes too soon for them"),
    Why.NOT_EARLIER: gettext_lazy("nothing is free before their own time"),
    Why.COMES_THEN: gettext_lazy("what is free is on a day of another visit of theirs"),
    Why.OFFERED_BEFORE: gettext_lazy("what is free was offered to them before"),
    Why.OTHERS_FIRST: gettext_lazy("what is free goes to others first"),
}


def why_waiting(place: Place, now: datetime) -> str:
    """Return what comes next for somebody who waits, or why nothing does."""
    return str(_WHY[place.why]) % {
        "start": moment(place.start, now) if place.start else "",
        "until": moment(place.until, now) if place.until else "",
        "offers": "; ".join(moment(offer.start, now) for offer in place.offers),
        "count": place.entry.offers_made,
    }


def moment(at: datetime, now: datetime) -> str:
    """Return an instant in clinic time: today 8:03 AM, or Fri, Nov 20, 4:52 PM."""
    local = localtime(at)
    days = (local.date() - localtime(now).date()) // timedelta(days=1)
    near = {-1: _("yesterday"), 0: _("today"), 1: _("tomorrow")}
    far = "D, M j" if local.year == localtime(now).year else "D, M j, Y"
    if days in near:
        return unbroken(f"{near[days]} {clock(at)}")
    return unbroken(f"{date_format(local, far)}, {clock(at)}")


def gone(at: datetime, why: Reason | None, now: datetime) -> str:
    """Return that a time cannot be had.

    With the reason, if it is another than that somebody took it.
    """
    when = moment(at, now)
    if why and why.why != WhyNot.FULLY_BOOKED:
        when = f"{when} ({reasons.for_staff(why)})"
    return _("No longer free: %(when)s. Choose another time.") % {"when": when}


def full_time(at: datetime) -> str:
    """Return an instant in clinic time: Tuesday, November 24, 10:15 AM."""
    return date_format(localtime(at), "l, F j, g:i A")


def who(event: AppointmentEvent) -> str:
    """Return who did it: a colleague by name, else the patient or the system."""
    if event.user:
        return event.user.get_full_name() or event.user.get_username()
    return _("the patient") if event.actor == Actor.PATIENT else _("the system")


def what(event: AppointmentEvent, known: Mapping[int, Resource] | None = None) -> str:
    """Return what was done, with the reason where it adds something.

    Who has many events reads the resources once, and gives them as `known`.
    """
    words = str(ACTS.get(event.act, event.act))
    if event.act in (Act.DECLINE, Act.REFUSE_CHANGE):
        return f"{words}: {REASONS.get(event.reason, event.reason)}"
    with_time = (Act.ACCEPT, Act.BOOK, Act.TAKE, Act.MOVE, Act.CHANGE)
    if event.act in with_time and event.data.get("start"):
        start = datetime.fromisoformat(event.data["start"])
        return f"{words}: {full_time(start)}"
    if event.act in (Act.OFFER, Act.CALL_OFF, Act.ASK_CHANGE):
        times = event.data.get("offers") or event.data["choices"]
        starts = [datetime.fromisoformat(start) for _pk, start in times]
        return f"{words}: {'; '.join(map(full_time, starts))}"
    if event.act == Act.SWAP:
        return f"{words}: {swapped(event, known)}"
    if event.act == Act.CORRECT:
        names = (str(CONTACT[name]) for name in event.data["changed"])
        return f"{words}: {', '.join(names)}"
    if event.act == Act.LAPSE:
        why = _("the time went") if event.reason else _("no answer in time")
        return f"{words}: {why}"
    return words


def swapped(
    event: AppointmentEvent, known: Mapping[int, Resource] | None = None
) -> str:
    """Return what was exchanged for what, by the names that they have today."""
    if known is None:
        known = Resource.objects.in_bulk(event.data["swapped"])
    gave, took = (known.get(pk, _("one that is gone")) for pk in event.data["swapped"])
    return _("%(gave)s for %(took)s") % {"gave": gave, "took": took}


def entry(taken: Entry, now: datetime) -> str:
    """Return why time is taken, in a few words."""
    until = moment(taken.until, now) if taken.until else ""
    if taken.what == What.CLOSURE:
        return _("Closed: %(reason)s") % {"reason": taken.closure}
    if taken.what == What.HOLD:
        return _("Held for a form until %(until)s") % {"until": until}
    if taken.what == What.OFFER:
        return _("Offered until %(until)s") % {"until": until}
    if taken.what == What.REQUEST:
        return _("Asked for, kept until %(until)s") % {"until": until}
    return taken.visit.get_status_display() if taken.visit else ""


def date_in(text: str) -> date | None:
    """Return the date in an address or a form, 2026-11-24; None if it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def text(message: Message) -> str:
    """Return what a message says, as staff read it."""
    if message.emptied_at:
        return _("The text was removed on %(day)s.") % {
            "day": date_format(localtime(message.emptied_at), "F j, Y")
        }
    return without_tokens(in_words(message).text)


def state(message: Message, now: datetime) -> str:
    """Return what became of a message."""
    if message.overtaken_at:
        return _("Not sent: no longer true")
    if message.called_at:
        name = message.called_by and message.called_by.get_full_name()
        return _("Told by phone %(when)s by %(who)s") % {
            "when": moment(message.called_at, now),
            "who": name or message.called_by,
        }
    if message.sent_at:
        return _("Sent %(when)s") % {"when": moment(message.sent_at, now)}
    if message.failed_at:
        return _("Could not be delivered: phone the patient")
    if message.channel == Message.Channel.PHONE:
        return _("Phone the patient")
    return _("Waiting to be sent")


def next_step(visit: Appointment, now: datetime, *, to_phone: bool = False) -> str:
    """Return what comes next for a visit; a dash when nothing does."""
    if to_phone:
        return _("Phone the patient")
    if visit.reply_by and (visit.status == Status.PENDING or visit.wants_change):
        by = moment(visit.reply_by, now)
        late = visit.is_overdue(now)
        return (_("Answer: late since %s") if late else _("Answer by %s")) % by
    if visit.status == Status.PROPOSED:
        return _("The patient chooses a time")
    if visit.status == Status.WAITLIST:
        return _("Waits for a free time")
    if visit.status in (Status.BOOKED, Status.ARRIVED) and visit.start:
        begun = visit.start <= now
        return _("Record what became of it") if begun else _("Expect them")
    return "–"


_OUTCOMES: dict[str, str | Promise] = {
    Act.OFFER: gettext_lazy("offered, and kept until %(until)s."),
    Act.CALL_OFF: gettext_lazy("called off; other times are kept until %(until)s."),
    Act.TAKE: gettext_lazy("booked for %(time)s."),
    Act.MOVE: gettext_lazy("moved to %(time)s."),
    Act.CHANGE: gettext_lazy("moved to %(time)s."),
    Act.STOP_CHANGE: gettext_lazy("asks for no other time; stays at %(time)s."),
    Act.REFUSE_CHANGE: gettext_lazy("no other time; stays at %(time)s."),
    Act.SWAP: gettext_lazy("exchanged %(what)s; stays booked for %(time)s."),
    Act.PASS: gettext_lazy("noted that none of the times suits."),
    Act.RETRACT: gettext_lazy("the offer is taken back."),
    Act.STOP_WANTING: gettext_lazy("off the waiting list; stays booked for %(time)s."),
    Act.LEAVE: gettext_lazy("taken off the waiting list."),
    Act.DECLINE: gettext_lazy("declined."),
    Act.WITHDRAW: gettext_lazy("withdrawn."),
    Act.ARRIVE: gettext_lazy("arrived."),
    Act.NOT_YET: gettext_lazy("not here yet."),
    Act.COMPLETE: gettext_lazy("completed."),
    Act.MISS: gettext_lazy("noted that the patient did not come."),
}


def outcome(visit: Appointment) -> str:
    """Return where a visit stands after an act, and whether somebody has to phone."""
    said = _standing(visit)
    besides_texts = visit.messages.exclude(channel=Message.Channel.TEXT)
    last = besides_texts.order_by("pk").last()
    if last and last.channel == Message.Channel.PHONE and not last.called_at:
        return _("%(said)s Phone the patient to say so.") % {"said": said}
    return said


def _standing(visit: Appointment) -> str:
    last = visit.events.latest("version")
    time = full_time(visit.start) if visit.start else ""
    if said := _OUTCOMES.get(last.act):
        what = swapped(last) if last.act == Act.SWAP else ""
        until = last.data.get("until")
        until = full_time(datetime.fromisoformat(until)) if until else ""
        said = str(said) % {"time": time, "what": what, "until": until}
        if visit.reply_by and last.act in (Act.PASS, Act.RETRACT):
            return _("%(said)s It waits for our answer.") % {"said": said}
        return said
    if visit.status == Status.BOOKED:
        return _("accepted for %(time)s.") % {"time": time}
    return _("cancelled.")


def refusal(
    error: BookingError, visit: Appointment, now: datetime, to: User | None = None
) -> str:
    """Return why an act was refused and, if the visit changed, what happened to it.

    Said `to` whoever did that, by the browser's back button or in another tab, it does
    not speak of somebody else.
    """
    if isinstance(error, NotPossibleNow):
        event = visit.events.select_related("user").order_by("-version").first()
        if event:
            is_own = to is not None and event.user == to
            words = _("%(what)s by %(who)s, %(when)s.") % {
                "what": what(event),
                "who": _("you") if is_own else who(event),
                "when": moment(event.at, now),
            }
            if isinstance(error, ChangedMeanwhile):
                return f"{error} {words}"
            if is_own:
                return _("You have dealt with this already. %(words)s") % {
                    "words": words
                }
            return _("Somebody was faster. %(words)s") % {"words": words}
    if isinstance(error, TimeTaken) and "start" in error.params:
        why: Reason = error.params["reason"]
        if not isinstance(error, ResourceTaken):
            return gone(error.params["start"], why, now)
        if why.why not in (WhyNot.FULLY_BOOKED, WhyNot.IN_USE):
            return _(
                "That one cannot be had: %(why)s. Nothing was changed; choose another"
                " of those shown."
            ) % {"why": reasons.for_staff(why)}
    if isinstance(error, TakenOn):
        params = {**error.params, "when": moment(error.params["when"], now)}
        return _("%(who)s has it, since %(when)s.") % params
    return str(error)
