"""What search engines may have: every public page in every language, and no other."""

from collections.abc import Sequence
from datetime import date
from functools import cached_property
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import sitemaps
from django.contrib.sitemaps.views import sitemap as answer
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.timezone import localdate
from django.views.decorators.http import require_safe

from .models import Clinic, Clinician, Content, Page, Service, Version

# The pages that are always there, and whose versions have what they show.
FIXED: dict[str, tuple[type[Content], ...]] = {
    "home": (Clinic, Service),
    "service_list": (Service,),
    "team": (Clinician,),
    "visit_us": (Clinic,),
}


class PublicPages(sitemaps.Sitemap):  # type: ignore[type-arg]  # not when it runs
    """Each page in each language, with the addresses of the others beside it."""

    i18n = True
    alternates = True
    x_default = True
    protocol = urlsplit(settings.SITE_URL).scheme

    def get_domain(self, site: object = None) -> str:
        """Name our own host, whatever the request called it."""
        return urlsplit(settings.SITE_URL).netloc

    def items(self) -> Sequence[str | Service | Page]:
        services = Service.objects.published().with_parts()
        return [*FIXED, *services, *Page.objects.published()]

    def location(self, item: str | Service | Page) -> str:
        if isinstance(item, str):
            return reverse(f"services:{item}")
        return item.get_absolute_url()

    def lastmod(self, item: str | Service | Page) -> date | None:
        """Return when a page changed or was read again by who vouches for it."""
        if isinstance(item, str):
            kept = [self._kept_on.get(m.content_kind()) for m in FIXED[item]]
            return max(filter(None, kept), default=None)
        return max(item.changed_on, item.reviewed_on or date.min)

    @cached_property
    def _kept_on(self) -> dict[str, date]:
        """The day, in clinic time, of the newest version of each kind and any language.

        A row that is gone has no version.
        """
        newest = Version.objects.order_by().values("kind").annotate(last=Max("at"))
        return {of["kind"]: localdate(of["last"]) for of in newest}


@require_safe
def sitemap(request: HttpRequest) -> HttpResponse:
    response = answer(request, {"pages": PublicPages})
    # The newest day says nothing of a page that is gone, or changed twice on it.
    del response.headers["Last-Modified"]
    return response


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Let every crawler read every page: a private one says that it is to be left out.

    A crawler that may not ask for a page cannot learn that, and may list its address.
    """
    where = f"{settings.SITE_URL}/sitemap.xml"
    text = f"User-agent: *\nDisallow:\n\nSitemap: {where}\n"
    return HttpResponse(text, content_type="text/plain; charset=utf-8")
