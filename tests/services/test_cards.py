"""The picture that stands for a page where somebody shares a link to it."""

import re
from io import BytesIO

import pytest
from django.conf import settings
from django.test import Client
from django.utils.translation import override
from PIL import Image

from services import cards
from services.cards import Card
from services.models import Clinic, Page, Service

from .test_pages import EVERY_PATH, TPI

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]

NAME = "43rd St. Physical Medicine & Rehabilitation"


def said(client: Client, path: str) -> dict[str, str]:
    """Return what a page says to who shares it."""
    html = client.get(path).content.decode()
    return dict(
        re.findall(r'<meta (?:property|name)="(\w+:[\w:]+)" content="(.*?)">', html)
    )


def picture(client: Client, url: str) -> Image.Image:
    response = client.get(url.removeprefix(settings.SITE_URL))
    assert response.status_code == 200
    return Image.open(BytesIO(response.content))


@pytest.mark.usefixtures("content")
@pytest.mark.parametrize("prefix", ["", "/es"])
def test_every_public_page_has_a_card(client: Client, prefix: str):
    for path in EVERY_PATH:
        tags = said(client, prefix + path)
        assert tags["og:url"] == f"{settings.SITE_URL}{prefix}{path}"
        assert tags["og:title"]
        assert tags["og:description"]
        assert tags["og:title"] in tags["og:image:alt"]
        size = int(tags["og:image:width"]), int(tags["og:image:height"])
        shown = picture(client, tags["og:image"])
        assert (shown.size, shown.format) == (size, "PNG")


@pytest.mark.usefixtures("content")
def test_a_card_may_be_kept_until_the_page_has_another_title(client: Client):
    before = said(client, TPI)["og:image"]
    path = before[before.index("/cards/") :]
    kept = client.get(path)
    assert "immutable" in kept["Cache-Control"]
    Service.objects.filter(slug=TPI.split("/")[-2]).update(name="Another name")
    after = said(client, TPI)["og:image"]
    assert after != before
    moved = client.get(path)
    assert moved.status_code == 302
    assert after.endswith(moved["Location"])
    assert client.get(moved["Location"]).content != kept.content


@pytest.mark.usefixtures("content")
def test_pages_of_other_sites_may_show_a_card(client: Client):
    path = said(client, TPI)["og:image"].removeprefix(settings.SITE_URL)
    for card in (client.get(path), client.get(f"{path[:-6]}0.png")):
        assert card["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.mark.usefixtures("content")
def test_nobody_else_has_one(client: Client):
    assert "og:image" not in said(client, "/book/")
    assert "og:image" not in said(client, "/appointment/find/")
    assert "og:image" not in said(client, "/no-such-page/")
    Page.objects.filter(slug="privacy-practices").update(is_published=False)
    for name in (
        "page/privacy-practices",
        "page/none",
        "service/none",
        "none",
        "service/team",
    ):
        assert client.get(f"/cards/{name}/0.png").status_code == 404


def drawn(**parts: str) -> Image.Image:
    words = {"name": "page", "slug": "", "title": "", "clinic": NAME}
    card = Card(**{**words, "direction": "ltr", **parts})  # type: ignore[arg-type]
    return Image.open(BytesIO(cards.drawn(card))).convert("RGB")


@pytest.mark.parametrize(
    "title",
    ["EMG", "Trigger point injections", "Nervenleitungsgeschwindigkeit" * 4,
     "A title of many words that goes on and on and would fill a page " * 4],
    ids=["short", "usual", "one word", "endless"],
)  # fmt: skip
def test_a_title_stays_within_the_card(title: str):
    ink = drawn(title=title, clinic="").crop((0, 180, cards.WIDTH, cards.HEIGHT - 30))
    left, top, right, _bottom = ink.point(
        lambda level: 255 if level < 128 else 0
    ).getbbox()
    assert left >= cards.MARGIN - 2
    assert right <= cards.WIDTH - cards.MARGIN + 2
    assert top > 0


def test_letters_that_the_font_has_not_are_left_out():
    blank = drawn(title="", direction="rtl")
    arabic = drawn(title="العلاج", direction="rtl")
    assert arabic.tobytes() == blank.tobytes()
    assert drawn(title="Atención médica").tobytes() != drawn(title="").tobytes()


def test_a_card_reads_from_the_side_that_its_language_begins_at():
    with override("ar"):
        assert cards.of("team", None, Clinic(name=NAME)).direction == "rtl"
    right = drawn(title="EMG", direction="rtl")
    assert right.getpixel((cards.WIDTH - cards.MARGIN - 9, cards.MARGIN + 9)) != (
        right.getpixel((cards.MARGIN + 9, cards.MARGIN + 9))
    )
