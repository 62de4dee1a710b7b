"""What people find who search in their own words, on either database."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override

from services import drafts, versions, words
from services.models import (
    Clinic,
    Clinician,
    Fact,
    KnownWord,
    Page,
    Passage,
    SameWords,
    Section,
    Service,
    Translation,
)
from services.searching import Answer, search
from services.versions import FILES

from .test_pages import a_service

pytestmark = pytest.mark.django_db

EMG = "/treatments-and-tests/emg-and-nerve-testing/"
TPI = "/treatments-and-tests/trigger-point-injections/"


def paths(typed: str, language: str = "en") -> list[str]:
    with override(language):
        return [one.passage.path for one in search(typed).found]


def marked(answer: Answer) -> list[str]:
    return [piece.text for one in answer.found for piece in one.extract if piece.marked]


# What people type, and what has to come first: words, and then whole questions.
FIRST = {
    "en": {
        "nerve test": EMG,
        "EMG": EMG,
        "electromyography": EMG,
        "electromiography": EMG,
        "electrodiagnostic": EMG,
        "knot in the muscle": TPI,
        "triger point": TPI,
        "tirgger point": TPI,
        "injecton": TPI,
        "TPI": TPI,
        "what will it cost": f"{TPI}#cost",
        "anticoagulant": f"{TPI}#get-ready",
        "pacemaker": f"{EMG}#tell-us-before",
        "opening hours": "/visit-us/#opening-hours",
        "intrepreter": "/language-help/",
        "yiddish": "/language-help/#part-2",
        "HIPAA": "/privacy-practices/#part-1",
        "does it hurt": f"{EMG}#what-happens",
        "is the injection painful": f"{TPI}#what-happens",
        "can I drive after the test": f"{EMG}#afterwards",
        "can i eat before the test": f"{TPI}#get-ready",
        "can I drink coffee": f"{TPI}#get-ready",
        "i take eliquis": f"{TPI}#get-ready",
        "i am pregnant": f"{TPI}#tell-us-before",
        "what should i wear": f"{EMG}#get-ready",
        "how do I prepare for my EMG": f"{EMG}#get-ready",
        "when do i get my results": f"{EMG}#results",
        "how long does it last": f"{TPI}#how-long-relief-lasts",
        "side effects": f"{TPI}#risks",
        "cortisone shot": f"{TPI}#what-are-trigger-point-injections",
        "knot in my neck": f"{TPI}#why-it-is-done",
        "my hand goes numb": EMG,
        "carpel tunel": f"{EMG}#why-it-is-done",
        "sciatica": f"{EMG}#why-it-is-done",
        "chest pain": "/call-911/#part-1",
        "do i need a referral": f"{EMG}#tell-us-before",
        "do you take medicare": "/insurance-and-hospitals/#part-2",
        "workers comp": "/insurance-and-hospitals/#part-4",
        "where are you located": "/visit-us/#address",
        "what time do you open": "/visit-us/#opening-hours",
        "phone number": "/visit-us/#contact",
        "sign langauge": "/nondiscrimination/#part-2",
        "how do I file a complaint": "/nondiscrimination/#part-3",
        "i want to cancel my appointment": "/appointment/find/",
        "how do I make an appointment": "/book/",
        "which subway": "/visit-us/#getting-here",
        "are you open on holidays": "/visit-us/#opening-hours",
        "closed": "/visit-us/#opening-hours",
        "are there stairs": "/visit-us/#step-free-access",
        "where can i park": "/visit-us/#getting-here",
        "open on sunday": "/visit-us/#opening-hours",
        "thanksgiving": "/visit-us/#opening-hours",
        "wheel chair": "/visit-us/#step-free-access",
        "pace maker": f"{EMG}#tell-us-before",
        "discrimination": "/nondiscrimination/",
        "my muscle is not working": EMG,
        "blood thiners": f"{TPI}#get-ready",
        "scared of needles": f"{TPI}#tell-us-before",
        "shortness of breath": f"{TPI}#get-help",
        "medical records": "/privacy-practices/#part-1",
        "can my son come": "/book/",
        "phone": "/visit-us/#contact",
        "cancelation": "/appointment/find/",
        "i got dizzy": f"{TPI}#risks",
        "medicade": "/insurance-and-hospitals/#part-2",
        "suicidal": "/call-911/#part-1",
        "can I swim": TPI,
        "swiming": TPI,
        "what about lunch": f"{TPI}#get-ready",
        "brekfast": f"{TPI}#get-ready",
        "can i smoke": f"{EMG}#get-ready",
        "can I wear deodorant": f"{EMG}#get-ready",
        "is there sedation": f"{EMG}#what-happens",
        "i have the flu": f"{TPI}#get-ready",
        "torticolis": f"{EMG}#why-it-is-done",
        "slipped disk": f"{EMG}#why-it-is-done",
        "TMJ": f"{TPI}#why-it-is-done",
        "can i go to work after": f"{TPI}#afterwards",
        "do you take walk-ins": "/book/",
        "kids": "/book/",
        "password": "/appointment/find/",
        "medicad": "/insurance-and-hospitals/#part-2",
        "do you take Aetna": "/insurance-and-hospitals/#part-2",
        "uninsured": "/good-faith-estimate/",
        "trigerpoint": TPI,
        "my fingers tingle": EMG,
        "side affects": f"{TPI}#risks",
        "is it safe": f"{TPI}#risks",
        "how long does an EMG take": f"{EMG}#what-happens",
        "how often": f"{TPI}#how-long-relief-lasts",
        "new patient": "/book/",
        "urgent": "/call-911/#part-1",
        "hot tub": None,
        "telehealth": None,
        "zzzz": None,
        "%_'\"\\ & | ! :* <->": None,
        "": None,
    },
    "es": {
        "examen de los nervios": f"/es{EMG}",
        "electromiografia": f"/es{EMG}",
        "puncion": f"/es{TPI}#what-are-trigger-point-injections",
        "INYECCION": f"/es{TPI}",
        "punto gatilo": f"/es{TPI}#what-are-trigger-points",
        "nudo en el musculo": f"/es{TPI}#what-are-trigger-points",
        "marcapasos": f"/es{EMG}#tell-us-before",
        "entumecimiento": f"/es{EMG}",
        "interprete": "/es/language-help/",
        "me va a doler": f"/es{TPI}#what-happens",
        "cuanto cuesta": f"/es{TPI}#cost",
        "puedo manejar despues": f"/es{EMG}#afterwards",
        "puedo comer antes": f"/es{TPI}#get-ready",
        "tomo anticoagulantes": f"/es{TPI}#get-ready",
        "estoy embarazada": f"/es{TPI}#tell-us-before",
        "que ropa me pongo": f"/es{EMG}#get-ready",
        "cuanto dura el alivio": f"/es{TPI}#how-long-relief-lasts",
        "cuando me dan los resultados": f"/es{EMG}#results",
        "se me duerme la mano": f"/es{EMG}",
        "nervio pinsado": f"/es{EMG}#why-it-is-done",
        "aceptan medicare": "/es/insurance-and-hospitals/#part-2",
        "accidente de trabajo": "/es/insurance-and-hospitals/#part-4",
        "donde estan": "/es/visit-us/#address",
        "telefono": "/es/visit-us/#contact",
        "en que metro": "/es/visit-us/#getting-here",
        "dias feriados": "/es/visit-us/#opening-hours",
        "hay escaleras": "/es/visit-us/#step-free-access",
        "puedo conducir despues": f"/es{EMG}#afterwards",
        "quiero cancelar mi cita": "/es/appointment/find/",
        "sacar una cita": "/es/book/",
        "duele": f"/es{TPI}#tell-us-before",
        "duele el examen": f"/es{EMG}#what-happens",
        "donde hay estacionamiento": "/es/visit-us/#getting-here",
        "accion de gracias": "/es/visit-us/#opening-hours",
        "domingo": "/es/visit-us/#opening-hours",
        "accidente": "/es/insurance-and-hospitals/#part-4",
        "no tengo fuerza": f"/es{EMG}",
        "me falta el aire": f"/es{TPI}#get-help",
        "lista de espera": "/es/book/",
        "puedo nadar": f"/es{TPI}",
        "almuerzo": f"/es{TPI}#get-ready",
        "desayno": f"/es{TPI}#get-ready",
        "fumo": f"/es{EMG}#get-ready",
        "maquillage": f"/es{EMG}",
        "tengo gripe": f"/es{TPI}#get-ready",
        "torticulis": f"/es{EMG}#why-it-is-done",
        "hernia discal": f"/es{EMG}#why-it-is-done",
        "que debo llevar": f"/es{EMG}#get-ready",
        "cita para hoy": "/es/book/",
        "aceptan Aetna": "/es/insurance-and-hospitals/#part-2",
        "sin seguro": "/es/good-faith-estimate/",
        "nervio siatico": f"/es{EMG}#why-it-is-done",
        "tunel del carpo": f"/es{EMG}#why-it-is-done",
        "es peligroso": f"/es{TPI}#risks",
        "cuanto tarda la electromiografia": f"/es{EMG}#what-happens",
        "tengo ansiedad": f"/es{TPI}#tell-us-before",
        "sita": "/es/book/",
        "menor de edad": "/es/book/",
        "jacuzzi": None,
    },
}


@pytest.mark.usefixtures("content")
def test_people_find_what_they_mean() -> None:
    found = {
        language: {typed: next(iter(paths(typed, language)), None) for typed in wanted}
        for language, wanted in FIRST.items()
    }
    assert found == FIRST

    with override("en"):
        assert search("triger point").read_as == "trigger point"
        assert search("trigger points").read_as == ""
        assert {"blood thinner"} <= set(marked(search("blood thinner")))
    # No more of one page than a few, and each link leads to what is there.
    pages = [path.partition("#")[0] for path in paths("nerve")]
    assert max(map(pages.count, pages)) == 3
    assert len(pages) > 3


def test_a_question_is_found_with_the_words_marked() -> None:
    service = a_service("a")
    Section.objects.create(
        service=service, anchor="pinch", question="Will it pinch?",
        answer=f"{'Long before. ' * 30}It may **pinch** you & me. {'After. ' * 50}",
    )  # fmt: skip
    with override("en"):
        [found] = search("PINCH").found
    assert found.passage.path == "/treatments-and-tests/a/#pinch"
    assert "… It may pinch you & me. " in "".join(p.text for p in found.extract)
    assert len("".join(p.text for p in found.extract)) < 200


def test_what_stands_in_a_list_is_read_as_one_sentence() -> None:
    service = a_service("a")
    service.other_names = "knot shot"
    service.call_911, service.call_us = "you faint\nyour lips swell", "it bruises"
    service.save()
    for order, tell_us in enumerate(("take warfarin", "tend to faint")):
        service.screening_questions.create(
            code=tell_us, order=order, tell_us=tell_us, question="Do you?", flag="Does"
        )
    said = (
        ("lips", "Call 911 now if: you faint; your lips swell. Call us the same day"),
        ("warfarin", " if you: take warfarin; tend to faint."),
        ("shot", " knot shot."),
    )
    with override("en"):
        for word, sentence in said:
            [found] = search(word).found
            assert sentence in f" {found.passage.text}"


def test_each_word_is_marked_once_and_where_most_stand_together() -> None:
    body = "A test, then nerves, a nerve test, and electromyography."
    Page.objects.create(slug="p", title="Horse", body=body, is_published=True)
    body = "Only electromyography."
    Page.objects.create(slug="q", title="Cow", body=body, is_published=True)
    SameWords.objects.create(language="en", words="nerve test\nelectromyography")
    with override("en"):
        assert marked(search("nerve tests")) == ["nerve test", "electromyography"]
        assert marked(search("test")) == ["test"]


def test_what_no_patient_may_read_is_never_found() -> None:
    now = timezone.now()
    hidden = a_service("hidden", is_published=False)
    Fact.objects.create(service=hidden, label="Unicorn", value="yes")
    Page.objects.create(slug="hidden", title="Unicorn page", body="Unicorn")
    page = Page.objects.create(slug="p", title="Horse", body="b", is_published=True)
    versions.keep(Page, [page.pk], by=FILES, now=now)
    content = versions.content_of(page) | {"title": "Unicorn"}
    draft = drafts.keep_draft(page, content, by=FILES, now=now)
    assert paths("unicorn") == []
    assert paths("horse") == ["/p/"]

    drafts.publish(page, drafts.seen(page, draft), by=FILES, now=now)
    assert (paths("unicorn"), paths("horse")) == (["/p/"], [])
    drafts.withdraw(page, by=FILES, now=now)
    assert paths("unicorn") == []
    # By a road that tells nobody, too.
    Service.objects.update(is_published=True)
    assert paths("unicorn") == ["/treatments-and-tests/hidden/"]
    Service.objects.all().delete()
    assert paths("unicorn") == []
    assert not KnownWord.objects.filter(word="unicorn").exists()


def test_people_and_the_clinic_are_found() -> None:
    Clinic.objects.create(pk=1, name="C", phone="(212) 555-0143", street="9 Elm Road")
    Clinician.objects.create(slug="ann", name="Ann Demo", profession="physician")
    assert paths("ann demo") == ["/our-team/#ann"]
    assert paths("elm road") == ["/visit-us/#address"]
    assert paths("phone number 555")[0] == "/visit-us/#contact"


def test_a_text_that_is_not_translated_is_found_and_says_so() -> None:
    page = Page.objects.create(slug="p", title="Horse", body="a", is_published=True)
    with override("es"):
        [found] = search("horse").found
    assert found.passage.title_language == found.passage.text_language == "en"
    Translation.objects.create(
        model="page", row=page.pk, language="es", texts={"title": "Caballo"},
        of_digest=page.english_digest(), reviewed_by="Sam", reviewed_on="2026-01-02",
    )  # fmt: skip
    assert (paths("horse", "es"), paths("caballo", "es")) == ([], ["/es/p/"])
    assert paths("caballo", "en") == []


def test_slips_are_found_where_the_database_has_no_index_of_letters() -> None:
    """As where the role may not add the extension, see README.md."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DROP EXTENSION pg_trgm CASCADE")
    Page.objects.create(slug="p", title="Horse", body="b", is_published=True)
    assert paths("hrose") == ["/p/"]


