import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

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
