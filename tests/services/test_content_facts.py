"""The checklist: where each fact of the research is said, in the loaded content.

Ids are those of the content research: S is the practice's own page on trigger point
injections, W corrects it, T adds safety facts, E is EMG and nerve testing.
"""

import re
from statistics import median

import pytest

from services.models import Clinic, Clinician, Page, Service

TPI = "trigger-point-injections"
EMG = "emg-and-nerve-testing"

# fact -> (anchor of a section, or field of the service, words that stand in it)
ABOUT_TPI = {
    "S1": ("what-are-trigger-point-injections", "minimally invasive"),
    "S2": ("what-are-trigger-point-injections", "(musculoskeletal pain)"),
    "S3 single knots": ("why-it-is-done", "a single knot in a muscle"),
    "S3 MPS": ("why-it-is-done", "myofascial pain syndrome"),
    "S3 fibromyalgia": ("why-it-is-done", "people who also have fibromyalgia"),
    "S3 and more": ("why-it-is-done", "other kinds of muscle pain"),
    "S4": ("what-are-trigger-points", "What are trigger points?"),
    "S5": ("what-are-trigger-points", "trigger points are knots in a muscle"),
    "S6": ("what-are-trigger-points", "pain and feels tender in one small place"),
    "S7": ("what-are-trigger-points", "form over an injury to a muscle or bone"),
    "S8 trauma": ("what-are-trigger-points", "a fall or a blow (trauma)"),
    "S8 tears": ("what-are-trigger-points", "tiny tears in the muscle"),
    "S9": ("what-are-trigger-points", "hard to move. it depends on where they are"),
    "S10": ("what-are-trigger-points", "many of them, you may have myofascial pain"),
    "S11": ("what-are-trigger-points", "long-term (chronic) condition"),
    "S12": ("what-are-trigger-points", "pain over wide parts of the body"),
    "S13": ("what-are-trigger-points", "doctors call it referred pain"),
    "S14": ("what-are-trigger-points", "seem to have nothing to do with the knot"),
    "S15": ("what-are-trigger-point-injections", "What are trigger point injections?"),
    "S16": ("what-are-trigger-point-injections", "the injection releases the knot"),
    "S17": ("what-are-trigger-point-injections", "to fit your pain and your symptoms"),
    "S17 one of three": ("what-are-trigger-point-injections", "one of these three"),
    "S18": ("what-are-trigger-point-injections", "(local anesthetic) to ease pain"),
    "S19": (
        "what-are-trigger-point-injections",
        "(corticosteroid) to bring down swell",
    ),
    "S20": ("what-are-trigger-point-injections", "to stop a muscle spasm"),
    "S21": ("what-are-trigger-point-injections", "improve your quality of life"),
    "S22": ("what-are-trigger-point-injections", "help you move more freely"),
    "S23": ("what-happens", "feel a crunch as the needle goes in"),
    "S24": ("what-happens", "the crunch goes away as the muscle relaxes"),
    "S25": ("afterwards", "you can use the muscle right away"),
    "S26": ("afterwards", "avoid hard exercise and heavy work for several days"),
    "S27": ("how-do-i-know", "How do I know if I need them?"),
    "S28": ("how-do-i-know", "another nerve or muscle problem explains your symptoms"),
    "S29 EMG": ("how-do-i-know", "electromyography (emg)"),
    "S29 NCV": ("how-do-i-know", "nerve conduction velocity (ncv)"),
    "S30": (
        "how-do-i-know",
        "electrical signals that nerve cells (motor neurons) send",
    ),
    "S31": ("how-do-i-know", "turns the signals into a graph that we can see"),
    "S32": ("how-do-i-know", "often part of an emg"),
    "S33": ("how-do-i-know", "nerve damage behind tingling, numbness or burning"),
    "S34": ("how-long-relief-lasts", "How long does relief last?"),
    "S35": ("how-long-relief-lasts", "each person responds in their own way"),
    "S36": ("how-long-relief-lasts", "some people feel better at once"),
    "S37": ("how-long-relief-lasts", "lasting relief takes several days or weeks"),
    "S38": ("how-long-relief-lasts", "the effect lasts several weeks or months"),
    "S39": (
        "how-long-relief-lasts",
        "you were happy with the result, talk with our team",
    ),
    "S40": ("how-long-relief-lasts", "part of your long-term care plan"),
    "S41": ("book-a-visit", "call 43rd st."),
    "S42": ("book-a-visit", "ask for an appointment online"),
    "S43": ("book-a-visit", "43rd st. physical medicine & rehabilitation"),
    "W1 exam": ("how-do-i-know", "we find trigger points with a hands-on exam"),
    "W1 no test": ("how-do-i-know", "no scan, blood test or nerve test can show mps"),
    "W2 some cases": ("what-are-trigger-point-injections", "toxin, in some cases"),
    "W2 off label": ("what-are-trigger-point-injections", "called off-label use"),
    "W2 conflict": ("what-are-trigger-point-injections", "studies do not agree"),
    "W3": ("what-are-trigger-point-injections", "one medicine works better than an"),
    "W3 placebo": ("what-are-trigger-point-injections", "no medicine (placebo)"),
    "W3 simpler care": ("why-it-is-done", "simpler care first"),
    "W4": ("why-it-is-done", "fibromyalgia are not the same as trigger points"),
    "W5": ("what-are-trigger-point-injections", "salt water (saline), a mix of med"),
    "W5 ask": ("what-are-trigger-point-injections", "ask us what we offer"),
    "T1": ("how-do-i-know", "presses on the muscle to find the knot"),
    "T2": ("why-it-is-done", "exercise, physical therapy, massage or heat"),
    "T3": ("preparation", "without a prescription, vitamins and herbs"),
    "T4": (
        "preparation",
        "do not stop a blood thinner or any other medicine on your own",
    ),
    "T4 tell us": ("tell_us", "take a blood thinner or aspirin"),
    "T6": ("preparation", "call us first if you are sick"),
    "T6 tell us": ("tell_us", "have a fever, an infection, or a skin problem"),
    "T7": (
        "tell_us",
        "a numbing medicine, a steroid, botulinum toxin, skin cleaner or l",
    ),
    "T8": ("tell_us", "are pregnant, may be pregnant"),
    "T9": ("tell_us", "or breastfeed"),
    "T10": ("tell_us", "have diabetes, because a steroid can raise your blood sugar"),
    "T11": ("tell_us", "myasthenia gravis, or trouble swallowing or breathing"),
    "T12": ("tell_us", "tend to faint, or are very afraid of needles"),
    "T13": ("tell_us", "new injury near the sore place, or metal or an implant"),
    "T14": ("preparation", "most people do not need to fast"),
    "T15": ("preparation", "ask us when you book if somebody should take you home"),
    "T16": ("what-happens", "a twitch, an ache or your usual pain for a moment"),
    "T17": ("what-happens", "more than one knot in a visit"),
    "T18": ("what-happens", "usually take minutes"),
    "T19": ("what-happens", "(ultrasound)"),
    "T20": ("what-are-trigger-point-injections", "(dry needling)"),
    "T21": (
        "why-it-is-done",
        "neck, shoulder, upper back, low back, hip, buttock, jaw or te",
    ),
    "T22": ("afterwards", "numb for an hour or several hours"),
    "T23": ("afterwards", "a bruise for one to three days"),
    "T24": ("afterwards", "keep moving gently"),
    "T25": ("afterwards", "takes two to three days to work"),
    "T26": ("how-long-relief-lasts", "for some people the injection does not help"),
    "T27": ("afterwards", "injections alone do not fix the cause"),
    "T28": (
        "afterwards",
        "check your sugar more often for the first one to three days",
    ),
    "T29": ("risks", "soreness, a bruise, and feeling light-headed or faint"),
    "T30": ("risks", "bleeding, infection, an allergic reaction, an irritated nerve"),
    "T31": ("risks", "a dent or lighter skin at the place, higher blood sugar"),
    "T32": ("risks", "a collapsed lung (pneumothorax)"),
    "T33": ("risks", "the signs can start hours later"),
    "T34": ("risks", "boxed warning"),
    "T35": ("call_911", "suddenly short of breath or have trouble breathing"),
    "T35 swallowing": ("call_911", "trouble swallowing"),
    "T35 swelling": ("call_911", "your face or throat swells"),
    "T36": ("call_us", "redness or warmth spreads around the place, or you see pus"),
    "T36 pain": ("call_us", "the pain gets worse after two or three days"),
    "T36 numbness": ("call_us", "new numbness or weakness after the numbing"),
    "T37": ("afterwards", "call your diabetes team if it stays very high"),
    "T40": ("cost", "may need approval first"),
}

