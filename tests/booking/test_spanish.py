"""Pages of patients in Spanish, and the road from its start to the message."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils.translation import gettext, override

from booking import links, words
from booking.models import Appointment
from services.models import Translation
from tests import factories
from tests.records import nothing_written
from tests.security.pages import forms_on
from tests.security.routes import World, a_world, all_routes
from tests.test_catalogues import CATALOGUES, read

from .road import PLAIN, SEEN, Browser, a_question

pytestmark = pytest.mark.django_db

ENGLISH = {
    entry.said
    for entry in read(CATALOGUES[0])
    if entry.said not in entry.translations and not entry.said.islower()
}


# Words that are in nearly every English sentence, and in no Spanish one.
TELLS = re.compile(
    r"\b(?:the|and|of|to|with|for|is|are|we|us|you|your|this|please)\b", re.IGNORECASE
)


class Words(HTMLParser):
    """Collect the texts that are in the page's own language.

    Data for machines has words of schema.org; the rest of it stands in the page, too.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.others = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        if tag not in ("meta", "link", "input", "br", "img", "hr") and (
            self.others or ("lang" in own and tag != "html")
        ):
            self.others += 1
        if not self.others:
            self.texts += [v for k, v in attrs if k in ("aria-label", "title") and v]

    def handle_endtag(self, tag: str) -> None:
        self.others = max(0, self.others - 1)

    def handle_data(self, data: str) -> None:
        if not self.others and self.cdata_elem != "script":
            self.texts.append(" ".join(data.split()))


def left_in_english(html: str) -> list[str]:
    """Return the texts of a page that a catalogue has in Spanish, or nobody has."""
    texts = Words(html).texts
    return [text for text in texts if text in ENGLISH or TELLS.search(text)]


@pytest.fixture
def world(clock) -> Iterator[World]:
    return a_world()


@pytest.mark.either_database
@pytest.mark.parametrize("role", ["anonymous", "link", "patient"])
def test_each_page_of_patients_is_in_spanish(world: World, role: str):
    client = world.patient() if role == "patient" else world.client(role)
    seen, wrong = set(), {}
    for route in all_routes():
        if route.startswith("admin/"):
            continue
        response = client.get(f"/es{world.address(route)}", follow=True)
        path, html = response.request["PATH_INFO"], response.content.decode()
        is_page = response.headers["Content-Type"].startswith("text/html")
        if is_page and response.status_code != 405:  # what only takes a POST
            if '<html lang="es">' not in html or not path.startswith("/es/"):
                wrong[path] = ["not in Spanish"]
            if left := left_in_english(html):
                wrong[path] = left
            seen.add(path)
    assert wrong == {}
    assert len(seen) > 6


def spanish(text: str) -> str:
    with override("es"):
        return gettext(text)


def step(client: Client, slug: str, **answers: object) -> HttpResponse:
    response = client.post(f"/es/book/{slug}/", answers)
    assert response.status_code == 302, left_in_english(response.content.decode())
    assert response["Location"].startswith("/es/book/")
    return response


@pytest.fixture
def clinic():
    return factories.a_clinic(is_demo=False)


def test_the_whole_road_in_spanish_ends_in_a_spanish_message(clock, clinic):
    visit_type = factories.a_practice()
    question = a_question(visit_type)
    client = Client()
    client.post("/es/book/", {"emergency": "none"})
    step(client, "visit", visit=visit_type.code)
    step(client, "times", start=words.as_value(factories.at("10:00")))
    step(client, "other-times")
    for slug, answers in PLAIN.items():
        step(client, slug, **answers)
        if slug == "about":
            step(client, "questions", **{question.code: "yes"})
    # Nothing is lost on the way through the other language.
    assert "Pat Example" in client.get("/book/check/").content.decode()
    page = client.get("/es/book/check/").content.decode()
    assert "2/29/1980" in page
    assert '<span lang="en" dir="ltr">Keep taking it. We call you.</span>' in page
    clock.shift(60)
    seen = SEEN.search(page)[1]
    sent = client.post("/es/book/check/", {"seen": seen, "website": ""}, follow=True)
    assert sent.request["PATH_INFO"] == "/es/book/sent/"
    html = sent.content.decode()
    assert spanish("Request received, not booked yet") in html
    assert left_in_english(html) == []

    visit = Appointment.objects.get()
    assert visit.patient.message_language == "es"
    answer = visit.answers.get()
    assert (answer.question, answer.flag) == (question.question, question.flag)
    message = factories.told_last(visit)
    assert message.subject.startswith("Solicitud recibida: todavía no es una cita")
    assert "17 de noviembre" in message.text
    link = re.search(r"http://127\.0\.0\.1:8000(/es/appointments/\S+)", message.text)[1]
    status = Client().get(link, follow=True)
    assert status.request["PATH_INFO"] == "/es/appointment/"
    assert spanish("Request received, not booked yet") in status.content.decode()
    assert left_in_english(status.content.decode()) == []


