"""Numbers as they are sent, in an address or by a form."""

# A longer one fits no column of a database.
LONGEST = 18


def whole_number(text: str) -> int | None:
    """Return the whole number, 0 or more, that a text is; None if it is none."""
    return int(text) if text.isdecimal() and len(text) <= LONGEST else None
