"""What a text of staff may hold, how that is typed, and what patients would not see."""

import re
from html.parser import HTMLParser

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .house_style import Flag
from .plain_text import COMMONMARK

# Raw HTML passes through Markdown so that a word can carry its language (lang, dir);
# what a page may hold is decided by the allow-list alone.
TAGS = {
    "p", "br", "ul", "ol", "li", "strong", "em", "a", "h2", "h3", "h4",
    "blockquote", "table", "thead", "tbody", "tr", "th", "td", "span",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "lang", "dir"},
    **{tag: {"lang", "dir"} for tag in ("span", "p", "li")},
}
SCHEMES = {"http", "https", "mailto", "tel"}
# A block of the design: its name, a heading, and the Markdown inside, up to a line that
# ends it. One that nothing ends stays text.
BLOCK = re.compile(
    r"^::: *(warning|call-911|do|dont|more|languages)(?: +(\S.*?))? *\n(.*?)^::: *$\n?",
    re.M | re.S,
)
# What there is for a text, each as it is typed; the editor's buttons put in the same.
WAYS = [
    (
        _("Important words, a link"),
        _("**Keep taking your medicines.** [How to find us](/visit-us/)"),
    ),
    (_("A heading in a text"), _("### What to bring")),
    (_("A list"), _("- a fall\n- a blow")),
    (_("Steps"), _("1. We clean your skin.\n2. A thin needle goes in.")),
    (
        _("A warning"),
        _("::: warning Take care\nThe place may stay numb for some hours.\n:::"),
    ),
    (_("When to call 911"), _("::: call-911\n- you have chest pain\n:::")),
    (_("What to do"), _("::: do Do\n- keep moving gently\n:::")),
    (_("What not to do"), _("::: dont Do not\n- lift heavy things\n:::")),
    (
        _("More, for who wants to open it"),
        _("::: more How it works\nThe needle records the signals of the muscle.\n:::"),
    ),
    (
        _(
            "The languages that we can have interpreters of, with our notice in them."
            " Name one below it to leave out its notice, such as Arabic."
        ),
        _("::: languages\n:::"),
    ),
]

_NO_TAG = _(
    "A page has nothing like this: patients read at most the words inside. Leave it"
    " out, or choose one of the ways in “How to write”."
)
_NO_IMAGE = _("A text holds no pictures: patients would not see it. Take it out.")
_NO_HEADING = _(
    "A heading of this size is for the page itself, and becomes plain text. Begin it"
    " with ### instead."
)
_NO_ATTRIBUTE = _("This is left out: the site alone says how its pages look.")
_NO_LINK = _(
    "This is no link that a page may have. Begin its address with / or https://."
)
_NO_BLOCK = _(
    "Patients would read these signs. Begin with the name of a block, such as"
    " “::: warning”, end it with ::: alone in a line, and put none into another."
)
_NO_SUMMARY = _("It has no heading to open it by: write one after “more”.")
_NO_LIST = _(
    "Patients would read this sign within a paragraph. Begin each line of a list with -"
    " and a space, or of steps with 1. and a space."
)
_NO_TABLE = _(
    "The cells of this table would run together. Begin and end its lines with | and put"
    " one between two cells, or write sentences."
)
_REASONS = {"img": _NO_IMAGE, "h1": _NO_HEADING}
_SIGN = re.compile(r"^:::.*$", re.M)
# What other programs put before the lines of a list, and between the cells of a table.
_BULLET = re.compile(r"^[ \t]*(?:[·•‣▪◦●○■□–](?=\s)|[o§üØ](?=\t)).*$", re.M)
_CELLS = re.compile(r"^[ \t]*[^\s\d-][^\t\n]+\t.*$", re.M)
_LINK = re.compile(r"\[[^\]]*\]\([^)]*\)")


class _Reader(HTMLParser):
    """What stands in HTML that the allow-list does not name, and why it should not."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, Promise]] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.found.append((f"<{tag}>", _REASONS.get(tag, _NO_TAG)))
            return
        for name, value in attrs:
            if name not in ATTRIBUTES.get(tag, ()):
                self.found.append((f"{name}=", _NO_ATTRIBUTE))
            elif name == "href" and not leads_on(value or ""):
                self.found.append((value or "href", _NO_LINK))
            elif name == "href":
                self.links.append(value or "")

    def handle_comment(self, data: str) -> None:
        self.found.append(("<!-- -->", _NO_TAG))

    def handle_data(self, data: str) -> None:
        self.found += [(link, _NO_LINK) for link in _LINK.findall(data)]


def leads_on(address: str) -> bool:
    """Tell whether a link may have an address."""
    scheme, colon, _rest = address.partition(":")
    return not colon or "/" in scheme or scheme.lower() in SCHEMES


def links_of(text: str) -> list[str]:
    """Return the address of each link that patients get of a text."""
    reader = _Reader()
    reader.feed(COMMONMARK.render(BLOCK.sub(r"\n\3\n", text.replace("\r\n", "\n"))))
    reader.close()
    return reader.links


def unseen(text: str) -> list[Flag]:
    """Return what patients would not see as it was typed, each once."""
    text = text.replace("\r\n", "\n")
    reader = _Reader()
    for kind, heading, _inside in BLOCK.findall(text):
        if kind == "more" and not heading:
            reader.found.append(("::: more", _NO_SUMMARY))
    inside = BLOCK.sub(r"\n\3\n", text)
    for lines, why in ((_SIGN, _NO_BLOCK), (_BULLET, _NO_LIST), (_CELLS, _NO_TABLE)):
        reader.found += [(line[0].strip(), why) for line in lines.finditer(inside)]
    reader.feed(COMMONMARK.render(inside))
    reader.close()
    return [Flag(words, str(why)) for words, why in dict(reader.found).items()]
