"""The card that is shown where somebody shares a link to a public page (Open Graph).

It is drawn when it is asked for, from what the page says, and stored nowhere here: its
address has a digest of what it shows, so whoever got it once may keep it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Literal

from django.urls import reverse
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _
from PIL import Image, ImageDraw, ImageFont, ImageOps

from . import translation
from .models import Clinic, Page, Service

# What the sites that show them ask for, in pixels.
SIZE = WIDTH, HEIGHT = 1200, 630
MARGIN = 84
LINES = 3
LINE_HEIGHT = 1.2
# Where the last line of a title stands, and how far up the first may reach.
BASELINE, ROOM = HEIGHT - 190, 262
SPACE = WIDTH - 2 * MARGIN
SIZES_OF_TITLES = (92, 80, 70, 60, 52)
# Noto Serif Bold, cut down to Latin letters; its license is beside it.
FONT = Path(__file__).parent / "fonts" / "NotoSerif-Bold-Latin.ttf"
# Those of static/css/tokens.css in light.
PAPER, INK, BRAND, MARK = "#fbf9f4", "#12262c", "#0a5354", "#ffc24a"
# The line of the clinic's sign, in a square of 34.
PULSE = ((4, 19), (10, 19), (12, 10), (16, 26), (20, 13), (22, 19), (30, 19))
# What comes after it, to the edge of the card and over it.
WAVE = (
    (44, 19), (208, 19), (212, 17), (215, 22), (219, 4), (224, 32), (228, 12),
    (231, 21), (234, 19), (520, 19),
)  # fmt: skip
SIGN = 76
# Pillow draws no smooth edges; a picture made smaller has them.
FINER = 3


@dataclass(frozen=True, slots=True)
class Card:
    """What a card shows."""

    name: str  # of the page's URL
    slug: str  # of what it shows, "" where the name is enough
    title: str
    clinic: str  # "" where that is the title
    direction: Literal["ltr", "rtl"]

    @property
    def digest(self) -> str:
        """Return what tells this card from others; a new drawing is a new `v`."""
        return sha256(repr(("v1", *astuple(self))).encode()).hexdigest()[:16]

    @property
    def path(self) -> str:
        """Return where it is, in the language at hand."""
        parts = {"slug": self.slug} if self.slug else {}
        parts |= {"name": self.name, "digest": self.digest}
        return reverse("services:card", kwargs=parts)

    @property
    def words(self) -> str:
        """Return what stands on it, for who cannot see it."""
        return " – ".join(filter(None, (self.title, self.clinic)))


def of_page(name: str, slug: str) -> Card | None:
    """Return the card of a public page, in the language at hand; None if it is none.

    `name` is that of the page's URL; `slug` is empty where that is enough.
    """
    clinic = Clinic.objects.first()
    this: Service | Page | None = None
    if name == "service":
        this = Service.objects.published().filter(slug=slug).first()
    elif name == "page":
        this = Page.objects.published().filter(slug=slug).first()
    translation.say([this] if this else [])
    is_known = this is not None or not slug
    return of(name, this, clinic) if clinic and is_known else None


def of(name: str, this: Service | Page | None, clinic: Clinic) -> Card | None:
    """Return the card of a page of that name that shows `this`, None if it has none."""
    title = str(this) if this else _titles(clinic).get(name)
    if not title:
        return None
    under = "" if clinic.name == title else clinic.name
    slug = this.slug if this else ""
    return Card(name, slug, title, under, "rtl" if get_language_bidi() else "ltr")


def _titles(clinic: Clinic) -> dict[str, str]:
    return {
        "home": clinic.name,
        "service_list": _("Treatments and tests"),
        "team": _("Our team"),
        "visit_us": _("Visit us"),
    }


@lru_cache(maxsize=64)
def drawn(card: Card) -> bytes:
    """Return the card as a PNG, in a tenth of a second; the last ones are kept."""
    picture = Image.new("RGB", SIZE, PAPER)
    right_to_left = card.direction == "rtl"
    top = _top()
    picture.paste(ImageOps.mirror(top) if right_to_left else top, (0, MARGIN))
    draw = ImageDraw.Draw(picture)
    side = WIDTH - MARGIN if right_to_left else MARGIN
    anchor = "r" if right_to_left else "l"

    def write(text: str, size: float, y: float, colour: str) -> None:
        draw.text(
            (side, y), text, colour, ImageFont.truetype(FONT, size),
            anchor=f"{anchor}s", direction=card.direction,
        )  # fmt: skip

    if _has_letters_for(card.title):
        size, lines = _set(card.title)
        lowest = BASELINE if card.clinic else BASELINE + 60
        for number, line in enumerate(reversed(lines)):
            write(line, size, lowest - number * size * LINE_HEIGHT, INK)
    if _has_letters_for(card.clinic):
        write(card.clinic, _size_for(card.clinic, (34, 30, 26)), HEIGHT - 72, BRAND)
    draw.rectangle((0, HEIGHT - 18, WIDTH, HEIGHT), BRAND)
    draw.rectangle((0, HEIGHT - 24, WIDTH, HEIGHT - 19), MARK)
    file = BytesIO()
    picture.quantize(64, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def _top() -> Image.Image:
    """Return the clinic's sign, as static/favicon.svg has it, and the wave after it."""
    scale = SIGN * FINER / 34
    top = Image.new("RGB", (WIDTH * FINER, SIGN * FINER), PAPER)
    draw = ImageDraw.Draw(top)

    def line(points: Sequence[tuple[float, float]], colour: str, width: float) -> None:
        """Draw it as SVG does with round joins; `points` are in units of the sign."""
        placed = [(MARGIN * FINER + x * scale, y * scale) for x, y in points]
        draw.line(placed, colour, round(width * scale), joint="curve")
        for x, y in placed[:1] + placed[-1:]:
            draw.circle((x, y), width / 2 * scale, colour)

    left, right = MARGIN * FINER, (MARGIN + SIGN) * FINER - 1
    draw.rounded_rectangle((left, 0, right, top.height - 1), 8 * scale, BRAND)
    line(PULSE, MARK, 2.4)
    line(WAVE, BRAND, 0.9)
    return top.resize((WIDTH, SIGN), Image.Resampling.LANCZOS)


