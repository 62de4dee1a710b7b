"""A visit in the language of whoever reads the page about it."""

from services import translation
from services.templatetags.languages import marked, said

from .models import Appointment, Resource


def say(visit: Appointment) -> None:
    """Let the service, the kind of visit and who was asked for speak that language."""
    translation.say([visit.visit_type, visit.visit_type.service])
    if visit.wanted_clinician:
        say_who(visit.wanted_clinician)


def say_who(resource: Resource) -> None:
    if resource.clinician:
        translation.say([resource.clinician])


def advice(visit: Appointment) -> list[str]:
    """Return what the patient's answers call for, none twice, in that language.

    The answers keep it in English, as it was when they were given. Where the question
    says something else now, the English stands.
    """
    kept = [a.advice for a in visit.answers.all() if a.needs_a_look and a.advice]
    if not kept or translation.is_english():
        return list(dict.fromkeys(kept))
    questions = list(visit.visit_type.service.screening_questions.all())
    translation.say(questions)
    ours = {q.in_english().get("advice"): said(q, "advice") for q in questions}
    return [ours.get(line) or marked(line) for line in dict.fromkeys(kept)]
