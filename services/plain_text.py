"""Staff's Markdown as one line of words, and without the blocks of the design."""

import re
from functools import lru_cache
from itertools import pairwise

from django.utils.translation import gettext_lazy as _
from markdown_it import MarkdownIt

from .spoken_languages import SPOKEN

COMMONMARK = MarkdownIt("commonmark").enable("table")
# Where a block of the design begins, with its name and perhaps a heading, and where it
# ends.
FENCE = re.compile(r"^::: *(?:([\w-]+)(?: +(\S.*?))?)? *$", re.MULTILINE)
# What a block says where staff gave it no heading. Colour alone would not tell what to
# do from what not to do.
HEADINGS = {"call-911": _("Call 911 now if:"), "do": _("Do"), "dont": _("Do not")}
BREAKS = ("softbreak", "hardbreak")
# The end of a link to a heading of a page's text, by its number from 1.
PART = "part-{}"


def without_blocks(markdown: str) -> str:
    """Return the text with each block of the design as a heading and what it holds."""
    return FENCE.sub(lambda f: f"\n{f[2] or _of_block(f[1])}\n", markdown)


def _of_block(kind: str | None) -> str:
    if kind == "languages":
        return "; ".join(map(str, SPOKEN))
    return str(HEADINGS.get(kind or "", ""))


def plain_text(markdown: str) -> str:
    """Return the words of a text, its paragraphs and items one after the other."""
    return _words(without_blocks(markdown))


def parts(markdown: str) -> list[tuple[str, str]]:
    """Return a text in parts: each heading of the second order, and what is below it.

    The first has no heading, and is what stands before all of them.
    """
    text = without_blocks(markdown.replace("\r\n", "\n"))
    lines, tokens = text.split("\n"), COMMONMARK.parse(text)
    found = [("", 0, 0)]
    for token, inside in pairwise(tokens):
        if token.type == "heading_open" and token.tag == "h2" and token.map:
            begins, after = token.map
            found.append((_words(inside.content), begins, after))
    ends = [begins for _heading, begins, _ends in found[1:]] + [len(lines)]
    return [
        (heading, "\n".join(lines[after:end]))
        for (heading, _begins, after), end in zip(found, ends, strict=True)
    ]


def first_list(markdown: str) -> list[str]:
    """Return the words of each item of the first list in a text; [] without one."""
    items: list[str] = []
    for block in COMMONMARK.parse(without_blocks(markdown)):
        if block.type in ("bullet_list_close", "ordered_list_close"):
            break
        if block.type == "list_item_open":
            items.append("")
        elif block.type == "inline" and items:
            items[-1] = f"{items[-1]} {_words(block.content)}".strip()
    return items


@lru_cache(maxsize=100)
def _words(markdown: str) -> str:
    blocks = [
        "".join(
            " " if token.type in BREAKS else token.content
            for token in block.children or []
            if token.type in ("text", "code_inline", *BREAKS)
        )
        for block in COMMONMARK.parse(markdown)
        if block.type == "inline"
    ]
    return " ".join(" ".join(blocks).split())
