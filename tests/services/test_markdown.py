"""What staff type becomes plain HTML, and nothing in it can act."""

import pytest

from services.templatetags.content import lines, markdown


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("One\n\nTwo", "<p>One</p>\n<p>Two</p>\n"),
        ("- a\n- **b**", "<ul>\n<li>a</li>\n<li><strong>b</strong></li>\n</ul>\n"),
        ("1. a", "<ol>\n<li>a</li>\n</ol>\n"),
        ("### A", "<h3>A</h3>\n"),
        (
            '<span lang="ar" dir="rtl">العربية</span>',
            '<p><span lang="ar" dir="rtl">العربية</span></p>\n',
        ),
        (
            "[us](/visit-us/)",
            '<p><a href="/visit-us/" rel="noopener noreferrer">us</a></p>\n',
        ),
        (
            "[law](https://a.example)",
            '<p><a href="https://a.example" rel="noopener noreferrer">law</a></p>\n',
        ),
        ("5 < 6 & 7", "<p>5 &lt; 6 &amp; 7</p>\n"),
    ],
)
def test_markdown_becomes_html(typed: str, shown: str) -> None:
    assert markdown(typed) == shown


def test_table_becomes_a_table() -> None:
    assert markdown("|a|\n|-|\n|b|").count("<td>b</td>") == 1


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("<script>alert(1)</script>", ""),
        ("a<img src=x onerror=alert(1)>", "<p>a</p>\n"),
        ("![a](https://example.com/pixel.gif)", "<p></p>\n"),
        ('<p style="position:fixed" onclick="x()">a</p>', "<p>a</p>"),
        (
            '<a href="javascript:alert(1)">a</a>',
            '<p><a rel="noopener noreferrer">a</a></p>\n',
        ),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>\n"),
        (
            '<a href="data:text/html,x">a</a>',
            '<p><a rel="noopener noreferrer">a</a></p>\n',
        ),
        ('<iframe src="https://example.com"></iframe>', ""),
        ('<form action="/x"><input name="q">a</form>', "a"),
        ("<svg><script>1</script></svg>", "<p></p>\n"),
        ('<p id="main" class="button">a</p>', "<p>a</p>"),
        ("# Big", "Big\n"),
    ],
)
def test_what_could_act_is_dropped(typed: str, shown: str) -> None:
    assert markdown(typed) == shown


def test_lines_are_the_lines_that_say_something() -> None:
    assert lines("one\n\n  two \r\n") == ["one", "two"]
