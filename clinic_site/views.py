import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from services.languages import is_public

from .outage import answer_for, page


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return page("400.html", 400)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_public(request):  # no page is there, so none in another language either
        request.resolver_match = None
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for what went wrong; Django calls this while handling the exception."""
    return answer_for(sys.exc_info()[1]) or page("500.html", 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", status=403)
