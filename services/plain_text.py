"""Staff's Markdown as one line of words."""

from functools import lru_cache

from markdown_it import MarkdownIt

COMMONMARK = MarkdownIt("commonmark").enable("table")
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
        for block in COMMONMARK.parse(markdown)
        if block.type == "inline"
    ]
    return " ".join(" ".join(blocks).split())
