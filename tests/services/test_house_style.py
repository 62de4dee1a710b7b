"""Words that should not stand on a page are flagged, and its reading grade told."""

import pytest
from django.test import Client
from django.urls import reverse

from services.house_style import (
    flags,
    hardness,
    reading_ease,
    reading_grade,
    spanish_syllables,
    syllables,
)
from services.models import Draft, Page, Translation
from services.translation import make_room


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The best care in New York.", "The best"),
        ("We guarantee relief.", "guarantee"),
        ("A painless test.", "painless"),
        ("Read our testimonials.", "testimonials"),
        ("Our patients say that it works.", "Our patients say"),
        ("Dr. Example sees you.", "Dr. Example"),
        ("La Dra. Ejemplo le atiende.", "Dra. Ejemplo"),
        ("Somos el mejor equipo.", "el mejor"),
        ("Un tratamiento sin dolor.", "sin dolor"),
        ("Best care for your back.", "Best care"),
        ("We are the **best** there is.", "the best"),
        ("We are one\nof the best.", "one of the best"),
        ("Mejor atención para usted.", "Mejor atención"),
        ("Sanará, con garantía.", "garantía"),
        ("Curamos su espalda.", "Curamos"),
        ("El tratamiento es totalmente seguro.", "totalmente seguro"),
        ("No le dolerá.", "No le dolerá"),
        ("Nuestros pacientes opinan que ayuda.", "Nuestros pacientes opinan"),
        ("New York’s top pain doctors.", "top pain doctors"),
        ("Unlike other clinics, we listen.", "Unlike other clinics"),
        ("Our most experienced team.", "Our most experienced"),
        ("Award-winning care.", "Award-winning"),
        ("We promise that it helps.", "We promise"),
        ("It ends your pain.", "ends your pain"),
        ("We fix your back.", "fix your back"),
        ("It has no side effects.", "has no side effects"),
        ("It is perfectly safe.", "perfectly safe"),
        ("Permanent relief.", "Permanent relief"),
        ("It is clinically proven.", "clinically proven"),
        ("You won’t feel a thing.", "won’t feel a thing"),
        ("They changed my life.", "changed my life"),
        ("Recommended by patients.", "Recommended by patients"),
        ("Rated 4.9 out of 5.", "Rated 4.9"),
        ("See Doctor Jane today.", "Doctor Jane"),
        ("La tecnología más avanzada.", "La tecnología más avanzada"),
        ("El equipo con más experiencia.", "El equipo con más experiencia"),
        ("Médicos de renombre.", "de renombre"),
        ("Le prometemos alivio.", "prometemos"),
        ("Eliminará su dolor.", "Eliminará su dolor"),
        ("No tiene efectos secundarios.", "No tiene efectos secundarios"),
        ("Sin ningún riesgo.", "Sin ningún riesgo"),
        ("Está clínicamente comprobado.", "clínicamente comprobado"),
        ("Alivio inmediato.", "Alivio inmediato"),
        ("No sentirá nada.", "No sentirá nada"),
        ("Me cambió la vida.", "Me cambió la vida"),
        ("Recomendada por nuestros pacientes.", "Recomendada por nuestros pacientes"),
        ("La doctora Juana le atiende.", "La doctora Juana"),
        ("Why not end your pain now?", "end your pain"),
        ("Not only painless, but quick.", "painless"),
        ("Is it safe? No. Guaranteed relief!", "Guaranteed"),
        ("We are not the best, nor do we say so.", "the best"),
        ("¿Duele? No: vivirá sin dolor.", "sin dolor"),
    ],
)
def test_what_law_or_house_style_bars_is_flagged_with_a_reason(
    text: str, words: str
) -> None:
    [flag] = flags(text)
    assert flag.words == words
    assert flag.why


