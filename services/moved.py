"""Pages that had another address: what was once published is found for ever."""

from django.http import Http404, HttpResponse, HttpResponsePermanentRedirect

from .models import Page, Service, Version


def moved(model: type[Service] | type[Page], slug: str) -> HttpResponse:
    """Lead on to the page that had this slug last, in the language at hand.

    Raises Http404 if none had it, or it is gone or hidden now. A page that has the slug
    today is served and never comes here, so no redirect leads to another. Nor does one
    that a browser kept, which would go round in circles once a slug is changed back.
    """
    then = Version.objects.filter(kind=model.content_kind(), content__slug=slug)
    row = then.order_by("-at", "-pk").values_list("row", flat=True).first()
    page = model._default_manager.filter(pk=row, is_published=True).first()
    if page is None:
        raise Http404
    return HttpResponsePermanentRedirect(
        page.get_absolute_url(), headers={"Cache-Control": "no-cache"}
    )