def test_staff_say_which_words_mean_the_same() -> None:
    Page.objects.create(slug="p", title="Horse", body="b", is_published=True)
    assert paths("riding animal") == []
    SameWords.objects.create(language="en", words="riding animal\nhorse")
    assert paths("ridng animal") == ["/p/"]
    assert paths("riding animal", "es") == []
    SameWords.objects.all().delete()
    assert paths("riding animal") == []


def test_words_that_stand_apart_are_found_where_nothing_has_the_whole() -> None:
    """Neither what was typed, nor what means the same, is on any page as it stands."""
    Page.objects.create(slug="p", title="Animal", body="b", is_published=True)
    SameWords.objects.create(language="en", words="riding animal\nold horse")
    assert paths("riding animal") == ["/p/"]
    assert paths("old horse") == []
    SameWords.objects.create(language="en", words="nag on four legs\nanimal")
    assert paths("nag") == ["/p/"]


def test_two_words_that_are_known_as_one_are_read_as_it() -> None:
    Page.objects.create(slug="p", title="Horseshoe", body="11", is_published=True)
    assert paths("horse shoe") == ["/p/"]
    assert paths("1") == []  # no word stands twice because it was typed first


def test_words_from_the_files_come_back_only_if_staff_did_not_delete_them(
    content: None,
) -> None:
    assert SameWords.objects.filter(language="es").count() > 5
    group = SameWords.objects.filter(language="en").first()
    assert group is not None
    group.words += "\nanother"
    group.save()
    SameWords.objects.filter(entry="words/en/steroid").delete()
    call_command("load_content")
    group.refresh_from_db()
    assert "another" in group.phrases()
    assert not SameWords.objects.filter(entry="words/en/steroid").exists()


