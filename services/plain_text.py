"""Staff's Markdown as one line of words."""

import re
from functools import lru_cache

from markdown_it import MarkdownIt

COMMONMARK = MarkdownIt("commonmark").enable("table")
# Where a block of the design begins, perhaps with a heading, and where it ends.
FENCE = re.compile(r"^::: *(?:[\w-]+(?: +(\S.*?))?)? *$", re.MULTILINE)
BREAKS = ("softbreak", "hardbreak")


@lru_cache(maxsize=100)
def plain_text(markdown: str) -> str:
    """Return the words of a text, its paragraphs and items one after the other."""
    blocks = [
        "".join(
            " " if token.type in BREAKS else token.content
            for token in block.children or []
            if token.type in ("text", "code_inline", *BREAKS)
        )
        for block in COMMONMARK.parse(FENCE.sub(r"\n\1\n", markdown))
        if block.type == "inline"
    ]
    return " ".join(" ".join(blocks).split())
