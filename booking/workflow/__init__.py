"""The acts: the only writers of status, time and resource."""

from .answer import accept, decline
from .book import book
from .cancel import cancel
from .close import close, refresh_closures, reopen
from .hold import hold, release, renew
from .request import Answer, NewRequest, reply_promise, request
from .road import PATIENT, SYSTEM, By
from .series import book_series

__all__ = [
    "PATIENT",
    "SYSTEM",
    "Answer",
    "By",
    "NewRequest",
    "accept",
    "book",
    "book_series",
    "cancel",
    "close",
    "decline",
    "hold",
    "refresh_closures",
    "release",
    "renew",
    "reopen",
    "reply_promise",
    "request",
]