ABOUT_EMG = {
    "E1": (
        "what-it-is",
        "how well your muscles work, and the nerves that control them",
    ),
    "E2": ("what-it-is", "usually done in one visit, but can be done separately"),
    "E3": ("what-it-is", "a damaged nerve gives a slower, weaker signal"),
    "E4": ("what-it-is", "a healthy muscle at rest is silent"),
    "E5": ("other_names", "electrodiagnostic (edx) study"),
    "E6": ("what-it-is", "a technologist may do the nerve part"),
    "E7": (
        "why-it-is-done",
        "tingling, pain, weakness, cramps, burning or muscle spasms",
    ),
    "E8": ("why-it-is-done", "pinched nerve in the neck or low back (radiculopathy)"),
    "E9": ("why-it-is-done", "carpal tunnel syndrome"),
    "E10": ("why-it-is-done", "(peripheral neuropathy), also from diabetes"),
    "E11": ("why-it-is-done", "als or guillain-barré"),
    "E12": ("why-it-is-done", "it helps to plan treatment or surgery"),
    "E14": ("what-it-is", "adds to a physical exam. it does not replace one"),
    "E16": ("what-happens", "small stickers (electrodes) on your skin"),
    "E17": ("what-happens", "speed is the distance divided by that time"),
    "E18": ("what-happens", "a quick static shock or a tap"),
    "E19": (
        "what-happens",
        "very thin, sterile needle goes into several muscles, one at a",
    ),
    "E20": ("what-happens", "nothing is injected. no shock goes through the needle"),
    "E21": ("what-happens", "you relax the muscle, and then you tighten it"),
    "E22": ("what-happens", "you can ask for a break at any time"),
    "E23": ("what-happens", "most people have no numbing or calming medicine"),
    "E24": ("what-happens", "you sit or lie on an exam table. you may wear a gown"),
    "E25": ("what-happens", "depends on what we test. ask us when you book"),
    "E26": ("preparation", "lotion, cream, oil, powder, sunscreen or perfume"),
    "E27": ("preparation", "short sleeves and shorts"),
    "E28": ("preparation", "cold skin slows nerve signals"),
    "E29": ("preparation", "leave jewelry at home"),
    "E30": ("preparation", "eat normally and take your usual medicines"),
    "E31": ("tell_us", "a pacemaker, a defibrillator (icd)"),
    "E32": ("hints", "deep brain, spinal cord or nerve stimulator"),
    "E33": ("risks", "most people can still have the test. tell us first"),
    "E34": ("tell_us", "aspirin or clopidogrel, or have a bleeding problem such as he"),
    "E35": ("preparation", "do not stop a blood thinner on your own"),
    "E36": ("tell_us", "take pyridostigmine (mestinon), which can change the result"),
    "E37": ("tell_us", "a skin problem where we may test"),
    "E38": ("tell_us", "(lymphedema), or had lymph nodes removed"),
    "E39": ("tell_us", "are pregnant or may be pregnant"),
    "E40": ("tell_us", "tend to faint with needles"),
    "E41": ("tell_us", "less than three weeks ago"),
    "E42": ("preparation", "your referral or order, a list of your medicines"),
    "E43": ("what-happens", "only the nerves and muscles that need it"),
    "E44": ("risks", "low risk. serious problems are rare"),
    "E45": ("risks", "a small bruise, or sore muscles for a few days"),
    "E46": ("risks", "bleeding, infection or a nerve injury"),
    "E47": ("risks", "a collapsed lung (pneumothorax)"),
    "E48": ("risks", "bleeding that matters is very rare"),
    "E49": ("risks", "blood test for muscle enzymes"),
    "E50": ("afterwards", "there is no recovery period"),
    "E51": ("results", "sends a report to the doctor who asked for the test"),
    "E52": ("results", "does not rule out everything"),
}

