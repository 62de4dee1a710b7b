"""The whole road in Spanish, from the home page to the message and its link."""

import re
from email.message import EmailMessage

import pytest
from django.utils.translation import gettext, ngettext, override

from .steps import CHECK, TRIGGER_POINTS, Patient, link_in, text_of

# What is read in another language is the same on both databases.
pytestmark = pytest.mark.either_database


def spanish(text: str) -> str:
    """Return a text of ours as the page has it; what is no text of ours stays."""
    label, optional, _rest = text.partition(" (optional)")
    with override("es"):
        return gettext(label) + (f" {gettext('(optional)')}" if optional else "")


# Subjects that patients who speak English and Spanish both wait for.
SUBJECTS = (
    "Request received – not booked yet (%(reference)s)",
    "On the waiting list – not booked (%(reference)s)",
    "Still on the waiting list – not booked (%(reference)s)",
    "Off the waiting list – not booked (%(reference)s)",
    "A free time, not booked – answer by %(answer_by)s",
    "Confirmed: %(start)s",
)


def spanish_subject(subject: str) -> str:
    """Return the subject that `receives` waits for; any day will do."""
    for ours in SUBJECTS:
        parts = re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(ours))
        if found := re.fullmatch(parts, subject):
            days = dict.fromkeys(("answer_by", "start"), "*")
            return spanish(ours) % (found.groupdict() | days)
    return subject


class SpanishPatient(Patient):
    """Somebody who does the same at the Spanish addresses."""

    def goes_to(self, path: str) -> None:
        super().goes_to(f"/es{path}")

    def in_their_words(self, text: str, several: str = "") -> str:
        with override("es"):
            return ngettext(text, several, 1) if several else gettext(text)

    def sees(self, heading: str) -> None:
        super().sees(spanish(heading))

    def reads(self, words: str) -> None:
        super().reads(spanish(words))

    def presses(self, name: str) -> None:
        super().presses(spanish(name))

    def follows(self, name: str) -> None:
        super().follows(spanish(name))

    def answers(self, question: str, answer: str) -> None:
        super().answers(spanish(question), spanish(answer))

    def writes(self, label: str, text: str) -> None:
        super().writes(spanish(label), text)

    def receives(self, subject: str) -> EmailMessage:
        return super().receives(spanish_subject(subject))


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_patient_asks_in_spanish_and_is_answered_in_spanish(
    clinic, visitor, javascript
):
    page = visitor(javascript=javascript, width=320)
    email = f"spanish{javascript}@example.com".lower()
    pat = SpanishPatient(clinic, page, email)

    page.goto(clinic.site.url)
    page.get_by_role("link", name="Español").click()
    pat.sees("When a muscle hurts or a hand goes numb")
    pat.goes_to(f"/treatments-and-tests/{TRIGGER_POINTS}/")
    pat.asks_for_the_visit(TRIGGER_POINTS)
    pat.chooses(pat.a_free_time)
    pat.fills_in_the_rest()

    # What was typed is there in the other language, too, and is not lost on the way.
    page.get_by_role("link", name="English").click()
    Patient.sees(pat, CHECK)
    Patient.reads(pat, "Pat Example")
    page.get_by_role("link", name="Español").click()
    pat.sees(CHECK)
    reference = pat.sends_it()

    received = pat.receives(f"Solicitud recibida: todavía no es una cita ({reference})")
    assert "Le responderemos a más tardar el" in text_of(received)
    page.goto(link_in(received))
    assert pat.path == "/es/appointment/"
    pat.sees("Request received, not booked yet")
    pat.follows("Withdraw this request")
    pat.sees("Withdraw your request?")
    pat.presses("Withdraw my request")
    pat.sees("You withdrew this request")
    pat.receives(f"Solicitud retirada ({reference})")