@pytest.mark.parametrize(
    "text",
    [
        "It works best with stretching.",
        "Ask which day is best for you.",
        "Your doctor ordered it.",
        "You may feel pain. It is not a cure-all.",
        "Se sentirá mejor.",
        "Which care is best in pregnancy, if it does not hurt?",
        "Cura de una herida. Si no le duele, siga.",
        "Injections alone do not end the problem. We are secure.",
        "There is no leader. Careful.",
        "Most people have no side effects, but some feel sore.",
        "Pain leading to weakness. Wear the top button open.",
        "The superior part of the muscle.",
        "Tell your doctor\n- Bring a list.",
        "La mayoría no tiene efectos secundarios.",
        "Si no siente nada en la mano, llame. Use la ropa más cómoda.",
        "A referral is not a **guarantee** of payment.",
        "We do not guarantee that it works, and nobody can guarantee it.",
        "It isn’t risk-free, it is never painless, and will not be painless.",
        "No test is perfect. There is no cure.",
        "Un permiso no es una garantía de pago. No garantizamos nada. No cura todo.",
        "No es indoloro. Nadie puede garantizar un resultado, sin garantía alguna.",
    ],
)
def test_words_that_promise_nothing_are_let_be(text: str) -> None:
    assert flags(text) == []


@pytest.mark.parametrize(
    ("word", "many"),
    [("we", 1), ("give", 1), ("muscle", 2), ("muscles", 2), ("needed", 2),
     ("patient", 2), ("medicine", 3), ("places", 2), ("rules", 1)],
)  # fmt: skip
def test_syllables_are_counted(word: str, many: int) -> None:
    assert syllables(word) == many


def test_the_grade_is_that_of_the_formula() -> None:
    # 12 words, 2 sentences, 12 syllables: 0.39 × 6 + 11.8 × 1 - 15.59.
    text = "**We clean your skin.** Then a thin [pin](/x/) goes in the knot."
    assert reading_grade(text) == pytest.approx(0.39 * 6 + 11.8 - 15.59)


@pytest.mark.parametrize(
    ("word", "many"),
    [("que", 1), ("guía", 2), ("vergüenza", 3), ("inyección", 3), ("ayuda", 3),
     ("y", 1), ("muy", 1), ("buey", 1), ("rehúye", 3), ("paranoia", 4), ("aéreo", 4),
     ("ahora", 3), ("prohibir", 2), ("leía", 3), ("continuo", 3), ("Uruguay", 3),
     ("electromiografía", 7)],
)  # fmt: skip
def test_syllables_of_spanish_are_counted(word: str, many: int) -> None:
    assert spanish_syllables(word) == many


def test_the_ease_of_spanish_is_that_of_the_formula() -> None:
    # 8 words, 2 sentences, 16 syllables.
    text = "**Limpiamos la piel.** Luego entra una [aguja](/x/) fina. 2026"
    assert reading_ease(text) == pytest.approx(206.835 - 62.3 * 16 / 8 - 8 / 2)
    assert reading_ease("2026") is None
    assert hardness("Guten Tag.", "de") is None


def test_lines_of_a_list_are_sentences_and_nothing_has_no_grade() -> None:
    assert reading_grade("- a fall\n- a blow") == reading_grade("A fall. A blow.")
    assert reading_grade("<br>\n\n- ") is None


def test_no_grade_is_below_the_first_ones() -> None:
    found = hardness("Do it. We do it.", "en")
    assert found is not None
    assert found.words.startswith("Grade 0. ")


@pytest.mark.django_db
def test_whoever_saves_a_page_is_told(admin_client: Client) -> None:
    page = Page.objects.create(slug="a", title="A", body="Text")
    path = reverse("admin:services_page_change", args=[page.pk])
    assert "Pages should be 8 or less." in admin_client.get(path).text
    hard = "Electromyographical investigations characterize neuromuscular pathology."
    body = f"We guarantee relief. {hard * 3}"
    sent = {"slug": "a", "title": "A", "body": body, "order": 0}

    told = admin_client.post(path, sent, follow=True).text

    assert "Body: “guarantee”. It promises a result" in told
    assert "too hard for many patients" in told
    assert Draft.objects.get().content["body"] == body
    assert "too hard for many patients" in admin_client.get(path).text


@pytest.mark.django_db
def test_whoever_saves_a_translation_is_told(admin_client: Client) -> None:
    page = Page.objects.create(slug="a", title="A", body="Text", is_published=True)
    make_room()
    one = Translation.objects.get(language="es")
    path = reverse("admin:services_translation_change", args=[one.pk])
    hard = "Investigaciones electromiográficas caracterizan neuropatologías."
    sent = {"text_title": "A", "text_body": hard, "seen": page.english_digest()}

    told = admin_client.post(path, sent, follow=True).text

    assert "In Spanish, ease 0 of 100" in told
    form = admin_client.get(reverse("admin:services_page_change", args=[page.pk])).text
    assert "Pages should be 8 or less. In Spanish, ease 0 of 100" in form