def test_what_was_typed_comes_along_to_the_other_language(clock, clinic):
    visit_type = factories.a_practice()
    patient = Browser(clock, visit_type)
    patient.fill_in(until="contact")
    page = patient.get("/book/contact/").content.decode()
    # What Enter presses comes before the button that changes the language.
    assert re.findall(r'<button[^>]*form="step"[^>]*?(name="lang"|tabindex)', page) == [
        "tabindex", 'name="lang"'
    ]  # fmt: skip
    half = {"contact_by": "phone", "email": "pat@", "phone": "", "lang": "es"}
    there = patient.answer("contact", **half)
    assert there.url == "/es/book/contact/"
    page = patient.get(there.url).content.decode()
    assert 'value="pat@"' in page
    assert re.search(r'value="phone"[^>]*checked', page)
    # It is no answer yet, and once there is one, that is what is shown.
    assert patient.get("/es/book/help/").url == "/es/book/contact/"
    patient.post("/es/book/contact/", PLAIN["contact"])
    assert 'value="pat@example.com"' in patient.get("/book/contact/").content.decode()
    for nowhere in ("xx", ""):
        half["lang"] = nowhere
        assert patient.answer("contact", **half).status_code == 422


def test_wrong_answers_are_told_in_spanish(clock, clinic):
    visit_type = factories.a_practice()
    client = Client()
    client.post("/es/book/", {"emergency": "none"})
    step(client, "visit", visit=visit_type.code)
    answer = client.post("/es/book/times/", {"start": "soon"})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert spanish("Choose one of the times shown.") in html
    assert left_in_english(html) == []


def test_the_preparation_that_was_shown_in_spanish_is_kept_in_spanish(clock):
    factories.a_clinic(is_demo=False)
    visit_type = factories.a_practice()
    service = visit_type.service
    service.preparation = "Wear loose clothes."
    service.save()
    Translation.objects.create(
        model="service", row=service.pk, language="es",
        texts={"name": "Inyecciones", "preparation": "Use ropa suelta."},
        of_digest=service.english_digest(),
        reviewed_by="Ana Example", reviewed_on=factories.NOW.date(),
    )  # fmt: skip
    visit = factories.a_request(visit_type)
    assert visit.preparation.text == "Wear loose clothes."
    link = factories.told_last(visit).text.split("8000")[1].split()[0]
    html = Client().get(f"/es{link}", follow=True).content.decode()
    assert "Use ropa suelta." in html
    assert spanish("This text has changed since you asked for the visit.") not in html
    assert "Wear loose" not in html


def an_opened_visit(client: Client, visit: Appointment) -> None:
    client.get(f"/appointments/{links.issue(visit, now=factories.NOW)}/")


def typed_to_find(client: Client) -> dict[str, Any]:
    return {"email": "pat@", "birth_date_month": "2", "birth_date_year": "19"}


def typed_for_another_time(client: Client) -> dict[str, Any]:
    an_opened_visit(client, factories.a_booked_visit())
    there = words.as_value(factories.at("14:00"))
    return {"starts": [there], "shown": "2026-11-20"}


def typed_for_an_earlier_time(client: Client) -> dict[str, Any]:
    an_opened_visit(client, factories.a_booked_visit())
    return {"earliest": "2026-11-1", "weekdays": ["1", "3"], "part": "afternoon"}


def chosen_of_an_offer(client: Client) -> dict[str, Any]:
    visit = factories.an_offer(factories.somebody_waiting())
    an_opened_visit(client, visit)
    return {"answer": "none"}


@pytest.mark.parametrize(
    ("page", "fills_in"),
    [
        ("find/", typed_to_find),
        ("change/", typed_for_another_time),
        ("earlier/", typed_for_an_earlier_time),
        ("offer/", chosen_of_an_offer),
        ("", chosen_of_an_offer),
    ],
)
def test_pages_behind_the_link_take_along_what_was_typed(
    clock, clinic, page: str, fills_in
):
    client = Client()
    half = fills_in(client)
    english = client.get(f"/appointment/{page}").text
    [there] = re.findall(r'formaction="([^"]*)" name="lang" value="es"', english)
    assert there == f"/es/appointment/{page}"
    with nothing_written():
        answer = client.post(there, half | {"lang": "es"})
        # Nothing is judged yet, and in no language is it lost.
        back = client.post(f"/appointment/{page}", half | {"lang": "en"})
    assert (answer.status_code, back.status_code) == (200, 200)
    for said in (answer.text, back.text):
        [form] = [f for f in forms_on(said, "") if f.filled_in.keys() & half.keys()]
        assert {name: form.filled_in.get(name) for name in half} == {
            name: value if isinstance(value, list) else [value]
            for name, value in half.items()
        }
        assert "Error:" not in said
    assert left_in_english(answer.text) == []
