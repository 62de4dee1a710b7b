"""The languages that patients are asked for, and can have an interpreter of.

Source: the twelve languages of New York State's language access policy, of which
Chinese is two to listen to.
"""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _


class Spoken(NamedTuple):
    """A language by the code that HTML has for it, its own name, and what we call it.

    `kept` is what a request keeps of it, for staff.
    """

    code: str
    own: str
    name: Promise
    kept: str
    direction: str = "ltr"

    def __str__(self) -> str:
        """Return both names, in the language at hand; one if they are the same."""
        name = str(self.name)
        return self.own if name == self.own else f"{name} ({self.own})"


SPOKEN = [
    Spoken("es", "Español", _("Spanish"), "Spanish"),
    Spoken("yue-Hant", "廣東話", _("Chinese, Cantonese"), "Chinese (Cantonese)"),
    Spoken("zh-Hans", "普通话", _("Chinese, Mandarin"), "Chinese (Mandarin)"),
    Spoken("ru", "Русский", _("Russian"), "Russian"),
    Spoken("yi", "ייִדיש", _("Yiddish"), "Yiddish", "rtl"),
    Spoken("bn", "বাংলা", _("Bengali"), "Bengali"),
    Spoken("ko", "한국어", _("Korean"), "Korean"),
    Spoken("ht", "Kreyòl ayisyen", _("Haitian Creole"), "Haitian Creole"),
    Spoken("it", "Italiano", _("Italian"), "Italian"),
    Spoken("ar", "العربية", _("Arabic"), "Arabic", "rtl"),
    Spoken("pl", "Polski", _("Polish"), "Polish"),
    Spoken("fr", "Français", _("French"), "French"),
    Spoken("ur", "اردو", _("Urdu"), "Urdu", "rtl"),
]  # fmt: skip


def as_list() -> SafeString:
    """Return all of them as a list in HTML, each in its own words first."""
    items = format_html_join(
        "\n",
        '<li><span lang="{}" dir="{}">{}</span>{}</li>',
        ((one.code, one.direction, one.own, _beside(one)) for one in SPOKEN),
    )
    return format_html("<ul>\n{}\n</ul>\n", items)


def _beside(one: Spoken) -> str:
    return "" if str(one.name) == one.own else f" ({one.name})"
