"""The promises of the design: contrast, weight, layout, and pages that never break."""

import gzip
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles.finders import find
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.translation import override
from playwright.sync_api import Page

from clinic_site import styleguide
from clinic_site.static_files import shortened
from services.models import Clinic
from services.templatetags import languages as language_tags
from tests.browser import TWICE_AS_LARGE, look_closer_at
from tests.chromium import HOST, assert_good_for_everybody, look

ROOT = Path(__file__).parent.parent
STYLES = sorted((ROOT / "static/css").glob("*.css"))
PATIENT_STYLES = [style for style in STYLES if style.name != "staff.css"]

DEMO = Clinic(name="Demo Clinic", phone="(212) 555-0143", is_demo=True)
HOURS = "Monday to Friday, 8:30 AM to 6 PM"

# Each text colour with every ground that it is used on.
TEXT = [
    *[(text, ground) for text in ("ink", "quiet", "brand", "brand-strong", "alert")
      for ground in ("paper", "surface", "wash")],
    ("ink", "alert-wash"),
    ("brand", "alert-wash"),
    ("alert", "alert-wash"),
    ("brand-ink", "brand"),
    ("brand-ink", "brand-strong"),
    ("alert-ink", "alert"),
    ("deep-ink", "deep"),
    ("deep-link", "deep"),
    ("mark-ink", "mark"),
]  # fmt: skip
# Lines that show where a control is. Source: WCAG 2.2, 1.4.11.
LINES = [("edge", "paper"), ("edge", "surface"), ("edge", "wash"), ("mark", "deep")]


def tokens(scheme: int) -> dict[str, str]:
    """Return the colours by name: 0 is the light scheme, 1 the dark one."""
    css = (ROOT / "static/css/tokens.css").read_text().partition("@supports")[0]
    found = {}
    for name, value in re.findall(r"--([a-z-]+): (.+);", css):
        if colours := re.findall("#[0-9a-f]{6}", value):
            found[name] = colours[scheme] if len(colours) == 2 else colours[0]
    return found


