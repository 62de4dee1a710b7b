"""The pages that patients read. Nothing here changes anything."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from . import cards, hours, translation
from .languages import unbroken
from .models import Clinician, OpeningHours, Page, Photo, PhotoFile, Service
from .moved import moved
from .outline import outline


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    services = list(Service.objects.published())
    translation.say(services)
    context = {"services": services}
    return render(request, "services/home.html", context)


@require_safe
def service_list(request: HttpRequest) -> HttpResponse:
    services = list(Service.objects.published())
    translation.say(services)
    context = {"services": services}
    return render(request, "services/service_list.html", context)


def show_service(request: HttpRequest, slug: str) -> HttpResponse:
    services = Service.objects.published()
    this = services.with_parts().with_photos().filter(slug=slug).first()
    if this is None:
        return moved(Service, slug)
    others = list(services.exclude(pk=this.pk))
    translation.say([this, *others, *this.facts.all(), *this.sections.all()])
    translation.say(this.screening_questions.all())
    translation.say([this.photo] if hasattr(this, "photo") else [])
    context = {"service": this, "outline": outline(this), "others": others}
    return render(request, "services/service.html", context)


service = require_safe(show_service)


@require_safe
def team(request: HttpRequest) -> HttpResponse:
    clinicians = list(Clinician.objects.with_photos())
    translation.say(clinicians)
    context = {"clinicians": clinicians}
    return render(request, "services/team.html", context)


@require_safe
def visit_us(request: HttpRequest) -> HttpResponse:
    week = [
        (day, unbroken(times))
        for day, times in hours.by_weekday(OpeningHours.objects.all())
    ]
    photos = list(
        Photo.objects.filter(clinician=None, service=None).prefetch_related("files")
    )
    translation.say(photos)
    context = {
        "photos": photos,
        "week": week if any(times for _day, times in week) else [],
    }
    return render(request, "services/visit_us.html", context)


def show_page(request: HttpRequest, slug: str) -> HttpResponse:
    this = Page.objects.published().filter(slug=slug).first()
    if this is None:
        return moved(Page, slug)
    translation.say([this])
    return render(request, "services/page.html", {"page": this})


page = require_safe(show_page)


@require_safe
def card(request: HttpRequest, name: str, digest: str, slug: str = "") -> HttpResponse:
    """Give a picture of a page's title to who shows a link to it.

    One that shows what the page no longer says leads to the one that does. Pages of
    other sites may have it in them.
    """
    found = cards.of_page(name, slug)
    if found is None:
        raise Http404
    if digest == found.digest:
        response = HttpResponse(cards.drawn(found), content_type="image/png")
        response["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        response = redirect(found.path)
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@require_safe
def photo(request: HttpRequest, digest: str, kind: str) -> HttpResponse:
    file = PhotoFile.objects.filter(digest=digest, kind=kind).defer(None).first()
    if file is None:
        raise Http404
    response = HttpResponse(bytes(file.data), content_type=f"image/{file.kind}")
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
