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

# Sections that many facts stand in.
KNOTS = "what-are-trigger-points"
TREATMENT = "what-are-trigger-point-injections"
RELIEF = "how-long-relief-lasts"

# fact -> (anchor of a section, or field of the service; what has to stand there, …)
ABOUT_TPI = {
    "S1": (TREATMENT, "minimally invasive"),
    "S2": (TREATMENT, "treatment for pain in the muscles", "(musculoskeletal pain)"),
    "S3 single knots": ("why-it-is-done", "used for: - a single knot in a muscle"),
    "S3 MPS": ("why-it-is-done", "- myofascial pain syndrome"),
    "S3 fibromyalgia": (
        "why-it-is-done", "- trigger points in people who also have fibromyalgia"
    ),
    "S3 and more": ("why-it-is-done", "- other kinds of muscle pain"),
    "S4": (KNOTS, "What are trigger points?"),
    "S5": (KNOTS, "trigger points are knots in a muscle"),
    "S6": (KNOTS, "each one causes pain and feels tender in one small place"),
    "S7": (KNOTS, "they often form over an injury to a muscle or bone"),
    "S8 trauma": (KNOTS, "the injury can be a fall or a blow (trauma)"),
    "S8 tears": (KNOTS, "or many tiny tears in the muscle"),
    "S9": (KNOTS, "some trigger points make it hard to move. it depends on where"),
    "S10": (KNOTS, "if you have many of them, you may have myofascial pain syndrome"),
    "S11": (KNOTS, "(mps). this is a long-term (chronic) condition of the muscles"),
    "S12": (KNOTS, "pain over wide parts of the body, in muscles and other tissues"),
    "S13": (
        KNOTS, "in mps, a trigger point can also cause pain somewhere else",
        "doctors call it referred pain",
    ),
    "S14": (KNOTS, "that pain may seem to have nothing to do with the knot"),
    "S15": (TREATMENT, "What are trigger point injections?"),
    "S16": (TREATMENT, "the injection is meant to release the knot"),
    "S17": (TREATMENT, "our team picks the medicine to fit your pain and your sympt"),
    "S17 one of three": (TREATMENT, "we use one of these three"),
    "S18": (TREATMENT, "a numbing medicine (local anesthetic) to ease pain"),
    "S19": (TREATMENT, "a steroid (corticosteroid) to bring down", "(inflammation)"),
    "S20": (TREATMENT, "botulinum toxin", "to stop a muscle spasm"),
    "S21": (TREATMENT, "relief from pain can improve your quality of life"),
    "S22": (TREATMENT, "it can also help you move more freely"),
    "S23": ("what-happens", "you may feel a crunch as the needle goes in"),
    "S24": ("what-happens", "the crunch goes away as the muscle relaxes"),
    "S25": ("afterwards", "you can use the muscle right away"),
    "S26": ("afterwards", "avoid hard exercise and heavy work for several days"),
    "S27": ("how-do-i-know", "How do I know if I need them?"),
    "S28": (
        "how-do-i-know", "at 43rd st. physical medicine & rehabilitation, we find",
        "our team may also test your nerves and muscles",
        "to learn if another nerve or muscle problem explains your symptoms",
    ),
    "S29": (
        "how-do-i-know", "two tests: - electromyography (emg)",
        "- nerve conduction velocity (ncv)",
    ),
    "S30": (
        "how-do-i-know",
        "(emg) measures the electrical signals that nerve cells (motor neurons) send",
    ),
    "S31": ("how-do-i-know", "it turns the signals into a graph that we can see"),
    "S32": ("how-do-i-know", "(ncv)", "it is often part of an emg"),
    "S33": (
        "how-do-i-know",
        "(ncv) looks for nerve damage behind tingling, numbness or burning",
    ),
    "S34": (RELIEF, "How long does relief last?"),
    "S35": (RELIEF, "each person responds in their own way"),
    "S36": (RELIEF, "some people feel better at once"),
    "S37": (RELIEF, "for others, lasting relief takes several days or weeks"),
    "S38": (RELIEF, "if it works, the effect lasts several weeks or months"),
    "S39": (
        RELIEF, "if the pain comes back and you were happy with the result, talk with "
        "our team about having injections again",
    ),
    "S40": (RELIEF, "regular injections can be part of your long-term care plan"),
    "S41": ("book-a-visit", "call 43rd st.", "if you want to know more"),
    "S42": ("book-a-visit", "you can also ask for an appointment online"),
    "S43": ("book-a-visit", "43rd st. physical medicine & rehabilitation"),
    "W1 exam": ("how-do-i-know", "we find trigger points with a hands-on exam"),
    "W1 no test": (
        "how-do-i-know", "no scan, blood test, nerve test or tissue sample can show"
    ),
    "W2 some cases": (TREATMENT, "botulinum toxin, in some cases, to stop"),
    "W2 off label": (TREATMENT, "fda has not approved it", "called off-label use"),
    "W2 conflict": (TREATMENT, "studies do not agree on how well it works"),
    "W3": (TREATMENT, "have not proved that one medicine works better than another"),
    "W3 placebo": (
        TREATMENT, "have not proved that any of them works better than an injection "
        "with no medicine (placebo)",
    ),
    "W4": ("why-it-is-done", "fibromyalgia are not the same as trigger points"),
    "W5": (
        TREATMENT, "salt water (saline)", "a mix of medicines",
        "a needle with no medicine (dry needling)", "ask us what we offer",
    ),
    "T1": (
        "how-do-i-know", "hands-on exam",
        "presses on the muscle to find the knot and any pain it sends elsewhere",
    ),
    "T2": (
        "why-it-is-done", "offered when simpler care has not helped enough",
        "exercise, physical therapy, massage or heat",
    ),
    "T3": (
        "preparation", "write down all your medicines",
        "without a prescription, vitamins and herbs",
    ),
    "T4": (
        "preparation", "do not stop a blood thinner or any other medicine on your own"
    ),
    "T4 tell us": ("tell_us", "take a blood thinner or aspirin", "a bleeding problem"),
    "T5": ("preparation", "aspirin, tell us. the physician decides what you should do"),
    "T6": (
        "preparation", "call us first if you are sick", "a fever, feel unwell or have "
        "an infection near the sore place, the visit may have to wait",
    ),
    "T6 tell us": ("tell_us", "have a fever, an infection, or a skin problem"),
    "T7": (
        "tell_us",
        "a numbing medicine, a steroid, botulinum toxin, skin cleaner or latex",
    ),
    "T8": ("tell_us", "are pregnant, may be pregnant"),
    "T9": ("tell_us", "or breastfeed"),
    "T10": ("tell_us", "have diabetes, because a steroid can raise your blood sugar"),
    "T11": (
        "tell_us", "myasthenia gravis, lambert-eaton syndrome or als",
        "trouble swallowing or breathing",
    ),
    "T12": ("tell_us", "tend to faint, or are very afraid of needles"),
    "T12 lying down": ("what-happens", "tend to faint, tell us. you can lie down"),
    "T13": ("tell_us", "new injury near the sore place, or metal or an implant"),
    "T14": ("preparation", "most people do not need to fast"),
    "T15": ("preparation", "ask us when you book if somebody should take you home"),
    "T16": (
        "what-happens", "we clean your skin", "a thin needle goes into the knot",
        "a twitch, an ache or your usual pain for a moment. this is normal",
    ),
    "T17": (
        "what-happens", "may be moved a little inside the muscle",
        "more than one knot in a visit",
    ),
    "T18": ("what-happens", "the injections usually take minutes"),
    "T19": ("what-happens", "deep or near the chest, we may use", "(ultrasound)"),
    "T20": (TREATMENT, "a needle with no medicine (dry needling)"),
    "T21": (
        "why-it-is-done",
        "neck, shoulder, upper back, low back, hip, buttock, jaw or temple",
    ),
    "T22": (
        "afterwards", "numb for an hour or several hours",
        "take care with a numb or weak arm or leg",
    ),
    "T23": (
        "afterwards", "be sore or have a bruise for one to three days",
        "ice or heat can help", "your usual pain medicine, if it is safe for you",
    ),
    "T24": ("afterwards", "keep moving gently", "for several days"),
    "T25": (
        "afterwards", "a steroid takes two to three days to work",
        "the pain can flare up for a short time first",
    ),
    "T26": (RELIEF, "for some people the injection does not help"),
    "T27": (
        "afterwards", "stretching and physical therapy help the injections to work",
        "injections alone do not end the problem",
    ),
    "T28": (
        "afterwards", "if you have diabetes and had a steroid, check your sugar more "
        "often for the first one to three days",
    ),
    "T29": ("risks", "common: soreness, a bruise, and feeling light-headed or faint"),
    "T30": (
        "risks", "less common: bleeding, infection, an allergic reaction, an irritated "
        "nerve, or a flare-up of the pain",
    ),
    "T31": (
        "risks", "with a steroid: a dent or lighter skin at the place, higher blood "
        "sugar, or a red, warm face (flushing)", "thin the bones", "your hormones",
    ),
    "T32": (
        "risks", "very rare but serious: a collapsed lung (pneumothorax)",
        "neck, shoulder, upper back or chest wall",
    ),
    "T33": ("risks", "the signs can start hours later", "that evening and night"),
    "T33 aftercare": (
        "afterwards", "at night, watch for chest pain or trouble breathing. call 911",
    ),
    "T34": (
        "risks", "botulinum toxin: it carries a boxed warning", "can spread",
        "hours to weeks later", "trouble swallowing, speaking or breathing, or feel "
        "weak all over",
    ),
    "T35": (
        "call_911", "chest pain", "suddenly short of breath or have trouble breathing",
        "trouble swallowing", "your face or throat swells",
        "you faint and do not feel better soon",
    ),
    "T36": (
        "call_us", "redness or warmth spreads around the place, or you see pus",
        "you have a fever", "the pain gets worse after two or three days",
        "new numbness or weakness after the numbing should be gone",
    ),
    "T37": (
        "afterwards", "call your diabetes team if it stays very high, or if you are "
        "very thirsty, vomit or feel unwell",
    ),
    "T38": (
        RELIEF, "after a steroid, the wait is longer than after a numbing medicine",
        "the physician decides how long to wait",
    ),
    "T39": (RELIEF, "if two or three rounds did not help, more are not usually given"),
    "T40": ("cost", "hurt at work", "may need approval first"),
}  # fmt: skip