def luminance(colour: str) -> float:
    """Return the relative luminance, 0 to 1. Source: WCAG 2.2, relative luminance."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_has_seven_to_one(scheme: int, text: str, ground: str) -> None:
    colours = tokens(scheme)
    assert contrast(colours[text], colours[ground]) >= 7


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("line", "ground"), LINES)
def test_the_edge_of_a_control_has_three_to_one(
    scheme: int, line: str, ground: str
) -> None:
    colours = tokens(scheme)
    assert contrast(colours[line], colours[ground]) >= 3


def test_an_old_browser_gets_the_light_colours() -> None:
    css = (ROOT / "static/css/tokens.css").read_text().partition("@supports")[2]
    old = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", css))
    assert old == {
        name: colour
        for name, colour in tokens(0).items()
        if not name.startswith("mark")
    }


def test_styles_of_a_patient_page_weigh_less_than_six_kilobytes() -> None:
    sent = [shortened(style.read_text()).encode() for style in PATIENT_STYLES]
    assert sum(len(gzip.compress(css)) for css in sent) <= 6144
    assert len((ROOT / "static/js/site.js").read_bytes()) <= 1536


# Where a browser only keeps what it read, as of a variable, these blanks stay.
RULES = """css => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return [...sheet.cssRules].map(rule => rule.cssText.replace(/([:,]) /g, "$1"));
}"""


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_a_browser_reads_the_same_in_what_is_sent(style: Path) -> None:
    css = style.read_text()
    sent = shortened(css)
    assert look({}, lambda page: page.evaluate(RULES, sent)) == look(
        {}, lambda page: page.evaluate(RULES, css)
    )
    strings = '"[^"]*"'
    assert re.findall(strings, sent) == re.findall(strings, css)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_styles_follow_the_direction_of_the_text(style: Path) -> None:
    sided = re.findall(
        r"(?:[\w-]+-(?:left|right)[\w-]*|\b(?:left|right)|float|text-align|clear)"
        r"\s*:\s*[^;]+",
        style.read_text(),
    )
    assert [
        rule
        for rule in sided
        if not re.search(r": (start|end|center|both|none|inline-)", rule)
    ] == []


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_styles_ask_no_other_host(style: Path) -> None:
    assert re.findall(r"@import|url\(|https?://", style.read_text()) == []


def page(template: str = "base.html", path: str = "/", **context: Any) -> str:
    return render_to_string(
        template, {"request": RequestFactory().get(path), **context}
    )


def test_a_page_can_be_used_after_three_requests() -> None:
    html = page(clinic=DEMO)
    asked = re.findall(r'<(?:link rel="stylesheet"|script src|img|iframe)[^>]*>', html)
    assert asked == [
        '<link rel="stylesheet" href="/static/css/tokens.css">',
        '<link rel="stylesheet" href="/static/css/site.css">',
    ]


def test_every_page_says_phone_and_hours_in_the_same_place() -> None:
    html = page(clinic=DEMO, opening_hours_summary=HOURS)
    help_line = html.partition('<p class="help">')[2].partition("</p>")[0]
    assert 'href="tel:+12125550143"><bdi dir="ltr">(212) 555-0143</bdi>' in help_line
    assert HOURS in help_line
    assert html.index(help_line) < html.index("<main")


def test_a_demonstration_says_so_and_the_real_clinic_does_not() -> None:
    sentence = "Demonstration: the address, phone, hours and people are made up."
    assert page(clinic=DEMO).count(sentence) == 1
    assert page(clinic=Clinic(name="Demo Clinic")).count(sentence) == 0


def test_what_is_unknown_leaves_no_empty_label() -> None:
    html = page()
    assert "tel:" not in html
    assert "Call" not in html.partition("<header>")[2].partition('class="bottom"')[0]
    assert "<address>" not in html
    assert re.findall(r"<(p|span|li|ul|a|strong)[^>]*>\s*</\1>", html) == []


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("services:service_list", [("page", "services:service_list")]),
        ("services:team", [("page", "services:team")]),
        ("services:visit_us", [("page", "services:visit_us")]),
        ("services:home", []),
    ],
)
def test_the_menu_shows_where_the_reader_is(
    path: str, current: list[tuple[str, str]]
) -> None:
    found = re.findall(
        r'href="([^"]+)" aria-current="([a-z]+)"', page(path=reverse(path))
    )
    assert found == [(reverse(name), kind) for kind, name in current]


def test_a_treatments_page_stands_under_treatments_in_the_menu() -> None:
    html = page(path=reverse("services:service", args=["trigger-point-injections"]))
    assert re.findall(r'href="([^"]+)" aria-current="true"', html) == [
        reverse("services:service_list")
    ]


def test_the_menu_breaks_alike_wherever_the_reader_is() -> None:
    names = ("home", "service_list", "team", "visit_us")
    paths = [reverse(f"services:{name}") for name in names]

    def places(browser_page: Page) -> list[str]:
        found = []
        for path in paths:
            browser_page.goto(f"{HOST}{path}")
            menu = browser_page.locator(".top nav a")
            found.append(menu.evaluate_all("all => all.map(e => e.offsetTop).join()"))
        return found

    pages = {path: page(path=path, clinic=DEMO) for path in paths}
    for width in (320, 1280):
        assert len(set(look(pages, places, width=width))) == 1


def test_the_title_says_the_clinic_and_an_error_first() -> None:
    wrong = page(clinic=DEMO, form=styleguide.SampleForm({}))
    assert "<title>Error: " in wrong
    assert "– Demo Clinic</title>" in wrong
    assert wrong.index("There is a problem") < wrong.index('class="foot"')
    assert "Error:" not in page(clinic=DEMO, form=styleguide.SampleForm())


@pytest.mark.parametrize("template", ["400.html", "500.html", "503.html"])
def test_pages_of_trouble_need_nothing_and_show_a_way_on(template: str) -> None:
    html = render_to_string(template)
    assert "call the clinic." in html
    assert "call 911" in html
    assert '<a class="button" href="/">' in html
    html = render_to_string(template, {"phone": "(212) 555-0143"})
    assert "555-0143" in html.partition("<header")[2].partition("</header>")[0]
    assert (
        'call the clinic: <a class="phone" href="tel:+12125550143">'
        '<bdi dir="ltr">(212) 555-0143</bdi></a>'
    ) in html


@pytest.mark.parametrize("template", ["404.html", "403_csrf.html"])
def test_pages_of_refusal_show_a_way_on_and_the_phone(template: str) -> None:
    html = page(template, clinic=DEMO, opening_hours_summary=HOURS)
    main = html.partition("<main")[2].partition("</main>")[0]
    assert "(212) 555-0143" in main
    assert HOURS in main
    assert "<h1>" in page(template)


@pytest.mark.parametrize(("debug", "times"), [(True, 1), (False, 0)])
def test_the_styleguide_is_only_there_while_developing(
    settings: Any, monkeypatch: pytest.MonkeyPatch, debug: bool, times: int
) -> None:
    settings.DEBUG = debug
    monkeypatch.delitem(sys.modules, "clinic_site.urls", raising=False)
    site = import_module("clinic_site.urls").urlpatterns
    assert [str(entry.pattern) for entry in site].count("styleguide/") == times


@pytest.mark.urls("tests.styleguide_urls")
def test_the_styleguide_shows_every_component(client: Client, db: None) -> None:
    """Also each drawing, and whatever the stylesheet has a class for."""
    language_tags._links.cache_clear()  # or what is kept is not rendered
    answer = client.get("/styleguide/")
    shown = {str(template.name) for template in answer.templates}
    files = [
        *(ROOT / "templates/components").glob("*.html"),
        *(ROOT / "templates/services/drawings").glob("*.html"),
    ]
    names = {file.relative_to(ROOT / "templates").as_posix() for file in files}
    unseen = {"components/alternates.html", "components/card.html"}  # of the head
    assert names - shown - unseen == set()
    used = " ".join(re.findall('class="([^"]*)"', answer.content.decode())).split()
    assert styled("css/site.css") - {*used} == set()


def styled(*names: str) -> set[str]:
    """Return the classes that stylesheets have rules for, by their static names."""
    found = set()
    for name in names:
        css = re.sub(r"/\*.*?\*/", "", Path(str(find(name))).read_text(), flags=re.S)
        rules = "".join(re.findall(r"[^{}]+(?={)", css))
        found.update(re.findall(r"\.([a-z][\w-]*)", rules))
    return found


GUIDES_OF_DESK = ("/styleguide/desk/", "/styleguide/desk/admin/")
# What Django's own lists and forms are made of: they are looked at on pages of theirs.
OF_DJANGO = [
    f"admin/css/{name}.css"
    for name in ("base", "changelists", "forms", "login", "responsive", "widgets")
]
# What scripts give a class to, or look for.
SCRIPTS = "".join(path.read_text() for path in (ROOT / "static/js").glob("*.js"))


@pytest.mark.urls("tests.styleguide_urls")
def test_the_desks_styleguide_shows_every_component(client: Client, db: None) -> None:
    """Also each piece of a page that has a file of its own."""
    answers = [client.get(path) for path in GUIDES_OF_DESK]
    shown = {str(template.name) for answer in answers for template in answer.templates}
    pieces = {
        path.relative_to(ROOT / "templates").as_posix()
        for path in (ROOT / "templates/admin").rglob("*.html")
        if "{% extends" not in path.read_text()
    }
    whole = {"admin/front_desk/desk.html", "admin/booking/retentionrules/number.html"}
    assert pieces - shown - whole == set()
    html = " ".join(answer.content.decode() for answer in answers)
    used = " ".join(re.findall('class="([^"]*)"', html)).split()
    made = " ".join(re.findall('className = "([^"]*)"', SCRIPTS)).split()
    ours = styled("css/staff.css") - styled(*OF_DJANGO)
    # Each list has columns of its own, which Django names.
    unseen = ours - {*used, *made}
    assert {name for name in unseen if not name.startswith("field-")} == set()


def test_every_class_of_a_staff_page_has_a_rule() -> None:
    """Or a script looks for it."""
    sought = re.findall(r'(?:\.|class=")(\w+)', SCRIPTS)
    known = styled("css/staff.css", *OF_DJANGO) | {*sought}
    unknown = {
        f"{path.name}: {name}"
        for path in (ROOT / "templates/admin").rglob("*.html")
        for classes in re.findall(
            'class="([^"]*)"', re.sub(r"{%.*?%}|\S*{{.*?}}", " ", path.read_text())
        )
        for name in classes.split()
        if name not in known
    }
    assert unknown == set()


# What the admin's own scripts load: the words that they show.
WORDS = "/admin/jsi18n/"


@pytest.fixture
def styleguide_pages(client: Client, db: None) -> dict[str, str]:
    """Return the pages that show every component, and the staff's own, as HTML."""
    staff = User.objects.create_superuser("ada")
    User.objects.create_user("grace")
    pages = {"/styleguide/": client.get("/styleguide/").content.decode()}
    pages["/admin/login/"] = client.get("/admin/login/").content.decode()
    client.force_login(staff)
    for path in (*GUIDES_OF_DESK, "/admin/", "/admin/auth/user/?o=1.2", WORDS):
        pages[path.partition("?")[0]] = client.get(path).content.decode()
    return pages


