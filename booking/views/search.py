"""The search of the site, for patients; what is found is for `services` to say."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from booking import clock, closed, limits
from booking.forms import SearchForm
from clinic_site.client import client_address, is_from_elsewhere
from services import translation
from services.models import Service
from services.searching import search as look_for

from .road import UNFIT, brought_along


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def search(request: HttpRequest) -> HttpResponse:
    """Say which passages of the public pages answer.

    A word that somebody looks for may be about their health, so it is sent in the body
    and is in no address and no log. Nothing is kept and no cookie counts, so the form
    has no token, and can stand on pages that are the same for everybody. What another
    site sends is shown in the box, and looked for when the reader presses the button.
    """
    typed = request.POST if request.method == "POST" else None
    unasked = is_from_elsewhere(request) or (
        brought_along(request) and not request.POST.get("q")
    )
    form = SearchForm(None if unasked else typed)
    if unasked:
        form.show_again(typed)
    answer, status = None, UNFIT if form.errors else 200
    if form.is_valid():
        address, now = client_address(request), clock.now()
        if limits.allows(limits.SEARCHES_BY_ADDRESS, address, now=now):
            answer = look_for(form.cleaned_data["q"], also=closed.passages(now))
        else:
            many = _("Many searches came from here. Wait some minutes, or call us.")
            form.add_error("q", many)
            status = 429
    services = [] if answer and answer.found else list(Service.objects.published())
    translation.say(services)
    context = {
        "form": form,
        "answer": answer,
        "services": services,
        "keeps_typed": True,
    }
    response = render(request, "booking/search.html", context, status=status)
    # Who comes back from a page that was found sees this one again. With no-store, a
    # browser would ask them to send the form once more.
    response.headers["Cache-Control"] = "private, no-cache"
    return response