FORBIDDEN = re.compile(
    r"\b(guarantee\w*|best|painless\w*|leading|cur(e|es|ed))\b", re.I
)

pytestmark = pytest.mark.usefixtures("content")


def plain(markdown: str) -> str:
    """Return what a reader reads, in lower case, white space as single spaces."""
    without_links = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown)
    without_tags = re.sub(r"<[^>]*>", "", without_links)
    return " ".join(without_tags.replace("**", "").split()).lower()


def said(service: Service, where: str) -> str:
    """Return the text of a section with its question, or of a field."""
    questions = service.screening_questions.all()
    if where == "tell_us":
        return plain(" ".join(question.tell_us for question in questions))
    if where == "hints":
        return plain(" ".join(question.hint for question in questions))
    if hasattr(service, where):
        return plain(getattr(service, where))
    section = service.sections.get(anchor=where)
    return plain(f"{section.question} {section.answer}")


def everything() -> dict[str, str]:
    """Return all the text of each page, by its slug."""
    texts = {}
    for service in Service.objects.all():
        parts = [service.summary, service.preparation]
        parts += service.call_911.splitlines() + service.call_us.splitlines()
        parts += [f"{fact.label}: {fact.value}" for fact in service.facts.all()]
        for section in service.sections.all():
            parts += [section.question, section.answer]
        for question in service.screening_questions.all():
            parts += [question.tell_us, question.question, question.hint]
            parts += [question.advice, question.flag]
        texts[service.slug] = "\n\n".join(parts)
    for page in Page.objects.all():
        texts[page.slug] = "\n\n".join([page.title, page.summary, page.body])
    return texts


