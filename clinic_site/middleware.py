from collections.abc import Callable
from http import HTTPStatus

from csp.constants import HEADER
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils import translation

from services import rows
from services.translation import reading

from .health import why_not_ready
from .outage import answer_for

GetResponse = Callable[[HttpRequest], HttpResponse]

# The pages anybody may keep, show to search engines and send to a friend.
PUBLIC_NAMESPACE = "services"

METHODS = ["GET", "HEAD", "OPTIONS", "POST"]

PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer", "autoplay", "browsing-topics", "camera",
        "display-capture", "encrypted-media", "fullscreen", "geolocation",
        "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment",
        "picture-in-picture", "screen-wake-lock", "serial", "usb",
        "xr-spatial-tracking",
    )
)  # fmt: skip


def health(get_response: GetResponse) -> GetResponse:
    """Answer /livez and /readyz before anything can stand in the way.

    A load balancer asks over http and by address, so neither the redirect to https
    nor the check of the host name may come first.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info == "/livez":
            return plain("alive", 200)
        if request.path_info == "/readyz":
            reason = why_not_ready()
            return plain(reason or "ready", 503 if reason else 200)
        return get_response(request)

    return middleware


def language_of_address(get_response: GetResponse) -> GetResponse:
    """Answer in the language that the address names; without one, in English.

    Not Django's own, which asks cookie and browser, too, and so tells caches that one
    address has many pages.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        found = translation.get_language_from_path(request.path_info)
        language = found or settings.LANGUAGE_CODE
        with translation.override(language), reading():
            response = get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response

    return middleware


def one_look(get_response: GetResponse) -> GetResponse:
    """Ask the database once what is set up, on pages that change nothing."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return get_response(request)
        with rows.one_look():
            return get_response(request)

    return middleware


def plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(
        text + "\n",
        status=status,
        content_type="text/plain; charset=utf-8",
        headers={"Cache-Control": "no-store"},
    )


def known_methods(get_response: GetResponse) -> GetResponse:
    """Refuse every method that no page takes, before a view treats it as another.

    Django's admin shows its pages for a PUT as for a GET.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in METHODS:
            return HttpResponseNotAllowed(METHODS)
        return get_response(request)

    return middleware


def private_by_default(get_response: GetResponse) -> GetResponse:
    """Keep every page out of caches and search engines but the public ones.

    A new address is private until it joins the public namespace.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        headers = response.headers
        headers["Permissions-Policy"] = PERMISSIONS_POLICY
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        match = request.resolver_match
        is_public = match is not None and match.namespace == PUBLIC_NAMESPACE
        if not is_public or response.status_code >= 400:
            headers.setdefault("Cache-Control", "no-store")
            headers["X-Robots-Tag"] = "noindex"
        return response

    return middleware


def content_security_policy(get_response: GetResponse) -> GetResponse:
    """Say what a page may load, in the same words on each.

    Not django-csp's own, which puts them together anew each time. The pages with which
    Django helps developers have a style of their own.
    """
    policy = build_policy()
    of_django = (HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR)

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not (settings.DEBUG and response.status_code in of_django):
            response.headers[HEADER] = policy
        return response

    return middleware


class DatabaseAway:
    """Turn a database that is away, in a view, into the 503 page.

    A class, for Django looks for `process_exception` on it. `views.server_error`
    does the same for what fails outside views.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        return answer_for(exception)
