"""Links in texts of staff that lead patients astray, as the site is now."""

from collections.abc import Collection, Iterator
from functools import cached_property
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils.translation import get_language_from_path, override
from django.utils.translation import gettext_lazy as _

from .house_style import Flag
from .languages import NAMESPACES, PUBLIC
from .markup import links_of
from .models import Page, Service, Version
from .passages import passages

KINDS: dict[str, type[Service] | type[Page]] = {"service": Service, "page": Page}
# Parts that no search finds, since they have no words of the clinic: the first two are
# on every page.
ALSO = ("top", "main", "contents", "next-free-times", "pictures")

_NOT_SAFE = _(
    "Whoever sits between can read and change what comes over http. Begin the address"
    " with https://, and try whether it opens."
)
_NOT_WHOLE = _("Begin its address with / for a page of this site, else with https://.")
_NOT_THERE = _("The site has no such page. Mend the address, or take the link out.")
_FOR_STAFF = _("Patients cannot open this page. Take the link out.")
_NOT_READ = _(
    "Patients do not read that page: it is a draft, or off the site. Publish it first,"
    " or take the link out."
)
_MOVED = _("That page has another address now. Let the link end in /%(slug)s/.")
_NO_PART = _(
    "The page has no such part. Mend what stands after #, or take that away: then the"
    " link leads to the top of the page."
)


class Site:
    """Where links may lead, read when the first is looked up, for any number of them.

    Two queries, and one more where a link leads to no page; what the search reads, for
    each language in which a link leads to a part of one.
    """

    def __init__(self) -> None:
        self._parts: dict[str, set[str]] = {}  # by language

    @cached_property
    def _pages(self) -> dict[str, dict[int, tuple[str, bool]]]:
        """Return the slug of each page, and whether patients read it."""
        return {
            kind: {
                row.pk: (row.slug, row.is_published)
                for row in model._default_manager.only("slug", "is_published")
            }
            for kind, model in KINDS.items()
        }

    @cached_property
    def _had(self) -> dict[tuple[str, str], int]:
        """Return which page had a slug last, as `moved` leads on."""
        then = Version.objects.filter(kind__in=KINDS).order_by("at", "pk")
        found = then.values_list("kind", "content__slug", "row")
        return {(kind, slug): row for kind, slug, row in found}

    def parts(self, path: str) -> set[str]:
        """Return the ends of the links to parts of a page, as patients read it."""
        language = get_language_from_path(path) or settings.LANGUAGE_CODE
        if language not in self._parts:
            with override(language):
                self._parts[language] = {one.path for one in passages(language)}
        found = (one.partition("#") for one in self._parts[language])
        return {part for page, _sign, part in found if page == path}

    def astray(self, text: str, own: Collection[str] | None = None) -> Iterator[Flag]:
        """Yield each link that does not lead where it should, with what to do.

        `own` are the parts of the page on which the text stands, if somebody knows.
        Those that a page may not have at all are told by `markup.unseen`.
        """
        for address in dict.fromkeys(links_of(text)):
            if why := self._why(address, own):
                yield Flag(address, why)

    def _why(self, address: str, own: Collection[str] | None) -> str:
        if address.startswith(f"{settings.SITE_URL}/"):
            address = address.removeprefix(settings.SITE_URL)
        try:
            parts = urlsplit(address)
        except ValueError:
            return str(_NOT_THERE)
        if parts.scheme == "http":
            return str(_NOT_SAFE)
        if address.startswith("#"):
            is_there = own is None or parts.fragment in (*own, *ALSO)
            return "" if is_there else str(_NO_PART)
        if parts.scheme:
            return ""
        if parts.netloc or not parts.path.startswith("/"):
            return str(_NOT_WHOLE)
        match = _found(parts.path)
        if match is None:
            return str(_NOT_THERE)
        if match.namespace not in NAMESPACES:
            return str(_FOR_STAFF)
        if match.namespace != PUBLIC:
            return ""
        if match.url_name in KINDS:
            why = self._why_not(match.url_name, match.kwargs["slug"])
            if why:
                return why
        path = f"{parts.path.removesuffix('/')}/"
        is_there = parts.fragment in ("", *ALSO) or parts.fragment in self.parts(path)
        return "" if is_there else str(_NO_PART)

    def _why_not(self, kind: str, slug: str) -> str:
        """Return why a link may not lead to the page with a slug; "" if it may."""
        pages = self._pages[kind]
        key = next((pk for pk, page in pages.items() if page[0] == slug), None)
        page = pages.get(key or self._had.get((kind, slug), 0))
        if page is None:
            return str(_NOT_THERE)
        now, is_read = page
        if not is_read:
            return str(_NOT_READ)
        return "" if now == slug else _MOVED % {"slug": now}


def _found(path: str) -> ResolverMatch | None:
    """Return what answers at a path, in the language that it names."""
    with override(get_language_from_path(path) or settings.LANGUAGE_CODE):
        for one in (path, f"{path}/"):
            try:
                return resolve(one)
            except Resolver404:
                continue
    return None
