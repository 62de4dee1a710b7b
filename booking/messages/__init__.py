"""What is said to a patient on each change. Renders once, and decides nothing.

The words of a message are in `templates/emails`. They name the clinic, the date, the
time, the place and the link; never the service, an answer, or why somebody comes.
"""

from .known import known_otherwise, known_start
from .owing import (
    ALSO_BY_TEXT,
    ENDINGS,
    Occasion,
    in_words,
    lacks_words,
    overtake_calls,
    owe,
    readdress,
    relink,
    write_words,
)
from .previews import (
    ClosingPreview,
    preview_cancellation,
    preview_closing,
    preview_decline,
    preview_move,
    preview_offer,
    preview_refusal,
)
from .wording import (
    CLOSING_WORDS,
    DECLINE_WORDS,
    REFUSAL_WORDS,
    closing_note,
    heading,
    of_the_others,
    reached_by,
    spoken_to,
)

__all__ = [
    "ALSO_BY_TEXT",
    "CLOSING_WORDS",
    "DECLINE_WORDS",
    "ENDINGS",
    "REFUSAL_WORDS",
    "ClosingPreview",
    "Occasion",
    "closing_note",
    "heading",
    "in_words",
    "known_otherwise",
    "known_start",
    "lacks_words",
    "of_the_others",
    "overtake_calls",
    "owe",
    "preview_cancellation",
    "preview_closing",
    "preview_decline",
    "preview_move",
    "preview_offer",
    "preview_refusal",
    "reached_by",
    "readdress",
    "relink",
    "spoken_to",
    "write_words",
]