@pytest.mark.urls("tests.styleguide_urls")
def test_every_component_is_good_for_everybody(
    styleguide_pages: dict[str, str],
) -> None:
    assert_good_for_everybody(styleguide_pages)


@pytest.mark.urls("tests.styleguide_urls")
def test_the_desks_components_fit_as_readers_set_the_text(
    styleguide_pages: dict[str, str],
) -> None:
    """The second engine finds nothing there; the other guide has a form twice."""

    def looks(browser_page: Page) -> None:
        for path in GUIDES_OF_DESK:
            browser_page.goto(f"{HOST}{path}")
            look_closer_at(browser_page)

    look(styleguide_pages, looks)


@pytest.mark.urls("tests.styleguide_urls")
def test_an_answer_has_the_width_of_the_page_however_large_the_text(
    styleguide_pages: dict[str, str],
) -> None:
    """Not what “Change” leaves beside it, in which each word would break."""

    def narrowest(browser_page: Page) -> float:
        browser_page.goto(f"{HOST}/styleguide/")
        browser_page.set_viewport_size({"width": 320, "height": 900})
        browser_page.evaluate(TWICE_AS_LARGE)
        width: float = browser_page.evaluate(
            "Math.min(...[...document.querySelectorAll('.answers dd:not(.change)')]"
            ".map(e => e.offsetWidth / e.closest('.answers').offsetWidth))"
        )
        return width

    assert look(styleguide_pages, narrowest) == 1


