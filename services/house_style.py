"""What the law or the house style does not want to read on a page, and how hard it is.

A flag never stops anybody: a word may be right where it stands. It says why, and what
to write instead.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# Above this grade of a US school, a page is harder than patients should have to read.
HARDEST = 8
# Below this ease a Spanish text is harder than most adults read. It is where "normal"
# begins on the scale INFLESZ, which was made for texts to patients. Source: I. M.
# Barrio-Cantalejo and others, An. Sist. Sanit. Navar. 31 (2008), 135–152.
LEAST_EASE = 55

# Source: New York Education Law 6530(27) and 8 NYCRR 29.1, on advertising by physicians
# (superiority, guarantees, testimonials); General Business Law 350-b on "doctor".
_BETTER = _(
    "It says that we are better than others, which the law bars where it cannot be"
    " proved. Say what you do, and let readers judge."
)
_PROMISE = _(
    "It promises a result, which the law bars. Say what often happens, and that people"
    " differ."
)
_NO_PAIN = _("Nobody can promise that. Say what people feel, and for how long.")
_PRAISE = _(
    "The law bars testimonials of patients. Leave it out, and say what can be checked."
)
_BARE_DOCTOR = _(
    "The law wants the profession beside it. Write the name with the credentials and"
    " the profession, such as “Jane Doe, MD, physician (PM&R)”."
)
_RULES: list[tuple[str, Promise | str]] = [
    (
        r"(?:the |our |one of the )(?:very )?best|(?:el|la|los|las) mejor(?:es)?"
        r"|best(?:[- ]in[- ]class| in (?:the )?(?:city|state|country|new york))"
        r"|(?:best|mejor(?:es)?) (?:care|clinics?|doctors?|physicians?|therapists?|team"
        r"|treatments?|results?|atención|clínicas?|médic[oa]s|terapeutas|equipo"
        r"|tratamientos?|resultados)"
        r"|finest|leading(?! (?:to|into|up|down))|premier|world[- ]class|top[- ]rated"
        r"|number one|#1|unmatched"
        r"|unsurpassed|better than (?:other|any)"
        r"|mejor(?:es)? que (?:otr[ao]s|cualquier\w*)"
        r"|líder(?:es)?|número uno|de clase mundial|inigualables?|insuperables?"
        r"|top (?:\w+ )?(?:doctors?|physicians?|specialists?|therapists?|clinics?)"
        r"|(?:nobody|no one) does it better|second to none|award[- ]winning|renowned"
        r"|unlike (?:other|most|many) (?:clinics?|practices?|doctors?|physicians?)"
        r"|(?:the|our) (?:safest|most (?:advanced|effective|experienced|modern|skilled"
        r"|trusted|qualified))|cutting[- ]edge|state[- ]of[- ]the[- ]art"
        r"|superior (?:care|quality|results|service|treatments?)"
        r"|(?:el|la|los|las) (?:\w+ ){0,2}más (?:avanzad[oa]s?|destacad[oa]s?|eficaz"
        r"|eficaces|experiencia|experimentad[oa]s?|modern[oa]s?|prestigios[oa]s?"
        r"|reconocid[oa]s?|segur[oa]s?)|nadie lo hace mejor|sin igual|inmejorables?"
        r"|a diferencia de (?:otr[oa]s|la mayoría)|premiad[oa]s?|galardonad[oa]s?"
        r"|de (?:gran )?renombre|renombrad[oa]s?|de (?:primera clase|vanguardia)"
        r"|de última generación|(?:atención|calidad|resultados) superior(?:es)?",
        _BETTER,
    ),
    (
        r"guarantee(?:[ds]|ing)?|garant[ií]\w+|cures?|cured|curan|curamos|curará\w*"
        r"|miracles?|milagro\w*|always works?|siempre funcionan?|risk[- ]free"
        r"|sin riesgos?|(?:completely|totally) safe|(?:completa|total)mente segur[ao]s?"
        r"|100 ?%|100 por ciento|we (?:can )?promise|prometemos"
        r"|(?:eliminate|erase|end)s? (?:your |all )?pain"
        r"|elimina\w* (?:su|todo el) dolor"
        r"|(?:fix|heal)(?:es|s)? your (?:back|body|neck|pain)"
        r"|has no (?:side[- ]effects?|risks?)|there are no (?:side[- ]effects|risks)"
        r"|(?<!mayoría )no (?:tiene|hay) (?:efectos secundarios|(?:ningún )?riesgos?)"
        r"|sin ningún riesgo|(?:absolutely|entirely|perfectly) safe"
        r"|(?:immediate|instant|permanent) (?:cure|relief|results)"
        r"|(?:alivio|resultados) (?:definitivo|inmediato|instantáneo|permanente)s?"
        r"|(?:clinically|scientifically) proven|proven (?:results|to work)"
        r"|(?:científica|clínica)mente (?:comprobad|demostrad|probad)[oa]s?",
        _PROMISE,
    ),
    (
        r"painless(?:ly)?|pain[- ]free|without pain|(?:will not|won['’]t) hurt"
        r"|sin dolor|indolor(?:[ao]s?)?|no (?:le |te )?(?:dolerá|va a doler)"
        r"|(?:will not|won['’]t) feel (?:a thing|anything|any pain)|libres? de dolor"
        r"|no sentirá (?:nada|dolor|ningún dolor)",
        _NO_PAIN,
    ),
    (
        r"testimonials?|testimonios?|(?:our|happy|satisfied) patients (?:say|love|tell)"
        r"|(?:nuestros|muchos) pacientes (?:dicen|opinan|cuentan|recomiendan)"
        r"|pacientes (?:satisfechos|felices)|opiniones de (?:nuestros )?pacientes"
        r"|success stor(?:y|ies)|five[- ]stars?|5[- ]stars?|(?:cinco|5) estrellas"
        r"|rated \d(?:\.\d)?|(?:changed|saved) my life"
        r"|(?:loved|recommended|trusted) by (?:our |many )?(?:doctors|patients|people)"
        r"|lo que dicen nuestros pacientes|me (?:cambió|salvó) la vida"
        r"|recomendad[oa]s? por (?:nuestros |muchos )?(?:médicos|pacientes)",
        _PRAISE,
    ),
]
# Just before a promise these deny it: "is not a guarantee of payment". "Why not …" asks
# for it.
_DENIED = "".join(
    rf"(?<!{words} )"
    for words in (
        r"(?<!why )\bnot", r"\bnot a", r"\bnot always", r"\bwill not be", r"\bno",
        r"\bnever", r"\bnobody can", r"\bno one can", "n't", "n’t", r"\bno es",
        r"\bno es una", r"\bno son", r"\bno se", r"\bno le", r"\bno siempre",
        r"\bninguna", r"\bningún", r"\bnunca", r"\bnadie puede", r"\bsin",
    )
)  # fmt: skip
_FLAGGED = [
    *(
        (re.compile(rf"(?<!\w){denied}(?:{words})(?!\w)", re.I), why)
        for words, why in _RULES
        for denied in [_DENIED if why is _PROMISE or why is _NO_PAIN else ""]
    ),
    (
        re.compile(r"\b(?:Dra?\.?|Doctora?|(?:[Ee]l|[Ll]a) doctora?) [A-ZÁÉÍÓÚÑ]\w+"),
        _BARE_DOCTOR,
    ),
]


# What makes words strong or parts them, and is not read; the last two have no width.
MARKS = re.compile(r"[*_\u00ad\u200b]")


@dataclass(frozen=True, slots=True)
class Flag:
    """Words as they stand in a text, and why they should not, with the way on."""

    words: str
    why: str


def flags(text: str) -> list[Flag]:
    """Return what is flagged in a text of any language, each words once.

    Neither signs of Markdown inside nor the end of a line hide words.
    """
    plain = " ".join(MARKS.sub("", unicodedata.normalize("NFC", text)).split())
    found = {
        match[0].lower(): Flag(match[0], str(why))
        for pattern, why in _FLAGGED
        for match in pattern.finditer(plain)
    }
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Hardness:
    """How hard a text is to read, in words for its editor."""

    words: str
    is_too_much: bool


def hardness(text: str, language: str) -> Hardness | None:
    """Return how hard Markdown is; None without words, or a measure for a language."""
    if language == "es":
        ease = reading_ease(text)
        return None if ease is None else _of_ease(ease)
    grade = reading_grade(text) if language == "en" else None
    return None if grade is None else _of_grade(grade)


def _of_grade(grade: float) -> Hardness:
    said = {"grade": max(0, round(grade)), "most": HARDEST}
    words = _("Grade %(grade)s. Pages should be %(most)s or less.")
    if grade > HARDEST:
        words = _(
            "Grade %(grade)s, which is too hard for many patients: above %(most)s."
            " Shorten the sentences, and put a plain word first."
        )
    return Hardness(words % said, grade > HARDEST)


def _of_ease(ease: float) -> Hardness:
    said = {"ease": max(0, round(ease)), "least": LEAST_EASE}
    words = _("In Spanish, ease %(ease)s of 100: pages should be %(least)s or more.")
    if ease < LEAST_EASE:
        words = _(
            "In Spanish, ease %(ease)s of 100, which is too hard for many patients:"
            " below %(least)s. Shorten the sentences, and put a plain word first."
        )
    return Hardness(words % said, ease < LEAST_EASE)


def reading_grade(text: str) -> float | None:
    """Return the grade of a US school in which one reads a text; None for none.

    English Markdown. A line of a list, a heading and a paragraph end a sentence.
    Syllables are counted by rule, so it is an estimate, good to about a grade.

    Source: J. P. Kincaid and others, Navy Research Branch Report 8-75 (1975).
    """
    sentences = _in_words(text, WORD)
    words = [word for sentence in sentences for word in sentence]
    if not words:
        return None
    of_words = sum(map(syllables, words)) / len(words)
    return 0.39 * len(words) / len(sentences) + 11.8 * of_words - 15.59


def reading_ease(text: str) -> float | None:
    """Return how easy Spanish Markdown is: 100 very easy, 0 very hard; None for none.

    It is the "perspicuidad" on which the scale INFLESZ goes.

    Source: F. Szigriszt Pazos, Sistemas predictivos de legibilidad del mensaje escrito,
    Universidad Complutense de Madrid (1993).
    """
    sentences = _in_words(text, SPANISH_WORD)
    words = [word for sentence in sentences for word in sentence]
    if not words:
        return None
    of_words = sum(map(spanish_syllables, words)) / len(words)
    return 206.835 - 62.3 * of_words - len(words) / len(sentences)


WORD = re.compile(r"[A-Za-z][A-Za-z’']*")
SPANISH_WORD = re.compile(r"[^\W\d_]+")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def _in_words(text: str, word: re.Pattern[str]) -> list[list[str]]:
    """Return the words of each sentence that has any."""
    return [words for s in _sentences(text) if (words := word.findall(s))]


def _sentences(text: str) -> Iterator[str]:
    plain = re.sub(r"<[^>]*>|[*_#>`]", "", LINK.sub(r"\1", text))
    plain = re.sub(r"^::: *[a-z0-9-]*", "", plain, flags=re.M)
    for line in plain.splitlines():
        yield from re.split(r"[.!?]+(?:\s|$)", line)


def syllables(word: str) -> int:
    """Return about how many syllables an English word has; at least one."""
    letters = re.sub(r"[^a-z]", "", word.lower().removesuffix("’s").removesuffix("'s"))
    # A last e is silent, but not after a consonant with l; so is that of -es and -ed.
    spoken = re.sub(r"(?:(?<![aeiouy]l)(?<=[^aeiouyl])|(?<=[aeiouy]l))e$", "", letters)
    spoken = re.sub(
        r"(?<=[^aeiouytd])ed$|(?:(?<=[^aeiouycgszxl])|(?<=[aeiouy]l))es$", "", spoken
    )
    return max(1, len(re.findall(r"[aeiouy]+", spoken)))


def spanish_syllables(word: str) -> int:
    """Return how many syllables a Spanish word has; at least one.

    Each of a, e and o is the middle of one, with an i, u or y on either side of it; an
    í or ú is one by itself. An h parts nothing, and the u of que and gui is not said.
    """
    letters = re.sub("h", "", word.lower())
    letters = re.sub(r"(?<=[qg])u(?=[eiéí])", "", letters)
    letters = re.sub(r"y(?=[aeiouáéíóú])", "j", letters)
    found = re.findall(r"[iuü]?[aeoáéó](?:[iuüy](?![aeoáéóíú]))?|[íú]|[iuüy]+", letters)
    return max(1, len(found))
