import os
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic_site.settings")

django = get_wsgi_application()


def application(
    environ: dict[str, Any], start_response: "StartResponse"
) -> Iterable[bytes]:
    """Hand the request to Django, to be read as UTF-8 whatever it says of itself.

    Browsers send a form in its page's encoding. Django takes any codec that Python has,
    also those that are none of text, and fails before a middleware could answer.
    """
    kind, *parameters = environ.get("CONTENT_TYPE", "").split(";")
    kept = [p for p in parameters if not p.strip().lower().startswith("charset")]
    environ["CONTENT_TYPE"] = ";".join([kind, *kept])
    return django(environ, start_response)


# gunicorn runs no checks of its own; with wrong settings it must not start.
BaseCommand().check(tags=["clinic"])

# Django would read all pages of the site with the first request. By then an update may
# have put files in place that do not go with what this process has read before.
import_module(settings.ROOT_URLCONF)