SMALL = """least => [...document.querySelectorAll("a, button, input, select, textarea")]
  .filter(e => !e.closest("p:not(.acts), td, dd, .card p, .skip, .time, .option"))
  .map(e => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])
  .filter(([html, box]) => box.width > 0 && Math.min(box.width, box.height) < least)
  .map(([html]) => html)"""

COVERED = """() => {
  const focused = document.activeElement, bar = document.querySelector(".bottom");
  if (focused === document.body || focused.closest(".bottom, .foot")) return [];
  const box = focused.getBoundingClientRect();
  const depth = Math.min(box.bottom, box.top + 48); // of a long text, its first line
  return depth > bar.getBoundingClientRect().top + 1 ? [focused.outerHTML] : [];
}"""

UNDER = """() => {
  const bar = document.querySelector(".stay"), box = bar.getBoundingClientRect();
  const colour = e => getComputedStyle(e).backgroundColor;
  return [box.left, innerWidth - box.right, getComputedStyle(bar).position,
          colour(bar) !== colour(document.documentElement)];
}"""

# Text colour and the ground behind it, of everything that shows words.
COLOURS = """() => {
  const ground = e => {
    const colour = getComputedStyle(e).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" && e.parentElement
      ? ground(e.parentElement) : colour;
  };
  const words = [...document.body.querySelectorAll("*")].filter(e => e.offsetParent
    && e.matches(":not(input, select, textarea, .visually-hidden)")
    && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  return [...new Set(words.map(e => `${getComputedStyle(e).color} on ${ground(e)}`))];
}"""

# How far the last fact of each row ends before the box that holds them all.
FACT_GAPS = """() => {
  const ends = new Map(), box = document.querySelector(".facts");
  for (const fact of box.children) {
    const {top, right} = fact.getBoundingClientRect();
    ends.set(top, Math.max(right, ends.get(top) ?? 0));
  }
  return [...ends.values()].map(
    end => Math.round(box.getBoundingClientRect().right - end));
}"""