def _set(title: str) -> tuple[int, list[str]]:
    """Return the largest size at which a title fits, and its lines then.

    What is too long for the smallest ends in an ellipsis.
    """
    for size in SIZES_OF_TITLES:
        lines = list(_lines(title, size))
        height = (len(lines) - 1) * size * LINE_HEIGHT + 0.8 * size
        if height <= ROOM and all(_length(line, size) <= SPACE for line in lines):
            return size, lines
    if len(lines) > LINES:
        lines[LINES - 1] += " …"
    return size, [_cut(line, size) for line in lines[:LINES]]


def _cut(line: str, size: int) -> str:
    """Shorten a line until it fits, as one with a very long word does not."""
    while _length(line, size) > SPACE:
        line = f"{line.rstrip('…')[:-1].rstrip()}…"
    return line


def _lines(text: str, size: int) -> Iterator[str]:
    """Break a text between words where a line is full."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and _length(longer, size) > SPACE:
            yield line
            longer = word
        line = longer
    yield line


def _size_for(text: str, sizes: tuple[int, ...]) -> int:
    fitting = (size for size in sizes if _length(text, size) <= SPACE)
    return next(fitting, sizes[-1])


def _length(text: str, size: int) -> float:
    return ImageFont.truetype(FONT, size).getlength(text)


def _has_letters_for(text: str) -> bool:
    """Tell whether the font can write it; a card without a title beats one of boxes."""
    font = ImageFont.truetype(FONT, 20)
    none = _ink(font, "\uffff")
    return all(_ink(font, letter) != none for letter in set(text) - {" "})


def _ink(font: ImageFont.FreeTypeFont, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)
