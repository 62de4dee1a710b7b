"""Where a form of staff leads back to."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def back_to(request: HttpRequest, otherwise: str) -> str:
    """Return the address on this site that the act came from, else the other one."""
    there = request.POST.get("back") or request.GET.get("back", "")
    is_here = url_has_allowed_host_and_scheme(there, allowed_hosts=None)
    return there if is_here and there.startswith("/") else otherwise