# Words that stand in two lines. Only a hyphen of their own may part them.
BROKEN = """selector => {
  const found = [], range = document.createRange();
  for (const e of document.querySelectorAll(selector)) {
    const texts = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      for (const word of texts.currentNode.data.matchAll(/[^\\s-]+/g)) {
        range.setStart(texts.currentNode, word.index);
        range.setEnd(texts.currentNode, word.index + word[0].length);
        const tops = [...range.getClientRects()].map(box => Math.round(box.top));
        if (new Set(tops).size > 1) found.push(word[0]);
      }
    }
  }
  return found;
}"""

LOUD = "h1, h2, h3, .name, .button"

# How many times as wide as what stands beside it the text is; 0 where it stands above.
BESIDE = """() => {
  const [text, aside] = document.querySelector(".split").children;
  const one = text.getBoundingClientRect(), other = aside.getBoundingClientRect();
  return one.right <= other.left ? Math.round(one.width / other.width) : 0;
}"""

PRESS_TWICE = """() => {
  const form = document.querySelector("form[method=post]"), sent = [];
  addEventListener("submit", event => {
    sent.push(!event.defaultPrevented);
    event.preventDefault();
  });
  form.requestSubmit();
  form.requestSubmit();
  return sent;
}"""


@pytest.mark.urls("tests.styleguide_urls")
def test_nothing_to_press_is_small(styleguide_pages: dict[str, str]) -> None:
    def small(browser_page: Page) -> list[str]:
        browser_page.goto(f"{HOST}/styleguide/")
        found: list[str] = browser_page.evaluate(SMALL, 24)
        controls = browser_page.locator(".button, .option, .time, .field > input")
        found += [
            f"{control.inner_text()} is {box['height']} px high"
            for control in controls.all()
            if (box := control.bounding_box()) and box["height"] < 48
        ]
        return found

    assert look(styleguide_pages, small, width=320) == []


@pytest.mark.urls("tests.styleguide_urls")
def test_words_stay_whole_and_fit_a_phone_twice_as_large(
    styleguide_pages: dict[str, str],
) -> None:
    def lost(browser_page: Page) -> list[str]:
        browser_page.goto(f"{HOST}/styleguide/")
        found: list[str] = browser_page.evaluate(BROKEN, f"{LOUD}, .option")
        browser_page.add_style_tag(content="html { font-size: 225% }")
        found += browser_page.evaluate(BROKEN, f"{LOUD}, .option")
        found += browser_page.locator(".phone bdi").evaluate_all(
            "all => all.filter(e => e.getClientRects().length > 1).map(String)"
        )
        found += browser_page.evaluate(
            "[...document.querySelectorAll('header *, main .split *, .foot *')]"
            ".filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
            ".filter(e => !e.closest('svg, table, .visually-hidden'))"
            ".map(e => e.outerHTML.slice(0, 90))"
        )
        return found

    assert look(styleguide_pages, lost, width=320) == []


# How far the nearest two of these stand apart, one below the other.
APART = """all => Math.min(...all.slice(1).map((e, n) =>
  Math.round(e.getBoundingClientRect().top - all[n].getBoundingClientRect().bottom)))"""


@pytest.mark.urls("tests.styleguide_urls")
def test_what_is_read_on_a_phone_stands_apart(
    styleguide_pages: dict[str, str],
) -> None:
    def read(browser_page: Page) -> list[Any]:
        browser_page.goto(f"{HOST}/styleguide/desk/")
        questions = browser_page.locator(".pairs.said").first.locator("dt")
        facts = browser_page.locator(".facts").first.locator("> div > :first-child")
        found = [
            questions.evaluate_all(APART) >= 4,
            facts.evaluate_all(APART) >= 20,  # the answer stands between them
            browser_page.locator(".compared tbody tr").first.evaluate(
                "row => row.cells[0].clientWidth === row.clientWidth"
            ),
            browser_page.evaluate(BROKEN, ".versions td"),
        ]
        browser_page.evaluate(TWICE_AS_LARGE)
        too_wide = "box => box.scrollWidth > box.clientWidth"
        versions = browser_page.locator(".wide:has(.versions)")
        return [*found, versions.evaluate(too_wide)]

    assert look(styleguide_pages, read, width=320) == [True, True, True, [], False]


