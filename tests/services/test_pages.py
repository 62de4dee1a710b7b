"""What patients see on the pages that they read."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from services import rows
from services.context_processors import clinic
from services.models import (
    Clinic,
    Clinician,
    Fact,
    OpeningHours,
    Page,
    ScreeningQuestion,
    Section,
    Service,
)
from services.spoken_languages import SPOKEN
from services.templatetags.content import markdown

TPI = "/treatments-and-tests/trigger-point-injections/"
EMG = "/treatments-and-tests/emg-and-nerve-testing/"
PAGES = [
    "accessibility", "call-911", "good-faith-estimate", "insurance-and-hospitals",
    "language-help", "nondiscrimination", "privacy-practices",
]  # fmt: skip
EVERY_PATH = [
    "/", "/treatments-and-tests/", TPI, EMG, "/our-team/", "/visit-us/",
    *[f"/{slug}/" for slug in PAGES],
]  # fmt: skip

pytestmark = pytest.mark.django_db


@pytest.fixture
def content(shared_content: None) -> None:
    pass


class Reader(HTMLParser):
    """Collect what a page holds: tags with attributes, headings and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[tuple[int, str]] = []
        self.text = ""
        self.inside: list[str] = []
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside.append(tag)
        self.text += " " if tag in {"br", "dd", "li", "p", "td"} else ""
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"title", "script"} & {*self.inside}:
            self.text += data
        if any(re.fullmatch("h[1-6]", tag) for tag in self.inside):
            level, text = self.headings[-1]
            self.headings[-1] = (level, " ".join(f"{text} {data}".split()))

    def links(self) -> list[str]:
        return [a["href"] or "" for tag, a in self.tags if tag == "a" and "href" in a]

    def ids(self) -> list[str]:
        return [a["id"] or "" for _tag, a in self.tags if "id" in a]


def read(client: Client, path: str) -> Reader:
    response = client.get(path)
    assert response.status_code == 200
    return Reader(response.content.decode())


def a_service(slug: str = "massage", **fields: object) -> Service:
    return Service.objects.create(
        slug=slug,
        kind=Service.Kind.THERAPY,
        name=slug.title(),
        summary="It is a thing.",
        **{"is_published": True, **fields},
    )


@pytest.mark.usefixtures("content")
@pytest.mark.parametrize("path", EVERY_PATH)
class TestEveryPage:
    def test_answers_with_one_title_and_no_jump_in_headings(
        self, client: Client, path: str
    ) -> None:
        levels = [level for level, _text in read(client, path).headings]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))

    def test_gives_the_phone_number_as_a_link(self, client: Client, path: str) -> None:
        assert "tel:+12125550143" in read(client, path).links()

    def test_ends_with_a_link_to_every_page_of_the_footer(
        self, client: Client, path: str
    ) -> None:
        wanted = {*(f"/{slug}/" for slug in PAGES), "/appointment/find/", "/visit-us/"}
        assert set(read(client, path).links()[-len(wanted) :]) == wanted

    def test_leads_only_to_pages_that_are_there(
        self, client: Client, path: str
    ) -> None:
        page = read(client, path)
        for link in page.links():
            if link.startswith("#"):
                assert link[1:] in page.ids()
            elif link.startswith("/"):
                assert client.get(link).status_code == 200, link

    def test_has_each_id_once_and_nothing_inline_but_our_script(
        self, client: Client, path: str
    ) -> None:
        page = read(client, path)
        assert len(page.ids()) == len(set(page.ids()))
        assert [a for _tag, a in page.tags if "style" in a] == []
        assert [a for tag, a in page.tags if tag == "style"] == []
        scripts = [a for tag, a in page.tags if tag == "script" and "src" not in a]
        # The first is ours: the content policy lets no other run (test_headers). It
        # has something to do where there is a form.
        has_form = any(tag == "form" for tag, _a in page.tags)
        assert scripts == [{}] * has_form + [{"type": "application/ld+json"}]


@pytest.mark.parametrize("path", ["/treatments-and-tests/", "/our-team/", "/visit-us/"])
def test_what_stands_below_the_title_is_what_a_search_shows(
    client: Client, path: str
) -> None:
    text = client.get(path).text
    [lead] = re.findall(r'(?s)<div class="hero">.*?</h1>\s*<p>(.*?)</p>', text)
    assert f'<meta name="description" content="{lead}">' in text


