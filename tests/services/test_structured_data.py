"""What the pages say to machines."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from services.models import Clinic, Clinician, Page, Section, Service
from services.plain_text import first_list, plain_text

from .test_pages import EMG, EVERY_PATH, TPI, a_service
from .vocabulary import Vocabulary

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]

# What takes another shape in the graph than on the page.
SHAPED = {
    "@context", "@type", "@id", "url", "item", "position", "inLanguage", "opens",
    "closes", "dateModified", "lastReviewed", "dayOfWeek", "addressCountry",
    "audienceType", "medicalSpecialty", "alternateName", "specialty", "procedureType",
    "hasMap", "image",
}  # fmt: skip


def graph_of(client: Client, path: str) -> dict[str, Any]:
    html = client.get(path).content.decode()
    (found,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html)
    return json.loads(found)


def the(graph: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = [n for n in graph["@graph"] if kind in n["@type"]]
    return found


def texts(value: Any, name: str = "") -> list[str]:
    """Return all that the graph says in words."""
    if isinstance(value, dict):
        return [t for key, part in value.items() for t in texts(part, key)]
    if isinstance(value, list):
        return [t for part in value for t in texts(part, name)]
    return [] if name in SHAPED else [str(value)]


def words(html: str) -> str:
    """Return what a page shows, or has for search engines, in single spaces."""
    html = re.sub(r'<script type="application.*?</script>', "", html, flags=re.DOTALL)
    html = re.sub(r'<meta name="description" content="(.*?)">', r"\1 ", html)
    html = re.sub(
        r"</(?:a|strong|em|span|b)>|<(?:a|strong|em|span|b)\b[^>]*>", "", html
    )
    html = re.sub(r"<[^>]+>", " ", html)
    for code, text in (("&#x27;", "'"), ("&quot;", '"'), ("&amp;", "&")):
        html = html.replace(code, text)
    return re.sub(r"\s+", " ", html.replace("\N{NO-BREAK SPACE}", " "))


@pytest.mark.usefixtures("content")
def test_every_page_says_only_what_it_shows_in_words_of_schema_org(
    client: Client,
) -> None:
    vocabulary = Vocabulary()
    for spoken, path in [("en", p) for p in EVERY_PATH] + [
        ("es", f"/es{p}") for p in EVERY_PATH
    ]:
        graph = graph_of(client, path)
        assert vocabulary.problems(graph) == [], path
        # A capital letter where a line begins is no other word.
        shown = words(client.get(path).content.decode()).casefold()
        said = texts(graph)
        assert [one for one in said if one.casefold() not in shown] == [], path
        page = graph["@graph"][0]
        assert page["url"].endswith(path)
        assert page["inLanguage"] == spoken


@pytest.mark.parametrize(
    ("node", "problem"),
    [
        ({"@type": "Clinic"}, "no such type"),
        ({"@type": "WebPage", "nam": "x"}, "no such property"),
        ({"@type": "WebPage", "telephone": "1"}, "telephone is not of"),
        ({"@type": "MedicalTest", "preparation": "x"}, "preparation is not of"),
        ({"@type": "WebPage", "dateModified": "today"}, "dateModified is none of"),
        ({"@type": "WebPage", "mainEntity": {"@id": "x"}}, "mainEntity is none of"),
        ({"@type": "WebPage", "mainEntity": {"@type": "X"}}, "mainEntity is none of"),
        ({"@type": "Person", "jobTitle": ""}, "jobTitle is none of"),
    ],
)
def test_the_check_sees_what_is_wrong(node: dict[str, Any], problem: str) -> None:
    graph = {"@context": "https://schema.org", "@graph": [node]}
    assert Vocabulary().problems(graph)[0].startswith(problem)


@pytest.mark.usefixtures("content")
def test_a_test_and_a_treatment_say_how_to_get_ready(client: Client) -> None:
    test = the(graph_of(client, EMG), "MedicalTest")
    treatment = the(graph_of(client, TPI), "MedicalTherapy")

    assert test["@type"] == ["MedicalTest", "DiagnosticProcedure"]
    assert test["preparation"].startswith("Bathe or shower that day. Do not use")
    assert test["alternateName"][3] == "nerve conduction study (NCS, NCV)"
    assert {*treatment} >= {"preparation", "howPerformed", "followup"}
    assert test["usedToDiagnose"][0] == {
        "@type": "MedicalCondition",
        "name": "a pinched nerve in the neck or low back (radiculopathy)",
    }
    assert len(test["usedToDiagnose"]) == 5
    risks = treatment["adverseOutcome"]["description"]
    assert risks.startswith("Common: soreness, a bruise, and feeling light-headed")
    needled = {node["procedureType"] for node in (test, treatment)}
    assert needled == {"PercutaneousProcedure"}


@pytest.mark.usefixtures("content")
def test_a_page_leads_to_its_crumbs_its_specialties_and_the_map(client: Client) -> None:
    page, crumbs, *_others = graph_of(client, TPI)["@graph"]
    assert page["breadcrumb"] == {"@id": crumbs["@id"]}
    assert page["specialty"] == ["Musculoskeletal", "Neurologic"]

    clinic = the(graph_of(client, "/visit-us/"), "MedicalClinic")
    assert clinic["hasMap"] == clinic["url"] + "visit-us/#address"
    Clinic.objects.update(street="1 Main St")
    assert "hasMap" not in the(graph_of(client, "/visit-us/"), "MedicalClinic")


@pytest.mark.usefixtures("content")
def test_the_clinic_speaks_what_its_clinicians_speak(client: Client) -> None:
    for slug, spoken in (("a", "English, Spanish"), ("b", "English and Urdu")):
        Clinician.objects.filter(slug=f"demo-clinician-{slug}").update(languages=spoken)
    graph = graph_of(client, "/our-team/")
    assert Vocabulary().problems(graph) == []
    clinic = the(graph, "MedicalClinic")
    assert clinic["knowsLanguage"] == ["English", "Spanish", "Urdu"]
    assert clinic["employee"][1]["knowsLanguage"] == ["English", "Urdu"]
    Clinician.objects.update(languages="")
    assert "knowsLanguage" not in the(graph_of(client, "/our-team/"), "MedicalClinic")


@pytest.mark.usefixtures("content")
def test_what_is_made_up_says_so(client: Client) -> None:
    people = the(graph_of(client, "/our-team/"), "MedicalClinic")
    said = [person["disambiguatingDescription"] for person in people["employee"]]
    assert said == ["Demo entry, not a real person"] * Clinician.objects.count()
    assert people["disambiguatingDescription"].startswith("Demonstration:")


def test_what_is_unknown_is_left_out(client: Client) -> None:
    Clinic.objects.create(pk=1, name="A clinic", phone="1")
    a_service()
    clinic = the(graph_of(client, "/visit-us/"), "MedicalClinic")
    service = the(graph_of(client, "/treatments-and-tests/massage/"), "MedicalTherapy")

    assert {*clinic} == {"@type", "@id", "name", "url", "telephone", "medicalSpecialty"}
    assert {*service} == {"@type", "@id", "name", "url", "description"}


def test_no_text_can_end_the_data(client: Client) -> None:
    trick = "</script><script>alert(1)</script><!-- & \u2028"
    Clinic.objects.create(pk=1, name=trick, phone="1")
    a_service(preparation=f"`{trick}`")

    html = client.get("/treatments-and-tests/massage/").content.decode()
    graph = graph_of(client, "/treatments-and-tests/massage/")

    assert html.count("</script>") == 1  # that of the data
    assert the(graph, "MedicalClinic")["name"] == trick
    assert "alert(1)" in the(graph, "MedicalTherapy")["preparation"]


def test_pages_that_are_not_for_the_public_have_none(client: Client) -> None:
    Clinic.objects.create(pk=1, name="A clinic", phone="1")
    for path in ("/book/", "/appointment/find/", "/no-such-page/", "/admin/login/"):
        assert "ld+json" not in client.get(path, follow=True).content.decode()


def test_a_page_that_is_partly_english_names_both_languages(client: Client) -> None:
    Clinic.objects.create(pk=1, name="A clinic", phone="1")
    Page.objects.create(slug="p", title="P", body="x", is_published=True)
    assert graph_of(client, "/es/p/")["@graph"][0]["inLanguage"] == ["es", "en"]


def test_the_page_is_as_new_as_the_newest_of_its_parts(
    client: Client, time_machine: Any
) -> None:
    Clinic.objects.create(pk=1, name="A clinic", phone="1")
    time_machine.move_to("2026-01-02T12:00Z")
    service: Service = a_service()
    time_machine.move_to("2026-03-04T12:00Z")
    Section.objects.create(service=service, anchor="a", question="Q?", answer="A.")
    page = graph_of(client, "/treatments-and-tests/massage/")["@graph"][0]
    assert page["dateModified"] == "2026-03-04"


def test_people_and_machines_read_alike_how_fresh_a_page_is(
    client: Client, time_machine: Any
) -> None:
    # In the evening, when it is the next day in UTC.
    time_machine.move_to("2026-03-04T22:00-05:00")
    Clinic.objects.create(pk=1, name="A clinic", phone="1")
    row = a_service()
    Page.objects.create(slug="p", title="P", body="x", is_published=True)
    paths = ["/treatments-and-tests/massage/", "/p/"]

    for path in paths:
        node = graph_of(client, path)["@graph"][0]
        assert node["dateModified"] == "2026-03-04"
        assert not {"reviewedBy", "lastReviewed"} & {*node}
        shown = words(client.get(path).content.decode())
        assert "Last changed: March 4, 2026." in shown
        # No line ends between the month and the day.
        assert "March\xa04, 2026" in client.get(path).content.decode()
        assert "review" not in shown

    for model in (type(row), Page):
        model._default_manager.update(
            reviewed_by="A. Demo",
            reviewer_credentials="MD",
            reviewer_profession="physiatrist",
            reviewed_on="2026-02-03",
            next_review="2027-02-01",
        )

    for path in paths:
        graph = graph_of(client, path)
        assert Vocabulary().problems(graph) == []
        node = graph["@graph"][0]
        assert node["lastReviewed"] == "2026-02-03"
        assert node["reviewedBy"] == {
            "@type": "Person", "name": "A. Demo", "honorificSuffix": "MD",
            "hasCredential": [
                {"@type": "EducationalOccupationalCredential", "name": "MD"}
            ],
            "jobTitle": "physiatrist",
        }  # fmt: skip
        shown = words(client.get(path).content.decode())
        said = "Page last reviewed: February 3, 2026, by A. Demo, MD, physiatrist."
        assert f"{said} Next review due: February 1, 2027." in shown

        # What was read is the English.
        assert "reviewedBy" not in graph_of(client, f"/es{path}")["@graph"][0]
        shown = words(client.get(f"/es{path}").content.decode())
        assert (
            "página en inglés: 3 de febrero de 2026, por A. Demo, MD, physiatrist."
            in shown
        )


def test_the_first_list_of_a_text_is_its_items() -> None:
    text = "A\n\n- **b** c\n  d\n- [e](/f)\n\nG\n\n1. h"
    assert first_list(text) == ["b c d", "e"]
    assert first_list("A") == []


def test_markdown_becomes_one_line() -> None:
    text = (
        "## A *b*\n\n- **c**\n  d\n- [e](/f)\n\n| g | h |\n|---|---|\n| i<br>j | `k` |"
    )
    assert plain_text(text) == "A b c d e g h ij k"
    assert plain_text("a\n::: more B c\nd\n:::\n::: warning\ne\n:::") == "a B c d e"