FIGURES = """all => all.map(e => [
  getComputedStyle(e.querySelector("tbody tr")).display,
  getComputedStyle(e.querySelector("td"), "::before").content,
  e.scrollWidth > e.clientWidth,
])"""


@pytest.mark.urls("tests.styleguide_urls")
def test_figures_are_read_on_a_phone_without_moving_them(
    styleguide_pages: dict[str, str],
) -> None:
    """Each row is a card with the heads in it, once the table does not fit."""

    def figures(browser_page: Page) -> list[list[Any]]:
        browser_page.goto(f"{HOST}/styleguide/desk/")
        browser_page.locator(".reports summary").click()
        tables = browser_page.locator(".reports .wide")
        chart = browser_page.locator(".reports .card > .chart").first
        found = [chart.is_visible(), tables.evaluate_all(FIGURES)]
        browser_page.evaluate(TWICE_AS_LARGE)
        return [*found, chart.is_visible(), tables.evaluate_all(FIGURES)]

    drawn, small, drawn_large, large = look(styleguide_pages, figures, width=320)
    assert (drawn, drawn_large) == (True, False)  # its words would not fit
    table, visits = ["table-row", "none", False], ["block", '"Visits:\u00a0"', False]
    booked = ["block", '"Booked:\u00a0"', False]
    assert small == [table, booked, table]
    assert large == [visits, booked, visits]


@pytest.mark.urls("tests.styleguide_urls")
@pytest.mark.parametrize(
    ("path", "links"), [("/styleguide/", ".top nav a"), ("/admin/", ".bar a")]
)
def test_forced_colours_mark_the_current_page_alone(
    styleguide_pages: dict[str, str], path: str, links: str
) -> None:
    def lines(browser_page: Page) -> list[str]:
        browser_page.emulate_media(forced_colors="active")
        browser_page.goto(f"{HOST}{path}")
        found: list[str] = browser_page.locator(links).evaluate_all(
            "links => links.map((link, n) => {"
            " link.removeAttribute('aria-current');"
            " if (n === 1) link.setAttribute('aria-current', 'page');"
            " return getComputedStyle(link).borderBottomColor; })"
        )
        return found

    first, current, *others = look(styleguide_pages, lines)
    assert {first, *others} == {"rgb(255, 255, 255)"}
    assert current != first


# What shows no edge of its own, where a ground alone would not show (for a file the
# browser draws a button, which has one); and what shows no focus, where shadows do not.
NO_EDGE = """() => [...document.querySelectorAll(
    ".button, input, select, textarea, .card, .note, .care, .option, .time span")]
  .filter(e => e.offsetParent && e.offsetWidth > 1 && getComputedStyle(e).opacity > 0)
  .filter(e => !e.matches(".visually-hidden, [type=checkbox], [type=radio]"))
  .filter(e => e.type !== "file")
  .filter(e => !e.matches(".time span") || getComputedStyle(
    e.parentElement.querySelector("input")).appearance === "none")
  .filter(e => {
    const style = getComputedStyle(e);
    return style.outlineStyle === "none" && style.forcedColorAdjust !== "none"
      && (style.borderBlockEndStyle === "none"
        || style.borderBlockEndColor === style.backgroundColor);
  }).map(e => e.outerHTML.slice(0, 120))"""
NO_FOCUS = """() => [...document.querySelectorAll(
    "a[href], button, input, select, textarea")]
  .filter(e => e.offsetParent && e.checkVisibility() && !e.closest("[inert]"))
  .filter(e => !e.disabled && e.type !== "hidden").filter(e => {
    e.focus({focusVisible: true});
    return ![e, ...e.parentElement.querySelectorAll("span")].some(
      one => parseFloat(getComputedStyle(one).outlineWidth) >= 2
        && getComputedStyle(one).outlineStyle !== "none");
  }).map(e => e.outerHTML.slice(0, 120))"""