@pytest.mark.usefixtures("content")
def test_service_page_answers_in_a_patients_order(client: Client) -> None:
    headings = read(client, TPI).headings
    assert [text for level, text in headings if level == 2] == [
        "On this page",
        "What are trigger points?",
        "What are trigger point injections?",
        "What are they used for?",
        "How do I know if I need them?",
        "Tell us before you come",
        "How do I get ready?",
        "What happens during the injection?",
        "What happens afterwards?",
        "How long does relief last?",
        "What are the risks?",
        "When should I get help?",
        "What will it cost?",
        "How do I make an appointment?",
        "Next free times",
    ]
    help_at = headings.index((2, "When should I get help?"))
    assert headings[help_at + 1 : help_at + 3] == [
        (3, "Emergency: Call 911 now if:"),
        (3, "Call us the same day if:"),
    ]


@pytest.mark.usefixtures("content")
def test_service_page_says_what_staff_wrote_once(client: Client) -> None:
    ScreeningQuestion.objects.filter(code="diabetes").update(tell_us="like chess")
    Service.objects.filter(slug="trigger-point-injections").update(
        call_911="you see stars", call_us="you sneeze", preparation="Eat a *pear*."
    )

    text = read(client, TPI).text

    assert text.count("like chess") == 1
    assert "Call 911 now if: you see stars" in text
    assert "Call us the same day if: you sneeze" in text
    assert "How do I get ready? Eat a pear." in text


def drawn(client: Client, path: str) -> tuple[str, str]:
    """Return what the one described drawing of a page is called and shows."""
    html = client.get(path).content.decode()
    [frame] = re.findall('<svg class="drawing"[^>]* role="img"[^>]*>', html)
    assert 'aria-labelledby="drawing-title drawing-desc"' in frame
    [name] = re.findall('<title id="drawing-title">(.+?)</title>', html)
    [shows] = re.findall('<desc id="drawing-desc">(.+?)</desc>', html)
    return name, shows


@pytest.mark.usefixtures("content")
def test_each_service_has_a_drawing_of_its_own_said_in_words(client: Client) -> None:
    paths = [prefix + path for prefix in ("", "/es") for path in (TPI, EMG)]
    found = [drawn(client, path) for path in paths]
    assert len({*found}) == len(paths)
    assert found[0] == (
        "A trigger point injection, drawn",
        "Muscle fibers under the skin are drawn together in a knot. A thin needle"
        " goes through the skin into the knot.",
    )
    assert found[2][0] == "Dibujo de una inyección en un punto gatillo"


@pytest.mark.usefixtures("content")
def test_a_drawing_stays_with_its_service_when_staff_change_the_slug(
    client: Client,
) -> None:
    before = drawn(client, EMG)
    Service.objects.filter(kind="test").update(slug="nerve-test")
    assert drawn(client, "/treatments-and-tests/nerve-test/") == before


@pytest.mark.parametrize(
    ("kind", "name"), [("therapy", "A muscle, drawn"), ("test", "A signal, drawn")]
)
def test_what_the_clinic_adds_is_drawn_as_its_kind_is(
    client: Client, kind: str, name: str
) -> None:
    Service.objects.create(slug="new", name="New", kind=kind, is_published=True)
    assert drawn(client, "/treatments-and-tests/new/")[0] == name
    [card] = re.findall("<svg[^>]*>", client.get("/treatments-and-tests/").content
                        .decode().partition('<ul class="cards">')[2])  # fmt: skip
    assert 'aria-hidden="true"' in card


@pytest.mark.usefixtures("content")
def test_booking_from_a_service_page_asks_for_that_service(client: Client) -> None:
    wanted = f"{reverse('booking:start')}?service=emg-and-nerve-testing"
    assert read(client, EMG).links().count(wanted) == 3  # one more with a visit type


@pytest.mark.usefixtures("content")
def test_no_reviewer_is_named(client: Client) -> None:
    assert "reviewed" not in read(client, TPI).text.lower()


def test_service_page_shows_only_what_is_filled_in(client: Client) -> None:
    service = a_service()
    Section.objects.create(
        service=service, anchor="what", question="What?", answer="That."
    )

    headings = [
        text for _level, text in read(client, "/treatments-and-tests/massage/").headings
    ]

    assert headings == ["Massage", "On this page", "What?", "Next free times"]


def test_typed_html_is_shown_as_text(client: Client) -> None:
    service = a_service(call_us="<b>it</b>", other_names="<i>rub</i>")
    Fact.objects.create(service=service, label="<u>a</u>", value="b")

    page = read(client, "/treatments-and-tests/massage/")

    assert {"b", "i", "u"} & {tag for tag, _attributes in page.tags} == set()
    assert "<b>it</b>" in page.text


