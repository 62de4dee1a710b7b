"""The languages that patients are asked for, and can have an interpreter of.

Source: the twelve languages of New York State's language access policy, of which
Chinese is two to listen to. docs/languages.md says where the notices come from.
"""

from collections.abc import Collection
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _


class Spoken(NamedTuple):
    """A language by the code that HTML has for it, its own name, and what we call it.

    `kept` is what a request keeps of it, for staff. `notice` offers free help in the
    language, and `call` says whom to call, or both in one sentence; "" where we have no
    checked translation.
    """

    code: str
    own: str
    name: Promise
    kept: str
    direction: str = "ltr"
    notice: str = ""
    call: str = ""

    def __str__(self) -> str:
        """Return both names, in the language at hand; one if they are the same."""
        name = str(self.name)
        return self.own if name == self.own else f"{name} ({self.own})"


# The notices are quoted: change no letter of them.
SPOKEN = [
    Spoken(
        "es", "Español", _("Spanish"), "Spanish",
        notice="ATENCIÓN: si habla español, tiene a su disposición servicios gratuitos"
        " de asistencia lingüística.",
        call="Llame al {}.",
    ),
    Spoken(
        "yue-Hant", "廣東話", _("Chinese, Cantonese"), "Chinese (Cantonese)",
        notice="注意：如果您使用繁體中文，您可以免費獲得語言援助服務。",
        call="請致電 {}。",
    ),
    Spoken("zh-Hans", "普通话", _("Chinese, Mandarin"), "Chinese (Mandarin)"),
    Spoken(
        "ru", "Русский", _("Russian"), "Russian",
        notice="ВНИМАНИЕ: Если вы говорите на русском языке, то вам доступны бесплатные"
        " услуги перевода.",
        call="Звоните {}.",
    ),
    Spoken(
        "yi", "ייִדיש", _("Yiddish"), "Yiddish", "rtl",
        call="ביטע רופט אונז אויף {} פאר אומזיסטע הילף מיט שפראך",
    ),
    Spoken(
        "bn", "বাংলা", _("Bengali"), "Bengali",
        call="অনুগ্রহ করে বিনামূল্যে ভাষা সহায়তা পরিষেবার জন্য আমাদের ফোন নম্বরে {} ফোন করুন।",
    ),
    Spoken(
        "ko", "한국어", _("Korean"), "Korean",
        notice="주의: 한국어를 사용하시는 경우, 언어 지원 서비스를 무료로"
        " 이용하실 수 있습니다.",
        call="{} 번으로 전화해 주십시오.",
    ),
    Spoken(
        "ht", "Kreyòl ayisyen", _("Haitian Creole"), "Haitian Creole",
        notice="ATANSYON: Si w pale Kreyòl Ayisyen, gen sèvis èd pou lang ki disponib"
        " gratis pou ou.",
        call="Rele {}.",
    ),
    Spoken(
        "it", "Italiano", _("Italian"), "Italian",
        notice="ATTENZIONE: In caso la lingua parlata sia l'italiano, sono disponibili"
        " servizi di assistenza linguistica gratuiti.",
        call="Chiamare il numero {}.",
    ),
    Spoken(
        "ar", "العربية", _("Arabic"), "Arabic", "rtl",
        notice="ملحوظة: إذا كنت تتحدث العربية، فإن خدمات المساعدة اللغوية"
        " تتوافر لك بالمجان.",
        call="اتصل برقم {}.",
    ),
    Spoken(
        "pl", "Polski", _("Polish"), "Polish",
        notice="UWAGA: Jeżeli mówisz po polsku, możesz skorzystać z bezpłatnej pomocy"
        " językowej.",
        call="Zadzwoń pod numer {}.",
    ),
    Spoken(
        "fr", "Français", _("French"), "French",
        notice="ATTENTION : Si vous parlez français, des services d'aide linguistique"
        " vous sont proposés gratuitement.",
        call="Appelez le {}.",
    ),
    Spoken(
        "ur", "اردو", _("Urdu"), "Urdu", "rtl",
        notice="خبردار: اگر آپ اردو بولتے ہیں، تو آپ کو زبان کی مدد کی خدمات"
        " مفت میں دستیاب ہیں۔",
        call="کال کریں {}",
    ),
]  # fmt: skip


def as_list(number: str = "", without: Collection[str] = ()) -> SafeString:
    """Return all of them as a list in HTML, each in its own words first.

    `number` is the link to whom the notices say to call. The notice of those that
    `without` names, as `kept` does, is left out.
    """
    items = format_html_join(
        "\n",
        '<li><span lang="{}" dir="{}">{}</span>{}{}</li>',
        (
            (
                one.code,
                one.direction,
                one.own,
                _beside(one),
                "" if one.kept in without else _notice(one, number),
            )
            for one in SPOKEN
        ),
    )
    return format_html("<ul>\n{}\n</ul>\n", items)


def _beside(one: Spoken) -> str:
    return "" if str(one.name) == one.own else f" ({one.name})"


def _notice(one: Spoken, number: str) -> str:
    """Return the notice in a paragraph; without a phone it says nobody to call."""
    call = format_html(one.call, number) if number else ""
    if not (one.notice or call):
        return ""
    space = " " if one.notice and call and not one.notice.endswith("。") else ""
    return format_html(
        '<p lang="{}" dir="{}">{}{}{}</p>',
        one.code,
        one.direction,
        one.notice,
        space,
        call,
    )
