"""The search of the site: an index in the database, and one rule for what is best.

The index is of the words that stood on the public pages when it was made. Whether they
still do is told by a digest of all that the clinic says; where not, the index is made
anew before it is asked. So nobody has to think of it who publishes or withdraws a page,
and what is not public any more is not found.

PostgreSQL (`tsvector`) and SQLite (FTS5) say which passages have a word. Both are told
to take words as they are: what is a form of a word, or a slip of the keys, is decided
in `words`, so that both find the same. Known words that are like a typed one are found
by their first letter, or by three in a row that they share, which `pg_trgm` or FTS5
has an index for.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext, gettext_noop, override

from . import rows
from .models import (
    Clinic,
    Clinician,
    Fact,
    KnownWord,
    OpeningHours,
    Page,
    Passage,
    SameWords,
    ScreeningQuestion,
    SearchIndex,
    Section,
    Service,
    Translation,
)
from .passages import passages
from .translation import language_at_hand, reading
from .words import SAME, as_form, best, composed, folded, pieces, spelled, words_of

# All that the passages are made of. Raise the number when they are made otherwise.
SOURCES = (
    Clinic, OpeningHours, Clinician, Service, Fact, Section, ScreeningQuestion, Page,
    Translation, SameWords,
)  # fmt: skip
EDITION = "5"

# More letters or words than that are not looked at.
LONGEST = 100
MOST_WORDS = 12
# How little it counts that something is said more than once.
OFTEN = 4
# So many are shown in all, and so many of one page.
SHOWN, OF_ONE_PAGE = 10, 3
# A passage that is so much worse than the best one is left out.
FAR_WORSE = 0.15
# What is worth more: at the top of a page its title, below that the question.
AT_THE_TOP = {"title": 4.0, "text": 2.0}
BELOW = {"title": 1.0, "heading": 3.0, "text": 1.0}
# Words that mean the same count for more than one word alone.
OF_PHRASE = 1.5
# Translators: the words that questions are made of, and that do not say what about.
# They are not looked for, unless nothing else was typed. Accents do not matter.
GLUE = gettext_noop(
    "a about after am an and any are as at be been before but by can could did do"
    " does during for from get gets go goes going had has have having how i if in into"
    " is it its just like make many may me might much my need of on or our please s"
    " should so some t take takes taking tell than that the their them then there"
    " these they this to us use want was we were what when where which who why will"
    " with would you your"
)
# So many letters of a text are shown.
EXTRACT = 180

# A word or a phrase that may stand for what was typed: for each of its words, what may
# stand there, and how well.
Phrase = tuple[dict[str, float], ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A bit of a text; marked, where it is what was looked for."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that answers, and what of its text says so, with the words marked."""

    passage: Passage
    extract: list[Piece]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found, best first; and by which words, if other ones were typed."""

    found: list[Found] = field(default_factory=list)
    read_as: str = ""


@dataclass(frozen=True, slots=True)
class _Term:
    """A word that was typed, or words that mean the same as some that were.

    `instead` are those to look for where no passage has this one.
    """

    phrases: list[Phrase]
    means_the_same: bool = False
    instead: "list[_Term]" = field(default_factory=list)

    def words(self) -> set[str]:
        """Return all that is to be looked for in the index."""
        own = {word for phrase in self.phrases for forms in phrase for word in forms}
        return own.union(*(other.words() for other in self.instead))

    @property
    def weight(self) -> float:
        return OF_PHRASE if self.means_the_same else 1.0


def search(typed: str, also: "Sequence[Passage]" = ()) -> Answer:
    """Look for words in the language at hand, with a constant number of queries.

    `also` are passages that are in no index, since what they say changes by the hour.
    """
    language = language_at_hand()
    groups = _fresh(language)
    asked = words_of(composed(typed)[:LONGEST])[:MOST_WORDS]
    said = {word for passage in also for word in passage.words.split()}
    known = sorted({*_likely(language, [*asked, *_pairs(asked)]), *said})
    terms, read_as = _terms(_as_one(asked, known), known, groups)
    wanted = {word for term in terms for word in term.words()}
    found = _having(language, wanted)
    found += [one for one in also if not wanted.isdisjoint(one.words.split())]
    return Answer(_ranked(found, terms), read_as)


# --- The index --------------------------------------------------------------------


def _fresh(language: str) -> list[list[str]]:
    """Make the index anew if the clinic says something else than it has.

    Return the groups of words that mean the same in the language.
    """
    *texts, digest = rows.texts(
        *map(rows.select, SOURCES),
        ("(SELECT max(digest) FROM services_searchindex)", ()),
    )
    if digest != (now := _digest(texts)):
        _make(now)
    groups = rows.instances(SameWords, rows.values(SameWords, texts[-1]))
    return [group.phrases() for group in groups if group.language == language]


def _digest(texts: Sequence[str]) -> str:
    languages = [code for code, _name in settings.LANGUAGES]
    said = json.dumps([EDITION, languages, *texts])
    return hashlib.sha256(said.encode()).hexdigest()


@transaction.atomic
def _make(digest: str) -> None:
    """Make the index anew, unless somebody else just has."""
    SearchIndex.objects.get_or_create(pk=1)
    index = SearchIndex.objects.select_for_update().get(pk=1)
    if index.digest == digest:
        return
    Passage.objects.all().delete()
    KnownWord.objects.all().delete()
    groups = list(SameWords.objects.all())
    for language, _name in settings.LANGUAGES:
        with override(language), reading():
            made = passages(language)
        Passage.objects.bulk_create(made)
        known = {word for passage in made for word in passage.words.split()}
        known.update(
            word
            for group in groups
            if group.language == language
            for word in words_of(composed(group.words))
        )
        KnownWord.objects.bulk_create(
            KnownWord(language=language, word=word[:200]) for word in sorted(known)
        )
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for table in ("services_passage_words", "services_knownword_pieces"):
                rebuild = f"INSERT INTO {table} ({table}) VALUES ('rebuild')"  # noqa: S608 -- our own names
                cursor.execute(rebuild)
    index.digest = digest
    index.save()


def _likely(language: str, asked: Iterable[str]) -> list[str]:
    """Return the known words that are like one of those that are asked for."""
    patterns = {f"%{piece}%" for word in asked for piece in pieces(word)}
    patterns |= {f"{word[:1]}%" for word in asked}
    if not patterns:
        return []
    like = " OR ".join(["word LIKE %s"] * len(patterns))
    if connection.vendor == "sqlite":
        like = f"id IN (SELECT rowid FROM services_knownword_pieces WHERE {like})"  # noqa: S608 -- only marks
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT word FROM services_knownword WHERE language = %s AND ({like})",  # noqa: S608
            [language, *sorted(patterns)],
        )
        return sorted(word for (word,) in cursor.fetchall())


# By vendor: which passages have one of the words, and how it is told those.
_HAVING = {
    "sqlite": (
        "id IN (SELECT rowid FROM services_passage_words"
        " WHERE services_passage_words MATCH %s)",
        ' OR ', '"{}"',
    ),
    "postgresql": ("said @@ to_tsquery('simple', %s)", " | ", "'{}'"),
}  # fmt: skip


def _having(language: str, wanted: Iterable[str]) -> "list[Passage]":
    """Return the passages that have one of the words, and how many there are in all."""
    which, either, quoted = _HAVING[connection.vendor]
    words = either.join(map(quoted.format, sorted(wanted)))
    if not words:
        return []
    return list(
        Passage.objects.raw(
            "SELECT *, (SELECT count(*) FROM services_passage AS every"  # noqa: S608
            " WHERE every.language = services_passage.language) AS in_all"
            f" FROM services_passage WHERE language = %s AND {which} ORDER BY place",
            [language, words],
        )
    )


# --- What was meant ---------------------------------------------------------------


def _pairs(asked: Sequence[str]) -> list[str]:
    return [one + other for one, other in pairwise(asked)]


def _as_one(asked: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the words, with two that are known as one in its place: "wheel chair"."""
    words: list[str] = []
    for word in asked:
        before = words[-1] if words else ""
        if before and before + word in known and not {before, word}.issubset(known):
            words[-1] = before + word
        else:
            words.append(word)
    return words


