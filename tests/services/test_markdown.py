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
        ("[a](JaVaScRiPt:alert(1))", "<p>[a](JaVaScRiPt:alert(1))</p>\n"),
        ("[a](data:text/html,x)", "<p>[a](data:text/html,x)</p>\n"),
        (
            '<a href="&#106;ava\nscript:alert(1)">a</a>',
            '<p><a rel="noopener noreferrer">a</a></p>\n',
        ),
        ('<details open ontoggle="x()">a</details>', "a"),
        ('<base href="//a.example"><meta http-equiv="refresh">a', "a"),
        ("# Big", "Big\n"),
    ],
)
def test_what_could_act_is_dropped(typed: str, shown: str) -> None:
    assert markdown(typed) == shown


def test_lines_are_the_lines_that_say_something() -> None:
    assert lines("one\n\n  two \r\n") == ["one", "two"]


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (
            "One\r\n\r\n::: warning Take <care>\r\n- a\r\n:::\r\nTwo",
            '<p>One</p>\n<div class="note"><h3>Take &lt;care&gt;</h3>'
            "<ul>\n<li>a</li>\n</ul>\n</div>\n<p>Two</p>\n",
        ),
        (
            "::: call-911\n- a\n:::",
            '<div class="care"><h3>Call 911 now if:</h3>'
            "<ul>\n<li>a</li>\n</ul>\n</div>\n",
        ),
        (
            "::: do Do\na\n:::\n::: dont Do not\nb\n:::",
            '<div class="note"><h3>Do</h3><p>a</p>\n</div>\n'
            '<div class="note alert"><h3>Do not</h3><p>b</p>\n</div>\n',
        ),
        (
            "::: more How\n**a**\n:::",
            "<details><summary>How</summary><p><strong>a</strong></p>\n</details>\n",
        ),
        ("::: more\na\n:::", "<p>a</p>\n"),
        ("::: warning\n<script>1</script>\n:::", '<div class="note">\n</div>\n'),
        (
            "::: dont <img src=x>\n[a](javascript:x)"
            '<span onclick="x" style="y">b</span>\n:::',
            '<div class="note alert"><h3>&lt;img src=x&gt;</h3>'
            "<p>[a](javascript:x)<span>b</span></p>\n</div>\n",
        ),
        (
            '::: more "><script>1</script>\na\n:::',
            "<details><summary>&quot;&gt;&lt;script&gt;1&lt;/script&gt;</summary>"
            "<p>a</p>\n</details>\n",
        ),
        ("::: do\n</div><b>a", "<p>::: do</p>\na"),
        ("::: other\na\n:::", "<p>::: other\na\n:::</p>\n"),
    ],
)
def test_blocks_of_the_design_have_signs_around_them(typed: str, shown: str) -> None:
    assert markdown(typed) == shown
