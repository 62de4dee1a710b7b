"""The acts: the only writers of status, time and resource."""

from .answer import accept, decline
from .attend import attend, is_own, recordable
from .book import book
from .cancel import cancel
from .change import ask_change, grant_change, refuse_change, stop_change
from .claim import entrust
from .close import close, refresh_closures, reopen
from .closing import answered_by, carry_out, in_hand, plan_closing, undo_closing
from .contact import Contact, correct_contact
from .earlier import stop_wanting, want_earlier
from .end_offer import lapse, pass_, retract
from .expire import expire, is_over
from .forget import empty_messages, forget, keep_record, stop_keeping, when_to_forget
from .hold import hold, release, renew
from .join import join
from .leave import leave
from .merge import merge, unmerge
from .move import can_move, move, moved_to
from .offer import offer
from .paper import file_paper
from .relink import reset_every_link, reset_links, send_link
from .remind import follow_up, own_up, remind, reminders
from .request import Answer, NewRequest, promise_for, reply_promise, request
from .road import PATIENT, SYSTEM, By
from .series import book_series
from .swap import Swappable, swap, swappable
from .take import take

__all__ = [
    "PATIENT",
    "SYSTEM",
    "Answer",
    "By",
    "Contact",
    "NewRequest",
    "Swappable",
    "accept",
    "answered_by",
    "ask_change",
    "attend",
    "book",
    "book_series",
    "can_move",
    "cancel",
    "carry_out",
    "close",
    "correct_contact",
    "decline",
    "empty_messages",
    "entrust",
    "expire",
    "file_paper",
    "follow_up",
    "forget",
    "grant_change",
    "hold",
    "in_hand",
    "is_over",
    "is_own",
    "join",
    "keep_record",
    "lapse",
    "leave",
    "merge",
    "move",
    "moved_to",
    "offer",
    "own_up",
    "pass_",
    "plan_closing",
    "promise_for",
    "recordable",
    "refresh_closures",
    "refuse_change",
    "release",
    "remind",
    "reminders",
    "renew",
    "reopen",
    "reply_promise",
    "request",
    "reset_every_link",
    "reset_links",
    "retract",
    "send_link",
    "stop_change",
    "stop_keeping",
    "stop_wanting",
    "swap",
    "swappable",
    "take",
    "undo_closing",
    "unmerge",
    "want_earlier",
    "when_to_forget",
]