ABOUT_EMG = {
    "E1": (
        "what-it-is", "how well your muscles work, and the nerves that control them"
    ),
    "E2": (
        "what-it-is", "two parts",
        "usually done in one visit, but can be done separately",
    ),
    "E3": (
        "what-it-is", "how fast and how well signals travel along a nerve",
        "a damaged nerve gives a slower, weaker signal",
    ),
    "E4": (
        "what-it-is", "the electrical activity of a muscle, at rest and in use",
        "a healthy muscle at rest is silent",
    ),
    "E5": (
        "other_names", "emg test", "electromyogram", "(ncs, ncv)",
        "electrodiagnostic (edx) study", "nerve test",
    ),
    "E6": (
        "what-it-is", "a physician who is trained in the test does it",
        "(physiatrist) or a neurologist", "a technologist may do the nerve part",
    ),
    "E7": (
        "why-it-is-done",
        "numbness, tingling, pain, weakness, cramps, burning or muscle spasms",
    ),
    "E8": ("why-it-is-done", "pinched nerve in the neck or low back (radiculopathy)"),
    "E9": (
        "why-it-is-done", "carpal tunnel syndrome", "elbow (cubital tunnel)",
        "ankle (tarsal tunnel)",
    ),
    "E10": ("why-it-is-done", "(peripheral neuropathy), also from diabetes"),
    "E11": (
        "why-it-is-done", "a disease of the muscles",
        "where nerve meets muscle, such as myasthenia gravis",
        "als or guillain-barré",
    ),
    "E12": (
        "why-it-is-done", "where a problem is and how bad it is",
        "helps to plan treatment or surgery", "how you recover",
    ),
    "E13": (
        "why-it-is-done", "not help much with back or neck pain alone, if your arms "
        "and legs have no symptoms",
    ),
    "E14": ("what-it-is", "adds to a physical exam. it does not replace one"),
    "E16": (
        "what-happens", "small stickers (electrodes) on your skin",
        "hand-held tool gives short, mild pulses", "a computer times",
    ),
    "E17": (
        "what-happens", "speed is the distance divided by that time",
        "we test several nerves",
    ),
    "E18": (
        "what-happens", "a quick static shock or a tap", "your muscle may twitch",
        "differs from person to person", "it does not hurt once the pulses stop",
    ),
    "E19": (
        "what-happens", "we clean your skin",
        "very thin, sterile needle goes into several muscles, one at a time",
    ),
    "E20": ("what-happens", "nothing is injected. no shock goes through the needle"),
    "E21": (
        "what-happens", "you relax the muscle, and then you tighten it",
        "the signal shows on a screen. you may hear it",
    ),
    "E22": (
        "what-happens", "a pinch or an ache as it goes in",
        "usually stops soon after it comes out", "you can ask for a break at any time",
    ),
    "E23": ("what-happens", "most people have no numbing or calming medicine"),
    "E24": (
        "what-happens", "you sit or lie on an exam table. you may wear a gown",
        "ask you to change position",
    ),
    "E25": ("what-happens", "depends on what we test. ask us when you book"),
    "E26": (
        "preparation", "bathe or shower that day",
        "lotion, cream, oil, powder, sunscreen or perfume",
    ),
    "E27": ("preparation", "wear loose clothes. short sleeves and shorts"),
    "E28": (
        "preparation", "keep warm. cold skin slows nerve signals and can make the "
        "result wrong", "sit indoors for a while first",
    ),
    "E29": ("preparation", "leave jewelry at home"),
    "E30": (
        "preparation", "eat normally and take your usual medicines, unless you were "
        "told not to", "ask us about coffee and tobacco",
    ),
    "E31": ("tell_us", "a pacemaker, a defibrillator (icd)"),
    "E32": ("tell_us", "electrical implant, such as a deep brain or spinal cord stim"),
    "E33": (
        "risks", "most people can still have the test. tell us first",
        "the physician decides, and keeps the pulses away from the device",
    ),
    "E34": (
        "tell_us", "a blood thinner, aspirin or clopidogrel, or have a bleeding "
        "problem such as hemophilia",
    ),
    "E35": ("preparation", "do not stop a blood thinner on your own"),
    "E36": ("tell_us", "take pyridostigmine (mestinon), which can change the result"),
    "E36 who decides": ("advice", "only the doctor who prescribed it can decide"),
    "E37": ("tell_us", "a skin problem where we may test"),
    "E38": ("tell_us", "(lymphedema), or had lymph nodes removed near that arm or leg"),
    "E39": ("tell_us", "are pregnant or may be pregnant"),
    "E39 no bar": ("advice", "your answer does not rule out the test"),
    "E40": ("tell_us", "tend to faint with needles"),
    "E41": (
        "tell_us", "less than three weeks ago, because it may be too early to test"
    ),
    "E41 why": ("hint", "the muscles take two to three weeks to show it"),
    "E42": (
        "preparation", "your referral or order, a list of your medicines, your id and "
        "insurance card", "reports of any earlier emg or mri",
    ),
    "E43": ("what-happens", "only the nerves and muscles that need it"),
    "E44": ("risks", "low risk. serious problems are rare"),
    "E45": (
        "risks", "common: some pain for a short time, a small bruise, or sore muscles "
        "for a few days",
    ),
    "E46": (
        "risks", "a small risk: bleeding, infection or a nerve injury where a needle"
    ),
    "E47": (
        "risks", "very rare: a collapsed lung (pneumothorax)",
        "chest wall or the breathing muscle (diaphragm)",
    ),
    "E48": (
        "risks", "1 person in 100 has a bruise under the skin that they do not feel",
        "bleeding that matters is very rare",
        "do not clearly show more of it in people who take a blood thinner",
    ),
    "E49": (
        "risks", "blood test for muscle enzymes",
        "a sample (biopsy) from the same muscle", "if you had one of these or plan one",
    ),
    "E50": (
        "afterwards", "there is no recovery period. you can go home, drive and work, "
        "unless we tell you otherwise",
    ),
    "E51": (
        "results", "the physician studies the signals and sends a report to the doctor "
        "who asked for the test. that doctor explains it", "ask us how long",
    ),
    "E52": (
        "results", "does not rule out everything", "very small nerve fibers",
        "a nerve root that affects only feeling",
    ),
}  # fmt: skip

