"""Names as they are compared."""

import unicodedata

# Letters that Unicode does not take apart, as people type them without their stroke.
_PLAIN = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)
_APOSTROPHES = "'’‘ʼ`´"
# Longer than two names; a few signs become many letters.
LONGEST = 200


def fold(name: str) -> str:
    """Return the words of a name without accents, capitals and signs.

    "O’Neill-Peña, José" is "oneill pena jose": a space stands between any two words.
    """
    letters = []
    for sign in unicodedata.normalize("NFKD", name.casefold()).translate(_PLAIN):
        kind = unicodedata.category(sign)[0]
        if kind == "L":
            letters.append(sign)
        elif kind != "M" and sign not in _APOSTROPHES:
            letters.append(" ")
    return " ".join("".join(letters).split())[:LONGEST]