@pytest.mark.urls("tests.styleguide_urls")
def test_forced_colours_keep_edges_and_focus(styleguide_pages: dict[str, str]) -> None:
    def unseen(browser_page: Page) -> list[str]:
        browser_page.emulate_media(forced_colors="active", reduced_motion="reduce")
        found: list[str] = []
        for path in ("/styleguide/", *GUIDES_OF_DESK):
            browser_page.goto(f"{HOST}{path}")
            found += browser_page.evaluate(NO_EDGE)
            found += browser_page.evaluate(NO_FOCUS)
        return found

    assert look(styleguide_pages, unseen) == []


@pytest.mark.urls("tests.styleguide_urls")
def test_the_page_is_filled_at_each_width(styleguide_pages: dict[str, str]) -> None:
    """The last row of facts has no hole; on a wide screen the phone stands beside."""
    beside = []

    def gaps(browser_page: Page) -> list[list[int]]:
        found = []
        for width in (320, 480, 768):
            browser_page.set_viewport_size({"width": width, "height": 900})
            browser_page.goto(f"{HOST}/styleguide/")
            found.append(browser_page.evaluate(FACT_GAPS))
            beside.append(browser_page.evaluate(BESIDE))
        browser_page.set_viewport_size({"width": 1280, "height": 900})
        beside.append(browser_page.evaluate(BESIDE))
        return found

    assert look(styleguide_pages, gaps) == [[1, 1, 1], [1, 1], [1, 1]]  # its border
    assert beside == [0, 0, 0, 2]


@pytest.mark.urls("tests.styleguide_urls")
def test_the_bar_at_the_foot_never_covers_what_has_focus(
    styleguide_pages: dict[str, str],
) -> None:
    def covered(browser_page: Page) -> list[str]:
        browser_page.goto(f"{HOST}/styleguide/")
        found = []
        for _ in range(70):
            browser_page.keyboard.press("Tab")
            found += browser_page.evaluate(COVERED)
        return found

    assert look(styleguide_pages, covered, width=360) == []


@pytest.mark.urls("tests.styleguide_urls")
def test_the_bar_at_the_foot_gives_way_to_large_text(
    styleguide_pages: dict[str, str],
) -> None:
    """Twice as large, it would cover a third of a phone: there it ends the page."""

    def in_sight(browser_page: Page) -> list[bool]:
        browser_page.goto(f"{HOST}/styleguide/")
        bar = browser_page.locator(".bottom")
        found = []
        for change in ("() => {}", TWICE_AS_LARGE):
            browser_page.evaluate(change)
            top = bar.evaluate("bar => bar.getBoundingClientRect().top / innerHeight")
            found.append(top < 1)
        return found

    assert look(styleguide_pages, in_sight, width=320) == [True, False]


@pytest.mark.urls("tests.styleguide_urls")
def test_what_passes_below_the_button_of_the_times_goes_under_a_bar(
    styleguide_pages: dict[str, str],
) -> None:
    # From edge to edge and on a ground of its own, or a tile looks cut off there.
    def bar(browser_page: Page) -> list[str | float]:
        browser_page.goto(f"{HOST}/styleguide/")
        found: list[str | float] = browser_page.evaluate(UNDER)
        return found

    for width in (320, 360):
        assert look(styleguide_pages, bar, width=width) == [0, 0, "sticky", True]


@pytest.mark.urls("tests.styleguide_urls")
def test_pages_print_black_on_white_also_from_a_dark_screen(
    styleguide_pages: dict[str, str],
) -> None:
    def printed(browser_page: Page) -> list[str]:
        browser_page.emulate_media(media="print", color_scheme="dark")
        browser_page.goto(f"{HOST}/styleguide/")
        colours: list[str] = browser_page.evaluate(COLOURS)
        return colours

    black_on_white = ["rgb(0, 0, 0) on rgb(255, 255, 255)"]
    assert look(styleguide_pages, printed) == black_on_white


@pytest.mark.urls("tests.styleguide_urls")
def test_an_error_summary_has_the_focus_and_leads_to_the_control(
    styleguide_pages: dict[str, str],
) -> None:
    def follow(browser_page: Page) -> list[str]:
        browser_page.goto(f"{HOST}/styleguide/")
        first = browser_page.evaluate("document.activeElement.className")
        browser_page.get_by_role("link", name="Choose how we should").click()
        return [first, browser_page.evaluate("document.activeElement.id")]

    assert look(styleguide_pages, follow) == ["note alert problem", "id_reach_0"]