@pytest.mark.parametrize("slug", ["hidden", "absent"])
def test_service_that_is_not_published_is_not_found(client: Client, slug: str) -> None:
    a_service("hidden", is_published=False)
    a_service("shown")

    assert client.get(f"/treatments-and-tests/{slug}/").status_code == 404
    for path in ("/", "/treatments-and-tests/", "/treatments-and-tests/shown/"):
        assert "/treatments-and-tests/hidden/" not in read(client, path).links()


@pytest.mark.parametrize("slug", ["hidden", "absent"])
def test_page_that_is_not_published_is_not_found(client: Client, slug: str) -> None:
    Page.objects.create(slug="hidden", title="Hidden", body="x", is_published=False)

    assert client.get(f"/{slug}/").status_code == 404
    assert "/hidden/" not in read(client, "/").links()


def test_team_stands_with_profession_under_the_name(client: Client) -> None:
    Clinician.objects.create(
        slug="a", name="Ann Example", credentials="MD", profession="physician (PM&R)"
    )

    page = read(client, "/our-team/")
    assert (2, "Ann Example, MD") in page.headings
    assert "Ann Example, MD Physician (PM&R)" in page.text


@pytest.mark.usefixtures("content")
def test_made_up_people_are_said_to_be_made_up(client: Client) -> None:
    text = read(client, "/our-team/").text
    assert text.count("Demo entry, not a real person") == Clinician.objects.count()


@pytest.mark.usefixtures("content")
def test_visit_us_gives_address_and_the_whole_week(client: Client) -> None:
    text = read(client, "/visit-us/").text
    assert "W 43rd St New York, NY" in text
    assert "Monday 8:30 AM to 6 PM" in text
    assert "Sunday Closed" in text


@pytest.mark.usefixtures("content")
def test_visit_us_tells_the_way_by_subway_and_whom_to_ask_about_steps(
    client: Client,
) -> None:
    text = read(client, "/visit-us/").text
    assert "Eighth Avenue: 42 St-Port Authority Bus Terminal (A, C, E)" in text
    assert "a wheelchair, a walker or a cane. (212) 555-0143" in text

    spanish = read(client, "/es/visit-us/").text
    assert "La Octava Avenida: 42 St-Port Authority Bus Terminal (A, C, E)" in spanish

    # Elsewhere these are not the stations, nor is there more to say of the way.
    Clinic.objects.update(street="1 Main St")
    assert "Getting here" not in read(client, "/visit-us/").text


def test_visit_us_tells_of_access_when_the_clinic_has_written_it(
    client: Client,
) -> None:
    Clinic.objects.create(pk=1, name="A", phone="1", step_free_access="A *ramp*.")

    assert "Step-free access A ramp." in read(client, "/visit-us/").text


@pytest.mark.usefixtures("content")
@pytest.mark.parametrize(
    ("street", "says", "spot"),
    [
        ("W 43rd St", "W 43rd St runs from Fifth Avenue in the east to Twelfth", None),
        (
            "250 West 43rd Street, Suite 4",
            "is on the south side of the street, between Seventh Avenue and Eighth",
            ("274", "130"),
        ),
        (
            "9 W. 43 St.",
            "is on the north side of the street, between Fifth Avenue and Sixth",
            ("419", "102"),
        ),
    ],
)
def test_the_map_shows_what_the_address_says_and_no_more(
    client: Client, street: str, says: str, spot: tuple[str, str] | None
) -> None:
    Clinic.objects.update(street=street)
    page = read(client, "/visit-us/")
    assert says in page.text
    marks = [a for tag, a in page.tags if tag == "circle" and a.get("stroke")]
    assert [(a["cx"], a["cy"]) for a in marks] == ([spot] if spot else [])


@pytest.mark.usefixtures("content")
@pytest.mark.parametrize(
    ("street", "city"),
    [("W 143rd St", "New York"), ("E 43rd St", "New York"), ("W 43rd St", "Austin")],
)
def test_there_is_no_map_of_another_street(
    client: Client, street: str, city: str
) -> None:
    Clinic.objects.update(street=street, city=city)
    assert "figure" not in {tag for tag, _a in read(client, "/visit-us/").tags}


@pytest.mark.usefixtures("content")
def test_the_911_page_does_not_suggest_to_talk_to_us_instead(client: Client) -> None:
    texts = {
        path: read(client, path).text for path in ("/call-911/", "/language-help/")
    }
    suggests = "Would you rather talk to us?"
    assert [path for path, text in texts.items() if suggests in text] == [
        "/language-help/"
    ]