def _terms(
    asked: Sequence[str], known: Sequence[str], groups: Iterable[Sequence[str]]
) -> tuple[list[_Term], str]:
    """Return what to look for, and the words as they were read if that is otherwise.

    What has words that mean the same is looked for word by word only where no passage
    has any of them; and a word that no passage has, by what means the same as the
    phrases that it is part of.
    """
    glue = set(words_of(gettext(GLUE)))
    if glue.issuperset(asked):
        glue = set()
    meant = [{word: SAME} if word in glue else best(word, known) for word in asked]
    alone = {
        at: _Term([(forms,)])
        for at, (word, forms) in enumerate(zip(asked, meant, strict=True))
        if forms and word not in glue
    }
    terms: list[_Term] = []
    in_phrase: set[int] = set()
    for group in groups:
        phrases = [words_of(composed(phrase)) for phrase in group]
        places = [at for phrase in phrases for at in _places_in(meant, phrase)]
        same: list[Phrase] = [
            tuple({word: SAME} for word in phrase) for phrase in phrases if phrase
        ]
        if places:
            typed = [tuple(meant[at] for at in place) for place in places]
            in_place = set().union(*places)
            each = [term for at, term in alone.items() if at in in_place]
            terms.append(_Term(typed + same, means_the_same=True, instead=each))
            in_phrase |= in_place
        for at, term in alone.items():
            if any(asked[at] in phrase for phrase in phrases):
                term.instead.append(_Term(same, means_the_same=True))
    terms += [term for at, term in alone.items() if at not in in_phrase]
    nearest = [max(f, key=lambda w: (f[w], w)) if f else "" for f in meant]
    slipped = any(
        word not in forms and near and forms[near] > as_form(word, near)
        for word, forms, near in zip(asked, meant, nearest, strict=True)
    )
    return terms, " ".join(filter(None, nearest)) if slipped else ""


