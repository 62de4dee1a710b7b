"""Who sent a request: from which address, and from whose page."""

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the address that the request came from, for limits; "" if unknown.

    Each of our proxies appends the address it heard from to X-Forwarded-For, so
    the entry that many from the right is the client's. What stands further left the
    client wrote itself. A request with fewer entries did not pass our proxies.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if 0 < settings.TRUSTED_PROXIES <= len(forwarded):
        address: str = forwarded[-settings.TRUSTED_PROXIES].strip()
        if address:
            return address
    return str(request.META.get("REMOTE_ADDR", ""))


def is_from_elsewhere(request: HttpRequest) -> bool:
    """Tell whether a browser says that the page of another site sent this form.

    For forms without a CSRF token. What names no site is no browser's: nobody's cookie
    is behind it. Source: Fetch Metadata (Sec-Fetch-Site), and RFC 6454 (Origin) where a
    browser does not say that.
    """
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in ("same-origin", "none")
    here = f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Origin", here) not in (here, settings.SITE_URL)
