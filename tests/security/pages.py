"""Reading pages as a browser does: which forms there are, and what they would send."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from django.http import HttpResponse

Fields = dict[str, list[str]]


@dataclass
class Form:
    """A form that posts: its address, every name it can send, and what is filled in.

    `choices` gives each name a value that the form itself offers, "" for free text.
    """

    address: str
    filled_in: Fields = field(default_factory=dict)
    choices: dict[str, str] = field(default_factory=dict)


def text_on(response: HttpResponse) -> str:
    """Return the text of an answer; a file has none to look at."""
    is_file = response.streaming or response.get("Content-Type") == "application/pdf"
    return "" if is_file else response.text


def forms_on(text: str, address: str) -> list[Form]:
    """Return the forms of the page that post."""
    reader = Reader(address)
    reader.feed(text)
    return reader.forms


class Reader(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.forms: list[Form] = []
        self.form: Form | None = None
        self.select = ""
        self.textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.form = None
            if said.get("method", "").lower() == "post":
                there = urljoin(self.address, said.get("action", ""))
                self.form = Form(urlsplit(there).path)
                self.forms.append(self.form)
        elif self.form is None:
            return
        elif tag == "option" and self.select:
            self.offer(self.select, said.get("value", ""), "selected" in said)
        elif name := said.get("name", ""):
            self.field(tag, name, said)

    def field(self, tag: str, name: str, said: dict[str, str]) -> None:
        assert self.form is not None
        if tag == "select":
            self.select = name
            self.form.choices.setdefault(name, "")
        elif tag == "textarea":
            self.textarea = name
            self.offer(name, "", True)
        elif tag == "button" or said.get("type") == "submit":
            self.offer(name, said.get("value", ""), False)
        elif said.get("type") in ("radio", "checkbox"):
            self.offer(name, said.get("value", "on"), "checked" in said)
        else:
            self.offer(name, said.get("value", ""), True)

    def offer(self, name: str, value: str, sends: bool) -> None:
        assert self.form is not None
        self.form.choices[name] = self.form.choices.get(name) or value
        if sends:
            self.form.filled_in.setdefault(name, []).append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.select = ""
        elif tag == "textarea":
            self.textarea = ""
        elif tag == "form":
            self.form = None

    def handle_data(self, data: str) -> None:
        if self.textarea and self.form is not None:
            self.form.filled_in[self.textarea][-1] += data
