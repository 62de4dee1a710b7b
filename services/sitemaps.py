"""What search engines may have: every public page in every language, and no other."""

from collections.abc import Sequence
from datetime import date
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import sitemaps
from django.contrib.sitemaps.views import sitemap as answer
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.decorators.http import require_safe

from .models import Clinic, Clinician, Content, Page, Service

# The pages that are no row, and of what each says most.
FIXED: dict[str, type[Content]] = {
    "home": Service, "service_list": Service, "team": Clinician, "visit_us": Clinic,
}  # fmt: skip


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

    @cached_property
    def _changed(self) -> dict[type[Content], date | None]:
        """Return when any row of a model changed last, asked once for a sitemap."""
        latest = {
            model: model._default_manager.aggregate(at=Max("updated_at"))["at"]
            for model in set(FIXED.values())
        }
        return {model: at and at.date() for model, at in latest.items()}

    def location(self, item: str | Service | Page) -> str:
        if isinstance(item, str):
            return reverse(f"services:{item}")
        return item.get_absolute_url()

    def lastmod(self, item: str | Service | Page) -> date | None:
        """Return when a page changed or was read again by who vouches for it."""
        if isinstance(item, str):
            return self._changed[FIXED[item]]
        return max(item.changed_on, item.reviewed_on or date.min)


@require_safe
def sitemap(request: HttpRequest) -> HttpResponse:
    return answer(request, {"pages": PublicPages})


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Let every crawler read every page: a private one says that it is to be left out.

    A crawler that may not ask for a page cannot learn that, and may list its address.
    """
    where = f"{settings.SITE_URL}/sitemap.xml"
    text = f"User-agent: *\nDisallow:\n\nSitemap: {where}\n"
    return HttpResponse(text, content_type="text/plain; charset=utf-8")
