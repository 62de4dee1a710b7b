"""Words as people type them: without accents, in other forms, with a slip of the keys.

No language is named here. What two words have in common is told by their letters.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

WORD = re.compile(r"[^\W_]+")

# Two forms of one word begin alike, with so many letters and such a share of the
# longer one; fewer letters will do where one of them begins with the whole other, and
# a long one that was typed may be the end of another. Shorter words have a plural in
# -s and no other form.
STEM, WHOLE = 5, 4
SHARE = 0.55
# Of a form that is nearly the same, no slip was made.
NEARLY = 0.8
# How well a word stands for another one: for the same, at most for a form of it, and
# for one that differs by so many slips.
SAME = 1.0
FORM = 0.9
SLIPS = {1: 0.7, 2: 0.5}
# The shortest words that may have one slip, or two.
ONE_SLIP, TWO_SLIPS = 4, 8
# Many short words differ in one letter, as "feet", "meet" and "feel". So in the
# shortest none was changed or left out before the first, and one that is not long
# begins with one of the first two letters that were typed.
LONG = 6


def folded(word: str) -> str:
    """Return the word in small letters, without accents: "Punción" is "puncion"."""
    if word.isascii():
        return word.lower()
    letters = unicodedata.normalize("NFKD", word)
    return "".join(c for c in letters if not unicodedata.combining(c)).casefold()


def words_of(text: str) -> list[str]:
    """Return the words of a text, folded, in their order."""
    return [folded(found[0]) for found in spelled(text)]


def spelled(text: str) -> Iterator[re.Match[str]]:
    """Yield where each word of a text stands. The text is in NFC, see `composed`."""
    return WORD.finditer(text)


def composed(text: str) -> str:
    """Return the text with each accented letter as one, on a single line."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def pieces(word: str) -> set[str]:
    """Return what of a word one that is like it has, too: each three letters of it."""
    return {word[at : at + 3] for at in range(len(word) - 2)}


def as_form(typed: str, word: str) -> float:
    short, long = sorted((typed, word), key=len)
    same = 0
    while same < len(short) and short[same] == long[same]:
        same += 1
    if len(typed) >= LONG and word.endswith(typed):
        same = len(short)
    share = same / len(long)
    whole = same == len(short) and (same >= WHOLE or long == f"{short}s")
    return FORM * share if share >= SHARE and (whole or same >= STEM) else 0.0


def as_slip(typed: str, word: str) -> float:
    most = 2 if len(typed) >= TWO_SLIPS else 1 if len(typed) >= ONE_SLIP else 0
    if len(typed) < LONG and word[:1] not in typed[:2]:
        most = 0
    if len(typed) == ONE_SLIP and sorted(typed) != sorted(word):
        most *= len(word) != ONE_SLIP and word[:1] == typed[:1]
    made = slips(typed, word, most) if most else 0
    return SLIPS[made] if 0 < made <= most else 0.0


@lru_cache(maxsize=10_000)
def slips(one: str, other: str, most: int) -> int:
    """Return how many letters were left out, added, changed, or swapped with the next.

    Counts to `most`, and says one more for all that is beyond it.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            least = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return min(last[-1], most + 1)


def best(typed: str, known: Iterable[str]) -> dict[str, float]:
    """Return which of the known words stand for the typed one, and how well.

    Where that very word is known, or nearly that, so do only near forms of it:
    "Medicare" is no medicine, and a week no weekend. Else the words from which it
    differs by the fewest slips do, if they are better than the best of its forms.
    """
    words = list(known)
    found = {w: SAME if w == typed else as_form(typed, w) for w in words}
    best_form = max(found.values(), default=0.0)
    if best_form >= FORM * NEARLY:
        found = {w: good for w, good in found.items() if good >= FORM * NEARLY}
    else:
        spelt = {typed, typed.removesuffix("s")}  # of the singular, if that is known
        slipped = {word: max(as_slip(one, word) for one in spelt) for word in words}
        most = max(slipped.values(), default=0.0)
        if most > best_form:
            found = {w: good for w, good in slipped.items() if good == most}
    return {word: good for word, good in found.items() if good}
