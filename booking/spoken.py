"""A visit in the language of whoever reads the page about it."""

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


def advice(visit: Appointment, *, mark: bool = True) -> list[str]:
    """Return what the patient's answers call for, none twice, in that language.

    In HTML, where what is left in English is marked as such; else without `mark`.

    The answers keep it in English, as it was when they were given. Where the question
    says something else now, the English stands.
    """
    kept = [a.advice for a in visit.answers.all() if a.needs_a_look and a.advice]
    if not kept or translation.is_english():
        return list(dict.fromkeys(kept))
    questions = list(visit.visit_type.service.screening_questions.all())
    translation.say(questions)
    left = marked if mark else str
    ours = {
        q.in_english().get("advice"): q.advice
        for q in questions
        if "advice" not in q.left_english
    }
    return [ours.get(line) or left(line) for line in dict.fromkeys(kept)]