def _places_in(
    meant: Sequence[dict[str, float]], phrase: Sequence[str]
) -> Iterator[range]:
    """Yield where the words of the phrase follow each other in what was meant."""
    for start in range(len(meant) - len(phrase) + 1 if phrase else 0):
        place = range(start, start + len(phrase))
        if all(word in meant[at] for at, word in zip(place, phrase, strict=True)):
            yield place


# --- What is best -----------------------------------------------------------------


def _ranked(candidates: "list[Passage]", terms: Sequence[_Term]) -> list[Found]:
    """Return the best of them; those that are equal stand as they are given."""
    fields = [
        [(worth, words_of(getattr(passage, name))) for name, worth in _worth(passage)]
        for passage in candidates
    ]
    telling = [told for term in terms for told in _telling(term, fields)]
    if not telling:  # of a phrase that was meant, a word is there and not the whole
        return []
    in_all = max(getattr(one, "in_all", 0) for one in candidates)
    in_all += sum(not hasattr(one, "in_all") for one in candidates)
    rarity = [
        term.weight * math.log(1 + in_all / having) for term, _good, having in telling
    ]
    points: list[float] = []
    for number in range(len(candidates)):
        good_here = [good[number] for _term, good, _having in telling]
        said = [rare for rare, good in zip(rarity, good_here, strict=True) if good]
        worth = sum(r * good for r, good in zip(rarity, good_here, strict=True))
        # What has most of what was asked for is before what has one word often.
        points.append(worth * sum(said) / sum(rarity))
    least = FAR_WORSE * max(points)
    order = sorted(
        (number for number, one in enumerate(points) if one and one >= least),
        key=lambda number: (-round(points[number], 6), number),
    )
    marked = [term for term, _good, _having in telling]
    return [
        Found(passage, list(_extract(passage.text, marked)))
        for passage in _shown(candidates, order)
    ]