# Not for patients: how much they knew before a first test.
ABOUT_READERS = {"E15"}

FORBIDDEN = re.compile(
    r"\b(guarantee\w*|promise\w*|best|(saf|fast|great)est|most effective|leading|top|"
    r"perfect\w*|expert\w*|world-class|state-of-the-art|advanced|painless\w*|"
    r"risk-free|instant\w*|cur(e|es|ed)|heals?|always|never)\b",
    re.I,
)

pytestmark = pytest.mark.usefixtures("content")


def plain(markdown: str) -> str:
    """Return what a reader reads, in lower case, white space as single spaces."""
    without_links = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown)
    without_tags = re.sub(r"<[^>]*>", "", without_links)
    return " ".join(without_tags.replace("**", "").split()).lower()


def said(service: Service, where: str) -> str:
    """Return the text of a section with its question, or of a field."""
    if where in {"tell_us", "hint", "advice"}:
        questions = service.screening_questions.all()
        return plain(" ".join(getattr(question, where) for question in questions))
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


def unsaid(slug: str, facts: dict[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Return the words that are not where they should be, by fact."""
    service = Service.objects.get(slug=slug)
    missing = {}
    for fact, (where, *needed) in facts.items():
        text = said(service, where)
        missing[fact] = [words for words in needed if words.lower() not in text]
    return {fact: words for fact, words in missing.items() if words}


def test_trigger_point_page_says_every_fact() -> None:
    assert unsaid(TPI, ABOUT_TPI) == {}


def test_nerve_testing_page_says_every_fact() -> None:
    assert unsaid(EMG, ABOUT_EMG) == {}


def test_no_fact_of_the_research_is_left_out() -> None:
    ids = {key.split()[0] for key in [*ABOUT_TPI, *ABOUT_EMG]} | ABOUT_READERS
    counts = {"S": 43, "W": 5, "T": 40, "E": 52}
    assert ids == {f"{k}{n}" for k, last in counts.items() for n in range(1, last + 1)}


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
