"""A visit in the language of whoever reads the page about it."""

from collections import defaultdict
from typing import NamedTuple

from services import translation
from services.templatetags.languages import marked

from .models import Appointment, Resource


def say(visit: Appointment) -> None:
    """Let the service, the kind of visit and who was asked for speak that language."""
    translation.say([visit.visit_type, visit.visit_type.service])
    if visit.wanted_clinician:
        say_who(visit.wanted_clinician)


def say_who(resource: Resource) -> None:
    if resource.clinician:
        translation.say([resource.clinician])


class Because(NamedTuple):
    """What answers call for; `answers` has each such question, and what was said."""

    answers: list[tuple[str, str]]
    advice: str


def because(visit: Appointment, *, mark: bool = True) -> list[Because]:
    """Return what the patient's answers call for, none twice, in that language.

    In HTML, where what is left in English is marked as such; else without `mark`.

    The answers keep it in English, as it was when they were given. Where the question
    says something else now, the English stands.
    """
    kept = defaultdict(list)
    for answer in visit.answers.all():
        if answer.needs_a_look and answer.advice:
            kept[answer.advice].append(answer)
    if not kept:
        return []
    ours = _translated(visit)
    left = marked if mark and not translation.is_english() else str

    def said(english: str) -> str:
        return ours.get(english) or left(english)

    return [
        Because([(said(a.question), a.get_answer_display()) for a in given], said(line))
        for line, given in kept.items()
    ]


def advice(visit: Appointment) -> list[str]:
    """Return the advice alone, for pages that show no answer."""
    return [found.advice for found in because(visit)]


def _translated(visit: Appointment) -> dict[str, str]:
    """Return questions and advice in the language at hand, by the English for it."""
    if translation.is_english():
        return {}
    questions = list(visit.visit_type.service.screening_questions.all())
    translation.say(questions)
    return {
        english: getattr(question, name)
        for question in questions
        for name, english in question.in_english().items()
        if name in ("question", "advice") and name not in question.left_english
    }