def _telling(
    term: _Term, fields: Sequence[Sequence[tuple[float, list[str]]]]
) -> Iterator[tuple[_Term, list[float], int]]:
    """Yield what passages have: the term or what is looked for instead.

    With it, how well it stands in each of them, and in how many.
    """
    good = [sum(w * _match(term, words) for w, words in f) for f in fields]
    if having := sum(1 for one in good if one):
        yield term, good, having
    else:
        for other in term.instead:
            yield from _telling(other, fields)


def _worth(passage: Passage) -> Iterable[tuple[str, float]]:
    return (BELOW if passage.heading else AT_THE_TOP).items()


def _shown(candidates: "list[Passage]", order: Iterable[int]) -> list[Passage]:
    """Return the first ones, of which a few at most are of one page."""
    shown: list[Passage] = []
    of_page: Counter[str] = Counter()
    for passage in (candidates[number] for number in order):
        page = passage.path.partition("#")[0]
        of_page[page] += 1
        if of_page[page] <= OF_ONE_PAGE:
            shown.append(passage)
    return shown[:SHOWN]


def _match(term: _Term, words: Sequence[str]) -> float:
    """Return how well the term stands in the words, a little better if more often."""
    good = [good for _at, _size, good in _places(term, words)]
    return max(good) * (1 + math.log(len(good)) / OFTEN) if good else 0.0


def _places(term: _Term, words: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    """Yield where the term stands, of how many words it is there, and how well."""
    for first, *more in term.phrases:
        for at, word in enumerate(words):
            if word not in first:
                continue
            rest = words[at + 1 : at + 1 + len(more)]
            good = [forms.get(w, 0.0) for w, forms in zip(rest, more, strict=False)]
            if len(good) == len(more) and all(good):
                yield at, 1 + len(more), min([first[word], *good])


def _extract(text: str, terms: Sequence[_Term]) -> Iterator[Piece]:
    """Yield the text in pieces; of a long one, what stands around the best mark."""
    spans, best = _spans(text, terms)
    begin, end = 0, len(text)
    if len(text) > EXTRACT:
        begin, end = _around(text, best, EXTRACT)
    last, before, after = begin, "… " if begin else "", " …" if end < len(text) else ""
    for start, stop in spans:
        if begin <= start and stop <= end:
            yield Piece(before + text[last:start], marked=False)
            yield Piece(text[start:stop], marked=True)
            last, before = stop, ""
    yield Piece(before + text[last:end] + after, marked=False)


def _spans(text: str, terms: Sequence[_Term]) -> tuple[list[tuple[int, int]], int]:
    """Return where to mark what was looked for, and where the best of it begins.

    Each word once, where most of them stand together; what means the same, only where
    no word that was typed is there.
    """
    found = [match.span() for match in spelled(text)]
    words = [folded(text[start:stop]) for start, stop in found]
    runs: list[tuple[int, int, set[int]]] = []
    for means_the_same in (False, True):
        at = {
            place + i: number
            for number, term in enumerate(terms)
            if term.means_the_same is means_the_same
            for place, size, _good in _places(term, words)
            for i in range(size)
        }
        if at:
            break
    for place in sorted(at):
        start, stop = found[place]
        these = {at[place]}
        if runs and text[runs[-1][1] : start].isspace():
            start, _stop, before = runs.pop()
            these |= before
        runs.append((start, stop, these))
    spans: list[tuple[int, int]] = []
    seen: set[int] = set()
    for start, stop, these in sorted(runs, key=lambda run: (-len(run[2]), run[0])):
        if not these <= seen:
            seen |= these
            spans.append((start, stop))
    return sorted(spans), spans[0][0] if spans else 0


def _around(text: str, at: int, longest: int) -> tuple[int, int]:
    """Return where so many letters begin and end, between words, with `at` in them."""
    begin = 0
    if at > longest // 2:
        sentence = text.rfind(". ", max(0, at - longest // 2), at)
        space = text.rfind(" ", 0, at - longest // 4)
        begin = sentence + 2 if sentence >= 0 else space + 1
    end = begin + longest
    return begin, len(text) if end >= len(text) else text.rfind(" ", begin, end)