@pytest.mark.parametrize(("where", "words"), ABOUT_TPI.values(), ids=ABOUT_TPI.keys())
def test_trigger_point_page_says(where: str, words: str) -> None:
    assert words.lower() in said(Service.objects.get(slug=TPI), where)


@pytest.mark.parametrize(("where", "words"), ABOUT_EMG.values(), ids=ABOUT_EMG.keys())
def test_nerve_testing_page_says(where: str, words: str) -> None:
    assert words.lower() in said(Service.objects.get(slug=EMG), where)


def test_no_fact_of_the_practice_is_left_out() -> None:
    ids = {key.split()[0] for key in ABOUT_TPI}
    assert {f"S{n}" for n in range(1, 44)} <= ids
    assert {f"W{n}" for n in range(1, 6)} <= ids


def test_the_two_pages_lead_to_each_other() -> None:
    assert (
        f"/{EMG}/"
        in Service.objects.get(slug=TPI).sections.get(anchor="how-do-i-know").answer
    )
    assert (
        f"/{TPI}/"
        in Service.objects.get(slug=EMG).sections.get(anchor="why-it-is-done").answer
    )


def test_nothing_is_promised() -> None:
    texts = everything() | {
        "clinic": Clinic.objects.get().summary,
        "team": " ".join(c.biography for c in Clinician.objects.all()),
    }
    found = {slug: FORBIDDEN.findall(text) for slug, text in texts.items()}
    assert {slug: words for slug, words in found.items() if words} == {}


def test_people_and_places_are_marked_as_made_up() -> None:
    clinic = Clinic.objects.get()
    assert clinic.is_demo
    assert re.fullmatch(r"\(\d{3}\) 555-01\d\d", clinic.phone)
    assert clinic.email.endswith("@example.com")
    assert all(
        c.is_demo and c.name.startswith("Demo ") for c in Clinician.objects.all()
    )


def sentences(text: str) -> list[str]:
    """Return the sentences of Markdown; a list item or a heading is one of its own."""
    found = []
    for block in re.split(r"\n\s*(?:\n|[-#]|\d+\.)", text):
        found += re.split(r"(?<=[.?!:])\s", plain(block).strip("#- "))
    return [sentence for sentence in found if re.search("[a-z]", sentence)]


def syllables(word: str) -> int:
    """Return about how often a word is voiced: groups of vowels, but a silent e."""
    spoken = re.sub(r"(?<=[^aeiouyl])e(?=s?$)", "", word)
    return max(1, len(re.findall("[aeiouy]+", spoken)))


def grade(text: str) -> float:
    """Return the US school grade that a text asks for: a tripwire, not a proof.

    Source: Flesch-Kincaid grade level, 0.39 words a sentence + 11.8 syllables a word
    - 15.59.
    """
    whole = [s for s in sentences(text) if s.endswith((".", "?", "!"))]
    words = [word for s in whole for word in re.findall(r"[a-zé']+", s)]
    a_sentence = len(words) / len(whole)
    a_word = sum(map(syllables, words)) / len(words)
    return 0.39 * a_sentence + 11.8 * a_word - 15.59


def test_every_page_can_be_read_at_eighth_grade() -> None:
    grades = {slug: round(grade(text), 1) for slug, text in everything().items()}
    assert {slug: found for slug, found in grades.items() if found > 8} == {}


def test_sentences_are_short() -> None:
    lengths = {
        slug: [len(sentence.split()) for sentence in sentences(text)]
        for slug, text in everything().items()
    }
    assert {s: found for s, found in lengths.items() if median(found) > 20} == {}
    assert {s: max(found) for s, found in lengths.items() if max(found) > 30} == {}