def test_a_search_asks_the_same_of_the_database_for_one_page_and_three() -> None:
    counts = []
    for number in (1, 2, 3):
        Page.objects.create(
            slug=f"p{number}", title=f"Horse {number}", body="b", is_published=True
        )
        paths("horse")  # makes the index
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(paths("horse")) == number
        counts.append(len(queries))
    assert counts == [3, 3, 3]
    assert Passage.objects.filter(language="en").count() == 3


@pytest.mark.parametrize(
    ("typed", "known", "found"),
    [
        ("nerves", ["nerve", "nervous"], ["nerve"]),
        ("trigger", ["trigger", "triggers", "triage"], ["trigger", "triggers"]),
        ("the", ["they", "them", "then"], []),
        ("arm", ["arms", "army"], ["arms"]),
        ("need", ["needle", "seed", "sad"], ["needle"]),
        ("knto", ["knot", "neck"], ["knot"]),
        ("feet", ["meet", "feel"], []),
        ("tset", ["test", "seat"], ["test"]),
        ("medicare", ["medicare", "medicines"], ["medicare"]),
        ("emg", ["egm"], []),
        ("accupuncture", ["acupuncture", "puncture"], ["acupuncture"]),
        ("thiners", ["thinner", "thin"], ["thinner"]),
        ("mask", ["ask", "task"], []),
        ("puncture", ["acupuncture"], ["acupuncture"]),
        ("week", ["weeks", "weekend"], ["weeks"]),
        ("fainting", ["faint", "waiting"], ["faint"]),
        ("medicade", ["medicine", "medicare"], ["medicare"]),
        ("telehealth", ["health"], []),
    ],
)
def test_forms_and_slips(typed: str, known: list[str], found: list[str]) -> None:
    assert sorted(words.best(typed, known)) == sorted(found)


def test_each_heading_of_a_page_is_found_and_has_a_link(client: Client) -> None:
    body = "First.\n\n## A *neck*\n\nHorse.\n\n::: do\n- Trot.\n:::\n\n## Feet\n\nHoof."
    Page.objects.create(slug="p", title="P", body=body, is_published=True)
    found = ["horse", "trot", "neck", "hoof", "first"]
    assert [paths(word) for word in found] == [
        ["/p/#part-1"], ["/p/#part-1"], ["/p/#part-1"], ["/p/#part-2"], ["/p/"],
    ]  # fmt: skip
    page = client.get("/p/").text
    assert '<h2 id="part-1">A <em>neck</em></h2>' in page
    assert '<h2 id="part-2">Feet</h2>' in page