# Whether there are tiles, and how many grow when chosen, just as wide as their words.
GROWN = """() => {
  const free = [...document.querySelectorAll(".time input:enabled:not(:checked)")];
  return [free.length > 0, free.filter(input => {
    const tile = input.parentElement;
    tile.style.inlineSize = "max-content";
    tile.style.inlineSize = `${tile.offsetWidth + 1}px`;
    const before = tile.offsetHeight;
    input.checked = true;
    return tile.offsetHeight !== before;
  }).length];
}"""


@pytest.mark.urls("tests.styleguide_urls")
def test_no_tile_grows_when_its_time_is_chosen(
    styleguide_pages: dict[str, str],
) -> None:
    def choose(browser_page: Page) -> list[int]:
        browser_page.goto(f"{HOST}/styleguide/")
        grown: list[int] = browser_page.evaluate(GROWN)
        return grown

    assert look(styleguide_pages, choose) == [True, 0]


@pytest.mark.urls("tests.styleguide_urls")
def test_a_second_press_sends_no_second_form(styleguide_pages: dict[str, str]) -> None:
    def press_twice(browser_page: Page) -> list[bool]:
        browser_page.goto(f"{HOST}/styleguide/")
        sent: list[bool] = browser_page.evaluate(PRESS_TWICE)
        return sent

    assert look(styleguide_pages, press_twice) == [True, False]


def test_words_for_a_search_stay_when_the_language_changes() -> None:
    """Once: whoever comes there otherwise finds an empty box."""
    pages = {"/": page("404.html", clinic=DEMO)}
    with override("es"):
        pages["/es/"] = page("404.html", clinic=DEMO)

    def change_language(browser_page: Page) -> list[str]:
        def box() -> str:
            return browser_page.get_by_role("searchbox").input_value()

        browser_page.goto(f"{HOST}/")
        browser_page.get_by_role("searchbox").fill("nerve test")
        browser_page.get_by_role("link", name="Español").click()
        browser_page.wait_for_url(f"{HOST}/es/")
        kept = browser_page.evaluate("sessionStorage.length")
        found = [box(), str(kept)]
        browser_page.goto(f"{HOST}/")
        return [*found, box()]

    assert look(pages, change_language) == ["nerve test", "0", ""]


def component(name: str, **context: Any) -> str:
    return " ".join(render_to_string(f"components/{name}.html", context).split())


def test_a_time_is_a_short_tile_to_the_eye_and_a_sentence_to_the_ear() -> None:
    day, closed = styleguide.sample_days()
    html = component("day", day=day)
    assert "<legend>Tuesday, November 24</legend>" in html
    assert (
        '<input type="radio" name="slot" value="10:15 AM" id="id_slot_1" '
        'aria-label="Tuesday, November 24, 10:15 AM, 30 minutes" checked>'
        '<span aria-hidden="true">10:15 AM</span></label>'
    ) in html
    assert html.count("disabled") == 1
    assert component("day", day=closed) == (
        '<div class="none"> <h2>Thursday, November 26</h2> <p class="why">'
        "Closed for Thanksgiving. The next free day is Monday, November 30.</p> </div>"
    )


def test_each_change_link_says_what_it_changes() -> None:
    answers = [
        {"label": "Email", "value": "<ada>", "change_url": "/book/about-you/"},
        {"label": "Interpreter", "value": ""},
    ]
    assert component("summary_list", answers=answers) == (
        '<dl class="answers"> <div> <dt>Email</dt> <dd>&lt;ada&gt;</dd> '
        '<dd class="change"><a href="/book/about-you/">Change'
        '<span class="visually-hidden"> Email</span></a></dd> </div> '
        "<div> <dt>Interpreter</dt> <dd>Not provided</dd> </div> </dl>"
    )


def test_the_911_card_is_not_there_without_a_reason() -> None:
    assert component("care_card", reasons=[]) == ""
    assert "<li>Chest pain</li>" in component("care_card", reasons=["Chest pain"])