@pytest.mark.usefixtures("content")
def test_who_cannot_use_the_site_finds_whom_to_tell(client: Client) -> None:
    """Source: 45 CFR 84, subpart I (who is to be told of a barrier)."""
    page = read(client, "/accessibility/")
    assert "Phone: (212) 555-0143" in page.text
    assert "mailto:front-desk@example.com" in page.links()

    Clinic.objects.update(email="")
    assert "Email:" not in read(client, "/accessibility/").text
    Clinic.objects.all().delete()
    assert "are not on this website yet" in read(client, "/accessibility/").text


@pytest.mark.usefixtures("content")
def test_the_plans_and_hospitals_say_since_when(
    client: Client, time_machine: Any
) -> None:
    """Source: New York Public Health Law 24."""
    time_machine.move_to("2026-03-04T12:00Z")
    Page.objects.get(slug="insurance-and-hospitals").save()
    text = read(client, "/insurance-and-hospitals/").text
    assert "Last changed: March 4, 2026." in text


@pytest.mark.usefixtures("content")
def test_languages_are_named_in_their_own_words(client: Client) -> None:
    page = read(client, "/language-help/")
    spans = [a for tag, a in page.tags if tag == "span" and "lang" in a]
    assert len(spans) == 13
    assert {a["lang"] for a in spans if a["dir"] == "rtl"} == {"ar", "ur", "yi"}
    assert "العربية (Arabic)" in page.text
    spanish = read(client, "/es/language-help/").text
    assert "Русский (Ruso)" in spanish
    assert "Español (" not in spanish


@pytest.mark.usefixtures("content")
def test_free_help_is_offered_in_other_languages_with_our_number(
    client: Client,
) -> None:
    """Source: 45 CFR 92.11; the sentences are quoted, see docs/languages.md."""
    Clinic.objects.update(phone="(212) 555-0199")
    page = read(client, "/language-help/")
    notices = [a for tag, a in page.tags if tag == "p" and "lang" in a]
    said = [one for one in SPOKEN if one.call]
    assert {one.code for one in SPOKEN if one not in said} == {"zh-Hans"}
    assert [(a["lang"], a["dir"]) for a in notices] == [
        (one.code, one.direction) for one in said
    ]
    for one in said:
        before, after = one.call.split("{}")
        assert one.notice in page.text
        assert f"{before}(212) 555-0199{after}" in page.text
    assert page.links().count("tel:+12125550199") >= len(said)


def test_a_notice_that_a_reviewer_finds_wrong_is_left_out() -> None:
    shown = markdown("::: languages\nArabic\n:::\n")
    assert "العربية" in shown
    assert 'lang="ar" dir="rtl">ملحوظة' not in shown
    assert "Llame" not in shown  # nobody to call without a clinic's phone
    assert 'lang="bn" dir="ltr">অনুগ্রহ' not in shown
    assert "ATENCIÓN: si habla español" in shown


@pytest.mark.parametrize(
    "path", ["/", "/treatments-and-tests/", "/our-team/", "/visit-us/"]
)
def test_site_without_any_content_still_answers(client: Client, path: str) -> None:
    page = read(client, path)
    assert [link for link in page.links() if link.startswith("tel:")] == []
    assert "None" not in page.text


def test_page_that_shows_no_clinic_asks_nothing_of_the_database(
    rf: RequestFactory,
) -> None:
    with CaptureQueriesContext(connection) as queries:
        clinic(rf.get("/"))
    assert len(queries) == 0


def grow(number: int) -> None:
    """Add a further row of each kind."""
    service = a_service(f"s{number}")
    for count in range(number):
        name = f"x{number}{count}"
        Section.objects.create(service=service, anchor=name, question=name, answer=name)
        Fact.objects.create(service=service, label=name, value=name)
        ScreeningQuestion.objects.create(
            service=service, code=name, tell_us=name, question=name, flag=name
        )
    Clinician.objects.create(slug=f"c{number}", name="C", profession="P")
    Page.objects.create(slug=f"p{number}", title="P", body="P", is_published=True)
    OpeningHours.objects.create(
        clinic_id=1, weekday=number, opens="09:00", closes="10:00"
    )


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/", 2),
        ("/treatments-and-tests/", 2),
        ("/treatments-and-tests/s{}/", 7),
        ("/our-team/", 2),
        ("/visit-us/", 4),
        ("/p1/", 2),
    ],
)
def test_more_content_asks_the_database_no_more(
    client: Client, path: str, most: int
) -> None:
    Clinic.objects.create(pk=1, name="A", phone="(212) 555-0100")
    counts = []
    for number in (1, 2, 3):
        grow(number)
        rows.forget()
        with CaptureQueriesContext(connection) as queries:
            read(client, path.format(number))
        counts.append(len(queries))

    assert counts == [most, most, most]
